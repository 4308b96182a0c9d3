//! [`Hand`], which assembles a function as the compiler does, and [`HandEngine`], whose functions
//! are made by hand, found by their export names.

use std::collections::HashMap;
use std::mem::offset_of;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dynasm::dynasm;
use dynasmrt::DynasmApi;
use wz_api::{Context, Error, Module, Result, Trap};
use wz_core::activation::Activation;
use wz_core::engine::{CompileOptions, Engine, EngineModule, Frame as WalkFrame, FrameCursor};
use wz_core::records::InstanceContext;
use wz_core::{InstanceOptions, Store, StoreConfig};
use wz_decode::ModuleInfo;
use wz_decode::info::ExportItem;
use wz_jit::runtime::body::FunctionCode;
use wz_jit::runtime::builtins::Builtin;
use wz_jit::runtime::call_sites::{CallSite, CallSites};
use wz_jit::runtime::code_memory::CodeMemory;
use wz_jit::runtime::elsewhere::Elsewhere;
use wz_jit::runtime::module::{CompiledFunction, FunctionCompiler, JitModule, ModuleOptions, Version};
use wz_jit::runtime::pc_map::PcMapBuilder;
use wz_jit::runtime::slots::SlotRef;
use wz_jit::runtime::stubs::{Relocation, Stubs};
use wz_jit::runtime::trap_table::TrapTable;
use wz_jit::runtime::walk;
use wz_jit_x86_64::abi::CallLayout;
use wz_jit_x86_64::frame::{Frame, reload_pinned};
use wz_jit_x86_64::{Assembler, PC_RELATIVE, X64};

pub(crate) type Ops = Assembler;

/// A function that is being assembled.
pub(crate) struct Hand {
    pub(crate) ops: Ops,
    pub(crate) frame: Frame,
    function: u32,
    memory_count: u32,
    prologue_bytes: u32,
    relocations: Vec<Relocation>,
    calls: Vec<CallSite>,
    traps: Vec<(u32, Trap)>,
    pc_map: PcMapBuilder,
    unwalkable: Vec<(u32, u32)>,
}

impl Hand {
    /// Begins a function: its index with imports. Code offsets are what [`at`](Self::at) says.
    pub(crate) fn new(request: &Request<'_>, frame: Frame) -> Self {
        let mut ops = Ops::default();
        let prologue_bytes = frame.begin(&mut ops);
        Self {
            ops,
            frame,
            function: request.info.imported.functions + request.function,
            memory_count: request.info.memories.len() as u32,
            prologue_bytes,
            relocations: Vec::new(),
            calls: Vec::new(),
            traps: Vec::new(),
            pc_map: PcMapBuilder::new(0),
            unwalkable: Vec::new(),
        }
    }

    /// A function that calls, with this many bytes of frame besides the context.
    pub(crate) fn calling(request: &Request<'_>, bytes: u32) -> Self {
        let len_bytes = (bytes + 8).next_multiple_of(16);
        let incoming_bytes = request.layout().stack_bytes;
        Self::new(request, Frame { len_bytes, is_leaf: false, incoming_bytes })
    }

    /// A function that does not.
    pub(crate) fn leaf(request: &Request<'_>) -> Self {
        let incoming_bytes = request.layout().stack_bytes;
        Self::new(request, Frame { len_bytes: 0, is_leaf: true, incoming_bytes })
    }

    fn here(&self) -> u32 {
        self.ops.offset().0 as u32
    }

    /// What follows is of the operator at this offset.
    pub(crate) fn at(&mut self, offset: u32) -> &mut Self {
        self.pc_map.record(self.here(), offset);
        self
    }

    /// The last four bytes refer to a slot.
    fn slot(&mut self, target: SlotRef) {
        let offset = self.here() - 4;
        self.relocations.push(Relocation { offset, kind: PC_RELATIVE, addend: 0, target });
    }

    /// Calls through a slot, and reloads the pinned registers.
    pub(crate) fn call(&mut self, target: SlotRef) -> &mut Self {
        dynasm!(self.ops; .arch x64; call QWORD [rip + 0i32]);
        self.slot(target);
        self.calls.push(CallSite { return_pc: self.here(), landing_pad: None });
        reload_pinned(&mut self.ops);
        self
    }

    /// Calls a builtin with what it finds in the scratch register.
    pub(crate) fn builtin(&mut self, builtin: Builtin, extra: i64) -> &mut Self {
        dynasm!(self.ops; .arch x64; mov r11, QWORD extra);
        self.call(SlotRef::Builtin(builtin))
    }

