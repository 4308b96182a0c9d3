//! Memories and tables: the API's bounds, growth and limits, 64-bit addresses at their extremes,
//! many in one process, segments. On every engine.

use wz::{ErrorKind, ExternRef, Memory, Trap, Value};
use wz_testkit::engines::for_each_engine;
use wz_testkit::fixture::{Fixture, call, call_error};

#[test]
fn the_api_is_bounded() {
    for_each_engine(|engine| {
        let module = Fixture::new((engine.config)()).module(r#"(module (memory (export "m") 1 3))"#);
        let memory = module.memory().unwrap();
        assert_eq!((memory.size(), memory.pages()), (65_536, 1));
        fn check_all(memory: &Memory, offset: u64, in_bounds: u64) {
            let fits = |len: u64| in_bounds >= len;
            assert_eq!(memory.read_u8(offset).is_some(), fits(1));
            assert_eq!(memory.read_u16(offset).is_some(), fits(2));
            assert_eq!(memory.read_u32(offset).is_some(), fits(4));
            assert_eq!(memory.read_u64(offset).is_some(), fits(8));
            assert_eq!(memory.read_f32(offset).is_some(), fits(4));
            assert_eq!(memory.read_f64(offset).is_some(), fits(8));
            assert_eq!(memory.write_u8(offset, 1).is_some(), fits(1));
            assert_eq!(memory.write_u16(offset, 1).is_some(), fits(2));
            assert_eq!(memory.write_u32(offset, 1).is_some(), fits(4));
            assert_eq!(memory.write_u64(offset, 1).is_some(), fits(8));
            assert_eq!(memory.write_f32(offset, 1.0).is_some(), fits(4));
            assert_eq!(memory.write_f64(offset, 1.0).is_some(), fits(8));
            assert_eq!(memory.read(offset, &mut [0; 3]).is_some(), fits(3));
            assert_eq!(memory.write(offset, b"abc").is_some(), fits(3));
            assert_eq!(memory.read_vec(offset, 5_u32).is_some(), fits(5));
            assert_eq!(memory.fill(offset, 5_u32, 0).is_some(), fits(5));
            assert_eq!(memory.view(offset, 5_u32).is_some(), fits(5));
        }
        for in_bounds in 0..=8 {
            check_all(&memory, 65_536 - in_bounds, in_bounds);
        }
        for offset in [65_537, u64::from(u32::MAX), 1 << 32, u64::MAX - 8, u64::MAX] {
            check_all(&memory, offset, 0);
        }
        assert!(memory.read_vec(0_u32, u64::MAX).is_none(), "nothing is allocated for it");
        assert!(memory.fill(0_u32, u64::MAX, 1).is_none());
        assert_eq!(memory.read_vec(65_536_u32, 0_u32), Some(Vec::new()), "nothing at the end is in bounds");
    });
}

#[test]
fn numbers_are_little_endian_and_views_write_through() {
    for_each_engine(|engine| {
        let module = Fixture::new((engine.config)()).module(
            r#"(module (memory (export "m") 1 3)
                (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0)))
                (func (export "grow") (result i32) (memory.grow (i32.const 1))))"#,
        );
        let memory = module.memory().unwrap();
        memory.write_u32(1_u32, 0x0403_0201).unwrap();
        memory.write_f64(8_u32, 1.0).unwrap();
        memory.write_string(16_u32, "grüße").unwrap();
        assert_eq!(memory.read_vec(0_u32, 6_u32).unwrap(), [0, 1, 2, 3, 4, 0]);
        assert_eq!(memory.read_u64(8_u32), Some(1.0_f64.to_bits()));
        assert_eq!(memory.read_string(16_u32, 7_u32).as_deref(), Some("grüße"));
        assert_eq!(memory.read_string(16_u32, 3_u32), None, "not UTF-8");
        let view = memory.view(100_u32, 10_u32).unwrap();
        assert!(matches!(call(&module, "grow", &[]).unwrap()[..], [Value::I32(1)]));
        view[3].store(7, std::sync::atomic::Ordering::Relaxed);
        assert!(matches!(call(&module, "load", &[Value::I32(103)]).unwrap()[..], [Value::I32(7)]));
        memory.write_u8(104_u32, 8).unwrap();
        assert_eq!(view[4].load(std::sync::atomic::Ordering::Relaxed), 8);
    });
}

