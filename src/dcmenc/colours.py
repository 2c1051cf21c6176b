"""Colour: palettes, and red, green and blue of what is stored (PS3.3 C.7.6.3.1.2, C.7.6.3.1.5, C.7.6.3.1.6, C.7.9).

The stored values come from ``frames.py``; the way back, from a colormap to the tables of a palette, is in ``pixels.py``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .errors import PixelError
from .frames import SUBSAMPLED, Array, bytes_view, counted, value_of, warn, whole_number
from .model import Dataset
from .pixels import PHOTOMETRICS, ImageSpec
from .values import shorten
from .vr import VRS

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
    signed = whole_number(ds, "PixelRepresentation", 0, (0, 1))
    # 65536 entries do not fit the 16 bits of their number: 0 stands for them
    return _Descriptor(entries or 0x10000, first - 0x10000 if signed and first >= 0x8000 else first, bits)


def _words(ds: Dataset, keyword: str) -> Array:
    """The 16-bit words of an element without a sign, be its VR of numbers or of words."""
    element = ds.get(keyword)
    if element is None or element.value is None:
        raise PixelError(f"{keyword} is {'empty' if element else 'missing'}, and the palette is not complete without it")
    if _is_buffer(element.vr, element.value):
        octets = bytes_view(element.value)
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
    if value_of(ds, keyword) is None and segmented in ds:
        words = _words(ds, segmented)
        return _expand(words if descriptor.bits == 16 else words.view(np.uint8), descriptor.entries, segmented)
    return _full_table(_table_bytes(ds, keyword), descriptor, keyword)


def _table_bytes(ds: Dataset, keyword: str) -> Array:
    element = ds.get(keyword)
    if element is not None and element.value is not None and _is_buffer(element.vr, element.value):
        return bytes_view(element.value)
    return _words(ds, keyword).view(np.uint8)


def _full_table(octets: Array, descriptor: _Descriptor, keyword: str) -> Array:
    """Entries of 8 bits two to a word, as the standard has them, or one to a word: the length tells, whatever the descriptor says."""
    entries, bits = descriptor.entries, descriptor.bits
    packed, spread = entries + entries % 2, 2 * entries
    if octets.size in (entries, packed) and not (bits == 16 and octets.size == spread):
        return octets[:entries]
    if octets.size < spread or (octets.size > spread and bits == 8):
        raise PixelError(f"{keyword} has {counted(octets.size, 'byte')}, where a table of {entries} needs {packed} or {spread}")
    if octets.size > spread:
        warn(f"{keyword} has {octets.size} bytes, where its descriptor has {spread}; the others are ignored")
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
    if spec.photometric in ("YBR_FULL", SUBSAMPLED):
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
