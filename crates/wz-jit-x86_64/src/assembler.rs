//! [`Assembler`]: what code is assembled into, by `dynasm!` or by [`encode`](crate::encode).
//! Nothing assembled here can fail to be finished: labels are bound and within reach.
//! [`FunctionAssembler`]: the same for functions, with what comes after their code.

use dynasmrt::components::LabelRegistry;
use dynasmrt::relocations::{Relocation as _, RelocationKind};
use dynasmrt::x64::X64Relocation;
use dynasmrt::{AssemblyOffset, DynamicLabel, DynasmApi, DynasmLabelApi};
use wz_jit::ir::SwitchId;
use wz_jit::mach::Label;

use crate::frame::Frame;
use crate::int::Size;

/// An assembler for x86-64.
#[derive(Debug, Default)]
pub struct Assembler {
    bytes: Vec<u8>,
    /// Makes labels; where they are is in `positions`.
    registry: LabelRegistry,
    positions: Vec<u32>,
    /// The labels that are bound, in the order of their positions.
    bound: Vec<u32>,
    fixups: Vec<Fixup>,
    /// Local labels by name: where each was bound last, and what refers to the next one of a name.
    locals: Vec<(&'static str, u32)>,
    forward: Vec<(&'static str, Fixup)>,
}

/// A place to write the distance of a label to.
#[derive(Clone, Copy, Debug)]
struct Fixup {
    at: u32,
    bytes: u8,
    label: u32,
    /// Added to the label's position.
    add: i32,
}

/// The position of a label that is not bound.
const UNBOUND: u32 = u32::MAX;

/// An empty assembler.
pub(crate) fn new() -> Assembler {
    Assembler::default()
}

/// How many bytes have been assembled.
#[inline]
pub(crate) fn len_bytes(ops: &Assembler) -> u32 {
    ops.bytes.len() as u32
}

/// The bytes.
pub(crate) fn finish(ops: Assembler) -> Vec<u8> {
    ops.finish()
}

impl Assembler {
    /// The bytes.
    ///
    /// # Panics
    /// If a label that is referred to is not bound, or a short jump does not reach it.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        assert!(self.forward.is_empty(), "local labels are bound");
        for fixup in std::mem::take(&mut self.fixups) {
            let target = self.positions[fixup.label as usize];
            assert!(target != UNBOUND, "labels that are referred to are bound");
            self.patch(fixup, target);
        }
        self.bytes
    }

    /// A new label. It can be used in `dynasm!` as `=>label`.
    pub fn new_dynamic_label(&mut self) -> DynamicLabel {
        self.positions.push(UNBOUND);
        self.registry.new_dynamic_label()
    }

    /// Where a label is, if it is bound.
    #[inline]
    pub(crate) fn position(&self, label: u32) -> Option<u32> {
        Some(self.positions[label as usize]).filter(|position| *position != UNBOUND)
    }

    /// Binds a label.
    #[inline]
    fn bind(&mut self, label: u32) {
        debug_assert_eq!(self.positions[label as usize], UNBOUND, "a label is bound once");
        self.positions[label as usize] = self.bytes.len() as u32;
        self.bound.push(label);
    }

    /// Moves what begins at `start` or later by as many bytes as these have, which are put there. False,
    /// with nothing moved, if a short jump would not reach its target any more.
    fn insert(&mut self, start: u32, bytes: &[u8]) -> bool {
        // Short jumps lead back, and are the only ones that may not reach.
        debug_assert!(self.forward.is_empty(), "local labels are bound where they are used");
        let len = bytes.len() as u32;
        let first_fixup = self.fixups.partition_point(|fixup| fixup.at < start);
        let reaches = self.fixups[first_fixup..].iter().filter(|fixup| fixup.bytes == 1).all(|fixup| {
            let target = self.positions[fixup.label as usize];
            target >= start || i8::try_from((target as i32).wrapping_add(fixup.add - len as i32)).is_ok()
        });
        if !reaches {
            return false;
        }
        for fixup in &mut self.fixups[first_fixup..] {
            fixup.at += len;
            fixup.add -= len as i32;
        }
        for label in self.bound.iter().rev() {
            let position = &mut self.positions[*label as usize];
            if *position < start {
                break;
            }
            *position += len;
        }
        self.locals.clear();
        self.bytes.splice(start as usize..start as usize, bytes.iter().copied());
        true
    }

    /// The bytes so far.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The same, to be changed where no label refers to them.
    pub(crate) fn bytes_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Adds bytes.
    #[inline]
    pub(crate) fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Adds 32 bits that are to be the distance of a label from a place `from` after them.
    #[inline]
    pub(crate) fn put_distance(&mut self, label: u32, from: i32) {
        let at = self.bytes.len() as u32;
        self.bytes.extend_from_slice(&[0; 4]);
        self.fixups.push(Fixup { at, bytes: 4, label, add: -(at as i32 + 4 + from) });
    }

    /// Adds a byte that is the distance of a label, which is bound, from the place after it.
    #[inline]
    pub(crate) fn put_short_distance(&mut self, label: u32, distance: i8) {
        let at = self.bytes.len() as u32;
        self.bytes.extend_from_slice(&distance.to_le_bytes());
        // Code may still be put between.
        self.fixups.push(Fixup { at, bytes: 1, label, add: -(at as i32 + 1) });
    }

    /// Writes the distance from `from` to here into the byte before `from`.
    pub(crate) fn set_short_distance(&mut self, from: u32) {
        let distance = self.bytes.len() as u32 - from;
        self.bytes[from as usize - 1] = u8::try_from(distance)
            .ok()
            .filter(|distance| *distance < 128)
            .expect("a short jump reaches its target");
    }

    fn patch(&mut self, fixup: Fixup, target: u32) {
        let value = (target as i32).wrapping_add(fixup.add);
        let at = fixup.at as usize;
        if fixup.bytes == 1 {
            let short = i8::try_from(value).expect("a short jump reaches its target");
            self.bytes[at] = short.to_le_bytes()[0];
        } else {
            self.bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
    }

    fn fixup(
        &self,
        target_offset: isize,
        field_offset: u8,
        ref_offset: u8,
        kind: X64Relocation,
        label: u32,
    ) -> Fixup {
        debug_assert!(matches!(kind.kind(), RelocationKind::Relative), "code may be placed anywhere");
        let here = self.bytes.len() as u32;
        let from = (here - u32::from(ref_offset)) as i32;
        Fixup {
            at: here - u32::from(field_offset),
            bytes: kind.size() as u8,
            label,
            add: target_offset as i32 - from,
        }
    }
}

impl Extend<u8> for Assembler {
    #[inline]
    fn extend<T: IntoIterator<Item = u8>>(&mut self, bytes: T) {
        self.bytes.extend(bytes);
    }
}

impl<'a> Extend<&'a u8> for Assembler {
    #[inline]
    fn extend<T: IntoIterator<Item = &'a u8>>(&mut self, bytes: T) {
        self.bytes.extend(bytes);
    }
}

impl DynasmApi for Assembler {
    #[inline]
    fn offset(&self) -> AssemblyOffset {
        AssemblyOffset(self.bytes.len())
    }

