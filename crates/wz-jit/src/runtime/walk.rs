//! [`Walk`]: from frame to frame by frame pointers. It reads only the guest's stack, tables of code
//! and call states: it takes no lock and allocates nothing, so that it works in signal handlers,
//! where it tells if a thread cannot be walked just then.
//!
//! A frame is known by an address in the instruction that it executes and its frame pointer. For
//! callers that address is the last byte of the call.

use std::ffi::c_void;
use std::ops::Range;
use std::ptr::{self, NonNull};

use wz_api::Trap;
use wz_core::Activation;
pub use wz_core::engine::Unwalkable;
use wz_core::engine::{Frame, FrameCursor};
use wz_core::records::InstanceContext;

use super::arch::{self, FrameState, Registers};
use super::body::{Body, BodyKind, FunctionCode, Stub, StubKind};
use super::elsewhere::ElsewhereFrame;
use super::module::JitModule;
use super::page_map;
use super::sites::Site;
use super::state::{CallState, Fault, LISTENED_CONTEXT, LISTENED_FUNCTION};
use super::thread::Thread;

const WORD: usize = size_of::<usize>();

/// Where a walk is.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    /// An address in the instruction; 0 at the end.
    pc: usize,
    fp: usize,
    /// The pinned context, if this is the innermost frame.
    context: usize,
}

impl Place {
    /// The caller that a frame with this return address returns to.
    fn returning_to(return_address: usize, fp: usize) -> Self {
        Self { pc: return_address.saturating_sub(1), fp, ..Self::default() }
    }

    /// Where a guest was interrupted.
    fn innermost(registers: &Registers) -> Self {
        Self { pc: registers.pc, fp: registers.fp, context: registers.context }
    }

    /// The caller of the frame at `fp`, if that is one.
    fn caller_of(fp: usize, frames: &Range<usize>) -> Option<Self> {
        let on_stack =
            fp >= frames.start && fp.checked_add(2 * WORD)? <= frames.end && fp.is_multiple_of(WORD);
        if !on_stack {
            return None;
        }
        // SAFETY: within the part of the guest's stack that may be accessed.
        let [caller_fp, return_address] = unsafe { ptr::with_exposed_provenance::<[usize; 2]>(fp).read() };
        Some(Self::returning_to(return_address, caller_fp))
    }
}

/// A walk over the frames of guests on the calling thread, innermost first.
#[derive(Debug)]
pub struct Walk {
    state: *const CallState,
    /// A frame that comes before those on the stack.
    first: Option<Frame>,
    place: Place,
    run: RunPosition,
    /// Whether to go on with the next outer call.
    all: bool,
}

impl Walk {
    /// A walk over the frames of an interrupted thread, by its registers: over those of all calls
    /// that it is in. For signal handlers, which run on the thread that they interrupted.
    ///
    /// # Errors
    /// If the thread cannot be walked from there, or runs no guest.
    ///
    /// # Safety
    /// The registers are those of the calling thread where it was interrupted.
    pub unsafe fn from_registers(registers: &Registers) -> Result<Self, Unwalkable> {
        let state = Thread::current().current.get();
        // SAFETY: a call that is current is running on this thread.
        let call = unsafe { state.as_ref() }.ok_or(Unwalkable)?;
        // SAFETY: as the caller says.
        let (first, place) = unsafe { interrupted_place(call, registers) }?;
        Ok(Self { state, first, place, run: RunPosition::default(), all: true })
    }

    /// A walk over the frames of one call that is not the innermost of its thread.
    ///
    /// # Safety
    /// The call runs on the calling thread, and waits for an inner one.
    unsafe fn of_outer(state: *const CallState) -> Result<Self, Unwalkable> {
        // SAFETY: as the caller says.
        let (first, place) = unsafe { left_place(&*state) }?;
        Ok(Self { state, first, place, run: RunPosition::default(), all: false })
    }

    /// The same from what a signal handler got as its third argument.
    ///
    /// # Errors
    /// As for [`from_registers`](Self::from_registers).
    ///
    /// # Safety
    /// It is what the handler got, and has not returned yet.
    pub unsafe fn from_signal(context: *mut c_void) -> Result<Self, Unwalkable> {
        // SAFETY: as the caller says.
        unsafe { Self::from_registers(&arch::registers(context)) }
    }

    /// The next frame. The walk ends at a function that runs elsewhere.
    ///
    /// # Safety
    /// On the thread that the walk began on, which has not run guests since.
    pub unsafe fn next(&mut self) -> Option<Frame> {
        // SAFETY: as the caller says.
        unsafe { self.try_next(&mut |_, _| Err(Unwalkable)) }.unwrap_or_default()
    }

