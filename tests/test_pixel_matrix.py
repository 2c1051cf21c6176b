"""A seeded part of the bit-exact matrix (``matrix.py``), what no syntax holds, overlays, and what command line tools and dciodvfy say."""

from __future__ import annotations

import io
import os
import random
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matrix
import matrix_peers
import numpy as np
import pydicom
import pytest
import structure
from matrix import Tally
from matrix_cells import CODINGS, CONTENTS, FORMATS, SHAPES, Cell, Coding, cells, legal, native_of, pairwise, transcoded, values_of
from matrix_peers import EXCLUSIONS, PEERS, TOOLS, Exclusion, available

import dcmenc

pytestmark = pytest.mark.peer
Peer = Callable[[str], str]
SEED = int(os.environ.get("DCMENC_MATRIX_SEED", "1"))
SHARE = 0.02
BY_NAME = {one.name: one for one in (*PEERS, *TOOLS)}


@pytest.fixture(scope="module", autouse=True)
def gdcm_ends() -> Iterator[None]:
    """Its process does not outlive the tests."""
    yield
    BY_NAME["gdcm"].decode.close()  # type: ignore[attr-defined]


def part_of(coding: Coding) -> list[Cell]:
    """The seeded part of the cells of one compression."""
    own = [cell for cell in cells() if cell.coding is coding]
    return random.Random(f"{SEED} {coding.name}").sample(own, round(SHARE * len(own)))


@pytest.mark.parametrize("coding", CODINGS, ids=[f"seed{SEED}-{coding.name}" for coding in CODINGS])
def test_pixels_come_back_in_every_reader(coding: Coding) -> None:
    tally = matrix.run(part_of(coding), PEERS)
    assert not tally.faults, "\n".join(tally.faults[:20])


@pytest.mark.parametrize("name", [one.name for one in PEERS])
def test_every_decoder_is_here(name: str) -> None:
    if BY_NAME[name] not in available(PEERS):
        (pytest.fail if os.environ.get("DCMENC_REQUIRE_PEERS") else pytest.skip)(f"{name} is not installed")


@pytest.mark.parametrize("row", EXCLUSIONS, ids=lambda row: f"{row.peer}-{row.proof}")
def test_a_decoder_that_is_not_asked_would_fail(row: Exclusion) -> None:
    assert row.covers(row.proof)
    assert not matrix.lapsed(available([BY_NAME[row.peer]]), [row])


def test_gdcm_is_wrong_on_the_16_bit_colour_of_others_too(peer: Peer, tmp_path: Path) -> None:
    path = Path(pydicom.__file__).parent / "data" / "test_files" / "SC_rgb_rle_16bit.dcm"
    subprocess.run([peer("gdcmconv"), "--raw", path, tmp_path / "out.dcm"], check=True, capture_output=True)
    wanted = pydicom.pixels.pixel_array(path, raw=True)
    assert np.array_equal(dcmenc.imread(path), wanted)
    assert not np.array_equal(pydicom.pixels.pixel_array(tmp_path / "out.dcm", raw=True), wanted)


def test_ffmpeg_is_wrong_on_the_htj2k_of_others_too() -> None:
    av, imagecodecs = pytest.importorskip("av"), pytest.importorskip("imagecodecs")
    pixels = np.random.default_rng(0).integers(0, 256, (31, 33)).astype("u1")
    stream = imagecodecs.htj2k_encode(pixels, reversible=True)
    found = av.CodecContext.create("jpeg2000", "r").decode(av.Packet(stream))[0].to_ndarray()
    assert np.array_equal(imagecodecs.jpeg2k_decode(stream), pixels) and np.array_equal(imagecodecs.htj2k_decode(stream), pixels)
    assert not np.array_equal(found, pixels)


@pytest.mark.parametrize("coding", CODINGS, ids=lambda coding: coding.name)
def test_the_headers_of_other_pixels_are_seen(coding: Coding) -> None:
    gray, colour = (Cell(coding, FORMATS[name], (31, 33), 1, "real") for name in ("u8", "RGB8"))
    streams = structure.fragments(transcoded(native_of(colour, values_of(colour)), coding)[0])
    assert not list(matrix._check_streams(colour, streams))
    assert list(matrix._check_streams(gray, streams))


@pytest.mark.parametrize("coding", CODINGS, ids=lambda coding: coding.name)
def test_every_kind_of_pixels_has_two_decoders_that_are_not_dcmenc(coding: Coding) -> None:
    alone = {"jpeg-xl": 1, "deflated": 1, "uncompressed": 1}  # of which there is one
    for format in FORMATS.values():
        if legal(coding, format):
            asked = [one.name for one in PEERS if one.asked(Cell(coding, format, (31, 33), 1, "real"))]
            assert len(asked) >= alone.get(coding.family, 2), (format.name, asked)


@pytest.mark.parametrize("name", [one.name for one in PEERS])
def test_one_wrong_sample_is_seen(name: str) -> None:
    cell = next(one for one in cells() if BY_NAME[name].asked(one) and one.shape == (31, 33) and one.frames == 2 and one.content == "noise")
    values, tally = values_of(cell), Tally()
    data, _ = transcoded(native_of(cell, values), cell.coding)
    values[1, 30, 32] ^= 1
    matrix.ask(cell, data, values, available([BY_NAME[name]]), tally)
    assert len(tally.faults) == tally.votes[name], tally.faults


