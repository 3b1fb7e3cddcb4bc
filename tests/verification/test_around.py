"""The action, the hook and the image use options that there are, and the action's script runs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main
import yaml

from forebear.cli.application import app
from forebear.comparison.demo import demo_folder

ROOT = Path(__file__).resolve().parents[2]
OPTIONS = {word for p in typer.main.get_command(app).commands["verify"].params for word in p.opts}


def steps():
    return yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))["runs"]["steps"]


def test_the_hook_and_the_action_name_options_that_there_are():
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    words = re.findall(r"(?<![\w-])--?[a-z][a-z-]*", f"{hook['entry']} {steps()[-1]['run']}")
    assert {"--expect", "--card", "--bom", "--against", "--format", "-o"} <= set(words)
    assert {w for w in words if w not in OPTIONS} <= {"-z", "-r"}
    wanted = re.compile(hook["files"])
    assert wanted.search("model/README.md")
    assert not wanted.search("model/README.txt")


@pytest.mark.parametrize(("layers", "code"), [(4, 0), (47, 1)])
def test_the_script_of_the_action_runs_and_no_input_is_read_as_a_command(tmp_path, layers, code):
    model = tmp_path / "a model; touch hacked"
    shutil.copytree(demo_folder() / "base", model)
    (model / "README.md").write_text(f"---\nbase_model: base\n---\n- Layers: {layers}\n", "utf-8")
    (tmp_path / "forebear").write_text(f'#!/bin/sh\nexec {sys.executable} -P -m forebear "$@"\n', "utf-8")
    (tmp_path / "forebear").chmod(0o755)
    inputs = {"CHECKPOINT": str(model), "CARD": "", "BOM": "", "AGAINST": f"base={demo_folder() / 'base'}\n",
              "EXPECT": "not-contradicted", "SARIF": "out.sarif"}  # fmt: skip
    env = {**os.environ, **inputs, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["bash", "-e", "-c", steps()[-1]["run"]], cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    levels = {r["level"] for r in json.loads((tmp_path / "out.sarif").read_bytes())["runs"][0]["results"]}
    assert ("error" in levels) is bool(code)
    assert not (tmp_path / "hacked").exists()


def test_inputs_reach_the_shell_as_variables_alone():
    for step in steps():
        assert "${{" not in step.get("run", "")


def test_the_image_copies_files_that_there_are():
    for line in (ROOT / "Dockerfile").read_text("utf-8").splitlines():
        if line.startswith("COPY "):
            assert all((ROOT / name).exists() for name in line.split()[1:-1]), line
