"""The registry of UIDs, transfer syntaxes, SOP classes and new UIDs; pydicom's registry is the oracle."""

from __future__ import annotations

import os
import tomllib
import uuid
from pathlib import Path

import pydicom.uid
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom._uid_dict import UID_dictionary

from dcmenc.uid import (
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
    IMPLICIT_VR_LITTLE_ENDIAN,
    SHORT_NAMES,
    TRANSFER_SYNTAXES,
    UNSTORABLE,
    generate_uid,
    is_valid_uid,
    registry,
    sop_class,
    storage_sop_classes,
    transfer_syntax,
    uid_keyword,
    uid_name,
    uid_type,
)

SYNTAX_ROOT = "1.2.840.10008.1.2"
STORAGE_ROOT = "1.2.840.10008.5.1.4.1.1"
NEWER = {f"{SYNTAX_ROOT}.{suffix}" for suffix in ("4.110", "4.111", "4.112", "8.1")} | {
    f"{STORAGE_ROOT}.{suffix}" for suffix in ("9.100.1", "9.100.2", "66.7", "66.8")
}


# The registry


def test_the_registry_is_pydicoms_and_eight_newer_rows() -> None:
    assert set(registry()) - set(UID_dictionary) == NEWER
    assert len(registry()) == 490
    for uid, (name, kind, _, retired, keyword) in UID_dictionary.items():
        assert registry()[uid] == (uid, keyword, name, kind, retired == "Retired")


def test_every_registered_uid_is_valid_and_in_numeric_order() -> None:
    assert all(map(is_valid_uid, registry()))
    components = [[int(component) for component in uid.split(".")] for uid in registry()]
    assert components == sorted(components)


def test_names_keywords_and_types() -> None:
    uid = f"{STORAGE_ROOT}.66.7"
    assert (uid_name(uid), uid_type(uid)) == ("Label Map Segmentation Storage", "SOP Class")
    assert uid_keyword(uid) == "LabelMapSegmentationStorage"
    assert uid_name("1.2.3") == uid_keyword("1.2.3") == uid_type("1.2.3") == ""


# Transfer syntaxes


def test_every_registered_transfer_syntax_has_a_row_of_that_name() -> None:
    registered = {uid: row.name for uid, row in registry().items() if row.type == "Transfer Syntax"}
    assert {uid: row.name for uid, row in TRANSFER_SYNTAXES.items()} == registered
    assert all(uid == row.uid for uid, row in TRANSFER_SYNTAXES.items())
    assert len(registered) == 63


@pytest.mark.parametrize("uid", [uid for uid in pydicom.uid.AllTransferSyntaxes if uid not in UNSTORABLE])
def test_the_encoding_is_as_pydicom_has_it(uid: pydicom.uid.UID) -> None:
    row = TRANSFER_SYNTAXES[uid]
    encapsulated = uid.is_encapsulated
    assert (row.explicit, row.big_endian, row.deflated, row.encapsulated) == (
        not uid.is_implicit_VR, not uid.is_little_endian, uid.is_deflated, encapsulated,
    )  # fmt: skip


def test_the_constants_are_the_four_native_syntaxes() -> None:
    native = {uid for uid, row in TRANSFER_SYNTAXES.items() if not row.encapsulated} - UNSTORABLE - {"1.2.840.10008.1.20"}
    assert native == {IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN, DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN}
    assert transfer_syntax(EXPLICIT_VR_BIG_ENDIAN).big_endian
    assert transfer_syntax(DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN).deflated
    assert not transfer_syntax(IMPLICIT_VR_LITTLE_ENDIAN).explicit


def test_only_the_deflated_datasets_are_deflated() -> None:
    deflated = {uid.removeprefix(SYNTAX_ROOT) for uid, row in TRANSFER_SYNTAXES.items() if row.deflated}
    assert deflated == {".1.99", ".4.95", ".4.205"}


def test_lossless_syntaxes_are_those_that_cannot_lose() -> None:
    lossless = {uid.removeprefix(SYNTAX_ROOT) for uid, row in TRANSFER_SYNTAXES.items() if row.encapsulated and not row.lossy}
    assert lossless == {".1.98", ".5", ".8.1", *(f".4.{n}" for n in (57, 58, 65, 66, 70, 80, 90, 92, 110, 201, 202))}


