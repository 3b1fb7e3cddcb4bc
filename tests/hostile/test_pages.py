"""Bad input through the page and the matrix: a page is whole or absent, and one damaged member does not stop the others."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from forebear.comparison.demo import demo_folder
from tests.files.make import write
from tests.hostile.test_commands import KEPT, NOTHING_SHARED, Arrays, Ended, base, command, like, weights
from tests.hostile.test_headers import DEFECTS

__all__ = ["base", "command", "weights"]  # fixtures
BARE = {"meta", "link", "br", "hr", "img", "input", "col", "image", "use", "path", "rect", "line", "circle", "polyline"}


class Tags(HTMLParser):
    """Which elements stand in a page, and whether each that opens closes again."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.policy = ""
        self.open: list[str] = []
        self.astray: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        if dict(attrs).get("http-equiv") == "Content-Security-Policy":
            self.policy = str(dict(attrs)["content"])
        if tag not in BARE:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in BARE:
            return
        if tag not in self.open:
            self.astray.append(tag)
        while tag in self.open and self.open.pop() != tag:
            pass  # cells and rows may leave their end out


def whole(page: str) -> None:
    """One whole page without script, whatever names it was told."""
    tags = Tags(page)
    assert page.startswith("<!doctype html>")
    assert page.rstrip().endswith("</html>")
    assert "default-src 'none'" in tags.policy
    assert "script-src" not in tags.policy
    assert not tags.astray
    assert not tags.open
    assert not tags.seen & {"script", "bold", "iframe", "object", "embed"}


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defective_file_leaves_no_page(
    tmp_path: Path, base: Path, command: Callable[..., Ended], defect: str
) -> None:
    bad, target = write(tmp_path / "bad.safetensors", DEFECTS[defect][0]), tmp_path / "page.html"
    ended = command("compare", base, bad, "--format", "html", "-o", target)
    assert (ended.code, ended.out, ended.err.count("\n")) == (3, "", 1)
    assert DEFECTS[defect][1] in ended.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.safetensors"]


@pytest.mark.parametrize("case", [*NOTHING_SHARED, *KEPT])
def test_odd_weights_give_a_whole_page_that_says_what_the_document_says(
    tmp_path: Path, base: Path, weights: Arrays, command: Callable[..., Ended], case: str
) -> None:
    odd = like(base, tmp_path / "odd", {**NOTHING_SHARED, **KEPT}[case](weights))
    target = tmp_path / "page.html"
    assert command("compare", odd, base, "--format", "html", "-o", target).code == 0
    page = target.read_text("utf-8")
    whole(page)
    assert command("compare", odd, base).code == 0
    said = json.loads(command("compare", odd, base, "--format", "json").out)["verdict"]["relation"]
    if case in KEPT:  # names that say nothing hide no equal values
        assert said == ("identical" if case.startswith("names") else "related")
    assert f'<div class="verdict {said}">' in page
    assert command("inspect", odd, "--format", "html", "-o", target).code == 0
    whole(target.read_text("utf-8"))


def test_a_matrix_names_every_damaged_member_and_compares_the_rest(
    tmp_path: Path, command: Callable[..., Ended]
) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    for name in ("base", "descendant", "independent"):
        (shelf / name).symlink_to(demo_folder() / name)
    told: dict[str, str] = {}
    for number, (content, said) in enumerate(DEFECTS.values()):
        folder = shelf / f"damaged-{number:02d}"
        folder.mkdir()
        write(folder / "model.safetensors", content)
        told[folder.name] = said
    os.symlink("loop", shelf / "loop")
    target = tmp_path / "matrix.html"
    ended = command("compare", shelf, "--format", "json", "--quiet")
    assert ended.code == 0, ended.err
    document = json.loads(ended.out)
    errors = {Path(m["id"]).name: m["error"] for m in document["members"] if m["error"]}
    assert set(told) <= set(errors)
    assert [name for name, said in told.items() if said not in errors[name]] == []
    found = {frozenset((Path(p["subject"]).name, Path(p["candidate"]).name)): p["relation"] for p in document["pairs"]}
    assert found[frozenset(("base", "descendant"))] == "related"
    assert found[frozenset(("base", "independent"))] == "no-evidence"
    assert command("compare", shelf, "--format", "html", "-o", target, "--quiet").code == 0
    page = target.read_text("utf-8")
    whole(page)
    assert all(name in page for name in told)
