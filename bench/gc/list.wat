;; Linked lists: built, reversed in place, summed; each round drops the one before.
(module
  (type $cell (struct (field $value i64) (field $next (mut (ref null $cell)))))
  (func $build (param $n i32) (result (ref null $cell))
    (local $list (ref null $cell))
    (loop $more
      (local.set $list (struct.new $cell (i64.extend_i32_u (local.get $n)) (local.get $list)))
      (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $list))
  (func $reverse (param $list (ref null $cell)) (result (ref null $cell))
    (local $done (ref null $cell)) (local $next (ref null $cell))
    (block $end
      (loop $more
        (br_if $end (ref.is_null (local.get $list)))
        (local.set $next (struct.get $cell $next (local.get $list)))
        (struct.set $cell $next (local.get $list) (local.get $done))
        (local.set $done (local.get $list))
        (local.set $list (local.get $next))
        (br $more)))
    (local.get $done))
  (func $sum (param $list (ref null $cell)) (result i64)
    (local $sum i64)
    (block $end
      (loop $more
        (br_if $end (ref.is_null (local.get $list)))
        (local.set $sum (i64.add (local.get $sum) (struct.get $cell $value (local.get $list))))
        (local.set $list (struct.get $cell $next (local.get $list)))
        (br $more)))
    (local.get $sum))
  (func (export "run") (param $rounds i32) (result i32)
    (local $sum i64)
    (loop $more
      (local.set $sum (i64.add (local.get $sum) (call $sum (call $reverse (call $build (i32.const 20000))))))
      (br_if $more (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1)))))
    (i32.wrap_i64 (local.get $sum))))
