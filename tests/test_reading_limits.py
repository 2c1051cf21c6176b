"""What reading withstands: claims that nothing stands behind, files cut anywhere, bytes changed at random, files that change, threads.

Whatever the bytes are, there is a dataset, or a ReadError that says where they are broken; and memory follows what is there.
"""

from __future__ import annotations

import copy
import gc
import mmap
import os
import pickle
import random
import subprocess
import sys
import threading
import tracemalloc
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_reading import (
    BIG,
    CLASS,
    DEFLATED,
    EXPLICIT,
    FRONT,
    IMAGES,
    IMPLICIT,
    ITEM_END,
    JPEG,
    NAME,
    NAMED,
    PIXELS,
    SEQUENCE_END,
    START,
    UNDEFINED,
    deflated,
    explicit,
    file,
    implicit,
    item,
)
from test_reading_files import PATHS, ROADS, accessed

from dcmenc import Dataset, DcmencError, DcmencWarning, EncodeError, Limits, ReadError, dcmread, dcmwrite, dumps

pytestmark = pytest.mark.filterwarnings("ignore:Explicit VR Big Endian is retired")




# --------------------------------------------------------------------- depth


CONTENT, LEAF = 0x0040A730, explicit(0x00100020, "LO", b"x ")


def nested(levels: int, form: str = "delimited") -> bytes:
    """A data set with items in items."""
    if form == "delimited":
        return (explicit(CONTENT, "SQ", item(b"", UNDEFINED), UNDEFINED)) * levels + LEAF + (ITEM_END + SEQUENCE_END) * levels
    if form == "unknown":
        front = explicit(CONTENT, "UN", item(b"", UNDEFINED), UNDEFINED)
        return front + implicit(CONTENT, item(b"", UNDEFINED), UNDEFINED) * (levels - 1) + (ITEM_END + SEQUENCE_END) * levels
    front = b"".join(explicit(CONTENT, "SQ", item(b"", 20 * left + len(LEAF)), 20 * left + len(LEAF) + 8) for left in range(levels)[::-1])
    return front + LEAF


FORMS = ("delimited", "counted", "unknown")


@pytest.mark.parametrize("form", FORMS)
def test_data_sets_nest_128_levels(form: str) -> None:
    data = file(nested(128, form))
    dataset = accessed(dcmread(data))
    assert dumps(dataset) == dumps(copy.deepcopy(dataset)) == dumps(pickle.loads(pickle.dumps(dataset))) == data
    assert dataset == dcmread(data) and repr(dataset).count("\n") >= 255


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("levels", [129, 10_000])
def test_deeper_nesting_is_refused_with_a_short_message(levels: int, form: str) -> None:
    for force in (False, True):
        with pytest.raises(ReadError, match="nest deeper than 128 levels") as caught:
            dcmread(file(nested(levels, form)), force=force)
        assert len(str(caught.value)) < 500 and caught.value.path.count("(0040,A730)") == 129


WALK = """
import copy, dcmenc, pickle
dataset = inner = dcmenc.dcmread({path!r})
while 0x00711018 in inner and isinstance(inner[0x00711018].value, dcmenc.Sequence):
    inner = inner[0x00711018].value[0]
for change in ({{}}, {{"PatientID": "x"}}):
    inner.update(change)
    for use in (dcmenc.dumps, copy.deepcopy, pickle.dumps, repr, dataset.__eq__):
        try:
            use(dataset)
        except dcmenc.DcmencError as error:
            print("nest deeper than 128" in str(error))
"""


@pytest.mark.parametrize("levels", [130, 1000, 100_000])
def test_private_sequences_that_only_their_creator_makes_known_nest_no_deeper(levels: int, tmp_path: Path) -> None:
    """In Implicit VR they are seen to be sequences when they are opened, and not before."""
    creator, path = implicit(0x00710010, b"AGFA-AG_HPState "), tmp_path / "deep.dcm"
    sizes = [(len(creator) + 16) * left for left in range(levels)[::-1]]
    path.write_bytes(file(b"".join(creator + implicit(0x00711018, b"", size + 8) + item(b"", size) for size in sizes), IMPLICIT))
    done = subprocess.run([sys.executable, "-c", WALK.format(path=str(path))], capture_output=True, check=False, text=True)
    assert done.returncode == 0, (done.returncode, done.stderr[-500:])
    assert "False" not in done.stdout


