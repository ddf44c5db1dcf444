"""From LLVM IR text to the bytes of an object file: everything that Bembix asks of llvmlite.

The objects are position-independent and have one text section, so that `native/code.py` can put them anywhere.
"""

from __future__ import annotations

import importlib.util
import re
import threading
from functools import lru_cache
from typing import Any, Final, NamedTuple

from bembix.errors import InternalError
from bembix.native import interrupts

#: Attributes that every compiled function needs: backtraces follow the frame pointers, and nothing unwinds by tables.
ATTRIBUTES: Final = 'nounwind "frame-pointer"="all"'


class Target(NamedTuple):
    """What code is for.  triple: "" for this machine, whose CPU and features are then taken.  See `cpu`."""

    triple: str = ""
    cpu: str = ""
    features: str = ""


_HERE: Final = Target()

# Reentrant: a collection between two steps may run Wasm, which is compiled then.
_lock = threading.RLock()


def available() -> bool:
    """Tell whether llvmlite is there, without importing it: that takes longer than many programs run."""
    try:
        return importlib.util.find_spec("llvmlite") is not None
    except (ImportError, ValueError):  # something forbids it
        return False


@lru_cache(maxsize=1)
def binding() -> Any:
    """Return llvmlite's binding of LLVM, set up; `asmparser` is for the module-level assembly of the runtime."""
    import llvmlite.binding as llvm

    # Widening a 32 bit address to a 64 bit loop counter hides from the vectoriser that it goes up by a constant.
    # FAST: bench/run.py, kernel dot: 6.5 -> 0.5 of native.
    llvm.set_option("bembix", "-indvars-widen-indvars=false")
    # A frame that is made only after an early exit would leave the caller out of the backtrace of a fault before that.
    # (The attribute sanitize_type has the same effect, and switches off the alias analysis that tells the fields of a
    # context from linear memory.)
    llvm.set_option("bembix", "-enable-shrink-wrap=false")
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    llvm.initialize_native_asmparser()
    return llvm


def prepare_all_targets() -> None:
    """Let `emit` compile for other machines than this one; what it compiles for them may have no assembly in it."""
    llvm = binding()
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()


@lru_cache(maxsize=1)
def cpu() -> tuple[str, str]:
    """Return the name and the features of this CPU, as LLVM writes them.

    The last ones keep a sum of products apart from the product: instructions that do both make each product wait for
    the previous sum.  FAST: bench/run.py --simd, kernel dot: 1.2 -> 0.5 of native.
    """
    features = str(binding().get_host_cpu_features().flatten())
    return str(binding().get_host_cpu_name()), features + (
        ",-avxvnni,-avx512vnni" if triple().startswith("x86_64") else ""
    )


@lru_cache(maxsize=1)
def triple() -> str:
    """Return the target triple of this process."""
    return str(binding().get_process_triple())


@lru_cache(maxsize=8)
def _machine(level: int, target: Target) -> tuple[Any, str, str]:
    """Return the target machine for a level, its triple and its data layout."""
    name = target.triple or triple()
    cpu_name, features = (target.cpu, target.features) if target.triple else cpu()
    found = binding().Target.from_triple(name)
    machine = found.create_target_machine(cpu_name, features, opt=level, reloc="pic", codemodel="small")
    return machine, name, str(machine.target_data)


def emit(ir: str, level: int, target: Target = _HERE) -> bytes:
    """Compile IR text to an ELF object.

    level: 0 is fast to compile, 1 only selects better instructions, 2 also optimises the IR.
    Errors: InternalError where LLVM does not accept the text.
    """
    # An exception of a signal handler in llvmlite would free memory twice.
    with interrupts.Shield(), _lock:
        machine, name, data_layout = _machine(level, target)
        module = _parse(f'target triple = "{name}"\ntarget datalayout = "{data_layout}"\n{ir}', level)
        with module:
            if level >= 2:
                _optimise(module, level, target)
                from bembix.compile.llvm.quiet import CANONICALIZE, settle  # patterns that short programs don't need

                if CANONICALIZE in ir:
                    with _parse(settle(str(module)), level) as settled:
                        return _object(machine, settled)
            return _object(machine, module)


def _object(machine: Any, module: Any) -> bytes:
    try:
        return bytes(machine.emit_object(module))
    except RuntimeError as error:
        raise InternalError(f"LLVM cannot emit code: {error}") from error


#: Whether cheap code is verified too, for a tenth of its compile time; the tests do.
verify_all = False


def _parse(ir: str, level: int) -> Any:
    """Return the module that the text says, in a context of its own so that nothing piles up."""
    try:
        module = binding().parse_assembly(ir, binding().create_context())
        if level or verify_all:
            module.verify()
    except RuntimeError as error:
        raise InternalError(_explain(str(error), ir)) from error
    return module


def _explain(message: str, ir: str) -> str:
    """Add the line that a parse error speaks of."""
    found = re.search(r"<string>:(\d+):(\d+)", message)
    lines = ir.splitlines()
    if found is None or not 0 < int(found[1]) <= len(lines):
        return f"LLVM does not accept the code: {message}"
    return f"LLVM does not accept line {found[1]} of the code: {lines[int(found[1]) - 1].strip()!r}: {message}"


@lru_cache(maxsize=8)
def _builder(level: int, target: Target) -> Any:
    """Return the pass builder of a level; a pass manager is made by it for each module, because a run uses it up."""
    options = binding().create_pipeline_tuning_options(speed_level=level)
    options.loop_vectorization = True
    options.slp_vectorization = True
    return binding().create_pass_builder(_machine(level, target)[0], options)


def _optimise(module: Any, level: int, target: Target) -> None:
    """Run LLVM's pipeline of this level."""
    from llvmlite.binding.newpassmanagers import NewPassManager

    builder = _builder(level, target)
    passes = builder.getModulePassManager()
    try:
        passes.run(module, builder)
    finally:  # llvmlite 0.50 never frees a pass manager, 62 KiB each: the disposal it inherits does nothing
        NewPassManager._dispose(passes)
        passes.detach()
