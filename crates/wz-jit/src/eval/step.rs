//! The evaluation of one instruction after the other.

use wz_api::Trap;
use wz_core::numeric::eval;

use crate::ir::{AccessId, Block, Builtin, CallData, Edge, Function, Inst, Op, Type, Value};

use super::{Machine, Stop};

/// What an instruction did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// It gave no result.
    Nothing,
    /// It gave a result.
    Value(u128),
    /// It goes on along an edge.
    Follow(Edge),
    /// It calls a function with arguments.
    Call(u32, Vec<u128>),
    /// It leaves by calling a function with arguments.
    Leave(u32, Vec<u128>),
    /// It returns results.
    Return(Vec<u128>),
}

impl Machine<'_> {
    /// Evaluates until the frame at `outer` returns.
    pub(super) fn evaluate(&mut self, outer: usize) -> Result<Vec<u128>, Stop> {
        let mut args = Vec::new();
        loop {
            if self.steps == 0 {
                return Err(Stop::Limit("steps"));
            }
            self.steps -= 1;
            let top = self.frames.len() - 1;
            let frame = &mut self.frames[top];
            let function = std::rc::Rc::clone(&frame.function);
            let inst = function.block_insts(frame.block)[frame.next];
            frame.next += 1;
            args.clear();
            args.extend(function.args(inst).iter().map(|arg| frame.values[arg.index()]));
            match self.perform(&function, inst, &args)? {
                Done::Nothing => {}
                Done::Value(bits) => {
                    if let Some(result) = function.result(inst) {
                        self.frames[top].values[result.index()] = bits;
                    }
                }
                Done::Follow(edge) => self.follow(&function, edge),
                Done::Call(callee, args) => self.enter(callee, &args, inst)?,
                Done::Leave(callee, args) => {
                    let waiting = self.frames.pop().map_or(Inst::NONE, |frame| frame.waiting);
                    self.enter(callee, &args, waiting)?;
                }
                Done::Return(results) => {
                    let waiting = self.frames.pop().map_or(Inst::NONE, |frame| frame.waiting);
                    if self.frames.len() <= outer {
                        return Ok(results);
                    }
                    let frame = &mut self.frames[top - 1];
                    for (value, result) in frame.function.results(waiting).zip(results) {
                        frame.values[value.index()] = result;
                    }
                }
            }
        }
    }

    /// Goes on along an edge.
    fn follow(&mut self, f: &Function, edge: Edge) {
        let top = self.frames.len() - 1;
        let frame = &mut self.frames[top];
        let to: Block = f.edge(edge).to;
        let args: Vec<u128> = f.edge_args(edge).iter().map(|arg| frame.values[arg.index()]).collect();
        for (param, arg) in f.params(to).iter().zip(args) {
            frame.values[param.index()] = arg;
        }
        frame.block = to;
        frame.next = 0;
    }

    /// Does what an instruction of a function does, apart from control, with operands as bits.
    ///
    /// # Errors
    /// The trap, or what the evaluator does not do.
    pub fn perform(&mut self, f: &Function, inst: Inst, args: &[u128]) -> Result<Done, Stop> {
        // An address, index or length: what is above the type's width does not count.
        let index = |number: usize| {
            let value: Value = f.args(inst)[number];
            let bits = args[number] as u64;
            if f.ty(value) == Type::I32 { bits & u64::from(u32::MAX) } else { bits }
        };
        let op = f.inst(inst).op;
        Ok(match op {
            Op::Nop => Done::Nothing,
            Op::Unary(op) => Done::Value(eval::unary(op, args[0])?),
            Op::Binary(op) => Done::Value(eval::binary(op, args[0], args[1])?),
            Op::Ternary(op) => Done::Value(eval::ternary(op, args[0], args[1], args[2])?),
            Op::Select => Done::Value(if args[0] as u32 != 0 { args[1] } else { args[2] }),
            Op::ExtractLane(op, lane) => Done::Value(eval::extract_lane(op, lane, args[0])?),
            Op::ReplaceLane(op, lane) => Done::Value(eval::replace_lane(op, lane, args[0], args[1])?),
            Op::Shuffle(id) => Done::Value(eval::shuffle(f.shuffles[id.index()], args[0], args[1])),
            Op::Load(op, access) => {
                let (memory, start) = self.access(f, access, index(0), op.bytes())?;
                Done::Value(eval::load(op, &self.memories[memory][start..start + op.bytes() as usize]))
            }
            Op::Store(op, access) => {
                let (memory, start) = self.access(f, access, index(0), op.bytes())?;
                let bytes = eval::store(op, args[1]);
                self.memories[memory][start..start + bytes.len()].copy_from_slice(&bytes);
                Done::Nothing
            }
            Op::LoadLane(op, lane, access) => {
                let (memory, start) = self.access(f, access, index(0), op.bytes())?;
                let bytes = &self.memories[memory][start..start + op.bytes() as usize];
                Done::Value(eval::load_lane(op, bytes, lane, args[1]))
            }
            Op::StoreLane(op, lane, access) => {
                let (memory, start) = self.access(f, access, index(0), op.bytes())?;
                let bytes = eval::store_lane(op, args[1], lane);
                self.memories[memory][start..start + bytes.len()].copy_from_slice(&bytes);
                Done::Nothing
            }
            Op::GlobalConst(global) | Op::GlobalGet(global) => Done::Value(self.globals[global as usize]),
            Op::GlobalSet(global) => {
                self.globals[global as usize] = args[0];
                Done::Nothing
            }
            Op::MemorySize(memory) => Done::Value(self.memories[memory as usize].len() as u128 >> 16),
            Op::TableSize(table) => Done::Value(self.tables[table as usize].len() as u128),
            Op::TableGet(table) => Done::Value(self.element_at(table, index(0))?.into()),
            Op::TableSet(table) => {
                self.element_at(table, index(0))?;
                self.tables[table as usize][index(0) as usize] = args[1] as u64;
                Done::Nothing
            }
            Op::RefFunc(function) => Done::Value(u128::from(function) + 1),
            Op::Builtin(id) => self.builtin(f.builtins[id.index()], args, &index)?,
            Op::Call(id) => Done::Call(f.calls[id.index()].target, args.to_vec()),
            Op::CallIndirect(id) => {
                let last = args.len() - 1;
                Done::Call(self.indirect(f.calls[id.index()], index(last))?, args[..last].to_vec())
            }
            Op::Fuel(units) => {
                self.fuel_used += u64::from(units);
                Done::Nothing
            }
            Op::Interrupt => {
                self.interrupt_checks += 1;
                Done::Nothing
            }
            Op::Probe(id) => {
                self.fired.push(f.probes[id.index()]);
                Done::Nothing
            }
            Op::Jump(edge) => Done::Follow(edge),
            Op::Branch(edge) => Done::Follow(if args[0] as u32 != 0 { edge } else { edge.next() }),
            Op::Switch(id) => {
                let switch = f.switches[id.index()];
                let targets = &f.switch_targets[switch.targets.range()];
                let target = targets.get(args[0] as u32 as usize).copied().unwrap_or(switch.default);
                Done::Follow(Edge(switch.first_edge.0 + target))
            }
            Op::Return => Done::Return(args.to_vec()),
            Op::ReturnCall(id) => Done::Leave(f.calls[id.index()].target, args.to_vec()),
            Op::ReturnCallIndirect(id) => {
                let last = args.len() - 1;
                Done::Leave(self.indirect(f.calls[id.index()], index(last))?, args[..last].to_vec())
            }
            Op::Trap(trap) => return Err(trap.into()),
        })
    }

    /// The function that an indirect call is to.
    fn indirect(&self, call: CallData, index: u64) -> Result<u32, Trap> {
        let element = self.element_at(call.target, index)?;
        let function = element.checked_sub(1).ok_or(Trap::InvalidTableAccess)? as u32;
        let expected = &self.info.types[call.type_index as usize];
        if self.info.function_type(function) == expected {
            Ok(function)
        } else {
            Err(Trap::IndirectCallTypeMismatch)
        }
    }

    fn element_at(&self, table: u32, index: u64) -> Result<u64, Trap> {
        self.tables[table as usize].get(index as usize).copied().ok_or(Trap::InvalidTableAccess)
    }

    /// Where an access is: the memory and the first byte.
    fn access(&self, f: &Function, access: AccessId, index: u64, bytes: u32) -> Result<(usize, usize), Trap> {
        let access = f.accesses[access.index()];
        let start = u128::from(index) + u128::from(access.offset);
        let len = self.memories[access.memory as usize].len() as u128;
        if start + u128::from(bytes) > len {
            assert!(access.needs_check(bytes), "{access:?} was said to be in bounds");
            return Err(Trap::OutOfBoundsMemoryAccess);
        }
        Ok((access.memory as usize, start as usize))
    }

    fn builtin(
        &mut self,
        builtin: Builtin,
        args: &[u128],
        index: &dyn Fn(usize) -> u64,
    ) -> Result<Done, Stop> {
        match builtin {
            Builtin::MemoryGrow(memory) => {
                return Ok(Done::Value(self.memory_grow(memory, index(0))?.into()));
            }
            Builtin::TableGrow(table) => {
                return Ok(Done::Value(self.table_grow(table, args[0] as u64, index(1))?.into()));
            }
            Builtin::MemoryFill(memory) => self.memory_fill(memory, index(0), args[1] as u8, index(2))?,
            Builtin::MemoryCopy { to, from } => self.memory_copy(to, from, [index(0), index(1)], index(2))?,
            Builtin::MemoryInit { memory, data } => {
                self.memory_init(memory, data, index(0), index(1), index(2))?;
            }
            Builtin::DataDrop(data) => self.data_dropped[data as usize] = true,
            Builtin::TableFill(table) => self.table_fill(table, index(0), args[1] as u64, index(2))?,
            Builtin::TableCopy { to, from } => self.table_copy(to, from, [index(0), index(1)], index(2))?,
            Builtin::TableInit { table, element } => {
                self.table_init(table, element, index(0), index(1), index(2))?;
            }
            Builtin::ElemDrop(element) => self.elements_dropped[element as usize] = true,
        }
        Ok(Done::Nothing)
    }
}
