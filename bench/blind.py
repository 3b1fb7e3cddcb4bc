"""Methods see weights, not names: every pair is scored under fresh meaningless paths, and labels are checked by the bytes."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from bench.checkpoint import load
from bench.methods.score import Method, Score
from bench.truth import INDEPENDENT, RELATED, Pair

SHOWN = ("model.safetensors", "config.json", "tokenizer.json")
"""All a method gets to see; the record with seed and parent stays behind."""
LEAST_COSINE = 0.10
"""Two models of one shape whose weights have at least this cosine share them; independents stay far below."""


class LeakError(RuntimeError):
    """A method's answer changed with the names of the folders."""


@contextmanager
def aliases(subject: Path, candidate: Path, work: Path) -> Iterator[tuple[Path, Path]]:
    """Two folders with random names holding only weights, configuration and vocabulary (hard links, so nothing is copied
    and no link can be followed back)."""
    work.mkdir(parents=True, exist_ok=True)
    made: list[Path] = []
    try:
        for real in (subject, candidate):
            alias = work / secrets.token_hex(8)
            alias.mkdir()
            made.append(alias)
            for name in SHOWN:
                if (real / name).exists():
                    _link(real / name, alias / name)
        yield made[0], made[1]
    finally:
        for alias in made:
            shutil.rmtree(alias, ignore_errors=True)


def _link(real: Path, alias: Path) -> None:
    try:
        os.link(real, alias)
    except OSError:  # another file system
        shutil.copyfile(real, alias)


def score_blind(method: Method, subject: Path, candidate: Path, work: Path) -> Score:
    """The method's answer for a pair whose names say nothing."""
    with aliases(subject, candidate, work) as (a, b):
        return method(a, b)


def leak_check(method: Method, subject: Path, candidate: Path, work: Path) -> None:
    """Raises: LeakError if the score depends on anything but the files' contents: the true paths and two blind ones must
    agree."""
    seen = {method(subject, candidate).score} | {score_blind(method, subject, candidate, work).score for _ in range(2)}
    if len(seen) > 1:
        raise LeakError(f"scores {sorted(seen)} for the same weights under different names")


def weight_cosine(subject: Path, candidate: Path) -> float:
    """Cosine of all matrices inside the layers that two checkpoints have in common by name and shape; 0 where none are.

    Embeddings stay out: independents learn a common mean there.
    """
    left, right = load(subject)[0], load(candidate)[0]
    inner = left_size = right_size = 0.0
    for name, array in left.items():
        other = right.get(name)
        if (
            array.ndim == 2
            and (".layers." in name or ".h." in name)
            and other is not None
            and other.shape == array.shape
        ):
            inner += float(np.vdot(array, other))
            left_size += float(np.vdot(array, array))
            right_size += float(np.vdot(other, other))
    return inner / float(np.sqrt(left_size * right_size)) if left_size and right_size else 0.0


def wrong_labels(pairs: list[Pair], root: Path) -> list[Pair]:
    """Pairs whose label the weights contradict: "related" without common weights, "independent" with them.

    Only strata whose coordinates were left alone can be checked this way; the others are passed over.
    """
    wrong = []
    for pair in pairs:
        if pair.truth not in (RELATED, INDEPENDENT) or pair.stratum.split("-")[0] not in ("further", "independent"):
            continue
        close = weight_cosine(root / pair.subject, root / pair.candidate) >= LEAST_COSINE
        if close != (pair.truth == RELATED):
            wrong.append(pair)
    return wrong
