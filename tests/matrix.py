"""The bit-exact matrix: every way of compression by every kind of pixels, and what independent decoders make of the files.

``python tests/matrix.py --help`` runs it; ``test_pixel_matrix.py`` runs a seeded part. A cell (``matrix_cells.py``) is native pixels that
are transcoded; the file's structure is walked (``structure.py``), its values are read back by dcmenc and by every peer
(``matrix_peers.py``), and it is decompressed again. All must give the pixels that went in, compared in the stored bits (PS3.5 8.1.1).
"""

from __future__ import annotations

import argparse
import io
import os
import random
import struct
import sys
import time
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pydicom
import streams
import structure
from matrix_cells import (
    CODINGS,
    EXPLICIT,
    FAMILIES,
    FORMATS,
    KEEPING,
    Array,
    Cell,
    Coding,
    cells,
    described,
    laid_out,
    large_cells,
    legal,
    native,
    native_of,
    pairwise,
    palette,
    palette_attributes,
    transcoded,
    values_of,
    with_junk,
)
from matrix_peers import EXCLUSIONS, PEERS, TOOLS, Exclusion, Peer, Work, available, difference, is_here, scratch, vote

import dcmenc


class Tally:
    """What came of some cells."""

    def __init__(self) -> None:
        self.cells: Counter[str] = Counter()
        self.votes: Counter[str] = Counter()
        self.faults: list[str] = []

    def add(self, other: Tally) -> None:
        self.cells.update(other.cells)
        self.votes.update(other.votes)
        self.faults += other.faults


def check(cell: Cell, peers: Iterable[Peer], tally: Tally) -> None:
    """One cell: the file's structure, its values, its metadata, and the way back."""
    values = values_of(cell)
    source = native_of(cell, values)
    try:
        data, report = transcoded(source, cell.coding)
        wrong = [*_check_file(cell, data, values), *_check_streams(cell, structure.fragments(data)),
                 *_check_report(cell, source, values, report), *_check_back(cell, data, source, values)]
        if has_class(cell) and cell.lot % 3 == 0:
            wrong += _check_doors(cell, data, values)
            tally.cells["by imwrite and Writer"] += 1
        if cell.lot % 5 == 0:
            wrong += _check_chain(cell, data, source, values)
            tally.cells["to another compression"] += 1
    except Exception as error:  # the other cells have to be seen, too
        wrong, data = [f"{type(error).__name__}: {error}"], b""
    tally.cells[cell.coding.name] += 1
    tally.faults += [f"{cell}: {what}" for what in wrong]
    if data:
        ask(cell, data, values, peers, tally)


def ask(cell: Cell, data: bytes, values: Array, peers: Iterable[Peer], tally: Tally) -> None:
    """Every peer that has a say on the cell."""
    work = Work(cell, data)
    for peer in peers:
        if not peer.asked(cell):
            continue
        tally.votes[peer.name] += 1
        if wrong := vote(peer, work, values):
            tally.faults.append(f"{cell}: {peer.name}: {wrong}")


def _squeezed(values: Array) -> Array:
    """Without the axes of a single frame or sample."""
    values = values[..., 0] if values.shape[-1] == 1 else values
    return values[0] if len(values) == 1 else values


def _check_file(cell: Cell, data: bytes, values: Array) -> Iterator[str]:
    yield from structure.faults(data, one_each=True)
    ds = dcmenc.dcmread(data)
    if ds.file_meta.TransferSyntaxUID != cell.coding.uid:
        yield f"the transfer syntax is {ds.file_meta.TransferSyntaxUID}"
    if cell.format.samples > 1 and ds.PlanarConfiguration != cell.planar:
        yield f"PlanarConfiguration is {ds.PlanarConfiguration} (PS3.5 8.2)"
    # of a syntax that may lose something imread would make YBR_FULL red, green and blue
    found, wanted = dcmenc.imread(data), _squeezed(values)
    if found.dtype != wanted.dtype or found.shape != wanted.shape or not np.array_equal(found, wanted):
        yield f"imread gives {found.dtype} {found.shape}, {difference(found, wanted, 16) or 'the right values'}"


