"""How work is spread over cores: one thread of the linear algebra underneath numpy, and blocks of large products side by side.

A quick comparison multiplies matrices of a few hundred rows. OpenBLAS splits even those over all cores and lets idle threads
spin, which costs more than it gains, and several times more beside another busy process. Gauge fixing of wide models multiplies
many blocks that need nothing of each other: those are given to threads of our own, which sleep when they wait, and every block is
the product it would be alone. Only large decompositions, which cannot be cut up, get every core from OpenBLAS.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")

_SETTINGS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
_ours = False
"""Whether the number of threads is ours to set: nobody stated one."""
_cores = 1
"""Cores that blocks of large products may use."""
_inside: ContextVar[bool] = ContextVar("inside", default=False)
"""Whether this is one of several threads already: what it spreads further is done in turn."""


def usable_cores() -> int:
    """Cores this process may run on, which in a container are fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def start_with_one() -> None:
    """Let numpy, which must not be loaded yet, begin with one thread; a caller who set a number keeps it."""
    global _ours
    if "numpy" not in sys.modules and not any(name in os.environ for name in _SETTINGS):
        os.environ["OPENBLAS_NUM_THREADS"] = "1"
        _ours = True


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread while a verb runs in a process that is not ours; afterwards what was set before.

    The command line began with one (`start_with_one`), and a caller who set a number in the environment keeps it: then nothing
    is done. The bound is the process's: linear algebra that other threads of it do meanwhile is bounded as well.
    """
    global _ours, _cores
    limits = None if _ours or any(name in os.environ for name in _SETTINGS) else _limited(1)
    if limits is None:
        yield
        return
    _ours = True
    try:
        yield
    finally:
        _ours, _cores = False, 1
        limits.restore_original_limits()


def use_all_cores() -> bool:
    """Let large work use every usable core from here on, where one thread was set here; False where that is not to be had."""
    global _cores
    _cores = usable_cores() if _ours else 1
    return _ours


@contextmanager
def all_cores() -> Iterator[None]:
    """The linear algebra itself on every core, for one large decomposition, where `use_all_cores` allowed it."""
    limits = _limited(_cores) if _cores > 1 else None
    try:
        yield
    finally:
        if limits is not None:
            limits.restore_original_limits()


def side_by_side(work: Callable[[T], R], parts: Iterable[T], *, most: int | None = None) -> Iterator[R]:
    """What `work` makes of every part, in their order, on as many threads as `use_all_cores` allowed; in turn without it.

    parts: taken one by one by the caller's own thread, which may read files for them. most: parts begun and not yet taken up,
    one more than there are threads by default, so that none waits while the next is read; 1 does them in turn.
    Worth it for parts of a millisecond or more that spend their time outside Python. The first error is raised, as in turn.
    """
    if _cores == 1 or most == 1 or _inside.get():
        yield from map(work, parts)
        return
    from concurrent.futures import Future, ThreadPoolExecutor  # not on the way of a quick comparison

    begun: deque[Future[R]] = deque()
    with ThreadPoolExecutor(_cores) as pool:
        try:
            for part in parts:
                begun.append(pool.submit(copy_context().run, _alone, work, part))  # how numpy meets errors is in the context
                if len(begun) >= (most or _cores + 1):
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
        finally:
            for left in begun:
                left.cancel()


def both(first: Callable[[], T], second: Callable[[], R]) -> tuple[T, R]:
    """What both give, the second found in a thread of its own where `use_all_cores` allowed one; the first error as in turn."""
    if _cores == 1 or _inside.get():
        return first(), second()
    from concurrent.futures import ThreadPoolExecutor  # not on the way of a quick comparison

    with ThreadPoolExecutor(1) as pool:
        later = pool.submit(copy_context().run, _alone, lambda _: second(), None)
        return first(), later.result()


def _alone(work: Callable[[T], R], part: T) -> R:
    _inside.set(True)
    return work(part)


def _limited(threads: int) -> Any:
    """threadpoolctl's limit of the linear algebra that is loaded, set; None without it: only speed depends on it."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return None
    limits = threadpool_limits(limits=threads, user_api="blas")
    return limits if limits.get_original_num_threads()["blas"] else None
