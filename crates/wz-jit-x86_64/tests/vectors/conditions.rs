//! Comparisons of floats and tests of vectors as conditions; selects of floats and vectors.

use std::rc::Rc;

use wz_api::ValueType;
use wz_core::numeric::eval;
use wz_decode::ops::{BinaryOp, UnaryOp};

use crate::support::{Case, Outcome, check, constant, type_name};

fn case(
    body: String,
    params: Vec<ValueType>,
    result: ValueType,
    expected: impl Fn(&[u128]) -> Outcome + 'static,
) -> Case {
    Case {
        name: body.clone(),
        body,
        params,
        result,
        floats: None,
        operands: Box::new(<[u128]>::to_vec),
        expected: Rc::new(expected),
    }
}

/// The comparisons of single numbers.
fn comparisons() -> impl Iterator<Item = (BinaryOp, ValueType)> {
    let all = BinaryOp::ALL.iter().filter(|op| op.is_comparison()).map(|op| (*op, op.params()[0]));
    all.filter(|(_, ty)| matches!(ty, ValueType::F32 | ValueType::F64))
}

/// The condition in several places, with operands that may be loads.
fn branches(
    condition: &str,
    params: &[ValueType],
    holds: impl Fn(&[u128]) -> bool + Clone + 'static,
) -> Vec<Case> {
    let store: String = params
        .iter()
        .enumerate()
        .map(|(index, ty)| {
            format!("({}.store (i32.const {}) (local.get {index}))", type_name(*ty), 16 * index + 1)
        })
        .collect();
    let loaded = params.iter().enumerate().fold(condition.to_owned(), |text, (index, ty)| {
        let load = format!("({}.load (i32.const {}))", type_name(*ty), 16 * index + 1);
        text.replace(&format!("(local.get {index})"), &load)
    });
    let condition_local = params.len();
    let i32 = ValueType::I32;
    let mut cases = Vec::new();
    for condition in [condition.to_owned(), loaded] {
        let choose = |yes: u128, no: u128| {
            let holds = holds.clone();
            move |x: &[u128]| Ok(if holds(x) { yes } else { no })
        };
        let arms = "(then (i32.const 3)) (else (i32.const 5))";
        let text = format!("{store} (if (result i32) {condition} {arms})");
        cases.push(case(text, params.to_vec(), i32, choose(3, 5)));
        let text = format!("{store} (if (result i32) (i32.eqz {condition}) {arms})");
        cases.push(case(text, params.to_vec(), i32, choose(5, 3)));
        let text = format!("{store} (i32.eqz {condition})");
        cases.push(case(text, params.to_vec(), i32, choose(0, 1)));
        let text =
            format!("{store} (block $out (br_if $out {condition}) (return (i32.const 9))) (i32.const 8)");
        cases.push(case(text, params.to_vec(), i32, choose(8, 9)));
        // Used twice.
        let text = format!(
            "(local i32) {store} (local.set {condition_local} {condition}) \
             (if (local.get {condition_local}) (then (i32.store (i32.const 200) (i32.const 1)))) \
             (i32.add (i32.const 6) (local.get {condition_local}))"
        );
        cases.push(case(text, params.to_vec(), i32, choose(7, 6)));
    }
    cases
}

#[test]
fn of_numbers() {
    let mut cases = Vec::new();
    for (op, ty) in comparisons() {
        let text = format!("({op} (local.get 0) (local.get 1))");
        cases.extend(branches(&text, &[ty, ty], move |x| eval::binary(op, x[0], x[1]) == Ok(1)));
        let text = format!("({op} (local.get 0) (local.get 0))");
        cases.extend(branches(&text, &[ty], move |x| eval::binary(op, x[0], x[0]) == Ok(1)));
        let text = format!("({op} (local.get 0) ({}.const 0))", type_name(ty));
        cases.extend(branches(&text, &[ty], move |x| eval::binary(op, x[0], 0) == Ok(1)));
        let four = if ty == ValueType::F32 { 0x4080_0000 } else { 0x4010_0000_0000_0000 };
        let text = format!("({op} ({}.const 4) (local.get 0))", type_name(ty));
        cases.extend(branches(&text, &[ty], move |x| eval::binary(op, four, x[0]) == Ok(1)));
    }
    check(&cases);
}

