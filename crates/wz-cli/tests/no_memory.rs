//! `wz` where the host refuses memory: an error, not an abort.
#![cfg(target_os = "linux")]

use std::process::Command;

#[test]
fn a_guest_stack_that_does_not_fit_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = folder.path().join("module.wat");
    std::fs::write(&file, r#"(module (func (export "f")))"#).expect("the file can be written");
    let output = Command::new("sh")
        .args(["-c", "ulimit -v 700000 && exec \"$@\"", "sh", env!("CARGO_BIN_EXE_wz")])
        .args(["--engine", "interpreter", "--max-stack", "1GiB", "--invoke", "f"])
        .arg(&file)
        .output()
        .expect("a shell runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("no memory for a guest stack of 1073741824 bytes"), "{stderr}");
}
