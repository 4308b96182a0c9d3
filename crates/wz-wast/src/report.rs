//! [`Report`]: the table of a run, a line per group.

use std::fmt;

use crate::group::Group;
use crate::script::ScriptResult;

/// Prints results as a table of groups with totals.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a>(pub &'a [ScriptResult]);

#[derive(Default)]
struct Row {
    files: [usize; 2],
    assertions: [usize; 2],
    directives: [usize; 2],
}

impl Row {
    fn of<'a>(results: impl Iterator<Item = &'a ScriptResult>) -> Self {
        let mut row = Self::default();
        for result in results {
            let add = |counts: &mut [usize; 2], passed, total| {
                counts[0] += passed;
                counts[1] += total;
            };
            add(&mut row.files, usize::from(result.failures.is_empty()), 1);
            add(&mut row.assertions, result.assertions_passed(), result.assertions);
            add(&mut row.directives, result.passed(), result.directives);
        }
        row
    }

    fn print(&self, f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
        let counts = |[passed, total]: [usize; 2]| format!("{passed}/{total}");
        let (files, assertions) = (counts(self.files), counts(self.assertions));
        let passed = self.files[0] == self.files[1];
        let mark = if passed { "" } else { "  *" };
        writeln!(f, "{name:<36} {files:>9} {assertions:>13} {:>13}{mark}", counts(self.directives))
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<36} {:>9} {:>13} {:>13}", "group", "files", "assertions", "directives")?;
        for group in Group::all() {
            let row = Row::of(self.0.iter().filter(|result| result.group == group));
            if row.files[1] > 0 {
                row.print(f, group.name())?;
            }
        }
        Row::of(self.0.iter()).print(f, "total")
    }
}
