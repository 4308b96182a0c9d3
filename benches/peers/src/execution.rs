//! Execution: the same programs with the same input on every runtime, code compiled beforehand.

use std::cell::RefCell;

use anyhow::{Result, ensure};

use crate::clock::Clock;
use crate::measure::{self, Subject};
use crate::modules;
use crate::options::Options;
use crate::peer::{self, Peer, Peers};
use crate::report::{Report, Row, Table, Unit};

/// A prepared program; gives what it computed.
type Work = Box<dyn FnMut() -> Result<Vec<u8>>>;

pub fn run(options: &Options, report: &mut Report) -> Result<()> {
    let peers = peer::usual(options);
    let names = peers.iter().map(|peer| peer.name()).collect();
    let mut table = Table::new("execution", Unit::Milliseconds, names, peer::reference(&peers));
    for kernel in modules::kernels()?.iter().filter(|kernel| options.wants(&kernel.name)) {
        let prepare = |peer: &dyn Peer| -> Result<Work> {
            let mut run = peer.kernel(&kernel.wasm)?;
            Ok(Box::new(move || Ok(run(1)?.to_string().into_bytes())))
        };
        row(options, &mut table, &peers, &kernel.name, kernel.checksum.to_string().as_bytes(), &prepare);
    }
    for program in modules::programs()?.iter().filter(|program| options.wants(program.name)) {
        let name = program.name;
        let Some(path) = modules::find(name, options) else {
            table.note(format!("{name} is not built: cargo xtask programs {name}"));
            continue;
        };
        let wasm = std::fs::read(path)?;
        let prepare = |peer: &dyn Peer| -> Result<Work> { peer.command(&wasm, &program.command) };
        row(options, &mut table, &peers, name, &program.stdout, &prepare);
    }
    report.add(table);
    Ok(())
}

/// Measures a program on every runtime, and on the reference a second time. All of them must compute what is expected in
/// the first run, and the same in every round.
fn row(
    options: &Options,
    table: &mut Table,
    peers: &Peers,
    name: &str,
    expected: &[u8],
    prepare: &dyn Fn(&dyn Peer) -> Result<Work>,
) {
    let mut works = Vec::new();
    let mut columns = Vec::new();
    for index in (0..peers.len()).chain([peer::reference(peers)]) {
        let peer = &*peers[index];
        let mut work = match prepare(peer) {
            Ok(work) => work,
            Err(error) if peer.name().starts_with("wz") => {
                table.failure(name, peer.name(), &error);
                continue;
            }
            // What another runtime cannot compile is a gap in the table.
            Err(error) => {
                table.note(format!("{name} on {}: {error:#}", peer.name()));
                continue;
            }
        };
        // Lazy translation and caches are warm before anything is measured.
        match work().and_then(|result| same(&result, expected)) {
            Ok(()) => {
                works.push(work);
                columns.push(index);
            }
            Err(error) => table.failure(name, peer.name(), &error),
        }
    }
    // What each computed, round by round.
    let results = vec![RefCell::new(Vec::new()); works.len()];
    let mut subjects: Vec<Subject<'_>> = works
        .iter_mut()
        .zip(&results)
        .map(|(work, results)| -> Subject<'_> { Box::new(|| Ok(results.borrow_mut().push(work()?))) })
        .collect();
    let samples = measure::interleaved(Clock::Thread, options.rounds, options.budget, &mut subjects);
    drop(subjects);
    let mut row = Row { name: name.to_owned(), cells: vec![None; peers.len()], twin: None, bytes: 0 };
    let agreed = results.first().map(|results| results.borrow().clone()).unwrap_or_default();
    for ((column, samples), results) in columns.into_iter().zip(samples).zip(&results) {
        let results = results.borrow();
        let mut rounds = results.iter().zip(&agreed).map(|(result, agreed)| same(result, agreed));
        match samples.and_then(|samples| rounds.try_for_each(|round| round).map(|()| samples)) {
            Ok(samples) if row.cells[column].is_none() => row.cells[column] = Some(samples),
            Ok(samples) => row.twin = Some(samples),
            Err(error) => table.failure(name, peers[column].name(), &error),
        }
    }
    table.row(row);
}

fn same(result: &[u8], expected: &[u8]) -> Result<()> {
    let [shown, wanted] = [result, expected].map(String::from_utf8_lossy);
    ensure!(result == expected, "{shown:?} instead of {wanted:?}");
    Ok(())
}
