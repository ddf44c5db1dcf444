"""Executable memory, loader, guard pages, signals, call stubs: the only user of ctypes."""
