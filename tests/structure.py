"""A walker over the structure of a part 10 file, which knows nothing of dcmenc: what breaks PS3.5 7 and A.4, or PS3.10 7.1.

Values are looked at only as far as the structure of the file hangs on them. Where the walk loses its way, it ends with that fault.
"""

from __future__ import annotations

import struct
import zlib
from itertools import pairwise
from typing import NamedTuple, NoReturn

# PS3.5 7.1.2: the VRs with two reserved bytes and a length of 32 bits, and those with a length of 16; the unit of binary ones in bytes.
LONG = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"))
SHORT = frozenset(("AE", "AS", "AT", "CS", "DA", "DS", "DT", "FL", "FD", "IS", "LO", "LT", "PN", "SH", "SL", "SS", "ST", "TM", "UI", "UL",
                   "US"))
UNITS = {"AT": 4, "FL": 4, "FD": 8, "SL": 4, "SS": 2, "UL": 4, "US": 2, "OW": 2, "OL": 4, "OF": 4, "OD": 8, "OV": 8, "SV": 8, "UV": 8}

# Behind "1.2.840.10008.1.2": implicit VR, big endian. All other syntaxes are Explicit VR Little Endian (PS3.5 A.1 to A.5).
DEFLATED = "1.2.840.10008.1.2.1.99"
NATIVE = {"1.2.840.10008.1.2": (True, False), "1.2.840.10008.1.2.1": (False, False), "1.2.840.10008.1.2.2": (False, True),
          DEFLATED: (False, False)}
# A frame is one fragment by the standard: Encapsulated Uncompressed, RLE, Deflated Image Frame (PS3.5 A.4.2, A.4.11, A.4.12).
ONE_EACH = frozenset(f"1.2.840.10008.1.2.{end}" for end in ("1.98", "5", "8.1"))

# One fragment, or several that no frame begins with, for all frames: MPEG-2, H.264 and HEVC (PS3.5 8.2.5 to 8.2.11).
VIDEO = tuple(f"1.2.840.10008.1.2.4.{end}" for end in range(100, 109))

ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
UNDEFINED = 0xFFFFFFFF
PIXELS, OFFSETS, LENGTHS = 0x7FE00010, 0x7FE00001, 0x7FE00002
FRAMES, SYNTAX = 0x00280008, 0x00020010
# What the VR of these has to be, so that a wrong one is seen where it is a legal one.
KNOWN = {0x00280002: "US", 0x00280004: "CS", 0x00280006: "US", FRAMES: "IS", **{0x00280000 | low: "US" for low in (
    0x10, 0x11, 0x100, 0x101, 0x102, 0x103)}, OFFSETS: "OV", LENGTHS: "OV"}


class Header(NamedTuple):
    """The head of an element or item: where it begins, and where its value does."""

    at: int
    tag: int
    vr: str
    length: int
    start: int


class Fragment(NamedTuple):
    """An item of encapsulated pixels: where its tag is, and its bytes."""

    at: int
    data: bytes


class Lost(Exception):
    """The walk cannot go on behind this fault."""


