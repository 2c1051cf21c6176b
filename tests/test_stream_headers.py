"""Every stream agrees with the attributes around it: each compressed syntax by each kind of pixels that it holds (PS3.5 8.2).

The attributes are read by pydicom, the headers by ``streams.py``, which knows nothing of dcmenc.
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pydicom
import pytest
import streams
import structure

from dcmenc import PixelError, imwrite, transcode

imagecodecs = pytest.importorskip("imagecodecs")

pytestmark = pytest.mark.filterwarnings("ignore::dcmenc.DcmencWarning")
ROOT = "1.2.840.10008.1.2."


class Kind(NamedTuple):
    """Pixels to be written."""

    dtype: str
    stored: int
    samples: int = 1
    frames: int = 1
    options: dict[str, Any] = {}  # noqa: RUF012  (never changed)


class Way(NamedTuple):
    """A compression with its options, the end of the UIDs that files get of it, and what makes the JPEG of it first."""

    compression: str
    ends: tuple[str, ...]
    options: dict[str, Any] | None = None
    source: dict[str, Any] | None = None


PALETTE = {"colormap": np.arange(768, dtype="u1").reshape(256, 3)}
SINGLE_BIT = "1.2.840.10008.5.1.4.1.1.7.1"
KINDS = {
    "u8": Kind("u1", 8), "u5of8": Kind("u1", 5), "u12": Kind("u2", 12), "u16": Kind("u2", 16), "u9": Kind("u2", 9), "u8of16": Kind("u2", 8),
    "s8": Kind("i1", 8), "s6of8": Kind("i1", 6), "s12": Kind("i2", 12), "s16": Kind("i2", 16), "u8 frames": Kind("u1", 8, 1, 2),
    "u12 frames": Kind("u2", 12, 1, 2), "RGB8": Kind("u1", 8, 3), "RGB16": Kind("u2", 16, 3), "RGB12": Kind("u2", 12, 3),
    "RGB8 frames": Kind("u1", 8, 3, 2), "YBR8": Kind("u1", 8, 3, 1, {"photometric": "YBR_FULL"}),
    "YBR16": Kind("u2", 16, 3, 1, {"photometric": "YBR_FULL"}), "inverted": Kind("u1", 8, 1, 1, {"photometric": "MONOCHROME1"}),
    "palette8": Kind("u1", 8, 1, 1, PALETTE), "palette16": Kind("u2", 16, 1, 1, PALETTE), "u32": Kind("u4", 32),
    "bool": Kind("?", 1), "bool frames": Kind("?", 1, 1, 2), "single bits": Kind("?", 1, 1, 1, {"sop_class": SINGLE_BIT}),
}
WAYS = {
    "rle": Way("rle", ("5",)), "jpeg": Way("jpeg", ("4.50", "4.51")), "jpeg 4:4:4": Way("jpeg", ("4.50", "4.51"), {"subsampling": "4:4:4"}),
    "extended": Way(ROOT + "4.51", ("4.51",)), "p14": Way("jpeg-lossless-p14", ("4.57",), {"predictor": 7}),
    "jpeg-lossless": Way("jpeg-lossless", ("4.70",)), "jpeg-ls": Way("jpeg-ls", ("4.80",)), "near": Way("jpeg-ls-near", ("4.81",)),
    "near 0": Way("jpeg-ls-near", ("4.81",), {"near": 0}), "90": Way("jpeg2000-lossless", ("4.90",)), "91": Way("jpeg2000", ("4.91",)),
    "91 reversible": Way("jpeg2000", ("4.91",), {"reversible": True}), "201": Way("htj2k-lossless", ("4.201",)),
    "202": Way("htj2k-lossless-rpcl", ("4.202",)), "203": Way("htj2k", ("4.203",)),
    "203 reversible": Way("htj2k", ("4.203",), {"quantization": 0}), "110": Way("jpeg-xl-lossless", ("4.110",)),
    "112": Way("jpeg-xl", ("4.112",)), "112 exact": Way("jpeg-xl", ("4.112",), {"distance": 0}),
    "111": Way("jpeg-xl-jpeg", ("4.111",), None, {}), "111 4:4:4": Way("jpeg-xl-jpeg", ("4.111",), None, {"subsampling": "4:4:4"}),
    "deflated": Way("deflated-frame", ("8.1",)), "uncompressed": Way("encapsulated-uncompressed", ("1.98",)),
}
DOORS = ("imwrite", "transcode")


def array_of(kind: Kind) -> Any:
    """A slope with a little noise, over the whole range."""
    rows, columns = 45, 58
    chance = np.random.default_rng(4)
    slope = np.add.outer(np.arange(rows), np.arange(columns)) / (rows + columns)
    parts = [np.roll(slope, 9 * number, 1) for number in range(kind.frames * kind.samples)]
    values = np.stack(parts, -1).reshape(rows, columns, kind.frames, kind.samples).transpose(2, 0, 1, 3)
    if kind.dtype == "?":
        bits: Any = values > 0.5
        return bits[..., 0] if kind.frames > 1 else bits[0, ..., 0]
    signed, span = kind.dtype[0] == "i", 1 << min(kind.stored, 31)
    found = (values * (span - 8)).astype(np.int64) + chance.integers(0, 7, values.shape) - (span // 2 if signed else 0)
    found = found.astype(kind.dtype)
    found = found if kind.samples == 3 else found[..., 0]
    return found if kind.frames > 1 else found[0]


def made(way: Way, kind: Kind, door: str) -> bytes:
    """The file, by one of the doors."""
    options = {"bits_stored": None if kind.dtype == "?" else kind.stored, **kind.options}
    array, file = array_of(kind), io.BytesIO()
    if way.source is not None:
        imwrite(file, array, compression="jpeg", options=way.source, **options)
    elif door == "imwrite":
        imwrite(file, array, compression=way.compression, options=way.options, **options)
        return file.getvalue()
    else:
        imwrite(file, array, **options)
    transcode(file.getvalue(), target := io.BytesIO(), way.compression, options=way.options)
    return target.getvalue()


# ---- what has to agree

# End of the UID -> what the stream has to be, and what a loss in it is called.
CODINGS = {
    "5": ("RLE", ""), "4.50": ("JPEG baseline", "ISO_10918_1"), "4.51": ("JPEG extended", "ISO_10918_1"), "4.57": ("JPEG lossless", ""),
    "4.70": ("JPEG lossless", ""), "4.80": ("JPEG-LS", ""), "4.81": ("JPEG-LS", "ISO_14495_1"), "4.90": ("JPEG 2000", ""),
    "4.91": ("JPEG 2000", "ISO_15444_1"), "4.110": ("JPEG XL", ""), "4.111": ("JPEG XL", "ISO_10918_1"),
    "4.112": ("JPEG XL", "ISO_18181_1"), "4.201": ("HTJ2K", ""), "4.202": ("HTJ2K", ""), "4.203": ("HTJ2K", "ISO_15444_15"),
}
ALIKE = ((1, 1),) * 3


def disagreements(data: bytes) -> list[str]:
    """Everything in which a stream of the file is not what the attributes say."""
    return compared(pydicom.dcmread(io.BytesIO(data)), structure.fragments(data))


def compared(ds: Any, frames: list[bytes]) -> list[str]:
    """The same of a data set and its streams."""
    found = list(_among_attributes(ds))
    for stream in frames:
        found += _of_the_whole(ds, stream) if _end(ds) in ("8.1", "1.98") else _of_the_header(ds, stream)
    return found


def _end(ds: Any) -> str:
    return str(ds.file_meta.TransferSyntaxUID).removeprefix(ROOT)


def _among_attributes(ds: Any) -> Iterator[str]:
    colour = ds.SamplesPerPixel == 3
    if ds.HighBit != ds.BitsStored - 1 or not 1 <= ds.BitsStored <= ds.BitsAllocated:
        yield "the bits do not go together"
    if colour != ("PlanarConfiguration" in ds):
        yield "PlanarConfiguration is for several samples"
    if colour and ds.PlanarConfiguration != int(_end(ds) == "5" and "NumberOfFrames" not in ds):
        yield f"PlanarConfiguration is {ds.PlanarConfiguration}"
    if len({"LossyImageCompressionMethod" in ds, "LossyImageCompressionRatio" in ds, ds.get("LossyImageCompression") == "01"}) > 1:
        yield "what is said of the loss is not complete"


def _of_the_whole(ds: Any, stream: bytes) -> Iterator[str]:
    """Frames whose bytes are those of native ones (PS3.5 A.4.11, 8.2.16)."""
    frame = zlib.decompressobj(-15).decompress(stream) if _end(ds) == "8.1" else stream
    size = (ds.Rows * ds.Columns * ds.SamplesPerPixel * ds.BitsAllocated + 7) // 8
    if len(frame) not in (size, size + size % 2):
        yield f"a frame has {len(frame)} bytes, and not {size}"


def _of_the_header(ds: Any, stream: bytes) -> Iterator[str]:
    said, (coding, method) = streams.said(stream), CODINGS[_end(ds)]
    if said.coding != coding:
        yield f"the stream is {said.coding}, and not {coding}"
        return
    if coding == "RLE":
        if said.more["segments"] != ds.SamplesPerPixel * ds.BitsAllocated // 8:
            yield f"there are {said.more['segments']} segments"
        return
    if (said.rows, said.columns, said.components) != (ds.Rows, ds.Columns, ds.SamplesPerPixel):
        yield f"the stream has {said.rows} x {said.columns} x {said.components}"
    if said.precision != (wanted := _precision(ds, coding)):
        yield f"the precision is {said.precision}, and not {wanted}"
    if said.signed is not None and said.signed != bool(ds.PixelRepresentation):
        yield f"the samples are {'signed' if said.signed else 'unsigned'}"
    if said.signed is None and ds.PixelRepresentation and coding not in ("JPEG lossless", "JPEG-LS"):
        yield f"{coding} has no sign"
    yield from _of_colours(ds, said)
    yield from _of_the_loss(ds, said, method)
    yield from _of_the_syntax(ds, said)


def _precision(ds: Any, coding: str) -> int:
    """Bits of a sample: those stored, but where readers need more, or the sign's place is at the top."""
    if coding in ("JPEG baseline", "JPEG extended", "JPEG 2000"):
        return int(ds.BitsStored)
    if coding in ("JPEG lossless", "JPEG-LS") and (ds.PixelRepresentation or ds.BitsAllocated == 8):
        return int(ds.BitsAllocated)
    return max(int(ds.BitsStored), 9 if ds.BitsAllocated == 16 else 1)


