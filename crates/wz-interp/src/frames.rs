//! The walk over an activation's frames.

use wz_core::activation::Activation;
use wz_core::engine::{Frame, FrameCursor};
use wz_core::records::InstanceContext;

use crate::machine::Machine;
use crate::module::InterpreterModule;

/// The next frame. The cursor's words are the next instruction's address, frame and instance;
/// the first is 0 at the end.
pub(crate) fn next_frame(activation: &Activation, cursor: &mut FrameCursor) -> Option<Frame> {
    let machine = activation.engine_state.get().cast_const().cast::<Machine>();
    if machine.is_null() {
        return None;
    }
    // SAFETY: the state is set while the machine runs, and only to it. It does not change it
    // while the core is called.
    let machine = unsafe { &*machine };
    if !cursor.started {
        cursor.started = true;
        cursor.words = [machine.ip.addr(), machine.sp.expose_provenance(), machine.cx.expose_provenance()];
    }
    let [ip, sp, cx] = cursor.words;
    if ip == 0 || ip == machine.exit.as_ptr().addr() {
        return None;
    }
    let sp = std::ptr::with_exposed_provenance::<u64>(sp);
    let context = std::ptr::with_exposed_provenance::<InstanceContext>(cx);
    // SAFETY: instances with frames are alive.
    let module = unsafe { InterpreterModule::of_context(context) };
    let code = module.code_at(ip)?;
    // SAFETY: every frame has a header where its code says.
    let [return_ip, caller_sp, caller_cx] =
        unsafe { sp.add(code.header as usize).cast::<[u64; 3]>().read() }.map(|word| word as usize);
    // The call instruction is the one before that returned to.
    let outermost = return_ip == machine.exit.as_ptr().addr();
    cursor.words = [if outermost { 0 } else { return_ip - 8 }, caller_sp, caller_cx];
    let code_offset = code.code_offset(ip).unwrap_or(0);
    Some(Frame {
        context,
        function: code.function,
        code_offset,
        program_counter: u64::from(code_offset),
        params: Some(sp),
    })
}
