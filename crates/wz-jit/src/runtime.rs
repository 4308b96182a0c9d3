//! What compiled code needs while it exists and runs: memory, slots, stacks, stubs, the way in and
//! out, faults and walks over frames. It knows nothing of how code is made; what it needs of an
//! instruction set it gets through [`stubs::StubAssembler`].
//!
//! `docs/jit.md`, section "ABI", describes registers, frames, stacks and slots.
//!
//! # From a module to a running call
//! [`module::JitModule`] owns a [`code_memory::CodeArena`]: a table of slots that is written to
//! but never executed, then pages of code that are executed but never written to again. Slots
//! begin as thunks that compile; compiled bodies and stubs are found from any address in them
//! through the [`page_map`]. [`entry`] puts a [`state::CallState`] on the native stack, picks a
//! [`guest_stack::GuestStack`], and calls the signature's entry stub, which switches stacks.
//! From the guest, stubs switch back to call [`native`] functions. A call that ends early
//! notes why in the core's activation and resets the native stack pointer: nothing unwinds.

#[allow(unsafe_code)]
pub mod arch;
#[allow(unsafe_code)]
pub mod body;
#[allow(unsafe_code)]
pub mod builtins;
pub mod call_sites;
#[allow(unsafe_code)]
pub mod code_memory;
#[allow(unsafe_code)]
pub mod elsewhere;
#[allow(unsafe_code)]
pub mod entry;
#[allow(unsafe_code)]
pub mod fault;
#[allow(unsafe_code)]
pub mod guest_stack;
pub(crate) mod leb;
#[allow(unsafe_code)]
pub mod module;
#[allow(unsafe_code)]
pub mod native;
#[allow(unsafe_code)]
pub mod page_map;
pub mod pc_map;
#[allow(unsafe_code)]
mod sites;
#[allow(unsafe_code)]
pub mod slots;
#[allow(unsafe_code)]
pub mod snapshot;
#[allow(unsafe_code)]
pub mod state;
#[allow(unsafe_code)]
pub mod stubs;
#[allow(unsafe_code)]
pub mod sys;
#[allow(unsafe_code)]
mod thread;
pub mod trap_table;
mod versions;
#[allow(unsafe_code)]
pub mod walk;

pub(crate) use sys::page_size;
