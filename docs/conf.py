"""Sphinx: `sphinx-build -W docs build/docs`."""

import importlib.metadata

project = "Bembix"
author = "the Bembix authors"
release = importlib.metadata.version("bembix")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = f"Bembix {release}"
exclude_patterns = ["build"]
myst_heading_anchors = 3

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True}
