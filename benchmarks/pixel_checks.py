"""Whether contenders have encoded and decoded the same pixels, those of the frames that they were given.

Encoded pixels need not be the same bytes: what dcmenc has encoded is decoded by others, and what they have by dcmenc.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .jobs import unpack
from .terms import Case, Size

if TYPE_CHECKING:
    from .frames import Frame

# What the checks of ``terms.Check`` that are done here look at: encoded frames, decoded frames, a file.
KINDS = frozenset({"encoded", "decoded", "file"})


class Mismatch(Exception):
    """Two contenders did not write the same."""


def compare(case: Case, label: str, size: Size, ours: bytes, theirs: bytes) -> str:
    """What was compared, in words; :class:`Mismatch` where it does not hold."""
    kind = case.contenders[label].check
    if kind == "file":
        return _compare_files(case, label, size, ours, theirs)
    return _compare_frames(case, label, size, _DECODERS[case.contenders["dcmenc"].form.split()[0]] if kind == "encoded" else None,
                           unpack(ours), unpack(theirs))


def sizes(case: Case, result: bytes) -> dict[str, int]:
    """The bytes of a result: of each part of a job that has some, else of the whole, which has no name."""
    return {name: len(data) for name, data in unpack(result).items()} if case.road in ("encode", "decode") else {"": len(result)}


# The decoders of a codec, each of a frame and its encoding: somebody else's, for what dcmenc has encoded, and dcmenc's for the others.
_Decoders = tuple[Callable[["Frame", bytes], bytes], Callable[["Frame", bytes], bytes]]


def _compare_frames(case: Case, label: str, size: Size, decoders: _Decoders | None, ours: dict[str, bytes],
                    theirs: dict[str, bytes]) -> str:
    """``decoders`` None: it is samples that are compared."""
    from .frames import frames

    known = {frame.name: frame for frame in frames(size)}
    for number, (name, side) in enumerate((("dcmenc", ours), (label, theirs))):
        if side.keys() != ours.keys():
            raise Mismatch(f"{case.name}: dcmenc has the frames {', '.join(ours)}, {name} {', '.join(side)}")
        for part, data in side.items():
            frame = known[part.split()[0]]
            samples = decoders[number](frame, data) if decoders else data
            if samples != frame.cells.tobytes():
                raise Mismatch(f"{case.name}: what {name} makes of the frame {part} has other samples than it")
    return f"the samples of {len(ours)} frames are what they were"


def _jpeg_of_others(frame: Frame, data: bytes) -> bytes:
    import imagecodecs

    samples: bytes = imagecodecs.jpeg8_decode(data).tobytes()
    return samples


def _jpeg_of_ours(frame: Frame, data: bytes) -> bytes:
    from dcmenc._jpegll_decode import decode

    return bytes(decode(data).samples)


def _rle_of_others(frame: Frame, data: bytes) -> bytes:
    from .peer_pylibjpeg import decoded

    return decoded(frame, data)


def _rle_of_ours(frame: Frame, data: bytes) -> bytes:
    from dcmenc._rle import decode

    rows, columns, samples = frame.shape
    return decode(data, rows, columns, samples, frame.cells.itemsize)


def _jpeg2000_of_others(frame: Frame, data: bytes) -> bytes:
    import imagecodecs

    samples: bytes = imagecodecs.jpeg2k_decode(data).tobytes()
    return samples


def _jpeg2000_of_ours(frame: Frame, data: bytes) -> bytes:
    from dcmenc.codecs import get_codec
    from dcmenc.pixels import ImageSpec

    return get_codec("jpeg2000-lossless").decode_frame(data, ImageSpec.from_array(frame.cells, bits_stored=frame.bits)).tobytes()


_JPEG2000 = (_jpeg2000_of_others, _jpeg2000_of_ours)
_JPEG, _RLE = (_jpeg_of_others, _jpeg_of_ours), (_rle_of_others, _rle_of_ours)
_DECODERS: dict[str, _Decoders] = {"sv1": _JPEG, "auto": _JPEG, "rle": _RLE, "j2k": _JPEG2000}


def _compare_files(case: Case, label: str, size: Size, ours: bytes, theirs: bytes) -> str:
    """The pixels of both files: dcmenc's by pydicom and pylibjpeg, those of others by dcmenc."""
    import dcmenc

    from .frames import stack

    pixels, encoding = _by_pydicom(ours)
    others, of_others = dcmenc.imread(theirs), dcmenc.dcmread(theirs).file_meta.TransferSyntaxUID
    if encoding != of_others:
        raise Mismatch(f"{case.name}: dcmenc wrote the transfer syntax {encoding}, {label} {of_others}")
    for name, found in (("dcmenc", pixels), (label, others)):
        if found.shape != stack(size).shape or not (found == stack(size)).all():
            raise Mismatch(f"{case.name}: the file of {name} has other pixels than the one that it was made of")
    return f"{len(others)} frames are what they were, in both files; {len(ours)} bytes, {label} {len(theirs)}"


def _by_pydicom(data: bytes) -> tuple[Any, str]:
    import pydicom
    from pydicom.pixels.utils import pixel_array

    ds = pydicom.dcmread(io.BytesIO(data))
    return pixel_array(ds, decoding_plugin="pylibjpeg"), str(ds.file_meta.TransferSyntaxUID)
