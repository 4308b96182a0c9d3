;; The divisor is 1 if it would be 0: what generators write to avoid a trap. An interpreter that
;; fuses the comparison into the selection must not take the divisor's register for the result's.
(module
  (func (export "divisor") (param i32) (result i32)
    i32.const 1
    local.get 0
    local.get 0
    i32.eqz
    select)
  (func (export "rem") (param i32 i32) (result i32)
    local.get 0
    i32.const 1
    local.get 1
    local.get 1
    i32.eqz
    select
    i32.rem_u)
  (func (export "set") (param i32) (result i32)
    (local.set 0 (select (i32.const 1) (local.get 0) (i32.eqz (local.get 0))))
    (local.get 0))
  (func (export "div64") (param i64) (result i64)
    (local i64)
    (local.set 1 (local.get 0))
    (i64.div_s (i64.const 9)
      (select (i64.const 1) (local.get 1) (i64.eqz (local.get 1))))))

(assert_return (invoke "divisor" (i32.const 0)) (i32.const 1))
(assert_return (invoke "divisor" (i32.const 7)) (i32.const 7))
(assert_return (invoke "rem" (i32.const 9) (i32.const 0)) (i32.const 0))
(assert_return (invoke "rem" (i32.const 9) (i32.const 5)) (i32.const 4))
(assert_return (invoke "set" (i32.const 0)) (i32.const 1))
(assert_return (invoke "set" (i32.const 3)) (i32.const 3))
(assert_return (invoke "div64" (i64.const 0)) (i64.const 9))
(assert_return (invoke "div64" (i64.const -3)) (i64.const -3))
