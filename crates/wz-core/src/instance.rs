//! [`Instance`]: an instantiated module, as engines and handles share it. Everything in it is
//! immutable after instantiation, atomic or behind a lock.

use std::any::{Any, TypeId};
use std::fmt;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use wz_api::{Memory, Module};
use wz_decode::ModuleInfo;
use wz_experimental::{EventKinds, EventListener};

use crate::attach::InstanceListeners;
use crate::close::Closing;
use crate::compiled::CompiledModule;
use crate::config::Extension;
use crate::engine::ModuleCode;
use crate::global::{GlobalCells, GlobalRef};
use crate::host::HostRecord;
use crate::instance_events::InstanceEvents;
use crate::island::{Island, Member};
use crate::link::Imports;
use crate::listen::{AttachmentId, Made};
use crate::memory::MemoryInstance;
use crate::records::{FunctionKind, FunctionRecord, GlobalCell, InstanceContext, MemoryRecord, TableRecord};
use crate::store::StoreInner;
use crate::table::TableInstance;

pub(crate) type InstanceIsland = Island<Instance>;

/// An instantiated module.
pub struct Instance {
    context: InstanceContext,
    this: Weak<Self>,
    name: Arc<str>,
    compiled: CompiledModule,
    code: Arc<dyn ModuleCode>,
    store: Arc<StoreInner>,
    /// The island that owns the instance.
    island: Mutex<Weak<InstanceIsland>>,
    /// What the context's lists are.
    #[allow(dead_code, reason = "owns what the context points to")]
    pointers: Pointers,
    memories: Box<[Arc<MemoryInstance>]>,
    memory0: Option<Memory>,
    tables: Box<[Arc<TableInstance>]>,
    imported_globals: Box<[GlobalRef]>,
    globals: GlobalCells,
    #[allow(dead_code, reason = "keeps imported host functions alive")]
    hosts: Box<[Arc<HostRecord>]>,
    records: Box<[FunctionRecord]>,
    /// Held while a record is made; whether the store knows the records.
    publishing: Mutex<bool>,
    /// Which segments were dropped: element segments, then data segments.
    dropped: Box<[AtomicBool]>,
    closing: Closing,
    extensions: Box<[Extension]>,
    listeners: InstanceListeners,
    events: InstanceEvents,
}

/// The lists that a context points to, in one allocation.
#[derive(Debug)]
struct Pointers(Arc<[*const ()]>);

// SAFETY: the pointers are to records that may be used from any thread.
unsafe impl Send for Pointers {}
// SAFETY: as above; the list itself never changes.
unsafe impl Sync for Pointers {}

/// What an instance without a memory has as its first one.
static NO_MEMORY: MemoryRecord = MemoryRecord {
    base: ptr::dangling_mut(),
    len_bytes: std::sync::atomic::AtomicUsize::new(0),
    reserved_bytes: 0,
};

/// What an instance is made of.
pub(crate) struct Parts {
    pub(crate) name: Arc<str>,
    pub(crate) compiled: CompiledModule,
    pub(crate) code: Arc<dyn ModuleCode>,
    pub(crate) store: Arc<StoreInner>,
    /// The imports; tables and memories followed by the defined ones.
    pub(crate) imports: Imports,
    pub(crate) closing: Closing,
    pub(crate) extensions: Vec<Extension>,
}

