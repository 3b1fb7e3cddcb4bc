"""Tokenizers beside both checkpoints: what became of the list, and which row is which token's, where the rows bear it out."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

import forebear
from forebear.core.documents import thaw
from forebear.recipes.detectors.vocabulary import by_names, partners
from forebear.recipes.spelling import compared
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.registry import apply
from forebear.tokens.vocabulary import Vocabulary
from tests.recipes.test_recipe import DEMO

OLD = tuple(f"w{n}".encode() for n in range(400))


def vocabulary(tokens) -> Vocabulary:
    return Vocabulary("wordlevel", tuple(tokens), frozenset())


def shuffled(tokens, seed):
    return [tokens[i] for i in np.random.default_rng(seed).permutation(len(tokens))]


NEW = [f"new{n}".encode() for n in range(200)]
LISTS = (
    ("same", OLD, (400, 0, 0, 0)),
    ("appended", (*OLD, *NEW[:50]), (400, 0, 50, 0)),
    ("trimmed", OLD[::2], (200, 199, 0, 200)),
    ("renumbered", shuffled(OLD, 1), (400, 399, 0, 0)),
    ("stitched", (*OLD[:100], *NEW), (100, 0, 200, 300)),
    ("re-learnt", shuffled([*OLD[:150], *NEW], 2), (150, 150, 200, 250)),
    ("changed", (*NEW[:20], *OLD[:300]), (300, 300, 20, 100)),
)


@pytest.mark.parametrize(("kind", "tokens", "counts"), LISTS, ids=[one[0] for one in LISTS])
def test_what_became_of_a_list_is_read_from_both_tokenizers(kind, tokens, counts):
    found = compared(vocabulary(tokens), vocabulary(OLD))
    assert found.kind == kind
    assert (found.kept, found.new, found.dropped) == (counts[0], counts[2], counts[3])
    assert abs(found.moved - counts[1]) <= 3  # a shuffle leaves one or two where they were


def test_rows_are_mapped_by_their_tokens_where_values_alone_do_not_tell_them():
    rng = np.random.default_rng(7)
    theirs = rng.standard_normal((400, 16)).astype(np.float32)
    order = rng.permutation(400)
    mine = (theirs[order] + 1.2 * rng.standard_normal(theirs.shape)).astype(np.float32)  # worn: some are nearer to others
    by_values = partners(mine, theirs)
    named = by_names(mine, theirs, order)
    assert named is not None
    assert float(np.mean(named == order)) > 0.8
    assert float(np.mean(by_values == order)) < 0.6
    assert not ((named >= 0) & (named != order)).any()


def test_tokenizers_are_not_followed_where_the_rows_deny_them():
    rng = np.random.default_rng(8)
    theirs = rng.standard_normal((400, 16)).astype(np.float32)
    assert by_names(theirs, theirs, rng.permutation(400)) is None
    other = rng.standard_normal((400, 16)).astype(np.float32)
    assert by_names(other, theirs, np.arange(400)) is None


def test_a_row_that_began_anew_under_a_kept_token_has_no_partner():
    rng = np.random.default_rng(9)
    theirs = rng.standard_normal((400, 16)).astype(np.float32)
    mine = theirs.copy()
    mine[:40] = rng.standard_normal((40, 16))
    found = by_names(mine, theirs, np.arange(400))
    assert found is not None
    assert float(np.mean(found[:40] < 0)) > 0.9
    assert (found[40:] == np.arange(40, 400)).all()


def test_the_recipe_says_what_the_tokenizers_show_beside_the_rows(tmp_path):
    apply("token-ids-reordered", Model.load(DEMO / "base"), "operation").save(tmp_path / "subject")
    step = forebear.recipe(tmp_path / "subject", DEMO / "base")["steps"][0]
    assert step["op"] == "token-ids-reordered"
    assert [said["key"] for said in step["said"]] == ["recipe_tokens.renumbered"]


def test_a_tokenizer_changed_beside_unchanged_rows_is_said_and_no_step(tmp_path):
    shutil.copytree(DEMO / "base", tmp_path / "subject")
    path = tmp_path / "subject" / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    tokenizer["model"]["vocab"] = {f"{token}§" if number > 300 else token: number
                                   for token, number in tokenizer["model"]["vocab"].items()}  # fmt: skip
    tokenizer["model"]["merges"] = []
    path.write_text(json.dumps(tokenizer))
    document = thaw(forebear.recipe(tmp_path / "subject", DEMO / "base"))
    assert [step["op"] for step in document["steps"]] == ["repacked"]
    keys = [said["key"] for said in document["limits"]]
    assert "recipe_tokens.rows_silent" in keys


def test_a_tokenizer_that_cannot_be_read_is_said(tmp_path):
    shutil.copytree(DEMO / "base", tmp_path / "subject")
    (tmp_path / "subject" / "tokenizer.json").write_text("{")
    document = thaw(forebear.recipe(tmp_path / "subject", DEMO / "base"))
    assert "recipe_tokens.unread" in [said["key"] for said in document["limits"]]
