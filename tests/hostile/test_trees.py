"""Trees of libraries whose names, claims and files are hostile."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

import forebear
from forebear.core.errors import RefusedError
from forebear.library.local_store import LocalStore
from forebear.library.prints import Print
from forebear.library.tree import build, candidates
from forebear.reports.catalogue import LANGUAGES
from forebear.reports.show import rendered
from tests.library.models import arrays, write

NAMES = (
    "<script>alert(1)</script>",
    "\u202egnp.exe",
    "n" * 5000,
    "]]>&\x00\x1b[31m",
    "=cmd|' /C calc'!A0",
    "名前 مرحبا",
)


def kin(folder: Path, count: int) -> Path:
    """A library of models that share tensors, and one that shares none."""
    for n in range(count):
        moved = arrays("x")
        moved["model.norm.weight"] = moved["model.norm.weight"] + 0.01 * n
        write(folder / f"m{n}", moved)
    write(folder / "alone", arrays("alone"))
    forebear.library_add([folder / f"m{n}" for n in range(count)] + [folder / "alone"], into=folder / "library")
    return folder / "library"


def renamed(library: Path, entries: dict[str, dict[str, list[str]]]) -> None:
    """Names and claims of prints, replaced."""
    store = LocalStore(library)
    for ident in list(store.idents()):
        one = store.get(ident)
        store.remove([ident])
        store.add(Print(one.id, one.about, one.arrays, {**one.entry, **entries.get(one.name, {})}))


def test_hostile_names_are_inert_in_every_form(tmp_path: Path) -> None:
    library = kin(tmp_path, len(NAMES))
    renamed(library, {f"m{n}": {"names": [name], "bases": [NAMES[n - 1]]} for n, name in enumerate(NAMES)})
    document = forebear.library_tree(library=library)
    assert document["edges"]
    ET.fromstring(rendered(document, "graphml"))
    for language in LANGUAGES:
        page = rendered(document, "html", language).decode()
        assert "<script" not in page
        assert "\u202e" not in page
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f]", page)
        assert "\x1b" not in document.text(language)
        assert max(len(line) for line in document.text(language).splitlines()) < 1000
    assert not re.search(rb"(?m)(^|,)[=+@]", rendered(document, "csv"))


def test_claims_that_lead_in_a_circle_are_said_to_and_end(tmp_path: Path) -> None:
    library = kin(tmp_path, 3)
    renamed(
        library,
        {"m0": {"bases": ["m1"]}, "m1": {"bases": ["m2"]}, "m2": {"bases": ["m0"]}, "alone": {"bases": ["alone"]}},
    )
    rows = {row["name"]: (row["outcome"], row["disagrees"]) for row in forebear.library_tree(library=library)["claims"]}
    assert rows == {**{f"m{n}": ("circle", True) for n in range(3)}, "alone": ("itself", True)}


def test_thousands_of_claims_take_no_recursion_and_little_time() -> None:
    members = [
        candidates.Member(f"{n:064x}", f"m{n}", (f"m{n}",), (f"m{(n + 1) % 4000}",), "", "whole") for n in range(4000)
    ]
    shown = build.Shown({}, frozenset(), frozenset(), frozenset())
    rows = build.judged(members, build.meant(members), shown, None)
    assert {row["outcome"] for row in rows} == {"circle"}
    assert len(rows) == 4000


def test_a_torn_print_is_named_and_the_rest_is_drawn(tmp_path: Path) -> None:
    library = kin(tmp_path, 3)
    store = LocalStore(library)
    (ident,) = store.named("m1")
    next((library / "prints").rglob(f"{ident}.fbp")).write_bytes(b"torn")
    document = forebear.library_tree(library=library)
    assert "library.print_unread" in [limit["key"] for limit in document["limits"]]
    assert {node["name"] for node in document["nodes"]} == {"m0", "m2", "alone"}


def test_weights_that_changed_since_they_were_added_are_not_compared(tmp_path: Path) -> None:
    library = kin(tmp_path, 2)
    write(tmp_path / "m1", arrays("another"))
    document = forebear.library_tree(library=library, prove=True)
    assert "tree.changed" in [limit["key"] for limit in document["limits"]]
    assert not any(edge["proved"] for edge in document["edges"])
    assert {node["name"]: node["at_hand"] for node in document["nodes"]} == {"m0": True, "m1": False, "alone": True}


def test_more_models_than_a_tree_is_drawn_of_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = kin(tmp_path, 3)
    monkeypatch.setattr(candidates, "MOST_MODELS", 3)
    with pytest.raises(RefusedError, match="at most 3"):
        forebear.library_tree(library=library)


def test_an_empty_library_has_no_tree_and_says_so(tmp_path: Path) -> None:
    library = kin(tmp_path, 1)
    store = LocalStore(library)
    store.remove(list(store.idents()))
    document = forebear.library_tree(library=library, prove=True)
    assert document.text().startswith("The library is empty")
    for form in ("html", "csv", "graphml", "json"):
        assert rendered(document, form)
