//! Runs toy code: registers and slots hold bits, instructions are performed by the evaluator.

use std::collections::HashMap;

use crate::eval::{Done, Machine, Stop};
use crate::ir::{Function, Op};
use crate::mach::{Label, Reg};

use super::isa::{Perform, ToyAssembler, ToyCode, ToyInst, clobbered};

/// What is in registers and slots that hold nothing.
const GARBAGE: u128 = 0xdead_beef_dead_beef_dead_beef_dead_beef;

struct State(HashMap<Reg, u128>);

impl State {
    fn get(&self, reg: Reg) -> u128 {
        self.0.get(&reg).copied().unwrap_or(GARBAGE)
    }

    fn all(&self, regs: &[Reg]) -> Vec<u128> {
        regs.iter().map(|reg| self.get(*reg)).collect()
    }
}

pub(super) fn run(
    machine: &mut Machine<'_>,
    f: &Function,
    code: &ToyAssembler,
    args: &[u128],
) -> Result<Vec<u128>, Stop> {
    let mut state = State(HashMap::new());
    let mut at = 0;
    let place = |label: Label| code.labels[label.0 as usize].expect("a label that is bound");
    for _ in 0..200_000 {
        let step = &code.code[at];
        at += 1;
        match step {
            ToyCode::Move(from, to) => {
                let bits = state.get(*from);
                state.0.insert(*to, bits);
            }
            ToyCode::Jump(target) => at = place(*target),
            ToyCode::Branch(ToyInst::Branch(inst, args), inverted, target) => {
                let args = state.all(args);
                // A branch that has folded nothing looks at its operand.
                let holds = match f.inst(*inst).op {
                    Op::Branch(_) => args[0] as u32 != 0,
                    _ => machine.perform(f, *inst, &args)? == Done::Value(1),
                };
                if holds != *inverted {
                    at = place(*target);
                }
            }
            ToyCode::Switch(ToyInst::Switch(inst, reg), targets) => {
                let Op::Switch(id) = f.inst(*inst).op else { panic!("not a switch") };
                let Done::Follow(edge) = machine.perform(f, *inst, &[state.get(*reg)])? else {
                    panic!("a switch goes on")
                };
                let number = edge.0 - f.switches[id.index()].first_edge.0;
                at = place(targets[number as usize]);
            }
            ToyCode::Do(ToyInst::Params(params)) => {
                for (number, reg) in params {
                    state.0.insert(*reg, args[*number]);
                }
            }
            ToyCode::Do(ToyInst::Constant(to, bits)) => {
                state.0.insert(*to, *bits);
            }
            ToyCode::Do(ToyInst::Perform(perform)) => do_perform(machine, f, &mut state, perform)?,
            ToyCode::Do(ToyInst::Leave(inst, args)) => {
                return match machine.perform(f, *inst, &state.all(args))? {
                    Done::Return(results) => Ok(results),
                    Done::Leave(function, args) => machine.call(function, &args),
                    other => panic!("leaves by {other:?}"),
                };
            }
            other => panic!("at {at}: {other:?}"),
        }
    }
    Err(Stop::Limit("steps"))
}

fn do_perform(
    machine: &mut Machine<'_>,
    f: &Function,
    state: &mut State,
    perform: &Perform,
) -> Result<(), Stop> {
    let mut args = state.all(&perform.args);
    if let Some((load, number)) = perform.load {
        let Done::Value(bits) = machine.perform(f, load, &[args[number]])? else { panic!("a load loads") };
        args[number] = bits;
    }
    let results = match machine.perform(f, perform.inst, &args)? {
        Done::Nothing => Vec::new(),
        Done::Value(bits) => vec![bits],
        Done::Call(function, args) => machine.call(function, &args)?,
        other => panic!("{other:?} in a block"),
    };
    if perform.is_call {
        for preg in clobbered(&perform.results) {
            state.0.insert(Reg::physical(preg), GARBAGE);
        }
    }
    for (number, reg) in &perform.results {
        state.0.insert(*reg, results[*number]);
    }
    Ok(())
}
