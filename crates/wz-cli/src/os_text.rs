//! Splitting arguments that hold paths, which need not be UTF-8, at characters that are ASCII.

use std::ffi::{OsStr, OsString};

/// Which separator counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    First,
    Last,
}

/// The parts before and after a separator, which is ASCII.
#[cfg(unix)]
pub(crate) fn split_once(text: &OsStr, separator: &str, at: At) -> Option<(OsString, OsString)> {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    let (bytes, separator) = (text.as_bytes(), separator.as_bytes());
    let mut windows = bytes.windows(separator.len());
    let start = match at {
        At::First => windows.position(|window| window == separator),
        At::Last => windows.rposition(|window| window == separator),
    }?;
    let (before, after) = (&bytes[..start], &bytes[start + separator.len()..]);
    Some((OsString::from_vec(before.to_vec()), OsString::from_vec(after.to_vec())))
}

/// The parts before and after a separator, of a text that is Unicode.
#[cfg(not(unix))]
pub(crate) fn split_once(text: &OsStr, separator: &str, at: At) -> Option<(OsString, OsString)> {
    let text = text.to_str()?;
    let (before, after) = match at {
        At::First => text.split_once(separator)?,
        At::Last => text.rsplit_once(separator)?,
    };
    Some((before.into(), after.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, separator: &str, at: At, expected: Option<(&str, &str)>) {
        let given = split_once(text.as_ref(), separator, at);
        assert_eq!(given, expected.map(|(before, after)| (before.into(), after.into())), "{text}");
    }

    #[test]
    fn either_separator() {
        check("a::b::c", "::", At::First, Some(("a", "b::c")));
        check("a::b::c", "::", At::Last, Some(("a::b", "c")));
        check("a:::c", "::", At::First, Some(("a", ":c")));
        check("=", "=", At::First, Some(("", "")));
        check("abc", "::", At::First, None);
        check("", ":", At::Last, None);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_not_utf8_is_kept() {
        use std::os::unix::ffi::OsStrExt;
        let (before, after) = split_once(OsStr::from_bytes(b"\xff=\xfe"), "=", At::First).unwrap();
        assert_eq!((before.as_bytes(), after.as_bytes()), (&b"\xff"[..], &b"\xfe"[..]));
    }
}
