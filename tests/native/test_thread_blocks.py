"""Thread blocks: whole, or not there."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from bembix.compile.layout import Thread
from bembix.native import memory, state, threads
from bembix.native.state import State


def in_a_thread(work: Callable[[], None]) -> None:
    """Run something in a thread that has no block; raise what it raises."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]


@pytest.mark.parametrize("step", ["_stack_limit", "_list_thread"])
@pytest.mark.parametrize("late", [False, True])
def test_a_handler_that_raises_leaves_no_half_of_a_block(
    step: str, late: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its limit a thread would overflow its stack; unlisted, or not known for the main one, it is not found."""
    whole = getattr(threads, step)

    def interrupted(*given: int) -> int:
        if late:
            whole(*given)
        raise KeyboardInterrupt

    def work() -> None:
        main = state.word(State.MAIN_THREAD)
        with monkeypatch.context() as patch:
            patch.setattr(threads, step, interrupted)
            with pytest.raises(KeyboardInterrupt):
                threads.attach()
        assert threads.current() == 0
        assert state.word(State.MAIN_THREAD) == main
        block = threads.attach()
        assert memory.read_u64(block + Thread.STACK_LIMIT) > 0
        with threads.listed() as blocks:
            assert blocks.count(block) == 1

    in_a_thread(work)
