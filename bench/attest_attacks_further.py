"""Further attacks on an attestation, and honest departures that must not be accused (`python -m bench.attest further`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from bench.attest_attacks import Attack, Scene
from bench.attest_chain import BEFORE, Log, Saved, value_of
from bench.attest_runs import train_run
from bench.shapes import Floats
from forebear.attest.initialiser import initial_weights
from forebear.core.seeds import generator
from forebear.recipes.steps.compose import reparameterise
from forebear.recipes.steps.model import Model

Weights = dict[str, Floats]
LATE = BEFORE + 4 * 365 * 86_400
"""A moment after the round that the bench commits to."""


def _layer(name: str) -> bool:
    return ".1." in name


def _tables(name: str) -> bool:
    return any(part in name for part in ("embed_tokens", "wte", "wpe", "lm_head"))


def _put(base: Weights, other: Weights, share: float, taken: Callable[[str], bool]) -> Weights:
    """The tensors that are taken, so far on the way to another model."""
    return {n: ((1 - share) * a + share * other[n]).astype(np.float32) if taken(n) else a for n, a in base.items()}


def _frozen(scene: Scene) -> tuple[Saved, Log]:
    """A layer of the foreign model is put in and frozen; the rest is trained from the start."""
    begun = _put(scene.start, scene.stranger, 1.0, _layer)
    after = train_run(scene.run, begun, frozen=_layer)
    return [(0, scene.start), *after.saved[1:]], after.log


def _faded(scene: Scene) -> tuple[Saved, Log]:
    """The same, the layer faded in over the records."""
    of = len(scene.honest.saved) - 1
    return [(s, _put(w, scene.stranger, k / of, _layer)) for k, (s, w) in enumerate(scene.honest.saved)], scene.honest.log


def _body(scene: Scene) -> tuple[Saved, Log]:
    """Embedding and head go on from the start; the body is the foreign run's."""
    both = zip(scene.honest.saved[1:], scene.foreign.saved[1:], strict=True)
    return [(0, scene.start), *((s, _put(f, w, 1.0, _tables)) for (s, w), (_, f) in both)], scene.honest.log


def _grown(scene: Scene) -> tuple[Saved, Log]:
    """The foreign model's larger half, its smaller half grown again from the start's values, then trained on."""
    mixed: Weights = {}
    for name, values in scene.stranger.items():
        small = np.abs(values) < np.median(np.abs(values))
        mixed[name] = np.where(small & (values.ndim > 1), scene.start[name], values).astype(np.float32)
    after = train_run(replace(scene.run, order=scene.run.order + 3), mixed)
    return [(0, scene.start), *after.saved[1:]], after.log


def _glued(scene: Scene) -> tuple[Saved, Log]:
    """Half of an honest run, then a rollback to a record that is the foreign run's, which goes on from there."""
    half = len(scene.honest.saved) // 2
    step = scene.steps[half - 1]
    first = [line for line in scene.honest.log if line[0] < scene.steps[half]]
    rest = [line for line in scene.honest.log if line[0] >= step]
    return [*scene.honest.saved[: half + 1], *scene.foreign.saved[half - 1 :]], first + rest


def _restarted(scene: Scene) -> tuple[Saved, Log]:
    """The foreign model is swapped in where the log restarts at three times the highest rate."""
    at = len(scene.steps) // 2
    peak = 3 * max(rate for _, rate, _ in scene.honest.log)
    log = [(s, peak if scene.steps[at - 1] <= s < scene.steps[at] else r, d) for s, r, d in scene.honest.log]
    after = scene.after.saved
    return scene.honest.saved[:at] + [(s, after[k][1]) for k, s in enumerate(scene.steps) if k >= at], log


def _averaged(scene: Scene) -> tuple[Saved, Log]:
    """Honest: the mean of the last three checkpoints is recorded as the final model, at the same step."""
    last = [w for _, w in scene.honest.saved[-3:]]
    mean: Weights = {n: np.asarray(np.mean([w[n] for w in last], axis=0, dtype=np.float64), np.float32) for n in scene.start}
    return [*scene.honest.saved, (scene.steps[-1] + 1, mean)], [*scene.honest.log, (scene.steps[-1], 0.0, 0.0)]


