//! Branches: conditional ones fused with a comparison, unconditional ones, tables.

use std::marker::PhantomData;

use wz_decode::ops::BinaryOp;

use super::op::{Field, Op, fields};
use super::operand::{Acc, Scalar, Slot, Small, Source};
use super::scalar::{Binary, binary};
use super::{Fork, Instruction, Regs, Stop};

/// The branches on a condition: if it holds, and if it does not. Indexed by [`Compared`].
pub(crate) struct BranchOps {
    /// Branches if the condition holds.
    pub(crate) if_true: [Op; 6],
    /// Branches if it does not: for floating-point numbers not the same as the opposite.
    pub(crate) if_false: [Op; 6],
}

/// Where the operands of a comparison come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Compared {
    /// Slots in fields 1 and 0.
    SlotSlot,
    /// The accumulator and the slot in field 0.
    AccSlot,
    /// The slot in field 1 and a constant in the 16 bits of field 0.
    SlotSmall,
    /// The accumulator and a constant in the 16 bits of field 0.
    AccSmall,
    /// The slot in field 1 and a constant in the third word.
    SlotWord,
    /// The accumulator and a constant in the third word.
    AccWord,
}

/// A constant of any type in the third word.
pub(super) struct Word;

impl<T: Scalar> Source<T> for Word {
    const FIELD: Field = Field::Word(2);
    const WORDS: usize = 1;
    #[inline(always)]
    unsafe fn get(regs: &Regs) -> T {
        // SAFETY: the caller says that the instruction has the operand.
        T::from_slot(unsafe { regs.word::<2>() })
    }
}

struct Branch<O, A, B, const NOT: bool>(PhantomData<(O, A, B)>);

impl<O, A, B, const NOT: bool> Fork for Branch<O, A, B, NOT>
where
    O: Binary,
    O::R: Into<i64>,
    A: Source<O::A>,
    B: Source<O::B>,
{
    const WORDS: usize = 2 + B::WORDS;
    #[inline(always)]
    unsafe fn taken(regs: &mut Regs) -> bool {
        // SAFETY: the instruction has the operands that its type says.
        let result = unsafe { O::apply(A::get(regs), B::get(regs)) };
        // Conditions do not trap.
        result.is_ok_and(|result| (result.into() != 0) != NOT)
    }
}

const fn branch<O, A, B, const NOT: bool>() -> Op
where
    O: Binary,
    O::R: Into<i64>,
    A: Source<O::A>,
    B: Source<O::B>,
{
    Op::fork::<Branch<O, A, B, NOT>>(
        if NOT { concat_not(O::NAME) } else { O::NAME },
        fields([A::FIELD, B::FIELD, Field::Target(3)]),
    )
}

