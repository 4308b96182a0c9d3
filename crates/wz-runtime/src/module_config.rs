//! [`ModuleConfig`]: an instance's name and start functions, and what it sees of the world.

use std::any::{Any, TypeId};
use std::fmt;
use std::io::Read;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use wz_api::{Module, Result};
use wz_core::{CompiledModule, InstanceOptions};
use wz_wasi::fs::FileSystem;
use wz_wasi::{Stdio, WasiConfig, WasiState};

/// The configuration of an instance: a plain value that can be used for any number of them.
///
/// | Option | Default |
/// |---|---|
/// | [`with_name`](Self::with_name) | the module's own name |
/// | [`with_start_functions`](Self::with_start_functions) | `_start` |
/// | [`with_args`](Self::with_args), [`with_env`](Self::with_env) | none |
/// | [`with_dir_mount`](Self::with_dir_mount) and its siblings | no files at all |
/// | [`with_stdin`](Self::with_stdin), [`with_stdout`](Self::with_stdout), [`with_stderr`](Self::with_stderr) | nothing to read, output is discarded |
/// | [`with_walltime`](Self::with_walltime) | 2022-01-01T00:00:00Z, a millisecond later each time |
/// | [`with_nanotime`](Self::with_nanotime) | 0, a millisecond later each time |
/// | [`with_nanosleep`](Self::with_nanosleep), [`with_osyield`](Self::with_osyield) | return at once |
/// | [`with_rand_source`](Self::with_rand_source) | a fixed sequence |
/// | [`with`](Self::with) | no host state |
///
/// Listeners and close notifiers come with the [`Context`](crate::Context) of the instantiation.
///
/// ```
/// use wz::prelude::*;
/// use wz::wasi::Stdio;
///
/// let config = ModuleConfig::new()
///     .with_name("app-1")
///     .with_args(["app", "--verbose"])
///     .with_env("LANG", "C")
///     .with_read_only_dir_mount("/usr/share/app", "/data")
///     .with_stdout(Stdio::inherit())
///     .with_sys_walltime();
/// # drop(config);
/// ```
#[derive(Clone, Default)]
pub struct ModuleConfig {
    name: Option<String>,
    /// `None`: only `_start`.
    start_functions: Option<Vec<String>>,
    /// `None`: as it begins.
    wasi: Option<WasiConfig>,
    extensions: Vec<(TypeId, Arc<dyn Any + Send + Sync>)>,
    import_resolver: Option<ImportResolver>,
}

type ImportResolver = Arc<dyn Fn(&str) -> Option<Module> + Send + Sync>;

impl ModuleConfig {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The name that other modules import this instance by. With an empty name the instance is
    /// anonymous: there can be any number, and each is freed with its last handle.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The exported functions to call after instantiation, in order. Those that are not exported
    /// are skipped. `_initialize`, which libraries have, is not called unless it is among them.
    #[must_use]
    pub fn with_start_functions(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.start_functions = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Gives the instance host state, which host functions find again by its type with
    /// [`Caller::extension`](crate::Caller::extension), and the embedder with
    /// [`Module::extension`](crate::Module::extension). Instances that are made with clones of this
    /// configuration share the value. Of several of one type the last counts.
    ///
    /// ```
    /// use wz::prelude::*;
    ///
    /// struct Tenant(u64);
    ///
    /// # fn main() -> wz::Result<()> {
    /// let runtime = Runtime::new();
    /// runtime
    ///     .host_module_builder("env")
    ///     .function("tenant", |caller: &mut Caller<'_>| caller.extension().map_or(0, |Tenant(id)| *id))
    ///     .instantiate()?;
    /// let guest = runtime.compile(wat::parse_str(
    ///     r#"(module (import "env" "tenant" (func $tenant (result i64)))
    ///         (func (export "who") (result i64) (call $tenant)))"#,
    /// ).unwrap())?;
    /// for id in [7, 8] {
    ///     let config = ModuleConfig::new().with_name("").with(Tenant(id));
    ///     let module = runtime.instantiate_module(&guest, config)?;
    ///     assert_eq!(module.typed_function::<(), u64>("who")?.call(())?, id);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with<T: Any + Send + Sync>(mut self, value: T) -> Self {
        self.extensions.push((TypeId::of::<T>(), Arc::new(value)));
        self
    }

    /// Asks `resolver` for the module of that name to import from, before the runtime's modules.
    #[must_use]
    pub fn with_import_resolver(
        mut self,
        resolver: impl Fn(&str) -> Option<Module> + Send + Sync + 'static,
    ) -> Self {
        self.import_resolver = Some(Arc::new(resolver));
        self
    }

    /// Changes everything that WASI is configured with.
    #[must_use]
    pub fn with_wasi(mut self, change: impl FnOnce(WasiConfig) -> WasiConfig) -> Self {
        self.wasi = Some(change(self.wasi.unwrap_or_default()));
        self
    }

    /// The arguments, of which the first is the program's own name. A NUL in one is an error when
    /// instantiating.
    #[must_use]
    pub fn with_args(self, args: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.with_wasi(|wasi| wasi.with_args(args))
    }

    /// Sets an environment variable; an earlier one of that name is replaced in place. An empty
    /// name, a name with `=` and a NUL are errors when instantiating.
    #[must_use]
    pub fn with_env(self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.with_wasi(|wasi| wasi.with_env(key, value))
    }

