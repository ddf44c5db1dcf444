"""How much a function uses its locals, more or less, before it is walked: good enough to choose registers by.

Reads and writes of locals, loops and calls are found by one regular expression over the bytes of the body, made from
the instruction table.  Where it takes a byte for what it is not, nothing is wrong but the choice of registers.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Final

from bembix.spec.instructions import BY_NAME, TABLE, Imm, Instr

_LEB: Final = rb"[\x80-\xff]*[\x00-\x7f]"
#: What the immediates look like that one can skip; with others, the rest of an instruction is read as instructions.
_SKIPPED: Final = {
    **dict.fromkeys((Imm.LABEL, Imm.TYPE, Imm.TABLE, Imm.GLOBAL, Imm.FUNC, Imm.TAG), _LEB),
    **dict.fromkeys((Imm.MEMORY, Imm.I32, Imm.I64, Imm.HEAPTYPE, Imm.ELEM, Imm.DATA, Imm.FIELD, Imm.COUNT), _LEB),
    Imm.BLOCKTYPE: _LEB,
    Imm.MEMARG: rb"(?:[\x00-\x3f]|[\x40-\x7f]" + _LEB + rb")" + _LEB,
    Imm.F32: b".{4}",
    Imm.F64: b".{8}",
    Imm.V128: b".{16}",
    Imm.LANES: b".{16}",
    Imm.LANE: b".",
    Imm.ZERO: b".",
}
_ROUNDS: Final = 8  #: what is in a loop counts so many times
_MOST_ROUNDS: Final = 1 << 20

_LOCALS: Final = frozenset(row.code for row in TABLE if row.immediates == (Imm.LOCAL,))
_CALLS: Final = frozenset(row.code for row in TABLE if row.shape.startswith(("call", "return_call")))
_BLOCKS: Final = frozenset(row.code for row in TABLE if Imm.BLOCKTYPE in row.immediates)
_LOOP: Final = BY_NAME["loop"].code
_END: Final = BY_NAME["end"].code


def _any_of(codes: Iterable[int]) -> bytes:
    """Return the pattern of one of some bytes."""
    return b"[" + b"".join(re.escape(bytes([code])) for code in sorted(codes)) + b"]"


def _opcodes(rows: list[Instr]) -> bytes:
    """Return the pattern of the opcodes of some rows with the same prefix."""
    if rows[0].prefix is None:
        return _any_of(row.code for row in rows)
    numbers = [row.code & 0xFFFF for row in rows]
    parts = [
        _any_of(n & 0x7F | 0x80 * (high > 0) for n in numbers if n >> 7 == high) + re.escape(bytes([high] * (high > 0)))
        for high in sorted({n >> 7 for n in numbers})
    ]
    return re.escape(bytes([rows[0].prefix])) + b"(?:" + b"|".join(parts) + b")"


def _pattern(taken: frozenset[int]) -> re.Pattern[bytes]:
    """Return what finds the next instruction of interest, and skips the others.  taken: opcodes of blocks, or `end`."""
    groups: defaultdict[tuple[bool, int, bytes], list[Instr]] = defaultdict(list)
    for row in TABLE:
        if row.code not in _LOCALS | _CALLS | taken and all(imm in _SKIPPED for imm in row.immediates):
            groups[row.prefix is not None, row.prefix or 0, b"".join(_SKIPPED[imm] for imm in row.immediates)].append(
                row
            )
    skipped = [_opcodes(rows) + immediates for (_, _, immediates), rows in sorted(groups.items(), key=lambda g: g[0])]
    skipped.append(_any_of(_LOCALS) + rb"[\x80-\xff]+[\x00-\x7f]")  # local 128 and beyond
    wanted = [_any_of(_LOCALS) + rb"[\x00-\x7f]", _any_of(_CALLS) + _LEB]
    wanted += [_any_of(taken - {_END}) + _LEB, rb".", rb"\Z"]  # the end, or it would begin again
    return re.compile(b"(?s)(?:" + b"|".join(skipped) + b")*+(" + b"|".join(wanted) + b")")


_INTERESTING: Final = _pattern(frozenset((_LOOP,)))
#: The same with where blocks begin and end.
_NESTED: Final = _pattern(_BLOCKS | {_END})


def weigh(raw: bytes) -> tuple[dict[int, int], int]:
    """Return how much each local below 128 is used, and how many calls there are."""
    tokens = _INTERESTING.findall(raw)
    counts = Counter(tokens)
    del counts[b""]
    loops = sum(count for token, count in counts.items() if token[0] == _LOOP)
    if loops > 1:
        counts = _by_depth(raw)
    elif loops:
        first = next(at for at, token in enumerate(tokens) if token and token[0] == _LOOP)
        for token in tokens[first:]:
            if token:
                counts[token] += _ROUNDS - 1
    weights: dict[int, int] = {}
    calls = 0
    for token, count in counts.items():
        if len(token) < 2:
            continue
        if token[0] in _LOCALS:
            weights[token[1]] = weights.get(token[1], 0) + count
        elif token[0] in _CALLS:
            calls += count
    return weights, calls


def _by_depth(raw: bytes) -> Counter[bytes]:
    """Return how often each token occurs; in a loop, in a loop in a loop, accordingly more often."""
    counts: Counter[bytes] = Counter()
    outer: list[int] = []
    weight = 1
    for token in _NESTED.findall(raw):
        first = token[0] if token else -1
        if first in _LOCALS or first in _CALLS:
            counts[token] += weight
        elif first == _END:
            weight = outer.pop() if outer else 1
        elif first in _BLOCKS:
            outer.append(weight)
            if first == _LOOP and weight < _MOST_ROUNDS:
                weight *= _ROUNDS
    return counts
