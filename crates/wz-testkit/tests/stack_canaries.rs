//! Guest stacks between pages with a pattern: no call changes a byte below the guard or above the
//! top, however deep it goes, however large its frames are, whatever happens at the edge. Alone in
//! its process, because it looks for the stack among the process's mappings.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::fmt::Write as _;
use std::fs;

use wz::{Caller, Context, EngineKind, Fuel, FunctionType, HostModule, Module, Trap, ValueType, with_fuel};
use wz_testkit::engines::{EngineUnderTest, engine};
use wz_testkit::fixture::Fixture;

/// A size that no other stack has.
const STACK_BYTES: usize = (1 << 20) + 13 * 4096;
const PAGE: usize = 4096;
/// What the tops of stacks are multiples of.
const TOP_ALIGN: usize = 1 << 28;
const CANARY: u8 = 0xa5;

/// Pages on either side of the stack.
struct Canaries([&'static [u8]; 2]);

impl Canaries {
    /// Puts them around the stack that was used last.
    fn around_the_stack() -> Self {
        let (guard, top) = find_stack();
        // As many as are free, down from 1 MiB.
        let place = |at: fn(usize, usize) -> usize, edge: usize| {
            let lens = [1 << 20, 64 << 10, PAGE];
            let free = lens.into_iter().find_map(|len| map(at(edge, len), len));
            free.unwrap_or_else(|| panic!("no page is free beside {edge:#x}"))
        };
        Self([place(|edge, len| edge - len, guard), place(|edge, _| edge, top)])
    }

    fn check(&self, what: &str) {
        for (side, bytes) in ["below", "above"].iter().zip(self.0) {
            let broken = bytes.iter().position(|byte| *byte != CANARY);
            assert_eq!(broken, None, "{what}: a byte {side} the stack was changed");
        }
    }
}

/// The addresses of the lowest byte of the guard and of the first byte above the stack.
fn find_stack() -> (usize, usize) {
    let maps = fs::read_to_string("/proc/self/maps").expect("the mappings can be read");
    let mut below: Option<(usize, usize, bool)> = None;
    for line in maps.lines() {
        let mut fields = line.split_whitespace();
        let range = fields.next().and_then(|range| range.split_once('-')).expect("a range");
        let number = |text: &str| usize::from_str_radix(text, 16).expect("an address");
        let (start, end) = (number(range.0), number(range.1));
        let access = fields.next().unwrap_or_default();
        let is_stack = access == "rw-p" && end % TOP_ALIGN == 0 && end - start == STACK_BYTES + PAGE;
        if let Some((guard, guard_end, true)) = below
            && is_stack
            && guard_end == start
        {
            return (guard, end);
        }
        below = Some((start, end, access == "---p"));
    }
    panic!("no stack among\n{maps}");
}

/// Maps pages with the pattern at an address where nothing is.
fn map(at: usize, len: usize) -> Option<&'static [u8]> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE;
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let hint = std::ptr::without_provenance_mut(at);
    // SAFETY: nothing that exists is replaced.
    let start = unsafe { libc::mmap(hint, len, access, flags, -1, 0) };
    if start == libc::MAP_FAILED {
        return None;
    }
    assert_eq!(start.addr(), at, "the system knows the flag");
    // SAFETY: the pages are there, ours, and never unmapped.
    unsafe {
        start.cast::<u8>().write_bytes(CANARY, len);
        Some(std::slice::from_raw_parts(start.cast(), len))
    }
}

/// A module whose function `run` calls itself `depth` times, with so many values of a type that
/// it needs after the call, and does `action` in the end.
fn text(ty: &str, values: usize, action: &str) -> String {
    let mut text = String::from(
        r#"(module
        (import "host" "leaf" (func $leaf (param i32 i64 f64 v128 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64)
            (result i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64)))
        (type $none (func))
        (memory 1 1000) (table 4 100 funcref)
        (global $deepest (export "deepest") (mut i32) (i32.const 0))
        "#,
    );
    let leaf = "(call $leaf (i32.const 1) (i64.const 2) (f64.const 3) (v128.const i64x2 4 5) (i64.const 6) (i64.const 7)
        (i64.const 8) (i64.const 9) (i64.const 10) (i64.const 11) (i64.const 12) (i64.const 13) (i64.const 14) (i64.const 15))
        drop drop drop drop drop drop drop drop drop drop drop drop";
    let many: String = " i64".repeat(300);
    let zeros = "(i64.const 0)".repeat(300);
    let drops = "drop ".repeat(300);
    let action = match action {
        "nothing" => String::new(),
        "host" => leaf.to_owned(),
        "grow" => {
            "(drop (memory.grow (i32.const 0))) (drop (table.grow (ref.null func) (i32.const 0)))".to_owned()
        }
        "fill" => "(memory.fill (i32.const 0) (i32.const 1) (i32.const 100))".to_owned(),
        "trap" => "unreachable".to_owned(),
        "fault" => "(drop (i32.load (i32.const 65536)))".to_owned(),
        "indirect" => "(call_indirect (type $none) (i32.const 0))".to_owned(),
        "first call" => "(call $large)".to_owned(),
        "many" => format!("{zeros} (call $many) {drops}"),
        "tail" => format!("{zeros} (call $tail) {drops}"),
        other => unreachable!("{other}"),
    };
    let zero = if ty == "v128" { "(v128.const i64x2 0 0)".to_owned() } else { format!("({ty}.const 0)") };
    let of_depth = match ty {
        "v128" => "(i64x2.splat (i64.extend_i32_u (local.get $depth)))".to_owned(),
        "f64" => "(f64.convert_i32_s (local.get $depth))".to_owned(),
        _ => "(i64.extend_i32_u (local.get $depth))".to_owned(),
    };
    let add = if ty == "v128" { "i64x2.add".to_owned() } else { format!("{ty}.add") };
    let locals = format!(" {ty}").repeat(values);
    // All are different, and needed after the call.
    let mut set = String::new();
    let mut sum = zero.clone();
    for value in 0..values {
        let constant = if ty == "v128" {
            format!("(v128.const i64x2 {value} 0)")
        } else {
            format!("({ty}.const {value})")
        };
        let _ = write!(set, "(local.set {} ({add} {of_depth} {constant}))", value + 2);
        sum = format!("({add} {sum} (local.get {}))", value + 2);
    }
    let mut global = format!("(global $add{ty} (mut {ty}) {zero})");
    if values > 200 {
        // A sum nested so deep would take long: added one after the other.
        // Odd numbers of them in the other order, so that frames are filled from either end.
        sum = zero;
        for value in 0..values {
            let value = if values.is_multiple_of(2) { value } else { values - 1 - value };
            let _ = write!(sum, "(local.get {}) {add} ", value + 2);
        }
    }
    let _ = write!(
        global,
        "(func $large (local {}) {})",
        " v128".repeat(300),
        (0..300).map(|n| format!("(local.set {n} (v128.load (i32.const {n})))")).collect::<String>()
            + "(call $empty)"
            + &(0..300).map(|n| format!("(v128.store (i32.const {n}) (local.get {n}))")).collect::<String>()
    );
    let gets: String = (0..300).rev().map(|n| format!("(local.get {n})")).collect();
    let _ = write!(
        text,
        "{global} (func $empty (type $none)) (elem (i32.const 0) $large)
        (func $many (param{many}) (result{many}) {gets})
        (func $tail (param{many}) (result{many}) {gets} (return_call $many))
        (func $run (export \"run\") (param $depth i32) (param $sum i32) (local{locals})
            (global.set $deepest (i32.add (global.get $deepest) (i32.const 1)))
            {set}
            (if (local.get $depth)
                (then (call $run (i32.sub (local.get $depth) (i32.const 1)) (local.get $sum)))
                (else {action}))
            (global.set $add{ty} {sum})))"
    );
    text
}

