"""Where dcmenc writes pydicom's datasets otherwise than pydicom: one test for each row of the table in docs/pydicom.md."""

from __future__ import annotations

import io
import os
import re
import shutil
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataelem import DataElement
from pydicom.encaps import encapsulate
from test_foreign import DATA, EXPLICIT, IMPLICIT, THEIRS, named, theirs

import dcmenc
from dcmenc import EncodeError, Policy, UnencodableText, dumps

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
CT = DATA / "test_files" / "CT_small.dcm"


def tail(data: bytes, count: int) -> bytes:
    return data[-count:]


def test_text_that_no_declared_set_holds_is_an_error() -> None:
    dataset = named(SpecificCharacterSet="ISO_IR 100", PatientName="太郎", PatientComments="太郎")
    with pytest.raises(UnencodableText, match=r"^\(0010,0010\)"):
        dumps(dataset)
    assert dumps(dataset, policy=Policy(unencodable="replace")) == theirs(dataset)


def test_text_of_an_ascii_vr_beyond_ascii_is_an_error_with_its_path() -> None:
    dataset = named(SpecificCharacterSet="ISO_IR 192", Modality="Ä")
    assert tail(theirs(dataset), 2) == "Ä ".encode("latin-1")
    with pytest.raises(UnencodableText, match=r"^\(0008,0060\): CS holds ASCII only"):
        dumps(dataset)


def test_text_in_items_follows_a_new_character_set() -> None:
    dataset = named(SpecificCharacterSet="ISO_IR 100", PatientName="Müller", ReferencedStudySequence=[named(PatientName="Müller")])
    raw = theirs(dataset)
    for write, count in ((theirs, 1), (dumps, 2)):
        read = pydicom.dcmread(io.BytesIO(raw), force=True)
        read.SpecificCharacterSet = "ISO_IR 192"
        assert write(read).count("Müller".encode()) == count


def test_numbers_that_are_none_are_no_decimal_string() -> None:
    for number in (float("nan"), float("inf")):
        with pytest.raises(EncodeError, match="only finite numbers"):
            dumps(named(SliceThickness=number))


def test_no_decimal_string_is_longer_than_16_characters() -> None:
    assert tail(dumps(named(SliceThickness=1 / 3)), 16) == b"0.33333333333333"
    assert tail(theirs(named(SliceThickness=1 / 3)), 18) == b"0.3333333333333333"


def test_no_value_among_several_is_empty() -> None:
    element = DataElement(0x00280030, "DS", ["0.5", "0.25"])
    element.value._list[1] = None
    dataset = named()
    dataset.add(element)
    assert tail(dumps(dataset), 4) == b"0.5\\"
    assert tail(theirs(dataset), 8) == b"0.5\\None"


def test_a_value_of_odd_length_is_padded() -> None:
    dataset = named()
    dataset.add_new(0x00091001, "UN", b"abc")
    assert tail(dumps(dataset), 8) == b"\4\0\0\0abc\0"
    assert tail(theirs(dataset), 7) == b"\3\0\0\0abc"


def test_a_16_bit_length_is_never_undefined() -> None:
    dataset = named(PatientID="ab")
    dataset["PatientID"].is_undefined_length = True
    assert tail(dumps(dataset), 10) == b"\x10\0\x20\0LO\2\0ab"
    assert b"LO\xff\xff" in theirs(dataset)


def test_a_bytearray_is_bytes() -> None:
    dataset = named()
    dataset.add(DataElement(0x00420011, "OB", bytearray(b"abcd")))
    assert tail(dumps(dataset), 4) == b"abcd"
    with pytest.raises(TypeError):
        theirs(dataset)


def test_an_array_is_numbers() -> None:
    dataset = named()
    dataset.add(DataElement(0x00189087, "FD", np.array([1.0, 2.0])))
    assert tail(dumps(dataset), 16) == np.array([1.0, 2.0]).tobytes()
    with pytest.raises(ValueError, match="truth value"):
        theirs(dataset)


@pytest.mark.parametrize("raw", [False, True])
def test_encapsulated_pixels_in_a_native_syntax_are_an_error(raw: bool) -> None:
    dataset = named(BitsAllocated=8, Rows=2, Columns=2, PixelData=encapsulate([b"abcd"]))
    dataset["PixelData"].VR = "OB"
    if raw:
        dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.5"
        dataset["PixelData"].is_undefined_length = True
        dataset = pydicom.dcmread(io.BytesIO(bytes(128) + b"DICM" + theirs(dataset)))
        dataset.file_meta.TransferSyntaxUID = EXPLICIT
    with pytest.raises(EncodeError, match="the pixels are encapsulated"):
        dumps(dataset)
    assert encapsulate([b"abcd"])[:20] in theirs(dataset)


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205"])
def test_every_deflated_transfer_syntax_is_deflated(syntax: str) -> None:
    dataset = named(PatientID="ab")
    dataset.file_meta.TransferSyntaxUID = syntax
    head = dumps(dataset).index(syntax.encode()) + len(syntax) + len(syntax) % 2
    assert zlib.decompress(dumps(dataset)[head:], wbits=-15) == theirs(dataset)[head:]


