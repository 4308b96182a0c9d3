//! Addresses of memory accesses: 32-bit indices whose register may hold anything above, folded
//! additions, shifts and masks that wrap at 32 bits, offsets of every size, on every engine. An
//! access is where the specification says, or traps.

use wz::{Function, Trap};
use wz_core::numeric::eval;
use wz_decode::ops::{LoadOp, StoreOp};
use wz_testkit::engines::for_each_engine;
use wz_testkit::fixture::Fixture;

const PAGE: u64 = 65_536;

/// Indices as `i64`: `i32.wrap_i64` has to forget the upper half.
const INDICES: &[u64] = &[
    0,
    1,
    0xfff0,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0xffff_fffc,
    0xdead_beef_0000_0000,
    0xdead_beef_0000_0010,
    0xffff_ffff_0000_fff8,
    0xffff_ffff_ffff_ffff,
    0x8000_0000_8000_0000,
    0x0000_0001_4000_0004,
    0xffff_ffff_c000_0001,
];

const OFFSETS: &[u64] = &[0, 1, 4095, 4096, 65_535, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

/// How an index is made of the parameter, and what it is.
type Shape = (&'static str, fn(u64) -> u32);

const SHAPES: &[Shape] = &[
    ("(i32.wrap_i64 (local.get 0))", |x| x as u32),
    ("(i32.wrap_i64 (i64.add (local.get 0) (i64.const 0x500000003)))", |x| {
        x.wrapping_add(0x5_0000_0003) as u32
    }),
    ("(i32.add (i32.wrap_i64 (local.get 0)) (i32.const 16))", |x| (x as u32).wrapping_add(16)),
    ("(i32.add (i32.wrap_i64 (local.get 0)) (i32.const -16))", |x| (x as u32).wrapping_sub(16)),
    ("(i32.sub (i32.wrap_i64 (local.get 0)) (i32.const 8))", |x| (x as u32).wrapping_sub(8)),
    ("(i32.shl (i32.wrap_i64 (local.get 0)) (i32.const 2))", |x| (x as u32) << 2),
    ("(i32.add (i32.shl (i32.wrap_i64 (local.get 0)) (i32.const 3)) (i32.const 8))", |x| {
        ((x as u32) << 3).wrapping_add(8)
    }),
    ("(i32.add (i32.wrap_i64 (local.get 0)) (i32.wrap_i64 (i64.shr_u (local.get 0) (i64.const 32))))", |x| {
        (x as u32).wrapping_add((x >> 32) as u32)
    }),
    ("(i32.and (i32.wrap_i64 (local.get 0)) (i32.const 0xfff8))", |x| x as u32 & 0xfff8),
    ("(i32.shr_u (i32.wrap_i64 (local.get 0)) (i32.const 17))", |x| (x as u32) >> 17),
    ("(i32.shr_s (i32.wrap_i64 (local.get 0)) (i32.const 15))", |x| (x as i32 >> 15) as u32),
    ("(i32.mul (i32.wrap_i64 (local.get 0)) (i32.const 12))", |x| (x as u32).wrapping_mul(12)),
    ("(call $wrap (local.get 0))", |x| x as u32),
    ("(select (i32.wrap_i64 (local.get 0)) (i32.const 4) (i32.const 1))", |x| x as u32),
    (
        "(block (result i32) (br_if 0 (i32.wrap_i64 (local.get 0)) (i64.ne (local.get 0) (i64.const 5))))",
        |x| x as u32,
    ),
    ("(i32.extend8_s (i32.wrap_i64 (local.get 0)))", |x| i32::from(x as i8) as u32),
    ("(i32.rotl (i32.wrap_i64 (local.get 0)) (i32.const 4))", |x| (x as u32).rotate_left(4)),
    ("(i32.reinterpret_f32 (f32.reinterpret_i32 (i32.wrap_i64 (local.get 0))))", |x| x as u32),
    ("(i32.trunc_sat_f64_s (f64.convert_i32_s (i32.wrap_i64 (local.get 0))))", |x| x as u32),
    ("(i32x4.extract_lane 1 (i32x4.splat (i32.wrap_i64 (local.get 0))))", |x| x as u32),
    ("(i32.clz (i32.wrap_i64 (local.get 0)))", |x| (x as u32).leading_zeros()),
    ("(global.get $g)", |x| x as u32),
];

fn pattern() -> Vec<u8> {
    (0..PAGE).map(|at| (at * 13 + at / 255) as u8).collect()
}

fn run(function: &Function, index: u64) -> Result<u128, Trap> {
    let mut slots = [index, 0, 0, 0];
    match function.call_with_stack(&mut slots) {
        Ok(()) => Ok(u128::from(slots[0]) | u128::from(slots[1]) << 64),
        Err(error) => Err(error.trap().unwrap_or_else(|| panic!("{error}"))),
    }
}

#[test]
fn loads() {
    for_each_engine(|engine| {
        for (op, result) in [
            (LoadOp::I32Load, "i32"),
            (LoadOp::I32Load8U, "i32"),
            (LoadOp::I64Load16S, "i64"),
            (LoadOp::I64Load, "i64"),
            (LoadOp::F64Load, "f64"),
            (LoadOp::V128Load, "v128"),
            (LoadOp::V128Load32Splat, "v128"),
        ] {
            let mut text = String::from(
                "(module (memory (export \"memory\") 1) (global $g (mut i32) (i32.const 0))
                    (func $wrap (param i64) (result i32) (i32.wrap_i64 (local.get 0)))\n",
            );
            for (number, (shape, _)) in SHAPES.iter().enumerate() {
                for offset in OFFSETS {
                    text += &format!(
                        "(func (export \"{number} {offset}\") (param i64) (result {result})
                            (global.set $g (i32.wrap_i64 (local.get 0))) ({op} offset={offset} {shape}))\n"
                    );
                }
            }
            text += ")";
            let fixture = Fixture::new((engine.config)());
            let module = fixture.module(&text);
            let bytes = pattern();
            module.memory().expect("a memory").write(0_u32, &bytes).expect("in bounds");
            for (number, (shape, index_of)) in SHAPES.iter().enumerate() {
                for offset in OFFSETS {
                    let function =
                        module.exported_function(&format!("{number} {offset}")).expect("an export");
                    for index in INDICES {
                        let start = u64::from(index_of(*index)) + offset;
                        let end = start + u64::from(op.bytes());
                        let mut expected = Err(Trap::OutOfBoundsMemoryAccess);
                        if end <= PAGE {
                            expected = Ok(eval::load(op, &bytes[start as usize..end as usize]));
                        }
                        let mut found = run(&function, *index);
                        if result != "v128" {
                            found = found.map(|bits| bits & u128::from(u64::MAX));
                        }
                        assert_eq!(found, expected, "{op} offset={offset} {shape} of {index:#x}");
                    }
                }
            }
        }
    });
}

#[test]
fn stores() {
    for_each_engine(|engine| {
        for (op, value) in [
            (StoreOp::I32Store8, "(i32.const 0x5a)"),
            (StoreOp::I64Store, "(i64.const 0x0102030405060708)"),
            (StoreOp::V128Store, "(v128.const i64x2 1 2)"),
        ] {
            let mut text = String::from(
                "(module (memory (export \"memory\") 1) (global $g (mut i32) (i32.const 0))
                    (func $wrap (param i64) (result i32) (i32.wrap_i64 (local.get 0)))\n",
            );
            for (number, (shape, _)) in SHAPES.iter().enumerate() {
                for offset in OFFSETS {
                    text += &format!(
                        "(func (export \"{number} {offset}\") (param i64)
                            (global.set $g (i32.wrap_i64 (local.get 0))) ({op} offset={offset} {shape} {value}))\n"
                    );
                }
            }
            text += ")";
            let stored: u128 = match op {
                StoreOp::I32Store8 => 0x5a,
                StoreOp::I64Store => 0x0102_0304_0506_0708,
                _ => 1 | 2 << 64,
            };
            let fixture = Fixture::new((engine.config)());
            let module = fixture.module(&text);
            let memory = module.memory().expect("a memory");
            let zeros = vec![0; PAGE as usize];
            for (number, (shape, index_of)) in SHAPES.iter().enumerate() {
                for offset in OFFSETS {
                    let function =
                        module.exported_function(&format!("{number} {offset}")).expect("an export");
                    for index in INDICES {
                        let start = u64::from(index_of(*index)) + offset;
                        let end = start + u64::from(op.bytes());
                        let found = run(&function, *index).map(|_| ());
                        let mut expected = Err(Trap::OutOfBoundsMemoryAccess);
                        let mut after = zeros.clone();
                        if end <= PAGE {
                            expected = Ok(());
                            after[start as usize..end as usize].copy_from_slice(&eval::store(op, stored));
                        }
                        assert_eq!(found, expected, "{op} offset={offset} {shape} of {index:#x}");
                        let bytes = memory.read_vec(0_u32, PAGE).expect("in bounds");
                        assert!(bytes == after, "{op} offset={offset} {shape} of {index:#x}: memory");
                        if end <= PAGE {
                            memory.write(start, &zeros[..op.bytes() as usize]).expect("in bounds");
                        }
                    }
                }
            }
        }
    });
}

