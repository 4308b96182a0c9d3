//! Probes. They leave the accumulators as they are.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use wz_core::probes::ProbeRecord;

use super::op::{Field, Op, fields};
use super::{Instruction, Regs, Stop, host};

/// Adds one to the counter at the address in the second word.
struct Count<const ATOMIC: bool>;
impl<const ATOMIC: bool> Instruction for Count<ATOMIC> {
    #[inline(always)]
    unsafe fn run(regs: &mut Regs) -> Result<(), Stop> {
        // SAFETY: the instruction has that word; the code keeps the counter.
        unsafe {
            let counter = &*std::ptr::with_exposed_provenance::<AtomicU64>(regs.word::<1>() as usize);
            add_one::<ATOMIC>(counter);
            regs.advance(2);
        }
        Ok(())
    }
}

#[inline(always)]
fn add_one<const ATOMIC: bool>(counter: &AtomicU64) {
    if ATOMIC {
        counter.fetch_add(1, Relaxed);
    } else {
        counter.store(counter.load(Relaxed).wrapping_add(1), Relaxed);
    }
}

/// Adds one to the counter at the address in the fourth word if it is below the number in the
/// fifth; the probe is spent when it reaches that. The frame's length is in the second word, the
/// record in the third.
struct CountUpTo<const ATOMIC: bool>;
impl<const ATOMIC: bool> Instruction for CountUpTo<ATOMIC> {
    #[inline(always)]
    unsafe fn run(regs: &mut Regs) -> Result<(), Stop> {
        // SAFETY: the instruction has these words; the code keeps the counter and the record.
        unsafe {
            let counter = &*std::ptr::with_exposed_provenance::<AtomicU64>(regs.word::<3>() as usize);
            if counter.load(Relaxed) < regs.word::<4>() {
                count_below::<ATOMIC>(regs, counter)?;
            }
            regs.advance(5);
        }
        Ok(())
    }
}

/// # Safety
/// As for the instruction.
#[inline(always)]
unsafe fn count_below<const ATOMIC: bool>(regs: &mut Regs, counter: &AtomicU64) -> Result<(), Stop> {
    // SAFETY: as the caller says.
    unsafe {
        let limit = regs.word::<4>();
        let below = |count: u64| (count < limit).then(|| count + 1);
        let before = if ATOMIC {
            counter.fetch_update(Relaxed, Relaxed, below).unwrap_or(limit)
        } else {
            let before = counter.load(Relaxed);
            counter.store(before + 1, Relaxed);
            before
        };
        if before.wrapping_add(1) == limit {
            let record = std::ptr::with_exposed_provenance::<ProbeRecord>(regs.word::<2>() as usize);
            host::probe(regs.machine, regs.at(), record, regs.u32::<3>())?;
        }
    }
    Ok(())
}

/// Calls the embedder: the frame's length is in the second word, the record in the third.
struct Call;
impl Instruction for Call {
    #[inline(always)]
    unsafe fn run(regs: &mut Regs) -> Result<(), Stop> {
        // SAFETY: the instruction has these words; the code keeps the record.
        unsafe {
            let record = std::ptr::with_exposed_provenance::<ProbeRecord>(regs.word::<2>() as usize);
            host::probe(regs.machine, regs.at(), record, regs.u32::<3>())?;
            regs.reload_len();
            regs.advance(3);
        }
        Ok(())
    }
}

/// Counts; the second one atomically.
pub(crate) static COUNT: [Op; 2] = [
    Op::new::<Count<false>>("count", 2, fields([Field::Word(1)])),
    Op::new::<Count<true>>("count_atomic", 2, fields([Field::Word(1)])),
];
/// Counts up to a limit; the second one atomically.
pub(crate) static COUNT_UP_TO: [Op; 2] = [
    Op::new::<CountUpTo<false>>("count_up_to", 5, fields([Field::Word(3), Field::Word(4)])),
    Op::new::<CountUpTo<true>>("count_up_to_atomic", 5, fields([Field::Word(3), Field::Word(4)])),
];
/// Calls a probe.
pub(crate) static CALL: Op = Op::new::<Call>("probe", 3, fields([Field::Word(2)]));
