"""Unique identifiers: transfer syntaxes, SOP classes, the registry of PS3.6 A, and new UIDs (PS3.5 9, B.2).

The registry itself is ``data/uids.txt``, read when it is first asked for. What a codec makes of a transfer syntax
is in ``codecs/``; what a SOP class demands of a dataset, in ``iod_tables.py``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import NamedTuple


class TransferSyntax(NamedTuple):
    """One transfer syntax (PS3.5 10, A).

    ``encapsulated`` says that Pixel Data are fragments; ``lossy``, that its frames may differ from what was acquired.
    """

    uid: str
    name: str
    explicit: bool
    big_endian: bool
    deflated: bool
    encapsulated: bool
    lossy: bool


IMPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2"
EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1.99"
EXPLICIT_VR_BIG_ENDIAN = "1.2.840.10008.1.2.2"

_ROOT = "1.2.840.10008.1."

# How the dataset is encoded, and whether its frames are fragments: explicit, big endian, deflated, encapsulated.
_IMPLICIT = (False, False, False, False)
_NATIVE = (True, False, False, False)
_BIG = (True, True, False, False)
_DEFLATED = (True, False, True, False)
_FRAMES = (True, False, False, True)

# fmt: off
# PS3.6 A, Table A-1: after the root, name, encoding, lossy. The retired ones are here because files of them exist.
_ROWS = (
    ("2",         "Implicit VR Little Endian",                                       _IMPLICIT, False),
    ("2.1",       "Explicit VR Little Endian",                                       _NATIVE,   False),
    ("2.1.98",    "Encapsulated Uncompressed Explicit VR Little Endian",             _FRAMES,   False),
    ("2.1.99",    "Deflated Explicit VR Little Endian",                              _DEFLATED, False),
    ("2.2",       "Explicit VR Big Endian",                                          _BIG,      False),
    ("2.4.50",    "JPEG Baseline (Process 1)",                                       _FRAMES,   True),
    ("2.4.51",    "JPEG Extended (Process 2 and 4)",                                 _FRAMES,   True),
    ("2.4.52",    "JPEG Extended (Process 3 and 5)",                                 _FRAMES,   True),
    ("2.4.53",    "JPEG Spectral Selection, Non-Hierarchical (Process 6 and 8)",     _FRAMES,   True),
    ("2.4.54",    "JPEG Spectral Selection, Non-Hierarchical (Process 7 and 9)",     _FRAMES,   True),
    ("2.4.55",    "JPEG Full Progression, Non-Hierarchical (Process 10 and 12)",     _FRAMES,   True),
    ("2.4.56",    "JPEG Full Progression, Non-Hierarchical (Process 11 and 13)",     _FRAMES,   True),
    ("2.4.57",    "JPEG Lossless, Non-Hierarchical (Process 14)",                    _FRAMES,   False),
    ("2.4.58",    "JPEG Lossless, Non-Hierarchical (Process 15)",                    _FRAMES,   False),
    ("2.4.59",    "JPEG Extended, Hierarchical (Process 16 and 18)",                 _FRAMES,   True),
    ("2.4.60",    "JPEG Extended, Hierarchical (Process 17 and 19)",                 _FRAMES,   True),
    ("2.4.61",    "JPEG Spectral Selection, Hierarchical (Process 20 and 22)",       _FRAMES,   True),
    ("2.4.62",    "JPEG Spectral Selection, Hierarchical (Process 21 and 23)",       _FRAMES,   True),
    ("2.4.63",    "JPEG Full Progression, Hierarchical (Process 24 and 26)",         _FRAMES,   True),
    ("2.4.64",    "JPEG Full Progression, Hierarchical (Process 25 and 27)",         _FRAMES,   True),
    ("2.4.65",    "JPEG Lossless, Hierarchical (Process 28)",                        _FRAMES,   False),
    ("2.4.66",    "JPEG Lossless, Hierarchical (Process 29)",                        _FRAMES,   False),
    ("2.4.70",    "JPEG Lossless, Non-Hierarchical, First-Order Prediction (Process 14 [Selection Value 1])", _FRAMES, False),
    ("2.4.80",    "JPEG-LS Lossless Image Compression",                              _FRAMES,   False),
    ("2.4.81",    "JPEG-LS Lossy (Near-Lossless) Image Compression",                 _FRAMES,   True),
    ("2.4.90",    "JPEG 2000 Image Compression (Lossless Only)",                     _FRAMES,   False),
    ("2.4.91",    "JPEG 2000 Image Compression",                                     _FRAMES,   True),
    ("2.4.92",    "JPEG 2000 Part 2 Multi-component Image Compression (Lossless Only)", _FRAMES, False),
    ("2.4.93",    "JPEG 2000 Part 2 Multi-component Image Compression",              _FRAMES,   True),
    ("2.4.94",    "JPIP Referenced",                                                 _NATIVE,   True),
    ("2.4.95",    "JPIP Referenced Deflate",                                         _DEFLATED, True),
    ("2.4.100",   "MPEG2 Main Profile / Main Level",                                 _FRAMES,   True),
    ("2.4.100.1", "Fragmentable MPEG2 Main Profile / Main Level",                    _FRAMES,   True),
    ("2.4.101",   "MPEG2 Main Profile / High Level",                                 _FRAMES,   True),
    ("2.4.101.1", "Fragmentable MPEG2 Main Profile / High Level",                    _FRAMES,   True),
    ("2.4.102",   "MPEG-4 AVC/H.264 High Profile / Level 4.1",                       _FRAMES,   True),
    ("2.4.102.1", "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.1",          _FRAMES,   True),
    ("2.4.103",   "MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1",         _FRAMES,   True),
    ("2.4.103.1", "Fragmentable MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1", _FRAMES, True),
    ("2.4.104",   "MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video",          _FRAMES,   True),
    ("2.4.104.1", "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video", _FRAMES, True),
    ("2.4.105",   "MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video",          _FRAMES,   True),
    ("2.4.105.1", "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video", _FRAMES, True),
    ("2.4.106",   "MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2",                _FRAMES,   True),
    ("2.4.106.1", "Fragmentable MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2",   _FRAMES,   True),
    ("2.4.107",   "HEVC/H.265 Main Profile / Level 5.1",                             _FRAMES,   True),
    ("2.4.108",   "HEVC/H.265 Main 10 Profile / Level 5.1",                          _FRAMES,   True),
    ("2.4.110",   "JPEG XL Lossless",                                                _FRAMES,   False),
    ("2.4.111",   "JPEG XL JPEG Recompression",                                      _FRAMES,   True),
    ("2.4.112",   "JPEG XL",                                                         _FRAMES,   True),
    ("2.4.201",   "High-Throughput JPEG 2000 Image Compression (Lossless Only)",     _FRAMES,   False),
    ("2.4.202",   "High-Throughput JPEG 2000 with RPCL Options Image Compression (Lossless Only)", _FRAMES, False),
    ("2.4.203",   "High-Throughput JPEG 2000 Image Compression",                     _FRAMES,   True),
    ("2.4.204",   "JPIP HTJ2K Referenced",                                           _NATIVE,   True),
    ("2.4.205",   "JPIP HTJ2K Referenced Deflate",                                   _DEFLATED, True),
    ("2.5",       "RLE Lossless",                                                    _FRAMES,   False),
    ("2.6.1",     "RFC 2557 MIME encapsulation",                                     _NATIVE,   False),
    ("2.6.2",     "XML Encoding",                                                    _NATIVE,   False),
    ("2.7.1",     "SMPTE ST 2110-20 Uncompressed Progressive Active Video",          _NATIVE,   False),
    ("2.7.2",     "SMPTE ST 2110-20 Uncompressed Interlaced Active Video",           _NATIVE,   False),
    ("2.7.3",     "SMPTE ST 2110-30 PCM Digital Audio",                              _NATIVE,   False),
    ("2.8.1",     "Deflated Image Frame Compression",                                _FRAMES,   False),
    ("20",        "Papyrus 3 Implicit VR Little Endian",                             _IMPLICIT, False),
)
# fmt: on

TRANSFER_SYNTAXES: Mapping[str, TransferSyntax] = MappingProxyType(
    {_ROOT + suffix: TransferSyntax(_ROOT + suffix, name, *encoding, lossy) for suffix, name, encoding, lossy in _ROWS}
)

# The pixels are elsewhere (JPIP, SMPTE ST 2110), or the dataset is not in the form of PS3.5 7 (MIME, XML).
UNSTORABLE = frozenset(_ROOT + suffix for suffix in ("2.4.94", "2.4.95", "2.4.204", "2.4.205", "2.6.1", "2.6.2", "2.7.1", "2.7.2", "2.7.3"))

# What ``compression=`` calls them; "jpeg" is the 8-bit syntax, for 12 bits its codec chooses the extended one.
SHORT_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "explicit": EXPLICIT_VR_LITTLE_ENDIAN,
        "implicit": IMPLICIT_VR_LITTLE_ENDIAN,
        "big-endian": EXPLICIT_VR_BIG_ENDIAN,
        "deflated": DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
        "rle": _ROOT + "2.5",
        "jpeg-lossless": _ROOT + "2.4.70",
        "jpeg-lossless-p14": _ROOT + "2.4.57",
        "jpeg": _ROOT + "2.4.50",
        "jpeg-ls": _ROOT + "2.4.80",
        "jpeg-ls-near": _ROOT + "2.4.81",
        "jpeg2000-lossless": _ROOT + "2.4.90",
        "jpeg2000": _ROOT + "2.4.91",
        "htj2k-lossless": _ROOT + "2.4.201",
        "htj2k-lossless-rpcl": _ROOT + "2.4.202",
        "htj2k": _ROOT + "2.4.203",
        "jpeg-xl-lossless": _ROOT + "2.4.110",
        "jpeg-xl-jpeg": _ROOT + "2.4.111",
        "jpeg-xl": _ROOT + "2.4.112",
        "deflated-frame": _ROOT + "2.8.1",
        "encapsulated-uncompressed": _ROOT + "2.1.98",
    }
)

# Short forms of storage SOP classes: the value of Modality where it points to one class (PS3.3 C.7.3.1.1.1), else a word in use.
_SHORT_SOP_CLASSES = {
    name: f"1.2.840.10008.5.1.4.1.1.{suffix}"
    for name, suffix in (
        ("CR", "1"),
        ("DX", "1.1"),
        ("MG", "1.2"),
        ("IO", "1.3"),
        ("CT", "2"),
        ("USMF", "3.1"),
        ("MR", "4"),
        ("MRS", "4.2"),
        ("US", "6.1"),
        ("SC", "7"),
        ("PR", "11.1"),
        ("GSPS", "11.1"),
        ("XA", "12.1"),
        ("RF", "12.2"),
        ("DBT", "13.1.3"),
        ("IVOCT", "14.1"),
        ("NM", "20"),
        ("RAW", "66"),
        ("REG", "66.1"),
        ("FID", "66.2"),
        ("SEG", "66.4"),
        ("LABELMAP", "66.7"),
        ("RWV", "67"),
        ("ES", "77.1.1"),
        ("GM", "77.1.2"),
        ("XC", "77.1.4"),
        ("OP", "77.1.5.1"),
        ("OPT", "77.1.5.4"),
        ("SM", "77.1.6"),
        ("WSI", "77.1.6"),
        ("KO", "88.59"),
        ("PDF", "104.1"),
        ("STL", "104.3"),
        ("PT", "128"),
        ("PET", "128"),
        ("RTIMAGE", "481.1"),
        ("RTDOSE", "481.2"),
        ("RTSTRUCT", "481.3"),
        ("RTPLAN", "481.5"),
    )
}

# PS3.7 D.3.3.2: one constant UUID stands for this implementation; the name may have 16 characters.
IMPLEMENTATION_CLASS_UID = "2.25.273668223326600592368295149777343826586"
IMPLEMENTATION_VERSION_NAME = "DCMENC 0.1.0"

_LONGEST_UID = 64


class RegisteredUID(NamedTuple):
    """One row of the registry (PS3.6 A)."""

    uid: str
    keyword: str
    name: str
    type: str
    retired: bool


def read_table(name: str) -> str:
    """The text of a table of ``data/``; ``importlib.resources`` would cost more than the reading."""
    from importlib import import_module

    with open(os.path.join(import_module("dcmenc.data").__path__[0], name), encoding="utf-8") as file:
        return file.read()


@cache
def registry() -> Mapping[str, RegisteredUID]:
    """Every UID that PS3.6 A registers, in numeric order.

    Examples
    --------
    >>> registry()["1.2.840.10008.1.1"].name
    'Verification SOP Class'
    """
    rows = (line.split("\t") for line in read_table("uids.txt").splitlines() if line[0] != "#")
    return MappingProxyType({row[0]: RegisteredUID(row[0], row[1], row[2], row[3], len(row) > 4) for row in rows})


def uid_name(uid: str) -> str:
    """The name of a registered UID (PS3.6 A); empty where the UID is not registered.

    Examples
    --------
    >>> uid_name("1.2.840.10008.5.1.4.1.1.2")
    'CT Image Storage'
    """
    row = registry().get(uid)
    return row.name if row else ""


def uid_keyword(uid: str) -> str:
    """The keyword of a registered UID (PS3.6 A); empty where the UID is not registered.

    Examples
    --------
    >>> uid_keyword("1.2.840.10008.1.2.4.70")
    'JPEGLosslessSV1'
    """
    row = registry().get(uid)
    return row.keyword if row else ""


def uid_type(uid: str) -> str:
    """The type of a registered UID (PS3.6 A), such as "SOP Class"; empty where the UID is not registered.

    Examples
    --------
    >>> uid_type("1.2.840.10008.1.2")
    'Transfer Syntax'
    """
    row = registry().get(uid)
    return row.type if row else ""


def transfer_syntax(name_or_uid: str) -> TransferSyntax:
    """The transfer syntax of a UID or of one of dcmenc's short names (PS3.5 A).

    Parameters
    ----------
    name_or_uid : str
        A UID such as ``"1.2.840.10008.1.2.4.70"``, or a key of ``SHORT_NAMES`` in any letter case.

    Raises
    ------
    ValueError
        It is neither; the message lists the names.

    Examples
    --------
    >>> transfer_syntax("rle").uid
    '1.2.840.10008.1.2.5'
    >>> transfer_syntax("1.2.840.10008.1.2.4.91").lossy
    True
    """
    syntax = TRANSFER_SYNTAXES.get(SHORT_NAMES.get(name_or_uid.lower(), name_or_uid))
    if syntax is None:
        raise ValueError(f"unknown transfer syntax {name_or_uid!r}: give the UID of a transfer syntax or one of {', '.join(SHORT_NAMES)}")
    return syntax


def sop_class(name: str) -> str:
    """The UID of a SOP class (PS3.4 B.5, PS3.6 A).

    Parameters
    ----------
    name : str
        A UID, which comes back as it is (private SOP classes exist); or, in any letter case, a name ("CT Image Storage",
        also without "Storage" or "Image Storage"), a keyword ("CTImageStorage") or a short form ("CT").

    Raises
    ------
    ValueError
        No SOP class has that name, or the UID is registered as something else.

    Examples
    --------
    >>> sop_class("MR"), sop_class("mr image storage"), sop_class("MRImageStorage")
    ('1.2.840.10008.5.1.4.1.1.4', '1.2.840.10008.5.1.4.1.1.4', '1.2.840.10008.5.1.4.1.1.4')
    >>> sop_class("CT Image Sotrage")
    Traceback (most recent call last):
    ...
    ValueError: no SOP class is called 'CT Image Sotrage'; nearest: 'CT Image Storage', ...
    """
    if is_valid_uid(name):
        row = registry().get(name)
        if row and row.type != "SOP Class":
            raise ValueError(f"{name} ({row.name}) is registered as {row.type}, not as a SOP class")
        return name
    uid = _sop_class_names().get(_folded(name))
    if uid is None:
        raise ValueError(f"no SOP class is called {name!r}{_nearest_sop_classes(name)}")
    return uid


def storage_sop_classes(*, retired: bool = True) -> Mapping[str, str]:
    """The SOP classes whose instances can be files (PS3.4 B.5, GG.3): UID -> name, in numeric order.

    Parameters
    ----------
    retired : bool
        Whether the retired ones are among them.

    Examples
    --------
    >>> storage_sop_classes()["1.2.840.10008.5.1.4.1.1.7"]
    'Secondary Capture Image Storage'
    """
    return _storage_sop_classes(retired)


@cache
def _storage_sop_classes(retired: bool) -> Mapping[str, str]:
    return MappingProxyType({row.uid: row.name for row in registry().values() if _is_storage(row) and (retired or not row.retired)})


def _is_storage(row: RegisteredUID) -> bool:
    """The registry has no type for it: the name says so. Commitment and the directory are not storage services."""
    services = ("StorageCommitment", "MediaStorageDirectory")
    return row.type == "SOP Class" and "Storage" in row.keyword and not row.keyword.startswith(services)


def _folded(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())


@cache
def _sop_class_names() -> dict[str, str]:
    """Folded name -> UID. Later rows win: short forms over names in full over shortened names, current over retired ones."""
    classes = sorted((row for row in registry().values() if row.type == "SOP Class" and row.keyword), key=lambda row: not row.retired)
    names = {_folded(row.name.removesuffix(suffix)): row.uid for row in classes for suffix in (" Image Storage", " Storage")}
    for row in classes:
        names[_folded(row.name)] = names[_folded(row.keyword)] = row.uid
    return names | {_folded(name): uid for name, uid in _SHORT_SOP_CLASSES.items()}


def _nearest_sop_classes(name: str) -> str:
    from difflib import get_close_matches

    names = _sop_class_names()
    near = dict.fromkeys(uid_name(names[match]) for match in get_close_matches(_folded(name), names))
    if near:
        return f"; nearest: {', '.join(map(repr, near))}"
    return '; give a UID, a name such as "CT Image Storage" or a short form such as "CT"'


def is_valid_uid(text: str) -> bool:
    """Whether a text is a UID: up to 64 characters, digits and dots, components without leading zeros (PS3.5 9.1).

    Examples
    --------
    >>> is_valid_uid("1.2.840.10008.1.2"), is_valid_uid("1.02"), is_valid_uid("1..2")
    (True, False, False)
    """
    if not 0 < len(text) <= _LONGEST_UID or not text.isascii():
        return False
    return all(component.isdigit() and (component[0] != "0" or component == "0") for component in text.split("."))


def generate_uid(entropy: bytes | str | Iterable[bytes | str] | None = None) -> str:
    """A new UID: root 2.25 and a UUID as a decimal number (PS3.5 B.2).

    Parameters
    ----------
    entropy : bytes, str or iterable of them, optional
        What the UID is to depend on: the same parts in the same order give the same UID, text counting as UTF-8.
        Without it the UID is random (UUID version 4), also in forked processes.

    Raises
    ------
    ValueError
        The entropy is empty: everybody would get the same UID.

    Examples
    --------
    >>> generate_uid() == generate_uid()
    False
    >>> generate_uid(["1.2.3", "series 4"]) == generate_uid(["1.2.3", "series 4"])
    True
    """
    if entropy is None:
        return _uuid_uid(os.urandom(16), version=4)
    from hashlib import sha512

    parts = _parts(entropy)
    if not any(parts):
        raise ValueError("the entropy for a UID is empty: give something that sets this object apart, or None for a random UID")
    digest = sha512()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return _uuid_uid(digest.digest()[:16], version=8)


def _parts(entropy: bytes | str | Iterable[bytes | str]) -> list[bytes]:
    items = [entropy] if isinstance(entropy, (bytes, bytearray, memoryview, str)) else entropy
    return [item.encode("utf-8", "surrogatepass") if isinstance(item, str) else bytes(memoryview(item)) for item in items]


def _uuid_uid(octets: bytes, version: int) -> str:
    """RFC 9562: the version in bits 48 to 51, the variant in bits 64 and 65."""
    number = int.from_bytes(octets, "big")
    number = number & ~(0xF << 76) | version << 76
    return f"2.25.{number & ~(3 << 62) | 2 << 62}"
