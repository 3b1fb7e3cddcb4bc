"""Whatever happens to the files of a library: nothing finished is lost, nothing false is returned, and what is torn is named."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest

import forebear
from forebear.core.errors import ForebearError, RefusedError, UsageError
from forebear.library.fingerprint import fingerprint
from forebear.library.local_store import LocalStore
from forebear.library.search import search_store
from tests.library.models import arrays, write


@pytest.fixture(scope="module")
def prints(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    made = [fingerprint(write(folder / f"m{n}", arrays(n))).one for n in range(5)]
    return [
        replace(one, entry={"names": [f"m{n}"], "sources": [{"key": f"file:{n}"}], "bases": []})
        for n, one in enumerate(made)
    ]


@pytest.fixture
def folder(tmp_path, prints):
    store = LocalStore(tmp_path / "lib", make=True)
    for one in prints:
        store.add(one)
    return tmp_path / "lib"


def whole(folder, prints):
    """Everything is there and right, and verify says so."""
    store = LocalStore(folder)
    assert store.verify() == []
    assert list(store.idents()) == sorted(one.id for one in prints)
    for one in prints:
        assert store.get(one.id).content() == one.content()
        assert search_store(store, one, 3).hits[0].id == one.id


@pytest.mark.parametrize("damage", ["junk head", "cut", "gone", "zeros inside", "old version"])
def test_a_torn_catalogue_is_named_and_made_again(folder, prints, damage):
    path = folder / "catalogue.sqlite"
    if damage == "gone":
        path.unlink()
    elif damage == "old version":
        import sqlite3

        with sqlite3.connect(path) as db:
            db.execute("PRAGMA user_version = 0")
    else:
        data = bytearray(path.read_bytes())
        if damage == "cut":
            data = data[: len(data) // 2]
        start, count = (0, 64) if damage == "junk head" else (4096, 8192)
        data[start : start + count] = bytes(len(data[start : start + count]))
        path.write_bytes(data)
        if damage != "zeros inside":  # which pages a query meets is SQLite's affair
            with pytest.raises(RefusedError, match="library verify"):
                list(LocalStore(folder).idents())
    faults = LocalStore(folder, check=False).verify()
    assert faults
    assert faults[0].where == "catalogue.sqlite"
    assert all(fault.repaired for fault in faults)
    whole(folder, prints)


def test_a_torn_screen_is_named_and_made_again(folder, prints):
    path = next(folder.glob("screens-*.bin"))
    data = bytearray(path.read_bytes())
    data[2 * 1024 + 17] ^= 8
    path.write_bytes(data[:-512])
    faults = LocalStore(folder).verify()
    assert sorted((fault.where, fault.said.values["name"]) for fault in faults) == [
        (path.name, "m2"),
        (path.name, "m4"),
    ]
    whole(folder, prints)


def test_a_torn_print_is_named_and_lost_and_no_other(folder, prints):
    path = next(folder.rglob(f"{prints[1].id}.fbp"))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    store = LocalStore(folder)
    assert prints[1].id not in [hit.id for hit in search_store(store, prints[1], 5).hits]
    faults = store.verify()
    assert [(f.repaired, f.said.key) for f in faults] == [(False, "library.print_lost"), (False, "library.print_lost")]
    whole(folder, [one for one in prints if one is not prints[1]])


@pytest.mark.parametrize("seed", range(8))
def test_a_flipped_bit_anywhere_returns_nothing_false(folder, prints, seed):
    rng = np.random.default_rng(seed)
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    path = paths[rng.integers(len(paths))]
    data = bytearray(path.read_bytes())
    data[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
    path.write_bytes(data)
    before = {one.id: one for one in prints}
    try:
        store = LocalStore(folder)
        for one in prints:
            for hit in search_store(store, one, 5).hits:
                assert store.get(hit.id).content() == before[hit.id].content()
                assert hit.id == one.id
    except ForebearError:
        pass  # said, not returned
    LocalStore(folder, check=False).verify()
    store = LocalStore(folder)
    assert store.verify() == []
    kept = list(store.idents())
    assert len(kept) >= len(prints) - 1
    for ident in kept:
        assert store.get(ident).content() == before[ident].content()


def test_a_later_version_is_refused_and_left_alone(folder):
    import sqlite3

    with sqlite3.connect(folder / "catalogue.sqlite") as db:
        db.execute("PRAGMA user_version = 3")
    before = (folder / "catalogue.sqlite").read_bytes()
    for verb in (lambda: LocalStore(folder), lambda: forebear.library_verify(library=folder)):
        with pytest.raises(RefusedError, match="version 3"):
            verb()
    assert (folder / "catalogue.sqlite").read_bytes() == before


def test_a_removal_that_was_not_finished_is_undone(folder, prints):
    path = next(folder.rglob(f"{prints[0].id}.fbp"))
    os.replace(path, path.with_suffix(".removed"))
    assert [fault.said.key for fault in LocalStore(folder).verify()] == ["library.removal_undone"]
    whole(folder, prints)


def test_two_writers_take_turns_and_readers_go_on(tmp_path, prints):
    LocalStore(tmp_path / "lib", make=True)
    failed = []

    def write_all(some):
        try:
            store = LocalStore(tmp_path / "lib")
            for one in some:
                store.add(one)
        except ForebearError as error:
            failed.append(error)

    def read_all():
        try:
            store = LocalStore(tmp_path / "lib")
            for _ in range(20):
                for ident in store.idents():
                    store.get(ident)
                search_store(store, prints[0], 3)
        except ForebearError as error:
            failed.append(error)

    threads = [threading.Thread(target=write_all, args=(prints[i:] + prints[:i],)) for i in (0, 2)] + [
        threading.Thread(target=read_all)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    whole(tmp_path / "lib", prints)


def test_a_folder_with_something_else_is_no_library(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(RefusedError, match="something else"):
        LocalStore(tmp_path, make=True)
    with pytest.raises(RefusedError, match="no library"):
        LocalStore(tmp_path / "absent")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


MAKING = """
import os, sqlite3, sys
from forebear.library.catalogue import _SCHEMA, VERSION
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA cache_size = 1")
db.execute("BEGIN IMMEDIATE")
done = [*_SCHEMA.strip().split(";"), f"PRAGMA user_version = {VERSION}", "INSERT INTO settings VALUES ('generation', 0)"]
for statement in done[: int(sys.argv[2])]:
    db.execute(statement)
