(module
  (memory 1)
  (memory $wide i64 1)
  (func $load (param i32) (result i32) (i32.load offset=8 (local.get 0)))
  (func $fold (param i32 i32) (result i32) (i32.add (local.get 1) (i32.load16_s (local.get 0))))
  (func $indexed (param i32 i32) (result f64) (f64.load (i32.add (local.get 0) (i32.shl (local.get 1) (i32.const 3)))))
  (func $store (param i32 i64) (i64.store offset=16 (local.get 0) (local.get 1)))
  (func $sum (param i32 i32) (result i32) (local i32)
    (loop $next
      (local.set 2 (i32.add (local.get 2) (i32.load (local.get 0))))
      (local.set 0 (i32.add (local.get 0) (i32.const 4)))
      (br_if $next (local.tee 1 (i32.sub (local.get 1) (i32.const 1)))))
    (local.get 2))
  (func $other (param i64) (result i64) (i64.load $wide offset=0x100000000 (local.get 0))))
