//! What a guest says must not drive the terminal: control characters, escape sequences,
//! characters that turn the writing direction or cannot be seen are written as escapes.

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

#[cfg(test)]
mod tests {
    use super::*;

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
