"""Every DICOM file of pydicom's wheel: written back byte for byte, and read as pydicom and dcmdump read it.

The files come from a dozen vendors and toolkits; what is odd about single ones stands in tables, with the reason.
"""

from __future__ import annotations

import copy
import pickle
import re
import struct
import subprocess
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pydicom
import pytest
from pydicom import config
from pydicom.valuerep import PersonName
from reference import Read, walk

from dcmenc import Dataset, DcmencWarning, Element, Fragments, ReadError, Sequence, dcmread, dumps
from dcmenc.dictionary import tag_table

pytestmark = [
    pytest.mark.filterwarnings("ignore:Explicit VR Big Endian is retired"),
    pytest.mark.filterwarnings("ignore:the file meta names JPEG Baseline"),
]
Peer = Callable[[str], str]

ROOT = Path(pydicom.__file__).parent / "data"
IMPLICIT, EXPLICIT, DEFLATED, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"
JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
PIXEL_DATA, ITEM = 0x7FE00010, 0xFFFEE000

# Data sets alone, as they are before they become files (PS3.10 7).
BARE = ("ExplVR_BigEndNoMeta.dcm", "ExplVR_LitEndNoMeta.dcm", "rtstruct.dcm")
# What ends before its last element is whole: where that stands, and what is missing.
CUT_SHORT = {
    "MR_truncated.dcm": ("(7FE0,0010)", "a length of 8192 bytes is declared, and 8130 are left"),
    "rtplan_truncated.dcm": ("(300A,00B0)", "a length of 976 bytes is declared, and 711 are left"),
    "DICOMDIR-nooffset": ("(0004,1220)[51]", "a length of 248 bytes is declared, and 224 are left"),
}
# The file meta names JPEG Baseline, an explicit syntax, and the data set is in Implicit VR: it is written in what the meta names.
MISNAMED = ("SC_rgb_jpeg.dcm",)


def found() -> Iterator[Path]:
    for path in sorted(ROOT.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                if file.read(132)[128:] == b"DICM" or path.name in BARE:
                    yield path


PATHS = list(found())
WHOLE = [path for path in PATHS if path.name not in CUT_SHORT]
whole_files = pytest.mark.parametrize("path", WHOLE, ids=lambda path: path.name)


def read(path: Path, **options: Any) -> Dataset:
    return dcmread(path, force=path.name in BARE, **options)


def accessed(dataset: Dataset) -> Dataset:
    """The dataset, after every value in it was looked at."""
    for tag in dataset:
        value = dataset[tag].value
        if isinstance(value, Sequence):
            for item in value:
                accessed(item)
    return dataset


def content(data: bytes) -> bytes:
    """The file, inflated: a deflated data set may be packed in many ways (PS3.5 A.5)."""
    if data[128:132] != b"DICM" or DEFLATED.encode() not in data[132:400]:
        return data
    start = 144 + struct.unpack_from("<I", data, 140)[0]
    return data[:start] + zlib.decompressobj(-15).decompress(data[start:])


def test_the_wheel_holds_the_files_that_are_named_here() -> None:
    names = {path.name for path in PATHS}
    assert len(PATHS) > 180 and names.issuperset({*BARE, *CUT_SHORT, *MISNAMED})


# --------------------------------------------------------------------- written back


ROADS: dict[str, Callable[[Dataset], Dataset]] = {
    "as read": lambda dataset: dataset,
    "every value accessed": accessed,
    "deep copy": copy.deepcopy,
    "deep copy, accessed": lambda dataset: accessed(copy.deepcopy(accessed(dataset))),
    "shallow copy": lambda dataset: dataset.copy(),
    "pickle": lambda dataset: pickle.loads(pickle.dumps(dataset)),
    "pickle, accessed": lambda dataset: accessed(pickle.loads(pickle.dumps(accessed(dataset)))),
}


@whole_files
def test_a_file_that_was_only_read_is_written_back_byte_for_byte(path: Path) -> None:
    if path.name in MISNAMED:
        return
    data = content(path.read_bytes())
    differing = [name for name, road in ROADS.items() if content(dumps(road(read(path)))) != data]
    assert differing == []


@pytest.mark.filterwarnings("default:the file meta names JPEG Baseline")
@pytest.mark.parametrize("name", MISNAMED)
def test_a_data_set_in_another_syntax_than_named_is_written_in_the_named_one(name: str) -> None:
    path = next(path for path in PATHS if path.name == name)
    with pytest.warns(DcmencWarning, match="names JPEG Baseline .*, and the data set is in Implicit VR Little Endian"):
        dataset = dcmread(path)
    written = dcmread(dumps(dataset))
    assert written.file_meta.TransferSyntaxUID == JPEG_BASELINE
    assert differences(dataset, written) == []
    assert list(map(bytes, written.PixelData.fragments)) == list(map(bytes, dataset.PixelData.fragments))
    assert len({dumps(road(dcmread(path))) for road in ROADS.values()}) == 1


@pytest.mark.parametrize("name", CUT_SHORT)
def test_a_file_that_is_cut_short_is_refused_unless_it_is_forced(name: str) -> None:
    path = next(path for path in PATHS if path.name == name)
    where, reason = CUT_SHORT[name]
    with pytest.raises(ReadError, match=reason) as caught:
        dcmread(path)
    assert caught.value.path.startswith(where) and caught.value.source == str(path)
    with pytest.warns(DcmencWarning, match="the file is broken"):
        dataset = dcmread(path, force=True)
    assert reason in dataset.faults[0].reason and dataset.faults[0].path.startswith(where)
    assert dataset.faults[0].offset == caught.value.offset
    # what is there can be written, and is a sound file then
    for road in ROADS.values():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DcmencWarning)
            again = road(dcmread(path, force=True))
        assert differences(dataset, dcmread(dumps(again))) == []


