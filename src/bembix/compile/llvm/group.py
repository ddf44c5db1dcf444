"""A group: functions that become one LLVM module, call each other directly and are loaded together.

Where places are wanted, every instruction that can be on a backtrace carries a debug location whose line is the byte
offset in the Wasm module.
"""

from __future__ import annotations

from collections.abc import Iterable

from bembix.compile import layout
from bembix.compile.layout import RUNTIME
from bembix.compile.llvm.emit import ATTRIBUTES
from bembix.compile.llvm.types import CC

_METADATA = """\
!0 = !{}
!1 = !{!"bembix"}
!2 = !{!3, !3, i64 0}
!3 = !{!"linear memory", !1, i64 0}
!4 = !{!7, !7, i64 0}
!5 = !{!"branch_weights", i32 100000, i32 1}
!6 = !{!"branch_weights", i32 1, i32 100000}
!7 = !{!"context", !1, i64 0}
!13 = !{i64 24}
!14 = !{!15, !15, i64 0}
!15 = !{!"objects", !1, i64 0}
!16 = !{!17, !17, i64 0}
!17 = !{!"headers of objects", !1, i64 0}
"""
_DEBUG = """\
!8 = !DIFile(filename: "wasm", directory: "")
!9 = distinct !DICompileUnit(language: DW_LANG_C, file: !8, emissionKind: LineTablesOnly)
!10 = !DISubroutineType(types: !0)
!11 = !{i32 2, !"Debug Info Version", i32 3}
!12 = !{i32 7, !"Dwarf Version", i32 4}
!llvm.dbg.cu = !{!9}
!llvm.module.flags = !{!11, !12}
"""
_FIRST_FREE = 18

_TRAP = f"""
define hidden {CC} void @trap(ptr %ctx, i64 %reason, i64 %offset) #1 {{
  %rt.p = getelementptr i8, ptr %ctx, i64 {layout.Context.RUNTIME}
  %rt = load ptr, ptr %rt.p
  %trap.p = getelementptr i8, ptr %rt, i64 {RUNTIME["trap"]}
  %trap = load ptr, ptr %trap.p
  call {CC} void %trap(ptr %ctx, i64 %reason, i64 %offset)
  unreachable
}}
"""


class Group:
    """The text of an LLVM module under way.

    members: indices (function index space) of the functions that will be in it; calls between them are direct.
    optimize: whether it will be optimised.  places: whether instructions carry their byte offsets.
    """

    def __init__(self, members: Iterable[int], *, optimize: bool, places: bool) -> None:
        self.members: frozenset[int] = frozenset(members)
        self.optimize = optimize
        self.places = places
        self.uses_trap = False
        #: Texts of functions that others here call, by name.
        self.helpers: dict[str, str] = {}
        self.has_loop: bool = False
        self._functions: list[str] = []
        self._metadata: list[str] = []
        self._scope = 0
        self._last = (-1, "")

    def symbol(self, index: int) -> str | None:
        """Return the name to call a function by, or None where it is not in here."""
        return f"f{index}" if index in self.members else None

    def define(self, index: int, at: int) -> tuple[str, str]:
        """Name the function that was just written; return its name and the note that gives its debug scope."""
        if not self.places:
            return f"f{index}", ""
        scope = self._scope or self._new_scope(index, at)
        self._scope = 0
        self._last = (-1, "")
        return f"f{index}", f" !dbg !{scope}"

    def _node(self, text: str) -> int:
        number = _FIRST_FREE + len(self._metadata)
        self._metadata.append(f"!{number} = {text}")
        return number

    def _new_scope(self, index: int, at: int) -> int:
        return self._node(
            f'distinct !DISubprogram(name: "f{index}", file: !8, line: {at}, type: !10, unit: !9, '
            "spFlags: DISPFlagDefinition)"
        )

    def location(self, offset: int) -> str:
        """Return the note that says where in the Wasm module an instruction comes from."""
        if not self.places:
            return ""
        if self._last[0] == offset:
            return self._last[1]
        if not self._scope:
            self._scope = self._new_scope(0, offset)
        note = f", !dbg !{self._node(f'!DILocation(line: {offset}, scope: !{self._scope})')}"
        self._last = (offset, note)
        return note

    def add(self, text: str, has_loop: bool) -> None:
        """Take the text of a function."""
        self._functions.append(text)
        self.has_loop = self.has_loop or has_loop

    def text(self) -> str:
        """Return the whole module."""
        parts = [
            *self._functions,
            _TRAP if self.uses_trap else "",
            *self.helpers.values(),
            f"attributes #0 = {{ {ATTRIBUTES} }}",
            f"attributes #1 = {{ cold noinline noreturn {ATTRIBUTES} }}",
            _METADATA,
            _DEBUG if self.places else "",
            *self._metadata,
            "",
        ]
        return "\n".join(parts)