class Walk:
    """One data set, with what was found on the way.

    Attributes
    ----------
    found : list of str
        The faults, each with its place.
    root : dict
        The values of the elements at the root, by tag.
    items : list of Fragment
        Those of the Pixel Data at the root; the first is the Basic Offset Table.
    """

    def __init__(self, data: bytes, *, implicit: bool = False, big: bool = False, encapsulated: bool = False) -> None:
        self.data, self.implicit, self.encapsulated = data, implicit, encapsulated
        self.order = ">" if big else "<"
        self.found: list[str] = []
        self.root: dict[int, bytes] = {}
        self.items: list[Fragment] = []
        self.places: dict[int, int] = {}

    def fault(self, at: int, what: str) -> None:
        self.found.append(f"byte {at}: {what}")

    def lose(self, at: int, what: str) -> NoReturn:
        self.fault(at, what)
        raise Lost

    def unpack(self, code: str, at: int) -> int:
        return int(struct.unpack_from(self.order + code, self.data, at)[0])

    def header(self, at: int, end: int) -> Header:
        """The head at ``at``; a delimiter's and an item's have no VR."""
        if end - at < 8:
            self.lose(at, f"{end - at} bytes are left over, which are no element")
        tag = self.unpack("H", at) << 16 | self.unpack("H", at + 2)
        if self.implicit or tag >> 16 == 0xFFFE:
            return Header(at, tag, "", self.unpack("I", at + 4), at + 8)
        vr = self.data[at + 4:at + 6].decode("latin-1")
        if vr in SHORT:
            return Header(at, tag, vr, self.unpack("H", at + 6), at + 8)
        if vr not in LONG:
            self.lose(at, f"({tag:08X}) has no legal VR but {vr!r}")
        if end - at < 12:
            self.lose(at, f"({tag:08X}) breaks off inside its head")
        if self.data[at + 6:at + 8] != b"\0\0":
            self.fault(at, f"({tag:08X}) has no zeros in the reserved bytes behind {vr}")
        return Header(at, tag, vr, self.unpack("I", at + 8), at + 12)

    def elements(self, at: int, end: int, *, root: bool = False, delimited: bool = False) -> int:
        """The elements of a data set or item; gives the place behind them."""
        last = -1
        while at < end:
            head = self.header(at, end)
            if head.tag == ITEM_END and delimited:
                return self._closed(head)
            if head.tag >> 16 == 0xFFFE:
                self.lose(at, f"({head.tag:08X}) is no element of a data set")
            if head.tag <= last:
                self.fault(at, f"({head.tag:08X}) is not in ascending order behind ({last:08X})")
            if head.tag >> 16 in (0, 2):
                self.fault(at, f"({head.tag:08X}) is of no group of a data set")
            last = head.tag
            at = self.element(head, end, root)
        if delimited:
            self.lose(at, "an item of undefined length is not closed")
        return at

    def _closed(self, delimiter: Header) -> int:
        if delimiter.length:
            self.fault(delimiter.at, f"the delimiter ({delimiter.tag:08X}) has a length of {delimiter.length}")
        return delimiter.start

    def element(self, head: Header, end: int, root: bool) -> int:
        """One element; gives the place behind it."""
        if head.vr and KNOWN.get(head.tag, head.vr) != head.vr:
            self.fault(head.at, f"({head.tag:08X}) has the VR {head.vr}, and not {KNOWN[head.tag]}")
        if head.tag == PIXELS:
            self._check_pixels(head, root)
        if head.length == UNDEFINED:
            return self._undefined(head, end, root)
        if head.length % 2:
            self.fault(head.at, f"({head.tag:08X}) has an odd length, {head.length}")
        stop = head.start + head.length
        if stop > end:
            self.lose(head.at, f"({head.tag:08X}) ends {stop - end} bytes behind its parent")
        if head.length % UNITS.get(head.vr, 1):
            self.fault(head.at, f"({head.tag:08X}) has a length of {head.length}, no multiple of {UNITS[head.vr]} for {head.vr}")
        if head.vr == "SQ" or (not head.vr and self._is_sequence(head.start, stop)):
            self.sequence(head.start, stop)
        elif root:
            self.root[head.tag], self.places[head.tag] = self.data[head.start:stop], head.at
        return stop

    def _undefined(self, head: Header, end: int, root: bool) -> int:
        if head.tag == PIXELS and root:
            return self.fragments(head.start, end)
        if head.vr not in ("SQ", "UN", "") or head.tag == PIXELS:
            self.lose(head.at, f"({head.tag:08X}) of VR {head.vr or 'none'} has an undefined length")
        if head.vr != "UN":
            return self.sequence(head.start, end, delimited=True)
        # a sequence in Implicit VR Little Endian, whatever is around it (PS3.5 6.2.2)
        inner = Walk(self.data, implicit=True)
        try:
            return inner.sequence(head.start, end, delimited=True)
        finally:
            self.found += inner.found

    def _is_sequence(self, at: int, stop: int) -> bool:
        """Whether a value of Implicit VR is one of items, as far as its first bytes tell."""
        return stop - at >= 8 and self.unpack("H", at) << 16 | self.unpack("H", at + 2) == ITEM

    def item(self, at: int, end: int, wanted: str) -> Header:
        """The head of an item or of the delimiter behind the last."""
        if end - at >= 8 and self.unpack("H", at) << 16 | self.unpack("H", at + 2) not in (ITEM, SEQUENCE_END):
            self.lose(at, f"{self.data[at:at + 4].hex(' ')} stands where {wanted} is wanted")
        return self.header(at, end)

    def sequence(self, at: int, end: int, *, delimited: bool = False) -> int:
        """The items of a sequence; gives the place behind them."""
        while at < end:
            head = self.item(at, end, "an item")
            if head.tag == SEQUENCE_END:
                if not delimited:
                    self.lose(at, "a delimiter stands in a sequence of defined length")
                return self._closed(head)
            if head.length == UNDEFINED:
                at = self.elements(head.start, end, delimited=True)
                continue
            stop = head.start + head.length
            if stop > end:
                self.lose(at, f"an item ends {stop - end} bytes behind its sequence")
            at = self.elements(head.start, stop)
        if delimited:
            self.lose(at, "a sequence of undefined length is not closed")
        return at

    def _check_pixels(self, head: Header, root: bool) -> None:
        """Fragments at the root in an encapsulated syntax, and nowhere else (PS3.5 A.4)."""
        if (head.length == UNDEFINED) != (root and self.encapsulated):
            self.fault(head.at, "Pixel Data are in fragments, where they have to be native" if head.length == UNDEFINED
                       else "Pixel Data are native in an encapsulated transfer syntax")
        if head.length == UNDEFINED and head.vr != "OB":
            self.fault(head.at, f"encapsulated Pixel Data have the VR {head.vr or 'none'}, and not OB")
        if head.vr not in ("OB", "OW", ""):
            self.fault(head.at, f"Pixel Data have the VR {head.vr}")

    def fragments(self, at: int, end: int) -> int:
        """The items of encapsulated pixels; gives the place behind their delimiter."""
        while at < end:
            head = self.item(at, end, "a fragment or the delimiter")
            if head.tag == SEQUENCE_END:
                if not self.items:
                    self.fault(at, "there is no Basic Offset Table")
                return self._closed(head)
            if head.start + head.length > end:
                self.lose(at, "a fragment ends behind the file")
            if head.length % 2:
                self.fault(at, f"a fragment has an odd length, {head.length}")
            if self.items and not head.length:
                self.fault(at, "a fragment is empty")
            at = head.start + head.length
            self.items.append(Fragment(head.at, self.data[head.start:at]))
        self.lose(at, "the fragments are not closed by a delimiter")

    # ---- what hangs together

    def check_video(self) -> None:
        """A stream has no offset table, and is there."""
        if not self.items or self.items[0].data or len(self.items) < 2 or OFFSETS in self.root:
            self.fault(self.items[0].at if self.items else 0, "video has an offset table, or no fragment")

    def check_tables(self, one_each: bool) -> None:
        """Offset tables against the fragments (PS3.5 A.4, PS3.3 C.7.6.3.1.8)."""
        frames = self._frames()
        extended = [tag for tag in (OFFSETS, LENGTHS) if tag in self.root]
        if not self.items:
            for tag in extended:
                self.fault(self.places[tag], "an Extended Offset Table without fragments")
            return
        (at, basic), pieces = self.items[0], self.items[1:]
        if len(pieces) < frames or (one_each and len(pieces) != frames):
            self.fault(at, f"{len(pieces)} fragments for {frames} frames")
        if basic:
            self._check_offsets(at, "Basic Offset Table", basic, "I", frames)
        if not extended:
            return
        where = self.places[extended[0]]
        if len(extended) == 1:
            self.fault(where, "of the Extended Offset Table and its Lengths one is missing")
        if basic:
            self.fault(where, "an Extended Offset Table beside a Basic Offset Table that is not empty")
        if len(pieces) != frames:
            self.fault(where, f"an Extended Offset Table, and {len(pieces)} fragments for {frames} frames")
        self._check_offsets(where, "Extended Offset Table", self.root.get(OFFSETS, b""), "Q", frames)
        self._check_lengths(where, self.root.get(LENGTHS, b""))

    def _frames(self) -> int:
        try:
            return int(self.root.get(FRAMES, b"1"))
        except ValueError:
            self.fault(self.places[FRAMES], f"NumberOfFrames is {self.root[FRAMES]!r}")
            return 1

    def _check_offsets(self, at: int, name: str, table: bytes, code: str, frames: int) -> None:
        size = struct.calcsize(code)
        if len(table) != size * frames:
            self.fault(at, f"the {name} has {len(table)} bytes for {frames} frames")
            return
        offsets = struct.unpack(f"<{frames}{code}", table)
        first = self.items[1].at if len(self.items) > 1 else 0
        places = {fragment.at - first for fragment in self.items[1:]}
        for frame, offset in enumerate(offsets):
            if offset not in places:
                self.fault(at, f"offset {offset} of frame {frame} in the {name} is not that of an item")
        if offsets[0] or any(one >= other for one, other in pairwise(offsets)):
            self.fault(at, f"the offsets of the {name} do not ascend from 0")

    def _check_lengths(self, at: int, table: bytes) -> None:
        lengths = struct.pack(f"<{len(self.items) - 1}Q", *(len(fragment.data) for fragment in self.items[1:]))
        if table != lengths:
            self.fault(at, "the Extended Offset Table Lengths are not those of the items")

    def check_native(self) -> None:
        """The bytes of native pixels are those that the attributes announce, made even (PS3.5 8.1.1)."""
        tags = (0x00280010, 0x00280011, 0x00280002, 0x00280100)
        if self.items or PIXELS not in self.root or any(len(self.root.get(tag, b"")) != 2 for tag in tags):
            return
        rows, columns, samples, allocated = (int(struct.unpack(self.order + "H", self.root[tag])[0]) for tag in tags)
        if self.root.get(0x00280004, b"").strip() == b"YBR_FULL_422":
            samples = 2
        size = (self._frames() * rows * columns * samples * allocated + 7) // 8
        if len(self.root[PIXELS]) != size + size % 2:
            self.fault(self.places[PIXELS], f"Pixel Data have {len(self.root[PIXELS])} bytes, and not {size + size % 2}")


