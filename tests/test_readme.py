"""The README's example runs as it stands there, and its status table names what is public."""

from __future__ import annotations

import os
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def test_the_example_runs(tmp_path: Path) -> None:
    code = README.read_text(encoding="utf-8").partition("```python\n")[2].partition("```")[0]
    here = Path.cwd()
    os.chdir(tmp_path)
    try:
        names: dict[str, object] = {}
        exec(compile(code, str(README), "exec"), names)
    finally:
        os.chdir(here)
    files = ["copy.dcm", "dataset.dcm", "packed.dcm", "scan.dcm", "stack.dcm", "stream.dcm"]
    assert sorted(path.name for path in tmp_path.iterdir()) == files
    assert names["copy"].PatientName == names["ds"].PatientName  # type: ignore[attr-defined]
