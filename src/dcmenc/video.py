"""Video that is compressed already: MPEG-2, H.264 and HEVC, by themselves or in a container, as far as their headers tell (PS3.5 8.2.5 ff).

Only headers are read, from a bounded part of the stream and with every length checked; nothing is decoded. Containers are the MPEG-2
program and transport streams (ISO/IEC 13818-1) and MP4 (ISO/IEC 14496-12).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from .codestream import boxes
from .errors import CodecError, PixelError

Read = Callable[[int, int], bytes]

_ROOT = "1.2.840.10008.1.2.4."
_HEAD = 1 << 20
_LARGEST_MOVIE_BOX = 1 << 26
_MOST_BOXES = 10000


class Rule(NamedTuple):
    """A video syntax: what its name says of the stream, and whether a stream of that profile and level can be no other's."""

    kind: str
    profile: int
    level: int
    certain: bool = True


# PS3.5 8.2.5 to 8.2.11; the fragmentable variants end in .1. Profile and level as the streams have them: of MPEG-2 in one byte (main
# profile 4; main level 8, high level 4), of H.264 ten times the level, of HEVC thirty times.
RULES: Mapping[str, Rule] = {
    f"{_ROOT}100": Rule("MPEG-2", 4, 8), f"{_ROOT}101": Rule("MPEG-2", 4, 4),
    f"{_ROOT}102": Rule("H.264", 100, 41), f"{_ROOT}103": Rule("H.264", 100, 41, False),
    f"{_ROOT}104": Rule("H.264", 100, 42, False), f"{_ROOT}105": Rule("H.264", 100, 42, False),
    f"{_ROOT}106": Rule("H.264", 128, 42),
    f"{_ROOT}107": Rule("HEVC", 1, 153), f"{_ROOT}108": Rule("HEVC", 2, 153),
}
# What the numbers are called in their standards (ISO/IEC 13818-2 Tables 8-2 and 8-3, 14496-10 A.2, 23008-2 A.3), and what a level is over.
_PROFILES: Mapping[str, Mapping[int, str]] = {
    "MPEG-2": {1: "High", 2: "Spatially Scalable", 3: "SNR Scalable", 4: "Main", 5: "Simple"},
    "H.264": {66: "Baseline", 77: "Main", 88: "Extended", 100: "High", 110: "High 10", 118: "Multiview High", 122: "High 4:2:2",
              128: "Stereo High", 244: "High 4:4:4 Predictive"},
    "HEVC": {1: "Main", 2: "Main 10", 3: "Main Still Picture", 4: "Format Range Extensions"},
}
_MPEG2_LEVELS = {4: "High", 6: "High 1440", 8: "Main", 10: "Low"}
_LEVEL_UNITS = {"H.264": 10, "HEVC": 30}
METHODS: Mapping[str, str] = {"MPEG-2": "ISO_13818_2", "H.264": "ISO_14496_10", "HEVC": "ISO_23008_2"}


class Video(NamedTuple):
    """What the headers tell; None where they do not. ``frame_time`` is in milliseconds."""

    kind: str
    rows: int
    columns: int
    profile: int
    level: int
    bits: int = 8
    container: str = ""
    frames: int | None = None
    frame_time: float | None = None


def rule_of(uid: str) -> Rule | None:
    """The rule of a transfer syntax for video, fragmentable or not.

    >>> rule_of("1.2.840.10008.1.2.4.102.1").kind
    'H.264'
    """
    return RULES.get(uid) or (RULES.get(uid[:-2]) if uid.endswith(".1") else None)


def fits(video: Video, rule: Rule) -> bool:
    """Whether profile and level are those of the syntax, or below."""
    if video.kind == "MPEG-2":
        return (video.profile, video.level) == (rule.profile, rule.level)
    return video.profile == rule.profile and video.level <= rule.level


def words_of(kind: str, profile: int, level: int) -> str:
    """Kind, profile and level in the words of their standard.

    >>> words_of("H.264", 100, 41), words_of("HEVC", 2, 153), words_of("MPEG-2", 4, 8)
    ('H.264 of High Profile and Level 4.1', 'HEVC of Main 10 Profile and Level 5.1', 'MPEG-2 of Main Profile and Main Level')
    """
    name = _PROFILES[kind].get(profile, f"no known ({profile})")
    unit = _LEVEL_UNITS.get(kind)
    height = f"Level {level / unit:.3g}" if unit else f"{_MPEG2_LEVELS.get(level, f'an unknown ({level})')} Level"
    return f"{kind} of {name} Profile and {height}"


