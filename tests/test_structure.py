"""The walker over the structure of files finds every fault that is planted, and none in good files."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pydicom
import pytest
from structure import DEFLATED, LONG, faults, fragments

import dcmenc

EXPLICIT, IMPLICIT, BIG, RLE, JPEG = (f"1.2.840.10008.1.2{end}" for end in (".1", "", ".2", ".5", ".4.70"))
NOTHING = 0xFFFFFFFF


# ---- files by hand


def element(tag: int, vr: str, value: bytes, length: int | None = None, order: str = "<", implicit: bool = False) -> bytes:
    """A data element; ``length`` is said in place of the true one."""
    head = struct.pack(f"{order}HH", tag >> 16, tag & 0xFFFF)
    size = len(value) if length is None else length
    if implicit or not vr:
        return head + struct.pack(f"{order}I", size) + value
    if vr in LONG:
        return head + vr.encode() + struct.pack(f"{order}HI", 0, size) + value
    return head + vr.encode() + struct.pack(f"{order}H", size) + value


def item(value: bytes, length: int | None = None) -> bytes:
    return element(0xFFFEE000, "", value, length)


def delimiter(tag: int = 0xFFFEE0DD, length: int = 0) -> bytes:
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, length)


def part10(*elements: bytes, syntax: str = EXPLICIT, more: int = 0) -> bytes:
    """A file; ``more`` is added to the group length of the file meta."""
    uid = syntax.encode() + b"\0" * (len(syntax) % 2)
    meta = element(0x00020001, "OB", b"\0\1") + element(0x00020010, "UI", uid)
    body = b"".join(elements)
    if syntax == DEFLATED:
        packer = zlib.compressobj(wbits=-15)
        body = packer.compress(body) + packer.flush()
        body += b"\0" * (len(body) % 2)
    return bytes(128) + b"DICM" + element(0x00020000, "UL", struct.pack("<I", len(meta) + more)) + meta + body


def us(tag: int, number: int) -> bytes:
    return element(tag, "US", struct.pack("<H", number))


NAME = element(0x00100010, "PN", b"Yamada")
IDENTITY = element(0x00100020, "LO", b"47")
FRAMES = element(0x00280008, "IS", b"2 ")


def sequence(items: bytes, length: int | None = None, tag: int = 0x00081140) -> bytes:
    return element(tag, "SQ", items, length)


def encapsulated(*items: bytes, table: bytes = b"", end: bytes | None = None, vr: str = "OB") -> bytes:
    return element(0x7FE00010, vr, item(table) + b"".join(items) + (delimiter() if end is None else end), NOTHING)


def extended(offsets: bytes, lengths: bytes | None) -> bytes:
    return element(0x7FE00001, "OV", offsets) + (element(0x7FE00002, "OV", lengths) if lengths is not None else b"")


def native(tag: int = 0x7FE00010, order: str = "<") -> bytes:
    """An image of 1 by 3 bytes."""
    numbers = [(0x00280002, 1), (0x00280010, 1), (0x00280011, 3), (0x00280100, 8)]
    return b"".join(element(tag, "US", struct.pack(f"{order}H", number), order=order) for tag, number in numbers) + element(
        tag, "OB", b"abc\0", order=order)


TWO = item(b"abcd"), item(b"efghij")
TABLE, OFFSETS, LENGTHS = struct.pack("<2I", 0, 12), struct.pack("<2Q", 0, 12), struct.pack("<2Q", 4, 6)
ICON = sequence(item(native()), tag=0x00880200)

GOOD = {
    "explicit": part10(NAME, IDENTITY, native()),
    "implicit": part10(element(0x00100010, "", b"Yamada"), element(0x00101002, "", item(element(0x00100020, "", b"47"))), syntax=IMPLICIT),
    "big endian": part10(element(0x00100010, "PN", b"Yamada", order=">"), native(order=">"), syntax=BIG),
    "deflated": part10(NAME, native(), syntax=DEFLATED),
    "sequences": part10(sequence(item(NAME)), sequence(b"", tag=0x00082218),
                        sequence(item(NAME + delimiter(0xFFFEE00D), NOTHING) + delimiter(), NOTHING, 0x00082220),
                        element(0x00091001, "UN", item(element(0x00100020, "", b"47")) + delimiter(), NOTHING)),
    "encapsulated": part10(FRAMES, ICON, encapsulated(*TWO, table=TABLE), syntax=RLE),
    "without a table": part10(FRAMES, encapsulated(*TWO), syntax=RLE),
    "extended table": part10(FRAMES, extended(OFFSETS, LENGTHS), encapsulated(*TWO), syntax=RLE),
    "several fragments": part10(encapsulated(*TWO), syntax=JPEG),
}


@pytest.mark.parametrize("name", GOOD)
def test_good_files_have_no_fault(name: str) -> None:
    assert faults(GOOD[name]) == []


def test_the_fragments_are_those_behind_the_table() -> None:
    assert fragments(GOOD["encapsulated"]) == [b"abcd", b"efghij"]
    assert fragments(GOOD["explicit"]) == []


# What is planted -> the file, a part of what is said of it.
PLANTED: dict[str, tuple[bytes, str]] = {
    "no prefix": (GOOD["explicit"].replace(b"DICM", b"DICN"), "no DICM"),
    "no preamble": (GOOD["explicit"][128:], "no DICM"),
    "a short file": (bytes(40), "no DICM"),
    "meta group length": (part10(NAME, more=2), "group length"),
    "no meta": (bytes(128) + b"DICM" + NAME, "group length"),
    "order": (part10(IDENTITY, NAME), "(00100010) is not in ascending order behind (00100020)"),
    "twice": (part10(NAME, NAME), "not in ascending order"),
    "order in an item": (part10(sequence(item(IDENTITY + NAME))), "not in ascending order"),
    "order in the meta": (bytes(128) + b"DICM" + element(0x00020000, "UL", b"\x0c\0\0\0") + element(0x00020010, "UI", b"1.")
                          + element(0x00020002, "UI", b""), "(00020002) is not in ascending order"),
    "group of a command": (part10(us(0x00000800, 1)), "no group of a data set"),
    "odd length": (part10(element(0x00100010, "PN", b"abc"), IDENTITY), "odd length, 3"),
    "odd length in an item": (part10(sequence(item(element(0x00100010, "PN", b"abc") + element(0x00100020, "LO", b"a")))), "odd length"),
    "beyond the file": (part10(element(0x00100010, "PN", b"abcd", 6)), "2 bytes behind its parent"),
    "beyond the item": (part10(sequence(item(element(0x00100010, "PN", b"abcd", 6))), IDENTITY), "2 bytes behind its parent"),
    "item beyond the sequence": (part10(sequence(item(NAME, len(NAME) + 2)), IDENTITY), "2 bytes behind its sequence"),
    "item beyond the sequence, implicit": (part10(element(0x00081140, "", item(b"", 2)), syntax=IMPLICIT), "behind its sequence"),
    "delimiter in a defined length": (part10(sequence(item(NAME) + delimiter())), "in a sequence of defined length"),
    "sequence not closed": (part10(sequence(item(NAME), NOTHING)), "a sequence of undefined length is not closed"),
    "item not closed": (part10(sequence(item(NAME, NOTHING))), "an item of undefined length is not closed"),
    "delimiter with a length": (part10(sequence(item(NAME) + delimiter(length=2), NOTHING)), "has a length of 2"),
    "item delimiter with a length": (part10(sequence(item(NAME + delimiter(0xFFFEE00D, 4), NOTHING))), "has a length of 4"),
    "a delimiter of nothing": (part10(NAME, delimiter()), "no element of a data set"),
    "no item": (part10(sequence(NAME)), "where an item is wanted"),
    "undefined length of text": (part10(element(0x00100010, "LT", b"", 0) + element(0x00104000, "UT", b"", NOTHING)), "undefined length"),
    "no VR": (part10(element(0x00100010, "PN", b"ab").replace(b"PN", b"ZZ")), "no legal VR but 'ZZ'"),
    "32-bit length of a short VR": (part10(b"\x10\0\x10\0PN\0\0" + struct.pack("<I", 6) + b"Yamada", IDENTITY), "(0006"),
    "16-bit length of a long VR": (part10(b"\x10\0\x10\0UT" + struct.pack("<H", 6) + b"Yamada", IDENTITY), "reserved bytes"),
    "reserved bytes": (GOOD["explicit"].replace(b"OB\0\0\4", b"OB\1\0\4"), "reserved bytes"),
    "the wrong VR": (part10(element(0x00280010, "SS", b"\1\0")), "has the VR SS, and not US"),
    "half a number": (part10(element(0x00280010, "US", b"")[:-2] + b"\3\0\0\0\0"), "no multiple of 2"),
    "something behind the end": (GOOD["explicit"] + b"\0\0", "2 bytes are left over"),
    "zeros behind the end": (GOOD["explicit"] + bytes(8), "no legal VR"),
    "a cut head": (part10(NAME, element(0x00104000, "UT", b"")[:10]), "breaks off inside its head"),
    "size of native pixels": (part10(native()[:-16] + element(0x7FE00010, "OB", b"ab")), "Pixel Data have 2 bytes, and not 4"),
    "behind the deflated": (part10(NAME, syntax=DEFLATED) + b"\0\0", "padding alone"),
    "deflated and cut": (part10(NAME, IDENTITY, syntax=DEFLATED)[:-4], "breaks off"),
    "deflated and damaged": (part10(syntax=DEFLATED)[:-2] + b"\xff\xff", "cannot be inflated"),
    "fragments, native syntax": (part10(FRAMES, encapsulated(*TWO)), "have to be native"),
    "native, encapsulated syntax": (part10(native(), syntax=RLE), "native in an encapsulated"),
    "nested fragments": (part10(sequence(item(encapsulated(*TWO)), tag=0x00880200), encapsulated(*TWO), syntax=JPEG), "have to be native"),
    "OW": (part10(encapsulated(TWO[0], vr="OW"), syntax=RLE), "the VR OW, and not OB"),
    "no table": (part10(element(0x7FE00010, "OB", delimiter(), NOTHING), syntax=RLE), "no Basic Offset Table"),
    "table left out": (part10(FRAMES, element(0x7FE00010, "OB", b"".join(TWO) + delimiter(), NOTHING), syntax=RLE),
        "1 fragments for 2 frames"),
    "odd fragment": (part10(encapsulated(item(b"abc")), syntax=RLE), "odd length, 3"),
    "empty fragment": (part10(encapsulated(item(b"")), syntax=RLE), "is empty"),
    "fragment behind the end": (part10(encapsulated(item(b"ab", 40), end=b""), syntax=RLE), "behind the file"),
    "no delimiter": (part10(encapsulated(*TWO, end=b""), syntax=JPEG), "not closed by a delimiter"),
    "delimiter of fragments with a length": (part10(encapsulated(TWO[0], end=delimiter(length=4)), syntax=RLE), "has a length of 4"),
    "a gap before the delimiter": (part10(encapsulated(TWO[0], end=b"\0\0" + delimiter()), syntax=RLE), "the delimiter is wanted"),
    "an element before the delimiter": (part10(encapsulated(TWO[0], end=NAME + delimiter()), syntax=RLE), "the delimiter is wanted"),
    "an item delimiter": (part10(encapsulated(TWO[0], end=delimiter(0xFFFEE00D)), syntax=RLE), "the delimiter is wanted"),
    "behind the delimiter": (part10(encapsulated(TWO[0]), b"\0\0\0\0", syntax=RLE), "4 bytes are left over"),
    "too many fragments": (part10(encapsulated(*TWO), syntax=RLE), "2 fragments for 1 frames"),
    "too few fragments": (part10(FRAMES, encapsulated(TWO[0]), syntax=JPEG), "1 fragments for 2 frames"),
    "short table": (part10(FRAMES, encapsulated(*TWO, table=TABLE[:4]), syntax=RLE), "has 4 bytes for 2 frames"),
    "table beside an item": (part10(FRAMES, encapsulated(*TWO, table=struct.pack("<2I", 0, 10)), syntax=RLE), "offset 10 of frame 1"),
    "table from the file": (part10(FRAMES, encapsulated(*TWO, table=struct.pack("<2I", 8, 20)), syntax=RLE), "not that of an item"),
    "table descends": (part10(FRAMES, encapsulated(*TWO, table=struct.pack("<2I", 12, 0)), syntax=RLE), "do not ascend from 0"),
    "table stands still": (part10(FRAMES, encapsulated(*TWO, table=bytes(8)), syntax=RLE), "do not ascend from 0"),
    "both tables": (part10(FRAMES, extended(OFFSETS, LENGTHS), encapsulated(*TWO, table=TABLE), syntax=RLE), "that is not empty"),
    "no lengths": (part10(FRAMES, extended(OFFSETS, None), encapsulated(*TWO), syntax=RLE), "one is missing"),
    "wrong lengths": (part10(FRAMES, extended(OFFSETS, struct.pack("<2Q", 3, 6)), encapsulated(*TWO), syntax=RLE),
        "not those of the items"),
    "extended beside an item": (part10(FRAMES, extended(struct.pack("<2Q", 0, 4), LENGTHS), encapsulated(*TWO), syntax=RLE), "offset 4"),
    "extended, short": (part10(FRAMES, extended(OFFSETS[:8], LENGTHS), encapsulated(*TWO), syntax=RLE), "has 8 bytes for 2 frames"),
    "extended, several fragments": (part10(extended(bytes(8), LENGTHS), encapsulated(*TWO), syntax=JPEG), "and 2 fragments for 1 frames"),
    "extended, native": (part10(native()[:-16], extended(bytes(8), bytes(8)), element(0x7FE00010, "OB", b"abc\0")), "without fragments"),
    "number of frames": (part10(element(0x00280008, "IS", b"two "), native()), "NumberOfFrames is b'two '"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_found(name: str) -> None:
    data, what = PLANTED[name]
    found = faults(data)
    assert found and any(what in fault for fault in found), found
    assert all(fault.startswith("byte ") for fault in found)


def test_one_fragment_a_frame_can_be_asked_for() -> None:
    assert faults(GOOD["several fragments"], one_each=True)[0].endswith("2 fragments for 1 frames")


@pytest.mark.parametrize("name", [name for name, data in GOOD.items() if b"\xe0\x7f\x10\0" in data])
def test_pixels_that_break_off_are_found(name: str) -> None:
    data = GOOD[name]
    for length in range(data.rindex(b"\xe0\x7f\x10\0") + 1, len(data)):
        assert faults(data[:length])


# ---- what others, and dcmenc, write

# The faults that pydicom's files are known for, by a part of what is said.
KNOWN = {
    "693_J2KI.dcm": "VR OW", "MR_small_jp2klossless.dcm": "VR OW", "MR_small_jpeg_ls_lossless.dcm": "VR OW",
        "SC_rgb_rle_16bit.dcm": "VR OW",
    "SC_rgb_rle_16bit_2frame.dcm": "VR OW", "rtdose_rle.dcm": "VR OW", "rtdose_rle_1frame.dcm": "VR OW",
        "ExplVR_BigEndNoMeta.dcm": "no DICM",
    "ExplVR_LitEndNoMeta.dcm": "no DICM", "no_meta.dcm": "no DICM", "rtstruct.dcm": "no DICM", "MR_small_padded.dcm": "8320 bytes",
    "MR_truncated.dcm": "behind its parent", "rtplan_truncated.dcm": "behind its parent", "SC_rgb_jpeg.dcm": "no legal VR",
    "meta_missing_tsyntax.dcm": "no legal VR", "badVR.dcm": "NumberOfFrames", "image_dfl.dcm": "padding",
        "nested_priv_SQ.dcm": "odd length",
    "no_meta_group_length.dcm": "group length",
}


@pytest.mark.peer
def test_files_of_the_world_have_the_faults_that_they_are_known_for() -> None:
    folder = Path(pydicom.__file__).parent / "data" / "test_files"
    for path in sorted(folder.rglob("*.dcm")):
        found = faults(path.read_bytes())
        assert bool(found) == (path.name in KNOWN), (path.name, found)
        assert not found or KNOWN[path.name] in found[0], (path.name, found)


@pytest.mark.parametrize("compression", ["explicit", "implicit", "big-endian", "deflated", "rle", "jpeg-lossless",
                                         "encapsulated-uncompressed"])
def test_files_of_dcmenc_have_none(compression: str) -> None:
    for array in (np.zeros((1, 3), "u1"), np.arange(45, dtype="u2").reshape(3, 3, 5), np.zeros((2, 3, 5, 3), "u1")):
        file = io.BytesIO()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dcmenc.DcmencWarning)
            dcmenc.imwrite(file, array, compression=compression, photometric="RGB" if array.ndim == 4 else "MONOCHROME2")
        assert faults(file.getvalue(), one_each=True) == []
