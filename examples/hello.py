"""Run a program and keep what it prints."""

from pathlib import Path

import bembix

done = bembix.run(Path(__file__).with_suffix(".wat"))
print(done.exit_code, done.stdout)
