//! The listener contract, `docs/listeners.md`: tests are named after its sentences and run on
//! every engine.

mod attach;
mod callbacks;
mod calls;
mod defects;
mod ends;
mod support;
