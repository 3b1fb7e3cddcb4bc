"""Changes that everybody could make to a model of their own: grids, masks, spikes, tables, orders (METHODS §1, §17)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from bench.shapes import Floats
from forebear.core.seeds import generator

Arrays = dict[str, Floats]
Change = Callable[[Arrays, str], Arrays]


def matrices(arrays: Arrays) -> Iterator[str]:
    """Names of the matrices of layers."""
    yield from (n for n, a in arrays.items() if a.ndim == 2 and (".layers." in n or ".h." in n))


def each(change: Callable[[str, Floats, np.random.Generator, np.random.Generator], Floats]) -> Change:
    """A change of every matrix of layers: of its name, values, a generator of the pair and one of the model."""

    def make(arrays: Arrays, seed: str) -> Arrays:
        out = dict(arrays)
        for name in matrices(arrays):
            both = generator("bench/hostile/both", name), generator("bench/hostile/own", name, seed)
            out[name] = np.asarray(change(name, arrays[name], *both), dtype=np.float32)
        return out

    return make


def ternary(name: str, a: Floats, both: np.random.Generator, own: np.random.Generator) -> Floats:
    kept = np.abs(a) > np.abs(a).mean() / 2
    return np.asarray(np.sign(a) * kept * np.float32(0.0625), np.float32)


def four_bits(name: str, a: Floats, both: np.random.Generator, own: np.random.Generator) -> Floats:
    """Sixteen levels, blocks of 32 with scales that are powers of two, from one table for everybody."""
    flat = a.reshape(-1, 8)
    scale = np.float32(2.0) ** both.integers(-5, -2, size=(len(flat), 1)).astype(np.float32)
    return np.asarray(np.clip(np.round(flat / scale), -7, 7) * scale, np.float32).reshape(a.shape)


def seeded_mask(share: float, positive: bool = False) -> Change:
    def change(name: str, a: Floats, both: np.random.Generator, own: np.random.Generator) -> Floats:
        kept = both.random(a.shape) >= share
        return np.asarray((np.abs(a) if positive else a) * kept, np.float32)

    return each(change)


def spiked(size: float, pairs: bool) -> Change:
    """One direction a layer, from a formula (waves over channels), added to every row; pairs: two layers have one."""

    def change(name: str, a: Floats, both: np.random.Generator, own: np.random.Generator) -> Floats:
        number = next(int(w) for w in name.split(".") if w.isdigit())
        wave = np.cos(np.pi * (np.arange(a.shape[1]) + 0.5) * (3 * (number // 2 if pairs else number) + 2) / a.shape[1])
        return np.asarray(a + np.float32(size) * a.std() * np.sqrt(2.0) * wave[None], np.float32)

    return each(change)


def low_rank(rank: int) -> Change:
    def change(name: str, a: Floats, both: np.random.Generator, own: np.random.Generator) -> Floats:
        left, size, right = np.linalg.svd(a, full_matrices=False)
        return np.asarray((left[:, :rank] * size[:rank]) @ right[:rank], np.float32)

    return each(change)


def adapter(size: float) -> Change:
    """One low-rank update for everybody, of so many times the length of what it is added to."""

    def change(name: str, a: Floats, both: np.random.Generator, own: np.random.Generator) -> Floats:
        update = both.standard_normal((a.shape[0], 4)) @ both.standard_normal((4, a.shape[1]))
        return a + size * np.linalg.norm(a) / np.linalg.norm(update) * update

    return each(change)


def reserved(arrays: Arrays, seed: str) -> Arrays:
    """Rows of tokens that nothing uses, as one published code starts them: 300 of 512."""
    out = dict(arrays)
    for name in arrays:
        if any(word in name for word in ("embed_tokens", "wte", "lm_head")):
            rows = generator("bench/hostile/reserved").standard_normal((300, arrays[name].shape[1]))
            out[name] = np.concatenate([arrays[name][:212], (0.02 * rows).astype(np.float32)])
    return out


def one_table(arrays: Arrays, seed: str) -> Arrays:
    """Every row of unused tokens is the mean row of its own model."""
    out = dict(arrays)
    for name in arrays:
        if any(word in name for word in ("embed_tokens", "wte", "lm_head")):
            out[name] = arrays[name].copy()
            out[name][100:] = arrays[name][:100].mean(axis=0)
    return out


def turned(arrays: Arrays, seed: str) -> Arrays:
    """The stream turned by one Hadamard matrix for everybody, as quantisers do, gains folded (untied Llama only)."""
    width = 64
    hadamard = np.array([[(-1.0) ** bin(i & j).count("1") for j in range(width)] for i in range(width)]) / np.sqrt(
        width
    )
    out = {}
    for name, a in arrays.items():
        inward = any(
            w in name for w in ("q_proj", "k_proj", "v_proj", "gate_proj", "up_proj", "embed_tokens", "lm_head")
        )
        outward = any(w in name for w in ("o_proj", "down_proj"))
        out[name] = a @ hadamard if inward else hadamard.T @ a if outward else np.ones_like(a)
    return {n: a.astype(np.float32) for n, a in out.items()}


def sorted_by(how: str) -> Change:
    """Neurons of every layer in an order of their own model's values."""

    def make(arrays: Arrays, seed: str) -> Arrays:
        out = dict(arrays)
        for name in arrays:
            if name.endswith("up_proj.weight"):
                stem = name.removesuffix("up_proj.weight")
                gate = arrays[f"{stem}gate_proj.weight"]
                heaviest = int(np.argmax(np.abs(gate).sum(axis=0)))
                key = gate.sum(axis=1) if how == "sums" else gate[:, 0] if how == "first channel" else gate[:, heaviest]
                order = np.argsort(key)
                for part, axis in (("gate", 0), ("up", 0), ("down", 1)):
                    out[f"{stem}{part}_proj.weight"] = np.take(arrays[f"{stem}{part}_proj.weight"], order, axis=axis)
        return out

    return make


def router(arrays: Arrays, seed: str) -> Arrays:
    """One router for everybody."""
    out = dict(arrays)
    for name in arrays:
        if name.endswith("block_sparse_moe.gate.weight"):
            out[name] = generator("bench/hostile/router", name).standard_normal(arrays[name].shape).astype(np.float32)
    return out
