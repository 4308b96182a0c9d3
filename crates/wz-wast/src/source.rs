//! [`Script`], and how scripts are found in a folder.

use std::borrow::Cow;
use std::io;
use std::path::Path;

use wz_api::CoreFeatures;

use crate::group::Group;

/// A test script.
#[derive(Clone, Debug)]
pub struct Script {
    /// The path below the source's root, with `/` between the parts. Identifies the script.
    pub path: String,
    /// What it tests.
    pub group: Group,
    /// What the specification had when the script was written: older scripts assert that what
    /// came later is invalid.
    pub features: CoreFeatures,
    /// The content, or why it cannot be read.
    pub text: Result<Cow<'static, str>, String>,
}

impl Script {
    /// The script in a file, to be called `name`. That it cannot be read is kept as its text.
    #[must_use]
    pub fn read(file: &Path, name: String) -> Self {
        let text = std::fs::read_to_string(file).map(Cow::from).map_err(|error| error.to_string());
        Self { group: Group::of_path(&name), features: CoreFeatures::ALL, path: name, text }
    }
}

/// The scripts below a folder, sorted by path.
///
/// # Errors
/// If a folder cannot be read. A file that cannot be read is a script without text, which fails.
pub fn folder_scripts(root: &Path) -> io::Result<Vec<Script>> {
    let mut scripts = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let named = |error: io::Error| {
            io::Error::new(error.kind(), format!("cannot read {}: {error}", folder.display()))
        };
        for entry in std::fs::read_dir(&folder).map_err(named)? {
            let path = entry.map_err(named)?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "wast") {
                let below = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
                scripts.push(Script::read(&path, below));
            }
        }
    }
    scripts.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(scripts)
}
