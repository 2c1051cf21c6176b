"""Specific Character Set: the examples of PS3.5 annexes H to K byte by byte, and the laws of code extension (PS3.5 6.1.2.5)."""

from __future__ import annotations

import copy
import functools
import os
import pickle
import random
import subprocess
import sys
import time
import warnings

import pydicom.charset
import pydicom.data
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.valuerep import PersonName

from dcmenc.charset import DEFAULT, UTF8, CharacterSet, character_set, read_character_set
from dcmenc.errors import EncodeError, ReadError, UnencodableText

SINGLE = ["100", "101", "109", "110", "126", "127", "138", "144", "148", "166", "203"]
ALONE = ["ISO_IR 192", "GB18030", "GBK"]
EXTENSIONS = [
    "\\ISO 2022 IR 87",
    "\\ISO 2022 IR 87\\ISO 2022 IR 159",
    "\\ISO 2022 IR 149",
    "\\ISO 2022 IR 58",
    "ISO 2022 IR 6\\ISO 2022 IR 159",
    "ISO 2022 IR 13\\ISO 2022 IR 87",
    "ISO 2022 IR 13\\ISO 2022 IR 87\\ISO 2022 IR 159",
    "ISO 2022 IR 13\\ISO 2022 IR 100",
    "ISO 2022 IR 100\\ISO 2022 IR 144",
    "ISO 2022 IR 100\\ISO 2022 IR 126\\ISO 2022 IR 138",
    "ISO 2022 IR 101\\ISO 2022 IR 127\\ISO 2022 IR 166\\ISO 2022 IR 203",
    "\\ISO 2022 IR 109\\ISO 2022 IR 110\\ISO 2022 IR 148",
    "\\ISO 2022 IR 149\\ISO 2022 IR 58\\ISO 2022 IR 87",
    "ISO 2022 IR 126\\ISO 2022 IR 87\\ISO 2022 IR 149",
]
EVERY = ["", "ISO_IR 6", "ISO_IR 13", *("ISO_IR " + n for n in SINGLE), *("ISO 2022 IR " + n for n in SINGLE), *ALONE, *EXTENSIONS]
BMP = [chr(point) for point in range(0x10000) if not 0xD800 <= point < 0xE000]

