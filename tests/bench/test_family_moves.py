"""The moves of the family audit leave the outputs of every class it audits, and bring a stranger nearer to the candidate."""

from __future__ import annotations

import numpy as np
import pytest

from bench import family_moves as moves
from bench.framed_anneal import temperatures
from forebear.stats.strength import strength
from tests.protocols.families import CASES
from tests.protocols.proof import Subject, write_subject

pytest.importorskip("torch")
pytest.importorskip("transformers")
AUDITED = [
    "olmo", "olmo2", "stablelm", "stablelm-12b", "cohere", "falcon-7b", "falcon-11b", "falcon-40b", "falcon-rw", "arcee", "glm4",
    "nemotron",
]  # fmt: skip
"""Classes of decision 0062."""
STAYS = 1e-5


@pytest.fixture(scope="module", params=AUDITED)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Subject, Subject]:
    case = next(case for case in CASES if case.name == request.param)
    folder = tmp_path_factory.mktemp("moves")
    one = write_subject(case, folder / "one")
    return one, write_subject(case, folder / "other", seed=12)


@pytest.mark.parametrize("cooled", [False, True], ids=["joint", "cooled"])
def test_an_aligned_stranger_keeps_its_outputs_and_is_nearer(pair: tuple[Subject, Subject], cooled: bool) -> None:
    one, other = pair
    before, rule, _, _ = moves._opened(one.folder)
    there, _, _, _ = moves._opened(other.folder)
    arrays, config, _ = moves.framed(one.folder, other.folder, 5, cooled=cooled)
    assert Subject(one.case, one.folder, arrays, config, one.outputs).moved(arrays) <= STAYS
    after = moves._reopened(arrays, config)
    s = [
        [strength(a, b) for a, b in zip(moves._layers(m, rule), moves._layers(there, rule), strict=True)]
        for m in (before, after)
    ]
    assert np.mean(s[1]) > np.mean(s[0]) + 0.1


@pytest.mark.parametrize("move", ["rewritten", "permuted"])
def test_a_move_keeps_the_outputs_and_moves_the_values(pair: tuple[Subject, Subject], move: str) -> None:
    one, _ = pair
    arrays, config, _ = getattr(moves, move)(one.folder, 3)
    assert Subject(one.case, one.folder, arrays, config, one.outputs).moved(arrays) <= STAYS
    assert not np.array_equal(arrays[next(n for n in arrays if "embed" in n)], one.arrays[next(n for n in one.arrays if "embed" in n)])


def test_temperatures_fall() -> None:
    found = temperatures()
    assert found == sorted(found, reverse=True)
    assert found[0] > 10 * found[-1]
