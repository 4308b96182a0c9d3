//! [`Metadata`]: what is known of a function's code beside its bytes. Places are offsets from the
//! start of the code, in increasing order within each list.

use wz_api::Trap;

use crate::runtime::stubs::{CounterReference, Relocation};

/// What is known of a function's code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// From where on code comes from the operator at an offset of the Code section.
    pub operators: Vec<(u32, u32)>,
    /// The places that trap on purpose, and why.
    pub traps: Vec<(u32, Trap)>,
    /// Where calls return to.
    pub calls: Vec<u32>,
    /// Ranges in which the frame is neither whole nor absent.
    pub unwalkable: Vec<(u32, u32)>,
    /// What has to be filled in when it is known where code and stubs are.
    pub relocations: Vec<Relocation>,
    /// The same for counters.
    pub counters: Vec<CounterReference>,
    /// How long the code is that makes the frame.
    pub prologue_bytes: u32,
    /// How long the code is.
    pub len_bytes: u32,
}

impl Metadata {
    /// Forgets everything but the memory in use.
    pub fn clear(&mut self) {
        let Self { operators, traps, calls, unwalkable, relocations, counters, prologue_bytes, len_bytes } =
            self;
        operators.clear();
        traps.clear();
        calls.clear();
        unwalkable.clear();
        relocations.clear();
        counters.clear();
        (*prologue_bytes, *len_bytes) = (0, 0);
    }

    /// What begins at `start` or later begins `len` bytes later now.
    pub(super) fn insert(&mut self, start: u32, len: u32) {
        let Self { operators, traps, calls, unwalkable, relocations, counters, .. } = self;
        let begins = |at: &mut u32| move_from(start, len, at);
        // These say where something ends.
        let ends = |at: &mut u32| move_from(start + 1, len, at);
        move_last(operators, |(at, _)| begins(at));
        move_last(traps, |(at, _)| ends(at));
        move_last(calls, ends);
        move_last(unwalkable, |(from, to)| {
            let moved = begins(from);
            ends(to) || moved
        });
        move_last(relocations, |relocation| begins(&mut relocation.offset));
        move_last(counters, |counter| begins(&mut counter.offset));
    }
}

/// Moves an offset that is `start` or more. Whether it is.
fn move_from(start: u32, len: u32, at: &mut u32) -> bool {
    let is_moved = *at >= start;
    *at += if is_moved { len } else { 0 };
    is_moved
}

/// Moves the last items of a list, as many as want to.
fn move_last<T>(items: &mut [T], mut moves: impl FnMut(&mut T) -> bool) {
    for item in items.iter_mut().rev() {
        if !moves(item) {
            break;
        }
    }
}
