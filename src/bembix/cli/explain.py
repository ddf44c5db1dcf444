"""Say in words what the instruction table has on an instruction: by name (i32.div_s) or by code (0x6d, 0xfc 0x08)."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from bembix.spec.features import Feature
from bembix.spec.instructions import BY_CODE, TABLE, Instr


def add_arguments(parser: ArgumentParser) -> None:
    """Say which arguments there are."""
    parser.add_argument("name", nargs="+", metavar="NAME", help="a name, or a code in hexadecimal")


def execute(options: Namespace) -> int:
    """Print the rows, or the nearest names."""
    wanted = " ".join(options.name)
    rows = find(wanted)
    if not rows:
        print(f"bembix: there is no instruction `{wanted}`{_hint(wanted)}", file=sys.stderr)
        return 1
    print("\n\n".join(explain(row) for row in rows))
    return 0


def find(wanted: str) -> list[Instr]:
    """Return the rows of that name, keyword or code."""
    named = [row for row in TABLE if wanted in (row.name, row.keyword)]
    if named:
        return named
    try:
        parts = [int(word, 16) for word in wanted.split()]
    except ValueError:
        return []
    code = parts[0] if len(parts) == 1 else parts[0] << 16 | parts[1]
    return [BY_CODE[code]] if len(parts) < 3 and code in BY_CODE else []


def _hint(wanted: str) -> str:
    from difflib import get_close_matches

    names = sorted({row.keyword for row in TABLE})
    inside = [name for name in names if wanted in name]
    near = get_close_matches(wanted, names, n=5, cutoff=0.6) or inside[:5]
    return f"; near it: {', '.join(near)}" if near else ""


def explain(row: Instr) -> str:
    """Return what the row says, a fact a line."""
    facts = {
        "code": _code(row),
        "immediates": "; ".join(kind.value for kind in row.immediates) or "none",
        "takes": _takes(row),
        "gives": _gives(row),
        "memory": f"touches {row.width} byte{'s' * (row.width > 1)}" if row.width else "",
        "operation": row.operation or "",
        "feature": _feature(row.feature),
    }
    return "\n".join([row.name, *(f"  {title:<12}{words}" for title, words in facts.items() if words)])


def _code(row: Instr) -> str:
    if row.prefix is None:
        return f"0x{row.code:02x}"
    return f"0x{row.prefix:02x} 0x{row.code & 0xFFFF:02x} (the second part as LEB128)"


def _takes(row: Instr) -> str:
    if not row.regular:
        return "depends on where it stands: a rule in bembix/validate/, not the row"
    return ", ".join("an address" if t is None else str(t) for t in row.params) or "nothing"


def _gives(row: Instr) -> str:
    return (", ".join(map(str, row.results)) or "nothing") if row.regular else ""


def _feature(feature: Feature) -> str:
    default = "" if feature.default else ", off by default"
    return f"{feature.words} ({feature.proposal}{default})" if feature is not Feature.MVP else feature.words
