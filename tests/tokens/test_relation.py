"""Between descent and nothing: alike in order or in tokens where it is far above independents, and named as no descent."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from forebear.core.documents import freeze
from forebear.reports.catalogue import catalogue
from forebear.reports.tokenizers.text import lineage_lines, parts
from forebear.tokens.kinship import Kinship, kinship, prepare
from forebear.tokens.lineage import describe
from forebear.tokens.relation import alikeness, relation_of
from forebear.tokens.vocabulary import Vocabulary
from tests.tokens.made import vocabulary, words

Tokens = list[bytes]
MANY = words(71, 9000, letters="abcdefghijklmnopqrstuvwxyz")
OTHER = words(72, 9000, letters="abcdefghijklmnopqrstuvwxyz")
NEW = words(73, 400, letters="αβγδεζηθικλμνξοπ")


def pair(ours: Tokens, theirs: Tokens) -> Kinship:
    return kinship(prepare(vocabulary(ours), "ours"), prepare(vocabulary(theirs), "theirs"))


def some(share: float, rng: np.random.Generator) -> Tokens:
    return [token for token in MANY if rng.random() < share]


def jittered(rng: np.random.Generator) -> Tokens:
    places = np.argsort(np.arange(len(MANY)) + rng.normal(0, 12, len(MANY)))
    return [MANY[at] for at in places if rng.random() < 0.9] + NEW


def turned_round(rng: np.random.Generator) -> Tokens:
    return some(0.9, rng)[::-1] + NEW


def blocks_swapped(rng: np.random.Generator) -> Tokens:
    """Neighbouring blocks of thirty change places: no stretch of 48 is exact, half of the order is left."""
    blocks = [MANY[at : at + 30] for at in range(0, len(MANY), 30)]
    for at in range(0, len(blocks) - 1, 2):
        blocks[at], blocks[at + 1] = blocks[at + 1], blocks[at]
    return [token for block in blocks for token in block][:8000] + NEW


@pytest.mark.parametrize("change", [jittered, turned_round, blocks_swapped])
def test_order_that_is_nowhere_exact_is_alike_in_order(
    change: Callable[[np.random.Generator], Tokens], rng: np.random.Generator
) -> None:
    found = pair(change(rng), MANY)
    assert relation_of(found) == "alike-in-order"
    assert alikeness(found).backwards == (change is turned_round)


def test_nearly_the_same_tokens_in_another_order_are_alike_in_tokens(rng: np.random.Generator) -> None:
    tokens = [*some(0.96, rng), *NEW]
    assert relation_of(pair([tokens[at] for at in rng.permutation(len(tokens))], MANY)) == "alike-in-tokens"


def test_a_shuffled_part_with_a_few_new_tokens_is_alike_in_tokens(rng: np.random.Generator) -> None:
    tokens = [*some(0.6, rng), *NEW[:30]]
    assert relation_of(pair([tokens[at] for at in rng.permutation(len(tokens))], MANY)) == "alike-in-tokens"


def test_a_shuffled_part_without_any_is_still_trimmed(rng: np.random.Generator) -> None:
    tokens = some(0.6, rng)
    assert relation_of(pair([tokens[at] for at in rng.permutation(len(tokens))], MANY)) == "trimmed"


def test_containment_is_said_as_containment_and_not_as_order(rng: np.random.Generator) -> None:
    """A hundred tokens at one end keep their order; what shows descent is that all the others are there too."""
    tokens = some(0.6, rng)
    mixed = [tokens[at] for at in rng.permutation(len(tokens))]
    body = describe(vocabulary([*mixed, *NEW[:150]]), [vocabulary([*MANY, *NEW[:150]])], ["ours", "theirs"])
    assert (body["relation"], body["parents"][0]["tokens"]) == ("trimmed", len(mixed) + 150)
    assert body["words"][0].key == "lineage.contained"
    assert parts(freeze(body), catalogue("en"))[0].endswith("is in theirs, in another order")


def test_a_large_vocabulary_that_contains_a_small_independent_one_is_no_relative(rng: np.random.Generator) -> None:
    """cl100k's first 1,000 tokens lie wholly inside o200k, which learnt its own."""
    small = [MANY[at] for at in rng.permutation(len(MANY))[:1200]]
    assert relation_of(pair(small, MANY)) == "unrelated"
    assert relation_of(pair(MANY, small)) == "unrelated"


def test_independents_are_neither(rng: np.random.Generator) -> None:
    found = pair(MANY, OTHER)
    assert found.shared > 1000
    assert relation_of(found) == "unrelated"
    assert alikeness(found).strength < 5


def test_a_tiny_copy_is_identical() -> None:
    assert relation_of(pair(MANY[:40], MANY[:40])) == "identical"
    assert relation_of(pair(MANY[:40], MANY[1:41])) == "unrelated"


def test_the_sentence_is_about_the_candidate_that_shares_most(rng: np.random.Generator) -> None:
    """Not the one with the highest share of few: forty tokens in one order say less than thousands."""
    few = [*MANY[:40], *words(74, 2000, letters="αβγδεζηθ")]
    candidates = [vocabulary(few), vocabulary(OTHER)]
    body = describe(vocabulary(MANY), candidates, ["ours", "few", "other"])
    assert body["relation"] == "unrelated"
    assert body["words"][1].values["name"] == "other"


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_a_relative_that_is_alike_names_no_parent(order: tuple[int, ...], rng: np.random.Generator) -> None:
    candidates: list[tuple[str, Vocabulary]] = [
        ("other", vocabulary(OTHER)), ("source", vocabulary(MANY)), ("new", vocabulary([*NEW, *OTHER[:3000]])),
    ]  # fmt: skip
    chosen = [candidates[at] for at in order]
    body = describe(vocabulary(jittered(rng)), [one for _, one in chosen], ["ours", *[name for name, _ in chosen]])
    assert (body["relation"], body["parents"]) == ("alike-in-order", [])
    assert [message.key for message in body["words"]] == ["lineage.alike_order", "lineage.alike_means"]
    assert body["words"][0].values["name"] == "source"
    assert body["words"][0].values["null"] < 0.2 < body["words"][0].values["kept"]


@pytest.mark.parametrize("language", ["en", "ja", "zh-Hans", "zh-Hant"])
def test_the_report_says_it_in_every_language(language: str, rng: np.random.Generator) -> None:
    for change in (jittered, turned_round):
        body = describe(vocabulary(change(rng)), [vocabulary(MANY)], ["ours", "source"])
        full = {
            "schema": "forebear/tokenizer-lineage/2",
            "read": {},
            "reproduce": "x",
            "tool": {"name": "f", "version": "1"},
        }
        lines = lineage_lines(freeze(full | body), language)
        assert catalogue(language).name("kin", "alike-in-order") in lines[0].text
