"""Tags, and what PS3.6 says of them; pydicom's dictionary is the oracle."""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom._dicom_dict import DicomDictionary, RepeatersDictionary
from pydicom._private_dict import private_dictionaries
from pydicom.datadict import dictionary_keyword, dictionary_VM, dictionary_VR, get_private_entry

from dcmenc._dictionary import read_rows
from dcmenc.dictionary import (
    VM,
    Dictionary,
    Entry,
    Tag,
    _add_rows,
    keyword_table,
    lookup,
    nearest_keywords,
    parse_dictionary,
    private_entry,
    private_name,
    standard_dictionary,
    tag_table,
)
from dcmenc.uid import read_table
from dcmenc.vr import AMBIGUOUS, VRS

tags = st.integers(0, 0xFFFFFFFF)
EXACT = 0xFFFFFFFF


def spelled(vr: str) -> str:
    return "" if vr == "NONE" else vr.replace(" or ", "/").replace("_", "/")


# Tag


@given(tags)
def test_a_tag_is_its_number_in_every_notation(number: int) -> None:
    group, element = number >> 16, number & 0xFFFF
    text = f"{group:04X},{element:04X}"
    notations = [number, (group, element), [group, element], f"({text})", text, text.lower(), f"{number:08x}", f" ({text}) "]
    made = [Tag(group, element), *map(Tag, notations)]
    assert all(tag == number and hash(tag) == hash(number) and type(tag) is Tag for tag in made)
    assert (made[0].group, made[0].element) == (group, element)
    assert str(made[0]) == f"{made[0]}" == f"({text})"
    assert eval(repr(made[0])) == number


@given(tags)
def test_tags_order_like_numbers_and_survive_copying(number: int) -> None:
    tag = Tag(number)
    for twin in (copy.copy(tag), copy.deepcopy(tag), pickle.loads(pickle.dumps(tag))):
        assert type(twin) is Tag and twin == number
    assert sorted([tag, Tag(0x00100010)]) == sorted([number, 0x00100010])


def test_a_tag_carries_nothing_but_its_number() -> None:
    assert not hasattr(Tag(0), "__dict__")
    assert Tag.__hash__ is int.__hash__ and Tag.__eq__ is int.__eq__


def test_private_tags_have_odd_groups_and_group_lengths_element_0000() -> None:
    assert Tag(0x0009, 0x1001).is_private and not Tag(0x0008, 0x1001).is_private
    assert Tag(0x0008, 0x0000).is_group_length and not Tag(0x0008, 0x0001).is_group_length


