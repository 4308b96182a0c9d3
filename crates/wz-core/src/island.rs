//! [`Island`]: what instances that can hold references to each other are freed together in.
//!
//! An instance is owned by its island, a handle holds the island. Whenever a reference *can* pass
//! between two instances, their islands merge: members move to the larger island and the smaller
//! one forwards, so that its handles keep the larger alive. Merging is for good.
//!
//! Where A can reach B but B never anything of A (A imports functions that only take and give
//! numbers), A's island merely depends on B's, which may then be freed later than A but not
//! before. Dependencies never form a cycle: a dependency that would close one merges all islands
//! on the cycle instead.
//!
//! Changes to the graph are made under one lock ([`Links`]); nothing is freed under it. Long
//! chains are freed without recursion.

use std::any::Any;
use std::cell::RefCell;
use std::collections::HashSet;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

/// What an island owns.
pub(crate) trait Member: Send + Sync + Sized + 'static {
    /// The member is owned by another island from now on.
    fn moved(&self, island: Weak<Island<Self>>);
}

/// Owns instances and keeps alive what they depend on.
pub(crate) struct Island<M: Member> {
    state: Mutex<State<M>>,
    /// Whether an island ever depended on this one: if not, it is on no cycle.
    depended_on: AtomicBool,
}

struct State<M: Member> {
    members: Vec<Arc<M>>,
    /// The island that this one was merged into.
    forward: Option<Arc<Island<M>>>,
    /// The islands that members reach one way. Possibly merged into others since.
    dependencies: Vec<Arc<Island<M>>>,
    /// What else lives as long as the island: host functions that came in as references.
    held: Vec<Arc<dyn Any + Send + Sync>>,
}

impl<M: Member> Default for State<M> {
    fn default() -> Self {
        Self { members: Vec::new(), forward: None, dependencies: Vec::new(), held: Vec::new() }
    }
}

impl<M: Member> Island<M> {
    /// An island of one.
    pub(crate) fn new(member: Arc<M>) -> Arc<Self> {
        let island = Arc::new(Self {
            state: Mutex::new(State { members: vec![member.clone()], ..State::default() }),
            depended_on: AtomicBool::new(false),
        });
        member.moved(Arc::downgrade(&island));
        island
    }

    /// Keeps `value` for as long as the island lives.
    pub(crate) fn hold(self: &Arc<Self>, value: Arc<dyn Any + Send + Sync>) {
        let mut island = self.clone();
        loop {
            let next = {
                let mut state = island.state.lock();
                match &state.forward {
                    Some(next) => next.clone(),
                    None => {
                        let same = |other: &Arc<dyn Any + Send + Sync>| Arc::ptr_eq(other, &value);
                        if !state.held.iter().any(same) {
                            state.held.push(value);
                        }
                        return;
                    }
                }
            };
            island = next;
        }
    }

    /// The island that this one was merged into in the end.
    fn root(self: &Arc<Self>) -> Arc<Self> {
        let mut island = self.clone();
        loop {
            let next = island.state.lock().forward.clone();
            match next {
                Some(next) => island = next,
                None => return island,
            }
        }
    }

    #[cfg(test)]
    fn member_count(self: &Arc<Self>) -> usize {
        self.root().state.lock().members.len()
    }
}

/// The lock under which islands are linked. One per store.
#[derive(Debug, Default)]
pub(crate) struct Links(Mutex<()>);

impl Links {
    /// Makes two islands one.
    pub(crate) fn merge<M: Member>(&self, a: &Arc<Island<M>>, b: &Arc<Island<M>>) {
        if Arc::ptr_eq(a, b) {
            return;
        }
        // What is freed is freed after the lock is released.
        let mut garbage = Vec::new();
        let guard = self.0.lock();
        merge(a.root(), b.root(), &mut garbage);
        drop(guard);
    }

    /// Keeps `to` alive for as long as `from` lives.
    pub(crate) fn depend<M: Member>(&self, from: &Arc<Island<M>>, to: &Arc<Island<M>>) {
        if Arc::ptr_eq(from, to) {
            return;
        }
        let mut garbage = Vec::new();
        let guard = self.0.lock();
        depend(from.root(), to.root(), &mut garbage);
        drop(guard);
    }
}

type Garbage<M> = Vec<Arc<Island<M>>>;

fn depend<M: Member>(from: Arc<Island<M>>, to: Arc<Island<M>>, garbage: &mut Garbage<M>) {
    if Arc::ptr_eq(&from, &to) {
        return;
    }
    if reaches(&to, &from, garbage) {
        return merge(from, to, garbage);
    }
    to.depended_on.store(true, Ordering::Relaxed);
    let mut state = from.state.lock();
    if state.dependencies.iter().any(|known| Arc::ptr_eq(known, &to)) {
        drop(state);
        garbage.push(to);
    } else {
        state.dependencies.push(to);
    }
    garbage.push(from.clone());
}

