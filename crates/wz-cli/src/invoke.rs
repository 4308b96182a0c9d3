//! `--invoke`: arguments from text by the function's signature, results as text.

use wz::{FunctionType, V128, Value, ValueType};

use crate::escape::escape;

/// Reads one argument per parameter.
///
/// # Errors
/// The number that is expected, or which argument does not fit.
pub(crate) fn parse_arguments(ty: &FunctionType, arguments: &[String]) -> Result<Vec<Value>, String> {
    let params = ty.params();
    if params.len() != arguments.len() {
        let list: Vec<_> = params.iter().map(|ty| ty.name()).collect();
        let plural = if params.len() == 1 { "" } else { "s" };
        return Err(format!(
            "it takes {} argument{plural} ({}), but {} were given",
            params.len(),
            list.join(", "),
            arguments.len()
        ));
    }
    let each = params.iter().zip(arguments).enumerate();
    each.map(|(position, (ty, text))| {
        parse_value(*ty, text)
            .ok_or_else(|| format!("argument {}: \"{text}\" is not {}", position + 1, expectation(*ty)))
    })
    .collect()
}

/// The results, each on a line of its own.
pub(crate) fn format_results(results: &[Value]) -> String {
    results.iter().map(|value| escape(&value.to_string()) + "\n").collect()
}

fn expectation(ty: ValueType) -> &'static str {
    match ty {
        ValueType::I32 => "an i32 (such as -1, 4294967295 or 0xff)",
        ValueType::I64 => "an i64 (such as -1 or 0xff)",
        ValueType::F32 => "an f32 (such as 1.5, 1e9, inf or nan)",
        ValueType::F64 => "an f64 (such as 1.5, 1e9, inf or nan)",
        ValueType::V128 => "a v128 (a whole number of 128 bits, such as 0x0f)",
        _ => "a reference that the command line can pass: only null is",
    }
}

/// Integers may be signed or unsigned, decimal or hexadecimal; all bits of a type can be given.
fn parse_value(ty: ValueType, text: &str) -> Option<Value> {
    Some(match ty {
        ValueType::I32 => Value::I32(parse_bits(text, 32)? as i32),
        ValueType::I64 => Value::I64(parse_bits(text, 64)? as i64),
        ValueType::V128 => Value::V128(V128(parse_bits(text, 128)?)),
        ValueType::F32 => Value::F32(text.parse().ok()?),
        ValueType::F64 => Value::F64(text.parse().ok()?),
        ValueType::FuncRef if text == "null" => Value::FuncRef(None),
        ValueType::ExternRef if text == "null" => Value::ExternRef(None),
        _ => return None,
    })
}

/// An integer that `bits` bits can hold, with or without a sign, as two's complement.
fn parse_bits(text: &str, bits: u32) -> Option<u128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (digits, radix) = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None => (digits, 10),
    };
    if !digits.starts_with(|c: char| c.is_digit(radix)) {
        return None;
    }
    let magnitude = u128::from_str_radix(digits, radix).ok()?;
    let limit = if negative { 1 << (bits - 1) } else { u128::MAX >> (128 - bits) };
    (magnitude <= limit).then(|| if negative { magnitude.wrapping_neg() } else { magnitude })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(ty: ValueType, text: &str, expected: Option<&str>) {
        assert_eq!(parse_value(ty, text).map(|value| value.to_string()).as_deref(), expected, "{text}");
    }

    #[test]
    fn integers() {
        use ValueType::{I32, I64};
        check(I32, "5", Some("5"));
        check(I32, "-5", Some("-5"));
        check(I32, "+5", Some("5"));
        check(I32, "4294967295", Some("-1"));
        check(I32, "4294967296", None);
        check(I32, "-2147483648", Some("-2147483648"));
        check(I32, "-2147483649", None);
        check(I32, "0xff", Some("255"));
        check(I32, "-0x1", Some("-1"));
        check(I32, "--1", None);
        check(I32, "0x+1", None);
        check(I32, "", None);
        check(I32, "1.0", None);
        check(I64, "18446744073709551615", Some("-1"));
        check(I64, "18446744073709551616", None);
        check(I64, "-9223372036854775808", Some("-9223372036854775808"));
    }

    #[test]
    fn other_types() {
        check(ValueType::F64, "1.5", Some("1.5"));
        check(ValueType::F32, "-inf", Some("-inf"));
        check(ValueType::F64, "nan", Some("NaN"));
        check(ValueType::F64, "x", None);
        assert!(matches!(parse_value(ValueType::V128, "-1"), Some(Value::V128(V128(u128::MAX)))));
        check(ValueType::ExternRef, "null", Some("null"));
        check(ValueType::FuncRef, "0", None);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let ty = FunctionType::new([ValueType::I32, ValueType::F64], []);
        let check = |arguments: &[&str], expected: &str| {
            let arguments: Vec<_> = arguments.iter().map(|&text| text.to_owned()).collect();
            assert_eq!(parse_arguments(&ty, &arguments).unwrap_err(), expected);
        };
        check(&["1"], "it takes 2 arguments (i32, f64), but 1 were given");
        check(&["1", "x"], "argument 2: \"x\" is not an f64 (such as 1.5, 1e9, inf or nan)");
    }

    #[test]
    fn results_are_lines() {
        assert_eq!(format_results(&[Value::I32(-1), Value::F64(0.5)]), "-1\n0.5\n");
        assert_eq!(format_results(&[]), "");
    }
}