    #[inline]
    fn push(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    fn align(&mut self, alignment: usize, with: u8) {
        self.bytes.resize(self.bytes.len().next_multiple_of(alignment), with);
    }
}

impl DynasmLabelApi for Assembler {
    type Relocation = X64Relocation;

    fn local_label(&mut self, name: &'static str) {
        let here = self.bytes.len() as u32;
        let mut index = 0;
        while index < self.forward.len() {
            if self.forward[index].0 == name {
                let (_, fixup) = self.forward.swap_remove(index);
                self.patch(fixup, here);
            } else {
                index += 1;
            }
        }
        match self.locals.iter_mut().find(|(known, _)| *known == name) {
            Some((_, position)) => *position = here,
            None => self.locals.push((name, here)),
        }
    }

    fn global_label(&mut self, name: &'static str) {
        panic!("there are no global labels such as {name}");
    }

    fn dynamic_label(&mut self, id: DynamicLabel) {
        self.bind(id.get_id() as u32);
    }

    fn forward_relocation(
        &mut self,
        name: &'static str,
        target_offset: isize,
        field_offset: u8,
        ref_offset: u8,
        kind: X64Relocation,
    ) {
        let fixup = self.fixup(target_offset, field_offset, ref_offset, kind, 0);
        self.forward.push((name, fixup));
    }

