//! [`Replacements`]: values that others take the place of, and the sweep that puts them there.

use crate::ir::{Function, Value};

/// Which values are replaced by which.
#[derive(Debug, Default)]
pub(super) struct Replacements {
    by: Vec<Value>,
    any: bool,
}

impl Replacements {
    /// Starts without replacements.
    pub(super) fn start(&mut self, f: &Function) {
        self.by.clear();
        self.by.resize(f.types.len(), Value::NONE);
        self.any = false;
    }

    /// Replaces a value everywhere. What it is replaced by may be replaced itself.
    pub(super) fn replace(&mut self, value: Value, by: Value) {
        debug_assert_ne!(value, by);
        self.by[value.index()] = by;
        self.any = true;
    }

    /// Whether a value was replaced.
    pub(super) fn any(&self) -> bool {
        self.any
    }

    /// What a value was replaced by, finally; or itself.
    #[inline]
    pub(super) fn resolve(&mut self, value: Value) -> Value {
        let by = self.by[value.index()];
        if by == Value::NONE {
            return value;
        }
        let mut last = by;
        while self.by[last.index()] != Value::NONE {
            last = self.by[last.index()];
        }
        let mut at = value;
        while at != last {
            at = std::mem::replace(&mut self.by[at.index()], last);
        }
        last
    }

    /// Puts the replacements in place.
    pub(super) fn apply(&mut self, f: &mut Function) {
        if !self.any {
            return;
        }
        for index in 0..f.schedule.len() {
            let inst = f.schedule[index];
            for arg in f.args_mut(inst) {
                *arg = self.resolve(*arg);
            }
        }
        for block in 0..f.layout.len() {
            for edge in f.succs(f.layout[block]) {
                let args = f.edge(edge).args;
                for arg in &mut f.pool[args.range()] {
                    *arg = self.resolve(*arg);
                }
            }
        }
    }
}
