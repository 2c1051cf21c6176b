"""The figures as rows, as a table for the terminal and as Markdown. Ratios are of one run; no absolute figure is stable."""

from __future__ import annotations

import statistics
from typing import Any, NamedTuple

from .cases import Case, Target


class Row(NamedTuple):
    """One line: ``value`` from the fastest sample of each contender, ``typical`` from the median round.

    A target is reached, or missed, where both say so; else the run was too noisy to settle it.
    """

    case: str
    title: str
    against: str
    measure: str
    value: float
    typical: float
    limit: float | None
    verdict: str


_HEADINGS = ("case", "against", "of the fastest", "median round", "target", "")

# What a contender's process reports, by the measure that shows it.
_MEMORY = {"MiB extra": "extra", "MiB private": "private"}


def summarise(samples: list[dict[str, float]]) -> dict[str, dict[str, Any]]:
    """Seconds of a contender by each clock: minimum, median, and every round."""
    clocks = {clock: [sample[clock] for sample in samples] for clock in ("cpu", "wall")}
    return {clock: {"min": min(found), "median": statistics.median(found), "n": len(found), "rounds": found}
            for clock, found in clocks.items()}


def rows(case: Case, figures: dict[str, Any]) -> list[Row]:
    """The lines of a case, from what each contender's process reported."""
    return [_row(case, target, figures) for target in case.targets]


def _row(case: Case, target: Target, figures: dict[str, Any]) -> Row:
    ours, other = figures["dcmenc"], figures.get(target.against)
    if memory := _MEMORY.get(target.measure):
        best = typical = float("nan") if ours[memory] is None else ours[memory] / 2**20
    else:
        mine = ours["seconds"][case.clock]
        theirs: dict[str, Any] = other["seconds"][case.clock] if other else {"min": 0.0, "rounds": [0.0] * mine["n"]}
        best = _value(target, ours["values"], mine["min"], theirs["min"])
        typical = statistics.median(_value(target, ours["values"], *pair) for pair in zip(mine["rounds"], theirs["rounds"], strict=True))
    return Row(case.name, case.title, target.against, target.measure, best, typical, target.limit, _verdict(target, best, typical))


def _value(target: Target, values: int, mine: float, theirs: float) -> float:
    if target.measure == "ns a value":
        return mine / values * 1e9
    return (mine - theirs) * 1e3 if target.measure == "ms above" else theirs / mine


def _verdict(target: Target, *found: float) -> str:
    limit = target.limit
    if limit is None:
        return ""
    reached = {value >= limit if target.measure == "times" else value <= limit for value in found}
    return "unsettled" if len(reached) > 1 else "pass" if True in reached else "MISSED"


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def cells(row: Row) -> tuple[str, ...]:
    sign = "x" if row.measure == "times" else f" {row.measure}"
    bound = "" if row.limit is None else f"{'>=' if row.measure == 'times' else '<='} {row.limit:g}{sign}"
    return f"{row.title} [{row.case}]", row.against, _number(row.value) + sign, _number(row.typical) + sign, bound, row.verdict


def markdown(found: list[Row], notes: list[str]) -> str:
    lines = ["# Benchmarks", "", *(f"{note}  " for note in notes), "",
             "| " + " | ".join(_HEADINGS) + " |", "|" + "---|" * len(_HEADINGS)]
    lines += ["| " + " | ".join(cells(row)) + " |" for row in found]
    return "\n".join(lines) + "\n"


def show(found: list[Row], notes: list[str]) -> None:
    """Print the table; with rich where it is installed."""
    try:
        from rich.console import Console
        from rich.table import Table
    except ImportError:
        print(markdown(found, notes))
        return
    table = Table(*_HEADINGS)
    for row in found:
        style = {"pass": "green", "MISSED": "red", "unsettled": "yellow", "": None}[row.verdict]
        table.add_row(*(cell.replace("[", "\\[") for cell in cells(row)), style=style)
    console = Console()
    console.print(table)
    for note in notes:
        console.print(note, highlight=False)
