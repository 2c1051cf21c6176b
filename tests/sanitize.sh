#!/usr/bin/env bash
# Build the compiled modules with ASan and UBSan in a tree of their own and run the tests that exercise them. $1: the Python to use.
set -euo pipefail
cd "$(dirname "$0")/.."
tree=build/sanitize
rm -rf "$tree" && mkdir -p "$tree"
cp -r src data tests pyproject.toml setup.py README.md LICENSE "$tree"
find "$tree/src" -name '*.so' -delete
cd "$tree"
DCMENC_SANITIZE=1 "$1" setup.py -q build_ext --inplace
ln -s ../../data src/dcmenc/data
asan=$(cc -print-file-name=libasan.so)
ubsan=$(cc -print-file-name=libubsan.so)
# pytest must not capture: a report that ends the process would be lost with it.
PYTHONPATH=src PYTHONMALLOC=malloc LD_PRELOAD="$asan $ubsan" ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 \
    "$1" -m pytest -s -p no:cacheprovider tests/test_decimal.py tests/test_encode.py tests/test_vr_table.py tests/test_values.py \
    tests/test_charset_encode.py tests/test_guards.py tests/test_regressions.py tests/test_reading.py tests/test_reading_files.py
