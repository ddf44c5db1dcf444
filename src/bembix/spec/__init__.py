"""The WebAssembly specification as data: types, limits, features, modules and the instruction table."""