def holders_of(video: Video) -> list[str]:
    """The transfer syntaxes for the profile and level of a video, without the fragmentable variants."""
    return [uid for uid, rule in RULES.items() if rule.kind == video.kind and fits(video, rule)]


def syntax_of(video: Video) -> str:
    """The one transfer syntax of a profile and level; PixelError, naming what to give, if there are several or none."""
    possible = holders_of(video)
    certain = [uid for uid in possible if RULES[uid].certain]
    if len(certain) == 1:
        return certain[0]
    if not possible:
        raise PixelError(misfit(video))
    raise PixelError(f"the video is {words_of(video.kind, video.profile, video.level)}, which does not tell its transfer syntax: give one "
                     f"as compression= (of {', '.join(possible)}, or fragmentable with .1 behind it)")


def misfit(video: Video, asked: str | None = None) -> str:
    """Why a video cannot be in a transfer syntax, ``asked``, or in any, and where it can be."""
    said = f"the video is {words_of(video.kind, video.profile, video.level)}"
    rule = rule_of(asked) if asked else None
    if rule is not None:
        said += f", and the transfer syntax is for {words_of(rule.kind, rule.profile, rule.level)}"
    possible = holders_of(video)
    if possible:
        return f"{said}; give compression= {' or '.join(map(repr, possible))}"
    best = [words_of(rule.kind, rule.profile, rule.level) for rule in RULES.values() if rule.kind == video.kind and rule.certain]
    return f"{said}; no transfer syntax holds it: encode it anew, as {' or '.join(best)}"


def is_video(head: bytes) -> bool:
    """Whether a stream begins like video.

    >>> is_video(b"\\0\\0\\0\\1\\x67"), is_video(b"\\xff\\xd8\\xff")
    (True, False)
    """
    return head.startswith((b"\0\0\1", b"\0\0\0\1")) or head[4:8] == b"ftyp" or bool(_packets(head))


def look_at_video(read: Read, size: int) -> Video:
    """What the headers of a video tell.

    Parameters
    ----------
    read : callable
        Gives so many bytes from a place on.
    size : int
        The bytes of the stream.

    Raises
    ------
    PixelError
        It is video of a kind that DICOM has no transfer syntax for.
    CodecError
        Its headers are damaged, or not to be found.
    """
    head = read(0, min(size, _HEAD))
    if head[4:8] == b"ftyp":
        return _look_at_mp4(read, size)
    if _packets(head):
        return _elementary(_transported(head))._replace(container="MPEG-TS")
    if head.startswith(b"\0\0\1\xba"):
        return _elementary(_programmed(head))._replace(container="MPEG-PS")
    return _elementary(head)


# ---- containers


def _packets(head: bytes) -> tuple[int, int] | None:
    """Where the first packet of a transport stream begins, and how far it is to the next (ISO/IEC 13818-1 2.4.3.2)."""
    for first, step in ((0, 188), (4, 192)):
        if len(head) > first + 2 * step and all(head[first + number * step] == 0x47 for number in range(3)):
            return first, step
    return None


def _transported(head: bytes) -> bytes:
    """The video of a transport stream: the payload of the first packets that begin a video PES packet, and of those that go on."""
    first, step = _packets(head) or (0, 188)
    chosen, parts = -1, []
    for at in range(first, len(head) - 187, step):
        if head[at] != 0x47:
            break
        begins, pid, control = head[at + 1] & 0x40, (head[at + 1] & 0x1F) << 8 | head[at + 2], head[at + 3] >> 4 & 3
        start = at + 4 + (1 + head[at + 4] if control & 2 else 0)
        payload = head[start : at + 188] if control & 1 else b""
        if begins and payload[:3] == b"\0\0\1" and 0xE0 <= payload[3] <= 0xEF and chosen in (-1, pid):
            chosen = pid
            parts.append(payload[9 + payload[8] :] if len(payload) > 8 else b"")
        elif pid == chosen:
            parts.append(payload)
    return b"".join(parts)


