//! The scripts of `testdata/regress`: a case for every bug that was found, in wz or in what it is
//! compared with. On every engine.

use std::path::Path;

use wz_testkit::engines::for_each_engine;
use wz_testkit::spec::{folder_scripts, run_scripts};

#[test]
fn every_script_passes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/regress");
    let scripts = folder_scripts(&folder).unwrap();
    assert!(!scripts.is_empty(), "no scripts in {}", folder.display());
    for_each_engine(|engine| {
        let mut failures = Vec::new();
        for result in run_scripts(engine, &scripts, 1) {
            assert!(result.assertions > 0, "{} asserts nothing", result.path);
            for failure in &result.failures {
                failures.push(format!("{}:{}: {}", result.path, failure.line, failure.message));
            }
        }
        assert!(failures.is_empty(), "{}", failures.join("\n"));
    });
}
