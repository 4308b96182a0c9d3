//! The bytecode of a few functions, as text: what is fused, what stays in accumulators, where
//! values are copied. `UPDATE=1 cargo test -p wz-interp --test bytecode -- --nocapture` prints
//! what there is now.

mod common;

use common::{call, check, dump, instantiate, store};

fn golden(text: &str, expected: &str) {
    let got = dump(text);
    let strip = |text: &str| {
        text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
    };
    if std::env::var_os("UPDATE").is_some() {
        println!("{got}");
    } else {
        assert_eq!(strip(&got), strip(expected), "\n{got}");
    }
}

#[test]
fn a_counting_loop_is_one_instruction_per_turn_and_statement() {
    golden(
        r#"(module (memory 1) (func (param $n i32) (result i32) (local $i i32) (local $sum i32)
            (loop
                (local.set $sum (i32.add (local.get $sum) (i32.load offset=4 (i32.add (local.get $i) (local.get $n)))))
                (br_if 0 (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 4))) (local.get $n))))
            (local.get $sum)))"#,
        "function 0 frame 11
            1  s4 <- zero2
            3: a <- i32.load s4, s0, 4
            5  s5 <- i32.add a, s5
            7  s4 <- step i32.lt_u 4, s0, ->3
           10  return s5",
    );
}

#[test]
fn arguments_are_computed_where_the_callee_wants_them() {
    golden(
        r#"(module (func $fib (param i32) (result i32)
            (if (result i32) (i32.lt_u (local.get 0) (i32.const 2))
                (then (local.get 0))
                (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
                    (call $fib (i32.sub (local.get 0) (i32.const 2))))))))"#,
        "function 0 frame 11
            1  br_if i32.ge_u s0, 2, ->7
            3  s4 <- copy s0
            5  return s4
            7: s4 <- i32.sub s0, 1
            9  call s4, 5
           12  s5 <- i32.sub s0, 2
           14  call s5, 6
           17  s4 <- i32.add a, s4
           19  return s4",
    );
}

#[test]
fn locals_on_the_stack_are_kept_when_they_are_written() {
    let text = r#"(module (func (export "run") (param i32 i32) (result i32)
        (local.get 0) (local.get 0) (i32.const 1) i32.add local.set 0
        (local.get 0) (local.get 1) local.set 0 i32.mul
        (local.get 0) i32.add))"#;
    golden(
        text,
        "function 0 frame 10
            1  s5 <- copy s0
            3  s0 <- i32.add s0, 1
            5  s6, s0 <- copy2 s0, s1
            7  a <- i32.mul s5, s6
            9  a <- i32.add a, s0
           11  return a",
    );
    check(text, &[5, 100], &[5 * 6 + 100]);
}

#[test]
fn conditions_fuse_through_tests_for_zero() {
    let text = r#"(module (func (export "run") (param f64 f64 i32) (result i32)
        (if (i32.eqz (f64.lt (local.get 0) (local.get 1))) (then (return (i32.const 1))))
        (if (i32.eqz (i32.and (local.get 2) (i32.const 4))) (then (return (i32.const 2))))
        (select (local.get 2) (i32.const 9) (i32.ge_s (local.get 2) (i32.const 70000)))))"#;
    golden(
        text,
        "function 0 frame 12
            1  br_if f64.lt s0, s1, ->6
            3  return 0x1
            6: br_if i32.and s2, 4, ->11
            8  return 0x2
           11: s7 <- const 9
           13  a <- select i32.ge_s s2, 0x11170, s2, s7
           16  return a",
    );
    let one = 1_f64.to_bits();
    let two = 2_f64.to_bits();
    let nan = f64::NAN.to_bits();
    check(text, &[two, one, 4], &[1]);
    check(text, &[nan, one, 4], &[1]);
    check(text, &[one, two, 3], &[2]);
    check(text, &[one, two, 4], &[9]);
    check(text, &[one, two, 70_004], &[70_004]);
}

#[test]
fn vectors_go_straight_to_locals_and_memory() {
    golden(
        r#"(module (memory 1) (func (param v128 i32) (local v128)
            (local.set 2 (f32x4.mul (local.get 0) (v128.load offset=16 (local.get 1))))
            (v128.store (local.get 1) (f32x4.add (local.get 2) (local.get 0)))))"#,
        "function 0 frame 15
            1  s6 <- zero2
            3  v10 <- v128.load s2, 16
            5  v6 <- f32x4.mul v0, v10
            7  v9 <- f32x4.add v6, v0
            9  v128.store s2, 0, v9
           11  return",
    );
}

#[test]
fn stale_steps_are_not_fused() {
    // The addition is taken for an address; what follows is at its position.
    let text = r#"(module (memory 1) (func (export "run") (param i32 i32) (result i32)
        (local $i i32)
        (loop
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if 0 (i32.lt_u (local.get $i) (local.get 0)))
            (local.set $i (i32.sub (local.get $i) (i32.const 0)))
            (br_if 0 (i32.lt_u (local.get $i) (local.get 1))))
        (local.get $i)))"#;
    check(text, &[3, 10], &[10]);
    check(text, &[0, 0], &[1]);
    let store = store();
    let module = instantiate(&store, text);
    assert_eq!(call(&module, "run", &[7, 7]).unwrap(), [7]);
}