def _check_streams(cell: Cell, streams: list[bytes]) -> Iterator[str]:
    """The headers of every frame are those that the pixels and the options ask for."""
    for at, stream in enumerate(streams):
        for what, found, wanted in _HEADERS[cell.family](cell, stream):
            if found != wanted:
                yield f"{what} of frame {at} is {found!r}, and not {wanted!r}"


def _segments(stream: bytes, last: int) -> dict[int, bytes]:
    """The marker segments behind the first marker, up to the one with this code (T.81 B.1.1.4, T.800 A.1.2)."""
    found, at = {}, 2
    while at < len(stream) and last not in found:
        length = int.from_bytes(stream[at + 2:at + 4])
        found[stream[at + 1]] = stream[at + 4:at + 2 + length]
        at += 2 + length
    return found


def _jpeg_headers(cell: Cell, stream: bytes) -> Iterator[tuple[str, Any, Any]]:
    """Frame and scan header (T.81 B.2.2, B.2.3); the precision as DCMTK and GDCM have it."""
    found = _segments(stream, 0xDA)
    pixels, ids = cell.format, range(1, cell.format.samples + 1)
    precision = pixels.allocated if pixels.signed or pixels.allocated == 8 else max(pixels.stored, 9)
    predictor = (cell.coding.options or {"predictor": 1})["predictor"]
    yield "the set of segments", sorted(found), [0xC3, 0xC4, 0xDA]
    yield "the frame header", found.get(0xC3), struct.pack(">BHHB", precision, *cell.shape, len(ids)) + b"".join(
        bytes([one, 0x11, 0]) for one in ids)
    yield "the scan header", found.get(0xDA), bytes([len(ids), *(number for one in ids for number in (one, 0)), predictor, 0, 0])


def _rle_header(cell: Cell, stream: bytes) -> Iterator[tuple[str, Any, Any]]:
    """A segment for each byte of a pixel, at even places from 64 on (PS3.5 G.3.1, G.5)."""
    number, *offsets = struct.unpack("<16I", stream[:64])
    segments = cell.format.samples * cell.format.unit
    yield "the number of segments", number, segments
    yield "the first offset", offsets[0], 64
    yield "the order of the offsets", offsets[:segments], sorted({offset for offset in offsets[:segments] if offset % 2 == 0})
    yield "the rest of the header", offsets[segments:], [0] * (15 - segments)


def _jpeg_ls_headers(cell: Cell, stream: bytes) -> Iterator[tuple[str, Any, Any]]:
    """Frame and scan header (T.87 C.2.2, C.2.3): nothing lost, the samples of a pixel together; P as DCMTK and GDCM take it."""
    found, pixels, ids = _segments(stream, 0xDA), cell.format, range(1, cell.format.samples + 1)
    # pyjpegls, which makes the precisions in between, has no room for the smallest images
    whole = pixels.signed or pixels.allocated == 8 or cell.shape[0] * cell.shape[1] * pixels.samples * pixels.unit < 128
    precision = pixels.allocated if whole else max(pixels.stored, 9)
    yield "the set of segments", set(found) - {0xF8}, {0xF7, 0xDA}
    yield "the frame header", found.get(0xF7), struct.pack(">BHHB", precision, *cell.shape, len(ids)) + b"".join(
        bytes([one, 0x11, 0]) for one in ids)
    interleaved = 2 if pixels.samples > 1 else 0
    yield "the scan header", found.get(0xDA), bytes([len(ids), *(number for one in ids for number in (one, 0)), 0, interleaved, 0])


