//! Several threads on one instance and one runtime. On every engine.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use wz::{Caller, HostModule, ModuleConfig, Trap, Value};
use wz_testkit::engines::for_each_engine;
use wz_testkit::fixture::{Fixture, call, call_error};

const THREADS: usize = 8;

#[test]
fn one_instance_is_called_by_several_threads() {
    for_each_engine(|engine| {
        let module = Fixture::new((engine.config)()).module(
            r#"(module (func $fib (export "fib") (param i32) (result i32)
                (if (result i32) (i32.lt_u (local.get 0) (i32.const 2))
                    (then (local.get 0))
                    (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
                        (call $fib (i32.sub (local.get 0) (i32.const 2))))))))"#,
        );
        let fib = module.typed_function::<i32, i32>("fib").unwrap();
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let fib = fib.clone();
                scope.spawn(move || {
                    for n in [10, 15, 5 + thread as i32] {
                        let expected = (0..n).fold((0, 1), |(a, b), _| (b, a + b)).0;
                        assert_eq!(fib.call(n).unwrap(), expected);
                    }
                });
            }
        });
    });
}

#[test]
fn traps_and_overflows_of_one_thread_do_not_touch_others() {
    for_each_engine(|engine| {
        let module = Fixture::new((engine.config)().with_max_stack_bytes(256 << 10)).module(
            r#"(module (memory 1)
                (func (export "trap") (drop (i32.load (i32.const -1))))
                (func $down (export "down") (call $down))
                (func (export "sum") (result i32) (local i32 i32)
                    (loop
                        (local.set 1 (i32.add (local.get 1) (local.get 0)))
                        (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 1000))))
                    (local.get 1)))"#,
        );
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let module = module.clone();
                scope.spawn(move || {
                    for _ in 0..20 {
                        match thread % 3 {
                            0 => assert_eq!(
                                call_error(&module, "trap", &[]).trap(),
                                Some(Trap::OutOfBoundsMemoryAccess)
                            ),
                            1 => {
                                assert_eq!(call_error(&module, "down", &[]).trap(), Some(Trap::StackOverflow))
                            }
                            _ => {
                                let results = call(&module, "sum", &[]).unwrap();
                                assert!(matches!(results[..], [Value::I32(499_500)]), "{results:?}");
                            }
                        }
                    }
                });
            }
        });
    });
}

#[test]
fn growth_is_seen_by_all_and_never_lost() {
    for_each_engine(|engine| {
        let module = Fixture::new((engine.config)()).module(
            r#"(module (memory (export "m") 1 1000) (table (export "t") 1 10000 funcref)
                (func (export "grow") (result i32)
                    (drop (table.grow (ref.null func) (i32.const 2))) (memory.grow (i32.const 1)))
                (func (export "last") (result i32)
                    (i32.load8_u (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 1)))))"#,
        );
        let mut sizes: Vec<i32> = std::thread::scope(|scope| {
            let grow = |_| {
                scope.spawn(|| {
                    let grow = module.typed_function::<(), i32>("grow").unwrap();
                    let last = module.typed_function::<(), i32>("last").unwrap();
                    (0..50).map(|_| (grow.call(()).unwrap(), last.call(()).unwrap()).0).collect::<Vec<_>>()
                })
            };
            let threads: Vec<_> = (0..THREADS).map(grow).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        sizes.sort_unstable();
        assert_eq!(sizes, (1..=THREADS as i32 * 50).collect::<Vec<_>>());
        assert_eq!(module.exported_table("t").unwrap().size(), 1 + THREADS as u64 * 100);
    });
}

/// One instance, eight threads in a host function, while another thread closes the module and
/// makes it anew under the same name, again and again.
#[test]
fn hammer_closing_while_others_are_in_the_host() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)().with_close_on_context_done(true));
        let inside = Arc::new(AtomicU32::new(0));
        let counter = inside.clone();
        fixture.host(&HostModule::new("host").with_function(
            "visit",
            move |caller: &mut Caller<'_>, value: i32| {
                counter.fetch_add(1, Ordering::SeqCst);
                let module = caller.module().expect("a guest calls");
                assert_eq!(module.name(), "hammer");
                let memory = caller.memory().expect("its memory");
                memory.write_u32(0_u32, 7).expect("in bounds, closed or not");
                std::thread::yield_now();
                value + 1
            },
        ));
        let compiled = fixture.compile(
            r#"(module (import "host" "visit" (func $visit (param i32) (result i32))) (memory 1)
                (func (export "run") (param i32) (result i32) (call $visit (call $visit (local.get 0)))))"#,
        );
        let instantiate = || {
            fixture.runtime.instantiate_module(&compiled, ModuleConfig::new().with_name("hammer")).unwrap()
        };
        instantiate();
        let done = AtomicBool::new(false);
        let start = Barrier::new(THREADS + 1);
        let (fine, ended) = std::thread::scope(|scope| {
            let worker = |_| {
                scope.spawn(|| {
                    start.wait();
                    let (mut fine, mut ended) = (0, 0);
                    while !done.load(Ordering::SeqCst) {
                        let Some(module) = fixture.runtime.module("hammer") else { continue };
                        match call(&module, "run", &[Value::I32(5)]) {
                            Ok(results) => {
                                assert!(matches!(results[..], [Value::I32(7)]), "{results:?}");
                                fine += 1;
                            }
                            Err(error) => {
                                assert_eq!(error.exit_code(), Some(11), "{error}");
                                ended += 1;
                            }
                        }
                    }
                    (fine, ended)
                })
            };
            let workers: Vec<_> = (0..THREADS).map(worker).collect();
            start.wait();
            let until = Instant::now() + Duration::from_secs(2);
            let mut rounds = 0;
            while Instant::now() < until || rounds < 50 {
                fixture.runtime.module("hammer").expect("it is there").close_with_exit_code(11).unwrap();
                instantiate();
                rounds += 1;
                std::thread::sleep(Duration::from_millis(1));
            }
            done.store(true, Ordering::SeqCst);
            workers
                .into_iter()
                .map(|worker| worker.join().unwrap())
                .fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1))
        });
        assert!(fine > 0 && inside.load(Ordering::SeqCst) >= fine, "{fine} calls, {ended} ended");
    });
}

#[test]
fn compiling_and_instantiating_from_several_threads() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let fixture = &fixture;
                scope.spawn(move || {
                    for round in 0..20 {
                        let name = format!("m{thread}-{round}");
                        let module = fixture.named(
                            &name,
                            &format!(
                                r#"(module (memory 1) (func (export "f") (result i32) (i32.const {round})))"#
                            ),
                        );
                        let results = call(&module, "f", &[]).unwrap();
                        assert!(matches!(results[..], [Value::I32(value)] if value == round), "{results:?}");
                        if round % 2 == 0 {
                            module.close().unwrap();
                        }
                    }
                });
            }
        });
        let open = (0..THREADS).flat_map(|thread| (0..20).map(move |round| format!("m{thread}-{round}")));
        assert_eq!(open.filter(|name| fixture.runtime.module(name).is_some()).count(), THREADS * 10);
    });
}

#[test]
fn handles_are_dropped_on_other_threads() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        for _ in 0..50 {
            let module = fixture.module(r#"(module (memory (export "m") 1) (func (export "f")))"#);
            let function = module.exported_function("f").unwrap();
            let memory = module.exported_memory("m").unwrap();
            let threads = [
                std::thread::spawn(move || drop(module)),
                std::thread::spawn(move || function.call(&[]).map(drop).unwrap()),
                std::thread::spawn(move || assert_eq!(memory.read_u8(0_u32), Some(0))),
            ];
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        }
    });
}