def test_a_keyword_is_a_tag() -> None:
    assert repr(Tag("PatientName")) == "Tag(0x00100010)"
    assert Tag("PatientName").keyword == "PatientName"
    assert Tag("OverlayData") == 0x60003000
    assert Tag(0x0009, 0x1001).keyword == Tag(0x00080202).keyword == ""


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((-1,), "between 0x00000000 and 0xFFFFFFFF"),
        ((1 << 32,), "between 0x00000000 and 0xFFFFFFFF"),
        ((0x10000, 0), "group number 0x10000 is out of range"),
        ((0, -1), "element number -0x1 is out of range"),
        (((0x10, 0x10, 0x10),), r"pair \(group, element\)"),
        (((0x10, 0x10000),), "element number"),
        (("(0010,001)",), "four hexadecimal digits"),
        (("0010,00G0",), "four hexadecimal digits"),
        (("0_10,0010",), "four hexadecimal digits"),
        (("(60xx,3000)",), "four hexadecimal digits"),
        (("PatientNane",), "nearest keywords: PatientName"),
        (("",), "neither a tag nor a keyword"),
        (("+0100010",), "neither a tag nor a keyword"),
    ],
)
def test_what_is_no_tag_is_refused_with_the_reason(arguments: tuple[object, ...], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Tag(*arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("arguments", [(1.0,), ("PatientName", 1), ((0x10, 0x10), 1), (None,), (0x10, "0010")])
def test_other_types_are_no_tags(arguments: tuple[object, ...]) -> None:
    with pytest.raises(TypeError):
        Tag(*arguments)  # type: ignore[arg-type]


# VM


@pytest.mark.parametrize(
    ("text", "allowed", "refused"),
    [
        ("1", [1], [0, 2]),
        ("3", [3], [0, 2, 4, 6]),
        ("1-3", [1, 2, 3], [0, 4]),
        ("4-5", [4, 5], [3, 6]),
        ("1-n", [1, 2, 1000], [0]),
        ("6-n", [6, 7], [0, 5]),
        ("2-2n", [2, 4, 100], [0, 1, 3, 101]),
        ("3-3n", [3, 6, 9], [1, 4, 5]),
    ],
)
def test_a_vm_allows_what_ps3_5_6_4_says(text: str, allowed: list[int], refused: list[int]) -> None:
    vm = VM.parse(text)
    assert all(vm.allows(count) for count in allowed)
    assert not any(vm.allows(count) for count in refused)


def test_every_vm_of_the_standard_is_spelled_back() -> None:
    spellings = {entry[1] for entry in [*DicomDictionary.values(), *RepeatersDictionary.values()]}
    spellings |= {entry[1] for entries in private_dictionaries.values() for entry in entries.values()}
    assert len(spellings) > 20
    assert [text for text in spellings if str(VM.parse(text)) != text] == []


@pytest.mark.parametrize("text", ["", "n", "0", "1-", "-n", "1-0", "0-n", "1-2-3", "1..n", "3-2n", "2-0n", "one", "²", "1 -n", "+1"])
def test_what_is_no_vm_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no VM"):
        VM.parse(text)


@given(st.integers(1, 300), st.integers(1, 300))
def test_a_multiple_allows_its_multiples_only(step: int, count: int) -> None:
    assert VM.parse(f"{step}-{step}n").allows(count) == (count % step == 0)


# The dictionary


def test_compiled_code_reads_entries_by_position() -> None:
    assert Entry._fields == ("tag", "vr", "keyword", "vm", "retired")
    assert VM._fields == ("low", "high", "step")


def test_every_attribute_is_as_pydicom_has_it() -> None:
    expected = {tag: (spelled(vr), keyword, vm, retired == "Retired") for tag, (vr, vm, _, retired, keyword) in DicomDictionary.items()}
    found = {tag: (entry.vr, entry.keyword, str(entry.vm), entry.retired) for tag, entry in tag_table().items()}
    assert found == expected
    assert len(found) == 5091
    assert all(type(tag) is Tag and tag is entry.tag for tag, entry in tag_table().items())


def test_every_repeating_group_is_as_pydicom_has_it() -> None:
    rows = [entry for entries in standard_dictionary().repeating.values() for entry in entries.values()]
    expected = {keyword: (spelled(vr), vm, retired == "Retired") for vr, vm, _, retired, keyword in RepeatersDictionary.values()}
    assert {entry.keyword: (entry.vr, str(entry.vm), entry.retired) for entry in rows} == expected
    assert len(rows) == 88


def test_keywords_and_tags_lead_to_each_other() -> None:
    assert len(keyword_table()) == 5173
    assert all(lookup(entry.tag) == entry and entry.keyword == keyword for keyword, entry in keyword_table().items())


def test_every_vr_is_one_of_the_vr_table_or_an_ambiguous_one() -> None:
    assert {entry.vr for entry in keyword_table().values()} <= {*VRS, *AMBIGUOUS, ""}
    items = {"Item", "ItemDelimitationItem", "SequenceDelimitationItem"}
    assert {keyword for keyword, entry in keyword_table().items() if not entry.vr} == items
    assert {vr: sum(entry.vr == vr for entry in keyword_table().values()) for vr in AMBIGUOUS} == {
        "US/SS": 25, "OB/OW": 11, "US/OW": 1, "US/SS/OW": 1,
    }  # fmt: skip


def test_retired_attributes_without_a_name_have_no_keyword() -> None:
    nameless = {tag for tag, entry in tag_table().items() if not entry.keyword}
    assert nameless == {0x00080202, 0x00180061, 0x00189445, 0x00280020, 0x04000315, 0x300A0782}
    assert all(tag_table()[tag].retired for tag in nameless)
    assert "" not in keyword_table() and "-" not in keyword_table()


@pytest.mark.parametrize(
    ("tag", "keyword"),
    [
        (0x60003000, "OverlayData"),
        (0x601E3000, "OverlayData"),
        (0x50120005, "CurveDimensions"),
        (0x7F000010, "VariablePixelData"),
        (0x7F2E0010, "VariablePixelData"),
        (0x7FE00010, "PixelData"),
        (0x00203105, "SourceImageIDs"),
        (0x00280410, "RowsForNthOrderCoefficients"),
        (0x00280400, "TransformLabel"),
        (0x10000010, "EscapeTriplet"),
        (0x1000FFF3, "HuffmanTableTriplet"),
        (0x10100001, "ZonalMap"),
    ],
)
def test_a_repeating_group_is_found_by_any_of_its_tags(tag: int, keyword: str) -> None:
    entry = lookup(tag)
    assert entry and entry.keyword == keyword == dictionary_keyword(tag)
    assert entry.tag == tag and type(entry.tag) is Tag
    assert (entry.vr, str(entry.vm)) == (spelled(dictionary_VR(tag)), dictionary_VM(tag))


@pytest.mark.parametrize("tag", [0x60203000, 0x60FE3000, 0x60013000, 0x50200005, 0x7F010010, 0x60000012 + 1, -1, 1 << 32 | 0x60003000])
def test_repeating_groups_end_at_1e_and_are_even(tag: int) -> None:
    assert lookup(tag) is None


@pytest.mark.parametrize(
    ("keyword", "tag"),
    [("OverlayData", 0x60003000), ("CurveData", 0x50003000), ("VariablePixelData", 0x7F000010), ("SourceImageIDs", 0x00203100),
     ("RowsForNthOrderCoefficients", 0x00280410), ("CodeLabel", 0x00280800), ("EscapeTriplet", 0x10000010), ("ZonalMap", 0x10100001)],
)  # fmt: skip
def test_the_keyword_of_a_repeating_group_leads_to_its_first_tag(keyword: str, tag: int) -> None:
    assert keyword_table()[keyword].tag == tag


@pytest.mark.parametrize("group", [0x0004, 0x0008, 0x0009, 0x0028, 0x1000, 0x1010, 0x6000, 0x60FE, 0x7FE0])
def test_the_group_length_of_any_group_is_a_retired_ul(group: int) -> None:
    assert lookup(group << 16) == (group << 16, "UL", "", VM(1, 1, 1), True)


@pytest.mark.parametrize("group", [0x0001, 0x0003, 0x0007, 0xFFFE, 0xFFFF])
def test_groups_that_are_not_used_have_no_group_length(group: int) -> None:
    assert lookup(group << 16) is None


def test_the_group_lengths_in_use_are_named() -> None:
    assert Tag(0x00000000).keyword == "CommandGroupLength"
    assert Tag(0x00020000).keyword == "FileMetaInformationGroupLength"


@given(tags)
def test_whatever_is_found_bears_the_tag_asked_for(tag: int) -> None:
    entry = lookup(tag)
    assert entry is None or (entry.tag == tag and (entry.vr == "UL" or not entry.tag.is_private))


# Nearest keywords


def test_nearest_keywords_put_the_intended_one_first() -> None:
    mistakes = {"PatientNane": "PatientName", "SlcieThickness": "SliceThickness", "Row": "Rows", "OperatorName": "OperatorsName"}
    assert {word: nearest_keywords(word)[0] for word in mistakes} == mistakes


def test_letter_case_alone_is_no_doubt() -> None:
    assert nearest_keywords("pixeldata") == ["PixelData"]


def test_nothing_is_near_to_nonsense() -> None:
    assert nearest_keywords("qqqqqqqq") == nearest_keywords("") == []


@given(st.text(max_size=30), st.integers(1, 5))
def test_nearest_keywords_are_keywords(word: str, count: int) -> None:
    near = nearest_keywords(word, count)
    assert len(near) <= count and set(near) <= set(keyword_table())


# Dictionary files


def test_a_users_dictionary_in_matlabs_form_is_read() -> None:
    text = """\ufeff% comment
# comment

(9003,1038)\tFL\tDaysSincePriorStudy\t1
(7FE0,0000)\tUL\tPixelDataGroupLength 1
   (50xx,0005)  US  CurveDimensions  1   ret
(0028,0106) SS/US SmallestImagePixelValue 1
(0019,xx10) OW/OB Blob 1-n
(FFFE,E000) - Item 1
(0008,0202) OB - 1 RET\r
"""
    assert parse_dictionary(text) == [
        ((0x90031038, "FL", "DaysSincePriorStudy", (1, 1, 1), False), EXACT),
        ((0x7FE00000, "UL", "PixelDataGroupLength", (1, 1, 1), False), EXACT),
        ((0x50000005, "US", "CurveDimensions", (1, 1, 1), True), 0xFF00FFFF),
        ((0x00280106, "US/SS", "SmallestImagePixelValue", (1, 1, 1), False), EXACT),
        ((0x00190010, "OB/OW", "Blob", (1, None, 1), False), 0xFFFF00FF),
        ((0xFFFEE000, "", "Item", (1, 1, 1), False), EXACT),
        ((0x00080202, "OB", "", (1, 1, 1), True), EXACT),
    ]
    assert parse_dictionary(text.removeprefix("\ufeff").split("\n")) == parse_dictionary(text)
    assert parse_dictionary("") == []


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("(0010,0010) PN PatientName", "not of the form"),
        ("(0010,0010) PN PatientName 1 OLD", "not of the form"),
        ("(0010,0010) PN PatientName 1 RET 2", "not of the form"),
        ("0010,0010 PN PatientName 1", "is no tag"),
        ("(00100010) PN PatientName 1", "is no tag"),
        ("(0010,001G) PN PatientName 1", "other letters than hexadecimal"),
        ("(0010,00_1) PN PatientName 1", "is no tag"),
        ("(0010,00+1) PN PatientName 1", "is no tag"),
        ("(0010,00100) PN PatientName 1", "is no tag"),
        ("(0010,0010) XX PatientName 1", "'XX' is no VR"),
        ("(0010,0010) PN/LO PatientName 1", "'PN/LO' is no VR"),
        ("(0010,0010) PN Patient-Name 1", "'Patient-Name' is no keyword"),
        ("(0010,0010) PN PatientName 0", "'0' is no VM"),
    ],
)
def test_a_bad_row_is_named_by_its_line_and_its_fault(row: str, reason: str) -> None:
    with pytest.raises(ValueError, match=rf"^line 3 of the dictionary: .*{reason}"):
        parse_dictionary(f"# mine\n(0010,0020) LO PatientID 1\n{row}\n")


