"""Every benchmark case writes the same as its peers; the figures themselves are not looked at here."""

from __future__ import annotations

import importlib
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import dcmenc.openjpeg
from benchmarks import (
    cases,
    checks,
    frames,
    jobs,
    memory,
    peers,
    pixels_dcmenc,
    quality,
    report,
    scaling,
    sources,
    terms,
    transcript,
)

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def result_of(case: terms.Case, label: str, folder: Path) -> bytes:
    peer = importlib.import_module(f"benchmarks.peer_{label.split('-')[0]}")
    own = folder / label
    own.mkdir()
    return peer.result(peer.prepare(case, case.contenders[label].form, "check", str(own)))


@pytest.mark.parametrize("case", cases.CASES.values(), ids=list(cases.CASES))
def test_contenders_write_and_read_the_same(case: terms.Case, tmp_path: Path, peer: Callable[[str], str]) -> None:
    ours = result_of(case, "dcmenc", tmp_path)
    checks.inspect(case, ours)
    for label, contender in case.contenders.items():
        if label != "dcmenc" and contender.check != "none":
            result = result_of
            if contender.program == peers.PYTHON_GDCM:
                if not peers.present(contender.program):
                    peer(contender.program)
                result = result_of_process
            elif contender.program:
                peer(contender.program)
            checks.compare(case, label, "check", ours, result(case, label, tmp_path))


def result_of_process(case: terms.Case, label: str, folder: Path) -> bytes:
    """Of a contender whose library must not come into this process."""
    own = folder / label
    own.mkdir()
    told = {"do": "prepare", "case": case.name, "label": label, "form": case.contenders[label].form, "size": "check", "folder": str(own),
            "result": str(folder / "result")}
    subprocess.run([sys.executable, "-m", "benchmarks.worker"], cwd=ROOT, input=json.dumps(told) + "\n", text=True, check=True,
                   stdout=subprocess.DEVNULL)
    return (folder / "result").read_bytes()


@pytest.mark.parametrize(("name", "label"), [("rle-encode", "gdcm"), ("rle-decode", "pylibjpeg"), ("jpegll-decode", "imagecodecs"),
                                             ("swap", "bare"), ("imread-rle", "pydicom"), ("two-rle", "dcmenc-one")])
def test_other_samples_are_noticed(name: str, label: str, tmp_path: Path) -> None:
    case = cases.CASES[name]
    ours = result_of(case, "dcmenc", tmp_path)
    # in the last frame, which is noise: of RLE, too, that is a sample and no count
    changed = ours[:-20] + bytes([ours[-20] ^ 64]) + ours[-19:]
    for sides in ((ours, changed), (changed, ours)):
        with pytest.raises(checks.Mismatch, match=r"other samples|differ at byte"):
            checks.compare(case, label, "check", *sides)


def test_a_frame_that_was_encoded_from_another_is_noticed(tmp_path: Path) -> None:
    case = cases.CASES["jpegll-encode"]
    ours = result_of(case, "dcmenc", tmp_path)
    frame = frames.frames("check")[0]
    other = frame._replace(cells=frame.cells ^ 1)
    theirs = jobs.pack(jobs.unpack(ours) | {frame.name: frames.jpeg(other, 1)})
    with pytest.raises(checks.Mismatch, match="imagecodecs makes of the frame ct"):
        checks.compare(case, "imagecodecs", "check", ours, theirs)
    with pytest.raises(checks.Mismatch, match="dcmenc makes of the frame ct"):
        checks.compare(case, "imagecodecs", "check", theirs, ours)
    with pytest.raises(checks.Mismatch, match="frames"):
        checks.compare(case, "imagecodecs", "check", ours, jobs.pack({"ct": b""}))


@pytest.mark.parametrize("label", ["openjpeg", "imagecodecs"])
def test_a_frame_of_jpeg_2000_that_was_encoded_from_another_is_noticed(label: str, tmp_path: Path) -> None:
    case = cases.CASES["jpeg2000-pillow"]
    ours = result_of(case, "dcmenc", tmp_path)
    frame = frames.frames("check")[0]
    other = pixels_dcmenc._encoding("j2k", frame._replace(cells=frame.cells ^ 1), False)()
    changed = jobs.pack(jobs.unpack(ours) | {frame.name: other})
    for sides, name in (((ours, changed), label), ((changed, ours), "dcmenc")):
        with pytest.raises(checks.Mismatch, match=f"{name} makes of the frame ct"):
            checks.compare(case, label, "check", *sides)