/// An operand that is a load of the memory's last bytes is loaded no wider than it is.
#[test]
fn operands_at_the_end_of_memory() {
    let uses = [
        ("i32", "(i32.add (i32.load (local.get 0)) (i32.const 1))", 4),
        ("i64", "(i64.xor (i64.load (local.get 0)) (i64.const -1))", 8),
        ("i32", "(i32.and (i32.load8_u (local.get 0)) (i32.const 255))", 1),
        ("i32", "(i32.add (i32.load16_s (local.get 0)) (i32.const 1))", 2),
        ("i32", "(i32.eqz (i32.load8_u (local.get 0)))", 1),
        ("i32", "(i32.lt_u (i32.const 7) (i32.load16_u (local.get 0)))", 2),
        ("f32", "(f32.add (f32.load (local.get 0)) (f32.const 1))", 4),
        ("f32", "(f32.copysign (f32.const 1) (f32.load (local.get 0)))", 4),
        ("f64", "(f64.sqrt (f64.load (local.get 0)))", 8),
        ("f64", "(f64.promote_f32 (f32.load (local.get 0)))", 4),
        ("f64", "(f64.copysign (f64.load (local.get 0)) (f64.const -1))", 8),
        ("f64", "(f64.convert_i32_s (i32.load (local.get 0)))", 4),
        ("v128", "(f64x2.splat (f64.load (local.get 0)))", 8),
        ("v128", "(f32x4.splat (f32.load (local.get 0)))", 4),
        ("v128", "(i8x16.splat (i32.load8_u (local.get 0)))", 1),
        ("v128", "(i64x2.splat (i64.load (local.get 0)))", 8),
        ("v128", "(v128.load64_zero (local.get 0))", 8),
        ("v128", "(i16x8.extend_low_i8x16_s (v128.load64_zero (local.get 0)))", 8),
        ("v128", "(v128.load8_splat (local.get 0))", 1),
        ("v128", "(v128.load32x2_u (local.get 0))", 8),
        ("v128", "(i32x4.add (v128.load (local.get 0)) (v128.const i32x4 1 2 3 4))", 16),
        ("v128", "(f64x2.promote_low_f32x4 (v128.load64_zero (local.get 0)))", 8),
        ("v128", "(i32x4.replace_lane 2 (v128.const i32x4 1 2 3 4) (i32.load (local.get 0)))", 4),
        ("v128", "(i64x2.replace_lane 1 (v128.const i32x4 1 2 3 4) (i64.load (local.get 0)))", 8),
    ];
    for_each_engine(|engine| {
        let mut text = String::from("(module (memory 1 1)\n");
        for (number, (result, body, _)) in uses.iter().enumerate() {
            text += &format!("(func (export \"{number}\") (param i32) (result {result}) {body})\n");
        }
        text += ")";
        let module = Fixture::new((engine.config)()).module(&text);
        for (number, (_, body, bytes)) in uses.iter().enumerate() {
            let function = module.exported_function(&number.to_string()).expect("an export");
            let found = run(&function, PAGE - bytes);
            assert!(found.is_ok(), "{body} at the end: {found:?}");
            assert_eq!(
                run(&function, PAGE - bytes + 1),
                Err(Trap::OutOfBoundsMemoryAccess),
                "{body} beyond the end"
            );
        }
    });
}

