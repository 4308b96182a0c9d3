//! wasmtime, by compiler and allocator of instances.

use std::path::Path;

use anyhow::{Context as _, Result};
use wasmtime::{
    Caller, Config, Engine, Extern, Instance, InstanceAllocationStrategy, InstancePre, Linker, Module,
    PoolingAllocationConfig, Store, Strategy, TypedFunc, Val,
};
use wasmtime_wasi::p1::{self, WasiP1Ctx};
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::{FsPerms, I32Exit, WasiCtx, WasiCtxBuilder};

use super::{Call, Command, Kernel, Pass, Peer, Peers, READ_AT, Repeat, Run, Threads};

pub const CRANELIFT: &str = "cranelift";
pub const WINCH: &str = "winch";

/// As much of what an instance used stays in place for the next one, zeroed.
const KEPT_RESIDENT: usize = 64 << 10;

pub struct Wasmtime {
    name: &'static str,
    config: Config,
}

/// wasmtime with each of its compilers.
pub fn every() -> Peers {
    [(CRANELIFT, Strategy::Cranelift), (WINCH, Strategy::Winch)]
        .map(|(name, strategy)| {
            let mut config = Config::new();
            config.strategy(strategy);
            Box::new(Wasmtime { name, config }) as Box<dyn Peer>
        })
        .into()
}

/// An error as the others are.
trait OrOurs<T> {
    fn or_ours(self) -> Result<T>;
}

impl<T> OrOurs<T> for wasmtime::Result<T> {
    fn or_ours(self) -> Result<T> {
        self.map_err(|error| anyhow::Error::from_boxed(error.into_boxed_dyn_error()))
    }
}

impl Wasmtime {
    /// Cranelift, with the pooling allocator.
    pub fn pooling() -> Self {
        let mut pool = PoolingAllocationConfig::new();
        pool.linear_memory_keep_resident(KEPT_RESIDENT).table_keep_resident(KEPT_RESIDENT);
        let mut config = Config::new();
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        Self { name: "pooling", config }
    }

    fn engine(&self) -> Result<Engine> {
        Engine::new(&self.config).or_ours()
    }

    fn instance(&self, wasm: &[u8]) -> Result<(Store<()>, Instance)> {
        let engine = self.engine()?;
        let module = Module::new(&engine, wasm).or_ours()?;
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).or_ours()?;
        Ok((store, instance))
    }

    fn wasi(&self, wasm: &[u8]) -> Result<InstancePre<WasiP1Ctx>> {
        let engine = self.engine()?;
        let mut linker = Linker::new(&engine);
        p1::add_to_linker_sync(&mut linker, |wasi| wasi).or_ours()?;
        linker.instantiate_pre(&Module::new(&engine, wasm).or_ours()?).or_ours()
    }
}

fn builder() -> WasiCtxBuilder {
    let mut builder = WasiCtx::builder();
    // Files are read on the thread that runs the guest, whose time is measured.
    builder.allow_blocking_current_thread(true);
    builder
}

/// Runs a command to its end.
fn run(module: &InstancePre<WasiP1Ctx>, wasi: WasiP1Ctx) -> Result<()> {
    let mut store = Store::new(module.module().engine(), wasi);
    let instance = module.instantiate(&mut store).or_ours()?;
    let start: TypedFunc<(), ()> = instance.get_typed_func(&mut store, "_start").or_ours()?;
    match start.call(&mut store, ()) {
        Err(error) if error.downcast_ref::<I32Exit>().is_none_or(|exit| exit.0 != 0) => Err(error).or_ours(),
        _ => Ok(()),
    }
}

