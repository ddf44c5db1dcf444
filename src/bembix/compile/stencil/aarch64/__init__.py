"""The stencil tier on aarch64: operands in cells of the frame, and code that passes them through fixed registers."""
