"""What the header of a compressed frame says of its samples, by readers that know nothing of dcmenc: from the standards' syntax alone.

JPEG and JPEG Lossless (ITU-T T.81 B), JPEG-LS (T.87 C), JPEG 2000 and HTJ2K (T.800 A, T.814 A), JPEG XL (ISO/IEC 18181-1 B to F, 18181-2),
RLE (PS3.5 G).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple


class Said(NamedTuple):
    """What a stream says; None where its coding has no word for it.

    ``colour`` is a transform of components: "RCT", "ICT", "XYB", "YCbCr", or "none". ``sampling`` has (across, down) of each component.
    """

    coding: str
    rows: int | None = None
    columns: int | None = None
    components: int | None = None
    precision: int | None = None
    signed: bool | None = None
    colour: str | None = None
    sampling: tuple[tuple[int, int], ...] | None = None
    exact: bool | None = None
    more: dict[str, Any] = {}  # noqa: RUF012  (never changed)


def said(stream: bytes) -> Said:
    """What any of the streams says; ValueError for one that is none of them."""
    if stream[:2] == b"\xff\xd8":
        return _jpeg(stream)
    if stream[:4] == b"\xff\x4f\xff\x51":
        return _jpeg2000(stream)
    if stream[:2] == b"\xff\x0a" or stream[4:8] == b"JXL ":
        return _jpeg_xl(stream)
    if len(stream) >= 64 and 0 < struct.unpack_from("<I", stream)[0] < 16 and struct.unpack_from("<I", stream, 4)[0] == 64:
        return Said("RLE", more={"segments": struct.unpack_from("<I", stream)[0]})
    raise ValueError(f"no known stream begins with {stream[:8].hex(' ')}")


def _segments(stream: bytes, last: int) -> Iterator[tuple[int, bytes]]:
    """Marker and content of each segment behind the first marker, up to the one of the code ``last``."""
    at = 2
    while True:
        if stream[at] != 0xFF:
            raise ValueError(f"there is no marker at {at}")
        length = int.from_bytes(stream[at + 2:at + 4], "big")
        yield stream[at + 1], stream[at + 4:at + 2 + length]
        if stream[at + 1] == last:
            return
        at += 2 + length


_PROCESSES = {0xC0: "JPEG baseline", 0xC1: "JPEG extended", 0xC3: "JPEG lossless", 0xF7: "JPEG-LS"}


def _jpeg(stream: bytes) -> Said:
    """Frame header, the first scan header, and Adobe's segment (T.81 B.2.2, B.2.3; T.872 6.5.3)."""
    found = list(_segments(stream, 0xDA))
    (process, frame), = ((_PROCESSES[marker], content) for marker, content in found if marker in _PROCESSES)
    precision, rows, columns, components = struct.unpack_from(">BHHB", frame)
    sampling = tuple((byte >> 4, byte & 15) for byte in frame[7::3])
    scan = found[-1][1]
    first, second, last = scan[-3:]
    adobe = [content[11] for marker, content in found if marker == 0xEE and content.startswith(b"Adobe")]
    colour, exact = None, False
    if process == "JPEG lossless":
        exact = last & 15 == 0
    elif process == "JPEG-LS":
        exact = first == 0 and last & 15 == 0
    elif components == 3:
        colour = "none" if adobe == [0] else "YCbCr"
    more = {"markers": [marker for marker, _ in found], "ids": tuple(frame[6::3]), "in scan": scan[0], "selection": first,
            "interleave": second, "near": first, "adobe": adobe}
    return Said(process, rows, columns, components, precision, None, colour, sampling, exact, more)


def _jpeg2000(stream: bytes) -> Said:
    """SIZ, COD and the quantization (T.800 A.5.1, A.6.1, A.6.4), CAP (T.814 A.3)."""
    found = dict(_segments(stream, 0x90))
    siz, cod, qcd = found[0x51], found[0x52], found[0x5C]
    right, down, left, top = struct.unpack_from(">4I", siz, 2)
    components = struct.unpack_from(">H", siz, 34)[0]
    depths = siz[36::3]
    if len(set(depths)) != 1 or len(depths) != components:
        raise ValueError("the components are not alike")
    reversible, transformed = cod[9] == 1, bool(cod[4])
    colour = ("RCT" if reversible else "ICT") if transformed else "none"
    if (qcd[0] & 31 == 0) != reversible:
        raise ValueError("the quantization is not that of the wavelet")
    high = 0x50 in found
    more = {"block style": cod[8], "high throughput": bool(cod[8] & 0x40), "order": cod[1], "levels": cod[5], "lengths": 0x55 in found,
            "CAP": high, "comments": 0x64 in found}
    return Said("HTJ2K" if high else "JPEG 2000", down - top, right - left, components, (depths[0] & 0x7F) + 1, bool(depths[0] & 0x80),
                colour, tuple(zip(siz[37::3], siz[38::3], strict=True)), reversible, more)


# ---- JPEG XL


