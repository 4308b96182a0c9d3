//! The runtimes under comparison, each behind the same small face. The last one is the
//! reference of the ratios.

use anyhow::Result;

/// A prepared program: calls `run(n)`.
pub type Kernel = Box<dyn FnMut(i32) -> Result<i64>>;

/// A runtime.
pub struct Peer {
    pub name: &'static str,
    /// Compiles and instantiates a module and finds `run`.
    pub kernel: fn(&[u8]) -> Result<Kernel>,
}

/// All runtimes of this build; the reference is last.
pub fn peers() -> Vec<Peer> {
    let mut peers = vec![Peer { name: "wz interp", kernel: wz_interpreter }];
    #[cfg(feature = "wasmtime")]
    peers.extend([
        Peer { name: "winch", kernel: |wasm| wasmtime_kernel(wasm, wasmtime::Strategy::Winch) },
        Peer { name: "cranelift", kernel: |wasm| wasmtime_kernel(wasm, wasmtime::Strategy::Cranelift) },
    ]);
    peers.push(Peer { name: "wasmi", kernel: wasmi_kernel });
    peers
}

fn wz_interpreter(wasm: &[u8]) -> Result<Kernel> {
    let config = wz::RuntimeConfig::new().with_engine(wz::EngineKind::Interpreter);
    let runtime = wz::Runtime::with_config(config)?;
    let module = runtime.instantiate(wasm)?;
    let run = module.typed_function::<i32, i64>("run")?;
    Ok(Box::new(move |n| {
        let _ = &runtime;
        Ok(run.call(n)?)
    }))
}

fn wasmi_kernel(wasm: &[u8]) -> Result<Kernel> {
    let engine = wasmi::Engine::default();
    let module = wasmi::Module::new(&engine, wasm)?;
    let mut store = wasmi::Store::new(&engine, ());
    let linker = wasmi::Linker::new(&engine);
    let instance = linker.instantiate_and_start(&mut store, &module)?;
    let run = instance.get_typed_func::<i32, i64>(&store, "run")?;
    Ok(Box::new(move |n| Ok(run.call(&mut store, n)?)))
}

#[cfg(feature = "wasmtime")]
fn wasmtime_kernel(wasm: &[u8], strategy: wasmtime::Strategy) -> Result<Kernel> {
    let engine = wasmtime::Engine::new(wasmtime::Config::new().strategy(strategy))?;
    let module = wasmtime::Module::new(&engine, wasm)?;
    let mut store = wasmtime::Store::new(&engine, ());
    let instance = wasmtime::Instance::new(&mut store, &module, &[])?;
    let run = instance.get_typed_func::<i32, i64>(&mut store, "run")?;
    Ok(Box::new(move |n| Ok(run.call(&mut store, n)?)))
}
