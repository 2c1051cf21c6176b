"""The report of `make coverage`: run in the traced tree, after the tests.

Cython's plug-in knows the lines of a ``.pxd`` only once it has parsed the C of a ``.pyx`` that includes it: those come first.
"""

from __future__ import annotations

from pathlib import Path

from coverage import Coverage


def report() -> None:
    coverage = Coverage(config_file="tests/coverage.ini")
    coverage.load()
    for source in sorted(Path("src/dcmenc").glob("*.pyx")):
        coverage.analysis2(str(source))
    coverage.report()


if __name__ == "__main__":
    report()
