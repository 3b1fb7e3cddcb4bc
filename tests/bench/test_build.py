"""A build goes on after a kill, redoes what another plan made, and gives the same bits again."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("tokenizers")

from bench.build import again, build, finished, make, manifest
from bench.checkpoint import load
from bench.training import Course
from bench.truth import GROWN, Job, slice_plan

QUICK = Course(steps=2)
PARENT = Job("tiny/independent-000", "train", "tiny", 5, QUICK)
CHILD = Job("tiny/further-0", "further", "tiny", 0, dataclasses.replace(QUICK, text="other"), parent=PARENT.id)
TAUGHT = [
    Job(f"tiny/student-{t}", "student", "tiny", 6, dataclasses.replace(QUICK, teacher=t), parent=PARENT.id)
    for t in ("logits", "hidden")
]
GREW = [
    Job(f"tiny/grown-{n}", "grown", "tiny", 0, QUICK, parent=PARENT.id, operation=name) for n, name in enumerate(GROWN)
]
JOBS = [PARENT, CHILD, *TAUGHT, *GREW]


def _built(root: Path, jobs: list[Job] = JOBS) -> list[dict[str, object]]:
    for job in jobs:
        if finished(job, root) is None:
            make(job, root)
    return [record for j in jobs if (record := finished(j, root))]


def test_what_is_there_stays_and_what_a_kill_left_half_done_is_made_again(tmp_path: Path) -> None:
    first = _built(tmp_path)
    assert len(first) == len(JOBS)
    (tmp_path / PARENT.id / "record.json").write_text('{"id": "tin')  # killed while writing
    kept = (tmp_path / CHILD.id / "model.safetensors").stat().st_mtime_ns
    assert finished(PARENT, tmp_path) is None
    again_made = _built(tmp_path)
    assert [r["sha256"] for r in again_made] == [r["sha256"] for r in first]
    assert (tmp_path / CHILD.id / "model.safetensors").stat().st_mtime_ns == kept


def test_a_model_made_by_another_plan_does_not_count(tmp_path: Path) -> None:
    make(PARENT, tmp_path)
    assert finished(PARENT, tmp_path) is not None
    assert finished(dataclasses.replace(PARENT, seed=6), tmp_path) is None


def test_rebuilding_gives_the_same_bits(tmp_path: Path) -> None:
    make(PARENT, tmp_path / "one")
    assert again([PARENT], 1, tmp_path / "two", tmp_path / "one") == []
    make(dataclasses.replace(PARENT, seed=6), tmp_path / "one")
    assert again([PARENT], 1, tmp_path / "two", tmp_path / "one") == [PARENT.id]


def test_workers_build_a_slice_parents_first(tmp_path: Path) -> None:
    records = build([dataclasses.replace(j, course=QUICK) for j in slice_plan("test")], 2, tmp_path, quiet=True)
    assert [r["id"] for r in records] == [j.id for j in slice_plan("test")]
    parent, child = load(tmp_path / records[0]["id"])[0], load(tmp_path / records[-1]["id"])[0]
    assert list(parent) == list(child)


def test_a_plan_without_its_parent_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no parent"):
        build([CHILD], 1, tmp_path, quiet=True)


def test_the_manifest_tells_losses_seconds_digests_and_what_missed_the_floor(tmp_path: Path) -> None:
    made = manifest(_built(tmp_path))
    assert json.loads(json.dumps(made)) == made
    assert made["below_the_floor"] == [j.id for j in JOBS]  # two steps teach nothing
    for row in made["models"]:
        assert len(row["sha256"]) == 64
        assert row["processor_seconds"] > 0
        assert row["held_out_loss"] > 0


def test_a_grown_model_has_the_shape_its_operation_gives(tmp_path: Path) -> None:
    _built(tmp_path, [PARENT, *GREW])
    shapes = {j.operation: load(tmp_path / j.id)[1] for j in GREW}
    assert shapes["two layers inserted, copied"].layers == 4
    assert shapes["MLP widened by half"].neurons == 192
    assert shapes["residual width doubled"].width == 128
    assert shapes["dense to four experts"].experts == 4
    assert shapes["keys and values shared"].kv_heads == 1
    assert shapes["vocabulary extended"].vocabulary == 576
