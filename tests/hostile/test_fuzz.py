"""The fuzzers of bench/fuzz: a slice of every target's inputs, planted faults, and a run that goes on after a kill."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.fuzz import campaign, loop, report
from bench.fuzz.loop import Outcome, one_input, run_block
from bench.fuzz.target import PLACES, Files, Folder, Plant, Target, find_target, syntax_is_sound

FILES = [name for name in PLACES if name.startswith("file-")]
OWN = [name for name in PLACES if not name.startswith("file-")]
SLICE = dict.fromkeys(PLACES, 1000) | {"compare": 60, "vocabulary": 300, "case": 350, "layouts": 400, "expressions": 500}
"""Inputs of a slice: a second or so of each target; a campaign has a hundred times as many (`python -m bench.fuzz run`)."""
PLANTED_WITHIN = 4000
"""Inputs of a short run; a recorded run has many more, and more seeds (bench/results/fuzz-*.json)."""
SEEDS = dict.fromkeys(PLACES, 20250901) | {
    "toml": 20250906, "compare": 20250956, "case": 20250902, "alignments": 20250903, "bags": 20250902, "file-safetensors": 20250902,
}  # fmt: skip
"""Seeds whose fault is met early, so that the test is quick."""
LEAST_SHARE = 0.30


def _target(run: object, make: object = None) -> Target:
    def sound(files: Files) -> bool:
        return True

    return Target(
        "toml",
        make or (lambda rng: {"x": b"y"}),
        run,
        sound,
        Plant(None, "", lambda v: False),
        (),
        "a target made for a test",
    )  # type: ignore[arg-type]


@pytest.mark.parametrize("name", list(PLACES))
def test_a_short_run_finds_no_fault_no_slow_input_and_no_growth(name: str) -> None:
    outcome = run_block(find_target(name), 0, SLICE[name])
    shown = [f"{f.kind}: {f.message} (input {f.index})\n{f.traceback}" for f in outcome.findings]
    assert not shown, "\n".join(shown)
    assert outcome.warnings == []  # under -W error each would be a fault
    assert outcome.accepted > 0
    assert outcome.growth_megabytes <= loop.GROWTH_MEGABYTES


@pytest.mark.parametrize("name", OWN)
def test_inputs_pass_the_outer_syntax_often_enough_differ_and_repeat_by_number(name: str) -> None:
    target = find_target(name)
    made = [target.input(7, index) for index in range(200)]
    assert made == [target.input(7, index) for index in range(200)]
    assert len({json.dumps({k: v.hex() for k, v in files.items()}) for files in made}) > 150
    assert sum(map(target.outer, made)) >= LEAST_SHARE * 200


@pytest.mark.parametrize("name", list(PLACES))
def test_a_planted_fault_is_found(name: str) -> None:
    found = campaign.inputs_until_planted(name, SEEDS[name], PLANTED_WITHIN)
    assert found is not None


def test_no_path_of_a_machine_is_in_a_report() -> None:
    assert loop.place_of("/home/x/.venv/lib/python3.11/site-packages/numpy/linalg/_linalg.py") == "numpy/linalg/_linalg.py"
    assert loop.place_of("/home/x/forebear/files/grid.py") == "files/grid.py"
    assert loop.place_of("/home/x/bench/fuzz/expressions.py") == "fuzz/expressions.py"
    for path in (Path(__file__).parents[2] / "bench" / "results").glob("fuzz-*.json"):
        text = path.read_text("utf-8")
        assert "site-packages" not in text, path
        assert re.search(r"""[ ("']/\w+/\w""", text) is None, path


def test_what_was_planted_is_taken_away_again() -> None:
    target = find_target("toml")
    before = getattr(target.plant.owner, target.plant.name)
    campaign.inputs_until_planted("toml", 1, 20)
    assert getattr(target.plant.owner, target.plant.name) is before


@pytest.mark.parametrize(
    "error", [MemoryError(), RecursionError(), KeyError("x"), OSError("no name"), AssertionError()]
)
def test_every_error_but_a_refusal_is_a_finding_with_its_input(error: Exception) -> None:
    def run(files: Files) -> None:
        raise error

    outcome = Outcome(0)
    one_input(_target(run), {"a.json": b"\xff{}"}, 3, outcome)
    assert [f.kind.split(" ")[0] for f in outcome.findings] == [type(error).__name__]
    assert outcome.findings[0].contents() == {"a.json": b"\xff{}"}


def test_refusals_and_what_the_command_line_refuses_are_none() -> None:
    from forebear.core.errors import ExpectationError, ForebearError, RefusedError, UsageError

    outcome = Outcome(0)
    for error in (RefusedError("x"), UsageError("x"), ExpectationError("x", {}), FileNotFoundError(2, "gone", "name")):

        def run(files: Files, error: Exception = error) -> None:
            raise error

        one_input(_target(run), {"a": b""}, 0, outcome)
    assert (outcome.refused, outcome.findings) == (4, [])

    def fault(files: Files) -> None:
        raise ForebearError("exit 4")

    one_input(_target(fault), {"a": b""}, 0, outcome)
    assert len(outcome.findings) == 1


def test_an_input_over_its_limit_is_a_finding_and_one_without_end_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "LIMIT_SECONDS", 0.02)

    def endless(files: Files) -> None:
        while True:
            with contextlib.suppress(Exception):  # a reader that catches everything cannot catch the clock
                sum(range(1000))

    outcome = run_block(_target(endless), 0, 1)
    assert {f.kind.split(":")[0].split(" ")[0] for f in outcome.findings} == {"StoppedError", "slow"}


