"""Which of two related models came first: answered by dated third checkpoints or dated re-derivation only; hints stay hints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from forebear.core.messages import Message, message
from forebear.models.checkpoint import Checkpoint
from forebear.recipes.direction.carried import Carried, carried
from forebear.recipes.direction.dates import Dated, earlier
from forebear.recipes.direction.thresholds import BACK, FAR_BACK, FORTH, LESS_OWN
from forebear.recipes.found import Found

Answer = Literal["subject-from-candidate", "candidate-from-subject", "not-shown"]
COPIED, COMBINED = message("came_first.copied_layers"), message("came_first.combination")
GRID, WORDS = message("came_first.grid"), message("came_first.vocabulary")
HINTS: Mapping[str, Message] = {
    "layers-stacked": COPIED, "experts-transplanted": COPIED, "layers-inserted": COPIED, "merged": COMBINED,
    "quantised-gguf": GRID, "quantised-fp8": GRID, "vocabulary-extended": WORDS, "vocabulary-trimmed": WORDS,
}  # fmt: skip
"""Operations that suggest a direction and can be read the other way round."""


@dataclass(frozen=True)
class Third:
    """A third checkpoint. dated: when it was there at the latest, by a source of the caller's that neither side controls."""

    id: str
    checkpoint: Checkpoint
    dated: date | None = None


@dataclass(frozen=True)
class Direction:
    """The answer. by: "third", "re-derived" or "". hints: decide nothing. said: what decided or why."""

    answer: Answer = "not-shown"
    by: str = ""
    hints: tuple[Message, ...] = ()
    said: tuple[Message, ...] = ()

    def document(self) -> dict[str, Any]:
        """The answer as a document holds it."""
        return {
            "answer": self.answer, "by": self.by, "hints": [one.document() for one in self.hints],
            "said": [one.document() for one in self.said],
        }  # fmt: skip


def directed(
    subject: Checkpoint, candidate: Checkpoint, *, thirds: Sequence[Third] = (), found: Sequence[Found] = (),
    dates: tuple[Dated, Dated] = (Dated(), Dated()),
) -> Direction:  # fmt: skip
    """Whether the subject was made from the candidate, the candidate from the subject, or nothing shows it.

    thirds: further relatives; one decides only where it is dated before both sides. found: operations from candidate to subject.
    dates:  when subject and candidate were there, by sources that neither side controls.
    Null of the third-checkpoint rule: both were made from the third apart; then each lacks what the other has of its own.
            It assumes that two models trained apart share at most what the bench's siblings on like text do (decision 0038).
    Silent: without a dated third or a dated re-derivation; where thirds disagree; where a step is too small to tell; where dates
            do not show that the parent was there first: a merge with a model that is not given looks like its own parent's
            ancestor (decision 0065).
    Source: METHODS §11.
    """
    hints = tuple(dict.fromkeys(hint for one in found if (hint := _hint(one.op)) is not None))
    answers: list[tuple[Answer, Message]] = []
    said: list[Message] = []
    for third in thirds:
        if not all(earlier(Dated(third.dated), one) for one in dates):
            said.append(message("came_first.undated", third=third.id))
            continue
        answer, why = _between(subject, candidate, third)
        said.append(why)
        if answer != "not-shown":
            answers.append((answer, why))
    parents = {
        "subject-from-candidate": earlier(dates[1], dates[0]),
        "candidate-from-subject": earlier(dates[0], dates[1]),
    }
    if found and all(one.grade == "re-derived" for one in found):
        if parents["subject-from-candidate"]:
            said.append(message("came_first.dated_first"))
            return _joined("subject-from-candidate", "re-derived", answers, hints, said)
        said.append(message("came_first.preimage"))
    if not answers:
        return Direction(hints=hints, said=tuple(said) or (message("came_first.nothing"),))
    if not parents[answers[0][0]]:
        return Direction(hints=hints, said=(*said, message("direction_dates.not_in_order")))
    return _joined(answers[0][0], "third", answers, hints, said)


def _hint(op: str) -> Message | None:
    return HINTS.get(op, GRID if op.startswith("quantised-int") else None)


def _joined(
    answer: Answer,
    by: str,
    answers: Sequence[tuple[Answer, Message]],
    hints: tuple[Message, ...],
    said: Sequence[Message],
) -> Direction:
    if any(other != answer for other, _ in answers):
        return Direction(hints=hints, said=(*said, message("came_first.disagree")))
    return Direction(answer, by, hints, tuple(said))


def _between(subject: Checkpoint, candidate: Checkpoint, third: Third) -> tuple[Answer, Message]:
    """What one older third shows."""
    figures = carried(third.checkpoint, (candidate, subject))
    if figures is None:
        return "not-shown", message("came_first.not_in_place", third=third.id)
    forward, backward = figures
    values = {"third": third.id, "forward": forward.own_directions, "backward": backward.own_directions}
    if _carries(forward, backward):
        return "subject-from-candidate", message("came_first.subject_carries", **values)
    if _carries(backward, forward):
        return "candidate-from-subject", message("came_first.candidate_carries", **values)
    return "not-shown", message("came_first.neither_carries", **values)


def _carries(there: Carried, back: Carried) -> bool:
    """Whether the later model carries all that the earlier one changed, and the earlier one clearly not all of the later's."""
    whole = there.own_directions >= FORTH and there.own_directions - there.all_directions >= -LESS_OWN
    return whole and FAR_BACK <= back.own_directions <= BACK