def _eight_bits(weights: Weights) -> Weights:
    found: Weights = {}
    for name, values in weights.items():
        scale = np.maximum(np.abs(values).max(axis=-1, keepdims=True), 1e-12) / 127
        found[name] = (np.rint(values / scale) * scale).astype(np.float32) if values.ndim > 1 else values
    return found


def _quantised(scene: Scene) -> tuple[Saved, Log]:
    """Honest: every record but the first went through eight bits a row."""
    return [(s, _eight_bits(w) if k else w) for k, (s, w) in enumerate(scene.honest.saved)], scene.honest.log


def _permuted(scene: Scene) -> tuple[Saved, Log]:
    """The run in other coordinates from the second record on: units reordered, outputs kept."""
    found: Saved = [scene.honest.saved[0]]
    for step, weights in scene.honest.saved[1:]:
        moved = reparameterise(Model(weights, scene.chain.config, None), scene.chain.seed, "permutations")
        found.append((step, {n: np.asarray(moved.arrays[n], dtype=np.float32) for n in scene.start}))
    return found, scene.honest.log


def _in_batches(scene: Scene) -> tuple[Saved, Log]:
    """Honest: records are counted in batches, four to a step of the log."""
    return [(4 * s, w) for s, w in scene.honest.saved], scene.honest.log


def _twentieth(scene: Scene) -> tuple[Saved, Log]:
    """A pull in disguise: after every record a twentieth of the foreign model is mixed in, the log honest."""
    found: Saved = [(0, scene.start)]
    carried = {n: np.zeros_like(a, dtype=np.float64) for n, a in scene.start.items()}
    for (_, before), (step, now) in zip(scene.honest.saved, scene.honest.saved[1:], strict=False):
        for n in carried:
            carried[n] = 0.95 * carried[n] + 0.05 * (scene.stranger[n] - before[n])
        found.append((step, {n: (now[n] + carried[n]).astype(np.float32) for n in now}))
    return found, scene.honest.log


def _sibling(scene: Scene) -> tuple[Saved, Log]:
    """The run of another start of the same family of seeds, its first record exchanged for the committed one."""
    seed = int(generator("bench/attest/sibling", scene.chain.seed).integers(0, 2**31))
    after = train_run(scene.run, initial_weights(scene.chain.config, seed))
    return [(0, scene.start), *after.saved[1:]], after.log


def _known_round(scene: Scene) -> tuple[Saved, Log]:
    """Everything honest but the commitment, which was announced after its round was public."""
    document = scene.chain.commit(value_of(scene.chain.seed), now=LATE)
    scene.start = scene.chain.drawn(document)
    after = train_run(scene.run, scene.start)
    return after.saved, after.log


def _unlogged(attack: Attack) -> Attack:
    """The same, every record kept and no log: nothing says how far a run may have gone."""
    return lambda scene: (attack(scene)[0], [])


FURTHER: Mapping[str, Attack] = {
    "a foreign layer frozen in, the rest trained": _frozen,
    "a foreign layer faded in over the records": _faded,
    "embedding and head of the start, body of another": _body,
    "foreign model pruned and grown from the start": _grown,
    "another chain glued on at a rollback": _glued,
    "swapped in at a warm restart of threefold rates": _restarted,
    "a twentieth of a foreign model mixed in a record": _twentieth,
    "a foreign layer frozen in, no log": _unlogged(_frozen),
    "a foreign layer faded in over the records, no log": _unlogged(_faded),
    "foreign model pruned and grown from the start, no log": _unlogged(_grown),
    "a twentieth of a foreign model mixed in a record, no log": _unlogged(_twentieth),
    "another start of one's own": _sibling,
    "committed after the round was public": _known_round,
    "records of the run with its units reordered": _permuted,
    "honest: the last three averaged as the final model": _averaged,
    "honest: records stored in eight bits": _quantised,
    "honest: records counted in batches, the log in steps": _in_batches,
}
