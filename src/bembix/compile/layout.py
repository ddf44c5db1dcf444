"""The memory that compiled code, call stubs and the runtime share: every offset, in bytes, and nothing else.

Rule 1: compiled code reaches everything through the context pointer, at the offsets declared here.  All fields are 8
bytes, little-endian; "code" is the address of machine code.  Nothing here is visible to Wasm.

    Context (one an instance)          FuncRecord (a funcref is its address; null is 0)
      0  store block                     0  code          called by code that does not look for pending exceptions
      8  lazy entry (code)               8  context       first argument of both
     16  lazy stubs (code)             16  type          canonical id of its function type
     24  runtime table                  24  throwing code called by code that looks for pending exceptions
     32  instance (handle)              32  flags         `FuncRecord.BRIEF`
     40  ... the parts of `ContextLayout`, in its order

    MemorySlot / TableSlot (in a context)      MemoryBlock / TableBlock
      0  base: first byte / element              0  base
      8  its block                               8  size in bytes / elements
                                                16  size in pages
"""

from __future__ import annotations

from typing import Final

from bembix.records import dataclass
from bembix.spec.module import ExternKind, ModuleDef

#: Calling convention of every compiled function, stub target and thunk, as LLVM names it.
CALLING_CONVENTION: Final = "ccc"


class Context:
    """Fixed head of an instance's context."""

    STORE: Final = 0
    LAZY: Final = 8
    STUBS: Final = 16
    RUNTIME: Final = 24
    INSTANCE: Final = 32
    SIZE: Final = 40


class FuncRecord:
    """What a function reference points to."""

    CODE: Final = 0
    CONTEXT: Final = 8
    TYPE: Final = 16
    THROWING_CODE: Final = 24
    FLAGS: Final = 32
    SIZE: Final = 40
    BRIEF: Final = 1  #: a flag: it can't run for long, so calls from Python keep the GIL


class HostContext:
    """What the context pointer of a host function points to."""

    CALLABLE: Final = 0  #: PyObject *, owned by whoever made the block
    HANDLE: Final = 8  #: number that the conversion helpers are told
    SIZE: Final = 16


class Slot:
    """A memory or table in a context."""

    BASE: Final = 0
    BLOCK: Final = 8
    SIZE: Final = 16


class Block:
    """A memory or table, shared by all instances that have it."""

    BASE: Final = 0
    LENGTH: Final = 8  #: bytes of a memory, elements of a table
    PAGES: Final = 16
    SIZE: Final = 24


#: Bytes behind the largest size of a memory with 64 bit addresses that are reserved and never accessible.
GUARD_64: Final = 1 << 32


class Segment:
    """A data or element segment; a dropped one has length 0."""

    BASE: Final = 0
    LENGTH: Final = 8  #: bytes of data, elements (8 bytes each)
    SIZE: Final = 16


class Store:
    """What the instances of a store share."""

    STACK_LIMIT: Final = 0  #: lowest address that a frame may begin at, for the thread that runs
    PENDING: Final = 8  #: exception on its way to a handler, or 0
    VALUES: Final = 16  #: parameters and results that do not go in registers, 16 bytes each
    RESULTS: Final = VALUES
    MAX_VALUES: Final = 1000
    HEAP: Final = 16 + 16 * 1000  #: its garbage-collected heap (`heap.py`), or 0 while it has none
    HOLD: Final = HEAP + 8  #: how many conversions have references that no collection would find
    OWNER: Final = HOLD + 8  #: block of the thread that runs in it without the GIL, or 0; see `vm_threads.py`
    WAITERS: Final = OWNER + 8  #: how many threads wait to be let in
    PARKED: Final = WAITERS + 8  #: first of the activations whose thread is in Python, while there is a heap
    GONE: Final = 1  #: OWNER after a fork, where the thread that ran in it is not in this process
    FUEL: Final = PARKED + 8  #: what is left where code is metered; optimised code keeps it in a register between calls
    INTERRUPTS: Final = FUEL + 8  #: how often somebody asked for the calls in it to end
    SIZE: Final = INTERRUPTS + 8


class Exception_:
    """A thrown exception, an object of the garbage-collected heap (`heap.py`); an exnref is its address."""

    HEADER: Final = 0
    TAG: Final = 8  #: address of the tag's block, its identity
    COUNT: Final = 16  #: number of payload values
    PAYLOAD: Final = 32  #: 16 bytes each, and aligned so


