"""What makes a module valid: rules for everything outside function bodies, and the walker for those."""
