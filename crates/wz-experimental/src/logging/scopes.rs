//! [`LogScopes`]: which host functions are logged, by what they are about.

use std::fmt;
use std::ops::{BitOr, BitOrAssign};
use std::str::FromStr;

use wz_api::{Error, FunctionDefinition};

use super::wasi;

/// A set of subjects that host functions have. Prints as, and is read from, names separated by
/// commas: `clock,poll`.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct LogScopes(u16);

const NAMES: [(LogScopes, &str); 8] = [
    (LogScopes::ALL, "all"),
    (LogScopes::CLOCK, "clock"),
    (LogScopes::FILESYSTEM, "filesystem"),
    (LogScopes::MEMORY, "memory"),
    (LogScopes::PROC, "proc"),
    (LogScopes::POLL, "poll"),
    (LogScopes::RANDOM, "random"),
    (LogScopes::SOCK, "sock"),
];

impl LogScopes {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Reading clocks.
    pub const CLOCK: Self = Self(1);
    /// The process itself: arguments, environment, exit, yielding.
    pub const PROC: Self = Self(1 << 1);
    /// Files and directories.
    pub const FILESYSTEM: Self = Self(1 << 2);
    /// The growing of memories.
    pub const MEMORY: Self = Self(1 << 3);
    /// Waiting.
    pub const POLL: Self = Self(1 << 4);
    /// Random bytes.
    pub const RANDOM: Self = Self(1 << 5);
    /// Sockets.
    pub const SOCK: Self = Self(1 << 6);
    /// Everything, functions of no known subject included.
    pub const ALL: Self = Self(0xffff);

    /// Whether all of `scopes` are in the set.
    #[must_use]
    pub const fn contains(self, scopes: Self) -> bool {
        self.0 & scopes.0 == scopes.0
    }

    /// The subject of a function: that of a function of WASI by its name, otherwise everything.
    #[must_use]
    pub fn of(definition: &FunctionDefinition) -> Self {
        let name = definition.name();
        let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
        match definition.module_name() {
            "env" if name == "emscripten_notify_memory_growth" => Self::MEMORY,
            module if !wasi::MODULES.contains(&module) => Self::ALL,
            _ if begins(&["clock_"]) => Self::CLOCK,
            _ if begins(&["fd_", "path_"]) => Self::FILESYSTEM,
            _ if begins(&["proc_", "args_", "environ_", "sched_"]) => Self::PROC,
            _ if begins(&["poll_"]) => Self::POLL,
            _ if begins(&["random_"]) => Self::RANDOM,
            _ if begins(&["sock_"]) => Self::SOCK,
            _ => Self::ALL,
        }
    }
}

impl BitOr for LogScopes {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for LogScopes {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl FromStr for LogScopes {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut scopes = Self::NONE;
        for name in text.split(',') {
            let scope = NAMES.iter().find(|(_, known)| *known == name).ok_or_else(|| {
                let known = NAMES.map(|(_, name)| name).join(", ");
                Error::argument(format!("\"{name}\" is not a log scope: there are {known}"))
            })?;
            scopes |= scope.0;
        }
        Ok(scopes)
    }
}

impl fmt::Display for LogScopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.contains(Self::ALL) {
            return f.write_str("all");
        }
        let names = NAMES.iter().filter(|(scope, _)| self.contains(*scope));
        f.write_str(&names.map(|(_, name)| *name).collect::<Vec<_>>().join(","))
    }
}

impl fmt::Debug for LogScopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wz_api::FunctionParts;

    #[test]
    fn lists_are_read_and_printed() {
        let check = |text: &str, expected: &str| {
            assert_eq!(text.parse::<LogScopes>().map(|scopes| scopes.to_string()).unwrap(), expected);
        };
        check("clock", "clock");
        check("sock,clock,clock", "clock,sock");
        check("poll,all", "all");
        let error = "clock,files".parse::<LogScopes>().unwrap_err().to_string();
        assert!(error.starts_with("\"files\" is not a log scope: there are all, clock,"), "{error}");
        assert!("".parse::<LogScopes>().is_err());
    }

    #[test]
    fn every_function_has_a_subject() {
        let check = |module: &str, name: &str, expected: LogScopes| {
            let mut parts = FunctionParts { name: name.into(), ..Default::default() };
            parts.export.module_name = module.into();
            assert_eq!(LogScopes::of(&FunctionDefinition::new(parts)), expected, "{module}.{name}");
        };
        check("wasi_snapshot_preview1", "clock_time_get", LogScopes::CLOCK);
        check("wasi_unstable", "fd_read", LogScopes::FILESYSTEM);
        check("wasi_snapshot_preview1", "path_open", LogScopes::FILESYSTEM);
        check("wasi_snapshot_preview1", "proc_exit", LogScopes::PROC);
        check("wasi_snapshot_preview1", "poll_oneoff", LogScopes::POLL);
        check("wasi_snapshot_preview1", "random_get", LogScopes::RANDOM);
        check("wasi_snapshot_preview1", "sock_recv", LogScopes::SOCK);
        check("env", "emscripten_notify_memory_growth", LogScopes::MEMORY);
        check("env", "fd_read", LogScopes::ALL);
    }
}
