//! Where operators and basic blocks of a function begin.

use wasmparser::{BinaryReader, FunctionBody, Operator};

use crate::info::ModuleInfo;

/// The offsets of a function's operators in the body of the Code section, in order. The index
/// counts imports.
///
/// # Panics
/// If the function is imported or does not exist, or `info` was not made by
/// [`decode`](crate::decode).
#[must_use]
pub fn operator_offsets(info: &ModuleInfo, function: u32) -> Vec<u32> {
    let mut offsets = Vec::new();
    for_each_operator(info, function, |offset, _| offsets.push(offset));
    offsets
}

/// The offsets at which the basic blocks of a function begin, in order: its first operator, what
/// branches lead to and what follows a branch that may not be taken. Operators that no way leads to
/// begin none.
///
/// # Panics
/// As [`operator_offsets`].
#[must_use]
pub fn block_entries(info: &ModuleInfo, function: u32) -> Vec<u32> {
    let mut blocks = Blocks { constructs: vec![Construct::default()], reachable: true };
    let (mut entries, mut begins) = (Vec::new(), true);
    for_each_operator(info, function, |offset, operator| {
        if begins && blocks.reachable {
            entries.push(offset);
        }
        begins = blocks.pass(operator);
    });
    entries
}

#[derive(Clone, Copy, Default)]
struct Construct {
    is_loop: bool,
    is_if: bool,
    /// Whether its start can be reached.
    reachable: bool,
    /// Whether a branch leads to its end.
    branched: bool,
    /// Whether the first arm of an `if` runs to its end.
    first_arm: bool,
}

struct Blocks {
    constructs: Vec<Construct>,
    reachable: bool,
}

impl Blocks {
    /// Goes past an operator. Whether the next one begins a block, if it can be reached.
    fn pass(&mut self, operator: &Operator<'_>) -> bool {
        match operator {
            Operator::Block { .. } => self.open(false, false),
            Operator::Loop { .. } => self.open(true, false),
            Operator::If { .. } => self.open(false, true),
            Operator::Else => {
                let reachable = self.reachable;
                let Some(construct) = self.constructs.last_mut() else { return false };
                construct.first_arm = reachable;
                construct.is_if = false;
                self.reachable = construct.reachable;
                true
            }
            Operator::End => {
                let Some(construct) = self.constructs.pop() else { return false };
                // Without an `else`, the other arm comes to the end at once.
                let joined = construct.branched || construct.first_arm || construct.is_if;
                self.reachable |= construct.reachable && joined;
                joined
            }
            Operator::BrIf { relative_depth } => {
                self.branch(*relative_depth);
                true
            }
            Operator::Br { relative_depth } => {
                self.branch(*relative_depth);
                self.leave()
            }
            Operator::BrTable { targets } => {
                for depth in targets.targets().flatten().chain([targets.default()]) {
                    self.branch(depth);
                }
                self.leave()
            }
            Operator::Return
            | Operator::Unreachable
            | Operator::ReturnCall { .. }
            | Operator::ReturnCallIndirect { .. } => self.leave(),
            _ => false,
        }
    }

    fn open(&mut self, is_loop: bool, is_if: bool) -> bool {
        let reachable = self.reachable;
        self.constructs.push(Construct { is_loop, is_if, reachable, ..Construct::default() });
        is_loop || is_if
    }

    fn branch(&mut self, depth: u32) {
        let target = self.constructs.len().checked_sub(1 + depth as usize);
        if let Some(construct) = target.and_then(|target| self.constructs.get_mut(target))
            && self.reachable
            && !construct.is_loop
        {
            construct.branched = true;
        }
    }

    fn leave(&mut self) -> bool {
        self.reachable = false;
        false
    }
}

fn for_each_operator(info: &ModuleInfo, function: u32, mut each: impl FnMut(u32, &Operator<'_>)) {
    let range = info.bodies[(function - info.imported.functions) as usize].range.clone();
    let reader = BinaryReader::new(&info.bytes[range.clone()], range.start as u64);
    let mut operators = FunctionBody::new(reader).get_operators_reader().expect("bodies were validated");
    while !operators.eof() {
        let offset = operators.original_position() as usize - info.code_start;
        each(offset as u32, &operators.read().expect("bodies were validated"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DecodeOptions, decode};

    /// The names of the operators at which blocks begin.
    fn check(body: &str, expected: &[&str]) {
        let text = format!("(module (func (param i32) (result i32) {body}))");
        let info = decode(wat::parse_str(text).unwrap(), &DecodeOptions::default()).unwrap();
        let (offsets, entries) = (operator_offsets(&info, 0), block_entries(&info, 0));
        assert!(entries.iter().all(|entry| offsets.contains(entry)));
        let mut names = Vec::new();
        for_each_operator(&info, 0, |offset, operator| {
            if entries.contains(&offset) {
                let name = format!("{operator:?}");
                names.push(name.split([' ', '{']).next().unwrap().to_owned());
            }
        });
        assert_eq!(names, expected, "{body}");
    }

    #[test]
    fn blocks_begin_where_control_splits_and_joins() {
        check("i32.const 1", &["I32Const"]);
        check("block nop end nop i32.const 1", &["Block"]);
        check(
            "block local.get 0 br_if 0 nop end i64.const 0 drop i32.const 1",
            &["Block", "Nop", "I64Const"],
        );
        check("loop local.get 0 br_if 0 end f32.const 0 drop i32.const 1", &["Loop", "LocalGet", "End"]);
        check(
            "local.get 0 if nop else unreachable end i32.const 1",
            &["LocalGet", "Nop", "Unreachable", "I32Const"],
        );
        check(
            "local.get 0 if i32.const 2 return end i64.const 0 drop i32.const 1",
            &["LocalGet", "I32Const", "I64Const"],
        );
        check("block br 0 nop end i32.const 1", &["Block", "I32Const"]);
        check("i32.const 1 return nop block nop end i32.const 2", &["I32Const"]);
    }
}
