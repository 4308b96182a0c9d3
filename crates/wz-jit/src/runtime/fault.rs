//! Faults of guest code: which become traps, and which are somebody else's.
//!
//! A fault is the guest's if the program counter is in code of ours and the address is in the guard
//! of the thread's guest stack, or in what a memory of the executing instance reserved. Everything
//! else goes to whoever handled the signal before, the system's default included.

#[cfg(any(target_os = "linux", target_os = "macos"))]
#[path = "fault/unix.rs"]
mod imp;
// Where registers in signals are not known, there is no code: bounds could not be checked.
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
#[path = "fault/unsupported.rs"]
mod imp;

pub(super) use imp::{AlternateStack, install};

use std::ptr;

use wz_api::Trap;
use wz_core::records::{InstanceContext, MemoryRecord};

use super::arch::Registers;
use super::body::{Body, BodyKind};
use super::page_map;
use super::state::{CallState, Fault};
use super::thread::Thread;

/// Where a handler goes on.
#[derive(Clone, Copy, Debug)]
struct Continuation {
    pc: usize,
    sp: usize,
    argument: usize,
}

/// Turns a fault at `address` into a trap, if it is the guest's. Takes no lock, allocates nothing.
///
/// # Safety
/// The registers are those of the calling thread where it was interrupted by a fault.
unsafe fn recognize(registers: &Registers, address: usize) -> Option<Continuation> {
    // Looked up first: where no code of ours runs, nothing of the thread is touched.
    // SAFETY: whoever executes code of ours is inside a call.
    let body = unsafe { page_map::find(registers.pc) }?;
    let state = Thread::current().current.get();
    // SAFETY: a call that is current is running on this thread.
    let call = unsafe { state.as_ref() }?;
    // SAFETY: as the caller says; the program counter is in the body.
    let trap = unsafe { trap_of(call, body, registers, address) }?;
    call.fault.set(Some(Fault { registers: *registers, trap }));
    let argument = state.expose_provenance();
    Some(Continuation { pc: call.stubs.fault_exit, sp: call.native_sp.get(), argument })
}

/// The trap of a fault of a call's code, if it is one.
///
/// # Safety
/// As for [`recognize`]; the program counter is in the body.
unsafe fn trap_of(call: &CallState, body: &Body, registers: &Registers, address: usize) -> Option<Trap> {
    // SAFETY: the call's stack lives as long as the call.
    let stack = unsafe { &*call.stack };
    if stack.guard().contains(&address) {
        return Some(Trap::StackOverflow);
    }
    // SAFETY: the frame is one of a body's on this stack.
    unsafe { memory_trap(body, registers, &stack.frames(), address) }
}

/// The trap of an access to a memory of the instance that executes.
///
/// # Safety
/// As for [`recognize`]; the program counter is in the body.
unsafe fn memory_trap(
    body: &Body,
    registers: &Registers,
    frames: &std::ops::Range<usize>,
    address: usize,
) -> Option<Trap> {
    let BodyKind::Function(code) = body.kind() else { return None };
    let context = if code.is_leaf {
        registers.context
    } else {
        let slot = registers.fp.checked_sub(size_of::<usize>())?;
        if !frames.contains(&slot) || !slot.is_multiple_of(size_of::<usize>()) {
            return None;
        }
        // SAFETY: within the part of the guest's stack that may be accessed.
        unsafe { ptr::with_exposed_provenance::<usize>(slot).read() }
    };
    let context = ptr::with_exposed_provenance::<InstanceContext>(context);
    // SAFETY: a function's frame has the context of a living instance, whose memories are as many
    // as its module has, and the function is one of the module's.
    let found = unsafe {
        let context = context.as_ref()?;
        (0..code.memory_count as usize).any(|index| {
            let record: *const MemoryRecord = *context.memories.add(index);
            address.wrapping_sub((*record).base.addr()) < (*record).reserved_bytes
        })
    };
    found.then_some(Trap::OutOfBoundsMemoryAccess)
}

/// The call that runs on this thread, for tests.
#[doc(hidden)]
#[must_use]
pub fn current_call() -> *const CallState {
    Thread::current().current.get()
}
