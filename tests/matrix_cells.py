"""The bit-exact matrix as data: ways of compression, kinds of pixels, sizes, contents, and the native data set of each cell.

The data sets are built by hand: what dcmenc says of pixels plays no part. What is done with them is in ``matrix.py``.
"""

from __future__ import annotations

import io
import random
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from itertools import combinations, product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pydicom
from numpy.typing import NDArray

import dcmenc

Array = NDArray[Any]


class Coding(NamedTuple):
    """One way of compression, the UID that the file has to carry, and whose kind its streams are."""

    name: str
    compression: str
    uid: str
    options: dict[str, int] | None = None
    family: str = "jpeg"


class Format(NamedTuple):
    """One kind of pixels; ``junk`` fills the bits above the stored ones, ``planar`` is the native arrangement."""

    name: str
    photometric: str = "MONOCHROME2"
    allocated: int = 8
    stored: int = 8
    signed: bool = False
    junk: bool = False
    planar: int = 0

    @property
    def samples(self) -> int:
        return 3 if self.photometric in ("RGB", "YBR_FULL") else 1

    @property
    def unit(self) -> int:
        return self.allocated // 8

    @property
    def low(self) -> int:
        return -(1 << (self.stored - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        return (1 << (self.stored - self.signed)) - 1

    @property
    def dtype(self) -> str:
        return f"<{'i' if self.signed else 'u'}{self.unit}"


class Cell(NamedTuple):
    """One image in one compression."""

    coding: Coding
    format: Format
    shape: tuple[int, int]
    frames: int
    content: str

    def __str__(self) -> str:
        rows, columns = self.shape
        return f"{self.coding.name}/{self.format.name}/{rows}x{columns}/{self.frames}/{self.content}"

    @property
    def seed(self) -> int:
        """Of the contents, which are the same in every compression."""
        return zlib.crc32(str(self._replace(coding=CODINGS[0])).encode())

    @property
    def lot(self) -> int:
        """Of what is done to some cells only."""
        return zlib.crc32(str(self).encode())

    @property
    def family(self) -> str:
        return self.coding.family

    @property
    def planar(self) -> int:
        """PlanarConfiguration of the compressed colour (PS3.5 8.2): 1 in RLE, but as it was where a class asks for 0 (PS3.3 A.8.5)."""
        if self.family == "rle":
            return 1 if self.frames == 1 else self.format.planar
        return self.format.planar if self.family in KEEPING else 0

    @property
    def transformed(self) -> bool:
        """Whether red, green and blue go through the reversible transform (T.800 G.2)."""
        return self.family in ("jpeg2000", "htj2k") and self.format.photometric == "RGB"


CODINGS = (
    Coding("jpeg-lossless", "jpeg-lossless", "1.2.840.10008.1.2.4.70"),
    *(Coding(f"p14.{n}", "jpeg-lossless-p14", "1.2.840.10008.1.2.4.57", {"predictor": n}) for n in range(1, 8)),
    Coding("rle", "rle", "1.2.840.10008.1.2.5", family="rle"),
    Coding("jpeg2000-lossless", "jpeg2000-lossless", "1.2.840.10008.1.2.4.90", family="jpeg2000"),
    Coding("jpeg2000-reversible", "jpeg2000", "1.2.840.10008.1.2.4.91", {"reversible": True}, "jpeg2000"),
    Coding("jpeg-ls", "jpeg-ls", "1.2.840.10008.1.2.4.80", family="jpeg-ls"),
    Coding("htj2k-lossless", "htj2k-lossless", "1.2.840.10008.1.2.4.201", family="htj2k"),
    Coding("htj2k-lossless-rpcl", "htj2k-lossless-rpcl", "1.2.840.10008.1.2.4.202", family="htj2k"),
    Coding("jpeg-xl-lossless", "jpeg-xl-lossless", "1.2.840.10008.1.2.4.110", family="jpeg-xl"),
    Coding("deflated-frame", "deflated-frame", "1.2.840.10008.1.2.8.1", family="deflated"),
    Coding("encapsulated-uncompressed", "encapsulated-uncompressed", "1.2.840.10008.1.2.1.98", family="uncompressed"),
)

FAMILIES = frozenset(coding.family for coding in CODINGS)
# Families in whose streams colour lies as PlanarConfiguration says: they keep that of the native pixels.
KEEPING = ("deflated", "uncompressed")


def _formats() -> Iterator[Format]:
    for signed in (False, True):
        sign = "s" if signed else "u"
        yield Format(f"{sign}8", signed=signed)
        yield Format(f"{sign}5of8-junk", stored=5, signed=signed, junk=True)
        for stored in range(9, 17):
            yield Format(f"{sign}{stored}", allocated=16, stored=stored, signed=signed)
            if stored < 16:
                yield Format(f"{sign}{stored}-junk", allocated=16, stored=stored, signed=signed, junk=True)
    for allocated, stored, signed in ((8, 1, False), (8, 7, True), (16, 1, False), (16, 8, False), (16, 8, True)):
        yield Format(f"{'s' if signed else 'u'}{stored}of{allocated}", allocated=allocated, stored=stored, signed=signed)
    yield Format("u8-inverted", "MONOCHROME1")
    for allocated in (8, 16):
        yield Format(f"palette{allocated}", "PALETTE COLOR", allocated, allocated)
        for photometric, planar in (("RGB", 0), ("RGB", 1), ("YBR_FULL", 0)):
            yield Format(f"{photometric}{allocated}{'-planar' * planar}", photometric, allocated, allocated, planar=planar)


FORMATS = {format.name: format for format in _formats()}
SHAPES = ((1, 1), (1, 37), (41, 1), (3, 5), (31, 33), (127, 129), (128, 128), (129, 127))
FRAMES = (1, 2, 5)


class Row(NamedTuple):
    """A row of a table of PS3.5 8.2, for the integers of 8 and 16 bits that there are here."""

    photometrics: tuple[str, ...]
    allocated: tuple[int, ...] = (8, 16)
    least: int = 1
    signs: tuple[bool, ...] = (False,)

    def holds(self, format: Format) -> bool:
        return (format.photometric in self.photometrics and format.allocated in self.allocated and format.stored >= self.least
                and format.signed in self.signs)


_GRAY = ("MONOCHROME1", "MONOCHROME2")
_ALL = (Row(_GRAY, signs=(False, True)), Row(("PALETTE COLOR", "RGB", "YBR_FULL")))
# What a syntax holds, by the end of its UID behind "1.2.840.10008.1.2."; the last two hold native pixels of every kind (PS3.5 A.4.11,
# A.4.13).
LEGAL = {
    "4.57": _ALL, "4.70": _ALL,  # Table 8.2.1-2
    "5": (_ALL[0], Row(("PALETTE COLOR", "RGB")), Row(("YBR_FULL",), (8,))),  # Table 8.2.2-1
    # Table 8.2.3-1
    "4.80": (Row(_GRAY, least=2, signs=(False, True)), Row(("PALETTE COLOR", "RGB"), least=2), Row(("YBR_FULL",), (8,), 2)),
    "4.90": _ALL, "4.91": (_ALL[0], Row(("RGB", "YBR_FULL"))),  # Table 8.2.4-1
    "4.201": _ALL, "4.202": _ALL,  # Table 8.2.14-1
    "4.110": (Row((*_GRAY, "RGB")),),  # Table 8.2.15-1
    "8.1": _ALL, "1.98": _ALL,
}


def legal(coding: Coding, format: Format) -> bool:
    """Whether the syntax holds the pixels."""
    return any(row.holds(format) for row in LEGAL[coding.uid.removeprefix("1.2.840.10008.1.2.")])


class Cross(NamedTuple):
    """What every kind of pixels is crossed with."""

    shapes: tuple[tuple[int, int], ...]
    frames: tuple[int, ...]
    contents: tuple[str, ...]


def cross(coding: Coding) -> Cross:
    """Smaller where the coder is that of a library: there the matrix is for what is around it."""
    if coding.family in ("jpeg", "rle"):
        return Cross(SHAPES, FRAMES, tuple(CONTENTS))
    return Cross(((1, 1), (1, 37), (31, 33), (129, 127)), (1, 2), ("flat", "noise", "extremes", "real"))


def cells() -> list[Cell]:
    """The whole matrix."""
    return [Cell(coding, *parts) for coding in CODINGS for parts in product(FORMATS.values(), *cross(coding)) if legal(coding, parts[0])]


def cell(coding: str, format: str, shape: tuple[int, int] = (31, 33), frames: int = 1, content: str = "noise") -> Cell:
    """A cell by the names of its parts."""
    return Cell(next(one for one in CODINGS if one.name == coding), FORMATS[format], shape, frames, content)


# The largest images and the most frames: each in every compression.
LARGE = (((16, 16), 257), ((1, 65500), 1), ((65500, 1), 1), ((2, 65535), 1), ((65535, 2), 1), ((2048, 2048), 1))


def large_cells() -> list[Cell]:
    """The few cells that are beyond the matrix in size, the first three sizes for the smaller crosses."""
    return [Cell(coding, FORMATS[name], shape, frames, content)
            for coding, name, (shape, frames), content in product(CODINGS, ("u12", "s16", "RGB8"), LARGE, ("real", "noise"))
            if legal(coding, FORMATS[name]) and (content == "real" or max(shape) < 2000)
            and (shape, frames) in LARGE[:6 if cross(coding).shapes is SHAPES else 3]]


# ---- what is in the pixels


def _ramp(cell: Cell, size: int, chance: np.random.Generator) -> Array:
    return cell.format.low + np.arange(size) % (cell.format.high - cell.format.low + 1)


def _alternation(cell: Cell, size: int, chance: np.random.Generator) -> Array:
    """Rows of 0 and 32768 or what the bits have for it, whose difference has a category of its own (T.81 H.1.2.2), and of the two ends."""
    half = cell.format.low if cell.format.signed else 1 << (cell.format.stored - 1)
    at = np.arange(size)
    ends = np.where(at % 2, cell.format.high, cell.format.low)
    return np.where(at // (cell.shape[1] * cell.format.samples) % 2, ends, np.where(at // cell.format.samples % 2, half, 0))


def _extremes(cell: Cell, size: int, chance: np.random.Generator) -> Array:
    low, high = cell.format.low, cell.format.high
    return chance.choice([low, low, low + 1, 0, 1, high - 1, high, high], size)


@cache
def _real_pixels(samples: int) -> tuple[Array, ...]:
    """Gray images of a CT and an MR, or one of colour, from 0 on."""
    folder = Path(pydicom.__file__).parent / "data" / "test_files"
    names = ("CT_small.dcm", "MR_small.dcm") if samples == 1 else ("examples_rgb_color.dcm",)
    images = [pydicom.dcmread(folder / name).pixel_array.astype(np.int64) for name in names]
    return tuple((image - image.min()).reshape(*image.shape[:2], samples) for image in images)


def _real(cell: Cell, size: int, chance: np.random.Generator) -> Array:
    """A crop for each frame, shifted into the stored bits; what is larger than the image repeats it."""
    image = chance.choice(len(_real_pixels(cell.format.samples)))
    pixels = _real_pixels(cell.format.samples)[image]
    crops = []
    for _ in range(cell.frames):
        rows, columns = ((np.arange(side) + chance.integers(0, length)) % length
                         for side, length in zip(cell.shape, pixels.shape[:2], strict=True))
        crops.append(pixels[np.ix_(rows, columns)])
    shift = cell.format.stored - int(pixels.max()).bit_length()
    values = np.stack(crops)
    return (values << shift if shift > 0 else values >> -shift).reshape(-1) + cell.format.low


CONTENTS: dict[str, Callable[[Cell, int, np.random.Generator], Array]] = {
    "flat": lambda cell, size, chance: np.full(size, cell.format.low + (cell.format.high - cell.format.low) // 3),
    "ramp": _ramp,
    "noise": lambda cell, size, chance: chance.integers(cell.format.low, cell.format.high + 1, size),
    "alternation": _alternation,
    "extremes": _extremes,
    "real": _real,
}


def values_of(cell: Cell) -> Array:
    """The stored values, of shape (frames, rows, columns, samples)."""
    size = cell.frames * cell.shape[0] * cell.shape[1] * cell.format.samples
    values = CONTENTS[cell.content](cell, size, np.random.default_rng(cell.seed))
    return values.astype(cell.format.dtype).reshape(cell.frames, *cell.shape, cell.format.samples)


# ---- the native data set


def laid_out(values: Array, planar: int) -> bytes:
    """Native bytes of values (PS3.3 C.7.6.3.1.3), made even."""
    data = (np.moveaxis(values, -1, 1) if planar else values).tobytes()
    return data + bytes(len(data) % 2)


def with_junk(values: Array, cell: Cell) -> Array:
    """The cells: values with noise in the bits above those stored."""
    if not cell.format.junk:
        return values
    bits, unsigned = cell.format.stored, f"<u{cell.format.unit}"
    noise = np.random.default_rng(cell.seed + 1).integers(0, 1 << (cell.format.allocated - bits), values.shape).astype(unsigned)
    return (values.view(unsigned) & ((1 << bits) - 1) | noise << bits).astype(unsigned).view(values.dtype)


def sop_class(format: Format, frames: int) -> str:
    """CT Image Storage, or the Multi-frame Secondary Capture class of the kind: which plays no part for ``transcode``."""
    if frames == 1:
        return "1.2.840.10008.5.1.4.1.1.2"
    return f"1.2.840.10008.5.1.4.1.1.7.{4 if format.samples == 3 else 2 if format.allocated == 8 else 3}"


def palette(format: Format) -> Array:
    """The colours of an image of indices: of 16 bits not one for each, and more than 256, below which GDCM aborts on native pixels, too."""
    entries = 256 if format.allocated == 8 else 4096
    return np.arange(entries * 3, dtype="<u2").reshape(entries, 3) * 5


def palette_attributes(format: Format) -> dict[str, Any]:
    attributes: dict[str, Any] = {}
    for colour, column in zip(("Red", "Green", "Blue"), palette(format).T, strict=True):
        attributes[f"{colour}PaletteColorLookupTableDescriptor"] = (len(column), 0, 16)
        attributes[f"{colour}PaletteColorLookupTableData"] = column.tobytes()
    return attributes


def described(format: Format, shape: tuple[int, int], frames: int) -> dict[str, Any]:
    """The Image Pixel attributes."""
    attributes = {
        "SamplesPerPixel": format.samples, "PhotometricInterpretation": format.photometric, "Rows": shape[0], "Columns": shape[1],
        "BitsAllocated": format.allocated, "BitsStored": format.stored, "HighBit": format.stored - 1,
        "PixelRepresentation": int(format.signed)}
    optional: dict[str, Any] = {"PlanarConfiguration": format.planar} if format.samples > 1 else {}
    optional |= {"NumberOfFrames": frames} if frames > 1 else {}
    return attributes | optional | (palette_attributes(format) if format.photometric == "PALETTE COLOR" else {})


def native(format: Format, shape: tuple[int, int], frames: int, data: bytes) -> dcmenc.Dataset:
    """A data set in Explicit VR Little Endian, with more in it than pixels: items, an icon, a private block."""
    icon = dcmenc.Dataset(described(FORMATS["u8"], (3, 3), 1), PixelData=bytes(range(9)) + b"\0")
    ds = dcmenc.Dataset(
        described(format, shape, frames), SOPClassUID=sop_class(format, frames), SOPInstanceUID="1.2.3.4", StudyInstanceUID="1.2.3",
        SeriesInstanceUID="1.2.3.5", PatientName="Yamada^Tarou=山田^太郎", SpecificCharacterSet="ISO_IR 192", Modality="OT",
        ReferencedImageSequence=dcmenc.Sequence([dcmenc.Dataset(ReferencedSOPInstanceUID="1.2.3.9")]), WindowCenter="40.5", WindowWidth=400,
        IconImageSequence=dcmenc.Sequence([icon], format.signed), PixelData=data)
    ds.add(0x00090010, "LO", "MATRIX")
    ds.add(0x00091001, "OB", b"\xff\xd8\xff\xd9")
    ds.file_meta = dcmenc.Dataset(TransferSyntaxUID="1.2.840.10008.1.2.1")
    return ds


def native_of(cell: Cell, values: Array) -> dcmenc.Dataset:
    """The source of a cell."""
    return native(cell.format, cell.shape, cell.frames, laid_out(with_junk(values, cell), cell.format.planar))


def transcoded(source: Any, coding: Coding) -> tuple[bytes, dcmenc.Report]:
    """The file, and what is reported of it."""
    file = io.BytesIO()
    report = dcmenc.transcode(source, file, coding.compression, options=coding.options)
    return file.getvalue(), report


EXPLICIT = Coding("explicit", "explicit", "1.2.840.10008.1.2.1", family="native")


# ---- pairs, for what takes long


@cache
def pairwise(seed: int = 0, tries: int = 30) -> list[Cell]:
    """Cells in which every two parts that can meet do: greedily, the best of a few each time."""
    chance = random.Random(seed)
    parts: list[list[Any]] = [list(CODINGS), list(FORMATS.values()), list(SHAPES), list(FRAMES), list(CONTENTS)]
    open_pairs = {(i, a, j, b) for i, j in combinations(range(5), 2) for a, b in product(range(len(parts[i])), range(len(parts[j])))
                  if (i, j) != (0, 1) or legal(parts[0][a], parts[1][b])}
    chosen = []
    while open_pairs:
        wanted = min(open_pairs)
        best = max((_with_pair(wanted, parts, chance) for _ in range(tries)), key=lambda row: len(_pairs(row) & open_pairs))
        open_pairs -= _pairs(best)
        chosen.append(Cell(*(parts[i][at] for i, at in enumerate(best))))
    return chosen


def _with_pair(pair: tuple[int, int, int, int], parts: list[list[Any]], chance: random.Random) -> list[int]:
    while True:
        row = [chance.randrange(len(part)) for part in parts]
        row[pair[0]], row[pair[2]] = pair[1], pair[3]
        if legal(parts[0][row[0]], parts[1][row[1]]):
            return row


def _pairs(row: list[int]) -> set[tuple[int, int, int, int]]:
    return {(i, row[i], j, row[j]) for i, j in combinations(range(len(row)), 2)}