def test_every_short_name_stands_for_a_storable_syntax() -> None:
    assert len(SHORT_NAMES) == 20 == len(set(SHORT_NAMES.values()))
    assert set(SHORT_NAMES.values()) <= set(TRANSFER_SYNTAXES) - UNSTORABLE
    assert all(transfer_syntax(name) is transfer_syntax(name.upper()) is transfer_syntax(uid) for name, uid in SHORT_NAMES.items())


@pytest.mark.parametrize(
    ("name", "keyword"),
    [
        ("rle", "RLELossless"),
        ("jpeg-lossless", "JPEGLosslessSV1"),
        ("jpeg-lossless-p14", "JPEGLossless"),
        ("jpeg", "JPEGBaseline8Bit"),
        ("jpeg-ls", "JPEGLSLossless"),
        ("jpeg-ls-near", "JPEGLSNearLossless"),
        ("jpeg2000-lossless", "JPEG2000Lossless"),
        ("jpeg2000", "JPEG2000"),
        ("htj2k-lossless", "HTJ2KLossless"),
        ("htj2k-lossless-rpcl", "HTJ2KLosslessRPCL"),
        ("htj2k", "HTJ2K"),
        ("jpeg-xl-lossless", "JPEGXLLossless"),
        ("jpeg-xl-jpeg", "JPEGXLJPEGRecompression"),
        ("jpeg-xl", "JPEGXL"),
        ("deflated-frame", "DeflatedImageFrameCompression"),
        ("encapsulated-uncompressed", "EncapsulatedUncompressedExplicitVRLittleEndian"),
    ],
)
def test_short_names_mean_what_they_say(name: str, keyword: str) -> None:
    assert uid_keyword(SHORT_NAMES[name]) == keyword


@pytest.mark.parametrize("name", ["", "jpeg-lossles", "1.2.3", "1.2.840.10008.1.1", "CT Image Storage"])
def test_an_unknown_transfer_syntax_is_answered_with_the_known_names(name: str) -> None:
    with pytest.raises(ValueError, match=r"unknown transfer syntax .* explicit, implicit, .*encapsulated-uncompressed"):
        transfer_syntax(name)


@pytest.mark.parametrize("table", [TRANSFER_SYNTAXES, SHORT_NAMES, registry(), storage_sop_classes()])
def test_tables_cannot_be_changed(table: object) -> None:
    with pytest.raises(TypeError):
        table["x"] = None  # type: ignore[index]


# SOP classes


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        ("CT", "2"), ("ct image storage", "2"), ("CTImageStorage", "2"), ("CT Image", "2"), ("Enhanced CT", "2.1"),
        ("MR", "4"), ("SC", "7"), ("Secondary Capture Image Storage", "7"), ("US", "6.1"),
        ("Ultrasound Image Storage", "6.1"), ("NM", "20"), ("Nuclear Medicine Image Storage", "20"),
        ("PT", "128"), ("PET", "128"), ("CR", "1"), ("DX", "1.1"), ("MG", "1.2"),
        ("SEG", "66.4"), ("seg", "66.4"), ("RTDOSE", "481.2"), ("RT Dose", "481.2"), ("RTSTRUCT", "481.3"), ("RTPLAN", "481.5"),
        ("Digital X-Ray Image Storage - For Presentation", "1.1"), ("TwelveLeadECGWaveformStorage", "9.1.1"),
        ("12-lead ECG Waveform Storage", "9.1.1"),
        ("XA", "12.1"), ("WSI", "77.1.6"), ("LABELMAP", "66.7"), ("KO", "88.59"), ("PDF", "104.1"),
    ],
)  # fmt: skip
def test_a_sop_class_is_known_by_name_keyword_and_short_form(name: str, suffix: str) -> None:
    assert sop_class(name) == f"{STORAGE_ROOT}.{suffix}"


def test_every_current_sop_class_is_known_by_its_name_and_keyword() -> None:
    current = [row for row in registry().values() if row.type == "SOP Class" and not row.retired]
    assert len(current) > 200
    assert [row for row in current if {sop_class(row.name), sop_class(row.keyword), sop_class(row.uid)} != {row.uid}] == []


