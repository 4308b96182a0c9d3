"""Runs a program in another runtime, the `wasmtime` package, for the reference outputs under expected/.

usage: reference.py FILE [--dir HOST::GUEST] [--env K=V] [--stdin FILE] [--invoke NAME] [-- ARGUMENT...]
Called by `cargo xtask programs --record`. A trap prints its message to standard error and exits with 134.
With --invoke, the arguments are i32 and the result is printed.
"""

import os
import sys

import wasmtime


def main():
    options = sys.argv[1:]
    file = options.pop(0)
    wasi = wasmtime.WasiConfig()
    env, invoke, arguments = [], "_start", []
    while options:
        option = options.pop(0)
        if option == "--":
            arguments = options
            break
        value = options.pop(0)
        if option == "--dir":
            host, guest = value.split("::")
            wasi.preopen_dir(host, guest)
        elif option == "--env":
            env.append(tuple(value.split("=", 1)))
        elif option == "--stdin":
            wasi.stdin_file = value
        elif option == "--invoke":
            invoke = value
        else:
            sys.exit(f"unknown option {option}")
    wasi.env = env
    wasi.inherit_stdout()
    wasi.inherit_stderr()
    if invoke == "_start":
        wasi.argv = [os.path.basename(file)] + arguments

    config = wasmtime.Config()
    config.wasm_exceptions = True
    engine = wasmtime.Engine(config)
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    store = wasmtime.Store(engine)
    store.set_wasi(wasi)
    if file.endswith(".wat"):
        with open(file, encoding="utf-8") as text:
            module = wasmtime.Module(engine, text.read())
    else:
        module = wasmtime.Module.from_file(engine, file)
    function = linker.instantiate(store, module).exports(store)[invoke]
    try:
        if invoke == "_start":
            function(store)
        else:
            result = function(store, *map(int, arguments))
            if result is not None:
                print(result)
    except wasmtime.ExitTrap as exit:
        sys.exit(exit.code)
    except (wasmtime.Trap, wasmtime.WasmtimeError) as trap:
        print(trap, file=sys.stderr)
        sys.exit(134)


main()
