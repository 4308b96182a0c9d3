;; fuel
;; interrupt
(module
  (func $choose (param i32) (result i32)
    (block $a (block $b (block $c (block $d
      (br_table $a $b $c $d $b (local.get 0)))
      (return (i32.const 40))) (return (i32.const 30))) (return (i32.const 20)))
    (i32.const 10))
  (func $divide (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))
  (func $select (param i64 i64) (result i64) (select (local.get 0) (local.get 1) (i64.lt_s (local.get 0) (local.get 1))))
  (func $loop (param i32) (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
  (func $trap (unreachable)))