def test_a_users_rows_come_before_the_standard_ones() -> None:
    rows = parse_dictionary("(0010,0010) LO Name 1\n(9003,1038) FL First 1\n(9003,1038) FD Second 1\n(0019,XX10) OB Blob 1")
    mine = standard_dictionary().overlaid(rows)
    assert mine.lookup(0x00100010) == (0x00100010, "LO", "Name", (1, 1, 1), False)
    assert mine.lookup(0x90031038) == mine.keywords["Second"]
    assert mine.lookup(0x00191110) == (0x00191110, "OB", "Blob", (1, 1, 1), False)
    assert mine.lookup(0x60023000) == lookup(0x60023000)
    assert lookup(0x00191110) is None and Tag(0x00100010).keyword == "PatientName"


# Private elements


def test_every_private_element_is_as_pydicom_has_it() -> None:
    compared = 0
    for creator, entries in private_dictionaries.items():
        for pattern in entries:
            tag = int(pattern.replace("70xx", "7001").replace("60xx", "6003").replace("xx", "12"), 16)
            if tag >> 16 & 1 and tag & 0xFFFF >= 0x1000 and not pattern.endswith("xx"):
                vr, vm, name, _ = get_private_entry(tag, creator)
                entry = private_entry(creator, tag)
                assert entry and (entry.tag, entry.vr, entry.keyword, str(entry.vm)) == (tag, spelled(vr), "", vm), (creator, pattern)
                assert private_name(creator, tag) == name
                compared += 1
    assert compared == 8905