    fn backward_relocation(
        &mut self,
        name: &'static str,
        target_offset: isize,
        field_offset: u8,
        ref_offset: u8,
        kind: X64Relocation,
    ) {
        let fixup = self.fixup(target_offset, field_offset, ref_offset, kind, 0);
        let bound = self.locals.iter().find(|(known, _)| *known == name);
        let (_, target) = *bound.expect("a local label that is referred to backward is bound");
        self.patch(fixup, target);
    }

    fn global_relocation(&mut self, name: &'static str, _: isize, _: u8, _: u8, _: X64Relocation) {
        panic!("there are no global labels such as {name}");
    }

    fn dynamic_relocation(
        &mut self,
        id: DynamicLabel,
        target_offset: isize,
        field_offset: u8,
        ref_offset: u8,
        kind: X64Relocation,
    ) {
        let fixup = self.fixup(target_offset, field_offset, ref_offset, kind, id.get_id() as u32);
        self.fixups.push(fixup);
    }

    fn value_relocation(&mut self, value: usize, _: u8, _: u8, _: X64Relocation) {
        panic!("code may be placed anywhere, so that it cannot refer to {value:#x}");
    }
}

/// What functions are assembled into: with labels by number, and with constants and tables that
/// come after the code.
#[derive(Debug, Default)]
pub struct FunctionAssembler {
    /// The code.
    pub ops: Assembler,
    /// The frame of the function.
    pub frame: Frame,
    /// The constants, and the label of each.
    constants: Vec<(u128, DynamicLabel)>,
    /// The labels by number.
    labels: Vec<DynamicLabel>,
    /// Of which register the flags say whether it is zero, as long as the code ends at the offset.
    flags: Option<(Size, u8, u32)>,
    /// The branch tables: which one, what labels the edges of the terminator have, and the label of
    /// the table.
    pub(crate) tables: Vec<(SwitchId, Vec<Label>, DynamicLabel)>,
    /// What is out of line: [`emit_out_of_line`](crate::call::emit_out_of_line).
    pub(crate) out_of_line: Vec<crate::call::OutOfLine>,
}

impl FunctionAssembler {
    /// The label of a constant of 16 bytes, 16-byte aligned, after the code: `[=>label]`.
    pub fn constant(&mut self, bits: u128) -> DynamicLabel {
        if let Some((_, label)) = self.constants.iter().find(|(known, _)| *known == bits) {
            return *label;
        }
        let label = self.ops.new_dynamic_label();
        self.constants.push((bits, label));
        label
    }

    /// The instruction that was just encoded has written a register, and has set the flag for zero
    /// accordingly.
    pub(crate) fn note_flags(&mut self, size: Size, register: u8) {
        self.flags = Some((size, register, len_bytes(&self.ops)));
    }

    /// Whether the flag for zero is that of a register.
    pub(crate) fn flags_are_of(&self, size: Size, register: u8) -> bool {
        self.flags == Some((size, register, len_bytes(&self.ops)))
    }

    /// A move into a register is encoded, from an offset on, which changes no flags.
    pub(crate) fn note_move(&mut self, start: u32, to: Option<u8>) {
        if let Some((_, register, end)) = &mut self.flags
            && *end == start
            && to != Some(*register)
        {
            *end = len_bytes(&self.ops);
        }
    }

