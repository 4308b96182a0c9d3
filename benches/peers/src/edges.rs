//! The edges: instantiation, calls from the host into a guest, calls from a guest into the host.

use anyhow::Result;

use crate::clock::Clock;
use crate::measure::{self, Subject};
use crate::options::Options;
use crate::peer::{self, Call, Peer, Peers, Repeat};
use crate::report::{Report, Row, Table, Unit};

const SMALL: &str = r#"(module
    (memory (export "memory") 1)
    (global (mut i32) (i32.const 7))
    (table 4 funcref)
    (elem (i32.const 0) $add)
    (data (i32.const 16) "hello")
    (func $add (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))"#;

const CALLER: &str = r#"(module
    (import "env" "next" (func $next (param i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 32) "\03")
    (func (export "loop") (param $n i32) (result i32)
        (local $sum i32)
        (loop $again
            (local.set $sum (call $next (local.get $sum)))
            (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (local.get $sum)))"#;

const CALLS: u32 = 1_000_000;
const INSTANCES: u32 = 5_000;

/// A module with a thousand functions, all in a table, and a page of data.
fn thousand() -> String {
    let functions: String = (0..1000)
        .map(|index| format!("(func (param i32) (result i32) local.get 0 i32.const {index} i32.add)\n"))
        .collect();
    let elements: String = (0..1000).map(|index| format!(" {index}")).collect();
    let data = "x".repeat(4096);
    format!(
        r#"(module (memory (export "memory") 4) (table 1000 funcref) (elem (i32.const 0) func{elements})
        (data (i32.const 0) "{data}") {functions})"#
    )
}

pub fn run(options: &Options, report: &mut Report) -> Result<()> {
    let peers = peer::with_pools(options);
    let names = peers.iter().map(|peer| peer.name()).collect();
    let mut table =
        Table::new("edges", Unit::Nanoseconds, names, peer::reference(&peers)).of_different_kinds();
    let (small, caller) = (wat::parse_str(SMALL)?, wat::parse_str(CALLER)?);
    let thousand = wat::parse_str(thousand())?;
    let rows: [(&str, u32, &dyn Fn(&dyn Peer) -> Result<Repeat>); 6] = [
        ("instantiate, small", INSTANCES, &|peer| peer.instantiation(&small)),
        ("instantiate, 1000 funcs", INSTANCES, &|peer| peer.instantiation(&thousand)),
        ("call in", CALLS, &|peer| peer.calls_in(&small, Call::Typed)),
        ("call in, untyped", CALLS, &|peer| peer.calls_in(&small, Call::Rich)),
        ("call out", CALLS, &|peer| peer.calls_out(&caller, Call::Typed)),
        ("call out, reads memory", CALLS, &|peer| peer.calls_out(&caller, Call::Rich)),
    ];
    for (name, count, prepare) in rows.into_iter().filter(|(name, ..)| options.wants(name)) {
        row(options, &mut table, &peers, name, count, prepare);
    }
    report.add(table);
    Ok(())
}

fn row(
    options: &Options,
    table: &mut Table,
    peers: &Peers,
    name: &str,
    count: u32,
    prepare: &dyn Fn(&dyn Peer) -> Result<Repeat>,
) {
    let mut cells = vec![None; peers.len()];
    let mut repeats = Vec::new();
    let mut columns = Vec::new();
    for index in (0..peers.len()).chain([peer::reference(peers)]) {
        match prepare(&*peers[index]).and_then(|mut repeat| repeat(count / 10).map(|()| repeat)) {
            Ok(repeat) => {
                repeats.push(repeat);
                columns.push(index);
            }
            Err(error) => table.failure(name, peers[index].name(), &error),
        }
    }
    let mut subjects: Vec<Subject<'_>> =
        repeats.iter_mut().map(|repeat| -> Subject<'_> { Box::new(|| repeat(count)) }).collect();
    let samples = measure::interleaved(Clock::Thread, options.rounds, options.budget, &mut subjects);
    let mut twin = None;
    for (column, samples) in columns.into_iter().zip(samples) {
        match samples.map(|samples| samples.per(count)) {
            Ok(samples) if cells[column].is_none() => cells[column] = Some(samples),
            Ok(samples) => twin = Some(samples),
            Err(error) => table.failure(name, peers[column].name(), &error),
        }
    }
    table.row(Row { name: name.to_owned(), cells, twin, bytes: 0 });
}
