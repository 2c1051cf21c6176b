"""dcmenc's side of the pixel cases: ``peer_dcmenc.py`` hands them on to here."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any

import dcmenc
from dcmenc import _jpegll, _jpegll_decode, _rle
from dcmenc._swap import swapped
from dcmenc.codecs import get_codec
from dcmenc.coder import Coder
from dcmenc.pixels import ImageSpec
from dcmenc.uid import transfer_syntax
from dcmenc.window import Window

from .frames import Frame, encoded_file, frames, image_attributes, native_file, stack, streams, swap_buffers
from .jobs import Job, conversion_job, file_job, pack, parts_job, read_job, writing_job
from .terms import Case, Road, Size

_TRANSCODE = "import sys, dcmenc; dcmenc.transcode(sys.argv[1], sys.argv[2], {!r})"
# What ``transcode`` and ``Coder`` are told for the words of a form behind the first.
_WORKERS = {"": 1, "two": 2}
# How many frames of the stack threads are given, where it is not all of them.
_FEW = {"jpeg2000-lossless": 2}


def prepare(case: Case, form: str, size: Size, folder: str) -> Job:
    """The job of a pixel case; the first word of ``form`` says what is encoded or decoded, the second how."""
    what, _, how = form.partition(" ")
    return ROADS[case.road](what, how, size, folder)


def _encode(what: str, how: str, size: Size, folder: str) -> Job:
    return parts_job({frame.name: _encoding(what, frame, how == "portable") for frame in frames(size)})


def _encoding(what: str, frame: Frame, portable: bool) -> Callable[[], bytes]:
    cells, shape, raw = frame.cells, frame.shape, frame.cells.data
    if what == "rle":
        return lambda: _rle.encode(raw, *shape, cells.itemsize, portable=portable)
    if what == "j2k":
        codec, spec = get_codec("jpeg2000-lossless"), ImageSpec.from_array(cells, bits_stored=frame.bits)
        return lambda: codec.encode_frame(cells, spec)
    predictor = 0 if what == "auto" else int(what.removeprefix("sv"))
    return lambda: _jpegll.encode(cells, *shape, frame.bits, predictor, portable=portable)


def _decode(what: str, how: str, size: Size, folder: str) -> Job:
    decoding = {name: _decoding(what, frame, data, how == "portable") for name, (frame, data) in streams(what, size).items()}
    return parts_job(decoding, lambda name, found: found if what == "rle" else found.samples)


def _decoding(what: str, frame: Frame, data: bytes | bytearray, portable: bool) -> Callable[[], Any]:
    if what == "rle":
        return lambda: _rle.decode(data, *frame.shape, frame.cells.itemsize, portable=portable)
    return lambda: _jpegll_decode.decode(data)


def _swap(what: str, how: str, size: Size, folder: str) -> Job:
    def swapping(data: bytes) -> Callable[[], bytes]:
        return lambda: swapped(data, 2)

    return parts_job({name: swapping(data) for name, data in swap_buffers(size).items()})


def _transcode(what: str, how: str, size: Size, folder: str) -> Job:
    content = native_file(size)
    if how == "process":
        return conversion_job([sys.executable, "-c", _TRANSCODE.format(what)], content, folder)
    workers = _WORKERS[how]
    return file_job(lambda source, target: dcmenc.transcode(source, target, what, workers=workers), content, folder)


def _imwrite(what: str, how: str, size: Size, folder: str) -> Job:
    array, told = stack(size), image_attributes(size)
    # the same UIDs and times each time: the files are compared
    told |= {"uid_source": lambda: "2.25.4711", "clock": lambda: datetime(2024, 1, 31), "bits_stored": 12}
    return writing_job(lambda target: dcmenc.imwrite(target, array, compression=what, verify_pixels=how != "unproved", **told), folder)


def _threads(what: str, how: str, size: Size, folder: str) -> Job:
    """Frames to bytes as ``imwrite`` has them made, but to no file: that part is one thread's."""
    array, workers, codec = stack(size)[:_FEW.get(what)], _WORKERS[how], get_codec(what)
    coder = Coder(transfer_syntax(what), codec, ImageSpec.from_array(array, bits_stored=12), verify=False)

    def encode() -> list[bytes]:
        with Window(lambda at: coder(array[at], at), workers, coder.together) as window:
            return list(window.map(range(len(array))))

    return Job(encode, lambda: pack({str(at): data for at, data in enumerate(encode())}))


def _imread(what: str, how: str, size: Size, folder: str) -> Job:
    path = os.path.join(folder, "in.dcm")
    with open(path, "wb") as file:
        file.write(encoded_file(what, size))
    stack.cache_clear()
    return read_job(lambda: dcmenc.imread(path))


ROADS: dict[Road, Callable[[str, str, Size, str], Job]] = {
    "encode": _encode, "decode": _decode, "swap": _swap, "transcode": _transcode, "imwrite": _imwrite, "threads": _threads,
    "imread": _imread,
}
