//! How instructions that access memory are encoded.

use dynasm::dynasm;
use dynasmrt::{DynasmApi, DynasmLabelApi};
use wz_api::Trap;
use wz_decode::ops::{LoadLaneOp, LoadOp, StoreLaneOp, StoreOp};
use wz_jit::mach::{Emission, Reg};

use crate::address::{Address, with_memory};
use crate::features::Features;
use crate::isa::X64Isa;

use super::MemoryInst;

/// The number of an allocated register.
fn number(reg: Reg) -> u8 {
    reg.preg().hw_enc() as u8
}

/// Encodes an instruction.
pub(super) fn emit(inst: &MemoryInst, cx: &mut Emission<'_, X64Isa>) {
    match inst {
        MemoryInst::Load { op, to, from } => load(cx, *op, number(*to), from),
        MemoryInst::Store { op, value, to } => store(cx, *op, number(*value), to),
        MemoryInst::StoreConstant { bytes, value, to } => store_constant(cx, *bytes, *value, to),
        MemoryInst::LoadLane { op, lane, to, from, .. } => load_lane(cx, *op, *lane, number(*to), from),
        MemoryInst::StoreLane { op, lane, vector, to } => store_lane(cx, *op, *lane, number(*vector), to),
        MemoryInst::AddOffset { to, from, offset } => {
            let (to, from) = (number(*to), number(*from));
            let ops = &mut cx.assembler.ops;
            match u32::try_from(*offset) {
                Ok(offset) => dynasm!(ops; .arch x64; mov r11d, offset as i32),
                Err(_) => dynasm!(ops; .arch x64; mov r11, QWORD *offset as i64),
            }
            dynasm!(ops; .arch x64; lea Rq(to), [r11 + Rq(from)]);
        }
        MemoryInst::AddressOf { to, from } => {
            let to = number(*to);
            let ops = &mut cx.assembler.ops;
            with_memory!(ops, from, lea Rq(to), @);
        }
        MemoryInst::CheckAccess { wide, index, end, len } => check_access(cx, *wide, *index, *end, len),
        MemoryInst::CheckElement { to, len, .. } => {
            let to = number(*to);
            let trap = cx.trap_label(Trap::InvalidTableAccess);
            let trap = cx.assembler.label(trap);
            let ops = &mut cx.assembler.ops;
            dynasm!(ops; .arch x64; xor r11d, r11d);
            with_memory!(ops, len, cmp Rq(to), QWORD @);
            dynasm!(ops; .arch x64; cmovae Rq(to), r11; jae =>trap);
        }
        MemoryInst::Pages { to, len } => {
            let to = number(*to);
            let ops = &mut cx.assembler.ops;
            with_memory!(ops, len, mov Rq(to), QWORD @);
            dynasm!(ops; .arch x64; shr Rq(to), 16);
        }
    }
}

fn check_access(cx: &mut Emission<'_, X64Isa>, wide: bool, index: Option<Reg>, end: u64, len: &Address) {
    let trap = cx.trap_label(Trap::OutOfBoundsMemoryAccess);
    let trap = cx.assembler.label(trap);
    let ops = &mut cx.assembler.ops;
    match (index.map(number), i32::try_from(end)) {
        (None, Ok(end)) => {
            with_memory!(ops, len, cmp QWORD @, end);
            dynasm!(ops; .arch x64; jb =>trap);
            return;
        }
        (None, Err(_)) => dynasm!(ops; .arch x64; mov r11, QWORD end as i64),
        // Both are less than 2^32 then: nothing wraps.
        (Some(index), Ok(end)) if !wide => dynasm!(ops; .arch x64; lea r11, [Rq(index) + end]),
        (Some(index), Ok(end)) => dynasm!(ops; .arch x64; mov r11, Rq(index); add r11, end; jc =>trap),
        (Some(index), Err(_)) => {
            dynasm!(ops; .arch x64; mov r11, QWORD end as i64; add r11, Rq(index));
            if wide {
                dynasm!(ops; .arch x64; jc =>trap);
            }
        }
    }
    with_memory!(ops, len, cmp r11, QWORD @);
    dynasm!(ops; .arch x64; ja =>trap);
}

