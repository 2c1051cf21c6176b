"""One test for every fault that was found after its part had been called done; each says what DICOM or Python demands."""

from __future__ import annotations

import array
import copy
import enum
import pickle
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from dcmenc import Dataset, EncodeError, Policy, Sequence, Tag, dumps, open_stream
from dcmenc._encode import encode_dataset
from dcmenc._swap import swapped
from dcmenc.values import DS, LENIENT, normalise


def bare(*elements: Any, **attributes: Any) -> Dataset:
    dataset = Dataset(*elements, **attributes)
    dataset.preamble = None
    return dataset


def nested(levels: int) -> Dataset:
    dataset = Dataset(PatientID="innermost")
    for _ in range(levels):
        dataset = Dataset(ContentSequence=[dataset])
    return dataset


def test_datasets_of_128_levels_are_compared_within_the_recursion_limit() -> None:
    assert nested(128) == nested(128)
    assert nested(128) != nested(127)


def test_a_dataset_inside_itself_cannot_hang_the_comparison() -> None:
    one, other = Dataset(), Dataset()
    one.ContentSequence, other.ContentSequence = [one], [other]
    with pytest.raises(EncodeError, match="deeper than 128"):
        assert one == other


class Spelled(enum.StrEnum):
    LO = "LO"


def test_a_vr_may_be_an_enumeration_of_strings_as_pydicom_has_it() -> None:
    element = Dataset().add("PatientID", Spelled.LO, "4711")
    assert element.vr == "LO"
    assert type(element.vr) is str


def test_a_vr_that_is_no_text_is_refused_by_name() -> None:
    with pytest.raises(EncodeError, match="PatientID: '5' is not a VR"):
        Dataset().add("PatientID", 5, "4711")  # type: ignore[arg-type]


@pytest.mark.parametrize("keyword", ["Rows", "SliceThickness", "InstanceNumber", "SimpleFrameList"])
@pytest.mark.parametrize("value", [10**5000, [1, 10**5000]], ids=["one", "several"])
def test_integers_too_long_to_be_spelled_are_refused_as_any_other(keyword: str, value: object) -> None:
    with pytest.raises(EncodeError, match=keyword):
        setattr(Dataset(), keyword, value)


def test_a_policy_lets_an_integer_string_beyond_32_bits_pass_as_it_does_for_text() -> None:
    dataset = Dataset(policy=Policy(nonconforming="write"))
    dataset.preamble = None
    dataset.InstanceNumber = 2**31
    assert dumps(dataset).endswith(b"2147483648")
    with pytest.raises(EncodeError, match="64 bits"):
        dataset.InstanceNumber = 2**63


def test_text_before_the_element_that_names_its_character_set_is_encoded_in_it() -> None:
    """The records of a DICOMDIR, group 0004, stand before (0008,0005) and hold names."""
    dataset = bare(SpecificCharacterSet="ISO_IR 100", DirectoryRecordSequence=[Dataset(PatientName="Jérôme")])
    data = dumps(dataset)
    assert "Jérôme".encode("latin-1") in data and b"ISO_IR 100" in data and b"ISO_IR 192" not in data


def test_text_before_group_8_may_ask_for_utf8_too() -> None:
    data = dumps(bare(DirectoryRecordSequence=[Dataset(PatientName="Jérôme")]))
    assert "Jérôme".encode() in data and b"ISO_IR 192" in data


def test_an_item_that_declares_nothing_inherits() -> None:
    item = Dataset(PatientName="Jérôme", policy=LENIENT)
    item.add("SpecificCharacterSet", "CS", ["", ""])
    data = dumps(bare(SpecificCharacterSet="ISO_IR 100", ReferencedPatientSequence=[item]))
    assert "Jérôme".encode("latin-1") in data


@pytest.mark.parametrize("road", [copy.deepcopy, lambda dataset: pickle.loads(pickle.dumps(dataset))], ids=["deepcopy", "pickle"])
def test_arrays_of_numbers_stay_read_only_in_copies(road: Any) -> None:
    copied = road(bare(PixelSpacing=np.array([1.0, 2.0])))
    with pytest.raises(ValueError, match="read-only"):
        copied.PixelSpacing[0] = np.nan


