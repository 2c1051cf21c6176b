#!/usr/bin/env bash
# Build the compiled modules with ASan and UBSan in a tree of their own and run the tests that exercise them. $1: the Python to use.
cd "$(dirname "$0")/.."
source tests/sanitized.sh
sanitized_build build/sanitize "$1"
# pytest must not capture: a report that ends the process would be lost with it.
sanitized_python "$1" -m pytest -s -p no:cacheprovider tests/test_decimal.py tests/test_encode.py tests/test_vr_table.py tests/test_values.py \
    tests/test_charset_encode.py tests/test_guards.py tests/test_regressions.py tests/test_reading.py tests/test_reading_files.py \
    tests/test_reading_regressions.py tests/test_foreign.py \
    tests/test_foreign_regressions.py tests/test_foreign_differences.py tests/test_rle.py tests/test_jpegll.py tests/test_jpegll_lanes.py \
    tests/test_codecs.py tests/test_encapsulation.py tests/test_swap.py
