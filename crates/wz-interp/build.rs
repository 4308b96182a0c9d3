//! Chooses how instructions are dispatched. `wz_tail_dispatch` is set where the compiler turns a
//! call in tail position into a jump: it does so on the listed targets when it optimizes for speed.
//! At the other levels it inlines less, so that some handler may have a frame, and a program would
//! run out of native stack.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(wz_tail_dispatch)");
    let optimizes = matches!(env::var("OPT_LEVEL").as_deref(), Ok("2" | "3"));
    let jumps = matches!(env::var("CARGO_CFG_TARGET_ARCH").as_deref(), Ok("x86_64" | "aarch64"));
    let forced_off = env::var_os("CARGO_FEATURE_LOOP_DISPATCH").is_some();
    if optimizes && jumps && !forced_off {
        println!("cargo::rustc-cfg=wz_tail_dispatch");
    }
}
