//! Names as they were written, from names as linkers have them.

use std::fmt::{self, Write};

use cpp_demangle::{DemangleOptions, ParseOptions, Symbol};

/// The longest name that is looked at, and the longest that comes of it.
const MAX_NAME_BYTES: usize = 4096;
const MAX_DEMANGLED_BYTES: usize = 16 * 1024;

/// How deep names of C++ may nest.
const RECURSION: u32 = 96;

/// The name that was mangled for a linker: of Rust without its hash, of C++ without return type.
/// `None` for names that are not mangled.
#[must_use]
pub fn demangle(name: &str) -> Option<String> {
    if name.len() > MAX_NAME_BYTES {
        return None;
    }
    if let Ok(rust) = rustc_demangle::try_demangle(name) {
        return limited(|text| write!(text, "{rust:#}"));
    }
    if !name.starts_with("_Z") {
        return None;
    }
    let parsing = ParseOptions::default().recursion_limit(RECURSION);
    let options = DemangleOptions::new().no_return_type().recursion_limit(RECURSION);
    let symbol = Symbol::new_with_options(name, &parsing).ok()?;
    limited(|text| symbol.structured_demangle(text, &options))
}

/// What is written, unless it is too long.
fn limited(write: impl FnOnce(&mut Limited) -> fmt::Result) -> Option<String> {
    let mut text = Limited(String::new());
    write(&mut text).ok()?;
    Some(text.0)
}

struct Limited(String);

impl Write for Limited {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len() + text.len() > MAX_DEMANGLED_BYTES {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_rust_and_cpp() {
        let check = |name: &str, expected: Option<&str>| assert_eq!(demangle(name).as_deref(), expected);
        check("main", None);
        check("_start", None);
        check("_ZN4core9panicking5panic17h0123456789abcdefE", Some("core::panicking::panic"));
        check("_RNvCskwGfYPst2Cb_3foo16example_function", Some("foo::example_function"));
        check("_ZN5space3fooEibc", Some("space::foo(int, bool, char)"));
        check(
            "_ZNSt6vectorIiSaIiEE9push_backEOi",
            Some("std::vector<int, std::allocator<int> >::push_back(int&&)"),
        );
        check("_Z", None);
        check(&format!("_ZN{}E", "1a".repeat(5000)), None);
    }
}
