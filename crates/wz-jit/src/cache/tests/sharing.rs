//! Who finds what others compiled: runtimes of a process, processes, at once or in turn.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;

#[test]
fn memory_is_shared_by_what_is_alike() {
    let cache = CodeCache::in_memory("1.0");
    let info = module(8);
    let first = Cached::new(&cache, &info, "s");
    assert_eq!(first.compile([0, 1, 1]), 2);
    // The same bytes, decoded again.
    let second = Cached::new(&cache, &module(8), "s");
    assert_eq!(second.compile([0, 1, 2]), 1);
    assert_eq!(first.compile([2]), 0);
    // The first one's end takes nothing away.
    drop((first, second));
    assert_eq!(Cached::new(&cache, &info, "s").compile([0, 1, 2]), 0);
    assert_eq!(Cached::new(&cache, &info, "other settings").compile([0]), 1);
    assert_eq!(Cached::new(&cache, &module(9), "s").compile([0]), 1);
    assert_eq!(Cached::new(&CodeCache::in_memory("1.0"), &info, "s").compile([0]), 1);
    let stats = cache.stats();
    assert_eq!((stats.functions_compiled, stats.functions_reused), (5, 7));
    assert_eq!((stats.entries_written, stats.last_failure), (0, None));
}

#[test]
fn versions_of_a_function_are_different_functions() {
    let folder = tempfile::tempdir().unwrap();
    let info = module(8);
    for round in 0..2 {
        let cached = Cached::new(&on_disk(folder.path()), &info, "s");
        for version in [Version::Plain, Version::Listened] {
            let found = cached.compiler.compile(&info, 2, version).unwrap();
            assert_eq!(found, made_up(&info, 2, version as u64));
        }
        assert_eq!(cached.inner.total.load(Ordering::SeqCst), if round == 0 { 2 } else { 0 });
        // Only plain versions come along.
        assert_eq!(cached.compiler.companions(&info, 1, 100), if round == 0 { vec![] } else { vec![2] });
        assert_eq!(cached.compiler.companions(&info, 2, 100), []);
    }
}

#[test]
fn limits_are_remembered_and_other_failures_are_not() {
    let folder = tempfile::tempdir().unwrap();
    for cache in [CodeCache::in_memory("1.0"), on_disk(folder.path())] {
        let info = module(8);
        let cached = Cached::new(&cache, &info, "s");
        assert_eq!(cached.compile([REFUSED, REFUSED, FAILING, FAILING]), 3);
        assert_eq!(cache.stats().functions_refused, 2);
    }
    assert_eq!(Cached::new(&on_disk(folder.path()), &module(8), "s").compile([REFUSED, FAILING]), 1);
}

#[test]
fn a_panic_is_passed_on_and_the_next_may_try() {
    let cache = CodeCache::in_memory("1.0");
    let cached = Cached::new(&cache, &module(8), "s");
    assert!(catch_unwind(AssertUnwindSafe(|| cached.compile([PANICKING]))).is_err());
    assert_eq!(cached.compile([PANICKING, PANICKING]), 1);
}

#[test]
fn what_a_process_compiled_the_next_finds() {
    let folder = tempfile::tempdir().unwrap();
    let info = module(30);
    let run = |functions: &[u32]| {
        let cache = on_disk(folder.path());
        let compiled = Cached::new(&cache, &info, "s").compile(functions.iter().copied());
        assert_eq!(cache.stats().entries_written, u64::from(compiled > 0), "only if there is something new");
        compiled
    };
    assert_eq!(run(&[9, 8, 20]), 3);
    assert_eq!(run(&[20, 9, 8]), 0);
    // What is new is added.
    assert_eq!(run(&[20, 10, 0]), 2);
    assert_eq!(run(&[20, 10, 9, 8, 0]), 0);
    entry_in(folder.path());
    // Another version, or other settings, have entries of their own.
    let newer = CodeCache::in_directory("1.1", folder.path()).unwrap();
    assert_eq!(Cached::new(&newer, &info, "s").compile([20]), 1);
    assert_eq!(Cached::new(&on_disk(folder.path()), &info, "t").compile([20]), 1);
    assert_eq!(run(&[20, 10, 9, 8, 0]), 0);
}

