"""The tutorial of case files: its commands print what it says; and the page of keys has every key there is."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from forebear.casefile.claims.claims import BASES, KINDS, SAYS, TESTS, Claim, Reply, Span
from forebear.casefile.folder.model import LANGUAGES, ROLES, RULINGS, Alias, CaseFile, Correction, Name, Seen, Source

DOCS = Path(__file__).resolve().parents[2] / "docs"
REST = "…"
"""A line of the tutorial for output that is left out."""


def blocks(page: str) -> list[tuple[str, str]]:
    """(info string, body) of each fenced block."""
    return re.findall(r"^```(\S[^\n]*)\n(.*?)^```$", page, re.M | re.S)


def runs(body: str) -> list[tuple[str, list[str]]]:
    """Each command of a console block with the lines it is said to print."""
    found: list[tuple[str, list[str]]] = []
    for line in body.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def test_the_commands_of_the_tutorial_print_what_it_says(tmp_path: Path) -> None:
    pytest.importorskip("tomlkit")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    asked = 0
    for info, body in blocks((DOCS / "case-tutorial.md").read_text("utf-8")):
        if info.startswith("text "):
            (tmp_path / info.removeprefix("text ")).write_text(body, "utf-8")
            continue
        assert info == "console"
        for command, wanted in runs(body):
            done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
                                  env={**os.environ, "PATH": path, "COLUMNS": "200"})  # fmt: skip
            printed = done.stdout.splitlines()
            kept = wanted[:-1] if wanted[-1:] == [REST] else wanted
            assert printed[: len(kept)] == kept, (command, done.stdout, done.stderr)
            assert wanted[-1:] == [REST] or len(printed) == len(kept), (command, done.stdout)
            asked += 1
    assert asked >= 14
    assert b"Yue Ming" not in (tmp_path / "mycase/report/page.html").read_bytes()
    assert "岳明" not in (tmp_path / "mycase/report/page.html").read_text("utf-8")
    assert "Person 1" in (tmp_path / "mycase/report/page.html").read_text("utf-8")


@pytest.mark.parametrize("table", [CaseFile, Source, Seen, Name, Alias, Correction, Claim, Span, Reply])
def test_the_page_of_keys_has_every_key(table: type) -> None:
    page = (DOCS / "case-folder.md").read_text("utf-8")
    keys = set(re.findall(r"^\| `([\w, `]+)` \|", page, re.M))
    listed = {key for cell in keys for key in re.findall(r"\w+", cell)}
    assert {f.name for f in dataclasses.fields(table)} <= listed


@pytest.mark.parametrize("words", [ROLES, RULINGS, LANGUAGES, KINDS, BASES, TESTS, SAYS])
def test_the_page_of_keys_has_every_word_that_a_key_may_have(words: tuple[str, ...]) -> None:
    page = (DOCS / "case-folder.md").read_text("utf-8")
    assert [w for w in words if f"`{w}`" not in page] == []
