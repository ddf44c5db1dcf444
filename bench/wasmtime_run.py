"""Run a WASI command under wasmtime-py, with the options of `bembix run`: the peer that `startup.py` starts."""

import argparse
import sys
from collections.abc import Sequence

from engines import optional


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dir", action="append", default=[], metavar="HOST::GUEST", help="hand over a directory")
    parser.add_argument("--env", action="append", default=[], metavar="NAME=VALUE", help="set a variable")
    parser.add_argument("--cache", action="store_true", help="keep compiled code on disk")
    parser.add_argument("file")
    parser.add_argument("args", nargs=argparse.REMAINDER)
    options = parser.parse_args(arguments)

    wasmtime = optional("wasmtime")
    config = wasmtime.Config()
    config.wasm_exceptions = True
    config.wasm_threads = True
    if options.cache:
        config.cache = True
    engine = wasmtime.Engine(config)
    wasi = wasmtime.WasiConfig()
    wasi.argv = [options.file, *options.args]
    wasi.env = [tuple(item.split("=", 1)) for item in options.env]
    for item in options.dir:
        host, _, guest = item.partition("::")
        wasi.preopen_dir(host, guest or host)
    wasi.inherit_stdin()
    wasi.inherit_stdout()
    wasi.inherit_stderr()
    store = wasmtime.Store(engine)
    store.set_wasi(wasi)
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    instance = linker.instantiate(store, wasmtime.Module.from_file(engine, options.file))
    try:
        instance.exports(store)["_start"](store)
    except wasmtime.ExitTrap as exit_:
        return int(exit_.code)
    return 0


if __name__ == "__main__":
    sys.exit(main())
