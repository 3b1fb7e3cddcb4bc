"""A model's print in one streaming pass over its tensors, each read once, shared out over the cores (METHODS §14, §18)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from forebear.core.errors import refusal
from forebear.core.messages import Message, message
from forebear.core.progress import tell
from forebear.core.threads import one_thread, usable_cores
from forebear.library.anchors import anchor_rows, geometry, tokens_kept, vocabulary_of
from forebear.library.evening import as_bytes
from forebear.library.hashing import SCREEN, Float64
from forebear.library.passing import Matrix, Passed, pass_over
from forebear.library.prints import (
    GAIN_SAMPLE,
    PART_NUMBERS,
    SCREEN_NUMBERS,
    SCREEN_PARTS,
    Print,
    empty_arrays,
    with_evened,
)
from forebear.models.architecture.pieces import Piece
from forebear.models.checkpoint import Checkpoint, Place, open_checkpoint

QUICK_LAYERS = 2
"""Layers whose tensors a quick print reads, spread over the depth; besides them, all vectors outside of layers."""
MOST_WORKERS = 4


@dataclass
class Found:
    """A print with what has to be said of its making. read: bytes of tensors read."""

    one: Print
    limits: list[Message] = field(default_factory=list)
    read: int = 0


@one_thread()
def fingerprint(
    path: Place, *, architecture: Path | None = None, max_header: int | None = None, quick: bool = False,
    workers: int | None = None,
) -> Found:  # fmt: skip
    """The print of a checkpoint. quick: by ranged reads of QUICK_LAYERS layers, marked so.

    workers: threads, each with the checkpoint opened for itself; as many as there are cores, at most MOST_WORKERS, by default.
    Raises:  RefusedError when the checkpoint cannot be read or has no tensors.
    Source:  METHODS §14, §18.
    """
    opened = open_checkpoint(path, architecture=architecture, max_header=max_header)
    try:
        if not opened.container.tensors:
            raise refusal(message("library_refused.no_tensors"), where=str(path), todo=message("library_advice.about"))
        order = _order(opened, quick)
        count = max(1, min(workers or usable_cores(), MOST_WORKERS, len(order)))
        passed, read = _pass_all(path, opened, order, count, {"architecture": architecture, "max_header": max_header})
        found = _assembled(opened, passed, quick)
        found.limits[:0] = opened.limits
        found.read = opened.container.bytes_read + read
        return found
    finally:
        opened.close()


def _order(checkpoint: Checkpoint, quick: bool) -> list[tuple[str, tuple[Piece, ...]]]:
    """Tensors with their pieces in the order of the architecture, whatever the order of the file; unclaimed ones last, by name."""
    inside: dict[str, list[Piece]] = {}
    for piece in checkpoint.pieces:
        inside.setdefault(piece.tensor, []).append(piece)
    known = [(min(_rank(piece) for piece in pieces), name) for name, pieces in inside.items()]
    chosen = [name for _, name in sorted(known)] + sorted(
        name for name in checkpoint.container.tensors if name not in inside
    )
    if quick:
        layers = {int(at) for at in np.linspace(0, max(0, checkpoint.layers - 1), QUICK_LAYERS + 2)[1:-1]}
        chosen = [name for name in chosen if _is_quick(inside.get(name, ()), layers, checkpoint, name)]
    return [(name, tuple(inside.get(name, ()))) for name in chosen]


def _is_quick(pieces: Sequence[Piece], layers: set[int], checkpoint: Checkpoint, name: str) -> bool:
    if any(piece.layer is not None for piece in pieces):
        return any(piece.layer in layers for piece in pieces)
    return len(checkpoint.container.tensors[name].shape) < 2


def _rank(piece: Piece) -> tuple[str, int, str, str, str, int]:
    layer, expert = (-1 if at is None else at for at in (piece.layer, piece.expert))
    return (piece.stack, layer, piece.part, piece.role, piece.kind, expert)


def _pass_all(
    path: Place,
    opened: Checkpoint,
    order: Sequence[tuple[str, tuple[Piece, ...]]],
    count: int,
    how: Mapping[str, Any],
) -> tuple[list[Passed], int]:
    """Every tensor passed over, in order; large ones are begun first. Returns them and the bytes read by further openings."""
    tensors = opened.container.tensors
    if count == 1:
        found = []
        for at, (name, pieces) in enumerate(order):
            tell(at, len(order), name)
            found.append(pass_over(opened.container, name, pieces))
        return found, 0
    others = [open_checkpoint(path, **how) for _ in range(count - 1)]
    try:
        queue = sorted(range(len(order)), key=lambda at: tensors[order[at][0]].stored_bytes)
        done: dict[int, Passed] = {}

        def work(checkpoint: Checkpoint) -> None:
            while True:
                try:
                    at = queue.pop()
                except IndexError:
                    return
                done[at] = pass_over(checkpoint.container, *order[at])
                tell(len(done), len(order), order[at][0])

        with ThreadPoolExecutor(count) as pool:
            for future in [pool.submit(work, checkpoint) for checkpoint in (opened, *others)]:
                future.result()
        return [done[at] for at in range(len(order))], sum(other.container.bytes_read for other in others)
    finally:
        for other in others:
            other.close()


def _assembled(checkpoint: Checkpoint, passed: Sequence[Passed], quick: bool) -> Found:
    limits: list[Message] = []
    matrices = _pooled(matrix for one in passed for matrix in one.matrices)
    screen, out = _screen(matrices)
    gains, gain_names = _gains(checkpoint, passed)
    digests, runs = _digests(checkpoint, passed)
    arrays: dict[str, Any] = {
        "screen": screen, "sketches": [m.sketch for m in matrices], "norms": [m.norm for m in matrices],
        "moments": [m.moments for m in matrices], "gains": gains, "digests": digests,
    }  # fmt: skip
    about: dict[str, Any] = {
        "family": checkpoint.family, "layers": checkpoint.layers, "stacks": dict(checkpoint.stacks), "width": checkpoint.width,
        "parameters": sum(entry.parameters for entry in checkpoint.container.tensors.values()), "tensors": len(passed),
        "tensors_read": len(passed), "matrices": [[m.part, m.layer] for m in matrices], "gains": gain_names, "digest_runs": runs,
        "left_out": out, "not_finite": sum(one.not_finite for one in passed), "anchors": 0, "effective": effective(screen),
    }  # fmt: skip
    about["tensors"] = len(checkpoint.container.tensors)
    limits += _with_vocabulary(checkpoint, arrays, about, quick)
    if checkpoint.definition is None:
        limits.append(message("library.no_family"))
    if not screen.any():
        limits.append(message("library.no_screen"))
    if quick:
        limits.append(message("library.quick", read=len(passed), of=about["tensors"]))
    identity = hashlib.sha256("\n".join(sorted(one.digest for one in passed)).encode()).hexdigest()
    if not screen.any() and "geometry" not in arrays:
        del arrays["screen"]  # one that has neither is not among those searched
    held = empty_arrays(**arrays)
    return Found(Print(("quick-" if quick else "") + identity, about, {**held, **with_evened(held)}), limits)


@dataclass
class _Pooled:
    part: str
    layer: int | None
    sketch: Float64
    norm: float
    moments: tuple[float, float, float]
    screen: Float64 | None


def _pooled(found: Iterable[Matrix]) -> list[_Pooled]:
    """One row for each part and layer: experts are added up, each of unit norm (METHODS §14)."""
    groups: dict[tuple[str, str, str, int | None], list[Matrix]] = {}
    for matrix in found:
        piece = matrix.piece
        groups.setdefault((piece.stack, piece.part, piece.role, piece.layer), []).append(matrix)
    rows = []
    for (stack, part, role, layer), members in groups.items():
        name = "/".join(word for word in (stack if stack != "main" else "", part, role) if word)
        norms = np.sqrt([max(0.0, m.square) for m in members])
        total = sum(
            (m.sketch / norm for m, norm in zip(members, norms, strict=True) if norm > 0),
            np.zeros_like(members[0].sketch),
        )
        total = np.clip(total / np.sqrt(len(members)), -60000, 60000)
        screens = [m.screen for m in members if m.screen is not None]
        moments = (
            float(np.mean([m.mean for m in members])),
            float(np.mean([m.fourth for m in members])),
            max(m.largest for m in members),
        )
        bounded = (_finite(moments[0]), _finite(moments[1]), _finite(moments[2]))
        screen = np.sum(screens, axis=0) / np.sqrt(len(screens)) if screens else None
        rows.append(_Pooled(name, layer, total.reshape(-1), _finite(float(np.linalg.norm(norms))), bounded, screen))
    return rows


def _finite(value: float) -> float:
    return float(np.clip(np.nan_to_num(value, nan=0.0), -1e38, 1e38))


def _screen(matrices: Sequence[_Pooled]) -> tuple[np.ndarray[Any, np.dtype[np.int8]], list[str]]:
    """The screen, (SCREEN_NUMBERS,) int8, and the parts and layers left out of it because nothing was left to go by."""
    whole = np.zeros((len(SCREEN_PARTS), PART_NUMBERS))
    out = []
    for row in matrices:
        if row.part not in SCREEN_PARTS:
            continue
        if row.screen is None:
            out.append(f"{row.part} {row.layer}")
        else:
            whole[SCREEN_PARTS.index(row.part)] += row.screen.reshape(-1)
    length = np.linalg.norm(whole, axis=1)
    whole /= np.where(length > 0, length, 1.0)[:, None]
    assert whole.size == SCREEN_NUMBERS == len(SCREEN_PARTS) * SCREEN**2
    return as_bytes(whole.reshape(-1)), out


def effective(screen: np.ndarray[Any, Any]) -> float:
    """Over how many independent numbers a screen's energy is spread: 3 (Σx²)² / Σx⁴, which is their count for Gaussian ones."""
    square = screen.astype(np.float64) ** 2
    fourth = float((square**2).sum())
    return round(min(3.0 * float(square.sum()) ** 2 / fourth, float((square > 0).sum())), 1) if fourth else 0.0


