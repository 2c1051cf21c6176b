"""One contender in its own fresh process: takes commands as JSON lines, answers with times and memory.

The parent alternates between the contenders, one sample each, so that the noise of the machine falls on all alike.
"""

from __future__ import annotations

import gc
import importlib
import json
import math
import os
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from .cases import CASES
from .jobs import Job

# One warm sample takes at least this long, by repeating short calls.
_SAMPLE_SECONDS = 0.01
# How often the memory is looked at where its peak is not told.
_WATCH_SECONDS = 0.0005


def main() -> None:
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    # What a peer prints must not fall between the answers.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    contestant: Contestant | None = None
    for line in sys.stdin:
        command = json.loads(line)
        if command["do"] == "prepare":
            contestant = Contestant(command)
            answer = contestant.ready
        elif contestant is not None and command["do"] == "sample":
            answer = contestant.sample()
        elif contestant is not None:
            answer = contestant.finish()
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


class Contestant:
    """A prepared case, warmed up by two calls; the garbage collector is off from then on."""

    def __init__(self, command: dict[str, Any]) -> None:
        case = CASES[command["case"]]
        peer = importlib.import_module(f".peer_{command['label'].split('-')[0]}", __package__)
        self._job: Job = peer.prepare(case, command["form"], command["size"], command["folder"])
        self._acts: dict[str, Callable[[], object]] = dict(self._job.parts or {"": partial(peer.run, self._job)})
        result = peer.result(self._job)
        with open(command["result"], "wb") as file:
            file.write(result)
        del result
        self._before = gc.collect if case.cold else self._job.before
        gc.collect()
        gc.disable()
        if not case.every_core:
            share_one_core()
        self._calls = {name: self._calls_of(act) for name, act in self._acts.items()}
        self._watched = any(target.measure == "MiB private" for target in case.targets)
        self._memory = reset_peak()
        self.ready = {"values": self._job.values, "calls": self._calls}

    def _calls_of(self, act: Callable[[], object]) -> int:
        self._timed(act, 1)
        once = self._timed(act, 1)
        return 1 if self._before else max(1, math.ceil(_SAMPLE_SECONDS / max(once["wall"], 1e-7)))

    def _timed(self, act: Callable[[], object], calls: int) -> dict[str, float]:
        if self._before:
            self._before()
        repeats = range(calls)
        wall, cpu = time.perf_counter(), time.thread_time()
        for _ in repeats:
            act()
        cpu, wall = time.thread_time() - cpu, time.perf_counter() - wall
        return {"cpu": cpu / calls / self._job.times, "wall": wall / calls / self._job.times}

    def sample(self) -> dict[str, dict[str, float]]:
        """Seconds of one call of each part, as the mean of as many as fill a sample."""
        return {name: self._sample(act, self._calls[name]) for name, act in self._acts.items()}

    def _sample(self, act: Callable[[], object], calls: int) -> dict[str, float]:
        if calls > 1:
            # the other contender's turn has emptied the caches
            self._timed(act, 1)
        return self._timed(act, calls)

    def finish(self) -> dict[str, float | None]:
        """How far the memory rose above where it stood when the samples began, and the private part of it in one more call."""
        peak = peak_memory()
        extra = None if peak is None or self._memory is None else peak - self._memory
        return {"extra": extra, "private": self._private() if self._watched else None}

    def _private(self) -> int | None:
        """How far the memory that is no page of a file rises in one call; a thread looks on, so no call that is timed has it."""
        before = private_memory()
        if before is None:
            return None
        done, highest = threading.Event(), before

        def watch() -> None:
            nonlocal highest
            while not done.wait(_WATCH_SECONDS):
                highest = max(highest, private_memory() or 0)

        watcher = threading.Thread(target=watch)
        watcher.start()
        for act in self._acts.values():
            self._timed(act, 1)
        done.set()
        watcher.join()
        return highest - before


def share_one_core() -> None:
    """Let all contenders run on the same core: two cores of a busy machine differ by more than the peers of some cases."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def reset_peak() -> int | None:
    """Forget the highest memory so far and return the memory held now, in bytes; None where the system cannot tell."""
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        return None
    return peak_memory()


def peak_memory() -> int | None:
    """The highest resident memory since :func:`reset_peak`, in bytes."""
    try:
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return None


def private_memory() -> int | None:
    """The resident memory that is not shared with a file, in bytes; None where the system cannot tell."""
    try:
        with open("/proc/self/statm") as file:
            resident, shared = map(int, file.read().split()[1:3])
    except OSError:
        return None
    return (resident - shared) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
