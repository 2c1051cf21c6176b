"""Calls on several threads whose results come in the order of the calls, with a bounded number under way. Knows no DICOM."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

T = TypeVar("T")

# Results that wait for an earlier one, and calls that wait for a thread: enough that neither side often waits for the other.
_UNDER_WAY = 2


class Window(Generic[T]):
    """Threads for calls of one kind; with one worker there is none, and a call is made at once.

    Parameters
    ----------
    workers : int
        How many calls are made at the same time; twice as many are under way or wait to be taken.

    Examples
    --------
    >>> with Window(2) as window:
    ...     list(window.map(abs, [-3, -2, -1]))
    [3, 2, 1]
    """

    def __init__(self, workers: int) -> None:
        if not isinstance(workers, int) or isinstance(workers, bool) or workers < 1:
            raise ValueError(f"workers is a number from 1 on, not {workers!r}")
        self._most = _UNDER_WAY * workers
        self._executor = _threads(workers) if workers > 1 else None
        self._pending: deque[Future[T]] = deque()

    def push(self, call: Callable[..., T], *arguments: Any) -> list[T]:
        """Begin a call, and wait if too many are under way; the results that come next in order, as far as they are there."""
        if self._executor is None:
            return [call(*arguments)]
        self._pending.append(self._executor.submit(call, *arguments))
        ready = []
        while self._pending and (len(self._pending) > self._most or self._pending[0].done()):
            ready.append(self._pending.popleft().result())
        return ready

    def drain(self) -> Iterator[T]:
        """The results of all calls that are left, in order."""
        while self._pending:
            yield self._pending.popleft().result()

    def map(self, call: Callable[..., T], items: Iterable[Any]) -> Iterator[T]:
        """The results of a call for each item; items are taken only as there is room for them."""
        for item in items:
            yield from self.push(call, item)
        yield from self.drain()

    def close(self) -> None:
        """Forget what has not begun, and wait for what has."""
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)
        self._pending.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _threads(number: int) -> ThreadPoolExecutor:
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(number, "dcmenc")
