"""The native layer is tested with a stand-in for the runtime, which takes its place while these tests run."""

from __future__ import annotations

from collections.abc import Iterator

import native_harness
import pytest

from bembix.runtime import services


@pytest.fixture(autouse=True, scope="module")  # (these tests are no package: one of that scope would last to the end)
def _stand_in() -> Iterator[None]:
    native_harness.set_up()
    yield
    native_harness.forget()
    services.install.cache_clear()
    services.install()
