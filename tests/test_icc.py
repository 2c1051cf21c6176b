"""ICC profiles: that of sRGB where a class requires one for its colours, and the faults of given ones (PS3.3 C.11.15, C.8.12.5).

Little CMS, by Pillow, says what a profile does; pydicom brings the well-known palettes of the standard, with the profile that DICOM gave
them; dciodvfy says where one is missing.
"""

from __future__ import annotations

import io
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from minimal_instances import minimal_instance
from PIL import Image, ImageCms

import dcmenc
from dcmenc import Dataset, VerifyError, completion, dcmread, dcmwrite, imread, imwrite, verify
from dcmenc.icc import profile_faults, srgb_profile

PALETTES = sorted((Path(pydicom.__file__).parent / "data" / "palettes").glob("*.dcm"))
WHOLE_SLIDE, MR_COLOR, COLOR_STATE = "1.2.840.10008.5.1.4.1.1.77.1.6", "1.2.840.10008.5.1.4.1.1.4.3", "1.2.840.10008.5.1.4.1.1.11.2"
PHOTOACOUSTIC = "1.2.840.10008.5.1.4.1.1.6.3"
RGB = np.arange(60, dtype="u1").reshape(4, 5, 3)


def changed(place: slice, by: bytes) -> bytes:
    profile = bytearray(srgb_profile())
    profile[place] = by
    return bytes(profile)


# --------------------------------------------------------------------- the profile of sRGB


def test_the_profile_is_one_of_an_input_device() -> None:
    profile = ImageCms.ImageCmsProfile(io.BytesIO(srgb_profile())).profile
    assert (profile.device_class, profile.xcolor_space, profile.connection_space) == ("scnr", "RGB ", "XYZ ")
    assert profile.rendering_intent == ImageCms.Intent.PERCEPTUAL and profile.is_intent_supported(0, ImageCms.Direction.INPUT)
    assert len(srgb_profile()) % 2 == 0


def test_it_is_the_srgb_that_dicom_gave_its_well_known_palettes() -> None:
    steps = np.arange(0, 256, 15, dtype="u1")
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)

    def in_lab(profile: bytes) -> Any:
        lab = ImageCms.createProfile("LAB")
        transform = ImageCms.buildTransform(ImageCms.ImageCmsProfile(io.BytesIO(profile)), lab, "RGB", "LAB")
        return np.asarray(ImageCms.applyTransform(Image.fromarray(cube), transform)).astype(np.uint8)

    def difference(one: Any, other: Any) -> Any:
        # a and b are modulo 256 in Pillow's LAB
        return np.abs((one.astype(int) - other + 128) % 256 - 128).max()

    theirs = dcmread(PALETTES[0]).ICCProfile
    assert difference(in_lab(srgb_profile()), in_lab(bytes(theirs))) <= 2
    wide = bytearray(srgb_profile())
    at = wide.index(b"rXYZ", 128)
    place = int.from_bytes(wide[at + 4 : at + 8], "big")
    wide[place + 8 : place + 12] = (0xC000).to_bytes(4, "big")  # another red is seen
    assert difference(in_lab(bytes(wide)), in_lab(bytes(theirs))) > 20


def test_it_has_the_same_bytes_at_another_time() -> None:
    code = "import sys; from dcmenc.icc import srgb_profile; sys.stdout.buffer.write(srgb_profile())"
    first = srgb_profile()
    time.sleep(1.1)  # the date in the header counts seconds
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=60).stdout == first


def test_without_little_cms_there_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: str) -> Any:
        raise ImportError("_imagingcms")

    monkeypatch.setattr(ImageCms, "createProfile", missing)
    srgb_profile.cache_clear()
    with pytest.raises(dcmenc.CodecUnavailable, match="built without; give ICCProfile"):
        srgb_profile()


# --------------------------------------------------------------------- where it is filled in


def test_the_path_of_a_whole_slide_gets_one_and_the_report_says_so() -> None:
    template = minimal_instance(WHOLE_SLIDE)
    file = io.BytesIO()
    report = imwrite(file, RGB, template=template, verify=False)
    ds = dcmread(file.getvalue())
    assert bytes(ds.OpticalPathSequence[0].ICCProfile) == srgb_profile() and ds.OpticalPathSequence[0].ColorSpace == "SRGB"
    assert "ICCProfile" not in ds and "ICCProfile" not in template.OpticalPathSequence[0]
    assert [finding.code for finding in report.findings if finding.keyword == "ICCProfile"] == ["assumed"]
    assert np.array_equal(imread(ds), RGB)