impl Instance {
    /// Puts an instance together. Globals and tables are zero, nothing has run.
    pub(crate) fn new(parts: Parts) -> Arc<Self> {
        let Parts { name, compiled, code, store, imports, closing, extensions } = parts;
        let Imports { functions, hosts, tables, memories, globals: imported_globals, .. } = imports;
        let info = compiled.info();
        let defined_globals = info.globals.len() - imported_globals.len();
        let globals: GlobalCells = (0..defined_globals).map(|_| GlobalCell::default()).collect();

        let count = memories.len() + tables.len() + info.globals.len() + functions.len();
        let mut list: Vec<*const ()> = Vec::with_capacity(count);
        list.extend(memories.iter().map(|memory| ptr::from_ref(memory.record()).cast()));
        let tables_at = list.len();
        list.extend(tables.iter().map(|table| ptr::from_ref(table.record()).cast()));
        let globals_at = list.len();
        list.extend(imported_globals.iter().map(|global| ptr::from_ref(global.cell()).cast::<()>()));
        list.extend(globals.iter().map(|cell| ptr::from_ref(cell).cast::<()>()));
        let functions_at = list.len();
        list.extend(functions.iter().map(|record| record.cast::<()>()));
        let pointers = Pointers(list.into());
        let base = pointers.0.as_ptr();
        let at = |position: usize| base.wrapping_add(position);

        let first = memories.first().map_or(ptr::from_ref(&NO_MEMORY), |memory| memory.record());
        let memory0_base = memories.first().map_or(NO_MEMORY.base, |memory| memory.record().base);
        let records = zeroed_records(info.functions.len() - functions.len());
        let dropped = (0..info.elements.len() + info.data.len()).map(|_| AtomicBool::new(false)).collect();
        Arc::new_cyclic(|this| Self {
            context: InstanceContext {
                memory0_base,
                memory0: first,
                memories: at(0).cast::<*const MemoryRecord>(),
                tables: at(tables_at).cast::<*const TableRecord>(),
                globals: at(globals_at).cast::<*const GlobalCell>(),
                defined_globals: globals.as_ptr(),
                imported_functions: at(functions_at).cast::<*const FunctionRecord>(),
                type_ids: compiled.type_ids().as_ptr(),
                engine_data: code.context_data(),
                instance: this.as_ptr(),
                event_kinds: AtomicU32::new(0),
                listeners: AtomicPtr::default(),
            },
            this: this.clone(),
            name,
            store,
            island: Mutex::new(Weak::new()),
            memory0: memories.first().map(|memory| Memory::from_inner(memory.clone())),
            memories: memories.into(),
            tables: tables.into(),
            imported_globals: imported_globals.into(),
            globals,
            hosts: hosts.into(),
            records,
            publishing: Mutex::new(false),
            dropped,
            closing,
            extensions: extensions.into(),
            listeners: InstanceListeners::default(),
            events: InstanceEvents::default(),
            pointers,
            compiled,
            code,
        })
    }

    /// The instance that a context is of.
    ///
    /// # Safety
    /// The context is of an instance that lives for `'a`.
    #[inline]
    pub(crate) unsafe fn of_context<'a>(context: *const InstanceContext) -> &'a Self {
        // SAFETY: as the caller says; the context of an instance points back to it.
        unsafe { &*(*context).instance }
    }

    /// What code of the instance finds everything through.
    #[must_use]
    pub fn context(&self) -> &InstanceContext {
        &self.context
    }

    /// The module that it is an instance of.
    #[must_use]
    pub fn compiled(&self) -> &CompiledModule {
        &self.compiled
    }

    /// What the instance runs.
    #[inline]
    pub(crate) fn code(&self) -> &dyn ModuleCode {
        &*self.code
    }

