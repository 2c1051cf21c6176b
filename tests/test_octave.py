"""Octave's dicom package beside dcmenc: it reads what dcmenc writes, dcmenc reads what it writes, and docs/matlab.md has both in a table.

Octave reads and writes by GDCM. Each call runs in a process of its own group, which is ended by the clock: after a fault in a library
it may hang.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from test_matlab import CT, EXPLICIT

from dcmenc import PixelError, ReadError, dicominfo, dicomread, dicomwrite
from dcmenc.uid import is_valid_uid

pytestmark = pytest.mark.filterwarnings("ignore::dcmenc.DcmencWarning", "ignore::UserWarning")
Peer = Callable[[str], str]
SECONDS = 20
PAGE = (Path(__file__).parents[1] / "docs" / "matlab.md").read_text(encoding="utf-8")
SOME = np.random.default_rng(7)
CLASSES = {"uint8": "u1", "int8": "i1", "uint16": "u2", "int16": "i2", "uint32": "u4", "int32": "i4"}
MODES = ("None", "RLE", "JPEG lossless", "JPEG2000 lossless")


def octave(program: str, code: str, folder: Path) -> int:
    """The exit status of a script, which runs in a folder; that of a signal if it had to be ended."""
    (folder / "script.m").write_text("pkg load dicom\n" + code)
    run = subprocess.Popen([program, "-q", "--norc", "script.m"], cwd=folder, start_new_session=True, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
    try:
        return run.wait(SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(run.pid, signal.SIGKILL)
        return run.wait()


READ = """
files = glob('*.dcm');
for at = 1:numel(files)
  X = dicomread(files{at});
  out = fopen([files{at} '.raw'], 'w');
  fprintf(out, '%s %s\\n', class(X), mat2str(size(X)));
  fwrite(out, X, class(X));
  fclose(out);
end
"""


def what_it_reads(program: str, folder: Path) -> dict[str, Any]:
    """The arrays that Octave reads from the files of a folder, by their names."""
    octave(program, READ, folder)
    found = {}
    for path in folder.glob("*.raw"):
        line, _, data = path.read_bytes().partition(b"\n")
        kind, shape = re.fullmatch(r"(\w+) \[([\d ]+)\]", line.decode()).groups()  # type: ignore[union-attr]
        array = np.frombuffer(data, CLASSES[kind])
        if array.size == np.prod([int(side) for side in shape.split()]):
            found[path.name.removesuffix(".dcm.raw")] = array.reshape([int(side) for side in shape.split()], order="F")
    return found


def some(kind: str, *shape: int) -> Any:
    low, high = np.iinfo(kind).min, np.iinfo(kind).max
    return SOME.integers(low, high, shape, "i8", endpoint=True).astype(kind)


def test_it_reads_every_class_of_integers_in_every_lossless_mode(peer: Peer, tmp_path: Path) -> None:
    arrays = {}
    for kind in CLASSES.values():
        for mode in MODES:
            if kind[1] != "4" or mode == "None":
                arrays[f"{kind}-{mode.replace(' ', '')}"] = array = some(kind, 9, 14)
                dicomwrite(array, tmp_path / f"{kind}-{mode.replace(' ', '')}.dcm", "CompressionMode", mode)
        arrays[f"{kind}-explicit"] = array = some(kind, 9, 14)
        dicomwrite(array, tmp_path / f"{kind}-explicit.dcm", "VR", "explicit")
    read = what_it_reads(peer("octave-cli"), tmp_path)
    assert read.keys() == arrays.keys() and len(arrays) == 24
    assert [name for name in arrays if read[name].dtype != arrays[name].dtype or not np.array_equal(read[name], arrays[name])] == []


# ---- the table: what Octave makes of calls, and of dcmenc's files

ARRAYS: dict[str, tuple[Any, str]] = {
    "integers of 8, 16 and 32 bits, one frame": (some("u2", 9, 14), "uint16(X)"),
    "bool": (some("u1", 9, 14) > 99, "X > 99"),
    "double": (some("u1", 9, 14) / 3, "double(X) / 3"),
    "indices with a colormap": (some("u1", 9, 14) % 8, "uint8(mod(X, 8)), map"),
    "several frames": (some("u1", 9, 14, 1, 4), "reshape(uint8(mod(0:503, 256)), 9, 14, 1, 4)"),
    "colour": (some("u1", 64, 64, 3), "zeros(9, 14, 3, 'uint8')"),
}
# The words of the page for what was measured.
EMPTY, FAULT, REFUSED = "an empty file, no error", "a fault: the process ends, or hangs", "an error"
WRITTEN, SAME = "written", "the same pixels"


@pytest.fixture(scope="module")
def written_by_octave(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with what Octave made of every array of the table, and of every class of integers."""
    program, folder = shutil.which("octave-cli"), tmp_path_factory.mktemp("octave")
    lines = ["X = reshape(0:125, 9, 14); map = repmat((0:7)' / 7, 1, 3);"]
    lines += [f"try; dicomwrite({form}, 'row{at}.dcm'); catch; end" if "map" not in form else
              f"try; dicomwrite({form}, 'row{at}.dcm'); catch; fclose(fopen('row{at}.error', 'w')); end"
              for at, (_, form) in enumerate(ARRAYS.values())]
    lines += [f"dicomwrite({kind}(X), '{kind}.dcm');" for kind in CLASSES]
    lines += ["dicomwrite(uint8(X), 'option.dcm', 'CompressionMode', 'RLE');",
              "s.PatientName = 'Yamada^Tarou'; s.PatientID = '4711'; s.Modality = 'CT'; s.SliceThickness = 2.5;",
              f"s.SOPClassUID = '{CT}'; s.StudyDate = '20261123'; dicomwrite(uint16(X), 'ct.dcm', s);",
              "out = fopen('uid.txt', 'w'); fputs(out, dicomuid()); fclose(out);"]
    if program is not None:
        octave(program, "\n".join(lines), folder)
    return folder


