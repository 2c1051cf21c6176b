"""MATLAB's struct of a file's metadata, and back: every element of every file of pydicom's wheel returns as it was.

pydicom is the oracle for what the fields say, and for both written files.
"""

from __future__ import annotations

import copy
import io
import math
import os
import pickle
import re
import struct
import warnings
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import ALL_VRS
from strategies import datasets, values
from test_reading import explicit, file, implicit, item
from test_reading_files import CUT_SHORT, PATHS, differences

from dcmenc import Dataset, DcmencWarning, Element, EncodeError, Fragments, Policy, ReadError, Sequence, dcmread, dumps
from dcmenc.dictionary import Tag, keyword_table, lookup
from dcmenc.matlab_dictionary import active, dicomdict, tag_of_field
from dcmenc.matlab_fields import PIXELS
from dcmenc.matlab_info import Struct, Typed, dicominfo, info_to_dataset, take_fields
from dcmenc.matlab_values import coerced, is_as_shown, shown
from dcmenc.values import normalise
from dcmenc.vr import VRS

pytestmark = [
    pytest.mark.filterwarnings("ignore:the file meta names JPEG Baseline"),
    pytest.mark.filterwarnings("ignore:the file is broken"),
    pytest.mark.filterwarnings("ignore:Explicit VR Big Endian is retired"),
    # what pydicom says of values when they are looked at
    pytest.mark.filterwarnings("ignore::UserWarning:pydicom"),
]
every_file = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
WRITE = Policy(nonconforming="write")
SYNTAXES = {"implicit": True, "explicit": False}

ROADS: dict[str, Callable[[Struct], Any]] = {
    "as it is": lambda info: info,
    "copy": copy.copy,
    "method": Struct.copy,
    "deep copy": copy.deepcopy,
    "pickle": lambda info: pickle.loads(pickle.dumps(info)),
    "pickle of a deep copy": lambda info: pickle.loads(pickle.dumps(copy.deepcopy(info), protocol=2)),
    "made anew": lambda info: Struct(info),
}


@pytest.fixture(autouse=True)
def factory() -> None:
    dicomdict("factory")


def info_of(path: Path) -> Struct:
    return dicominfo(path, force=True)


def wanted(path: Path) -> Dataset:
    """The dataset of a file without pixels and Group Lengths, of which it is not the elements that an info is to hold."""
    dataset = dcmread(path, force=True)
    for tag in list(dataset):
        if tag in PIXELS or not tag & 0xFFFF:
            del dataset[tag]
    return dataset


def bare(dataset: Dataset, implicit_vr: bool) -> bytes:
    alone = dataset.copy()
    alone.preamble = alone.file_meta = None
    return dumps(alone, implicit_vr=implicit_vr, little_endian=True, policy=WRITE)


def plain(value: Any) -> Any:
    """What a struct says, without what it remembers."""
    if isinstance(value, Struct):
        return {name: plain(part) for name, part in value.items()}
    return [plain(part) for part in value] if isinstance(value, list) else value


# --------------------------------------------------------------------- every file, there and back


@every_file
@pytest.mark.parametrize("road", ROADS)
def test_every_element_returns_as_it_was_read(path: Path, road: str) -> None:
    returned = info_to_dataset(ROADS[road](info_of(path)))
    assert differences(wanted(path), returned) == []


@every_file
@pytest.mark.parametrize("syntax", SYNTAXES)
def test_pydicom_reads_the_same_from_both_written_files(path: Path, syntax: str) -> None:
    implicit_vr, returned = SYNTAXES[syntax], info_to_dataset(info_of(path))
    try:
        expected = bare(wanted(path), implicit_vr)
    except EncodeError as error:
        # an element whose VR would be lost, which is refused in both
        with pytest.raises(EncodeError, match=re.escape(str(error))):
            bare(returned, implicit_vr)
        return
    written = bare(returned, implicit_vr)
    assert said_by_pydicom(written) == said_by_pydicom(expected)
    # and byte for byte, but for an element that the file has twice
    assert written == expected or path.name == "winter.dcm"


def said_by_pydicom(data: bytes) -> Any:
    """All elements as pydicom reads them, or why it does not; values that it cannot say are left to the bytes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = pydicom.dcmread(io.BytesIO(data), force=True)
            return [(element.tag, element.VR, str(element)) for element in dataset.iterall()]
        except (ValueError, TypeError, EOFError, OSError, AttributeError, NotImplementedError, struct.error) as error:
            return repr(error)


@every_file
def test_a_plain_copy_returns_with_the_dictionarys_vrs(path: Path) -> None:
    """Without the memory only private VRs may be others, and delimiters behind the last part of a name are gone (PS3.5 6.2)."""
    fields, expected = plain(info_of(path)), wanted(path)
    bytes_of_un = [tag for tag in expected if expected[tag].vr == "UN" and not tag.is_private and not sequence(expected[tag])
                   and expected[tag].value is not None and VRS[lookup(tag).vr].kind != "buffer"]
    for tag in bytes_of_un:
        # nobody can tell bytes of UN from numbers of the dictionary's VR
        with pytest.raises(EncodeError, match=r"an array of uint8 may be bytes|SQ takes a struct .* not ndarray"):
            info_to_dataset({name: fields[name] for name in fields if tag_of_field(name, active()) == tag}, policy=WRITE)
        fields = {name: value for name, value in fields.items() if tag_of_field(name, active()) != tag}
        del expected[tag]
    returned = info_to_dataset(fields, policy=WRITE)
    for line in differences(expected, returned):
        private = re.search(r"\((...[13579BDF]),....\) ", line)
        assert private or re.search(r"\) PN PN |\) UN \w\w None None$", line), line
    assert names(expected) == names(returned)


def sequence(element: Element) -> bool:
    return isinstance(element.value, Sequence)


def names(dataset: Dataset) -> list[str]:
    """All names, without delimiters that mean nothing."""
    found = []
    for element in dataset.values():
        if sequence(element):
            found += [name for one in element.value for name in names(one)]
        elif element.vr == "PN" and not element.tag.is_private and element.value is not None:
            several = element.value if isinstance(element.value, tuple) else (element.value,)
            found += ["=".join(group.rstrip("^") for group in name.split("=")).rstrip("=") for name in several]
    return [name for name in found if name]


# --------------------------------------------------------------------- what the fields say


@every_file
def test_fields_say_what_pydicom_reads(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert_says(info_of(path), pydicom.dcmread(path, force=True), dcmread(path, force=True))


def assert_says(info: Struct, theirs: pydicom.Dataset, own: Dataset) -> None:
    for tag in own:
        if tag in PIXELS or not tag & 0xFFFF:
            continue
        name = next(name for name, shown_tag in info._memory.tags.items() if shown_tag == tag)
        keyword = pydicom.datadict.keyword_for_tag(int(tag))
        if keyword and not tag.is_private and tag >> 24 not in (0x50, 0x60):
            assert name == keyword
        element, value = theirs[int(tag)], info[name]
        if sequence(own[tag]):
            assert list(value) == [f"Item_{at + 1}" for at in range(len(own[tag].value))]
            for at, (item_of_theirs, item_of_own) in enumerate(zip(element.value, own[tag].value, strict=True), 1):
                assert_says(value[f"Item_{at}"], item_of_theirs, item_of_own)
        elif own[tag].vr == element.VR:
            assert says_the_same(element, value), (name, element, value)


def says_the_same(element: pydicom.DataElement, value: Any) -> bool:
    theirs = element.value
    several = list(theirs) if isinstance(theirs, (list, pydicom.multival.MultiValue)) else [] if theirs in (None, "") else [theirs]
    if element.VR in ("OB", "OW", "UN", "OF", "OD", "OL", "OV"):
        return isinstance(value, (np.ndarray, list))
    if element.VR == "SQ":
        return value == Struct()
    if element.VR == "PN":
        parts = [value] if isinstance(value, Struct) else value
        return [dict(one) for one in parts if one] == [of_name(name) for name in several if of_name(name)]
    if element.VR == "AT":
        return value.dtype == np.uint16 and value.tolist() == [half for tag in several for half in (tag >> 16, tag & 0xFFFF)]
    if VRS[element.VR].kind in ("decimal", "integer", "signed", "unsigned", "float"):
        numbers = np.atleast_1d(value).tolist()
        if isinstance(value, str):
            # what is no number, as it stands
            return value == "\\".join(map(str, several))
        return Struct(x=numbers) == {"x": [math.nan if one in (None, "") else float(one) for one in several]}
    return isinstance(value, str) and value == "\\".join(str(one).rstrip(" \0") for one in several)


def of_name(name: Any) -> dict[str, Any]:
    """A name of pydicom's as the fields that a struct has."""
    groups = [name.alphabetic, name.ideographic, name.phonetic]
    keys = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")
    made = [{key: part for key, part in zip(keys, group.split("^"), strict=False) if part} for group in groups]
    return made[0] | {key: group for key, group in zip(("Ideographic", "Phonetic"), made[1:], strict=True) if group}


