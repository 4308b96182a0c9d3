//! [`KnownFailures`]: which scripts fail, with exactly how many directives passed and what the
//! others need. A list only has what belongs to proposals that wz does not have.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use wz_wast::{ScriptResult, Unsupported};

/// A list of known failures.
///
/// A line is `path: passed/total proposal,proposal`; lines that start with `#` are comments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownFailures {
    scripts: BTreeMap<String, Known>,
}

/// How a script is known to fail, or does fail.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    passed: usize,
    directives: usize,
    needs: BTreeSet<Unsupported>,
}

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let needs: Vec<_> = self.needs.iter().map(|one| one.name()).collect();
        write!(f, "{}/{} {}", self.passed, self.directives, needs.join(","))
    }
}

/// A script that does not fail as the list says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deviation {
    /// Directives fail that need no proposal which wz does not have.
    Wrong {
        /// The script.
        path: String,
        /// How many.
        failures: usize,
    },
    /// Directives fail otherwise than listed, or pass although listed.
    Counts {
        /// The script.
        path: String,
        /// What the list says; none if the script is not in it.
        expected: Option<String>,
        /// What came; none if everything passed.
        actual: Option<String>,
    },
    /// A listed script is not there.
    Absent {
        /// The script.
        path: String,
    },
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wrong { path, failures } => write!(f, "{path}: {failures} failures that nothing excuses"),
            Self::Counts { path, expected, actual } => {
                let expected = expected.as_deref().unwrap_or("no failure");
                let actual = actual.as_deref().unwrap_or("no failure");
                write!(f, "{path}: listed {expected}, but it is {actual}")
            }
            Self::Absent { path } => write!(f, "{path}: listed, but there is no such script"),
        }
    }
}

impl KnownFailures {
    /// Reads a list.
    ///
    /// # Errors
    /// If there is none, or a line says anything but what a list may say.
    pub fn read(path: &Path) -> Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("in {}", path.display()))
    }

    /// Reads a list from its text.
    ///
    /// # Errors
    /// If a line says anything but what a list may say.
    pub fn parse(text: &str) -> Result<Self> {
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let scripts = lines.map(|line| parse_line(line).with_context(|| format!("line \"{line}\"")));
        Ok(Self { scripts: scripts.collect::<Result<_>>()? })
    }

    /// Where the results deviate from the list. `complete`: they are of all scripts, so that a
    /// listed script which is not among them is a deviation too.
    #[must_use]
    pub fn compare(&self, results: &[ScriptResult], complete: bool) -> Vec<Deviation> {
        let mut deviations = Vec::new();
        for result in results {
            let path = result.path.clone();
            let wrong = result.failures.iter().filter(|failure| failure.needs.is_none()).count();
            if wrong > 0 {
                deviations.push(Deviation::Wrong { path, failures: wrong });
                continue;
            }
            let (expected, actual) = (self.scripts.get(&path), known(result));
            if expected != actual.as_ref() {
                let [expected, actual] =
                    [expected, actual.as_ref()].map(|known| known.map(ToString::to_string));
                deviations.push(Deviation::Counts { path, expected, actual });
            }
        }
        if complete {
            let absent = self.absent_from(results.iter().map(|result| &*result.path));
            deviations.extend(absent.into_iter().map(|path| Deviation::Absent { path }));
        }
        deviations
    }

    /// The listed scripts that are not among `paths`.
    #[must_use]
    pub fn absent_from<'a>(&self, paths: impl Iterator<Item = &'a str>) -> Vec<String> {
        let paths: BTreeSet<_> = paths.collect();
        self.scripts.keys().filter(|path| !paths.contains(&***path)).cloned().collect()
    }

    /// Takes over what the results are, except for failures that nothing excuses: those stay
    /// deviations.
    pub fn bless(&mut self, results: &[ScriptResult], complete: bool) {
        if complete {
            self.scripts.clear();
        }
        for result in results {
            match known(result) {
                Some(known) if !known.needs.is_empty() => self.scripts.insert(result.path.clone(), known),
                _ => self.scripts.remove(&result.path),
            };
        }
    }
}

