"""From Pixel Data to arrays: the description that a dataset gives, and stored values (PS3.3 C.7.6.3; PS3.5 8.1, 8.2).

The other way, from arrays to bytes, is in ``pixels.py``; what the values look like, in ``colours.py``. A dataset
holds its pixels in little endian, whatever the file did, so that the byte order plays no part here but for one warning.

Nothing is allocated before the bytes that are there have been counted against what the attributes claim.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection
from dataclasses import replace
from operator import index
from typing import Any

import numpy as np

from ._swap import interleave, mask_bits, outside_bits, unpack_bits
from .codecs import Codec, get_codec, own_samples
from .encapsulation import count_frames, frames_of
from .errors import CodecError, DcmencWarning, PixelError
from .model import Dataset
from .pixels import PHOTOMETRICS, ImageSpec, Kind
from .values import Fragments, shorten

Array = np.ndarray[Any, Any]

# The elements that hold pixels; the bits of a float.
_FLOATS = {"FloatPixelData": 32, "DoubleFloatPixelData": 64}
_ELEMENTS = ("PixelData", *_FLOATS)

_ALLOCATED = (1, 8, 16, 32, 64)
_SIDES = range(1, 0x10000)
_EXPLICIT_BIG_ENDIAN = "1.2.840.10008.1.2.2"
SUBSAMPLED = "YBR_FULL_422"


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
    samples = whole_number(ds, "SamplesPerPixel", PHOTOMETRICS[photometric].samples)
    if samples != PHOTOMETRICS[photometric].samples:
        raise PixelError(f"SamplesPerPixel is {samples}, where the PhotometricInterpretation {photometric} has "
                         f"{PHOTOMETRICS[photometric].samples}; set the one that is wrong")
    rows, columns = (whole_number(ds, side, allowed=_SIDES) for side in ("Rows", "Columns"))
    frames = whole_number(ds, "NumberOfFrames", 1, range(2**31)) or 1
    planar = whole_number(ds, "PlanarConfiguration", 0, (0, 1)) if samples > 1 else 0
    allocated, stored, signed, kind = _bits(ds, keyword, photometric)
    return ImageSpec(rows, columns, frames, samples, allocated, stored, signed, photometric, planar, kind, as_read=True)


def value_of(ds: Dataset, keyword: str) -> Any:
    """The value of an attribute; None where it is missing or blank."""
    element = ds.get(keyword)
    value = None if element is None else element.value
    return None if isinstance(value, str) and not value.strip() else value


def whole_number(ds: Dataset, keyword: str, default: int | None = None, allowed: Collection[int] | None = None) -> int:
    """The whole number of an attribute; ``default`` where it is missing or empty."""
    value = value_of(ds, keyword)
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
    filled = [keyword for keyword in present if value_of(ds, keyword) is not None] or present[:1] or ["PixelData"]
    if len(filled) > 1:
        raise PixelError(f"{' and '.join(filled)} are both there, and only one element holds the pixels; delete the wrong one")
    return filled[0]


def _photometric(ds: Dataset, keyword: str) -> str:
    name = value_of(ds, "PhotometricInterpretation")
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
        bits = whole_number(ds, "BitsAllocated", _FLOATS[keyword], (_FLOATS[keyword],))
        return bits, bits, True, "float"
    allocated = whole_number(ds, "BitsAllocated", allowed=_ALLOCATED)
    stored = whole_number(ds, "BitsStored", 1 if allocated == 1 else None, range(1, allocated + 1))
    signed = bool(whole_number(ds, "PixelRepresentation", 0, (0, 1)))
    certain = allocated == 1 or PHOTOMETRICS[photometric].samples > 1
    if value_of(ds, "PixelRepresentation") is None and not certain:
        warn("PixelRepresentation is missing; the pixels are taken as unsigned. Set ds.PixelRepresentation to 1 if they are signed")
    return allocated, stored, signed, "bit" if allocated == 1 else "integer"


def warn(message: str) -> None:
    """A warning at the caller of the public function."""
    warnings.warn(message, DcmencWarning, stacklevel=4)


def stored_values(ds: Dataset, *, frame: int | None = None) -> Array:
    """The stored values of the pixels, as they are: nothing is rescaled, inverted or windowed (PS3.5 8.1).

    Parameters
    ----------
    ds : Dataset
        With PixelData, native or in fragments, FloatPixelData or DoubleFloatPixelData.
    frame : int, optional
        Which frame to give, counted from 0, or from -1 backwards. Only its bytes are touched, and it can be had from native pixels
        that break off later.

    Returns
    -------
    ndarray, shape (rows, columns[, samples]), or (frames, rows, columns[, samples]) for several frames
        In C order and of the host's byte order: bool for 1 bit, else integers of 8, 16, 32 or 64 bits by BitsAllocated and
        PixelRepresentation, or floats of 32 or 64. Bits outside those stored are masked off, or filled with the sign. The
        two half-rate samples of native YBR_FULL_422 are repeated, which makes three samples a pixel.

        Where the bytes need no change the array is a read-only view of the dataset's buffer, else it is new and writable;
        ``array.flags.writeable`` tells. ``array.copy()`` makes any of them your own.

    Raises
    ------
    PixelError
        The attributes describe no image, or fewer bytes are there than they claim.
    IndexError
        There is no such frame.
    CodecError
        A compressed frame is damaged, or not what the attributes say.
    CodecUnavailable
        There is no codec for the transfer syntax.

    Warns
    -----
    DcmencWarning
        More bytes are there than the attributes claim; an offset table is wrong; HighBit or the photometric interpretation are not
        what the standard has for native pixels; 32-bit integers come from Explicit VR Big Endian, about whose byte order readers
        disagree.

    Examples
    --------
    >>> stored_values(Dataset(Rows=1, Columns=3, PhotometricInterpretation="MONOCHROME2", BitsAllocated=8, BitsStored=8,
    ...                       PixelRepresentation=1, PixelData=b"\\x00\\x01\\xff\\x00"))
    array([[ 0,  1, -1]], dtype=int8)
    """
    frames = Frames(ds, frame)
    if frame is not None:
        return frames[index(frame) % len(frames)]
    return frames.all()


class Frames:
    """The frames of a dataset, each taken from its bytes when it is asked for; several threads may ask at once.

    Parameters
    ----------
    ds : Dataset
        As for :func:`stored_values`, which gives all frames at once; the pixels must not be set anew in the meantime.
    only : int, optional
        The only frame that is going to be asked for: native pixels may break off behind it.

    Attributes
    ----------
    spec : ImageSpec
        What each frame is. The photometric interpretation is that of the values given, not of what they were encoded from.
    low : int
        The place of the least significant stored bit in a cell.

    Examples
    --------
    >>> frames = Frames(Dataset(Rows=1, Columns=2, NumberOfFrames=2, PhotometricInterpretation="MONOCHROME2", BitsAllocated=8,
    ...                         BitsStored=7, PixelRepresentation=0, PixelData=bytes([1, 2, 3, 0x84])))
    >>> len(frames), frames[1].tolist(), frames.cells(1).tolist()
    (2, [[3, 4]], [[3, 132]])
    """

    def __init__(self, ds: Dataset, only: int | None = None) -> None:
        spec = spec_of(ds)
        self._codec: Codec | None = None
        self._encoded: list[Any] = []
        value = value_of(ds, spec.keyword)
        if isinstance(value, Fragments):
            self._codec = codec = _codec_of(ds)
            self._layout, self.spec = spec, replace(spec, photometric=codec.decoded_photometric(spec))
            self.low = _low_bit(ds, spec)
            _choose_frames(spec, only)
            self._counted = count_frames(value)
            self._encoded = frames_of(value, spec.frames, offsets=value_of(ds, "ExtendedOffsetTable"),
                                      lengths=value_of(ds, "ExtendedOffsetTableLengths"))
            return
        self._octets = _octets(ds, spec)
        self._layout = _native_spec(spec, self._octets.size)
        self.spec = replace(self._layout, photometric=own_samples(self._layout.photometric))
        first, count = _choose_frames(spec, only)
        self.low = _low_bit(ds, spec)
        _check_length(self._layout, self._octets.size, first + count)
        _warn_of_words(ds, spec)

    def __len__(self) -> int:
        return self.spec.frames

    @property
    def syntax(self) -> str | None:
        """The UID of the transfer syntax that the frames are compressed in; None for native ones."""
        return None if self._codec is None else self._codec.uid

    @property
    def there(self) -> int:
        """How many frames the bytes are, whatever the attributes claim, as far as it can be told."""
        if self._codec is None:
            frame_bits = _cells_per_frame(self._layout) * self._layout.allocated
            needed = (len(self) * frame_bits + 7) // 8
            # one byte more fills up an odd length, be it as large as a frame
            whole = 8 * self._octets.size // frame_bits if self._octets.size > needed + needed % 2 else 0
            return max(len(self), whole)
        return max(len(self), self._counted)

    def encoded(self, at: int) -> Any:
        """The bytes of a compressed frame, as they are: a buffer."""
        return self._encoded[at]

    def __getitem__(self, at: int) -> Array:
        """The stored values of a frame; read-only where they are a view of the dataset's bytes."""
        return sample_values(self.cells(at), self.spec, self.low)

    def cells(self, at: int) -> Array:
        """A frame with all of its allocated bits, the unused ones too (PS3.5 8.1.1), pixel by pixel."""
        if not 0 <= at < len(self):
            raise IndexError(f"there is no frame {at}: the image has {counted(len(self), 'frame')}, counted from 0")
        if self._codec is None:
            return self._native(at, 1).reshape(self.spec.frame_shape)
        try:
            return self._checked(self._codec.decode_frame(self._encoded[at], self._layout))
        except CodecError as error:
            raise type(error)(f"frame {at}: {error.reason}" if len(self) > 1 else error.reason, error.offset) from error

    def _checked(self, cells: Any) -> Array:
        """What a codec gave, which may be another package's."""
        if not isinstance(cells, np.ndarray) or (cells.shape, cells.dtype) != (self.spec.frame_shape, self.spec.dtype):
            raise CodecError(f"the codec gave no {self.spec.dtype} of shape {self.spec.frame_shape}")
        return np.ascontiguousarray(cells)

    def all(self) -> Array:
        """What :func:`stored_values` gives."""
        if self._codec is None:
            return sample_values(self._native(0, len(self)), self.spec, self.low).reshape(self.spec.shape)
        first = self[0]
        if len(self) == 1:
            return first
        # not before a frame has been decoded: what the attributes claim has to be borne out by bytes
        values = np.empty((len(self), *first.shape), first.dtype)
        values[0] = first
        for at in range(1, len(self)):
            values[at] = self[at]
        return values

    def _native(self, first: int, count: int) -> Array:
        return _interleave(_cells(self._octets, self._layout, first, count), self._layout, count)


