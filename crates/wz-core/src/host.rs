//! Host functions in a store: [`HostRecord`], what references and imports point to, and
//! [`HostInstance`], an instantiated host module.
//!
//! Host functions hold no guest's things and are counted on their own: every instance that
//! imports one holds it, and no island grows by it.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::mem::offset_of;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use wz_api::sealed::{Keep, ModuleInner};
use wz_api::{
    Context, CustomSection, Function, FunctionDefinition, Global, GlobalDefinition, HostFunction, HostModule,
    Memory, MemoryDefinition, Result, Table, TableDefinition, ValueType,
};

use wz_experimental::{CodeId, FunctionListenerFactory};

use crate::attach::HostListeners;
use crate::close::Closing;
use crate::hooks;
use crate::listen::{AttachmentId, ListenerSlot, Made};
use crate::records::{FunctionKind, FunctionRecord};
use crate::sample::next_code_id;
use crate::store::StoreInner;

/// A host function of a store.
#[repr(C)]
#[derive(Debug)]
pub struct HostRecord {
    /// What references point to. First, so that both have one address.
    record: FunctionRecord,
    direct: DirectCall,
    function: Arc<HostFunction>,
    definition: FunctionDefinition,
    /// The slots for parameters and results together.
    stack_slots: usize,
    references: ReferenceSlots,
    listeners: HostListeners,
    store: Arc<StoreInner>,
    /// The host module's.
    code_id: CodeId,
}

/// How code may call a host function with the values in registers.
#[repr(C)]
#[derive(Debug)]
struct DirectCall {
    /// [`DirectBody::address`], or 0 as long as it may not: it has listeners, or what it does
    /// otherwise needs more.
    entry: AtomicUsize,
    /// The address of the body.
    body: usize,
    /// What `entry` is without listeners.
    plain_entry: usize,
}

impl DirectCall {
    fn new(function: &HostFunction, store: &StoreInner) -> Self {
        let direct = function.direct().filter(|_| !store.config().fuel);
        let entry = direct.map_or(0, |direct| direct.address());
        let body = direct.map_or(0, |direct| Arc::as_ptr(direct).cast::<()>().expose_provenance());
        Self { entry: AtomicUsize::new(entry), body, plain_entry: entry }
    }

    /// Whether the function has listeners has changed.
    fn is_listened(&self, listened: bool) {
        self.entry.store(if listened { 0 } else { self.plain_entry }, Ordering::SeqCst);
    }
}

impl HostRecord {
    /// Where a record of a host function has the address that code may call directly: see
    /// [`DirectBody`](wz_api::direct::DirectBody). 0 if it may not.
    pub const DIRECT_ENTRY: usize = offset_of!(Self, direct) + offset_of!(DirectCall, entry);
    /// The first argument of that call.
    pub const DIRECT_BODY: usize = offset_of!(Self, direct) + offset_of!(DirectCall, body);

    pub(crate) fn new(
        store: &Arc<StoreInner>,
        function: &Arc<HostFunction>,
        definition: FunctionDefinition,
        code_id: CodeId,
    ) -> Arc<Self> {
        let ty = function.ty();
        let host = Arc::new_cyclic(|this: &std::sync::Weak<Self>| Self {
            record: FunctionRecord {
                context: AtomicPtr::default(),
                target: this.as_ptr().cast::<()>().into(),
                type_id: store.types().id(ty).into(),
                kind: FunctionKind::Host.into(),
                index: definition.index().into(),
            },
            direct: DirectCall::new(function, store),
            function: Arc::clone(function),
            definition,
            stack_slots: ty.stack_slots(),
            references: ReferenceSlots::of(ty.results()),
            listeners: HostListeners::new(),
            store: Arc::clone(store),
            code_id,
        });
        store.words().add_host(&host);
        host
    }

    /// The host function that a record is of.
    ///
    /// # Safety
    /// The record is of a host function, and lives for `'a`.
    pub(crate) unsafe fn of_record<'a>(record: *const FunctionRecord) -> &'a Self {
        // SAFETY: as the caller says; the target of a host record is the `HostRecord`.
        unsafe {
            debug_assert_eq!(*(*record).kind.get(), FunctionKind::Host);
            &*(*(*record).target.get()).cast::<Self>()
        }
    }

    pub(crate) fn record(&self) -> &FunctionRecord {
        &self.record
    }

    pub(crate) fn function(&self) -> &HostFunction {
        &self.function
    }

    /// What the host module says of the function.
    #[must_use]
    pub fn definition(&self) -> &FunctionDefinition {
        &self.definition
    }

    pub(crate) fn param_slots(&self) -> usize {
        self.definition.ty().param_slots()
    }

    pub(crate) fn stack_slots(&self) -> usize {
        self.stack_slots
    }

    /// Which results are references.
    pub(crate) fn reference_results(&self) -> &ReferenceSlots {
        &self.references
    }

    /// Where its listeners are found.
    pub(crate) fn listener_slot(&self) -> &ListenerSlot {
        self.listeners.slot()
    }

    #[inline]
    pub(crate) fn is_listened(&self) -> bool {
        !self.listeners.slot().get().is_null()
    }

    pub(crate) fn store(&self) -> &Arc<StoreInner> {
        &self.store
    }

    pub(crate) fn code_id(&self) -> CodeId {
        self.code_id
    }
}

impl Drop for HostRecord {
    fn drop(&mut self) {
        self.store.words().remove(&self.record);
    }
}

