"""Names in the order of a person's list, where a shell wrote the list."""

from __future__ import annotations

import itertools
import json
import shutil
from pathlib import Path

import pytest

from forebear.cli.main import run
from forebear.comparison.demo import demo_folder
from forebear.core.natural import as_meant, natural


def test_numbers_in_names_go_by_their_size() -> None:
    names = ["m10", "m2", "m1", "step-9/b", "step-10/a"]
    assert sorted(names, key=natural) == ["m1", "m2", "m10", "step-9/b", "step-10/a"]


def test_only_the_order_of_a_pattern_is_put_right() -> None:
    names = ["m1", "m10", "m2"]
    for given in itertools.permutations(names):
        assert as_meant(list(given)) == (["m1", "m2", "m10"] if list(given) == names else list(given))
    assert as_meant("m10") == "m10"
    assert as_meant([]) == []


def test_candidates_of_a_pattern_stand_in_natural_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    candidates = [str(shutil.copytree(demo_folder() / "base", tmp_path / name)) for name in ("m1", "m10", "m2")]
    run(["compare", str(demo_folder() / "independent"), *candidates, "--format", "json", "--quiet"])
    pairs = json.loads(capsys.readouterr().out)["pairs"]
    assert [pair["candidate"].rpartition("/")[2] for pair in pairs] == ["m1", "m2", "m10"]