@pytest.mark.parametrize("block", [0x10, 0x11, 0xFF])
def test_a_private_element_is_found_in_whatever_block_was_reserved(block: int) -> None:
    tag = Tag(0x0029, block << 8 | 0x10)
    assert private_entry("SIEMENS CSA HEADER", tag) == (tag, "OB", "", (1, 1, 1), False)
    assert private_name("SIEMENS CSA HEADER ", tag) == "CSA Image Header Info"


def test_a_source_row_without_a_block_is_an_offset() -> None:
    entry = private_entry("CANON_MEC_MR3", 0x700D1005)
    assert entry and entry.vr == "DS" and entry.vm == (4, 4, 1)


@pytest.mark.parametrize(
    ("creator", "tag"),
    [
        ("nobody", 0x00291010),
        ("SIEMENS CSA HEADER", 0x00281010),
        ("SIEMENS CSA HEADER", 0x00290010),
        ("SIEMENS CSA HEADER", 0x002910FE),
        ("GEMS_IDEN_01", 0x000910FE),
        ("# Private data elements by private creator (PS3.5 7.8)", 0x00291010),
    ],
)
def test_nothing_is_invented_for_an_unknown_private_element(creator: str, tag: int) -> None:
    assert private_entry(creator, tag) is None
    assert private_name(creator, tag) == ""


def test_the_quick_reading_of_the_built_in_dictionary_is_that_of_the_rules() -> None:
    tables: Dictionary = Dictionary({}, {}, {})
    _add_rows(*tables, parse_dictionary(read_table("dicom-dict.txt")))
    quick = standard_dictionary()
    assert (quick.tags, quick.keywords, quick.repeating) == tuple(tables)
    assert [*map(type, next(iter(quick.tags.values())))] == [Tag, str, str, VM, bool]
    assert {type(tag) for tag in quick.tags} == {Tag}


@pytest.mark.parametrize("line", [
    "(0010,0010)\tPN\tPatientName", "(0010,0010) PN PatientName 1", "(0010,001X)\tPN\tPatientName\t1", "(0010,0010)\tXX\tPatientName\t1",
    "(0010,0010)\tPN\tPatientName\t1\tRIP", "0010,0010\tPN\tPatientName\t1", "(0010,0010)\tPN\tPatientName\t1\tRET\t",
])
def test_what_is_no_plain_row_is_left_to_the_rules(line: str) -> None:
    tags: dict[Tag, Entry] = {}
    assert read_rows(f"# a comment\n\n{line}\n", tags, {}, {"PN": "PN"}, VM.parse, Tag, Entry) == [line]
    assert not tags
