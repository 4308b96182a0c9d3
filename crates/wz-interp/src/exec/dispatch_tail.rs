//! Dispatch by tail calls: a handler ends with a jump to the next one, and the virtual machine's
//! registers are the arguments, which the calling convention keeps in machine registers.
//!
//! The tenth register is a pointer passed as a floating-point number, because the convention has
//! only six integer registers on x86-64. Moving it is rare: only calls and slow paths need it.

use super::{Fork, Instruction, Regs, Stop};
use crate::machine::Machine;
use wz_core::records::InstanceContext;

macro_rules! conventions {
    ($($arch:literal $abi:literal)*) => {$(
        /// The code of one instruction.
        #[cfg(target_arch = $arch)]
        pub(crate) type Handler = unsafe extern $abi fn(
            *const u64, *mut u64, u64, *mut u8, usize, *const InstanceContext, f32, f64, f64,
        );

        /// The handler of an instruction.
        #[cfg(target_arch = $arch)]
        pub(crate) unsafe extern $abi fn handler<I: Instruction>(
            ip: *const u64, sp: *mut u64, acc: u64, base: *mut u8, len: usize,
            cx: *const InstanceContext, f: f32, d: f64, machine: f64,
        ) {
            let machine = unpack(machine);
            let mut regs = Regs { ip, sp, acc, base, len, cx, f, d, machine };
            // SAFETY: the dispatcher found this handler at `ip`.
            match unsafe { I::run(&mut regs) } {
                // SAFETY: the instruction left `ip` at another.
                Ok(()) => unsafe { next(regs) },
                Err(stop) => {
                    let Regs { ip, sp, base, len, cx, f, d, machine, .. } = regs;
                    // SAFETY: the registers are still those that the instruction found.
                    unsafe {
                        if I::SLOW && stop == Stop::SLOW {
                            slow::<I>(ip, sp, regs.acc, base, len, cx, f, d, pack(machine));
                        } else {
                            halt(ip, sp, stop.0, base, len, cx, f, d, pack(machine));
                        }
                    }
                }
            }
        }

        /// The slow variant of an instruction's handler.
        #[cfg(target_arch = $arch)]
        #[inline(never)]
        unsafe extern $abi fn slow<I: Instruction>(
            ip: *const u64, sp: *mut u64, acc: u64, base: *mut u8, len: usize,
            cx: *const InstanceContext, f: f32, d: f64, machine: f64,
        ) {
            // SAFETY: as in `handler`; the machine outlives the execution, and `apart` writes the
            // outcome.
            unsafe {
                apart::<I>(ip, sp, acc, base, len, cx, f, d, machine);
                match (&raw const (*unpack(machine)).outcome).cast::<(Regs, Option<Stop>)>().read() {
                    (regs, None) => next(regs),
                    (regs, Some(stop)) => {
                        halt(regs.ip, regs.sp, stop.0, base, len, regs.cx, f, d, machine)
                    }
                }
            }
        }

        /// Runs the slow variant of an instruction in a frame of its own, and leaves the outcome in
        /// the machine. A handler that lends something of its frame to a function which is not
        /// inlined has that frame in use to its end, as far as the compiler knows: it would call
        /// the next handler instead of jumping to it.
        #[cfg(target_arch = $arch)]
        #[inline(never)]
        unsafe extern $abi fn apart<I: Instruction>(
            ip: *const u64, sp: *mut u64, acc: u64, base: *mut u8, len: usize,
            cx: *const InstanceContext, f: f32, d: f64, machine: f64,
        ) {
            let machine = unpack(machine);
            let mut regs = Regs { ip, sp, acc, base, len, cx, f, d, machine };
            // SAFETY: as in `handler`; the machine outlives the execution.
            unsafe {
                let stop = I::run_slow(&mut regs).err();
                (*machine).outcome.write((regs, stop));
            }
        }

        /// The handler of an instruction that forks.
        #[cfg(target_arch = $arch)]
        pub(crate) unsafe extern $abi fn fork<I: Fork>(
            ip: *const u64, sp: *mut u64, acc: u64, base: *mut u8, len: usize,
            cx: *const InstanceContext, f: f32, d: f64, machine: f64,
        ) {
            let mut regs = Regs { ip, sp, acc, base, len, cx, f, d, machine: unpack(machine) };
            // SAFETY: the dispatcher found this handler at `ip`; both ways lead to instructions.
            unsafe {
                if I::taken(&mut regs) {
                    regs.jump();
                    next(regs)
                } else {
                    regs.advance(I::WORDS);
                    next(regs)
                }
            }
        }

        /// Leaves the handlers: notes where execution stopped and why.
        #[cfg(target_arch = $arch)]
        #[cold]
        #[inline(never)]
        unsafe extern $abi fn halt(
            ip: *const u64, sp: *mut u64, stop: u64, _base: *mut u8, _len: usize,
            cx: *const InstanceContext, _f: f32, _d: f64, machine: f64,
        ) {
            // SAFETY: the machine outlives the execution.
            unsafe { (*unpack(machine)).stopped(ip, sp, cx, Stop(stop)) }
        }
    )*};
}

conventions! {
    "x86_64" "sysv64"
    "aarch64" "C"
}

#[inline(always)]
fn pack(machine: *mut Machine) -> f64 {
    f64::from_bits(machine.expose_provenance() as u64)
}

#[inline(always)]
fn unpack(machine: f64) -> *mut Machine {
    std::ptr::with_exposed_provenance_mut(machine.to_bits() as usize)
}

/// Jumps to the instruction at `regs.ip`.
#[inline(always)]
unsafe fn next(regs: Regs) {
    let Regs { ip, sp, acc, base, len, cx, f, d, machine } = regs;
    // SAFETY: the first word of an instruction is the address of its handler.
    unsafe {
        let handler = std::ptr::with_exposed_provenance::<()>(ip.read() as usize);
        let handler = std::mem::transmute::<*const (), Handler>(handler);
        handler(ip, sp, acc, base, len, cx, f, d, pack(machine));
    }
}

/// Executes until something stops it.
///
/// # Safety
/// `regs` are valid and their `ip` is at an instruction.
pub(crate) unsafe fn execute(regs: Regs) -> Stop {
    let machine = regs.machine;
    // SAFETY: as the caller says; every chain of handlers ends in `halt`.
    unsafe {
        next(regs);
        (*machine).stop()
    }
}
