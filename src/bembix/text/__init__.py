"""The text format: WAT to `ModuleDef` (parse), `ModuleDef` to WAT (print), and the scripts of the test suite (script).

Source: core 3.0, chapter 6.
"""
