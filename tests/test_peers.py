"""Other toolkits read what dcmenc writes: hundreds of seeded files, and the same elements in them (nesting stays below 100)."""

from __future__ import annotations

import re
import subprocess
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pydicom
import pytest
from reference import outline
from strategies import ENCODING_NAMES, ENCODINGS, Plan, Seeded, built, plan

from dcmenc import Dataset, DcmencWarning, Sequence, dcmwrite

pytestmark = [pytest.mark.peer, pytest.mark.filterwarnings("ignore::dcmenc.DcmencWarning")]
Peer = Callable[[str], str]
COUNT = 150
SOP = [(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.7"), (0x00080018, "UI", "1.2.3"), (0x00080060, "CS", "OT")]
TAG = re.compile(r"^ *\(([0-9a-f]{4}),([0-9a-f]{4})\) (?!na )")

FAULTS = re.compile(
    r"(?i)read failed|parse failed|bad (tag|length|vr)|unexpected end|not in .*ascending|wrong length|illegal (vr|value repr)|past end"
)


def datasets() -> Iterator[Dataset]:
    """Seeded datasets that are files, and two that nest deep."""
    for seed in range(COUNT):
        made = plan(Seeded(seed))
        dataset = built(Plan([*(e for e in made.elements if e[0] >> 16 != 0x0008 or e[0] & 0xFFFF), *SOP], made.undefined))
        dataset.preamble = bytes(128)
        yield dataset
    for undefined in (False, True):
        deep = Dataset(PatientID="leaf")
        for _ in range(90):
            deep.undefined_length = undefined
            deep = Dataset(ReferencedImageSequence=Sequence([deep], undefined))
        for tag, vr, value in SOP:
            deep.add(tag, vr, value)
        yield deep


def flat(tree: list[tuple[int, list[list]]]) -> list[int]:  # type: ignore[type-arg]
    return [one for tag, items in tree for one in (tag, *(inner for item in items or [] for inner in flat(item)))]


@pytest.fixture(scope="module", params=ENCODINGS, ids=ENCODING_NAMES)
def batch(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], list[Dataset]]:
    """Files and what is in them."""
    implicit, big = request.param
    folder, made = tmp_path_factory.mktemp("peers"), list(datasets())
    paths = [folder / f"{number:04}.dcm" for number in range(len(made))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DcmencWarning)
        for path, dataset in zip(paths, made, strict=True):
            dcmwrite(path, dataset, implicit_vr=implicit, little_endian=not big)
    return paths, made


def test_dcmdump_finds_every_element_and_no_fault(batch: tuple[list[Path], list[Dataset]], peer: Peer) -> None:
    paths, made = batch
    done = subprocess.run([peer("dcmdump"), "+F", "-M", *map(str, paths)], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert not re.search(rb"^[EF]: ", done.stderr, re.MULTILINE), done.stderr[-2000:]
    dumps = re.split(r"^# dcmdump \(\d+/\d+\): .*$", done.stdout.decode("utf-8", "replace"), flags=re.MULTILINE)[1:]
    assert len(dumps) == len(paths)
    for dump, dataset, path in zip(dumps, made, paths, strict=True):
        found = [int(match[1] + match[2], 16) for match in map(TAG.match, dump.split("\n")) if match and match[1] not in ("0002", "fffe")]
        assert found == flat(outline(dataset)), path.name


def test_gdcmdump_reads_every_file(batch: tuple[list[Path], list[Dataset]], peer: Peer) -> None:
    paths, _ = batch
    done = subprocess.run([peer("gdcmdump"), "-r", str(paths[0].parent)], capture_output=True, check=False)
    assert done.returncode == 0 and not re.search(rb"error|could not|fail", done.stderr, re.IGNORECASE), done.stderr[-2000:]
    assert done.stdout.count(b"# Used TransferSyntax") >= len(paths) or done.stdout.count(b"(0008,0018)") >= len(paths)


def test_dciodvfy_parses_a_sample_of_the_files(batch: tuple[list[Path], list[Dataset]], peer: Peer) -> None:
    paths, _ = batch
    for path in paths[::10]:
        done = subprocess.run([peer("dciodvfy"), str(path)], capture_output=True, check=False)
        text = (done.stdout + done.stderr).decode("latin-1")
        assert done.returncode >= 0, (path.name, done.returncode)
        if "Missing Pixel Representation" in text:
            continue  # it wants the attribute in the same item, while the standard lets an item inherit it
        assert not FAULTS.search(text), (path.name, text[:800])


def test_pydicom_reads_every_element(batch: tuple[list[Path], list[Dataset]]) -> None:
    paths, made = batch
    for path, dataset in zip(paths, made, strict=True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read = pydicom.dcmread(path)
            assert [int(element.tag) for element in read.iterall()] == flat(outline(dataset)), path.name
