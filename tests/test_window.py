"""Calls on threads: results in the order of the calls, a bounded number under way, and nothing left running after an error."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from dcmenc.window import Window


@pytest.mark.parametrize("together", [1, 4, 100])
@pytest.mark.parametrize("workers", [1, 2, 7])
def test_results_come_in_the_order_of_the_calls(workers: int, together: int) -> None:
    def late(number: int) -> int:
        time.sleep(0.002 * (number % 3 == 0))
        return number

    with Window(late, workers, together) as window:
        assert list(window.map(range(50))) == list(range(50))


@pytest.mark.parametrize("together", [1, 3])
@pytest.mark.parametrize("workers", [2, 5])
def test_no_more_calls_wait_than_twice_the_workers(workers: int, together: int) -> None:
    taken, given = 0, 0

    def items() -> Iterator[int]:
        nonlocal taken
        for number in range(200):
            taken += 1
            yield number

    with Window(lambda number: number, workers, together) as window:
        for _ in window.map(items()):
            given += 1
            assert taken - given <= (2 * workers + 1) * together
    assert given == 200


def test_calls_are_made_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=10)
    with Window(lambda _: both.wait(), 2) as window:
        list(window.map(range(2)))


@pytest.mark.parametrize("workers", [1, 3])
def test_the_first_error_in_order_is_the_one_that_comes_and_the_rest_is_forgotten(workers: int) -> None:
    made, seen = [], []

    def call(number: int) -> int:
        made.append(number)
        if number in (5, 6):
            raise KeyError(number)
        return number

    with pytest.raises(KeyError, match="5"), Window(call, workers, 2) as window:
        seen.extend(window.map(range(1000)))
    assert len(made) <= 6 + 4 * workers
    assert threading.active_count() == 1 or not any(thread.name.startswith("dcmenc") for thread in threading.enumerate())


@pytest.mark.parametrize("workers", [0, -1, 1.5, "2", True, None])
def test_workers_are_counted(workers: object) -> None:
    with pytest.raises(ValueError, match="workers is a number from 1 on"):
        Window(abs, workers)  # type: ignore[arg-type]
