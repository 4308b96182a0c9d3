//! What nearly every program that embeds wz needs: `use wz::prelude::*`.

pub use crate::{
    Caller, CompiledModule, Context, Function, HostFunction, HostModule, Memory, Module, ModuleConfig,
    Runtime, RuntimeConfig, TypedFunction, Value, ValueType,
};
