//! `wz::experimental::logging` in a runtime. It is tested here because its own crate knows no
//! runtime.

use std::io::Write;
use std::sync::{Arc, Mutex};

use wz::experimental::logging::{CallFormat, LogScopes, LoggingListenerFactory};
use wz::experimental::{FunctionListenerFactory, with_function_listener_factory};
use wz::prelude::*;

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

const GUEST: &str = r#"(module $guest
  (import "env" "half" (func $half (param f64) (result f64)))
  (func $inner (param $x f64) (param i64) (result f64) (call $half (local.get $x)))
  (func $"evil\1b[" (export "run") (param f64) (result f64)
    (call $inner (call 3 (local.get 0)) (i64.const -1)))
  (func (param f64) (result f64) (local.get 0))
  (func $trap (export "trap") (param funcref) unreachable))"#;

/// The guest with listeners, which log to what comes with it.
fn guest(factory: impl FunctionListenerFactory + 'static) -> Module {
    let cx = with_function_listener_factory(&Context::background(), Arc::new(factory));
    let runtime = Runtime::new();
    runtime
        .host_module_builder("env")
        .host_function(
            "half",
            HostFunction::new(|x: f64| x / 2.0).with_parameter_names(["x"]).with_result_names(["y"]),
        )
        .instantiate_with(&cx)
        .unwrap();
    runtime.instantiate_with(&cx, wat::parse_str(GUEST).unwrap(), ModuleConfig::new()).unwrap()
}

fn call(module: &Module) {
    module.typed_function::<f64, f64>("run").unwrap().call(3.0).unwrap();
    module.exported_function("trap").unwrap().call(&[0]).unwrap_err();
}

#[test]
fn all_named_functions() {
    let log = Written::default();
    call(&guest(LoggingListenerFactory::new(log.clone())));
    assert_eq!(
        log.text(),
        "--> guest.evil\\u{1b}[(3)\n\
         \t--> guest.inner(3,-1)\n\
         \t\t==> env.half(x=3)\n\
         \t\t<== y=1.5\n\
         \t<-- 1.5\n\
         <-- 1.5\n\
         --> guest.trap(null)\n"
    );
}

#[test]
fn the_boundary_to_the_host() {
    let check = |scopes, expected: &str| {
        let log = Written::default();
        call(&guest(LoggingListenerFactory::host(log.clone(), scopes)));
        assert_eq!(log.text(), expected);
    };
    check(
        LogScopes::ALL,
        "--> guest.evil\\u{1b}[(3)\n\t==> env.half(x=3)\n\t<== y=1.5\n<-- 1.5\n--> guest.trap(null)\n",
    );
    // Functions of no known subject are in no scope but all.
    check(LogScopes::CLOCK | LogScopes::MEMORY, "");
    check(LogScopes::NONE, "");
}

#[test]
fn threads_are_nested_by_themselves() {
    let log = Written::default();
    let module = guest(LoggingListenerFactory::new(log.clone()));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..50).for_each(|_| call(&module)));
        }
    });
    let text = log.text();
    let count = |line: &str| text.lines().filter(|given| *given == line).count();
    for line in
        ["--> guest.evil\\u{1b}[(3)", "\t--> guest.inner(3,-1)", "\t\t==> env.half(x=3)", "\t\t<== y=1.5"]
    {
        assert_eq!(count(line), 200, "{line:?}");
    }
    assert_eq!(text.lines().count(), 7 * 200);
}

#[test]
fn formats_tell_types_and_meanings() {
    let runtime = Runtime::new();
    let wasi = wz::wasi::instantiate(&runtime).unwrap();
    let definitions = wz::wasi::snapshot_preview1().definitions().unwrap();
    let fields = |name: &str, params: &[u64], results: &[u64]| {
        let definition = definitions.iter().find(|definition| definition.name() == name).unwrap();
        let format = CallFormat::new(definition);
        let list = |fields: Vec<wz::experimental::logging::Field<'_>>| {
            let shown = fields.iter().map(|field| {
                assert_eq!(field.ty, None, "{name}");
                format!("{}={}", field.name, field.text)
            });
            shown.collect::<Vec<_>>().join(" ")
        };
        (list(format.params(&wasi, params)), list(format.results(&wasi, params, results)))
    };
    #[track_caller]
    fn check(given: (String, String), params: &str, results: &str) {
        assert_eq!((&*given.0, &*given.1), (params, results));
    }
    check(fields("clock_res_get", &[1, 8], &[28]), "id=monotonic", "resolution= errno=EINVAL");
    check(
        fields("fd_advise", &[4, u64::MAX, 1, 3], &[0]),
        "fd=4 offset=18446744073709551615 len=1 advice=WILLNEED",
        "errno=ESUCCESS",
    );
    check(
        fields("fd_seek", &[4, u64::MAX, 1, 0], &[8]),
        "fd=4 offset=-1 whence=CUR",
        "newoffset= errno=EBADF",
    );
    check(fields("sock_shutdown", &[4, 3], &[57]), "fd=4 how=RD|WR", "errno=ENOTSOCK");
    check(
        fields("fd_fdstat_set_flags", &[4, 0x25], &[0]),
        "fd=4 flags=APPEND|NONBLOCK|0x20",
        "errno=ESUCCESS",
    );
    check(
        fields("sock_recv", &[4, 0, 1, 2, 0, 0], &[6]),
        "fd=4 ri_data=0 ri_data_len=1 ri_flags=RECV_WAITALL",
        "ro_datalen= ro_flags= errno=EAGAIN",
    );
    check(fields("proc_exit", &[7], &[]), "rval=7", "");
    // Without a memory there is nothing to show of texts.
    check(fields("path_unlink_file", &[3, 0, 4], &[44]), "fd=3 path=OOM", "errno=ENOENT");
    // Too few words are no panic.
    check(fields("path_open", &[3], &[]), "fd=3", "opened_fd=");
}
