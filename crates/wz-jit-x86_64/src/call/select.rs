//! Selection for calls and what leaves.

use std::mem::offset_of;

use regalloc2::RegClass;
use wz_core::records::InstanceContext;
use wz_decode::ops::StoreOp;
use wz_jit::ir::{self, CallData, Op, Probe, Type, Value};
use wz_jit::mach::{Lower, Reg};
use wz_jit::runtime::builtins::Builtin;
use wz_jit::runtime::slots::SlotRef;

use crate::abi::{self, Passed, Place};
use crate::address::{Address, Rm};
use crate::inst::Inst;
use crate::int::{Extension, IntInst};
use crate::isa::{X64Isa, int, xmm};
use crate::memory::MemoryInst;
use crate::memory::access::load_pointer;
use crate::memory::select::{element, load_of};
use crate::vector::VectorInst;

use super::context::FromEntry;
use super::inst::{Call, CallInst, Callee, Fixed, TailCall};

/// Selects an instruction if it is one of these. False if it is not.
pub fn select(isa: &X64Isa, cx: &mut Lower<'_, X64Isa>, inst: ir::Inst) -> bool {
    let f = cx.f;
    let args = f.args(inst);
    match f.inst(inst).op {
        Op::Call(call) => {
            let data = f.calls[call.index()];
            let callee = direct(isa, data.target, data.type_index);
            select_call(isa, cx, inst, callee, data.type_index, args);
        }
        Op::CallIndirect(call) => {
            let data = f.calls[call.index()];
            let callee = indirect(cx, inst, data);
            select_call(isa, cx, inst, callee, data.type_index, &args[..args.len() - 1]);
        }
        Op::ReturnCall(call) => {
            let data = f.calls[call.index()];
            let callee = direct(isa, data.target, data.type_index);
            select_tail_call(isa, cx, callee, data.type_index, args);
        }
        Op::ReturnCallIndirect(call) => {
            let data = f.calls[call.index()];
            let callee = indirect(cx, inst, data);
            select_tail_call(isa, cx, callee, data.type_index, &args[..args.len() - 1]);
        }
        Op::Return => select_return(isa, cx, args),
        Op::Trap(trap) => cx.push(Inst::Call(CallInst::Trap(trap))),
        Op::Builtin(id) => {
            let (builtin, extra) = builtin(f.builtins[id.index()]);
            let params: Vec<_> =
                args.iter().zip(abi::INT_ARGS).map(|(arg, place)| (cx.in_reg(*arg), int(place))).collect();
            let result = f.result(inst).and_then(|result| Some((cx.used_result(result)?, cx.ty(result))));
            match result {
                // The host gives whole words.
                Some((to, Type::I32)) => {
                    let word = cx.temp(RegClass::Int);
                    call_builtin(cx, builtin, extra, params, Some(word));
                    let (op, from) = (Extension::U32, Rm::Reg(word));
                    cx.push(Inst::Int(IntInst::Extend { op, to, from }));
                }
                result => call_builtin(cx, builtin, extra, params, result.map(|(to, _)| to)),
            }
        }
        Op::RefFunc(function) => {
            let to = cx.result(inst);
            match function.checked_sub(isa.info.imported.functions) {
                Some(_) => {
                    call_builtin(cx, Builtin::RefFunc, u64::from(function), Vec::new(), Some(to));
                }
                None => {
                    let list = load_pointer(cx, inst, Address::context(IMPORTS));
                    let from = Address::reg(list, function as i32 * 8);
                    let op = load_of(Type::I64);
                    cx.push(Inst::Memory(MemoryInst::Load { op, to, from }));
                }
            }
        }
        Op::Fuel(0) => {}
        Op::Fuel(units) => {
            let activation = isa.calls.at_entry(FromEntry::Activation, cx);
            cx.push(Inst::Call(CallInst::Fuel(activation, units)));
        }
        Op::Interrupt => {
            let flag = isa.calls.at_entry(FromEntry::InterruptFlag, cx);
            cx.push(Inst::Call(CallInst::Interrupt(flag)));
        }
        _ => return false,
    }
    true
}