def test_a_number_that_ds_cannot_say_is_never_written_as_an_empty_value() -> None:
    dataset = bare(PixelSpacing=np.array([1.0, 2.0]))
    dataset.PixelSpacing.flags.writeable = True
    dataset.PixelSpacing[0] = np.nan
    with pytest.raises(EncodeError, match=r"\(0028,0030\): nan is no decimal string"):
        dumps(dataset)


@pytest.mark.parametrize("dtype", ["i8", "u8", "u4"])
def test_words_of_a_lookup_table_are_not_taken_from_wider_integers(dtype: str) -> None:
    with pytest.raises(EncodeError, match="LUTData"):
        Dataset(LUTData=np.array([1, 2, 3], dtype))
    assert Dataset(LUTData=np.array([1, 2, 3], "u2")) == Dataset(LUTData=np.array([1, 2, 3], "i2"))


def test_samples_are_as_wide_as_bits_allocated_says() -> None:
    dataset = bare(BitsAllocated=16, PixelData=np.zeros((2, 2), "u4"))
    with pytest.raises(EncodeError, match=r"\(7FE0,0010\): the array has samples of 32 bits, and BitsAllocated is 16"):
        dumps(dataset)
    dataset.BitsAllocated = 32
    assert dumps(dataset).endswith(bytes(16))


@pytest.mark.parametrize("keyword", ["PixelSpacing", "PixelData", "LUTData", "PatientID"])
def test_masked_arrays_are_refused(keyword: str) -> None:
    with pytest.raises(EncodeError, match="filled"):
        setattr(Dataset(), keyword, np.ma.masked_array(np.array([1, 2], "u2"), mask=[0, 1]))


def test_integers_are_never_rounded_silently() -> None:
    for value in (2**53 + 1, [2**53 + 1], np.array([2**53 + 1, 0])):
        with pytest.raises(EncodeError):
            normalise("FD", value)
    for value in (10**16, [10**16], np.array([10**16, 0]), np.array([-(10**15), 0]), np.array([2**53 + 1, 0])):
        with pytest.raises(EncodeError):
            normalise("DS", value)
    assert normalise("DS", 2**53 + 1) == 2**53 + 1


def test_little_endian_alone_is_no_encoding() -> None:
    with pytest.raises(EncodeError, match="alone is no encoding"):
        dumps(bare(Rows=1), little_endian=False)


def test_a_pair_of_any_integers_is_a_tag() -> None:
    assert normalise("AT", (np.uint16(0x18), np.uint16(0x1063))) == Tag(0x00181063)


def test_a_decimal_of_any_class_keeps_its_digits() -> None:
    class Amount(Decimal):
        pass

    value = normalise("DS", Amount("9007199254740993"))
    assert isinstance(value, DS) and value.text == "9007199254740993"


@pytest.mark.parametrize(("vr", "text"), [("DS", " " * 17), ("IS", " " * 13), ("AE", "  ")])
def test_blank_text_keeps_the_rules_of_its_vr(vr: str, text: str) -> None:
    with pytest.raises(EncodeError, match=f"^{vr} "):
        normalise(vr, text)


def test_an_application_entity_title_is_not_only_spaces_on_the_quick_path_either() -> None:
    with pytest.raises(EncodeError, match="not only spaces"):
        Dataset(RetrieveAETitle="    ")


def test_an_ordinary_attribute_of_a_subclass_can_be_deleted() -> None:
    class Noted(Dataset):
        pass

    dataset = Noted()
    dataset.note = 1
    del dataset.note
    with pytest.raises(AttributeError):
        del dataset.note


def test_writing_does_not_call_what_a_subclass_overrides() -> None:
    class Guarded(Dataset):
        def copy(self) -> Any:
            raise RuntimeError("not for you")

    dataset = Guarded(PatientName="Jérôme")
    dataset.preamble = None
    assert b"ISO_IR 192" in dumps(dataset)


def test_a_copy_has_a_file_meta_of_its_own() -> None:
    dataset = Dataset()
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2"
    dataset.copy().file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    assert dataset.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2"


