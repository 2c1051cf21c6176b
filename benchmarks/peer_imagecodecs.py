"""libjpeg-turbo as a contender, its lossless encoder and decoder, and OpenJPEG as it is built there: by way of imagecodecs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import imagecodecs

from .frames import Frame, frames, jpeg, streams
from .jobs import Job, parts_job
from .terms import Case, Size


def prepare(case: Case, form: str, size: Size, folder: str) -> Job:
    """Everything that is done before the clock starts; for the form "best" that is to find the best predictor of each frame."""
    if form == "j2k":
        return parts_job({frame.name: _encoding_2000(frame) for frame in frames(size)})
    if case.road == "encode":
        return parts_job({frame.name: _encoding(frame, 1 if form == "sv1" else best_predictor(frame)) for frame in frames(size)})
    return parts_job({name: _decoding(data) for name, (_, data) in streams(form, size).items()}, lambda name, array: array.tobytes())


def best_predictor(frame: Frame) -> int:
    """The selection value that makes the frame smallest, found by encoding it with all seven."""
    return min(range(1, 8), key=lambda predictor: len(jpeg(frame, predictor)))


def _encoding(frame: Frame, predictor: int) -> Callable[[], bytes | bytearray]:
    return lambda: jpeg(frame, predictor)


def _encoding_2000(frame: Frame) -> Callable[[], bytes | bytearray]:
    return lambda: imagecodecs.jpeg2k_encode(frame.cells, level=0, reversible=True, codecformat="j2k", mct=frame.shape[2] == 3,
                                             bitspersample=frame.bits)


def _decoding(data: bytes | bytearray) -> Callable[[], Any]:
    return lambda: imagecodecs.jpeg8_decode(data)


def run(job: Job) -> object:
    return job.act()


def result(job: Job) -> bytes:
    return job.collect()
