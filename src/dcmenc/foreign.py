"""pydicom's datasets, written as they are: the rules of its ``dcmwrite`` (3.0.2) around the walk of ``_foreign.pyx`` (PS3.10 7.1).

pydicom is never imported: its datasets are known by their shape. What it would write that is not legal, or would lose, is
written right or refused; the README lists these differences.
"""

from __future__ import annotations

from typing import Any

from ._foreign import encode_foreign
from ._shapes import AddedElement, survey
from .dictionary import Tag
from .errors import EncodeError, foreign_error
from .uid import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME, TRANSFER_SYNTAXES, uid_name
from .values import Policy

_ZEROS = bytes(128)
_IMPLICIT, _EXPLICIT_BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"

# What a file meta needs, and where a dataset has what it must name (PS3.10 7.1).
_LENGTH, _VERSION, _CLASS, _INSTANCE, _SYNTAX = 0x00020000, 0x00020001, 0x00020002, 0x00020003, 0x00020010
_IMPLEMENTATION, _IMPLEMENTATION_NAME = 0x00020012, 0x00020013
_COMPLETE = (_LENGTH, _VERSION, _CLASS, _INSTANCE, _SYNTAX, _IMPLEMENTATION, _IMPLEMENTATION_NAME)
_REQUIRED = {_CLASS: "Media Storage SOP Class UID", _INSTANCE: "Media Storage SOP Instance UID", _SYNTAX: "Transfer Syntax UID"}
_SOURCES = {_CLASS: 0x00080016, _INSTANCE: 0x00080018}
_NAMED = tuple(_SOURCES.values())


def foreign_file(
    dataset: Any,
    implicit_vr: bool | None,
    little_endian: bool | None,
    enforce: bool,
    force: bool,
    implementation: tuple[str, str] | None,
    policy: Policy | None,
) -> tuple[bytes, list[bytes | memoryview]]:
    """The file of a pydicom dataset, which stays as it was: (what is in front of a data set that is to be deflated, all else).

    Raises
    ------
    EncodeError
        Also of pydicom's type for the same fault.
    """
    groups, named = survey(dataset, _NAMED)
    _check_groups(dataset, groups)
    if force and enforce:
        raise EncodeError("'force_encoding' cannot be used with 'enforce_file_format'")
    meta, held = _meta_of(dataset)
    uid = held.get(_SYNTAX)
    implicit, little = _encoding(dataset, meta, uid, implicit_vr, little_endian, force)
    if implicit and not little and not force:
        raise EncodeError("Implicit VR and big endian is not a valid encoding combination")
    preamble = getattr(dataset, "preamble", None)
    if preamble and len(preamble) != 128:
        raise EncodeError(f"'{type(dataset).__name__}.preamble' must be 128-bytes long")
    added: dict[int, AddedElement] = {}
    if enforce:
        added = _lacking(held, named, uid, implicit, little, implementation)
        uid = added[_SYNTAX].value if _SYNTAX in added else uid
        preamble = preamble or _ZEROS
    known = TRANSFER_SYNTAXES.get(uid) if uid else None
    head = bytes(preamble) + b"DICM" if preamble else b""
    if added or (meta is not None and len(meta)):
        head = b"".join(encode_foreign(meta, file_meta=True, added=added, policy=policy, head=head))
    pixels = None if known is None else known.encapsulated
    apart, head = (head, b"") if known is not None and known.deflated else (b"", head)
    return apart, encode_foreign(dataset, implicit=implicit, big_endian=not little, pixels=pixels, policy=policy, head=head)


def _check_groups(dataset: Any, groups: set[int]) -> None:
    if 0 in groups:
        raise EncodeError("Command Set elements (0000,eeee) are not allowed when using dcmwrite(); they are part of messages, not of files")
    if 2 in groups:
        raise EncodeError("File Meta Information Group elements (0002,eeee) must be in a FileMetaDataset instance in the "
                          f"'{type(dataset).__name__}.file_meta' attribute")


def _meta_of(dataset: Any) -> tuple[Any, dict[int, Any]]:
    """The file meta and what it says; None where there is none."""
    if not hasattr(dataset, "file_meta"):
        return None, {}
    meta = dataset.file_meta
    if meta is None:
        raise foreign_error(AttributeError, f"'{type(dataset).__name__}.file_meta' is None; delete it, or set a FileMetaDataset")
    groups, held = survey(meta, _COMPLETE)
    if others := groups - {2}:
        raise EncodeError(f"Only File Meta Information group (0002,eeee) elements may be in the file meta, not of {min(others):04X}")
    return meta, held


