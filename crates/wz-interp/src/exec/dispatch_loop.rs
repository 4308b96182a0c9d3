//! Dispatch by a loop that calls one handler after the other: for targets and optimization levels
//! at which calls in tail position grow the native stack.

use super::{Fork, Instruction, Regs, Stop};

/// The code of one instruction.
pub(crate) type Handler = unsafe fn(&mut Regs) -> Result<(), Stop>;

/// The handler of an instruction.
///
/// # Safety
/// As for [`Instruction::run`].
pub(crate) unsafe fn handler<I: Instruction>(regs: &mut Regs) -> Result<(), Stop> {
    // SAFETY: the dispatcher found this handler at `ip`.
    match unsafe { I::run(regs) } {
        // SAFETY: as above; nothing has been done yet.
        Err(Stop::SLOW) if I::SLOW => unsafe { I::run_slow(regs) },
        result => result,
    }
}

/// The handler of an instruction that forks.
///
/// # Safety
/// As for [`Fork::taken`].
pub(crate) unsafe fn fork<I: Fork>(regs: &mut Regs) -> Result<(), Stop> {
    // SAFETY: the dispatcher found this handler at `ip`; both ways lead to instructions.
    unsafe {
        if I::taken(regs) {
            regs.jump();
        } else {
            regs.advance(I::WORDS);
        }
    }
    Ok(())
}

/// Executes until something stops it.
///
/// # Safety
/// `regs` are valid and their `ip` is at an instruction.
pub(crate) unsafe fn execute(mut regs: Regs) -> Stop {
    loop {
        // SAFETY: the first word of an instruction is the address of its handler; instructions
        // leave `ip` at another.
        let result = unsafe {
            let handler = std::ptr::with_exposed_provenance::<()>(regs.ip.read() as usize);
            std::mem::transmute::<*const (), Handler>(handler)(&mut regs)
        };
        if let Err(stop) = result {
            // SAFETY: the machine outlives the execution.
            unsafe {
                (*regs.machine).stopped(regs.ip, regs.sp, regs.cx, stop);
                return (*regs.machine).stop();
            }
        }
    }
}
