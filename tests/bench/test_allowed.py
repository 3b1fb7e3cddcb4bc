"""No verdict says more than is true of its pair: the table knows every message, and every verdict kept here is read against it."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from bench.allowed import claim_of, main, said, table, violations
from bench.build import RESULTS
from bench.framed_cases import COURSE, FORMULA, INDEPENDENT, PARTLY, PULLED, RELATED, SEEDED, START
from forebear.comparison.findings.verdict import RELATIONS
from forebear.reports.catalogue import catalogue

KEPT = sorted((Path(__file__).resolve().parent.parent / "data" / "said").glob("*.json"))


def test_every_message_of_a_verdict_makes_a_claim_that_the_table_knows():
    keys = [k for k in catalogue().words if k.startswith(("verdict.", "start."))]
    assert len(keys) > 50
    assert [k for k in keys if claim_of(k) is None] == []


def test_every_claim_names_messages_that_there_are():
    keys = list(catalogue().words)
    for patterns in table()["claims"].values():
        assert [p for p in patterns if not any(fnmatchcase(k, p) for k in keys)] == []


def test_the_table_allows_only_relations_and_claims_that_there_are():
    truths = table()["truth"]
    assert set(truths) == {INDEPENDENT, RELATED, PARTLY, PULLED, START, COURSE, FORMULA, SEEDED}
    for allowed in truths.values():
        assert set(allowed["relations"]) <= set(RELATIONS)
        assert set(allowed["claims"]) <= set(table()["claims"])


def test_an_independent_is_accused_by_no_relation_and_by_no_claim():
    allowed = table()["truth"][INDEPENDENT]
    assert not {"identical", "related", "shares-components", "shared-start"} & set(allowed["relations"])
    assert not {"identical", "weights", "weights or start", "some parts", "training", "start or drawn", "beyond an aligner",
                "open start"} & set(allowed["claims"])  # fmt: skip


@pytest.mark.parametrize(("truth", "relation", "keys", "found"), [
    (INDEPENDENT, "cannot-tell", ["verdict.figures", "found.deck", "verdict.within_reach"], 0),
    (INDEPENDENT, "related", ["verdict.related_or_start"], 2),
    (INDEPENDENT, "cannot-tell", ["verdict.start_open"], 1),
    (START, "related", ["verdict.related_or_start", "start.shared-training"], 1),
    (START, "related", ["verdict.related_weights"], 1),
    (COURSE, "related", ["verdict.related_weights", "start.shared-training"], 0),
    (FORMULA, "shares-components", ["verdict.components_or_start"], 1),
    (SEEDED, "shares-components", ["verdict.components_or_start"], 0),
    (SEEDED, "shares-components", ["verdict.components_weights"], 1),
    (RELATED, "shared-start", ["start.shared-start"], 2),
    (PARTLY, "shares-components", ["verdict.components_or_start", "part.beside"], 0),
    (RELATED, "related", ["verdict.never_heard_of"], 1),
])  # fmt: skip
def test_what_is_too_much_is_named(truth, relation, keys, found):
    assert len(violations(truth, relation, keys)) == found


def test_messages_inside_messages_are_read():
    words = [{"key": "verdict.withheld", "values": {"reasons": [{"key": "audit.order", "values": {}}]}}]
    assert list(said(words)) == ["verdict.withheld", "audit.order"]


@pytest.mark.parametrize("path", KEPT, ids=lambda p: p.stem)
def test_a_kept_verdict_says_no_more_than_is_true(path):
    kept = json.loads(path.read_text("utf-8"))
    verdict = kept["verdict"]
    assert violations(kept["truth"], verdict["relation"], list(said(verdict["words"]))) == []


def test_kept_verdicts_are_of_every_truth():
    assert {json.loads(p.read_text("utf-8"))["truth"] for p in KEPT} == set(table()["truth"])


@pytest.mark.parametrize("path", sorted(RESULTS.glob("framed-verb-*.json")), ids=lambda p: p.stem)
def test_no_measured_verdict_says_more_than_is_true(path, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["allowed", str(path)])
    assert main() == 0, capsys.readouterr().out
