"""CT, MR and other classes through both doors: the facts that a person gives, the pixels that a class holds, what dciodvfy says."""

from __future__ import annotations

import copy
import io
import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from acceptance import facts_of_user, missed, told_of
from pydicom.data import get_testdata_file

import dcmenc
from dcmenc import PixelError, VerifyError, Writer, dcmread, imread, imwrite

STORAGE = "1.2.840.10008.5.1.4.1.1"
ENHANCED_CT, ENHANCED_MR, SEGMENTATION, US_MULTI_FRAME = (f"{STORAGE}.{end}" for end in ("2.1", "4.1", "66.4", "3.1"))
CR, DX, MG = (f"{STORAGE}.{end}" for end in ("1", "1.1", "1.2"))

# What only a person can say of an axial image, and all that CT and MR demand beside what is filled in.
PLACE = {
    "FrameOfReferenceUID": "1.2.3", "ImagePositionPatient": (0, 0, 0), "ImageOrientationPatient": (1, 0, 0, 0, 1, 0),
    "PixelSpacing": (1, 1), "PatientPosition": "HFS", "BodyPartExamined": "CHEST",
}
FACTS: Mapping[str, Mapping[str, Any]] = {
    "CT": {"ImageType": ("ORIGINAL", "PRIMARY", "AXIAL"), "RescaleSlope": 1, "RescaleIntercept": -1024, **PLACE},
    "MR": {"ImageType": ("ORIGINAL", "PRIMARY", "OTHER"), "ScanningSequence": "SE", "SequenceVariant": "NONE", **PLACE},
}
LOSSLESS = (None, "implicit", "rle", "jpeg-lossless", "jpeg-lossless-p14", "jpeg2000-lossless")


def gray(dtype: str, largest: int, shape: tuple[int, ...] = (40, 56)) -> np.ndarray[Any, Any]:
    return np.random.default_rng(7).integers(0, largest, shape, endpoint=True).astype(dtype)


def by_imwrite(target: Any, frame: Any, **options: Any) -> Any:
    return imwrite(target, frame, **options)


def by_writer(target: Any, frame: Any, **options: Any) -> Any:
    """One frame, and nobody said that it is one."""
    with Writer(target, **options) as writer:
        writer.write(frame)
    return writer.report


def by_announcing_writer(target: Any, frame: Any, **options: Any) -> Any:
    return by_writer(target, frame, frames=1, **options)


DOORS = (by_imwrite, by_writer, by_announcing_writer)
Door = Callable[..., Any]


@pytest.fixture(params=DOORS, ids=lambda door: door.__name__)
def door(request: pytest.FixtureRequest) -> Door:
    return request.param  # type: ignore[no-any-return]


def complaints(dciodvfy: str, path: Path) -> list[str]:
    """All errors, of whatever kind."""
    run = subprocess.run([dciodvfy, str(path)], capture_output=True, text=True, errors="replace")
    return re.findall(r"^Error.*$", run.stdout + run.stderr, re.M)


# ---- what dciodvfy says


@pytest.mark.peer
@pytest.mark.parametrize("compression", [*LOSSLESS, "jpeg", "jpeg2000"])
@pytest.mark.parametrize("name", FACTS)
def test_dciodvfy_finds_no_error(name: str, compression: str | None, door: Door, peer: Callable[[str], str], tmp_path: Path) -> None:
    path, frame = tmp_path / "image.dcm", gray("u2", 4095)
    report = door(path, frame, sop_class=name, bits_stored=12, compression=compression, **FACTS[name])
    assert report.ok and not report.warnings
    assert complaints(peer("dciodvfy"), path) == []
    if compression in LOSSLESS:
        assert np.array_equal(imread(path), frame) and np.array_equal(pydicom.dcmread(path).pixel_array, frame)


@pytest.mark.peer
@pytest.mark.parametrize("compression", LOSSLESS)
@pytest.mark.parametrize("name", FACTS)
def test_a_real_image_as_template(name: str, compression: str | None, door: Door, peer: Callable[[str], str], tmp_path: Path) -> None:
    source, path = get_testdata_file(f"{name}_small.dcm"), tmp_path / "image.dcm"
    old, frame = dcmread(source), gray("i2", 30000) - 15000
    report = door(path, frame, template=source, compression=compression)
    new = dcmread(path)
    assert report.ok and complaints(peer("dciodvfy"), path) == complaints(peer("dciodvfy"), Path(source)) == []
    assert np.array_equal(imread(path), frame) and np.array_equal(pydicom.dcmread(path).pixel_array, frame)
    assert new.SOPClassUID == old.SOPClassUID and new.SOPInstanceUID != old.SOPInstanceUID
    for keyword in ("PatientName", "StudyInstanceUID", "SeriesInstanceUID", "ImagePositionPatient", "PixelSpacing", "SliceLocation"):
        assert getattr(new, keyword) == getattr(old, keyword)


