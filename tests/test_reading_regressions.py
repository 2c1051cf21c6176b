"""What reading once got wrong: a file, a change or a copy after which other bytes were written than the dataset says."""

from __future__ import annotations

import copy
import gc
import json
import pickle
import struct

import pytest
from test_reading import (
    BIG,
    EXPLICIT,
    FRONT,
    IMAGES,
    IMPLICIT,
    JPEG,
    NAME,
    NAMED,
    SYNTAX,
    UNDEFINED,
    closed,
    explicit,
    file,
    implicit,
    item,
)

from dcmenc import Dataset, DcmencWarning, EncodeError, Limits, ReadError, Sequence, dcmread, dumps

pytestmark = pytest.mark.filterwarnings("ignore:Explicit VR Big Endian is retired")

UID = 0x00080018
SIGN = explicit(0x00280103, "US", b"\1\0")


def rewritten(dataset: Dataset, syntax: str) -> Dataset:
    dataset.file_meta.TransferSyntaxUID = syntax
    return dcmread(dumps(dataset))


# --------------------------------------------------------------------- as read, or not


def test_elements_taken_over_from_an_item_are_written_in_their_new_place() -> None:
    old = explicit(0x00100020, "LO", b"OLD ")
    dataset = dcmread(file(explicit(0x04000561, "SQ", item(explicit(0x04000550, "SQ", item(old)))) + explicit(0x00100020, "LO", b"NEW ")))
    dataset.update(dataset.OriginalAttributesSequence[0].ModifiedAttributesSequence[0])
    assert dataset.PatientID == dcmread(dumps(dataset)).PatientID == "OLD"


def test_an_item_may_take_the_place_of_its_sequence() -> None:
    dataset = dcmread(file(explicit(IMAGES, "SQ", item(NAMED))))
    dataset.update(dataset.ReferencedImageSequence[0])
    del dataset.ReferencedImageSequence
    assert [tag.keyword for tag in dcmread(dumps(dataset))] == ["PatientName"]


def test_a_deep_copy_shares_no_items_whether_they_were_looked_at_or_not() -> None:
    for look in (False, True):
        dataset = dcmread(file(explicit(IMAGES, "SQ", item(NAMED))))
        if look:
            assert dataset.ReferencedImageSequence
        other = copy.deepcopy(dataset)
        other.ReferencedImageSequence[0].PatientName = "C^D"
        assert dataset.ReferencedImageSequence[0].PatientName == "A^B"


@pytest.mark.parametrize("sequence", [explicit(IMAGES, "SQ", item(NAMED)), explicit(IMAGES, "SQ", closed(NAMED), UNDEFINED)])
def test_an_item_is_written_without_its_item_tag_and_delimiter(sequence: bytes) -> None:
    assert dumps(dcmread(file(sequence)).ReferencedImageSequence[0]) == NAMED


def test_the_policy_of_an_item_is_heeded_in_items_that_were_read() -> None:
    dataset = dcmread(file(explicit(IMAGES, "SQ", item(NAMED))))
    dataset.ReferencedImageSequence[0].undefined_length = True
    assert dumps(dataset) == file(explicit(IMAGES, "SQ", closed(NAMED)[:-8]))


# --------------------------------------------------------------------- file meta and transfer syntax


def test_identifiers_of_another_file_reach_the_file_meta() -> None:
    def read(uid: bytes) -> Dataset:
        return dcmread(FRONT + explicit(0x00020002, "UI", b"1.2\0") + explicit(0x00020003, "UI", uid) + SYNTAX
                       + explicit(0x00080016, "UI", b"1.2\0") + explicit(UID, "UI", uid))

    one, other = read(b"1.2.3\0"), read(b"7.7.7\0")
    one.update(other)
    assert dcmread(dumps(one)).file_meta.MediaStorageSOPInstanceUID == "7.7.7"
    one, other = read(b"1.2.3\0"), read(b"7.7.7\0")
    one.file_meta = other.file_meta
    assert dcmread(dumps(one)).file_meta.MediaStorageSOPInstanceUID == "1.2.3"


def test_fragments_are_not_written_without_a_transfer_syntax_that_says_what_they_are() -> None:
    pixels = explicit(0x7FE00010, "OB", item() + item(b"\xff\xd8") + implicit(0xFFFEE0DD), UNDEFINED)
    dataset = dcmread(file(explicit(UID, "UI", b"1.2\0") + explicit(0x00080016, "UI", b"1.2\0") + pixels, JPEG))
    del dataset.file_meta.TransferSyntaxUID
    with pytest.raises(EncodeError, match="encapsulated pixels leave open which transfer syntax it is"):
        dumps(dataset)


