//! [`run_scripts`]: many scripts, on several threads, and a word when one takes long.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use wz::RuntimeConfig;

use crate::script::{ScriptResult, run_script};
use crate::source::Script;

/// The stack of a thread that runs scripts: enough for the text parser without optimization.
const STACK_BYTES: usize = 8 << 20;

/// After this time a script is named that still runs.
const PATIENCE: Duration = Duration::from_secs(30);

/// Executes the scripts on `threads` threads and gives the results in order of the scripts.
///
/// # Panics
/// If the host has no threads left.
#[must_use]
pub fn run_scripts(config: &RuntimeConfig, scripts: &[Script], threads: usize) -> Vec<ScriptResult> {
    let next = AtomicUsize::new(0);
    let done = AtomicBool::new(false);
    let results = Mutex::new(Vec::new());
    let running: Vec<Running> = (0..threads.max(1)).map(|_| Running::default()).collect();
    std::thread::scope(|scope| {
        let worker = |running: &Running| {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(script) = scripts.get(index) else { break };
                running.start(&script.path);
                let result = run_script(config, script, &|line| running.line.store(line, Ordering::Relaxed));
                running.stop();
                results.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push((index, result));
            }
        };
        let workers: Vec<_> = running
            .iter()
            .map(|running| {
                let builder = std::thread::Builder::new().stack_size(STACK_BYTES);
                builder.spawn_scoped(scope, move || worker(running)).expect("a thread")
            })
            .collect();
        let watch = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                std::thread::park_timeout(PATIENCE);
                running.iter().for_each(Running::complain);
            }
        });
        for worker in workers {
            worker.join().expect("directives run in catch_unwind");
        }
        done.store(true, Ordering::Relaxed);
        watch.thread().unpark();
    });
    let mut results = results.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

/// What a thread is at.
#[derive(Default)]
struct Running {
    script: Mutex<Option<(String, Instant)>>,
    line: AtomicUsize,
}

impl Running {
    fn start(&self, path: &str) {
        *self.script.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) =
            Some((path.to_owned(), Instant::now()));
    }

    fn stop(&self) {
        *self.script.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = None;
    }

    fn complain(&self) {
        let script = self.script.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some((path, started)) = &*script
            && started.elapsed() >= PATIENCE
        {
            let line = self.line.load(Ordering::Relaxed);
            eprintln!("still at {path}:{line} after {} s", started.elapsed().as_secs());
        }
    }
}
