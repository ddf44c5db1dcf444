;; The top of a program of three modules: what it imports comes from `queue`, another module, and from Python.
(module
  (import "queue" "push" (func $push (param i32)))
  (import "queue" "pop" (func $pop (result i32)))
  (import "host" "say" (func $say (param i32)))

  (func (export "main")
    (call $push (i32.const 1))
    (call $push (i32.const 2))
    (call $push (i32.const 3))
    (call $say (call $pop))
    (call $say (call $pop))))
