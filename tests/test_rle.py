"""DICOM's RLE (PS3.5 Annex G): examples by hand, round trips of every layout, independent decoders, the smallest size, broken frames."""

from __future__ import annotations

import doctest
import importlib
import random
import struct
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import ModuleType, SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.pixels.decoders.rle import _rle_decode_frame
from pydicom.pixels.encoders.native import _encode_frame

from dcmenc import _rle
from dcmenc._rle import bound, decode, encode
from dcmenc.errors import CodecError

HEADER = 64


class Frame(NamedTuple):
    data: bytes
    rows: int
    columns: int
    samples: int
    unit: int

    @property
    def layout(self) -> tuple[int, int, int, int]:
        return self[1:]

    @property
    def array(self) -> np.ndarray:
        """Bytes by row, column, sample, byte."""
        return np.frombuffer(self.data, "u1").reshape(self.rows, self.columns, self.samples, self.unit)

    @property
    def planar(self) -> bytes:
        return self.array.transpose(2, 0, 1, 3).tobytes()

    @property
    def planes(self) -> np.ndarray:
        """The byte planes in the order of their segments (G.2), each rows x columns."""
        return self.array[..., ::-1].transpose(2, 3, 0, 1).reshape(-1, self.rows, self.columns)


@st.composite
def frames(draw: st.DrawFn, units: tuple[int, ...] = (1, 2, 4), numbers: tuple[int, ...] = (1, 2, 3), longest: int = 420) -> Frame:
    """Frames of runs of few different bytes: PackBits has its borders at 2, 3, 128 and 129 equal or different ones."""
    unit, samples = draw(st.sampled_from(units)), draw(st.sampled_from(numbers))
    rows, columns = draw(st.integers(1, 4)), draw(st.integers(1, longest))
    source = random.Random(draw(st.integers(0, 2**32)))
    lengths = draw(st.lists(st.one_of(st.integers(1, 4), st.integers(125, 132), st.just(256)), min_size=1, max_size=8))
    values = draw(st.sampled_from([2, 3, 17, 256]))
    # each plane for itself: interleaving would leave no run in it
    planes = []
    for _ in range(samples * unit):
        plane = bytearray()
        while len(plane) < rows * columns:
            length = source.choice(lengths)
            plane += bytes([source.randrange(values)]) * length if source.random() < 0.6 else source.randbytes(length)
        planes.append(plane[: rows * columns])
    data = np.array([list(plane) for plane in planes], "u1").reshape(samples, unit, rows, columns)[:, ::-1].transpose(2, 3, 0, 1)
    return Frame(data.tobytes(), rows, columns, samples, unit)


def segments(frame: bytes) -> list[bytes]:
    count, *offsets = struct.unpack_from("<16I", frame)
    return [frame[a:b] for a, b in zip(offsets[:count], [*offsets[1:count], len(frame)], strict=True)]


def frame_of(*parts: bytes, count: int | None = None) -> bytes:
    """A frame of these segments as they are, whatever their lengths."""
    offsets = [HEADER + sum(map(len, parts[:i])) for i in range(len(parts))]
    numbers = [len(parts) if count is None else count, *offsets, *[0] * (15 - len(parts))]
    return struct.pack("<16I", *numbers) + b"".join(parts)


def packets(segment: bytes, size: int) -> list[tuple[int, bytes]]:
    """The slow and obvious PackBits (G.3): (code, the bytes that it stands for), until there are ``size`` of them."""
    found, at, made = [], 0, 0
    while made < size:
        code, at = segment[at], at + 1
        taken = code + 1 if code < 128 else 1
        found.append((code, segment[at : at + taken] * (1 if code < 128 else 257 - code)))
        at, made = at + taken, made + len(found[-1][1])
    assert made == size
    assert at + (at & 1) == len(segment), "a segment is padded by one zero at most"
    assert not segment[at:].strip(b"\0")
    return found


def smallest(row: bytes) -> int:
    """The least bytes that PackBits can take for a row: over all ways to cut it into packets."""
    best = [0] * (len(row) + 1)
    for end in range(1, len(row) + 1):
        same = 1
        while same < min(end, 128) and row[end - same - 1] == row[end - 1]:
            same += 1
        literal = min(best[end - count] + count + 1 for count in range(1, min(end, 128) + 1))
        best[end] = min(literal, min(best[end - count] + 2 for count in range(1, same + 1) if count > 1) if same > 1 else literal)
    return best[-1]


