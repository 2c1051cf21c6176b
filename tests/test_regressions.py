"""One test for every fault that was found after its part had been called done; each says what DICOM or Python demands."""

from __future__ import annotations

import enum

import pytest

from dcmenc import Dataset, EncodeError, Policy, dumps


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
