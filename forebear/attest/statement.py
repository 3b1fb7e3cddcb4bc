"""What a chain proves and what it does not, one line each (METHODS §19). Words never say more than was rejected."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import exp
from typing import Any, Literal

from forebear.attest.course import Course, Stage
from forebear.attest.pairs import OTHER, Change
from forebear.attest.thresholds import (
    LAYER_COSINE,
    LAYER_SHARE_APART,
    LEVEL_LOG10,
    PACE,
    SHARE_APART,
    STRAIGHT,
    STRAIGHT_SHARE,
    TELLING_SHARE,
    VISIBLE,
)
from forebear.core.messages import Message, message

State = Literal["proven", "not-proven", "unexplained", "contradicted"]
"""unexplained: a run of AdamW by its log would not leave it, other honest runs may; contradicted: the chain refutes itself
(docs/decisions/0072-what-may-contradict-a-chain.md)."""
MOST_NAMED = 12
"""Records that one line names; it says how many there are."""


@dataclass(frozen=True)
class Line:
    """One statement. line: what it is about; state: see State; said: in words; kind: how its figure is known."""

    line: str
    state: State
    said: Message
    kind: Literal["exact", "calibrated", "described"] = "exact"
    log10_p: float | None = None

    def document(self) -> dict[str, Any]:
        """As it stands in an attestation."""
        p = None if self.log10_p is None else round(self.log10_p, 3)
        return {"line": self.line, "state": self.state, "said": self.said, "kind": self.kind, "log10_p": p}


def named(numbers: Sequence[int]) -> list[int]:
    """The first of some record numbers."""
    return list(numbers[:MOST_NAMED])


def lines_of(course: Course) -> list[Line]:
    """Every line about the course of the run, in the order a reader follows."""
    makers: tuple[Callable[[Course], Line | None], ...] = (
        _whole, _direct, _by_chain, _neighbours, _share, _layers, _strength, _steps, _pace, _straight, _log,
    )  # fmt: skip
    return [line for make in makers if (line := make(course)) is not None]


def _whole(course: Course) -> Line:
    count = len(course.stages)
    if course.broken:
        return Line(
            "chain",
            "contradicted",
            message("attest.chain_broken", records=named(course.broken), count=len(course.broken)),
        )
    return Line("chain", "proven", message("attest.chain_whole", count=count))


def _direct(course: Course) -> Line | None:
    test = course.direct
    if test is None:
        return None
    if test.log10_p <= LEVEL_LOG10:
        return Line("start-direct", "proven", message("attest.direct", p=test.log10_p), log10_p=test.log10_p)
    return Line("start-direct", "not-proven", message("attest.direct_not", p=test.log10_p), log10_p=test.log10_p)


def related(stage: Stage) -> bool:
    """Whether a measured link goes on from the record before: equal, or found at the level by a test that decides."""
    if stage.link is None:
        return False
    return stage.link.equal or (stage.test is not None and stage.test.log10_p <= LEVEL_LOG10)


def untestable(stage: Stage) -> bool:
    """Whether a link that differs could not have been found whatever it is: no axis holds, or too few units."""
    link, test = stage.link, stage.test
    return link is not None and not link.equal and test is not None and not test.able and not related(stage)


def way_to(course: Course, stage: Stage) -> list[Stage]:
    """The stages from the first record's successor to this one, along what each goes on from."""
    found: list[Stage] = []
    while stage.before is not None and len(found) < len(course.stages):
        found.append(stage)
        stage = course.stages[stage.before]
    return found[::-1]


def _weakest(stages: Sequence[Stage]) -> float:
    return max((s.test.log10_p for s in stages if s.test is not None), default=0.0)


def _by_chain(course: Course) -> Line | None:
    """From the start to the last record, each made with knowledge of the one before."""
    if not course.start_at:
        return None
    if 0 not in course.start_at:
        where = message("attest.start_elsewhere", records=named(course.start_at), last=len(course.stages) - 1)
        return Line("start-by-chain", "unexplained", where)
    way = way_to(course, course.stages[course.end])
    unshown = [s.number for s in way if s.link is None or untestable(s)]
    failed = [s.number for s in way if s.number not in unshown and not related(s)]
    if unshown:
        return Line(
            "start-by-chain",
            "not-proven",
            message("attest.by_chain_unshown", records=named(unshown), count=len(unshown)),
        )
    if failed:
        return Line(
            "start-by-chain", "not-proven", message("attest.by_chain_not", records=named(failed), count=len(failed))
        )
    if not way:
        return None
    if all(s.test is None for s in way):
        return Line("start-by-chain", "proven", message("attest_page.by_chain_equal"))
    p = _weakest(way)
    return Line("start-by-chain", "proven", message("attest.by_chain", links=len(way), p=p), log10_p=p)


