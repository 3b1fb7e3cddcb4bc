"""Many at once: which pairs, what a damaged member does, correction for all pairs, processes, and the tree by effect."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Mapping
from itertools import combinations
from math import log10
from pathlib import Path

import numpy as np
import pytest

import forebear
from forebear.comparison.demo import demo_folder
from forebear.comparison.many import workers
from forebear.comparison.many.linkage import average_linkage
from forebear.comparison.many.matrix import members_in
from forebear.comparison.many.workers import run_in_workers, worker_count
from forebear.comparison.worker import row_of
from forebear.core.documents import problems_of
from forebear.core.errors import ExpectationError, ForebearError, Reason, RefusedError, UsageError
from forebear.core.messages import message
from forebear.core.patience import patience_of
from forebear.core.progress import listening
from forebear.core.seeds import generator
from tests.said import said, text

DEMO = demo_folder()
INDEPENDENTS = Path(__file__).resolve().parent.parent / "data" / "independents"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A base, its descendant, three strangers, and a damaged file."""
    found = tmp_path_factory.mktemp("models")
    for name in ("base", "descendant", "independent"):
        shutil.copytree(DEMO / name, found / name)
    for name in ("0", "1"):
        shutil.copytree(INDEPENDENTS / name, found / f"stranger-{name}")
    (found / "broken").mkdir()
    (found / "broken" / "model.safetensors").write_bytes((DEMO / "base" / "model.safetensors").read_bytes()[:3000])
    (found / "notes.txt").write_text("no model")
    (found / ".hidden").mkdir()
    return found


@pytest.fixture(scope="module")
def matrix(folder):
    return forebear.compare(folder)


def row(document, subject, candidate):
    return next(
        p for p in document["pairs"] if (Path(p["subject"]).name, Path(p["candidate"]).name) == (subject, candidate)
    )


def test_a_folder_of_models_gives_every_pair_of_those_that_open(matrix):
    names = ["base", "descendant", "independent", "stranger-0", "stranger-1"]
    assert [(Path(p["subject"]).name, Path(p["candidate"]).name) for p in matrix["pairs"]] == list(
        combinations(names, 2)
    )
    assert problems_of(matrix) == []


def test_kin_are_found_and_strangers_are_not(matrix):
    relations = {p["relation"] for p in matrix["pairs"]}
    assert relations == {"related", "no-evidence"}
    assert row(matrix, "base", "descendant")["relation"] == "related"
    assert sum(p["relation"] == "related" for p in matrix["pairs"]) == 1


def test_a_damaged_member_is_reported_and_the_rest_goes_on(matrix):
    broken = [m for m in matrix["members"] if m["error"]]
    assert [Path(m["id"]).name for m in broken] == ["broken"]
    assert any("broken" in s and "the header should be" in s for s in said(matrix["limits"]))


def test_every_p_is_multiplied_by_all_pairs_looked_at(folder, matrix):
    alone = forebear.compare(folder / "base", [folder / "descendant"])
    among = row(matrix, "base", "descendant")["comparison"]
    for one, many in zip(alone["evidence"], among["evidence"], strict=True):
        if one["log10_p"] is not None and one["log10_p"] < -5:
            assert many["log10_p"] - one["log10_p"] == pytest.approx(log10(10), abs=2e-3)


def test_the_tree_joins_the_kin_first_and_by_effect(matrix):
    members = [Path(m["id"]).name for m in matrix["members"] if not m["error"]]
    first = matrix["tree"]["merges"][0]
    assert {members[first["left"]], members[first["right"]]} == {"base", "descendant"}
    assert first["similarity"] == pytest.approx(row(matrix, "base", "descendant")["effect"])
    assert all(m["similarity"] < 0.1 for m in matrix["tree"]["merges"][1:])


def test_one_subject_against_a_folder_of_candidates_is_a_row_without_a_tree(folder):
    found = forebear.compare(folder / "descendant", [folder])
    assert {p["subject"] for p in found["pairs"]} == {str(folder / "descendant")}
    assert found["tree"] is None
    errors = {Path(p["candidate"]).name for p in found["pairs"] if p["error"]}
    assert errors == {"broken"}
    assert "descendant" not in {Path(p["candidate"]).name for p in found["pairs"]}


def test_a_subject_that_is_damaged_is_refused(folder):
    with pytest.raises(RefusedError, match="the header should be"):
        forebear.compare(folder / "broken", [folder / "base", folder / "independent"])


def test_nothing_but_damaged_members_is_refused(folder, tmp_path):
    for name in ("a", "b"):
        shutil.copytree(folder / "broken", tmp_path / name)
    with pytest.raises(RefusedError, match="could be compared"):
        forebear.compare(tmp_path)


def test_a_checkpoint_alone_is_no_folder_of_models(folder):
    assert members_in(folder / "base") == []
    assert members_in(folder / "notes.txt") == []
    with pytest.raises(UsageError, match="no candidate"):
        forebear.compare(folder / "base")


def test_shards_without_an_index_and_loose_files_are_told_apart_from_models(tmp_path):
    (tmp_path / "a.safetensors").write_bytes(b"x")
    assert members_in(tmp_path) == []
    (tmp_path / "b.safetensors").write_bytes(b"x")
    assert [Path(m).name for m in members_in(tmp_path)] == ["a.safetensors", "b.safetensors"]
    (tmp_path / "model.safetensors.index.json").write_text("{}")
    assert members_in(tmp_path) == []


