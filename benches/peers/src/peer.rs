//! [`Peer`]: a runtime under comparison, behind the face that all share.

use std::path::PathBuf;

use anyhow::Result;

use crate::options::Options;

mod wasmi;
#[cfg(feature = "wasmtime")]
mod wasmtime;
mod wz;

/// A prepared program: calls `run(n)`.
pub type Kernel = Box<dyn FnMut(i32) -> Result<i64>>;

/// A prepared WASI command: runs it in a fresh instance and returns what it printed.
pub type Run = Box<dyn FnMut() -> Result<Vec<u8>>>;

/// Does something to a module: compiles or validates it.
pub type Pass = Box<dyn FnMut(&[u8]) -> Result<()>>;

/// Does something this many times.
pub type Repeat = Box<dyn FnMut(u32) -> Result<()>>;

/// What a WASI command gets.
#[derive(Clone)]
pub struct Command {
    pub arguments: Vec<String>,
    /// Folders of the host, to be read only, and where the guest has them.
    pub mounts: Vec<(PathBuf, String)>,
}

/// How many threads compile.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Threads {
    One,
    All,
}

/// Where host functions read a word, 3, from the guest's memory.
pub const READ_AT: u32 = 32;

/// How a call is made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// Types are known when the host is compiled.
    Typed,
    /// Into a guest: values carry their types. Out of one: the host function reads the caller's memory.
    Rich,
}

/// A runtime in one configuration.
pub trait Peer {
    /// The name in tables.
    fn name(&self) -> &'static str;

    /// Compiles and instantiates a module without imports, and finds `run`.
    fn kernel(&self, wasm: &[u8]) -> Result<Kernel>;

    /// Compiles a WASI command.
    fn command(&self, wasm: &[u8], command: &Command) -> Result<Run>;

    /// What validates and compiles all functions of a module; `None` if it does not compile with so many threads.
    fn compiler(&self, threads: Threads) -> Result<Option<Pass>>;

    /// What decodes and validates a module; `None` if that is not a step of its own.
    fn validator(&self) -> Result<Option<Pass>>;

    /// Runs a WASI command out of a file, its output going to the process's own. For a fresh process.
    fn run_file(&self, path: &std::path::Path, arguments: &[String]) -> Result<()>;

    /// Instantiates a module without imports and frees the instance, again and again.
    fn instantiation(&self, wasm: &[u8]) -> Result<Repeat>;

    /// Calls the export `add`, of two `i32`, again and again.
    fn calls_in(&self, wasm: &[u8], call: Call) -> Result<Repeat>;

    /// Has the export `loop` call `env.next` as often as it is told to.
    fn calls_out(&self, wasm: &[u8], call: Call) -> Result<Repeat>;
}

/// A list of runtimes.
pub type Peers = Vec<Box<dyn Peer>>;

fn of(options: &Options, peers: Peers) -> Peers {
    peers.into_iter().filter(|peer| options.wants_runtime(peer.name())).collect()
}

/// For programs and compilation: each runtime as it comes.
pub fn usual(options: &Options) -> Peers {
    of(options, every())
}

/// For what happens around code: each runtime as it comes, and wasmtime with its pool of instances.
pub fn with_pools(options: &Options) -> Peers {
    #[allow(unused_mut, reason = "wasmtime may be left out")]
    let mut peers = every();
    #[cfg(feature = "wasmtime")]
    {
        // Winch's calls and instances are those of wasmtime.
        peers.retain(|peer| peer.name() != wasmtime::WINCH);
        let position =
            peers.iter().position(|peer| peer.name() == wasmtime::CRANELIFT).map_or(0, |at| at + 1);
        peers.insert(position, Box::new(wasmtime::Wasmtime::pooling()));
    }
    of(options, peers)
}

fn every() -> Peers {
    let mut peers = wz::every();
    #[cfg(feature = "wasmtime")]
    peers.extend(wasmtime::every());
    peers.push(Box::new(wasmi::Wasmi));
    peers
}

/// The runtime of that name.
pub fn named(name: &str) -> Option<Box<dyn Peer>> {
    every().into_iter().find(|peer| peer.name() == name)
}

/// The runtime that noise is measured with: Cranelift's, if it is among them.
pub fn reference(peers: &Peers) -> usize {
    let cranelift = peers.iter().position(|peer| peer.name() == "cranelift");
    cranelift.unwrap_or(peers.len().saturating_sub(1))
}