#[test]
fn growth_ends_at_the_maximum_and_at_the_limit() {
    for_each_engine(|engine| {
        let text = r#"(module (memory (export "m") 1 4)
            (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
            (func (export "size") (result i32) (memory.size)))"#;
        for (limit, largest) in [(100, 4_u32), (3, 3)] {
            let module = Fixture::new((engine.config)().with_memory_limit_pages(limit)).module(text);
            let grow = module.typed_function::<u32, i32>("grow").unwrap();
            let memory = module.memory().unwrap();
            assert_eq!(grow.call(largest).unwrap(), -1);
            assert_eq!(grow.call(u32::MAX).unwrap(), -1);
            assert_eq!(memory.grow(u64::MAX), None);
            assert_eq!(grow.call(1).unwrap(), 1);
            assert_eq!(memory.grow(largest - 2), Some(2));
            assert_eq!(memory.grow(1_u32), None);
            assert_eq!((memory.grow(0_u32), grow.call(0).unwrap()), (Some(largest.into()), largest as i32));
            assert_eq!(memory.size(), u64::from(largest) * 65_536);
            assert_eq!(module.typed_function::<(), i32>("size").unwrap().call(()).unwrap(), largest as i32);
            assert_eq!(memory.read_u64(largest * 65_536 - 8), Some(0), "new pages are zero");
        }
        let error =
            Fixture::new((engine.config)().with_memory_limit_pages(3)).try_module("(module (memory 4))");
        let error = error.unwrap_err();
        assert!(error.to_string().contains("over limit of 3 pages"), "{error}");
    });
}

#[test]
fn four_gibibytes_do_not_overflow() {
    for_each_engine(|engine| {
        let module = Fixture::new((engine.config)()).module(
            r#"(module (memory (export "m") 65536)
                (func (export "last") (param i32) (result i64)
                    (i64.store8 offset=15 (i32.const -16) (i64.const 9)) (i64.load8_u offset=15 (i32.const -16)))
                (func (export "beyond") (result i64) (i64.load offset=9 (i32.const -16)))
                (func (export "size") (result i32) (memory.size))
                (func (export "grow") (result i32) (memory.grow (i32.const 1))))"#,
        );
        let memory = module.memory().unwrap();
        assert_eq!((memory.size(), memory.pages()), (1 << 32, 65_536));
        assert!(matches!(call(&module, "last", &[Value::I32(0)]).unwrap()[..], [Value::I64(9)]));
        assert_eq!(memory.read_u8(u32::MAX), Some(9));
        assert_eq!(memory.read_u16(u32::MAX), None);
        assert_eq!(call_error(&module, "beyond", &[]).trap(), Some(Trap::OutOfBoundsMemoryAccess));
        assert!(matches!(call(&module, "size", &[]).unwrap()[..], [Value::I32(65_536)]));
        assert!(matches!(call(&module, "grow", &[]).unwrap()[..], [Value::I32(-1)]));
    });
}

