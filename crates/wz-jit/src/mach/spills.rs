//! [`Held`]: which registers have what is in a slot that was spilled to. What was just written there
//! need not come back from memory, nor be written again.

use regalloc2::{Allocation, PReg, PRegSet, SpillSlot};

/// What is known at a place in the code.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// Registers and slots with the same in them. Few at any time.
    pairs: Vec<(PReg, SpillSlot)>,
}

impl Held {
    /// Nothing is known: control comes from elsewhere.
    pub(super) fn clear(&mut self) {
        self.pairs.clear();
    }

    /// A move of the allocator's: where it may come from instead, or none if there is nothing to do.
    pub(super) fn moves(&mut self, from: Allocation, to: Allocation) -> Option<Allocation> {
        match (from.as_reg(), from.as_stack(), to.as_reg(), to.as_stack()) {
            _ if from == to => None,
            (None, Some(slot), Some(register), None) => {
                if self.pairs.contains(&(register, slot)) {
                    return None;
                }
                let holder =
                    self.pairs.iter().find(|(holder, of)| *of == slot && holder.class() == register.class());
                let source = holder.map_or(from, |(holder, _)| Allocation::reg(*holder));
                self.writes_register(register);
                self.pairs.push((register, slot));
                Some(source)
            }
            (Some(register), None, None, Some(slot)) => {
                if self.pairs.contains(&(register, slot)) {
                    return None;
                }
                self.writes_slot(slot);
                self.pairs.push((register, slot));
                Some(from)
            }
            (Some(source), None, Some(register), None) => {
                self.writes_register(register);
                let of_source = self.pairs.iter().find(|(holder, _)| *holder == source);
                let copied = of_source.map(|(_, slot)| (register, *slot));
                self.pairs.extend(copied);
                Some(from)
            }
            _ => {
                self.clear();
                Some(from)
            }
        }
    }

    /// An instruction writes something.
    pub(super) fn writes(&mut self, to: Allocation) {
        match (to.as_reg(), to.as_stack()) {
            (Some(register), _) => self.writes_register(register),
            (_, Some(slot)) => self.writes_slot(slot),
            _ => {}
        }
    }

    /// An instruction leaves these with anything.
    pub(super) fn clobbers(&mut self, registers: PRegSet) {
        self.pairs.retain(|(holder, _)| !registers.contains(*holder));
    }

    fn writes_register(&mut self, register: PReg) {
        self.pairs.retain(|(holder, _)| *holder != register);
    }

    fn writes_slot(&mut self, slot: SpillSlot) {
        self.pairs.retain(|(_, of)| *of != slot);
    }
}

#[cfg(test)]
mod tests {
    use regalloc2::RegClass;

    use super::*;

    fn register(number: usize) -> Allocation {
        Allocation::reg(PReg::new(number, RegClass::Int))
    }

    fn slot(number: usize) -> Allocation {
        Allocation::stack(SpillSlot::new(number))
    }

    #[test]
    fn what_was_spilled_comes_from_registers_until_these_are_written() {
        let mut held = Held::default();
        assert_eq!(held.moves(register(1), slot(0)), Some(register(1)));
        assert_eq!(held.moves(register(1), slot(0)), None, "it is there already");
        assert_eq!(held.moves(slot(0), register(1)), None, "it is there still");
        assert_eq!(held.moves(slot(0), register(2)), Some(register(1)));
        held.writes(register(1));
        assert_eq!(held.moves(slot(0), register(3)), Some(register(2)));
        held.writes(register(2));
        held.writes(register(3));
        assert_eq!(held.moves(slot(0), register(3)), Some(slot(0)));
        assert_eq!(held.moves(slot(0), register(4)), Some(register(3)));
        held.clobbers(PRegSet::empty().with(PReg::new(3, RegClass::Int)).with(PReg::new(4, RegClass::Int)));
        assert_eq!(held.moves(slot(0), register(4)), Some(slot(0)));
    }

    #[test]
    fn slots_that_are_written_are_others() {
        let mut held = Held::default();
        held.moves(register(1), slot(0));
        held.moves(register(1), register(2));
        assert_eq!(held.moves(register(3), slot(0)), Some(register(3)));
        assert_eq!(held.moves(slot(0), register(1)), Some(register(3)));
        assert_eq!(held.moves(slot(0), register(2)), Some(register(3)));
        held.writes(slot(0));
        assert_eq!(held.moves(slot(0), register(5)), Some(slot(0)));
        held.clear();
        assert_eq!(held.moves(slot(0), register(5)), Some(slot(0)));
    }

    #[test]
    fn one_class_does_not_stand_for_the_other() {
        let mut held = Held::default();
        held.moves(register(1), slot(0));
        let float = Allocation::reg(PReg::new(1, RegClass::Float));
        assert_eq!(held.moves(slot(0), float), Some(slot(0)));
    }
}