def peer(name: str) -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return importlib.import_module(name)
        except ImportError:
            pytest.skip(f"{name} is not installed")


# ---- by hand


@pytest.mark.parametrize("portable", [False, True])
@pytest.mark.parametrize(
    ("row", "packed"),
    [
        (b"a", "00 61"),
        (b"aa", "ff 61"),
        (b"ab", "01 61 62"),
        (b"aaa", "fe 61"),
        (b"abb", "02 61 62 62"),  # a pair is no run behind literals
        (b"aab", "ff 61 00 62"),
        (b"aabbcc", "ff 61 ff 62 ff 63"),
        (b"abbbc", "00 61 fe 62 00 63"),
        (b"a" * 128, "81 61"),
        (b"a" * 129, "81 61 00 61"),
        (b"a" * 129 + b"b", "81 61 01 61 62"),  # the one left over joins what comes
        (b"a" * 130, "81 61 ff 61"),
        (bytes(range(128)), "7f " + bytes(range(128)).hex()),
        (bytes(range(129)), "7f " + bytes(range(128)).hex() + "00 80"),
        (bytes([*range(127), 126]), "7f " + bytes([*range(127), 126]).hex()),
        (bytes([*range(128), 127]), "7e " + bytes(range(127)).hex() + "ff 7f"),  # a packet does not end inside a pair
    ],
)
def test_a_row_becomes_these_packets(row: bytes, packed: str, portable: bool) -> None:
    wanted = bytes.fromhex(packed)
    assert encode(row, 1, len(row), 1, 1, portable=portable)[HEADER:] == wanted + bytes(len(wanted) & 1)


def test_the_header_says_how_many_segments_and_where() -> None:
    frame = encode(bytes(range(6)), 1, 2, 3, 1)
    assert struct.unpack_from("<16I", frame) == (3, 64, 68, 72, *[0] * 12)
    assert segments(frame) == [bytes([1, 0, 3, 0]), bytes([1, 1, 4, 0]), bytes([1, 2, 5, 0])]


def test_segments_are_samples_in_order_and_of_each_its_most_significant_byte_first() -> None:
    frame = encode(np.array([[[0x1234, 0x5678]]], "<u2"), 1, 1, 2, 2)
    assert [segment[1] for segment in segments(frame)] == [0x12, 0x34, 0x56, 0x78]
    frame = encode(np.array([[0x12345678]], "<u4"), 1, 1, 1, 4)
    assert [segment[1] for segment in segments(frame)] == [0x12, 0x34, 0x56, 0x78]


def test_runs_end_with_their_row() -> None:
    assert encode(b"aaaaaaaa", 2, 4, 1, 1)[HEADER:] == b"\xfda\xfda"


def test_fifteen_segments_are_the_most() -> None:
    pixel = bytes(range(15))
    assert decode(encode(pixel, 1, 1, 15, 1), 1, 1, 15, 1) == pixel
    for samples, unit in [(16, 1), (8, 2), (4, 4)]:
        with pytest.raises(CodecError, match="15 segments"):
            encode(bytes(samples * unit), 1, 1, samples, unit)


# ---- every frame


@given(frames(), st.booleans())
def test_what_is_encoded_is_decoded(frame: Frame, portable: bool) -> None:
    coded = encode(frame.data, *frame.layout, portable=portable)
    assert decode(coded, *frame.layout, portable=portable) == frame.data
    assert decode(coded, *frame.layout, planar=True, portable=portable) == frame.planar


@given(frames())
def test_neither_the_pixels_arrangement_nor_the_machine_matters(frame: Frame) -> None:
    coded = encode(frame.data, *frame.layout)
    assert encode(frame.data, *frame.layout, portable=True) == coded
    assert encode(frame.planar, *frame.layout, planar=True) == coded
    assert decode(coded, *frame.layout, portable=True) == frame.data


@given(frames())
def test_a_frame_keeps_annex_g(frame: Frame) -> None:
    coded = encode(frame.data, *frame.layout)
    found = segments(coded)
    assert struct.unpack_from("<I", coded, 4)[0] == HEADER
    assert len(coded) <= bound(frame.rows, frame.columns, len(frame.planes))
    for plane, segment in zip(frame.planes, found, strict=True):
        assert len(segment) % 2 == 0
        at = 0
        for code, content in packets(segment, plane.size):
            assert code != 128
            assert at // frame.columns == (at + len(content) - 1) // frame.columns, "a packet crosses rows"
            at += len(content)
        assert b"".join(content for _, content in packets(segment, plane.size)) == plane.tobytes()


