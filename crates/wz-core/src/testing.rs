//! What the tests of this crate run: modules from text, and [`FakeEngine`], in which the body of
//! a guest function is a closure that is found by the function's name.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use wz_api::{Context, Module, Result, Trap};
use wz_decode::{DecodeOptions, ModuleInfo, decode};

use crate::activation::Activation;
use crate::engine::{CompileOptions, Engine, EngineModule, Frame, FrameCursor, ModuleCode, Raised};
use crate::records::{FunctionKind, FunctionRecord, InstanceContext};
use crate::{InstanceOptions, Store, StoreConfig, builtins};

type Body = Arc<dyn Fn(&Call<'_>) -> Result<(), Raised> + Send + Sync>;

#[derive(Clone, Default)]
pub(crate) struct FakeEngine {
    bodies: HashMap<String, Body>,
    /// Which code the instances got, in order.
    pub(crate) guarded: Arc<Mutex<Vec<bool>>>,
}

impl FakeEngine {
    /// Gives the functions of this name a body; others do nothing.
    pub(crate) fn with(
        mut self,
        name: &str,
        body: impl Fn(&Call<'_>) -> Result<(), Raised> + Send + Sync + 'static,
    ) -> Self {
        self.bodies.insert(name.into(), Arc::new(body));
        self
    }

    pub(crate) fn config(self) -> StoreConfig {
        StoreConfig::new(Arc::new(self))
    }

    pub(crate) fn store(self) -> Store {
        Store::new(self.config()).unwrap()
    }
}

/// A guest function's call.
pub(crate) struct Call<'a> {
    pub(crate) activation: &'a Activation,
    pub(crate) context: *const InstanceContext,
    pub(crate) slots: *mut u64,
}

impl Call<'_> {
    pub(crate) fn set(&self, position: usize, word: u64) {
        // SAFETY: the tests stay within the slots of their functions.
        unsafe { *self.slots.add(position) = word }
    }

    /// Calls a function of the module by its index, as `call` does.
    pub(crate) fn call(&self, function: u32) -> Result<(), Raised> {
        // SAFETY: the tests use indices that exist; records and slots are in use by this call.
        unsafe {
            let record = builtins::ref_func(self.context, function);
            self.call_record(record)
        }
    }

    pub(crate) unsafe fn call_record(&self, record: *const FunctionRecord) -> Result<(), Raised> {
        // SAFETY: as the caller says.
        unsafe {
            match *(*record).kind.get() {
                FunctionKind::Host => self.activation.call_host(self.context, record, self.slots),
                FunctionKind::Guest => run(self.activation, &*record, self.slots),
            }
        }
    }

    pub(crate) fn trap(&self, trap: Trap) -> Raised {
        self.activation.raise_trap(trap)
    }

    /// What compiled code does at loop headers.
    pub(crate) fn check(&self) -> Result<(), Raised> {
        // SAFETY: the flag is never null.
        if unsafe { &*self.activation.interrupt.get() }.load(Ordering::Relaxed) != 0 {
            self.activation.interrupted()?;
        }
        Ok(())
    }
}

struct FakeFrame {
    activation: *const Activation,
    context: *const InstanceContext,
    function: u32,
    params: *const u64,
}

thread_local! {
    static FRAMES: RefCell<Vec<FakeFrame>> = const { RefCell::new(Vec::new()) };
}

/// A defined function of a module, what `FunctionRecord::target` points to.
struct FakeFunction {
    name: String,
    body: Option<Body>,
    listened: AtomicU32,
}

struct FakeModule {
    functions: Box<[FakeFunction]>,
    log: Mutex<Vec<(u32, bool)>>,
    guarded: Arc<Mutex<Vec<bool>>>,
}

