"""The DICOM file (PS3.10 7): preamble, File Meta Information, choice of the encoding, deflate; whole files or none."""

from __future__ import annotations

import io
import os
import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from reference import Read, encoded, walk

from dcmenc import Dataset, DcmencWarning, EncodeError, Fragments, Policy, Tag, dcmread, dcmwrite, dumps, open_stream
from dcmenc.uid import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME, TRANSFER_SYNTAXES, UNSTORABLE

ILE, ELE, EBE, DEFLATED, JPEG = ("1.2.840.10008.1.2" + tail for tail in ("", ".1", ".2", ".1.99", ".4.50"))
PRIVATE = "1.2.826.0.1.3680043.9999.1"
BIG_ENDIAN = pytest.mark.filterwarnings("ignore:Explicit VR Big Endian is retired")


def sample(**more: Any) -> Dataset:
    return Dataset(SOPClassUID="1.2.840.10008.5.1.4.1.1.7", SOPInstanceUID="1.2.3", PatientID="x", **more)


def bare(**attributes: Any) -> Dataset:
    dataset = Dataset(**attributes)
    dataset.preamble = None
    return dataset


def named(syntax: str, dataset: Dataset | None = None) -> Dataset:
    dataset = sample() if dataset is None else dataset
    dataset.file_meta.TransferSyntaxUID = syntax
    return dataset


def parts(data: bytes) -> tuple[bytes, dict[int, Read], bytes]:
    """Preamble, file meta and the rest of a file."""
    assert data[128:132] == b"DICM"
    (length,) = struct.unpack("<I", data[140:144])
    return data[:128], {one.tag: one for one in walk(data[132 : 144 + length])}, data[144 + length :]


def meta_value(data: bytes, tag: int) -> bytes:
    return bytes(parts(data)[1][tag].value).rstrip(b"\0 ")


# --------------------------------------------------------------------- preamble and meta


@pytest.mark.parametrize(
    ("preamble", "enforce", "head"),
    [
        (bytes(128), False, bytes(128) + b"DICM"),
        (b"p" * 128, False, b"p" * 128 + b"DICM"),
        (bytearray(b"p" * 128), False, b"p" * 128 + b"DICM"),
        (None, False, b""),
        (b"", False, b""),
        (None, True, bytes(128) + b"DICM"),
        (b"", True, bytes(128) + b"DICM"),
        (b"p" * 128, True, b"p" * 128 + b"DICM"),
    ],
)
def test_the_preamble_is_written_as_it_is_and_made_of_zeros_on_demand(preamble: Any, enforce: bool, head: bytes) -> None:
    dataset = sample()
    dataset.preamble = preamble
    data = dumps(dataset, enforce_file_format=enforce)
    assert data[:132] == head if head else data == encoded(dataset)


@pytest.mark.parametrize("preamble", [b"x", b"x" * 127, b"x" * 129, "x" * 128, 5], ids=lambda p: str(p)[:5])
def test_a_preamble_is_128_bytes(preamble: Any) -> None:
    dataset = sample()
    with pytest.raises(EncodeError, match="preamble"):
        dataset.preamble = preamble
        dumps(dataset)


def test_the_file_meta_is_completed_and_the_callers_is_not_changed() -> None:
    dataset = sample()
    data = dumps(dataset)
    _, meta, body = parts(data)
    assert [f"{tag:08X}" for tag in meta] == ["00020000", "00020001", "00020002", "00020003", "00020010", "00020012", "00020013"]
    assert meta[0x00020001].value == b"\0\1" and meta_value(data, 0x00020010) == ELE.encode()
    assert meta_value(data, 0x00020002) == b"1.2.840.10008.5.1.4.1.1.7" and meta_value(data, 0x00020003) == b"1.2.3"
    assert (
        meta_value(data, 0x00020012) == IMPLEMENTATION_CLASS_UID.encode()
        and meta_value(data, 0x00020013) == IMPLEMENTATION_VERSION_NAME.encode()
    )
    assert body == encoded(dataset) and len(dataset.file_meta) == 0 and dumps(dataset) == data


