"""The cost per element as data sets grow and deepen: it is to stay where it is, 10^3 to 10^6 elements, depth 1 to 100.

Run as a process of its own: ``python -m benchmarks.scaling SIZE`` prints JSON.
"""

from __future__ import annotations

import gc
import json
import math
import sys
import time
from typing import Any

import dcmenc

# Elements of one item, with the sequence that holds it.
_PER_ITEM = 10
_ROUNDS = 9


def measure(size: str) -> dict[str, Any]:
    """Nanoseconds of ``dumps`` for each element, by count and by depth, and the exponent of cost over count."""
    counts = [10**3, 10**4, 10**5] + ([10**6] if size == "full" else [])
    wide = _costs({count: (count // _PER_ITEM, 1) for count in counts})
    deep = _costs({depth: (2000 // depth, depth) for depth in (1, 4, 16, 64, 100)})
    exponent = 1 + math.log(wide[counts[-1]] / wide[counts[0]]) / math.log(counts[-1] / counts[0])
    return {"ns an element by elements": wide, "ns an element by depth": deep, "exponent of elements": round(exponent, 3)}


def _item(number: int) -> Any:
    """Nine elements; the tenth is the sequence around it."""
    item = dcmenc.Dataset()
    item.FrameAcquisitionNumber = number % 65536
    item.FrameReferenceDateTime, item.FrameAcquisitionDateTime = "20240131101500.250000", "20240131101500.125000"
    item.FrameAcquisitionDuration = 0.5
    item.StackID, item.InStackPositionNumber, item.TemporalPositionIndex = "1", number, 1
    item.PixelSpacing, item.SliceThickness = [0.48828125, 0.48828125], 1.25
    return item


def _chains(chains: int, depth: int) -> Any:
    """``chains`` items beside each other, each the first of ``depth`` nested ones."""
    root = dcmenc.Dataset()
    root.preamble = None
    root.PerFrameFunctionalGroupsSequence = [_chain(depth, number) for number in range(chains)]
    return root


def _chain(depth: int, number: int) -> Any:
    wrapped = dcmenc.Dataset()
    wrapped.FrameContentSequence = [_item(number)]
    for _ in range(depth - 1):
        outer = _item(number)
        outer.FrameContentSequence = [wrapped]
        wrapped = outer
    return wrapped


def _costs(shapes: dict[int, tuple[int, int]]) -> dict[int, float]:
    """The fastest of some rounds for each (chains, depth), all in turn."""
    datasets = {key: _chains(*shape) for key, shape in shapes.items()}
    counts = {key: chains * depth * _PER_ITEM for key, (chains, depth) in shapes.items()}
    best = dict.fromkeys(shapes, math.inf)
    gc.collect()
    gc.disable()
    for _ in range(_ROUNDS):
        for key, dataset in datasets.items():
            best[key] = min(best[key], _seconds(dataset, max(1, 100_000 // counts[key])))
    gc.enable()
    return {key: round(seconds / counts[key] * 1e9, 1) for key, seconds in best.items()}


def _seconds(dataset: Any, calls: int) -> float:
    dcmenc.dumps(dataset)
    start = time.thread_time()
    for _ in range(calls):
        dcmenc.dumps(dataset)
    return (time.thread_time() - start) / calls


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1])))
