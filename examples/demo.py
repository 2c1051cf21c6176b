"""The main job on real images, and the proof that it worked: ``python examples/demo.py [OUTPUT_FOLDER]``.

Every image file that ships with pydicom is read by ``dcmenc.dcmread``, all its values are looked at, and it is written back: the
bytes must be the same. Of these, CT, MR, ultrasound, nuclear, dose, segmentation and colour images are written in four uncompressed
transfer syntaxes, their pixels go through ``dcmenc.imwrite``, and ``dcmenc.transcode`` compresses them. Every file that comes out is
read again by every independent reader that is installed. Tables show the figures, a contact sheet drawn from the written files shows
the images, and the exit status is 1 if anything differs.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import time
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pydicom
from compressed import compress_all
from PIL import Image, ImageDraw
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element
from rich.console import Console
from rich.table import Table

import dcmenc

IMAGES = (
    "CT_small.dcm", "693_J2KI.dcm", "MR_small.dcm", "MR_small_bigendian.dcm", "examples_overlay.dcm", "JPEG2000.dcm",
    "examples_rgb_color.dcm", "examples_palette.dcm", "examples_jpeg2k.dcm", "examples_ybr_color.dcm", "image_dfl.dcm",
    "SC_rgb_small_odd.dcm", "SC_rgb_rle_16bit.dcm", "rtdose.dcm", "liver_1frame.dcm",
)
TEST_FILES = Path(pydicom.__file__).parent / "data" / "test_files"
SYNTAXES = {
    "implicit": "1.2.840.10008.1.2", "explicit": "1.2.840.10008.1.2.1",
    "big-endian": "1.2.840.10008.1.2.2", "deflated": "1.2.840.10008.1.2.1.99",
}


class Row(NamedTuple):
    name: str
    shape: tuple[int, ...]
    elements: int
    size: int
    microseconds: float
    pydicom_microseconds: float
    secondary_capture: str
    faults: list[str]


PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
DEFLATED = ("image_dfl.dcm",)

# What makes a file come back changed: it is broken, or it does not keep to the transfer syntax that it names.
NOT_LEGAL = {
    "MR_truncated.dcm": "the file is cut short, which dcmread refuses",
    "SC_rgb_jpeg.dcm": "it names JPEG Baseline and is in Implicit VR; it is written in what it names",
}


class RoundTrips(NamedTuple):
    files: int
    elements: int
    seconds: float
    pydicom_seconds: float
    pydicom_same: int
    exceptions: list[str]
    faults: list[str]


def image_files() -> list[Path]:
    """Every file of pydicom's wheel that has a preamble and pixels."""
    paths = [path for path in sorted(TEST_FILES.parent.rglob("*")) if path.is_file() and path.read_bytes()[128:132] == b"DICM"]
    return [path for path in paths if any(keyword in dcmenc.dcmread(path, force=True) for keyword in PIXELS)]


def inflated(data: bytes) -> bytes:
    """The data set of a deflated file: how it was compressed is the compressor's business."""
    start = 144 + dcmenc.dcmread(data).file_meta.FileMetaInformationGroupLength
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data[start:])


def look_at(dataset: dcmenc.Dataset) -> int:
    """Ask for every value; how many there are."""
    count = 0
    for element in dataset.values():
        items = element.value if isinstance(element.value, dcmenc.Sequence) else ()
        count += 1 + sum(map(look_at, items))
    return count


def round_trips(paths: list[Path]) -> RoundTrips:
    """Read, look at every value, write back: the same bytes."""
    elements, seconds, peer, same, exceptions, faults = 0, 0.0, 0.0, 0, [], []
    for path in paths:
        data = path.read_bytes()
        start = time.perf_counter()
        try:
            dataset = dcmenc.dcmread(data)
            elements += look_at(dataset)
            written = dcmenc.dumps(dataset)
        except dcmenc.ReadError:
            written = b""
        seconds += time.perf_counter() - start
        if path.name in NOT_LEGAL:
            exceptions.append(f"{path.name}: {NOT_LEGAL[path.name]}")
        elif written != data and (path.name not in DEFLATED or inflated(written) != inflated(data)):
            faults.append(f"{path.name}: the bytes differ")
        took, theirs = pydicom_round_trip(data)
        peer += took
        same += theirs == data
    return RoundTrips(len(paths), elements, seconds, peer, same, exceptions, faults)


