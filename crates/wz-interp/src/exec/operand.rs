//! Where instructions find their operands and leave their results, as types.

use wz_api::Trap;

use super::Regs;
use super::op::Field;

/// A number in a slot or in an accumulator.
pub(crate) trait Scalar: Copy {
    /// How many words a constant of this type adds to an instruction; without any it is in the
    /// upper half of the second word.
    const WORDS: usize;
    /// The field of a constant.
    const FIELD: Field;
    /// From a slot's content.
    fn from_slot(bits: u64) -> Self;
    /// To a slot's content; 32-bit numbers are extended with zeros.
    fn to_slot(self) -> u64;
    /// Reads the accumulator of this type.
    fn acc(regs: &Regs) -> Self;
    /// Writes the accumulator of this type.
    fn set_acc(self, regs: &mut Regs);
    /// Reads the instruction's constant.
    ///
    /// # Safety
    /// The instruction has one.
    unsafe fn constant(regs: &Regs) -> Self;
}

macro_rules! scalars {
    ($($T:ident, $words:literal, $field:expr, $regs:ident, $from:expr, $to:expr, $acc:expr, $set:expr, $constant:expr;)*) => {$(
        impl Scalar for $T {
            const WORDS: usize = $words;
            const FIELD: Field = $field;
            #[inline(always)]
            fn from_slot(bits: u64) -> Self {
                let from: fn(u64) -> Self = $from;
                from(bits)
            }
            #[inline(always)]
            fn to_slot(self) -> u64 {
                let to: fn(Self) -> u64 = $to;
                to(self)
            }
            #[inline(always)]
            fn acc($regs: &Regs) -> Self {
                $acc
            }
            #[inline(always)]
            fn set_acc(self, $regs: &mut Regs) {
                let set: fn(&mut Regs, Self) = $set;
                set($regs, self);
            }
            #[inline(always)]
            unsafe fn constant($regs: &Regs) -> Self {
                // SAFETY: the caller says that the instruction has a constant.
                unsafe { $constant }
            }
        }
    )*};
}

scalars! {
    i32, 0, Field::Number(3), r, |bits| bits as i32, |v| u64::from(v as u32), r.acc as i32,
        |r, v| r.acc = u64::from(v as u32), r.u32::<3>() as i32;
    i64, 1, Field::Word(2), r, |bits| bits as i64, |v| v as u64, r.acc as i64,
        |r, v| r.acc = v as u64, r.word::<2>() as i64;
    u64, 1, Field::Word(2), r, |bits| bits, |v| v, r.acc,
        |r, v| r.acc = v, r.word::<2>();
    f32, 0, Field::Number(3), r, |bits| f32::from_bits(bits as u32), |v| u64::from(v.to_bits()), r.f,
        |r, v| r.f = v, f32::from_bits(r.u32::<3>());
    f64, 1, Field::Word(2), r, f64::from_bits, f64::to_bits, r.d,
        |r, v| r.d = v, f64::from_bits(r.word::<2>());
}

/// Where an operand comes from.
pub(crate) trait Source<T: Scalar> {
    /// Where it is in the instruction.
    const FIELD: Field;
    /// How many words it adds to the instruction.
    const WORDS: usize = 0;
    /// Reads it.
    ///
    /// # Safety
    /// The instruction has the operand, and the frame the slot.
    unsafe fn get(regs: &Regs) -> T;
}

/// The accumulator.
pub(crate) struct Acc;
/// The slot in field `I`.
pub(crate) struct Slot<const I: usize>;
/// A constant.
pub(crate) struct Imm;
/// A constant in the 16 bits of field 0, extended with its sign.
pub(crate) struct Small;

impl<T: Scalar> Source<T> for Acc {
    const FIELD: Field = Field::Acc;
    #[inline(always)]
    unsafe fn get(regs: &Regs) -> T {
        T::acc(regs)
    }
}

impl<T: Scalar, const I: usize> Source<T> for Slot<I> {
    const FIELD: Field = Field::Slot(I as u8);
    #[inline(always)]
    unsafe fn get(regs: &Regs) -> T {
        // SAFETY: the caller says that operand and slot exist.
        unsafe { T::from_slot(regs.slot(regs.u16::<I>()).read()) }
    }
}

impl<T: Scalar> Source<T> for Imm {
    const FIELD: Field = T::FIELD;
    const WORDS: usize = T::WORDS;
    #[inline(always)]
    unsafe fn get(regs: &Regs) -> T {
        // SAFETY: the caller says that the instruction has the operand.
        unsafe { T::constant(regs) }
    }
}

impl<T: Scalar> Source<T> for Small {
    const FIELD: Field = Field::Small(0);
    #[inline(always)]
    unsafe fn get(regs: &Regs) -> T {
        // SAFETY: the caller says that the instruction has the operand.
        T::from_slot(i64::from(unsafe { regs.u16::<0>() } as i16) as u64)
    }
}

/// Where a result goes.
pub(crate) trait Sink {
    /// Where it is in the instruction.
    const FIELD: Field;
    /// Writes it.
    ///
    /// # Safety
    /// The instruction has the operand, and the frame the slot.
    unsafe fn put<T: Scalar>(regs: &mut Regs, value: T);
}

/// To the accumulator.
pub(crate) struct ToAcc;
/// To the accumulator and to the slot in field 0.
pub(crate) struct ToSlot;

impl Sink for ToAcc {
    const FIELD: Field = Field::ToAcc;
    #[inline(always)]
    unsafe fn put<T: Scalar>(regs: &mut Regs, value: T) {
        value.set_acc(regs);
    }
}

impl Sink for ToSlot {
    const FIELD: Field = Field::ToSlot(0);
    #[inline(always)]
    unsafe fn put<T: Scalar>(regs: &mut Regs, value: T) {
        value.set_acc(regs);
        // SAFETY: the caller says that operand and slot exist.
        unsafe { regs.slot(regs.u16::<0>()).write(value.to_slot()) }
    }
}

/// Results of functions that may trap and of functions that cannot, as the former.
pub(crate) trait Outcome<T> {
    /// The result, or why there is none.
    fn outcome(self) -> Result<T, Trap>;
}

impl<T> Outcome<T> for Result<T, Trap> {
    #[inline(always)]
    fn outcome(self) -> Self {
        self
    }
}

macro_rules! certain {
    ($($T:ty)*) => {$(
        impl Outcome<$T> for $T {
            #[inline(always)]
            fn outcome(self) -> Result<Self, Trap> {
                Ok(self)
            }
        }
    )*};
}
certain!(i32 i64 f32 f64 wz_api::V128);
