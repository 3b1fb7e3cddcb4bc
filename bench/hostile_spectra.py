"""Strangers whose layers differ in kind: matrices cut to ranks that a public recipe gives each layer, then aligned (decision 0131).

python -m bench.hostile_spectra --shape llama56    trains what is not there; python -m bench.hostile --spectra measures it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from bench.build import TRUTH, build
from bench.framed_align import framed
from bench.framed_cases import INDEPENDENT, RELATED, _arrays, _like, model
from bench.hostile_cases import Hostile
from bench.parts_align import attention_aligned
from bench.shapes import SHAPES
from bench.training import course
from bench.truth import FURTHER, Job, base
from forebear.core.seeds import generator
from forebear.recipes.steps.model import Model

HELD = {"llama56": 131_000, "qwen2-72": 132_000}
"""Shape -> the seed of its first stranger that was trained after the freeze; above every seed used before."""
FIRST_HELD, STRANGERS = 20, 3
RANKS = (4, 8, 16, 0)
"""Ranks a matrix may be cut to; 0 leaves it whole. No two layers of a model get the same ones by rule."""
MLP = ("gate_proj", "up_proj", "down_proj")
ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")


def jobs(shape: str) -> Iterator[Job]:
    """Strangers, and the first of them trained further on another text."""
    for n in range(STRANGERS):
        yield Job(base(shape, FIRST_HELD + n), "train", shape, HELD[shape] + n, course(shape))
    how = course(shape, FURTHER["one"], text="other", order=1)
    yield Job(_further(shape, FIRST_HELD), "further", shape, 0, how, parent=base(shape, FIRST_HELD))


def _further(shape: str, first: int) -> str:
    return f"{shape}/further-{first}-other-one"


def cut_to_ranks(made: Model, ranks: dict[tuple[int, str], int]) -> Model:
    """A model whose matrices have at most so many singular values. ranks: (layer, projection) -> rank, 0 for all."""
    arrays = _arrays(made)
    for (layer, part), rank in ranks.items():
        name = next(n for n in arrays if f".layers.{layer}." in n and n.endswith(f"{part}.weight"))
        if rank:
            left, size, right = np.linalg.svd(arrays[name], full_matrices=False)
            arrays[name] = np.ascontiguousarray((left[:, :rank] * size[:rank]) @ right[:rank], dtype=np.float32)
    return _like(made, arrays)


def _drawn(shape: str, parts: tuple[str, ...], word: str, n: int) -> dict[tuple[int, str], int]:
    """Ranks by layer ("layer") or by layer and matrix ("matrix"), each kind of layer about as often."""
    rng = generator("bench/hostile/spectra", shape, word, n)
    layers = SHAPES[shape].layers
    columns = [np.resize(rng.permutation(RANKS), layers) for _ in parts]
    return {(k, p): int(columns[0 if word == "layer" else j][k]) for k in range(layers) for j, p in enumerate(parts)}


def cases(shape: str, count: int) -> Iterator[Hostile]:
    """Pairs of strangers, and relatives, all under one set of ranks a pair. Only families with gated MLPs named as Llama's are."""
    first = FIRST_HELD if shape in HELD else 0
    lone = SHAPES[shape].layers // 2
    for n in range(count):
        own, other = base(shape, first + 1 + n), base(shape, first)
        joint, heads = partial(framed, how="joint", seed=n), partial(attention_aligned, seed=n)
        wanted: dict[str, tuple[dict[tuple[int, str], int], Callable[[Model, Model], Model]]] = {
            "MLP ranks by layer": (_drawn(shape, MLP, "layer", n), joint),
            "MLP ranks by matrix": (_drawn(shape, MLP, "matrix", n), joint),
            "MLP of one layer, rank 4": ({(lone, p): 4 for p in MLP}, partial(framed, how="one layer", seed=lone)),
            "attention ranks by layer": (_drawn(shape, ATTENTION, "layer", n), heads),
            "attention of one layer, rank 1": ({(lone, p): 1 for p in ATTENTION}, partial(heads, layer=lone)),
            "attention of one layer, rank 3": ({(lone, p): 3 for p in ATTENTION}, partial(heads, layer=lone)),
        }
        for stratum, (ranks, align) in wanted.items():
            yield Hostile(
                f"{own}-{stratum}", stratum, INDEPENDENT, partial(_aligned, own, other, ranks, align), partial(_cut, other, ranks)
            )
    if (TRUTH / _further(shape, first) / "record.json").exists():
        for word in ("layer", "matrix"):
            ranks = _drawn(shape, MLP, word, 0) | _drawn(shape, ATTENTION, word, 0)
            yield Hostile(
                f"{shape}-further-{word}", f"further 1x, all ranks by {word}", RELATED,
                partial(_cut, _further(shape, first), ranks), partial(_cut, base(shape, first), ranks),
            )  # fmt: skip


def _cut(name: str, ranks: dict[tuple[int, str], int]) -> Model:
    return cut_to_ranks(model(name), ranks)


def _aligned(own: str, other: str, ranks: dict[tuple[int, str], int], align: Callable[[Model, Model], Model]) -> Model:
    return align(_cut(own, ranks), _cut(other, ranks))


def main() -> None:
    """Train what is not there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", required=True, choices=sorted(HELD))
    build(list(jobs(parser.parse_args().shape)), workers=1)


if __name__ == "__main__":
    main()
