"""MATLAB's round on real files: ``dicominfo`` and ``dicomread``, then ``dicomwrite``, for every image of pydicom's wheel.

pydicom reads both files. What may differ in a copy stands in one table, each row with the condition under which it may.
"""

from __future__ import annotations

import io
import re
import subprocess
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.uid import RLELossless
from test_matlab import EXPLICIT, FACTS, IMPLICIT, J2K, LOSSLESS, SC, errors_of
from test_reading_files import BARE, PATHS

import dcmenc
from dcmenc import DcmencWarning, PixelError, Struct, dicominfo, dicomread, dicomwrite

Peer = Callable[[str], str]
pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::dcmenc.DcmencWarning"),
]

# Pixels that nobody reads, pydicom neither, and what is wrong with them.
UNREADABLE = {
    "JPEG2000-embedded-sequence-delimiter.dcm": "the codestream claims",
    "MR_truncated.dcm": "8130 are left",
    "badVR.dcm": "NumberOfFrames is '1A'",
    "meta_missing_tsyntax.dcm": "PhotometricInterpretation is missing",
    "nested_priv_SQ.dcm": "PhotometricInterpretation is missing",
}
CT, MR = Path(get_testdata_file("CT_small.dcm", download=False)), Path(get_testdata_file("MR_small.dcm", download=False))


