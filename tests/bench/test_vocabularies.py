"""The table of published vocabularies: two halves chosen by a rule, truths that name what is there, files that are pinned."""

from __future__ import annotations

import hashlib
from itertools import permutations

from bench.tokenizers.real import COUNTED, table, truth
from scripts.fetch_real import manifest

KNOWN = table()
NAMES = [entry["name"] for entry in KNOWN["vocabulary"]]
SEEN_BEFORE = 16


def test_halves_are_equal_and_chosen_by_the_digest_of_the_names() -> None:
    new = sorted(NAMES[SEEN_BEFORE:], key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    held_out = {entry["name"] for entry in KNOWN["vocabulary"] if entry["half"] == "held-out"}
    assert held_out == set(new[-29:])
    assert len(NAMES) == 2 * len(held_out)


def test_every_file_is_pinned_and_every_truth_names_vocabularies_of_the_table() -> None:
    items = manifest()
    for entry in KNOWN["vocabulary"]:
        assert entry["file"] in {file.name for file in items[entry["item"]].files}
    for kind in ("family", "text", "unstated"):
        for entry in KNOWN[kind]:
            assert set(entry["members"]) <= set(NAMES), entry
            assert len(entry["source"]) > 10


def test_there_are_pairs_enough_whose_truth_is_known() -> None:
    counted = [pair for pair in permutations(NAMES, 2) if truth(KNOWN, *pair) in COUNTED]
    assert len(NAMES) >= 40
    assert len(counted) >= 1000
    assert truth(KNOWN, "p50k", "gpt2") == "kin"
    assert truth(KNOWN, "gpt2", "llama2") == "independent"
    assert truth(KNOWN, "charylu-32k", "charylu-150k") == "same text"
    assert truth(KNOWN, "charylu-32k", "charylu-nocode-32k") == "overlapping text"
