"""Put a program together from several modules: each takes what it imports from the others, and from Python."""

from pathlib import Path
from types import SimpleNamespace

import bembix

here = Path(__file__).parent
program = bembix.Namespace(
    {
        "parts": bembix.Module.from_file(here / "parts.wat"),
        "queue": bembix.Module.from_file(here / "queue.wat"),
        "host": SimpleNamespace(say=print),  # any object with attributes does, or a mapping, or a Python module
    }
)

try:
    program["parts"]
except bembix.LinkError as error:
    print(error)

program["storage"] = {"memory": bembix.Memory(1)}
program["parts"].exports.main()  # the modules that it needs are instantiated before it
print(program["storage"]["memory"].view("i32", count=3).tolist())