class Thread:
    """What a thread has for itself; a pthread key holds its address."""

    TOP: Final = 0  #: innermost activation, or 0
    STACK_LIMIT: Final = 8
    REASON: Final = 16  #: of the last way out
    OFFSET: Final = 24  #: byte offset in the module of a trap, or -1 where the first address of the trace tells
    TRACE_LENGTH: Final = 32
    TRACE: Final = 40  #: code addresses, innermost first
    MAX_TRACE: Final = 100
    WANTED: Final = TRACE + 8 * MAX_TRACE  #: 1 where an interrupt waits: read on every way into Wasm and back to it
    NUMBER: Final = WANTED + 8  #: its number in the system
    INTERRUPT: Final = NUMBER + 8  #: 1 where somebody asked for calls to end, maybe some of this thread
    GIVE_UP: Final = INTERRUPT + 8  #: 1 where all calls of this thread are to end
    INTERRUPT_TIMER: Final = GIVE_UP + 8  #: the timer that says so, plus 1; 0 where there is none yet
    CPU_DEADLINE: Final = INTERRUPT_TIMER + 8  #: when Wasm is to stop (CLOCK_THREAD_CPUTIME_ID, ns), or 0
    CPU_TIMER: Final = CPU_DEADLINE + 8  #: the timer for it
    DEADLINE: Final = CPU_TIMER + 8  #: when Wasm is to stop (CLOCK_MONOTONIC, ns), or 0
    TIMER: Final = DEADLINE + 8  #: the timer for it
    SAVED: Final = TIMER + 8  #: its PyThreadState while it runs Wasm without the GIL, or 0 while it has the GIL
    SINCE: Final = SAVED + 8  #: the clock (`ticks`) when it gave the GIL away
    STREAK: Final = SINCE + 8  #: how many times in a row it came back for the GIL soon
    STAY: Final = STREAK + 8  #: 1 while it comes back so often that it keeps the GIL, for 8 ms at most
    KEEPER: Final = STAY + 8  #: the timer that ends that, plus 1; 0 where there is none yet
    ENDED: Final = KEEPER + 8  #: not 0 once the thread is gone (a sem_t)
    SIZE: Final = ENDED + 32


class Activation:
    """An entry into Wasm, on the native stack."""

    JUMP: Final = 0  #: jmp_buf
    PREVIOUS: Final = 256
    STORE: Final = 264
    KIND: Final = 272  #: ENTRY or BRIDGE
    FRAME: Final = 280  #: frame pointer at which a trace ends
    FLAGS: Final = 288  #: of the function; of entries only, like all that follows
    BEFORE: Final = 296  #: the store's owner when it began: 0 or this thread
    LOW: Final = 304  #: while it is parked, the lowest address of its stack that may have references; else 0
    NEXT: Final = 312  #: of the parked ones
    LINK: Final = 320  #: address of the word that points to it there
    HOST: Final = 328  #: context of the host function that it called last, or 0; of bridges, too
    ASKED: Final = 336  #: `Store.INTERRUPTS` when it began: it is to end where there are more
    SIZE: Final = 352
    ENTRY: Final = 0  #: from Python: everything stops here
    BRIDGE: Final = 1  #: from code that looks for exceptions into code that does not: only they stop here


#: Parameters beyond so many integers and references, or so many floats and vectors, are left in the store block.
#: (x86-64 passes six words, one of which is the context; other platforms pass more.)
MAX_REGISTER_WORDS: Final = 5
MAX_REGISTER_FLOATS: Final = 8


class Shape:
    """What the generic stubs are told of a function type; `compile/prebuilt/shapes.py` makes it."""

    PARAMS: Final = 0  #: how many
    RESULTS: Final = 8
    SPILLED: Final = 16  #: bytes of the store block's values to copy, 0 where all parameters are in registers
    PLACES: Final = 24  #: where the places begin, from here: 2 bytes for each parameter, then for each result
    LETTERS: Final = 32  #: one for each parameter, then for each result


class Registers:
    """Where a generic stub has the registers of a call.  A place is an offset in here."""

    WORDS: Final = 0
    VECTORS: Final = 48
    SPILLED: Final = VECTORS + 16 * 8  #: parameter k that is left in the store block is at SPILLED + 16 * k
    RESULT_VECTORS: Final = 32  #: of results, which have a block of their own; a word has 16 bytes there
    RESULT_SIZE: Final = 64


