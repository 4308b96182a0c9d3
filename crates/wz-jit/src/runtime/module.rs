//! [`JitModule`]: a module's functions in one runtime, their versions, and what their slots hold.
//!
//! A slot begins as a thunk that leads to `JitModule::resolve`, which has the function compiled.
//! What a slot holds is changed under a lock, and read by calls without one.

use std::fmt;
use std::ops::Range;
use std::ptr;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use parking_lot::Mutex;
use wz_api::{CompileProgress, Error, ErrorKind, FunctionType, Result};
use wz_core::Activation;
use wz_core::elsewhere::ElsewhereModule;
use wz_core::engine::{EngineModule, ModuleCode, Raised};
use wz_core::probes::FunctionProbes;
use wz_core::reclaim;
use wz_core::records::{FunctionRecord, InstanceContext};
use wz_decode::ModuleInfo;

use crate::ir::ProbeList;

use super::body::{BodyKind, FunctionCode};
use super::builtins::Builtin;
use super::code_memory::{
    BODY_ALIGN, CodeArena, CodeError, CodeMemory, Limit, MAX_ARENA_BYTES, NewBody, layout,
};
use super::elsewhere::{Callee, Elsewhere};
use super::entry::{self, GuestCall};
use super::native::{self, Resolved};
use super::slots::{SlotRef, SlotTable};
use super::stubs::{
    CounterReference, ElsewhereStubs, LISTENED_THUNK_BYTES, Relocation, Stubs, THUNK_BYTES, TypeStubs,
    thunks_kind,
};
pub use super::versions::Version;
use super::versions::{Known, Probed, Versions, Wanted};

/// A compiled function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompiledFunction {
    /// The code.
    pub code: Vec<u8>,
    /// Where it refers to slots,
    pub relocations: Vec<Relocation>,
    /// and to counters.
    pub counters: Vec<CounterReference>,
    /// What the run time has to know of it.
    pub info: FunctionCode,
}

/// Compiles functions. Indices count defined functions.
pub trait FunctionCompiler: Send + Sync + fmt::Debug {
    /// Compiles a function.
    ///
    /// # Errors
    /// If it exceeds a limit. The function then runs elsewhere, or its call fails with this.
    fn compile(&self, module: &Arc<ModuleInfo>, function: u32, version: Version) -> Result<CompiledFunction>;

    /// Compiles a function with probes.
    ///
    /// # Errors
    /// As [`compile`](Self::compile).
    fn compile_probed(
        &self,
        module: &Arc<ModuleInfo>,
        function: u32,
        version: Version,
        probes: &ProbeList,
    ) -> Result<CompiledFunction> {
        let _ = (module, version, probes);
        Err(Error::limit(format!("function {function} cannot have code with probes")))
    }

    /// What else to compile when a function is first called, whose code is so long: what shares a
    /// batch shares pages.
    fn companions(&self, module: &Arc<ModuleInfo>, function: u32, code_bytes: usize) -> Vec<u32> {
        let _ = (module, function, code_bytes);
        Vec::new()
    }

    /// All functions of a module were compiled, at once.
    fn compiled_all(&self) {}

    /// Whether a function, when it is listened to, tells that itself, because it makes tail calls.
    fn tells_listeners(&self, module: &Arc<ModuleInfo>, function: u32) -> bool;
}

/// A compiled function, by its index among the defined ones, and what it was compiled for.
type NewFunction = (u32, Wanted, CompiledFunction);

/// What modules are made with.
#[derive(Clone, Debug)]
pub struct ModuleOptions {
    /// The shared stubs.
    pub stubs: &'static Stubs,
    /// Where code goes.
    pub memory: Arc<CodeMemory>,
    /// What compiles functions.
    pub compiler: Arc<dyn FunctionCompiler>,
    /// What runs functions that cannot have code.
    pub elsewhere: Option<Elsewhere>,
}

