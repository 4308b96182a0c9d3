//! Which function a person means.

use std::collections::BTreeSet;

use wz::CompiledModule;

use crate::escape::escape;
use crate::report::Failure;

/// How many names are shown when none fits or several do.
const SHOWN: usize = 20;

/// The index of the function with this name, exported name, or index (`7`, `$7`).
///
/// # Errors
/// If there is none or more than one.
pub(super) fn find(module: &CompiledModule, wanted: &str) -> Result<u32, Failure> {
    let info = module.info();
    let count = info.imported.functions + info.bodies.len() as u32;
    let exports = module.exported_functions();
    if let Some(definition) = exports.get(wanted) {
        return Ok(definition.index());
    }
    let definitions = || (0..count).map(|index| info.function_definition(index));
    let named: Vec<u32> = definitions()
        .filter(|definition| definition.name() == wanted || definition.debug_name() == wanted)
        .map(|definition| definition.index())
        .collect();
    match named[..] {
        [index] => return Ok(index),
        [] => {}
        _ => {
            let list: Vec<_> = named.iter().take(SHOWN).map(u32::to_string).collect();
            let failure =
                Failure::setup(format!("{} functions are called \"{}\"", named.len(), escape(wanted)));
            return Err(failure.with_hint(format!("name one by its index: {}", list.join(", "))));
        }
    }
    if let Ok(index) = wanted.strip_prefix('$').unwrap_or(wanted).parse::<u32>() {
        return if index < count {
            Ok(index)
        } else {
            Err(Failure::setup(format!("there is no function {index}: the module has {count}")))
        };
    }
    let failure = Failure::setup(format!("no function is called \"{}\"", escape(wanted)));
    let lower = wanted.to_lowercase();
    let names: BTreeSet<String> = definitions()
        .map(|definition| definition.name().to_owned())
        .chain(exports.keys().map(|name| name.to_string()))
        .filter(|name| !name.is_empty())
        .collect();
    let similar: Vec<_> =
        names.iter().filter(|name| name.to_lowercase().contains(&lower)).take(SHOWN).collect();
    let shown: Vec<_> = if similar.is_empty() { names.iter().take(SHOWN).collect() } else { similar };
    let shown: Vec<_> = shown.into_iter().map(|name| escape(name)).collect();
    Err(match shown.is_empty() {
        true if count == 0 => failure.with_hint("the module has no functions"),
        true => failure.with_hint(format!("its functions have no names: give an index below {count}")),
        false => failure.with_hint(format!("names are: {}", shown.join(", "))),
    })
}
