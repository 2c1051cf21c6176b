"""What is measured of pixels: the codecs alone, frame by frame on one thread, and whole images from file to file.

The forms of the codec cases name what is encoded: "sv1" (JPEG Lossless, selection value 1), "auto" and "best" (any of the seven),
"sv1-5" and "sv6-7" (each of them), "rle", "j2k" (JPEG 2000 without loss). dcmenc stands there in two forms: as it finds the machine, with
AVX2 where that is, and "portable". The targets are said of the frame "ct", 512 x 512 of 12 bits in noise; the mean of all frames and the
worst stand beside it.

JPEG 2000 is OpenJPEG's work, and there are several copies of it: each has a case, where dcmenc stands against bare calls of the same
copy. What imagecodecs, which brings one of its own, is faster than another copy is how that was built.

Not everywhere do both sides do the same work. ".57" stands against libjpeg-turbo with the predictor that is best for the frame, found
off its clock. pylibjpeg-rle leaves the samples of colours in planes. ``transcode`` and ``imwrite`` prove every frame by decoding it, as
they do by default; ``dcmcjpeg``, ``dcmcrle`` and ``gdcmconv`` prove nothing.
"""

from __future__ import annotations

from .peers import PYTHON_GDCM
from .terms import Case, Contender, Measure, Target

_PORTABLE = "dcmenc-portable"
_ONE = "dcmenc-one"


def _frames(peer: str, fast: float | None, portable: float | None = None, *, worst: float | None = None,
            size: float | None = None) -> tuple[Target, ...]:
    """The lines of a codec case against one peer; ``size`` is the most that any frame may take of what it takes with the peer."""
    both = ("dcmenc", fast), (_PORTABLE, portable)
    lines = [target for ours, limit in both[:1 + (portable is not None)] for target in (
        Target("times", peer, limit, "ct", ours), Target("times", peer, None, "", ours), Target("times", peer, worst, "worst", ours))]
    return (*lines, *([Target("size", peer, size, "worst")] if size else []))


def _codec(form: str, name: str, peer: Contender) -> dict[str, Contender]:
    return {"dcmenc": Contender(form), _PORTABLE: Contender(f"{form} portable"), name: peer}


def _decoder(form: str, name: str) -> dict[str, Contender]:
    return {"dcmenc": Contender(form), name: Contender(form, "decoded")}


def _transcode(form: str, dcmtk: str) -> dict[str, Contender]:
    return {"dcmenc": Contender(form), "dcmenc-process": Contender(f"{form} process"),
            "dcmtk": Contender(form, "file", dcmtk), "gdcm": Contender(form, "file", "gdcmconv")}


def _against(measure: Measure, *peers: str, limit: float | None = None, ours: str = "dcmenc") -> tuple[Target, ...]:
    return tuple(Target(measure, peer, limit, ours=ours) for peer in peers)


def _two(form: str) -> dict[str, Contender]:
    return {"dcmenc": Contender(f"{form} two"), _ONE: Contender(form)}


def _transcoded(limit: float | None, as_process: float | None) -> tuple[Target, ...]:
    return (*_against("times", "dcmtk", "gdcm", limit=limit), *_against("times", "dcmtk", "gdcm", limit=as_process, ours="dcmenc-process"),
            *_against("size", "dcmtk", "gdcm"))


def _jpeg2000(copy: str) -> Case:
    """The same copy of OpenJPEG on both sides; one of another build is only shown."""
    return Case(f"jpeg2000-{copy}", f"JPEG 2000 lossless encode, the OpenJPEG of {copy}", "encode",
                {"dcmenc": Contender("j2k"), "openjpeg": Contender("j2k", "encoded"), "imagecodecs": Contender("j2k", "encoded")},
                (Target("times", "openjpeg", _OWN_TIME, "ct"), Target("times", "openjpeg"), Target("times", "openjpeg", part="worst"),
                 Target("size", "openjpeg", 1, "worst"), Target("times", "imagecodecs", part="ct")), openjpeg=copy)


_OWN_TIME = 1 / 1.03
_TWO = _against("times", _ONE, limit=1.8)

PIXEL_CASES = (
    Case("jpegll-encode", "JPEG Lossless SV1 encode", "encode", _codec("sv1", "imagecodecs", Contender("sv1", "encoded")),
         _frames("imagecodecs", 15, 10, worst=4.5, size=1)),
    Case("jpegll-auto", "JPEG Lossless .57 encode", "encode", _codec("auto", "imagecodecs", Contender("best", "encoded")),
         _frames("imagecodecs", 12, 8, size=1.001)),
    Case("jpegll-decode", "JPEG Lossless SV1-5 decode", "decode", _decoder("sv1-5", "imagecodecs"), _frames("imagecodecs", 3)),
    Case("jpegll-decode-67", "JPEG Lossless SV6-7 decode", "decode", _decoder("sv6-7", "imagecodecs"), _frames("imagecodecs", 2.3)),
    Case("rle-encode", "RLE encode", "encode", _codec("rle", "gdcm", Contender("rle", "encoded", PYTHON_GDCM)),
         _frames("gdcm", 14, 10, size=1)),
    Case("rle-decode", "RLE decode", "decode", _codec("rle", "pylibjpeg", Contender("rle", "decoded")),
         _frames("pylibjpeg", 4.5, 3.5)),
    *map(_jpeg2000, ("pillow", "imagecodecs", "system")),
    Case("swap", "16-bit byte swap, beside a copy", "swap", {"dcmenc": Contender(""), "bare": Contender("")},
         tuple(Target("times", "bare", 0.8, part) for part in ("0.5 MiB", "32 MiB"))),
    Case("transcode-jpegll", "40 frames, 21 MB -> .70", "transcode",
         _transcode("jpeg-lossless", "dcmcjpeg"), _transcoded(3, 1), clock="wall", in_memory=True),
    Case("transcode-rle", "40 frames, 21 MB -> RLE", "transcode",
         _transcode("rle", "dcmcrle"), _transcoded(None, None), clock="wall", in_memory=True),
    *(Case(f"prove-{name}", f"imwrite, 40 frames, {title}, each proved", "imwrite",
           {"dcmenc": Contender(form), "dcmenc-unproved": Contender(f"{form} unproved", "file")},
           (Target("times", "dcmenc-unproved"),), in_memory=True)
      for name, title, form in (("jpegll", ".70", "jpeg-lossless"), ("rle", "RLE", "rle"))),
    *(Case(f"two-{name}", f"2 workers: {title} encode", "threads", _two(form), _TWO, clock="wall", every_core=True)
      for name, title, form in (("jpegll", ".70", "jpeg-lossless"), ("auto", ".57", "jpeg-lossless-p14"), ("rle", "RLE", "rle"))),
    Case("two-jpeg2000", "2 workers: 2 frames, JPEG 2000 lossless encode", "threads", _two("jpeg2000-lossless"), _TWO, clock="wall",
         every_core=True),
    Case("two-transcode", "2 workers: 40 frames, 21 MB -> .70", "transcode", _two("jpeg-lossless"),
         _TWO, clock="wall", in_memory=True, every_core=True),
    *(Case(f"imread-{name}", f"imread, 40 frames of {title}", "imread", {"dcmenc": Contender(form), "pydicom": Contender(form)},
           (Target("times", "pydicom"),), in_memory=True)
      for name, title, form in (("jpegll", ".70", "jpeg-lossless"), ("rle", "RLE", "rle"))),
)

# Of cases whose contenders make arrays.
PIXEL_ROADS = frozenset(case.road for case in PIXEL_CASES)