impl Peer for Wasmtime {
    fn name(&self) -> &'static str {
        self.name
    }

    fn kernel(&self, wasm: &[u8]) -> Result<Kernel> {
        let (mut store, instance) = self.instance(wasm)?;
        let run: TypedFunc<i32, i64> = instance.get_typed_func(&mut store, "run").or_ours()?;
        Ok(Box::new(move |n| run.call(&mut store, n).or_ours()))
    }

    fn command(&self, wasm: &[u8], command: &Command) -> Result<Run> {
        let module = self.wasi(wasm)?;
        let command = command.clone();
        Ok(Box::new(move || {
            let output = MemoryOutputPipe::new(64 << 20);
            let mut builder = builder();
            builder.args(&command.arguments).stdout(output.clone());
            for (host, guest) in &command.mounts {
                builder.preopened_dir(host, guest, FsPerms::ReadOnly).or_ours()?;
            }
            run(&module, builder.build_p1())?;
            Ok(output.contents().to_vec())
        }))
    }

    fn compiler(&self, threads: Threads) -> Result<Option<Pass>> {
        let mut config = self.config.clone();
        config.parallel_compilation(threads == Threads::All);
        Ok(Some(Box::new(move |wasm| {
            let engine = Engine::new(&config).or_ours()?;
            std::hint::black_box(Module::new(&engine, wasm).or_ours()?);
            Ok(())
        })))
    }

    fn validator(&self) -> Result<Option<Pass>> {
        if self.name != CRANELIFT {
            return Ok(None);
        }
        let mut config = self.config.clone();
        config.parallel_compilation(false);
        Ok(Some(Box::new(move |wasm| {
            let engine = Engine::new(&config).or_ours()?;
            Module::validate(&engine, wasm).or_ours()
        })))
    }

    fn run_file(&self, path: &Path, arguments: &[String]) -> Result<()> {
        let bytes = std::fs::read(path)?;
        let module = self.wasi(&bytes)?;
        drop(bytes);
        run(&module, builder().args(arguments).inherit_stdout().build_p1())
    }

    fn instantiation(&self, wasm: &[u8]) -> Result<Repeat> {
        let engine = self.engine()?;
        let module = Module::new(&engine, wasm).or_ours()?;
        let module = Linker::<()>::new(&engine).instantiate_pre(&module).or_ours()?;
        Ok(Box::new(move |count| {
            for _ in 0..count {
                let mut store = Store::new(&engine, ());
                std::hint::black_box(module.instantiate(&mut store).or_ours()?);
            }
            Ok(())
        }))
    }

    fn calls_in(&self, wasm: &[u8], call: Call) -> Result<Repeat> {
        let (mut store, instance) = self.instance(wasm)?;
        let typed: TypedFunc<(i32, i32), i32> = instance.get_typed_func(&mut store, "add").or_ours()?;
        let untyped = instance.get_func(&mut store, "add").context("no export add")?;
        Ok(Box::new(move |count| {
            let mut sum = 0;
            for value in 0..count as i32 {
                sum = match call {
                    Call::Typed => typed.call(&mut store, (sum, value)).or_ours()?,
                    Call::Rich => {
                        let mut results = [Val::I32(0)];
                        untyped
                            .call(&mut store, &[Val::I32(sum), Val::I32(value)], &mut results)
                            .or_ours()?;
                        results[0].i32().context("not an i32")?
                    }
                };
            }
            std::hint::black_box(sum);
            Ok(())
        }))
    }

    fn calls_out(&self, wasm: &[u8], call: Call) -> Result<Repeat> {
        let engine = self.engine()?;
        let module = Module::new(&engine, wasm).or_ours()?;
        let mut store = Store::new(&engine, ());
        let mut linker = Linker::new(&engine);
        match call {
            Call::Typed => linker.func_wrap("env", "next", |value: i32| value.wrapping_add(3)),
            Call::Rich => linker.func_wrap("env", "next", |mut caller: Caller<'_, ()>, value: i32| {
                let memory = caller.get_export("memory").and_then(Extern::into_memory);
                let word = memory
                    .and_then(|memory| memory.data(&caller).get(READ_AT as usize..)?.first_chunk().copied());
                value.wrapping_add(word.map_or(-1, i32::from_le_bytes))
            }),
        }
        .or_ours()?;
        let instance = linker.instantiate(&mut store, &module).or_ours()?;
        let function: TypedFunc<i32, i32> = instance.get_typed_func(&mut store, "loop").or_ours()?;
        Ok(Box::new(move |count| {
            std::hint::black_box(function.call(&mut store, count as i32).or_ours()?);
            Ok(())
        }))
    }
}
