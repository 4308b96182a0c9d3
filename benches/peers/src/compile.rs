//! Compile throughput: bytes of the Code section per second, from the module's bytes to executable code. Decoding and
//! validation are part of it on every side; what they take alone is a table of its own.

use anyhow::{Context as _, Result};

use crate::clock::Clock;
use crate::measure::{self, Subject};
use crate::modules;
use crate::options::Options;
use crate::peer::{self, Pass, Peer, Peers, Threads};
use crate::report::{Report, Row, Table, Unit};

/// Modules with more code are not compiled an additional time to see the noise.
const SMALL: usize = 2_000_000;

struct Module {
    name: &'static str,
    wasm: Vec<u8>,
    code: usize,
}

pub fn run(options: &Options, report: &mut Report) -> Result<()> {
    let peers = peer::usual(options);
    let (modules, missing) = modules(options)?;
    let one = |peer: &dyn Peer| peer.compiler(Threads::One);
    let all = |peer: &dyn Peer| peer.compiler(Threads::All);
    let validate = |peer: &dyn Peer| peer.validator();
    // One thread is measured in CPU time, wherever the work is done; several in the time that passes.
    table("compile, 1 thread", Clock::Process, options, &peers, &modules, &missing, &one, report)?;
    table("compile, all threads", Clock::Wall, options, &peers, &modules, &[], &all, report)?;
    table("validate", Clock::Process, options, &peers, &modules, &[], &validate, report)
}

fn modules(options: &Options) -> Result<(Vec<Module>, Vec<String>)> {
    let (mut modules, mut missing) = (Vec::new(), Vec::new());
    for name in ["lua", "zstd", "rust_regex", "quickjs", "sqlite", "yosys"] {
        if !options.wants(name) {
            continue;
        }
        let committed = modules::root().join(format!("testdata/bench/{name}.wasm"));
        let path = if committed.is_file() { Some(committed) } else { modules::find(name, options) };
        let Some(path) = path else {
            missing.push(format!("{name} is not there: cargo xtask programs {name}"));
            continue;
        };
        let wasm = std::fs::read(path)?;
        let code = modules::code_size(&wasm).with_context(|| format!("{name} has no code"))?;
        modules.push(Module { name, wasm, code });
    }
    Ok((modules, missing))
}

#[expect(clippy::too_many_arguments, reason = "one table, described in one place")]
fn table(
    title: &'static str,
    clock: Clock,
    options: &Options,
    peers: &Peers,
    modules: &[Module],
    notes: &[String],
    prepare: &dyn Fn(&dyn Peer) -> Result<Option<Pass>>,
    report: &mut Report,
) -> Result<()> {
    let mut passes = Vec::new();
    let mut names = Vec::new();
    for peer in peers {
        if let Some(pass) = prepare(&**peer)? {
            passes.push(pass);
            names.push(peer.name());
        }
    }
    if passes.is_empty() {
        return Ok(());
    }
    let reference = names.iter().position(|name| *name == "cranelift").unwrap_or(names.len() - 1);
    let twin = peers.iter().find(|peer| peer.name() == names[reference]).map(|peer| prepare(&**peer));
    let mut twin = twin.transpose()?.flatten();
    let mut table = Table::new(title, Unit::Throughput, names, reference);
    notes.iter().for_each(|note| table.note(note.clone()));
    for Module { name, wasm, code } in modules {
        let twin = twin.iter_mut().filter(|_| *code < SMALL);
        let mut subjects: Vec<Subject<'_>> =
            passes.iter_mut().chain(twin).map(|pass| -> Subject<'_> { Box::new(|| pass(wasm)) }).collect();
        let mut samples = measure::interleaved(clock, options.rounds, options.budget, &mut subjects);
        drop(subjects);
        let twin = (samples.len() > passes.len()).then(|| samples.pop()).flatten().and_then(Result::ok);
        let mut cells = Vec::new();
        for (samples, runtime) in samples.into_iter().zip(table.columns()) {
            cells.push(samples.map_err(|error| table.failure(name, runtime, &error)).ok());
        }
        table.row(Row { name: (*name).to_owned(), cells, twin, bytes: *code });
    }
    report.add(table);
    Ok(())
}
