"""Still images that are compressed already: what a stream is, which transfer syntaxes hold it, what its header says of the pixels.

No pixels are decoded here, and no length is believed that the bytes do not bear out. A JPEG that is kept in JPEG XL is restored, and looked
at. The facts are tables: the coding processes of ITU-T T.81 and T.87, what the segments beside the image are, and what other files begin
with. Video is in ``video.py``; what a dataset takes on, in ``wrapping.py``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from .codecs.jpeg_xl_jpeg import holds_jpeg, restore_jpeg
from .codecs.streams import Header, Segment, frame_header
from .codestream import Coding, boxes, codestream_of, read_codestream, read_coding
from .errors import CodecError, PixelError
from .report import Severity

_ROOT = "1.2.840.10008.1.2.4."

_GRAY = ("MONOCHROME2", "MONOCHROME1", "PALETTE COLOR")
_PLAIN_COLOUR = ("RGB", "YBR_FULL")


class Remark(NamedTuple):
    """What is to be said of a stream, in the words of :class:`dcmenc.Finding`."""

    severity: Severity
    code: str
    message: str
    clause: str = ""


class Still(NamedTuple):
    """What a stream says of itself.

    ``data`` are the bytes that become a frame. ``syntaxes`` are the UIDs of the transfer syntaxes that hold it, the narrowest first, and
    ``certain`` says that nothing but the bytes is needed to choose; ``photometrics`` what its samples may be called, the likeliest first,
    which ``told`` says is marked in the stream. ``signed`` is None where a stream knows no sign.
    """

    family: str
    data: memoryview
    syntaxes: tuple[str, ...]
    rows: int
    columns: int
    samples: int
    precision: int
    signed: bool | None
    photometrics: tuple[str, ...]
    reversible: bool
    method: str
    told: bool = False
    certain: bool = True
    remarks: tuple[Remark, ...] = ()


def look_at(data: memoryview) -> Still:
    """What a stream is.

    Raises
    ------
    PixelError
        It is none that a DICOM image can hold; the message names the way out.
    CodecError
        It is damaged, or breaks off.

    Examples
    --------
    >>> look_at(memoryview(b"\\x89PNG\\r\\n"))
    Traceback (most recent call last):
    ...
    dcmenc.errors.PixelError: a PNG file is no stream of DICOM: decode it, and give the array to imwrite
    """
    start = data[:132].tobytes()
    for signature, look in _LOOKS:
        if start.startswith(signature):
            return look(data)
    for signature, name in _FOREIGN:
        if start.startswith(signature):
            raise PixelError(f"a {name} file is no stream of DICOM: decode it, and give the array to imwrite")
    if start[128:] == b"DICM":
        raise PixelError("this is a DICOM file already: transcode writes it in another transfer syntax")
    raise PixelError(f"no compressed stream is known that begins with {start[:8].hex(' ') or 'nothing'}: there are JPEG, JPEG-LS, "
                     "JPEG 2000, HTJ2K, JPEG XL, MPEG-2, H.264 and HEVC; an array is written by imwrite")


# ---- JPEG and JPEG-LS


class _Process(NamedTuple):
    """A frame header of T.81 Table B.1 or T.87: what it is called, and what to do about one that DICOM has no living syntax for."""

    name: str
    way_out: str = ""


_REWRITE = "jpegtran rewrites it as a sequential one without a loss"
_DECODE = "decode it, and give the array to imwrite(compression='jpeg-lossless') or another compression"
_BASELINE, _EXTENDED, _LOSSLESS, _LS = 0xC0, 0xC1, 0xC3, 0xF7
_PROCESSES: Mapping[int, _Process] = {
    _BASELINE: _Process("JPEG Baseline"), _EXTENDED: _Process("JPEG Extended"), _LOSSLESS: _Process("JPEG Lossless"),
    _LS: _Process("JPEG-LS"),
    0xC2: _Process("progressive JPEG", _REWRITE),
    0xC9: _Process("arithmetic coded JPEG", _REWRITE), 0xCA: _Process("progressive, arithmetic coded JPEG", _REWRITE),
    0xCB: _Process("arithmetic coded lossless JPEG", _DECODE),
    **{marker: _Process("hierarchical JPEG", _DECODE) for marker in (0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF)},
    0xF9: _Process("JPEG-LS of part 2", _DECODE),
}
_EOI, _SOS = 0xD9, 0xDA
_ALONE = (0x01, *range(0xD0, 0xD9))  # markers without a segment
_MOST_SEGMENTS = 20000
# What ends a scan: a marker that is neither stuffing nor a restart; behind FF, JPEG-LS stuffs one bit only, so that less than 80 are data.
_BEHIND_SCAN = re.compile(rb"\xff[\xc0-\xcf\xd8-\xfe]")

# Segments beside the image: marker, how the content begins, what it is. JFIF, Adobe and SPIFF say nothing of a patient.
_CARRIED = (
    (0xE1, b"Exif\0", "EXIF"), (0xE1, b"http://ns.adobe.com/x", "XMP"), (0xE2, b"ICC_PROFILE\0", "an ICC profile"),
    (0xE2, b"MPF\0", "further pictures"), (0xED, b"Photoshop ", "IPTC or other entries of Photoshop"), (0xFE, b"", "a comment"),
)
_HARMLESS = ((0xE0, b"JFIF\0"), (0xEE, b"Adobe"), (0xE8, b"SPIFF\0"))


def _look_at_jpeg(data: memoryview) -> Still:
    stream = data.tobytes()
    found, end = _segments(stream)
    frames = [segment for segment in found if segment.marker in _PROCESSES]
    if len(frames) != 1 and not any(_PROCESSES[frame.marker].way_out for frame in frames):
        raise CodecError(f"the stream has {len(frames)} frame headers, where one is wanted")
    process = next((_PROCESSES[frame.marker] for frame in frames if _PROCESSES[frame.marker].way_out), _PROCESSES[frames[0].marker])
    if process.way_out:
        raise PixelError(f"{process.name} has no transfer syntax that is still in use: {process.way_out}")
    header = frame_header(stream, found, (frames[0].marker,))
    if not header.rows or not header.columns:
        raise PixelError(f"the frame header has {header.rows} rows and {header.columns} columns; a height that is told behind the first "
                         "scan (DNL) is not read here")
    samplings = [stream[at] for at in range(frames[0].start + 11, frames[0].end, 3)]
    scans = _scans(stream, found, header)
    remarks = (*_carried(stream, found), *_behind(stream, end))
    return _LOOK_AT_PROCESS[frames[0].marker](_Jpeg(data, stream, found, header, samplings, scans, remarks))


class _Jpeg(NamedTuple):
    """A stream of JPEG that has been walked through."""

    data: memoryview
    stream: bytes
    segments: list[Segment]
    header: Header
    samplings: list[int]
    scans: list[tuple[int, int, int]]
    remarks: tuple[Remark, ...]


def _segments(data: bytes) -> tuple[list[Segment], int]:
    """All marker segments up to the end of the image (T.81 B.2), and where that is."""
    found: list[Segment] = []
    at = 2
    while len(found) < _MOST_SEGMENTS:
        if at + 2 > len(data):
            raise CodecError("the stream breaks off", len(data))
        marker = data[at + 1]
        if data[at] != 0xFF or marker in _ALONE or not marker:
            raise CodecError("a marker is wanted in the stream, and there is none", at)
        if marker == 0xFF:  # any number of these may come first (T.81 B.1.1.2)
            at += 1
            continue
        if marker == _EOI:
            return found, at + 2
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if end < at + 4 or end > len(data):
            raise CodecError("a segment of the stream has not the length that it claims", at)
        found.append(Segment(marker, at, end))
        at = end
        if marker == _SOS:
            behind = _BEHIND_SCAN.search(data, end)
            if behind is None:
                raise CodecError("the stream breaks off", len(data))
            at = behind.start()
    raise CodecError(f"the stream has more than {_MOST_SEGMENTS} segments")


def _scans(data: bytes, found: Sequence[Segment], header: Header) -> list[tuple[int, int, int]]:
    """The last three bytes of each scan header (T.81 B.2.3, T.87 C.2.3); together the scans have each component once."""
    scans, components = [], 0
    for marker, start, end in found:
        if marker == _SOS:
            if end - start != 8 + 2 * data[start + 4]:
                raise CodecError("a scan header of the stream is damaged", start)
            components += data[start + 4]
            scans.append((data[end - 3], data[end - 2], data[end - 1]))
    if components != header.components:
        raise CodecError(f"the scans of the stream have {components} components, and its frame header {header.components}")
    return scans


def _carried(data: bytes, found: Sequence[Segment]) -> tuple[Remark, ...]:
    """What stays in the stream beside the image, and may name a patient."""
    names: dict[str, None] = {}
    for marker, start, end in found:
        content = data[start + 4 : min(end, start + 40)]
        if 0xE0 <= marker <= 0xEF or marker == 0xFE:
            known = [name for code, prefix, name in _CARRIED if code == marker and content.startswith(prefix)]
            if known:
                names[known[0]] = None
            elif not any(code == marker and content.startswith(prefix) for code, prefix in _HARMLESS):
                names[f"application data (APP{marker - 0xE0})"] = None
    if not names:
        return ()
    turned = "; no reader of DICOM turns the image as EXIF says" if "EXIF" in names else ""
    return (Remark("info", "embedded-metadata", f"the stream carries {', '.join(names)}, which stays as it is and may tell of the patient"
                   f"{turned}", "PS3.15 E"),)


def _behind(data: bytes, end: int) -> tuple[Remark, ...]:
    extra = len(data) - end
    if extra <= 1 and not any(data[end:]):  # padding
        return ()
    return (Remark("info", "behind-the-image", f"{extra} bytes stand behind the end of the image; they stay as they are", "PS3.5 A.4"),)


def _look_at_baseline(jpeg: _Jpeg) -> Still:
    if jpeg.header.precision != 8:
        raise CodecError(f"JPEG Baseline has samples of 8 bits, not of {jpeg.header.precision}")
    return _sequential(jpeg, (f"{_ROOT}50", f"{_ROOT}51"), ())


def _look_at_extended(jpeg: _Jpeg) -> Still:
    if jpeg.header.precision not in (8, 12):
        raise CodecError(f"JPEG Extended has samples of 8 or 12 bits, not of {jpeg.header.precision}")
    if jpeg.header.precision == 12:
        return _sequential(jpeg, (f"{_ROOT}51",), ())
    remark = Remark("warning", "extended-process", "the frame header is that of the extended process (SOF1); for gray pixels "
                    "compression='1.2.840.10008.1.2.4.51' names it as it is", "PS3.5 8.2.1")
    return _sequential(jpeg, (f"{_ROOT}50", f"{_ROOT}51"), (remark,))


_FULL, _HALVED = [0x11, 0x11, 0x11], [0x21, 0x11, 0x11]


def _sequential(jpeg: _Jpeg, syntaxes: tuple[str, ...], remarks: tuple[Remark, ...]) -> Still:
    header, told = jpeg.header, False
    photometrics: tuple[str, ...] = _GRAY
    if _samples(header.components) == 3:
        colour = _colour_of(jpeg)
        told = colour is not None
        chroma = "YBR_FULL" if jpeg.samplings == _FULL else "YBR_FULL_422"
        photometrics = ("RGB", chroma) if colour == "RGB" else (chroma, "RGB")
        if len(set(jpeg.samplings)) > 1 and jpeg.samplings != _HALVED:
            sampling = " ".join(f"{each >> 4}x{each & 15}" for each in jpeg.samplings)
            message = f"the components are sampled {sampling}, and the transfer syntax has 4:2:2 (2x1 1x1 1x1): readers may refuse it"
            remarks += (Remark("warning", "sampling", message, "PS3.5 8.2.1"),)
    return Still("JPEG", jpeg.data, syntaxes, header.rows, header.columns, header.components, header.precision, None, photometrics,
                 False, "ISO_10918_1", told, True, (*jpeg.remarks, *remarks))


def _colour_of(jpeg: _Jpeg) -> str | None:
    """What three components are, as libjpeg decides it: by JFIF, by Adobe's transform, by their names; None where nothing tells."""
    if _applications(jpeg, 0xE0, b"JFIF\0"):
        return "YBR"
    if adobe := _adobe_colour_of(jpeg):
        return adobe
    frame = next(segment for segment in jpeg.segments if segment.marker in _PROCESSES)
    return "RGB" if bytes(jpeg.stream[frame.start + 10 : frame.end : 3]) == b"RGB" else None


