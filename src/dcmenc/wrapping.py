"""The door for pixels that are compressed already: ``wrap`` puts their streams into a DICOM image as they are (PS3.5 A.4).

What a stream is, and which transfer syntaxes hold it, ``recognition.py`` and ``video.py`` tell; the metadata are put together in
``composition.py``, the file is ``pixel_stream.py``'s. Here the frames are held against each other, and against what the caller says.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import chain
from typing import Any

from .codecs import Codec, check_profile, get_codec, named_syntax
from .composition import Metadata, Wanted, Wishes, check_names, class_for, compose_encoded, take_metadata
from .dictionary import Tag
from .encapsulation import item_of
from .errors import CodecError, CodecUnavailable, PixelError
from .images import choose_syntax, paths_of, report_on
from .lossy import LOSS, set_ratio
from .model import Dataset
from .part10 import open_stream
from .pixel_stream import PixelStream, Spool
from .pixels import ImageSpec, frame_cells
from .recognition import Remark, Still, look_at
from .report import Finding, Report
from .sinks import Target
from .uid import SHORT_NAMES, TRANSFER_SYNTAXES, UNSTORABLE, TransferSyntax, transfer_syntax
from .values import Fragments, Policy, describe
from .video import METHODS, Video, fits, is_video, look_at_video, misfit, rule_of, syntax_of

_LONGEST = 0xFFFFFFFE
_CHUNK = 1 << 22
_START = 600  # bytes in which video is seen to be such: three packets of a transport stream


def wrap(
    target: Target,
    streams: Any,
    /,
    *,
    compression: str | None = None,
    sop_class: str | None = None,
    photometric: str | None = None,
    colormap: Any = None,
    bits_stored: int | None = None,
    signed: bool = False,
    template: Any = None,
    verify: bool = True,
    verify_pixels: bool = True,
    exist_ok: bool = True,
    durable: bool = False,
    keep_preamble: bool = False,
    policy: Policy | None = None,
    uid_source: Callable[[], str] | None = None,
    clock: Callable[[], Any] | None = None,
    lossy: bool | None = None,
    **attributes: Any,
) -> Report:
    """Write streams that are compressed already as a DICOM image, without encoding them again (PS3.5 8.2, A.4).

    The bytes stay as they are, but for a zero that makes them even, and the boxes around a JPEG 2000 codestream, which DICOM does not have.
    Size, samples and transfer syntax are read from their headers.

    Parameters
    ----------
    target : str, bytes, os.PathLike or object with ``write``
        A path is replaced in one step, when the file is complete.
    streams : bytes-like, str, os.PathLike, binary file object, or iterable of them
        A stream for each frame; of video, one for all frames, or one for each fragment of a fragmentable transfer syntax. An iterator is
        taken frame by frame, in bounded memory. JPEG (baseline, extended, lossless), JPEG-LS, JPEG 2000 and HTJ2K (or files with
        them), JPEG XL, also with a JPEG kept in it; MPEG-2, H.264 and HEVC, by themselves, in a transport stream or an MP4.
    compression : str, optional
        Short name or UID of the transfer syntax, one that holds the streams; needed where they do not tell it: for JPEG XL that may be
        lossless, and for video of a profile and level that several have. By default the narrowest that holds all frames.
    sop_class, template, verify, exist_ok, durable, keep_preamble, policy, uid_source, clock
        As for :func:`dcmenc.imwrite`.
    photometric : str, optional
        What the samples are, of that which the streams may hold. By default MONOCHROME2, or what markers say of the colours: YBR_FULL_422,
        YBR_FULL or RGB of lossy JPEG, YBR_RCT or YBR_ICT of JPEG 2000 with a transform, else RGB.
    colormap : array_like, shape (entries, 3), optional
        Makes the samples indices of a palette; as for :func:`dcmenc.imwrite`.
    bits_stored : int, optional
        How many bits hold the value, at most as many as the samples of the stream have; these by default.
    signed : bool
        The samples are two's complement, where the stream cannot say so itself (JPEG Lossless, JPEG-LS).
    verify_pixels : bool
        Decode each frame once, where there is a codec for it.
    lossy : bool, optional
        Whether something was lost, where the transfer syntax leaves it open: False states that streams in one for lossy compression are
        reversible, which their headers have to bear out; True, that reversible JPEG 2000 left something out. By default as the transfer
        syntax is. LossyImageCompression is never set to 00.
    **attributes
        DICOM keywords. Of video: NumberOfFrames and FrameTime (in milliseconds) or CineRate, unless the container tells.

    Returns
    -------
    Report
        As of :func:`dcmenc.imwrite`, and what the streams carry beside the image, which may tell of the patient.

    Raises
    ------
    PixelError
        A stream that no transfer syntax in use holds, that is unlike those before, or is not what the caller says.
    CodecError
        A stream that is damaged, or cannot be decoded.
    VerifyError
        The dataset breaks its IOD.
    TypeError, ValueError
        An unknown name among the attributes; a ``compression`` without streams of its own.

    Notes
    -----
    Streams of JPEG Lossless and JPEG-LS know neither a sign nor how many of their bits are stored: where the samples are signed, or fewer
    are, only ``signed`` and ``bits_stored`` can say so. A target that is no path gets nothing before the last frame is seen.

    Examples
    --------
    >>> import io
    >>> import numpy as np
    >>> from dcmenc import ImageSpec, imread
    >>> from dcmenc.codecs import get_codec
    >>> frame = np.arange(20, dtype="u2").reshape(4, 5)
    >>> stream = get_codec("jpeg-lossless").encode_frame(frame, ImageSpec.from_array(frame, bits_stored=12))
    >>> file = io.BytesIO()
    >>> wrap(file, stream, PatientName="Yamada^Tarou").ok, bool((imread(file.getvalue()) == frame).all())
    (True, True)
    """
    check_names(attributes, "wrap", wrap.__kwdefaults__ or ())
    syntax = _asked_syntax(compression)
    if not exist_ok and any(map(os.path.lexists, paths_of(target))):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target)
    wishes = Wishes(attributes, sop_class, photometric, colormap, bits_stored, template, verify, keep_preamble, policy, uid_source, clock)
    file = {"exist_ok": exist_ok, "durable": durable, "policy": policy}
    sources = _Sources(streams)
    first = next(sources, None)
    if first is None:
        raise PixelError("there is no stream: an image has at least one frame")
    if is_video(first.read(0, _START)):
        if lossy is False or signed or photometric or colormap is not None or bits_stored is not None:
            raise ValueError("video is lossy, YBR_PARTIAL_420 and unsigned: lossy=, photometric=, colormap=, bits_stored= and signed= "
                             "are for single frames")
        return report_on(_wrap_video(target, [first, *sources], wishes, syntax, file), target)
    if syntax is not None and rule_of(syntax.uid):
        raise PixelError(f"the stream begins with {first.read(0, 8).hex(' ')}, which no video for {syntax.name} does")
    frames = _Frames(take_metadata(wishes), compression, signed, lossy, verify_pixels, numbered=sources.several)
    with closing(Spool(target) if sources.several else _Held()) as held:
        for source in chain((first,), sources):
            held.append(frames.take(source.all()))
        return report_on(_write_frames(target, frames, held, wishes, file), target)


def _asked_syntax(compression: str | None, allocated: int = 8) -> TransferSyntax | None:
    if compression is None:
        return None
    if not isinstance(compression, str):
        raise TypeError(f"compression is a name, a UID or None, not {type(compression).__name__}")
    syntax = named_syntax(compression, allocated)
    if syntax.uid in UNSTORABLE:
        choose_syntax(compression)  # says why
    if not syntax.encapsulated:
        raise ValueError(f"{syntax.name} holds uncompressed pixels: imwrite writes them")
    return syntax


# ---- where the bytes come from


class _Source:
    """One stream: bytes, or a file, which is read when it is needed."""

    def __init__(self, given: Any) -> None:
        self._path = given if isinstance(given, (str, os.PathLike)) else None
        if self._path is not None and stat.S_ISREG((found := os.stat(self._path)).st_mode):
            self.size = found.st_size
            return
        if self._path is not None:
            with open(self._path, "rb") as file:  # a pipe is read once
                given = file.read(_LONGEST + 1)
            self._path = None
        elif hasattr(given, "read"):
            given = given.read()
        try:
            view = memoryview(given)
        except TypeError:
            raise TypeError(f"a stream is bytes, a path or a binary file object, not {describe(given)}") from None
        if view.itemsize != 1 or not view.c_contiguous or view.ndim != 1:
            raise TypeError(f"a stream is bytes, not an array of shape {view.shape}: imwrite writes pixels")
        self._view, self.size = view.cast("B"), len(view)

    def read(self, at: int, size: int) -> bytes:
        """So many bytes from a place on, or what there is."""
        if self._path is None:
            return self._view[at : at + size].tobytes()
        with open(self._path, "rb") as file:
            file.seek(at)
            return file.read(size)

    def all(self) -> memoryview:
        """The whole stream, of a frame."""
        if self.size > _LONGEST:
            raise PixelError(f"a stream has {self.size} bytes, and a fragment holds {_LONGEST}")
        return self._view if self._path is None else memoryview(self.read(0, self.size))


class _Sources(Iterator[_Source]):
    """The streams one after the other; ``several`` if they were given as such, although it may be one."""

    def __init__(self, streams: Any) -> None:
        self.several = not (isinstance(streams, (str, os.PathLike)) or hasattr(streams, "read") or _is_buffer(streams))
        if self.several and not isinstance(streams, Iterable):
            raise TypeError(f"streams are bytes, a path, or an iterable of them, not {describe(streams)}")
        self._given = iter(streams if self.several else (streams,))

    def __next__(self) -> _Source:
        return _Source(next(self._given))


def _is_buffer(streams: Any) -> bool:
    try:
        memoryview(streams)
    except TypeError:
        return False
    return True


class _Held:
    """A single frame in memory, as :class:`Spool` has several in a file."""

    def __init__(self) -> None:
        self._frames: list[memoryview] = []

    @property
    def sizes(self) -> list[int]:
        """Its length."""
        return [len(frame) for frame in self._frames]

    def append(self, frame: memoryview) -> None:
        """Keep it."""
        self._frames.append(frame)

    def __iter__(self) -> Iterator[memoryview]:
        return iter(self._frames)

    def close(self) -> None:
        """Forget it."""
        self._frames.clear()


# ---- frames


class _Frames:
    """The frames of one image: each is held against the first, and against what the caller says."""

    def __init__(
        self, metadata: Metadata, compression: str | None, signed: bool, lossy: bool | None, verify: bool, *, numbered: bool
    ) -> None:
        self.metadata, self.lossy = metadata, lossy
        self.count, self.remarks = 0, Counter[Remark]()
        self._compression, self._signed, self._verify, self._numbered = compression, signed, verify, numbered
        self._first: Still | None = None
        self._asked: TransferSyntax | None = None

    def take(self, data: memoryview) -> memoryview:
        """The bytes of the next frame, once they are known to go with the others."""
        try:
            still = look_at(data)
            if self._first is None:
                self._begin(still)
            self._agree(still)
            self._decode(still)
        except (PixelError, CodecError) as error:
            if not self._numbered or isinstance(error, CodecUnavailable):
                raise
            if isinstance(error, CodecError):
                raise CodecError(f"frame {self.count}: {error.reason}", error.offset) from error
            raise PixelError(f"frame {self.count}: {error}") from error
        self.count += 1
        self.remarks.update(still.remarks)
        return still.data

    def _begin(self, still: Still) -> None:
        self._asked = _asked_syntax(self._compression, 16 if still.precision > 8 else 8)
        if self._asked is None and not still.certain:
            raise PixelError(f"a stream of {still.family} does not tell whether something was lost: give compression= "
                             f"{' or '.join(map(_short_name, still.syntaxes))}")
        self._first, self._syntaxes, self.reversible = still, still.syntaxes, True
        self.spec = _described(still, self.metadata.wanted, self._signed)
        self.guessed = self.metadata.wanted.photometric is None
        if self.spec.photometric != still.photometrics[0] and still.told:
            message = f"is {self.spec.photometric}, as you say, and {still.photometrics[0]} by the markers of the stream"
            self.remarks[Remark("warning", "colours", message, "PS3.3 C.7.6.3.1.2")] += 0

    def _agree(self, still: Still) -> None:
        assert self._first is not None
        if _words(still) != _words(self._first):
            raise PixelError(f"the stream is {_words(still)}, and the image {_words(self._first)}")
        if self.spec.samples == 3 and (still.photometrics[0] != self._first.photometrics[0] if self.guessed
                                       else self.spec.photometric not in still.photometrics):
            raise PixelError(f"the stream is {still.photometrics[0]}, and the image {self.spec.photometric}")
        if self._asked is not None and self._asked.uid not in still.syntaxes:
            names = ", ".join(map(_short_name, still.syntaxes))
            raise PixelError(f"the stream is {still.family} for {names}; {self._asked.name} does not hold it")
        self._syntaxes = tuple(uid for uid in self._syntaxes if uid in still.syntaxes)
        if not self._syntaxes:
            raise PixelError("no transfer syntax holds this stream and those before it")
        self.reversible &= still.reversible

    def _decode(self, still: Still) -> None:
        codec = self.codec
        _check_holding(codec, replace(self.spec, photometric=codec.decoded_photometric(self.spec)))
        if not self._verify:
            return
        try:
            cells = codec.decode_frame(still.data, self.spec)
        except CodecUnavailable as error:
            self._verify = False
            self.remarks[Remark("warning", "not-decoded", f"the frames were not decoded: {error}")] += 0
            return
        if self.spec.stored < still.precision:
            frame_cells(cells, self.spec)

    @property
    def codec(self) -> Codec:
        """The codec of the transfer syntax."""
        return get_codec(self.syntax.uid)

    @property
    def syntax(self) -> TransferSyntax:
        """The narrowest that holds all frames so far, or the one that is asked for."""
        if self._asked is not None:
            return self._asked
        fitting = map(transfer_syntax, self._syntaxes)
        return next((each for each in fitting if each.lossy or not self.lossy), transfer_syntax(self._syntaxes[0]))

    @property
    def loses(self) -> bool:
        """Whether the dataset has to say that something was lost."""
        lossy = self.syntax.lossy
        if self.lossy and not lossy:
            raise ValueError(f"{self.syntax.name} keeps everything; for a loss before that, give LossyImageCompression='01' and its ratio "
                             "and method as attributes")
        if lossy and self.lossy is False and not self.reversible:
            raise ValueError("lossy=False, and the streams themselves say that they are not reversible")
        return lossy and self.lossy is not False

    @property
    def method(self) -> str:
        """The Defined Term for the way in which something was lost."""
        assert self._first is not None
        return self._first.method


# Whose table is that of the standard, where a codec's is that of its library, too.
_WIDER = {"1.2.840.10008.1.2.4.203": "1.2.840.10008.1.2.4.201"}


def _check_holding(codec: Codec, spec: ImageSpec) -> None:
    wider = _WIDER.get(codec.uid)
    if wider is None or spec.photometric == "PALETTE COLOR" or not any(row.holds(spec) for row in get_codec(wider).profile):
        check_profile(codec, spec)


def _short_name(uid: str) -> str:
    return next((repr(name) for name, own in SHORT_NAMES.items() if own == uid), uid)


def _words(still: Still) -> str:
    """What has to be the same for all frames."""
    sign = {None: "", True: "signed ", False: "unsigned "}[still.signed]
    return (f"{still.family} of {still.rows} rows, {still.columns} columns and {still.samples} {sign}"
            f"sample{'s' if still.samples > 1 else ''} of {still.precision} bits")


def _described(still: Still, wanted: Wanted, signed: bool) -> ImageSpec:
    """The Image Pixel attributes, from the header and what the caller adds to it."""
    stored = still.precision if wanted.bits_stored is None else wanted.bits_stored
    if not 1 <= stored <= still.precision:
        raise PixelError(f"the samples of the stream have {still.precision} bits, of which at most as many are stored, not {stored}")
    if signed and still.signed is False:
        raise PixelError(f"the stream of {still.family} says that its samples are unsigned")
    photometric = wanted.photometric or ("MONOCHROME1" if wanted.inverted and still.samples == 1 else still.photometrics[0])
    if photometric not in still.photometrics:
        raise PixelError(f"the samples of this stream are {' or '.join(still.photometrics)}, not {photometric}")
    allocated = 8 if still.precision <= 8 else 16 if still.precision <= 16 else 32
    return ImageSpec(still.rows, still.columns, 1, still.samples, allocated, stored, signed or bool(still.signed), photometric)


def _write_frames(target: Target, frames: _Frames, held: Spool | _Held, wishes: Wishes, file: dict[str, Any]) -> Report:
    loses, metadata = frames.loses, frames.metadata
    if loses and getattr(metadata.given, "LossyImageCompression", None) == "00":
        raise PixelError(f"LossyImageCompression is given as 00, and {frames.syntax.name} is lossy; lossy=False states that the streams "
                         "are not")
    spec, uid = _class_of(frames, wishes)
    tables = any("RedPaletteColorLookupTableDescriptor" in ds for ds in (metadata.base, metadata.given))
    if spec.photometric == "PALETTE COLOR" and wishes.colormap is None and not tables:
        raise PixelError("the samples are indices of a palette: give colormap=, or the lookup tables in the template")
    ds, report = compose_encoded(metadata, wishes, spec, uid, {LOSS: frames.method} if loses else {}, frames.syntax)
    with PixelStream(target, ds, spec, sizes=held.sizes, **file) as stream:
        for data in held:
            stream.append(data)
    return _with_remarks(report, frames.remarks, frames.count)


# Where the class for frames of colours has another word for what a lossy stream is decoded from, by readers who go by the stream.
_STAND_INS = {"YBR_FULL": "YBR_FULL_422", "XYB": "RGB"}


def _class_of(frames: _Frames, wishes: Wishes) -> tuple[ImageSpec, str]:
    """The description of all frames, and the class that holds them."""
    spec = replace(frames.spec, frames=frames.count)
    try:
        return spec, class_for(frames.metadata, wishes, spec)
    except PixelError:
        if spec.photometric not in _STAND_INS or not frames.guessed or not frames.loses:
            raise
    own = replace(spec, photometric=_STAND_INS[spec.photometric])
    uid = class_for(frames.metadata, wishes, own)
    message = f"is {own.photometric}, since the class has no {spec.photometric}, which the stream is coded in"
    frames.remarks[Remark("warning", "colours", message, "PS3.3 C.7.6.3.1.2")] += 0
    return own, uid


def _with_remarks(report: Report, remarks: Counter[Remark], frames: int) -> Report:
    """The report, with what is to be said of the streams; what holds for some of the frames only, with their number."""
    findings = [finding for finding in report.findings if finding.code != "frames"]
    for remark, count in remarks.items():
        some = f" ({count} of {frames} frames)" if 0 < count < frames else ""
        keyword = "PhotometricInterpretation" if remark.code == "colours" else "PixelData"
        findings.append(Finding(remark.severity, remark.code, str(Tag(keyword)), keyword, remark.message + some, remark.clause))
    return replace(report, findings=tuple(findings))


# ---- video


def _wrap_video(target: Target, fragments: list[_Source], wishes: Wishes, syntax: TransferSyntax | None, file: dict[str, Any]) -> Report:
    """A stream for all frames, in one fragment or in the caller's (PS3.5 A.4.5 ff)."""
    size = sum(source.size for source in fragments)
    video = look_at_video(lambda at, count: _read_on(fragments, at, count), size)
    syntax = syntax or transfer_syntax(syntax_of(video))
    remarks = Counter(_check_video(video, syntax))
    pieces = _pieces(fragments, syntax)
    attributes, frames = _timed(video, wishes)
    allocated = 8 if video.bits == 8 else 16
    spec = ImageSpec(video.rows, video.columns, frames, 3, allocated, video.bits, photometric="YBR_PARTIAL_420")
    wishes = replace(wishes, attributes=attributes)
    metadata = take_metadata(wishes)
    uid = _class_of_video(metadata, wishes, spec)
    ds, report = compose_encoded(metadata, wishes, spec, uid, {LOSS: METHODS[video.kind]}, syntax)
    set_ratio(ds, spec.native_bytes, size)
    _write_video(target, ds, pieces, file)
    return _with_remarks(report, remarks, 1)


