//! The commands that look at modules without running them: `validate`, `inspect`, `completions`.

mod support;

use serde_json::{Value, json};
use support::Dir;

const BAD_TYPES: &str = "(module (func (result i32)))";

#[test]
fn validate_prints_what_is_wrong() {
    let dir = Dir::new()
        .file("good.wat", "(module (func (result i32) (i32.const 1)))")
        .file("simd.wat", "(module (func (param v128)))")
        .file("bad.wat", BAD_TYPES)
        .file("cut.wasm", b"\0asm\x01\0\0\0\x01\x7f")
        .file("syntax.wat", "(module (func i32.bogus))");
    dir.run("validate good.wat").is(0, "", "");
    dir.run("validate good.wat simd.wat").is(0, "", "");
    dir.run("validate bad.wat").fails(1, &["error: bad.wat: ", "(at offset 0x"]);
    let run = dir.run("validate bad.wat good.wat gone.wasm cut.wasm syntax.wat");
    run.fails(
        1,
        &["error: bad.wat: ", "error: cannot read gone.wasm: ", "error: cut.wasm: ", "syntax.wat:1:15"],
    );
    assert!(!run.err.contains("good.wat"), "{}", run.err);
    dir.run("validate --features -simd good.wat simd.wat").fails(1, &["error: simd.wat: "]);
    dir.run("validate --features sind good.wat").fails(2, &["unknown feature \"sind\""]);
    dir.run("validate").fails(2, &["Usage: wz validate"]);
    dir.run("validate --json good.wat").fails(2, &["unexpected argument '--json'"]);
    dir.run_with_input("validate -", b"(module)").is(0, "", "");
    dir.run_with_input("validate -", BAD_TYPES.as_bytes()).fails(1, &["error: -: "]);
}

#[test]
fn what_is_valid_may_be_too_large_to_run() {
    let dir = Dir::new()
        .file("table.wat", "(module (table 20000000 funcref))")
        .file("memory.wat", "(module (memory i64 4294967296))");
    for name in ["table.wat", "memory.wat"] {
        dir.run(&format!("validate {name}")).is(0, "", "");
        assert_eq!(dir.run(&format!("inspect {name}")).status, Some(0));
        assert_eq!(dir.run(name).status, Some(1));
    }
}

/// One of everything.
const MODULE: &str = r#"(module $app
  (import "env" "log" (func $log (param i32 f64)))
  (import "env" "limit" (global i32))
  (type $pair (func (param i64) (result i32 i32)))
  (table (export "table") 3 10 funcref)
  (memory (export "memory") 1)
  (memory i64 1 1)
  (global $counter (export "counter") (mut i64) (i64.const 0))
  (func $start)
  (func (export "pair") (export "again") (type $pair) (i32.const 1) (i32.const 2))
  (start $start)
  (elem (i32.const 1) $start $log)
  (data (i32.const 8) "hello")
  (data "passive")
  (@custom "note" (after data) "xyz"))"#;

