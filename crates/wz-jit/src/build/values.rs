//! Values while a function is built: constants, phis and what replaces them, and the reading of
//! locals.

use crate::ir::{Block, Type, Value, ValueDef};

use super::locals::Found;
use super::{Builder, Phi, Source};

impl Builder<'_> {
    /// Makes a value of which it is known that, as an unsigned number, it is at most `bound`.
    pub(super) fn new_value(&mut self, ty: Type, def: ValueDef, bound: u64) -> Value {
        self.s.bounds.push(bound);
        self.f.new_value(ty, def)
    }

    /// The greatest unsigned number that an integer can be.
    #[inline]
    pub(crate) fn bound(&self, value: Value) -> u64 {
        self.s.bounds[value.index()]
    }

    /// A constant, always the same value for the same bits.
    pub(crate) fn constant_bits(&mut self, ty: Type, bits: u128) -> Value {
        let slot = match self.s.numbering.find_constant(self.f, ty, bits) {
            Ok(value) => return value,
            Err(slot) => slot,
        };
        self.s.bounds.push(if ty == Type::V128 { u64::MAX } else { bits as u64 });
        let value = self.f.new_constant(ty, bits);
        self.s.numbering.insert(slot, value);
        value
    }

    /// An integer constant; bits above the type's width are left out.
    pub(crate) fn int(&mut self, ty: Type, bits: u64) -> Value {
        self.constant_bits(ty, u128::from(bits & ty.max()))
    }

    /// Zero, a null reference or a vector of zeros.
    pub(crate) fn zero(&mut self, ty: Type) -> Value {
        self.constant_bits(ty, 0)
    }

    // Phis.

    pub(super) fn new_phi(&mut self, block: Block, ty: Type, source: Source) -> Value {
        let phi = self.s.phis.len() as u32;
        let value = self.new_value(ty, ValueDef::Param(Block(phi)), ty.max());
        let (args, replaced, next_waiting) = (Phi::INCOMPLETE, Value::NONE, Phi::NONE);
        self.s.phis.push(Phi { value, block, source, args, replaced, next_waiting });
        value
    }

    /// Leaves a phi of a loop's header until the loop is closed.
    pub(super) fn let_wait(&mut self, phi: u32) {
        let Phi { block, next_waiting, .. } = &mut self.s.phis[phi as usize];
        *next_waiting = std::mem::replace(&mut self.s.waiting[block.index()], phi);
    }

    /// The loop is closed: all edges to its header are known.
    pub(super) fn complete_waiting(&mut self, header: Block) {
        let mut phi = std::mem::replace(&mut self.s.waiting[header.index()], Phi::NONE);
        while phi != Phi::NONE {
            self.s.queue.push(phi);
            phi = self.s.phis[phi as usize].next_waiting;
        }
        // In order of creation.
        self.s.queue.reverse();
        self.complete_phis();
    }

    /// The value, or what a phi was found to be the same as.
    #[inline]
    pub(super) fn resolve(&mut self, value: Value) -> Value {
        match self.f.defs[value.index()] {
            ValueDef::Param(Block(phi)) if self.s.phis[phi as usize].replaced != Value::NONE => {
                self.resolve_replaced(phi)
            }
            _ => value,
        }
    }

    fn resolve_replaced(&mut self, phi: u32) -> Value {
        let mut to = self.s.phis[phi as usize].replaced;
        while let ValueDef::Param(Block(next)) = self.f.defs[to.index()] {
            let replaced = self.s.phis[next as usize].replaced;
            if replaced == Value::NONE {
                break;
            }
            to = replaced;
        }
        // Shorten the way for the next time.
        let mut phi = phi;
        loop {
            let next = std::mem::replace(&mut self.s.phis[phi as usize].replaced, to);
            match self.f.defs[next.index()] {
                ValueDef::Param(Block(further)) if next != to => phi = further,
                _ => return to,
            }
        }
    }

    // Locals.

    /// What a local is now.
    pub(super) fn read_local(&mut self, local: u32, ty: Type) -> Value {
        if let Some(value) = self.s.locals.known(local) {
            return value;
        }
        if self.dead() || self.failed {
            return self.zero(ty);
        }
        let found = self.s.locals.find_now(local);
        let value = self.value_of(found, local, ty);
        let value = if self.s.queue.is_empty() {
            self.resolve(value)
        } else {
            self.complete_phis();
            self.resolve(value)
        };
        self.s.locals.remember(local, value);
        value
    }

    /// The value found, which may be a phi that is to be completed.
    fn value_of(&mut self, found: Found, local: u32, ty: Type) -> Value {
        match found {
            Found::Value(value) => value,
            Found::Initial => self.initial(local, ty),
            Found::AtStart(block) => {
                if let Some(phi) = self.s.phi_of.get(&(block, local)) {
                    return self.s.phis[*phi as usize].value;
                }
                let phi = self.s.phis.len() as u32;
                let value = self.new_phi(block, ty, Source::Local(local));
                self.s.phi_of.insert((block, local), phi);
                self.s.queue.push(phi);
                value
            }
        }
    }

    /// What a local is before it is set.
    fn initial(&mut self, local: u32, ty: Type) -> Value {
        // The phis of the function's parameters were made first.
        match self.s.phis.get(local as usize) {
            Some(Phi { source: Source::Function, value, .. }) => *value,
            _ => self.zero(ty),
        }
    }

    /// Gives phis their arguments, if all edges to their blocks are known. Lookups may ask for
    /// further phis: those are completed too.
    pub(super) fn complete_phis(&mut self) {
        let mut next = 0;
        while next < self.s.queue.len() {
            let phi = self.s.queue[next];
            next += 1;
            let Phi { block, source, args, .. } = self.s.phis[phi as usize];
            let preds = self.f.blocks[block.index()].preds;
            debug_assert_eq!(args, Phi::INCOMPLETE);
            if preds.len == 0 {
                // The header of a loop that is not closed.
                self.let_wait(phi);
                continue;
            }
            if self.s.phi_args.len() + preds.len as usize > self.arg_limit {
                self.failed = true;
                break;
            }
            let ty = self.f.ty(self.s.phis[phi as usize].value);
            let start = self.s.phi_args.len() as u32;
            for index in preds.range() {
                let edge = self.f.pred_pool[index];
                let arg = match source {
                    Source::Operand(operand) => self.operand(edge, operand),
                    Source::Local(local) => {
                        let found = self.s.locals.find(local, self.s.points[edge.index()]);
                        self.value_of(found, local, ty)
                    }
                    Source::Function => unreachable!("the function's parameters have no arguments"),
                };
                let arg = self.resolve(arg);
                self.s.phi_args.push(arg);
            }
            self.s.phis[phi as usize].args = start;
        }
        // What was asked for last may be what the phis asked for before depend on.
        for index in (0..next).rev() {
            self.replace_if_same(self.s.queue[index]);
        }
        self.s.queue.clear();
    }

    /// The operand that an edge to a label carries.
    pub(super) fn operand(&self, edge: crate::ir::Edge, operand: u32) -> Value {
        self.f.pool[(self.f.edges[edge.index()].args.start + operand) as usize]
    }

    /// Replaces a complete phi whose arguments are all the same value or itself. Whether it was.
    pub(super) fn replace_if_same(&mut self, phi: u32) -> bool {
        let Phi { value, block, args, replaced, source, .. } = self.s.phis[phi as usize];
        if args == Phi::INCOMPLETE || replaced != Value::NONE || source == Source::Function {
            return false;
        }
        let mut same = Value::NONE;
        let count = self.f.blocks[block.index()].preds.len;
        for index in args..args + count {
            let arg = self.s.phi_args[index as usize];
            let arg = self.resolve(arg);
            if arg == same || arg == value {
                continue;
            }
            if same != Value::NONE {
                return false;
            }
            same = arg;
        }
        debug_assert_ne!(same, Value::NONE, "a loop that is never entered");
        self.s.phis[phi as usize].replaced = same;
        true
    }
}
