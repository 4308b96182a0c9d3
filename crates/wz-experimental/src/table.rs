//! [`lookup_function`]: a function in a table, as `call_indirect` finds it.

use wz_api::{Error, Function, Module, Result, Trap, Value, ValueType};

use crate::internal_module::InternalModule;

/// The function at a place in a table of a module, exported or not.
///
/// # Errors
/// If there is no such table. The traps of `call_indirect`:
/// [`InvalidTableAccess`](Trap::InvalidTableAccess) if the place is out of range or empty,
/// [`IndirectCallTypeMismatch`](Trap::IndirectCallTypeMismatch) if the function has another type.
pub fn lookup_function(
    module: &Module,
    table: u32,
    offset: impl Into<u64>,
    params: &[ValueType],
    results: &[ValueType],
) -> Result<Function> {
    let found = InternalModule::new(module).table(table);
    let found = found.ok_or_else(|| Error::argument(format!("{module} has no table {table}")))?;
    if found.element_type() != ValueType::FuncRef {
        return Err(Error::argument(format!("table {table} of {module} holds no functions")));
    }
    match found.get(offset) {
        Some(Value::FuncRef(Some(function))) => {
            let ty = function.ty();
            if ty.params() != params || ty.results() != results {
                return Err(Trap::IndirectCallTypeMismatch.into());
            }
            Ok(function)
        }
        _ => Err(Trap::InvalidTableAccess.into()),
    }
}
