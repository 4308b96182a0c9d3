//! What the tests of the built binary share: [`Dir`], a directory to run it in, and [`Run`], what
//! that gave.
#![allow(dead_code)] // Not every test uses everything.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory of its own for one test, with the modules of this file in it.
pub(crate) struct Dir(PathBuf);

impl Dir {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("wz-cli-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn file(self, name: &str, contents: impl AsRef<[u8]>) -> Self {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, contents).unwrap();
        self
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// `wz` with arguments that are separated by spaces.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wz"));
        command.args(line.split(' ').filter(|word| !word.is_empty())).current_dir(&self.0);
        command.stdin(Stdio::null()).env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
        command
    }

    pub(crate) fn run(&self, line: &str) -> Run {
        Run::of(line, self.command(line).output().unwrap())
    }

    /// The same, started by a shell that does something before: `ulimit -n 8` for example, or
    /// `exec >&-`.
    #[cfg(unix)]
    pub(crate) fn command_after(&self, shell: &str, line: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{shell} && exec \"$@\""), "sh", env!("CARGO_BIN_EXE_wz")]);
        command.args(line.split(' ').filter(|word| !word.is_empty())).current_dir(&self.0);
        command.stdin(Stdio::null()).env_remove("NO_COLOR");
        command
    }

    pub(crate) fn run_with_input(&self, line: &str, input: &[u8]) -> Run {
        let mut command = self.command(line);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        Run::of(line, child.wait_with_output().unwrap())
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The engines that there are here, as `--engine` takes them.
pub(crate) fn engines() -> &'static [&'static str] {
    if wz::EngineKind::Jit.is_available() { &["jit", "interpreter"] } else { &["interpreter"] }
}

/// What a run gave.
pub(crate) struct Run {
    pub(crate) line: String,
    pub(crate) status: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    pub(crate) fn of(line: &str, output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self {
            line: line.to_owned(),
            status: output.status.code(),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }

    /// All of the status, standard output and standard error.
    #[track_caller]
    pub(crate) fn is(&self, status: i32, out: &str, err: &str) {
        let given = (self.status, &*self.out, &*self.err);
        assert_eq!(given, (Some(status), out, err), "wz {}", self.line);
    }

    /// The status, standard output, and every one of `parts` on standard error.
    #[track_caller]
    pub(crate) fn fails_with_output(&self, status: i32, out: &str, parts: &[&str]) {
        let Self { line, err, .. } = self;
        assert_eq!((self.status, &*self.out), (Some(status), out), "wz {line}: {err}");
        for part in parts {
            assert!(err.contains(part), "wz {line}: {part:?} is not in:\n{err}");
        }
    }

    /// The status, nothing on standard output, and every one of `parts` on standard error.
    #[track_caller]
    pub(crate) fn fails(&self, status: i32, parts: &[&str]) {
        self.fails_with_output(status, "", parts);
    }
}
