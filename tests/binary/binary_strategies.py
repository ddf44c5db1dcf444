"""Hypothesis strategies for immediates and modules that are well formed, and hardly ever valid."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

from hypothesis import strategies as st

from bembix.binary.immediates import Catch, MemArg
from bembix.binary.instructions import write_instruction
from bembix.binary.sections import ORDER, Section
from bembix.spec.instructions import BY_NAME, Imm
from bembix.spec.module import (
    Code,
    Custom,
    Data,
    Elem,
    Export,
    Expr,
    ExternKind,
    Global,
    Import,
    ModuleDef,
    Names,
    SegmentMode,
    Table,
)
from bembix.spec.types import (
    FUNCREF,
    I32,
    I64,
    AbsHeap,
    ArrayType,
    FieldType,
    FuncType,
    GlobalType,
    Limits,
    MemoryType,
    NumType,
    Packed,
    RecType,
    StructType,
    SubType,
    TableType,
    TagType,
    ref,
)

U32 = st.integers(0, 2**32 - 1) | st.integers(0, 300)
U64 = st.integers(0, 2**64 - 1) | st.integers(0, 300)
TYPE_INDICES = st.integers(0, 2**32 - 1) | st.integers(0, 300)
HEAPTYPES = st.sampled_from(AbsHeap) | TYPE_INDICES
REFTYPES = st.builds(ref, st.booleans(), HEAPTYPES)
VALTYPES = st.sampled_from(NumType) | REFTYPES
BYTES_16 = st.binary(min_size=16, max_size=16)

CATCHES = st.builds(Catch, st.sampled_from(["catch", "catch_ref"]), U32, U32) | st.builds(
    Catch, st.sampled_from(["catch_all", "catch_all_ref"]), st.none(), U32
)

#: What an immediate of each kind can be; an index is all that is not named.
IMMEDIATES: dict[Imm, st.SearchStrategy[Any]] = {
    **dict.fromkeys(Imm, U32),
    Imm.BLOCKTYPE: st.none() | VALTYPES | TYPE_INDICES,
    Imm.LABELS: st.lists(U32, min_size=1, max_size=5).map(tuple),
    Imm.CATCHES: st.lists(CATCHES, max_size=3).map(tuple),
    Imm.HEAPTYPE: HEAPTYPES,
    Imm.CAST: st.tuples(U32, REFTYPES, REFTYPES),
    Imm.VALTYPES: st.lists(VALTYPES, max_size=3).map(tuple),
    Imm.MEMARG: st.builds(MemArg, st.integers(0, 63), U32, U64),
    Imm.LANE: st.integers(0, 255),
    Imm.LANES: BYTES_16,
    Imm.I32: st.integers(-(2**31), 2**31 - 1) | st.integers(-200, 200),
    Imm.I64: st.integers(-(2**63), 2**63 - 1) | st.integers(-200, 200),
    Imm.F32: st.integers(0, 2**32 - 1),
    Imm.F64: st.integers(0, 2**64 - 1),
    Imm.V128: BYTES_16,
    Imm.ZERO: st.just(0),
}

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)


def _lists(items: st.SearchStrategy[Any], least: int = 0) -> st.SearchStrategy[list[Any]]:
    return st.lists(items, min_size=least, max_size=3)


def _tuples(items: st.SearchStrategy[Any], least: int = 0) -> st.SearchStrategy[tuple[Any, ...]]:
    return _lists(items, least).map(tuple)


@st.composite
def exprs(draw: st.DrawFn) -> Expr:
    rows = draw(_lists(st.sampled_from([BY_NAME[n] for n in ("i32.const", "global.get", "ref.null", "i64.add")])))
    written = [write_instruction(row, [draw(IMMEDIATES[kind]) for kind in row.immediates]) for row in rows]
    return Expr(b"".join(written) + b"\x0b")


FIELDTYPES = st.builds(FieldType, VALTYPES | st.sampled_from(Packed), st.booleans())
COMPTYPES = (
    st.builds(FuncType, _tuples(VALTYPES), _tuples(VALTYPES))
    | st.builds(StructType, _tuples(FIELDTYPES))
    | st.builds(ArrayType, FIELDTYPES)
)
SUBTYPES = st.builds(SubType, COMPTYPES, _tuples(U32), st.booleans())
RECTYPES = st.builds(RecType, _tuples(SUBTYPES, 1).filter(lambda types: len(types) == 1)) | st.builds(
    RecType, _tuples(SUBTYPES), st.just(True)
)
LIMITS = st.builds(Limits, U64, st.none() | U64)
ADDRESSES = st.sampled_from([I32, I64])
TABLETYPES = st.builds(TableType, LIMITS, REFTYPES, ADDRESSES)
MEMORYTYPES = st.builds(MemoryType, LIMITS, ADDRESSES, st.booleans(), st.sampled_from([0, 16, 63]))
GLOBALTYPES = st.builds(GlobalType, VALTYPES, st.booleans())
TAGTYPES = st.builds(TagType, U32)
IMPORTS = st.one_of(
    st.builds(Import, TEXT, TEXT, st.just(kind), types)
    for kind, types in {
        ExternKind.FUNC: U32,
        ExternKind.TABLE: TABLETYPES,
        ExternKind.MEMORY: MEMORYTYPES,
        ExternKind.GLOBAL: GLOBALTYPES,
        ExternKind.TAG: TAGTYPES,
    }.items()
)
BODIES = st.binary(max_size=20).map(lambda entry: Code(b"??" + entry + b"?", 2, 2 + len(entry), 5))


@st.composite
def elems(draw: st.DrawFn) -> Elem:
    mode = draw(st.sampled_from(SegmentMode))
    table, at = (draw(U32), draw(exprs())) if mode is SegmentMode.ACTIVE else (0, None)
    if draw(st.booleans()):
        return Elem(mode, ref(False, AbsHeap.FUNC), draw(_tuples(U32)), table, at)
    return Elem(mode, draw(REFTYPES | st.just(FUNCREF)), draw(_tuples(exprs(), 1)), table, at)


@st.composite
def datas(draw: st.DrawFn) -> Data:
    if draw(st.booleans()):
        return Data(SegmentMode.PASSIVE, draw(st.binary(max_size=9)))
    return Data(SegmentMode.ACTIVE, draw(st.binary(max_size=9)), draw(U32), draw(exprs()))


NAMEMAPS = st.dictionaries(U32, TEXT, max_size=3)
INDIRECT = st.dictionaries(U32, NAMEMAPS, max_size=3)
NAMES = st.builds(
    Names, st.none() | TEXT, NAMEMAPS, INDIRECT, INDIRECT, *[NAMEMAPS] * 6, fields=INDIRECT, tags=NAMEMAPS
)  # fmt: skip


@st.composite
def modules(draw: st.DrawFn) -> ModuleDef:
    code = draw(_lists(BODIES))
    segments = draw(_lists(datas()))
    module = ModuleDef(
        types=draw(_lists(RECTYPES)),
        imports=draw(_lists(IMPORTS)),
        functions=[draw(U32) for _ in code],
        tables=draw(_lists(st.builds(Table, TABLETYPES, st.none() | exprs()))),
        memories=draw(_lists(MEMORYTYPES)),
        tags=draw(_lists(TAGTYPES)),
        globals=draw(_lists(st.builds(Global, GLOBALTYPES, exprs()))),
        exports=draw(_lists(st.builds(Export, TEXT, st.sampled_from(ExternKind), U32))),
        start=draw(st.none() | U32),
        elems=draw(_lists(elems())),
        data_count=draw(st.sampled_from([None, len(segments)])),
        code=code,
        datas=segments,
        names=draw(NAMES),
    )
    absent = {Section.START} if module.start is None else set()
    absent |= {Section.DATA_COUNT} if module.data_count is None else set()
    places = [0, *(section.value for section in ORDER if section not in absent)]
    order = {place: rank for rank, place in enumerate(places)}
    customs = draw(_lists(st.builds(Custom, TEXT, st.binary(max_size=9), st.sampled_from(places))))
    module.customs = sorted(customs, key=lambda custom: order[custom.after])
    return module


def without_offsets(value: Any) -> Any:
    """Return what a definition says, without where it says so."""
    if isinstance(value, Code):
        return value.entry
    if is_dataclass(value):
        kept = [field.name for field in fields(value) if field.name not in ("offset", "section_offsets")]
        return type(value).__name__, [(name, without_offsets(getattr(value, name))) for name in kept]
    if isinstance(value, list | tuple):
        return [without_offsets(item) for item in value]
    return value
