"""Shuffles and signs act on every piece of an axis and nowhere else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from forebear.core.errors import RefusedError
from forebear.models.axes import negate, permute
from forebear.models.checkpoint import Checkpoint, open_checkpoint_from
from tests.memory import MemoryContainer
from tests.models.builders import GPT2, LLAMA, gpt2_arrays, llama_arrays

AT = "model.layers.1."


@pytest.fixture
def arrays(rng: np.random.Generator) -> dict[str, Any]:
    return dict(llama_arrays(rng))


@pytest.fixture
def checkpoint(arrays: dict[str, Any]) -> Checkpoint:
    return open_checkpoint_from(MemoryContainer(arrays), LLAMA)


def changed(after: dict[str, Any], before: dict[str, Any]) -> set[str]:
    return {name for name in before if not np.array_equal(after[name], before[name])}


def test_neurons_of_one_layer_move_together(arrays: dict[str, Any], checkpoint: Checkpoint) -> None:
    order = np.roll(np.arange(10), 3)
    after = permute(arrays, checkpoint, "neuron", order, layer=1)
    mlp = {f"{AT}mlp.{name}_proj.weight" for name in ("gate", "up", "down")}
    assert changed(after, arrays) == mlp
    np.testing.assert_array_equal(after[f"{AT}mlp.up_proj.weight"], arrays[f"{AT}mlp.up_proj.weight"][order])
    np.testing.assert_array_equal(after[f"{AT}mlp.down_proj.weight"], arrays[f"{AT}mlp.down_proj.weight"][:, order])
    assert after["model.norm.weight"] is arrays["model.norm.weight"]


def test_the_input_is_never_written_to(arrays: dict[str, Any], checkpoint: Checkpoint) -> None:
    before = {name: array.copy() for name, array in arrays.items()}
    permute(arrays, checkpoint, "channel", np.arange(12)[::-1])
    negate(arrays, checkpoint, "channel", -np.ones(12, dtype=int))
    assert changed(arrays, before) == set()


def test_value_dimensions_of_one_group_move_in_v_and_in_every_head_of_o(
    arrays: dict[str, Any], checkpoint: Checkpoint
) -> None:
    after = permute(arrays, checkpoint, "value", [2, 0, 1], layer=1, block=1)
    assert changed(after, arrays) == {f"{AT}self_attn.v_proj.weight", f"{AT}self_attn.o_proj.weight"}
    v, o = arrays[f"{AT}self_attn.v_proj.weight"].copy(), arrays[f"{AT}self_attn.o_proj.weight"].copy()
    v[3:6] = v[[5, 3, 4]]
    o[:, 6:9], o[:, 9:12] = o[:, [8, 6, 7]], o[:, [11, 9, 10]]
    np.testing.assert_array_equal(after[f"{AT}self_attn.v_proj.weight"], v)
    np.testing.assert_array_equal(after[f"{AT}self_attn.o_proj.weight"], o)


def test_signs_leave_gains_and_gates_alone(arrays: dict[str, Any], checkpoint: Checkpoint) -> None:
    signs = np.array([1, -1] * 5)
    after = negate(arrays, checkpoint, "neuron", signs, layer=0)
    assert changed(after, arrays) == {f"model.layers.0.mlp.{name}_proj.weight" for name in ("up", "down")}
    after = negate(arrays, checkpoint, "channel", np.array([-1] * 12))
    assert not [name for name in changed(after, arrays) if "norm" in name]
    np.testing.assert_array_equal(after["lm_head.weight"], -arrays["lm_head.weight"])


def test_two_shuffles_undo_each_other(arrays: dict[str, Any], checkpoint: Checkpoint, rng: np.random.Generator) -> None:
    for axis, size in (("channel", 12), ("neuron", 10), ("kv_head", 2), ("group", 2), ("value", 3)):
        order = rng.permutation(size)
        there = permute(arrays, checkpoint, axis, order)
        assert changed(permute(there, checkpoint, axis, np.argsort(order)), arrays) == set()


def test_a_fused_tensor_is_cut_at_its_pieces(rng: np.random.Generator) -> None:
    arrays: dict[str, Any] = dict(gpt2_arrays(rng))
    checkpoint = open_checkpoint_from(MemoryContainer(arrays), GPT2)
    after = permute(arrays, checkpoint, "value", [1, 0, 2, 3], block=0)
    fused = arrays["transformer.h.0.attn.c_attn.weight"].copy()
    fused[:, [16, 17]] = fused[:, [17, 16]]
    np.testing.assert_array_equal(after["transformer.h.0.attn.c_attn.weight"], fused)
    after = negate(arrays, checkpoint, "value", [-1, 1, 1, 1], block=1)
    bias = arrays["transformer.h.0.attn.c_attn.bias"].copy()
    bias[20] *= -1
    np.testing.assert_array_equal(after["transformer.h.0.attn.c_attn.bias"], bias)


@pytest.mark.parametrize(
    ("axis", "order", "where", "says"),
    [
        ("nothing", [0], {}, "no axis 'nothing'"),
        ("neuron", [0, 0, 1], {}, "no permutation"),
        ("neuron", [1, 0], {}, "has 10 units, not 2"),
        ("neuron", list(range(10)), {"layer": 7}, "nothing has the axis"),
    ],
)
def test_a_shuffle_that_makes_no_sense_is_refused(
    arrays: dict[str, Any], checkpoint: Checkpoint, axis: str, order: list[int], where: dict[str, Any], says: str
) -> None:
    with pytest.raises(RefusedError, match=says):
        permute(arrays, checkpoint, axis, order, **where)


def test_signs_other_than_one_are_refused(arrays: dict[str, Any], checkpoint: Checkpoint) -> None:
    with pytest.raises(RefusedError, match="signs"):
        negate(arrays, checkpoint, "neuron", [0] * 10)
    with pytest.raises(RefusedError, match="unknown"):
        negate(arrays, open_checkpoint_from(MemoryContainer(arrays), {"model_type": "?"}), "neuron", [1] * 10)
