"""MATLAB's dictionary functions: look-ups both ways, old spellings, users' dictionaries over the built-in one, UIDs."""

from __future__ import annotations

import contextvars
import os
import re
import threading
from pathlib import Path

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom._dicom_dict import DicomDictionary

from dcmenc.dictionary import Tag, keyword_table, lookup, tag_table
from dcmenc.matlab_dictionary import (
    ALIASES,
    BOOKKEEPING,
    active,
    dicomdict,
    dicomlookup,
    dicomuid,
    field_name,
    tag_of_field,
)

MINE = """\
# mine
(9003,1038)\tFL\tDaysSincePriorStudy\t1
(0019,100e) DS FourthNumber 1-n
(0019,xx0F) LO WhateverBlock 1
(0010,0020) LO PatientNumber 1
(0029,xx01)\tFD\tAcmeDose\t1\tACME 1.1
(0029,1002)\tSH\tAcmeName\t1\tACME 1.1
(0018,9999) FD NewAttribute 1-3 RET
"""


@pytest.fixture
def mine(tmp_path: Path) -> str:
    path = tmp_path / "mine.txt"
    path.write_text(MINE)
    return str(path)


@pytest.fixture(autouse=True)
def factory() -> None:
    dicomdict("factory")


# --------------------------------------------------------------------- look-ups


def test_every_keyword_of_pydicoms_dictionary_is_found_both_ways() -> None:
    for tag, (_, _, _, _, keyword) in DicomDictionary.items():
        if keyword and tag >> 16 != 0xFFFE:
            assert dicomlookup(keyword) == (tag >> 16, tag & 0xFFFF)
            assert dicomlookup(tag >> 16, tag & 0xFFFF) == keyword
            assert dicomlookup(f"{tag >> 16:04X}", f"{tag & 0xFFFF:x}") == keyword


def test_look_ups_as_matlab_writes_them() -> None:
    assert dicomlookup(40, 4) == dicomlookup(40.0, 4.0) == dicomlookup("0028", "0004") == "PhotometricInterpretation"
    assert dicomlookup(0x6002, 0x3000) == "OverlayData"
    assert dicomlookup("OverlayData_1") == (0x6002, 0x3000) and dicomlookup("OverlayData") == (0x6000, 0x3000)
    assert dicomlookup("CurveData_0") == (0x5000, 0x3000) and dicomlookup("CurveData_15") == (0x501E, 0x3000)
    assert dicomlookup("Private_0019_10xx_Creator") == (0x0019, 0x0010)
    assert dicomlookup("Private_0019_100e") == dicomlookup("Private_0019_100E") == (0x0019, 0x100E)
    assert dicomlookup(0x0019, 0x100E) == dicomlookup(0x0008, 0x1234) == dicomlookup(0x6020, 0x3000) == ""


