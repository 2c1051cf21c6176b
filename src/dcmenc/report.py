"""What was found, changed and written: findings with their clause, as text, as JSON and as a table for a terminal.

The rules that are found broken are in ``verification.py``; the exception that carries a report, in ``errors.py``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from .errors import VerifyError

Severity = Literal["error", "warning", "info"]

_SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
_COLOURS = {"error": "red", "warning": "yellow", "info": "blue"}
# How many errors the message of an exception spells out.
_SPELLED_OUT = 5


class Finding(NamedTuple):
    """One remark on a dataset.

    ``code`` is a word for programs ("missing-type-1"), ``message`` a sentence for people; ``path`` and ``keyword`` say
    where, and are empty where the remark is about the whole; ``clause`` is the place in the standard.

    >>> str(Finding("error", "empty-type-1", "(0008,0060)", "Modality", "has no value", "PS3.3 C.7.3.1"))
    'error: (0008,0060) Modality has no value [PS3.3 C.7.3.1]'
    """

    severity: Severity
    code: str
    path: str = ""
    keyword: str = ""
    message: str = ""
    clause: str = ""

    def __str__(self) -> str:
        words = (f"{self.severity}:", self.path, self.keyword, self.message, self.clause and f"[{self.clause}]")
        return " ".join(filter(None, words))


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a check or of writing.

    A report is true when it is ``ok``, so that ``if not report`` finds the faulty ones; warnings leave it true.

    Parameters
    ----------
    findings : tuple of Finding
        Errors, warnings and remarks.
    dropped : tuple of str
        Attributes that were left out because they no longer hold, by keyword (by tag, if they have none).
    overridden : tuple of str
        Attributes whose given value was replaced, by keyword.
    files : tuple of str
        The paths that were written; empty for file objects.

    Examples
    --------
    >>> report = Report((Finding("error", "missing-type-1", "(0008,0060)", "Modality", "is missing"),))
    >>> report.ok, bool(report), bool(Report())
    (False, False, True)
    >>> report.raise_for_errors()
    Traceback (most recent call last):
    ...
    dcmenc.errors.VerifyError: (0008,0060) Modality is missing
    """

    findings: tuple[Finding, ...] = ()
    dropped: tuple[str, ...] = ()
    overridden: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that are errors."""
        return self._of("error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that are warnings."""
        return self._of("warning")

    @property
    def ok(self) -> bool:
        """Whether there is no error."""
        return not self.errors

    def __bool__(self) -> bool:
        return self.ok

    def raise_for_errors(self) -> None:
        """Raise :class:`~dcmenc.errors.VerifyError`, which carries this report, if there is an error."""
        errors = [str(finding).removeprefix("error: ") for finding in self.errors]
        if errors:
            more = f"; and {len(errors) - _SPELLED_OUT} more" if len(errors) > _SPELLED_OUT else ""
            raise VerifyError("; ".join(errors[:_SPELLED_OUT]) + more, self)

    def to_json(self) -> str:
        """The report as a JSON object with ok, findings, dropped, overridden and files.

        >>> Report(files=("a.dcm",)).to_json()
        '{"ok": true, "findings": [], "dropped": [], "overridden": [], "files": ["a.dcm"]}'
        """
        import json

        findings = [finding._asdict() for finding in self.findings]
        lists = {"dropped": self.dropped, "overridden": self.overridden, "files": self.files}
        return json.dumps({"ok": self.ok, "findings": findings, **lists})

    def __str__(self) -> str:
        lists = (("dropped", self.dropped), ("overridden", self.overridden), ("written", self.files))
        named = [f"{name}: {', '.join(items)}" for name, items in lists if items]
        return "\n".join([self._summary(), *map(str, self.findings), *named])

    def __rich__(self) -> Any:
        """A table for rich's consoles."""
        from rich.table import Table
        from rich.text import Text

        table = Table(title=self._summary(), caption="\n".join(str(self).splitlines()[1 + len(self.findings):]) or None)
        for heading in ("severity", "where", "what", "clause"):
            table.add_column(heading)
        for finding in self.findings:
            cells = (finding.severity, f"{finding.path} {finding.keyword}".strip(), finding.message, finding.clause)
            # Text, because rich would take the brackets of a path for markup
            table.add_row(*(Text(cell, style=_COLOURS[finding.severity] if cell is cells[0] else "") for cell in cells))
        return table

    def _of(self, severity: Severity) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity == severity)

    def _summary(self) -> str:
        counts = {severity: len(self._of(severity)) for severity in _SEVERITIES}
        plural = {"error": "errors", "warning": "warnings", "info": "remarks"}
        single = {"error": "error", "warning": "warning", "info": "remark"}
        words = [f"{count} {single[severity] if count == 1 else plural[severity]}" for severity, count in counts.items() if count]
        return ", ".join(words) or "nothing to remark"


