//! [`SlotTable`]: where code finds what it calls. Slots are words next to the code, written with
//! one atomic store, so that calls from then on go elsewhere.
//!
//! For every defined function there are two: the one that all calls go through, which may hold a
//! listened version, and the plain one, which wrappers call. Then there are those of stubs.

use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::builtins::Builtin;
use super::code_memory::CodeArena;

/// A slot that code refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SlotRef {
    /// A function, by its index among the defined ones.
    Function(u32),
    /// The plain version of a function, by its index among the defined ones.
    Plain(u32),
    /// The stub that calls a record of the type with this index.
    RecordCall(u32),
    /// The same for records that are known to be of host functions.
    HostCall(u32),
    /// A builtin's stub.
    Builtin(Builtin),
    /// The trap stub.
    TrapExit,
    /// The lazy-compile stub.
    Lazy,
}

/// The first number of stubs that call records.
const FIRST_RECORD_CALL: u32 = 256;

impl SlotRef {
    /// The number of a stub's slot, the same in every module; none of functions. Machine code names
    /// stubs by it.
    #[must_use]
    pub fn stub_number(self) -> Option<u32> {
        Some(match self {
            Self::Function(_) | Self::Plain(_) => return None,
            Self::TrapExit => 0,
            Self::Lazy => 1,
            Self::Builtin(builtin) => 2 + builtin as u32,
            Self::RecordCall(ty) => FIRST_RECORD_CALL + 2 * ty,
            Self::HostCall(ty) => FIRST_RECORD_CALL + 2 * ty + 1,
        })
    }

    /// The slot with a [`stub_number`](Self::stub_number).
    #[must_use]
    pub fn of_stub(number: u32) -> Option<Self> {
        Some(match number {
            0 => Self::TrapExit,
            1 => Self::Lazy,
            2..FIRST_RECORD_CALL => Self::Builtin(*Builtin::ALL.get(number as usize - 2)?),
            _ => {
                let number = number - FIRST_RECORD_CALL;
                if number.is_multiple_of(2) {
                    Self::RecordCall(number / 2)
                } else {
                    Self::HostCall(number / 2)
                }
            }
        })
    }
}

const _: () = assert!(2 + Builtin::ALL.len() < FIRST_RECORD_CALL as usize);

/// The slots of a module.
#[derive(Debug)]
pub struct SlotTable {
    arena: Arc<CodeArena>,
    functions: u32,
    types: u32,
}

impl SlotTable {
    /// How many slots a module with so many defined functions and types needs.
    #[must_use]
    pub fn len(functions: u32, types: u32) -> usize {
        2 * functions as usize + 2 * types as usize + 2 + Builtin::ALL.len()
    }

    /// The table at the start of an arena that was made with [`len`](Self::len) slots.
    pub fn new(arena: Arc<CodeArena>, functions: u32, types: u32) -> Self {
        assert!(arena.slot_count() >= Self::len(functions, types));
        Self { arena, functions, types }
    }

    /// The address of a function's slot.
    ///
    /// # Panics
    /// If the index is out of range.
    #[inline]
    #[must_use]
    pub fn function(&self, index: u32) -> usize {
        assert!(index < self.functions);
        self.arena.slots_start() + index as usize * size_of::<usize>()
    }

    /// The address of a slot.
    ///
    /// # Panics
    /// If the index is out of range.
    #[must_use]
    pub fn address(&self, slot: SlotRef) -> usize {
        let functions = self.functions as usize;
        let fixed = 2 * functions + 2 * self.types as usize;
        let index = match slot {
            SlotRef::Function(index) => return self.function(index),
            SlotRef::Plain(index) => {
                assert!(index < self.functions);
                functions + index as usize
            }
            SlotRef::RecordCall(index) => {
                assert!(index < self.types);
                2 * functions + index as usize
            }
            SlotRef::HostCall(index) => {
                assert!(index < self.types);
                2 * functions + self.types as usize + index as usize
            }
            SlotRef::TrapExit => fixed,
            SlotRef::Lazy => fixed + 1,
            SlotRef::Builtin(builtin) => fixed + 2 + builtin as usize,
        };
        self.arena.slots_start() + index * size_of::<usize>()
    }

    /// Where the plain slots begin.
    pub(super) fn plain_start(&self) -> usize {
        self.arena.slots_start() + self.functions as usize * size_of::<usize>()
    }

    fn cell(&self, slot: SlotRef) -> &AtomicUsize {
        // SAFETY: slots are in the arena, which lives as long as the table, aligned, and only
        // accessed as atomics.
        unsafe { &*ptr::with_exposed_provenance::<AtomicUsize>(self.address(slot)) }
    }

    /// What a slot holds.
    #[must_use]
    pub fn get(&self, slot: SlotRef) -> usize {
        self.cell(slot).load(Ordering::Acquire)
    }

    /// Calls through a slot go to `code` from now on. Calls that are running keep their version.
    pub fn set(&self, slot: SlotRef, code: usize) {
        // Release: whoever finds the code finds what belongs to it.
        self.cell(slot).store(code, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::super::code_memory::CodeMemory;
    use super::*;

    #[test]
    fn slots_do_not_overlap() {
        let (functions, types) = (700, 30);
        let count = SlotTable::len(functions, types);
        let arena = CodeArena::new(&CodeMemory::unlimited(), count, 4096, 0).unwrap();
        let table = SlotTable::new(arena, functions, types);
        let mut slots: Vec<_> =
            (0..functions).flat_map(|i| [SlotRef::Function(i), SlotRef::Plain(i)]).collect();
        slots.extend((0..types).map(SlotRef::RecordCall));
        slots.extend((0..types).map(SlotRef::HostCall));
        slots.extend([SlotRef::TrapExit, SlotRef::Lazy]);
        slots.extend(Builtin::ALL.map(SlotRef::Builtin));
        assert_eq!(slots.len(), count);
        for (value, slot) in (1..).zip(&slots) {
            assert_eq!(table.get(*slot), 0);
            table.set(*slot, value);
        }
        for (value, slot) in (1..).zip(&slots) {
            assert_eq!(table.get(*slot), value);
        }
        let plain = |index: u32| table.plain_start() + index as usize * size_of::<usize>();
        assert!((0..functions).all(|index| table.address(SlotRef::Plain(index)) == plain(index)));
    }

    #[test]
    fn stubs_have_numbers() {
        let types = [0, 1, 70_000].into_iter();
        let slots = types.flat_map(|ty| [SlotRef::RecordCall(ty), SlotRef::HostCall(ty)]);
        for slot in slots.chain([SlotRef::TrapExit, SlotRef::Lazy]).chain(Builtin::ALL.map(SlotRef::Builtin))
        {
            assert_eq!(SlotRef::of_stub(slot.stub_number().unwrap()), Some(slot));
        }
        assert_eq!(SlotRef::Function(0).stub_number(), None);
        assert_eq!(SlotRef::of_stub(FIRST_RECORD_CALL - 1), None);
    }

    #[test]
    fn stores_are_seen_whole_by_other_threads() {
        let arena = CodeArena::new(&CodeMemory::unlimited(), SlotTable::len(1, 0), 4096, 0).unwrap();
        let table = SlotTable::new(arena, 1, 0);
        let values = [0x1111_2222_3333_4444_usize, 0x5555_6666_7777_8888];
        table.set(SlotRef::Function(0), values[0]);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for round in 0..100_000 {
                    table.set(SlotRef::Function(0), values[round % 2]);
                }
            });
            for _ in 0..100_000 {
                assert!(values.contains(&table.get(SlotRef::Function(0))));
            }
        });
    }
}
