"""pydicom's own writer tests with ``dcmwrite`` replaced by dcmenc's: what fails with ours only is a difference with a reason.

``DCMENC_PYDICOM_TESTS`` names the ``tests`` folder of pydicom's source distribution, which its wheel does not have.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FILES = [f"test_{name}.py" for name in ("filewriter", "dataset", "charset", "dataelem", "fileset", "util", "filereader")]

UNCHANGED = "the caller's dataset is left as it was"
PADDED = "a value of odd length is padded (PS3.5 7.1.1)"
CONFIGURED = "pydicom's switches for versions to come are its own"
WORDED = "the message says what holds for dcmenc"

# The test, and why it fails with dcmenc.
DIFFERENT = {
    "test_filewriter.py::TestWriteFile::test_write_no_ts": PADDED,
    "test_filewriter.py::TestScratchWriteDateTime::test_write_no_ts": PADDED,
    "test_filewriter.py::TestWriteNonStandard::test_read_write_identical": PADDED,
    "test_filewriter.py::TestCorrectAmbiguousVR::test_write_new_ambiguous": UNCHANGED,
    "test_dataset.py::TestDatasetSaveAs::test_save_as_undefined": UNCHANGED,
    "test_filewriter.py::TestDCMWrite_EnforceFileFormat::test_file_meta_none": "a file names the implementation that wrote it",
    "test_filewriter.py::TestDCMWrite::test_bad_filename": WORDED + ": it begins without the name of a function",
    "test_filewriter.py::TestDCMWrite::test_command_set_raises": WORDED + ": there is no write_dataset()",
    "test_filewriter.py::TestDCMWrite::test_write_like_original_warns": WORDED + ": no version is named",
    "test_dataset.py::TestDatasetSaveAs::test_write_like_original": WORDED + ": no version is named",
    "test_filewriter.py::TestWritingBufferedPixelData::test_saving_a_file_with_a_closed_file": WORDED + ": the path comes first",
    "test_filewriter.py::TestFuture::test_dcmwrite_arg_kwarg_raises": CONFIGURED,
    "test_filewriter.py::TestFuture::test_dcmwrite_write_like_original_raises": CONFIGURED,
    "test_dataset.py::TestFuture::test_save_as_endianness_conversion": CONFIGURED,
    "test_dataset.py::TestFuture::test_save_as_write_like_original_raises": CONFIGURED,
}


def failed(folder: Path, names: list[str], replace: bool, record: Path) -> set[str]:
    environment = os.environ | {
        "PYTHONPATH": str(Path(__file__).parent), "DCMENC_REPLACE": str(int(replace)), "DCMENC_FAILED": str(record),
    }
    options = ["-q", "-p", "peers.pydicom_writer", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(folder.parent)]
    command = [sys.executable, "-m", "pytest", *options, *names]
    done = subprocess.run(command, cwd=folder.parent, env=environment, capture_output=True, text=True, timeout=900)
    assert done.returncode in (0, 1), done.stdout[-2000:] + done.stderr[-2000:]
    return {line.removeprefix(f"{folder.name}/") for line in record.read_text().splitlines()} if record.exists() else set()


@pytest.fixture
def folder() -> Path:
    found = os.environ.get("DCMENC_PYDICOM_TESTS")
    if not found:
        (pytest.fail if "DCMENC_REQUIRE_PEERS" in os.environ else pytest.skip)("DCMENC_PYDICOM_TESTS names no folder")
    return Path(str(found)).resolve()


def test_what_fails_with_dcmenc_only_has_a_reason(folder: Path, tmp_path: Path) -> None:
    ours = failed(folder, [f"{folder.name}/{name}" for name in FILES], True, tmp_path / "ours")
    # some need files that are in no wheel
    again = [f"{folder.name}/{name}" for name in sorted(ours - DIFFERENT.keys())]
    theirs = failed(folder, again, False, tmp_path / "theirs") if again else set()
    assert ours - theirs == DIFFERENT.keys()
