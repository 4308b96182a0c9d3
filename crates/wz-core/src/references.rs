//! References as they cross between words, handles and instances. Whatever crosses into an
//! instance becomes part of what its island keeps alive.

use std::sync::Arc;

use wz_api::sealed::Keep;
use wz_api::{Error, Function, Result};

use crate::function::{GuestFunction, HostFunctionHandle};
use crate::instance::Instance;
use crate::words::Found;

/// Through which instance a reference is seen.
#[derive(Clone, Copy)]
pub(crate) struct Via<'a> {
    pub(crate) instance: &'a Arc<Instance>,
    pub(crate) keep: &'a Keep,
}

/// The word for a function, which passes into `instance`.
///
/// # Errors
/// If the function is of another runtime.
pub(crate) fn function_to_word(instance: &Instance, function: &Function) -> Result<u64> {
    let inner = function.inner();
    if inner.runtime_tag() != instance.store().tag() {
        return Err(Error::argument(format!(
            "func[{}] is of another runtime",
            function.definition().debug_name()
        )));
    }
    if let Some(guest) = inner.as_any().downcast_ref::<GuestFunction>() {
        join(instance, guest.instance())?;
    } else if let Some(host) = inner.as_any().downcast_ref::<HostFunctionHandle>() {
        island_of(instance)?.hold(host.host().clone());
    } else {
        return Err(Error::argument("the function is not of a store"));
    }
    Ok(inner.identity() as u64)
}

/// The function of a word.
///
/// # Errors
/// If there is none in this store.
pub(crate) fn word_to_function(via: Via<'_>, word: u64) -> Result<Option<Function>> {
    if word == 0 {
        return Ok(None);
    }
    let function: Function = match via.instance.store().words().find(word).ok_or_else(|| unknown(word))? {
        Found::Guest(instance, index) => {
            let keep = island_of(&instance)?;
            GuestFunction::new(instance, index, keep).into_function()
        }
        Found::Host(host) => {
            HostFunctionHandle::new(host, via.instance.clone(), via.keep.clone()).into_function()
        }
    };
    Ok(Some(function))
}

/// Checks a word that safe code passes into `instance` as a function reference.
///
/// # Errors
/// If it is neither null nor a function of the store.
pub(crate) fn admit_function(instance: &Instance, word: u64) -> Result<()> {
    if word == 0 {
        return Ok(());
    }
    match instance.store().words().find(word).ok_or_else(|| unknown(word))? {
        Found::Guest(other, _) => join(instance, &other),
        Found::Host(host) => {
            island_of(instance)?.hold(host);
            Ok(())
        }
    }
}

/// From now on the two instances live together.
fn join(a: &Instance, b: &Instance) -> Result<()> {
    if !std::ptr::eq(a, b) {
        a.closing().meets_others();
        b.closing().meets_others();
        a.store().links().merge(&island_of(a)?, &island_of(b)?);
    }
    Ok(())
}

fn island_of(instance: &Instance) -> Result<Arc<crate::instance::InstanceIsland>> {
    instance.island().ok_or_else(|| Error::argument("the function's instance was freed"))
}

#[cold]
fn unknown(word: u64) -> Error {
    Error::argument(format!("0x{word:x} is not a function of this runtime"))
}