    /// A label as `dynasm!` takes it: `=>label`.
    #[must_use]
    pub fn label(&self, label: Label) -> DynamicLabel {
        self.labels[label.0 as usize]
    }

    /// Binds a label of `dynasm!`.
    pub(crate) fn bind_dynamic(&mut self, label: DynamicLabel) {
        self.ops.dynamic_label(label);
    }

    /// Assembles the constants.
    pub(crate) fn put_constants(&mut self) {
        if self.constants.is_empty() {
            return;
        }
        self.ops.align(16, 0xcc);
        for (bits, label) in std::mem::take(&mut self.constants) {
            self.ops.dynamic_label(label);
            self.ops.put(&bits.to_le_bytes());
        }
    }
}

impl wz_jit::mach::Assembler for FunctionAssembler {
    #[inline]
    fn offset(&self) -> u32 {
        len_bytes(&self.ops)
    }

    fn new_label(&mut self) -> Label {
        self.labels.push(self.ops.new_dynamic_label());
        Label(self.labels.len() as u32 - 1)
    }

    fn bind(&mut self, label: Label) {
        self.flags = None;
        self.ops.dynamic_label(self.labels[label.0 as usize]);
    }

    fn insert_padding(&mut self, start: u32, len: u32) -> bool {
        self.flags = None;
        let mut nops = new();
        nops.nops(len as usize);
        self.ops.insert(start, nops.bytes())
    }
}

#[cfg(test)]
mod tests {
    use dynasmrt::DynasmLabelApi;
    use iced_x86::{Decoder, DecoderOptions, Instruction, Mnemonic};
    use wz_jit::mach::Assembler as _;

    use super::*;

    /// Jumps that lead back over a place, forward over it, and on both sides of it.
    fn assemble(between: usize, padding: u32) -> (bool, Vec<u8>) {
        let mut assembler = FunctionAssembler::default();
        let [outer, inner, end] = [(); 3].map(|()| assembler.ops.new_dynamic_label());
        assembler.ops.dynamic_label(outer);
        assembler.ops.jump(end);
        assembler.ops.nops(between);
        let start = len_bytes(&assembler.ops);
        assembler.ops.dynamic_label(inner);
        assembler.ops.nops(3);
        assembler.ops.jump(outer);
        assembler.ops.jump(inner);
        let inserted = padding > 0 && assembler.insert_padding(start, padding);
        assembler.ops.dynamic_label(end);
        assembler.ops.jump(inner);
        (inserted, finish(assembler.ops))
    }

    /// The number of nops and the targets of jumps, by instruction.
    fn jumps(code: &[u8]) -> Vec<(usize, u64)> {
        let all: Vec<Instruction> = Decoder::with_ip(64, code, 0, DecoderOptions::NONE).into_iter().collect();
        assert!(all.iter().all(|one| matches!(one.mnemonic(), Mnemonic::Jmp | Mnemonic::Nop)));
        let jumps = all.iter().filter(|one| one.mnemonic() == Mnemonic::Jmp);
        jumps.map(|jump| (jump.len(), jump.near_branch_target())).collect()
    }

    #[test]
    fn what_is_put_between_moves_labels_and_jumps() {
        for between in [0, 10, 60, 110, 119, 120, 121, 130] {
            let (_, plain) = assemble(between, 0);
            let [forward, back, within, behind] = jumps(&plain)[..] else { panic!("four jumps") };
            for padding in 1..64 {
                let (inserted, code) = assemble(between, padding);
                let by = u64::from(padding);
                // Unless a short jump would have to reach too far.
                let reaches = back.0 == 5 || between as u64 + 5 + 3 + 2 + by <= 128;
                assert_eq!(inserted, reaches, "{padding} after {between}");
                let by = if inserted { by } else { 0 };
                assert_eq!(code.len() as u64, plain.len() as u64 + by);
                let moved = |(len, target): (usize, u64)| (len, target + by);
                assert_eq!(jumps(&code), [moved(forward), back, moved(within), moved(behind)]);
            }
        }
    }
}