/// Results of operators that engines leave to the host are as wide as their type.
#[test]
fn results_of_slow_operators_are_narrow() {
    for_each_engine(|engine| {
        let module = Fixture::new((engine.config)()).module(
            r#"(module
                (memory (export "memory") 1 3) (table $t 2 5 externref) (table $f 3 4 funcref)
                (data (i32.const 1) "\2a") (data (i32.const 2) "\2b")
                (func (export "memory.grow") (param i32) (result i64 i32)
                    (local i32)
                    (local.set 1 (memory.grow (local.get 0)))
                    (i64.extend_i32_u (local.get 1))
                    (i32.load8_u (i32.and (local.get 1) (i32.const 3))))
                (func (export "table.grow") (param i32) (result i64 i32)
                    (local i32)
                    (local.set 1 (table.grow $t (ref.null extern) (local.get 0)))
                    (i64.extend_i32_u (local.get 1))
                    (i32.load8_u (i32.and (local.get 1) (i32.const 3))))
                (func (export "memory.size") (result i64) (i64.extend_i32_u (memory.size)))
                (func (export "table.size") (result i64) (i64.extend_i32_u (table.size $f)))
                (func (export "use as index") (result i32)
                    (ref.is_null (table.get $f (i32.add (table.grow $f (ref.null func) (i32.const 9)) (i32.const 1))))))"#,
        );
        let call = |name: &str, params: &[u64]| {
            module.exported_function(name).expect("an export").call(params).expect("a result")
        };
        assert_eq!(call("memory.grow", &[1]), [1, 42]);
        assert_eq!(call("memory.grow", &[100]), [0xffff_ffff, 0]);
        assert_eq!(call("table.grow", &[0]), [2, 43]);
        assert_eq!(call("table.grow", &[100]), [0xffff_ffff, 0]);
        assert_eq!(call("memory.size", &[]), [2]);
        assert_eq!(call("table.size", &[]), [3]);
        assert_eq!(call("use as index", &[]), [1]);
    });
}
