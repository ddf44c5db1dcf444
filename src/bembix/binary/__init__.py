"""The binary format: bytes to `ModuleDef` (decode), `ModuleDef` to bytes (encode), and instructions one by one.

Source: core 3.0, chapter 5.
"""