    /// The decoded module.
    #[must_use]
    pub fn info(&self) -> &Arc<ModuleInfo> {
        self.compiled.info()
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub(crate) fn store(&self) -> &Arc<StoreInner> {
        &self.store
    }

    /// Whether anybody wants events of a kind.
    #[inline]
    pub(crate) fn wants(&self, kind: EventKinds) -> bool {
        self.context.event_kinds.load(Ordering::Relaxed) & kind.bits() != 0
    }

    /// Has an event listener be told of what it wants.
    pub(crate) fn attach_events(&self, id: AttachmentId, listener: Arc<dyn EventListener>) {
        self.events.attach(&self.context.event_kinds, id, listener);
    }

    pub(crate) fn detach_events(&self, id: AttachmentId) {
        self.events.detach(&self.context.event_kinds, id);
    }

    /// Who is told of events.
    #[inline]
    pub(crate) fn events(&self) -> &InstanceEvents {
        &self.events
    }

    pub(crate) fn closing(&self) -> &Closing {
        &self.closing
    }

    #[inline]
    pub(crate) fn exit_code(&self) -> Option<u32> {
        self.closing.exit_code()
    }

    /// The island that owns the instance; none while it is being freed.
    pub(crate) fn island(&self) -> Option<Arc<InstanceIsland>> {
        self.island.lock().upgrade()
    }

    /// A counted reference; none while the instance is being freed.
    pub(crate) fn shared(&self) -> Option<Arc<Self>> {
        self.this.upgrade()
    }

    /// A handle; none while the instance is being freed.
    pub(crate) fn module(&self) -> Option<Module> {
        Some(Module::from_parts(self.shared()?, self.island()?))
    }

    /// The first memory.
    pub(crate) fn first_memory(&self) -> Option<&Memory> {
        self.memory0.as_ref()
    }

    pub(crate) fn memory_instance(&self, index: u32) -> Option<&Arc<MemoryInstance>> {
        self.memories.get(index as usize)
    }

    pub(crate) fn table_instance(&self, index: u32) -> Option<&Arc<TableInstance>> {
        self.tables.get(index as usize)
    }

    /// A global by its index.
    pub(crate) fn global_ref(&self, index: u32) -> Option<GlobalRef> {
        if let Some(global) = self.imported_globals.get(index as usize) {
            return Some(global.clone());
        }
        let exists = (index as usize) < self.info().globals.len();
        exists.then(|| GlobalRef::new(&self.globals, self.info(), index))
    }

    pub(crate) fn global_cell(&self, index: u32) -> &GlobalCell {
        let index = index as usize;
        match self.imported_globals.get(index) {
            Some(global) => global.cell(),
            None => &self.globals[index - self.imported_globals.len()],
        }
    }

    pub(crate) fn extension(&self, id: TypeId) -> Option<&(dyn Any + Send + Sync)> {
        self.extensions.iter().rev().find(|(own, _)| *own == id).map(|(_, value)| &**value)
    }

    /// Whether a segment may still be used. Elements count first.
    fn dropped_flag(&self, element: Option<u32>, data: Option<u32>) -> &AtomicBool {
        match (element, data) {
            (Some(element), _) => &self.dropped[element as usize],
            (None, data) => &self.dropped[self.info().elements.len() + data.unwrap_or_default() as usize],
        }
    }

    pub(crate) fn element_dropped(&self, element: u32) -> &AtomicBool {
        self.dropped_flag(Some(element), None)
    }

    pub(crate) fn data_dropped(&self, data: u32) -> &AtomicBool {
        self.dropped_flag(None, Some(data))
    }

    /// The record of a function by its index, made if it is asked for the first time.
    ///
    /// # Panics
    /// If the index is out of range.
    pub(crate) fn record(&self, index: u32) -> *const FunctionRecord {
        let imported = self.info().imported.functions;
        let Some(defined) = index.checked_sub(imported) else {
            // SAFETY: imports are listed in the context, and `index` is below their number.
            return unsafe { *self.context.imported_functions.add(index as usize) };
        };
        let record = &self.records[defined as usize];
        if record.context.load(Ordering::Acquire).is_null() {
            self.publish(&[index]);
        }
        record
    }

    /// The same for a list of functions that are about to be asked for: all that are not in use
    /// yet at once.
    pub(crate) fn prepare_records(&self, functions: &[u32]) {
        let imported = self.info().imported.functions;
        let is_missing = |index: &u32| {
            let record = index.checked_sub(imported).and_then(|defined| self.records.get(defined as usize));
            record.is_some_and(|record| record.context.load(Ordering::Relaxed).is_null())
        };
        if let Some(first) = functions.iter().position(is_missing) {
            self.publish(&functions[first..]);
        }
    }

    /// Fills in the records of those of the functions that the instance defines.
    #[cold]
    fn publish(&self, functions: &[u32]) {
        let info = self.info();
        let mut known = self.publishing.lock();
        if !*known {
            self.store.words().add_instance(&self.records, self.this.clone());
            *known = true;
        }
        let type_ids = self.compiled.type_ids();
        for index in functions {
            let Some(defined) = index.checked_sub(info.imported.functions) else { continue };
            let record = &self.records[defined as usize];
            if !record.context.load(Ordering::Relaxed).is_null() {
                continue;
            }
            let type_index = info.functions[*index as usize] as usize;
            // SAFETY: nobody reads these before `context` is published, and only the holder of the
            // lock writes them, once.
            unsafe {
                *record.target.get() = self.code.target(defined);
                *record.type_id.get() = type_ids[type_index];
                *record.kind.get() = FunctionKind::Guest;
                *record.index.get() = *index;
            }
            record.context.store(ptr::from_ref(&self.context).cast_mut(), Ordering::Release);
        }
    }

    /// The function whose record is at this position, if it is in use.
    pub(crate) fn published_index(&self, position: usize) -> Option<u32> {
        let record = self.records.get(position)?;
        let published = !record.context.load(Ordering::Acquire).is_null();
        published.then(|| self.info().imported.functions + position as u32)
    }
    /// Attaches listeners that were made for defined functions.
    pub(crate) fn attach(&self, id: AttachmentId, made: &[Made]) {
        self.listeners.attach(&self.compiled, &self.context.listeners, id, made);
    }

    /// Detaches what was attached.
    pub(crate) fn detach(&self, id: AttachmentId) {
        self.listeners.detach(&self.compiled, id);
    }

    /// A reference that does not keep the instance.
    pub(crate) fn weak(&self) -> Weak<Self> {
        self.this.clone()
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Instance[{}]", self.name)
    }
}

fn zeroed_records(count: usize) -> Box<[FunctionRecord]> {
    // SAFETY: zeros are a valid record: null pointers, number 0 and `FunctionKind::Guest`.
    unsafe { Box::new_zeroed_slice(count).assume_init() }
}

impl Member for Instance {
    fn moved(&self, island: Weak<InstanceIsland>) {
        *self.island.lock() = island;
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.store.forget(self.closing.slot());
        if *self.publishing.get_mut() {
            self.store.words().remove(self.records.as_ptr());
        }
        self.listeners.dropped(&self.compiled);
        self.closing.dropped();
    }
}

const _: () = assert!(FunctionKind::Guest as u32 == 0);