def test_a_uid_that_is_no_transfer_syntax_is_refused_for_a_dataset_that_was_read_too() -> None:
    dataset = dcmread(file(NAMED))
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.5.1.4.1.1.7"
    with pytest.raises(EncodeError, match="is no transfer syntax"):
        dumps(dataset)


# --------------------------------------------------------------------- what Implicit VR does not say


@pytest.mark.parametrize(("element", "known"), [
    (explicit(0x00180050, "FD", struct.pack("<d", 2.5)), "DS"),
    (explicit(0x00100020, "US", b"AB"), "LO"),
    (explicit(0x00280010, "UL", bytes(4)), "US"),
    (explicit(IMAGES, "LO", b"x "), "SQ"),
])
def test_a_vr_that_is_not_the_dictionarys_is_not_lost_in_implicit_vr(element: bytes, known: str) -> None:
    dataset = dcmread(file(element))
    dataset.file_meta.TransferSyntaxUID = IMPLICIT
    with pytest.raises(EncodeError, match=f"leaves the VR to the dictionary, which has {known}"):
        dumps(dataset)
    assert rewritten(dataset, BIG) == dcmread(file(element))


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT])
def test_a_changed_sign_of_the_pixels_is_a_changed_meaning_of_what_depends_on_it(syntax: str) -> None:
    made = Dataset(SOPClassUID="1.2", SOPInstanceUID="1.3", PixelRepresentation=1, SmallestImagePixelValue=-5,
                   ReferencedImageSequence=[Dataset(LargestImagePixelValue=7)])
    made.file_meta.TransferSyntaxUID = IMPLICIT
    dataset = dcmread(dumps(made))
    dataset.PixelRepresentation = 0
    dataset.file_meta.TransferSyntaxUID = syntax
    with pytest.raises(EncodeError, match="-5 does not fit 16-bit unsigned"):
        dumps(dataset)
    dataset.SmallestImagePixelValue = 5
    again = dcmread(dumps(dataset))
    assert (again.SmallestImagePixelValue, again.ReferencedImageSequence[0].LargestImagePixelValue) == (5, 7)


@pytest.mark.parametrize("data", [
    file(SIGN + explicit(0x00283002, "SS", struct.pack("<HhH", 40000, -5, 16))),
    file(implicit(0x00280103, b"\1\0") + implicit(0x00283002, struct.pack("<HhH", 40000, -5, 16)), IMPLICIT),
], ids=["explicit", "implicit"])
def test_the_counts_of_a_lookup_table_have_no_sign(data: bytes) -> None:
    assert dcmread(data).LUTDescriptor == (40000, -5, 16)
    for syntax in (EXPLICIT, IMPLICIT, BIG):
        assert rewritten(dcmread(data), syntax).LUTDescriptor == (40000, -5, 16)


def test_a_value_that_its_vr_cannot_hold_stays_unknown_in_explicit_vr() -> None:
    dataset = dcmread(file(implicit(0x00280010, b"abc") + implicit(NAME, b"A^B "), IMPLICIT))
    assert rewritten(dataset, EXPLICIT)["Rows"][1:] == ("UN", b"abc\0")


def test_items_of_a_un_are_said_in_json_and_can_be_set() -> None:
    dataset = dcmread(file(explicit(0x00091000, "UN", closed(implicit(NAME, b"A^B ")), UNDEFINED)))
    name = {"vr": "PN", "Value": [{"Alphabetic": "A^B"}]}
    assert json.loads(dataset.to_json())["00091000"] == {"vr": "SQ", "Value": [{"00100010": name}]}
    other = Dataset()
    other.private_block(0x0009, "ACME 1.1", create=True)
    other[0x00091000] = dataset[0x00091000]
    assert isinstance(other[0x00091000].value, Sequence) and other[0x00091000].vr == "UN"
    assert other == copy.deepcopy(other) == pickle.loads(pickle.dumps(other))


# --------------------------------------------------------------------- limits


def test_empty_items_count_as_elements() -> None:
    data = file(explicit(IMAGES, "SQ", item() * 1000))
    assert len(dcmread(data, limits=Limits(elements=1001)).ReferencedImageSequence) == 1000
    with pytest.raises(ReadError, match="more elements"):
        dcmread(data, limits=Limits(elements=1000))


def test_elements_are_counted_once_even_if_the_dictionary_is_wanted_only_later() -> None:
    data = file(explicit(UID, "UI", b"1.2\0") + implicit(NAME, b"A^B "))
    assert len(dcmread(data, limits=Limits(elements=2))) == 2


