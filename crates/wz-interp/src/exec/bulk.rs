//! Operators on memories, tables and references that the core does.
//!
//! All have the same layout: result in field 0, operands in fields 1 to 3, two indices of 32 bits
//! in the third word. The uppermost bits of the second index say which of them are `i32`s.

use wz_core::builtins;

use super::op::{Field, Op, fields};
use super::{Instruction, Regs, Stop};
use crate::machine::Machine;
use wz_core::records::InstanceContext;

/// What operators take: the instance, three operands and two indices.
#[derive(Clone, Copy)]
struct Operands {
    machine: *mut Machine,
    cx: *const InstanceContext,
    sp: *mut u64,
    ip: *const u64,
}

impl Operands {
    /// An operand. Embedders may have left anything in the upper half of an `i32`.
    unsafe fn get<const I: usize>(&self) -> u64 {
        // SAFETY: the instruction has the operand, and the frame the slot.
        unsafe {
            let word = self.sp.add(self.ip.cast::<u16>().add(4 + I).read().into()).read();
            if self.ip.cast::<u32>().add(5).read() & narrow(I) != 0 { u64::from(word as u32) } else { word }
        }
    }

    /// The result's slot.
    unsafe fn put(&self, value: u64) {
        // SAFETY: as above.
        unsafe { self.sp.add(self.ip.cast::<u16>().add(4).read().into()).write(value) }
    }

    /// An index: 0 or 1.
    unsafe fn index<const I: usize>(&self) -> u32 {
        // SAFETY: the instruction has three words.
        unsafe { self.ip.cast::<u32>().add(4 + I).read() & INDEX }
    }

    /// The bits that a result has.
    unsafe fn size_mask(&self) -> u64 {
        // SAFETY: the instruction has three words.
        let narrow = unsafe { self.ip.cast::<u32>().add(5).read() } & narrow(0) != 0;
        if narrow { u64::from(u32::MAX) } else { u64::MAX }
    }

    /// The whole frame is in use while the core grows something: an embedder's allocator may run.
    unsafe fn called_out(&self) {
        // SAFETY: the fourth word is the length of the frame.
        unsafe {
            (*self.machine).called_out(self.ip, self.sp, self.cx);
            (*self.machine).top = self.sp.add(self.ip.add(3).read() as usize);
        }
    }
}

/// The bit that says that an operand, or with 0 the result, is an `i32`.
pub(crate) const fn narrow(operand: usize) -> u32 {
    1 << (28 + operand)
}

/// The bits of an index.
const INDEX: u32 = narrow(0) - 1;

/// Lists the operators. A row reads: static, type, name, length in words, fields, what it does.
macro_rules! operators {
    ($($OP:ident: $Name:ident, $name:literal, $words:literal, [$($field:expr),*], |$o:ident| $body:expr;)*) => {$(
        struct $Name;
        impl $Name {
            #[inline(never)]
            unsafe fn execute($o: Operands) -> Result<(), Stop> {
                // SAFETY: the instruction has these operands; the instance is live.
                unsafe { $body };
                Ok(())
            }
        }
        impl Instruction for $Name {
            #[inline(always)]
            unsafe fn run(regs: &mut Regs) -> Result<(), Stop> {
                let operands = Operands { machine: regs.machine, cx: regs.cx, sp: regs.sp, ip: regs.ip };
                // SAFETY: as for this function.
                unsafe {
                    Self::execute(operands)?;
                    regs.reload_len();
                    regs.advance($words);
                }
                Ok(())
            }
        }
        #[doc = concat!("`", $name, "`.")]
        pub(crate) static $OP: Op = Op::new::<$Name>($name, $words, fields([$($field),*]));
    )*};
}

const TO: Field = Field::ToSlot(0);
const A: Field = Field::Slot(1);
const B: Field = Field::Slot(2);
const C: Field = Field::Slot(3);
const X: Field = Field::Number(4);
const Y: Field = Field::Number(5);

operators! {
    MEMORY_GROW: MemoryGrow, "memory.grow", 4, [TO, X, A], |o| {
        o.called_out();
        let before = builtins::memory_grow(o.cx, o.index::<0>(), o.get::<1>());
        o.put(before & o.size_mask());
    };
    MEMORY_FILL: MemoryFill, "memory.fill", 3, [X, A, B, C], |o| {
        builtins::memory_fill(o.cx, o.index::<0>(), o.get::<1>(), o.get::<2>() as u8, o.get::<3>())?;
    };
    MEMORY_COPY: MemoryCopy, "memory.copy", 3, [X, Y, A, B, C], |o| {
        let (to, from) = (o.index::<0>(), o.index::<1>());
        builtins::memory_copy(o.cx, to, from, o.get::<1>(), o.get::<2>(), o.get::<3>())?;
    };
    MEMORY_INIT: MemoryInit, "memory.init", 3, [X, Y, A, B, C], |o| {
        let (memory, data) = (o.index::<0>(), o.index::<1>());
        builtins::memory_init(o.cx, memory, data, o.get::<1>(), o.get::<2>(), o.get::<3>())?;
    };
    DATA_DROP: DataDrop, "data.drop", 3, [X], |o| builtins::data_drop(o.cx, o.index::<0>());
    TABLE_GET: TableGet, "table.get", 3, [TO, X, A], |o| {
        o.put(builtins::table_get(o.cx, o.index::<0>(), o.get::<1>())?);
    };
    TABLE_SET: TableSet, "table.set", 3, [X, A, B], |o| {
        builtins::table_set(o.cx, o.index::<0>(), o.get::<1>(), o.get::<2>())?;
    };
    TABLE_GROW: TableGrow, "table.grow", 4, [TO, X, A, B], |o| {
        o.called_out();
        let before = builtins::table_grow(o.cx, o.index::<0>(), o.get::<1>(), o.get::<2>());
        o.put(before & o.size_mask());
    };
    TABLE_FILL: TableFill, "table.fill", 3, [X, A, B, C], |o| {
        builtins::table_fill(o.cx, o.index::<0>(), o.get::<1>(), o.get::<2>(), o.get::<3>())?;
    };
    TABLE_COPY: TableCopy, "table.copy", 3, [X, Y, A, B, C], |o| {
        let (to, from) = (o.index::<0>(), o.index::<1>());
        builtins::table_copy(o.cx, to, from, o.get::<1>(), o.get::<2>(), o.get::<3>())?;
    };
    TABLE_INIT: TableInit, "table.init", 3, [X, Y, A, B, C], |o| {
        let (table, element) = (o.index::<0>(), o.index::<1>());
        builtins::table_init(o.cx, table, element, o.get::<1>(), o.get::<2>(), o.get::<3>())?;
    };
    ELEM_DROP: ElemDrop, "elem.drop", 3, [X], |o| builtins::elem_drop(o.cx, o.index::<0>());
    REF_FUNC: RefFunc, "ref.func", 3, [TO, X], |o| {
        o.put(builtins::ref_func(o.cx, o.index::<0>()).expose_provenance() as u64);
    };
}