/// Every width of access at the last bytes of a memory, with addresses of every origin: what lies
/// before the end is reached, what lies behind is not, whatever the sum of address and offset.
#[test]
fn accesses_at_the_edge() {
    let widths = [
        ("i32.load8_u", 1_u64),
        ("i32.load16_s", 2),
        ("i32.load", 4),
        ("i64.load8_s", 1),
        ("i64.load16_u", 2),
        ("i64.load32_s", 4),
        ("i64.load", 8),
        ("f32.load", 4),
        ("f64.load", 8),
        ("v128.load", 16),
        ("v128.load8x8_s", 8),
        ("v128.load16_splat", 2),
        ("v128.load64_zero", 8),
    ];
    for_each_engine(|engine| {
        for (memory_type, ty) in [("", "i32"), ("i64", "i64")] {
            let mut functions = String::new();
            for (name, _) in widths {
                for offset in [0_u64, 1, 4_096, 65_528, 65_536, 0xffff_ffff] {
                    functions += &format!(
                        "(func (export \"{name} {offset}\") (param {ty}) (drop ({name} offset={offset} (local.get 0))))\n"
                    );
                    functions += &format!(
                        "(func (export \"{name} {offset} sum\") (param {ty}) (local {ty})
                            (local.set 1 ({ty}.add (local.get 0) ({ty}.const 1)))
                            (drop ({name} offset={offset} ({ty}.sub (local.get 1) ({ty}.const 1)))))\n"
                    );
                }
            }
            let module = Fixture::new((engine.config)())
                .module(&format!("(module (memory {memory_type} 1) {functions})"));
            for (name, width) in widths {
                for offset in [0_u64, 1, 4_096, 65_528, 65_536, 0xffff_ffff] {
                    let end = 65_536_u64.checked_sub(offset + width);
                    let mut addresses: Vec<u64> = end.into_iter().flat_map(|end| [end, end + 1]).collect();
                    addresses.extend([0, 65_535, 65_536, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]);
                    if ty == "i64" {
                        addresses.extend([
                            1 << 32,
                            (1 << 32) + 8,
                            i64::MAX as u64,
                            1 << 63,
                            u64::MAX - 15,
                            u64::MAX,
                        ]);
                    }
                    for address in addresses {
                        let fits = end.is_some_and(|end| address <= end);
                        for suffix in ["", " sum"] {
                            let export = format!("{name} {offset}{suffix}");
                            let function = module.exported_function(&export).unwrap();
                            match function.call(&[address]) {
                                Ok(_) => assert!(fits, "{ty} {export} at {address:#x}"),
                                Err(error) => {
                                    assert!(!fits, "{ty} {export} at {address:#x}");
                                    assert_eq!(error.trap(), Some(Trap::OutOfBoundsMemoryAccess));
                                }
                            }
                        }
                    }
                }
            }
        }
    });
}

#[test]
fn memory64_extremes() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        let module = fixture.module(
            r#"(module (memory (export "m") i64 1 0x1_0000_0000_0000)
                (func (export "grow") (param i64) (result i64) (memory.grow (local.get 0)))
                (func (export "size") (result i64) (memory.size))
                (func (export "fill") (param i64 i64) (memory.fill (local.get 0) (i32.const 1) (local.get 1)))
                (func (export "copy") (param i64 i64 i64) (memory.copy (local.get 0) (local.get 1) (local.get 2))))"#,
        );
        let grow = module.typed_function::<u64, i64>("grow").unwrap();
        assert_eq!(grow.call(u64::MAX).unwrap(), -1);
        assert_eq!(grow.call(1 << 47).unwrap(), -1);
        assert_eq!(grow.call(1 << 32).unwrap(), -1, "more than the limit");
        assert_eq!(grow.call(1).unwrap(), 1);
        assert_eq!(module.typed_function::<(), i64>("size").unwrap().call(()).unwrap(), 2);
        let fill = module.typed_function::<(u64, u64), ()>("fill").unwrap();
        let copy = module.typed_function::<(u64, u64, u64), ()>("copy").unwrap();
        let out_of_bounds = |result: wz::Result<()>| {
            assert_eq!(result.unwrap_err().trap(), Some(Trap::OutOfBoundsMemoryAccess));
        };
        for (address, len) in
            [(u64::MAX, 1), (1, u64::MAX), (u64::MAX, u64::MAX), (1 << 32, 1), (131_072, 1), (0, 1 << 32)]
        {
            out_of_bounds(fill.call((address, len)));
            out_of_bounds(copy.call((address, 0, len)));
            out_of_bounds(copy.call((0, address, len)));
        }
        fill.call((131_072, 0)).unwrap();
        copy.call((0, 131_072, 0)).unwrap();
        fill.call((131_071, 1)).unwrap();
        assert_eq!(module.memory().unwrap().read_u8(131_071_u32), Some(1));
        for text in ["(module (memory i64 0x1_0000_0000_0000))", "(module (memory i64 0x100_0000))"] {
            let error = fixture.try_module(text).unwrap_err();
            assert!(error.to_string().contains("limit"), "{error}");
        }
    });
}