def differences(one: Dataset, other: Dataset, same_vr: bool = True, where: str = "") -> list[str]:
    """Where two datasets differ; by the bytes of the values, and of their VRs only if these are of interest."""
    found = [f"{where} has other elements: {sorted(one.keys() ^ other.keys())[:4]}"] if one.keys() != other.keys() else []
    for tag in sorted(one.keys() & other.keys()):
        a, b = one[tag], other[tag]
        place = f"{where}{tag}"
        if tag & 0xFFFF == 0:
            # which counts the bytes of its group, and these may become others
            continue
        if isinstance(a.value, Sequence) and isinstance(b.value, Sequence):
            found += [] if len(a.value) == len(b.value) else [f"{place} has {len(a.value)} and {len(b.value)} items"]
            for at, (left, right) in enumerate(zip(a.value, b.value, strict=False)):
                found += differences(left, right, same_vr, f"{place}[{at}].")
        elif not equal(a, b) and (same_vr or not (may_change(a, b) and octets(one, tag) == octets(other, tag))):
            found.append(f"{place} {a.vr} {b.vr} {str(a.value)[:40]} {str(b.value)[:40]}")
    return found


def equal(one: Element, other: Element) -> bool:
    left, right = Dataset(), Dataset()
    left._elements[one.tag], right._elements[other.tag] = one, other
    return left == right


def may_change(one: Element, other: Element) -> bool:
    """Whether the VR may be lost on the way through Implicit VR: of private elements, of UN, and of words (PS3.5 6.2.2, A.1)."""
    return bool(one.tag & 0x10000) or "UN" in (one.vr, other.vr) or {one.vr, other.vr} in ({"OB", "OW"}, {"US", "OW"})


def octets(dataset: Dataset, tag: int) -> bytes:
    """The bytes of a value as they were read from little endian."""
    return bytes(dataset._elements[tag].value)


# --------------------------------------------------------------------- as pydicom reads it


@pytest.fixture
def unknown_stays_unknown() -> Iterator[None]:
    """pydicom gives UN the VR of its dictionary, which dcmenc leaves to the user."""
    before, config.replace_un_with_known_vr = config.replace_un_with_known_vr, False
    yield
    config.replace_un_with_known_vr = before


