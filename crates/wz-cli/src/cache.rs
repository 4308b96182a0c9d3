//! `--cache-dir` and `--cache`: where compiled code is kept.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use wz::{CompilationCache, ErrorKind};

use crate::args::CacheArgs;
use crate::report::{Failure, note};

/// The name of the directory in the user's cache directory.
const NAME: &str = "wz";

/// The cache that was asked for, if any.
///
/// # Errors
/// If the directory cannot be made or used.
pub(crate) fn open(arguments: &CacheArgs) -> Result<Option<CompilationCache>, Failure> {
    match (&arguments.cache_dir, arguments.cache) {
        (Some(directory), _) => in_directory(directory).map(Some),
        (None, true) => in_user_directory().map(Some),
        (None, false) => Ok(None),
    }
}

/// The cache in a directory.
///
/// # Errors
/// If it cannot be made or used.
pub(crate) fn in_directory(directory: &Path) -> Result<CompilationCache, Failure> {
    CompilationCache::with_dir(directory).map_err(|error| {
        let failure = Failure::of_error("--cache-dir", &error);
        match error.kind() {
            ErrorKind::Argument(_) => failure
                .with_hint("a directory that does not exist yet is made so that only you can write to it"),
            _ => failure,
        }
    })
}

/// The cache in the user's own cache directory.
///
/// # Errors
/// If it is not known, or cannot be made or used.
pub(crate) fn in_user_directory() -> Result<CompilationCache, Failure> {
    match user_directory(|name| env::var_os(name)) {
        Some(directory) => in_directory(&directory),
        None => Err(Failure::setup("your cache directory is not known: HOME is not set")
            .with_hint("--cache-dir DIR uses another one")),
    }
}

/// Writes what a run compiled. It is no failure of the run if that does not work.
pub(crate) fn finish(cache: Option<&CompilationCache>) {
    if let Some(Err(error)) = cache.map(CompilationCache::flush) {
        note(&crate::escape::escape(&error.to_string()));
    }
}

/// The directory in the user's own cache directory, by what the system has for that.
fn user_directory(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let path = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let caches = if cfg!(windows) {
        path("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        path("HOME").map(|home| home.join("Library/Caches"))
    } else {
        path("XDG_CACHE_HOME").or_else(|| path("HOME").map(|home| home.join(".cache")))
    };
    caches.map(|caches| caches.join(NAME))
}

#[cfg(all(test, unix, not(target_os = "macos")))]
mod tests {
    use super::*;

    #[test]
    fn the_user_directory_is_where_others_have_theirs() {
        let check = |variables: &[(&str, &str)], expected: Option<&str>| {
            let variable = |name: &str| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
            };
            assert_eq!(user_directory(variable), expected.map(PathBuf::from));
        };
        check(&[("HOME", "/home/me"), ("XDG_CACHE_HOME", "/caches")], Some("/caches/wz"));
        check(&[("HOME", "/home/me")], Some("/home/me/.cache/wz"));
        check(&[("HOME", "/home/me"), ("XDG_CACHE_HOME", "")], Some("/home/me/.cache/wz"));
        check(&[("HOME", "/home/me"), ("XDG_CACHE_HOME", "relative")], Some("/home/me/.cache/wz"));
        check(&[], None);
    }
}
