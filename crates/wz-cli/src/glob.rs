//! Patterns for names: `*` stands for any characters, `?` for any one.

/// Whether the whole of `text` is what `pattern` says.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut text_at) = (0, 0);
    // The last star, and where what it stands for ends so far.
    let mut star: Option<(usize, usize)> = None;
    while text_at < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, text_at));
                at += 1;
            }
            Some(c) if *c == '?' || *c == text[text_at] => {
                at += 1;
                text_at += 1;
            }
            _ => {
                // What the star stands for is one longer.
                let Some((star_at, end)) = star else { return false };
                star = Some((star_at, end + 1));
                at = star_at + 1;
                text_at = end + 1;
            }
        }
    }
    pattern[at..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let check = |pattern: &str, yes: &[&str], no: &[&str]| {
            for text in yes {
                assert!(matches(pattern, text), "{pattern} {text}");
            }
            for text in no {
                assert!(!matches(pattern, text), "{pattern} {text}");
            }
        };
        check("", &[""], &["a"]);
        check("main", &["main"], &["mai", "main2", "amain"]);
        check("*", &["", "a", "app.main"], &[]);
        check("app.*", &["app.", "app.main"], &["app", "xapp.main"]);
        check("*.ma?n", &["app.main", ".mazn", "a.b.main"], &["app.man", "main"]);
        check("a*b*c", &["abc", "aXbXbXc", "abcbc"], &["ab", "abcd", "acb"]);
        check("?", &["é"], &["", "ab"]);
        let (long, pattern) = ("a".repeat(10_000), "a*".repeat(50) + "b");
        check(&pattern, &[], &[&long]);
    }
}
