"""Sphinx: `sphinx-build -W docs build/docs`."""

import importlib.metadata
import re
from typing import Any

project = "Bembix"
author = "the Bembix authors"
release = importlib.metadata.version("bembix")

extensions = ["myst_parser", "sphinx.ext.autodoc"]
html_theme = "furo"
html_title = f"Bembix {release}"
exclude_patterns = ["build"]
myst_heading_anchors = 3

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True}

#: A paragraph's line that explains parameters, as the docstrings have them: `name, other: words`.
_EXPLAINS = re.compile(r"(?P<names>[a-z_]\w*(?:, [a-z_]\w*)*): (?P<words>.*)")
_SECTION = re.compile(r"(?P<name>Errors|Source): (?P<words>.*)")


def _render(lines: list[str]) -> list[str]:
    """Turn the docstrings' plain text into reStructuredText: a list of parameters, errors and sources in bold."""
    out: list[str] = []
    inside = False
    for line in lines:
        text = line.strip()
        explains, section = _EXPLAINS.fullmatch(text), _SECTION.fullmatch(text)
        if line != text and not inside:
            out.append(line)
        elif explains or section:
            out += [] if inside else [""]
            name = explains["names"] if explains else section["name"]
            out.append(f"* **{name}**: {(explains or section)['words']}")
            inside = True
        elif inside and text:
            out.append(f"  {text}")
        else:
            inside = False
            out.append(line)
    return out


def _process(app: Any, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    lines[:] = _render(lines)


def setup(app: Any) -> None:
    """Have Sphinx ask us for the text of each docstring."""
    app.connect("autodoc-process-docstring", _process)
