//! [`TypeRegistry`]: canonical numbers for function types, so that `call_indirect` and linking
//! compare one number. Numbers are per store and never reused.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use wz_api::FunctionType;

/// Numbers function types. The first number is 1: 0 is no type.
#[derive(Debug, Default)]
pub(crate) struct TypeRegistry {
    ids: Mutex<HashMap<Arc<FunctionType>, u32>>,
}

impl TypeRegistry {
    /// The number of a type: equal for equal types.
    pub(crate) fn id(&self, ty: &Arc<FunctionType>) -> u32 {
        let mut ids = self.ids.lock();
        if let Some(id) = ids.get(ty) {
            return *id;
        }
        let id = ids.len() as u32 + 1;
        ids.insert(ty.clone(), id);
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wz_api::ValueType;

    #[test]
    fn equal_types_have_equal_numbers() {
        let registry = TypeRegistry::default();
        let id = |params: &[ValueType], results: &[ValueType]| {
            registry.id(&Arc::new(FunctionType::new(params, results)))
        };
        let first = id(&[ValueType::I32], &[]);
        assert_eq!(first, 1);
        assert_eq!(id(&[], &[ValueType::I32]), 2);
        assert_eq!(id(&[ValueType::I32], &[]), first);
    }
}
