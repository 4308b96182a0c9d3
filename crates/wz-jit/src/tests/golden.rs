//! Golden files: `tests/golden/NAME.wat` compiled to `tests/golden/NAME.txt`. `cargo xtask
//! bless` writes them anew.
//!
//! The first line of a module may say how it is compiled: `;; passes: LIST`, `;; stages` to show
//! every stage, `;; fuel`, `;; interrupt`, `;; explicit`, `;; probes` to count the calls and the blocks of each
//! function.

use std::fmt::Write;

use wz_decode::ModuleInfo;

use crate::ir::{Probe, ProbeList};
use crate::options::{Options, Passes};
use crate::{Context, dump};

use super::oracle::decoded;

#[path = "../../tests/shared/golden_files.rs"]
mod golden_files;

/// Counts the calls and the blocks of a function.
fn counting(info: &ModuleInfo, function: u32) -> ProbeList {
    let blocks = wz_decode::block_entries(info, function).into_iter().map(Some);
    let count = |(index, at)| (at, Probe::Count { counter: index * 8, atomic: false, near: false });
    ProbeList::new([None].into_iter().chain(blocks).enumerate().map(count).collect())
}

fn render(text: &str) -> String {
    let mut options = Options::default();
    let (mut stages, mut probed) = (false, false);
    for line in text.lines().map_while(|line| line.strip_prefix(";; ")) {
        match line.split_once(": ").unwrap_or((line, "")) {
            ("passes", list) => options.passes = Passes::parse(list).expect("names of passes"),
            ("stages", _) => stages = true,
            ("fuel", _) => options.fuel = true,
            ("interrupt", _) => options.interrupt = true,
            ("explicit", _) => options.explicit_checks = true,
            ("probes", _) => probed = true,
            _ => {}
        }
    }
    let info = decoded(&wat::parse_str(text).expect("a module"));
    let mut context = Context::default();
    let mut out = String::new();
    for function in info.imported.functions..info.functions.len() as u32 {
        let name = info.function_definition(function).name().to_owned();
        writeln!(out, ";; {name}").expect("text");
        let probes = if probed { counting(&info, function) } else { ProbeList::default() };
        if stages {
            let dumps =
                context.compile_with_dumps(&info, function, &options, &probes).expect("a simple function");
            for dump in dumps {
                writeln!(out, "-- {}\n{}", dump.stage, dump.text.trim_end()).expect("text");
            }
        } else {
            let f = context.compile_probed(&info, function, &options, &probes).expect("a simple function");
            out.push_str(&dump::dump(f));
        }
        out.push('\n');
    }
    out
}

#[test]
fn golden_files() {
    golden_files::check(env!("CARGO_MANIFEST_DIR"), render);
}