/// Selects what puts the function's parameters into registers.
pub fn select_entry(isa: &X64Isa, cx: &mut Lower<'_, X64Isa>, params: &[Option<Reg>]) {
    let layout = isa.layout(cx.f.type_index);
    let from_entry: Vec<_> = isa.calls.take_entry().collect();
    let mut params = params.to_vec();
    let keeps_params = cx.f.probes.iter().any(|probe| matches!(probe, Probe::Call { .. }));
    if isa.options.listened || keeps_params {
        for (param, passed) in params.iter_mut().zip(&layout.params) {
            param.get_or_insert_with(|| cx.temp(class(passed)));
        }
    }
    let mut fixed: Vec<Fixed> = Vec::new();
    let mut moves = Vec::new();
    for (param, passed) in params.iter().zip(&layout.params) {
        let (Some(to), Place::Int(place) | Place::Vector(place)) = (*param, passed.place) else { continue };
        let is_int = matches!(passed.place, Place::Int(_));
        let mut reg = to;
        if cx.has_loops() {
            reg = cx.temp(class(passed));
            moves.push(move_between(to, reg, is_int));
        }
        fixed.push((reg, if is_int { int(place) } else { xmm(place) }));
    }
    fixed.extend(
        from_entry
            .iter()
            .filter(|(what, _)| *what == FromEntry::ResultArea)
            .map(|(_, reg)| (*reg, int(abi::RESULT_AREA))),
    );
    cx.push(Inst::Call(CallInst::Entry(fixed.into())));
    moves.into_iter().for_each(|inst| cx.push(inst));
    for (param, passed) in params.iter().zip(&layout.params) {
        if let (Some(to), Place::Memory(offset)) = (param, passed.place) {
            let from = Address::pinned(abi::FRAME_POINTER, abi::INCOMING + offset as i32);
            let op = load_of(Type::of(passed.ty));
            cx.push(Inst::Memory(MemoryInst::Load { op, to: *to, from }));
        }
    }
    for (what, reg) in from_entry {
        match what {
            FromEntry::ResultArea => {}
            FromEntry::InterruptFlag => cx.push(Inst::Call(CallInst::InterruptFlag(reg))),
            FromEntry::Activation => cx.push(Inst::Call(CallInst::Activation(reg))),
        }
    }
    let values: Vec<_> = params.iter().flatten().copied().zip(&layout.params).collect();
    if keeps_params {
        keep(cx, &values);
    }
    if isa.options.listened {
        tell(cx, Builtin::ListenBefore, &values);
    }
}

/// In functions with loops, what is in a certain register at the start or the end has another one
/// between, so that the allocator does not want that register for the loop.
fn move_between(to: Reg, from: Reg, is_int: bool) -> Inst {
    if is_int { Inst::Int(IntInst::Move { to, from }) } else { Inst::Vector(VectorInst::Move(to, from)) }
}

const IMPORTS: i32 = offset_of!(InstanceContext, imported_functions) as i32;

fn class(passed: &Passed) -> RegClass {
    if abi::is_int(passed.ty) { RegClass::Int } else { RegClass::Float }
}

/// What a call of a function of the module calls.
fn direct(isa: &X64Isa, function: u32, type_index: u32) -> Callee {
    match function.checked_sub(isa.info.imported.functions) {
        Some(defined) => Callee::Slot(SlotRef::Function(defined)),
        None => Callee::Import(function, type_index),
    }
}

/// What a call of a table's element calls, once that is checked.
fn indirect(cx: &mut Lower<'_, X64Isa>, inst: ir::Inst, data: CallData) -> Callee {
    let index = *cx.f.args(inst).last().expect("an indirect call has an index");
    let index = cx.in_reg(index);
    let at = element(cx, inst, data.target, index);
    let record = load_pointer(cx, inst, at);
    let type_ids = load_pointer(cx, inst, Address::context(offset_of!(InstanceContext, type_ids) as i32));
    cx.push(Inst::Call(CallInst::CheckType { record, type_ids, index: data.type_index }));
    Callee::Record(record, data.type_index)
}