def meta(walk: Walk) -> tuple[str, int]:
    """The transfer syntax, and where the data set begins (PS3.10 7.1)."""
    if len(walk.data) < 132 or walk.data[128:132] != b"DICM":
        walk.lose(128, "there is no DICM behind 128 bytes of preamble")
    at, last, announced, behind = 132, -1, 0, 0
    while len(walk.data) - at >= 8 and walk.data[at:at + 2] == b"\2\0":
        head = walk.header(at, len(walk.data))
        if head.tag <= last:
            walk.fault(at, f"({head.tag:08X}) is not in ascending order behind ({last:08X})")
        last, at = head.tag, walk.element(head, len(walk.data), root=True)
        if head.tag == 0x00020000:
            announced, behind = walk.unpack("I", head.start), at
    if not behind or at - behind != announced:
        walk.fault(132, f"the group length of the file meta says {announced}, and there are {at - behind} bytes")
    return walk.root.get(SYNTAX, b"").rstrip(b"\0").decode("latin-1"), at


def inflated(walk: Walk, at: int) -> bytes:
    """The data set of a deflated file, which ends with it but for one zero (PS3.5 A.5)."""
    inflate = zlib.decompressobj(-15)
    try:
        data = inflate.decompress(walk.data[at:]) + inflate.flush()
    except zlib.error as error:
        walk.lose(at, f"the data set cannot be inflated: {error}")
    if not inflate.eof:
        walk.fault(at, "the deflated data set breaks off")
    if inflate.unused_data not in (b"", b"\0") or len(walk.data[at:]) % 2:
        walk.fault(at, "the deflated data set is not followed by its padding alone")
    return data


