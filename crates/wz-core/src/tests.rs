//! Tests of several files together, on the fake engine. What WebAssembly code does is tested
//! with real engines in `wz-testkit`.

mod calls;
mod hammer;
mod life;
mod linking;
mod listening;
mod stopping;
