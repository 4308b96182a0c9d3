//! The environment variables that a guest gets: `--env` and `--env-inherit`.

/// A variable to set, or to take over from the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Variable {
    /// `NAME=VALUE`
    Set(String, String),
    /// `NAME`: the process's value, if it has one.
    Inherit(String),
}

impl Variable {
    /// Reads `NAME=VALUE` or `NAME`.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (name, variable) = match text.split_once('=') {
            Some((name, value)) => (name, Self::Set(name.to_owned(), value.to_owned())),
            None => (text, Self::Inherit(text.to_owned())),
        };
        if name.is_empty() { Err("the variable's name is empty".into()) } else { Ok(variable) }
    }
}

/// The guest's variables in order: inherited ones first, a later value replacing an earlier one
/// in place. Variables of the process that are not UTF-8 are left out.
pub(crate) fn resolve(
    inherit_all: bool,
    process: impl Iterator<Item = (String, String)>,
    variables: &[Variable],
) -> Vec<(String, String)> {
    let process: Vec<_> = process.collect();
    let mut resolved: Vec<(String, String)> = Vec::new();
    let mut set = |name: &str, value: &str| match resolved.iter_mut().find(|(known, _)| known == name) {
        Some(entry) => value.clone_into(&mut entry.1),
        None => resolved.push((name.to_owned(), value.to_owned())),
    };
    if inherit_all {
        process.iter().for_each(|(name, value)| set(name, value));
    }
    for variable in variables {
        match variable {
            Variable::Set(name, value) => set(name, value),
            Variable::Inherit(name) => {
                if let Some((_, value)) = process.iter().find(|(known, _)| known == name) {
                    set(name, value);
                }
            }
        }
    }
    resolved
}

/// The process's own variables.
pub(crate) fn of_process() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(inherit_all: bool, variables: &[&str], expected: &str) {
        let process = [("A", "1"), ("B", "2")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let variables: Vec<_> = variables.iter().map(|text| Variable::parse(text).unwrap()).collect();
        let resolved = resolve(inherit_all, process.into_iter(), &variables);
        let text: Vec<_> = resolved.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(text.join(" "), expected);
    }

    #[test]
    fn variables() {
        check(false, &[], "");
        check(false, &["C=3", "B", "NONE", "C=4=5", "D="], "C=4=5 B=2 D=");
        check(true, &["A=9", "C=3"], "A=9 B=2 C=3");
        assert!(Variable::parse("=x").is_err());
        assert!(Variable::parse("").is_err());
    }
}
