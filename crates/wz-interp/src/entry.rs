//! The way into execution: a function is called from outside, with its parameters in slots that are
//! not on the machine's stack.

use wz_api::{FunctionType, Trap};
use wz_core::activation::Activation;
use wz_core::elsewhere::TailCall;
use wz_core::engine::Raised;
use wz_core::records::InstanceContext;

use crate::exec::{Regs, Stop, call, dispatch};
use crate::machine::{Entry, Machine};
use crate::module::InterpreterModule;

/// What entering a function needs of its type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signature {
    pub(crate) params: u32,
    pub(crate) results: u32,
}

impl Signature {
    pub(crate) fn of(ty: &FunctionType) -> Self {
        Self { params: ty.param_slots() as u32, results: ty.result_slots() as u32 }
    }
}

/// A function that is called from outside.
pub(crate) struct Start {
    /// Its code: the first word, which is the length of the frame.
    pub(crate) code: *const u64,
    pub(crate) cx: *const InstanceContext,
    pub(crate) signature: Signature,
    /// Parameters in, results out.
    pub(crate) stack: *mut u64,
    /// See [`Machine`].
    pub(crate) mixed: *const InterpreterModule,
}

/// Runs a function. `note` is told the machine that walks find the frames in, and at the end that
/// there is none. `leave` is told if the function ends with a tail call that leaves the machine.
///
/// # Errors
/// [`Raised`], with the reason in the activation.
///
/// # Safety
/// The activation is the thread's innermost, the context of a living instance, the code is of a
/// function of that instance with this signature, and the stack has room for parameters and results.
#[inline(always)]
pub(crate) unsafe fn run(
    activation: &Activation,
    start: &Start,
    note: impl Fn(*const Machine),
    leave: impl FnOnce(TailCall),
) -> Result<(), Raised> {
    let Start { code, cx, signature, stack, mixed } = *start;
    let entry = Entry::new(activation)?;
    let mut machine = entry.machine(activation, call::EXIT.word(), mixed);
    let header = signature.params.max(signature.results) as usize;
    let sp = entry.sp;
    if !machine.fits(sp, (header as u64 + 3) * 8) {
        return Err(activation.raise_trap(Trap::StackOverflow));
    }
    let machine_at = &raw mut machine;
    // SAFETY: the machine outlives the entry, which was made before and is dropped here explicitly.
    // The frame's start fits; the rest is checked. Code is valid.
    unsafe {
        entry.make_current(machine_at);
        std::ptr::copy_nonoverlapping(stack, sp, signature.params as usize);
        let exit_ip = (&raw const (*machine_at).exit).cast::<u64>();
        sp.add(header).write(exit_ip.expose_provenance() as u64);
        sp.add(header + 1).write(sp.expose_provenance() as u64);
        sp.add(header + 2).write(cx.expose_provenance() as u64);
        let stop = if (*machine_at).fits(sp, code.read()) {
            note(machine_at);
            let mut regs = Regs {
                ip: code.add(1),
                sp,
                acc: 0,
                base: std::ptr::null_mut(),
                len: 0,
                cx,
                f: 0.0,
                d: 0.0,
                machine: machine_at,
            };
            regs.reload_memory();
            dispatch::execute(regs)
        } else {
            Stop::from(Trap::StackOverflow)
        };
        let result = match stop {
            Stop::RETURNED => {
                std::ptr::copy_nonoverlapping(sp, stack, signature.results as usize);
                Ok(())
            }
            Stop::RAISED => Err(Raised),
            Stop::TAIL => {
                leave(TailCall { record: (*machine_at).tail, arguments: (*machine_at).sp });
                Ok(())
            }
            Stop(code) => match Trap::from_code(code as u8) {
                Some(trap) => Err(activation.raise_trap(trap)),
                None => unreachable!("a stop is a trap or a constant"),
            },
        };
        note(std::ptr::null());
        drop(entry);
        result
    }
}
