//! [`Walk`]: from frame to frame by frame pointers. It reads only the guest's stack, tables of code
//! and call states: it takes no lock and allocates nothing, so that it works in signal handlers,
//! where it tells if a thread cannot be walked just then.
//!
//! A frame is known by an address in the instruction that it executes and its frame pointer. For
//! callers that address is the last byte of the call.

use std::ffi::c_void;
use std::fmt;
use std::ops::Range;
use std::ptr;

use wz_api::Trap;
use wz_core::Activation;
use wz_core::engine::{Frame, FrameCursor};
use wz_core::records::InstanceContext;

use super::arch::{self, FrameState, Registers};
use super::body::{Body, BodyKind, FunctionCode, Stub, StubKind};
use super::elsewhere::ElsewhereFrame;
use super::page_map;
use super::state::{CallState, Fault, Listened};
use super::thread::Thread;

const WORD: usize = size_of::<usize>();

/// A thread cannot be walked from here: its frames are being made or taken down, or it runs no
/// guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unwalkable;

impl fmt::Display for Unwalkable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the stack cannot be walked from here")
    }
}

impl std::error::Error for Unwalkable {}

/// Where a walk is.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    /// An address in the instruction; 0 at the end.
    pc: usize,
    fp: usize,
    /// The pinned context, if this is the innermost frame.
    context: usize,
    /// How far the walk is in a run, if the frame is that of a function that runs elsewhere.
    run: [usize; 3],
}

/// Which frames a walk gives of functions that run elsewhere.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Runs {
    /// All of them, as whoever runs them tells.
    Whole,
    /// Only those that were called from here, for signal handlers.
    Outermost,
}

impl Place {
    /// The caller that a frame with this return address returns to.
    fn returning_to(return_address: usize, fp: usize) -> Self {
        Self { pc: return_address.saturating_sub(1), fp, ..Self::default() }
    }