def _gains(checkpoint: Checkpoint, passed: Sequence[Passed]) -> tuple[list[Any], list[list[Any]]]:
    """GAIN_SAMPLE values of every norm gain, at places spread over its channels."""
    by_name = {one.name: one for one in passed}
    rows, names = [], []
    for piece in sorted((p for p in checkpoint.pieces if p.kind == "gain"), key=_rank):
        one = by_name.get(piece.tensor)
        if one is None or not one.values.size or len(piece.shape) != 1:
            continue
        places = np.linspace(0, one.values.size - 1, GAIN_SAMPLE).round().astype(np.intp)
        rows.append(np.clip(np.nan_to_num(one.values[places]), -60000, 60000))
        names.append([piece.role, piece.layer])
    return rows, names


def _digests(checkpoint: Checkpoint, passed: Sequence[Passed]) -> tuple[np.ndarray[Any, Any], list[list[Any]]]:
    """First eight bytes of the digest of every tensor that can tell strangers apart, and where each lies (runs of experts)."""
    places: dict[str, tuple[str, int | None]] = {}
    for piece in checkpoint.pieces:
        words = [piece.stack if piece.stack != "main" else "", piece.part, piece.role, piece.kind if piece.kind != "matrix" else "",
                 "" if piece.layer is None else str(piece.layer)]  # fmt: skip
        places.setdefault(piece.tensor, (" ".join(word for word in words if word), piece.expert))
    values: list[int] = []
    runs: list[list[Any]] = []
    for one in passed:
        if one.trivial:
            continue
        place, expert = places.get(one.name, (one.name[:120], None))
        values.append(int(one.digest[:16], 16))
        if (
            expert is not None
            and runs
            and runs[-1][0] == place
            and runs[-1][1] is not None
            and runs[-1][1] + runs[-1][2] == expert
        ):
            runs[-1][2] += 1
        else:
            runs.append([place, expert, 1])
    return np.array(values, dtype=np.uint64), runs


def _with_vocabulary(
    checkpoint: Checkpoint, arrays: dict[str, Any], about: dict[str, Any], quick: bool
) -> list[Message]:
    """The anchors and the vocabulary's smallest hashes, put into `arrays` and `about`; what could not be had."""
    vocabulary, why = vocabulary_of(checkpoint)
    if vocabulary is None:
        return [message("library.no_vocabulary", why=why)] if why else [message("library.without_vocabulary")]
    about["vocabulary"] = vocabulary.count
    arrays["vocabulary"] = tokens_kept(vocabulary)
    found = anchor_rows(checkpoint, vocabulary)
    if found is None:
        return [message("library.no_anchors")]
    rows, there = found
    about["anchors"] = int(there.sum())
    arrays["geometry"] = geometry(rows, there)
    del quick
    return []
