"""Two checkpoints of 8 GB at addresses 40 ms away, through the verb: what is read, in how many requests, and how fast."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

import forebear
from forebear.comparison import walk
from forebear.comparison.demo import demo_folder
from forebear.comparison.reading.plan import LocalPlan
from forebear.files.bytes import remote_http
from tests.comparison.variants import load, save
from tests.files.hub_server import Hub, serve
from tests.files.virtual import CONFIG, Virtual
from tests.said import said

LATENCY = 0.04
BUDGET, REQUESTS = 64 * 2**20, 200
DEMO = demo_folder()


@contextmanager
def hub(weights: Any, latency: float = LATENCY) -> Iterator[Hub]:
    assert len(weights) > 8 * 10**9
    files = {"model.safetensors": weights, "config.json": json.dumps(CONFIG).encode()}
    with serve(Hub(files, latency=latency)) as served:
        yield served


def compared(subject: Hub, candidate: Hub, **options: Any) -> Mapping[str, Any]:
    return forebear.compare(subject.file("model.safetensors"), [candidate.file("model.safetensors")], **options)


def matched(document: Mapping[str, Any], axis: str) -> tuple[int, int]:
    return next((e["matched"], e["of"]) for e in document["evidence"] if (e["test"], e["axis"]) == ("deck", axis))


def test_a_descendant_of_8_gb_is_related_within_64_mib_and_200_requests_a_side() -> None:
    with hub(Virtual(1, change=0.3)) as subject, hub(Virtual(1)) as candidate:
        document = compared(subject, candidate)
        assert document["verdict"]["relation"] == "related"
        assert matched(document, "neurons") == (65 * 36, 65 * 36)
        assert matched(document, "values") == (65 * 12, 65 * 12)
        for served, side in ((subject, "subject_bytes"), (candidate, "candidate_bytes")):
            assert len(served.seen) <= REQUESTS
            assert served.sent <= BUDGET
            assert document["read"][side] == served.sent  # what the document counts is what came over the wire
            assert 8 <= served.busiest <= 16


def test_a_stranger_of_8_gb_shows_no_evidence_within_the_same_bounds() -> None:
    with hub(Virtual(1)) as subject, hub(Virtual(7)) as candidate:
        document = compared(subject, candidate)
        assert document["verdict"]["relation"] == "no-evidence"
        assert max(len(subject.seen), len(candidate.seen)) <= REQUESTS
        assert max(subject.sent, candidate.sent) <= BUDGET
        assert any("rewritten without changing its outputs was not looked for" in limit for limit in said(document["limits"]))


def test_a_small_budget_is_kept_at_an_address_too() -> None:
    with hub(Virtual(1, change=0.3), 0.0) as subject, hub(Virtual(1), 0.0) as candidate:
        document = compared(subject, candidate, budget="8MiB")
        assert max(subject.sent, candidate.sent) <= 8 * 2**20 + 2**20  # and the header
        assert document["verdict"]["relation"] != "no-evidence"


@pytest.mark.slow
def test_planned_reads_take_an_eighth_of_the_serial_loop_or_less(monkeypatch: pytest.MonkeyPatch) -> None:
    data = Virtual(1, change=0.3, tile=10**6), Virtual(1, tile=10**6)  # kept, so that the clock measures reading

    def seconds() -> float:
        with hub(data[0]) as subject, hub(data[1]) as candidate:
            begin = time.perf_counter()
            compared(subject, candidate)
            return time.perf_counter() - begin

    seconds()
    fast = min(seconds() for _ in range(3))
    monkeypatch.setattr(remote_http, "IN_FLIGHT", 1)
    monkeypatch.setattr(walk, "plan_reads", lambda pair: LocalPlan())  # one read after another, as the tests come to them
    slow = seconds()
    assert slow >= 8 * fast, (slow, fast)


def served(folder: Path, **changes: Any) -> Hub:
    """A folder's files at an address."""
    return Hub({path.name: path.read_bytes() for path in folder.iterdir()}, **changes)


