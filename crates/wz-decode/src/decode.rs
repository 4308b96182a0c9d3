//! [`decode`]: bytes to a [`ModuleInfo`]. The sections are validated and read in order, then the
//! bodies of the functions are validated on several threads; nothing of a body is kept but where
//! it is. Memory and time are bounded by the length of the module: no count in it is trusted.

mod bodies;
mod failure;
mod sections;

use std::sync::Arc;

use wasmparser::WasmFeatures;
use wz_api::{CompileProgress, CoreFeatures, Error, Result};

use crate::info::ModuleInfo;

/// How a module is decoded.
#[derive(Clone, Debug, Default)]
pub struct DecodeOptions {
    /// The features that the module may use.
    pub features: CoreFeatures,
    /// Whether custom sections are kept. The name section is always used, and never among them.
    pub keep_custom_sections: bool,
    /// How many threads validate the bodies of functions; 0 for as many as the host has cores.
    pub threads: usize,
    /// The limits that the module has to keep.
    pub limits: DecodeLimits,
    /// Told of the bodies that have been validated.
    pub progress: Option<CompileProgress>,
}

/// The largest modules that are accepted. The defaults are what the engines of browsers agree on,
/// and cannot be raised beyond that, except for `module_bytes`.
#[derive(Clone, Debug)]
pub struct DecodeLimits {
    /// The length of the module in bytes, at most 2^32 - 1.
    pub module_bytes: usize,
    /// The types.
    pub types: usize,
    /// The imports.
    pub imports: usize,
    /// The functions, imported ones included.
    pub functions: usize,
    /// The tables, imported ones included.
    pub tables: usize,
    /// The memories, imported ones included.
    pub memories: usize,
    /// The globals, imported ones included.
    pub globals: usize,
    /// The exports.
    pub exports: usize,
    /// The element segments.
    pub elements: usize,
    /// The data segments.
    pub data: usize,
    /// The length of a function's body in bytes.
    pub body_bytes: usize,
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self {
            module_bytes: 1 << 30,
            types: 1_000_000,
            imports: 1_000_000,
            functions: 1_000_000,
            tables: 100_000,
            memories: 100,
            globals: 1_000_000,
            exports: 1_000_000,
            elements: 100_000,
            data: 100_000,
            body_bytes: 7_654_321,
        }
    }
}

/// Decodes and validates a module.
///
/// ```
/// use wz_decode::{DecodeOptions, decode};
///
/// let info = decode(*b"\0asm\x01\0\0\0", &DecodeOptions::default())?;
/// assert!(info.functions.is_empty());
/// let error = decode(*b"\0asm", &DecodeOptions::default()).unwrap_err();
/// assert_eq!(error.to_string(), "unexpected end-of-file (at offset 0x4)");
/// # Ok::<(), wz_api::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Module`](wz_api::ErrorKind::Module) for a module that is malformed, invalid or uses
/// a disabled feature; the same for the same bytes and options, whatever the number of threads.
/// [`ErrorKind::Limit`](wz_api::ErrorKind::Limit) for a module beyond a limit of `options`.
pub fn decode(bytes: impl Into<Arc<[u8]>>, options: &DecodeOptions) -> Result<ModuleInfo> {
    let bytes = bytes.into();
    let limit = options.limits.module_bytes.min(u32::MAX as usize);
    if bytes.len() > limit {
        return Err(Error::limit(format!("module has {} bytes, the limit is {limit}", bytes.len())));
    }
    let features = wasm_features(options.features);
    let mut sections = sections::Sections::new(Arc::clone(&bytes), features, options);
    // Bodies are validated even if a later section is in error: the first error is reported.
    let read = sections.read(&bytes);
    let validated = bodies::validate(&bytes, sections.bodies(), features, options);
    match validated.and_then(|tail_calls| read.map(|()| tail_calls)) {
        Ok(tail_calls) => {
            let mut info = sections.finish();
            info.has_tail_calls = !tail_calls.is_empty();
            for position in tail_calls {
                info.bodies[position].makes_tail_calls = true;
            }
            Ok(info)
        }
        Err(failure) => Err(failure.explain(&bytes, features)),
    }
}

/// The features of wasmparser that correspond to a set of ours.
fn wasm_features(features: CoreFeatures) -> WasmFeatures {
    let mut set = WasmFeatures::MVP;
    for (ours, theirs) in FEATURES {
        set.set(*theirs, features.is_enabled(*ours));
    }
    set
}

/// Which feature of wasmparser a feature of ours is.
const FEATURES: &[(CoreFeatures, WasmFeatures)] = &[
    (CoreFeatures::MUTABLE_GLOBAL, WasmFeatures::MUTABLE_GLOBAL),
    (CoreFeatures::SIGN_EXTENSION_OPS, WasmFeatures::SIGN_EXTENSION),
    (CoreFeatures::MULTI_VALUE, WasmFeatures::MULTI_VALUE),
    (CoreFeatures::NON_TRAPPING_FLOAT_TO_INT_CONVERSION, WasmFeatures::SATURATING_FLOAT_TO_INT),
    (CoreFeatures::BULK_MEMORY_OPERATIONS, WasmFeatures::BULK_MEMORY),
    (CoreFeatures::REFERENCE_TYPES, WasmFeatures::REFERENCE_TYPES),
    (CoreFeatures::SIMD, WasmFeatures::SIMD),
    (CoreFeatures::EXTENDED_CONST, WasmFeatures::EXTENDED_CONST),
    (CoreFeatures::TAIL_CALL, WasmFeatures::TAIL_CALL),
    (CoreFeatures::MULTI_MEMORY, WasmFeatures::MULTI_MEMORY),
    (CoreFeatures::MEMORY64, WasmFeatures::MEMORY64),
    (CoreFeatures::RELAXED_SIMD, WasmFeatures::RELAXED_SIMD),
];
