"""A small slice of the held-out run: vocabularies really trained, related by one act, named for what they are."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from bench.tokenizers.classes import CLASSES, Maker
from bench.tokenizers.corpora import Corpora
from bench.tokenizers.run import judge, summary
from bench.tokenizers.trainer import Trained, train
from forebear.tokens import sample

RESULT = Path(__file__).resolve().parents[2] / "bench" / "results" / "tokenizers-lineage-1.json"


def slow_train(counts: Counter[bytes], size: int) -> Trained:
    """The obvious trainer: count every pair again after every merge."""
    tokens, merges = [bytes([byte]) for byte in range(256)], []
    words = [(list(piece), count) for piece, count in counts.items()]
    while len(tokens) < size:
        pairs: Counter[tuple[int, int]] = Counter()
        for word, count in words:
            for pair in pairwise(word):
                pairs[pair] += count
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        if pairs[best] < 2:
            break
        tokens.append(tokens[best[0]] + tokens[best[1]])
        merges.append(best)
        for word, _ in words:
            at = 0
            while at + 1 < len(word):
                if (word[at], word[at + 1]) == best:
                    word[at : at + 2] = [len(tokens) - 1]
                at += 1
    return Trained(tuple(tokens), tuple(merges))


def test_the_trainer_is_the_obvious_one_made_quick() -> None:
    text = Counter({b"low": 5, b"lower": 2, b"newest": 6, b"widest": 3, b"aaaa": 2})
    quick, slow = train(text, 275), slow_train(text, 275)
    assert quick.tokens == slow.tokens
    assert quick.merges == slow.merges


@pytest.fixture(scope="module")
def maker() -> Maker:
    """Trains on the text that ships with the package."""
    passages = sample.languages()
    texts = {p.name: "\n".join(p.blocks) for p in passages}
    halves = {f"{name}/{part}": text[part::2] for name, text in texts.items() for part in (0, 1)}
    return Maker(Corpora(texts | halves, {f"s{k}": f"def f{k}(x):\n    return x + {k}\n" * 50 for k in range(20)}))


@pytest.mark.parametrize("kind", CLASSES)
def test_a_trained_vocabulary_is_named_for_the_act_that_made_it(kind: str, maker: Maker) -> None:
    result = judge(maker.case(kind, 5))
    assert not result["stranger_called_kin"], result
    assert result["right"], result


def test_the_held_out_run_met_what_its_decision_record_asked() -> None:
    document = json.loads(RESULT.read_text())
    assert document["seeds"] == [1, 40]
    recomputed = summary(document["results"])
    assert {k: document[k] for k in recomputed} == recomputed
    for row in recomputed["classes"].values():
        assert row["cases"] == 40
        assert row["right"] >= 38
        assert row["strangers_called_kin"] == 0
    assert recomputed["strangers"]["called_kin"] == recomputed["same_text"]["called_kin"] == 0