def pydicom_round_trip(data: bytes) -> tuple[float, bytes]:
    file = io.BytesIO()
    start = time.perf_counter()
    try:
        dataset = pydicom.dcmread(io.BytesIO(data))
        count_elements(dataset)
        pydicom.dcmwrite(file, dataset)
    except (TypeError, ValueError):
        # one of the files is beyond it
        file.truncate(0)
    return time.perf_counter() - start, file.getvalue()


def read_native(path: Path) -> tuple[dcmenc.Dataset, pydicom.Dataset]:
    """A real image with uncompressed pixels, as both read it; compressed ones are decompressed by pydicom until dcmenc does."""
    source = pydicom.dcmread(path)
    if not source.file_meta.TransferSyntaxUID.is_compressed:
        return dcmenc.dcmread(path), source
    source.decompress(generate_instance_uid=False)
    return dcmenc.from_pydicom(source), source


def count_elements(dataset: Any) -> int:
    return sum(1 + sum(map(count_elements, element.value if element.VR == "SQ" else ())) for element in dataset)


def best_time(call: Callable[[], object], repeats: int = 15) -> float:
    """Microseconds of the quickest of several calls."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1e6 * min(times)


def differences(source: pydicom.Dataset, path: Path) -> Iterator[str]:
    """How the written file, as pydicom reads it, differs from the source in elements or pixels."""
    written = pydicom.dcmread(path)
    big = not written.original_encoding[1]
    yield from (f"{path.name}: {place}" for place in element_differences(source, written, big))
    # 32-bit pixels in big endian are words of 16 bits to dcmenc, DCMTK and GDCM, but not to pydicom
    if not (big and source.BitsAllocated == 32) and not np.array_equal(source.pixel_array, written.pixel_array):
        yield f"{path.name}: pixels differ"


def element_differences(source: pydicom.Dataset, written: pydicom.Dataset, big: bool) -> Iterator[str]:
    tags = {element.tag for element in source if element.tag.element != 0}
    if tags != (found := {element.tag for element in written if element.tag.element != 0}):
        yield f"elements {sorted(map(str, tags ^ found))} are missing or new"
    for tag in sorted(tags & found):
        one, other = source[tag], written[tag]
        if one.VR == "SQ" and other.VR == "SQ":
            pairs = zip(one.value, other.value, strict=True)
            yield from (f"{tag}{place}" for pair in pairs for place in element_differences(*pair, big))
        elif plain(one, source.original_encoding[1] is False) != plain(other, big) and encoded(one) != encoded(other):
            yield f"{tag} {one.keyword} differs"


def plain(element: Any, big: bool) -> Any:
    """The value, with the words of OW in little endian: pydicom leaves the bytes of buffers as they are in the file."""
    if isinstance(element.value, bytes) and element.VR == "OW" and big:
        return np.frombuffer(element.value, ">u2").astype("<u2").tobytes()
    return element.value


def encoded(element: Any) -> bytes:
    """The value in Implicit VR Little Endian by pydicom's writer: private elements come back from implicit files as UN."""
    file = DicomBytesIO()
    file.is_implicit_VR, file.is_little_endian = True, True
    write_data_element(file, element)
    return bytes(file.getvalue()[8:])


