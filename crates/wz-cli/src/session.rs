//! A session: loads, links and runs a program, and tells how it ended. It knows nothing of what
//! watches the program.

use std::cell::RefCell;
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use wz::experimental::{FunctionListenerFactory, with_function_listener_factory};
use wz::wasi::Stdio;
use wz::{
    CompiledModule, Context, DoneReason, Error, ExitError, Fuel, JitConfig, Module, ModuleConfig, Runtime,
    RuntimeConfig, Value, with_fuel,
};

use crate::args::SessionArgs;
use crate::cache;
use crate::coredump::{self, DumpedInstance};
use crate::environment;
use crate::escape::escape;
use crate::invoke::{format_results, parse_arguments};
use crate::mounts::Mount;
use crate::report::{Failure, STATUS_TIMEOUT, STATUS_USAGE, not_utf8, note, print_out};
use crate::source;

/// The names under which programs import WASI.
const WASI_MODULES: [&str; 2] = ["wasi_snapshot_preview1", "wasi_unstable"];

/// The bytes in a page of memory.
const PAGE_SIZE: u64 = 65_536;
/// The pages that a memory with 32-bit addresses can have at most.
const MAX_MEMORY_PAGES: u64 = 65_536;

/// Runs a program, whose calls the listeners of `factory` are told of, and gives the process's exit
/// status.
///
/// # Errors
/// What prevented or ended the run, unless the program ended itself.
pub(crate) fn run(
    arguments: &SessionArgs,
    factory: Option<Arc<dyn FunctionListenerFactory>>,
) -> Result<i32, Failure> {
    let (file, guest_arguments) = arguments.split();
    let guest_arguments = to_utf8(guest_arguments)?;
    let cache = cache::open(&arguments.engine.cache)?;
    let mut config = runtime_config(arguments);
    if let Some(cache) = &cache {
        config = config.with_compilation_cache(cache);
    }
    let runtime = Runtime::with_config(config).map_err(|error| Failure::of_error("wz", &error))?;
    let program = source::compile(&runtime, &file)?;
    let entry = Entry::choose(arguments, &program, &guest_arguments)?;
    let preloads: Vec<_> = arguments
        .preloads
        .iter()
        .map(|preload| source::compile(&runtime, &preload.file))
        .collect::<Result<_, _>>()?;
    let listening = factory.map_or_else(Context::background, |factory| {
        with_function_listener_factory(&Context::background(), factory)
    });
    link_wasi(&runtime, &listening, arguments, preloads.iter().chain([&program]))?;

    let config = module_config(arguments, &file, &guest_arguments)?;
    // Time counts from here: compiling is not the program's doing.
    let context = context(listening, arguments);
    let instances = RefCell::default();
    let session = Session { runtime: &runtime, context: &context, arguments, instances };
    let status = session.run(&file, &program, &preloads, &entry, config);
    // What is open is flushed and closed; how the program ended matters more than that.
    let closed = runtime.close();
    cache::finish(cache.as_ref());
    match (status, closed) {
        (Ok(0), Err(error)) => Err(Failure::of_error("wz", &error)),
        (status, _) => status,
    }
}

/// What is called in the program.
enum Entry {
    /// `_start`, or `_initialize` in a library.
    Start(&'static str),
    /// There is neither: the start section at most.
    Nothing,
    /// An exported function, after `_initialize` if it is not for programs with `_start`.
    Invoke { name: String, arguments: Vec<Value>, initialize: bool },
}

impl Entry {
    fn choose(arguments: &SessionArgs, program: &CompiledModule, guest: &[String]) -> Result<Self, Failure> {
        let exports = program.exported_functions();
        let has_start = exports.contains_key("_start");
        let Some(name) = &arguments.invoke else {
            return Ok(if has_start {
                Self::Start("_start")
            } else if exports.contains_key("_initialize") {
                Self::Start("_initialize")
            } else {
                Self::Nothing
            });
        };
        let Some(definition) = exports.get(name.as_str()) else {
            let failure = Failure::setup(format!("no function is exported as \"{}\"", escape(name)));
            return Err(match list_exports(program) {
                Some(list) => failure.with_hint(format!("these are: {list}")),
                None => failure.with_hint("the module exports no functions"),
            });
        };
        let values = parse_arguments(definition.ty(), guest).map_err(|problem| {
            let signature = escape(&definition.signature());
            Failure::new(STATUS_USAGE, format!("cannot call {signature}: {}", escape(&problem)))
        })?;
        Ok(Self::Invoke { name: name.clone(), arguments: values, initialize: !has_start })
    }
}

/// A run whose modules are compiled.
struct Session<'a> {
    runtime: &'a Runtime,
    context: &'a Context,
    arguments: &'a SessionArgs,
    /// The instances so far, for a core dump.
    instances: RefCell<Vec<DumpedInstance>>,
}