def _neighbours(course: Course) -> Line | None:
    mute = [s.number for s in course.linked if untestable(s)]
    failed = [s for s in course.linked if not related(s) and s.number not in mute]
    torn = [s for s in course.linked if s not in failed and torn_layers(s)]
    jumps = [s.number for s in failed if (left := remains(s, None)) is not None and left >= VISIBLE]
    if jumps:
        return Line("neighbours", "unexplained", message("attest.jumps", records=named(jumps), count=len(jumps)))
    if torn:
        places = [message("attest.torn", record=s.number, layers=torn_layers(s)) for s in torn[:MOST_NAMED]]
        return Line("neighbours", "unexplained", message("attest.jumps_in_layers", places=places), "described")
    if failed:
        numbers = [s.number for s in failed]
        said = message("attest_open.jumps", records=named(numbers), count=len(numbers))
        return Line("neighbours", "not-proven", said)
    if mute:
        return Line("neighbours", "not-proven", message("attest.neighbours_mute", records=named(mute), count=len(mute)))
    if not course.linked:
        return Line("neighbours", "not-proven", message("attest.neighbours_unshown", count=len(course.unlinked)))
    p = _weakest(course.linked)
    key = "attest.neighbours_some" if course.unlinked else "attest.neighbours"
    said = message(key, links=len(course.linked), p=p, unshown=len(course.unlinked))
    return Line("neighbours", "not-proven" if course.unlinked else "proven", said, log10_p=p)


def remains(stage: Stage, layer: int | None) -> float | None:
    """The cosine with the record before that the logged decay would leave, had all that was learnt been unrelated to it.

    layer: None for all matrices. None where the log does not cover the way, or nothing was measured.
    """
    if stage.link is None or not stage.span:
        return None
    size = stage.link.size if layer is None else stage.link.sizes.get(layer, 0.0)
    return exp(-stage.span["decay_sum"]) / size if size > 0 else None


def torn_layers(stage: Stage) -> list[int]:
    """Layers that do not go on from the record before, where the checkpoint as a whole does and the log would leave them alike."""
    if stage.link is None or stage.link.equal:
        return []
    low = [layer for layer, (cosine, _) in stage.link.by_layer.items() if cosine < LAYER_COSINE and layer != OTHER]
    return [layer for layer in low if (left := remains(stage, layer)) is not None and left >= TELLING_SHARE]


def _share(course: Course) -> Line | None:
    """How much of the start is left, beside what the logged decay leaves."""
    known = [s for s in course.stages if s.start is not None and s.expected is not None and s.before is not None]
    if not known:
        return None
    apart = [s for s in known if abs(_left(s) - (s.expected or 0.0)) > SHARE_APART]
    if apart:
        first = apart[0]
        said = message(
            "attest.share_apart", record=first.number, share=round(_left(first), 3), expected=round(first.expected or 0.0, 3),
            count=len(apart),
        )  # fmt: skip
        return Line("share", "unexplained", said, "described")
    telling = [s for s in known if (s.expected or 0.0) >= TELLING_SHARE]
    largest = round(max(abs(_left(s) - (s.expected or 0.0)) for s in known), 3)
    if not telling or telling[-1] is not known[-1]:
        to = telling[-1].number if telling else 0
        said = message("attest.share_until", record=to, largest=largest, least=TELLING_SHARE)
        return Line("share", "not-proven", said, "described")
    return Line("share", "proven", message("attest.share", largest=largest, count=len(known)), "described")


def _left(stage: Stage) -> float:
    return stage.start.share if stage.start is not None else 0.0


def _layers(course: Course) -> Line | None:
    """Layers whose share of the start is far from that of the log: where something was put in."""
    for stage in course.stages:
        if stage.start is None or stage.expected is None or stage.expected < TELLING_SHARE + LAYER_SHARE_APART:
            continue
        odd = [
            n
            for n, (_, share) in stage.start.by_layer.items()
            if n != OTHER and abs(share - stage.expected) > LAYER_SHARE_APART
        ]
        if odd:
            said = message("attest.layers_apart", record=stage.number, layers=odd, expected=round(stage.expected, 3))
            return Line("layers", "unexplained", said, "described")
    return None


def _strength(course: Course) -> Line | None:
    """Links that an aligned independent could not show (METHODS §17), where the start's share cannot tell any more."""
    asked = [s for s in course.linked if s.test is not None and (s.test.strength is not None or s.test.why is not None)]
    if not asked:
        return None
    weak = [s.number for s in asked if s.test is not None and not s.test.strong]
    if weak:
        return Line(
            "strength", "not-proven", message("attest.strength_not", records=named(weak), count=len(weak)), "calibrated"
        )
    return Line("strength", "proven", message("attest.strength", links=len(asked)), "calibrated")


def _steps(course: Course) -> Line | None:
    known = [s for s in course.linked if s.link is not None and s.link.above is not None and not s.link.equal]
    above = [s for s in known if s.link is not None and s.link.above]
    if above:
        first = above[0]
        share = round(100 * (first.link.above or 0.0), 3) if first.link else 0.0
        said = message("attest.steps_above", record=first.number, percent=max(share, 0.001), count=len(above))
        return Line("steps", "unexplained", said)
    if not known:
        return None
    telling = [s for s in known if not s.silent]
    if not telling:
        return Line("steps", "not-proven", message("attest.steps_silent", count=len(known)))
    state: State = "proven" if len(telling) == len(known) else "not-proven"
    key = "attest.steps" if state == "proven" else "attest.steps_some"
    return Line("steps", state, message(key, count=len(telling), of=len(known)))


