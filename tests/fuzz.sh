#!/usr/bin/env bash
# Build the compiled modules with ASan and UBSan in a tree of their own and read broken files there. $1: the Python to use; the rest goes to
# tests/fuzz_reading.py. What it finds is kept in build/fuzz/found.
set -euo pipefail
cd "$(dirname "$0")/.."
tree=build/fuzz
mkdir -p "$tree"
find "$tree" -mindepth 1 -maxdepth 1 ! -name found -exec rm -rf {} +
cp -r src data tests pyproject.toml setup.py README.md LICENSE "$tree"
find "$tree/src" -name '*.so' -delete
cd "$tree"
DCMENC_SANITIZE=1 "$1" setup.py -q build_ext --inplace
ln -s ../../data src/dcmenc/data
asan=$(cc -print-file-name=libasan.so)
ubsan=$(cc -print-file-name=libubsan.so)
# A small quarantine leaves room to see how much memory the reader takes; short stacks of allocations make it twice as fast.
PYTHONPATH=src PYTHONMALLOC=malloc LD_PRELOAD="$asan $ubsan" UBSAN_OPTIONS=print_stacktrace=1 \
    ASAN_OPTIONS=detect_leaks=0:quarantine_size_mb=16:malloc_context_size=3 exec "$1" tests/fuzz_reading.py "${@:2}"
