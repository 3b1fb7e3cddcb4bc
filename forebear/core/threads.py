"""How many threads the linear algebra underneath numpy uses: one for small matrices, all cores for large ones.

A quick comparison multiplies matrices of a few hundred rows. OpenBLAS splits even those over all cores and lets idle threads
spin, which costs more than it gains; gauge fixing multiplies large ones and gains from every core.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module

_SETTINGS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
_SETTERS = (
    "scipy_openblas_set_num_threads64_",
    "scipy_openblas_set_num_threads",
    "openblas_set_num_threads64_",
    "openblas_set_num_threads",
)
_ours = False


def usable_cores() -> int:
    """Cores this process may run on, which in a container are fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def start_with_one() -> None:
    """Let numpy, which must not be loaded yet, begin with one thread; a caller who set a number keeps it."""
    global _ours
    if "numpy" not in sys.modules and not any(name in os.environ for name in _SETTINGS):
        os.environ["OPENBLAS_NUM_THREADS"] = "1"
        _ours = True


def use_all_cores() -> bool:
    """Give large matrices every usable core again, where `start_with_one` took them; False where that is not to be had.

    Only speed depends on it. A build of numpy without OpenBLAS keeps the threads it has.
    """
    if not _ours:
        return False
    import ctypes

    library = ctypes.CDLL(import_module("numpy._core._multiarray_umath").__file__)
    for name in _SETTERS:
        setter = getattr(library, name, None)
        if setter is not None:
            setter(ctypes.c_int(usable_cores()))
            return True
    return False
