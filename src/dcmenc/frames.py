"""From Pixel Data to arrays: stored values of uncompressed pixels, palettes, RGB (PS3.3 C.7.6.3, C.7.9; PS3.5 8.1, 8.2).

The other way, from arrays to bytes, is in ``pixels.py``. Compressed pixels and files are no business of this room. A dataset
holds its pixels in little endian, whatever the file did, so that the byte order plays no part here but for one warning.

Nothing is allocated before the bytes that are there have been counted against what the attributes claim.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection
from dataclasses import replace
from operator import index
from typing import Any, NamedTuple

import numpy as np

from .errors import CodecUnavailable, DcmencWarning, PixelError
from .model import Dataset
from .pixels import PHOTOMETRICS, ImageSpec, Kind
from .values import Fragments, shorten
from .vr import VRS

Array = np.ndarray[Any, Any]

# The elements that hold pixels; the bits of a float.
_FLOATS = {"FloatPixelData": 32, "DoubleFloatPixelData": 64}
_ELEMENTS = ("PixelData", *_FLOATS)

_ALLOCATED = (1, 8, 16, 32, 64)
_SIDES = range(1, 0x10000)
_EXPLICIT_BIG_ENDIAN = "1.2.840.10008.1.2.2"
_SUBSAMPLED = "YBR_FULL_422"


def spec_of(ds: Dataset) -> ImageSpec:
    """What the Image Pixel attributes of a dataset say of its pixels (PS3.3 C.7.6.3).

    Where an attribute is missing but its meaning is certain, it is filled in: NumberOfFrames 1, PlanarConfiguration 0,
    SamplesPerPixel as the photometric interpretation has it. A missing PixelRepresentation is taken as 0, with a warning if
    the pixels are not of colour. The pixels themselves need not be there.

    Parameters
    ----------
    ds : Dataset
        With PixelData, FloatPixelData or DoubleFloatPixelData, native or encapsulated; or without its pixels, which are taken
        for PixelData then.

    Returns
    -------
    ImageSpec
        With ``as_read`` set.

    Raises
    ------
    PixelError
        An attribute is missing or contradicts another; the message names it.

    Examples
    --------
    >>> spec_of(Dataset(Rows=2, Columns=3, PhotometricInterpretation="MONOCHROME2", BitsAllocated=16, BitsStored=12,
    ...                 PixelRepresentation=1)).shape
    (2, 3)
    """
    keyword = _element_of(ds)
    photometric = _photometric(ds, keyword)
    samples = _number(ds, "SamplesPerPixel", PHOTOMETRICS[photometric].samples)
    if samples != PHOTOMETRICS[photometric].samples:
        raise PixelError(f"SamplesPerPixel is {samples}, where the PhotometricInterpretation {photometric} has "
                         f"{PHOTOMETRICS[photometric].samples}; set the one that is wrong")
    rows, columns = (_number(ds, side, allowed=_SIDES) for side in ("Rows", "Columns"))
    frames = _number(ds, "NumberOfFrames", 1, range(2**31)) or 1
    planar = _number(ds, "PlanarConfiguration", 0, (0, 1)) if samples > 1 else 0
    allocated, stored, signed, kind = _bits(ds, keyword, photometric)
    return ImageSpec(rows, columns, frames, samples, allocated, stored, signed, photometric, planar, kind, as_read=True)


def _value(ds: Dataset, keyword: str) -> Any:
    element = ds.get(keyword)
    value = None if element is None else element.value
    return None if isinstance(value, str) and not value.strip() else value


def _number(ds: Dataset, keyword: str, default: int | None = None, allowed: Collection[int] | None = None) -> int:
    """The whole number of an attribute; ``default`` where it is missing or empty."""
    value = _value(ds, keyword)
    if value is None:
        if default is None:
            raise PixelError(f"{keyword} is missing, and nothing else says it; set ds.{keyword}")
        return default
    try:
        number = index(value)
    except TypeError:
        raise PixelError(f"{keyword} is {shorten(value)}, which is no whole number; set ds.{keyword}") from None
    if allowed is not None and number not in allowed:
        wanted = f"{allowed[0]} to {allowed[-1]}" if isinstance(allowed, range) else ", ".join(map(str, allowed))
        raise PixelError(f"{keyword} is {number}, where {wanted} can be read; set ds.{keyword} if you know better")
    return number


def _element_of(ds: Dataset) -> str:
    """The keyword of the one element with pixels (PS3.3 C.7.6.3, C.7.6.24, C.7.6.25)."""
    present = [keyword for keyword in _ELEMENTS if keyword in ds]
    filled = [keyword for keyword in present if _value(ds, keyword) is not None] or present[:1] or ["PixelData"]
    if len(filled) > 1:
        raise PixelError(f"{' and '.join(filled)} are both there, and only one element holds the pixels; delete the wrong one")
    return filled[0]


def _photometric(ds: Dataset, keyword: str) -> str:
    name = _value(ds, "PhotometricInterpretation")
    if name is None:
        if keyword in _FLOATS:
            return "MONOCHROME2"  # nothing else is allowed for floats (PS3.3 C.7.6.24)
        raise PixelError("PhotometricInterpretation is missing; set ds.PhotometricInterpretation, "
                         "to 'MONOCHROME2' or 'RGB' in most cases")
    known = name.strip().upper() if isinstance(name, str) else ""
    if known not in PHOTOMETRICS:
        raise PixelError(f"PhotometricInterpretation is {shorten(name)}, where {', '.join(PHOTOMETRICS)} can be read; "
                         "set ds.PhotometricInterpretation if you know better")
    return known


def _bits(ds: Dataset, keyword: str, photometric: str) -> tuple[int, int, bool, Kind]:
    """Bits allocated and stored, whether there is a sign, and what the pixels are."""
    if keyword in _FLOATS:
        bits = _number(ds, "BitsAllocated", _FLOATS[keyword], (_FLOATS[keyword],))
        return bits, bits, True, "float"
    allocated = _number(ds, "BitsAllocated", allowed=_ALLOCATED)
    stored = _number(ds, "BitsStored", 1 if allocated == 1 else None, range(1, allocated + 1))
    signed = bool(_number(ds, "PixelRepresentation", 0, (0, 1)))
    certain = allocated == 1 or PHOTOMETRICS[photometric].samples > 1
    if _value(ds, "PixelRepresentation") is None and not certain:
        _warn("PixelRepresentation is missing; the pixels are taken as unsigned. Set ds.PixelRepresentation to 1 if they are signed")
    return allocated, stored, signed, "bit" if allocated == 1 else "integer"


def _warn(message: str) -> None:
    warnings.warn(message, DcmencWarning, stacklevel=4)


def stored_values(ds: Dataset, *, frame: int | None = None) -> Array:
    """The stored values of uncompressed pixels, as they are: nothing is rescaled, inverted or windowed (PS3.5 8.1).

    Parameters
    ----------
    ds : Dataset
        With native PixelData, FloatPixelData or DoubleFloatPixelData.
    frame : int, optional
        Which frame to give, counted from 0, or from -1 backwards. Only its bytes are touched, and it can be had from pixels
        that break off later.

    Returns
    -------
    ndarray, shape (rows, columns[, samples]), or (frames, rows, columns[, samples]) for several frames
        In C order and of the host's byte order: bool for 1 bit, else integers of 8, 16, 32 or 64 bits by BitsAllocated and
        PixelRepresentation, or floats of 32 or 64. Bits outside those stored are masked off, or filled with the sign. The
        two half-rate samples of YBR_FULL_422 are repeated, which makes three samples a pixel.

        Where the bytes need no change the array is a read-only view of the dataset's buffer, else it is new and writable;
        ``array.flags.writeable`` tells. ``array.copy()`` makes any of them your own.

    Raises
    ------
    PixelError
        The attributes describe no image, or fewer bytes are there than they claim.
    IndexError
        There is no such frame.
    CodecUnavailable
        The pixels are compressed.

    Warns
    -----
    DcmencWarning
        More bytes are there than the attributes claim; HighBit or the photometric interpretation are not what the standard
        has for native pixels; 32-bit integers come from Explicit VR Big Endian, about whose byte order readers disagree.

    Examples
    --------
    >>> stored_values(Dataset(Rows=1, Columns=3, PhotometricInterpretation="MONOCHROME2", BitsAllocated=8, BitsStored=8,
    ...                       PixelRepresentation=1, PixelData=b"\\x00\\x01\\xff\\x00"))
    array([[ 0,  1, -1]], dtype=int8)
    """
    spec = spec_of(ds)
    octets = _octets(ds, spec)
    spec = _native_spec(spec, octets.size)
    first, count = _choose_frames(spec, frame)
    low = _low_bit(ds, spec)
    _check_length(spec, octets.size, first + count)
    _warn_of_words(ds, spec)
    values = _sample_values(_cells(octets, spec, first, count), spec, low)
    values = _interleave(values, spec, count).reshape(count, *replace(spec, frames=1).shape)
    return values if frame is None and spec.frames > 1 else values[0]


def _octets(ds: Dataset, spec: ImageSpec) -> Array:
    """The bytes of the pixels, as a view that cannot be written to."""
    value = _value(ds, spec.keyword)
    if value is None:
        url = " They are at its PixelDataProviderURL" if "PixelDataProviderURL" in ds else ""
        raise PixelError(f"the dataset has no pixels: {spec.keyword} is {'empty' if spec.keyword in ds else 'missing'}.{url}".rstrip("."))
    if isinstance(value, Fragments):
        syntax = _syntax_uid(ds)
        raise CodecUnavailable("this version of dcmenc decodes uncompressed pixels only, and these are compressed"
                               f"{f' in {syntax}' if syntax else ''}; have them decompressed first")
    return _view(value)


def _view(value: Any) -> Array:
    try:
        octets = np.frombuffer(value, np.uint8)
    except (TypeError, ValueError):
        raise PixelError(f"bytes are wanted, not {shorten(value)}: the VR of the element is not one of pixels or of a table") from None
    octets.flags.writeable = False
    return octets


def _syntax_uid(ds: Dataset) -> Any:
    return _value(ds.file_meta, "TransferSyntaxUID")


def _native_spec(spec: ImageSpec, size: int) -> ImageSpec:
    """What native pixels can be; whole samples under the label of half ones are told by their length."""
    if spec.photometric == "YBR_PARTIAL_420":
        raise PixelError("PhotometricInterpretation is YBR_PARTIAL_420, which only compressed pixels have; set what they are, "
                         "to 'YBR_FULL' if every pixel has three samples")
    if spec.photometric != _SUBSAMPLED:
        return spec
    if size in (spec.native_bytes, spec.native_bytes + spec.native_bytes % 2):
        _warn("PhotometricInterpretation is YBR_FULL_422, but every pixel has three samples; they are taken as YBR_FULL")
        return replace(spec, photometric="YBR_FULL")
    if spec.columns % 2 or spec.planar:
        wrong = "PlanarConfiguration is 1" if spec.planar else f"Columns is {spec.columns}"
        raise PixelError(f"{wrong}, and YBR_FULL_422 has pairs of columns, each with its samples together; "
                         "set ds.PhotometricInterpretation to 'YBR_FULL' if every pixel has three samples")
    return spec


def _choose_frames(spec: ImageSpec, frame: int | None) -> tuple[int, int]:
    """The first frame, and how many."""
    if frame is None:
        return 0, spec.frames
    at = index(frame)
    if not -spec.frames <= at < spec.frames:
        raise IndexError(f"there is no frame {at}: the image has {_several(spec.frames, 'frame')}, counted from 0")
    return at % spec.frames, 1


def _several(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _cells_per_frame(spec: ImageSpec) -> int:
    return spec.rows * spec.columns * (2 if spec.photometric == _SUBSAMPLED else spec.samples)


def _check_length(spec: ImageSpec, size: int, last: int) -> None:
    """The bytes reach to the end of the last frame that is wanted; what lies beyond all frames is at most padding (PS3.5 8.1.1)."""
    frame_bits = _cells_per_frame(spec) * spec.allocated
    whole, needed = 8 * size // frame_bits, (spec.frames * frame_bits + 7) // 8
    what = (f"{_several(spec.frames, 'frame')} of {spec.rows} x {spec.columns} pixels with "
            f"{_several(spec.samples, 'sample')} of {_several(spec.allocated, 'bit')}")
    if 8 * size < last * frame_bits:
        rescue = "; frame= reads each of them" if whole else ""
        raise PixelError(f"{spec.keyword} has {size} bytes, where {what} need {needed}: "
                         f"{_several(whole, 'whole frame')} of {spec.frames} {'is' if whole == 1 else 'are'} there{rescue}")
    if size > needed + needed % 2:
        frames = f"; set ds.NumberOfFrames to {whole} if they are frames" if whole > spec.frames else ""
        _warn(f"{spec.keyword} has {size} bytes, where {what} need {needed}; the others are ignored{frames}")


def _low_bit(ds: Dataset, spec: ImageSpec) -> int:
    """The place of the least significant stored bit; nowhere but at 0 since 2001 or so, and files are older."""
    if spec.kind != "integer":
        return 0
    high = _number(ds, "HighBit", spec.high_bit)
    if not spec.high_bit <= high < spec.allocated:
        raise PixelError(f"HighBit is {high}, where {spec.stored} bits stored of {spec.allocated} allocated have "
                         f"{spec.high_bit} to {spec.allocated - 1}; set ds.HighBit to {spec.high_bit} if the lowest bits are used")
    low = high - spec.high_bit
    if low:
        _warn(f"HighBit is {high}, where {spec.stored} bits stored have {spec.high_bit} today: the {_several(low, 'lowest bit')} "
              f"{'is' if low == 1 else 'are'} left out. Set ds.HighBit to {spec.high_bit} if the values are there")
    return low


def _warn_of_words(ds: Dataset, spec: ImageSpec) -> None:
    # OW swaps words of 16 bits (PS3.5 7.3), and some write whole samples from the most significant byte on all the same.
    if spec.kind == "integer" and spec.allocated > 16 and _syntax_uid(ds) == _EXPLICIT_BIG_ENDIAN:
        _warn(f"{spec.allocated}-bit samples in Explicit VR Big Endian are taken as words of 16 bits, the least significant first; "
              "some programs write them the other way round")


def _cells(octets: Array, spec: ImageSpec, first: int, count: int) -> Array:
    """The pixel cells of some frames in a row, one item each, in the byte order of the host."""
    cells = _cells_per_frame(spec)
    if spec.kind == "bit":
        # Frames are joined without a gap, so one may begin inside a byte (PS3.5 8.1.1).
        start, stop = first * cells, (first + count) * cells
        bits = np.unpackbits(octets[start // 8 : (stop + 7) // 8], bitorder="little")
        return bits[start % 8 :][: stop - start].view(np.bool_)
    unit = spec.allocated // 8
    dtype = np.dtype(f"<{'f' if spec.kind == 'float' else 'i' if spec.signed else 'u'}{unit}")
    found = octets[first * cells * unit : (first + count) * cells * unit].view(dtype)
    # Compiled code that the array is given to may not take items at odd addresses.
    return found.astype(dtype.newbyteorder("="), copy=not found.flags.aligned)


def _sample_values(cells: Array, spec: ImageSpec, low: int) -> Array:
    """Cells without the bits that are not stored (PS3.5 8.1.1); the same array if there are none."""
    if spec.kind != "integer" or (not low and _fits(cells, spec)):
        return cells
    if spec.signed:
        unsigned = np.dtype(f"u{cells.itemsize}")
        values: Array = np.left_shift(cells.view(unsigned), unsigned.type(spec.allocated - spec.stored - low)).view(cells.dtype)
        values >>= cells.dtype.type(spec.allocated - spec.stored)
        return values
    values = np.right_shift(cells, cells.dtype.type(low))
    values &= cells.dtype.type((1 << spec.stored) - 1)
    return values


def _fits(cells: Array, spec: ImageSpec) -> bool:
    """Whether all cells are values already; reading them for it is cheaper than writing others."""
    if spec.stored == spec.allocated:
        return True
    if spec.signed:
        return -(1 << spec.high_bit) <= int(cells.min()) and int(cells.max()) < 1 << spec.high_bit
    return int(cells.max()) < 1 << spec.stored


def _interleave(values: Array, spec: ImageSpec, count: int) -> Array:
    """The samples of each pixel together, on the last axis (PS3.3 C.7.6.3.1.2, C.7.6.3.1.3)."""
    if spec.photometric == _SUBSAMPLED:
        pairs = values.reshape(-1, 4)  # two of Y, then CB and CR for both
        whole = np.empty((len(pairs), 2, 3), values.dtype)
        whole[..., 0], whole[..., 1], whole[..., 2] = pairs[:, :2], pairs[:, 2:3], pairs[:, 3:]
        return whole
    if spec.planar:
        return np.ascontiguousarray(np.moveaxis(values.reshape(count, spec.samples, -1), 1, -1))
    return values


_COLOURS = ("Red", "Green", "Blue")


class _Descriptor(NamedTuple):
    """Entries of a lookup table, the value that the first one stands for, bits of an entry (PS3.3 C.7.6.3.1.5)."""

    entries: int
    first: int
    bits: int


def colormap_of(ds: Dataset) -> Array | None:
    """The palette of a dataset (PS3.3 C.7.6.3.1.5, C.7.6.3.1.6, C.7.9).

    Parameters
    ----------
    ds : Dataset
        With the three lookup tables, in full or in segments.

    Returns
    -------
    ndarray of uint8 or uint16, shape (entries, 3), or None
        Red, green and blue of each entry; the first stands for the first stored value mapped, which need not be 0. See
        :func:`colours_by_value`. None if there is no palette.

    Raises
    ------
    PixelError
        A table is missing, of another size than its descriptor says, or its segments make no table.

    Examples
    --------
    >>> from dcmenc.pixels import palette_attributes
    >>> colormap_of(Dataset(palette_attributes([[0.0, 0.5, 1.0]])))
    array([[    0, 32768, 65535]], dtype=uint16)
    """
    if not any(f"{colour}PaletteColorLookupTableDescriptor" in ds for colour in _COLOURS):
        return None
    descriptor = _descriptor(ds)
    return np.stack([_entries(ds, colour, descriptor) for colour in _COLOURS], axis=1)


def _descriptor(ds: Dataset) -> _Descriptor:
    """What the three descriptors say, which has to be the same."""
    found = {}
    for colour in _COLOURS:
        keyword = f"{colour}PaletteColorLookupTableDescriptor"
        numbers = tuple(_words(ds, keyword).tolist())
        if len(numbers) != 3 or numbers[2] not in (8, 16):
            raise PixelError(f"{keyword} is {shorten(numbers)}, where it has the number of entries, the first value mapped, "
                             "and 8 or 16 for the bits of an entry")
        found[keyword] = numbers
    if len(set(found.values())) > 1:
        raise PixelError(f"the descriptors of red, green and blue are to be the same, and are {', '.join(map(str, found.values()))}")
    entries, first, bits = numbers
    signed = _number(ds, "PixelRepresentation", 0, (0, 1))
    # 65536 entries do not fit the 16 bits of their number: 0 stands for them
    return _Descriptor(entries or 0x10000, first - 0x10000 if signed and first >= 0x8000 else first, bits)


def _words(ds: Dataset, keyword: str) -> Array:
    """The 16-bit words of an element without a sign, be its VR of numbers or of words."""
    element = ds.get(keyword)
    if element is None or element.value is None:
        raise PixelError(f"{keyword} is {'empty' if element else 'missing'}, and the palette is not complete without it")
    if _is_buffer(element.vr, element.value):
        octets = _view(element.value)
        return octets[: octets.size // 2 * 2].view("<u2")
    try:
        return (np.atleast_1d(np.asarray(element.value, np.int64)) & 0xFFFF).astype("<u2")
    except (ValueError, TypeError, OverflowError):
        raise PixelError(f"{keyword} is {shorten(element.value)}, which is no list of whole numbers") from None


def _is_buffer(vr: str, value: Any) -> bool:
    return VRS[vr].kind == "buffer" if vr in VRS else not isinstance(value, (int, tuple))


def _entries(ds: Dataset, colour: str, descriptor: _Descriptor) -> Array:
    """The entries of one colour, from its full table or from its segments."""
    keyword, segmented = f"{colour}PaletteColorLookupTableData", f"Segmented{colour}PaletteColorLookupTableData"
    if _value(ds, keyword) is None and segmented in ds:
        words = _words(ds, segmented)
        return _expand(words if descriptor.bits == 16 else words.view(np.uint8), descriptor.entries, segmented)
    return _full_table(_table_bytes(ds, keyword), descriptor, keyword)


def _table_bytes(ds: Dataset, keyword: str) -> Array:
    element = ds.get(keyword)
    if element is not None and element.value is not None and _is_buffer(element.vr, element.value):
        return _view(element.value)
    return _words(ds, keyword).view(np.uint8)


def _full_table(octets: Array, descriptor: _Descriptor, keyword: str) -> Array:
    """Entries of 8 bits two to a word, as the standard has them, or one to a word: the length tells, whatever the descriptor says."""
    entries, bits = descriptor.entries, descriptor.bits
    packed, spread = entries + entries % 2, 2 * entries
    if octets.size in (entries, packed) and not (bits == 16 and octets.size == spread):
        return octets[:entries]
    if octets.size < spread or (octets.size > spread and bits == 8):
        raise PixelError(f"{keyword} has {_several(octets.size, 'byte')}, where a table of {entries} needs {packed} or {spread}")
    if octets.size > spread:
        _warn(f"{keyword} has {octets.size} bytes, where its descriptor has {spread}; the others are ignored")
    words = octets[:spread].view("<u2").astype(np.uint16)
    return words.astype(np.uint8) if bits == 8 and int(words.max()) < 0x100 else words


_DISCRETE, _LINEAR, _INDIRECT = range(3)


def _expand(units: Array, entries: int, keyword: str) -> Array:
    """The table that segments describe (PS3.3 C.7.9.2).

    Every segment has to give at least one entry and none may give more than there is room for, so that no count that a file
    claims makes this long.
    """
    table = _SegmentedTable(units, np.zeros(entries, units.dtype), keyword)
    at = 0
    while table.filled < entries:
        if table.unit(at) != _INDIRECT:
            at = table.take_segment(at)
            continue
        segments, source = table.unit(at + 1), table.offset(at + 2)
        if not segments:
            raise PixelError(f"{keyword}: the indirect segment at {at} copies nothing")
        for _ in range(segments):
            source = table.take_segment(source)
        at += 2 + table.units_of_offset
    return table.entries


class _SegmentedTable:
    """A table that is being filled; places are counted in units, which are bytes or words."""

    def __init__(self, units: Array, entries: Array, keyword: str) -> None:
        self.units, self.entries, self.keyword = units, entries, keyword
        self.filled = 0
        self.units_of_offset = 4 // units.itemsize

    def unit(self, at: int) -> int:
        if at >= self.units.size:
            raise PixelError(f"{self.keyword}: the segments end after {self.filled} of {len(self.entries)} entries")
        return int(self.units[at])

    def offset(self, at: int) -> int:
        """The place that a byte offset of 32 bits points to, least significant part first."""
        bits = 8 * self.units.itemsize
        octets = sum(self.unit(at + part) << bits * part for part in range(self.units_of_offset))
        if octets % self.units.itemsize:
            raise PixelError(f"{self.keyword}: the indirect segment at {at - 2} points into the middle of a word")
        return octets // self.units.itemsize

    def take_segment(self, at: int) -> int:
        """Add the entries of the discrete or linear segment at a place; the place of the next one."""
        opcode, length = self.unit(at), self.unit(at + 1)
        stop = self.filled + length
        if opcode not in (_DISCRETE, _LINEAR):
            reason = "is indirect, and reached from an indirect one" if opcode == _INDIRECT else f"is of the unknown type {opcode}"
            raise PixelError(f"{self.keyword}: the segment at {at} {reason}")
        if not length or stop > len(self.entries):
            room = len(self.entries) - self.filled
            raise PixelError(f"{self.keyword}: the segment at {at} gives {length} entries, where there is room for {room}")
        if opcode == _DISCRETE:
            self.unit(at + 1 + length)
            self.entries[self.filled : stop] = self.units[at + 2 : at + 2 + length]
        else:
            self.entries[self.filled : stop] = self._line(at, length)
        self.filled = stop
        return at + 2 + (length if opcode == _DISCRETE else 1)

    def _line(self, at: int, length: int) -> Array:
        """From the last entry, which is not part of the segment, to the value of the segment, which is."""
        if not self.filled:
            raise PixelError(f"{self.keyword}: the first segment is linear, and there is nothing that it begins from")
        begin, end = int(self.entries[self.filled - 1]), self.unit(at + 2)
        steps = np.arange(1, length + 1)
        return np.rint((begin * length + (end - begin) * steps) / length)


def colours_by_value(ds: Dataset, spec: ImageSpec) -> Array:
    """The palette with a row for every value that a pixel can have, so that ``colours[array]`` shows the image.

    Values below the first one mapped have the first colour, values above the last one the last (PS3.3 C.7.6.3.1.5). Negative
    values are counted from the end, as NumPy indexes.

    Parameters
    ----------
    ds : Dataset
        With a palette.
    spec : ImageSpec
        From :func:`spec_of`: how many bits are stored, and whether they are signed.

    Returns
    -------
    ndarray of uint8 or uint16, shape (2**stored, 3)

    Raises
    ------
    PixelError
        There is no palette, or a broken one.

    Examples
    --------
    >>> from dcmenc.pixels import palette_attributes
    >>> palette = Dataset(palette_attributes(np.array([[1, 2, 3], [4, 5, 6]], "u1")))
    >>> colours_by_value(palette, ImageSpec(2, 2, allocated=8, stored=2)).tolist()
    [[1, 2, 3], [4, 5, 6], [4, 5, 6], [4, 5, 6]]
    """
    colormap = colormap_of(ds)
    if colormap is None:
        raise PixelError("RedPaletteColorLookupTableDescriptor is missing: the dataset has no palette")
    if spec.stored > 16:
        raise PixelError(f"a palette is for 16 bits stored at most, not {spec.stored}")
    values = np.arange(1 << spec.stored)
    if spec.signed:
        values[1 << spec.high_bit :] -= 1 << spec.stored
    colours: Array = colormap[np.clip(values - _descriptor(ds).first, 0, len(colormap) - 1)]
    return colours


def colormap_from_zero(ds: Dataset, spec: ImageSpec) -> Array | None:
    """The palette re-based, so that ``colormap[value]`` is the colour of a stored value.

    Parameters
    ----------
    ds, spec
        As for :func:`colours_by_value`.

    Returns
    -------
    ndarray of uint8 or uint16, or None
        Where the samples are unsigned and the first value mapped is 0, the palette as it is, shape (entries, 3): higher values
        than it has entries have the last colour, and no row. Else the rows of :func:`colours_by_value`, shape (2**stored, 3).
        None if there is no palette.

    Examples
    --------
    >>> from dcmenc.pixels import palette_attributes
    >>> ds = Dataset(palette_attributes(np.array([[1, 2, 3], [4, 5, 6]], "u1")))
    >>> colormap_from_zero(ds, ImageSpec(2, 2, allocated=8, stored=2)).shape
    (2, 3)
    """
    colormap = colormap_of(ds)
    if colormap is None or (not spec.signed and _descriptor(ds).first == 0):
        return colormap
    return colours_by_value(ds, spec)


# How many pixels are converted at once: what is needed in between stays small.
_STRETCH = 1 << 16


def as_rgb(array: Any, ds: Dataset, spec: ImageSpec) -> Array:
    """Stored values as red, green and blue (PS3.3 C.7.6.3.1.2).

    Parameters
    ----------
    array : ndarray
        What :func:`stored_values` gave, all frames or some.
    ds : Dataset
        Where it came from; it has the palette.
    spec : ImageSpec
        From :func:`spec_of`.

    Returns
    -------
    ndarray, the shape of the array with 3 samples on the last axis
        RGB is given back as it is. Pixels of YBR_FULL and YBR_FULL_422 are converted in their own dtype, rounded and clipped.
        Indices of PALETTE COLOR become entries of the palette, of its dtype.

    Raises
    ------
    PixelError
        The pixels have no colour, or one of a compressed image. Shades of gray are not RGB until a window has been chosen for
        them, which is for the viewer to do.

    Examples
    --------
    >>> ybr = ImageSpec(1, 1, samples=3, allocated=8, stored=8, photometric="YBR_FULL")
    >>> as_rgb(np.array([[[76, 85, 255]]], "u1"), Dataset(), ybr).tolist()
    [[[254, 0, 0]]]
    """
    if spec.photometric == "RGB":
        return np.asarray(array)
    if spec.photometric == "PALETTE COLOR":
        return _look_up(np.asarray(array), colours_by_value(ds, spec))
    if spec.photometric in ("YBR_FULL", _SUBSAMPLED):
        return _rgb_of_ybr(np.asarray(array), spec)
    if PHOTOMETRICS[spec.photometric].gray:
        raise PixelError(f"{spec.photometric} has no colour; leave color= out, and for gray in three samples "
                         "window the values and give numpy.stack([gray] * 3, -1)")
    raise PixelError(f"{spec.photometric} is what compressed pixels are; set ds.PhotometricInterpretation to what they are now, "
                     "'RGB' or 'YBR_FULL'")


def _look_up(array: Array, colours: Array) -> Array:
    rgb = np.empty((*array.shape, 3), colours.dtype)
    values, pixels = array.reshape(-1), rgb.reshape(-1, 3)
    for at in range(0, len(values), _STRETCH):
        # "wrap" counts negative values from the end
        pixels[at : at + _STRETCH] = np.take(colours, values[at : at + _STRETCH], axis=0, mode="wrap")
    return rgb


def _rgb_of_ybr(array: Array, spec: ImageSpec) -> Array:
    """The equations of PS3.3 C.7.6.3.1.2 turned round, in integers: halves are rounded up, and no platform differs."""
    if spec.signed or spec.allocated > 32:
        raise PixelError(f"{spec.photometric} becomes RGB from unsigned samples of up to 32 bits, not from "
                         f"{'signed' if spec.signed else 'unsigned'} ones of {spec.allocated}")
    if array.shape[-1] != 3:
        raise PixelError(f"an array of shape {array.shape} has not the three samples of {spec.photometric} on its last axis")
    rgb = np.empty(array.shape, array.dtype)
    samples, pixels, highest = array.reshape(-1, 3), rgb.reshape(-1, 3), (1 << spec.stored) - 1
    wide = np.int32 if spec.stored <= 12 else np.int64  # 621,206 x 2**11 fits 32 bits
    for at in range(0, len(samples), _STRETCH):
        y, cb, cr = samples[at : at + _STRETCH].T.astype(wide)
        cb -= 1 << spec.high_bit
        cr -= 1 << spec.high_bit
        red = y + (1402 * cr + 500) // 1000
        # 0.114 x 1.772 and 0.299 x 1.402, both over 0.587
        green = y + (293_500 - 202_008 * cb - 419_198 * cr) // 587_000
        blue = y + (1772 * cb + 500) // 1000
        for sample, values in enumerate((red, green, blue)):
            pixels[at : at + _STRETCH, sample] = values.clip(0, highest)
    return rgb
