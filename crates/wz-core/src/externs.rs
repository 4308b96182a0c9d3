//! [`ExternTable`]: the host values that guests hold, by number. A word is a position plus one,
//! 0 is null. Values stay until the store is freed; clones of one value are stored once.

use std::collections::HashMap;

use parking_lot::Mutex;
use wz_api::{Error, ExternRef, Result};

/// The host values that passed into guests of one store.
#[derive(Debug, Default)]
pub(crate) struct ExternTable {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    values: Vec<ExternRef>,
    words: HashMap<usize, u64>,
}

impl ExternTable {
    /// The word for a value.
    ///
    /// # Errors
    /// If there are too many.
    pub(crate) fn word(&self, value: &ExternRef) -> Result<u64> {
        let mut state = self.state.lock();
        if let Some(word) = state.words.get(&value.address()) {
            return Ok(*word);
        }
        if state.values.len() >= u32::MAX as usize {
            return Err(Error::limit("too many host values were passed to guests"));
        }
        state.values.push(value.clone());
        let word = state.values.len() as u64;
        // The value is kept, so that its address stays its own.
        state.words.insert(value.address(), word);
        Ok(word)
    }

    /// The value of a word.
    ///
    /// # Errors
    /// If no value has that word.
    pub(crate) fn value(&self, word: u64) -> Result<Option<ExternRef>> {
        let Some(position) = word.checked_sub(1) else { return Ok(None) };
        let state = self.state.lock();
        let value = usize::try_from(position).ok().and_then(|position| state.values.get(position));
        match value {
            Some(value) => Ok(Some(value.clone())),
            None => Err(Error::argument(format!("0x{word:x} is not a host value of this runtime"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_stored_once_and_found_again() {
        let table = ExternTable::default();
        let (a, b) = (ExternRef::new(1_i32), ExternRef::new(()));
        let word = table.word(&a).unwrap();
        assert_eq!(table.word(&a.clone()).unwrap(), word);
        assert_ne!(table.word(&b).unwrap(), word);
        assert!(table.value(word).unwrap().is_some_and(|value| value.same(&a)));
        assert!(table.value(0).unwrap().is_none());
        let error = table.value(3).unwrap_err();
        assert_eq!(error.to_string(), "0x3 is not a host value of this runtime");
        assert!(table.value(u64::MAX).is_err());
    }
}
