//! [`Machine`]: evaluates SSA as it is, over simple memories, tables and globals. The means to
//! test construction and passes against other runtimes, before and beside any back end. It checks
//! what passes claim: an access that is said to be in bounds has to be.
//!
//! Calls keep their frames in a vector, so that guests do not recurse natively. Functions that
//! are imported cannot be called.

mod bulk;
mod step;

use std::collections::BTreeMap;
use std::rc::Rc;

pub use step::Done;

use wz_api::Trap;
use wz_core::numeric::eval;
use wz_decode::ModuleInfo;
use wz_decode::builder::Const;
use wz_decode::info::{ConstExpr, ConstOp, ElementItems, ExportItem, SegmentMode};
use wz_decode::ops::BinaryOp;

use crate::context::Context;
use crate::ir::{Block, Function, Inst, Probe, ProbeList};
use crate::options::Options;

/// The bytes of a page.
const PAGE: u64 = 65_536;

/// Why an evaluation ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The guest trapped.
    Trap(Trap),
    /// The evaluator does not go on: it has made as many steps as it was allowed, or would have
    /// to call an imported function or to have more memory than it wants to.
    Limit(&'static str),
}

impl From<Trap> for Stop {
    fn from(trap: Trap) -> Self {
        Self::Trap(trap)
    }
}

/// A module's state, and its functions as they are evaluated.
#[derive(Debug)]
pub struct Machine<'a> {
    info: &'a ModuleInfo,
    options: Options,
    context: Context,
    functions: Vec<Option<Rc<Function>>>,
    /// The memories.
    pub memories: Vec<Vec<u8>>,
    /// The tables; 0 is null, a function is its index plus one.
    pub tables: Vec<Vec<u64>>,
    /// The globals, as bits.
    pub globals: Vec<u128>,
    data_dropped: Vec<bool>,
    elements_dropped: Vec<bool>,
    /// How many instructions may still be evaluated.
    pub steps: u64,
    /// How much fuel was consumed, if functions have points that do.
    pub fuel_used: u64,
    /// How many interrupt checks were passed.
    pub interrupt_checks: u64,
    /// The probes of functions, by index. To be set before the functions are called.
    pub probes: BTreeMap<u32, ProbeList>,
    /// The probes that were come to, in order. They do nothing else.
    pub fired: Vec<Probe>,
    frames: Vec<Frame>,
}

/// A call under way.
#[derive(Debug)]
struct Frame {
    function: Rc<Function>,
    /// The values, as bits.
    values: Vec<u128>,
    block: Block,
    /// The next instruction of the block.
    next: usize,
    /// The call in the caller that waits for the results, or [`Inst::NONE`].
    waiting: Inst,
}

/// How many calls may be under way, and how many pages a memory may have.
const MAX_FRAMES: usize = 5_000;
const MAX_PAGES: u64 = 1_024;
const MAX_ELEMENTS: u64 = 100_000;

impl<'a> Machine<'a> {
    /// Instantiates a module that imports nothing, without calling its start function.
    ///
    /// # Errors
    /// If a segment does not fit, or the module is beyond the limits of the evaluator.
    pub fn new(info: &'a ModuleInfo, options: Options, steps: u64) -> Result<Self, Stop> {
        if !info.imports.is_empty() {
            return Err(Stop::Limit("imports"));
        }
        let mut machine = Self {
            info,
            options,
            context: Context::default(),
            functions: vec![None; info.functions.len()],
            memories: Vec::new(),
            tables: Vec::new(),
            globals: Vec::new(),
            data_dropped: vec![false; info.data.len()],
            elements_dropped: vec![false; info.elements.len()],
            steps,
            fuel_used: 0,
            interrupt_checks: 0,
            probes: BTreeMap::new(),
            fired: Vec::new(),
            frames: Vec::new(),
        };
        for init in &info.global_inits {
            let value = machine.const_expr(init);
            machine.globals.push(value);
        }
        for ty in &info.memories {
            if ty.min_pages > MAX_PAGES {
                return Err(Stop::Limit("memory"));
            }
            machine.memories.push(vec![0; (ty.min_pages * PAGE) as usize]);
        }
        for (ty, init) in info.tables.iter().zip(&info.table_inits) {
            if ty.min > MAX_ELEMENTS {
                return Err(Stop::Limit("table"));
            }
            let init = init.as_ref().map_or(0, |init| machine.const_expr(init) as u64);
            machine.tables.push(vec![init; ty.min as usize]);
        }
        machine.segments()?;
        Ok(machine)
    }

