"""Logs that are shown, held against what the records keep of them: their digest as they stood then, and the sums that follow."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from forebear.attest.rates import MAX_LOG_BYTES, begin_of, log_of, span_of
from forebear.attest.statement import Line, State, named
from forebear.core.bounded import read_bounded
from forebear.core.messages import message

MOST_READ = 2**30
"""Bytes of logs that are read again, a log once for every record; what is left is said."""
STATES: Mapping[str, State] = {"other": "unexplained", "apart": "unexplained", "unread": "not-proven", "same": "proven"}


def log_lines(paths: Sequence[Path], records: Sequence[Mapping[str, Any]]) -> list[Line]:
    """What logs that are shown say of the records: nothing was changed since, and the sums follow; nothing without a log.

    A log grows, so a record keeps the digest of its beginning; every log given is tried for it.
    Raises: RefusedError for a file that is no log or too large.
    """
    if not paths:
        return []
    held = [(path, read_bounded(path, MAX_LOG_BYTES)) for path in paths]
    for path, data in held:
        log_of(data, path)  # refused where it is no log
    told = [(at, record) for at, record in enumerate(records) if record["log_sha256"] is not None]
    if not told:
        return [Line("log-file", "not-proven", message("attest_log.none"), "described")]
    given: dict[str, tuple[Path, bytes, int]] = {}
    for path, data in held:
        sizes = (len(data) if record["log_bytes"] is None else record["log_bytes"] for _, record in told)
        given |= {digest: (path, data, size) for digest, size in _beginnings(data, sizes).items()}
    groups: dict[str, list[int]] = {"other": [], "apart": [], "unread": [], "same": []}
    left = MOST_READ
    for at, record in told:
        log = given.get(record["log_sha256"])
        left -= 0 if log is None else log[2]
        kind = "other" if log is None else "unread" if left < 0 else "same" if _follows(records, at, *log) else "apart"
        groups[kind].append(at)
    return [
        Line("log-file", STATES[kind], message(f"attest_log.{kind}", records=named(group), count=len(group)))
        for kind, group in groups.items()
        if group
    ]


def _beginnings(data: bytes, sizes: Iterable[int]) -> dict[str, int]:
    """Sizes of the beginnings of a log by their SHA-256, read once."""
    digest, at, found = hashlib.sha256(), 0, {}
    for size in sorted({size for size in sizes if size <= len(data)}):
        digest.update(data[at:size])
        at = size
        found[digest.hexdigest()] = size
    return found


def _follows(records: Sequence[Mapping[str, Any]], at: int, path: Path, data: bytes, size: int) -> bool:
    """Whether the sums of a record are those of its log."""
    before, record = records[:at], records[at]
    if record["span"] is None:
        return False
    log = log_of(data[:size], path, before[-1] if before else None)
    begin = begin_of(before, record["step"], record["content"]["root"], log)
    again: Mapping[str, Any] = span_of(log.lines, begin, record["step"]).document()
    return all(record["span"].get(key, value) == value for key, value in again.items())
