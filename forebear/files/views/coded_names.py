"""How the names of tensors end that hold a quantised matrix: asked before a decoder is loaded."""

from __future__ import annotations

CODED = (
    ".qweight", ".weight_packed", ".weight_scale_inv", ".weight_scale", ".scale_weight", ".SCB", ".quant_state.bitsandbytes__nf4",
    ".quant_state.bitsandbytes__fp4", "_blocks", ".scales", ".W_q", ".q_weight", "_qdata", "._data", ".bitmask",
)  # fmt: skip
"""One of these for every layout of forebear/files/views/quantised.py; a test holds the two together."""
