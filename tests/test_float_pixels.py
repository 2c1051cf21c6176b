"""Float pixels: every bit pattern goes into the classes that hold floats and comes back, and nowhere else (PS3.3 C.7.6.24, C.7.6.25).

highdicom makes the Parametric Maps whose metadata are taken over; its values, and what dciodvfy says of its files, are the measure.
"""

from __future__ import annotations

import copy
import functools
import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dcmenc
from dcmenc import Dataset, PixelError, VerifyError, Writer, dcmread, imread, imwrite, iod, transcode, verify
from dcmenc.frames import spec_of
from dcmenc.iod_tables import sop_classes
from dcmenc.pixels import ImageSpec, check_native, invalidate

pytestmark = [
    pytest.mark.filterwarnings("ignore:Explicit VR Big Endian is retired"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

NATIVE = ("explicit", "implicit", "deflated", "big-endian")
KEYWORDS = {"f4": "FloatPixelData", "f8": "DoubleFloatPixelData"}
PARAMETRIC_MAP, HEIGHT_MAP = "1.2.840.10008.5.1.4.1.1.30", "1.2.840.10008.5.1.4.1.1.66.8"
FRAMES, ROWS, COLUMNS = 3, 15, 13


def patterns(dtype: str, *shape: int) -> Any:
    """Any bits, and among them those that arithmetic does not leave alone: signalling NaNs, NaNs with a payload, -0.0, subnormals."""
    size = np.dtype(dtype).itemsize
    bits = np.random.default_rng(size).integers(0, 256, (*shape, size), "u1").view(f"u{size}")[..., 0]
    exponent = {4: 0x7F800000, 8: 0x7FF0000000000000}[size]
    sign = 1 << (8 * size - 1)
    special = [exponent | 1, exponent | sign | 0x1234, exponent, exponent | sign, sign, 1, sign | 1, 0]
    bits.reshape(-1)[:8] = special[: bits.size]
    return bits.view(dtype)


def octets(array: Any) -> bytes:
    """The bytes of an array, whatever order its items have in memory."""
    size = array.dtype.itemsize
    return np.asarray(array).astype(array.dtype.newbyteorder("=")).view(f"u{size}").astype(f"<u{size}").tobytes()


@functools.cache
def made(dtype: str) -> Any:
    """A Parametric Map of highdicom's, which fails with nothing but what a CT of a test lacks."""
    pytest.importorskip("highdicom")
    from pydicom.sr.codedict import codes
    from test_foreign_highdicom import DEVICE, hd, identity, series

    integer = np.dtype(dtype).kind == "u"
    mapping = hd.pm.RealWorldValueMapping("ADC", "Diffusion", codes.UCUM.SquareMillimeterPerSecond, (0, 1000) if integer else (0.0, 1000.0),
                                          slope=0.5, intercept=0.25)
    values = np.arange(FRAMES * ROWS * COLUMNS).reshape(FRAMES, ROWS, COLUMNS).astype(dtype)
    return hd.pm.ParametricMap(series(), values, **identity(5), **DEVICE, contains_recognizable_visual_features=False,
                               real_world_value_mappings=[mapping], window_center=40.5, window_width=10.0)


def template(dtype: str, frames: int = FRAMES) -> Any:
    ds = copy.deepcopy(made(dtype))
    ds.PerFrameFunctionalGroupsSequence = ds.PerFrameFunctionalGroupsSequence[:frames]
    return ds


def written(array: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    assert imwrite(file, array, **options).ok
    return file.getvalue()


# --------------------------------------------------------------------- bits


@pytest.mark.parametrize("compression", NATIVE)
@pytest.mark.parametrize("dtype", KEYWORDS)
def test_every_bit_pattern_comes_back_and_pydicom_sees_it(dtype: str, compression: str) -> None:
    array = patterns(dtype, FRAMES, ROWS, COLUMNS)
    data = written(array, template=template(dtype), compression=compression)
    ds = pydicom.dcmread(io.BytesIO(data))
    assert ds.SOPClassUID == PARAMETRIC_MAP and ds.BitsAllocated == 8 * array.itemsize and ds.PhotometricInterpretation == "MONOCHROME2"
    assert not [keyword for keyword in ("BitsStored", "HighBit", "PixelRepresentation", "PixelData") if keyword in ds]
    assert octets(ds.pixel_array) == octets(array)
    if compression != "big-endian":
        assert ds[KEYWORDS[dtype]].value == octets(array)
    back = imread(data)
    assert back.dtype == array.dtype and octets(back) == octets(array) and octets(imread(data, frame=1)) == octets(array[1])
    assert verify(data).ok


@pytest.mark.parametrize("source", NATIVE)
@pytest.mark.parametrize("dtype", KEYWORDS)
def test_every_bit_pattern_goes_from_one_syntax_to_another(dtype: str, source: str) -> None:
    array = patterns(dtype, FRAMES, ROWS, COLUMNS)
    data = written(array, template=template(dtype), compression=source)
    for compression in NATIVE:
        target = io.BytesIO()
        transcode(data, target, compression)
        assert octets(pydicom.dcmread(io.BytesIO(target.getvalue())).pixel_array) == octets(array)
        assert octets(imread(target.getvalue())) == octets(array)
        assert dcmread(target.getvalue()).SOPInstanceUID == dcmread(data).SOPInstanceUID


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("compression", NATIVE)
@pytest.mark.parametrize("dtype", KEYWORDS)
@pytest.mark.parametrize("frames", [1, FRAMES])
def test_frame_by_frame_makes_the_same_file(tmp_path: Path, dtype: str, compression: str, announced: bool, frames: int) -> None:
    array = patterns(dtype, frames, ROWS, COLUMNS)
    options: dict[str, Any] = {"template": template(dtype, frames), "compression": compression, "uid_source": lambda: "1.2.3",
                               "InstanceCreationDate": "20260102", "InstanceCreationTime": "030405"}
    whole = written(array, **options)
    with Writer(tmp_path / "map.dcm", frames=frames if announced else None, **options) as writer:
        writer.extend(array)
    assert (tmp_path / "map.dcm").read_bytes() == whole
    assert dcmread(whole).NumberOfFrames == frames


@given(data=st.data())
def test_any_shape_byte_order_and_stride(data: st.DataObject) -> None:
    dtype = data.draw(st.sampled_from(["<f4", ">f4", "<f8", ">f8"]))
    shape = data.draw(st.tuples(st.integers(1, 3), st.integers(1, 6), st.integers(1, 12)))
    array = patterns(dtype[1:], *shape)
    # the bytes of a signalling NaN are turned, not its value
    array = array.view(f"u{array.itemsize}").astype(f"{dtype[0]}u{array.itemsize}").view(dtype)
    array = array[..., :: data.draw(st.sampled_from([1, -1, 2]))]
    compression = data.draw(st.sampled_from(NATIVE))
    file = written(array, sop_class="Parametric Map", photometric="MONOCHROME2", verify=False, compression=compression)
    expected = np.ascontiguousarray(array).view(f"{dtype[0]}u{array.itemsize}").astype(f"<u{array.itemsize}").tobytes()
    assert octets(imread(file)) == expected
    assert octets(pydicom.dcmread(io.BytesIO(file)).pixel_array) == expected


@pytest.mark.peer
@pytest.mark.parametrize("dtype", KEYWORDS)
def test_dcmtk_turns_the_floats_of_big_endian_as_we_do(tmp_path: Path, dtype: str, peer: Callable[[str], str]) -> None:
    array = patterns(dtype, FRAMES, ROWS, COLUMNS)
    big, little, back = (tmp_path / f"{name}.dcm" for name in ("big", "little", "back"))
    imwrite(big, array, template=template(dtype), compression="big-endian")
    subprocess.run([peer("dcmconv"), "+te", str(big), str(little)], check=True, timeout=60)
    assert pydicom.dcmread(little)[KEYWORDS[dtype]].value == octets(array)
    subprocess.run([peer("dcmconv"), "+tb", str(little), str(back)], check=True, timeout=60)
    assert octets(imread(back)) == octets(array)


MEMORY = """
import numpy as np
from dcmenc import Writer
frame = np.random.default_rng(1).standard_normal((512, 512)).astype("f4")
with Writer({path!r}, frames={frames}, sop_class="Parametric Map", verify=False) as writer:
    for number in range({count}):
        writer.write(frame)
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.parametrize("announced", [True, False])
def test_the_memory_does_not_grow_with_the_frames(tmp_path: Path, announced: bool) -> None:
    def peak(count: int) -> int:
        code = MEMORY.format(path=str(tmp_path / "x.dcm"), frames=count if announced else None, count=count)
        return int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)

    assert peak(100) - peak(10) < 16 * 1024  # 90 MiB of pixels


# --------------------------------------------------------------------- peers


@pytest.mark.parametrize("compression", ["explicit", "implicit", "deflated"])
@pytest.mark.parametrize("dtype", [*KEYWORDS, "u2"])
def test_highdicom_takes_the_file_for_its_own(dtype: str, compression: str) -> None:
    array = patterns(dtype, FRAMES, ROWS, COLUMNS) if dtype in KEYWORDS else np.arange(585, dtype="u2").reshape(3, 15, 13) * 112
    source = template(dtype)
    from test_foreign_highdicom import hd

    found = hd.pm.ParametricMap.from_dataset(pydicom.dcmread(io.BytesIO(written(array, template=source, compression=compression))))
    assert octets(found.pixel_array) == octets(array)


@pytest.mark.peer
@pytest.mark.parametrize("compression", ["explicit", "implicit", "big-endian"])
@pytest.mark.parametrize("dtype", [*KEYWORDS, "u2"])
def test_dciodvfy_says_no_more_than_of_the_file_of_highdicom(
    tmp_path: Path, dtype: str, compression: str, peer: Callable[[str], str]
) -> None:
    def complaints(path: Path) -> set[str]:
        run = subprocess.run([peer("dciodvfy"), str(path)], capture_output=True, text=True, check=False, timeout=60)
        lines = (run.stdout + run.stderr).splitlines()
        assert "ParametricMap" in lines
        return {line for line in lines if line.startswith("Error")}

    source = template(dtype)
    source.save_as(tmp_path / "theirs.dcm", enforce_file_format=True)
    imwrite(tmp_path / "ours.dcm", np.zeros((FRAMES, ROWS, COLUMNS), dtype), template=source, compression=compression)
    assert complaints(tmp_path / "ours.dcm") <= complaints(tmp_path / "theirs.dcm")


def test_pydicoms_datasets_of_floats_go_through_every_door(tmp_path: Path) -> None:
    array = patterns("f4", FRAMES, ROWS, COLUMNS)
    theirs = pydicom.dcmread(io.BytesIO(written(array, template=template("f4"))))
    dcmenc.pydicom_bridge.register()
    try:
        assert octets(theirs.pixel_array) == octets(array)
    finally:
        dcmenc.pydicom_bridge.unregister()
    own = dcmenc.from_pydicom(theirs)
    assert octets(imread(own)) == octets(imread(theirs)) == octets(array)
    assert dcmenc.to_pydicom(own).FloatPixelData == octets(array)
    dcmenc.dcmwrite(tmp_path / "a.dcm", theirs)
    assert octets(pydicom.dcmread(tmp_path / "a.dcm").pixel_array) == octets(array)


# --------------------------------------------------------------------- classes


def test_which_classes_hold_floats_is_said_by_the_tables() -> None:
    holders = {uid: iod.pixel_elements(uid) for uid in sop_classes() if set(iod.pixel_elements(uid)) & set(KEYWORDS.values())}
    assert holders == {PARAMETRIC_MAP: ("PixelData", "FloatPixelData", "DoubleFloatPixelData"), HEIGHT_MAP: ("FloatPixelData",)}
    allocated = {element: (iod.pixel_rules(PARAMETRIC_MAP, element) or {})["BitsAllocated"] for element in holders[PARAMETRIC_MAP]}
    assert allocated == {"PixelData": (16,), "FloatPixelData": (32,), "DoubleFloatPixelData": (64,)}
    assert all(iod.pixel_elements(uid) == ("PixelData",) for uid in iod.CAPTURES) and iod.pixel_elements("1.2.3") == ()


@pytest.mark.parametrize("name", ["Parametric Map Storage", "parametric map", PARAMETRIC_MAP])
def test_the_class_has_a_name(name: str) -> None:
    ds = dcmread(written(np.zeros((2, 3), "f8"), sop_class=name, verify=False))
    assert ds.SOPClassUID == PARAMETRIC_MAP and ds.NumberOfFrames == 1 and "DoubleFloatPixelData" in ds


def test_a_height_map_holds_32_bits() -> None:
    ds = dcmread(written(np.ones((2, 3), "f4"), sop_class="Height Map Segmentation", verify=False))
    assert ds.SOPClassUID == HEIGHT_MAP and np.array_equal(imread(ds), np.ones((2, 3)))


@pytest.mark.parametrize(("array", "options", "message"), [
    (np.zeros((4, 5), "f4"), {}, r"Secondary Capture holds integers, not float32.*uint8.*RescaleSlope.*sop_class=.*Parametric Map Storage"),
    (np.zeros((4, 5), "f8"), {"sop_class": "CT"}, r"CT Image Storage holds integers, not float64.*float64 as it is for Parametric Map Sto"),
    (np.zeros((4, 5), "f4"), {"template": {"SOPClassUID": iod.GRAYSCALE_BYTE}}, "Secondary Capture holds integers"),
    (np.zeros((4, 5), "f8"), {"sop_class": HEIGHT_MAP}, "Height Map Segmentation Storage holds float32, not float64.*Parametric Map"),
    (np.zeros((4, 5), "u2"), {"sop_class": HEIGHT_MAP}, r"PixelData is not of the class, which has FloatPixelData.*astype\('float32'\)"),
    (np.zeros((4, 5), "?"), {"sop_class": HEIGHT_MAP}, "which has FloatPixelData"),
    (np.zeros((4, 5), "u4"), {"sop_class": PARAMETRIC_MAP}, "BitsAllocated is 32, where the class has 16"),
    (np.zeros((4, 5), "f2"), {"sop_class": PARAMETRIC_MAP}, r"no float16; take \.astype\('float32'\)"),
    (np.zeros((0, 4, 5), "f4"), {"sop_class": PARAMETRIC_MAP}, "has no pixels"),
    (np.zeros((4, 5, 3), "f4"), {"sop_class": PARAMETRIC_MAP}, "float32 holds no colour"),
    (np.zeros((4, 5), "f4"), {"sop_class": PARAMETRIC_MAP, "photometric": "MONOCHROME1"}, "where the class has 'MONOCHROME2'"),
    (np.zeros((4, 5), "f4"), {"sop_class": PARAMETRIC_MAP, "colormap": np.zeros((256, 3))}, "takes unsigned integers, not floats"),
    (np.zeros((4, 5), "f4"), {"sop_class": PARAMETRIC_MAP, "bits_stored": 16}, "32 to 32 are stored, not 16"),
])
def test_what_no_class_holds_is_refused_with_the_ways_out(array: Any, options: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(PixelError, match=message):
        imwrite(tmp_path / "a.dcm", array, **{"verify": False} | options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("compression", ["rle", "jpeg-lossless", "jpeg", "jpeg2000-lossless", "deflated-frame",
                                         "encapsulated-uncompressed"])
def test_compression_is_refused_and_names_what_holds_floats(tmp_path: Path, compression: str) -> None:
    message = "holds no floats.*explicit, implicit, deflated, big-endian"
    array = np.zeros((FRAMES, 4, 5), "f4")
    data = written(array, sop_class="Parametric Map", verify=False)
    with pytest.raises(PixelError, match=message):
        imwrite(tmp_path / "a.dcm", array, sop_class="Parametric Map", verify=False, compression=compression)
    with (pytest.raises(PixelError, match=message),
          Writer(tmp_path / "a.dcm", sop_class="Parametric Map", verify=False, compression=compression) as writer):
        writer.write(array[0])
    with pytest.raises(PixelError, match=message):
        transcode(data, tmp_path / "a.dcm", compression)
    assert list(tmp_path.iterdir()) == []


def test_more_than_4_gib_of_floats_have_no_way_but_several_files() -> None:
    spec = ImageSpec(65535, 65535, allocated=32, stored=32, signed=True, kind="float")
    with pytest.raises(PixelError, match=r"more than the 4 GiB .* write several files$"):
        check_native(spec)


def test_no_frame_and_frames_of_another_dtype_make_no_file(tmp_path: Path) -> None:
    options: dict[str, Any] = {"sop_class": "Parametric Map", "verify": False}
    with pytest.raises(PixelError, match="no frame was written"), Writer(tmp_path / "a.dcm", shape=(2, 3), dtype="f4", **options):
        pass
    with pytest.raises(PixelError, match="float64, and the image of"), Writer(tmp_path / "a.dcm", **options) as writer:
        writer.write(np.zeros((2, 3), "f4"))
        writer.write(np.zeros((2, 3), "f8"))
    assert list(tmp_path.iterdir()) == []


# --------------------------------------------------------------------- what goes with the pixels


def test_what_describes_integers_does_not_stay_with_floats_nor_the_other_way_round() -> None:
    ds = Dataset(BitsStored=16, HighBit=15, PixelRepresentation=0, PixelPaddingValue=7, FloatPixelPaddingValue=1.5,
                 DoubleFloatPixelPaddingValue=2.5)
    dropped = invalidate(ds, ImageSpec(2, 2, allocated=32, stored=32, signed=True, kind="float"))
    assert [row.keyword for row in dropped] == ["BitsStored", "HighBit", "PixelRepresentation", "PixelPaddingValue",
                                                "DoubleFloatPixelPaddingValue"]
    assert [element.tag.keyword for element in ds.values()] == ["FloatPixelPaddingValue"]
    assert [row.keyword for row in invalidate(ds, ImageSpec(2, 2))] == ["FloatPixelPaddingValue"]


def test_given_attributes_of_integers_are_left_out_and_named() -> None:
    file = io.BytesIO()
    report = imwrite(file, np.zeros((2, 3), "f4"), sop_class="Parametric Map", verify=False,
                     BitsStored=32, HighBit=31, PixelRepresentation=1)
    assert report.dropped == ("BitsStored", "HighBit", "PixelRepresentation")
    ds = dcmread(file.getvalue())
    assert not any(keyword in ds for keyword in report.dropped) and spec_of(ds).kind == "float"


@pytest.mark.parametrize(("old", "new"), [("f4", "u2"), ("u2", "f8"), ("f8", "f4")])
def test_a_template_of_floats_takes_integers_and_back(old: str, new: str) -> None:
    array = np.arange(FRAMES * ROWS * COLUMNS).reshape(FRAMES, ROWS, COLUMNS).astype(new)
    if new == "u2":
        # the range of integers that are mapped is a fact that only the user knows
        with pytest.raises(VerifyError, match=r"RealWorldValueLastValueMapped is missing; give it a value .*because there is PixelData"):
            written(array, template=template(old))
    ds = dcmread(written(array, template=template(old), verify=new != "u2"))
    assert [keyword for keyword in iod.PIXEL_ELEMENTS if keyword in ds] == [KEYWORDS.get(new, "PixelData")]
    assert ("BitsStored" in ds) == (new == "u2") and np.array_equal(imread(ds), array)


def test_one_frame_says_so_and_the_report_does_not_deny_it() -> None:
    file = io.BytesIO()
    report = imwrite(file, patterns("f4", ROWS, COLUMNS), template=template("f4", 1))
    assert dcmread(file.getvalue()).NumberOfFrames == 1 and "NumberOfFrames" not in report.dropped
    assert not [finding for finding in report.findings if finding.keyword == "NumberOfFrames"]


def test_the_check_counts_the_bytes_of_floats_and_finds_a_second_element() -> None:
    ds = dcmread(written(patterns("f8", FRAMES, ROWS, COLUMNS), template=template("f8")))
    ds.DoubleFloatPixelData = bytes(ds.DoubleFloatPixelData)[:-8]
    found = verify(ds).errors
    assert [(finding.code, finding.keyword) for finding in found] == [("pixel-length", "DoubleFloatPixelData")]
    assert "has 4672 bytes, where the description makes it 4680" in found[0].message
    ds = dcmread(written(patterns("f4", FRAMES, ROWS, COLUMNS), template=template("f4")))
    ds.DoubleFloatPixelData = bytes(8)
    assert [finding.keyword for finding in verify(ds).errors if finding.code == "pixels-twice"] == ["DoubleFloatPixelData"]
    ds = dcmread(written(patterns("f4", FRAMES, ROWS, COLUMNS), template=template("f4")))
    ds.BitsAllocated = 64
    assert "BitsAllocated" in [finding.keyword for finding in verify(ds).errors]