def _programmed(head: bytes) -> bytes:
    """The video of a program stream: what its video PES packets hold (ISO/IEC 13818-1 2.4.3.6, 2.5.3)."""
    at, parts = 0, []
    while head[at : at + 3] == b"\0\0\1" and at + 14 <= len(head):
        code = head[at + 3]
        if code == 0xBA:
            if head[at + 4] >> 6 != 1:
                raise PixelError("an MPEG-1 system stream has no transfer syntax: encode it anew")
            at += 14 + (head[at + 13] & 7)
            continue
        end = at + 6 + int.from_bytes(head[at + 4 : at + 6], "big")
        if 0xE0 <= code <= 0xEF:
            parts.append(head[at + 9 + head[at + 8] : end])
        at = end
    return b"".join(parts)


def _look_at_mp4(read: Read, size: int) -> Video:
    """The first video track of the movie box (ISO/IEC 14496-12)."""
    movie = memoryview(_movie_box(read, size))
    for track in _inside(movie, b"trak"):
        media = _inside(track, b"mdia")
        if not media or not any(bytes(handler[8:12]) == b"vide" for handler in _inside(media[0], b"hdlr")):
            continue
        tables = [table for information in _inside(media[0], b"minf") for table in _inside(information, b"stbl")]
        entries = [entry for table in tables for entry in _inside(table, b"stsd")]
        if not entries:
            break
        frames, time = _samples_of(media[0], tables[0])
        return _sample_entry(entries[0])._replace(container="MP4", frames=frames, frame_time=time)
    raise CodecError("the MP4 file has no video track")


def _movie_box(read: Read, size: int) -> bytes:
    at = 0
    for _ in range(_MOST_BOXES):
        header = read(at, 16) if at + 8 <= size else b""
        if len(header) < 8:
            break
        length, kind, head = int.from_bytes(header[:4], "big"), header[4:8], 8
        if length == 1:
            length, head = int.from_bytes(header[8:16], "big"), 16
        length = size - at if length == 0 else length
        if length < head or at + length > size:
            break
        if kind == b"moov":
            if length > _LARGEST_MOVIE_BOX:
                raise CodecError(f"the movie box of the MP4 file claims {length} bytes", at)
            return read(at + head, length - head)
        at += length
    raise CodecError("the MP4 file has no movie box, or breaks off", at)


def _inside(data: memoryview, wanted: bytes) -> list[memoryview]:
    return [content for kind, content in boxes(data) if kind == wanted]


def _samples_of(media: memoryview, table: memoryview) -> tuple[int | None, float | None]:
    """The number of frames, and how long each is shown where it is the same for all (8.6.1.2, 8.7.3)."""
    sizes = [_number(box, 8) for kind, box in boxes(table) if kind in (b"stsz", b"stz2")]
    scales = [_number(box, 20 if bytes(box[:1]) == b"\1" else 12) for box in _inside(media, b"mdhd")]
    frames = sizes[0] if sizes and sizes[0] else None
    for times in _inside(table, b"stts"):
        # the last frame alone may differ
        if scales and scales[0] and (_number(times, 4) == 1 or (_number(times, 4) == 2 and _number(times, 16) == 1)):
            return frames, 1000 * _number(times, 12) / scales[0] or None
    return frames, None


def _number(box: memoryview, at: int) -> int:
    if at + 4 > len(box):
        raise CodecError("a box of the MP4 file breaks off")
    return int.from_bytes(box[at : at + 4], "big")


# Of a visual sample entry, the boxes behind its fields (ISO/IEC 14496-12 12.1.3): here with the four bytes before the first entry's size.
_ENTRY, _ENTRY_FIELDS = 8, 78
_H264, _HEVC = (b"avc1", b"avc3"), (b"hvc1", b"hev1")