def _of_colours(ds: Any, said: streams.Said) -> Iterator[str]:
    """Transform and sampling are those of the photometric interpretation (PS3.3 C.7.6.3.1.2)."""
    label = ds.PhotometricInterpretation
    if ds.SamplesPerPixel == 1:
        if not label.startswith(("MONOCHROME", "PALETTE")):
            yield f"one sample is {label}"
        return
    if said.coding in ("JPEG lossless", "JPEG-LS"):
        if label not in ("RGB", "YBR_FULL") or {0xE0, 0xE8, 0xEE} & set(said.more["markers"]):
            yield f"{label} in a stream that transforms nothing, or that says more of colours"
    elif (label, said.colour, _end(ds), "NumberOfFrames" in ds) == ("RGB", "XYB", "4.112", True):
        pass  # the class for several frames has no word for XYB
    elif (wanted := _TRANSFORMS.get(label, "none" if said.coding in ("JPEG 2000", "HTJ2K") else "YCbCr")) != said.colour:
        yield f"{label} is to have the transform {wanted}, and the stream has {said.colour}"
    sampling = ((2, 1), (1, 1), (1, 1)) if label == "YBR_FULL_422" else ALIKE
    if said.sampling not in (None, sampling) or (said.sampling is None and label.startswith("YBR") and said.coding != "JPEG XL"):
        yield f"{label} is sampled {said.sampling}"


