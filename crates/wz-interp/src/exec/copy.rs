//! Instructions that only move values between slots, accumulators and constants.

use std::marker::PhantomData;

use super::op::{Field, Op, fields};
use super::operand::Scalar;
use super::{Instruction, Regs, Stop};

/// Defines instructions. A row reads: type, length in words, what it does.
macro_rules! moves {
    ($($(#[$doc:meta])* $Name:ident [$words:expr] |$r:ident| $body:expr;)*) => {$(
        $(#[$doc])*
        struct $Name;
        impl Instruction for $Name {
            #[inline(always)]
            unsafe fn run($r: &mut Regs) -> Result<(), Stop> {
                // SAFETY: the instruction has these operands, and the frame these slots.
                unsafe {
                    $body;
                    $r.advance($words);
                }
                Ok(())
            }
        }
    )*};
}

moves! {
    /// From slot to slot.
    Copy1 [2] |r| r.slot(r.u16::<0>()).write(r.slot(r.u16::<1>()).read());
    /// Two copies, one after the other.
    Copy2 [2] |r| {
        r.slot(r.u16::<0>()).write(r.slot(r.u16::<1>()).read());
        r.slot(r.u16::<2>()).write(r.slot(r.u16::<3>()).read());
    };
    /// Two slots to neighbouring ones, which they are not among.
    Gather2 [2] |r| {
        let to = r.slot(r.u16::<0>());
        to.write(r.slot(r.u16::<1>()).read());
        to.add(1).write(r.slot(r.u16::<2>()).read());
    };
    /// Three slots to neighbouring ones, which they are not among.
    Gather3 [2] |r| {
        let to = r.slot(r.u16::<0>());
        to.write(r.slot(r.u16::<1>()).read());
        to.add(1).write(r.slot(r.u16::<2>()).read());
        to.add(2).write(r.slot(r.u16::<3>()).read());
    };
    /// A vector from slots to slots.
    CopyVector [2] |r| {
        let vector = r.slot(r.u16::<1>()).cast::<[u64; 2]>().read();
        r.slot(r.u16::<0>()).cast::<[u64; 2]>().write(vector);
    };
    /// From slot to slot anywhere in the frame.
    CopyFar [2] |r| r.slot(r.u32::<2>()).write(r.slot(r.u32::<3>()).read());
    /// A vector from slots to slots anywhere in the frame.
    CopyFarVector [2] |r| {
        let vector = r.slot(r.u32::<3>()).cast::<[u64; 2]>().read();
        r.slot(r.u32::<2>()).cast::<[u64; 2]>().write(vector);
    };
    /// A constant of 32 bits, extended with zeros.
    Const32 [2] |r| r.slot(r.u16::<0>()).write(u64::from(r.u32::<3>()));
    /// A constant of 64 bits.
    Const64 [3] |r| r.slot(r.u16::<0>()).write(r.word::<2>());
    /// A constant vector.
    ConstVector [4] |r| {
        let vector = [r.word::<2>(), r.word::<3>()];
        r.slot(r.u16::<0>()).cast::<[u64; 2]>().write(vector);
    };
    /// Zeros in many slots.
    ZeroMany [2] |r| r.slot(r.u32::<2>()).write_bytes(0, r.u32::<3>() as usize);
}

/// From an accumulator to a slot.
struct FromAcc<T>(PhantomData<T>);
impl<T: Scalar> Instruction for FromAcc<T> {
    #[inline(always)]
    unsafe fn run(regs: &mut Regs) -> Result<(), Stop> {
        // SAFETY: the instruction has the operand, and the frame the slot.
        unsafe {
            regs.slot(regs.u16::<0>()).write(T::acc(regs).to_slot());
            regs.advance(2);
        }
        Ok(())
    }
}

/// Zeros in `N` neighbouring slots.
struct Zero<const N: usize>;
impl<const N: usize> Instruction for Zero<N> {
    #[inline(always)]
    unsafe fn run(regs: &mut Regs) -> Result<(), Stop> {
        // SAFETY: the instruction has the operand, and the frame the slots.
        unsafe {
            regs.slot(regs.u16::<0>()).cast::<[u64; N]>().write([0; N]);
            regs.advance(2);
        }
        Ok(())
    }
}

const TO: Field = Field::ToFarSlot(2);

/// From slot to slot.
pub(crate) static COPY: Op = Op::new::<Copy1>("copy", 2, fields([Field::ToSlot(0), Field::Slot(1)]));
/// Two copies.
pub(crate) static COPY2: Op = Op::new::<Copy2>(
    "copy2",
    2,
    fields([Field::ToSlot(0), Field::Slot(1), Field::ToSlot(2), Field::Slot(3)]),
);
/// Two slots to neighbouring ones.
pub(crate) static GATHER2: Op =
    Op::new::<Gather2>("gather", 2, fields([Field::ToSlot(0), Field::Slot(1), Field::Slot(2)]));
/// Three slots to neighbouring ones.
pub(crate) static GATHER3: Op = Op::new::<Gather3>(
    "gather",
    2,
    fields([Field::ToSlot(0), Field::Slot(1), Field::Slot(2), Field::Slot(3)]),
);
/// A vector.
pub(crate) static COPY_VECTOR: Op =
    Op::new::<CopyVector>("copy_v128", 2, fields([Field::ToVector(0), Field::Vector(1)]));
/// Anywhere in the frame.
pub(crate) static COPY_FAR: Op = Op::new::<CopyFar>("copy_far", 2, fields([TO, Field::FarSlot(3)]));
/// A vector anywhere in the frame.
pub(crate) static COPY_FAR_VECTOR: Op =
    Op::new::<CopyFarVector>("copy_far_v128", 2, fields([TO, Field::FarSlot(3)]));
/// A constant of 32 bits.
pub(crate) static CONST32: Op = Op::new::<Const32>("const", 2, fields([Field::ToSlot(0), Field::Number(3)]));
/// A constant of 64 bits.
pub(crate) static CONST64: Op = Op::new::<Const64>("const", 3, fields([Field::ToSlot(0), Field::Word(2)]));
/// A constant vector.
pub(crate) static CONST_VECTOR: Op =
    Op::new::<ConstVector>("const_v128", 4, fields([Field::ToVector(0), Field::Word(2), Field::Word(3)]));
/// From the accumulators of integers, `f32` and `f64` to a slot.
pub(crate) static FROM_ACC: [Op; 3] = [
    Op::new::<FromAcc<u64>>("copy", 2, fields([Field::ToSlot(0), Field::Acc])),
    Op::new::<FromAcc<f32>>("copy_f32", 2, fields([Field::ToSlot(0), Field::Acc])),
    Op::new::<FromAcc<f64>>("copy_f64", 2, fields([Field::ToSlot(0), Field::Acc])),
];
/// Zeros in one to eight slots.
pub(crate) static ZERO: [Op; 8] = [
    Op::new::<Zero<1>>("zero1", 2, fields([Field::ToSlot(0)])),
    Op::new::<Zero<2>>("zero2", 2, fields([Field::ToSlot(0)])),
    Op::new::<Zero<3>>("zero3", 2, fields([Field::ToSlot(0)])),
    Op::new::<Zero<4>>("zero4", 2, fields([Field::ToSlot(0)])),
    Op::new::<Zero<5>>("zero5", 2, fields([Field::ToSlot(0)])),
    Op::new::<Zero<6>>("zero6", 2, fields([Field::ToSlot(0)])),
    Op::new::<Zero<7>>("zero7", 2, fields([Field::ToSlot(0)])),
    Op::new::<Zero<8>>("zero8", 2, fields([Field::ToSlot(0)])),
];
/// Zeros in many slots.
pub(crate) static ZERO_MANY: Op = Op::new::<ZeroMany>("zero", 2, fields([TO, Field::Number(3)]));
