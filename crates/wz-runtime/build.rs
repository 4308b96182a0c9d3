//! Names what compiled code depends on, for caches: in a checkout, a hash of the sources of the
//! crates that make it or are known to it. A published package has its version, which says as much.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

const CRATES: [&str; 6] = ["wz-api", "wz-decode", "wz-core", "wz-jit", "wz-jit-x86_64", "wz-jit-aarch64"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let crates = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("..");
    let mut hasher = DefaultHasher::new();
    let mut any = false;
    for name in CRATES {
        let sources = crates.join(name).join("src");
        if sources.is_dir() {
            println!("cargo::rerun-if-changed={}", sources.display());
            any = true;
            hash_folder(&sources, &mut hasher);
        }
    }
    let hash = if any { format!("+{:016x}", hasher.finish()) } else { String::new() };
    println!("cargo::rustc-env=WZ_SOURCES={hash}");
}

/// Hashes names and contents, in order of the names.
fn hash_folder(folder: &Path, hasher: &mut DefaultHasher) {
    let mut paths: Vec<_> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        path.file_name().hash(hasher);
        if path.is_dir() {
            hash_folder(&path, hasher);
        } else {
            fs::read(&path).unwrap_or_default().hash(hasher);
        }
    }
}