_TRANSFORMS = {"RGB": "none", "YBR_RCT": "RCT", "YBR_ICT": "ICT", "XYB": "XYB"}


def _of_the_loss(ds: Any, said: streams.Said, method: str) -> Iterator[str]:
    """A loss is told, by the name of its coding, exactly where the stream has one (PS3.3 C.7.6.1.1.5)."""
    told = ds.get("LossyImageCompressionMethod")
    exact = said.exact
    if said.coding == "JPEG XL":  # which may be modular and lossy in theory
        exact = said.more.get("modular", False) and said.colour == "none"
    if exact is bool(told):
        yield f"the stream is {'exact' if exact else 'not exact'}, and the method is {told}"
    if told not in (None, method):
        yield f"the method is {told}, and not {method}"
    if not method and not exact:
        yield "the transfer syntax is for exact streams"


def _of_the_syntax(ds: Any, said: streams.Said) -> Iterator[str]:
    """What single transfer syntaxes ask for beside (PS3.5 8.2.1, 8.2.14, 8.2.15, A.4)."""
    end, more = _end(ds), said.more
    if end == "4.70" and more["selection"] != 1:
        yield f"the predictor is {more['selection']}"
    if said.coding.startswith("JPEG ") and "in scan" in more and more["in scan"] != ds.SamplesPerPixel:
        yield "the components are in scans of their own"
    if end == "4.202" and (more["order"] != 2 or not more["lengths"] or -(-max(ds.Rows, ds.Columns) >> more["levels"]) > 64):
        yield "it is not RPCL with lengths and a small base"
    if said.coding in ("JPEG 2000", "HTJ2K") and more["high throughput"] != (said.coding == "HTJ2K"):
        yield "the block coder is another"
    if said.coding == "JPEG XL" and (b"jbrd" in more["boxes"]) != (end == "4.111"):
        yield "a JPEG is kept in it, or is not"