def walked(data: bytes, *, one_each: bool = False) -> Walk:
    """The walk over a file; offsets in a deflated data set count from its inflated first byte.

    Parameters
    ----------
    data : bytes
    one_each : bool
        A frame has to be one fragment, although the transfer syntax allows several.
    """
    head = Walk(data)
    try:
        syntax, at = meta(head)
        content = inflated(head, at) if syntax == DEFLATED else data
    except Lost:
        return head
    implicit, big = NATIVE.get(syntax, (False, False))
    walk = Walk(content, implicit=implicit, big=big, encapsulated=syntax not in NATIVE)
    walk.found += head.found
    try:
        walk.elements(0 if syntax == DEFLATED else at, len(content), root=True)
        if syntax.startswith(VIDEO):
            walk.check_video()
        else:
            walk.check_tables(one_each or syntax in ONE_EACH)
        walk.check_native()
    except Lost:
        pass
    if walk.encapsulated and PIXELS in walk.root and walk.items:
        walk.fault(0, "Pixel Data are there twice")
    return walk


def faults(data: bytes, *, one_each: bool = False) -> list[str]:
    """What is wrong with the structure of a part 10 file, each fault with its place; empty for a good one."""
    return walked(data, one_each=one_each).found


def fragments(data: bytes) -> list[bytes]:
    """The fragments of the Pixel Data at the root, without the Basic Offset Table."""
    return [fragment.data for fragment in walked(data).items[1:]]
