//! What the fuzz targets share: the oracle that takes too long to build for the testkit. The
//! targets themselves are glue over the generators and the comparison of `wz-testkit`.
#![forbid(unsafe_code)]

mod wasmtime_oracle;

pub use wasmtime_oracle::Wasmtime;