/// Puts arguments where a callee wants them.
fn pass(cx: &mut Lower<'_, X64Isa>, params: &[Passed], args: &[Value]) -> Vec<Fixed> {
    let mut fixed = Vec::with_capacity(args.len());
    for (passed, arg) in params.iter().zip(args) {
        let reg = cx.in_reg(*arg);
        match passed.place {
            Place::Int(place) => fixed.push((reg, int(place))),
            Place::Vector(place) => fixed.push((reg, xmm(place))),
            Place::Memory(offset) => {
                let to = Address::pinned(abi::STACK_POINTER, offset as i32);
                cx.push(Inst::Memory(MemoryInst::Store { op: store_of(passed), value: reg, to }));
            }
        }
    }
    fixed
}

/// How a value is stored: integers as whole words.
fn store_of(passed: &Passed) -> StoreOp {
    match Type::of(passed.ty) {
        Type::I32 | Type::I64 => StoreOp::I64Store,
        Type::F32 => StoreOp::F32Store,
        Type::F64 => StoreOp::F64Store,
        Type::V128 => StoreOp::V128Store,
    }
}

fn select_call(
    isa: &X64Isa,
    cx: &mut Lower<'_, X64Isa>,
    inst: ir::Inst,
    callee: Callee,
    type_index: u32,
    args: &[Value],
) {
    let layout = isa.layout(type_index);
    let params = pass(cx, &layout.params, args);
    let mut results = Vec::new();
    let mut in_area = Vec::new();
    for (result, passed) in cx.f.results(inst).zip(&layout.results) {
        let Some(reg) = cx.used_result(result) else { continue };
        match passed.place {
            Place::Int(place) => results.push((reg, int(place))),
            Place::Vector(place) => results.push((reg, xmm(place))),
            Place::Memory(offset) => in_area.push((reg, Type::of(passed.ty), offset)),
        }
    }
    let stack_bytes = layout.stack_bytes;
    cx.note_call(stack_bytes + layout.result_area_bytes);
    let has_area = layout.result_area_bytes > 0;
    let reloads = !matches!(callee, Callee::Slot(_)) || isa.info.has_tail_calls;
    let call = Call { callee, params, results, stack_bytes, has_area, reloads };
    cx.push(Inst::Call(CallInst::Call(Box::new(call))));
    for (to, ty, offset) in in_area {
        let from = Address::pinned(abi::STACK_POINTER, (stack_bytes + offset) as i32);
        cx.push(Inst::Memory(MemoryInst::Load { op: load_of(ty), to, from }));
    }
}

fn select_tail_call(
    isa: &X64Isa,
    cx: &mut Lower<'_, X64Isa>,
    callee: Callee,
    type_index: u32,
    args: &[Value],
) {
    if isa.options.listened {
        call_builtin(cx, Builtin::ListenTailCall, u64::from(cx.f.index), Vec::new(), None);
    }
    let layout = isa.layout(type_index);
    let mut params = pass(cx, &layout.params, args);
    if isa.layout(cx.f.type_index).result_area_bytes > 0 {
        let area = isa.calls.at_entry(FromEntry::ResultArea, cx);
        params.push((area, int(abi::RESULT_AREA)));
    }
    let stack_bytes = layout.stack_bytes;
    if stack_bytes > 0 {
        cx.note_call(stack_bytes);
    }
    let call = TailCall { callee, params, stack_bytes };
    cx.push(Inst::Call(CallInst::TailCall(Box::new(call))));
}

fn select_return(isa: &X64Isa, cx: &mut Lower<'_, X64Isa>, results: &[Value]) {
    let layout = isa.layout(cx.f.type_index);
    let values: Vec<_> =
        results.iter().zip(&layout.results).map(|(result, passed)| (cx.in_reg(*result), passed)).collect();
    if isa.options.listened {
        tell(cx, Builtin::ListenAfter, &values);
    }
    let mut fixed = Vec::with_capacity(values.len());
    for (mut reg, passed) in values {
        if let (true, Place::Int(_) | Place::Vector(_)) = (cx.has_loops(), passed.place) {
            let from = std::mem::replace(&mut reg, cx.temp(class(passed)));
            cx.push(move_between(reg, from, matches!(passed.place, Place::Int(_))));
        }
        match passed.place {
            Place::Int(place) => fixed.push((reg, int(place))),
            Place::Vector(place) => fixed.push((reg, xmm(place))),
            Place::Memory(offset) => {
                let area = isa.calls.at_entry(FromEntry::ResultArea, cx);
                let to = Address::reg(area, offset as i32);
                cx.push(Inst::Memory(MemoryInst::Store { op: store_of(passed), value: reg, to }));
            }
        }
    }
    cx.push(Inst::Call(CallInst::Return(fixed.into())));
}

