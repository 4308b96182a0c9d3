//! [`Locals`]: which value a local has at any point of the function, without an entry per local
//! and block.
//!
//! Time is the number of locals set so far. A scan before the build has told at which times each
//! local is set, and at which time each loop ends; the build adds the values. The value at a
//! [`Point`] is then the one set last before it, unless something lies in between:
//! - A **boundary** on the way back. Where paths meet, time has passed on paths that are not
//!   those to the point. The boundary covers that *window*, from the end of the block that
//!   dominates to the merge. A local that was set inside the window has to be looked up on every
//!   edge that leads to the merge: it becomes a parameter there, if the values differ. A boundary
//!   that *rewinds* is the same for one edge (`else`, or an `end` that a single branch leads to):
//!   the lookup goes on where the edge begins. The windows on the way back from a point do not
//!   overlap and are in order of time, so the one that may cover a time is found by searching.
//! - A **loop** around the point that was entered after the local was set, if the local is set
//!   again before the loop ends: then it is a parameter of the header. The innermost such loop is
//!   found by searching.
//!
//! Both searches, and that for a time in a local's history, are logarithmic, and results are
//! remembered where more than one step was needed: neither fifty thousand locals nor a hundred
//! thousand branches in a row make the build slow, and parameters exist only for locals that are
//! read after a merge or in a loop that sets them.

use crate::ancestors::Ancestors;
use crate::hash::{FastMap, reset};
use crate::ir::{Block, Value};

/// A place in the function where locals have values: the end of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Point {
    /// How many locals were set before.
    pub(super) time: u32,
    /// The last boundary on the way back.
    boundary: u32,
    /// The innermost loop around the point.
    pub(super) around: u32,
}

/// What a local is at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// This value.
    Value(Value),
    /// What it was when the function was entered.
    Initial,
    /// What it is where this block starts: the value set differs, or may differ, between the
    /// edges that lead there.
    AtStart(Block),
}

/// A window of time to be skipped on the way back.
#[derive(Clone, Copy, Debug)]
struct Boundary {
    /// Where the way back goes on; the window begins there.
    origin: Point,
    /// The end of the window.
    end: u32,
    /// The merge, or [`Block::NONE`] of a boundary that rewinds.
    merge: Block,
}

/// A loop with a branch back.
#[derive(Clone, Copy, Debug)]
struct Loop {
    header: Block,
    start: u32,
    end: u32,
}

/// The values of locals.
#[derive(Debug, Default)]
pub(super) struct Locals {
    /// Where the history of each local begins.
    starts: Vec<u32>,
    /// When each local is set, from 1.
    times: Vec<u32>,
    /// To which value, once that has happened.
    values: Vec<Value>,
    /// How often each local has been set.
    done: Vec<u32>,
    /// What was found last of each local, and in which stretch of code.
    last: Vec<(Value, u32)>,
    /// The stretch of code without a boundary that is being built.
    stretch: u32,
    now: Point0,
    boundary_tree: Ancestors,
    boundaries: Vec<Boundary>,
    loop_tree: Ancestors,
    loops: Vec<Loop>,
    rewound: FastMap<(u32, u32), Found>,
}

/// [`Point`], with a start.
#[derive(Clone, Copy, Debug)]
struct Point0(Point);

impl Default for Point0 {
    fn default() -> Self {
        Self(Point { time: 0, boundary: Ancestors::NONE, around: Ancestors::NONE })
    }
}

impl Locals {
    /// Starts a function with so many locals, of which `sets` are set, in this order.
    pub(super) fn start(&mut self, count: usize, sets: &[u32]) {
        self.starts.clear();
        self.starts.resize(count + 1, 0);
        for local in sets {
            self.starts[*local as usize + 1] += 1;
        }
        for local in 0..count {
            self.starts[local + 1] += self.starts[local];
        }
        self.done.clear();
        self.done.resize(count, 0);
        self.times.clear();
        self.times.resize(sets.len(), 0);
        for (time, local) in sets.iter().enumerate() {
            let local = *local as usize;
            self.times[(self.starts[local] + self.done[local]) as usize] = time as u32 + 1;
            self.done[local] += 1;
        }
        self.done.fill(0);
        self.values.clear();
        self.values.resize(sets.len(), Value::NONE);
        self.last.clear();
        self.last.resize(count, (Value::NONE, 0));
        self.stretch = 1;
        self.now = Point0::default();
        self.boundary_tree.clear();
        self.boundaries.clear();
        self.loop_tree.clear();
        self.loops.clear();
        reset(&mut self.rewound);
    }

