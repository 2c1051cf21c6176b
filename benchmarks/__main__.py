"""``python -m benchmarks [case ...] [--quick] [--json PATH]``: every contender in its own process, the same output first.

Exit status 0: all outputs agree (missed targets are shown, not punished: the machine may be busy); 1: some do not.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from typing import Any

from . import peers, report
from .cases import CASES, absent, without
from .checks import Mismatch, compare, inspect, sizes
from .memory import MOST_MEBIBYTES
from .terms import Case, Size

_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_IN_MEMORY = "/dev/shm"
# Rounds of one sample from every contender: as many as fit these seconds, between these numbers.
_ROUNDS: dict[str, tuple[float, int, int]] = {"full": (12.0, 5, 25), "quick": (1.0, 2, 9)}

_NAMES = (*CASES, "quality", "memory", "scaling")


class Process:
    """A contender's process, and the folder that it may fill."""

    def __init__(self, case: Case, label: str, size: Size, folder: str) -> None:
        self.label, self.samples = label, list[dict[str, dict[str, float]]]()
        self._case, self._sizes = case, dict[str, int]()
        self._result = os.path.join(folder, f"{label}.result")
        target = os.path.join(folder, label)
        os.mkdir(target)
        told = {"DCMENC_OPENJP2": path} if (path := case.openjpeg and peers.openjpeg_copy(case.openjpeg)) else {}
        self._process = subprocess.Popen([sys.executable, "-m", f"{__package__}.worker"], cwd=_ROOT, text=True,
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ | told)
        self._ask(do="prepare", case=case.name, label=label, form=case.contenders[label].form, size=size, folder=target,
                  result=self._result)

    def _ask(self, **command: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the process of {self.label} ended with status {self._process.wait()}; its error is shown above")
        found: dict[str, Any] = json.loads(line)
        return found

    def sample(self) -> None:
        self._ask(do="sample")
        self.samples.append(self.answer())

    def result(self) -> bytes:
        with open(self._result, "rb") as file:
            found = file.read()
        self._sizes = sizes(self._case, found)
        return found

    def figures(self, ready: dict[str, Any]) -> dict[str, Any]:
        self._ask(do="finish")
        return {"seconds": report.summarise(self.samples), **ready, **self.answer(), "sizes": self._sizes}

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def run_case(case: Case, size: Size) -> dict[str, Any]:
    """Prepare all contenders, compare their outputs, then sample them in turn."""
    with tempfile.TemporaryDirectory(prefix="dcmenc-bench-", dir=_IN_MEMORY if case.in_memory else None) as folder:
        processes: list[Process] = []
        try:
            processes += [Process(case, label, size, folder) for label in case.contenders]
            ready = {process.label: process.answer() for process in processes}
            checks = _check(case, size, processes)
            _sample(processes, size)
            figures = {process.label: process.figures(ready[process.label]) for process in processes}
        finally:
            for process in processes:
                process.close()
    return {"title": case.title, "clock": case.clock, "warm": not case.cold, "checks": checks, "contenders": figures,
            "forms": {label: contender.form for label, contender in case.contenders.items()}}


def _check(case: Case, size: Size, processes: list[Process]) -> dict[str, str]:
    results = {process.label: process.result() for process in processes}
    ours = results.pop("dcmenc")
    found = {label: compare(case, label, size, ours, theirs) for label, theirs in results.items()}
    alone = inspect(case, ours)
    return found | ({"dcmenc": alone} if alone else {})


def _sample(processes: list[Process], size: Size) -> None:
    """A B A B ...: a busy moment of the machine is shared."""
    seconds, fewest, most = _ROUNDS[size]
    end = time.monotonic() + seconds
    for done in range(most):
        if done >= fewest and time.monotonic() > end:
            break
        for process in processes:
            process.sample()


def run_scaling(size: Size) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-m", f"{__package__}.scaling", size], cwd=_ROOT, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def run_quality() -> tuple[dict[str, Any], list[report.Row]]:
    """The figures of :mod:`benchmarks.quality`, and its lines of the table."""
    done = subprocess.run([sys.executable, "-m", f"{__package__}.quality"], cwd=_ROOT, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found, [row for codec, losses in found.items() for row in report.quality_rows(codec, losses)]


def run_memory(size: Size) -> tuple[dict[str, Any], list[report.Row]]:
    """The figures of :mod:`benchmarks.memory`, and its lines of the table."""
    done = subprocess.run([sys.executable, "-m", f"{__package__}.memory", size], cwd=_ROOT, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found, [report.memory_row(title, MOST_MEBIBYTES, figures["MiB peak"]) for title, figures in found.items()]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="dcmenc beside other writers of DICOM; only ratios count")
    parser.add_argument("cases", nargs="*", metavar="case", help=f"{', '.join(_NAMES)}; all if none is named")
    parser.add_argument("--quick", action="store_true", help="fewer samples and values, in about a minute")
    parser.add_argument("--json", default=os.path.join(_ROOT, "out", "bench.json"), metavar="PATH",
                        help="where the figures go (out/bench.json); the table goes beside it as Markdown")
    options = parser.parse_args()
    if unknown := set(options.cases) - set(_NAMES):
        parser.error(f"no such case: {', '.join(sorted(unknown))}; there are {', '.join(_NAMES)}")
    return options


def _conditions(size: Size) -> dict[str, Any]:
    return {"size": size, "python": platform.python_version(), "machine": platform.machine(), "cores": os.cpu_count(),
            "load": os.getloadavg(), "dcmenc": version("dcmenc"), "pydicom": version("pydicom"),
            "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}


def main() -> int:
    options = _arguments()
    size: Size = "quick" if options.quick else "full"
    found: dict[str, Any] = {"conditions": _conditions(size), "cases": {}}
    rows: list[report.Row] = []
    failures: list[str] = []
    missing: list[str] = []
    for case in CASES.values():
        if options.cases and case.name not in options.cases:
            continue
        print(f"{case.name} ...", file=sys.stderr, flush=True)
        if programs := absent(case):
            missing.append(f"{case.name}: {', '.join(programs)} is not installed, so its row is left out")
            case = without(case, programs)
        if case.openjpeg and not peers.openjpeg_copy(case.openjpeg):
            missing.append(f"{case.name}: there is no such copy of OpenJPEG, so it is left out")
            continue
        if case.in_memory and not os.access(_IN_MEMORY, os.W_OK):
            missing.append(f"{case.name}: there is no folder in memory, so it is left out")
            continue
        try:
            figures = run_case(case, size)
        except Mismatch as error:
            failures.append(str(error))
            continue
        figures["rows"] = [row._asdict() for row in report.rows(case, figures["contenders"])]
        rows += report.rows(case, figures["contenders"])
        found["cases"][case.name] = figures
    if not options.cases or "quality" in options.cases:
        print("quality ...", file=sys.stderr, flush=True)
        found["quality"], lines = run_quality()
        rows += lines
    if not options.cases or "memory" in options.cases:
        print("memory ...", file=sys.stderr, flush=True)
        found["memory"], lines = run_memory(size)
        rows += lines
    if not options.cases or "scaling" in options.cases:
        found["scaling"] = run_scaling(size)
    notes = _notes(found, missing, failures)
    _save(options.json, found, rows, notes)
    report.show(rows, notes)
    return 1 if failures else 0


def _notes(found: dict[str, Any], missing: list[str], failures: list[str]) -> list[str]:
    conditions = found["conditions"]
    notes = [f"Python {conditions['python']}, {conditions['machine']}, {conditions['cores']} cores, load {conditions['load'][0]:.1f}; "
             f"dcmenc {conditions['dcmenc']}, pydicom {conditions['pydicom']}; {conditions['size']} run. Only ratios of one run count."]
    notes += [f"{act}, {name}: {value}" for act, figures in found.get("scaling", {}).items() for name, value in figures.items()]
    return notes + missing + [f"NOT THE SAME OUTPUT: {failure}" for failure in failures]


def _save(path: str, found: dict[str, Any], rows: list[report.Row], notes: list[str]) -> None:
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(found, file, indent=1)
    with open(os.path.splitext(path)[0] + ".md", "w", encoding="utf-8") as file:
        file.write(report.markdown(rows, notes) + report.quality_markdown(found.get("quality", {})))


if __name__ == "__main__":
    sys.exit(main())