/// A module in one runtime.
#[derive(Debug)]
pub struct JitModule {
    info: Arc<ModuleInfo>,
    options: ModuleOptions,
    arena: Arc<CodeArena>,
    slots: SlotTable,
    types: Vec<TypeStubs>,
    /// The address of the thunk of the first function's slot, while it has no code.
    thunks: usize,
    /// The same for listened functions, once any was listened to.
    listened_thunks: OnceLock<usize>,
    functions: Mutex<Vec<Versions>>,
    /// What runs functions elsewhere, once there are any.
    elsewhere: OnceLock<Arc<dyn ElsewhereModule>>,
    /// By type: the stubs for that.
    elsewhere_stubs: Box<[OnceLock<ElsewhereStubs>]>,
}

impl JitModule {
    /// A module without any code yet.
    ///
    /// # Errors
    /// If executable memory is refused or used up.
    pub fn new(info: &Arc<ModuleInfo>, options: ModuleOptions) -> Result<Arc<Self>, CodeError> {
        let (functions, types) = (info.bodies.len() as u32, info.types.len() as u32);
        let stubs = options.stubs;
        let slot_count = SlotTable::len(functions, types);
        let padding = stubs.assembler().padding();
        let arena = CodeArena::new(&options.memory, slot_count, arena_bytes(info), padding)?;
        arena.set_module(info);
        let slots = SlotTable::new(arena.clone(), functions, types);
        let types = stubs.of_types(&info.types, &arena)?;
        slots.set(SlotRef::TrapExit, stubs.trap_exit);
        slots.set(SlotRef::Lazy, stubs.lazy);
        for builtin in Builtin::ALL {
            slots.set(SlotRef::Builtin(builtin), stubs.builtin(builtin));
        }
        for (index, stubs) in (0..).zip(&types) {
            slots.set(SlotRef::RecordCall(index), stubs.record_call);
            slots.set(SlotRef::HostCall(index), stubs.host_call);
        }
        let lazy = slots.address(SlotRef::Lazy);
        let thunks = install_lazy_thunks(&arena, stubs, functions, lazy)?;
        for index in 0..functions {
            let thunk = thunks + index as usize * THUNK_BYTES;
            slots.set(SlotRef::Function(index), thunk);
            slots.set(SlotRef::Plain(index), thunk);
        }
        let functions = Mutex::new((0..functions).map(|_| Versions::default()).collect());
        let listened_thunks = OnceLock::new();
        Ok(Arc::new(Self {
            info: info.clone(),
            options,
            arena,
            slots,
            types,
            thunks,
            listened_thunks,
            functions,
            elsewhere: OnceLock::new(),
            elsewhere_stubs: info.types.iter().map(|_| OnceLock::new()).collect(),
        }))
    }

    /// The decoded module.
    #[must_use]
    pub fn info(&self) -> &Arc<ModuleInfo> {
        &self.info
    }

    /// The slots.
    #[must_use]
    pub fn slots(&self) -> &SlotTable {
        &self.slots
    }

    /// The module that an instance is of.
    ///
    /// # Safety
    /// The instance is of a module of this engine, and alive.
    pub(super) unsafe fn of_context<'a>(context: *const InstanceContext) -> &'a Self {
        // SAFETY: the core keeps what `context_data` gave, and the module lives as long.
        unsafe { &*(*context).engine_data.cast::<Self>() }
    }

    /// Compiles every function, with this many threads, and tells `progress` how many bytes of
    /// bodies that is. What is compiled and where it goes does not depend on their number.
    ///
    /// # Errors
    /// If a function exceeds a limit and there is nothing else to run it.
    pub fn compile_all(&self, threads: usize, progress: Option<&CompileProgress>) -> Result<()> {
        let count = self.info.bodies.len() as u32;
        if let Some(progress) = progress {
            progress.announce(body_bytes(&self.info, 0..count) as u64);
        }
        for start in (0..count).step_by(EAGER_BATCH as usize) {
            let range = start..count.min(start + EAGER_BATCH);
            for (function, error) in self.compile_range(range, threads, progress) {
                self.send_elsewhere(function, &Wanted::PLAIN, error)?;
            }
        }
        self.options.compiler.compiled_all();
        Ok(())
    }

