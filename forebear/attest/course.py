"""The course of a run: its records beside the checkpoints that are shown, each link measured, events named (METHODS §19)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, log10
from typing import Any

from forebear.attest.content import screen_cosine
from forebear.attest.pairs import Allowed, Change, Tested, change, examined, rounding_of, turn
from forebear.attest.rates import FROM_0, FROM_1, UNTOLD, reach
from forebear.core.progress import tell
from forebear.models.checkpoint import Checkpoint


@dataclass
class Stage:
    """One record as far as it could be looked at.

    before: the record it goes on from, None for the first; again: the earlier record with the same weights, else None.
    link, test: against the record before, where both checkpoints are shown. start: against the start, where that is known.
    expected: what the logged decay leaves of the start; None without a log. rates: sum of learning rates since the record before.
    screen: estimate of the cosine with the record before, from the chain's own figures.
    """

    number: int
    step: int
    root: str
    span: Mapping[str, Any] | None
    shown: bool
    before: int | None = None
    again: int | None = None
    link: Change | None = None
    test: Tested | None = None
    start: Change | None = None
    expected: float | None = None
    turn: float | None = None
    screen: float | None = None
    missing: int = 0
    """Steps on the way here of which the log has no line; every second one of a run that logs every second step."""
    untold: bool = False
    """Whether nothing shows if the log counts from 1 or lacks the line of its first step."""
    silent: bool = False
    """Whether the log allows any value to move further than its usual size, so that no step can be too large."""

    @property
    def pace(self) -> float | None:
        """Root mean square change in units of the learning rates since the record before; None where one is unknown."""
        if self.link is None or not self.span or not self.span["rate_sum"]:
            return None
        return float(self.link.moved / self.span["rate_sum"])


@dataclass
class Course:
    """Every stage, and the last checkpoint against the start. broken: records that do not name the line before them."""

    stages: list[Stage]
    broken: list[int]
    start_at: list[int]
    """Numbers of the records whose weights are the start that follows from the seed."""
    direct: Tested | None = None
    restarts: list[int] = field(default_factory=list)
    beta: tuple[float, float] = (0.9, 0.999)
    final: int | None = None
    """The record that the final model is, where it is one of them."""

    @property
    def end(self) -> int:
        """The record that the lines about the start speak of: the final model's, else the last."""
        return len(self.stages) - 1 if self.final is None else self.final

    @property
    def linked(self) -> list[Stage]:
        """Stages measured against the one before."""
        return [s for s in self.stages if s.link is not None]

    @property
    def unlinked(self) -> list[Stage]:
        """Stages that go on from another and could not be measured against it."""
        return [s for s in self.stages if s.before is not None and s.link is None]


def follow(
    records: Sequence[Mapping[str, Any]], shown: Mapping[str, Checkpoint], start: Checkpoint | None, start_root: str, *,
    broken: list[int], grinding_log10: float, betas: tuple[float, float], final: int | None = None,
) -> Course:  # fmt: skip
    """Measure everything that the shown checkpoints allow. shown: by root; start: the weights that follow from the seed."""
    stages = _stages(records, shown)
    course = Course(stages, broken, [s.number for s in stages if s.root == start_root], beta=betas, final=final)
    course.restarts = sorted({step for s in stages if s.span for step in s.span["restarts"]})
    sides = dict(shown) | ({start_root: start} if start is not None else {})
    for stage in stages:
        if stage.root in sides:
            stage.shown = True
    looks = log10(max(1, sum(s.before is not None for s in stages)))
    for done, stage in enumerate(stages):
        _measure(course, stage, sides, start, looks)
        tell(done + 1, len(stages), f"record {stage.number}")
    end = stages[course.end]
    if start is not None and end.root in sides and end.root != start_root:
        course.direct = examined(sides[end.root], start, grinding_log10)
    return course


def _stages(records: Sequence[Mapping[str, Any]], shown: Mapping[str, Checkpoint]) -> list[Stage]:
    """Which record each goes on from: the one its log was summed from, else the one before it.

    After a rollback without that, the last one that is earlier in steps.
    """
    stages: list[Stage] = []
    for record in records:
        stage = Stage(
            len(stages), record["step"], record["content"]["root"], record["span"], record["content"]["root"] in shown
        )
        same = [s for s in stages if s.root == stage.root]
        if stages:
            back = stage.step <= stages[-1].step
            earlier = [s for s in stages if s.step < stage.step]
            summed = [s for s in earlier if stage.span is not None and s.step == stage.span["first"]]
            if back and same:
                stage.before = same[-1].number
            else:
                stage.before = (summed or (earlier if back else stages) or stages)[-1].number
            if not (back and same) and not summed:
                stage.span = None  # the log was not summed from a record, and says nothing of the way
        if stage.span is not None and stage.span["first"] == 0 and stage.span.get("counted") == UNTOLD:
            counted = _counted(stage.span, records)
            stage.untold, stage.missing = counted == UNTOLD, int(counted == FROM_0)
            stage.span = None if stage.missing else stage.span
        if stage.span is not None and stage.span["missing"]:
            stage.missing, stage.span = int(stage.span["missing"]), None  # sums that lack steps bound nothing
        stage.again = same[-1].number if same else None
        if stage.before is not None:
            stage.screen = screen_cosine(record["content"]["screen"], records[stage.before]["content"]["screen"])
        stages.append(stage)
    return stages


def _counted(span: Mapping[str, Any], records: Sequence[Mapping[str, Any]]) -> str:
    """What a log that begins with step 1 counts from, by the records at its end.

    Counted from 1 a record at the end bears the step of the last line; counted from 0 the one after it, and the first line is gone.
    """
    last, after = (any(record["step"] == span["ends"] + more for record in records) for more in (0, 1))
    return UNTOLD if last == after else FROM_1 if last else FROM_0


def _measure(
    course: Course, stage: Stage, sides: Mapping[str, Checkpoint], start: Checkpoint | None, looks: float
) -> None:
    """Fill in what this stage shows beside the one before, and beside the start."""
    span, own = stage.span, sides.get(stage.root)
    if stage.before is None:
        stage.expected = 1.0
    else:
        origin = course.stages[stage.before]
        known = origin.expected is not None and span is not None
        stage.expected = (
            origin.expected * exp(-span["decay_sum"])
            if known and span is not None and origin.expected is not None
            else None
        )
        other = sides.get(origin.root)
        if own is not None and other is not None:
            rounding = rounding_of(other, own)
            moved = None if not span or rounding is None else reach(*course.beta) * span["rate_sum"]
            allowed = None if moved is None or not span else Allowed(moved, span["decay_sum"], rounding or 0.0)
            stage.link = change(other, own, allowed)
            if stage.link is not None and allowed is not None:
                stage.silent = allowed.moved >= stage.link.root_mean_square
            if stage.link is not None and not stage.link.equal:
                stage.test = examined(own, other, looks)
                if origin.before is not None and (first := sides.get(course.stages[origin.before].root)) is not None:
                    stage.turn = turn(first, other, own)
    if own is not None and start is not None:
        stage.start = change(start, own)