def _sample_entry(description: memoryview) -> Video:
    for kind, entry in boxes(description[_ENTRY:]):
        if kind not in (*_H264, *_HEVC):
            raise PixelError(f"the MP4 file holds {kind.decode('latin-1')!r}, and DICOM takes H.264 and HEVC in it")
        records = dict(boxes(entry[_ENTRY_FIELDS:]))
        for inner, record in records.items():
            if inner == b"avcC" and kind in _H264:
                length = int.from_bytes(record[6:8], "big")
                video, views = _read_h264(bytes(record[8 : 8 + length])), records.get(b"mvcC", b"")
                # of several views, what holds for all (ISO/IEC 14496-15 7.5.2)
                return video._replace(profile=views[1], level=views[3]) if len(views) > 3 else video
            if inner == b"hvcC" and kind in _HEVC:
                return _read_hevc(_parameter_set(record))
    raise CodecError("the MP4 file does not describe its video")


def _parameter_set(record: memoryview) -> bytes:
    """The sequence parameter set in a configuration record of HEVC (ISO/IEC 14496-15 8.3.3)."""
    at = 23
    for _ in range(record[22] if len(record) > 22 else 0):
        if at + 5 > len(record):
            break
        kind, count = record[at] & 0x3F, int.from_bytes(record[at + 1 : at + 3], "big")
        at += 3
        for _ in range(count):
            length = int.from_bytes(record[at : at + 2], "big")
            if not length or at + 2 + length > len(record):
                raise CodecError("the description of the video in the MP4 file is damaged")
            if kind == 33:
                return bytes(record[at + 2 : at + 2 + length])
            at += 2 + length
    raise CodecError("the MP4 file has no sequence parameter set")


# ---- sequence headers

# ISO/IEC 13818-2 Table 6-4, in frames a second
_RATES = (0.0, 24000 / 1001, 24.0, 25.0, 30000 / 1001, 30.0, 50.0, 60000 / 1001, 60.0)
_LONGEST_SET = 4096


def _elementary(data: bytes) -> Video:
    """The first sequence header, whose kind tells that of the stream."""
    for at in _starts(data):
        code, following = data[at], data[at + 1 : at + 2]
        if code == 0xB3:
            return _read_mpeg2(data, at + 1)
        if code == 0x42 and following == b"\1":  # a sequence parameter set of HEVC, type 33 in the base layer
            return _read_hevc(data[at : at + _LONGEST_SET])
        if code & 0x9F == 7:  # of H.264, type 7
            return _with_views(_read_h264(data[at : at + _LONGEST_SET]), data[at:])
    raise CodecError(f"there is no sequence header of MPEG-2, H.264 or HEVC in the first {len(data)} bytes of the video")


def _with_views(video: Video, data: bytes) -> Video:
    """The profile and level of all views: of several, a set of type 15 has them, before the first slice (ISO/IEC 14496-10 7.4.1.2.3)."""
    for at in _starts(data):
        kind = data[at] & 0x1F
        if kind == 15:
            return video._replace(profile=data[at + 1], level=data[at + 3]) if at + 3 < len(data) else video
        if 1 <= kind <= 5:
            break
    return video


def _starts(data: bytes) -> Iterator[int]:
    """Where the bytes behind start codes are."""
    at = data.find(b"\0\0\1")
    while 0 <= at < len(data) - 4:
        yield at + 3
        at = data.find(b"\0\0\1", at + 3)


