"""Builds the compiled modules; everything else is said in pyproject.toml.

DCMENC_WERROR=1 makes compiler warnings errors, DCMENC_SANITIZE=1 builds with ASan and UBSan,
DCMENC_TRACE=1 builds for line coverage of the Cython sources (see the Makefile).
"""

import os
from glob import glob

from Cython.Build import cythonize
from setuptools import Extension, setup

compile_args = ["-O3", "-g0", "-Wall", "-Wextra"]
link_args: list[str] = []
macros: list[tuple[str, str | None]] = []
directives = {"language_level": "3", "freethreading_compatible": True}

if os.environ.get("DCMENC_WERROR"):
    compile_args.append("-Werror")
if os.environ.get("DCMENC_SANITIZE"):
    compile_args += ["-O1", "-g1", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer"]
    link_args += ["-fsanitize=address,undefined"]
if os.environ.get("DCMENC_TRACE"):
    compile_args.append("-O0")
    directives["linetrace"] = True
    macros += [("CYTHON_TRACE", "1"), ("CYTHON_TRACE_NOGIL", "1")]


def extension(path: str) -> Extension:
    module = path.removeprefix("src/").removesuffix(".pyx").replace("/", ".")
    return Extension(module, [path], include_dirs=["src/dcmenc"], depends=glob("src/dcmenc/*.h"),
                     extra_compile_args=compile_args, extra_link_args=link_args, define_macros=macros)


sources = [path for path in sorted(glob("src/dcmenc/**/_*.pyx", recursive=True)) if "__init__" not in path]
setup(ext_modules=cythonize(
    [extension(path) for path in sources],
    build_dir=None if os.environ.get("DCMENC_TRACE") else "build",
    compiler_directives=directives,
))