# --------------------------------------------------------------------- claims


HUGE, MOST = 0xFFFFFFFF, 0xFFFFFFFE
CLAIMS = {
    "value": (explicit(0x00420011, "OB", b"ab", MOST), EXPLICIT, 0, "(0042,0011)"),
    "long text": (explicit(0x00080119, "UC", b"ab", MOST), EXPLICIT, 0, "(0008,0119)"),
    "long text of undefined length": (explicit(0x00080119, "UC", b"ab", HUGE), EXPLICIT, 0, "(0008,0119)"),
    "short text": (explicit(NAME, "PN", b"ab", 0xFFFE), EXPLICIT, 0, "(0010,0010)"),
    "value in implicit": (implicit(NAME, b"ab", MOST), IMPLICIT, 0, "(0010,0010)"),
    "undefined value in implicit": (implicit(NAME, b"abcdefgh", HUGE), IMPLICIT, 8, "(0010,0010)[0]"),
    "value in big endian": (explicit(0x00420011, "OB", b"ab", MOST, True), BIG, 0, "(0042,0011)"),
    "sequence": (explicit(IMAGES, "SQ", item(), MOST), EXPLICIT, 0, "(0008,1140)"),
    "sequence in implicit": (implicit(IMAGES, item(), MOST), IMPLICIT, 0, "(0008,1140)"),
    "sequence of UN": (explicit(IMAGES, "UN", item(), MOST), EXPLICIT, 0, "(0008,1140)"),
    "item": (explicit(IMAGES, "SQ", item(b"", MOST)), EXPLICIT, 12, "(0008,1140)[0]"),
    "second item": (explicit(IMAGES, "SQ", item(CLASS) + item(b"", MOST)), EXPLICIT, 12 + 8 + len(CLASS), "(0008,1140)[1]"),
    "value in an item": (explicit(IMAGES, "SQ", item(explicit(NAME, "PN", b"", 0xFFFE))), EXPLICIT, 20, "(0008,1140)[0].(0010,0010)"),
    "value beyond its item": (explicit(IMAGES, "SQ", item(NAMED[:8]) + item()), EXPLICIT, 20, "(0008,1140)[0].(0010,0010)"),
    "item in an item": (explicit(IMAGES, "SQ", item(explicit(CONTENT, "SQ", item(b"", 2)))), EXPLICIT, 32, "(0008,1140)[0].(0040,A730)[0]"),
    "fragment": (explicit(PIXELS, "OB", item() + item(b"ab", MOST), HUGE), JPEG, 20, "(7FE0,0010)"),
    "fragment of undefined length": (explicit(PIXELS, "OB", item(b"", HUGE), HUGE), JPEG, 12, "(7FE0,0010)"),
    "header": (NAMED + b"\x10\0\x20\0LO", EXPLICIT, 12, "(0010,0020)"),
    "header of the first element": (b"\x10\0\x10\0PN\4", EXPLICIT, 0, "(0010,0010)"),
    "long header": (NAMED + b"\x42\0\x11\0OB\0\0\2", EXPLICIT, 12, "(0042,0011)"),
    "an item where an element is wanted": (NAMED + item(), EXPLICIT, 12, "(FFFE,E000)"),
    "an element where an item is wanted": (explicit(IMAGES, "SQ", CLASS), EXPLICIT, 12, "(0008,1140)[0]"),
}


@pytest.mark.parametrize(("data", "syntax", "offset", "path"), CLAIMS.values(), ids=CLAIMS)
def test_a_claim_is_held_against_what_is_there(data: bytes, syntax: str, offset: int, path: str) -> None:
    whole = file(data, syntax)
    with pytest.raises(ReadError) as caught:
        dcmread(whole)
    assert (caught.value.offset, caught.value.path) == (len(file(b"", syntax)) + offset, path)
    assert forced(whole) is None or forced(whole).faults[0].offset == caught.value.offset


