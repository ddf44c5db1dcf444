"""Specification test scripts (.wast): running them against the public API and counting what holds."""
