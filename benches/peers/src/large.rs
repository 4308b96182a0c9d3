//! Starting cold: a WASI command in a fresh process, nothing compiled before. Time to its first output, peak memory,
//! and the CPU time of all threads until it has ended.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::clock::Clock;
use crate::measure::Samples;
use crate::modules;
use crate::options::Options;
use crate::peer::{self, Peers};
use crate::report::{Report, Row, Table, Unit};

/// The first argument of a process that runs a command.
pub const CHILD: &str = "run-once";

/// In place of a runtime: the process does nothing but print.
const NOTHING: &str = "nothing";

/// What runs longer is not run again.
const LONG: Duration = Duration::from_secs(5);

/// What comes before the figures of a child.
const MARK: &str = "peers: ";

pub fn run(options: &Options, report: &mut Report) -> Result<()> {
    let peers = peer::usual(options);
    let names: Vec<_> = peers.iter().map(|peer| peer.name()).collect();
    let reference = peer::reference(&peers);
    let table = |title, unit| Table::new(title, unit, names.clone(), reference).of_different_kinds();
    let mut tables = [
        table("cold, first output", Unit::Milliseconds),
        table("cold, peak memory", Unit::Megabytes),
        table("cold, CPU to the end", Unit::Milliseconds),
    ];
    let nothing = start(NOTHING, Path::new(""), &[])?;
    tables[0].note(format!(
        "a process that only prints: {:.1} ms, {:.0} MB, {:.1} ms of CPU",
        nothing.figures[0] / 1e6,
        nothing.figures[1] / 1e6,
        nothing.figures[2] / 1e6
    ));
    let hello = Some(modules::root().join("testdata/programs/hello.wasm"));
    for (name, path, arguments) in
        [("hello", hello, &[][..]), ("yosys", modules::find("yosys", options), &["-V"])]
    {
        if !options.wants(name) {
            continue;
        }
        let Some(path) = path else {
            tables[0].note(format!("{name} is not there: cargo xtask programs {name}"));
            continue;
        };
        let arguments: Vec<String> =
            [name].iter().chain(arguments).map(|argument| (*argument).to_owned()).collect();
        let cells = measure(options, &mut tables[0], &peers, name, &path, &arguments);
        for (table, cells) in tables.iter_mut().zip(cells) {
            table.row(Row { name: name.to_owned(), cells, twin: None, bytes: 0 });
        }
    }
    for table in tables {
        report.add(table);
    }
    Ok(())
}

/// The cells of a row in each of the tables.
fn measure(
    options: &Options,
    table: &mut Table,
    peers: &Peers,
    name: &str,
    path: &Path,
    arguments: &[String],
) -> [Vec<Option<Samples>>; 3] {
    let begin = Instant::now();
    let mut cells = [(); 3].map(|()| vec![Samples::default(); peers.len()]);
    // No further run: it failed, or takes long.
    let mut done = vec![false; peers.len()];
    let mut stdout = None;
    for round in 0..options.rounds {
        if round > 0 && begin.elapsed() > options.budget {
            break;
        }
        for (index, peer) in peers.iter().enumerate() {
            if done[index] {
                continue;
            }
            let started = Instant::now();
            let run = start(peer.name(), path, arguments).and_then(|run| {
                let expected = stdout.get_or_insert_with(|| run.stdout.clone());
                ensure!(!run.stdout.is_empty() && run.stdout == *expected, "it prints something else");
                Ok(run)
            });
            done[index] = run.is_err() || started.elapsed() > LONG;
            match run {
                Ok(run) => {
                    for (cells, figure) in cells.iter_mut().zip(run.figures) {
                        cells[index].0.push(figure);
                    }
                }
                Err(error) => table.failure(name, peer.name(), &error),
            }
        }
    }
    let cell = |samples: Samples| (!samples.0.is_empty()).then_some(samples);
    cells.map(|cells| cells.into_iter().map(cell).collect())
}

struct Run {
    stdout: Vec<u8>,
    /// Nanoseconds to the first byte, bytes of memory at most, nanoseconds of CPU.
    figures: [f64; 3],
}

/// Runs a command in a process of its own.
fn start(peer: &str, path: &Path, arguments: &[String]) -> Result<Run> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(CHILD).arg(peer).arg(path).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let begin = Clock::Wall.now();
    let mut child = command.spawn()?;
    let mut output = child.stdout.take().context("no pipe")?;
    let mut stdout = vec![0];
    let got = output.read(&mut stdout)?;
    let first = Clock::Wall.now() - begin;
    stdout.truncate(got);
    output.read_to_end(&mut stdout)?;
    let mut stderr = String::new();
    child.stderr.take().context("no pipe")?.read_to_string(&mut stderr)?;
    let status = child.wait()?;
    ensure!(status.success(), "{status}: {stderr}");
    let figures = stderr.lines().find_map(|line| line.strip_prefix(MARK)).context("no figures")?;
    let (memory, cpu) = figures.split_once(' ').context("one figure")?;
    Ok(Run { stdout, figures: [first.as_nanos() as f64, memory.parse()?, cpu.parse()?] })
}

/// The other side of [`start`].
pub fn child(arguments: &[String]) -> Result<()> {
    let [peer, path, arguments @ ..] = arguments else { bail!("{CHILD} RUNTIME FILE [ARGUMENT…]") };
    if peer == NOTHING {
        std::io::stdout().write_all(b"\n")?;
    } else {
        let peer = peer::named(peer).with_context(|| format!("no runtime {peer}"))?;
        peer.run_file(Path::new(path), arguments)?;
    }
    eprintln!("{MARK}{} {}", peak_memory()?, Clock::Process.now().as_nanos());
    Ok(())
}

/// The most memory that this process has had resident, in bytes. What `getrusage` says would count the process that
/// started this one, too.
fn peak_memory() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kibibytes << 10)
}
