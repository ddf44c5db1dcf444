"""A function that calls itself a million times; too deep a recursion is an exception, not a crash."""

from pathlib import Path

import bembix

fib = bembix.Module.from_file(Path(__file__).with_suffix(".wat")).instantiate().exports.fib
print([fib(n) for n in range(10)])
print(fib(30))

endless = bembix.Module('(module (func $f (export "f") (result i32) (i32.add (call $f) (i32.const 1))))')
try:
    endless.instantiate().exports.f()
except bembix.StackExhausted as trap:
    print("trap:", trap.message)
