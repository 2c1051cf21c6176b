"""MATLAB's ``dicomwrite`` and ``dicomread``: every form, option and conflict, arrays in both orders, what is created, copied, reported."""

from __future__ import annotations

import io
import itertools
import os
import re
import subprocess
import warnings
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from test_images import OF_CLASS

from dcmenc import Dataset, DcmencWarning, PixelError, VerifyError, dcmread, dicominfo, dicomread, dicomwrite
from dcmenc.dictionary import keyword_table
from dcmenc.matlab_arrays import frames_first, matlab_order, rescaled
from dcmenc.matlab_call import OPTIONS, Options

Peer = Callable[[str], str]
SC = "1.2.840.10008.5.1.4.1.1.7"
CT, MR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"
SOME = np.random.default_rng(8)
BYTES = SOME.integers(0, 256, (5, 7), "u1")
WORDS = SOME.integers(0, 4096, (5, 7), "u2")
COLOUR = SOME.integers(0, 256, (5, 7, 3), "u1")
MOMENT = datetime(2026, 11, 23, 4, 5, 6, 789)


def written(*arguments: Any, **named: Any) -> tuple[Any, Any]:
    """The file as pydicom reads it, and the status; the target is put behind the array, or behind the colormap."""
    file = io.BytesIO()
    place = 1 + (len(arguments) > 1 and isinstance(arguments[1], np.ndarray))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DcmencWarning)
        status = dicomwrite(*arguments[:place], file, *arguments[place:], **named)
    file.seek(0)
    return pydicom.dcmread(file), status


def errors_of(dciodvfy: str, path: Path) -> list[str]:
    run = subprocess.run([dciodvfy, path], capture_output=True, text=True, errors="replace", env={"LC_ALL": "C", "PATH": os.defpath})
    return [line for line in run.stderr.splitlines() if line.startswith("Error")]


# ---- forms


def test_the_forms_of_a_call_are_the_same_call() -> None:
    struct = {"PatientID": "7", "SliceThickness": 2}
    forms: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
        ((struct,), {}),
        (({"PatientID": "7"}, {"SliceThickness": 2}), {}),
        (("PatientID", "7", "SliceThickness", 2), {}),
        (("patientid", "7", {"SliceThickness": 2}), {}),
        ((), struct),
        ((Dataset(struct),), {}),
    ]
    for arguments, named in forms:
        ds, status = written(WORDS, *arguments, ObjectType="CT Image Storage", **OF_CLASS["CT"], **named)
        assert (ds.PatientID, ds.SliceThickness, ds.SOPClassUID) == ("7", 2, CT), (arguments, named)
        assert len(status) == 4


def test_what_is_named_wins_over_structs_and_later_structs_over_earlier_ones() -> None:
    ds, _ = written(BYTES, "PatientID", "named", {"PatientID": "first", "PatientSex": "M"}, {"PatientID": "last", "PatientSex": "F"})
    assert (ds.PatientID, ds.PatientSex) == ("named", "F")


