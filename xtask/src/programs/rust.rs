//! Building guests from Rust packages, with the default toolchain or, where rustup cannot install their targets, with
//! one that is linked as `wz-cross`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::{Workspace, execute, output};

/// The link name of a toolchain that can build for WebAssembly.
const FALLBACK_TOOLCHAIN: &str = "wz-cross";

/// Builds a package with a `main` for wasm32-wasip1.
pub(super) fn build_command(workspace: &Workspace, package: &Path, name: &str, fresh: &Path) -> Result<()> {
    Build { workspace, package, name, triple: "wasm32-wasip1" }.run(fresh)
}

/// Builds a package with exports and no imports for wasm32-unknown-unknown.
pub(super) fn build_library(workspace: &Workspace, package: &Path, name: &str, fresh: &Path) -> Result<()> {
    Build { workspace, package, name, triple: "wasm32-unknown-unknown" }.run(fresh)
}

struct Build<'a> {
    workspace: &'a Workspace,
    package: &'a Path,
    name: &'a str,
    triple: &'static str,
}

impl Build<'_> {
    fn run(&self, fresh: &Path) -> Result<()> {
        let triple = self.triple;
        let target = self.workspace.target.join(format!("{}-target", self.name));
        let plus = format!("+{FALLBACK_TOOLCHAIN}");
        let mut flags = format!("--remap-path-prefix={}=.", self.package.display());
        let registry = home("CARGO_HOME", ".cargo").join("registry/src");
        for index in fs::read_dir(registry).into_iter().flatten().flatten() {
            flags += &format!(" --remap-path-prefix={}=registry", index.path().display());
        }
        let mut cargo = if has_std(None, triple) {
            rust_tool("cargo", None)
        } else {
            let sysroot = sysroot(Some(&plus)).ok();
            let std_source = sysroot.as_ref().map(|sysroot| sysroot.join("lib/rustlib/src/rust"));
            let (sysroot, std_source) = sysroot
                .zip(std_source)
                .filter(|(_, source)| has_std(Some(&plus), triple) || source.is_dir())
                .with_context(|| {
                    format!(
                        "no Rust toolchain with {triple}: run\n    rustup target add {triple}\n\
                         or link one that has it, or rust-src, under the name {FALLBACK_TOOLCHAIN} (rustup toolchain link)"
                    )
                })?;
            let mut cargo = rust_tool("cargo", Some(&plus));
            if std_source.is_dir() {
                // Such a toolchain carries the paths it was built in: build std again, with plain ones.
                flags += &format!(" --remap-path-prefix={}=rust", std_source.display());
                cargo.env("RUSTC_BOOTSTRAP", "1");
            }
            if let Some((linker, more)) = linker(&sysroot, triple) {
                flags += more;
                cargo.env(variable(triple, "LINKER"), linker);
            }
            cargo
        };
        let rebuild_std = cargo.get_envs().any(|(key, _)| key == "RUSTC_BOOTSTRAP");
        cargo.current_dir(self.package).args(["build", "--quiet", "--locked", "--release"]);
        cargo.args(["--target", triple, "--target-dir"]).arg(&target);
        if rebuild_std {
            cargo.arg("-Zbuild-std=std,panic_abort");
        }
        cargo.env(variable(triple, "RUSTFLAGS"), flags);
        execute(&mut cargo)?;
        fs::copy(target.join(format!("{triple}/release/{}.wasm", self.name)), fresh)?;
        Ok(())
    }
}

/// A linker for a toolchain without one, and the flags it wants.
fn linker(sysroot: &Path, triple: &str) -> Option<(PathBuf, &'static str)> {
    let (linker, flags) = match triple {
        "wasm32-wasip1" => (
            sysroot.join("bin/zigcc-wasi"),
            " -Clinker-flavor=gcc -Clink-self-contained=no -Ctarget-feature=-crt-static",
        ),
        _ => {
            let version = output(rust_tool("rustc", None).arg("-vV")).ok()?;
            let host = version.lines().find_map(|line| line.strip_prefix("host: "))?;
            (self::sysroot(None).ok()?.join(format!("lib/rustlib/{host}/bin/rust-lld")), "")
        }
    };
    linker.is_file().then_some((linker, flags))
}

/// The environment variable of cargo's that sets something for a target.
fn variable(triple: &str, what: &str) -> String {
    format!("CARGO_TARGET_{}_{what}", triple.to_uppercase().replace('-', "_"))
}

/// `cargo` or `rustc` of a toolchain, free of what the calling cargo has set for itself.
fn rust_tool(name: &str, toolchain: Option<&str>) -> Command {
    let mut command = Command::new(name);
    command.args(toolchain);
    for variable in
        ["RUSTUP_TOOLCHAIN", "RUSTC", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET"]
    {
        command.env_remove(variable);
    }
    command
}

fn sysroot(toolchain: Option<&str>) -> Result<PathBuf> {
    Ok(PathBuf::from(output(rust_tool("rustc", toolchain).args(["--print", "sysroot"]))?))
}

/// Whether a toolchain is there and has the standard library for a target.
fn has_std(toolchain: Option<&str>, triple: &str) -> bool {
    output(rust_tool("rustc", toolchain).args(["--print", "target-libdir", "--target", triple]))
        .is_ok_and(|folder| fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()))
}

fn home(variable: &str, folder: &str) -> PathBuf {
    let default = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(folder);
    std::env::var_os(variable).map_or_else(default, PathBuf::from)
}