#[test]
fn inspect_shows_what_is_there() {
    let dir = Dir::new().file("app.wat", MODULE).file("empty.wat", "(module)");
    let run = dir.run("inspect app.wat");
    let bytes = wat::parse_str(MODULE).unwrap();
    let head = format!(
        "app.wat: module \"app\", {} bytes\n\
         3 functions: 1 imported, 2 defined with 8 bytes of code; 2 have names\n\
         Starts with func 1 \"start\"\n",
        bytes.len()
    );
    assert!(run.out.starts_with(&head), "{}", run.out);
    for part in [
        "\nTypes (3)\n      0  (i64) -> (i32, i32)\n      1  (i32, f64)\n      2  ()\n",
        "\nImports (2)\n  func 0     \"env\" \"log\"  (i32, f64)\n  global 0   \"env\" \"limit\"  i32\n",
        "\nExports (5)\n  table 0    \"table\"  funcref 3 to 10\n  memory 0   \"memory\"  1 or more pages\n  \
         global 1   \"counter\"  mut i64\n  func 2     \"pair\"  (i64) -> (i32, i32)\n  \
         func 2     \"again\"  (i64) -> (i32, i32)\n",
        "\nTables (1)\n      0  funcref 3 to 10  as \"table\"\n",
        "\nMemories (2)\n      0  1 or more pages  as \"memory\"\n      1  1 pages, 64-bit addresses\n",
        "\nGlobals (2)\n      0  i32  from \"env\" \"limit\"\n      1  mut i64  as \"counter\"\n",
        "\nElement segments (1)\n      0  active table 0 at 1: 2 funcref\n",
        "\nData segments (2)\n      0  active memory 0 at 8: 5 bytes at 0x",
        "\n      1  passive: 7 bytes at 0x",
        "\nSections (13)\n  0xa ",
        "  8 bytes  custom \"note\"\n",
        "  1 bytes  start\n",
        ", 3 entries\n",
        "\nLargest functions\n           6 bytes  75.0%  func 2  as \"pair\"  as \"again\"\n           \
         2 bytes  25.0%  func 1 \"start\"\n",
    ] {
        assert!(run.out.contains(part), "{part:?} is not in:\n{}", run.out);
    }
    run.is(0, &run.out.clone(), "");
    dir.run("inspect empty.wat").is(
        0,
        "empty.wat: module, 8 bytes\n\
         0 functions: 0 imported, 0 defined with 0 bytes of code; 0 have names\n",
        "",
    );
    assert!(!run.out.contains('\x1b'), "colour is for terminals");
}

#[test]
fn inspect_prints_json() {
    let dir = Dir::new().file("app.wat", MODULE);
    let run = dir.run("inspect --json app.wat");
    assert_eq!((run.status, &*run.err), (Some(0), ""));
    let shown: Value = serde_json::from_str(&run.out).unwrap();
    let keys: Vec<_> = shown.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "bytes",
            "code",
            "data",
            "elements",
            "exports",
            "file",
            "functions",
            "globals",
            "imports",
            "memories",
            "name",
            "sections",
            "start",
            "tables",
            "types"
        ]
    );
    let bytes = wat::parse_str(MODULE).unwrap();
    let at = |needle: &[u8]| bytes.windows(needle.len()).position(|window| window == needle).unwrap();
    #[track_caller]
    fn check(shown: &Value, key: &str, expected: Value) {
        assert_eq!(shown[key], expected, "{key}");
    }
    check(&shown, "file", json!("app.wat"));
    check(&shown, "name", json!("app"));
    check(&shown, "bytes", json!(bytes.len()));
    check(&shown, "start", json!(1));
    check(
        &shown,
        "types",
        json!([
            {"params": ["i64"], "results": ["i32", "i32"]},
            {"params": ["i32", "f64"], "results": []},
            {"params": [], "results": []},
        ]),
    );
    check(
        &shown,
        "imports",
        json!([
            {"module": "env", "name": "log", "kind": "func", "index": 0},
            {"module": "env", "name": "limit", "kind": "global", "index": 0},
        ]),
    );
    check(
        &shown,
        "exports",
        json!([
            {"name": "table", "kind": "table", "index": 0},
            {"name": "memory", "kind": "memory", "index": 0},
            {"name": "counter", "kind": "global", "index": 1},
            {"name": "pair", "kind": "func", "index": 2},
            {"name": "again", "kind": "func", "index": 2},
        ]),
    );
    check(
        &shown,
        "code",
        json!({"imported_functions": 1, "defined_functions": 2, "named_functions": 2, "body_bytes": 8}),
    );
    let body = at(b"\x00\x41\x01\x41\x02\x0b");
    check(
        &shown,
        "functions",
        json!([
            {"index": 0, "name": "log", "type": 1, "import": {"module": "env", "name": "log"}, "exports": [], "body": null},
            {"index": 1, "name": "start", "type": 2, "import": null, "exports": [], "body": {"offset": body - 3, "bytes": 2}},
            {"index": 2, "name": null, "type": 0, "import": null, "exports": ["pair", "again"], "body": {"offset": body, "bytes": 6}},
        ]),
    );
    check(
        &shown,
        "tables",
        json!([{"index": 0, "element": "funcref", "min": 3, "max": 10, "address": "i32", "import": null, "exports": ["table"]}]),
    );
    check(
        &shown,
        "memories",
        json!([
            {"index": 0, "min_pages": 1, "max_pages": null, "address": "i32", "shared": false, "import": null, "exports": ["memory"]},
            {"index": 1, "min_pages": 1, "max_pages": 1, "address": "i64", "shared": false, "import": null, "exports": []},
        ]),
    );
    check(
        &shown,
        "globals",
        json!([
            {"index": 0, "type": "i32", "mutable": false, "import": {"module": "env", "name": "limit"}, "exports": []},
            {"index": 1, "type": "i64", "mutable": true, "import": null, "exports": ["counter"]},
        ]),
    );
    check(
        &shown,
        "elements",
        json!([{"mode": "active", "target": 0, "at": 1, "element": "funcref", "count": 2}]),
    );
    check(
        &shown,
        "data",
        json!([
            {"mode": "active", "target": 0, "at": 8, "offset": at(b"hello"), "bytes": 5},
            {"mode": "passive", "target": null, "at": null, "offset": at(b"passive"), "bytes": 7},
        ]),
    );
    let sections = shown["sections"].as_array().unwrap();
    assert_eq!(
        sections[0],
        json!({"id": 1, "kind": "type", "name": null, "offset": 10, "bytes": 15, "entries": 3})
    );
    let note = sections.iter().find(|section| section["name"] == "note").unwrap();
    assert_eq!(
        *note,
        json!({"id": 0, "kind": "custom", "name": "note", "offset": at(b"\x04notexyz"), "bytes": 8, "entries": null})
    );
}

