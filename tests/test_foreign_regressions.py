"""Faults that the walk over pydicom's datasets once had, each as the smallest dataset that showed it."""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Callable
from typing import Any

import pydicom
import pytest
from pydicom import config, hooks
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.tag import Tag
from test_foreign import BIG, EXPLICIT, IMPLICIT, named, theirs
from test_reading import explicit, item

from dcmenc import EncodeError, UnencodableText, dcmread, dumps

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def read(body: bytes, syntax: str = EXPLICIT) -> Dataset:
    """A dataset that pydicom has read, still raw, to be written in a syntax."""
    head = theirs(named())
    dataset = pydicom.dcmread(io.BytesIO(bytes(128) + b"DICM" + head + body))
    dataset.file_meta.TransferSyntaxUID = syntax
    return dataset


def with_element(tag: int, vr: str, value: Any) -> Dataset:
    """A value that pydicom's own setter would have changed or refused."""
    element = DataElement(tag, "LO", None)
    element.VR, element._value = vr, value
    dataset = named()
    dataset.add(element)
    return dataset


# --------------------------------------------------------------------- what is no dataset of pydicom's making


@pytest.mark.parametrize("tag", [0x00080005, 0x00100020])
def test_a_raw_element_may_be_too_short(tag: int) -> None:
    dataset = named(PatientID="1")
    dataset._dict[Tag(tag)] = tuple.__new__(RawDataElement, (Tag(tag),))
    with pytest.raises(EncodeError, match="this one is shorter"):
        dumps(dataset)
    dataset.file_meta._dict[Tag(0x00020010)] = tuple.__new__(RawDataElement, (1,))
    with pytest.raises(EncodeError, match="this one is shorter"):
        dumps(dataset)


def test_a_value_may_be_its_own_text() -> None:
    class Endless:
        original_string = property(lambda self: self)

    class Moment:
        def strftime(self, form: str) -> Any:
            return self

    for vr, value in (("LO", Endless()), ("DA", Moment())):
        with pytest.raises(TypeError, match=r"^\(0010,0020\): .. takes text, not"):
            dumps(with_element(0x00100020, vr, value))


def test_a_character_set_may_have_no_names() -> None:
    class Hollow(list[str]):
        def __getitem__(self, at: Any) -> Any:
            return self if isinstance(at, slice) else "x"

        def __iter__(self) -> Any:
            return iter(())

        def __bool__(self) -> bool:
            return True

    dataset = with_element(0x00080005, "CS", Hollow(["x"]))
    dataset.PatientID = "ab"
    assert b"ab" in dumps(dataset)


@pytest.mark.parametrize("key", [-1, 2**32, 2**70, "x", None])
def test_a_key_may_be_no_tag(key: Any) -> None:
    for where in (named(PatientID="1"), named(PatientID="1", ReferencedStudySequence=[named(PatientID="2")])):
        inner = where.ReferencedStudySequence[0] if "ReferencedStudySequence" in where else where
        inner._dict[key] = DataElement(0x00100010, "PN", "A")
        with pytest.raises(EncodeError):
            dumps(where)


@pytest.mark.parametrize("value", [-1, 2**32, 2**70, 0x100181063])
def test_a_tag_as_a_value_has_32_bits(value: int) -> None:
    dataset = with_element(0x00280009, "AT", value)
    dataset.Rows = 5
    with pytest.raises(EncodeError, match=r"^\(0028,0009\)"):
        dumps(dataset)


@pytest.mark.parametrize("length", [None, -1, "x", 2**70])
def test_the_length_of_a_raw_element_is_not_believed(length: Any) -> None:
    dataset = read(explicit(0x00100020, "LO", b"ab") + explicit(0x00280010, "US", b"\1\0"))
    expected = dumps(dataset)
    dataset._dict[Tag(0x00100020)] = dataset._dict[Tag(0x00100020)]._replace(length=length)
    assert dumps(dataset) == expected


def test_what_is_no_element_is_refused_in_a_file_meta_too() -> None:
    dataset = named(PatientID="1")
    dataset.file_meta._dict[Tag(0x00020002)] = "1.2"
    with pytest.raises(EncodeError, match="is no DataElement, but str"):
        dumps(dataset)
    other = named()
    other._dict[Tag(0x00080005)] = RawDataElement(Tag(0x00080005), "CS", 4, 10**13, 0, False, True)
    with pytest.raises(TypeError, match="is bytes, not int"):
        dumps(other)


def test_a_class_may_have_any_module() -> None:
    strange = type("Strange", (), {"__module__": 5})
    with pytest.raises(TypeError, match="is written, not"):
        dumps(strange())


