//! Running a guest program: [`run`], and the directories it gets.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use wz::wasi::fs::{Directory, FileSystem, GuestPath, MemoryFs};
use wz::wasi::{FsResult, OutputBuffer, Stdio, WasiConfig};
use wz::{Context, ModuleConfig, Runtime};
use wz_testkit::engines::EngineUnderTest;

/// How long a program may take; one that hangs is a failure.
const PATIENCE: Duration = Duration::from_secs(300);

/// How a program ended and what it printed on both streams.
pub(crate) struct Ended {
    pub(crate) code: u32,
    pub(crate) output: String,
}

impl Ended {
    /// The program found nothing wrong.
    #[track_caller]
    pub(crate) fn is_fine(&self) {
        assert_eq!(self.code, 0, "{}", self.output);
    }
}

pub(crate) fn programs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/programs")
}

/// Runs a program below `testdata/programs` with real clocks and what `configure` gives it.
pub(crate) fn run(
    engine: EngineUnderTest,
    program: &str,
    args: &[&str],
    configure: impl FnOnce(WasiConfig) -> WasiConfig,
) -> Ended {
    let wasm = std::fs::read(programs().join(program)).unwrap();
    let runtime = Runtime::with_config((engine.config)().with_close_on_context_done(true)).unwrap();
    wz::wasi::instantiate(&runtime).unwrap();
    let output = OutputBuffer::new();
    let config = ModuleConfig::new().with_name("").with_wasi(|wasi| {
        let wasi = wasi
            .with_args(["program"].iter().chain(args).copied())
            .with_env("NAME", "value")
            .with_stdout(Stdio::buffer(&output))
            .with_stderr(Stdio::buffer(&output))
            .with_sys_time_and_rand();
        configure(wasi)
    });
    let compiled = runtime.compile(&wasm).unwrap();
    let context = Context::background().with_timeout(PATIENCE);
    let code = match runtime.instantiate_module_with(&context, &compiled, config) {
        Ok(_) => 0,
        Err(error) => {
            error.exit_code().unwrap_or_else(|| panic!("{program}: {error}\n{}", output.to_string_lossy()))
        }
    };
    Ended { code, output: output.to_string_lossy() }
}

/// A file system that many mounts share.
#[derive(Clone, Debug)]
pub(crate) struct Shared(pub(crate) Arc<dyn FileSystem>);

impl FileSystem for Shared {
    fn root(&self) -> FsResult<Arc<dyn Directory>> {
        self.0.root()
    }
}

/// The names in the root of a file system.
pub(crate) fn names(file_system: &dyn FileSystem) -> Vec<String> {
    let entries = file_system.root().unwrap().entries(usize::MAX).unwrap();
    entries.into_iter().map(|entry| entry.name).collect()
}

/// A tree in memory with the file `f`, the directory `d` and the link `l` to `f`.
pub(crate) fn small_memory_tree() -> MemoryFs {
    let tree = MemoryFs::new();
    tree.write("f", "content\n").unwrap();
    let root = tree.root().unwrap();
    root.create_directory(&GuestPath::new("d").unwrap()).unwrap();
    root.symlink("f", &GuestPath::new("l").unwrap()).unwrap();
    tree
}
