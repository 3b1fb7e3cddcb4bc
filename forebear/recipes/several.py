"""What is asked besides the detectors: conversions recomputed, mixtures of several candidates, claims, files to run again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any

from forebear.core.bounded import read_bounded
from forebear.core.messages import Message
from forebear.core.output import check_output, write_whole
from forebear.core.yaml_values import MOST_BYTES
from forebear.models.checkpoint import Checkpoint, Place, open_checkpoint
from forebear.recipes.exchange import checked, written
from forebear.recipes.found import Found
from forebear.recipes.mixtures import mixed
from forebear.recipes.rederive import joined, rederived

MOST_TEXT = 16 * MOST_BYTES
"""Largest recipe or configuration that is read for `--check`, bytes."""


@dataclass(frozen=True)
class Several:
    """Steps that replace those of the detectors; () where there are none.

    candidate: the one that was converted, "" for a mixture. parents: weights of the set of parents. said: for `limits`.
    residual: what a mixture leaves, root mean square, share of the subject's; None where no merge was found.
    checked: claims of the file given, None where none was.
    """

    steps: tuple[Found, ...] = ()
    candidate: str = ""
    parents: tuple[dict[str, Any], ...] = ()
    said: tuple[Message, ...] = ()
    residual: float | None = None
    checked: tuple[dict[str, Any], ...] | None = None
    left: tuple[tuple[str, int | None, float], ...] = ()
    """What a merge leaves by part and layer, see `Mixed`."""


def asked_besides(
    subject: Checkpoint, related: Sequence[str], found: Sequence[Found], *, candidates: Mapping[str, Place],
    own: Path | None = None, check: str | Path | None = None,
) -> Several:  # fmt: skip
    """related: candidates that `compare` calls identical or related; found: steps of the detectors, for claims of a recipe;
    candidates: where each lies.

    Raises: RefusedError when a candidate or the file to check cannot be read.
    """
    opened: dict[str, Checkpoint] = {}
    try:
        for name in candidates if check is not None or len(related) < 2 <= len(candidates) else related:
            opened[name] = open_checkpoint(candidates[name], architecture=own)
        answer = _made(subject, {name: opened[name] for name in related})
        if not answer.steps and len(related) < 2 <= len(candidates):
            answer = replace(answer, steps=tuple(joined(subject, list(opened.values()), list(opened))))
        if check is None:
            return answer
        text = read_bounded(check, MOST_TEXT)
        claims = checked(text, subject, _by_name(opened), (*answer.steps, *found), where=str(check))
        return replace(answer, checked=tuple(one.document() for one in claims))
    finally:
        for one in opened.values():
            one.close()


def _made(subject: Checkpoint, related: Mapping[str, Checkpoint]) -> Several:
    """A conversion of one candidate first: it explains every value; then a mixture of several."""
    for name, candidate in related.items():
        steps = rederived(subject, candidate)
        if steps and all(step.grade == "re-derived" for step in steps):
            return Several(tuple(steps), name, residual=0.0)
    if len(related) < 2:
        return Several()
    answer = mixed(subject, list(related.values()), list(related))
    summed = any(step.op == "merged" and step.parameters["method"] == "linear" for step in answer.found)
    return Several(answer.found, "", answer.parents, answer.said, answer.residual if summed else None, left=answer.left)


def _by_name(opened: Mapping[str, Checkpoint]) -> Mapping[str, Checkpoint]:
    """Candidates by path, and by the last part of it where that is one candidate's alone."""
    last = [PurePath(name).name for name in opened]
    short = {part: one for part, one in zip(last, opened.values(), strict=True) if last.count(part) == 1}
    return {**short, **opened}


def write_files(place: str | Path, found: Sequence[Found], parents: Sequence[dict[str, Any]]) -> None:
    """PLACE.json, a forebear recipe, and PLACE.yaml, a mergekit configuration, where a merge was found that mergekit can run.

    Raises: UsageError or RefusedError where a file may not be written.
    """
    mergekit, recipe = written(found, parents)
    for ending, data in ((".json", recipe), (".yaml", mergekit)):
        if data is not None:
            path = Path(f"{place}{ending}")
            check_output(path)
            write_whole(path, data)
