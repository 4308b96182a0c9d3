//! Counts: whole numbers that cannot be negative.

/// Reads a number.
///
/// # Errors
/// What is expected instead.
pub(crate) fn parse_count(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("expected a whole number from 0 to {}", u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_numbers() {
        assert_eq!(parse_count("18446744073709551615"), Ok(u64::MAX));
        for text in ["", "-1", "1.5", "x", "18446744073709551616"] {
            assert!(parse_count(text).unwrap_err().starts_with("expected a whole number"), "{text}");
        }
    }
}
