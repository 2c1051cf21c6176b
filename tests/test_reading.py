"""Reading, one idea a test: sources, options, what is odd about files, and what becomes of an element that was only read."""

from __future__ import annotations

import copy
import io
import os
import pickle
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from strategies import datasets
from test_reading_files import accessed, differences

from dcmenc import Dataset, DcmencWarning, Element, EncodeError, Fragments, Policy, ReadError, Sequence, dcmread, dumps

pytestmark = pytest.mark.filterwarnings("ignore:Explicit VR Big Endian is retired")

IMPLICIT, EXPLICIT, DEFLATED, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"
JPEG = "1.2.840.10008.1.2.4.50"
UNDEFINED = 0xFFFFFFFF
LONG_HEADER = ("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV")
IMAGES, SOP_CLASS, NAME, ID, PIXELS = 0x00081140, 0x00081150, 0x00100010, 0x00100020, 0x7FE00010


# --------------------------------------------------------------------- bytes by hand


def explicit(tag: int, vr: str, value: bytes = b"", length: int | None = None, big: bool = False) -> bytes:
    long = vr in LONG_HEADER
    return struct.pack("<>"[big] + "HH2s" + ("HI" if long else "H"), tag >> 16, tag & 0xFFFF, vr.encode(), *([0] if long else []),
                       len(value) if length is None else length) + value


def implicit(tag: int, value: bytes = b"", length: int | None = None, big: bool = False) -> bytes:
    return struct.pack("<>"[big] + "HHI", tag >> 16, tag & 0xFFFF, len(value) if length is None else length) + value


def item(data: bytes = b"", length: int | None = None) -> bytes:
    return implicit(0xFFFEE000, data, length)


ITEM_END, SEQUENCE_END = implicit(0xFFFEE00D), implicit(0xFFFEE0DD)


def closed(data: bytes) -> bytes:
    """One item, closed by a delimiter, and the delimiter of its sequence."""
    return item(data, UNDEFINED) + ITEM_END + SEQUENCE_END


def file(data: bytes, syntax: str = EXPLICIT) -> bytes:
    """A file with the least meta that names its transfer syntax."""
    meta = explicit(0x00020010, "UI", syntax.encode() + b"\0" * (len(syntax) % 2))
    return bytes(128) + b"DICM" + explicit(0x00020000, "UL", struct.pack("<I", len(meta))) + meta + data


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def body(dataset: Dataset) -> bytes:
    """What is written behind the file meta."""
    bare = dataset.copy()
    bare.preamble = None
    bare.file_meta = None
    syntax = dataset.file_meta.TransferSyntaxUID
    return dumps(bare, implicit_vr=syntax == IMPLICIT, little_endian=syntax != BIG)


START = len(file(b""))
NAMED = explicit(NAME, "PN", b"A^B ")


# --------------------------------------------------------------------- what was written is read


def as_file(dataset: Dataset, syntax: str) -> bytes:
    dataset.preamble = bytes(128)
    dataset.file_meta = {"MediaStorageSOPClassUID": "1.2", "MediaStorageSOPInstanceUID": "1.3", "TransferSyntaxUID": syntax}
    return dumps(dataset)


def padded(dataset: Dataset) -> Dataset:
    """Values of an odd number of bytes, with the zero that is written behind them (PS3.5 7.1.1)."""
    for tag, (_, vr, value) in list(dataset._elements.items()):
        if isinstance(value, Sequence):
            for one in value:
                padded(one)
        elif isinstance(value, bytes) and len(value) % 2:
            dataset._elements[tag] = Element(tag, vr, value + b"\0")
    return dataset


@pytest.mark.parametrize("syntax", [EXPLICIT, BIG, DEFLATED], ids=["explicit", "big", "deflated"])
@given(dataset=datasets(group_lengths=False))
def test_a_dataset_that_was_written_is_read_again(dataset: Dataset, syntax: str) -> None:
    data = as_file(dataset, syntax)
    read = dcmread(data)
    assert read == padded(dataset)
    assert dumps(read) == data


@given(dataset=datasets(group_lengths=False))
def test_in_implicit_vr_what_no_dictionary_knows_is_un_with_the_same_bytes(dataset: Dataset) -> None:
    data = as_file(dataset, IMPLICIT)
    read = dcmread(data)
    assert differences(dcmread(as_file(dataset, EXPLICIT)), read, same_vr=False) == []
    assert dumps(read) == data


# --------------------------------------------------------------------- sources


@pytest.mark.parametrize("make", [
    bytes, bytearray, memoryview, io.BytesIO, lambda data: np.frombuffer(data, "u2"), lambda data: np.frombuffer(data, "u1").reshape(-1, 2),
], ids=["bytes", "bytearray", "memoryview", "file object", "array", "two dimensions"])
def test_content_may_come_in_any_container(make: Any) -> None:
    assert dumps(dcmread(make(file(NAMED)))) == file(NAMED)


