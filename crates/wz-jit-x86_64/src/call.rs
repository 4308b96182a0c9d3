//! Calls, returns, tail calls, builtins, traps, fuel and interruption.

mod context;
mod emit;
mod inst;
mod select;

use regalloc2::{PReg, PRegSet};

pub(crate) use context::CallContext;
pub use emit::emit_out_of_line;
pub(crate) use emit::{OutOfLine, Seldom, call_slot, out_of_line, set_scratch};
pub use inst::{Call, CallInst, Callee, Fixed, TailCall};
pub use select::{select, select_entry};

use crate::abi;
use crate::isa::{int, xmm};

/// Where the record is that a call goes through. Nothing is passed in it.
const RECORD: PReg = int(abi::TAIL_TARGET);

/// Every register that can be allocated: none survives a call.
fn all_registers() -> PRegSet {
    const INTS: [u8; 11] = [0, 1, 2, 3, 6, 7, 8, 9, 10, 12, 13];
    let mut set = PRegSet::empty();
    INTS.into_iter().for_each(|number| set.add(int(number)));
    (0..15).for_each(|number| set.add(xmm(number)));
    set
}
