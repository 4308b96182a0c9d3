//! Frames of functions: how they begin and end, and how one makes place for a tail call's callee.

use std::ops::Range;

use dynasm::dynasm;
use dynasmrt::{DynasmApi, DynasmLabelApi};
use wz_jit::runtime::guest_stack::PROBE_BYTES;

use crate::abi;
use crate::assembler::{Assembler, len_bytes};

/// How often a large frame is touched: the smallest size of a page.
const PAGE_BYTES: i32 = 4096;

/// A function's frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// The bytes from the frame pointer down to the stack pointer, the context's slot and the
    /// parameters of callees included. A multiple of 16.
    pub len_bytes: u32,
    /// Whether the function makes no calls, and keeps no context in its frame.
    pub is_leaf: bool,
    /// The length of the function's own parameters on the stack.
    pub incoming_bytes: u32,
}

impl Frame {
    /// Makes the frame. Gives how long the code for it is: while it runs, the function has not
    /// begun. Clobbers `r11`.
    pub fn begin(&self, ops: &mut Assembler) -> u32 {
        debug_assert!(self.len_bytes.is_multiple_of(16));
        debug_assert!(self.is_leaf || self.len_bytes >= 16, "there is a slot for the context");
        let start = len_bytes(ops);
        let len = self.len_bytes as i32;
        dynasm!(ops
            ; .arch x64
            ; push rbp
            ; mov rbp, rsp
        );
        if self.len_bytes as usize > PROBE_BYTES {
            let last = -(len / PAGE_BYTES * PAGE_BYTES);
            dynasm!(ops
                ; .arch x64
                ; mov r11, -PAGE_BYTES
                ; touch:
                ; test [rsp + r11], eax
                ; sub r11, PAGE_BYTES
                ; cmp r11, last
                ; jge <touch
            );
        }
        match i8::try_from(len) {
            Ok(0) => {}
            Ok(len) => dynasm!(ops; .arch x64; sub rsp, BYTE len),
            Err(_) => dynasm!(ops; .arch x64; sub rsp, len),
        }
        if !self.is_leaf {
            dynasm!(ops; .arch x64; mov [BYTE rbp + abi::CONTEXT_SLOT as i8], r14);
        }
        len_bytes(ops) - start
    }

    /// Takes the frame down and returns, popping the parameters on the stack.
    pub fn end(&self, ops: &mut Assembler) {
        if self.len_bytes == 0 {
            dynasm!(ops; .arch x64; pop rbp);
        } else {
            dynasm!(ops; .arch x64; leave);
        }
        return_popping(ops, self.incoming_bytes);
    }

    /// Takes the frame down for a tail call whose parameters on the stack, `outgoing_bytes` of them,
    /// are at the stack pointer. Afterwards the stack is as the callee wants it; a jump has to
    /// follow. Clobbers `r11` and `xmm15`. Gives the range of the code, in which the frame cannot
    /// be walked; the jump belongs to it too.
    pub fn end_for_tail_call(&self, ops: &mut Assembler, outgoing_bytes: u32) -> Range<u32> {
        let start = len_bytes(ops);
        if self.incoming_bytes == 0 && outgoing_bytes == 0 {
            dynasm!(ops; .arch x64; leave);
            return start..len_bytes(ops);
        }
        debug_assert!(self.len_bytes >= outgoing_bytes, "the callee's parameters are in the frame");
        // Where the callee's parameters go. They end where the own ones do.
        let to = (self.len_bytes + 16 + self.incoming_bytes - outgoing_bytes) as i32;
        dynasm!(ops
            ; .arch x64
            ; mov r11, [rbp + 8]
            ; mov rbp, [rbp]
        );
        // Upwards, so from the end on: both ranges may overlap.
        for offset in (0..outgoing_bytes as i32).step_by(16).rev() {
            dynasm!(ops
                ; .arch x64
                ; movups xmm15, [rsp + offset]
                ; movups [rsp + to + offset], xmm15
            );
        }
        dynasm!(ops
            ; .arch x64
            ; mov [rsp + to - 8], r11
            ; add rsp, to - 8
        );
        start..len_bytes(ops)
    }
}

/// Returns, popping parameters.
pub(crate) fn return_popping(ops: &mut Assembler, stack_bytes: u32) {
    match stack_bytes {
        0 => dynasm!(ops; .arch x64; ret),
        _ => {
            let bytes = i16::from_ne_bytes((stack_bytes as u16).to_ne_bytes());
            debug_assert!(stack_bytes < 1 << 16, "validation limits the number of parameters");
            dynasm!(ops; .arch x64; ret bytes);
        }
    }
}

/// Reloads the pinned registers after a call.
pub fn reload_pinned(ops: &mut Assembler) {
    let base = std::mem::offset_of!(wz_core::records::InstanceContext, memory0_base) as i8;
    dynasm!(ops
        ; .arch x64
        ; mov r14, [BYTE rbp + abi::CONTEXT_SLOT as i8]
        ; mov r15, [BYTE r14 + base]
    );
}
