//! Which host directories a guest sees, and under which names: `--dir` and `--mount`.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use crate::os_text::{At, split_once};

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
    pub(crate) fn parse_dir(text: OsString) -> Result<Self, String> {
        let Some((host, rest)) = split_once(&text, "::", At::First) else {
            return Self::new(text.clone(), &text, "HOST::GUEST", false);
        };
        let Some((guest, access)) = split_once(&rest, "::", At::First) else {
            return Self::new(host, &rest, "HOST::GUEST", false);
        };
        if split_once(&access, "::", At::First).is_some() {
            return Err("too many parts: the form is HOST[::GUEST[::ro]]".into());
        }
        if access != "ro" {
            let access = access.to_string_lossy();
            return Err(format!("expected \"ro\" after the guest's path, found \"{access}\""));
        }
        Self::new(host, &guest, "HOST::GUEST", true)
    }

    /// Reads `HOST[:GUEST][:ro]`, the form of `--mount`: the last colon separates the paths.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub(crate) fn parse_mount(text: OsString) -> Result<Self, String> {
        let (paths, read_only) = match split_once(&text, ":", At::Last) {
            Some((paths, access)) if access == "ro" => (paths, true),
            _ => (text, false),
        };
        let (host, guest) =
            split_once(&paths, ":", At::Last).unwrap_or_else(|| (paths.clone(), paths.clone()));
        Self::new(host, &guest, "HOST:GUEST", read_only)
    }

    /// The host's path may be any that it has; the guest's is text.
    fn new(host: OsString, guest: &OsStr, form: &str, read_only: bool) -> Result<Self, String> {
        if host.is_empty() {
            return Err("the host's path is empty".into());
        }
        let guest = guest.to_str();
        let guest =
            guest.ok_or_else(|| format!("the guest's path must be UTF-8: {form} gives it another"))?;
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
        check(Mount::parse_dir(".".into()), Ok((".", ".", false)));
        check(Mount::parse_dir("/a:b::/c".into()), Ok(("/a:b", "/c", false)));
        check(Mount::parse_dir("/a::/::ro".into()), Ok(("/a", "/", true)));
        check(Mount::parse_dir("/a::ro".into()), Ok(("/a", "ro", false)));
        let error = "expected \"ro\" after the guest's path, found \"rw\"";
        check(Mount::parse_dir("/a::/::rw".into()), Err(error));
        check(Mount::parse_dir("/a::/::ro::".into()), Err("too many parts: the form is HOST[::GUEST[::ro]]"));
        check(Mount::parse_dir("::/".into()), Err("the host's path is empty"));
    }

    #[test]
    fn mounts() {
        check(Mount::parse_mount("/a".into()), Ok(("/a", "/a", false)));
        check(Mount::parse_mount("/a:ro".into()), Ok(("/a", "/a", true)));
        check(Mount::parse_mount("/a:/b".into()), Ok(("/a", "/b", false)));
        check(Mount::parse_mount("/a:/b:ro".into()), Ok(("/a", "/b", true)));
        check(Mount::parse_mount("/a:b:/c:ro".into()), Ok(("/a:b", "/c", true)));
        check(Mount::parse_mount(":/b".into()), Err("the host's path is empty"));
    }

    #[cfg(unix)]
    #[test]
    fn the_hosts_path_need_not_be_text() {
        use std::os::unix::ffi::OsStringExt;
        let os = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
        for given in [Mount::parse_dir(os(b"\xff::/g::ro")), Mount::parse_mount(os(b"\xff:/g:ro"))] {
            let mount = Mount { host: os(b"\xff").into(), guest: "/g".into(), read_only: true };
            assert_eq!(given, Ok(mount));
        }
        let error = "the guest's path must be UTF-8: HOST::GUEST gives it another";
        check(Mount::parse_dir(os(b"\xff")), Err(error));
        check(Mount::parse_dir(os(b"a::\xff")), Err(error));
        check(
            Mount::parse_mount(os(b"\xff:ro")),
            Err("the guest's path must be UTF-8: HOST:GUEST gives it another"),
        );
    }
}
