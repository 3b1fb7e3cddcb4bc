"""The rules of [norms] carried out on arrays: gains folded into what reads them, the residual turned (METHODS §9)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forebear.models.architecture.definition import NormRule
from forebear.models.architecture.pieces import Piece
from forebear.models.checkpoint import Checkpoint

Arrays = dict[str, NDArray[Any]]


def untied(checkpoint: Checkpoint, arrays: Arrays, config: dict[str, Any]) -> tuple[Arrays, dict[str, Any]]:
    """The head as a tensor of its own, where it is the embedding."""
    definition, embedding = checkpoint.definition, checkpoint.piece("embedding", None)
    if checkpoint.piece("head", None) is not None or embedding is None or definition is None:
        return arrays, config
    names = [r.names[0] for r in definition.tensors if r.part == "head" and r.kind == "matrix" and not r.role]
    if not names:
        return arrays, config
    prefix = next(p for p in definition.prefixes if embedding.tensor.startswith(p))
    made = {**arrays, names[0].replace("{prefix}", prefix): arrays[embedding.tensor].copy()}
    return made, {**config, "tie_word_embeddings": False}


def folded(checkpoint: Checkpoint, arrays: Arrays, rule: NormRule) -> tuple[Arrays, list[str]]:
    """Every gain over channels set to one, its values in what reads it; and the roles that were folded.

    A norm's bias β becomes β/γ, since γ x + β is γ (x + β/γ).
    """
    out, done = dict(arrays), []
    for norm in _gains(checkpoint):
        readers = list(_readers(checkpoint, rule, norm))
        if not readers:
            continue
        gain = arrays[norm.tensor].reshape(-1) + rule.offset
        for piece in readers:
            _scale(out, arrays, piece, gain)
        out[norm.tensor] = np.full_like(arrays[norm.tensor], 1 - rule.offset)
        for piece in checkpoint.pieces:
            if (piece.part, piece.kind, piece.role, piece.layer, piece.stack) == (
                "norm", "bias", norm.role, norm.layer, norm.stack):  # fmt: skip
                out[piece.tensor] = arrays[piece.tensor] / gain
        done.append(norm.role)
    return out, done


def turned(checkpoint: Checkpoint, arrays: Arrays, rotation: NDArray[np.float64]) -> Arrays:
    """Everything along the channels multiplied by a rotation, gains aside (they are one after folding)."""
    out = dict(arrays)
    for piece in checkpoint.pieces:
        for at, atoms in enumerate(piece.atoms):
            if atoms == ("channel",) and piece.kind != "gain":
                window = _window(piece)
                values = np.moveaxis(out[piece.tensor][window], at, -1) @ rotation
                out[piece.tensor] = out[piece.tensor].copy()
                out[piece.tensor][window] = np.moveaxis(values, -1, at)
    return out


def rotation(width: int, *, keep_ones: bool, seed: int = 3) -> NDArray[np.float64]:
    """A random orthogonal matrix; keep_ones: it leaves the all-ones vector where it is, as LayerNorm needs."""
    rng = np.random.default_rng(seed)
    if not keep_ones:
        return np.asarray(np.linalg.qr(rng.standard_normal((width, width)))[0])
    basis = np.linalg.qr(np.column_stack([np.ones(width), rng.standard_normal((width, width - 1))]))[0]
    inner = np.eye(width)
    inner[1:, 1:] = np.linalg.qr(rng.standard_normal((width - 1, width - 1)))[0]
    return np.asarray(basis @ inner @ basis.T)


def _gains(checkpoint: Checkpoint) -> Iterator[Piece]:
    for piece in checkpoint.pieces:
        if piece.part == "norm" and piece.kind == "gain" and piece.atoms == (("channel",),):
            yield piece


def _readers(checkpoint: Checkpoint, rule: NormRule, norm: Piece) -> Iterator[Piece]:
    own = rule.reads.get(f"{norm.stack}:{norm.role}")
    wanted = own if own is not None else rule.reads.get(norm.role, ())
    for piece in checkpoint.pieces:
        fits = piece.part in wanted or f"{piece.part}/{piece.role}" in wanted
        place = norm.layer is None or (piece.layer == norm.layer and piece.stack == norm.stack)
        if fits and place and piece.kind == "matrix" and ("channel",) in piece.atoms:
            yield piece


def _scale(out: Arrays, source: Arrays, piece: Piece, gain: NDArray[Any]) -> None:
    at = max(i for i, atoms in enumerate(piece.atoms) if atoms == ("channel",))
    window = _window(piece)
    if out[piece.tensor] is source[piece.tensor]:
        out[piece.tensor] = source[piece.tensor].copy()
    shape = [-1 if i == at else 1 for i in range(len(piece.atoms))]
    out[piece.tensor][window] = out[piece.tensor][window] * gain.reshape(shape)


def _window(piece: Piece) -> tuple[NDArray[np.intp], ...]:
    return np.ix_(*(span.positions() for span in piece.spans))
