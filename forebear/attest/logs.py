"""Logs that are shown, held against what the records keep of them: their digest as they stood then, and the sums that follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from forebear.attest.rates import MAX_LOG_BYTES, Log, Reading, begin_of, read_once, span_of, steps_in
from forebear.attest.statement import Line, State, named
from forebear.core.bounded import open_stream
from forebear.core.messages import message

MOST_READ = 20_000_000
"""Lines of logs that are summed up again, those up to a record for every record; what is left is said."""
STATES: Mapping[str, State] = {"other": "unexplained", "apart": "unexplained", "unread": "not-proven", "same": "proven"}


def log_lines(paths: Sequence[Path], records: Sequence[Mapping[str, Any]]) -> list[Line]:
    """What logs that are shown say of the records: nothing was changed since, and the sums follow; nothing without a log.

    A log grows, so a record keeps the digest of its beginning; every log given is tried for it.
    Raises: RefusedError for a file that is no log or too large.
    """
    if not paths:
        return []
    told = [(at, record) for at, record in enumerate(records) if record["log_sha256"] is not None]
    sizes = {record["log_bytes"] for _, record in told} - {None}
    read = [(path, read_once(path, sizes)) for path in paths]  # refused where one is no log
    if not told:
        return [Line("log-file", "not-proven", message("attest_log.none"), "described")]
    given = {digest: (path, log, size) for path, log in read for size, digest in log.prefixes.items()}
    groups: dict[str, list[int]] = {"other": [], "apart": [], "unread": [], "same": []}
    left = MOST_READ
    for at, record in told:
        log = given.get(record["log_sha256"])
        left -= 0 if log is None else len(log[1].beginning(log[2], None).lines)
        kind = "other" if log is None else "unread" if left < 0 else "same" if _follows(records, at, *log) else "apart"
        groups[kind].append(at)
    return [
        Line("log-file", STATES[kind], message(f"attest_log.{kind}", records=named(group), count=len(group)))
        for kind, group in groups.items()
        if group
    ]


def _follows(records: Sequence[Mapping[str, Any]], at: int, path: Path, read: Reading, size: int) -> bool:
    """Whether the sums of a record are those of its log."""
    before, record = records[:at], records[at]
    if record["span"] is None:
        return False
    if size in read.torn:  # it was recorded with half a line at its end
        with open_stream(path, MAX_LOG_BYTES) as file:
            half = steps_in(BytesIO(file.read(size)), path)
        log = Log(half.lines, half.sha256, size, read.known(before[-1] if before else None))
    else:
        log = read.beginning(size, before[-1] if before else None)
    begin = begin_of(before, record["step"], record["content"]["root"], log)
    again: Mapping[str, Any] = span_of(log.lines, begin, record["step"]).document()
    return all(record["span"].get(key, value) == value for key, value in again.items())
