//! [`dump`]: a function as text, for people and for golden files. Stable: it depends on the
//! function alone.

use std::fmt::{self, Display, Write};

use crate::ir::{Block, Edge, Function, Inst, Op, Type, Value};

/// The text of a function.
#[must_use]
pub fn dump(f: &Function) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    _ = write_function(&mut text, f);
    text
}

fn write_function(out: &mut String, f: &Function) -> fmt::Result {
    writeln!(out, "function {} (type {})", f.index, f.type_index)?;
    for block in &f.layout {
        write_block(out, f, *block)?;
    }
    Ok(())
}

fn write_block(out: &mut String, f: &Function, block: Block) -> fmt::Result {
    write!(out, "{block}")?;
    let params = f.params(block);
    if !params.is_empty() {
        let params = params.iter().map(|param| format!("{param}: {}", f.ty(*param).name()));
        write!(out, "({})", params.collect::<Vec<_>>().join(", "))?;
    }
    out.push(':');
    let data = f.block(block);
    let mut notes = Vec::new();
    if data.flags.loop_header {
        notes.push("loop header".to_owned());
    }
    if data.loop_depth > 0 {
        notes.push(format!("depth {}", data.loop_depth));
    }
    if data.flags.cold {
        notes.push("cold".to_owned());
    }
    if !notes.is_empty() {
        write!(out, "  ; {}", notes.join(", "))?;
    }
    out.push('\n');
    for inst in f.block_insts(block) {
        write!(out, "  ")?;
        write_inst(out, f, *inst)?;
        out.push('\n');
    }
    Ok(())
}

/// Writes an instruction without indentation.
fn write_inst(out: &mut String, f: &Function, inst: Inst) -> fmt::Result {
    let data = f.inst(inst);
    let results: Vec<_> = f.results(inst).map(|value| value.to_string()).collect();
    if !results.is_empty() {
        write!(out, "{} = ", results.join(", "))?;
    }
    write_op(out, f, data.op)?;
    for (number, arg) in f.args(inst).iter().enumerate() {
        write!(out, "{}{}", if number == 0 { " " } else { ", " }, Operand(f, *arg))?;
    }
    match data.op {
        Op::Jump(edge) => write!(out, " {}", Target(f, edge)),
        Op::Branch(edge) => write!(out, ", {}, {}", Target(f, edge), Target(f, edge.next())),
        Op::Switch(id) => {
            let switch = &f.switches[id.index()];
            out.push_str(", [");
            for (number, target) in f.switch_targets[switch.targets.range()].iter().enumerate() {
                let edge = Edge(switch.first_edge.0 + target);
                write!(out, "{}{}", if number == 0 { "" } else { ", " }, Target(f, edge))?;
            }
            write!(out, "], {}", Target(f, Edge(switch.first_edge.0 + switch.default)))
        }
        _ => match data.op.access() {
            Some(access) => {
                let access = &f.accesses[access.index()];
                if access.memory != 0 {
                    write!(out, " memory={}", access.memory)?;
                }
                if access.offset != 0 {
                    write!(out, " offset={}", access.offset)?;
                }
                if access.in_bounds {
                    write!(out, " in_bounds")?;
                } else if access.proven_end != 0 {
                    write!(out, " proven={}", access.proven_end)?;
                }
                Ok(())
            }
            None => Ok(()),
        },
    }
}

fn write_op(out: &mut String, f: &Function, op: Op) -> fmt::Result {
    match op {
        Op::Nop => write!(out, "nop"),
        Op::Unary(op) => write!(out, "{op}"),
        Op::Binary(op) => write!(out, "{op}"),
        Op::Ternary(op) => write!(out, "{op}"),
        Op::Select => write!(out, "select"),
        Op::ExtractLane(op, lane) => write!(out, "{op}[{lane}]"),
        Op::ReplaceLane(op, lane) => write!(out, "{op}[{lane}]"),
        Op::Shuffle(id) => write!(out, "i8x16.shuffle{:?}", f.shuffles[id.index()]),
        Op::Load(op, _) => write!(out, "{op}"),
        Op::Store(op, _) => write!(out, "{op}"),
        Op::LoadLane(op, lane, _) => write!(out, "{op}[{lane}]"),
        Op::StoreLane(op, lane, _) => write!(out, "{op}[{lane}]"),
        Op::GlobalConst(index) => write!(out, "global.const[{index}]"),
        Op::GlobalGet(index) => write!(out, "global.get[{index}]"),
        Op::GlobalSet(index) => write!(out, "global.set[{index}]"),
        Op::MemorySize(index) => write!(out, "memory.size[{index}]"),
        Op::TableSize(index) => write!(out, "table.size[{index}]"),
        Op::TableGet(index) => write!(out, "table.get[{index}]"),
        Op::TableSet(index) => write!(out, "table.set[{index}]"),
        Op::RefFunc(index) => write!(out, "ref.func[{index}]"),
        Op::Builtin(id) => {
            let builtin = f.builtins[id.index()];
            match builtin.statics() {
                (a, None) => write!(out, "{}[{a}]", builtin.name()),
                (a, Some(b)) => write!(out, "{}[{a}, {b}]", builtin.name()),
            }
        }
        Op::Call(id) => write!(out, "call[{}]", f.calls[id.index()].target),
        Op::CallIndirect(id) => write_indirect(out, f, "call_indirect", id),
        Op::Fuel(units) => write!(out, "fuel {units}"),
        Op::Interrupt => write!(out, "interrupt"),
        Op::Probe(id) => write!(out, "probe.{}[{}]", f.probes[id.index()].name(), id.0),
        Op::Jump(_) => write!(out, "jump"),
        Op::Branch(_) => write!(out, "branch"),
        Op::Switch(_) => write!(out, "switch"),
        Op::Return => write!(out, "return"),
        Op::ReturnCall(id) => write!(out, "return_call[{}]", f.calls[id.index()].target),
        Op::ReturnCallIndirect(id) => write_indirect(out, f, "return_call_indirect", id),
        Op::Trap(trap) => write!(out, "trap \"{}\"", trap.message()),
    }
}

fn write_indirect(out: &mut String, f: &Function, name: &str, id: crate::ir::CallId) -> fmt::Result {
    let call = f.calls[id.index()];
    write!(out, "{name}[table {}, type {}]", call.target, call.type_index)
}

/// A value as an operand: a constant stands for itself.
struct Operand<'a>(&'a Function, Value);

impl Display for Operand<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(f, value) = *self;
        let Some(bits) = f.constant(value) else { return write!(out, "{value}") };
        match f.ty(value) {
            Type::I32 => write!(out, "{}", bits as u32 as i32),
            Type::I64 => write!(out, "{}L", bits as u64 as i64),
            Type::F32 => write!(out, "f32:{:#x}", bits as u32),
            Type::F64 => write!(out, "f64:{:#x}", bits as u64),
            Type::V128 => write!(out, "v128:{bits:#x}"),
        }
    }
}

/// The target of an edge with its arguments.
struct Target<'a>(&'a Function, Edge);

impl Display for Target<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(f, edge) = *self;
        write!(out, "{}", f.edge(edge).to)?;
        let args: Vec<_> = f.edge_args(edge).iter().map(|arg| Operand(f, *arg).to_string()).collect();
        if args.is_empty() { Ok(()) } else { write!(out, "({})", args.join(", ")) }
    }
}
