//! What a stack iterator gives, shown with one of three made-up frames:
//! `cargo run -p wz-runtime --example stack_iterator`.

use std::error::Error;
use std::io::Write;

use wz::experimental::{InternalFunction, ProgramCounter, StackIterator};
use wz::{FunctionDefinition, FunctionParts};

/// A function of which only what listeners ask for is known.
struct FakeFunction {
    definition: FunctionDefinition,
    source_offset: u64,
}

impl InternalFunction for FakeFunction {
    fn definition(&self) -> &FunctionDefinition {
        &self.definition
    }

    fn source_offset_for_pc(&self, _: ProgramCounter) -> u64 {
        self.source_offset
    }
}

struct FakeFrame {
    function: FakeFunction,
    args: Vec<u64>,
    program_counter: u64,
}

/// Listeners get an iterator like this for every call: the first frame is the called function.
struct FakeStackIterator {
    frames: Vec<FakeFrame>,
    /// How often it went to the next frame.
    iteration: usize,
}

impl FakeStackIterator {
    fn new() -> Self {
        let frame = |name: &str, args: &[u64], program_counter, source_offset| {
            let parts = FunctionParts { name: name.into(), ..FunctionParts::default() };
            let function = FakeFunction { definition: FunctionDefinition::new(parts), source_offset };
            FakeFrame { function, args: args.to_vec(), program_counter }
        };
        let frames = vec![
            frame("fn0", &[1, 2, 3], 5_890_831, 1234),
            frame("fn1", &[], 5_899_822, 7286),
            frame("fn2", &[4], 6_820_312, 935_891),
        ];
        Self { frames, iteration: 0 }
    }

    fn frame(&self) -> &FakeFrame {
        &self.frames[self.iteration - 1]
    }
}

impl StackIterator for FakeStackIterator {
    fn next(&mut self) -> bool {
        self.iteration += 1;
        self.iteration <= self.frames.len()
    }

    fn function(&self) -> &dyn InternalFunction {
        &self.frame().function
    }

    fn program_counter(&self) -> ProgramCounter {
        ProgramCounter(self.frame().program_counter)
    }

    fn parameters(&self) -> Option<&[u64]> {
        Some(&self.frame().args)
    }

    fn reset(&mut self) {
        self.iteration = 0;
    }
}

/// Prints the frames.
pub(crate) fn run(out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let mut stack = FakeStackIterator::new();
    while stack.next() {
        let (function, pc) = (stack.function(), stack.program_counter());
        writeln!(out, "function: {}", function.definition().name())?;
        writeln!(out, "\tprogram counter: {pc}")?;
        writeln!(out, "\tsource offset: {}", function.source_offset_for_pc(pc))?;
    }
    Ok(())
}

#[allow(dead_code)]
fn main() -> Result<(), Box<dyn Error>> {
    run(&mut std::io::stdout())
}
