"""The DICOM JSON model (PS3.18 F): facts about it, pydicom and DCMTK as oracles, round trips, and input that means harm."""

from __future__ import annotations

import base64
import functools
import inspect
import json
import math
import os
import shutil
import subprocess
import sys
import warnings
from collections import Counter
from typing import Any

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.encaps import generate_fragments
from pydicom.multival import MultiValue

from dcmenc import dicom_json, model
from dcmenc.dictionary import Tag
from dcmenc.errors import EncodeError, ReadError
from dcmenc.model import Dataset, Sequence
from dcmenc.values import Fragments, Policy
from dcmenc.vr import AMBIGUOUS, VRS

LENIENT = Policy(nonconforming="write")
FOLDER = os.path.join(os.path.dirname(pydicom.__file__), "data")


def is_dicom(path: str) -> bool:
    with open(path, "rb") as file:
        return file.read(132)[128:] == b"DICM"


def names_of_files() -> list[str]:
    roots = [os.path.join(FOLDER, part) for part in ("test_files", "charset_files")]
    found = [os.path.join(folder, name) for root in roots for folder, _, names in os.walk(root) for name in names]
    return sorted(os.path.relpath(path, FOLDER) for path in found if is_dicom(path))


FILES = names_of_files()
# pydicom cannot convert an IS with other characters than digits.
UNCONVERTIBLE = ["test_files/badVR.dcm"]
CONVERTIBLE = [name for name in FILES if name not in UNCONVERTIBLE]


# pydicom's dataset -> ours: nothing but types changes, and binary values become little endian, as our model holds them

OPEN_VRS = {"US or SS": "US/SS", "OB or OW": "OB/OW", "US or OW": "US/OW", "US or SS or OW": "US/SS/OW"}


def converted(source: Any, encapsulated: bool, big: bool) -> Dataset:
    made = Dataset(policy=LENIENT)
    for element in source:
        vr = OPEN_VRS.get(element.VR, str(element.VR))
        made.add(int(element.tag), vr, converted_value(element, vr, encapsulated, big))
    return made


def converted_value(element: Any, vr: str, encapsulated: bool, big: bool) -> Any:
    value = element.value
    if vr == "SQ":
        return [converted(item, encapsulated, big) for item in value]
    if element.is_empty:
        return None
    if encapsulated and element.tag == 0x7FE00010 and element.is_undefined_length:
        return Fragments(tuple(generate_fragments(value)))
    if isinstance(value, bytes):
        return swapped(value, VRS[vr].unit) if big else value
    return [single(vr, one) for one in value] if isinstance(value, (list, MultiValue)) else single(vr, value)


def single(vr: str, value: Any) -> Any:
    if vr in ("DS", "IS"):
        return getattr(value, "original_string", None) or str(value)
    return value if isinstance(value, (int, float)) and vr != "AT" else int(value) if vr == "AT" else str(value)


def swapped(value: bytes, unit: int) -> bytes:
    return b"".join(value[at : at + unit][::-1] for at in range(0, len(value), unit))


