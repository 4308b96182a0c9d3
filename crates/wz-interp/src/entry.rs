//! The way into execution: a function is called from outside, with its parameters in slots that are
//! not on the machine's stack.

use wz_api::{FunctionType, Trap};
use wz_core::activation::Activation;
use wz_core::engine::Raised;
use wz_core::records::InstanceContext;

use crate::exec::{Regs, Stop, call, dispatch};
use crate::machine::{Entry, Machine};
use crate::snapshot;

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
#[derive(Clone, Copy)]
pub(crate) struct Start {
    /// Its code: the first word, which is the length of the frame.
    pub(crate) code: *const u64,
    pub(crate) cx: *const InstanceContext,
    pub(crate) signature: Signature,
    /// Parameters in, results out.
    pub(crate) stack: *mut u64,
}

impl Start {
    /// The slot of the frame's header.
    fn header(&self) -> usize {
        self.signature.params.max(self.signature.results) as usize
    }

    /// Whether the machine has room for the start of the frame.
    pub(crate) fn fits(&self, machine: &Machine, sp: *mut u64) -> bool {
        machine.fits(sp, (self.header() as u64 + 3) * 8)
    }

    /// Makes the frame at `sp`, and executes until something stops that.
    ///
    /// # Safety
    /// The machine is current, and [`fits`](Self::fits) says so. The context is of a living instance,
    /// the code of a function of it with this signature, and the stack has its parameters.
    #[inline(always)]
    pub(crate) unsafe fn execute(&self, machine: *mut Machine, sp: *mut u64) -> Stop {
        let Self { code, cx, signature, stack } = *self;
        // SAFETY: as the caller says; whether the rest of the frame fits is checked.
        unsafe {
            std::ptr::copy_nonoverlapping(stack, sp, signature.params as usize);
            let exit_ip = (&raw const (*machine).exit).cast::<u64>();
            let header = sp.add(self.header());
            header.write(exit_ip.expose_provenance() as u64);
            header.add(1).write(sp.expose_provenance() as u64);
            header.add(2).write(cx.expose_provenance() as u64);
            if !(*machine).fits(sp, code.read()) {
                return Trap::StackOverflow.into();
            }
            let mut regs = Regs {
                ip: code.add(1),
                sp,
                acc: 0,
                base: std::ptr::null_mut(),
                len: 0,
                cx,
                f: 0.0,
                d: 0.0,
                machine,
            };
            regs.reload_memory();
            dispatch::execute(regs)
        }
    }

    /// Gives the caller the results, which are in the frame that began at `sp`.
    ///
    /// # Safety
    /// The function returned, and the stack has room for the results.
    pub(crate) unsafe fn returned(&self, sp: *const u64) {
        // SAFETY: as the caller says.
        unsafe { std::ptr::copy_nonoverlapping(sp, self.stack, self.signature.results as usize) }
    }
}

/// Notes a trap, or passes on that something was noted.
///
/// # Panics
/// If execution did not stop for either.
#[cold]
pub(crate) fn raise(activation: &Activation, stop: Stop) -> Raised {
    match (stop, Trap::from_code(stop.0 as u8)) {
        (Stop::RAISED, _) => Raised,
        (Stop(0..=0xff), Some(trap)) => activation.raise_trap(trap),
        _ => unreachable!("a stop is a trap or a constant"),
    }
}

/// Runs a function of this engine's.
///
/// # Errors
/// [`Raised`], with the reason in the activation.
///
/// # Safety
/// The activation is the thread's innermost, the context of a living instance of this engine, the code
/// of a function of that instance with this signature, and the stack has room for parameters and
/// results.
#[inline(always)]
pub(crate) unsafe fn run(activation: &Activation, start: &Start) -> Result<(), Raised> {
    let entry = Entry::new(activation)?;
    let mut machine = entry.machine(activation, call::EXIT.word(), std::ptr::null());
    let sp = entry.sp;
    if !start.fits(&machine, sp) {
        return Err(activation.raise_trap(Trap::StackOverflow));
    }
    let machine_at = &raw mut machine;
    // SAFETY: the machine outlives the entry, which was made before and is dropped here explicitly.
    // The rest is as the caller says.
    unsafe {
        entry.make_current(machine_at);
        activation.engine_state.set(machine_at.cast());
        let mut stop = start.execute(machine_at, sp);
        let result = loop {
            if stop == Stop::RETURNED {
                start.returned(sp);
                break Ok(());
            }
            let raised = raise(activation, stop);
            // What is told of the end finds no frames, and the stack free.
            activation.engine_state.set(std::ptr::null_mut());
            (*machine_at).top = sp;
            let Some(restored) = activation.take_restored() else { break Err(raised) };
            activation.engine_state.set(machine_at.cast());
            stop = snapshot::resume(machine_at, &restored);
        };
        activation.engine_state.set(std::ptr::null_mut());
        drop(entry);
        result
    }
}
