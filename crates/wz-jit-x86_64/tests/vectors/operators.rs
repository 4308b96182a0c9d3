//! Operators in several forms.

use std::fmt;
use std::rc::Rc;

use wz_api::ValueType;
use wz_core::numeric::{Floats, eval, result_may_be_nan};
use wz_decode::ops::{BinaryOp, ExtractLaneOp, ReplaceLaneOp, TernaryOp, UnaryOp};

use crate::support::{Case, Expected, Operands, Outcome, check, constant, type_name};
use crate::values::some;

/// An operator with its static operands.
#[derive(Clone)]
struct Operator {
    text: String,
    params: Vec<ValueType>,
    result: ValueType,
    floats: Option<Floats>,
    eval: Expected,
}

impl Operator {
    fn new(
        text: impl fmt::Display,
        params: &[ValueType],
        result: ValueType,
        eval: impl Fn(&[u128]) -> Outcome + 'static,
    ) -> Self {
        Self { text: text.to_string(), params: params.to_vec(), result, floats: None, eval: Rc::new(eval) }
    }

    fn may_be_nan(self, floats: Option<Floats>) -> Self {
        Self { floats, ..self }
    }

    fn is_int(&self) -> bool {
        self.params.iter().chain([&self.result]).all(|ty| matches!(ty, ValueType::I32 | ValueType::I64))
    }

    fn case(&self, form: &str, params: &[ValueType], body: String, operands: Operands) -> Case {
        Case {
            name: format!("{}, {form}", self.text),
            body,
            params: params.to_vec(),
            result: self.result,
            floats: self.floats,
            operands,
            expected: self.eval.clone(),
        }
    }

    /// The operator with operands from everywhere.
    fn cases(&self) -> Vec<Case> {
        let Self { text, params, .. } = self;
        let get = |index: usize| format!("(local.get {index})");
        let locals: Vec<String> = (0..params.len()).map(get).collect();
        let apply = |operands: &[String]| format!("({text} {})", operands.join(" "));
        let mut cases = vec![self.case("registers", params, apply(&locals), Box::new(<[u128]>::to_vec))];
        // An operand that is read further on.
        if let [first, ..] = params.as_slice()
            && matches!(first, ValueType::V128 | ValueType::F32 | ValueType::F64)
        {
            let name = type_name(*first);
            let keep = format!("({name}.store (i32.const 64) (local.get 0))");
            cases.push(self.case("kept", params, apply(&locals) + &keep, Box::new(<[u128]>::to_vec)));
        }
        for (index, ty) in params.iter().enumerate() {
            let name = type_name(*ty);
            let mut operands = locals.clone();
            operands[index] = format!("({name}.load (i32.const 17))");
            let store = format!("({name}.store (i32.const 17) (local.get {index}))");
            let body = store + &apply(&operands);
            cases.push(self.case(&format!("{index} in memory"), params, body, Box::new(<[u128]>::to_vec)));
            if params.len() == 1 {
                continue;
            }
            for bits in some(*ty, text.contains(".sh")) {
                let rest: Vec<_> = without(params, index);
                let mut operands: Vec<String> = (0..rest.len()).map(get).collect();
                operands.insert(index, constant(*ty, bits));
                let with_constant = move |given: &[u128]| {
                    let mut given = given.to_vec();
                    given.insert(index, bits);
                    given
                };
                let form = format!("{index} is {bits:#x}");
                cases.push(self.case(&form, &rest, apply(&operands), Box::new(with_constant)));
            }
        }
        if params.len() > 1 && params.iter().all(|ty| *ty == params[0]) {
            let count = params.len();
            let body = apply(&vec![get(0); count]);
            cases.push(self.case(
                "the same",
                &params[..1],
                body,
                Box::new(move |given| vec![given[0]; count]),
            ));
        }
        cases
    }
}

fn without<T: Copy>(list: &[T], index: usize) -> Vec<T> {
    list.iter().enumerate().filter(|(place, _)| *place != index).map(|(_, item)| *item).collect()
}

fn check_all(operators: impl Iterator<Item = Operator>) {
    let cases: Vec<Case> = operators.filter(|op| !op.is_int()).flat_map(|op| op.cases()).collect();
    assert!(!cases.is_empty());
    check(&cases);
}

#[test]
fn unary() {
    check_all(UnaryOp::ALL.iter().map(|op| {
        Operator::new(op, op.params(), op.result(), |x| eval::unary(*op, x[0]))
            .may_be_nan(result_may_be_nan(*op))
    }));
}

fn binary(is_in_part: impl Fn(&str) -> bool) {
    check_all(BinaryOp::ALL.iter().filter(|op| is_in_part(op.name())).map(|op| {
        Operator::new(op, op.params(), op.result(), |x| eval::binary(*op, x[0], x[1]))
            .may_be_nan(result_may_be_nan(*op))
    }));
}

#[test]
fn binary_scalar() {
    binary(|name| name.starts_with("f32.") || name.starts_with("f64."));
}

#[test]
fn binary_bytes() {
    binary(|name| name.starts_with("i8x16."));
}

#[test]
fn binary_halves() {
    binary(|name| name.starts_with("i16x8."));
}

#[test]
fn binary_integers() {
    binary(|name| ["i32x4.", "i64x2.", "v128."].iter().any(|start| name.starts_with(start)));
}

#[test]
fn binary_floats() {
    binary(|name| name.starts_with("f32x4.") || name.starts_with("f64x2."));
}

#[test]
fn ternary() {
    check_all(TernaryOp::ALL.iter().map(|op| {
        Operator::new(op, op.params(), op.result(), |x| eval::ternary(*op, x[0], x[1], x[2]))
            .may_be_nan(result_may_be_nan(*op))
    }));
}

#[test]
fn lanes() {
    let extracts = ExtractLaneOp::ALL.iter().flat_map(|op| {
        (0..op.lanes()).map(move |lane| {
            Operator::new(format!("{op} {lane}"), op.params(), op.result(), move |x| {
                eval::extract_lane(*op, lane, x[0])
            })
        })
    });
    let replaces = ReplaceLaneOp::ALL.iter().flat_map(|op| {
        (0..op.lanes()).map(move |lane| {
            Operator::new(format!("{op} {lane}"), op.params(), op.result(), move |x| {
                eval::replace_lane(*op, lane, x[0], x[1])
            })
        })
    });
    check_all(extracts.chain(replaces));
}