    /// Has an imported function's record in `r11`.
    pub(crate) fn load_import(&mut self, index: i32) -> &mut Self {
        let imports = offset_of!(InstanceContext, imported_functions) as i32;
        dynasm!(self.ops
            ; .arch x64
            ; mov r11, [r14 + imports]
            ; mov r11, [r11 + index * 8]
        );
        self
    }

    /// Calls an imported function.
    pub(crate) fn call_import(&mut self, index: i32, ty: u32) -> &mut Self {
        self.load_import(index).call(SlotRef::RecordCall(ty))
    }

    /// Ends with a tail call through a slot.
    pub(crate) fn tail_call(mut self, target: SlotRef, outgoing_bytes: u32) -> CompiledFunction {
        let range = self.frame.end_for_tail_call(&mut self.ops, outgoing_bytes);
        self.unwalkable.push((range.start, range.end));
        self.tail_call_from_here(target)
    }

    /// The same where the frame is gone already.
    pub(crate) fn tail_call_from_here(mut self, target: SlotRef) -> CompiledFunction {
        let start = self.here();
        dynasm!(self.ops; .arch x64; jmp QWORD [rip + 0i32]);
        self.slot(target);
        self.unwalkable.push((start, self.here()));
        self.finish()
    }

    /// Traps.
    pub(crate) fn trap(&mut self, trap: Trap) -> &mut Self {
        dynasm!(self.ops; .arch x64; call QWORD [rip + 0i32]);
        self.slot(SlotRef::TrapExit);
        self.traps.push((self.here(), trap));
        self
    }

    /// Returns.
    pub(crate) fn end(mut self) -> CompiledFunction {
        self.frame.end(&mut self.ops);
        self.finish()
    }

    /// The function, whose code has come to an end.
    pub(crate) fn finish(self) -> CompiledFunction {
        let info = FunctionCode {
            function: self.function,
            is_leaf: self.frame.is_leaf,
            prologue_bytes: self.prologue_bytes,
            params_below: 0,
            memory_count: self.memory_count,
            pc_map: self.pc_map.finish(),
            traps: TrapTable::new(self.traps),
            calls: CallSites::new(self.calls),
            unwalkable: self.unwalkable.into(),
        };
        CompiledFunction {
            code: self.ops.finish(),
            relocations: self.relocations,
            counters: Vec::new(),
            info,
        }
    }
}

/// What a body is made of.
pub(crate) struct Request<'a> {
    pub(crate) info: &'a ModuleInfo,
    /// Among the defined ones.
    pub(crate) function: u32,
    pub(crate) version: Version,
}

impl Request<'_> {
    pub(crate) fn layout(&self) -> CallLayout {
        CallLayout::new(self.info.function_type(self.info.imported.functions + self.function))
    }
}

type Maker = Arc<dyn Fn(&Request<'_>) -> Result<CompiledFunction> + Send + Sync>;

/// What compiles functions by name.
#[derive(Clone, Default)]
pub(crate) struct Bodies {
    makers: HashMap<String, Maker>,
    telling: Vec<String>,
    pub(crate) compiled: Arc<AtomicUsize>,
    companions: bool,
}

impl std::fmt::Debug for Bodies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bodies")
    }
}

