//! [`InterpreterModule`]: a module's functions, translated when they are first called.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wz_api::{Result, Trap};
use wz_core::CodeListing;
use wz_core::activation::Activation;
use wz_core::engine::{CompileOptions, EngineModule, ModuleCode, Raised};
use wz_core::records::{FunctionRecord, InstanceContext};
use wz_decode::ModuleInfo;

use crate::code::{Code, FunctionSlot};
use crate::exec::{Regs, Stop, call, dispatch};
use crate::machine::Entry;
use crate::translate;

/// A module in one runtime.
#[derive(Debug)]
pub(crate) struct InterpreterModule {
    info: Arc<ModuleInfo>,
    options: CompileOptions,
    slots: Box<[FunctionSlot]>,
    signatures: Box<[Signature]>,
    bodies: Mutex<Bodies>,
}

/// What entering a function needs of its type.
#[derive(Clone, Copy, Debug)]
struct Signature {
    params: u32,
    results: u32,
}

#[derive(Debug)]
struct Bodies {
    functions: Box<[Versions]>,
    /// All code by the address of its first word.
    codes: BTreeMap<usize, Arc<Code>>,
}

#[derive(Clone, Debug, Default)]
struct Versions {
    plain: Option<Arc<Code>>,
    listened: Option<Arc<Code>>,
    is_listened: bool,
}

impl InterpreterModule {
    pub(crate) fn new(info: &Arc<ModuleInfo>, options: &CompileOptions) -> Self {
        let count = info.bodies.len();
        let signatures = (0..count as u32)
            .map(|index| {
                let ty = info.function_type(info.imported.functions + index);
                Signature { params: ty.param_slots() as u32, results: ty.result_slots() as u32 }
            })
            .collect();
        let module = Self {
            info: info.clone(),
            options: options.clone(),
            slots: FunctionSlot::stubs(count),
            signatures,
            bodies: Mutex::new(Bodies {
                functions: vec![Versions::default(); count].into(),
                codes: BTreeMap::new(),
            }),
        };
        if options.eager {
            module.translate_all();
        }
        module
    }

    /// Translates every function, with as many threads as the options allow.
    fn translate_all(&self) {
        let next = AtomicUsize::new(0);
        let work = || {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= self.slots.len() {
                    return;
                }
                self.translate(index as u32);
            }
        };
        let helpers = self.options.threads.clamp(1, self.slots.len().max(1)) - 1;
        std::thread::scope(|scope| {
            for _ in 0..helpers {
                scope.spawn(work);
            }
            work();
        });
    }

    fn bodies(&self) -> MutexGuard<'_, Bodies> {
        self.bodies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the code of the version that is wanted, if there is none, and lets the slot have it.
    pub(crate) fn translate(&self, index: u32) -> Arc<Code> {
        let bodies = self.bodies();
        let is_listened = bodies.functions[index as usize].is_listened;
        if let Some(code) = bodies.functions[index as usize].version(is_listened) {
            self.slots[index as usize].set(Some(code));
            return code.clone();
        }
        // Others may translate meanwhile, even the same function: the first one stays.
        drop(bodies);
        let code = Arc::new(translate::translate(&translate::Request {
            info: &self.info,
            options: &self.options,
            slots: &self.slots,
            function: self.info.imported.functions + index,
            is_listened,
            dump: false,
        }));
        let mut bodies = self.bodies();
        let versions = &mut bodies.functions[index as usize];
        if versions.is_listened != is_listened {
            drop(bodies);
            return self.translate(index);
        }
        let version = if is_listened { &mut versions.listened } else { &mut versions.plain };
        let code = version.get_or_insert(code).clone();
        bodies.codes.insert(code.addresses().start, code.clone());
        self.slots[index as usize].set(Some(&code));
        code
    }

    /// The code that an address is in.
    pub(crate) fn code_at(&self, address: usize) -> Option<Arc<Code>> {
        let bodies = self.bodies();
        let (_, code) = bodies.codes.range(..=address).next_back()?;
        code.addresses().contains(&address).then(|| code.clone())
    }

    /// How many bytes of code there are by now.
    pub(crate) fn code_bytes(&self) -> usize {
        self.bodies().codes.values().map(|code| code.len_bytes()).sum()
    }

    /// A function as text: its index counts imports.
    pub(crate) fn dump(&self, function: u32) -> String {
        translate::dump(&self.dump_request(function))
    }

    fn dump_request(&self, function: u32) -> translate::Request<'_> {
        translate::Request {
            info: &self.info,
            options: &self.options,
            slots: &self.slots,
            function,
            is_listened: false,
            dump: true,
        }
    }

    /// The module that an instance is of.
    ///
    /// # Safety
    /// The instance is of a module of this engine, and alive.
    pub(crate) unsafe fn of_context<'a>(cx: *const InstanceContext) -> &'a Self {
        // SAFETY: the core keeps what `context_data` gave, and the module lives as long.
        unsafe { &*(*cx).engine_data.cast::<Self>() }
    }
}

