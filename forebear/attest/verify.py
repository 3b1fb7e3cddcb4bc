"""The verb `attest verify`: a chain, the checkpoints that are shown, and models by name, in one document (METHODS §19)."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from forebear.attest.chain import read_chain, unbroken
from forebear.attest.commitment import (
    beacons,
    file_name,
    published_after,
    read_commitment,
    signature_holds,
    utc,
    without_place,
)
from forebear.attest.content import root_in
from forebear.attest.course import Course, Stage, follow
from forebear.attest.logs import log_lines
from forebear.attest.stamps import stamps_of
from forebear.attest.starts import start_of
from forebear.attest.statement import Line, events_of, lines_of, summary
from forebear.attest.thresholds import PACE, SEEDS_LOG10, VARIANTS_LOG10
from forebear.comparison.compare import Asked, compare_pair
from forebear.core.documents import finish
from forebear.core.errors import ExpectationError, RefusedError, UsageError, refusal
from forebear.core.messages import Message, message
from forebear.core.pasting import Command
from forebear.core.progress import within
from forebear.core.threads import one_thread
from forebear.files.sources import require_there
from forebear.models.checkpoint import Checkpoint, open_checkpoint

Document = Mapping[str, Any]
EXPECTATIONS = {
    "not-contradicted": ("start-proven", "start-known", "start-not-proven", "unexplained"),
    "explained": ("start-proven", "start-known", "start-not-proven"),
    "start-proven": ("start-proven",),
}
"""What may be expected, and the outcomes that meet it."""


@dataclass(frozen=True)
class Asking:
    """What the caller gave (see `forebear.attest_verify`)."""

    chain: Path
    final: str | Path | None
    checkpoints: tuple[str | Path, ...]
    against: tuple[str | Path, ...]
    commitment: Path | None
    betas: str | None
    expect: str | None = None
    stamp_roots: Path | None = None
    log: tuple[Path, ...] = ()

    def reproduce(self) -> str:
        """The command that makes the document again; it names no folder of who ran it: the document is there to be published."""
        made = Command("attest", "verify", about=self.chain, published=True).path(self.chain).path(self.final)
        for name, several in (("--checkpoints", self.checkpoints), ("--against", self.against), ("--log", self.log)):
            for one in several:
                made.path(one, name)
        made.path(self.commitment, "--commitment")
        if self.betas is not None:
            made.value(self.betas, "--betas")
        made.path(self.stamp_roots, "--stamp-roots")
        return str(made.value(self.expect, "--expect") if self.expect is not None else made)


def verify(asked: Asking) -> Document:
    """See `forebear.attest_verify`."""
    if asked.expect is not None and asked.expect not in EXPECTATIONS:
        todo = f"Use one of: {', '.join(EXPECTATIONS)}."
        raise UsageError(f"{asked.expect!r} is no expectation", where="--expect", todo=todo)
    document = _attested(asked)
    outcome = document["conclusion"]["outcome"]
    if asked.expect is not None and outcome not in EXPECTATIONS[asked.expect]:
        raise ExpectationError(f"expected {asked.expect}, found {outcome}", document, where="--expect")
    return document


@one_thread()
def _attested(asked: Asking) -> Document:
    """The document, whatever was expected of it."""
    began = time.perf_counter()
    betas = _betas(asked.betas)
    for path in asked.against:
        require_there(path)
    records = read_chain(asked.chain)
    promised = records[0]["commitment"]
    lines: list[Line] = []
    if asked.commitment is not None:
        given = read_commitment(asked.commitment)
        if promised is not None and given["announcement"] != promised["announcement"]:
            said = message("attest_form.other_commitment")
            raise refusal(said, where=str(asked.commitment), todo=message("attest_form.that_one"))
        if promised is None:
            lines.append(Line("commitment", "not-proven", message("attest.commitment_beside"), "described"))
        promised = given
    with ExitStack() as open_ones:
        shown, strays, final_root = _opened(asked, records, open_ones)
        seed_lines, start, known = start_of(promised, records, shown)
        start_root = "" if start is None else root_in(start.container)
        ends = [n for n, record in enumerate(records) if record["content"]["root"] == final_root]
        course = follow(
            records, shown, start, start_root, broken=unbroken(records),
            grinding_log10=SEEDS_LOG10 + VARIANTS_LOG10, betas=betas, final=ends[-1] if ends else None,
        )  # fmt: skip
        lines += seed_lines + _final_lines(asked, len(records) - 1, ends, strays) + lines_of(course)
        lines += log_lines(asked.log, records) + _against(asked)
        size = sum(side.container.bytes_read for side in shown.values())
    lines += [
        *_times(asked, records, promised),
        *_clock(promised),
        *_early(promised, records),
        Line("rest", "not-proven", message("attest.nothing_else"), "described"),
    ]
    limits = _limits(course, asked)
    proven = [ln.document() for ln in lines if ln.state == "proven"]
    return finish(
        "forebear/attestation/3",
        {
            "run": file_name(asked.chain),
            "final": None if asked.final is None else file_name(asked.final),
            "conclusion": summary(lines, course, final_recorded=asked.final is None or bool(ends)),
            "commitment": None
            if promised is None
            else {k: promised[k] for k in ("announcement", "announced", "seed_source")},
            "seed": known,
            "chain": [_row(stage, course) for stage in course.stages],
            "events": events_of(course),
            "most_pace": PACE,
            "proves": proven,
            "does_not_prove": [ln.document() for ln in lines if ln.state != "proven"],
        },
        limits=limits,
        read={"shown_bytes": size, "checkpoints": len(shown), "seconds": round(time.perf_counter() - began, 3)},
        reproduce=asked.reproduce(),
    )


def _betas(text: str | None) -> tuple[float, float]:
    """The two rates of Adam's running means, "0.9,0.999" when not given."""
    parts = (text or "0.9,0.999").split(",")
    try:
        found = tuple(float(p) for p in parts)
    except ValueError:
        found = ()
    sane = len(found) == 2 and all(isfinite(b) and 0 <= b < 1 for b in found) and found[0] ** 2 < found[1]
    if not sane:
        raise UsageError(
            "are two numbers below 1, the first squared below the second", where="--betas", todo='Give "0.9,0.999".'
        )
    return found[0], found[1]


