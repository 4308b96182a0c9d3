//! Bytecode as text: one line per instruction, with its position, name and operands. `a` is an
//! accumulator, `s` a slot, `v` a vector's first slot; results are left of the arrow.

use std::collections::BTreeSet;
use std::fmt::Write;

use wz_core::{CodeLine, CodeListing};

use super::emitter::Traced;
use super::function::Finished;
use crate::exec::op::{Field, Op};

/// Reads an instruction's operands.
struct Operands<'a> {
    words: &'a [u64],
    position: usize,
}

impl Operands<'_> {
    fn bytes<const N: usize>(&self, offset: usize) -> [u8; N] {
        let word = self.words[self.position + offset / 8].to_ne_bytes();
        std::array::from_fn(|index| word[offset % 8 + index])
    }

    fn u16(&self, field: u8) -> u16 {
        u16::from_ne_bytes(self.bytes(8 + 2 * usize::from(field)))
    }

    fn u32(&self, half: u8) -> u32 {
        u32::from_ne_bytes(self.bytes(4 * usize::from(half)))
    }

    fn target(&self, half: u8) -> usize {
        self.position.wrapping_add_signed(self.u32(half) as i32 as isize)
    }

    /// Whether it is a result, and its text.
    fn text(&self, field: Field) -> Option<(bool, String)> {
        Some(match field {
            Field::None => return None,
            Field::ToAcc => (true, "a".into()),
            Field::ToSlot(field) => (true, format!("s{}", self.u16(field))),
            Field::ToVector(field) => (true, format!("v{}", self.u16(field))),
            Field::ToFarSlot(half) => (true, format!("s{}", self.u32(half))),
            Field::Acc => (false, "a".into()),
            Field::Slot(field) => (false, format!("s{}", self.u16(field))),
            Field::Vector(field) => (false, format!("v{}", self.u16(field))),
            Field::FarSlot(half) => (false, format!("s{}", self.u32(half))),
            Field::Small(field) => (false, format!("{}", self.u16(field) as i16)),
            Field::Number(half) => (false, format!("{}", self.u32(half) as i32)),
            Field::Word(word) => (false, format!("{:#x}", self.words[self.position + usize::from(word)])),
            Field::Target(half) => (false, format!("->{}", self.target(half))),
        })
    }
}

fn targets(words: &[u64], position: u32, op: &Op) -> Vec<usize> {
    let operands = Operands { words, position: position as usize };
    let mut targets: Vec<usize> = op
        .fields
        .iter()
        .filter_map(|field| match field {
            Field::Target(half) => Some(operands.target(*half)),
            _ => None,
        })
        .collect();
    if op.name == "br_table" {
        for entry in 0..=operands.u32(3) as usize {
            let entry = Operands { words, position: position as usize + 1 + entry };
            targets.push(entry.target(3));
        }
    }
    targets
}

/// The instructions of a function as text.
pub(super) fn listing(finished: &Finished) -> CodeListing {
    let words = finished.code.words();
    let labels: BTreeSet<usize> =
        finished.trace.iter().flat_map(|traced| targets(words, traced.position, traced.op)).collect();
    let lines = finished.trace.iter().enumerate().map(|(index, traced)| {
        let next = finished.trace.get(index + 1).map_or(words.len(), |next| next.position as usize);
        CodeLine {
            address: u64::from(traced.position),
            code_offset: Some(traced.code_offset),
            is_target: labels.contains(&(traced.position as usize)),
            bytes: Vec::new(),
            text: instruction(words, traced, next),
        }
    });
    CodeListing {
        language: "bytecode",
        summary: format!("function {} frame {}", finished.code.function, words[0] / 8),
        lines: lines.collect(),
    }
}

/// The text of a function.
pub(super) fn dump(finished: &Finished) -> String {
    let listing = listing(finished);
    let mut text = listing.summary + "\n";
    for line in &listing.lines {
        let mark = if line.is_target { ':' } else { ' ' };
        let _ = writeln!(text, "{:5}{mark} {}", line.address, line.text);
    }
    text
}

/// An instruction that ends at `next`.
fn instruction(words: &[u64], traced: &Traced, next: usize) -> String {
    let Traced { position, op, .. } = *traced;
    let targets = if op.name == "br_table" { targets(words, position, op) } else { Vec::new() };
    let end = position as usize + usize::from(op.words) + targets.len();
    assert_eq!(end, next, "{} is of another length", op.name);
    let operands = Operands { words, position: position as usize };
    let fields: Vec<_> = op.fields.iter().filter_map(|field| operands.text(*field)).collect();
    let part = |result| {
        let texts: Vec<_> =
            fields.iter().filter(|field| field.0 == result).map(|field| field.1.as_str()).collect();
        texts.join(", ")
    };
    let (results, inputs) = (part(true), part(false));
    let arrow = if results.is_empty() { "" } else { " <- " };
    let prefix = match op.fields {
        [_, _, Field::Target(_), ..] => "br_if ",
        [_, _, _, Field::Target(_), ..] => "step ",
        [Field::ToAcc | Field::ToSlot(_), _, _, Field::Slot(_), Field::Slot(_), _] => "select ",
        _ => "",
    };
    let space = if inputs.is_empty() { "" } else { " " };
    let mut text = format!("{results}{arrow}{prefix}{}{space}{inputs}", op.name);
    for target in targets {
        let _ = write!(text, " ->{target}");
    }
    text
}
