//! The walk over an activation's frames.

use std::ffi::c_void;
use std::ptr::NonNull;

use wz_core::activation::Activation;
use wz_core::engine::{Frame, FrameCursor, Unwalkable};
use wz_core::records::InstanceContext;

use crate::exec::note::Noted;
use crate::machine::Machine;

/// The next frame of an activation that this engine runs.
pub(crate) fn next_frame(activation: &Activation, cursor: &mut FrameCursor) -> Option<Frame> {
    let machine = activation.engine_state.get().cast_const().cast::<Machine>();
    // SAFETY: the state is set while the machine runs, and only to it. It does not change it
    // while the core is called.
    unsafe { next_frame_of(machine.as_ref()?, cursor) }
}

/// The next frame of a machine. The cursor's words are the next instruction's address, frame and
/// instance; the first is 0 at the end.
///
/// # Safety
/// The machine runs and has called out.
pub(crate) unsafe fn next_frame_of(machine: &Machine, cursor: &mut FrameCursor) -> Option<Frame> {
    let [ip, sp, cx, ..] = &mut cursor.words;
    if !cursor.started {
        cursor.started = true;
        (*ip, *sp, *cx) = (machine.ip.addr(), machine.sp.expose_provenance(), machine.cx.expose_provenance());
    }
    if *ip == 0 || *ip == machine.exit.as_ptr().addr() {
        return None;
    }
    let params = std::ptr::with_exposed_provenance::<u64>(*sp);
    let context = std::ptr::with_exposed_provenance::<InstanceContext>(*cx);
    // SAFETY: instances with frames are alive.
    let module = unsafe { machine.module_of(context) };
    let code = module.code_at(*ip)?;
    let code_offset = code.code_offset(*ip).unwrap_or(0);
    // SAFETY: every frame has a header where its code says.
    let [return_ip, caller_sp, caller_cx] =
        unsafe { params.add(code.header as usize).cast::<[u64; 3]>().read() }.map(|word| word as usize);
    // The call instruction is the one before that returned to.
    let outermost = return_ip == machine.exit.as_ptr().addr();
    (*ip, *sp, *cx) = (if outermost { 0 } else { return_ip - 8 }, caller_sp, caller_cx);
    Some(Frame {
        context,
        function: code.function,
        code_offset,
        program_counter: u64::from(code_offset),
        params: Some(params),
    })
}

/// The frames of an activation that was interrupted anywhere. They are found by notes alone, which
/// are where functions begin and go on after calls: what else there is of code is behind a lock.
///
/// # Errors
/// If a function does not note.
///
/// # Safety
/// On the activation's thread.
pub(crate) unsafe fn walk_interrupted(
    activation: &Activation,
    _: Option<NonNull<c_void>>,
    visit: &mut dyn FnMut(&Frame),
) -> Result<(), Unwalkable> {
    let machine = activation.engine_state.get().cast_const().cast::<Machine>();
    // SAFETY: the state is set while the machine runs, and only to it.
    let Some(machine) = (unsafe { machine.as_ref() }) else { return Ok(()) };
    // SAFETY: as the caller says.
    unsafe { walk_noted(machine, visit) }
}

/// The frames of a machine.
///
/// # Errors
/// If a function does not note.
///
/// # Safety
/// On the machine's thread; its activation is running.
pub(crate) unsafe fn walk_noted(machine: &Machine, visit: &mut dyn FnMut(&Frame)) -> Result<(), Unwalkable> {
    let Some((mut ip, mut sp, mut context)) = machine.note.get() else {
        // No function has begun yet, or none of them notes.
        // SAFETY: as the caller says.
        return if unsafe { (*machine.activation).is_sampled() } { Ok(()) } else { Err(Unwalkable) };
    };
    while !std::ptr::eq(ip, machine.exit.as_ptr()) {
        // SAFETY: it was noted, or is returned to.
        let noted = unsafe { Noted::at(ip) }.ok_or(Unwalkable)?;
        let Noted { function, header, code_offset } = noted;
        visit(&Frame {
            context,
            function,
            code_offset,
            program_counter: u64::from(code_offset),
            params: Some(sp),
        });
        // SAFETY: every frame has a header where its note says.
        let [return_ip, caller_sp, caller_cx] =
            unsafe { sp.add(header as usize).cast::<[u64; 3]>().read() }.map(|word| word as usize);
        ip = std::ptr::with_exposed_provenance(return_ip);
        sp = std::ptr::with_exposed_provenance(caller_sp);
        context = std::ptr::with_exposed_provenance(caller_cx);
    }
    Ok(())
}
