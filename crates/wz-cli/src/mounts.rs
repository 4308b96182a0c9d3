//! Which host directories a guest sees, and under which names: `--dir` and `--mount`.

use std::path::PathBuf;

/// A host directory and where the guest sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    /// The directory on the host.
    pub(crate) host: PathBuf,
    /// Its name for the guest.
    pub(crate) guest: String,
    /// Whether the guest may only read.
    pub(crate) read_only: bool,
}

impl Mount {
    /// Reads `HOST[::GUEST[::ro]]`, the form of `--dir`.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub(crate) fn parse_dir(text: &str) -> Result<Self, String> {
        let mut parts = text.split("::");
        let host = parts.next().unwrap_or_default();
        let guest = parts.next().unwrap_or(host);
        let read_only = match parts.next() {
            None => false,
            Some("ro") => true,
            Some(other) => return Err(format!("expected \"ro\" after the guest's path, found \"{other}\"")),
        };
        if parts.next().is_some() {
            return Err("too many parts: the form is HOST[::GUEST[::ro]]".into());
        }
        Self::new(host, guest, read_only)
    }

    /// Reads `HOST[:GUEST][:ro]`, the form of `--mount`: the last colon separates the paths.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub(crate) fn parse_mount(text: &str) -> Result<Self, String> {
        let (paths, read_only) = text.strip_suffix(":ro").map_or((text, false), |paths| (paths, true));
        let (host, guest) = paths.rsplit_once(':').unwrap_or((paths, paths));
        Self::new(host, guest, read_only)
    }

    fn new(host: &str, guest: &str, read_only: bool) -> Result<Self, String> {
        if host.is_empty() {
            return Err("the host's path is empty".into());
        }
        Ok(Self { host: host.into(), guest: guest.to_owned(), read_only })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(given: Result<Mount, String>, expected: Result<(&str, &str, bool), &str>) {
        let expected = expected.map(|(host, guest, read_only)| Mount {
            host: host.into(),
            guest: guest.into(),
            read_only,
        });
        assert_eq!(given, expected.map_err(str::to_owned));
    }

    #[test]
    fn dirs() {
        check(Mount::parse_dir("."), Ok((".", ".", false)));
        check(Mount::parse_dir("/a:b::/c"), Ok(("/a:b", "/c", false)));
        check(Mount::parse_dir("/a::/::ro"), Ok(("/a", "/", true)));
        check(Mount::parse_dir("/a::ro"), Ok(("/a", "ro", false)));
        let error = "expected \"ro\" after the guest's path, found \"rw\"";
        check(Mount::parse_dir("/a::/::rw"), Err(error));
        check(Mount::parse_dir("/a::/::ro::"), Err("too many parts: the form is HOST[::GUEST[::ro]]"));
        check(Mount::parse_dir("::/"), Err("the host's path is empty"));
    }

    #[test]
    fn mounts() {
        check(Mount::parse_mount("/a"), Ok(("/a", "/a", false)));
        check(Mount::parse_mount("/a:ro"), Ok(("/a", "/a", true)));
        check(Mount::parse_mount("/a:/b"), Ok(("/a", "/b", false)));
        check(Mount::parse_mount("/a:/b:ro"), Ok(("/a", "/b", true)));
        check(Mount::parse_mount("/a:b:/c:ro"), Ok(("/a:b", "/c", true)));
        check(Mount::parse_mount(":/b"), Err("the host's path is empty"));
    }
}
