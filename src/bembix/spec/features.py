"""The features that WebAssembly grew by, and which are on by default.

A feature is a proposal that was merged, or that real toolchains already emit.  Source: the proposals' own pages.
"""

from __future__ import annotations

import enum


class Feature(enum.Enum):
    """A named step of the language; its value is (proposal, words for it, on by default)."""

    MVP = ("mvp", "WebAssembly 1.0", True)
    MULTI_VALUE = ("multi-value", "blocks and functions with several results", True)
    SIGN_EXTENSION = ("sign-extension-ops", "sign extension operators", True)
    SATURATING = ("nontrapping-float-to-int-conversions", "saturating float to integer conversion", True)
    BULK_MEMORY = ("bulk-memory-operations", "memory and table copy, fill and init", True)
    REFERENCE_TYPES = ("reference-types", "externref, several tables, table instructions", True)
    SIMD = ("simd", "128 bit vectors", True)
    RELAXED_SIMD = ("relaxed-simd", "vector operations with host-dependent corners", True)
    EXTENDED_CONST = ("extended-const", "integer arithmetic in constant expressions", True)
    TAIL_CALL = ("tail-call", "calls that replace their caller", True)
    MULTI_MEMORY = ("multi-memory", "more than one memory", True)
    MEMORY64 = ("memory64", "memories and tables with 64 bit addresses", True)
    EXCEPTIONS = ("exception-handling", "tags, throw, try_table, exnref", True)
    FUNCTION_REFERENCES = ("function-references", "typed function references", True)
    GC = ("gc", "structs, arrays, i31, casts", True)
    THREADS = ("threads", "shared memories and atomic operations", True)
    WIDE_ARITHMETIC = ("wide-arithmetic", "128 bit addition, subtraction and multiplication", True)
    CUSTOM_PAGE_SIZES = ("custom-page-sizes", "memories with pages of one byte", True)
    LEGACY_EXCEPTIONS = ("legacy-exceptions", "try, catch, delegate as older toolchains emit them", True)

    def __init__(self, proposal: str, words: str, default: bool) -> None:
        self.proposal = proposal
        self.words = words
        self.default = default

    @property
    def keyword(self) -> str:
        """Its name as a Python keyword: the proposal's with underscores."""
        return self.proposal.replace("-", "_")


class Features(frozenset[Feature]):
    """A set of features: the default ones, but for what the keywords switch on or off.

    switches: by `Feature.keyword`, as in `Features(simd=False, gc=False)`.  WebAssembly 1.0 cannot be switched off.
    Errors: TypeError for a name that no feature has.
    """

    def __new__(cls, **switches: bool) -> Features:
        """Make the set."""
        known = {feature.keyword: feature for feature in Feature}
        unknown = [name for name in switches if name not in known or known[name] is Feature.MVP]
        if unknown:
            raise TypeError(f"no feature is called {unknown[0]!r}; there is: {', '.join(list(known)[1:])}")
        chosen = {feature: feature.default for feature in Feature} | {known[n]: on for n, on in switches.items()}
        return super().__new__(cls, (feature for feature, on in chosen.items() if on))