impl Session<'_> {
    fn run(
        &self,
        file: &Path,
        program: &CompiledModule,
        preloads: &[CompiledModule],
        entry: &Entry,
        config: ModuleConfig,
    ) -> Result<i32, Failure> {
        for (preload, module) in self.arguments.preloads.iter().zip(preloads) {
            let config = config.clone().with_name(&preload.name);
            if let Ended::Exit(status) = self.start(&preload.file, module, config, Some("_initialize"))? {
                return Ok(status);
            }
        }
        let start: Option<&str> = match entry {
            Entry::Start(name) => Some(name),
            Entry::Invoke { initialize: true, .. } => Some("_initialize"),
            Entry::Invoke { .. } | Entry::Nothing => None,
        };
        let instance = match self.start(file, program, config, start)? {
            Ended::No(instance) => instance,
            Ended::Exit(status) => return Ok(status),
        };
        match entry {
            Entry::Invoke { name, arguments, .. } => {
                let called = instance
                    .try_exported_function(name)
                    .and_then(|function| function.call_values_with(self.context, arguments));
                match called {
                    Ok(results) => print_out(&format_results(&results)),
                    Err(error) => self.ended(file, &error),
                }
            }
            Entry::Start(_) => Ok(0),
            Entry::Nothing => {
                if program.info().start.is_none()
                    && let Some(list) = list_exports(program)
                {
                    let file = escape(&file.to_string_lossy());
                    note(&format!("{file} has no _start to run; --invoke NAME calls one of: {list}"));
                }
                Ok(0)
            }
        }
    }

    /// Instantiates a module and calls the function that starts it, if it exports that.
    fn start(
        &self,
        file: &Path,
        compiled: &CompiledModule,
        config: ModuleConfig,
        start: Option<&str>,
    ) -> Result<Ended, Failure> {
        let dumped = self.instances.borrow().len();
        let name = file.to_string_lossy().into_owned();
        self.instances.borrow_mut().push(DumpedInstance { name, compiled: compiled.clone(), module: None });
        // The start function is called here, so that the instance is at hand if it traps.
        let config = config.with_start_functions([""; 0]);
        let instance = match self.runtime.instantiate_module_with(self.context, compiled, config) {
            Ok(instance) => instance,
            Err(error) => return self.ended(file, &error).map(Ended::Exit),
        };
        self.instances.borrow_mut()[dumped].module = Some(instance.clone());
        // A start section that exits with 0 is no error.
        if let Some(code) = instance.exit_code() {
            return Ok(Ended::Exit(code as i32));
        }
        if let Some(function) = start.and_then(|name| instance.exported_function(name))
            && let Err(error) = function.call_with(self.context, &[])
        {
            return self.ended(file, &error).map(Ended::Exit);
        }
        Ok(Ended::No(instance))
    }

    /// The exit status of a run that ended with an error, which may be the program's own exit.
    fn ended(&self, file: &Path, error: &Error) -> Result<i32, Failure> {
        let timed_out = self.context.done() == Some(DoneReason::DeadlineExceeded);
        match (error.exit_code(), self.arguments.limits.timeout) {
            (Some(ExitError::DEADLINE_EXCEEDED), Some(timeout)) if timed_out => {
                Err(Failure::new(STATUS_TIMEOUT, format!("timed out after {timeout:?}")))
            }
            (Some(code), _) => Ok(code as i32),
            (None, _) => Err(self.dump_core(error, Failure::of_error(&file.to_string_lossy(), error))),
        }
    }

    /// Writes the core dump that was asked for, if the program was running.
    fn dump_core(&self, error: &Error, failure: Failure) -> Failure {
        let (Some(path), Some(backtrace)) = (&self.arguments.coredump, error.backtrace()) else {
            return failure;
        };
        let shown = escape(&path.to_string_lossy());
        match coredump::write(path, &self.arguments.split().0, backtrace, &self.instances.borrow()) {
            Ok(()) => failure.with_note(format!("{shown} has what stack, memories and globals held")),
            Err(error) => failure.with_note(format!("cannot write the core dump to {shown}: {error}")),
        }
    }
}

/// Whether the program has ended, which it may also do with success while it is instantiated.
enum Ended {
    No(Module),
    Exit(i32),
}

/// Provides WASI under the names that the modules import it by.
fn link_wasi<'a>(
    runtime: &Runtime,
    listening: &Context,
    arguments: &SessionArgs,
    modules: impl Iterator<Item = &'a CompiledModule>,
) -> Result<(), Failure> {
    let imported: Vec<_> = modules.flat_map(CompiledModule::imported_modules).collect();
    for name in WASI_MODULES {
        let is_imported = imported.iter().any(|module| **module == *name);
        let is_preloaded = arguments.preloads.iter().any(|preload| preload.name == name);
        if is_imported && !is_preloaded {
            let module = wz::wasi::snapshot_preview1().with_name(name);
            runtime
                .instantiate_host_module_with(listening, &module)
                .map_err(|error| Failure::of_error(name, &error))?;
        }
    }
    Ok(())
}