/// The disassembler marks branches; the names of those that branch if not are listed, because
/// constants cannot be concatenated here.
const fn concat_not(name: &'static str) -> &'static str {
    let bytes = name.as_bytes();
    match (bytes[0], bytes[1], bytes[2], bytes[4], bytes[5]) {
        (b'f', b'3', b'2', b'e', _) => "f32.not_eq",
        (b'f', b'3', b'2', b'n', _) => "f32.not_ne",
        (b'f', b'3', b'2', b'l', b't') => "f32.not_lt",
        (b'f', b'3', b'2', b'l', _) => "f32.not_le",
        (b'f', b'3', b'2', b'g', b't') => "f32.not_gt",
        (b'f', b'3', b'2', ..) => "f32.not_ge",
        (b'f', b'6', b'4', b'e', _) => "f64.not_eq",
        (b'f', b'6', b'4', b'n', _) => "f64.not_ne",
        (b'f', b'6', b'4', b'l', b't') => "f64.not_lt",
        (b'f', b'6', b'4', b'l', _) => "f64.not_le",
        (b'f', b'6', b'4', b'g', b't') => "f64.not_gt",
        (b'f', b'6', b'4', ..) => "f64.not_ge",
        (b'i', b'3', b'2', ..) => "i32.not_and",
        _ => "i64.not_and",
    }
}

const fn forms<O: Binary<R: Into<i64>>, const NOT: bool>() -> [Op; 6] {
    [
        branch::<O, Slot<1>, Slot<0>, NOT>(),
        branch::<O, Acc, Slot<0>, NOT>(),
        branch::<O, Slot<1>, Small, NOT>(),
        branch::<O, Acc, Small, NOT>(),
        branch::<O, Slot<1>, Word, NOT>(),
        branch::<O, Acc, Word, NOT>(),
    ]
}

/// Lists the conditions: for integers with the opposite that serves as the branch if not.
macro_rules! conditions {
    (integers $($Op:ident not $Not:ident;)* => others $($Other:ident)*) => {
        /// The branches on this condition, if it is one that branches are fused with.
        pub(crate) fn branch_ops(op: BinaryOp) -> Option<&'static BranchOps> {
            match op {
                $(BinaryOp::$Op => Some(const { &BranchOps {
                    if_true: forms::<binary::$Op, false>(),
                    if_false: forms::<binary::$Not, false>(),
                } }),)*
                $(BinaryOp::$Other => Some(const { &BranchOps {
                    if_true: forms::<binary::$Other, false>(),
                    if_false: forms::<binary::$Other, true>(),
                } }),)*
                _ => None,
            }
        }
    };
}

conditions! {
    integers
    I32Eq not I32Ne;
    I32Ne not I32Eq;
    I32LtS not I32GeS;
    I32LtU not I32GeU;
    I32GtS not I32LeS;
    I32GtU not I32LeU;
    I32LeS not I32GtS;
    I32LeU not I32GtU;
    I32GeS not I32LtS;
    I32GeU not I32LtU;
    I64Eq not I64Ne;
    I64Ne not I64Eq;
    I64LtS not I64GeS;
    I64LtU not I64GeU;
    I64GtS not I64LeS;
    I64GtU not I64LeU;
    I64LeS not I64GtS;
    I64LeU not I64GtU;
    I64GeS not I64LtS;
    I64GeU not I64LtU;
    => others
    I32And I64And
    F32Eq F32Ne F32Lt F32Gt F32Le F32Ge
    F64Eq F64Ne F64Lt F64Gt F64Le F64Ge
}

/// Adds to the slot in field 0 what `S` says, and branches on a comparison of the sum.
struct Step<O, S, B>(PhantomData<(O, S, B)>);

/// A constant in the 16 bits of field 1, extended with its sign.
struct SmallStep;

impl<T: Scalar> Source<T> for SmallStep {
    const FIELD: Field = Field::Small(1);
    #[inline(always)]
    unsafe fn get(regs: &Regs) -> T {
        // SAFETY: the caller says that the instruction has the operand.
        T::from_slot(i64::from(unsafe { regs.u16::<1>() } as i16) as u64)
    }
}

/// The slot in the third word.
pub(super) struct WordSlot;

impl<T: Scalar> Source<T> for WordSlot {
    const FIELD: Field = Field::FarSlot(4);
    const WORDS: usize = 1;
    #[inline(always)]
    unsafe fn get(regs: &Regs) -> T {
        // SAFETY: the caller says that operand and slot exist.
        T::from_slot(unsafe { regs.slot(regs.u32::<4>()).read() })
    }
}

impl<O, S, B> Fork for Step<O, S, B>
where
    O: Binary<R = i32, A = <O as Binary>::B>,
    O::A: Integer,
    S: Source<O::A>,
    B: Source<O::A>,
{
    const WORDS: usize = 3;
    #[inline(always)]
    unsafe fn taken(regs: &mut Regs) -> bool {
        // SAFETY: the instruction has the operands that its type says.
        unsafe {
            let slot = regs.slot(regs.u16::<0>());
            let sum = O::A::from_slot(slot.read()).plus(S::get(regs));
            let limit = B::get(regs);
            slot.write(sum.to_slot());
            sum.set_acc(regs);
            // Comparisons do not trap.
            O::apply(sum, limit) != Ok(0)
        }
    }
}

