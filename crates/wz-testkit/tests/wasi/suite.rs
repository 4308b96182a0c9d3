//! The Rust suite: the standard library's use of WASI, and what public conformance tests ask for.

use wz::wasi::Stdio;
use wz::wasi::fs::MemoryFs;
use wz_testkit::engines::for_each_engine;

use crate::support::{names, run};

const SUITE: &str = "wasi-suite.wasm";
/// How many tests there are at least: a suite that loses its tests passes too.
const COUNT: usize = 57;

#[track_caller]
fn all_passed(output: &str) {
    let passed = output.lines().filter(|line| line.starts_with("ok ")).count();
    assert!(passed >= COUNT && output.ends_with(&format!("{passed} passed\n")), "{output}");
}

#[test]
fn the_suite_passes_in_a_directory_of_the_host() {
    for_each_engine(|engine| {
        let directory = tempfile::tempdir().unwrap();
        let ended = run(engine, SUITE, &[], |config| {
            config.with_stdin(Stdio::bytes("input")).with_dir(directory.path(), "/")
        });
        ended.is_fine();
        all_passed(&ended.output);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    });
}

#[test]
fn the_suite_passes_in_memory() {
    for_each_engine(|engine| {
        let tree = MemoryFs::with_limit_and_clock(64 << 20, || {
            let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
            since.as_nanos() as u64
        });
        let ended = run(engine, SUITE, &[], |config| {
            config.with_stdin(Stdio::bytes("input")).with_mount(tree.clone(), "/")
        });
        ended.is_fine();
        all_passed(&ended.output);
        assert!(names(&tree).is_empty());
    });
}