# --------------------------------------------------------------------- found by tests/fuzz_reading.py


def test_a_big_endian_data_set_may_begin_with_the_bytes_of_group_0002() -> None:
    dataset = Dataset(SOPClassUID="1.2", SOPInstanceUID="1.3")
    dataset.file_meta.TransferSyntaxUID = BIG
    dataset.file_meta.add(0x00020001, "OB", b"\0\1")
    with pytest.warns(DcmencWarning, match="retired"):
        data = dumps(dataset)
    added = bytes.fromhex("02005500 554e0000 00000002 6162")
    start = 144 + dcmread(data).file_meta.FileMetaInformationGroupLength
    again = dcmread(data[:start] + added)
    assert [str(tag) for tag in again] == ["(0200,5500)"] and again[0x02005500].value == b"ab"


@pytest.mark.parametrize("first", [0x01000410, 0x04000500, 0x52009230, 0x60003000])
def test_a_first_group_that_ends_in_zeros_is_not_taken_for_the_other_byte_order(first: int) -> None:
    data = file(explicit(first, "UN", b"ab"))
    assert [int(tag) for tag in dcmread(data)] == [first] and dumps(dcmread(data)) == data
    assert [int(tag) for tag in dcmread(data[len(file(b"")):], force=True)] == [first]


def test_a_character_set_of_a_binary_vr_declares_nothing() -> None:
    dataset = dcmread(file(explicit(0x00080005, "SL", b"GB18030 ") + explicit(NAME, "PN", b"\xa8\xa6")))
    assert dataset.PatientName == "¨¦"


def test_zeros_before_other_bytes_are_looked_at_once() -> None:
    # a byte that is looked at for each of its elements would take hours here
    with pytest.raises(ReadError):
        dcmread(FRONT + bytes(32 << 20) + b"x", limits=Limits(elements=10**8))


def test_a_kept_error_is_freed_without_a_word() -> None:
    def kept() -> ReadError:
        try:
            dcmread(memoryview(FRONT + NAMED[:7]))
        except ReadError as error:
            held = error
        return held

    for _ in range(50):
        kept()
    gc.collect()


def test_the_identifiers_that_a_pickle_was_read_with_stay_beside_each_other() -> None:
    data = FRONT + explicit(0x00020003, "UI", b"1.2.3\0") + SYNTAX + explicit(0x00080018, "UI", b"1.2.4\0") + NAMED
    dataset = pickle.loads(pickle.dumps(dcmread(data)))
    assert dumps(dataset) == data
    dataset.PatientName = "C^D"
    dataset = pickle.loads(pickle.dumps(dataset))
    assert dumps(dataset) == data.replace(b"A^B", b"C^D")


# --------------------------------------------------------------------- what is around decides what is inside


NAME_IN_LATIN = closed(implicit(NAME, b"M\xfcll"))


def test_implicit_items_in_an_explicit_data_set_follow_a_new_character_set() -> None:
    for element in (explicit(IMAGES, "UN", NAME_IN_LATIN, UNDEFINED), explicit(IMAGES, "SQ", NAME_IN_LATIN, UNDEFINED)):
        dataset = dcmread(file(explicit(0x00080005, "CS", b"ISO_IR 100") + element))
        dataset.SpecificCharacterSet = "ISO_IR 192"
        assert dcmread(dumps(dataset)).ReferencedImageSequence[0].PatientName == "Müll"


def test_text_of_no_set_is_not_declared_utf_8_because_other_text_is_set() -> None:
    dataset = dcmread(file(explicit(IMAGES, "UN", NAME_IN_LATIN, UNDEFINED)))
    dataset.PatientComments = "Größe"
    with pytest.raises(EncodeError, match=r"^\(0008,1140\)\[0\]\.\(0010,0010\): .*assume_charset"):
        dumps(dataset)


def test_an_item_that_declares_no_character_set_follows_what_is_around_it() -> None:
    for nothing in (explicit(0x00080005, "CS", b"\\ "), explicit(0x00080005, "SL", bytes(4))):
        items = explicit(IMAGES, "SQ", item(nothing + explicit(NAME, "PN", b"M\xfcll")))
        dataset = dcmread(file(explicit(0x00080005, "CS", b"ISO_IR 100") + items))
        dataset.SpecificCharacterSet = "ISO_IR 192"
        assert dcmread(dumps(dataset)).ReferencedImageSequence[0].PatientName == "Müll"


