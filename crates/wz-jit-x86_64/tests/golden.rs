//! Golden files of machine code: `tests/golden/NAME.wat` compiled and disassembled to
//! `tests/golden/NAME.txt`. `cargo xtask bless` writes them anew.
//!
//! The first lines of a module may say how it is compiled: `;; cpu: NAMES` (every feature if absent),
//! `;; passes: LIST`, `;; fuel`, `;; interrupt`, `;; explicit`, `;; deterministic`, `;; probes: KIND` for a probe at
//! each block: `count`, `count-atomic`, `limit`, `limit-atomic` or `call`.

use std::fmt::Write;
use std::sync::Arc;

use iced_x86::{Decoder, DecoderOptions, Formatter, IntelFormatter};
use wz_decode::{DecodeOptions, ModuleInfo, block_entries, decode};
use wz_jit::compile::{Compilation, Compiler, Explanation};
use wz_jit::ir::{Probe, ProbeList};
use wz_jit::{Options, Passes};
use wz_jit_x86_64::X64Target;
use wz_jit_x86_64::features::Features;

#[path = "../../wz-jit/tests/shared/golden_files.rs"]
mod golden_files;

/// A probe at each block of a function.
fn probes(info: &ModuleInfo, function: u32, kind: &str) -> ProbeList {
    // Below and above what fits an immediate operand.
    let probe = |index: usize| {
        let (counter, record) = (0x5555_5555_0000 + index * 8, 0x7777_7777_0000 + index * 256);
        let (limit, atomic) = (10_u64.pow(index as u32 * 6), kind.ends_with("atomic"));
        match kind {
            // The first is out of reach.
            "count" | "count-atomic" => Probe::Count { counter, atomic, near: index > 0 },
            "limit" | "limit-atomic" => {
                Probe::CountUpTo { counter, limit, atomic, removed: record + 128, record }
            }
            "call" => Probe::Call { record },
            _ => panic!("{kind} is no kind of probes"),
        }
    };
    let blocks = block_entries(info, function).into_iter().enumerate();
    ProbeList::new(blocks.map(|(index, at)| (Some(at), probe(index))).collect())
}

fn render(text: &str) -> String {
    let mut options = Options { verify: true, ..Options::default() };
    let (mut features, mut deterministic, mut kind) = (Features::ALL, false, None);
    for line in text.lines().map_while(|line| line.strip_prefix(";; ")) {
        match line.split_once(": ").unwrap_or((line, "")) {
            ("cpu", names) => features = Features::parse(names).expect("names of features"),
            ("passes", list) => options.passes = Passes::parse(list).expect("names of passes"),
            ("fuel", _) => options.fuel = true,
            ("interrupt", _) => options.interrupt = true,
            ("explicit", _) => options.explicit_checks = true,
            ("deterministic", _) => deterministic = true,
            ("probes", name) => kind = Some(name),
            (other, _) => panic!("{other} is no option"),
        }
    }
    let wasm = wat::parse_str(text).expect("a module");
    let info = Arc::new(decode(wasm, &DecodeOptions::default()).expect("a valid module"));
    let compilation = Compilation::new(X64Target::new(features));
    let compiler = Compiler::new(&compilation, &info, options, deterministic);
    let mut out = String::new();
    for defined in 0..info.bodies.len() as u32 {
        let definition = info.function_definition(info.imported.functions + defined);
        writeln!(out, ";; {}", definition.name()).expect("text");
        let function = info.imported.functions + defined;
        let probes = kind.map_or_else(ProbeList::default, |kind| probes(&info, function, kind));
        disassemble(&compiler.explain_probed(defined, &probes).expect("a simple function"), &mut out);
        out.push('\n');
    }
    out
}

/// The instructions, each operator's offset before its own. What refers to slots has 0 as its distance.
fn disassemble(explanation: &Explanation, out: &mut String) {
    let mut formatter = IntelFormatter::new();
    formatter.options_mut().set_space_after_operand_separator(true);
    let mut operators = explanation.operators.iter().peekable();
    for instruction in &mut Decoder::with_ip(64, &explanation.code, 0, DecoderOptions::NONE) {
        let at = instruction.ip() as u32;
        while let Some((_, offset)) = operators.next_if(|(range, _)| range.start <= at) {
            writeln!(out, "  ; {offset:#x}").expect("text");
        }
        let mut text = String::new();
        formatter.format(&instruction, &mut text);
        writeln!(out, "{at:5x}  {text}").expect("text");
    }
}

#[test]
fn golden_files() {
    golden_files::check(env!("CARGO_MANIFEST_DIR"), render);
}
