;; probes: limit
(module (memory 1)
  ;; A load that is folded, a test that is that of the subtraction, and counts at the entry, in the loop and after.
  (func $sum (param i32) (result i32) (local i32)
    (loop $l
      (local.set 1 (i32.add (local.get 1) (i32.load (i32.shl (local.get 0) (i32.const 2)))))
      (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (local.get 1))
)
