"""The log of a training run: what an optimiser was allowed to do between two records (METHODS §19).

A log is CSV with a header: `step,lr` and, where there is decay, `weight_decay`; or one JSON object a line with these keys. Lines
stand in the order of training: a step that comes again is a rollback.
"""

from __future__ import annotations

import csv
import hashlib
import json
import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain, repeat
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from forebear.core.bounded import open_stream
from forebear.core.errors import refusal
from forebear.core.messages import message

MAX_LOG_BYTES = 256 * 2**20
MAX_LINES = 5_000_000
RISE = 1.5
"""A rate this many times the smallest since the last peak, after having fallen, is a warm restart; warm-up never fell before."""
FALLEN = 0.8
"""Share of its peak below which a rate has fallen."""


FROM_0, FROM_1, UNTOLD = "from-0", "from-1", "untold"
"""What the steps of a log are counted from. A log that begins with step 1 counts from 1, or lacks the line of its first step."""


@dataclass(frozen=True, slots=True)
class Step:
    """One line: the step that was taken, with its rate and its decay."""

    step: int
    rate: float
    decay: float


@dataclass(frozen=True)
class Span:
    """Steps between two records, summed up as a record keeps them.

    first, last: steps; taken: lines; rate_sum: sum of rates; decay_sum: sum of rate x decay; largest: largest rate.
    restarts: steps at which the rate rose again after it had fallen. missing: steps that no line is about.
    counted: what the log's steps are counted from, FROM_0, FROM_1 or UNTOLD; ends: its last step, as it was written.
    """

    first: int
    last: int
    taken: int
    rate_sum: float
    decay_sum: float
    largest: float
    restarts: tuple[int, ...]
    missing: int
    counted: str = ""
    ends: int = 0

    def document(self) -> dict[str, Any]:
        """As it stands in a record."""
        return {**vars(self), "restarts": list(self.restarts)}


class Log(NamedTuple):
    """A log as given. sha256, size: of the file, in bytes; known: lines that stood in it at the record before, 0 for another."""

    lines: Sequence[Step]
    sha256: str
    size: int
    known: int


@dataclass(frozen=True)
class Reading:
    """A log that was read once. ends: the byte behind each of its lines; prefixes: SHA-256 of its beginnings by their size;
    torn: those sizes that lie within a line."""

    lines: Sequence[Step]
    ends: Sequence[int]
    sha256: str
    size: int
    prefixes: Mapping[int, str]
    torn: frozenset[int]

    def known(self, before: Mapping[str, Any] | None) -> int:
        """Lines that stood in it at the record before; 0 where that is of another log."""
        size = None if before is None else before["log_bytes"]
        if before is None or not isinstance(size, int) or self.prefixes.get(size) != before["log_sha256"]:
            return 0
        return bisect_right(self.ends, size)

    def beginning(self, size: int, before: Mapping[str, Any] | None) -> Log:
        """The log as it stood when it had so many bytes, none of them within a line."""
        return Log(self.lines[: bisect_right(self.ends, size)], self.prefixes[size], size, self.known(before))


def read_log(path: Path, before: Mapping[str, Any] | None = None) -> Log:
    """Every line of a log. before: the record before, which keeps the size and the SHA-256 of the log as it stood then.

    Raises: RefusedError for a file that is too large or has a line that is no step, which is named.
    """
    found = read_once(path, [] if before is None or before["log_bytes"] is None else [before["log_bytes"]])
    return Log(found.lines, found.sha256, found.size, found.known(before))


def read_once(path: Path, sizes: Iterable[int]) -> Reading:
    """A log, line by line, with the digests of its beginnings of these sizes; nothing but its steps is kept.

    Raises: RefusedError as `read_log`.
    """
    with open_stream(path, MAX_LOG_BYTES) as file:
        return steps_in(file, path, sizes)


def steps_in(file: BinaryIO, path: Path, sizes: Iterable[int] = ()) -> Reading:
    """The same of an open file, or of bytes of a log as it stood earlier. path: named in refusals."""
    walk = _Walk(file, path, sorted(set(sizes)))
    steps: list[Step] = []
    ends: list[int] = []
    for number, row in _rows(walk, path):
        steps.append(_step(row, number, path))
        ends.append(walk.end)
    whole = walk.digest.hexdigest()
    return Reading(steps, ends, whole, walk.at, {**walk.prefixes, walk.at: whole}, frozenset(walk.torn))