#[test]
fn compiling_all_writes_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let info = module(3);
    let cache = on_disk(folder.path());
    let cached = Cached::new(&cache, &info, "s");
    cached.compile(0..3);
    assert_eq!(cache.stats().entries_written, 0);
    cached.compiler.compiled_all();
    assert_eq!(cache.stats().entries_written, 1);
    assert_eq!(cache.stats().bytes_written, entry_in(folder.path()).metadata().unwrap().len());
    // What is written is no longer kept in memory, and found nevertheless.
    assert_eq!(cache.store.memory_bytes.load(Ordering::SeqCst), 0);
    assert_eq!(cached.compile(0..3), 0);
    assert_eq!(Cached::new(&on_disk(folder.path()), &info, "s").compile(0..3), 0);
    cached.compiler.compiled_all();
    assert_eq!(cache.stats().entries_written, 1, "nothing new");
}

/// Two processes that both began before either had written.
#[test]
fn entries_that_are_written_at_once_are_joined() {
    let folder = tempfile::tempdir().unwrap();
    let info = module(12);
    let (one, other) = (on_disk(folder.path()), on_disk(folder.path()));
    let (first, second) = (Cached::new(&one, &info, "s"), Cached::new(&other, &info, "s"));
    assert_eq!((first.compile([0, 1, 2]), second.compile([2, 4])), (3, 2));
    one.flush().unwrap();
    other.flush().unwrap();
    assert_eq!(Cached::new(&on_disk(folder.path()), &info, "s").compile([0, 1, 2, 4]), 0);
    // The first did not see what the second wrote; writing again loses nothing.
    assert_eq!(first.compile([6]), 1);
    drop((first, second));
    assert_eq!(Cached::new(&on_disk(folder.path()), &info, "s").compile([0, 1, 2, 4, 6]), 0);
}

#[test]
fn many_threads_compile_each_function_once() {
    let folder = tempfile::tempdir().unwrap();
    let info = module(40);
    let functions = || (0..40).filter(|function| ![FAILING, PANICKING].contains(function));
    for cache in [CodeCache::in_memory("1.0"), on_disk(folder.path())] {
        let cached: Vec<_> = (0..4).map(|_| Cached::new(&cache, &info, "s")).collect();
        std::thread::scope(|scope| {
            for (number, cached) in cached.iter().enumerate() {
                let cache = &cache;
                scope.spawn(move || {
                    for round in 0..20 {
                        let start = number * 7 + round;
                        cached.compile(functions().cycle().skip(start).take(38));
                        if round % 5 == number {
                            cache.flush().unwrap();
                        }
                    }
                });
            }
        });
        assert_eq!(cache.stats().functions_compiled, 38);
    }
    assert_eq!(Cached::new(&on_disk(folder.path()), &info, "s").compile(functions()), 0);
}

#[test]
fn who_wants_what_is_being_compiled_waits() {
    let (cache, info) = (CodeCache::in_memory("1.0"), module(12));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| Cached::new(&cache, &info, "s").compile([SLOW]));
        }
    });
    let stats = cache.stats();
    assert_eq!((stats.functions_compiled, stats.functions_reused), (1, 2));
}

/// Functions are compiled where a guest may have left little of the native stack: what the core
/// keeps free has to be enough for the cache.
#[test]
fn little_stack_is_needed() {
    let folder = tempfile::tempdir().unwrap();
    let info = module(8);
    let run = || {
        for compiled in [3, 0] {
            let cache = on_disk(folder.path());
            let cached = Cached::new(&cache, &info, "s");
            assert_eq!(cached.compile([0, 1, 2]), compiled);
            cache.flush().unwrap();
        }
    };
    std::thread::scope(|scope| {
        std::thread::Builder::new().stack_size(64 << 10).spawn_scoped(scope, run).unwrap().join().unwrap();
    });
}

