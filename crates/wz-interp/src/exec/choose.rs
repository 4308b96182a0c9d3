//! `select` of integers fused with a comparison of integers.

use std::marker::PhantomData;

use wz_decode::ops::BinaryOp;

use super::branch::{Word, WordSlot};
use super::op::{Field, Op, fields};
use super::operand::{Acc, Sink, Slot, Source, ToAcc, ToSlot};
use super::scalar::{Binary, binary};
use super::{Instruction, Regs, Stop};

/// Chooses the slot in field 1 if the comparison holds, else that in field 2. The left operand of
/// the comparison is in field 3 or in the accumulator, the right one in the third word.
struct Choose<O, A, B, R>(PhantomData<(O, A, B, R)>);

impl<O: Binary<R = i32>, A: Source<O::A>, B: Source<O::B>, R: Sink> Instruction for Choose<O, A, B, R> {
    #[inline(always)]
    unsafe fn run(regs: &mut Regs) -> Result<(), Stop> {
        // SAFETY: the instruction has the operands that its type says.
        unsafe {
            let holds = O::apply(A::get(regs), B::get(regs))? != 0;
            let (a, b) = (regs.slot(regs.u16::<1>()).read(), regs.slot(regs.u16::<2>()).read());
            R::put::<u64>(regs, if holds { a } else { b });
            regs.advance(3);
        }
        Ok(())
    }
}

/// The variants for one comparison: by whether its left operand is in the accumulator, by whether
/// its right one is a slot, and by whether the result goes to a slot too.
pub(crate) type ChooseOps = [[[Op; 2]; 2]; 2];

const fn choose<O: Binary<R = i32>>() -> ChooseOps {
    const fn op<O: Binary<R = i32>, A: Source<O::A>, B: Source<O::B>, R: Sink>() -> Op {
        Op::new::<Choose<O, A, B, R>>(
            O::NAME,
            3,
            fields([R::FIELD, A::FIELD, B::FIELD, Field::Slot(1), Field::Slot(2)]),
        )
    }
    const fn pair<O: Binary<R = i32>, A: Source<O::A>, B: Source<O::B>>() -> [Op; 2] {
        [op::<O, A, B, ToAcc>(), op::<O, A, B, ToSlot>()]
    }
    [
        [pair::<O, Slot<3>, Word>(), pair::<O, Slot<3>, WordSlot>()],
        [pair::<O, Acc, Word>(), pair::<O, Acc, WordSlot>()],
    ]
}

/// Lists the comparisons.
macro_rules! comparisons {
    ($($Op:ident)*) => {
        /// The instructions that choose by this comparison.
        pub(crate) fn choose_ops(op: BinaryOp) -> Option<&'static ChooseOps> {
            match op {
                $(BinaryOp::$Op => Some(const { &choose::<binary::$Op>() }),)*
                _ => None,
            }
        }
    };
}

comparisons! {
    I32Eq I32Ne I32LtS I32LtU I32GtS I32GtU I32LeS I32LeU I32GeS I32GeU
    I64Eq I64Ne I64LtS I64LtU I64GtS I64GtU I64LeS I64LeU I64GeS I64GeU
}
