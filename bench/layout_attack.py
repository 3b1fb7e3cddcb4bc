"""An aligner that aims at a wrong cut: what a fused tensor holds is read otherwise than the model uses it (decision 0118).

Products of heads are compared because no mixing inside a head changes them. Read with queries and values exchanged they do change:
one free matrix a head. The aligner takes it, with the rotation of the residual stream; the model's outputs stay as they were.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from bench.parts_align import attention_aligned
from forebear.recipes.steps.attention import mix_head_columns, mix_head_rows, split_heads
from forebear.recipes.steps.draft import Draft, times
from forebear.recipes.steps.layout import Layer
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.norms import fold_gains
from forebear.recipes.steps.residual import move_residual, residual_norms
from forebear.stats.gauge import fold

STEPS = 600
RATES = (0.005, 0.01)
"""Of the rotation and of the matrices inside heads, falling to nothing."""


def aimed(independent: Model, candidate: Model, seed: int, steps: int = STEPS) -> Model:
    """An independent of GPT-2's family whose queries and values, exchanged, are as like the candidate's heads as can be.

    seed: of the aligner that it starts from. steps: of the search.
    """
    start = attention_aligned(independent, candidate, seed)
    draft, target = Draft(start), Draft(candidate)
    own, other = ([_heads(one, layer) for layer in one.parts.layers] for one in (draft, target))
    turn, inner = _search(own, other, steps)
    fold_gains(draft)
    move_residual(draft, lambda values: times(values, turn))
    for norm in residual_norms(draft):
        if norm.bias:
            draft.set_vector(norm.bias, times(draft.arrays[norm.bias][None], turn)[0])
    for mine, theirs, free in zip(draft.parts.layers, other, inner, strict=True):
        value = _heads(draft, mine)[2]
        mix = np.stack([q @ v.T @ np.linalg.inv(v @ v.T + 1e-6 * np.trace(v @ v.T) * np.eye(len(v)))
                        for q, v in zip(theirs[0], value, strict=True)])  # fmt: skip
        both = mix @ free
        mix_head_rows(draft, mine.v, mix)
        mix_head_columns(draft, mine.o, np.linalg.inv(mix))
        mix_head_rows(draft, mine.q, both)
        mix_head_rows(draft, mine.k, np.swapaxes(np.linalg.inv(both), 1, 2))
    return draft.finish()


def _heads(draft: Draft, layer: Layer) -> list[Any]:
    """Rows of every head's q, k, v, o over the bare residual, (heads, size, width) each."""
    gain, subtracted = draft.arrays[layer.attention_norm.gain], draft.parts.mean_subtracted
    found = [fold(draft.weight(m), gain, mean_subtracted=subtracted) for m in (layer.q, layer.k, layer.v)]
    found.append(fold(np.asarray(draft.weight(layer.o)).T, mean_subtracted=subtracted))
    return [np.asarray(split_heads(one, draft.parts.heads), dtype=np.float64) for one in found]


def _search(own: list[Any], other: list[Any], steps: int) -> tuple[Any, list[Any]]:
    """(rotation that keeps the ones, by layer the free matrix of each head) by gradient steps on the mean likeness."""
    heads, size, width = own[0][0].shape
    ones = np.ones((width, 1)) / np.sqrt(width)
    basis = torch.tensor(np.linalg.svd(np.eye(width) - ones @ ones.T)[0][:, : width - 1])
    mine = [[torch.tensor(np.stack([layer[k] for layer in side])) for k in range(4)] for side in (own, other)]
    skew = torch.zeros(width - 1, width - 1, dtype=torch.float64, requires_grad=True)
    free = torch.eye(size, dtype=torch.float64).repeat(len(own), heads, 1, 1).requires_grad_()
    (q, k, v, o), (tq, tk, tv, to) = mine
    scored, written = tq.mT @ tk, to.mT @ tv
    search = torch.optim.Adam([{"params": [skew], "lr": RATES[0]}, {"params": [free], "lr": RATES[1]}])
    slower = torch.optim.lr_scheduler.CosineAnnealingLR(search, steps)
    turn = torch.eye(width, dtype=torch.float64)
    for _ in range(steps):
        search.zero_grad()
        turn = basis @ torch.matrix_exp(skew - skew.T) @ basis.T + torch.tensor(ones @ ones.T)
        score = (v.mT @ torch.linalg.inv(free).mT @ k), (o.mT @ free @ q)
        likeness = sum(
            _cosine(turn.T @ one @ turn, two).mean() for one, two in zip(score, (scored, written), strict=True)
        )
        (-likeness).backward()
        search.step()
        slower.step()
    return turn.detach().numpy(), list(free.detach().numpy())


def _cosine(one: torch.Tensor, two: torch.Tensor) -> torch.Tensor:
    return (one * two).sum((-2, -1)) / one.norm(dim=(-2, -1)) / two.norm(dim=(-2, -1))
