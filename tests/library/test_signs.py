"""The index of signs: it proposes what the screens would, its file agrees with them or goes, and rows it covers are not used again."""

from __future__ import annotations

import numpy as np
import pytest

from forebear.core.seeds import generator
from forebear.library import local_store
from forebear.library.evening import ANCHOR_NUMBERS
from forebear.library.fingerprint import fingerprint
from forebear.library.local_store import LocalStore
from forebear.library.prints import SCREEN_NUMBERS
from forebear.library.search import search_store
from forebear.library.signs import SCREEN_WORDS, WORDS, asked, differing, fewest, signs
from tests.library.models import arrays, write


@pytest.fixture(scope="module")
def prints(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return [fingerprint(write(folder / f"m{n}", arrays(n))).one for n in range(6)]


@pytest.fixture
def store(tmp_path, prints, monkeypatch):
    monkeypatch.setattr(local_store, "LARGE", 2)
    made = LocalStore(tmp_path / "store", make=True)
    for one in prints[:5]:
        made.add(one)
    return made


def drawn(count, seed="signs"):
    rng = generator("tests/library/signs", seed)
    return rng.integers(-127, 128, (count, SCREEN_NUMBERS), dtype=np.int8), rng.integers(-127, 128, (count, ANCHOR_NUMBERS), dtype=np.int8)


def test_signs_differ_in_as_many_places_as_the_numbers_do():
    screens, anchors = drawn(9000)
    wanted = asked(screens[8500], anchors[8500])
    screen, anchor = differing(signs(screens, anchors), wanted)
    filled = np.where(screens[8500] == 0, np.arange(SCREEN_NUMBERS) < 0, screens[8500] > 0)
    zero = np.flatnonzero(screens[8500] == 0)[::2]
    filled[zero] = True
    assert screen.tolist() == ((screens > 0) != filled).sum(axis=1).tolist()
    assert anchor[8500] == len(np.flatnonzero(anchors[8500] == 0)[::2])
    assert 8500 in fewest(screen, 3).tolist()
    assert len(fewest(screen, 3)) == 3
    assert fewest(screen[:2], 3).tolist() == [0, 1]


def test_a_part_that_both_lack_agrees_as_often_as_strangers_do():
    screens, anchors = drawn(2, "lack")
    screens[:, 484:605] = 0
    counted = np.bitwise_count((signs(screens, anchors) ^ asked(screens[1], anchors[1]))[:, :SCREEN_WORDS]).sum(axis=1)
    assert counted[1] == -(-(screens[1] == 0).sum() // 2)
    assert 61 <= counted[1] <= 66


def test_search_by_signs_finds_what_reading_everything_finds(store, prints):
    exact = [search_store(store, one, 5, rewritten=True) for one in prints]
    store.compact()
    assert (store.folder / "signs-1.bin").stat().st_size == 5 * WORDS * 8
    store.add(prints[5])  # after the index: looked at all the same
    for one, before in zip(prints, exact, strict=True):
        found = search_store(store, one, 5, rewritten=True)
        assert found.hits[0].id == one.id
        assert (found.screens, [limit.key for limit in found.limits]) == (6, ["library_index.passed"])
        if one is not prints[5]:
            known = {hit.id: hit.figure for hit in before.hits}
            assert all(known[hit.id] == hit.figure for hit in found.hits if hit.id in known)


def test_a_row_that_the_index_covers_is_not_used_again(store, prints):
    store.compact()
    last = [ident for ident in store.idents() if store.ident(4) == ident]
    store.remove(last)
    store.add(prints[5])
    assert store.ident(5) == prints[5].id
    assert search_store(store, prints[5], 5).hits[0].id == prints[5].id
    assert store.verify() == []


def test_an_index_that_does_not_agree_is_taken_away_and_written_again(store, prints):
    store.compact()
    path = store.folder / "signs-1.bin"
    data = bytearray(path.read_bytes())
    data[17] ^= 8
    path.write_bytes(data)
    assert [(fault.where, fault.said.key) for fault in store.verify()] == [("signs-1.bin", "library_index.dropped")]
    assert not path.exists()
    assert search_store(store, prints[0], 5).hits[0].id == prints[0].id
    store.compact()
    assert [path.name for path in store.folder.glob("signs-*.bin")] == ["signs-2.bin"]
    assert store.verify() == []


@pytest.mark.parametrize("length", [0, 1, 135, 6 * 136])
def test_an_index_of_another_length_is_not_believed(store, prints, length):
    store.compact()
    path = store.folder / "signs-1.bin"
    path.write_bytes(bytes(length))
    assert search_store(store, prints[0], 5).hits[0].id == prints[0].id
    assert [fault.said.key for fault in store.verify()] == ["library_index.dropped"]
