"""Pixels that take another place: each loop against NumPy or slow Python, at every size around its vectors, within its buffers."""

from __future__ import annotations

import doctest
import random
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcmenc import _swap
from dcmenc._swap import deinterleave, interleave, mask_bits, outside_bits, pack_bits, unpack_bits

SIZES = [*range(131), 255, 256, 257, 1000, 4095, 4096, 4097, 9001]
UNITS = (1, 2, 4)
WIDTHS = (8, 16, 32, 64)
GUARD = 64

sizes = st.one_of(st.integers(0, 130), st.sampled_from([255, 256, 257, 4093, 4096, 4100, 9001]))
seeds = st.integers(0, 2**32)
offsets = st.integers(0, 33)


def at_offset(data: bytes, offset: int) -> memoryview:
    """The same bytes at another address. They end where their memory does, so that a sanitizer sees a read beyond them."""
    room = np.empty(offset + len(data), "u1")
    room[offset:] = np.frombuffer(data, "u1")
    return room[offset:].data


def writes_within(function: Callable[..., object], size: int, offset: int) -> bytes:
    """What ``function(into=...)`` writes, given that it writes nothing beside and returns what it was given."""
    room = bytearray(b"\xa5" * (offset + size + GUARD))
    into = memoryview(room)[offset : offset + size]
    assert function(into=into) is into
    assert room[:offset] == b"\xa5" * offset
    assert room[offset + size :] == b"\xa5" * GUARD
    return bytes(into)


def agrees(function: Callable[..., Any], expected: bytes, offset: int) -> None:
    """Dispatched and portable, as new bytes and into a buffer, the result is the expected one."""
    for portable in (False, True):
        assert function(portable=portable) == expected
        assert type(function(portable=portable)) is bytes
        assert writes_within(lambda into, portable=portable: function(into=into, portable=portable), len(expected), offset) == expected


# ---- Planes and pixels


def check_frame(pixels: int, samples: int, unit: int, seed: int, offset: int) -> None:
    planes = random.Random(seed).randbytes(pixels * samples * unit)
    together = np.frombuffer(planes, "u1").reshape(samples, pixels, unit).transpose(1, 0, 2).tobytes()
    source, target = at_offset(planes, offset), at_offset(together, offset)
    agrees(lambda **how: interleave(source, pixels, samples, unit, **how), together, offset)
    agrees(lambda **how: deinterleave(target, pixels, samples, unit, **how), planes, offset)


@given(sizes, st.integers(1, 4), st.sampled_from(UNITS), seeds, offsets)
def test_the_samples_of_a_pixel_come_together_and_apart(pixels: int, samples: int, unit: int, seed: int, offset: int) -> None:
    check_frame(pixels, samples, unit, seed, offset)


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("samples", [1, 2, 3, 4])
def test_frames_of_all_sizes_around_a_vector_are_rearranged(samples: int, unit: int) -> None:
    for pixels in SIZES:
        check_frame(pixels, samples, unit, pixels, pixels % 3)


def test_a_frame_may_be_any_array_without_gaps() -> None:
    planes = np.arange(3 * 5 * 7, dtype="u2").reshape(3, 5, 7)
    pixels = np.empty((5, 7, 3), "u2")
    assert interleave(planes, 35, 3, 2, pixels) is pixels
    np.testing.assert_array_equal(pixels, np.moveaxis(planes, 0, -1))
    assert deinterleave(pixels, 35, 3, 2) == planes.tobytes()


# ---- Bits inside cells


def cells_of(data: bytes, allocated: int) -> list[int]:
    unit = allocated // 8
    return [int.from_bytes(data[i : i + unit], sys.byteorder) for i in range(0, len(data), unit)]


