;; Local variables: the larger root of x*x + p*x + q, and how they are read, set and both at once.
(module
  (func (export "root") (param $p f64) (param $q f64) (result f64)
    (local $half f64)
    (local $under f64)
    (local.set $half (f64.div (local.get $p) (f64.const -2)))
    (local.set $under
      (f64.sub
        (f64.mul (local.get $half) (local.get $half))
        (local.get $q)))
    (if (f64.lt (local.get $under) (f64.const 0))
      (then (return (f64.const nan))))
    (f64.add (local.get $half) (f64.sqrt (local.get $under))))

  (func (export "twice_square") (param $x i32) (result i32)
    (local $square i32)
    (i32.add
      (local.tee $square (i32.mul (local.get $x) (local.get $x)))
      (local.get $square))))
