"""Operations the recipe bench draws: parameters seen while detectors were written, others never seen,
              and what must be named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from forebear.recipes.steps.depth import places
from forebear.recipes.steps.model import Model

Parameters = dict[str, Any]
Draw = Callable[[np.random.Generator, bool], Parameters]
"""(generator, held out) -> parameters: with held out False from ranges that were seen, else from the others."""
Expect = Callable[[Parameters, Model], Parameters]
"""(parameters, model before) -> parameters of the step that must be named."""
TOLERANCE = 0.1
"""Numbers that are estimated must be within this share of the truth; whole numbers and words are exact."""


def _same(parameters: Parameters, model: Model) -> Parameters:
    return dict(parameters)


def _nothing(parameters: Parameters, model: Model) -> Parameters:
    return {}


@dataclass(frozen=True)
class Operation:
    """One operation. group: what it changes; a chain holds one of each group at most, in the order of GROUPS.

    donor: the parameter that is a further model.
    """

    step: str
    group: str
    draw: Draw = lambda rng, held: {}
    expect: Expect = _nothing
    donor: str = ""
    merged: Mapping[str, str] = field(default_factory=dict)


GROUPS = ("kind", "vocabulary", "width", "depth", "mlp", "heads", "coordinates", "values")
"""Operations of different groups commute but for what `merged` says, so chains that differ in their order alone are one."""


def _pick(rng: np.random.Generator, held: bool, seen: tuple[Any, ...], unseen: tuple[Any, ...]) -> Any:
    chosen = unseen if held else seen
    return chosen[int(rng.integers(len(chosen)))]


def _inserted(rng: np.random.Generator, held: bool) -> Parameters:
    return {
        "count": _pick(rng, held, (1, 2), (3, 4)), "kind": _pick(rng, False, ("copy", "identity", "new"), ()),
        "where": _pick(rng, held, ("spread", "middle"), ("end", "start")),
    }  # fmt: skip


def _layers(model: Model) -> int:
    return int(model.config.get("num_hidden_layers") or model.config["n_layer"])


def _where(parameters: Parameters, model: Model) -> Parameters:
    after = sorted(places(parameters["count"], _layers(model), parameters["where"]))
    return {"count": parameters["count"], "kind": parameters["kind"], "after": after}


def _lost(parameters: Parameters, model: Model) -> Parameters:
    lost = sorted(set(places(parameters["count"], _layers(model), parameters["where"])))
    return {"count": len(lost), "layers": lost}


def _mlp(model: Model) -> int:
    return int(model.config.get("intermediate_size") or model.config["n_inner"])


def _widened(parameters: Parameters, model: Model) -> Parameters:
    told = {"kind": parameters["kind"], "neurons": round(_mlp(model) * parameters["factor"])}
    return told | ({"silent": parameters["silent"]} if parameters["kind"] != "duplicate" else {})


def _grown(parameters: Parameters, model: Model) -> Parameters:
    """Duplicates that do not fit twice are none: the rest is zeros."""
    kind = "zeros" if parameters["kind"] == "duplicate" and parameters["factor"] < 2 else parameters["kind"]
    return {"kind": kind, "noise": parameters["noise"]}


def _moe(parameters: Parameters, model: Model) -> Parameters:
    return {k: parameters[k] for k in ("experts", "slices", "noise", "router")}


OPERATIONS = (
    Operation("layers-inserted", "depth", _inserted, _where),
    Operation("layers-dropped", "depth",
              lambda r, h: {"count": _pick(r, h, (1,), (2,)), "where": _pick(r, h, ("spread", "end"), ("start", "middle"))},
              _lost),
    Operation("mlp-widened", "mlp", lambda r, h: {
        "factor": _pick(r, h, (1.5, 2.0), (1.125, 1.75, 2.5)), "kind": _pick(r, False, ("append", "interleave", "duplicate"),
              ()),
        "silent": _pick(r, False, (True, False), ())}, _widened),
    Operation("mlp-narrowed", "mlp",
              lambda r, h: {"share": _pick(r, h, (0.5, 0.75), (0.3, 0.6)), "by": _pick(r, False, ("norm", "random", "first"),
              ())}, _same),
    Operation("width-grown", "width", lambda r, h: {
        "factor": _pick(r, h, (2.0, 1.5), (2.9, 1.25)), "kind": _pick(r, False, ("zeros", "duplicate", "drawn"), ()),
        "noise": _pick(r, h, (0.0, 0.01), (0.0, 0.03))}, _grown),
    Operation("heads-added", "heads",
              lambda r, h: {"groups": _pick(r, h, (1, 2), (2,)), "kind": _pick(r, False, ("silent", "copy", "new"), ())},
              _same),
    Operation("heads-merged", "heads", lambda r, h: {"pairing": _pick(r, False, ("adjacent", "halves"), ())}, _nothing),
    Operation("keys-shared", "heads", lambda r, h: {"kv_heads": 1}, _same),
    Operation("keys-repeated", "heads"),
    Operation("dense-to-moe", "mlp", lambda r, h: {
        "experts": _pick(r, h, (4, 2), (3, 6, 8)), "slices": 1, "noise": _pick(r, h, (0.0, 0.01), (0.0, 0.04)),
        "router": _pick(r, False, ("drawn", "zero"), ())}, _moe),
    Operation("moe-to-dense", "mlp",
              lambda r, h: {"kind": _pick(r, False, ("mean", "pick", "join"), ()), "expert": _pick(r, h, (0, 1), (2, 3))},
              lambda p, m: {"kind": p["kind"]} | ({"expert": p["expert"]} if p["kind"] == "pick" else {})),
    Operation("experts-collapsed", "mlp",
              lambda r, h: {"distinct": _pick(r, h, (2,), (1, 3)), "noise": _pick(r, h, (0.0, 0.01), (0.0, 0.05))}, _same),
    Operation("experts-added", "mlp",
              lambda r, h: {"count": _pick(r, h, (2,), (1, 3)), "noise": _pick(r, h, (0.0, 0.01), (0.0, 0.05))}, _same),
    Operation("vocabulary-extended", "vocabulary", lambda r, h: {
        "count": _pick(r, h, (64, 32), (100, 17)), "rows": _pick(r, False, ("mean-of-pieces", "global-mean", "sampled",
              "copied", "drawn", "zeros"), ())}, _same),
    Operation("vocabulary-trimmed", "vocabulary", lambda r, h: {"keep": _pick(r, h, (0.5, 0.75), (0.9, 0.3))},
              lambda p, m: {"keep": round(p["keep"] * int(m.config["vocab_size"]))}),
    Operation("vocabulary-replaced", "vocabulary",
              lambda r, h: {"rows": _pick(r, False, ("mean-of-pieces", "global-mean", "sampled", "drawn", "zeros"), ())},
              _same),
    Operation("vocabulary-stitched", "vocabulary", lambda r, h: {
        "keep": _pick(r, h, (32, 64), (128, 200)), "rows": _pick(r, False, ("mean-of-pieces", "global-mean", "sampled",
              "copied", "drawn", "zeros"), ())}, _same),
    Operation("token-ids-reordered", "vocabulary", lambda r, h: {"fixed": _pick(r, h, (0, 8), (64, 3))}),
    Operation("rows-from-donor", "vocabulary", lambda r, h: {"share": _pick(r, h, (0.5, 0.3), (0.2, 0.7))}, _same, "donor"),
    Operation("embeddings-untied", "kind"),
    Operation("biases-dropped", "kind"),
    Operation("biases-added", "kind",
              lambda r, h: {"size": _pick(r, h, (0.0, 0.02), (0.0, 0.05)), "where": _pick(r, False, ("attention", "all"),
              ())}, _same),
    Operation("positions-to-rotary", "kind",
              lambda r, h: {"theta": _pick(r, h, (1e4,), (5e5,)), "keep_mean": _pick(r, False, (True, False), ())}, _same),
    Operation("side-modules-added", "kind", lambda r, h: {
        "kind": _pick(r, False, ("branch", "shortcut", "activation"), ()), "silent": _pick(r, False, (True, False), ())},
              _same),
    Operation("pruned-by-size", "values", lambda r, h: {"share": _pick(r, h, (0.5, 0.8), (0.3, 0.65))}, _same),
    Operation("pruned-in-groups", "values",
              lambda r, h: _pick(r, h, ({"keep": 2, "group": 4},), ({"keep": 4, "group": 8}, {"keep": 1, "group": 4})), _same),
    Operation("quantised-int8", "values", lambda r, h: {"bits": _pick(r, h, (8, 4), (6, 3, 5))}, _same),
    Operation("quantised-int4", "values",
              lambda r, h: {"bits": _pick(r, h, (4,), (3, 2, 5)), "group": _pick(r, h, (16,), (8,))}, _same),
    Operation("quantised-fp8", "values", lambda r, h: {"block": _pick(r, h, (None,), (16, 32))}, _nothing),
    Operation("resaved", "values", lambda r, h: {"dtype": _pick(r, h, ("BF16",), ("F16",))}, _same),
    Operation("noise-added", "values", lambda r, h: {"size": _pick(r, h, (0.01, 0.1), (0.003, 0.04, 0.2))}, _same),
    Operation("low-rank-merged", "values", lambda r, h: {
        "rank": _pick(r, h, (4, 8), (2, 6)), "size": _pick(r, h, (0.05,), (0.02, 0.2)), "parts": _pick(r, h, ("qv", "qkvo"),
              ("ud", "qkvoud"))}, _same),
    Operation("residual-permutation", "coordinates"), Operation("residual-signs", "coordinates"),
    Operation("residual-rotation", "coordinates"),
    Operation("residual-scale", "coordinates", lambda r, h: {"factor": _pick(r, h, (1.5, 0.5), (1.2, 3.0))}, _same),
    Operation("gain-folding", "coordinates"),
    Operation("gain-replacement", "coordinates",
              lambda r, h: {"spread": _pick(r, h, (0.5,), (0.2, 1.0)), "flip": _pick(r, False, (True, False), ())}, _same),
    Operation("neuron-permutation", "coordinates"), Operation("neuron-signs", "coordinates"),
    Operation("neuron-scaling", "coordinates", lambda r, h: {"spread": _pick(r, h, (0.7,), (0.3, 1.2))}, _same),
    Operation("kv-group-permutation", "coordinates"), Operation("query-head-permutation", "coordinates"),
    Operation("value-permutation", "coordinates"),
    Operation("value-mixing", "coordinates", lambda r, h: {"spread": _pick(r, h, (0.3,), (0.0, 0.8))}),
    Operation("head-rotation", "coordinates"), Operation("query-key-mixing", "coordinates"),
    Operation("bias-exchange", "coordinates", lambda r, h: {"size": _pick(r, h, (0.1,), (0.03, 0.3))}, _same),
    Operation("expert-permutation", "coordinates"),
    Operation("router-shift", "coordinates", lambda r, h: {"size": _pick(r, h, (0.1,), (0.03, 0.5))}),
)  # fmt: skip
"""The operations with a forward step, but for `merged` and `frozen-restored`, which need other models, and
`layernorm-to-rmsnorm`, whose families the bench does not train."""


def agrees(wanted: Any, told: Any) -> bool:
    """Whether a parameter is told right: numbers that are estimated within TOLERANCE, the rest exactly."""
    if isinstance(wanted, bool | str) or wanted is None:
        return bool(wanted == told)
    if isinstance(wanted, float) and isinstance(told, (int, float)):
        return abs(told - wanted) <= TOLERANCE * abs(wanted) + 1e-9
    return bool(wanted == told)