    /// Where a guest was interrupted.
    fn innermost(registers: &Registers) -> Self {
        Self { pc: registers.pc, fp: registers.fp, context: registers.context, ..Self::default() }
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
        // SAFETY: the thread is inside a call.
        let Some(body) = (unsafe { page_map::find(registers.pc) }) else {
            // In Rust: the guest's frames are where it left.
            let place = exit_place(call).ok_or(Unwalkable)?;
            return Ok(Self { state, first: None, place, all: true });
        };
        // SAFETY: the call's stack lives as long as the call.
        let frames = unsafe { &*call.stack }.frames();
        // SAFETY: the program counter is in a body of ours.
        let (frame_state, return_address) = unsafe { inspect(body, registers, &frames) }.ok_or(Unwalkable)?;
        let innermost = Place::innermost(registers);
        let is_function = matches!(body.kind(), BodyKind::Function(_));
        let (first, place) = match frame_state {
            FrameState::Whole => {
                let caller = Place::caller_of(registers.fp, &frames).ok_or(Unwalkable)?;
                (None, if is_function { innermost } else { caller })
            }
            FrameState::Absent | FrameState::Begun => {
                let context = ptr::with_exposed_provenance(registers.context);
                let first = frame_of(body, registers.pc, |_| context);
                (first, Place::returning_to(return_address, registers.fp))
            }
        };
        Ok(Self { state, first, place, all: true })
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

    /// The next frame.
    ///
    /// # Safety
    /// On the thread that the walk began on, which has not run guests since.
    pub unsafe fn next(&mut self) -> Option<Frame> {
        if let Some(frame) = self.first.take() {
            return Some(frame);
        }
        loop {
            // SAFETY: calls of the thread are there as long as they are running.
            let state = unsafe { self.state.as_ref() }?;
            // SAFETY: the call's stack lives as long as the call.
            let frames = unsafe { &*state.stack }.frames();
            // SAFETY: as the caller says, nothing was freed that frames lead to.
            if let Some(frame) = unsafe { step(&mut self.place, &frames, Runs::Outermost) } {
                return Some(frame);
            }
            if !self.all || state.outer.is_null() {
                return None;
            }
            self.state = state.outer;
            // SAFETY: outer calls are further out on the same thread's stack.
            let outer = unsafe { &*state.outer };
            self.place = exit_place(outer).unwrap_or_default();
        }
    }
}

/// How far the frame is that the interrupted code is in, and its return address unless it is
/// whole. None if that cannot be told.
///
/// # Safety
/// The program counter is in the body.
unsafe fn inspect(body: &Body, registers: &Registers, frames: &Range<usize>) -> Option<(FrameState, usize)> {
    let offset = body.offset_of(registers.pc);
    let frame_at = match body.kind() {
        BodyKind::Function(code) => {
            if code.unwalkable.iter().any(|(start, end)| (*start..*end).contains(&offset)) {
                return None;
            }
            0
        }
        BodyKind::Stub(stub) => match stub.kind {
            StubKind::Entry | StubKind::TailCall => return None,
            StubKind::Lazy if offset <= stub.frame_at => return None,
            _ => stub.frame_at,
        },
    };
    // SAFETY: the program counter is that of an instruction of ours.
    let state = unsafe { arch::frame_state(registers, offset.checked_sub(frame_at)) };
    if state == FrameState::Whole {
        return Some((state, 0));
    }
    if registers.sp < frames.start || registers.sp + 2 * WORD > frames.end {
        return None;
    }
    // SAFETY: the stack pointer is within the guest's stack.
    Some((state, unsafe { arch::return_address(registers, state) }))
}

/// Where a walk over a call begins that is not running its guest.
fn exit_place(state: &CallState) -> Option<Place> {
    // SAFETY: the call's stack lives as long as the call.
    let frames = unsafe { &*state.stack }.frames();
    if let Some(fault) = state.fault.get() {
        return fault_place(&fault, &frames);
    }
    let fp = state.exit_fp.get();
    if fp == 0 {
        return None;
    }
    if state.away.get() != 0 {
        return Some(Place { pc: state.away.get(), fp, ..Place::default() });
    }
    // What the stub's frame returns to is the innermost frame.
    let place = Place::caller_of(fp, &frames)?;
    Some(Place { context: state.exit_context.get().expose_provenance(), ..place })
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

/// The frame at a place or, if that is a stub's, outwards. Moves on. None at the end.
///
/// # Safety
/// The thread is inside the call, and what its frames lead to is there.
unsafe fn step(place: &mut Place, frames: &Range<usize>, runs: Runs) -> Option<Frame> {
    loop {
        if place.pc == 0 {
            return None;
        }
        let Place { pc, fp, context, run } = *place;
        // SAFETY: as the caller says.
        let body = unsafe { page_map::find(pc) };
        let ends = body
            .is_none_or(|body| matches!(body.kind(), BodyKind::Stub(stub) if stub.kind == StubKind::Entry));
        if ends {
            *place = Place::default();
            return None;
        }
        let Some(caller) = Place::caller_of(fp, frames) else {
            *place = Place::default();
            return None;
        };
        if let Some(BodyKind::Stub(stub)) = body.map(Body::kind)
            && stub.kind == StubKind::Elsewhere
        {
            // SAFETY: the frame is whole where it calls; the rest is as the caller says.
            let (frame, run) = unsafe { step_elsewhere(ElsewhereFrame::at(fp), run, runs) };
            if frame.is_some() {
                place.run = run;
                return frame;
            }
        }
        *place = caller;
        let in_frame = |is_leaf: bool| {
            if is_leaf {
                return ptr::with_exposed_provenance(context);
            }
            // SAFETY: functions that call keep their context there.
            unsafe { ptr::with_exposed_provenance::<*const InstanceContext>(fp - WORD).read() }
        };
        if let Some(frame) = frame_of(body?, pc, in_frame) {
            // SAFETY: as the caller says.
            let params = unsafe { listened_params(&caller) };
            // Only where it has called is it certain that they are in the frame.
            let kept = || (runs == Runs::Whole).then(|| kept_params(body?, fp))?;
            return Some(Frame { params: params.or_else(kept), ..frame });
        }
    }
}

/// The slots with the parameters of a listened function, whose caller is its wrapper.
///
/// # Safety
/// As for [`step`].
unsafe fn listened_params(caller: &Place) -> Option<*const u64> {
    // SAFETY: as the caller says.
    let body = unsafe { page_map::find(caller.pc) }?;
    match body.kind() {
        BodyKind::Stub(Stub { kind: StubKind::Listener { slots }, .. }) => {
            Some(ptr::with_exposed_provenance(caller.fp - *slots as usize))
        }
        _ => None,
    }
}

/// The slots with what a function was called with that keeps that.
fn kept_params(body: &Body, fp: usize) -> Option<*const u64> {
    match body.kind() {
        BodyKind::Function(FunctionCode { params_below: below @ 1.., .. }) => {
            Some(ptr::with_exposed_provenance(fp - *below as usize))
        }
        _ => None,
    }
}

/// The next frame of a function that runs elsewhere, and how far the walk is then.
///
/// # Safety
/// As for [`step`].
unsafe fn step_elsewhere(stub: ElsewhereFrame, run: [usize; 3], runs: Runs) -> (Option<Frame>, [usize; 3]) {
    let started = run != [0; 3];
    match runs {
        Runs::Whole => {
            let [a, b, c] = run;
            let mut cursor = FrameCursor { started, words: [a, b, c, 0, 0, 0] };
            // SAFETY: as the caller says; the run has called out.
            let frame = unsafe { stub.next_frame(&mut cursor) };
            let [a, b, c, ..] = cursor.words;
            (frame, [a, b, c])
        }
        Runs::Outermost => ((!started).then(|| stub.outermost_frame()), [1; 3]),
    }
}

/// The frame of a function's body; none of a stub's.
fn frame_of(body: &Body, pc: usize, context: impl FnOnce(bool) -> *const InstanceContext) -> Option<Frame> {
    let BodyKind::Function(code) = body.kind() else { return None };
    let code_offset = code.pc_map.lookup(body.offset_of(pc)).unwrap_or_default();
    Some(Frame {
        context: context(code.is_leaf),
        function: code.function,
        code_offset,
        program_counter: u64::from(code_offset),
        params: None,
    })
}

/// What [`Engine::next_frame`](wz_core::engine::Engine::next_frame) is for this engine. The cursor's
/// words are a place.
#[must_use]
pub fn next_frame(activation: &Activation, cursor: &mut FrameCursor) -> Option<Frame> {
    let state = activation.engine_state.get().cast_const().cast::<CallState>();
    // SAFETY: the engine's state is set while the call is running, and only to this.
    let state = unsafe { state.as_ref() }?;
    if !std::mem::replace(&mut cursor.started, true) {
        exit_place(state).unwrap_or_default().store(cursor);
        if let Some(listened) = state.listened.get() {
            return Some(listened.frame());
        }
    }
    let mut place = Place::of(cursor);
    // SAFETY: the engine is in a call to the core, so that nothing changes.
    let frame = unsafe { step(&mut place, &(*state.stack).frames(), Runs::Whole) };
    place.store(cursor);
    frame
}

impl Place {
    fn of(cursor: &FrameCursor) -> Self {
        let [pc, fp, context, run @ ..] = cursor.words;
        Self { pc, fp, context, run }
    }

    fn store(self, cursor: &mut FrameCursor) {
        let Self { pc, fp, context, run: [a, b, c] } = self;
        cursor.words = [pc, fp, context, a, b, c];
    }
}

impl Listened {
    /// The frame of the function itself, whose body is not running.
    fn frame(&self) -> Frame {
        Frame {
            context: self.context,
            function: self.function,
            code_offset: self.code_offset,
            program_counter: u64::from(self.code_offset),
            params: Some(self.slots),
        }
    }
}