/// Merges two different roots, and what thereby is on a cycle with them.
fn merge<M: Member>(a: Arc<Island<M>>, b: Arc<Island<M>>, garbage: &mut Garbage<M>) {
    let mut root = a;
    let mut next = Some(b);
    while let Some(other) = next {
        root = absorb(root, other, garbage);
        let dependencies = mem::take(&mut root.state.lock().dependencies);
        let mut kept: Vec<Arc<Island<M>>> = Vec::new();
        next = None;
        for dependency in dependencies {
            let target = dependency.root();
            garbage.push(dependency);
            if Arc::ptr_eq(&target, &root) || kept.iter().any(|known| Arc::ptr_eq(known, &target)) {
                garbage.push(target);
                continue;
            }
            if next.is_none() && reaches(&target, &root, garbage) {
                next = Some(target);
            } else {
                kept.push(target);
            }
        }
        root.state.lock().dependencies.extend(kept);
    }
    garbage.push(root);
}

/// Moves everything of the smaller island into the larger, which is returned.
fn absorb<M: Member>(a: Arc<Island<M>>, b: Arc<Island<M>>, garbage: &mut Garbage<M>) -> Arc<Island<M>> {
    if Arc::ptr_eq(&a, &b) {
        garbage.push(b);
        return a;
    }
    let a_is_larger = a.state.lock().members.len() >= b.state.lock().members.len();
    let (large, small) = if a_is_larger { (a, b) } else { (b, a) };
    if small.depended_on.load(Ordering::Relaxed) {
        large.depended_on.store(true, Ordering::Relaxed);
    }
    let moved =
        mem::replace(&mut *small.state.lock(), State { forward: Some(large.clone()), ..State::default() });
    for member in &moved.members {
        member.moved(Arc::downgrade(&large));
    }
    let mut state = large.state.lock();
    state.members.extend(moved.members);
    state.dependencies.extend(moved.dependencies);
    state.held.extend(moved.held);
    drop(state);
    garbage.push(small);
    large
}

/// Whether `from` depends, directly or not, on the root `to`.
fn reaches<M: Member>(from: &Arc<Island<M>>, to: &Arc<Island<M>>, garbage: &mut Garbage<M>) -> bool {
    if Arc::ptr_eq(from, to) {
        return true;
    }
    if !to.depended_on.load(Ordering::Relaxed) {
        return false;
    }
    let mut seen = HashSet::from([Arc::as_ptr(from)]);
    let mut work = vec![from.clone()];
    let mut found = false;
    while let Some(island) = work.pop() {
        if !found {
            let dependencies = island.state.lock().dependencies.clone();
            for dependency in dependencies {
                let target = dependency.root();
                garbage.push(dependency);
                found |= Arc::ptr_eq(&target, to);
                if seen.insert(Arc::as_ptr(&target)) {
                    work.push(target);
                } else {
                    garbage.push(target);
                }
            }
        }
        garbage.push(island);
    }
    found
}

thread_local! {
    /// What islands that are being freed on this thread leave to be freed; none if no island is.
    static FREEING: RefCell<Option<Vec<Box<dyn Any>>>> = const { RefCell::new(None) };
}

impl<M: Member> Drop for Island<M> {
    fn drop(&mut self) {
        let state = mem::take(self.state.get_mut());
        let begun = FREEING.try_with(|freeing| match &mut *freeing.borrow_mut() {
            Some(_) => false,
            none => {
                *none = Some(Vec::new());
                true
            }
        });
        match begun {
            // An outer drop on this thread frees it, so that chains do not recurse.
            Ok(false) => FREEING.with(|freeing| {
                let mut freeing = freeing.borrow_mut();
                freeing.get_or_insert_default().push(Box::new(state));
            }),
            Ok(true) => {
                let _end = EndOfFreeing;
                drop(state);
                while let Some(next) = FREEING.with(|freeing| freeing.borrow_mut().as_mut()?.pop()) {
                    drop(next);
                }
            }
            // The thread is ending: its variables are gone, recursion it is.
            Err(_) => drop(state),
        }
    }
}

/// Ends freeing, also when a destructor panics.
struct EndOfFreeing;

impl Drop for EndOfFreeing {
    fn drop(&mut self) {
        let rest = FREEING.with(|freeing| freeing.borrow_mut().take());
        drop(rest);
    }
}