fn load(cx: &mut Emission<'_, X64Isa>, op: LoadOp, to: u8, from: &Address) {
    let features = cx.isa.features;
    let ops = &mut cx.assembler.ops;
    match op {
        LoadOp::I32Load | LoadOp::I64Load32U => with_memory!(ops, from, mov Rd(to), DWORD @),
        LoadOp::I64Load => with_memory!(ops, from, mov Rq(to), QWORD @),
        LoadOp::I32Load8S => with_memory!(ops, from, movsx Rd(to), BYTE @),
        LoadOp::I32Load8U | LoadOp::I64Load8U => with_memory!(ops, from, movzx Rd(to), BYTE @),
        LoadOp::I32Load16S => with_memory!(ops, from, movsx Rd(to), WORD @),
        LoadOp::I32Load16U | LoadOp::I64Load16U => with_memory!(ops, from, movzx Rd(to), WORD @),
        LoadOp::I64Load8S => with_memory!(ops, from, movsx Rq(to), BYTE @),
        LoadOp::I64Load16S => with_memory!(ops, from, movsx Rq(to), WORD @),
        LoadOp::I64Load32S => with_memory!(ops, from, movsxd Rq(to), DWORD @),
        LoadOp::F32Load | LoadOp::V128Load32Zero => with_memory!(ops, from, movss Rx(to), DWORD @),
        LoadOp::F64Load | LoadOp::V128Load64Zero => with_memory!(ops, from, movsd Rx(to), QWORD @),
        LoadOp::V128Load => with_memory!(ops, from, movups Rx(to), OWORD @),
        LoadOp::V128Load8x8S => with_memory!(ops, from, pmovsxbw Rx(to), QWORD @),
        LoadOp::V128Load8x8U => with_memory!(ops, from, pmovzxbw Rx(to), QWORD @),
        LoadOp::V128Load16x4S => with_memory!(ops, from, pmovsxwd Rx(to), QWORD @),
        LoadOp::V128Load16x4U => with_memory!(ops, from, pmovzxwd Rx(to), QWORD @),
        LoadOp::V128Load32x2S => with_memory!(ops, from, pmovsxdq Rx(to), QWORD @),
        LoadOp::V128Load32x2U => with_memory!(ops, from, pmovzxdq Rx(to), QWORD @),
        LoadOp::V128Load8Splat if features.has(Features::AVX2) => {
            with_memory!(ops, from, vpbroadcastb Rx(to), BYTE @);
        }
        LoadOp::V128Load8Splat => {
            with_memory!(ops, from, movzx r11d, BYTE @);
            dynasm!(ops; .arch x64; movd Rx(to), r11d; pxor xmm15, xmm15; pshufb Rx(to), xmm15);
        }
        LoadOp::V128Load16Splat if features.has(Features::AVX2) => {
            with_memory!(ops, from, vpbroadcastw Rx(to), WORD @);
        }
        LoadOp::V128Load16Splat => {
            with_memory!(ops, from, movzx r11d, WORD @);
            dynasm!(ops; .arch x64; movd Rx(to), r11d; pshuflw Rx(to), Rx(to), 0; pshufd Rx(to), Rx(to), 0);
        }
        LoadOp::V128Load32Splat if features.has(Features::AVX) => {
            with_memory!(ops, from, vbroadcastss Rx(to), DWORD @);
        }
        LoadOp::V128Load32Splat => {
            with_memory!(ops, from, movss Rx(to), DWORD @);
            dynasm!(ops; .arch x64; pshufd Rx(to), Rx(to), 0);
        }
        LoadOp::V128Load64Splat => with_memory!(ops, from, movddup Rx(to), QWORD @),
    }
}

fn store(cx: &mut Emission<'_, X64Isa>, op: StoreOp, value: u8, to: &Address) {
    let ops = &mut cx.assembler.ops;
    match op {
        StoreOp::I32Store | StoreOp::I64Store32 => with_memory!(ops, to, mov DWORD @, Rd(value)),
        StoreOp::I64Store => with_memory!(ops, to, mov QWORD @, Rq(value)),
        StoreOp::I32Store8 | StoreOp::I64Store8 => with_memory!(ops, to, mov BYTE @, Rb(value)),
        StoreOp::I32Store16 | StoreOp::I64Store16 => with_memory!(ops, to, mov WORD @, Rw(value)),
        StoreOp::F32Store => with_memory!(ops, to, movss DWORD @, Rx(value)),
        StoreOp::F64Store => with_memory!(ops, to, movsd QWORD @, Rx(value)),
        StoreOp::V128Store => with_memory!(ops, to, movups OWORD @, Rx(value)),
    }
}

fn store_constant(cx: &mut Emission<'_, X64Isa>, bytes: u8, value: i32, to: &Address) {
    let ops = &mut cx.assembler.ops;
    match bytes {
        1 => with_memory!(ops, to, mov BYTE @, value as i8),
        2 => with_memory!(ops, to, mov WORD @, value as i16),
        4 => with_memory!(ops, to, mov DWORD @, value),
        _ => with_memory!(ops, to, mov QWORD @, value),
    }
}

fn load_lane(cx: &mut Emission<'_, X64Isa>, op: LoadLaneOp, lane: u8, to: u8, from: &Address) {
    let ops = &mut cx.assembler.ops;
    let lane = lane as i8;
    match op {
        LoadLaneOp::V128Load8Lane => with_memory!(ops, from, pinsrb Rx(to), BYTE @, lane),
        LoadLaneOp::V128Load16Lane => with_memory!(ops, from, pinsrw Rx(to), WORD @, lane),
        LoadLaneOp::V128Load32Lane => with_memory!(ops, from, pinsrd Rx(to), DWORD @, lane),
        LoadLaneOp::V128Load64Lane => with_memory!(ops, from, pinsrq Rx(to), QWORD @, lane),
    }
}

fn store_lane(cx: &mut Emission<'_, X64Isa>, op: StoreLaneOp, lane: u8, vector: u8, to: &Address) {
    let ops = &mut cx.assembler.ops;
    let lane = lane as i8;
    match op {
        StoreLaneOp::V128Store8Lane => with_memory!(ops, to, pextrb BYTE @, Rx(vector), lane),
        StoreLaneOp::V128Store16Lane => with_memory!(ops, to, pextrw WORD @, Rx(vector), lane),
        StoreLaneOp::V128Store32Lane => with_memory!(ops, to, pextrd DWORD @, Rx(vector), lane),
        StoreLaneOp::V128Store64Lane => with_memory!(ops, to, pextrq QWORD @, Rx(vector), lane),
    }
}
