//! Entries that are damaged, cut, stale or of somebody else: they are compiled again, and replaced.

use std::fs;

use super::*;

const SMALL: &str = r#"(module
    (func $twice (param i32) (result i32) (i32.shl (local.get 0) (i32.const 1)))
    (func (export "f") (param i32) (result i32)
        (if (i32.eqz (local.get 0)) (then unreachable)) (call $twice (local.get 0))))"#;

fn run_small(config: RuntimeConfig) -> String {
    let fixture = Fixture::new(config);
    let module = fixture.module(SMALL);
    let results = call(&module, "f", &[Value::I32(21)]).unwrap();
    format!("{results:?} {}", call(&module, "f", &[Value::I32(0)]).unwrap_err())
}

/// Runs after an entry was changed: it does what it should, and the entry is as it was.
#[track_caller]
fn check(processes: &Processes, path: &Path, good: &[u8], changed: &[u8], expected: &str) {
    fs::write(path, changed).unwrap();
    let (text, compiled, found) = processes.run(RuntimeConfig::jit(), run_small);
    assert_eq!(text, expected);
    assert_eq!(compiled + found, 2);
    assert!(compiled > 0, "the change was noticed");
    assert!(fs::read(path).unwrap() == good, "replaced");
}

#[test]
fn no_damaged_byte_is_run() {
    if !has_jit() {
        return;
    }
    let processes = Processes::new();
    let (expected, ..) = processes.run(RuntimeConfig::jit(), run_small);
    let [path] = &processes.entries()[..] else { panic!("one entry") };
    let good = fs::read(path).unwrap();
    assert_eq!(processes.run(RuntimeConfig::jit(), run_small), (expected.clone(), 0, 2));
    for position in 0..good.len() {
        let mut changed = good.clone();
        changed[position] ^= 1 << (position % 8);
        check(&processes, path, &good, &changed, &expected);
    }
    for len in (0..good.len()).step_by(7).chain([good.len() - 1]) {
        check(&processes, path, &good, &good[..len], &expected);
    }
    check(&processes, path, &good, &[&*good, b"more"].concat(), &expected);
    check(&processes, path, &good, &vec![0; good.len()], &expected);
    check(&processes, path, &good, b"wz code\n", &expected);
    let huge = [&good[..12], &[0xff; 4], &good[16..]].concat();
    check(&processes, path, &good, &huge, &expected);
}

/// What one module's code is called is not another's.
#[test]
fn entries_under_other_names_are_not_taken() {
    if !has_jit() {
        return;
    }
    let processes = Processes::new();
    let (expected, ..) = processes.run(RuntimeConfig::jit(), run_small);
    let [path] = &processes.entries()[..] else { panic!("one entry") };
    let good = fs::read(path).unwrap();
    let other = Processes::new();
    other.run(RuntimeConfig::jit(), transcript);
    let foreign = fs::read(&other.entries()[0]).unwrap();
    check(&processes, path, &good, &foreign, &expected);
    // The same module for another configuration.
    let stale = Processes::new();
    stale.run(RuntimeConfig::jit().with_close_on_context_done(true), run_small);
    check(&processes, path, &good, &fs::read(&stale.entries()[0]).unwrap(), &expected);
}

/// A directory that vanishes, and one that cannot be written to.
#[test]
fn what_cannot_be_written_is_no_error_of_the_run() {
    if !has_jit() {
        return;
    }
    let processes = Processes::new();
    let cache = processes.cache();
    fs::remove_dir_all(processes.path()).unwrap();
    fs::write(processes.path(), "a file in its place").unwrap();
    let expected = run_small(RuntimeConfig::interpreter());
    for eager in [false, true] {
        let config = RuntimeConfig::jit().with_compilation_cache(&cache).with_eager_compilation(eager);
        assert_eq!(run_small(config), expected);
        let failure = cache.stats().last_failure.unwrap();
        assert!(failure.contains(&*processes.path().to_string_lossy()), "{failure}");
    }
    assert!(CompilationCache::with_dir(processes.path()).is_err());
}

#[cfg(unix)]
#[test]
fn directories_that_others_can_write_to_are_refused() {
    use std::os::unix::fs::PermissionsExt;

    let processes = Processes::new();
    processes.cache();
    let path = processes.path();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
    let error = CompilationCache::with_dir(&path).unwrap_err().to_string();
    assert!(error.contains(&*path.to_string_lossy()) && error.contains("other users"), "{error}");
}
