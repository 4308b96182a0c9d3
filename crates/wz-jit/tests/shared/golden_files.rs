//! Golden files, for the tests of this crate and of those of instruction sets: each `NAME.wat` of a folder
//! is rendered to `NAME.txt`. `cargo xtask bless` writes them anew.

use std::path::Path;

/// Compares what modules are rendered to with the golden files of `tests/golden`, or writes these.
pub(crate) fn check(package: &str, render: impl Fn(&str) -> String) {
    let folder = Path::new(package).join("tests/golden");
    let bless = std::env::var_os("WZ_BLESS").is_some();
    let mut differ = Vec::new();
    let mut sources: Vec<_> = std::fs::read_dir(&folder)
        .expect("the folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "wat"))
        .collect();
    sources.sort();
    assert!(!sources.is_empty());
    for source in sources {
        let rendered = render(&std::fs::read_to_string(&source).expect("a module"));
        let golden = source.with_extension("txt");
        if bless {
            std::fs::write(&golden, &rendered).expect("the golden file");
        } else if std::fs::read_to_string(&golden).unwrap_or_default() != rendered {
            differ.push(format!("{}:\n{rendered}", golden.display()));
        }
    }
    assert!(differ.is_empty(), "`cargo xtask bless` accepts this:\n{}", differ.join("\n"));
}