impl<M: Member> std::fmt::Debug for Island<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Island").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fake {
        island: Mutex<Weak<Island<Fake>>>,
    }

    impl Member for Fake {
        fn moved(&self, island: Weak<Island<Self>>) {
            *self.island.lock() = island;
        }
    }

    /// An island of one new member, and a way to see whether the member is alive.
    fn island() -> (Arc<Island<Fake>>, Weak<Fake>) {
        let member = Arc::new(Fake { island: Mutex::new(Weak::new()) });
        let weak = Arc::downgrade(&member);
        (Island::new(member), weak)
    }

    fn alive(members: &[&Weak<Fake>]) -> Vec<bool> {
        members.iter().map(|member| member.strong_count() > 0).collect()
    }

    #[test]
    fn merged_islands_live_together() {
        let links = Links::default();
        let ((a, in_a), (b, in_b), (c, in_c)) = (island(), island(), island());
        links.merge(&a, &b);
        links.merge(&c, &a);
        links.merge(&b, &c);
        assert_eq!(a.member_count(), 3);
        let owner = in_c.upgrade().unwrap().island.lock().upgrade().unwrap();
        assert_eq!(owner.member_count(), 3);
        drop((owner, a, c));
        assert_eq!(alive(&[&in_a, &in_b, &in_c]), [true; 3]);
        drop(b);
        assert_eq!(alive(&[&in_a, &in_b, &in_c]), [false; 3]);
    }

    #[test]
    fn dependencies_keep_alive_one_way() {
        let links = Links::default();
        let ((a, in_a), (b, in_b)) = (island(), island());
        links.depend(&a, &b);
        links.depend(&a, &b);
        drop(b);
        assert_eq!(alive(&[&in_a, &in_b]), [true; 2]);
        let b = in_b.upgrade().unwrap().island.lock().upgrade().unwrap();
        drop(a);
        assert_eq!(alive(&[&in_a, &in_b]), [false, true]);
        drop(b);
        assert_eq!(alive(&[&in_b]), [false]);
    }

    #[test]
    fn cycles_of_dependencies_do_not_leak() {
        let links = Links::default();
        let ((a, in_a), (b, in_b), (c, in_c), (d, in_d)) = (island(), island(), island(), island());
        links.depend(&a, &b);
        links.depend(&b, &c);
        links.depend(&c, &d);
        links.depend(&c, &a);
        assert_eq!((a.member_count(), d.member_count()), (3, 1));
        drop((a, c, d));
        assert_eq!(alive(&[&in_a, &in_b, &in_c, &in_d]), [true; 4]);
        drop(b);
        assert_eq!(alive(&[&in_a, &in_b, &in_c, &in_d]), [false; 4]);
    }

    #[test]
    fn merging_closes_cycles_too() {
        let links = Links::default();
        let ((a, in_a), (b, in_b), (c, in_c)) = (island(), island(), island());
        links.depend(&a, &b);
        links.depend(&b, &c);
        links.merge(&c, &a);
        assert_eq!(b.member_count(), 3);
        drop((a, b, c));
        assert_eq!(alive(&[&in_a, &in_b, &in_c]), [false; 3]);
    }

    #[test]
    fn merged_dependencies_are_followed() {
        let links = Links::default();
        let ((a, in_a), (b, in_b), (c, in_c)) = (island(), island(), island());
        links.depend(&a, &b);
        links.merge(&c, &b);
        links.depend(&c, &a);
        assert_eq!(c.member_count(), 3);
        drop((a, b));
        assert_eq!(alive(&[&in_a, &in_b, &in_c]), [true; 3]);
        drop(c);
        assert_eq!(alive(&[&in_a, &in_b, &in_c]), [false; 3]);
    }

    #[test]
    fn held_values_move_along() {
        let links = Links::default();
        let ((a, _), (b, _), value) = (island(), island(), Arc::new(1));
        a.hold(value.clone());
        a.hold(value.clone());
        assert_eq!(Arc::strong_count(&value), 2);
        links.merge(&b, &a);
        drop(a);
        assert_eq!(Arc::strong_count(&value), 2);
        drop(b);
        assert_eq!(Arc::strong_count(&value), 1);
    }

    #[test]
    fn long_chains_are_freed_without_recursion() {
        let chain = || {
            let links = Links::default();
            let (mut last, first) = island();
            for _ in 0..100_000 {
                let (next, _) = island();
                links.depend(&next, &last);
                last = next;
            }
            assert_eq!(alive(&[&first]), [true]);
            drop(last);
            assert_eq!(alive(&[&first]), [false]);
        };
        std::thread::Builder::new().stack_size(128 * 1024).spawn(chain).unwrap().join().unwrap();
    }

    /// Whatever the order of links: with the last handle everything is gone, and until then
    /// everything that a kept island reaches is there.
    #[test]
    fn random_graphs_neither_leak_nor_dangle() {
        let mut seed = 0x9e37_79b9_u64;
        let mut random = move |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % below
        };
        for _ in 0..500 {
            let links = Links::default();
            let count = 2 + random(8);
            let islands: Vec<_> = (0..count).map(|_| island()).collect();
            let mut reach = vec![vec![false; count]; count];
            for _ in 0..random(16) {
                let (a, b) = (random(count), random(count));
                reach[a][b] = true;
                if random(3) == 0 {
                    links.merge(&islands[a].0, &islands[b].0);
                    reach[b][a] = true;
                } else {
                    links.depend(&islands[a].0, &islands[b].0);
                }
            }
            for via in 0..count {
                for a in 0..count {
                    for b in 0..count {
                        reach[a][b] |= reach[a][via] && reach[via][b];
                    }
                }
            }
            let kept = random(count);
            let (mut handles, members): (Vec<_>, Vec<_>) = islands.into_iter().unzip();
            let handle = handles.swap_remove(kept);
            drop(handles);
            for (position, member) in members.iter().enumerate() {
                let reached = position == kept || reach[kept][position];
                assert_eq!(member.strong_count() > 0, reached, "member {position} from {kept}: {reach:?}");
            }
            drop(handle);
            assert!(members.iter().all(|member| member.strong_count() == 0));
        }
    }
}