def test_bare_calls_of_openjpeg_make_the_bytes_that_dcmenc_makes(tmp_path: Path) -> None:
    case = cases.CASES["jpeg2000-pillow"]
    assert result_of(case, "dcmenc", tmp_path) == result_of(case, "openjpeg", tmp_path)


@pytest.mark.parametrize("name", ["pillow", "imagecodecs", "system"])
def test_the_copies_of_openjpeg_are_what_they_are_called(name: str) -> None:
    path = peers.openjpeg_copy(name)
    if path is None:
        pytest.skip(f"there is no OpenJPEG of {name}")
    assert dcmenc.openjpeg.Library(path).path == path
    assert ("libs" in Path(path).parent.name or ".dylibs" in path) == (name != "system")
    assert name == "system" or name in path.lower() or "PIL" in path


def test_every_contender_gets_the_copy_that_its_case_names(tmp_path: Path) -> None:
    path = peers.openjpeg_copy("imagecodecs")
    if path is None:
        pytest.skip("there is no OpenJPEG of imagecodecs")
    copied = shutil.copy(path, tmp_path / "libmine.so")
    code = ("import benchmarks.__main__ as main\nmain.peers.openjpeg_copy = lambda name: {!r}\n"
            "process = main.Process(main.CASES['jpeg2000-imagecodecs'], 'openjpeg', 'check', {!r})\nprocess.answer()\n"
            "print('libmine.so' in open(f'/proc/{{process._process.pid}}/maps').read())\nprocess.close()")
    if not os.path.exists("/proc/self/maps"):
        pytest.skip("the system does not tell what a process has loaded")
    told = [sys.executable, "-c", code.format(str(copied), str(tmp_path))]
    done = subprocess.run(told, cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["True"]


def test_a_lossy_codec_is_judged_by_its_worst_setting() -> None:
    lines = [quality.Loss("a", 40.0, 40.05, 990, 1000), quality.Loss("b", 40.0, 40.2, 900, 1000), quality.Loss("c", 40.0, 39.0, 1001, 1000)]
    told = [line._asdict() | {"below": line.below, "size": line.size} for line in lines]
    found = [(row.part, row.measure, row.verdict) for row in report.quality_rows("jpeg", told)]
    assert found == [("worst of 3, b", "dB below", "MISSED"), ("worst of 3, c", "size", "MISSED")]
    assert [row.verdict for row in report.quality_rows("jpeg", told[:1])] == ["pass", "pass"]
    assert "| b | 40.00 | 40.20 | 900 | 1000 |" in report.quality_markdown({"jpeg": told})
    assert report.quality_markdown({}) == ""


def test_a_transcoded_file_with_other_pixels_is_noticed(tmp_path: Path) -> None:
    case = cases.CASES["transcode-jpegll"]
    ours = result_of(case, "dcmenc", tmp_path)
    data, other = io.BytesIO(), io.BytesIO()
    array = scaling.dcmenc.imread(ours)
    for file, compression, pixels in ((data, "jpeg-lossless", array ^ 1), (other, "rle", array)):
        scaling.dcmenc.imwrite(file, pixels, compression=compression, bits_stored=12)
    assert "3 frames" in checks.compare(case, "dcmtk", "check", ours, ours)
    with pytest.raises(checks.Mismatch, match="dcmtk has other pixels"):
        checks.compare(case, "dcmtk", "check", ours, data.getvalue())
    with pytest.raises(checks.Mismatch, match="file of dcmenc has other pixels"):
        checks.compare(case, "dcmtk", "check", data.getvalue(), ours)
    with pytest.raises(checks.Mismatch, match="transfer syntax"):
        checks.compare(case, "dcmtk", "check", ours, other.getvalue())


def test_results_of_parts_are_told_apart() -> None:
    parts = {"ct": b"\n{", "": b"", "rgb": b"abc"}
    assert jobs.unpack(jobs.pack(parts)) == parts
    assert checks.sizes(cases.CASES["rle-encode"], jobs.pack(parts)) == {"ct": 2, "": 0, "rgb": 3}
    assert checks.sizes(cases.CASES["transcode-rle"], b"12345") == {"": 5}


def test_python_gdcm_is_looked_for_in_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DCMENC_GDCM", str(tmp_path))
    assert cases.absent(cases.CASES["rle-encode"]) == [peers.PYTHON_GDCM]
    (tmp_path / "gdcm.py").touch()
    assert peers.gdcm_folder() == str(tmp_path)
    assert cases.absent(cases.CASES["rle-encode"]) == []


@pytest.mark.parametrize("known", [True, False])
def test_memory_is_that_of_a_process_which_wrote_every_frame(known: bool) -> None:
    found = memory._of_process("jpeg-lossless", 5, known)
    assert found["frames"] == 5
    assert found["bytes"] > 5 * 10**5
    assert report.memory_row("Writer", memory.MOST_MEBIBYTES, found["MiB peak"]).verdict == "pass"


def test_a_different_value_is_noticed(tmp_path: Path) -> None:
    case = cases.CASES["enhanced"]
    ours = result_of(case, "dcmenc", tmp_path)
    changed = ours.replace(b"Yamada^Tarou", b"Yamada^Torau")
    with pytest.raises(checks.Mismatch, match="Torau"):
        checks.compare(case, "pydicom", "check", ours, changed)
    with pytest.raises(checks.Mismatch, match="differ at byte"):
        checks.compare(cases.CASES["ct"], "pydicom", "check", ours, changed)


@pytest.mark.parametrize("name", ["ct-read", "enhanced-visit", "files-read", "pixels-read"])
def test_a_value_that_was_read_differently_is_noticed(name: str, tmp_path: Path) -> None:
    case = cases.CASES[name]
    ours = result_of(case, "dcmenc", tmp_path)
    lines = ours.split(b"\n")
    for other in (lines[:-1], [*lines[:-1], lines[-1][:-1]], [*lines, b""]):
        with pytest.raises(checks.Mismatch, match="dcmenc read"):
            checks.compare(case, "pydicom", "check", ours, b"\n".join(other))


def test_a_converted_file_may_name_another_writer_but_holds_the_same_values(tmp_path: Path) -> None:
    case = cases.CASES["large-implicit"]
    ours = result_of(case, "dcmenc", tmp_path)
    named = ours.replace(b"BENCHMARK", b"BENCHMARC")
    assert named != ours
    checks.compare(case, "dcmtk", "check", ours, named)
    with pytest.raises(checks.Mismatch, match="Torau"):
        checks.compare(case, "dcmtk", "check", ours, ours.replace(b"Yamada^Tarou", b"Yamada^Torau"))
    with pytest.raises(checks.Mismatch, match="wrote Implicit VR Little Endian, dcmtk Explicit VR Little Endian"):
        checks.compare(case, "dcmtk", "check", ours, sources.content(case, "check"))


def test_a_transcript_holds_every_value_and_no_padding() -> None:
    def elements(ds: pydicom.Dataset) -> list[tuple[int, str, object]]:
        return [(element.tag, element.VR, element.value) for element in ds]

    def text(**attributes: object) -> str:
        ds = pydicom.Dataset()
        ds.file_meta = pydicom.dataset.FileMetaDataset()
        for keyword, value in attributes.items():
            setattr(ds, keyword, value)
        return transcript.transcript(ds, elements).decode()

    item = pydicom.Dataset()
    item.StackID = "7"
    assert text(PatientID="P1 ", Rows=2) == "(0010,0020) LO 'P1'\n(0028,0010) US 2"
    assert text(FrameContentSequence=[item, item]) == (
        "(0020,9111) SQ 2\n(0020,9111)[0].(0020,9056) SH '7'\n(0020,9111)[1].(0020,9056) SH '7'")
    assert text(PixelSpacing=["0.50", "1e0"]) == text(PixelSpacing=[0.5, 1]) == "(0028,0030) DS 0.5\\1.0"
    assert text(PatientID="") == text(PatientID=None) == "(0010,0020) LO "
    assert transcript.spell("OB", b"\1\0") == "0100"
    assert transcript.spell("OW", bytes(100)) != transcript.spell("OW", bytes(99) + b"\1")


def test_a_program_that_is_not_installed_takes_its_lines_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    case = cases.CASES["large-copy"]
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert cases.absent(case) == ["dcmconv"]
    left = cases.without(case, ["dcmconv"])
    assert set(case.contenders) - set(left.contenders) == {"dcmtk"}
    assert [target.against for target in case.targets if target not in left.targets] == ["dcmtk"]
    assert cases.without(cases.CASES["ct"], []) == cases.CASES["ct"]


@pytest.mark.parametrize("label", ["dcmenc", "pydicom"])
def test_a_process_finds_its_byte_code_made(label: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    result_of(cases.CASES["import"], label, tmp_path)
    made = {path.name.split(".")[0] for path in (tmp_path / label / "bytecode").rglob(f"{label}/*.pyc")}
    assert "__init__" in made


def test_scaling_reads_what_it_has_written(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, data, count = scaling._written(3, 2)
    independent = pydicom.dcmread(io.BytesIO(data), force=True)
    # beside what is counted, a UID to begin with, and the sequence that holds all
    assert count + 2 == sum(1 for _ in independent.iterall())
    assert dataset == scaling.dcmenc.dcmread(data, force=True)
    monkeypatch.setattr(scaling.dcmenc, "dcmread", lambda data, force: scaling.dcmenc.Dataset())
    with pytest.raises(checks.Mismatch, match="scaling"):
        scaling._written(3, 2)


def test_a_loaded_library_is_noticed() -> None:
    with pytest.raises(checks.Mismatch, match="numpy"):
        checks.inspect(cases.CASES["import"], b"dcmenc\nnumpy\n")


@pytest.mark.parametrize("kind", ["doubles", "short"])
def test_legal_text_fits_and_is_near(kind: str) -> None:
    for number in cases.numbers(kind, 500):
        text = cases.legal_text(number)
        assert len(text) <= 16
        assert float(text) == (number if kind == "short" else pytest.approx(number, rel=0, abs=1e-11))


def test_a_target_is_judged_by_the_fastest_and_by_the_median_round() -> None:
    def contender(*seconds: float) -> dict[str, object]:
        return {"seconds": report.summarise([{"": {"cpu": second, "wall": second}} for second in seconds]), "values": 0, "extra": 0}

    def judged(*seconds: float) -> tuple[float, float, str]:
        row, = report.rows(cases.CASES["enhanced"], {"dcmenc": contender(1.0, 2.0, 4.0), "pydicom": contender(*seconds)})
        return row.value, row.typical, row.verdict

    assert judged(500.0, 900.0, 800.0) == (500.0, 450.0, "pass")
    assert judged(300.0, 300.0, 400.0) == (300.0, 150.0, "unsettled")
    assert judged(100.0, 120.0, 400.0) == (100.0, 100.0, "MISSED")


def test_frames_are_judged_by_name_by_their_mean_and_by_the_worst() -> None:
    def contender(ct: float, noise: float, size: int) -> dict[str, object]:
        samples = [{name: {"cpu": second, "wall": second} for name, second in (("ct SV1", ct), ("noise SV1", noise))}]
        return {"seconds": report.summarise(samples), "values": 0, "sizes": {"ct SV1": size, "noise SV1": 100}}

    case = cases.CASES["jpegll-encode"]
    figures = {"dcmenc": contender(1.0, 1.0, 100), "dcmenc-portable": contender(2.0, 1.0, 100), "imagecodecs": contender(16.0, 4.0, 80)}
    found = [(row.ours, row.part, round(row.value, 6), row.verdict) for row in report.rows(case, figures)]
    assert found == [
        ("dcmenc", "ct", 16, "pass"), ("dcmenc", "mean of 2", 8, ""), ("dcmenc", "worst, noise SV1", 4, "MISSED"),
        ("dcmenc-portable", "ct", 8, "MISSED"), ("dcmenc-portable", "mean of 2", 5.656854, ""),
        ("dcmenc-portable", "worst, noise SV1", 4, "MISSED"), ("dcmenc", "worst, ct SV1", 1.25, "MISSED")]
    portable = report.rows(case, figures)[3]
    assert report.cells(portable)[:3] == ("JPEG Lossless SV1 encode, portable [jpegll-encode]", "imagecodecs: ct", "8x")
