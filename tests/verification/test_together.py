"""What keys mean beside each other: a block of settings is read as one configuration (decision 0139)."""

from __future__ import annotations

import pytest

from forebear.verification.readers import bindings, grammar, together
from forebear.verification.readers.card import claims_of_card
from forebear.verification.readers.together import MOST_SETTINGS, Setting, bound


def kinds(**settings: int) -> dict[str, str]:
    """What each key of a block of code means."""
    lines = "\n".join(f"{key} = {value}" for key, value in settings.items())
    claims, _ = claims_of_card(f"# X\n\n```python\n{lines}\n```\n", "README.md")
    return {claim.source.where: claim.kind for claim in claims}


@pytest.mark.parametrize(
    ("block", "key", "kind"),
    [
        ({"dim": 192, "hidden_dim": 520, "n_heads": 12}, "hidden_dim", "mlp_width"),
        ({"hidden_dim": 192, "intermediate_dim": 520, "n_heads": 12}, "hidden_dim", "width"),
        ({"d_model": 192, "hidden_size": 520, "n_layer": 7}, "hidden_size", "mlp_width"),
        ({"d_model": 192, "n_layer": 7, "block": 1024}, "block", "context"),
        ({"d_model": 192, "n_head": 12, "block": 7}, "block", "layers"),
        ({"dim": 192, "n_head": 12, "n_local_heads": 3}, "n_local_heads", "kv_heads"),
        ({"dim": 192, "n_layer": 7, "n_local_heads": 12}, "n_local_heads", "heads"),
        ({"d_model": 192, "num_experts": 6, "top_k": 2}, "top_k", "experts_used"),
        ({"GPT_DIM": 192, "GPT_HEAD": 12, "GPT_FF": 520, "GPT_BLOCKS": 7}, "gpt_ff", "mlp_width"),
    ],
)  # fmt: skip
def test_a_key_means_what_those_beside_it_leave(block: dict[str, int], key: str, kind: str) -> None:
    assert kinds(**block)[key] == kind


@pytest.mark.parametrize(
    ("block", "key"),
    [({"temperature": 1, "top_k": 50}, "top_k"), ({"d_model": 192, "n_layer": 7, "top_k": 50}, "top_k"), ({"block": 64}, "block")],
)
def test_a_key_without_others_that_settle_it_means_nothing(block: dict[str, int], key: str) -> None:
    assert key not in kinds(**block)


def test_a_wrong_figure_does_not_make_its_key_something_else() -> None:
    assert kinds(hidden=577, layers=7, attn_heads=12)["hidden"] == "width"
    assert kinds(num_layers=9, hidden_size=160, num_heads=15, filter_size=640)["num_heads"] == "heads"


def test_a_claim_keeps_every_kind_that_its_key_may_have() -> None:
    claims, _ = claims_of_card("# X\n\n```\nn_layer = 7\nn_head = 12\nhidden_dim = 520\n```\n", "README.md")
    claim = next(one for one in claims if one.source.where == "hidden_dim")
    assert (claim.kind, claim.also) == ("width", ("mlp_width",))


def test_settings_that_come_again_with_other_figures_are_of_another_model() -> None:
    card = "# X\n\n```\nHIDDEN = 192\nLAYERS = 7\n// HIDDEN = 5120\n// LAYERS = 40\n```\n"
    claims, _ = claims_of_card(card, "README.md")
    parts = {claim.stated: claim.part for claim in claims}
    assert parts["192"] == parts["7"] != parts["5120"] == parts["40"]


@pytest.mark.parametrize("line", ["n_layer = 7 * k", "layers = 2 * 6", "depth = 12 if big else 6", "n_layers = 7 // 2", "n = 7 * k"])
def test_a_sum_states_nothing(line: str) -> None:
    claims, _ = claims_of_card(f"# X\n\n```python\nhidden_size = 64\n{line}\n```\n", "README.md")
    assert [claim.kind for claim in claims] == ["width"]


def test_ten_thousand_doubtful_keys_are_weighed_in_a_bounded_number_of_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    weighed = 0
    cost = together._cost

    def counted(*given: object) -> float:
        nonlocal weighed
        weighed += 1
        return cost(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(together, "_cost", counted)
    found = bound([Setting("hidden_dim", str(at), "width") for at in range(10_000)])
    assert len(found) <= MOST_SETTINGS
    assert weighed <= together.MOST_WAYS


@pytest.mark.parametrize(
    "line",
    ["hidden_dim = 7 ", "a(1), b(2), c(3), ", "key: ((((((1 ", "_L-4/H=4", "ab × ab = 1 × 1 ", "fp32, 4 layers ", "'1 a' ", "n_layers 4 heads "],
)
def test_what_is_done_for_a_long_card_grows_with_its_length(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted are tokens walked back over, words of sentences, and their looks at other words; twice the text, at most twice of each."""

    def done(characters: int) -> dict[str, int]:
        counts = {"keys": 0, "words": 0, "kinds": 0}
        with monkeypatch.context() as patched:
            for module, name, kind in ((bindings, "_key_of", "keys"), (grammar, "_kind_of", "kinds")):
                was = getattr(module, name)
                patched.setattr(module, name, lambda *given, was=was, kind=kind: (counts.update({kind: counts[kind] + 1}), was(*given))[1])
            rows = "\n".join(line * (500 // len(line)) for _ in range(characters // 500))
            claims_of_card(f"# X\n\n{rows}\n\n```\n{rows}\n```\n", "README.md")
        return counts

    once, twice = done(8_000), done(16_000)
    assert all(twice[kind] <= 2 * once[kind] + 100 for kind in once), (once, twice)
    assert once["keys"] <= 16 * bindings.MOST_PAIRS * 2
