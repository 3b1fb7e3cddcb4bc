"""Prints by Ray's workers on this machine: the same as here, none lost or twice when a worker is killed, searched over shards."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path

import pytest

import forebear
from forebear.core.errors import RefusedError, UsageError
from forebear.engines import absent
from forebear.engines.opening import open_store
from forebear.engines.ray import cluster as begun
from forebear.engines.ray import made
from forebear.engines.work import print_packed, unpacked
from forebear.library.adding import Wanted, add_all
from forebear.library.fingerprint import fingerprint
from forebear.library.local_store import LocalStore
from forebear.library.search import search_store
from tests.library.models import arrays, write

ray = pytest.importorskip("ray", reason="the extra engines is not installed")


@pytest.fixture(scope="module")
def cluster():
    """One cluster for all tests: it takes seconds to begin."""
    with begun("tests"):
        yield
    assert not ray.is_initialized()


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return [str(write(folder / f"m{n}", arrays(n))) for n in range(8)]


def test_what_crosses_is_what_was_made(models, tmp_path):
    path, one, _, read, said = unpacked(print_packed(models[0], Wanted()))
    here = fingerprint(models[0])
    assert (path, one.content(), read) == (models[0], here.one.content(), here.read)
    assert said == [limit.document() for limit in here.limits]
    (tmp_path / "m.safetensors").write_bytes(b"no model")
    _, refused, *_ = unpacked(print_packed(str(tmp_path / "m.safetensors"), Wanted()))
    with pytest.raises(RefusedError) as error:
        fingerprint(tmp_path / "m.safetensors")
    assert isinstance(refused, RefusedError)
    assert (str(refused), refused.message().document()) == (str(error.value), error.value.message().document())


def test_a_library_made_by_workers_is_the_one_made_here(cluster, models, tmp_path):
    (tmp_path / "bad.safetensors").write_bytes(b"no model")
    wanted = [*models[:4], str(tmp_path / "bad.safetensors")]
    found = forebear.library_add(wanted, into=tmp_path / "ray", engine="ray")
    assert found["outcomes"] == {"added": 4, "refused": 1}
    assert [item["outcome"] for item in found["items"]] == ["added"] * 4 + ["refused"]
    assert "--engine ray" in found["reproduce"]
    forebear.library_add(wanted, into=tmp_path / "here")
    a, b = LocalStore(tmp_path / "ray"), LocalStore(tmp_path / "here")
    assert list(a.idents()) == list(b.idents())
    assert all(a.get(ident).content() == b.get(ident).content() for ident in a.idents())
    assert forebear.library_add(wanted[:4], into=tmp_path / "ray", engine="ray")["outcomes"] == {"known": 4}


def test_a_killed_worker_costs_nothing(cluster, models, tmp_path, capsys):
    """Three items kill the worker that is at them, once each; Ray gives them to another."""
    deadly, marks = set(models[1:6:2]), tmp_path

    def work(path, wanted):
        mark = marks / Path(path).name
        if path in deadly and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return print_packed(path, wanted)

    store = LocalStore(tmp_path / "store", make=True)
    rows = add_all(store, models, Wanted(), partial(made, work=work))
    assert len(list(tmp_path.glob("m*"))) == 3
    assert [row["outcome"] for row in rows] == ["added"] * 8
    assert store.count() == 8
    assert store.verify() == []
    assert capsys.readouterr().out == ""


def test_an_item_that_kills_every_worker_costs_itself_only_and_is_made_later(cluster, models, tmp_path):
    deadly = models[2]

    def work(path, wanted):
        if path == deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        return print_packed(path, wanted)

    store = LocalStore(tmp_path / "store", make=True)
    rows = add_all(store, models[:4], Wanted(), partial(made, work=work))
    assert [row["outcome"] for row in rows] == ["added", "added", "refused", "added"]
    assert rows[2]["error"].document()["values"]["what"]["key"] == "engine_refused.lost"
    assert [row["outcome"] for row in add_all(store, models[:4], Wanted(), made)] == ["known", "known", "added", "known"]


def test_a_fault_of_ours_is_no_refusal(cluster, models, tmp_path):
    def work(path, wanted):
        raise ZeroDivisionError(path)

    with pytest.raises(ZeroDivisionError):
        add_all(LocalStore(tmp_path / "store", make=True), models[:1], Wanted(), partial(made, work=work))


def test_shards_are_searched_as_one(cluster, models, tmp_path):
    for number, some in enumerate((models[:3], models[3:5], models[5:])):
        forebear.library_add(some, into=tmp_path / "all" / f"part{number}")
    forebear.library_add(models, into=tmp_path / "one")
    subject = fingerprint(models[4]).one
    whole = search_store(LocalStore(tmp_path / "one"), subject, 8, rewritten=True)
    for address in ("shards", "ray"):
        store = open_store(f"{address}:{tmp_path / 'all'}")
        found = search_store(store, subject, 8, rewritten=True)
        assert (found.models, found.screens) == (8, 8)
        assert [(hit.id, hit.relation, hit.corrected_log10_p, hit.figure) for hit in found.hits] == [
            (hit.id, hit.relation, hit.corrected_log10_p, hit.figure) for hit in whole.hits
        ]
    document = forebear.library_search(models[4], library=f"ray:{tmp_path / 'all'}", top=1)
    assert document["searched"]["screens"] == 8
    with pytest.raises(RefusedError, match="several libraries"):
        forebear.library_add([write(tmp_path / "new", arrays("new"))], into=f"shards:{tmp_path / 'all'}")


def test_without_the_package_it_says_what_to_install(models, tmp_path, monkeypatch):
    def gone(name):
        raise ImportError(name)

    monkeypatch.setattr(absent, "import_module", gone)
    with pytest.raises(RefusedError, match=r"needs the package ray.*forebear\[engines\]"):
        forebear.library_add([models[0]], into=tmp_path / "known", engine="ray")


def test_an_unknown_engine_is_a_usage_error(models, tmp_path):
    with pytest.raises(UsageError, match="is no engine"):
        forebear.library_add([models[0]], into=tmp_path / "known", engine="spark")
    assert not (tmp_path / "known").exists()
