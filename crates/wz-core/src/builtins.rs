//! The operators that engines do not do themselves: growing, bulk operations, tables.
//!
//! All take the context of the instance that executes the operator; indices are those of its
//! module, which was validated. Addresses and lengths are `u64`, zero-extended where the operand
//! is an `i32`.
//!
//! # Safety
//! Of every function here: the context is of an instance that takes part in a call of this
//! thread, and indices are in range. Words that are written into tables are of the table's type.

use std::sync::atomic::Ordering;

use wz_api::Trap;
use wz_experimental::{Event, EventKinds};

use crate::instance::Instance;
use crate::instance_events;
use crate::instantiate;
use crate::memory::MemoryInstance;
use crate::records::{FunctionRecord, InstanceContext};
use crate::table::TableInstance;

/// # Safety
/// See the module; the instance outlives `'a`.
#[inline]
unsafe fn instance<'a>(cx: *const InstanceContext) -> &'a Instance {
    // SAFETY: as the caller says.
    unsafe { Instance::of_context(cx) }
}

fn memory_of(instance: &Instance, index: u32) -> Result<&MemoryInstance, Trap> {
    instance.memory_instance(index).map(|memory| &**memory).ok_or(Trap::OutOfBoundsMemoryAccess)
}

fn table_of(instance: &Instance, index: u32) -> Result<&TableInstance, Trap> {
    instance.table_instance(index).map(|table| &**table).ok_or(Trap::InvalidTableAccess)
}

/// `memory.grow`: the size before in pages, `u64::MAX` on failure.
///
/// # Safety
/// See the module.
#[must_use]
pub unsafe fn memory_grow(cx: *const InstanceContext, memory: u32, delta: u64) -> u64 {
    // SAFETY: as the caller says.
    let instance = unsafe { instance(cx) };
    let previous = memory_of(instance, memory).ok().and_then(|memory| memory.grow_pages(delta));
    if instance.wants(EventKinds::MEMORY_GROW) {
        let event = Event::MemoryGrow { memory, delta_pages: delta, previous_pages: previous };
        instance_events::tell_grown(instance, &event);
    }
    previous.unwrap_or(u64::MAX)
}

/// `memory.fill`.
///
/// # Errors
/// If the range is out of bounds.
///
/// # Safety
/// See the module.
pub unsafe fn memory_fill(
    cx: *const InstanceContext,
    memory: u32,
    to: u64,
    value: u8,
    len: u64,
) -> Result<(), Trap> {
    // SAFETY: as the caller says.
    let memory = memory_of(unsafe { instance(cx) }, memory)?;
    memory.fill_range(to, len, value).ok_or(Trap::OutOfBoundsMemoryAccess)
}

/// `memory.copy`.
///
/// # Errors
/// If a range is out of bounds.
///
/// # Safety
/// See the module.
pub unsafe fn memory_copy(
    cx: *const InstanceContext,
    to_memory: u32,
    from_memory: u32,
    to: u64,
    from: u64,
    len: u64,
) -> Result<(), Trap> {
    // SAFETY: as the caller says.
    let instance = unsafe { instance(cx) };
    let (target, source) = (memory_of(instance, to_memory)?, memory_of(instance, from_memory)?);
    target.copy_from(to, source, from, len).ok_or(Trap::OutOfBoundsMemoryAccess)
}

/// `memory.init`.
///
/// # Errors
/// If a range is out of bounds; a dropped segment is empty.
///
/// # Safety
/// See the module.
pub unsafe fn memory_init(
    cx: *const InstanceContext,
    memory: u32,
    data: u32,
    to: u64,
    from: u64,
    len: u64,
) -> Result<(), Trap> {
    // SAFETY: as the caller says.
    let instance = unsafe { instance(cx) };
    let dropped = instance.data_dropped(data).load(Ordering::Acquire);
    let bytes = if dropped { &[] } else { instance.info().data_bytes(data) };
    let range = usize::try_from(from).ok().zip(usize::try_from(len).ok());
    let source = range.and_then(|(from, len)| bytes.get(from..)?.get(..len));
    let memory = memory_of(instance, memory)?;
    source.and_then(|source| memory.init(to, source)).ok_or(Trap::OutOfBoundsMemoryAccess)
}

