"""Train a small Llama on the bytes of a text with AdamW, in numpy alone; save checkpoints and the log that `forebear attest` reads.

    python train.py start.safetensors --text TEXT --into saved --log log.csv [--config config.json] [--steps 120] [--save 0,8,24,60,120]

Every matrix is decayed, the learning rate warms up over 8 steps and falls to a tenth along a cosine. Needs numpy and safetensors.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

Array = NDArray[Any]
Weights = dict[str, Array]
BETAS, EPSILON, DECAY, PEAK, WARM, TEXTS, LENGTH = (0.9, 0.999), 1e-8, 0.1, 2e-3, 8, 8, 64


def normed(x: Array, gain: Array, epsilon: float) -> tuple[Array, Any]:
    """RMSNorm over the last axis, and what its gradient needs. Shapes: x (..., d), gain (d,)."""
    rate = 1 / np.sqrt((x * x).mean(-1, keepdims=True) + epsilon)
    return x * rate * gain, (x, rate, gain)


def normed_back(d: Array, kept: Any) -> tuple[Array, Array]:
    """Gradients of x and of the gain from that of the result."""
    x, rate, gain = kept
    inner = d * gain
    dx = rate * (inner - x * rate**2 * (inner * x).mean(-1, keepdims=True))
    return dx, (d * x * rate).reshape(-1, x.shape[-1]).sum(0)


def turned(x: Array, base: float, sign: int = 1) -> Array:
    """Rotary positions; sign -1 turns back, which is the gradient. Shapes: x (texts, heads, places, head size)."""
    half = x.shape[-1] // 2
    angle = np.arange(x.shape[-2])[:, None] * base ** (-np.arange(half) / half)
    cos, sin = np.cos(angle).astype(x.dtype), sign * np.sin(angle).astype(x.dtype)
    first, second = x[..., :half], x[..., half:]
    return np.concatenate([first * cos - second * sin, second * cos + first * sin], -1)


def split(x: Array, heads: int) -> Array:
    """Shapes: (texts, places, width) -> (texts, heads, places, width / heads)."""
    return x.reshape(*x.shape[:2], heads, -1).transpose(0, 2, 1, 3)


def joined(x: Array) -> Array:
    """The other way round."""
    texts, heads, places, size = x.shape
    return x.transpose(0, 2, 1, 3).reshape(texts, places, heads * size)


def linear_back(w: Weights, g: Weights, name: str, d: Array, into: Array) -> Array:
    """Gradient of what went into a matrix; that of the matrix is put into g."""
    g[name] = d.reshape(-1, d.shape[-1]).T @ into.reshape(-1, into.shape[-1])
    return d @ w[name]


def layer(w: Weights, p: str, config: dict[str, Any], x: Array) -> tuple[Array, Any]:
    """One layer, attention then MLP, and what its gradient needs. Shapes: x (texts, places, width)."""
    heads, epsilon, base = config["num_attention_heads"], config["rms_norm_eps"], config["rope_theta"]
    h, first = normed(x, w[p + "input_layernorm.weight"], epsilon)
    q, k, v = (split(h @ w[f"{p}self_attn.{part}_proj.weight"].T, heads) for part in "qkv")
    q, k = turned(q, base), turned(k, base)
    later = np.triu(np.full((x.shape[1],) * 2, -np.inf, x.dtype), 1)
    scores = q @ k.swapaxes(-1, -2) / math.sqrt(q.shape[-1]) + later
    share = np.exp(scores - scores.max(-1, keepdims=True))
    share /= share.sum(-1, keepdims=True)
    mixed = joined(share @ v)
    x = x + mixed @ w[p + "self_attn.o_proj.weight"].T
    m, second = normed(x, w[p + "post_attention_layernorm.weight"], epsilon)
    gate, up = m @ w[p + "mlp.gate_proj.weight"].T, m @ w[p + "mlp.up_proj.weight"].T
    opened = 1 / (1 + np.exp(-gate))
    inner = gate * opened * up
    kept = ((h, first, q, k, v, share, mixed), (m, second, gate, up, opened, inner))
    return x + inner @ w[p + "mlp.down_proj.weight"].T, kept


def layer_back(w: Weights, g: Weights, p: str, config: dict[str, Any], d: Array, kept: Any) -> Array:
    """Gradient of what went into a layer; those of its weights are put into g."""
    heads, base = config["num_attention_heads"], config["rope_theta"]
    (h, first, q, k, v, share, mixed), (m, second, gate, up, opened, inner) = kept
    d_inner = linear_back(w, g, p + "mlp.down_proj.weight", d, inner)
    d_gate = d_inner * up * opened * (1 + gate * (1 - opened))
    d_m = linear_back(w, g, p + "mlp.gate_proj.weight", d_gate, m)
    d_m = d_m + linear_back(w, g, p + "mlp.up_proj.weight", d_inner * gate * opened, m)
    more, g[p + "post_attention_layernorm.weight"] = normed_back(d_m, second)
    d = d + more
    d_mixed = split(linear_back(w, g, p + "self_attn.o_proj.weight", d, mixed), heads)
    d_share = d_mixed @ v.swapaxes(-1, -2)
    d_scores = share * (d_share - (d_share * share).sum(-1, keepdims=True)) / math.sqrt(q.shape[-1])
    d_q, d_k = turned(d_scores @ k, base, -1), turned(d_scores.swapaxes(-1, -2) @ q, base, -1)
    by_part = {"q": d_q, "k": d_k, "v": share.swapaxes(-1, -2) @ d_mixed}
    d_h = sum(linear_back(w, g, f"{p}self_attn.{part}_proj.weight", joined(one), h) for part, one in by_part.items())
    more, g[p + "input_layernorm.weight"] = normed_back(np.asarray(d_h), first)
    return d + more


def loss_and_gradients(w: Weights, config: dict[str, Any], tokens: Array) -> tuple[float, Weights]:
    """Mean cross entropy of each next token, and its gradient by every weight. Shapes: tokens (texts, places + 1)."""
    inputs, wanted = tokens[:, :-1], tokens[:, 1:]
    names = [f"model.layers.{n}." for n in range(config["num_hidden_layers"])]
    x, kept, g = w["model.embed_tokens.weight"][inputs], list[Any](), dict[str, Array]()
    for p in names:
        x, state = layer(w, p, config, x)
        kept.append(state)
    last, final = normed(x, w["model.norm.weight"], config["rms_norm_eps"])
    logits = last @ w["lm_head.weight"].T
    chances = np.exp(logits - logits.max(-1, keepdims=True))
    chances /= chances.sum(-1, keepdims=True)
    at = (*np.indices(wanted.shape), wanted)
    loss = -float(np.log(chances[at]).mean())
    chances[at] -= 1
    d = linear_back(w, g, "lm_head.weight", chances / wanted.size, last)
    d, g["model.norm.weight"] = normed_back(d, final)
    for p, state in zip(reversed(names), reversed(kept), strict=True):
        d = layer_back(w, g, p, config, d, state)
    g["model.embed_tokens.weight"] = np.zeros_like(w["model.embed_tokens.weight"])
    np.add.at(g["model.embed_tokens.weight"], inputs, d)
    return loss, g


def rate_at(step: int, steps: int) -> float:
    """The learning rate of a step counted from 0."""
    along = min(1.0, max(0.0, (step - WARM) / max(1, steps - WARM)))
    return PEAK * min(1.0, (step + 1) / WARM) * (0.55 + 0.45 * math.cos(math.pi * along))


def train(w: Weights, config: dict[str, Any], text: bytes, steps: int, saves: set[int], into: Path, log: Path) -> None:
    """Train in place; writes a line of the log after every step and a checkpoint after each step of `saves`."""
    stored, rng = np.frombuffer(text, np.uint8), np.random.default_rng(7)
    means = [{name: np.zeros_like(value) for name, value in w.items()} for _ in BETAS]
    with log.open("w", encoding="utf-8") as lines:
        lines.write("step,lr,weight_decay,loss\n")
        for step in range(steps + 1):
            if step in saves:
                save_file(w, _made(into / str(step)) / "model.safetensors", {"format": "pt"})
                (into / str(step) / "config.json").write_text(json.dumps(config), "utf-8")
            if step == steps:
                return
            begins = rng.integers(0, stored.size - LENGTH - 1, TEXTS)
            loss, g = loss_and_gradients(w, config, stored[begins[:, None] + np.arange(LENGTH + 1)].astype(np.intp))
            rate = rate_at(step, steps)
            for name, value in w.items():
                first, second = (mean[name] for mean in means)
                first += (1 - BETAS[0]) * (g[name] - first)
                second += (1 - BETAS[1]) * (g[name] ** 2 - second)
                if value.ndim > 1:
                    value *= 1 - rate * DECAY
                scale = math.sqrt(1 - BETAS[1] ** (step + 1)) / (1 - BETAS[0] ** (step + 1))
                value -= rate * scale * first / (np.sqrt(second) + EPSILON * math.sqrt(1 - BETAS[1] ** (step + 1)))
            lines.write(f"{step},{rate:.9g},{DECAY},{loss:.4f}\n")


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def main() -> int:
    """Train by the arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("start", type=Path)
    parser.add_argument("--text", type=Path, required=True)
    parser.add_argument("--into", type=Path, required=True)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--config", type=Path, default=Path(__file__).with_name("config.json"))
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--save", default="0,8,24,60,120")
    args = parser.parse_args()
    config = json.loads(args.config.read_text("utf-8"))
    saves = {int(n) for n in args.save.split(",")}
    train(load_file(args.start), config, args.text.read_bytes(), args.steps, saves, args.into, args.log)
    print(f"{args.steps} steps, checkpoints in {args.into}, log in {args.log}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