#[test]
fn memory64_beyond_four_gibibytes() {
    for_each_engine(|engine| {
        let module = Fixture::new((engine.config)()).module(
            r#"(module (memory (export "m") i64 65540)
                (func (export "store") (param i64 i64) (i64.store offset=8 (local.get 0) (local.get 1)))
                (func (export "load") (param i64) (result i64) (i64.load offset=0x1_0000_0008 (local.get 0))))"#,
        );
        module.typed_function::<(u64, u64), ()>("store").unwrap().call(((1 << 32) + 16, 77)).unwrap();
        assert_eq!(module.typed_function::<u64, u64>("load").unwrap().call(16).unwrap(), 77);
        assert_eq!(module.memory().unwrap().read_u8((1_u64 << 32) + 24), Some(77));
        assert_eq!(module.memory().unwrap().read_u8(24_u32), Some(0), "the address is not cut to 32 bits");
    });
}

#[test]
fn tables_at_the_api() {
    for_each_engine(|engine| {
        let module = Fixture::new((engine.config)().with_table_limit_elements(50)).module(
            r#"(module
                (table (export "f") 2 4 funcref) (table (export "x") i64 1 externref)
                (func $nine (export "nine") (result i32) (i32.const 9))
                (elem (table 0) (i32.const 1) func $nine)
                (func (export "grow") (param i64) (result i64) (table.grow 1 (ref.null extern) (local.get 0)))
                (func (export "get") (param i64) (result externref) (table.get 1 (local.get 0)))
                (func (export "call") (param i32) (result i32) (call_indirect (result i32) (local.get 0))))"#,
        );
        let (functions, values) = (module.exported_table("f").unwrap(), module.exported_table("x").unwrap());
        assert!(matches!(functions.get(0_u32), Some(Value::FuncRef(None))));
        let Some(Value::FuncRef(Some(nine))) = functions.get(1_u32) else { panic!("a function") };
        assert!(nine.same(&module.exported_function("nine").unwrap()));
        assert!(functions.get(2_u32).is_none() && functions.get(u64::MAX).is_none());
        functions.set(0_u32, Some(nine.clone())).unwrap();
        assert!(matches!(call(&module, "call", &[Value::I32(0)]).unwrap()[..], [Value::I32(9)]));
        let wrong = functions.set(0_u32, None::<ExternRef>).unwrap_err();
        assert_eq!(wrong.to_string(), "expected funcref, but passed externref");
        let beyond = functions.set(2_u32, None::<wz::Function>).unwrap_err();
        assert!(matches!(beyond.kind(), ErrorKind::Argument(_)));
        assert_eq!(functions.grow(3_u32, None::<wz::Function>).unwrap(), None, "over the maximum");
        assert_eq!(functions.grow(2_u32, Some(nine)).unwrap(), Some(2));
        assert!(matches!(call(&module, "call", &[Value::I32(3)]).unwrap()[..], [Value::I32(9)]));

        let grow = module.typed_function::<u64, i64>("grow").unwrap();
        assert_eq!(grow.call(u64::MAX).unwrap(), -1);
        assert_eq!(grow.call(1 << 32).unwrap(), -1);
        assert_eq!(grow.call(50).unwrap(), -1, "over the limit");
        assert_eq!(grow.call(49).unwrap(), 1);
        assert_eq!(values.size(), 50);
        values.set(49_u32, Some(ExternRef::new(5_u8))).unwrap();
        let get = module.typed_function::<u64, Option<ExternRef>>("get").unwrap();
        assert_eq!(get.call(49).unwrap().unwrap().downcast_ref::<u8>(), Some(&5));
        for index in [50, 1 << 32, (1 << 32) + 49, u64::MAX] {
            assert_eq!(get.call(index).unwrap_err().trap(), Some(Trap::InvalidTableAccess), "{index:#x}");
        }
    });
}

