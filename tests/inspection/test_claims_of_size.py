"""From one count to another: the testimony's figures, changes that add up, claims that cannot be."""

from __future__ import annotations

import pytest

from forebear.core.errors import RefusedError, UsageError
from forebear.inspection.arithmetic import count_parameters
from forebear.inspection.claims_of_size import arithmetic, parse_claim, solve
from tests.said import said as english

QWEN_110B = {
    "model_type": "qwen2",
    "hidden_size": 8192,
    "num_hidden_layers": 80,
    "intermediate_size": 49152,
    "num_attention_heads": 64,
    "num_key_value_heads": 8,
    "vocab_size": 152064,
    "tie_word_embeddings": False,
}
"""The published configuration of Qwen1.5-110B."""


def layer(width: int, keys: int, neurons: int) -> int:
    """Parameters of one layer, written out: projections with their biases, a gated MLP, two norms."""
    return 2 * width * width + 2 * keys * width + width + 2 * keys + 3 * width * neurons + 2 * width


def test_the_110_billion_are_the_sum_written_out():
    wanted = 80 * layer(8192, 1024, 49152) + 2 * 152064 * 8192 + 8192
    assert count_parameters(QWEN_110B).total == wanted == 111_209_914_368


def test_two_more_layers_alone_do_not_make_135_billion_and_no_number_of_layers_does():
    found = arithmetic(QWEN_110B, {"num_hidden_layers": 82, "parameters": "135B"})
    assert found["reaches"] is False
    assert found["difference"] == 2 * layer(8192, 1024, 49152)
    alone = {a["key"]: a for a in found["alone"]}
    assert not alone["num_hidden_layers"]["agrees"]
    assert alone["num_hidden_layers"]["needed"] in (97, 98)
    assert any("cannot reach" in s for s in english(found["words"]))


def test_82_layers_and_a_wider_mlp_reach_135_billion_at_widths_near_59600():
    found = arithmetic(QWEN_110B, {"num_hidden_layers": 82, "intermediate_size": None, "parameters": "135B"})
    table = found["open"]
    assert (table["low"], table["exact"], table["high"]) == (59360, 59608, 59857)
    for width in (table["low"], table["high"]):
        total = 82 * layer(8192, 1024, width) + 2 * 152064 * 8192 + 8192
        assert abs(total - 135e9) <= 0.5e9 + 3 * 8192 * 82
    reaching = {r["multiple_of"]: r["values"] for r in table["round"]}
    assert reaching[1024] == reaching[2048] == [59392]
    assert reaching[4096] == []
    for row in table["rows"]:
        assert row["parameters"] == 82 * layer(8192, 1024, row["value"]) + 2 * 152064 * 8192 + 8192
        assert row["agrees"] == (abs(row["parameters"] - 135e9) <= 0.5e9)


def test_the_steps_of_a_full_configuration_add_up_to_the_difference():
    other = QWEN_110B | {"num_hidden_layers": 94, "hidden_size": 12288, "intermediate_size": 28672, "num_attention_heads": 96,
                         "vocab_size": 153376}  # fmt: skip
    found = arithmetic(QWEN_110B, other)
    assert found["difference"] == count_parameters(other).total - 111_209_914_368
    assert sum(c["step"] or 0 for c in found["changes"]) == found["difference"]
    assert {c["key"] for c in found["changes"]} >= {
        "num_hidden_layers",
        "hidden_size",
        "intermediate_size",
        "vocab_size",
    }


def test_equal_configurations_differ_in_nothing():
    found = arithmetic(QWEN_110B, dict(QWEN_110B))
    assert (found["difference"], found["changes"], found["claimed"]) == (0, [], None)


def test_keys_that_no_tensor_depends_on_are_no_change():
    assert arithmetic(QWEN_110B, QWEN_110B | {"rope_theta": 1e6, "hidden_act": "gelu"})["changes"] == []


@pytest.mark.parametrize(
    ("said", "count", "slack"),
    [("135B", 135 * 10**9, 5 * 10**8), (135_000_000_000, 135 * 10**9, 5 * 10**8), ("1.5B", 1_500_000_000, 50_000_000),
     ("70 M", 70_000_000, 500_000), (1234, 1234, 0), (7e9, 7 * 10**9, 5 * 10**8)],
)  # fmt: skip
def test_a_claim_is_as_exact_as_it_was_stated(said, count, slack):
    claim = parse_claim(said)
    assert (claim.parameters, claim.slack) == (count, slack)


@pytest.mark.parametrize("said", ["many", "", "-5", True, "1e9999", "135BB", [1], {"a": 1}, float("nan"), float("inf")])
def test_what_is_no_number_of_parameters_is_a_wrong_word(said):
    with pytest.raises(UsageError):
        parse_claim(said)


def test_a_solution_is_the_nearest_there_is():
    for key in ("intermediate_size", "vocab_size", "num_hidden_layers"):
        value, count = solve(QWEN_110B, key, 120 * 10**9)
        for near in (value - 1, value + 1):
            assert abs(count_parameters(QWEN_110B | {key: near}).total - 120 * 10**9) >= abs(count - 120 * 10**9)


def test_a_configuration_that_cannot_be_counted_is_refused():
    with pytest.raises(RefusedError):
        arithmetic({"model_type": "llama"}, QWEN_110B)
    with pytest.raises(RefusedError):
        arithmetic(QWEN_110B, {"num_hidden_layers": "many", "parameters": "135B"})


def test_hostile_keys_and_values_do_not_hang_or_grow():
    hostile = QWEN_110B | {f"k{i}": 10**30 for i in range(3000)} | {"\x1b[31m": "x" * 10_000, "hidden_act": {"a": []}}
    found = arithmetic(QWEN_110B, hostile | {"num_hidden_layers": 81})
    assert [c["key"] for c in found["changes"]] == ["num_hidden_layers"]