/// What a list says of this result; none if nothing failed.
fn known(result: &ScriptResult) -> Option<Known> {
    let needs = result.failures.iter().filter_map(|failure| failure.needs).collect();
    let known = Known { passed: result.passed(), directives: result.directives, needs };
    (!result.failures.is_empty()).then_some(known)
}

fn parse_line(line: &str) -> Result<(String, Known)> {
    let (path, rest) = line.split_once(": ").context("no colon after the path")?;
    let (counts, needs) = rest.split_once(' ').context("no proposal")?;
    let (passed, directives) = counts.split_once('/').context("no counts as passed/total")?;
    let (passed, directives) = (passed.parse()?, directives.parse()?);
    ensure!(passed < directives, "nothing fails");
    let one = |name| Unsupported::from_name(name).with_context(|| format!("{name} is no missing proposal"));
    let needs = needs.split(',').map(one).collect::<Result<_>>()?;
    Ok((path.to_owned(), Known { passed, directives, needs }))
}

/// Prints the list as it is in the file.
impl fmt::Display for KnownFailures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "# Scripts with directives that wz does not pass: how many of them pass, and the proposals that"
        )?;
        writeln!(
            f,
            "# the others need. Written by `cargo xtask spec-test --bless`; a script that passes more fails too."
        )?;
        self.scripts.iter().try_for_each(|(path, known)| writeln!(f, "{path}: {known}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Failure, Group};

    fn result(path: &str, directives: usize, failures: &[Option<Unsupported>]) -> ScriptResult {
        let failure = |needs: &Option<Unsupported>| Failure {
            line: 1,
            assertion: true,
            message: String::new(),
            needs: *needs,
        };
        ScriptResult {
            path: path.into(),
            group: Group::of_path(path),
            directives,
            assertions: directives,
            failures: failures.iter().map(failure).collect(),
        }
    }

    const GC: Option<Unsupported> = Some(Unsupported::Gc);

    #[test]
    fn only_the_listed_counts_are_accepted() {
        let list = KnownFailures::parse("a.wast: 1/3 gc\n").unwrap();
        let deviates = |results: &[ScriptResult]| !list.compare(results, true).is_empty();
        assert!(!deviates(&[result("a.wast", 3, &[GC, GC]), result("b.wast", 2, &[])]));
        assert!(deviates(&[result("a.wast", 3, &[GC])]), "more pass");
        assert!(deviates(&[result("a.wast", 3, &[GC, GC, GC])]), "fewer pass");
        assert!(deviates(&[result("a.wast", 3, &[])]), "all pass");
        assert!(deviates(&[result("a.wast", 4, &[GC, GC, GC])]), "another total");
        assert!(deviates(&[result("a.wast", 3, &[GC, None])]), "one is not excused");
        assert!(deviates(&[result("a.wast", 3, &[GC, Some(Unsupported::Threads)])]), "another reason");
        assert!(deviates(&[result("a.wast", 3, &[GC, GC]), result("b.wast", 2, &[GC])]), "not listed");
        assert!(deviates(&[]), "absent");
        assert!(list.compare(&[], false).is_empty());
    }

    #[test]
    fn blessing_takes_what_is_excused_only() {
        let mut list = KnownFailures::parse("old.wast: 1/2 gc\n").unwrap();
        let results = [result("a.wast", 3, &[GC, None]), result("b.wast", 2, &[None])];
        list.bless(&results, true);
        assert_eq!(list, KnownFailures::parse(&list.to_string()).unwrap());
        let paths: Vec<_> = list.scripts.keys().collect();
        assert_eq!(paths, ["a.wast"]);
        assert_eq!(list.compare(&results, true).len(), 2);
    }

    #[test]
    fn lists_say_nothing_else() {
        for line in ["a.wast: 1/2", "a.wast: 1/2 slow", "a.wast: 2/2 gc", "a.wast 1/2 gc"] {
            assert!(KnownFailures::parse(line).is_err(), "{line}");
        }
    }
}