#[test]
fn table_limits_are_errors() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)().with_table_limit_elements(100));
        assert!(fixture.try_module("(module (table 100 funcref))").is_ok());
        for text in ["(module (table 101 funcref))", "(module (table i64 0xffff_ffff_ffff_ffff externref))"] {
            let error = fixture.try_module(text).unwrap_err();
            assert!(error.to_string().contains("limit"), "{error}");
        }
    });
}

#[test]
fn many_memories_in_one_process() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        let compiled = fixture.compile(
            r#"(module (memory (export "m") 1 2) (memory $second 1)
                (func (export "store") (param i32) (i32.store (i32.const 0) (local.get 0)))
                (func (export "load") (result i32) (i32.load (i32.const 0))))"#,
        );
        let config = || wz::ModuleConfig::new().with_name("");
        let modules: Vec<_> =
            (0..300).map(|_| fixture.runtime.instantiate_module(&compiled, config()).unwrap()).collect();
        for (number, module) in modules.iter().enumerate() {
            module.typed_function::<i32, ()>("store").unwrap().call(number as i32).unwrap();
        }
        for (number, module) in modules.iter().enumerate() {
            assert_eq!(module.typed_function::<(), i32>("load").unwrap().call(()).unwrap(), number as i32);
        }
        // What is freed can be had again, many times over.
        drop(modules);
        for _ in 0..2_000 {
            drop(fixture.runtime.instantiate_module(&compiled, config()).unwrap());
        }
    });
}

#[test]
fn many_memories_in_one_module() {
    for_each_engine(|engine| {
        let count = 50;
        let memories: String = (0..count).map(|index| format!("(memory $m{index} 1)")).collect();
        let stores: String = (0..count)
            .map(|index| format!("(i32.store $m{index} (i32.const 4) (i32.const {})) ", index * 3 + 1))
            .collect();
        let sums: String =
            (0..count).map(|index| format!("(i32.load $m{index} (i32.const 4)) i32.add ")).collect();
        let module = Fixture::new((engine.config)()).module(&format!(
            "(module {memories} (func (export \"run\") (result i32) {stores} (i32.const 0) {sums}))"
        ));
        let expected: i32 = (0..count).map(|index| index * 3 + 1).sum();
        let results = call(&module, "run", &[]).unwrap();
        assert!(matches!(results[..], [Value::I32(sum)] if sum == expected), "{results:?}");
    });
}

