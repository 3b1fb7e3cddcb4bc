"""Training on one core: the same numbers every time on one machine."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from bench.corpus import stream, unigram_entropy
from bench.network import Tensors, forward
from bench.shapes import Floats, Shape
from forebear.core.seeds import generator

HIDDEN_WEIGHT = {"hidden": 1.0, "hidden-states-above-all": 20.0}
"""Weight of the squared distance of hidden states beside the loss on the text, in nats."""
MARGIN_NATS = 1.0
"""A model counts as trained when its held-out loss is this far below the unigram entropy of the same text."""


@dataclass(frozen=True)
class Course:
    """How a model is trained. steps at batch x context tokens; order fixes which windows are seen and when."""

    steps: int
    text: str = "main"
    order: int = 0
    batch: int = 8
    peak_rate: float = 1e-2
    warm_up: int = 20
    stop: int = 0
    """Stop after so many steps of the schedule; 0 goes to the end."""
    teacher: str = ""
    """"" learns the text; "logits" a teacher's token probabilities; a word of HIDDEN_WEIGHT its last hidden states besides
    the text."""


def course(shape: str, share: float = 1.0, **changes: Any) -> Course:
    """The course of a shape (a key of SHAPES) or family; share stretches or shortens it (4.0 is four times the compute).

    Steps and rates were chosen once so that every shape passes MARGIN_NATS: in about eight seconds on one core at width
    64, 20 at 128, 50 at 256.
    """
    known = {
        "llama": (220, 1e-2, 20),
        "qwen2": (220, 1e-2, 20),
        "gpt2": (260, 6e-3, 40),
        "moe": (160, 1e-2, 20),
        "gemma": (220, 1e-2, 20),
        "qwen2-80": (260, 8e-3, 25),
        "qwen2-96": (260, 8e-3, 25),
        "moe-80": (190, 8e-3, 25),
        "llama48": (150, 1e-2, 20),
        "gpt2-56": (200, 7e-3, 30),
        "llama56": (170, 1e-2, 20),
        "llama40": (200, 1e-2, 20),
        "llama72": (200, 1e-2, 20),
        "llama60": (180, 1e-2, 20),
        "qwen2-72": (150, 1e-2, 20),
        "moe-48": (180, 1e-2, 20),
        "gemma-96": (150, 9e-3, 20),
        "llama128": (180, 6e-3, 20),
        "llama256": (150, 5e-3, 20),
    }
    steps, peak, warm_up = known[shape] if shape in known else known[shape.split("-")[0].removesuffix("64")]
    return replace(Course(round(steps * share), peak_rate=peak, warm_up=warm_up), **changes)


@dataclass(frozen=True)
class Report:
    """What a training run says of itself: held-out loss and entropy in nats a token, processor seconds, tokens seen."""

    loss: float
    unigram_entropy: float
    seconds: float
    tokens: int

    @property
    def good(self) -> bool:
        return self.loss <= self.unigram_entropy - MARGIN_NATS


def single_thread() -> None:
    """One thread and deterministic kernels: what makes two builds equal bit for bit."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False


def rate(course: Course, step: int) -> float:
    """Learning rate at a step: linear warm-up, then half a cosine down to a tenth."""
    if step < course.warm_up:
        return course.peak_rate * (step + 1) / course.warm_up
    share = (step - course.warm_up) / max(1, course.steps - course.warm_up)
    return course.peak_rate * (0.1 + 0.45 * (1 + math.cos(math.pi * share)))


def batches(course: Course, context: int) -> Any:
    """All windows of a run, (steps, batch, context + 1) int64, fixed by text and order alone."""
    tokens = stream(course.text, "training")
    starts = generator("bench/windows", course.text, course.order).integers(
        0, len(tokens) - context - 1, size=(course.steps, course.batch)
    )
    return torch.from_numpy(tokens[starts[..., None] + np.arange(context + 1)])


def held_out_loss(t: Tensors, shape: Shape, text: str = "main", windows: int = 256) -> float:
    """Mean loss on held-out text, nats a token, over `windows` evenly spread windows."""
    tokens = stream(text, "held-out")
    starts = np.linspace(0, len(tokens) - shape.context - 2, windows).astype(np.int64)
    batch = torch.from_numpy(tokens[starts[:, None] + np.arange(shape.context + 1)])
    with torch.no_grad():
        losses = [_text_loss(t, shape, part) for part in batch.split(64)]
    return float(torch.stack(losses).mean())


def _text_loss(t: Tensors, shape: Shape, windows: Any) -> Any:
    logits = forward(t, shape, windows[:, :-1])
    return F.cross_entropy(logits.flatten(0, 1), windows[:, 1:].flatten())


def _loss(t: Tensors, shape: Shape, windows: Any, course: Course, teacher: tuple[Tensors, Shape] | None) -> Any:
    if teacher is None:
        return _text_loss(t, shape, windows)
    with torch.no_grad():
        target = forward(*teacher, windows[:, :-1], hidden=course.teacher.startswith("hidden"))
    if course.teacher.startswith("hidden"):
        ours = forward(t, shape, windows[:, :-1], hidden=True)
        return HIDDEN_WEIGHT[course.teacher] * F.mse_loss(ours, target) + _text_loss(t, shape, windows)
    ours = F.log_softmax(forward(t, shape, windows[:, :-1]), dim=-1)
    return F.kl_div(
        ours.flatten(0, 1), F.log_softmax(target, dim=-1).flatten(0, 1), log_target=True, reduction="batchmean"
    )


def train(
    shape: Shape,
    start: dict[str, Floats],
    course: Course,
    teacher: tuple[dict[str, Floats], Shape] | None = None,
    pull: tuple[dict[str, Floats], float] | None = None,
    frozen: tuple[str, ...] = (),
) -> tuple[dict[str, Floats], Report]:
    """Trains from given values and says how it went; the held-out loss is on the course's own text.

    start: name -> array, all tensors of the shape; left untouched.
    pull:  values of another model and a weight: the weight times the sum of squared distances to them joins the loss.
    frozen: names of tensors that keep their values.
    Returns: the trained arrays in the same order, and the report.
    """
    single_thread()
    began = time.process_time()
    t: Tensors = {n: torch.from_numpy(a.copy()).requires_grad_(n not in frozen) for n, a in start.items()}
    anchors = {} if pull is None else {n: torch.from_numpy(a.copy()) for n, a in pull[0].items()}
    mentor = None if teacher is None else ({n: torch.from_numpy(a.copy()) for n, a in teacher[0].items()}, teacher[1])
    learnt = [p for p in t.values() if p.requires_grad]
    decayed = [p for p in learnt if p.dim() > 1]
    others = [p for p in learnt if p.dim() == 1]
    optimiser = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}],
        lr=course.peak_rate,
        betas=(0.9, 0.95),
        fused=True,
    )
    last = course.stop or course.steps
    for step, windows in enumerate(batches(course, shape.context)[:last]):
        for group in optimiser.param_groups:
            group["lr"] = rate(course, step)
        loss = _loss(t, shape, windows, course, mentor)
        if pull is not None:
            loss = loss + pull[1] * sum(((t[n] - a) ** 2).sum() for n, a in anchors.items())
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learnt, 1.0)
        optimiser.step()
    arrays = {n: p.detach().numpy().copy() for n, p in t.items()}
    report = Report(
        held_out_loss(t, shape, course.text),
        unigram_entropy(stream(course.text, "held-out")),
        time.process_time() - began,
        last * course.batch * shape.context,
    )
    return arrays, report
