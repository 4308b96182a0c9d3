//! Execution: every module of `testdata/bench`, and Lua running its benchmark script if
//! `cargo xtask programs lua` built it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use crate::measure::{self, Table};
use crate::runtimes::{self, Kernel};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub fn run(rounds: usize, only: &str) -> Result<()> {
    let peers = runtimes::peers();
    let names: Vec<_> = peers.iter().map(|peer| peer.name).collect();
    let mut table = Table::new("execution", "ms", 1e6, &names);
    table.head();
    let mut files: Vec<_> = std::fs::read_dir(root().join("testdata/bench"))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "wasm"))
        .collect();
    files.sort();
    for file in files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if !name.contains(only) {
            continue;
        }
        let wasm = std::fs::read(&file)?;
        let mut kernels = Vec::new();
        for peer in &peers {
            let mut kernel =
                (peer.kernel)(&wasm).with_context(|| format!("{name} on {}", peer.name))?;
            // Lazy translation and caches are warm before anything is measured.
            let checksum = kernel(1).with_context(|| format!("{name} on {}", peer.name))?;
            kernels.push((kernel, checksum));
        }
        let expected = kernels[kernels.len() - 1].1;
        for ((_, checksum), peer) in kernels.iter().zip(&peers) {
            ensure!(*checksum == expected, "{name} on {}: {checksum}, not {expected}", peer.name);
        }
        let mut subjects: Vec<Box<dyn FnMut() -> Result<()> + '_>> =
            kernels.iter_mut().map(|(kernel, _)| subject(kernel)).collect();
        let times = measure::interleaved(rounds, &mut subjects)?;
        drop(subjects);
        table.row(name, times);
    }
    if "lua".contains(only) || only.contains("lua") {
        if let Some(times) = lua(rounds)? {
            table_row_of_two(&mut table, &names, times);
        }
    }
    table.geometric_mean();
    Ok(())
}

fn subject(kernel: &mut Kernel) -> Box<dyn FnMut() -> Result<()> + '_> {
    Box::new(|| {
        std::hint::black_box(kernel(1)?);
        Ok(())
    })
}

/// Lua runs on wz and wasmi alone: their WASI is part of the comparison's build.
fn table_row_of_two(table: &mut Table, names: &[&str], [wz, wasmi]: [f64; 2]) {
    if names.len() == 2 {
        table.row("lua (wasi)", vec![wz, wasmi]);
    } else {
        println!("lua (wasi): wz {:.2} ms, wasmi {:.2} ms: {:.3}", wz / 1e6, wasmi / 1e6, wz / wasmi);
    }
}

fn lua(rounds: usize) -> Result<Option<[f64; 2]>> {
    let file = root().join("target/programs/lua.wasm");
    let Ok(wasm) = std::fs::read(&file) else {
        println!("lua is not built: cargo xtask programs lua");
        return Ok(None);
    };
    let scripts = root().join("testdata/programs/lua");
    let arguments = ["lua", "/lua/bench.lua"];

    let runtime = wz::Runtime::with_config(
        wz::RuntimeConfig::new().with_engine(wz::EngineKind::Interpreter),
    )?;
    wz::wasi::instantiate(&runtime)?;
    let compiled = runtime.compile(&wasm[..])?;
    let mut on_wz = || -> Result<()> {
        let config = wz::ModuleConfig::new()
            .with_name("")
            .with_args(arguments)
            .with_read_only_dir_mount(&scripts, "/lua");
        let module = runtime.instantiate_module(&compiled, config)?;
        module.close()?;
        Ok(())
    };

    let engine = wasmi::Engine::default();
    let module = wasmi::Module::new(&engine, &wasm[..])?;
    let mut on_wasmi = || -> Result<()> {
        use wasmi_wasi::sync::{Dir, WasiCtxBuilder, ambient_authority};
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        let wasi = WasiCtxBuilder::new()
            .args(&arguments)?
            .preopened_dir(Dir::open_ambient_dir(&scripts, ambient_authority())?, "/lua")?
            .build();
        let mut store = wasmi::Store::new(&engine, wasi);
        let mut linker = wasmi::Linker::new(&engine);
        wasmi_wasi::add_to_linker(&mut linker, |wasi| wasi)?;
        let instance = linker.instantiate_and_start(&mut store, &module)?;
        let start = instance.get_typed_func::<(), ()>(&store, "_start")?;
        match start.call(&mut store, ()) {
            Err(error) if error.i32_exit_status() != Some(0) => Err(error.into()),
            _ => Ok(()),
        }
    };
    on_wz()?;
    on_wasmi()?;
    let times = measure::interleaved(rounds, &mut [Box::new(on_wz), Box::new(on_wasmi)])?;
    Ok(Some([times[0], times[1]]))
}
