//! Globals: the cells of one instance together ([`GlobalCells`]), one of them wherever it is
//! known ([`GlobalRef`]), and the API's view of it ([`GlobalHandle`]).

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use wz_api::sealed::{GlobalInner, Keep};
use wz_api::{GlobalDefinition, GlobalType, Result, V128, Value, ValueType};
use wz_decode::ModuleInfo;

use crate::instance::Instance;
use crate::records::GlobalCell;
use crate::references;

impl GlobalCell {
    /// The value, low half first.
    #[must_use]
    pub fn get(&self) -> [u64; 2] {
        // Acquire, because a word may be the address of a record.
        [self.words[0].load(Ordering::Acquire), self.words[1].load(Ordering::Relaxed)]
    }

    /// Changes the value.
    pub fn set(&self, words: [u64; 2]) {
        self.words[1].store(words[1], Ordering::Relaxed);
        self.words[0].store(words[0], Ordering::Release);
    }
}

/// The globals that an instance defines. They outlive it where others import them.
pub(crate) type GlobalCells = Arc<[GlobalCell]>;

/// A global.
#[derive(Clone, Debug)]
pub(crate) struct GlobalRef {
    cells: GlobalCells,
    position: u32,
    info: Arc<ModuleInfo>,
    index: u32,
}

impl GlobalRef {
    /// The global with this index of a module, of which it is a defined one.
    pub(crate) fn new(cells: &GlobalCells, info: &Arc<ModuleInfo>, index: u32) -> Self {
        let position = index - info.imported.globals;
        Self { cells: cells.clone(), position, info: info.clone(), index }
    }

    pub(crate) fn cell(&self) -> &GlobalCell {
        &self.cells[self.position as usize]
    }

    pub(crate) fn ty(&self) -> GlobalType {
        self.info.globals[self.index as usize]
    }
}

/// A global as the API holds it: with what its value needs to live.
#[derive(Debug)]
pub(crate) struct GlobalHandle {
    pub(crate) global: GlobalRef,
    /// The instance that it was got from.
    pub(crate) instance: Arc<Instance>,
    pub(crate) keep: Keep,
}

impl GlobalInner for GlobalHandle {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn definition(&self) -> GlobalDefinition {
        self.global.info.global_definition(self.global.index)
    }

    fn runtime_tag(&self) -> u64 {
        self.instance.store().tag()
    }

    fn get(&self) -> Value {
        let words = self.global.cell().get();
        let word = words[0];
        match self.global.ty().value {
            ValueType::I32 => Value::I32(wz_api::decode_i32(word)),
            ValueType::I64 => Value::I64(wz_api::decode_i64(word)),
            ValueType::F32 => Value::F32(wz_api::decode_f32(word)),
            ValueType::F64 => Value::F64(wz_api::decode_f64(word)),
            ValueType::V128 => Value::V128(V128(wz_api::decode_v128(words))),
            ValueType::ExternRef => {
                Value::ExternRef(self.instance.store().externs().value(word).unwrap_or(None))
            }
            // What is in a global is in its island, so that there is a function.
            _ => {
                let via = references::Via { instance: &self.instance, keep: &self.keep };
                Value::FuncRef(references::word_to_function(via, word).unwrap_or(None))
            }
        }
    }

    fn get_words(&self) -> [u64; 2] {
        self.global.cell().get()
    }

    fn set(&self, value: &Value) -> Result<()> {
        let mut words = [0; 2];
        match value {
            Value::FuncRef(Some(function)) => {
                words[0] = references::function_to_word(&self.instance, function)?;
            }
            Value::ExternRef(Some(value)) => words[0] = self.instance.store().externs().word(value)?,
            Value::I32(value) => words[0] = wz_api::encode_i32(*value),
            Value::I64(value) => words[0] = wz_api::encode_i64(*value),
            Value::F32(value) => words[0] = wz_api::encode_f32(*value),
            Value::F64(value) => words[0] = wz_api::encode_f64(*value),
            Value::V128(value) => words = wz_api::encode_v128(value.0),
            _ => {}
        }
        self.global.cell().set(words);
        Ok(())
    }
}
