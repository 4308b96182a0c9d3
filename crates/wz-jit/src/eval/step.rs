//! The evaluation of one instruction after the other.

use wz_api::Trap;
use wz_core::numeric::eval;

use crate::ir::{AccessId, Block, Builtin, CallData, Edge, Function, Inst, Op, Type};

use super::{Machine, Stop};

impl Machine<'_> {
    /// Evaluates until the frame at `outer` returns.
    pub(super) fn evaluate(&mut self, outer: usize) -> Result<Vec<u128>, Stop> {
        loop {
            let frame = &mut self.frames[outer..];
            let Some(frame) = frame.last_mut() else { return Err(Stop::Limit("no frame")) };
            if self.steps == 0 {
                return Err(Stop::Limit("steps"));
            }
            self.steps -= 1;
            let inst = frame.function.block_insts(frame.block)[frame.next];
            frame.next += 1;
            if let Some(results) = self.step(inst, outer)? {
                return Ok(results);
            }
        }
    }

    fn top(&self) -> &super::Frame {
        &self.frames[self.frames.len() - 1]
    }

    fn arg(&self, inst: Inst, number: usize) -> u128 {
        let frame = self.top();
        frame.values[frame.function.args(inst)[number].index()]
    }

    fn args(&self, inst: Inst) -> Vec<u128> {
        let frame = self.top();
        frame.function.args(inst).iter().map(|arg| frame.values[arg.index()]).collect()
    }

    /// An address, index or length: what is above the type's width does not count.
    fn index(&self, inst: Inst, number: usize) -> u64 {
        let frame = self.top();
        let value = frame.function.args(inst)[number];
        let bits = frame.values[value.index()] as u64;
        if frame.function.ty(value) == Type::I32 { bits & u64::from(u32::MAX) } else { bits }
    }

    fn set(&mut self, inst: Inst, bits: u128) {
        let frames = self.frames.len();
        let frame = &mut self.frames[frames - 1];
        if let Some(result) = frame.function.result(inst) {
            frame.values[result.index()] = bits;
        }
    }

    /// Goes on along an edge.
    fn follow(&mut self, edge: Edge) {
        let frames = self.frames.len();
        let frame = &mut self.frames[frames - 1];
        let f = &frame.function;
        let to: Block = f.edge(edge).to;
        let args: Vec<u128> = f.edge_args(edge).iter().map(|arg| frame.values[arg.index()]).collect();
        for (param, arg) in f.params(to).iter().zip(args) {
            frame.values[param.index()] = arg;
        }
        frame.block = to;
        frame.next = 0;
    }

    /// Evaluates an instruction. The results, if the frame at `outer` returns.
    fn step(&mut self, inst: Inst, outer: usize) -> Result<Option<Vec<u128>>, Stop> {
        let op = self.top().function.inst(inst).op;
        match op {
            Op::Nop => {}
            Op::Unary(op) => self.set(inst, eval::unary(op, self.arg(inst, 0))?),
            Op::Binary(op) => self.set(inst, eval::binary(op, self.arg(inst, 0), self.arg(inst, 1))?),
            Op::Ternary(op) => {
                let result = eval::ternary(op, self.arg(inst, 0), self.arg(inst, 1), self.arg(inst, 2))?;
                self.set(inst, result);
            }
            Op::Select => {
                let taken = if self.arg(inst, 0) as u32 != 0 { 1 } else { 2 };
                self.set(inst, self.arg(inst, taken));
            }
            Op::ExtractLane(op, lane) => self.set(inst, eval::extract_lane(op, lane, self.arg(inst, 0))?),
            Op::ReplaceLane(op, lane) => {
                let result = eval::replace_lane(op, lane, self.arg(inst, 0), self.arg(inst, 1))?;
                self.set(inst, result);
            }
            Op::Shuffle(id) => {
                let lanes = self.top().function.shuffles[id.index()];
                self.set(inst, eval::shuffle(lanes, self.arg(inst, 0), self.arg(inst, 1)));
            }
            Op::Load(op, access) => {
                let (memory, start) = self.access(inst, access, op.bytes())?;
                let bytes = &self.memories[memory][start..start + op.bytes() as usize];
                self.set(inst, eval::load(op, bytes));
            }
            Op::Store(op, access) => {
                let (memory, start) = self.access(inst, access, op.bytes())?;
                let bytes = eval::store(op, self.arg(inst, 1));
                self.memories[memory][start..start + bytes.len()].copy_from_slice(&bytes);
            }
            Op::LoadLane(op, lane, access) => {
                let (memory, start) = self.access(inst, access, op.bytes())?;
                let bytes = &self.memories[memory][start..start + op.bytes() as usize];
                self.set(inst, eval::load_lane(op, bytes, lane, self.arg(inst, 1)));
            }
            Op::StoreLane(op, lane, access) => {
                let (memory, start) = self.access(inst, access, op.bytes())?;
                let bytes = eval::store_lane(op, self.arg(inst, 1), lane);
                self.memories[memory][start..start + bytes.len()].copy_from_slice(&bytes);
            }
            Op::GlobalConst(index) | Op::GlobalGet(index) => self.set(inst, self.globals[index as usize]),
            Op::GlobalSet(index) => self.globals[index as usize] = self.arg(inst, 0),
            Op::MemorySize(index) => self.set(inst, (self.memories[index as usize].len() as u128) >> 16),
            Op::TableSize(index) => self.set(inst, self.tables[index as usize].len() as u128),
            Op::TableGet(index) => {
                let element = self.element_at(index, self.index(inst, 0))?;
                self.set(inst, element.into());
            }
            Op::TableSet(index) => {
                let at = self.index(inst, 0);
                self.element_at(index, at)?;
                self.tables[index as usize][at as usize] = self.arg(inst, 1) as u64;
            }
            Op::RefFunc(function) => self.set(inst, u128::from(function) + 1),
            Op::Builtin(id) => self.builtin(inst, self.top().function.builtins[id.index()])?,
            Op::Call(id) => {
                let call = self.top().function.calls[id.index()];
                self.enter(call.target, &self.args(inst), inst)?;
            }
            Op::CallIndirect(id) => {
                let (function, args) = self.indirect(inst, self.top().function.calls[id.index()])?;
                self.enter(function, &args, inst)?;
            }
            Op::Fuel(units) => self.fuel_used += u64::from(units),
            Op::Interrupt => self.interrupt_checks += 1,
            Op::Jump(edge) => self.follow(edge),
            Op::Branch(edge) => {
                let taken = if self.arg(inst, 0) as u32 != 0 { edge } else { edge.next() };
                self.follow(taken);
            }
            Op::Switch(id) => {
                let f = &self.top().function;
                let switch = f.switches[id.index()];
                let targets = &f.switch_targets[switch.targets.range()];
                let index = self.arg(inst, 0) as u32 as usize;
                let target = targets.get(index).copied().unwrap_or(switch.default);
                self.follow(Edge(switch.first_edge.0 + target));
            }
            Op::Return => return Ok(self.leave(self.args(inst), outer)),
            Op::ReturnCall(id) => {
                let call = self.top().function.calls[id.index()];
                self.replace(call.target, &self.args(inst))?;
            }
            Op::ReturnCallIndirect(id) => {
                let (function, args) = self.indirect(inst, self.top().function.calls[id.index()])?;
                self.replace(function, &args)?;
            }
            Op::Trap(trap) => return Err(trap.into()),
        }
        Ok(None)
    }

    /// Returns to the frame below, or out of the evaluation.
    fn leave(&mut self, results: Vec<u128>, outer: usize) -> Option<Vec<u128>> {
        let waiting = self.frames.pop().map_or(Inst::NONE, |frame| frame.waiting);
        if self.frames.len() <= outer {
            return Some(results);
        }
        let frames = self.frames.len();
        let frame = &mut self.frames[frames - 1];
        for (value, result) in frame.function.results(waiting).zip(results) {
            frame.values[value.index()] = result;
        }
        None
    }

    /// Calls a function in place of the one that is under way.
    fn replace(&mut self, function: u32, args: &[u128]) -> Result<(), Stop> {
        let waiting = self.frames.pop().map_or(Inst::NONE, |frame| frame.waiting);
        self.enter(function, args, waiting)
    }

    /// The function that an indirect call is to, and its arguments.
    fn indirect(&mut self, inst: Inst, call: CallData) -> Result<(u32, Vec<u128>), Stop> {
        let mut args = self.args(inst);
        let index = self.index(inst, args.len() - 1);
        args.pop();
        let element = self.element_at(call.target, index)?;
        let function = element.checked_sub(1).ok_or(Trap::InvalidTableAccess)? as u32;
        let expected = &self.info.types[call.type_index as usize];
        if self.info.function_type(function) != expected {
            return Err(Trap::IndirectCallTypeMismatch.into());
        }
        Ok((function, args))
    }

    fn element_at(&self, table: u32, index: u64) -> Result<u64, Trap> {
        self.tables[table as usize].get(index as usize).copied().ok_or(Trap::InvalidTableAccess)
    }

    /// Where an access is: the memory and the first byte.
    fn access(&self, inst: Inst, access: AccessId, bytes: u32) -> Result<(usize, usize), Trap> {
        let f: &Function = &self.top().function;
        let access = f.accesses[access.index()];
        let start = u128::from(self.index(inst, 0)) + u128::from(access.offset);
        let len = self.memories[access.memory as usize].len() as u128;
        if start + u128::from(bytes) > len {
            assert!(access.needs_check(bytes), "{inst} was said to be in bounds");
            return Err(Trap::OutOfBoundsMemoryAccess);
        }
        Ok((access.memory as usize, start as usize))
    }

    fn builtin(&mut self, inst: Inst, builtin: Builtin) -> Result<(), Stop> {
        match builtin {
            Builtin::MemoryGrow(memory) => {
                let before = self.memory_grow(memory, self.index(inst, 0))?;
                self.set(inst, before.into());
            }
            Builtin::MemoryFill(memory) => {
                let (to, len) = (self.index(inst, 0), self.index(inst, 2));
                self.memory_fill(memory, to, self.arg(inst, 1) as u8, len)?;
            }
            Builtin::MemoryCopy { to, from } => {
                let at = [self.index(inst, 0), self.index(inst, 1)];
                self.memory_copy(to, from, at, self.index(inst, 2))?;
            }
            Builtin::MemoryInit { memory, data } => {
                let (to, from) = (self.index(inst, 0), self.index(inst, 1));
                self.memory_init(memory, data, to, from, self.index(inst, 2))?;
            }
            Builtin::DataDrop(data) => self.data_dropped[data as usize] = true,
            Builtin::TableGrow(table) => {
                let before = self.table_grow(table, self.arg(inst, 0) as u64, self.index(inst, 1))?;
                self.set(inst, before.into());
            }
            Builtin::TableFill(table) => {
                let (to, len) = (self.index(inst, 0), self.index(inst, 2));
                self.table_fill(table, to, self.arg(inst, 1) as u64, len)?;
            }
            Builtin::TableCopy { to, from } => {
                let at = [self.index(inst, 0), self.index(inst, 1)];
                self.table_copy(to, from, at, self.index(inst, 2))?;
            }
            Builtin::TableInit { table, element } => {
                let (to, from) = (self.index(inst, 0), self.index(inst, 1));
                self.table_init(table, element, to, from, self.index(inst, 2))?;
            }
            Builtin::ElemDrop(element) => self.elements_dropped[element as usize] = true,
        }
        Ok(())
    }
}
