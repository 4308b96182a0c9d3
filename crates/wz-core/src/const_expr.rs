//! Constant expressions, evaluated at instantiation.

use wz_decode::builder::Const;
use wz_decode::info::{ConstExpr, ConstOp};

use crate::instance::Instance;

/// A value, low half first; integers are zero-extended.
type Words = [u64; 2];

/// Evaluates a constant expression of the instance's module.
pub(crate) fn evaluate(expression: &ConstExpr, instance: &Instance) -> Words {
    if let [op] = &*expression.ops {
        return operand(op, instance).unwrap_or_default();
    }
    let mut stack: Vec<u64> = Vec::with_capacity(8);
    let mut wide = [0; 2];
    for op in &expression.ops {
        if let Some(words) = operand(op, instance) {
            stack.push(words[0]);
            wide = words;
            continue;
        }
        // The expression is valid: there are two operands.
        let b = stack.pop().unwrap_or_default();
        let a = stack.pop().unwrap_or_default();
        let narrow = |value: u32| u64::from(value);
        let result = match op {
            ConstOp::I32Add => narrow((a as u32).wrapping_add(b as u32)),
            ConstOp::I32Sub => narrow((a as u32).wrapping_sub(b as u32)),
            ConstOp::I32Mul => narrow((a as u32).wrapping_mul(b as u32)),
            ConstOp::I64Add => a.wrapping_add(b),
            ConstOp::I64Sub => a.wrapping_sub(b),
            ConstOp::I64Mul => a.wrapping_mul(b),
            ConstOp::Const(_) | ConstOp::GlobalGet(_) | ConstOp::RefNull(_) | ConstOp::RefFunc(_) => 0,
        };
        stack.push(result);
        wide = [result, 0];
    }
    // No operator takes a vector, so that one can only stand alone, last.
    wide
}

/// The value of an operator without operands.
fn operand(op: &ConstOp, instance: &Instance) -> Option<Words> {
    let low = match *op {
        ConstOp::Const(Const::I32(value)) => u64::from(value as u32),
        ConstOp::Const(Const::I64(value)) => value as u64,
        ConstOp::Const(Const::F32(bits)) => u64::from(bits),
        ConstOp::Const(Const::F64(bits)) => bits,
        ConstOp::Const(Const::V128(value)) => return Some([value as u64, (value >> 64) as u64]),
        ConstOp::GlobalGet(global) => return Some(instance.global_cell(global).get()),
        ConstOp::RefNull(_) => 0,
        ConstOp::RefFunc(function) => instance.record(function) as u64,
        ConstOp::I32Add
        | ConstOp::I32Sub
        | ConstOp::I32Mul
        | ConstOp::I64Add
        | ConstOp::I64Sub
        | ConstOp::I64Mul => return None,
    };
    Some([low, 0])
}
