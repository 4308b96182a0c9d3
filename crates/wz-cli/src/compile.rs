//! `wz compile`: fills a cache with the code of modules.

use std::path::Path;
use std::time::Instant;

use wz::{CacheStats, CompilationCache, EngineKind, Runtime, RuntimeConfig};

use crate::args::CompileArgs;
use crate::cache;
use crate::escape::escape;
use crate::report::{Failure, STATUS_SETUP, note, print_out};
use crate::session::jit_config;
use crate::size::format_size;
use crate::source;

/// Compiles every module into the cache, and prints what came of each.
///
/// # Errors
/// If there is no cache, nothing that compiles, or nobody to print for.
pub(crate) fn compile(arguments: &CompileArgs) -> Result<i32, Failure> {
    let cache = match &arguments.cache_dir {
        Some(directory) => cache::in_directory(directory)?,
        None => cache::in_user_directory()?,
    };
    let runtime = runtime(arguments, &cache)?;
    let mut status = 0;
    for file in &arguments.files {
        match compile_file(&runtime, &cache, file) {
            Ok(text) => {
                print_out(&text)?;
            }
            Err(failure) => {
                failure.print();
                status = STATUS_SETUP;
            }
        }
    }
    Ok(status)
}

fn runtime(arguments: &CompileArgs, cache: &CompilationCache) -> Result<Runtime, Failure> {
    let mut config = RuntimeConfig::new()
        .with_engine(EngineKind::Jit)
        .with_jit(jit_config())
        .with_compilation_cache(cache)
        .with_eager_compilation(true)
        .with_fuel(arguments.fuel)
        .with_close_on_context_done(arguments.timeout)
        // Nothing in it runs, so nothing in it is too large.
        .with_memory64_limit_pages(u64::MAX)
        .with_table_limit_elements(u64::MAX);
    if let Some(features) = arguments.features.features {
        config = config.with_core_features(features);
    }
    Runtime::with_config(config).map_err(|error| Failure::of_error("wz", &error))
}

fn compile_file(runtime: &Runtime, cache: &CompilationCache, file: &Path) -> Result<String, Failure> {
    let before = cache.stats();
    let (start, name) = (Instant::now(), file.to_string_lossy());
    let compiled = source::compile(runtime, file)?;
    // It was written already, unless that failed.
    cache.flush().map_err(|error| Failure::of_error(&name, &error))?;
    let (stats, seconds) = (cache.stats(), start.elapsed().as_secs_f64());
    drop(compiled);
    let refused = stats.functions_refused - before.functions_refused;
    if refused > 0 {
        note(&format!(
            "{}: {} too complex to compile, the interpreter runs them",
            escape(&name),
            count(refused)
        ));
    }
    let directory = cache.dir().map(Path::to_string_lossy).unwrap_or_default();
    Ok(describe(&escape(&name), &escape(&directory), &before, &stats, seconds))
}

fn describe(name: &str, directory: &str, before: &CacheStats, after: &CacheStats, seconds: f64) -> String {
    let compiled = after.functions_compiled - before.functions_compiled;
    let found = after.functions_reused - before.functions_reused;
    let written = format_size(after.bytes_written - before.bytes_written);
    let work = format!("{} compiled in {seconds:.2} s", count(compiled));
    match (compiled, found) {
        (0, 0) => format!("{name}: no functions\n"),
        (0, found) => format!("{name}: {} in {directory} already\n", count(found)),
        (_, 0) => format!("{name}: {work}, {written} written to {directory}\n"),
        (_, found) => format!("{name}: {work}, {found} found, {written} written to {directory}\n"),
    }
}

fn count(functions: u64) -> String {
    format!("{functions} function{}", if functions == 1 { "" } else { "s" })
}