    /// The next frame; of functions that run elsewhere those that `runs` gives.
    ///
    /// # Errors
    /// If what is there is none.
    ///
    /// # Safety
    /// As for [`next`](Self::next).
    unsafe fn try_next(&mut self, runs: Runs<'_>) -> Result<Option<Frame>, Unwalkable> {
        if let Some(frame) = self.first.take() {
            return Ok(Some(frame));
        }
        loop {
            // SAFETY: calls of the thread are there as long as they are running.
            let Some(state) = (unsafe { self.state.as_ref() }) else { return Ok(None) };
            // SAFETY: the call's stack lives as long as the call.
            let frames = unsafe { &*state.stack }.frames();
            // SAFETY: as the caller says, nothing was freed that frames lead to.
            let frame =
                unsafe { step(&mut self.place, &mut self.run, &frames, &mut *runs, |at| Site::find(at)) }?;
            if frame.is_some() || !self.all || state.outer.is_null() {
                return Ok(frame);
            }
            self.state = state.outer;
            // SAFETY: outer calls are further out on the same thread's stack.
            (self.first, self.place) = unsafe { left_place(&*state.outer) }?;
            if let Some(frame) = self.first.take() {
                return Ok(Some(frame));
            }
        }
    }
}

/// What tells that a thread is in Rust before its guest runs or after it has: it is this close to
/// the call's state on the native stack.
const ENTERING_BYTES: usize = 32 << 10;

/// Where a walk over an interrupted call begins: a frame that is not on the stack, if there is one,
/// and the place of the next.
///
/// # Safety
/// The call is the calling thread's innermost, and the registers are those of where it was
/// interrupted.
unsafe fn interrupted_place(
    call: &CallState,
    registers: &Registers,
) -> Result<(Option<Frame>, Place), Unwalkable> {
    // SAFETY: the thread is inside a call.
    let Some(body) = (unsafe { page_map::find(registers.pc) }) else {
        if call.exit_fp.get() == 0 && call.fault.get().is_none() {
            // Before the guest begins, or after it ended; not on the stack of a handler.
            let distance = ptr::from_ref(call).addr().wrapping_sub(registers.sp);
            return if distance < ENTERING_BYTES { Ok((None, Place::default())) } else { Err(Unwalkable) };
        }
        // In Rust: the guest's frames are where it left.
        // SAFETY: as the caller says.
        return unsafe { left_place(call) };
    };
    if let BodyKind::Stub(stub) = body.kind() {
        let left = call.exit_fp.get() != 0;
        match stub.kind {
            // SAFETY: as the caller says.
            StubKind::Entry if left || call.fault.get().is_some() => return unsafe { left_place(call) },
            // The guest's frames are not there yet, or not any more.
            StubKind::Entry => return Ok((None, Place::default())),
            // On the way to Rust or back.
            StubKind::Exit | StubKind::Elsewhere { .. } | StubKind::Lazy | StubKind::Listener { .. }
                if left =>
            {
                // SAFETY: as the caller says; the guest left from this stub.
                return unsafe { exit_place(call, Some((body, registers.pc))) }.ok_or(Unwalkable);
            }
            _ => {}
        }
    }
    // SAFETY: the call's stack lives as long as the call.
    let frames = unsafe { &*call.stack }.frames();
    // SAFETY: the program counter is in a body of ours.
    let (frame_state, return_address) = unsafe { inspect(body, registers, &frames) }.ok_or(Unwalkable)?;
    let innermost = Place::innermost(registers);
    match (frame_state, body.kind()) {
        (FrameState::Whole, BodyKind::Function(_)) => {
            Place::caller_of(registers.fp, &frames).ok_or(Unwalkable)?;
            Ok((None, innermost))
        }
        (FrameState::Whole, BodyKind::Stub(Stub { kind: StubKind::Elsewhere { framed_at, .. }, .. }))
            if body.offset_of(registers.pc) >= *framed_at =>
        {
            Place::caller_of(registers.fp, &frames).ok_or(Unwalkable)?;
            Ok((None, innermost))
        }
        // Leaves call some stubs: then the context is only in the register.
        (FrameState::Whole, BodyKind::Stub(_)) => {
            let caller = Place::caller_of(registers.fp, &frames).ok_or(Unwalkable)?;
            Ok((None, Place { context: registers.context, ..caller }))
        }
        (_, BodyKind::Stub(_)) => {
            let caller = Place::returning_to(return_address, registers.fp);
            Ok((None, Place { context: registers.context, ..caller }))
        }
        (FrameState::Absent | FrameState::Begun, BodyKind::Function(code)) => {
            let begins = body.offset_of(registers.pc) < arch::PUSHED_BYTES;
            let context = match code.is_leaf || begins {
                true => registers.context,
                // The frame was taken down: the context is still where it was, below.
                // SAFETY: the stack pointer was found to be within the guest's stack.
                false => unsafe { arch::context_of_gone_frame(registers, &frames) }.ok_or(Unwalkable)?,
            };
            let code_offset = Site::of(body, registers.pc).code_offset;
            let first = Some(frame_of(code, ptr::with_exposed_provenance(context), code_offset));
            Ok((first, Place::returning_to(return_address, registers.fp)))
        }
    }
}

