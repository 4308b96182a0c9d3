//! Functions as the API holds them: [`GuestFunction`] and [`HostFunctionHandle`].

use std::any::Any;
use std::sync::Arc;

use wz_api::sealed::{FunctionInner, Keep, References};
use wz_api::{Context, Error, ExternRef, Function, FunctionDefinition, Module, Result};

use crate::call::{self, Callee};
use crate::host::{HostRecord, ReferenceSlots};
use crate::instance::Instance;
use crate::references::{self, Via};

/// A function that an instance defines.
#[derive(Debug)]
pub(crate) struct GuestFunction {
    instance: Arc<Instance>,
    callee: Callee,
    definition: FunctionDefinition,
    params: ReferenceSlots,
    /// Whether there are any.
    takes_references: bool,
    stack_slots: usize,
    /// Keeps the instance's island alive.
    keep: Keep,
}

impl GuestFunction {
    /// The function of `instance`, which defines it, with this index. `keep` keeps the instance.
    pub(crate) fn new(instance: Arc<Instance>, index: u32, keep: Keep) -> Self {
        debug_assert!(index >= instance.info().imported.functions);
        let definition = instance.info().function_definition(index);
        let params = ReferenceSlots::of(definition.param_types());
        let stack_slots = definition.ty().stack_slots();
        let callee = Callee::new(&instance, index);
        let takes_references = !params.is_empty();
        Self { callee, definition, params, takes_references, stack_slots, instance, keep }
    }

    pub(crate) fn into_function(self) -> Function {
        Function::from_inner(Arc::new(self))
    }

    /// The instance that defines the function.
    pub(crate) fn instance(&self) -> &Instance {
        &self.instance
    }
}

/// The API's handles check the length and say more; this is for whoever goes past them.
#[cold]
fn short_stack() -> Error {
    Error::argument("the stack is shorter than parameters and results")
}

/// Checks the references among words that safe code passes to `instance`.
#[cold]
fn admit(instance: &Instance, references: &ReferenceSlots, words: &[u64]) -> Result<()> {
    for position in &references.functions {
        references::admit_function(instance, words[*position as usize])?;
    }
    for position in &references.externs {
        instance.store().externs().value(words[*position as usize])?;
    }
    Ok(())
}

impl FunctionInner for GuestFunction {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn definition(&self) -> &FunctionDefinition {
        &self.definition
    }

    fn runtime_tag(&self) -> u64 {
        self.instance.store().tag()
    }

    fn identity(&self) -> usize {
        self.callee.record() as usize
    }

    fn module(&self) -> Option<Module> {
        Some(Module::from_parts(self.instance.clone(), self.keep.clone()))
    }

    fn call(&self, cx: &Context, stack: &mut [u64]) -> Result<()> {
        if stack.len() < self.stack_slots {
            return Err(short_stack());
        }
        if self.takes_references {
            admit(&self.instance, &self.params, stack)?;
        }
        // SAFETY: the function is one of the instance, which `keep` keeps alive; the stack is long
        // enough.
        unsafe { call::call_guest(&self.instance, &self.callee, cx, stack) }
    }
}

impl References for GuestFunction {
    fn function_to_word(&self, function: &Function) -> Result<u64> {
        references::function_to_word(&self.instance, function)
    }

    fn word_to_function(&self, word: u64) -> Result<Option<Function>> {
        references::word_to_function(Via { instance: &self.instance, keep: &self.keep }, word)
    }

    fn extern_to_word(&self, value: &ExternRef) -> Result<u64> {
        self.instance.store().externs().word(value)
    }

    fn word_to_extern(&self, word: u64) -> Result<Option<ExternRef>> {
        self.instance.store().externs().value(word)
    }
}

/// A host function that was found through an instance. Called through the handle, it sees that
/// instance as its caller.
#[derive(Debug)]
pub(crate) struct HostFunctionHandle {
    host: Arc<HostRecord>,
    params: ReferenceSlots,
    instance: Arc<Instance>,
    keep: Keep,
}

impl HostFunctionHandle {
    pub(crate) fn new(host: Arc<HostRecord>, instance: Arc<Instance>, keep: Keep) -> Self {
        Self { params: ReferenceSlots::of(host.definition().param_types()), host, instance, keep }
    }

    pub(crate) fn into_function(self) -> Function {
        Function::from_inner(Arc::new(self))
    }

    pub(crate) fn host(&self) -> &Arc<HostRecord> {
        &self.host
    }
}

impl FunctionInner for HostFunctionHandle {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn definition(&self) -> &FunctionDefinition {
        self.host.definition()
    }

    fn runtime_tag(&self) -> u64 {
        self.host.store().tag()
    }

    fn identity(&self) -> usize {
        std::ptr::from_ref(self.host.record()) as usize
    }

    fn module(&self) -> Option<Module> {
        None
    }

    fn call(&self, cx: &Context, stack: &mut [u64]) -> Result<()> {
        if stack.len() < self.host.stack_slots() {
            return Err(short_stack());
        }
        if !self.params.is_empty() {
            admit(&self.instance, &self.params, stack)?;
        }
        // SAFETY: `keep` keeps the instance alive; the stack is long enough.
        unsafe { call::call_host(&self.instance, &self.host, cx, stack) }
    }
}

impl References for HostFunctionHandle {
    fn function_to_word(&self, function: &Function) -> Result<u64> {
        references::function_to_word(&self.instance, function)
    }

    fn word_to_function(&self, word: u64) -> Result<Option<Function>> {
        references::word_to_function(Via { instance: &self.instance, keep: &self.keep }, word)
    }

    fn extern_to_word(&self, value: &ExternRef) -> Result<u64> {
        self.instance.store().externs().word(value)
    }

    fn word_to_extern(&self, word: u64) -> Result<Option<ExternRef>> {
        self.instance.store().externs().value(word)
    }
}
