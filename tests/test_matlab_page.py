"""docs/matlab.md: its examples run one after the other in an empty folder, and its tables have the options and fields that there are."""

from __future__ import annotations

import doctest
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from dcmenc import PixelError, dicomuid, dicomwrite
from dcmenc.codecs import get_codec
from dcmenc.matlab_call import OPTIONS
from dcmenc.matlab_dictionary import dicomdict
from dcmenc.report import STATUS_FIELDS

PAGE = Path(__file__).parents[1] / "docs" / "matlab.md"
TEXT = PAGE.read_text(encoding="utf-8")
# The calls of MATLAB's documentation; each stands on the page beside dcmenc's.
FUNCTIONS = ("dicomwrite", "dicomread", "dicominfo", "dicomuid", "dicomdict", "dicomlookup")


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    dicomdict("factory")
    yield
    dicomdict("factory")


def section(heading: str) -> str:
    return TEXT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def test_the_examples_run() -> None:
    code = "\n".join(re.findall(r"^```pycon\n(.*?)^```", TEXT, re.M | re.S))
    examples = doctest.DocTestParser().get_doctest(code, {}, PAGE.name, str(PAGE), 0)
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.REPORT_NDIFF)
    runner.run(examples, out=said.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(said)
    assert len(examples.examples) > 40 and len(os.listdir()) > 10


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_stands_beside_matlabs(name: str) -> None:
    theirs, own = ("\n".join(re.findall(rf"^```{kind}\n(.*?)^```", TEXT, re.M | re.S)) for kind in ("matlab", "pycon"))
    assert name in theirs and f"{name}(" in own


def test_the_tables_have_every_option_and_no_other() -> None:
    rows = [line.split("|")[1] for line in section("Options").splitlines() if line.startswith("| `")]
    assert sorted(re.findall(r"`(\w+)`", "".join(rows))) == sorted(OPTIONS)


def test_the_defaults_are_those_that_the_page_says() -> None:
    options = section("Options")
    assert f"| `quality` | {get_codec('jpeg').Options().quality} |" in options  # type: ignore[call-arg, attr-defined]
    assert f"| `predictor` | {get_codec('jpeg-lossless').Options().predictor or 1} |" in options  # type: ignore[call-arg, attr-defined]


# What the page says that dcmenc decided by itself: the array, the options, and what the file then says.
NOISE = np.random.default_rng(1).integers(0, 256, (96, 96, 3), "u1")
FRAMES = np.stack([NOISE[:, :, 0]] * 2, -1)[:, :, None, :]
TWELVE_BITS = NOISE[:, :, 0].astype("u2") * 16
DECISIONS: list[tuple[str, np.ndarray[Any, Any], dict[str, Any], dict[str, Any]]] = [
    ("baseline, 4:2:2", NOISE, {"CompressionMode": "JPEG lossy"},
     {"TransferSyntaxUID": "1.2.840.10008.1.2.4.50", "PhotometricInterpretation": "YBR_FULL_422", "LossyImageCompression": "01"}),
    ("12 bits are extended", TWELVE_BITS, {"CompressionMode": "JPEG lossy", "bits_stored": 12},
     {"TransferSyntaxUID": "1.2.840.10008.1.2.4.51", "BitsStored": 12, "LossyImageCompressionMethod": "ISO_10918_1"}),
    ("colour of JPEG 2000", NOISE, {"CompressionMode": "JPEG2000 lossy"},
     {"PhotometricInterpretation": "YBR_ICT", "LossyImageCompressionMethod": "ISO_15444_1"}),
    ("colour of JPEG 2000, lossless", NOISE, {"CompressionMode": "JPEG2000 lossless"}, {"PhotometricInterpretation": "YBR_RCT"}),
    ("palettes", NOISE[:, :, 0], {"colormap": np.zeros((256, 3))}, {"RedPaletteColorLookupTableDescriptor": [256, 0, 16]}),
    ("frames of bytes", FRAMES, {}, {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7.2", "NumberOfFrames": 2}),
    ("frames of words", FRAMES.astype("u2"), {}, {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7.3"}),
    ("frames of bits", FRAMES > 9, {}, {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7.1", "BitsAllocated": 1}),
    ("frames of colours", np.stack([NOISE] * 2, -1), {}, {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7.4"}),
    ("one frame of bool", FRAMES[:, :, 0, 0] > 9, {}, {"BitsAllocated": 8, "BitsStored": 1}),
    ("uint8 as CT", NOISE[:, :, 0], {"ObjectType": "CT Image Storage"}, {"BitsAllocated": 16}),
    ("nothing is counted", NOISE[:, :, 0], {}, {"SmallestImagePixelValue": None, "LargestImagePixelValue": None}),
    ("the device", NOISE, {}, {"SecondaryCaptureDeviceManufacturer": "dcmenc"}),
]


@pytest.mark.filterwarnings("ignore::dcmenc.DcmencWarning")
@pytest.mark.parametrize(("array", "options", "facts"), [row[1:] for row in DECISIONS], ids=[row[0] for row in DECISIONS])
def test_a_decision_is_what_the_page_says(array: Any, options: dict[str, Any], facts: dict[str, Any]) -> None:
    dicomwrite(array, "file.dcm", **options)
    ds = pydicom.dcmread("file.dcm")
    assert {name: ds.file_meta.get(name, ds.get(name)) for name in facts} == facts
    assert ds.SOPInstanceUID.startswith("2.25.") and dicomuid().startswith("2.25.")


def test_jpeg_2000_with_loss_is_about_five_times_smaller() -> None:
    dicomwrite(np.random.default_rng(2).integers(0, 4096, (256, 256), "u2"), "file.dcm", CompressionMode="JPEG2000 lossy")
    ds = pydicom.dcmread("file.dcm")
    assert 4.5 < ds.LossyImageCompressionRatio < 5.5 and len(ds.PixelData) < 256 * 256 * 2 / 4.4
    with pytest.raises(PixelError):
        dicomwrite(NOISE[:, :, 0].astype("u2"), "wide.dcm", CompressionMode="JPEG lossy")


def test_the_table_of_the_status_has_its_fields() -> None:
    assert all(f"`{name}`" in section("The status") for name in (*STATUS_FIELDS, "dropped", "overridden", "files", "report"))
