;; probes
(module (memory 1) (global $g (mut i32) (i32.const 0))
  ;; Counts stay in their blocks, in order with what can trap, and globals stay known.
  (func $sum (param i32) (result i32) (local i32)
    (global.set $g (i32.add (global.get $g) (i32.const 1)))
    (loop $l
      (if (i32.and (local.get 0) (i32.const 1))
        (then (local.set 1 (i32.add (local.get 1) (i32.div_u (i32.const 12) (local.get 0)))))
        (else (local.set 1 (i32.load (local.get 1)))))
      (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (i32.add (local.get 1) (global.get $g)))
)