    /// Compiles and installs a range; gives those that failed.
    fn compile_range(
        &self,
        range: Range<u32>,
        threads: usize,
        progress: Option<&CompileProgress>,
    ) -> Vec<(u32, Error)> {
        let len_bytes = body_bytes(&self.info, range.clone());
        let helpers = threads.min(len_bytes / BYTES_PER_THREAD).saturating_sub(1);
        let next = AtomicUsize::new(range.start as usize);
        let results: Vec<_> = range.clone().map(|_| Mutex::new(None)).collect();
        let work = || {
            loop {
                let function = next.fetch_add(1, Ordering::Relaxed) as u32;
                if function >= range.end {
                    return;
                }
                let compiled = self.options.compiler.compile(&self.info, function, Version::Plain);
                *results[(function - range.start) as usize].lock() = Some(compiled);
                if let Some(progress) = progress {
                    progress.advance(body_bytes(&self.info, function..function + 1) as u64);
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..helpers {
                // Without helpers this thread does everything.
                let builder = thread::Builder::new().name("wz-compile".into()).stack_size(STACK_BYTES);
                if builder.spawn_scoped(scope, work).is_err() {
                    break;
                }
            }
            work();
        });
        let (mut good, mut failed) = (Vec::new(), Vec::new());
        for (function, result) in range.zip(results) {
            match result.into_inner() {
                Some(Ok(compiled)) => good.push((function, Wanted::PLAIN, compiled)),
                Some(Err(error)) => failed.push((function, error)),
                None => {}
            }
        }
        let no_room = |function: u32| (function, code_error(&CodeError::Exhausted));
        let (fitting, functions) = (self.fitting(&good), |good: &[NewFunction]| {
            good.iter().map(|(function, ..)| *function).collect::<Vec<_>>()
        });
        failed.extend(functions(&good.split_off(fitting)).into_iter().map(no_room));
        let functions = functions(&good);
        if let Err(error) = self.install(good) {
            failed.extend(functions.into_iter().map(|function| (function, code_error(&error))));
        }
        failed
    }

    /// How many functions there is room for now, from the first one on.
    fn fitting(&self, compiled: &[NewFunction]) -> usize {
        let room = self.arena.room_bytes();
        let mut end = 0_usize;
        let fits = |(.., compiled): &&NewFunction| {
            end = end.next_multiple_of(BODY_ALIGN).saturating_add(compiled.code.len());
            end <= room
        };
        compiled.iter().take_while(fits).count()
    }

    /// Has a function run elsewhere from now on, because of an error; with probes, as long as it has
    /// those.
    ///
    /// # Errors
    /// The error, if it is not about a limit, or there is nothing else to run the function.
    fn send_elsewhere(&self, function: u32, wanted: &Wanted, error: Error) -> Result<()> {
        if self.options.elsewhere.is_none() || !matches!(error.kind(), ErrorKind::Limit(_)) {
            return Err(error);
        }
        self.functions.lock()[function as usize].send_elsewhere(wanted);
        Ok(())
    }

    /// Makes bodies executable, and lets slots have them.
    fn install(&self, mut compiled: Vec<NewFunction>) -> Result<(), CodeError> {
        let infos: Vec<_> =
            compiled.iter_mut().map(|(.., compiled)| std::mem::take(&mut compiled.info)).collect();
        let bodies = compiled.iter().zip(infos).map(|((.., compiled), info)| NewBody {
            code: &compiled.code,
            kind: Some(BodyKind::Function(info)),
        });
        let bodies = bodies.collect();
        let assembler = self.options.stubs.assembler();
        let addresses = self.arena.install(bodies, |number, code, address| {
            for relocation in &compiled[number].2.relocations {
                let target = self.slots.address(relocation.target);
                if !assembler.relocate(code, relocation, address, target) {
                    return Err(CodeError::Exhausted);
                }
            }
            for counter in &compiled[number].2.counters {
                if !assembler.refer(code, counter, address) {
                    return Err(CodeError::Exhausted);
                }
            }
            Ok(())
        })?;
        let mut functions = self.functions.lock();
        for ((function, wanted, _), address) in compiled.iter().zip(addresses) {
            let versions = &mut functions[*function as usize];
            match versions.note(wanted, address) {
                true => self.update_slots(*function, versions),
                // Somebody else was faster, or has changed the probes.
                false => self.arena.retire_body(address),
            }
        }
        Ok(())
    }

    /// Lets the slots of a function have what they should.
    fn update_slots(&self, index: u32, function: &Versions) {
        let thunk = self.thunks + index as usize * THUNK_BYTES;
        let or_thunk = |version: Version| match function.slot(version) {
            0 => thunk,
            body => body,
        };
        self.slots.set(SlotRef::Plain(index), or_thunk(Version::Plain));
        let code = match (function.is_listened, self.listened_thunks.get()) {
            (false, _) => or_thunk(Version::Plain),
            (true, Some(thunks)) if function.is_wrapped => thunks + index as usize * LISTENED_THUNK_BYTES,
            (true, _) => or_thunk(Version::Listened),
        };
        self.slots.set(SlotRef::Function(index), code);
    }

    /// Where the call through a slot goes on whose thunk told this address.
    ///
    /// # Errors
    /// If the function exceeds a limit, or there is no executable memory, and there is nothing else
    /// to run it.
    pub(super) fn resolve(&self, thunk: usize) -> Result<Resolved> {
        let function = ((thunk - self.thunks) / THUNK_BYTES) as u32;
        loop {
            let (wanted, known, old) = {
                let mut functions = self.functions.lock();
                let versions = &mut functions[function as usize];
                let (version, old) = (versions.version(), versions.tell());
                (versions.wanted(version), versions.known(version), old)
            };
            if let Some(old) = old {
                self.retire(old);
            }
            if let Some(known) = known {
                return self.resolved(function, wanted.version, known);
            }
            let tells = wanted.version == Version::Listened;
            if tells && !self.options.compiler.tells_listeners(&self.info, function) {
                // There is no memory for the wrapper, and no other code that would tell.
                return self.resolved(function, wanted.version, Known::Elsewhere);
            }
            if let Err(error) = self.compile(function, &wanted) {
                self.send_elsewhere(function, &wanted, error)?;
            }
            // What is wanted may have changed meanwhile.
        }
    }

    fn resolved(&self, function: u32, version: Version, known: Known) -> Result<Resolved> {
        match known {
            Known::Body(code) => Ok(Resolved { code, extra: 0 }),
            Known::Elsewhere => {
                let stubs = self.elsewhere_stubs(self.info.imported.functions + function);
                let stubs = stubs.map_err(|error| code_error(&error))?;
                Ok(Resolved { code: stubs.call, extra: Callee::new(function, version).word() })
            }
        }
    }

    /// The stubs for functions elsewhere of a function's type; the index counts imports.
    ///
    /// # Errors
    /// If there is no executable memory for them.
    pub(super) fn elsewhere_stubs(&self, index: u32) -> Result<&ElsewhereStubs, CodeError> {
        let stubs = &self.elsewhere_stubs[self.info.functions[index as usize] as usize];
        match stubs.get() {
            Some(stubs) => Ok(stubs),
            None => {
                let made = self.options.stubs.elsewhere_of(self.type_of(index).0, &self.arena)?;
                Ok(stubs.get_or_init(|| made))
            }
        }
    }

    /// The type of a function and its stubs; the index counts imports.
    pub(super) fn type_of(&self, index: u32) -> (&FunctionType, &TypeStubs) {
        let ty = self.info.functions[index as usize] as usize;
        (&self.info.types[ty], &self.types[ty])
    }

    /// Compiles a function, and along with it what the compiler wants, and installs them.
    fn compile(&self, function: u32, wanted: &Wanted) -> Result<()> {
        let first = self.compiled(function, wanted)?;
        let code_bytes = first.code.len();
        let mut compiled = vec![(function, wanted.clone(), first)];
        if wanted.version == Version::Plain {
            for other in self.options.compiler.companions(&self.info, function, code_bytes) {
                let (also_wanted, is_known) = {
                    let functions = self.functions.lock();
                    let versions = &functions[other as usize];
                    (versions.wanted(wanted.version), versions.known(wanted.version).is_some())
                };
                // What has probes does not last: it goes together.
                let matches = also_wanted.probes.is_some() == wanted.probes.is_some();
                if other != function && matches && !is_known {
                    // What fails does so again when it is called.
                    let code = self.compiled(other, &also_wanted).ok();
                    compiled.extend(code.map(|code| (other, also_wanted, code)));
                }
            }
        }
        self.install(compiled).map_err(|error| code_error(&error))
    }

    /// Has bodies with probes freed when no call is in them any more.
    fn retire(&self, old: Probed) {
        let (bodies, probes) = old.into_parts();
        bodies.for_each(|body| self.arena.retire_body(body));
        // Probes are the embedder's, who may not be called here.
        reclaim::retire(Box::new(probes));
    }

    fn compiled(&self, function: u32, wanted: &Wanted) -> Result<CompiledFunction> {
        let compiler = &self.options.compiler;
        match &wanted.probes {
            None => compiler.compile(&self.info, function, wanted.version),
            Some(probes) => {
                let probes = ProbeList::of(probes, &self.arena.addresses());
                compiler.compile_probed(&self.info, function, wanted.version, &probes)
            }
        }
    }

    /// What runs functions of this module that have no code, if it was asked for before. For signal
    /// handlers, too.
    pub(super) fn known_elsewhere(&self) -> Option<&dyn ElsewhereModule> {
        Some(&**self.elsewhere.get()?)
    }

    /// What runs functions of this module that have no code, if there is something.
    pub(super) fn elsewhere(&self) -> Option<&dyn ElsewhereModule> {
        let Elsewhere { engine, options } = self.options.elsewhere.as_ref()?;
        if let Some(module) = self.elsewhere.get() {
            return Some(&**module);
        }
        // Locked, so that it knows of everything that is listened to or has probes.
        let functions = self.functions.lock();
        let module = self.elsewhere.get_or_init(|| {
            let module = engine.module(&self.info, options);
            for (index, versions) in (0..).zip(&*functions) {
                if versions.is_listened {
                    module.set_listened(index, true);
                }
                if let Some(probes) = versions.probes() {
                    module.set_probes(index, Some(probes.clone()));
                }
            }
            module
        });
        Some(&**module)
    }

    /// Where the first operator of a function is, by its index with imports.
    pub(super) fn first_operator(&self, function: u32) -> u32 {
        first_operator(&self.info, function - self.info.imported.functions)
    }

    /// The thunks of listened functions, made when first asked for.
    fn listened_thunks(&self) -> Result<usize, CodeError> {
        match self.listened_thunks.get() {
            Some(thunks) => Ok(*thunks),
            None => {
                let thunks = self.install_listened_thunks()?;
                Ok(*self.listened_thunks.get_or_init(|| thunks))
            }
        }
    }

    /// A row of thunks followed by a wrapper for each type.
    fn install_listened_thunks(&self) -> Result<usize, CodeError> {
        let imported = self.info.imported.functions as usize;
        let defined = &self.info.functions[imported..];
        let assembler = self.options.stubs.assembler();
        let (before, after) = (native::address_of_listen_before(), native::address_of_listen_after());
        let plain = self.slots.plain_start().wrapping_sub(imported * size_of::<usize>());
        let wrappers: Vec<_> =
            self.info.types.iter().map(|ty| assembler.listener(ty, plain, before, after)).collect();
        let row = vec![assembler.padding(); defined.len() * LISTENED_THUNK_BYTES];
        let lens = std::iter::once(row.len()).chain(wrappers.iter().map(|stub| stub.code.len()));
        let (offsets, _) = layout(lens).ok_or(CodeError::Exhausted)?;
        let mut bodies = vec![NewBody { code: &row, kind: Some(thunks_kind()) }];
        bodies.extend(
            wrappers
                .iter()
                .map(|wrapper| NewBody { code: &wrapper.code, kind: Some(BodyKind::Stub(wrapper.stub)) }),
        );
        let addresses = self.arena.install_with(Limit::Ignored, bodies, |number, code, address| {
            if number > 0 {
                return Ok(());
            }
            for (index, thunk) in code.as_chunks_mut::<LISTENED_THUNK_BYTES>().0.iter_mut().enumerate() {
                let target = address + offsets[1 + defined[index] as usize];
                let function = (imported + index) as u32;
                let at = address + index * LISTENED_THUNK_BYTES;
                *thunk = assembler.listened_thunk(at, target, function).ok_or(CodeError::Exhausted)?;
            }
            Ok(())
        })?;
        Ok(addresses[0])
    }
}

/// How long the bodies of these defined functions are.
fn body_bytes(info: &ModuleInfo, functions: Range<u32>) -> usize {
    let bodies = &info.bodies[functions.start as usize..functions.end as usize];
    bodies.iter().map(|body| body.range.len()).sum()
}

/// How many functions are compiled before they are installed, when all are.
const EAGER_BATCH: u32 = 512;

/// The native stack of threads that compile.
pub(crate) const STACK_BYTES: usize = 2 << 20;

/// Below this many bytes of bodies, starting a thread takes longer than it saves.
const BYTES_PER_THREAD: usize = 1 << 10;

/// How much code a module may have: address space costs nothing. Functions that are compiled one by
/// one take a page each.
fn arena_bytes(info: &ModuleInfo) -> usize {
    let code: usize = info.bodies.iter().map(|body| body.range.len()).sum();
    let values = |ty: &Arc<wz_api::FunctionType>| ty.params().len() + ty.results().len();
    let stubs: usize = info.types.iter().map(|ty| values(ty) * 128 + 2048).sum();
    let bytes = code.saturating_mul(16).saturating_add(info.bodies.len().saturating_mul(8192));
    let most = MAX_ARENA_BYTES - SlotTable::len(info.bodies.len() as u32, info.types.len() as u32) * 16;
    bytes.saturating_add(stubs).saturating_add(4 << 20).min(most)
}

fn install_lazy_thunks(
    arena: &CodeArena,
    stubs: &Stubs,
    functions: u32,
    lazy_slot: usize,
) -> Result<usize, CodeError> {
    let assembler = stubs.assembler();
    let row = vec![assembler.padding(); functions as usize * THUNK_BYTES];
    let jump = assembler.jump_through(0, 0);
    let (offsets, _) = layout([row.len(), jump.len()]).ok_or(CodeError::Exhausted)?;
    let bodies = vec![NewBody { code: &row, kind: Some(thunks_kind()) }, NewBody { code: &jump, kind: None }];
    let addresses = arena.install_with(Limit::Ignored, bodies, |number, code, address| {
        if number == 1 {
            code.copy_from_slice(&assembler.jump_through(address, lazy_slot));
            return Ok(());
        }
        for (index, thunk) in code.as_chunks_mut::<THUNK_BYTES>().0.iter_mut().enumerate() {
            *thunk = assembler.thunk(address + index * THUNK_BYTES, address + offsets[1]);
        }
        Ok(())
    })?;
    Ok(addresses[0])
}

#[cold]
fn code_error(error: &CodeError) -> Error {
    Error::limit(error.to_string())
}

/// Where the first operator of a defined function is, counted from the body of the Code section.
#[must_use]
pub fn first_operator(info: &ModuleInfo, defined: u32) -> u32 {
    let range = info.bodies[defined as usize].range.clone();
    let body = &info.bytes[range.clone()];
    let mut position = 0;
    // Numbers of variable length end with a byte below 0x80.
    let number = |position: &mut usize| {
        let (mut value, mut shift) = (0_u64, 0);
        while let Some(byte) = body.get(*position) {
            *position += 1;
            value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or_default();
            shift += 7;
            if *byte < 0x80 {
                break;
            }
        }
        value
    };
    for _ in 0..number(&mut position) {
        number(&mut position);
        // A type is one byte; a reference type of the long form has its heap type after that.
        let ty = body.get(position).copied();
        position += 1;
        if matches!(ty, Some(0x63 | 0x64)) {
            number(&mut position);
        }
    }
    (range.start + position - info.code_start) as u32
}

impl EngineModule for JitModule {
    fn code(self: Arc<Self>, _: bool) -> Result<Arc<dyn ModuleCode>> {
        Ok(self)
    }