@pytest.mark.parametrize("item_of_another_kind", [None, 5, "x"])
def test_an_item_is_a_dataset(item_of_another_kind: Any) -> None:
    dataset = named(ReferencedStudySequence=[named(PatientID="1")])
    dataset.ReferencedStudySequence._list.append(item_of_another_kind)
    with pytest.raises(EncodeError, match=r"^\(0008,1110\)\[1\]: an item is a Dataset"):
        dumps(dataset)


def test_a_fault_in_the_character_set_of_an_item_is_said_there() -> None:
    dataset = named(ReferencedStudySequence=[named(PatientID="1"), named()])
    dataset.ReferencedStudySequence[1]._dict[Tag(0x00080005)] = tuple.__new__(RawDataElement, (1,))
    with pytest.raises(EncodeError, match=r"^\(0008,1110\)\[1\]\.\(0008,0005\): "):
        dumps(dataset)


def test_a_class_may_be_made_in_its_own_way() -> None:
    class Made(Dataset):
        def __new__(cls, number: int, *rest: Any) -> Any:
            return super().__new__(cls)

        def __init__(self, number: int, *rest: Any) -> None:
            super().__init__(*rest)

    def made() -> Dataset:
        return Made(5, named(PixelRepresentation=1, SmallestImagePixelValue=-5, PixelData=b"ab", BitsAllocated=16))

    options = {"implicit_vr": False, "little_endian": True}
    assert dumps(made(), **options) == theirs(made(), **options)


# --------------------------------------------------------------------- bytes


def test_a_raw_sequence_of_odd_length_can_be_read_again() -> None:
    data = dumps(read(explicit(0x00081140, "SQ", item(explicit(0x00100020, "LO", b"abc")))))
    assert dcmread(data, force=True).ReferencedImageSequence[0].PatientID == "abc"
    assert pydicom.dcmread(io.BytesIO(data), force=True).ReferencedImageSequence[0].PatientID == "abc"


def test_a_name_does_not_remember_the_character_set_that_it_was_written_in() -> None:
    dataset = named(SpecificCharacterSet="ISO_IR 100", PatientName="Müller")
    assert "Müller".encode("latin-1") in dumps(dataset)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    assert "Müller".encode() in dumps(dataset)
    assert dataset.PatientName.original_string is None


TO_IMPLICIT = {
    "AE with zeros": explicit(0x00080054, "AE", b"AB\0\0"),
    "AE with a tab": explicit(0x00080054, "AE", b"\tAB "),
    "UR with a zero": explicit(0x00081190, "UR", b"1.5\0"),
    "UR with a tab": explicit(0x00081190, "UR", b"1.5\t"),
    "UI with a blank": explicit(0x00080018, "UI", b" 1.2"),
    "UIs with a blank": explicit(0x00080018, "UI", b"1.2\\ 1.3\0"),
    "UI with a tab": explicit(0x00080018, "UI", b"1.2\t"),
    "IS with a point": explicit(0x00200013, "IS", b"1.0 "),
    "SL descriptor": explicit(0x00283002, "SL", struct.pack("<3i", -5, 0, 16)),
    "FL descriptor": explicit(0x00281101, "FL", struct.pack("<3f", -5, 0, 16)),
}


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("name", TO_IMPLICIT)
def test_what_pydicom_trims_in_its_own_way_is_left_to_it(name: str, nested: bool) -> None:
    body = TO_IMPLICIT[name]
    body = explicit(0x00081140, "SQ", item(body)) if nested else body
    assert dumps(read(body, IMPLICIT)) == theirs(read(body, IMPLICIT))


def test_a_whole_number_that_is_none_is_pydicoms_error() -> None:
    with pytest.raises(EncodeError, match=r"^\(0020,0013\): pydicom cannot decode it"):
        dumps(read(explicit(0x00200013, "IS", b"1e400 "), IMPLICIT))


def test_hooks_and_settings_of_pydicom_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    body = explicit(0x00180050, "DS", b"1.50") + explicit(0x0008002A, "DT", b"20240131\0\0")
    monkeypatch.setattr(config, "datetime_conversion", True)
    assert dumps(read(body, IMPLICIT)) == theirs(read(body, IMPLICIT))
    monkeypatch.undo()

    def doubled(raw: Any, data: dict[str, Any], **rest: Any) -> None:
        hooks.raw_element_value(raw, data, **rest)
        if data["VR"] == "DS":
            data["value"] *= 2

    monkeypatch.setattr(hooks.hooks, "raw_element_value", doubled)
    assert dumps(read(body, IMPLICIT)) == theirs(read(body, IMPLICIT)) and b"3.0" in dumps(read(body, IMPLICIT))