@pytest.mark.parametrize("name", FACTS)
def test_each_fact_that_is_missing_is_named(name: str, door: Door, tmp_path: Path) -> None:
    """None of them is filled in, and nothing is written without it."""
    for keyword in sorted(FACTS[name].keys() - {"BodyPartExamined", "PatientPosition"}):
        facts = {key: value for key, value in FACTS[name].items() if key != keyword}
        with pytest.raises(VerifyError, match=keyword) as caught:
            door(tmp_path / "image.dcm", gray("u2", 4095), sop_class=name, bits_stored=12, **facts)
        assert keyword in {finding.keyword for finding in caught.value.report.errors}
        assert not list(tmp_path.iterdir())


# ---- the pixels of CT and MR (PS3.3 C.8.2.1.1.4, C.8.3.1.1.4)


@pytest.mark.parametrize("compression", LOSSLESS)
@pytest.mark.parametrize("dtype", ["u1", "i1", "?"])
@pytest.mark.parametrize("name", FACTS)
def test_bytes_become_words_with_the_same_values(name: str, dtype: str, compression: str | None, door: Door) -> None:
    frame = gray("u1", 255).view(dtype) if dtype != "?" else gray("u1", 1).astype(bool)
    file = io.BytesIO()
    assert door(file, frame, sop_class=name, compression=compression, **FACTS[name]).ok
    ds = dcmread(file.getvalue())
    assert (ds.BitsAllocated, ds.BitsStored, ds.PixelRepresentation) == (16, {"CT": 12, "MR": 8}[name], dtype == "i1")
    assert np.array_equal(imread(ds), frame)
    assert np.array_equal(pydicom.dcmread(io.BytesIO(file.getvalue())).pixel_array, frame)


@pytest.mark.parametrize("stored", range(12, 17))
@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2"])
def test_ct_stores_twelve_to_sixteen_bits(stored: int, dtype: str, door: Door) -> None:
    frame = gray(dtype, 100)
    file = io.BytesIO()
    door(file, frame, sop_class="CT", bits_stored=stored, compression="jpeg-lossless", **FACTS["CT"])
    ds = dcmread(file.getvalue())
    assert (ds.BitsAllocated, ds.BitsStored, ds.HighBit) == (16, stored, stored - 1) and np.array_equal(imread(ds), frame)


@pytest.mark.parametrize(("name", "frame", "options", "message"), [
    ("CT", np.zeros((4, 5), "u2"), {"bits_stored": 11}, "BitsStored is 11.*another bits_stored"),
    ("CT", np.zeros((4, 5), "u1"), {"bits_stored": 8}, "BitsStored is 8.*another bits_stored"),
    ("CT", np.zeros((4, 5, 3), "u1"), {}, "PhotometricInterpretation is 'RGB'.*gray values of one sample.*sop_class='SC'"),
    ("MR", np.zeros((4, 5, 3), "u1"), {}, "PhotometricInterpretation is 'RGB'.*gray values of one sample.*sop_class='SC'"),
    ("MR", np.zeros((4, 5), "u1"), {"colormap": np.zeros((256, 3))}, "'PALETTE COLOR'.*gray values of one sample.*sop_class='SC'"),
    ("CT", np.zeros((4, 5), "f4"), {}, "CT Image Storage holds integers"),
    ("MR", np.zeros((4, 5), "u4"), {}, "BitsAllocated is 32, where the class has 16.*astype"),
    ("CT", np.full((4, 5), 4096, "u2"), {"bits_stored": 12}, "4096"),
])
def test_pixels_that_the_class_does_not_hold(
    name: str, frame: Any, options: dict[str, Any], message: str, door: Door, tmp_path: Path
) -> None:
    with pytest.raises(PixelError, match=message):
        door(tmp_path / "image.dcm", frame, sop_class=name, **FACTS[name], **options)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", FACTS)