def _opened(
    asked: Asking, records: Sequence[Mapping[str, Any]], open_ones: ExitStack
) -> tuple[dict[str, Checkpoint], list[str], str | None]:
    """Shown checkpoints that the chain records, by root; names of those it does not; the root of the final one."""
    recorded = {record["content"]["root"] for record in records}
    shown: dict[str, Checkpoint] = {}
    strays: list[str] = []
    final_root: str | None = None
    given = [*asked.checkpoints, *([asked.final] if asked.final is not None else [])]
    for at, path in enumerate(given):
        side = open_checkpoint(path)
        open_ones.callback(side.close)
        root = root_in(side.container)
        if asked.final is not None and at == len(given) - 1:
            final_root = root
        if root in recorded:
            shown.setdefault(root, side)
        else:
            strays.append(file_name(path))
    return shown, strays, final_root


def _final_lines(asked: Asking, last: int, ends: Sequence[int], strays: Sequence[str]) -> list[Line]:
    """Which record the final model is, and shown checkpoints that are none. last: the number of the last; ends: its records."""
    found: list[Line] = []
    if asked.final is None:
        found.append(Line("final", "not-proven", message("attest.final_not_given")))
    elif not ends:
        found.append(Line("final", "not-proven", message("attest_open.final_not")))
        strays = list(strays)[:-1]
    elif ends[-1] == last:
        found.append(Line("final", "proven", message("attest.final_is", record=last)))
    else:
        found.append(Line("final", "proven", message("attest_open.final_earlier", record=ends[-1], last=last)))
    if strays:
        said = message("attest_open.strays", names=list(strays)[:12], count=len(strays))
        found.append(Line("shown", "not-proven", said))
    return found


def _against(asked: Asking) -> list[Line]:
    """The final model beside models by name, each compared as `compare` does, multiplied by their number."""
    found: list[Line] = []
    for at, path in enumerate(asked.against if asked.final is not None else ()):
        name = file_name(path)
        options = Asked().options(asked.final or "", [path])
        try:
            with within(at, len(asked.against), f"model {at + 1} of {len(asked.against)}, {name}"):
                verdict = compare_pair(asked.final or "", path, options, looks=len(asked.against))["verdict"]
        except RefusedError as error:
            found.append(
                Line(
                    "against",
                    "not-proven",
                    message("attest.against_unread", name=name, why=without_place(error)),
                    "described",
                )
            )
            continue
        relation, p = verdict["relation"], verdict["log10_p"]
        if relation in ("no-evidence", "cannot-tell"):
            key = "attest.against_none" if relation == "no-evidence" else "attest.against_unsettled"
            found.append(Line("against", "not-proven", message(key, name=name)))
        else:
            said = message("attest_open.against_related", name=name, relation=message(f"relation.{relation}"))
            found.append(Line("against", "not-proven", said, log10_p=p))
    return found