class _Walk:
    """The lines of a log as text, digested on the way. at, end: bytes so far, with and without the mark that ends the last line."""

    def __init__(self, file: BinaryIO, path: Path, sizes: Sequence[int]) -> None:
        self.digest, self.at, self.end, self.count = hashlib.sha256(), 0, 0, 0
        self.prefixes: dict[int, str] = {}
        self.torn: set[int] = set()
        self._file, self._path, self._sizes = file, path, list(sizes)[::-1]

    def __iter__(self) -> Iterator[str]:
        for raw in self._file:
            self.count += 1
            if self.count > MAX_LINES:
                raise refusal(message("attest_form.lines", count=self.count, most=MAX_LINES), where=str(self._path))
            content = len(raw.rstrip(b"\r\n"))
            while self._sizes and self._sizes[-1] <= self.at + len(raw):
                self._begun(raw, self._sizes.pop(), content)
            self.digest.update(raw)
            self.end, self.at = self.at + content, self.at + len(raw)
            try:
                yield raw.decode("utf-8")
            except UnicodeDecodeError as error:
                where = self.at - len(raw) + error.start
                raise refusal(message("attest_form.no_utf8", at=where), where=str(self._path)) from None

    def _begun(self, raw: bytes, size: int, content: int) -> None:
        """The digest of the beginning that ends in this line."""
        part = self.digest.copy()
        part.update(raw[: size - self.at])
        self.prefixes[size] = part.hexdigest()
        if self.at < size < self.at + content:
            self.torn.add(size)