def _encoding(
    dataset: Any, meta: Any, uid: str | None, implicit_vr: bool | None, little_endian: bool | None, force: bool
) -> tuple[bool, bool]:
    """(implicit, little endian): the transfer syntax, the arguments, the dataset's own flags, what it was read in, in this order."""
    if force:
        if implicit_vr is None or little_endian is None:
            raise EncodeError("'implicit_vr' and 'little_endian' are required if 'force_encoding' is used")
        return bool(implicit_vr), bool(little_endian)
    declared = _declared(meta, uid)
    if declared is None:
        fallback = _fallback(dataset, implicit_vr, little_endian)
        if fallback is not None:
            return fallback
        if uid:
            raise EncodeError("The 'implicit_vr' and 'little_endian' arguments are required when using a private transfer syntax")
        raise EncodeError("Unable to determine the encoding to use for writing the dataset, please set the file meta's Transfer Syntax "
                          "UID or use the 'implicit_vr' and 'little_endian' arguments")
    implicit, little, name = declared
    if implicit_vr is not None and implicit_vr != implicit:
        raise EncodeError(f"The 'implicit_vr' value is not consistent with the required VR encoding for the '{name}' transfer syntax")
    if little_endian is not None and little_endian != little:
        raise EncodeError(f"The 'little_endian' value is not consistent with the required endianness for the '{name}' transfer syntax")
    return implicit, little


def _declared(meta: Any, uid: str | None) -> tuple[bool, bool, str] | None:
    """(implicit, little endian, name) of the transfer syntax; None for none, and for a private one that is not described."""
    known = TRANSFER_SYNTAXES.get(uid) if uid else None
    if known is not None:
        return not known.explicit, not known.big_endian, known.name
    if not uid:
        return None
    if uid.startswith("1.2.840.10008."):
        raise EncodeError(f"The Transfer Syntax UID '{uid_name(uid) or uid}' is not a valid transfer syntax")
    # pydicom's set_private_encoding() describes it on the UID itself
    private = meta.get("TransferSyntaxUID", None)
    if not getattr(private, "is_transfer_syntax", False):
        return None
    return bool(private.is_implicit_VR), bool(private.is_little_endian), uid


def _fallback(dataset: Any, implicit_vr: bool | None, little_endian: bool | None) -> tuple[bool, bool] | None:
    """The encoding where the transfer syntax does not say it."""
    if implicit_vr is not None:
        return bool(implicit_vr), little_endian is None or bool(little_endian)
    flags = (getattr(dataset, "_is_implicit_VR", None), getattr(dataset, "_is_little_endian", None))
    for implicit, little in (flags, getattr(dataset, "original_encoding", (None, None))):
        if implicit is not None and little is not None:
            return bool(implicit), bool(little)
    return None


def _lacking(
    held: dict[int, Any], named: dict[int, Any], uid: str | None, implicit: bool, little: bool, implementation: tuple[str, str] | None
) -> dict[int, AddedElement]:
    """What a file meta is to have besides, or instead of, what it holds, to stand before the dataset (PS3.10 7.1)."""
    class_uid, name = implementation or (IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME)
    added = {}
    for tag, source in _SOURCES.items():
        own = named.get(source)
        if own and own != held.get(tag):
            added[tag] = AddedElement("UI", own)
    if uid is None and implicit == little:
        added[_SYNTAX] = AddedElement("UI", _IMPLICIT if implicit else _EXPLICIT_BIG)
    if _LENGTH not in held:
        added[_LENGTH] = AddedElement("UL", 0)
    if not held.get(_VERSION):
        added[_VERSION] = AddedElement("OB", b"\0\1")
    if not held.get(_IMPLEMENTATION):
        added[_IMPLEMENTATION] = AddedElement("UI", class_uid)
    if _IMPLEMENTATION_NAME not in held:
        added[_IMPLEMENTATION_NAME] = AddedElement("SH", name)
    missing = [f"{Tag(tag)} {name}" for tag, name in _REQUIRED.items() if tag not in added and not held.get(tag)]
    if missing:
        raise foreign_error(AttributeError, "Required File Meta Information elements are either missing or have an empty value: "
                            + ", ".join(missing))
    return added
