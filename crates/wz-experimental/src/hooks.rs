//! What can be attached to an instance while it runs. The core implements [`ModuleHooks`]; the
//! functions here find it behind a [`Module`].

use std::sync::Arc;

use wz_api::{Error, Module, Result};

use crate::attachment::Attachment;
use crate::event::EventListener;
use crate::listener::FunctionListenerFactory;
use crate::probe::Probes;
use crate::sample::CodeId;

/// What the core provides for an instance. Not for implementing elsewhere.
#[doc(hidden)]
pub trait ModuleHooks: Send + Sync {
    fn attach_listeners(&self, factory: &dyn FunctionListenerFactory) -> Attachment;
    fn attach_event_listener(&self, listener: Arc<dyn EventListener>) -> Attachment;
    fn attach_probes(&self, probes: &Probes) -> Result<Attachment>;
    fn code_id(&self) -> CodeId;
    fn block_entries(&self, function: u32) -> Result<Vec<u32>>;
}

/// What is behind `ModuleInner::hooks`.
#[doc(hidden)]
#[allow(missing_debug_implementations)]
pub struct Hooks(pub Arc<dyn ModuleHooks>);

pub(crate) fn hooks(module: &Module) -> Result<Arc<Hooks>> {
    let hooks = module.inner().hooks().and_then(|hooks| hooks.downcast().ok());
    hooks.ok_or_else(|| Error::argument(format!("{module} has no functions to watch")))
}

/// Attaches the listeners that a factory makes for the functions of an instance or host module,
/// after those that these have, until the attachment is dropped.
///
/// Other threads may run the functions meanwhile. A call is told to the listeners that were
/// attached when it began, so that every `before` has its end; see `docs/listeners.md`. To attach
/// to all instances of a compiled module use its `attach_listeners`.
///
/// # Errors
/// If the module is not a runtime's.
pub fn attach_listeners(module: &Module, factory: &dyn FunctionListenerFactory) -> Result<Attachment> {
    Ok(hooks(module)?.0.attach_listeners(factory))
}

/// Attaches a listener for the events of an instance, after those that it has, until the
/// attachment is dropped.
///
/// # Errors
/// If the module is not a runtime's, or a host module.
pub fn attach_event_listener(module: &Module, listener: Arc<dyn EventListener>) -> Result<Attachment> {
    Ok(hooks(module)?.0.attach_event_listener(listener))
}

/// Attaches probes to the code of an instance, until the attachment is dropped. The code is that
/// of its compiled module: other instances of that run the probes too.
///
/// Other threads may run the functions meanwhile; calls that are running keep the code that they
/// began with.
///
/// # Errors
/// If a point does not exist, or the engine has no probes.
pub fn attach_probes(module: &Module, probes: &Probes) -> Result<Attachment> {
    hooks(module)?.0.attach_probes(probes)
}

/// The offsets in the body of the Code section at which the basic blocks of a function begin:
/// its first operator, and every operator that branches lead to or that follows a branch.
///
/// # Errors
/// If the function does not exist or is imported.
pub fn block_entries(module: &Module, function: u32) -> Result<Vec<u32>> {
    hooks(module)?.0.block_entries(function)
}