fn context(mut context: Context, arguments: &SessionArgs) -> Context {
    if let Some(units) = arguments.limits.fuel {
        context = with_fuel(&context, &Fuel::new(units));
    }
    if let Some(timeout) = arguments.limits.timeout {
        context = context.with_timeout(timeout);
    }
    context
}

fn runtime_config(arguments: &SessionArgs) -> RuntimeConfig {
    let limits = &arguments.limits;
    let mut config = RuntimeConfig::new()
        .with_engine(arguments.engine.engine.into())
        .with_jit(jit_config())
        .with_close_on_context_done(limits.timeout.is_some())
        .with_fuel(limits.fuel.is_some());
    if let Some(features) = arguments.engine.features.features {
        config = config.with_core_features(features);
    }
    if let Some(bytes) = limits.max_memory {
        let pages = bytes / PAGE_SIZE;
        config = config.with_memory_limit_pages(pages.min(MAX_MEMORY_PAGES)).with_memory64_limit_pages(pages);
    }
    if let Some(bytes) = limits.max_stack {
        config = config.with_max_stack_bytes(usize::try_from(bytes).unwrap_or(usize::MAX));
    }
    if let Some(elements) = limits.max_table_elements {
        config = config.with_table_limit_elements(elements);
    }
    config
}

/// What the environment says of the JIT, for those who work on it: `docs/jit.md` has the variables.
pub(crate) fn jit_config() -> JitConfig {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let mut config = JitConfig::new();
    if let Some(names) = variable("WZ_PASSES") {
        config = config.with_passes(names);
    }
    if let Some(names) = variable("WZ_CPU") {
        config = config.with_cpu_features(names);
    }
    config = config.with_explicit_checks(variable("WZ_CHECKS").is_some());
    if let Some(dump) = variable("WZ_DUMP") {
        let (folder, filter) = dump.split_once('=').unwrap_or((&dump, ""));
        config = config.with_dump(folder, filter);
    }
    config
}

fn module_config(
    arguments: &SessionArgs,
    file: &Path,
    guest_arguments: &[String],
) -> Result<ModuleConfig, Failure> {
    let program = &arguments.program;
    let argv0 = match (&program.argv0, file.file_name()) {
        (Some(name), _) => name.clone(),
        (None, Some(name)) => name.to_string_lossy().into_owned(),
        (None, None) => file.to_string_lossy().into_owned(),
    };
    let mut config = ModuleConfig::new()
        .with_name("")
        .with_args([argv0].iter().chain(guest_arguments))
        .with_stdin(Stdio::inherit())
        .with_stdout(Stdio::inherit())
        .with_stderr(Stdio::inherit())
        .with_sys_walltime()
        .with_sys_nanotime()
        .with_sys_nanosleep()
        .with_sys_osyield()
        .with_sys_rand_source();
    for (name, value) in
        environment::resolve(program.env_inherit, environment::of_process(), &program.variables)
    {
        config = config.with_env(name, value);
    }
    for mount in program.dirs.iter().chain(&program.mounts) {
        check_directory(mount)?;
        config = if mount.read_only {
            config.with_read_only_dir_mount(&mount.host, &mount.guest)
        } else {
            config.with_dir_mount(&mount.host, &mount.guest)
        };
    }
    for address in &program.listen {
        config = config.with_tcp_listener(address.listen()?);
    }
    Ok(config)
}

/// Says clearly what a mistyped directory is; what counts is how it is opened later.
fn check_directory(mount: &Mount) -> Result<(), Failure> {
    let name = escape(&mount.host.to_string_lossy());
    match std::fs::metadata(&mount.host) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(Failure::setup(format!("cannot mount {name}: it is not a directory"))),
        Err(error) => Err(Failure::setup(format!("cannot mount {name}: {error}"))),
    }
}

fn to_utf8(arguments: &[OsString]) -> Result<Vec<String>, Failure> {
    let each = arguments
        .iter()
        .map(|argument| argument.to_str().map(str::to_owned).ok_or_else(|| not_utf8(argument)));
    each.collect()
}

/// The names of the exported functions, none if there are none.
fn list_exports(program: &CompiledModule) -> Option<String> {
    const SHOWN: usize = 20;
    let exports = program.exported_functions();
    let mut names: Vec<_> = exports.keys().take(SHOWN).map(|name| escape(name)).collect();
    if exports.len() > SHOWN {
        names.push(format!("and {} more", exports.len() - SHOWN));
    }
    (!names.is_empty()).then(|| names.join(", "))
}
