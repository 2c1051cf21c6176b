"""``dicomwrite`` with all that a call may bring along: users' dictionaries, pydicom's datasets, file objects, threads, large arrays."""

from __future__ import annotations

import copy
import io
import itertools
import os
import threading
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.sequence import Sequence as TheirSequence
from test_matlab import BYTES, FACTS, MOMENT, SC, WORDS, written

from dcmenc import Dataset, EncodeError, PixelError, dcmread, dicomdict, dicominfo, dicomread, dicomwrite

MINE = "(0029,xx01) FD AcmeDose 1 ACME 1.1\n(0029,xx02) SH AcmeName 1-n ACME 1.1\n"


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.txt"
    path.write_text(MINE)
    return path


def fixed() -> dict[str, Any]:
    """Options that make two calls write the same bytes."""
    return {"uid_source": (f"1.2.3.{number}" for number in itertools.count(1)).__next__, "clock": lambda: MOMENT}


# ---- users' dictionaries

def test_a_dictionary_of_the_call_names_private_attributes_by_themselves_and_in_structs(mine: Path) -> None:
    creator = {"Private_0029_10xx_Creator": "ACME 1.1"}
    calls = (written(BYTES, {**creator, "AcmeDose": 2.5, "AcmeName": "a\\b"}, "Dictionary", mine, "WritePrivate", True),
             written(BYTES, creator, Dictionary=str(mine), WritePrivate=True, AcmeDose=2.5, AcmeName=["a", "b"]))
    for at, (ds, status) in enumerate(calls):
        block = ds.private_block(0x0029, "ACME 1.1")
        assert (block[1].VR, block[1].value, block[2].VR, list(block[2].value)) == ("FD", 2.5, "SH", ["a", "b"]), at
        assert not status.BadAttribute
    ds, status = written(BYTES, {**creator, "AcmeDose": 2.5}, WritePrivate=True)
    assert [finding.keyword for finding in status.BadAttribute] == ["AcmeDose"], "the dictionary is that of the call only"


def test_a_dictionary_that_is_none_is_an_error_and_no_file(tmp_path: Path) -> None:
    (tmp_path / "broken.txt").write_text("(0029,xx01) QQ AcmeDose 1 ACME\n")
    for name, words in (("missing.txt", "missing.txt"), ("broken.txt", "line 1"), ("mine.dic", r"\.txt")):
        with pytest.raises((OSError, ValueError), match=words):
            dicomwrite(BYTES, tmp_path / "image.dcm", {"PatientID": "7"}, Dictionary=tmp_path / name)
    assert not (tmp_path / "image.dcm").exists()


