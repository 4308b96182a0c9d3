;; Traps three calls deep, in text form: each export traps in its own way, below $outer and $middle.
(module $trap
  (type $leaf (func (param i32) (result i32)))
  (memory (export "memory") 1)
  (table 8 funcref)
  (elem (i32.const 1) $inner_unreachable $inner_divide $inner_overflow $inner_memory $inner_null $inner_type)
  (global $depth (export "depth") (mut i32) (i32.const 0))

  (func $inner_unreachable (param i32) (result i32) unreachable)
  (func $inner_divide (param i32) (result i32) (i32.div_s (local.get 0) (i32.const 0)))
  (func $inner_overflow (param i32) (result i32) (i32.trunc_f64_s (f64.const 1e10)))
  (func $inner_memory (param i32) (result i32) (i32.load offset=65533 (local.get 0)))
  ;; Entry 0 is null.
  (func $inner_null (param i32) (result i32) (call_indirect (type $leaf) (local.get 0) (i32.const 0)))
  ;; An i32 -> i32 function called as () -> ().
  (func $inner_type (param i32) (result i32) (call_indirect (i32.const 1)) (i32.const 0))

  (func $middle (param $which i32) (result i32)
    (global.set $depth (i32.const 2))
    (i32.add (call_indirect (type $leaf) (i32.const 7) (local.get $which)) (i32.const 1)))
  (func $outer (param $which i32) (result i32)
    (global.set $depth (i32.const 1))
    (i32.add (call $middle (local.get $which)) (i32.const 1)))

  (func (export "_start") (drop (call $outer (i32.const 1))))
  (func (export "unreachable") (drop (call $outer (i32.const 1))))
  (func (export "divide") (drop (call $outer (i32.const 2))))
  (func (export "conversion") (drop (call $outer (i32.const 3))))
  (func (export "memory_access") (drop (call $outer (i32.const 4))))
  (func (export "null_element") (drop (call $outer (i32.const 5))))
  (func (export "signature") (drop (call $outer (i32.const 6))))
  (func (export "table_access") (drop (call $outer (i32.const 100)))))
