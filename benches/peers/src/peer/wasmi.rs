//! wasmi, an interpreter that translates to register code.

use std::path::Path;
use std::sync::{Arc, RwLock};

use anyhow::{Context as _, Result};
use wasmi::{Caller, CompilationMode, Config, Engine, Extern, Linker, Module, Store, TypedFunc, Val};
use wasmi_wasi::WasiCtx;
use wasmi_wasi::sync::{Dir, WasiCtxBuilder, ambient_authority};
use wasmi_wasi::wasi_common::pipe::WritePipe;

use super::{Call, Command, Kernel, Pass, Peer, READ_AT, Repeat, Run, Threads};

pub struct Wasmi;

struct Wasi {
    module: Module,
    linker: Linker<WasiCtx>,
}

impl Wasi {
    fn new(engine: &Engine, wasm: &[u8]) -> Result<Self> {
        let mut linker = Linker::new(engine);
        wasmi_wasi::add_to_linker(&mut linker, |wasi| wasi)?;
        Ok(Self { module: Module::new(engine, wasm)?, linker })
    }

    fn run(&self, wasi: WasiCtx) -> Result<()> {
        let mut store = Store::new(self.linker.engine(), wasi);
        let instance = self.linker.instantiate_and_start(&mut store, &self.module)?;
        let start: TypedFunc<(), ()> = instance.get_typed_func(&store, "_start")?;
        match start.call(&mut store, ()) {
            Err(error) if error.i32_exit_status() != Some(0) => Err(error.into()),
            _ => Ok(()),
        }
    }
}

fn instance(wasm: &[u8]) -> Result<(Store<()>, wasmi::Instance)> {
    let engine = Engine::default();
    let module = Module::new(&engine, wasm)?;
    let mut store = Store::new(&engine, ());
    let instance = Linker::new(&engine).instantiate_and_start(&mut store, &module)?;
    Ok((store, instance))
}

impl Peer for Wasmi {
    fn name(&self) -> &'static str {
        "wasmi"
    }

    fn kernel(&self, wasm: &[u8]) -> Result<Kernel> {
        let (mut store, instance) = instance(wasm)?;
        let run: TypedFunc<i32, i64> = instance.get_typed_func(&store, "run")?;
        Ok(Box::new(move |n| Ok(run.call(&mut store, n)?)))
    }

    fn command(&self, wasm: &[u8], command: &Command) -> Result<Run> {
        let wasi = Wasi::new(&Engine::default(), wasm)?;
        let command = command.clone();
        Ok(Box::new(move || {
            let output = Arc::new(RwLock::new(Vec::new()));
            let mut builder = WasiCtxBuilder::new();
            builder.args(&command.arguments)?.stdout(Box::new(WritePipe::from_shared(output.clone())));
            for (host, guest) in &command.mounts {
                builder.preopened_dir(Dir::open_ambient_dir(host, ambient_authority())?, guest)?;
            }
            wasi.run(builder.build())?;
            Ok(std::mem::take(&mut *output.write().map_err(|_| anyhow::anyhow!("a panic while printing"))?))
        }))
    }

    fn compiler(&self, threads: Threads) -> Result<Option<Pass>> {
        if threads == Threads::All {
            return Ok(None);
        }
        let mut config = Config::default();
        config.compilation_mode(CompilationMode::Eager);
        Ok(Some(Box::new(move |wasm| {
            std::hint::black_box(Module::new(&Engine::new(&config), wasm)?);
            Ok(())
        })))
    }

    fn validator(&self) -> Result<Option<Pass>> {
        Ok(None)
    }

    fn run_file(&self, path: &Path, arguments: &[String]) -> Result<()> {
        let bytes = std::fs::read(path)?;
        let wasi = Wasi::new(&Engine::default(), &bytes)?;
        drop(bytes);
        wasi.run(WasiCtxBuilder::new().args(arguments)?.inherit_stdout().build())
    }

    fn instantiation(&self, wasm: &[u8]) -> Result<Repeat> {
        let engine = Engine::default();
        let module = Module::new(&engine, wasm)?;
        let linker = Linker::new(&engine);
        Ok(Box::new(move |count| {
            for _ in 0..count {
                let mut store = Store::new(&engine, ());
                std::hint::black_box(linker.instantiate_and_start(&mut store, &module)?);
            }
            Ok(())
        }))
    }

    fn calls_in(&self, wasm: &[u8], call: Call) -> Result<Repeat> {
        let (mut store, instance) = instance(wasm)?;
        let typed: TypedFunc<(i32, i32), i32> = instance.get_typed_func(&store, "add")?;
        let untyped = instance.get_func(&store, "add").context("no export add")?;
        Ok(Box::new(move |count| {
            let mut sum = 0;
            for value in 0..count as i32 {
                sum = match call {
                    Call::Typed => typed.call(&mut store, (sum, value))?,
                    Call::Rich => {
                        let mut results = [Val::I32(0)];
                        untyped.call(&mut store, &[Val::I32(sum), Val::I32(value)], &mut results)?;
                        results[0].i32().context("not an i32")?
                    }
                };
            }
            std::hint::black_box(sum);
            Ok(())
        }))
    }

    fn calls_out(&self, wasm: &[u8], call: Call) -> Result<Repeat> {
        let engine = Engine::default();
        let module = Module::new(&engine, wasm)?;
        let mut store = Store::new(&engine, ());
        let mut linker = Linker::new(&engine);
        match call {
            Call::Typed => linker.func_wrap("env", "next", |value: i32| value.wrapping_add(3))?,
            Call::Rich => linker.func_wrap("env", "next", |caller: Caller<'_, ()>, value: i32| {
                let memory = caller.get_export("memory").and_then(Extern::into_memory);
                let word = memory
                    .and_then(|memory| memory.data(&caller).get(READ_AT as usize..)?.first_chunk().copied());
                value.wrapping_add(word.map_or(-1, i32::from_le_bytes))
            })?,
        };
        let instance = linker.instantiate_and_start(&mut store, &module)?;
        let function: TypedFunc<i32, i32> = instance.get_typed_func(&store, "loop")?;
        Ok(Box::new(move |count| {
            std::hint::black_box(function.call(&mut store, count as i32)?);
            Ok(())
        }))
    }
}
