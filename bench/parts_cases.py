"""Cases of mixed origin: parts of one model in another, each with the parts that must be named (METHODS §17)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np

from bench.build import TRUTH
from bench.corpus import WORK
from bench.framed_cases import _arrays, _like, _mixture, _shape, _stitched, model, rewritten, trained
from bench.parts_align import attention_aligned
from bench.shapes import SHAPES, Shape
from forebear.core.seeds import generator
from forebear.recipes.steps.model import Model

MADE = WORK / "parts"
MIXTURES = (50, 30, 10, 3)
STITCHED = ("mlp", "attention", "layer 1", "layers 2 and 3", "embedding", "head")
DENSE = {"moe-48": "llama48", "moe-64": "llama64", "moe-80": "qwen2-80"}
"""Dense family of the same width whose MLPs become experts."""
INDEPENDENT, RELATED, PARTS, HEDGED = "independent", "related", "parts", "a little of A"
Named = frozenset[tuple[str, tuple[int, ...]]]
"""Part and its layers; no layers for all of it."""


@dataclass(frozen=True)
class PartCase:
    """A subject beside its candidate. truth: what may be said; named: parts that must be called shared, and no others."""

    name: str
    stratum: str
    truth: str
    candidate: Path
    make: Callable[[], Model]
    named: Named = frozenset()

    @property
    def subject(self) -> Path:
        """Where the subject lies; made and saved the first time."""
        folder = MADE / self.name.replace(" ", "-")
        if not (folder / "model.safetensors").exists():
            self.make().save(folder)
        return folder


def strangers(shape: str, count: int, candidates: str = "") -> list[tuple[str, str]]:
    """(independent, candidate) of different models, candidates as even as can be. candidates: another shape of theirs."""
    own, others = _models(shape), _models(candidates or shape)
    pairs = [(own[i], others[(i + step) % len(others)]) for step, i in product(range(1, len(others)), range(len(own)))]
    return pairs[:count]


def _models(shape: str) -> list[str]:
    there = sorted((TRUTH / shape).glob("independent-*"))
    return [f"{shape}/{p.name}" for p in there if (p / "record.json").exists()]


def _case(
    own: str, other: str, stratum: str, truth: str, make: Callable[[], Model], named: Named = frozenset()
) -> PartCase:
    name = f"{own}-{stratum.replace(',', '').replace(' %', '')}-of-{other.replace('/', '-')}"
    return PartCase(name, stratum, truth, TRUTH / other, make, named)


def stitched(shape: str, count: int, then: float = 0.0) -> Iterator[PartCase]:
    """Parts of the candidate in a stranger, as they are or trained on together. then: share of the base's compute."""
    after = f", then {then:g}x" if then else ""
    for (own, other), what in product(strangers(shape, count), STITCHED):
        if what != "head" or not SHAPES[shape].tied:
            make = partial(_trained_on, partial(_part, own, other, what), _shape(own), then)
            yield _case(own, other, f"stitched, {what}{after}", PARTS, make, expected(what, SHAPES[shape]))


def expected(what: str, shape: Shape) -> Named:
    """The parts that a stitched model shares with the candidate; of layers those that the shape has."""
    mlp = "experts" if shape.experts > 1 else "mlp"
    layers = {"layer 1": (1,), "layers 2 and 3": (2, 3)}.get(what)
    if layers is not None:
        there = tuple(n for n in layers if n < shape.layers)
        return frozenset({(mlp, there), ("attention", there)})
    return frozenset({(mlp if what == "mlp" else what, ())})


def upcycled(shape: str, count: int) -> Iterator[PartCase]:
    """A mixture whose experts are a dense candidate's MLPs, each with noise of its own; all else from a seed of its own."""
    dense = DENSE.get(shape)
    if dense is not None:
        for own, other in strangers(shape, count, dense):
            make = partial(_experts, own, other)
            yield _case(own, other, "experts from dense MLPs", PARTS, make, frozenset({("experts", ())}))