def test_the_policy_of_an_item_holds_for_the_item() -> None:
    item = Dataset(policy=LENIENT)
    item.add(0x00091001, "LO", "x")
    assert dumps(bare(ReferencedImageSequence=[item]))
    with pytest.raises(EncodeError, match="no private creator"):
        dumps(bare(ReferencedImageSequence=[item]), policy=Policy())


def test_a_deep_copy_owns_its_buffers() -> None:
    source = array.array("H", [1, 2])
    dataset = Dataset(PixelData=source)
    copied = copy.deepcopy(dataset)
    source[0] = 9
    assert bytes(copied.PixelData) == b"\1\0\2\0"


def test_a_shallow_copy_of_a_sequence_shares_its_items() -> None:
    sequence = Sequence([Dataset(Rows=1)], undefined_length=True)
    assert copy.copy(sequence)[0] is sequence[0] and copy.copy(sequence).undefined_length
    assert copy.deepcopy(sequence) == sequence and copy.deepcopy(sequence)[0] is not sequence[0]


def test_a_character_set_of_bytes_is_refused_with_its_path() -> None:
    dataset = bare(policy=LENIENT)
    dataset.add("SpecificCharacterSet", "UN", b"ISO_IR 100")
    with pytest.raises(EncodeError, match=r"\(0008,0005\): .*text"):
        dumps(dataset)


def test_a_transfer_syntax_of_bytes_is_refused_with_its_path() -> None:
    dataset = bare(Rows=1)
    dataset.file_meta.add("TransferSyntaxUID", "UN", bytearray(b"1.2.840.10008.1.2"))
    with pytest.raises(EncodeError, match=r"\(0002,0010\): .*text"):
        dumps(dataset)


def test_text_beyond_ascii_in_the_file_meta_is_refused_with_its_path() -> None:
    dataset = Dataset(SOPClassUID="1.2", SOPInstanceUID="1.3")
    dataset.file_meta = Dataset({"SourceApplicationEntityTitle": "Jérôme"}, policy=LENIENT)
    with pytest.raises(EncodeError, match=r"\(0002,0016\): the file meta holds ASCII text only"):
        dumps(dataset)


def test_the_text_of_a_number_cannot_be_changed() -> None:
    for number in (Dataset(SliceThickness="1.50").SliceThickness, Dataset(SeriesNumber="7").SeriesNumber):
        with pytest.raises(AttributeError):
            number.text = "xxx"


def test_what_is_to_be_located_has_to_be_there() -> None:
    import io

    with pytest.raises(EncodeError, match=r"no \(0028,0011\) to be located"):
        open_stream(io.BytesIO(), bare(Rows=1), locate=["Rows", "Columns"])


def test_compiled_functions_refuse_none() -> None:
    for call in (lambda: encode_dataset(None), lambda: encode_dataset(Dataset(), head=None), lambda: swapped(None, 2)):  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            call()


def test_a_new_private_block_does_not_adopt_what_stands_in_an_unreserved_one() -> None:
    dataset = Dataset(policy=LENIENT)
    dataset.add(0x00091001, "LO", "somebody's")
    assert dataset.private_block(0x0009, "ACME", create=True).block == 0x11


@pytest.mark.parametrize(("pixels", "attributes", "reason"), [
    (np.array([[-5, 1], [2, 3]], "i2"), {}, "the array is signed, and PixelRepresentation is 0"),
    (np.zeros((2, 2), "u2"), {"PixelRepresentation": 1}, "the array is unsigned, and PixelRepresentation is 1"),
    (np.zeros((2, 2), "u1"), {}, "4 bytes, where .* ask for 8"),
    (np.zeros((2, 2), "u2"), {"Rows": 512, "Columns": 512}, "8 bytes, where .* ask for 524288"),
    (bytes(8), {"NumberOfFrames": 2}, "8 bytes, where .* ask for 16"),
    (bytes(12), {"SamplesPerPixel": 3, "PhotometricInterpretation": "YBR_FULL_422"}, "12 bytes, where .* ask for 16"),
])
def test_native_pixels_are_what_the_attributes_say(pixels: Any, attributes: dict[str, Any], reason: str) -> None:
    ground = {"Rows": 2, "Columns": 2, "BitsAllocated": 16, "BitsStored": 12, "PixelRepresentation": 0}
    dataset = bare(ground | attributes | {"PixelData": pixels})
    with pytest.raises(EncodeError, match=rf"\(7FE0,0010\): {reason}"):
        dumps(dataset)
    assert dumps(dataset, policy=LENIENT)