/// `data.drop`.
///
/// # Safety
/// See the module.
pub unsafe fn data_drop(cx: *const InstanceContext, data: u32) {
    // SAFETY: as the caller says.
    unsafe { instance(cx) }.data_dropped(data).store(true, Ordering::Release);
}

/// `table.get`: the element's word.
///
/// # Errors
/// If the index is out of bounds.
///
/// # Safety
/// See the module.
pub unsafe fn table_get(cx: *const InstanceContext, table: u32, index: u64) -> Result<u64, Trap> {
    // SAFETY: as the caller says.
    Ok(table_of(unsafe { instance(cx) }, table)?.element(index)? as u64)
}

/// `table.set`.
///
/// # Errors
/// If the index is out of bounds.
///
/// # Safety
/// See the module.
pub unsafe fn table_set(cx: *const InstanceContext, table: u32, index: u64, value: u64) -> Result<(), Trap> {
    // SAFETY: as the caller says.
    table_of(unsafe { instance(cx) }, table)?.set_element(index, value as usize)
}

/// `table.grow`: the size before, `u64::MAX` on failure.
///
/// # Safety
/// See the module.
#[must_use]
pub unsafe fn table_grow(cx: *const InstanceContext, table: u32, init: u64, delta: u64) -> u64 {
    // SAFETY: as the caller says.
    let instance = unsafe { instance(cx) };
    let grown = table_of(instance, table).ok().and_then(|table| table.grow_by(delta, init as usize));
    if instance.wants(EventKinds::TABLE_GROW) {
        instance_events::tell_grown(instance, &Event::TableGrow { table, delta, previous: grown });
    }
    grown.unwrap_or(u64::MAX)
}

/// `table.fill`.
///
/// # Errors
/// If the range is out of bounds.
///
/// # Safety
/// See the module.
pub unsafe fn table_fill(
    cx: *const InstanceContext,
    table: u32,
    to: u64,
    value: u64,
    len: u64,
) -> Result<(), Trap> {
    // SAFETY: as the caller says.
    table_of(unsafe { instance(cx) }, table)?.fill(to, value as usize, len)
}

/// `table.copy`.
///
/// # Errors
/// If a range is out of bounds.
///
/// # Safety
/// See the module.
pub unsafe fn table_copy(
    cx: *const InstanceContext,
    to_table: u32,
    from_table: u32,
    to: u64,
    from: u64,
    len: u64,
) -> Result<(), Trap> {
    // SAFETY: as the caller says.
    let instance = unsafe { instance(cx) };
    table_of(instance, to_table)?.copy_from(to, table_of(instance, from_table)?, from, len)
}

/// `table.init`.
///
/// # Errors
/// If a range is out of bounds; a dropped segment is empty.
///
/// # Safety
/// See the module.
pub unsafe fn table_init(
    cx: *const InstanceContext,
    table: u32,
    element: u32,
    to: u64,
    from: u64,
    len: u64,
) -> Result<(), Trap> {
    // SAFETY: as the caller says.
    let instance = unsafe { instance(cx) };
    let table = table_of(instance, table)?;
    if instance.element_dropped(element).load(Ordering::Acquire) {
        let empty = from == 0 && len == 0;
        return if empty { table.fill(to, 0, 0) } else { Err(Trap::InvalidTableAccess) };
    }
    let segment = &instance.info().elements[element as usize];
    instantiate::init_table(instance, table, segment, to, from, len)
}

/// `elem.drop`.
///
/// # Safety
/// See the module.
pub unsafe fn elem_drop(cx: *const InstanceContext, element: u32) {
    // SAFETY: as the caller says.
    unsafe { instance(cx) }.element_dropped(element).store(true, Ordering::Release);
}

/// `ref.func`: the record of a function of the module, imported or defined.
///
/// # Safety
/// See the module.
#[must_use]
pub unsafe fn ref_func(cx: *const InstanceContext, function: u32) -> *const FunctionRecord {
    // SAFETY: as the caller says.
    unsafe { instance(cx) }.record(function)
}