fn fixture(engine: EngineUnderTest) -> Fixture {
    let fixture = Fixture::new((engine.config)().with_max_stack_bytes(STACK_BYTES).with_fuel(true));
    let params = [ValueType::I32, ValueType::I64, ValueType::F64, ValueType::V128];
    let params: Vec<_> = params.into_iter().chain([ValueType::I64; 10]).collect();
    let ty = FunctionType::new(params, [ValueType::I64; 12]);
    fixture.host(&HostModule::new("host").with_function_raw("leaf", ty, |_: &mut Caller<'_>, slots| {
        slots.fill(u64::MAX);
        Ok(())
    }));
    fixture
}

fn run(module: &Module, depth: u32, fuel: u64) -> Option<Trap> {
    let cx = with_fuel(&Context::background(), &Fuel::new(fuel));
    let result = module.exported_function("run").unwrap().call_with(&cx, &[depth.into(), 1]);
    result.err().map(|error| error.trap().unwrap_or_else(|| panic!("{error}")))
}

fn deepest(module: &Module) -> u32 {
    module.exported_global("deepest").unwrap().get_word() as u32
}

const ACTIONS: [&str; 9] =
    ["host", "grow", "fill", "trap", "fault", "indirect", "first call", "many", "tail"];

/// How many values of which type are needed after the call. The last ones take more than 64 KiB, and than the guard.
const FRAMES: [(&str, usize); 7] =
    [("i64", 0), ("i64", 3), ("v128", 17), ("i64", 700), ("v128", 9_000), ("v128", 13_001), ("f64", 8_300)];

