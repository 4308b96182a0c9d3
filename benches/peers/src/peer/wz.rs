//! wz, by engine.

use std::path::Path;

use anyhow::{Context as _, Result};
use wz::wasi::{OutputBuffer, Stdio};
use wz::{Caller, CompiledModule, EngineKind, ModuleConfig, Runtime, RuntimeConfig, Value};

use super::{Call, Command, Kernel, Pass, Peer, Peers, READ_AT, Repeat, Run, Threads};

struct Wz {
    name: &'static str,
    engine: EngineKind,
}

/// wz with each of its engines that this machine has.
pub fn every() -> Peers {
    [("wz interp", EngineKind::Interpreter), ("wz jit", EngineKind::Jit)]
        .into_iter()
        .filter(|(_, engine)| engine.is_available())
        .map(|(name, engine)| Box::new(Wz { name, engine }) as Box<dyn Peer>)
        .collect()
}

impl Wz {
    fn config(&self) -> RuntimeConfig {
        RuntimeConfig::new().with_engine(self.engine)
    }

    fn runtime(&self) -> Result<Runtime> {
        Ok(Runtime::with_config(self.config())?)
    }

    fn instance(&self, wasm: &[u8]) -> Result<(Runtime, wz::Module)> {
        let runtime = self.runtime()?;
        let module = runtime.instantiate(wasm)?;
        Ok((runtime, module))
    }
}

fn anonymous() -> ModuleConfig {
    ModuleConfig::new().with_name("")
}

/// Runs a command to its end.
fn run(runtime: &Runtime, compiled: &CompiledModule, config: ModuleConfig) -> Result<()> {
    match runtime.instantiate_module(compiled, config) {
        Ok(module) => Ok(module.close()?),
        Err(error) if error.exit_code() == Some(0) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

impl Peer for Wz {
    fn name(&self) -> &'static str {
        self.name
    }

    fn kernel(&self, wasm: &[u8]) -> Result<Kernel> {
        let (runtime, module) = self.instance(wasm)?;
        let run = module.typed_function::<i32, i64>("run")?;
        Ok(Box::new(move |n| {
            let _ = &runtime;
            Ok(run.call(n)?)
        }))
    }

    fn command(&self, wasm: &[u8], command: &Command) -> Result<Run> {
        let runtime = self.runtime()?;
        wz::wasi::instantiate(&runtime)?;
        let compiled = runtime.compile(wasm)?;
        let command = command.clone();
        Ok(Box::new(move || {
            let output = OutputBuffer::new();
            let mut config =
                anonymous().with_args(command.arguments.clone()).with_stdout(Stdio::buffer(&output));
            for (host, guest) in &command.mounts {
                config = config.with_read_only_dir_mount(host, guest);
            }
            run(&runtime, &compiled, config)?;
            Ok(output.contents())
        }))
    }

    fn compiler(&self, threads: Threads) -> Result<Option<Pass>> {
        let threads = match threads {
            Threads::One => 1,
            Threads::All => 0,
        };
        let config = self.config().with_eager_compilation(true).with_compilation_threads(threads);
        // A new runtime each time: one may keep what it compiled.
        Ok(Some(Box::new(move |wasm| {
            let runtime = Runtime::with_config(config.clone())?;
            std::hint::black_box(runtime.compile(wasm)?);
            Ok(())
        })))
    }

    fn validator(&self) -> Result<Option<Pass>> {
        if self.engine != EngineKind::Interpreter {
            return Ok(None);
        }
        // Without a call, lazy translation has nothing to do.
        let config = self.config();
        Ok(Some(Box::new(move |wasm| {
            let runtime = Runtime::with_config(config.clone())?;
            std::hint::black_box(runtime.compile(wasm)?);
            Ok(())
        })))
    }

    fn run_file(&self, path: &Path, arguments: &[String]) -> Result<()> {
        let runtime = self.runtime()?;
        wz::wasi::instantiate(&runtime)?;
        let bytes = std::fs::read(path)?;
        let compiled = runtime.compile(&bytes)?;
        drop(bytes);
        let config = anonymous().with_args(arguments.to_vec()).with_stdout(Stdio::inherit());
        run(&runtime, &compiled, config)
    }

    fn instantiation(&self, wasm: &[u8]) -> Result<Repeat> {
        let runtime = self.runtime()?;
        let compiled = runtime.compile(wasm)?;
        Ok(Box::new(move |count| {
            for _ in 0..count {
                std::hint::black_box(runtime.instantiate_module(&compiled, anonymous())?);
            }
            Ok(())
        }))
    }

    fn calls_in(&self, wasm: &[u8], call: Call) -> Result<Repeat> {
        let (runtime, module) = self.instance(wasm)?;
        let typed = module.typed_function::<(i32, i32), i32>("add")?;
        let untyped = module.exported_function("add").context("no export add")?;
        Ok(Box::new(move |count| {
            let _ = &runtime;
            let mut sum = 0;
            for value in 0..count as i32 {
                sum = match call {
                    Call::Typed => typed.call((sum, value))?,
                    Call::Rich => match untyped.call_values(&[Value::I32(sum), Value::I32(value)])?[..] {
                        [Value::I32(sum)] => sum,
                        _ => anyhow::bail!("not an i32"),
                    },
                };
            }
            std::hint::black_box(sum);
            Ok(())
        }))
    }

    fn calls_out(&self, wasm: &[u8], call: Call) -> Result<Repeat> {
        let runtime = self.runtime()?;
        let host = runtime.host_module_builder("env");
        match call {
            Call::Typed => host.function("next", |value: i32| value.wrapping_add(3)),
            Call::Rich => host.function("next", |caller: &mut Caller<'_>, value: i32| {
                let word = caller.memory().and_then(|memory| memory.read_u32(READ_AT));
                value.wrapping_add(word.unwrap_or(0).cast_signed())
            }),
        }
        .instantiate()?;
        let module = runtime.instantiate(wasm)?;
        let function = module.typed_function::<i32, i32>("loop")?;
        Ok(Box::new(move |count| {
            let _ = &runtime;
            std::hint::black_box(function.call(count as i32)?);
            Ok(())
        }))
    }
}