def bytes_of(values: list[int], allocated: int) -> bytes:
    return b"".join((value % 2**allocated).to_bytes(allocated // 8, sys.byteorder) for value in values)


def value_of(cell: int, stored: int, low: int, signed: bool) -> int:
    value = (cell >> low) % 2**stored
    return value - 2**stored if signed and value >> (stored - 1) else value


@st.composite
def fields(draw: st.DrawFn) -> tuple[int, int, int, bool]:
    allocated = draw(st.sampled_from(WIDTHS))
    stored = draw(st.integers(1, allocated))
    return allocated, stored, draw(st.integers(0, allocated - stored)), draw(st.booleans())


def check_mask(count: int, field: tuple[int, int, int, bool], seed: int, offset: int) -> None:
    allocated, stored, low, signed = field
    data = random.Random(seed).randbytes(count * allocated // 8)
    expected = bytes_of([value_of(cell, stored, low, signed) for cell in cells_of(data, allocated)], allocated)
    source = at_offset(data, offset)
    agrees(lambda **how: mask_bits(source, *field, **how), expected, offset)
    for portable in (False, True):
        same = bytearray(data)
        assert mask_bits(same, *field, same, portable=portable) is same
        assert same == expected


@given(sizes, fields(), seeds, offsets)
def test_cells_become_the_values_of_their_stored_bits(count: int, field: tuple[int, int, int, bool], seed: int, offset: int) -> None:
    check_mask(count, field, seed, offset)


@pytest.mark.parametrize("allocated", WIDTHS)
def test_every_place_of_the_stored_bits_is_found(allocated: int) -> None:
    source = random.Random(allocated)
    for stored in range(1, allocated + 1):
        for low in {0, allocated - stored, source.randint(0, allocated - stored)}:
            for signed in (False, True):
                check_mask(source.choice([9, 37]), (allocated, stored, low, signed), stored, low % 9)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("allocated", WIDTHS)
def test_cells_of_all_sizes_around_a_vector_are_masked(allocated: int, signed: bool) -> None:
    for count in SIZES:
        check_mask(count, (allocated, allocated * 3 // 4, allocated // 8, signed), count, count % 3)


@pytest.mark.parametrize(("kind", "low"), [("u", 0), ("u", 4), ("i", 0), ("i", 4)])
def test_masking_is_what_numpy_does(kind: str, low: int) -> None:
    cells = np.random.default_rng(1).integers(0, 2**16, (257, 131), dtype="u2").view(f"{kind}2")
    expected = np.left_shift(cells, 4 - low).view(cells.dtype) >> cells.dtype.type(4)
    assert mask_bits(cells, 16, 12, low, kind == "i") == expected.tobytes()


def fitting(count: int, allocated: int, stored: int, signed: bool, source: random.Random) -> list[int]:
    ends = (-(2 ** (stored - 1)), 2 ** (stored - 1) - 1) if signed else (0, 2**stored - 1)
    return [source.choice([*ends, source.randint(*ends)]) for _ in range(count)]


def misfits(allocated: int, stored: int, signed: bool) -> list[int]:
    """Cells just outside of the stored bits, and as far outside as the allocated ones allow."""
    if stored == allocated:
        return []
    if signed:
        return [2 ** (stored - 1), -(2 ** (stored - 1)) - 1, 2 ** (allocated - 1) - 1, -(2 ** (allocated - 1))]
    return [2**stored, 2**allocated - 1, 2 ** (allocated - 1)]


def check_outside(count: int, allocated: int, stored: int, signed: bool, seed: int, offset: int) -> None:
    source = random.Random(seed)
    values = fitting(count, allocated, stored, signed, source)
    wrong = misfits(allocated, stored, signed)
    places = [-1, *{0, count - 1, source.randrange(count)}] if count and wrong else [-1]
    for place in places:
        mixed = list(values)
        for at in () if place < 0 else (place, *(source.randrange(place, count) for _ in range(2))):
            mixed[at] = source.choice(wrong)
        data = at_offset(bytes_of(mixed, allocated), offset)
        assert outside_bits(data, allocated, stored, signed) == place
        assert outside_bits(data, allocated, stored, signed, portable=True) == place


@given(sizes, fields(), seeds, offsets)
def test_the_first_cell_that_does_not_fit_is_found(count: int, field: tuple[int, int, int, bool], seed: int, offset: int) -> None:
    allocated, stored, _, signed = field
    check_outside(count, allocated, stored, signed, seed, offset)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("allocated", WIDTHS)
def test_misfits_are_found_among_cells_of_all_sizes_around_a_vector(allocated: int, signed: bool) -> None:
    for count in SIZES:
        check_outside(count, allocated, allocated * 3 // 4, signed, count, count % 3)


@given(st.binary(max_size=200), fields())
def test_what_is_masked_from_bit_0_fits_and_stays_as_it_is(data: bytes, field: tuple[int, int, int, bool]) -> None:
    allocated, stored, low, signed = field
    masked = mask_bits(data[: len(data) // 8 * 8], allocated, stored, low, signed)
    assert outside_bits(masked, allocated, stored, signed) == -1
    assert mask_bits(masked, allocated, stored, 0, signed) == masked


@pytest.mark.parametrize("portable", [False, True])
def test_every_single_misfit_of_two_blocks_is_found(portable: bool) -> None:
    cells = np.zeros(4100, "u2")
    for at in range(len(cells)):
        cells[at] = 4096
        assert outside_bits(cells, 16, 12, False, portable=portable) == at
        cells[at] = 0


# ---- Bytes and bits


def check_pack(values: bytes, offset: int) -> None:
    expected = np.packbits(np.frombuffer(values, "u1") != 0, bitorder="little").tobytes()
    agrees(lambda **how: pack_bits(at_offset(values, offset), **how), expected, offset)


def check_unpack(data: bytes, first: int, count: int, offset: int) -> None:
    expected = bytes(data[i // 8] >> i % 8 & 1 for i in range(first, first + count))
    agrees(lambda **how: unpack_bits(at_offset(data, offset), first, count, **how), expected, offset)


@given(sizes, st.sampled_from([b"\0\1", b"\0\0\0\0\0\0\0\x80", bytes(range(256))]), seeds, offsets)
def test_every_byte_that_is_not_zero_becomes_a_bit(count: int, alphabet: bytes, seed: int, offset: int) -> None:
    check_pack(bytes(random.Random(seed).choices(alphabet, k=count)), offset)


@given(sizes, seeds, offsets, st.data())
def test_bits_from_anywhere_become_bytes(size: int, seed: int, offset: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, 8 * size))
    count = data.draw(st.one_of(st.just(8 * size - first), st.integers(0, 8 * size - first)))
    check_unpack(random.Random(seed).randbytes(size), first, count, offset)


def test_bits_of_all_sizes_around_a_vector_are_packed_and_unpacked() -> None:
    source = random.Random(1)
    for count in SIZES:
        values = bytes(source.choices(b"\0\0\1\7\x80\xff", k=count))
        check_pack(values, count % 3)
        assert unpack_bits(pack_bits(values), 0, count) == bytes(value != 0 for value in values)


def test_bits_from_every_place_of_a_byte_are_unpacked() -> None:
    data = random.Random(1).randbytes(17)
    for first in range(20):
        for count in range(8 * len(data) - first + 1):
            expected = np.unpackbits(np.frombuffer(data, "u1"), bitorder="little")[first : first + count].tobytes()
            assert unpack_bits(data, first, count) == expected == unpack_bits(data, first, count, portable=True)


@pytest.mark.parametrize("byte", range(256))
def test_each_byte_is_eight_pixels(byte: int) -> None:
    check_unpack(bytes([byte]) * 9, 0, 72, 0)
    check_pack(bytes([byte]) * 9, 0)


def test_an_array_of_bool_is_packed() -> None:
    mask = np.random.default_rng(1).random((33, 35)) < 0.3
    packed = pack_bits(mask)
    assert packed == np.packbits(mask, bitorder="little").tobytes()
    again = np.empty_like(mask)
    assert unpack_bits(packed, 0, mask.size, again) is again
    np.testing.assert_array_equal(again, mask)


# ---- What is refused


@pytest.mark.parametrize(("call", "reason"), [
    (lambda f: f(bytes(11), 4, 3, 1), "11 bytes are not 4 pixels of 3 samples of 1 bytes"),
    (lambda f: f(bytes(12), 5, 3, 1), "12 bytes are not 5 pixels"),
    (lambda f: f(bytes(12), -4, 3, 1), "12 bytes are not -4 pixels"),
    (lambda f: f(bytes(12), 2**62, 3, 4), "12 bytes are not 4611686018427387904 pixels"),
    (lambda f: f(bytes(12), 4, 0, 1), "1 to 4 samples, not 0"),
    (lambda f: f(bytes(12), 4, 5, 1), "1 to 4 samples, not 5"),
    (lambda f: f(bytes(12), 4, -3, 1), "1 to 4 samples, not -3"),
    (lambda f: f(bytes(12), 4, 2**62, 4), "1 to 4 samples"),
    (lambda f: f(bytes(12), 1, 3, 3), "1, 2 or 4 bytes, not 3"),
    (lambda f: f(bytes(12), 1, 3, 0), "1, 2 or 4 bytes, not 0"),
    (lambda f: f(bytes(12), 1, 3, -1), "1, 2 or 4 bytes, not -1"),
    (lambda f: f(bytes(12), 4, 3, 1, bytearray(11)), "takes 12 bytes; the buffer to write into has 11"),
    (lambda f: f(bytes(12), 4, 3, 1, bytearray(13)), "takes 12 bytes; the buffer to write into has 13"),
])
@pytest.mark.parametrize("function", [interleave, deinterleave])
def test_a_frame_of_another_size_is_refused(function: Callable[..., object], call: Callable[..., object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        call(function)


@pytest.mark.parametrize(("size", "allocated", "stored", "low", "reason"), [
    (6, 24, 12, 0, "8, 16, 32 or 64 bits, not 24"),
    (6, 0, 0, 0, "8, 16, 32 or 64 bits, not 0"),
    (6, -16, 12, 0, "8, 16, 32 or 64 bits, not -16"),
    (6, 2**32 + 16, 12, 0, "8, 16, 32 or 64 bits"),
    (7, 16, 12, 0, "7 bytes are not whole cells of 16 bits"),
    (4, 64, 12, 0, "4 bytes are not whole cells of 64 bits"),
    (6, 16, 0, 0, "1 to 16 bits stored, not 0"),
    (6, 16, 17, 0, "1 to 16 bits stored, not 17"),
    (6, 16, -1, 0, "1 to 16 bits stored, not -1"),
    (6, 16, 12, 5, "12 bits stored from bit 5 on are not inside a cell of 16 bits"),
    (6, 16, 12, -1, "12 bits stored from bit -1 on"),
    (6, 16, 12, 2**62, "12 bits stored from bit 4611686018427387904 on"),
])
def test_what_are_no_cells_is_refused(size: int, allocated: int, stored: int, low: int, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        mask_bits(bytes(size), allocated, stored, low, False)
    if not low:
        with pytest.raises(ValueError, match=reason):
            outside_bits(bytes(size), allocated, stored, False)


@pytest.mark.parametrize(("first", "count"), [(0, 17), (1, 16), (17, 0), (-1, 3), (0, -1), (2**62, 2**62), (2**63 - 1, 2**63 - 1)])
def test_bits_that_are_not_there_are_refused(first: int, count: int) -> None:
    with pytest.raises(ValueError, match=f"{count} bits from bit {first} on are not in 2 bytes"):
        unpack_bits(b"ab", first, count)


# Each function with data of 16 bytes, and the size of its result.
CALLS: list[tuple[Callable[..., object], tuple[int, ...], int]] = [
    (interleave, (4, 2, 2), 16), (deinterleave, (4, 2, 2), 16), (interleave, (16, 1, 1), 16),
    (mask_bits, (16, 12, 0, False), 16), (pack_bits, (), 2), (unpack_bits, (3, 100), 100),
]


@pytest.mark.parametrize(("function", "numbers", "size"), CALLS)
def test_a_buffer_of_another_size_is_not_written_into(function: Callable[..., object], numbers: tuple[int, ...], size: int) -> None:
    for wrong in (0, size - 1, size + 1):
        into = bytearray(b"\xa5" * wrong)
        with pytest.raises(ValueError, match=f"takes {size} bytes; the buffer to write into has {wrong}"):
            function(bytes(16), *numbers, into)
        assert into == b"\xa5" * wrong


@pytest.mark.parametrize(("function", "numbers", "size"), CALLS)
def test_what_is_no_writable_buffer_is_refused(function: Callable[..., object], numbers: tuple[int, ...], size: int) -> None:
    fixed = np.zeros(size, "u1")
    fixed.flags.writeable = False
    for into in (bytes(size), memoryview(bytes(size)), fixed, np.zeros(2 * size, "u1")[::2]):
        with pytest.raises((BufferError, ValueError)):
            function(bytes(16), *numbers, into)
    for wrong in ("text", 5, [0] * size):
        with pytest.raises(TypeError):
            function(bytes(16), *numbers, wrong)
        with pytest.raises(TypeError):
            function(wrong, *numbers)
    with pytest.raises((BufferError, ValueError)):
        function(np.zeros(32, "u1")[::2], *numbers)


@pytest.mark.parametrize(("function", "numbers", "size"), CALLS)
def test_a_buffer_that_overlaps_the_data_is_refused(function: Callable[..., object], numbers: tuple[int, ...], size: int) -> None:
    room = memoryview(bytearray(range(200)) + bytes(56))
    for data, into in ((0, 1), (0, 15), (1, 0), (size - 1, 0)):
        with pytest.raises(ValueError, match="the buffer to write into overlaps the data"):
            function(room[data : data + 16], *numbers, room[into : into + size])
    assert room == bytearray(range(200)) + bytes(56)
    function(room[:16], *numbers, room[16 : 16 + size])
    function(room[size : size + 16], *numbers, room[:size])


@pytest.mark.parametrize(("function", "numbers", "size"), CALLS)
def test_no_buffer_is_held_after_a_call(function: Callable[..., object], numbers: tuple[int, ...], size: int) -> None:
    data, into, wrong = bytearray(16), bytearray(size), bytearray(size + 1)
    function(data, *numbers, into)
    with pytest.raises(ValueError, match="takes"):
        function(data, *numbers, wrong)
    for buffer in (data, into, wrong):
        buffer.append(0)


def test_nothing_gives_nothing() -> None:
    for nothing in (b"", memoryview(b""), np.empty((0, 3), "u2")):
        assert interleave(nothing, 0, 3, 2) == deinterleave(nothing, 0, 3, 2) == b""
        assert mask_bits(nothing, 16, 12, 0, True) == pack_bits(nothing) == unpack_bits(nothing, 0, 0) == b""
        assert outside_bits(nothing, 16, 12, True) == -1
    assert interleave(b"", 0, 3, 2, empty := bytearray()) is empty


def test_threads_give_what_one_does() -> None:
    frames = [np.random.default_rng(i).integers(0, 256, 3 * 40_001, dtype="u1") for i in range(8)]
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda frame: interleave(frame, 40_001, 3, 1), frames))
    assert made == [frame.reshape(3, -1).T.tobytes() for frame in frames]


def test_the_examples_of_the_functions_run() -> None:
    assert doctest.testmod(_swap).failed == 0