def test_the_items_of_the_caller_are_not_changed() -> None:
    path = Dataset(OpticalPathIdentifier="1")
    for _ in range(2):
        imwrite(io.BytesIO(), RGB, sop_class=WHOLE_SLIDE, OpticalPathSequence=[path], verify=False)
    assert list(path) == [0x00480106]


def test_gray_gets_none() -> None:
    file = io.BytesIO()
    imwrite(file, RGB[..., 0], template=minimal_instance(WHOLE_SLIDE), verify=False)
    assert "ICCProfile" not in dcmread(file.getvalue()).OpticalPathSequence[0]
    for photometric in ("MONOCHROME1", "MONOCHROME2"):
        for uid in (MR_COLOR, PHOTOACOUSTIC, WHOLE_SLIDE):
            ds = Dataset(PhotometricInterpretation=photometric, OpticalPathSequence=[Dataset(OpticalPathIdentifier="1")])
            assert "ICCProfile" not in completion.complete(ds, uid)


def test_colours_of_other_instances_get_none() -> None:
    """A presentation state without a palette would say something of images that it only refers to."""
    ds = Dataset()
    assert "ICCProfile" not in completion.complete(ds, COLOR_STATE) and "ICCProfile" not in ds
    assert "ICCProfile" in [finding.keyword for finding in verify(ds).errors]


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL_422", "YBR_ICT"])
@pytest.mark.parametrize("uid", [MR_COLOR, PHOTOACOUSTIC])
def test_an_image_whose_class_requires_it_gets_it_in_the_data_set(uid: str, photometric: str) -> None:
    ds = Dataset(PhotometricInterpretation=photometric)
    assert {"ICCProfile", "ColorSpace"} <= set(completion.complete(ds, uid))
    assert (ds.ICCProfile, ds.ColorSpace) == (srgb_profile(), "SRGB") and completion.complete(ds, uid) == []


@pytest.mark.parametrize("uid", ["SC", "US"])
def test_where_it_is_optional_only_the_user_gives_it(uid: str) -> None:
    ds, file = Dataset(PhotometricInterpretation="RGB"), io.BytesIO()
    assert "ICCProfile" not in completion.complete(ds, dcmenc.uid.sop_class(uid))
    profile = changed(slice(24, 36), bytes((7, 208, 0, 5, 0, 6, 0, 0, 0, 0, 0, 0)))
    assert imwrite(file, RGB, sop_class=uid, ICCProfile=profile, Modality="OT", PatientOrientation=("L", "F"), BodyPartExamined="CHEST").ok
    assert bytes(dcmread(file.getvalue()).ICCProfile) == profile


def test_given_ones_stay_and_another_space_is_never_called_srgb() -> None:
    given = changed(slice(64, 68), b"\0\0\0\1")
    paths = [Dataset(OpticalPathIdentifier="1", ICCProfile=given), Dataset(OpticalPathIdentifier="2", ColorSpace="ADOBERGB"),
             Dataset(OpticalPathIdentifier="3", ColorSpace="SRGB"), Dataset(OpticalPathIdentifier="4")]
    ds = Dataset(PhotometricInterpretation="RGB", OpticalPathSequence=paths)
    completion.complete(ds, WHOLE_SLIDE)
    found = [(getattr(path, "ICCProfile", None), getattr(path, "ColorSpace", None)) for path in ds.OpticalPathSequence]
    assert found == [(given, None), (None, "ADOBERGB"), (srgb_profile(), "SRGB"), (srgb_profile(), "SRGB")]
    missing = [finding.path for finding in verify(ds).errors if finding.keyword == "ICCProfile"]
    assert missing == ["(0048,0105)[1].(0028,2000)"]


