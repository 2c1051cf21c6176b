"""pydicom as a contender: its ``dcmread`` of memory or of a path, its ``dcmwrite`` to either."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pydicom
from pydicom.dataset import FileMetaDataset
from pydicom.valuerep import format_number_as_ds

from . import cases, reading, sources
from .jobs import Job, conversion_job, folder_job, process_job, read_job, set_all
from .terms import Case, Size

_PROCESSES = {
    "import": "import pydicom",
    "first-dumps": f"""
import io, pydicom
ds = pydicom.Dataset()
{cases.FIRST_VALUES}
ds.file_meta = pydicom.dataset.FileMetaDataset()
ds.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
pydicom.dcmwrite(io.BytesIO(), ds, enforce_file_format=True)
""",
}
_CONVERSION = """
import sys, pydicom
ds = pydicom.dcmread(sys.argv[1])
{}
pydicom.dcmwrite(sys.argv[2], ds, enforce_file_format=True)
"""


def prepare(case: Case, form: str, size: Size, folder: str) -> Job:
    """Everything that is done before the clock starts."""
    if case.road == "imread":
        return _imread_job(form, size, folder)
    if case.road in reading.READING:
        return reading.prepare(_KIT, case, form, size, folder)
    if case.road == "convert":
        code = _CONVERSION.format(cases.CONVERSIONS[form])
        return conversion_job([sys.executable, "-c", code], sources.content(case, size), folder)
    if case.road == "process":
        return process_job(_PROCESSES[case.name], folder)
    if case.road == "decimals":
        values = cases.decimal_values(case.name, size)
        return Job(lambda: _join(values), lambda: _join(values).encode(), values=len(values))
    if case.road == "build":
        return Job(lambda: _dumps(_build(case, form, size)), lambda: _dumps(_build(case, form, size)))
    if case.road == "dumps":
        return dumps_job(case, form, size, _dumps)
    ds = _build(case, form, size)
    paths = [os.path.join(folder, name) for name in cases.file_names(case.road, size)]
    return folder_job(folder, lambda: _write(paths, ds))


def run(job: Job) -> object:
    return job.act()


def result(job: Job) -> bytes:
    return job.collect()


def _imread_job(form: str, size: Size, folder: str) -> Job:
    from pydicom.pixels.utils import pixel_array

    from .frames import encoded_file, stack

    path = os.path.join(folder, "in.dcm")
    with open(path, "wb") as file:
        file.write(encoded_file(form, size))
    stack.cache_clear()
    return read_job(lambda: pixel_array(path, decoding_plugin="pylibjpeg"))


def read_ct(form: str) -> Any:
    """CT_small.dcm as read, its values still raw."""
    ds = pydicom.dcmread(cases.ct_path())
    if form == "implicit":
        ds.file_meta.TransferSyntaxUID = pydicom.uid.UID(cases.IMPLICIT)
    return ds


def _build(case: Case, form: str, size: Size) -> Any:
    if case.name.startswith("ct") or case.name == "files":
        ds = read_ct(form)
        for _ in ds.iterall():
            pass  # decodes every value, as from_pydicom does for the other side
        return ds
    ds = cases.build(case.name, form, size, pydicom.Dataset)
    ds.file_meta = set_all(FileMetaDataset(), cases.META)
    return ds


def dumps_job(case: Case, form: str, size: Size, dumps: Callable[[Any], bytes]) -> Job:
    """Writing a data set of pydicom's to memory, by whom ever; "raw" is one as just read."""
    if form == "implicit raw":
        return _batch_job(lambda: read_ct("implicit"), dumps)
    ds = read_ct("") if form == "raw" else _build(case, form, size)
    return Job(lambda: dumps(ds), lambda: dumps(ds))


def _batch_job(read: Callable[[], Any], dumps: Callable[[Any], bytes]) -> Job:
    """Writing in another encoding decodes the elements for good, so each of a batch of data sets as just read is written once."""
    fresh: list[Any] = []

    def read_all() -> None:
        fresh[:] = [read() for _ in range(reading.BATCH)]

    def write_all() -> None:
        for ds in fresh:
            dumps(ds)

    return Job(write_all, lambda: dumps(read()), read_all, times=reading.BATCH)


def _dumps(ds: Any) -> bytes:
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, ds, enforce_file_format=True)
    return buffer.getvalue()


def _write(paths: list[str], ds: Any) -> None:
    for path in paths:
        _write_one(path, ds)


def _write_one(path: str, ds: Any) -> None:
    pydicom.dcmwrite(path, ds, enforce_file_format=True)


def _read(source: bytes | str) -> Any:
    return pydicom.dcmread(io.BytesIO(source) if isinstance(source, bytes) else source)


def visit(ds: Any) -> None:
    for element in ds:
        value = element.value
        if element.VR == "SQ":
            for item in value:
                visit(item)


def _elements(ds: Any) -> Iterator[tuple[int, str, Any]]:
    return ((element.tag, str(element.VR), element.value) for element in ds)


def _join(values: list[float]) -> str:
    return "\\".join(map(format_number_as_ds, values))


_KIT = reading.Toolkit(_read, _dumps, _write_one, visit, _elements)