#[test]
fn inspect_says_what_is_wrong() {
    let dir = Dir::new().file("bad.wat", BAD_TYPES).file(
        "evil.wat",
        "(module $\"\\1b]0;x\\07\" (import \"\\1b[31m\" \"\\e2\\80\\ae\" (func)) (func (export \"\\1b[2J\")))",
    );
    dir.run("inspect bad.wat").fails(1, &["error: bad.wat: ", "(at offset 0x"]);
    dir.run("inspect --json bad.wat").fails(1, &["error: bad.wat: "]);
    dir.run("inspect gone.wasm").fails(1, &["error: cannot read gone.wasm: "]);
    dir.run("inspect").fails(2, &["Usage: wz inspect"]);
    dir.run("inspect bad.wat bad.wat").fails(2, &["unexpected argument 'bad.wat'"]);
    dir.run("inspect --features -simd gone.wasm").fails(1, &["cannot read"]);
    let run = dir.run_with_input("inspect -", b"(module)");
    assert!(run.out.starts_with("-: module, 8 bytes\n"), "{}", run.out);
    for line in ["inspect evil.wat", "inspect --json evil.wat"] {
        let run = dir.run(line);
        assert_eq!(run.status, Some(0));
        assert!(!run.out.contains(['\x1b', '\x07']), "{line}: {:?}", run.out);
    }
    let text = dir.run("inspect evil.wat").out;
    assert!(text.contains("module \"\\u{1b}]0;x\\u{7}\"") && !text.contains('\u{202e}'), "{text}");
}

#[test]
fn completions_are_for_known_shells() {
    let dir = Dir::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let run = dir.run(&format!("completions {shell}"));
        assert_eq!((run.status, &*run.err), (Some(0), ""), "{shell}");
        for word in ["wz", "inspect", "env-inherit"] {
            assert!(run.out.contains(word), "{shell}: {word}");
        }
    }
    dir.run("completions csh").fails(2, &["invalid value 'csh'", "bash, elvish, fish, powershell, zsh"]);
    dir.run("completions").fails(2, &["Usage: wz completions"]);
}