def write_secondary_capture(dataset: dcmenc.Dataset, source: pydicom.Dataset, path: Path) -> tuple[str, list[str]]:
    """Pixels and metadata through ``imread`` and ``imwrite``; what came of it, and how the file differs from array and metadata."""
    array, palette = dcmenc.imread(dataset, return_colormap=True)
    options: dict[str, Any] = {"bits_stored": source.BitsStored}
    if palette is not None:
        options["colormap"] = palette
    elif source.SamplesPerPixel > 1 or source.PhotometricInterpretation == "MONOCHROME1":
        options["photometric"] = source.PhotometricInterpretation
    if source.BitsStored == 1:
        options = {}
    template = dataset.copy()
    # the array decides which class of Secondary Capture holds it
    del template.SOPClassUID
    said = ""
    try:
        dcmenc.imwrite(path, array, template=template, **options)
    except dcmenc.PixelError as error:
        return f"refused: {error}", []
    except dcmenc.VerifyError as error:
        said = f": {error}"
        path = path.with_suffix(".unverified.dcm")
        dcmenc.imwrite(path, array, template=template, verify=False, **options)
    written = pydicom.dcmread(path)
    names = ("PatientName", "PatientID", "StudyInstanceUID")
    faults = [f"{path.name}: {name} is lost" for name in names if source.get(name) and written.get(name) != source.get(name)]
    pixels = written.pixel_array.astype(array.dtype)
    # 32-bit pixels in big endian are words of 16 bits to dcmenc, DCMTK and GDCM, but not to pydicom
    if not (np.array_equal(pixels, array) and np.array_equal(pixels, source.pixel_array.astype(array.dtype))):
        faults.append(f"{path.name}: pixels differ from the array")
    initials = "".join(word[0] for word in written.SOPClassUID.name.removesuffix(" Image Storage").replace("-", " ").split())
    return initials + said, faults


def palette_of(source: pydicom.Dataset) -> np.ndarray:
    tables = []
    for colour in ("Red", "Green", "Blue"):
        bits = source[f"{colour}PaletteColorLookupTableDescriptor"].value[2]
        tables.append(np.frombuffer(source[f"{colour}PaletteColorLookupTableData"].value, np.uint8 if bits == 8 else "<u2"))
    return np.stack(tables, axis=1)


def work_on(name: str, folder: Path) -> Row:
    dataset, source = read_native(TEST_FILES / name)
    faults: list[str] = []
    for short, uid in SYNTAXES.items():
        dataset.file_meta.TransferSyntaxUID = uid
        path = folder / f"{Path(name).stem}.{short}.dcm"
        dcmenc.dcmwrite(path, dataset)
        faults += differences(source, path)
    capture, wrong = write_secondary_capture(dataset, source, folder / f"{Path(name).stem}.capture.dcm")
    dataset.file_meta.TransferSyntaxUID = SYNTAXES["explicit"]
    own = best_time(lambda: dcmenc.dumps(dataset))
    peer = best_time(lambda: pydicom.dcmwrite(io.BytesIO(), source), 5)
    size = sum((folder / f"{Path(name).stem}.{short}.dcm").stat().st_size for short in SYNTAXES)
    return Row(name, source.pixel_array.shape, count_elements(source), size, own, peer, capture, faults + wrong)


def run_readers(paths: list[Path]) -> tuple[list[str], list[str]]:
    """The independent command-line readers that are installed, each over all files; what they said, and the faults."""
    said, faults = [], []
    folder = Path(sys.executable).parent
    jobs: list[tuple[str, list[str], list[Path]]] = [
        ("dcmdump", ["-q", "+L"], paths), ("gdcmdump", ["-i"], paths),
        ("dciodvfy", [], [path for path in paths if path.name.endswith(".capture.dcm")]),
    ]
    for tool, options, files in jobs:
        command = shutil.which(tool) or shutil.which(tool, path=str(folder))
        if command is None:
            said.append(f"{tool}: not installed")
            continue
        bad = [f"{tool} {path.name}: {line}" for path in files for line in complaints(command, options, path)]
        said.append(f"{tool}: {len(files)} files, {len(bad)} errors")
        faults += bad
    return said, faults


def complaints(command: str, options: list[str], path: Path) -> list[str]:
    result = subprocess.run([command, *options, str(path)], capture_output=True, text=True, errors="replace", check=False)
    if Path(command).name != "dciodvfy":
        return [f"exit status {result.returncode} {result.stderr[:200]}"] if result.returncode else []
    errors = [line for line in result.stderr.splitlines() if line.startswith("Error")]
    if not errors or path.parent == TEST_FILES:
        return errors
    # what was wrong, or belonged to another class, in the metadata that came with the image is not imwrite's fault
    origin = TEST_FILES / f"{path.name.partition('.')[0]}.dcm"
    before, inherited = set(complaints(command, options, origin)), {element.keyword for element in pydicom.dcmread(origin)}
    return [line for line in errors if line not in before and not any(f"Element=<{keyword}>" in line for keyword in inherited)]