def test_implicit_items_in_an_explicit_data_set_follow_a_new_sign() -> None:
    low = item(implicit(0x00280106, b"\xfb\xff"))
    dataset = dcmread(file(SIGN + explicit(0x00283010, "SQ", low)))
    dataset.PixelRepresentation = 0
    with pytest.raises(EncodeError, match="-5 does not fit"):
        dumps(dataset)


def test_an_item_that_took_its_sign_from_around_it_is_not_written_without_it() -> None:
    data = implicit(0x00280103, b"\1\0") + implicit(IMAGES, item(implicit(0x00280106, b"\xfb\xff")))
    with pytest.raises(EncodeError, match="-5 does not fit"):
        dumps(dcmread(file(data, IMPLICIT)).ReferencedImageSequence[0])


def test_fragments_in_items_are_not_written_under_a_native_syntax() -> None:
    pixels = explicit(0x7FE00010, "OB", item() + item(b"\xff\xd8") + implicit(0xFFFEE0DD), UNDEFINED)
    dataset = dcmread(file(explicit(0x00880200, "SQ", item(pixels)) + pixels, JPEG))
    assert dumps(dataset) == file(explicit(0x00880200, "SQ", item(pixels)) + pixels, JPEG)
    dataset.add(0x7FE00010, "OB", b"abcd")
    dataset.file_meta.TransferSyntaxUID = EXPLICIT
    with pytest.raises(EncodeError, match=r"^\(0088,0200\)\[0\]\.\(7FE0,0010\): .*fragments"):
        dumps(dataset)


@pytest.mark.parametrize("change", ["update", "delete"])
def test_pixels_that_were_read_go_with_what_now_stands_around_them(change: str) -> None:
    size = [explicit(0x00280002, "US", b"\1\0"), explicit(0x00280008, "IS", b"2 "), explicit(0x00280010, "US", b"\2\0"),
            explicit(0x00280011, "US", b"\2\0"), explicit(0x00280100, "US", b"\x08\0")]
    dataset = dcmread(file(b"".join(size) + explicit(0x7FE00010, "OB", bytes(8))))
    assert dumps(dataset)
    if change == "update":
        dataset.update(dcmread(file(explicit(0x00280010, "US", b"\1\0"))))
    else:
        del dataset.NumberOfFrames
    with pytest.raises(EncodeError, match="8 bytes, where Rows"):
        dumps(dataset)


@pytest.mark.parametrize(("element", "meaning"), [
    (explicit(0x00080060, "LO", "é ".encode()), "charset"), (explicit(0x00081030, "LT", b"a\\b "), "several values"),
])
def test_text_whose_vr_reads_it_in_another_way_is_not_put_into_implicit_vr(element: bytes, meaning: str) -> None:
    dataset = dcmread(file(explicit(0x00080005, "CS", b"ISO_IR 192") + element))
    dataset.file_meta.TransferSyntaxUID = IMPLICIT
    with pytest.raises(EncodeError, match="leaves the VR to the dictionary"):
        dumps(dataset)


def test_a_private_element_is_shown_by_the_creator_that_is_there_now() -> None:
    dataset = dcmread(file(implicit(0x00291008, b"IMAGE NUM 4 "), IMPLICIT))
    assert dataset[0x00291008].vr == "UN"
    dataset.add(0x00290010, "LO", "SIEMENS CSA HEADER")
    assert dataset[0x00291008][1:] == ("CS", "IMAGE NUM 4")


@pytest.mark.parametrize("first", [explicit(0x00081140, "SQ", b"\xff\xfe\xe0\0\0\0\0\0", big=True), explicit(0x00081140, "SQ", big=True)])
def test_a_bare_big_endian_data_set_may_begin_with_a_sequence(first: bytes) -> None:
    dataset = dcmread(first + explicit(NAME, "PN", b"A^B ", big=True), force=True)
    assert (len(dataset.ReferencedImageSequence), dataset.PatientName) == (len(first) // 20, "A^B")


def test_faults_survive_pickling_and_the_preamble_of_an_item_a_copy() -> None:
    with pytest.warns(DcmencWarning):
        dataset = dcmread(file(NAMED + b"\x10\0"), force=True)
    assert [str(fault) for fault in pickle.loads(pickle.dumps(dataset)).faults] == [str(fault) for fault in dataset.faults]
    dataset = dcmread(file(explicit(IMAGES, "SQ", item(NAMED))))
    dataset.ReferencedImageSequence[0].preamble = bytes(range(128))
    assert copy.deepcopy(dataset).ReferencedImageSequence[0].preamble == bytes(range(128))
