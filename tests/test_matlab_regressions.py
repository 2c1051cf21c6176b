"""Faults that ``dicomwrite`` and ``dicomread`` once had, each with the call that showed it."""

from __future__ import annotations

import io
from collections import ChainMap
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from time import perf_counter, time
from types import MappingProxyType
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.pixels import pixel_array
from test_matlab import file_of, written

from dcmenc import Dataset, PixelError, Sequence, VerifyError, dcmread, dcmwrite, dicominfo, dicomread, dicomwrite, imwrite
from dcmenc.dictionary import Tag
from dcmenc.matlab_frames import metadata_of_frame
from dcmenc.matlab_values import Typed

SC, CT = "1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.5.1.4.1.1.2"
SOME = np.random.default_rng(80)
BYTES = SOME.integers(0, 256, (5, 7), "u1")
COLOUR = SOME.integers(0, 256, (5, 7, 3), "u1")
FRAMES = SOME.integers(0, 256, (5, 7, 1, 4), "u1")
COLOURS = SOME.random((256, 3))


def image(array: Any, **named: Any) -> bytes:
    file = io.BytesIO()
    imwrite(file, array, **named)
    return file.getvalue()


# ---- structs


class ReadOnly(Mapping[str, Any]):
    """A mapping of somebody's own, which has no more than mappings must have."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self.fields = fields

    def __getitem__(self, name: str) -> Any:
        return self.fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)


@pytest.mark.parametrize("struct", [
    MappingProxyType({"PatientID": "7", "VR": "explicit"}), ReadOnly({"PatientID": "7", "VR": "explicit"}),
    ChainMap({"PatientID": "7"}, {"VR": "explicit"}),
], ids=lambda struct: type(struct).__name__)
def test_a_mapping_that_cannot_be_copied_or_changed_may_name_options(struct: Mapping[str, Any]) -> None:
    before = dict(struct)
    ds, _ = written(BYTES, struct)
    assert ds.PatientID == "7" and ds.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1" and dict(struct) == before


@pytest.mark.parametrize("name", ["Filename", "Width", "PatientGroupLength"])
def test_a_name_that_describes_a_file_is_not_ignored_where_it_stands_by_itself(name: str) -> None:
    with pytest.raises(TypeError, match=name):
        written(BYTES, **{name: 5})
    assert written(BYTES, {name: 5})[1].ok, "a struct of dicominfo's has them"


def test_the_text_of_an_error_does_not_grow_with_a_name() -> None:
    with pytest.raises(TypeError) as caught:
        written(BYTES, "x" * 100_000, 5)
    assert len(str(caught.value)) < 2000


def test_private_elements_in_sequences_of_unknown_vr_are_left_out() -> None:
    item = Dataset()
    item.private_block(0x0009, "ACME", create=True).add(0x01, "LO", "secret")
    source = Dataset(SOPClassUID=SC, RequestAttributesSequence=[item.copy()])
    source.add(0x00081234, "UN", Sequence([item], undefined_length=True))
    for struct in (source, dicominfo(source)):
        file = io.BytesIO()
        status = dicomwrite(BYTES, file, struct)
        assert b"secret" not in file.getvalue() and "(0009,1001)" in status.dropped
        assert Tag(0x00081234) in dcmread(file.getvalue()), "what is public stays"


def of_creator(creator: str, *offsets: int) -> Dataset:
    ds = Dataset(SOPClassUID=SC)
    for offset in offsets:
        ds.private_block(0x0019, creator, create=True).add(offset, "LO", f"{creator} {offset}")
    return ds


def private_of(ds: Any) -> dict[tuple[str, int], str]:
    """The private elements of group 0019, by creator and place in its block; each has its creator, or it is an error."""
    return {(ds[0x0019, element.tag.element >> 8].value, element.tag.element & 0xFF): element.value
            for element in ds if element.tag.group == 0x0019 and element.tag.element > 0xFF}


@pytest.mark.parametrize("mode", ["Create", "Copy"])
@pytest.mark.parametrize("shown", [dicominfo, lambda ds: ds], ids=["info", "dataset"])
def test_private_elements_of_several_structs_stay_with_their_creators(mode: str, shown: Any) -> None:
    structs = [shown(of_creator(*one)) for one in (("ACME", 1, 2), ("OTHER", 2, 3), ("ACME", 2))]
    structs[2] = {"Private_0019_10xx_Creator": "ACME", "Private_0019_1002": "new"}
    ds, _ = written(BYTES, *structs, CreateMode=mode, WritePrivate=True)
    assert private_of(ds) == {("ACME", 1): "ACME 1", ("ACME", 2): "new", ("OTHER", 2): "OTHER 2", ("OTHER", 3): "OTHER 3"}


def test_two_blocks_of_one_creator_stay_two() -> None:
    other = of_creator("ACME", 1)
    other.add(0x00190011, "LO", "ACME")
    other.add(0x00191101, "LO", "second")
    for first in (of_creator("OTHER", 1), of_creator("ACME", 1)):
        ds, _ = written(BYTES, first, other, WritePrivate=True)
        assert sorted(element.value for element in ds if element.tag.group == 0x0019 and element.tag.element > 0xFF) == sorted(
            ["ACME 1", "second"] + ["OTHER 1"] * ("OTHER 1" in (element.value for element in first.values())))


def test_what_a_dictionary_names_does_not_take_the_block_of_another_creator(tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text("(0019,xx02)\tDS\tMyNumber\t1\tOTHER\n")
    options: dict[str, Any] = {"Dictionary": tmp_path / "own.txt", "WritePrivate": True}
    ds, _ = written(BYTES, dicominfo(of_creator("ACME", 1, 2)), MyNumber=2.5, **options)
    assert private_of(ds) == {("ACME", 1): "ACME 1", ("ACME", 2): "ACME 2", ("OTHER", 2): 2.5}
    for keeps in (True, False):
        options["WritePrivate"] = keeps
        status = dicomwrite(FRAMES, tmp_path / "image.dcm", dicominfo(of_creator("ACME", 2)), MultiframeSingleFile=False,
                            per_frame={"MyNumber": [1, 2, 3, 4]}, **options)
        found = [private_of(pydicom.dcmread(path)) for path in status.files]
        assert found == [{("ACME", 2): "ACME 2", ("OTHER", 2): number} if keeps else {} for number in (1, 2, 3, 4)]


# ---- options


@pytest.mark.parametrize("empty", [[], np.zeros((0, 3)), None], ids=repr)
def test_an_empty_colormap_is_none_wherever_it_stands(empty: Any) -> None:
    assert written(BYTES, colormap=empty)[0].PhotometricInterpretation == "MONOCHROME2"


@pytest.mark.parametrize("array", [BYTES, BYTES + 1.0], ids=["integers", "floats"])
def test_what_is_no_colormap_is_told_so(array: Any) -> None:
    with pytest.raises(PixelError, match="three columns"):
        written(array, colormap=5)


@pytest.mark.parametrize(("arguments", "options", "message"), [
    ((COLOURS,), {"colormap": COLOURS}, "two colormaps"),
    ((COLOURS,), {"rescale": True}, "indices"),
    (({"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7},), {"CreateMode": "Copy", "UseMetadataBitDepths": True, "bits_stored": 8},
     "UseMetadataBitDepths and bits_stored"),
    ((), {"CreateMode": "Copy", "UseMetadataBitDepths": True, "rescale": True}, "UseMetadataBitDepths and rescale"),
    ((COLOURS, {"SOPClassUID": SC}), {"CreateMode": "Copy", "UseMetadataBitDepths": True}, "BitsAllocated None"),
    ((), {"rescale": True, "PixelPaddingValue": 0}, "PixelPaddingValue"),
])
def test_options_that_contradict_each_other_are_an_error(arguments: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        written(BYTES + 1.0, *arguments, **options)


def test_the_depth_of_the_metadata_is_that_of_indices_too() -> None:
    ds, _ = written(BYTES, COLOURS, {"BitsAllocated": 16, "BitsStored": 12, "HighBit": 11}, CreateMode="Copy", UseMetadataBitDepths=True)
    assert (ds.BitsAllocated, ds.BitsStored, ds.PhotometricInterpretation) == (16, 12, "PALETTE COLOR")
    assert np.array_equal(ds.pixel_array, BYTES)


@pytest.mark.parametrize("of", [float, np.int64, np.float64, lambda number: np.array([[number]])],
                         ids=["float", "int64", "float64", "array"])
def test_whole_numbers_may_be_of_any_type_as_matlabs_are(of: Any) -> None:
    words = BYTES.astype("u2") * 16
    assert written(words, bits_stored=of(12))[0].BitsStored == 12
    assert written(BYTES, CompressionMode="JPEG lossy", quality=of(75), workers=of(2))[0].LossyImageCompression == "01"
    first, fourth = (written(BYTES, CompressionMode="JPEG lossless", predictor=of(number))[0] for number in (1, 4))
    assert (first.file_meta.TransferSyntaxUID, fourth.file_meta.TransferSyntaxUID) == ("1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.57")
    assert all(np.array_equal(ds.pixel_array, BYTES) for ds in (first, fourth))


@pytest.mark.parametrize(("name", "value"), [
    ("bits_stored", "12"), ("bits_stored", 7.5), ("quality", "x"), ("quality", float("nan")), ("predictor", np.array([1, 2])),
    ("workers", "x"), ("workers", True), ("workers", 0),
])
def test_what_is_no_whole_number_is_told_so_by_name(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        written(BYTES, **{name: value})


@pytest.mark.parametrize("clock", [time, lambda: None])
def test_a_clock_gives_a_datetime(clock: Any) -> None:
    with pytest.raises(TypeError, match="clock gives a datetime"):
        written(BYTES, clock=clock)


def test_a_clock_is_asked_once() -> None:
    times: list[datetime] = []

    def clock() -> datetime:
        times.append(datetime(2026, 11, 23, 4, 5, 6))
        return times[-1]

    written(BYTES, clock=clock)
    assert len(times) == 1


# ---- arrays


def test_truth_values_are_indices() -> None:
    ds, _ = written(BYTES > 99, COLOURS[:2])
    assert ds.PhotometricInterpretation == "PALETTE COLOR" and np.array_equal(ds.pixel_array, BYTES > 99)


@pytest.mark.parametrize("value", [0.3, -1 / 3, 1e300, 0.0])
def test_an_image_of_one_value_can_be_rescaled(value: float) -> None:
    ds, _ = written(np.full((3, 4), value), rescale=True)
    assert np.allclose(ds.pixel_array * float(ds.RescaleSlope) + float(ds.RescaleIntercept), value, rtol=1e-9, atol=0)


def test_what_structs_say_of_other_stored_values_is_left_out_where_new_ones_are_made() -> None:
    struct = {"ModalityLUTSequence": {"Item_1": {"LUTDescriptor": [1, 0, 16], "ModalityLUTType": "US", "LUTData": [1]}},
              "PixelPaddingValue": 5, "RescaleSlope": 2, "RescaleIntercept": -1024, "PatientID": "7"}
    values = BYTES * 0.1
    for mode in ("Create", "Copy"):
        ds, status = written(values, struct, rescale=True, CreateMode=mode)
        assert "ModalityLUTSequence" not in ds and "PixelPaddingValue" not in ds and ds.PatientID == "7"
        assert {"ModalityLUTSequence", "PixelPaddingValue"} <= set(status.dropped)
        assert np.abs(ds.pixel_array * float(ds.RescaleSlope) + float(ds.RescaleIntercept) - values).max() < 1e-3


@pytest.mark.parametrize("array", [BYTES, BYTES > 99], ids=["bytes", "bits"])
@pytest.mark.parametrize("struct", [{}, {"SOPClassUID": CT}], ids=["option", "struct"])
def test_bytes_that_become_words_are_compressed_as_words(array: Any, struct: dict[str, Any]) -> None:
    ds, _ = written(array, struct, CompressionMode="JPEG lossy", quality=100, **({} if struct else {"ObjectType": "CT Image Storage"}))
    assert (ds.SOPClassUID, ds.file_meta.TransferSyntaxUID, ds.BitsAllocated) == (CT, "1.2.840.10008.1.2.4.51", 16)
    assert np.abs(pixel_array(ds).astype(int) - array).max() <= 2
    assert np.abs(dicomread(file_of(ds)).astype(int) - array).max() <= 2


# ---- metadata that would contradict the pixels


@pytest.mark.parametrize(("array", "named"), [(COLOUR, {}), (BYTES, {"photometric": "MONOCHROME2"}),
                                              (BYTES, {"PhotometricInterpretation": "MONOCHROME1"})])
def test_a_copy_has_no_palette_of_pixels_that_are_no_indices(array: Any, named: dict[str, Any]) -> None:
    info = dicominfo(image(BYTES, colormap=COLOURS))
    ds, status = written(array, info, CreateMode="Copy", **named)
    assert not [element.keyword for element in ds if "Palette" in element.keyword]
    assert "RedPaletteColorLookupTableData" in status.dropped and ds.PhotometricInterpretation != "PALETTE COLOR"


def test_a_copy_keeps_a_palette_that_supplements_shades_of_gray() -> None:
    palette = dicominfo(image(BYTES, colormap=COLOURS))
    palette["PhotometricInterpretation"] = "MONOCHROME2"
    ds, _ = written(BYTES, palette, CreateMode="Copy")
    assert (ds.PhotometricInterpretation, list(ds.RedPaletteColorLookupTableDescriptor)) == ("MONOCHROME2", [256, 0, 16])


@pytest.mark.parametrize("mode", ["Create", "Copy"])
@pytest.mark.parametrize("compression", ["None", "RLE", "JPEG lossy"])
def test_what_was_compressed_with_loss_never_becomes_what_was_not(mode: str, compression: str) -> None:
    info = dicominfo(image(BYTES, compression="jpeg"))
    with pytest.raises(ValueError, match="LossyImageCompression is 01"):
        written(BYTES, info, CreateMode=mode, CompressionMode=compression, LossyImageCompression="00")
    assert written(BYTES, info, CreateMode=mode, CompressionMode=compression)[0].LossyImageCompression == "01"


@pytest.mark.parametrize(("old", "new"), [(1, "u2"), (0, "i2")])
def test_a_copy_counts_its_values_with_the_sign_of_the_new_pixels(old: int, new: str) -> None:
    source = Dataset(SOPClassUID=SC, PixelRepresentation=old)
    for tag, value in ((0x00280106, 5), (0x00280107, 90), (0x00280120, 7)):
        source.add(tag, ("US", "SS")[old], value)
    for struct in (source, dicominfo(source)):
        ds, status = written(np.array([[5, 90]], new), struct, CreateMode="Copy", VR="explicit")
        wanted = ("SS", "US")[old]
        assert [(ds[tag].VR, ds[tag].value) for tag in (0x00280106, 0x00280107, 0x00280120)] == [(wanted, 5), (wanted, 90), (wanted, 7)]
        assert ds.PixelRepresentation == 1 - old and not status.dropped


def with_icon(compression: str) -> tuple[bytes, Any]:
    """A file whose icon is compressed as the image is, and the pixels of the icon."""
    ds = dcmread(image(BYTES, compression=compression))
    names = ("Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated", "BitsStored", "HighBit",
             "PixelRepresentation")
    icon = Dataset({name: getattr(ds, name) for name in names})
    icon.add(0x7FE00010, "OB", ds.PixelData)
    ds.IconImageSequence = [icon]
    file = io.BytesIO()
    dcmwrite(file, ds)
    return file.getvalue(), pydicom.dcmread(io.BytesIO(file.getvalue()))


@pytest.mark.parametrize("compression", ["rle", "jpeg-lossless"])
@pytest.mark.parametrize("mode", ["None", "RLE", "JPEG2000 lossless"])
@pytest.mark.parametrize("kind", ["info", "dataset", "pydicom"])
def test_a_copy_has_its_compressed_icon_uncompressed(compression: str, mode: str, kind: str) -> None:
    data, theirs = with_icon(compression)
    source = {"info": lambda: dicominfo(data), "dataset": lambda: dcmread(data), "pydicom": lambda: theirs}[kind]()
    ds, status = written(BYTES, source, CreateMode="Copy", CompressionMode=mode)
    icon = ds.IconImageSequence[0]
    assert not icon["PixelData"].is_undefined_length and np.frombuffer(icon.PixelData, "u1")[:35].tolist() == BYTES.ravel().tolist()
    assert not status.dropped and np.array_equal(pixel_array(ds), BYTES)


def test_an_icon_that_nobody_can_decode_is_left_out_and_named() -> None:
    info = dicominfo(with_icon("rle")[0])
    del info["TransferSyntaxUID"]
    ds, status = written(BYTES, info, CreateMode="Copy")
    assert "IconImageSequence" not in ds and "(0088,0200)[0]" in status.dropped


@pytest.mark.parametrize("stated", [np.array([1, 2]), 5, None, ""], ids=repr)
def test_a_struct_may_say_anything_of_the_syntax_of_its_file(stated: Any) -> None:
    info = dicominfo(with_icon("rle")[0])
    info["TransferSyntaxUID"] = stated
    ds, status = written(BYTES, info, CreateMode="Copy")
    assert "IconImageSequence" not in ds and "(0088,0200)[0]" in status.dropped


def test_elements_of_repeating_groups_are_left_out_each() -> None:
    curves = {f"Curve{name}_{number}": value for number in range(3) for name, value in (("Dimensions", 2), ("Data", np.zeros(4, "u1")))}
    ds, status = written(BYTES, {"SOPClassUID": SC, **curves})
    assert not [element.tag for element in ds if element.tag.group >> 8 == 0x50] and {"CurveData", "CurveDimensions"} <= set(status.dropped)


@pytest.mark.parametrize("mode", ["Create", "Copy"])
@pytest.mark.parametrize("first", [1, 2])
def test_each_file_of_a_frame_has_the_frame_of_the_overlay(mode: str, first: int, tmp_path: Path) -> None:
    planes = SOME.integers(0, 2, (3, 5, 7), "u1")
    struct = {"OverlayRows_0": 5, "OverlayColumns_0": 7, "OverlayType_0": "G", "OverlayOrigin_0": [1, 1], "OverlayBitsAllocated_0": 1,
              "OverlayBitPosition_0": 0, "NumberOfFramesInOverlay_0": 3, "ImageFrameOrigin_0": first,
              "OverlayData_0": np.packbits(planes, bitorder="little")}
    status = dicomwrite(FRAMES, tmp_path / "image.dcm", struct, CreateMode=mode, MultiframeSingleFile=False)
    for at, path in enumerate(status.files):
        ds = pydicom.dcmread(path)
        if not first - 1 <= at < first + 2:
            assert not [element.tag for element in ds if element.tag.group == 0x6000]
            continue
        assert np.array_equal(ds.overlay_array(0x6000), planes[at + 1 - first]) and (0x6000, 0x0015) not in ds
        assert np.array_equal(dicomread(path, nargout=4)[3][:, :, 0, 0], planes[at + 1 - first])


def test_the_overlays_of_many_frames_are_cut_in_time_that_grows_with_them() -> None:
    def seconds(frames: int) -> float:
        ds = Dataset()
        for element, vr, value in ((0x10, "US", 512), (0x11, "US", 512), (0x15, "IS", frames), (0x3000, "OW", bytes(frames * 1 << 15))):
            ds.add(0x60000000 | element, vr, value)
        begun = perf_counter()
        for at in range(0, frames, frames // 16):
            metadata_of_frame(ds, at)
        return perf_counter() - begun

    seconds(16)
    assert seconds(1600) < 3 * seconds(160) + 0.1


# ---- a file for each frame


@pytest.mark.parametrize("target", ["", ".", "folder", "folder/"])
def test_files_of_frames_are_not_named_after_a_folder(target: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError, match="name of a file"):
        dicomwrite(FRAMES, target, MultiframeSingleFile=False)
    assert [path.name for path in tmp_path.rglob("*")] == ["folder"]


@pytest.mark.parametrize(("per_frame", "kind"), [
    ({"SliceLocation": {0: 1, 1: 2, 2: 3, 3: 4}}, PixelError), ({"SliceLocation": {1, 2, 3, 4}}, PixelError),
    ({"SliceLocation": np.array(4)}, PixelError), ({5: [1, 2, 3, 4]}, TypeError), ({"SliceLocation": [1, 2, "x", 4]}, ValueError),
], ids=str)
def test_values_of_frames_that_are_none_are_an_error_and_no_file(per_frame: Any, kind: type[Exception], tmp_path: Path) -> None:
    with pytest.raises(kind):
        dicomwrite(FRAMES, tmp_path / "image.dcm", MultiframeSingleFile=False, per_frame=per_frame)
    assert not list(tmp_path.iterdir())


def test_strict_writes_no_file_of_a_series_whose_last_would_be_refused(tmp_path: Path) -> None:
    drawn = iter(range(1, 100))
    wishes: dict[str, Any] = {"MultiframeSingleFile": False, "strict": True, "uid_source": lambda: f"1.2.3.{next(drawn)}"}
    with pytest.raises(VerifyError, match="PatientSex"):
        dicomwrite(FRAMES, tmp_path / "image.dcm", per_frame={"PatientSex": ["M", "F", "M", "X"]}, **wishes)
    assert not list(tmp_path.iterdir())
    status = dicomwrite(FRAMES, tmp_path / "image.dcm", per_frame={"PatientSex": ["M", "F", "M", "O"]}, **wishes)
    made = [pydicom.dcmread(path) for path in status.files]
    assert len({ds.SOPInstanceUID for ds in made}) == 4 and all(ds.SOPInstanceUID.startswith("1.2.3.") for ds in made)
    assert len({ds.SeriesInstanceUID for ds in made}) == 1
    assert all(np.array_equal(ds.pixel_array, FRAMES[:, :, 0, at]) for at, ds in enumerate(made))


def test_no_file_of_a_series_is_written_where_one_is_there_already(tmp_path: Path) -> None:
    (tmp_path / "image_003.dcm").touch()
    with pytest.raises(FileExistsError, match="image_003"):
        dicomwrite(FRAMES, tmp_path / "image.dcm", MultiframeSingleFile=False, exist_ok=False)
    assert [path.name for path in tmp_path.iterdir()] == ["image_003.dcm"]


# ---- reading


@pytest.mark.parametrize("frames", [float("inf"), float("-inf"), float("nan"), [1, float("nan")], 2**70])
def test_a_frame_that_is_no_number_is_not_there(frames: Any) -> None:
    with pytest.raises(IndexError, match="there is no frame"):
        dicomread(image(BYTES), frames=frames)


def test_small_overlays_on_a_large_image_do_not_take_all_memory() -> None:
    ds = dcmread(image(np.zeros((200, 200), "u1")))
    for group in range(0x6000, 0x6020, 2):
        for element, vr, value in ((0x10, "US", 1), (0x11, "US", 1), (0x15, "IS", 50_000), (0x3000, "OW", bytes(6250))):
            ds.add(group << 16 | element, vr, value)
    begun = perf_counter()
    with pytest.raises(PixelError, match="800000 frames"):
        dicomread(ds, nargout=4)
    assert perf_counter() - begun < 5
    assert dicomread(ds).shape == (200, 200), "the pixels are as they were"


def test_one_small_overlay_lies_on_an_image_of_any_size() -> None:
    ds = dcmread(image(np.zeros((20_000, 20_000), "u1")))
    for element, vr, value in ((0x10, "US", 1), (0x11, "US", 2), (0x50, "SS", (20_000, 19_999)), (0x3000, "OW", np.array([3], "u2"))):
        ds.add(0x60000000 | element, vr, value)
    found = dicomread(ds, nargout=4)[3]
    assert found.shape == (20_000, 20_000, 1, 1) and found.sum() == 2 and found[-1, -2:].all()


def test_overlays_of_several_groups_and_frames_lie_where_they_say() -> None:
    ds = dcmread(image(BYTES))
    planes = {0x6000: SOME.integers(0, 2, (2, 3, 4), "u1"), 0x6004: SOME.integers(0, 2, (1, 9, 9), "u1")}
    origins = {0x6000: (4, 5), 0x6004: (-1, 0)}
    for group, bits in planes.items():
        data = np.packbits(bits, bitorder="little").tobytes()
        for element, vr, value in ((0x10, "US", bits.shape[1]), (0x11, "US", bits.shape[2]), (0x15, "IS", bits.shape[0]),
                                   (0x50, "SS", origins[group]), (0x3000, "OW", data + b"\0" * (len(data) % 2))):
            ds.add(group << 16 | element, vr, value)
    found = dicomread(ds, nargout=4)[3][:, :, 0]
    expected = np.zeros((5, 7, 3), bool)
    expected[3:5, 4:7, :2] = np.moveaxis(planes[0x6000][:, :2, :3], 0, 2)
    expected[:, :, 2] = planes[0x6004][0, 2:7, 1:8]
    assert np.array_equal(found, expected)


def test_a_class_that_stands_in_unknown_bytes_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(ValueError, match="UseDictionaryVR=True"):
        written(BYTES, {"SOPClassUID": Typed("UN", b"1.2.840.10008.5.1.4.1.1.481.2\0")})
