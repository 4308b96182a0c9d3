//! [`InternalModule`]: what an instance has, exported or not.

use std::fmt;

use wz_api::{Function, Global, GlobalDefinition, Memory, Module, Table, Value, ValueType};

/// Everything in an instance by its index, imports first, whether it is exported or not.
#[derive(Clone, Debug)]
pub struct InternalModule(Module);

impl InternalModule {
    /// What is in `module`.
    #[must_use]
    pub fn new(module: &Module) -> Self {
        Self(module.clone())
    }

    /// The module.
    #[must_use]
    pub fn module(&self) -> &Module {
        &self.0
    }

    /// The number of globals.
    #[must_use]
    pub fn num_globals(&self) -> u32 {
        self.0.inner().counts()[3]
    }

    /// A global, to be looked at only.
    #[must_use]
    pub fn global(&self, index: u32) -> Option<GlobalView> {
        self.0.inner().global(self.0.keep(), index).map(GlobalView)
    }

    /// The number of functions.
    #[must_use]
    pub fn num_functions(&self) -> u32 {
        self.0.inner().counts()[0]
    }

    /// A function.
    #[must_use]
    pub fn function(&self, index: u32) -> Option<Function> {
        self.0.inner().function(self.0.keep(), index)
    }

    /// The number of tables.
    #[must_use]
    pub fn num_tables(&self) -> u32 {
        self.0.inner().counts()[1]
    }

    /// A table.
    #[must_use]
    pub fn table(&self, index: u32) -> Option<Table> {
        self.0.inner().table(self.0.keep(), index)
    }

    /// The number of memories.
    #[must_use]
    pub fn num_memories(&self) -> u32 {
        self.0.inner().counts()[2]
    }

    /// A memory.
    #[must_use]
    pub fn memory(&self, index: u32) -> Option<Memory> {
        self.0.inner().memory(self.0.keep(), index)
    }
}

/// A global that can be looked at.
#[derive(Clone, Debug)]
pub struct GlobalView(Global);

impl GlobalView {
    /// What the defining module says of it.
    #[must_use]
    pub fn definition(&self) -> GlobalDefinition {
        self.0.definition()
    }

    /// The type of the value.
    #[must_use]
    pub fn ty(&self) -> ValueType {
        self.0.ty()
    }

    /// The current value.
    #[must_use]
    pub fn get(&self) -> Value {
        self.0.get()
    }

    /// The current value as a word; the low half of a `v128`.
    #[must_use]
    pub fn get_word(&self) -> u64 {
        self.0.get_word()
    }
}

/// Prints `global(value)`.
impl fmt::Display for GlobalView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
