//! Calls of host functions without a guest.

use std::any::{Any, TypeId};
use std::sync::Arc;

use wz_api::sealed::{CallerInner, References};
use wz_api::{
    Caller, Context, Error, ErrorKind, ExitError, ExternRef, Function, HostFunction, Memory, Module, Result,
};

use super::NoReferences;

/// Calls a host function as if `module` had called it; parameters and results are words. A
/// function that fails with an exit closes the module, as a guest's would be.
///
/// # Errors
/// A wrong number of parameters, or what the function fails with.
pub fn call_host_function(
    function: &HostFunction,
    module: &Module,
    cx: &Context,
    params: &[u64],
) -> Result<Vec<u64>> {
    let ty = function.ty();
    if params.len() != ty.param_slots() {
        let (expected, given) = (ty.param_slots(), params.len());
        return Err(Error::argument(format!("expected {expected} params, but passed {given}")));
    }
    let mut stack = vec![0; ty.stack_slots()];
    stack[..params.len()].copy_from_slice(params);
    call(function, module, cx, &mut stack)?;
    stack.truncate(ty.result_slots());
    Ok(stack)
}

pub(super) fn call(function: &HostFunction, module: &Module, cx: &Context, stack: &mut [u64]) -> Result<()> {
    let call = FakeCall { module, memory: module.memory(), cx };
    let result = function.body()(&mut Caller::from_inner(&call), stack);
    if let Err(error) = &result
        && let ErrorKind::Exit(ExitError { code }) = error.kind()
    {
        module.close_with(cx, *code)?;
    }
    match (result, module.exit_code()) {
        (Ok(()), Some(code)) => Err(Error::exit(code)),
        (result, _) => result,
    }
}

struct FakeCall<'a> {
    module: &'a Module,
    memory: Option<Memory>,
    cx: &'a Context,
}

impl CallerInner for FakeCall<'_> {
    fn as_any(&self) -> &dyn Any {
        &NoDowncast
    }
    fn context(&self) -> &Context {
        self.cx
    }
    fn module(&self) -> Option<Module> {
        Some(self.module.clone())
    }
    fn memory(&self) -> Option<&Memory> {
        self.memory.as_ref()
    }
    fn extension(&self, id: TypeId) -> Option<&(dyn Any + Send + Sync)> {
        self.module.inner().extension(id)
    }
    fn interruption(&self) -> Option<Error> {
        let code = self.module.exit_code().or_else(|| Some(self.cx.done()?.exit_code()));
        code.map(Error::exit)
    }
    fn register_wake(&self, wake: Arc<dyn Fn() + Send + Sync>) -> u64 {
        // Nobody ends the call from outside; what has ended it already wakes at once.
        if self.interruption().is_some() {
            wake();
        }
        0
    }
    fn unregister_wake(&self, _: u64) {}
    fn fuel(&self) -> Option<u64> {
        None
    }
    fn consume_fuel(&self, _: u64) -> Result<()> {
        Ok(())
    }
}

/// Calls are not for downcasting.
struct NoDowncast;

impl References for FakeCall<'_> {
    fn function_to_word(&self, function: &Function) -> Result<u64> {
        NoReferences.function_to_word(function)
    }
    fn word_to_function(&self, word: u64) -> Result<Option<Function>> {
        NoReferences.word_to_function(word)
    }
    fn extern_to_word(&self, value: &ExternRef) -> Result<u64> {
        NoReferences.extern_to_word(value)
    }
    fn word_to_extern(&self, word: u64) -> Result<Option<ExternRef>> {
        NoReferences.word_to_extern(word)
    }
}
