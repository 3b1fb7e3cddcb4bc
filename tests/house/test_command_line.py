"""Exit codes and errors of the command line: one line that says what, where, what to do; never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from forebear.comparison.demo import demo_folder
from forebear.core.documents import problems_of
from tests.said import said

ROOT = Path(__file__).resolve().parent.parent.parent


def run(*words: object, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "forebear.cli", *(str(w) for w in words)]
    env = {**os.environ, "NO_COLOR": "1"}
    env.pop("FOREBEAR_DEBUG", None)
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, cwd=ROOT, env=env, check=False)


def refused(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("forebear: ")
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""
    for word in words:
        assert word in done.stderr


@pytest.fixture
def base() -> Path:
    return demo_folder() / "base"


def test_the_demo_prints_both_conclusions_and_with_detail_both_verdicts(base):
    done = run("demo")
    assert done.returncode == 0
    assert done.stdout.startswith("descendant and base share weights")
    assert "No sign was found that descendant and independent share weights." in done.stdout
    assert "RELATED" not in done.stdout
    detailed = run("demo", "--detail").stdout
    assert "RELATED" in detailed
    assert "NO EVIDENCE" in detailed


def test_the_demo_leaves_its_checkpoints_and_replaces_nothing_else(tmp_path):
    assert run("demo", "--into", tmp_path / "demo", "--brief").returncode == 0
    assert run("demo", "--into", tmp_path / "demo", "--brief").returncode == 0
    (tmp_path / "demo" / "base" / "config.json").write_text("{}", "utf-8")
    refused(run("demo", "--into", tmp_path / "demo"), 3, "is there and is no checkpoint of the demo")
    assert (tmp_path / "demo" / "base" / "config.json").read_text("utf-8") == "{}"


def test_json_fits_its_schema_and_stdout_holds_nothing_else(base):
    done = run("compare", base, base, "--format", "json")
    assert done.returncode == 0
    assert problems_of(json.loads(done.stdout)) == []


def test_an_expectation_that_is_met_exits_0_and_one_that_is_not_exits_1_with_the_result_whole(base):
    assert run("compare", base, base, "--expect", "related").returncode == 0
    done = run("compare", demo_folder() / "independent", base, "--expect", "related")
    assert done.returncode == 1
    assert "NO EVIDENCE" in done.stdout
    assert "expected related" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("compare",),
        ("compare", "x"),
        ("nonsense",),
        ("compare", "a", "b", "--budget", "much"),
        ("compare", "a", "b", "--expect", "kin"),
        ("compare", "a", "b", "--full", "--budget", "1MiB"),
        ("inspect",),
        ("compare", "a", "b", "--format", "pdf"),
    ],
)
def test_wrong_words_exit_2(words):
    refused(run(*words), 2)


def test_a_missing_file_and_a_folder_without_weights_exit_3(base, tmp_path):
    refused(run("compare", tmp_path / "nothing", base), 3, "nothing")
    refused(run("inspect", tmp_path), 3, str(tmp_path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission_exits_3(base, tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes((base / "model.safetensors").read_bytes())
    path.chmod(0)
    refused(run("inspect", path), 3)


def test_a_truncated_file_a_long_header_and_a_symlink_loop_exit_3(base, tmp_path):
    data = (base / "model.safetensors").read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(data[:-100])
    (tmp_path / "long.safetensors").write_bytes((2**40).to_bytes(8, "little") + data[8:])
    (tmp_path / "loop.safetensors").symlink_to(tmp_path / "loop.safetensors")
    for name in ("cut", "long", "loop"):
        refused(run("compare", tmp_path / f"{name}.safetensors", base), 3, f"{name}.safetensors")


def test_an_output_that_cannot_be_written_exits_3_and_leaves_nothing(base, tmp_path):
    refused(run("inspect", base, "-o", tmp_path / "missing" / "x.json"), 3, "cannot be written")
    assert list(tmp_path.iterdir()) == []


def _tiny(folder: Path, arrays: dict[str, np.ndarray]) -> Path:
    folder.mkdir()
    save_file(arrays, folder / "model.safetensors")
    return folder


def test_incomparable_and_odd_checkpoints_get_a_verdict_that_says_why(base, tmp_path):
    rng = np.random.default_rng(1)
    odd = {
        "unknown": {"w": rng.standard_normal((50, 30)).astype(np.float32)},
        "constant": {"w": np.zeros((50, 30), np.float32), "b": np.ones(4, np.float32)},
        "empty": {"w": np.zeros((0, 4), np.float32), "s": np.array(3.0, np.float32)},
        "hostile": {"a\x1b[31m[bold red]<script>\u202e": rng.standard_normal((9, 9)).astype(np.float32)},
    }
    for name, arrays in odd.items():
        folder = _tiny(tmp_path / name, arrays)
        done = run("compare", folder, base)
        assert done.returncode == 0, done.stderr
        assert "CANNOT TELL" in done.stdout
        assert "What could not be done" in done.stdout
        seen = run("inspect", folder, "--full")
        assert seen.returncode == 0, seen.stderr
        assert "\x1b" not in seen.stdout


def test_nan_and_infinity_do_not_stop_a_comparison(base, tmp_path):
    from tests.comparison.variants import load, save

    arrays = load(base)
    for name, value in ((n, v) for n, v in arrays.items() if v.ndim == 2):
        value[:3] = np.nan
        value[3:5] = np.inf
        arrays[name] = value
    done = run("compare", save(tmp_path / "nan", arrays, base), base, "--format", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["verdict"]["relation"] == "related"


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, 0.25])
def test_weights_that_say_nothing_cannot_tell_and_the_reason_is_given(base, tmp_path, value):
    from tests.comparison.variants import load, save

    arrays = {n: np.full_like(v, value) for n, v in load(base).items()}
    done = run("compare", save(tmp_path / "flat", arrays, base), base, "--format", "json")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    document = json.loads(done.stdout)
    assert document["verdict"]["relation"] == "cannot-tell"
    assert any("constant, zero or not finite" in s for s in said(document["limits"]))
