//! Faults that are not the guest's go to whoever they are for. Each case runs in a process of its
//! own: this test binary, with the name of the case in its environment.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};

use dynasm::dynasm;
use wz_api::{Context, HostModule, Trap};

use super::support::{Bodies, Hand, Instance, add, call, instance};

const CASE: &str = "WZ_FAULT_CASE";

/// Runs a case in a process.
fn run(case: &str) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "faults::child", "--nocapture", "--test-threads=1"]).env(CASE, case);
    command.output().unwrap()
}

fn signal(case: &str) -> Option<i32> {
    run(case).status.signal()
}

fn guest() -> Instance {
    let bodies = Bodies::new()
        .with("wild", |request| {
            let mut hand = Hand::leaf(request);
            dynasm!(hand.ops; .arch x64; mov rax, [rax]);
            hand.end()
        })
        .with("load", |request| {
            let mut hand = Hand::leaf(request);
            dynasm!(hand.ops; .arch x64; mov rax, [r15 + rax]);
            hand.end()
        })
        .with("bad", |request| {
            let mut hand = Hand::leaf(request);
            dynasm!(hand.ops; .arch x64; ud2);
            hand.end()
        })
        .with("host", |request| {
            let mut hand = Hand::calling(request, 0);
            hand.call_import(0, 0);
            hand.end()
        });
    let store = bodies.store();
    let host = HostModule::new("host").with_function("wild", |address: i64| -> i64 {
        read(address as usize);
        address
    });
    store.instantiate_host(&Context::background(), &host).unwrap();
    let module = add(
        &store,
        r#"(module
            (import "host" "wild" (func (param i64) (result i64)))
            (memory 1)
            (func (export "wild") (param i64) (result i64) local.get 0)
            (func (export "load") (param i64) (result i64) local.get 0)
            (func (export "bad") (param i64) (result i64) local.get 0)
            (func (export "host") (param i64) (result i64) local.get 0))"#,
    );
    Instance { store, module }
}

fn read(address: usize) {
    // SAFETY: it is not safe: that is what is tested.
    unsafe { std::ptr::with_exposed_provenance::<u8>(address).read_volatile() };
}

fn guest_works(instance: &Instance) {
    let error = instance.call("load", &[1 << 20]).unwrap_err();
    assert_eq!(error.trap(), Some(Trap::OutOfBoundsMemoryAccess));
    assert_eq!(instance.call("load", &[8]).unwrap(), [0]);
}

static SEEN: AtomicUsize = AtomicUsize::new(0);

extern "C" fn embedder(signal: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the system passes the information.
    SEEN.store(unsafe { (*info).si_addr() }.addr(), Ordering::SeqCst);
    // SAFETY: ends the process.
    unsafe { libc::_exit(if signal == libc::SIGSEGV { 77 } else { 78 }) };
}

fn install_embedder() {
    // SAFETY: the handler is one.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = embedder as extern "C" fn(_, _, _) as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        libc::sigaction(libc::SIGSEGV, &raw const action, std::ptr::null_mut());
    }
}

/// The cases. Does nothing but in a process that was started for one.
#[test]
fn child() {
    let Ok(case) = std::env::var(CASE) else { return };
    if case == "embedder" || case == "sent to the embedder" {
        install_embedder();
    }
    if case == "sent" {
        // SAFETY: nobody else handles the signal. The standard library's handler would swallow
        // one that was sent.
        unsafe { libc::signal(libc::SIGSEGV, libc::SIG_DFL) };
    }
    let instance = guest();
    guest_works(&instance);
    match case.as_str() {
        "host" | "embedder" => read(8),
        "host function" => drop(instance.call("host", &[8])),
        "guest" => drop(instance.call("wild", &[8])),
        "guest beyond" => {
            // Right after what the memory reserved, or wherever else that is not the guest's.
            let base = instance.memory().unwrap().view(0_u32, 1_u32).unwrap().as_ptr().addr();
            drop(instance.call("load", &[(16_usize.wrapping_sub(base)) as u64]));
        }
        "illegal" => drop(instance.call("bad", &[8])),
        // SAFETY: sends a signal to ourselves.
        "sent" | "sent to the embedder" => unsafe { _ = libc::raise(libc::SIGSEGV) },
        "native overflow" => println!("{}", overflow(0)),
        "works" => std::process::exit(42),
        other => panic!("no case {other}"),
    }
    std::process::exit(1);
}

#[expect(unconditional_recursion, reason = "this is the point")]
fn overflow(depth: u64) -> u64 {
    std::hint::black_box([depth; 100]).iter().sum::<u64>() + overflow(depth + 1)
}

#[test]
fn foreign_faults_kill_as_ever() {
    assert_eq!(run("works").status.code(), Some(42));
    assert_eq!(signal("host"), Some(libc::SIGSEGV));
    assert_eq!(signal("host function"), Some(libc::SIGSEGV));
    assert_eq!(signal("sent"), Some(libc::SIGSEGV));
}

#[test]
fn wild_accesses_of_guests_are_not_traps() {
    assert_eq!(signal("guest"), Some(libc::SIGSEGV));
    assert_eq!(signal("guest beyond"), Some(libc::SIGSEGV));
    assert_eq!(signal("illegal"), Some(libc::SIGILL));
}

#[test]
fn handlers_that_were_there_before_get_foreign_faults() {
    assert_eq!(run("embedder").status.code(), Some(77));
    assert_eq!(run("sent to the embedder").status.code(), Some(77));
}

/// The standard library's handler, which was there before, tells of overflows of native stacks.
#[test]
fn overflows_of_native_stacks_are_told_as_ever() {
    let output = run("native overflow");
    assert_eq!(output.status.signal(), Some(libc::SIGABRT));
    assert!(String::from_utf8_lossy(&output.stderr).contains("has overflowed its stack"));
}

/// Alternate stacks of the embedder's own that are large enough are left alone.
#[test]
fn threads_have_a_sufficient_alternate_stack() {
    let instance = instance(
        Bodies::new().with("deep", |request| {
            let mut hand = Hand::calling(request, 0);
            hand.at(1).call(wz_jit::runtime::slots::SlotRef::Function(0));
            hand.end()
        }),
        r#"(module (func (export "deep")))"#,
    );
    let module = instance.module.clone();
    let thread = std::thread::spawn(move || {
        let mut own = vec![0_u8; 256 * 1024];
        let stack = libc::stack_t { ss_sp: own.as_mut_ptr().cast(), ss_flags: 0, ss_size: own.len() };
        // SAFETY: the stack lives until it is disabled below.
        unsafe { libc::sigaltstack(&raw const stack, std::ptr::null_mut()) };
        let error = call(&module, "deep", &[]).unwrap_err();
        assert_eq!(error.trap(), Some(Trap::StackOverflow));
        // SAFETY: asks, and disables.
        unsafe {
            let mut current: libc::stack_t = std::mem::zeroed();
            libc::sigaltstack(std::ptr::null(), &raw mut current);
            assert_eq!(current.ss_sp, stack.ss_sp);
            current.ss_flags = libc::SS_DISABLE;
            libc::sigaltstack(&raw const current, std::ptr::null_mut());
        }
    });
    thread.join().unwrap();
}
