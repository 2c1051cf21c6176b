"""JPEG Lossless frames (ITU-T T.81 process 14): what the standard says of a stream, and what other decoders make of ours."""

from __future__ import annotations

import random
import shutil
import subprocess
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dcmenc._jpegll import bound, encode
from dcmenc._jpegll_decode import Decoded, decode
from dcmenc.errors import CodecError

Frame = NDArray[Any]
FLAT = ((0, 0, 0, 0, 17, *[0] * 11), tuple(range(17)))                                    # seventeen codes of five bits
STEEP = ((*[1] * 15, 2), (5, 4, 6, 3, 7, 2, 8, 1, 9, 0, 10, 11, 12, 13, 14, 15, 16))      # codes of 1, 2, ... 15, 16, 16 bits


def samples(rows: int, columns: int, components: int, precision: int, seed: int = 0, smooth: bool = False) -> Frame:
    generator = np.random.default_rng(seed)
    shape = (rows, columns, components)
    values = np.cumsum(generator.integers(-3, 4, shape), axis=1) if smooth else generator.integers(0, 1 << precision, shape)
    return (values % (1 << precision)).astype(np.uint8 if precision <= 8 else np.uint16)


def encoded(frame: Frame, precision: int, predictor: int = 1, **options: bool) -> bytes:
    return encode(frame, *frame.shape, precision, predictor, **options)


def segments(stream: bytes) -> dict[int, bytes]:
    """The marker segments up to the scan, and under 0 what follows the scan header."""
    found, at = {}, 2
    while 0xDA not in found:
        length = int.from_bytes(stream[at + 2:at + 4])
        found[stream[at + 1]] = stream[at + 4:at + 2 + length]
        at += 2 + length
    return found | {0: stream[at:]}


# ---- a slow encoder, which can do what ours does not ----

def codes(table: tuple[tuple[int, ...], tuple[int, ...]]) -> dict[int, str]:
    """T.81 Annex C: the codes of each length, counted upwards."""
    code, made, left = 0, {}, list(table[1])
    for length, number in enumerate(table[0], 1):
        for _ in range(number):
            made[left.pop(0)] = f"{code:0{length}b}"
            code += 1
        code <<= 1
    return made


def prediction(plane: NDArray[Any], y: int, x: int, first: int, predictor: int, start: int) -> int:
    """T.81 H.1.2.1; ``first`` is the row with which a scan or restart interval begins."""
    if y == first:
        return int(plane[y, x - 1]) if x else start
    if not x:
        return int(plane[y - 1, 0])
    a, b, c = int(plane[y, x - 1]), int(plane[y - 1, x]), int(plane[y - 1, x - 1])
    return (a, b, c, a + b - c, a + ((b - c) >> 1), b + ((a - c) >> 1), (a + b) >> 1)[predictor - 1]


def symbol(difference: int, table: dict[int, str]) -> str:
    """T.81 H.1.2.2: the code of the category, and its extra bits, of which category 16 has none."""
    difference = (difference + 32767) % 65536 - 32767
    category = abs(difference).bit_length()
    if category in (0, 16):
        return table[category]
    return table[category] + f"{difference if difference > 0 else difference + (1 << category) - 1:0{category}b}"


def stuffed(bits: str) -> bytes:
    bits += "1" * (-len(bits) % 8)
    return int(bits or "0", 2).to_bytes(len(bits) // 8).replace(b"\xFF", b"\xFF\0")


def segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2) + content