def _adobe_colour_of(jpeg: _Jpeg) -> str | None:
    """What Adobe's segment says: the last of its twelve bytes is 0 for no transform (T.872 6.5.3)."""
    segments = _applications(jpeg, 0xEE, b"Adobe")
    if not segments or len(segments[0]) < 12:
        return None
    return "YBR" if segments[0][11] else "RGB"


def _applications(jpeg: _Jpeg, marker: int, prefix: bytes) -> list[bytes]:
    """The contents of application segments, as far as colours can be told by them."""
    contents = (jpeg.stream[start + 4 : min(end, start + 16)] for code, start, end in jpeg.segments if code == marker)
    return [content for content in contents if content.startswith(prefix)]


def _look_at_lossless(jpeg: _Jpeg) -> Still:
    header = jpeg.header
    if not 2 <= header.precision <= 16:
        raise CodecError(f"JPEG Lossless has samples of 2 to 16 bits, not of {header.precision}")
    shifted = any(last & 0x0F for *_, last in jpeg.scans)
    # selection value, and the point transform in the lower half of the last byte (T.81 B.2.3)
    first = not shifted and all(selection == 1 for selection, *_ in jpeg.scans)
    remarks = jpeg.remarks
    if shifted:
        remarks += (Remark("warning", "point-transform", "the lowest bits were left out before the stream was coded", "PS3.5 8.2.1"),)
    photometrics = _GRAY if header.components == 1 else ("YBR_FULL", "RGB") if _adobe_colour_of(jpeg) == "YBR" else _PLAIN_COLOUR
    return Still("JPEG Lossless", jpeg.data, (f"{_ROOT}70", f"{_ROOT}57") if first else (f"{_ROOT}57",), header.rows, header.columns,
                 _alike(jpeg), header.precision, None, photometrics, not shifted, "ISO_10918_1", False, True, remarks)


