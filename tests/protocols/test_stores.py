"""What every engine that keeps a library does, whichever it is (forebear.library.store.Store)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from forebear.core.errors import RefusedError
from forebear.engines.opening import open_store
from forebear.library.fingerprint import fingerprint
from forebear.library.local_store import LocalStore
from forebear.library.prints import pack
from forebear.library.search import search_store
from forebear.library.store import Store
from tests.library.models import arrays, write


def local(folder):
    return LocalStore(folder / "store", make=True)


def lance(folder):
    for name in ("lancedb", "pyarrow"):
        pytest.importorskip(name, reason="the extra engines is not installed")
    return open_store(f"lance:{folder / 'store'}", make=True)


ENGINES = {"local": local, "lance": lance}


@pytest.fixture(scope="module")
def prints(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    out = []
    for n in range(4):
        one = fingerprint(write(folder / f"m{n}", arrays(n))).one
        source = {"key": f"file:{n}", "where": "somewhere", "size": 10 + n, "changed": 20 + n, "header": f"h{n}"}
        out.append(replace(one, entry={"names": [f"m{n}"], "sources": [source], "bases": ["org/base"], "config": None}))
    return out


@pytest.fixture(params=ENGINES)
def store(request, tmp_path):
    made = ENGINES[request.param](tmp_path)
    yield made
    made.close()


def test_it_is_a_store(store):
    assert isinstance(store, Store)
    assert store.count() == 0
    assert list(store.idents()) == []


def test_what_was_added_is_there_bit_for_bit(store, prints):
    assert [store.add(one) for one in prints] == [True] * 4
    assert list(store.idents()) == sorted(one.id for one in prints)
    for one in prints:
        assert pack(store.get(one.id)) == pack(one)
    assert store.count(screened=True) == 4


def test_the_same_content_under_another_name_is_joined(store, prints):
    store.add(prints[0])
    assert not store.add(
        replace(prints[0], entry={"names": ["again"], "sources": [{"key": "file:again"}], "bases": []})
    )
    joined = store.get(prints[0].id)
    assert joined.entry["names"] == ["m0", "again"]
    assert [source["key"] for source in joined.entry["sources"]] == ["file:0", "file:again"]
    assert store.count() == 1
    assert store.named("again") == store.named("m0") == [prints[0].id]


def test_a_source_leads_to_its_print_and_moves_with_its_content(store, prints):
    store.add(prints[0])
    known = store.source("file:0")
    assert (known["id"], known["size"], known["changed"], known["header"]) == (prints[0].id, 10, 20, "h0")
    assert store.source("file:9") is None
    store.add(replace(prints[1], entry=prints[0].entry))
    assert store.source("file:0")["id"] == prints[1].id
    assert store.get(prints[0].id).entry["sources"] == []
    assert store.verify() == []


def test_digests_lead_to_models(store, prints):
    for one in prints:
        store.add(one)
    some = np.concatenate(
        [
            prints[1].arrays["digests"].reshape(-1)[:3],
            prints[2].arrays["digests"].reshape(-1)[:1],
            [np.uint64(2**64 - 1)],
        ]
    )
    found = store.by_digest(some)
    assert {ident: len(values) for ident, values in found.items()} == {prints[1].id: 3, prints[2].id: 1}


def test_rows_are_the_screens_and_lead_back(store, prints):
    for one in prints:
        store.add(one)
    seen = {}
    for rows in store.rows():
        for at, handle in enumerate(rows.handles):
            seen[store.ident(int(handle))] = (
                rows.screens[at].tolist(),
                rows.anchors[at].tolist(),
                float(rows.norms[at]),
            )
    for one in prints:
        screen = one.arrays["screen"][0]
        assert seen[one.id][0] == screen.tolist()
        assert seen[one.id][2] == pytest.approx(float(np.linalg.norm(screen.astype(float))), rel=1e-5)


def test_what_was_removed_is_gone_and_its_room_comes_back(store, prints):
    for one in prints:
        store.add(one)
    assert store.remove([prints[1].id, "0" * 64]) == 1
    assert prints[1].id not in list(store.idents())
    with pytest.raises(RefusedError):
        store.get(prints[1].id)
    assert not store.by_digest(prints[1].arrays["digests"])
    assert store.source("file:1") is None
    assert search_store(store, prints[1], 5).hits == []
    store.compact()
    assert store.count(screened=True) == 3
    assert store.verify() == []
    assert search_store(store, prints[3], 5).hits[0].id == prints[3].id


def test_search_finds_the_one_and_says_how_many_it_looked_at(store, prints):
    for one in prints:
        store.add(one)
    found = search_store(store, prints[2], 5)
    assert [(hit.id, hit.relation) for hit in found.hits] == [(prints[2].id, "same-values")]
    assert (found.models, found.screens) == (4, 4)
    assert search_store(store, prints[2], 5, without=prints[2].id).hits == []


def test_a_print_that_is_not_there_is_refused(store):
    with pytest.raises(RefusedError):
        store.get("0" * 64)
