//! `wz wast`: runs test scripts in the specification's format.

use std::io::Read;
use std::path::Path;

use wz::{CoreFeatures, RuntimeConfig};
use wz_wast::{Group, Script, ScriptResult, folder_scripts, run_scripts};

use crate::args::WastArgs;
use crate::escape::escape;
use crate::report::{Failure, STATUS_SETUP, print_out};

/// Runs every script and prints how many assertions of each passed; what failed goes to standard
/// error.
///
/// # Errors
/// If a folder cannot be read or has no scripts.
pub(crate) fn wast(arguments: &WastArgs) -> Result<i32, Failure> {
    let mut scripts = Vec::new();
    for path in &arguments.files {
        scripts.extend(scripts_at(path)?);
    }
    if let Some(features) = arguments.engine.features.features {
        scripts.iter_mut().for_each(|script| script.features = features);
    }
    let config = RuntimeConfig::new().with_engine(arguments.engine.engine.into());
    let mut status = 0;
    // One after the other, so that each one's lines come when it is done.
    for script in &scripts {
        for result in run_scripts(&config, std::slice::from_ref(script), 1) {
            if !result.failures.is_empty() {
                status = STATUS_SETUP;
            }
            report(&result)?;
        }
    }
    Ok(status)
}

fn report(result: &ScriptResult) -> Result<(), Failure> {
    let path = escape(&result.path);
    for failure in &result.failures {
        let needs = failure.needs.map(|needs| format!(" (needs {needs}, which wz does not have)"));
        let message = escape(&failure.message);
        let text = format!("{path}:{}: {message}{}", failure.line, needs.unwrap_or_default());
        Failure::setup(text).print();
    }
    let (passed, all) = (result.assertions_passed(), result.assertions);
    print_out(&format!("{path}: {passed} of {all} assertions passed\n"))?;
    Ok(())
}

/// The scripts that an argument means: a file, all below a folder, or standard input.
fn scripts_at(path: &Path) -> Result<Vec<Script>, Failure> {
    let name = path.to_string_lossy();
    if path == Path::new("-") {
        let mut text = String::new();
        let text = match std::io::stdin().lock().read_to_string(&mut text) {
            Ok(_) => Ok(text.into()),
            Err(error) => Err(error.to_string()),
        };
        let path = "-".to_owned();
        return Ok(vec![Script { group: Group::of_path(&path), features: CoreFeatures::ALL, path, text }]);
    }
    if !path.is_dir() {
        return Ok(vec![Script::read(path, name.into_owned())]);
    }
    let mut scripts = folder_scripts(path).map_err(|error| Failure::setup(escape(&error.to_string())))?;
    if scripts.is_empty() {
        return Err(Failure::setup(format!("there are no .wast files below {}", escape(&name))));
    }
    let folder = name.trim_end_matches('/');
    scripts.iter_mut().for_each(|script| script.path = format!("{folder}/{}", script.path));
    Ok(scripts)
}