def _look_at_ls(jpeg: _Jpeg) -> Still:
    header = jpeg.header
    if not 2 <= header.precision <= 16:
        raise CodecError(f"JPEG-LS has samples of 2 to 16 bits, not of {header.precision}")
    exact = not any(near or last & 0x0F for near, _, last in jpeg.scans)
    return Still("JPEG-LS", jpeg.data, (f"{_ROOT}80", f"{_ROOT}81") if exact else (f"{_ROOT}81",), header.rows, header.columns,
                 _alike(jpeg), header.precision, None, _PLAIN_COLOUR if header.components == 3 else _GRAY, exact, "ISO_14495_1",
                 remarks=jpeg.remarks)


def _samples(components: int) -> int:
    if components not in (1, 3):
        raise PixelError(f"the stream has {components} components, and a DICOM image has 1 or 3: decode it, convert the colours, and give "
                         "the array to imwrite")
    return components


def _alike(jpeg: _Jpeg) -> int:
    if len(set(jpeg.samplings)) > 1:
        raise PixelError(f"the stream has components of different sizes, which DICOM does not allow here: {_DECODE}")
    return _samples(jpeg.header.components)


_LOOK_AT_PROCESS: Mapping[int, Callable[[_Jpeg], Still]] = {
    _BASELINE: _look_at_baseline, _EXTENDED: _look_at_extended, _LOSSLESS: _look_at_lossless, _LS: _look_at_ls,
}