def test_the_set_dictionary_of_one_thread_is_not_that_of_others(mine: Path) -> None:
    struct = {"Private_0029_10xx_Creator": "ACME 1.1", "AcmeDose": 2.5}
    bad: dict[str, list[str]] = {}
    both = threading.Barrier(2)

    def run(name: str, path: Path | None) -> None:
        if path:
            dicomdict("set", path)
        both.wait(10)
        _, status = written(BYTES, struct, WritePrivate=True)
        bad[name] = [finding.keyword for finding in status.BadAttribute]
        both.wait(10)

    threads = [threading.Thread(target=run, args=arguments) for arguments in (("with", mine), ("without", None))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert bad == {"with": [], "without": ["AcmeDose"]}


# ---- metadata of other kinds

def theirs() -> pydicom.Dataset:
    """A dataset of pydicom's with a sequence, private elements in both levels, and text beyond ASCII."""
    ds, item = pydicom.Dataset(), pydicom.Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = SC, "1.2.3"
    item.private_block(0x0011, "INNER", create=True).add_new(1, "LO", "hidden")
    ds.SOPClassUID, ds.SpecificCharacterSet, ds.PatientName, ds.PatientID = SC, "ISO_IR 100", "Müller^Jörg", "7"
    ds.SourceImageSequence = TheirSequence([item])
    ds.private_block(0x0009, "OUTER", create=True).add_new(1, "SH", "x")
    return ds


@pytest.mark.parametrize("mode", ["Create", "Copy"])
def test_a_dataset_of_pydicoms_is_taken_as_it_is_and_not_changed(mode: str) -> None:
    ds = theirs()
    before = copy.deepcopy(ds)
    new, status = written(BYTES, ds, CreateMode=mode, WritePrivate=True)
    assert ds == before and status.ok
    assert (str(new.PatientName), new.PatientID, new.private_block(0x0009, "OUTER")[1].value) == ("Müller^Jörg", "7", "x")
    assert new.SourceImageSequence[0].private_block(0x0011, "INNER")[1].value == "hidden"


@pytest.mark.parametrize("struct", [theirs(), dicominfo(Dataset.from_json(theirs().to_json_dict()))], ids=["pydicom", "struct"])
def test_private_elements_go_from_items_too(struct: Any) -> None:
    new, status = written(BYTES, struct)
    assert not any(element.tag.is_private for element in new.iterall())
    assert new.SourceImageSequence[0].ReferencedSOPInstanceUID == "1.2.3"
    assert set(status.dropped) == {"(0009,0010)", "(0009,1001)", "(0011,0010)", "(0011,1001)"}


@pytest.mark.parametrize("options", [{}, {"CreateMode": "Copy"}, {"MultiframeSingleFile": False}, {"WritePrivate": True}], ids=str)
def test_arguments_are_not_changed(options: dict[str, Any], tmp_path: Path) -> None:
    frames = np.stack([BYTES] * 3, -1)[:, :, None, :]
    struct = {"PatientID": "7", "createmode": "create", "Private_0009_10xx_Creator": "ACME", "NumberOfFrames": 9,
              "PerFrameFunctionalGroupsSequence": {"Item_1": {}, "Item_2": {}}}
    before, pixels = copy.deepcopy(struct), frames.copy()
    dicomwrite(frames, tmp_path / "a.dcm", struct, **options)
    assert struct == before and np.array_equal(frames, pixels)


# ---- elements in UN: nothing is lost because nobody has said what it is

def test_pointers_and_vectors_in_un_are_held_against_the_frames() -> None:
    frames = np.stack([BYTES] * 3, -1)[:, :, None, :]
    for pointer, vector, kept in ((b"\x18\0\x65\x10", b"10\\20\\30", {0x00280009, 0x00181065}),
                                  (b"\x18\0\x63\x10", b"10\\20\\30", {0x00181065}), (b"\x18\0\x65\x10", b"10\\20 ", set())):
        ds = Dataset(SOPClassUID=SC, SOPInstanceUID="1.2.3")
        ds.add(0x00280009, "UN", pointer)
        ds.add(0x00181065, "UN", vector)
        new, status = written(frames, ds, CreateMode="Copy")
        assert {tag for tag in (0x00280009, 0x00181065) if tag in new} == kept
        assert len(status.dropped) == 2 - len(kept)


def test_items_of_frames_that_stand_in_un_stay() -> None:
    ds = Dataset(SOPClassUID=SC, SOPInstanceUID="1.2.3")
    ds.add(0x52009230, "UN", bytes(12))
    new, status = written(BYTES, ds, CreateMode="Copy")
    assert 0x52009230 in new and not status.dropped


def test_a_class_in_un_is_an_error_that_names_both_ways() -> None:
    ds = Dataset()
    ds.add(0x00080016, "UN", SC.encode() + b"\0")
    with pytest.raises(ValueError, match=r"UseDictionaryVR=True.*CreateMode='Copy'"):
        written(BYTES, ds)
    assert written(BYTES, ds, ObjectType="Secondary Capture Image Storage")[0].SOPClassUID == SC
    assert written(BYTES, ds, CreateMode="Copy")[0].file_meta.MediaStorageSOPClassUID == SC


def test_pixels_that_the_class_of_a_struct_does_not_hold_name_the_ways_out() -> None:
    frames = np.zeros((4, 5, 1, 2), "u2")
    struct = {**FACTS["CT Image Storage"], "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"}
    with pytest.raises(PixelError, match=r"MultiframeSingleFile=False makes a file of each frame, CreateMode='Copy'"):
        written(frames, struct)
    with pytest.raises(PixelError, match=r"CreateMode='Copy'") as caught:
        written(np.zeros((4, 5, 3), "u1"), struct)
    assert "MultiframeSingleFile" not in str(caught.value)
    # a copy is no way out of what the encoding cannot hold, and there is no struct to copy
    for call in (lambda: written(np.zeros((4, 5), "u4"), {"SOPClassUID": SC}, CompressionMode="RLE"),
                 lambda: written(frames, ObjectType="CT Image Storage")):
        with pytest.raises(PixelError) as caught:
            call()
        assert "Copy" not in str(caught.value)


# ---- pixels of another kind than those that were described

def test_padding_that_no_pixel_can_be_goes_from_a_copy() -> None:
    for value, array, kept in ((-2000, WORDS, False), (-2000, WORDS.astype("i2"), True), (63536, WORDS.astype("i2"), False),
                               (63536, WORDS, True), (2000, WORDS, True), (2000, WORDS.astype("i2"), True)):
        struct = {"SOPClassUID": SC, "PixelRepresentation": int(value < 0), "PixelPaddingValue": value}
        ds, status = written(array, struct, CreateMode="Copy")
        assert (ds.get("PixelPaddingValue") == value, status.dropped) == (kept, () if kept else ("PixelPaddingValue",))
    struct = {"SOPClassUID": SC, "PixelRepresentation": 1, "PixelPaddingValue": -2000, "PixelPaddingRangeLimit": 5}
    assert set(written(WORDS, struct, CreateMode="Copy")[1].dropped) == {"PixelPaddingValue", "PixelPaddingRangeLimit"}


def test_padding_of_a_wrong_vr_stays_as_the_file_has_it() -> None:
    file = io.BytesIO()
    dicomwrite(WORDS.astype("i2"), file)
    ds = dcmread(file.getvalue())
    ds.add(0x00280120, "US", 63536)
    new, status = written(WORDS.astype("i2"), dicominfo(ds), CreateMode="Copy", VR="explicit")
    assert (new[0x0028, 0x0120].VR, new[0x0028, 0x0120].value) == ("US", 63536) and not status.dropped


def test_a_copy_of_bits_has_bits_where_the_encoding_does() -> None:
    bits = BYTES > 99
    struct = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.66.4", "BitsAllocated": 1, "BitsStored": 1, "HighBit": 0, "NumberOfFrames": 1}
    for options, allocated in (({}, 1), ({"UseMetadataBitDepths": True}, 1), ({"VR": "explicit"}, 1), ({"CompressionMode": "RLE"}, 8)):
        ds, status = written(bits, struct, {"CreateMode": "Copy"}, **options)
        assert (ds.BitsAllocated, ds.BitsStored, ds.HighBit) == (allocated, 1, 0)
        assert np.array_equal(ds.pixel_array, bits) and status.overridden == (("BitsAllocated",) if allocated == 8 else ())
    assert written(bits, {**struct, "BitsAllocated": 8}, CreateMode="Copy")[0].BitsAllocated == 8


@pytest.mark.parametrize("mode", ["Create", "Copy"])
def test_a_struct_serves_for_pixels_of_another_shape_and_class(mode: str) -> None:
    path = get_testdata_file("examples_rgb_color.dcm", download=False)
    info, X = dicominfo(path), dicomread(path)
    for array in (X[:, :, 0], X[:40, :30], X.astype("u2"), X[:, :, 1].astype("u2") * 16):
        ds, status = written(array, info, CreateMode=mode)
        assert np.array_equal(ds.pixel_array, array) and (ds.Rows, ds.Columns) == array.shape[:2] and status.report.ok
        assert (ds.PhotometricInterpretation, "PlanarConfiguration" in ds) == (("RGB", True) if array.ndim == 3 else ("MONOCHROME2", False))


# ---- where the file goes

class WriteOnly:
    """All that a file object needs."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: Any) -> int:
        self.data += bytes(data)
        return len(data)


@pytest.mark.parametrize("mode", ["None", "RLE", "JPEG2000 lossless"])
def test_every_target_gets_the_same_bytes(mode: str, tmp_path: Path) -> None:
    plain, memory = WriteOnly(), io.BytesIO()
    paths = (tmp_path / "a.dcm", str(tmp_path / "b.dcm"), os.fsencode(tmp_path / "c.dcm"))
    for target in (*paths, plain, memory):
        status = dicomwrite(WORDS, target, CompressionMode=mode, **fixed())
        assert status.files == ((os.fsdecode(target),) if target in paths else ())  # type: ignore[arg-type]
    with open(tmp_path / "d.dcm", "wb") as file:
        dicomwrite(WORDS, file, CompressionMode=mode, durable=True, **fixed())
    dicomwrite(WORDS, tmp_path / "e.dcm", CompressionMode=mode, durable=True, **fixed())
    made = {plain.data, memory.getvalue(), *((tmp_path / f"{name}.dcm").read_bytes() for name in "abcde")}
    assert len(made) == 1 and np.array_equal(dicomread(plain.data), WORDS)


def test_a_file_that_is_there_stays_where_that_is_asked_for_or_something_fails(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(b"old")
    with pytest.raises(FileExistsError):
        dicomwrite(BYTES, path, exist_ok=False)
    for arguments, options in (((BYTES / 3,), {}), ((BYTES,), {"InstanceNumber": "x"}), ((BYTES,), {"UseMetadataBitDepths": 5})):
        with pytest.raises(ValueError, match=r"rescale|InstanceNumber|IS|true or false"):
            dicomwrite(*arguments, path, **options)
    assert path.read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1
    dicomwrite(BYTES, path)
    assert np.array_equal(dicomread(path), BYTES)


def test_a_frame_that_fails_says_which_files_are_there(tmp_path: Path) -> None:
    frames = np.stack([BYTES] * 3, -1)[:, :, None, :]
    with pytest.raises(EncodeError):
        dicomwrite(frames, tmp_path / "a.dcm", MultiframeSingleFile=False, per_frame={"SeriesNumber": [1, 2, "x"]})
    assert not list(tmp_path.iterdir()), "metadata are looked at before the first file"
    frames = frames.astype("u2")
    frames[0, 0, 0, 2] = 4096
    with pytest.raises(PixelError) as caught:
        dicomwrite(frames, tmp_path / "a.dcm", MultiframeSingleFile=False, bits_stored=12)
    assert "the 2 before it were" in caught.value.__notes__[0]
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["a_001.dcm", "a_002.dcm"]


# ---- threads and memory

@pytest.mark.parametrize("mode", ["RLE", "JPEG lossless", "JPEG lossy", "JPEG2000 lossless"])
def test_workers_change_nothing_of_the_file(mode: str) -> None:
    frames = np.random.default_rng(3).integers(0, 256, (33, 31, 1, 17), "u1")
    files = []
    for workers in (1, 4):
        file = io.BytesIO()
        dicomwrite(frames, file, "CompressionMode", mode, "workers", workers, **fixed())
        files.append(file.getvalue())
    assert files[0] == files[1]


def test_calls_of_many_threads_do_not_meet(mine: Path) -> None:
    modes = ("None", "RLE", "JPEG lossless", "JPEG2000 lossless")

    def run(at: int) -> bytes:
        file = io.BytesIO()
        array = (WORDS + at).astype("u2")
        dicomwrite(array, file, {"PatientID": str(at), "Private_0029_10xx_Creator": "ACME 1.1", "AcmeDose": at}, WritePrivate=True,
                   Dictionary=mine, CompressionMode=modes[at % 4], **fixed())
        assert np.array_equal(dicomread(file.getvalue()), array)
        return file.getvalue()

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(run, range(64)))
    assert made == [run(at) for at in range(64)]
    assert [dcmread(data).PatientID for data in made] == [str(at) for at in range(64)]


def peak(call: Callable[[], Any]) -> int:
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_large_arrays_are_not_copied_where_they_lie_as_the_file_has_them(tmp_path: Path) -> None:
    frames = np.zeros((8, 1024, 1024), "u2")
    dicomwrite(frames[:, :5, :6], tmp_path / "first.dcm", axes="numpy")  # what is loaded once
    size = frames.nbytes
    in_order = {"numpy": frames, "matlab": np.moveaxis(frames, 0, 2)[:, :, None, :]}
    for axes, array in in_order.items():
        assert peak(lambda: dicomwrite(array, tmp_path / "a.dcm", axes=axes)) < size // 4, axes  # noqa: B023
    # frames last in memory, too: they have to be put in front, once
    last = np.ascontiguousarray(in_order["matlab"])
    assert peak(lambda: dicomwrite(last, tmp_path / "b.dcm")) < 1.3 * size
    assert np.array_equal(dicomread(tmp_path / "b.dcm"), last)
    info = dicominfo(tmp_path / "a.dcm")
    assert peak(lambda: dicomwrite(in_order["matlab"], tmp_path / "c.dcm", info, CreateMode="Copy")) < size // 4
    assert peak(lambda: dicomwrite(in_order["matlab"], tmp_path / "d.dcm", CompressionMode="RLE")) < size
