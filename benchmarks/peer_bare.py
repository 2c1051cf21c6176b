"""No toolkit at all: what the system call, the interpreter or ``repr`` costs. The floor, not a writer of DICOM."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable

from . import cases, sources
from .jobs import Job, folder_job, parts_job, process_job
from .terms import Case, Road, Size

# As much as preamble, file meta and header take in the case "pixels".
_HEAD = bytes(1024)


def prepare(case: Case, form: str, size: Size, folder: str) -> Job:
    """Everything that is done before the clock starts."""
    if case.road in ("process", "convert"):
        return process_job("pass", folder)
    if case.road == "decimals":
        values = cases.decimal_values(case.name, size)
        return Job(lambda: _join(values), lambda: _join(values).encode(), values=len(values))
    if case.road in ("file", "files"):
        paths = [os.path.join(folder, name) for name in cases.file_names(case.road, size)]
        pieces = _pieces(case.road, size)
        return folder_job(folder, lambda: _write(paths, pieces))
    if case.road in ("read files", "edit file", "edit files"):
        return _copy_job(case, size, folder)
    if case.road == "swap":
        return _memory_job(size)
    raise ValueError(f"the case {case.name!r} has no bare contender")


def run(job: Job) -> object:
    return job.act()


def result(job: Job) -> bytes:
    return job.collect()


def _join(values: list[float]) -> str:
    return "\\".join(map(repr, values))


def _pieces(road: Road, size: Size) -> tuple[bytes, ...]:
    if road == "file":
        return _HEAD, cases.pixel_buffer(1 if size == "check" else 100)
    with open(cases.ct_path(), "rb") as file:
        return (file.read(),)


def _copy_job(case: Case, size: Size, folder: str) -> Job:
    paths, out = sources.store(case, size, os.path.join(folder, "in")), os.path.join(folder, "out")
    os.mkdir(out)
    if case.road == "read files":
        return Job(lambda: _read(paths), lambda: b"")
    return folder_job(out, lambda: _copy(paths, out))


def _memory_job(size: Size) -> Job:
    """A copy in memory; as its result the other side has the samples with their bytes swapped, so NumPy makes those."""
    from numpy import frombuffer

    from .frames import swap_buffers

    def copying(data: bytes) -> Callable[[], bytes]:
        return lambda: bytes(memoryview(data))

    return parts_job({name: copying(data) for name, data in swap_buffers(size).items()},
                     lambda name, copied: frombuffer(copied, "u2").byteswap().tobytes())


def _read(paths: list[str]) -> None:
    for path in paths:
        with open(path, "rb", buffering=0) as file:
            file.readall()


def _copy(paths: list[str], folder: str) -> None:
    for path in paths:
        shutil.copyfile(path, os.path.join(folder, os.path.basename(path)))


def _write(paths: list[str], pieces: tuple[bytes, ...]) -> None:
    for path in paths:
        target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            for piece in pieces:
                view = memoryview(piece)
                while view:
                    view = view[os.write(target, view):]
        finally:
            os.close(target)