/// Caches that know nothing of each other, as processes do, on one directory.
#[test]
fn many_processes_write_and_read_whole_entries() {
    let folder = tempfile::tempdir().unwrap();
    let info = module(40);
    std::thread::scope(|scope| {
        for number in 0..4 {
            let (folder, info) = (folder.path(), &info);
            scope.spawn(move || {
                for round in 0..15 {
                    let cache = on_disk(folder);
                    let cached = Cached::new(&cache, info, "s");
                    cached.compile((8..40).filter(|function| (function + number + round) % 3 == 0));
                    drop(cached);
                    assert_eq!(cache.stats().last_failure, None);
                }
            });
        }
    });
    assert_eq!(Cached::new(&on_disk(folder.path()), &info, "s").compile(8..40), 0);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left over");
}

#[test]
fn memory_is_limited_by_letting_go_of_the_oldest() {
    let cache = CodeCache::in_memory("1.0");
    let infos: Vec<_> = (10..15).map(module).collect();
    let size = |info| {
        let cache = CodeCache::in_memory("1.0");
        Cached::new(&cache, info, "s").compile([0, 1, 2]);
        cache.store.memory_bytes.load(Ordering::SeqCst) as u64
    };
    cache.set_limit_bytes(infos[1..4].iter().map(size).sum());
    for info in &infos[..4] {
        assert_eq!(Cached::new(&cache, info, "s").compile([0, 1, 2]), 3);
    }
    for info in &infos[1..4] {
        assert_eq!(Cached::new(&cache, info, "s").compile([0, 1, 2]), 0);
    }
    assert_eq!(cache.modules.lock().len(), 3);
    assert_eq!(Cached::new(&cache, &infos[0], "s").compile([0, 1, 2]), 3);
    cache.set_limit_bytes(0);
    let cached = Cached::new(&cache, &infos[0], "s");
    assert_eq!(cached.compile([0, 4, 4]), 2, "one is kept until something is compiled");
    assert_eq!(cache.store.memory_bytes.load(Ordering::SeqCst), 0);
}

#[test]
fn a_directory_is_limited_by_removing_the_oldest() {
    let folder = tempfile::tempdir().unwrap();
    let cache = on_disk(folder.path());
    cache.set_limit_bytes(0);
    for functions in 10..14 {
        Cached::new(&cache, &module(functions), "s").compile([0, 1]);
    }
    assert_eq!(Cached::new(&cache, &module(13), "s").compile([0, 1]), 0);
    entry_in(folder.path());
}

#[test]
fn closing_writes_and_forgets() {
    let folder = tempfile::tempdir().unwrap();
    for cache in [CodeCache::in_memory("1.0"), on_disk(folder.path())] {
        let cached = Cached::new(&cache, &module(8), "s");
        assert_eq!(cached.compile([0, 1]), 2);
        cache.close().unwrap();
        cache.close().unwrap();
        assert_eq!(cache.store.memory_bytes.load(Ordering::SeqCst), 0);
        // They go on, without.
        assert_eq!(cached.compile([0, 2, 2]), 3);
        assert_eq!(Cached::new(&cache, &module(8), "s").compile([2]), 1);
        drop(cached);
        assert_eq!(cache.store.memory_bytes.load(Ordering::SeqCst), 0);
        assert!(cache.stats().entries_written < 2);
    }
    assert_eq!(Cached::new(&on_disk(folder.path()), &module(8), "s").compile([0, 1, 2]), 1);
}

#[test]
fn what_cannot_be_written_is_told_and_does_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache");
    let cache = on_disk(&path);
    let cached = Cached::new(&cache, &module(8), "s");
    assert_eq!(cached.compile([0, 1]), 2);
    std::fs::remove_dir_all(&path).unwrap();
    let error = cache.flush().unwrap_err().to_string();
    let expected = format!("cannot write compiled code to the cache directory {}: ", path.display());
    assert!(error.starts_with(&expected), "{error}");
    assert_eq!(cache.stats().last_failure, Some(error));
    assert_eq!(cached.compile([0, 1]), 0, "still in memory");
    std::fs::create_dir(&path).unwrap();
    drop(cached);
    assert_eq!(Cached::new(&on_disk(&path), &module(8), "s").compile([0, 1]), 0);
}