def test_larger_inputs_may_take_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "LIMIT_SECONDS", 0.02)

    def busy(files: Files) -> None:
        end = time.process_time() + 0.05
        while time.process_time() < end:
            pass

    for size, findings in ((10, 1), (loop.LIMIT_BYTES * 10, 0)):
        assert len(run_block(_target(busy, lambda rng, size=size: {"x": bytes(size)}), 0, 1).findings) == findings


def test_memory_of_one_input_is_seen() -> None:
    def hungry(files: Files) -> None:
        bytearray(b"x" * 2**20) * (loop.peak_megabytes().__ceil__() + 2 * loop.ONE_INPUT_MEGABYTES)

    kinds = [f.kind for f in run_block(_target(hungry), 0, 1).findings]  # it is slow as well where the process is large
    assert "memory: one input" in kinds


def test_a_run_killed_in_the_middle_goes_on_and_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    state, whole = tmp_path / "killed.jsonl", tmp_path / "whole.jsonl"
    command = [sys.executable, "-m", "bench.fuzz", "run", "--target", "patterns", "--inputs", "4500", "--state"]
    process = subprocess.Popen([*command, str(state)], stderr=subprocess.DEVNULL, start_new_session=True)
    while len(list(campaign.read_lines(state))) < 2:  # its head and one block
        time.sleep(0.01)
        assert process.poll() is None
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    with state.open("ab") as file:
        file.write(b'{"start": 2000, "inputs": 20')  # killed inside a line
    for path in (state, whole):
        subprocess.run([*command, str(path)], stderr=subprocess.DEVNULL, check=False)
    killed, straight = (report.summary(path) for path in (state, whole))
    for measured in ("mean_milliseconds", "growth_megabytes", "slowest"):
        killed.pop(measured), straight.pop(measured)
    for entry in (*killed["findings"], *straight["findings"]):
        entry.pop("size", None)
    assert killed == straight
    assert straight["inputs"] == 4500


def test_a_state_of_other_sources_is_not_continued(tmp_path: Path) -> None:
    state = tmp_path / "s.jsonl"
    campaign.State.open(state, "toml", 1)
    with pytest.raises(ValueError, match="another seed"):
        campaign.State.open(state, "toml", 2)


def test_the_input_that_ends_its_process_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    class Dies:
        """A pool whose process dies at input 13."""

        def __init__(self, *_: object) -> None:
            pass

        def __enter__(self) -> Dies:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def submit(self, _: object, name: str, start: int, inputs: int, seed: int) -> Dies:
            self.span = (start, inputs)
            return self

        def result(self) -> Outcome:
            if self.span[0] <= 13 < sum(self.span):
                raise campaign.BrokenProcessPool
            return Outcome(*self.span)

    monkeypatch.setattr(campaign, "_pool", Dies)
    outcome = campaign._searched("toml", 0, 100, 1)
    assert (outcome.inputs, [(f.kind, f.index) for f in outcome.findings]) == (100, [("process died", 13)])


def test_a_folder_is_put_back_before_every_input() -> None:
    folder = Folder({"a": b"1", "b/c": b"2"})
    folder.put({"a": b"x", "d/e": b"y"})
    folder.remove("b/c")
    path = folder.put({})
    assert {p.relative_to(path).as_posix(): p.read_bytes() for p in path.rglob("*") if p.is_file()} == {
        "a": b"1",
        "b/c": b"2",
    }


def test_outer_syntax_is_judged_by_the_name() -> None:
    assert syntax_is_sound({"a.json": b"[1]", "b.toml": b"a = 1", "c.md": "é".encode()})
    for files in ({"a.json": b"[1"}, {"b.toml": b"a ="}, {"c.md": b"\xff"}, {"b.toml": b"a = " + b"9" * 5000}):
        assert not syntax_is_sound(files)
