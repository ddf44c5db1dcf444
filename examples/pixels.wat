;; Pixels of four bytes (red, green, blue, alpha) at address 0: turn them grey, and say what the brightest one is.
(module
  (memory (export "memory") 1)

  (func (export "grey") (param $count i32)
    (local $at i32) (local $grey i32)
    (loop $next
      (if (i32.eqz (local.get $count)) (then (return)))
      ;; (77 red + 150 green + 29 blue) / 256
      (local.set $grey
        (i32.shr_u
          (i32.add
            (i32.add
              (i32.mul (i32.load8_u (local.get $at)) (i32.const 77))
              (i32.mul (i32.load8_u offset=1 (local.get $at)) (i32.const 150)))
            (i32.mul (i32.load8_u offset=2 (local.get $at)) (i32.const 29)))
          (i32.const 8)))
      (i32.store8 (local.get $at) (local.get $grey))
      (i32.store8 offset=1 (local.get $at) (local.get $grey))
      (i32.store8 offset=2 (local.get $at) (local.get $grey))
      (local.set $at (i32.add (local.get $at) (i32.const 4)))
      (local.set $count (i32.sub (local.get $count) (i32.const 1)))
      (br $next))))
