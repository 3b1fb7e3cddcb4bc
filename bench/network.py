"""What the bench's families compute: plain torch on named tensors, one forward pass, no modules."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from bench.shapes import Shape

Tensors = dict[str, Any]
"""Name -> torch tensor."""


def forward(t: Tensors, shape: Shape, tokens: Any, hidden: bool = False) -> Any:
    """Logits of a batch, or the hidden states after the last norm.

    Shapes: tokens (batch, positions) int64; returns (batch, positions, vocabulary), or (..., width) with hidden.
    """
    x = _gpt2(t, shape, tokens) if shape.family == "gpt2" else _rope_family(t, shape, tokens)
    if hidden:
        return x
    return F.linear(x, head(t, shape))


def mlp_inputs(t: Tensors, shape: Shape, tokens: Any) -> list[Any]:
    """What the MLP of every layer reads, after its norm, (batch, positions, width) each; llama, qwen2 and moe only."""
    seen: list[Any] = []
    with torch.no_grad():
        _rope_family(t, shape, tokens, seen)
    return seen


def head(t: Tensors, shape: Shape) -> Any:
    """The output matrix, (vocabulary, width)."""
    if shape.family == "gpt2":
        return t["transformer.wte.weight"] if shape.tied else t["lm_head.weight"]
    return t["model.embed_tokens.weight"] if shape.tied else t["lm_head.weight"]


def _rms(x: Any, gain: Any, offset: float = 0.0) -> Any:
    return F.rms_norm(x, (x.shape[-1],), gain + offset if offset else gain, 1e-5)


def _rotations(shape: Shape, positions: int) -> tuple[Any, Any]:
    rates = 1.0 / (10000.0 ** (torch.arange(0, shape.head_dim, 2, dtype=torch.float32) / shape.head_dim))
    angles = torch.outer(torch.arange(positions, dtype=torch.float32), rates)
    both = torch.cat([angles, angles], dim=-1)
    return both.cos(), both.sin()


def _rotate(x: Any, cos: Any, sin: Any) -> Any:
    half = x.shape[-1] // 2
    return x * cos + torch.cat([-x[..., half:], x[..., :half]], dim=-1) * sin


def _rope_family(t: Tensors, s: Shape, tokens: Any, seen: list[Any] | None = None) -> Any:
    batch, positions = tokens.shape
    cos, sin = _rotations(s, positions)
    x = F.embedding(tokens, t["model.embed_tokens.weight"])
    gemma = s.family == "gemma"
    x, offset = (x * float(np.sqrt(s.width)), 1.0) if gemma else (x, 0.0)
    q_rows, kv_rows = s.heads * s.head_dim, s.kv_heads * s.head_dim
    for n in range(s.layers):
        p = f"model.layers.{n}."
        a = p + "self_attn."
        weight = torch.cat([t[a + "q_proj.weight"], t[a + "k_proj.weight"], t[a + "v_proj.weight"]])
        bias = torch.cat([t[f"{a}{k}_proj.bias"] for k in "qkv"]) if s.family == "qwen2" else None
        qkv = F.linear(_rms(x, t[p + "input_layernorm.weight"], offset), weight, bias)
        heads = qkv.view(batch, positions, -1, s.head_dim).transpose(1, 2)
        turned = _rotate(heads[:, : s.heads + s.kv_heads], cos, sin)
        q, k = turned[:, : s.heads], turned[:, s.heads :]
        v = qkv[..., q_rows + kv_rows :].view(batch, positions, s.kv_heads, s.head_dim).transpose(1, 2)
        group = s.heads // s.kv_heads
        if group > 1:
            k, v = k.repeat_interleave(group, dim=1), v.repeat_interleave(group, dim=1)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + F.linear(mixed.transpose(1, 2).reshape(batch, positions, q_rows), t[a + "o_proj.weight"])
        y = _rms(x, t[p + "post_attention_layernorm.weight"], offset)
        if seen is not None:
            seen.append(y)
        x = x + (_experts(t, s, p, y) if s.family == "moe" else _gated(t, p, y, gemma))
    return _rms(x, t["model.norm.weight"], offset)


def _gated(t: Tensors, p: str, y: Any, gelu: bool = False) -> Any:
    both = F.linear(y, torch.cat([t[p + "mlp.gate_proj.weight"], t[p + "mlp.up_proj.weight"]]))
    gate, up = both.chunk(2, dim=-1)
    active = F.gelu(gate, approximate="tanh") if gelu else F.silu(gate)
    return F.linear(active * up, t[p + "mlp.down_proj.weight"])


def _experts(t: Tensors, s: Shape, p: str, y: Any) -> Any:
    """All experts on all tokens, weighted by a top-2 softmax: dense is faster than gathering at this size."""
    m = p + "block_sparse_moe."
    scores = F.softmax(F.linear(y, t[m + "gate.weight"]), dim=-1)
    top, chosen = scores.topk(2, dim=-1)
    weights = torch.zeros_like(scores).scatter(-1, chosen, top / top.sum(dim=-1, keepdim=True))
    names = [f"{m}experts.{e}." for e in range(s.experts)]
    gate = F.linear(y, torch.cat([t[q + "w1.weight"] for q in names]))
    up = F.linear(y, torch.cat([t[q + "w3.weight"] for q in names]))
    inner = (F.silu(gate) * up).view(*y.shape[:-1], s.experts, s.neurons) * weights.unsqueeze(-1)
    return F.linear(inner.flatten(-2), torch.cat([t[q + "w2.weight"] for q in names], dim=1))


def _gpt2(t: Tensors, s: Shape, tokens: Any) -> Any:
    batch, positions = tokens.shape
    x = F.embedding(tokens, t["transformer.wte.weight"]) + t["transformer.wpe.weight"][:positions]
    for n in range(s.layers):
        p = f"transformer.h.{n}."
        y = F.layer_norm(x, (s.width,), t[p + "ln_1.weight"], t[p + "ln_1.bias"], 1e-5)
        qkv = (y @ t[p + "attn.c_attn.weight"] + t[p + "attn.c_attn.bias"]).view(
            batch, positions, 3, s.heads, s.head_dim
        )
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2)
        x = x + mixed.reshape(batch, positions, s.width) @ t[p + "attn.c_proj.weight"] + t[p + "attn.c_proj.bias"]
        y = F.layer_norm(x, (s.width,), t[p + "ln_2.weight"], t[p + "ln_2.bias"], 1e-5)
        inner = F.gelu(y @ t[p + "mlp.c_fc.weight"] + t[p + "mlp.c_fc.bias"], approximate="tanh")
        x = x + inner @ t[p + "mlp.c_proj.weight"] + t[p + "mlp.c_proj.bias"]
    return F.layer_norm(x, (s.width,), t["transformer.ln_f.weight"], t["transformer.ln_f.bias"], 1e-5)
