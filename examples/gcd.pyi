"""gcd.wat for type checkers, written by `bembix stubs`."""

def gcd(a: int, b: int, /) -> int:
    """func (i32 i32) -> (i32)"""
