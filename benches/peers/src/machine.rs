//! What the measurements depend on: the machine, how busy it is, and the peers' versions.

use std::fs;

/// The processor's name.
pub fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    name.map_or("unknown", |(_, name)| name).to_owned()
}

/// How many threads run at once.
pub fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// How many threads wanted to run during the last minute.
pub fn load() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or(f64::NAN)
}

/// The versions of the peers in this build.
pub fn versions() -> Vec<(&'static str, &'static str)> {
    let wanted: &[&str] = if cfg!(feature = "wasmtime") { &["wasmtime", "wasmi"] } else { &["wasmi"] };
    wanted.iter().map(|name| (*name, locked_version(name))).collect()
}

/// The version of a package in the lock file.
fn locked_version(package: &str) -> &'static str {
    let mut lines = include_str!("../Cargo.lock").lines();
    let name = format!("name = \"{package}\"");
    lines.find(|line| *line == name);
    lines
        .next()
        .and_then(|line| line.strip_prefix("version = "))
        .map_or("?", |version| version.trim_matches('"'))
}

#[cfg(test)]
mod tests {
    #[test]
    fn versions_are_known() {
        for (_, version) in super::versions() {
            assert!(version.starts_with(|first: char| first.is_ascii_digit()), "{version}");
        }
    }
}