# ---- the cells

SIGNED, INDICES = {"s8", "s6of8", "s12", "s16"}, {"palette8", "palette16"}
NO_JPEG = SIGNED | INDICES | {"RGB12", "RGB16", "YBR16", "bool", "single bits", "u16", "u5of8", "u8of16", "u9", "u32"}
PACKED = {"single bits", "u32"}
NO_XL = SIGNED | INDICES | PACKED | {"YBR8", "YBR16"}
NO_LOSSY_HIGH = INDICES | PACKED | {"bool", "u8of16", "u9"}
# The tables of PS3.5 8.2, and what is narrower in the libraries: what each way refuses.
REFUSED: dict[str, set[str]] = {
    "rle": PACKED | {"YBR16"}, "jpeg": NO_JPEG, "jpeg 4:4:4": NO_JPEG | {"YBR8"}, "extended": NO_JPEG | {"RGB8", "RGB8 frames", "YBR8"},
    "p14": PACKED, "jpeg-lossless": PACKED, "jpeg-ls": PACKED | {"YBR16", "bool"}, "near": PACKED | INDICES | {"YBR16", "bool"},
    "near 0": PACKED | INDICES | {"YBR16", "bool"}, "90": {"u32"}, "91": INDICES | {"u32"}, "91 reversible": INDICES | {"u32"},
    "201": PACKED, "202": PACKED, "203": NO_LOSSY_HIGH, "203 reversible": NO_LOSSY_HIGH, "110": NO_XL, "112": NO_XL, "112 exact": NO_XL,
    "111": NO_JPEG | {"u12", "u12 frames"}, "111 4:4:4": NO_JPEG | {"u12", "u12 frames", "YBR8"}, "deflated": set(), "uncompressed": set(),
}


def refused(way: str, door: str) -> set[str]:
    """The kinds that a door refuses; single bits that are packed already stay so in ``transcode``, and are bytes by ``imwrite``."""
    packed = {"bool frames"} if door == "transcode" and WAYS[way].source is None and "single bits" in REFUSED[way] else set()
    return REFUSED[way] | packed


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("way", WAYS)
def test_every_stream_agrees_with_the_attributes(way: str, door: str) -> None:
    for name, kind in KINDS.items():
        if name in refused(way, door):
            with pytest.raises(PixelError, match=r"holds no|holds single bits|holds unsigned words of 12 bits|'4:4:4' is for RGB"):
                made(WAYS[way], kind, door)
            continue
        data = made(WAYS[way], kind, door)
        assert disagreements(data) == [], name
        assert not structure.faults(data, one_each=True), name
        assert _end(pydicom.dcmread(io.BytesIO(data))) in WAYS[way].ends, name


def test_the_cells_are_counted() -> None:
    cells = [(way, door, kind) for way, door, kind in product(WAYS, DOORS, KINDS) if kind not in refused(way, door)]
    assert len(cells) == 800
    assert {end for way in WAYS.values() for end in way.ends} == {*CODINGS, "8.1", "1.98"}


# ---- a contradiction is seen