    /// Lets the guest use a directory of the host as `guest`. It sees nothing outside of it,
    /// whatever symbolic links there are. Mounts are numbered from descriptor 3 in order; one at
    /// the same place replaces the other.
    #[must_use]
    pub fn with_dir_mount(self, host: impl Into<PathBuf>, guest: impl Into<String>) -> Self {
        self.with_wasi(|wasi| wasi.with_dir(host, guest))
    }

    /// As [`with_dir_mount`](Self::with_dir_mount), for reading only.
    #[must_use]
    pub fn with_read_only_dir_mount(self, host: impl Into<PathBuf>, guest: impl Into<String>) -> Self {
        self.with_wasi(|wasi| wasi.with_read_only_dir(host, guest))
    }

    /// Lets the guest use any implementation of a file system as `guest`.
    #[must_use]
    pub fn with_fs_mount(self, file_system: impl FileSystem + 'static, guest: impl Into<String>) -> Self {
        self.with_wasi(|wasi| wasi.with_mount(file_system, guest))
    }

    /// Lets the guest accept connections. Listeners are numbered after the mounts, in order.
    #[must_use]
    pub fn with_tcp_listener(self, listener: TcpListener) -> Self {
        self.with_wasi(|wasi| wasi.with_tcp_listener(listener))
    }

    /// Where standard input comes from.
    #[must_use]
    pub fn with_stdin(self, stream: Stdio) -> Self {
        self.with_wasi(|wasi| wasi.with_stdin(stream))
    }

    /// Where standard output goes to.
    #[must_use]
    pub fn with_stdout(self, stream: Stdio) -> Self {
        self.with_wasi(|wasi| wasi.with_stdout(stream))
    }

    /// Where standard error goes to.
    #[must_use]
    pub fn with_stderr(self, stream: Stdio) -> Self {
        self.with_wasi(|wasi| wasi.with_stderr(stream))
    }

    /// A wall clock: the time since 1970, and its resolution, between 1 ns and an hour.
    #[must_use]
    pub fn with_walltime(
        self,
        clock: impl Fn() -> Duration + Send + Sync + 'static,
        resolution: Duration,
    ) -> Self {
        self.with_wasi(|wasi| wasi.with_walltime(clock, resolution))
    }

    /// The system's wall clock.
    #[must_use]
    pub fn with_sys_walltime(self) -> Self {
        self.with_wasi(WasiConfig::with_sys_walltime)
    }

    /// A clock that only moves forward: nanoseconds since some moment, and its resolution, between
    /// 1 ns and an hour.
    #[must_use]
    pub fn with_nanotime(
        self,
        clock: impl Fn() -> u64 + Send + Sync + 'static,
        resolution: Duration,
    ) -> Self {
        self.with_wasi(|wasi| wasi.with_nanotime(clock, resolution))
    }

    /// The system's monotonic clock.
    #[must_use]
    pub fn with_sys_nanotime(self) -> Self {
        self.with_wasi(WasiConfig::with_sys_nanotime)
    }

    /// How to sleep.
    #[must_use]
    pub fn with_nanosleep(self, sleep: impl Fn(Duration) + Send + Sync + 'static) -> Self {
        self.with_wasi(|wasi| wasi.with_nanosleep(sleep))
    }

    /// Really sleep. A guest that sleeps is ended by a close or deadline as one that runs.
    #[must_use]
    pub fn with_sys_nanosleep(self) -> Self {
        self.with_wasi(WasiConfig::with_sys_nanosleep)
    }

    /// How to let others run (`sched_yield`).
    #[must_use]
    pub fn with_osyield(self, osyield: impl Fn() + Send + Sync + 'static) -> Self {
        self.with_wasi(|wasi| wasi.with_osyield(osyield))
    }

    /// Let other threads of the process run.
    #[must_use]
    pub fn with_sys_osyield(self) -> Self {
        self.with_osyield(std::thread::yield_now)
    }

    /// Where random bytes come from.
    #[must_use]
    pub fn with_rand_source(self, source: impl Read + Send + 'static) -> Self {
        self.with_wasi(|wasi| wasi.with_rand_source(source))
    }

    /// The system's random bytes.
    #[must_use]
    pub fn with_sys_rand_source(self) -> Self {
        self.with_wasi(WasiConfig::with_sys_rand)
    }

    /// As the core takes it, and the start functions.
    pub(crate) fn into_parts(self, compiled: &CompiledModule) -> Result<(InstanceOptions, StartFunctions)> {
        let mut options = InstanceOptions {
            name: self.name,
            extensions: self.extensions,
            import_resolver: self.import_resolver,
            ..InstanceOptions::default()
        };
        // An instance that calls no host function needs no state for any, but a configuration
        // that is in error is an error nevertheless.
        if self.wasi.is_some() || compiled.info().imported.functions > 0 {
            let state = Arc::new(self.wasi.unwrap_or_default().build()?);
            options.extensions.push((TypeId::of::<WasiState>(), state.clone()));
            options.on_close.push(Box::new(move |_| state.close()));
        }
        Ok((options, StartFunctions(self.start_functions)))
    }
}

/// The names of the functions to call after instantiation.
pub(crate) struct StartFunctions(Option<Vec<String>>);

impl StartFunctions {
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let default = self.0.is_none().then_some("_start");
        default.into_iter().chain(self.0.iter().flatten().map(String::as_str))
    }
}

impl fmt::Debug for ModuleConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModuleConfig")
            .field("name", &self.name)
            .field("start_functions", &self.start_functions)
            .field("wasi", &self.wasi)
            .field("extensions", &self.extensions.len())
            .finish_non_exhaustive()
    }
}
