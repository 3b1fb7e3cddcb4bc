"""`python -m bench.fuzz million`: what is due, pieces that go on after a kill, and the table of how far each target came."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.fuzz import campaign, million, report, sources
from bench.fuzz.target import PLACES, find_target


def test_every_module_that_a_target_measures_is_there() -> None:
    for name in PLACES:
        assert all(sources._below(module) for module in find_target(name).measured), name
    with pytest.raises(LookupError, match="has moved"):
        sources._below(".".join(("forebear", "files", "formats", "archive")))


def test_readers_are_followed_through_what_they_import_and_stay_in_their_package() -> None:
    reached = sources._reached(sources._below("forebear.tokens.expressions"), ("forebear",))
    names = {path.relative_to(sources.ROOT).as_posix() for path in reached}
    assert {"forebear/tokens/grammar.py", "forebear/core/errors.py"} <= names
    assert "forebear/files/formats/gguf.py" not in names
    assert all(name.startswith("forebear/") for name in names)


def test_a_changed_import_changes_the_digest_and_a_module_beside_it_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = tmp_path / "forebear"
    room.mkdir()
    for name, text in (
        ("a", "def f():\n    from forebear import b\n"),
        ("b", "x = 1\n"),
        ("c", "y = 1\n"),
        ("__init__", ""),
    ):
        (room / f"{name}.py").write_text(text)
    monkeypatch.setattr(sources, "ROOT", tmp_path)

    def digest() -> str:
        return sources._digest([f"{room.name}.a"], (room.name,))

    first = digest()
    (room / "c.py").write_text("y = 2\n")
    assert digest() == first
    (room / "b.py").write_text("x = 2\n")
    assert digest() != first


def test_a_record_counts_while_its_readers_stay_and_its_inputs_are_enough(tmp_path: Path) -> None:
    path = tmp_path / "fuzz-patterns.json"
    assert million.due(tmp_path, 10, ["patterns"]) == ["patterns"]
    for readers, inputs, left in ((sources.readers_digest("patterns"), 10, []), (sources.readers_digest("patterns"), 9, ["patterns"]),
                                  ("0", 10, ["patterns"])):  # fmt: skip
        path.write_text(json.dumps({"sources": {"readers": readers}, "inputs": inputs}))
        assert million.due(tmp_path, 10, ["patterns"]) == left


def test_pieces_of_two_targets_killed_between_go_on_and_end_recorded(tmp_path: Path) -> None:
    state, results = tmp_path / "state", tmp_path / "results"
    results.mkdir()
    command = [sys.executable, "-m", "bench.fuzz", "million", "--state", str(state), "--target", "heads", "patterns",
               "--inputs", "22000", "--results", str(results)]  # fmt: skip
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    first = million.state_path(state, "heads")
    while len(list(campaign.read_lines(first))) < 3:
        time.sleep(0.01)
        assert process.poll() is None
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    done = len(list(campaign.read_lines(first)))
    assert subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0
    assert len(list(campaign.read_lines(first))) == 12 >= done  # its head and eleven blocks, none of them twice
    table = json.loads((results / million.FILE).read_text("utf-8"))["targets"]
    assert {name: (entry["inputs"], entry["findings"]) for name, entry in table.items()} == {
        "heads": (22000, []),
        "patterns": (22000, []),
    }
    assert million.due(results, 22000, ["heads", "patterns"]) == []
    assert report.summary(first)["inputs"] == 22000
