"""The tables of data/ are what tools/make_tables.py makes of its pinned sources, byte for byte."""

from __future__ import annotations

import importlib.util
import zipfile
from pathlib import Path
from types import ModuleType

import pydicom
import pytest

ROOT = Path(__file__).parent.parent
SITE_PACKAGES = Path(pydicom.__file__).parent.parent
TABLES = ("dicom-dict.txt", "uids.txt", "private-dict.txt")


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_tables", ROOT / "tools" / "make_tables.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def made(maker: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out: Path = tmp_path_factory.mktemp("tables")
    assert maker.make_tables(SITE_PACKAGES, out) == {"dicom-dict.txt": 5179, "uids.txt": 490, "private-dict.txt": 10531}
    return out


@pytest.mark.parametrize("name", TABLES)
def test_the_committed_table_is_what_the_pinned_source_gives(made: Path, name: str) -> None:
    assert (made / name).read_bytes() == (ROOT / "data" / name).read_bytes()


def test_a_wheel_gives_the_same_as_an_installation(maker: ModuleType, made: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / f"pydicom-{maker.PYDICOM}-py3-none-any.whl", "w") as wheel:
        for path in ("_dicom_dict.py", "_uid_dict.py", "_private_dict.py", "_version.py"):
            wheel.write(SITE_PACKAGES / "pydicom" / path, f"pydicom/{path}")
        licence = f"pydicom-{maker.PYDICOM}.dist-info/licenses/LICENSE"
        wheel.write(SITE_PACKAGES / licence, licence)
    maker.main([str(tmp_path), "--out", str(tmp_path / "out")])
    assert all((tmp_path / "out" / name).read_bytes() == (made / name).read_bytes() for name in TABLES)


def test_a_folder_without_the_source_is_named(maker: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="neither in a wheel"):
        maker.make_tables(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_sop_class_that_highdicom_alone_knows_is_asked_for(maker: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "highdicom" / "_standard").mkdir(parents=True)
    (tmp_path / "highdicom" / "_standard" / "sop_class_iod_map.json").write_text('{"1.2.3": "new-image", "1.2.4": "old-image"}')
    with maker.Source(tmp_path) as source, pytest.raises(ValueError, match=r"without a row.*: 1\.2\.3$"):
        maker.check_sop_classes(source, ["1.2.4"])


@pytest.mark.parametrize("name", TABLES)
def test_tables_are_plain_lines_that_a_diff_can_show(name: str) -> None:
    text = (ROOT / "data" / name).read_bytes().decode("utf-8")
    assert text.endswith("\n") and "\r" not in text
    lines = text.split("\n")[:-1]
    assert all(line and line == line.rstrip() for line in lines)
    rows = [line for line in lines if line[0] != "#"]
    assert len(rows) == len(set(rows))
    assert lines[: len(lines) - len(rows)] == [line for line in lines if line[0] == "#"]


@pytest.mark.parametrize(
    ("name", "credits"),
    [
        ("dicom-dict.txt", ["edition 2024c", "pydicom 3.0.2", "Darcy Mason", "MIT license"]),
        ("uids.txt", ["edition 2024c", "pydicom 3.0.2", "highdicom 0.28.2", "Copyright 2020 MGH Computational Pathology"]),
        ("private-dict.txt", ["GDCM", "Mathieu Malaterre", "CREATIS", "Redistributions of source code must retain"]),
    ],
)
def test_the_header_credits_the_sources(name: str, credits: list[str]) -> None:
    header = "".join(line for line in (ROOT / "data" / name).read_text("utf-8").splitlines() if line[0] == "#")
    assert all(credit in header for credit in credits)


@pytest.mark.parametrize(
    ("source", "pattern"),
    [
        ("0029XX10", "0029XX10"),
        ("00290010", "0029XX10"),
        ("00E11021", "00E11021"),
        ("70XXXX04", "70XXXX04"),
        ("001910XX", ""),
        ("0032XX32", ""),
    ],
)
def test_private_patterns_name_an_offset_in_a_block(maker: ModuleType, source: str, pattern: str) -> None:
    assert maker.block_pattern(source) == pattern