@given(frames(units=(1,), longest=300))
def test_no_row_can_be_smaller_but_for_the_one_left_of_a_long_run(frame: Frame) -> None:
    for row in frame.planes.reshape(-1, frame.columns):
        edges = np.flatnonzero(np.diff(row.astype("i2"))) + 1
        lengths = np.diff([0, *edges, len(row)])
        spare = int(((lengths > 128) & (lengths % 128 == 1)).sum())
        least = smallest(row.tobytes())
        size = len(encode(row.tobytes(), 1, len(row), 1, 1)) - HEADER
        assert least <= size <= least + spare + (least + spare) % 2


@given(frames())
def test_pydicom_reads_it_and_takes_no_less(frame: Frame) -> None:
    coded = encode(frame.data, *frame.layout)
    assert _rle_decode_frame(coded, frame.rows, frame.columns, frame.samples, 8 * frame.unit) == frame.planar
    theirs = pydicom_encode(frame)
    assert decode(theirs, *frame.layout) == frame.data
    assert len(coded) <= len(theirs)


def pydicom_encode(frame: Frame) -> bytes:
    runner = SimpleNamespace(bits_allocated=8 * frame.unit, rows=frame.rows, columns=frame.columns, samples_per_pixel=frame.samples,
                             get_option=lambda *_: None, planar_configuration=0)
    return bytes(_encode_frame(frame.data, runner))


@pytest.mark.peer
@given(frames(units=(1, 2), numbers=(1, 3)))
def test_other_decoders_read_it(frame: Frame) -> None:
    rle, imagecodecs = peer("rle.rle"), peer("imagecodecs")
    coded = encode(frame.data, *frame.layout)
    planes = rle.decode_frame(coded, frame.rows * frame.columns, 8 * frame.unit, "<")
    assert bytes(planes) == frame.planar
    for plane, segment in zip(frame.planes, segments(coded), strict=True):
        assert imagecodecs.packbits_decode(segment)[: plane.size] == plane.tobytes()


@pytest.mark.peer
@given(frames(units=(1, 2), numbers=(1, 3)))
def test_frames_of_other_encoders_are_read_and_are_not_smaller(frame: Frame) -> None:
    rle = peer("rle.rle")
    theirs = bytes(rle.encode_frame(frame.data, frame.rows, frame.columns, frame.samples, 8 * frame.unit, "<"))
    assert decode(theirs, *frame.layout) == frame.data
    assert len(encode(frame.data, *frame.layout)) <= len(theirs)


# ---- sizes and buffers


