//! Prints the SSA of a module's functions, or how fast it is made.
//!
//! `ssa FILE` prints every function after the last stage, `ssa FILE FUNCTION` one after each
//! stage that changes it, `ssa --time FILE` megabytes of bodies per second. `WZ_PASSES` has the
//! passes that are on, as in `-gvn` for all but one.

use std::time::Instant;

use wz_decode::{DecodeOptions, decode};
use wz_jit::ir::ProbeList;
use wz_jit::{Context, Options, Passes};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let timed = arguments.first().is_some_and(|first| first == "--time");
    if timed {
        arguments.remove(0);
    }
    let [file, rest @ ..] = &arguments[..] else { return Err("a file is wanted".into()) };
    let mut options = Options::default();
    if let Ok(passes) = std::env::var("WZ_PASSES") {
        options.passes = Passes::parse(&passes)?;
    }
    let info = decode(std::fs::read(file)?, &DecodeOptions::default()).map_err(|error| error.to_string())?;
    let functions = info.imported.functions..info.functions.len() as u32;
    let mut context = Context::default();
    if timed {
        let bytes: usize = info.bodies.iter().map(|body| body.range.len()).sum();
        for _ in 0..5 {
            let start = Instant::now();
            for function in functions.clone() {
                context.compile(&info, function, &options)?;
            }
            let seconds = start.elapsed().as_secs_f64();
            println!("{:.1} MB/s, {:.0} ms for {bytes} bytes", bytes as f64 / seconds / 1e6, seconds * 1e3);
        }
        return Ok(());
    }
    match rest {
        [] => {
            for function in functions {
                let f = context.compile(&info, function, &options)?;
                println!("{}", wz_jit::dump::dump(f));
            }
        }
        [function, ..] => {
            for dump in context.compile_with_dumps(&info, function.parse()?, &options, ProbeList::NONE)? {
                println!("== {}\n{}", dump.stage, dump.text);
            }
        }
    }
    Ok(())
}
