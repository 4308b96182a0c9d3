//! WASI preview 1 (`wasi_snapshot_preview1`): the host functions that programs compiled by clang,
//! rustc, Go and others import, and what stands behind them.
//!
//! The functions come into a runtime with [`instantiate`]; what a program sees of the world
//! is in its [`ModuleConfig`](crate::ModuleConfig).

use wz_api::{Context, Module, Result};
pub use wz_wasi::*;

use crate::runtime::Runtime;

/// Instantiates the functions of WASI as `wasi_snapshot_preview1`.
///
/// For programs that import the same functions under the older name `wasi_unstable`, instantiate
/// [`snapshot_preview1()`]`.with_name("wasi_unstable")`; to replace single functions, use its
/// `with_function`.
///
/// ```
/// use wz::prelude::*;
///
/// # fn main() -> wz::Result<()> {
/// let runtime = Runtime::new();
/// wz::wasi::instantiate(&runtime)?;
///
/// let exit = wat::parse_str(
///     r#"(module
///         (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
///         (func (export "_start") (call $exit (i32.const 3))))"#,
/// ).unwrap();
/// let error = runtime.instantiate(&exit).unwrap_err();
/// assert_eq!(error.exit_code(), Some(3));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// If the runtime is closed or has a module of that name.
pub fn instantiate(runtime: &Runtime) -> Result<Module> {
    instantiate_with(&Context::background(), runtime)
}

/// As [`instantiate`], in a context that may carry listeners of the functions.
///
/// # Errors
/// See [`instantiate`].
pub fn instantiate_with(cx: &Context, runtime: &Runtime) -> Result<Module> {
    runtime.instantiate_host_module_with(cx, &snapshot_preview1())
}