    fn segments(&mut self) -> Result<(), Stop> {
        for (index, segment) in self.info.elements.iter().enumerate() {
            match &segment.mode {
                SegmentMode::Active { target, offset } => {
                    let to = self.const_expr(offset) as u64;
                    self.table_init(*target, index as u32, to, 0, segment.items.len() as u64)?;
                    self.elements_dropped[index] = true;
                }
                SegmentMode::Declared => self.elements_dropped[index] = true,
                SegmentMode::Passive => {}
            }
        }
        for (index, segment) in self.info.data.iter().enumerate() {
            if let SegmentMode::Active { target, offset } = &segment.mode {
                let to = self.const_expr(offset) as u64;
                self.memory_init(*target, index as u32, to, 0, segment.range.len() as u64)?;
                self.data_dropped[index] = true;
            }
        }
        Ok(())
    }

    fn const_expr(&self, expr: &ConstExpr) -> u128 {
        let mut stack: Vec<u128> = Vec::new();
        for op in &expr.ops {
            let mut binary = |op: BinaryOp| {
                let (b, a) = (stack.pop().unwrap_or(0), stack.pop().unwrap_or(0));
                stack.push(eval::binary(op, a, b).unwrap_or(0));
            };
            match *op {
                ConstOp::Const(value) => stack.push(match value {
                    Const::I32(value) => value.cast_unsigned().into(),
                    Const::I64(value) => value.cast_unsigned().into(),
                    Const::F32(bits) => bits.into(),
                    Const::F64(bits) => bits.into(),
                    Const::V128(bits) => bits,
                }),
                ConstOp::GlobalGet(global) => stack.push(self.globals[global as usize]),
                ConstOp::RefNull(_) => stack.push(0),
                ConstOp::RefFunc(function) => stack.push(u128::from(function) + 1),
                ConstOp::I32Add => binary(BinaryOp::I32Add),
                ConstOp::I32Sub => binary(BinaryOp::I32Sub),
                ConstOp::I32Mul => binary(BinaryOp::I32Mul),
                ConstOp::I64Add => binary(BinaryOp::I64Add),
                ConstOp::I64Sub => binary(BinaryOp::I64Sub),
                ConstOp::I64Mul => binary(BinaryOp::I64Mul),
            }
        }
        stack.pop().unwrap_or(0)
    }

    /// An element of a segment, as it is in tables.
    fn element(&self, segment: u32, index: usize) -> u64 {
        match &self.info.elements[segment as usize].items {
            ElementItems::Functions(items) => u64::from(items[index]) + 1,
            ElementItems::Expressions(items) => self.const_expr(&items[index]) as u64,
        }
    }

    /// Calls an exported function. Arguments and results are bits.
    ///
    /// # Errors
    /// The trap, or what the evaluator does not do.
    pub fn call_export(&mut self, name: &str, args: &[u128]) -> Result<Vec<u128>, Stop> {
        match self.info.export(name) {
            Some(ExportItem::Function(function)) => self.call(function, args),
            _ => Err(Stop::Limit("no such function")),
        }
    }

    /// Calls a function by its index.
    ///
    /// # Errors
    /// The trap, or what the evaluator does not do.
    pub fn call(&mut self, function: u32, args: &[u128]) -> Result<Vec<u128>, Stop> {
        let outer = self.frames.len();
        let result = self.enter(function, args, Inst::NONE).and_then(|()| self.evaluate(outer));
        self.frames.truncate(outer);
        result
    }

    /// The function as it is evaluated.
    fn function(&mut self, index: u32) -> Result<Rc<Function>, Stop> {
        let Some(entry) = self.functions.get_mut(index as usize) else {
            return Err(Stop::Limit("no such function"));
        };
        if let Some(function) = entry {
            return Ok(Rc::clone(function));
        }
        let probes = self.probes.get(&index).unwrap_or(ProbeList::NONE);
        let compiled = self.context.compile_probed(self.info, index, &self.options, probes);
        compiled.map_err(|_| Stop::Limit("a function is too complex"))?;
        let function = Rc::new(std::mem::take(&mut self.context.function));
        *entry = Some(Rc::clone(&function));
        Ok(function)
    }

    /// Starts a call.
    fn enter(&mut self, index: u32, args: &[u128], waiting: Inst) -> Result<(), Stop> {
        if self.frames.len() >= MAX_FRAMES {
            return Err(Stop::Trap(Trap::StackOverflow));
        }
        let function = self.function(index)?;
        let mut values = vec![0; function.types.len()];
        for (value, def) in function.defs.iter().enumerate() {
            if let crate::ir::ValueDef::Constant(index) = def {
                values[value] = function.constants[*index as usize];
            }
        }
        for (param, arg) in function.params(Function::ENTRY).iter().zip(args) {
            values[param.index()] = *arg;
        }
        self.frames.push(Frame { function, values, block: Function::ENTRY, next: 0, waiting });
        Ok(())
    }
}
