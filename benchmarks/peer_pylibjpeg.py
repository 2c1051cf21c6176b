"""pylibjpeg-rle as a contender: its decoder, which gives the samples of colours in planes, one behind the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from rle.rle import decode_frame  # type: ignore[import-not-found]

from .frames import Frame, streams
from .jobs import Job, parts_job
from .terms import Case, Size


def prepare(case: Case, form: str, size: Size, folder: str) -> Job:
    """Everything that is done before the clock starts."""
    given = streams(form, size)
    return parts_job({name: _decoding(frame, data) for name, (frame, data) in given.items()},
                     lambda name, found: _by_pixel(given[name][0], found))


def _decoding(frame: Frame, data: bytes | bytearray) -> Callable[[], Any]:
    pixels, bits = frame.shape[0] * frame.shape[1], 8 * frame.cells.itemsize
    return lambda: decode_frame(data, pixels, bits, "<")


def decoded(frame: Frame, data: bytes) -> bytes:
    """The samples of a frame, those of each pixel together."""
    return _by_pixel(frame, _decoding(frame, data)())


def _by_pixel(frame: Frame, planes: Any) -> bytes:
    rows, columns, samples = frame.shape
    return np.moveaxis(np.frombuffer(planes, frame.cells.dtype).reshape(samples, rows, columns), 0, -1).tobytes()


def run(job: Job) -> object:
    return job.act()


def result(job: Job) -> bytes:
    return job.collect()
