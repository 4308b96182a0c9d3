//! The types of operands and results, by operator.

use crate::ir::{Builtin, Inst, Op, Type, Value};

use super::{Verifier, ensure};

impl Verifier<'_> {
    /// Operands and results have the types that the operator wants.
    pub(super) fn types(&self, inst: Inst) -> Result<(), String> {
        let f = self.f;
        let args = f.args(inst);
        let of = |types: &[wz_api::ValueType]| types.iter().map(|ty| Type::of(*ty)).collect::<Vec<_>>();
        let memory = |memory: u32| Type::of(self.info.memories[memory as usize].address_type());
        let address = |access: crate::ir::AccessId| memory(f.accesses[access.index()].memory);
        let table = |table: u32| Type::of(self.info.tables[table as usize].address_type());
        let global = |global: u32| Type::of(self.info.globals[global as usize].value);
        let signature = |call: crate::ir::CallId| &self.info.types[f.calls[call.index()].type_index as usize];
        let own = &self.info.types[f.type_index as usize];
        let mut results = Vec::new();
        match f.inst(inst).op {
            Op::Nop => {}
            Op::Unary(op) => {
                self.expect(args, &of(op.params()))?;
                results.push(Type::of(op.result()));
            }
            Op::Binary(op) => {
                self.expect(args, &of(op.params()))?;
                results.push(Type::of(op.result()));
            }
            Op::Ternary(op) => {
                self.expect(args, &of(op.params()))?;
                results.push(Type::of(op.result()));
            }
            Op::Select => {
                ensure!(args.len() == 3, "select takes three operands");
                self.expect(args, &[Type::I32, f.ty(args[1]), f.ty(args[1])])?;
                results.push(f.ty(args[1]));
            }
            Op::ExtractLane(op, lane) => {
                ensure!(lane < op.lanes(), "lane {lane}");
                self.expect(args, &of(op.params()))?;
                results.push(Type::of(op.result()));
            }
            Op::ReplaceLane(op, lane) => {
                ensure!(lane < op.lanes(), "lane {lane}");
                self.expect(args, &of(op.params()))?;
                results.push(Type::V128);
            }
            Op::Shuffle(_) => {
                self.expect(args, &[Type::V128, Type::V128])?;
                results.push(Type::V128);
            }
            Op::Load(op, access) => {
                self.expect(args, &[address(access)])?;
                results.push(Type::of(op.result()));
            }
            Op::Store(op, access) => self.expect(args, &[address(access), Type::of(op.value())])?,
            Op::LoadLane(_, _, access) => {
                self.expect(args, &[address(access), Type::V128])?;
                results.push(Type::V128);
            }
            Op::StoreLane(_, _, access) => self.expect(args, &[address(access), Type::V128])?,
            Op::GlobalConst(index) => {
                ensure!(!self.info.globals[index as usize].mutable, "global {index} is mutable");
                self.expect(args, &[])?;
                results.push(global(index));
            }
            Op::GlobalGet(index) => {
                self.expect(args, &[])?;
                results.push(global(index));
            }
            Op::GlobalSet(index) => self.expect(args, &[global(index)])?,
            Op::MemorySize(index) => {
                self.expect(args, &[])?;
                results.push(memory(index));
            }
            Op::TableSize(index) => {
                self.expect(args, &[])?;
                results.push(table(index));
            }
            Op::TableGet(index) => {
                self.expect(args, &[table(index)])?;
                results.push(Type::I64);
            }
            Op::TableSet(index) => self.expect(args, &[table(index), Type::I64])?,
            Op::RefFunc(_) => {
                self.expect(args, &[])?;
                results.push(Type::I64);
            }
            Op::Builtin(id) => self.builtin_types(f.builtins[id.index()], args, &mut results)?,
            Op::Call(call) => {
                self.expect(args, &of(signature(call).params()))?;
                results = of(signature(call).results());
            }
            Op::CallIndirect(call) => {
                let mut types = of(signature(call).params());
                types.push(table(f.calls[call.index()].target));
                self.expect(args, &types)?;
                results = of(signature(call).results());
            }
            Op::Fuel(_) | Op::Interrupt | Op::Jump(_) | Op::Trap(_) => self.expect(args, &[])?,
            Op::Probe(id) => {
                ensure!(id.index() < f.probes.len(), "{id} is no probe");
                self.expect(args, &[])?;
            }
            Op::Branch(_) | Op::Switch(_) => self.expect(args, &[Type::I32])?,
            Op::Return => self.expect(args, &of(own.results()))?,
            Op::ReturnCall(call) => {
                self.expect(args, &of(signature(call).params()))?;
                ensure!(signature(call).results() == own.results(), "leaves with other results");
            }
            Op::ReturnCallIndirect(call) => {
                let mut types = of(signature(call).params());
                types.push(table(f.calls[call.index()].target));
                self.expect(args, &types)?;
                ensure!(signature(call).results() == own.results(), "leaves with other results");
            }
        }
        let given = f.results(inst).map(|value| f.ty(value));
        ensure!(given.eq(results.iter().copied()), "results are not {results:?}");
        Ok(())
    }

    fn builtin_types(&self, builtin: Builtin, args: &[Value], results: &mut Vec<Type>) -> Result<(), String> {
        let memory = |memory: u32| Type::of(self.info.memories[memory as usize].address_type());
        let table = |table: u32| Type::of(self.info.tables[table as usize].address_type());
        let least = |a: Type, b: Type| if a == Type::I64 { b } else { a };
        match builtin {
            Builtin::MemoryGrow(index) => {
                results.push(memory(index));
                self.expect(args, &[memory(index)])
            }
            Builtin::MemoryFill(index) => self.expect(args, &[memory(index), Type::I32, memory(index)]),
            Builtin::MemoryCopy { to, from } => {
                let (to, from) = (memory(to), memory(from));
                self.expect(args, &[to, from, least(to, from)])
            }
            Builtin::MemoryInit { memory: index, .. } => {
                self.expect(args, &[memory(index), Type::I32, Type::I32])
            }
            Builtin::TableGrow(index) => {
                results.push(table(index));
                self.expect(args, &[Type::I64, table(index)])
            }
            Builtin::TableFill(index) => self.expect(args, &[table(index), Type::I64, table(index)]),
            Builtin::TableCopy { to, from } => {
                let (to, from) = (table(to), table(from));
                self.expect(args, &[to, from, least(to, from)])
            }
            Builtin::TableInit { table: index, .. } => {
                self.expect(args, &[table(index), Type::I32, Type::I32])
            }
            Builtin::DataDrop(_) | Builtin::ElemDrop(_) => self.expect(args, &[]),
        }
    }
}
