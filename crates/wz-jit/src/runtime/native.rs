//! The Rust functions that stubs call. They run on the native stack, with the guest's frames
//! walkable from where it left.

use std::hint::cold_path;

use wz_api::Trap;
use wz_core::Activation;
use wz_core::records::{FunctionRecord, InstanceContext};

use super::body::BodyKind;
use super::elsewhere;
use super::module::JitModule;
use super::page_map;
use super::state::CallState;
use super::stubs::HostCalls;

/// The stub that the host calls a guest with: on the guest's stack from `guest_sp` down, through
/// the slot at `slot`, with parameters from `values`, where results go. Gives a status.
pub type EntryStub = unsafe extern "C" fn(
    state: *const CallState,
    slot: *const (),
    context: *const InstanceContext,
    values: *mut u64,
    guest_sp: usize,
) -> u32;

/// What stubs call with values in slots: parameters in, results out. `extra` is what the scratch
/// register held, `context` the pinned one. Gives a status.
pub type NativeCall = unsafe extern "C" fn(
    state: *const CallState,
    extra: usize,
    slots: *mut u64,
    context: *const InstanceContext,
) -> u32;

/// What the wrapper of a listened function calls before that, with its index with imports and its
/// parameters. Gives a status.
pub type BeforeCall = unsafe extern "C" fn(
    activation: *const Activation,
    function: u32,
    params: *const u64,
    context: *const InstanceContext,
) -> u32;

/// What it calls afterwards, with the results. Gives a status.
pub type AfterCall = unsafe extern "C" fn(activation: *const Activation, results: *const u64) -> u32;

/// The stub that goes on in a stub which called Rust: at `code`, where that call returns to, in the
/// frame at `fp`. Gives a status as [`EntryStub`] does.
pub type ResumeStub = unsafe extern "C" fn(state: *const CallState, fp: usize, code: usize) -> u32;

/// What stubs call when the guest is to be left.
pub type RaiseCall = unsafe extern "C" fn(state: *const CallState);

/// What stubs call with the failure of a host function that they called directly.
pub type DirectFailed = unsafe extern "C" fn(state: *const CallState, failure: usize);

/// What stubs call if an instance was closed before such a function returned. Gives a status.
pub type DirectReturned = unsafe extern "C" fn(state: *const CallState) -> u32;

/// What the lazy-compile stub calls with the address that a thunk told, and the callee's context.
pub type ResolveCall =
    unsafe extern "C" fn(state: *const CallState, thunk: usize, context: *const InstanceContext) -> Resolved;

/// Where a call goes on.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Resolved {
    /// The code; 0 if the call ends instead.
    pub code: usize,
    /// What it finds in the scratch register.
    pub extra: usize,
}

/// The call goes on.
pub const OK: u32 = 0;
/// The call ends; why is in the activation.
pub const RAISED: u32 = 1;
/// The function that runs elsewhere calls another, which the call's state describes, and goes on
/// afterwards.
pub const CALL: u32 = 2;
/// The same as a tail call: it does not go on.
pub const TAIL_CALL: u32 = 3;

/// The activation, which the guest has left for the core.
///
/// # Safety
/// The state is that of the running call.
#[inline]
pub(super) unsafe fn enter_core<'a>(state: &CallState) -> &'a Activation {
    // SAFETY: as the caller says.
    unsafe { state.activation() }
}

/// A guest calls a host function; `extra` is its record.
unsafe extern "C" fn host_call(
    state: *const CallState,
    extra: usize,
    slots: *mut u64,
    context: *const InstanceContext,
) -> u32 {
    let record = std::ptr::with_exposed_provenance::<FunctionRecord>(extra);
    // SAFETY: the stub passes the running call, the record that the guest called, the slots of its
    // frame, and the guest's context.
    match unsafe { enter_core(&*state).call_host(context, record, slots) } {
        Ok(()) => OK,
        Err(_) => RAISED,
    }
}

/// A host function that was called directly has failed.
unsafe extern "C" fn direct_failed(state: *const CallState, failure: usize) {
    // SAFETY: the stub passes the running call, where it noted the caller, and the failure that it was
    // given.
    unsafe {
        let state = &*state;
        enter_core(state).direct_failed(state.exit_context.get(), failure);
    }
}

/// A host function that was called directly has returned, and an instance was closed.
unsafe extern "C" fn direct_returned_late(state: *const CallState) -> u32 {
    // SAFETY: the stub passes the running call, where it noted the caller.
    unsafe {
        let state = &*state;
        let result = enter_core(state).direct_returned_late(state.exit_context.get());
        result.map_or(RAISED, |()| OK)
    }
}

