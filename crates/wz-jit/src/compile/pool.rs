//! [`Pool`]: things that are made once and used by one thread at a time.

use parking_lot::Mutex;

/// How many things wait at most: more threads than this do not work at once for long.
const MOST: usize = 64;

/// Things that wait for their next use.
pub(super) struct Pool<T>(Mutex<Vec<Box<T>>>);

impl<T> Pool<T> {
    /// Takes one, if there is one.
    pub(super) fn take(&self) -> Option<Box<T>> {
        self.0.lock().pop()
    }

    /// Gives one back.
    pub(super) fn give(&self, thing: Box<T>) {
        let mut things = self.0.lock();
        if things.len() < MOST {
            things.push(thing);
        }
    }
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}
