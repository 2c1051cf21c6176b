"""Byte for byte what pydicom 3.0.2 writes from the same values, and from every readable file of its wheel."""

from __future__ import annotations

import copy
import io
import os
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset as PydicomDataset
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence as PydicomSequence
from reference import UNITS
from strategies import ENCODING_NAMES, ENCODINGS, Drawn, Group, Plan, Seeded, built, plan

import dcmenc
from dcmenc._encode import encode_dataset
from dcmenc._swap import swapped

pytestmark = pytest.mark.filterwarnings("ignore:Explicit VR Big Endian is retired")
encodings = pytest.mark.parametrize(("implicit", "big"), ENCODINGS, ids=ENCODING_NAMES)


# --------------------------------------------------------------------- the same values in both


def plain(made: Plan) -> Plan:
    """The plan without what pydicom writes otherwise (facts that are no choice of dcmenc's; see the rows below).

    pydicom drops group lengths, spells every DS from a number as Python spells its float, does not pad UN, strips the spaces of DS and IS,
    and reads text in its own way where a set other than these is declared.
    """
    return Plan([(tag, vr, tamed(vr, value)) for tag, vr, value in made.elements if tag & 0xFFFF], made.undefined)


def tamed(vr: str, value: Any) -> Any:
    if isinstance(value, Group):
        return Group([plain(item) for item in value.items], value.undefined)
    if isinstance(value, list):
        return [tamed(vr, one) for one in value]
    if vr == "DS" and isinstance(value, (int, float)):
        return str(value) if isinstance(value, int) else "0.25"
    if vr in ("OB", "OW", "UN", "OB/OW") and isinstance(value, bytes) and len(value) % 2:
        return value + b"\0"
    return value


def in_pydicom(made: Plan, big: bool) -> PydicomDataset:
    dataset = PydicomDataset()
    dataset.is_undefined_length_sequence_item = made.undefined
    bits = {tag: value for tag, _, value in made.elements if tag in (0x00280100, 0x54001004)}
    for tag, vr, value in made.elements:
        if isinstance(value, Group):
            dataset.add_new(tag, vr, PydicomSequence([in_pydicom(item, big) for item in value.items]))
            dataset[tag].is_undefined_length = value.undefined
        elif vr == "OB/OW":
            word = bits.get(0x00280100 if tag == 0x7FE00010 else 0x54001004, 16) > 8
            dataset.add_new(tag, "OB or OW", swapped(value, 2) if big and word else value)
        elif vr == "US/OW":
            dataset.add_new(tag, "US", value)
        else:
            dataset.add_new(tag, vr.replace("/", " or "), swapped(value, UNITS[vr]) if big and value and UNITS.get(vr, 1) > 1 else value)
    return dataset


def written(dataset: PydicomDataset, implicit: bool, big: bool) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pydicom.dcmwrite(file := io.BytesIO(), dataset, implicit_vr=implicit, little_endian=not big)
    return file.getvalue()


def compare(made: Plan, implicit: bool, big: bool) -> None:
    made = plain(made)
    own = b"".join(encode_dataset(built(made), implicit=implicit, big_endian=big))
    assert own == written(in_pydicom(made, big), implicit, big)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert own == dcmenc.dumps(in_pydicom(made, big), implicit_vr=implicit, little_endian=not big)


@encodings
@given(data=st.data())
def test_the_same_values_become_the_same_bytes(data: Any, implicit: bool, big: bool) -> None:
    compare(plan(Drawn(data.draw)), implicit, big)


@encodings
def test_seeded_datasets_become_the_same_bytes(implicit: bool, big: bool) -> None:
    for seed in range(300):
        compare(plan(Seeded(seed)), implicit, big)


