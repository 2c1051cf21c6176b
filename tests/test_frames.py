"""Pixels to arrays: what pydicom makes of the same files, and each way that native pixels are laid out (PS3.3 C.7.6.3, PS3.5 8)."""

from __future__ import annotations

import io
import struct
import warnings
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pydicom.pixels import apply_color_lut, convert_color_space, pixel_array
from pydicom.pixels.processing import _expand_segmented_lut

from dcmenc.colours import as_rgb, colormap_from_zero, colormap_of, colours_by_value
from dcmenc.errors import CodecUnavailable, DcmencWarning, PixelError
from dcmenc.frames import spec_of, stored_values
from dcmenc.images import imwrite
from dcmenc.model import Dataset
from dcmenc.pixels import ImageSpec, image_attributes, native_bytes, palette_attributes
from dcmenc.pydicom_bridge import from_pydicom
from dcmenc.values import LENIENT, Element, Fragments

# --------------------------------------------------------------------- the files of the pydicom wheel

DATA = Path(pydicom.__file__).parent / "data"
PIXEL_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


def opened(path: Path) -> Any:
    """The file as pydicom reads it; None if it is not DICOM, has no pixels, or compressed ones."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ds = pydicom.dcmread(path, force=path.suffix == ".dcm")
            syntax = ds.file_meta.get("TransferSyntaxUID")
            if not any(keyword in ds for keyword in PIXEL_KEYWORDS):
                return None
        except (pydicom.errors.InvalidDicomError, AttributeError, EOFError, KeyError, ValueError, NotImplementedError):
            # broken on purpose, each in its way, an unknown VR (NotImplementedError) among them: pydicom cannot be the oracle
            return None
        return None if syntax is not None and syntax.is_encapsulated else ds


FILES = [path for path in sorted(DATA.rglob("*")) if path.is_file() and opened(path) is not None]

# What is not an image, or not a whole one.
BROKEN = {"badVR.dcm": "NumberOfFrames is '1A', which is no whole number",
          "MR_truncated.dcm": "PixelData has 8130 bytes, where 1 frame of 64 x 64 pixels .* need 8192: 0 whole frames of 1 are there$",
          "meta_missing_tsyntax.dcm": "PhotometricInterpretation is missing", "nested_priv_SQ.dcm": "PhotometricInterpretation is missing"}
WARNED = {"MR_small_padded.dcm": "has 8320 bytes, where .* need 8192; the others are ignored$",
          "rtdose_expb.dcm": "words of 16 bits", "rtdose_expb_1frame.dcm": "words of 16 bits"}


def test_the_wheel_has_images_of_all_kinds() -> None:
    assert len(FILES) > 60 and {*BROKEN, *WARNED} <= {path.name for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_pydicom_sees_the_same_stored_values(path: Path) -> None:
    source = opened(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds = from_pydicom(source)
    if path.name in BROKEN:
        with pytest.raises(PixelError, match=BROKEN[path.name]):
            stored_values(ds)
        return
    if path.name in WARNED:
        with pytest.warns(DcmencWarning, match=WARNED[path.name]):
            values = stored_values(ds)
    else:
        values = stored_values(ds)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = pixel_array(source, raw=True)
    if path.name.startswith("rtdose_expb"):
        # pydicom takes the file for whole 32-bit samples, the standard has words
        expected = expected.astype("<u4").view("<u2").reshape(*expected.shape, 2)[..., ::-1].copy().view("<u4")[..., 0]
    assert values.dtype == (bool if spec_of(ds).kind == "bit" else expected.dtype.newbyteorder("="))
    assert values.dtype.isnative and values.flags.c_contiguous
    assert values.shape == expected.shape and np.array_equal(values, expected)
    if values.ndim == 3 + (spec_of(ds).samples > 1):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert all(np.array_equal(stored_values(ds, frame=at), values[at]) for at in range(len(values)))


# --------------------------------------------------------------------- there and back

KINDS = st.sampled_from(["?", "u1", "i1", "<u2", ">u2", "<i2", "<u4", "<i4", "<f4", "<f8"])


@st.composite
def images(draw: st.DrawFn) -> tuple[Any, ImageSpec]:
    """An array and a description of it, of any kind that DICOM holds without compression."""
    dtype = np.dtype(draw(KINDS))
    colour = dtype.kind == "u" and draw(st.booleans())
    shape = (draw(st.integers(1, 4)), draw(st.integers(1, 9)), draw(st.integers(1, 9)), *((3,) if colour else ()))
    stored = draw(st.integers(1, 8 * dtype.itemsize)) if dtype.kind in "iu" else None
    elements: Any = None
    if stored is not None:
        signed = dtype.kind == "i"
        elements = st.integers(-(1 << stored - 1) if signed else 0, (1 << stored - signed) - 1)
    array = draw(hnp.arrays(dtype, shape, elements=elements))
    photometric = draw(st.sampled_from(["RGB", "YBR_FULL"])) if colour else "MONOCHROME2"
    return array, ImageSpec.from_array(array, bits_stored=stored, photometric=photometric, planar=draw(st.integers(0, int(colour))))


def dataset_of(array: Any, spec: ImageSpec, junk: int = 0) -> Dataset:
    """The dataset that imwrite would make of it, without anything but its pixels; ``junk`` fills the bits that are not stored."""
    octets = bytes(native_bytes(array, spec))
    if junk and spec.kind == "integer":
        cells = np.frombuffer(octets, f"<u{spec.allocated // 8}")
        low = (1 << spec.stored) - 1
        octets = ((cells & cells.dtype.type(low)) | cells.dtype.type(junk & ((1 << spec.allocated) - 1) & ~low)).tobytes()
    ds = Dataset(image_attributes(spec))
    setattr(ds, spec.keyword, octets + bytes(len(octets) % 2))
    return ds


@given(images(), st.sampled_from([0, 2**64 - 1, 0x5A5A5A5A5A5A5A5A]))
@settings(deadline=None)
def test_what_native_bytes_wrote_comes_back_whatever_stands_in_the_other_bits(image: tuple[Any, ImageSpec], junk: int) -> None:
    array, spec = image
    ds = dataset_of(array, spec, junk)
    values = stored_values(ds)
    assert spec_of(ds) == spec and values.shape == spec.shape
    assert values.dtype == array.dtype.newbyteorder("=") and values.flags.c_contiguous and values.flags.aligned
    assert values.tobytes() == np.ascontiguousarray(array.reshape(spec.shape)).astype(values.dtype).tobytes()
    for at in range(-spec.frames, spec.frames):
        one = stored_values(ds, frame=at)
        assert one.shape == replace(spec, frames=1).shape and one.flags.c_contiguous
        assert one.tobytes() == (values[at] if spec.frames > 1 else values).tobytes()


@given(images())
@settings(deadline=None, max_examples=30)
def test_pydicom_agrees_about_what_imwrite_makes(image: tuple[Any, ImageSpec]) -> None:
    array, spec = image
    if spec.kind != "integer" or spec.frames > 1:
        array = np.ones((2, 3, 5), bool)
        spec = ImageSpec.from_array(array)
    file = io.BytesIO()
    imwrite(file, array, bits_stored=spec.stored, photometric=spec.photometric)
    file.seek(0)
    source = pydicom.dcmread(file)
    assert np.array_equal(stored_values(from_pydicom(source)), pixel_array(source, raw=True))


@pytest.mark.parametrize("offset", range(8))
@pytest.mark.parametrize("dtype", ["u1", "<u2", "<u4", "<f4", "<f8"])
def test_buffers_may_begin_anywhere(dtype: str, offset: int) -> None:
    array = np.arange(20).astype(dtype).reshape(4, 5)
    spec = ImageSpec.from_array(array)
    buffer = bytes(offset) + bytes(native_bytes(array, spec))
    ds = Dataset(image_attributes(spec))
    setattr(ds, spec.keyword, memoryview(buffer)[offset:])
    values = stored_values(ds)
    assert np.array_equal(values, array) and values.flags.aligned


def test_64_bits_are_read_though_never_written() -> None:
    for dtype, stored, junk in (("<u8", 64, 0), ("<i8", 64, 0), ("<u8", 40, 1 << 50), ("<i8", 40, 1 << 50)):
        array = np.array([[0, 1, (1 << 39) - 1], [5, 6, 7]], dtype)
        if dtype == "<i8":
            array[0, 0] = -(1 << 39)
        octets = (array.view("<u8") ^ np.uint64(junk)).tobytes()
        values = stored_values(gray(2, 3, 64, stored, octets, PixelRepresentation=int(dtype == "<i8")))
        assert values.dtype == np.dtype(dtype) and np.array_equal(values, array)


# --------------------------------------------------------------------- made by hand

def gray(rows: int, columns: int, allocated: int, stored: int, octets: bytes | None, **attributes: Any) -> Dataset:
    basis = {"SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2", "Rows": rows, "Columns": columns,
             "BitsAllocated": allocated, "BitsStored": stored, "HighBit": stored - 1, "PixelRepresentation": 0}
    return Dataset(basis | attributes | {"PixelData": octets}, policy=LENIENT)


def colour(photometric: str, rows: int, columns: int, octets: bytes, **attributes: Any) -> Dataset:
    return gray(rows, columns, 8, 8, octets, **{"SamplesPerPixel": 3, "PhotometricInterpretation": photometric} | attributes)


def without(ds: Dataset, *keywords: str) -> Dataset:
    for keyword in keywords:
        del ds[keyword]
    return ds


def test_bits_of_a_frame_begin_where_those_of_the_last_one_end() -> None:
    # 3 frames of 3 x 3: only the bits 0, 10 and 26 are set
    ds = gray(3, 3, 1, 1, struct.pack("<I", 1 | 1 << 10 | 1 << 26), NumberOfFrames=3)
    values = stored_values(ds)
    assert values.dtype == bool and [list(map(int, np.flatnonzero(frame))) for frame in values] == [[0], [1], [8]]
    assert np.array_equal(stored_values(ds, frame=-1), values[2]) and stored_values(ds, frame=1).flags.writeable


def test_bits_above_those_stored_are_masked_off_or_filled_with_the_sign() -> None:
    octets = struct.pack("<4H", 0xF7FF, 0x0800, 0xFFFF, 0x1000)
    assert stored_values(gray(1, 4, 16, 12, octets)).tolist() == [[0x7FF, 0x800, 0xFFF, 0]]
    assert stored_values(gray(1, 4, 16, 12, octets, PixelRepresentation=1)).tolist() == [[2047, -2048, -1, 0]]


@pytest.mark.parametrize(("cell", "unsigned", "signed"), [
    (0x07FF, 2047, 2047), (0x0800, 2048, -2048), (0x0FFF, 4095, -1), (0x1000, 0, 0), (0x8000, 0, 0), (0xF800, 2048, -2048),
    (0xF7FF, 2047, 2047), (0xFFFF, 4095, -1),
])
def test_one_cell_outside_the_range_is_enough(cell: int, unsigned: int, signed: int) -> None:
    octets = struct.pack("<2H", cell, 0)
    assert stored_values(gray(1, 2, 16, 12, octets)).tolist() == [[unsigned, 0]]
    assert stored_values(gray(1, 2, 16, 12, octets, PixelRepresentation=1)).tolist() == [[signed, 0]]


def test_values_in_the_upper_bits_are_moved_down_with_a_warning() -> None:
    octets = struct.pack("<4H", 0xFFF0, 0x800F, 0x7FF3, 0x0010)
    with pytest.warns(DcmencWarning, match="HighBit is 15, where 12 bits stored have 11 today: the 4 lowest bits are left out"):
        assert stored_values(gray(1, 4, 16, 12, octets, HighBit=15)).tolist() == [[4095, 2048, 2047, 1]]
    with pytest.warns(DcmencWarning, match="HighBit"):
        assert stored_values(gray(1, 4, 16, 12, octets, HighBit=15, PixelRepresentation=1)).tolist() == [[-1, -2048, 2047, 1]]
    with pytest.warns(DcmencWarning, match="the 1 lowest bit is"):
        octets = struct.pack("<2H", 0xE003, 0x1FFE)
        assert stored_values(gray(1, 2, 16, 12, octets, HighBit=12, PixelRepresentation=1)).tolist() == [[1, -1]]


@pytest.mark.parametrize("high", [10, 16, 0])
def test_a_high_bit_that_leaves_no_room_is_refused(high: int) -> None:
    with pytest.raises(PixelError, match=rf"HighBit is {high}, where 12 bits stored of 16 allocated have 11 to 15; set ds.HighBit to 11"):
        stored_values(gray(1, 2, 16, 12, bytes(4), HighBit=high))


def test_planes_are_put_together_frame_by_frame() -> None:
    octets = bytes(range(24))
    values = stored_values(colour("RGB", 2, 2, octets, PlanarConfiguration=1, NumberOfFrames=2))
    assert values[0].tolist() == [[[0, 4, 8], [1, 5, 9]], [[2, 6, 10], [3, 7, 11]]] and values[1, 0, 0].tolist() == [12, 16, 20]
    assert stored_values(colour("RGB", 2, 2, octets[:12]))[0].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_half_rate_samples_are_repeated() -> None:
    ds = colour("YBR_FULL_422", 2, 2, bytes(range(16)), PlanarConfiguration=0, NumberOfFrames=2)
    assert spec_of(ds).photometric == "YBR_FULL_422"
    assert stored_values(ds)[0].tolist() == [[[0, 2, 3], [1, 2, 3]], [[4, 6, 7], [5, 6, 7]]]
    assert stored_values(ds, frame=1)[0].tolist() == [[8, 10, 11], [9, 10, 11]]


def test_whole_samples_under_the_label_of_half_ones_are_told_by_their_length() -> None:
    octets = bytes(range(18))
    ds = colour("YBR_FULL_422", 2, 3, octets)
    with pytest.warns(DcmencWarning, match="every pixel has three samples; they are taken as YBR_FULL"):
        assert stored_values(ds).tobytes() == octets
    for wrong, message in (({"PlanarConfiguration": 1, "Columns": 4}, "PlanarConfiguration is 1"), ({}, "Columns is 3")):
        with pytest.raises(PixelError, match=f"{message}, and YBR_FULL_422 has pairs of columns"):
            stored_values(colour("YBR_FULL_422", 2, 3, octets[:12], **wrong))


def test_samples_of_other_photometric_interpretations() -> None:
    octets = bytes(range(12))
    for photometric in ("YBR_RCT", "YBR_ICT"):  # what a decompressing program leaves behind
        assert stored_values(colour(photometric, 2, 2, octets)).tobytes() == octets
    with pytest.raises(PixelError, match="YBR_PARTIAL_420, which only compressed pixels have"):
        stored_values(colour("YBR_PARTIAL_420", 2, 2, octets))
    assert stored_values(colour(" rgb ", 2, 2, octets)).tobytes() == octets
    assert stored_values(colour("RGB", 2, 2, octets, PixelRepresentation=1)).dtype == np.int8


def test_colour_of_16_and_32_bits() -> None:
    for bits in (16, 32):
        array = (np.arange(12) << bits - 5).astype(f"<u{bits // 8}").reshape(2, 2, 3)
        ds = gray(2, 2, bits, bits, array.tobytes(), SamplesPerPixel=3, PhotometricInterpretation="RGB")
        assert np.array_equal(stored_values(ds), array)


@pytest.mark.parametrize(("keyword", "dtype"), [("FloatPixelData", "<f4"), ("DoubleFloatPixelData", "<f8")])
def test_floats_are_given_as_they_are(keyword: str, dtype: str) -> None:
    array = np.array([[0.1, np.nan, -np.inf], [-0.0, 1e-42, 3e38]], dtype)
    for extra in ({"PhotometricInterpretation": "MONOCHROME2", "BitsAllocated": 8 * array.itemsize, "SamplesPerPixel": 1}, {}):
        ds = Dataset({"Rows": 2, "Columns": 3, keyword: array.tobytes()} | extra)
        assert stored_values(ds).tobytes() == array.tobytes() and stored_values(ds).dtype == np.dtype(dtype)
        assert spec_of(ds).keyword == keyword
    ds.BitsAllocated = 16
    with pytest.raises(PixelError, match=f"BitsAllocated is 16, where {8 * array.itemsize} can be read"):
        spec_of(ds)


def test_an_odd_length_may_be_padded_and_need_not() -> None:
    for octets in (b"\1\2\3\0", b"\1\2\3"):
        assert stored_values(gray(1, 3, 8, 8, octets)).tolist() == [[1, 2, 3]]
        assert stored_values(gray(1, 1, 8, 8, octets, NumberOfFrames=3)).tolist() == [[[1]], [[2]], [[3]]]


def test_more_bytes_than_claimed_are_ignored_with_a_warning() -> None:
    with pytest.warns(DcmencWarning, match=r"has 5 bytes, where 1 frame of 1 x 3 pixels .* need 3; the others are ignored$"):
        assert stored_values(gray(1, 3, 8, 8, b"\1\2\3\0\0")).tolist() == [[1, 2, 3]]
    with pytest.warns(DcmencWarning, match="set ds.NumberOfFrames to 3 if they are frames"):
        assert stored_values(gray(1, 2, 8, 8, bytes(6))).shape == (1, 2)
    with pytest.warns(DcmencWarning, match="need 2;"):
        stored_values(gray(1, 2, 8, 8, bytes(3)))


def test_fewer_bytes_than_claimed_are_an_error_that_counts_the_whole_frames() -> None:
    ds = gray(2, 2, 8, 8, bytes(range(10)), NumberOfFrames=4)
    message = "10 bytes, where 4 frames of 2 x 2 pixels with 1 sample of 8 bits need 16: 2 whole frames of 4 are there; frame= reads"
    for frame in (None, 2, -1):
        with pytest.raises(PixelError, match=message):
            stored_values(ds, frame=frame)
    assert stored_values(ds, frame=1).tolist() == [[4, 5], [6, 7]]
    with pytest.raises(PixelError, match="1 whole frame of 2 is there"):
        stored_values(gray(3, 3, 1, 1, b"\xff\xff", NumberOfFrames=2))


@pytest.mark.parametrize("frame", [0, 1, 2, -1, -3])
def test_frames_are_counted_as_in_lists(frame: int) -> None:
    ds = gray(1, 2, 8, 8, bytes(range(6)), NumberOfFrames=3)
    assert stored_values(ds, frame=frame).tolist() == stored_values(ds)[frame].tolist()
    assert stored_values(ds, frame=np.int8(frame)).shape == (1, 2)


def test_frames_that_are_not_there() -> None:
    ds = gray(1, 2, 8, 8, bytes(range(6)), NumberOfFrames=3)
    for frame in (3, -4):
        with pytest.raises(IndexError, match=f"no frame {frame}: the image has 3 frames"):
            stored_values(ds, frame=frame)
    with pytest.raises(IndexError, match="the image has 1 frame,"):
        stored_values(gray(1, 2, 8, 8, bytes(2)), frame=1)
    with pytest.raises(TypeError):
        stored_values(ds, frame=1.0)  # type: ignore[arg-type]


@pytest.mark.parametrize("number", [None, 0, 1, "1", "ABSENT"])
def test_no_number_of_frames_is_one(number: Any) -> None:
    ds = gray(1, 2, 8, 8, bytes(2), NumberOfFrames=None if number == "ABSENT" else number)
    if number == "ABSENT":
        del ds.NumberOfFrames
    assert stored_values(ds).shape == stored_values(ds, frame=0).shape == (1, 2)


def test_what_is_certain_may_be_missing() -> None:
    assert spec_of(without(gray(1, 2, 8, 8, bytes(2)), "SamplesPerPixel", "HighBit")) == ImageSpec(1, 2, allocated=8, stored=8)
    assert stored_values(without(colour("RGB", 1, 2, bytes(6)), "SamplesPerPixel", "PixelRepresentation")).shape == (1, 2, 3)
    assert stored_values(without(gray(1, 2, 1, 1, bytes(2)), "BitsStored", "HighBit", "PixelRepresentation")).dtype == bool
    with pytest.warns(DcmencWarning, match="PixelRepresentation is missing"):
        assert stored_values(without(gray(1, 1, 16, 16, b"\xff\xff"), "PixelRepresentation")).tolist() == [[65535]]
    assert spec_of(without(gray(1, 2, 16, 12, None, PlanarConfiguration=1), "PixelData")).planar == 0


@pytest.mark.parametrize(("attributes", "message"), [
    ({"Rows": None}, "Rows is missing.*set ds.Rows"),
    ({"Columns": 0}, "Columns is 0, where 1 to 65535"),
    ({"BitsAllocated": None}, "BitsAllocated is missing"),
    ({"BitsAllocated": 12}, "BitsAllocated is 12, where 1, 8, 16, 32, 64 can be read"),
    ({"BitsStored": None}, "BitsStored is missing"),
    ({"BitsStored": 17}, "BitsStored is 17, where 1 to 16"),
    ({"BitsStored": 0}, "BitsStored is 0"),
    ({"PixelRepresentation": 2}, "PixelRepresentation is 2, where 0, 1"),
    ({"PhotometricInterpretation": None}, "PhotometricInterpretation is missing; set ds.PhotometricInterpretation, to 'MONOCHROME2'"),
    ({"PhotometricInterpretation": "CMYK"}, "PhotometricInterpretation is 'CMYK', where MONOCHROME1, "),
    ({"PhotometricInterpretation": ["RGB", "RGB"]}, "PhotometricInterpretation is"),
    ({"SamplesPerPixel": 3}, "SamplesPerPixel is 3, where the PhotometricInterpretation MONOCHROME2 has 1"),
    ({"SamplesPerPixel": 1, "PhotometricInterpretation": "RGB"}, "SamplesPerPixel is 1, where the PhotometricInterpretation RGB has 3"),
    ({"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 2}, "PlanarConfiguration is 2"),
    ({"NumberOfFrames": -1}, "NumberOfFrames is -1"),
    ({"NumberOfFrames": ["1", "2"]}, r"NumberOfFrames is \(1, 2\), which is no whole number"),
    ({"BitsAllocated": 1, "BitsStored": 1, "PixelRepresentation": 1}, "single bits have no sign"),
    ({"BitsAllocated": 32, "PhotometricInterpretation": "PALETTE COLOR"}, "PALETTE COLOR takes 8 or 16 bits"),
    ({"FloatPixelData": bytes(8)}, "PixelData and FloatPixelData are both there"),
])
def test_attributes_that_describe_no_image_are_named(attributes: dict[str, Any], message: str) -> None:
    ds = gray(1, 2, 16, 12, bytes(4), **attributes)
    for function in (spec_of, stored_values):
        with pytest.raises(PixelError, match=message):
            function(ds)


def test_pixels_that_are_not_there() -> None:
    with pytest.raises(PixelError, match=r"no pixels: PixelData is missing$"):
        stored_values(without(gray(1, 2, 16, 12, None), "PixelData"))
    with pytest.raises(PixelError, match=r"PixelData is empty$"):
        stored_values(gray(1, 2, 16, 12, None))
    with pytest.raises(PixelError, match=r"PixelData is missing\. They are at its PixelDataProviderURL$"):
        stored_values(without(gray(1, 2, 16, 12, None, PixelDataProviderURL="http://a"), "PixelData"))
    ds = gray(1, 2, 16, 12, None, FloatPixelData=bytes(8), BitsAllocated=32)
    assert stored_values(ds).dtype == np.float32


def test_compressed_pixels_without_a_codec_are_described() -> None:
    ds = colour("YBR_FULL_422", 2, 3, b"")
    ds.PixelData = Fragments((b"\xff\xd8",))
    ds.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.100"
    assert spec_of(ds).shape == (2, 3, 3)
    with pytest.raises(CodecUnavailable, match=r"no codec is installed for MPEG2 .*1\.2\.840\.10008\.1\.2\.4\.100"):
        stored_values(ds)


def test_claims_of_hostile_files_allocate_nothing() -> None:
    huge = {"Rows": 65535, "Columns": 65535, "NumberOfFrames": 2**31 - 1}
    for attributes in ({"BitsAllocated": 64, "BitsStored": 40}, {"BitsAllocated": 1, "BitsStored": 1}, {},
                       {"PhotometricInterpretation": "YBR_FULL_422", "SamplesPerPixel": 3, "Columns": 65534}):
        for frame in (None, 0, -1):
            with pytest.raises(PixelError, match="0 whole frames of 2147483647"):
                stored_values(without(gray(1, 2, 16, 12, bytes(64), **huge | attributes), "HighBit"), frame=frame)


def test_pixels_that_need_no_change_are_a_view_that_cannot_be_written_to() -> None:
    buffer = bytearray(struct.pack("<6H", *range(6)))
    for stored in (16, 12):
        ds = gray(2, 3, 16, stored, buffer)
        for values in (stored_values(ds), stored_values(ds, frame=0)):
            assert np.shares_memory(values, np.frombuffer(buffer, "u1")) and not values.flags.writeable
    changed = stored_values(gray(2, 3, 16, 2, buffer))
    assert changed.flags.writeable and not np.shares_memory(changed, np.frombuffer(buffer, "u1"))


def test_a_frame_is_a_view_of_its_own_bytes_alone() -> None:
    buffer = bytes(range(24))
    octets = np.frombuffer(buffer, "u1")
    values = stored_values(gray(2, 2, 16, 16, buffer, NumberOfFrames=3), frame=1)
    assert np.shares_memory(values, octets[8:16]) and not np.shares_memory(values, octets[:8]) and not np.shares_memory(values, octets[16:])


def test_arrays_that_were_set_as_pixels() -> None:
    array = np.arange(24, dtype="<i2").reshape(2, 3, 4)
    ds = gray(3, 4, 16, 16, b"", PixelRepresentation=1, NumberOfFrames=2)
    ds.PixelData = array
    assert np.array_equal(stored_values(ds), array) and array.flags.writeable
    ds.PixelData = array.astype(">i2")
    assert np.array_equal(stored_values(ds), array)


# --------------------------------------------------------------------- palettes

COLOURS = ("Red", "Green", "Blue")


def palette(entries: int, first: int, bits: int, tables: Any, *, vr: str = "OW", segmented: bool = False, **attributes: Any) -> Dataset:
    """A dataset with three tables, which are bytes or words."""
    ds = gray(1, 4, 16, 16, bytes(8), PhotometricInterpretation="PALETTE COLOR", **attributes)
    for colour, table in zip(COLOURS, tables if isinstance(tables, tuple) else (tables,) * 3, strict=True):
        ds[f"{colour}PaletteColorLookupTableDescriptor"] = [entries, first, bits]
        keyword = f"{'Segmented' if segmented else ''}{colour}PaletteColorLookupTableData"
        ds.add(keyword, vr, table)
    return ds


def column(ds: Dataset) -> list[int]:
    colormap = colormap_of(ds)
    assert colormap is not None
    return list(map(int, colormap[:, 0]))


@pytest.mark.parametrize("colormap", [np.arange(300, dtype="u2").reshape(100, 3) * 199, np.arange(96, dtype="u1").reshape(32, 3),
                                      np.arange(65536 * 3, dtype="u4").reshape(-1, 3).astype("u2"), np.array([[1, 2, 3]], "u2")])
def test_a_palette_comes_back(colormap: Any) -> None:
    found = colormap_of(Dataset(palette_attributes(colormap)))
    assert found is not None and found.dtype == colormap.dtype and np.array_equal(found, colormap)


def test_no_palette_is_none() -> None:
    ds = gray(1, 2, 8, 8, bytes(2))
    assert colormap_of(ds) is colormap_from_zero(ds, spec_of(ds)) is None
    with pytest.raises(PixelError, match="the dataset has no palette"):
        colours_by_value(Dataset(), ImageSpec(1, 2))


@pytest.mark.parametrize(("entries", "bits", "octets", "expected", "dtype"), [
    (4, 8, b"\1\2\3\4", [1, 2, 3, 4], "u1"),              # two a word
    (3, 8, b"\1\2\3\0", [1, 2, 3], "u1"),                 # and filled up
    (3, 8, b"\1\2\3", [1, 2, 3], "u1"),                   # or not
    (3, 8, b"\1\0\2\0\3\0", [1, 2, 3], "u1"),             # one a word
    (3, 8, b"\1\1\2\0\3\0", [257, 2, 3], "u2"),           # with more than 8 bits all the same
    (3, 16, b"\1\2\3\0", [1, 2, 3], "u1"),                # two a word under a descriptor of 16 bits
    (3, 16, b"\1\1\2\0\3\0", [257, 2, 3], "u2"),
    (1, 8, b"\7\0", [7], "u1"),
    (1, 16, b"\7\1", [263], "u2"),
])
def test_the_length_tells_how_entries_are_packed(entries: int, bits: int, octets: bytes, expected: list[int], dtype: str) -> None:
    ds = palette(entries, 0, bits, octets)
    assert column(ds) == expected and colormap_of(ds).dtype == np.dtype(dtype)  # type: ignore[union-attr]


def test_tables_of_numbers_instead_of_words() -> None:
    ds = palette(3, 0, 16, [1, 2, 65535], vr="US")
    assert column(ds) == [1, 2, 65535]
    assert column(palette(3, 0, 16, [1, 2, -1], vr="SS")) == [1, 2, 65535]
    assert column(palette(1, 0, 16, 9, vr="US")) == [9]


def test_descriptors_with_a_sign_are_masked() -> None:
    for vr, numbers in (("SS", (0, -3, 16)), ("US", (0, 65533, 16)), ("US/SS", (0, -3, 16)), ("UN", struct.pack("<3H", 0, 65533, 16))):
        ds = palette(4, 0, 16, bytes(2 * 65536), PixelRepresentation=1)
        for colour in COLOURS:
            ds.add(f"{colour}PaletteColorLookupTableDescriptor", vr, numbers)
        colormap = colormap_of(ds)
        assert colormap is not None and colormap.shape == (65536, 3)


@pytest.mark.parametrize(("ds", "message"), [
    (palette(4, 0, 8, bytes(3)), "RedPaletteColorLookupTableData has 3 bytes, where a table of 4 needs 4 or 8"),
    (palette(4, 0, 8, bytes(10)), "has 10 bytes"),
    (palette(0, 0, 16, bytes(512)), "where a table of 65536 needs 65536 or 131072"),
    (palette(4, 0, 12, bytes(8)), r"RedPaletteColorLookupTableDescriptor is \(4, 0, 12\), where it has"),
    (palette(4, 0, 16, b""), "RedPaletteColorLookupTableData is empty"),
    (without(palette(4, 0, 16, bytes(8)), "BluePaletteColorLookupTableData"), "BluePaletteColorLookupTableData is missing"),
    (without(palette(4, 0, 16, bytes(8)), "BluePaletteColorLookupTableDescriptor"), "BluePaletteColorLookupTableDescriptor is missing"),
])
def test_a_broken_palette_is_refused(ds: Dataset, message: str) -> None:
    with pytest.raises(PixelError, match=message):
        colormap_of(ds)


def test_palettes_of_different_sizes_are_refused() -> None:
    ds = palette(4, 0, 16, bytes(8))
    ds.BluePaletteColorLookupTableDescriptor = [4, 1, 16]
    with pytest.raises(PixelError, match=r"to be the same, and are \(4, 0, 16\), \(4, 0, 16\), \(4, 1, 16\)"):
        colormap_of(ds)
    ds.BluePaletteColorLookupTableDescriptor = [4, 0]
    with pytest.raises(PixelError, match="BluePalette"):
        colormap_of(ds)
    ds["BluePaletteColorLookupTableDescriptor"] = Element(ds["BluePaletteColorLookupTableDescriptor"].tag, "LO", "abc")
    with pytest.raises(PixelError, match="no list of whole numbers"):
        colormap_of(ds)


def test_more_entries_than_described_are_ignored_with_a_warning() -> None:
    with pytest.warns(DcmencWarning, match="has 10 bytes, where its descriptor has 8"):
        assert column(palette(4, 0, 16, struct.pack("<5H", 1, 2, 3, 4, 5))) == [1, 2, 3, 4]


def words(*numbers: int) -> bytes:
    return struct.pack(f"<{len(numbers)}H", *numbers)


@pytest.mark.parametrize(("entries", "bits", "segments", "expected"), [
    (4, 16, words(0, 4, 1, 2, 3, 4), [1, 2, 3, 4]),
    (5, 16, words(0, 1, 100, 1, 4, 300), [100, 150, 200, 250, 300]),
    (4, 16, words(0, 1, 65535, 1, 3, 0), [65535, 43690, 21845, 0]),
    (3, 16, words(0, 1, 7, 1, 2, 7), [7, 7, 7]),
    (8, 16, words(0, 2, 10, 20, 1, 2, 40, 2, 2, 0, 0), [10, 20, 30, 40, 10, 20, 30, 40]),
    (6, 16, words(0, 2, 10, 20, 1, 2, 40, 2, 1, 8, 0), [10, 20, 30, 40, 40, 40]),   # the line begins at the last entry
    (4, 8, bytes([0, 2, 9, 8, 0, 2, 7, 6]), [9, 8, 7, 6]),
    (3, 8, bytes([0, 1, 10, 1, 2, 30]), [10, 20, 30]),
    (5, 8, bytes([0, 2, 9, 8, 0, 1, 5, 2, 1, 0, 0, 0, 0, 0]), [9, 8, 5, 9, 8]),      # and padding
    (4, 16, words(0, 4, 1, 2, 3, 4, 9, 9), [1, 2, 3, 4]),                            # what follows the last entry is not read
])
def test_segments_are_expanded(entries: int, bits: int, segments: bytes, expected: list[int]) -> None:
    assert column(palette(entries, 0, bits, segments, segmented=True)) == expected


# pydicom takes the byte offset of an indirect segment for one in words, and reads on after the last entry.
@pytest.mark.parametrize(("bits", "segments"), [
    (16, words(0, 4, 1, 2, 3, 4)), (16, words(0, 1, 100, 1, 4, 300)), (16, words(0, 1, 65535, 1, 30, 0)), (16, words(0, 1, 7, 1, 2, 7)),
    (16, words(0, 3, 9, 8, 7, 1, 7, 1000, 0, 1, 5)), (16, words(0, 2, 10, 20, 1, 2, 40, 2, 2, 0, 0)),
    (8, bytes([0, 2, 9, 8, 0, 2, 7, 6])), (8, bytes([0, 1, 10, 1, 2, 30])), (8, bytes([0, 2, 9, 8, 1, 6, 31, 2, 1, 4, 0, 0, 0, 0])),
])
def test_pydicom_expands_segments_alike(bits: int, segments: bytes) -> None:
    code = "B" if bits == 8 else "H"
    theirs = _expand_segmented_lut(struct.unpack(f"<{8 * len(segments) // bits}{code}", segments), f"<{code}")
    assert column(palette(len(theirs), 0, bits, segments, segmented=True)) == theirs


@pytest.mark.parametrize(("segments", "message"), [
    (words(1, 4, 300), "the first segment is linear"),
    (words(0, 9, *range(9)), "the segment at 0 gives 9 entries, where there is room for 8"),
    (words(0, 0), "gives 0 entries"),
    (words(0, 8, 1, 2), "the segments end after 0 of 8 entries"),
    (words(0, 2, 1, 2), "the segments end after 2 of 8 entries"),
    (words(0, 1, 1, 1), "the segments end after 1 of 8"),
    (words(0, 1, 1, 3, 1, 1), "the segment at 3 is of the unknown type 3"),
    (words(0, 1, 1, 2, 2, 0), "the segments end"),
    (words(0, 1, 1, 2, 0, 0, 0), "the indirect segment at 3 copies nothing"),
    (words(0, 1, 1, 2, 1, 1, 0), "points into the middle of a word"),
    (words(0, 1, 1, 2, 1, 6, 0), "the segment at 3 is indirect, and reached from an indirect one"),
    (words(0, 1, 1, 2, 1, 0, 65535), "the segments end"),
    (words(0, 1, 1, *(2, 65535, 0, 0) * 50), "the segment at 3 is indirect, and reached from an indirect one"),
    (b"\0", "the segments end after 0"),
])
def test_segments_that_make_no_table_are_refused(segments: bytes, message: str) -> None:
    with pytest.raises(PixelError, match=f"^SegmentedRedPaletteColorLookupTableData: .*{message}"):
        colormap_of(palette(8, 0, 16, segments, segmented=True))


@given(st.binary(max_size=120), st.sampled_from([8, 16]), st.sampled_from([0, 1, 7, 256]))
@settings(deadline=None)
def test_any_bytes_as_segments_give_a_table_or_an_error(segments: bytes, bits: int, entries: int) -> None:
    ds = palette(entries, 0, bits, segments + bytes(len(segments) % 2), segmented=True)
    try:
        colormap = colormap_of(ds)
    except PixelError:
        return
    assert colormap is not None and colormap.shape == (entries or 65536, 3)


def test_a_table_in_full_goes_before_segments() -> None:
    ds = palette(2, 0, 16, words(5, 6))
    ds.SegmentedRedPaletteColorLookupTableData = words(0, 2, 1, 2)
    assert column(ds) == [5, 6]


@pytest.mark.parametrize(("first", "signed", "values", "entries"), [
    (0, 0, [0, 1, 3, 4, 255], [0, 1, 3, 3, 3]),
    (0, 1, [-128, -1, 0, 1, 3, 4, 127], [0, 0, 0, 1, 3, 3, 3]),
    (10, 0, [0, 9, 10, 11, 13, 14, 255], [0, 0, 0, 1, 3, 3, 3]),
    (-2, 1, [-128, -3, -2, -1, 0, 1, 2, 127], [0, 0, 0, 1, 2, 3, 3, 3]),
    (65534, 1, [-3, -1, 127], [0, 1, 3]),
    (1, 1, [-128, -1, 0, 1, 2, 127], [0, 0, 0, 0, 1, 3]),
    (32768, 1, [-128, 127], [3, 3]),
    (32767, 1, [-128, 127], [0, 0]),
    (65535, 0, [0, 255], [0, 0]),
])
def test_values_outside_the_palette_have_its_first_or_last_colour(first: int, signed: int, values: list[int], entries: list[int]) -> None:
    table = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9], [10, 11, 12]], "u2") * 5000
    octets = np.array(values, "i2").astype("u1").tobytes()
    ds = gray(1, len(values), 8, 8, octets, PhotometricInterpretation="PALETTE COLOR", PixelRepresentation=signed)
    ds.update(Dataset(palette_attributes(table)))
    for colour in COLOURS:
        ds.add(f"{colour}PaletteColorLookupTableDescriptor", "SS" if first < 0 else "US", [4, first, 16])
    spec, array = spec_of(ds), stored_values(ds)
    rgb = as_rgb(array, ds, spec)
    assert rgb.dtype == np.uint16 and np.array_equal(rgb, table[entries][None])
    assert np.array_equal(colours_by_value(ds, spec)[array], rgb)
    colormap = colormap_from_zero(ds, spec)
    assert colormap is not None
    if first == signed == 0:
        assert np.array_equal(colormap, table)
    else:
        assert len(colormap) == 256 and np.array_equal(colormap[array], rgb)


def test_pydicom_sees_the_same_colours_of_a_palette() -> None:
    source = pydicom.dcmread(DATA / "test_files" / "examples_palette.dcm")
    ds = from_pydicom(source)
    rgb = as_rgb(stored_values(ds), ds, spec_of(ds))
    assert rgb.shape == (350, 800, 3) and np.array_equal(rgb, apply_color_lut(source.pixel_array, source))


@pytest.mark.parametrize("path", sorted((DATA / "palettes").glob("*.dcm")), ids=lambda path: path.stem)
def test_pydicom_reads_the_well_known_palettes_alike(path: Path) -> None:
    source = pydicom.dcmread(path)
    assert np.array_equal(colormap_of(from_pydicom(source)), apply_color_lut(np.arange(256, dtype="u1"), palette=source.SOPInstanceUID))


def test_frames_of_a_palette_and_more_pixels_than_one_stretch() -> None:
    colormap = np.random.default_rng(3).integers(0, 256, (256, 3), "u1")
    array = np.random.default_rng(4).integers(0, 256, (3, 300, 200), "u1")
    ds = Dataset(palette_attributes(colormap))
    assert np.array_equal(as_rgb(array, ds, ImageSpec.from_array(array, photometric="PALETTE COLOR")), colormap[array])
    with pytest.raises(PixelError, match="16 bits stored at most"):
        colours_by_value(ds, ImageSpec(1, 1, allocated=32, stored=32))


# --------------------------------------------------------------------- luminance and chrominance

def exact_rgb(y: int, cb: int, cr: int, bits: int) -> list[int]:
    """The equations of PS3.3 C.7.6.3.1.2 solved for R, G and B in fractions; halves are rounded up."""
    b, r = Fraction(cb - (1 << bits - 1)), Fraction(cr - (1 << bits - 1))
    red, blue = y + Fraction("1.402") * r, y + Fraction("1.772") * b
    green = (y - Fraction("0.299") * red - Fraction("0.114") * blue) / Fraction("0.587")
    return [min(max(int((sample + Fraction(1, 2)).__floor__()), 0), (1 << bits) - 1) for sample in (red, green, blue)]


def ybr(bits: int, allocated: int, photometric: str = "YBR_FULL") -> ImageSpec:
    return ImageSpec(1, 1, samples=3, allocated=allocated, stored=bits, photometric=photometric)


@given(st.data(), st.sampled_from([(8, 8), (8, 16), (12, 16), (13, 16), (16, 16), (32, 32), (1, 8)]))
def test_rgb_is_exact(data: st.DataObject, bits: tuple[int, int]) -> None:
    pixels = data.draw(hnp.arrays(f"u{bits[1] // 8}", (2, 3, 3), elements=st.integers(0, (1 << bits[0]) - 1)))
    rgb = as_rgb(pixels, Dataset(), ybr(*bits))
    assert rgb.dtype == pixels.dtype
    assert rgb.reshape(-1, 3).tolist() == [exact_rgb(*pixel, bits[0]) for pixel in pixels.reshape(-1, 3).tolist()]


def test_halves_are_rounded_up() -> None:
    for offset in (-250, 250, -125, 125, -750, 750):
        pixel = [1000, 2048 + offset, 2048 + offset]
        assert as_rgb(np.array([[pixel]], "u2"), Dataset(), ybr(12, 16)).tolist() == [[exact_rgb(*pixel, 12)]]


def test_pydicom_converts_every_chrominance_alike_but_for_halves() -> None:
    chroma = np.stack(np.meshgrid(np.arange(256), np.arange(256)), -1).astype("u1")
    halves = 0
    for y in (0, 1, 76, 128, 200, 255):
        pixels = np.concatenate([np.full((256, 256, 1), y, "u1"), chroma], -1)
        ours, theirs = as_rgb(pixels, Dataset(), ybr(8, 8)), convert_color_space(pixels, "YBR_FULL", "RGB")
        differ = np.argwhere((ours != theirs).any(-1))
        halves += len(differ)
        for at in differ[::97]:
            assert ours[tuple(at)].tolist() == exact_rgb(*pixels[tuple(at)].tolist(), 8)
        assert np.abs(ours.astype(int) - theirs).max(initial=0) <= 1
    assert halves < 6 * 65536 // 100


def test_the_file_of_half_rate_samples_becomes_rgb() -> None:
    source = pydicom.dcmread(DATA / "test_files" / "SC_ybr_full_422_uncompressed.dcm")
    ds = from_pydicom(source)
    rgb = as_rgb(stored_values(ds), ds, spec_of(ds))
    assert np.abs(rgb.astype(int) - convert_color_space(pixel_array(source, raw=True), "YBR_FULL", "RGB")).max() <= 1


def test_rgb_stays_and_what_is_no_colour_is_refused() -> None:
    array = np.zeros((2, 2, 3), "u1")
    assert as_rgb(array, Dataset(), ImageSpec.from_array(array)) is array
    for photometric in ("MONOCHROME1", "MONOCHROME2"):
        with pytest.raises(PixelError, match=f"{photometric} has no colour; leave color= out"):
            as_rgb(array[..., 0], Dataset(), ImageSpec(2, 2, photometric=photometric))
    for photometric in ("YBR_RCT", "YBR_ICT", "YBR_PARTIAL_420"):
        with pytest.raises(PixelError, match=f"{photometric} is what compressed pixels are"):
            as_rgb(array, Dataset(), ybr(8, 8, photometric))
    for spec, message in ((replace(ybr(8, 8), as_read=True, signed=True), "not from signed ones of 8"),
                          (replace(ybr(8, 8), as_read=True, allocated=64), "not from unsigned ones of 64")):
        with pytest.raises(PixelError, match=message):
            as_rgb(array, Dataset(), spec)
    with pytest.raises(PixelError, match="has not the three samples of YBR_FULL"):
        as_rgb(array[..., 0], Dataset(), ybr(8, 8))
