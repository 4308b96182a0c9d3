//! [`GuestPath`]: a path as a guest gave it, checked for everything that can be checked without a
//! file system. Where `..` and symbolic links lead is the file system's business.

use crate::{Errno, FsResult};

/// The longest path a guest can pass, in bytes (as `PATH_MAX`).
pub const MAX_PATH_LEN: usize = 4096;

/// A relative path without NUL characters, not empty, of at most [`MAX_PATH_LEN`] bytes. Trailing
/// slashes are taken off and remembered: they say that the path must name a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestPath {
    text: String,
    requires_directory: bool,
}

/// The last component of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastComponent<'a> {
    /// A name.
    Name(&'a str),
    /// `.`
    Current,
    /// `..`
    Parent,
}

impl GuestPath {
    /// Checks a path.
    ///
    /// # Errors
    /// `ENOENT` if it is empty, `ENAMETOOLONG`, `EINVAL` for a NUL character, `EPERM` if it is
    /// absolute: nothing outside a directory can be reached through it.
    pub fn new(text: &str) -> FsResult<Self> {
        if text.is_empty() {
            // wazero's `path_open` answers EINVAL here; POSIX, and the other runtimes, ENOENT.
            return Err(Errno::NoEntry);
        }
        if text.len() > MAX_PATH_LEN {
            return Err(Errno::NameTooLong);
        }
        if text.contains('\0') {
            return Err(Errno::Invalid);
        }
        // Also on hosts where a backslash or a drive is a root: cap-std refuses those itself.
        if text.starts_with('/') {
            return Err(Errno::Permission);
        }
        let stripped = text.trim_end_matches('/');
        Ok(Self { text: stripped.to_owned(), requires_directory: stripped.len() < text.len() })
    }

    /// The path without trailing slashes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it ended in a slash.
    #[must_use]
    pub fn requires_directory(&self) -> bool {
        self.requires_directory
    }

    /// The components between slashes, without empty ones.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.text.split('/').filter(|component| !component.is_empty())
    }

    /// The path of the directory that holds the last component (empty if that is where the path
    /// starts), and the last component.
    #[must_use]
    pub fn split(&self) -> (&str, LastComponent<'_>) {
        let (parent, last) = self.text.rsplit_once('/').unwrap_or(("", &self.text));
        let last = match last {
            "." => LastComponent::Current,
            ".." => LastComponent::Parent,
            name => LastComponent::Name(name),
        };
        (parent.trim_end_matches('/'), last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_checked() {
        for (text, expected) in [
            ("", Err(Errno::NoEntry)),
            ("/", Err(Errno::Permission)),
            ("/a", Err(Errno::Permission)),
            ("a\0", Err(Errno::Invalid)),
            ("a", Ok(("a", false))),
            ("a///", Ok(("a", true))),
            ("../a/.", Ok(("../a/.", false))),
        ] {
            let path = GuestPath::new(text);
            assert_eq!(
                path.as_ref().map(|path| (path.as_str(), path.requires_directory())).map_err(|e| *e),
                expected
            );
        }
        assert_eq!(GuestPath::new(&"a".repeat(MAX_PATH_LEN + 1)), Err(Errno::NameTooLong));
        assert!(GuestPath::new(&"a".repeat(MAX_PATH_LEN)).is_ok());
    }

    #[test]
    fn paths_are_split() {
        for (text, parent, last) in [
            ("a", "", LastComponent::Name("a")),
            ("a//b/", "a", LastComponent::Name("b")),
            ("a/..", "a", LastComponent::Parent),
            (".", "", LastComponent::Current),
        ] {
            assert_eq!(GuestPath::new(text).unwrap().split(), (parent, last));
        }
    }
}
