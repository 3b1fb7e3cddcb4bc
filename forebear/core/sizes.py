"""Byte sizes as people write them: "64MiB", "2GB", 1048576."""

from __future__ import annotations

import re

from forebear.core.errors import UsageError

_UNITS = {
    "": 1,
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
}


def parse_size(text: int | str, argument: str) -> int:
    """Bytes of a size such as 64MiB. Raises UsageError, naming the argument, for anything else or below 1."""
    match = re.fullmatch(r"\s*(\d{1,18})(?:\.(\d{1,6}))?\s*([A-Za-z]{0,3})\s*", str(text))
    unit = _UNITS.get(match.group(3).lower()) if match else None
    if match is None or unit is None:
        raise UsageError(
            f"{str(text)!r} is not a size", where=argument, todo="Write it as 64MiB, 2GB or a number of bytes."
        )
    size = int(float(f"{match.group(1)}.{match.group(2) or 0}") * unit)
    if size < 1:
        raise UsageError("a size below one byte", where=argument, todo="Write it as 64MiB, 2GB or a number of bytes.")
    return size


def show_size(count: int) -> str:
    """Bytes in the largest binary unit that keeps one digit before the point: "64.0 MiB"."""
    value, unit = float(count), "B"
    for bigger in ("KiB", "MiB", "GiB", "TiB"):
        if value < 1024:
            break
        value, unit = value / 1024, bigger
    return f"{count} B" if unit == "B" else f"{value:.1f} {unit}"
