"""The import rule of the house: a room imports rooms of lower rank only, and some rooms never import certain packages."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import dcmenc

SOURCE = Path(dcmenc.__file__).parent

# A room may import any room of a lower rank, none of its own or of a higher one.
RANKS = {
    "errors": 0, "vr": 0, "uid": 0, "_bytes": 0, "_references": 0, "_ahead": 0, "_dictionary": 0,
    "report": 1, "rules": 1, "dictionary": 1, "iod_tables": 1, "charset": 1, "sinks": 1, "_mapping": 1, "_swap": 1, "_decimal": 1,
    "_rle": 1, "_jpegll": 1, "_jpegll_decode": 1, "openjpeg": 1, "codestream": 1,
    "icc": 1, "values": 2,
    "wording": 2, "module_use": 2, "_quick": 3, "dicom_json": 3,
    "_store": 3.5,
    "_elements": 4, "_decode": 4, "_scan": 4, "model": 4,
    "_source": 4.5,
    "_parse": 5, "_walk": 5, "_shapes": 5,
    "_foreign_values": 5.5,
    "_encode": 6, "_foreign": 6,
    "foreign": 6.5,
    "part10": 7, "reader": 7, "pixels": 7, "encapsulation": 7,
    "codecs": 8, "window": 8,
    "codecs.rle": 8.2, "codecs.jpeg_lossless": 8.2, "codecs.uncompressed": 8.2, "codecs.jpeg2000": 8.2,
    "codecs.streams": 8.1, "codecs.jpeg": 8.2, "codecs.jpeg_ls": 8.2, "codecs.htj2k": 8.2, "codecs.jpeg_xl": 8.2, "codecs.deflated": 8.3,
    "codecs.jpeg_xl_jpeg": 8.25, "video": 8.2, "recognition": 8.3,
    "lossy": 8, "frames": 8.5, "pixel_stream": 8.5, "coder": 8.5,
    "colours": 9, "overlays": 9, "iod": 9, "completion": 9.1, "consistency": 9.1, "verification": 9.2,
    "composition": 9.3, "copying": 9.4,
    "transcoding": 9.6, "recompression": 9.7,
    "matlab_arrays": 9, "matlab_frames": 9.4, "matlab_status": 9, "matlab_call": 9.4, "matlab_reading": 9.5,
    "matlab_dictionary": 9.9, "matlab_values": 10, "matlab_fields": 10.1, "matlab_info": 10.2,
    "images": 10, "matlab": 10.8, "writer": 10.5, "wrapping": 10.5, "pydicom_plugin": 10.8,
    "pydicom_bridge": 11,
}

# What a room may never import, whatever its rank.
NEVER = {
    "model": {"numpy", "part10"}, "values": {"io", "os"}, "_encode": {"numpy", "os"}, "_walk": {"numpy", "os"},
    "_swap": {"dictionary", "vr", "numpy", "os"}, "_rle": {"dictionary", "vr", "numpy", "os"},
    "_jpegll": {"numpy", "os"}, "_jpegll_decode": {"numpy", "os"},
    "part10": {"numpy"}, "reader": {"numpy", "part10", "sinks"},
    "_parse": {"numpy", "os"}, "_scan": {"numpy", "os"}, "_decode": {"numpy", "os"}, "pixels": {"part10", "sinks"},
    "codecs": {"model"}, "codecs.rle": {"model"}, "codecs.jpeg_lossless": {"model"}, "codecs.uncompressed": {"model"},
    # the libraries are loaded by name, when a frame is there
    **{f"codecs.{room}": {"model", "PIL", "imagecodecs", "jpeg_ls"}
       for room in ("streams", "jpeg", "jpeg_ls", "htj2k", "jpeg_xl", "jpeg_xl_jpeg", "deflated")},
    "codecs.jpeg2000": {"model"}, "codestream": {"numpy", "os"},
    "recognition": {"model", "numpy", "os"}, "video": {"model", "numpy", "os"},
    "coder": {"model"}, "pydicom_plugin": {"model", "part10"},
    "frames": {"part10", "sinks", "reader"}, "colours": {"part10", "sinks", "reader"}, "iod": {"numpy", "os"}, "completion": {"os"},
    "icc": {"model", "numpy", "os"}, "verification": {"numpy", "os", "pixels"}, "consistency": {"numpy", "os", "pixels"},
    **{room: {"numpy"} for room in ("errors", "report", "vr", "uid", "dictionary", "charset", "sinks", "dicom_json", "iod_tables")},
}

CYTHON_IMPORT = re.compile(r"^\s*from\s+\.(\w*)\s+c?import\s+([\w(]+)|^\s*(?:c?import)\s+([\w.]+)|^\s*from\s+([\w.]+)\s+c?import", re.M)


def rooms() -> list[Path]:
    """Every source of the package; of a package inside it the ``__init__``, too."""
    found = (path for suffix in ("*.py", "*.pyx", "*.pxd") for path in SOURCE.rglob(suffix))
    return sorted(path for path in found if path != SOURCE / "__init__.py" and "data" not in path.parts)


def room_of(path: Path) -> str:
    """ "frames", "codecs", "codecs.rle"."""
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")


def imports_of(path: Path) -> tuple[set[str], set[str]]:
    """The rooms and the foreign packages that a file imports, also inside functions."""
    text = path.read_text()
    if path.suffix != ".py":
        own, foreign = set(), set()
        for room, first, plain, source in CYTHON_IMPORT.findall(text):
            if room or first:
                own.add(room or first)
            else:
                foreign.add((plain or source).split(".")[0])
        return own, foreign
    own, foreign = set(), set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.level:
            package = path.relative_to(SOURCE).parts[:-1]
            base = ".".join((*package[:len(package) + 1 - node.level], *([node.module] if node.module else ())))
            own |= {base} if base else {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            foreign.add((node.module or "").split(".")[0])
        elif isinstance(node, ast.Import):
            foreign |= {alias.name.split(".")[0] for alias in node.names}
    return own, foreign


@pytest.mark.parametrize("path", rooms(), ids=lambda path: f"{room_of(path)}{path.suffix}")
def test_every_room_imports_only_lower_rooms(path: Path) -> None:
    (own, foreign), room = imports_of(path), room_of(path)
    assert room in RANKS, f"{room} has no rank"
    upward = {other for other in own - {room} if RANKS[other] >= RANKS[room]}
    assert not upward, f"{room} imports {upward} of its own or a higher rank"
    assert not NEVER.get(room, set()) & (own | foreign)


def test_no_room_imports_a_dicom_toolkit() -> None:
    toolkits = {"pydicom", "gdcm", "pynetdicom", "highdicom", "SimpleITK"}
    # but the bridge, which makes pydicom's datasets on request
    allowed = {"pydicom_bridge": {"pydicom"}}
    assert not [path.name for path in rooms() if imports_of(path)[1] & toolkits - allowed.get(room_of(path), set())]


def test_no_module_bears_the_name_of_a_public_function() -> None:
    assert not {room_of(path).split(".")[-1] for path in rooms()} & set(dcmenc.__all__)


def test_every_public_name_is_where_the_package_says() -> None:
    for name in dcmenc.__all__:
        assert getattr(dcmenc, name).__name__ == name
    assert set(dcmenc.__all__) <= set(dir(dcmenc))
