"""Every code block of the documentation does what the page says."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pages import Session

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "docs/tutorial.md", *ROOT.glob("docs/howto/*.md")])


@pytest.fixture
def modules() -> Iterator[None]:
    """Take back what a page does to the modules that others import: one that stands in for another."""
    before = dict(sys.modules)
    yield
    for name, module in list(sys.modules.items()):
        if getattr(module, "__name__", name) != name and before.get(name) is not module:
            del sys.modules[name]
    sys.modules.update(before)


@pytest.mark.slow
@pytest.mark.usefixtures("modules")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_code_of_pages_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    assert Session(page, tmp_path).run() > 0


def test_what_nobody_tries_is_an_error(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    for text in ("```text\nnothing printed this\n```\n", "```rust\nfn main() {}\n```\n"):
        page.write_text(text)
        with pytest.raises(AssertionError, match=r"page\.md:2: a '\w+' block"):
            Session(page, tmp_path).run()


def test_what_is_printed_counts(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```python\nprint(1 + 1)\n```\n\n```text\n3\n```\n")
    with pytest.raises(AssertionError, match=r"page\.md:6"):
        Session(page, tmp_path).run()
