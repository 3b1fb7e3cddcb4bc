"""Evened geometries: what strangers share is cut down in each by itself, kin stay near, and prints that lacked them get them."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import struct
from dataclasses import replace

import numpy as np
import pytest

from forebear.core.seeds import generator
from forebear.library.anchors import agreement, geometry
from forebear.library.evening import ANCHOR_NUMBERS, ANCHORS, CODE_BITS, PAIRS, code, evened, likeness, projected
from forebear.library.local_store import LocalStore
from forebear.library.prints import MAGIC, SCREEN_NUMBERS, Print, empty_arrays, pack, unpack, with_evened
from forebear.library.search import RANKED, like_by_code, search_store

WIDTH = 128
HERE = np.ones(len(ANCHORS), bool)


def drawn(*shape, seed):
    return generator("tests/library/evening", seed).normal(size=shape)


def rows(seed, start=None):
    """Embedding rows of a trained model: what all models of one text learn, in few directions, beside what a start left."""
    learned = drawn(len(ANCHORS), 6, seed="text") @ drawn(6, WIDTH, seed=f"{seed} learned")
    return learned + (drawn(len(ANCHORS), WIDTH, seed=f"{seed} start") if start is None else start)


def long_after(seed, name):
    """The model of a seed after training that left three fifths of its start, its channels turned."""
    turn = np.linalg.qr(drawn(WIDTH, WIDTH, seed=f"{name} turn"))[0]
    start = 0.8 * drawn(len(ANCHORS), WIDTH, seed=f"{seed} start") + drawn(len(ANCHORS), WIDTH, seed=f"{name} start")
    return rows(name, start) @ turn


def held(values):
    return geometry(values.astype(np.float32), HERE).astype(np.float16)[:, None]


def printed(values, number, entry=None):
    """A print of nothing but a geometry, with a screen of no kin."""
    screen = generator("tests/library/evening/screen", number).integers(-127, 128, (1, SCREEN_NUMBERS))
    arrays = empty_arrays(screen=screen, geometry=held(values))
    about = {"family": "llama", "layers": 0, "width": WIDTH, "parameters": 1, "effective": 1.0, "matrices": [], "gains": [],
             "digest_runs": []}  # fmt: skip
    ident = hashlib.sha256(str(number).encode()).hexdigest()
    return Print(ident, about, {**arrays, **with_evened(arrays)}, entry or {"names": [str(number)]})


def test_strangers_of_one_text_are_told_from_kin_only_after_evening():
    subject, base, stranger = held(long_after("a", "kin")), held(rows("a")), held(rows("b"))
    assert agreement(subject, stranger) > 0.75
    assert likeness(evened(subject)[:, None], evened(base)[:, None]) > 0.25
    assert abs(likeness(evened(subject)[:, None], evened(stranger)[:, None])) < 0.1


def test_turning_scaling_and_shifting_change_nothing_but_rounding():
    values, turn = rows("a"), np.linalg.qr(drawn(WIDTH, WIDTH, seed="turn"))[0]
    first, second = (evened(held(v)).astype(int) for v in (values, values @ turn * 3 + 1))
    assert np.abs(first - second).max() <= 1
    assert first.shape == (PAIRS,)
    assert np.abs(first).max() == 127


def test_pairs_without_an_anchor_are_nothing_and_nothing_of_a_hostile_geometry_is_raised():
    there = np.arange(len(ANCHORS)) % 3 > 0
    part = evened(geometry(np.where(there[:, None], rows("a"), 0).astype(np.float32), there)[:, None])
    absent = ~(there[:, None] & there)[np.triu_indices(len(ANCHORS), 1)]
    assert not part[absent].any()
    assert (part[~absent] != 0).mean() > 0.9
    for value in (np.nan, np.inf, -np.inf, 0.0, 1.0, -1.0, 65504.0):
        assert evened(np.full((PAIRS, 1), value, np.float16)).shape == (PAIRS,)
    assert not evened(np.zeros((PAIRS, 1))).any()
    assert not code(np.zeros(PAIRS, np.int8)).any()
    assert likeness(part[:, None], part[:0, None]) is None
    assert likeness(np.zeros((PAIRS, 1), np.int8), part[:, None]) is None


def test_a_code_estimates_what_the_whole_says():
    even = {name: evened(held(values)) for name, values in (("base", rows("a")), ("kin", long_after("a", "kin")), ("b", rows("b")))}
    codes = np.stack([code(even["base"]), code(even["b"]), np.zeros(ANCHOR_NUMBERS, np.int8)])
    found = like_by_code(codes, code(even["kin"]), projected(even["kin"]))
    assert found[0] == pytest.approx(likeness(even["kin"][:, None], even["base"][:, None]), abs=0.1)
    assert found[2] == 0
    bits = [np.unpackbits(one.view(np.uint8)) for one in codes[:2]]
    coarse = like_by_code(codes, codes[1], None)
    assert coarse.tolist() == pytest.approx([1 - 2 * (bits[0] != bits[1]).sum() / CODE_BITS, 1, 0])


def test_a_ranking_finds_a_base_also_where_most_of_the_library_is_kin_of_another(tmp_path):
    store = LocalStore(tmp_path / "lib", make=True)
    for number in range(30):
        store.add(printed(long_after("b", f"of b {number}"), number))
    base = printed(rows("a"), 100)
    store.add(base)
    store.add(printed(rows("b"), 101))
    subject = printed(long_after("a", "kin"), 102)
    found = search_store(store, subject, 5, rewritten=True).hits
    assert (found[0].id, found[0].relation) == (base.id, RANKED)
    assert found[0].figure["evened"] > 2 * found[1].figure["evened"]
    assert found[0].corrected_log10_p is None
    assert search_store(store, subject, 5).hits == []


def as_first_version(one):
    """The bytes of a print as version 1 wrote it: no evened geometry, and a code that meant something else."""
    data = pack(replace(one, arrays={**one.arrays, "evened": np.zeros((0, 1), np.int8), "anchors": one.arrays["anchors"] * 0 + 3}))
    (size,) = struct.unpack_from("<I", data, len(MAGIC))
    at = len(MAGIC) + 4
    head = json.loads(data[at : at + size])
    head["version"] = 1
    del head["arrays"]["evened"]
    text = json.dumps(head, sort_keys=True, separators=(",", ":")).encode()
    body = MAGIC + struct.pack("<I", len(text)) + text + data[at + size : -32]
    return body + hashlib.sha256(body).digest()


def test_a_library_of_the_first_version_is_made_anew_from_its_prints(tmp_path):
    folder = tmp_path / "lib"
    store = LocalStore(folder, make=True)
    prints = [printed(rows(name), name) for name in ("a", "b")]
    for one in prints:
        store.add(one)
        path = next(folder.rglob(f"{one.id}.fbp"))
        path.write_bytes(as_first_version(one))
        assert unpack(path.read_bytes(), "here").content() == one.content()
    with sqlite3.connect(folder / "catalogue.sqlite") as db:
        db.execute("PRAGMA user_version = 1")
    assert [fault.repaired for fault in LocalStore(folder, check=False).verify()] == [True]
    store = LocalStore(folder)
    assert store.verify() == []
    for one in prints:
        assert next(folder.rglob(f"{one.id}.fbp")).read_bytes() == pack(one)
        assert search_store(store, one, 1).hits[0].id == one.id
