#!/bin/sh
# Build every kernel twice, to wasm/NAME.wasm and, with SIMD, to simd/NAME.wasm. CLANG names the compiler.
set -eu
cd "$(dirname "$0")"
mkdir -p wasm simd
for source in *.c; do
    name=${source%.c}
    for build in wasm simd; do
        case $build in wasm) simd= ;; simd) simd=-msimd128 ;; esac
        ${CLANG:-clang-19} --target=wasm32 -O2 -ffp-contract=off $simd -nostdlib -mbulk-memory \
            -Wl,--no-entry -Wl,--export=run -Wl,--strip-all "$source" -o "$build/$name.wasm"
    done
done
chmod 644 wasm/*.wasm simd/*.wasm
