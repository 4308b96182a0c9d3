//! The way from instructions into the core: functions of words, never inlined into handlers.

use wz_api::Trap;
use wz_core::probes::ProbeRecord;
use wz_core::records::{FunctionRecord, InstanceContext};

use super::Stop;
use crate::machine::Machine;

/// The interrupt flag is set; the frame is `frame_slots` long.
///
/// # Safety
/// The machine's, at an instruction.
#[cold]
#[inline(never)]
pub(super) unsafe fn interrupted(machine: *mut Machine, at: At, frame_slots: u32) -> Result<(), Stop> {
    // SAFETY: the machine and its activation outlive the execution.
    unsafe {
        (*machine).called_out(at.ip, at.sp, at.cx);
        (*machine).top = at.sp.add(frame_slots as usize);
        (*(*machine).activation).interrupted()?;
    }
    Ok(())
}

/// Calls a host function for the instance `cx` with its parameters at `slots`; `top` is where the stack
/// is free, `at` what the innermost frame executes.
///
/// # Safety
/// The machine's, at a call instruction; `slots` has room for parameters and results.
#[inline(never)]
pub(super) unsafe fn call_host(
    machine: *mut Machine,
    at: At,
    cx: *const InstanceContext,
    record: *const FunctionRecord,
    slots: *mut u64,
    top: *mut u64,
) -> Result<(), Stop> {
    // SAFETY: the machine and its activation outlive the execution.
    unsafe {
        (*machine).called_out(at.ip, at.sp, at.cx);
        (*machine).top = top;
        (*(*machine).activation).call_host(cx, record, slots)?;
    }
    Ok(())
}

/// Where execution is.
#[derive(Clone, Copy)]
pub(crate) struct At {
    /// The instruction.
    pub(crate) ip: *const u64,
    /// The frame.
    pub(crate) sp: *mut u64,
    /// The instance.
    pub(crate) cx: *const InstanceContext,
}

/// What a listened function tells.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Event {
    /// It is about to run.
    Before,
    /// It returns.
    After,
    /// It ends with a tail call.
    TailCall,
}

/// Tells listeners of a function whose frame is `frame_slots` long.
///
/// # Safety
/// The machine's, at an instruction of a listened function.
#[inline(never)]
pub(super) unsafe fn listen<const EVENT: u8>(
    machine: *mut Machine,
    at: At,
    function: u32,
    frame_slots: u32,
) -> Result<(), Stop> {
    // SAFETY: the machine and its activation outlive the execution; parameters and results are
    // at the start of the frame.
    unsafe {
        (*machine).called_out(at.ip, at.sp, at.cx);
        (*machine).top = at.sp.add(frame_slots as usize);
        let activation = &*(*machine).activation;
        match EVENT {
            BEFORE => activation.listen_before(at.cx, function, at.sp)?,
            AFTER => activation.listen_after(at.sp)?,
            _ => activation.listen_tail_call()?,
        }
    }
    Ok(())
}

/// [`Event::Before`] as a constant parameter.
pub(super) const BEFORE: u8 = Event::Before as u8;
/// [`Event::After`] as a constant parameter.
pub(super) const AFTER: u8 = Event::After as u8;
/// [`Event::TailCall`] as a constant parameter.
pub(super) const TAIL_CALL: u8 = Event::TailCall as u8;

/// Execution is at a probe, in a frame that is `frame_slots` long.
///
/// # Safety
/// The machine's, at an instruction; the record is one of the code's.
#[cold]
#[inline(never)]
pub(super) unsafe fn probe(
    machine: *mut Machine,
    at: At,
    record: *const ProbeRecord,
    frame_slots: u32,
) -> Result<(), Stop> {
    // SAFETY: the machine and its activation outlive the execution.
    unsafe {
        (*machine).called_out(at.ip, at.sp, at.cx);
        (*machine).top = at.sp.add(frame_slots as usize);
        (*(*machine).activation).probe(at.cx, record)?;
    }
    Ok(())
}

/// A function is called that is not translated: translates it. Its frame has been pushed before
/// the frame's length was known. Gives the code to execute.
///
/// # Safety
/// The machine's, at the stub of the function with this index among the defined ones.
#[cold]
#[inline(never)]
pub(super) unsafe fn translate(
    machine: *mut Machine,
    index: u32,
    sp: *mut u64,
    cx: *const InstanceContext,
) -> Result<*const u64, Stop> {
    // SAFETY: the instance is alive, and the frame has a header where its code says.
    unsafe {
        let code = (*machine).module_of(cx).translate(index);
        if (*machine).fits(sp, code.frame_bytes()) {
            return Ok(code.start());
        }
        // As if it had been found at the call: the frame is not there yet.
        let [ip, sp, cx] = sp.add(code.header as usize).cast::<[u64; 3]>().read().map(|word| word as usize);
        let outermost = ip == (&raw const (*machine).exit).addr();
        (*machine).called_out(
            std::ptr::without_provenance(if outermost { 0 } else { ip - 8 }),
            std::ptr::with_exposed_provenance_mut(sp),
            std::ptr::with_exposed_provenance(cx),
        );
        Err((*(*machine).activation).raise_trap(Trap::StackOverflow).into())
    }
}
