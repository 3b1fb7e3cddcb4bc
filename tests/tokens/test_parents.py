"""Parent and grandparent both given: the one that explains everything is the answer, in whatever order they are given."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import numpy as np
import pytest

from forebear.reports.catalogue import catalogue
from forebear.reports.tokenizers.text import parts
from forebear.tokens.kinship import prepare
from forebear.tokens.lineage import describe
from forebear.tokens.parents import descent
from forebear.tokens.vocabulary import Vocabulary
from tests.tokens.made import vocabulary, words

Tokens = list[bytes]
GRANDPARENT, OTHER = words(51, 2000), words(52, 2000)
PARENT = [*GRANDPARENT, *words(53, 600, letters="qrstuvwxyz")]
AUNT = [*GRANDPARENT, *words(54, 600, letters="qrstuvwxyz")]
ALL = {"parent": PARENT, "grandparent": GRANDPARENT, "aunt": AUNT, "other": OTHER}


def part_of(tokens: Sequence[bytes], share: float, seed: int) -> Tokens:
    rng = np.random.default_rng(seed)
    return [token for token in tokens if rng.random() < share]


def answers(subject: Vocabulary, candidates: dict[str, Tokens]) -> set[tuple[str, tuple[str, ...]]]:
    """Relation and parents under every order of the candidates."""
    ours = prepare(subject, "subject")
    ready = [prepare(vocabulary(tokens), name) for name, tokens in candidates.items()]
    found = [descent(ours, order) for order in permutations(ready)]
    return {(one.relation, tuple(sorted(part.parent.name for part in one.parts))) for one in found}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_part_of_the_parent_is_trimmed_from_it_and_not_stitched(share: float, seed: int) -> None:
    assert answers(vocabulary(part_of(PARENT, share, seed)), ALL) == {("trimmed", ("parent",))}


@pytest.mark.parametrize("stop", [2012, 2300, 2599])
def test_the_first_ids_of_the_parent_are_trimmed_from_it_though_few_are_its_own(stop: int) -> None:
    assert answers(vocabulary(PARENT[:stop], shift=4), ALL) == {("trimmed", ("parent",))}


def test_the_first_ids_that_the_grandparent_has_too_are_trimmed_from_the_nearer_of_the_two() -> None:
    """Nothing in the file tells which of them it was: the smaller change is the answer and the others are named."""
    found = descent(
        prepare(vocabulary(GRANDPARENT[:1500]), "s"), [prepare(vocabulary(t), name) for name, t in ALL.items()]
    )
    assert [part.parent.name for part in found.parts] == ["grandparent"]
    assert set(found.parts[0].rivals) == {"parent", "aunt"}


def test_twenty_four_runs_of_spaces_are_enough_to_know_the_parent() -> None:
    parent = [*GRANDPARENT, *[b" " * count for count in range(2, 26)]]
    subject = vocabulary([*part_of(GRANDPARENT, 0.8, 1), *[b" " * count for count in range(2, 14)]])
    expected = {("trimmed", ("parent",))}
    assert answers(subject, {"parent": parent, "grandparent": GRANDPARENT, "other": OTHER}) == expected


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_an_extension_that_was_trimmed_comes_from_the_extension(share: float) -> None:
    grown = [*PARENT, *[t for t in OTHER if t not in set(PARENT)][:300]]
    (found,) = answers(vocabulary(part_of(grown, share, 3)), ALL | {"other": words(55, 2000)})
    assert found[1] == ("parent",)
    assert found[0] in ("partly-relearnt", "trimmed", "extended")


def test_an_extension_of_an_extension_comes_from_the_nearer_one() -> None:
    grown = vocabulary([*PARENT, *words(56, 700, letters="ghijqrst")])
    assert answers(grown, ALL) == {("extended", ("parent",))}


@pytest.mark.parametrize("share", [0.6, 1.0])
def test_shuffled_ids_come_from_the_parent_that_contains_them(share: float) -> None:
    tokens = part_of(PARENT, share, 4)
    shuffled = [tokens[at] for at in np.random.default_rng(4).permutation(len(tokens))]
    (found,) = answers(vocabulary(shuffled), ALL)
    assert found == ("renumbered" if share == 1.0 else "trimmed", ("parent",))


def test_a_parent_that_was_stitched_itself_explains_both_halves() -> None:
    joined = [*GRANDPARENT, *[t for t in OTHER if t not in set(GRANDPARENT)]]
    candidates = {"parent": joined, "grandparent": GRANDPARENT, "other": OTHER}
    assert answers(vocabulary(part_of(joined, 0.7, 5)), candidates) == {("trimmed", ("parent",))}


def test_two_true_parents_are_named_and_not_the_grandparent() -> None:
    rest = [t for t in OTHER if t not in set(PARENT)]
    assert answers(vocabulary([*part_of(PARENT, 0.8, 6), *rest]), ALL) == {("stitched", ("other", "parent"))}


def test_two_true_parents_dealt_together_are_named_and_not_the_grandparent() -> None:
    rest = [t for t in OTHER if t not in set(PARENT)]
    turns = np.random.default_rng(7).permutation(np.repeat([0, 1], [len(PARENT), len(rest)]))
    rows = {0: iter(PARENT), 1: iter(rest)}
    assert answers(vocabulary([next(rows[int(turn)]) for turn in turns]), ALL) == {("stitched", ("other", "parent"))}


def test_one_learnt_anew_is_nobodys_child() -> None:
    assert answers(vocabulary(words(57, 2500)), ALL) == {("unrelated", ())}


def test_a_copy_and_a_renumbering_both_given_the_copy_is_the_answer() -> None:
    candidates = {"a-renumbered": [*PARENT[500:], *PARENT[:500]], "copy": PARENT, "grandparent": GRANDPARENT}
    assert answers(vocabulary(PARENT), candidates) == {("identical", ("copy",))}


def test_of_two_copies_the_one_with_the_same_special_tokens_is_the_answer() -> None:
    def marked(*marks: bytes) -> Vocabulary:
        tokens = (*GRANDPARENT, *marks)
        return Vocabulary("bpe", tokens, frozenset(range(len(GRANDPARENT), len(tokens))))

    ours = prepare(marked(b"<s>"), "subject")
    copies = [prepare(marked(b"<s>", b"<x>", b"<y>"), "a"), prepare(marked(b"<s>"), "b")]
    for order in permutations(copies):
        assert [part.parent.name for part in descent(ours, order).parts] == ["b"]


def test_what_a_few_shared_additions_explain_by_accident_makes_no_parent() -> None:
    """Both went on from one root; forty of the additions are the same, in another order."""
    new = words(58, 500, letters="qrstuvwxyz")
    theirs = [new[at] for at in np.random.default_rng(8).permutation(40)] + words(59, 450, letters="klmnqrst")
    candidates = {"root": GRANDPARENT, "sibling": [*GRANDPARENT, *theirs]}
    assert answers(vocabulary([*GRANDPARENT, *new]), candidates) == {("extended", ("root",))}


def test_the_grandparent_is_named_with_how_much_it_explains() -> None:
    subject = vocabulary(part_of([*GRANDPARENT[:1200], *PARENT[2000:]], 0.9, 9))
    body = describe(subject, [vocabulary(tokens) for tokens in ALL.values()], ["subject", *ALL])
    assert [part["name"] for part in body["parents"]] == ["parent"]
    rows = {row["name"]: row for row in body["third_parties"]}
    assert rows.keys() == {"aunt", "grandparent"}
    assert all(row["explains"] == "parent" and not row["as_well"] for row in rows.values())
    kept = sum(token in set(GRANDPARENT) for token in subject.tokens if token is not None)
    assert rows["grandparent"]["tokens"] == kept
    said = parts(body, catalogue("en"))
    assert f"{kept:,} of the tokens that come from parent keep the order of grandparent too" in said
