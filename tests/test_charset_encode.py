"""Text through the whole encoder: declared sets and code extensions, items that change them and back, replacement, errors (PS3.5 6.1)."""

from __future__ import annotations

from typing import Any

import pytest
from reference import walk

from dcmenc import Dataset, EncodeError, Policy, UnencodableText, dumps
from dcmenc.charset import character_set

REPLACE = Policy(unencodable="replace")


def bare(**attributes: Any) -> Dataset:
    dataset = Dataset(**attributes)
    dataset.preamble = None
    return dataset


def values(dataset: Dataset, tag: int = 0x00100010, **options: Any) -> bytes:
    (found,) = [one.value for one in walk(dumps(dataset, **options)) if one.tag == tag]
    return bytes(found)


# Examples of PS3.5 annexes H to K: terms, name, bytes.
EXAMPLES = [
    (
        ["", "ISO 2022 IR 87"],
        "Yamada^Tarou=山田^太郎=やまだ^たろう",
        "59616d6164615e5461726f753d1b2442 3b33 4544 1b2842 5e 1b2442 4240 4f3a "
        "1b2842 3d 1b2442 2464 245e 2440 1b2842 5e 1b2442 243f 246d 2426 1b2842",
    ),
    (
        ["ISO 2022 IR 13", "ISO 2022 IR 87"],
        "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
        "d4cfc0de5ec0dbb33d1b24423b3345441b284a5e1b244242404f3a1b284a3d1b24422464245e24401b284a5e1b2442243f246d24261b284a",
    ),
    (
        ["", "ISO 2022 IR 149"],
        "Hong^Gildong=洪^吉洞=홍^길동",
        "486f6e675e47696c646f6e673d1b242943fbf35e1b242943d1ced4d73d1b242943c8ab5e1b242943b1e6b5bf",
    ),
    (["", "ISO 2022 IR 58"], "Zhang^XiaoDong=张^小东=", "5a68616e675e5869616f446f6e673d1b242941d5c55e1b242941d0a1b6ab3d"),
    ("ISO_IR 192", "Wang^XiaoDong=王^小東=", "57616e675e5869616f446f6e673de78e8b5ee5b08fe69db13d"),
    ("GB18030", "Wang^XiaoDong=王^小东=", "57616e675e5869616f446f6e673dcdf55ed0a1b6ab3d"),
    ("ISO_IR 100", "Buc^Jérôme", "4275635e4ae972f46d65"),
    ("ISO_IR 144", "Люкceмбypг", "bbeeda6365dcd17970d3"),
    ("ISO_IR 101", "Wałęsa", "5761b3ea7361"),
]


@pytest.mark.parametrize(("terms", "name", "wanted"), EXAMPLES, ids=[str(row[0]) for row in EXAMPLES])
@pytest.mark.parametrize("levels", [0, 2])
def test_names_become_the_bytes_of_the_standards_examples(terms: Any, name: str, wanted: str, levels: int) -> None:
    dataset = bare(SpecificCharacterSet=terms, PatientName=name)
    data = bytes.fromhex(wanted)
    assert values(dataset) == data + b" " * (len(data) % 2)
    for _ in range(levels):
        dataset = bare(ReferencedImageSequence=[dataset])
    assert data in dumps(dataset)


@pytest.mark.parametrize(
    "terms",
    [
        "ISO_IR 100",
        "ISO_IR 192",
        "GB18030",
        ["", "ISO 2022 IR 87"],
        ["ISO 2022 IR 100", "ISO 2022 IR 144"],
        "ISO_IR 144",
        "ISO_IR 166",
        "GBK",
    ],
    ids=str,
)
@pytest.mark.parametrize(
    ("keyword", "vr"),
    [
        ("PatientName", "PN"),
        ("PatientComments", "LT"),
        ("StudyDescription", "LO"),
        ("StudyID", "SH"),
        ("LongCodeValue", "UC"),
        ("TextValue", "UT"),
        ("DerivationDescription", "ST"),
    ],
)
def test_every_text_vr_is_encoded_by_the_declared_set(terms: Any, keyword: str, vr: str) -> None:
    joined = terms if isinstance(terms, str) else "\\".join(terms)
    for text in ("éa", "山 山", "Жz", "ก", "山\\山" if vr in ("LT", "ST", "UT") else "x山", "a\r\n山" if vr in ("LT", "UT", "ST") else "é"):
        dataset = bare(SpecificCharacterSet=terms, **{keyword: text})
        try:
            wanted = character_set(joined).encode(text, vr)
        except UnencodableText:
            with pytest.raises(UnencodableText, match=r"^\([0-9A-F,]{9}\): .*outside the declared character sets"):
                dumps(dataset)
        else:
            assert values(dataset, dataset._elements and max(dataset._elements)) == wanted + b" " * (len(wanted) % 2)


def test_values_are_encoded_one_by_one_and_joined_by_backslashes() -> None:
    dataset = bare(SpecificCharacterSet=["", "ISO 2022 IR 87"], OtherPatientNames=["山", "a", "山"])
    escaped = b"\x1b$B;3\x1b(B"
    assert values(dataset, 0x00101001) == escaped + b"\\a\\" + escaped + b" "
    dataset = bare(SpecificCharacterSet="GB18030", OtherPatientNames=["乗", "b"])
    assert values(dataset, 0x00101001) == "乗\\b".encode("gb18030") + b" " * (len("乗\\b".encode("gb18030")) % 2)


