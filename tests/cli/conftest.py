"""The command, called in this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from bembix.cli.main import main


@dataclass
class Done:
    """What a command line came to."""

    code: int
    out: str
    err: str


@pytest.fixture
def bembix(capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Call the command with arguments."""

    def call(*arguments: object) -> Done:
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as error:  # argparse
            code = int(error.code or 0)
        return Done(code, *capsys.readouterr())

    return call