def test_a_file_names_the_implementation_that_wrote_it() -> None:
    dataset = named(SOPClassUID="1.2", SOPInstanceUID="1.3")
    meta = pydicom.dcmread(io.BytesIO(dumps(dataset, enforce_file_format=True))).file_meta
    assert meta.ImplementationClassUID.startswith("2.25.") and meta.ImplementationVersionName.startswith("DCMENC")
    assert dumps(dataset, enforce_file_format=True, implementation=THEIRS) == theirs(dataset, enforce_file_format=True)


def test_the_callers_dataset_is_not_changed() -> None:
    for write, changed in ((theirs, True), (dumps, False)):
        dataset = pydicom.dcmread(CT)
        dataset.file_meta.TransferSyntaxUID = IMPLICIT
        before = dict(dataset._dict)
        write(dataset)
        assert (dict(dataset._dict) != before) is changed


def test_an_ambiguous_vr_stays_ambiguous_in_the_callers_dataset() -> None:
    for write, changed in ((theirs, True), (dumps, False)):
        dataset = named(PixelRepresentation=1, SmallestImagePixelValue=-5, PixelData=b"ab", BitsAllocated=16)
        write(dataset)
        assert (dataset["SmallestImagePixelValue"].VR == "SS") is changed


def test_an_ambiguous_vr_in_a_new_item_is_decided_by_what_is_around_it() -> None:
    def made() -> Any:
        raw = theirs(named(PixelRepresentation=1, BitsAllocated=16, ReferencedStudySequence=[named(PatientID="1")], PixelData=b"ab"))
        dataset = pydicom.dcmread(io.BytesIO(bytes(128) + b"DICM" + raw))
        dataset.ReferencedStudySequence.append(named(SmallestImagePixelValue=5))
        return dataset

    assert b"US\2\0\5\0" in theirs(made()) and b"SS\2\0\5\0" in dumps(made())


def test_items_nest_128_levels() -> None:
    dataset: Any = named()
    for _ in range(128):
        dataset = named(ReferencedStudySequence=[dataset])
    assert dumps(dataset) == theirs(dataset)
    with pytest.raises(EncodeError, match="deeper than 128 levels"):
        dumps(named(ReferencedStudySequence=[dataset]))


def test_values_that_are_yet_to_be_read_may_come_from_the_file_that_is_written(tmp_path: Path) -> None:
    for write, whole in ((pydicom.dcmwrite, False), (dcmenc.dcmwrite, True)):
        path = tmp_path / write.__module__
        shutil.copy(CT, path)
        dataset = pydicom.dcmread(path, defer_size=100)
        try:
            write(path, dataset)
        except RuntimeError:
            assert not whole
        assert (path.read_bytes() == CT.read_bytes()) is whole


def test_a_failure_leaves_the_old_file_whole(tmp_path: Path) -> None:
    for write, whole in ((pydicom.dcmwrite, False), (dcmenc.dcmwrite, True)):
        path = tmp_path / write.__module__
        path.write_bytes(b"old")
        with pytest.raises(OSError, match="0010"):
            write(path, named(PatientID="1", Rows=70000))
        assert (path.read_bytes() == b"old") is whole
    assert len(os.listdir(tmp_path)) == 2


def test_an_error_says_its_path_once() -> None:
    dataset: Any = named(Rows=70000)
    for _ in range(5):
        dataset = named(ReferencedStudySequence=[dataset])
    lengths = {}
    for write in (theirs, dumps):
        with pytest.raises(OSError, match="0010") as caught:
            write(dataset)
        lengths[write] = len(str(caught.value))
    assert lengths[dumps] < 200 < 10_000 < lengths[theirs]


def test_each_row_of_the_table_has_its_test() -> None:
    table = (Path(__file__).parents[1] / "docs" / "pydicom.md").read_text()
    assert set(re.findall(r"`(test_\w+)`", table)) == {name for name in globals() if name.startswith("test_")} - {
        "test_each_row_of_the_table_has_its_test"}
