"""Training runs that can attest: a start that follows from a seed, checkpoints, a log of learning rates, rollbacks, restarts."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from bench.shapes import SHAPES, Floats, Shape
from bench.training import Course, _loss, batches, single_thread

BETAS = (0.9, 0.95)


@dataclass(frozen=True)
class Run:
    """What is done. decay: weight decay (2.5 at a rate of 1e-2 over some 220 steps gives a sum of lr x wd near 5).

    saves: checkpoints besides the start, evenly spaced. restart: step at which the rate rises to its peak again, 0 for none.
    rollback: (at step, back to step), () for none: the checkpoint of that step is loaded and other data is seen from there.
    """

    shape: str
    seed: int
    steps: int = 120
    saves: int = 6
    peak: float = 1e-2
    decay: float = 0.05
    restart: int = 0
    rollback: tuple[int, int] | tuple[()] = ()
    order: int = 0
    text: str = "main"


@dataclass
class Recorded:
    """What a run leaves: (step, weights) in the order they were saved, and (step, rate, decay) of every step taken."""

    saved: list[tuple[int, dict[str, Floats]]]
    log: list[tuple[int, float, float]]


def config_of(shape: Shape) -> dict[str, Any]:
    """The configuration a commitment names."""
    return shape.config() | {"initializer_range": 0.02}


def rate_at(run: Run, step: int) -> float:
    """Warm-up over ten steps, then half a cosine down to a tenth; from `restart` on a second, shorter one at half the peak."""
    begin, end, peak = (
        (run.restart, run.steps, run.peak / 2)
        if run.restart and step >= run.restart
        else (0, run.restart or run.steps, run.peak)
    )
    warm = 10 if not begin else 0
    if step - begin < warm:
        return peak * (step - begin + 1) / warm
    share = (step - begin - warm) / max(1, end - begin - warm)
    return peak * (0.1 + 0.45 * (1 + math.cos(math.pi * share)))


def train_run(
    run: Run, start: dict[str, Floats], *, pull: tuple[dict[str, Floats], float] | None = None,
    teacher: tuple[dict[str, Floats], Shape] | None = None, frozen: Callable[[str], bool] = lambda _: False,
) -> Recorded:  # fmt: skip
    """Train from a start, saving as it goes. pull, teacher: as `bench.training.train`; frozen: tensors that stay as they are."""
    single_thread()
    shape = SHAPES[run.shape]
    tensors = {n: torch.from_numpy(a.copy()).requires_grad_(not frozen(n)) for n, a in start.items()}
    anchors = {} if pull is None else {n: torch.from_numpy(a.copy()) for n, a in pull[0].items()}
    mentor = None if teacher is None else ({n: torch.from_numpy(a.copy()) for n, a in teacher[0].items()}, teacher[1])
    trained = [p for p in tensors.values() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.dim() > 1], "weight_decay": run.decay},
        {"params": [p for p in trained if p.dim() == 1], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=run.peak, betas=BETAS, fused=True)
    course = Course(run.steps * 2, text=run.text, order=run.order, teacher="logits" if mentor else "")
    windows = batches(course, shape.context)
    marks = {round(k * run.steps / run.saves) for k in range(1, run.saves + 1)}
    found, kept = Recorded([(0, _copied(tensors))], []), {0: (_copied(tensors), optimiser.state_dict())}
    step, seen, rolled = 0, 0, False
    while step < run.steps:
        for group in optimiser.param_groups:
            group["lr"] = rate_at(run, step)
        loss = _loss(tensors, shape, windows[seen], course, mentor)
        if pull is not None:
            loss = loss + pull[1] * sum(((tensors[n] - a) ** 2).sum() for n, a in anchors.items())
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        found.log.append((step, rate_at(run, step), run.decay))
        step, seen = step + 1, seen + 1
        if step in marks:
            found.saved.append((step, _copied(tensors)))
            kept[step] = (_copied(tensors), _state(optimiser))
        if run.rollback and not rolled and step == run.rollback[0]:
            values, state = kept[run.rollback[1]]
            with torch.no_grad():
                for name, tensor in tensors.items():
                    tensor.copy_(torch.from_numpy(values[name]))
            optimiser.load_state_dict(state)
            step, rolled = run.rollback[1], True
            found.saved.append((step, _copied(tensors)))
    return found


def _copied(tensors: dict[str, Any]) -> dict[str, Floats]:
    return {n: p.detach().numpy().copy() for n, p in tensors.items()}


def _state(optimiser: Any) -> Any:
    from copy import deepcopy

    return deepcopy(optimiser.state_dict())


def loss_of(run: Run, weights: dict[str, Floats]) -> float:
    """Held-out loss of weights, nats a token."""
    from bench.training import held_out_loss

    return held_out_loss({n: torch.from_numpy(a) for n, a in weights.items()}, SHAPES[run.shape], run.text, 64)
