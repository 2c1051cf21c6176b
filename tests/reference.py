"""The slow, obvious encoder and an independent reader of bytes, held against the product (PS3.5 6.2, 7, A.1 to A.4).

``encoded`` says in struct.pack what a dataset has to become. ``walk`` reads bytes back without knowing any dataset, and proves
on the way that lengths are even and true, tags ascend, and group lengths count their group. Nothing is imported from dcmenc
but the types of its model; VR facts are written here a second time on purpose.
"""

from __future__ import annotations

import struct
from collections.abc import Container, Iterator
from typing import Any, NamedTuple

from test_decimal import reference as decimal_text

from dcmenc import Dataset, Fragments, Sequence

ALL_VRS = [
    "AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "OB", "OD", "OF", "OL", "OV",
    "OW", "PN", "SH", "SL", "SQ", "SS", "ST", "SV", "TM", "UC", "UI", "UL", "UN", "UR", "US", "UT", "UV",
]
LONG_HEADER = ["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"]
NUMBERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "UV": "Q", "SV": "q", "FL": "f", "FD": "d"}
UNITS = {"OB": 1, "UN": 1, "OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}
TEXTS = ["AE", "AS", "CS", "DA", "DT", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"]
CODECS = {None: "ascii", "ISO_IR 100": "latin-1", "ISO_IR 192": "utf-8", "GB18030": "gb18030"}
COUNT_COMES_FIRST = {0x00281100, 0x00281101, 0x00281102, 0x00281103, 0x00281111, 0x00281112, 0x00281113, 0x00283002}
WAVEFORM = {0x54000110, 0x54000112, 0x5400100A, 0x54001010}
UNDEFINED = 0xFFFFFFFF


# --------------------------------------------------------------------- from a dataset to bytes


def encoded(
    dataset: Dataset,
    implicit: bool = False,
    big: bool = False,
    encapsulated: bool = False,
    codec: str = "ascii",
    around: tuple[Dataset, ...] = (),
) -> bytes:
    """The bytes of a dataset whose text is ASCII, Latin-1, UTF-8 or GB18030."""
    order, groups = "<>"[big], {}
    around = (*around, dataset)
    for tag in sorted(dataset._elements):
        _, vr, value = dataset._elements[tag]
        if tag == 0x00080005:
            codec = CODECS[value] if value is not None else codec
        vr = settled(vr, tag, value, around, implicit)
        undefined = isinstance(value, Fragments)
        if vr == "SQ":
            undefined = value.undefined_length
            data = b"".join(item(one, implicit, big, encapsulated, codec, around) for one in value)
            data += struct.pack(order + "HHI", 0xFFFE, 0xE0DD, 0) if undefined else b""
        else:
            data = value_bytes(vr, tag, value, order, codec)
        data += (b" " if (vr in TEXTS and vr != "UI") or vr in ("DS", "IS") else b"\0") * (len(data) % 2)
        groups.setdefault(tag >> 16, []).append(header(tag, vr, UNDEFINED if undefined else len(data), implicit, order) + data)
    for group, elements in groups.items():
        if group << 16 in dataset._elements:
            length = struct.pack(order + "I", sum(map(len, elements[1:])))
            elements[0] = header(group << 16, "UL", 4, implicit, order) + length
    return b"".join(element for elements in groups.values() for element in elements)


def header(tag: int, vr: str, length: int, implicit: bool, order: str) -> bytes:
    if implicit:
        return struct.pack(order + "HHI", tag >> 16, tag & 0xFFFF, length)
    if vr not in LONG_HEADER and length > 0xFFFF:
        vr = "UN"
    long = vr in LONG_HEADER
    return struct.pack(order + "HH2s" + ("HI" if long else "H"), tag >> 16, tag & 0xFFFF, vr.encode(), *([0] if long else []), length)


def item(dataset: Dataset, implicit: bool, big: bool, encapsulated: bool, codec: str, around: tuple[Dataset, ...]) -> bytes:
    data, order = encoded(dataset, implicit, big, encapsulated, codec, around), "<>"[big]
    if dataset.undefined_length:
        return struct.pack(order + "HHI", 0xFFFE, 0xE000, UNDEFINED) + data + struct.pack(order + "HHI", 0xFFFE, 0xE00D, 0)
    return struct.pack(order + "HHI", 0xFFFE, 0xE000, len(data)) + data


def value_bytes(vr: str, tag: int, value: Any, order: str, codec: str) -> bytes:
    if value is None:
        return b""
    if isinstance(value, Fragments):
        pieces = (value.table, *map(bytes, value.fragments))
        items = [struct.pack(order + "HHI", 0xFFFE, 0xE000, len(p) + len(p) % 2) + p + b"\0" * (len(p) % 2) for p in pieces]
        return b"".join(items) + struct.pack(order + "HHI", 0xFFFE, 0xE0DD, 0)
    if vr in UNITS:
        data = bytes(memoryview(value).cast("B"))
        data += b"\0" * (len(data) % 2)
        unit = UNITS[vr] if order == ">" else 1
        return b"".join(data[at : at + unit][::-1] for at in range(0, len(data), unit))
    several = value if isinstance(value, tuple) else value.tolist() if hasattr(value, "tolist") else (value,)
    if vr in NUMBERS:
        codes = ["H" if tag in COUNT_COMES_FIRST and at != 1 else NUMBERS[vr] for at in range(len(several))]
        return b"".join(struct.pack(order + code, number) for code, number in zip(codes, several, strict=True))
    if vr == "AT":
        return b"".join(struct.pack(order + "HH", one >> 16, one & 0xFFFF) for one in several)
    if vr in ("DS", "IS"):
        return "\\".join(number_text(one) for one in several).encode("ascii")
    return "\\".join(several).encode(codec)


def number_text(number: Any) -> str:
    if number is None or isinstance(number, str):
        return number or ""
    return number.text if hasattr(number, "text") else decimal_text(number) if isinstance(number, float) else str(number)


def settled(vr: str, tag: int, value: Any, around: tuple[Dataset, ...], implicit: bool) -> str:
    """The VR of an element that its context decides (PS3.5 A.1, A.2; PS3.3 C.7.6.3, C.10.9)."""
    if "/" not in vr:
        return vr
    numbers = isinstance(value, (int, tuple))
    if vr == "US/OW":
        return "US" if numbers and not (isinstance(value, tuple) and len(value) > 32767) else "OW"
    if vr != "OB/OW":
        return ("SS" if nearest("PixelRepresentation", around) else "US") if numbers or vr == "US/SS" else "OW"
    if isinstance(value, Fragments):
        return "OB"
    bits = nearest("WaveformBitsAllocated", around) if tag in WAVEFORM else nearest("BitsAllocated", around[-1:])
    return "OB" if not implicit and (tag in WAVEFORM or tag == 0x7FE00010) and bits is not None and bits <= 8 else "OW"


def nearest(keyword: str, around: tuple[Dataset, ...]) -> Any:
    return next((found for ds in reversed(around) if (found := getattr(ds, keyword, None)) is not None), None)


# --------------------------------------------------------------------- from bytes to elements


class Read(NamedTuple):
    """An element as it stands: ``value`` is bytes, a list of items (lists of Read), or a list of fragments."""

    tag: int
    vr: str
    value: Any
    undefined: bool


class Reader:
    """Reads one data set. ``sequences`` names the tags that are SQ where the VR is implicit."""

    def __init__(self, data: bytes, implicit: bool = False, big: bool = False, sequences: Container[int] = ()) -> None:
        self.data, self.implicit, self.order, self.sequences = data, implicit, "<>"[big], sequences

    def unpack(self, code: str, at: int) -> tuple[Any, ...]:
        return struct.unpack_from(self.order + code, self.data, at)

    def elements(self, at: int, end: int | None) -> Iterator[tuple[Read, int]]:
        """Each element and where it begins, to ``end``, or to the item delimiter where the end is not known."""
        before, stop = -1, len(self.data) if end is None else end
        while at < stop:
            group, low, vr, length, start = self.head(at)
            tag = group << 16 | low
            if end is None and tag == 0xFFFEE00D:
                assert length == 0
                yield Read(tag, "", b"", False), at
                return
            assert tag > before, f"{tag:08X} after {before:08X}"
            assert length == UNDEFINED or length % 2 == 0, f"{tag:08X}: odd length {length}"
            before = tag
            if vr == "SQ" or (self.implicit and (tag in self.sequences or (length == UNDEFINED and tag != 0x7FE00010))):
                value, after = self.items(start, None if length == UNDEFINED else start + length, False)
                vr = "SQ"
            elif length == UNDEFINED:
                value, after = self.items(start, None, True)
            else:
                value, after = self.data[start : start + length], start + length
            assert after <= len(self.data), f"{tag:08X}: {after - len(self.data)} bytes beyond the end"
            yield Read(tag, vr, value, length == UNDEFINED), at
            at = after
        assert end is None or at == end, "an element passes the end of what holds it"

    def head(self, at: int) -> tuple[int, int, str, int, int]:
        group, low = self.unpack("HH", at)
        if self.implicit or group == 0xFFFE:
            return group, low, "", self.unpack("I", at + 4)[0], at + 8
        vr = self.data[at + 4 : at + 6].decode("ascii")
        assert vr in ALL_VRS, vr
        if vr not in LONG_HEADER:
            return group, low, vr, self.unpack("H", at + 6)[0], at + 8
        assert self.data[at + 6 : at + 8] == b"\0\0"
        return group, low, vr, self.unpack("I", at + 8)[0], at + 12

    def items(self, at: int, end: int | None, fragments: bool) -> tuple[list[Any], int]:
        found: list[Any] = []
        while end is None or at < end:
            group, low, length = self.unpack("HHI", at)
            at += 8
            if end is None and (group, low, length) == (0xFFFE, 0xE0DD, 0):
                return found, at
            assert (group, low) == (0xFFFE, 0xE000)
            if fragments:
                assert length % 2 == 0
                found.append(self.data[at : at + length])
            elif length == UNDEFINED:
                *elements, (_, delimiter) = self.elements(at, None)
                found.append(self.proved(elements, delimiter))
                length = delimiter + 8 - at
            else:
                found.append(self.proved(list(self.elements(at, at + length)), at + length))
            at += length
        assert at == end, "an item passes the end of its sequence"
        return found, at

    def proved(self, placed: list[tuple[Read, int]], end: int) -> list[Read]:
        """The elements, their group lengths found to be true (PS3.5 7.2)."""
        for at, (element, _) in enumerate(placed[:]):
            if element.tag & 0xFFFF == 0:
                behind = [begin for later, begin in placed[at + 1 :] if later.tag >> 16 != element.tag >> 16] or [end]
                first = placed[at + 1][1] if at + 1 < len(placed) else end
                assert struct.unpack(self.order + "I", element.value) == (behind[0] - first,)
        return [element for element, _ in placed]


def walk(data: bytes, implicit: bool = False, big: bool = False, sequences: Container[int] = ()) -> list[Read]:
    """The elements of a bare data set, every length and the order of tags proved."""
    reader = Reader(data, implicit, big, sequences)
    return reader.proved(list(reader.elements(0, len(data))), len(data))


def outline(dataset: Dataset) -> list[Any]:
    """Tags and nesting of a dataset, to compare with ``outline_of`` what was read."""
    return [
        (int(tag), [outline(one) for one in element.value] if isinstance(element.value, Sequence) else None)
        for tag, element in sorted(dataset._elements.items())
    ]


def outline_of(read: list[Read]) -> list[Any]:
    return [(one.tag, [outline_of(each) for each in one.value] if one.vr == "SQ" else None) for one in read]


def sequence_tags(dataset: Dataset) -> set[int]:
    found = {int(tag) for tag, element in dataset._elements.items() if isinstance(element.value, Sequence)}
    return found.union(*(sequence_tags(one) for e in dataset._elements.values() if isinstance(e.value, Sequence) for one in e.value))
