//! Logging of calls: [`LoggingListenerFactory`] writes a line before and after each call, in
//! wazero's form, and [`CallFormat`] knows how to show the parameters and results of a function,
//! those of WASI by their meaning.
//!
//! ```text
//! --> app._start()
//!     ==> wasi_snapshot_preview1.path_open(fd=3,dirflags=,path=in.txt,oflags=,...)
//!     <== (opened_fd=4,errno=ESUCCESS)
//! <--
//! ```

mod format;
mod listener;
mod scopes;
mod wasi;

pub use format::{CallFormat, Field};
pub use listener::LoggingListenerFactory;
pub use scopes::LogScopes;

/// The text on one line, with everything that does not print as an escape: what guests say must
/// not drive a terminal.
fn push_escaped(text: &mut String, raw: &str) {
    for c in raw.chars() {
        match c {
            '\\' | '\'' | '"' => text.push(c),
            _ => text.extend(c.escape_debug()),
        }
    }
}
