#!/usr/bin/env python3
"""Regenerates the fact tables of ``data/``: the data dictionary, the UID registry, the private dictionary (PS3.6, PS3.7 E).

Run by hand when a new edition is wanted, never at install or import::

    python tools/make_tables.py                     # downloads the pinned wheels into a temporary folder
    python tools/make_tables.py WHEELDIR            # wheels that are already there
    python tools/make_tables.py SITE_PACKAGES       # an installed pydicom of the pinned version

The sources are read as data (a zip archive and ``ast.literal_eval``); pydicom is never imported. The output depends on
nothing but the sources: two runs give the same bytes.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

PYDICOM = "3.0.2"
HIGHDICOM = "0.28.2"

# UIDs of PS3.6 A that pydicom's edition does not have yet: uid, keyword, name, type.
# The four SOP classes are those which highdicom's sop_class_iod_map.json knows beside pydicom's (checked below when its
# wheel is at hand); highdicom: Copyright 2020 MGH Computational Pathology, MIT. The syntaxes are of later editions.
SUPPLEMENT = (
    ("1.2.840.10008.1.2.4.110", "JPEGXLLossless", "JPEG XL Lossless", "Transfer Syntax"),
    ("1.2.840.10008.1.2.4.111", "JPEGXLJPEGRecompression", "JPEG XL JPEG Recompression", "Transfer Syntax"),
    ("1.2.840.10008.1.2.4.112", "JPEGXL", "JPEG XL", "Transfer Syntax"),
    ("1.2.840.10008.1.2.8.1", "DeflatedImageFrameCompression", "Deflated Image Frame Compression", "Transfer Syntax"),
    ("1.2.840.10008.5.1.4.1.1.9.100.1", "WaveformPresentationStateStorage", "Waveform Presentation State Storage", "SOP Class"),
    (
        "1.2.840.10008.5.1.4.1.1.9.100.2",
        "WaveformAcquisitionPresentationStateStorage",
        "Waveform Acquisition Presentation State Storage",
        "SOP Class",
    ),
    ("1.2.840.10008.5.1.4.1.1.66.7", "LabelMapSegmentationStorage", "Label Map Segmentation Storage", "SOP Class"),
    ("1.2.840.10008.5.1.4.1.1.66.8", "HeightMapSegmentationStorage", "Height Map Segmentation Storage", "SOP Class"),
)

DICTIONARY_HEADER = """\
The DICOM data dictionary: PS3.6 and, for group 0000, PS3.7 E, edition {edition}.
Made by tools/make_tables.py from pydicom {version}; not edited by hand.

Columns, divided by tabs as in MATLAB's dicom-dict.txt: tag, VR, keyword, VM and, where retired, RET.
X stands for any digit of a repeating group. Several VRs are joined by "/". A column without content is written "-":
the VR of items and delimiters (PS3.5 7.5), the keyword of the retired attributes whose name the standard withdrew.

{licence}"""

UIDS_HEADER = """\
The registry of DICOM unique identifiers: PS3.6 A, edition {edition}, and a few newer rows (see tools/make_tables.py).
Made by tools/make_tables.py from pydicom {version} and, for four SOP classes, highdicom {highdicom} (MIT,
Copyright 2020 MGH Computational Pathology); not edited by hand.

Columns, divided by tabs: UID, keyword, name, type and, where retired, RET. Two retired UIDs have neither keyword nor name.

{licence}"""

PRIVATE_HEADER = """\
Private data elements by private creator (PS3.5 7.8), as vendors' conformance statements and files have shown them.
Collected by the GDCM project (BSD), by way of pydicom {version} (MIT); made by tools/make_tables.py, not edited by hand.

Columns, divided by tabs: private creator, tag, VR, VM, name (none where unknown). XX in the element is the block's number,
XX in the group stands for any two digits. A source row such as (0029,0001), which can only mean an offset in a block, is written
(0029,XX01). Left out: rows of the creator elements themselves, rows in even groups, and rows which say the same twice.

