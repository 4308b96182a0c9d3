//! Fakes for testing host functions without a guest: [`FakeModule`], whose memory, globals and
//! functions are the test's, and [`call_host_function`], which calls a function of the host as if
//! that module had called it.
//!
//! ```
//! use wz_api::{Caller, Context, HostFunction};
//! use wz_experimental::fakes::{FakeModule, call_host_function};
//!
//! // Counts the letters `a` in a text in the caller's memory.
//! let count = HostFunction::new(|caller: &mut Caller<'_>, at: u32, len: u32| -> u32 {
//!     let text = caller.memory().and_then(|memory| memory.read_string(at, len)).unwrap_or_default();
//!     text.matches('a').count() as u32
//! });
//!
//! let module = FakeModule::new("app").with_memory(1, Some(1)).build();
//! module.memory().unwrap().write_string(8_u32, "banana").unwrap();
//! let results = call_host_function(&count, &module, &Context::background(), &[8, 6]);
//! assert_eq!(results.unwrap(), [3]);
//! ```

mod call;
mod global;
mod memory;
mod module;

pub use call::call_host_function;
pub use module::FakeModule;

use wz_api::{Error, ExternRef, Function, Result};

/// No runtime has this tag: engines refuse fakes.
const TAG: u64 = u64::MAX;

/// Fakes have no words for references but null.
struct NoReferences;

impl wz_api::sealed::References for NoReferences {
    fn function_to_word(&self, _: &Function) -> Result<u64> {
        Err(no_references())
    }
    fn word_to_function(&self, word: u64) -> Result<Option<Function>> {
        if word == 0 { Ok(None) } else { Err(no_references()) }
    }
    fn extern_to_word(&self, _: &ExternRef) -> Result<u64> {
        Err(no_references())
    }
    fn word_to_extern(&self, word: u64) -> Result<Option<ExternRef>> {
        if word == 0 { Ok(None) } else { Err(no_references()) }
    }
}

fn no_references() -> Error {
    Error::argument("fakes have no references but null")
}
