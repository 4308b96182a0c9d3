//! Instances that share things: imports of every kind, link errors, and how long things live.
//! On every engine.

use std::sync::{Arc, Weak};

use wz::{ErrorKind, HostModule, ImportProblem, ModuleConfig, Trap, Value};
use wz_testkit::engines::for_each_engine;
use wz_testkit::fixture::{Fixture, call, call_error};

fn i32_of(results: wz::Result<Vec<Value>>) -> i32 {
    match results.unwrap()[..] {
        [Value::I32(value)] => value,
        ref other => panic!("{other:?}"),
    }
}

#[test]
fn memories_tables_and_globals_are_shared() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        let owner = fixture.named(
            "owner",
            r#"(module
                (memory (export "m") 1 10) (table (export "t") 4 10 funcref)
                (global (export "g") (mut i64) (i64.const 1)) (global (export "c") i32 (i32.const 7))
                (func (export "load") (result i32) (i32.load (i32.const 40)))
                (func (export "call") (param i32) (result i32) (call_indirect (result i32) (local.get 0)))
                (func (export "size") (result i32) (i32.add (memory.size) (table.size 0))))"#,
        );
        let text = r#"(module
            (import "owner" "m" (memory 1 10)) (import "owner" "t" (table 4 10 funcref))
            (import "owner" "g" (global $g (mut i64))) (import "owner" "c" (global $c i32))
            (import "owner" "size" (func $size (result i32)))
            (global $own (mut i32) (i32.const 0))
            (func $count (result i32) (global.set $own (i32.add (global.get $own) (global.get $c))) (global.get $own))
            (elem (i32.const 2) $count)
            (func (export "change")
                (i32.store (i32.const 40) (i32.const 99))
                (global.set $g (i64.add (global.get $g) (i64.const 5)))
                (drop (memory.grow (i32.const 2))) (drop (table.grow (ref.null func) (i32.const 3))))
            (func (export "size") (result i32) (call $size)))"#;
        let user = fixture.module(text);
        call(&user, "change", &[]).unwrap();
        assert_eq!(i32_of(call(&owner, "load", &[])), 99);
        assert_eq!(i32_of(call(&owner, "size", &[])), 3 + 7);
        assert_eq!(i32_of(call(&user, "size", &[])), 3 + 7);
        assert_eq!(owner.exported_global("g").unwrap().get_word(), 6);
        assert_eq!((owner.memory().unwrap().pages(), user.memory().unwrap().pages()), (3, 3));
        // The function runs in its own instance, whoever calls it.
        let index = [Value::I32(2)];
        assert_eq!(i32_of(call(&owner, "call", &index)), 7);
        assert_eq!(i32_of(call(&owner, "call", &index)), 14);
        let _second = fixture.module(text);
        assert_eq!(
            i32_of(call(&owner, "call", &index)),
            7,
            "the second instance's function replaced the first's"
        );
    });
}

