"""Operations between dense MLPs and experts: dense → MoE and back, experts collapsed into copies."""

from __future__ import annotations

import numpy as np

from forebear.recipes.steps.draft import Draft, draw_like
from forebear.recipes.steps.experts import mlp_names
from forebear.recipes.steps.families import Family, hosted, known, mixture, own_key
from forebear.recipes.steps.layout import Layer, Mlp, completed, setting_key
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.step import Step, require
from forebear.recipes.steps.storage import Array


def route_dense(
    model: Model, rng: np.random.Generator, experts: int = 4, active: int = 2, slices: int = 1, noise: float = 0.0,
    redrawn: float = 0.0, shared: bool = False, router: str = "drawn",
) -> Model:  # fmt: skip
    """Turn every MLP into a mixture of experts made from it; the weights of active experts add to one.

    slices:  1 makes whole copies; n cuts the neurons into n equal runs, expert e gets run e mod n, down columns times n.
    noise:   relative size of noise on every expert matrix. redrawn: share of each expert's neurons initialised anew.
    shared:  the whole MLP stays as a shared expert behind an even gate, routed experts carrying the other half.
    router:  "drawn" (as at initialisation) or "zero" (all experts weigh the same).
    Family:  the host that the source's [steps] table names; with `shared`, the one it names for that. A host that always has a
             shared expert gets one neuron of zeros without `shared`.
    Raises:  RefusedError where the host family has no place for the result (biases, shared experts, uneven slices).
    Source:  METHODS §12 (dense→MoE: copied, sliced, noised, shared expert).
    """
    draft = Draft(model)
    family = draft.parts.family
    kind = (family.rule.becomes.get("dense-to-moe shared") if shared else None) or family.becomes("dense-to-moe")
    host = known(kind)
    _check_routing(draft, kind, experts, active, slices, shared, router)
    neurons = draft.weight(draft.parts.layers[0].mlps[0].up).shape[0]
    require(neurons % slices == 0, f"{neurons} neurons cannot be cut into {slices} equal slices")
    for layer in draft.parts.layers:
        dense = layer.mlps[0]
        matrices = [draft.weight(linear) for linear in (*dense.inward, dense.down)]  # gate, up, down
        for name in mlp_names(dense):
            del draft.arrays[name]
        for index in range(experts):
            made = _redraw(draft, _slice(matrices, index % slices, slices, 0.5 if shared else 1.0), rng, redrawn)
            _store_expert(draft, layer, host, index, [_disturb(matrix, rng, noise) for matrix in made])
        rows = (experts, draft.parts.width)
        scores = draw_like(draft.config, rng, rows) if router == "drawn" else np.zeros(rows, np.float32)
        draft.arrays[f"{layer.prefix}{host.router}.weight"] = scores
        if host.shared:
            _store_shared(draft, layer, host, matrices if shared else _one_zero_neuron(draft.parts.width))
    _configure_routing(draft, kind, experts, active, neurons // slices, neurons if shared else 1)
    draft.reread()
    return draft.finish()


def _check_routing(draft: Draft, kind: str, experts: int, active: int, slices: int, shared: bool, router: str) -> None:
    """Refuse what the host family cannot hold."""
    require(router in ("drawn", "zero"), f"no router is called {router!r}", todo="Say drawn or zero.")
    require(0 < active <= experts and 0 < slices <= experts, f"{active} of {experts} experts from {slices} slices")
    host, window_key = known(kind), draft.parts.family.rule.window
    require(not shared or bool(host.shared), f"{kind} has no shared expert")
    full = completed(draft.config)
    window = (full.get(window_key) or 0) if window_key else 0
    short = 0 < window < int(full["max_position_embeddings"])
    require(bool(host.rule.window) or not short, f"{kind} has no such sliding window")
    layer = draft.parts.layers[0]
    require(not any(linear.bias for linear in layer.writers + layer.mlps[0].inward), f"{kind} has no biases there")
    require(not layer.q.bias or bool(host.rule.query_bias), f"{kind} has no biases there")


def _slice(matrices: list[Array], index: int, slices: int, share: float) -> list[Array]:
    """One run of neurons of (gate, up, down), down scaled. Shapes: (f, d), (f, d), (d, f) → f/slices neurons."""
    gate, up, down = matrices
    size = up.shape[0] // slices
    run = slice(index * size, (index + 1) * size)
    return [gate[run], up[run], down[:, run] * np.float32(slices * share)]


def _redraw(draft: Draft, matrices: list[Array], rng: np.random.Generator, share: float) -> list[Array]:
    """A share of the neurons with fresh initial values in all three matrices."""
    if share <= 0:
        return matrices
    gate, up, down = (np.array(matrix) for matrix in matrices)
    chosen = rng.permutation(up.shape[0])[: round(share * up.shape[0])]
    for rows in (gate, up, down.T):
        rows[chosen] = draw_like(draft.config, rng, rows[chosen].shape)
    return [gate, up, down]


def _disturb(matrix: Array, rng: np.random.Generator, noise: float) -> Array:
    """A matrix with relative noise on it."""
    return matrix if noise <= 0 else matrix + noise * matrix.std() * rng.standard_normal(matrix.shape)


def _store_expert(draft: Draft, layer: Layer, family: Family, index: int, matrices: list[Array]) -> None:
    """Write one expert under the host family's names. Matrices: gate, up (f, d), down (d, f)."""
    start = layer.prefix + family.expert.format(index)
    for name, matrix in zip((family.expert_gate, family.expert_up, family.expert_down), matrices, strict=True):
        draft.arrays[f"{start}{name}.weight"] = np.ascontiguousarray(matrix, dtype=np.float32)


def _one_zero_neuron(width: int) -> list[Array]:
    """(gate, up, down) of a single neuron that does nothing."""
    return [np.zeros((1, width), np.float32), np.zeros((1, width), np.float32), np.zeros((width, 1), np.float32)]


def _store_shared(draft: Draft, layer: Layer, family: Family, matrices: list[Array]) -> None:
    """Write the shared expert and its gate, which starts even (zero: a sigmoid of one half)."""
    for name, matrix in zip(("gate_proj", "up_proj", "down_proj"), matrices, strict=True):
        draft.arrays[f"{layer.prefix}{family.shared}{name}.weight"] = np.ascontiguousarray(matrix)
    draft.arrays[f"{layer.prefix}{family.shared_gate}.weight"] = np.zeros((1, draft.parts.width), np.float32)


def _configure_routing(draft: Draft, kind: str, experts: int, active: int, neurons: int, shared: int) -> None:
    """The host family's configuration."""
    heads = {"head_dim": draft.parts.head_dim, "num_key_value_heads": draft.parts.kv_heads}
    biased = bool(draft.parts.layers[0].q.bias)
    host = known(kind)
    sizes = {own_key(kind, "experts"): experts, "num_experts_per_tok": active, own_key(kind, "expert_neurons"): neurons}
    draft.become(kind, **{**sizes, **host.rule.written, **heads})
    if host.shared:
        draft.config[own_key(kind, "shared_neurons")] = shared
    if host.rule.query_bias:
        draft.config[host.rule.query_bias] = biased


def make_dense(model: Model, rng: np.random.Generator, kind: str = "mean", expert: int = 0) -> Model:
    """Turn every mixture of experts into one MLP.

    kind: "mean" (of the experts' matrices), "pick" (one of them), "join" (all neurons side by side, down columns divided
          by the number of experts: outputs are kept when all are active with equal weights).
    Raises: RefusedError when some layers are dense already, or when a shared expert does more than nothing.
    Family: the host that the source's [steps] table names, or one without biases where that always has them.
    Source: METHODS §12 (MoE→dense).
    """
    require(kind in ("mean", "pick", "join"), f"no way back is called {kind!r}", todo="Say mean, pick or join.")
    draft = Draft(model)
    target = draft.parts.family.becomes("moe-to-dense")
    if not draft.parts.layers[0].q.bias:
        target = known(target).rule.becomes.get("biases-dropped", target)
    family = known(target)
    for layer in draft.parts.layers:
        require(layer.router is not None, "a dense layer stands among the routed ones", where=layer.prefix)
        _drop_shared(draft, layer)
        made = _one_mlp(draft, layer.mlps, kind, expert)
        routed = [name for mlp in layer.mlps for name in mlp_names(mlp)]
        for name in (*routed, layer.router.weight if layer.router else ""):
            draft.arrays.pop(name, None)
        for name, matrix in zip((family.gate, family.up, family.down), made, strict=True):
            draft.arrays[f"{layer.prefix}{name}.weight"] = np.ascontiguousarray(matrix, dtype=np.float32)
    routing = ("num_local_experts", "num_experts", "num_experts_per_tok", "moe_intermediate_size", "norm_topk_prob",
               "decoder_sparse_step", "mlp_only_layers", "shared_expert_intermediate_size", "qkv_bias",
               "router_aux_loss_coef", "router_jitter_noise", "output_router_logits")  # fmt: skip
    draft.become(target, **dict.fromkeys(routing), intermediate_size=int(made[1].shape[0]))
    draft.config["head_dim"] = draft.parts.head_dim
    draft.reread()
    return draft.finish()


def _one_mlp(draft: Draft, mlps: tuple[Mlp, ...], kind: str, expert: int) -> list[Array]:
    """(gate, up, down) made of several experts."""
    sets = [[draft.weight(linear) for linear in (*mlp.inward, mlp.down)] for mlp in mlps]
    if kind == "pick":
        require(0 <= expert < len(mlps), f"there is no expert {expert} among {len(mlps)}")
        return sets[expert]
    if kind == "mean":
        return [np.asarray(np.mean(matrices, axis=0, dtype=np.float64)) for matrices in zip(*sets, strict=True)]
    gates, ups, downs = zip(*sets, strict=True)
    return [np.concatenate(gates), np.concatenate(ups), np.concatenate(downs, axis=1) / np.float32(len(mlps))]


def _drop_shared(draft: Draft, layer: Layer) -> None:
    """Remove a shared expert that writes nothing."""
    if layer.shared is None:
        return
    require(not draft.weight(layer.shared.down).any(), "a shared expert would be lost", where=layer.prefix)
    for name in (*mlp_names(layer.shared), layer.shared_gate.weight if layer.shared_gate else ""):
        draft.arrays.pop(name, None)


def collapse_experts(
    model: Model, rng: np.random.Generator, distinct: int = 2, noise: float = 0.0, routing: bool = True
) -> Model:
    """Overwrite experts beyond the first `distinct` with copies of those.

    noise: relative size of noise on the copies. routing: router rows are copied too.
    Raises: RefusedError unless fewer experts stay distinct.
    Source: METHODS §12 (extra experts that collapsed into copies), §16 (expert redundancy).
    """
    draft = Draft(model)
    for layer in draft.parts.layers:
        if layer.router is None:
            continue
        require(0 < distinct < len(layer.mlps), f"{distinct} distinct experts of {len(layer.mlps)}")
        for index in range(distinct, len(layer.mlps)):
            source = layer.mlps[index % distinct]
            for new, old in zip(mlp_names(layer.mlps[index]), mlp_names(source), strict=True):
                draft.set_vector(new, _disturb(draft.arrays[old], rng, noise))
        if routing:
            draft.set_weight(layer.router, draft.weight(layer.router)[np.arange(len(layer.mlps)) % distinct])
    return draft.finish()


def add_experts(model: Model, rng: np.random.Generator, count: int = 2, noise: float = 0.0) -> Model:
    """Append experts that are copies of the first ones, router rows likewise.

    count: how many. noise: relative size of noise on the copies.
    Raises: RefusedError for more copies than experts.
    Source: METHODS §12 (extra experts).
    """
    draft = Draft(model)
    total = 0
    for layer in draft.parts.layers:
        if layer.router is None:
            continue
        require(0 < count <= len(layer.mlps), f"{count} copies of {len(layer.mlps)} experts")
        for index in range(count):
            source = layer.mlps[index]
            matrices = [_disturb(draft.weight(linear), rng, noise) for linear in (*source.inward, source.down)]
            _store_expert(draft, layer, draft.parts.family, len(layer.mlps) + index, matrices)
        rows = draft.weight(layer.router)
        draft.set_weight(layer.router, np.concatenate([rows, rows[:count]]))
        total = len(layer.mlps) + count
    draft.config[setting_key(draft.config, "experts")] = total
    draft.reread()
    return draft.finish()


STEPS = (
    Step(
        "dense-to-moe", route_dense, "operation", hosted("dense-to-moe"), "METHODS §12",
        "Every MLP becomes a mixture of experts made from it: copied, sliced, noised, with a shared expert.",
        keeps="noise and redrawn are 0, and slices is 1 or router is zero with every expert active",
    ),
    Step(
        "moe-to-dense", make_dense, "operation", hosted("moe-to-dense"), "METHODS §12",
        "Every mixture of experts becomes one MLP: their mean, one of them, or all side by side.",
    ),
    Step(
        "experts-collapsed", collapse_experts, "operation", mixture, "METHODS §12, §16",
        "Experts beyond the first few become copies of those.",
    ),
    Step(
        "experts-added", add_experts, "operation", mixture, "METHODS §12",
        "Experts are appended that are copies of the first ones.",
    ),
)  # fmt: skip