def test_an_item_inherits_the_set_overrides_it_and_leaves_it_behind() -> None:
    inner = Dataset(SpecificCharacterSet="ISO_IR 192", PatientName="é", ContentSequence=[Dataset(PatientName="é")])
    dataset = bare(
        SpecificCharacterSet="ISO_IR 100",
        ReferencedImageSequence=[Dataset(PatientName="é"), inner, Dataset(PatientName="é")],
        PatientName="é",
    )
    read = walk(dumps(dataset))
    items = read[1].value
    name = {one.tag: one.value for one in items[1]}
    assert items[0][0].value == b"\xe9 " == items[2][0].value == read[2].value
    assert name[0x00100010] == b"\xc3\xa9" == name[0x0040A730][0][0].value


def test_the_set_is_restored_when_an_item_fails() -> None:
    dataset = bare(
        SpecificCharacterSet="ISO_IR 100",
        ReferencedImageSequence=[Dataset(SpecificCharacterSet="ISO_IR 144", PatientName="é")],
        PatientName="é",
    )
    with pytest.raises(UnencodableText, match=r"^\(0008,1140\)\[0\]\.\(0010,0010\): 'é' \(U\+00E9\) at index 0.*ISO_IR 144"):
        dumps(dataset)
    dataset.ReferencedImageSequence[0].PatientName = "Ж"
    assert walk(dumps(dataset))[2].value == b"\xe9 "


def test_an_item_without_a_declaration_of_its_own_is_not_silently_utf_8_under_another_set() -> None:
    with pytest.raises(UnencodableText, match=r"^\(0040,A730\)\[0\]\.\(0010,0010\)"):
        dumps(bare(SpecificCharacterSet="ISO_IR 100", ContentSequence=[Dataset(PatientName="山")]))
    with pytest.raises(UnencodableText):
        dumps(bare(SpecificCharacterSet="ISO_IR 6", PatientName="é"))


@pytest.mark.parametrize(
    ("terms", "wanted"),
    [("ISO_IR 100", b"a?\xe9 "), ("ISO_IR 6", b"a?? "), (["", "ISO 2022 IR 149"], b"a??"), ("ISO_IR 166", b"a?? ")],
    ids=str,
)
def test_replacement_writes_a_question_mark_for_each_character_that_is_outside(terms: Any, wanted: bytes) -> None:
    dataset = bare(SpecificCharacterSet=terms, StudyDescription="a😀é")
    assert values(dataset, 0x00081030, policy=REPLACE).rstrip() == wanted.rstrip()
    with pytest.raises(UnencodableText):
        dumps(dataset)


def test_without_a_declaration_replacement_is_not_needed() -> None:
    assert values(bare(PatientName="山"), policy=REPLACE) == "山 ".encode()


@pytest.mark.parametrize(
    "terms",
    [
        "ISO IR 100",
        "latin1",
        ["ISO_IR 100", "ISO_IR 144"],
        ["ISO_IR 192", "ISO 2022 IR 87"],
        "ISO 2022 IR 87",
        ["ISO 2022 IR 100", "", "ISO 2022 IR 87"],
    ],
    ids=str,
)
def test_a_set_that_may_not_be_declared_is_refused_with_its_place(terms: Any) -> None:
    dataset = bare()
    with pytest.raises(EncodeError, match=r"\(0008,0005\)"):
        dataset.SpecificCharacterSet = terms
        dumps(dataset)
    with pytest.raises(EncodeError, match=r"\(0040,A730\)\[0\]\.\(0008,0005\)|^\(0008,0005\) SpecificCharacterSet"):
        item = Dataset(SpecificCharacterSet=terms)
        dumps(bare(ContentSequence=[item]))


@pytest.mark.parametrize(
    ("keyword", "text"), [("PatientComments", "a~b"), ("PatientComments", "a\\b"), ("StudyDescription", "a~b"), ("TextValue", "~")]
)
@pytest.mark.parametrize("terms", ["ISO_IR 13", "ISO 2022 IR 13"])
def test_ascii_that_means_something_else_in_jis_x_0201_is_not_written_as_if_it_were_ascii(terms: str, keyword: str, text: str) -> None:
    """5CH is the yen sign and 7EH the overline there (PS3.5 6.1.2.3, PS3.3 C.12.1.1.2)."""
    dataset = bare(SpecificCharacterSet=terms, **{keyword: text})
    vr = dataset[keyword].vr
    try:
        wanted = character_set(terms).encode(text, vr)
    except UnencodableText:
        with pytest.raises(UnencodableText):
            dumps(dataset)
    else:
        assert values(dataset, int(dataset[keyword].tag)).rstrip() == wanted
    assert values(bare(SpecificCharacterSet=terms, OtherPatientNames=["a", "b"]), 0x00101001) == b"a\\b "


@pytest.mark.parametrize("keyword", ["StationAETitle", "Modality"])
def test_vrs_without_character_sets_stay_ascii_whatever_is_declared(keyword: str) -> None:
    with pytest.raises(EncodeError):
        dumps(bare(SpecificCharacterSet="ISO_IR 192", **{keyword: "É"}))


def test_padding_counts_bytes_and_limits_count_characters() -> None:
    dataset = bare(SpecificCharacterSet="ISO_IR 192", StudyID="山" * 16)
    assert values(dataset, 0x00200010) == ("山" * 16).encode()
    with pytest.raises(EncodeError, match="at most 16"):
        bare(StudyID="山" * 17)
    assert values(bare(SpecificCharacterSet="ISO_IR 192", StudyID="山"), 0x00200010) == "山".encode() + b" "
