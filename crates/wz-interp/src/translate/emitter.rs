//! [`Emitter`]: the words of a function under construction.

use crate::exec::op::Op;
use crate::pc_map::PcMap;

/// No position.
pub(crate) const NOWHERE: u32 = u32::MAX;

/// An instruction, for dumps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Traced {
    pub(crate) position: u32,
    /// The offset of the operator that it was emitted for.
    pub(crate) code_offset: u32,
    pub(crate) op: &'static Op,
}

/// Collects instructions.
#[derive(Debug)]
pub(crate) struct Emitter {
    words: Vec<u64>,
    /// Positions of instructions that can trap, call or call out, and their offsets in the code.
    sites: Vec<(u32, u32)>,
    /// The position of the last instruction, if nothing can branch to where it ends.
    last: u32,
    /// For dumps.
    trace: Option<Vec<Traced>>,
    /// The offset of the operator that is being translated, for dumps.
    at: u32,
}

/// An instruction that was taken off.
pub(crate) struct Lifted {
    words: [u64; 3],
    len: usize,
    code_offset: Option<u32>,
    traced: Option<Traced>,
}

/// Four operands of 16 bits.
#[inline(always)]
pub(crate) fn four(a: u16, b: u16, c: u16, d: u16) -> u64 {
    pair(halves(a, b), halves(c, d))
}

/// Two operands of 16 bits and one of 32.
#[inline(always)]
pub(crate) fn two_and(a: u16, b: u16, c: u32) -> u64 {
    pair(halves(a, b), c)
}

/// Two operands of 32 bits.
#[inline(always)]
pub(crate) fn pair(low: u32, high: u32) -> u64 {
    let ([a, b, c, d], [e, f, g, h]) = (low.to_ne_bytes(), high.to_ne_bytes());
    u64::from_ne_bytes([a, b, c, d, e, f, g, h])
}

#[inline(always)]
fn halves(a: u16, b: u16) -> u32 {
    let ([a, b], [c, d]) = (a.to_ne_bytes(), b.to_ne_bytes());
    u32::from_ne_bytes([a, b, c, d])
}

impl Emitter {
    /// Starts with a word for the length of the frame.
    pub(crate) fn new(body_len: usize, dump: bool) -> Self {
        let mut words = Vec::with_capacity(body_len + 16);
        words.push(0);
        let (sites, trace) = (Vec::with_capacity(body_len / 8), dump.then(Vec::new));
        Self { words, sites, last: NOWHERE, trace, at: 0 }
    }

    /// The operator at this offset of the code comes next.
    #[inline(always)]
    pub(crate) fn operator(&mut self, code_offset: u32) {
        self.at = code_offset;
    }

    /// Where the next instruction goes.
    #[inline(always)]
    pub(crate) fn position(&self) -> u32 {
        self.words.len() as u32
    }

    /// The last instruction, if nothing can branch to where it ends.
    #[inline(always)]
    pub(crate) fn last(&self) -> u32 {
        self.last
    }

    /// Branches come here: instructions before and after do not merge.
    #[inline(always)]
    pub(crate) fn barrier(&mut self) {
        self.last = NOWHERE;
    }

    /// Adds an instruction and its second word.
    #[inline(always)]
    pub(crate) fn put(&mut self, op: &'static Op, operands: u64) -> u32 {
        let position = self.position();
        self.words.extend_from_slice(&[op.word(), operands]);
        self.last = position;
        if let Some(trace) = &mut self.trace {
            trace.push(Traced { position, code_offset: self.at, op });
        }
        position
    }

    /// Adds a further word to the last instruction.
    #[inline(always)]
    pub(crate) fn word(&mut self, word: u64) -> u32 {
        let position = self.position();
        self.words.push(word);
        position
    }

    /// The next instruction can trap, call or call out.
    #[inline(always)]
    pub(crate) fn site(&mut self, code_offset: u32) {
        let position = self.position();
        self.sites.push((position, code_offset));
    }

    /// Replaces the operation of an instruction by another of the same layout.
    pub(crate) fn replace(&mut self, position: u32, op: &'static Op) {
        self.words[position as usize] = op.word();
        if let Some(trace) = &mut self.trace
            && let Some(entry) = trace.iter_mut().rev().find(|traced| traced.position == position)
        {
            entry.op = op;
        }
    }

    /// Replaces operand 0 of an instruction.
    pub(crate) fn set_field0(&mut self, position: u32, value: u16) {
        let mut bytes = self.words[position as usize + 1].to_ne_bytes();
        bytes[..2].copy_from_slice(&value.to_ne_bytes());
        self.words[position as usize + 1] = u64::from_ne_bytes(bytes);
    }

    /// The upper 32 bits of a word.
    pub(crate) fn upper(&self, position: u32) -> u32 {
        let [.., a, b, c, d] = self.words[position as usize].to_ne_bytes();
        u32::from_ne_bytes([a, b, c, d])
    }

    /// Sets the upper 32 bits of a word.
    pub(crate) fn set_upper(&mut self, position: u32, value: u32) {
        let mut bytes = self.words[position as usize].to_ne_bytes();
        bytes[4..].copy_from_slice(&value.to_ne_bytes());
        self.words[position as usize] = u64::from_ne_bytes(bytes);
    }

    /// Sets a word.
    pub(crate) fn set_word(&mut self, position: u32, value: u64) {
        self.words[position as usize] = value;
    }

    /// Takes the last instruction off. It has not been branched over.
    pub(crate) fn lift(&mut self) -> Lifted {
        let position = self.last as usize;
        let taken = &self.words[position..];
        let mut lifted = Lifted { words: [0; 3], len: taken.len(), code_offset: None, traced: None };
        lifted.words[..taken.len()].copy_from_slice(taken);
        self.words.truncate(position);
        if self.sites.last().is_some_and(|site| site.0 == position as u32) {
            lifted.code_offset = self.sites.pop().map(|site| site.1);
        }
        if let Some(trace) = &mut self.trace {
            lifted.traced = trace.pop();
        }
        self.last = NOWHERE;
        lifted
    }

    /// The instruction that is now the last one can be taken off too.
    pub(crate) fn reopen(&mut self, position: u32) {
        self.last = position;
    }

    /// Adds an instruction that was taken off.
    pub(crate) fn lower(&mut self, lifted: &Lifted) -> u32 {
        if let Some(code_offset) = lifted.code_offset {
            self.site(code_offset);
        }
        let position = self.position();
        self.words.extend_from_slice(&lifted.words[..lifted.len]);
        self.last = position;
        if let (Some(trace), Some(traced)) = (&mut self.trace, lifted.traced) {
            trace.push(Traced { position, ..traced });
        }
        position
    }

    /// The finished words, the map of positions, and the instructions if they were recorded.
    pub(crate) fn finish(mut self, frame_bytes: u64) -> (Box<[u64]>, PcMap, Vec<Traced>) {
        self.words[0] = frame_bytes;
        (self.words.into(), PcMap::new(&self.sites), self.trace.unwrap_or_default())
    }
}
