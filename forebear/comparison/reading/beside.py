"""Work done beside the reading: one thread counts a layer's deck while the next layer is read."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import Generic, TypeVar

T = TypeVar("T")
LEAST = 1 << 18
"""Values in a layer from which a thread gains more than it costs."""


class _Job(Thread, Generic[T]):
    def __init__(self, work: Callable[[], T]) -> None:
        super().__init__(daemon=True)
        self._work = work
        self._found: T | None = None
        self._wrong: BaseException | None = None

    def run(self) -> None:
        try:
            self._found = self._work()
        except BaseException as error:  # noqa: BLE001 raised again by whoever asks for the answer
            self._wrong = error

    def answer(self) -> T:
        self.join()
        if self._wrong is not None:
            raise self._wrong
        return self._found  # type: ignore[return-value]


class Beside(Generic[T]):
    """Answers in the order they were asked for; at most one job runs at a time, so memory holds two layers and no more."""

    def __init__(self) -> None:
        self._answers: list[T | _Job[T]] = []

    def ask(self, size: int, work: Callable[[], T]) -> None:
        """Do `work` in a thread where `size` values are worth one, at once otherwise; waits for the job before it."""
        if self._answers and isinstance(last := self._answers[-1], _Job):
            self._answers[-1] = last.answer()
        if size < LEAST:
            self._answers.append(work())
            return
        job = _Job(work)
        self._answers.append(job)
        job.start()

    def answers(self) -> list[T]:
        """All of them. Raises: what a job raised."""
        return [a.answer() if isinstance(a, _Job) else a for a in self._answers]
