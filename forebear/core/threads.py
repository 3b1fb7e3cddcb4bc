"""How many threads the linear algebra underneath numpy uses: one for small matrices, all cores for large ones.

A quick comparison multiplies matrices of a few hundred rows. OpenBLAS splits even those over all cores and lets idle threads
spin, which costs more than it gains, and several times more beside another busy process; gauge fixing of wide models multiplies
large ones and gains from every core.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_SETTINGS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
_ours = False
"""Whether the number of threads is ours to set: nobody stated one."""


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
    global _ours
    limits = None if _ours or any(name in os.environ for name in _SETTINGS) else _limited(1)
    if limits is None:
        yield
        return
    _ours = True
    try:
        yield
    finally:
        _ours = False
        limits.restore_original_limits()


def use_all_cores() -> bool:
    """Give large matrices every usable core, where one thread was set here; False where that is not to be had."""
    return _ours and _limited(usable_cores()) is not None


def _limited(threads: int) -> Any:
    """threadpoolctl's limit of the linear algebra that is loaded, set; None without it: only speed depends on it."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return None
    limits = threadpool_limits(limits=threads, user_api="blas")
    return limits if limits.get_original_num_threads()["blas"] else None
