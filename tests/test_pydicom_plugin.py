"""dcmenc's codecs as plug-ins of pydicom: its other plug-ins read what they write and the other way round, and none of it stays."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.data import get_testdata_file
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames, parse_basic_offsets
from pydicom.pixels import get_decoder, get_encoder
from pydicom.pixels.decoders import base as decoding
from pydicom.pixels.encoders import base as encoding
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    PYDICOM_IMPLEMENTATION_UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

import dcmenc.openjpeg
from dcmenc import ImageSpec, pydicom_plugin
from dcmenc.codecs import get_codec
from dcmenc.pydicom_bridge import register, unregister

Pixels = NDArray[Any]
# The lossless syntaxes, of which the first keep every allocated bit; and the others.
KEEPERS = (RLELossless, JPEGLosslessSV1, JPEGLossless)
SYNTAXES = (*KEEPERS, JPEGLSLossless, JPEG2000Lossless, HTJ2KLossless, HTJ2KLosslessRPCL)
LOSSY = (JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLSNearLossless, JPEG2000, HTJ2K)
# Those of pydicom's plug-ins that decode a syntax, and those that encode RLE.
READERS = {
    RLELossless: ("pylibjpeg", "pydicom"), JPEGLosslessSV1: ("pylibjpeg",), JPEGLossless: ("pylibjpeg",),
    JPEGLSLossless: ("pylibjpeg", "pyjpegls"), JPEGLSNearLossless: ("pylibjpeg", "pyjpegls"),
    JPEG2000Lossless: ("pylibjpeg", "pillow"), JPEG2000: ("pylibjpeg", "pillow"),
    JPEGBaseline8Bit: ("pylibjpeg", "pillow"), JPEGExtended12Bit: ("pylibjpeg",),
    HTJ2KLossless: ("pylibjpeg",), HTJ2KLosslessRPCL: ("pylibjpeg",), HTJ2K: ("pylibjpeg",),
}
WRITERS = ("pylibjpeg", "pydicom")
# pydicom has no encoder, and no table of what it may be given.
NO_ENCODER = (JPEGLosslessSV1, JPEGLossless, HTJ2KLossless, HTJ2KLosslessRPCL, JPEGBaseline8Bit, JPEGExtended12Bit, HTJ2K)
NO_PROFILE = (HTJ2KLossless, HTJ2KLosslessRPCL, HTJ2K)


class Format(NamedTuple):
    dtype: str
    stored: int
    photometric: str = "MONOCHROME2"
    frames: int = 1
    planar: int = 0
    rows: int = 13
    columns: int = 11


FORMATS = {
    "8 bits": Format("u1", 8),
    "5 of 8 bits": Format("u1", 5),
    "signed 8 bits": Format("i1", 8),
    "16 bits": Format("u2", 16),
    "12 of 16 bits, MONOCHROME1": Format("u2", 12, "MONOCHROME1"),
    "12 of 16 bits, 4 frames": Format("u2", 12, frames=4),
    "8 of 16 bits": Format("u2", 8),
    "5 of 16 bits": Format("u2", 5),
    "signed 16 bits": Format("i2", 16),
    "signed 12 of 16 bits, 3 frames": Format("i2", 12, frames=3),
    "signed 8 of 16 bits": Format("i2", 8),
    "signed 5 of 16 bits": Format("i2", 5),
    "RGB": Format("u1", 8, "RGB"),
    "RGB, planes": Format("u1", 8, "RGB", planar=1),
    "RGB, planes, 3 frames": Format("u1", 8, "RGB", frames=3, planar=1),
    "RGB of 16 bits, 2 frames": Format("u2", 16, "RGB", frames=2),
    "RGB of 10 in 16 bits, planes": Format("u2", 10, "RGB", planar=1),
    "RGB of 7 in 16 bits, planes": Format("u2", 7, "RGB", planar=1),
    "YBR_FULL": Format("u1", 8, "YBR_FULL"),
    "YBR_FULL, planes, 2 frames": Format("u1", 8, "YBR_FULL", frames=2, planar=1),
    "palette": Format("u1", 8, "PALETTE COLOR"),
    "palette of 16 bits, 2 frames": Format("u2", 16, "PALETTE COLOR", frames=2),
    "one pixel": Format("u2", 12, rows=1, columns=1),
    "one row": Format("u1", 8, "RGB", rows=1, columns=300),
}
formats = pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
NAMES = {
    RLELossless: "RLE", JPEGLosslessSV1: "SV1", JPEGLossless: "Process 14", JPEGLSLossless: "JPEG-LS", JPEG2000Lossless: "JPEG 2000",
    HTJ2KLossless: "HTJ2K", HTJ2KLosslessRPCL: "HTJ2K RPCL", JPEGBaseline8Bit: "Baseline", JPEGExtended12Bit: "Extended",
    JPEGLSNearLossless: "near-lossless", JPEG2000: "lossy JPEG 2000", HTJ2K: "lossy HTJ2K",
}
syntaxes = pytest.mark.parametrize("uid", SYNTAXES, ids=NAMES.get)
keepers = pytest.mark.parametrize("uid", KEEPERS, ids=NAMES.get)
others = pytest.mark.parametrize("uid", (*SYNTAXES[3:], JPEGExtended12Bit, *LOSSY[2:]), ids=NAMES.get)


def pixels(form: Format, seed: int = 0) -> Pixels:
    """Runs and noise, over the whole range of the stored bits."""
    samples = 3 if form.photometric in ("RGB", "YBR_FULL") else 1
    shape = ((form.frames,) if form.frames > 1 else ()) + (form.rows, form.columns) + ((samples,) if samples > 1 else ())
    generator = np.random.default_rng(seed)
    low, high = (-(1 << form.stored - 1), 1 << form.stored - 1) if form.dtype[0] == "i" else (0, 1 << form.stored)
    made = np.where(generator.random(shape) < 0.7, low, generator.integers(low, high, shape)).astype(form.dtype)
    made.flat[0], made.flat[-1] = high - 1, low
    return made


def dataset(form: Format, array: Pixels, syntax: str = ExplicitVRLittleEndian) -> Any:
    ds = pydicom.Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = "1.2.3"
    ds.Rows, ds.Columns, ds.PhotometricInterpretation = form.rows, form.columns, form.photometric
    if form.frames > 1:
        ds.NumberOfFrames = form.frames
    ds.SamplesPerPixel = 3 if form.photometric in ("RGB", "YBR_FULL") else 1
    if ds.SamplesPerPixel == 3:
        ds.PlanarConfiguration = form.planar
    ds.BitsAllocated = 8 * array.dtype.itemsize
    ds.BitsStored, ds.HighBit, ds.PixelRepresentation = form.stored, form.stored - 1, int(form.dtype[0] == "i")
    planes = np.moveaxis(array, -1, -3) if form.planar else array
    data = planes.astype(array.dtype.newbyteorder(">" if syntax == ExplicitVRBigEndian else "<")).tobytes()
    ds.PixelData = data + bytes(len(data) % 2)
    ds["PixelData"].VR = "OB" if ds.BitsAllocated == 8 else "OW"
    return ds


def options(form: Format, array: Pixels) -> dict[str, Any]:
    """What pydicom has to be told where the source is no dataset."""
    return pydicom.pixels.utils.as_pixel_options(dataset(form, array))


def readers(uid: str, form: Format) -> tuple[str, ...]:
    """The plug-ins of pydicom that are installed and decode such pixels."""
    wide_colour = form.stored > 8 and form.photometric in ("RGB", "YBR_FULL")
    return tuple(name for name in READERS[uid] if name in get_decoder(uid).available_plugins and (name != "pillow" or not wide_colour))


def decoded(ds: Any, plugin: str = "") -> Pixels:
    """The stored values, whatever their colours are called."""
    made: Pixels = get_decoder(ds.file_meta.TransferSyntaxUID).as_array(ds, raw=True, decoding_plugin=plugin)[0]
    return made


def state() -> list[Any]:
    """All that pydicom knows of coders."""
    return [
        (str(uid), id(coder), origin, list(coder._available.items()), dict(coder._unavailable), sorted(vars(coder)))
        for table in (encoding._PIXEL_DATA_ENCODERS, decoding._PIXEL_DATA_DECODERS) for uid, (coder, origin) in table.items()
    ]


@pytest.fixture(autouse=True)
def untouched() -> Iterator[None]:
    """No test leaves anything behind in pydicom."""
    before = state()
    yield
    unregister()
    assert state() == before


@pytest.fixture
def registered() -> None:
    register()


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """pydicom logs what a plug-in raises."""
    caplog.set_level(logging.CRITICAL, "pydicom")


# ---- the same pixels, whoever wrote and whoever reads ----

@formats
@syntaxes
@pytest.mark.usefixtures("registered")
def test_pydicoms_plugins_read_what_dcmenc_compresses(form: Format, uid: str) -> None:
    array = pixels(form)
    for reader in readers(uid, form):
        ds = dataset(form, array)
        ds.compress(uid, encoding_plugin="dcmenc")
        assert ds.file_meta.TransferSyntaxUID == uid
        np.testing.assert_array_equal(decoded(ds, reader), array)


@formats
@syntaxes
@pytest.mark.usefixtures("registered")
def test_dcmenc_reads_what_dcmenc_compresses(form: Format, uid: str) -> None:
    array = pixels(form)
    ds = dataset(form, array)
    ds.compress(uid)
    np.testing.assert_array_equal(decoded(ds, "dcmenc"), array)
    ds.decompress(as_rgb=False)
    np.testing.assert_array_equal(decoded(ds), array)
    if array.dtype.itemsize * 8 == form.stored or form.dtype[0] == "u":
        plain = array.tobytes()
        assert ds.PixelData == plain + bytes(len(plain) % 2), "every byte of the native pixels, samples together"


# few bits stored of 16 are a fault of theirs, of which there is a test
@pytest.mark.parametrize("form", [pytest.param(form, id=name) for name, form in FORMATS.items()
                                  if form.stored > 8 or pixels(form).dtype.itemsize == 1])
@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.usefixtures("registered")
def test_dcmenc_reads_rle_of_pydicoms_plugins(form: Format, writer: str) -> None:
    array = pixels(form)
    ds = dataset(form._replace(planar=0), array)  # planes are another fault of theirs, of which there is a test
    ds.compress(RLELossless, encoding_plugin=writer)
    np.testing.assert_array_equal(decoded(ds, "dcmenc"), array)


# liblj92 takes one unsigned sample a pixel, and more than one pixel
@pytest.mark.parametrize("form", [pytest.param(form, id=name) for name, form in FORMATS.items()
                                  if pixels(form).ndim - (form.frames > 1) == 2 and form.dtype[0] != "i" and form.rows * form.columns > 1])
@pytest.mark.usefixtures("registered")
def test_dcmenc_reads_jpeg_lossless_of_imagecodecs(form: Format) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    array = pixels(form)
    frames = array if form.frames > 1 else [array]
    ds = dataset(form, array)
    ds.PixelData = encapsulate([imagecodecs.ljpeg_encode(frame, bitspersample=max(form.stored, 8)) for frame in frames])
    ds.file_meta.TransferSyntaxUID = JPEGLossless
    np.testing.assert_array_equal(decoded(ds, "dcmenc"), array)


@pytest.mark.parametrize("name", ("MR_small_RLE.dcm", "SC_rgb_jpeg_gdcm.dcm", "SC_rgb_rle.dcm", "SC_rgb_rle_16bit_2frame.dcm",
                                  "SC_rgb_rle_32bit.dcm", "rtdose_rle.dcm"))
@pytest.mark.usefixtures("registered")
def test_pydicoms_own_files_look_the_same(name: str) -> None:
    ds = pydicom.dcmread(str(get_testdata_file(name, download=False)))
    expected = decoded(ds, "pylibjpeg")
    np.testing.assert_array_equal(decoded(ds, "dcmenc"), expected)
    np.testing.assert_array_equal(ds.pixel_array, expected)
    ds.decompress()
    assert ds.pixel_array.tobytes() == expected.tobytes()


@pytest.mark.peer
@pytest.mark.parametrize("name", ("16 bits", "12 of 16 bits, 4 frames", "signed 12 of 16 bits, 3 frames", "RGB, planes, 3 frames",
                                  "YBR_FULL"))
@pytest.mark.usefixtures("registered")
def test_dcmtk_reads_what_is_compressed_and_the_other_way_round(name: str, peer: Callable[[str], str], tmp_path: Path) -> None:
    form = FORMATS[name]
    array = pixels(form)
    for uid, option in ((JPEGLosslessSV1, "+e1"), (JPEGLossless, "+el")):
        ours, theirs, source = (tmp_path / f"{who}.dcm" for who in ("ours", "theirs", "source"))
        # dcmcjpeg mixes up the colours of planes, also for dcmdjpeg
        dataset(form._replace(planar=0), array).save_as(source, enforce_file_format=True)
        ds = dataset(form, array)
        ds.compress(uid)
        ds.save_as(ours, enforce_file_format=True)
        subprocess.run([peer("dcmdjpeg"), "+cn", ours, theirs], check=True, timeout=60)
        np.testing.assert_array_equal(decoded(pydicom.dcmread(theirs)), array)
        subprocess.run([peer("dcmcjpeg"), option, "+cn", source, theirs], check=True, timeout=60)
        np.testing.assert_array_equal(decoded(pydicom.dcmread(theirs), "dcmenc"), array)


# ---- sources ----

@formats
@syntaxes
@pytest.mark.usefixtures("registered")
def test_arrays_and_bytes_are_sources_too(form: Format, uid: str) -> None:
    array = pixels(form)
    described, ds, encoder = options(form, array), dataset(form, array), get_encoder(uid)
    of_dataset = list(encoder.iter_encode(dataset(form, array)))
    of_bytes = list(encoder.iter_encode(ds.PixelData, **described))
    of_array = list(encoder.iter_encode(array, **described | {"planar_configuration": 0}))
    wide = array.astype(array.dtype.newbyteorder(">"))
    assert of_dataset == of_bytes == of_array == list(encoder.iter_encode(wide, **described | {"planar_configuration": 0}))
    assert [encoder.encode(ds, index=index) for index in range(form.frames)] == of_dataset
    last = form.frames - 1 if form.frames > 1 else None
    assert encoder.encode(memoryview(ds.PixelData), index=last, **described) == of_dataset[-1]


@formats
@syntaxes
@pytest.mark.usefixtures("registered")
def test_an_array_takes_the_place_of_the_pixels(form: Format, uid: str) -> None:
    array = pixels(form, 1)
    ds = dataset(form._replace(planar=0), pixels(form))
    ds.compress(uid, array)
    np.testing.assert_array_equal(ds.pixel_array if form.photometric != "YBR_FULL" else decoded(ds), array)


@pytest.mark.parametrize("ext", (False, True))
@syntaxes
@pytest.mark.usefixtures("registered")
def test_frames_are_found_by_both_offset_tables(uid: str, ext: bool) -> None:
    form = Format("u2", 12, frames=5, rows=17, columns=23)
    array = np.stack([pixels(form._replace(frames=1), seed) >> seed for seed in range(5)])
    ds = dataset(form, array)
    ds.compress(uid, encapsulate_ext=ext)
    tables = None
    if ext:
        assert ds.PixelData[:8] == bytes.fromhex("feff00e000000000") and len(ds.ExtendedOffsetTable) == 40
        tables = ds.ExtendedOffsetTable, ds.ExtendedOffsetTableLengths
    else:
        assert len(parse_basic_offsets(ds.PixelData)) == 5 and "ExtendedOffsetTable" not in ds
    frames = list(generate_frames(ds.PixelData, number_of_frames=5, extended_offsets=tables))
    spec = ImageSpec.from_array(array, bits_stored=12)
    for index, frame in enumerate(frames):
        np.testing.assert_array_equal(get_codec(uid).decode_frame(frame, spec), array[index])
        np.testing.assert_array_equal(get_decoder(uid).as_array(ds, index=index)[0], array[index])


@formats
@syntaxes
@pytest.mark.usefixtures("registered")
def test_both_writers_write_the_same_file(form: Format, uid: str) -> None:
    ds = dataset(form, pixels(form))
    ds.compress(uid)
    theirs = io.BytesIO()
    ds.save_as(theirs, enforce_file_format=True)
    implementation = (PYDICOM_IMPLEMENTATION_UID, f"PYDICOM {pydicom.__version__}")
    assert dcmenc.dumps(ds, enforce_file_format=True, implementation=implementation) == theirs.getvalue()
    ours = io.BytesIO()
    dcmenc.dcmwrite(ours, ds, enforce_file_format=True, implementation=implementation)
    assert ours.getvalue() == theirs.getvalue()
    np.testing.assert_array_equal(dcmenc.imread(theirs.getvalue(), color=None), pixels(form))


# ---- pydicom's faults ----

@pytest.mark.parametrize("stored", (8, 5))
@pytest.mark.usefixtures("registered", "quiet")
def test_few_bits_stored_of_16_are_a_fault_of_pydicoms_plugins_alone(stored: int) -> None:
    form = Format("u2", stored, frames=2)
    array = pixels(form)
    with pytest.raises(RuntimeError, match="length of the data"):
        dataset(form, array).compress(RLELossless, encoding_plugin="pylibjpeg")
    theirs = dataset(form, array)
    theirs.compress(RLELossless, encoding_plugin="pydicom")
    for reader in ("pylibjpeg", "pydicom", "dcmenc"):
        with pytest.raises(RuntimeError):
            decoded(theirs, reader)
    ours = dataset(form, array)
    ours.compress(RLELossless)
    for reader in ("pylibjpeg", "pydicom", "dcmenc"):
        np.testing.assert_array_equal(decoded(ours, reader), array)


def test_planes_are_a_fault_of_pydicoms_rle_alone() -> None:
    form = FORMATS["RGB, planes, 3 frames"]
    array = pixels(form)
    for plugin, right in (("pylibjpeg", False), ("pydicom", False), ("dcmenc", True)):
        register()
        ds = dataset(form, array)
        ds.compress(RLELossless, encoding_plugin=plugin)
        assert bool((decoded(ds, "pylibjpeg") == array).all()) is right
        assert ds.PlanarConfiguration == 1


def test_big_endian_pixels_are_turned_around_before_any_plugin() -> None:
    form = FORMATS["signed 12 of 16 bits, 3 frames"]
    array = pixels(form)
    theirs = dataset(form, array, ExplicitVRBigEndian)
    theirs.compress(RLELossless)
    assert not (decoded(theirs) == array).all(), "pydicom #2340 is mended: the wrappers of the encoders can go"
    for first in (True, False):
        register(first)
        for plugin in ("", "dcmenc", "pylibjpeg", "pydicom"):
            ds = dataset(form, array, ExplicitVRBigEndian)
            ds.compress(RLELossless, encoding_plugin=plugin)
            np.testing.assert_array_equal(decoded(ds), array)


@formats
@syntaxes
@pytest.mark.parametrize("vr", ("OB", "OW"))
@pytest.mark.usefixtures("registered")
def test_big_endian_pixels_of_every_format(form: Format, uid: str, vr: str) -> None:
    array = pixels(form)
    ds = dataset(form, array, ExplicitVRBigEndian)
    if array.dtype.itemsize == 1 and vr == "OW":
        ds.PixelData = np.frombuffer(ds.PixelData, "u2").byteswap().tobytes()
        ds["PixelData"].VR = "OW"
    native, byteorder = ds.PixelData, {"byteorder": ">"} if array.dtype.itemsize > 1 else {}
    np.testing.assert_array_equal(decoded(ds), array)
    first = get_encoder(uid).encode(ds, index=0, **byteorder)
    assert ds.PixelData == native
    frames = list(get_encoder(uid).iter_encode(ds, **byteorder))
    assert frames[0] == first
    np.testing.assert_array_equal(decoded(ds), array)
    ds.compress(uid)
    assert list(generate_frames(ds.PixelData, number_of_frames=form.frames)) == [frame + bytes(len(frame) % 2) for frame in frames]
    np.testing.assert_array_equal(decoded(ds, next(iter(readers(uid, form)), "dcmenc")), array)


@pytest.mark.parametrize("name", ("ExplVR_BigEnd.dcm", "MR_small_bigendian.dcm", "SC_rgb_small_odd_big_endian.dcm"))
@syntaxes
@pytest.mark.usefixtures("registered")
def test_pydicoms_own_big_endian_files(name: str, uid: str, tmp_path: Path) -> None:
    ds = pydicom.dcmread(str(get_testdata_file(name, download=False)))
    expected = ds.pixel_array.copy()
    ds.compress(uid)
    np.testing.assert_array_equal(ds.pixel_array, expected)
    # its save_as refuses to change the byte order
    pydicom.dcmwrite(tmp_path / "theirs.dcm", ds)
    dcmenc.dcmwrite(tmp_path / "ours.dcm", ds)
    assert (tmp_path / "ours.dcm").read_bytes() == (tmp_path / "theirs.dcm").read_bytes()
    np.testing.assert_array_equal(pydicom.dcmread(tmp_path / "ours.dcm").pixel_array, expected)


@syntaxes
@pytest.mark.usefixtures("registered", "quiet")
def test_big_endian_bytes_are_declared_by_an_option(uid: str) -> None:
    form = FORMATS["12 of 16 bits, 4 frames"]
    array = pixels(form)
    described = options(form, array)
    little, big = array.tobytes(), array.astype(">u2").tobytes()
    expected = list(get_encoder(uid).iter_encode(little, **described))
    assert list(get_encoder(uid).iter_encode(big, byteorder=">", **described)) == expected
    assert list(get_encoder(uid).iter_encode(array, byteorder=">", encoding_plugin="dcmenc", **described)) == expected
    with pytest.raises(RuntimeError, match="drops the wrong bytes of big-endian samples"):
        get_encoder(uid).encode(big, index=0, byteorder=">", encoding_plugin="dcmenc", **described | {"bits_stored": 8})


# ---- lossy syntaxes, and what pydicom's conventions are ----

SMOOTH = Format("u1", 8, "RGB", rows=64, columns=80)


def smooth(form: Format) -> Pixels:
    """Slopes and a bump, over most of the range of the stored bits."""
    y, x = np.mgrid[0:form.rows, 0:form.columns] / max(form.rows, form.columns)
    planes = [x, y, np.exp(-8 * ((x - 0.5) ** 2 + (y - 0.5) ** 2))][:3 if form.photometric in ("RGB", "YBR_FULL") else 1]
    values = (0.1 + 0.7 * np.stack(planes, -1)) * (1 << form.stored) - (1 << form.stored - 1) * (form.dtype[0] == "i")
    return np.squeeze(values.astype(form.dtype))


def first_frame(ds: Any) -> bytes:
    return next(generate_frames(ds.PixelData, number_of_frames=ds.get("NumberOfFrames", 1)))


def all_readers(uid: str, form: Format) -> tuple[str, ...]:
    return ("dcmenc", *readers(uid, form))


LOSSES = {
    "Baseline": (JPEGBaseline8Bit, Format("u1", 8), {}, 4),
    "Baseline, quality": (JPEGBaseline8Bit, Format("u1", 8, "MONOCHROME1"), {"quality": 60}, 8),
    "Extended": (JPEGExtended12Bit, Format("u2", 12), {}, 64),
    "Extended, 8 bits": (JPEGExtended12Bit, Format("u1", 8), {}, 4),
    "near-lossless": (JPEGLSNearLossless, Format("u2", 12), {"jls_error": 3}, 3),
    "near-lossless, signed": (JPEGLSNearLossless, Format("i2", 12), {"jls_error": 3}, 3),
    "near-lossless, colour": (JPEGLSNearLossless, Format("u1", 8, "RGB"), {"near": 5}, 5),
    "JPEG 2000": (JPEG2000, Format("u2", 12), {"j2k_cr": [10, 5]}, 32),
    "JPEG 2000, signed": (JPEG2000, Format("i2", 12), {"j2k_psnr": [60, 70]}, 32),
    "JPEG 2000, colour": (JPEG2000, Format("u1", 8, "RGB"), {"rate": 5}, 8),
    "HTJ2K": (HTJ2K, Format("u2", 12), {"quantization": 1 / 512}, 32),
    "HTJ2K, signed": (HTJ2K, Format("i2", 12), {}, 64),
    "HTJ2K, colour": (HTJ2K, Format("u1", 8, "RGB"), {}, 8),
}


@pytest.mark.parametrize(("uid", "form", "chosen", "most"), LOSSES.values(), ids=LOSSES)
@pytest.mark.usefixtures("registered")
def test_lossy_frames_are_near_for_every_reader(uid: str, form: Format, chosen: dict[str, Any], most: int) -> None:
    form = form._replace(rows=64, columns=80)
    array = smooth(form)
    ds = dataset(form, array)
    ds.compress(uid, encoding_plugin="dcmenc", **chosen)
    assert len(ds.PixelData) < array.nbytes
    assert not [element.keyword for element in ds if element.keyword.startswith("Lossy")], "as with pydicom's, for the caller to set"
    for reader in all_readers(uid, form):
        assert np.abs(decoded(ds, reader).astype(int) - array).max() <= most, reader


def transforms_components(frame: bytes) -> bool:
    """The multiple component transform of COD (T.800 A.6.1)."""
    return frame[frame.index(b"\xff\x52") + 8] == 1


COLOURS = {
    f"{NAMES[uid]}, {label}": (uid, label, chosen)
    for uid, labels, chosen in (
        (JPEGBaseline8Bit, ("YBR_FULL_422", "RGB"), {}),
        (JPEG2000Lossless, ("YBR_RCT", "RGB"), {}),
        (JPEG2000, ("YBR_ICT", "RGB"), {"j2k_cr": [4]}),
        (HTJ2KLossless, ("YBR_RCT", "RGB"), {}),
        (HTJ2KLosslessRPCL, ("YBR_RCT", "RGB"), {}),
        (HTJ2K, ("YBR_ICT", "RGB"), {}),
    )
    for label in labels
}


@pytest.mark.parametrize(("uid", "label", "chosen"), COLOURS.values(), ids=COLOURS)
@pytest.mark.usefixtures("registered")
def test_the_photometric_interpretation_is_what_red_green_and_blue_become(uid: str, label: str, chosen: dict[str, Any]) -> None:
    array = smooth(SMOOTH)
    ds = dataset(SMOOTH, array)
    ds.PhotometricInterpretation = label
    ds.compress(uid, encoding_plugin="dcmenc", **chosen)
    of_array = dataset(SMOOTH, array)
    of_array.PhotometricInterpretation = label
    of_array.compress(uid, array, encoding_plugin="dcmenc", **chosen)
    assert of_array.PixelData == ds.PixelData and ds.PhotometricInterpretation == label
    if uid != JPEGBaseline8Bit:
        assert transforms_components(first_frame(ds)) is (label != "RGB")
    most = 0 if uid in SYNTAXES else 12
    for reader in all_readers(uid, SMOOTH):
        made, described = get_decoder(uid).as_array(ds, decoding_plugin=reader)
        assert described["photometric_interpretation"] == "RGB"
        assert np.abs(made.astype(int) - array).max() <= most, reader
    ds.decompress()
    assert ds.PhotometricInterpretation == "RGB" and np.abs(ds.pixel_array.astype(int) - array).max() <= most


@pytest.mark.parametrize(("uid", "label", "chosen", "made"), (
    (JPEGBaseline8Bit, "RGB", {"subsampling": "4:2:2"}, "YBR_FULL_422"),
    (JPEGBaseline8Bit, "YBR_FULL_422", {"subsampling": "4:4:4"}, "RGB"),
    (JPEG2000Lossless, "YBR_RCT", {"mct": False}, "RGB"),
    (JPEG2000Lossless, "RGB", {"mct": True}, "YBR_RCT"),
    (JPEG2000, "YBR_ICT", {"reversible": True}, "YBR_RCT"),
    (HTJ2KLossless, "YBR_RCT", {"colour_transform": False}, "RGB"),
    (HTJ2KLossless, "YBR_ICT", {}, "holds no"),
    (HTJ2K, "YBR_RCT", {}, "YBR_ICT"),
    (HTJ2K, "YBR_ICT", {"quantization": 0}, "YBR_RCT"),
), ids=str)
@pytest.mark.usefixtures("registered", "quiet")
def test_frames_that_are_not_what_the_dataset_says_are_refused(uid: str, label: str, chosen: dict[str, Any], made: str) -> None:
    ds = dataset(SMOOTH, smooth(SMOOTH))
    ds.PhotometricInterpretation = label
    native = ds.PixelData
    with pytest.raises(RuntimeError, match=f"dcmenc: .*{made}"):
        ds.compress(uid, encoding_plugin="dcmenc", **chosen)
    assert ds.PixelData is native and ds.PhotometricInterpretation == label


@pytest.mark.usefixtures("registered")
def test_native_pixels_with_half_of_the_chrominance_are_not_taken_for_red_green_and_blue() -> None:
    ds = dataset(SMOOTH, smooth(SMOOTH))
    ds.PhotometricInterpretation, ds.PixelData = "YBR_FULL_422", ds.PixelData[:64 * 80 * 2]
    with pytest.raises(ValueError, match="doesn't match the expected length"):
        ds.compress(JPEGBaseline8Bit)


@pytest.mark.usefixtures("registered", "quiet")
def test_pydicoms_options_reach_the_codecs() -> None:
    form = Format("u2", 12, rows=64, columns=80)
    array = smooth(form)

    def compressed(uid: str, plugin: str = "dcmenc", **chosen: Any) -> bytes:
        ds = dataset(form, array)
        ds.compress(uid, encoding_plugin=plugin, **chosen)
        return first_frame(ds)

    def near(frame: bytes) -> int:
        return frame[frame.index(b"\xff\xda") + 7]

    def layers(frame: bytes) -> int:
        return int.from_bytes(frame[frame.index(b"\xff\x52") + 6:][:2], "big")

    assert [near(compressed(JPEGLSNearLossless, jls_error=error)) for error in (0, 1, 7)] == [0, 1, 7]
    assert near(compressed(JPEGLSNearLossless)) == near(compressed(JPEGLSNearLossless, "pyjpegls")) == 0, "no more is lost than asked for"
    assert near(compressed(JPEGLSNearLossless, near=2)) == 2
    assert [layers(compressed(JPEG2000, j2k_cr=ratios)) for ratios in ([5], [20, 10], [9, 7, 1])] == [1, 2, 3]
    assert layers(compressed(JPEG2000, j2k_psnr=[40, 60])) == 2
    assert len(compressed(JPEG2000, j2k_cr=[20])) < array.size * 12 // 8 // 19
    assert layers(compressed(JPEG2000, reversible=True)) == 1
    for uid, wrong, reason in (
        (JPEG2000, {}, "how much may be lost is for you to say: give j2k_cr or j2k_psnr"),
        (JPEG2000, {"j2k_cr": [], "j2k_psnr": []}, "how much may be lost"),
        (JPEG2000, {"j2k_cr": [5], "j2k_psnr": [50]}, "a rate or a psnr, not both"),
        (JPEG2000, {"j2k_cr": [5, 10]}, "rate below the one before"),
        (JPEGLSNearLossless, {"jls_error": 256}, "0 to 255"),
        (JPEGBaseline8Bit, {}, "not valid for pixel data"),
        (JPEGExtended12Bit, {"quality": 0}, "quality of JPEG is 1 to 100"),
        (HTJ2K, {"quantization": 1}, "quantization of HTJ2K"),
    ):
        with pytest.raises((RuntimeError, ValueError), match=reason):
            compressed(uid, **wrong)
    described = options(form, array)
    for uid, wrong in ((JPEG2000Lossless, {"j2k_cr": [5]}), (JPEGLSLossless, {"jls_error": 2}), (HTJ2KLossless, {"quantization": 0.1})):
        with pytest.raises(RuntimeError, match=r"dcmenc: this .* (lossless|keeps everything)"):
            get_encoder(uid).encode(array, encoding_plugin="dcmenc", **described, **wrong)


@pytest.mark.parametrize("form", [form for form in FORMATS.values() if form.rows > 1], ids=[name for name in FORMATS if "one" not in name])
@pytest.mark.parametrize(("uid", "writer"), ((JPEGLSLossless, "pyjpegls"), (JPEG2000Lossless, "pylibjpeg")), ids=("pyjpegls", "pylibjpeg"))
@pytest.mark.usefixtures("registered")
def test_dcmenc_reads_what_pydicoms_plugins_compress(uid: str, writer: str, form: Format) -> None:
    if writer not in get_encoder(uid).available_plugins:
        pytest.skip(f"{writer} is not installed for it")
    form = form._replace(rows=70, columns=80)
    array = pixels(form)
    ds = dataset(form, array)
    ds.compress(uid, encoding_plugin=writer)
    np.testing.assert_array_equal(decoded(ds, "dcmenc"), array)
    np.testing.assert_array_equal(decoded(ds, readers(uid, form)[0]), array)
    frames = [frame for frame, _ in get_decoder(uid).iter_array(ds, raw=True, decoding_plugin="dcmenc")]
    np.testing.assert_array_equal(np.squeeze(np.stack(frames)), array)


@others
@pytest.mark.usefixtures("registered", "quiet")
def test_bits_above_the_stored_ones_are_refused_where_they_would_get_lost(uid: str) -> None:
    form = Format("u2", 12, rows=64, columns=80)
    chosen = {"j2k_cr": [5]} if uid == JPEG2000 else {}
    ds = dataset(form, smooth(form) | 0x8000)
    with pytest.raises(RuntimeError, match="dcmenc: samples have bits above the 12 stored, such as overlays"):
        ds.compress(uid, encoding_plugin="dcmenc", **chosen)
    if uid == JPEGExtended12Bit:
        return
    form = form._replace(dtype="i2")
    ds, same = (dataset(form, array) for array in (smooth(form) & 0x0FFF, smooth(form)))
    expected = ds.pixel_array
    assert (expected == smooth(form)).all()
    for each in (ds, same):
        each.compress(uid, encoding_plugin="dcmenc", **chosen)
    assert ds.PixelData == same.PixelData, "signs are filled up"
    if uid in SYNTAXES:
        np.testing.assert_array_equal(ds.pixel_array, expected)
    with pytest.raises(RuntimeError, match="such as overlays"):
        dataset(form, (smooth(form) & 0x0FFF) | 0x4000).compress(uid, encoding_plugin="dcmenc", **chosen)


# What pydicom's plug-ins that are installed do not read.
ONLY_DCMENC = ("JPEG-lossy.dcm",)
OWN_FILES = (
    "693_J2KI.dcm", "GDCMJ2K_TextGBR.dcm", "J2K_pixelrep_mismatch.dcm", "JPEG2000.dcm", "JPEG-lossy.dcm", "JPEGLSNearLossless_08.dcm",
    "JPEGLSNearLossless_16.dcm", "JPGExtended.dcm", "MR_small_jpeg_ls_lossless.dcm", "SC_jpeg_no_color_transform.dcm",
    "SC_jpeg_no_color_transform_2.dcm", "SC_rgb_jls_lossy_line.dcm", "SC_rgb_jls_lossy_sample.dcm", "SC_rgb_jpeg.dcm",
    "SC_rgb_jpeg_app14_dcmd.dcm", "SC_rgb_jpeg_dcmtk.dcm", "SC_rgb_jpeg_lossy_gdcm.dcm", "SC_rgb_small_odd_jpeg.dcm",
    "examples_jpeg2k.dcm", "examples_ybr_color.dcm",
)


@pytest.mark.parametrize("name", OWN_FILES)
@pytest.mark.usefixtures("registered", "quiet")
@pytest.mark.filterwarnings("ignore:The .0028,0004. 'Photometric Interpretation' value is", "ignore:Expected explicit VR")
def test_pydicoms_own_lossy_files_look_the_same(name: str) -> None:
    ds = pydicom.dcmread(str(get_testdata_file(name, download=False)))
    # the rounding of two cosine transforms, and then of the colours
    most = {True: 1, False: 3} if ds.file_meta.TransferSyntaxUID in LOSSY[:2] else {True: 0, False: 0}
    uid, form = ds.file_meta.TransferSyntaxUID, Format("u2", ds.BitsStored, ds.PhotometricInterpretation)
    for raw in (True, False):
        ours, described = get_decoder(uid).as_array(ds, raw=raw, decoding_plugin="dcmenc")
        agreeing = 0
        for reader in readers(uid, form):
            try:
                theirs, expected = get_decoder(uid).as_array(ds, raw=raw, decoding_plugin=reader)
            except RuntimeError:
                continue
            agreeing += 1
            assert theirs.dtype == ours.dtype and np.abs(theirs.astype(int) - ours).max() <= most[raw]
            if expected["photometric_interpretation"] == "YBR_FULL_422":
                expected["photometric_interpretation"] = "YBR_FULL"  # every pixel has samples of its own
            assert described == expected
        assert agreeing or name in ONLY_DCMENC
    np.testing.assert_array_equal(ds.pixel_array, ours)
    ds.decompress()
    np.testing.assert_array_equal(ds.pixel_array, ours)


@pytest.mark.usefixtures("registered")
def test_signs_are_filled_up_by_pydicom_and_not_where_it_is_told_not_to() -> None:
    unsigned_stream = pydicom.dcmread(str(get_testdata_file("J2K_pixelrep_mismatch.dcm", download=False)))
    form = FORMATS["signed 12 of 16 bits, 3 frames"]
    jpeg_ls = dataset(form, pixels(form))
    jpeg_ls.compress(JPEGLSLossless, encoding_plugin="pyjpegls")
    for ds, option in ((unsigned_stream, "apply_j2k_sign_correction"), (jpeg_ls, "apply_jls_sign_correction")):
        uid = ds.file_meta.TransferSyntaxUID
        filled, plain = (get_decoder(uid).as_array(ds, decoding_plugin="dcmenc", **{option: corrected})[0] for corrected in (True, False))
        for reader in readers(uid, form):
            np.testing.assert_array_equal(filled, decoded(ds, reader))
        assert filled.min() < 0 <= plain.min()
        np.testing.assert_array_equal(plain, filled & (1 << ds.BitsStored) - 1)


@pytest.mark.usefixtures("registered", "quiet")
def test_near_lossless_samples_never_pass_from_the_largest_to_the_smallest() -> None:
    form = Format("i2", 12, rows=64, columns=80)
    array = np.random.default_rng(0).integers(2000, 2048, (64, 80)).astype("i2")
    theirs = dataset(form, array)
    theirs.compress(JPEGLSNearLossless, encoding_plugin="pyjpegls", jls_error=5)
    assert decoded(theirs).min() < -2000
    with pytest.raises(RuntimeError, match="dcmenc: near=5 takes samples beyond the 12 signed bits stored"):
        dataset(form, array).compress(JPEGLSNearLossless, encoding_plugin="dcmenc", jls_error=5)


@pytest.mark.usefixtures("registered")
def test_decompressed_without_a_conversion_of_colours_ybr_full_422_is_ybr_full() -> None:
    source = pydicom.dcmread(str(get_testdata_file("examples_ybr_color.dcm", download=False)))
    expected, _ = get_decoder(JPEGBaseline8Bit).as_array(source, decoding_plugin="dcmenc")
    source.decompress(as_rgb=False, decoding_plugin="dcmenc")
    assert source.PhotometricInterpretation == "YBR_FULL"
    np.testing.assert_array_equal(source.pixel_array, expected)
    theirs = pydicom.dcmread(str(get_testdata_file("examples_ybr_color.dcm", download=False)))
    theirs.decompress(as_rgb=False, decoding_plugin="pillow")
    with pytest.raises(ValueError, match="'YBR_FULL_422' is incorrect"):
        theirs.pixel_array.max()


@pytest.mark.usefixtures("registered")
def test_few_bits_of_16_are_decompressed_to_16() -> None:
    form = Format("u2", 8)
    array = pixels(form)
    for plugin, right in (("dcmenc", True), ("pyjpegls", False)):
        ds = dataset(form, array)
        ds.compress(JPEGLSLossless, encoding_plugin="pyjpegls")
        ds.decompress(decoding_plugin=plugin)
        assert (len(ds.PixelData) == array.nbytes) is right
    np.testing.assert_array_equal(decoded(dataset(form, array)), array)


def test_planes_in_jpeg_ls_are_read() -> None:
    form = FORMATS["RGB, planes, 3 frames"]
    ds = dataset(form, pixels(form))
    ds.compress(JPEGLSLossless, encoding_plugin="pyjpegls")
    assert ds.PlanarConfiguration == 1 and first_frame(ds).count(b"\xff\xda") == 3, "a scan for each plane (ILV 0)"
    register()
    for reader in all_readers(JPEGLSLossless, form):
        np.testing.assert_array_equal(decoded(ds, reader), pixels(form))


@pytest.mark.parametrize(("uid", "plugin"), (
    (JPEGLSLossless, "dcmenc"), (JPEGLSLossless, "pyjpegls"), (JPEG2000Lossless, "dcmenc"), (JPEG2000Lossless, "pylibjpeg"),
))
def test_planes_are_joined_before_any_plugin(uid: str, plugin: str) -> None:
    form = FORMATS["RGB, planes, 3 frames"]._replace(rows=70, columns=80)
    array = pixels(form)
    register(first=False)
    if plugin not in get_encoder(uid).available_plugins:
        pytest.skip(f"{plugin} is not installed for it")
    for syntax in (ExplicitVRLittleEndian, ExplicitVRBigEndian):
        ds = dataset(form, array, syntax)
        ds.compress(uid, encoding_plugin=plugin)
        assert ds.PlanarConfiguration == 0
        for reader in all_readers(uid, form):
            np.testing.assert_array_equal(decoded(ds, reader), array)


@pytest.mark.parametrize("uid", (JPEGBaseline8Bit, JPEG2000Lossless, HTJ2KLossless), ids=NAMES.get)
@pytest.mark.usefixtures("registered")
def test_the_frames_say_where_samples_are_whatever_the_planar_configuration(uid: str) -> None:
    array = smooth(SMOOTH)
    ds = dataset(SMOOTH, array)
    ds.compress(uid, encoding_plugin="dcmenc")
    expected = decoded(ds, "dcmenc")
    ds.PlanarConfiguration = 1
    np.testing.assert_array_equal(decoded(ds, "dcmenc"), expected)
    for reader in readers(uid, SMOOTH):
        assert not (decoded(ds, reader) == expected).all(), "pydicom takes the samples of pixels for planes"


def test_a_planar_configuration_of_one_sample_says_nothing() -> None:
    form = FORMATS["12 of 16 bits, 4 frames"]
    register()
    ds = dataset(form, pixels(form))
    ds.PlanarConfiguration, native = 1, ds.PixelData
    list(get_encoder(JPEGLosslessSV1).iter_encode(ds))
    assert ds.PixelData is native


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    before = state()
    with monkeypatch.context() as patch:
        patch.setattr(pydicom_plugin, "find_spec", lambda name: None)
        register()
        register(first=False)
        for uid, missing in ((JPEGExtended12Bit, "imagecodecs"), (HTJ2K, "imagecodecs"), (JPEGBaseline8Bit, "pillow")):
            with pytest.raises(RuntimeError, match=f"dcmenc - requires {missing}"):
                dataset(FORMATS["8 bits"], pixels(FORMATS["8 bits"])).compress(uid)
        assert order(JPEGLSLossless)[0] == ["pyjpegls"] and order(RLELossless)[0][-1] == "dcmenc"
        unregister()
        assert state() == before
    with monkeypatch.context() as patch:
        patch.setattr(dcmenc.openjpeg, "library", unavailable)
        assert not pydicom_plugin.is_available(JPEG2000)


def unavailable() -> None:
    raise dcmenc.CodecUnavailable("nowhere")


# ---- what JPEG Lossless asks for ----

@pytest.mark.parametrize("uid", SYNTAXES[1:], ids=NAMES.get)
@pytest.mark.usefixtures("registered", "quiet")
def test_all_but_rle_keep_samples_together(uid: str) -> None:
    form = FORMATS["RGB, planes, 3 frames"]
    array = pixels(form)
    ds = dataset(form, array)
    frames = get_encoder(uid).iter_encode(ds)
    next(frames)
    assert ds.PlanarConfiguration == 1, "nothing happens to the dataset before the last frame"
    list(frames)
    assert ds.PlanarConfiguration == 0 and ds.PixelData == array.tobytes() + bytes(array.size % 2)
    ds = dataset(form, array)
    with pytest.raises(RuntimeError, match="set PlanarConfiguration to 0 before an array"):
        ds.compress(uid, array, encoding_plugin="dcmenc")
    assert ds.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    ds.PlanarConfiguration = 0
    ds.compress(uid, array)
    np.testing.assert_array_equal(ds.pixel_array, array)


@pytest.mark.usefixtures("registered")
def test_planar_configuration_1_beside_jpeg_lossless_misleads_pylibjpeg_but_not_dcmenc() -> None:
    form = FORMATS["RGB"]
    array = pixels(form)
    ds = dataset(form, array)
    ds.compress(JPEGLosslessSV1)
    ds.PlanarConfiguration = 1
    assert not (decoded(ds, "pylibjpeg") == array).all()
    np.testing.assert_array_equal(decoded(ds), array)


@keepers
@pytest.mark.usefixtures("registered")
def test_bits_above_the_stored_ones_are_kept(uid: str) -> None:
    form = Format("u2", 12)
    array = pixels(form) | 0x8000
    ds = dataset(form, array)
    ds.compress(uid)
    kept, _ = get_decoder(uid).as_array(ds, raw=True, correct_unused_bits=False)
    np.testing.assert_array_equal(kept, array)
    np.testing.assert_array_equal(decoded(ds, "pylibjpeg"), array & 0x0FFF)


@keepers
@pytest.mark.usefixtures("registered")
def test_signs_that_do_not_fill_the_unused_bits_are_kept(uid: str) -> None:
    form = Format("i2", 12)
    array = pixels(form)
    ds = dataset(form, array & 0x0FFF)
    ds.compress(uid)
    np.testing.assert_array_equal(get_decoder(uid).as_array(ds, correct_unused_bits=False)[0], array & 0x0FFF)
    np.testing.assert_array_equal(decoded(ds, "pylibjpeg"), array)


def selection_value(frame: bytes) -> int:
    """Ss of the scan header (T.81 B.2.3)."""
    at = frame.index(b"\xff\xda")
    return frame[at + 5 + 2 * frame[at + 4]]


@pytest.mark.usefixtures("registered", "quiet")
def test_options_reach_the_codec() -> None:
    form = FORMATS["12 of 16 bits, 4 frames"]
    for predictor in range(1, 8):
        ds = dataset(form, pixels(form))
        ds.compress(JPEGLossless, predictor=predictor)
        frames = list(generate_frames(ds.PixelData, number_of_frames=4))
        assert {selection_value(frame) for frame in frames} == {predictor}
        np.testing.assert_array_equal(decoded(ds, "pylibjpeg"), pixels(form))
    ds = dataset(form, pixels(form))
    ds.compress(JPEGLossless, precision=16, predictor="auto", unknown_to_every_plugin=1)
    frame = next(generate_frames(ds.PixelData, number_of_frames=4))
    assert frame[frame.index(b"\xff\xc3") + 4] == 16
    for uid, wrong, reason in ((JPEGLossless, {"predictor": 8}, "1 to 7 or 'auto', not 8"),
                               (JPEGLosslessSV1, {"predictor": 4}, "has predictor 1 only"),
                               (JPEGLossless, {"precision": 9}, "does not go with 12 bits stored")):
        with pytest.raises(RuntimeError, match=f"(?s)all available plugins.*dcmenc: .*{reason}"):
            dataset(form, pixels(form)).compress(uid, **wrong)


@pytest.mark.parametrize("plugin", ("pydicom", "dcmenc"))
@pytest.mark.usefixtures("registered")
def test_rle_with_segments_in_the_wrong_order_is_read_as_asked(plugin: str) -> None:
    array = pixels(FORMATS["16 bits"])
    ds = dataset(FORMATS["16 bits"], array.byteswap())
    ds.compress(RLELossless)
    made, _ = get_decoder(RLELossless).as_array(ds, decoding_plugin=plugin, rle_segment_order="<")
    np.testing.assert_array_equal(made, array)
    if plugin == "dcmenc":
        np.testing.assert_array_equal(get_decoder(RLELossless).as_array(ds, decoding_plugin=plugin, byteorder=">")[0], array)


# ---- errors ----

@syntaxes
@pytest.mark.usefixtures("registered", "quiet")
def test_errors_are_those_that_pydicoms_callers_expect(uid: str) -> None:
    form = FORMATS["8 bits"]
    encoder, described = get_encoder(uid), options(form, pixels(form))
    with pytest.raises(RuntimeError, match=r"dcmenc: a frame of 100 bytes is not what is described: \(13, 11\), 8 bits allocated"):
        encoder.encode(np.zeros((10, 10), "u1"), validate=False, encoding_plugin="dcmenc", **described)
    with pytest.raises(RuntimeError, match=r"dcmenc: pixels of the kind 'integer' have .* not 1"):
        encoder.encode(pixels(form), validate=False, encoding_plugin="dcmenc", **described | {"bits_allocated": 1, "bits_stored": 1})
    error, reason = (RuntimeError, "holds no signed PALETTE COLOR") if uid in NO_PROFILE else (ValueError, "not valid for pixel data")
    with pytest.raises(error, match=reason):
        dataset(Format("i2", 16, "PALETTE COLOR"), pixels(Format("i2", 16))).compress(uid)
    ds = dataset(form, pixels(form))
    ds.compress(uid)
    ds.Columns = 12
    with pytest.raises(RuntimeError, match=r"(?s)Unable to decode.*dcmenc: "):
        decoded(ds, "dcmenc")
    with pytest.raises(ValueError, match="Only uncompressed datasets"):
        ds.compress(uid)


@pytest.mark.usefixtures("registered")
def test_pydicom_takes_the_next_plugin_where_one_fails(caplog: pytest.LogCaptureFixture) -> None:
    form = Format("u4", 32)
    array = np.arange(13 * 11, dtype="u4").reshape(13, 11) << 20
    described = options(form, array) | {"bits_allocated": 64, "bits_stored": 64}
    wide = array.astype("u8")
    caplog.set_level(logging.CRITICAL, "pydicom")
    frame = get_encoder(RLELossless).encode(wide, validate=False, **described)
    assert get_codec("rle").encode_frame(array, ImageSpec.from_array(array)) != frame
    assert frame == get_encoder(RLELossless).encode(wide, validate=False, encoding_plugin="pylibjpeg", **described)


# ---- registering ----

def order(uid: str) -> tuple[list[str], list[str]]:
    return list(get_encoder(uid)._available), list(get_decoder(uid)._available)


def test_plugins_are_tried_in_the_order_asked_for() -> None:
    register(first=True)
    assert order(RLELossless) == (["dcmenc", "pylibjpeg", "pydicom"], ["dcmenc", "pylibjpeg", "pydicom"])
    assert order(JPEGLossless) == order(JPEGLosslessSV1) == (["dcmenc"], ["dcmenc", "pylibjpeg"])
    assert order(JPEGBaseline8Bit) == order(JPEGExtended12Bit) == (["dcmenc"], ["dcmenc", "pylibjpeg", "pillow"])
    assert order(JPEGLSLossless) == order(JPEGLSNearLossless) == (["dcmenc", "pyjpegls"], ["dcmenc", "pylibjpeg", "pyjpegls"])
    assert {order(uid)[0][0] for uid in (JPEG2000Lossless, JPEG2000, *NO_PROFILE)} == {"dcmenc"}
    register(first=False)
    assert order(RLELossless) == (["pylibjpeg", "pydicom", "dcmenc"], ["pylibjpeg", "pydicom", "dcmenc"])
    assert order(JPEGLossless) == order(JPEGLosslessSV1) == (["dcmenc"], ["pylibjpeg", "dcmenc"])
    assert order(JPEGBaseline8Bit) == (["dcmenc"], ["pylibjpeg", "pillow", "dcmenc"])
    assert order(JPEGLSLossless) == (["pyjpegls", "dcmenc"], ["pylibjpeg", "pyjpegls", "dcmenc"])
    register(decoders=False)
    assert order(RLELossless) == (["dcmenc", "pylibjpeg", "pydicom"], ["pylibjpeg", "pydicom"])
    assert order(JPEGLosslessSV1) == (["dcmenc"], ["pylibjpeg"])
    assert order(JPEGLSLossless) == (["dcmenc", "pyjpegls"], ["pylibjpeg", "pyjpegls"])


@pytest.mark.parametrize("first", (True, False))
def test_the_first_plugin_is_the_one_that_works(first: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    called = []
    for name in ("encode_frame", "decode_frame"):
        function = getattr(pydicom_plugin, name)
        monkeypatch.setattr(pydicom_plugin, name, lambda *given, function=function, name=name: called.append(name) or function(*given))
    register(first)
    form = Format("u2", 16, rows=70, columns=80)  # pylibjpeg-openjpeg makes six resolutions of frames that are too small for them, too
    for uid in SYNTAXES:
        ds = dataset(form, pixels(form))
        ds.compress(uid)
        assert (ds.pixel_array == pixels(form)).all()
        alone = [name for name, plugins in zip(("encode_frame", "decode_frame"), order(uid), strict=True) if plugins == ["dcmenc"]]
        assert called == (["encode_frame", "decode_frame"] if first else alone)
        called.clear()


def test_registering_twice_is_harmless_and_unregistering_restores() -> None:
    before = state()
    unregister()
    assert state() == before
    register()
    once = [entry[3:] for entry in state()]
    register()
    assert [entry[3:] for entry in state()] == once
    unregister()
    assert state() == before
    for uid in NO_ENCODER:
        with pytest.raises(NotImplementedError):
            dataset(FORMATS["16 bits"], pixels(FORMATS["16 bits"])).compress(uid)
    unregister()


def test_an_encoder_that_someone_else_uses_stays() -> None:
    register()
    get_encoder(JPEGLossless).add_plugin("other", ("dcmenc.pydicom_plugin", "encode_frame"))
    unregister()
    try:
        assert get_encoder(JPEGLossless).available_plugins == ("other",)
        register(first=False)
        assert order(JPEGLossless)[0] == ["other", "dcmenc"]
    finally:
        get_encoder(JPEGLossless).remove_plugin("other")


def test_threads_register_and_compress_at_once() -> None:
    form = FORMATS["12 of 16 bits, 4 frames"]
    array = pixels(form)

    def work(number: int) -> bool:
        register(first=bool(number % 3), decoders=bool(number % 2))
        ds = dataset(form, array)
        ds.compress(KEEPERS[number % 3])
        return bool((ds.pixel_array == array).all())

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(work, range(200)))
    finally:
        sys.setswitchinterval(interval)


def test_without_pydicom_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "pydicom.pixels.encoders", None)
        for function in (register, unregister):
            with pytest.raises(ImportError, match=r"pip install 'pydicom>=3"):
                function()


def test_nothing_of_pydicom_is_loaded_before_register_is_called() -> None:
    code = "import sys, dcmenc.pydicom_plugin; dcmenc.pydicom_bridge.register; assert 'pydicom' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_plugin_is_for_its_syntaxes_only() -> None:
    assert all(map(pydicom_plugin.is_available, (*SYNTAXES, *LOSSY)))
    assert set(pydicom_plugin.ENCODER_DEPENDENCIES) == set(pydicom_plugin.DECODER_DEPENDENCIES) == set(map(str, (*SYNTAXES, *LOSSY)))
    with pytest.raises(ValueError, match="doesn't support"):
        encoding.Encoder(ImplicitVRLittleEndian).add_plugin("dcmenc", ("dcmenc.pydicom_plugin", "encode_frame"))
    assert isinstance(pydicom_plugin, types.ModuleType) and "pydicom" not in vars(pydicom_plugin)


def test_the_example_of_the_documentation_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = Path(__file__).parent.parent.joinpath("docs", "pydicom.md").read_text(encoding="utf-8")
    code = text.partition("## dcmenc inside pydicom")[2].partition("```python\n")[2].partition("```")[0]
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "docs", "exec"), {})
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".dcm"]