# The fields of MATLAB's status.
STATUS_FIELDS = ("BadAttribute", "MissingCondition", "MissingData", "SuspectAttribute")


class Status(Mapping[str, tuple[Finding, ...]]):
    """What ``dicomwrite`` has to say: MATLAB's four lists by name, as items or attributes, and the report that they come from.

    It has no items if no metadata were given, as MATLAB's is empty. It is true when it is ``ok``.

    Parameters
    ----------
    report : Report
    lists : mapping, optional
        Findings by the name of the field.

    Attributes
    ----------
    report : Report
        Everything that was found, also what belongs to none of the four.

    Examples
    --------
    >>> missing = Finding("error", "missing-type-1", "(0028,0030)", "PixelSpacing", "is missing", "PS3.3 C.7.6.2")
    >>> status = Status(Report((missing,), files=("a.dcm",)), {"MissingData": (missing,)})
    >>> [finding.keyword for finding in status["MissingData"]], status.BadAttribute, status.files, status.ok
    (['PixelSpacing'], (), ('a.dcm',), False)
    >>> len(Status(Report())), bool(Status(Report()))
    (0, True)
    """

    __slots__ = ("_lists", "report")

    def __init__(self, report: Report, lists: Mapping[str, tuple[Finding, ...]] | None = None) -> None:
        self.report = report
        self._lists = {} if lists is None else {name: lists.get(name, ()) for name in STATUS_FIELDS}

    def __getitem__(self, name: str) -> tuple[Finding, ...]:
        return self._lists[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._lists)

    def __len__(self) -> int:
        return len(self._lists)

    def __bool__(self) -> bool:
        return self.ok

    @property
    def ok(self) -> bool:
        """Whether the four lists are empty, and nothing else is an error."""
        return self.report.ok and not any(self._lists.values())

    @property
    def BadAttribute(self) -> tuple[Finding, ...]:
        """Fields that no dictionary knows, and attributes whose VR or number of values is not the dictionary's."""
        return self._lists.get("BadAttribute", ())

    @property
    def MissingCondition(self) -> tuple[Finding, ...]:
        """Conditional attributes that are not there, whose condition is not known here."""
        return self._lists.get("MissingCondition", ())

    @property
    def MissingData(self) -> tuple[Finding, ...]:
        """Attributes that the IOD requires and that are not there, or have no value."""
        return self._lists.get("MissingData", ())

    @property
    def SuspectAttribute(self) -> tuple[Finding, ...]:
        """Values that are not among those enumerated, or contradict others."""
        return self._lists.get("SuspectAttribute", ())

    @property
    def dropped(self) -> tuple[str, ...]:
        """Attributes that were given and are not in the file, by keyword."""
        return self.report.dropped

    @property
    def overridden(self) -> tuple[str, ...]:
        """Attributes whose given value was replaced, by keyword."""
        return self.report.overridden

    @property
    def files(self) -> tuple[str, ...]:
        """The paths that were written."""
        return self.report.files

    def __repr__(self) -> str:
        counts = ", ".join(f"{name}: {len(found)}" for name, found in self._lists.items())
        return f"<Status {counts or 'without metadata'}>"

    def __str__(self) -> str:
        return str(self.report)

    def __rich__(self) -> Any:
        return self.report.__rich__()
