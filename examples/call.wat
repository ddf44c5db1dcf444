;; Functions that call each other: by name, and by a number through a table.
(module
  (type $binary (func (param i32 i32) (result i32)))
  (table funcref (elem $add $subtract $multiply))

  (func $add (type $binary) (i32.add (local.get 0) (local.get 1)))
  (func $subtract (type $binary) (i32.sub (local.get 0) (local.get 1)))
  (func $multiply (type $binary) (i32.mul (local.get 0) (local.get 1)))

  (func $square (export "square") (param $x i32) (result i32)
    (call $multiply (local.get $x) (local.get $x)))

  (func (export "sum_of_squares") (param $x i32) (param $y i32) (result i32)
    (call $add (call $square (local.get $x)) (call $square (local.get $y))))

  (func (export "calculate") (param $operation i32) (param $x i32) (param $y i32) (result i32)
    (call_indirect (type $binary) (local.get $x) (local.get $y) (local.get $operation))))