# ---- JPEG 2000 and HTJ2K

_RPCL = 2
_BASE = 64  # the longest side of the lowest resolution in the syntax of RPCL (PS3.5 8.2.14)
_SYCC = 18  # T.800 Table I.10


def _look_at_jpeg2000(data: memoryview) -> Still:
    stream = codestream_of(data)
    found = read_codestream(stream)
    coding = read_coding(stream)
    if coding.extended:
        raise PixelError("the codestream needs part 2 of JPEG 2000, which is not wrapped here: decode it, and give the array to imwrite")
    if len(set(found.depths)) > 1:
        raise PixelError("the components of the codestream have different depths or signs: decode it, and give the array to imwrite")
    samples, (precision, signed) = _samples(len(found.depths)), found.depths[0]
    told = found.transformed and samples == 3
    photometrics: tuple[str, ...] = _GRAY if samples == 1 else _PLAIN_COLOUR
    if told:
        photometrics = ("YBR_RCT" if coding.reversible else "YBR_ICT",)
    remarks: tuple[Remark, ...] = ()
    if coding.remarks:
        remarks = (Remark("info", "embedded-metadata", "the codestream carries a comment, which stays as it is and may tell of the patient",
                          "PS3.15 E"),)
    if stream is not data:
        photometrics, told, left_out = _by_boxes(data, photometrics, told)
        remarks += (Remark("info", "boxes", f"the codestream was taken out of its file; left out: {left_out}", "PS3.5 A.4.4"),)
    family = "HTJ2K" if coding.high_throughput else "JPEG 2000"
    syntaxes = _syntaxes_of(coding, max(found.rows, found.columns))
    return Still(family, stream, syntaxes, found.rows, found.columns, samples, precision, signed, photometrics, coding.reversible,
                 "ISO_15444_15" if coding.high_throughput else "ISO_15444_1", told, True, remarks)