#[test]
fn of_vectors() {
    use UnaryOp::{I8x16AllTrue, I16x8AllTrue, I32x4AllTrue, I64x2AllTrue, V128AnyTrue};
    use ValueType::V128;
    let mut cases = Vec::new();
    for op in [V128AnyTrue, I8x16AllTrue, I16x8AllTrue, I32x4AllTrue, I64x2AllTrue] {
        let is = move |bits: u128| eval::unary(op, bits) == Ok(1);
        cases.extend(branches(&format!("({op} (local.get 0))"), &[V128], move |x| is(x[0])));
        let text = format!("({op} (v128.and (local.get 0) (local.get 1)))");
        cases.extend(branches(&text, &[V128, V128], move |x| is(x[0] & x[1])));
        let text = format!("({op} (i8x16.eq (local.get 0) (local.get 1)))");
        let equal = |x: &[u128]| eval::binary(BinaryOp::I8x16Eq, x[0], x[1]).unwrap();
        cases.extend(branches(&text, &[V128, V128], move |x| is(equal(x))));
    }
    check(&cases);
}

#[test]
fn selects() {
    let mut cases = Vec::new();
    for result in [ValueType::F32, ValueType::F64, ValueType::V128] {
        let name = type_name(result);
        let select =
            |a: &str, b: &str, condition: &str| format!("(select (result {name}) {a} {b} {condition})");
        let (a, b) = ("(local.get 0)", "(local.get 1)");
        for (condition, inverted) in [("(local.get 2)", false), ("(i32.eqz (local.get 2))", true)] {
            let expected = move |x: &[u128]| Ok(if (x[2] as u32 != 0) == inverted { x[1] } else { x[0] });
            let params = vec![result, result, ValueType::I32];
            cases.push(case(select(a, b, condition), params, result, expected));
        }
        for (op, ty) in comparisons() {
            let params = vec![result, result, ty, ty];
            let condition = format!("({op} (local.get 2) (local.get 3))");
            let holds = move |x: u128, y: u128| eval::binary(op, x, y) == Ok(1);
            let text = select(a, b, &condition);
            let expected = move |x: &[u128]| Ok(if holds(x[2], x[3]) { x[0] } else { x[1] });
            cases.push(case(text, params.clone(), result, expected));
            // One of them is needed further on.
            for index in 0..2 {
                let keep = format!("({name}.store (i32.const 0) (local.get {index}))");
                cases.push(case(select(a, b, &condition) + &keep, params.clone(), result, expected));
            }
            for (bits, is_first) in [(0, false), (0, true), (0x3f80_0000, false), (0x3f80_0000, true)] {
                let constant = constant(result, bits);
                let (text, other) = match is_first {
                    true => (select(&constant, b, &condition), 1),
                    false => (select(b, &constant, &condition), 1),
                };
                let expected =
                    move |x: &[u128]| Ok(if holds(x[2], x[3]) == is_first { bits } else { x[other] });
                cases.push(case(text, params.clone(), result, expected));
            }
            if ty == result {
                let params = vec![ty, ty];
                let condition = format!("({op} {a} {b})");
                let text = select(a, b, &condition);
                let expected = move |x: &[u128]| Ok(if holds(x[0], x[1]) { x[0] } else { x[1] });
                cases.push(case(text, params.clone(), result, expected));
                let text = select(b, a, &condition);
                let expected = move |x: &[u128]| Ok(if holds(x[0], x[1]) { x[1] } else { x[0] });
                cases.push(case(text, params, result, expected));
            }
        }
    }
    check(&cases);
}