# (0008,0005), VR, text, bytes
EXAMPLES = {
    "H.3.1": (
        "\\ISO 2022 IR 87",
        "PN",
        "Yamada^Tarou=山田^太郎=やまだ^たろう",
        "59616D6164615E5461726F753D1B24423B3345441B28425E1B244242404F3A1B28423D1B24422464245E24401B28425E1B2442243F246D24261B2842",
    ),
    "H.3.2": (
        "ISO 2022 IR 13\\ISO 2022 IR 87",
        "PN",
        "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
        "D4CFC0DE5EC0DBB33D1B24423B3345441B284A5E1B244242404F3A1B284A3D1B24422464245E24401B284A5E1B2442243F246D24261B284A",
    ),
    "I.2": (
        "\\ISO 2022 IR 149",
        "PN",
        "Hong^Gildong=洪^吉洞=홍^길동",
        "486F6E675E47696C646F6E673D1B242943FBF35E1B242943D1CED4D73D1B242943C8AB5E1B242943B1E6B5BF",
    ),
    "J.1": (
        "ISO_IR 192",
        "PN",
        "Wang^XiaoDong=王^小東=",
        "57616E675E5869616F446F6E673DE78E8B5EE5B08FE69DB13D",
    ),
    "J.2": (
        "ISO_IR 192",
        "LT",
        "The first line includes中文.\r\nThe second line includes中文, too.\r\nThe third line.\r\n",
        "546865206669727374206C696E6520696E636C75646573E4B8ADE696872E0D0A546865207365636F6E64206C696E6520696E636C75646573E4B8ADE69687"
        "2C20746F6F2E0D0A546865207468697264206C696E652E0D0A",
    ),
    "J.3": ("GB18030", "PN", "Wang^XiaoDong=王^小东=", "57616E675E5869616F446F6E673DCDF55ED0A1B6AB3D"),
    "J.3 in GBK": ("GBK", "PN", "Wang^XiaoDong=王^小东=", "57616E675E5869616F446F6E673DCDF55ED0A1B6AB3D"),
    "K.2": (
        "\\ISO 2022 IR 58",
        "PN",
        "Zhang^XiaoDong=张^小东= ",
        "5A68616E675E5869616F446F6E673D1B242941D5C55E1B242941D0A1B6AB3D20",
    ),
    "K.3": (
        "\\ISO 2022 IR 58",
        "LT",
        "1.第一行文字。\r\n2.第二行文字。\r\n3.第三行文字。\r\n",
        "312E1B242941B5DAD2BBD0D0CEC4D7D6A1A30D0A322E1B242941B5DAB6FED0D0CEC4D7D6A1A30D0A332E1B242941B5DAC8FDD0D0CEC4D7D6A1A30D0A",
    ),
    "Arabic": ("ISO_IR 127", "PN", "قباني^لنزار", "E2C8C7E6EA5EE4E6D2C7D1"),
    "French": ("ISO_IR 100", "PN", "Buc^Jérôme", "4275635E4AE972F46D65"),
    "German": ("ISO_IR 100", "PN", "Äneas^Rüdiger", "C46E6561735E52FC6469676572"),
    "Greek": ("ISO_IR 126", "PN", "Διονυσιος", "C4E9EFEDF5F3E9EFF2"),
    "Hebrew": ("ISO_IR 138", "PN", "שרון^דבורה", "F9F8E5EF5EE3E1E5F8E4"),
    "Russian": ("ISO_IR 144", "PN", "Люкceмбypг", "BBEEDA6365DCD17970D3"),
    "Thai": ("ISO_IR 166", "LO", "ไทย", "E4B7C2"),
    "Latin 9": ("ISO_IR 203", "LO", "Œ €", "BC20A4"),
    "Latin 1, then Cyrillic, then Latin 1": (
        "ISO 2022 IR 100\\ISO 2022 IR 144",
        "PN",
        "é^Л é^é",
        "E95E1B2D4CBB201B2D41E95EE9",
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_of_the_standard_are_written_and_read_byte_by_byte(name: str) -> None:
    terms, vr, text, coded = EXAMPLES[name]
    assert character_set(terms).encode(text, vr) == bytes.fromhex(coded)
    assert character_set(terms).decode(bytes.fromhex(coded), vr) == text


def test_i3_reads_a_designation_at_the_head_of_the_line() -> None:
    head = b"\x1b$)C"
    data = (
        head
        + b"The first line includes \xc7\xd1\xb1\xdb.\r\n"
        + head
        + b"The second line includes \xc7\xd1\xb1\xdb, too.\r\nThe third line"
    )
    text = "The first line includes 한글.\r\nThe second line includes 한글, too.\r\nThe third line"
    korean = character_set("\\ISO 2022 IR 149")
    assert korean.decode(data, "LT") == text
    assert korean.decode(korean.encode(text, "LT"), "LT") == text


# The files' names: value as in the file, whether the bytes are those that dcmenc writes too.
FILES = {
    "chrArab.dcm": True,
    "chrFren.dcm": True,
    "chrFrenMulti.dcm": True,
    "chrGerm.dcm": True,
    "chrGreek.dcm": True,
    "chrH31.dcm": True,
    "chrH32.dcm": True,
    "chrHbrw.dcm": True,
    "chrI2.dcm": True,
    "chrJapMulti.dcm": True,
    "chrJapMultiExplicitIR6.dcm": True,
    "chrKoreanMulti.dcm": False,  # a needless ESC ( B ends each value: G0 never left ASCII
    "chrRuss.dcm": True,
    "chrSQEncoding.dcm": False,  # ISO 2022 IR 13 is value 1, yet the name goes back to ASCII instead of romaji
    "chrSQEncoding1.dcm": False,
    "chrX1.dcm": True,
    "chrX2.dcm": True,
}


def text_elements(dataset: pydicom.Dataset, inherited: str) -> list[tuple[str, str, bytes, list[str]]]:
    """(terms, VR, raw bytes, pydicom's texts) of every text element at any depth."""
    value = dataset.SpecificCharacterSet if 0x00080005 in dataset else inherited
    terms = value if isinstance(value, str) else "\\".join(value or "")
    found = []
    for tag in dataset.keys():  # noqa: SIM118 (iterating a pydicom dataset converts its elements)
        raw = dataset.get_item(tag)
        element = copy.deepcopy(dataset)[tag] if raw.is_raw else raw
        if element.VR == "SQ":
            for item in dataset[tag].value:
                found += text_elements(item, terms)
        elif element.VR in {"LO", "LT", "PN", "SH", "ST", "UC", "UT"} and raw.is_raw and raw.value:
            texts = [str(text) for text in element.value] if element.VM > 1 else [str(element.value)]
            found.append((terms, element.VR, raw.value, texts))
    return found


@pytest.mark.parametrize("name", FILES)
def test_the_files_of_the_annexes_are_read_as_pydicom_reads_them_and_written_as_they_are(name: str) -> None:
    (path,) = pydicom.data.get_charset_files(name)
    elements = text_elements(pydicom.dcmread(path, force=True), "")
    assert any(max(raw) > 0x7F or b"\x1b" in raw for _, _, raw, _ in elements)
    for terms, vr, raw, texts in elements:
        charset = character_set(terms)
        values = charset.decode_values(raw, vr)
        assert [value.rstrip(" =") for value in values] == [text.rstrip(" =") for text in texts]
        if FILES[name]:
            assert b"\\".join(charset.encode(value, vr) for value in values) == raw


def survivors(terms: str, characters: list[str], vr: str) -> list[str]:
    """The characters that a set holds, each of them checked by a round trip."""
    charset = character_set(terms)
    held = []
    for ch in characters:
        try:
            data = charset.encode(ch, vr)
        except EncodeError:
            continue
        assert charset.decode(data, vr) == ch, (terms, ch, data)
        if len(charset.terms) > 1:
            assert final_state(data, charset), (terms, ch, data)
        held.append(ch)
    return held


# Every script up to Arabic, Thai, symbols, kana, half-width forms, and a few ideographs and syllables.
SCRIPTS = [
    chr(point)
    for block in ((0, 0x600), (0x600, 0x660), (0xE00, 0xE60), (0x2000, 0x2300), (0x3000, 0x3100), (0xFF00, 0xFFF0))
    for point in range(*block)
]
SAMPLE = SCRIPTS + random.Random(0).sample([ch for ch in BMP if "\u3400" <= ch <= "\ud7ff"], 700)


@functools.cache
def repertoire(terms: str) -> tuple[str, ...]:
    """At most 400 characters that a set holds in every VR, of every script that it has."""
    held = [ch for ch in survivors(terms, SAMPLE, "LO") if ch >= " " and ch not in "^=¥‾\x7f"]
    return tuple(random.Random(1).sample(held, min(len(held), 400)))


@pytest.mark.parametrize("terms", ["", "ISO_IR 13", *("ISO_IR " + n for n in SINGLE), *ALONE])
def test_every_character_of_a_set_without_extensions_survives(terms: str) -> None:
    size = {"": 128, "ISO_IR 13": 33 + 95 + 63, "ISO_IR 192": len(BMP), "GB18030": len(BMP), "GBK": 128 + 21791}
    right = {"100": 96, "101": 96, "109": 89, "110": 96, "126": 90, "127": 51, "138": 58, "144": 96, "148": 96, "166": 87, "203": 96}
    wanted = size[terms] if terms in size else 160 + right[terms.removeprefix("ISO_IR ")]
    assert len(survivors(terms, BMP, "LT")) == wanted


@pytest.mark.parametrize(
    ("terms", "codec", "prefix"),
    [
        ("\\ISO 2022 IR 87", "iso2022_jp", b"\x1b$B"),
        ("\\ISO 2022 IR 159", "iso2022_jp_1", b"\x1b$(D"),
        ("\\ISO 2022 IR 149", "euc_kr", b""),
        ("\\ISO 2022 IR 58", "gb2312", b""),
    ],
)
def test_every_code_of_a_multi_byte_set_is_read_and_written(terms: str, codec: str, prefix: bytes) -> None:
    charset = character_set(terms)
    high = 0 if prefix else 0x80
    escape = prefix or (b"\x1b$)C" if codec == "euc_kr" else b"\x1b$)A")
    held = 0
    for row in range(0x21, 0x7F):
        for cell in range(0x21, 0x7F):
            code = bytes((row | high, cell | high))
            try:
                ch = (prefix + code).decode(codec)
            except UnicodeDecodeError:
                with pytest.raises(ReadError):
                    charset.decode(escape + code, "LO")
                continue
            assert charset.decode(escape + code, "LO") == ch
            if ch != "~":  # JIS X 0212 has a tilde of its own that Python reads as ASCII's
                assert charset.encode(ch, "LO") == escape + code + (b"\x1b(B" if prefix else b"")
            held += 1
    assert held == {"iso2022_jp": 6879, "iso2022_jp_1": 6067, "euc_kr": 8225, "gb2312": 7445}[codec]


@pytest.mark.parametrize("terms", EXTENSIONS)
def test_every_character_of_several_sets_survives_in_every_kind_of_vr(terms: str) -> None:
    for vr in ("LO", "PN", "UT"):
        assert len(survivors(terms, SAMPLE, vr)) > 180


def final_state(data: bytes, charset: CharacterSet) -> bool:
    """Whether the last designations of a value are those of value 1."""
    first = charset.terms[0].removeprefix("ISO 2022 IR ") or "6"
    finals = {"100": b"A", "101": b"B", "109": b"C", "110": b"D", "126": b"F", "127": b"G", "138": b"H", "144": b"L", "148": b"M"}
    finals |= {"166": b"T", "203": b"b"}
    left = start_left = b"\x1b(J" if first == "13" else b"\x1b(B"
    right = start_right = b"\x1b)I" if first == "13" else b"\x1b-" + finals[first] if first in finals else b""
    for piece in data.split(b"\x1b")[1:]:
        if piece[:1] in b"-)" or piece[:2] == b"$)":
            right = b"\x1b" + piece[: 3 if piece[:1] == b"$" else 2]
        else:
            left = b"\x1b" + piece[: 3 if piece[:2] == b"$(" else 2]
    return left == start_left and (right == start_right or not start_right)


def texts_of(terms: str) -> st.SearchStrategy[str]:
    return st.text(st.one_of(st.sampled_from(repertoire(terms)), st.sampled_from("A ?\t\r\n\f")), max_size=24)


@pytest.mark.parametrize("terms", EVERY)
def test_decoding_undoes_encoding_and_every_value_ends_in_the_initial_state(terms: str) -> None:
    charset = character_set(terms)

    @settings(max_examples=40, deadline=None, database=None)
    @given(st.sampled_from(["LO", "PN", "UT"]), st.lists(texts_of(terms), min_size=1, max_size=3))
    def check(vr: str, texts: list[str]) -> None:
        if vr == "PN":
            texts = ["^".join(texts) + "=" + texts[0]]
        if vr == "UT":
            texts = texts[:1]
        coded = [charset.encode(text, vr) for text in texts]
        assert [charset.decode(value, vr) for value in coded] == texts
        whole = charset.decode_values(b"\\".join(coded), vr)
        assert whole == ([] if texts == [""] else texts)
        if len(charset.terms) > 1:
            assert all(final_state(value, charset) for value in coded)

    check()


# pydicom knows no ISO-IR 203; it writes ISO-IR 58 without its escape sequence, and leaves that in the text when reading.
PYDICOM = [terms for terms in EVERY if terms and "203" not in terms and "IR 58" not in terms]


@pytest.mark.parametrize("terms", PYDICOM)
def test_pydicom_reads_what_dcmenc_writes(terms: str) -> None:
    charset = character_set(terms)
    encodings = pydicom.charset.convert_encodings(terms.split("\\"))
    # pydicom splits names before it decodes them, so codes that look like delimiters are left out here.
    plain = [ch for ch in repertoire(terms) if not set(charset.encode(ch, "UT")) & set(b"\\^=")]

    @settings(max_examples=60, deadline=None, database=None)
    @given(
        st.text(st.sampled_from(repertoire(terms)), max_size=18),
        st.lists(st.text(st.sampled_from(plain), min_size=1, max_size=6), min_size=1, max_size=3),
    )
    def check(text: str, parts: list[str]) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", "The PN component length")
            assert pydicom.charset.decode_bytes(charset.encode(text, "LO"), encodings, {0x0D, 0x0A, 0x09, 0x0C}) == text
            assert str(PersonName(charset.encode("^".join(parts), "PN"), encodings)) == "^".join(parts)

    check()


# pydicom takes Latin-1 for the default repertoire, and leaves G0 in JIS X 0208 when value 1 is neither ASCII nor JIS X 0201.
@pytest.mark.parametrize("terms", [terms for terms in PYDICOM if not ("IR 87" in terms and "IR 126" in terms)])
def test_dcmenc_reads_what_pydicom_writes(terms: str) -> None:
    charset = character_set(terms)
    encodings = pydicom.charset.convert_encodings(terms.split("\\"))
    latin = encodings[0] == "iso8859"

    @settings(max_examples=60, deadline=None, database=None)
    @given(st.text(st.sampled_from([ch for ch in repertoire(terms) if ch != "~" and not (latin and "\x7f" < ch <= "\xff")]), max_size=12))
    def check(text: str) -> None:
        with warnings.catch_warnings(record=True) as given_up:
            warnings.simplefilter("always")
            coded = pydicom.charset.encode_string(text, encodings)
        if not given_up:
            assert charset.decode(coded, "LO") == text

    check()


@pytest.mark.parametrize(
    ("terms", "text", "coded"),
    [
        ("GB18030", "乗^b", "815C5E62"),
        ("GBK", "俓", "825C"),
        ("\\ISO 2022 IR 87", "綾移緯", "1B2442303D305C305E1B2842"),
        ("\\ISO 2022 IR 87", "＝＼＾", "1B24422161214021301B2842"),
    ],
)
def test_bytes_that_look_like_delimiters_do_not_split(terms: str, text: str, coded: str) -> None:
    charset = character_set(terms)
    assert charset.encode(text, "PN") == bytes.fromhex(coded)
    for vr in ("LO", "PN", "UT"):
        data = charset.encode(text, vr)
        assert charset.decode(data, vr) == text
        assert charset.decode_values(data, vr) == [text]
    assert charset.decode_values(b"\\".join([charset.encode(text, "LO")] * 3), "LO") == [text] * 3


def test_no_trail_byte_of_a_chinese_set_splits_a_value() -> None:
    for terms in ("GB18030", "GBK"):
        charset = character_set(terms)
        text = [ch for ch in survivors(terms, BMP[0x4E00:0xA000], "LO") if any(byte in charset.encode(ch, "LO")[1:] for byte in b"\\^=")]
        assert len(text) > 200
        assert charset.decode_values(charset.encode("".join(text), "LO"), "LO") == ["".join(text)]


def test_a_backslash_is_text_in_one_valued_vrs_and_a_delimiter_elsewhere() -> None:
    latin = character_set("ISO_IR 100")
    assert latin.encode("é\\é", "UT") == b"\xe9\\\xe9"
    assert latin.decode_values(b"\xe9\\\xe9", "UT") == ["é\\é"]
    assert latin.decode_values(b"\xe9\\\xe9", "LO") == ["é", "é"]
    assert latin.decode_values(b"", "LO") == latin.decode_values(b"", "UT") == []
    assert latin.decode_values(b"\\", "LO") == ["", ""]
    for vr in ("LO", "PN", "SH", "UC"):
        with pytest.raises(EncodeError, match="separates the values"):
            latin.encode("é\\é", vr)


def test_the_initial_state_is_restored_before_control_characters_and_name_delimiters() -> None:
    japanese = character_set("\\ISO 2022 IR 87")
    for stop in "\r\n\f\t":
        assert japanese.encode(f"山{stop}田", "LT") == b"\x1b$B;3\x1b(B" + stop.encode() + b"\x1b$BED\x1b(B"
    assert japanese.encode("山^田=山", "PN") == b"\x1b$B;3\x1b(B^\x1b$BED\x1b(B=\x1b$B;3\x1b(B"
    greek = character_set("ISO 2022 IR 100\\ISO 2022 IR 126")
    assert greek.encode("αé^é", "PN") == b"\x1b-F\xe1\x1b-A\xe9^\xe9"
    assert greek.encode("α^é", "PN") == b"\x1b-F\xe1\x1b-A^\xe9"
    assert greek.encode("α^é", "LO") == b"\x1b-F\xe1^\x1b-A\xe9"
    assert greek.decode(b"\x1b-F\xe1^\xe9", "PN") == "α^é"
    assert greek.decode(b"\x1b-F\xe1\\\xe9", "LO") == "α\\é"
    assert greek.decode(b"\x1b-F\xe1\t\xe9", "LO") == "α\té"
    assert greek.decode(b"\x1b-F\xe1\\^\xe9", "UT") == "α\\^ι"


def test_the_element_in_use_is_kept_while_it_holds_the_next_character() -> None:
    charset = character_set("ISO 2022 IR 126\\ISO 2022 IR 87")
    assert charset.encode("山\tα", "LO") == b"\x1b$B;3\x1b(B\t\xe1"
    assert charset.encode("α山α山", "LO") == b"\xe1\x1b$B;3&A;3\x1b(B"


def test_a_multi_byte_g0_set_is_left_before_g1_is_used() -> None:
    katakana = character_set("ISO 2022 IR 13\\ISO 2022 IR 87")
    assert katakana.encode("山ｱ", "LO") == b"\x1b$B;3\x1b(J\x1b)I\xb1"
    assert katakana.decode(b"\x1b$B;3\xb1ED\x1b(J", "LO") == "山ｱ田"  # as ISO 2022 allows
    korean = character_set("\\ISO 2022 IR 149\\ISO 2022 IR 87")
    assert korean.encode("김辻김A", "LO") == b"\x1b$)C\xb1\xe8\x1b$BDT\x1b(B\x1b$)C\xb1\xe8A"


def test_jis_x_0201_has_a_yen_sign_in_the_place_of_the_backslash() -> None:
    japanese = character_set("ISO_IR 13")
    assert japanese.encode("ﾃｽﾄ¥‾A", "UT") == b"\xc3\xbd\xc4\\~A"
    assert japanese.decode(b"\xc3\\~", "LT") == "ﾃ¥‾"
    assert japanese.decode_values(b"\xc3\\~", "LO") == ["ﾃ", "‾"]
    assert not japanese.ascii_unchanged
    for vr in ("LO", "PN", "SH", "UC"):
        with pytest.raises(UnencodableText, match="5CH separates"):
            japanese.encode("ﾃ¥", vr)
    for text in ("a\\b", "~"):
        with pytest.raises(UnencodableText, match="ISO_IR 192"):
            japanese.encode(text, "UT")
    assert character_set("ISO 2022 IR 13\\ISO 2022 IR 100").encode("¥~", "LO") == b"\x1b-A\xa5\x1b(B~\x1b(J\x1b)I"


@pytest.mark.parametrize(
    ("terms", "text", "index"),
    [
        ("", "Jérôme", 1),
        ("ISO_IR 100", "Łódź", 0),
        ("ISO_IR 100", "a€", 1),
        ("ISO_IR 126", "α€", 1),
        ("ISO_IR 138", "א\u200f", 1),
        ("ISO 2022 IR 100\\ISO 2022 IR 126", "é€", 1),
        ("ISO_IR 166", "ไé", 1),
        ("GBK", "王😀", 1),
        ("\\ISO 2022 IR 87", "山é", 1),
        ("\\ISO 2022 IR 87", "～", 0),
        ("\\ISO 2022 IR 149", "한똠", 1),
        ("\\ISO 2022 IR 58", "张東", 1),
        ("\\ISO 2022 IR 87", "山\x1b(B", 1),
        ("\\ISO 2022 IR 87", "a\x1b(B", 1),
        ("ISO 2022 IR 100\\ISO 2022 IR 126", "é\x85", 1),
        ("ISO_IR 13", "ｱ山", 1),
    ],
)
def test_a_character_outside_the_declared_sets_is_refused_by_name(terms: str, text: str, index: int) -> None:
    charset = character_set(terms)
    with pytest.raises(UnencodableText) as caught:
        charset.encode(text, "LO")
    message = str(caught.value)
    assert repr(text[index]) in message and f"U+{ord(text[index]):04X}" in message and f"index {index} " in message
    assert message.endswith("declare ISO_IR 192")
    assert (terms or "no Specific Character Set") in message
    marked = charset.encode(text, "LO", replace=True)
    assert charset.decode(marked, "LO")[index] == "?"
    assert charset.decode(marked, "LO")[:index] == text[:index]


@pytest.mark.parametrize("terms", EVERY)
def test_half_a_surrogate_pair_is_refused_even_where_marks_are_asked_for(terms: str) -> None:
    for replace in (False, True):
        with pytest.raises(UnencodableText, match=r"U\+D83D.* index 1 is half"):
            character_set(terms).encode("a\ud83d", "LO", replace)


@pytest.mark.parametrize("terms", EVERY)
def test_text_is_never_lost_in_silence(terms: str) -> None:
    charset = character_set(terms)

    @settings(max_examples=40, deadline=None, database=None)
    @given(st.text(max_size=12), st.sampled_from(["LO", "PN", "UT"]))
    def check(text: str, vr: str) -> None:
        try:
            assert charset.decode(charset.encode(text, vr), vr) == text
        except EncodeError:
            assert terms != "ISO_IR 192" or "\\" in text
            return

    check()


def test_the_default_repertoire_is_ascii() -> None:
    assert character_set(None) == character_set("") == character_set(("",)) == DEFAULT
    assert (DEFAULT.terms, DEFAULT.declared, DEFAULT.utf8, DEFAULT.ascii_unchanged) == ((), False, False, True)
    assert (UTF8.terms, UTF8.declared, UTF8.utf8) == (("ISO_IR 192",), True, True)
    with pytest.raises(ReadError, match="E9H at offset 1 "):
        DEFAULT.decode(b"J\xe9", "LO")
    assert DEFAULT.decode(b"J\xe9", "LO", errors="replace") == "J\ufffd"


def test_a_vr_without_character_set_is_refused() -> None:
    for vr in ("CS", "UI", "OB", "??"):
        with pytest.raises(EncodeError, match="does not apply"):
            UTF8.encode("é", vr)
        with pytest.raises(EncodeError, match="does not apply"):
            UTF8.decode(b"e", vr)


@pytest.mark.parametrize(
    ("terms", "advice"),
    [
        ("ISO IR 100", "write 'ISO_IR 100'"),
        ("iso_ir 192", "write 'ISO_IR 192'"),
        ("UTF-8", "write 'ISO_IR 192'"),
        ("ISO_2022_IR_100\\ISO 2022 IR 144", "write 'ISO 2022 IR 100'"),
        ("\\ISO 2022 58", "write 'ISO 2022 IR 58'"),
        ("ISO 2022 GBK", "write 'GBK'"),
        ("ISO_IR 100\\ISO_IR 144", "write 'ISO 2022 IR 100'"),
        ("ISO_IR 13\\ISO 2022 IR 87", "write 'ISO 2022 IR 13'"),
        ("ISO 2022 IR 87", "write '\\ISO 2022 IR 87'"),
        ("ISO 2022 IR 149\\ISO 2022 IR 100", "write '\\ISO 2022 IR 149'"),
        ("ISO_IR 192\\ISO 2022 IR 100", "declare it alone"),
        ("\\ISO_IR 192", "declare it alone"),
        ("ISO 2022 IR 100\\GB18030", "declare it alone"),
        ("ISO 2022 IR 100\\\\ISO 2022 IR 144", "leave the others out"),
        ("ISO_IR 1000", "ISO_IR 100"),
        ("Klingon", "known are ISO_IR 192"),
    ],
)
def test_a_wrong_term_is_refused_with_the_right_one(terms: str, advice: str) -> None:
    for form in (terms, tuple(terms.split("\\"))):
        with pytest.raises(EncodeError) as caught:
            character_set(form)
        assert advice in str(caught.value)


@pytest.mark.parametrize(
    ("terms", "mended"),
    [
        ("ISO IR 100", "ISO_IR 100"),
        ("ISO-IR 192 ", "ISO_IR 192"),
        ("ISO 2022-IR 100\\ISO_2022_IR_144", "ISO 2022 IR 100\\ISO 2022 IR 144"),
        ("ISO_IR 13\\ISO 2022 IR 87", "ISO 2022 IR 13\\ISO 2022 IR 87"),
        ("\\ISO 2022 58", "\\ISO 2022 IR 58"),
        ("ISO 2022 GBK", "GBK"),
        ("ISO_IR 192\\ISO 2022 IR 100", "ISO_IR 192"),
        ("ISO 2022 IR 100\\ISO_IR 192", "ISO 2022 IR 100"),
        ("\\GB18030", ""),
        ("ISO_IR 100\\", "ISO_IR 100"),
        ("ISO_IR 149", "ISO 2022 IR 149"),
        (" \0", ""),
    ],
)
def test_reading_mends_what_files_declare(terms: str, mended: str) -> None:
    assert "\\".join(read_character_set(terms).terms) == mended
    assert read_character_set(terms) == read_character_set(mended)


@pytest.mark.parametrize("terms", EVERY)
def test_reading_changes_nothing_in_legal_declarations(terms: str) -> None:
    assert read_character_set(terms) == character_set(terms)


def test_reading_refuses_a_term_without_sense() -> None:
    for terms in ("Klingon", "ISO_IR 999", "ISO", "ISO 2022"):
        with pytest.raises(ReadError, match="not a defined term"):
            read_character_set(terms)


def test_a_multi_byte_set_as_value_1_is_read_with_and_without_escape_sequences() -> None:
    korean = read_character_set("ISO 2022 IR 149")
    assert korean.decode(b"\xb1\xe8^\x1b$)C\xc8\xf1", "PN") == "김^희"
    assert korean.decode(korean.encode("김 A", "PN"), "PN") == "김 A"
    japanese = read_character_set("ISO 2022 IR 87")
    assert japanese.encode("A山A", "LO") == b"A\x1b$B;3\x1b(BA"
    assert japanese.decode(b"A\x1b$B;3\x1b(BA", "LO") == "A山A"


def test_spaces_inside_a_multi_byte_run_are_spaces() -> None:
    assert character_set("\\ISO 2022 IR 87").decode(b"\x1b$B;3 ED  \x1b(B ", "LO") == "山 田   "
    assert character_set("\\ISO 2022 IR 149").decode(b"\x1b$)C\xb1\xe8 \xc8\xf1 ", "LO") == "김 희 "


def test_composed_syllables_are_read_though_never_written() -> None:
    assert character_set("\\ISO 2022 IR 149").decode(b"\x1b$)C" + "똠".encode("euc_kr"), "LO") == "똠"


@pytest.mark.parametrize(
    ("terms", "data", "place"),
    [
        ("ISO_IR 192", b"a\xff", "FFH at offset 1 "),
        ("GB18030", b"ab\x81", "81H at offset 2 "),
        ("ISO_IR 126", b"\xd2", "D2H at offset 0 "),
        ("\\ISO 2022 IR 149", b"a\xb1\xe8", "B1H at offset 1 "),
        ("\\ISO 2022 IR 87", b"\x1b$B;3E\x1b(B", "45H at offset 5 "),
        ("\\ISO 2022 IR 87", b"a\x1b%G", "1B 25 47 at offset 1 "),
        ("\\ISO 2022 IR 87", b"a\x1b", "1B at offset 1 "),
        ("\\ISO 2022 IR 149", b"\x1b$)C\xb1\xe8\x80", "80 at offset 6 "),
        ("ISO_IR 13", b"\xb1\xe0", "E0H at offset 1 "),
    ],
)
def test_bytes_without_meaning_are_refused_with_their_place(terms: str, data: bytes, place: str) -> None:
    charset = character_set(terms)
    with pytest.raises(ReadError) as caught:
        charset.decode(data, "PN")
    assert place in str(caught.value)
    assert "\ufffd" in charset.decode(data, "PN", errors="replace")


@pytest.mark.parametrize("terms", EVERY)
def test_hostile_bytes_give_text_or_an_error(terms: str) -> None:
    charset = character_set(terms)
    pieces = st.one_of(
        st.binary(max_size=6), st.sampled_from([b"\x1b", b"\x1b$B", b"\x1b$(D", b"\x1b)I", b"\x1b(J", b"\x1b$)C", b"\x1b-A", b"^", b"\\"])
    )

    @settings(max_examples=60, deadline=None, database=None)
    @given(st.lists(pieces, max_size=8).map(b"".join), st.sampled_from(["LO", "PN", "UT"]))
    def check(data: bytes, vr: str) -> None:
        assert isinstance(charset.decode(data, vr, errors="replace"), str)
        try:
            text = charset.decode(data, vr)
        except ReadError:
            return
        assert text == charset.decode(data, vr, errors="replace")

    check()


@pytest.mark.parametrize("data", [b"\x1b", b"\x1b$B", b"\x1b/", b"/", b"^", b"\xa1", b"\xb1\xe8^\x1b$)C", b"\x1b$B!"])
def test_decoding_takes_linear_time(data: bytes) -> None:
    charset = character_set("ISO 2022 IR 13\\ISO 2022 IR 87")

    def seconds(size: int) -> float:
        start = time.perf_counter()
        charset.decode(b"\x1b" + data * (size // len(data)), "PN", errors="replace")
        return time.perf_counter() - start

    seconds(1000)
    assert seconds(160_000) < 100 * max(seconds(10_000), 2e-4)  # quadratic: 256 times


def test_a_character_set_does_not_change_and_survives_copying() -> None:
    for terms in EVERY:
        charset = character_set(terms)
        assert pickle.loads(pickle.dumps(charset)) == copy.deepcopy(charset) == charset
        assert hash(charset) == hash(character_set(terms))
        assert character_set(tuple(terms.split("\\"))) == charset
    assert character_set("ISO_IR 100") is character_set("ISO_IR 100")
    assert character_set("ISO_IR 100") != DEFAULT and DEFAULT != "ISO_IR 6"
    assert repr(UTF8) == "CharacterSet('ISO_IR 192')"
    with pytest.raises(AttributeError, match="does not change"):
        UTF8.utf8 = False
    with pytest.raises(AttributeError, match="does not change"):
        del UTF8.utf8


def test_importing_loads_no_codec() -> None:
    loaded = "[m for m in sys.modules if 'multibyte' in m or m.startswith(('encodings.iso', 'encodings.euc', '_codecs_'))]"
    code = f"import sys, dcmenc.charset; print({loaded})"
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-X", "utf8", "-c", code], capture_output=True, text=True, env=env, check=True)
    assert done.stdout.strip() == "[]"