def _class_of_video(metadata: Metadata, wishes: Wishes, spec: ImageSpec) -> str:
    """The SOP class; of ten bits, hardly any class says that it holds them."""
    try:
        return class_for(metadata, wishes, spec)
    except PixelError as error:
        if spec.stored == 8:
            raise
        raise PixelError(f"the video has samples of {spec.stored} bits, for which a class is to be given as sop_class= that does not ask "
                         f"for 8, or it is encoded anew with 8: {error}") from error


def _read_on(fragments: list[_Source], at: int, count: int) -> bytes:
    """Bytes of a stream that is in several pieces."""
    parts = []
    for source in fragments:
        if at < source.size and count > 0:
            parts.append(source.read(at, min(count, source.size - at)))
            count -= len(parts[-1])
        at = max(0, at - source.size)
    return b"".join(parts)


def _check_video(video: Video, syntax: TransferSyntax) -> Iterator[Remark]:
    """The stream is of the kind, profile and level that the transfer syntax is for; what else does not fit is to be reported."""
    rule = rule_of(syntax.uid)
    if rule is None or rule.kind != video.kind:
        raise PixelError(f"the stream is {video.kind}, which {syntax.name} does not hold")
    if video.bits != 8 and (video.kind, video.profile) != ("HEVC", 2):
        raise PixelError(f"the video has samples of {video.bits} bits, which only HEVC of the profile Main 10 has in DICOM: encode it anew")
    if not fits(video, rule):
        raise PixelError(misfit(video, syntax.uid))
    if video.kind != "MPEG-2" and video.container not in ("MPEG-TS", "MP4"):
        message = f"{video.kind} is to be in an MPEG-2 transport stream or an MP4, and this stream is not"
        yield Remark("warning", "video-container", message, "PS3.5 8.2.7")
    if video.container == "MP4":
        message = "what the MP4 carries beside the video stays as it is, and may tell of the patient"
        yield Remark("info", "embedded-metadata", message, "PS3.15 E")


