"""The figures as rows, as a table for the terminal and as Markdown. Ratios are of one run; no absolute figure is stable."""

from __future__ import annotations

import statistics
from typing import Any, NamedTuple

from .cases import Case, Target


class Row(NamedTuple):
    """One line: ``value`` from the fastest sample of each contender, ``typical`` from the medians."""

    case: str
    title: str
    against: str
    measure: str
    value: float
    typical: float
    limit: float | None
    ok: bool | None


_HEADINGS = ("case", "against", "this run", "of medians", "target", "")


def summarise(samples: list[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Minimum and median seconds of a contender by each clock."""
    clocks = {clock: [sample[clock] for sample in samples] for clock in ("cpu", "wall")}
    return {clock: {"min": min(found), "median": statistics.median(found), "n": len(found)} for clock, found in clocks.items()}


def rows(case: Case, figures: dict[str, Any]) -> list[Row]:
    """The lines of a case, from what each contender's process reported."""
    return [_row(case, target, figures) for target in case.targets]


def _row(case: Case, target: Target, figures: dict[str, Any]) -> Row:
    ours, other = figures["dcmenc"], figures.get(target.against)
    best, typical = (_value(case, target, ours, other, which) for which in ("min", "median"))
    more = target.measure == "times"
    ok = None if target.limit is None else best >= target.limit if more else best <= target.limit
    return Row(case.name, case.title, target.against, target.measure, best, typical, target.limit, ok)


def _value(case: Case, target: Target, ours: Any, other: Any, which: str) -> float:
    mine = ours["seconds"][case.clock][which]
    if target.measure == "ns a value":
        return float(mine / ours["values"] * 1e9)
    if target.measure == "MiB extra":
        return float("nan") if ours["extra"] is None else ours["extra"] / 2**20
    theirs = other["seconds"][case.clock][which]
    return float((mine - theirs) * 1e3 if target.measure == "ms above" else theirs / mine)


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def cells(row: Row) -> tuple[str, ...]:
    sign = {"times": "x", "ns a value": " ns a value", "MiB extra": " MiB extra", "ms above": " ms above"}[row.measure]
    bound = "" if row.limit is None else f"{'>=' if row.measure == 'times' else '<='} {row.limit:g}{sign}"
    mark = {True: "pass", False: "MISSED", None: ""}[row.ok]
    return f"{row.title} [{row.case}]", row.against, _number(row.value) + sign, _number(row.typical) + sign, bound, mark


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
        style = {True: "green", False: "red", None: None}[row.ok]
        table.add_row(*(cell.replace("[", "\\[") for cell in cells(row)), style=style)
    console = Console()
    console.print(table)
    for note in notes:
        console.print(note, highlight=False)