def test_several_frames_are_one_file_each(name: str, tmp_path: Path) -> None:
    frames = gray("u2", 4095, (2, 4, 5))
    with pytest.raises(PixelError, match=r"NumberOfFrames is 2, where the class has 1.*one file a frame"):
        imwrite(tmp_path / "image.dcm", frames, sop_class=name, bits_stored=12, **FACTS[name])
    with pytest.raises(PixelError, match="NumberOfFrames is 2"):
        Writer(tmp_path / "image.dcm", shape=(4, 5), frames=2, sop_class=name, **FACTS[name])
    with pytest.raises(PixelError, match=f"{name} Image Storage holds one frame, .* one file a frame"), \
            Writer(tmp_path / "image.dcm", sop_class=name, bits_stored=12, **FACTS[name]) as writer:
        writer.extend(frames)
    assert not list(tmp_path.iterdir())


def test_a_template_of_one_frame_needs_no_announcement(tmp_path: Path) -> None:
    """And a template of Secondary Capture leaves the number of frames open."""
    source = get_testdata_file("CT_small.dcm")
    for template in (source, dcmread(source), pydicom.dcmread(source)):
        with Writer(tmp_path / "image.dcm", template=template) as writer:
            writer.write(gray("i2", 99))
        assert dcmread(tmp_path / "image.dcm").SOPClassUID == f"{STORAGE}.2"
    with Writer(tmp_path / "capture.dcm", template={"SOPClassUID": f"{STORAGE}.7"}) as writer:
        writer.extend(gray("u1", 99, (2, 4, 5)))
    assert dcmread(tmp_path / "capture.dcm").NumberOfFrames == 2


def test_frames_to_come_take_no_memory_before_they_do() -> None:
    """A million frames of bytes, to be stored as words, are announced; none is made up to see what they look like."""
    Writer(io.BytesIO(), shape=(1024, 1024), dtype="u1", frames=1_000_000, sop_class=f"{STORAGE}.7.3", compression="rle",
           bits_stored=9).discard()
    Writer(io.BytesIO(), shape=(1024, 1024), dtype="?", frames=1_000_000, compression="rle").discard()


# ---- JPEG with loss (PS3.5 8.2.1)


@pytest.mark.parametrize(("name", "dtype", "options"), [
    ("CT", "u2", {"bits_stored": 12}), ("MR", "u2", {"bits_stored": 12}), ("CT", "u1", {}), ("MR", "u1", {"bits_stored": 12}),
])
def test_jpeg_is_that_of_twelve_bits(name: str, dtype: str, options: dict[str, Any], door: Door) -> None:
    frame = (np.add.outer(np.arange(48), np.arange(40))).astype(dtype)
    file = io.BytesIO()
    door(file, frame, sop_class=name, compression="jpeg", **FACTS[name], **options)
    ds = dcmread(file.getvalue())
    assert ds.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.51"
    assert (ds.BitsAllocated, ds.BitsStored, ds.LossyImageCompression) == (16, 12, "01")
    assert np.abs(imread(ds).astype(int) - frame).max() <= 16


@pytest.mark.parametrize(("name", "dtype", "options", "message"), [
    ("CT", "u2", {}, "of 16; give bits_stored=12.*jpeg2000"), ("CT", "i2", {"bits_stored": 12}, "not signed ones; JPEG 2000"),
    ("MR", "u1", {}, "of 8; give bits_stored=12.*jpeg2000"), ("MR", "i1", {}, "not signed ones; JPEG 2000"),
])
def test_jpeg_of_other_words_names_jpeg_2000(name: str, dtype: str, options: dict[str, Any], message: str, door: Door) -> None:
    frame = gray(dtype, 100)
    with pytest.raises(PixelError, match=message):
        door(io.BytesIO(), frame, sop_class=name, compression="jpeg", **FACTS[name], **options)
    file = io.BytesIO()
    assert door(file, frame, sop_class=name, compression="jpeg2000", **FACTS[name], **options).ok  # the way out is one


def test_the_template_decides_on_words_too() -> None:
    file = io.BytesIO()
    imwrite(file, gray("u1", 200), compression="jpeg", template=get_testdata_file("CT_small.dcm"))
    assert dcmread(file.getvalue()).file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.51"


# ---- other classes

OF_THE_ARRAY = ("SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "Rows", "Columns", "BitsAllocated", "BitsStored",
                "HighBit", "PixelRepresentation", "PixelData", "NumberOfFrames", "FrameIncrementPointer")
