//! Instantiation: from a compiled module to a running instance.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use wz_api::{Context, Error, ErrorKind, Module, Result, Trap};
use wz_decode::info::{ElementItems, ElementSegment, SegmentMode};
use wz_experimental::{Event, EventKinds};

use crate::call::{self, Callee};
use crate::close::Closing;
use crate::compiled::CompiledModule;
use crate::config::InstanceOptions;
use crate::const_expr::evaluate;
use crate::host::HostRecord;
use crate::instance::{Instance, Parts};
use crate::instance_events;
use crate::island::Island;
use crate::link::{Edge, link};
use crate::listen::AttachmentId;
use crate::memory::MemoryInstance;
use crate::records::FunctionKind;
use crate::store::StoreInner;
use crate::table::TableInstance;

/// See [`Store::instantiate`](crate::store::Store::instantiate).
pub(crate) fn instantiate(
    store: &Arc<StoreInner>,
    cx: &Context,
    compiled: &CompiledModule,
    options: InstanceOptions,
) -> Result<Module> {
    let InstanceOptions { name, extensions, on_close, import_resolver } = options;
    if compiled.runtime_tag() != store.tag() {
        return Err(Error::argument(format!("compiled module[{}] is of another runtime", compiled.name())));
    }
    let info = compiled.info();
    let name: Arc<str> = name.map_or_else(|| info.name.clone(), Into::into);
    let reservation = store.reserve(&name)?;

    let import_resolver = import_resolver.or_else(|| wz_experimental::import_resolver(cx).cloned());
    let mut imports = link(store, compiled, import_resolver.as_ref())?;
    for table in info.imported.tables..info.tables.len() as u32 {
        imports.tables.push(Arc::new(TableInstance::new(info, table, store.config(), store.tag())?));
    }
    for memory in info.imported.memories..info.memories.len() as u32 {
        let allocator = wz_experimental::memory_allocator(cx).map(|allocator| &**allocator);
        let memory = MemoryInstance::new(info, memory, store.config(), store.tag(), allocator)?;
        imports.memories.push(Arc::new(memory));
    }
    let guarded = imports.memories.iter().all(|memory| memory.is_guarded());
    let code = compiled.engine_module().clone().code(guarded)?;
    let edges = std::mem::take(&mut imports.edges);
    let slot = reservation.slot();
    let closing = Closing::new(slot, cx, on_close);
    let parts = Parts {
        name: name.clone(),
        compiled: compiled.clone(),
        code,
        store: store.clone(),
        imports,
        closing,
        extensions,
    };
    let instance = Instance::new(parts);
    instance.closing().is_of(instance.weak());
    reservation.keep();

    let island = Island::new(instance.clone());
    for Edge { island: other, merge } in edges {
        match merge {
            true => {
                instance.closing().meets_others();
                store.links().merge(&island, &other);
            }
            false => store.links().depend(&island, &other),
        }
    }
    store.list_guest(slot, &instance);
    let module = Module::from_parts(instance.clone(), island);
    let close = CloseOnFailure(&module, cx);
    compiled.listen(cx, &instance);
    if let Some(listener) = wz_experimental::event_listener(cx) {
        instance.attach_events(AttachmentId::new(), listener.clone());
    }
    initialize(&instance)?;
    if instance.wants(EventKinds::INSTANTIATE) {
        let told = instance_events::tell(&instance, cx, None, None, &Event::Instantiate);
        told.unwrap_or_else(|payload| std::panic::resume_unwind(payload));
    }
    let started = start(&instance, cx);
    match started {
        Ok(()) => {}
        // A program that exits successfully is no failure.
        Err(error) if error.exit_code() == Some(0) => {}
        Err(error) => return Err(error),
    }
    store.register(&name, &module)?;
    std::mem::forget(close);
    Ok(module)
}

/// Closes an instance that did not come about, however that happened.
struct CloseOnFailure<'a>(&'a Module, &'a Context);

impl Drop for CloseOnFailure<'_> {
    fn drop(&mut self) {
        // Closing gives no errors, and what was closed already stays so.
        let _ = self.0.close_with(self.1, 0);
    }
}

/// Initializes globals and tables, and runs the active segments.
fn initialize(instance: &Instance) -> Result<()> {
    let info = instance.info();
    for (global, init) in (info.imported.globals..).zip(&info.global_inits) {
        instance.global_cell(global).set(evaluate(init, instance));
    }
    for (table, init) in (info.imported.tables..).zip(&info.table_inits) {
        let (Some(init), Some(table)) = (init, instance.table_instance(table)) else { continue };
        let word = evaluate(init, instance)[0] as usize;
        table.fill(0, word, table.len() as u64)?;
    }
    for (index, segment) in (0..).zip(&info.elements) {
        if let SegmentMode::Active { target, offset } = &segment.mode {
            let table = instance.table_instance(*target).ok_or(Trap::InvalidTableAccess)?;
            let to = evaluate(offset, instance)[0];
            init_table(instance, table, segment, to, 0, segment.items.len() as u64)?;
        }
        // Active and declared segments are gone; passive ones wait for `table.init`.
        let passive = segment.mode == SegmentMode::Passive;
        instance.element_dropped(index).store(!passive, Ordering::Release);
    }
    for (index, segment) in (0..).zip(&info.data) {
        if let SegmentMode::Active { target, offset } = &segment.mode {
            let memory = instance.memory_instance(*target).ok_or(Trap::OutOfBoundsMemoryAccess)?;
            let to = evaluate(offset, instance)[0];
            memory.init(to, info.data_bytes(index)).ok_or(Trap::OutOfBoundsMemoryAccess)?;
            instance.data_dropped(index).store(true, Ordering::Release);
        }
    }
    Ok(())
}

/// Copies `len` elements of a segment from `from` into a table at `to`.
pub(crate) fn init_table(
    instance: &Instance,
    table: &TableInstance,
    segment: &ElementSegment,
    to: u64,
    from: u64,
    len: u64,
) -> Result<(), Trap> {
    let in_range = |end: &u64| *end <= segment.items.len() as u64;
    let end = from.checked_add(len).filter(in_range).ok_or(Trap::InvalidTableAccess)? as usize;
    let from = from as usize;
    match &segment.items {
        ElementItems::Functions(functions) => {
            instance.prepare_records(&functions[from..end]);
            let words = functions[from..end].iter().map(|function| Ok(instance.record(*function) as usize));
            table.init(to, words)
        }
        ElementItems::Expressions(expressions) => {
            let words = expressions[from..end].iter().map(|item| Ok(evaluate(item, instance)[0] as usize));
            table.init(to, words)
        }
    }
}

/// Calls the start function, if there is one.
fn start(instance: &Instance, cx: &Context) -> Result<()> {
    let Some(function) = instance.info().start else { return Ok(()) };
    let record = instance.record(function);
    // SAFETY: records of imports and of the instance live while the instance does, which
    // `instantiate` holds; the function has neither parameters nor results.
    let result = unsafe {
        match *(*record).kind.get() {
            FunctionKind::Host => call::call_host(instance, HostRecord::of_record(record), cx, &mut []),
            FunctionKind::Guest => {
                let definer = Instance::of_context((*record).context.load(Ordering::Acquire));
                let callee = Callee::new(definer, (*record).index.get().read());
                call::call_guest(definer, &callee, cx, &mut [])
            }
        }
    };
    result.map_err(|error| match error.kind() {
        ErrorKind::Exit(_) => error,
        _ => {
            let definition = instance.info().function_definition(function);
            let what = format!("start function[{}]", definition.debug_name());
            Error::new(ErrorKind::Start { what, source: error })
        }
    })
}
