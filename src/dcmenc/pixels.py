"""Pixels: what an array says of itself, its native bytes, palettes, and what new pixels make untrue (PS3.3 C.7.6.3, PS3.5 8).

Arrays come with the frames in front, then rows and columns, then samples, and are never transposed. Which pixels a SOP
class allows is in ``iod.py``; no files here.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Self

import numpy as np

from ._swap import deinterleave, outside_bits, pack_bits
from .dictionary import Tag, lookup
from .errors import PixelError
from .model import Dataset, Sequence
from .values import Element, describe
from .vr import AMBIGUOUS

Kind = Literal["integer", "float", "bit"]


class Photometric(NamedTuple):
    """One photometric interpretation; ``native`` says whether uncompressed pixels hold all its samples (PS3.3 C.7.6.3.1.2)."""

    samples: int
    native: bool
    gray: bool


PHOTOMETRICS: Mapping[str, Photometric] = {
    "MONOCHROME1": Photometric(1, True, True),
    "MONOCHROME2": Photometric(1, True, True),
    "PALETTE COLOR": Photometric(1, True, False),
    "RGB": Photometric(3, True, False),
    "YBR_FULL": Photometric(3, True, False),
    "YBR_FULL_422": Photometric(3, False, False),
    "YBR_PARTIAL_420": Photometric(3, False, False),
    "YBR_ICT": Photometric(3, False, False),
    "YBR_RCT": Photometric(3, False, False),
    "XYB": Photometric(3, False, False),
}

# dtype kind and size in bytes -> what the pixels are, bits allocated, signed
_DTYPES: Mapping[tuple[str, int], tuple[Kind, int, bool]] = {
    ("b", 1): ("bit", 1, False),
    ("u", 1): ("integer", 8, False),
    ("u", 2): ("integer", 16, False),
    ("u", 4): ("integer", 32, False),
    ("i", 1): ("integer", 8, True),
    ("i", 2): ("integer", 16, True),
    ("i", 4): ("integer", 32, True),
    ("f", 4): ("float", 32, True),
    ("f", 8): ("float", 64, True),
}

_ALLOCATED: Mapping[Kind, tuple[int, ...]] = {"bit": (1,), "integer": (8, 16, 32), "float": (32, 64)}
_LONGEST_SIDE = 0xFFFF
_LONGEST_VALUE = 0xFFFFFFFE
_MOST_FRAMES = 2**31 - 1


@dataclass(frozen=True, slots=True)
class ImageSpec:
    """What every frame of an image is: the Image Pixel attributes as numbers (PS3.3 C.7.6.3).

    Parameters
    ----------
    rows, columns : int
        Size of a frame in pixels.
    frames : int
        Number of frames.
    samples : int
        Samples per pixel: 1 or 3.
    allocated, stored : int
        Bits allocated and stored of a sample.
    signed : bool
        Two's complement samples.
    photometric : str
        Photometric interpretation.
    planar : int
        1 where the native bytes hold a plane for each sample, else 0.
    kind : {"integer", "float", "bit"}
        "bit" is one bit a pixel, packed.
    as_read : bool
        The pixels are those of a file: what is read but never written is taken, too, which is signed samples of colour or
        of a palette, and integers of 64 bits. It plays no part when descriptions are compared.

    Raises
    ------
    PixelError
        The parts do not go together.

    Examples
    --------
    >>> ImageSpec(512, 512, stored=12).high_bit
    11
    >>> ImageSpec(512, 512, photometric="RGB")
    Traceback (most recent call last):
    ...
    dcmenc.errors.PixelError: RGB has 3 samples a pixel, not 1
    """

    rows: int
    columns: int
    frames: int = 1
    samples: int = 1
    allocated: int = 16
    stored: int = 16
    signed: bool = False
    photometric: str = "MONOCHROME2"
    planar: int = 0
    kind: Kind = "integer"
    as_read: bool = field(default=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        self._check_size()
        self._check_bits()
        self._check_colour()

    @classmethod
    def from_array(
        cls, array: Any, *, bits_stored: int | None = None, photometric: str | None = None, planar: int = 0, samples: int | None = None
    ) -> Self:
        """The description of an array.

        Parameters
        ----------
        array : array_like
            (rows, columns), (rows, columns, 3), (frames, rows, columns) or (frames, rows, columns, 3), of bool, 8, 16 or
            32-bit integers, or 32 or 64-bit floats. Three axes with 3 last are one colour image unless ``photometric``
            is of one sample.
        bits_stored : int, optional
            How many of the bits hold the value; all of them by default.
        photometric : str, optional
            MONOCHROME2 or RGB by default, as the axes say.
        planar : int
            As for the class.
        samples : {1, 3}, optional
            Says what three axes are, where ``photometric`` does not: frames, or one colour image.

        Examples
        --------
        >>> ImageSpec.from_array(np.zeros((5, 7, 3), "u1")).photometric
        'RGB'
        >>> ImageSpec.from_array(np.zeros((5, 7, 3), "u1"), photometric="MONOCHROME2").frames
        5
        """
        pixels = as_pixels(array)
        if photometric is not None and photometric not in PHOTOMETRICS:
            raise PixelError(f"{photometric!r} is no photometric interpretation; they are {', '.join(PHOTOMETRICS)}")
        kind, allocated, signed = _DTYPES[pixels.dtype.kind, pixels.dtype.itemsize]
        frames, rows, columns, samples = _axes(pixels.shape, photometric, samples)
        if samples == 3 and (signed or kind == "bit") and photometric is None:
            way_out = ", or photometric='MONOCHROME2' if the first axis counts frames" if pixels.ndim == 3 else ""
            raise PixelError(f"an array of shape {pixels.shape} is one colour image, or several, and {pixels.dtype} holds no colour; "
                             f"give uint8 or uint16{way_out}")
        stored = allocated if bits_stored is None else bits_stored
        return cls(rows, columns, frames, samples, allocated, stored, signed, photometric or ("RGB" if samples == 3 else "MONOCHROME2"),
                   planar, kind)

    @property
    def high_bit(self) -> int:
        """The place of the most significant stored bit."""
        return self.stored - 1

    @property
    def frame_bytes(self) -> int:
        """The bytes of one frame by itself; a last byte of bits counts in full."""
        return (self._frame_bits + 7) // 8

    @property
    def native_bytes(self) -> int:
        """The bytes of all frames as native Pixel Data, without the padding to an even length (PS3.5 8.1.1)."""
        return (self.frames * self._frame_bits + 7) // 8

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array: without the axes of a single frame or sample."""
        front = (self.frames,) if self.frames > 1 else ()
        return (*front, self.rows, self.columns, *((self.samples,) if self.samples > 1 else ()))

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """The shape of one frame by itself."""
        return (self.rows, self.columns, self.samples) if self.samples > 1 else (self.rows, self.columns)

    @property
    def dtype(self) -> np.dtype[Any]:
        """What the array consists of, in the byte order of the host."""
        if self.kind == "bit":
            return np.dtype(np.bool_)
        return np.dtype(f"{'f' if self.kind == 'float' else 'i' if self.signed else 'u'}{self.allocated // 8}")

    @property
    def keyword(self) -> str:
        """The element that holds the pixels (PS3.3 C.7.6.3, C.7.6.24, C.7.6.25)."""
        return "PixelData" if self.kind != "float" else "FloatPixelData" if self.allocated == 32 else "DoubleFloatPixelData"

    @property
    def _frame_bits(self) -> int:
        return self.rows * self.columns * self.samples * self.allocated

    def _check_size(self) -> None:
        for name, most in (("rows", _LONGEST_SIDE), ("columns", _LONGEST_SIDE), ("frames", _MOST_FRAMES)):
            size = getattr(self, name)
            if not 1 <= size <= most:
                raise PixelError(f"an image has 1 to {most} {name}, not {size}")

    def _check_bits(self) -> None:
        if self.kind not in _ALLOCATED:
            raise PixelError(f"pixels are of the kind {', '.join(_ALLOCATED)}, not {self.kind!r}")
        allowed = _ALLOCATED[self.kind] + ((64,) if self.as_read and self.kind == "integer" else ())
        if self.allocated not in allowed:
            raise PixelError(f"pixels of the kind {self.kind!r} have {_either(allowed)} bits allocated, not {self.allocated}")
        lowest = self.allocated if self.kind == "float" else 1
        if not lowest <= self.stored <= self.allocated:
            raise PixelError(f"of {self.allocated} bits allocated, {lowest} to {self.allocated} are stored, not {self.stored}")
        if self.kind == "bit" and self.signed:
            raise PixelError("single bits have no sign")

    def _check_colour(self) -> None:
        row = PHOTOMETRICS.get(self.photometric)
        if row is None:
            raise PixelError(f"{self.photometric!r} is no photometric interpretation; they are {', '.join(PHOTOMETRICS)}")
        if row.samples != self.samples:
            raise PixelError(f"{self.photometric} has {row.samples} sample{'s' if row.samples > 1 else ''} a pixel, not {self.samples}")
        if self.planar not in (0, 1) or (self.planar and self.samples == 1):
            raise PixelError("the planar configuration is 0, or 1 where a pixel has 3 samples")
        if not row.gray and (self.kind != "integer" or (self.signed and not self.as_read)):
            given = "signed ones" if self.kind == "integer" else f"{self.kind}s"
            raise PixelError(f"{self.photometric} takes unsigned integers, not {given}")
        if self.photometric == "PALETTE COLOR" and self.allocated > 16:
            raise PixelError("PALETTE COLOR takes 8 or 16 bits allocated; a palette has at most 65536 entries")