#[test]
fn every_import_that_does_not_match_is_listed() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        fixture.host(&HostModule::new("host").with_function("f", |_: i32| {}));
        let _owner = fixture.named(
            "owner",
            r#"(module (memory (export "m") 1 2) (table (export "t") 1 funcref)
                (global (export "g") i32 (i32.const 0)) (func (export "f") (result f32) (f32.const 0)))"#,
        );
        let error = fixture
            .try_module(
                r#"(module
                    (import "absent" "a" (func))
                    (import "owner" "absent" (memory 1))
                    (import "owner" "m" (memory 1 2))
                    (import "owner" "m" (memory 2 2))
                    (import "owner" "m" (memory 1 1))
                    (import "owner" "m" (memory i64 1))
                    (import "owner" "m" (table 1 funcref))
                    (import "owner" "t" (table 1 externref))
                    (import "owner" "t" (table 1 1 funcref))
                    (import "owner" "g" (global (mut i32)))
                    (import "owner" "g" (global i64))
                    (import "owner" "f" (func (param i32) (result f32)))
                    (import "owner" "f" (func (result f32)))
                    (import "host" "f" (func (param i32) (result i32))))"#,
            )
            .unwrap_err();
        let ErrorKind::Link(link) = error.kind() else { panic!("{error:?}") };
        let lines: Vec<_> = error.to_string().lines().map(str::to_owned).collect();
        assert_eq!(lines.len(), 12, "{error}");
        assert_eq!(link.imports.len(), 12);
        assert_eq!(link.imports[0].problem, ImportProblem::NoModule);
        assert_eq!(link.imports[1].problem, ImportProblem::NoExport);
        assert_eq!(lines[0], "module[absent] not instantiated");
        assert_eq!(lines[1], "\"absent\" is not exported in module \"owner\"");
        assert_eq!(
            lines[5],
            "import table[owner.m]: export \"m\" in module \"owner\" is a memory, not a table"
        );
        assert_eq!(lines[10], "import func[owner.f]: signature mismatch: i32_f32 != v_f32");
        assert_eq!(lines[11], "import func[host.f]: signature mismatch: i32_i32 != i32_v");
        assert_eq!(link.imports[2].problem, ImportProblem::Minimum { expected: 2, given: 1 });
        assert_eq!(link.imports[3].problem, ImportProblem::Maximum { expected: 1, given: Some(2) });
        assert_eq!(link.imports[7].problem, ImportProblem::Maximum { expected: 1, given: None });
        assert_eq!(lines[2], "import memory[owner.m]: minimum size mismatch: 2 > 1");
        for (line, given) in [(4, "m"), (6, "t"), (8, "g"), (9, "g")] {
            assert!(lines[line].contains(&format!("owner.{given}]: ")), "{}", lines[line]);
            assert!(matches!(link.imports[line].problem, ImportProblem::Type { .. }), "{}", lines[line]);
        }
    });
}

#[test]
fn current_sizes_count_when_linking() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        let owner =
            fixture.named("owner", r#"(module (memory (export "m") 1 5) (table (export "t") 1 5 funcref))"#);
        let text = r#"(module (import "owner" "m" (memory 2 5)) (import "owner" "t" (table 3 6 funcref)))"#;
        assert!(fixture.try_module(text).is_err());
        assert_eq!(owner.memory().unwrap().grow(1_u32), Some(1));
        assert_eq!(owner.exported_table("t").unwrap().grow(2_u32, None::<wz::Function>).unwrap(), Some(1));
        assert!(fixture.try_module(text).is_ok());
    });
}

#[test]
fn names_are_unique_until_closed() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        let compiled = fixture.compile(r#"(module (func (export "f")))"#);
        let config = || ModuleConfig::new().with_name("x");
        let first = fixture.runtime.instantiate_module(&compiled, config()).unwrap();
        let error = fixture.runtime.instantiate_module(&compiled, config()).unwrap_err();
        assert_eq!(error.to_string(), "module[x] has already been instantiated");
        assert!(fixture.runtime.module("x").unwrap().same(&first));
        first.close().unwrap();
        assert!(fixture.runtime.module("x").is_none());
        let second = fixture.runtime.instantiate_module(&compiled, config()).unwrap();
        assert!(!second.same(&first) && first.is_closed() && !second.is_closed());
        assert_eq!(call_error(&first, "f", &[]).exit_code(), Some(0));
        call(&second, "f", &[]).unwrap();
        // Closing again does not touch the second.
        first.close_with_exit_code(7).unwrap();
        assert_eq!(first.exit_code(), Some(0));
        assert!(fixture.runtime.module("x").is_some());
    });
}

