//! `wz run`: runs a program, if asked to with a log of what it calls of the host.

use std::sync::Arc;

use wz::experimental::FunctionListenerFactory;
use wz::experimental::logging::{LogScopes, LoggingListenerFactory};

use crate::args::RunArgs;
use crate::report::Failure;
use crate::session;

/// Runs a program and gives the process's exit status.
///
/// # Errors
/// What prevented or ended the run, unless the program ended itself.
pub(crate) fn run(arguments: &RunArgs) -> Result<i32, Failure> {
    let scopes = arguments.host_logging.iter().fold(LogScopes::NONE, |all, scopes| all | *scopes);
    let logging = (scopes != LogScopes::NONE).then(|| {
        Arc::new(LoggingListenerFactory::host(std::io::stderr(), scopes)) as Arc<dyn FunctionListenerFactory>
    });
    session::run(&arguments.session, logging)
}