const ENOUGH: u64 = 1 << 40;

#[test]
fn guests_stay_on_their_stacks() {
    if !EngineKind::Jit.is_available() {
        return;
    }
    let engine = |name| engine(name).expect("a way of compiling");
    // A call makes the stack; the next ones use it again.
    let first = fixture(engine("jit")).module(&text("i64", 1, "nothing"));
    assert_eq!(run(&first, 1, ENOUGH), None);
    let canaries = Canaries::around_the_stack();
    let mut ends = [0; 4];
    for name in ["jit", "mixed", "jit-checked-base", "jit-unoptimized"] {
        let fixture = fixture(engine(name));
        for (ty, values) in FRAMES {
            // Large frames take long to compile, with all the checks of debug builds too long.
            let is_large = values > 100;
            if is_large && (cfg!(debug_assertions) || name.starts_with("jit-")) {
                continue;
            }
            let what = format!("{name}, {values} values of {ty}");
            let module = fixture.module(&text(ty, values, "nothing"));
            assert_eq!(run(&module, u32::MAX, ENOUGH), Some(Trap::StackOverflow), "{what}");
            canaries.check(&what);
            let most = deepest(&module) - 1;
            assert!(most > 1, "{what}: {most} calls");
            // Without fuel, deep down.
            let trap = run(&module, u32::MAX, u64::from(most) * 2);
            assert!(matches!(trap, Some(Trap::OutOfFuel | Trap::StackOverflow)), "{what}: {trap:?}");
            canaries.check(&what);
            let (actions, edges): (&[_], _) = match values {
                0 => (&ACTIONS, 10),
                1..=100 => (&ACTIONS, 3),
                _ => (&["host"], 2),
            };
            for action in actions {
                for less in 0..edges {
                    // What is called there is not compiled yet.
                    let module = fixture.module(&text(ty, values, action));
                    let what = format!("{what}, {action} {less} above the edge");
                    let end = match (*action, run(&module, most.saturating_sub(less), ENOUGH)) {
                        (_, None) => 0,
                        (_, Some(Trap::StackOverflow)) => 1,
                        ("trap", Some(Trap::Unreachable)) => 2,
                        ("fault", Some(Trap::OutOfBoundsMemoryAccess)) => 3,
                        (_, trap) => panic!("{what}: {trap:?}"),
                    };
                    ends[end] += 1;
                    canaries.check(&what);
                    // The stack is as good as before.
                    assert_eq!(run(&module, u32::MAX, ENOUGH), Some(Trap::StackOverflow), "{what}");
                    canaries.check(&what);
                }
            }
        }
    }
    println!("{ends:?}");
    assert!(ends.iter().all(|count| *count > 20), "{ends:?}");
}
