//! The module `spectest` that scripts import from. Host modules have functions only, so a small
//! guest module passes the print functions on and defines the rest.

use wz::{Context, Module, ModuleConfig, Runtime};
use wz_api::{CoreFeatures, HostModule};

/// The name of the host module; no script can ask for it by accident.
const HOST: &str = "spectest's host functions";

/// Specification repository, `test/harness` and `interpreter/host/spectest.ml`.
const TEXT: &str = r#"(module
    (import "HOST" "print" (func $print))
    (import "HOST" "print_i32" (func $print_i32 (param i32)))
    (import "HOST" "print_i64" (func $print_i64 (param i64)))
    (import "HOST" "print_f32" (func $print_f32 (param f32)))
    (import "HOST" "print_f64" (func $print_f64 (param f64)))
    (import "HOST" "print_i32_f32" (func $print_i32_f32 (param i32 f32)))
    (import "HOST" "print_f64_f64" (func $print_f64_f64 (param f64 f64)))
    (export "print" (func $print))
    (export "print_i32" (func $print_i32))
    (export "print_i64" (func $print_i64))
    (export "print_f32" (func $print_f32))
    (export "print_f64" (func $print_f64))
    (export "print_i32_f32" (func $print_i32_f32))
    (export "print_f64_f64" (func $print_f64_f64))
    (global (export "global_i32") i32 (i32.const 666))
    (global (export "global_i64") i64 (i64.const 666))
    (global (export "global_f32") f32 (f32.const 666.6))
    (global (export "global_f64") f64 (f64.const 666.6))
    (table (export "table") 10 20 funcref)
    TABLE64
    (memory (export "memory") 1 2))"#;

/// Instantiates `spectest` under that name, as far as the features allow.
///
/// # Errors
/// If the runtime under test cannot.
pub(crate) fn instantiate(runtime: &Runtime, features: CoreFeatures, cx: &Context) -> wz::Result<Module> {
    let host = HostModule::new(HOST)
        .with_function("print", || {})
        .with_function("print_i32", |_: i32| {})
        .with_function("print_i64", |_: i64| {})
        .with_function("print_f32", |_: f32| {})
        .with_function("print_f64", |_: f64| {})
        .with_function("print_i32_f32", |_: i32, _: f32| {})
        .with_function("print_f64_f64", |_: f64, _: f64| {});
    runtime.instantiate_host_module_with(cx, &host)?;
    let has_table64 = features.is_enabled(CoreFeatures::MEMORY64);
    let table64 = if has_table64 { r#"(table (export "table64") i64 10 20 funcref)"# } else { "" };
    let module =
        wat::parse_str(TEXT.replace("HOST", HOST).replace("TABLE64", table64)).map_err(wz::Error::host)?;
    let compiled = runtime.compile(&module)?;
    runtime.instantiate_module_with(cx, &compiled, ModuleConfig::new().with_name("spectest"))
}
