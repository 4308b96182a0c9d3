//! [`InterpreterModule`]: a module's functions, translated when they are first called.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use wz_api::Result;
use wz_core::CodeListing;
use wz_core::activation::Activation;
use wz_core::engine::{CompileOptions, EngineModule, ModuleCode, Raised};
use wz_core::probes::FunctionProbes;
use wz_core::reclaim;
use wz_core::records::{FunctionRecord, InstanceContext};
use wz_decode::ModuleInfo;

use crate::code::{Code, FunctionSlot};
use crate::entry::{self, Signature, Start};
use crate::exec::call;
use crate::translate::{self, pair};

/// A module in one runtime.
#[derive(Debug)]
pub(crate) struct InterpreterModule {
    info: Arc<ModuleInfo>,
    options: CompileOptions,
    /// Whether its instances are another engine's.
    is_mixed: bool,
    slots: Box<[FunctionSlot]>,
    signatures: Box<[Signature]>,
    bodies: Arc<Mutex<Bodies>>,
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
    /// What has probes instead, if there are any.
    probed: Option<Probed>,
}

/// The versions of a function that has probes.
#[derive(Clone, Debug)]
struct Probed {
    probes: Arc<FunctionProbes>,
    plain: Option<Arc<Code>>,
    listened: Option<Arc<Code>>,
}

/// A version of a function.
#[derive(Debug)]
struct Wanted {
    is_listened: bool,
    probes: Option<Arc<FunctionProbes>>,
}

/// Code that is called no more. Walks over frames find it until this is dropped.
struct RetiredCode {
    bodies: Weak<Mutex<Bodies>>,
    code: Arc<Code>,
}

impl Drop for RetiredCode {
    fn drop(&mut self) {
        if let Some(bodies) = self.bodies.upgrade() {
            let mut bodies = bodies.lock().unwrap_or_else(PoisonError::into_inner);
            bodies.codes.remove(&self.code.addresses().start);
        }
    }
}

impl InterpreterModule {
    pub(crate) fn new(info: &Arc<ModuleInfo>, options: &CompileOptions) -> Self {
        let indices = 0..info.bodies.len() as u64;
        let module = Self::with_slots(info, options, false, FunctionSlot::stubs(&call::TRANSLATE, indices));
        if options.eager {
            module.translate_all();
        }
        module
    }

    /// A module for instances of another engine, which runs all functions but those that are
    /// translated.
    pub(crate) fn mixed(info: &Arc<ModuleInfo>, options: &CompileOptions) -> Self {
        let functions = info.imported.functions..info.functions.len() as u32;
        let operands = functions.map(|index| pair(index, info.function_type(index).stack_slots() as u32));
        Self::with_slots(info, options, true, FunctionSlot::stubs(&call::LEAVE, operands))
    }

    fn with_slots(
        info: &Arc<ModuleInfo>,
        options: &CompileOptions,
        is_mixed: bool,
        slots: Box<[FunctionSlot]>,
    ) -> Self {
        let count = info.bodies.len();
        let signatures = (0..count as u32)
            .map(|index| Signature::of(info.function_type(info.imported.functions + index)))
            .collect();
        Self {
            info: info.clone(),
            options: options.clone(),
            is_mixed,
            slots,
            signatures,
            bodies: Arc::new(Mutex::new(Bodies {
                functions: vec![Versions::default(); count].into(),
                codes: BTreeMap::new(),
            })),
        }
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

    /// The code of the version that is wanted, which the slot has from then on.
    pub(crate) fn translate(&self, index: u32) -> Arc<Code> {
        loop {
            let wanted = self.bodies().functions[index as usize].wanted();
            let code = self.made(index, &wanted);
            if self.bodies().functions[index as usize].wants(&wanted) {
                return code;
            }
        }
    }

    /// The code of a version with the probes that are wanted. If it is the one that is wanted, the
    /// slot has it from then on. It is noted while nothing of that changes.
    pub(crate) fn version(&self, index: u32, is_listened: bool, note: impl Fn(&Code)) -> Arc<Code> {
        loop {
            let wanted = Wanted { is_listened, ..self.bodies().functions[index as usize].wanted() };
            let code = self.made(index, &wanted);
            let bodies = self.bodies();
            if bodies.functions[index as usize].wants_probes(&wanted) {
                note(&code);
                return code;
            }
        }
    }

    /// The code of a version, which is kept unless it has probes that are gone meanwhile.
    fn made(&self, index: u32, wanted: &Wanted) -> Arc<Code> {
        let slot = &self.slots[index as usize];
        let mut bodies = self.bodies();
        let versions = &mut bodies.functions[index as usize];
        if let Some(code) = versions.place(wanted).and_then(|place| place.clone()) {
            if versions.wants(wanted) {
                slot.set(Some(&code));
            }
            return code;
        }
        // Others may translate meanwhile, even the same function: the first one stays.
        drop(bodies);
        let request = self.request(index, wanted.is_listened);
        let request = translate::Request { probes: wanted.probes.as_ref(), ..request };
        let code = Arc::new(translate::translate(&request));
        let mut bodies = self.bodies();
        let versions = &mut bodies.functions[index as usize];
        let Some(place) = versions.place(wanted) else { return code };
        let code = place.get_or_insert(code).clone();
        if versions.wants(wanted) {
            slot.set(Some(&code));
        }
        bodies.codes.insert(code.addresses().start, code.clone());
        code
    }

    fn request(&self, index: u32, is_listened: bool) -> translate::Request<'_> {
        translate::Request {
            info: &self.info,
            options: &self.options,
            slots: &self.slots,
            function: self.info.imported.functions + index,
            is_listened,
            is_mixed: self.is_mixed,
            probes: None,
            dump: false,
        }
    }

