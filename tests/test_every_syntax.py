"""Every real image of pydicom's wheel in every transfer syntax that holds it, and back: the same pixels, or the loss is told."""

from __future__ import annotations

import io
import logging
import warnings
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from dcmenc import CodecError, Dataset, PixelError, dcmread, imread, imwrite, transcode
from dcmenc.codecs import get_codec, named_syntax
from dcmenc.frames import Frames
from dcmenc.uid import transfer_syntax

LOSSLESS = ("explicit", "rle", "jpeg-lossless", "jpeg-ls", "jpeg2000-lossless", "htj2k-lossless", "htj2k-lossless-rpcl", "jpeg-xl-lossless",
            "deflated-frame", "encapsulated-uncompressed")
LOSSY = {"jpeg": "ISO_10918_1", "jpeg2000": "ISO_15444_1", "jpeg-ls-near": "ISO_14495_1", "htj2k": "ISO_15444_15", "jpeg-xl": "ISO_18181_1"}
ROOT = Path(pydicom.__file__).parent / "data"

# What has no pixels that anybody could read: cut short, no number, no description, another file inside.
UNREADABLE = {"MR_truncated.dcm", "badVR.dcm", "meta_missing_tsyntax.dcm", "nested_priv_SQ.dcm", "JPEG2000-embedded-sequence-delimiter.dcm"}


def images() -> dict[str, tuple[Dataset, Any]]:
    """The images of the wheel with their pixels, by name."""
    found = {}
    for path in sorted(ROOT.rglob("*")):
        if not path.is_file() or path.read_bytes()[128:132] != b"DICM" or path.name in UNREADABLE:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ds = dcmread(path, force=True)
            if "PixelData" in ds:
                found[path.name] = ds, imread(ds, color="stored")
    return found


IMAGES = images()


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("syntax", LOSSLESS)
def test_real_images_come_back_from_every_lossless_syntax(syntax: str) -> None:
    held = 0
    for name, (ds, pixels) in IMAGES.items():
        file = io.BytesIO()
        try:
            transcode(ds, file, syntax)
        except PixelError as error:
            assert "holds no" in str(error), name
            continue
        held += 1
        assert np.array_equal(imread(file.getvalue(), color="stored"), pixels), name
        found = dcmread(file.getvalue())
        assert found.file_meta.TransferSyntaxUID == transfer_syntax(syntax).uid
        assert found.SOPInstanceUID == ds.SOPInstanceUID and found.get("PatientName") == ds.get("PatientName"), name
    assert held >= (40 if syntax == "jpeg-xl-lossless" else 90)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("syntax", LOSSY)
def test_what_a_lossy_syntax_does_to_real_images_is_told(syntax: str) -> None:
    held = 0
    for name, (ds, pixels) in IMAGES.items():
        file = io.BytesIO()
        if ds.file_meta.TransferSyntaxUID == named_syntax(syntax, ds.BitsAllocated).uid:
            continue
        try:
            transcode(ds, file, syntax)
        except PixelError as error:
            assert "holds no" in str(error) or "near" in str(error) or "YBR" in str(error), (name, str(error))
            continue
        held += 1
        found = dcmread(file.getvalue())
        assert found.LossyImageCompression == "01" and found.SOPInstanceUID != ds.SOPInstanceUID, name
        methods = found.LossyImageCompressionMethod
        assert (methods if isinstance(methods, str) else methods[-1]) == LOSSY[syntax], name
        ratios = found.LossyImageCompressionRatio
        ratio = Frames(ds).spec.native_bytes / sum(map(len, found.PixelData.fragments))
        assert float(ratios[-1] if isinstance(ratios, tuple) else ratios) == pytest.approx(ratio, rel=1e-3), name
        assert found.ImageType[0] == "DERIVED"
        assert found.SourceImageSequence[-1].ReferencedSOPInstanceUID == ds.SOPInstanceUID
        back = imread(file.getvalue(), color="stored")
        assert back.shape == pixels.shape
        # what came out of it is not compressed with loss once more, nor does it forget that it was
        again = io.BytesIO()
        transcode(file.getvalue(), again, "explicit")
        kept = dcmread(again.getvalue())
        assert (kept.LossyImageCompression, kept.SOPInstanceUID) == ("01", found.SOPInstanceUID), name
        assert np.array_equal(imread(again.getvalue(), color="stored"), back), name
    assert held >= 30


def test_colour_of_a_lossy_stream_is_red_green_and_blue_unless_asked_otherwise() -> None:
    y, x = np.indices((64, 64))
    rgb = np.stack([x * 4, y * 4, (x + y) * 2], -1).astype("u1")
    file = io.BytesIO()
    imwrite(file, rgb, compression="jpeg", options={"quality": 95})
    found = dcmread(file.getvalue())
    assert found.PhotometricInterpretation == "YBR_FULL_422"
    assert np.abs(imread(file.getvalue()).astype(int) - rgb).mean() < 3
    assert np.array_equal(imread(file.getvalue(), color="rgb"), imread(file.getvalue()))
    stored = imread(file.getvalue(), color="stored")
    assert np.abs(stored.astype(int) - rgb).mean() > 20
    # what is native is as it is
    transcode(file.getvalue(), again := io.BytesIO(), "explicit")
    assert dcmread(again.getvalue()).PhotometricInterpretation == "YBR_FULL"
    assert np.array_equal(imread(again.getvalue()), stored)


def test_an_array_that_is_compressed_with_loss_is_no_derived_image() -> None:
    frame = (np.arange(64 * 64).reshape(64, 64) % 256).astype("u1")
    imwrite(file := io.BytesIO(), frame, compression="jpeg")
    found = dcmread(file.getvalue())
    assert (found.LossyImageCompression, found.LossyImageCompressionMethod) == ("01", "ISO_10918_1")
    assert "SourceImageSequence" not in found and "ImageType" not in found
    assert float(found.LossyImageCompressionRatio) > 1


@pytest.mark.parametrize("syntax", [*LOSSLESS[1:], *LOSSY])
def test_frames_of_several_threads_are_those_of_one(syntax: str) -> None:
    generator = np.random.default_rng(3)
    frames = np.cumsum(generator.integers(0, 3, (12, 40, 50)), axis=2).astype("u1")
    files = [io.BytesIO() for _ in range(2)]
    for file, workers in zip(files, (1, 3), strict=True):
        imwrite(file, frames, compression=syntax, workers=workers, uid_source=lambda: "1.2.3", clock=lambda: datetime(2026, 1, 1))
    assert files[0].getvalue() == files[1].getvalue()


@pytest.mark.parametrize("syntax", [*LOSSLESS[1:], *LOSSY])
def test_a_stream_of_another_syntax_is_an_error(syntax: str) -> None:
    ds = dcmread(ROOT / "test_files" / "CT_small.dcm")
    spec = Frames(ds).spec
    other = get_codec("rle" if syntax != "rle" else "jpeg-lossless")
    data = other.encode_frame(Frames(ds)[0], spec)
    with pytest.raises((CodecError, PixelError)):
        get_codec(syntax).decode_frame(data, spec)
