"""OpenJPEG as a contender: the same file that dcmenc has loaded, and the calls that a frame cannot do without.

Nothing is checked, nobody listens to what the library says, and the frames are not looked at; the settings are those of dcmenc. What
dcmenc takes more is its own.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import numpy as np

from dcmenc import openjpeg

from .frames import Frame, frames
from .jobs import Job, parts_job
from .terms import Case, Size

_LEVELS = 5
_STREAM = 1 << 22  # more than a frame of the cases takes


def prepare(case: Case, form: str, size: Size, folder: str) -> Job:
    """Everything that is done before the clock starts: the library is that of DCMENC_OPENJP2, or which dcmenc finds."""
    calls = openjpeg._declared(ctypes.CDLL(openjpeg.library().path))
    return parts_job({frame.name: _encoding(calls, frame) for frame in frames(size)})


def _encoding(calls: ctypes.CDLL, frame: Frame) -> Callable[[], bytes]:
    rows, columns, samples = frame.shape
    planes = [frame.cells.reshape(rows, columns, samples)[..., sample] for sample in range(samples)]
    components = (openjpeg._PlaneParameters * samples)()
    for each in components:
        each.dx = each.dy = 1
        each.w, each.h, each.prec, each.bpp = columns, rows, frame.bits, frame.bits
    parameters = openjpeg._EncoderParameters()
    calls.opj_set_default_encoder_parameters(parameters)
    parameters.numresolution = min(_LEVELS, min(rows, columns).bit_length() - 1) + 1
    parameters.tcp_mct, parameters.tcp_numlayers, parameters.cp_disto_alloc = int(samples == 3), 1, 1
    more_guard_bits = (ctypes.c_char_p * 2)(b"GUARD_BITS=3", None)

    def encode() -> bytes:
        pieces = []

        @openjpeg._WRITE
        def write(source: int, count: int, _: object) -> int:
            pieces.append(ctypes.string_at(source, count))
            return count

        image = calls.opj_image_create(samples, components, openjpeg._SRGB if samples == 3 else openjpeg._GRAY)
        image.contents.x1, image.contents.y1 = columns, rows
        for plane, component in zip(planes, image.contents.comps[:samples], strict=True):
            np.copyto(openjpeg._samples(component), plane, casting="unsafe")
        codec = calls.opj_create_compress(openjpeg._CODESTREAM)
        calls.opj_setup_encoder(codec, parameters, image)
        if samples == 3:
            calls.opj_encoder_set_extra_options(codec, more_guard_bits)
        stream = calls.opj_stream_create(_STREAM, 0)
        calls.opj_stream_set_write_function(stream, write)
        calls.opj_start_compress(codec, image, stream)
        calls.opj_encode(codec, stream)
        calls.opj_end_compress(codec, stream)
        calls.opj_stream_destroy(stream)
        calls.opj_destroy_codec(codec)
        calls.opj_image_destroy(image)
        return b"".join(pieces)

    return encode


def run(job: Job) -> object:
    return job.act()


def result(job: Job) -> bytes:
    return job.collect()
