"""Reports: truth, text, JSON, the table for terminals, and the exception that carries them."""

from __future__ import annotations

import io
import json

import pytest

from dcmenc.errors import DcmencError, VerifyError
from dcmenc.report import Finding, Report

ERROR = Finding("error", "missing-type-1", "(0008,0060)", "Modality", "is missing", "PS3.3 C.7.3.1")
WARNING = Finding("warning", "sop-class-unknown", "(0040,A730)[0].(0040,A040)", "ValueType", "is [odd]", "PS3.3 A")
INFO = Finding("info", "dropped", "(0088,0200)", "IconImageSequence", "was left out")


def test_a_report_is_ok_and_true_unless_it_has_an_error() -> None:
    assert Report().ok and Report((WARNING, INFO)).ok and not Report((WARNING, ERROR)).ok
    assert bool(Report((WARNING,))) and not Report((ERROR,))
    assert Report((WARNING, ERROR)).errors == (ERROR,) and Report((WARNING, ERROR)).warnings == (WARNING,)


def test_only_errors_are_raised_and_the_exception_carries_the_report() -> None:
    Report((WARNING, INFO)).raise_for_errors()
    report = Report((WARNING, ERROR))
    with pytest.raises(VerifyError, match=r"^\(0008,0060\) Modality is missing \[PS3.3 C.7.3.1\]$") as caught:
        report.raise_for_errors()
    assert caught.value.report is report
    assert isinstance(caught.value, ValueError) and isinstance(caught.value, DcmencError)


def test_the_exception_does_not_grow_with_the_number_of_errors() -> None:
    with pytest.raises(VerifyError, match=r"and 95 more$"):
        Report((ERROR,) * 100).raise_for_errors()


def test_json_holds_every_field() -> None:
    report = Report((ERROR,), ("IconImageSequence",), ("Rows",), ("ä.dcm",))
    assert json.loads(report.to_json()) == {
        "ok": False,
        "findings": [{"severity": "error", "code": "missing-type-1", "path": "(0008,0060)", "keyword": "Modality",
                      "message": "is missing", "clause": "PS3.3 C.7.3.1"}],
        "dropped": ["IconImageSequence"], "overridden": ["Rows"], "files": ["ä.dcm"],
    }


def test_text_counts_lists_and_names_everything() -> None:
    text = str(Report((ERROR, WARNING, WARNING), ("IconImageSequence",), (), ("a.dcm",)))
    assert text.splitlines() == [
        "1 error, 2 warnings", str(ERROR), str(WARNING), str(WARNING), "dropped: IconImageSequence", "written: a.dcm"]
    assert str(Report()) == "nothing to remark"


def test_the_table_of_rich_shows_paths_with_their_brackets() -> None:
    from rich.console import Console

    console = Console(file=io.StringIO(), width=200)
    console.print(Report((ERROR, WARNING), overridden=("Rows",)))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "(0040,A730)[0].(0040,A040) ValueType" in shown and "is [odd]" in shown and "overridden: Rows" in shown
    assert "1 error, 1 warning" in shown


def test_reports_are_values() -> None:
    assert Report((ERROR,)) == Report((ERROR,)) != Report()
    with pytest.raises(AttributeError):
        Report().files = ("x",)  # type: ignore[misc]
