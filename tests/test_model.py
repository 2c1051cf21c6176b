"""Datasets as users meet them: keywords, mapping, private blocks, copies, comparison, pickle, subclasses, what an import costs."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import weakref
from collections.abc import Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from strategies import Seeded, built, datasets, plan

import dcmenc
from dcmenc import Dataset, Element, EncodeError, Fragments, Policy, Sequence, Tag
from dcmenc._encode import encode_dataset


def nested(depth: int) -> Dataset:
    dataset = Dataset(PatientID="leaf")
    for _ in range(depth):
        dataset = Dataset(ReferencedImageSequence=[dataset])
    return dataset


def encode(dataset: Dataset) -> bytes:
    return b"".join(encode_dataset(dataset))


# --------------------------------------------------------------------- keywords


def test_a_keyword_sets_reads_and_deletes_an_element() -> None:
    dataset = Dataset()
    dataset.PatientName = "A^B"
    assert dataset.PatientName == "A^B" and dataset["PatientName"] == (0x00100010, "PN", "A^B")
    assert "PatientName" in dataset and hasattr(dataset, "PatientName") and not hasattr(dataset, "PatientID")
    del dataset.PatientName
    with pytest.raises(AttributeError, match="the dataset has no PatientName"):
        del dataset.PatientName
    with pytest.raises(AttributeError, match="the dataset has no PatientName"):
        _ = dataset.PatientName


@pytest.mark.parametrize(("name", "near"), [("PatientsName", "PatientName"), ("PixelSpacng", "PixelSpacing"), ("Row", "Rows")])
def test_an_unknown_keyword_names_the_nearest(name: str, near: str) -> None:
    dataset = Dataset()
    for attempt in (lambda: setattr(dataset, name, 1), lambda: getattr(dataset, name), lambda: delattr(dataset, name)):
        with pytest.raises(AttributeError, match=f"{name} is no DICOM keyword; did you mean .*{near}"):
            attempt()
    with pytest.raises(ValueError, match=f"nearest keywords: .*{near}"):
        Dataset(**{name: 1})


def test_a_lower_case_name_is_no_keyword_and_no_attribute() -> None:
    with pytest.raises(AttributeError, match="no attribute 'patient_name'"):
        Dataset().patient_name = 1  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="no attribute 'patient_name'"):
        _ = Dataset().patient_name  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "key", ["PatientID", 0x00100020, (0x0010, 0x0020), "(0010,0020)", "0010,0020", "00100020", Tag("PatientID"), np.uint32(0x00100020)]
)
def test_an_element_is_found_by_every_spelling_of_its_tag(key: Any) -> None:
    dataset = Dataset({key: "x"})
    assert (
        key in dataset
        and dataset[key].value == "x"
        and dataset.get(key) is dataset[key]
        and dataset.pop(key).value == "x"
        and key not in dataset
    )
    with pytest.raises(KeyError, match=r"\(0010,0020\) PatientID"):
        dataset[key]
    with pytest.raises(KeyError, match=r"\(0010,0020\) PatientID"):
        del dataset[key]


@pytest.mark.parametrize("vr", ["PN", "SH", "XX", ""])
def test_a_vr_that_is_not_the_dictionarys_is_refused(vr: str) -> None:
    with pytest.raises(EncodeError):
        Dataset().add("PatientID", vr, "x")
    assert Dataset().add("PatientID", "UN", b"x").vr == "UN"
    with pytest.raises(EncodeError, match=r"\(0009,1001\): the dictionary does not know this element"):
        Dataset().add(0x00091001, None, "x")


# --------------------------------------------------------------------- a mapping


def test_a_dataset_is_a_mutable_mapping_in_the_order_of_tags() -> None:
    dataset = Dataset(Rows=2, PatientID="x", StudyDate="20240101")
    assert isinstance(dataset, MutableMapping)
    assert list(dataset) == sorted(dataset) == [element.tag for element in dataset.values()] == list(dataset.keys())
    assert list(reversed(dataset)) == list(dataset)[::-1] and len(dataset) == 3
    assert dict(dataset.items())[0x00280010].value == 2
    dataset.update({"Columns": 3}, Rows=4)
    assert (dataset.Columns, dataset.Rows) == (3, 4)
    assert dataset.popitem()[0] == 0x00080020
    assert dataset.pop("StudyDate", None) is None and dataset.get("StudyDate", 5) == 5
    dataset.clear()
    assert not dataset and encode(dataset) == b""


@pytest.mark.parametrize("key", ["NoKeyword", -1, 2**32, "", (1, 2, 3), None, 1.5, object()])
def test_what_is_no_tag_is_in_no_dataset(key: Any) -> None:
    assert key not in Dataset(Rows=1) and Dataset(Rows=1).get(key, 7) == 7 and Dataset(Rows=1).pop(key, 7) == 7
    with pytest.raises((KeyError, ValueError, TypeError)):
        Dataset(Rows=1)[key]


def test_setdefault_gives_the_element_that_is_then_there() -> None:
    dataset = Dataset()
    assert dataset.setdefault("PatientID", "x") == dataset["PatientID"]
    assert dataset.setdefault("PatientID", "y") == dataset["PatientID"] and dataset.PatientID == "x"


def test_elements_go_from_one_dataset_to_another() -> None:
    one = Dataset(PixelSpacing="1.50\\2", Rows=5)
    other = Dataset(one)
    other["PixelSpacing"] = one["PixelSpacing"]
    assert encode(other) == encode(one)
    with pytest.raises(EncodeError, match=r"an element of \(0028,0010\) cannot stand at \(0028,0011\)"):
        other["Columns"] = one["Rows"]


def test_an_element_is_immutable() -> None:
    with pytest.raises(AttributeError):
        Dataset(Rows=1)["Rows"].value = 2  # type: ignore[misc]


# --------------------------------------------------------------------- private blocks


def test_a_private_block_is_reserved_found_and_filled() -> None:
    dataset = Dataset()
    first, second = (dataset.private_block(0x0009, creator, create=True) for creator in ("ACME", "OTHER"))
    assert (first.block, second.block) == (0x10, 0x11)
    assert second.add(0x01, "SH", "x").tag == 0x00091101 and 0x01 in second and 0x01 not in first and list(second) == [1]
    assert dataset.private_block(0x0009, "ACME").block == 0x10 == dataset.private_block(0x0009, "ACME ", create=True).block
    assert second[1].value == "x"
    del second[1]
    assert list(second) == []
    with pytest.raises(KeyError, match="no block of 'NOBODY'"):
        dataset.private_block(0x0009, "NOBODY")


@pytest.mark.parametrize("group", [0x0008, 0x0001, 0x0007, 0xFFFF, 0x10009, -1])
def test_private_groups_are_odd_and_from_0009(group: int) -> None:
    with pytest.raises(EncodeError, match="private groups are odd"):
        Dataset().private_block(group, "ACME", create=True)


def test_a_group_has_240_private_blocks() -> None:
    dataset = Dataset()
    blocks = [dataset.private_block(0x0029, f"C{n}", create=True).block for n in range(240)]
    assert blocks == list(range(0x10, 0x100))
    with pytest.raises(EncodeError, match="no free private block"):
        dataset.private_block(0x0029, "ONE MORE", create=True)


@pytest.mark.parametrize("tag", [0x00090001, 0x0009000F, 0x00090100, 0x00090FFF, 0x00010010, 0x00071001, 0xFFFF1001])
def test_elements_outside_of_private_blocks_are_refused(tag: int) -> None:
    with pytest.raises(EncodeError, match="private"):
        Dataset().add(tag, "LO", "x")
    Dataset().add(tag, "LO", "x", policy=Policy(nonconforming="write"))


@pytest.mark.parametrize("creator", ["", "x" * 65, "a\\b", "a\n"])
def test_a_private_creator_is_one_lo(creator: str) -> None:
    with pytest.raises(EncodeError):
        Dataset().private_block(0x0009, creator, create=True)


# --------------------------------------------------------------------- copies, pickle, equality

COPIES: dict[str, Callable[[Dataset], Dataset]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda dataset: pickle.loads(pickle.dumps(dataset)),
    "Dataset()": Dataset,
}
DEEP = ("deepcopy", "pickle")


@pytest.mark.parametrize("way", COPIES)
@given(dataset=datasets())
def test_a_copy_is_equal_and_writes_the_same_bytes(dataset: Dataset, way: str) -> None:
    made = COPIES[way](dataset)
    assert made == dataset and encode(made) == encode(dataset) and repr(made) == repr(dataset)


@pytest.mark.parametrize("way", DEEP)
def test_a_deep_copy_is_a_dataset_of_its_own(way: str) -> None:
    data = bytearray(b"abcd")
    dataset = Dataset(ReferencedImageSequence=[Dataset(Rows=1)], BitsAllocated=8, PixelData=data, PixelSpacing=np.array([1.0, 2.0]))
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2"
    dataset.undefined_length, dataset.ReferencedImageSequence.undefined_length, dataset.preamble = True, True, b"p" * 128
    made = COPIES[way](dataset)
    dataset.ReferencedImageSequence[0].Rows = 9
    data[0] = 0
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    assert made.ReferencedImageSequence[0].Rows == 1 and bytes(made.PixelData) == b"abcd"
    assert made.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2" and made.preamble == b"p" * 128
    assert made.undefined_length and made.ReferencedImageSequence.undefined_length and made.PixelSpacing.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("way", [*DEEP, "copy"])
def test_everything_that_walks_a_dataset_reaches_128_levels(way: str) -> None:
    deep = nested(128)
    made = COPIES[way](deep)
    assert made == deep and made is not deep
    assert repr(made) == repr(deep) and "leaf" in repr(deep) and "leaf" in deep._repr_html_()
    assert encode(made) == encode(deep)


@pytest.mark.parametrize("way", DEEP)
def test_a_dataset_inside_itself_ends_in_a_clear_error_or_a_copy_like_it(way: str) -> None:
    dataset = Dataset()
    dataset.ReferencedImageSequence = [dataset]
    try:
        made = COPIES[way](dataset)
    except EncodeError as error:
        assert "128" in str(error)
    else:
        assert made.ReferencedImageSequence[0] is made


@pytest.mark.parametrize("way", DEEP)
@pytest.mark.parametrize(
    "value",
    [
        memoryview(b"abcd"),
        bytearray(b"abcd"),
        np.arange(4, dtype="u1"),
        Fragments((memoryview(b"ab"), b"cd")),
        Fragments((bytearray(b"abcd"),)),
    ],
    ids=repr,
)
def test_buffers_of_every_kind_are_copied(way: str, value: Any) -> None:
    dataset = Dataset(BitsAllocated=8, PixelData=value)
    made = COPIES[way](dataset)
    assert made == dataset
    if isinstance(value, Fragments) and isinstance(value.fragments[0], bytearray):
        value.fragments[0][0] ^= 0xFF
        assert made != dataset


def test_equality_is_by_content() -> None:
    nan = float("nan")

    def make(**more: Any) -> Dataset:
        return Dataset(AcquisitionDuration=nan, PixelSpacing=np.array([1.0, 2.0]), BitsAllocated=8, **{"PixelData": b"abcd", **more})

    assert make() == make() and make(PixelData=np.frombuffer(b"abcd", "u1")) == make() == make(PixelData=bytearray(b"abcd"))
    assert make(PixelData=b"abce") != make() and make(Rows=1) != make() and make(PixelData=None) != make()
    assert Dataset(PixelSpacing=np.array([1.0, 2.0])) == Dataset(PixelSpacing=[1.0, 2.0]) == Dataset(PixelSpacing="1\\2")
    assert Dataset(PixelSpacing=[1.0, 2.0]) != Dataset(PixelSpacing=[1.0, 2.5]) and Dataset(Rows=1) != {"Rows": 1}
    assert Dataset(PixelData=Fragments((b"a", b"b"))) != Dataset(PixelData=Fragments((b"ab",))) and Dataset() == Dataset()
    assert Dataset(PixelData=Fragments((b"a",), b"\0\0\0\0")) != Dataset(PixelData=Fragments((b"a",)))
    assert Dataset(ReferencedImageSequence=[Dataset(Rows=1)]) != Dataset(ReferencedImageSequence=[Dataset(Rows=2)])
    with pytest.raises(TypeError, match="unhashable"):
        hash(make())


# --------------------------------------------------------------------- shown to people


def test_repr_has_a_line_an_element_with_private_and_repeating_names() -> None:
    dataset = Dataset(
        PatientName="A<b>",
        ReferencedImageSequence=[Dataset(Rows=1)],
        BitsAllocated=8,
        PixelData=bytes(70000),
        PixelSpacing=[1.5, 2],
        StudyID=None,
    )
    dataset.private_block(0x0009, "ACME", create=True).add(1, "LO", "secret")
    text = repr(dataset)
    assert "(0010,0010) PN PatientName: 'A<b>'" in text and "70000 bytes" in text and "(1.5, 2)" in text
    assert "(0009,0010) LO private creator: 'ACME'" in text and "(0009,1001)" in text and "1 item" in text
    assert "A&lt;b&gt;" in dataset._repr_html_() and "<b>" not in dataset._repr_html_()
    assert repr(Dataset()) == "Dataset()"


@pytest.mark.parametrize("value", [np.array([]), None, np.arange(100.0), [1.0] * 100, "x" * 16])
def test_repr_never_fails_and_stays_short(value: Any) -> None:
    dataset = Dataset()
    dataset.add(0x00091001, "DS" if not isinstance(value, str) else "SH", value)
    assert len(repr(dataset)) < 400


def test_repr_of_seeded_datasets_never_fails() -> None:
    for seed in range(200):
        dataset = built(plan(Seeded(seed)))
        assert len(repr(dataset).splitlines()) >= len(dataset) and dataset._repr_html_().endswith("</table>")


# --------------------------------------------------------------------- subclasses


class WithDict(Dataset):
    """A subclass with attributes of its own."""

    kind = "none"

    def describe(self) -> str:
        return f"{self.PatientID} {self.kind}"

    @property
    def Half(self) -> float:
        return self.Rows / 2

    @Half.setter
    def Half(self, value: float) -> None:
        self.Rows = int(2 * value)


class Slotted(Dataset):
    __slots__ = ("note",)


class Spying(Dataset):
    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value.upper() if isinstance(value, str) and name[:1].isupper() else value)


def test_a_subclass_may_have_attributes_methods_and_properties() -> None:
    dataset = WithDict(PatientID="x")
    dataset.kind = "test"
    dataset.Half = 4
    assert dataset.describe() == "x test" and dataset.Rows == 8 and dataset.Half == 4
    assert encode(dataset) == encode(Dataset(dataset))
    slotted = Slotted()
    slotted.note = "n"
    with pytest.raises(AttributeError):
        slotted.other = 1
    spying = Spying()
    spying.PatientID = "abc"
    assert spying.PatientID == "ABC"


@pytest.mark.parametrize("way", ["copy", "deepcopy", "pickle"])
def test_a_copy_of_a_subclass_is_one_with_its_attributes(way: str) -> None:
    dataset = WithDict(PatientID="x")
    dataset.kind = "test"
    made = COPIES[way](dataset)
    assert type(made) is WithDict and made == dataset and made.describe() == "x test"
    plain = WithDict(PatientID="x")
    assert type(COPIES[way](plain)) is WithDict and COPIES[way](plain) == plain


def test_items_may_be_of_a_subclass_and_stay_so() -> None:
    item = WithDict(PatientID="x", policy=Policy(nonconforming="write"))
    dataset = Dataset(ReferencedImageSequence=[item])
    for way in DEEP:
        made = COPIES[way](dataset).ReferencedImageSequence[0]
        assert type(made) is WithDict and made.policy == item.policy


def test_a_dataset_can_be_weakly_referenced_and_is_collected_in_a_cycle() -> None:
    import gc

    dataset = Dataset()
    dataset.ReferencedImageSequence = [dataset]
    reference = weakref.ref(dataset)
    del dataset
    gc.collect()
    assert reference() is None


def test_threads_may_set_and_read_their_own_elements_of_one_dataset() -> None:
    dataset = Dataset()

    def work(number: int) -> None:
        block = dataset.private_block(0x0009 + 2 * number, "ACME", create=True)
        for at in range(256):
            block.add(at, "US", at)
            assert block[at].value == at

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert len(dataset) == 8 * 257


# --------------------------------------------------------------------- sequences, file meta


@pytest.mark.parametrize(
    "value",
    [5, "x", b"x", {}, Dataset(), [1], [Dataset(), None], [{"NoSuchKeyword": 1}], object(), {"a": 1}, np.arange(3), [[Dataset()]]],
    ids=lambda v: type(v).__name__,
)
def test_a_sequence_takes_a_list_of_datasets_only(value: Any) -> None:
    with pytest.raises(EncodeError, match=r"\(0008,1140\) ReferencedImageSequence: "):
        Dataset(ReferencedImageSequence=value)


def test_a_sequence_is_a_list_and_remembers_its_kind_of_length() -> None:
    items = Sequence([Dataset(Rows=1)], undefined_length=True)
    dataset = Dataset(ReferencedImageSequence=items)
    assert dataset.ReferencedImageSequence is items and isinstance(items, list)
    assert Dataset(ReferencedImageSequence=(Dataset() for _ in range(2))).ReferencedImageSequence == [Dataset(), Dataset()]
    assert Dataset(ReferencedImageSequence=None).ReferencedImageSequence == []
    for way in (copy.deepcopy, lambda made: pickle.loads(pickle.dumps(made))):
        assert way(items) == items and way(items).undefined_length
    with pytest.raises(AttributeError):
        items.other = 1  # type: ignore[attr-defined]


def test_file_meta_is_there_when_asked_for_and_takes_a_mapping() -> None:
    dataset = Dataset()
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2"
    assert dataset.file_meta.preamble is None and len(dataset.file_meta) == 1
    dataset.file_meta = {"TransferSyntaxUID": "1.2.840.10008.1.2.1"}
    assert isinstance(dataset.file_meta, Dataset) and dataset.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    dataset.file_meta = None
    assert len(dataset.file_meta) == 0
    assert Dataset().preamble == bytes(128)


# --------------------------------------------------------------------- what an import costs, and what it hides

HEAVY = ("numpy", "PIL", "glymur", "rich", "importlib.metadata", "pydicom")


def fresh(code: str) -> str:
    """What a fresh interpreter prints."""
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.parametrize(
    "code",
    [
        "import dcmenc",
        "import dcmenc; dcmenc.dumps(dcmenc.Dataset(SOPClassUID='1.2', SOPInstanceUID='1.3', PatientName='é', PixelSpacing=[0.5, 1]))",
        "import dcmenc, io; dcmenc.dcmwrite(io.BytesIO(), {'SOPClassUID': '1.2', 'SOPInstanceUID': '1.3', 'ReferencedImageSequence': []})",
        "import dcmenc, os; dcmenc.dcmwrite(os.devnull, {'SOPClassUID': '1.2', 'SOPInstanceUID': '1.3'})",
    ],
    ids=["import", "dumps", "dcmwrite to an object", "dcmwrite to a path"],
)
def test_the_road_of_datasets_loads_nothing_heavy(code: str) -> None:
    assert fresh(f"{code}\nimport sys\nprint([name for name in {HEAVY!r} if name in sys.modules])") == "[]"


def test_no_module_bears_the_name_of_a_public_name() -> None:
    code = """
import dcmenc, pkgutil, sys
modules = [info.name for info in pkgutil.iter_modules(dcmenc.__path__)]
for name in modules:
    if name != "__main__":
        try:
            __import__("dcmenc." + name)
        except ImportError:
            pass
modules_met = [name for name in dcmenc.__all__ if type(getattr(dcmenc, name, None)).__name__ == "module"]
print(sorted(set(modules) & set(dcmenc.__all__)), modules_met)
"""
    assert fresh(code) == "[] []"


def test_every_public_name_is_there_and_in_dir() -> None:
    missing = [name for name in dcmenc.__all__ if not hasattr(dcmenc, name)]
    assert missing == [] and set(dcmenc.__all__) <= set(dir(dcmenc))
    assert dcmenc.Element is Element
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = dcmenc.nothing  # type: ignore[attr-defined]
