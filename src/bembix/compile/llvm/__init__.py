"""The tier that writes LLVM IR text; the only importer of llvmlite."""