@encodings
def test_a_whole_file_is_the_same_with_the_same_implementation(implicit: bool, big: bool) -> None:
    made = Plan([(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.7"), (0x00080018, "UI", "1.2.3"), (0x00100010, "PN", "A^B")], False)
    theirs, own = in_pydicom(made, big), built(made)
    own.preamble = bytes(128)
    theirs.preamble = b"\0" * 128
    theirs.file_meta = FileMetaDataset()
    theirs.file_meta.ImplementationClassUID, theirs.file_meta.ImplementationVersionName = "1.2.9", "MINE"
    theirs.file_meta.TransferSyntaxUID = {
        (True, False): "1.2.840.10008.1.2",
        (False, False): "1.2.840.10008.1.2.1",
        (False, True): "1.2.840.10008.1.2.2",
    }[implicit, big]
    pydicom.dcmwrite(file := io.BytesIO(), theirs, enforce_file_format=True)
    assert dcmenc.dumps(own, implicit_vr=implicit, little_endian=not big, implementation=("1.2.9", "MINE")) == file.getvalue()


# --------------------------------------------------------------------- the files of the wheel


def wheel_files() -> Iterator[str]:
    root = os.path.join(os.path.dirname(pydicom.__file__), "data")
    for folder, _, names in sorted(os.walk(root)):
        yield from (
            os.path.join(folder, name)
            for name in sorted(names)
            if not name.endswith((".py", ".pyc", ".json", ".txt", ".md", ".csv", ".zip", ".pkl"))
        )


def read(path: str) -> PydicomDataset | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = pydicom.dcmread(path)
            for _ in dataset.iterall():
                pass
        except Exception:
            return None
        return dataset


def without_group_lengths(dataset: PydicomDataset) -> None:
    """Own datasets keep group lengths and count them anew; pydicom drops them (dcmenc keeps what is legal)."""
    for element in list(dataset):
        if element.tag.element == 0 and element.tag.group > 6:
            del dataset[element.tag]
        elif element.VR == "SQ":
            for item in element.value:
                without_group_lengths(item)


def with_a_complete_meta(dataset: PydicomDataset) -> None:
    """A dataset with a preamble is a file to dcmenc, with all of its Type 1 meta elements; pydicom does so on demand only."""
    if not dataset.get("SOPClassUID") and not dataset.file_meta.get("MediaStorageSOPClassUID"):
        dataset.preamble = None
    if dataset.preamble:
        meta = dataset.file_meta
        meta.FileMetaInformationGroupLength = 0
        meta.FileMetaInformationVersion = getattr(meta, "FileMetaInformationVersion", None) or b"\0\1"
        for name in ("SOPClassUID", "SOPInstanceUID"):
            if dataset.get(name):
                setattr(meta, "MediaStorage" + name, dataset.get(name))
        if not meta.get("ImplementationClassUID"):
            meta.ImplementationClassUID, meta.ImplementationVersionName = "1.2.9", "MINE"


def with_ob_for_encapsulated_pixels(dataset: PydicomDataset) -> None:
    """Encapsulated Pixel Data is OB, whatever VR it was given (PS3.5 A.4); pydicom keeps OW."""
    if "PixelData" in dataset and dataset["PixelData"].is_undefined_length:
        dataset["PixelData"].VR = "OB"


def with_even_unknowns(dataset: PydicomDataset) -> None:
    """Every value has an even length (PS3.5 7.1.1); pydicom does not pad UN."""
    for element in dataset.iterall():
        if element.VR == "UN" and isinstance(element.value, bytes) and len(element.value) % 2:
            element.value += b"\0"


NORMALISED: list[Callable[[PydicomDataset], None]] = [
    without_group_lengths,
    with_a_complete_meta,
    with_ob_for_encapsulated_pixels,
    with_even_unknowns,
]


def both(dataset: PydicomDataset) -> tuple[bytes, bytes]:
    implicit, little = dataset.original_encoding
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        own = dcmenc.dumps(dcmenc.from_pydicom(dataset), implicit_vr=implicit, little_endian=little, implementation=("1.2.9", "MINE"))
        pydicom.dcmwrite(file := io.BytesIO(), dataset)
    return own, file.getvalue()


@pytest.mark.parametrize("path", list(wheel_files()), ids=os.path.basename)
def test_every_file_of_the_wheel_is_written_as_pydicom_writes_it(path: str) -> None:
    dataset = read(path)
    if dataset is None:
        return
    for normalise in NORMALISED:
        normalise(dataset)
    own, theirs = both(dataset)
    assert own == theirs


def test_most_files_of_the_wheel_can_be_read() -> None:
    assert sum(read(path) is not None for path in wheel_files()) > 150


# --------------------------------------------------------------------- named differences, a row each


def group_length() -> tuple[PydicomDataset, bytes, bytes]:
    dataset = PydicomDataset()
    dataset.add_new(0x00100000, "UL", 99)
    dataset.PatientID = "x"
    return dataset, b"\x10\0\0\0UL\4\0\x0a\0\0\0\x10\0\x20\0LO\2\0x ", b"\x10\0\x20\0LO\2\0x "


def odd_unknown() -> tuple[PydicomDataset, bytes, bytes]:
    dataset = PydicomDataset()
    dataset.add_new(0x00091001, "UN", b"abc")
    return dataset, b"\x09\0\x01\x10UN\0\0\4\0\0\0abc\0", b"\x09\0\x01\x10UN\0\0\3\0\0\0abc"


def long_float() -> tuple[PydicomDataset, bytes, bytes]:
    dataset = PydicomDataset()
    dataset.add_new(0x00180050, "DS", 1.0)
    return dataset, b"\x18\0\x50\0DS\2\x001 ", b"\x18\0\x50\0DS\4\x001.0 "


@pytest.mark.parametrize("row", [group_length, odd_unknown], ids=lambda row: row.__name__)
def test_named_differences_of_what_is_written(row: Callable[[], tuple[PydicomDataset, bytes, bytes]]) -> None:
    dataset, own, theirs = row()
    assert b"".join(encode_dataset(dcmenc.from_pydicom(dataset))) == own
    assert written(dataset, False, False) == theirs


def test_a_float_is_written_in_its_shortest_form_and_by_pydicom_as_python_spells_it() -> None:
    dataset, own, theirs = long_float()
    assert b"".join(encode_dataset(dcmenc.Dataset(SliceThickness=1.0))) == own and written(dataset, False, False) == theirs


def test_from_pydicom_leaves_the_source_as_it_was() -> None:
    for path in list(wheel_files())[:40]:
        dataset = read(path)
        if dataset is not None:
            before = copy.deepcopy(dataset)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                dcmenc.from_pydicom(dataset)
            assert dataset == before