impl Versions {
    fn version(&self, is_listened: bool) -> Option<&Arc<Code>> {
        if is_listened { self.listened.as_ref() } else { self.plain.as_ref() }
    }
}

impl EngineModule for InterpreterModule {
    fn listing(&self, defined_index: u32) -> Option<CodeListing> {
        Some(translate::listing(&self.dump_request(self.info.imported.functions + defined_index)))
    }

    fn code(self: Arc<Self>, _: bool) -> Result<Arc<dyn ModuleCode>> {
        // It checks every access.
        Ok(self)
    }

    fn set_listened(&self, defined_index: u32, listened: bool) {
        let mut bodies = self.bodies();
        let versions = &mut bodies.functions[defined_index as usize];
        if versions.is_listened != listened {
            versions.is_listened = listened;
            let code = versions.version(listened);
            self.slots[defined_index as usize].set(code.map(|code| &**code));
        }
    }
}

impl ModuleCode for InterpreterModule {
    fn context_data(&self) -> *const () {
        std::ptr::from_ref(self).cast()
    }

    fn target(&self, defined_index: u32) -> *const () {
        let slot = std::ptr::from_ref(&self.slots[defined_index as usize]);
        // Instructions hold the addresses of slots as numbers.
        slot.expose_provenance();
        slot.cast()
    }

    unsafe fn invoke(
        &self,
        activation: &Activation,
        record: &FunctionRecord,
        stack: *mut u64,
    ) -> Result<(), Raised> {
        // SAFETY: the record is published.
        let (index, slot) = unsafe { (record.index.get().read(), record.target.get().read()) };
        let signature = self.signatures[(index - self.info.imported.functions) as usize];
        let entry = Entry::new(activation)?;
        let mut machine = entry.machine(activation, call::EXIT.word());
        let header = signature.params.max(signature.results) as usize;
        let sp = entry.sp;
        if !machine.fits(sp, (header as u64 + 3) * 8) {
            return Err(activation.raise_trap(Trap::StackOverflow));
        }
        let machine_at = &raw mut machine;
        // SAFETY: the machine outlives the entry, which was made before and is dropped here
        // explicitly. The frame's start fits; the rest is checked. Code is valid.
        unsafe {
            entry.make_current(machine_at);
            std::ptr::copy_nonoverlapping(stack, sp, signature.params as usize);
            let cx = record.context.load(Ordering::Acquire).cast_const();
            let exit_ip = (&raw const (*machine_at).exit).cast::<u64>();
            sp.add(header).write(exit_ip.expose_provenance() as u64);
            sp.add(header + 1).write(sp.expose_provenance() as u64);
            sp.add(header + 2).write(cx.expose_provenance() as u64);
            let code = (*slot.cast::<FunctionSlot>()).code();
            let stop = if (*machine_at).fits(sp, code.read()) {
                activation.engine_state.set(machine_at.cast());
                let mut regs = Regs {
                    ip: code.add(1),
                    sp,
                    acc: 0,
                    base: std::ptr::null_mut(),
                    len: 0,
                    cx,
                    f: 0.0,
                    d: 0.0,
                    machine: machine_at,
                };
                regs.reload_memory();
                dispatch::execute(regs)
            } else {
                Stop::from(Trap::StackOverflow)
            };
            let result = match stop {
                Stop::RETURNED => {
                    std::ptr::copy_nonoverlapping(sp, stack, signature.results as usize);
                    Ok(())
                }
                Stop::RAISED => Err(Raised),
                Stop(code) => match Trap::from_code(code as u8) {
                    Some(trap) => Err(activation.raise_trap(trap)),
                    None => unreachable!("a stop is a trap or a constant"),
                },
            };
            activation.engine_state.set(std::ptr::null_mut());
            drop(entry);
            result
        }
    }
}