def forced(data: bytes) -> Dataset | None:
    """What can be read of broken bytes, and it is used in every way; None where there is nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DcmencWarning)
        try:
            dataset = dcmread(data, force=True)
        except ReadError:
            return None
        use(dataset)
    return dataset


def use(dataset: Dataset) -> None:
    """Nothing but DcmencError comes out, whatever is done with the dataset."""
    for way in (dumps, accessed, dumps, repr, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one)), in_another_syntax):
        try:
            way(dataset)
        except DcmencError as error:
            assert str(error)


def in_another_syntax(dataset: Dataset) -> None:
    for syntax in (IMPLICIT, EXPLICIT, BIG):
        copied = dataset.copy()
        copied.file_meta.TransferSyntaxUID = syntax
        copied.PatientID = "4711"
        try:
            written = dumps(copied)
        except EncodeError:
            continue
        # what is written in spite of all faults is sound
        accessed(dcmread(written))


def test_an_error_that_somebody_keeps_is_collected_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python collects in any order the frames of an error that is part of a cycle, and the views of the bytes in them."""
    heard: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", heard.append)

    def keep(data: Any, force: bool) -> None:
        try:
            dcmread(data, force=force)
        except ReadError as error:
            kept = error
            assert kept.reason

    for data in (FRONT + NAMED[:7], file(NAMED[:7]), file(NAMED, DEFLATED)):
        for source in (data, memoryview(data), bytearray(data)):
            for force in (False, True):
                gc.collect()
                keep(source, force)
                gc.collect()
    assert heard == []


@pytest.mark.parametrize("claim", [explicit(0x00020010, "UI", b"", 0xFFFE), explicit(0x00020001, "OB", b"", MOST), b"\2\0\1\0OB\0\0"],
                         ids=["value", "long value", "header"])
def test_a_file_meta_that_is_cut_short_is_refused(claim: bytes) -> None:
    with pytest.raises(ReadError) as caught:
        dcmread(bytes(128) + b"DICM" + claim)
    assert caught.value.offset == 132 and caught.value.path.startswith("(0002,00")


def test_an_error_says_which_file(tmp_path: Path) -> None:
    path = tmp_path / "cut.dcm"
    path.write_bytes(file(NAMED)[:-1])
    with pytest.raises(ReadError) as caught:
        dcmread(path)
    assert caught.value.source == str(path) and caught.value.offset == START and caught.value.path == "(0010,0010)"
    assert str(caught.value) == f"{path}: (0010,0010): a length of 4 bytes is declared, and 3 are left at byte {START}"
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_of_a_deflated_file_an_error_counts_from_the_start_of_its_data_set() -> None:
    with pytest.raises(ReadError) as caught:
        dcmread(file(deflated(NAMED + explicit(0x00204000, "LT", b"", 100)), DEFLATED))
    assert (caught.value.offset, caught.value.path) == (len(NAMED), "(0020,4000)")


@pytest.mark.parametrize("name", ["elements", "inflated", "expansion"])
@pytest.mark.parametrize("value", [0, -1, 1.5, None, "5"])
def test_a_limit_is_a_positive_number(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"Limits\.{name} is a number from 1"):
        Limits(**{name: value})


@pytest.mark.parametrize(("data", "count"), [
    (NAMED + LEAF, 2), (explicit(IMAGES, "SQ", item(CLASS) * 2), 3), (explicit(IMAGES, "SQ", item() * 100), 101), (nested(20), 21),
], ids=["elements", "elements of items", "empty items", "nested"])
def test_elements_and_items_are_counted(data: bytes, count: int) -> None:
    assert dcmread(file(data), limits=Limits(elements=10**6))
    assert dcmread(file(data), limits=Limits(elements=2 * count))
    with pytest.raises(ReadError, match=r"more elements than Limits\(elements=\) allows"):
        dcmread(file(data), limits=Limits(elements=count - 1))