/// An integer that a loop counts.
trait Integer: Scalar {
    fn plus(self, other: Self) -> Self;
}
impl Integer for i32 {
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }
}
impl Integer for i64 {
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }
}

/// The steps of loops: by whether the step is a slot in field 1, else a constant there; and by
/// whether the limit is a slot, else a constant.
pub(crate) type StepOps = [[Op; 2]; 2];

const fn steps<O>() -> StepOps
where
    O: Binary<R = i32, A = <O as Binary>::B>,
    O::A: Integer,
{
    const fn op<O, S, B>() -> Op
    where
        O: Binary<R = i32, A = <O as Binary>::B>,
        O::A: Integer,
        S: Source<O::A>,
        B: Source<O::A>,
    {
        Op::fork::<Step<O, S, B>>(O::NAME, fields([Field::ToSlot(0), S::FIELD, B::FIELD, Field::Target(3)]))
    }
    [
        [op::<O, SmallStep, Word>(), op::<O, SmallStep, WordSlot>()],
        [op::<O, Slot<1>, Word>(), op::<O, Slot<1>, WordSlot>()],
    ]
}

/// Lists the comparisons that loops end with. A row reads: comparison, its opposite.
macro_rules! steps {
    ($($Op:ident not $Not:ident;)*) => {
        /// The steps of loops that go on if this comparison gives `holds`.
        pub(crate) fn step_ops(op: BinaryOp, holds: bool) -> Option<&'static StepOps> {
            match (op, holds) {
                $((BinaryOp::$Op, true) | (BinaryOp::$Not, false) => Some(const { &steps::<binary::$Op>() }),)*
                _ => None,
            }
        }
    };
}

steps! {
    I32Eq not I32Ne;
    I32Ne not I32Eq;
    I32LtS not I32GeS;
    I32LtU not I32GeU;
    I32GtS not I32LeS;
    I32GtU not I32LeU;
    I32LeS not I32GtS;
    I32LeU not I32GtU;
    I32GeS not I32LtS;
    I32GeU not I32LtU;
    I64Eq not I64Ne;
    I64Ne not I64Eq;
    I64LtS not I64GeS;
    I64LtU not I64GeU;
    I64GtS not I64LeS;
    I64GtU not I64LeU;
    I64LeS not I64GtS;
    I64LeU not I64GtU;
    I64GeS not I64LtS;
    I64GeU not I64LtU;
}

struct Jump;
impl Instruction for Jump {
    #[inline(always)]
    unsafe fn run(regs: &mut Regs) -> Result<(), Stop> {
        // SAFETY: the operand is a branch offset.
        unsafe { regs.jump() };
        Ok(())
    }
}

/// Branches always.
pub(crate) static JUMP: Op = Op::new::<Jump>("br", 2, fields([Field::Target(3)]));

/// Branches to one of the places in the words that follow: each holds in its upper half an offset
/// relative to the word before it. The last one is the default.
struct Table<I>(PhantomData<I>);

impl<I: Source<i32>> Instruction for Table<I> {
    #[inline(always)]
    unsafe fn run(regs: &mut Regs) -> Result<(), Stop> {
        // SAFETY: the table has one more entry than the operand says; entries lead to code.
        unsafe {
            let index = (I::get(regs) as u32).min(regs.u32::<3>());
            let entry = regs.ip.add(2 + index as usize);
            let offset = (entry.read() >> 32) as u32 as i32;
            regs.ip = entry.offset(offset as isize - 1);
        }
        Ok(())
    }
}

/// `br_table` with its index in slot 0, and in the accumulator.
pub(crate) static TABLE: [Op; 2] = [
    Op::new::<Table<Slot<0>>>("br_table", 2, fields([Field::Slot(0), Field::Number(3)])),
    Op::new::<Table<Acc>>("br_table", 2, fields([Field::Acc, Field::Number(3)])),
];
