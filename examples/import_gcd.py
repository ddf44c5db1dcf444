"""Import a Wasm module as if it were Python: `gcd.wat` lies beside this file, and `gcd.pyi` tells type checkers of it.

`bembix stubs gcd.wat` wrote the latter.
"""

import bembix.hook  # noqa: F401  # has `import` find Wasm from here on
import gcd

print(gcd.gcd(16516842, 154654684))
print(gcd.__doc__)
