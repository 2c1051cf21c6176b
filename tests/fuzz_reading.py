"""Broken files by the hundred thousand: whatever stands in them, reading and writing them back raises documented errors or nothing.

A program, no test that pytest collects; ``tests/fuzz.sh`` runs it on compiled modules with ASan and UBSan. Every input is made from the
seed and its number alone, by a few changes of one small file that know where tags, VRs, lengths, items and delimiters stand. Workers
read 5,000 inputs each; what ends a worker is found by the process that waits for it.

What has to hold, beside that only a DcmencError may come, and from looking at values none at all:

- Looking at values changes nothing, two readings are equal, and so are copies, deep copies and what comes back from a pickle.
- What was read without a fault is written back byte for byte (deflated: after inflation), unless delimiters are missing or in excess,
  the file has no preamble before its prefix, or the file meta is absent, lies about the encoding, or is in Implicit VR itself.
- What is written is read again as the same values, in another explicit transfer syntax too, and written once more as the same bytes.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import faulthandler
import gc
import hashlib
import importlib.util
import mmap
import os
import pickle
import random
import resource
import signal
import struct
import sys
import time
import traceback
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from reference import ALL_VRS, LONG_HEADER
from strategies import Seeded, built, plan

from dcmenc import Dataset, DcmencError, Element, Fragments, Limits, ReadError, Sequence, dcmread, dumps
from dcmenc.dictionary import lookup
from dcmenc.uid import TRANSFER_SYNTAXES

BATCH = 5000
SECONDS = 5
SPARE = 256 << 20
BIGGEST_SEED = 8 << 10
BIGGEST = 1 << 18
TREE = Path(__file__).resolve().parent.parent
FOUND = (TREE if TREE.parent.name == "build" else TREE / "build/fuzz") / "found"

ITEM, ITEM_END, SEQUENCE_END, UNDEFINED = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD, 0xFFFFFFFF
IMPLICIT, EXPLICIT, DEFLATED, BIG, JPEG = (f"1.2.840.10008.1.2{tail}" for tail in ("", ".1", ".1.99", ".2", ".4.50"))
TAGS = [
    0, 0x00020000, 0x00020010, 0x00080000, 0x00080005, 0x00080016, 0x00081140, 0x00091010, 0x00090010, 0x00100010, 0x00280103,
    0x00280106, 0x00283006, 0x00041220, 0x30060010, 0x54000100, 0x7FE00001, 0x7FE00008, 0x7FE00010, 0xFFFCFFFC, 0xFFFFFFFF, ITEM,
    ITEM_END, SEQUENCE_END,
]
CODES = [*(vr.encode() for vr in ALL_VRS), b"ZZ", b"XX", b"ob", b"\0\0", b"  ", b"O\xff", b"??"]
TERMS = [
    b"ISO_IR 100", b"ISO_IR 192", b"GB18030", b"GBK", b"ISO_IR 13", b"\\ISO 2022 IR 87", b"ISO 2022 IR 13\\ISO 2022 IR 87",
    b"ISO 2022 IR 6\\", b"\\ISO 2022 IR 149\\ISO 2022 IR 58", b"ISO_IR 166", b"iso-ir 144", b"nonsense", b"\\",
    b"ISO_IR 100\\ISO_IR 126\\ISO 2022 IR 159",
]
TEXTS = [
    b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B", b"\xc4\xd6\xdc\\\xe9", b"\x1b$)C\xfb\xf3^\x1b(J\\~", b"\xe5\xb1\xb1",
    b"\x81\x30\x81\x30", b"\x1b", b"\\\\\\", b" \0 ", b"-0\\+1\\1e400\\nan\\1_0", b"9" * 70, b"0" * 17 + b"\\2147483648",
    b"1.2.840.10008.1.2.1\0", b"20240101\\", b"\xff" * 8,
]


# --------------------------------------------------------------------- what is changed


class Subject(NamedTuple):
    """A file in two parts, the second inflated, and how that is encoded."""

    head: bytes
    body: bytes
    implicit: bool
    big: bool
    deflated: bool

    def file(self) -> bytes:
        return self.head + (deflate(self.body) if self.deflated else self.body)


def deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()


def inflate(data: bytes) -> bytes:
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data)


def taken_apart(data: bytes) -> Subject:
    at, uid = 132 if data[128:132] == b"DICM" else 0, ""
    for piece in pieces_of(data, at, False, False):
        if piece.tag >> 16 != 2:
            break
        at = piece.end
        if piece.tag == 0x00020010:
            uid = data[piece.value : piece.end].rstrip(b"\0 ").decode("ascii", "replace")
    body, explicit = data[at:], data[at + 4 : at + 6].isalpha()
    if uid == DEFLATED:
        with contextlib.suppress(zlib.error):
            return Subject(data[:at], inflate(body), False, False, True)
    return Subject(data[:at], body, not explicit, explicit and body[:1] == b"\0", False)


def subjects() -> list[Subject]:
    """Small files of the pydicom wheel, three of a folder of many, and datasets of our own in every encoding."""
    spec = importlib.util.find_spec("pydicom")
    if spec is None or spec.origin is None:
        raise SystemExit("the files of the pydicom wheel are what is changed; install pydicom")
    files: dict[Path, list[bytes]] = {}
    for path in sorted((Path(spec.origin).parent / "data").rglob("*")):
        if path.is_file() and path.stat().st_size <= BIGGEST_SEED and path.suffix in ("", ".dcm") and path.stem != "README":
            files.setdefault(path.parent, []).append(path.read_bytes())
    kept = [data for folder, several in files.items() for data in several[: 3 if folder.name.startswith("SE") else None]]
    return [taken_apart(data) for data in [*kept, *own_files()]]


def own_files() -> Iterator[bytes]:
    for number in range(40):
        dataset = built(plan(Seeded(number)))
        dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.preamble = "1.2.840.10008.5.1.4.1.1.7", f"1.2.{number}", bytes(128)
        dataset.setdefault("PixelRepresentation", 0)
        for uid in (IMPLICIT, EXPLICIT, DEFLATED, BIG, JPEG):
            dataset.file_meta.TransferSyntaxUID = uid
            if uid == JPEG:
                dataset.BitsAllocated = 8
                dataset.PixelData = Fragments((b"\xff\xd8", bytes(number), b"\xff\xd9"), b"" if number % 2 else bytes(4))
            data = dumps(dataset)
            if len(data) <= BIGGEST_SEED >> 2:
                yield data


class Piece(NamedTuple):
    """Where an element, an item or a delimiter stands: its tag, its length of ``width`` bytes, its value, its end."""

    tag: int
    at: int
    width: int
    value: int
    end: int
    length: int


def pieces_of(data: bytes, at: int, implicit: bool, big: bool) -> list[Piece]:
    found: list[Piece] = []
    walk(data, at, len(data), implicit, big, found, 0)
    return sorted(found, key=lambda piece: piece.at)


def walk(data: bytes, at: int, end: int, implicit: bool, big: bool, found: list[Piece], depth: int) -> int:
    """Collect the pieces between two places as far as they make sense, and be content with what does not; the place behind them."""
    order: Any = "big" if big else "little"
    while end - at >= 8 and len(found) < 500 and depth < 200:
        tag = int.from_bytes(data[at : at + 2], order) << 16 | int.from_bytes(data[at + 2 : at + 4], order)
        code = data[at + 4 : at + 6]
        plain = implicit or tag >> 16 == 0xFFFE or not code.isalpha()
        width, value = (4, at + 8) if plain else (4, at + 12) if code.decode("latin-1") in LONG_HEADER else (2, at + 8)
        length = int.from_bytes(data[value - width : value], order)
        stop = min(end, value + length)
        if tag in (ITEM_END, SEQUENCE_END):
            found.append(Piece(tag, at, 4, value, value, length))
            return value
        if length == UNDEFINED:
            stop = walk(data, value, end, implicit or code == b"UN", big, found, depth + 1)
        elif tag == ITEM or data[value : value + 4] == struct.pack(">HH" if big else "<HH", 0xFFFE, 0xE000):
            walk(data, value, stop, implicit, big, found, depth + 1)
        found.append(Piece(tag, at, width, value, stop, length))
        at = stop
    return at


class Changer:
    """Some bytes of one encoding, and the ways to change them."""

    def __init__(self, data: bytes, start: int, subject: Subject, others: list[Subject], chance: random.Random) -> None:
        self.data, self.start, self.others, self.chance = bytearray(data), start, others, chance
        self.implicit, self.big = (False, False) if start else (subject.implicit, subject.big)
        self.pieces = pieces_of(data, start, self.implicit, self.big)

    def changed(self) -> bytes:
        if not self.pieces:
            self.noise(None)
        for _ in range(self.chance.choice((1, 1, 1, 2, 2, 3, 5))):
            if self.pieces:
                way = self.chance.choice(self.WAYS)
                way(self, self.chance.choice(self.pieces))
                self.pieces = pieces_of(bytes(self.data), self.start, self.implicit, self.big)
        return bytes(self.data)

    def number(self, value: int, width: int) -> bytes:
        return (value & (1 << 8 * width) - 1).to_bytes(width, "big" if self.big else "little")

    def tag(self, tag: int) -> bytes:
        return self.number(tag >> 16, 2) + self.number(tag, 2)

    def element(self, tag: int, code: bytes, value: bytes, length: int | None = None) -> bytes:
        length = len(value) if length is None else length
        if self.implicit or tag >> 16 == 0xFFFE:
            return self.tag(tag) + self.number(length, 4) + value
        long = code.decode("latin-1") in LONG_HEADER
        return self.tag(tag) + code + (b"\0\0" + self.number(length, 4) if long else self.number(length, 2)) + value

    def replace(self, piece: Piece, start: int, stop: int, new: bytes, own: bool = False) -> None:
        """Put other bytes in a place; mostly the lengths around it stay true."""
        if self.chance.random() < 0.85:
            for outer in self.pieces:
                if outer.length != UNDEFINED and ((outer.value <= piece.at and piece.end <= outer.end) or (own and outer == piece)):
                    grown = self.number(outer.length + len(new) - (stop - start), outer.width)
                    self.data[outer.value - outer.width : outer.value] = grown
        self.data[start:stop] = new

    def length(self, piece: Piece) -> None:
        left, own = len(self.data) - piece.value, piece.length
        lengths = (0, 1, 2, 3, 7, 0xFFFE, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF8, 0xFFFFFFFE, UNDEFINED, UNDEFINED,
                   own - 2, own - 1, own + 1, own + 2, own + 8, own - 8, left - 8, left - 1, left, left + 1, self.chance.randrange(1 << 16))
        self.data[piece.value - piece.width : piece.value] = self.number(self.chance.choice(lengths), piece.width)

    def other_tag(self, piece: Piece) -> None:
        flipped = piece.tag ^ 1 << self.chance.randrange(32)
        tag = self.chance.choice((self.chance.choice(TAGS), self.chance.choice(self.pieces).tag, flipped))
        self.data[piece.at : piece.at + 4] = self.tag(tag)

    def other_vr(self, piece: Piece) -> None:
        self.data[piece.at + 4 : piece.at + 6] = self.chance.choice(CODES)

    def header(self, piece: Piece) -> None:
        """Another VR with the header that it has."""
        value = bytes(self.data[piece.value : piece.end])
        length = UNDEFINED if piece.length == UNDEFINED else None
        self.replace(piece, piece.at, piece.end, self.element(piece.tag, self.chance.choice(CODES), value, length))

    def delete(self, piece: Piece) -> None:
        self.replace(piece, piece.at, piece.end, b"")

    def delete_header(self, piece: Piece) -> None:
        self.replace(piece, piece.at, piece.value, b"")

    def duplicate(self, piece: Piece) -> None:
        self.replace(piece, piece.at, piece.at, bytes(self.data[piece.at : piece.end]) * self.chance.choice((1, 1, 2, 20)))

    def swap(self, piece: Piece) -> None:
        first, second = sorted((piece, self.chance.choice(self.pieces)), key=lambda one: one.at)
        if first.end <= second.at:
            one, other = bytes(self.data[first.at : first.end]), bytes(self.data[second.at : second.end])
            self.data[first.at : second.end] = other + self.data[first.end : second.at] + one

    def nest(self, piece: Piece) -> None:
        """Put it into an item of a sequence, and that into another."""
        inner = bytes(self.data[piece.at : piece.end])
        tag, code = self.chance.choice((0x00081140, 0x0040A730, 0x00091010, piece.tag)), self.chance.choice((b"SQ", b"SQ", b"UN"))
        for _ in range(self.chance.choice((1, 1, 2, 3, 127, 128, 129, 300) if self.chance.random() < 0.1 else (1, 1, 2, 3))):
            inner = self.enclosed(ITEM, b"", inner, ITEM_END)
            inner = self.enclosed(tag, code, inner, SEQUENCE_END)
        self.replace(piece, piece.at, piece.end, inner)

    def enclosed(self, tag: int, code: bytes, inner: bytes, delimiter: int) -> bytes:
        if self.chance.random() < 0.5:
            return self.element(tag, code, inner)
        closing = self.element(delimiter, b"", b"") if self.chance.random() < 0.9 else b""
        return self.element(tag, code, inner + closing, UNDEFINED)

    def truncate(self, piece: Piece) -> None:
        at = self.chance.choice((piece.at, piece.value, piece.end, piece.end - 1, piece.value - 1, self.chance.randrange(len(self.data))))
        del self.data[max(at, 0) :]

    def splice(self, piece: Piece) -> None:
        other = self.chance.choice(self.others)
        found = pieces_of(other.body, 0, other.implicit, other.big)
        if found:
            donor = self.chance.choice(found)
            start = self.chance.choice((piece.at, piece.value))
            end = start if self.chance.random() < 0.5 else piece.end
            self.replace(piece, start, end, other.body[donor.at : donor.end][:2048], own=start == piece.value)

    def value(self, piece: Piece) -> None:
        uid, noise = self.chance.choice(tuple(TRANSFER_SYNTAXES)).encode(), self.chance.randbytes(self.chance.randrange(20))
        data = self.chance.choice((self.chance.choice(TERMS), self.chance.choice(TEXTS), uid, noise, b""))
        if self.chance.random() < 0.9:
            data += self.chance.choice((b" ", b"\0")) * (len(data) % 2)
        self.replace(piece, piece.value, piece.end, data, own=True)

    def insert(self, piece: Piece) -> None:
        tag, code, value = self.chance.choice((
            (0x00080005, b"CS", self.chance.choice(TERMS)), (0x00100010, b"PN", self.chance.choice(TEXTS)), (0x00080000, b"UL", bytes(4)),
            (0x00280103, b"US", self.number(self.chance.choice((0, 1, 2)), 2)), (0x00280106, b"SS", b"\xff\xfe"),
            (0x00283006, b"OW", b"\1\2\3\4"), (0x7FE00010, b"OW", bytes(4)), (0x00081140, b"SQ", b""),
            (0x00090010, b"LO", b"ACME 1.1"), (0x00290010, b"LO", b"SIEMENS CSA HEADER"), (0x00091010, b"SQ", self.element(ITEM, b"", b"")),
            (ITEM, b"", b""), (ITEM_END, b"", b""), (SEQUENCE_END, b"", b""),
            (self.chance.choice(TAGS), self.chance.choice(CODES), bytes(8)),
        ))
        value += b" " * (len(value) % 2)
        self.replace(piece, piece.at, piece.at, self.element(tag, code, value))

    def fragment(self, piece: Piece) -> None:
        """Fragments and a delimiter, under any tag."""
        sizes = self.chance.choices((0, 2, 4, 5), k=self.chance.randrange(4))
        several = b"".join(self.element(ITEM, b"", self.chance.randbytes(size)) for size in sizes)
        tag, code = self.chance.choice((0x7FE00010, piece.tag)), self.chance.choice((b"OB", b"OW", b"UN", b"OL"))
        self.replace(piece, piece.at, piece.end, self.element(tag, code, several + self.element(SEQUENCE_END, b"", b""), UNDEFINED))

    def undefine(self, piece: Piece) -> None:
        """A counted sequence or item becomes one that a delimiter closes."""
        if piece.width == 4:
            inner = bytes(self.data[piece.value : piece.end])
            closing = self.element(ITEM_END if piece.tag == ITEM else SEQUENCE_END, b"", b"")
            self.replace(piece, piece.value, piece.end, inner + closing)
            self.data[piece.value - 4 : piece.value] = self.number(UNDEFINED, 4)

    def pad(self, piece: Piece) -> None:
        self.data += bytes(self.chance.choice((1, 2, 7, 8, 9, 128)))

    def swell(self, piece: Piece) -> None:
        """Seldom, as it takes long: a quarter of a MiB of zeros, of delimiters or of one thing."""
        if self.chance.random() < 0.01:
            own = bytes(self.data[piece.at : piece.end]) or b"\0"
            one = self.chance.choice((bytes(8), bytes(8), self.element(ITEM_END, b"", b""), self.element(ITEM, b"", b""), own))
            self.replace(piece, piece.at, piece.at, one * (self.chance.choice((1 << 15, 1 << 17, BIGGEST)) // len(one)))

    def noise(self, piece: Piece | None) -> None:
        for _ in range(self.chance.choice((1, 1, 2, 8))):
            at = self.chance.randrange(len(self.data) + 1)
            self.data[at : at + self.chance.choice((0, 1, 1, 1, 2, 4))] = self.chance.randbytes(self.chance.choice((0, 1, 1, 1, 2, 4)))

    WAYS: tuple[Callable[[Any, Any], None], ...] = (
        length, length, length, length, other_tag, other_tag, other_vr, other_vr, header, delete, delete_header, duplicate, swap,
        nest, nest, truncate, splice, splice, value, value, value, insert, insert, insert, fragment, undefine, undefine, pad, swell, noise,
    )


def made(seed: int, number: int, several: list[Subject], weights: list[float]) -> tuple[bytes, random.Random]:
    """The input of a number, and the chance that goes on with it."""
    chance = random.Random(seed << 40 | number)
    subject = chance.choices(several, cum_weights=weights)[0]
    if chance.random() < 0.12 and len(subject.head) > 132:
        subject = subject._replace(head=Changer(subject.head, 132, subject, several, chance).changed())
    else:
        subject = subject._replace(body=Changer(subject.body, 0, subject, several, chance).changed())
    data = subject.file()
    if chance.random() < 0.03:
        noisy = Changer(data, 0, subject, several, chance)
        noisy.noise(None)
        data = bytes(noisy.data)
    return data, chance


# --------------------------------------------------------------------- what has to hold


class Broken(Exception):
    """Something that has to hold does not."""


def hold(true: bool, what: str) -> None:
    if not true:
        raise Broken(what)


said: list[str] = []
unraised: list[str] = []


def listen(message: Warning | str, *_: Any, **__: Any) -> None:
    said.append(str(message))


def note(unraisable: Any) -> None:
    unraised.append(f"{unraisable.exc_value!r} in {unraisable.object!r}")


def lied() -> bool:
    """Whether a file was said to be in another encoding than its file meta names."""
    return any("the file meta names" in text for text in said)


def read(data: bytes, **options: Any) -> Dataset | None:
    try:
        return dcmread(data, **options)
    except ReadError as error:
        kept = error  # noqa: F841 - it holds this frame, which holds it: only the garbage collector ends that
        return None


def written(dataset: Dataset) -> bytes | str:
    """The file, or why there is none."""
    try:
        return dumps(dataset)
    except DcmencError as error:
        return str(error)


def look(dataset: Dataset) -> None:
    """At every value."""
    for tag in dataset:
        value = dataset[tag].value
        if isinstance(value, Sequence):
            for item in value:
                look(item)


def difference(one: Dataset, other: Dataset) -> str:
    """Where two datasets that ought to be equal differ, by VRs; empty where they do not. Group lengths are counted anew (PS3.5 7.2)."""
    if one == other:
        return ""
    tags = [tag for tag in one if tag & 0xFFFF]
    if tags != [tag for tag in other if tag & 0xFFFF]:
        return ": other tags"
    for tag in tags:
        mine, theirs = one[tag], other[tag]
        if isinstance(mine.value, Sequence) and isinstance(theirs.value, Sequence):
            below = [difference(*pair) for pair in zip(mine.value, theirs.value, strict=False)]
            if len(mine.value) != len(theirs.value) or any(below):
                return next(filter(None, below), f": number of items in {mine.vr}")
        elif not (alone(mine) == alone(theirs) or padded(mine, theirs)):
            return f": {mine.vr} {type(mine.value).__name__} is {theirs.vr} {type(theirs.value).__name__}"
    return ""


def alone(element: Element) -> Dataset:
    dataset = Dataset()
    dataset._elements[element.tag] = element
    return dataset


def padded(mine: Element, theirs: Element) -> bool:
    """Whether bytes are the same but for the padding of an odd length, and for OB or OW, which the encoding decides (PS3.5 A.1, A.2)."""
    one, other = octets(mine.value), octets(theirs.value)
    if isinstance(mine.value, Fragments) and isinstance(theirs.value, Fragments):
        return one == other
    if mine.vr == "UN" and isinstance(mine.value, (bytes, memoryview)) and len(mine.value) % 2:
        # a number that the end of the file has cut, and that can be read with its padding
        return True
    if mine.value is None and theirs.value is None and {mine.vr, theirs.vr} == {"OB", "OW"}:
        return True
    if mine.vr == "UN" and (entry := lookup(mine.tag)) is not None and entry.vr == "US/SS":
        # items under a tag that has none, in Implicit VR: what is left of them can be written, but not said to be UN
        return True
    if mine.vr == theirs.vr == "UN" and one and other:
        # what is no whole number of its VR's units may be turned around all the same
        return sorted(one[0]) == sorted(other[0])
    return (mine.vr == theirs.vr or {mine.vr, theirs.vr} == {"OB", "OW"}) and bool(one) and one == other


def octets(value: Any) -> list[bytes]:
    several = [value.table, *value.fragments] if isinstance(value, Fragments) else [value] if isinstance(value, (bytes, memoryview)) else []
    return [bytes(one) + bytes(len(one) % 2) for one in several]


def same(one: Dataset, other: Dataset, what: str) -> None:
    for mine, theirs in ((one, other), (one.file_meta, other.file_meta)):
        hold(not (differs := difference(mine, theirs)), what + differs)
    hold(one.preamble == other.preamble, f"{what}: preamble")


def examine(data: bytes, chance: random.Random) -> None:
    """All that a user may do with a file."""
    strict = study(data, {}, chance)
    lenient = study(data, {"force": True}, chance)
    hold(strict is None or lenient is not None, "force=True refuses a sound file")
    if strict is not None and lenient is not None:
        same(strict, lenient, "force=True reads a sound file differently")
    if chance.random() < 0.3:
        options: dict[str, Any] = chance.choice((
            {"stop_before_pixels": True}, {"specific_tags": [0x00081140, "PatientName", 0x7FE00010]}, {"specific_tags": []},
            {"assume_charset": "ISO_IR 192"}, {"assume_charset": ("", "ISO 2022 IR 87")}, {"limits": Limits(elements=5, inflated=1000)},
        ))
        study(data, options | {"force": chance.random() < 0.7}, chance)


def study(data: bytes, options: dict[str, Any], chance: random.Random) -> Dataset | None:
    said.clear()
    dataset = read(data, **options)
    if dataset is None:
        return None
    lies = lied()
    before = written(dataset)
    look(dataset)
    look(dataset.file_meta)
    repr(dataset)
    hold(written(dataset) == before, "looking at values changes what is written")
    twins(dataset, data, options, before, chance)
    if isinstance(before, bytes):
        if options == {}:
            hold(lies or untouched(data, before), "a sound file is written differently")
        if not lies:
            again(dataset, before, options, "what is written")
    if chance.random() < 0.1:
        described(dataset)
    if not options.get("limits") and chance.random() < 0.2:
        elsewhere(dataset, options, chance)
        edit(dataset, options, chance)
    return dataset


def twins(dataset: Dataset, data: bytes, options: dict[str, Any], before: bytes | str, chance: random.Random) -> None:
    """Another reading, copies and pickles are the same dataset."""
    several: list[tuple[str, Callable[[], Dataset]]] = [
        ("another reading", lambda: dcmread(data, **options)),
        ("a copy", dataset.copy),
        ("a deep copy", lambda: copy.deepcopy(dataset)),
        ("a pickle", lambda: pickle.loads(pickle.dumps(dataset))),
        ("an unopened pickle", lambda: pickle.loads(pickle.dumps(dcmread(data, **options)))),
    ]
    for name, make in several:
        if chance.random() < 0.08:
            twin = make()
            first = written(twin) if chance.random() < 0.5 else before
            same(twin, dataset, f"{name} is not equal")
            hold(first == before and written(twin) == before, f"{name} is written differently")


def described(dataset: Dataset) -> None:
    with contextlib.suppress(DcmencError):
        dataset.to_json()


def untouched(data: bytes, out: bytes) -> bool:
    """Whether a sound file came back as it was, or had no choice."""
    if out == data:
        return True
    one, other = taken_apart(data), taken_apart(out)
    if one.deflated and other.deflated and one.head == other.head and one.body == other.body:
        return True
    ends = b"\xfe\xff\xdd\xe0", b"\xfe\xff\x0d\xe0", b"\xff\xfe\xe0\xdd", b"\xff\xfe\xe0\x0d"
    mended = sum(map(other.body.count, ends)) > sum(map(one.body.count, ends))
    return data[128:134] != b"DICM\2\0" or not data[136:138].isalpha() or mended or undelimited(one)


def undelimited(subject: Subject) -> bool:
    """Whether delimiters are missing or in excess, or an element stands twice."""
    seen = set()
    pieces = pieces_of(subject.body, 0, subject.implicit, subject.big)
    meta = [piece.tag for piece in pieces_of(subject.head, 132, False, False)]
    if len(set(meta)) < len(meta):
        return True
    for piece in pieces:
        closing = struct.pack(">HH" if subject.big else "<HH", 0xFFFE, 0xE00D if piece.tag == ITEM else 0xE0DD)
        if (piece.length == UNDEFINED) != (subject.body[max(piece.value, piece.end - 8) : piece.end][:4] == closing):
            return True
        around = [outer.at for outer in pieces if outer.value <= piece.at and piece.end <= outer.end]
        if piece.tag >> 16 != 0xFFFE:
            if (piece.tag, *around) in seen:
                return True
            seen.add((piece.tag, *around))
    return False


def again(dataset: Dataset, out: bytes, options: dict[str, Any], what: str) -> None:
    """What was written is read as the same values, and written as the same bytes."""
    said.clear()
    force = bool(options.get("force")) or dataset.preamble is None
    try:
        back = dcmread(out, force=force, assume_charset=options.get("assume_charset"))
    except ReadError as error:
        raise Broken(f"{what} is not read: {error.reason}") from error
    hold(not lied(), f"{what} is taken for another encoding")
    hold(not (differs := difference(dataset, back)), f"{what} is read as something else{differs}")
    second = written(back)
    hold(second == out, f"{what} is written differently the second time")


def elsewhere(dataset: Dataset, options: dict[str, Any], chance: random.Random) -> None:
    """Another transfer syntax."""
    uid = chance.choice((IMPLICIT, EXPLICIT, DEFLATED, BIG, JPEG))
    other = copy.deepcopy(dataset) if chance.random() < 0.5 else dataset.copy()
    other.file_meta.TransferSyntaxUID = uid
    out = written(other)
    if isinstance(out, bytes):
        what = f"what is written in {TRANSFER_SYNTAXES[uid].name}"
        if uid != IMPLICIT:
            again(other, out, options, what)
        else:
            hold(read(out, force=True) is not None, f"{what} is not read")


def edit(dataset: Dataset, options: dict[str, Any], chance: random.Random) -> None:
    """Something is set, and something taken away; the rest stays what it was."""
    changed = copy.deepcopy(dataset)
    for place in (changed, *(item for tag in changed if isinstance(items := changed[tag].value, Sequence) for item in items[:2])):
        if len(place) and chance.random() < 0.3:
            del place[chance.choice(list(place))]
        if chance.random() < 0.3:
            place.PatientComments = chance.choice(("x", "Größe"))
    out = written(changed)
    if isinstance(out, bytes):
        hold(read(out, force=True) is not None, "a changed dataset is not read")


# --------------------------------------------------------------------- the campaign


def reason(error: BaseException) -> str:
    place = traceback.extract_tb(error.__traceback__)[-1]
    if isinstance(error, Broken):
        return str(error)
    return f"{type(error).__name__} in {Path(place.filename).name}:{place.lineno} {place.name}"


def keep(data: bytes, seed: int, number: int, what: str, more: str) -> None:
    """One reproducer, the smallest, of everything that breaks."""
    path = FOUND / f"{hashlib.sha256(what.encode()).hexdigest()[:12]}.dcm"
    if not path.exists():
        print(f"FOUND {path}: --seed {seed} --start {number} --count 1: {what}", flush=True)
    elif path.stat().st_size <= len(data):
        return
    path.write_bytes(data)
    path.with_suffix(".txt").write_text(f"--seed {seed} --start {number} --count 1\n{what}\n{more}\n{data.hex()}\n")


def ending(status: int) -> str:
    number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    return f"more than {SECONDS} s" if number == signal.SIGALRM else signal.Signals(number).name if number else "the worker ended"


def cause(report: str) -> str:
    """The line of a sanitizer's or Python's report that says most."""
    lines = report.splitlines() or [""]
    return next((line for line in lines if "runtime error" in line or "SUMMARY" in line or line.startswith("  File")), lines[-1])


def work(seed: int, first: int, stop: int, several: list[Subject], weights: list[float], slot: memoryview) -> None:
    """A batch of inputs; the slot holds the number that is being read, and counts what broke."""
    for number in range(first, stop):
        slot[0] = number
        data, chance = made(seed, number, several, weights)
        signal.alarm(SECONDS)
        try:
            examine(data, chance)
            gc.collect(0)
            hold(not unraised, f"nobody can catch {''.join(unraised[:1])}")
        except Exception as error:
            slot[1] += 1
            keep(data, seed, number, reason(error), "".join(traceback.format_exception(error)))
        signal.alarm(0)
        unraised.clear()


def campaign(seed: int, start: int, stop: int, seconds: float, processes: int) -> int:
    """Batches in processes of their own; the number of inputs that broke something."""
    FOUND.mkdir(parents=True, exist_ok=True)
    several = subjects()
    weights, total = [], 0.0
    for subject in several:
        total += 1 / (300 + len(subject.body))
        weights.append(total)
    gc.freeze()
    print(f"{len(several)} files to change, seed {seed}, numbers {start} to {stop - 1}", flush=True)
    began, broken, done = time.monotonic(), 0, 0
    running: dict[int, tuple[int, int, memoryview]] = {}
    todo = [(at, min(at + BATCH, stop)) for at in range(start, stop, BATCH)][::-1]
    while todo or running:
        if todo and len(running) < processes and time.monotonic() - began < seconds:
            first, last = todo.pop()
            slot = memoryview(mmap.mmap(-1, 16)).cast("Q")
            if not (child := os.fork()):
                os.dup2(os.open(FOUND / f"stderr-{os.getpid()}", os.O_CREAT | os.O_TRUNC | os.O_WRONLY), 2)
                faulthandler.register(signal.SIGALRM, chain=True)
                work(seed, first, last, several, weights, slot)
                os._exit(0)
            running[child] = first, last, slot
            continue
        if not running:
            break
        child, status, usage = os.wait4(-1, 0)
        first, last, slot = running.pop(child)
        broken += slot[1]
        errors = FOUND / f"stderr-{child}"
        if status:
            data, _ = made(seed, slot[0], several, weights)
            keep(data, seed, slot[0], f"{ending(status)}: {cause(errors.read_text())}", errors.read_text())
            if slot[0] + 1 < last:
                todo.append((slot[0] + 1, last))
            broken, last = broken + 1, slot[0] + 1
        errors.unlink()
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
        if (usage.ru_maxrss << 10) - own > SPARE + 20 * BIGGEST:
            broken += 1
            print(f"FOUND memory: {usage.ru_maxrss >> 10} MiB for the inputs {first} to {last - 1}, {own >> 20} MiB before", flush=True)
        done += last - first
        if not status:
            rate, most = done / (time.monotonic() - began), usage.ru_maxrss >> 10
            print(f"{done} inputs, {rate:.0f} a second, {broken} broken, {most} MiB, {own >> 20} before", flush=True)
    print(f"{done} inputs in {time.monotonic() - began:.0f} s: {broken} broken", flush=True)
    return broken


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000, help="how many inputs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", type=int, default=0, help="the number of the first input")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no batch after this time")
    parser.add_argument("--processes", type=int, default=1, choices=(1, 2))
    options = parser.parse_args()
    warnings.simplefilter("always")
    warnings.showwarning, sys.unraisablehook = listen, note
    gc.disable()
    return min(campaign(options.seed, options.start, options.start + options.count, options.seconds, options.processes), 1)


if __name__ == "__main__":
    sys.exit(main())