@cache
def original(path: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return pydicom.dcmread(path, force=True)


# MATLAB's functions take files; data sets alone are read by dcmread(force=True).
PICTURES = [path for path in PATHS if "PixelData" in original(path) and path.name not in BARE]
READABLE = [path for path in PICTURES if path.name not in UNREADABLE]
every_image = pytest.mark.parametrize("path", READABLE, ids=lambda path: f"{path.parent.name}-{path.name}")


class Taken(NamedTuple):
    """What a MATLAB user has of a file."""

    X: Any
    info: Struct


@cache
def taken(path: Path) -> Taken:
    return Taken(dicomread(path), dicominfo(path))


def written(path: Path, **options: Any) -> tuple[Any, Any]:
    """The file written of another file's array and struct, as pydicom reads it, and the status."""
    file = io.BytesIO()
    status = dicomwrite(taken(path).X, file, taken(path).info, **options)
    file.seek(0)
    return pydicom.dcmread(file), status


def in_front(X: Any) -> Any:
    """MATLAB's order as pydicom's."""
    samples = X.shape[2] if X.ndim > 2 else 1
    frames = np.moveaxis(X, 3, 0) if X.ndim == 4 else X
    return frames[..., 0] if X.ndim == 4 and samples == 1 else frames


def test_the_images_are_those_that_pydicom_reads() -> None:
    assert len(READABLE) > 100 and {path.name for path in PICTURES} >= UNREADABLE.keys()
    for path in PICTURES:
        if path.name in UNREADABLE:
            with pytest.raises(ValueError if path.name[0] != "J" else dcmenc.CodecError, match=UNREADABLE[path.name]):
                dicomread(path)
            with pytest.raises((ValueError, AttributeError, RuntimeError)):
                _ = original(path).pixel_array


# That the values are those that pydicom reads, holds test_frames.py for imread, which has the same frames.

@every_image
def test_the_array_is_that_of_imread_in_matlabs_order(path: Path) -> None:
    colour = original(path).SamplesPerPixel == 3
    assert np.array_equal(in_front(taken(path).X), dcmenc.imread(path, color="rgb" if colour else None))


# ---- Copy: what may differ

# What describes the pixels: it has to be true of the new ones.
DESCRIPTION: Mapping[str, Callable[[Any], Any]] = {
    "SamplesPerPixel": lambda X: X.shape[2] if X.ndim > 2 else 1,
    "Rows": lambda X: X.shape[0],
    "Columns": lambda X: X.shape[1],
    "NumberOfFrames": lambda X: X.shape[3] if X.ndim > 3 else 1,
    "BitsAllocated": lambda X: 8 * X.dtype.itemsize,
    "BitsStored": lambda X: 8 * X.dtype.itemsize,
    "HighBit": lambda X: 8 * X.dtype.itemsize - 1,
    "PixelRepresentation": lambda X: int(X.dtype.kind == "i"),
    "PlanarConfiguration": lambda X: 0,
    "PhotometricInterpretation": lambda X: "RGB",
}

# The same of colour, where the encoding decides (PS3.5 8.2.2, 8.2.4).
OF_ENCODING = {("PlanarConfiguration", RLELossless): 1, ("PhotometricInterpretation", J2K): "YBR_RCT"}

# Why an attribute may be absent from a copy, and when: `old` is the source, `X` the pixels.
MAY_GO: Mapping[str, Callable[[Any, Any], bool]] = {
    # counted over pixels, and untrue of them
    "SmallestImagePixelValue": lambda old, X: old.SmallestImagePixelValue != X.min(),
    "LargestImagePixelValue": lambda old, X: old.LargestImagePixelValue != X.max(),
    # fills files up to a length, and means nothing (PS3.10 7.2)
    "DataSetTrailingPadding": lambda old, X: True,
    # points to an attribute that is not there (PS3.3 C.7.6.6)
    "FrameIncrementPointer": lambda old, X: old.FrameIncrementPointer not in old,
}


def elements(ds: Any) -> dict[Any, tuple[str, Any]]:
    """Tag -> VR and value; Group Lengths, which are retired and belong to an encoding, left out (PS3.5 7.2)."""
    return {element.tag: (element.VR, plain(element)) for element in ds if element.tag.element and element.tag != 0x7FE00010}


def plain(element: Any) -> Any:
    if element.VR == "SQ":
        return [elements(item) for item in element.value]
    if isinstance(element.value, bytes):
        # a byte that makes the length even (PS3.5 7.1.1)
        return element.value + b"\0" * (len(element.value) % 2)
    if element.is_empty:
        return None
    return repr(element.value)


def differences(path: Path, new: Any) -> Iterator[str]:
    """What a copy has otherwise than its source, and may not."""
    old, X = original(path), taken(path).X
    before, after = elements(old), elements(new)
    for tag in sorted(before.keys() | after.keys()):
        word = pydicom.datadict.keyword_for_tag(tag) or str(tag)
        if word in DESCRIPTION and tag in after:
            stated = OF_ENCODING.get((word, new.file_meta.TransferSyntaxUID), DESCRIPTION[word](X))
            if new[tag].value != stated and before.get(tag) != after[tag]:
                yield f"{word} is {new[tag].value}"
        elif word == "PerFrameFunctionalGroupsSequence" and tag in after:
            # one item for each frame, and not more
            if after[tag][1] != before[tag][1][:len(after[tag][1])] or len(after[tag][1]) != (X.shape[3] if X.ndim > 3 else 1):
                yield word
        elif tag not in after:
            if word not in MAY_GO or not MAY_GO[word](old, X):
                yield f"{word} is lost"
        elif before.get(tag) != after[tag]:
            yield f"{word}: {before.get(tag)} became {after[tag]}"


ENCODINGS = {
    "as it is by default": {}, "explicit": {"VR": "explicit"}, "RLE": {"CompressionMode": "RLE"},
    "JPEG lossless": {"CompressionMode": "JPEG lossless"}, "JPEG2000 lossless": {"CompressionMode": "JPEG2000 lossless"},
}
UIDS = {"RLE": RLELossless, "JPEG lossless": LOSSLESS, "JPEG2000 lossless": J2K, "explicit": EXPLICIT}


@every_image
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_copy_keeps_every_element_and_every_pixel(path: Path, encoding: str) -> None:
    X = taken(path).X
    if encoding not in ("as it is by default", "explicit") and X.dtype.itemsize == 4:
        with pytest.raises(PixelError, match="32 bits allocated"):
            written(path, CreateMode="Copy", WritePrivate=True, **ENCODINGS[encoding])
        return
    new, status = written(path, CreateMode="Copy", WritePrivate=True, **ENCODINGS[encoding])
    assert not list(differences(path, new))
    assert np.array_equal(new.pixel_array, in_front(X))
    assert status.ok and new.file_meta.MediaStorageSOPInstanceUID == original(path).SOPInstanceUID
    assert new.file_meta.TransferSyntaxUID in (UIDS.get(encoding, IMPLICIT), EXPLICIT)


@every_image
def test_the_status_of_a_copy_names_what_differs(path: Path) -> None:
    new, status = written(path, CreateMode="Copy", WritePrivate=True)
    old = original(path)
    gone = {element.keyword for element in old if element.tag.element and element.tag not in new}
    changed = {word for word in (*DESCRIPTION, "PerFrameFunctionalGroupsSequence")
               if word in old and word in new and plain(old[word]) != plain(new[word])}
    assert (set(status.dropped), set(status.overridden)) == (gone, changed)


@every_image
def test_metadata_bit_depths_keep_the_description_of_the_bits(path: Path) -> None:
    old = original(path)
    try:
        new, _ = written(path, CreateMode="Copy", WritePrivate=True, UseMetadataBitDepths=True)
    except ValueError as error:
        assert re.match("UseMetadataBitDepths: |.*BitsStored|.*bits", str(error)), error
        assert old.BitsAllocated == 1 or old.HighBit != old.BitsStored - 1 or outside(taken(path).X, old.BitsStored)
        return
    assert (new.BitsAllocated, new.BitsStored, new.HighBit) == (old.BitsAllocated, old.BitsStored, old.HighBit)
    assert np.array_equal(new.pixel_array, in_front(taken(path).X))


def outside(X: Any, stored: int) -> bool:
    low = -(1 << stored - 1) if X.dtype.kind == "i" else 0
    return bool(X.min() < low or X.max() >= low + (1 << stored))


# ---- Create

@every_image
def test_an_image_is_created_of_any_struct_or_the_error_names_copy_mode(path: Path) -> None:
    old = original(path)
    try:
        new, status = written(path)
    except ValueError as error:
        assert "CreateMode='Copy'" in str(error)
        assert path.name in NOT_CREATED and re.search(NOT_CREATED[path.name], str(error))
        return
    assert path.name not in NOT_CREATED
    assert len(status) == 4 and np.array_equal(new.pixel_array, in_front(taken(path).X))
    assert new.SOPInstanceUID != old.SOPInstanceUID, "a created image is a new instance"
    assert (new.get("StudyInstanceUID"), new.get("SeriesInstanceUID")) == (
        old.get("StudyInstanceUID") or new.get("StudyInstanceUID"), old.get("SeriesInstanceUID") or new.get("SeriesInstanceUID"))


# What no class holds, or says of itself in a way that nobody can check.
NOT_CREATED = {
    "SC_rgb_rle_16bit_2frame.dcm": "no Secondary Capture class holds 2 frames of 16-bit RGB",
    "SC_rgb_rle_32bit_2frame.dcm": "no Secondary Capture class holds 2 frames of 32-bit RGB",
    "rtdose_rle.dcm": "UseDictionaryVR=True",
    "rtdose_rle_1frame.dcm": "UseDictionaryVR=True",
}


@pytest.mark.parametrize("name", [name for name in NOT_CREATED if name.startswith("rtdose")])
def test_what_stands_in_un_is_created_with_the_vrs_of_the_dictionary(name: str) -> None:
    path = next(path for path in READABLE if path.name == name)
    file = io.BytesIO()
    status = dicomwrite(taken(path).X, file, dicominfo(path, UseDictionaryVR=True))
    file.seek(0)
    new = pydicom.dcmread(file)
    assert len(status) == 4 and new.SOPClassUID == original(path).SOPClassUID
    assert np.array_equal(new.pixel_array, in_front(taken(path).X))


@pytest.mark.parametrize("path", [CT, MR], ids=lambda path: path.name)
@pytest.mark.parametrize("mode", ["None", "RLE", "JPEG lossless", "JPEG2000 lossless"])
def test_dciodvfy_finds_nothing_in_what_was_created_that_is_not_in_the_source(path: Path, mode: str, peer: Peer, tmp_path: Path) -> None:
    dciodvfy, new = peer("dciodvfy"), tmp_path / "new.dcm"
    status = dicomwrite(taken(path).X, new, taken(path).info, CompressionMode=mode)
    assert set(errors_of(dciodvfy, new)) <= set(errors_of(dciodvfy, path))
    assert status.ok and len(status) == 4


# ---- the example of MATLAB's documentation, from end to end

def test_the_example_of_a_ct_from_end_to_end(peer: Peer, tmp_path: Path) -> None:
    X, metadata = dicomread(CT), dicominfo(CT)
    bare, described, copied = (tmp_path / f"ct_{word}.dcm" for word in ("file", "metadata", "copy"))

    status = dicomwrite(X, bare)
    ds = pydicom.dcmread(bare)
    assert ds.SOPClassUID == SC and ds.Modality == "OT" and not len(status) and np.array_equal(ds.pixel_array, X)
    assert not errors_of(peer("dciodvfy"), bare)

    dicomwrite(X, described, metadata)
    ds, old = pydicom.dcmread(described), original(CT)
    assert (ds.SOPClassUID, ds.SeriesInstanceUID) == (old.SOPClassUID, old.SeriesInstanceUID)
    assert ds.SOPInstanceUID != old.SOPInstanceUID and ds.PatientName == old.PatientName and np.array_equal(ds.pixel_array, X)
    assert not any(element.tag.is_private for element in ds)

    metadata["SeriesInstanceUID"] = dcmenc.dicomuid()
    dicomwrite(X, copied, metadata, "CreateMode", "copy", "WritePrivate", True)
    ds = pydicom.dcmread(copied)
    kept = elements(old) | {old["SeriesInstanceUID"].tag: ("UI", repr(metadata.SeriesInstanceUID))}
    kept.pop(pydicom.tag.Tag("DataSetTrailingPadding"))
    assert elements(ds) == kept and np.array_equal(ds.pixel_array, X)
    read = subprocess.run([peer("dcmdump"), "-q", "+P", "PatientName", copied], capture_output=True, text=True, check=True).stdout
    assert str(old.PatientName) in read


def test_an_array_of_a_ct_with_the_facts_of_its_struct_is_a_ct() -> None:
    info = taken(CT).info
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("error", DcmencWarning)
        status = dicomwrite(taken(CT).X, file, dict(FACTS["CT Image Storage"]), "ObjectType", "CT Image Storage", PatientID=info.PatientID)
    assert status.ok and pydicom.dcmread(io.BytesIO(file.getvalue())).PatientID == info.PatientID
