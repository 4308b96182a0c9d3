//! What stubs and the run time share of a call: [`StackHeader`] at the top of the guest stack, and
//! [`CallState`] on the native stack. Layouts are fixed; stubs use the offsets given here.

use std::cell::Cell;
use std::mem::offset_of;
use std::ptr::{self, NonNull};
use std::sync::atomic::AtomicU32;

use wz_api::Trap;
use wz_core::Activation;
use wz_core::records::{FunctionRecord, InstanceContext};

use super::arch::Registers;
use super::elsewhere::Run;
use super::guest_stack::{GuestStack, STACK_ALIGN};
use super::stubs::Stubs;

/// What is at the top of a guest stack while guests run on it. Code finds it from any stack
/// pointer `sp` on the stack: it begins at `(sp | STACK_MASK) + 1 - size_of::<StackHeader>()`.
#[repr(C)]
#[derive(Debug)]
pub struct StackHeader {
    pub(super) unused: u64,
    /// The native stack pointer of the innermost call on this stack, as in [`CallState`]: found here a
    /// load earlier.
    pub native_sp: Cell<usize>,
    /// The flag that code looks at at loop headers and entries: 0, or all bits, which means that it
    /// calls the interruption builtin. Never null while guests run.
    pub interrupt: Cell<*const AtomicU32>,
    /// The innermost activation on this stack, for its fuel.
    pub activation: Cell<*const Activation>,
    /// The innermost call on this stack.
    pub state: Cell<*const CallState>,
    pub(super) canary: u64,
}

/// Sets all bits of a stack pointer below the stack's alignment: gives the stack's last byte.
pub const STACK_MASK: u32 = (STACK_ALIGN - 1) as u32;

/// Where a field of [`StackHeader`] is, counted from the stack's last byte.
const fn from_last_byte(offset: usize) -> i32 {
    offset as i32 - size_of::<StackHeader>() as i32 + 1
}

/// [`StackHeader::native_sp`] from `sp | STACK_MASK`.
pub const HEADER_NATIVE_SP: i32 = from_last_byte(offset_of!(StackHeader, native_sp));
/// [`StackHeader::interrupt`] from `sp | STACK_MASK`.
pub const HEADER_INTERRUPT: i32 = from_last_byte(offset_of!(StackHeader, interrupt));
/// [`StackHeader::activation`] from `sp | STACK_MASK`.
pub const HEADER_ACTIVATION: i32 = from_last_byte(offset_of!(StackHeader, activation));
/// [`StackHeader::state`] from `sp | STACK_MASK`.
pub const HEADER_STATE: i32 = from_last_byte(offset_of!(StackHeader, state));
/// The fuel, from [`StackHeader::activation`].
pub const ACTIVATION_FUEL: i32 = offset_of!(Activation, fuel) as i32;

/// A call from the host into a guest. On the native stack, below the frames of the caller.
#[repr(C)]
#[derive(Debug)]
pub struct CallState {
    /// The native stack pointer that guests return to, and Rust functions are called with: 16-byte
    /// aligned, what the entry stub saved is right above.
    pub native_sp: Cell<usize>,
    /// The frame pointer of the stub through which the guest called Rust; 0 while it runs itself.
    pub exit_fp: Cell<usize>,
    /// The guest's stack pointer there: below, the stack is free.
    pub exit_sp: Cell<usize>,
    /// The pinned context there.
    pub exit_context: Cell<*const InstanceContext>,
    /// After [`CALL`](super::native::CALL) and [`TAIL_CALL`](super::native::TAIL_CALL), the stub that
    /// makes the call,
    pub next_stub: Cell<usize>,
    /// the function to be called, a guest's,
    pub next_record: Cell<*const FunctionRecord>,
    /// and the slots of its parameters, where results go unless it is a tail call.
    pub next_values: Cell<*mut u64>,
    pub(super) activation: *const Activation,
    pub(super) stack: *const GuestStack,
    /// The next outer call of the thread.
    pub(super) outer: *const Self,
    pub(super) stubs: &'static Stubs,
    /// Where a fault was turned into a trap.
    pub(super) fault: Cell<Option<Fault>>,
    /// The guest's stack pointer when it was called: its frames are below.
    pub(super) entry_sp: Cell<usize>,
    /// The outermost run elsewhere that was not over at its last step.
    pub(super) run: Cell<Option<Run>>,
    /// The results of the host function that a run goes on after, which was put back.
    pub(super) restored: Cell<Option<NonNull<[u64]>>>,
}

/// [`CallState::native_sp`].
pub const STATE_NATIVE_SP: i32 = offset_of!(CallState, native_sp) as i32;
/// [`CallState::exit_fp`].
pub const STATE_EXIT_FP: i32 = offset_of!(CallState, exit_fp) as i32;
/// [`CallState::exit_sp`].
pub const STATE_EXIT_SP: i32 = offset_of!(CallState, exit_sp) as i32;
/// [`CallState::exit_context`].
pub const STATE_EXIT_CONTEXT: i32 = offset_of!(CallState, exit_context) as i32;
/// [`CallState::next_stub`].
pub const STATE_NEXT_STUB: i32 = offset_of!(CallState, next_stub) as i32;
/// [`CallState::next_record`].
pub const STATE_NEXT_RECORD: i32 = offset_of!(CallState, next_record) as i32;
/// [`CallState::next_values`].
pub const STATE_NEXT_VALUES: i32 = offset_of!(CallState, next_values) as i32;

/// Where the wrappers of listened functions have, below the frame pointer, the context,
pub const LISTENED_CONTEXT: i32 = -8;
/// and the function's index with imports.
pub const LISTENED_FUNCTION: i32 = -16;

/// Where the stubs of functions that run elsewhere have, below the frame pointer, the context,
pub const ELSEWHERE_CONTEXT: i32 = -8;
/// a word for the run, null at the start,
pub const ELSEWHERE_RUN: i32 = -24;
/// and what tells the function: the first argument of [`native::begin_elsewhere`](super::native).
pub const ELSEWHERE_FUNCTION: i32 = -32;

/// A fault of guest code.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fault {
    pub(super) registers: Registers,
    pub(super) trap: Trap,
}

impl CallState {
    pub(super) fn new(
        activation: *const Activation,
        stack: *const GuestStack,
        outer: *const Self,
        stubs: &'static Stubs,
    ) -> Self {
        Self {
            native_sp: Cell::new(0),
            exit_fp: Cell::new(0),
            exit_sp: Cell::new(0),
            exit_context: Cell::new(ptr::null()),
            next_stub: Cell::new(0),
            next_record: Cell::new(ptr::null()),
            next_values: Cell::new(ptr::null_mut()),
            activation,
            stack,
            outer,
            stubs,
            fault: Cell::new(None),
            entry_sp: Cell::new(0),
            run: Cell::new(None),
            restored: Cell::new(None),
        }
    }

    /// The activation.
    ///
    /// # Safety
    /// The call is running, on the calling thread.
    pub(super) unsafe fn activation<'a>(&self) -> &'a Activation {
        // SAFETY: the activation outlives the call.
        unsafe { &*self.activation }
    }
}