@pytest.mark.parametrize("arguments", [
    (), (3, "a.dcm"), ("a.dcm", 3), ("a.dcm", "VR"), ("a.dcm", "NoSuchThing", 1), ("a.dcm", {}, 7), ({}, "a.dcm"),
])
def test_arguments_in_no_order_that_there_is_are_an_error_and_no_file(arguments: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises((TypeError, PixelError)):
        dicomwrite(BYTES, *arguments)
    assert not list(tmp_path.iterdir())


def test_the_array_comes_first() -> None:
    with pytest.raises(TypeError, match="array comes first"):
        dicomwrite("a.dcm", BYTES)


def test_an_empty_colormap_is_none() -> None:
    ds, _ = written(BYTES, np.zeros((0, 3)))
    assert ds.PhotometricInterpretation == "MONOCHROME2"


# ---- options: every value, every conflict

IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
RLE, LOSSLESS, ANY_PREDICTOR, BASELINE, J2K, J2K_LOSSY = (
    "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.91")
MODES = {"None": IMPLICIT, "RLE": RLE, "JPEG lossless": LOSSLESS, "JPEG lossy": BASELINE, "JPEG2000 lossless": J2K,
         "JPEG2000 lossy": J2K_LOSSY}

ENCODINGS: list[tuple[dict[str, Any], str]] = [
    ({}, IMPLICIT),
    ({"VR": "implicit"}, IMPLICIT), ({"VR": "Explicit"}, EXPLICIT), ({"vr": "EXPLICIT"}, EXPLICIT),
    ({"Endian": "Little"}, IMPLICIT), ({"Endian": "little", "VR": "explicit"}, EXPLICIT), ({"Endian": "Big", "VR": "Explicit"}, BIG),
    *(({"CompressionMode": word}, uid) for mode, uid in MODES.items() for word in (mode, mode.lower(), mode.upper())),
    # CompressionMode goes before VR and Endian, but 'None' says nothing
    *(({"CompressionMode": mode, "VR": "implicit", "Endian": "big"}, uid) for mode, uid in MODES.items() if mode != "None"),
    ({"CompressionMode": "none", "VR": "explicit"}, EXPLICIT),
    # TransferSyntax goes before all
    *(({"TransferSyntax": uid, "CompressionMode": "JPEG lossy", "Endian": "big", "VR": "implicit"}, uid)
      for uid in (IMPLICIT, EXPLICIT, BIG, RLE, LOSSLESS, ANY_PREDICTOR, J2K, "1.2.840.10008.1.2.1.99")),
    ({"TransferSyntaxUID": RLE}, RLE),
    ({"CompressionMode": "JPEG lossless", "predictor": 4}, ANY_PREDICTOR), ({"CompressionMode": "JPEG lossless", "predictor": 1}, LOSSLESS),
    ({"CompressionMode": "JPEG lossy", "quality": 75}, BASELINE), ({"CompressionMode": "JPEG2000 lossy", "ratio": 3}, J2K_LOSSY),
]


@pytest.mark.filterwarnings("ignore::dcmenc.DcmencWarning")
@pytest.mark.parametrize(("options", "uid"), ENCODINGS, ids=str)
@pytest.mark.parametrize("positional", [False, True])
def test_an_encoding(options: dict[str, Any], uid: str, positional: bool) -> None:
    pairs = tuple(part for pair in options.items() for part in pair)
    ds, status = written(BYTES, *pairs) if positional else written(BYTES, **options)
    assert ds.file_meta.TransferSyntaxUID == uid and status.ok
    before = [name for name in ("TransferSyntax", "CompressionMode", "Endian", "VR") if options.get(name, "None").lower() != "none"]
    ignored = [finding.keyword for finding in status.report.findings if finding.code == "option-ignored"]
    assert ignored == (before[1:] if before and before[0] in ("TransferSyntax", "CompressionMode") else [])


CONFLICTS: list[tuple[dict[str, Any], str]] = [
    ({"Endian": "big"}, "Endian 'big' goes with VR 'explicit'"),
    ({"Endian": "Big", "VR": "implicit"}, "Endian 'big' goes with VR 'explicit'"),
    ({"Endian": "Big", "CompressionMode": "None"}, "Endian 'big' goes with VR 'explicit'"),
    ({"Endian": "middle"}, "'little', 'big'"),
    ({"VR": "yes"}, "'explicit', 'implicit'"),
    ({"CompressionMode": "JPEG"}, "'JPEG lossless', 'JPEG lossy'"),
    ({"CreateMode": "paste"}, "'Create', 'Copy'"),
    ({"TransferSyntax": "1.2.3"}, "1.2.3"),
    ({"TransferSyntax": 5}, "TransferSyntax is a text"),
    ({"ObjectType": "CT Image Storage", "SOPClassUID": MR}, "give one of them"),
    ({"ObjectType": "No Such Storage"}, "no SOP class"),
    ({"SOPClassUID": "CT Image Storage"}, "names go with ObjectType"),
    ({"MultiframeSingleFile": "maybe"}, "true or false"),
    ({"UseMetadataBitDepths": 2}, "true or false"),
    ({"WritePrivate": "si"}, "true or false"),
    ({"axes": "fortran"}, "'matlab', 'numpy'"),
    ({"quality": 80}, "JPEG lossy"),
    ({"quality": 80, "CompressionMode": "RLE"}, "JPEG lossy"),
    ({"ratio": 80, "CompressionMode": "JPEG lossy"}, "JPEG2000 lossy"),
    ({"predictor": 2, "CompressionMode": "RLE"}, "JPEG lossless"),
    ({"per_frame": {"SliceLocation": [1]}}, "MultiframeSingleFile=False"),
]


@pytest.mark.parametrize(("options", "message"), CONFLICTS, ids=str)
def test_a_conflict_is_an_error_and_no_file(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        dicomwrite(BYTES, tmp_path / "image.dcm", **options)
    assert not list(tmp_path.iterdir())


def test_text_that_says_false_is_false(tmp_path: Path) -> None:
    frames = np.stack([BYTES] * 3, -1)[:, :, None, :]
    for word in ("false", "FALSE", 0, False, np.bool_(False)):
        assert len(dicomwrite(frames, tmp_path / "image.dcm", "MultiframeSingleFile", word).files) == 3
    for word in ("true", 1, True):
        assert len(dicomwrite(frames, tmp_path / "image.dcm", "MultiframeSingleFile", word).files) == 1


def test_each_option_is_a_field_of_the_options_and_no_keyword_of_an_attribute() -> None:
    assert set(OPTIONS) == {field.name for field in fields(Options)}
    assert {name.lower() for name in OPTIONS} & {keyword.lower() for keyword in keyword_table()} == {"sopclassuid"}


# ---- arrays

DTYPES = ("u1", "i1", "u2", "i2", "u4", "i4", "?")


def limits(dtype: str) -> tuple[int, int]:
    return (0, 1) if dtype == "?" else (np.iinfo(dtype).min, np.iinfo(dtype).max)


def holds(dtype: str, colour: bool, frames: int) -> bool:
    """Whether Secondary Capture, of one frame or several, has such pixels (PS3.3 A.8)."""
    if colour:
        return dtype in (("u1",) if frames > 1 else ("u1", "u2", "u4"))
    return frames == 1 or dtype in ("?", "u1", "u2")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("ending", [(), (3,), (1, 1), (1, 4), (3, 4), (1, 3), (3, 1), (1,)], ids=str)
@pytest.mark.parametrize("mode", ["None", "RLE", "JPEG2000 lossless"])
def test_a_shape_and_a_class_of_pixels_in_matlabs_order(dtype: str, ending: tuple[int, ...], mode: str) -> None:
    low, high = limits(dtype)
    array = SOME.integers(low, high, (4, 6, *ending), "i8", endpoint=True).astype(dtype)
    colour, frames = ending[:1] == (3,), ending[1] if len(ending) > 1 else 1
    fits = holds(dtype, colour, frames) and (mode == "None" or dtype not in ("u4", "i4"))
    if not fits:
        with pytest.raises(PixelError):
            written(array, CompressionMode=mode)
        return
    ds, status = written(array, CompressionMode=mode)
    assert status.ok
    theirs = ds.pixel_array
    in_front = np.moveaxis(array, 3, 0) if array.ndim == 4 else array[np.newaxis]
    expected = in_front if colour else in_front.reshape(frames, 4, 6)
    assert np.array_equal(theirs.reshape(expected.shape), expected)
    squeezed = array if colour or array.ndim == 2 else array[:, :, 0] if array.ndim == 3 else array
    back = dicomread(io.BytesIO(file_of(ds)))
    assert np.array_equal(back.reshape(squeezed.shape), squeezed)
    assert back.ndim == (4 if frames > 1 else 3 if colour else 2)


def file_of(ds: Any) -> bytes:
    file = io.BytesIO()
    ds.save_as(file, enforce_file_format=True)
    return file.getvalue()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(4, 6), (4, 6, 3), (5, 4, 6), (5, 4, 6, 3)], ids=str)
