"""The geometry of anchor tokens: what stays of a model when its channels are permuted or turned (METHODS §3, §9).

Anchors are the printable characters of ASCII as single tokens, which nearly every vocabulary has, found by their bytes and never
by id. Angles between their embedding rows, after their common mean is taken away, do not change when the residual stream is
rotated. They propose and never decide: tokens mean the same in every model, and strangers' geometries agree at 0.28 to 0.65.
A ranking goes by geometries that were evened (`forebear.library.evening`).
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from forebear.comparison.reading.vocabulary import carried
from forebear.core.errors import RefusedError
from forebear.files.base import Float32
from forebear.library.evening import ANCHORS, LEAST, PAIRS
from forebear.models.checkpoint import Checkpoint
from forebear.tokens.vocabulary import Vocabulary

TOKENS_KEPT = 128
"""Smallest hashes of tokens kept: two vocabularies' overlap from them has a standard error of at most 0.044."""
def vocabulary_of(checkpoint: Checkpoint) -> tuple[Vocabulary | None, str]:
    """The vocabulary that comes with a checkpoint, or None and why."""
    try:
        return carried(checkpoint), ""
    except RefusedError as error:
        return None, str(error)


def anchor_rows(checkpoint: Checkpoint, vocabulary: Vocabulary) -> tuple[Float32, NDArray[np.bool_]] | None:
    """Embedding rows of the anchors a vocabulary has. Shapes: (len(ANCHORS), width) zero where absent, (len(ANCHORS),).

    None without an embedding stored as (tokens, channels), or with fewer than LEAST anchors.
    """
    piece = checkpoint.piece("embedding")
    if piece is None or len(piece.shape) != 2 or piece.atoms[0] != ("token",) or not piece.whole:
        return None
    wanted = {anchor: at for at, anchor in enumerate(ANCHORS)}
    ids = np.full(len(ANCHORS), -1, dtype=np.intp)
    for ident, token in enumerate(vocabulary.tokens[: piece.shape[0]]):
        if token is not None and token in wanted and ident not in vocabulary.special:
            ids[wanted[token]] = ident
    there = ids >= 0
    if there.sum() < LEAST:
        return None
    rows = np.zeros((len(ANCHORS), piece.shape[1]), np.float32)
    order = np.argsort(ids[there], kind="stable")
    found = checkpoint.container.take(piece.tensor, ids[there][order])
    back = np.empty_like(found)
    back[order] = found
    rows[there] = np.nan_to_num(back, nan=0.0, posinf=0.0, neginf=0.0)
    return rows, there


def geometry(rows: Float32, there: NDArray[np.bool_]) -> Float32:
    """Cosines of every two anchors after their mean is taken away; zero where one is absent. Shape (PAIRS,)."""
    some = rows[there].astype(np.float64)
    some -= some.mean(axis=0)
    length = np.linalg.norm(some, axis=1)
    some /= np.where(length > 0, length, 1.0)[:, None]
    full = np.zeros((len(ANCHORS), len(ANCHORS)))
    full[np.ix_(there, there)] = some @ some.T
    return np.asarray(full[np.triu_indices(len(ANCHORS), 1)], dtype=np.float32)


def agreement(a: NDArray[np.generic], b: NDArray[np.generic]) -> float | None:
    """Correlation of two geometries over pairs of anchors that both have; None when fewer than LEAST anchors are shared.

    Shapes: a, b (PAIRS, 1), or without rows where there is no geometry.
    """
    if len(a) != PAIRS or len(b) != PAIRS:
        return None
    x, y = (np.asarray(side, dtype=np.float64).reshape(-1) for side in (a, b))
    both = (x != 0) & (y != 0)
    if both.sum() < LEAST * (LEAST - 1) // 2:
        return None
    x, y = x[both] - x[both].mean(), y[both] - y[both].mean()
    length = float(np.linalg.norm(x) * np.linalg.norm(y))
    return float(x @ y) / length if length > 0 else None


def tokens_kept(vocabulary: Vocabulary) -> NDArray[np.uint64]:
    """The smallest hashes of a vocabulary's tokens (bottom-k). Shape (at most TOKENS_KEPT,), sorted.

    Source: Broder 1997, "On the resemblance and containment of documents".
    """
    words = {
        int.from_bytes(hashlib.blake2b(token, digest_size=8).digest(), "little")
        for token in vocabulary.tokens
        if token is not None
    }
    return np.array(sorted(words)[:TOKENS_KEPT], dtype=np.uint64)
