//! What a guest says must not drive the terminal: control characters, escape sequences,
//! characters that turn the writing direction or cannot be seen are written as escapes.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The text on one line, with everything that does not print as an escape.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            // These print as themselves; the standard library would escape them too.
            '\\' | '\'' | '"' => escaped.push(c),
            // Its table of unprintable characters covers all categories of control, format,
            // private use, surrogate, unassigned and separating characters but the space.
            _ => escaped.extend(c.escape_debug()),
        }
    }
    escaped
}

/// As [`escape`], line by line: for texts that have lines of their own.
pub(crate) fn escape_lines(text: &str) -> String {
    text.lines().map(escape).collect::<Vec<_>>().join("\n")
}

/// JSON that says the same with everything as an escape that does not print: serializers leave that
/// of it alone which is not ASCII.
pub(crate) fn escape_json(json: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c != '\u{7f}' && (c.is_ascii() || c.escape_debug().len() == 1);
    if json.chars().all(is_plain) {
        return Cow::Borrowed(json);
    }
    let mut escaped = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if is_plain(c) {
            escaped.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = write!(escaped, "\\u{unit:04x}");
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_escaped_where_it_does_not_print() {
        let check = |text: &str, expected: &str| {
            let json = serde_json::to_string(text).unwrap();
            assert_eq!(escape_json(&json), expected);
            assert_eq!(serde_json::from_str::<String>(expected).unwrap(), text);
        };
        check("naïve_函数 'a' \"b\"", "\"naïve_函数 'a' \\\"b\\\"\"");
        check(
            "a\u{9b}31m\u{7f}\u{202e}\u{1b}\u{e0041}",
            "\"a\\u009b31m\\u007f\\u202e\\u001b\\udb40\\udc41\"",
        );
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(escape(text), expected);
    }

    #[test]
    fn what_prints_stays() {
        check("main.run(i32,i64) f32", "main.run(i32,i64) f32");
        check("naïve_函数 'a' \"b\" \\", "naïve_函数 'a' \"b\" \\");
    }

    #[test]
    fn what_does_not_print_is_escaped() {
        check("a\u{1b}[31mred\u{7}", "a\\u{1b}[31mred\\u{7}");
        check("a\nb\tc\r\0", "a\\nb\\tc\\r\\0");
        check("\u{9b}31m\u{7f}", "\\u{9b}31m\\u{7f}");
        // Bidirectional overrides and isolates, zero-width, byte order mark, separators, tags.
        for c in
            "\u{202a}\u{202e}\u{2066}\u{2069}\u{200e}\u{200f}\u{61c}\u{200b}\u{2060}\u{feff}\u{2028}\u{e0041}"
                .chars()
        {
            check(&format!("a{c}b"), &format!("a\\u{{{:x}}}b", c as u32));
        }
    }

    #[test]
    fn lines_stay_lines() {
        assert_eq!(escape_lines("a\u{1b}\n  b\u{202e}"), "a\\u{1b}\n  b\\u{202e}");
    }
}
