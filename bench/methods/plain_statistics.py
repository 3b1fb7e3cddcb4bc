"""forebear's statistics without its walk: layers in place, whole tensors. Fast enough for every pair there is.

Where sizes differ the first units and features of each are compared: positions chosen in advance, so every test holds.

The null audit of all 4950 pairs of a family runs on this; the walk itself (`forebear`) is audited on fewer.
"""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import numpy as np

from bench.methods.parts import arrays, layers
from bench.methods.score import Figure, Score
from bench.shapes import Floats
from forebear.stats.deck import deck, deck_log10_p
from forebear.stats.gains import gains_test
from forebear.stats.sign import pooled, sign_z, unit_products
from forebear.stats.trace import shuffle_p, similarity

SHUFFLES = 199
Tensors = dict[str, Floats]


def channels(tensors: Tensors) -> Floats:
    """Embedding columns, centred: (width, tokens)."""
    name = "model.embed_tokens.weight" if "model.embed_tokens.weight" in tensors else "transformer.wte.weight"
    columns = tensors[name].T
    return np.ascontiguousarray(columns - columns.mean(axis=1, keepdims=True))


def neurons(tensors: Tensors, layer: int) -> list[Floats]:
    """One layer's neurons by part, each (neurons, features): gate and up rows and down columns, or plain rows alone."""
    if (fused := tensors.get(f"transformer.h.{layer}.mlp.c_fc.weight")) is not None:
        return [np.ascontiguousarray(fused.T)]
    p = f"model.layers.{layer}."
    gate, up, down = ("mlp.gate_proj", "mlp.up_proj", "mlp.down_proj")
    if f"{p}{gate}.weight" not in tensors:
        gate, up, down = (f"block_sparse_moe.experts.0.{w}" for w in ("w1", "w3", "w2"))
    return [
        tensors[f"{p}{gate}.weight"],
        tensors[f"{p}{up}.weight"],
        np.ascontiguousarray(tensors[f"{p}{down}.weight"].T),
    ]


def both(left: list[Floats], right: list[Floats]) -> list[tuple[Floats, Floats]]:
    """The parts of two layers side by side, cut to common sizes."""
    return [common(x, y) for x, y in zip(left, right, strict=True)]


def reading(parts: list[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    """What every neuron reads, on both sides: gate and up rows one after the other."""
    a, b = zip(*parts[:2], strict=True)
    return np.concatenate(a, axis=1), np.concatenate(b, axis=1)


def common(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Both cut to the sizes they share, from the start of every axis."""
    cut = tuple(slice(min(m, n)) for m, n in zip(a.shape, b.shape, strict=True))
    return np.ascontiguousarray(a[cut]), np.ascontiguousarray(b[cut])


def final_gain(tensors: Tensors) -> Floats:
    """Gain of the last norm, (width,)."""
    return tensors.get("model.norm.weight", tensors.get("transformer.ln_f.weight", np.ones(1, dtype=np.float32)))


def method(subject: Path, candidate: Path) -> Score:
    """Deck, sign, trace and gains on whole tensors in place. Score: minus log10 p of the best layer's deck of neurons."""
    a, b = arrays(subject), arrays(candidate)
    found: dict[str, Figure] = {}
    x, y = common(channels(a), channels(b))
    matched = deck(x, y).matched
    found["deck/channels matched"] = Figure(matched, "count")
    found["deck/channels p"] = Figure(deck_log10_p(matched), "p-bound")
    found["trace/channels p, shuffles"] = Figure(_shuffled(x, y), "p")
    gains = gains_test(*common(final_gain(a), final_gain(b)), "bench/gains", _key(x, y), shuffles=SHUFFLES)
    if gains.applicable and gains.rho is not None:
        found["gains/last norm p"] = Figure(gains.log10_p, "p")
        found["gains/last norm rho"] = Figure(gains.rho)
    gated = "model.embed_tokens.weight" in a
    if gated:
        _signed(found, "channels", [unit_products(x, y)])
    score = _neurons(found, a, b, gated)
    return Score(score, log10_p=-score, figures=found)


def _neurons(found: dict[str, Figure], a: Tensors, b: Tensors, gated: bool) -> float:
    depth = min(layers(a), layers(b))
    left, right = [neurons(a, n) for n in range(depth)], [neurons(b, n) for n in range(depth)]
    paired = [both(left[n], right[n]) for n in range(depth)]
    in_place = [deck(*reading(parts)).matched for parts in paired]
    crossed = [deck(*reading(both(left[n], right[(n + 1) % depth]))).matched for n in range(depth)]
    found["deck/neurons matched, best layer"] = Figure(max(in_place), "count")
    found["deck/neurons matched, all layers"] = Figure(sum(in_place), "count")
    found["deck/neurons matched, mismatched layers"] = Figure(sum(crossed), "count")
    log10_p = deck_log10_p(max(in_place), depth)
    found["deck/neurons p"] = Figure(log10_p, "p-bound")
    found["trace/neurons of layer 0 p, shuffles"] = Figure(_shuffled(*reading(paired[0])), "p")
    if gated:
        _signed(found, "neurons", [pooled([unit_products(x, y) for x, y in parts[1:]]) for parts in paired])
    return -log10_p


def _signed(found: dict[str, Figure], axis: str, products: list[np.ndarray]) -> None:
    result = sign_z(np.concatenate(products))
    found[f"sign/{axis} z"] = Figure(result.z, "z")
    found[f"sign/{axis} p"] = Figure(result.log10_p, "p-bound")


def _shuffled(a: Floats, b: Floats) -> float:
    p, _ = shuffle_p(similarity(a, b), "bench/shuffles", _key(a, b), shuffles=SHUFFLES)
    return math.log10(p)


def _key(a: Floats, b: Floats) -> str:
    """Names a random stream by content, so that every pair has its own shuffles."""
    return hashlib.sha256(a[0].tobytes() + b[0].tobytes()).hexdigest()
