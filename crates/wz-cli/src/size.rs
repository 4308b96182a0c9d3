//! Sizes in bytes as people write them: `65536`, `64KiB`, `16M`, `1G`.

/// Every suffix with its factor, in lower case.
const UNITS: [(&str, u64); 14] = [
    ("", 1),
    ("b", 1),
    ("k", 1 << 10),
    ("kib", 1 << 10),
    ("kb", 1_000),
    ("m", 1 << 20),
    ("mib", 1 << 20),
    ("mb", 1_000_000),
    ("g", 1 << 30),
    ("gib", 1 << 30),
    ("gb", 1_000_000_000),
    ("t", 1 << 40),
    ("tib", 1 << 40),
    ("tb", 1_000_000_000_000),
];

/// Reads a number of bytes.
///
/// # Errors
/// What is wrong with the text.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    if number.is_empty() {
        return Err("expected a number of bytes, such as 65536, 64KiB or 1GiB".into());
    }
    let Some((_, factor)) = UNITS.iter().find(|(name, _)| unit.eq_ignore_ascii_case(name)) else {
        return Err(format!("unknown unit \"{unit}\": use K, M, G, T (powers of 1024) or kB, MB, GB, TB"));
    };
    let too_large = || "the size is too large".to_owned();
    number.parse::<u64>().map_err(|_| too_large())?.checked_mul(*factor).ok_or_else(too_large)
}

/// A number of bytes with a unit, for people.
pub(crate) fn format_size(bytes: u64) -> String {
    let unit = [("GiB", 1_u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match unit.into_iter().find(|(_, factor)| bytes >= *factor) {
        Some((name, factor)) => format!("{:.1} {name}", bytes as f64 / factor as f64),
        None => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<u64, &str>) {
        assert_eq!(parse_size(text), expected.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn sizes() {
        check("0", Ok(0));
        check("65536", Ok(65536));
        check("64KiB", Ok(65536));
        check("64k", Ok(65536));
        check("64kB", Ok(64_000));
        check("2G", Ok(2 << 30));
        check("x", Err("expected a number of bytes, such as 65536, 64KiB or 1GiB"));
        check("1.5G", Err("unknown unit \".5G\": use K, M, G, T (powers of 1024) or kB, MB, GB, TB"));
        check("99999999T", Err("the size is too large"));
    }

    #[test]
    fn sizes_are_printed_with_a_unit() {
        let check = |bytes, expected: &str| assert_eq!(format_size(bytes), expected);
        check(0, "0 bytes");
        check(1023, "1023 bytes");
        check(1536, "1.5 KiB");
        check(26 << 20, "26.0 MiB");
        check(5 << 30, "5.0 GiB");
    }
}
