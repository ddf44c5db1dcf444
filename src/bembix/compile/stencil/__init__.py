"""The tier that writes machine code directly: no compiler, and no dependency."""