def _jpeg2000_headers(cell: Cell, stream: bytes) -> Iterator[tuple[str, Any, Any]]:
    """Size, precision and sign (T.800 A.5.1), transforms of components and samples (A.6.1); block coder and order (T.814 A.2 to A.4)."""
    found, pixels = _segments(stream, 0x90), cell.format
    high = cell.family == "htj2k"
    # OpenJPEG and OpenJPH get one tile; of 16 allocated HTJ2K has more than 8 bits
    precision = max(pixels.stored, 9) if high and pixels.allocated == 16 else pixels.stored
    width_height = cell.shape[::-1]
    yield "SIZ", found.get(0x51), struct.pack(">H8IH", 0x4000 if high else 0, *width_height, 0, 0, *width_height, 0, 0, pixels.samples) + (
        bytes([precision - 1 | pixels.signed << 7, 1, 1]) * pixels.samples)
    style = found.get(0x52, bytes(10))
    order, layers, levels = style[1], int.from_bytes(style[2:4]), style[5]
    yield "the transform of components", style[4], int(cell.transformed)
    yield "the wavelet", style[9], 1
    yield "the number of layers", layers, 1
    yield "the block coder", style[8], 0x40 if high else 0
    yield "whether there is CAP", 0x50 in found, high
    if cell.coding.uid == "1.2.840.10008.1.2.4.202":  # PS3.5 8.2.14
        yield "the order", order, 2
        yield "whether there is TLM", 0x55 in found, True
        yield "whether the lowest resolution is small", -(-max(cell.shape) >> levels) <= 64, True


def _jpeg_xl_header(cell: Cell, stream: bytes) -> Iterator[tuple[str, Any, Any]]:
    """Size, samples and transform, of a code stream or of boxes, which more than 12 bits need (ISO/IEC 18181-1 D.2, D.3, 18181-2)."""
    said, pixels = streams.said(stream), cell.format
    yield "the size", (said.rows, said.columns), cell.shape
    yield "the number of components", said.components, pixels.samples
    yield "the precision", said.precision, max(pixels.stored, 9 if pixels.allocated == 16 else 1)
    yield "the transform of components", said.colour, "none"
    yield "whether it is modular", said.more["modular"], True
    yield "the set of boxes", set(said.more["boxes"]) <= {b"JXL ", b"ftyp", b"jxll", b"jxlc", b"jxlp"}, True


def _deflated_frame(cell: Cell, stream: bytes) -> Iterator[tuple[str, Any, Any]]:
    """As many bytes as a frame has, and one zero at most behind them (PS3.5 8.2.16)."""
    work = zlib.decompressobj(-15)
    yield "the length", len(work.decompress(stream)), _frame_size(cell)
    yield "the end", (work.eof, work.unused_data in (b"", b"\0")), (True, True)


def _native_frame(cell: Cell, stream: bytes) -> Iterator[tuple[str, Any, Any]]:
    """The bytes of a frame, made even (PS3.5 A.4.11)."""
    size = _frame_size(cell)
    yield "the length", len(stream), size + size % 2
    yield "the padding", stream[size:], bytes(size % 2)


def _frame_size(cell: Cell) -> int:
    return cell.shape[0] * cell.shape[1] * cell.format.samples * cell.format.unit


_HEADERS: dict[str, Callable[[Cell, bytes], Iterator[tuple[str, Any, Any]]]] = {
    "jpeg": _jpeg_headers, "rle": _rle_header, "jpeg2000": _jpeg2000_headers, "htj2k": _jpeg2000_headers, "jpeg-ls": _jpeg_ls_headers,
    "jpeg-xl": _jpeg_xl_header, "deflated": _deflated_frame, "uncompressed": _native_frame}


def _check_report(cell: Cell, source: dcmenc.Dataset, values: Array, report: dcmenc.Report) -> Iterator[str]:
    """Bits above those stored that are no sign are reported, and counted right."""
    unsigned = f"<u{cell.format.unit}"
    above = with_junk(values, cell).view(unsigned) & ~np.array((1 << cell.format.stored) - 1, unsigned)
    sign = values.view(unsigned) & ~np.array((1 << cell.format.stored) - 1, unsigned)
    count = int(np.count_nonzero((above != 0) & (above != sign)))
    found = [finding.message for finding in report.findings if finding.code == "unused-bits"]
    if bool(count) != bool(found) or (found and f" in {count} samples" not in found[0]):
        yield f"{count} samples have bits that were left out, and the report says {found}"
    if report.dropped or not report.ok:
        yield f"the report is {report}"