@pytest.mark.usefixtures("unknown_stays_unknown")
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_all_values_and_vrs_are_those_that_pydicom_reads(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        own, theirs = dcmread(path, force=True), pydicom.dcmread(path, force=True)
        found = unlike(own, theirs) + unlike(own.file_meta, theirs.file_meta, "meta ")
    assert found == []


def unlike(own: Dataset, theirs: pydicom.Dataset, where: str = "") -> list[str]:
    tags = set(map(int, own)) ^ set(map(int, theirs.keys()))
    found = [f"{where} has other elements: {sorted(map(hex, tags))[:4]}"] if tags else []
    for tag in own:
        if tag not in theirs:
            continue
        a, b = own[tag], theirs[int(tag)]
        place = f"{where}{tag}"
        if isinstance(a.value, Sequence) or b.VR == "SQ":
            # UN of undefined length holds items for both, and pydicom calls it SQ (PS3.5 6.2.2)
            if a.vr not in ("SQ", "UN") or not isinstance(a.value, Sequence) or len(a.value) != len(b.value):
                found.append(f"{place} {a.vr} {b.VR}: a sequence for one of both, or of other items")
                continue
            for at, (mine, other) in enumerate(zip(a.value, b.value, strict=True)):
                found += unlike(mine, other, f"{place}[{at}].")
        elif a.vr != b.VR or plain(a.value, b, own) != pydicoms(b):
            found.append(f"{place} {a.vr} {b.VR} {str(a.value)[:40]!r} {str(b.value)[:40]!r}")
    return found


def plain(value: Any, theirs: pydicom.DataElement, own: Dataset) -> Any:
    """A value of dcmenc's as pydicom would say it."""
    if isinstance(value, Fragments):
        pieces = [value.table, *map(bytes, value.fragments)]
        return b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(piece)) + piece for piece in pieces)
    if isinstance(value, (bytes, memoryview)):
        raw = own._elements[theirs.tag]
        # little endian units for dcmenc, the bytes as they stand for pydicom
        return bytes(raw.value if raw.big and theirs.VR == "OW" else value)
    # pydicom drops the "=" before a group that is empty
    return value.rstrip("=") if theirs.VR == "PN" and isinstance(value, str) else value


def pydicoms(element: pydicom.DataElement) -> Any:
    """A value of pydicom's as dcmenc says it."""
    value = element.value
    if value is None or (hasattr(value, "__len__") and len(value) == 0):
        return None
    if isinstance(value, (bytes, int, float, str, PersonName)):
        return one_of_pydicom(element.VR, value)
    return tuple(one_of_pydicom(element.VR, one) for one in value)


def one_of_pydicom(vr: str, value: Any) -> Any:
    if value is None or value == "":
        return None if vr in ("DS", "IS") else ""
    if vr == "PN":
        return str(value)
    if vr == "AT":
        return int(value)
    # spaces at the end of each value are padding (PS3.5 6.2)
    return value.rstrip(" \0") if isinstance(value, str) else value


# --------------------------------------------------------------------- as dcmdump reads it


# A line for an element, an item or a fragment; text may go over several lines.
LINE = re.compile(r"^( *)\(([0-9a-f]{4}),([0-9a-f]{4})\) (\S\S) .*?# *(\d+|u/l), *\d+ [A-Za-z][^\n]*$", re.MULTILINE | re.DOTALL)
DELIMITERS = (0xFFFEE00D, 0xFFFEE0DD)


class Line(NamedTuple):
    """What a dump says of one element, item or fragment."""

    depth: int
    tag: int
    vr: str
    length: str


@pytest.mark.peer
@whole_files
def test_tags_nesting_vrs_and_lengths_are_those_that_dcmdump_finds(path: Path, peer: Peer) -> None:
    done = subprocess.run([peer("dcmdump"), "-q", "+L", "-M", str(path)], capture_output=True, check=False)
    if path.name in MISNAMED:
        # which dcmdump does not read
        assert done.returncode
        return
    assert done.returncode == 0, done.stderr[-500:]
    own = read(path)
    lines, theirs = [*outline(own.file_meta, 0), *outline(own, 0)], list(dumped(done.stdout.decode("latin-1")))
    if any(raw.implicit for raw in own._elements.values()):
        # each has a dictionary of its own
        lines, theirs = ([line._replace(vr="") for line in one] for one in (lines, theirs))
    assert lines == theirs