def _codec_of(ds: Dataset) -> Codec:
    uid = _syntax_uid(ds)
    if not isinstance(uid, str):
        raise PixelError("the pixels are compressed, and nothing says how; set ds.file_meta.TransferSyntaxUID")
    try:
        return get_codec(uid)
    except ValueError as error:
        raise PixelError(f"the pixels are in fragments, and {error}; set ds.file_meta.TransferSyntaxUID to what they are") from None


def _octets(ds: Dataset, spec: ImageSpec) -> Array:
    """The bytes of the pixels, as a view that cannot be written to."""
    value = value_of(ds, spec.keyword)
    if value is None:
        url = " They are at its PixelDataProviderURL" if "PixelDataProviderURL" in ds else ""
        raise PixelError(f"the dataset has no pixels: {spec.keyword} is {'empty' if spec.keyword in ds else 'missing'}.{url}".rstrip("."))
    return bytes_view(value)


def bytes_view(value: Any) -> Array:
    """The bytes of a buffer, as a view that cannot be written to."""
    try:
        octets = np.frombuffer(value, np.uint8)
    except (TypeError, ValueError):
        raise PixelError(f"bytes are wanted, not {shorten(value)}: the VR of the element is not one of pixels or of a table") from None
    octets.flags.writeable = False
    return octets


