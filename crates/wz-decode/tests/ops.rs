//! Compares the tables of operators with what wasmparser and the text format make of them.

mod support;

use support::{check_walk, module};
use wz_api::ValueType;
use wz_decode::ops::{
    BinaryOp, ExtractLaneOp, LoadLaneOp, LoadOp, ReplaceLaneOp, StoreLaneOp, StoreOp, TernaryOp, UnaryOp,
};

/// A function that applies an operator to its parameters. It is only valid if the types of the
/// table are right, and only in the text format if the name is; what the walker reads of it is
/// compared with what wasmparser reads.
#[track_caller]
fn check(name: &str, immediates: &str, params: &[ValueType], result: Option<ValueType>) {
    let types: Vec<_> = params.iter().map(|ty| ty.name()).collect();
    let result = result.map_or(String::new(), |ty| format!("(result {ty})"));
    let gets: String = (0..params.len()).map(|local| format!("local.get {local} ")).collect();
    let function = format!("(func (param {}) {result} {gets} {name} {immediates})", types.join(" "));
    assert_eq!(check_walk(&module(&format!("(module (memory 1) {function})"))), (params.len() + 2) * 2);
}

fn with_address(params: &[ValueType]) -> Vec<ValueType> {
    [&[ValueType::I32], params].concat()
}

#[test]
fn every_operator_is_what_its_row_says() {
    for op in UnaryOp::ALL {
        check(op.name(), "", op.params(), Some(op.result()));
    }
    for op in BinaryOp::ALL {
        check(op.name(), "", op.params(), Some(op.result()));
    }
    for op in TernaryOp::ALL {
        check(op.name(), "", op.params(), Some(op.result()));
    }
    for op in LoadOp::ALL {
        let largest = format!("offset=70000 align={}", op.bytes());
        check(op.name(), &largest, &with_address(op.params()), Some(op.result()));
    }
    for op in StoreOp::ALL {
        let largest = format!("offset=70000 align={}", op.bytes());
        check(op.name(), &largest, &with_address(op.params()), None);
        assert_eq!(op.params(), [op.value()]);
    }
    for op in LoadLaneOp::ALL {
        let last = format!("offset=5 align={} {}", op.bytes(), 16 / op.bytes() - 1);
        check(op.name(), &last, &with_address(op.params()), Some(op.result()));
    }
    for op in StoreLaneOp::ALL {
        let last = format!("offset=5 align={} {}", op.bytes(), 16 / op.bytes() - 1);
        check(op.name(), &last, &with_address(op.params()), None);
    }
    for op in ExtractLaneOp::ALL {
        check(op.name(), &(op.lanes() - 1).to_string(), op.params(), Some(op.result()));
    }
    for op in ReplaceLaneOp::ALL {
        check(op.name(), &(op.lanes() - 1).to_string(), op.params(), Some(op.result()));
    }
}

/// No smaller width or lane count than the table's would have passed the test above; this is
/// that no larger one does.
#[test]
fn widths_and_lanes_are_the_largest() {
    let invalid = |text: String| {
        let Ok(bytes) = wat::parse_str(format!("(module (memory 1) (func {text} unreachable))")) else {
            return;
        };
        wz_decode::decode(bytes, &wz_decode::DecodeOptions::default()).expect_err(&text);
    };
    for op in LoadOp::ALL {
        invalid(format!("unreachable {op} align={}", op.bytes() * 2));
    }
    for op in StoreOp::ALL {
        invalid(format!("unreachable {op} align={}", op.bytes() * 2));
    }
    for op in ExtractLaneOp::ALL {
        invalid(format!("unreachable {op} {}", op.lanes()));
    }
    for op in ReplaceLaneOp::ALL {
        invalid(format!("unreachable {op} {}", op.lanes()));
    }
}