def _either(choices: tuple[object, ...]) -> str:
    *most, last = map(str, choices)
    return f"{', '.join(most)} or {last}" if most else last


def as_pixels(array: Any) -> np.ndarray[Any, Any]:
    """An array whose dtype DICOM pixels can have, without a copy where it already is one.

    >>> as_pixels([[1, 2]])
    Traceback (most recent call last):
    ...
    dcmenc.errors.PixelError: DICOM pixels are no int64; these values fit .astype('uint8') ...
    """
    masked = sys.modules.get("numpy.ma")  # who has not loaded it has no masked array, and it takes its time
    if masked is not None and isinstance(array, masked.MaskedArray):
        raise PixelError("a masked array has pixels without a value; decide on one with .filled(value)")
    try:
        pixels = np.asarray(array)
    except ValueError as error:
        # lists whose rows differ in length
        raise PixelError(f"{describe(array)} makes no array: {error}") from None
    if not pixels.size:
        raise PixelError(f"an array of shape {pixels.shape} has no pixels")
    if (pixels.dtype.kind, pixels.dtype.itemsize) not in _DTYPES:
        raise PixelError(f"DICOM pixels are no {pixels.dtype}; {_way_out(pixels)}")
    return pixels


def zeros_and_ones(bits: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Bool as bytes of 0 and 1; NumPy takes any other byte for true, too."""
    right: np.ndarray[Any, Any] = np.not_equal(bits.view(np.uint8), 0).view(np.uint8)
    return right


def check_native(spec: ImageSpec, *, big_endian: bool = False) -> None:
    """Refuse what native Pixel Data do not hold: more bytes than 32 bits count, and samples whose byte order is not agreed on.

    That of floats is: OF and OD are swapped by the float, where OW is by the word of 16 bits (PS3.5 6.2, 7.3).
    """
    if big_endian and spec.allocated > 16 and spec.kind != "float":
        raise PixelError("readers disagree on the byte order of 32-bit samples in Explicit VR Big Endian; use another transfer syntax")
    if spec.native_bytes > _LONGEST_VALUE:
        way_out = "write several files" if spec.kind == "float" else (
            "compress them, or give the transfer syntax 'encapsulated-uncompressed'")
        raise PixelError(f"{spec.native_bytes} bytes of pixels are more than the 4 GiB that uncompressed Pixel Data hold; {way_out}")


def _narrowest(low: int, high: int) -> str:
    """The integer dtype of DICOM pixels that holds a range; empty where there is none."""
    names = ("uint8", "int8", "uint16", "int16", "uint32", "int32")
    return next((name for name in names if np.iinfo(name).min <= low and high <= np.iinfo(name).max), "")


def integer_way_out(pixels: np.ndarray[Any, Any]) -> str:
    """How floats become integers, said with the dtype that holds these."""
    if not np.isfinite(pixels).all():
        return "give a number for every pixel that is NaN or infinite, then convert to integers"
    name = _narrowest(int(np.floor(pixels.min())), int(np.ceil(pixels.max())))
    convert = f"numpy.rint(array).astype({name!r}) holds these values rounded" if name else "scale them into 32 bits"
    return f"{convert}; or scale them yourself and give RescaleSlope and RescaleIntercept"


def _way_out(pixels: np.ndarray[Any, Any]) -> str:
    if pixels.dtype.kind in "iu":
        low, high = int(pixels.min()), int(pixels.max())
        if name := _narrowest(low, high):
            return f"these values fit .astype({name!r}) (or a wider type of 8, 16 or 32 bits)"
        return f"the values from {low} to {high} fit none of 8, 16 and 32 bits; scale them yourself"
    if pixels.dtype.kind == "c":
        return "write two images, of .real and .imag or of magnitude and phase, as integers"
    if pixels.dtype.kind == "f":
        return "take .astype('float32'), or scale to integers yourself and give RescaleSlope and RescaleIntercept"
    return "give an array of bool, or of integers with 8, 16 or 32 bits"


def _axes(shape: tuple[int, ...], photometric: str | None, known: int | None = None) -> tuple[int, int, int, int]:
    """Frames, rows, columns, samples of a shape; what is ambiguous is decided by the photometric interpretation."""
    samples = PHOTOMETRICS[photometric].samples if photometric else known if known else 3 if len(shape) > 2 and shape[-1] == 3 else 1
    if len(shape) not in (2, 3, 4):
        raise PixelError(f"an array of shape {shape} is no image: the axes are (rows, columns), (rows, columns, 3), "
                         "(frames, rows, columns) or (frames, rows, columns, 3)")
    if samples == 3 and (len(shape) == 2 or shape[-1] != 3):
        hint = "; move the axis of samples to the end: numpy.moveaxis(array, -3, -1)" if 3 in shape[-3:-2] else ""
        raise PixelError(f"{photometric} needs three samples on the last axis, which an array of shape {shape} does not have{hint}")
    if (len(shape) == 4 and samples == 1) or (len(shape) == 3 and photometric is None and known is None and shape[-1] in (1, 4)):
        raise PixelError(f"an array of shape {shape} has {_last_axis_hint(shape, photometric)}")
    if samples == 3:
        return (1, *shape) if len(shape) == 3 else shape  # type: ignore[return-value]
    return (1, *shape, 1) if len(shape) == 2 else (*shape, 1)  # type: ignore[return-value]


def _last_axis_hint(shape: tuple[int, ...], photometric: str | None) -> str:
    frames = ", or photometric='MONOCHROME2' if the first axis counts frames" if len(shape) == 3 else ""
    if shape[-1] == 1:
        return f"one sample on an axis of its own: give array[..., 0]{frames}"
    if shape[-1] == 4:
        return f"four samples a pixel, and DICOM has no alpha: give array[..., :3]{frames}"
    if photometric and shape[-1] == 3:
        return f"three samples a pixel, and {photometric} one: give photometric='RGB' or one of the samples"
    return "four axes, of which the last is not the 3 samples of a colour image"


def native_bytes(array: Any, spec: ImageSpec) -> memoryview:
    """The bytes of native Pixel Data: little endian, frame after frame, without the padding to an even length (PS3.5 8.1, 8.2).

    A C-contiguous little-endian array is not copied. Bits are packed from the least significant one on, and frames are
    joined without a gap, so that only the last byte is filled up (PS3.5 8.1.1).

    Parameters
    ----------
    array : array_like
        What ``spec`` describes.
    spec : ImageSpec
        From ``ImageSpec.from_array``.

    Raises
    ------
    PixelError
        The array is not what the description says, or a sample needs more than the stored bits.

    Examples
    --------
    >>> bits = np.ones((2, 3, 3), bool)
    >>> native_bytes(bits, ImageSpec.from_array(bits, photometric="MONOCHROME2")).hex()
    'ffff03'
    """
    pixels = as_pixels(array)
    _check_agreement(pixels, spec)
    if spec.kind == "bit":
        return memoryview(pack_bits(np.ascontiguousarray(pixels).data))
    little = _in_range(pixels, spec)
    if spec.planar:
        little = _by_plane(little, spec)
    return little.reshape(-1).view(np.uint8).data


def _by_plane(pixels: np.ndarray[Any, Any], spec: ImageSpec) -> np.ndarray[Any, Any]:
    """Frame by frame, the samples of a kind together (PS3.3 C.7.6.3.1.3)."""
    planes = np.empty((spec.frames, spec.frame_bytes), np.uint8)
    for frame, plane in zip(pixels.reshape(spec.frames, -1), planes, strict=True):
        deinterleave(frame.data, spec.rows * spec.columns, spec.samples, spec.allocated // 8, plane.data)
    return planes


def frame_cells(frame: Any, spec: ImageSpec) -> np.ndarray[Any, Any]:
    """One frame as a codec takes it: little endian, in C order, checked against its description; not copied if it is so already.

    Parameters
    ----------
    frame : array_like, shape (rows, columns[, samples])
    spec : ImageSpec
        Of the image that the frame belongs to; how many frames it has plays no part.

    Raises
    ------
    PixelError
        The frame is not what the description says, or a sample needs more than the stored bits.

    Examples
    --------
    >>> frame_cells(np.array([[1, 4096]], "u2"), ImageSpec(1, 2, stored=12))
    Traceback (most recent call last):
    ...
    dcmenc.errors.PixelError: the sample at (0, 1) is 4096, and 12 unsigned bits hold 0 to 4095; ...
    """
    pixels = as_pixels(frame)
    _check_dtype(pixels, spec)
    if pixels.shape != spec.frame_shape:
        raise PixelError(f"a frame of shape {pixels.shape} is not what is described: {spec.frame_shape}")
    return _in_range(pixels, spec)


def _check_agreement(pixels: np.ndarray[Any, Any], spec: ImageSpec) -> None:
    if not PHOTOMETRICS[spec.photometric].native:
        raise PixelError(f"{spec.photometric} is for compressed pixels only; uncompressed ones are RGB or YBR_FULL")
    _check_dtype(pixels, spec)
    if pixels.shape != spec.shape and (spec.frames > 1 or pixels.shape != (1, *spec.shape)):
        raise PixelError(f"an array of shape {pixels.shape} is not what is described: {spec.shape}")


def _check_dtype(pixels: np.ndarray[Any, Any], spec: ImageSpec) -> None:
    if _DTYPES[pixels.dtype.kind, pixels.dtype.itemsize] != (spec.kind, spec.allocated, spec.signed):
        sign = "signed" if spec.signed else "unsigned"
        raise PixelError(f"an array of {pixels.dtype} is not what is described: {spec.kind}, {spec.allocated} bits, {sign}")


def _in_range(pixels: np.ndarray[Any, Any], spec: ImageSpec) -> np.ndarray[Any, Any]:
    """The array in C order and little endian; every sample fits the stored bits (PS3.5 8.1.1)."""
    native = np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("="))
    if spec.kind == "integer" and spec.stored < spec.allocated:
        first = outside_bits(native.data, spec.allocated, spec.stored, spec.signed)
        if first >= 0:
            raise PixelError(_out_of_range(native, first, spec))
    return native.astype(native.dtype.newbyteorder("<"), copy=False)


def _out_of_range(pixels: np.ndarray[Any, Any], first: int, spec: ImageSpec) -> str:
    low, high = (-(1 << spec.high_bit), (1 << spec.high_bit) - 1) if spec.signed else (0, (1 << spec.stored) - 1)
    index = tuple(map(int, np.unravel_index(first, pixels.shape)))
    return (f"the sample at {index} is {int(pixels[index])}, and {spec.stored} {'signed' if spec.signed else 'unsigned'} bits "
            f"hold {low} to {high}; give more bits_stored, or clip the array")


def image_attributes(spec: ImageSpec) -> dict[str, Any]:
    """The attributes that describe the pixels, by keyword (PS3.3 C.7.6.3, C.7.6.6).

    >>> image_attributes(ImageSpec(2, 3, stored=12))["HighBit"]
    11
    """
    attributes: dict[str, Any] = {"SamplesPerPixel": spec.samples, "PhotometricInterpretation": spec.photometric}
    if spec.samples > 1:
        attributes["PlanarConfiguration"] = spec.planar
    if spec.frames > 1:
        attributes["NumberOfFrames"] = spec.frames
    attributes |= {"Rows": spec.rows, "Columns": spec.columns, "BitsAllocated": spec.allocated}
    if spec.kind != "float":
        attributes |= {"BitsStored": spec.stored, "HighBit": spec.high_bit, "PixelRepresentation": int(spec.signed)}
    return attributes


_COLOURS = ("Red", "Green", "Blue")
# Every attribute that is part of a palette, in full or in segments.
PALETTE_KEYWORDS = (
    *(f"{colour}PaletteColorLookupTable{part}" for colour in _COLOURS for part in ("Descriptor", "Data")),
    *(f"Segmented{colour}PaletteColorLookupTableData" for colour in _COLOURS),
    "PaletteColorLookupTableUID",
)


def palette_attributes(colormap: Any) -> dict[str, Any]:
    """The lookup tables of PALETTE COLOR, by keyword (PS3.3 C.7.6.3.1.5, C.7.6.3.1.6).

    Parameters
    ----------
    colormap : array_like, shape (entries, 3)
        Red, green and blue of pixel value 0, 1, ...: floats from 0 to 1, which become 16 bits, or uint8 or uint16 as they are.
        An odd number of uint8 entries is made even by repeating the last one, which stands for all higher values anyway.

    Examples
    --------
    >>> palette_attributes([[0.0, 0.5, 1.0]])["BluePaletteColorLookupTableDescriptor"]
    (1, 0, 16)
    """
    entries = _palette_entries(colormap)
    bits = 8 * entries.dtype.itemsize
    attributes: dict[str, Any] = {}
    for colour, column in zip(_COLOURS, entries.T, strict=True):
        # 65536 does not fit the 16 bits of the number of entries: 0 stands for it
        attributes[f"{colour}PaletteColorLookupTableDescriptor"] = (len(entries) & 0xFFFF, 0, bits)
        attributes[f"{colour}PaletteColorLookupTableData"] = column.astype(column.dtype.newbyteorder("<")).tobytes()
    return attributes


def _palette_entries(colormap: Any) -> np.ndarray[Any, Any]:
    entries = np.asarray(colormap)
    if entries.ndim != 2 or entries.shape[1] != 3:
        hint = "; give colormap[:, :3], there is no alpha" if entries.ndim == 2 and entries.shape[1] == 4 else ""
        raise PixelError(f"a colormap has the shape (entries, 3), not {entries.shape}{hint}")
    if not 1 <= len(entries) <= 0x10000:
        raise PixelError(f"a palette has 1 to 65536 entries, not {len(entries)}")
    if entries.dtype.kind == "f":
        if not (np.isfinite(entries).all() and entries.min() >= 0 and entries.max() <= 1):
            raise PixelError("a colormap of floats lies from 0 to 1; for 0 to 255 give uint8, for 0 to 65535 give uint16")
        return np.rint(entries.astype(np.float64) * 0xFFFF).astype(np.uint16)
    if entries.dtype.kind != "u" or entries.dtype.itemsize > 2:
        raise PixelError(f"a colormap is of floats from 0 to 1, of uint8 or of uint16, not of {entries.dtype}")
    if entries.dtype.itemsize == 1 and len(entries) % 2:
        # The last colour once more shows the same and needs no padding, over which readers stumble.
        entries = np.concatenate([entries, entries[-1:]])
    return entries


class Stale(NamedTuple):
    """Attributes that no longer hold once the pixels are replaced; ``encoding`` ones even if the values stay the same."""

    keywords: tuple[str, ...]
    when: str
    reason: str
    encoding: bool = False


class Dropped(NamedTuple):
    """An attribute that was taken out, and why."""

    path: str
    keyword: str
    reason: str


# Attributes with one value for each frame.
FRAME_VECTORS = ("FrameTimeVector", "PageNumberVector", "FrameLabelVector", "FramePrimaryAngleVector", "FrameSecondaryAngleVector",
                 "SliceLocationVector", "DisplayWindowLabelVector")

PIXEL_ELEMENTS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData", "PixelDataProviderURL")

INVALIDATED = (
    Stale(("ExtendedOffsetTable", "ExtendedOffsetTableLengths"), "always", "points into the old Pixel Data", encoding=True),
    Stale(("SmallestImagePixelValue", "LargestImagePixelValue", "SmallestPixelValueInSeries", "LargestPixelValueInSeries"), "always",
          "was counted over the old pixels", encoding=True),
    Stale(PIXEL_ELEMENTS, "always", "only one element holds the pixels", encoding=True),
    Stale(("DigitalSignaturesSequence", "MACParametersSequence"), "always", "signs the old data set", encoding=True),
    Stale(("DataSetTrailingPadding",), "always", "filled up the old file", encoding=True),
    Stale(("NumberOfFrames",), "single frame", "there is one frame"),
    Stale(("PlanarConfiguration",), "one sample", "a pixel has one sample"),
    Stale(("BitsStored", "HighBit", "PixelRepresentation", "PixelPaddingValue", "PixelPaddingRangeLimit"), "floats", "describes integers"),
    Stale(("FloatPixelPaddingValue", "FloatPixelPaddingRangeLimit"), "no 32-bit floats", "describes floats of 32 bits"),
    Stale(("DoubleFloatPixelPaddingValue", "DoubleFloatPixelPaddingRangeLimit"), "no 64-bit floats", "describes floats of 64 bits"),
    Stale(("IconImageSequence",), "always", "shows the old pixels"),
    Stale(PALETTE_KEYWORDS, "no palette", "belongs to PALETTE COLOR"),
    Stale(("PixelPaddingValue", "PixelPaddingRangeLimit"), "padding out of range", "lies outside the range of the new pixels"),
    Stale(("SOPInstanceUID", "InstanceCreationDate", "InstanceCreationTime"), "always", "belongs to the old instance"),
)


def _padding_out_of_range(ds: Dataset, spec: ImageSpec) -> bool:
    low, high = (-(1 << spec.high_bit), (1 << spec.high_bit) - 1) if spec.signed else (0, (1 << spec.stored) - 1)
    paddings = (getattr(ds, keyword, None) for keyword in ("PixelPaddingValue", "PixelPaddingRangeLimit"))
    return any(not low <= padding <= high for padding in paddings if isinstance(padding, int))


_WHEN: Mapping[str, Callable[[Dataset, ImageSpec], bool]] = {
    "always": lambda ds, spec: True,
    "single frame": lambda ds, spec: spec.frames == 1,
    "one sample": lambda ds, spec: spec.samples == 1,
    "floats": lambda ds, spec: spec.kind == "float",
    "no 32-bit floats": lambda ds, spec: spec.keyword != "FloatPixelData",
    "no 64-bit floats": lambda ds, spec: spec.keyword != "DoubleFloatPixelData",
    "no palette": lambda ds, spec: spec.photometric != "PALETTE COLOR",
    "padding out of range": _padding_out_of_range,
}


def invalidate(ds: Dataset, spec: ImageSpec, *, new_values: bool = True) -> list[Dropped]:
    """Take out of a dataset what does not hold for the pixels that it is going to have.

    Parameters
    ----------
    ds : Dataset
        Changed in place, with its items.
    spec : ImageSpec
        The new pixels.
    new_values : bool
        False if the pixels have the same values in the same places and only their encoding is new.

    Returns
    -------
    list of Dropped
        What went, and why; the old pixels themselves are among it.

    Examples
    --------
    >>> ds = Dataset(LargestImagePixelValue=7, PixelPaddingValue=4095, PatientID="4711")
    >>> [dropped.keyword for dropped in invalidate(ds, ImageSpec(2, 2, allocated=8, stored=8))]
    ['LargestImagePixelValue', 'PixelPaddingValue']
    """
    dropped = []
    for row in INVALIDATED:
        if (new_values or row.encoding) and _WHEN[row.when](ds, spec):
            dropped += [_drop(ds, Tag(keyword), row.reason) for keyword in row.keywords if keyword in ds]
    if new_values:
        dropped += drop_frames(ds, spec)
        dropped += _drop_overlays(ds, spec)
    if new_values or getattr(ds, "PixelRepresentation", None) not in (None, int(spec.signed)):
        _reopen_signs(ds)
    return dropped


def _drop(ds: Dataset, tag: Tag, reason: str) -> Dropped:
    del ds[tag]
    return Dropped(str(tag), tag.keyword, reason)


def drop_frames(ds: Dataset, spec: ImageSpec) -> list[Dropped]:
    """Take out what describes frames that are no longer there."""
    dropped = []
    groups = getattr(ds, "PerFrameFunctionalGroupsSequence", None)
    if isinstance(groups, Sequence) and len(groups) > spec.frames:
        ds.PerFrameFunctionalGroupsSequence = Sequence(groups[: spec.frames])
        tag = Tag("PerFrameFunctionalGroupsSequence")
        dropped.append(Dropped(f"{tag}[{spec.frames}]", tag.keyword, f"there are {spec.frames} frames"))
    vectors = [keyword for keyword in FRAME_VECTORS if keyword in ds and _count(ds[keyword]) != spec.frames]
    dropped += [_drop(ds, Tag(keyword), f"has not one value for each of {spec.frames} frames") for keyword in vectors]
    if any(tag not in ds for tag in _pointers(ds)):
        dropped.append(_drop(ds, Tag("FrameIncrementPointer"), "points to an attribute that is not there"))
    return dropped


def _count(element: Element) -> int:
    """How many values a vector of decimals, integers or text has; in UN they are text as well, and little endian (PS3.5 6.2.2)."""
    value = element.value
    if element.vr == "UN" and value is not None:
        return bytes(value).count(b"\\") + 1
    return 0 if value is None else 1 if isinstance(value, str) or not hasattr(value, "__len__") else len(value)


def _pointers(ds: Dataset) -> list[Tag]:
    """The tags of Frame Increment Pointer, which in UN are their bytes."""
    element = ds.get("FrameIncrementPointer")
    if element is None or element.value is None:
        return []
    if element.vr == "UN":
        data = bytes(element.value)
        return [Tag(group, low) for group, low in struct.iter_unpack("<HH", data[:len(data) // 4 * 4])]
    return [element.value] if isinstance(element.value, Tag) else [Tag(tag) for tag in element.value]


def _drop_overlays(ds: Dataset, spec: ImageSpec) -> list[Dropped]:
    """Overlays of another size, and those that were in unused bits of the old pixels (PS3.3 C.9.2, PS3.5 8.1.2)."""
    dropped = []
    for group in sorted({tag >> 16 for tag in ds if 0x6000 <= tag >> 16 < 0x6020 and not tag >> 16 & 1}):
        tags = [tag for tag in ds if tag >> 16 == group]
        rows, columns = (ds[group, element].value if (group, element) in ds else None for element in (0x0010, 0x0011))
        if (rows, columns) != (spec.rows, spec.columns) or (group, 0x3000) not in ds:
            reason = "lies in bits of the old pixels" if (rows, columns) == (spec.rows, spec.columns) else "is an overlay of another size"
            dropped += [_drop(ds, tag, reason) for tag in tags]
    return dropped


def _reopen_signs(ds: Dataset) -> None:
    """Leave US or SS to the new PixelRepresentation again, in items too; the walk refuses a value that does not fit it."""
    for tag in ds:
        element = ds[tag]
        if element.vr == "SQ" and element.value:
            for item in element.value:
                _reopen_signs(item)
        elif element.vr in ("US", "SS") and (entry := lookup(element.tag)) is not None and entry.vr in AMBIGUOUS:
            ds[element.tag] = Element(element.tag, entry.vr, element.value)
