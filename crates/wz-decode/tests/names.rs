//! Names, exports, definitions and custom sections.

mod support;

use support::module;
use wasm_encoder::{IndirectNameMap, NameMap, NameSection};
use wz_decode::info::ExportItem;
use wz_decode::{DecodeOptions, ModuleInfo, decode};

const SAMPLE: &str = r#"(module $sample
  (import "env" "log" (func $log (param $text i32) (param $len i32)))
  (import "env" "table" (table 1 funcref))
  (import "other" "" (global $g i32))
  (func $add (export "add") (export "plus") (param $a i32) (param $b i32) (result i32)
    (local $c i32) local.get $a)
  (func (export "log") (param i32))
  (func $half (param i64) (param $named i64))
  (memory (export "memory") 1)
  (global (export "g2") (mut i64) (i64.const 5))
  (@custom "extra" "\01\02\03")
  (@custom "extra" "again"))"#;

#[test]
fn definitions() {
    let info = module(SAMPLE);
    let log = info.function_definition(0);
    assert_eq!(log.import(), Some(("env", "log")));
    assert_eq!((log.module_name(), log.name(), log.debug_name()), ("sample", "log", "sample.log"));
    assert_eq!(log.param_names().iter().map(|name| &**name).collect::<Vec<_>>(), ["text", "len"]);
    assert!(log.export_names().is_empty() && !log.is_host_function());

    let add = info.function_definition(1);
    assert_eq!(add.signature(), "sample.add(i32,i32) i32");
    assert_eq!(add.export_names().iter().map(|name| &**name).collect::<Vec<_>>(), ["add", "plus"]);
    assert_eq!(add.param_names().iter().map(|name| &**name).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!((add.index(), add.import()), (1, None));

    let unnamed = info.function_definition(2);
    assert_eq!((unnamed.name(), unnamed.debug_name()), ("", "sample.$2"));
    assert!(unnamed.param_names().is_empty());
    assert!(info.function_definition(3).param_names().is_empty(), "all or none");

    assert_eq!(info.table_definition(0).export.import, Some(("env".into(), "table".into())));
    assert_eq!(info.global_definition(0).export.import, Some(("other".into(), "".into())));
    assert_eq!(info.global_definition(1).export.export_names, ["g2".into()]);
    assert_eq!(info.memory_definition(0).export.export_names, ["memory".into()]);
}

#[test]
fn exports_are_found_by_name() {
    let info = module(SAMPLE);
    assert_eq!(info.export("plus"), Some(ExportItem::Function(1)));
    assert_eq!(info.export("memory"), Some(ExportItem::Memory(0)));
    assert_eq!(info.export("g2"), Some(ExportItem::Global(1)));
    assert_eq!(info.export("text"), None);
    let order: Vec<_> = info.exports.iter().map(|export| &*export.name).collect();
    assert_eq!(order, ["add", "plus", "log", "memory", "g2"]);
}

#[test]
fn custom_sections_are_kept_on_demand() {
    assert!(module(SAMPLE).custom_sections.is_empty());
    let options = DecodeOptions { keep_custom_sections: true, ..DecodeOptions::default() };
    let info = decode(wat::parse_str(SAMPLE).unwrap(), &options).unwrap();
    let sections: Vec<_> = info.custom_sections.iter().map(|one| (&*one.name, &*one.data)).collect();
    assert_eq!(sections, [("extra", &b"\x01\x02\x03"[..]), ("extra", b"again")]);
}

#[test]
fn many_threads_ask_for_definitions() {
    let info = module(SAMPLE);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for function in 0..4 {
                    assert_eq!(info.function_definition(function).index(), function);
                }
            });
        }
    });
}

/// A module with one function and a name section of these bytes.
fn named(section: &[u8]) -> ModuleInfo {
    let mut bytes = wat::parse_str("(module (func (export \"f\") (param i32 i32)))").unwrap();
    let mut content = b"\x04name".to_vec();
    content.extend(section);
    bytes.push(0);
    wasm_encoder::Encode::encode(&content[..], &mut bytes);
    decode(bytes, &DecodeOptions::default()).expect("a name section is never an error")
}

/// Module, function and parameter names from a name section of these bytes.
fn names(section: &[u8]) -> (String, String, usize) {
    let info = named(section);
    let definition = info.function_definition(0);
    (info.name.to_string(), definition.name().to_owned(), definition.param_names().len())
}

fn good_names() -> Vec<u8> {
    let mut section = NameSection::new();
    section.module("m");
    let mut functions = NameMap::new();
    functions.append(0, "func");
    functions.append(9, "there is no such function");
    section.functions(&functions);
    let (mut locals, mut all) = (NameMap::new(), IndirectNameMap::new());
    locals.append(0, "p");
    locals.append(1, "q");
    all.append(0, &locals);
    section.locals(&all);
    let mut bytes = Vec::new();
    wasm_encoder::Encode::encode(&section, &mut bytes);
    // Without the length and the name that `named` adds.
    bytes[bytes.windows(4).position(|four| four == b"name").unwrap() + 4..].to_vec()
}

#[test]
fn malformed_name_sections_are_ignored() {
    let good = good_names();
    assert_eq!(names(&good), ("m".into(), "func".into(), 2));
    assert_eq!(names(&[]), ("".into(), "".into(), 0));
    for len in 0..good.len() {
        names(&good[..len]);
        for byte in [0x00, 0x01, 0x7f, 0x80, 0xff] {
            let mut bad = good.clone();
            bad[len] = byte;
            names(&bad);
        }
    }
    // Counts and lengths far beyond the section.
    names(b"\x01\x05\xff\xff\xff\xff\x0f");
    names(b"\x01\x0b\xff\xff\xff\xff\x0f\x00\xff\xff\xff\xff\x0f");
    names(b"\x02\x0b\xff\xff\xff\xff\x0f\x00\xff\xff\xff\xff\x0f");
    names(b"\x02\xff\xff\xff\xff\x0f");
    // A name that is not UTF-8 is none.
    assert_eq!(names(b"\x01\x04\x01\x00\x01\xff").1, "");
}

#[test]
fn name_subsections_inside_of_each_other() {
    // Subsections are not looked for inside of others, so that nothing here has a name.
    let mut nested = vec![0x01, 0x00];
    for _ in 0..10_000 {
        let mut outer = vec![0x09];
        wasm_encoder::Encode::encode(&nested[..], &mut outer);
        nested = outer;
    }
    assert_eq!(names(&nested), ("".into(), "".into(), 0));
}

#[test]
fn the_first_name_section_counts() {
    let mut bytes = wat::parse_str("(module)").unwrap();
    for name in [b'a', b'b'] {
        bytes.extend([0, 9, 4, b'n', b'a', b'm', b'e', 0, 2, 1, name]);
    }
    let options = DecodeOptions { keep_custom_sections: true, ..DecodeOptions::default() };
    let info = decode(bytes, &options).unwrap();
    assert_eq!(&*info.name, "a");
    assert!(info.custom_sections.is_empty());
}