impl Engine for FakeEngine {
    fn name(&self) -> &'static str {
        "fake"
    }

    fn compile(&self, module: &Arc<ModuleInfo>, _: &CompileOptions) -> Result<Arc<dyn EngineModule>> {
        let define = |index: u32| {
            let name = module.function_definition(index).name().to_string();
            FakeFunction { body: self.bodies.get(&name).cloned(), name, listened: AtomicU32::new(0) }
        };
        let functions = (module.imported.functions..module.functions.len() as u32).map(define).collect();
        Ok(Arc::new(FakeModule { functions, log: Mutex::default(), guarded: self.guarded.clone() }))
    }

    fn next_frame(&self, activation: &Activation, cursor: &mut FrameCursor) -> Option<Frame> {
        FRAMES.with_borrow(|frames| {
            if !std::mem::replace(&mut cursor.started, true) {
                cursor.words[0] = frames.len();
            }
            while cursor.words[0] > 0 {
                cursor.words[0] -= 1;
                let frame = &frames[cursor.words[0]];
                if ptr::eq(frame.activation, activation) {
                    let code_offset = frame.function * 16;
                    return Some(Frame {
                        context: frame.context,
                        function: frame.function,
                        code_offset,
                        program_counter: code_offset.into(),
                        params: Some(frame.params),
                    });
                }
            }
            None
        })
    }
}

impl EngineModule for FakeModule {
    fn code(self: Arc<Self>, guarded: bool) -> Result<Arc<dyn ModuleCode>> {
        self.guarded.lock().unwrap().push(guarded);
        Ok(self)
    }

    fn set_listened(&self, defined_index: u32, listened: bool) {
        self.functions[defined_index as usize].listened.store(listened.into(), Ordering::Relaxed);
        self.log.lock().unwrap().push((defined_index, listened));
    }
}

impl ModuleCode for FakeModule {
    fn context_data(&self) -> *const () {
        ptr::from_ref(self).cast()
    }

    fn target(&self, defined_index: u32) -> *const () {
        ptr::from_ref(&self.functions[defined_index as usize]).cast()
    }

    fn entry(&self, _: u32) -> *const () {
        ptr::null()
    }

    unsafe fn invoke(
        &self,
        activation: &Activation,
        record: &FunctionRecord,
        _: *const (),
        stack: *mut u64,
    ) -> Result<(), Raised> {
        // Anything but null.
        activation.engine_state.set(ptr::from_ref(self).cast_mut().cast());
        // SAFETY: as the caller says.
        let result = unsafe { run(activation, record, stack) };
        activation.engine_state.set(ptr::null_mut());
        result
    }
}

unsafe fn run(activation: &Activation, record: &FunctionRecord, slots: *mut u64) -> Result<(), Raised> {
    // SAFETY: the record is a published guest record, as the caller says.
    let (function, index) = unsafe { (&*(*record.target.get()).cast::<FakeFunction>(), *record.index.get()) };
    let context = record.context.load(Ordering::Acquire);
    let frame = FakeFrame { activation, context, function: index, params: slots };
    FRAMES.with_borrow_mut(|frames| frames.push(frame));
    let _pop = Pop;
    let listened = function.listened.load(Ordering::Relaxed) != 0;
    // SAFETY: the slots hold parameters and results of this function.
    unsafe {
        if listened {
            activation.listen_before(context, index, slots)?;
        }
        if let Some(body) = &function.body {
            body(&Call { activation, context, slots })?;
        }
        if listened {
            activation.listen_after(slots)?;
        }
    }
    let _ = &function.name;
    Ok(())
}

struct Pop;

impl Drop for Pop {
    fn drop(&mut self) {
        FRAMES.with_borrow_mut(Vec::pop);
    }
}

/// A configuration whose functions do nothing.
pub(crate) fn config() -> StoreConfig {
    FakeEngine::default().config()
}

/// A decoded module.
pub(crate) fn module(text: &str) -> Arc<ModuleInfo> {
    Arc::new(decode(wat::parse_str(text).unwrap(), &DecodeOptions::default()).unwrap())
}

impl Store {
    /// Instantiates a module from text; the name is that of the text.
    pub(crate) fn text(&self, text: &str) -> Result<Module> {
        self.text_with(&Context::background(), text, InstanceOptions::default())
    }

    pub(crate) fn text_with(&self, cx: &Context, text: &str, options: InstanceOptions) -> Result<Module> {
        let compiled = self.compile(cx, wat::parse_str(text).unwrap())?;
        self.instantiate(cx, &compiled, options)
    }
}