def test_an_expectation_holds_for_every_pair_and_a_damaged_member_leaves_it_open(folder, tmp_path):
    for name in ("base", "independent", "descendant"):
        shutil.copytree(folder / name, tmp_path / name)
    with pytest.raises(ExpectationError) as found:
        forebear.compare(tmp_path, expect="related")
    assert len(found.value.document["pairs"]) == 3
    shutil.copytree(folder / "broken", tmp_path / "broken")
    with pytest.raises(RefusedError, match="could not be read"):
        forebear.compare(tmp_path, expect="no-evidence")


def test_progress_is_told_pair_by_pair(folder):
    seen = []
    with listening(lambda share, what: seen.append((share, what))):
        forebear.compare(folder / "descendant", [folder / "base", folder / "independent"])
    shares = [share for share, _ in seen]
    assert shares == sorted(shares)
    assert shares[0] == 0.0
    assert 0.9 < shares[-1] < 1.0
    begun = [what for _, what in seen if ":" not in what]
    assert begun == ["pair 1 of 2, descendant / base", "pair 2 of 2, descendant / independent"]
    assert "pair 2 of 2, descendant / independent: other coordinates" in [what for _, what in seen]


OPTIONS = {
    "budget": 2**26,
    "stated": False,
    "full": False,
    "architecture": None,
    "max_header": None,
    "reproduce": "x",
    "base": None,
    "looks": 3,
    "patience": patience_of(None, None)._asdict(),
}


def test_processes_give_the_same_as_one(folder):
    pairs = [
        (str(folder / a), str(folder / b))
        for a, b in (("base", "descendant"), ("base", "independent"), ("base", "broken"))
    ]
    found = list(run_in_workers(pairs, OPTIONS, 2))
    assert [d["verdict"]["relation"] if d else e for d, e in found[:2]] == ["related", "no-evidence"]
    assert found[2][0] is None
    assert "the header should be" in found[2][1].english
    assert "the header should be" in text(found[2][1].said)
    among = forebear.compare(folder / "base", [folder / n for n in ("descendant", "independent", "stranger-0")])
    for (document, _), pair in zip(found[:2], among["pairs"][:2], strict=True):
        assert json.dumps(_thawed(document)) == json.dumps(_thawed(row_of(pair["comparison"])))


def _thawed(value):
    """Plain values, floats to four digits: workers have one thread each, and sums over more threads end otherwise in the last bits."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, Mapping):
        return {k: _thawed(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_thawed(v) for v in value]
    return value


def test_a_process_that_dies_loses_its_pair_and_no_other(monkeypatch):
    class Dead:
        """A process that answers every pair but one."""

        def __init__(self):
            self.stdin, self.stdout, self.alive = io.StringIO(), self, True
            self.stdin.close = lambda: None

        def readline(self):
            task = json.loads(self.stdin.getvalue().splitlines()[-1])
            self.alive = task["pair"][1] != "killer"
            answer = {"document": {"of": task["pair"][1]}, "error": None, "read": []}
            return json.dumps(answer) + "\n" if self.alive else '{"document": {"of"'

        def poll(self):
            return None if self.alive else -9

        def wait(self):
            return 0

        def kill(self):
            self.alive = False

        def close(self):
            raise BrokenPipeError

    monkeypatch.setattr(workers, "_start", Dead)
    pairs = [("a", "b"), ("a", "killer"), ("a", "c")]
    found = list(run_in_workers(pairs, OPTIONS, 1))
    assert [d and d["of"] for d, _ in found] == ["b", None, "c"]
    assert "ended before it answered" in found[1][1].english


def test_a_fault_in_a_process_is_a_fault_and_no_finding(monkeypatch):
    monkeypatch.setattr(workers, "_start", lambda: object())
    monkeypatch.setattr(workers, "_ask", lambda *_: (None, Reason("fault: ValueError comparing a with b: broken", message("refused.process"))))
    monkeypatch.setattr(workers, "_serve", lambda waiting, options, answers, crew: answers.__setitem__(0, workers._ask()))
    with pytest.raises(ForebearError, match="ValueError") as found:
        list(run_in_workers([("a", "b")], OPTIONS, 1))
    assert found.value.exit_code == 4


def test_few_pairs_start_no_process():
    assert worker_count(2) == worker_count(23) == 0


def slow_linkage(similarity):
    """Groups as lists of members; every mean taken anew over all pairs of members."""
    groups = {i: [i] for i in range(len(similarity))}
    merges = []
    while len(groups) > 1:
        best = max(
            (
                (np.mean([similarity[i][j] for i in groups[a] for j in groups[b]]), a, b)
                for a, b in combinations(groups, 2)
            ),
            key=lambda item: item[0],
        )
        merges.append((best[1], best[2], best[0]))
        groups[len(similarity) + len(merges) - 1] = groups.pop(best[1]) + groups.pop(best[2])
    return merges


@pytest.mark.parametrize("count", [2, 3, 7, 20])
def test_average_linkage_joins_as_its_slow_twin(count):
    rng = generator("linkage", count)
    noise = rng.random((count, count))
    similarity = (noise + noise.T) / 2
    fast, slow = average_linkage(similarity), slow_linkage(similarity)
    assert [{a, b} for a, b, _ in fast] == [{a, b} for a, b, _ in slow]
    assert [s for *_, s in fast] == pytest.approx([s for *_, s in slow])


def test_a_tree_of_none_or_one_has_no_merges():
    assert average_linkage(np.zeros((1, 1))) == average_linkage(np.zeros((0, 0))) == []


def test_a_candidate_that_is_not_there_is_refused_before_any_work(tmp_path):
    with pytest.raises(RefusedError, match="no such file or folder"):
        forebear.compare(demo_folder() / "base", [demo_folder() / "descendant", tmp_path / "typo"])
