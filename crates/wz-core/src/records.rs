//! The records that engines' code reads: one instance's context and what it points to.
//!
//! Layouts are `repr(C)` and every offset that generated code uses is taken with `offset_of!`.
//! Everything two threads can reach is an atomic or never changes after instantiation. Bases
//! never move; lengths are published after the storage behind them exists and never shrink.

use std::cell::UnsafeCell;
use std::hint::cold_path;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use crate::instance::Instance;
use crate::listen::ListenerSlot;

/// What code of one instance finds everything through. Its address identifies the instance in
/// frames. Built once at instantiation, immutable afterwards (what it points to may change).
#[repr(C)]
#[derive(Debug)]
pub struct InstanceContext {
    /// The base of memory 0, dangling if there is none.
    pub memory0_base: *mut u8,
    /// Memory 0, or a record of length 0.
    pub memory0: *const MemoryRecord,
    /// All memories, imports first.
    pub memories: *const *const MemoryRecord,
    /// All tables, imports first.
    pub tables: *const *const TableRecord,
    /// All globals, imports first.
    pub globals: *const *const GlobalCell,
    /// The cells of the globals that the module defines, one after the other.
    pub defined_globals: *const GlobalCell,
    /// The records of imported functions, by index.
    pub imported_functions: *const *const FunctionRecord,
    /// The canonical id of each type of the module, by type index.
    pub type_ids: *const u32,
    /// What [`ModuleCode::context_data`](crate::engine::ModuleCode::context_data) gave.
    pub engine_data: *const (),
    /// The instance that this is part of.
    pub instance: *const Instance,
    /// The kinds of events that anybody wants to be told of, as
    /// [`EventKinds::bits`](wz_experimental::EventKinds::bits) gives them.
    pub event_kinds: AtomicU32,
    /// The listeners of functions, imports first; null while none was listened to.
    pub(crate) listeners: AtomicPtr<ListenerSlot>,
}

impl InstanceContext {
    /// Where the listeners of a function are found, by its index with imports, once any function was
    /// listened to.
    ///
    /// # Safety
    /// The module has that function.
    #[inline(always)]
    pub(crate) unsafe fn listener_slot(&self, function: u32) -> Option<&ListenerSlot> {
        let slots = self.listeners.load(Ordering::Acquire).cast_const();
        if slots.is_null() {
            cold_path();
            return None;
        }
        // SAFETY: there are as many slots as functions, and they stay as long as the instance.
        Some(unsafe { &*slots.add(function as usize) })
    }
}

// SAFETY: the context is immutable once published and what it points to lives as long as it; the
// mutable parts behind it are atomics, or cells that are accessed atomically.
unsafe impl Send for InstanceContext {}
// SAFETY: as above.
unsafe impl Sync for InstanceContext {}

/// A linear memory as code sees it.
#[repr(C)]
#[derive(Debug)]
pub struct MemoryRecord {
    /// The first byte. Never moves.
    pub base: *mut u8,
    /// The size in bytes; only grows. Published after the bytes are committed.
    pub len_bytes: AtomicUsize,
    /// How many bytes from the base belong to the memory, accessible or not. Never changes.
    pub reserved_bytes: usize,
}

// SAFETY: `base` never changes; what is behind it is accessed through `guest` only.
unsafe impl Send for MemoryRecord {}
// SAFETY: as above.
unsafe impl Sync for MemoryRecord {}

/// A table as code sees it.
#[repr(C)]
#[derive(Debug)]
pub struct TableRecord {
    /// The first element. Never moves. An element is a word: for `funcref` the address of a
    /// [`FunctionRecord`], for `externref` a number of the runtime's, 0 for null.
    pub base: *const AtomicUsize,
    /// The number of elements; only grows.
    pub len: AtomicUsize,
}

// SAFETY: `base` never changes; elements are atomics.
unsafe impl Send for TableRecord {}
// SAFETY: as above.
unsafe impl Sync for TableRecord {}

/// A global's value: two words, the second only for `v128`.
///
/// Words are accessed as relaxed atomics by Rust code (see [`get`](Self::get)), so that threads
/// may race; a racing `v128` can tear between its halves.
#[repr(C, align(16))]
#[derive(Debug, Default)]
pub struct GlobalCell {
    /// Low half first.
    pub words: [AtomicU64; 2],
}

/// A function as references, tables, imports and exports hold it. Immutable once published.
#[repr(C)]
#[derive(Debug)]
pub struct FunctionRecord {
    /// The context of the instance that defines the function; null for host functions, and
    /// while the record is not in use yet (records are made when first asked for).
    pub context: AtomicPtr<InstanceContext>,
    /// For guest functions what [`ModuleCode::target`](crate::engine::ModuleCode::target)
    /// gave, for host functions the address of a [`HostRecord`](crate::host::HostRecord).
    pub target: UnsafeCell<*const ()>,
    /// The canonical id of the function's type in its runtime.
    pub type_id: UnsafeCell<u32>,
    /// What `target` is.
    pub kind: UnsafeCell<FunctionKind>,
    /// The function's index in its module, imports included.
    pub index: UnsafeCell<u32>,
}

// SAFETY: the cells are written before the record is published and only read afterwards.
unsafe impl Send for FunctionRecord {}
// SAFETY: as above.
unsafe impl Sync for FunctionRecord {}

/// Whether a function is a guest's or the embedder's.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunctionKind {
    /// Defined by a WebAssembly module.
    Guest = 0,
    /// Implemented by the embedder.
    Host = 1,
}
