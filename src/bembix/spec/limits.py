"""Implementation limits: what no module may exceed, whatever its size fields say.

Source: core 3.0, A.2 and the JavaScript API's list of limits, which toolchains already keep to.
"""

from typing import Final

MAX_TYPES: Final = 1_000_000
MAX_FUNCTIONS: Final = 1_000_000
MAX_IMPORTS: Final = 1_000_000
MAX_EXPORTS: Final = 1_000_000
MAX_GLOBALS: Final = 1_000_000
MAX_TAGS: Final = 1_000_000
MAX_TABLES: Final = 100_000
MAX_MEMORIES: Final = 100
MAX_DATA_SEGMENTS: Final = 100_000
MAX_ELEM_SEGMENTS: Final = 10_000_000
MAX_TABLE_SIZE: Final = 10_000_000  #: elements
MAX_FUNCTION_SIZE: Final = 7_654_321  #: bytes of one body
MAX_LOCALS: Final = 50_000  #: of one function, parameters included
MAX_PARAMS: Final = 1_000
MAX_RESULTS: Final = 1_000
MAX_STRUCT_FIELDS: Final = 10_000
MAX_SUBTYPING_DEPTH: Final = 63
MAX_BR_TABLE: Final = 65_520
MAX_NESTING: Final = 50_000  #: blocks within blocks
MAX_TEXT_NESTING: Final = 10_000  #: parentheses within parentheses
MAX_MEMORY_PAGES: Final = 65_536  #: of 64 KiB, under 32 bit addresses