    /// The slot of a function; the index counts imports.
    #[inline(always)]
    pub(crate) fn slot(&self, function: u32) -> &FunctionSlot {
        &self.slots[(function - self.info.imported.functions) as usize]
    }

    /// What entering a function needs of its type; the index does not count imports.
    pub(crate) fn signature(&self, index: u32) -> Signature {
        self.signatures[index as usize]
    }

    /// Which version of a function is wanted from now on.
    pub(crate) fn listen(&self, index: u32, is_listened: bool) {
        self.want(index, |versions| versions.is_listened = is_listened);
    }

    /// Which probes a function has from now on. `changed` is called when the old ones are not wanted
    /// any more, and their code is still there.
    pub(crate) fn probe(&self, index: u32, probes: Option<Arc<FunctionProbes>>, changed: impl FnOnce()) {
        let new = probes.map(|probes| Probed { probes, plain: None, listened: None });
        let old = self.want(index, |versions| {
            changed();
            std::mem::replace(&mut versions.probed, new)
        });
        let Some(Probed { plain, listened, .. }) = old else { return };
        for code in plain.into_iter().chain(listened) {
            // Calls that are running may return into it.
            reclaim::retire(Box::new(RetiredCode { bodies: Arc::downgrade(&self.bodies), code }));
        }
    }

    /// Changes what is wanted of a function, and its slot.
    fn want<R>(&self, index: u32, change: impl FnOnce(&mut Versions) -> R) -> R {
        let mut bodies = self.bodies();
        let versions = &mut bodies.functions[index as usize];
        let result = change(versions);
        let wanted = versions.wanted();
        let code = versions.place(&wanted).and_then(|place| place.as_deref());
        self.slots[index as usize].set(code);
        result
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
        let request = self.request(function - self.info.imported.functions, false);
        translate::Request { dump: true, ..request }
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
    /// What calls are to run from now on.
    fn wanted(&self) -> Wanted {
        let probes = self.probed.as_ref().map(|probed| probed.probes.clone());
        Wanted { is_listened: self.is_listened, probes }
    }

    fn wants(&self, wanted: &Wanted) -> bool {
        self.is_listened == wanted.is_listened && self.wants_probes(wanted)
    }

    fn wants_probes(&self, wanted: &Wanted) -> bool {
        let probes = self.probed.as_ref().map(|probed| Arc::as_ptr(&probed.probes));
        probes == wanted.probes.as_ref().map(Arc::as_ptr)
    }

    /// Where a version goes; none if its probes are gone.
    fn place(&mut self, wanted: &Wanted) -> Option<&mut Option<Arc<Code>>> {
        let (plain, listened) = match &wanted.probes {
            None => (&mut self.plain, &mut self.listened),
            Some(probes) => {
                let probed = self.probed.as_mut().filter(|own| Arc::ptr_eq(&own.probes, probes))?;
                (&mut probed.plain, &mut probed.listened)
            }
        };
        Some(if wanted.is_listened { listened } else { plain })
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
        self.listen(defined_index, listened);
    }

    fn has_probes(&self) -> bool {
        true
    }

    fn set_probes(&self, defined_index: u32, probes: Option<Arc<FunctionProbes>>) {
        self.probe(defined_index, probes, || {});
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

    fn entry(&self, index: u32) -> *const () {
        let defined = index - self.info.imported.functions;
        std::ptr::from_ref(&self.signatures[defined as usize]).cast()
    }

    unsafe fn invoke(
        &self,
        activation: &Activation,
        record: &FunctionRecord,
        entry: *const (),
        stack: *mut u64,
    ) -> Result<(), Raised> {
        // SAFETY: the record is published and of a function of this module, whose code is valid, and
        // the entry is its signature.
        unsafe {
            let slot = record.target.get().read();
            let start = Start {
                code: (*slot.cast::<FunctionSlot>()).code(),
                cx: record.context.load(Ordering::Acquire),
                signature: *entry.cast::<Signature>(),
                stack,
            };
            entry::run(activation, &start)
        }
    }
}
