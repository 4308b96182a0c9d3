//! [`Translator`]: the state of a translation, its start and its end.

use wz_api::ValueType;
use wz_decode::builder::{FunctionShape, Position};

use super::Request;
use super::control::LabelState;
use super::emitter::{Emitter, NOWHERE, Traced, pair, two_and};
use super::value::{Held, Last, Step, Value};
use crate::class::Class;
use crate::code::Code;
use crate::exec::op::Op;
use crate::exec::{call, copy, note, state};

/// Translates one function.
pub(crate) struct Translator<'a> {
    pub(super) request: &'a Request<'a>,
    pub(super) out: Emitter,
    pub(super) at: Position,
    /// The slot of the frame's header.
    pub(super) header: u32,
    /// The first slot of operands.
    pub(super) operands: u32,
    /// The end of the highest slots in use.
    pub(super) end: u32,
    pub(super) locals: Vec<Local>,
    /// By place on the operand stack: the next lower place of the same local.
    pub(super) lower: Vec<u32>,
    /// No local is on the operand stack below this place.
    pub(super) settled: usize,
    /// By class.
    pub(super) held: [Held; 3],
    pub(super) last: Last,
    pub(super) step: Option<Step>,
    pub(super) labels: Vec<LabelState>,
    /// The types that branches to labels carry.
    pub(super) carried: Vec<ValueType>,
    /// Words whose upper half, or the whole of which, is to become the length of the frame.
    pub(super) frame_words: Vec<(u32, bool)>,
    /// Slots that operands in far slots are copied to, if the frame is wide.
    pub(super) scratch: Option<u32>,
    pub(super) scratch_used: u32,
    /// A slot did not fit into 16 bits.
    pub(super) overflowed: bool,
    pub(super) results: Vec<ValueType>,
    /// The jumps that lead to `bound_at`, the last place that branches were led to.
    pub(super) bound_jumps: Vec<u32>,
    pub(super) bound_at: u32,
}

/// A local.
#[derive(Clone, Copy, Debug)]
pub(super) struct Local {
    pub(super) slot: u32,
    pub(super) class: Option<Class>,
    /// The highest place on the operand stack that it is at.
    pub(super) highest: u32,
}

/// A finished translation.
pub(super) struct Finished {
    pub(super) code: Code,
    pub(super) trace: Vec<Traced>,
}

/// How many slots a wide frame has for operands that are copied: five vectors.
const SCRATCH_SLOTS: u32 = 10;
/// How many slots a header takes.
pub(super) const HEADER_SLOTS: u32 = 3;

impl<'a> Translator<'a> {
    pub(super) fn new(request: &'a Request<'a>, wide: bool) -> Self {
        let defined = request.function - request.info.imported.functions;
        let body_len = request.info.bodies[defined as usize].range.len();
        Self {
            request,
            out: Emitter::new(body_len, request.dump),
            at: Position { code_offset: 0, height: 0, height_slots: 0 },
            header: 0,
            operands: 0,
            end: 0,
            locals: Vec::new(),
            lower: Vec::new(),
            settled: 0,
            held: [Held::NOTHING; 3],
            last: Last::Other,
            step: None,
            labels: Vec::new(),
            carried: Vec::new(),
            frame_words: Vec::new(),
            scratch: wide.then_some(0),
            scratch_used: 0,
            overflowed: false,
            results: Vec::new(),
            bound_jumps: Vec::new(),
            bound_at: NOWHERE,
        }
    }

    /// Lays out the frame and emits what comes before the first operator.
    pub(super) fn start(&mut self, shape: FunctionShape<'_>) {
        self.at.code_offset = shape.code_offset;
        self.out.operator(shape.code_offset);
        self.header = shape.ty.stack_slots() as u32;
        self.results = shape.ty.results().to_vec();
        let mut next = 0;
        self.locals.reserve(shape.locals.len());
        for (index, ty) in shape.locals.iter().enumerate() {
            if index == shape.ty.params().len() {
                next = self.after_header();
            }
            self.locals.push(Local { slot: next, class: Class::of(*ty), highest: NOWHERE });
            next += ty.slots() as u32;
        }
        let zeroed = self.after_header();
        self.operands = next.max(zeroed);
        self.end = self.operands;
        if self.scratch.is_some() {
            self.scratch = Some(self.header + HEADER_SLOTS);
        }
        self.put_note();
        self.put_interruption();
        if self.request.is_listened {
            self.put_listen(&call::LISTEN_BEFORE);
        }
        self.zero(zeroed, self.operands - zeroed);
        self.barrier();
        self.put_entry_probes();
    }