impl Bodies {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Gives functions with this export name a body.
    pub(crate) fn with(
        self,
        name: &str,
        maker: impl Fn(&Request<'_>) -> CompiledFunction + Send + Sync + 'static,
    ) -> Self {
        self.fallible(name, move |request| Ok(maker(request)))
    }

    pub(crate) fn fallible(
        mut self,
        name: &str,
        maker: impl Fn(&Request<'_>) -> Result<CompiledFunction> + Send + Sync + 'static,
    ) -> Self {
        self.makers.insert(name.into(), Arc::new(maker));
        self
    }

    /// The function tells listeners itself.
    pub(crate) fn telling(mut self, name: &str) -> Self {
        self.telling.push(name.into());
        self
    }

    /// Everything is compiled along with what is called first.
    pub(crate) fn together(mut self) -> Self {
        self.companions = true;
        self
    }

    pub(crate) fn engine(self) -> HandEngine {
        HandEngine { bodies: self, memory: CodeMemory::unlimited(), elsewhere: None }
    }

    pub(crate) fn store(self) -> Store {
        self.engine().store(|_| {})
    }

    fn name(info: &ModuleInfo, function: u32) -> String {
        let index = info.imported.functions + function;
        let export = info.exports.iter().find(|export| export.item == ExportItem::Function(index));
        export.map_or_else(|| function.to_string(), |export| export.name.to_string())
    }
}

impl FunctionCompiler for Bodies {
    fn compile(&self, info: &Arc<ModuleInfo>, function: u32, version: Version) -> Result<CompiledFunction> {
        self.compiled.fetch_add(1, Ordering::SeqCst);
        let name = Self::name(info, function);
        let maker = self.makers.get(&name).ok_or_else(|| Error::limit(format!("no body for {name}")))?;
        maker(&Request { info, function, version })
    }

    fn companions(&self, info: &Arc<ModuleInfo>, _: u32, _: usize) -> Vec<u32> {
        if self.companions { (0..info.bodies.len() as u32).collect() } else { Vec::new() }
    }

    fn tells_listeners(&self, info: &Arc<ModuleInfo>, function: u32) -> bool {
        self.telling.contains(&Self::name(info, function))
    }
}

/// An engine with bodies made by hand.
#[derive(Clone)]
pub(crate) struct HandEngine {
    pub(crate) bodies: Bodies,
    pub(crate) memory: Arc<CodeMemory>,
    pub(crate) elsewhere: Option<Arc<dyn wz_core::elsewhere::Elsewhere>>,
}

impl HandEngine {
    pub(crate) fn store(self, configure: impl FnOnce(&mut StoreConfig)) -> Store {
        let mut config = StoreConfig::new(Arc::new(self));
        configure(&mut config);
        Store::new(config).unwrap()
    }
}

impl Engine for HandEngine {
    fn name(&self) -> &'static str {
        "hand"
    }

    fn compile(&self, module: &Arc<ModuleInfo>, options: &CompileOptions) -> Result<Arc<dyn EngineModule>> {
        let system = |error: wz_jit::runtime::code_memory::CodeError| Error::limit(error.to_string());
        let elsewhere = |engine: &Arc<dyn wz_core::elsewhere::Elsewhere>| Elsewhere {
            engine: engine.clone(),
            options: options.clone(),
        };
        let module_options = ModuleOptions {
            stubs: Stubs::get(&X64).map_err(system)?,
            memory: self.memory.clone(),
            compiler: Arc::new(self.bodies.clone()),
            elsewhere: self.elsewhere.as_ref().map(elsewhere),
        };
        let module = JitModule::new(module, module_options).map_err(system)?;
        if options.eager {
            module.compile_all(options.threads, None)?;
        }
        Ok(module)
    }

    fn next_frame(&self, activation: &Activation, cursor: &mut FrameCursor) -> Option<WalkFrame> {
        walk::next_frame(activation, cursor)
    }
}

/// An instance with its store.
pub(crate) struct Instance {
    #[expect(dead_code, reason = "keeps named modules")]
    pub(crate) store: Store,
    pub(crate) module: Module,
}

impl Deref for Instance {
    type Target = Module;

    fn deref(&self) -> &Module {
        &self.module
    }
}

/// Instantiates a module in a store.
pub(crate) fn add(store: &Store, text: &str) -> Module {
    let cx = Context::background();
    let compiled = store.compile(&cx, wat::parse_str(text).unwrap()).unwrap();
    store.instantiate(&cx, &compiled, InstanceOptions::default()).unwrap()
}

/// Instantiates a module in a store of its own.
pub(crate) fn instance(bodies: Bodies, text: &str) -> Instance {
    let store = bodies.store();
    let module = add(&store, text);
    Instance { store, module }
}

impl Instance {
    pub(crate) fn call(&self, name: &str, params: &[u64]) -> Result<Vec<u64>> {
        call(&self.module, name, params)
    }
}

pub(crate) fn call(module: &Module, name: &str, params: &[u64]) -> Result<Vec<u64>> {
    module.exported_function(name).unwrap().call(params)
}

/// The trap of an error, and its backtrace: function indices and offsets.
pub(crate) fn trap_of(error: &Error) -> (Option<Trap>, Vec<(u32, Option<u32>)>) {
    let frames = error.backtrace().map(|trace| trace.frames()).unwrap_or_default();
    let frame = |frame: &wz_api::BacktraceFrame| (frame.definition.index(), frame.code_offset);
    (error.trap(), frames.iter().map(frame).collect())
}