    /// The point that the build has come to.
    #[inline]
    pub(super) fn now(&self) -> Point {
        self.now.0
    }

    /// Sets a local.
    #[inline]
    pub(super) fn set(&mut self, local: u32, value: Value) {
        let index = local as usize;
        let entry = (self.starts[index] + self.done[index]) as usize;
        self.now.0.time += 1;
        debug_assert_eq!(self.times[entry], self.now.0.time, "the scan saw another function");
        self.values[entry] = value;
        self.done[index] += 1;
        self.last[index] = (value, self.stretch);
    }

    /// What a local is now, if that was found or set in the same stretch of code.
    #[inline]
    pub(super) fn known(&self, local: u32) -> Option<Value> {
        let (value, stretch) = self.last[local as usize];
        (stretch == self.stretch).then_some(value)
    }

    /// Remembers what a local is now.
    #[inline]
    pub(super) fn remember(&mut self, local: u32, value: Value) {
        self.last[local as usize] = (value, self.stretch);
    }

    /// Enters a loop that ends after so many locals were set.
    pub(super) fn enter_loop(&mut self, header: Block, end: u32) {
        let around = self.loop_tree.push(self.now.0.around);
        self.loops.push(Loop { header, start: self.now.0.time, end });
        self.now.0.around = around;
        self.stretch += 1;
    }

    /// Leaves the loop entered last.
    pub(super) fn leave_loop(&mut self) {
        self.now.0.around = self.loop_tree.parent(self.now.0.around);
    }

    /// Goes on where several edges meet. `dominator` is the end of a block that dominates them.
    pub(super) fn meet(&mut self, dominator: Point, merge: Block) {
        self.go_on(dominator, merge);
    }

    /// Goes on from another point than the one come to.
    pub(super) fn rewind(&mut self, origin: Point) {
        self.go_on(origin, Block::NONE);
    }

    fn go_on(&mut self, origin: Point, merge: Block) {
        let time = self.now.0.time;
        if origin.time == time {
            // Nothing was set meanwhile. What was found is good here too, unless it was found
            // behind a merge that is not on the way here.
            if self.now.0.boundary != origin.boundary {
                self.now.0.boundary = origin.boundary;
                self.stretch += 1;
            }
            return;
        }
        self.now.0.boundary = self.boundary_tree.push(origin.boundary);
        self.boundaries.push(Boundary { origin, end: time, merge });
        self.stretch += 1;
    }

    /// Looks a local up at the point come to.
    pub(super) fn find_now(&mut self, local: u32) -> Found {
        self.search(local, self.now.0, self.done[local as usize] as usize)
    }

    /// Looks a local up at a point come by before.
    pub(super) fn find(&mut self, local: u32, point: Point) -> Found {
        let count = self.count_before(local, point.time);
        self.search(local, point, count)
    }

    /// How often a local was set up to a time.
    fn count_before(&self, local: u32, time: u32) -> usize {
        let index = local as usize;
        let history = &self.times[self.starts[index] as usize..self.starts[index + 1] as usize];
        history.partition_point(|set| *set <= time)
    }

    /// Goes back from a point before which the local was set `count` times.
    fn search(&mut self, local: u32, mut point: Point, mut count: usize) -> Found {
        let (start, end) = (self.starts[local as usize] as usize, self.starts[local as usize + 1] as usize);
        let mut first_rewound = None;
        let found = loop {
            let set = if count == 0 { 0 } else { self.times[start + count - 1] };
            if start + count < end {
                let next = self.times[start + count];
                let setter =
                    self.loop_tree.lowermost(point.around, |node| self.loops[node as usize].end >= next);
                if let Some(node) = setter {
                    let Loop { header, start, .. } = self.loops[node as usize];
                    if set <= start {
                        break Found::AtStart(header);
                    }
                }
            }
            let boundaries = &self.boundaries;
            let covering =
                self.boundary_tree.uppermost(point.boundary, |node| boundaries[node as usize].end >= set);
            match covering {
                Some(node) if boundaries[node as usize].origin.time < set => {
                    let Boundary { origin, merge, .. } = boundaries[node as usize];
                    if merge != Block::NONE {
                        break Found::AtStart(merge);
                    }
                    if let Some(found) = self.rewound.get(&(node, local)) {
                        break *found;
                    }
                    if first_rewound.is_none() {
                        first_rewound = Some(node);
                    }
                    point = origin;
                    count = self.count_before(local, point.time);
                }
                _ if count == 0 => break Found::Initial,
                _ => break Found::Value(self.values[start + count - 1]),
            }
        };
        if let Some(node) = first_rewound {
            self.rewound.insert((node, local), found);
        }
        found
    }
}