def test_the_uids_of_the_dataset_win_over_stale_ones() -> None:
    dataset = sample()
    dataset.file_meta = {
        "MediaStorageSOPInstanceUID": "9.9",
        "MediaStorageSOPClassUID": "9.8",
        "ImplementationClassUID": "9.7",
        "SourceApplicationEntityTitle": "AE",
    }
    data = dumps(dataset)
    assert meta_value(data, 0x00020003) == b"1.2.3" and meta_value(data, 0x00020002) == b"1.2.840.10008.5.1.4.1.1.7"
    assert meta_value(data, 0x00020012) == b"9.7" and 0x00020013 not in parts(data)[1] and meta_value(data, 0x00020016) == b"AE"
    assert dataset.file_meta.MediaStorageSOPInstanceUID == "9.9"
    only_meta = Dataset(PatientID="x")
    only_meta.file_meta = {"MediaStorageSOPInstanceUID": "9.9", "MediaStorageSOPClassUID": "9.8"}
    assert meta_value(dumps(only_meta), 0x00020003) == b"9.9"


@pytest.mark.parametrize("missing", ["SOPClassUID", "SOPInstanceUID"])
@pytest.mark.parametrize("empty", [False, True])
def test_a_file_needs_the_uids_of_its_object(missing: str, empty: bool) -> None:
    dataset = sample()
    setattr(dataset, missing, None)
    if not empty:
        delattr(dataset, missing)
    with pytest.raises(EncodeError, match=f"set {missing}, or preamble = None") as caught:
        dumps(dataset)
    assert caught.value.tag == (0x00020002 if missing == "SOPClassUID" else 0x00020003)


def test_without_a_preamble_the_file_meta_is_written_as_it_is_its_length_counted() -> None:
    dataset = bare(PatientID="x")
    dataset.file_meta = {"FileMetaInformationGroupLength": 5, "TransferSyntaxUID": ILE}
    data = dumps(dataset)
    assert data[:12] == b"\2\0\0\0UL\4\0" + struct.pack("<I", 26)
    assert data[38:] == encoded(dataset, implicit=True)
    del dataset.file_meta.FileMetaInformationGroupLength
    assert dumps(dataset) == data[12:]


def test_implementation_fills_what_is_absent() -> None:
    assert meta_value(dumps(sample(), implementation=("1.2.9", "MINE")), 0x00020013) == b"MINE"
    dataset = sample()
    dataset.file_meta.ImplementationClassUID = "1.2.8"
    assert meta_value(dumps(dataset, implementation=("1.2.9", "MINE")), 0x00020012) == b"1.2.8"


def test_a_version_name_that_was_given_is_kept() -> None:
    dataset = sample()
    dataset.file_meta.ImplementationVersionName = "GIVEN"
    assert meta_value(dumps(dataset), 0x00020013) == b"GIVEN"


@pytest.mark.parametrize(
    "implementation",
    [
        ("no uid", "NAME"),
        ("1.2.03", "NAME"),
        ("1." + "2" * 63, "NAME"),
        ("1.2", "x" * 17),
        ("1.2", "a\nb"),
        ("1.2", "é"),
        (5, "NAME"),
        ("1.2", 5),
        ("", "NAME"),
    ],
)
def test_an_implementation_that_is_no_uid_and_name_is_refused(implementation: Any) -> None:
    with pytest.raises(EncodeError, match=r"\(0002,001[23]\)|file meta"):
        dumps(sample(), implementation=implementation)


@pytest.mark.parametrize("key", ["PatientID", 0x00040010, 0x00000002])
def test_only_group_2_belongs_in_the_file_meta(key: Any) -> None:
    dataset = sample()
    dataset.file_meta._elements[Tag(key)] = Dataset({"PatientID": "x"})["PatientID"]
    with pytest.raises(EncodeError, match="only elements of group 0002 belong in the file meta"):
        dumps(dataset)


@pytest.mark.parametrize(("tag", "value"), [(0x00020010, ILE), (0x00000100, 5)])
def test_groups_0_and_2_do_not_belong_in_the_dataset(tag: int, value: Any) -> None:
    with pytest.raises(EncodeError, match="do not belong in a data set"):
        dumps(sample(**{Tag(tag).keyword: value}))


def test_the_file_meta_is_ascii() -> None:
    dataset = sample()
    dataset.file_meta = {"ImplementationClassUID": "1.2", "ImplementationVersionName": "é"}
    with pytest.raises(EncodeError, match=r"file meta.*ASCII"):
        dumps(dataset)