def test_what_a_syntax_does_not_hold_is_refused() -> None:
    wrong = {f"{row.name} in {coding.name}": matrix.check_illegal(row, coding) for row, coding in matrix.illegal_cells()}
    assert len(wrong) > 200 and not {name: what for name, what in wrong.items() if what}


@pytest.mark.parametrize("coding", CODINGS, ids=lambda coding: coding.name)
def test_embedded_overlays_survive(coding: Coding) -> None:
    assert not [what for cell in matrix.overlay_cells() if cell.coding is coding for what in matrix.check_overlays(cell)]


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_tools_agree(tool: matrix_peers.Peer, peer: Peer) -> None:
    peer(tool.name)
    asked = [cell for cell in pairwise(SEED) if tool.asked(cell)]
    tally = Tally()
    for cell in random.Random(SEED).sample(asked, 8):
        values = values_of(cell)
        matrix.ask(cell, transcoded(native_of(cell, values), cell.coding)[0], values, [tool], tally)
    assert tally.votes[tool.name] == 8 and not tally.faults, (SEED, tally.faults)


def test_the_cover_has_every_pair() -> None:
    chosen = pairwise(SEED)
    parts = {(type(cell)._fields[i], str(cell[i]), str(cell[j])) for cell in chosen for i in range(5) for j in range(i + 1, 5)}
    for coding in CODINGS:
        for name, format in FORMATS.items():
            assert (("coding", str(coding), str(format)) in parts) == legal(coding, format), (coding.name, name)
    assert {(cell.shape, cell.content) for cell in chosen} == {(shape, content) for shape in SHAPES for content in CONTENTS}
    assert len(chosen) < 1000


# ---- dciodvfy

COMPRESSIONS = ("jpeg-lossless", "jpeg-lossless-p14", "rle")
ARRAYS: dict[str, tuple[Any, dict[str, Any]]] = {
    "u1": (np.arange(35, dtype="u1").reshape(5, 7), {}),
    "i2": (np.arange(-17, 18, dtype="i2").reshape(5, 7), {"bits_stored": 12}),
    "RGB": (np.arange(105, dtype="u1").reshape(5, 7, 3), {}),
    "YBR_FULL": (np.arange(105, dtype="u1").reshape(5, 7, 3), {"photometric": "YBR_FULL"}),
    "palette": (np.arange(35, dtype="u1").reshape(5, 7), {"colormap": np.linspace(0, 1, 768).reshape(256, 3)}),
    "byte frames": (np.arange(70, dtype="u1").reshape(2, 5, 7), {}),
    "word frames": (np.arange(70, dtype="u2").reshape(2, 5, 7), {"bits_stored": 12}),
    "colour frames": (np.arange(210, dtype="u1").reshape(2, 5, 7, 3), {}),
}
WHEEL = ("CT_small.dcm", "MR_small.dcm", "examples_rgb_color.dcm", "examples_palette.dcm", "MR_small_RLE.dcm", "SC_rgb_small_odd.dcm",
         "rtdose_1frame.dcm", "examples_overlay.dcm")


def errors_of(data: bytes, program: str, folder: Path) -> set[str]:
    """The errors that dciodvfy reports."""
    path = folder / "asked.dcm"
    path.write_bytes(data)
    done = subprocess.run([program, str(path)], capture_output=True, check=False)
    assert done.returncode >= 0, done.returncode
    return {line for line in (done.stdout + done.stderr).decode("latin-1").splitlines() if line.startswith("Error")}


@pytest.mark.parametrize("name", ARRAYS)
def test_dciodvfy_finds_no_more_in_a_compressed_image(name: str, peer: Peer, tmp_path: Path) -> None:
    array, options = ARRAYS[name]
    found = {}
    for compression in ("explicit", *COMPRESSIONS):
        file = io.BytesIO()
        dcmenc.imwrite(file, array, compression=compression, **options)
        found[compression] = errors_of(file.getvalue(), peer("dciodvfy"), tmp_path)
    assert all(errors <= found["explicit"] for errors in found.values()), found


@pytest.mark.parametrize("name", WHEEL)
@pytest.mark.filterwarnings("ignore::dcmenc.DcmencWarning")
def test_dciodvfy_finds_no_more_in_a_transcoded_file(name: str, peer: Peer, tmp_path: Path) -> None:
    source = (Path(pydicom.__file__).parent / "data" / "test_files" / name).read_bytes()
    known = errors_of(source, peer("dciodvfy"), tmp_path)
    for compression in COMPRESSIONS:
        file = io.BytesIO()
        try:
            dcmenc.transcode(source, file, compression)
        except dcmenc.PixelError as error:
            assert "holds no" in str(error), error
            continue
        assert not structure.faults(file.getvalue(), one_each=True)
        assert errors_of(file.getvalue(), peer("dciodvfy"), tmp_path) <= known, compression
