"""Encapsulated pixels: offset tables as PS3.5 A.4 has them, held against pydicom's, and every layout of fragments found in files."""

from __future__ import annotations

import struct
from typing import Any

import pydicom.encaps
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcmenc import DcmencWarning, Fragments, PixelError
from dcmenc.encapsulation import encapsulate, frames_of

FRAMES = st.lists(st.binary(min_size=1, max_size=9), min_size=1, max_size=6)


def items(fragments: Fragments) -> bytes:
    """The bytes of the value, as they stand in a file."""
    pieces = [fragments.table, *fragments.fragments]
    return b"".join(b"\xfe\xff\x00\xe0" + struct.pack("<I", len(piece)) + bytes(piece) for piece in pieces)


def padded(frame: bytes) -> bytes:
    return frame + b"\0" * (len(frame) % 2)


@given(FRAMES)
def test_fragments_and_table_are_those_of_pydicom(frames: list[bytes]) -> None:
    made = encapsulate(frames)
    assert made.offsets is None and made.lengths is None
    assert items(made.pixels) == pydicom.encaps.encapsulate(frames, has_bot=len(frames) > 1)


@given(FRAMES)
def test_what_was_encapsulated_comes_back_padded(frames: list[bytes]) -> None:
    made = encapsulate(frames)
    assert frames_of(made.pixels, len(frames)) == [padded(frame) for frame in frames]
    assert frames_of(made.pixels._replace(table=b""), len(frames)) == [padded(frame) for frame in frames]


class Huge(bytes):
    """A frame of which only the length is there."""

    def __len__(self) -> int:
        return 0x80000000


def test_offsets_beyond_4_gib_go_into_the_extended_table() -> None:
    pixels, offsets, lengths = encapsulate([Huge(b"x"), Huge(b"x"), Huge(b"x")])
    assert pixels.table == b""
    assert offsets == struct.pack("<3Q", 0, 0x80000008, 0x100000010)
    assert lengths == struct.pack("<3Q", *[0x80000000] * 3)


def test_a_fragment_holds_4_gib() -> None:
    class Longer(Huge):
        def __len__(self) -> int:
            return 0xFFFFFFFF

    with pytest.raises(PixelError, match="frame 1 has 4294967295 bytes"):
        encapsulate([b"ab", Longer()])
    with pytest.raises(PixelError, match="frame 2 has no bytes"):
        encapsulate([b"ab", b"cd", b""])


@given(st.lists(st.lists(st.binary(min_size=1, max_size=5).map(padded), min_size=1, max_size=4), min_size=1, max_size=5))
def test_a_table_tells_frames_of_several_fragments_apart(frames: list[list[bytes]]) -> None:
    fragments = tuple(fragment for frame in frames for fragment in frame)
    offsets, place = [], 0
    for frame in frames:
        offsets.append(place)
        place += sum(8 + len(fragment) for fragment in frame)
    table = struct.pack(f"<{len(offsets)}I", *offsets)
    expected = [b"".join(frame) for frame in frames]
    assert frames_of(Fragments(fragments, table), len(frames)) == expected
    extended = struct.pack(f"<{len(offsets)}Q", *offsets)
    assert frames_of(Fragments(fragments), len(frames), offsets=extended) == expected
    value = items(Fragments(fragments, table))
    assert [bytes(frame) for frame in pydicom.encaps.generate_frames(value, number_of_frames=len(frames))] == expected


@given(FRAMES)
def test_extended_tables_of_pydicom_are_read(frames: list[bytes]) -> None:
    value, offsets, lengths = pydicom.encaps.encapsulate_extended(frames)
    fragments = pydicom.encaps.generate_fragments(value)
    pixels = Fragments(tuple(bytes(fragment) for fragment in fragments if len(fragment)))
    found = frames_of(pixels, len(frames), offsets=offsets, lengths=lengths)
    assert found in (frames, [padded(frame) for frame in frames])


@pytest.mark.parametrize("lengths", [(3, 2), (4, 2)])
def test_extended_lengths_may_leave_the_padding_out(lengths: tuple[int, int]) -> None:
    pixels = Fragments((b"abc\0", b"de"))
    found = frames_of(pixels, 2, offsets=struct.pack("<2Q", 0, 12), lengths=struct.pack("<2Q", *lengths))
    assert found == [b"abc\0"[: lengths[0]], b"de"]


def test_a_single_frame_may_have_any_number_of_fragments() -> None:
    assert frames_of(Fragments((b"ab", b"cd", b"ef"))) == [b"abcdef"]


@pytest.mark.parametrize("start", [b"\xff\xd8\xff\xe0", b"\xff\xd8\xff\xc3", b"\xff\x4f\xff\x51"])
def test_without_a_table_frames_begin_where_a_stream_does(start: bytes) -> None:
    fragments = (start + b"ab", b"cd", start, b"ef", b"gh")
    assert frames_of(Fragments(fragments), 2) == [start + b"abcd", start + b"efgh"]


WRONG: dict[str, tuple[bytes, str]] = {
    "too short": (struct.pack("<I", 0), "it has 4 bytes, and 2 frames need 8"),
    "beside the items": (struct.pack("<2I", 0, 11), "not all of its offsets are those of fragments"),
    "beyond the end": (struct.pack("<2I", 0, 99), "not all of its offsets are those of fragments"),
    "out of order": (struct.pack("<2I", 10, 0), "its offsets are not in order"),
    "not from the start": (struct.pack("<2I", 10, 10), "its offsets are not in order"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_table_is_ignored_where_the_number_of_fragments_says_enough(name: str) -> None:
    table, why = WRONG[name]
    with pytest.warns(DcmencWarning, match=why):
        assert frames_of(Fragments((b"ab", b"cd"), table), 2) == [b"ab", b"cd"]


@pytest.mark.parametrize(("fragments", "frames", "message"), [
    ((b"ab",), 2, "2 frames cannot be in 1 fragments"),
    ((), 1, "1 frames cannot be in 0 fragments"),
    ((b"ab",), 2**31, "2147483648 frames cannot be in 1 fragments"),
    ((b"ab",), 0, "at least one frame"),
    ((b"ab", b"cd", b"ef"), 2, "neither an offset table nor what they begin with"),
])
def test_frames_that_nothing_tells_apart_are_an_error(fragments: tuple[Any, ...], frames: int, message: str) -> None:
    with pytest.raises(PixelError, match=message):
        frames_of(Fragments(fragments), frames)