def test_a_private_sop_class_passes() -> None:
    assert sop_class("1.3.12.2.1107.5.9.1") == "1.3.12.2.1107.5.9.1"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("CT Image Sotrage", "nearest: 'CT Image Storage'"),
        ("xyzzy", "give a UID, a name such as"),
        ("", "no SOP class is called ''"),
        ("1.2.840.10008.1.2.1", "is registered as Transfer Syntax"),
        ("Explicit VR Little Endian", "no SOP class is called"),
    ],
)
def test_what_is_no_sop_class_is_refused_with_the_reason(name: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        sop_class(name)


def test_storage_classes_are_those_with_instances_in_files() -> None:
    everything, current = storage_sop_classes(), storage_sop_classes(retired=False)
    assert set(current) < set(everything)
    constants = {value for name, value in vars(pydicom.uid).items() if name.endswith("Storage") and isinstance(value, pydicom.uid.UID)}
    assert len(constants) > 150
    assert constants - set(everything) == {"1.2.840.10008.1.3.10"}  # the Basic Directory is no storage service
    others = {"1.2.840.10008.1.1", "1.2.840.10008.1.20.1", "1.2.840.10008.5.1.4.1.2.1.1"}
    assert not others & set(everything)
    assert f"{STORAGE_ROOT}.66.8" in current and f"{STORAGE_ROOT}.1.1.1" in current
    assert f"{STORAGE_ROOT}.6" in everything and f"{STORAGE_ROOT}.6" not in current


# UIDs


@pytest.mark.parametrize("text", ["1", "0", "1.2", "1.0.3", "1." + "2" * 62, "2.25.0"])
def test_uids_of_digits_and_dots_are_valid(text: str) -> None:
    assert is_valid_uid(text)


NO_UIDS = ["", ".", "1.", ".1", "1..2", "01", "1.02", "1.00", "1.a", "1.2 ", "1.2\0", "1.²", "1.٣", "-1", "1." + "2" * 63]


@pytest.mark.parametrize("text", NO_UIDS)
def test_other_texts_are_no_uids(text: str) -> None:
    assert not is_valid_uid(text)


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=10))
def test_numbers_joined_by_dots_are_a_uid_up_to_64_characters(components: list[int]) -> None:
    text = ".".join(map(str, components))
    assert is_valid_uid(text) == (len(text) <= 64)


def uuid_of(uid: str) -> uuid.UUID:
    root, _, number = uid.rpartition(".")
    assert root == "2.25"
    return uuid.UUID(int=int(number))


def test_new_uids_are_random_uuids_under_2_25() -> None:
    made = {generate_uid() for _ in range(1000)}
    assert len(made) == 1000
    assert all(is_valid_uid(uid) and uuid_of(uid).version == 4 and uuid_of(uid).variant == uuid.RFC_4122 for uid in made)


def test_a_forked_process_makes_other_uids() -> None:
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.write(writer, generate_uid().encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 64).decode() != generate_uid()
    os.close(reader), os.close(writer)


parts = st.lists(st.one_of(st.binary(max_size=20), st.text(max_size=20)), min_size=1, max_size=4).filter(any)


@given(parts)
def test_the_same_entropy_gives_the_same_valid_uid(entropy: list[bytes | str]) -> None:
    uid = generate_uid(entropy)
    assert uid == generate_uid(tuple(entropy)) == generate_uid(iter(entropy))
    assert is_valid_uid(uid) and uuid_of(uid).version == 8 and uuid_of(uid).variant == uuid.RFC_4122


@given(parts, parts)
def test_other_entropy_gives_another_uid(one: list[bytes | str], other: list[bytes | str]) -> None:
    as_bytes = [[part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part for part in parts] for parts in (one, other)]
    assert (generate_uid(one) == generate_uid(other)) == (as_bytes[0] == as_bytes[1])


def test_entropy_is_told_apart_by_its_parts_and_not_by_its_type() -> None:
    assert generate_uid("ab") == generate_uid(b"ab") == generate_uid(bytearray(b"ab")) == generate_uid(["ab"])
    assert len({generate_uid(["ab"]), generate_uid(["a", "b"]), generate_uid(["", "ab"]), generate_uid(["b", "a"])}) == 4


def test_the_uid_of_an_entropy_never_changes() -> None:
    assert generate_uid("dcmenc") == "2.25.5732636233552361509423620272465384389"


@pytest.mark.parametrize("entropy", ["", b"", [], ["", b""]])
def test_empty_entropy_is_refused(entropy: bytes | str | list[bytes | str]) -> None:
    with pytest.raises(ValueError, match="entropy for a UID is empty"):
        generate_uid(entropy)


def test_the_implementation_is_named_as_its_package() -> None:
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text("utf-8"))["project"]
    assert f"{project['name']} {project['version']}".upper() == IMPLEMENTATION_VERSION_NAME
    assert len(IMPLEMENTATION_VERSION_NAME) <= 16
    assert is_valid_uid(IMPLEMENTATION_CLASS_UID) and uuid_of(IMPLEMENTATION_CLASS_UID).version == 4