def _times(asked: Asking, records: Sequence[Mapping[str, Any]], promised: Mapping[str, Any] | None) -> list[Line]:
    """When things were recorded: only a time-stamp that somebody else gave can prove it, and only where it was checked."""
    stamps = stamps_of(asked.chain, records, promised, asked.stamp_roots)
    if not stamps:
        return [Line("time", "not-proven", message("attest.no_stamps"), "described")]
    return [Line("time", "proven" if stamp.valid else "not-proven", stamp.said) for stamp in stamps]


def _clock(promised: Mapping[str, Any] | None) -> list[Line]:
    """Where the seed comes from, and when that was announced."""
    found: list[Line] = []
    if promised is None:
        return found
    source = promised["seed_source"]
    if source["kind"] == "file":
        found.append(Line("source", "not-proven", message("attest.source_file"), "described"))
    elif promised["seed"] is not None:
        found.append(_value(source, promised["seed"]))
        if promised["announced"] >= source["published"]:
            late = message("attest.source_late", announced=promised["announced"], published=source["published"])
            found.append(Line("source", "not-proven", late, "described"))
    return found


def _value(source: Mapping[str, Any], seed: Mapping[str, Any]) -> Line:
    """Whether the value is the round's: shown by the beacon's signature alone."""
    values = {"title": beacons()[source["beacon"]].title, "round": source["round"], "address": source["address"]}
    signed = signature_holds(source, seed)
    if signed is None:
        key = "attest_signed.unchecked" if seed.get("signature") else "attest.source_beacon"
        return Line("source", "not-proven", message(key, **values), "described")
    if signed:
        return Line("source", "proven", message("attest_signed.right", **values))
    return Line("source", "unexplained", message("attest_signed.wrong", **values))


def _early(promised: Mapping[str, Any] | None, records: Sequence[Mapping[str, Any]]) -> list[Line]:
    """A value that came before its round: by the first record, where that holds it, or by this computer's clock."""
    if promised is None or promised["seed"] is None or promised["seed_source"]["kind"] != "beacon":
        return []
    source, now = promised["seed_source"], time.time()
    own = records[0]["commitment"]
    round_, published, stated = source["round"], source["published"], records[0]["recorded"]
    if published_after(source, now):
        said = message("attest_round.value_now", round=round_, published=published, now=utc(now))
        return [Line("source", "unexplained", said)]
    if own is not None and own["seed"] is not None and stated < published:
        said = message("attest_round.value_early", round=round_, published=published, stated=stated)
        return [Line("source", "contradicted", said)]
    return []


def _limits(course: Course, asked: Asking) -> list[Message]:
    found: list[Message] = []
    for stage in course.linked:
        found += stage.test.limits if stage.test is not None else ()
    if asked.against and asked.final is None:
        found.append(message("attest.limit_against"))
    return found


def _row(stage: Stage, course: Course) -> dict[str, Any]:
    """One record as the document shows it; figures rounded once, here."""
    link, test, start = stage.link, stage.test, stage.start

    def number(value: float | None, places: int = 4) -> float | None:
        return None if value is None else round(value, places)

    return {
        "record": stage.number,
        "step": stage.step,
        "root": stage.root,
        "shown": stage.shown,
        "before": stage.before,
        "again": stage.again,
        "is_start": stage.number in course.start_at,
        "start_cosine": number(start.cosine if start else None),
        "start_share": number(start.share if start else None),
        "expected_share": number(stage.expected),
        "cosine": number(link.cosine if link else None),
        "relative": number(link.relative if link else None),
        "pace": number(stage.pace),
        "above": number(link.above if link else None, 6),
        "silent": stage.silent,
        "turn": number(stage.turn, 3),
        "screen": number(stage.screen, 3),
        "log10_p": number(test.log10_p if test else None, 3),
        "strength": number(test.strength if test else None),
        "ceiling": number(test.ceiling if test else None),
        "strong": None if test is None or (test.strength is None and test.why is None) else test.strong,
    }
