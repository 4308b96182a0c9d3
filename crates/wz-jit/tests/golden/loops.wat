;; Loops: what is tested at the top is tested at the bottom after rotation.
(module
  (memory 1)
  (func $while (param $n i32) (result i32) (local $i i32) (local $sum i32)
    (block $exit
      (loop $next
        (br_if $exit (i32.ge_u (local.get $i) (local.get $n)))
        (local.set $sum (i32.add (local.get $sum) (i32.load8_u (local.get $i))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $next)))
    (local.get $sum))
  (func $do_while (param $n i32) (result i32) (local $sum i32)
    (loop $next
      (local.set $sum (i32.add (local.get $sum) (local.get $n)))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))
  (func $not_repeated (param $n i32) (result i32)
    (loop (result i32) (i32.mul (local.get $n) (i32.const 8))))
  (func $nested (param $n i32) (param $x f64) (result f64) (local $i i32) (local $j i32) (local $sum f64)
    (loop $outer
      (local.set $j (local.get $n))
      (loop $inner
        (local.set $sum (f64.add (local.get $sum) (f64.sqrt (f64.mul (local.get $x) (local.get $x)))))
        (br_if $inner (local.tee $j (i32.sub (local.get $j) (i32.const 1)))))
      (br_if $outer (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    (local.get $sum))
  (func $operands (param $n i32) (result i32)
    (i32.const 0) (local.get $n)
    (loop $next (param i32 i32) (result i32)
      (local.set $n)
      (i32.add (local.get $n))
      (br_if $next (i32.sub (local.get $n) (i32.const 1)) (local.get $n))
      (drop))))