# --------------------------------------------------------------------- memory


def in_little_memory(code: str, mebibytes: int) -> str:
    """What a program prints that may take so much memory more than its start."""
    front = ("import resource, warnings\nfrom dcmenc import Dataset, DcmencError, Limits, dcmread, dumps\n"
             "warnings.simplefilter('ignore')\ndcmread(dumps(Dataset(SOPClassUID='1.2', SOPInstanceUID='1.3')))\n"
             "taken = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
             f"resource.setrlimit(resource.RLIMIT_AS, (taken + {mebibytes << 20},) * 2)\n")
    done = subprocess.run([sys.executable, "-c", front + code], capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stderr[-1000:]
    return done.stdout


@pytest.fixture
def bomb(tmp_path: Path) -> Path:
    """A megabyte that becomes a gigabyte of one value."""
    path, packer = tmp_path / "bomb.dcm", zlib.compressobj(9, zlib.DEFLATED, -15)
    front, zeros = packer.compress(explicit(0x00420011, "OB", b"", 1 << 30)), bytes(1 << 20)
    path.write_bytes(file(front + b"".join(packer.compress(zeros) for _ in range(1024)) + packer.flush(), DEFLATED))
    return path


READ = "try:\n    print(len(dcmread({path!r}{options})))\nexcept DcmencError as error:\n    print(error)\n"


@pytest.mark.parametrize(("options", "mebibytes"), [("", 600), (", force=True", 600), (", limits=Limits(inflated=1 << 24)", 64)],
                         ids=["default", "forced", "limited"])
def test_a_deflate_bomb_takes_no_more_memory_than_the_limits(bomb: Path, options: str, mebibytes: int) -> None:
    assert bomb.stat().st_size < 2 << 20
    printed = in_little_memory(READ.format(path=str(bomb), options=options), mebibytes)
    assert "the deflated data set grows from" in printed and "Limits(inflated=, expansion=)" in printed


@pytest.mark.parametrize("size", [1 << 20, 3 << 20, 40 << 20])
def test_a_deflated_data_set_may_be_a_thousand_times_as_large(size: int) -> None:
    data = file(deflated(explicit(0x00420011, "OB", bytes(size))), DEFLATED)
    assert size > 500 * len(data) and dcmread(data).EncapsulatedDocument == bytes(size)
    with pytest.raises(ReadError, match="the deflated data set grows from"):
        dcmread(data, limits=Limits(inflated=size))


def test_values_of_gigabytes_that_are_not_there_take_no_memory(tmp_path: Path) -> None:
    for number, (data, syntax, _, _) in enumerate(CLAIMS.values()):
        (tmp_path / f"{number}.dcm").write_bytes(file(data, syntax))
    code = "".join(READ.format(path=str(path), options=options) for path in sorted(tmp_path.iterdir()) for options in ("", ", force=True"))
    assert in_little_memory(code, 16).count("\n") == 2 * len(CLAIMS)


def test_a_million_items_that_nobody_asks_for_take_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "items.dcm"
    path.write_bytes(file(explicit(IMAGES, "SQ", item(CLASS) * 1_000_000)))
    assert in_little_memory(READ.format(path=str(path), options=""), 32) == "1\n"


def test_items_that_were_looked_at_are_no_burden_to_the_garbage_collector() -> None:
    ds = dcmread(file(explicit(IMAGES, "SQ", item(CLASS + explicit(0x00280030, "DS", b"0.5\\0.25")) * 1000)))
    before = len(gc.get_objects())
    assert len([element.value for one in ds[IMAGES].value for element in one.values()]) == 2000
    assert len(gc.get_objects()) < before + 100


def test_a_sequence_and_a_long_value_are_made_once() -> None:
    ds = dcmread(file(explicit(0x00080008, "CS", b"ORIGINAL\\PRIMARY") + explicit(0x00081115, "SQ", item(CLASS))
                      + explicit(0x00281201, "US", bytes(8192))))
    assert ds[0x00081115].value is ds[0x00081115].value
    assert ds[0x00281201].value is ds[0x00281201].value
    assert ds.ImageType == ds.ImageType == ("ORIGINAL", "PRIMARY")


# --------------------------------------------------------------------- bytes that are missing or wrong


KINDS = (
    "test-SR.dcm", "rtplan.dcm", "rtdose_expb_1frame.dcm", "SC_rgb_rle_2frame.dcm", "image_dfl.dcm", "UN_sequence.dcm",
    "nested_priv_SQ.dcm", "chrH32.dcm", "DICOMDIR-nopatient", "SC_rgb_small_odd.dcm",
)
KIND_PATHS = [next(path for path in PATHS if path.name == name) for name in KINDS]


@pytest.mark.parametrize("path", KIND_PATHS, ids=KINDS)
def test_a_file_may_be_cut_at_any_byte(path: Path) -> None:
    data = path.read_bytes()
    # beyond, there are only more of the same elements
    for size in range(min(len(data), 6000)):
        part = data[:size]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DcmencWarning)
                whole = dcmread(part)
        except ReadError as error:
            assert error.offset is None or error.offset <= size or path.name == "image_dfl.dcm"
            dataset = forced(part) if size % 7 == 0 else None
            assert dataset is None or dataset.faults or size < 132
        else:
            assert not whole.faults
            if size % 7 == 0:
                use(whole)


