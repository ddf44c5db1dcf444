"""Writers of vector instructions.

A vector waits on the operand stack as sixteen bytes; each instruction takes it in its own shape, and LLVM sees through that.
A constant waits there as its text.  Source: core 3.0, 4.6.12; templates in `vector_templates.py`, memory in `vector_memory.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from bembix.compile.llvm.emit import cpu, triple
from bembix.compile.llvm.regular import NEUTRAL, NEUTRAL_MINIMUM
from bembix.compile.llvm.sink import OPERATIONS, LlvmSink, Operation
from bembix.compile.llvm.types import llvm_type
from bembix.compile.llvm.vector_templates import SAME, SCALARS, SWIZZLE, SWIZZLES, TESTS, VECTOR_TEMPLATES
from bembix.spec.instructions import TABLE, Imm, Instr
from bembix.spec.types import V128, NumType

BYTES: Final = llvm_type(V128)