    fn set_listened(&self, defined_index: u32, listened: bool) {
        let own = self.options.compiler.tells_listeners(&self.info, defined_index);
        let wrapped = listened && !own && self.listened_thunks().is_ok();
        // Without memory for the wrappers, the function runs elsewhere, or nobody is told.
        if listened && !own && !wrapped && self.options.elsewhere.is_none() {
            return;
        }
        let mut functions = self.functions.lock();
        let function = &mut functions[defined_index as usize];
        (function.is_listened, function.is_wrapped) = (listened, wrapped);
        self.update_slots(defined_index, function);
        if let Some(elsewhere) = self.elsewhere.get() {
            elsewhere.set_listened(defined_index, listened);
        }
    }

    fn has_probes(&self) -> bool {
        true
    }

    fn set_probes(&self, defined_index: u32, probes: Option<Arc<FunctionProbes>>) {
        let old = {
            let mut functions = self.functions.lock();
            let versions = &mut functions[defined_index as usize];
            let old = versions.set_probes(probes.clone());
            self.update_slots(defined_index, versions);
            if let Some(elsewhere) = self.elsewhere.get() {
                elsewhere.set_probes(defined_index, probes);
            }
            old
        };
        if let Some(old) = old {
            self.retire(old);
        }
    }
}

impl ModuleCode for JitModule {
    fn context_data(&self) -> *const () {
        ptr::from_ref(self).cast()
    }

    fn target(&self, defined_index: u32) -> *const () {
        ptr::with_exposed_provenance(self.slots.function(defined_index))
    }

    fn entry(&self, index: u32) -> *const () {
        std::ptr::from_ref(self.type_of(index).1).cast()
    }

    unsafe fn invoke(
        &self,
        activation: &Activation,
        record: &FunctionRecord,
        entry: *const (),
        stack: *mut u64,
    ) -> Result<(), Raised> {
        // SAFETY: the record is published, of a function of this module, and the entry is its type's
        // stubs.
        unsafe {
            let call = GuestCall {
                stubs: &*entry.cast::<TypeStubs>(),
                slot: record.target.get().read(),
                context: record.context.load(Ordering::Acquire),
                values: stack,
            };
            entry::enter(self.options.stubs, activation, call)
        }
    }
}

impl Drop for JitModule {
    fn drop(&mut self) {
        // Threads may just be looking at what signal handlers look at.
        self.arena.clone().retire();
    }
}