def _syntaxes_of(coding: Coding, side: int) -> tuple[str, ...]:
    if not coding.high_throughput:
        return (f"{_ROOT}90", f"{_ROOT}91") if coding.reversible else (f"{_ROOT}91",)
    if not coding.reversible:
        return (f"{_ROOT}203",)
    rpcl = coding.progression == _RPCL and coding.tile_lengths and -(-side >> coding.levels) <= _BASE
    return (*((f"{_ROOT}202",) if rpcl else ()), f"{_ROOT}201", f"{_ROOT}203")


def _by_boxes(data: memoryview, photometrics: tuple[str, ...], told: bool) -> tuple[tuple[str, ...], bool, str]:
    """What the boxes of a JP2 file say of the colours (T.800 I.5.3), and the types of those that are left out."""
    kinds: dict[str, None] = {}
    for kind, content in boxes(data):
        kinds[kind.decode("latin-1").strip()] = None
        if kind != b"jp2h":
            continue
        for inner, value in boxes(content):
            if inner == b"pclr":
                photometrics, told = ("PALETTE COLOR",), True
            elif inner == b"colr" and bytes(value[:1]) == b"\1" and photometrics == _PLAIN_COLOUR:
                named = int.from_bytes(value[3:7], "big")
                photometrics, told = (("YBR_FULL", "RGB") if named == _SYCC else _PLAIN_COLOUR), True
    kinds.pop("jp2c", None)
    return photometrics, told, ", ".join(kinds)


# ---- JPEG XL

_BOXED = bytes.fromhex("0000000c4a584c200d0a870a")
_METADATA = (b"Exif", b"xml ", b"jumb", b"brob")  # ISO/IEC 18181-2
# Width for height (ISO/IEC 18181-1 D.2.2): None where the width is given.
_RATIOS = (None, (1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))


