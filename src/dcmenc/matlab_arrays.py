"""Arrays in MATLAB's order, rows, columns, samples, frames, and what becomes of floats (PS3.3 C.7.6.3, C.11.1).

In DICOM, and in every other room, frames come first. Nothing of metadata here.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ._decimal import round_ds
from .errors import PixelError
from .pixels import PHOTOMETRICS, as_pixels, integer_way_out

Array = np.ndarray[Any, Any]

_STEPS = 0xFFFF


class Layout(NamedTuple):
    """Pixels with the frames in front, and their samples; None where the array alone decides."""

    pixels: Array
    samples: int | None


def frames_first(array: Any, axes: str, photometric: str | None, indexed: bool) -> Layout:
    """An array of MATLAB's, or one of NumPy's, as the rest of the package has it; a view, unless frames alternate in memory.

    Parameters
    ----------
    array : array_like
        With ``axes="matlab"``: (rows, columns), (rows, columns, 3), (rows, columns, 1, frames) or (rows, columns, 3, frames); also
        (rows, columns, frames) where ``photometric`` is of one sample. With ``axes="numpy"``: as :func:`dcmenc.imwrite` takes it.
    axes : {"matlab", "numpy"}
    photometric : str or None
        The photometric interpretation, if the caller says one.
    indexed : bool
        Whether there is a colormap.

    Raises
    ------
    PixelError
        The array is no image in that order; the message says how it becomes one.

    Examples
    --------
    >>> frames_first(np.zeros((4, 5, 3, 2), "u1"), "matlab", None, False).pixels.shape
    (2, 4, 5, 3)
    >>> frames_first(np.zeros((4, 5, 1, 1), "u1"), "matlab", None, False).pixels.shape
    (4, 5)
    """
    pixels = as_pixels(array)
    if axes == "numpy":
        return Layout(pixels, 1 if indexed else None)
    row = PHOTOMETRICS.get(photometric.upper()) if isinstance(photometric, str) else None
    if pixels.ndim == 3 and row is not None and row.samples == 1:
        pixels = pixels[:, :, np.newaxis, :]
    samples = pixels.shape[2] if pixels.ndim > 2 else 1
    if pixels.ndim not in (2, 3, 4) or samples not in (1, 3) or (indexed and samples == 3):
        raise PixelError(_no_image(pixels.shape, indexed))
    if pixels.ndim == 4:
        pixels = np.moveaxis(pixels, 3, 0)
    if samples == 1 and pixels.ndim > 2:
        pixels = pixels[..., 0]
    if pixels.ndim == 3 + (samples == 3):
        pixels = pixels[0] if len(pixels) == 1 else _together(pixels)
    return Layout(pixels, samples)


def _together(frames: Array) -> Array:
    """Frames whose samples lie together; of those that alternate in memory, as in C order the last axis does, a copy.

    It is made row by row, which takes a fifth of the time.
    """
    if abs(frames.strides[0]) >= abs(frames.strides[1]):
        return frames
    copy = np.empty(frames.shape, frames.dtype)
    for row in range(frames.shape[1]):
        copy[:, row] = frames[:, row]
    return copy


def _no_image(shape: tuple[int, ...], indexed: bool) -> str:
    order = "(rows, columns), (rows, columns, 1, frames)" if indexed else (
        "(rows, columns), (rows, columns, 3), (rows, columns, 1, frames) or (rows, columns, 3, frames)")
    text = f"an array of shape {shape} is no {'indexed ' if indexed else ''}image in MATLAB's order, which is {order}"
    if len(shape) == 3:
        text += (f". For {shape[2]} frames of {shape[0]} rows and {shape[1]} columns give X[:, :, None, :]; "
                 f"for {shape[0]} frames of {shape[1]} rows and {shape[2]} columns give axes='numpy'")
    elif len(shape) == 4:
        text += "; with the frames in front, and the samples last, give axes='numpy'"
    return text


def matlab_order(array: Array, samples: int) -> Array:
    """Pixels as MATLAB has them: (rows, columns), (rows, columns, 3), or four axes for several frames; a view.

    >>> matlab_order(np.zeros((7, 4, 5), "u1"), 1).shape, matlab_order(np.zeros((4, 5, 3), "u1"), 3).shape
    ((4, 5, 1, 7), (4, 5, 3))
    """
    if array.ndim == 2 + (samples > 1):
        return array
    return np.moveaxis(array if samples > 1 else array[..., np.newaxis], 0, 3)


def zero_based(pixels: Array, entries: int) -> Array:
    """Indices of a colormap: floats count from 1, integers from 0, as MATLAB's do.

    >>> zero_based(np.array([[1.0, 256.0]]), 256).tolist(), zero_based(np.array([[1]], "u1"), 256).tolist()
    ([[0, 255]], [[1]])
    """
    if pixels.dtype.kind != "f":
        return pixels.view(np.uint8) if pixels.dtype == bool else pixels
    if not (np.isfinite(pixels).all() and (pixels == np.rint(pixels)).all() and pixels.min() >= 1 and pixels.max() <= entries):
        raise PixelError(f"indices that are floats are whole numbers from 1 to the {entries} rows of the colormap; "
                         "give integers where they count from 0")
    return (pixels - 1).astype(np.uint8 if entries <= 0x100 else np.uint16)


class Rescaled(NamedTuple):
    """Integers that stand for floats: ``pixels * slope + intercept``, at most ``error`` away from them."""

    pixels: Array
    slope: float
    intercept: float
    error: float


def rescaled(values: Array) -> Rescaled:
    """Floats as 16-bit integers with a slope and an intercept that a Decimal String holds exactly (PS3.3 C.11.1.1.2).

    Whole numbers keep their values as long as they lie in 65,536 steps; others come within half a step.

    Raises
    ------
    PixelError
        Not every value is a number, or they lie too far apart, or too close together, for a Decimal String.

    Examples
    --------
    >>> rescaled(np.array([[-1024.0, 3071.0]])).pixels.dtype, rescaled(np.array([[-1024.0, 3071.0]])).slope
    (dtype('int16'), 1.0)
    >>> halves = rescaled(np.array([[0.0, 0.25, 1.0]]))
    >>> float(abs(halves.pixels * halves.slope + halves.intercept - [[0.0, 0.25, 1.0]]).max()) <= halves.error
    True
    """
    wide = values.astype(np.float64, copy=False)
    if not np.isfinite(wide).all():
        raise PixelError("give a number for every pixel that is NaN or infinite; no integer stands for them")
    low, high = float(wide.min()), float(wide.max())
    if (wide == np.rint(wide)).all() and high - low <= _STEPS and round_ds(low) == low:
        whole = next((dtype for dtype in (np.uint16, np.int16) if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max), None)
        if whole is not None:
            return Rescaled(wide.astype(whole), 1.0, 0.0, 0.0)
        return Rescaled((wide - low).astype(np.uint16), 1.0, low, 0.0)
    intercept = round_ds(low)
    if low == high:
        return Rescaled(np.zeros(wide.shape, np.uint16), 1.0, intercept, abs(low - intercept))
    slope = round_ds((high - intercept) / _STEPS)
    if not np.isfinite(high - low) or not slope > 0:
        raise PixelError(f"no slope and intercept of 16 characters stand for values from {low!r} to {high!r}; scale them yourself")
    with np.errstate(over="ignore", invalid="ignore"):
        pixels = np.rint((wide - intercept) / slope).clip(0, _STEPS).astype(np.uint16)
        error = float(np.abs(pixels * slope + intercept - wide).max())
    if not error <= slope:
        raise PixelError(f"no slope and intercept of 16 characters stand for values from {low!r} to {high!r}; scale them yourself")
    return Rescaled(pixels, slope, intercept, error)


def refuse_floats(pixels: Array) -> None:
    """Nothing is scaled unless the caller says so."""
    if pixels.dtype.kind == "f":
        raise PixelError(f"pixels are integers, not {pixels.dtype}, and nothing is rescaled silently: rescale=True keeps the values by "
                         f"RescaleSlope and RescaleIntercept; or {integer_way_out(pixels)}")


def in_depth(pixels: Array, allocated: Any, stored: Any, high_bit: Any) -> Array:
    """The pixels in the width that metadata say; the values stay, or it is an error.

    >>> in_depth(np.array([[7]], "u2"), 8, 8, 7).dtype
    dtype('uint8')
    """
    if pixels.dtype == bool and (allocated, stored, high_bit) == (1, 1, 0):
        return pixels
    if allocated not in (8, 16, 32) or not isinstance(stored, int) or not 1 <= stored <= allocated:
        raise ValueError(f"UseMetadataBitDepths: the metadata say BitsAllocated {allocated} and BitsStored {stored}, where 8, 16 or "
                         "32 bits are allocated and no more stored")
    if high_bit != stored - 1:
        raise ValueError(f"UseMetadataBitDepths: HighBit is {high_bit}, and {stored} stored bits are written with {stored - 1}; "
                         "set it in the metadata, the values of X stay")
    wanted = np.dtype(f"{'i' if pixels.dtype.kind == 'i' else 'u'}{allocated // 8}")
    low, high = int(pixels.min()), int(pixels.max())
    if low < np.iinfo(wanted).min or high > np.iinfo(wanted).max:
        raise PixelError(f"UseMetadataBitDepths: the values from {low} to {high} do not fit the {allocated} bits that metadata allocate")
    return pixels.astype(wanted, copy=False)