/// The same for a call that has left its guest.
///
/// # Safety
/// The call runs on the calling thread.
unsafe fn left_place(call: &CallState) -> Result<(Option<Frame>, Place), Unwalkable> {
    if call.exit_fp.get() == 0 && call.fault.get().is_none() {
        return Ok((None, Place::default()));
    }
    // SAFETY: as the caller says; the thread is inside the call.
    unsafe { exit_place(call, left_from(call, |address| Site::find(address))) }.ok_or(Unwalkable)
}

/// How far the frame is that the interrupted code is in, and its return address unless it is
/// whole. None if that cannot be told.
///
/// # Safety
/// The program counter is in the body.
unsafe fn inspect(body: &Body, registers: &Registers, frames: &Range<usize>) -> Option<(FrameState, usize)> {
    let offset = body.offset_of(registers.pc);
    let (mut frame_at, mut thunk_bytes) = (0, 0);
    match body.kind() {
        BodyKind::Function(code) => {
            if code.unwalkable.iter().any(|(start, end)| (*start..*end).contains(&offset)) {
                return None;
            }
        }
        BodyKind::Stub(stub) => {
            frame_at = stub.frame_at;
            match stub.kind {
                StubKind::Entry | StubKind::TailCall => return None,
                // What the thunk pushed is still there.
                StubKind::Lazy | StubKind::Listener { .. } if offset < stub.frame_at => {
                    thunk_bytes = arch::THUNK_PUSHES;
                }
                _ => {}
            }
        }
    }
    // SAFETY: the program counter is that of an instruction of ours.
    let state = unsafe { arch::frame_state(registers, offset.checked_sub(frame_at)) };
    if state == FrameState::Whole {
        return Some((state, 0));
    }
    let registers = Registers { sp: registers.sp.checked_add(thunk_bytes)?, ..*registers };
    if registers.sp < frames.start || registers.sp.checked_add(2 * WORD)? > frames.end {
        return None;
    }
    // SAFETY: the stack pointer is within the guest's stack.
    Some((state, unsafe { arch::return_address(&registers, state) }))
}

/// The stub that the guest has left from, and where that called Rust.
///
/// # Safety
/// The call runs on the calling thread. `site` finds what is at an address.
unsafe fn left_from<'a>(
    call: &CallState,
    site: impl Fn(usize) -> Option<Site<'a>>,
) -> Option<(&'a Body, usize)> {
    if call.fault.get().is_some() || call.exit_fp.get() == 0 {
        return None;
    }
    // SAFETY: the stub's call of Rust has put the address there that it returns to; if it has
    // returned, what is there now is not an address of ours.
    let address = unsafe { arch::native_return(call.native_sp.get()) };
    Some((site(address)?.body, address))
}

/// Where a walk over a call begins that is not running its guest, which left from a stub at an address:
/// a frame that is not on the stack, if there is one, and the place of the next.
///
/// # Safety
/// The call runs on the calling thread, and it is that stub.
unsafe fn exit_place(call: &CallState, stub: Option<(&Body, usize)>) -> Option<(Option<Frame>, Place)> {
    // SAFETY: the call's stack lives as long as the call.
    let frames = unsafe { &*call.stack }.frames();
    if let Some(fault) = call.fault.get() {
        return Some((None, fault_place(&fault, &frames)?));
    }
    let fp = call.exit_fp.get();
    if fp == 0 {
        return None;
    }
    // What the stub's frame returns to is the innermost frame.
    let place = Place::caller_of(fp, &frames)?;
    let place = Place { context: call.exit_context.get().expose_provenance(), ..place };
    let Some((body, address)) = stub else { return Some((None, place)) };
    Some(match body.kind() {
        // But for a listened function, whose body is not running,
        BodyKind::Stub(Stub { kind: StubKind::Listener { slots }, .. }) => {
            // SAFETY: as the caller says.
            (Some(unsafe { listened_frame(call, *slots) }), place)
        }
        // and one that runs elsewhere.
        BodyKind::Stub(Stub { kind: StubKind::Elsewhere { .. }, .. }) => {
            (None, Place { pc: address, fp, ..Place::default() })
        }
        _ => (None, place),
    })
}

