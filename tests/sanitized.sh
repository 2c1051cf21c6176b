# For sourcing: a copy of the sources with the compiled modules built under ASan and UBSan, and Python running in it.
# sanitized_build TREE PYTHON: makes the tree anew, but for what it has found before, and goes there.
# sanitized_python PYTHON ARGUMENTS...: runs with the sanitizers' libraries; ASAN_OPTIONS of the caller are added.
set -euo pipefail

sanitized_build() {
    local tree=$1 python=$2
    mkdir -p "$tree"
    find "$tree" -mindepth 1 -maxdepth 1 ! -name found -exec rm -rf {} +
    cp -r src data tests docs pyproject.toml setup.py README.md LICENSE "$tree"
    find "$tree/src" -name '*.so' -delete
    cd "$tree"
    DCMENC_SANITIZE=1 "$python" setup.py -q build_ext --inplace
    ln -s ../../data src/dcmenc/data
}

sanitized_python() {
    local libraries
    libraries="$(cc -print-file-name=libasan.so) $(cc -print-file-name=libubsan.so)"
    PYTHONPATH=src PYTHONMALLOC=malloc LD_PRELOAD="$libraries" UBSAN_OPTIONS=print_stacktrace=1 \
        ASAN_OPTIONS="detect_leaks=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}" "$@"
}