def contradicted(way: str, kind: str, attributes: dict[str, Any]) -> list[str]:
    """What is found in a file whose attributes, or transfer syntax, are made untrue; None leaves one out."""
    data = made(WAYS[way], KINDS[kind], "imwrite")
    ds = pydicom.dcmread(io.BytesIO(data))
    assert not disagreements(data)
    for keyword, value in attributes.items():
        if keyword == "syntax":
            ds.file_meta.TransferSyntaxUID = ROOT + value
        elif value is None:
            del ds[keyword]
        else:
            setattr(ds, keyword, value)
    return compared(ds, structure.fragments(data))


NO_LOSS = {"LossyImageCompression": None, "LossyImageCompressionMethod": None, "LossyImageCompressionRatio": None}


@pytest.mark.parametrize(("way", "kind", "attributes", "what"), [
    *((way, "u8", {"Rows": 46}, "45 x 58 x 1") for way in ("jpeg", "p14", "jpeg-ls", "90", "202", "110", "111")),
    *((way, "u8", {"BitsAllocated": 16}, "precision|segments|bytes") for way in (
        "jpeg-lossless", "jpeg-ls", "202", "110", "rle", "uncompressed", "deflated")),
    *((way, "u12", {"BitsStored": 11, "HighBit": 10}, "precision is 12, and not 11") for way in (
        "jpeg", "p14", "jpeg-ls", "91", "203", "112")),
    *((way, "u12", {"PixelRepresentation": 1}, "unsigned") for way in ("90", "91", "201", "203")),
    *((way, "u12", {"PixelRepresentation": 1}, "has no sign") for way in ("jpeg", "112")),
    *((way, "u12", {"PixelRepresentation": 1}, "precision") for way in ("p14", "jpeg-ls")),
    *((way, "RGB8", {"PhotometricInterpretation": "RGB"}, "RGB is to have the transform none") for way in (
        "90", "91", "201", "203", "112", "jpeg", "111")),
    ("jpeg", "RGB8", {"PhotometricInterpretation": "YBR_FULL"}, "YBR_FULL is sampled"),
    ("111", "RGB8", {"PhotometricInterpretation": "YBR_FULL"}, "YBR_FULL is sampled"),
    ("jpeg 4:4:4", "RGB8", {"PhotometricInterpretation": "YBR_FULL"}, "transform YCbCr"),
    ("111 4:4:4", "RGB8", {"PhotometricInterpretation": "YBR_FULL_422"}, "transform YCbCr"),
    ("91 reversible", "RGB8", {"PhotometricInterpretation": "YBR_ICT"}, "transform ICT, and the stream has RCT"),
    ("jpeg-lossless", "RGB8", {"PhotometricInterpretation": "YBR_FULL_422"}, "transforms nothing"),
    ("rle", "RGB8", {"PlanarConfiguration": 0}, "PlanarConfiguration is 0"), ("jpeg-ls", "RGB8", {"PlanarConfiguration": 1}, "is 1"),
    *((way, "u8", NO_LOSS, "not exact, and the method is None") for way in ("jpeg", "near", "91", "203", "112", "111")),
    *((way, "u8", {"LossyImageCompressionMethod": "ISO_14495_2"}, "the method is ISO_14495_2") for way in (
        "jpeg", "near", "91", "203", "112")),
    ("111", "u8", {"LossyImageCompressionMethod": "ISO_18181_1"}, "the method is ISO_18181_1, and not ISO_10918_1"),
    ("91", "u8", {"LossyImageCompression": None}, "not complete"),
    ("p14", "u8", {"syntax": "4.70"}, "the predictor is 7"), ("201", "u8", {"syntax": "4.90"}, "is HTJ2K, and not JPEG 2000"),
    ("91", "u8", {"syntax": "4.90"} | NO_LOSS, "for exact streams"), ("203", "u8", {"syntax": "4.202"} | NO_LOSS, "not RPCL|for exact"),
    ("near", "u8", {"syntax": "4.80"} | NO_LOSS, "for exact streams"), ("112", "RGB8", {"syntax": "4.110"} | NO_LOSS, "for exact streams"),
    ("111", "u8", {"syntax": "4.112"}, "a JPEG is kept in it"), ("112", "u8", {"syntax": "4.111"}, "a JPEG is kept in it, or is not"),
    ("jpeg", "u12", {"syntax": "4.50"}, "is JPEG extended, and not JPEG baseline"),
])
def test_a_contradiction_is_seen(way: str, kind: str, attributes: dict[str, Any], what: str) -> None:
    found = contradicted(way, kind, attributes)
    assert any(re.search(what, one) for one in found), found