/// Which slots of a list of values hold references.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReferenceSlots {
    pub(crate) functions: Box<[u32]>,
    pub(crate) externs: Box<[u32]>,
}

impl ReferenceSlots {
    pub(crate) fn of(types: &[ValueType]) -> Self {
        let (mut functions, mut externs, mut at) = (Vec::new(), Vec::new(), 0);
        for ty in types {
            match ty {
                ValueType::FuncRef => functions.push(at),
                ValueType::ExternRef => externs.push(at),
                _ => {}
            }
            at += ty.slots() as u32;
        }
        Self { functions: functions.into(), externs: externs.into() }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.functions.is_empty() && self.externs.is_empty()
    }
}

/// An instantiated host module.
#[derive(Debug)]
pub(crate) struct HostInstance {
    this: std::sync::Weak<Self>,
    name: Arc<str>,
    functions: Box<[(Arc<str>, Arc<HostRecord>)]>,
    store: Arc<StoreInner>,
    closing: Closing,
    code_id: CodeId,
}

impl HostInstance {
    pub(crate) fn new(
        store: &Arc<StoreInner>,
        module: &HostModule,
        closing: Closing,
        cx: &Context,
    ) -> Result<Arc<Self>> {
        let definitions = module.definitions()?;
        let code_id = next_code_id();
        let functions = module.functions().iter().zip(definitions).map(|((name, function), definition)| {
            (name.clone(), HostRecord::new(store, function, definition, code_id))
        });
        let functions = functions.collect();
        let this = Arc::new_cyclic(|this| Self {
            this: this.clone(),
            name: module.name().into(),
            functions,
            store: store.clone(),
            closing,
            code_id,
        });
        if let Some(factory) = wz_experimental::function_listener_factory(cx) {
            this.attach(AttachmentId::new(), &this.made_by(&**factory));
        }
        Ok(this)
    }

    /// The listeners that a factory makes for the functions; their numbers are positions.
    pub(crate) fn made_by(&self, factory: &dyn FunctionListenerFactory) -> Vec<Made> {
        let definitions = (0..).zip(&self.functions).map(|(at, (_, host))| (at, host.definition.clone()));
        Made::by(factory, definitions)
    }

    pub(crate) fn attach(&self, id: AttachmentId, made: &[Made]) {
        for made in made {
            let host = &self.functions[made.function as usize].1;
            host.listeners.attach(id, made, |listened| host.direct.is_listened(listened));
        }
    }

    pub(crate) fn detach(&self, id: AttachmentId) {
        for (_, host) in &self.functions {
            host.listeners.detach(id, |listened| host.direct.is_listened(listened));
        }
    }

    pub(crate) fn closing(&self) -> &Closing {
        &self.closing
    }

    pub(crate) fn code_id(&self) -> CodeId {
        self.code_id
    }

    pub(crate) fn exported_host_function(&self, name: &str) -> Option<&Arc<HostRecord>> {
        self.functions.iter().find(|(export, _)| **export == *name).map(|(_, host)| host)
    }
}

impl Drop for HostInstance {
    fn drop(&mut self) {
        self.store.forget(self.closing.slot());
        self.closing.dropped();
    }
}

impl ModuleInner for HostInstance {
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn name(&self) -> &str {
        &self.name
    }
    fn runtime_tag(&self) -> u64 {
        self.store.tag()
    }
    fn is_host_module(&self) -> bool {
        true
    }
    fn exported_function(&self, _: &Keep, _: &str) -> Option<Function> {
        None
    }
    fn exported_memory(&self, _: &Keep, _: &str) -> Option<Memory> {
        None
    }
    fn exported_global(&self, _: &Keep, _: &str) -> Option<Global> {
        None
    }
    fn exported_table(&self, _: &Keep, _: &str) -> Option<Table> {
        None
    }
    fn exported_function_definitions(&self) -> BTreeMap<Arc<str>, FunctionDefinition> {
        self.functions.iter().map(|(name, host)| (name.clone(), host.definition.clone())).collect()
    }
    fn exported_memory_definitions(&self) -> BTreeMap<Arc<str>, MemoryDefinition> {
        BTreeMap::new()
    }
    fn exported_global_definitions(&self) -> BTreeMap<Arc<str>, GlobalDefinition> {
        BTreeMap::new()
    }
    fn exported_table_definitions(&self) -> BTreeMap<Arc<str>, TableDefinition> {
        BTreeMap::new()
    }
    fn counts(&self) -> [u32; 4] {
        [self.functions.len() as u32, 0, 0, 0]
    }
    fn function(&self, _: &Keep, _: u32) -> Option<Function> {
        None
    }
    fn memory(&self, _: &Keep, _: u32) -> Option<Memory> {
        None
    }
    fn global(&self, _: &Keep, _: u32) -> Option<Global> {
        None
    }
    fn table(&self, _: &Keep, _: u32) -> Option<Table> {
        None
    }
    fn custom_sections(&self) -> &[CustomSection] {
        &[]
    }
    fn extension(&self, _: TypeId) -> Option<&(dyn Any + Send + Sync)> {
        None
    }
    fn close(&self, _: &Keep, cx: &Context, exit_code: u32) -> Result<()> {
        self.closing.close(&self.store, cx, exit_code);
        Ok(())
    }
    fn exit_code(&self) -> Option<u32> {
        self.closing.exit_code()
    }
    fn hooks(&self) -> Option<Keep> {
        Some(hooks::of_host(self.this.upgrade()?))
    }
}
