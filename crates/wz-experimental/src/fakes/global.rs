//! A global of a fake.

use std::any::Any;
use std::sync::{Mutex, PoisonError};

use wz_api::sealed::GlobalInner;
use wz_api::{ExportDefinition, GlobalDefinition, GlobalType, Result, Value};

use super::TAG;

pub(super) struct FakeGlobal {
    definition: GlobalDefinition,
    value: Mutex<Value>,
}

impl FakeGlobal {
    pub(super) fn new(name: &str, index: u32, value: Value, mutable: bool) -> Self {
        let export = ExportDefinition { index, export_names: vec![name.into()], ..Default::default() };
        let ty = GlobalType { value: value.ty(), mutable };
        Self { definition: GlobalDefinition { export, ty }, value: Mutex::new(value) }
    }
}

impl GlobalInner for FakeGlobal {
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn definition(&self) -> GlobalDefinition {
        self.definition.clone()
    }
    fn runtime_tag(&self) -> u64 {
        TAG
    }
    fn get(&self) -> Value {
        self.value.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
    fn get_words(&self) -> [u64; 2] {
        match self.get() {
            Value::I32(value) => [u64::from(value as u32), 0],
            Value::I64(value) => [value as u64, 0],
            Value::F32(value) => [value.to_bits().into(), 0],
            Value::F64(value) => [value.to_bits(), 0],
            Value::V128(value) => [value.0 as u64, (value.0 >> 64) as u64],
            // References have no words here.
            _ => [0, 0],
        }
    }
    fn set(&self, value: &Value) -> Result<()> {
        *self.value.lock().unwrap_or_else(PoisonError::into_inner) = value.clone();
        Ok(())
    }
}
