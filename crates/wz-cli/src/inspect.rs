//! `wz inspect`: what is in a module, for people or as JSON.

mod model;
mod text;

use std::path::Path;

use crate::args::InspectArgs;
use crate::escape::escape_json;
use crate::report::{Failure, print_out};
use crate::source;

/// Prints what is in a module.
///
/// # Errors
/// If it cannot be read or is not valid.
pub(crate) fn inspect(arguments: &InspectArgs) -> Result<i32, Failure> {
    let runtime = source::reading_runtime(&arguments.features)?;
    let module = source::compile(&runtime, &arguments.file)?;
    let inspection = model::Inspection::of(&file_name(&arguments.file), &module);
    let shown = if arguments.json {
        let json = serde_json::to_string_pretty(&inspection)
            .map_err(|error| Failure::setup(format!("cannot write JSON: {error}")))?;
        escape_json(&json).into_owned() + "\n"
    } else {
        text::of(&inspection)
    };
    print_out(&shown)
}

fn file_name(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
