"""The chain of a run: one line a record, each with the digest of the line before; appended whole or not at all (METHODS §19)."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from forebear.attest.commitment import canonical, checked
from forebear.attest.rates import FROM_0, FROM_1, UNTOLD
from forebear.core.bounded import open_regular, parse_json, read_bounded
from forebear.core.errors import RefusedError, refusal
from forebear.core.messages import message
from forebear.core.output import write_whole

FILE = "chain.jsonl"
LOCK = ".chain.lock"
FORM = "forebear/chain-record/1"
MAX_BYTES = 256 * 2**20
MAX_RECORDS = 20_000
MAX_VALUES = 20_000
"""Values in one record; it has about a thousand."""
STAMPS = (".tsr", ".ots")
"""Endings of time-stamp files beside a chain (RFC 3161, OpenTimestamps)."""


def chain_file(path: Path) -> Path:
    """The file of a chain that is named itself or by the folder of its run."""
    return path / FILE if path.is_dir() else path


def read_chain(path: Path) -> list[dict[str, Any]]:
    """Every record of a chain, in order, each checked for its form; a line cut short at the end is left out.

    Raises: RefusedError for a file that is no chain, is too large, or has a line that is no record, which is named.
    """
    where = chain_file(path)
    if path.is_dir() and not where.exists():
        raise refusal(message("attest_where.no_chain", name=FILE), where=str(path), todo=message("attest_where.run"))
    data = read_bounded(where, MAX_BYTES)
    lines = finished_lines(data)
    if len(lines) > MAX_RECORDS:
        raise refusal(message("attest_form.records", count=len(lines), most=MAX_RECORDS), where=str(where))
    if not lines:
        raise refusal(message("attest_form.empty"), where=str(where), todo=message("attest_form.record"))
    found = []
    for number, line in enumerate(lines, 1):
        place = f"{where}: line {number}"
        try:
            record = parse_json(line, where=place, max_values=MAX_VALUES)
        except RefusedError as error:
            said = message("attest_form.torn", why=error.said)
            raise refusal(said, where=place, todo=message("attest_form.before", count=number - 1)) from error
        found.append(_record(record, place) | {"line_sha256": hashlib.sha256(line).hexdigest()})
    return found


def finished_lines(data: bytes) -> list[bytes]:
    """The lines of a chain without their ends, which a copy may have changed; one without an end was never finished.

    >>> finished_lines(b'{"a":1}\\r\\n\\n{"b":2}\\n{"c"')
    [b'{"a":1}', b'{"b":2}']
    """
    return [line.removesuffix(b"\r") for line in data.split(b"\n")[:-1] if line.strip()]


def _record(raw: Any, where: str) -> dict[str, Any]:
    """The known parts of a record, each of its kind."""
    wrong = refusal(message("attest_form.no_record"), where=where, todo=message("attest_form.as_written"))
    if not isinstance(raw, dict) or raw.get("form") != FORM:
        raise wrong
    kinds: dict[str, type | tuple[type, ...]] = {
        "number": int, "previous": str, "step": int, "recorded": str, "content": dict,
        "span": (dict, type(None)), "log_sha256": (str, type(None)), "commitment": (dict, type(None)),
    }  # fmt: skip
    if any(
        key not in raw or not isinstance(raw[key], kind) or isinstance(raw[key], bool) for key, kind in kinds.items()
    ):
        raise wrong
    content, span = raw["content"], raw["span"]
    screen = content.get("screen")
    sane = (
        isinstance(content.get("root"), str)
        and len(content["root"]) == 64
        and isinstance(screen, list)
        and len(screen) <= 4096
    )
    if not sane or not all(isinstance(v, int) and abs(v) <= 127 for v in screen) or not 0 <= raw["step"] < 2**40:
        raise wrong
    if span is not None:
        _check_span(span, wrong)
    found = {key: raw[key] for key in kinds} | {"log_bytes": None}
    size = raw.get("log_bytes")
    if isinstance(size, int) and not isinstance(size, bool) and 0 <= size < 2**40 and found["log_sha256"] is not None:
        found["log_bytes"] = size
    if raw["commitment"] is not None:
        found["commitment"] = checked(raw["commitment"], where)
    return found


def _check_span(span: Mapping[str, Any], wrong: RefusedError) -> None:
    numbers = ("first", "last", "taken", "rate_sum", "decay_sum", "largest", "missing")
    for key in numbers:
        value = span.get(key)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 2**60:
            raise wrong
    ends = span.get("ends", 0)
    if span.get("counted", "") not in ("", FROM_0, FROM_1, UNTOLD) or isinstance(ends, bool) or not isinstance(ends, int):
        raise wrong
    restarts = span.get("restarts")
    if not isinstance(restarts, list) or len(restarts) > 1000 or not all(isinstance(s, int) for s in restarts):
        raise wrong


def append(path: Path, record: Mapping[str, Any]) -> None:
    """Add one record. The old lines and the new one are written to a file beside it that then takes its place.

    Raises: RefusedError when the folder is missing or not to be written.
    """
    before = b""
    if path.exists():
        data = read_bounded(path, MAX_BYTES)
        before = data[: data.rfind(b"\n") + 1]
    write_whole(path, before + canonical(record) + b"\n")


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One recorder at a time in a folder, where the system can lock files; a recorder that was killed holds no lock."""
    try:
        import fcntl
    except ImportError:  # not on this system
        yield
        return
    lock = folder / LOCK
    if not lock.exists():
        write_whole(lock, b"")
    handle, _ = open_regular(lock, links=False)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def unbroken(records: list[dict[str, Any]]) -> list[int]:
    """Places of records that do not name the line before them, or do not count on from it: between it and them is what is wrong."""
    found = []
    for at, record in enumerate(records):
        line, number = (records[at - 1]["line_sha256"], records[at - 1]["number"]) if at else ("", -1)
        if record["previous"] != line or record["number"] != number + 1:
            found.append(at)
    return found


def stamps_beside(path: Path) -> list[str]:
    """Names of time-stamp files in the folder of a chain, in order."""
    folder = chain_file(path).parent
    return sorted(p.name for p in folder.iterdir() if p.suffix in STAMPS and p.is_file())[:100]


__all__ = ["FILE", "FORM", "alone", "append", "chain_file", "finished_lines", "read_chain", "stamps_beside", "unbroken"]
