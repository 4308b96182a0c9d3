//! Linking and instantiation.

use wz_api::{Context, ErrorKind, HostFunction, HostModule, Result, Trap, Value};

use crate::testing::{FakeEngine, config};
use crate::{InstanceOptions, Store, StoreConfig};

fn host(store: &Store) {
    let module = HostModule::new("env").with_function("f", |_: i32| {}).with_function("g", || 7_i32);
    store.instantiate_host(&Context::background(), &module).unwrap();
}

/// The texts of the errors of linking `imports` with `env` and the module `m` of `exports`.
fn check(exports: &str, imports: &str, expected: &str) {
    let store = FakeEngine::default().store();
    host(&store);
    store.text(&format!("(module $m {exports})")).unwrap();
    match store.text(&format!("(module {imports})")) {
        Ok(_) => assert_eq!(expected, ""),
        Err(error) => assert_eq!(error.to_string(), expected),
    }
}

#[test]
fn missing_imports_are_all_listed() {
    check(
        "",
        r#"(import "nowhere" "a" (func)) (import "m" "b" (func)) (import "env" "c" (func)) (import "env" "f" (memory 1))"#,
        "module[nowhere] not instantiated\n\"b\" is not exported in module \"m\"\n\"c\" is not exported in module \"env\"\n\
         import memory[env.f]: export \"f\" in module \"env\" is a func, not a memory",
    );
}

#[test]
fn signatures_are_compared() {
    check(
        r#"(func (export "f"))"#,
        r#"(import "m" "f" (func (param i32)))"#,
        "import func[m.f]: signature mismatch: i32_v != v_v",
    );
    check(
        "",
        r#"(import "env" "g" (func (result i64)))"#,
        "import func[env.g]: signature mismatch: v_i64 != v_i32",
    );
    check(
        r#"(func (export "f") (param i32 i64) (result f32) f32.const 0)"#,
        r#"(import "m" "f" (func (param i32 i64) (result f32)))"#,
        "",
    );
}

