"""The cost per element as data sets grow and deepen: it is to stay where it is, 10^3 to 10^6 elements, depth 1 to 100.

Run as a process of its own: ``python -m benchmarks.scaling SIZE`` prints JSON.
"""

from __future__ import annotations

import gc
import json
import math
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import dcmenc

from .checks import Mismatch
from .peer_dcmenc import visit

# Elements of one item, with the sequence that holds it.
_PER_ITEM = 10
_ROUNDS = 9
# One measurement goes over at least so many elements, by repeating short calls.
_AT_LEAST = 100_000

# What is measured, of a data set and of the file that it was written to.
_ACTS: dict[str, Callable[[Any, bytes], object]] = {
    "written": lambda ds, data: dcmenc.dumps(ds),
    "read": lambda ds, data: dcmenc.dcmread(data, force=True),
    "read and looked at": lambda ds, data: visit(dcmenc.dcmread(data, force=True)),
}


def measure(size: str) -> dict[str, Any]:
    """Nanoseconds of each act for each element, by count and by depth, and the exponent of cost over count."""
    counts = [10**3, 10**4, 10**5] + ([10**6] if size == "full" else [])
    wide = {count: _written(count // _PER_ITEM, 1) for count in counts}
    deep = {depth: _written(2000 // depth, depth) for depth in (1, 4, 16, 64, 100)}
    return {act: _figures(_ACTS[act], wide, deep) for act in _ACTS}


def _figures(act: Callable[[Any, bytes], object], wide: dict[int, _Written], deep: dict[int, _Written]) -> dict[str, Any]:
    by_count, by_depth = _costs(act, wide), _costs(act, deep)
    fewest, most = min(by_count), max(by_count)
    exponent = 1 + math.log(by_count[most] / by_count[fewest]) / math.log(most / fewest)
    return {"ns an element by elements": by_count, "ns an element by depth": by_depth, "exponent of elements": round(exponent, 3)}


def _item(number: int) -> Any:
    """Nine elements; the tenth is the sequence around it."""
    item = dcmenc.Dataset()
    item.FrameAcquisitionNumber = number % 65536
    item.FrameReferenceDateTime, item.FrameAcquisitionDateTime = "20240131101500.250000", "20240131101500.125000"
    item.FrameAcquisitionDuration = 0.5
    item.StackID, item.InStackPositionNumber, item.TemporalPositionIndex = "1", number, 1
    item.PixelSpacing, item.SliceThickness = [0.48828125, 0.48828125], 1.25
    return item


# A data set, its file, and how many elements are in it.
_Written = tuple[Any, bytes, int]


def _written(chains: int, depth: int) -> _Written:
    """``chains`` items beside each other, each the first of ``depth`` nested ones."""
    root = dcmenc.Dataset()
    root.preamble = None
    # a bare data set shows by its first group what it is encoded in
    root.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2.1"
    root.PerFrameFunctionalGroupsSequence = [_chain(depth, number) for number in range(chains)]
    data = dcmenc.dumps(root)
    read = dcmenc.dcmread(data, force=True)
    if read != root or dcmenc.dumps(read) != data:
        raise Mismatch(f"scaling: {chains} chains of {depth} items are not read as they were written")
    return root, data, chains * depth * _PER_ITEM


def _chain(depth: int, number: int) -> Any:
    wrapped = dcmenc.Dataset()
    wrapped.FrameContentSequence = [_item(number)]
    for _ in range(depth - 1):
        outer = _item(number)
        outer.FrameContentSequence = [wrapped]
        wrapped = outer
    return wrapped


def _costs(act: Callable[[Any, bytes], object], shapes: dict[int, _Written]) -> dict[int, float]:
    """The fastest of some rounds for each shape, all in turn."""
    best = dict.fromkeys(shapes, math.inf)
    gc.collect()
    gc.disable()
    for _ in range(_ROUNDS):
        for key, (dataset, data, count) in shapes.items():
            best[key] = min(best[key], _seconds(partial(act, dataset, data), max(1, _AT_LEAST // count)))
    gc.enable()
    return {key: round(seconds / shapes[key][2] * 1e9, 1) for key, seconds in best.items()}


def _seconds(act: Callable[[], object], calls: int) -> float:
    act()
    start = time.thread_time()
    for _ in range(calls):
        act()
    return (time.thread_time() - start) / calls


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1])))
