//! The engines that tests run on. A test of behaviour is a function over a [`RuntimeConfig`] and
//! runs for each of them; what is about code runs on every way of compiling too.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::LazyLock;

use wz::{CodeMemory, EngineKind, JitConfig, RuntimeConfig};

/// An engine with the configuration that chooses it.
#[derive(Clone, Copy)]
pub struct EngineUnderTest {
    /// The name: as on the command line, and for the JIT what is different about it, as in
    /// `jit-eager-checked`.
    pub name: &'static str,
    /// A configuration with defaults, but for the engine.
    pub config: fn() -> RuntimeConfig,
}

impl std::fmt::Debug for EngineUnderTest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// The interpreter.
const INTERPRETER: EngineUnderTest = EngineUnderTest {
    name: "interpreter",
    config: || RuntimeConfig::new().with_engine(EngineKind::Interpreter),
};

/// The JIT: everything compiled at once or not, memory accesses checked by code or by guard pages,
/// with what every processor has or everything that this one has.
fn jit<const EAGER: bool, const CHECKED: bool, const BASE: bool>() -> RuntimeConfig {
    let mut jit = JitConfig::new().with_explicit_checks(CHECKED);
    if BASE {
        jit = jit.with_cpu_features("base");
    }
    RuntimeConfig::new().with_engine(EngineKind::Jit).with_eager_compilation(EAGER).with_jit(jit)
}

/// The JIT without most of what makes code fast, or without what rewrites operators alone: selection
/// gets to see what it does not otherwise.
fn unoptimized<const SIMPLIFIED: bool>() -> RuntimeConfig {
    let passes = if SIMPLIFIED { "simplify" } else { "-simplify" };
    RuntimeConfig::new().with_engine(EngineKind::Jit).with_jit(JitConfig::new().with_passes(passes))
}

/// The JIT with room for some functions; the others run in the interpreter.
fn limited() -> RuntimeConfig {
    let jit = JitConfig::new().with_code_memory(&CodeMemory::limited(24 << 10));
    RuntimeConfig::new().with_engine(EngineKind::Jit).with_jit(jit)
}

/// The JIT with every n-th function in the interpreter; eager or not.
fn mixed<const EAGER: bool, const EVERY: u32>() -> RuntimeConfig {
    let jit = JitConfig::new().with_interpreted_functions(EVERY);
    RuntimeConfig::new().with_engine(EngineKind::Jit).with_eager_compilation(EAGER).with_jit(jit)
}

/// Both engines together.
const MIXED: [EngineUnderTest; 5] = [
    EngineUnderTest { name: "mixed", config: mixed::<false, 2> },
    EngineUnderTest { name: "jit-limited", config: limited },
    EngineUnderTest { name: "mixed-all", config: mixed::<false, 1> },
    EngineUnderTest { name: "mixed-eager", config: mixed::<true, 2> },
    EngineUnderTest { name: "mixed-third", config: mixed::<false, 3> },
];

/// The ways of compiling. The first two differ in everything.
const JIT: [EngineUnderTest; 10] = [
    EngineUnderTest { name: "jit", config: jit::<false, false, false> },
    EngineUnderTest { name: "jit-eager-checked-base", config: jit::<true, true, true> },
    EngineUnderTest { name: "jit-eager", config: jit::<true, false, false> },
    EngineUnderTest { name: "jit-checked", config: jit::<false, true, false> },
    EngineUnderTest { name: "jit-base", config: jit::<false, false, true> },
    EngineUnderTest { name: "jit-eager-checked", config: jit::<true, true, false> },
    EngineUnderTest { name: "jit-eager-base", config: jit::<true, false, true> },
    EngineUnderTest { name: "jit-checked-base", config: jit::<false, true, true> },
    EngineUnderTest { name: "jit-unoptimized", config: unoptimized::<true> },
    EngineUnderTest { name: "jit-unsimplified", config: unoptimized::<false> },
];

/// The engines that work here, in so many ways of compiling and of mixing.
fn some(compiling: usize, mixing: usize) -> Vec<EngineUnderTest> {
    let mut all = vec![INTERPRETER];
    if EngineKind::Jit.is_available() {
        all.extend(JIT.iter().take(compiling));
        all.extend(MIXED.iter().take(mixing));
    }
    all
}

/// Every engine that works here, and both together.
#[must_use]
pub fn engines() -> &'static [EngineUnderTest] {
    static ENGINES: LazyLock<Vec<EngineUnderTest>> = LazyLock::new(|| some(1, 1));
    &ENGINES
}

/// Every engine that works here, and the ways of compiling that differ most.
#[must_use]
pub fn variants() -> &'static [EngineUnderTest] {
    static VARIANTS: LazyLock<Vec<EngineUnderTest>> = LazyLock::new(|| some(2, 2));
    &VARIANTS
}

/// The engine of that name; see [`EngineUnderTest::name`].
#[must_use]
pub fn engine(name: &str) -> Option<EngineUnderTest> {
    some(usize::MAX, usize::MAX).into_iter().find(|engine| engine.name == name)
}

/// Runs a test for every engine; a failure says for which.
pub fn for_each_engine(test: impl Fn(EngineUnderTest)) {
    for_each(engines(), test);
}

/// Runs a test for every engine and way of compiling; a failure says for which.
pub fn for_each_variant(test: impl Fn(EngineUnderTest)) {
    for_each(variants(), test);
}

fn for_each(engines: &[EngineUnderTest], test: impl Fn(EngineUnderTest)) {
    for engine in engines {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| test(*engine))) {
            eprintln!("failed on engine {}", engine.name);
            resume_unwind(panic);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_jit_is_tested_where_it_should_be() {
        let supported = cfg!(all(target_arch = "x86_64", any(target_os = "linux", target_os = "macos")));
        let names: Vec<_> = variants().iter().map(|engine| engine.name).collect();
        let expected: &[&str] = match supported {
            true => &["interpreter", "jit", "jit-eager-checked-base", "mixed", "jit-limited"],
            false => &["interpreter"],
        };
        assert_eq!(names, expected);
        let names: Vec<_> = engines().iter().map(|engine| engine.name).collect();
        let expected: &[&str] = if supported { &["interpreter", "jit", "mixed"] } else { &["interpreter"] };
        assert_eq!(names, expected);
        assert_eq!(engine("jit-checked").is_some(), supported);
        assert!(engine("steam").is_none());
    }
}