def slow_encode(
    frame: Frame, precision: int, predictor: int, *, shift: int = 0, restart: int = 0, scans: tuple[tuple[int, ...], ...] = (),
    tables: tuple[Any, ...] = (FLAT,), ids: bytes = b"\1\2\3", dnl: bool = False, extra: bytes = b"", fill: bytes = b"",
) -> bytes:
    """``restart`` in rows; ``scans`` by component; component k takes table k, or the last; ``fill`` goes before every marker."""
    rows, columns, components = frame.shape
    planes = frame.astype(int) >> shift
    scans = scans or (tuple(range(components)),)
    header = bytes([precision]) + (0 if dnl else rows).to_bytes(2) + columns.to_bytes(2) + bytes([components])
    out = [b"\xFF\xD8", extra, fill, segment(0xC3, header + b"".join(bytes([ids[k], 0x11, 0]) for k in range(components)))]
    for number, (lengths, categories) in enumerate(tables):
        out += [fill, segment(0xC4, bytes([number, *lengths, *categories]))]
    if restart:
        out += [fill, segment(0xDD, (restart * columns).to_bytes(2))]
    for turn, scan in enumerate(scans):
        table = {k: min(k, len(tables) - 1) for k in scan}
        head = bytes([len(scan)]) + b"".join(bytes([ids[k], table[k] << 4]) for k in scan) + bytes([predictor, 0, shift])
        out += [fill, segment(0xDA, head)]
        for number, first in enumerate(range(0, rows, restart or rows)):
            if number:
                out += [fill, bytes([0xFF, 0xD0 + (number - 1) % 8])]
            out.append(stuffed("".join(
                symbol(int(planes[y, x, k]) - prediction(planes[:, :, k], y, x, first, predictor, 1 << (precision - shift - 1)),
                       codes(tables[table[k]]))
                for y, x, k in product(range(first, min(first + (restart or rows), rows)), range(columns), scan))))
        if dnl and not turn:
            out += [fill, segment(0xDC, rows.to_bytes(2))]
    return b"".join([*out, fill, b"\xFF\xD9"])


# ---- what a stream is made of ----

def test_the_headers_are_those_of_annex_b() -> None:
    stream = encoded(samples(3, 5, 3, 8), 8, 4)
    assert stream[:2] == b"\xFF\xD8" and stream[-2:] == b"\xFF\xD9"
    parts = segments(stream)
    assert list(parts) == [0xC3, 0xC4, 0xDA, 0]
    assert parts[0xC3] == bytes([8, 0, 3, 0, 5, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0])
    assert parts[0xDA] == bytes([3, 1, 0, 2, 0, 3, 0, 4, 0, 0])


def test_a_small_frame_is_as_worked_by_hand() -> None:
    # differences 0, 1, -1 (from the row above), 3; categories 0, 1, 1, 2: codes 10, 0, 0, 110 by Annex K.2
    parts = segments(encode(bytes([128, 129, 127, 130]), 2, 2, 1, 8))
    assert parts[0xC4] == bytes([0, 1, 1, 1, *[0] * 13, 1, 0, 2])
    assert parts[0] == bytes([0b10_01_00_11, 0b011_11111]) + b"\xFF\xD9"


def test_a_difference_of_32768_is_category_16_without_extra_bits() -> None:
    frame = np.array([0, 32768, 0, 32768], np.uint16)  # the first is predicted as 32768
    parts = segments(encode(frame, 1, 4, 1, 16))
    assert parts[0xC4] == bytes([0, 1, *[0] * 15, 16])
    assert parts[0] == b"\x0F\xFF\xD9"
    assert decode(encode(frame, 1, 4, 1, 16)).samples == frame.tobytes()


def test_no_code_is_longer_than_16_bits_or_of_ones_only() -> None:
    # as many differences of each category as a Fibonacci number: a tree of 17 bits, with the reserved symbol
    fibonacci = [1, 2]
    while len(fibonacci) < 17:
        fibonacci.append(fibonacci[-1] + fibonacci[-2])
    steps = np.repeat([0, *(1 << np.arange(16))], fibonacci[::-1])
    frame = (32768 + np.cumsum(steps)).astype(np.uint16).reshape(1, -1, 1)
    parts = segments(encoded(frame, 16))
    numbers = parts[0xC4][1:17]
    assert sum(numbers) == 17 and sum(n << (16 - length) for length, n in enumerate(numbers, 1)) < 1 << 16
    assert numbers[15] > 0 and decode(encoded(frame, 16)).samples == frame.tobytes()