class _Bits:
    """Bits from the most significant one of each byte on, without the bytes that prevent start codes (ISO/IEC 14496-10 7.3.1)."""

    def __init__(self, data: bytes) -> None:
        clean = data.replace(b"\0\0\3", b"\0\0")
        self._bits, self._left = int.from_bytes(clean, "big"), 8 * len(clean)

    def take(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise CodecError("a sequence header of the video breaks off")
        return self._bits >> self._left & ((1 << count) - 1)

    def number(self) -> int:
        """An Exp-Golomb number (ISO/IEC 14496-10 9.1)."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > 32:
                raise CodecError("a sequence header of the video is damaged")
        return (1 << zeros) - 1 + self.take(zeros)

    def numbers(self, count: int) -> list[int]:
        return [self.number() for _ in range(count)]


def _read_mpeg2(data: bytes, at: int) -> Video:
    """Sequence header and sequence extension (ISO/IEC 13818-2 6.2.2.1, 6.2.2.3)."""
    head = int.from_bytes(data[at : at + 4], "big")
    columns, rows, rate = head >> 20, head >> 8 & 0xFFF, head & 0xF
    extension = next((place for place in _starts(data[at : at + _LONGEST_SET]) if data[at + place] == 0xB5), 0)
    if not extension or data[at + extension + 1] >> 4 != 1:
        raise PixelError("MPEG-1 video has no transfer syntax: encode it anew")
    bits = _Bits(data[at + extension + 1 : at + extension + 7])
    bits.take(4)
    bits.take(1)
    profile, level = bits.take(3), bits.take(4)
    bits.take(1)
    _check_chroma(bits.take(2))
    columns, rows = columns | bits.take(2) << 12, rows | bits.take(2) << 12
    bits.take(12 + 1 + 8 + 1)
    plain = not bits.take(7)
    time = 1000 / _RATES[rate] if plain and 0 < rate < len(_RATES) else None
    return Video("MPEG-2", *_checked(rows, columns), profile, level, frame_time=time)


_WITH_CHROMA = frozenset((44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244))


def _read_h264(data: bytes) -> Video:
    """A sequence parameter set (ISO/IEC 14496-10 7.3.2.1.1)."""
    bits = _Bits(data[1:])
    profile, _, level = bits.take(8), bits.take(8), bits.take(8)
    bits.number()
    depth = 8
    if profile in _WITH_CHROMA:
        _check_chroma(bits.number())
        depth = 8 + max(bits.numbers(2))
        bits.take(1)
        if bits.take(1):
            _skip_scaling(bits)
    bits.number()
    order = bits.number()
    if order == 0:
        bits.number()
    elif order == 1:
        bits.take(1)
        bits.numbers(2)
        bits.numbers(min(bits.number(), 255))
    bits.number()
    bits.take(1)
    across, down = bits.number() + 1, bits.number() + 1
    fields = 2 - bits.take(1)
    bits.take(2 if fields == 2 else 1)
    left, right, top, bottom = bits.numbers(4) if bits.take(1) else (0, 0, 0, 0)
    rows, columns = 16 * fields * down - 2 * fields * (top + bottom), 16 * across - 2 * (left + right)
    return Video("H.264", *_checked(rows, columns), profile, level, _checked_depth(depth))


def _skip_scaling(bits: _Bits) -> None:
    """The scaling lists of 4:2:0 (ISO/IEC 14496-10 7.3.2.1.1.1)."""
    for size in (16,) * 6 + (64,) * 2:
        last = following = 8
        for _ in range(size if bits.take(1) else 0):
            if following:
                code = bits.number()
                following = (last + ((code + 1) // 2 if code % 2 else -(code // 2))) % 256
            last = following or last


def _read_hevc(data: bytes) -> Video:
    """A sequence parameter set (ISO/IEC 23008-2 7.3.2.2, 7.3.3)."""
    bits = _Bits(data[2:])
    bits.take(4)
    layers = bits.take(3)
    bits.take(1 + 3)
    profile = bits.take(5)
    bits.take(32 + 48)
    level = bits.take(8)
    present = [(bits.take(1), bits.take(1)) for _ in range(layers)]
    bits.take(2 * (8 - layers) if layers else 0)
    for has_profile, has_level in present:
        bits.take(88 * has_profile + 8 * has_level)
    bits.number()
    _check_chroma(bits.number())
    columns, rows = bits.numbers(2)
    left, right, top, bottom = bits.numbers(4) if bits.take(1) else (0, 0, 0, 0)
    depth = 8 + max(bits.numbers(2))
    return Video("HEVC", *_checked(rows - 2 * (top + bottom), columns - 2 * (left + right)), profile, level, _checked_depth(depth))


def _check_chroma(format: int) -> None:
    if format != 1:
        raise PixelError("the video has another chroma format than 4:2:0, which is all that DICOM takes: encode it anew")


def _checked(rows: int, columns: int) -> tuple[int, int]:
    if not (0 < rows <= 0xFFFF and 0 < columns <= 0xFFFF):
        raise CodecError(f"the video claims {rows} rows of {columns} pixels")
    return rows, columns


def _checked_depth(bits: int) -> int:
    if bits not in (8, 10):
        raise PixelError(f"the video has samples of {bits} bits, and DICOM takes 8, and 10 of HEVC: encode it anew")
    return bits
