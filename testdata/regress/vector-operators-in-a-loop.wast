;; Vector operators executed often: the interpreter's handlers of some called the next handler
;; instead of jumping to it, and overflowed the native stack.
(module
  (memory 1)
  (func (export "swizzle") (param $n i32) (result i32) (local $v v128)
    (local.set $v (v128.const i8x16 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 0))
    (loop $again
      (local.set $v (i8x16.swizzle (local.get $v) (v128.const i8x16 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 0)))
      (local.set $v (i8x16.add (local.get $v) (v128.const i32x4 0 0 0 0)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i8x16.extract_lane_u 0 (local.get $v)))
  (func (export "extend") (param $n i32) (result i32) (local $v v128)
    (loop $again
      (local.set $v (v128.load8x8_u (i32.const 0)))
      (local.set $v (v128.load16_lane 3 (i32.const 0) (local.get $v)))
      (local.set $v (v128.load32_zero (i32.const 0)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i32x4.extract_lane 0 (local.get $v))))

(assert_return (invoke "swizzle" (i32.const 1000000)) (i32.const 1))
(assert_return (invoke "extend" (i32.const 1000000)) (i32.const 0))
