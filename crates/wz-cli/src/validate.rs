//! `wz validate`: which modules are not valid, and why.

use crate::args::ValidateArgs;
use crate::report::{Failure, STATUS_SETUP};
use crate::source;

/// Checks every module and prints what is wrong with each.
///
/// # Errors
/// If nothing could be checked.
pub(crate) fn validate(arguments: &ValidateArgs) -> Result<i32, Failure> {
    let runtime = source::reading_runtime(&arguments.features)?;
    let mut status = 0;
    for file in &arguments.files {
        if let Err(failure) = source::compile(&runtime, file) {
            failure.print();
            status = STATUS_SETUP;
        }
    }
    Ok(status)
}