def test_a_local_side_and_one_at_an_address_are_compared_by_the_same_rows() -> None:
    with serve(served(DEMO / "descendant")) as far:
        there = forebear.compare(far.file("model.safetensors"), [DEMO / "base"])
        back = forebear.compare(DEMO / "base", [far.file("model.safetensors")])
    assert there["verdict"]["relation"] == back["verdict"]["relation"] == "related"
    local = forebear.compare(DEMO / "descendant", [DEMO / "base"])
    assert there["alignment"]["layers"]["pairs"] == local["alignment"]["layers"]["pairs"]
    assert matched(there, "neurons") == matched(local, "neurons")
    with serve(served(DEMO / "independent")) as far:
        assert forebear.compare(far.file("model.safetensors"), [DEMO / "base"])["verdict"]["relation"] == "no-evidence"


def test_equal_small_files_at_addresses_are_identical_and_one_value_changed_is_not(tmp_path: Path) -> None:
    arrays = load(DEMO / "base")
    name = "model.layers.2.mlp.down_proj.weight"
    changed = save(
        tmp_path / "changed", {**arrays, name: arrays[name] + np.eye(*arrays[name].shape, 40) * 1e-3}, DEMO / "base"
    )
    with serve(served(DEMO / "base")) as one, serve(served(DEMO / "base")) as same, serve(served(changed)) as other:
        assert compared_small(one, same) == "identical"
        assert compared_small(one, other) == "related"


def compared_small(a: Hub, b: Hub) -> str:
    relation: str = compared(a, b)["verdict"]["relation"]
    return relation


def test_tokens_reordered_on_a_hub_are_paired_by_bytes_and_the_tokenizers_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = np.random.Generator(np.random.PCG64(3)).permutation(512)
    arrays = load(DEMO / "descendant")
    for name in ("model.embed_tokens.weight", "lm_head.weight"):
        arrays[name] = arrays[name][order]
    made = save(tmp_path / "made", arrays, DEMO / "descendant")
    own = json.loads((made / "tokenizer.json").read_text())
    place = {int(old): new for new, old in enumerate(order)}
    own["model"]["vocab"] = {token: place[i] for token, i in own["model"]["vocab"].items()}
    own["added_tokens"] = [t | {"id": place[t["id"]]} for t in own["added_tokens"]]
    (made / "tokenizer.json").write_text(json.dumps(own))
    with serve(served(made)) as far:
        monkeypatch.setenv("HF_ENDPOINT", far.address)
        document = forebear.compare("hf://org/name@main", [DEMO / "base"])
    assert document["alignment"]["tokens"]["paired_by"] == "bytes"
    assert matched(document, "channels") == (64, 64)
    assert document["read"]["subject_bytes"] == far.sent - far.listed  # tokenizer, configuration and weights


def test_a_tokenizer_that_takes_too_much_of_the_budget_is_not_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {path.name: path.read_bytes() for path in (DEMO / "descendant").iterdir()}
    files["tokenizer.json"] += b" " * 2**21
    with serve(Hub(files)) as far:
        monkeypatch.setenv("HF_ENDPOINT", far.address)
        document = forebear.compare("hf://org/name@main", [DEMO / "base"], budget="1MiB")
    assert (
        document["read"]["subject_bytes"] < 2**20 + 2**18
    )  # what was taken; a server may have filled the wires with more
    assert document["alignment"]["tokens"]["paired_by"] == "ids"
    assert any("a vocabulary could not be read" in limit for limit in said(document["limits"]))


def test_nameless_tensors_at_an_address_borrow_names_with_few_requests(tmp_path: Path) -> None:
    arrays = {f"t{i}": a for i, a in enumerate(load(DEMO / "descendant").values())}
    save_file(arrays, tmp_path / "model.safetensors")
    with serve(Hub({"model.safetensors": (tmp_path / "model.safetensors").read_bytes()})) as far:
        document = forebear.compare(far.file("model.safetensors"), [DEMO / "base"])
        assert document["verdict"]["relation"] == "related"
        assert far.ranges() <= 30
