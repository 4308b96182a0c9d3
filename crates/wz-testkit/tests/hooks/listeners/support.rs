//! What the tests of the listener contract share: listeners that write down every event, and
//! modules to be listened to.

use std::sync::{Arc, Mutex};

use wz::experimental::{
    FunctionListener, FunctionListenerFactory, StackIterator, with_function_listener_factory,
};
use wz::{Caller, Context, Error, Fuel, FunctionDefinition, HostModule, Module, ModuleConfig, with_fuel};
use wz_testkit::engines::for_each_engine;
use wz_testkit::fixture::Fixture;

/// Writes down every event as a line.
#[derive(Default)]
pub(crate) struct Log {
    pub(crate) lines: Mutex<Vec<String>>,
}

impl Log {
    pub(crate) fn add(&self, line: String) {
        self.lines.lock().unwrap().push(line);
    }

    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.lines.lock().unwrap())
    }
}

/// How deep the contexts of listeners are nested: derived by every `before`.
#[derive(Clone, Copy)]
pub(crate) struct Depth(pub(crate) u32);

pub(crate) fn depth(cx: &Context) -> u32 {
    cx.value::<Depth>().map_or(0, |depth| depth.0)
}

/// Logs calls as `> name(params) at depth`, `< name(results)`, `! name: error` and `~ name` for
/// tail calls, each with the depth of its context.
pub(crate) struct Logging {
    pub(crate) log: Arc<Log>,
    pub(crate) label: &'static str,
}

pub(crate) fn kind(error: &Error) -> String {
    match (error.trap(), error.exit_code()) {
        (Some(trap), _) => trap.to_string(),
        (_, Some(code)) => format!("exit {code}"),
        // The message of a panic comes with a remark.
        _ => error.to_string().lines().next().unwrap_or_default().replace(" (recovered by wz)", ""),
    }
}

pub(crate) fn words(words: &[u64]) -> String {
    words.iter().map(u64::to_string).collect::<Vec<_>>().join(",")
}

impl FunctionListener for Logging {
    fn before(
        &self,
        cx: &Context,
        _: &Module,
        definition: &FunctionDefinition,
        params: &[u64],
        _: &mut dyn StackIterator,
    ) -> Option<Context> {
        let (label, name) = (self.label, definition.name());
        self.log.add(format!("{label}> {name}({}) {}", words(params), depth(cx)));
        Some(cx.with_value(Depth(depth(cx) + 1)))
    }

    fn after(&self, cx: &Context, _: &Module, definition: &FunctionDefinition, results: &[u64]) {
        self.log.add(format!("{}< {}({}) {}", self.label, definition.name(), words(results), depth(cx)));
    }

    fn abort(&self, cx: &Context, _: &Module, definition: &FunctionDefinition, error: &Error) {
        self.log.add(format!("{}! {}: {} {}", self.label, definition.name(), kind(error), depth(cx)));
    }

    fn tail_call(&self, cx: &Context, _: &Module, definition: &FunctionDefinition) {
        self.log.add(format!("{}~ {} {}", self.label, definition.name(), depth(cx)));
    }
}

/// A factory that listens to functions whose names do not begin with `quiet`.
pub(crate) fn logging(log: &Arc<Log>, label: &'static str) -> Arc<dyn FunctionListenerFactory> {
    let log = log.clone();
    Arc::new(move |definition: &FunctionDefinition| -> Option<Arc<dyn FunctionListener>> {
        let listened = !definition.name().starts_with("quiet");
        listened.then(|| Arc::new(Logging { log: log.clone(), label }) as Arc<dyn FunctionListener>)
    })
}

pub(crate) fn listening(factory: &Arc<dyn FunctionListenerFactory>) -> Context {
    with_function_listener_factory(&Context::background(), factory.clone())
}

/// A listener of one closure over `before`, as factory for every function.
pub(crate) fn each_before(
    before: impl Fn(&Context, &Module, &FunctionDefinition, &[u64], &mut dyn StackIterator)
    + Send
    + Sync
    + 'static,
) -> Arc<dyn FunctionListenerFactory> {
    let listener: Arc<dyn FunctionListener> = Arc::new(before);
    Arc::new(move |_: &FunctionDefinition| Some(listener.clone()))
}

pub(crate) fn instantiate(fixture: &Fixture, cx: &Context, name: &str, text: &str) -> Module {
    let compiled = fixture.compile(text);
    fixture.runtime.instantiate_module_with(cx, &compiled, ModuleConfig::new().with_name(name)).unwrap()
}

/// Runs the export `run` of a listened module beside a listened host module, whatever comes of
/// it, and compares the events.
pub(crate) fn check(text: &str, expected: &[&str]) {
    for_each_engine(|engine| {
        let log = Arc::new(Log::default());
        let cx = listening(&logging(&log, ""));
        let config = (engine.config)().with_close_on_context_done(true).with_fuel(true);
        let fixture = Fixture::new(config);
        let host = HostModule::new("host")
            .with_function("log_depth", {
                let log = log.clone();
                move |caller: &mut Caller<'_>| log.add(format!("host at {}", depth(caller.context())))
            })
            .with_function("fail", || -> wz::Result<()> { Err(Error::host("failed")) })
            .with_function("exit", || -> wz::Result<()> { Err(Error::exit(7)) })
            .with_function("panic", || -> i32 { panic!("host panic") })
            .with_function("close", |caller: &mut Caller<'_>| {
                caller.module().unwrap().close_with_exit_code(8)
            })
            .with_function("use_up", |caller: &mut Caller<'_>| caller.consume_fuel(u64::MAX))
            .with_function("back", |caller: &mut Caller<'_>| -> wz::Result<i32> {
                let inner = caller.module().unwrap().exported_function("inner").unwrap();
                Ok(i32::from(inner.call_with(caller.context(), &[]).is_err()))
            })
            .with_function("back_without_context", |caller: &mut Caller<'_>| -> wz::Result<i32> {
                let inner = caller.module().unwrap().exported_function("inner").unwrap();
                Ok(i32::from(inner.call(&[]).is_err()))
            })
            .with_function("add", |a: i64, b: i64| a + b);
        fixture.runtime.instantiate_host_module_with(&cx, &host).unwrap();
        let module = instantiate(&fixture, &cx, "guest", text);
        let run = module.exported_function("run").unwrap();
        let cx = with_fuel(&Context::background(), &Fuel::new(1 << 40));
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run.call_with(&cx, &[])));
        if let Err(panic) = outcome {
            assert_eq!(panic.downcast_ref::<&str>(), Some(&"host panic"));
        }
        assert_eq!(log.take(), expected, "{text}");
    });
}

/// A frame as `name(params) at offset`; `?` for parameters that are not there.
pub(crate) fn frames(stack: &mut dyn StackIterator) -> Vec<String> {
    let mut lines = Vec::new();
    while stack.next() {
        let function = stack.function();
        let offset = function.source_offset_for_pc(stack.program_counter());
        let params = stack.parameters().map_or("?".into(), words);
        lines.push(format!("{}({params}) at {offset}", function.definition().name()));
    }
    lines
}