/// Where a walk begins after a fault.
fn fault_place(fault: &Fault, frames: &Range<usize>) -> Option<Place> {
    let registers = &fault.registers;
    // SAFETY: the thread is inside the call.
    let body = unsafe { page_map::find(registers.pc) }?;
    let innermost = Place::innermost(registers);
    // SAFETY: the handler found the program counter in this body.
    let (state, return_address) = unsafe { inspect(body, registers, frames) }?;
    if state != FrameState::Whole {
        return Some(Place::returning_to(return_address, registers.fp));
    }
    match body.kind() {
        // The function did not fit: it is the call that overflows.
        BodyKind::Function(code)
            if fault.trap == Trap::StackOverflow && body.offset_of(registers.pc) < code.prologue_bytes =>
        {
            Place::caller_of(registers.fp, frames)
        }
        BodyKind::Function(_) => Some(innermost),
        BodyKind::Stub(_) => Place::caller_of(registers.fp, frames),
    }
}

/// What gives the next frame of a function that runs elsewhere, and notes how far it is; none at the end
/// of the run, which is at once if it has given the frames to somebody else.
type Runs<'a> = &'a mut dyn FnMut(ElsewhereFrame, &mut RunPosition) -> Result<Option<Frame>, Unwalkable>;

/// How far a walk is in a run, if it is at a function that runs elsewhere; otherwise zeros.
type RunPosition = [usize; 3];

/// The frame at a place or, if that is a stub's, outwards. Moves on. None at the end.
///
/// # Errors
/// If what is there is no frame.
///
/// # Safety
/// The thread is inside the call, and what its frames lead to is there. `site` finds what is at an
/// address.
#[inline(always)]
unsafe fn step<'a>(
    place: &mut Place,
    run: &mut RunPosition,
    frames: &Range<usize>,
    runs: Runs<'_>,
    site: impl Fn(usize) -> Option<Site<'a>>,
) -> Result<Option<Frame>, Unwalkable> {
    loop {
        let Place { pc, fp, context } = *place;
        if pc == 0 {
            return Ok(None);
        }
        let Site { body, code_offset } = site(pc).ok_or(Unwalkable)?;
        let caller = Place::caller_of(fp, frames);
        match body.kind() {
            BodyKind::Stub(Stub { kind: StubKind::Entry, .. }) => {
                *place = Place::default();
                return Ok(None);
            }
            BodyKind::Stub(Stub { kind: StubKind::Elsewhere { .. }, .. }) => {
                let caller = caller.ok_or(Unwalkable)?;
                // SAFETY: the frame is whole where it calls, and where a walk begins.
                let frame = runs(unsafe { ElsewhereFrame::at(fp) }, run)?;
                if frame.is_some() {
                    return Ok(frame);
                }
                (*place, *run) = (caller, RunPosition::default());
            }
            BodyKind::Stub(_) => *place = caller.ok_or(Unwalkable)?,
            BodyKind::Function(code) => {
                *place = caller.ok_or(Unwalkable)?;
                // What is interrupted while it makes its frame has not put the context there.
                let in_register = code.is_leaf || (context != 0 && body.offset_of(pc) < code.prologue_bytes);
                let context = match in_register {
                    true => ptr::with_exposed_provenance(context),
                    // SAFETY: functions that call keep their context there.
                    false => unsafe {
                        ptr::with_exposed_provenance::<*const InstanceContext>(fp - WORD).read()
                    },
                };
                // The caller of a listened function is its wrapper, which has the parameters.
                let params = site(place.pc).and_then(|caller| caller.body.listened_slots());
                let params = params.map(|slots| ptr::with_exposed_provenance(place.fp - slots as usize));
                return Ok(Some(Frame {
                    params: params.or_else(|| kept_params(body, fp)),
                    ..frame_of(code, context, code_offset)
                }));
            }
        }
    }
}

/// The slots with what a function was called with that keeps that: once it has called something.
fn kept_params(body: &Body, fp: usize) -> Option<*const u64> {
    match body.kind() {
        BodyKind::Function(FunctionCode { params_below: below @ 1.., .. }) => {
            Some(ptr::with_exposed_provenance(fp - *below as usize))
        }
        _ => None,
    }
}