@functools.cache
def peer(name: str) -> tuple[dict[str, Any], Dataset]:
    """pydicom's JSON of a file, and the dataset that it made of the file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        source = pydicom.dcmread(os.path.join(FOLDER, name))
        syntax = source.file_meta.get("TransferSyntaxUID")
        encapsulated = syntax is not None and syntax.is_encapsulated
        own = converted(source, encapsulated, syntax is not None and not syntax.is_little_endian)
        return source.to_json_dict(), own


def differences(theirs: dict[str, Any], ours: dict[str, Any], path: str = "") -> list[tuple[str, Any, Any]]:
    found = []
    for key in sorted(theirs.keys() | ours.keys()):
        one, other = theirs.get(key), ours.get(key)
        if one == other:
            continue
        if one and other and one["vr"] == other["vr"] == "SQ" and len(one.get("Value", ())) == len(other.get("Value", ())) > 0:
            for at, items in enumerate(zip(one["Value"], other["Value"], strict=True)):
                found += differences(*items, f"{path}{key}[{at}].")
        else:
            found.append((path + key, one or {}, other or {}))
    return found


def is_other_order(theirs: dict[str, Any], ours: dict[str, Any]) -> bool:
    if "InlineBinary" not in theirs or "InlineBinary" not in ours or theirs["vr"] != ours["vr"]:
        return False
    return swapped(base64.b64decode(theirs["InlineBinary"]), VRS[ours["vr"]].unit) == base64.b64decode(ours["InlineBinary"])


# Where pydicom 3.0.2 and the standard part: the fact, and how the difference is known by key, pydicom's object and ours.
DEVIATIONS = {
    "text in JSON is Unicode: a declared character set becomes ISO_IR 192": lambda key, theirs, ours: (
        key.endswith("00080005") and ours == {"vr": "CS", "Value": ["ISO_IR 192"]}
    ),
    "an attribute without items has no Value (F.2.5)": lambda key, theirs, ours: (
        theirs == {"vr": "SQ", "Value": []} and ours == {"vr": "SQ"}
    ),
    "Group Lengths are left out (F.2.2)": lambda key, theirs, ours: key.endswith("0000") and theirs["vr"] == "UL" and not ours,
    "an empty value among several is null (F.2.5)": lambda key, theirs, ours: (
        "" in theirs.get("Value", ()) and [None if one == "" else one for one in theirs["Value"]] == ours["Value"]
    ),
    "InlineBinary is little endian (F.2.7)": lambda key, theirs, ours: is_other_order(theirs, ours),
    "encapsulated pixels have no inline form (F.2.7)": lambda key, theirs, ours: (
        key.endswith("7FE00010") and ours.get("BulkDataURI") == "frames" and "InlineBinary" in theirs
    ),
}


def pixels_only(element: Any, path: str) -> str | None:
    return "frames" if isinstance(element.value, Fragments) else None


@pytest.mark.parametrize("name", CONVERTIBLE)
def test_a_file_has_the_same_json_as_with_pydicom(name: str) -> None:
    theirs, own = peer(name)
    for key, one, other in differences(theirs, own.to_json_dict(bulk_data=pixels_only)):
        assert any(test(key, one, other) for test in DEVIATIONS.values()), (key, str(one)[:200], str(other)[:200])


def test_every_named_deviation_of_pydicom_occurs() -> None:
    seen: Counter[str] = Counter()
    for name in CONVERTIBLE:
        theirs, own = peer(name)
        for difference in differences(theirs, own.to_json_dict(bulk_data=pixels_only)):
            seen.update(fact for fact, test in DEVIATIONS.items() if test(*difference))
    assert set(seen) == set(DEVIATIONS)


def test_what_pydicom_cannot_convert_is_what_we_say() -> None:
    assert len(CONVERTIBLE) >= 175
    for name in UNCONVERTIBLE:
        with pytest.raises(ValueError, match="invalid literal"):
            peer(name)


@pytest.mark.parametrize("name", CONVERTIBLE)
def test_a_file_comes_back_from_its_json(name: str) -> None:
    _, own = peer(name)
    held = [tag for tag in own if tag & 0xFFFF]
    pixels = own[0x7FE00010].value if 0x7FE00010 in own else None
    text = own.to_json(bulk_data=pixels_only, keep_charset=True)
    back = Dataset.from_json(text, policy=LENIENT, bulk_data=lambda uri, vr: pixels)
    assert back == Dataset({tag: own[tag] for tag in held}, policy=LENIENT)


def alphabetic(member: dict[str, Any]) -> str:
    return str(member["Value"][0]["Alphabetic"]) if "Value" in member else ""


@pytest.mark.peer
@pytest.mark.skipif(shutil.which("dcm2json") is None, reason="DCMTK is not installed")
@pytest.mark.parametrize("name", [name for name in CONVERTIBLE if "dirtests" not in name])
def test_a_file_has_the_same_json_as_with_dcmtk(name: str) -> None:
    """Save what DCMTK refuses, private elements that its dictionary lacks, digits of floats, and empty components at the end of a name."""
    run = subprocess.run(["dcm2json", "-q", "-ee", "-fc", os.path.join(FOLDER, name)], capture_output=True, timeout=60, check=False)
    _, own = peer(name)
    if run.returncode:
        # 20: truncated files; 80: character sets that its iconv lacks; 81: encapsulated pixels
        assert run.returncode in (20, 80, 81)
        return
    try:
        theirs = json.loads(run.stdout)
    except UnicodeDecodeError:
        assert "chr" in name
        return
    for key, one, other in differences(theirs, own.to_json_dict(bulk_data=pixels_only)):
        assert (
            (one.get("vr") == "UN" and Tag(int(key[-8:], 16)).is_private)
            or (one["vr"] in ("FL", "FD") and one["Value"] == pytest.approx(other["Value"], rel=1e-8))
            or (one["vr"] == "PN" and alphabetic(one) == alphabetic(other).rstrip("^"))
        ), (key, str(one)[:200], str(other)[:200])


# facts of the model


def value_of(tag: Any, vr: str, value: Any, **options: Any) -> Any:
    ds = Dataset(policy=LENIENT)
    ds.add(tag, vr, value)
    return ds.to_json_dict(**options)[f"{Tag(tag):08X}"].get("Value")


def test_keys_ascend_and_leave_out_meta_and_group_lengths() -> None:
    ds = Dataset(Rows=2, PatientID="x")
    ds.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    ds.add(0x00020010, "UI", "1.2.840.10008.1.2.1")
    ds.add(0x00280000, "UL", 10)
    assert list(ds.to_json_dict()) == ["00100020", "00280010"]


def test_keys_have_upper_case_digits() -> None:
    assert list(Dataset(Modality="CT", PixelData=b"\0\0", BitsAllocated=8).to_json_dict()) == ["00080060", "00280100", "7FE00010"]
    ds = Dataset()
    ds.private_block(0x00AB, "ACME", create=True).add(0xCD, "SH", "x")
    assert list(ds.to_json_dict()) == ["00AB0010", "00AB10CD"]


@pytest.mark.parametrize(
    ("text", "member"),
    [
        ("1.50", 1.5),
        ("1", 1),
        ("-0", 0),
        ("1e3", 1000.0),
        ("123456789012345", 123456789012345),
        ("9999999999999999", "9999999999999999"),
        ("0.12345678901234567890", "0.12345678901234567890"),
        ("1e400", "1e400"),
        ("1,5", "1,5"),
    ],
)
def test_a_decimal_string_is_a_number_unless_that_loses_something(text: str, member: Any) -> None:
    found = value_of("SliceThickness", "DS", text)
    assert found == [member] and isinstance(found[0], str) is isinstance(member, str)
    assert value_of("SliceThickness", "DS", text, number_text=True) == [text]


@pytest.mark.parametrize(("text", "member"), [("+007", 7), (" 12 ", 12), ("-1", -1), ("99999999999", "99999999999"), ("1.5", "1.5")])
def test_an_integer_string_is_a_number_unless_it_is_out_of_range(text: str, member: Any) -> None:
    assert value_of("SeriesNumber", "IS", text) == [member]
    assert value_of("SeriesNumber", "IS", text, number_text=True) == [text]


def test_numbers_set_as_numbers_are_numbers_even_where_text_is_asked_for() -> None:
    assert value_of("PixelSpacing", "DS", [0.5, 2], number_text=True) == [0.5, 2]


@pytest.mark.parametrize(
    ("vr", "number", "member"),
    [
        ("SV", 2**53, 2**53),
        ("SV", -(2**53) - 1, "-9007199254740993"),
        ("UV", 2**64 - 1, "18446744073709551615"),
        ("UL", 2**32 - 1, 2**32 - 1),
    ],
)
def test_integers_beyond_2_to_53_are_strings(vr: str, number: int, member: Any) -> None:
    assert value_of(0x00131001, vr, number) == [member]
    assert Dataset.from_json({"00131001": {"vr": vr, "Value": [member]}})[0x00131001].value == number


def test_tags_are_eight_digits() -> None:
    assert value_of("FrameIncrementPointer", "AT", [0x00181063, 0x0018106A]) == ["00181063", "0018106A"]


@pytest.mark.parametrize(
    ("name", "member"),
    [
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", {"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎", "Phonetic": "やまだ^たろう"}),
        ("=山田", {"Ideographic": "山田"}),
        ("Doe==", {"Alphabetic": "Doe"}),
        ("a==b", {"Alphabetic": "a", "Phonetic": "b"}),
    ],
)
def test_a_name_has_its_groups_without_the_empty_ones(name: str, member: dict[str, str]) -> None:
    assert value_of("PatientName", "PN", name) == [member]
    assert Dataset.from_json({"00100010": {"vr": "PN", "Value": [member]}}).PatientName == name.rstrip("=")


def test_a_name_of_four_groups_is_refused_not_cut() -> None:
    with pytest.raises(EncodeError, match="three component groups"):
        value_of("PatientName", "PN", "a=b=c=d")


def test_an_empty_value_among_several_is_null_and_an_empty_attribute_has_no_value() -> None:
    assert value_of("ImageType", "CS", ["ORIGINAL", "", "AXIAL"]) == ["ORIGINAL", None, "AXIAL"]
    assert value_of("OtherPatientNames", "PN", ["a", "", "b"]) == [{"Alphabetic": "a"}, None, {"Alphabetic": "b"}]
    for vr in VRS:
        assert Dataset.from_json({"00131001": {"vr": vr}}).to_json_dict() == {"00131001": {"vr": vr}}


def test_an_empty_item_is_an_empty_object() -> None:
    ds = Dataset(ReferencedImageSequence=[Dataset(), Dataset(InstanceNumber=1)])
    assert ds.to_json() == '{"00081140": {"vr": "SQ", "Value": [{}, {"00200013": {"vr": "IS", "Value": [1]}}]}}'
    assert Dataset.from_json(ds.to_json()) == ds


def test_one_null_is_no_value() -> None:
    assert Dataset.from_json({"00280010": {"vr": "US", "Value": [None]}}).Rows is None


def test_binary_values_are_inline_in_base64() -> None:
    ds = Dataset(EncapsulatedDocument=b"%PDF")
    assert ds.to_json_dict() == {"00420011": {"vr": "OB", "InlineBinary": "JVBERg=="}}
    assert Dataset.from_json(ds.to_json()) == ds


def test_arrays_are_written_little_endian_and_as_lists_of_numbers() -> None:
    numpy = pytest.importorskip("numpy")
    ds = Dataset(BitsAllocated=16, PixelData=numpy.array([[1, 2], [3, 4]], ">u2"), PixelSpacing=numpy.array([0.5, 0.25]))
    ds.add("SelectorFDValue", "FD", numpy.array([1.0, math.inf]))
    found = ds.to_json_dict(nonfinite=True)
    assert base64.b64decode(found["7FE00010"]["InlineBinary"]) == b"\1\0\2\0\3\0\4\0"
    assert found["00280030"]["Value"] == [0.5, 0.25]
    assert found["00720074"]["Value"] == [1.0, "Infinity"]


@pytest.mark.parametrize("vr", ["FL", "FD"])
def test_nan_and_infinity_are_refused_unless_asked_for(vr: str) -> None:
    ds = Dataset()
    ds.add(0x00131001, vr, [1.0, math.nan, math.inf, -math.inf])
    with pytest.raises(EncodeError, match=r"^\(0013,1001\): JSON has no number for nan; nonfinite=True"):
        ds.to_json()
    text = ds.to_json(nonfinite=True)
    assert json.loads(text, parse_constant=pytest.fail)["00131001"]["Value"] == [1.0, "NaN", "Infinity", "-Infinity"]
    assert Dataset.from_json(text) == ds


def test_the_literals_of_other_writers_for_nan_and_infinity_are_read() -> None:
    ds = Dataset.from_json('{"00131001": {"vr": "FD", "Value": [NaN, Infinity, "-inf", "inf"]}}')
    assert repr(ds[0x00131001].value) == "(nan, inf, -inf, inf)"


def test_a_declared_character_set_becomes_utf8_at_every_level_and_none_is_added() -> None:
    ds = Dataset(SpecificCharacterSet=["", "ISO 2022 IR 87"], PatientName="山田")
    ds.ReferencedImageSequence = [Dataset(SpecificCharacterSet="ISO_IR 100"), Dataset(ImageComments="ä")]
    found = ds.to_json_dict()
    assert found["00080005"] == {"vr": "CS", "Value": ["ISO_IR 192"]}
    assert [item.get("00080005") for item in found["00081140"]["Value"]] == [{"vr": "CS", "Value": ["ISO_IR 192"]}, None]
    assert ds.to_json_dict(keep_charset=True)["00080005"]["Value"] == [None, "ISO 2022 IR 87"]
    assert "00080005" not in Dataset(PatientName="山田").to_json_dict()
    empty = Dataset(SpecificCharacterSet=None)
    assert empty.to_json_dict()["00080005"] == {"vr": "CS", "Value": ["ISO_IR 192"]}
    assert empty.to_json_dict(keep_charset=True)["00080005"] == {"vr": "CS"}


# VRs that the dictionary leaves open


@pytest.mark.parametrize(("sign", "vr"), [(None, "US"), (0, "US"), (1, "SS")])
def test_us_or_ss_follows_the_nearest_pixel_representation(sign: int | None, vr: str) -> None:
    ds = Dataset(SmallestImagePixelValue=5)
    item = Dataset(PixelPaddingValue=3)
    ds.ReferencedImageSequence = [item, Dataset(PixelRepresentation=0, PixelPaddingValue=4)]
    if sign is not None:
        ds.PixelRepresentation = sign
    found = ds.to_json_dict()
    assert found["00280106"] == {"vr": vr, "Value": [5]}
    assert [one["00280120"]["vr"] for one in found["00081140"]["Value"]] == [vr, "US"]
    assert Dataset.from_json(ds.to_json())["SmallestImagePixelValue"].vr == vr


def test_a_number_that_does_not_fit_the_sign_is_refused() -> None:
    with pytest.raises(EncodeError, match=r"^\(0028,0120\): 40000 does not fit SS"):
        Dataset(PixelRepresentation=1, PixelPaddingValue=40000).to_json()
    with pytest.raises(EncodeError, match=r"^\(0008,1140\)\[1\]\.\(0028,0120\): -1 does not fit US"):
        Dataset(ReferencedImageSequence=[Dataset(), Dataset(PixelPaddingValue=-1)]).to_json()


def test_the_count_of_a_signed_descriptor_is_what_its_bits_mean_in_ss() -> None:
    ds = Dataset(PixelRepresentation=1, RedPaletteColorLookupTableDescriptor=[40000, -5, 16])
    assert ds.to_json_dict()["00281101"] == {"vr": "SS", "Value": [40000 - 65536, -5, 16]}
    assert Dataset.from_json(ds.to_json())["00281101"].vr == "SS"


@pytest.mark.parametrize(("bits", "vr"), [(None, "OW"), (1, "OB"), (8, "OB"), (16, "OW")])
def test_pixel_data_are_ob_or_ow_by_their_own_bits_allocated(bits: int | None, vr: str) -> None:
    ds = Dataset(PixelData=b"\0\0") if bits is None else Dataset(PixelData=b"\0\0", BitsAllocated=bits)
    assert ds.to_json_dict()["7FE00010"]["vr"] == vr
    icon = Dataset(BitsAllocated=8, IconImageSequence=[Dataset(PixelData=b"\0\0")])
    assert icon.to_json_dict()["00880200"]["Value"][0]["7FE00010"]["vr"] == "OW"


def test_waveforms_and_lookup_tables_settle_their_vrs() -> None:
    inner = Dataset(WaveformPaddingValue=b"\0\0")
    assert Dataset(WaveformBitsAllocated=8, WaveformSequence=[inner]).to_json_dict()["54000100"]["Value"][0]["5400100A"]["vr"] == "OB"
    assert inner.to_json_dict()["5400100A"]["vr"] == "OW"
    assert Dataset(LUTData=[1, 65535]).to_json_dict()["00283006"] == {"vr": "US", "Value": [1, 65535]}
    assert Dataset(LUTData=b"\1\0").to_json_dict()["00283006"] == {"vr": "OW", "InlineBinary": "AQA="}
    assert Dataset(OverlayData=b"\1\0").to_json_dict()["60003000"]["vr"] == "OW"


def test_no_open_vr_is_ever_written() -> None:
    for vr, choice in AMBIGUOUS.items():
        ds = Dataset(policy=LENIENT)
        ds.add(0x00131001, vr, None)
        assert ds.to_json_dict()["00131001"]["vr"] in choice


# bulk data


def test_bulk_data_are_asked_for_above_the_threshold_with_element_and_path() -> None:
    asked = []

    def uri_of(element: Any, path: str) -> str | None:
        asked.append((path, element.vr, bytes(element.value)))
        return None if element.vr == "OB" else "https://pacs.example/bulk/1"

    ds = Dataset(
        EncapsulatedDocument=b"abcd", IconImageSequence=[Dataset(PixelData=b"1234", OverlayData=b"12")], PatientComments="long" * 100
    )
    found = ds.to_json_dict(bulk_data=uri_of, bulk_data_threshold=3)
    assert asked == [("(0042,0011)", "OB", b"abcd"), ("(0088,0200)[0].(7FE0,0010)", "OW", b"1234")]
    assert found["00420011"]["InlineBinary"] == "YWJjZA=="
    assert found["00880200"]["Value"][0]["7FE00010"] == {"vr": "OW", "BulkDataURI": "https://pacs.example/bulk/1"}
    assert found["00880200"]["Value"][0]["60003000"] == {"vr": "OW", "InlineBinary": "MTI="}


def test_encapsulated_pixels_need_a_uri() -> None:
    ds = Dataset(PixelData=Fragments((b"\xff\xd8\xff\xd9",)))
    for bulk_data in (None, lambda element, path: None):
        with pytest.raises(EncodeError, match=r"^\(7FE0,0010\): .*bulk_data="):
            ds.to_json(bulk_data=bulk_data)
    text = ds.to_json(bulk_data=lambda element, path: "frames/1")
    assert json.loads(text)["7FE00010"] == {"vr": "OB", "BulkDataURI": "frames/1"}
    with pytest.raises(EncodeError, match="not bytes"):
        ds.to_json(bulk_data=lambda element, path: b"frames/1")
    back = Dataset.from_json(text, bulk_data=lambda uri, vr: Fragments((b"\xff\xd8\xff\xd9",)))
    assert back["PixelData"].value == ds["PixelData"].value


@pytest.mark.parametrize(
    ("vr", "data", "value"),
    [
        ("OW", b"\1\0", b"\1\0"),
        ("UN", b"x", b"x"),
        ("US", b"\1\0\2\0", (1, 2)),
        ("SL", b"\xff\xff\xff\xff", -1),
        ("FD", b"\0" * 8, 0.0),
        ("DS", b"1.5\\2 ", (1.5, 2.0)),
        ("LT", "ä\\b ".encode(), "ä\\b"),
        ("UC", b"a\\b", ("a", "b")),
        ("UV", b"\xff" * 8, 2**64 - 1),
        ("UT", bytearray(b"x"), "x"),
        ("OB", None, None),
        ("UT", None, None),
    ],
)
def test_bulk_values_are_taken_apart_by_their_vr(vr: str, data: Any, value: Any) -> None:
    asked = []
    ds = Dataset.from_json({"00131001": {"vr": vr, "BulkDataURI": "u"}}, bulk_data=lambda uri, vr: asked.append((uri, vr)) or data)
    assert ds[0x00131001].value == value
    assert asked == [("u", vr)]


@pytest.mark.parametrize(
    ("vr", "data", "words"),
    [
        ("US", b"\1", "no whole number"),
        ("LT", b"\xff", "not UTF-8"),
        ("LT", 5, "gives bytes"),
        ("OB", "text", "takes bytes"),
        ("SQ", b"", "in Value"),
        ("AT", b"", "in Value"),
    ],
)
def test_bad_bulk_values_are_refused(vr: str, data: Any, words: str) -> None:
    with pytest.raises(ReadError, match=rf"^\(0013,1001\): .*{words}"):
        Dataset.from_json({"00131001": {"vr": vr, "BulkDataURI": "u"}}, bulk_data=lambda uri, vr: data)


# depth


def nested(levels: int) -> Dataset:
    ds = Dataset(InstanceNumber=levels)
    for level in reversed(range(levels)):
        ds = Dataset(InstanceNumber=level, ContentSequence=[ds])
    return ds


def nested_json(levels: int) -> str:
    return '{"0040A730": {"vr": "SQ", "Value": [' * levels + "{}" + "]}}" * levels


def test_128_levels_work_and_129_do_not() -> None:
    assert dicom_json.MAX_DEPTH == model.MAX_DEPTH == 128
    ds = nested(128)
    text = ds.to_json()
    assert Dataset.from_json(text).to_json() == text
    assert text.count("0040A730") == 128 and text.count("00200013") == 129
    with pytest.raises(EncodeError, match="deeper than 128"):
        nested(129).to_json()
    Dataset.from_json(nested_json(128))
    with pytest.raises(ReadError, match="deeper than 128"):
        Dataset.from_json(nested_json(129))


@pytest.mark.parametrize("levels", [250, 1_000, 100_000])
def test_json_of_any_depth_is_refused_in_order(levels: int) -> None:
    with pytest.raises(ReadError):
        Dataset.from_json(nested_json(levels))
    with pytest.raises(ReadError):
        Dataset.from_json("[" * levels)


def below(frames: int, call: Any) -> Any:
    return call() if frames == 0 else below(frames - 1, call)


def test_a_full_call_stack_is_an_error_of_ours() -> None:
    members = nested(128).to_json_dict()
    room = sys.getrecursionlimit() - 200 - len(inspect.stack(0))
    with pytest.raises(EncodeError, match="call stack"):
        below(room, nested(128).to_json_dict)
    with pytest.raises(ReadError, match="call stack"):
        below(room, lambda: Dataset.from_json(members))


def test_objects_that_hold_themselves_are_refused() -> None:
    ds = Dataset()
    ds.add("ContentSequence", "SQ", Sequence([ds]))
    with pytest.raises(EncodeError, match="deeper than 128"):
        ds.to_json()
    members: dict[str, Any] = {"0040A730": {"vr": "SQ", "Value": []}}
    members["0040A730"]["Value"].append(members)
    with pytest.raises(ReadError, match="deeper than 128"):
        Dataset.from_json(members)


# sources


@pytest.mark.parametrize(
    "source",
    [
        '{"00280010": {"vr": "US", "Value": [2]}}',
        b'{"00280010": {"vr": "US", "Value": [2]}}',
        bytearray(b'{"00280010": {"Value": [2]}}'),
        '[{"00280010": {"vr": "US", "Value": [2.0]}}]',
        [{"00280010": {"vr": "US", "Value": (2,)}}],
        {"00280010": {"vr": "US", "Value": [2], "keyword": "Rows"}},
    ],
)
def test_a_dataset_is_read_from_text_bytes_objects_and_an_array_of_one(source: Any) -> None:
    assert Dataset.from_json(source) == Dataset(Rows=2)


def test_fill_returns_the_dataset_that_it_was_given_and_keeps_what_it_held() -> None:
    ds = Dataset(PatientID="x", Rows=1)
    assert dicom_json.fill(ds, {"00280010": {"vr": "US", "Value": [2]}, "00280000": {"vr": "UL", "Value": [10]}}) is ds
    assert ds == Dataset(PatientID="x", Rows=2)


def test_items_are_of_the_class_of_the_dataset() -> None:
    class Mine(Dataset):
        __slots__ = ()

    made = Mine.from_json('{"0040A730": {"vr": "SQ", "Value": [{"0040A730": {"vr": "SQ", "Value": [{}]}}]}}')
    assert type(made.ContentSequence[0].ContentSequence[0]) is Mine


def test_an_absent_vr_is_the_dictionarys() -> None:
    ds = Dataset.from_json({"00280010": {"Value": [2]}, "00280106": {"Value": [-2]}, "7FE00010": {"InlineBinary": "AAA="}})
    assert [ds[tag].vr for tag in ds] == ["US", "US/SS", "OB/OW"]


def test_keys_may_be_in_any_order_and_lower_case() -> None:
    assert list(Dataset.from_json('{"7fe00010": {"vr": "OW"}, "00280010": {"vr": "US"}}')) == [0x00280010, 0x7FE00010]


def test_values_that_break_rules_pass_where_the_policy_lets_them() -> None:
    source = {
        "00080060": {"vr": "CS", "Value": ["lower case"]},
        "0040A730": {"vr": "SQ", "Value": [{"00280010": {"vr": "UL", "Value": [1]}}]},
    }
    with pytest.raises(ReadError, match=r"^\(0008,0060\): CS"):
        Dataset.from_json(source)
    for ds in (Dataset.from_json(source, policy=LENIENT), dicom_json.fill(Dataset(policy=LENIENT), source)):
        assert (ds.Modality, ds.ContentSequence[0]["Rows"].vr) == ("lower case", "UL")


# input that means harm

IN_ITEM = "(0040,A730)[1]."


def in_item(member: Any) -> dict[str, Any]:
    return {"0040A730": {"vr": "SQ", "Value": [{}, {"00131001": member}]}}


@pytest.mark.parametrize(
    ("member", "words"),
    [
        (None, "an attribute is a JSON object, not null"),
        ([], "not an array"),
        ("US", "not a string"),
        (5, "not a number"),
        ({"vr": "XX"}, "a string|'XX' is not a VR"),
        ({"vr": None}, "null is not a VR"),
        ({"vr": []}, "an array is not a VR"),
        ({"vr": 10**5000}, "a number is not a VR"),
        ({"vr": "US/SS"}, "is not a VR"),
        ({}, "the dictionary does not know it"),
        ({"vr": "OB", "Value": [], "InlineBinary": ""}, "holds one of Value, InlineBinary, BulkDataURI"),
        ({"vr": "US", "value": [1]}, "not 'value'"),
        ({"vr": "US", 5: [1]}, "not a number"),
        ({"vr": "US", "Value": None}, "Value is an array, not null"),
        ({"vr": "US", "Value": 5}, "Value is an array"),
        ({"vr": "LO", "Value": "x"}, "Value is an array, not a string"),
        ({"vr": "SQ", "Value": {}}, "Value is an array"),
        ({"vr": "US", "Value": ["1"]}, "US '1': a number is wanted"),
        ({"vr": "US", "Value": [True]}, "not a truth value"),
        ({"vr": "US", "Value": [1, None]}, "not null"),
        ({"vr": "US", "Value": [-1]}, "does not fit"),
        ({"vr": "US", "Value": [1.5]}, "whole number"),
        ({"vr": "US", "Value": [math.nan]}, "whole number"),
        ({"vr": "UV", "Value": [10**5000]}, "more than 64 bits"),
        ({"vr": "UV", "Value": ["12x"]}, "64-bit integer"),
        ({"vr": "UV", "Value": ["²"]}, "64-bit integer"),
        ({"vr": "SV", "Value": ["9" * 20]}, "does not fit"),
        ({"vr": "DS", "Value": [math.inf]}, "finite"),
        ({"vr": "DS", "Value": ["x"]}, "decimal string"),
        ({"vr": "DS", "Value": [10**20]}, "more than"),
        ({"vr": "DS", "Value": [{}]}, "not an object"),
        ({"vr": "IS", "Value": [2**31]}, "integer string"),
        ({"vr": "IS", "Value": [1.5]}, "whole number"),
        ({"vr": "FL", "Value": ["nan"]}, "a number is wanted"),
        ({"vr": "FL", "Value": [1e300]}, "does not fit"),
        ({"vr": "FD", "Value": [10**400]}, "64 bits"),
        ({"vr": "AT", "Value": ["PatientID"]}, "eight hexadecimal"),
        ({"vr": "AT", "Value": [0x00100010]}, "eight hexadecimal"),
        ({"vr": "AT", "Value": ["+0100010"]}, "eight hexadecimal"),
        ({"vr": "LO", "Value": [5]}, "a string is wanted"),
        ({"vr": "LO", "Value": [{}]}, "not an object"),
        ({"vr": "LO", "Value": ["a\\b"]}, "backslash"),
        ({"vr": "LO", "Value": ["\ud800"]}, "surrogates"),
        ({"vr": "LO", "Value": ["x" * 65]}, "64"),
        ({"vr": "LT", "Value": ["a", "b"]}, "LT holds one value, not 2"),
        ({"vr": "UI", "Value": ["1..2"]}, "UID"),
        ({"vr": "PN", "Value": ["Doe^Jane"]}, "an object with strings Alphabetic"),
        ({"vr": "PN", "Value": [{"Alphabetic": None}]}, "an object"),
        ({"vr": "PN", "Value": [{"alphabetic": "x"}]}, "an object with"),
        ({"vr": "PN", "Value": [{"Alphabetic": "a=b"}]}, "= separates"),
        ({"vr": "OB", "Value": [1]}, "InlineBinary or by a BulkDataURI"),
        ({"vr": "US", "InlineBinary": "AAA="}, "US is given in Value"),
        ({"vr": "OB", "InlineBinary": "A"}, "not base64"),
        ({"vr": "OB", "InlineBinary": "AA=A"}, "not base64"),
        ({"vr": "OB", "InlineBinary": "AAA="}, None),
        ({"vr": "OB", "InlineBinary": "ä"}, "not base64"),
        ({"vr": "OB", "InlineBinary": 5}, "string in base64"),
        ({"vr": "OB", "InlineBinary": None}, "not null"),
        ({"vr": "OB", "BulkDataURI": 5}, "BulkDataURI is a string"),
        ({"vr": "OB", "BulkDataURI": "u"}, "bulk_data= gives the function"),
        ({"vr": "SQ", "InlineBinary": ""}, "SQ is given in Value"),
    ],
)
def test_a_bad_attribute_is_refused_with_its_path(member: Any, words: str | None) -> None:
    if words is None:
        Dataset.from_json(in_item(member))
        return
    with pytest.raises(ReadError, match=words) as caught:
        Dataset.from_json(in_item(member))
    assert caught.value.path == IN_ITEM + "(0013,1001)"
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("source", "path", "words"),
    [
        ("", "", "this is not JSON"),
        ("{", "", "this is not JSON"),
        (b"\xff\xfe\xff", "", "this is not JSON"),
        ('{"a": 1,}', "", "not JSON"),
        ("5", "", "not a number"),
        ("null", "", "a dataset is a JSON object, not null"),
        (None, "", "not null"),
        ("NaN", "", "not a number"),
        ("1" * 5000, "", "this is not JSON"),
        ("[]", "", "holds 0 datasets"),
        ("[{}, {}]", "", "holds 2 datasets"),
        ("[5]", "", "not a number"),
        ('{"00280010": {"vr": "US"}, "00280010": {"vr": "US"}}', "", "holds '00280010' twice"),
        ('{"00280010": {"vr": "US", "vr": "UL"}}', "", "'vr' twice"),
        ('{"0028000a": {}, "0028000A": {"vr": "US"}}', "(0028,000A)", None),
        ('{"0028010a": {"vr": "US"}, "0028010A": {"vr": "US"}}', "(0028,010A)", None),
        ({"Rows": {"vr": "US"}}, "", "'Rows' is no tag"),
        ({"0028001": {"vr": "US"}}, "", "no tag"),
        ({"0028_010": {"vr": "US"}}, "", "no tag"),
        ({0x00280010: {"vr": "US"}}, "", "a number is no tag"),
        ({"-0280010": {"vr": "US"}}, "", "no tag"),
        ({"٠٠٢٨٠٠١٠": {}}, "", "no tag"),
        ({"0040A730": {"vr": "SQ", "Value": [{}, {"x": {}}]}}, "(0040,A730)[1]", "'x' is no tag"),
        ({"0040A730": {"vr": "SQ", "Value": [{}, None]}}, "(0040,A730)[1]", "a dataset is a JSON object, not null"),
        ({"00020010": {"vr": "UI", "Value": ["1.2"]}}, "(0002,0010)", "File Meta Information"),
        ({"FFFEE000": {"vr": "UN"}}, "(FFFE,E000)", "delimiters"),
        ({"00280010": {"vr": "SH", "Value": ["x"]}}, "(0028,0010)", "SH is not its VR"),
        ({"00131001": {}}, "(0013,1001)", "no vr"),
        ({"FFFEE000": {}}, "(FFFE,E000)", "no vr"),
    ],
)
def test_a_bad_source_is_refused(source: Any, path: str, words: str | None) -> None:
    with pytest.raises(ReadError, match=words) as caught:
        Dataset.from_json(source)
    assert caught.value.path == path


STRINGS = st.text(max_size=8) | st.sampled_from(["AAA=", "00280010", "1.5", "NaN"])
SCRAPS = st.none() | st.booleans() | st.integers() | st.floats() | STRINGS
ANYTHING = st.recursive(
    SCRAPS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3), max_leaves=6
)
MEMBERS = st.dictionaries(
    st.sampled_from(["vr", "Value", "InlineBinary", "BulkDataURI", "x"]),
    ANYTHING | st.sampled_from(list(VRS)) | st.lists(ANYTHING | st.fixed_dictionaries({"Alphabetic": ANYTHING}), max_size=3),
    max_size=3,
)
TAGS = ["00280010", "00131001", "00080005", "0040A730", "00100010", "7FE00010", "00280106", "00020010", "FFFEE000", "00010001"]
KEYS = st.sampled_from(TAGS) | st.text(max_size=8)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(KEYS, MEMBERS | ANYTHING, max_size=3) | ANYTHING, st.sampled_from([None, LENIENT]))
def test_whatever_the_json_holds_it_is_read_or_refused(source: Any, policy: Policy | None) -> None:
    for form in (source, json.dumps(source)):
        try:
            ds = Dataset.from_json(form, policy=policy, bulk_data=lambda uri, vr: None)
        except ReadError:
            continue
        text = ds.to_json(nonfinite=True, keep_charset=True)
        assert Dataset.from_json(text, policy=LENIENT).to_json(nonfinite=True, keep_charset=True) == text


# round trips over every VR

TEXT = st.text(st.characters(min_codepoint=0x20, exclude_categories=("Cs", "Cc"), exclude_characters="\\^="), max_size=12)
BLOCK = st.text(st.characters(min_codepoint=0x20, exclude_categories=("Cs", "Cc")) | st.sampled_from("\n\r\t\\"), max_size=20)
NAMES = st.lists(TEXT, min_size=1, max_size=3).map(lambda groups: "=".join(groups).rstrip("="))
BUFFERS = st.binary(max_size=4).map(lambda data: data * 8)
DECIMALS = (
    st.floats(allow_nan=False, allow_infinity=False) | st.integers(1 - 10**15, 10**15) | st.floats(-1e6, 1e6).map(lambda x: f"{x:.8g}")
)

SINGLES: dict[str, Any] = {
    "AE": st.from_regex(r"[A-Z]{1,16}", fullmatch=True),
    "AS": st.from_regex(r"[0-9]{3}[DWMY]", fullmatch=True),
    "AT": st.integers(0, 2**32 - 1).map(Tag),
    "CS": st.from_regex(r"[A-Z0-9_]{1,16}", fullmatch=True),
    "DA": st.dates().map(lambda day: f"{day:%Y%m%d}".zfill(8)),
    "DS": DECIMALS,
    "DT": st.sampled_from(["2024", "20240229235960.5+0100"]),
    "FD": st.floats(),
    "FL": st.floats(width=32),
    "IS": st.integers(-(2**31), 2**31 - 1) | st.integers(-99, 99).map(str),
    "LO": TEXT,
    "LT": BLOCK,
    "OB": BUFFERS,
    "OD": BUFFERS,
    "OF": BUFFERS,
    "OL": BUFFERS,
    "OV": BUFFERS,
    "OW": BUFFERS,
    "PN": NAMES,
    "SH": TEXT,
    "SL": st.integers(-(2**31), 2**31 - 1),
    "SS": st.integers(-(2**15), 2**15 - 1),
    "ST": BLOCK,
    "SV": st.integers(-(2**63), 2**63 - 1),
    "TM": st.times().map(lambda time: f"{time:%H%M%S.%f}"),
    "UC": TEXT,
    "UI": st.sampled_from(["1.2.840.10008.1.1", "2.25.0"]),
    "UL": st.integers(0, 2**32 - 1),
    "UN": BUFFERS,
    "UR": st.just("https://a.example/b?c=%20"),
    "US": st.integers(0, 2**16 - 1),
    "UT": BLOCK,
    "UV": st.integers(0, 2**64 - 1),
}


def values_of(vr: str) -> st.SearchStrategy[tuple[str, Any]]:
    one = SINGLES[vr]
    values = st.none() | (st.lists(one, max_size=4) if VRS[vr].multiple or VRS[vr].kind in ("signed", "unsigned", "float", "tag") else one)
    return values.map(lambda value: (vr, value))


LEAVES = st.sampled_from(sorted(SINGLES)).flatmap(values_of)


def dataset_of(elements: list[tuple[str, Any]]) -> Dataset:
    ds = Dataset()
    for at, (vr, value) in enumerate(elements):
        ds.add(0x00131000 + at, vr, value)
    return ds


DATASETS = st.recursive(
    st.lists(LEAVES, max_size=4).map(dataset_of),
    lambda items: st.lists(LEAVES | st.lists(items, max_size=3).map(lambda found: ("SQ", found)), max_size=4).map(dataset_of),
    max_leaves=8,
)


def test_the_round_trip_knows_every_vr() -> None:
    assert SINGLES.keys() | {"SQ"} == VRS.keys()


@settings(max_examples=300, deadline=None)
@given(DATASETS, st.booleans())
def test_a_dataset_comes_back_from_its_json(ds: Dataset, number_text: bool) -> None:
    text = ds.to_json(nonfinite=True, number_text=number_text)
    assert Dataset.from_json(text) == ds
    assert Dataset.from_json(ds.to_json_dict(nonfinite=True, number_text=number_text)) == ds
    assert json.loads(text, parse_constant=pytest.fail) == ds.to_json_dict(nonfinite=True, number_text=number_text)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.from_regex(r" ?[+-]?[0-9]{1,6}(\.[0-9]{1,5})?(E-?[0-9])? ?", fullmatch=True).filter(lambda text: len(text) <= 16),
        min_size=1,
        max_size=4,
    )
)
def test_the_text_of_decimals_comes_back_on_request(texts: list[str]) -> None:
    ds = Dataset()
    ds.add(0x00131001, "DS", texts)
    back = Dataset.from_json(ds.to_json(number_text=True))[0x00131001].value
    assert [one.text for one in (back if isinstance(back, tuple) else (back,))] == texts