# --------------------------------------------------------------------- the encoding


@BIG_ENDIAN
@pytest.mark.parametrize(
    ("syntax", "arguments", "implicit", "big"),
    [
        (None, {}, False, False),
        (None, {"implicit_vr": True}, True, False),
        (None, {"implicit_vr": False}, False, False),
        (None, {"implicit_vr": False, "little_endian": False}, False, True),
        (None, {"little_endian": True}, False, False),
        (ILE, {}, True, False),
        (ELE, {}, False, False),
        (EBE, {}, False, True),
        (ILE, {"implicit_vr": True}, True, False),
        (EBE, {"implicit_vr": False, "little_endian": False}, False, True),
        (EBE, {"little_endian": False}, False, True),
        (PRIVATE, {"implicit_vr": True}, True, False),
        (PRIVATE, {"implicit_vr": False, "little_endian": False}, False, True),
    ],
)
def test_the_encoding_is_that_of_the_file_meta_then_of_the_arguments_then_explicit(
    syntax: str | None, arguments: dict[str, bool], implicit: bool, big: bool
) -> None:
    dataset = named(syntax) if syntax else sample()
    data = dumps(dataset, **arguments)  # type: ignore[arg-type]
    assert parts(data)[2] == encoded(dataset, implicit, big)
    expected = syntax or (ILE if implicit else EBE if big else ELE)
    assert meta_value(data, 0x00020010) == expected.encode()


