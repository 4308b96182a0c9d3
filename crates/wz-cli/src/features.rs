//! `--features`: which proposals are accepted.

use wz::CoreFeatures;

/// Reads a list that is applied from left to right to everything that wz has: `v1`, `v2`, `all`
/// and `none` start over; `name` or `+name` adds a feature, `-name` takes one away.
///
/// # Errors
/// A name that is none, with all that are.
pub(crate) fn parse_features(text: &str) -> Result<CoreFeatures, String> {
    let mut features = CoreFeatures::ALL;
    for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
        features = match item {
            "v1" => CoreFeatures::V1,
            "v2" => CoreFeatures::V2,
            "all" => CoreFeatures::ALL,
            "none" => CoreFeatures::NONE,
            _ => {
                let (name, enabled) = match (item.strip_prefix('-'), item.strip_prefix('+')) {
                    (Some(name), _) => (name, false),
                    (None, Some(name)) => (name, true),
                    (None, None) => (item, true),
                };
                let feature = CoreFeatures::from_name(name).ok_or_else(|| unknown(name))?;
                features.set_enabled(feature, enabled)
            }
        };
    }
    Ok(features)
}

fn unknown(name: &str) -> String {
    let names: Vec<_> = CoreFeatures::names().iter().map(|(_, name)| *name).collect();
    format!("unknown feature \"{name}\": there are v1, v2, all, none, {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: CoreFeatures) {
        assert_eq!(parse_features(text), Ok(expected), "{text}");
    }

    #[test]
    fn lists() {
        check("", CoreFeatures::ALL);
        check("v2", CoreFeatures::V2);
        check("-simd", CoreFeatures::ALL.set_enabled(CoreFeatures::SIMD, false));
        check("v1,+simd, multi-value", CoreFeatures::V1 | CoreFeatures::SIMD | CoreFeatures::MULTI_VALUE);
        check("none,mutable-global", CoreFeatures::V1);
        let error = parse_features("v1,sind").unwrap_err();
        assert!(error.starts_with("unknown feature \"sind\": there are v1, v2, all, none, mutable-global,"));
    }
}
