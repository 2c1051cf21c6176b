"""Every benchmark case writes the same as its peers; the figures themselves are not looked at here."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from benchmarks import cases, checks, report


def result_of(case: cases.Case, label: str, folder: Path) -> bytes:
    peer = importlib.import_module(f"benchmarks.peer_{label.split('-')[0]}")
    return peer.result(peer.prepare(case, case.contenders[label].form, "check", str(folder)))


@pytest.mark.parametrize("case", cases.CASES.values(), ids=list(cases.CASES))
def test_contenders_write_the_same(case: cases.Case, tmp_path: Path) -> None:
    ours = result_of(case, "dcmenc", tmp_path)
    checks.inspect(case, ours)
    for label, contender in case.contenders.items():
        if label != "dcmenc" and contender.check != "none":
            checks.compare(case, label, "check", ours, result_of(case, label, tmp_path))


def test_a_different_value_is_noticed(tmp_path: Path) -> None:
    case = cases.CASES["enhanced"]
    ours = result_of(case, "dcmenc", tmp_path)
    changed = ours.replace(b"Yamada^Tarou", b"Yamada^Torau")
    with pytest.raises(checks.Mismatch, match="Torau"):
        checks.compare(case, "pydicom", "check", ours, changed)
    with pytest.raises(checks.Mismatch, match="differ at byte"):
        checks.compare(cases.CASES["ct"], "pydicom", "check", ours, changed)


def test_a_loaded_library_is_noticed() -> None:
    with pytest.raises(checks.Mismatch, match="numpy"):
        checks.inspect(cases.CASES["import"], b"dcmenc\nnumpy\n")


@pytest.mark.parametrize("kind", ["doubles", "short"])
def test_legal_text_fits_and_is_near(kind: str) -> None:
    for number in cases.numbers(kind, 500):
        text = cases.legal_text(number)
        assert len(text) <= 16
        assert float(text) == (number if kind == "short" else pytest.approx(number, rel=0, abs=1e-11))


def test_a_target_is_judged_by_the_fastest_and_by_the_median_round() -> None:
    def contender(*seconds: float) -> dict[str, object]:
        return {"seconds": report.summarise([{"cpu": second, "wall": second} for second in seconds]), "values": 0, "extra": 0}

    def judged(*seconds: float) -> tuple[float, float, str]:
        row, = report.rows(cases.CASES["enhanced"], {"dcmenc": contender(1.0, 2.0, 4.0), "pydicom": contender(*seconds)})
        return row.value, row.typical, row.verdict

    assert judged(500.0, 900.0, 800.0) == (500.0, 450.0, "pass")
    assert judged(300.0, 300.0, 400.0) == (300.0, 150.0, "unsettled")
    assert judged(100.0, 120.0, 400.0) == (100.0, 100.0, "MISSED")
