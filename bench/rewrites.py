"""Post-processing that real pipelines do and that breaks an exchangeable axis (METHODS §2, "never" list; §8).

Each takes and returns named arrays of the llama family and leaves the outputs as they were.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bench.shapes import Floats, Shape

Arrays = dict[str, Floats]
READERS = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
FEED_READERS = ("mlp.gate_proj", "mlp.up_proj")
WRITERS = ("self_attn.o_proj", "mlp.down_proj")


def fold_gains(arrays: Arrays, shape: Shape) -> Arrays:
    """Multiplies every norm gain into the matrices that read it; the gains become one."""
    out = {n: a.astype(np.float64) for n, a in arrays.items()}
    for n in range(shape.layers):
        p = f"model.layers.{n}."
        for norm, readers in (("input_layernorm", READERS), ("post_attention_layernorm", FEED_READERS)):
            for reader in readers:
                out[f"{p}{reader}.weight"] *= out[f"{p}{norm}.weight"]
            out[f"{p}{norm}.weight"][:] = 1.0
    out["lm_head.weight"] *= out["model.norm.weight"]
    out["model.norm.weight"][:] = 1.0
    return {n: a.astype(np.float32) for n, a in out.items()}


def rotate(arrays: Arrays, shape: Shape, turn: npt.NDArray[np.float64]) -> Arrays:
    """Turns the residual stream: x becomes x @ turn. turn: (width, width), orthogonal; gains are folded first."""
    out = {n: a.astype(np.float64) for n, a in fold_gains(arrays, shape).items()}
    for name in out:
        if name.endswith(tuple(f"{w}.weight" for w in WRITERS)):
            out[name] = turn.T @ out[name]
        elif out[name].ndim == 2:
            out[name] = out[name] @ turn
    return {n: a.astype(np.float32) for n, a in out.items()}


def svd_basis(arrays: Arrays, shape: Shape) -> Arrays:
    """Channels become the right singular vectors of the embedding, largest first, signs fixed by the largest entry."""
    _, _, basis = np.linalg.svd(arrays["model.embed_tokens.weight"].astype(np.float64), full_matrices=False)
    leading = basis[np.arange(len(basis)), np.abs(basis).argmax(axis=1)]
    return rotate(arrays, shape, (basis * np.sign(leading)[:, None]).T)


def norm_sorted(arrays: Arrays, shape: Shape) -> Arrays:
    """Channels in order of their embedding norm, neurons of each layer in order of their gate norm, largest first."""
    order = np.argsort(-np.linalg.norm(arrays["model.embed_tokens.weight"], axis=0), kind="stable")
    out: Arrays = {}
    for name, array in arrays.items():
        writes = name.endswith(tuple(f"{w}.weight" for w in WRITERS))
        out[name] = array[order] if writes or array.ndim == 1 else array[:, order]
    for n in range(shape.layers):
        p = f"model.layers.{n}.mlp."
        neurons = np.argsort(-np.linalg.norm(out[p + "gate_proj.weight"], axis=1), kind="stable")
        for reader in ("gate_proj.weight", "up_proj.weight"):
            out[p + reader] = out[p + reader][neurons]
        out[p + "down_proj.weight"] = out[p + "down_proj.weight"][:, neurons]
    return out


REWRITES = {"svd-basis": svd_basis, "norm-sorted": norm_sorted}
