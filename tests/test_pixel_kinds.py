"""Kinds of pixels that are easily got wrong, in every syntax that holds them, as decoders of others see them (PS3.3 C.7.6.3, PS3.5 8.2).

Half-rate luminance and chrominance, planes, palettes, 32 bits, MONOCHROME1. The matrix (``matrix.py``) has the common kinds.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import structure
from pydicom.pixels import apply_color_lut, convert_color_space, pixel_array

from dcmenc import Dataset, PixelError, Report, dcmread, imread, imwrite, to_pydicom, transcode, verify
from dcmenc.uid import transfer_syntax

imagecodecs = pytest.importorskip("imagecodecs")

NATIVE = ("explicit", "implicit", "big-endian", "deflated")
LOSSLESS = ("rle", "jpeg-lossless", "jpeg-lossless-p14", "jpeg-ls", "jpeg2000-lossless", "htj2k-lossless", "htj2k-lossless-rpcl",
            "jpeg-xl-lossless", "deflated-frame", "encapsulated-uncompressed")
LOSSY = ("jpeg", "jpeg-ls-near", "jpeg2000", "htj2k", "jpeg-xl", "jpeg-xl-jpeg")
COLOURS = ("Red", "Green", "Blue")
FILES = Path(pydicom.__file__).parent / "data" / "test_files"
CHANCE = np.random.default_rng(2026)

pytestmark = pytest.mark.filterwarnings("ignore::dcmenc.DcmencWarning")


def written(array: Any, **options: Any) -> bytes:
    imwrite(file := io.BytesIO(), array, **options)
    assert not structure.faults(file.getvalue(), one_each=True)
    return file.getvalue()


def changed(source: Any, compression: str) -> bytes:
    return reported(source, compression)[0]


def reported(source: Any, compression: str) -> tuple[bytes, Report]:
    report = transcode(source, file := io.BytesIO(), compression)
    assert not structure.faults(file.getvalue())
    return file.getvalue(), report


def theirs(data: bytes) -> Any:
    """The stored values as pydicom has them, or, of the syntaxes that it does not know, libjxl, zlib, or the bytes themselves."""
    ds = pydicom.dcmread(io.BytesIO(data))
    decode = {"110": imagecodecs.jpegxl_decode, "8.1": lambda stream: zlib.decompressobj(-15).decompress(stream), "98": bytes}
    for end, function in decode.items():
        if ds.file_meta.TransferSyntaxUID.endswith(f".{end}"):
            return _by_hand(ds, [function(stream) for stream in structure.fragments(data)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pixel_array(ds, raw=True)


def _by_hand(ds: Any, frames: list[Any]) -> Any:
    if isinstance(frames[0], np.ndarray):
        return np.stack(frames) if len(frames) > 1 else frames[0]
    if ds.BitsAllocated == 1:
        return np.stack([np.unpackbits(np.frombuffer(frame, "u1"), bitorder="little")[: ds.Rows * ds.Columns] for frame in frames])
    dtype = f"<{'i' if ds.PixelRepresentation else 'u'}{ds.BitsAllocated // 8}"
    size = ds.Rows * ds.Columns * ds.SamplesPerPixel
    found = np.stack([np.frombuffer(frame, dtype, size) for frame in frames])
    if ds.SamplesPerPixel == 3:
        planes = (len(frames), 3, ds.Rows, ds.Columns) if ds.PlanarConfiguration else (len(frames), ds.Rows, ds.Columns, 3)
        found = np.moveaxis(found.reshape(planes), 1, -1) if ds.PlanarConfiguration else found.reshape(planes)
    else:
        found = found.reshape(len(frames), ds.Rows, ds.Columns)
    return found if len(frames) > 1 else found[0]


def native(values: Any, **attributes: Any) -> Dataset:
    """A data set by hand, in which nothing of dcmenc decides how the pixels lie."""
    ds = Dataset(SOPClassUID="1.2.840.10008.5.1.4.1.1.7", SOPInstanceUID="1.2.3.4", StudyInstanceUID="1.2.3", SeriesInstanceUID="1.2.3.5",
                 PatientName="Yamada^Tarou", Modality="OT", **attributes)
    ds.PixelData = values + b"\0" * (len(values) % 2)
    ds.file_meta = Dataset(TransferSyntaxUID="1.2.840.10008.1.2.1")
    return ds


def described(rows: int, columns: int, photometric: str, bits: int = 8, **attributes: Any) -> dict[str, Any]:
    samples = 1 if photometric.startswith(("MONO", "PAL")) else 3
    return {"SamplesPerPixel": samples, "PhotometricInterpretation": photometric, "Rows": rows, "Columns": columns, "BitsAllocated": bits,
            "BitsStored": bits, "HighBit": bits - 1, "PixelRepresentation": 0, **({"PlanarConfiguration": 0} if samples > 1 else {}),
            **attributes}


# ---- YBR_FULL_422: two of Y, then CB and CR for both (PS3.3 C.7.6.3.1.2)


def half_rate(frames: int = 1, rows: int = 5, columns: int = 8) -> Dataset:
    values = CHANCE.integers(0, 256, frames * rows * columns * 2).astype("u1").tobytes()
    more = {"NumberOfFrames": frames} if frames > 1 else {}
    return native(values, **described(rows, columns, "YBR_FULL_422", **more))


def in_file(ds: Dataset) -> bytes:
    """As a file, through pydicom."""
    own = to_pydicom(ds)
    own.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    own.save_as(file := io.BytesIO(), enforce_file_format=True)
    return file.getvalue()


@pytest.mark.parametrize("compression", NATIVE)
@pytest.mark.parametrize("frames", [1, 3])
def test_half_rate_samples_stay_as_they_are_among_native_syntaxes(compression: str, frames: int) -> None:
    source = half_rate(frames)
    data = changed(source, compression)
    ds = dcmread(data)
    assert (ds.PhotometricInterpretation, ds.SamplesPerPixel, len(ds.PixelData)) == ("YBR_FULL_422", 3, frames * 5 * 8 * 2)
    assert bytes(ds.PixelData) == bytes(source.PixelData)
    if compression != "big-endian":
        assert np.array_equal(imread(data, color="stored"), theirs(in_file(source)))
        assert np.array_equal(theirs(data), theirs(in_file(source)))


@pytest.mark.parametrize("compression", LOSSLESS)
@pytest.mark.parametrize("frames", [1, 3])
def test_half_rate_samples_become_whole_ones_in_compressed_syntaxes(compression: str, frames: int) -> None:
    source = half_rate(frames)
    if compression == "jpeg-xl-lossless":
        with pytest.raises(PixelError, match="JPEG XL Lossless holds no unsigned YBR_FULL"):
            changed(source, compression)
        return
    data, report = reported(source, compression)
    assert dcmread(data).PhotometricInterpretation == "YBR_FULL" and "PhotometricInterpretation" in report.overridden
    assert np.array_equal(theirs(data), theirs(in_file(source)))
    assert np.array_equal(imread(data, color="stored"), theirs(in_file(source)))
    assert dcmread(changed(data, "explicit")).PhotometricInterpretation == "YBR_FULL"


def test_odd_columns_and_planes_of_half_rate_samples_are_refused_everywhere() -> None:
    for wrong, message in (({"Columns": 7}, "Columns is 7"), ({"PlanarConfiguration": 1}, "PlanarConfiguration is 1")):
        ds = native(bytes(5 * wrong.get("Columns", 8) * 2), **(described(5, 8, "YBR_FULL_422") | wrong))
        with pytest.raises(PixelError, match=message):
            imread(ds)
        with pytest.raises(PixelError, match=message):
            changed(ds, "rle")
    with pytest.raises(PixelError, match="YBR_FULL_422 is for compressed pixels only"):
        written(np.zeros((4, 6, 3), "u1"), photometric="YBR_FULL_422")


def test_verify_counts_half_rate_samples_and_pairs_of_columns() -> None:
    def codes(ds: Dataset) -> set[str]:
        return {finding.code for finding in verify(ds).errors} & {"pixel-length", "odd-columns"}

    assert codes(half_rate()) == codes(half_rate(3)) == set()
    assert codes(native(bytes(5 * 8 * 3), **described(5, 8, "YBR_FULL_422"))) == {"pixel-length"}
    assert codes(native(bytes(5 * 7 * 2), **described(5, 7, "YBR_FULL_422"))) == {"odd-columns"}
    # of a compressed image, columns may be odd: the last pair is half there
    assert codes(dcmread(written(np.zeros((9, 11, 3), "u1"), compression="jpeg"))) == set()


@pytest.mark.parametrize("photometric", ["YBR_FULL", "YBR_FULL_422"])
def test_luminance_becomes_rgb_as_pydicom_makes_it(photometric: str) -> None:
    if photometric == "YBR_FULL":
        source = native(CHANCE.integers(0, 256, 5 * 8 * 3).astype("u1").tobytes(), **described(5, 8, photometric))
    else:
        source = half_rate()
    wanted = convert_color_space(theirs(in_file(source)), "YBR_FULL", "RGB", per_frame=True)
    found = imread(source, color="rgb").astype(int)
    assert np.abs(found - wanted).max() <= 1  # pydicom rounds halves to even numbers, and its factors have six digits
    assert np.array_equal(imread(source), theirs(in_file(source)))  # native pixels are as they are


# ---- planes (PS3.3 C.7.6.3.1.3)


@pytest.mark.parametrize("compression", [*NATIVE, *LOSSLESS])
@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
@pytest.mark.parametrize(("planar", "bits", "frames"), [(0, 8, 1), (1, 8, 1), (1, 8, 3), (0, 16, 2), (1, 16, 1), (1, 16, 3)])
def test_planes_and_pixels_are_the_same_values(compression: str, photometric: str, planar: int, bits: int, frames: int) -> None:
    values = CHANCE.integers(0, 1 << bits, (frames, 5, 7, 3)).astype(f"<u{bits // 8}")
    laid = np.ascontiguousarray(np.moveaxis(values, -1, 1) if planar else values).tobytes()
    more = {"PlanarConfiguration": planar} | ({"NumberOfFrames": frames} if frames > 1 else {})
    source = native(laid, **(described(5, 7, photometric, bits) | more))
    try:
        data = changed(source, compression)
    except PixelError as refused:
        assert "holds no" in str(refused) and photometric == "YBR_FULL" and (bits == 16 or compression == "jpeg-xl-lossless")
        return
    wanted = values if frames > 1 else values[0]
    ds = dcmread(data)
    arrangement = 1 if compression == "rle" else planar if compression in (*NATIVE, "deflated-frame", "encapsulated-uncompressed") else 0
    assert ds.PlanarConfiguration == arrangement
    assert np.array_equal(theirs(data), wanted) and np.array_equal(imread(data, color="stored"), wanted)
    back = changed(data, "explicit")
    assert np.array_equal(theirs(back), wanted)


# ---- PALETTE COLOR (PS3.3 C.7.6.3.1.5, C.7.6.3.1.6, C.7.9)


def palette_source(
    bits: int = 8, first: int = 0, signed: int = 0, entries: int = 16, entry_bits: int = 16, segmented: bool = False
) -> Dataset:
    """Indices of a palette whose first entry is for ``first``; values lie below, in and above it."""
    low, high = max(-(1 << bits - 1) if signed else 0, first - 3), min((1 << bits - signed) - 1, first + entries + 3)
    values = CHANCE.integers(low, high + 1, (9, 11)).astype(f"<{'i' if signed else 'u'}{bits // 8}")
    ds = native(values.tobytes(), **described(9, 11, "PALETTE COLOR", bits, PixelRepresentation=signed))
    for number, colour in enumerate(COLOURS):
        table = (np.arange(entries) * (7 + number) * (1 if entry_bits == 8 else 97)).astype(f"<u{entry_bits // 8}")
        ds[f"{colour}PaletteColorLookupTableDescriptor"] = [entries & 0xFFFF, first, entry_bits]
        if segmented:
            half = entries // 2
            ds.add(f"Segmented{colour}PaletteColorLookupTableData", "OW", struct.pack(
                f"<2H{half}H3H", 0, half, *table[:half], 1, entries - half, int(table[-1])))
        else:
            ds.add(f"{colour}PaletteColorLookupTableData", "OW", table.tobytes() + b"\0" * (table.nbytes % 2))
    return ds


KINDS: dict[str, dict[str, Any]] = {
    "bytes": {}, "words": {"bits": 16, "entries": 300}, "bytes of entries": {"entry_bits": 8, "entries": 30},
    "odd bytes of entries": {"entry_bits": 8, "entries": 31}, "later": {"first": 10}, "segments": {"segmented": True},
    "full": {"bits": 16, "entries": 65536}, "unsigned and late": {"bits": 16, "first": 40000, "entries": 200},
}


def colours_of(ds: Any, indices: Any) -> Any:
    """What pydicom makes of a palette, which it takes from native data sets, and without a byte that fills up an odd number of entries."""
    ds.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    entries, first, bits = ds.RedPaletteColorLookupTableDescriptor
    if bits == 8 and entries % 2:
        for colour in COLOURS:
            ds[f"{colour}PaletteColorLookupTableDescriptor"].value = [entries + 1, first, bits]
        indices = indices.clip(max=first + entries - 1)
    return apply_color_lut(indices, ds)


@pytest.mark.parametrize("compression", ["explicit", "implicit", "deflated", *LOSSLESS])
@pytest.mark.parametrize("kind", KINDS)
def test_a_palette_shows_the_same_in_every_syntax(kind: str, compression: str) -> None:
    source = palette_source(**KINDS[kind])
    if compression == "jpeg-xl-lossless":
        with pytest.raises(PixelError, match="JPEG XL Lossless holds no unsigned PALETTE COLOR"):
            changed(source, compression)
        return
    own = pydicom.dcmread(io.BytesIO(in_file(source)))
    indices = pixel_array(own, raw=True)
    wanted = colours_of(own, indices)
    data = changed(source, compression)
    ds = pydicom.dcmread(io.BytesIO(data))
    assert np.array_equal(theirs(data), indices) and np.array_equal(imread(data), indices)
    assert np.array_equal(colours_of(ds, theirs(data)), wanted) and np.array_equal(imread(data, color="rgb"), wanted)
    for colour in COLOURS:
        assert ds[f"{colour}PaletteColorLookupTableDescriptor"].VR == "US"
        keyword = f"{colour}PaletteColorLookupTableData"
        assert ds[keyword if keyword in ds else f"Segmented{keyword}"].VR == "OW"
    assert (dcmread(data).RedPaletteColorLookupTableDescriptor[0] == 0) == (kind == "full")
    array, colormap = imread(data, return_colormap=True)
    assert np.array_equal(colormap[array.clip(max=len(colormap) - 1)], wanted)


@pytest.mark.parametrize("first", [-5, 0, 7])
@pytest.mark.parametrize("bits", [8, 16])
def test_the_first_value_of_a_palette_has_the_sign_of_the_pixels(first: int, bits: int) -> None:
    """Signed indices are read though no writer may make them; the first value is US or SS as they are (PS3.6, PS3.3 C.7.6.3.1.5)."""
    source = palette_source(bits, first, 1)
    data = changed(source, "explicit")
    own = pydicom.dcmread(io.BytesIO(data))
    assert own["RedPaletteColorLookupTableDescriptor"].VR == "SS" and own.RedPaletteColorLookupTableDescriptor[1] == first
    assert np.array_equal(imread(data), pixel_array(own, raw=True))
    # pydicom's own look-up goes by the descriptor as it is stored
    assert np.array_equal(imread(data, color="rgb"), apply_color_lut(pixel_array(own, raw=True), own))


@pytest.mark.parametrize("bits", [8, 16])
def test_entries_of_a_palette_are_words_in_big_endian_too(bits: int) -> None:
    """Two entries of 8 bits are a word, the first in its lower half (PS3.3 C.7.6.3.1.6): swapped in a file of Big Endian."""
    colormap = np.arange(16 * 3).reshape(16, 3).astype(f"u{bits // 8}") * (1 if bits == 8 else 771)
    array = CHANCE.integers(0, 16, (5, 8)).astype("u1")
    data = written(array, colormap=colormap, compression="big-endian")
    ds = pydicom.dcmread(io.BytesIO(data))
    raw = ds.RedPaletteColorLookupTableData
    assert ds["RedPaletteColorLookupTableData"].VR == "OW"
    assert np.frombuffer(raw, ">u2").astype("<u2").tobytes() == colormap[:, 0].astype(f"<u{bits // 8}").tobytes()
    assert np.array_equal(imread(data, color="rgb"), colormap[array])
    again = pydicom.dcmread(io.BytesIO(changed(data, "explicit")))
    assert np.array_equal(apply_color_lut(again.pixel_array, again), colormap[array])


@pytest.mark.parametrize("compression", LOSSY)
@pytest.mark.parametrize("bits", [8, 16])
def test_a_palette_is_not_for_lossy_syntaxes(compression: str, bits: int, tmp_path: Path) -> None:
    """A neighbour of an index is another colour (PS3.5 8.2)."""
    source = palette_source(bits)
    with pytest.raises(PixelError, match="holds no unsigned PALETTE COLOR"):
        transcode(source, tmp_path / "a.dcm", compression)
    with pytest.raises(PixelError, match="holds no unsigned PALETTE COLOR"):
        imwrite(tmp_path / "a.dcm", imread(source), colormap=np.zeros((256, 3), "u1"), compression=compression)
    assert not list(tmp_path.iterdir())


# ---- 32 bits (PS3.5 8.1.1, 8.2)


@pytest.mark.parametrize("compression", ["explicit", "implicit", "deflated", "deflated-frame", "encapsulated-uncompressed"])
@pytest.mark.parametrize(("dtype", "stored"), [("<u4", 32), ("<i4", 32), ("<u4", 20), ("<i4", 20)])
@pytest.mark.parametrize("frames", [1, 2])
def test_32_bits_come_back_where_they_are_held(compression: str, dtype: str, stored: int, frames: int) -> None:
    signed = dtype == "<i4"
    values = CHANCE.integers(-(1 << stored - 1) if signed else 0, 1 << stored - signed, (frames, 5, 7)).astype(dtype)
    more = {"BitsStored": stored, "HighBit": stored - 1, "PixelRepresentation": int(signed)}
    more |= {"NumberOfFrames": frames} if frames > 1 else {}
    data = changed(native(values.tobytes(), **(described(5, 7, "MONOCHROME2", 32) | more)), compression)
    wanted = values if frames > 1 else values[0]
    assert np.array_equal(theirs(data), wanted) and np.array_equal(imread(data), wanted) and imread(data).dtype == np.dtype(dtype)
    ds = dcmread(data)
    assert (ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation) == (32, stored, stored - 1, int(signed))
    if frames == 1:
        made = written(values[0], compression=compression, bits_stored=stored)
        assert np.array_equal(theirs(made), values[0]) and np.array_equal(imread(made), values[0])


@pytest.mark.parametrize("compression", ["big-endian", *(name for name in (*LOSSLESS, *LOSSY) if name not in (
    "deflated-frame", "encapsulated-uncompressed"))])
def test_32_bits_are_refused_where_they_are_not_held(compression: str, tmp_path: Path) -> None:
    values = np.arange(35, dtype="<u4").reshape(5, 7)
    message = "readers disagree on the byte order" if compression == "big-endian" else "with 32 bits allocated and 32 stored"
    for call in (lambda: imwrite(tmp_path / "a.dcm", values, compression=compression),
                 lambda: transcode(native(values.tobytes(), **described(5, 7, "MONOCHROME2", 32)), tmp_path / "a.dcm", compression)):
        with pytest.raises(PixelError, match=message):
            call()
    assert not list(tmp_path.iterdir())


# ---- MONOCHROME1: the lowest value is white, and stays the lowest (PS3.3 C.7.6.3.1.2)


@pytest.mark.parametrize("compression", [*NATIVE, *LOSSLESS])
@pytest.mark.parametrize("dtype", ["u1", "<u2", "<i2"])
def test_monochrome1_is_not_inverted(compression: str, dtype: str) -> None:
    signed = dtype == "<i2"
    values = CHANCE.integers(-500 if signed else 0, 200 if dtype == "u1" else 3000, (9, 13)).astype(dtype)
    if compression == "jpeg-xl-lossless" and signed:
        with pytest.raises(PixelError, match="holds no signed MONOCHROME1"):
            written(values, compression=compression, photometric="MONOCHROME1")
        return
    data = written(values, compression=compression, photometric="MONOCHROME1", bits_stored=8 if dtype == "u1" else 13)
    assert dcmread(data).PhotometricInterpretation == "MONOCHROME1"
    assert np.array_equal(theirs(data), values) and np.array_equal(imread(data), values)
    again = changed(data, "jpeg-lossless" if compression != "jpeg-lossless" else "explicit")
    assert dcmread(again).PhotometricInterpretation == "MONOCHROME1" and np.array_equal(theirs(again), values)


@pytest.mark.parametrize("compression", ["jpeg", "jpeg-ls-near", "jpeg2000", "htj2k", "jpeg-xl"])
def test_monochrome1_is_not_inverted_by_a_loss(compression: str) -> None:
    values = np.add.outer(np.arange(40), np.arange(50)).astype("u1")
    data = written(values, compression=compression, photometric="MONOCHROME1")
    assert dcmread(data).PhotometricInterpretation == "MONOCHROME1"
    assert np.abs(imread(data).astype(int) - values).mean() < 3


def test_a_lossy_monochrome1_goes_into_jpeg_xl_and_back() -> None:
    data = written(np.add.outer(np.arange(40), np.arange(50)).astype("u1"), compression="jpeg", photometric="MONOCHROME1")
    kept = changed(data, "jpeg-xl-jpeg")
    assert dcmread(kept).PhotometricInterpretation == "MONOCHROME1" and changed(kept, "jpeg") == data


# ---- what the files of others have


@pytest.mark.parametrize("name", ["SC_ybr_full_422_uncompressed.dcm", "examples_palette.dcm", "SC_rgb_rle_32bit.dcm",
                                  "SC_rgb_rle_32bit_2frame.dcm"])
@pytest.mark.parametrize("compression", ["implicit", "deflated-frame", "encapsulated-uncompressed", "rle", "jpeg-ls"])
def test_files_of_the_wheel_keep_their_values(name: str, compression: str) -> None:
    path = FILES / name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = pixel_array(pydicom.dcmread(path), raw=True)
    try:
        data = changed(path, compression)
    except PixelError as refused:
        assert "holds no" in str(refused)
        return
    assert np.array_equal(theirs(data), wanted) and dcmread(data).file_meta.TransferSyntaxUID == transfer_syntax(compression).uid