/// A guest calls a function that runs elsewhere; `extra` tells which, as the stub's frame does.
unsafe extern "C" fn begin_elsewhere(
    state: *const CallState,
    _: usize,
    slots: *mut u64,
    _: *const InstanceContext,
) -> u32 {
    // SAFETY: the stub passes the running call, which left from its frame, and slots in that.
    unsafe { elsewhere::begin(&*state, slots) }
}

/// What a function that runs elsewhere called has returned.
unsafe extern "C" fn resume_elsewhere(
    state: *const CallState,
    _: usize,
    _: *mut u64,
    _: *const InstanceContext,
) -> u32 {
    // SAFETY: as above.
    unsafe { elsewhere::resume(&*state) }
}

/// A guest called the trap stub.
unsafe extern "C" fn raise_trap(state: *const CallState) {
    // SAFETY: the stub passes the running call and made a frame, above which is the return address.
    unsafe {
        let state = &*state;
        let site = *std::ptr::with_exposed_provenance::<usize>(state.exit_fp.get() + size_of::<usize>());
        let trap = page_map::find(site - 1).and_then(|body| match body.kind() {
            BodyKind::Function(code) => code.traps.lookup(body.offset_of(site)),
            BodyKind::Stub(_) => None,
        });
        debug_assert!(trap.is_some(), "the trap at {site:#x} is in its body's table");
        enter_core(state).raise_trap(trap.unwrap_or(Trap::Unreachable));
    }
}

/// The fault handler found a trap.
unsafe extern "C" fn raise_fault(state: *const CallState) {
    // SAFETY: the handler passes the running call.
    unsafe {
        let state = &*state;
        let trap = state.fault.get().map_or(Trap::Unreachable, |fault| fault.trap);
        enter_core(state).raise_trap(trap);
    }
}

/// A slot without code was called.
unsafe extern "C" fn resolve(
    state: *const CallState,
    thunk: usize,
    context: *const InstanceContext,
) -> Resolved {
    // SAFETY: the stub passes the running call, and the pinned context is the callee's.
    unsafe {
        let module = JitModule::of_context(context);
        match module.resolve(thunk) {
            Ok(resolved) => resolved,
            Err(error) => {
                enter_core(&*state).raise(error);
                Resolved { code: 0, extra: 0 }
            }
        }
    }
}

/// The wrapper of a listened function begins.
unsafe extern "C" fn listen_before(
    activation: *const Activation,
    function: u32,
    params: *const u64,
    context: *const InstanceContext,
) -> u32 {
    // SAFETY: the wrapper passes the running call's activation, the callee's context, its index with
    // imports, and the parameters.
    unsafe {
        match (*activation).listen_before_plainly(context, function, params) {
            Some(told) => told.map_or(RAISED, |()| OK),
            None => {
                cold_path();
                listen_before_each(activation, function, params, context)
            }
        }
    }
}

/// The same where there is more to it. A function of the same type, so that the compiler jumps to it.
#[inline(never)]
unsafe extern "C" fn listen_before_each(
    activation: *const Activation,
    function: u32,
    params: *const u64,
    context: *const InstanceContext,
) -> u32 {
    // SAFETY: as above.
    let told = unsafe { (*activation).listen_before(context, function, params) };
    told.map_or(RAISED, |()| OK)
}

/// The wrapper of a listened function ends.
unsafe extern "C" fn listen_after(activation: *const Activation, results: *const u64) -> u32 {
    // SAFETY: the wrapper passes the running call's activation and the results.
    let told = unsafe { (*activation).listen_after(results) };
    told.map_or(RAISED, |()| OK)
}

pub(super) fn host_calls() -> HostCalls {
    HostCalls {
        call: host_call as NativeCall as usize,
        failed: direct_failed as DirectFailed as usize,
        returned_late: direct_returned_late as DirectReturned as usize,
    }
}

pub(super) fn address_of_begin_elsewhere() -> usize {
    begin_elsewhere as NativeCall as usize
}

pub(super) fn address_of_resume_elsewhere() -> usize {
    resume_elsewhere as NativeCall as usize
}

pub(super) fn address_of_raise_trap() -> usize {
    raise_trap as RaiseCall as usize
}

pub(super) fn address_of_raise_fault() -> usize {
    raise_fault as RaiseCall as usize
}

pub(super) fn address_of_resolve() -> usize {
    resolve as ResolveCall as usize
}

pub(super) fn address_of_listen_before() -> usize {
    listen_before as BeforeCall as usize
}

pub(super) fn address_of_listen_after() -> usize {
    listen_after as AfterCall as usize
}
