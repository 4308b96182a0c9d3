//! [`walk`]: one pass over the operators of a validated body that drives a [`FunctionBuilder`].
//! It owns structured control, reachability and operand types, and knows nothing of values.
//!
//! Operators that cannot be reached are read over: only their nesting is followed, without
//! recursion. The types of operands are kept beside the builder's values, because `select`,
//! heights in slots and the shapes of constructs need them. Where fuel is charged is told in
//! [`fuel`](crate::fuel).

mod control;
mod operators;
mod reader;

use wz_api::{FunctionType, ValueType};

use crate::builder::{FunctionBuilder, FunctionShape, Position};
use crate::info::ModuleInfo;
use control::Frame;
pub(crate) use reader::Reader;

/// How a function is walked.
#[derive(Clone, Copy, Debug, Default)]
pub struct WalkOptions {
    /// Whether to place points that consume fuel.
    pub fuel: bool,
}

/// Drives `builder` through the body of a function, given by its index, imports included.
///
/// # Panics
/// If the function is imported or does not exist. If `info` was not made by
/// [`decode`](crate::decode), so that its bodies are not valid.
pub fn walk<B: FunctionBuilder>(info: &ModuleInfo, function: u32, options: &WalkOptions, builder: &mut B) {
    let body = &info.bodies[(function - info.imported.functions) as usize];
    let bytes = &info.bytes[body.range.clone()];
    let ty: &FunctionType = info.function_type(function);
    let mut reader = Reader::new(bytes);
    let locals = read_locals(ty, &mut reader);
    let offset_base = (body.range.start - info.code_start) as u32;
    let label = builder.begin(FunctionShape {
        index: function,
        ty,
        locals: &locals,
        code_offset: offset_base + reader.position() as u32,
        body_len: bytes.len(),
    });
    let mut walker = Walker {
        info,
        builder,
        reader,
        offset_base,
        locals: &locals,
        stack: Vec::new(),
        types: Vec::new(),
        vectors: 0,
        frames: vec![Frame::function(label, ty.results())],
        if_params: Vec::new(),
        labels: Vec::new(),
        metering: options.fuel,
        segment: None,
        units: 0,
    };
    walker.operators();
}

/// The types of all locals of a function with a body, parameters first.
///
/// # Panics
/// As [`walk`].
#[must_use]
pub fn body_locals(info: &ModuleInfo, function: u32) -> Vec<ValueType> {
    let body = &info.bodies[(function - info.imported.functions) as usize];
    read_locals(info.function_type(function), &mut Reader::new(&info.bytes[body.range.clone()]))
}

pub(crate) fn read_locals(ty: &FunctionType, reader: &mut Reader<'_>) -> Vec<ValueType> {
    let mut locals = ty.params().to_vec();
    for _ in 0..reader.u32() {
        let count = reader.u32() as usize;
        let ty = reader.value_type();
        locals.resize(locals.len() + count, ty);
    }
    locals
}

/// The state of a walk.
struct Walker<'a, B: FunctionBuilder> {
    info: &'a ModuleInfo,
    builder: &'a mut B,
    reader: Reader<'a>,
    /// Where the body begins in that of the Code section.
    offset_base: u32,
    locals: &'a [ValueType],
    /// The operands: the builder's values, and beside them their types.
    stack: Vec<B::Value>,
    types: Vec<ValueType>,
    /// How many of the operands are vectors, which take two slots.
    vectors: u32,
    /// The constructs around the next operator, that of the function first.
    frames: Vec<Frame<'a, B::Label>>,
    /// The parameters of every `if` whose second arm is to come, the outermost first.
    if_params: Vec<B::Value>,
    /// The targets of the last `br_table`; kept for its memory.
    labels: Vec<B::Label>,
    metering: bool,
    /// Where the current segment is charged, if anything in it had a cost, and how much that is.
    segment: Option<B::FuelPoint>,
    units: u32,
}

impl<B: FunctionBuilder> Walker<'_, B> {
    /// Announces the operator at this offset of the body.
    #[inline]
    fn at(&mut self, offset: usize) {
        let height = self.types.len() as u32;
        self.builder.at(Position {
            code_offset: self.offset_base + offset as u32,
            height,
            height_slots: height + self.vectors,
        });
    }

    /// Charges the operator that comes next.
    #[inline]
    fn charge(&mut self) {
        if self.metering {
            if self.segment.is_none() {
                self.segment = Some(self.builder.fuel_point());
                self.units = 0;
            }
            self.units += 1;
        }
    }

    /// Ends the segment: control splits or merges here.
    #[inline]
    fn end_segment(&mut self) {
        if let Some(point) = self.segment.take() {
            self.builder.set_fuel(point, self.units);
        }
    }

    #[inline]
    fn push(&mut self, value: B::Value, ty: ValueType) {
        self.stack.push(value);
        self.push_type(ty);
    }

    #[inline]
    fn push_type(&mut self, ty: ValueType) {
        self.types.push(ty);
        self.vectors += u32::from(ty == ValueType::V128);
    }

    #[inline]
    fn pop(&mut self) -> B::Value {
        self.pop_type();
        let Some(value) = self.stack.pop() else { invalid() };
        value
    }

    #[inline]
    fn pop_type(&mut self) -> ValueType {
        let Some(ty) = self.types.pop() else { invalid() };
        self.vectors -= u32::from(ty == ValueType::V128);
        ty
    }

    /// Takes the types of a call's arguments off and puts those of its results on.
    fn call_types(&mut self, ty: &FunctionType) {
        for _ in ty.params() {
            self.pop_type();
        }
        for result in ty.results() {
            self.push_type(*result);
        }
        self.check_heights();
    }

    /// The builder changed the stack: it has to have done so as the operator does.
    #[inline]
    fn check_heights(&self) {
        debug_assert_eq!(self.stack.len(), self.types.len(), "the builder left a stack of another height");
    }
}

/// The body is not valid, which is a caller's mistake.
#[cold]
#[inline(never)]
fn invalid() -> ! {
    panic!("walked a body that is not valid")
}