STACK = {
    "DimensionOrganizationSequence": [{"DimensionOrganizationUID": "1.2.3.4"}],
    "DimensionIndexSequence": [{
        "DimensionOrganizationUID": "1.2.3.4", "FunctionalGroupPointer": "FrameContentSequence",
        "DimensionIndexPointer": "InStackPositionNumber"}],
}
CASES: Mapping[str, tuple[str, Any, dict[str, Any]]] = {
    "enhanced-ct": (ENHANCED_CT, gray("u2", 4095, (3, 8, 9)), {"bits_stored": 12, **STACK}),
    "enhanced-mr": (ENHANCED_MR, gray("u2", 4095, (3, 8, 9)), {"bits_stored": 12, **STACK}),
    "binary-segmentation": (SEGMENTATION, gray("u1", 1, (3, 8, 9)).astype(bool), {"SegmentationType": "BINARY", **STACK}),
    "us-multi-frame": (US_MULTI_FRAME, gray("u1", 255, (3, 8, 9)), {"FrameTime": 40}),
    "us-multi-frame-colour": (US_MULTI_FRAME, gray("u1", 255, (3, 8, 9, 3)), {"FrameTime": 40, "UltrasoundColorDataPresent": 1}),
    "cr": (CR, gray("u2", 4095, (8, 9)), {"bits_stored": 12}),
    "dx": (DX, gray("u2", 4095, (8, 9)), {"bits_stored": 12}),
    "mg": (MG, gray("u2", 4095, (8, 9)), {"bits_stored": 12}),
}


def facts(sop_class: str, frames: int) -> dict[str, Any]:
    """What the tables demand of a user; every frame has groups of its own, and its place in the stack."""
    given = facts_of_user(sop_class, told_of(sop_class))
    named = {tag.keyword: given[tag].value for tag in given if tag.keyword not in OF_THE_ARRAY}
    if "PerFrameFunctionalGroupsSequence" in named:
        groups = [copy.deepcopy(named["PerFrameFunctionalGroupsSequence"][0]) for _ in range(frames)]
        for number, group in enumerate(groups, 1):
            for content in group.FrameContentSequence:
                content.update({"StackID": "1", "InStackPositionNumber": number, "DimensionIndexValues": number})
        named["PerFrameFunctionalGroupsSequence"] = groups
    return named


@pytest.mark.peer
@pytest.mark.parametrize("compression", [None, "implicit", "jpeg2000-lossless"])
@pytest.mark.parametrize("case", CASES)
def test_other_classes_miss_nothing(case: str, compression: str | None, peer: Callable[[str], str], tmp_path: Path) -> None:
    sop_class, array, options = CASES[case]
    frames = len(array) if array.ndim > 2 else 1
    given = facts(sop_class, frames) | options
    before = copy.deepcopy(given)
    assert imwrite(tmp_path / "whole.dcm", array, sop_class=sop_class, compression=compression, **given).ok
    with Writer(tmp_path / "frames.dcm", sop_class=sop_class, compression=compression, frames=frames, **given) as writer:
        writer.extend(array if frames > 1 else array[None])
    for path in (tmp_path / "whole.dcm", tmp_path / "frames.dcm"):
        assert np.array_equal(imread(path), array)
        assert missed(peer("dciodvfy"), path) == () and dcmenc.verify(path).ok
        if compression is None:
            assert np.array_equal(pydicom.dcmread(path).pixel_array, array)
    assert given == before


def test_bool_is_packed_in_a_binary_segmentation_only() -> None:
    sop_class, array, options = CASES["binary-segmentation"]
    allocated = {}
    for kind in ("BINARY", "FRACTIONAL"):
        fractional = {"MaximumFractionalValue": 1, "SegmentationFractionalType": "OCCUPANCY"} if kind == "FRACTIONAL" else {}
        given = facts(sop_class, 3) | options | fractional | {"SegmentationType": kind}
        file = io.BytesIO()
        imwrite(file, array, sop_class=sop_class, bits_stored=None if kind == "BINARY" else 8, **given)
        allocated[kind] = dcmread(file.getvalue()).BitsAllocated
        assert np.array_equal(imread(file.getvalue()), array)
    assert allocated == {"BINARY": 1, "FRACTIONAL": 8}
    with pytest.raises(PixelError, match="single bits, which RLE Lossless does not"):
        imwrite(io.BytesIO(), array, sop_class=sop_class, compression="rle", **(facts(sop_class, 3) | options))
