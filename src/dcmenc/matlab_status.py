"""From the findings of a check to the four lists of MATLAB's status.

The check itself is ``verification.py``'s.
"""

from __future__ import annotations

from collections.abc import Iterable

from .dictionary import Tag
from .iod_tables import attributes_of, iod_of
from .report import Finding, Report, Status

# Which list a finding belongs to, by the beginning of its code; the rest is in the report only.
_LISTS = (
    ("MissingData", ("missing-type-", "empty-type-", "missing-functional-group")),
    ("SuspectAttribute", ("value-not-", "value-outside-", "bits-stored", "high-bit", "pixel-", "pointer-to-nothing", "dimension-values",
                          "frame-items")),
    ("BadAttribute", ("vr-wrong", "vm-wrong", "value-syntax", "not-a-sequence", "not-an-item", "unreadable", "unknown-attribute",
                      "too-deep")),
)


def status_of(report: Report, sop_class: str, *, described: bool) -> Status:
    """The status of a file.

    Parameters
    ----------
    report : Report
        With the findings of the check, where there was one.
    sop_class : str
        The UID of the class that was held against.
    described : bool
        Whether any metadata were given; if not, MATLAB's status is empty.
    """
    if not described:
        return Status(report)
    lists: dict[str, list[Finding]] = {}
    for finding in report.findings:
        name = _list_of(finding, sop_class)
        if name:
            lists.setdefault(name, []).append(finding)
    return Status(report, {name: tuple(findings) for name, findings in lists.items()})


def _list_of(finding: Finding, sop_class: str) -> str:
    if finding.code == "condition-undecided":
        return "MissingCondition" if _is_unknown(finding.path, sop_class) else ""
    if finding.severity == "info" or (finding.severity == "warning" and finding.code.startswith("missing-")):
        return ""
    return next((name for name, codes in _LISTS if finding.code.startswith(codes)), "")


def _is_unknown(path: str, sop_class: str) -> bool:
    """Whether nobody has written the condition down, rather than that only who made the image can decide it."""
    if not path or "[" in path or iod_of(sop_class) is None:
        return False
    row = attributes_of(sop_class).get(Tag(path))
    return row is not None and row.condition is not None and row.condition.state == "undecided"


def is_news(finding: Finding, sop_class: str) -> bool:
    """Whether a finding tells the writer something: that only a person can decide a condition does not."""
    return finding.code != "condition-undecided" or _is_unknown(finding.path, sop_class)


def merged(statuses: Iterable[Status]) -> Status:
    """The status of several files of one call: each finding once."""
    every = list(statuses)
    reports = [status.report for status in every]
    report = Report(tuple(dict.fromkeys(finding for one in reports for finding in one.findings)),
                    tuple(dict.fromkeys(name for one in reports for name in one.dropped)),
                    tuple(dict.fromkeys(name for one in reports for name in one.overridden)),
                    tuple(path for one in reports for path in one.files))
    if not any(map(len, every)):
        return Status(report)
    return Status(report, {name: tuple(dict.fromkeys(finding for one in every for finding in one[name])) for name in every[0]})