@pytest.mark.peer
def test_dciodvfy_misses_none_in_what_was_completed(tmp_path: Path, peer: Callable[[str], str]) -> None:
    def complaints(ds: Dataset) -> list[str]:
        dcmwrite(tmp_path / "a.dcm", ds)
        run = subprocess.run([peer("dciodvfy"), str(tmp_path / "a.dcm")], capture_output=True, text=True, check=False, timeout=60)
        return [line for line in (run.stdout + run.stderr).splitlines() if "ICCProfile" in line and line.startswith("Error")]

    palette = dcmread(next(path for path in PALETTES if path.name == "hotiron.dcm"))
    slide = minimal_instance(WHOLE_SLIDE)
    slide.PhotometricInterpretation = "RGB"
    for ds in (palette, slide):
        ds.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
        ds.pop("ICCProfile", None)
        assert len(complaints(ds)) == 1
        assert "ICCProfile" in completion.complete(ds, ds.SOPClassUID)
        assert complaints(ds) == []


# --------------------------------------------------------------------- the check of given ones


@pytest.mark.parametrize("path", PALETTES, ids=lambda path: path.name)
def test_the_profiles_of_the_standard_have_no_fault(path: Path) -> None:
    assert profile_faults(dcmread(path).ICCProfile) == []
    assert [finding for finding in verify(path).findings if finding.keyword == "ICCProfile"] == []


@pytest.mark.parametrize(("profile", "message"), [
    (b"GIF89a", "it has 6 bytes, and the header alone takes 128"),
    (bytes(128), "it has 128 bytes"),
    (bytes(200), r"its bytes 36 to 39 are b'\\x00\\x00\\x00\\x00', not b'acsp'"),
    (changed(slice(16, 20), b"GRAY"), "b'GRAY' as its colour space, where b'RGB ' is wanted"),
    (changed(slice(16, 20), b"CMYK"), "b'CMYK' as its colour space"),
    (changed(slice(20, 24), b"RGB "), "b'RGB ' as its connection space, where b'XYZ ' or b'Lab ' is wanted"),
    (changed(slice(0, 4), b"\0\0\1\0"), "has 588 bytes, where its header says 256"),
    (srgb_profile()[:-2], "has 586 bytes, where its header says 588"),
    (srgb_profile() + bytes(2), "has 590 bytes"),
    (changed(slice(128, 132), b"\xff\xff\xff\xff"), "4294967295 tags, whose table does not fit into its 588 bytes"),
    (changed(slice(140, 144), b"\xff\xff\xff\xff"), "ends at 42949.*, beyond its 588 bytes"),
])
def test_a_broken_profile_is_refused_with_what_is_wrong(profile: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(VerifyError, match=rf"\(0028,2000\) ICCProfile .*{message}.*C\.11\.15"):
        imwrite(tmp_path / "a.dcm", RGB, ICCProfile=profile)
    assert list(tmp_path.iterdir()) == []


def test_an_odd_profile_may_be_filled_up_and_the_class_of_a_display_is_a_warning() -> None:
    odd = changed(slice(0, 4), (589).to_bytes(4, "big")) + b"\0"
    assert profile_faults(odd) == profile_faults(odd + b"\0") == []
    file = io.BytesIO()
    report = imwrite(file, RGB, ICCProfile=changed(slice(12, 16), b"mntr"))
    assert report.ok and [finding.message for finding in report.warnings] == [
        "has b'mntr' as its class, where DICOM has input devices only, b'scnr'"]


def test_a_broken_profile_in_any_item_is_found() -> None:
    paths = [Dataset(OpticalPathIdentifier=str(number), ICCProfile=srgb_profile()) for number in range(6)]
    paths[4].ICCProfile = b"GIF89a"
    ds = Dataset(SOPClassUID=WHOLE_SLIDE, PhotometricInterpretation="RGB", OpticalPathSequence=paths)
    assert [finding.path for finding in verify(ds).errors if finding.code == "icc-profile"] == ["(0048,0105)[4].(0028,2000)"]


@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda tail: srgb_profile()[:128] + tail)
       | st.tuples(st.integers(0, 587), st.binary(min_size=1, max_size=8)).map(lambda edit: changed(slice(edit[0], edit[0]), edit[1])))
def test_any_bytes_have_faults_or_none(profile: bytes) -> None:
    assert all(fault.message for fault in profile_faults(profile))


@pytest.mark.parametrize("value", ["text", 7, None, (1, 2)])
def test_what_is_no_bytes_is_said_to_be_none(value: Any) -> None:
    assert "where the bytes of an ICC profile are wanted" in profile_faults(value)[0].message
