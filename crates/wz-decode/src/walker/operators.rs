//! The loop over the operators of a body, and everything that is not control.

use wz_api::{FunctionType, ValueType};

use super::{Walker, invalid};
use crate::builder::{Const, FunctionBuilder};
use crate::opcode::Opcode;

impl<B: FunctionBuilder> Walker<'_, B> {
    /// Walks to the end of the function.
    pub(super) fn operators(&mut self) {
        loop {
            let offset = self.reader.position();
            let opcode = self.reader.opcode();
            self.at(offset);
            // After an operator that does not go on to the next, everything up to where
            // control goes on again is read over; `false` if that is nowhere.
            let goes_on = match opcode {
                Opcode::Nop => true,
                Opcode::Block => {
                    self.block();
                    true
                }
                Opcode::Loop => {
                    self.loop_();
                    true
                }
                Opcode::If => {
                    self.if_();
                    true
                }
                Opcode::Else => {
                    self.else_(true);
                    true
                }
                Opcode::End => self.end(true),
                Opcode::Br => {
                    let depth = self.reader.u32();
                    self.br(depth)
                }
                Opcode::BrIf => {
                    let depth = self.reader.u32();
                    self.br_if(depth);
                    true
                }
                Opcode::BrTable => self.br_table(),
                Opcode::Return => self.return_(),
                Opcode::Unreachable => self.unreachable(),
                Opcode::ReturnCall => self.return_call(),
                Opcode::ReturnCallIndirect => self.return_call_indirect(),
                Opcode::Drop => {
                    let value = self.pop();
                    self.builder.drop_values(&[value]);
                    true
                }
                _ => {
                    self.charge();
                    self.straight(opcode);
                    true
                }
            };
            if !goes_on {
                return;
            }
        }
    }

    /// An operator after which control goes on with the next, and that costs something.
    #[inline(always)]
    fn straight(&mut self, opcode: Opcode) {
        match opcode {
            Opcode::LocalGet => {
                let local = self.reader.u32();
                let ty = self.locals[local as usize];
                let value = self.builder.local_get(local, ty);
                self.push(value, ty);
            }
            Opcode::LocalSet => {
                let local = self.reader.u32();
                let value = self.pop();
                self.builder.local_set(local, self.locals[local as usize], value, &mut self.stack);
            }
            Opcode::LocalTee => {
                let local = self.reader.u32();
                let ty = self.locals[local as usize];
                let value = self.pop();
                let value = self.builder.local_tee(local, ty, value, &mut self.stack);
                self.push(value, ty);
            }
            Opcode::GlobalGet => {
                let global = self.reader.u32();
                let ty = self.info.globals[global as usize].value;
                let value = self.builder.global_get(global, ty);
                self.push(value, ty);
            }
            Opcode::GlobalSet => {
                let global = self.reader.u32();
                let value = self.pop();
                self.builder.global_set(global, self.info.globals[global as usize].value, value);
            }
            Opcode::I32Const => {
                let value = Const::I32(self.reader.i32());
                self.constant(value, ValueType::I32);
            }
            Opcode::I64Const => {
                let value = Const::I64(self.reader.i64());
                self.constant(value, ValueType::I64);
            }
            Opcode::F32Const => {
                let value = Const::F32(self.reader.f32());
                self.constant(value, ValueType::F32);
            }
            Opcode::F64Const => {
                let value = Const::F64(self.reader.f64());
                self.constant(value, ValueType::F64);
            }
            Opcode::V128Const => {
                let value = Const::V128(self.reader.v128());
                self.constant(value, ValueType::V128);
            }
            Opcode::Unary(op) => {
                let a = self.pop();
                let result = self.builder.unary(op, a);
                self.push(result, op.result());
            }
            Opcode::Binary(op) => {
                let b = self.pop();
                let a = self.pop();
                let result = self.builder.binary(op, a, b);
                self.push(result, op.result());
            }
            Opcode::Ternary(op) => {
                let c = self.pop();
                let b = self.pop();
                let a = self.pop();
                let result = self.builder.ternary(op, a, b, c);
                self.push(result, op.result());
            }
            Opcode::Select => self.select(),
            Opcode::SelectTyped => {
                // There is always one, and it is known from the operands.
                for _ in 0..self.reader.u32() {
                    self.reader.value_type();
                }
                self.select();
            }
            Opcode::Load(op) => {
                let arg = self.reader.mem_arg();
                let address = self.pop();
                let result = self.builder.load(op, arg, address);
                self.push(result, op.result());
            }
            Opcode::Store(op) => {
                let arg = self.reader.mem_arg();
                let value = self.pop();
                let address = self.pop();
                self.builder.store(op, arg, address, value);
            }
            Opcode::LoadLane(op) => {
                let arg = self.reader.mem_arg();
                let lane = self.reader.byte();
                let vector = self.pop();
                let address = self.pop();
                let result = self.builder.load_lane(op, arg, lane, address, vector);
                self.push(result, op.result());
            }
            Opcode::StoreLane(op) => {
                let arg = self.reader.mem_arg();
                let lane = self.reader.byte();
                let vector = self.pop();
                let address = self.pop();
                self.builder.store_lane(op, arg, lane, address, vector);
            }
            Opcode::ExtractLane(op) => {
                let lane = self.reader.byte();
                let vector = self.pop();
                let result = self.builder.extract_lane(op, lane, vector);
                self.push(result, op.result());
            }
            Opcode::ReplaceLane(op) => {
                let lane = self.reader.byte();
                let value = self.pop();
                let vector = self.pop();
                let result = self.builder.replace_lane(op, lane, vector, value);
                self.push(result, op.result());
            }
            Opcode::Shuffle => {
                let lanes = self.reader.lanes();
                let b = self.pop();
                let a = self.pop();
                let result = self.builder.shuffle(lanes, a, b);
                self.push(result, ValueType::V128);
            }
            Opcode::Call => {
                let function = self.reader.u32();
                let ty: &FunctionType = self.info.function_type(function);
                self.builder.call(function, ty, &mut self.stack);
                self.call_types(ty);
                self.end_segment();
            }
            Opcode::CallIndirect => {
                let type_index = self.reader.u32();
                let table = self.reader.u32();
                let ty: &FunctionType = &self.info.types[type_index as usize];
                let index = self.pop();
                self.builder.call_indirect(table, type_index, ty, index, &mut self.stack);
                self.call_types(ty);
                self.end_segment();
            }
            Opcode::RefNull => {
                let ty = self.reader.value_type();
                let value = self.builder.ref_null(ty);
                self.push(value, ty);
            }
            Opcode::RefIsNull => {
                let value = self.pop();
                let result = self.builder.ref_is_null(value);
                self.push(result, ValueType::I32);
            }
            Opcode::RefFunc => {
                let function = self.reader.u32();
                let value = self.builder.ref_func(function);
                self.push(value, ValueType::FuncRef);
            }
            _ => self.bulk(opcode),
        }
    }

    /// An operator on a memory, table or segment as a whole.
    fn bulk(&mut self, opcode: Opcode) {
        match opcode {
            Opcode::MemorySize => {
                let memory = self.reader.u32();
                let size = self.builder.memory_size(memory);
                self.push(size, self.info.memories[memory as usize].address_type());
            }
            Opcode::MemoryGrow => {
                let memory = self.reader.u32();
                let delta = self.pop();
                let before = self.builder.memory_grow(memory, delta);
                self.push(before, self.info.memories[memory as usize].address_type());
            }
            Opcode::MemoryFill => {
                let memory = self.reader.u32();
                let [to, value, len] = self.pop_three();
                self.builder.memory_fill(memory, to, value, len);
            }
            Opcode::MemoryCopy => {
                let to_memory = self.reader.u32();
                let from_memory = self.reader.u32();
                let [to, from, len] = self.pop_three();
                self.builder.memory_copy(to_memory, from_memory, to, from, len);
            }
            Opcode::MemoryInit => {
                let data = self.reader.u32();
                let memory = self.reader.u32();
                let [to, from, len] = self.pop_three();
                self.builder.memory_init(memory, data, to, from, len);
            }
            Opcode::DataDrop => {
                let data = self.reader.u32();
                self.builder.data_drop(data);
            }
            Opcode::TableGet => {
                let table = self.reader.u32();
                let index = self.pop();
                let value = self.builder.table_get(table, index);
                self.push(value, self.info.tables[table as usize].element);
            }
            Opcode::TableSet => {
                let table = self.reader.u32();
                let value = self.pop();
                let index = self.pop();
                self.builder.table_set(table, index, value);
            }
            Opcode::TableSize => {
                let table = self.reader.u32();
                let size = self.builder.table_size(table);
                self.push(size, self.info.tables[table as usize].address_type());
            }
            Opcode::TableGrow => {
                let table = self.reader.u32();
                let delta = self.pop();
                let init = self.pop();
                let before = self.builder.table_grow(table, init, delta);
                self.push(before, self.info.tables[table as usize].address_type());
            }
            Opcode::TableFill => {
                let table = self.reader.u32();
                let [to, value, len] = self.pop_three();
                self.builder.table_fill(table, to, value, len);
            }
            Opcode::TableCopy => {
                let to_table = self.reader.u32();
                let from_table = self.reader.u32();
                let [to, from, len] = self.pop_three();
                self.builder.table_copy(to_table, from_table, to, from, len);
            }
            Opcode::TableInit => {
                let element = self.reader.u32();
                let table = self.reader.u32();
                let [to, from, len] = self.pop_three();
                self.builder.table_init(table, element, to, from, len);
            }
            Opcode::ElemDrop => {
                let element = self.reader.u32();
                self.builder.elem_drop(element);
            }
            _ => invalid(),
        }
    }

    fn constant(&mut self, value: Const, ty: ValueType) {
        let value = self.builder.constant(value);
        self.push(value, ty);
    }

    fn select(&mut self) {
        let condition = self.pop();
        let b = self.pop();
        let ty = self.types[self.types.len() - 1];
        let a = self.pop();
        let value = self.builder.select(ty, condition, a, b);
        self.push(value, ty);
    }

    /// Three operands in the order in which they were pushed.
    fn pop_three(&mut self) -> [B::Value; 3] {
        let c = self.pop();
        let b = self.pop();
        let a = self.pop();
        [a, b, c]
    }
}
