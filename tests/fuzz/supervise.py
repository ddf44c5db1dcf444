"""Run numbered cases in processes that may crash or hang, and count what becomes of each.

A worker is a script that takes the number of its first case and how many there are, and prints a line after each:
number, outcome and words for it, separated by tabs.  A case that takes too long, or in which the process dies, is an
outcome like any other; the next process goes on behind it.
"""

from __future__ import annotations

import faulthandler
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

#: Cases of one process, so that none grows old.
BATCH = 200
CRASH, HANG, FAILURE = "crash", "hang", "failure"


@dataclass
class Tally:
    """What became of the cases.  bad: number, outcome and words of those that must not be."""

    outcomes: Counter[str] = field(default_factory=Counter)
    bad: list[tuple[int, str, str]] = field(default_factory=list)

    def add(self, number: int, outcome: str, words: str) -> None:
        """Enter a case."""
        self.outcomes[outcome] += 1
        if outcome in (CRASH, HANG, FAILURE):
            self.bad.append((number, outcome, words))

    def __str__(self) -> str:
        total = sum(self.outcomes.values())
        return f"{total} cases: " + ", ".join(f"{count} {outcome}" for outcome, count in self.outcomes.most_common())


def report(number: int, outcome: str, words: str = "") -> None:
    """Say what became of a case; for workers."""
    print(number, outcome, words.replace("\n", " | ")[:2000], sep="\t", flush=True)


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Have this process say where it is and end, once the block has taken that much CPU time; for workers.

    CPU time, so that a busy machine changes nothing; by a signal, as code that runs in Wasm or in LLVM looks at
    nothing.
    """
    faulthandler.register(signal.SIGPROF, chain=True)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def supervise(worker: Path, first: int, count: int, limit: float, *, hang: str = HANG) -> Tally:
    """Run cases `first` to `first + count - 1`.

    limit: seconds of CPU time that a case may take.  hang: the outcome of one that takes longer while Wasm runs; where
    it is busy with anything else, it is HANG.
    """
    tally = Tally()
    number, end = first, first + count
    while number < end:
        number = _batch(worker, number, min(BATCH, end - number), limit, hang, tally)
    return tally


def _batch(worker: Path, first: int, count: int, limit: float, hang: str, tally: Tally) -> int:
    """Run one process; return the number of the next case."""
    command = [sys.executable, "-X", "faulthandler", str(worker), str(first), str(count), str(limit)]
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        lines: queue.Queue[str | None] = queue.Queue()
        reader = threading.Thread(target=_read, args=(process.stdout, lines))
        reader.start()
        for number in range(first, first + count):
            try:
                line = lines.get(timeout=30 * limit + 60)  # where it sleeps
            except queue.Empty:
                process.kill()
                line = None
            if line is None:
                code = process.wait()
                reader.join()
                tally.add(number, *_ending(code, hang, _last_words(errors)))
                return number + 1
            found, outcome, words = line.rstrip("\n").split("\t", 2)
            assert int(found) == number, f"the worker printed {line!r} after case {number - 1}"
            tally.add(number, outcome, words)
        reader.join()
    return first + count


def _read(stream: IO[str] | None, lines: queue.Queue[str | None]) -> None:
    assert stream is not None
    for line in stream:
        lines.put(line)
    lines.put(None)


def _last_words(errors: IO[str]) -> str:
    errors.seek(0)
    return errors.read()[-3000:].replace("\n", " | ")


def _ending(code: int, hang: str, words: str) -> tuple[str, str]:
    """Say what became of a case in which the process ended: by the time limit, by a signal, or by itself."""
    if code == -signal.SIGPROF or "Timeout (" in words:  # of `limited`, or of faulthandler.dump_traceback_later
        compiling = any(folder in words for folder in ("/bembix/binary/", "/bembix/validate/", "/bembix/compile/"))
        return (HANG, words) if compiling else (hang, "")
    if code < 0:
        return (HANG if code == -signal.SIGKILL else CRASH), f"{signal.Signals(-code).name}: {words}"
    return FAILURE, f"the process ended with {code}: {words}"