@pytest.mark.parametrize(("arguments", "kind", "words"), [
    (("PatientNane",), ValueError, "nearest keywords: PatientName"),
    (("Private_0018_1000",), ValueError, "is no attribute"),
    (("Unknown_0019_1000",), ValueError, "is no attribute"),
    (("Private_0019_0fxx_Creator",), ValueError, "is no attribute"),
    (("OverlayData_16",), ValueError, "is no attribute"),
    (("OverlayData_01",), ValueError, "is no attribute"),
    (("Rows_1",), ValueError, "is no attribute"),
    (("",), ValueError, "is no attribute"),
    (("x" * 10**6,), ValueError, "is no attribute"),
    ((40,), TypeError, "by its group and its element"),
    ((None,), TypeError, "by its group and its element"),
    ((40, "0004"), TypeError, "both numbers"),
    ((70000, 4), ValueError, "group number"),
    ((40, -1), ValueError, "element number"),
    ((40.5, 4), TypeError, "float"),
    ((True, 4), TypeError, "truth value"),
    (("7FE00", "10"), ValueError, "hexadecimal"),
    (("0x28", "10"), ValueError, "hexadecimal"),
])
def test_what_cannot_be_looked_up_is_refused(arguments: tuple[object, ...], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        dicomlookup(*arguments)  # type: ignore[call-overload]


@given(st.integers(0x00080000, 0xFFFDFFFF).filter(lambda tag: tag & 0xFFFF))
def test_the_name_of_a_field_leads_back_to_its_tag(number: int) -> None:
    name = field_name(Tag(number), "", active())
    assert tag_of_field(name, active()) == number and name.isidentifier() and len(name) <= 63


def test_all_known_tags_have_names_that_lead_back() -> None:
    repeating = [0x5000 + 2 * n << 16 | 0x3000 for n in range(16)] + [0x6000 + 2 * n << 16 | 0x3000 for n in range(16)]
    names = {field_name(Tag(tag), "", active()): tag for tag in [*tag_table(), *repeating] if tag & 0xFFFF}
    assert all(tag_of_field(name, active()) == tag for name, tag in names.items())
    assert len(names) == len([tag for tag in tag_table() if tag & 0xFFFF]) + 32


# --------------------------------------------------------------------- old spellings


def test_old_spellings_lead_to_keywords_and_shadow_none() -> None:
    assert set(ALIASES.values()) <= keyword_table().keys() and not ALIASES.keys() & keyword_table().keys()
    for old, keyword in ALIASES.items():
        entry = keyword_table()[keyword]
        assert dicomlookup(old) == (entry.tag.group, entry.tag.element)


def test_no_possessive_of_the_standard_is_forgotten() -> None:
    """pydicom's table has the names of PS3.6, from which older keywords were made."""
    expected = {}
    for _, _, name, _, keyword in DicomDictionary.values():
        words = re.split("[^A-Za-z0-9']+", name.replace("\u2019", "'"))
        old = "".join(word[:1].upper() + word[1:] for word in words).replace("'", "")
        if "'s" in "".join(words) and old != keyword:
            expected[old] = keyword
    assert len(expected) > 40
    assert expected.items() <= ALIASES.items()
    assert ALIASES.keys() - expected.keys() == {"OperatorName", "PhysicianReadingStudy", "SoftwareVersion"}


def test_no_bookkeeping_field_is_a_keyword() -> None:
    assert not set(BOOKKEEPING) & (keyword_table().keys() | ALIASES.keys())


# --------------------------------------------------------------------- users' dictionaries


def test_a_users_dictionary_comes_over_the_built_in_one(mine: str) -> None:
    known = active(mine)
    assert known.lookup(0x90031038)[1:3] == ("FL", "DaysSincePriorStudy") and known.own
    assert known.lookup(0x0019100E)[1:3] == ("DS", "FourthNumber")
    assert known.lookup(0x0019120F)[1:3] == ("LO", "WhateverBlock") and known.lookup(0x0019000F) is None
    assert known.lookup(0x00180050) == lookup(0x00180050)
    assert known.lookup(0x00189999)[1:] == ("FD", "NewAttribute", (1, 3, 1), True)
    # both names lead to it
    assert tag_of_field("PatientNumber", known) == tag_of_field("PatientID", known) == 0x00100020
    assert field_name(Tag(0x00100020), "", known) == "PatientNumber"
    assert lookup(0x90031038) is None and active().lookup(0x90031038) is None


def test_a_row_with_a_creator_holds_in_its_block_only(mine: str) -> None:
    known = active(mine)
    for block in (0x10, 0x11, 0xFF):
        assert known.lookup(0x00290001 | block << 8, "ACME 1.1")[:3] == (0x00290001 | block << 8, "FD", "AcmeDose")
        assert field_name(Tag(0x00290002 | block << 8), "ACME 1.1 ", known) == "AcmeName"
    assert known.lookup(0x00291001, "OTHER") is None and known.lookup(0x00291001) is None
    assert known.lookup(0x00311001, "ACME 1.1") is None and known.lookup(0x00290001, "ACME 1.1") is None
    assert field_name(Tag(0x00291001), "OTHER", known) == "Private_0029_1001"


def test_the_set_dictionary_is_that_of_the_context(mine: str) -> None:
    assert os.path.basename(str(dicomdict("GET"))) == "dicom-dict.txt"
    dicomdict("Set", mine)
    assert dicomdict("get") == mine and dicomlookup("DaysSincePriorStudy") == (0x9003, 0x1038)
    assert dicomlookup(0x9003, 0x1038) == "DaysSincePriorStudy"
    seen = []
    thread = threading.Thread(target=lambda: seen.append(contextvars.Context().run(dicomdict, "get")))
    thread.start()
    thread.join()
    assert os.path.basename(seen[0]) == "dicom-dict.txt"
    # what a copy of the context does stays there
    contextvars.copy_context().run(dicomdict, "factory")
    assert dicomdict("get") == mine
    dicomdict("factory")
    assert dicomlookup(0x9003, 0x1038) == "" and os.path.basename(str(dicomdict("get"))) == "dicom-dict.txt"


def test_the_built_in_dictionary_may_be_set_by_its_path() -> None:
    dicomdict("set", dicomdict("get"))
    assert dicomlookup("PatientName") == (0x10, 0x10) and not active().own


def test_a_changed_file_is_read_again(mine: str) -> None:
    assert active(mine) is active(mine)
    Path(mine).write_text("(9003,1038) FL Other 1\n")
    os.utime(mine, ns=(1, 1))
    assert active(mine).lookup(0x90031038).keyword == "Other" and active(mine).lookup(0x0019100E) is None


@pytest.mark.parametrize(("text", "words"), [
    ("(9003,1038) FL", "line 1 of the dictionary"),
    ("# x\n\n(9003,1038) QQ Name 1", "line 3 of the dictionary: 'QQ' is no VR"),
    ("(0029,xx01) FD Dose 1 ACME\n(0029,xx01) FD 2Dose 1 ACME", "line 2 of the dictionary: '2Dose' is no keyword"),
    ("(0028,xx01) FD Dose 1 ACME", "line 1 of the dictionary: a row with a creator, here .* is of one private element"),
    ("(0029,0010) LO Dose 1 ACME", "line 1 of the dictionary: a row with a creator, here .* is of one private element"),
    ("(00xx,1001) LO Dose 1 ACME", "line 1 of the dictionary: a row with a creator, here .* is of one private element"),
    ("(9003,1038) FL Filename 1", "line 1 of the dictionary: Filename cannot be a keyword"),
    ("(9003,1038) FL Private_0019_1001 1", "line 1 of the dictionary: .* cannot be a keyword"),
    ("(9003,1038) FL Item_1 1 ACME", "line 1 of the dictionary: .* cannot be a keyword"),
    ("(9003,1038) FL " + "x" * 3000 + " 1", "line 1 of the dictionary: 3017 bytes"),
    ("(9003,1038) FL Name 0", "line 1 of the dictionary"),
])
def test_a_faulty_dictionary_is_refused_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "faulty.txt"
    path.write_text(text)
    for act in (lambda: active(path), lambda: dicomdict("set", path)):
        with pytest.raises(ValueError, match=words) as caught:
            act()
        assert str(path) in str(caught.value)
    assert os.path.basename(str(dicomdict("get"))) == "dicom-dict.txt"


def test_text_that_is_not_utf_8_is_refused_outside_of_comments(tmp_path: Path) -> None:
    path = tmp_path / "latin.txt"
    path.write_bytes(b"\xef\xbb\xbf# M\xfcller\n(9003,1038) FL Name 1\n")
    assert active(path).lookup(0x90031038).keyword == "Name"
    path.write_bytes(b"(9003,1038) FL N\xfcme 1\n")
    with pytest.raises(ValueError, match=r"line 1 .*UTF-8"):
        active(path)


def test_what_is_no_dictionary_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        dicomdict("set", tmp_path / "none.txt")
    other = tmp_path / "dict.mat"
    other.write_text("")
    with pytest.raises(ValueError, match=r"a dictionary is a \.txt file"):
        dicomdict("set", other)
    folder = tmp_path / "folder.txt"
    folder.mkdir()
    with pytest.raises(ValueError, match="a dictionary is a text file"):
        active(folder)
    # which would wait for a writer for ever
    os.mkfifo(tmp_path / "pipe.txt")
    with pytest.raises(ValueError, match="a dictionary is a text file"):
        active(tmp_path / "pipe.txt")
    large = tmp_path / "large.txt"
    with large.open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(ValueError, match="1073741824 bytes are no dictionary"):
        active(large)
    for act in ("get", "factory"):
        with pytest.raises(TypeError, match="takes no file"):
            dicomdict(act, large)
    with pytest.raises(TypeError, match="takes the path"):
        dicomdict("set")
    for action in ("put", None, 3):
        with pytest.raises(ValueError, match='"get", "set" or "factory"'):
            dicomdict(action)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"path of a \.txt file"):
        active(3)  # type: ignore[arg-type]


@given(st.binary(max_size=300))
def test_any_bytes_are_a_dictionary_or_a_value_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.txt"
    path.write_bytes(data)
    os.utime(path, ns=(hash(data) & 2**31 - 1, hash(data) & 2**31 - 1))
    try:
        active(path)
    except ValueError as error:
        assert "line " in str(error)


# --------------------------------------------------------------------- UIDs


def test_each_uid_is_another_legal_one_and_none_of_mathworks() -> None:
    made = {dicomuid() for _ in range(2000)}
    assert len(made) == 2000
    for uid in made:
        assert pydicom.uid.UID(uid).is_valid and uid.startswith("2.25.") and len(uid) <= 64
