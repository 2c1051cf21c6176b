"""The files that the reading cases read. pydicom makes them, whoever reads them: nobody is given what dcmenc has written."""

from __future__ import annotations

import io
import os

from . import cases
from .jobs import set_all
from .terms import Case, Size


def content(case: Case, size: Size) -> bytes:
    """The file of a case, Explicit VR Little Endian."""
    if case.name.startswith(("ct", "files")):
        with open(cases.ct_path(), "rb") as file:
            return file.read()
    if case.road == "transcode":
        from . import frames

        return frames.native_file(size)
    import pydicom
    from pydicom.dataset import FileMetaDataset

    ds = cases.build(case.name, "", size, pydicom.Dataset)
    ds.file_meta = set_all(FileMetaDataset(), cases.META)
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, ds, enforce_file_format=True)
    return buffer.getvalue()


def store(case: Case, size: Size, folder: str) -> list[str]:
    """The files of a case in a new folder: one, or many of the same content."""
    data = content(case, size)
    os.mkdir(folder)
    paths = [os.path.join(folder, name) for name in cases.file_names(case.road, size)]
    for path in paths:
        with open(path, "wb") as file:
            file.write(data)
    cases.pixel_buffer.cache_clear()
    return paths