#[test]
fn a_failed_instantiation_frees_its_name() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        let config = || ModuleConfig::new().with_name("x");
        let trap = fixture.compile("(module (start 0) (func unreachable))");
        assert_eq!(
            fixture.runtime.instantiate_module(&trap, config()).unwrap_err().trap(),
            Some(Trap::Unreachable)
        );
        let fine = fixture.compile("(module)");
        fixture.runtime.instantiate_module(&fine, config()).unwrap();
    });
}

#[test]
fn closing_the_runtime_closes_every_module() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        let named = fixture.named("n", r#"(module (func (export "f")))"#);
        let anonymous = fixture.module(r#"(module (func (export "f")))"#);
        let compiled = fixture.compile("(module)");
        fixture.runtime.close_with_exit_code(3).unwrap();
        fixture.runtime.close_with_exit_code(4).unwrap();
        for module in [&named, &anonymous] {
            assert_eq!(module.exit_code(), Some(3));
            assert_eq!(call_error(module, "f", &[]).exit_code(), Some(3));
        }
        for error in [
            fixture.try_module("(module)").unwrap_err(),
            fixture.runtime.instantiate_module(&compiled, ModuleConfig::new()).unwrap_err(),
            fixture.runtime.instantiate_host_module(&HostModule::new("h")).unwrap_err(),
        ] {
            assert_eq!(error.to_string(), "runtime closed with exit_code(3)");
        }
    });
}

/// Host state whose end can be seen.
struct Alive;

fn watched(fixture: &Fixture, name: &str, text: &str) -> (wz::Module, Weak<Alive>) {
    let alive = Arc::new(Alive);
    let weak = Arc::downgrade(&alive);
    (fixture.configured(text, ModuleConfig::new().with_name(name).with(alive)), weak)
}

fn is_alive(weak: &Weak<Alive>) -> bool {
    weak.upgrade().is_some()
}

#[test]
fn anonymous_instances_end_with_their_last_handle() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        let text = r#"(module (memory (export "m") 1) (table (export "t") 1 funcref)
            (global (export "g") (mut funcref) (ref.null func))
            (func $f (export "f") (result i32) (table.set (i32.const 0) (ref.func $f)) (i32.const 1)))"#;
        let (module, alive) = watched(&fixture, "", text);
        call(&module, "f", &[]).unwrap();
        let clone = module.clone();
        drop(module);
        assert!(is_alive(&alive));
        let function = clone.exported_function("f").unwrap();
        drop(clone);
        assert!(is_alive(&alive), "the function needs it");
        assert_eq!(function.call(&[]).unwrap(), [1]);
        drop(function);
        assert!(!is_alive(&alive), "a function in its own table does not keep an instance");

        for keep in ["m", "t", "g"] {
            let (module, alive) = watched(&fixture, "", text);
            let handles =
                (module.exported_memory(keep), module.exported_table(keep), module.exported_global(keep));
            drop(module);
            if let Some(memory) = &handles.0 {
                assert_eq!(memory.write_u8(0_u32, 1), Some(()));
            }
            if let Some(table) = &handles.1 {
                assert!(table.get(0_u32).is_some());
            }
            if let Some(global) = &handles.2 {
                assert!(matches!(global.get(), Value::FuncRef(None)));
            }
            drop(handles);
            assert!(!is_alive(&alive), "after the handle of {keep}");
        }
    });
}

#[test]
fn named_instances_stay_until_they_are_closed() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        let (module, alive) = watched(&fixture, "n", "(module)");
        drop(module);
        assert!(is_alive(&alive));
        fixture.runtime.module("n").unwrap().close().unwrap();
        assert!(!is_alive(&alive));
        let (module, alive) = watched(&fixture, "n", "(module)");
        drop(module);
        drop(fixture);
        assert!(!is_alive(&alive), "dropping the runtime frees everything");
    });
}

