"""examples/null_rate.py counts right, finds a p that is too small too often, and runs on models it made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forebear.core.seeds import generator
from tests.house.references import ROOT
from tests.loaded import module_from

KEY = ("mine", "neurons", "", "", "")


@pytest.fixture(scope="module")
def tool() -> Any:
    return module_from(ROOT / "examples" / "null_rate.py")


def test_a_valid_p_passes_and_one_ten_times_too_small_does_not(tool: Any) -> None:
    honest = list(np.log10(generator("tests/house/null_rate", "honest").random(40)))
    lines, alarm = tool.judged({KEY: honest}, {KEY: honest}, {KEY: [-9.0, -1.0]})
    assert not alarm
    assert lines[0].startswith("mine neurons\n")
    assert "relatives at 0.001: 1 of 2" in lines[0]
    small = [value - 1 for value in honest]
    assert tool.judged({KEY: small}, {KEY: small}, {})[1]


@pytest.mark.parametrize(("pairs", "level", "most"), [(12, 0.1, 5), (12, 0.001, 1), (1, 0.01, 1), (0, 0.1, 0)])
def test_what_a_level_may_exceed_once_in_a_thousand(tool: Any, pairs: int, level: float, most: int) -> None:
    assert tool.at_most(pairs, level) == most


def test_it_runs_on_models_it_makes(tool: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("safetensors")
    assert tool.main([str(tmp_path), "--make", "2", "--steps", "2", "--test", "deck"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("2 independents: 1 pairs that use none twice, 1 compared; 1 relatives")
    assert "deck neurons\n    p ≤ 0.1: 0 of 1 (at most 1)" in said
    with pytest.raises(SystemExit):
        tool.main([str(tmp_path), "--test", "nobody"])
    assert "is its package installed" in capsys.readouterr().err
