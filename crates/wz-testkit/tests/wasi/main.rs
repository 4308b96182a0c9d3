//! WASI as guests see it: the programs of `testdata/programs/wasi-tests` and `wasi-suite` on every
//! engine, over directories of the host and in memory. The programs check for themselves; what
//! they cannot see, such as what is outside their directory, is checked here.

mod blocked;
mod functions;
#[cfg(unix)]
mod sandbox;
mod streams;
mod suite;
mod support;
