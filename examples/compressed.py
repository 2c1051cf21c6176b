"""Real images in every compression, beside the peers, and read again by decoders that nobody here wrote; a part of ``demo.py``."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import imagecodecs
import numpy as np
import pydicom
from pydicom.encaps import generate_frames
from pydicom.pixels import pixel_array
from rich.console import Console
from rich.table import Table

import dcmenc

COMPRESSIONS = ("rle", "jpeg-lossless", "jpeg-lossless-p14")
# What DCMTK and GDCM need to make the same of a native file, and to make it native again.
ENCODERS = {
    "rle": (("dcmcrle",), ("gdcmconv", "--rle")),
    "jpeg-lossless": (("dcmcjpeg", "+e1"), ("gdcmconv", "--jpeg")),
    "jpeg-lossless-p14": (("dcmcjpeg", "+el"),),
}
DECODERS = {"rle": (("dcmdrle",), ("gdcmconv", "--raw")), "jpeg": (("dcmdjpeg", "+cn"), ("gdcmconv", "--raw"))}


class Compressed(NamedTuple):
    """One image in one compression; times in milliseconds, those of programs with their start."""

    image: str
    shape: tuple[int, ...]
    compression: str
    native: int
    size: int
    own: float
    library: float
    library_size: int
    programs: list[str]
    readers: list[str]
    faults: list[str]


def best(call: Callable[[], object], repeats: int = 5) -> float:
    """Milliseconds of the quickest of several calls."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1e3 * min(times)


def frames_of(dataset: dcmenc.Dataset, pixels: np.ndarray) -> np.ndarray:
    return pixels if int(getattr(dataset, "NumberOfFrames", None) or 1) > 1 else pixels[None]


def library_encoder(compression: str, dataset: dcmenc.Dataset, source: pydicom.Dataset, pixels: np.ndarray) -> Callable[[], list[bytes]]:
    """What else encodes such frames in Python: pydicom's RLE, and libjpeg-turbo's lossless mode by way of imagecodecs."""
    frames = frames_of(dataset, pixels)
    if compression == "rle":
        encoder = pydicom.pixels.get_encoder(pydicom.uid.RLELossless)
        return lambda: [encoder.encode(source, index=index, encoding_plugin="pydicom") for index in range(len(frames))]
    bits = 8 * frames.itemsize if frames.dtype.kind == "i" or frames.itemsize == 1 else max(dataset.BitsStored, 9)
    unsigned = np.ascontiguousarray(frames).view(f"u{frames.itemsize}")
    colour = {"colorspace": "rgb", "outcolorspace": "rgb"} if frames.ndim == 4 else {}
    return lambda: [imagecodecs.jpeg_encode(frame, lossless=True, predictor=1, bitspersample=bits, **colour) for frame in unsigned]


def run(command: tuple[str, ...], source: Path, target: Path) -> float | None:
    """The milliseconds of ``command source target``; None where the program is not there, or refuses."""
    program = shutil.which(command[0])
    if program is None:
        return None
    start = time.perf_counter()
    done = subprocess.run([program, *command[1:], str(source), str(target)], capture_output=True, check=False)
    return 1e3 * (time.perf_counter() - start) if done.returncode == 0 and target.exists() else None


def read_again(path: Path, compression: str, folder: Path) -> Iterator[tuple[str, np.ndarray]]:
    """The pixels of a file as other decoders have them."""
    dataset = pydicom.dcmread(path)
    plugin = "pydicom" if compression == "rle" else "pylibjpeg"
    yield plugin, pixel_array(dataset, raw=True, decoding_plugin=plugin)
    if compression != "rle":
        frames = [imagecodecs.jpegsof3_decode(data)
                  for data in generate_frames(dataset.PixelData, number_of_frames=int(dataset.get("NumberOfFrames", 1)))]
        yield "jpegsof3", np.stack(frames) if len(frames) > 1 else frames[0]
    for command in DECODERS["rle" if compression == "rle" else "jpeg"]:
        if command[0] == "gdcmconv" and compression == "rle" and dataset.SamplesPerPixel > 1 and dataset.BitsAllocated > 8:
            continue  # GDCM reads such a file wrongly, its own and DCMTK's, too
        target = folder / "native.dcm"
        target.unlink(missing_ok=True)
        if run(command, path, target) is not None:
            yield command[0], pixel_array(pydicom.dcmread(target), raw=True)


def same(one: np.ndarray, other: np.ndarray, stored: int) -> bool:
    """Equal in the bits stored, all that an image has."""
    mask = (1 << stored) - 1
    return one.shape == other.shape and bool(np.array_equal(one.astype(np.int64) & mask, other.astype(np.int64) & mask))


def compress(path: Path, compression: str, folder: Path) -> Compressed | str:
    """One image in one compression, or why it cannot be."""
    dataset, source = dcmenc.dcmread(path), pydicom.dcmread(path)
    pixels, stored = dcmenc.imread(dataset), dataset.BitsStored
    name, target = path.name.split(".")[0], folder / f"{path.name.split('.')[0]}.{compression}.dcm"
    try:
        own = best(lambda: dcmenc.transcode(dataset, target, compression))
    except dcmenc.PixelError as error:
        return f"{name}: {error}"
    encode = library_encoder(compression, dataset, source, pixels)
    library, library_size = best(encode, 3), sum(map(len, encode()))
    programs = []
    for command in ENCODERS[compression]:
        took = run(command, path, folder / "peer.dcm")
        programs += [f"{command[0]} {took:.0f}"] if took is not None else []
    readers, faults = [], []
    if not np.array_equal(dcmenc.imread(target), pixels):
        faults.append(f"{target.name}: dcmenc reads other pixels")
    for reader, found in read_again(target, compression, folder):
        readers.append(reader)
        if not same(found, pixels, stored):
            faults.append(f"{target.name}: {reader} reads other pixels")
    fragments = dcmenc.dcmread(target).PixelData.fragments
    for left in ("peer.dcm", "native.dcm"):
        (folder / left).unlink(missing_ok=True)
    return Compressed(name, pixels.shape, compression, pixels.nbytes, sum(map(len, fragments)), own, library, library_size, programs,
                      readers, faults)


def show(rows: list[Compressed], refusals: list[str], console: Console) -> None:
    table = Table(title="The same images compressed by dcmenc (read, encoded, decoded again and compared, written), and what others take")
    for heading in ("image", "shape", "compression", "ratio", "ms", "library's ratio", "ms", "programs, ms", "read again by", ""):
        table.add_column(heading, justify="right" if "ms" in heading or "ratio" in heading else "left")
    for row in rows:
        table.add_row(row.image, "x".join(map(str, row.shape)), row.compression, f"{row.native / row.size:.2f}", f"{row.own:.1f}",
                      f"{row.native / row.library_size:.2f}", f"{row.library:.1f}", ", ".join(row.programs), ", ".join(row.readers),
                      "[red]DIFFERS" if row.faults else "[green]same")
    console.print(table)
    console.print("  library: pydicom's RLE; libjpeg-turbo's lossless JPEG, predictor 1, by way of imagecodecs")
    for line in refusals:
        console.print(f"  not: {line}", highlight=False)


def compress_all(paths: list[Path], folder: Path, console: Console) -> list[str]:
    """Compress native files in every way and show what came of it; the faults."""
    made = [compress(path, compression, folder) for path in paths for compression in COMPRESSIONS]
    rows = [row for row in made if isinstance(row, Compressed)]
    show(rows, sorted({line for line in made if isinstance(line, str)}), console)
    return [fault for row in rows for fault in row.faults]