class _LittleBits:
    """Bits from the least significant one of each byte on."""

    def __init__(self, data: bytes) -> None:
        self._bits, self._left = int.from_bytes(data, "little"), 8 * len(data)

    def take(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise CodecError("the JPEG XL stream breaks off in its header")
        value, self._bits = self._bits & ((1 << count) - 1), self._bits >> count
        return value

    def choose(self, *ways: tuple[int, int]) -> int:
        """One of four numbers, or ranges (ISO/IEC 18181-1 B.2.2): a start, and how many bits are added to it."""
        start, count = ways[self.take(2)]
        return start + self.take(count)


def _look_at_jpeg_xl(data: memoryview) -> Still:
    if holds_jpeg(data):
        return _look_at_kept_jpeg(data)
    head = _first_bytes(data)
    bits = _LittleBits(head[2:])
    rows, columns = _size(bits)
    precision, mixed, samples = _image_metadata(bits)
    # the XYB colour space is never lossless; of anything else only its encoder knows
    syntaxes = (f"{_ROOT}112",) if mixed else (f"{_ROOT}110", f"{_ROOT}112")
    photometrics = _GRAY if samples == 1 else ("XYB",) if mixed else ("RGB",)
    return Still("JPEG XL", data, syntaxes, rows, columns, samples, precision, None, photometrics, False, "ISO_18181_1", mixed, mixed)


def _look_at_kept_jpeg(data: memoryview) -> Still:
    """JPEG XL that a JPEG comes out of: what that says of itself, and of the loss, which is its own."""
    kept = _look_at_jpeg(memoryview(restore_jpeg(data.tobytes())))
    if f"{_ROOT}50" not in kept.syntaxes:
        raise PixelError(f"the JPEG XL file keeps {kept.family}, and the transfer syntax is for sequential JPEG of 8 bits: {_DECODE}")
    return kept._replace(family="JPEG XL with a JPEG in it", data=data, syntaxes=(f"{_ROOT}111",), remarks=_of_the_jpeg(kept, data))


def _of_the_jpeg(kept: Still, data: memoryview) -> tuple[Remark, ...]:
    """What is to be said of the JPEG that holds for the stream around it, too; a box with metadata is more than the JPEG has."""
    remarks = tuple(remark for remark in kept.remarks if remark.code not in ("behind-the-image", "extended-process"))
    others = sorted({kind.decode("latin-1").strip() for kind, _ in boxes(data) if kind in _METADATA})
    if others and not any(remark.code == "embedded-metadata" for remark in remarks):
        remarks += (Remark("info", "embedded-metadata", f"the stream carries boxes of the type {', '.join(others)}, which stay as they are "
                           "and may tell of the patient", "PS3.15 E"),)
    return remarks


def _first_bytes(data: memoryview) -> bytes:
    """Where the code stream begins: at once, or in the first of the boxes that hold it (ISO/IEC 18181-2)."""
    if bytes(data[:2]) == b"\xff\x0a":
        return data[:64].tobytes()
    start = b""
    for kind, content in boxes(data):
        if kind in (b"jxlc", b"jxlp") and not start:
            start = content[4 if kind == b"jxlp" else 0 :][:64].tobytes()
    if start[:2] != b"\xff\x0a":
        raise CodecError("the JPEG XL file has no code stream")
    return start


def _size(bits: _LittleBits) -> tuple[int, int]:
    """Rows and columns (ISO/IEC 18181-1 D.2.2)."""
    small = bits.take(1)

    def side() -> int:
        return (bits.take(5) + 1) * 8 if small else bits.choose((1, 9), (1, 13), (1, 18), (1, 30))

    rows, ratio = side(), _RATIOS[bits.take(3)]
    return rows, side() if ratio is None else rows * ratio[0] // ratio[1]


def _image_metadata(bits: _LittleBits) -> tuple[int, bool, int]:
    """Bits of a sample, whether colours are in XYB, samples of a pixel (ISO/IEC 18181-1 D.3)."""
    if bits.take(1):
        return 8, True, 3
    if bits.take(1) and bits.take(6):  # orientation, size to be shown, preview, animation
        raise PixelError("the JPEG XL stream is turned, animated, or has a preview: decode it, and give the array to imwrite")
    if bits.take(1):
        raise PixelError("the JPEG XL stream has floats: decode it, and give integers to imwrite")
    precision = bits.choose((8, 0), (10, 0), (12, 0), (1, 6))
    bits.take(1)
    if bits.choose((0, 0), (1, 0), (2, 4), (1, 12)):
        raise PixelError("the JPEG XL stream has more channels than the colours: decode it, and give the array to imwrite")
    mixed = bool(bits.take(1))
    if bits.take(1):
        return precision, mixed, 3
    bits.take(1)
    space = bits.choose((0, 0), (1, 0), (2, 4), (18, 6))
    if space > 1:
        raise PixelError("the JPEG XL stream is neither gray nor red, green and blue: decode it, and give the array to imwrite")
    return precision, mixed, 1 if space else 3


# How a stream begins, and what looks at it; what other files begin with.
_LOOKS: tuple[tuple[bytes, Callable[[memoryview], Still]], ...] = (
    (b"\xff\xd8", _look_at_jpeg), (b"\xff\x4f\xff\x51", _look_at_jpeg2000), (b"\0\0\0\x0cjP  \r\n\x87\n", _look_at_jpeg2000),
    (b"\xff\x0a", _look_at_jpeg_xl), (_BOXED, _look_at_jpeg_xl),
)
_FOREIGN = ((b"\x89PNG", "PNG"), (b"GIF8", "GIF"), (b"BM", "BMP"), (b"II*\0", "TIFF"), (b"MM\0*", "TIFF"), (b"RIFF", "WebP or AVI"),
            (b"\x93NUMPY", "NumPy"))
