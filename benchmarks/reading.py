"""What the reading cases do, told once for all peers: a peer brings a :class:`Toolkit`, and gets the job of a case."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NamedTuple

from . import cases, sources
from .jobs import Job, folder_job
from .terms import Case, Road, Size
from .transcript import Elements, spell, transcript

# Writing may keep what it has decoded: so many data sets as just read are written by one call, each of them once.
BATCH = 20
# What a program that goes through a folder asks every file for, and the VR of the answer.
_ASKED = {"PatientName": "PN", "PatientID": "LO", "StudyInstanceUID": "UI", "Rows": "US", "PixelSpacing": "DS"}


class Toolkit(NamedTuple):
    """A peer's way to read bytes or a path, to write to memory or to a path, and to look at every value."""

    read: Callable[[Any], Any]
    dumps: Callable[[Any], bytes]
    write: Callable[[str, Any], object]
    visit: Callable[[Any], object]
    elements: Elements


def _change_name(ds: Any) -> None:
    ds.PatientName = "Suzuki^Hanako"


def _change_number(ds: Any) -> None:
    ds.PatientID = "PAT-4711"


def _change_frame(ds: Any) -> None:
    ds.PerFrameFunctionalGroupsSequence[2].FrameContentSequence[0].StackID = "22"


def _change_syntax(ds: Any) -> None:
    ds.file_meta.TransferSyntaxUID = cases.IMPLICIT


_CHANGES: dict[str, Callable[[Any], None]] = {
    "": lambda ds: None, "name": _change_name, "number": _change_number, "frame": _change_frame, "implicit": _change_syntax,
}


def prepare(kit: Toolkit, case: Case, form: str, size: Size, folder: str) -> Job:
    """The job of a reading case; ``form`` says what is changed between reading and writing."""
    return _ROADS[case.road](kit, case, _CHANGES[form], size, folder)


def _read(kit: Toolkit, case: Case, change: Callable[[Any], None], size: Size, folder: str) -> Job:
    data = sources.content(case, size)
    return Job(lambda: kit.read(data), lambda: transcript(kit.read(data), kit.elements))


def _visit(kit: Toolkit, case: Case, change: Callable[[Any], None], size: Size, folder: str) -> Job:
    data = sources.content(case, size)
    return Job(lambda: kit.visit(kit.read(data)), lambda: transcript(kit.read(data), kit.elements))


def _rewrite(kit: Toolkit, case: Case, change: Callable[[Any], None], size: Size, folder: str) -> Job:
    data = sources.content(case, size)
    fresh: list[Any] = []

    def read() -> Any:
        ds = kit.read(data)
        change(ds)
        return ds

    def write_all() -> None:
        for ds in fresh:
            kit.dumps(ds)

    def read_all() -> None:
        fresh[:] = [read() for _ in range(BATCH)]

    return Job(write_all, lambda: kit.dumps(read()), read_all, times=BATCH)


def _edit(kit: Toolkit, case: Case, change: Callable[[Any], None], size: Size, folder: str) -> Job:
    data = sources.content(case, size)

    def edit() -> bytes:
        ds = kit.read(data)
        change(ds)
        return kit.dumps(ds)

    return Job(edit, edit)


def _read_file(kit: Toolkit, case: Case, change: Callable[[Any], None], size: Size, folder: str) -> Job:
    path, = sources.store(case, size, os.path.join(folder, "in"))
    return Job(lambda: kit.read(path), lambda: transcript(kit.read(path), kit.elements))


def _read_files(kit: Toolkit, case: Case, change: Callable[[Any], None], size: Size, folder: str) -> Job:
    paths = sources.store(case, size, os.path.join(folder, "in"))

    def look(path: str) -> tuple[list[int], list[Any]]:
        ds = kit.read(path)
        return list(ds.keys()), [getattr(ds, keyword) for keyword in _ASKED]

    def look_at_all() -> None:
        for path in paths:
            look(path)

    def seen() -> bytes:
        return "\n".join(_line(*look(path)) for path in paths).encode()

    return Job(look_at_all, seen)


def _line(tags: list[int], values: list[Any]) -> str:
    return " ".join([*(f"{tag:08X}" for tag in tags), *map(spell, _ASKED.values(), values)])


def _edit_files(kit: Toolkit, case: Case, change: Callable[[Any], None], size: Size, folder: str) -> Job:
    paths = sources.store(case, size, os.path.join(folder, "in"))
    out = os.path.join(folder, "out")
    os.mkdir(out)
    pairs = [(path, os.path.join(out, os.path.basename(path))) for path in paths]

    def edit_all() -> None:
        for path, target in pairs:
            ds = kit.read(path)
            change(ds)
            kit.write(target, ds)

    return folder_job(out, edit_all)


_ROADS: dict[Road, Callable[[Toolkit, Case, Callable[[Any], None], Size, str], Job]] = {
    "read": _read, "visit": _visit, "rewrite": _rewrite, "edit": _edit, "read file": _read_file, "read files": _read_files,
    "edit file": _edit_files, "edit files": _edit_files,
}
READING = frozenset(_ROADS)