def dumped(text: str) -> Iterator[Line]:
    for pad, group, low, vr, length in LINE.findall(text):
        tag = int(group + low, 16)
        if tag not in DELIMITERS:
            # "up" is an offset of a DICOMDIR
            yield Line(len(pad) // 2, tag, "UL" if vr == "up" else vr, "counted" if vr == "na" and length != "u/l" else length)


def outline(dataset: Dataset, depth: int) -> Iterator[Line]:
    """The same of a dataset; what it shows must be what it read."""
    for tag in dataset:
        raw, element = dataset._elements[tag], dataset[tag]
        # dcmdump pads what is odd
        length = "u/l" if raw.undefined else str(len(raw.value) + len(raw.value) % 2)
        if isinstance(element.value, Sequence):
            yield Line(depth, int(tag), "SQ", length)
            for item in element.value:
                yield Line(depth + 1, ITEM, "na", "u/l" if item.undefined_length else "counted")
                yield from outline(item, depth + 2)
        elif isinstance(element.value, Fragments):
            yield Line(depth, int(tag), "OB", length)
            yield from (Line(depth + 1, ITEM, "pi", str(len(piece))) for piece in (element.value.table, *element.value.fragments))
        else:
            yield Line(depth, int(tag), element.vr, length)


# --------------------------------------------------------------------- through another transfer syntax


STATES = {"as read": lambda dataset: dataset, "accessed": accessed}


@pytest.mark.parametrize("via", [IMPLICIT, EXPLICIT, BIG], ids=["by implicit", "by explicit", "by big endian"])
@whole_files
def test_values_survive_the_way_through_another_transfer_syntax_and_back(path: Path, via: str) -> None:
    first = accessed(read(path))
    syntax = first.file_meta.get("TransferSyntaxUID")
    if syntax is None or syntax.value not in (IMPLICIT, EXPLICIT, BIG):
        return
    results = set()
    for state in STATES.values():
        there = state(read(path))
        there.file_meta.TransferSyntaxUID = via
        back = state(dcmread(dumps(there)))
        back.file_meta.TransferSyntaxUID = EXPLICIT if syntax.value == BIG else syntax.value
        results.add(dumps(back))
    # whether values were looked at makes no difference to what is written
    assert len(results) == 1
    if syntax.value == BIG:
        first.file_meta.TransferSyntaxUID = EXPLICIT
        first = dcmread(dumps(first))
    assert differences(first, dcmread(results.pop()), same_vr=False) == []


# --------------------------------------------------------------------- one value changed


TEXTS = ("AE", "CS", "LO", "SH", "PN", "LT", "ST")
SEQUENCE_TAGS = {int(tag) for tag, entry in tag_table().items() if entry.vr == "SQ"}


@whole_files
def test_one_new_value_changes_its_own_bytes_and_the_lengths_around_it(path: Path) -> None:
    before = sound(path.read_bytes())
    if before is None:
        return
    for nested in (False, True):
        dataset = read(path)
        steps = text_in(dataset, nested)
        if steps is None:
            continue
        target = at(dataset, steps[:-1])
        target[steps[-1]] = Element(target[steps[-1]].tag, target[steps[-1]].vr, "ANOTHER TEXT")
        after = sound(dumps(dataset))
        assert after is not None
        assert list(changed(before, after)) == [steps]


def test_most_files_of_the_wheel_are_sound() -> None:
    assert sum(sound(path.read_bytes()) is not None for path in WHOLE) > 120


def sound(data: bytes) -> list[Read] | None:
    """The data set as the reader of the tests sees it, which proves every length; None where it finds it not quite legal."""
    if data[128:132] != b"DICM" or data[132:140] != b"\2\0\0\0UL\4\0":
        return None
    start = 144 + struct.unpack_from("<I", data, 140)[0]
    syntax = re.search(rb"\x02\0\x10\0UI..([0-9.]*)", data[:start], re.DOTALL)
    name = syntax[1].decode() if syntax is not None else ""
    try:
        return walk(content(data)[start:], name == IMPLICIT, name == BIG, SEQUENCE_TAGS if name == IMPLICIT else ())
    except (AssertionError, struct.error, UnicodeDecodeError, ValueError):
        return None


def text_in(dataset: Dataset, nested: bool) -> list[int] | None:
    """The path to a text element: in the root, or in the first item that has one."""
    for tag in dataset:
        element = dataset[tag]
        if not nested and element.vr in TEXTS and tag not in (0x00080005, 0x00080008) and not tag & 0x10000 and tag > 0x00080016:
            return [int(tag)]
        if nested and isinstance(element.value, Sequence):
            for number, item in enumerate(element.value):
                for deeper in (False, True):
                    if (rest := text_in(item, deeper)) is not None:
                        return [int(tag), number, *rest]
    return None


def at(dataset: Dataset, steps: list[int]) -> Dataset:
    for tag, number in zip(steps[::2], steps[1::2], strict=True):
        dataset = dataset[tag].value[number]
    return dataset


def changed(before: list[Read], after: list[Read], steps: tuple[int, ...] = ()) -> Iterator[list[int]]:
    """The paths of what differs; group lengths, which the walk has found true, are left out."""
    assert [(one.tag, one.vr, one.undefined) for one in before] == [(one.tag, one.vr, one.undefined) for one in after]
    for one, other in zip(before, after, strict=True):
        if one.vr == "SQ" or (one.undefined and one.tag != PIXEL_DATA):
            assert len(one.value) == len(other.value)
            for number, (left, right) in enumerate(zip(one.value, other.value, strict=True)):
                yield from changed(left, right, (*steps, one.tag, number))
        elif one.value != other.value and one.tag & 0xFFFF:
            yield [*steps, one.tag]