def test_bookkeeping_comes_first_and_in_order(tmp_path: Path) -> None:
    path = tmp_path / "image.dcm"
    source = next(path for path in PATHS if path.name == "CT_small.dcm")
    path.write_bytes(source.read_bytes())
    moment = datetime(2021, 5, 3, 4, 5, 6)
    os.utime(path, (moment.timestamp(), moment.timestamp()))
    info = dicominfo(path)
    expected = {"Filename": str(path), "FileModDate": "03-May-2021 04:05:06", "FileSize": len(source.read_bytes()), "Format": "DICOM",
                "FormatVersion": 3, "Width": 128, "Height": 128, "BitDepth": 16, "ColorType": "grayscale"}
    assert list(info)[:9] == list(expected) and {name: info[name] for name in expected} == expected
    assert list(info)[9:12] == ["FileMetaInformationGroupLength", "FileMetaInformationVersion", "MediaStorageSOPClassUID"]
    assert info.FileMetaInformationVersion.tolist() == [0, 1] and info.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert "PixelData" not in info and info.PixelSpacing.tolist() == [0.661468, 0.661468] and info.InstanceNumber == 1.0
    assert info.ImageType == "ORIGINAL\\PRIMARY\\AXIAL" and info.PatientName == {"FamilyName": "CompressedSamples", "GivenName": "CT1"}
    assert info.Private_0009_10xx_Creator == "GEMS_IDEN_01" and info.Private_0043_1010 == 400
    for other in (source.read_bytes(), io.BytesIO(source.read_bytes())):
        again = dicominfo(other)
        assert (again.Filename, again.FileModDate, again.FileSize) == ("", "", info.FileSize)


@pytest.mark.parametrize(("photometric", "colour"), [
    ("MONOCHROME1", "grayscale"), ("MONOCHROME2", "grayscale"), ("PALETTE COLOR", "indexed"), ("RGB", "truecolor"),
    ("YBR_FULL_422", "truecolor"), ("YBR_RCT", "truecolor"),
])
def test_the_type_of_colour(photometric: str, colour: str) -> None:
    ds = Dataset(Rows=2, Columns=3, BitsStored=12, PhotometricInterpretation=photometric)
    info = dicominfo(ds)
    assert (info.ColorType, info.Height, info.Width, info.BitDepth) == (colour, 2, 3, 12)


def test_what_is_no_image_has_no_size() -> None:
    info = dicominfo(Dataset(PatientID="1"))
    assert info.ColorType == "" and all(info[name].size == 0 for name in ("Width", "Height", "BitDepth"))