def _syntax_uid(ds: Dataset) -> Any:
    return value_of(ds.file_meta, "TransferSyntaxUID")


def _native_spec(spec: ImageSpec, size: int) -> ImageSpec:
    """What native pixels can be; whole samples under the label of half ones are told by their length."""
    if spec.photometric == "YBR_PARTIAL_420":
        raise PixelError("PhotometricInterpretation is YBR_PARTIAL_420, which only compressed pixels have; set what they are, "
                         "to 'YBR_FULL' if every pixel has three samples")
    if spec.photometric != SUBSAMPLED:
        return spec
    if size in (spec.native_bytes, spec.native_bytes + spec.native_bytes % 2):
        warn("PhotometricInterpretation is YBR_FULL_422, but every pixel has three samples; they are taken as YBR_FULL")
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
        raise IndexError(f"there is no frame {at}: the image has {counted(spec.frames, 'frame')}, counted from 0")
    return at % spec.frames, 1


def counted(count: int, noun: str) -> str:
    """A number with its noun."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _cells_per_frame(spec: ImageSpec) -> int:
    return spec.rows * spec.columns * (2 if spec.photometric == SUBSAMPLED else spec.samples)


def _check_length(spec: ImageSpec, size: int, last: int) -> None:
    """The bytes reach to the end of the last frame that is wanted; what lies beyond all frames is at most padding (PS3.5 8.1.1)."""
    frame_bits = _cells_per_frame(spec) * spec.allocated
    whole, needed = 8 * size // frame_bits, (spec.frames * frame_bits + 7) // 8
    what = (f"{counted(spec.frames, 'frame')} of {spec.rows} x {spec.columns} pixels with "
            f"{counted(spec.samples, 'sample')} of {counted(spec.allocated, 'bit')}")
    if 8 * size < last * frame_bits:
        rescue = "; frame= reads each of them" if whole else ""
        raise PixelError(f"{spec.keyword} has {size} bytes, where {what} need {needed}: "
                         f"{counted(whole, 'whole frame')} of {spec.frames} {'is' if whole == 1 else 'are'} there{rescue}")
    if size > needed + needed % 2:
        frames = f"; set ds.NumberOfFrames to {whole} if they are frames" if whole > spec.frames else ""
        warn(f"{spec.keyword} has {size} bytes, where {what} need {needed}; the others are ignored{frames}")


def _low_bit(ds: Dataset, spec: ImageSpec) -> int:
    """The place of the least significant stored bit; nowhere but at 0 since 2001 or so, and files are older."""
    if spec.kind != "integer":
        return 0
    high = whole_number(ds, "HighBit", spec.high_bit)
    if not spec.high_bit <= high < spec.allocated:
        raise PixelError(f"HighBit is {high}, where {spec.stored} bits stored of {spec.allocated} allocated have "
                         f"{spec.high_bit} to {spec.allocated - 1}; set ds.HighBit to {spec.high_bit} if the lowest bits are used")
    low = high - spec.high_bit
    if low:
        warn(f"HighBit is {high}, where {spec.stored} bits stored have {spec.high_bit} today: the {counted(low, 'lowest bit')} "
              f"{'is' if low == 1 else 'are'} left out. Set ds.HighBit to {spec.high_bit} if the values are there")
    return low


def _warn_of_words(ds: Dataset, spec: ImageSpec) -> None:
    # OW swaps words of 16 bits (PS3.5 7.3), and some write whole samples from the most significant byte on all the same.
    if spec.kind == "integer" and spec.allocated > 16 and _syntax_uid(ds) == _EXPLICIT_BIG_ENDIAN:
        warn(f"{spec.allocated}-bit samples in Explicit VR Big Endian are taken as words of 16 bits, the least significant first; "
              "some programs write them the other way round")


def _cells(octets: Array, spec: ImageSpec, first: int, count: int) -> Array:
    """The pixel cells of some frames in a row, one item each, in the byte order of the host."""
    cells = _cells_per_frame(spec)
    if spec.kind == "bit":
        # Frames are joined without a gap, so one may begin inside a byte (PS3.5 8.1.1).
        start, stop = first * cells, (first + count) * cells
        bits = np.empty(stop - start, np.bool_)
        unpack_bits(octets.data, start, stop - start, bits.data)
        return bits
    unit = spec.allocated // 8
    dtype = np.dtype(f"<{'f' if spec.kind == 'float' else 'i' if spec.signed else 'u'}{unit}")
    found = octets[first * cells * unit : (first + count) * cells * unit].view(dtype)
    # Compiled code that the array is given to may not take items at odd addresses.
    return found.astype(dtype.newbyteorder("="), copy=not found.flags.aligned)


def sample_values(cells: Array, spec: ImageSpec, low: int) -> Array:
    """Cells without the bits that are not stored (PS3.5 8.1.1); the same array if there are none."""
    if spec.kind != "integer" or (not low and _fits(cells, spec)):
        return cells
    values = np.empty_like(cells)
    mask_bits(cells.data, spec.allocated, spec.stored, low, spec.signed, values.data)
    return values


def _fits(cells: Array, spec: ImageSpec) -> bool:
    """Whether all cells are values already; reading them for it is cheaper than writing others."""
    return spec.stored == spec.allocated or outside_bits(cells.data, spec.allocated, spec.stored, spec.signed) < 0


def _interleave(values: Array, spec: ImageSpec, count: int) -> Array:
    """The samples of each pixel together, on the last axis (PS3.3 C.7.6.3.1.2, C.7.6.3.1.3)."""
    if spec.photometric == SUBSAMPLED:
        pairs = values.reshape(-1, 4)  # two of Y, then CB and CR for both
        whole = np.empty((len(pairs), 2, 3), values.dtype)
        whole[..., 0], whole[..., 1], whole[..., 2] = pairs[:, :2], pairs[:, 2:3], pairs[:, 3:]
        return whole
    if spec.planar:
        together = np.empty((count, spec.rows * spec.columns, spec.samples), values.dtype)
        for frame, planes in zip(together, values.reshape(count, -1), strict=True):
            interleave(planes.data, len(frame), spec.samples, values.itemsize, frame.data)
        return together
    return values
