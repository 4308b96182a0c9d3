//! [`HostCall`]: what a host function sees of the call it is in.

use std::any::{Any, TypeId};
use std::sync::Arc;

use wz_api::sealed::{CallerInner, Keep, References};
use wz_api::{Context, Error, ExitError, ExternRef, Function, Memory, Module, Result, Trap};

use crate::activation::Activation;
use crate::instance::Instance;
use crate::references::{self, Via};

/// A host function's call.
pub(crate) struct HostCall<'a> {
    activation: &'a Activation,
    /// The calling instance.
    instance: &'a Instance,
}

impl<'a> HostCall<'a> {
    pub(crate) fn new(activation: &'a Activation, instance: &'a Instance) -> Self {
        Self { activation, instance }
    }

    fn closes_when_done(&self) -> bool {
        self.activation.store().config().close_on_context_done
    }
}

/// What [`CallerInner::as_any`] gives: calls are not for downcasting.
struct Opaque;

impl CallerInner for HostCall<'_> {
    fn as_any(&self) -> &dyn Any {
        &Opaque
    }

    fn context(&self) -> &Context {
        self.activation.context()
    }

    fn module(&self) -> Option<Module> {
        self.instance.module()
    }

    fn memory(&self) -> Option<&Memory> {
        self.instance.first_memory()
    }

    fn extension(&self, id: TypeId) -> Option<&(dyn Any + Send + Sync)> {
        self.instance.extension(id)
    }

    fn interruption(&self) -> Option<Error> {
        let closed = self.instance.exit_code().or_else(|| self.activation.instance().exit_code());
        let code = closed.or_else(|| {
            let reason = self.closes_when_done().then(|| self.activation.context().done())??;
            Some(reason.exit_code())
        })?;
        Some(ExitError { code }.into())
    }

    fn register_wake(&self, wake: Arc<dyn Fn() + Send + Sync>) -> u64 {
        let slots = [self.instance.closing().slot(), self.activation.instance().closing().slot()];
        let cx = self.closes_when_done().then(|| self.activation.context());
        self.activation.store().wakes().add(slots, cx, wake, || self.interruption().is_some())
    }

    fn unregister_wake(&self, id: u64) {
        self.activation.store().wakes().remove(id);
    }

    fn fuel(&self) -> Option<u64> {
        let metered = self.activation.store().config().fuel;
        metered.then(|| self.activation.tank().map_or(u64::MAX, |tank| tank.remaining()))
    }

    fn snapshot(&self) -> Result<Keep> {
        self.activation.save()
    }

    fn consume_fuel(&self, units: u64) -> Result<()> {
        match self.activation.tank() {
            Some(tank) if !tank.consume(units) => Err(Trap::OutOfFuel.into()),
            _ => Ok(()),
        }
    }
}

impl References for HostCall<'_> {
    fn function_to_word(&self, function: &Function) -> Result<u64> {
        references::function_to_word(self.instance, function)
    }

    fn word_to_function(&self, word: u64) -> Result<Option<Function>> {
        let (instance, keep) = self.instance.shared().zip(self.instance.island()).ok_or_else(freed)?;
        references::word_to_function(Via { instance: &instance, keep: &(keep as _) }, word)
    }

    fn extern_to_word(&self, value: &ExternRef) -> Result<u64> {
        self.instance.store().externs().word(value)
    }

    fn word_to_extern(&self, word: u64) -> Result<Option<ExternRef>> {
        self.instance.store().externs().value(word)
    }
}

#[cold]
fn freed() -> Error {
    Error::argument("the calling instance was freed")
}
