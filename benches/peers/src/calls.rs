//! The edges: instantiation of a small module, calls from the host into a guest and from a
//! guest into the host, in nanoseconds each.

use anyhow::Result;

use crate::measure::{self, Table};

const SMALL: &str = r#"(module
    (memory (export "memory") 1)
    (global (mut i32) (i32.const 7))
    (table 4 funcref)
    (elem (i32.const 0) $add)
    (data (i32.const 16) "hello")
    (func $add (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))"#;

const CALLER: &str = r#"(module
    (import "env" "next" (func $next (param i32) (result i32)))
    (func (export "loop") (param $n i32) (result i32)
        (local $sum i32)
        (loop $again
            (local.set $sum (call $next (local.get $sum)))
            (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (local.get $sum)))"#;

const CALLS: u32 = 1_000_000;
const INSTANCES: u32 = 5_000;

type Subject<'a> = Box<dyn FnMut() -> Result<()> + 'a>;

pub fn run(rounds: usize) -> Result<()> {
    let names = ["wz interp", "wasmi"];
    let mut table = Table::new("edges", "ns", 1.0, &names);
    table.head();
    let per = |times: Vec<f64>, count: u32| -> Vec<f64> {
        times.into_iter().map(|time| time / f64::from(count)).collect()
    };
    let mut subjects: Vec<Subject<'_>> = vec![wz_instantiate()?, wasmi_instantiate()?];
    table.row("instantiate", per(measure::interleaved(rounds, &mut subjects)?, INSTANCES));
    let mut subjects: Vec<Subject<'_>> = vec![wz_into()?, wasmi_into()?];
    table.row("host to guest call", per(measure::interleaved(rounds, &mut subjects)?, CALLS));
    let mut subjects: Vec<Subject<'_>> = vec![wz_out()?, wasmi_out()?];
    table.row("guest to host call", per(measure::interleaved(rounds, &mut subjects)?, CALLS));
    Ok(())
}

fn wz_runtime() -> Result<wz::Runtime> {
    let config = wz::RuntimeConfig::new().with_engine(wz::EngineKind::Interpreter);
    Ok(wz::Runtime::with_config(config)?)
}

fn wz_instantiate() -> Result<Subject<'static>> {
    let runtime = wz_runtime()?;
    let compiled = runtime.compile(wat::parse_str(SMALL)?)?;
    Ok(Box::new(move || {
        for _ in 0..INSTANCES {
            let module =
                runtime.instantiate_module(&compiled, wz::ModuleConfig::new().with_name(""))?;
            std::hint::black_box(&module);
        }
        Ok(())
    }))
}

fn wasmi_instantiate() -> Result<Subject<'static>> {
    let engine = wasmi::Engine::default();
    let module = wasmi::Module::new(&engine, wat::parse_str(SMALL)?)?;
    Ok(Box::new(move || {
        for _ in 0..INSTANCES {
            let mut store = wasmi::Store::new(&engine, ());
            let linker = wasmi::Linker::new(&engine);
            std::hint::black_box(linker.instantiate_and_start(&mut store, &module)?);
        }
        Ok(())
    }))
}

fn wz_into() -> Result<Subject<'static>> {
    let runtime = wz_runtime()?;
    let module = runtime.instantiate(wat::parse_str(SMALL)?)?;
    let add = module.typed_function::<(i32, i32), i32>("add")?;
    Ok(Box::new(move || {
        let _ = &runtime;
        let mut sum = 0;
        for value in 0..CALLS {
            sum = add.call((sum, value as i32))?;
        }
        std::hint::black_box(sum);
        Ok(())
    }))
}

fn wasmi_into() -> Result<Subject<'static>> {
    let engine = wasmi::Engine::default();
    let module = wasmi::Module::new(&engine, wat::parse_str(SMALL)?)?;
    let mut store = wasmi::Store::new(&engine, ());
    let instance = wasmi::Linker::new(&engine).instantiate_and_start(&mut store, &module)?;
    let add = instance.get_typed_func::<(i32, i32), i32>(&store, "add")?;
    Ok(Box::new(move || {
        let mut sum = 0;
        for value in 0..CALLS {
            sum = add.call(&mut store, (sum, value as i32))?;
        }
        std::hint::black_box(sum);
        Ok(())
    }))
}

fn wz_out() -> Result<Subject<'static>> {
    let runtime = wz_runtime()?;
    runtime.host_module_builder("env").function("next", |value: i32| value.wrapping_add(3)).instantiate()?;
    let module = runtime.instantiate(wat::parse_str(CALLER)?)?;
    let function = module.typed_function::<i32, i32>("loop")?;
    Ok(Box::new(move || {
        let _ = &runtime;
        std::hint::black_box(function.call(CALLS as i32)?);
        Ok(())
    }))
}

fn wasmi_out() -> Result<Subject<'static>> {
    let engine = wasmi::Engine::default();
    let module = wasmi::Module::new(&engine, wat::parse_str(CALLER)?)?;
    let mut store = wasmi::Store::new(&engine, ());
    let mut linker = wasmi::Linker::new(&engine);
    linker.func_wrap("env", "next", |value: i32| value.wrapping_add(3))?;
    let instance = linker.instantiate_and_start(&mut store, &module)?;
    let function = instance.get_typed_func::<i32, i32>(&store, "loop")?;
    Ok(Box::new(move || {
        std::hint::black_box(function.call(&mut store, CALLS as i32)?);
        Ok(())
    }))
}
