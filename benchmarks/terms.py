"""The words that a case is told in. The cases themselves are in ``cases.py`` (data sets) and ``pixel_cases.py`` (pixels)."""

from __future__ import annotations

from typing import Literal, NamedTuple

# How much of a case is built: whole for the figures, less for a look, little for the byte checks alone.
Size = Literal["full", "quick", "check"]
Check = Literal["bytes", "values", "data set", "nearly", "lines", "decimals", "modules", "encoded", "decoded", "file", "none"]
Road = Literal["dumps", "build", "file", "files", "decimals", "process",
               "read", "visit", "rewrite", "edit", "read file", "read files", "edit file", "edit files", "convert",
               "encode", "decode", "swap", "transcode", "imwrite", "threads", "imread"]
Measure = Literal["times", "size", "ns a value", "MiB extra", "MiB private", "MiB peak", "ms above", "dB below"]


class Contender(NamedTuple):
    """One peer in one case: what it is given, how its output is held against dcmenc's, and the program that it needs."""

    form: str
    check: Check = "bytes"
    program: str = ""


class Target(NamedTuple):
    """A line of the table: ``measure`` of ``ours`` against another contender; ``limit`` None only reports.

    A case that goes frame by frame has a figure for each: ``part`` names a frame, or is "worst", or "" for their geometric mean.
    """

    measure: Measure
    against: str
    limit: float | None = None
    part: str = ""
    ours: str = "dcmenc"


class Case(NamedTuple):
    """``clock`` is the time that ratios are taken of: thread CPU, or wall where the kernel, a thread or a process does the work.

    ``in_memory`` puts the files in a folder without a disk behind it: making a file then costs the same each time. For minutes
    ext4 passes over the inodes of files just deleted, one by one, which may cost more than all else of writing a small file.
    ``every_core`` leaves the contenders free to run on any; else all of them share one. ``openjpeg`` names the copy of OpenJPEG, of
    those that ``peers.py`` finds, that dcmenc is given.
    """

    name: str
    title: str
    road: Road
    contenders: dict[str, Contender]
    targets: tuple[Target, ...]
    clock: Literal["cpu", "wall"] = "cpu"
    cold: bool = False
    in_memory: bool = False
    every_core: bool = False
    openjpeg: str = ""
