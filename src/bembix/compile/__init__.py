"""From validated functions to machine code: the seam between engine and tiers, and what both know of memory."""
