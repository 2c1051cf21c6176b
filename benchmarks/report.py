"""The figures as rows, as a table for the terminal and as Markdown. Ratios are of one run; no absolute figure is stable."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from typing import Any, NamedTuple

from .terms import Case, Target

# The most by which a picture may be worse than the library's with the same settings, in dB, and what a stream may take of its bytes.
MOST_BELOW, MOST_BYTES = 0.1, 1


class Row(NamedTuple):
    """One line: ``value`` from the fastest sample of each contender, ``typical`` from the median round.

    A target is reached, or missed, where both say so; else the run was too noisy to settle it. ``part`` is the frame that the
    figures are of, or what they are of all frames.
    """

    case: str
    title: str
    against: str
    measure: str
    value: float
    typical: float
    limit: float | None
    verdict: str
    part: str = ""
    ours: str = "dcmenc"


_HEADINGS = ("case", "against", "of the fastest", "median round", "target", "")

# What a contender's process reports, by the measure that shows it.
_MEMORY = {"MiB extra": "extra", "MiB private": "private"}


def summarise(samples: list[dict[str, dict[str, float]]]) -> dict[str, dict[str, dict[str, Any]]]:
    """Seconds of a contender by part and clock: minimum, median, and every round. What has no parts has one without a name."""
    return {part: {clock: _summary([sample[part][clock] for sample in samples]) for clock in ("cpu", "wall")} for part in samples[0]}


def _summary(found: list[float]) -> dict[str, Any]:
    return {"min": min(found), "median": statistics.median(found), "n": len(found), "rounds": found}


def rows(case: Case, figures: dict[str, Any]) -> list[Row]:
    """The lines of a case, from what each contender's process reported."""
    return [_row(case, target, figures) for target in case.targets]


def memory_row(title: str, limit: float, found: float) -> Row:
    """The line of a process that is measured once."""
    target = Target("MiB peak", "", limit)
    return Row("memory", title, "", target.measure, found, found, limit, _verdict(target, found, found))


def quality_rows(codec: str, losses: list[dict[str, Any]]) -> list[Row]:
    """The lines of a lossy codec: the setting that is furthest below the library's picture, and the one whose streams are largest."""
    found = []
    for target, key in ((Target("dB below", "the library", MOST_BELOW), "below"), (Target("size", "the library", MOST_BYTES), "size")):
        worst = max(losses, key=lambda loss: float(loss[key]))
        found.append(Row("quality", f"{codec}, lossy", target.against, target.measure, worst[key], worst[key], target.limit,
                         _verdict(target, worst[key]), f"worst of {len(losses)}, {worst['setting']}"))
    return found


def quality_markdown(found: dict[str, list[dict[str, Any]]]) -> str:
    """Every setting of the lossy codecs in a table of its own."""
    lines = ["", "| lossy | dcmenc, dB | the library, dB | dcmenc, bytes | the library, bytes |", "|---|---|---|---|---|"]
    lines += [f"| {loss['setting']} | {loss['psnr']:.2f} | {loss['library_psnr']:.2f} | {loss['bytes']} | {loss['library_bytes']} |"
              for losses in found.values() for loss in losses]
    return "\n".join(lines) + "\n" if found else ""


def _row(case: Case, target: Target, figures: dict[str, Any]) -> Row:
    ours: dict[str, Any] = figures[target.ours]
    other: dict[str, Any] = figures.get(target.against, {})
    part = target.part
    if memory := _MEMORY.get(target.measure):
        best = typical = float("nan") if ours[memory] is None else ours[memory] / 2**20
    elif target.measure == "size":
        part, best = _over_parts(part, {name: size / other["sizes"][name] for name, size in ours["sizes"].items()}, max)
        typical = best
    else:
        pairs = {name: _times(case, target, ours, other, name) for name in ours["seconds"]}
        worst = min if target.measure == "times" else max
        part, best = _over_parts(target.part, {name: pair[0] for name, pair in pairs.items()}, worst)
        typical = _over_parts(target.part, {name: pair[1] for name, pair in pairs.items()}, worst)[1]
    return Row(case.name, case.title, target.against, target.measure, best, typical, target.limit, _verdict(target, best, typical),
               part, target.ours)


def _times(case: Case, target: Target, ours: dict[str, Any], other: dict[str, Any], part: str) -> tuple[float, float]:
    """What is measured of one part: of the fastest samples, and of the median round."""
    mine = ours["seconds"][part][case.clock]
    theirs: dict[str, Any] = other["seconds"][part][case.clock] if other else {"min": 0.0, "rounds": [0.0] * mine["n"]}
    rounds = zip(mine["rounds"], theirs["rounds"], strict=True)
    return (_value(target, ours["values"], mine["min"], theirs["min"]),
            statistics.median(_value(target, ours["values"], *pair) for pair in rounds))


def _over_parts(part: str, found: dict[str, float], worst: Callable[..., str]) -> tuple[str, float]:
    """The figure of the worst part, or the geometric mean of those whose name begins so; and in words which it is."""
    if part == "worst":
        name = worst(found, key=found.__getitem__)
        return f"worst, {name}", found[name]
    chosen = [value for name, value in found.items() if name.startswith(part)]
    mean = chosen[0] if len(chosen) == 1 else math.exp(statistics.fmean(map(math.log, chosen)))
    return ", ".join(filter(None, (part, f"mean of {len(chosen)}" if len(chosen) > 1 else ""))), mean


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


def _number(value: float, measure: str) -> str:
    if measure == "size":
        return f"{value:.4f}"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


# How a figure of each measure is written; others are said by their name.
_UNITS = {"times": "x", "size": " of its size"}


def cells(row: Row) -> tuple[str, ...]:
    unit = _UNITS.get(row.measure, f" {row.measure}")
    bound = "" if row.limit is None else f"{'>=' if row.measure == 'times' else '<='} {row.limit:g}{unit}"
    variant = row.ours.removeprefix("dcmenc").replace("-", ", ", 1)
    against = ": ".join(filter(None, (row.against, row.part)))
    return (f"{row.title}{variant} [{row.case}]", against, *(_number(value, row.measure) + unit for value in (row.value, row.typical)),
            bound, row.verdict)


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
