"""Machine code that is the same for every module, compiled beforehand: calls to and from Python, services, the heap."""
