"""The command as a process of its own: what makes it start and end sooner than a part of another program may."""

from __future__ import annotations

import atexit
import gc
import os
import sys
import threading
from contextlib import suppress

from bembix.cli.main import main

#: Objects that Python's collector lets come to be before it looks at the young ones: what is made while starting stays.
#: Only for one program: what makes many stores depends on the collector, because dead ones keep address space.
#: FAST: bench/startup.py, `hello`: 8 of 90 ms of CPU time.
_YOUNG = 100_000


def run() -> int:
    """Run the command line; end the process, or return its exit code where something else is to be done first."""
    if sys.argv[1:2] == ["run"]:
        gc.set_threshold(_YOUNG)
    code = main()
    if _is_watched() or threading.active_count() > 1:
        return code
    # FAST: bench/startup.py, `hello`: 15 of 90 ms of CPU time go into taking all apart that the system takes anyway.
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # closed, or none
            stream.flush()
    os._exit(code)


def _is_watched() -> bool:
    """Tell whether a debugger, a profiler or the like wants to say something when all is done."""
    monitoring = getattr(sys, "monitoring", None)  # of Python 3.12
    tools = monitoring is not None and any(map(monitoring.get_tool, range(6)))
    return bool(tools or sys.gettrace() or sys.getprofile() or sys.flags.inspect or sys.flags.interactive)