@pytest.mark.parametrize("path", KIND_PATHS, ids=KINDS)
def test_any_bytes_may_be_wrong(path: Path) -> None:
    chance, data = random.Random(path.name), path.read_bytes()
    for _ in range(400):
        wrong = bytearray(data)
        for _ in range(chance.choice((1, 1, 2, 8))):
            at = chance.randrange(132, min(len(wrong), 6000))
            wrong[at] = chance.choice((0, 0xFF, 0xFE, wrong[at] ^ 1 << chance.randrange(8), chance.randrange(256)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DcmencWarning)
            try:
                use(dcmread(bytes(wrong)))
            except ReadError:
                forced(bytes(wrong))
            else:
                assert len({outcome(road(dcmread(bytes(wrong)))) for road in ROADS.values()}) == 1


def outcome(dataset: Dataset) -> bytes | str:
    """What is written of a dataset, or why nothing is."""
    try:
        return dumps(dataset)
    except EncodeError as error:
        return str(error)


# --------------------------------------------------------------------- files that change, and threads


BIG_VALUE = bytes(range(256)) * (17 << 12)
MAPPED = file(NAMED + explicit(0x00420011, "OB", BIG_VALUE) + explicit(0x00880200, "SQ", item(explicit(NAME, "PN", b"C^D "))))


@pytest.fixture
def mapped(tmp_path: Path) -> Path:
    """A file so large that it is mapped; its time is long ago, so that any change shows."""
    path = tmp_path / "large.dcm"
    path.write_bytes(MAPPED)
    os.utime(path, ns=(10**18, 10**18))
    return path


def address(value: Any) -> int:
    return int(np.frombuffer(value, np.uint8).__array_interface__["data"][0])


def inside(value: Any, data: Any) -> bool:
    return address(data) <= address(value) < address(data) + memoryview(data).nbytes


def test_a_buffer_that_may_change_is_copied_and_one_that_cannot_is_not() -> None:
    source = bytearray(MAPPED)
    dataset = dcmread(source)
    source[:] = bytes(len(source))
    assert dataset.EncapsulatedDocument == BIG_VALUE and dataset.PatientName == "A^B"
    assert inside(dcmread(MAPPED).EncapsulatedDocument, MAPPED)
    assert dcmread(memoryview(MAPPED).toreadonly()).EncapsulatedDocument.readonly


def test_a_memory_map_of_python_is_a_buffer(mapped: Path) -> None:
    with mapped.open("rb") as source, mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ) as memory:
        dataset = dcmread(memory)
        assert inside(dataset.EncapsulatedDocument, memory)
        del dataset


def test_a_large_file_is_mapped_and_its_values_are_views_of_it(mapped: Path) -> None:
    tracemalloc.start()
    dataset = dcmread(mapped)
    value = dataset.EncapsulatedDocument
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(value, memoryview) and value.readonly and value == BIG_VALUE
    assert peak < len(MAPPED) // 10


