#!/usr/bin/env bash
# Build the compiled modules with ASan and UBSan in a tree of their own and read broken files there. $1: the Python to use; the rest goes to
# tests/fuzz_reading.py. What it finds is kept in build/fuzz/found.
cd "$(dirname "$0")/.."
source tests/sanitized.sh
sanitized_build build/fuzz "$1"
# A small quarantine leaves room to see how much memory the reader takes; short stacks of allocations make it twice as fast.
ASAN_OPTIONS=quarantine_size_mb=16:malloc_context_size=3 sanitized_python "$1" tests/fuzz_reading.py "${@:2}"