/// Calls a builtin that listens, with the address of values in a row of slots.
fn tell(cx: &mut Lower<'_, X64Isa>, builtin: Builtin, values: &[(Reg, &Passed)]) {
    let bytes = put_slots(cx, values, abi::STACK_POINTER, 0);
    cx.note_call(bytes.next_multiple_of(16));
    let to = cx.temp(RegClass::Int);
    let from = Address::pinned(abi::STACK_POINTER, 0);
    cx.push(Inst::Memory(MemoryInst::AddressOf { to, from }));
    let function = u64::from(cx.f.index);
    call_builtin(cx, builtin, function, vec![(to, int(abi::INT_ARGS[0]))], None);
}

/// Keeps what the function was called with in its frame, for walks that begin in probes.
fn keep(cx: &mut Lower<'_, X64Isa>, values: &[(Reg, &Passed)]) {
    let slots: usize = values.iter().map(|(_, passed)| passed.ty.slots()).sum();
    let below = abi::CONTEXT_BYTES + slots as u32 * 8;
    cx.note_params(below);
    put_slots(cx, values, abi::FRAME_POINTER, -(below as i32));
}

/// Puts values in a row of slots, and gives how long that is.
fn put_slots(cx: &mut Lower<'_, X64Isa>, values: &[(Reg, &Passed)], base: u8, offset: i32) -> u32 {
    let mut bytes = 0;
    for (value, passed) in values {
        let to = Address::pinned(base, offset + bytes);
        if Type::of(passed.ty) == Type::F32 {
            cx.push(Inst::Memory(MemoryInst::StoreConstant { bytes: 8, value: 0, to }));
        }
        cx.push(Inst::Memory(MemoryInst::Store { op: store_of(passed), value: *value, to }));
        bytes += passed.ty.slots() as i32 * 8;
    }
    bytes as u32
}

/// Calls a builtin.
fn call_builtin(
    cx: &mut Lower<'_, X64Isa>,
    builtin: Builtin,
    extra: u64,
    params: Vec<Fixed>,
    result: Option<Reg>,
) {
    cx.note_call(0);
    let results = result.map(|reg| (reg, int(abi::INT_ARGS[0]))).into_iter().collect();
    let callee = Callee::Builtin(builtin, extra);
    let call = Call { callee, params, results, stack_bytes: 0, has_area: false, reloads: false };
    cx.push(Inst::Call(CallInst::Call(Box::new(call))));
}

/// What does the work of a slow operator, and its static operands.
fn builtin(op: ir::Builtin) -> (Builtin, u64) {
    let pair = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
    match op {
        ir::Builtin::MemoryGrow(memory) => (Builtin::MemoryGrow, u64::from(memory)),
        ir::Builtin::MemoryFill(memory) => (Builtin::MemoryFill, u64::from(memory)),
        ir::Builtin::MemoryCopy { to, from } => (Builtin::MemoryCopy, pair(to, from)),
        ir::Builtin::MemoryInit { memory, data } => (Builtin::MemoryInit, pair(memory, data)),
        ir::Builtin::DataDrop(data) => (Builtin::DataDrop, u64::from(data)),
        ir::Builtin::TableGrow(table) => (Builtin::TableGrow, u64::from(table)),
        ir::Builtin::TableFill(table) => (Builtin::TableFill, u64::from(table)),
        ir::Builtin::TableCopy { to, from } => (Builtin::TableCopy, pair(to, from)),
        ir::Builtin::TableInit { table, element } => (Builtin::TableInit, pair(table, element)),
        ir::Builtin::ElemDrop(element) => (Builtin::ElemDrop, u64::from(element)),
    }
}
