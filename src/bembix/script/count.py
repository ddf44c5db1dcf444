"""How many assertions a script has, found without parsing it: a script that can't be parsed fails all of them.

Source: core 3.0, 6.3 for what is white space; an assertion is one `assert_*` form.
"""

from __future__ import annotations

import re
from typing import Final

_TOKEN: Final = re.compile(r'"(?:\\.|[^"\\])*"|;;[^\n]*|\(;|\(\s*assert_\w+', re.DOTALL)
_COMMENT: Final = re.compile(r"\(;|;\)")


def count_assertions(source: str) -> int:
    """Return the number of assertions in a script."""
    return len(assertion_lines(source))


def assertion_lines(source: str) -> list[int]:
    """Return the line, from 1, that each assertion begins on."""
    lines, line, counted, at = [], 1, 0, 0
    while found := _TOKEN.search(source, at):
        at = found.end()
        if found[0] == "(;":
            at = _after_comment(source, at)
        elif found[0].startswith("("):
            line += source.count("\n", counted, found.start())
            counted = found.start()
            lines.append(line)
    return lines


def _after_comment(source: str, at: int) -> int:
    """Return the position after the block comment whose inside begins at `at`; they nest."""
    depth = 1
    while depth:
        found = _COMMENT.search(source, at)
        if found is None:
            return len(source)
        depth += 1 if found[0] == "(;" else -1
        at = found.end()
    return at