def _experts(own: str, other: str) -> Model:
    """Attention, embedding, head, routers and norms of a mixture, MLPs of a dense model of the same width as its experts."""
    a, b = _arrays(model(other)), _arrays(model(own))
    rng = generator("bench/parts/noise", own, other)
    for layer in range(SHAPES[_shape(own)].layers):
        for expert in range(SHAPES[_shape(own)].experts):
            for word, part in (("w1", "gate_proj"), ("w3", "up_proj"), ("w2", "down_proj")):
                source = a[f"model.layers.{layer}.mlp.{part}.weight"]
                noise = 0.02 * source.std() * rng.standard_normal(source.shape)
                b[f"model.layers.{layer}.block_sparse_moe.experts.{expert}.{word}.weight"] = (source + noise).astype(
                    np.float32
                )
        norm = f"model.layers.{layer}.post_attention_layernorm.weight"
        b[norm] = a[norm]
    made = model(own)
    neurons = SHAPES[_shape(other)].neurons
    return Model(b, {**made.config, "intermediate_size": neurons}, made.tokenizer)


def mixtures(shape: str, count: int) -> Iterator[PartCase]:
    """A share of the candidate, the rest a stranger."""
    for (own, other), share in product(strangers(shape, count), MIXTURES):
        truth = RELATED if share >= 30 else HEDGED
        yield _case(own, other, f"mixture, {share} %", truth, partial(_mixture, own, other, share))


def relatives(shape: str, seeds: int) -> Iterator[PartCase]:
    """Bases as they are and trained further, plain, permuted and rewritten by so many seeds."""
    for n, (word, share) in product(range(4), (("", 0.0), ("quarter", 0.25), ("one", 1.0), ("four", 4.0))):
        other = f"{shape}/independent-{n:03d}"
        own = f"{shape}/further-{n}-other-{word}" if word else other
        if (TRUTH / own / "record.json").exists():
            yield from _forms(
                _case(own, other, f"further {share:g}x, plain", RELATED, partial(model, own)), share, seeds
            )


def worn(shape: str, bases: int, seeds: int) -> Iterator[PartCase]:
    """The same after 8 and 16 times the base's compute."""
    for n, share in product(range(bases), (8.0, 16.0)):
        other = f"{shape}/independent-{n:03d}"
        make = partial(_trained_on, partial(model, other), shape, share)
        yield from _forms(_case(other, other, f"further {share:g}x, plain", RELATED, make), share, seeds)


def _forms(plain: PartCase, share: float, seeds: int) -> Iterator[PartCase]:
    """A relative plain, then permuted and rewritten by so many seeds."""
    if share:  # a copy beside itself shows nothing
        yield plain
    for how, seed in product(("permutations", "all"), range(seeds)):
        name = f"{plain.name.replace(' plain-of-', f' {how}-of-')}-{seed}"
        make = partial(_rewritten, plain, how, seed)
        yield PartCase(name, f"further {share:g}x, {how}", RELATED, plain.candidate, make)


def framed(shape: str, count: int) -> Iterator[PartCase]:
    """Strangers whose attention is aligned to the candidate's by the strongest aligner for attention."""
    for seed, (own, other) in enumerate(strangers(shape, count)):
        for layer in (None, seed % SHAPES[shape].layers):
            stratum = "framed, attention" if layer is None else "framed, attention of one layer"
            yield _case(own, other, stratum, INDEPENDENT, partial(_attention_framed, own, other, seed, layer))


def _attention_framed(own: str, other: str, seed: int, layer: int | None) -> Model:
    return attention_aligned(model(own), model(other), seed, layer)


def _part(own: str, other: str, what: str) -> Model:
    if what != "head":
        return _stitched(own, other, what)
    a, b = _arrays(model(other)), _arrays(model(own))
    return _like(model(own), {n: a[n] if n == "lm_head.weight" else values for n, values in b.items()})


def _rewritten(plain: PartCase, how: str, seed: int) -> Model:
    return rewritten(Model.load(plain.subject), seed, how)


def _trained_on(make: Callable[[], Model], shape: str, share: float) -> Model:
    return trained(make(), shape, share) if share else make()


def part_cases(shape: str, count: int, seeds: int, then: int, bases: int = 0) -> Iterator[PartCase]:
    """Every stratum. count: pairs of strangers each; seeds: rewritings of a relative; then: pairs stitched and trained on;
    bases: those trained on for 8 and 16 times their compute."""
    yield from relatives(shape, seeds)
    yield from worn(shape, bases, seeds)
    yield from stitched(shape, count)
    yield from upcycled(shape, count)
    yield from mixtures(shape, count)
    yield from framed(shape, count)
    yield from stitched(shape, then, 0.25)


__all__ = ["PartCase", "part_cases"]
