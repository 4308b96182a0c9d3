//! [`Bar`]: what a person sees while a large module is compiled. Only on a terminal, and only when
//! it takes long enough to be read.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use wz::CompileProgress;

use crate::escape::escape;

/// Smaller modules are compiled before anybody could read anything.
const MIN_BYTES: usize = 1 << 20;
/// How long nothing is shown.
const DELAY: Duration = Duration::from_millis(400);
/// How often it is drawn.
const INTERVAL: Duration = Duration::from_millis(100);
const BAR_COLUMNS: usize = 24;
const NAME_COLUMNS: usize = 36;

/// A bar that is drawn until it is dropped, which takes it away.
pub(crate) struct Bar {
    done: Arc<AtomicBool>,
    drawer: Option<JoinHandle<()>>,
}

impl Bar {
    /// A bar on standard error for a module of so many bytes. None if nobody would see it.
    pub(crate) fn start(name: &str, bytes: usize, progress: &CompileProgress) -> Option<Self> {
        if bytes < MIN_BYTES || !std::io::stderr().is_terminal() {
            return None;
        }
        let done = Arc::new(AtomicBool::new(false));
        let (name, progress, watched) = (name.to_owned(), progress.clone(), done.clone());
        let draw = move || draw(&mut std::io::stderr(), &name, &progress, &watched);
        let drawer = std::thread::Builder::new().name("wz-progress".into()).spawn(draw).ok()?;
        Some(Self { done, drawer: Some(drawer) })
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        if let Some(drawer) = self.drawer.take() {
            drawer.thread().unpark();
            // A bar that could not be drawn is no reason to fail.
            let _ = drawer.join();
        }
    }
}

/// Draws until it is done, and then clears the line if anything is on it.
fn draw(out: &mut dyn Write, name: &str, progress: &CompileProgress, done: &AtomicBool) {
    let mut drawn = false;
    // The whole grows with each step that begins; what a person sees does not go back.
    let mut highest = 0.0_f64;
    let mut pause = DELAY;
    loop {
        sleep(pause, done);
        if done.load(Ordering::Relaxed) {
            break;
        }
        highest = highest.max(part(progress.counts()));
        drawn |= out.write_all(format!("\r{}\x1b[K", line(name, highest)).as_bytes()).is_ok();
        pause = INTERVAL;
    }
    if drawn {
        let _ = out.write_all(b"\r\x1b[K");
    }
}

/// Sleeps, or until it is done.
fn sleep(pause: Duration, done: &AtomicBool) {
    let until = std::time::Instant::now() + pause;
    while !done.load(Ordering::Relaxed) {
        let left = until.saturating_duration_since(std::time::Instant::now());
        if left.is_zero() {
            return;
        }
        std::thread::park_timeout(left);
    }
}

/// Which part of the whole has been passed.
fn part((passed, all): (u64, u64)) -> f64 {
    if all == 0 { 0.0 } else { (passed as f64 / all as f64).min(1.0) }
}

/// `compiling NAME [=====>    ]  55 %`
fn line(name: &str, part: f64) -> String {
    let mut name = escape(name);
    let columns = name.chars().count();
    if columns > NAME_COLUMNS {
        name = format!("…{}", name.chars().skip(columns + 1 - NAME_COLUMNS).collect::<String>());
    }
    let filled = (part * BAR_COLUMNS as f64) as usize;
    let mut bar = "=".repeat(filled);
    if filled < BAR_COLUMNS {
        bar.push('>');
    }
    format!("compiling {name} [{bar:<BAR_COLUMNS$}] {:3.0} %", (part * 100.0).floor())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Mutex, PoisonError};

    #[test]
    fn lines_fit_a_terminal() {
        let line = |name: &str, passed, all| line(name, part((passed, all)));
        assert_eq!(line("a.wasm", 0, 0), "compiling a.wasm [>                       ]   0 %");
        assert_eq!(line("a.wasm", 1, 2), "compiling a.wasm [============>           ]  50 %");
        assert_eq!(line("a.wasm", 2, 2), "compiling a.wasm [========================] 100 %");
        assert_eq!(line("a.wasm", 3, 2), "compiling a.wasm [========================] 100 %");
        let long = line(&format!("{}/x\u{1b}[2J.wasm", "d".repeat(100)), 1, 3);
        assert!(long.chars().count() < 80 && !long.contains('\u{1b}'), "{long}");
        assert!(long.starts_with("compiling …ddd") && long.contains(".wasm ["), "{long}");
    }

    #[test]
    fn nothing_is_left_on_the_line() {
        #[derive(Clone, Default)]
        struct Screen(Arc<Mutex<Vec<u8>>>);
        impl Write for Screen {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let (screen, progress, done) = (Screen::default(), CompileProgress::new(), AtomicBool::new(false));
        let shown = || String::from_utf8(screen.0.lock().unwrap().clone()).unwrap();
        progress.announce(100);
        progress.advance(25);
        std::thread::scope(|scope| {
            let drawer = scope.spawn(|| draw(&mut screen.clone(), "m", &progress, &done));
            while !shown().contains(" 25 %") {
                std::thread::sleep(Duration::from_millis(10));
            }
            done.store(true, Ordering::Relaxed);
            drawer.thread().unpark();
        });
        assert!(shown().ends_with("\r\x1b[K"));
        // Another step makes the whole larger, not what is shown smaller.
        let (screen, done) = (Screen::default(), AtomicBool::new(false));
        let shown = || String::from_utf8(screen.0.lock().unwrap().clone()).unwrap();
        std::thread::scope(|scope| {
            let drawer = scope.spawn(|| draw(&mut screen.clone(), "m", &progress, &done));
            while !shown().contains(" 25 %") {
                std::thread::sleep(Duration::from_millis(10));
            }
            progress.announce(900);
            let drawn = shown().len();
            while shown().len() == drawn {
                std::thread::sleep(Duration::from_millis(10));
            }
            done.store(true, Ordering::Relaxed);
            drawer.thread().unpark();
        });
        assert!(!shown().contains("  2 %"), "{}", shown());
        // What is quick is never drawn.
        let screen = Screen::default();
        draw(&mut screen.clone(), "m", &progress, &done);
        assert!(screen.0.lock().unwrap().is_empty());
    }
}