/// The next frame of a function that runs elsewhere, and how far the walk is then.
fn next_of_run(stub: ElsewhereFrame, run: &mut RunPosition) -> Option<Frame> {
    let [a, b, c] = *run;
    let mut cursor = FrameCursor { started: *run != [0; 3], words: [a, b, c, 0, 0, 0] };
    // SAFETY: the thread is in a call to the core, so that the run has called out.
    let frame = unsafe { stub.next_frame(&mut cursor) };
    let [a, b, c, ..] = cursor.words;
    *run = [a, b, c];
    frame
}

/// The frame of a function's body.
fn frame_of(code: &FunctionCode, context: *const InstanceContext, code_offset: u32) -> Frame {
    Frame {
        context,
        function: code.function,
        code_offset,
        program_counter: u64::from(code_offset),
        params: None,
    }
}

/// What [`Engine::next_frame`](wz_core::engine::Engine::next_frame) is for this engine. The cursor's
/// words are a place.
#[must_use]
pub fn next_frame(activation: &Activation, cursor: &mut FrameCursor) -> Option<Frame> {
    let state = activation.engine_state.get().cast_const().cast::<CallState>();
    // SAFETY: the engine's state is set while the call is running, and only to this.
    let state = unsafe { state.as_ref() }?;
    let sites = &Thread::current().sites;
    let [pc, fp, context, run @ ..] = &mut cursor.words;
    if !std::mem::replace(&mut cursor.started, true) {
        // SAFETY: the guest has left for the core, and this is no signal handler.
        let (first, place) =
            unsafe { exit_place(state, left_from(state, |address| sites.find(address))) }.unwrap_or_default();
        (*pc, *fp, *context) = (place.pc, place.fp, place.context);
        if first.is_some() {
            return first;
        }
    }
    let mut place = Place { pc: *pc, fp: *fp, context: *context };
    let mut runs = |stub, run: &mut RunPosition| Ok(next_of_run(stub, run));
    // SAFETY: the engine is in a call to the core, so that nothing changes, and not in a signal
    // handler.
    let frame =
        unsafe { step(&mut place, run, &(*state.stack).frames(), &mut runs, |address| sites.find(address)) };
    (*pc, *fp, *context) = (place.pc, place.fp, place.context);
    frame.unwrap_or_default()
}

/// What [`Engine::interrupted_walk`](wz_core::engine::Engine::interrupted_walk) gives for this engine.
///
/// # Errors
/// If the frames cannot be walked from there, or a function runs elsewhere that was not compiled for it.
///
/// # Safety
/// As it says.
pub unsafe fn walk_interrupted(
    activation: &Activation,
    signal: Option<NonNull<c_void>>,
    visit: &mut dyn FnMut(&Frame),
) -> Result<(), Unwalkable> {
    let state = activation.engine_state.get().cast_const().cast::<CallState>();
    if state.is_null() {
        return Ok(());
    }
    // SAFETY: the engine's state is set while the call is running, and only to this. The innermost
    // activation has the innermost call.
    let mut walk = unsafe {
        match signal {
            Some(signal) => Walk { all: false, ..Walk::from_signal(signal.as_ptr())? },
            None => Walk::of_outer(state)?,
        }
    };
    loop {
        let mut runs = |stub: ElsewhereFrame, _: &mut RunPosition| {
            // SAFETY: the run is on the thread of the walk, which does not go on meanwhile.
            unsafe { stub.walk_interrupted(visit)? };
            Ok(None)
        };
        // SAFETY: on the thread of the walk, which does not go on meanwhile.
        let Some(mut frame) = unsafe { walk.try_next(&mut runs) }? else { return Ok(()) };
        // Only where it has called is it certain that they are in the frame.
        frame.params = None;
        visit(&frame);
    }
}

/// The listened function whose wrapper, a stub with its slots so far below the frame pointer, the
/// guest left from: its body is not running.
///
/// # Safety
/// It is the stub whose frame `call` has noted, and the function's instance lives.
unsafe fn listened_frame(call: &CallState, slots: u32) -> Frame {
    let fp = call.exit_fp.get();
    let word = |below: i32| ptr::with_exposed_provenance::<usize>(fp.wrapping_add_signed(below as isize));
    // SAFETY: as the caller says; the wrapper's frame is complete.
    let (context, function) = unsafe { (word(LISTENED_CONTEXT).read(), word(LISTENED_FUNCTION).read()) };
    let (context, function) = (ptr::with_exposed_provenance(context), function as u32);
    // SAFETY: it is the function's instance.
    let code_offset = unsafe { JitModule::of_context(context) }.first_operator(function);
    Frame {
        context,
        function,
        code_offset,
        program_counter: u64::from(code_offset),
        params: Some(ptr::with_exposed_provenance(fp - slots as usize)),
    }
}
