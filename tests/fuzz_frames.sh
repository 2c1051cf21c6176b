#!/usr/bin/env bash
# Build the compiled modules with ASan and UBSan in a tree of their own and decode broken frames there. $1: the Python to use; the rest goes
# to tests/fuzz_frames.py.
cd "$(dirname "$0")/.."
source tests/sanitized.sh
sanitized_build build/fuzz-frames "$1"
ASAN_OPTIONS=quarantine_size_mb=16:malloc_context_size=3 sanitized_python "$1" tests/fuzz_frames.py "${@:2}"
