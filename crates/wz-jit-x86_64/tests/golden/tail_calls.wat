(module
  (import "m" "f" (func $import (param i32)))
  (table 1 funcref)
  (func $direct (param i32) (result i32)
    (if (i32.eqz (local.get 0)) (then (return (i32.const 1))))
    (return_call $direct (i32.sub (local.get 0) (i32.const 1))))
  (func $imported (param i32) (return_call $import (local.get 0)))
  (func $indirect (param i32) (return_call_indirect (param i32) (local.get 0) (i32.const 0)))
  (func $call (param i32) (call $imported (local.get 0)) (call $indirect (local.get 0))))
