"""JPEG into JPEG XL, and out of it again, stream by stream: nothing is decoded, and nothing more is lost (PS3.5 8.2.15, A.4).

The dataset stays the same instance, and what it says of colours and of the loss stays true: that loss was the JPEG's (PS3.3 C.7.6.1.1.5).
How a stream gets into the other is in ``codecs/jpeg_xl_jpeg.py``.
"""

from __future__ import annotations

from .codecs import get_codec
from .codecs.jpeg_xl_jpeg import JPEGInJPEGXL
from .errors import CodecError
from .frames import Frames, spec_of
from .model import Dataset
from .pixels import invalidate
from .report import Finding, Report
from .transcoding import check_count, free_nested, in_syntax, report_of, syntax_uid
from .uid import TransferSyntax
from .values import Fragments

_ROOT = "1.2.840.10008.1.2.4."
_HOLDER = f"{_ROOT}111"
# Sequential JPEG, whose streams may be of 8 bits.
_JPEG = (f"{_ROOT}50", f"{_ROOT}51")


def recompresses(source: Dataset, syntax: TransferSyntax) -> bool:
    """Whether the streams of JPEG can go over as they are: from JPEG of 8 bits into JPEG XL that keeps it, or back.

    >>> from dcmenc.uid import transfer_syntax
    >>> ds = Dataset(BitsAllocated=8, PixelData=Fragments((b"\\xff\\xd8\\xff\\xd9",)))
    >>> ds.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.50"
    >>> recompresses(ds, transfer_syntax("jpeg-xl-jpeg")), recompresses(ds, transfer_syntax("jpeg-xl"))
    (True, False)
    """
    if not isinstance(getattr(source, "PixelData", None), Fragments) or getattr(source, "BitsAllocated", None) != 8:
        return False
    old, new = syntax_uid(source), syntax.uid
    return (old in _JPEG and new == _HOLDER) or (old == _HOLDER and new in _JPEG)


class Recompression:
    """A dataset whose streams are getting another coding around them.

    Parameters
    ----------
    source : Dataset
        Not changed; :func:`recompresses` has to be true of it.
    syntax : TransferSyntax
        Where to.
    verify : bool
        Restore each JPEG again, and compare; of one that has been restored, decode it.
    keep_preamble : bool

    Attributes
    ----------
    dataset : Dataset
        For the new file, without its pixels.
    spec : ImageSpec
        What the streams are.
    """

    def __init__(self, source: Dataset, syntax: TransferSyntax, *, verify: bool = True, keep_preamble: bool = False) -> None:
        self._frames = Frames(source)
        check_count(self._frames)
        self._holder, self._restoring, self._verify = JPEGInJPEGXL(_HOLDER), syntax.uid != _HOLDER, verify
        self._target = get_codec(syntax.uid)
        self.spec = spec_of(source)
        self.dataset = in_syntax(source, syntax, keep_preamble=keep_preamble)
        dropped = [row for row in invalidate(self.dataset, self.spec, new_values=False) if row.keyword != "PixelData"]
        self._findings, undecoded = free_nested(self.dataset, syntax_uid(source))
        self._dropped = [*dropped, *undecoded]

    @property
    def bound(self) -> int:
        """The most bytes that a frame takes."""
        return self._target.bound(self.spec)

    def frame(self, at: int) -> bytes:
        """The bytes of a frame; several threads may ask at once."""
        try:
            return self._restored(at) if self._restoring else self._recompressed(at)
        except CodecError as error:
            raise type(error)(f"frame {at}: {error.reason}" if len(self._frames) > 1 else error.reason, error.offset) from error

    def _recompressed(self, at: int) -> bytes:
        stream = bytes(self._frames.encoded(at))
        data = self._holder.recompress(stream, self.spec)
        if self._verify and self._holder.restore(data, self.spec) != stream:
            raise CodecError("the JPEG does not come out of JPEG XL bit by bit: please report it, with the frame; nothing is written")
        return data

    def _restored(self, at: int) -> bytes:
        stream = self._holder.restore(self._frames.encoded(at), self.spec)
        if self._verify:
            self._target.decode_frame(stream, self.spec)
        return stream

    def report(self, files: tuple[str, ...]) -> Report:
        """What was changed."""
        return report_of([*self._findings, self._kept()], self._dropped, files)

    def _kept(self) -> Finding:
        what = "restored from JPEG XL" if self._restoring else "kept in JPEG XL"
        return Finding("info", "recompressed", "(7FE0,0010)", "PixelData", f"has the same streams of JPEG, {what}", "PS3.5 8.2.15")
