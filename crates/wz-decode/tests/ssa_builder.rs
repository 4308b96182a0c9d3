//! Proves that [`FunctionBuilder`](wz_decode::FunctionBuilder) can be implemented by a builder of
//! SSA form: what the small one of [`support::ssa`] makes of every form of control.

mod support;

use support::ssa::Ssa;
use wz_decode::{WalkOptions, walk};

/// Builds the last function of a module with these fields, and compares the dumps.
#[track_caller]
fn check_with(options: &WalkOptions, fields: &str, expected: &str) {
    let info = support::module(&format!("(module {fields})"));
    let mut ssa = Ssa::default();
    walk(&info, info.functions.len() as u32 - 1, options, &mut ssa);
    let expected: Vec<_> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let dump = ssa.dump();
    let lines: Vec<_> = dump.lines().map(str::trim).collect();
    assert_eq!(lines, expected, "\n{dump}");
}

#[track_caller]
fn check(fields: &str, expected: &str) {
    check_with(&WalkOptions::default(), fields, expected);
}

#[test]
fn straight_code_folds_constants() {
    check(
        "(func (param i32) (result i32) local.get 0 i32.const 2 i32.const 3 i32.add i32.mul)",
        "b0(v0):
           v1 = i32.mul v0, 5
           jump b1(v1)
         b1(v2):
           return v2",
    );
}

#[test]
fn a_block_carries_results_over_branches() {
    check(
        "(func (param i32 i32) (result i32)
           (block (result i32)
             local.get 1
             local.get 0
             br_if 0
             drop
             i32.const 7)
           i32.const 1
           i32.add)",
        "b0(v0, v1):
           if v0 b2(v1) else b3
         b1(v2):
           return v2
         b2(v3):
           v4 = i32.add v3, 1
           jump b1(v4)
         b3:
           jump b2(7)",
    );
}

#[test]
fn a_loop_with_parameters_and_locals() {
    check(
        "(func (param $n i32) (result i32) (local $unused i32)
           i32.const 1
           (loop $l (param i32) (result i32)
             local.get $n
             i32.mul
             (local.set $n (i32.sub (local.get $n) (i32.const 1)))
             local.get $n
             br_if $l)
           local.get $unused
           i32.add)",
        "b0(v0):
           jump b2(1, v0)
         b1(v1):
           return v1
         b2(v2, v3):
           v4 = i32.mul v2, v3
           v5 = i32.sub v3, 1
           if v5 b2(v4, v5) else b3
         b3:
           v6 = i32.add v4, 0
           jump b1(v6)",
    );
}

#[test]
fn a_loop_does_not_pass_what_it_does_not_change() {
    check(
        "(func (param $a i32) (param $n i32) (result i32)
           (block $done
             (loop $l
               (br_if $done (i32.eqz (local.get $n)))
               (local.set $n (i32.sub (local.get $n) (local.get $a)))
               (br $l)))
           local.get $a)",
        "b0(v0, v1):
           jump b3(v1)
         b1(v2):
           return v2
         b2:
           jump b1(v0)
         b3(v3):
           v4 = i32.eqz v3
           if v4 b2 else b4
         b4:
           v5 = i32.sub v3, v0
           jump b3(v5)",
    );
}

#[test]
fn if_with_parameters_results_and_locals() {
    check(
        "(func (param $a i32) (param $b i32) (result i32) (local $c i32)
           local.get $a
           local.get $b
           (if (param i32) (result i32 i32)
             (then (local.set $c (i32.const 5)) (local.get $b))
             (else (i32.eqz) (local.get $a)))
           i32.add
           local.get $c
           i32.add)",
        "b0(v0, v1):
           if v1 b2 else b3
         b1(v2):
           return v2
         b2:
           jump b4(v0, v1, 5)
         b3:
           v3 = i32.eqz v0
           jump b4(v3, v0, 0)
         b4(v4, v5, v6):
           v7 = i32.add v4, v5
           v8 = i32.add v7, v6
           jump b1(v8)",
    );
}

#[test]
fn if_without_else_passes_its_parameters() {
    check(
        "(func (param $a i32) (param $b i32) (result i32)
           local.get $a
           local.get $b
           (if (param i32) (result i32) (then i32.eqz)))",
        "b0(v0, v1):
           if v1 b2 else b3
         b1(v2):
           return v2
         b2:
           v3 = i32.eqz v0
           jump b4(v3)
         b3:
           jump b4(v0)
         b4(v4):
           jump b1(v4)",
    );
}