def _rows(walk: _Walk, path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The lines of a log, numbered: JSON objects where the first that is not empty begins like one, else CSV."""
    lines = iter(walk)
    for empty, first in enumerate(lines):
        if first.strip():
            rest = chain(repeat("", empty), [first], lines)
            yield from _json_rows(rest, path) if first.lstrip().startswith("{") else _csv_rows(rest, path)
            return


def _json_rows(lines: Iterable[str], path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            said = message("attest_form.no_object", line=number)
            raise refusal(said, where=str(path), todo=message("attest_form.objects"))
        yield number, row


def _csv_rows(lines: Iterable[str], path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        yield from enumerate(csv.DictReader(lines), 2)
    except csv.Error as error:
        raise refusal(message("attest_form.no_csv", why=str(error)), where=str(path)) from None


def _step(row: Mapping[str, Any], number: int, path: Path) -> Step:
    step, rate = _number(row.get("step")), _number(row.get("lr"))
    decay = _number(row.get("weight_decay", 0.0))
    if step is None or step != int(step) or not 0 <= step < 2**40:
        said = message("attest_form.no_step", line=number)
        raise refusal(said, where=str(path), todo=message("attest_form.columns"))
    if rate is None or not 0 <= rate <= 1e3 or decay is None or not 0 <= decay <= 1e4:
        said = message("attest_form.no_rate", line=number)
        raise refusal(said, where=str(path), todo=message("attest_form.columns"))
    return Step(int(step), rate, decay)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def span_of(lines: Sequence[Step], begin: int, end: int) -> Span:
    """The steps begin..end-1 among lines in order of training: the last run of lines that ends there.

    Steps may be counted from 0 or from 1 (`counted_from`); where that is not told they are summed as counted from 1.
    A rollback before `end` leaves lines of the steps that were given up; they are not part of the way from one record to the next.
    """
    counted, ends = counted_from(lines, begin, end), lines[-1].step if lines else 0
    lines = _from_0(lines, counted)
    taken: dict[int, Step] = {}
    for line in lines:
        if begin <= line.step < end:
            taken[line.step] = line
    steps = [taken[step] for step in sorted(taken)]
    return Span(
        begin,
        end,
        len(steps),
        sum(s.rate for s in steps),
        sum(s.rate * s.decay for s in steps),
        max((s.rate for s in steps), default=0.0),
        tuple(s for s in restarts(lines) if begin <= s < end),
        max(0, end - begin - len(steps)),
        counted,
        ends,
    )


def counted_from(lines: Sequence[Step], begin: int, end: int) -> str:
    """What the steps of a log are counted from: counted from 1, a line bears the step that it led to.

    A log that ends here, at the step of the record, and begins at 1 or behind the record before counts from 1. One that begins at
    1, has every step to `end` and goes on behind it, as that of a finished run does, may as well lack its first line: the log does
    not tell, but a record at its end does (forebear/attest/course.py).

    >>> steps = [Step(i, 1.0, 0.0) for i in range(1, 13)]
    >>> [counted_from(steps, 0, end) for end in (6, 12, 13)]
    ['untold', 'from-1', 'from-0']
    """
    steps = {line.step for line in lines}
    if not lines or min(steps) == 0:
        return FROM_0
    if lines[-1].step == end > begin and min(steps) in (1, begin + 1):
        return FROM_1
    return UNTOLD if min(steps) == 1 and all(step in steps for step in range(1, end + 1)) else FROM_0


def _from_0(lines: Sequence[Step], counted: str) -> Sequence[Step]:
    """Lines counted from 0."""
    return lines if counted == FROM_0 else [replace(line, step=line.step - 1) for line in lines]


def taken_up(log: Log, begin: int, end: int) -> int:
    """The step from which training went on to `end`: `begin`, or an earlier one that was gone back to without a record of it.

    Where the log is not the one of the record before, it may have begun again with a rollback: then the step it begins at counts.

    >>> steps = [Step(i, 1.0, 0.0) for i in (0, 1, 2, 3, 4, 2, 3, 4, 5)]
    >>> taken_up(Log(steps, "", 0, 4), 4, 6), taken_up(Log(steps[:5], "", 0, 4), 4, 5)
    (2, 4)
    """
    lines = _from_0(log.lines, counted_from(log.lines, begin, end))
    falls = [at for at in range(max(1, log.known), len(lines)) if lines[at].step < lines[at - 1].step]
    if falls:
        return min(begin, lines[falls[-1]].step)
    return min(begin, lines[0].step) if lines and not log.known else begin


def restarts(lines: Sequence[Step]) -> list[int]:
    """Steps at which the rate rose after it had fallen; one for each rise. A rollback takes up what held at its step.

    >>> restarts([Step(i, r, 0.0) for i, r in enumerate([1, 2, 2, 1, 0.5, 1.5, 1.5, 1.0])])
    [5]
    >>> restarts([Step(i, r, 0.0) for i, r in [(0, 2), (1, 2), (2, 1), (3, 0.5), (1, 2), (2, 1), (3, 0.5)]])
    []
    """
    found: list[int] = []
    peak = lowest = 0.0
    fallen = False
    before: dict[int, tuple[float, float, bool]] = {}
    for line in lines:
        if line.step in before:
            peak, lowest, fallen = before[line.step]
        before[line.step] = (peak, lowest, fallen)
        if not fallen:
            peak = max(peak, line.rate)
            fallen, lowest = line.rate < FALLEN * peak, line.rate
        elif line.rate > RISE * lowest and line.rate > 0:
            found.append(line.step)
            peak, fallen = line.rate, False
        else:
            lowest = min(lowest, line.rate)
    return found


def begin_of(before: Sequence[Mapping[str, Any]], step: int, root: str, log: Log | None) -> int:
    """The step of the record that a new one goes on from: the last, or after a rollback the last that is earlier in steps.

    Of a rollback that has no record the log tells: the last record at the step it went back to, or behind it.
    A record of the very weights that were gone back to spans nothing.
    """
    if not before or (step <= before[-1]["step"] and any(record["content"]["root"] == root for record in before)):
        return step
    earlier = [record["step"] for record in before if record["step"] < step]
    last = int(before[-1]["step"])
    begin = last if step > last else int(earlier[-1]) if earlier else step
    back = begin if log is None else taken_up(log, begin, step)
    behind = [s for s in earlier if s <= back]
    return begin if back == begin or not behind else back if back in behind else int(behind[-1])


@cache
def reach(beta1: float = 0.9, beta2: float = 0.999) -> float:
    """Most that a step of Adam moves a weight, in learning rates, whatever the gradients are.

    The ratio of the two running means, corrected for their start, is bounded at step t by Cauchy and Schwarz; the largest over t is
    taken. It is above the max(1, (1-b1)/sqrt(1-b2)) of the paper, which holds for single spikes and not for gradients that grow.
    Assumes: b1 squared below b2.

    >>> round(reach(), 2), round(reach(0.9, 0.95), 2)
    (7.27, 1.16)
    """
    ratio, largest, total = beta1**2 / beta2, 1.0, 0.0
    for t in range(1, 20001):
        total += ratio ** (t - 1)
        value = (1 - beta1) / math.sqrt(1 - beta2) * math.sqrt(total) * math.sqrt(1 - beta2**t) / (1 - beta1**t)
        largest = max(largest, value)
    return largest
