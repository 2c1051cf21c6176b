"""JPEG Lossless frames that are large enough for the decoder to decode several parts of them beside each other (_jpegll_lanes.h)."""

from __future__ import annotations

import random
from itertools import product
from typing import Any

import numpy as np
import pytest
from test_jpegll import FLAT, STEEP, Frame, encoded, samples, segment, slow_encode, stuffed

from dcmenc._jpegll_decode import decode
from dcmenc.errors import CodecError

TWO = ((1, 1, 1, *[0] * 13), (0, 1, 8))            # of these a frame of differences 0 and 1 takes the shortest two only
EVEN = ((0, 0, 0, 15, *[0] * 12), (*range(15),))   # all codes of four bits
WIDEST = ((0, 2, 1, *[0] * 13), (15, 14, 16))      # most differences take 16 or 17 bits, and category 16 is a short code


def smooth(rows: int, columns: int, components: int, precision: int, seed: int = 0) -> Frame:
    """A disc with noise: long and short codes, and runs of which the statistics change."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[:rows, :columns] / max(rows, columns) - 0.4
    plane = 0.5 * (np.hypot(x, y) < 0.2) + generator.normal(0.2, 0.02, (components, rows, columns)) * (x < 0.3)
    frame = np.clip(plane, 0, 1) * ((1 << precision) - 1)
    return np.ascontiguousarray(np.moveaxis(frame, 0, -1)).astype(np.uint8 if precision <= 8 else np.uint16)


def outcome(stream: bytes) -> Any:
    try:
        return decode(stream, limit=10**6).samples
    except CodecError as error:
        return type(error), str(error)


@pytest.mark.parametrize("predictor", range(1, 8))
@pytest.mark.parametrize(("rows", "columns", "components", "precision"), [
    (90, 110, 1, 12), (70, 60, 3, 8), (60, 100, 1, 16), (340, 320, 1, 8), (2, 9000, 1, 12), (5000, 3, 1, 10)])
def test_every_predictor_comes_back(rows: int, columns: int, components: int, precision: int, predictor: int) -> None:
    for frame in (smooth(rows, columns, components, precision), samples(rows, columns, components, precision, 1)):
        assert decode(encoded(frame, precision, predictor)).samples == frame.tobytes()


@pytest.mark.parametrize("value", [0, 128, 255])
@pytest.mark.parametrize("predictor", [1, 4, 7])
def test_constant_frames_join_at_every_bit(value: int, predictor: int) -> None:
    frame = np.full((300, 400, 1), value, np.uint8)
    assert decode(encoded(frame, 8, predictor)).samples == frame.tobytes()


@pytest.mark.parametrize("table", [FLAT, EVEN, STEEP], ids=["five bits", "four bits", "steep"])
@pytest.mark.parametrize("options", [{}, {"restart": 19}, {"restart": 1}, {"shift": 3}], ids=str)
def test_tables_of_others_come_back(table: Any, options: dict[str, int]) -> None:
    for frame in (samples(40, 90, 1, 12, 3), smooth(40, 90, 1, 12)):
        wanted = frame >> options.get("shift", 0) << options.get("shift", 0)
        assert decode(slow_encode(frame, 12, 4, tables=(table,), **options)).samples == wanted.tobytes()


def test_tables_that_differ_by_component_come_back() -> None:
    frame = smooth(50, 60, 3, 8)
    assert decode(slow_encode(frame, 8, 5, tables=(STEEP, FLAT))).samples == frame.tobytes()
    assert decode(slow_encode(frame, 8, 5, tables=(STEEP, FLAT), scans=((2,), (0, 1)), restart=20)).samples == frame.tobytes()


def test_codes_of_one_and_two_bits_come_back() -> None:
    steps = np.random.default_rng(4).random((90, 300)) < np.linspace(0.02, 0.3, 90)[:, None]
    frame = (128 + np.cumsum(steps, axis=1)).astype(np.uint8)[:, :, None]
    assert decode(slow_encode(frame, 8, 1, tables=(TWO,))).samples == frame.tobytes()


def test_the_longest_differences_come_back() -> None:
    signs = np.random.default_rng(5).integers(0, 2, (30, 100))
    sizes = np.random.default_rng(6).choice([8192, 16384, 30000, 32768], (30, 100))
    steps = np.where(signs, sizes, 65536 - sizes)
    frame = (np.cumsum(steps.ravel()) % 65536).astype(np.uint16).reshape(1, 3000, 1)
    assert decode(slow_encode(frame, 16, 1, tables=(WIDEST,))).samples == frame.tobytes()


@pytest.mark.parametrize(("rows", "often"), [(1, 9), (40, 9), (400, 9), (400, 11), (20, 13), (400, 13)])
def test_what_follows_a_long_code_comes_back(rows: int, often: int) -> None:
    # two codes with 31 bits each, and then more full look-ups than one refill has bits for
    chance = np.random.default_rng(8)
    steps = chance.integers(1 << (often - 1), 1 << often, 300) * chance.choice([-1, 1], 300)
    steps[7::9] = chance.integers(16384, 32768, steps[7::9].shape)
    steps[8::9] = chance.integers(16384, 32768, steps[8::9].shape)
    above = (1 << often) - 5
    frame = (32768 + np.cumsum(steps) + above * np.arange(rows)[:, None]) % 65536
    table = ((1, 1, *[0] * 13, 1), (often, often - 1, 15))
    wanted = frame.astype(np.uint16)[:, :, None]
    assert decode(slow_encode(wanted, 16, 1, tables=(table,))).samples == wanted.tobytes()


@pytest.mark.parametrize("category", [8, 12])
def test_equal_lengths_never_join_and_still_come_back(category: int) -> None:
    # all bits begin a code, and all codes take as many with their extra bits: a lane that begins elsewhere remains elsewhere
    bits = np.random.default_rng(7).integers(0, 2, (60, 400, 1 + category))
    extra = bits[:, :, 1:] @ (1 << np.arange(category)[::-1])
    differences = np.where(bits[:, :, 1], extra, extra - (1 << category) + 1)  # T.81 Table H.2
    differences[0, 0] += 32768
    differences[0] = np.cumsum(differences[0])
    stream = b"\xFF\xD8" + segment(0xC3, bytes([16, 0, 60, 400 >> 8, 400 & 255, 1, 1, 0x11, 0]))
    stream += segment(0xC4, bytes([0, 2, *[0] * 15, category, category])) + segment(0xDA, bytes([1, 1, 0, 2, 0, 0]))
    stream += stuffed("".join(map(str, bits.ravel()))) + b"\xFF\xD9"
    assert decode(stream).samples == (np.cumsum(differences, axis=0) % 65536).astype(np.uint16).tobytes()


WHOLE = [
    encoded(smooth(80, 100, 1, 12), 12, 1), encoded(samples(60, 80, 1, 16, 1), 16, 4), encoded(smooth(60, 50, 3, 8), 8, 7),
    slow_encode(samples(30, 90, 1, 12, 3), 12, 6, tables=(FLAT,)), slow_encode(smooth(60, 90, 1, 12), 12, 1, tables=(STEEP,), restart=25)]


@pytest.mark.parametrize("whole", WHOLE, ids=range(len(WHOLE)))
def test_a_stream_cut_short_is_an_error_at_its_end(whole: bytes) -> None:
    first = whole.index(b"\xFF\xDA") + 2 + len(decode(whole).samples) // 8  # of fewer bytes less is said
    for length in [*range(first, len(whole) - 2, 97), *range(len(whole) - 40, len(whole) - 2)]:
        with pytest.raises(CodecError) as caught:
            decode(whole[:length])
        assert caught.value.offset in (length, length - 1)


@pytest.mark.parametrize("whole", WHOLE[:3], ids=range(3))
def test_bits_that_are_no_code_are_refused_where_they_are(whole: bytes) -> None:
    # sixteen ones begin no code (T.81 Annex C), and the code before them may take up to 31 bits of them
    start = whole.index(b"\xFF\xDA") + (14 if whole is WHOLE[2] else 10)
    for place in range(start + 50, len(whole) - 100, 211):
        if 0xFF in whole[place - 1:place + 1]:
            continue
        with pytest.raises(CodecError, match="no code") as caught:
            decode(whole[:place] + b"\xFF\0" * 40 + whole[place:])
        assert caught.value.offset is not None and place - 2 <= caught.value.offset <= place + 10


@pytest.mark.parametrize("whole", WHOLE, ids=range(len(WHOLE)))
def test_damage_leaves_what_comes_before_it(whole: bytes) -> None:
    """A changed byte is an error, or an image that is the same above the row to which the byte belongs."""
    right = decode(whole)
    frame = np.frombuffer(right.samples, np.uint8).reshape(right.rows, -1)
    start, chance = whole.index(b"\xFF\xDA") + 14, random.Random(1)
    for _ in range(300):
        place = chance.randrange(start, len(whole) - 2)
        stream = whole[:place] + bytes([chance.randrange(255)]) + whole[place + 1:]
        got = outcome(stream)
        assert got == outcome(stream)
        if isinstance(got, bytes):
            assert len(got) == len(right.samples)
            untouched = (place - start) * 8 // 31 // (right.columns * right.components)
            assert np.array_equal(np.frombuffer(got, np.uint8).reshape(right.rows, -1)[:untouched], frame[:untouched])


@pytest.mark.peer
@pytest.mark.parametrize(("components", "precision"), [(1, 8), (3, 8), (1, 12), (1, 16)])
def test_libjpeg_turbo_agrees(components: int, precision: int) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    for predictor, make in product(range(1, 8), (smooth, samples)):
        frame = make(120, 130, components, precision, predictor)
        image = frame.squeeze(2) if components == 1 else frame
        theirs = imagecodecs.jpeg8_encode(image, lossless=True, predictor=predictor, bitspersample=precision)
        assert decode(theirs).samples == frame.tobytes()
