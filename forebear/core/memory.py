"""How freed memory is treated by the C library: kept for the next array, not handed back to the system at once.

A comparison makes and drops arrays of some megabytes in turn. By default glibc maps each anew and returns it when dropped, and the
system then clears every page again: a tenth of a quick comparison's processor time. What is kept is no more than was held at
the peak.
"""

from __future__ import annotations

import sys

_MMAP_THRESHOLD, _TRIM_THRESHOLD, _ARENA_MAX = -3, -1, -8  # the names glibc's mallopt(3) knows them by
LARGEST_KEPT = 32 << 20
"""Bytes up to which one array is kept; larger ones are mapped and returned as before (glibc allows no more than this)."""
KEPT = 64 << 20
"""Bytes of free memory at the end of the heap from which some is returned."""


def keep_freed_memory() -> bool:
    """Ask the C library to reuse freed memory within this process; False where it cannot be asked. Only speed depends on it."""
    if sys.platform != "linux":
        return False
    import ctypes

    setter = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc has it, other C libraries may not
    if setter is None:
        return False
    wishes = ((_MMAP_THRESHOLD, LARGEST_KEPT), (_TRIM_THRESHOLD, KEPT), (_ARENA_MAX, 1))
    return all(setter(ctypes.c_int(name), ctypes.c_int(value)) == 1 for name, value in wishes)