def test_ff_is_stuffed() -> None:
    stream = encoded(samples(64, 64, 1, 16), 16)
    assert b"\xFF\0" in segments(stream)[0]
    assert all(after in b"\0\xD9" for before, after in zip(segments(stream)[0], segments(stream)[0][1:], strict=False) if before == 0xFF)


@pytest.mark.parametrize("predictor", range(1, 8))
@pytest.mark.parametrize(("precision", "components"), [(8, 1), (8, 3), (12, 1), (16, 1), (16, 3)])
def test_every_predictor_is_that_of_table_h1(precision: int, components: int, predictor: int) -> None:
    for smooth in (False, True):
        frame = samples(6, 9, components, precision, predictor, smooth)
        stream = encoded(frame, precision, predictor)
        table = segments(stream)[0xC4]
        own_table = (tuple(table[1:17]), tuple(table[17:]))
        assert stream == slow_encode(frame, precision, predictor, tables=(own_table,))


@pytest.mark.parametrize(("rows", "columns", "components"), [(1, 1, 1), (7, 5, 1), (300, 2, 3), (2, 9000, 1)])
def test_the_bound_holds(rows: int, columns: int, components: int) -> None:
    for precision, seed in product((2, 8, 16), range(3)):
        frame = samples(rows, columns, components, precision, seed)
        assert all(len(encoded(frame, precision, p)) <= bound(rows, columns, components) for p in range(8))


# ---- our decoder and our encoder ----

FRAMES = st.builds(
    samples, st.integers(1, 40), st.one_of(st.integers(1, 70), st.just(257)), st.sampled_from([1, 3]), st.integers(2, 16),
    st.integers(0, 2**32), st.booleans())


@given(FRAMES, st.integers(0, 7))
def test_decoding_gives_back_what_was_encoded(frame: Frame, predictor: int) -> None:
    precision = max(int(frame.max()).bit_length(), 2 if frame.itemsize == 1 else 9)
    stream = encoded(frame, precision, predictor)
    assert decode(stream) == (frame.tobytes(), *frame.shape, precision)
    assert encoded(frame, precision, predictor, portable=True) == stream


@pytest.mark.parametrize(("shape", "precision"), [((401, 300, 1), 12), ((200, 301, 3), 8), ((1, 65535, 3), 16), ((65535, 1, 1), 10)])
def test_large_frames_come_back(shape: tuple[int, int, int], precision: int) -> None:
    for smooth, predictor in product((False, True), range(1, 8)):
        frame = samples(*shape, precision, 3, smooth)
        stream = encoded(frame, precision, predictor)
        assert decode(stream).samples == frame.tobytes()
        assert encoded(frame, precision, predictor, portable=True) == stream


def test_rare_differences_do_not_need_the_table_of_the_others() -> None:
    frame = samples(100, 300, 1, 16, smooth=True)
    frame[::17, ::61] = 40000
    for portable in (False, True):
        assert decode(encoded(frame, 16, portable=portable)).samples == frame.tobytes()


