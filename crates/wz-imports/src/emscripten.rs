//! What programs compiled by Emscripten with few JavaScript features import from `env`:
//! `emscripten_notify_memory_growth`, `_emscripten_throw_longjmp` and the `invoke_*` functions,
//! which stand for calls that `longjmp` may leave.
//!
//! A program calls `invoke_*` with the index of a function in its first table and the function's
//! arguments. If the function, or one that it calls, calls `_emscripten_throw_longjmp`, the call
//! ends there, the program's stack pointer is what it was before, and `setThrew(1, 0)` tells it.
//! Every other error passes through.

use std::error::Error as StdError;
use std::fmt;

use wz_api::{
    Caller, Error, Function, FunctionDefinition, FunctionType, HostFunction, HostModule, Module, Result,
    Trap, Value, ValueType,
};

/// The name that programs import from.
pub const MODULE: &str = "env";

const INVOKE: &str = "invoke_";

/// The functions that a module imports, whose imported functions these are
/// (`CompiledModule::imported_functions`). What it imports from elsewhere or under other names is
/// left out, also if this leaves nothing.
///
/// # Errors
/// If the first parameter of an `invoke_*` function is no table index.
pub fn host_module_for<'a>(imported: impl IntoIterator<Item = &'a FunctionDefinition>) -> Result<HostModule> {
    let mut module = HostModule::new(MODULE);
    for definition in imported {
        let Some((MODULE, name)) = definition.import() else { continue };
        if let Some(function) = function_of(name, definition)? {
            module = module.with_host_function(name, function);
        }
    }
    Ok(module)
}

fn function_of(name: &str, definition: &FunctionDefinition) -> Result<Option<HostFunction>> {
    Ok(Some(match name {
        "emscripten_notify_memory_growth" => {
            HostFunction::new(|_memory_index: u32| ()).with_parameter_names(["memory_index"])
        }
        "_emscripten_throw_longjmp" => HostFunction::new(|| Err::<(), Error>(Error::host(ThrowLongjmp))),
        _ if name.starts_with(INVOKE) => invoke_function(name, definition.ty())?,
        _ => return Ok(None),
    }))
}

/// The function that `invoke_*` of this type stands for takes all parameters but the first.
fn invoke_function(name: &str, ty: &FunctionType) -> Result<HostFunction> {
    let [ValueType::I32, params @ ..] = ty.params() else {
        return Err(Error::argument(format!(
            "func[{MODULE}.{name}]: the first param must be i32, a table index"
        )));
    };
    let called = FunctionType::new(params, ty.results());
    let names: Vec<_> = std::iter::once("index".to_owned())
        .chain((1..=params.len()).map(|index| format!("a{index}")))
        .collect();
    let body = move |caller: &mut Caller<'_>, stack: &mut [u64]| invoke(caller, &called, stack);
    Ok(HostFunction::raw(ty.clone(), body).with_parameter_names(names.iter().map(String::as_str)))
}

fn invoke(caller: &mut Caller<'_>, called: &FunctionType, stack: &mut [u64]) -> Result<()> {
    let module = caller.module().ok_or_else(|| Error::host("invoke_* needs a calling module"))?;
    let function = look_up(&module, wz_api::decode_u32(stack[0]))?;
    if function.ty() != called {
        return Err(Trap::IndirectCallTypeMismatch.into());
    }
    let saved = StackPointer::save(caller, &module)?;
    // The parameters move to where the called function has them.
    stack.copy_within(1..1 + called.param_slots(), 0);
    match function.call_with_stack_with(caller.context(), &mut stack[..called.stack_slots()]) {
        Err(error) if error.downcast_host_ref::<ThrowLongjmp>().is_some() => {
            saved.restore(caller)?;
            exported(&module, &["setThrew"])?.call_with(caller.context(), &[1, 0])?;
            stack[..called.result_slots()].fill(0);
            Ok(())
        }
        result => result,
    }
}

/// The function in the module's first table, as `call_indirect` finds it.
fn look_up(module: &Module, index: u32) -> Result<Function> {
    let table = module.inner().table(module.keep(), 0);
    match table.and_then(|table| table.get(index)) {
        Some(Value::FuncRef(Some(function))) => Ok(function),
        _ => Err(Trap::InvalidTableAccess.into()),
    }
}

/// The program's own stack pointer before a call.
struct StackPointer {
    restore: Function,
    saved: Vec<u64>,
}

impl StackPointer {
    fn save(caller: &Caller<'_>, module: &Module) -> Result<Self> {
        let get = exported(module, &["emscripten_stack_get_current", "stackSave"])?;
        let restore = exported(module, &["_emscripten_stack_restore", "stackRestore"])?;
        Ok(Self { restore, saved: get.call_with(caller.context(), &[])? })
    }

    fn restore(&self, caller: &Caller<'_>) -> Result<()> {
        self.restore.call_with(caller.context(), &self.saved).map(drop)
    }
}

/// The first of these functions that the module exports. Emscripten's names changed over time.
fn exported(module: &Module, names: &[&str]) -> Result<Function> {
    names
        .iter()
        .find_map(|name| module.exported_function(name))
        .ok_or_else(|| Error::host(format!("invoke_* needs the module to export {}", names.join(" or "))))
}

/// What ends calls up to the `invoke_*` around them.
#[derive(Debug)]
struct ThrowLongjmp;

impl fmt::Display for ThrowLongjmp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("_emscripten_throw_longjmp outside of invoke_*")
    }
}

impl StdError for ThrowLongjmp {}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use wz_api::FunctionParts;

    fn import(module: &str, name: &str, params: &[ValueType], results: &[ValueType]) -> FunctionDefinition {
        let ty = Arc::new(FunctionType::new(params, results));
        let mut parts = FunctionParts { ty, ..Default::default() };
        parts.export.import = Some((module.into(), name.into()));
        FunctionDefinition::new(parts)
    }

    #[test]
    fn only_what_is_imported_and_known_is_there() {
        use ValueType::{F64, I32, I64};
        let imports = [
            import("env", "invoke_di", &[I32, I32], &[F64]),
            import("env", "invoke_vj", &[I32, I64], &[]),
            import("env", "invoke_di", &[I32, I32], &[F64]),
            import("env", "emscripten_notify_memory_growth", &[I32], &[]),
            import("env", "_emscripten_throw_longjmp", &[], &[]),
            import("env", "abort", &[], &[]),
            import("other", "invoke_v", &[I32], &[]),
        ];
        let definitions = host_module_for(&imports).unwrap().definitions().unwrap();
        let signatures: Vec<_> = definitions.iter().map(|definition| definition.signature()).collect();
        assert_eq!(
            signatures,
            [
                "env.invoke_di(i32,i32) f64",
                "env.invoke_vj(i32,i64)",
                "env.emscripten_notify_memory_growth(i32)",
                "env._emscripten_throw_longjmp()",
            ]
        );
        let names: Vec<_> = definitions[1].param_names().iter().map(|name| &**name).collect();
        assert_eq!(names, ["index", "a1"]);
    }

    #[test]
    fn an_invoke_function_needs_a_table_index() {
        let error = host_module_for(&[import("env", "invoke_v", &[], &[])]).unwrap_err();
        assert_eq!(error.to_string(), "func[env.invoke_v]: the first param must be i32, a table index");
    }
}