# What decompressing leaves as the compressed file has it (PS3.5 8.2); a transform of colour it takes back.
_CHANGED = ("PixelData", "PlanarConfiguration")


def _check_back(cell: Cell, data: bytes, source: dcmenc.Dataset, values: Array) -> Iterator[str]:
    """The way back to native pixels: their bytes, and every other attribute."""
    file, _ = transcoded(data, EXPLICIT)
    yield from (f"decompressed: {fault}" for fault in structure.faults(file))
    back = dcmenc.dcmread(file)
    if back.PixelData != laid_out(values, getattr(back, "PlanarConfiguration", 0)):
        yield "decompressed: the bytes of the pixels are not the original ones"
    for packed, name in ((dcmenc.dcmread(data), "compressed"), (back, "decompressed")):
        one, other = source.copy(), packed.copy()
        for keyword in _CHANGED:
            one.pop(keyword, None)
            other.pop(keyword, None)
        if name == "compressed" and cell.transformed:
            one.PhotometricInterpretation = "YBR_RCT"
        if one != other:
            yield f"{name}: other attributes have changed"


def has_class(cell: Cell) -> bool:
    """Whether a Secondary Capture class holds the pixels (PS3.3 A.8), so that ``imwrite`` takes them."""
    kind = cell.format
    if kind.planar and cell.family in KEEPING:  # whose arrangement imwrite does not keep
        return False
    if kind.junk or cell.frames == 1:
        return not kind.junk
    gray = kind.photometric == "MONOCHROME2" and not kind.signed and (kind.stored == 8 if kind.allocated == 8 else kind.stored > 8)
    return gray or (kind.photometric == "RGB" and kind.allocated == 8)