#[test]
fn arms_that_do_not_reach_the_end() {
    check(
        "(func (param $a i32) (result i32)
           (if (result i32) (local.get $a)
             (then (return (i32.const 1)))
             (else unreachable))
           drop
           i32.const 2)",
        "b0(v0):
           if v0 b2 else b3
         b1(v1):
           return v1
         b2:
           jump b1(1)
         b3:
           trap",
    );
    check(
        "(func (param $a i32) (result i32)
           (if (local.get $a) (then (return (i32.const 1))))
           i32.const 2)",
        "b0(v0):
           if v0 b2 else b3
         b1(v1):
           return v1
         b2:
           jump b1(1)
         b3:
           jump b4
         b4:
           jump b1(2)",
    );
}

#[test]
fn br_table_to_blocks_a_loop_and_the_function() {
    check(
        "(func (param $a i32) (result i32)
           (loop $l (result i32)
             (block $b
               (block $c
                 (br_table $c $l $b $c (local.get $a)))
               (local.set $a (i32.const 3)))
             (br $l)))",
        "b0(v0):
           jump b1(v0)
         b1(v1):
           table v1 b3 b1(v1) b2(v1) b3
         b2(v2):
           jump b1(v2)
         b3:
           jump b2(3)",
    );
    check(
        "(func (param $a i32) (result i32)
           (block $b (result i32)
             i32.const 10
             local.get $a
             br_table 0 1 0)
           i32.eqz)",
        "b0(v0):
           table v0 b2(10) b1(10) b2(10)
         b1(v1):
           return v1
         b2(v2):
           v3 = i32.eqz v2
           jump b1(v3)",
    );
}

#[test]
fn unreachable_code_is_not_built() {
    check(
        "(func (param $a i32) (result i32)
           (block $b
             local.get $a
             br $b
             (block (loop (if (local.get $a) (then br 1 nop) (else unreachable i32.eqz drop))))
             i32.add
             drop)
           (block (unreachable))
           i32.const 1
           (block $dead (br $dead)))",
        "b0(v0):
           jump b1
         b1:
           trap",
    );
}

#[test]
fn calls_select_and_stores() {
    check(
        "(memory 1) (table 1 funcref)
         (func (param i32 i32) (result i32 i32) local.get 0 local.get 1)
         (func (param $a i32) (result i32)
           local.get $a
           i32.const 1
           call 0
           (i32.store offset=8 (i32.const 16) (local.get $a))
           (select (i32.load offset=4 (local.get $a)) (i32.const 3) (local.get $a))
           drop
           local.get $a
           call_indirect (param i32 i32) (result i32 i32)
           i32.const 1
           select)",
        "b0(v0):
           v1, v2 = call 0: v0, 1
           i32.store +8 16, v0
           v3 = i32.load +4 v0
           v4 = select.i32 v0, v3, 3
           v5, v6 = call_indirect 0: v1, v2, v0
           jump b1(v5)
         b1(v7):
           return v7",
    );
    check(
        "(func (param i32 i32) (result i32) unreachable)
         (func (param $a i32) (result i32)
           i32.const 9
           (return_call 0 (local.get $a) (i32.const 1)))",
        "b0(v0):
           return_call 0: v0, 1",
    );
}

#[test]
fn nested_loops_seal_in_order() {
    check(
        "(func (param $n i32) (result i32) (local $i i32) (local $j i32) (local $sum i32)
           (loop $outer
             (local.set $j (i32.const 0))
             (loop $inner
               (local.set $sum (i32.add (local.get $sum) (local.get $i)))
               (br_if $inner (local.tee $j (i32.add (local.get $j) (i32.const 1)))))
             (br_if $outer (local.tee $i (i32.add (local.get $i) (local.get $n)))))
           local.get $sum)",
        "b0(v0):
           jump b2(0, 0)
         b1(v1):
           return v1
         b2(v2, v3):
           jump b3(v2, 0)
         b3(v4, v5):
           v6 = i32.add v4, v3
           v7 = i32.add v5, 1
           if v7 b3(v6, v7) else b4
         b4:
           v8 = i32.add v3, v0
           if v8 b2(v6, v8) else b5
         b5:
           jump b1(v6)",
    );
}

#[test]
fn fuel_is_charged_per_segment() {
    check_with(
        &WalkOptions { fuel: true },
        "(func)
         (func (param $n i32) (result i32)
           (loop $l
             (block $out
               (br_if $out (i32.eqz (local.get $n)))
               call 0
               (local.set $n (i32.sub (local.get $n) (i32.const 1)))
               (if (local.get $n) (then nop) (else call 0 call 0))
               (br $l)))
           local.get $n)",
        "b0(v0):
           jump b2(v0)
         b1(v1):
           return v1
         b2(v2):
           fuel 3
           v3 = i32.eqz v2
           if v3 b3 else b4
         b3:
           fuel 1
           jump b1(v2)
         b4:
           fuel 1
           call 0:
           fuel 6
           v4 = i32.sub v2, 1
           if v4 b5 else b6
         b5:
           jump b7
         b6:
           fuel 1
           call 0:
           fuel 1
           call 0:
           jump b7
         b7:
           fuel 1
           jump b2(v4)",
    );
}
