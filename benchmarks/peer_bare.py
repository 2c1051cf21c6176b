"""No toolkit at all: what the system call, the interpreter or ``repr`` costs. The floor, not a writer of DICOM."""

from __future__ import annotations

import os

from . import cases
from .jobs import Job, folder_job, process_job

# As much as preamble, file meta and header take in the case "pixels".
_HEAD = bytes(1024)


def prepare(case: cases.Case, form: str, size: cases.Size, folder: str) -> Job:
    """Everything that is done before the clock starts."""
    if case.road == "process":
        return process_job("pass", folder)
    if case.road == "decimals":
        values = cases.decimal_values(case.name, size)
        return Job(lambda: _join(values), lambda: _join(values).encode(), values=len(values))
    if case.road in ("file", "files"):
        paths = [os.path.join(folder, name) for name in cases.file_names(case.road, size)]
        pieces = _pieces(case.road, size)
        return folder_job(folder, lambda: _write(paths, pieces))
    raise ValueError(f"the case {case.name!r} has no bare contender")


def run(job: Job) -> object:
    return job.act()


def result(job: Job) -> bytes:
    return job.collect()


def _join(values: list[float]) -> str:
    return "\\".join(map(repr, values))


def _pieces(road: cases.Road, size: cases.Size) -> tuple[bytes, ...]:
    if road == "file":
        return _HEAD, cases.pixel_buffer(1 if size == "check" else 100)
    with open(cases.ct_path(), "rb") as file:
        return (file.read(),)


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
