//! What accesses prove of later ones, for memories whose accesses are checked by code: a memory
//! never shrinks, so once an access relative to an address has not trapped, everything up to its
//! end is inside the memory wherever the access dominates.

use crate::flow::Preorder;
use crate::hash::{FastMap, reset};
use crate::ir::{Block, Function, Value};

/// The memory of the pass.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// The proof found last for each memory and address: an index into `proofs`.
    last: FastMap<(u32, Value), u32>,
    proofs: Vec<Proof>,
}

/// An access that was executed.
#[derive(Clone, Copy, Debug)]
struct Proof {
    block: Block,
    /// Where it ended, from the address on.
    end: u64,
    /// The one before for the same memory and address, or `u32::MAX`.
    earlier: u32,
}

/// Runs the pass. Whether it has changed something.
pub(super) fn run(f: &mut Function, preorder: &Preorder, scratch: &mut Scratch) -> bool {
    let Scratch { last, proofs } = scratch;
    reset(last);
    proofs.clear();
    let mut any = false;
    for block in &preorder.order {
        for index in f.block(*block).insts() {
            let inst = f.schedule[index];
            let op = f.inst(inst).op;
            let Some(access) = op.access() else { continue };
            let address = f.args(inst)[0];
            let access = &mut f.accesses[access.index()];
            if access.in_bounds {
                continue;
            }
            let key = (access.memory, address);
            let mut known = last.get(&key).copied().unwrap_or(u32::MAX);
            // What does not dominate this block does not dominate what comes after either.
            while let Some(proof) = proofs.get(known as usize)
                && !preorder.dominates(proof.block, *block)
            {
                known = proof.earlier;
            }
            let proven = proofs.get(known as usize).map_or(0, |proof| proof.end);
            let end = access.offset.saturating_add(u64::from(op.access_bytes()));
            if proven != 0 {
                access.proven_end = proven;
                any = true;
            }
            if end > proven {
                proofs.push(Proof { block: *block, end, earlier: known });
                known = proofs.len() as u32 - 1;
            }
            last.insert(key, known);
        }
    }
    any
}
