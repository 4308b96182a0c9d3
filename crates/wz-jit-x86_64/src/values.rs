//! Moves between the places of a call's values and rows of slots: words as the host sees them,
//! two for a `v128`, the upper halves of `i32` and `f32` zero.

use dynasm::dynasm;
use dynasmrt::DynasmApi;
use wz_api::ValueType;

use crate::abi::{Passed, Place};
use crate::assembler::Assembler;

/// A place in memory: a register and a distance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    pub(crate) base: u8,
    pub(crate) offset: i32,
}

impl Memory {
    pub(crate) const fn new(base: u8, offset: i32) -> Self {
        Self { base, offset }
    }
}

fn each(values: &[Passed], mut visit: impl FnMut(&Passed, i32)) {
    let mut slot = 0;
    for value in values {
        visit(value, slot * 8);
        slot += value.ty.slots() as i32;
    }
}

/// Writes values into slots. Those in memory are read from `memory`. Clobbers `xmm15` only.
pub(crate) fn to_slots(ops: &mut Assembler, values: &[Passed], slots: Memory, memory: Memory) {
    each(values, |value, offset| {
        let (base, to) = (slots.base, slots.offset + offset);
        match (value.place, value.ty) {
            (Place::Int(register), ValueType::I32) => dynasm!(ops
                ; .arch x64
                ; mov Rd(register), Rd(register)
                ; mov [Rq(base) + to], Rq(register)
            ),
            (Place::Int(register), _) => dynasm!(ops
                ; .arch x64
                ; mov [Rq(base) + to], Rq(register)
            ),
            (Place::Vector(register), ValueType::F32) => dynasm!(ops
                ; .arch x64
                ; mov QWORD [Rq(base) + to], 0
                ; movss [Rq(base) + to], Rx(register)
            ),
            (Place::Vector(register), ValueType::V128) => dynasm!(ops
                ; .arch x64
                ; movups [Rq(base) + to], Rx(register)
            ),
            (Place::Vector(register), _) => dynasm!(ops
                ; .arch x64
                ; movsd [Rq(base) + to], Rx(register)
            ),
            (Place::Memory(offset), ty) => {
                let from = memory.offset + offset as i32;
                match ty {
                    ValueType::V128 => dynasm!(ops
                        ; .arch x64
                        ; movups xmm15, [Rq(memory.base) + from]
                        ; movups [Rq(base) + to], xmm15
                    ),
                    // Loading a word of 32 bits clears the rest.
                    ValueType::I32 | ValueType::F32 => dynasm!(ops
                        ; .arch x64
                        ; movss xmm15, [Rq(memory.base) + from]
                        ; movsd [Rq(base) + to], xmm15
                    ),
                    _ => dynasm!(ops
                        ; .arch x64
                        ; movsd xmm15, [Rq(memory.base) + from]
                        ; movsd [Rq(base) + to], xmm15
                    ),
                }
            }
        }
    });
}

/// Reads values from slots. Those in memory are written to `memory`; none: they are there already.
/// Clobbers `xmm15`, and nothing else that is not one of the values.
pub(crate) fn from_slots(ops: &mut Assembler, values: &[Passed], slots: Memory, memory: Option<Memory>) {
    each(values, |value, offset| {
        let (base, from) = (slots.base, slots.offset + offset);
        match (value.place, value.ty) {
            (Place::Int(register), ValueType::I32) => dynasm!(ops
                ; .arch x64
                ; mov Rd(register), [Rq(base) + from]
            ),
            (Place::Int(register), _) => dynasm!(ops
                ; .arch x64
                ; mov Rq(register), [Rq(base) + from]
            ),
            (Place::Vector(register), ValueType::F32) => dynasm!(ops
                ; .arch x64
                ; movss Rx(register), [Rq(base) + from]
            ),
            (Place::Vector(register), ValueType::V128) => dynasm!(ops
                ; .arch x64
                ; movups Rx(register), [Rq(base) + from]
            ),
            (Place::Vector(register), _) => dynasm!(ops
                ; .arch x64
                ; movsd Rx(register), [Rq(base) + from]
            ),
            (Place::Memory(offset), ty) => {
                let Some(memory) = memory else { return };
                let to = memory.offset + offset as i32;
                match ty {
                    ValueType::V128 => dynasm!(ops
                        ; .arch x64
                        ; movups xmm15, [Rq(base) + from]
                        ; movups [Rq(memory.base) + to], xmm15
                    ),
                    // Loading a word of 32 bits clears the rest.
                    ValueType::I32 => dynasm!(ops
                        ; .arch x64
                        ; movss xmm15, [Rq(base) + from]
                        ; movsd [Rq(memory.base) + to], xmm15
                    ),
                    _ => dynasm!(ops
                        ; .arch x64
                        ; movsd xmm15, [Rq(base) + from]
                        ; movsd [Rq(memory.base) + to], xmm15
                    ),
                }
            }
        }
    });
}
