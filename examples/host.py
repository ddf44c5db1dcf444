"""Give a module Python functions and numbers; what they raise comes out as it is."""

from pathlib import Path

import bembix

module = bembix.Module.from_file(Path(__file__).with_suffix(".wat"))
seen: list[int] = []
module.instantiate({"host": {"log": seen.append, "limit": 5}}).exports.count()
print(seen)


def refuse(number: int) -> None:
    raise ValueError(f"no {number} here")


try:
    module.instantiate({"host": {"log": refuse, "limit": 5}}).exports.count()
except ValueError as error:
    print(error)
