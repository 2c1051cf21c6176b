"""A pytest plug-in that runs pydicom's own writer tests with ``dcmwrite`` replaced by dcmenc's.

The tests are in pydicom's source distribution, not in its wheel. With its ``tests`` folder as the working directory's::

    python -m pytest -p peers.pydicom_writer tests/test_filewriter.py

``DCMENC_REPLACE=0`` leaves pydicom's own in place, for the tests that fail without us. Files that pydicom would have to download are
missing at once, instead of after some seconds each.
"""

from __future__ import annotations

import os
from typing import Any

import pydicom
import pydicom.data.data_manager
import pydicom.dataset
import pydicom.filewriter
import pytest

import dcmenc


def _no_download(name: str, *_: Any, **__: Any) -> None:
    raise OSError(f"{name} is not in the wheel")


def pytest_configure() -> None:
    pydicom.data.data_manager.data_path_with_download = _no_download  # type: ignore[attr-defined]
    if os.environ.get("DCMENC_REPLACE") != "0":
        pydicom.dcmwrite = pydicom.filewriter.dcmwrite = dcmenc.dcmwrite  # type: ignore[assignment]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Names of tests that failed go to the file that ``DCMENC_FAILED`` names."""
    if report.failed and "DCMENC_FAILED" in os.environ:
        with open(os.environ["DCMENC_FAILED"], "a") as file:
            file.write(report.nodeid + "\n")