@pytest.mark.parametrize(
    ("syntax", "arguments", "message"),
    [
        (ILE, {"implicit_vr": False}, "contradicts"),
        (ELE, {"implicit_vr": True}, "contradicts"),
        (EBE, {"little_endian": True}, "contradicts"),
        (ELE, {"little_endian": False}, "contradicts"),
        (JPEG, {"implicit_vr": True}, "contradicts"),
        (None, {"implicit_vr": True, "little_endian": False}, "no Implicit VR Big Endian"),
        (PRIVATE, {}, "private transfer syntax"),
        (PRIVATE, {"little_endian": True}, "private transfer syntax"),
        ("1.2.840.10008.1.1", {}, "is no transfer syntax"),
        ("1.2.840.10008.5.1.4.1.1.2", {"implicit_vr": True}, "is no transfer syntax"),
        (None, {"force_encoding": True}, "needs both"),
        (None, {"force_encoding": True, "implicit_vr": True}, "needs both"),
        (None, {"force_encoding": True, "implicit_vr": True, "little_endian": True, "enforce_file_format": True}, "contradict"),
        (PRIVATE, {"implicit_vr": True, "little_endian": False}, "no Implicit VR Big"),
    ],
)
def test_contradictions_are_refused(syntax: str | None, arguments: dict[str, bool], message: str) -> None:
    with pytest.raises(EncodeError, match=message):
        dumps(named(syntax) if syntax else sample(), **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("syntax", sorted(UNSTORABLE))
def test_syntaxes_for_transport_are_not_stored(syntax: str) -> None:
    with pytest.raises(EncodeError, match="for transport only"):
        dumps(named(syntax))


@BIG_ENDIAN
@pytest.mark.parametrize("syntax", sorted(set(TRANSFER_SYNTAXES) - UNSTORABLE))
def test_every_storable_syntax_is_encoded_as_its_row_says(syntax: str) -> None:
    row = TRANSFER_SYNTAXES[syntax]
    dataset = named(syntax)
    dataset.BitsAllocated = 8
    dataset.PixelData = Fragments((b"abc",)) if row.encapsulated else b"abcd"
    body = parts(dumps(dataset))[2]
    body = zlib.decompressobj(-15).decompress(body) if row.deflated else body
    assert body == encoded(dataset, not row.explicit, row.big_endian, row.encapsulated)


@BIG_ENDIAN
@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("little", [False, True])
def test_force_encoding_overrides_everything(implicit: bool, little: bool) -> None:
    for syntax in (ILE, EBE, PRIVATE):
        data = dumps(named(syntax), force_encoding=True, implicit_vr=implicit, little_endian=little)
        assert parts(data)[2] == encoded(sample(), implicit, not little) and meta_value(data, 0x00020010) == syntax.encode()


@BIG_ENDIAN
@pytest.mark.parametrize(("implicit", "little", "syntax"), [(True, True, ILE), (False, True, ELE), (False, False, EBE)])
def test_a_complete_file_names_its_transfer_syntax_even_when_it_is_forced(implicit: bool, little: bool, syntax: str) -> None:
    data = dumps(sample(), force_encoding=True, implicit_vr=implicit, little_endian=little)
    assert 0x00020010 in parts(data)[1] and meta_value(data, 0x00020010) == syntax.encode()


def test_big_endian_warns() -> None:
    with pytest.warns(DcmencWarning, match="retired") as caught:
        dumps(named(EBE))
    assert caught[0].filename == __file__
    with pytest.warns(DcmencWarning, match="retired") as caught:
        dcmwrite(io.BytesIO(), named(EBE))
    assert caught[0].filename == __file__


def test_write_like_original_is_the_deprecated_opposite_of_enforce_file_format() -> None:
    dataset = bare(SOPClassUID="1.2", SOPInstanceUID="1.3")
    with pytest.warns(DeprecationWarning, match="enforce_file_format") as caught:
        assert dumps(dataset, False) == dumps(dataset, enforce_file_format=True)
    assert caught[0].filename == __file__
    with pytest.warns(DeprecationWarning):
        assert dumps(dataset, True) == dumps(dataset)
    with pytest.warns(DeprecationWarning):
        dcmwrite(target := io.BytesIO(), dataset, write_like_original=False)
    assert target.getvalue()[128:132] == b"DICM"


# --------------------------------------------------------------------- deflate


@pytest.mark.parametrize("length", range(1, 30))
def test_a_deflated_dataset_inflates_to_its_twin_and_is_even(length: int) -> None:
    dataset = named(DEFLATED, sample(PatientComments="x" * length, EncapsulatedDocument=bytes(70000)))
    body = parts(dumps(dataset))[2]
    inflater = zlib.decompressobj(-15)
    assert inflater.decompress(body) == encoded(dataset) and inflater.unused_data in (b"", b"\0") and len(body) % 2 == 0
    compressor = zlib.compressobj(6, zlib.DEFLATED, -15)
    packed = compressor.compress(encoded(dataset)) + compressor.flush()
    assert body == packed + b"\0" * (len(packed) % 2)


# --------------------------------------------------------------------- text that needs a character set


@pytest.mark.parametrize("levels", [0, 1, 3])
def test_text_beyond_ascii_makes_the_output_declare_utf_8_and_leaves_the_dataset_alone(levels: int) -> None:
    leaf = Dataset(PatientName="山田^太郎")
    for _ in range(levels):
        leaf = Dataset(ReferencedImageSequence=[leaf])
    dataset = sample(**{Tag(tag).keyword: element.value for tag, element in leaf.items()})
    body = parts(dumps(dataset))[2]
    declared = Dataset(dataset)
    declared.SpecificCharacterSet = "ISO_IR 192"
    assert body == encoded(declared) and "SpecificCharacterSet" not in dataset
    assert "山田^太郎".encode() in body
    dataset.SpecificCharacterSet = None
    assert parts(dumps(dataset))[2] == body and dataset.SpecificCharacterSet is None
    assert dumps({"SOPClassUID": "1.2", "SOPInstanceUID": "1.3", "PatientName": "é"}).count(b"ISO_IR 192") == 1


def test_an_item_with_its_own_set_keeps_it_when_the_root_becomes_utf_8() -> None:
    dataset = bare(
        PatientName="山", ReferencedImageSequence=[Dataset(SpecificCharacterSet="ISO_IR 100", PatientName="é"), Dataset(PatientName="é")]
    )
    read = walk(dumps(dataset))
    assert read[0].value == b"ISO_IR 192" and read[2].value == "山".encode() + b" "
    assert [item[-1].value for item in read[1].value] == [b"\xe9 ", "é".encode()]


# --------------------------------------------------------------------- what is written, and where to


def test_a_mapping_of_keywords_or_tags_is_written_as_its_dataset() -> None:
    plain = {"SOPClassUID": "1.2", "SOPInstanceUID": "1.3", 0x00100020: "x", "ReferencedImageSequence": [Dataset(Rows=1)]}
    assert dumps(plain) == dumps(Dataset(plain))
    with pytest.raises(EncodeError, match="PatientID"):
        dumps({**plain, "PatientID": "x" * 65})
    assert b"x" * 65 in dumps({**plain, "PatientID": "x" * 65}, policy=Policy(nonconforming="write"))


@pytest.mark.parametrize("junk", [None, 5, "x", [], b""])
def test_only_datasets_and_mappings_are_written(junk: Any) -> None:
    with pytest.raises(TypeError, match=r"a dcmenc.Dataset, a pydicom.Dataset or a mapping"):
        dumps(junk)


@pytest.mark.parametrize("spell", [str, os.fsencode, Path])
def test_a_path_holds_what_dumps_gives(tmp_path: Path, spell: Any) -> None:
    dataset = sample(EncapsulatedDocument=bytes(200000))
    dcmwrite(spell(str(tmp_path / "a.dcm")), dataset, durable=True)
    assert (tmp_path / "a.dcm").read_bytes() == dumps(dataset) and os.listdir(tmp_path) == ["a.dcm"]


def test_of_an_object_only_write_is_used() -> None:
    class Target:
        def __init__(self) -> None:
            self.pieces: list[bytes] = []

        def write(self, data: Any) -> int:
            self.pieces.append(bytes(data))
            return len(data)

    target = Target()
    dcmwrite(target, sample(EncapsulatedDocument=bytes(200000)))
    assert b"".join(target.pieces) == dumps(sample(EncapsulatedDocument=bytes(200000)))


@pytest.mark.parametrize("option", [{"exist_ok": False}, {"overwrite": False}, {"exist_ok": False, "overwrite": False}])
def test_an_existing_file_is_not_replaced_against_orders(tmp_path: Path, option: dict[str, bool]) -> None:
    path = tmp_path / "a.dcm"
    dcmwrite(path, sample(), **option)  # type: ignore[arg-type]
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        dcmwrite(path, sample(StudyID="new"), **option)  # type: ignore[arg-type]
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["a.dcm"]
    dcmwrite(path, sample(StudyID="new"), exist_ok=True)
    assert path.read_bytes() != before


def test_exist_ok_and_overwrite_must_agree(tmp_path: Path) -> None:
    for exist_ok in (True, False):
        with pytest.raises(TypeError, match="two names for one option"):
            dcmwrite(tmp_path / "a", sample(), exist_ok=exist_ok, overwrite=not exist_ok)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("fault", ["value", "options", "meta"])
@pytest.mark.parametrize("kind", ["path", "object"])
def test_a_fault_leaves_the_old_target_whole_and_nothing_beside_it(tmp_path: Path, fault: str, kind: str) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(b"old")
    dataset = sample(ReferencedImageSequence=[Dataset(SpecificCharacterSet="ISO_IR 6", PatientName="é")] if fault == "value" else [])
    if fault == "meta":
        del dataset.SOPClassUID
    target: Any = path if kind == "path" else io.BytesIO(b"old")
    with pytest.raises(EncodeError):
        dcmwrite(target, dataset, **({"force_encoding": True} if fault == "options" else {}))  # type: ignore[arg-type]
    with pytest.raises(EncodeError), open_stream(target, dataset) as stream:
        if fault == "options":
            stream.append(b"more")
            raise EncodeError("later")
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["a.dcm"]
    assert kind == "path" or fault == "options" or target.getvalue() == b"old"


# --------------------------------------------------------------------- streams


def test_a_stream_is_written_patched_and_committed(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    dataset = sample(NumberOfFrames=1, Rows=1)
    stream = open_stream(path, dataset, locate=["NumberOfFrames", 0x00280010])
    assert set(stream.offsets) == {0x00280008, 0x00280010} and stream.seekable and stream.position == len(dumps(dataset))
    assert not path.exists()
    stream.append(b"ab", memoryview(b"cd"))
    stream.patch(stream.offsets[Tag(0x00280008)][1] - 2, b"7 ")
    stream.commit()
    dataset.NumberOfFrames = 7
    assert path.read_bytes() == dumps(dataset) + b"abcd" and os.listdir(tmp_path) == ["a.dcm"]


def test_a_discarded_stream_leaves_nothing(tmp_path: Path) -> None:
    stream = open_stream(tmp_path / "a.dcm", sample())
    stream.append(b"ab")
    stream.discard()
    with pytest.raises(KeyError), open_stream(tmp_path / "b.dcm", sample()) as stream:
        raise KeyError
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("extra", range(6))
def test_a_deflated_stream_inflates_to_what_was_appended_and_is_even(extra: int) -> None:
    dataset = named(DEFLATED)
    more = [b"x" * extra, np.arange(50000, dtype="u4").tobytes()]
    with open_stream(target := io.BytesIO(), dataset) as stream:
        stream.append(*more)
        assert not stream.seekable
        with pytest.raises(EncodeError, match="patched"):
            stream.patch(0, b"x")
    body = parts(target.getvalue())[2]
    assert zlib.decompressobj(-15).decompress(body) == encoded(dataset) + b"".join(more) and len(body) % 2 == 0
    with pytest.raises(EncodeError, match="patched"):
        open_stream(io.BytesIO(), dataset, locate=[0x00280010])


def test_a_stream_does_not_replace_against_orders(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(b"old")
    with pytest.raises(FileExistsError), open_stream(tmp_path / "a.dcm", sample(), exist_ok=False) as stream:
        stream.append(b"x")
    assert (tmp_path / "a.dcm").read_bytes() == b"old" and os.listdir(tmp_path) == ["a.dcm"]


def test_writing_warns_of_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dumps(sample(PatientName="é"))


# ---- a value that is appended ----

def pixels(**attributes: Any) -> Dataset:
    return Dataset({"Rows": 2, "Columns": 3, "BitsAllocated": 16, "PixelRepresentation": 0, "SOPClassUID": "1.2", "SOPInstanceUID": "1.3"}
                   | attributes)


@pytest.mark.parametrize(("uid", "known"), [
    ("1.2.840.10008.1.2", True), ("1.2.840.10008.1.2", False), ("1.2.840.10008.1.2.1", True), ("1.2.840.10008.1.2.1", False),
    ("1.2.840.10008.1.2.2", True), ("1.2.840.10008.1.2.2", False), ("1.2.840.10008.1.2.1.99", True),
])
@pytest.mark.filterwarnings("ignore:Explicit VR Big Endian is retired")
def test_a_value_that_is_appended_stands_between_what_is_before_and_behind_it(uid: str, known: bool) -> None:
    data = bytes(range(12))
    whole = pixels(PixelData=data)
    whole.add(0x7FE10010, "LO", "ACME 1.1")
    whole.add(0x7FE11001, "LO", "Grüße")
    whole.file_meta.TransferSyntaxUID = uid
    empty = whole.copy()
    empty.PixelData = None
    file, big = io.BytesIO(), uid == "1.2.840.10008.1.2.2"
    swapped = np.frombuffer(data, "u2").byteswap().tobytes() if big else data
    with open_stream(file, empty, fill=0x7FE00010, length=12 if known else None) as stream:
        if not known:
            stream.patch(stream.offsets[0x7FE00010][1] - 4, (12).to_bytes(4, "big" if big else "little"))
        stream.append(swapped[:5])
        stream.append(swapped[5:])
    assert dcmread(file.getvalue()) == dcmread(dumps(whole))
    assert uid.endswith(".99") or file.getvalue() == dumps(whole)


def test_fragments_that_are_appended_stand_before_the_delimiter() -> None:
    whole = pixels(PixelData=Fragments((b"abcd", b"ef"), bytes(8)), DataSetTrailingPadding=b"\0\0")
    whole.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.5"
    empty = whole.copy()
    empty.PixelData = Fragments((), bytes(8))
    file = io.BytesIO()
    with open_stream(file, empty, fill=0x7FE00010) as stream:
        assert file.getvalue()[stream.offsets[0x7FE00010][1] - 8 :] == bytes(8)
        stream.append(b"\xfe\xff\x00\xe0\x04\0\0\0abcd", b"\xfe\xff\x00\xe0\x02\0\0\0ef")
    assert file.getvalue() == dumps(whole)


def test_only_an_element_of_the_dataset_is_filled() -> None:
    with pytest.raises(EncodeError, match=r"has no \(7FE0,0010\)"):
        open_stream(io.BytesIO(), pixels(), fill=0x7FE00010)