@pytest.mark.parametrize("portable", [False, True])
@pytest.mark.parametrize(("samples", "unit"), [(1, 1), (1, 2), (3, 1), (3, 2), (1, 4), (2, 4)])
def test_large_frames(samples: int, unit: int, portable: bool) -> None:
    rows, columns = 311, 257
    noise = np.random.default_rng(7).integers(0, 256, (rows, columns, samples, unit), "u1")
    smooth = np.broadcast_to((np.arange(columns) // 19).astype("u1")[:, None, None], noise.shape)
    for pixels in (noise, smooth, np.where(noise > 200, noise, smooth), np.zeros_like(noise)):
        frame = Frame(pixels.astype("u1").tobytes(), rows, columns, samples, unit)
        coded = encode(frame.data, *frame.layout, portable=portable)
        assert decode(coded, *frame.layout, portable=portable) == frame.data
        assert encode(frame.planar, *frame.layout, planar=True, portable=portable) == coded


@given(st.integers(1, 300), st.integers(1, 400), st.integers(1, 15))
def test_the_bound_is_the_size_of_noise(rows: int, columns: int, planes: int) -> None:
    assert bound(rows, columns, planes) % 2 == 0
    if rows * columns * planes < 60_000:
        # neighbours always differ
        noise = (np.arange(rows * columns * planes) // planes % 251).astype("u1")
        assert len(encode(noise, rows, columns, planes, 1)) == bound(rows, columns, planes)


def test_any_contiguous_buffer_is_taken() -> None:
    pixels = np.arange(12, dtype="<u2").reshape(3, 4)
    coded = encode(pixels, 3, 4, 1, 2)
    assert encode(memoryview(pixels.tobytes()), 3, 4, 1, 2) == coded
    into = np.zeros((3, 4), "<u2")
    assert decode(bytearray(coded), 3, 4, 1, 2, into) is into
    assert (into == pixels).all()


def test_buffers_that_do_not_fit_are_refused() -> None:
    coded = encode(bytes(8), 2, 2, 1, 2)
    with pytest.raises(CodecError, match="take 8 bytes; the buffer has 7"):
        encode(bytes(7), 2, 2, 1, 2)
    with pytest.raises(CodecError, match="take 8 bytes; the buffer has 9"):
        decode(coded, 2, 2, 1, 2, bytearray(9))
    with pytest.raises(BufferError):
        decode(coded, 2, 2, 1, 2, bytes(8))
    with pytest.raises((BufferError, ValueError)):
        encode(np.zeros((4, 4), "u1")[::2, ::2], 2, 2, 1, 1)


@pytest.mark.parametrize("layout", [(0, 1, 1, 1), (1, 0, 1, 1), (65536, 1, 1, 1), (1, 65536, 1, 1), (1, 1, 0, 1), (1, 1, 1, 3),
                                    (1, 1, 1, 0), (-1, 1, 1, 1), (1, 1, -1, 1), (1, 1, 1, 8)])
def test_numbers_that_are_no_frame_are_refused(layout: tuple[int, int, int, int]) -> None:
    with pytest.raises(CodecError):
        encode(b"", *layout)
    with pytest.raises(CodecError):
        decode(bytes(70), *layout)


def test_threads_do_not_meet() -> None:
    rng = np.random.default_rng(3)
    inputs = [rng.integers(0, 4, (64, 300), "u2") * 300 for _ in range(40)]
    with ThreadPoolExecutor(4) as pool:
        coded = list(pool.map(lambda pixels: encode(pixels, 64, 300, 1, 2), inputs))
        decoded = list(pool.map(lambda data: decode(data, 64, 300, 1, 2), coded))
    assert coded == [encode(pixels, 64, 300, 1, 2) for pixels in inputs]
    assert decoded == [pixels.tobytes() for pixels in inputs]


def test_examples() -> None:
    assert doctest.testmod(_rle).failed == 0


# ---- what the world writes


def test_runs_across_rows_are_read() -> None:
    assert decode(frame_of(b"\xf9a"), 2, 4, 1, 1) == b"a" * 8


@pytest.mark.parametrize("unit", [1, 2, 4])
def test_runs_across_rows_are_read_in_large_frames(unit: int) -> None:
    pixels = np.repeat(np.arange(1500).astype(f"<u{unit}"), 37)
    coded = encode(pixels, 1, 55500, 1, unit)
    assert decode(coded, 300, 185, 1, unit) == decode(coded, 300, 185, 1, unit, portable=True) == pixels.tobytes()


def test_odd_segments_are_read() -> None:
    assert decode(frame_of(b"\x00a", b"\x02\x01b"[1:] + b"c", b"\x00d"), 1, 1, 3, 1) == b"abd"
    assert decode(frame_of(b"\x02abc" + b"\x80", b"\xfed"), 1, 3, 2, 1) == b"adbdcd"


def test_what_follows_the_last_pixel_is_ignored() -> None:
    assert decode(frame_of(b"\xfda\x00\x00\x00\x00\x05"), 1, 4, 1, 1) == b"aaaa"
    assert decode(frame_of(b"\x81a", b"\x05bcdefg"), 1, 4, 2, 1) == b"abacadae"


def test_the_code_128_stands_for_nothing() -> None:
    assert decode(frame_of(b"\x80\x00a\x80\x80\xffb"), 1, 3, 1, 1) == b"abb"
    long = b"\x80".join([b"\x00a"] * 600)
    assert decode(frame_of(long), 20, 30, 1, 1) == decode(frame_of(long), 20, 30, 1, 1, portable=True) == b"a" * 600


@pytest.mark.parametrize("extra", [b"", b"\0\0", bytes(9)])
def test_one_segment_too_many_that_is_empty_is_ignored(extra: bytes) -> None:
    assert decode(frame_of(b"\x01ab\0", extra), 1, 2, 1, 1) == b"ab"


def test_one_segment_too_many_without_a_place_is_ignored() -> None:
    assert decode(frame_of(b"\x01ab\0", count=2), 1, 2, 1, 1) == b"ab"


# ---- what is broken


@pytest.mark.parametrize(
    ("data", "reason", "offset"),
    [
        (b"", "has no header", 0),
        (bytes(63), "has no header", 63),
        (frame_of(b"\x01ab\0", b"\x01ab\0", b"\x01ab\0"), "has 3 segments; 2 are needed", 0),
        (frame_of(b"\x01ab\0"), "has 1 segments; 2 are needed", 0),
        (frame_of(count=0), "has 0 segments; 2 are needed", 0),
        (frame_of(count=0xFFFFFFFF), "4294967295 segments", 0),
        (struct.pack("<3I", 2, 64, 70).ljust(68, b"\0"), "segment 1 .* from byte 64 to 70 of 68", 4),
        (struct.pack("<3I", 2, 68, 64).ljust(68, b"\0"), "segment 1 .* from byte 68 to 64", 4),
        (struct.pack("<3I", 2, 60, 64).ljust(68, b"\0"), "segment 1 .* from byte 60", 4),
        (struct.pack("<3I", 2, 64, 0xFFFFFFFF).ljust(68, b"\0"), "segment 1 .* to 4294967295", 4),
        (frame_of(b"\x01ab\0", b"\x00a"), "segment 2 .* ends after 1 of 2 bytes", 70),
        (frame_of(b"\x00a", b"\x01ab\0"), "segment 1 .* ends after 1 of 2 bytes", 66),
        (frame_of(b"", b"\x01ab\0"), "segment 1 .* ends after 0 of 2 bytes", 64),
        (frame_of(b"\x01ab\0", b"\x02ab"), "segment 2 .* is cut inside a packet after 0 of 2 bytes", 68),
        (frame_of(b"\x01ab\0", b"\x00a\xff"), "segment 2 .* is cut inside a packet after 1 of 2 bytes", 70),
    ],
)
def test_a_broken_frame_is_named_with_its_place(data: bytes, reason: str, offset: int) -> None:
    with pytest.raises(CodecError, match=reason) as caught:
        decode(data, 1, 2, 2, 1)
    assert caught.value.offset == offset


@pytest.mark.parametrize("planar", [False, True])
def test_the_segment_is_named_in_every_arrangement(planar: bool) -> None:
    coded = encode(bytes(range(256)) * 3 * 48, 96, 192, 2, 1)  # more than one piece
    broken = coded[:-400]
    # a row is one packet of 128 and one of 64 bytes, 194 together; 93 rows and a packet of the second plane are whole
    with pytest.raises(CodecError, match=r"segment 2 .* is cut inside a packet after 17984 of 18432 bytes") as caught:
        decode(broken, 96, 192, 2, 1, planar=planar)
    assert caught.value.offset == HEADER + (96 + 93) * 194 + 129


@given(frames(longest=200), st.data())
def test_a_damaged_frame_is_an_error_or_an_image_and_nothing_else_is_touched(frame: Frame, data: st.DataObject) -> None:
    coded = bytearray(encode(frame.data, *frame.layout))
    for _ in range(data.draw(st.integers(0, 6))):
        place = data.draw(st.one_of(st.integers(0, len(coded) - 1), st.integers(0, 4 * len(frame.planes) + 3)))
        coded[place] = data.draw(st.one_of(st.integers(0, 255), st.sampled_from([0, 127, 128, 129, 255])))
    coded = coded[: data.draw(st.one_of(st.just(len(coded)), st.integers(0, len(coded))))]
    for portable in (False, True):
        guarded = bytearray(b"\xa5" * (len(frame.data) + 512))
        into = memoryview(guarded)[256:-256]
        run = partial(decode, bytes(coded), *frame.layout, planar=data.draw(st.booleans()), portable=portable)
        try:
            run(into)
        except CodecError as error:
            assert error.offset is not None
            assert 0 <= error.offset <= len(coded)
            with pytest.raises(CodecError, match=r".") as again:
                run()
            assert (again.value.reason, again.value.offset) == (error.reason, error.offset)
        else:
            assert run() == into
        assert guarded[:256] == guarded[-256:] == b"\xa5" * 256


@given(st.binary(min_size=1, max_size=900), st.integers(1, 3), st.integers(1, 60))
def test_noise_is_an_error_or_an_image(noise: bytes, planes: int, side: int) -> None:
    whole = frame_of(*[noise] * planes)
    try:
        found = decode(whole, side, side, planes, 1)
    except CodecError as error:
        assert error.offset is not None
        with pytest.raises(CodecError):
            decode(whole, side, side, planes, 1, portable=True)
    else:
        assert len(found) == side * side * planes
        assert decode(whole, side, side, planes, 1, portable=True) == found


def test_a_frame_takes_no_memory_that_its_bytes_cannot_fill() -> None:
    data = encode(bytes(64), 8, 8, 1, 1)
    with pytest.raises(CodecError, match="cannot be in"):
        decode(data, 65535, 65535, 3, 4)