def test_a_number_beyond_32_bit_floating_point_is_refused() -> None:
    with pytest.raises(OSError, match="does not fit 32-bit floating point"):
        dumps(with_element(0x00720076, "FL", 1e300))
    assert dumps(with_element(0x00720076, "FL", float("inf"))) == theirs(with_element(0x00720076, "FL", float("inf")))


@pytest.mark.parametrize(("tag", "vr", "value"), [(0x00720076, "FL", "12"), (0x00280010, "US", b"\1\2"), (0x00280010, "US", "5")])
def test_text_and_bytes_are_no_numbers(tag: int, vr: str, value: Any) -> None:
    for write in (theirs, dumps):
        with pytest.raises(OSError, match=r"0028,0010|0072,0076"):
            write(with_element(tag, vr, value))


@pytest.mark.parametrize(("tag", "vr", "value"), [
    (0x00283002, "SL", [1, 2, 3]), (0x00281111, "SS", [-1, 2, 3]), (0x00281101, "SS", [65535, -1, 16]),
])
def test_the_first_value_of_a_descriptor_has_no_sign_where_pydicom_says_so(tag: int, vr: str, value: list[int]) -> None:
    assert dumps(with_element(tag, vr, pydicom.multival.MultiValue(int, value))) == theirs(
        with_element(tag, vr, pydicom.multival.MultiValue(int, value)))


def test_a_class_with_ways_of_its_own_keeps_raw_elements_raw() -> None:
    class Own(FileDataset):
        def __getitem__(self, key: Any) -> Any:
            return super().__getitem__(key)

    def own() -> Dataset:
        dataset = read(explicit(0x00100020, "LO", b"ab  "))
        made = Own(None, dataset, preamble=bytes(128), file_meta=dataset.file_meta)
        made._read_implicit, made._read_little, made._read_charset = False, True, dataset._read_charset
        made._dict = dict(dataset._dict)
        return made

    one = own()
    before = dict(one._dict)
    assert dumps(one) == theirs(own()) and b"ab  " in dumps(one)
    assert one._dict == before


def test_undefined_lengths_may_be_asked_for_by_anything_true() -> None:
    def made() -> Dataset:
        inner = named(PatientID="1")
        dataset = named(ReferencedStudySequence=[inner])
        inner.is_undefined_length_sequence_item = dataset["ReferencedStudySequence"].is_undefined_length = 1
        return dataset

    assert dumps(made()) == theirs(made()) and b"\xfe\xff\xdd\xe0" in dumps(made())


def test_no_decimal_string_of_a_whole_number_is_longer_than_16_characters() -> None:
    for number in (-123456789012345.0, -12345678901234.0, 123456789012345.0, 12345678901234.0, -1234567890123.0):
        text = dumps(named(SliceThickness=number))[-16:]
        assert float(text.rpartition(b"\0")[2]) == number


def test_decimal_strings_hold_ascii_only() -> None:
    with pytest.raises(UnencodableText, match=r"^\(0018,0050\): a decimal or integer string holds ASCII only"):
        dumps(with_element(0x00180050, "DS", "１.5"))


# --------------------------------------------------------------------- errors


class Refusing(io.BytesIO):
    def read(self, *_: Any) -> bytes:
        raise OSError("the disk is gone")


class Wordless:
    def __str__(self) -> str:
        raise RuntimeError("no words")


FAULTS: dict[str, Callable[[], Dataset]] = {
    "an unknown VR": lambda: read(explicit(0x00100020, "ZZ", b"ab"), IMPLICIT),
    "a length that does not go": lambda: read(explicit(0x00091010, "SL", b"abcde"), BIG),
    "bytes behind the last item": lambda: read(explicit(0x00081140, "SQ", item(b"") + b"abcd"), IMPLICIT),
    "a buffer that fails": lambda: with_element(0x00420011, "OB", Refusing()),
    "a value without text": lambda: with_element(0x00180050, "DS", Wordless()),
}


@pytest.mark.parametrize("name", FAULTS)
def test_whatever_fails_has_a_path(name: str) -> None:
    with pytest.raises(EncodeError, match=r"^\(\d{4},\d{4}\): "):
        dumps(FAULTS[name]())


def test_a_warning_that_is_an_error_stays_what_it_is() -> None:
    dataset = named(ContourData=["12"] * 40_000)
    with pytest.warns(UserWarning, match="exceeds 64 kByte"):
        dumps(dataset)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="exceeds 64 kByte"):
            dumps(dataset)


def test_a_file_meta_of_a_class_of_its_own() -> None:
    class Meta(FileMetaDataset):
        pass

    dataset = named(PatientID="1")
    dataset.file_meta = Meta(dataset.file_meta)
    assert dumps(dataset) == theirs(dataset)