def test_values_outlive_their_dataset(mapped: Path) -> None:
    for source in (mapped, bytes(MAPPED)):
        assert bytes(dcmread(source).EncapsulatedDocument) == BIG_VALUE


def test_a_file_that_was_changed_in_place_is_an_error(mapped: Path) -> None:
    dataset = dcmread(mapped)
    with mapped.open("r+b") as target:
        target.write(b"x")
    for use in (lambda: dataset.EncapsulatedDocument, lambda: dumps(dataset)):
        with pytest.raises(ReadError, match="changed in place") as caught:
            use()
        assert caught.value.source == str(mapped)


@pytest.mark.parametrize("use", [
    "dataset.EncapsulatedDocument", "dataset.PatientName", "dataset.IconImageSequence", "dcmenc.dumps(dataset)",
    "setattr(dataset, 'PatientID', 'x') or dcmenc.dumps(dataset)", "dataset == dataset.copy() and repr(dataset)", "pickle.dumps(dataset)",
])
def test_a_file_that_was_cut_in_place_is_an_error_and_no_crash(mapped: Path, use: str) -> None:
    code = (f"import dcmenc, os, pickle; dataset = dcmenc.dcmread({str(mapped)!r}); os.truncate({str(mapped)!r}, 0)\n"
            f"try:\n    {use}\nexcept (dcmenc.ReadError, dcmenc.EncodeError) as error:\n    print(error)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, text=True)
    assert done.returncode == 0, (done.returncode, done.stderr)
    assert "changed in place" in done.stdout


def test_a_file_that_took_the_place_of_another_does_not_matter(mapped: Path, tmp_path: Path) -> None:
    dataset = dcmread(mapped)
    (tmp_path / "new").write_bytes(b"other")
    os.replace(tmp_path / "new", mapped)
    assert dataset.EncapsulatedDocument == BIG_VALUE and dumps(dataset) == MAPPED
    mapped.unlink()
    assert dataset.PatientName == "A^B" and dumps(dataset) == MAPPED


@pytest.mark.parametrize("data", [file(NAMED), MAPPED], ids=["small", "mapped"])
def test_a_dataset_may_be_written_onto_the_file_that_it_was_read_from(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(data)
    dataset = dcmread(path)
    dcmwrite(path, dataset)
    assert path.read_bytes() == data
    dataset.PatientID = "4711"
    dcmwrite(path, dataset)
    again = dcmread(path)
    assert again == dataset and again.PatientID == "4711"


def test_a_thousand_mapped_datasets_keep_no_file_open(mapped: Path) -> None:
    before = len(os.listdir("/dev/fd"))
    kept = [dcmread(mapped) for _ in range(1000)]
    assert len(os.listdir("/dev/fd")) == before
    assert kept[999].PatientName == "A^B"


def test_threads_read_one_dataset_as_one_does() -> None:
    data = file(explicit(IMAGES, "SQ", b"".join(item(explicit(NAME, "PN", b"%04d" % number)) for number in range(200))) + NAMED)
    for _ in range(20):
        dataset, seen, start = dcmread(data), [], threading.Barrier(4)

        def look(dataset: Dataset = dataset, seen: list[Any] = seen, start: threading.Barrier = start) -> None:
            start.wait()
            images = dataset.ReferencedImageSequence
            seen.append((images, images[7], [one.PatientName for one in images], dumps(dataset)))

        threads = [threading.Thread(target=look) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(seen) == 4 and len({(id(images), id(one)) for images, one, _, _ in seen}) == 1
        assert all((names, written) == ([f"{number:04}" for number in range(200)], data) for _, _, names, written in seen)


def test_threads_read_the_same_files() -> None:
    wanted, found = [repr(accessed(dcmread(path))) for path in KIND_PATHS], []

    def look() -> None:
        found.append([repr(accessed(dcmread(path))) for path in KIND_PATHS])

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [wanted] * 4
