;; Writing to memory: a number of 4 bytes, the lowest first.
(module
  (memory (export "memory") 1)
  (func (export "put") (param $address i32) (param $number i32)
    (i32.store (local.get $address) (local.get $number)))
  (func (export "get") (param $address i32) (result i32)
    (i32.load (local.get $address))))
