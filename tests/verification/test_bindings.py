"""Numbers of code are bound to keys by tokens, in whatever language."""

from __future__ import annotations

import pytest

from forebear.verification.readers.card import claims_of_card
from forebear.verification.readers.code import Code


def stated(line: str) -> list[tuple[str, str]]:
    """Kinds and values that a line of code states."""
    return [(kind, value) for kind, value, _ in Code().read(line)]


@pytest.mark.parametrize(
    "line",
    [
        "let n_layers = 7u32", "num_layers: Some(7),", "config.setNumLayers(7);", "local n_layers = 7", "n_layers <- 7L", "#define N_LAYERS (7)",
        'parser.add_argument("--n-layers", type=int, default=7)', 'n_layers = int(os.environ.get("N_LAYERS", 7))', "{num_layers, 7},",
        "<num_layers>7</num_layers>", '<property name="numLayers" value="7"/>', "7,  // number of layers", "n_layers, foo = 7, 3", ":n_layers 7",
    ],
)  # fmt: skip
def test_a_setting_is_read_in_many_languages(line: str) -> None:
    assert ("layers", "7") in stated(line)


@pytest.mark.parametrize(
    "line",
    ["if n_layers == 7:", "n_layers = [7, 9]", "x.n_layers(7, 9)", "x.reshape(heads, 64)", "vision.n_layers = 7", "for i in range(n_layers, 7)"],
)
def test_what_sets_nothing_binds_nothing(line: str) -> None:
    assert stated(line) == []


def test_settings_in_a_row_and_humps_of_labels_are_read() -> None:
    claims, _ = claims_of_card("# X\n\nlayers=7 hidden=72 heads=6\n\n| name | value |\n|---|---|\n| numHeads | 6 |\n", "README.md")
    assert {(c.kind, c.stated) for c in claims} == {("layers", "7"), ("width", "72"), ("heads", "6")}