def _timed(video: Video, wishes: Wishes) -> tuple[dict[str, Any], int]:
    """The attributes with those of time, and the number of frames; what nobody tells is asked for."""
    given = Dataset(wishes.attributes, policy=wishes.policy)
    frames = video.frames or _positive(given, "NumberOfFrames")
    time, rate = video.frame_time or _positive(given, "FrameTime"), _positive(given, "CineRate")
    time = time or (1000 / rate if rate else None)
    missing = [words for words, value in (("NumberOfFrames", frames), ("FrameTime (in milliseconds) or CineRate", time)) if not value]
    if not frames or not time:
        raise PixelError(f"the headers of the video do not tell {' and '.join(missing)}: give what is missing as attributes")
    # the pointer is what the classes with a Multi-frame Module need to know the time by (PS3.3 C.7.6.6)
    filled = {"FrameTime": round(time, 6), "CineRate": max(1, round(1000 / time)), "FrameIncrementPointer": Tag("FrameTime")}
    return {**filled, **wishes.attributes, "NumberOfFrames": int(frames)}, int(frames)


def _positive(ds: Dataset, keyword: str) -> float | None:
    value = getattr(ds, keyword, None)
    number = float(value) if value is not None else 0.0
    return number if number > 0 else None


def _pieces(fragments: list[_Source], syntax: TransferSyntax) -> list[tuple[_Source, int, int]]:
    """The fragments: a source, a place in it, and a length."""
    pieces = [(source, at, min(_LONGEST, source.size - at)) for source in fragments for at in range(0, source.size, _LONGEST)]
    if len(pieces) > 1 and not syntax.uid.endswith(".1"):
        size = sum(size for *_, size in pieces)
        several = f"{syntax.uid}.1"
        way_out = f"give compression='{several}', the fragmentable one" if several in TRANSFER_SYNTAXES else "join them"
        raise PixelError(f"{syntax.name} has one fragment, and there are {len(pieces)} (of {size} bytes together): {way_out}")
    if any(size % 2 for *_, size in pieces[:-1]):
        raise PixelError("a fragment of an odd length cannot be followed by another: a zero would be put into the stream")
    return pieces


def _write_video(target: Target, ds: Dataset, pieces: list[tuple[_Source, int, int]], file: dict[str, Any]) -> None:
    """The file with an empty offset table, in bounded memory."""
    ds.PixelData = Fragments(())
    with open_stream(target, ds, fill=Tag("PixelData"), **file) as stream:
        for number, (source, start, size) in enumerate(pieces):
            header, _, padding = item_of(range(size), number)  # of the bytes it wants the number alone
            stream.append(header)
            for at in range(start, start + size, _CHUNK):
                chunk = source.read(at, min(_CHUNK, start + size - at))
                if len(chunk) != min(_CHUNK, start + size - at):
                    raise PixelError("the video became shorter while it was read")
                stream.append(chunk)
            stream.append(padding)
