;; A queue of numbers; what it stores them in is another module's.
(module
  (import "storage" "memory" (memory 1))
  (global $first (mut i32) (i32.const 0))
  (global $end (mut i32) (i32.const 0))

  (func (export "push") (param $number i32)
    (i32.store (global.get $end) (local.get $number))
    (global.set $end (i32.add (global.get $end) (i32.const 4))))

  (func (export "pop") (result i32)
    (i32.load (global.get $first))
    (global.set $first (i32.add (global.get $first) (i32.const 4)))))
