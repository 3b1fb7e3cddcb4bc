"""What LanceDB adds to a store: what it refuses, what verify rebuilds there, and search by its own index of signs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import forebear
from forebear.core.errors import RefusedError
from forebear.engines import absent
from forebear.engines import lancedb as engine
from forebear.engines.opening import is_begun, open_store
from forebear.library.fingerprint import fingerprint
from forebear.library.search import search_store
from tests.library.models import arrays, write

lancedb = pytest.importorskip("lancedb", reason="the extra engines is not installed")


@pytest.fixture(scope="module")
def prints(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return [
        replace(fingerprint(write(folder / f"m{n}", arrays(n))).one, entry={"names": [f"it's {n}"], "sources": [], "bases": []})
        for n in range(6)
    ]


@pytest.fixture
def store(tmp_path, prints):
    made = open_store(f"lance:{tmp_path / 'known'}", make=True)
    for one in prints:
        made.add(one)
    return made


def test_the_verbs_take_its_address(tmp_path):
    write(tmp_path / "m", arrays(1))
    into = f"lance:{tmp_path / 'known'}"
    assert forebear.library_add([tmp_path / "m"], into=into)["outcomes"] == {"added": 1}
    assert forebear.library_add([tmp_path / "m"], into=into)["outcomes"] == {"known": 1}
    found = forebear.library_search(tmp_path / "m", library=into)
    assert found["reproduce"].endswith(f"--library {into} --top 20")
    assert [item["name"] for item in forebear.library_list(library=into)["items"]] == ["m"]
    assert not (tmp_path / into).exists()


def test_a_folder_without_a_library_is_refused_and_nothing_is_made(tmp_path):
    with pytest.raises(RefusedError, match="no library of LanceDB"):
        open_store(f"lance:{tmp_path / 'absent'}")
    assert not is_begun(f"lance:{tmp_path / 'absent'}")
    assert not (tmp_path / "absent").exists()


def test_paths_that_hold_no_model_make_no_library(tmp_path):
    (tmp_path / "note.txt").write_text("no model")
    into = f"lance:{tmp_path / 'known'}"
    with pytest.raises(RefusedError):
        forebear.library_add([tmp_path / "note.txt"], into=into)
    assert not (tmp_path / "known").exists()
    write(tmp_path / "m", arrays(1))
    forebear.library_add([tmp_path / "m"], into=into)
    assert is_begun(into)


def test_a_library_from_the_future_is_refused(store, tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "VERSION", b"0")
    with pytest.raises(RefusedError, match="version b'1'"):
        open_store(f"lance:{tmp_path / 'known'}")


def test_names_are_texts_and_never_conditions(store, prints):
    assert store.named("it's 3") == [prints[3].id]
    assert store.named("x') OR true --") == []
    assert store.remove(["x') OR true --"]) == 0
    assert store.count() == 6


def test_a_column_that_does_not_agree_with_its_print_is_made_again(store, prints):
    store._table.update(where=f"id = '{prints[2].id}'", values={"names": ["another"], "handle": 5})
    assert store.named("another") == [prints[2].id]
    assert [(fault.said.key, fault.repaired) for fault in store.verify()] == [("library.entry_rebuilt", True)]
    assert store.named("it's 2") == [prints[2].id]
    assert store.verify() == []


def test_a_damaged_print_is_lost_and_named(store, prints):
    whole = store._found(f"id = '{prints[1].id}'", ["print"])[0]["print"]
    torn = bytearray(whole)
    torn[len(torn) // 2] ^= 1
    store._table.update(where=f"id = '{prints[1].id}'", values={"print": bytes(torn)})
    with pytest.raises(RefusedError, match="digest does not fit"):
        store.get(prints[1].id)
    assert [(fault.where, fault.said.key, fault.repaired) for fault in store.verify()] == [("it's 1", "library.print_lost", False)]
    assert store.count() == 5
    assert search_store(store, prints[1], 5).hits == []


def test_its_own_index_proposes_and_the_screens_decide(store, prints, monkeypatch):
    exact = search_store(store, prints[4], 5, rewritten=True)
    monkeypatch.setattr(engine, "LARGE", 1)
    monkeypatch.setattr(engine, "INDEXED_FROM", 1)
    store.compact()
    found = search_store(store, prints[4], 5, rewritten=True)
    assert [(hit.id, hit.figure) for hit in found.hits] == [(hit.id, hit.figure) for hit in exact.hits]
    assert (found.screens, [limit.key for limit in found.limits]) == (6, ["library_index.passed"])
    store.add(replace(prints[0], entry={"names": ["again"], "sources": [], "bases": []}))
    assert store.named("again") == [prints[0].id]
    assert store.by_digest(prints[0].arrays["digests"][:2].reshape(-1)) == {
        prints[0].id: set(np.asarray(prints[0].arrays["digests"][:2]).reshape(-1).tolist())
    }


def test_many_additions_are_put_together(store, prints, monkeypatch):
    monkeypatch.setattr(engine, "PIECES", 2)
    for one in prints:
        store.add(one)
    assert store.count() == 6
    assert store.verify() == []


def test_without_the_package_it_says_what_to_install(tmp_path, monkeypatch):
    def gone(name):
        raise ImportError(name)

    monkeypatch.setattr(absent, "import_module", gone)
    with pytest.raises(RefusedError, match=r"needs the package lancedb.*forebear\[engines\]"):
        open_store(f"lance:{tmp_path / 'known'}", make=True)
    assert list(tmp_path.iterdir()) == []