#[test]
fn segments_are_written_in_order_and_dropped() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        let module = fixture.module(
            r#"(module
                (memory (export "m") 1) (table $t 5 funcref) (table $x 5 externref)
                (data (i32.const 0) "aaaa") (data (i32.const 2) "bb")
                (data (offset (i32.add (i32.const 100) (i32.const 5))) "cc")
                (data $passive "defg")
                (elem (table $t) (i32.const 1) func $one $two)
                (elem $functions funcref (ref.func $two) (ref.null func))
                (elem declare func $one)
                (func $one (result i32) (i32.const 1)) (func $two (result i32) (i32.const 2))
                (func (export "init") (param i32 i32 i32)
                    (memory.init $passive (local.get 0) (local.get 1) (local.get 2)))
                (func (export "drop") (data.drop $passive) (elem.drop $functions))
                (func (export "elem") (param i32 i32 i32)
                    (table.init $t $functions (local.get 0) (local.get 1) (local.get 2)))
                (func (export "call") (param i32) (result i32) (call_indirect $t (result i32) (local.get 0))))"#,
        );
        let memory = module.memory().unwrap();
        assert_eq!(memory.read_string(0_u32, 4_u32).unwrap(), "aabb");
        assert_eq!(memory.read_string(105_u32, 2_u32).unwrap(), "cc");
        let three = |a, b, c| [Value::I32(a), Value::I32(b), Value::I32(c)];
        call(&module, "init", &three(10, 1, 3)).unwrap();
        assert_eq!(memory.read_string(10_u32, 3_u32).unwrap(), "efg");
        assert!(matches!(call(&module, "call", &[Value::I32(2)]).unwrap()[..], [Value::I32(2)]));
        call(&module, "elem", &three(1, 0, 2)).unwrap();
        assert!(matches!(call(&module, "call", &[Value::I32(1)]).unwrap()[..], [Value::I32(2)]));
        assert_eq!(call_error(&module, "call", &[Value::I32(2)]).trap(), Some(Trap::InvalidTableAccess));
        call(&module, "drop", &[]).unwrap();
        call(&module, "init", &three(0, 0, 0)).unwrap();
        assert_eq!(call_error(&module, "init", &three(0, 0, 1)).trap(), Some(Trap::OutOfBoundsMemoryAccess));
        assert_eq!(call_error(&module, "elem", &three(0, 0, 1)).trap(), Some(Trap::InvalidTableAccess));
    });
}

#[test]
fn a_segment_that_does_not_fit_leaves_what_was_written_before() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        let owner = fixture.named(
            "owner",
            r#"(module (memory (export "m") 1) (table (export "t") 2 funcref)
                (func (export "call") (result i32) (call_indirect (result i32) (i32.const 0))))"#,
        );
        let error = fixture
            .try_module(
                r#"(module (import "owner" "m" (memory 1)) (import "owner" "t" (table 2 funcref))
                    (func $f (result i32) (i32.const 5))
                    (elem (i32.const 0) $f) (data (i32.const 0) "ok") (data (i32.const 65535) "no"))"#,
            )
            .unwrap_err();
        assert_eq!(error.trap(), Some(Trap::OutOfBoundsMemoryAccess), "{error}");
        assert_eq!(owner.memory().unwrap().read_string(0_u32, 2_u32).unwrap(), "ok");
        // The function in the table lives although its instance never came to be.
        assert!(matches!(call(&owner, "call", &[]).unwrap()[..], [Value::I32(5)]));
    });
}

#[test]
fn globals_at_the_api() {
    for_each_engine(|engine| {
        let module = Fixture::new((engine.config)()).module(
            r#"(module
                (global (export "const") i32 (i32.const 5))
                (global (export "v") (mut v128) (v128.const i64x2 1 2))
                (global (export "f") (mut f32) (f32.const -0))
                (global $e (export "e") (mut externref) (ref.null extern))
                (func (export "get") (result externref) (global.get $e)))"#,
        );
        let global = |name: &str| module.exported_global(name).unwrap();
        assert_eq!(global("const").set(6).unwrap_err().to_string(), "global is immutable");
        assert_eq!(global("f").set(6).unwrap_err().to_string(), "expected f32, but passed i32");
        global("v").set(wz::V128(u128::MAX - 1)).unwrap();
        assert!(matches!(global("v").get(), Value::V128(value) if value.0 == u128::MAX - 1));
        assert_eq!(global("f").get_word(), u64::from((-0.0_f32).to_bits()));
        assert_eq!(global("const").to_string(), "global(5)");
        global("e").set(Some(ExternRef::new('x'))).unwrap();
        let got = module.typed_function::<(), Option<ExternRef>>("get").unwrap().call(()).unwrap().unwrap();
        assert_eq!(got.downcast_ref::<char>(), Some(&'x'));
    });
}