def test_text_is_a_path_and_bytes_are_content(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(file(NAMED))
    assert dcmread(str(path)).PatientName == dcmread(path).PatientName == "A^B"
    with path.open("rb") as source:
        assert dcmread(source).PatientName == "A^B"
    with pytest.raises(ReadError, match="no DICM prefix"):
        dcmread(os.fsencode(path))
    with pytest.raises(FileNotFoundError):
        dcmread(tmp_path / "none.dcm")


@pytest.mark.parametrize("source", [5, None, [1], io.StringIO("text"), memoryview(bytes(400))[::2]], ids=repr)
def test_what_holds_no_bytes_is_refused(source: Any) -> None:
    with pytest.raises(TypeError, match=r"a path, bytes or a file object is read|a file object gives bytes"):
        dcmread(source)


# --------------------------------------------------------------------- options


@pytest.mark.parametrize("pixels", [
    explicit(PIXELS, "OW", b"ab"), explicit(0x7FE00008, "OF", b"abcd"), explicit(0x7FE00009, "OD"), explicit(PIXELS, "OW", b"", 400),
], ids=["pixels", "float", "double", "pixels that are not there"])
def test_reading_can_stop_before_the_pixels(pixels: bytes) -> None:
    data = file(NAMED + explicit(0x00880200, "SQ", item(explicit(PIXELS, "OB", b"ab"))) + pixels)
    dataset = dcmread(data, stop_before_pixels=True)
    assert [int(tag) for tag in dataset] == [NAME, 0x00880200] and dataset.IconImageSequence[0].PixelData == b"ab"
    assert not dataset.faults and dumps(dataset) == file(body(dataset))


def test_single_elements_may_be_asked_for_and_their_character_set_comes_too() -> None:
    data = file(explicit(0x00080005, "CS", b"ISO_IR 100") + explicit(0x00080060, "CS", b"OT") + explicit(NAME, "PN", b"J\xe9r "))
    dataset = dcmread(data, specific_tags=iter(["PatientName", 0x00100020]))
    assert [int(tag) for tag in dataset] == [0x00080005, NAME] and dataset.PatientName == "Jér"
    assert dumps(dataset) == file(body(dataset)) and b"OT" not in body(dataset)
    assert len(dcmread(data, specific_tags=[])) == 1


def test_what_was_not_asked_for_is_proved_all_the_same() -> None:
    with pytest.raises(ReadError, match="a length of 9 bytes"):
        dcmread(file(NAMED + explicit(ID, "LO", b"", 9)), specific_tags=["PatientName"])


# --------------------------------------------------------------------- preamble and file meta


SYNTAX = explicit(0x00020010, "UI", EXPLICIT.encode() + b"\0")
FRONT = bytes(range(128)) + b"DICM"


@pytest.mark.parametrize(("data", "keywords"), [
    (FRONT + SYNTAX + NAMED, ["TransferSyntaxUID"]),
    (FRONT + explicit(0x00020000, "UL", b"\7\0\0\0") + SYNTAX + NAMED, ["FileMetaInformationGroupLength", "TransferSyntaxUID"]),
    (FRONT + explicit(0x00020000, "UL", b"\xff\xff\xff\xff") + SYNTAX + NAMED, ["FileMetaInformationGroupLength", "TransferSyntaxUID"]),
    (FRONT + explicit(0x00020002, "UI", b"1.2\0") + NAMED, ["MediaStorageSOPClassUID"]),
], ids=["no group length", "group length too short", "group length without sense", "no transfer syntax"])
def test_a_file_meta_is_kept_as_it_was(data: bytes, keywords: list[str]) -> None:
    dataset = dcmread(data)
    assert dataset.PatientName == "A^B" and [tag.keyword for tag in dataset.file_meta] == keywords
    assert dumps(dataset) == data


def test_a_prefix_without_preamble_is_read_and_left_out_when_written() -> None:
    dataset = dcmread(b"DICM" + SYNTAX + NAMED)
    assert dataset.PatientName == "A^B" and dataset.preamble is None
    assert dumps(dataset) == SYNTAX + NAMED


def test_a_file_meta_in_implicit_vr_is_understood_and_written_explicitly() -> None:
    dataset = dcmread(bytes(128) + b"DICM" + implicit(0x00020010, EXPLICIT.encode() + b"\0") + NAMED)
    assert dataset.file_meta.TransferSyntaxUID == EXPLICIT and dataset.PatientName == "A^B"
    assert SYNTAX in dumps(dataset) and dumps(dataset).endswith(NAMED)


@pytest.mark.parametrize("data", [NAMED, implicit(NAME, b"A^B "), explicit(NAME, "PN", b"A^B ", big=True), SYNTAX + NAMED, b""],
                         ids=["explicit", "implicit", "big endian", "meta", "nothing"])
def test_a_bare_data_set_is_read_when_it_is_forced_and_is_written_bare(data: bytes) -> None:
    with pytest.raises(ReadError, match="force=True"):
        dcmread(data)
    dataset = dcmread(data, force=True)
    assert dataset.preamble is None and dataset.get("PatientName", NAME) in (NAME, (NAME, "PN", "A^B"))
    assert dumps(dataset) == data


CODED = {EXPLICIT: NAMED, IMPLICIT: implicit(NAME, b"A^B "), BIG: explicit(NAME, "PN", b"A^B ", big=True)}


@pytest.mark.parametrize("syntax", ["1.2.3.4", None], ids=["private", "none"])
@pytest.mark.parametrize("data", CODED.values(), ids=["explicit", "implicit", "big"])
def test_a_data_set_whose_syntax_nobody_knows_shows_it_itself(data: bytes, syntax: str | None) -> None:
    whole = file(data, syntax) if syntax else FRONT + explicit(0x00020002, "UI", b"1.2\0") + data
    dataset = dcmread(whole)
    assert dataset.PatientName == "A^B" and dumps(accessed(dataset)) == whole
    dataset.PatientName = "C^D"
    for state in (dataset, dataset.copy(), copy.deepcopy(dataset), pickle.loads(pickle.dumps(dataset))):
        assert dumps(state) == whole.replace(b"A^B", b"C^D")


@pytest.mark.parametrize("named", CODED, ids=["named explicit", "named implicit", "named big"])
@pytest.mark.parametrize("really", CODED, ids=["explicit", "implicit", "big"])
def test_a_data_set_in_another_syntax_than_named_is_told_and_written_as_named(named: str, really: str) -> None:
    if named == really:
        assert dumps(dcmread(file(CODED[really], named))) == file(CODED[named], named)
        return
    with pytest.warns(DcmencWarning, match=r"the file meta names .* and the data set is in"):
        dataset = dcmread(file(CODED[really], named))
    assert dataset.PatientName == "A^B" and dumps(dataset) == file(CODED[named], named)


GZIP = struct.pack("<II", zlib.crc32(NAMED), len(NAMED))


@pytest.mark.parametrize("behind", [b"", b"\0", bytes(8), GZIP, GZIP + b"\0"], ids=["nothing", "zero", "zeros", "gzip", "gzip, zero"])
def test_a_deflated_data_set_may_end_in_several_ways(behind: bytes) -> None:
    dataset = dcmread(file(deflated(NAMED) + behind, DEFLATED))
    assert dataset.PatientName == "A^B" and not dataset.faults
    assert dcmread(dumps(dataset)) == dataset


@pytest.mark.parametrize(("data", "reason"), [
    (deflated(NAMED) + b"hello", "5 bytes follow the deflated stream"),
    (deflated(NAMED + explicit(0x00204000, "LT", bytes(range(200))))[:-20], "the deflated stream ends too early"),
    (NAMED, "the data set is no deflated stream"),
    (zlib.compress(NAMED), "the data set is no deflated stream"),
], ids=["garbage behind", "cut short", "not deflated", "zlib"])
def test_a_deflated_data_set_that_is_broken_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(ReadError, match=reason):
        dcmread(file(data, DEFLATED))
    if data.startswith(deflated(NAMED)[:4]):
        with pytest.warns(DcmencWarning, match=reason):
            dataset = dcmread(file(data, DEFLATED), force=True)
        assert dataset.PatientName == "A^B" and reason in dataset.faults[0].reason


# --------------------------------------------------------------------- what is odd about files


def with_id(data: bytes, **options: Any) -> bytes:
    """The data set behind the meta after one attribute was set, so that the file cannot be copied as a whole."""
    dataset = dcmread(file(data), **options)
    dataset.PatientID = "4711"
    return dumps(dataset)[START:]


IDENTIFIED = explicit(ID, "LO", b"4711")
CLASS = explicit(SOP_CLASS, "UI", b"1.2\0")
CLASS_IMPLICIT = implicit(SOP_CLASS, b"1.2\0")
CLOSED = explicit(IMAGES, "SQ", closed(CLASS), UNDEFINED)
COUNTED = explicit(IMAGES, "SQ", item(CLASS))

# What is not legal and can be read in one way only: its bytes, and what is written once the data set was changed.
MENDED = {
    "sequence without its delimiter": (explicit(IMAGES, "SQ", item(CLASS + explicit(0x00081199, "SQ", b"", UNDEFINED))) + NAMED,
                                       explicit(IMAGES, "SQ", item(CLASS + explicit(0x00081199, "SQ", SEQUENCE_END, UNDEFINED))) + NAMED),
    "item without its delimiter": (explicit(IMAGES, "SQ", item(CLASS, UNDEFINED) + SEQUENCE_END, UNDEFINED) + NAMED, CLOSED + NAMED),
    "delimiter in a counted item": (explicit(IMAGES, "SQ", item(CLASS + ITEM_END)) + NAMED, COUNTED + NAMED),
    "delimiter in a counted sequence": (explicit(IMAGES, "SQ", item(CLASS) + SEQUENCE_END) + NAMED, COUNTED + NAMED),
    "counted item that misses its delimiter": (explicit(IMAGES, "SQ", item(CLASS, UNDEFINED)) + NAMED,
                                               explicit(IMAGES, "SQ", item(CLASS, UNDEFINED) + ITEM_END) + NAMED),
}
# What is not legal, or unusual, and stays as it is in every element that is not set.
KEPT = {
    "odd length": explicit(NAME, "PN", b"A^B"),
    "text behind its delimiter": explicit(NAME, "PN", b"A^B\\ \\"),
    "a short US": explicit(0x00280010, "US", b"abc"),
    "unknown VR, short header": explicit(0x00080060, "CS", b"OT") + explicit(NAME, "ZZ", b"A^B "),
    "unknown VR, long header": explicit(0x00080060, "CS", b"OT") + struct.pack("<HH2sHI", 0x10, 0x10, b"ZZ", 0, 4) + b"A^B ",
    "unknown VR in the first element": explicit(NAME, "ZZ", b"A^B "),
    "implicit items in an explicit sequence": explicit(IMAGES, "SQ", closed(CLASS_IMPLICIT), UNDEFINED),
    "implicit items, two levels": explicit(IMAGES, "SQ", item(implicit(IMAGES, item(CLASS_IMPLICIT)))),
    "UN of undefined length": explicit(IMAGES, "UN", closed(CLASS_IMPLICIT), UNDEFINED),
    "UN of undefined length, two levels": explicit(IMAGES, "UN", closed(implicit(IMAGES, closed(CLASS_IMPLICIT), UNDEFINED)), UNDEFINED),
    "private without creator": explicit(0x00091001, "LO", b"x "),
    "text that is no number": explicit(0x00180050, "DS", b"1_000 ") + explicit(0x00200013, "IS", b"1_0 "),
    "character set in UN": explicit(0x00080005, "UN", b"ISO_IR 192") + explicit(NAME, "PN", "Jér".encode()),
    "character set in US": explicit(0x00080005, "US", b"ab") + NAMED,
    "a VR that is not the dictionary's": explicit(0x00080060, "LO", b"x ") + explicit(0x00280010, "UL", bytes(4)),
}


@pytest.mark.parametrize(("data", "written"), MENDED.values(), ids=MENDED)
def test_a_missing_or_needless_delimiter_is_mended(data: bytes, written: bytes) -> None:
    dataset = dcmread(file(data))
    assert not dataset.faults and dataset.ReferencedImageSequence[0].ReferencedSOPClassUID == "1.2"
    for state in (dcmread(file(data)), dataset, copy.deepcopy(dataset), pickle.loads(pickle.dumps(dcmread(file(data))))):
        state.PatientID = "4711"
        assert dumps(state) == file(written + IDENTIFIED)


@pytest.mark.parametrize("data", [
    explicit(IMAGES, "SQ", item(CLASS, UNDEFINED) + ITEM_END, UNDEFINED),
    explicit(IMAGES, "SQ", item(CLASS, UNDEFINED), UNDEFINED),
    explicit(IMAGES, "SQ", item(CLASS), UNDEFINED),
], ids=["sequence", "item and sequence", "sequence of a counted item"])
def test_a_file_that_ends_before_a_delimiter_may_have_been_cut_and_is_refused(data: bytes) -> None:
    with pytest.raises(ReadError, match="the bytes end before the delimiter"):
        dcmread(file(data))
    with pytest.warns(DcmencWarning, match="the file is broken"):
        dataset = dcmread(file(data), force=True)
    assert dataset.faults and dataset.ReferencedImageSequence[0].ReferencedSOPClassUID == "1.2"
    assert body(dataset).endswith(SEQUENCE_END)


@pytest.mark.parametrize("data", KEPT.values(), ids=KEPT)
def test_an_element_that_was_not_set_stays_as_it_is(data: bytes) -> None:
    for state in (lambda dataset: dataset, accessed, copy.deepcopy, lambda dataset: pickle.loads(pickle.dumps(dataset))):
        dataset = state(dcmread(file(data)))
        assert dumps(dataset) == file(data)
        dataset.add(0xFFFCFFFC, "OB", b"\0\0")
        assert dumps(dataset) == file(data + explicit(0xFFFCFFFC, "OB", b"\0\0"))


@pytest.mark.parametrize("zeros", [1, 3, 8, 20, 1000])
@pytest.mark.parametrize("syntax", CODED, ids=["explicit", "implicit", "big"])
def test_zeros_behind_the_last_element_are_padding_of_the_file(syntax: str, zeros: int) -> None:
    data = file(CODED[syntax] + bytes(zeros), syntax)
    dataset = dcmread(data)
    assert len(dataset) == 1 and dumps(dataset) == dumps(pickle.loads(pickle.dumps(dataset))) == data
    dataset.PatientName = "C^D"
    assert dumps(dataset) == file(CODED[syntax].replace(b"A^B", b"C^D"), syntax)


def test_an_element_may_stand_twice_if_both_are_the_same() -> None:
    assert dumps(dcmread(file(NAMED + NAMED))) == file(NAMED + NAMED)
    assert with_id(NAMED + NAMED) == NAMED + IDENTIFIED


def test_of_two_values_of_one_element_none_is_lost_silently() -> None:
    data = file(explicit(IMAGES, "SQ", item(NAMED + explicit(NAME, "PN", b"C^D "))) + NAMED + explicit(NAME, "PN", b"C^D "))
    with pytest.raises(ReadError, match="stands twice in its data set, with two values") as caught:
        dcmread(data)
    assert caught.value.path.endswith("(0010,0010)")
    with pytest.warns(DcmencWarning, match="stands twice"):
        assert dcmread(data, force=True).PatientName == "C^D"


def test_two_values_of_one_element_in_an_item_are_refused_when_the_file_is_read() -> None:
    data = file(explicit(IMAGES, "SQ", item(NAMED + explicit(NAME, "PN", b"C^D "))))
    with pytest.raises(ReadError, match="stands twice") as caught:
        dcmread(data)
    assert caught.value.path == "(0008,1140)[0].(0010,0010)"
    with pytest.warns(DcmencWarning, match="stands twice"):
        dataset = dcmread(data, force=True)
    before = dumps(dataset)
    assert dumps(accessed(dataset)) == before


def test_elements_out_of_order_are_put_in_order_when_something_changes() -> None:
    data = NAMED + explicit(0x00080060, "CS", b"OT")
    assert dumps(dcmread(file(data))) == file(data)
    assert with_id(data) == explicit(0x00080060, "CS", b"OT") + NAMED + IDENTIFIED


def test_a_new_nested_value_changes_the_lengths_around_it() -> None:
    dataset = dcmread(file(explicit(IMAGES, "SQ", item(COUNTED + NAMED) + item(CLASS)) + NAMED))
    dataset.ReferencedImageSequence[0].ReferencedImageSequence[0].ReferencedSOPClassUID = "1.2.345"
    longer = explicit(IMAGES, "SQ", item(explicit(SOP_CLASS, "UI", b"1.2.345\0")))
    assert dumps(dataset) == file(explicit(IMAGES, "SQ", item(longer + NAMED) + item(CLASS)) + NAMED)


@pytest.mark.parametrize("syntax", [EXPLICIT, BIG], ids=["explicit", "big"])
def test_items_of_a_un_are_in_implicit_vr_little_endian_wherever_they_stand(syntax: str) -> None:
    big = syntax == BIG
    nested = implicit(IMAGES, closed(CLASS_IMPLICIT), UNDEFINED)
    data = file(explicit(IMAGES, "UN", closed(nested), UNDEFINED, big) + explicit(NAME, "PN", b"A^B ", None, big), syntax)
    dataset = dcmread(data)
    assert dataset["ReferencedImageSequence"].vr == "UN" and isinstance(dataset.ReferencedImageSequence, Sequence)
    inner = dataset.ReferencedImageSequence[0].ReferencedImageSequence[0]
    assert inner.ReferencedSOPClassUID == "1.2" and dumps(dataset) == data
    for other in (EXPLICIT, BIG, IMPLICIT):
        for state in (dcmread(data), accessed(dcmread(data)), dataset):
            state.file_meta.TransferSyntaxUID = other
            head = nested.join((item(b"", UNDEFINED), ITEM_END + SEQUENCE_END))
            front = implicit(IMAGES, head, UNDEFINED) if other == IMPLICIT else explicit(IMAGES, "UN", head, UNDEFINED, other == BIG)
            assert body(state) == front + CODED[other]
    dataset.file_meta.TransferSyntaxUID = syntax
    inner.ReferencedSOPClassUID = "1.3"
    moved = Dataset()
    moved[IMAGES], moved[NAME], moved.file_meta = dataset[IMAGES], dataset[NAME], dataset.file_meta
    for state in (dataset, copy.deepcopy(dataset), pickle.loads(pickle.dumps(dataset)), moved):
        assert body(state) == data[START:].replace(b"1.2\0", b"1.3\0")


# --------------------------------------------------------------------- values


@pytest.mark.parametrize(("vr", "data", "value"), [
    ("US", b"abc", Element(NAME, "UN", b"abc")), ("FD", b"abcd", Element(NAME, "UN", b"abcd")), ("AT", b"ab", Element(NAME, "UN", b"ab")),
    ("US", b"\1\0\2\0", Element(NAME, "US", (1, 2))), ("US", b"", Element(NAME, "US", None)), ("PN", b"    ", Element(NAME, "PN", None)),
    ("DS", b" 1.50\\x\\", Element(NAME, "DS", (1.5, "x", None))), ("DS", b"1_000 ", Element(NAME, "DS", "1_000")),
    ("DS", b"NaN ", Element(NAME, "DS", "NaN")), ("IS", b"1_0 ", Element(NAME, "IS", "1_0")), ("IS", b"1.5 ", Element(NAME, "IS", "1.5")),
    ("IS", b"9" * 30, Element(NAME, "IS", int("9" * 30))), ("LT", b" a\\b \r\n ", Element(NAME, "LT", " a\\b \r\n")),
    ("LO", b" a \\ b \\", Element(NAME, "LO", (" a", " b", ""))), ("UI", b"1.2\0", Element(NAME, "UI", "1.2")),
])
def test_nothing_is_hidden_and_nothing_is_guessed(vr: str, data: bytes, value: Element) -> None:
    assert dcmread(file(explicit(NAME, vr, data)))[NAME] == value


def test_numbers_keep_the_text_that_they_were_read_from() -> None:
    dataset = dcmread(file(explicit(0x00180050, "DS", b"+1.50 ") + explicit(0x00200013, "IS", b"-007")))
    assert (dataset.SliceThickness, dataset.SliceThickness.text) == (1.5, "+1.50")
    assert (dataset.InstanceNumber, dataset.InstanceNumber.text) == (-7, "-007")
    dataset.PatientID = "4711"
    assert body(dataset) == IDENTIFIED + explicit(0x00180050, "DS", b"+1.50 ") + explicit(0x00200013, "IS", b"-007")


def test_fragments_are_bytes_whatever_vr_they_were_given_and_cannot_become_native() -> None:
    stream = item(b"") + item(b"\xff\xd8\xff\xd9") + SEQUENCE_END
    data = file(explicit(PIXELS, "OW", stream, UNDEFINED), JPEG)
    dataset = dcmread(data)
    assert dataset.PixelData == Fragments((b"\xff\xd8\xff\xd9",)) and dumps(accessed(dataset)) == data
    dataset.PatientID = "4711"
    assert dcmread(dumps(dataset)) == dataset
    dataset.file_meta.TransferSyntaxUID = EXPLICIT
    with pytest.raises(EncodeError, match=r"\(7FE0,0010\): only Pixel Data under an encapsulated"):
        dumps(dataset)
    dataset = dcmread(file(explicit(PIXELS, "OW", b"\1\0")))
    dataset.file_meta.TransferSyntaxUID = JPEG
    with pytest.raises(EncodeError, match=r"\(7FE0,0010\): native pixels cannot stand"):
        dumps(dataset)


def test_native_pixels_that_were_read_must_go_with_a_new_description() -> None:
    number = b"".join(explicit(tag, "US", b"\2\0") for tag in (0x00280010, 0x00280011)) + explicit(0x00280100, "US", b"\x10\0")
    dataset = dcmread(file(number + explicit(PIXELS, "OW", bytes(8))))
    dataset.Rows = 3
    with pytest.raises(EncodeError, match=r"\(7FE0,0010\): 8 bytes, where .* ask for 12"):
        dumps(dataset)


# --------------------------------------------------------------------- VRs that the data set decides


@pytest.mark.parametrize(("sign", "vr", "value"), [(0, "US", 65531), (1, "SS", -5)])
def test_pixel_representation_decides_signs_here_and_in_items(sign: int, vr: str, value: int) -> None:
    low, own = implicit(0x00280106, b"\xfb\xff"), implicit(0x00280103, bytes((1 - sign, 0)))
    dataset = dcmread(file(implicit(0x00081140, item(low) + item(own + low)) + implicit(0x00280103, bytes((sign, 0))) + low, IMPLICIT))
    inherits, has_its_own = dataset.ReferencedImageSequence
    assert dataset["SmallestImagePixelValue"] == inherits["SmallestImagePixelValue"] == (0x00280106, vr, value)
    assert has_its_own["SmallestImagePixelValue"].value == (-5 if value > 0 else 65531)
    dataset.file_meta.TransferSyntaxUID = EXPLICIT
    assert dcmread(dumps(dataset))["SmallestImagePixelValue"] == (0x00280106, vr, value)


@pytest.mark.parametrize("to", [IMPLICIT, EXPLICIT], ids=["to implicit", "to explicit"])
@pytest.mark.parametrize("source", [IMPLICIT, EXPLICIT], ids=["implicit", "explicit"])
@pytest.mark.parametrize("nested", [False, True])
def test_another_pixel_representation_never_changes_a_value_silently(source: str, to: str, nested: bool) -> None:
    low = implicit(0x00280106, b"\xfb\xff") if source == IMPLICIT else explicit(0x00280106, "US", b"\xfb\xff")
    sign = implicit(0x00280103, b"\0\0") if source == IMPLICIT else explicit(0x00280103, "US", b"\0\0")
    inner = (implicit(IMAGES, item(low)) if source == IMPLICIT else explicit(IMAGES, "SQ", item(low))) if nested else b""
    dataset = dcmread(file(inner + sign + low * (not nested), source))
    dataset.PixelRepresentation = 1
    dataset.file_meta.TransferSyntaxUID = to
    try:
        read = dcmread(dumps(dataset))
    except EncodeError as error:
        assert error.path.endswith("(0028,0106)") and "65531 does not fit" in error.reason
    else:
        assert (read.ReferencedImageSequence[0] if nested else read).SmallestImagePixelValue == 65531


def test_a_known_creator_says_what_its_elements_are_in_implicit_vr() -> None:
    block = [(0x00090010, "LO", b"GEMS_IDEN_01"), (0x00091004, "SH", b"x "), (0x0009101A, "US", b"\1\0"), (0x000910EE, "UN", b"ab")]
    dataset = dcmread(file(b"".join(implicit(tag, value) for tag, _, value in block), IMPLICIT))
    assert [(element.vr, element.value) for element in dataset.values()] == [("LO", "GEMS_IDEN_01"), ("SH", "x"), ("US", 1), ("UN", b"ab")]
    dataset.file_meta.TransferSyntaxUID = EXPLICIT
    assert body(dataset) == b"".join(explicit(*element) for element in block)


# --------------------------------------------------------------------- character sets


def declared(terms: str) -> bytes:
    return explicit(0x00080005, "CS", terms.encode() + b" " * (len(terms) % 2))


def named(name: bytes) -> bytes:
    return explicit(NAME, "PN", name + b" " * (len(name) % 2))


LATIN, UTF8 = named("Jér".encode("latin-1")), named("Jér".encode())


def test_another_character_set_converts_every_text_below_it() -> None:
    own = declared("ISO_IR 192") + UTF8

    def record(terms: str, name: bytes) -> bytes:
        """With text before the character set, as in a DICOMDIR."""
        return explicit(0x00041220, "SQ", item(name)) + declared(terms) + explicit(IMAGES, "SQ", item(name) + item(own)) + name

    dataset = dcmread(file(record("ISO_IR 100", LATIN)))
    dataset.SpecificCharacterSet = "ISO_IR 192"
    assert body(dataset) == record("ISO_IR 192", UTF8)
    dataset.SpecificCharacterSet = "ISO_IR 126"
    with pytest.raises(EncodeError, match="outside the declared character sets") as caught:
        dumps(dataset)
    assert caught.value.path == "(0004,1220)[0].(0010,0010)"


def test_an_item_may_get_a_character_set_of_its_own() -> None:
    dataset = dcmread(file(declared("ISO_IR 100") + explicit(IMAGES, "SQ", item(LATIN)) + LATIN))
    dataset.ReferencedImageSequence[0].SpecificCharacterSet = "ISO_IR 192"
    assert body(dataset) == declared("ISO_IR 100") + explicit(IMAGES, "SQ", item(declared("ISO_IR 192") + UTF8)) + LATIN


def test_text_without_a_declared_set_stays_as_it_is_until_it_must_be_converted() -> None:
    data = file(explicit(IMAGES, "SQ", item(LATIN)) + LATIN)
    for change in ({"PatientID": "4711"}, {"PatientComments": "Jérôme"}, {"SpecificCharacterSet": "ISO_IR 192"}):
        dataset = dcmread(data)
        assert dataset.PatientName == "Jér"
        dataset.update(change)
        if "PatientID" in change:
            assert dumps(dataset) == data + IDENTIFIED
            continue
        with pytest.raises(EncodeError, match="assume_charset") as caught:
            dumps(dataset)
        assert caught.value.path == "(0008,1140)[0].(0010,0010)"


@pytest.mark.parametrize(("terms", "shown"), [("ISO_IR 144", "Jщr"), ("ISO_IR 100", "Jér")])
def test_a_set_may_be_assumed_for_text_that_declares_none(terms: str, shown: str) -> None:
    data = file(explicit(IMAGES, "SQ", item(LATIN)) + LATIN)
    dataset = dcmread(data, assume_charset=terms)
    assert dataset.PatientName == dataset.ReferencedImageSequence[0].PatientName == shown and dumps(dataset) == data
    dataset.SpecificCharacterSet = "ISO_IR 192"
    assert body(dataset) == declared("ISO_IR 192") + explicit(IMAGES, "SQ", item(named(shown.encode()))) + named(shown.encode())
    assert dcmread(file(declared("ISO_IR 101") + LATIN), assume_charset=terms).PatientName == "Jér"


@pytest.mark.parametrize("terms", ["FOO", "iso_ir 100", ""])
def test_a_character_set_without_sense_stays_and_so_does_its_text(terms: str) -> None:
    assert with_id(declared(terms) + LATIN) == declared(terms) + LATIN + IDENTIFIED


def test_bytes_that_a_set_does_not_hold_are_marked_and_stay() -> None:
    dataset = dcmread(file(declared("ISO_IR 192") + LATIN))
    with pytest.warns(DcmencWarning, match=r"shown as U\+FFFD"):
        assert dataset.PatientName == "J\ufffdr"
    assert dumps(dataset) == file(declared("ISO_IR 192") + LATIN) and with_id(declared("ISO_IR 192") + LATIN).count(LATIN) == 1
    dataset.SpecificCharacterSet = "ISO_IR 100"
    with pytest.raises(EncodeError, match="byte E9H") as caught:
        dumps(dataset)
    assert caught.value.path == "(0010,0010)"


# --------------------------------------------------------------------- datasets that share elements


def test_elements_in_another_dataset_mean_there_what_they_meant() -> None:
    latin = dcmread(file(declared("ISO_IR 100") + explicit(IMAGES, "SQ", item(LATIN)) + LATIN))
    big = dcmread(file(explicit(0x00189322, "FD", struct.pack(">d", 1.5), big=True) + explicit(0x00280010, "US", b"\1\2", big=True)
                       + explicit(PIXELS, "OW", b"\1\2\3\4", big=True), BIG))
    target = Dataset(latin)
    target.update(big)
    target.SpecificCharacterSet, target.preamble = "ISO_IR 192", None
    numbers = explicit(0x00189322, "FD", struct.pack("<d", 1.5)) + explicit(0x00280010, "US", b"\2\1") + explicit(PIXELS, "OW", b"\2\1\4\3")
    assert dumps(target) == declared("ISO_IR 192") + explicit(IMAGES, "SQ", item(UTF8)) + UTF8 + numbers
    del target.SpecificCharacterSet
    assert dumps(target).startswith(declared("ISO_IR 192"))


def test_items_in_another_dataset_are_shared_and_converted() -> None:
    source = dcmread(file(implicit(0x00080005, b"ISO_IR 100") + implicit(IMAGES, item(implicit(NAME, b"J\xe9r "))), IMPLICIT))
    target = Dataset(SpecificCharacterSet="ISO_IR 192", ReferencedImageSequence=source.ReferencedImageSequence)
    target.preamble = None
    assert dumps(target) == declared("ISO_IR 192") + explicit(IMAGES, "SQ", item(UTF8))
    assert dumps(source).endswith(b"J\xe9r ")


def test_the_policy_of_an_item_that_was_read_holds_for_the_item() -> None:
    data = file(COUNTED)
    dataset = dcmread(data)
    dataset.ReferencedImageSequence[0].policy = Policy(nonconforming="write")
    assert dumps(dataset) == data
    dataset.ReferencedImageSequence[0].add(0x00091001, "LO", "x")
    assert body(dataset) == explicit(IMAGES, "SQ", item(CLASS + explicit(0x00091001, "LO", b"x ")))
    dataset.ReferencedImageSequence[0].policy = None
    with pytest.raises(EncodeError, match="no private creator"):
        dumps(dataset)


def test_a_private_sequence_that_was_read_without_its_creator_may_be_changed_and_copied() -> None:
    dataset = dcmread(file(explicit(0x00091001, "SQ", item(CLASS))))
    dataset[0x00091001].value[0].ReferencedSOPClassUID = "1.3"
    for state in (dataset, dataset.copy(), copy.deepcopy(dataset), pickle.loads(pickle.dumps(dataset))):
        assert body(state) == explicit(0x00091001, "SQ", item(CLASS)).replace(b"1.2", b"1.3")


def test_a_copy_is_changed_alone() -> None:
    data = file(COUNTED + NAMED)
    dataset = accessed(dcmread(data))
    for copied in (copy.deepcopy(dataset), pickle.loads(pickle.dumps(dataset))):
        copied.ReferencedImageSequence[0].ReferencedSOPClassUID = "1.3"
        copied.PatientName = "C^D"
        assert dumps(copied) != data and dumps(dataset) == data
