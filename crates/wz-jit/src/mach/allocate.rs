//! [`Allocator`]: register allocation, with memory that is kept, and with regalloc2's checker in
//! debug builds.

use regalloc2::checker::Checker;
use regalloc2::{Algorithm, Ctx, MachineEnv, Output, RegallocOptions};

use super::MachineFunction;

/// The memory of register allocation.
#[derive(Default)]
pub struct Allocator {
    cx: Ctx,
}

impl std::fmt::Debug for Allocator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Allocator").finish_non_exhaustive()
    }
}

impl Allocator {
    /// Allocates registers. With `check`, and in debug builds always, the result is checked.
    ///
    /// # Panics
    /// If the function is not as regalloc2 wants it, which is a mistake in selection, or if the
    /// check fails.
    pub fn run<I: std::fmt::Debug>(
        &mut self,
        f: &MachineFunction<I>,
        env: &MachineEnv,
        check: bool,
    ) -> &Output {
        let check = check || cfg!(debug_assertions);
        let options = RegallocOptions { verbose_log: false, validate_ssa: check, algorithm: Algorithm::Ion };
        if let Err(error) = regalloc2::run_with_ctx(f, env, &options, &mut self.cx) {
            panic!("register allocation: {error:?}\n{f}");
        }
        if check {
            let mut checker = Checker::new(f, env);
            checker.prepare(&self.cx.output);
            if let Err(errors) = checker.run() {
                panic!("register allocation is wrong: {errors:?}\n{f}");
            }
        }
        &self.cx.output
    }
}
