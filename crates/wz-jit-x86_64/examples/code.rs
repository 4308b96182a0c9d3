//! Prints the code of functions: `code FILE [FUNCTION]`. `code --time FILE` compiles all of a
//! module and says how long each stage took. `WZ_CPU` limits the features of the processor,
//! `WZ_CHECKS=1` has accesses checked by code.

use std::sync::Arc;
use std::time::{Duration, Instant};

use iced_x86::{Decoder, DecoderOptions, Formatter, IntelFormatter};
use regalloc2::{Edit, InstOrEdit};
use wz_decode::{DecodeOptions, ModuleInfo, decode};
use wz_jit::Context;
use wz_jit::mach::{Allocator, Emitter, Isa, Lowering, MachineFunction, Metadata};
use wz_jit::options::Options;
use wz_jit::target::{CodeOptions, Target};
use wz_jit_x86_64::X64Target;

fn main() {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let timed = args.first().is_some_and(|arg| arg == "--time");
    if timed {
        args.remove(0);
    }
    let Some(path) = args.first() else {
        eprintln!("code [--time] FILE [FUNCTION]");
        std::process::exit(2);
    };
    let wasm = wat::parse_file(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let info = decode(wasm, &DecodeOptions::default()).unwrap_or_else(|error| panic!("{path}: {error}"));
    let info = Arc::new(info);
    let only = args.get(1).map(|index| index.parse().expect("a function's index"));
    let explicit_checks = std::env::var_os("WZ_CHECKS").is_some();
    let options = Options { explicit_checks, ..Options::default() };
    let code = CodeOptions { explicit_checks, ..CodeOptions::default() };
    let target = X64Target::host().expect("a processor that the JIT works on");
    let mut compiler = Compiler::new(&info, target, options, code);
    for function in info.imported.functions..info.imported.functions + info.bodies.len() as u32 {
        if only.is_none_or(|only: u32| only == function) {
            let code = compiler.compile(function);
            if !timed {
                println!("function {function}:");
                print(&code, &compiler.metadata);
            }
        }
    }
    if timed {
        compiler.print_times();
    }
}

struct Compiler<'a> {
    info: &'a ModuleInfo,
    target: X64Target,
    options: Options,
    isa: <X64Target as Target>::Isa,
    context: Context,
    lowering: Lowering<<X64Target as Target>::Isa>,
    machine: MachineFunction<<<X64Target as Target>::Isa as Isa>::Inst>,
    allocator: Allocator,
    emitter: Emitter,
    metadata: Metadata,
    times: [Duration; 4],
    bytes: usize,
    moves: usize,
    /// Moves between registers and with the stack, eight times as much for each loop around them.
    weights: [u64; 2],
    insts: usize,
}

impl<'a> Compiler<'a> {
    fn new(info: &'a Arc<ModuleInfo>, target: X64Target, options: Options, code: CodeOptions) -> Self {
        Self {
            info,
            target,
            options,
            isa: target.isa(info, code),
            context: Context::default(),
            lowering: Lowering::default(),
            machine: MachineFunction::default(),
            allocator: Allocator::default(),
            emitter: Emitter::default(),
            metadata: Metadata::default(),
            times: [Duration::ZERO; 4],
            bytes: 0,
            moves: 0,
            weights: [0; 2],
            insts: 0,
        }
    }

    fn compile(&mut self, function: u32) -> Vec<u8> {
        let start = Instant::now();
        let Ok(f) = self.context.compile(self.info, function, &self.options) else { return Vec::new() };
        let built = Instant::now();
        let frame = self.lowering.run(&self.isa, f, &mut self.machine);
        let lowered = Instant::now();
        let output = self.allocator.run(&self.machine, self.isa.env(), false);
        let allocated = Instant::now();
        let mut assembler = self.target.assembler();
        self.emitter.run(&self.isa, f, &mut self.machine, output, frame, &mut assembler, &mut self.metadata);
        let code = self.target.finish(assembler);
        let emitted = Instant::now();
        let times = [built - start, lowered - built, allocated - lowered, emitted - allocated];
        for (sum, time) in self.times.iter_mut().zip(times) {
            *sum += time;
        }
        for block in 0..self.machine.blocks.len() {
            let depth = f.block(self.machine.blocks[block].block).loop_depth;
            let weight = 8_u64.pow(u32::from(depth.min(6)));
            for step in output.block_insts_and_edits(&self.machine, regalloc2::Block::new(block)) {
                if let InstOrEdit::Edit(Edit::Move { from, to }) = step {
                    self.weights[usize::from(from.is_stack() || to.is_stack())] += weight;
                }
            }
        }
        self.bytes += code.len();
        self.moves += output.edits.len();
        self.insts += self.machine.insts.len();
        code
    }

    fn print_times(&self) {
        for (stage, time) in ["ssa", "lower", "allocate", "emit"].iter().zip(self.times) {
            println!("{stage:>9} {:8.2} ms", time.as_secs_f64() * 1000.0);
        }
        let emitted = self.bytes as f64 / self.times[3].as_secs_f64() / 1e6;
        let (bytes, insts, moves) = (self.bytes, self.insts, self.moves);
        let [registers, stack] = self.weights;
        println!("{bytes} bytes, {insts} instructions and {moves} moves; {emitted:.0} MB/s emitted");
        println!("weighted moves: {registers} between registers, {stack} with the stack");
    }
}

fn print(code: &[u8], metadata: &Metadata) {
    let mut formatter = IntelFormatter::new();
    formatter.options_mut().set_space_after_operand_separator(true);
    let mut text = String::new();
    for instruction in &mut Decoder::with_ip(64, code, 0, DecoderOptions::NONE) {
        let start = instruction.ip() as usize;
        if let Some((_, offset)) = metadata.operators.iter().find(|(at, _)| *at == start as u32) {
            println!("  ; {offset:#x}");
        }
        text.clear();
        formatter.format(&instruction, &mut text);
        let bytes: String =
            code[start..start + instruction.len()].iter().map(|byte| format!("{byte:02x}")).collect();
        println!("  {start:5x} {bytes:20} {text}");
    }
}
