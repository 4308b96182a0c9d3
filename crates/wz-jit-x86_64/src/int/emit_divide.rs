//! How division and its checks are encoded. No fault of the processor is left to it.

use wz_api::Trap;
use wz_jit::mach::Emission;

use super::emit::{number, rm};
use super::inst::{AluOp, IntInst};
use crate::condition::Cc;
use crate::encode::{Opcode, Place};
use crate::isa::X64Isa;

const RDX: u8 = 2;

impl IntInst {
    pub(super) fn emit_divide(&self, cx: &mut Emission<'_, X64Isa>) {
        match self {
            Self::DivideCheck { size, zero, overflow, dividend, divisor } => {
                let divisor = number(*divisor);
                let wide = size.is_wide();
                if *zero {
                    let trap = cx.trap_label(Trap::IntegerDivideByZero);
                    let trap = cx.assembler.label(trap);
                    let ops = &mut cx.assembler.ops;
                    ops.op(wide, Opcode::one(0x85), divisor, Place::Reg(divisor));
                    ops.jump_if(Cc::E, trap);
                }
                if *overflow {
                    let trap = cx.trap_label(Trap::IntegerOverflow);
                    let trap = cx.assembler.label(trap);
                    let ops = &mut cx.assembler.ops;
                    ops.arithmetic(wide, AluOp::Cmp as u8, Place::Reg(divisor), -1);
                    let skip = ops.skip_if(Cc::Ne);
                    // Only the least number minus one overflows.
                    ops.arithmetic(wide, AluOp::Cmp as u8, Place::Reg(number(*dividend)), 1);
                    ops.jump_if(Cc::O, trap);
                    ops.end_skip(skip);
                }
            }
            Self::Divide { size, signed, minus_one, divisor, .. } => {
                let divisor = rm(cx, divisor);
                let wide = size.is_wide();
                let digit = if *signed { 7 } else { 6 };
                let ops = &mut cx.assembler.ops;
                if !minus_one {
                    return ops.op(wide, Opcode::one(0xf7), digit, divisor);
                }
                ops.arithmetic(wide, AluOp::Cmp as u8, divisor, -1);
                let divides = ops.skip_if(Cc::Ne);
                ops.mov_constant(RDX, 0);
                let skip = ops.skip();
                ops.end_skip(divides);
                ops.op(wide, Opcode::one(0xf7), digit, divisor);
                ops.end_skip(skip);
            }
            _ => unreachable!("{self:?} is no division"),
        }
    }
}