@pytest.mark.parametrize(("keyword", "value", "expected"), [
    ("PatientID", "4711", "4711"), ("PatientID", None, ""), ("ImageType", ["A", "", "B"], "A\\\\B"), ("PatientComments", "a\\b", "a\\b"),
    ("SliceThickness", "1.50", 1.5), ("SliceThickness", None, np.empty(0)), ("PixelSpacing", ["0.50", 2], np.array([0.5, 2.0])),
    ("SeriesNumber", "+007", 7.0), ("ReferencedFrameNumber", [1, 2], np.array([1.0, 2.0])),
    ("Rows", 512, 512), ("Rows", None, np.empty(0, "u2")), ("AcquisitionMatrix", [0, 1, 2, 3], np.array([0, 1, 2, 3], "u2")),
    ("SelectorUVValue", 2**64 - 1, 2**64 - 1), ("SelectorSVValue", [1, -2**63], np.array([1, -2**63])),
    ("SelectorFLValue", [0.5, 1.5], np.array([0.5, 1.5], "f4")), ("DiffusionBValue", 0.1, 0.1),
    ("FrameIncrementPointer", 0x00181063, np.array([0x18, 0x1063], "u2")),
    ("DimensionIndexPointer", None, np.empty(0, "u2")),
    ("PatientName", None, {}), ("PatientName", "A^B^C^D^E", dict(zip(
        ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix"), "ABCDE", strict=True))),
    ("PatientName", "A^^C", {"FamilyName": "A", "MiddleName": "C"}),
    ("PatientName", "=山^田=や", {"Ideographic": {"FamilyName": "山", "GivenName": "田"}, "Phonetic": {"FamilyName": "や"}}),
    ("OtherPatientNames", ["A^B", "C"], [{"FamilyName": "A", "GivenName": "B"}, {"FamilyName": "C"}]),
    ("EncapsulatedDocument", b"abc", np.array([97, 98, 99], "u1")),
    ("RedPaletteColorLookupTableData", b"\1\0\0\1", np.array([1, 256], "u2")),
    ("DoubleFloatPixelData", None, None), ("FloatPixelData", None, None),
    ("ReferencedImageSequence", [], {}),
    ("ReferencedImageSequence", [{}, {"PatientID": "1"}], {"Item_1": {}, "Item_2": {"PatientID": "1"}}),
])
def test_values_as_matlab_shows_them(keyword: str, value: Any, expected: Any) -> None:
    ds = Dataset({keyword: value})
    found = dicominfo(ds).get(keyword)
    assert type(found) is (Struct if isinstance(expected, dict) else type(expected))
    assert Struct(x=found) == {"x": expected}
    if isinstance(expected, np.ndarray):
        assert found.dtype == expected.dtype and found.ndim == 1
    if expected is not None:
        assert info_to_dataset(dicominfo(ds)) == info_to_dataset(plain(dicominfo(ds))) == ds


def test_names_with_more_than_the_standard_allows_stay_text() -> None:
    ds = Dataset(PatientName="x")
    for text in ("A^B^C^D^E^F", "A=B=C=D"):
        ds.add("PatientName", "PN", text, policy=WRITE)
        assert dicominfo(ds).PatientName == text


def test_text_that_is_no_number_stays_text() -> None:
    data = file(explicit(0x00180050, "DS", b"abc ") + explicit(0x00200013, "IS", b"1\\2A") + explicit(0x00280030, "DS", b"1.50\\  "))
    info = dicominfo(data)
    assert info.SliceThickness == "abc" and info.InstanceNumber == "1\\2A"
    assert info.PixelSpacing[0] == 1.5 and math.isnan(info.PixelSpacing[1])
    assert bare(info_to_dataset(info), False) == bare(dcmread(data), False)
    assert info_to_dataset({"PixelSpacing": [1.5, math.nan]})["PixelSpacing"].value == (1.5, None)


def test_private_and_unknown_elements_have_names_that_lead_back() -> None:
    ds = Dataset({0x60003000: b"ab", 0x60023000: b"cd", 0x501E0005: 2})
    ds.private_block(0x0019, "ACME", create=True).add(0x0E, "FD", 1.5)
    ds.add(0x00081234, "UN", b"ab")
    ds.add(0x60203000, "OB", b"ab")
    info = dicominfo(ds)
    assert {name for name in info if "_" in name} == {
        "OverlayData_0", "OverlayData_1", "CurveDimensions_15", "Private_0019_10xx_Creator", "Private_0019_100e", "Unknown_0008_1234",
        "Unknown_6020_3000"}
    assert info_to_dataset(info) == ds
    assert info_to_dataset(plain(info))["OverlayData"].value.tobytes() == b"ab"


def test_group_lengths_are_neither_shown_nor_written() -> None:
    ds = Dataset({0x00100000: 10, 0x00100020: "1", 0x00190000: 4})
    info = dicominfo(ds)
    assert "PatientID" in info and not any(name.endswith("GroupLength") for name in info)
    info.IdentifyingGroupLength = info.Private_0019_GroupLength = info.FileMetaInformationGroupLength = 4.0
    assert info_to_dataset(info) == Dataset(PatientID="1")


def test_pixels_of_icons_are_shown_and_those_of_the_image_not() -> None:
    icon = Dataset(PixelData=b"ab", BitsAllocated=8)
    packed = Dataset()
    packed.add("PixelData", "OB", Fragments((b"abcd", b"ef"), b"\0\0\0\0"))
    ds = Dataset(PixelData=bytes(100000), IconImageSequence=[icon, packed], DataSetTrailingPadding=b"xy", BitsAllocated=8)
    info = dicominfo(ds)
    assert "PixelData" not in info and info.DataSetTrailingPadding.tolist() == [120, 121]
    assert [part.tolist() for part in info.IconImageSequence.Item_2.PixelData] == [[0, 0, 0, 0], [97, 98, 99, 100], [101, 102]]
    del ds.PixelData
    assert info_to_dataset(info) == ds
    info.IconImageSequence.Item_2.PixelData[1][0] = 0
    assert info_to_dataset(info).IconImageSequence[1].PixelData.fragments == (b"\0bcd", b"ef")


def test_a_struct_holds_no_large_pixels() -> None:
    ds = Dataset(SOPClassUID="1.2.840.10008.5.1.4.1.1.7", SOPInstanceUID="1.2", PatientID="1", BitsAllocated=8, PixelData=bytes(1 << 20),
                 DataSetTrailingPadding=b"ab")
    info = dicominfo(dumps(ds))
    assert len(pickle.dumps(info)) < 20000 and info.DataSetTrailingPadding.tolist() == [97, 98]
    returned = info_to_dataset(info)
    assert returned.DataSetTrailingPadding == b"ab" and "PixelData" not in returned


def test_the_source_may_change_afterwards(tmp_path: Path) -> None:
    ds = Dataset(SOPClassUID="1.2.840.10008.5.1.4.1.1.7", SOPInstanceUID="1.2", PatientID="1", EncapsulatedDocument=bytes(17 << 20))
    path = tmp_path / "large.dcm"
    path.write_bytes(dumps(ds))
    info = dicominfo(path)
    with path.open("r+b") as opened:
        opened.truncate(1000)
    assert info_to_dataset(info) == ds
    buffer = bytearray(b"abcd")
    held = Dataset(EncapsulatedDocument=buffer)
    info = dicominfo(held)
    buffer[0] = 0
    assert info_to_dataset(info).EncapsulatedDocument == b"abcd"


# --------------------------------------------------------------------- options


def test_options_in_any_letter_case_and_as_pairs(tmp_path: Path) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("(0019,xx0E) FD AcmeDose 1 ACME\n")
    ds = Dataset()
    ds.private_block(0x0019, "ACME", create=True).add(0x0E, "FD", 1.5)
    for info in (dicominfo(ds, dictionary=mine), dicominfo(ds, Dictionary=mine), dicominfo(ds, "DICTIONARY", mine)):
        assert info.AcmeDose == 1.5
    assert "AcmeDose" in dicominfo(ds, usedictionaryvr=True, UseVRHEURISTIC=1, dictionary=mine)
    refused: tuple[tuple[tuple[Any, ...], dict[str, Any], str], ...] = (
        ((), {"Dictionaries": mine}, "no option 'Dictionaries'"), (("dictionary",), {}, "in pairs"), ((3, 4), {}, "no option 3"),
        (("force", 0), {"FORCE": 1}, "given twice"), ((), {"UseDictionaryVR": "false"}, "True or False"))
    for arguments, options, words in refused:
        with pytest.raises(TypeError, match=words):
            dicominfo(ds, *arguments, **options)


def test_a_users_dictionary_names_and_types_private_elements(tmp_path: Path) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("(0019,xx0E) FD AcmeDose 1 ACME\n(0019,xx0F) SH AcmeName 1 ACME\n"
                    "(0029,1001) SL Places 1-n\n(0019,xx10) SL AcmeOdd 1 ACME\n")
    ds = Dataset(SOPClassUID="1.2.840.10008.5.1.4.1.1.7", SOPInstanceUID="1.2")
    one, two = (ds.private_block(0x0019, name, create=True) for name in ("OTHER", "ACME"))
    one.add(0x0E, "FD", 0.5)
    two.add(0x0E, "FD", 1.5)
    two.add(0x0F, "SH", "abc")
    two.add(0x10, "OB", b"abc")
    ds.private_block(0x0029, "X", create=True).add(1, "SL", [1, -2])
    data = dumps(ds, implicit_vr=True)
    assert dicominfo(data).Private_0019_110e.dtype == np.uint8
    info = dicominfo(data, dictionary=mine)
    assert (info.AcmeDose, info.AcmeName, info.Places.tolist()) == (1.5, "abc", [1, -2])
    assert info.Private_0019_100e.dtype == np.uint8 and info.AcmeOdd == int.from_bytes(b"abc", "little")
    returned = info_to_dataset(info, dictionary=mine)
    assert returned[0x0019110E] == Element(0x0019110E, "FD", 1.5) and returned[0x0019110F].vr == "SH" and returned[0x0019100E].vr == "UN"
    # without the file: the block is found, or reserved
    fields = {"Private_0019_10xx_Creator": "OTHER", "Private_0019_11xx_Creator": "ACME", "AcmeDose": 2.5}
    assert info_to_dataset(fields, dictionary=mine)[0x0019110E].value == 2.5
    assert info_to_dataset({"AcmeDose": 2.5}, dictionary=mine)[0x0019100E] == Element(0x0019100E, "FD", 2.5)
    with pytest.raises(EncodeError, match="Places: no private creator has reserved its block; set Private_0029_10xx_Creator"):
        info_to_dataset({"Places": 2.5}, dictionary=mine)
    with pytest.raises(EncodeError, match="no field of this name is known"):
        info_to_dataset({"AcmeDose": 2.5})
    dicomdict("set", mine)
    assert dicominfo(data) == info and info_to_dataset(info) == returned


def test_text_and_tags_in_un_are_read_as_the_dictionary_says(tmp_path: Path) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("(0019,xx01) LO AcmeText 1-n ACME\n(0019,xx02) AT AcmeTag 1-n ACME\n(0019,xx03) AT AcmeOdd 1 ACME\n"
                    "(0019,xx04) US AcmeNumber 1 ACME\n(0019,xx05) SQ AcmeItems 1 ACME\n")
    elements = ((0x00190010, "LO", b"ACME"), (0x00191001, "UN", "é\\山".encode()), (0x00191002, "UN", b"\x10\0\x20\0"),
                (0x00191003, "UN", b"\x10\0\x20\0\1\0"), (0x00191004, "UN", b"\1\0"), (0x00191005, "UN", b"ab"))
    data = b"".join(explicit(*element) for element in elements)
    info = dicominfo(file(explicit(0x00080005, "CS", b"ISO_IR 192") + data), dictionary=mine)
    assert info.AcmeText == "é\\山" and info.AcmeTag.tolist() == [0x10, 0x20] and info.AcmeNumber == 1
    # what is not of the VR, and a sequence of which only the length is known, stay bytes
    assert info.AcmeOdd.tolist() == [0x10, 0, 0x20, 0, 1, 0] and info.AcmeItems.tolist() == [97, 98]
    inner = explicit(0x00081140, "SQ", item(data))
    info = dicominfo(file(explicit(0x00080005, "CS", b"ISO_IR 192") + inner), dictionary=mine)
    assert info.ReferencedImageSequence.Item_1.AcmeText == "é\\山"
    assert dicominfo(file(data), dictionary=mine).AcmeText.dtype == np.uint8
    big = b"".join(explicit(*element, big=True) for element in elements)
    info = dicominfo(file(big, "1.2.840.10008.1.2.2"), dictionary=mine)
    assert info.AcmeNumber.tolist() == [1, 0]
    returned = info_to_dataset(info, dictionary=mine)
    assert returned[0x00191004].vr == "UN" and bytes(returned[0x00191004].value) == b"\1\0"


def test_two_blocks_of_one_creator_have_different_names(tmp_path: Path) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("(0019,xx0E) SH AcmeName 1 ACME\n")
    ds = Dataset()
    for block, text in ((0x10, "a"), (0x11, "b")):
        ds.add(0x00190000 | block, "LO", "ACME")
        ds.add(0x0019000E | block << 8, "SH", text)
    info = dicominfo(ds, dictionary=mine)
    assert (info.AcmeName, info.Private_0019_110e) == ("a", "b") and info_to_dataset(info) == ds


def test_the_dictionarys_vrs_on_request() -> None:
    data = file(explicit(0x00100020, "SH", b"4711") + explicit(0x00180050, "UN", b"1.50") + explicit(0x00200013, "UL", b"\7\0\0\0")
                + explicit(0x00280010, "UN", b"\2\0") + explicit(0x00280106, "UN", b"\xff\xff") + explicit(0x00280103, "US", b"\1\0"))
    info = dicominfo(data)
    assert info.SliceThickness.tolist() == list(b"1.50") and info.InstanceNumber == 7
    returned = info_to_dataset(info)
    assert [returned[key].vr for key in ("PatientID", "SliceThickness", "InstanceNumber", "Rows")] == ["SH", "UN", "UL", "UN"]
    info = dicominfo(data, UseDictionaryVR=True)
    assert (info.PatientID, info.SliceThickness, info.InstanceNumber, info.Rows, info.SmallestImagePixelValue) == ("4711", 1.5, 7.0, 2, -1)
    returned = info_to_dataset(info)
    assert [returned[key].vr for key in ("PatientID", "SliceThickness", "InstanceNumber", "Rows", "SmallestImagePixelValue")] == [
        "LO", "DS", "IS", "US", "SS"]
    assert returned.SliceThickness.text == "1.50"
    # in items, too
    data = file(explicit(0x00081140, "SQ", item(explicit(0x00100020, "SH", b"4711"))))
    assert info_to_dataset(dicominfo(data)).ReferencedImageSequence[0]["PatientID"].vr == "SH"
    assert info_to_dataset(dicominfo(data, UseDictionaryVR=True)).ReferencedImageSequence[0]["PatientID"].vr == "LO"


def test_a_false_transfer_syntax_is_an_error_only_without_the_heuristic() -> None:
    data = file(implicit(0x00100020, b"4711") + implicit(0x00280010, b"\2\0"))
    with pytest.warns(DcmencWarning, match="is in Implicit VR"):
        assert dicominfo(data).PatientID == "4711"
    with pytest.warns(DcmencWarning, match="is in Implicit VR"), pytest.raises(ReadError, match="UseVRHeuristic=True reads it"):
        dicominfo(data, UseVRHeuristic=False)


def test_bare_and_broken_files_are_read_by_force() -> None:
    for name in ("rtstruct.dcm", *CUT_SHORT):
        path = next(path for path in PATHS if path.name == name)
        with pytest.raises(ReadError):
            dicominfo(path)
        assert len(dicominfo(path, force=True)) > 20


@pytest.mark.parametrize("source", [3, None, {}, {"PatientID": "1"}])
def test_what_is_no_source_is_refused(source: Any) -> None:
    with pytest.raises(TypeError):
        dicominfo(source)
    with pytest.raises(OSError):
        dicominfo("/nowhere/at/all.dcm")


# --------------------------------------------------------------------- what has changed


CT = next(path for path in PATHS if path.name == "CT_small.dcm")


def test_only_what_has_changed_becomes_new() -> None:
    info = dicominfo(CT)
    before = dcmread(CT)
    info.PatientName.FamilyName = "Other"
    info.PixelSpacing[1] = 0.5
    info.Private_0043_104e = 11.0
    info.OtherPatientIDsSequence.Item_1.PatientID = "new"
    del info.StudyTime
    info.SliceThickness = np.array([[5.0]])
    info.PatientComments = "x"
    after = info_to_dataset(info)
    changed = [tag for tag in before.keys() | after.keys() if tag & 0xFFFF and tag not in PIXELS and before.get(tag) != after.get(tag)]
    keywords = sorted(tag.keyword or str(tag) for tag in changed)
    assert keywords == ["(0043,104E)", "OtherPatientIDsSequence", "PatientComments", "PatientName", "PixelSpacing", "StudyTime"]
    assert after.PatientName == "Other^CT1" and after.PixelSpacing == (0.661468, 0.5) and after[0x0043104E].vr == before[0x0043104E].vr
    assert [item.PatientID for item in after.OtherPatientIDsSequence] == ["new", "1234ABCD"]
    # the same number of another type is no change: the text is that of the file
    assert after.SliceThickness.text == before.SliceThickness.text == "5.000000"


def test_a_changed_element_keeps_its_vr() -> None:
    data = file(explicit(0x00100020, "SH", b"4711") + explicit(0x00420011, "OW", b"abcd") + explicit(0x54000010, "OB", b"ab")
                + explicit(0x00280106, "SS", b"\xff\xff") + explicit(0x00190010, "LO", b"ACME") + explicit(0x00191001, "FL", b"\0\0\0\0"))
    info = dicominfo(data)
    info.PatientID, info.EncapsulatedDocument, info.Private_0019_1001 = "x", np.array([1, 2], "u2"), 1.5
    info.Unknown_5400_0010[0] = 0
    info.SmallestImagePixelValue = -7.0
    assert [(element.vr, element.value if not hasattr(element.value, "tobytes") else element.value.tobytes())
            for element in info_to_dataset(info).values()] == [
        ("SH", "x"), ("LO", "ACME"), ("FL", 1.5), ("SS", -7), ("OW", b"\1\0\2\0"), ("OB", b"\0b")]


@pytest.mark.parametrize("road", ROADS)
def test_arrays_changed_in_place_and_renamed_fields_are_noticed(road: str) -> None:
    info = ROADS[road](dicominfo(CT))
    info.ImagePositionPatient[0] += 1
    info["PatientsName"] = info.pop("PatientName")
    info.Private_0019_10xx_Creator += "X"
    returned = info_to_dataset(info)
    assert returned.ImagePositionPatient[0] == dcmread(CT).ImagePositionPatient[0] + 1
    assert returned.PatientName == "CompressedSamples^CT1" and returned[0x00190010].value == dcmread(CT)[0x00190010].value + "X"


def test_zeros_of_another_sign_are_a_change() -> None:
    for value, other in ((0.0, -0.0), (-0.0, 0.0), ([0.0, 1.0, 2.0], [-0.0, 1.0, 2.0])):
        name = "DiffusionBValue" if isinstance(value, float) else "DiffusionGradientOrientation"
        info = dicominfo(Dataset({name: value}))
        info[name] = other
        found = info_to_dataset(info)[name].value
        assert np.signbit(np.atleast_1d(found)).tolist() == np.signbit(np.atleast_1d(other)).tolist()


def test_items_removed_moved_added_and_taken_from_another_file() -> None:
    path = next(path for path in PATHS if path.name == "rtplan.dcm")
    info, before = dicominfo(path), dcmread(path)
    one, two = info.DoseReferenceSequence.Item_1, info.DoseReferenceSequence.Item_2
    info.DoseReferenceSequence = Struct(Item_10=one, Item_9=two, Item_2={"DoseReferenceNumber": 7})
    after = info_to_dataset(info)
    assert after.DoseReferenceSequence[1:] == [before.DoseReferenceSequence[1], before.DoseReferenceSequence[0]]
    assert after.DoseReferenceSequence[0] == Dataset(DoseReferenceNumber=7)
    del info.DoseReferenceSequence.Item_2, info.DoseReferenceSequence.Item_9
    assert list(info_to_dataset(info).DoseReferenceSequence) == [before.DoseReferenceSequence[0]]
    other = Struct(DoseReferenceSequence=[one, two], BeamSequence=dicominfo(path).BeamSequence)
    assert info_to_dataset(other) == Dataset(DoseReferenceSequence=before.DoseReferenceSequence, BeamSequence=before.BeamSequence)
    info.DoseReferenceSequence = []
    assert info_to_dataset(info).DoseReferenceSequence == []


def test_what_is_done_to_the_returned_dataset_is_not_done_to_the_struct() -> None:
    for source in (CT, dcmread(CT), copy.deepcopy(dicominfo(CT))):
        info = source if isinstance(source, Struct) else dicominfo(source)
        one, other = info_to_dataset(info), info_to_dataset(info)
        one.OtherPatientIDsSequence[0].PatientID = "changed"
        del one.OtherPatientIDsSequence[1].PatientID
        assert differences(wanted(CT), other) == differences(wanted(CT), info_to_dataset(info)) == []
    ds = Dataset(ReferencedImageSequence=[{"PatientID": "1"}])
    info = dicominfo(ds)
    one, other = info_to_dataset(info), info_to_dataset(info)
    one.ReferencedImageSequence[0].PatientID = ds.ReferencedImageSequence[0].PatientID = "changed"
    assert other.ReferencedImageSequence[0].PatientID == info_to_dataset(info).ReferencedImageSequence[0].PatientID == "1"


def test_lengths_of_sequences_stay_counted_or_not() -> None:
    inner = explicit(0x00100020, "LO", b"4711")
    data = file(explicit(0x00081140, "SQ", item(inner, 0xFFFFFFFF) + implicit(0xFFFEE00D) + implicit(0xFFFEE0DD), 0xFFFFFFFF)
                + explicit(0x00082112, "SQ", item(inner)))
    info = dicominfo(data)
    assert bare(info_to_dataset(info), False) == data[data.index(b"\x08\0\x40\x11"):]
    for name in ("ReferencedImageSequence", "SourceImageSequence"):
        info[name].Item_1.PatientID = "0815"
    assert bare(info_to_dataset(info), False) == data[data.index(b"\x08\0\x40\x11"):].replace(b"4711", b"0815")


def test_text_that_nobody_can_decode_goes_back_unless_it_is_touched() -> None:
    data = file(explicit(0x00100010, "PN", b"M\xfcller") + explicit(0x00100020, "LO", b"4711"))
    info = dicominfo(data)
    assert info.PatientName == {"FamilyName": "M\xfcller"}
    info.PatientID = "1"
    assert b"M\xfcller" in bare(info_to_dataset(info), False)


def test_private_elements_need_a_creator_unless_they_were_read_without() -> None:
    orphan = explicit(0x00091001, "LO", b"abcd")
    owned = explicit(0x00190010, "LO", b"ACME") + explicit(0x00191001, "LO", b"abcd")
    info = dicominfo(file(orphan + owned))
    assert info_to_dataset(info)[0x00091001].value == "abcd"
    info.Private_0009_1001 = "changed"
    assert info_to_dataset(info)[0x00091001].value == "changed"
    del info.Private_0019_10xx_Creator
    with pytest.raises(EncodeError, match="Private_0019_1001: no private creator has reserved its block; set Private_0019_10xx_Creator"):
        info_to_dataset(info)
    with pytest.raises(EncodeError, match="Private_0009_1002: no private creator"):
        info_to_dataset({"Private_0009_1002": "x"})
    assert info_to_dataset({"Private_0009_1002": "x"}, policy=WRITE)[0x00091002].vr == "LO"
    with pytest.raises(EncodeError, match=r"stand at \(0009,1000-FFFF\)"):
        info_to_dataset({"Private_0009_0001": "x"})


# --------------------------------------------------------------------- structs


def test_a_struct_is_a_dict_with_attributes() -> None:
    info = Struct({"A": 1}, B=np.array([1.0, math.nan]))
    assert info.A == info["A"] == 1 and list(info) == ["A", "B"] and {"A", "B", "keys"} <= set(dir(info))
    info.C = "x"
    del info.A
    assert info == {"C": "x", "B": np.array([1.0, math.nan])} and info != {"C": "x"} and info != 3
    assert repr(Struct(A=1)) == "Struct({'A': 1})" and (info | {"D": 1}).D == 1 and type(info | {}) is Struct
    for act in (lambda: info.A, lambda: delattr(info, "A"), lambda: setattr(info, "_x", 1), lambda: info.__array__):
        with pytest.raises(AttributeError):
            act()
    with pytest.raises(TypeError):
        hash(info)
    assert copy.deepcopy(info) == info == pickle.loads(pickle.dumps(info)) and copy.deepcopy(info).B is not info.B


def test_one_struct_in_two_places_stays_one() -> None:
    item_of_both = Struct(PatientID="1")
    info = Struct(ReferencedImageSequence=Struct(Item_1=item_of_both, Item_2=item_of_both))
    for twin in (copy.deepcopy(info), pickle.loads(pickle.dumps(info))):
        assert twin.ReferencedImageSequence.Item_1 is twin.ReferencedImageSequence.Item_2 is not item_of_both
    assert info_to_dataset(info).ReferencedImageSequence == [Dataset(PatientID="1")] * 2


def nested(depth: int) -> Dataset:
    ds = Dataset(PatientID="inmost")
    for _ in range(depth):
        ds = Dataset(ReferencedImageSequence=[ds])
    return ds


@pytest.mark.parametrize("road", ROADS)
def test_as_deep_as_datasets_may_be(road: str) -> None:
    ds = nested(128)
    info = ROADS[road](dicominfo(ds))
    assert info_to_dataset(info) == ds
    inmost = info
    while "ReferencedImageSequence" in inmost:
        inmost = inmost.ReferencedImageSequence.Item_1
    inmost.PatientID = "changed"
    inmost = info_to_dataset(info)
    while "ReferencedImageSequence" in inmost:
        inmost = inmost.ReferencedImageSequence[0]
    assert inmost.PatientID == "changed"


def test_cycles_and_too_deep_structs_are_errors() -> None:
    fields: dict[str, Any] = {}
    fields["ReferencedImageSequence"] = {"Item_1": fields}
    with pytest.raises(EncodeError, match=r"^\(0008,1140\)\[0\]: the struct holds itself"):
        info_to_dataset(fields)
    wide: dict[str, Any] = {}
    for _ in range(128):
        # as a tree this would have 2**128 leaves
        wide = {"ReferencedImageSequence": [wide, wide]}
    info_to_dataset(wide)
    with pytest.raises(EncodeError, match="deeper than 128 levels"):
        info_to_dataset({"ReferencedImageSequence": [wide]})


# --------------------------------------------------------------------- values by hand


@pytest.mark.parametrize(("fields", "expected"), [
    ({"Rows": 512.0, "Columns": np.array([[512.0]])}, {"Rows": 512, "Columns": 512}),
    ({"AcquisitionMatrix": np.array([[0.0], [1], [2], [3]])}, {"AcquisitionMatrix": [0, 1, 2, 3]}),
    ({"PixelSpacing": np.array([[0.5, 0.25]])}, {"PixelSpacing": [0.5, 0.25]}),
    ({"PixelSpacing": "0.50\\0.25"}, {"PixelSpacing": ["0.50", "0.25"]}),
    ({"InstanceNumber": 3.0, "SeriesNumber": np.int8(4)}, {"InstanceNumber": 3, "SeriesNumber": 4}),
    ({"InstanceNumber": "3", "Rows": "512", "DiffusionBValue": "0.5"}, {"InstanceNumber": "3", "Rows": 512, "DiffusionBValue": 0.5}),
    ({"PatientID": 4711.0, "ImageComments": 1.5, "SoftwareVersion": [1, "b"]},
     {"PatientID": "4711", "ImageComments": "1.5", "SoftwareVersions": ["1", "b"]}),
    ({"StudyDate": 20240131.0}, {"StudyDate": "20240131"}),
    ({"ImageType": "A\\B", "PatientComments": "a\\b"}, {"ImageType": ["A", "B"], "PatientComments": "a\\b"}),
    ({"ImageType": np.array(["A", "B"]), "PatientAge": ["045Y"]}, {"ImageType": ["A", "B"], "PatientAge": "045Y"}),
    ({"PatientName": "A^B=C", "OperatorName": [{"FamilyName": "A"}, "B^C"]}, {"PatientName": "A^B=C", "OperatorsName": ["A", "B^C"]}),
    ({"PatientName": {"GivenName": "B", "NameSuffix": "", "FamilyName": np.empty(0), "Phonetic": {"FamilyName": "P"}, "Ideographic": "I"}},
     {"PatientName": "^B=I=P"}),
    ({"PatientName": {}, "PatientID": "", "Rows": np.empty((0, 0)), "PixelSpacing": [], "EncapsulatedDocument": np.empty(0)},
     dict.fromkeys(("PatientName", "PatientID", "Rows", "PixelSpacing", "EncapsulatedDocument"))),
    ({"EncapsulatedDocument": np.array([97.0, 98.0])}, {"EncapsulatedDocument": b"ab"}),
    ({"EncapsulatedDocument": [97, 98]}, {"EncapsulatedDocument": b"ab"}),
    ({"RedPaletteColorLookupTableData": np.array([1.0, 256.0])}, {"RedPaletteColorLookupTableData": b"\1\0\0\1"}),
    ({"VectorGridData": np.array([0.5, 1.5])}, {"VectorGridData": struct.pack("<2f", 0.5, 1.5)}),
    ({"LUTDescriptor": np.array([[3.0], [0], [16]])}, {"LUTDescriptor": [3, 0, 16]}),
    ({"LUTData": [1.0, 2.0, 65535.0]}, {"LUTData": np.array([1, 2, 65535], "u2")}),
    ({"FrameIncrementPointer": np.array([0x18, 0x1063], "u2")}, {"FrameIncrementPointer": 0x00181063}),
    ({"FrameIncrementPointer": [24.0, 4195.0, 24.0, 4196.0]}, {"FrameIncrementPointer": [0x00181063, 0x00181064]}),
    ({"FrameIncrementPointer": np.array([[0x18, 0x1063], [0x18, 0x1064]])}, {"FrameIncrementPointer": [0x00181063, 0x00181064]}),
    ({"FrameIncrementPointer": 0x00181063}, {"FrameIncrementPointer": 0x00181063}),
    ({"FrameIncrementPointer": "FrameTime"}, {"FrameIncrementPointer": 0x00181063}),
    ({"ReferencedImageSequence": {"Item_2": {"PatientID": "2"}, "Item_10": {}, "Item_1": []}},
     {"ReferencedImageSequence": [{}, {"PatientID": "2"}, {}]}),
    ({"ReferencedImageSequence": [Dataset(PatientID="1")]}, {"ReferencedImageSequence": [{"PatientID": "1"}]}),
    ({"ReferencedImageSequence": {}, "SourceImageSequence": np.empty(0)}, {"ReferencedImageSequence": [], "SourceImageSequence": []}),
    ({"OverlayData_3": b"ab", "PatientsBirthDate": datetime(2020, 1, 2).date()}, {0x60063000: b"ab", "PatientBirthDate": "20200102"}),
    ({"Filename": 3, "Width": 5, "Format": "DICOM", "TransferSyntaxUID": "1.2", "StartOfPixelData": 1}, {}),
    ({"SliceThickness": Decimal("1.50")}, {"SliceThickness": "1.50"}),
    ({"PixelData": np.array([1.0, 2.0])}, {"PixelData": np.array([1, 2], "u2")}),
])
def test_values_of_any_shape_that_means_the_same(fields: dict[str, Any], expected: dict[Any, Any]) -> None:
    made, wanted_dataset = info_to_dataset(fields), Dataset(expected)
    assert made == wanted_dataset
    for tag in made:
        if hasattr(wanted_dataset[tag].value, "text"):
            assert made[tag].value.text == wanted_dataset[tag].value.text


def test_a_typed_value_brings_its_vr() -> None:
    made = info_to_dataset({"Private_0019_10xx_Creator": "ACME", "Private_0019_1001": Typed("DS", 1.5), "PixelData": Typed("OB", b"ab"),
                            "Private_0019_1002": Typed("SQ", [{"PatientID": "1"}]), "PatientID": Typed("UN", np.array([1, 2], "u1"))})
    assert [element.vr for element in made.values()] == ["UN", "LO", "DS", "SQ", "OB"] and bytes(made.PatientID) == b"\1\2"
    info = dicominfo(Dataset(PixelRepresentation=0, SmallestImagePixelValue=1))
    info.SmallestImagePixelValue = Typed("SS", -1)
    assert info_to_dataset(info)["SmallestImagePixelValue"] == Element(0x00280106, "SS", -1)
    for value, words in ((Typed("DS", 1), "DS is not its VR"), (Typed("QQ", 1), "'QQ' is not a VR"), (Typed(3, 1), "a VR is text")):  # type: ignore[arg-type]
        with pytest.raises(EncodeError, match=words):
            info_to_dataset({"PatientID": value})


@pytest.mark.parametrize(("value", "vr"), [
    ("text", "LO"), ("x" * 65, "UT"), ("a\nb", "UT"), ("a\\b", "LO"), (1.5, "FD"), (7, "UL"), (-7, "SL"), (2**40, "UV"), (-2**40, "SV"),
    ([1, -2], "SL"), ([1, 2.5], "FD"), (np.array([1, 2], "u2"), "US"), (np.float32(1), "FL"), (np.array([1.5, 2]), "FD"), (b"ab", "UN"),
    (np.array([1, 2], "u1"), "UN"), ({"FamilyName": "A"}, "PN"), ({"Item_1": {}}, "SQ"), ([{"PatientID": "1"}], "SQ"), ({}, "SQ"),
])
def test_the_value_decides_about_private_elements_that_nobody_knows(value: Any, vr: str) -> None:
    made = info_to_dataset({"Private_0019_10xx_Creator": "ACME", "Private_0019_1001": value})[0x00191001]
    assert made.vr == vr and made.value is not None


@pytest.mark.parametrize(("fields", "words"), [
    ({"Rows": 70000}, r"^\(0028,0010\) Rows: US 70000: does not fit 16-bit unsigned"),
    ({"Rows": 1.5}, "Rows: US 1.5: US takes a whole number"),
    ({"Rows": True}, "truth value"),
    ({"Rows": "x"}, "Rows: US 'x': US takes numbers, not text"),
    ({"Rows": "1" * 5000}, "US takes numbers, not text"),
    ({"Rows": np.array([1, 2], "u1")}, "an array of uint8 may be bytes"),
    ({"Rows": np.ones((2, 2))}, r"US takes one dimension, not the shape \(2, 2\)"),
    ({"Rows": {"Item_1": {}}}, "US takes numbers, not a struct"),
    ({"Rows": 1j}, "US takes a number"),
    ({"InstanceNumber": 1.5}, "IS takes a whole number"),
    ({"SliceThickness": math.nan}, "finite number"),
    ({"PatientID": {"FamilyName": "x"}}, "PatientID: LO .*: LO takes text, not a struct"),
    ({"PatientID": math.inf}, "no number that text could stand for"),
    ({"PatientID": True}, "LO takes text, not bool"),
    ({"PatientID": np.array([65, 66], "u1")}, "an array of uint8 may be bytes"),
    ({"StudyTime": 91500.0}, "TM takes text, not float"),
    ({"StudyInstanceUID": 1.2}, "UI takes text, not float"),
    ({"PatientName": 3}, "PN takes text, not int"),
    ({"PatientName": {"Family": "x"}}, "a name has no field 'Family'; its fields are FamilyName"),
    ({"PatientName": {"FamilyName": 3}}, "FamilyName is text without"),
    ({"PatientName": {"FamilyName": "a^b"}}, "FamilyName is text without"),
    ({"PatientName": {"FamilyName": "a=b"}}, "cannot be part of a name"),
    ({"PatientName": {"Phonetic": 3}}, "a group of a name is text or a struct"),
    ({"EncapsulatedDocument": [1, 256]}, "OB 256: the numbers of int64 do not all fit the 8 bits of OB"),
    ({"EncapsulatedDocument": [0.5]}, "do not all fit"),
    ({"EncapsulatedDocument": np.array([1, 2], "u2")}, "OB takes bytes, not items of format"),
    ({"EncapsulatedDocument": ["x"]}, "OB takes bytes or numbers"),
    ({"EncapsulatedDocument": "x"}, "OB takes bytes or an array, not text"),
    ({"VectorGridData": [1e300]}, "do not all fit the 32 bits of OF"),
    ({"VectorGridData": [0.1]}, "do not all fit the 32 bits of OF"),
    ({"LUTData": [70000, 1]}, "takes numbers of 16 bits"),
    ({"FrameIncrementPointer": [24, 4195, 24]}, "a tag is a group and an element"),
    ({"FrameIncrementPointer": [2**40]}, "is no tag"),
    ({"ReferencedImageSequence": {"Item1": {}}}, "are Item_1, Item_2 and so on, not 'Item1'"),
    ({"ReferencedImageSequence": {"PatientID": "1"}}, "put the struct of a single item in a list"),
    ({"ReferencedImageSequence": 3}, "SQ takes a struct of Item_1"),
    ({"ReferencedImageSequence": [3]}, r"^\(0008,1140\)\[0\]: an item is a struct, not int"),
    ({"ReferencedImageSequence": [{}, {"Rows": "x"}]}, r"^\(0008,1140\)\[1\]\.\(0028,0010\) Rows: US 'x'"),
    ({"ReferencedImageSequence": [{3: 4}]}, r"^\(0008,1140\)\[0\]: the name of a field is text, not int"),
    ({"ReferencedImageSequence": [{"PatientNane": "x"}]}, r"^\(0008,1140\)\[0\]\.PatientNane: no field .* nearest keywords: PatientName"),
    ({"PatientName": "a", "PatientsName": "b"}, r"^\(0010,0010\): both PatientName and PatientsName stand for this element"),
    ({"PixelSpacing": np.ma.masked_array([1.0, 2.0], [True, False])}, "masked array"),
    ({"PatientNane": "x", "Sheet": 1}, r"no field of this name is known; nearest keywords: PatientName.* \(and 1 more\)"),
    ({"SelectorUVValue": 2.0**64}, "does not fit 64-bit"),
    ({"Private_0019_10xx_Creator": {}}, "Private_0019_10xx_Creator: LO .*: LO takes text, not a struct"),
])
def test_what_would_lose_something_or_is_not_clear_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(EncodeError, match=words):
        info_to_dataset(fields)


def test_strange_names_are_told_apart_from_errors() -> None:
    taken = take_fields({"PatientID": "1", "Sheet": 3, "ReferencedImageSequence": {"Item_1": {"Foo": 1}},
                         "AnyGroupLength": 3, "Item_1": {}})
    assert set(taken.unknown) == {"Sheet", "(0008,1140)[0].Foo", "Item_1"}
    assert taken.dataset == Dataset(PatientID="1", ReferencedImageSequence=[{}])
    for wrong in (None, 3, [], "x", Dataset()):
        with pytest.raises(TypeError):
            take_fields(wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="policy"):
        take_fields({}, policy="write")  # type: ignore[arg-type]


def test_the_policy_decides_about_illegal_values() -> None:
    with pytest.raises(EncodeError, match="date is YYYYMMDD"):
        info_to_dataset({"StudyDate": "1993.04.30"})
    assert info_to_dataset({"StudyDate": "1993.04.30"}, policy=WRITE).StudyDate == "1993.04.30"
    with pytest.raises(EncodeError, match="do not hold it exactly"):
        info_to_dataset({"SliceThickness": 1 / 3}, policy=Policy(inexact_ds="error"))


# --------------------------------------------------------------------- anything


def without_group_lengths(ds: Dataset) -> Dataset:
    made = ds.copy()
    for tag in [tag for tag in ds if not tag & 0xFFFF or tag in PIXELS]:
        del made[tag]
    return made


@given(datasets())
def test_any_dataset_returns_from_its_struct(ds: Dataset) -> None:
    info = dicominfo(ds)
    assert info_to_dataset(info) == without_group_lengths(ds)
    assert info_to_dataset(pickle.loads(pickle.dumps(info))) == info_to_dataset(copy.deepcopy(info)) == without_group_lengths(ds)


@given(datasets(group_lengths=False), st.sampled_from(["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"]))
def test_any_file_returns_byte_for_byte(ds: Dataset, syntax: str) -> None:
    encoding = {"implicit_vr": syntax == "1.2.840.10008.1.2", "little_endian": syntax != "1.2.840.10008.1.2.2"}
    ds.preamble = None
    data = dumps(without_group_lengths(ds), **encoding)
    returned = info_to_dataset(dicominfo(file(data, syntax)))
    returned.preamble = None
    assert dumps(returned, **encoding) == data


@given(st.data())
@pytest.mark.parametrize("vr", [vr for vr in ALL_VRS if vr != "SQ"])
def test_any_legal_value_returns_from_what_is_shown(vr: str, data: Any) -> None:
    element = Dataset().add(0x00191001, vr, data.draw(values(vr)), policy=WRITE)
    value = shown(element)
    again = Element(element.tag, vr, normalise(vr, coerced(vr, value)))
    assert is_as_shown(again, value)
    one, other = Dataset(), Dataset()
    one.add(0x00191001, vr, element.value, policy=WRITE)
    other.add(0x00191001, vr, again.value, policy=WRITE)
    assert one == other


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.binary(max_size=8), st.complex_numbers(),
              st.sampled_from([np.zeros((2, 3)), np.array([1, 2], "u1"), np.array(["a", "b"]), np.array([None, 3]), np.array(5),
                               np.float32(0.5), np.datetime64("2020-01-01"), np.array([1j]), np.empty((0, 3)), object(), int, Dataset(),
                               Fragments((b"ab",)), Element(0x00100010, "PN", "x"), Sequence(), range(3), memoryview(b"ab"), {1, 2},
                               np.zeros(3, [("a", "u2")]), Decimal("1.5"), np.array([True, False])])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.tuples(inner, inner), st.builds(Typed, st.sampled_from(["US", "PN", "SQ", "QQ"]), inner),
        st.dictionaries(st.sampled_from(["Item_1", "Item_2", "FamilyName", "Phonetic", "PatientID", "Rows", "x"]), inner, max_size=3)),
    max_leaves=6)
NAMES = st.sampled_from([*(next(keyword for keyword, entry in keyword_table().items() if entry.vr == vr)
                           for vr in sorted({entry.vr for entry in keyword_table().values()} - {""})),
                         "Private_0019_10xx_Creator", "Private_0019_1001", "Private_0019_1002", "Unknown_0018_1234", "OverlayData_2",
                         "Nothing"])


@given(st.dictionaries(NAMES, VALUES, max_size=4), st.sampled_from([None, WRITE]))
def test_hostile_fields_are_taken_or_refused_with_a_place(fields: dict[str, Any], policy: Policy | None) -> None:
    try:
        made = take_fields(fields, policy=policy).dataset
    except EncodeError as error:
        assert error.path
    else:
        assert made == made.copy()


@given(st.lists(st.tuples(st.sampled_from(["PatientName", "PixelSpacing", "Rows", "OtherPatientIDsSequence", "Private_0019_10xx_Creator",
                                           "Private_0043_104e", "ImageType", "Private_0043_1013"]), VALUES), max_size=3))
def test_hostile_changes_of_a_file_are_taken_or_refused_with_a_place(changes: list[tuple[str, Any]]) -> None:
    info = dicominfo(CT)
    info.update(changes)
    try:
        info_to_dataset(info)
    except EncodeError as error:
        assert error.path or "no field of this name" in error.reason


def test_the_dictionary_has_a_field_for_every_attribute() -> None:
    """One attribute of each keyword, there and back by its name alone."""
    for keyword, entry in keyword_table().items():
        if entry.vr and entry.tag & 0xFFFF and entry.tag >> 16 not in (0, 2):
            taken = take_fields({keyword: None})
            assert list(taken.dataset) == [entry.tag] and not taken.unknown and lookup(Tag(entry.tag)) is not None
