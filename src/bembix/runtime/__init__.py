"""Modules come to life: stores, instances and what they import and export.  Source: core 3.0, chapter 4."""
