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


def measure(size: str) -> dict[str, Any]:
    """Nanoseconds of ``dumps`` for each element, by count and by depth, and the exponent of cost over count."""
    counts = [10**3, 10**4, 10**5] + ([10**6] if size == "full" else [])
    depths = [1, 4, 16, 64, 100]
    wide = {count: _cost(count // _PER_ITEM, 1) for count in counts}
    deep = {depth: _cost(2000 // depth, depth) for depth in depths}
    exponent = 1 + math.log(wide[counts[-1]] / wide[counts[0]]) / math.log(counts[-1] / counts[0])
    return {"ns an element by elements": wide, "ns an element by depth": deep, "exponent of elements": exponent}


def _item(number: int) -> Any:
    """Nine elements; the tenth is the sequence around it."""
    item = dcmenc.Dataset()
    item.FrameAcquisitionNumber = number
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


def _cost(chains: int, depth: int) -> float:
    dataset, count = _chains(chains, depth), chains * depth * _PER_ITEM
    gc.collect()
    gc.disable()
    calls = max(1, 200_000 // count)
    best = math.inf
    for _ in range(5):
        start = time.thread_time()
        for _ in range(calls):
            dcmenc.dumps(dataset)
        best = min(best, time.thread_time() - start)
    gc.enable()
    return round(best / calls / count * 1e9, 1)


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1])))