def outcome_of_writing(folder: Path, at: int) -> str:
    path = folder / f"row{at}.dcm"
    if (folder / f"row{at}.error").exists():
        return REFUSED
    return WRITTEN if path.stat().st_size else EMPTY


def outcome_of_reading(program: str, folder: Path, array: Any) -> str:
    read = what_it_reads(program, folder).get("row")
    if read is None:
        return FAULT
    # its frames come without the axis of one sample
    expected = array.reshape(read.shape) if array.ndim == 4 and array.shape[2] == 1 else array
    assert np.array_equal(read, expected)
    return SAME + (", as (rows, columns, frames)" if array.ndim == 4 else "")


@pytest.mark.parametrize("row", ARRAYS)
def test_a_row_of_the_table_is_what_was_measured(row: str, peer: Peer, written_by_octave: Path, tmp_path: Path) -> None:
    program, (array, _) = peer("octave-cli"), ARRAYS[row]
    colormap = (np.arange(8)[:, None].repeat(3, 1) / 7,) if "colormap" in row else ()
    try:
        dicomwrite(array, *colormap, tmp_path / "row.dcm")
        own, theirs = WRITTEN, outcome_of_reading(program, tmp_path, array)
    except PixelError:
        own, theirs = "an error; `rescale=True` writes it", "-"
    made = outcome_of_writing(written_by_octave, list(ARRAYS).index(row))
    assert f"\n| {row} | {own} | {theirs} | {made} |\n" in PAGE


def test_the_table_has_no_other_rows() -> None:
    table = PAGE.partition("## Octave")[2].partition("\n## ")[0]
    assert [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| ")][1:] == list(ARRAYS)


def test_the_fault_of_colour_is_not_of_dcmencs_files(peer: Peer, tmp_path: Path) -> None:
    shutil.copy(get_testdata_file("SC_rgb_gdcm_KY.dcm", download=False), tmp_path / "row.dcm")
    assert "row" not in what_it_reads(peer("octave-cli"), tmp_path)


# ---- the other way

def test_what_it_writes_is_read(peer: Peer, written_by_octave: Path) -> None:
    peer("octave-cli")
    expected = np.arange(126).reshape(9, 14, order="F")
    for kind, dtype in CLASSES.items():
        array = dicomread(written_by_octave / f"{kind}.dcm")
        assert array.dtype == dtype and np.array_equal(array, expected.astype(dtype)), kind
        info = dicominfo(written_by_octave / f"{kind}.dcm")
        assert (info.Width, info.Height, info.BitDepth, info.ColorType) == (14, 9, 8 * array.dtype.itemsize, "grayscale")
        theirs = pydicom.dcmread(written_by_octave / f"{kind}.dcm")
        assert np.array_equal(theirs.pixel_array, array) and info.SOPInstanceUID == theirs.SOPInstanceUID


def test_its_metadata_are_read_and_written_again(peer: Peer, written_by_octave: Path, tmp_path: Path) -> None:
    peer("octave-cli")
    info = dicominfo(written_by_octave / "ct.dcm")
    assert (info.PatientName.FamilyName, info.PatientID, info.SliceThickness, info.SOPClassUID) == ("Yamada", "4711", 2.5, CT)
    dicomwrite(dicomread(written_by_octave / "ct.dcm"), tmp_path / "copy.dcm", info, CreateMode="Copy", VR="explicit")
    old, new = pydicom.dcmread(written_by_octave / "ct.dcm"), pydicom.dcmread(tmp_path / "copy.dcm")
    assert new.file_meta.TransferSyntaxUID == EXPLICIT and np.array_equal(new.pixel_array, old.pixel_array)
    assert {element.tag: element.value for element in new} == {element.tag: element.value for element in old}


def test_its_empty_files_are_refused(peer: Peer, written_by_octave: Path) -> None:
    peer("octave-cli")
    assert not (written_by_octave / "option.dcm").stat().st_size, "an option ends in an empty file, too"
    with pytest.raises(ReadError, match="empty"):
        dicomread(written_by_octave / "option.dcm")


def test_its_uids_are_uids(peer: Peer, written_by_octave: Path) -> None:
    peer("octave-cli")
    assert is_valid_uid((written_by_octave / "uid.txt").read_text().strip())
