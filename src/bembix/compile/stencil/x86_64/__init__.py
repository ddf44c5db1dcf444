"""The stencil tier on x86-64: operands in registers, as far as they go."""