def test_a_shape_and_a_class_of_pixels_in_numpys_order(dtype: str, shape: tuple[int, ...]) -> None:
    low, high = limits(dtype)
    array = SOME.integers(low, high, shape, "i8", endpoint=True).astype(dtype)
    colour, frames = shape[-1] == 3, shape[0] if shape[0] == 5 else 1
    if not holds(dtype, colour, frames):
        with pytest.raises(PixelError):
            written(array, axes="numpy")
        return
    ds, _ = written(array, axes="numpy")
    assert np.array_equal(ds.pixel_array, array)
    assert np.array_equal(dicomread(io.BytesIO(file_of(ds)), axes="numpy"), array)


@pytest.mark.parametrize(("array", "options", "message"), [
    (np.zeros((4, 5, 6), "u1"), {}, "give X[:, :, None, :]; for 4 frames of 5 rows and 6 columns give axes='numpy'"),
    (np.zeros((4, 5, 2, 6), "u1"), {}, "axes='numpy'"),
    (np.zeros((2, 2, 2, 2, 2), "u1"), {}, "MATLAB's order"),
    (np.zeros(5, "u1"), {}, "MATLAB's order"),
    (np.zeros((0, 5), "u1"), {}, "no pixels"),
    (np.zeros((4, 5)), {}, "rescale=True"),
    (np.zeros((4, 5), "f4"), {}, "rescale=True"),
    (np.zeros((4, 5), "c8"), {}, "complex"),
    (np.zeros((4, 5), "i8"), {}, "astype('uint8')"),
    (np.ma.masked_array(np.zeros((4, 5), "u1"), True), {}, "masked"),
    (np.full((4, 5), np.nan), {"rescale": True}, "NaN"),
    (np.array([[0.0, 1.0]]), {"colormap": np.zeros((2, 3))}, "from 1 to the 2 rows"),
    (np.array([[1.5]]), {"colormap": np.zeros((2, 3))}, "whole numbers"),
    (np.array([[3.0]]), {"colormap": np.zeros((2, 3))}, "from 1 to the 2 rows"),
    (np.zeros((4, 5, 3), "u1"), {"colormap": np.zeros((2, 3))}, "indexed image"),
    (WORDS, {"CompressionMode": "JPEG lossy"}, "JPEG 2000"),
    (np.zeros((4, 5, 3), "u1"), {"ObjectType": "CT Image Storage"}, "RGB"),
    (np.zeros((4, 5, 1, 2), "u2"), {"ObjectType": "MR Image Storage"}, "file a frame"),
    ("text", {}, "array comes first"),
], ids=lambda value: f"{value.dtype}{value.shape}" if isinstance(value, np.ndarray) else str(value))
def test_an_array_that_is_none_is_told_what_to_do(array: Any, options: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises((PixelError, TypeError), match=re.escape(message)):
        dicomwrite(array, tmp_path / "image.dcm", **options)
    assert not list(tmp_path.iterdir())


def test_a_volume_is_written_where_the_photometric_interpretation_says_what_it_is() -> None:
    volume = SOME.integers(0, 256, (4, 5, 3), "u1")
    ds, _ = written(volume, photometric="MONOCHROME2")
    assert (ds.NumberOfFrames, ds.Rows, ds.Columns) == (3, 4, 5) and np.array_equal(ds.pixel_array, np.moveaxis(volume, 2, 0))


def test_a_colormap_becomes_a_palette_and_comes_back() -> None:
    colours = SOME.random((256, 3))
    ds, _ = written(BYTES, colours)
    assert ds.PhotometricInterpretation == "PALETTE COLOR" and list(ds.RedPaletteColorLookupTableDescriptor) == [256, 0, 16]
    X, cmap = dicomread(io.BytesIO(file_of(ds)), nargout=2)
    assert np.array_equal(X, BYTES) and np.abs(cmap - colours).max() <= 0.5 / 65535
    from_one, _ = written(BYTES + 1.0, colours)
    assert np.array_equal(from_one.pixel_array, BYTES), "floats count from 1"


@given(hnp.arrays(st.sampled_from(["u1", "i2"]), st.tuples(*[st.integers(1, 4)] * 2, st.sampled_from([1, 3]), st.integers(1, 4))))
def test_the_order_of_axes_turned_and_turned_back_is_the_same(array: Any) -> None:
    layout = frames_first(array, "matlab", None, False)
    back = matlab_order(layout.pixels, array.shape[2])
    assert np.array_equal(back.reshape(array.shape), array)


@given(hnp.arrays("f8", hnp.array_shapes(min_dims=2, max_dims=2, max_side=6), elements=st.floats(-1e12, 1e12)))
def test_rescaled_floats_come_back_as_near_as_is_said(values: Any) -> None:
    try:
        scaled = rescaled(values)
    except PixelError as error:
        assert "no slope and intercept" in str(error)
        return
    assert scaled.pixels.dtype.itemsize == 2
    slope, intercept = float(f"{scaled.slope}"), float(f"{scaled.intercept}")
    assert len(str(pydicom.valuerep.DSfloat(slope, auto_format=True))) <= 16
    assert np.abs(scaled.pixels * slope + intercept - values).max() <= scaled.error <= scaled.slope
    if (values == np.rint(values)).all() and np.ptp(values) <= 65535 and abs(values).max() < 1e9:
        assert scaled.error == 0 and scaled.slope == 1


def test_floats_are_rescaled_where_that_is_asked_for() -> None:
    values = SOME.normal(size=(6, 7))
    ds, status = written(values, rescale=True)
    assert np.abs(ds.pixel_array * float(ds.RescaleSlope) + float(ds.RescaleIntercept) - values).max() < np.ptp(values) / 65535
    assert ds.RescaleType == "US" and "rescaled" in {finding.code for finding in status.report.findings}
    with pytest.raises(ValueError, match="computes RescaleSlope"):
        written(values, rescale=True, RescaleSlope=2)
    with pytest.raises(PixelError, match="rescale=True"):
        written(values, rescale=False)


@pytest.mark.parametrize("mode", ["Create", "Copy"])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_floats_stay_floats_in_a_class_that_has_them(mode: str, dtype: str) -> None:
    values = SOME.normal(size=(4, 6, 1, 3)).astype(dtype)
    ds, _ = written(values, {"SOPInstanceUID": "1.2.3"}, ObjectType="Parametric Map Storage", CreateMode=mode)
    assert ("FloatPixelData" if dtype == "f4" else "DoubleFloatPixelData") in ds and "BitsStored" not in ds
    assert np.array_equal(ds.pixel_array, np.moveaxis(values[:, :, 0], 2, 0))
    assert np.array_equal(dicomread(file_of(ds)), values)
    written(values.astype("f4"), ObjectType="Height Map Segmentation Storage", CreateMode=mode)  # which has nothing but floats
    with pytest.raises(PixelError, match="RLE Lossless holds no floats"):
        written(values, ObjectType="Parametric Map Storage", CompressionMode="RLE")


# ---- Create

# What MATLAB writes for a colour image, in the order of the file; Laterality is ours (PS3.3 C.7.3.1: 2C).
ELEMENTS = (
    "SOPClassUID", "SOPInstanceUID", "StudyDate", "ContentDate", "StudyTime", "ContentTime", "AccessionNumber", "Modality",
    "ConversionType", "ReferringPhysicianName", "PatientName", "PatientID", "PatientBirthDate", "PatientSex",
    "SecondaryCaptureDeviceManufacturer", "SecondaryCaptureDeviceManufacturerModelName", "StudyInstanceUID", "SeriesInstanceUID",
    "StudyID", "SeriesNumber", "InstanceNumber", "PatientOrientation", "Laterality", "SamplesPerPixel", "PhotometricInterpretation",
    "PlanarConfiguration", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelData")
META = ("FileMetaInformationGroupLength", "FileMetaInformationVersion", "MediaStorageSOPClassUID", "MediaStorageSOPInstanceUID",
        "TransferSyntaxUID", "ImplementationClassUID", "ImplementationVersionName")


def test_the_elements_are_those_that_matlab_writes() -> None:
    ds, status = written(COLOUR, clock=lambda: MOMENT)
    assert tuple(element.keyword for element in ds) == ELEMENTS
    assert tuple(element.keyword for element in ds.file_meta) == META
    assert ds.preamble == bytes(128) and (ds.Modality, ds.ConversionType) == ("OT", "WSD")
    assert (ds.ContentDate, ds.ContentTime, ds.StudyDate) == ("20261123", "040506.000789", "")
    assert ds.file_meta.TransferSyntaxUID == IMPLICIT and not ds.SOPInstanceUID.startswith("1.3.6.1.4.1.9590")
    assert len(status) == 0 and status.ok, "MATLAB's status is empty where no metadata are given"
    gray, _ = written(BYTES)
    assert tuple(element.keyword for element in gray) == tuple(word for word in ELEMENTS if word != "PlanarConfiguration")


def test_identifiers_and_the_clock_are_the_callers_where_he_gives_them() -> None:
    def numbered() -> Callable[[], str]:
        return (f"1.2.3.{number}" for number in itertools.count(1)).__next__

    first, second = (file_of(written(WORDS, uid_source=numbered(), clock=lambda: MOMENT)[0]) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("array", [
    BYTES, WORDS, COLOUR, WORDS.astype("i2"), BYTES > 99, np.stack([BYTES] * 3, -1)[:, :, None, :], np.stack([COLOUR] * 3, -1),
    np.stack([BYTES > 9] * 2, -1)[:, :, None, :]], ids=lambda array: f"{array.dtype}{array.shape}")
@pytest.mark.parametrize("mode", ["None", "RLE", "JPEG lossless", "JPEG2000 lossless"])
def test_dciodvfy_has_no_error_for_secondary_capture(array: Any, mode: str, peer: Peer, tmp_path: Path) -> None:
    status = dicomwrite(array, tmp_path / "image.dcm", CompressionMode=mode, PatientName={"FamilyName": "Yamada", "GivenName": "Tarou"})
    assert status.ok and not errors_of(peer("dciodvfy"), tmp_path / "image.dcm")


# The facts that only a person can give.
FACTS: Mapping[str, Mapping[str, Any]] = {
    "CT Image Storage": {**OF_CLASS["CT"], "BodyPartExamined": "HEAD"},
    "MR Image Storage": {**OF_CLASS["MR"], "BodyPartExamined": "HEAD"},
}


@pytest.mark.parametrize("name", FACTS)
@pytest.mark.parametrize("mode", ["None", "RLE", "JPEG lossless", "JPEG2000 lossless"])
def test_dciodvfy_has_no_error_for_ct_and_mr_with_the_facts_that_only_a_person_can_give(
    name: str, mode: str, peer: Peer, tmp_path: Path
) -> None:
    status = dicomwrite(WORDS, tmp_path / "image.dcm", dict(FACTS[name]), ObjectType=name, CompressionMode=mode)
    assert status.ok, str(status)
    assert not errors_of(peer("dciodvfy"), tmp_path / "image.dcm")


@pytest.mark.parametrize("name", FACTS)
def test_without_those_facts_the_status_has_what_dciodvfy_misses_and_nothing_is_invented(name: str, peer: Peer, tmp_path: Path) -> None:
    path = tmp_path / "image.dcm"
    with pytest.warns(DcmencWarning, match="status.MissingData"):
        status = dicomwrite(WORDS, path, ObjectType=name)
    missing = {finding.keyword for finding in status.MissingData}
    theirs = {match[1] for line in errors_of(peer("dciodvfy"), path)
              if (match := re.search(r"Missing attribute Type 1C? Required Element=<(\w+)>", line))}
    assert missing == theirs and missing
    ds = dcmread(path)
    assert not any(keyword in ds for keyword in missing)


@pytest.mark.parametrize("name", FACTS)
def test_strict_raises_where_facts_are_missing_and_writes_nothing(name: str, tmp_path: Path) -> None:
    with pytest.raises(VerifyError, match="ImagePositionPatient"):
        dicomwrite(WORDS, tmp_path / "image.dcm", ObjectType=name, strict=True)
    assert not list(tmp_path.iterdir())
    assert dicomwrite(WORDS, tmp_path / "image.dcm", ObjectType=name, strict=True, **FACTS[name]).ok


def test_what_a_struct_says_of_another_iod_is_left_out_and_reported() -> None:
    struct = {**FACTS["CT Image Storage"], "SOPClassUID": CT, "KVP": 120, "PatientID": "7", "WindowCenter": 40, "WindowWidth": 400}
    ds, status = written(WORDS, struct, ObjectType="Secondary Capture Image Storage", SliceThickness=2)
    assert "KVP" not in ds and "KVP" in status.dropped and ds.SOPClassUID == SC
    assert ds.SliceThickness == 2, "what is named by itself stays"
    assert (ds.RescaleSlope, ds.RescaleIntercept, ds.WindowCenter) == (1, -1024, 40), "what pixels mean stays"
    with pytest.raises(VerifyError, match="KVP"):
        written(WORDS, struct, ObjectType="Secondary Capture Image Storage", strict=True)


def test_the_class_is_that_of_the_struct_unless_another_is_asked_for() -> None:
    struct = {**FACTS["MR Image Storage"], "SOPClassUID": MR, "SOPInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.4"}
    ds, status = written(WORDS, struct)
    assert (ds.SOPClassUID, ds.SeriesInstanceUID) == (MR, "1.2.4") and ds.SOPInstanceUID != "1.2.3"
    assert "SOPInstanceUID" in status.overridden and "SOPInstanceUID" not in status.dropped
    with pytest.raises(ValueError, match="CreateMode='Copy'"):
        written(WORDS, {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.104.1"})


def test_unknown_fields_are_bad_attributes_and_unknown_names_errors() -> None:
    ds, status = written(BYTES, {"PatientID": "7", "MyOwnField": 3})
    assert ds.PatientID == "7" and [finding.keyword for finding in status.BadAttribute] == ["MyOwnField"] and not status.ok
    assert "MyOwnField" in status.dropped
    with pytest.raises(TypeError, match="SliceThickness"):
        written(BYTES, SliceThicknes=3)
    with pytest.raises(TypeError, match="the pixels are the array"):
        written(BYTES, PixelData=b"")


def test_a_value_that_is_not_enumerated_is_suspect() -> None:
    _, status = written(BYTES, PatientSex="X")
    assert [finding.keyword for finding in status.SuspectAttribute] == ["PatientSex"] and not status.ok


def test_private_attributes_are_written_on_request_only() -> None:
    struct = {"PatientID": "7", "Private_0009_10xx_Creator": "ACME 1.1", "Private_0009_1001": "x"}
    ds, status = written(BYTES, struct)
    assert not any(element.tag.is_private for element in ds) and set(status.dropped) == {"(0009,0010)", "(0009,1001)"}
    ds, status = written(BYTES, struct, WritePrivate=True)
    assert ds.private_block(0x0009, "ACME 1.1")[0x01].value in ("x", b"x\0", b"x ") and not status.dropped
    assert ds.file_meta.TransferSyntaxUID == EXPLICIT, "in Implicit VR nobody could read it"


# ---- several files


def test_a_file_for_each_frame_is_one_series(tmp_path: Path) -> None:
    frames = SOME.integers(0, 4096, (4, 6, 1, 12), "u2")
    positions = np.array([[0, 0, 2.5 * number] for number in range(12)])
    facts = {key: value for key, value in FACTS["CT Image Storage"].items() if key != "ImagePositionPatient"}
    status = dicomwrite(frames, tmp_path / "slice.dcm", dict(facts), ObjectType="CT Image Storage", MultiframeSingleFile=False,
                        per_frame={"ImagePositionPatient": positions})
    assert status.files == tuple(str(tmp_path / f"slice_{number:03}.dcm") for number in range(1, 13)) and status.ok
    made = [pydicom.dcmread(path) for path in status.files]
    assert len({ds.SOPInstanceUID for ds in made}) == 12
    assert len({(ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID) for ds in made}) == 1
    assert [ds.InstanceNumber for ds in made] == list(range(1, 13)) and not any("NumberOfFrames" in ds for ds in made)
    for number, ds in enumerate(made):
        assert np.array_equal(ds.pixel_array, frames[:, :, 0, number]) and list(ds.ImagePositionPatient) == positions[number].tolist()


def test_a_thousand_frames_need_four_digits_and_one_frame_none(tmp_path: Path) -> None:
    one = dicomwrite(BYTES, tmp_path / "one.dcm", MultiframeSingleFile=False)
    assert one.files == (str(tmp_path / "one.dcm"),)
    many = dicomwrite(np.zeros((1, 1, 1, 1000), "u1"), tmp_path / "many.dcm", MultiframeSingleFile=False)
    assert many.files[0].endswith("many_0001.dcm") and many.files[-1].endswith("many_1000.dcm")


def test_per_frame_values_are_counted(tmp_path: Path) -> None:
    with pytest.raises(PixelError, match="one value for each of 2 frames, not 3"):
        dicomwrite(np.zeros((1, 1, 1, 2), "u1"), tmp_path / "a.dcm", MultiframeSingleFile=False, per_frame={"SliceLocation": [1, 2, 3]})
    with pytest.raises(TypeError, match="path"):
        dicomwrite(np.zeros((1, 1, 1, 2), "u1"), io.BytesIO(), MultiframeSingleFile=False)
    assert not list(tmp_path.iterdir())


# ---- Copy


def test_a_copy_is_verbatim_but_for_what_the_pixels_say() -> None:
    struct = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.128", "SOPInstanceUID": "1.2.3", "Rows": 9, "BitsStored": 12, "KVP": 120,
              "PhotometricInterpretation": "MONOCHROME1", "SmallestImagePixelValue": int(WORDS.min()), "LargestImagePixelValue": 7}
    ds, status = written(WORDS, struct, CreateMode="copy")
    assert (ds.SOPClassUID, ds.SOPInstanceUID, ds.KVP) == ("1.2.840.10008.5.1.4.1.1.128", "1.2.3", 120)
    assert (ds.Rows, ds.BitsStored, ds.PhotometricInterpretation) == (5, 16, "MONOCHROME1")
    assert ds.SmallestImagePixelValue == WORDS.min() and status.dropped == ("LargestImagePixelValue",)
    assert "StudyInstanceUID" not in ds and set(status.overridden) == {"Rows", "BitsStored"} and status.ok


def test_the_depth_of_the_metadata_is_kept_on_request_and_only_in_a_copy() -> None:
    struct = {"SOPClassUID": CT, "SOPInstanceUID": "1.2.3", "BitsAllocated": 16, "BitsStored": 12, "HighBit": 11}
    for use, mode, stored in ((True, "Copy", 12), ("true", "copy", 12), (False, "Copy", 16)):
        ds, _ = written(WORDS, struct, CreateMode=mode, UseMetadataBitDepths=use)
        assert (ds.BitsAllocated, ds.BitsStored, ds.HighBit) == (16, stored, stored - 1) and np.array_equal(ds.pixel_array, WORDS)
    ds, _ = written(WORDS, {**struct, **FACTS["CT Image Storage"]}, UseMetadataBitDepths=True)
    assert ds.BitsStored == 16, "it has no effect in Create mode"
    wide, _ = written(BYTES, struct, CreateMode="Copy", UseMetadataBitDepths=True)
    assert wide.BitsAllocated == 16 and np.array_equal(wide.pixel_array, BYTES)
    for change, array, message in (({"BitsStored": 8, "HighBit": 7}, WORDS, "8 unsigned bits"),
                                   ({"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}, WORDS, "do not fit"),
                                   ({"HighBit": 15}, WORDS, "HighBit is 15"), ({"BitsStored": 17, "HighBit": 16}, WORDS, "BitsStored 17")):
        with pytest.raises(ValueError, match=message):
            written(array, {**struct, **change}, CreateMode="Copy", UseMetadataBitDepths=True)


def test_a_copy_with_loss_is_a_new_instance() -> None:
    struct = {"SOPClassUID": SC, "SOPInstanceUID": "1.2.3"}
    assert written(BYTES, struct, CreateMode="Copy", CompressionMode="JPEG2000 lossless")[0].SOPInstanceUID == "1.2.3"
    lossy, status = written(BYTES, struct, CreateMode="Copy", CompressionMode="JPEG lossy")
    assert lossy.SOPInstanceUID != "1.2.3" and lossy.LossyImageCompression == "01" and "SOPInstanceUID" in status.overridden


def test_a_copy_of_a_palette_keeps_it_and_colour_is_rgb() -> None:
    palette, _ = written(BYTES, SOME.random((256, 3)))
    ds, _ = written(BYTES, palette, CreateMode="Copy")
    assert ds.PhotometricInterpretation == "PALETTE COLOR" and ds.RedPaletteColorLookupTableData == palette.RedPaletteColorLookupTableData
    ds, status = written(COLOUR, {"SOPClassUID": SC, "PhotometricInterpretation": "YBR_FULL_422"}, CreateMode="Copy")
    assert ds.PhotometricInterpretation == "RGB" and "PhotometricInterpretation" in status.overridden


# ---- dicomread


def test_frames_are_counted_from_one() -> None:
    frames = SOME.integers(0, 256, (4, 6, 3, 5), "u1")
    ds, _ = written(frames, CompressionMode="RLE")
    file = file_of(ds)
    assert np.array_equal(dicomread(file), frames)
    assert np.array_equal(dicomread(file, "frames", [5, 1]), frames[..., [4, 0]])
    assert np.array_equal(dicomread(file, frames=2), frames[..., 1])
    assert np.array_equal(dicomread(file, "Frames", "all", "UseVRHeuristic", True), frames)
    for wrong in (0, 6, 1.5, "first", [], -1):
        with pytest.raises((IndexError, ValueError)):
            dicomread(file, frames=wrong)
    with pytest.raises(TypeError):
        dicomread(file, "frames")
    with pytest.raises(TypeError):
        dicomread(file, colour="rgb")


def test_datasets_and_structs_are_read_as_well_as_files(tmp_path: Path) -> None:
    dicomwrite(WORDS, tmp_path / "image.dcm", CompressionMode="RLE")
    for source in (tmp_path / "image.dcm", str(tmp_path / "image.dcm"), dcmread(tmp_path / "image.dcm"),
                   pydicom.dcmread(tmp_path / "image.dcm"), dicominfo(tmp_path / "image.dcm")):
        assert np.array_equal(dicomread(source), WORDS), type(source)
    with pytest.raises(ValueError, match="names no file"):
        dicomread({"PatientID": "7"})


def test_four_values_are_read() -> None:
    ds, _ = written(BYTES, {"OverlayRows_0": 2})
    file = file_of(ds)
    X, cmap, alpha, overlays = dicomread(file, nargout=4)
    assert np.array_equal(X, BYTES) and cmap.shape == (0, 3) and alpha.size == 0 and overlays.shape == (5, 7, 1, 0)


def test_overlays_are_laid_on_the_image() -> None:
    ds, _ = written(BYTES)
    plane = SOME.integers(0, 2, (3, 5), "u1")
    own = dcmread(file_of(ds))
    own.add(0x60000010, "US", 3)
    own.add(0x60000011, "US", 5)
    own.add(0x60000050, "SS", (2, 3))
    bits = np.packbits(plane.reshape(-1), bitorder="little").tobytes()
    own.add(0x60003000, "OW", bits + b"\0" * (len(bits) % 2))
    overlays = dicomread(own, nargout=4)[3]
    expected = np.zeros((5, 7), bool)
    expected[1:4, 2:7] = plane
    assert overlays.shape == (5, 7, 1, 1) and np.array_equal(overlays[:, :, 0, 0], expected)
