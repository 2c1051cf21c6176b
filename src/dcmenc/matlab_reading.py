"""MATLAB's ``dicomread``: the pixels of a file in MATLAB's order, with colormap and overlays (PS3.3 C.7.6.3, C.9.2).

What frames and colours are, ``frames.py`` and ``colours.py`` know; the metadata are ``matlab_info.py``'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ._shapes import is_foreign
from .colours import as_rgb, colormap_from_zero
from .composition import of_pydicom
from .frames import Frames
from .matlab_arrays import matlab_order
from .model import Dataset
from .overlays import overlay_planes
from .pixels import ImageSpec
from .reader import dcmread
from .values import describe

Array = np.ndarray[Any, Any]


def dicomread(source: Any, /, *arguments: Any, frames: Any = "all", nargout: int = 1, axes: str = "matlab", color: str = "rgb",
              **named: Any) -> Any:
    """Read the pixels of a DICOM image, called as MATLAB's ``dicomread`` is: stored values, never rescaled (PS3.3 C.7.6.3).

    Parameters
    ----------
    source : str, os.PathLike, bytes-like, binary file object, dataset, or the struct of ``dicominfo``
        Of a struct, the file that its Filename names is read.
    frames : int, sequence of int, or 'all'
        Numbers from 1, as in MATLAB; also as the pair ``'frames', [1, 3]``.
    nargout : {1, 2, 3, 4}
        How many of the values below are wanted.
    axes : {'matlab', 'numpy'}
        'numpy': frames first, as :func:`dcmenc.imread` has them.
    color : {'rgb', 'stored'}
        'rgb': YBR_FULL and YBR_FULL_422 become red, green and blue. Indices of a palette stay: the colormap goes with them.
    UseVRHeuristic : bool
        Has no effect: a VR that changes within a file is always dealt with.

    Returns
    -------
    X : ndarray
        (rows, columns), (rows, columns, 3), (rows, columns, 1, frames) or (rows, columns, 3, frames).
    cmap : ndarray of float64, shape (entries, 3)
        From 0 to 1; of shape (0, 3) if the image is not indexed.
    alpha : ndarray
        Always of shape (0, 0): the images with an alpha channel were retired from DICOM, and are not read.
    overlays : ndarray of bool, shape (rows, columns, 1, planes)
        The overlays that have elements of their own.

    Raises
    ------
    ReadError, PixelError, CodecError
        As :func:`dcmenc.imread` says.
    IndexError
        There is no such frame.

    Examples
    --------
    >>> import io
    >>> from dcmenc import dicomwrite
    >>> file = io.BytesIO()
    >>> status = dicomwrite(np.array([[0, 1, 1]], "u1"), [[0.0, 0.0, 0.0], [1.0, 0.5, 0.0]], file)
    >>> X, cmap = dicomread(file.getvalue(), nargout=2)
    >>> X.tolist(), cmap.round(3).tolist()
    ([[0, 1, 1]], [[0.0, 0.0, 0.0], [1.0, 0.5, 0.0]])
    """
    frames = _reading_options(arguments, named).get("frames", frames)
    if axes not in ("matlab", "numpy") or color not in ("rgb", "stored") or nargout not in (1, 2, 3, 4):
        raise ValueError("axes is 'matlab' or 'numpy', color 'rgb' or 'stored', nargout 1 to 4")
    ds = _dataset_of(source)
    image = Frames(ds)
    X = _chosen_frames(image, frames)
    if color == "rgb" and image.spec.photometric.startswith("YBR"):
        X = as_rgb(X, ds, image.spec)
    if axes == "matlab":
        X = matlab_order(X, image.spec.samples)
    if nargout == 1:
        return X
    overlays = np.moveaxis(overlay_planes(ds, image.spec), 0, 2)[:, :, np.newaxis, :] if nargout == 4 else None
    return (X, _colormap(ds, image.spec), np.zeros((0, 0), np.uint8), overlays)[:nargout]


def _reading_options(arguments: tuple[Any, ...], named: Mapping[str, Any]) -> dict[str, Any]:
    """Pairs and keywords in any letter case."""
    if len(arguments) % 2:
        raise TypeError(f"{describe(arguments[-1])} stands without its name or its value")
    found = {}
    for name, value in (*zip(arguments[::2], arguments[1::2], strict=True), *named.items()):
        folded = name.lower() if isinstance(name, str) else ""
        if folded not in ("frames", "usevrheuristic"):
            raise TypeError(f"{name!r} is no option of dicomread; there are 'frames' and 'UseVRHeuristic'")
        found[folded] = value
    return found


def _dataset_of(source: Any) -> Dataset:
    if isinstance(source, Dataset):
        return source
    if isinstance(source, Mapping):
        if not isinstance(name := source.get("Filename"), str) or not name:
            raise ValueError("the struct names no file: give the path, or the struct as dicominfo made it")
        return dcmread(name)
    return of_pydicom(source) if is_foreign(source) else dcmread(source)


def _chosen_frames(image: Frames, frames: Any) -> Array:
    """The frames that are asked for, in that order; an array of the caller's own."""
    if isinstance(frames, str):
        if frames.lower() != "all":
            raise ValueError(f"frames are numbers from 1, or 'all', not {frames!r}")
        return np.array(image.all())
    numbers = [_frame_number(number, len(image)) for number in np.ravel(np.asarray(frames)).tolist()]
    if not numbers:
        raise ValueError("no frames are asked for")
    chosen = [image[number - 1] for number in numbers]
    return np.array(chosen[0]) if len(chosen) == 1 else np.stack(chosen)


def _frame_number(number: Any, count: int) -> int:
    if not isinstance(number, (int, float)) or not 1 <= number <= count or number != int(number):
        raise IndexError(f"there is no frame {number!r}: the image has {count}, counted from 1")
    return int(number)


def _colormap(ds: Dataset, spec: ImageSpec) -> Array:
    if spec.photometric != "PALETTE COLOR":
        return np.zeros((0, 3))
    colours = colormap_from_zero(ds, spec)
    return colours / np.iinfo(colours.dtype).max if colours is not None else np.zeros((0, 3))
