"""A file whose frames come one by one: the place of its pixels, items and offset tables (PS3.5 8.1.1, A.4; PS3.3 C.7.6.3.1.8).

The frames come as bytes, each by itself; ``codecs`` made them. How the file around them is written is ``part10.py``'s.
"""

from __future__ import annotations

import io
import os
from array import array
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any, Self

import numpy as np

from ._swap import swapped
from .dictionary import Tag
from .encapsulation import Tables, item_of, may_outgrow, tables_of
from .errors import PixelError
from .lossy import awaits_ratio, ratio_place, ratio_text, set_ratio
from .model import Dataset
from .part10 import open_stream
from .pixels import ImageSpec, check_native
from .sinks import Target, can_be_patched, write_pieces
from .uid import transfer_syntax
from .values import Fragments, Policy

_OFFSETS = Tag("ExtendedOffsetTable")
_LENGTHS = Tag("ExtendedOffsetTableLengths")
_RATIO = Tag("LossyImageCompressionRatio")


class PixelStream:
    """A DICOM file that waits for its frames.

    Where the lengths of all frames are known, the offset table is written before them. Else room for it is left, if the target can be
    gone back to, and if it cannot, the table stays empty.

    Parameters
    ----------
    target : path or object with ``write``
        A path is touched only by ``commit``.
    ds : Dataset
        All but the pixels, with the transfer syntax in its file meta; not changed.
    spec : ImageSpec
        What the frames are, and how many.
    bound : int
        The most bytes that an encapsulated frame takes; tells whether the extended tables may be needed.
    sizes : sequence of int, optional
        The lengths of the encapsulated frames, where they are known.
    exist_ok, durable, policy
        As for :func:`dcmenc.dcmwrite`.

    Raises
    ------
    PixelError
        The frames are more than native Pixel Data hold.
    """

    def __init__(
        self,
        target: Target,
        ds: Dataset,
        spec: ImageSpec,
        *,
        bound: int = 0,
        sizes: Sequence[int] | None = None,
        exist_ok: bool = True,
        durable: bool = False,
        policy: Policy | None = None,
    ) -> None:
        self._spec = spec
        self._syntax = transfer_syntax(ds.file_meta.TransferSyntaxUID)
        self._sizes = array("Q")
        self._bits = np.empty(0, np.uint8)
        self._frames = 0
        self._reserved: Tables | None = None
        own = ds.copy()
        if self._syntax.encapsulated:
            tables = self._tables(target, bound, sizes)
            own.PixelData = Fragments((), tables.basic)
            if tables.offsets is not None:
                own.ExtendedOffsetTable, own.ExtendedOffsetTableLengths = tables.offsets, tables.lengths
        else:
            own[spec.keyword] = None
        locate = [_OFFSETS, _LENGTHS] if self._reserved and self._reserved.offsets is not None else []
        self._ratio_place = 0
        if awaits_ratio(own):
            if sizes is not None:
                set_ratio(own, spec.native_bytes, sum(sizes))
            else:
                self._ratio_place = ratio_place(own)
                locate.append(_RATIO)
        self._tag = Tag(spec.keyword)
        self._stream = open_stream(target, own, locate=locate, fill=self._tag, length=self._length(), exist_ok=exist_ok,
                                   durable=durable, policy=policy)
        self._open = True

    def _length(self) -> int | None:
        if self._syntax.encapsulated:
            return None
        check_native(self._spec, big_endian=self._syntax.big_endian)
        return self._spec.native_bytes + self._spec.native_bytes % 2

    def _tables(self, target: Target, bound: int, sizes: Sequence[int] | None) -> Tables:
        """The tables, or room for them."""
        if sizes is not None:
            return tables_of([size + size % 2 for size in sizes])
        frames = self._spec.frames
        if frames == 1 or not can_be_patched(target):
            return Tables()
        extended = may_outgrow(frames, bound)
        self._reserved = Tables(b"", bytes(8 * frames), bytes(8 * frames)) if extended else Tables(bytes(4 * frames))
        return self._reserved

    def append(self, frame: Any) -> None:
        """Write the next frame: a C-contiguous buffer, encoded, or native bytes in little endian."""
        if self._frames == self._spec.frames:
            raise PixelError(f"the image has {self._frames} frames, and this is one more")
        if self._syntax.encapsulated:
            header, data, padding = item_of(frame, self._frames)
            self._stream.append(header, data, padding)
            self._sizes.append(len(data) + len(padding))
        else:
            self._stream.append(*self._native(frame))
        self._frames += 1

    def _native(self, frame: Any) -> tuple[Any, ...]:
        if self._spec.kind == "bit" and self._spec.rows * self._spec.columns % 8:
            return (self._joined(frame),)
        if self._syntax.big_endian and self._spec.allocated > 8:
            # floats by the float, integers by words of 16 bits, whatever the sample (PS3.5 6.2, 7.3, A.3)
            return (swapped(frame, self._spec.allocated // 8 if self._spec.kind == "float" else 2),)
        return (frame,)

    def _joined(self, frame: Any) -> bytes:
        """Whole bytes of frames whose last bits share one with the next frame (PS3.5 8.1.1); what is left waits."""
        bits = np.unpackbits(np.frombuffer(frame, np.uint8), count=self._spec.rows * self._spec.columns, bitorder="little")
        bits = np.concatenate([self._bits, bits])
        whole = len(bits) // 8 * 8 if self._frames + 1 < self._spec.frames else len(bits)
        self._bits = bits[whole:]
        return np.packbits(bits[:whole], bitorder="little").tobytes()

    def commit(self) -> None:
        """Complete the file, which needs all of its frames."""
        try:
            if self._frames != self._spec.frames:
                raise PixelError(f"{self._frames} frames were written, where {self._spec.frames} were announced")
            self._fill_tables()
            self._fill_ratio()
            if not self._syntax.encapsulated and self._spec.native_bytes % 2:
                self._stream.append(b"\0")
            self._stream.commit()
        except BaseException:
            self.discard()
            raise
        self._open = False

    def _fill_tables(self) -> None:
        if self._reserved is None:
            return
        tables = tables_of(self._sizes, extended=self._reserved.offsets is not None)
        if tables.offsets is not None and tables.lengths is not None:
            for tag, value in ((_OFFSETS, tables.offsets), (_LENGTHS, tables.lengths)):
                self._stream.patch(self._stream.offsets[tag][1] - len(value), value)
        else:
            self._stream.patch(self._stream.offsets[self._tag][1] - len(tables.basic), tables.basic)

    def _fill_ratio(self) -> None:
        if self._ratio_place:
            text = ratio_text(self._spec.native_bytes, sum(self._sizes))
            self._stream.patch(self._stream.offsets[_RATIO][1] - self._ratio_place, text.encode())

    def discard(self) -> None:
        """Give the file up; a path is left as it was before. Again, or after a commit, it does nothing."""
        if self._open:
            self._open = False
            self._stream.discard()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.commit()
        else:
            self.discard()


def write_frames(
    target: Target,
    ds: Dataset,
    spec: ImageSpec,
    frames: Iterable[Any],
    *,
    bound: int = 0,
    exist_ok: bool = True,
    durable: bool = False,
    policy: Policy | None = None,
) -> None:
    """Write a file with the bytes of its frames, taken as they are needed.

    A path takes them as they come, and stays as it was if one fails. Anything else gets the whole file in one piece, or nothing.

    Parameters
    ----------
    target, ds, spec, bound, exist_ok, durable, policy
        As for :class:`PixelStream`.
    frames : iterable of buffers
        As many as ``spec`` says.
    """
    if isinstance(target, (str, bytes, os.PathLike)):
        with PixelStream(target, ds, spec, bound=bound, exist_ok=exist_ok, durable=durable, policy=policy) as stream:
            for frame in frames:
                stream.append(frame)
        return
    memory = io.BytesIO()
    with PixelStream(memory, ds, spec, bound=bound, policy=policy) as stream:
        for frame in frames:
            stream.append(frame)
    write_pieces(target, [memory.getbuffer()], durable=durable)


class Spool:
    """Frames that wait in an unnamed file until their number is known.

    Parameters
    ----------
    target : path or object
        The file is in the folder of a path, else where temporary files are.
    """

    def __init__(self, target: Target) -> None:
        import tempfile

        path = isinstance(target, (str, bytes, os.PathLike)) and can_be_patched(target)
        folder = os.path.dirname(os.path.abspath(os.fsdecode(target))) if path else None  # type: ignore[arg-type]
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  (it is closed with the spool)
        self.sizes = array("Q")

    def append(self, frame: Any) -> None:
        """Keep a frame."""
        self._file.write(frame)
        self.sizes.append(memoryview(frame).nbytes)

    def __iter__(self) -> Iterator[bytes]:
        self._file.seek(0)
        for size in self.sizes:
            yield self._file.read(size)

    def close(self) -> None:
        """Forget the frames."""
        self._file.close()