class _Bits:
    """Bits from the least significant of each byte on (ISO/IEC 18181-1 B.2)."""

    def __init__(self, data: bytes) -> None:
        self.number, self.at = int.from_bytes(data, "little"), 0

    def take(self, count: int = 1) -> int:
        value = self.number >> self.at & ((1 << count) - 1)
        self.at += count
        return value

    def u32(self, *ways: tuple[int, int]) -> int:
        start, count = ways[self.take(2)]
        return start + self.take(count)

    def u64(self) -> int:
        kind = self.take(2)
        if kind < 3:
            return (0, 1, 17)[kind] + self.take((0, 4, 8)[kind])
        value, shift = self.take(12), 12
        while self.take():
            if shift == 60:
                return value | self.take(4) << 60
            value, shift = value | self.take(8) << shift, shift + 8
        return value

    def enum(self) -> int:
        return self.u32((0, 0), (1, 0), (2, 4), (18, 6))


_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}
_UPSAMPLING = ((1, 1), (2, 2), (2, 1), (1, 2))  # of the JPEG's factors (F.2.6)


def boxes_of(stream: bytes) -> list[tuple[bytes, bytes]]:
    """Type and content of the boxes of a file (ISO/IEC 18181-2 4)."""
    found, at = [], 0
    while len(stream) - at >= 8:
        length, kind = struct.unpack_from(">I4s", stream, at)
        start = at + 8
        if length == 1:
            length, start = struct.unpack_from(">Q", stream, start)[0], at + 16
        end = at + length if length else len(stream)
        found.append((kind, stream[start:end]))
        at = end
    return found


def _jpeg_xl(stream: bytes) -> Said:
    """Size, image metadata and the beginning of the first frame header (D.2, D.3, E.2, F.2)."""
    kinds: list[bytes] = []
    if stream[:2] != b"\xff\x0a":
        boxes = boxes_of(stream)
        kinds = [kind for kind, _ in boxes]
        stream = b"".join(content[4:] if kind == b"jxlp" else content for kind, content in boxes if kind in (b"jxlc", b"jxlp"))
    bits = _Bits(stream[2:200])
    rows, columns = _size(bits)
    precision, components, colour, icc = _metadata(bits)
    sampling = None
    more: dict[str, Any] = {"boxes": kinds}
    if not icc:
        bits.at = (bits.at + 7) // 8 * 8
        modular, ycbcr, sampling = _frame(bits, colour == "XYB")
        more["modular"] = modular
        colour = "YCbCr" if ycbcr else colour
    if components == 1:
        sampling = None
    return Said("JPEG XL", rows, columns, components, precision, None, colour, sampling, None, more)


def _size(bits: _Bits) -> tuple[int, int]:
    small = bits.take()

    def side() -> int:
        return (bits.take(5) + 1) * 8 if small else bits.u32((1, 9), (1, 13), (1, 18), (1, 30))

    rows = side()
    ratio = bits.take(3)
    return rows, rows * _RATIOS[ratio][0] // _RATIOS[ratio][1] if ratio else side()


def _metadata(bits: _Bits) -> tuple[int, int, str, bool]:
    """Precision, components, transform, and whether an ICC profile follows."""
    precision, components, xyb, icc = 8, 3, True, False
    if bits.take():  # all as usual
        bits.take()  # the transforms, too
        return precision, components, "XYB", icc
    extra = bits.take()
    if extra and (bits.take(3) or any(bits.take() for _ in range(3))):
        raise ValueError("the image is turned, has a size to be shown, a preview, or moves")
    if bits.take():
        raise ValueError("the samples are floats")
    precision = bits.u32((8, 0), (10, 0), (12, 0), (1, 6))
    bits.take()  # whether 16 bits suffice for buffers
    if bits.u32((0, 0), (1, 0), (2, 4), (1, 12)):
        raise ValueError("there are channels beside the colours")
    xyb = bool(bits.take())
    if not bits.take():
        icc, components = _colours(bits)
    if extra and not bits.take():  # tone mapping
        bits.take(16 + 16 + 1 + 16)
    if bits.u64():
        raise ValueError("the metadata have extensions")
    if not bits.take():
        raise ValueError("the image has transforms of its own")
    return precision, components, "XYB" if xyb else "none", icc


def _colours(bits: _Bits) -> tuple[bool, int]:
    """Whether an ICC profile is to follow, and how many components the colour space has."""
    icc, space = bool(bits.take()), bits.enum()
    if not icc:
        if bits.enum() == 2:
            raise ValueError("the white point is given in numbers")
        if space != 1 and bits.enum() == 2:
            raise ValueError("the primaries are given in numbers")
        if bits.take():
            bits.take(24)
        else:
            bits.enum()
        bits.enum()
    return icc, 1 if space == 1 else 3


def _frame(bits: _Bits, xyb: bool) -> tuple[bool, bool, tuple[tuple[int, int], ...] | None]:
    """Whether the frame is modular, in luminance and differences, and how these are sampled; in the stream they are Cb, Y, Cr."""
    if bits.take():
        return False, False, None
    if bits.take(2):
        raise ValueError("the first frame is not a regular one")
    modular, flags = bool(bits.take()), bits.u64()
    ycbcr = False if xyb else bool(bits.take())
    if not ycbcr or flags & 0x20:
        return modular, ycbcr, None
    blue, light, red = (_UPSAMPLING[bits.take(2)] for _ in range(3))
    return modular, ycbcr, (light, blue, red)
