//! [`Origin`]: what code was compiled from, by what and for what. Code of one origin is not code of
//! another.

use std::fmt::{self, Write as _};

use wz_decode::ModuleInfo;

/// A hash.
pub(super) type Hash = [u8; 32];

/// How many versions a function can have.
pub(super) const VERSIONS: u32 = 2;

/// What code was compiled from, by what and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    /// The hash of everything else here.
    pub(super) key: Key,
    /// The hash of the module's bytes.
    pub(super) module_hash: Hash,
    /// The length of the module.
    pub(super) module_len: u64,
    /// How many functions the module defines.
    pub(super) function_count: u32,
    /// What compiled it and for what, as text.
    pub(super) settings: String,
}

/// The hash of an [`Origin`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key(pub(super) Hash);

impl Origin {
    /// The origin of code of a module: `version` is that of everything that compiles or is known to
    /// compiled code, `settings` is what else it depends on.
    pub(super) fn new(info: &ModuleInfo, version: &str, settings: &str) -> Self {
        let host = (std::env::consts::ARCH, std::env::consts::OS, usize::BITS);
        let settings = format!("wz {version}; {} {} {}; {settings}", host.0, host.1, host.2);
        let module_hash = *blake3::hash(&info.bytes).as_bytes();
        let (module_len, function_count) = (info.bytes.len() as u64, info.bodies.len() as u32);
        let mut hasher = blake3::Hasher::new();
        hasher.update(&module_hash);
        hasher.update(&module_len.to_le_bytes());
        hasher.update(&function_count.to_le_bytes());
        hasher.update(settings.as_bytes());
        let key = Key(*hasher.finalize().as_bytes());
        Self { key, module_hash, module_len, function_count, settings }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('#')?;
        fmt::Display::fmt(self, f)
    }
}