def _pace(course: Course) -> Line | None:
    known = [
        (s.number, s.pace) for s in course.linked if s.pace is not None and s.link is not None and not s.link.equal
    ]
    fast = [(n, p) for n, p in known if p is not None and p > PACE]
    if fast:
        number, pace = max(fast, key=lambda one: one[1] or 0.0)
        said = message("attest.pace_jump", record=number, pace=round(pace or 0.0, 2), count=len(fast), most=PACE)
        return Line("pace", "unexplained", said, "described")
    if not known:
        return None
    largest = max(p or 0.0 for _, p in known)
    return Line(
        "pace", "proven", message("attest.pace", largest=round(largest, 2), count=len(known), most=PACE), "described"
    )


def _straight(course: Course) -> Line | None:
    turns = [s.turn for s in course.stages if s.turn is not None]
    straight = sum(t >= STRAIGHT for t in turns)
    if len(turns) >= 2 and straight >= STRAIGHT_SHARE * len(turns):
        return Line("path", "not-proven", message("attest.straight", straight=straight, of=len(turns)), "described")
    return None


def _log(course: Course) -> Line:
    spans = [s for s in course.stages if s.before is not None and s.again is None]
    without = [s.number for s in spans if s.span is None and not s.missing]
    gaps = [s.number for s in spans if s.missing]
    if without:
        return Line(
            "log", "not-proven", message("attest.no_log", records=named(without), count=len(without)), "described"
        )
    if gaps:
        missing = sum(s.missing for s in spans)
        said = message("attest_open.log_gaps", records=named(gaps), count=len(gaps), steps=missing)
        return Line("log", "not-proven", said, "described")
    if untold := [s.number for s in spans if s.untold]:
        return Line("log", "not-proven", message("attest_counted.untold", records=named(untold)), "described")
    return Line("log", "not-proven", message("attest.log_stated"), "described")


def events_of(course: Course) -> list[Message]:
    """Rollbacks and warm restarts, named: they are part of a run and no fault."""
    found: list[Message] = []
    for stage in course.stages[1:]:
        back = stage.step <= course.stages[stage.number - 1].step
        if stage.again is not None:
            to = course.stages[stage.again]
            key = "attest.rollback" if back else "attest.returned"
            found.append(message(key, record=stage.number, step=to.step, to=to.number))
        elif back:
            found.append(message("attest.rollback_other", record=stage.number, step=stage.step))
        elif stage.before is not None and stage.before != stage.number - 1:
            to = course.stages[stage.before]
            found.append(message("attest_open.rollback_unrecorded", record=stage.number, step=to.step, to=to.number))
    found += [message("attest.restart", step=step) for step in course.restarts]
    return found


def open_links(course: Course) -> list[int]:
    """Records on the way from the start to the end that another model, aligned to the one before or mixed with it, would leave too.

    None where the end agrees with the start more closely than that, or where every link of the way from it does.
    Source: METHODS §17, §19; docs/decisions/0080-what-a-proven-start-takes.md.
    """
    end, direct = course.stages[course.end], course.direct
    if direct is not None and direct.strong and end.start is not None and _all_layers(end.start):
        return []
    way = way_to(course, end)
    if 0 not in course.start_at:
        return [end.number]
    return [s.number for s in way if not (s.link is not None and (s.link.equal or _close(s)))]


def _close(stage: Stage) -> bool:
    return stage.test is not None and stage.test.strong and stage.link is not None and _all_layers(stage.link)


def _all_layers(change: Change) -> bool:
    """Whether every layer, and what lies outside them, goes on from the earlier checkpoint."""
    return all(cosine >= LAYER_COSINE for cosine, _ in change.by_layer.values())


def summary(lines: Sequence[Line], course: Course, *, final_recorded: bool) -> Mapping[str, Any]:
    """The one conclusion: whether the start is proven, and whether anything contradicts the chain or is left unexplained.

    final_recorded: whether the model that was given as the final one, if any, is one of the records; of another nothing is proven.
    """
    starts = [ln for ln in lines if ln.line in ("start-direct", "start-by-chain") and ln.state == "proven"]
    starts = starts if final_recorded else []
    against = [ln.line for ln in lines if ln.state == "contradicted"]
    open_ones = [ln.line for ln in lines if ln.state == "unexplained"]
    p = min((ln.log10_p for ln in starts if ln.log10_p is not None), default=None)
    links = open_links(course) if starts else []
    proven = ("start-known" if links else "start-proven") if starts else "start-not-proven"
    outcome = "contradicted" if against else ("unexplained" if open_ones else proven)
    p = None if p is None else round(p, 3)
    said = {"outcome": outcome, "log10_p": p, "contradicted": against, "unexplained": open_ones}
    return said | {"open_links": named(links), "open_count": len(links)}