/// The tables have every operator that wasmparser knows of these proposals.
#[test]
fn no_operator_is_missing() {
    macro_rules! names {
        ($(@$proposal:ident $op:ident $({ $($arg:ident: $ty:ty),* })? => $visit:ident ($($arity:tt)*))*) => {
            &[$((stringify!($proposal), stringify!($op), stringify!($($($arg)*)?))),*]
        };
    }
    let all: &[(&str, &str, &str)] = wasmparser::for_each_operator!(names);
    let proposals = ["mvp", "sign_extension", "saturating_float_to_int", "simd", "relaxed_simd"];
    let others = [
        "Unreachable",
        "Nop",
        "Else",
        "End",
        "Return",
        "Drop",
        "Select",
        "I8x16Shuffle",
        "MemorySize",
        "MemoryGrow",
    ];
    // Immediates that the tables have no room for.
    let shapes = ["", "memarg", "memarg lane", "lane"];
    let expected = all.iter().filter(|(proposal, name, immediates)| {
        proposals.contains(proposal) && shapes.contains(immediates) && !others.contains(name)
    });
    let mut expected: Vec<String> = expected.map(|(_, name, _)| (*name).to_owned()).collect();
    fn variants<T: std::fmt::Debug>(all: &[T]) -> impl Iterator<Item = String> {
        all.iter().map(|op| format!("{op:?}"))
    }
    let mut found: Vec<String> = variants(UnaryOp::ALL)
        .chain(variants(BinaryOp::ALL))
        .chain(variants(TernaryOp::ALL))
        .chain(variants(LoadOp::ALL))
        .chain(variants(StoreOp::ALL))
        .chain(variants(LoadLaneOp::ALL))
        .chain(variants(StoreLaneOp::ALL))
        .chain(variants(ExtractLaneOp::ALL))
        .chain(variants(ReplaceLaneOp::ALL))
        .collect();
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
}

#[test]
fn opcodes_and_discriminants_are_in_order_of_all() {
    for (position, op) in BinaryOp::ALL.iter().enumerate() {
        assert_eq!(*op as usize, position);
    }
    assert_eq!(BinaryOp::I32Add.opcode(), 0x6a);
    assert_eq!(UnaryOp::I64TruncSatF64U.opcode(), 0xfc_007);
    assert_eq!(TernaryOp::I32x4RelaxedDotI8x16I7x16AddS.opcode(), 0xfd_113);
    assert_eq!(BinaryOp::I32x4DotI16x8S.to_string(), "i32x4.dot_i16x8_s");
}

#[test]
fn what_traps_compares_and_commutes() {
    let traps: Vec<_> = BinaryOp::ALL.iter().filter(|op| op.can_trap()).map(|op| op.name()).collect();
    assert_eq!(
        traps,
        [
            "i32.div_s",
            "i32.div_u",
            "i32.rem_s",
            "i32.rem_u",
            "i64.div_s",
            "i64.div_u",
            "i64.rem_s",
            "i64.rem_u",
        ]
    );
    let traps = UnaryOp::ALL.iter().filter(|op| op.can_trap());
    assert!(traps.clone().all(|op| op.name().contains(".trunc_f")) && traps.count() == 8);
    for op in BinaryOp::ALL {
        let (lanes, operation) = op.name().split_once('.').unwrap();
        let scalar = !lanes.contains('x') && lanes != "v128";
        let base = operation.split('_').next().unwrap();
        assert_eq!(
            op.is_comparison(),
            scalar && ["eq", "ne", "lt", "gt", "le", "ge"].contains(&base),
            "{op}"
        );
        if op.is_comparison() {
            assert_eq!(op.result(), ValueType::I32);
        }
        if op.is_commutative() {
            assert_eq!(op.params()[0], op.params()[1]);
            assert!(!lanes.starts_with('f') || ["eq", "ne"].contains(&operation), "{op}");
        }
    }
    for op in [BinaryOp::I32Sub, BinaryOp::I64Rotl, BinaryOp::V128AndNot, BinaryOp::I8x16Swizzle] {
        assert!(!op.is_commutative(), "{op}");
    }
    for op in [BinaryOp::I32Mul, BinaryOp::I64Ne, BinaryOp::V128Xor, BinaryOp::I16x8ExtMulHighI8x16U] {
        assert!(op.is_commutative(), "{op}");
    }
}
