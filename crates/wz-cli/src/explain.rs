//! `wz explain`: one function, with source lines, operators and the engine's code side by side.

mod lookup;
mod page;
mod source_lines;
mod text;

use wz::{EngineKind, Runtime, RuntimeConfig};

use crate::args::{EngineChoice, ExplainArgs};
use crate::escape::escape;
use crate::report::{Failure, print_out};
use crate::source;

use page::Page;
use source_lines::SourceLines;

/// Prints a function.
///
/// # Errors
/// If the module cannot be read or is not valid, or if it is not clear which function is meant.
pub(crate) fn explain(arguments: &ExplainArgs) -> Result<i32, Failure> {
    let mut config = RuntimeConfig::new()
        .with_custom_sections(true)
        .with_memory64_limit_pages(u64::MAX)
        .with_table_limit_elements(u64::MAX);
    if let Some(features) = arguments.engine.features.features {
        config = config.with_core_features(features);
    }
    let of_engine = config.clone().with_engine(arguments.engine.engine.into());
    let runtime = Runtime::with_config(of_engine).map_err(|error| Failure::of_error("wz", &error))?;
    let module = source::compile(&runtime, &arguments.file)?;
    let function = lookup::find(&module, &arguments.function)?;
    let info = module.info();
    let definition = info.function_definition(function);
    let title = format!("func[{function}] {}", escape(&definition.signature()));
    let Some(defined) = function.checked_sub(info.imported.functions) else {
        let import = definition
            .import()
            .map(|(module, name)| format!("imported from \"{}\" as \"{}\"\n", escape(module), escape(name)));
        return print_out(&format!("{title}\n{}", import.unwrap_or_default()));
    };
    let body = info.bodies[defined as usize].range.clone();
    let operators = text::operators(&info.bytes, &body)
        .map_err(|error| Failure::setup(format!("{}: {error}", escape(&arguments.file.to_string_lossy()))))?;
    let mut page = Page { title, body, code_start: info.code_start, operators, source: None, code: None };
    if !arguments.no_source {
        page.source = SourceLines::of(&module);
    }
    if !arguments.no_code {
        page.code = module.listing(function);
        // An engine that cannot show its code was not asked for: the interpreter can.
        if page.code.is_none() && arguments.engine.engine == EngineChoice::Auto {
            let interpreter = Runtime::with_config(config.with_engine(EngineKind::Interpreter));
            let interpreted = interpreter.and_then(|runtime| runtime.compile(&info.bytes[..]));
            page.code = interpreted.ok().and_then(|module| module.listing(function));
        }
    }
    print_out(&page.to_string())
}
