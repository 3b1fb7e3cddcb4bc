"""Attacks on an attestation: what each puts in the place of an honest run's checkpoints and log."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property

import numpy as np

from bench.attest_chain import STEPS, Chain, Log, Saved, value_of
from bench.attest_runs import Recorded, Run, train_run
from bench.framed_align import framed
from bench.shapes import SHAPES, initial
from forebear.attest.commitment import seed_of
from forebear.attest.initialiser import initial_weights
from forebear.recipes.steps.model import Model

Attack = Callable[["Scene"], tuple[Saved, Log]]


class Scene:
    """An honest run and a foreign one of the same shape, of which attacks are made."""

    def __init__(self, chain: Chain, *, decays: bool = False) -> None:
        self.chain = chain
        self.run = Run(
            chain.shape,
            chain.seed,
            steps=STEPS,
            saves=10 if decays else 6,
            decay=10.5 if decays else 0.05,
            order=chain.seed,
        )
        self.start = chain.start
        self.honest = train_run(self.run, self.start)
        other = Run(chain.shape, chain.seed, steps=STEPS, saves=self.run.saves, order=chain.seed + 1, text="other")
        self.foreign = train_run(other, initial(SHAPES[chain.shape], 500_000 + chain.seed))
        self.stranger = self.foreign.saved[-1][1]

    @property
    def steps(self) -> list[int]:
        return [step for step, _ in self.honest.saved]

    @cached_property
    def after(self) -> Recorded:
        """Training on from the foreign model by the course of the run."""
        return train_run(replace(self.run, order=self.run.order + 2), self.stranger)


def _swapped(scene: Scene, share: float) -> tuple[Saved, Log]:
    at = max(1, round(share * (len(scene.steps) - 1)))
    after = scene.after.saved
    return scene.honest.saved[:at] + [(s, after[k][1]) for k, s in enumerate(scene.steps) if k >= at], scene.honest.log


def _mixed(scene: Scene, weights: Callable[[int, int], tuple[float, float]]) -> tuple[Saved, Log]:
    found: Saved = []
    for k, step in enumerate(scene.steps):
        a, b = weights(k, len(scene.steps) - 1)
        found.append((step, {n: (a * scene.start[n] + b * scene.stranger[n]).astype(np.float32) for n in scene.start}))
    return found, scene.honest.log


def _shared(scene: Scene) -> tuple[Saved, Log]:
    return _mixed(scene, lambda k, of: (1.0, 0.0) if not k else (0.3, 1.0))


def _other_start(scene: Scene) -> tuple[Saved, Log]:
    after = scene.after.saved
    return [(0, scene.stranger), *after[1:]], scene.honest.log


def _backwards(scene: Scene) -> tuple[Saved, Log]:
    values = [w for _, w in scene.honest.saved][::-1]
    return list(zip(scene.steps, values, strict=True)), scene.honest.log


def _skipped(scene: Scene) -> tuple[Saved, Log]:
    low, high = scene.steps[2], scene.steps[4]
    kept = [(s, w) for s, w in scene.honest.saved if not low <= s < high]
    return kept, [line for line in scene.honest.log if not low <= line[0] < high - 1]


def _coarser(scene: Scene) -> tuple[Saved, Log]:
    return scene.honest.saved[::3], scene.honest.log


def _grafted(scene: Scene) -> tuple[Saved, Log]:
    marks = (".1.",)
    found: Saved = []
    for k, (step, weights) in enumerate(scene.honest.saved):
        late = k >= 3
        found.append(
            (step, {n: scene.stranger[n] if late and any(m in n for m in marks) else w for n, w in weights.items()})
        )
    return found, scene.honest.log


def _log_scaled(factor: float, decay: float | None = None) -> Attack:
    def attack(scene: Scene) -> tuple[Saved, Log]:
        return scene.honest.saved, [(s, r * factor, d if decay is None else decay) for s, r, d in scene.honest.log]

    return attack


def _ground(scene: Scene) -> tuple[Saved, Log]:
    """A foreign run from the start, of 60 seeds, that lies nearest to it; the commitment is then made to that seed."""
    name = next(n for n in scene.start if "embed_tokens" in n or "wte" in n)
    target = scene.stranger[name].ravel()
    best, cosine = "", -2.0
    body = json.loads(scene.chain.committed.read_text("utf-8"))
    for trial in range(60):
        value = value_of(10_000 + 100 * scene.chain.seed + trial)
        mine = initial_weights(scene.chain.config, seed_of(body, value)["seed"])[name].ravel()
        near = float(mine @ target / np.linalg.norm(mine) / np.linalg.norm(target))
        best, cosine = (value, near) if near > cosine else (best, cosine)
    document = scene.chain.commit(best)
    scene.start = initial_weights(scene.chain.config, document["seed"]["seed"])
    after = scene.after.saved
    return [(0, scene.start), *after[1:]], scene.honest.log


def _framed(scene: Scene) -> tuple[Saved, Log]:
    """The foreign run in the coordinates that bring it nearest to the start: units reordered and negated, outputs kept."""
    start = Model(scene.start, scene.chain.config, None)
    found: Saved = [(0, scene.start)]
    for k, step in enumerate(scene.steps[1:], 1):
        other = framed(Model(scene.foreign.saved[k][1], scene.chain.config, None), start, "signs", scene.chain.seed)
        found.append((step, {n: np.asarray(other.arrays[n], dtype=np.float32) for n in scene.start}))
    return found, scene.honest.log


def _bare(attack: Attack) -> Attack:
    """The same without a log, start and end alone: nothing says how far a run may have gone."""

    def found(scene: Scene) -> tuple[Saved, Log]:
        saved, _ = attack(scene)
        return [saved[0], saved[-1]], []

    return found


def _fitted(attack: Attack) -> Attack:
    """The same with a log made up so that every line about it agrees: rates beyond any step, a decay that leaves what is left."""

    def found(scene: Scene) -> tuple[Saved, Log]:
        (first, start), (last, weights) = (attack(scene)[0][at] for at in (0, -1))
        matrices = [n for n, a in start.items() if a.ndim > 1]
        inner, size = (sum(float(np.vdot(start[n], other[n])) for n in matrices) for other in (weights, start))
        decay = -float(np.log(max(inner / size, 1e-3))) / (last - first)
        return [(first, start), (last, weights)], [(step, 1.0, decay) for step in range(first, last)]

    return found


def _put_in(layers: Callable[[str], bool]) -> Attack:
    """Some tensors of the last record taken from the foreign model; no log."""

    def attack(scene: Scene) -> tuple[Saved, Log]:
        *before, (step, weights) = scene.honest.saved
        return [*before, (step, {n: scene.stranger[n] if layers(n) else w for n, w in weights.items()})], []

    return attack


def _in_layers(name: str) -> bool:
    return any(part in name for part in (".h.", ".layers."))


def _pulled(scene: Scene, weight: float) -> tuple[Saved, Log]:
    after = train_run(scene.run, scene.start, pull=(scene.stranger, weight))
    return after.saved, after.log


def _distilled(scene: Scene) -> tuple[Saved, Log]:
    after = train_run(scene.run, scene.start, teacher=(scene.stranger, SHAPES[scene.chain.shape]))
    return after.saved, after.log


ATTACKS: Mapping[str, Attack] = {
    "another model as start": _other_start,
    "swapped in at 10 %": lambda scene: _swapped(scene, 0.1),
    "swapped in at 50 %": lambda scene: _swapped(scene, 0.5),
    "swapped in at 90 %": lambda scene: _swapped(scene, 0.9),
    "interpolation to a foreign model": lambda scene: _mixed(scene, lambda k, of: (1 - k / of, k / of)),
    "foreign model plus a share of the start": _shared,
    "foreign model plus a share of the start, no log": _bare(_shared),
    "foreign model plus a share of the start, log made to fit": _fitted(_shared),
    "recorded backwards": _backwards,
    "steps skipped in chain and log": _skipped,
    "steps skipped in the chain alone": _coarser,
    "a layer grafted": _grafted,
    "a layer put in at the end, no log": _put_in(lambda name: ".1." in name),
    "all layers put in at the end, no log": _put_in(_in_layers),
    "log forged: rates a twentieth": _log_scaled(0.05),
    "log forged: decay": _log_scaled(1.0, 10.5),
    "log forged: rates threefold": _log_scaled(3.0),
    "start ground out of 60 seeds": _ground,
    "pull towards an unlisted model": lambda scene: _pulled(scene, 1e-3),
    "gentle pull towards an unlisted model": lambda scene: _pulled(scene, 3e-5),
    "distillation from an unlisted model": _distilled,
    "framed to the start after the fact": _framed,
    "framed to the start, no log": _bare(_framed),
    "framed to the start, log made to fit": _fitted(_framed),
}
UNDER_DECAY = ("swapped in at 50 %", "interpolation to a foreign model", "framed to the start after the fact")
"""Attacks made again under a decay that leaves nothing of the start, where its share cannot tell."""
