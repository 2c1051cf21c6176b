"""What stands behind the first check: the walk trusts no element, and the small functions no argument."""

from __future__ import annotations

import errno
import io
from typing import Any

import numpy as np
import pytest

from dcmenc import Dataset, Element, EncodeError, Fragments, PixelError, Tag, dumps, from_pydicom, open_stream
from dcmenc._swap import swapped
from dcmenc.pixels import ImageSpec
from dcmenc.pydicom_bridge import split_fragments


def smuggled(keyword: str, vr: str, value: Any) -> Dataset:
    """A dataset with an element that did not pass the rules, as code that reaches around them could make it."""
    dataset = Dataset()
    dataset.preamble = None
    dataset._elements[Tag(keyword)] = Element(Tag(keyword), vr, value)
    return dataset


@pytest.mark.parametrize(("keyword", "vr", "value", "reason"), [
    ("Rows", "US", 70000, "70000 does not fit 16-bit unsigned"),
    ("Rows", "US", -1, "convert negative"),
    ("ReferencePixelX0", "SL", 2**31, "2147483648 does not fit 32-bit signed"),
    ("Rows", "US", "512", "int"),
    ("Rows", "XX", 512, "'XX' is not a VR"),
    ("PatientID", "LO", 4711, "text is wanted, not int"),
    ("PatientID", "LO", ("a", 1), "text is wanted, not int"),
    ("SliceThickness", "DS", [1.5], "bytes-like"),
    ("SliceThickness", "DS", np.zeros(3, "f4"), "8-byte numbers"),
    ("Rows", "US", np.zeros((2, 2), "u2"), "one dimension"),
    ("ContentSequence", "SQ", 5, "a sequence takes datasets, not int"),
    ("ContentSequence", "SQ", None, "a sequence takes datasets, not NoneType"),
    ("PixelData", "OW", 5, "bytes-like"),
    ("PixelData", "OW", np.zeros((4, 4), "u2")[:, ::2], "contiguous"),
])
def test_the_walk_refuses_with_its_path_what_no_rule_has_seen(keyword: str, vr: str, value: Any, reason: str) -> None:
    with pytest.raises(EncodeError, match=reason) as caught:
        dumps(smuggled(keyword, vr, value))
    assert caught.value.path == str(Tag(keyword))


def test_only_elements_stand_in_a_dataset() -> None:
    dataset = smuggled("Rows", "US", 1)
    dataset._elements[Tag("Columns")] = "512"  # type: ignore[assignment]
    with pytest.raises(EncodeError, match=r"\(0028,0011\): .*no Element"):
        dumps(dataset)


def test_words_that_cannot_be_turned_are_refused_in_big_endian() -> None:
    dataset = smuggled("FloatPixelData", "OF", b"\1\2\3\4\5\6")
    with pytest.raises(EncodeError, match="no multiple of the 4 of OF"):
        dumps(dataset, implicit_vr=False)
    from dcmenc.values import LENIENT

    with pytest.raises(EncodeError, match="cannot be swapped"), pytest.warns(UserWarning, match="retired"):
        dumps(dataset, implicit_vr=False, little_endian=False, policy=LENIENT)


def test_units_of_one_byte_stay_and_odd_units_are_refused() -> None:
    assert swapped(b"abc", 1) == b"abc"
    for unit in (0, 3, 16):
        with pytest.raises(ValueError, match="units"):
            swapped(b"abc", unit)
    with pytest.raises(ValueError, match="3 bytes"):
        swapped(b"abc", 2)


def test_a_private_block_says_what_it_is_and_has_256_elements() -> None:
    block = Dataset().private_block(0x0009, "ACME 1.1", create=True)
    assert repr(block) == "PrivateBlock((0009,10xx) 'ACME 1.1')"
    with pytest.raises(ValueError, match="00 to FF, not 100"):
        block.add(0x100, "SH", "x")


def test_a_key_that_is_no_tag_is_named_as_it_was_given() -> None:
    with pytest.raises((KeyError, ValueError), match="NoSuchThing"):
        Dataset()["NoSuchThing"]


def test_fragments_are_shown_by_number_and_size() -> None:
    assert repr(Dataset(PixelData=Fragments((b"ab", b"cdef")))) == "(7FE0,0010) OB/OW PixelData: 2 fragments, 6 bytes"


def test_sequences_of_other_lengths_differ() -> None:
    assert Dataset(ContentSequence=[Dataset()]) != Dataset(ContentSequence=[])


class FullDisk(io.RawIOBase):
    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        raise OSError(errno.ENOSPC, "no space")


def test_a_stream_that_cannot_even_begin_passes_the_error_on() -> None:
    with pytest.raises(OSError, match="no space"):
        open_stream(FullDisk(), Dataset(SOPClassUID="1.2", SOPInstanceUID="1.3"))


def test_a_complete_file_needs_a_transfer_syntax_that_exists() -> None:
    dataset = Dataset(SOPClassUID="1.2", SOPInstanceUID="1.3")
    with pytest.raises(EncodeError, match="Implicit VR Big Endian"):
        dumps(dataset, force_encoding=True, implicit_vr=True, little_endian=False)


def test_a_bare_dataset_may_be_forced_into_implicit_big_endian() -> None:
    dataset = Dataset(Rows=2)
    dataset.preamble = None
    with pytest.warns(UserWarning, match="retired"):
        assert dumps(dataset, force_encoding=True, implicit_vr=True, little_endian=False) == bytes.fromhex("0028 0010 00000002 0002")


def test_encapsulated_bytes_that_break_off_are_refused() -> None:
    with pytest.raises(EncodeError, match="no whole item at byte 8"):
        split_fragments(bytes.fromhex("feff00e000000000 feff00e004000000 ffd8"))


def test_pydicom_values_that_are_still_bytes_become_words() -> None:
    import pydicom

    source = pydicom.Dataset()
    source.add_new(0x00280106, "US or SS", b"\1\0\2\0")
    assert from_pydicom(source).SmallestImagePixelValue == (1, 2)


def test_an_unknown_photometric_interpretation_is_named_with_the_known_ones() -> None:
    with pytest.raises(PixelError, match="'CMYK' is no photometric interpretation; they are MONOCHROME1"):
        ImageSpec(2, 2, photometric="CMYK")
