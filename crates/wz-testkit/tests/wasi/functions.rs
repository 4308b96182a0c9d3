//! Every function, every errno: the same program over each implementation of files.

use std::sync::Arc;

use wz::wasi::fs::{FileSystem, MemoryFs, ReadOnly};
use wz::wasi::{Stdio, WasiConfig};
use wz_testkit::engines::for_each_engine;

use crate::support::{Shared, names, run, small_memory_tree};

/// What one run of `errnos` gets besides descriptors.
fn with_files(config: WasiConfig, root: impl FileSystem + 'static, view: &Shared) -> WasiConfig {
    config
        .with_stdin(Stdio::bytes("input"))
        .with_mount(root, "/")
        .with_mount(view.clone(), "/ro")
        .with_max_descriptors(64)
}

#[test]
fn every_function_answers_with_the_right_errno_in_memory() {
    for_each_engine(|engine| {
        let root = MemoryFs::new();
        let view = Shared(Arc::new(ReadOnly::new(small_memory_tree())));
        run(engine, "wasi-tests/errnos.wasm", &[], |config| with_files(config, root.clone(), &view))
            .is_fine();
        assert!(names(&root).is_empty());
        assert_eq!(names(&view), ["d", "f", "l"]);
    });
}

#[cfg(unix)]
#[test]
fn every_function_answers_with_the_right_errno_in_directories_of_the_host() {
    use wz::wasi::fs::RealDirectory;
    for_each_engine(|engine| {
        let (root, view) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(view.path().join("f"), "content\n").unwrap();
        std::fs::create_dir(view.path().join("d")).unwrap();
        std::os::unix::fs::symlink("f", view.path().join("l")).unwrap();
        let shared = Shared(Arc::new(ReadOnly::new(RealDirectory::open(view.path()).unwrap())));
        let open = RealDirectory::open(root.path()).unwrap();
        run(engine, "wasi-tests/errnos.wasm", &[], |config| with_files(config, open, &shared)).is_fine();
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
        assert_eq!(std::fs::read_dir(view.path()).unwrap().count(), 3);
        assert_eq!(std::fs::read(view.path().join("f")).unwrap(), b"content\n");
    });
}

#[test]
fn malformed_arguments_are_errors_and_change_nothing() {
    for_each_engine(|engine| {
        let tree = small_memory_tree();
        run(engine, "wasi-tests/malformed.wasm", &[], |config| config.with_mount(tree.clone(), "/"))
            .is_fine();
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("f"), "content\n").unwrap();
        run(engine, "wasi-tests/malformed.wasm", &[], |config| config.with_dir(directory.path(), "/"))
            .is_fine();
        assert_eq!(std::fs::read(directory.path().join("f")).unwrap(), b"content\n");
        assert_eq!(tree.read("f").unwrap(), b"content\n");
    });
}
