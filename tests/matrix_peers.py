"""Independent decoders that vote on the cells of ``matrix.py``, and those cells on which one of them is known to fail.

Each gets a file, or the fragments that ``structure.py`` finds in it, and gives values.
"""

from __future__ import annotations

import io
import os
import re
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import warnings
import zlib
from collections.abc import Callable, Iterable
from functools import cache, cached_property
from importlib.util import find_spec
from itertools import product
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pydicom
import structure
from matrix_cells import FAMILIES, Array, Cell, cell
from pydicom.pixels.utils import pixel_array


class Work:
    """A file, and what the peers need of it."""

    def __init__(self, cell: Cell, data: bytes) -> None:
        self.cell, self.data = cell, data
        self.shape = (cell.frames, *cell.shape, cell.format.samples)

    @cached_property
    def streams(self) -> list[bytes]:
        return structure.fragments(self.data)

    @cached_property
    def pydicom(self) -> Any:
        return pydicom.dcmread(io.BytesIO(self.data))

    @cached_property
    def path(self) -> str:
        """The file on a disk in memory; every process has its own."""
        path = os.path.join(scratch(), f"{os.getpid()}.dcm")
        Path(path).write_bytes(self.data)
        return path


@cache
def scratch() -> str:
    """A folder of this process, which ends with it: in the processes of a pool, too, where ``atexit`` does not."""
    folder = tempfile.mkdtemp(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    Finalize(None, shutil.rmtree, (folder, True), exitpriority=0)
    return folder


def _each(name: str) -> Callable[[Work], Array]:
    """A decoder of imagecodecs, frame by frame."""

    def decode(work: Work) -> Array:
        import imagecodecs

        return np.stack([getattr(imagecodecs, name)(stream).reshape(work.shape[1:]) for stream in work.streams])

    return decode


def _openjph(work: Work) -> Array:
    """OpenJPH by imagecodecs, which gives planes where the components were not transformed, unless it is told otherwise."""
    import imagecodecs

    return np.stack([imagecodecs.htj2k_decode(stream, planar=False).reshape(work.shape[1:]) for stream in work.streams])


def _depth(stream: bytes) -> tuple[int, bool]:
    """Precision and sign that a stream has for its first component (T.800 A.5.1, T.87 C.2.2)."""
    if stream[:4] == b"\xff\x4f\xff\x51":
        return (stream[42] & 0x7F) + 1, stream[42] > 0x7F
    return stream[stream.index(b"\xff\xf7") + 4], False


def _ffmpeg(work: Work) -> Array:
    """FFmpeg, by PyAV: samples are moved to the top of 8 or 16 bits, and signed ones to above zero."""
    import av

    frames = []
    for stream in work.streams:
        context: Any = av.CodecContext.create("jpegls" if work.cell.family == "jpeg-ls" else "jpeg2000", "r")
        packet = av.Packet(stream)
        found = (context.decode(packet) or context.decode(None))[0].to_ndarray().reshape(work.shape[1:])
        precision, signed = _depth(stream)
        values = found.astype(np.int64) >> 8 * max(1, found.itemsize if precision > 8 else 1) - precision
        frames.append(values - (1 << precision - 1 if signed else 0))
    return np.stack(frames)


def _inflated(work: Work) -> Array:
    """The bytes of each frame by zlib (RFC 1951)."""
    return _frames([zlib.decompressobj(-15).decompress(stream) for stream in work.streams], work)


def _as_they_are(work: Work) -> Array:
    return _frames(work.streams, work)


def _frames(frames: list[bytes], work: Work) -> Array:
    """Native frames, each by itself made even."""
    one = Work(work.cell._replace(frames=1), b"")
    return np.concatenate([_from_native(frame, one, work.cell.format.planar) for frame in frames])


def _rle_segments(work: Work) -> Array:
    """imagecodecs' decoder of RLE, which leaves the planes of the samples as they are in the stream."""
    import imagecodecs

    planes = b"".join(imagecodecs.dicomrle_decode(stream, work.cell.format.dtype) for stream in work.streams)
    return _from_native(planes, work, 1)


def _pydicom(plugin: str) -> Callable[[Work], Array]:
    def decode(work: Work) -> Array:
        return np.asarray(pixel_array(work.pydicom, raw=True, decoding_plugin=plugin))

    return decode


# Paths come in, one a line; out goes the planar configuration and the pixels, or no pixels.
_GDCM_PROGRAM = """
import struct, sys, gdcm
for line in sys.stdin:
    reader = gdcm.ImageReader()
    reader.SetFileName(line.rstrip("\\n"))
    image = reader.GetImage() if reader.Read() else None
    pixels = ((image and image.GetBuffer()) or "").encode("utf-8", "surrogateescape")
    sys.stdout.buffer.write(struct.pack("<QQ", len(pixels), image.GetPlanarConfiguration() if image else 0) + pixels)
    sys.stdout.buffer.flush()
"""


def gdcm_folder() -> str | None:
    """Where ``pip install --target`` has put python-gdcm."""
    beside = Path(__file__).resolve().parents[1] / "build" / "peers" / "gdcm"
    folder = os.environ.get("DCMENC_GDCM") or str(beside)
    return folder if os.path.isfile(os.path.join(folder, "gdcm.py")) else None


class Gdcm:
    """GDCM in a process of its own, since it may abort; begun anew when it has."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def __call__(self, work: Work) -> Array:
        process = self._started()
        assert process.stdin and process.stdout
        try:
            process.stdin.write(work.path.encode() + b"\n")
            process.stdin.flush()
            if not select.select([process.stdout], [], [], 120)[0]:
                raise RuntimeError("no answer within two minutes")
            length, planar = struct.unpack("<QQ", process.stdout.read(16))
            pixels = process.stdout.read(length)
        except (OSError, struct.error, RuntimeError) as error:
            self.close()
            raise RuntimeError(f"GDCM has ended: {error}") from None
        return _from_native(pixels, work, planar)

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            Finalize(None, self.close, exitpriority=0)
            environment = {**os.environ, "PYTHONPATH": str(gdcm_folder())}
            self._process = subprocess.Popen([sys.executable, "-c", _GDCM_PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                             stderr=subprocess.DEVNULL, env=environment)
        return self._process

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _from_native(pixels: bytes, work: Work, planar: int) -> Array:
    """Native bytes as (frames, rows, columns, samples)."""
    size = int(np.prod(work.shape)) * work.cell.format.unit
    if not size <= len(pixels) <= size + 1:
        raise ValueError(f"{len(pixels)} bytes, where {size} are wanted")
    flat = np.frombuffer(pixels[:size], work.cell.format.dtype)
    frames, rows, columns, samples = work.shape
    return np.moveaxis(flat.reshape(frames, samples, rows, columns), 1, -1) if planar and samples > 1 else flat.reshape(work.shape)


def _tool(*command: str) -> Callable[[Work], Array]:
    """A program that decompresses a file."""

    def decode(work: Work) -> Array:
        target = f"{work.path}.out"
        Path(target).unlink(missing_ok=True)
        done = subprocess.run([*command, work.path, target], capture_output=True, check=False, timeout=300)
        if done.returncode or re.search(rb"^[EF]: ", done.stderr, re.MULTILINE):
            raise RuntimeError(f"{command[0]} ended with {done.returncode}: {done.stderr[-300:]!r}")
        ds = pydicom.dcmread(target)
        return _from_native(ds.PixelData, work, ds.get("PlanarConfiguration", 0))

    return decode


def _dump(work: Work) -> Array | None:
    """dcmdump finds no fault, and a fragment for each frame behind the offset table."""
    done = subprocess.run(["dcmdump", "-M", "+L", work.path], capture_output=True, check=False, timeout=300)
    if done.returncode or re.search(rb"^[WEF]: ", done.stderr, re.MULTILINE):
        raise RuntimeError(f"dcmdump ended with {done.returncode}: {done.stderr[-300:]!r}")
    if (found := done.stdout.count(b"(fffe,e000) pi ")) != work.cell.frames + 1:
        raise RuntimeError(f"dcmdump finds {found} items for {work.cell.frames} frames")
    return None


class Peer(NamedTuple):
    """A decoder that is asked; ``decode`` gives values, or None where it only looks at the file."""

    name: str
    decode: Callable[[Work], Array | None]
    families: tuple[str, ...]

    def asked(self, cell: Cell) -> bool:
        """Whether the peer has a say on the cell."""
        return cell.family in self.families and not any(row.peer == self.name and row.covers(cell) for row in EXCLUSIONS)


PEERS = (
    Peer("libjpeg-turbo", _each("jpeg8_decode"), ("jpeg",)),
    Peer("jpg_0XC3", _each("jpegsof3_decode"), ("jpeg",)),
    Peer("liblj92", _each("ljpeg_decode"), ("jpeg",)),
    Peer("imagecodecs-rle", _rle_segments, ("rle",)),
    Peer("openjpeg", _each("jpeg2k_decode"), ("jpeg2000", "htj2k")),
    Peer("openjph", _openjph, ("htj2k",)),
    Peer("charls", _each("jpegls_decode"), ("jpeg-ls",)),
    Peer("libjxl", _each("jpegxl_decode"), ("jpeg-xl",)),  # the only decoder of it at hand, and the encoder's own library
    # JPEG and JPEG-LS by the libjpeg of Thomas Richter, JPEG 2000 by OpenJPEG
    Peer("pylibjpeg", _pydicom("pylibjpeg"), ("jpeg", "rle", "jpeg2000", "jpeg-ls", "htj2k")),
    Peer("pydicom-rle", _pydicom("pydicom"), ("rle",)),
    Peer("ffmpeg", _ffmpeg, ("jpeg2000", "jpeg-ls", "htj2k")),
    Peer("gdcm", Gdcm(), ("jpeg", "rle", "jpeg2000", "jpeg-ls")),
    Peer("zlib", _inflated, ("deflated",)),
    Peer("bytes", _as_they_are, ("uncompressed",)),
)
TOOLS = (
    Peer("dcmdump", _dump, tuple(FAMILIES)),
    Peer("dcmdjpeg", _tool("dcmdjpeg", "+cn"), ("jpeg",)),
    Peer("dcmdjpls", _tool("dcmdjpls"), ("jpeg-ls",)),
    Peer("dcmdrle", _tool("dcmdrle"), ("rle",)),
    Peer("gdcmconv", _tool("gdcmconv", "--raw"), ("jpeg", "rle", "jpeg2000", "jpeg-ls")),
)


class Exclusion(NamedTuple):
    """Cells on which a peer is not asked, why, and one on which it fails: when it no longer does, the row has to go."""

    peer: str
    covers: Callable[[Cell], bool]
    reason: str
    proof: Cell


def _native_size(cell: Cell) -> int:
    return cell.frames * cell.shape[0] * cell.shape[1] * cell.format.samples * cell.format.unit


def _unfilled_bytes(cell: Cell) -> bool:
    return cell.family in ("jpeg", "rle") and cell.format.allocated == 8 and cell.format.stored < 8


def _rgb_words(cell: Cell) -> bool:
    return cell.family == "rle" and cell.format.photometric == "RGB" and cell.format.allocated == 16


def _narrow(cell: Cell) -> bool:
    return cell.family == "jpeg2000" and cell.format.allocated == 16 and cell.format.stored <= 8


def _full_range(cell: Cell) -> bool:
    return cell.family == "htj2k" and cell.format.stored == cell.format.allocated and min(cell.shape) > 1 and cell.content in (
        "noise", "extremes")


def _longest_side(cell: Cell) -> bool:
    return max(cell.shape) > 65500


_WORDS = "joins the bytes of 16-bit colour wrongly, those of pydicom's SC_rgb_rle_16bit.dcm, too"

EXCLUSIONS = (
    *(Exclusion(peer, _unfilled_bytes, "aborts where fewer than the 8 bits allocated are stored", cell(coding, "u5of8-junk"))
      for peer, coding in product(("gdcm", "gdcmconv"), ("jpeg-lossless", "rle"))),
    *(Exclusion(peer, _rgb_words, _WORDS, cell("rle", "RGB16")) for peer in ("gdcm", "gdcmconv")),
    *(Exclusion("gdcm", lambda cell: cell.family == "rle" and (_native_size(cell) < 512 or (cell.shape[1] == 1 and cell.frames == 1)),
                "refuses a fragment longer than the pixels, which the header makes those of small images, and rows of one pixel all",
                proof) for proof in (cell("rle", "u8", (3, 5)), cell("rle", "u12", (65500, 1), 1, "real"))),
    *(Exclusion(peer, lambda cell: cell.family == "jpeg" and _longest_side(cell), "its libjpeg stops at 65500 pixels a side",
                cell("p14.1", "u12", (2, 65535), 1, "real")) for peer in ("gdcm", "gdcmconv", "dcmdjpeg")),
    *(Exclusion(peer, _narrow, "gives bytes where the stream has at most 8 bits, and leaves BitsAllocated at 16",
                cell("jpeg2000-lossless", "u8of16")) for peer in ("gdcm", "gdcmconv")),
    *(Exclusion("ffmpeg", lambda cell: cell.family == "jpeg-ls" and cell.format.samples > 1,
                "decodes samples that are interleaved (ILV 2) wrongly, and not at all those of 16 bits", cell("jpeg-ls", name))
      for name in ("RGB8", "RGB16")),
    *(Exclusion("ffmpeg", _full_range, "decodes noise in all bits allocated wrongly, in the streams that imagecodecs makes by itself, too",
                cell(coding, "u8")) for coding in ("htj2k-lossless", "htj2k-lossless-rpcl")),
    *(Exclusion("ffmpeg", lambda cell: cell.family in ("jpeg2000", "htj2k") and max(cell.shape) > 1 << 15,
                "does not take a tile of more than 32768 pixels a side", cell(coding, "u12", (1, 65500), 1, "real"))
      for coding in ("jpeg2000-lossless", "htj2k-lossless")),
    Exclusion("liblj92", lambda cell: cell.coding.name == "p14.6" and (cell.shape[0] == 1 or cell.shape[1] < 6),
              "has a loop of its own for this predictor, which takes the end of some images of one row or few columns for damage",
              cell("p14.6", "u8", (1, 37))),
)


def available(peers: Iterable[Peer]) -> list[Peer]:
    """The peers that are here."""
    return [peer for peer in peers if is_here(peer.name)]


def is_here(name: str) -> bool:
    if name in [tool.name for tool in TOOLS]:
        return shutil.which(name) is not None
    if name == "gdcm":
        return gdcm_folder() is not None
    modules = {"pylibjpeg": "pylibjpeg", "pydicom-rle": "pydicom", "ffmpeg": "av", "zlib": "zlib", "bytes": "struct"}
    return find_spec(modules.get(name, "imagecodecs")) is not None


def difference(found: Array, wanted: Array, stored: int) -> str | None:
    """How many samples differ in the stored bits (PS3.5 8.1.1), and the first; None if none does."""
    if found.size != wanted.size:
        return f"{found.size} samples, where {wanted.size} are wanted"
    wrong = (found.reshape(wanted.shape).astype(np.int64) ^ wanted.astype(np.int64)) & ((1 << stored) - 1)
    if not wrong.any():
        return None
    first = np.unravel_index(np.argmax(wrong != 0), wanted.shape)
    one = f"first {found.reshape(wanted.shape)[first]} for {wanted[first]} at {tuple(map(int, first))}"
    return f"{np.count_nonzero(wrong)} of {wanted.size} samples differ, {one}"


def vote(peer: Peer, work: Work, values: Array) -> str | None:
    """What is wrong with the file in the eyes of a peer."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = peer.decode(work)
        return None if found is None else difference(found, values, work.cell.format.stored)
    except Exception as error:  # a peer fails in ways of its own
        return f"{type(error).__name__}: {error}"