#[test]
fn a_function_in_another_modules_table_outlives_the_handles_of_its_own() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        let (owner, owner_alive) = watched(
            &fixture,
            "",
            r#"(module (table (export "t") 2 funcref)
                (func (export "call") (result i32) (call_indirect (result i32) (i32.const 0))))"#,
        );
        let (user, user_alive) = {
            let resolved = owner.clone();
            let alive = Arc::new(Alive);
            let weak = Arc::downgrade(&alive);
            let config = ModuleConfig::new()
                .with_name("")
                .with(alive)
                .with_import_resolver(move |name| (name == "owner").then(|| resolved.clone()));
            let text = r#"(module (import "owner" "t" (table 2 funcref)) (memory 1) (global $n (mut i32) (i32.const 5))
                (func $f (result i32)
                    (global.set $n (i32.add (global.get $n) (i32.const 1)))
                    (i32.store (i32.const 0) (global.get $n)) (i32.load (i32.const 0)))
                (elem (i32.const 0) $f))"#;
            (fixture.configured(text, config), weak)
        };
        drop(user);
        assert_eq!(i32_of(call(&owner, "call", &[])), 6);
        assert_eq!(i32_of(call(&owner, "call", &[])), 7);
        assert!(is_alive(&user_alive), "what can be called is there");
        let table = owner.exported_table("t").unwrap();
        drop(owner);
        let Some(Value::FuncRef(Some(function))) = table.get(0_u32) else { panic!("a function") };
        drop(table);
        assert_eq!(function.call(&[]).unwrap(), [8]);
        drop(function);
        assert!(!is_alive(&user_alive) && !is_alive(&owner_alive), "the island ends as a whole");
    });
}

#[test]
fn cycles_of_references_between_instances_are_freed() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        let (a, a_alive) = watched(
            &fixture,
            "a",
            r#"(module (table (export "t") 1 funcref) (global (export "g") (mut funcref) (ref.null func))
                (func (export "f") (param funcref) (global.set 0 (local.get 0))))"#,
        );
        let (b, b_alive) = watched(
            &fixture,
            "b",
            r#"(module (import "a" "t" (table 1 funcref)) (import "a" "f" (func $f (param funcref)))
                (func $own) (elem (i32.const 0) $own) (func (export "run") (call $f (ref.func $own))))"#,
        );
        call(&b, "run", &[]).unwrap();
        a.close().unwrap();
        b.close().unwrap();
        assert!(is_alive(&a_alive) && is_alive(&b_alive));
        drop((a, b));
        assert!(!is_alive(&a_alive) && !is_alive(&b_alive));
    });
}

#[test]
fn failed_instantiations_leak_nothing() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        for text in [
            "(module (start 0) (func unreachable))",
            r#"(module (import "absent" "f" (func)))"#,
            r#"(module (memory 1) (data (i32.const 65536) "x"))"#,
            r#"(module (memory 65536) (memory i64 0x1000000000000))"#,
        ] {
            let alive = Arc::new(Alive);
            let weak = Arc::downgrade(&alive);
            let compiled = fixture.runtime.compile(wz_testkit::fixture::binary(text));
            let config = ModuleConfig::new().with_name("").with(alive);
            let failed = compiled.and_then(|compiled| fixture.runtime.instantiate_module(&compiled, config));
            assert!(failed.is_err());
            drop(failed);
            assert!(!is_alive(&weak), "{text}");
        }
    });
}

#[test]
fn a_module_can_close_itself_while_it_runs() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        fixture.host(&HostModule::new("host").with_function("close", |caller: &mut wz::Caller<'_>| {
            let module = caller.module().expect("a guest calls");
            module.close_with_exit_code(5)
        }));
        let module = fixture.named(
            "self",
            r#"(module (import "host" "close" (func $close)) (memory (export "m") 1)
                (func (export "run") (call $close) (i32.store8 (i32.const 0) (i32.const 1))))"#,
        );
        let error = call_error(&module, "run", &[]);
        assert_eq!((error.exit_code(), module.exit_code()), (Some(5), Some(5)));
        assert!(fixture.runtime.module("self").is_none());
    });
}