def test_the_predictor_that_is_chosen_is_nearly_the_best() -> None:
    y, x = np.mgrid[0:256, 0:256]
    noise = np.random.default_rng(1).integers(0, 8, (256, 256))
    for pattern in (10 * x + noise, 10 * y + noise, 7 * x + 9 * y + noise, 20 * ((x + y) // 2) + noise):
        frame = (pattern % 4096).astype(np.uint16)[..., None]
        sizes = [len(encoded(frame, 12, predictor)) for predictor in range(8)]
        assert sizes[0] <= 1.001 * min(sizes[1:])


def test_the_predictor_is_chosen_well_for_images_made_of_tiles() -> None:
    # the rows that are looked at must not be the same ones of every tile
    pydicom = pytest.importorskip("pydicom")
    tile = pydicom.dcmread(pydicom.data.get_testdata_file("MR_small.dcm", download=False)).pixel_array.astype(np.uint16)
    for period in (16, 32, 50, 60, 61, 64):
        frame = np.tile(tile[:period, :period], (512 // period, 512 // period))[:, :, None].copy()
        sizes = [len(encoded(frame, 16, predictor)) for predictor in range(1, 8)]
        # an estimate from one row in eight; at equal distances it was 0.7 % off
        assert len(encoded(frame, 16, 0)) <= 1.001 * min(sizes), period


def test_samples_at_odd_addresses_are_taken_and_given() -> None:
    frame = samples(9, 11, 1, 12)
    held, target = bytearray(b"x" + frame.tobytes()), bytearray(1 + frame.nbytes)
    stream = encode(memoryview(held)[1:], 9, 11, 1, 12, 5)
    assert stream == encoded(frame, 12, 5)
    assert decode(stream, memoryview(target)[1:]).rows == 9
    assert target[1:] == frame.tobytes()


def test_samples_go_where_the_caller_wants_them() -> None:
    frame, target = samples(8, 8, 3, 8), np.zeros((8, 8, 3), np.uint8)
    assert decode(encoded(frame, 8), target).samples is target
    assert np.array_equal(target, frame)
    with pytest.raises(CodecError, match="192 bytes, not 191"):
        decode(encoded(frame, 8), bytearray(191))
    with pytest.raises(BufferError):
        decode(encoded(frame, 8), bytes(192))


# ---- what process 14 allows beyond what our encoder writes ----

@pytest.mark.parametrize("predictor", range(1, 8))
@pytest.mark.parametrize("options", [
    {"restart": 1}, {"restart": 3}, {"shift": 2}, {"tables": (STEEP,)}, {"tables": (FLAT, STEEP)}, {"tables": (STEEP, FLAT, FLAT)},
    {"ids": b"RGB"}, {"ids": b"\0\1\2"}, {"dnl": True}, {"dnl": True, "restart": 2}, {"fill": b"\xFF\xFF"},
    {"extra": segment(0xE0, b"JFIF\0") + segment(0xFE, b"a comment") + segment(0xDB, bytes(65)) + segment(0xC4, bytes(17))},
    {"scans": ((0,), (1,), (2,))}, {"scans": ((2,), (0,), (1,)), "restart": 2, "shift": 1},
    {"scans": ((0, 2), (1,)), "tables": (FLAT, STEEP)},
], ids=str)
@pytest.mark.parametrize("precision", [8, 13])
def test_other_forms_of_a_stream_are_read(precision: int, options: dict[str, Any], predictor: int) -> None:
    components = 3 if {"scans", "ids"} & set(options) or len(options.get("tables", ())) > 1 else 1
    for smooth in (False, True):
        frame = samples(7, 23, components, precision, predictor, smooth)
        wanted = frame >> options.get("shift", 0) << options.get("shift", 0)
        assert decode(slow_encode(frame, precision, predictor, **options)) == (wanted.tobytes(), *frame.shape, precision)


def test_more_than_eight_restart_intervals_count_modulo_eight() -> None:
    frame = samples(21, 4, 1, 8)
    assert decode(slow_encode(frame, 8, 7, restart=1)).samples == frame.tobytes()


def test_a_missing_end_of_image_costs_no_samples() -> None:
    frame = samples(5, 5, 1, 8)
    assert decode(encoded(frame, 8)[:-2]).samples == frame.tobytes()


# ---- what is refused ----

@pytest.mark.parametrize(("arguments", "reason"), [
    ((bytes(4), 2, 2, 1, 1), "of 1 bits"), ((bytes(4), 2, 2, 1, 17), "of 17 bits"), ((bytes(4), 2, 2, 2, 8), "2 components"),
    ((bytes(4), 2, 2, 1, 8, 8), "predictor 8"), ((bytes(4), 2, 2, 1, 8, -1), "predictor -1"), ((bytes(4), 0, 2, 1, 8), "0 x 2"),
    ((bytes(4), 65536, 2, 1, 8), "65536 x 2"), ((bytes(5), 2, 2, 1, 8), "5 bytes"), ((bytes(4), 2, 2, 1, 9), "4 bytes"),
    ((bytes([0, 16, 0, 0]), 2, 2, 1, 4), "16 in row 0, column 1"), ((bytes([0] * 7 + [16]), 2, 2, 1, 12), "4096 in row 1, column 1"),
])
def test_what_cannot_be_encoded_is_refused(arguments: tuple[Any, ...], reason: str) -> None:
    with pytest.raises(CodecError, match=reason):
        encode(*arguments)


def changed(stream: bytes, place: bytes, by: bytes) -> bytes:
    assert place in stream
    return stream.replace(place, by, 1)


STREAM = slow_encode(samples(6, 6, 1, 8), 8, 1, restart=2)


@pytest.mark.parametrize(("stream", "reason", "offset"), [
    (b"", "SOI", 0), (b"\xFF\xD9", "SOI", 0), (b"\xFF\xD8", "ends where a marker", 2), (b"\xFF\xD8\xFF\xD9", "before all components", 2),
    (b"\xFF\xD8\xFF\xDA\0\2", "without a frame header", 4), (b"\xFF\xD8\0\0", "no marker", 2),
    (changed(STREAM, b"\xFF\xC3", b"\xFF\xC0"), "not sequential lossless", 4),
    (changed(STREAM, b"\xFF\xC3", b"\xFF\xCB"), "not sequential", 4),
    (changed(STREAM, b"\0\x0B\x08", b"\0\x0B\x01"), "precision", 4), (changed(STREAM, b"\0\x0B\x08", b"\0\x0C\x08"), "wrong length", 4),
    (changed(STREAM, b"\x08\0\6\0\6", b"\x08\0\6\0\0"), "no columns", 4),
    (changed(STREAM, b"\x08\0\6\0\6", b"\x08\0\0\0\6"), "nowhere", None),
    (changed(STREAM, b"\xFF\xDD\0\4\0\x0C", b"\xFF\xDD\0\4\0\x0D"), "whole rows", None),
    (changed(STREAM, b"\xFF\xD1", b"\xFF\xD2"), "restart marker", STREAM.index(b"\xFF\xD1")),
    (changed(STREAM, b"\1\0\1\0\0", b"\1\0\0\0\0"), "predictor", None), (changed(STREAM, b"\1\0\1\0\0", b"\1\0\1\0\x08"), "no bits", None),
    (changed(STREAM, b"\1\1\0\1\0\0", b"\1\2\0\1\0\0"), "the frame has not", None),
    (changed(STREAM, b"\1\1\0\1\0\0", b"\1\1\x10\1\0\0"), "not defined", None),
    (changed(STREAM, b"\xFF\xC4\0\x24\0\0", b"\xFF\xC4\0\x24\0\3"), "Huffman table", None),
    (changed(STREAM, b"\x0E\x0F\x10", b"\x0E\x0F\x11"), "category above 16", None),
    (STREAM[:-8], "end early|restart marker|where a marker", None),
], ids=range(21))
def test_what_is_not_a_stream_is_refused_with_its_place(stream: bytes, reason: str, offset: int | None) -> None:
    with pytest.raises(CodecError, match=reason) as caught:
        decode(stream)
    assert caught.value.offset is not None and 0 <= caught.value.offset <= len(stream)
    assert offset is None or caught.value.offset == offset


def test_bits_that_are_no_code_are_refused_with_their_place() -> None:
    stream = slow_encode(samples(2, 40, 1, 8), 8, 1)
    start = stream.index(b"\xFF\xDA") + 10
    with pytest.raises(CodecError, match="no code") as caught:
        decode(stream[:start + 8] + b"\xFF\0" * 20 + stream[start + 8:])
    assert caught.value.offset is not None and start + 6 <= caught.value.offset <= start + 14


def test_sizes_are_held_against_the_limit_and_the_stream_before_memory_is_taken() -> None:
    stream = encoded(samples(10, 10, 1, 8), 8)
    assert isinstance(decode(stream, limit=100), Decoded)
    with pytest.raises(CodecError, match="more than the 99"):
        decode(stream, limit=99)
    with pytest.raises(CodecError, match="cannot hold 65535 x 65535"):
        decode(changed(stream, b"\x08\0\x0A\0\x0A", b"\x08\xFF\xFF\xFF\xFF"))


@pytest.mark.parametrize("source", range(4))
def test_damaged_streams_are_an_error_or_an_image(source: int) -> None:
    frame = samples(24, 31, 3 if source % 2 else 1, 12 if source > 1 else 8, source, True)
    whole = encoded(frame, 12 if source > 1 else 8, 1 + source)
    if source == 1:
        whole = slow_encode(frame, 8, 6, scans=((0,), (1, 2)), restart=5)
    chance = random.Random(source)
    for _ in range(1500):
        stream = bytearray(whole[:chance.randrange(len(whole))] if chance.random() < 0.3 else whole)
        for _ in range(chance.randrange(4)):
            if stream:
                stream[chance.randrange(min(len(stream), chance.choice([100, 10**6])))] = chance.choice([0, 255, chance.randrange(256)])
        try:
            got = decode(bytes(stream), limit=100_000)
        except CodecError as error:
            assert error.offset is None or 0 <= error.offset <= len(stream)
        else:
            assert len(got.samples) == got.rows * got.columns * got.components * (1 if got.precision <= 8 else 2)


def test_a_prefix_is_never_taken_for_the_whole() -> None:
    stream = encoded(samples(6, 7, 1, 12), 12)
    for length in range(len(stream) - 2):
        with pytest.raises(CodecError):
            decode(stream[:length])


# ---- other decoders and encoders ----

SHAPES = [(1, 1), (1, 9), (9, 1), (33, 47)]


@pytest.mark.peer
@pytest.mark.parametrize("precision", range(2, 17))
def test_libjpeg_turbo_reads_ours_and_we_read_its(precision: int) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    for (rows, columns), components, predictor, smooth in product(SHAPES, (1, 3), range(1, 8), (False, True)):
        frame = samples(rows, columns, components, precision, predictor, smooth)
        stream = encoded(frame, precision, predictor)
        assert imagecodecs.jpeg8_decode(stream).tobytes() == frame.tobytes()
        image = frame.squeeze(2) if components == 1 else frame
        theirs = imagecodecs.jpeg8_encode(image, lossless=True, predictor=predictor, bitspersample=precision)
        assert decode(theirs).samples == frame.tobytes()
        assert len(stream) <= len(theirs)


@pytest.mark.peer
@pytest.mark.parametrize("precision", [8, 12, 16])
def test_liblj92_is_read(precision: int) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    frame = samples(30, 40, 1, precision, 1, True).astype(np.uint16 if precision > 8 else np.uint8)
    assert decode(imagecodecs.ljpeg_encode(frame.squeeze(2), bitspersample=precision)).samples == frame.tobytes()


@pytest.mark.peer
@pytest.mark.parametrize("precision", [8, 9, 12, 16])
def test_libjpeg_of_thor_reads_ours(precision: int) -> None:
    libjpeg = pytest.importorskip("libjpeg")
    for components, predictor, smooth in product((1, 3), range(1, 8), (False, True)):
        frame = samples(17, 21, components, precision, predictor, smooth)
        assert libjpeg.decode(encoded(frame, precision, predictor), 0).astype(frame.dtype).tobytes() == frame.tobytes()


@pytest.mark.peer
@pytest.mark.parametrize("options", [
    {"restart": 2}, {"shift": 1}, {"tables": (STEEP,)}, {"tables": (FLAT, STEEP)}, {"scans": ((0,), (1,), (2,))}], ids=str)
def test_libjpeg_turbo_reads_the_slow_encoder_as_we_do(options: dict[str, Any]) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    for predictor in range(1, 8):
        stream = slow_encode(samples(9, 12, 3, 8, predictor), 8, predictor, **options)
        assert imagecodecs.jpeg8_decode(stream).tobytes() == decode(stream).samples


def dicom_file(path: Path, stream: bytes, frame: Frame, precision: int) -> None:
    import pydicom
    from pydicom.encaps import encapsulate
    from pydicom.uid import JPEGLossless, SecondaryCaptureImageStorage, generate_uid

    ds = pydicom.Dataset()
    ds.file_meta = pydicom.dataset.FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = JPEGLossless
    ds.SOPClassUID, ds.SOPInstanceUID = SecondaryCaptureImageStorage, generate_uid()
    ds.StudyInstanceUID = ds.SeriesInstanceUID = generate_uid()
    ds.Rows, ds.Columns, ds.SamplesPerPixel = frame.shape
    ds.PhotometricInterpretation = "RGB" if frame.shape[2] == 3 else "MONOCHROME2"
    if frame.shape[2] == 3:
        ds.PlanarConfiguration = 0
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 8 * frame.itemsize, precision, precision - 1, 0
    ds.PixelData = encapsulate([stream])
    ds["PixelData"].is_undefined_length = True
    ds.save_as(path, enforce_file_format=True)


@pytest.mark.peer
@pytest.mark.parametrize("command", [("dcmdjpeg", "+cn"), ("gdcmconv", "--raw")], ids=lambda command: command[0])
def test_dicom_toolkits_read_ours(command: tuple[str, ...], tmp_path: Path) -> None:
    pydicom = pytest.importorskip("pydicom")
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is not installed")
    for precision, components, predictor in [(8, 1, 1), (8, 3, 1), (12, 1, 4), (12, 1, 6), (16, 1, 1), (16, 1, 7), (8, 3, 5)]:
        frame = samples(34, 28, components, precision, predictor, predictor > 1)
        dicom_file(tmp_path / "in.dcm", encoded(frame, precision, predictor), frame, precision)
        subprocess.run([*command, tmp_path / "in.dcm", tmp_path / "out.dcm"], check=True, capture_output=True, timeout=60)
        assert pydicom.dcmread(tmp_path / "out.dcm").PixelData == frame.tobytes()


def real_files() -> list[Path]:
    pydicom = pytest.importorskip("pydicom")
    found = []
    for path in sorted((Path(pydicom.__file__).parent / "data" / "test_files").rglob("*.dcm")):
        try:
            ds = pydicom.dcmread(path)
            if ds.file_meta.TransferSyntaxUID in ("1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70") and "PixelData" in ds:
                found.append(path)
        except Exception:  # the folder has broken files on purpose
            continue
    return found


@pytest.mark.peer
@pytest.mark.filterwarnings("ignore")
def test_real_files_have_the_pixels_that_libjpeg_of_thor_finds() -> None:
    pydicom = pytest.importorskip("pydicom")
    libjpeg = pytest.importorskip("libjpeg")
    from pydicom.encaps import generate_frames
    for path in real_files():
        ds = pydicom.dcmread(path)
        for stream in generate_frames(ds.PixelData, number_of_frames=int(ds.get("NumberOfFrames", 1))):
            got = decode(stream)
            wanted = libjpeg.decode(stream, 0).astype(np.uint8 if got.precision <= 8 else np.uint16)
            assert got.samples == wanted.tobytes(), path