{licence}"""


class Source:
    """The files of the pinned packages, in wheels or in a site-packages folder."""

    def __init__(self, folder: Path) -> None:
        wheels = [*folder.glob(f"pydicom-{PYDICOM}-*.whl"), *folder.glob(f"highdicom-{HIGHDICOM}-*.whl")]
        self._archives = [zipfile.ZipFile(wheel) for wheel in wheels]
        self._folder = folder

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_: object) -> None:
        for archive in self._archives:
            archive.close()

    def find(self, path: str) -> str | None:
        """The text of a file, or None where no package has it."""
        for archive in self._archives:
            if path in archive.namelist():
                return archive.read(path).decode("utf-8")
        installed = self._folder / path
        return installed.read_text("utf-8") if installed.is_file() else None

    def read(self, path: str) -> str:
        """The text of a file that has to be there."""
        text = self.find(path)
        if text is None:
            raise FileNotFoundError(f"{path} of pydicom {PYDICOM} is neither in a wheel in {self._folder} nor installed there")
        return text

    def constant(self, path: str, name: str) -> Any:
        """The value of a literal assigned to ``name`` at the top of a Python file."""
        for node in ast.parse(self.read(path)).body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                target, value = node.target.id, node.value
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                target, value = node.targets[0].id, node.value
            else:
                continue
            if target == name and value is not None:
                return ast.literal_eval(value)
        raise KeyError(f"{path} assigns no {name}")


def dictionary_rows(source: Source) -> list[str]:
    """The rows of dicom-dict.txt, in the order of the tags."""
    path = "pydicom/_dicom_dict.py"
    entries = {f"{tag:08X}": entry for tag, entry in source.constant(path, "DicomDictionary").items()}
    entries |= {pattern.upper(): entry for pattern, entry in source.constant(path, "RepeatersDictionary").items()}
    rows = []
    for pattern, (vr, vm, _name, retired, keyword) in sorted(entries.items()):
        columns = [spelled_tag(pattern), spelled_vr(vr), keyword or "-", vm, *(["RET"] if retired else [])]
        rows.append("\t".join(columns))
    return rows


def spelled_tag(pattern: str) -> str:
    return f"({pattern[:4]},{pattern[4:]})"


def spelled_vr(vr: str) -> str:
    return "-" if vr == "NONE" else vr.replace(" or ", "/").replace("_", "/")


def uid_rows(source: Source) -> list[str]:
    """The rows of uids.txt, in the numeric order of the components."""
    registry = source.constant("pydicom/_uid_dict.py", "UID_dictionary")
    rows = {uid: (keyword, name, kind, retired) for uid, (name, kind, _info, retired, keyword) in registry.items()}
    for uid, keyword, name, kind in SUPPLEMENT:
        if uid in rows:
            raise ValueError(f"{uid} is in the source now: take it out of SUPPLEMENT")
        rows[uid] = (keyword, name, kind, "")
    check_sop_classes(source, rows)
    ordered = sorted(rows.items(), key=lambda row: [int(component) for component in row[0].split(".")])
    return ["\t".join([uid, keyword, name, kind, *(["RET"] if retired else [])]) for uid, (keyword, name, kind, retired) in ordered]


def check_sop_classes(source: Source, rows: Iterable[str]) -> None:
    """Every SOP class that highdicom knows has a row; asked only where its tables are at hand."""
    text = source.find("highdicom/_standard/sop_class_iod_map.json")
    missing = sorted(set(json.loads(text)) - set(rows)) if text else []
    if missing:
        raise ValueError(f"highdicom knows SOP classes without a row, add them to SUPPLEMENT: {', '.join(missing)}")


def private_rows(source: Source) -> list[str]:
    """The rows of private-dict.txt, in the order of creators and tags."""
    rows: dict[tuple[str, str], tuple[str, str, str]] = {}
    for creator, entries in source.constant("pydicom/_private_dict.py", "private_dictionaries").items():
        for source_pattern, (vr, vm, name, _retired) in entries.items():
            pattern = block_pattern(source_pattern.upper())
            if pattern:
                row = (spelled_vr(vr), vm, name)
                if rows.setdefault((creator, pattern), row) != row:
                    raise ValueError(f"two different rows for {creator} {pattern}")
    ordered = sorted(rows.items())
    return ["\t".join([creator, spelled_tag(pattern), *row]).rstrip("\t") for (creator, pattern), row in ordered]


def block_pattern(pattern: str) -> str:
    """A private tag with its block as XX; empty for a row that cannot be an element of a block."""
    group, block, offset = pattern[:4], pattern[4:6], pattern[6:]
    if offset == "XX" or group[3] in "02468ACE":
        return ""
    return f"{group}XX{offset}" if block == "00" else pattern


def licence_of(source: Source) -> tuple[str, str]:
    """pydicom's own notice, and the whole with the notice for GDCM's private dictionary."""
    text = source.read(f"pydicom-{PYDICOM}.dist-info/licenses/LICENSE").strip()
    own, _, gdcm = text.partition("Portions of pydicom (private dictionary")
    if not gdcm:
        raise ValueError("pydicom's licence no longer has the part about GDCM: read it, and credit anew")
    return own.strip(), text


def write_table(path: Path, header: str, rows: list[str]) -> None:
    comment = "".join(f"# {line}".rstrip() + "\n" for line in header.splitlines())
    path.write_text(comment + "\n".join(rows) + "\n", encoding="utf-8", newline="\n")


def make_tables(folder: Path, out: Path) -> dict[str, int]:
    """Write the three tables to ``out``; gives the number of rows of each."""
    with Source(folder) as source:
        edition = source.constant("pydicom/_version.py", "__dicom_version__")
        licence, full_licence = licence_of(source)
        tables = (
            ("dicom-dict.txt", DICTIONARY_HEADER, dictionary_rows(source), licence),
            ("uids.txt", UIDS_HEADER, uid_rows(source), licence),
            ("private-dict.txt", PRIVATE_HEADER, private_rows(source), full_licence),
        )
    out.mkdir(parents=True, exist_ok=True)
    for name, header, rows, notice in tables:
        text = header.format(edition=edition, version=PYDICOM, highdicom=HIGHDICOM, licence=notice)
        write_table(out / name, text, rows)
    return {name: len(rows) for name, _, rows, _ in tables}


def download(folder: str) -> None:
    """Fetch the pinned wheels with pip."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest", folder]
    subprocess.run([*command, f"pydicom=={PYDICOM}", f"highdicom=={HIGHDICOM}"], check=True)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Regenerate the tables of data/ from pinned packages.")
    parser.add_argument("source", nargs="?", type=Path, help="folder with the wheels, or site-packages; downloads when not given")
    parser.add_argument("--out", type=Path, default=Path(os.path.dirname(os.path.abspath(__file__))).parent / "data")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        if options.source is None:
            download(temporary)
        counts = make_tables(options.source or Path(temporary), options.out)
    for name, count in counts.items():
        print(f"{name}: {count} rows")


if __name__ == "__main__":
    main()