def test_native_pixels_of_an_odd_number_of_bytes_may_come_padded() -> None:
    for pixels in (bytes(9), bytes(10)):
        assert dumps(bare(Rows=3, Columns=3, BitsAllocated=8, PixelData=pixels))[-10:] == bytes(10)


def test_items_are_checked_however_they_enter_a_sequence() -> None:
    sequence = Dataset(RequestAttributesSequence=[{"RequestedProcedureID": "1"}]).RequestAttributesSequence
    sequence.append({"RequestedProcedureID": "2"})
    sequence += [Dataset(RequestedProcedureID="3")]
    sequence[0] = {"RequestedProcedureID": "0"}
    sequence.insert(1, {"RequestedProcedureID": "x"})
    sequence[1:2] = []
    assert [item.RequestedProcedureID for item in sequence] == ["0", "2", "3"]
    for wrong in (lambda: sequence.append(5), lambda: sequence.extend(["x"]), lambda: sequence.insert(0, None), lambda: Sequence([1])):
        with pytest.raises(EncodeError, match=r"is not a dcmenc.Dataset but"):
            wrong()
    with pytest.raises(EncodeError, match=r"is not a dcmenc.Dataset but"):
        sequence[0] = "x"


def test_a_policy_is_a_policy() -> None:
    with pytest.raises(TypeError, match=r"a policy is a dcmenc\.Policy"):
        Dataset(policy="write")  # type: ignore[arg-type]
    dataset = bare(Rows=1)
    with pytest.raises(TypeError, match=r"a policy is a dcmenc\.Policy"):
        dataset.policy = 5  # type: ignore[assignment]
    with pytest.raises(TypeError, match=r"a policy is a dcmenc\.Policy"):
        dumps(dataset, policy="write")  # type: ignore[arg-type]


def test_objects_of_pydicom_are_recognised_and_the_way_over_is_named() -> None:
    import pydicom

    foreign = pydicom.Dataset()
    foreign.Rows = 1
    with pytest.raises(TypeError, match=r"pydicom's Dataset; convert it by dcmenc.from_pydicom"):
        Dataset(foreign)
    with pytest.raises(EncodeError, match=r"convert it by dcmenc.from_pydicom"):
        Dataset(ContentSequence=[foreign])
    from dcmenc import from_pydicom

    with pytest.raises(TypeError, match=r"such as pydicom.dcmread gives"):
        from_pydicom("a.dcm")


@pytest.mark.parametrize("name", ["patientname", "patient_name", "rows", "Pixel_Spacing"])
def test_a_keyword_in_other_letters_is_named(name: str) -> None:
    with pytest.raises(AttributeError, match=r"did you mean (PatientName|Rows|PixelSpacing)"):
        setattr(Dataset(), name, 1)


def test_the_keywords_that_a_dataset_has_can_be_completed() -> None:
    assert "PatientName" in dir(Dataset(PatientName="x")) and "PatientID" not in dir(Dataset(PatientName="x"))


def test_the_html_of_a_dataset_shows_each_element_once() -> None:
    html = Dataset(PatientID="<4711>")._repr_html_()
    assert html.count("4711") == 1 and "&lt;4711&gt;" in html and "PatientID" in html


def test_a_long_text_is_shown_short() -> None:
    assert repr(Dataset(ImageComments="x" * 5000)).endswith("xxx'...") and len(repr(Dataset(ImageComments="x" * 5000))) < 120


def test_a_dataset_inside_itself_is_told_in_a_few_words() -> None:
    dataset = bare()
    dataset.ContentSequence = [dataset]
    with pytest.raises(EncodeError, match="nest deeper than 128") as caught:
        dumps(dataset)
    assert len(str(caught.value)) < 500
