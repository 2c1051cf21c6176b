"""The pixels of the pixel cases: frames for the codecs alone, a stack of frames for whole images, and the files that hold it.

Four of the six frames are real ones, from the wheel of pydicom; those smaller than 512 x 512 are laid side by side. What is
decoded was encoded by a peer: nobody is given what dcmenc has written.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from . import cases
from .jobs import set_all
from .terms import Size

_SIDE: dict[Size, int] = {"full": 512, "quick": 512, "check": 48}
_STACK: dict[Size, int] = {"full": 40, "quick": 40, "check": 3}
# One frame, and what no cache holds.
_SWAPPED: dict[Size, dict[str, int]] = {
    "full": {"0.5 MiB": 2**19, "32 MiB": 2**25}, "quick": {"0.5 MiB": 2**19, "32 MiB": 2**25}, "check": {"1 KiB": 2**10, "6 bytes": 6},
}
_NATIVE, _JPEG, _RLE = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.5"


class Frame(NamedTuple):
    """``cells`` is of uint8 or uint16, (rows, columns) or (rows, columns, 3); ``bits`` of a sample are in use."""

    name: str
    cells: np.ndarray[Any, Any]
    bits: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """Rows, columns and samples of a pixel."""
        rows, columns = self.cells.shape[:2]
        return rows, columns, self.cells.size // (rows * columns)


def ct_like(seed: int, side: int) -> np.ndarray[Any, Any]:
    """A round body with soft structure and a dense core in noise that is correlated over two pixels; 12 bits."""
    source = np.random.default_rng(seed)
    y, x = np.mgrid[0:side, 0:side] / side - 0.5
    body = 1000 * (np.hypot(x * 1.2, y) < 0.42) + 60 * np.sin(9 * x) * np.cos(7 * y) + 200 * (np.hypot(x - 0.1, y + 0.1) < 0.1) + 24
    grain = source.normal(0, 14, (side, side))
    grain = (grain + np.roll(grain, 1, 1) + np.roll(grain, 1, 0)) / 1.5
    pixels: np.ndarray[Any, Any] = np.clip(body + grain, 0, 4095).astype("<u2")
    return pixels


def frames(size: Size) -> list[Frame]:
    """One frame of each kind. All 16 bits of the real CT and MR are coded: they are signed, and a codec sees no sign."""
    side = _SIDE[size]
    noise = np.random.default_rng(1).integers(0, 2**16, (side, side), dtype="<u2")
    return [Frame("ct", ct_like(5, side), 12), Frame("CT_small", _real("CT_small.dcm", "<u2", side), 16),
            Frame("MR_small", _real("MR_small.dcm", "<u2", side), 16), Frame("gray8", _real("examples_palette.dcm", "u1", side), 8),
            Frame("rgb8", _real("examples_rgb_color.dcm", "u1", side), 8), Frame("noise16", noise, 16)]


def _real(name: str, unit: str, side: int) -> np.ndarray[Any, Any]:
    import pydicom

    ds = pydicom.dcmread(os.path.join(os.path.dirname(cases.ct_path()), name))
    shape = (ds.Rows, ds.Columns, 3)[:2 + (ds.SamplesPerPixel > 1)]
    cells = np.frombuffer(ds.PixelData, unit, int(np.prod(shape))).reshape(shape)
    # tiles of an odd height: an encoder that looks at every sixteenth row shall not see the same few rows of each
    tile = cells[:shape[0] - 1 | 1, :shape[1] - 1 | 1]
    repeats = [-(-side // length) for length in tile.shape[:2]] + [1] * (tile.ndim - 2)
    tiled: np.ndarray[Any, Any] = np.tile(tile, repeats)
    return np.ascontiguousarray(tiled[:side, :side])


def swap_buffers(size: Size) -> dict[str, bytes]:
    """What is swapped, or copied, by the name of its size."""
    return {name: np.arange(count // 2, dtype="<u2").tobytes() for name, count in _SWAPPED[size].items()}


# ------------------------------------------------------------------ encoded by a peer

def jpeg(frame: Frame, predictor: int) -> bytes | bytearray:
    """The frame as libjpeg-turbo encodes it without loss."""
    import imagecodecs

    return imagecodecs.jpeg8_encode(frame.cells, lossless=True, predictor=predictor, bitspersample=frame.bits)


def rle(frame: Frame) -> bytes:
    """The frame as pylibjpeg-rle encodes it."""
    from rle.rle import encode_frame  # type: ignore[import-not-found]

    data: bytes = encode_frame(frame.cells.tobytes(), *frame.shape, 8 * frame.cells.itemsize, "<")
    return data


def streams(form: str, size: Size) -> dict[str, tuple[Frame, bytes | bytearray]]:
    """Encoded frames by their names: "rle", or of a range of predictors, as "sv1-5"."""
    if form == "rle":
        return {frame.name: (frame, rle(frame)) for frame in frames(size)}
    first, last = map(int, form.removeprefix("sv").split("-"))
    return {f"{frame.name} SV{predictor}": (frame, jpeg(frame, predictor))
            for frame in frames(size) for predictor in range(first, last + 1)}


# ------------------------------------------------------------------ whole images

@cache
def stack(size: Size) -> np.ndarray[Any, Any]:
    """(frames, rows, columns) of 12 bits; the noise is another in every frame."""
    return np.stack([ct_like(seed, _SIDE[size]) for seed in range(_STACK[size])])


def native_file(size: Size) -> bytes:
    """The stack as pydicom writes it, Explicit VR Little Endian: 21 MB."""
    return _file(_NATIVE, stack(size).tobytes(), size)


def encoded_file(form: str, size: Size) -> bytes:
    """The stack in "jpeg-lossless" (predictor 1) or "rle", encoded and written by peers."""
    from pydicom.encaps import encapsulate

    encode: Callable[[Frame], bytes | bytearray] = rle if form == "rle" else lambda frame: jpeg(frame, 1)
    return _file(_RLE if form == "rle" else _JPEG, encapsulate([bytes(encode(Frame("", cells, 12))) for cells in stack(size)]), size)


def _file(syntax: str, pixel_data: bytes, size: Size) -> bytes:
    import pydicom
    from pydicom.dataset import FileMetaDataset

    ds = pydicom.Dataset()
    cases.identify(ds, "1.2.840.10008.5.1.4.1.1.7.3", "OT")
    set_all(ds, image_attributes(size))
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.NumberOfFrames, ds.Rows, ds.Columns = stack(size).shape
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.PixelData = pixel_data
    ds["PixelData"].VR = "OW" if syntax == _NATIVE else "OB"
    ds.file_meta = set_all(FileMetaDataset(), cases.META | {"TransferSyntaxUID": syntax})
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, ds, enforce_file_format=True)
    return buffer.getvalue()


def image_attributes(size: Size) -> dict[str, Any]:
    """What Multi-frame Grayscale Word Secondary Capture asks for beside pixels and identity (PS3.3 A.8.4)."""
    return {"ConversionType": "WSD", "BurnedInAnnotation": "NO", "PresentationLUTShape": "IDENTITY", "RescaleIntercept": 0,
            "RescaleSlope": 1, "RescaleType": "US"}
