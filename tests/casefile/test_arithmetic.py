"""Parameter counts from a configuration alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from forebear.casefile.claims.arithmetic import Sizes, grown, load_config, sizes_of, solved
from forebear.core.errors import RefusedError
from forebear.files.sources import open_container

BASE = Sizes(layers=80, width=8192, mlp=24576, heads=64, groups=8, head=128, tokens=150_000)


@pytest.mark.parametrize("name", ["base", "descendant"])
def test_the_count_of_a_demo_checkpoint_is_the_count_of_its_tensors(name: str) -> None:
    folder = Path("forebear/demo_data") / name
    with_file = open_container(folder)
    stored = sum(t.parameters for t in with_file.tensors.values())
    assert sizes_of(load_config(folder)).parameters() == stored


def test_experts_are_counted_with_their_router() -> None:
    dense = Sizes(layers=1, width=8, mlp=16, heads=2, groups=2, head=4, tokens=10)
    sparse = Sizes(layers=1, width=8, mlp=16, heads=2, groups=2, head=4, tokens=10, experts=4)
    assert sparse.parameters() - dense.parameters() == 3 * (3 * 8 * 16) + 8 * 4


def test_a_wider_mlp_makes_a_count_and_its_steps_say_how_little_that_means() -> None:
    best, count, step = solved(BASE, "mlp", 135e9)
    assert best // 100 == 612
    assert abs(count - 135e9) <= step
    assert grown(BASE, {"mlp": best}).parameters() == count
    more, fewer, coarse = solved(grown(BASE, {"mlp": best}), "layers", 135e9)
    assert (more, fewer) == (BASE.layers, count)
    assert coarse > 500 * step
    assert solved(BASE, "mlp", 1e9)[0] == 1  # no width is small enough


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("{}", "declares no layers"),
        ('{"num_hidden_layers": true}', "not a count"),
        ("[]", "JSON object"),
        ("{", "not JSON"),
    ],
)
def test_a_configuration_that_says_nothing_usable_is_refused(tmp_path: Path, config: str, message: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(config, "utf-8")
    with pytest.raises(RefusedError, match=message):
        sizes_of(load_config(path))
