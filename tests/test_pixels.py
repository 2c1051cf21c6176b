"""Pixels: what arrays say of themselves, native bytes, palettes, and what new pixels invalidate (PS3.3 C.7.6.3, PS3.5 8)."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dcmenc.errors import EncodeError, PixelError
from dcmenc.model import Dataset
from dcmenc.part10 import dumps
from dcmenc.pixels import FRAME_VECTORS, INVALIDATED, ImageSpec, image_attributes, invalidate, native_bytes, palette_attributes
from dcmenc.values import Element

INTEGERS = ("u1", "i1", "<u2", ">u2", "<i2", ">i2", "<u4", ">i4")


@pytest.mark.parametrize(("shape", "photometric", "expected"), [
    ((4, 5), None, (1, 4, 5, 1, "MONOCHROME2")),
    ((4, 5), "MONOCHROME1", (1, 4, 5, 1, "MONOCHROME1")),
    ((4, 5), "PALETTE COLOR", (1, 4, 5, 1, "PALETTE COLOR")),
    ((4, 5, 3), None, (1, 4, 5, 3, "RGB")),
    ((4, 5, 3), "YBR_FULL", (1, 4, 5, 3, "YBR_FULL")),
    ((4, 5, 3), "MONOCHROME2", (4, 5, 3, 1, "MONOCHROME2")),
    ((4, 5, 1), "MONOCHROME2", (4, 5, 1, 1, "MONOCHROME2")),
    ((3, 4, 5), None, (3, 4, 5, 1, "MONOCHROME2")),
    ((2, 4, 5, 3), None, (2, 4, 5, 3, "RGB")),
    ((1, 4, 5), None, (1, 4, 5, 1, "MONOCHROME2")),
])
def test_axes_are_frames_rows_columns_samples(shape: tuple[int, ...], photometric: str | None, expected: tuple[object, ...]) -> None:
    spec = ImageSpec.from_array(np.zeros(shape, "u1"), photometric=photometric)
    assert (spec.frames, spec.rows, spec.columns, spec.samples, spec.photometric) == expected


@pytest.mark.parametrize(("array", "options", "message"), [
    (np.zeros(5, "u1"), {}, r"the axes are \(rows, columns\)"),
    (np.zeros((1, 2, 3, 4, 5), "u1"), {}, r"the axes are \(rows, columns\)"),
    (np.zeros((0, 5), "u1"), {}, "no pixels"),
    (np.zeros((4, 5, 4), "u1"), {}, r"no alpha: give array\[..., :3\], or photometric='MONOCHROME2'"),
    (np.zeros((2, 4, 5, 4), "u1"), {}, r"no alpha"),
    (np.zeros((4, 5, 1), "u1"), {}, r"give array\[..., 0\], or photometric='MONOCHROME2'"),
    (np.zeros((2, 4, 5, 1), "u1"), {}, r"give array\[..., 0\]$"),
    (np.zeros((2, 4, 5, 7), "u1"), {}, "the last is not the 3 samples"),
    (np.zeros((2, 4, 5, 3), "u1"), {"photometric": "MONOCHROME2"}, "give photometric='RGB'"),
    (np.zeros((3, 4, 5), "u1"), {"photometric": "RGB"}, r"numpy.moveaxis"),
    (np.zeros((4, 5), "u1"), {"photometric": "RGB"}, "three samples on the last axis"),
    (np.zeros((4, 5), "u1"), {"photometric": "CMYK"}, "they are MONOCHROME1"),
    (np.zeros((4, 5, 3), "i2"), {}, "photometric='MONOCHROME2' if the first axis counts frames"),
    (np.zeros((4, 5, 3), "?"), {}, "photometric='MONOCHROME2' if the first axis counts frames"),
    (np.zeros((4, 5, 3), "i2"), {"photometric": "RGB"}, "takes unsigned integers, not signed ones"),
    (np.zeros((4, 5), "i1"), {"photometric": "PALETTE COLOR"}, "takes unsigned integers"),
    (np.zeros((4, 5), "u4"), {"photometric": "PALETTE COLOR"}, "8 or 16 bits"),
    (np.zeros((4, 5), "f4"), {"photometric": "PALETTE COLOR"}, "takes unsigned integers, not floats"),
    (np.full((4, 5), 300), {}, r"int64; these values fit .astype\('uint16'\)"),
    (np.full((4, 5), -3), {}, r"fit .astype\('int8'\)"),
    (np.full((4, 5), 2**40), {}, "scale them yourself"),
    (np.zeros((4, 5), "c8"), {}, "magnitude and phase"),
    (np.zeros((4, 5), "f2"), {}, r"RescaleSlope"),
    (np.zeros((4, 5), object), {}, "give an array of bool"),
    (np.array([["a"]]), {}, "give an array of bool"),
    (np.ma.masked_array(np.zeros((4, 5), "u1")), {}, r"\.filled\(value\)"),
    (np.zeros((4, 5), "u1"), {"bits_stored": 9}, "of 8 bits allocated, 1 to 8 are stored, not 9"),
    (np.zeros((4, 5), "u2"), {"bits_stored": 0}, "1 to 16 are stored"),
    (np.zeros((4, 5), "f4"), {"bits_stored": 12}, "32 to 32 are stored"),
    (np.zeros((1, 70000), "u1"), {}, "1 to 65535 columns, not 70000"),
    (np.zeros((4, 5), "u1"), {"planar": 1}, "planar configuration"),
])
def test_what_is_no_image_is_refused_with_the_way_out(array: np.ndarray, options: dict[str, object], message: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(PixelError, match=message):
        ImageSpec.from_array(array, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("fields", [
    {"allocated": 12}, {"allocated": 8}, {"kind": "bit"}, {"kind": "bit", "allocated": 1, "stored": 1, "signed": True}, {"kind": "complex"},
    {"samples": 3}, {"photometric": "RGB"}, {"planar": 1}, {"frames": 0}, {"frames": 2**31}, {"kind": "float"},
    {"photometric": "PALETTE COLOR", "signed": True},
])
def test_a_description_whose_parts_disagree_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(PixelError):
        ImageSpec(4, 5, **fields)  # type: ignore[arg-type]


def test_sizes_in_bytes() -> None:
    bits = ImageSpec(3, 3, frames=5, allocated=1, stored=1, kind="bit")
    assert (bits.frame_bytes, bits.native_bytes) == (2, 6)
    colour = ImageSpec(3, 5, frames=2, samples=3, photometric="RGB")
    assert (colour.frame_bytes, colour.native_bytes) == (90, 180)


@given(hnp.arrays(st.sampled_from(INTEGERS), hnp.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=7)))
@settings(max_examples=60, deadline=None)
def test_native_bytes_are_the_little_endian_values_in_c_order(array: np.ndarray) -> None:  # type: ignore[type-arg]
    spec = ImageSpec.from_array(array, photometric="MONOCHROME2")
    code = {"u": "BHI", "i": "bhi"}[array.dtype.kind][array.dtype.itemsize // 2]
    assert bytes(native_bytes(array, spec)) == struct.pack(f"<{array.size}{code}", *array.ravel().tolist())
    assert native_bytes(array, spec).nbytes == spec.native_bytes


@given(hnp.arrays(bool, hnp.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=6)))
@settings(max_examples=40, deadline=None)
def test_bits_are_packed_from_the_least_significant_and_joined_over_frames(array: np.ndarray) -> None:  # type: ignore[type-arg]
    spec = ImageSpec.from_array(array, photometric="MONOCHROME2")
    number = sum(int(bit) << place for place, bit in enumerate(array.ravel().tolist()))
    assert bytes(native_bytes(array, spec)) == number.to_bytes((array.size + 7) // 8, "little")


def test_a_contiguous_array_is_not_copied() -> None:
    for array in (np.arange(20, dtype="<u2").reshape(4, 5), np.zeros((2, 4, 5, 3), "u1"), np.zeros((4, 5), "<i4")):
        assert np.shares_memory(np.frombuffer(native_bytes(array, ImageSpec.from_array(array)), "u1"), array)


def test_read_only_and_strided_arrays_are_taken() -> None:
    array = np.arange(40, dtype="u2").reshape(4, 10)
    array.flags.writeable = False
    assert bytes(native_bytes(array, ImageSpec.from_array(array))) == array.tobytes()
    for view in (array[:, ::2], array[::-1], array.T, np.broadcast_to(array[:1], (3, 10)), np.asfortranarray(array)):
        assert bytes(native_bytes(view, ImageSpec.from_array(view))) == view.tobytes()


def test_planar_configuration_1_puts_the_planes_of_each_frame_one_after_another() -> None:
    array = np.arange(2 * 2 * 2 * 3, dtype="u1").reshape(2, 2, 2, 3)
    spec = ImageSpec.from_array(array, planar=1)
    assert bytes(native_bytes(array, spec)) == b"".join(frame[..., sample].tobytes() for frame in array for sample in range(3))
    assert image_attributes(spec)["PlanarConfiguration"] == 1


@pytest.mark.parametrize(("dtype", "stored", "value", "fits"), [
    ("u2", 12, 4095, True), ("u2", 12, 4096, False), ("i2", 12, 2047, True), ("i2", 12, 2048, False), ("i2", 12, -2048, True),
    ("i2", 12, -2049, False), ("u1", 1, 1, True), ("u1", 1, 2, False), ("u4", 31, 2**31 - 1, True), ("u4", 31, 2**31, False),
    ("u2", 16, 65535, True),
])
def test_a_sample_over_the_stored_bits_is_an_error_with_its_index(dtype: str, stored: int, value: int, fits: bool) -> None:
    array = np.zeros((2, 4, 5), dtype)
    array[1, 2, 3] = value
    spec = ImageSpec.from_array(array, bits_stored=stored)
    if fits:
        native_bytes(array, spec)
        return
    with pytest.raises(PixelError, match=rf"the sample at \(1, 2, 3\) is {value}, and {stored}"):
        native_bytes(array, spec)


def test_an_array_that_is_not_what_was_described_is_refused() -> None:
    spec = ImageSpec(4, 5)
    assert native_bytes(np.zeros((1, 4, 5), "u2"), spec).nbytes == 40
    for wrong in (np.zeros((4, 5), "i2"), np.zeros((5, 4), "u2"), np.zeros((2, 4, 5), "u2"), np.zeros((4, 5), "u1")):
        with pytest.raises(PixelError, match="not what is described"):
            native_bytes(wrong, spec)
    with pytest.raises(PixelError, match="compressed pixels only"):
        native_bytes(np.zeros((4, 6, 3), "u1"), ImageSpec.from_array(np.zeros((4, 6, 3), "u1"), photometric="YBR_FULL_422"))


def test_attributes_of_the_pixels() -> None:
    assert image_attributes(ImageSpec.from_array(np.zeros((2, 4, 5), "i2"), bits_stored=12)) == {
        "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2", "NumberOfFrames": 2, "Rows": 4, "Columns": 5,
        "BitsAllocated": 16, "BitsStored": 12, "HighBit": 11, "PixelRepresentation": 1}
    assert image_attributes(ImageSpec.from_array(np.zeros((4, 5, 3), "u1"))) == {
        "SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0, "Rows": 4, "Columns": 5,
        "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelRepresentation": 0}
    floats = ImageSpec.from_array(np.zeros((4, 5), "f8"))
    assert floats.keyword == "DoubleFloatPixelData"
    assert not {"BitsStored", "HighBit", "PixelRepresentation"} & image_attributes(floats).keys()


# --------------------------------------------------------------------- palettes

@pytest.mark.parametrize(("count", "first"), [(1, 1), (256, 256), (65535, 65535), (65536, 0)])
def test_65536_entries_are_written_as_0(count: int, first: int) -> None:
    attributes = palette_attributes(np.zeros((count, 3), "u2"))
    assert attributes["RedPaletteColorLookupTableDescriptor"] == (first, 0, 16)
    assert len(attributes["RedPaletteColorLookupTableData"]) == 2 * count


def test_floats_are_scaled_to_16_bits_and_integers_kept() -> None:
    floats = palette_attributes([[0.0, 0.5, 1.0], [1.0, 0.25, 0.0]])
    assert [floats[f"{colour}PaletteColorLookupTableData"] for colour in ("Red", "Green", "Blue")] == [
        struct.pack("<2H", 0, 65535), struct.pack("<2H", 32768, 16384), struct.pack("<2H", 65535, 0)]
    big = palette_attributes(np.array([[1, 2, 3]], ">u2"))
    assert big["BluePaletteColorLookupTableData"] == b"\3\0"
    small = palette_attributes(np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]], "u1"))
    assert small["RedPaletteColorLookupTableDescriptor"] == (4, 0, 8)
    assert small["RedPaletteColorLookupTableData"] == b"\1\4\7\7"


@pytest.mark.parametrize(("colormap", "message"), [
    (np.zeros((3, 4)), r"colormap\[:, :3\]"), (np.zeros(3), "shape"), (np.zeros((0, 3)), "1 to 65536 entries"),
    (np.zeros((65537, 3)), "65536"),
    ([[0.0, 0.0, 1.5]], "from 0 to 1"), ([[float("nan"), 0.0, 0.0]], "from 0 to 1"), ([[0, 0, 255]], "not of int64"),
])
def test_what_is_no_colormap_is_refused(colormap: object, message: str) -> None:
    with pytest.raises(PixelError, match=message):
        palette_attributes(colormap)


# --------------------------------------------------------------------- what new pixels invalidate

SPEC = ImageSpec(4, 5, frames=2, allocated=8, stored=8)


def test_every_keyword_of_the_table_is_in_the_dictionary_and_drops_when_it_should() -> None:
    values = {"PaletteColorLookupTableUID": "1.2", "SOPInstanceUID": "1.2", "InstanceCreationDate": "20260101",
              "InstanceCreationTime": "12", "PixelDataProviderURL": "http://a", "NumberOfFrames": 3}
    for row in INVALIDATED:
        for keyword in row.keywords:
            ds = Dataset()
            ds[keyword] = values.get(keyword)
            kept = row.when in ("single frame", "floats", "padding out of range")
            assert [one.keyword for one in invalidate(ds, SPEC)] == ([] if kept else [keyword]), keyword
            assert (keyword in ds) is kept


def test_the_same_values_in_another_encoding_keep_what_describes_the_values() -> None:
    ds = Dataset(SOPInstanceUID="1.2", LargestImagePixelValue=3, ExtendedOffsetTable=bytes(8), PixelPaddingValue=300)
    ds.IconImageSequence = [Dataset(Rows=1)]
    assert {one.keyword for one in invalidate(ds, SPEC, new_values=False)} == {"LargestImagePixelValue", "ExtendedOffsetTable"}
    assert {"SOPInstanceUID", "IconImageSequence", "PixelPaddingValue"} == {tag.keyword for tag in ds}


def test_padding_stays_while_it_is_in_range() -> None:
    for value, kept in ((255, True), (256, False)):
        ds = Dataset(PixelPaddingValue=value)
        invalidate(ds, SPEC)
        assert ("PixelPaddingValue" in ds) is kept


def test_palettes_stay_with_palette_color() -> None:
    for photometric, kept in (("PALETTE COLOR", True), ("MONOCHROME2", False)):
        ds = Dataset(palette_attributes([[0.0, 0.0, 0.0]]))
        invalidate(ds, ImageSpec(4, 5, photometric=photometric))
        assert bool(len(ds)) is kept


def test_overlays_of_another_size_and_embedded_ones_go_whole() -> None:
    ds = Dataset()
    for group, size, data in ((0x6000, (4, 5), True), (0x6002, (4, 6), True), (0x601E, (4, 5), False)):
        ds.add((group, 0x0010), "US", size[0])
        ds.add((group, 0x0011), "US", size[1])
        ds.add((group, 0x0022), "LO", "an overlay")
        if data:
            ds.add((group, 0x3000), "OW", bytes(4))
    dropped = invalidate(ds, SPEC)
    assert {tag >> 16 for tag in ds} == {0x6000} and len(ds) == 4
    assert len(dropped) == 7 and dropped[0].path == "(6002,0010)"


def test_what_describes_frames_goes_with_the_frames() -> None:
    ds = Dataset(FrameTimeVector=[0, 1, 2], FrameIncrementPointer=0x00181065)
    ds.PerFrameFunctionalGroupsSequence = [Dataset(InstanceNumber=number) for number in range(3)]
    dropped = invalidate(ds, SPEC)
    assert {one.keyword for one in dropped} == {"FrameTimeVector", "FrameIncrementPointer", "PerFrameFunctionalGroupsSequence"}
    assert [item.InstanceNumber for item in ds.PerFrameFunctionalGroupsSequence] == [0, 1]
    for keyword in FRAME_VECTORS:
        kept = Dataset({keyword: ["1", "2"], "FrameIncrementPointer": keyword})
        assert invalidate(kept, SPEC) == [] and len(kept) == 2


def test_the_sign_of_us_or_ss_follows_the_new_pixels_and_what_does_not_fit_is_an_error_with_its_path() -> None:
    def signed(value: int) -> Dataset:
        ds = Dataset(PixelRepresentation=1)
        ds["PixelPaddingValue"] = Element(ds["PixelRepresentation"].tag.__class__("PixelPaddingValue"), "SS", value)
        ds.ModalityLUTSequence = [Dataset()]
        ds.ModalityLUTSequence[0].add("LUTDescriptor", "SS", (1, 5, 16))
        invalidate(ds, ImageSpec(4, 5), new_values=False)
        ds.PixelRepresentation = 0
        ds.preamble = None
        return ds

    assert b"\x28\x00\x20\x01US\x02\x00\x07\x00" in dumps(signed(7))
    assert b"\x28\x00\x02\x30US" in dumps(signed(7))
    with pytest.raises(EncodeError, match=r"\(0028,0120\)"):
        dumps(signed(-7))
