;; A function of the host, imported.
(module
  (import "host" "log" (func $log (param i32)))
  (import "host" "limit" (global $limit i32))
  (func (export "count") (local $i i32)
    (loop $again
      (call $log (local.get $i))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.lt_s (local.get $i) (global.get $limit))))))
