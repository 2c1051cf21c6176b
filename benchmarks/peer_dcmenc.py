"""dcmenc as a contender: its own ``Dataset``, read with ``dcmread``, written with ``dumps`` and ``dcmwrite``.

What it does with pixels is in ``pixels_dcmenc.py``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

import dcmenc
from dcmenc._decimal import join_ds

from . import cases, reading, sources
from .jobs import Job, conversion_job, folder_job, process_job, set_all
from .pixel_cases import PIXEL_ROADS
from .terms import Case, Size

_PROCESSES = {
    "import": "import dcmenc",
    "first-dumps": f"""
import dcmenc
ds = dcmenc.Dataset()
{cases.FIRST_VALUES}
dcmenc.dumps(ds)
""",
}
_CONVERSION = """
import sys, dcmenc
ds = dcmenc.dcmread(sys.argv[1])
{}
dcmenc.dcmwrite(sys.argv[2], ds)
"""


def prepare(case: Case, form: str, size: Size, folder: str) -> Job:
    """Everything that is done before the clock starts."""
    if case.road in PIXEL_ROADS:
        from . import pixels_dcmenc

        return pixels_dcmenc.prepare(case, form, size, folder)
    if case.road in reading.READING:
        return reading.prepare(_KIT, case, form, size, folder)
    if case.road == "convert":
        code = _CONVERSION.format(cases.CONVERSIONS[form])
        return conversion_job([sys.executable, "-c", code], sources.content(case, size), folder)
    if case.road == "process":
        return process_job(_PROCESSES[case.name], folder)
    if case.road == "decimals":
        values = cases.as_form(cases.decimal_values(case.name, size), form)
        return Job(lambda: join_ds(values), lambda: join_ds(values), values=len(values))
    if case.road == "build":
        return Job(lambda: dcmenc.dumps(_build(case, form, size)), lambda: dcmenc.dumps(_build(case, form, size)))
    if form.startswith("theirs"):
        from . import peer_pydicom

        theirs = form.removeprefix("theirs").strip()
        return peer_pydicom.dumps_job(case, theirs, size, lambda ds: dcmenc.dumps(ds, enforce_file_format=True))
    ds = _build(case, form, size)
    if case.road == "dumps":
        return Job(lambda: dcmenc.dumps(ds), lambda: dcmenc.dumps(ds))
    paths = [os.path.join(folder, name) for name in cases.file_names(case.road, size)]
    return folder_job(folder, lambda: _write(paths, ds))


def run(job: Job) -> object:
    return job.act()


def result(job: Job) -> bytes:
    return job.collect()


def _build(case: Case, form: str, size: Size) -> Any:
    if case.name.startswith("ct") or case.name == "files":
        # Every value is set, as in a data set that was made here: what dcmenc has read itself stays raw.
        import pydicom

        ds: Any = dcmenc.from_pydicom(pydicom.dcmread(cases.ct_path()))
        if form == "implicit":
            ds.file_meta.TransferSyntaxUID = cases.IMPLICIT
        return ds
    ds = cases.build(case.name, form, size, dcmenc.Dataset)
    set_all(ds.file_meta, cases.META)
    return ds


def _write(paths: list[str], ds: Any) -> None:
    for path in paths:
        dcmenc.dcmwrite(path, ds)


def visit(ds: Any) -> None:
    for element in ds.values():
        value = element.value
        if element.vr == "SQ":
            for item in value:
                visit(item)


def _elements(ds: Any) -> Iterator[tuple[int, str, Any]]:
    return ((element.tag, element.vr, element.value) for element in ds.values())


_KIT = reading.Toolkit(dcmenc.dcmread, dcmenc.dumps, dcmenc.dcmwrite, visit, _elements)
