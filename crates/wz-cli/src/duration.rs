//! Durations as people write them: `500ms`, `1.5s`, `1h30m`.

use std::time::Duration;

/// Every unit with its length in nanoseconds, longest names first where one begins another.
const UNITS: [(&str, u64); 7] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60 * 1_000_000_000),
    ("h", 3600 * 1_000_000_000),
];

/// Reads a sum of numbers with units.
///
/// # Errors
/// What is wrong with the text.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    if text.starts_with('-') {
        return Err("a duration cannot be negative".into());
    }
    let mut rest = text;
    let mut sum = Duration::ZERO;
    loop {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(unit_at);
        let next_at = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, next) = after.split_at(next_at);
        if number.is_empty() {
            return Err("expected a number with a unit, such as 500ms, 1.5s or 2m".into());
        }
        let Some((_, unit_nanos)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(if unit.is_empty() {
                format!("{number} has no unit: write {number}s for seconds, or use ns, us, ms, m, h")
            } else {
                format!("unknown unit \"{unit}\": use ns, us, ms, s, m or h")
            });
        };
        let part = scale(number, *unit_nanos)?;
        sum = sum.checked_add(part).ok_or_else(too_long)?;
        if next.is_empty() {
            return Ok(sum);
        }
        rest = next;
    }
}

/// A decimal number times a unit, without rounding on the way.
fn scale(number: &str, unit_nanos: u64) -> Result<Duration, String> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.contains('.') || (whole.is_empty() && fraction.is_empty()) {
        return Err(format!("\"{number}\" is not a number"));
    }
    let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| too_long())? };
    // Nothing after the eighteenth digit can make a nanosecond, even of an hour.
    let fraction = &fraction[..fraction.len().min(18)];
    let digits: u128 = if fraction.is_empty() { 0 } else { fraction.parse().map_err(|_| too_long())? };
    let nanos = whole
        .checked_mul(unit_nanos.into())
        .and_then(|nanos| {
            nanos.checked_add(digits * u128::from(unit_nanos) / 10_u128.pow(fraction.len() as u32))
        })
        .ok_or_else(too_long)?;
    let seconds = u64::try_from(nanos / 1_000_000_000).map_err(|_| too_long())?;
    Ok(Duration::new(seconds, (nanos % 1_000_000_000) as u32))
}

fn too_long() -> String {
    "the duration is too long".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<Duration, &str>) {
        assert_eq!(parse_duration(text), expected.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn sums_of_units() {
        check("500ms", Ok(Duration::from_millis(500)));
        check("1.5s", Ok(Duration::from_millis(1500)));
        check("2m", Ok(Duration::from_secs(120)));
        check("1h30m", Ok(Duration::from_secs(5400)));
        check(".5s", Ok(Duration::from_millis(500)));
        check("0s", Ok(Duration::ZERO));
        check("0.3us", Ok(Duration::from_nanos(300)));
        check("1.000000001s", Ok(Duration::new(1, 1)));
    }

    #[test]
    fn what_is_wrong_is_said() {
        check("5", Err("5 has no unit: write 5s for seconds, or use ns, us, ms, m, h"));
        check("", Err("expected a number with a unit, such as 500ms, 1.5s or 2m"));
        check("s", Err("expected a number with a unit, such as 500ms, 1.5s or 2m"));
        check("5d", Err("unknown unit \"d\": use ns, us, ms, s, m or h"));
        check("-1s", Err("a duration cannot be negative"));
        check("1.2.3s", Err("\"1.2.3\" is not a number"));
        check(".s", Err("\".\" is not a number"));
        check("99999999999999999999999999999999999999999h", Err("the duration is too long"));
        check("99999999999999999999999999h", Err("the duration is too long"));
    }
}