#[test]
fn limits_are_compared() {
    let check_memory = |export: &str, import: &str, expected: &str| {
        check(
            &format!(r#"(memory (export "x") {export})"#),
            &format!(r#"(import "m" "x" (memory {import}))"#),
            &if expected.is_empty() { String::new() } else { format!("import memory[m.x]: {expected}") },
        );
    };
    check_memory("1", "2", "minimum size mismatch: 2 > 1");
    check_memory("1", "1 2", "maximum size mismatch: 2, but actual has no max");
    check_memory("1 3", "1 2", "maximum size mismatch: 2 < 3");
    check_memory("2 3", "1 4", "");
    check_memory("i64 1", "1", "address type mismatch: i32 != i64");
    check(
        r#"(table (export "x") 1 funcref)"#,
        r#"(import "m" "x" (table 2 funcref))"#,
        "import table[m.x]: minimum size mismatch: 2 > 1",
    );
    check(
        r#"(table (export "x") 1 externref)"#,
        r#"(import "m" "x" (table 1 funcref))"#,
        "import table[m.x]: table type mismatch: funcref != externref",
    );
}

#[test]
fn globals_are_compared() {
    let exports = r#"(global (export "c") i32 (i32.const 1)) (global (export "v") (mut i64) (i64.const 1))"#;
    check(
        exports,
        r#"(import "m" "c" (global (mut i32)))"#,
        "import global[m.c]: mutability mismatch: true != false",
    );
    check(
        exports,
        r#"(import "m" "v" (global (mut i32)))"#,
        "import global[m.v]: value type mismatch: i32 != i64",
    );
    check(
        exports,
        r#"(import "m" "v" (func))"#,
        "import func[m.v]: export \"v\" in module \"m\" is a global, not a func",
    );
}

#[test]
fn grown_memories_are_compared_by_their_size() {
    let store = FakeEngine::default().store();
    let module = store.text(r#"(module $m (memory (export "x") 1))"#).unwrap();
    assert_eq!(module.memory().unwrap().grow(4_u32), Some(1));
    assert!(store.text(r#"(module (import "m" "x" (memory 5)))"#).is_ok());
    assert!(store.text(r#"(module (import "m" "x" (memory 6)))"#).is_err());
}

#[test]
fn initial_values_and_segments() {
    let store = FakeEngine::default().store();
    store.text(r#"(module $m (global (export "g") i32 (i32.const 40)))"#).unwrap();
    let module = store
        .text(
            r#"(module (import "m" "g" (global $g i32))
                (memory (export "memory") 1)
                (global (export "sum") i32 (i32.add (global.get $g) (i32.mul (i32.const 2) (i32.const -1))))
                (global (export "long") i64 (i64.sub (i64.const 1) (i64.const 2)))
                (global (export "vector") v128 (v128.const i64x2 1 2))
                (global (export "f") funcref (ref.func $f))
                (table (export "table") 4 funcref)
                (func $f (export "f2"))
                (elem (table 0) (i32.const 1) func $f)
                (data (i32.const 3) "abc") (data "passive"))"#,
        )
        .unwrap();
    let value = |name: &str| module.exported_global(name).unwrap().get().to_string();
    assert_eq!([value("sum"), value("long")], ["38", "-1"]);
    assert_eq!(value("vector"), "0x00000000000000020000000000000001");
    assert_eq!(value("f"), "func[.f]");
    assert_eq!(module.memory().unwrap().read_string(2_u32, 5_u32).unwrap(), "\0abc\0");
    let table = module.exported_table("table").unwrap();
    assert_eq!(table.get(0_u32).unwrap().to_string(), "null");
    let Some(Value::FuncRef(Some(function))) = table.get(1_u32) else { panic!("a function") };
    assert!(function.same(&module.exported_function("f2").unwrap()));
}

#[test]
fn segments_out_of_bounds_trap_and_keep_what_was_written() {
    let store = FakeEngine::default().store();
    let module = store.text(r#"(module $m (memory (export "x") 1) (table (export "t") 2 funcref))"#).unwrap();
    let error = store.text(
        r#"(module (import "m" "x" (memory 1)) (import "m" "t" (table 1 funcref)) (func $f)
            (elem (i32.const 1) $f) (data (i32.const 0) "ok") (data (i32.const 65535) "no"))"#,
    );
    assert_eq!(error.unwrap_err().trap(), Some(Trap::OutOfBoundsMemoryAccess));
    assert_eq!(module.memory().unwrap().read_string(0_u32, 2_u32).unwrap(), "ok");
    // The function of the module that failed lives on in the table.
    let function = module.exported_table("t").unwrap().get(1_u32).unwrap();
    assert!(matches!(&function, Value::FuncRef(Some(function)) if function.call(&[]).is_err()), "closed");
    let error = store.text("(module (table 1 funcref) (func $f) (elem (i32.const 1) $f))").unwrap_err();
    assert_eq!(error.to_string(), "wasm error: invalid table access");
}

#[test]
fn start_functions() {
    let start = r#"(module $m (start $s) (func $s))"#;
    let run = |result: fn() -> Result<()>| {
        let store = FakeEngine::default().with("s", |call| call.call(0)).store();
        let module = HostModule::new("env").with_function("f", result);
        store.instantiate_host(&Context::background(), &module).unwrap();
        let text = start.replace("(start", r#"(import "env" "f" (func)) (start"#);
        let result = store.text(&text);
        (result, store.module("m").is_some())
    };
    let (module, named) = run(|| Ok(()));
    assert!(named && !module.unwrap().is_closed());
    let (module, named) = run(|| Err(wz_api::Error::exit(0)));
    assert!(!named && module.unwrap().exit_code() == Some(0));
    let (error, named) = run(|| Err(wz_api::Error::exit(3)));
    let error = error.unwrap_err();
    assert!(!named && matches!(error.kind(), ErrorKind::Exit(_)));
    assert_eq!(error.exit_code(), Some(3));
    let (error, named) = run(|| Err(wz_api::Error::host("oh")));
    assert!(!named);
    assert_eq!(
        error.unwrap_err().to_string(),
        "start function[m.s] failed: oh\nwasm stack trace:\n\tenv.f()\n\tm.s()\n\t\t0x10"
    );
}

#[test]
fn names_are_taken_once() {
    let store = FakeEngine::default().store();
    let module = store.text("(module $m)").unwrap();
    let error = store.text("(module $m)").unwrap_err();
    assert_eq!(error.to_string(), "module[m] has already been instantiated");
    let anonymous = InstanceOptions { name: Some(String::new()), ..Default::default() };
    assert_eq!(store.text_with(&Context::background(), "(module $m)", anonymous).unwrap().name(), "");
    module.close().unwrap();
    let other = InstanceOptions { name: Some("m".into()), ..Default::default() };
    assert!(store.text_with(&Context::background(), "(module $x)", other).is_ok());
    let error = store.instantiate_host(&Context::background(), &HostModule::new("m")).unwrap_err();
    assert_eq!(error.to_string(), "module[m] has already been instantiated");
    let error = store.instantiate_host(&Context::background(), &HostModule::new("")).unwrap_err();
    assert_eq!(error.to_string(), "a module name must not be empty");
}

#[test]
fn limits_have_clear_errors() {
    let store = Store::new(StoreConfig { max_instances: 2, memory_limit_pages: 3, ..config() }).unwrap();
    let error = store.text("(module (memory 4))").unwrap_err();
    assert_eq!(error.to_string(), "min 4 pages (256 Ki) over limit of 3 pages (192 Ki)");
    let (_a, b) = (store.text("(module)").unwrap(), store.text("(module)").unwrap());
    let error = store.text("(module)").unwrap_err();
    assert_eq!(error.to_string(), "there are 2 instances already, the limit is 2");
    drop(b);
    assert!(store.text("(module)").is_ok());
    assert!(Store::new(StoreConfig { memory_limit_pages: 65_537, ..config() }).is_err());
}

#[test]
fn import_resolvers_come_first() {
    let store = FakeEngine::default().store();
    let named = store.text(r#"(module $m (func (export "f")))"#).unwrap();
    let anonymous = InstanceOptions { name: Some(String::new()), ..Default::default() };
    let other = store
        .text_with(&Context::background(), r#"(module (global (export "g") i32 (i32.const 5)))"#, anonymous)
        .unwrap();
    let resolver = move |name: &str| (name == "m").then(|| other.clone());
    let options =
        InstanceOptions { import_resolver: Some(std::sync::Arc::new(resolver)), ..Default::default() };
    let text = r#"(module (import "m" "g" (global i32)))"#;
    assert!(store.text_with(&Context::background(), text, options).is_ok());
    assert!(store.text(text).is_err());

    let foreign = FakeEngine::default().store();
    let options = InstanceOptions {
        import_resolver: Some(std::sync::Arc::new(move |_: &str| Some(named.clone()))),
        ..Default::default()
    };
    let text = r#"(module (import "m" "f" (func)))"#;
    let error = foreign.text_with(&Context::background(), text, options).unwrap_err();
    assert_eq!(error.to_string(), "module[m] is of another runtime");
}

#[test]
fn foreign_things_are_refused() {
    let (store, other) = (FakeEngine::default().store(), FakeEngine::default().store());
    let compiled = other.compile(&Context::background(), wat::parse_str("(module)").unwrap()).unwrap();
    let result = store.instantiate(&Context::background(), &compiled, InstanceOptions::default());
    assert_eq!(result.unwrap_err().to_string(), "compiled module[] is of another runtime");
    let text = r#"(module $m (table (export "t") 1 funcref) (func (export "f")) (global (export "g") (mut funcref) (ref.null func)))"#;
    let (a, b) = (store.text(text).unwrap(), other.text(text).unwrap());
    let foreign = b.exported_function("f");
    let error = a.exported_table("t").unwrap().set(0_u32, foreign.clone()).unwrap_err();
    assert_eq!(error.to_string(), "func[m.$0] is of another runtime");
    assert!(a.exported_global("g").unwrap().set(foreign).is_err());
}

#[test]
fn closed_stores_refuse() {
    let store = FakeEngine::default().store();
    let compiled = store.compile(&Context::background(), wat::parse_str("(module)").unwrap()).unwrap();
    let module = store.text("(module $m)").unwrap();
    store.close(&Context::background(), 3).unwrap();
    store.close(&Context::background(), 4).unwrap();
    assert_eq!((module.exit_code(), store.exit_code()), (Some(3), Some(3)));
    assert!(store.module("m").is_none());
    let error = store.text("(module)").unwrap_err();
    assert_eq!(error.to_string(), "runtime closed with exit_code(3)");
    assert!(store.instantiate(&Context::background(), &compiled, InstanceOptions::default()).is_err());
    let host = HostModule::new("env").with_host_function("f", HostFunction::new(|| {}));
    assert!(store.instantiate_host(&Context::background(), &host).is_err());
}

#[test]
fn code_without_checks_is_for_instances_whose_memories_are_all_guarded() {
    let engine = FakeEngine::default();
    let seen = engine.guarded.clone();
    let store = engine.store();
    store.text(r#"(module $none)"#).unwrap();
    store.text(r#"(module $small (memory (export "m") 1))"#).unwrap();
    store.text(r#"(module $wide (memory (export "m") i64 1))"#).unwrap();
    store.text(r#"(module (import "small" "m" (memory 1)) (memory 1))"#).unwrap();
    store.text(r#"(module (import "wide" "m" (memory i64 1)) (memory 1))"#).unwrap();
    assert_eq!(*seen.lock().unwrap(), [true, true, false, true, false]);
}
