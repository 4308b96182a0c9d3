//! What the cache needs of the system's files: reading at a place, and whose they are. Twins, with
//! the same items.

#[cfg(not(unix))]
mod other;
#[cfg(unix)]
mod unix;

use std::fs::File;
use std::time::{Duration, SystemTime};

#[cfg(not(unix))]
pub(super) use other::*;
#[cfg(unix)]
pub(super) use unix::*;

/// How long a file counts as just used.
const JUST_USED: Duration = Duration::from_secs(3600);

/// Notes in a file's time of modification that it was used, unless it just was.
pub(super) fn touch(file: &File) {
    let now = SystemTime::now();
    let modified = file.metadata().and_then(|metadata| metadata.modified());
    let just_used = modified.is_ok_and(|at| now.duration_since(at).is_ok_and(|age| age < JUST_USED));
    if !just_used {
        // Whoever may only read it cannot say so: it is cleaned away earlier.
        let _ = file.set_modified(now);
    }
}
