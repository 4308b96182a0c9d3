//! Arbitrary bytes are compiled or rejected, never anything else.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wz::{Runtime, RuntimeConfig};

fuzz_target!(|bytes: &[u8]| {
    let config = RuntimeConfig::new().with_compilation_threads(1).with_eager_compilation(true);
    let runtime = Runtime::with_config(config).expect("a valid configuration");
    if let Err(error) = runtime.compile(bytes) {
        assert!(!error.to_string().is_empty());
    }
});