db.execute("PRAGMA cache_spill = 1")
os._exit(9)
"""


@pytest.mark.parametrize("done", [0, 1, 3, 8])
def test_a_library_whose_making_was_killed_is_not_yet_one(tmp_path, done):
    """Nothing was finished, so nothing is damaged: it is read as no library and begun anew, journal and all."""
    lib = tmp_path / "lib"
    lib.mkdir()
    assert subprocess.run([sys.executable, "-c", MAKING, str(lib / "catalogue.sqlite"), str(done)]).returncode == 9
    assert (lib / "catalogue.sqlite").exists()
    with pytest.raises(RefusedError, match="no library"):
        LocalStore(lib)
    assert list(LocalStore(lib, make=True).idents()) == []
    assert LocalStore(lib).verify() == []


def test_an_empty_catalogue_beside_prints_is_damaged(tmp_path):
    write(tmp_path / "models" / "m", arrays(1))
    forebear.library_add([tmp_path / "models"], into=tmp_path / "lib")
    (tmp_path / "lib" / "catalogue.sqlite").write_bytes(b"")
    with pytest.raises(RefusedError, match="verify"):
        LocalStore(tmp_path / "lib", make=True)
    assert [fault.repaired for fault in LocalStore(tmp_path / "lib", check=False).verify()] == [True]
    assert len(list(LocalStore(tmp_path / "lib").idents())) == 1


ADDING = """
import sys
from pathlib import Path
import forebear
models = sorted(str(path) for path in Path(sys.argv[1]).iterdir())
print("ready", flush=True)
forebear.library_add(models, into=sys.argv[2])
forebear.library_remove([Path(models[0]).name], library=sys.argv[2])
forebear.library_compact(library=sys.argv[2])
"""


def finished_in(folder):
    """The prints of a library; None when there is none yet: what is killed while it is made is no library, and not a damaged one."""
    try:
        return list(LocalStore(folder).idents())
    except RefusedError as error:
        if "no library" not in str(error):
            raise
        return None


@pytest.mark.parametrize("seed", range(3))
def test_a_kill_at_any_moment_loses_nothing_that_was_finished(tmp_path, seed):
    for n in range(8):
        write(tmp_path / "models" / f"m{n}", arrays(n))
    process = subprocess.Popen(
        [sys.executable, "-c", ADDING, str(tmp_path / "models"), str(tmp_path / "lib")], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    try:
        process.wait(0.3 + 0.5 * float(np.random.default_rng(seed).random()))
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    process.wait()
    finished = finished_in(tmp_path / "lib")
    if finished is not None:
        assert all(fault.repaired for fault in LocalStore(tmp_path / "lib", check=False).verify())
    after = forebear.library_add([tmp_path / "models"], into=tmp_path / "lib")
    assert after["models"] == 8
    assert after["outcomes"].get("known", 0) >= min(len(finished or ()), 7)
    assert LocalStore(tmp_path / "lib").verify() == []


def test_the_verbs_in_turn(tmp_path):
    """Add twice, search by name, export, import, merge, remove, refuse what is wrong."""
    for n in range(3):
        write(tmp_path / "models" / f"m{n}", arrays(n))
    lib = tmp_path / "lib"
    (tmp_path / "list.txt").write_text(
        f"# three of them\n{tmp_path / 'models' / 'm0'}\n\n{tmp_path / 'models' / 'm1'}\n{tmp_path / 'absent'}\n"
    )
    first = forebear.library_add(from_list=tmp_path / "list.txt", into=lib)
    assert dict(first["outcomes"]) == {"added": 2, "refused": 1}
    assert first["items"][2]["error"]["key"]
    again = forebear.library_add([tmp_path / "models"], into=lib)
    assert dict(again["outcomes"]) == {"added": 1, "known": 2}
    write(tmp_path / "models" / "m1", arrays("changed"))
    assert dict(forebear.library_add([tmp_path / "models"], into=lib)["outcomes"]) == {"added": 1, "known": 2}
    assert forebear.library_search("m0", library=lib)["hits"] == ()
    with pytest.raises(UsageError, match="2 models"):
        forebear.library_search("m1", library=lib)
    exported = tmp_path / "all.fblib"
    forebear.library_export(exported, library=lib)
    assert str(tmp_path).encode() not in exported.read_bytes()
    assert forebear.library_import(exported, into=tmp_path / "other")["models"] == 4
    assert forebear.library_merge([tmp_path / "other"], into=lib)["outcomes"] == {"same-content": 4}
    data = bytearray(exported.read_bytes())
    for wrong in (
        data[:-1],
        data[: len(data) // 2],
        bytes(data[:5000]) + bytes([data[5000] ^ 1]) + bytes(data[5001:]),
        b"",
        data + b"x",
    ):
        exported.write_bytes(wrong)
        with pytest.raises(RefusedError):
            forebear.library_import(exported, into=tmp_path / "third")
    assert not (tmp_path / "third").exists()
    assert forebear.library_remove(["m0"], library=lib)["models"] == 3
    with pytest.raises(RefusedError):
        forebear.library_remove(["m0"], library=lib)


def test_an_entry_without_weights_is_kept_and_never_a_hit(tmp_path):
    folder = write(tmp_path / "m", arrays(1))
    (folder / "model.safetensors").unlink()
    (folder / "README.md").write_text("---\nbase_model: org/base\n---\n")
    added = forebear.library_add([folder], into=tmp_path / "lib", about=True)
    assert dict(added["outcomes"]) == {"added": 1}
    assert (added["models"], added["screens"]) == (1, 0)
    one = LocalStore(tmp_path / "lib").get(added["items"][0]["id"])
    assert one.weightless
    assert one.entry["bases"] == ["org/base"]
    write(tmp_path / "m", arrays(1))
    assert dict(forebear.library_add([folder], into=tmp_path / "lib")["outcomes"]) == {"added": 1}
    found = forebear.library_search(folder, library=tmp_path / "lib")
    assert found["hits"] == ()
    assert "library.itself" in [limit["key"] for limit in found["limits"]]