def picture(path: Path) -> Image.Image:
    """The first frame of a written file as a small picture."""
    dataset = pydicom.dcmread(path)
    frames = dataset.pixel_array
    if int(dataset.get("NumberOfFrames", 1)) > 1:
        frames = frames[len(frames) // 2]
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        frames = palette_of(dataset)[frames] >> (8 if dataset.RedPaletteColorLookupTableDescriptor[2] == 16 else 0)
    frames = frames.astype(float)
    if frames.ndim == 2 or frames.max() > 255:
        low, high = np.percentile(frames, (0.5, 99.5))
        frames = np.clip((frames - low) / max(high - low, 1) * 255, 0, 255)
    image = Image.fromarray(frames.astype(np.uint8))
    image.thumbnail((192, 192))
    return image.resize((192 * image.width // max(image.size), 192 * image.height // max(image.size))).convert("RGB")


def contact_sheet(paths: list[Path], target: Path) -> None:
    columns = 5
    sheet = Image.new("RGB", (columns * 200, -(-len(paths) // columns) * 216), "black")
    draw = ImageDraw.Draw(sheet)
    for at, path in enumerate(paths):
        x, y = at % columns * 200 + 4, at // columns * 216 + 4
        image = picture(path)
        sheet.paste(image, (x + (192 - image.width) // 2, y + (192 - image.height) // 2))
        draw.text((x, y + 196), path.name, fill="white")
    sheet.save(target)


def show_round_trips(trips: RoundTrips, console: Console) -> None:
    same = trips.files - len(trips.exceptions) - len(trips.faults)
    console.print(f"[bold]{trips.files} image files read, all {trips.elements:,} values looked at, written back: {same} the same bytes",
                  highlight=False)
    for line in trips.exceptions:
        console.print(f"  not: {line}", highlight=False)
    console.print(f"  pydicom: {trips.pydicom_same} the same bytes, in {trips.pydicom_seconds / trips.seconds:.0f} times the time\n",
                  highlight=False)


def show(rows: list[Row], console: Console) -> None:
    table = Table(title="Real images, read by dcmenc, written in four transfer syntaxes and read back by pydicom")
    for heading, justify in (("image", "left"), ("shape", "left"), ("elements", "right"), ("bytes (4 files)", "right"),
                             ("dcmenc µs", "right"), ("pydicom µs", "right"), ("ratio", "right"), ("by imwrite as", "left"), ("", "left")):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    for row in rows:
        capture = row.secondary_capture.split(":")[0]
        table.add_row(row.name, "x".join(map(str, row.shape)), str(row.elements), f"{row.size:,}", f"{row.microseconds:.0f}",
                      f"{row.pydicom_microseconds:.0f}", f"{row.pydicom_microseconds / row.microseconds:.0f}", capture,
                      "[red]DIFFERS" if row.faults else "[green]same")
    console.print(table)
    for row in rows:
        if ":" in row.secondary_capture:
            console.print(f"  imwrite {row.name}: {row.secondary_capture}", highlight=False)


def main(folder: Path) -> int:
    warnings.simplefilter("ignore")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    console = Console(width=max(140, Console().width))
    trips = round_trips(image_files())
    show_round_trips(trips, console)
    rows = [work_on(name, folder) for name in IMAGES]
    show(rows, console)
    wrong = compress_all([folder / f"{Path(name).stem}.explicit.dcm" for name in IMAGES], folder, console)
    said, faults = run_readers(sorted(folder.glob("*.dcm")))
    faults += wrong
    faults += trips.faults + [fault for row in rows for fault in row.faults]
    for line in said:
        console.print(f"  {line}")
    sheet = folder / "contact-sheet.png"
    contact_sheet(sorted(folder.glob("*.explicit.dcm")) + sorted(folder.glob("*.capture*.dcm")), sheet)
    console.print(f"  {len(list(folder.glob('*.dcm')))} files and {sheet} written")
    for fault in faults:
        console.print(f"  [red]{fault}")
    console.print("[red]Something differs." if faults else "[green]Every file was read back, and nothing differs.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "out/demo")))
