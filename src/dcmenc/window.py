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
    call : callable
    workers : int
        How many calls are made at the same time; twice as many are under way or wait to be taken.
    together : int
        How many calls a thread makes for one start: short ones would cost more to hand over than to make.

    Examples
    --------
    >>> with Window(abs, 2) as window:
    ...     list(window.map([-3, -2, -1]))
    [3, 2, 1]
    """

    def __init__(self, call: Callable[..., T], workers: int, together: int = 1) -> None:
        check_workers(workers)
        self._call, self._together = call, together
        self._most = _UNDER_WAY * workers
        self._executor = _threads(workers) if workers > 1 else None
        self._waiting: list[tuple[Any, ...]] = []
        self._pending: deque[Future[list[T]]] = deque()

    def push(self, *arguments: Any) -> list[T]:
        """Begin a call, and wait if too many are under way; the results that come next in order, as far as they are there."""
        if self._executor is None:
            return [self._call(*arguments)]
        self._waiting.append(arguments)
        if len(self._waiting) < self._together:
            return []
        self._submit(self._executor)
        ready: list[T] = []
        while self._pending and (len(self._pending) > self._most or self._pending[0].done()):
            ready += self._pending.popleft().result()
        return ready

    def drain(self) -> Iterator[T]:
        """The results of all calls that are left, in order."""
        if self._executor is not None and self._waiting:
            self._submit(self._executor)
        while self._pending:
            yield from self._pending.popleft().result()

    def map(self, items: Iterable[Any]) -> Iterator[T]:
        """The results of a call for each item; items are taken only as there is room for them."""
        for item in items:
            yield from self.push(item)
        yield from self.drain()

    def _submit(self, executor: ThreadPoolExecutor) -> None:
        calls, self._waiting = self._waiting, []
        self._pending.append(executor.submit(self._make, calls))

    def _make(self, calls: list[tuple[Any, ...]]) -> list[T]:
        return [self._call(*arguments) for arguments in calls]

    def close(self) -> None:
        """Forget what has not begun, and wait for what has."""
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)
        self._waiting.clear()
        self._pending.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def check_workers(workers: Any) -> None:
    """Refuse what is no number of threads."""
    if isinstance(workers, bool) or not hasattr(workers, "__index__") or workers < 1:
        raise ValueError(f"workers is a number from 1 on, not {workers!r}")


def _threads(number: int) -> ThreadPoolExecutor:
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(number, "dcmenc")
