;; Memory with data in it from the start, and a function that works on it.
(module
  (memory (export "memory") 1)
  (data (i32.const 64) "wasps build nests")
  (global (export "address") i32 (i32.const 64))
  (global (export "length") i32 (i32.const 17))

  ;; Makes every small letter of a text a capital one, in place.
  (func (export "capitals") (param $address i32) (param $length i32)
    (local $end i32)
    (local $letter i32)
    (local.set $end (i32.add (local.get $address) (local.get $length)))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $address) (local.get $end)))
        (local.set $letter (i32.load8_u (local.get $address)))
        (if (i32.lt_u (i32.sub (local.get $letter) (i32.const 97)) (i32.const 26))
          (then (i32.store8 (local.get $address) (i32.sub (local.get $letter) (i32.const 32)))))
        (local.set $address (i32.add (local.get $address) (i32.const 1)))
        (br $next)))))