    /// The first slot behind the header and what belongs to it.
    fn after_header(&self) -> u32 {
        self.header + HEADER_SLOTS + if self.scratch.is_some() { SCRATCH_SLOTS } else { 0 }
    }

    fn zero(&mut self, from: u32, count: u32) {
        match u16::try_from(from) {
            _ if count == 0 => {}
            Ok(from) if count <= 8 => {
                self.put(&copy::ZERO[count as usize - 1], two_and(from, 0, 0));
            }
            _ => {
                self.put(&copy::ZERO_MANY, pair(from, count));
            }
        }
    }

    /// Emits a look at the interrupt flag, if there are to be any.
    pub(super) fn put_interruption(&mut self) {
        if self.request.options.interruption {
            let position = self.put_site(&state::INTERRUPTION, 0);
            self.frame_words.push((position + 1, false));
        }
    }

    /// Emits a note of where this is, if there are to be any.
    pub(super) fn put_note(&mut self) {
        if self.notes() {
            self.put(&note::NOTE, pair(self.at.code_offset, self.header));
            self.out.word(self.request.function.into());
        }
    }

    /// Emits a note that the function ends with a tail call, if there are to be any.
    pub(super) fn put_note_ending(&mut self) {
        if self.notes() {
            self.put(&note::NOTE_ENDING, pair(0, self.header));
        }
    }

    fn notes(&self) -> bool {
        self.request.options.sampling
    }

    /// Emits an instruction that listeners are told by.
    pub(super) fn put_listen(&mut self, op: &'static Op) {
        let function = self.request.function;
        let position = self.put_site(op, pair(function, 0));
        self.frame_words.push((position + 1, false));
    }

    /// Branches come here: what is before and what is after is not merged.
    pub(super) fn barrier(&mut self) {
        self.out.barrier();
        self.step = None;
    }

    /// Emits an instruction.
    #[inline(always)]
    pub(super) fn put(&mut self, op: &'static Op, operands: u64) -> u32 {
        self.last = Last::Other;
        self.scratch_used = 0;
        self.out.put(op, operands)
    }

    /// Emits an instruction that can trap, call or call out.
    #[inline(always)]
    pub(super) fn put_site(&mut self, op: &'static Op, operands: u64) -> u32 {
        self.out.site(self.at.code_offset);
        self.put(op, operands)
    }

    /// A value whose home is at the top of the operand stack, which grows by it.
    #[inline(always)]
    pub(super) fn top(&mut self) -> u32 {
        self.operands + self.at.height_slots
    }

    /// Makes the frame long enough for slots before `end`.
    #[inline(always)]
    pub(super) fn extend(&mut self, end: u32) {
        self.end = self.end.max(end);
    }

    /// The code, unless the frame is too long for it.
    pub(super) fn finish(mut self) -> Option<Finished> {
        if self.overflowed {
            return None;
        }
        let frame_slots = self.end + 2;
        for (word, whole) in std::mem::take(&mut self.frame_words) {
            if whole {
                self.out.set_word(word, u64::from(frame_slots));
            } else {
                self.out.set_upper(word, frame_slots);
            }
        }
        let (words, pcs, trace) = self.out.finish(u64::from(frame_slots) * 8);
        Some(Finished {
            code: Code::new(words, self.request.function, self.header, pcs, self.request.probes.cloned()),
            trace,
        })
    }

    /// What an accumulator holds.
    #[inline(always)]
    pub(super) fn held(&mut self, class: Class) -> &mut Held {
        &mut self.held[class as usize]
    }

    /// An operand that was pushed from nothing.
    #[inline(always)]
    pub(super) fn new_value(&mut self, kind: super::value::Kind) -> Value {
        Value { home: self.top(), kind }
    }
}
