"""GDCM as a contender: python-gdcm, as the plug-in of pydicom calls it, and the program ``gdcmconv``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from . import sources
from .frames import Frame, frames
from .jobs import Job, conversion_job, parts_job
from .peers import gdcm_folder
from .terms import Case, Size

_COMMANDS = {"jpeg-lossless": ["gdcmconv", "--jpeg"], "rle": ["gdcmconv", "--rle"]}
_RLE = "1.2.840.10008.1.2.5"


def prepare(case: Case, form: str, size: Size, folder: str) -> Job:
    """Everything that is done before the clock starts."""
    if case.road == "transcode":
        return conversion_job(_COMMANDS[form], sources.content(case, size), folder)
    # before anything imports pydicom, which looks for gdcm just once
    if place := gdcm_folder():
        sys.path.append(place)
    from pydicom.pixels.encoders.gdcm import encode_pixel_data

    return parts_job({frame.name: _encoding(frame, encode_pixel_data) for frame in frames(size)})


def _encoding(frame: Frame, encode: Callable[[bytes, Any], bytes]) -> Callable[[], bytes]:
    rows, columns, samples = frame.shape
    runner = SimpleNamespace(
        transfer_syntax=_RLE, rows=rows, columns=columns, samples_per_pixel=samples, bits_allocated=8 * frame.cells.itemsize,
        bits_stored=frame.bits, pixel_representation=0, photometric_interpretation="RGB" if samples == 3 else "MONOCHROME2",
        get_option=lambda name, default: default)
    raw = frame.cells.tobytes()
    return lambda: encode(raw, runner)


def run(job: Job) -> object:
    return job.act()


def result(job: Job) -> bytes:
    return job.collect()