#: More results than this are left in the store block, and the function returns nothing.
MAX_REGISTER_RESULTS: Final = 2

#: Functions of the runtime table, in order: their LLVM types are given in `compile/llvm/runtime.py`.
RUNTIME_FUNCTIONS: Final = (
    "trap",
    "unwind_exception",
    "memory_grow",
    "memory_copy",
    "memory_fill",
    "memory_init",
    "table_grow",
    "table_copy",
    "table_fill",
    "table_init",
    "hot",
    "atomic_notify",
    "atomic_wait",
)
RUNTIME: Final = {name: 8 * index for index, name in enumerate(RUNTIME_FUNCTIONS)}


@dataclass(frozen=True, slots=True)
class ContextLayout:
    """Where the parts of one module's contexts lie; counts are those of its index spaces.

    memories, tables: Slots.  imported_globals: addresses of cells.  globals: cells of 16 bytes.  imported_functions:
    addresses of FuncRecords.  functions: FuncRecords.  types: canonical type ids.  tags: addresses of tag blocks.
    datas, elems: Segments.  counters: how often each defined function was entered or went round a loop in cheap code.
    """

    memories: int
    tables: int
    imported_globals: int
    globals: int
    imported_functions: int
    functions: int
    types: int
    tags: int
    datas: int
    elems: int
    counters: int
    size: int
    imported_function_count: int
    imported_global_count: int

    @classmethod
    def of(cls, module: ModuleDef) -> ContextLayout:
        """Lay out the contexts of `module`."""
        imported = {kind: len(module.imported(kind)) for kind in ExternKind}
        parts = {
            "memories": (imported[ExternKind.MEMORY] + len(module.memories), Slot.SIZE),
            "tables": (imported[ExternKind.TABLE] + len(module.tables), Slot.SIZE),
            "imported_globals": (imported[ExternKind.GLOBAL], 8),
            "globals": (len(module.globals), 16),
            "imported_functions": (imported[ExternKind.FUNC], 8),
            "functions": (len(module.functions), FuncRecord.SIZE),
            "types": (sum(len(group.types) for group in module.types), 8),
            "tags": (imported[ExternKind.TAG] + len(module.tags), 8),
            "datas": (len(module.datas), Segment.SIZE),
            "elems": (len(module.elems), Segment.SIZE),
            "counters": (len(module.functions), 8),
        }
        at = Context.SIZE
        starts = {}
        for name, (count, size) in parts.items():
            starts[name] = at = -(-at // 16) * 16
            at += count * size
        return cls(
            **starts,
            size=at,
            imported_function_count=imported[ExternKind.FUNC],
            imported_global_count=imported[ExternKind.GLOBAL],
        )

    def memory(self, index: int) -> int:
        """Offset of a memory's slot."""
        return self.memories + index * Slot.SIZE

    def table(self, index: int) -> int:
        """Offset of a table's slot."""
        return self.tables + index * Slot.SIZE

    def global_(self, index: int) -> tuple[int, bool]:
        """Offset of a global's cell, or of the address of its cell (True) where it is imported."""
        if index < self.imported_global_count:
            return self.imported_globals + 8 * index, True
        return self.globals + 16 * (index - self.imported_global_count), False

    def function(self, index: int) -> tuple[int, bool]:
        """Offset of a function's record, or of the address of its record (True) where it is imported."""
        if index < self.imported_function_count:
            return self.imported_functions + 8 * index, True
        return self.functions + FuncRecord.SIZE * (index - self.imported_function_count), False

    def type(self, index: int) -> int:
        """Offset of a type's canonical id."""
        return self.types + 8 * index

    def tag(self, index: int) -> int:
        """Offset of the address of a tag's block."""
        return self.tags + 8 * index

    def data(self, index: int) -> int:
        """Offset of a data segment."""
        return self.datas + Segment.SIZE * index

    def counter(self, index: int) -> int:
        """Offset of a defined function's counter."""
        return self.counters + 8 * (index - self.imported_function_count)

    def elem(self, index: int) -> int:
        """Offset of an element segment."""
        return self.elems + Segment.SIZE * index