def _check_chain(cell: Cell, data: bytes, source: dcmenc.Dataset, values: Array) -> Iterator[str]:
    """From one compression into another, to a path and by two threads: the streams are those of the native pixels."""
    other = CODINGS[cell.lot // 5 % len(CODINGS)]
    if not legal(other, cell.format):
        return
    path = os.path.join(scratch(), f"{os.getpid()}.chain.dcm")
    dcmenc.transcode(data, path, other.compression, options=other.options, workers=2)
    file = Path(path).read_bytes()
    yield from (f"{other.name}: {fault}" for fault in structure.faults(file, one_each=True))
    if other.family in KEEPING:  # the arrangement of the stream between
        source = native_of(cell._replace(format=cell.format._replace(planar=cell.planar)), values)
    if structure.fragments(file) != structure.fragments(transcoded(source, other)[0]):
        yield f"{other.name} has other streams than from native pixels"


class OneWay:
    """A pipe: it can only be written to."""

    def __init__(self) -> None:
        self.file = io.BytesIO()

    def write(self, data: Any) -> int:
        return self.file.write(data)


def _check_doors(cell: Cell, data: bytes, values: Array) -> Iterator[str]:
    """``imwrite`` and ``Writer`` make the same streams as ``transcode``, and the same file as each other, but for a pipe's offset table."""
    pixels = _squeezed(values)
    options: dict[str, Any] = {
        "compression": cell.coding.compression, "options": cell.coding.options, "bits_stored": cell.format.stored,
        "photometric": cell.format.photometric, "colormap": palette(cell.format) if cell.format.photometric == "PALETTE COLOR" else None,
        "uid_source": lambda: "1.2.3", "clock": lambda: datetime(2026, 1, 2, 3, 4, 5)}
    path = os.path.join(scratch(), f"{os.getpid()}.imwrite.dcm")
    dcmenc.imwrite(path, pixels, **options)
    promised = cell.frames if cell.frames == 1 or cell.lot % 2 else None
    in_memory, pipe = io.BytesIO(), OneWay()
    for target, frames in ((in_memory, promised), (pipe, cell.frames)):
        with dcmenc.Writer(target, frames=frames, workers=1 + cell.lot // 2 % 2, **options) as writer:
            writer.extend(pixels if cell.frames > 1 else [pixels])
    files = {"imwrite": Path(path).read_bytes(), "Writer": in_memory.getvalue(), "a pipe": pipe.file.getvalue()}
    for name, file in files.items():
        yield from (f"{name}: {fault}" for fault in structure.faults(file, one_each=True))
        if structure.fragments(file) != structure.fragments(data):
            yield f"{name} makes other streams than transcode"
    if files["imwrite"] != files["Writer"]:
        yield "Writer makes another file than imwrite"


# ---- overlays in the unused bits

OVERLAYS = {0x6000: 12, 0x6002: 15}


def overlay_cells() -> list[Cell]:
    """12 bits stored, in every compression; the overlays lie in bits 12 and 15."""
    return [Cell(coding, FORMATS[name], (13, 11), frames, "noise") for coding, name, frames in product(CODINGS, ("u12", "s12"), (1, 3))
            if legal(coding, FORMATS[name])]


def check_overlays(cell: Cell) -> list[str]:
    """Embedded overlays get elements of their own, with the bits that were planted, and keep them on the way back (PS3.5 8.1.2)."""
    values = values_of(cell)
    planted = {group: np.random.default_rng(group + cell.seed).integers(0, 2, values.shape[:3], "u1") for group in OVERLAYS}
    cells = values.view("<u2") & 0x0FFF
    for group, bit in OVERLAYS.items():
        cells |= planted[group][..., None].astype("<u2") << bit
    source = native(cell.format, cell.shape, cell.frames, laid_out(cells, 0))
    for group, bit in OVERLAYS.items():
        for element, vr, value in ((0x10, "US", cell.shape[0]), (0x11, "US", cell.shape[1]), (0x40, "CS", "G"), (0x50, "SS", [1, 1]),
                                   (0x100, "US", 16), (0x102, "US", bit)):
            source.add(group << 16 | element, vr, value)
    packed, report = transcoded(source, cell.coding)
    back, _ = transcoded(packed, EXPLICIT)
    wrong = [f"the report has {finding}" for finding in report.warnings]
    if sum(finding.code == "overlay-extracted" for finding in report.findings) != len(OVERLAYS):
        wrong.append("the report does not name the overlays")
    for data in (packed, back):
        wrong += structure.faults(data)
        wrong += [] if np.array_equal(dcmenc.imread(data), _squeezed(values)) else ["the values have changed"]
        wrong += [what for group in OVERLAYS for what in _check_overlay(data, group, planted[group])]
    return [f"{cell}: {what}" for what in wrong]


def _check_overlay(data: bytes, group: int, planted: Array) -> Iterator[str]:
    """The element of an overlay, as it stands and as pydicom shows it."""
    bits = np.packbits(planted.reshape(-1), bitorder="little").tobytes()
    ds = pydicom.dcmread(io.BytesIO(data))
    if ds[group, 0x3000].value != bits + bytes(len(bits) % 2) or (ds[group, 0x0100].value, ds[group, 0x0102].value) != (1, 0):
        yield f"the overlay of {group:04X} is not what was planted"
    if not np.array_equal(ds.overlay_array(group).reshape(planted.shape), planted):
        yield f"pydicom shows another overlay in {group:04X}"


# ---- what no compressed file holds


# Those that hold 8 and 16 bits allocated only; the others go further.
NARROW = ("jpeg-lossless", "p14.4", "rle", "jpeg-ls", "jpeg-xl-lossless")
EVERY = (*NARROW, *(coding.name for coding in CODINGS if coding.family in ("jpeg2000", "htj2k", "deflated", "uncompressed")))


class Illegal(NamedTuple):
    """Pixels that a syntax must refuse, as changes to the attributes of a good image of 2 by 2 pixels."""

    name: str
    changes: dict[str, Any]
    size: int
    codings: tuple[str, ...] = NARROW


_COLOUR = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}


def _bits(allocated: int, stored: int | None = None, signed: bool = False) -> dict[str, int]:
    stored = stored or allocated
    return {"BitsAllocated": allocated, "BitsStored": stored, "HighBit": stored - 1, "PixelRepresentation": int(signed)}


ILLEGAL = (
    *(Illegal(format.name, described(format, (2, 2), 1), 4 * format.samples * format.unit,
              tuple(coding.name for coding in CODINGS if not legal(coding, format))) for format in FORMATS.values()),
    *(Illegal(f"signed {name} of {bits} bits", _COLOUR | _bits(bits, signed=True) | {"PhotometricInterpretation": name}, 12 * bits // 8,
              EVERY) for name, bits in product(("RGB", "YBR_FULL"), (8, 16))),
    *(Illegal(f"signed palette of {bits} bits", _bits(bits, signed=True) | palette_attributes(FORMATS["palette8"])
              | {"PhotometricInterpretation": "PALETTE COLOR"}, 4 * bits // 8, EVERY) for bits in (8, 16)),
    *(Illegal(f"{'signed' if signed else 'unsigned'} integers of {bits} bits", _bits(bits, signed=signed), 4 * bits // 8)
      for bits, signed in product((32, 64), (False, True))),
    Illegal("17 bits of 32", _bits(32, 17), 16), Illegal("12 bits of 32", _bits(32, 12), 16),
    Illegal("RGB of 32 bits", _COLOUR | _bits(32), 48),
    Illegal("single bits", _bits(1), 2), Illegal("12 bits allocated", _bits(12), 6), Illegal("24 bits allocated", _bits(24), 12),
    Illegal("more bits stored than allocated", _bits(8, 9), 4, EVERY), Illegal("no bits stored", _bits(8) | {"BitsStored": 0}, 4, EVERY),
    Illegal("floats", {"FloatPixelData": bytes(16), "BitsAllocated": 32}, 0, EVERY),
    Illegal("doubles", {"DoubleFloatPixelData": bytes(32), "BitsAllocated": 64}, 0, EVERY),
    Illegal("YBR_PARTIAL_420", _COLOUR | {"PhotometricInterpretation": "YBR_PARTIAL_420"}, 6, EVERY),
    Illegal("YBR_RCT", _COLOUR | {"PhotometricInterpretation": "YBR_RCT"}, 12),
    Illegal("ARGB", {"PhotometricInterpretation": "ARGB"}, 4, EVERY), Illegal("two samples", {"SamplesPerPixel": 2}, 8, EVERY),
    Illegal("four samples", _COLOUR | {"SamplesPerPixel": 4}, 16, EVERY), Illegal("no rows", {"Rows": 0}, 0, EVERY),
    Illegal("too few bytes", {}, 2, EVERY), Illegal("no pixels", {}, 0, EVERY),
)


def illegal_cells() -> list[tuple[Illegal, Coding]]:
    """Every illegal kind in every compression that refuses it."""
    return [(row, coding) for row in ILLEGAL for coding in CODINGS if coding.name in row.codings]


def illegal_source(row: Illegal) -> dcmenc.Dataset:
    """A data set that describes such pixels."""
    ds = native(FORMATS["u8"], (2, 2), 1, bytes(row.size))
    ds.update(row.changes)
    if not row.size:
        del ds.PixelData
    if "BitsStored" not in row.changes and "BitsAllocated" in row.changes:
        for keyword in ("BitsStored", "HighBit", "PixelRepresentation"):
            del ds[keyword]  # floats have none
    return ds


def check_illegal(row: Illegal, coding: Coding) -> str | None:
    """What happened, if it was anything but a PixelError and no byte."""
    file = io.BytesIO()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dcmenc.DcmencWarning)
            dcmenc.transcode(illegal_source(row), file, coding.compression, options=coding.options)
    except dcmenc.PixelError:
        return f"{len(file.getvalue())} bytes were written" if file.getvalue() else None
    except Exception as error:  # everything else is a fault
        return f"{type(error).__name__}: {error}"
    return "it was taken"


# ---- the runner


def run(cells: Iterable[Cell], peers: Iterable[Peer]) -> Tally:
    """Some cells, one after the other."""
    tally, here = Tally(), available(peers)
    for cell in cells:
        check(cell, here, tally)
    return tally


def run_tools(cells: Iterable[Cell]) -> Tally:
    """Some cells with the command line tools alone."""
    tally, tools = Tally(), available(TOOLS)
    for cell in cells:
        values = values_of(cell)
        tally.cells["with tools"] += 1
        ask(cell, transcoded(native_of(cell, values), cell.coding)[0], values, tools, tally)
    return tally


def _run_part(part: tuple[list[Cell], bool, bool]) -> Tally:
    cells, with_peers, with_tools = part
    return run_tools(cells) if with_tools else run(cells, PEERS if with_peers else ())


def _parts(share: float, seed: int, with_peers: bool, families: Collection[str]) -> Iterator[tuple[list[Cell], bool, bool]]:
    chance = random.Random(seed)
    for chosen, tools in ((large_cells(), False), (pairwise(seed), True), (cells(), False)):
        if tools and not with_peers:
            continue
        chosen = [cell for cell in chosen if cell.family in families]
        chosen = chance.sample(chosen, max(1, round(share * len(chosen))))
        for at in range(0, len(chosen), 50):
            yield chosen[at:at + 50], with_peers, tools


def lapsed(peers: Iterable[Peer], rows: Iterable[Exclusion] = EXCLUSIONS) -> list[str]:
    """Exclusions whose proof the peer passes."""
    return [f"{row.proof}: {row.peer} is right now, so the exclusion has to go: {row.reason}"
            for row, peer in product(rows, peers) if peer.name == row.peer and _passes(peer, row.proof)]


def _passes(peer: Peer, cell: Cell) -> bool:
    values = values_of(cell)
    return vote(peer, Work(cell, transcoded(native_of(cell, values), cell.coding)[0]), values) is None


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", type=float, default=1.0, help="the part of the cells that is run (default: all)")
    parser.add_argument("--seed", type=int, default=0, help="chooses that part")
    parser.add_argument("--families", nargs="+", choices=sorted(FAMILIES), default=sorted(FAMILIES), help="of compressions (default: all)")
    parser.add_argument("--peers", action=argparse.BooleanOptionalAction, default=True, help="ask other decoders")
    parser.add_argument("--processes", type=int, default=2)
    return parser.parse_args()


def _run_all(options: argparse.Namespace) -> Tally:
    """The cells in several processes, which end by themselves and take their files with them."""
    tally = Tally()
    with get_context("spawn").Pool(options.processes) as pool:
        for part in pool.imap_unordered(_run_part, _parts(options.share, options.seed, options.peers, options.families)):
            tally.add(part)
        pool.close()
        pool.join()
    return tally


def main() -> int:
    """Run the matrix; 1 if anything differs."""
    began, options = time.monotonic(), _arguments()
    tally = _run_all(options)
    for cell in overlay_cells():
        if cell.family not in options.families:
            continue
        tally.cells["with overlays"] += 1
        tally.faults += check_overlays(cell)
    refused = [(row, coding, check_illegal(row, coding)) for row, coding in illegal_cells()]
    tally.faults += [f"{row.name} in {coding.name}: {wrong}" for row, coding, wrong in refused if wrong]
    tally.faults += lapsed(available([*PEERS, *TOOLS])) if options.peers else []
    print(table(tally, len(refused), time.monotonic() - began))
    return int(bool(tally.faults))


def table(tally: Tally, refused: int, seconds: float) -> str:
    """The outcome, for a terminal."""
    rows = [("cells", tally.cells), ("votes", tally.votes), ("not there", Counter(dict.fromkeys(
        (peer.name for peer in (*PEERS, *TOOLS) if not is_here(peer.name)), 0)))]
    lines = [f"{title:10} {name:24} {count:8}" for title, counts in rows for name, count in sorted(counts.items())]
    total = sum(tally.cells[coding.name] for coding in CODINGS)
    lines += [f"{total} cells, {sum(tally.votes.values())} votes, {refused} illegal cells, {len(EXCLUSIONS)} exclusions, {seconds:.0f} s",
              f"{len(tally.faults)} differences", *tally.faults[:200]]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
