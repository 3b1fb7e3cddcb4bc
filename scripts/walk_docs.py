"""Every command that the documentation shows: run over inputs of the names it uses, or parsed where it needs what is not here."""

from __future__ import annotations

import re
import shlex
import shutil
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from forebear.cli.application import app

ROOT = Path(__file__).resolve().parent.parent
GIVEN: dict[str, Any] = tomllib.loads((ROOT / "scripts" / "walk_docs.toml").read_text("utf-8"))
FENCE = re.compile(r"^```\w*\n(.*?)^```|((?:^ {4}\S.*\n?)+)", re.M | re.S)


def pages() -> list[Path]:
    """Pages whose commands a reader would type; records and the generated reference left out."""
    found = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs/contributing").glob("*.md"))]
    return [page for page in found if page.name != "reference.md"]


def commands(page: Path) -> Iterator[str]:
    """The lines of blocks of code that run forebear, comments and prompts taken off, broken lines joined."""
    text = page.read_text("utf-8")
    for block in FENCE.finditer(text):
        whole = re.sub(r"\\\n\s*", " ", block[1] or block[2] or "")
        for line in whole.splitlines():
            line = line.strip().removeprefix("$ ")
            if line.startswith("forebear "):
                yield " ".join(re.sub(r"\s+#\s.*", "", line).removeprefix("forebear ").partition(" | ")[0].split())


def walk_docs(walk: Any, quick: bool = False) -> None:
    """Run what can be run, page by page in one folder each, in the order of the page; parse the rest, or all where it is quick."""
    from scripts.walk import called, problems

    for page in pages():
        with tempfile.TemporaryDirectory(prefix="walk-docs-") as scratch:
            folder = Path(scratch) / "here"
            _laid_out(walk.template, folder)
            for line in dict.fromkeys(commands(page)):
                words = shlex.split(line.replace("...", ""))
                needs = GIVEN["needs"].get(line)
                walk.runs += 1
                if quick or needs is not None or page.name in GIVEN["tested"]:
                    said = unparsed(words)
                    walk.wrong += [f"{page.name}: forebear {line}: {said}"] if said else []
                    continue
                right = {GIVEN["codes"].get(line, 0)}
                code, out, err = called(words, folder)
                places = [scratch, str(ROOT), str(Path.home())]
                walk.wrong += [f"{page.name}: forebear {line}: {p}" for p in problems(code, right, out, err, "", places)]


def _laid_out(template: Path, folder: Path) -> None:
    """A folder with the inputs of the walk under the names that the documentation uses."""
    shutil.copytree(template, folder, symlinks=True)
    for name in GIVEN["leave_out"]["names"]:
        place = folder / name
        shutil.rmtree(place) if place.is_dir() and not place.is_symlink() else place.unlink()
    for name, target in GIVEN["called"].items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to((folder / target).absolute())


def unparsed(words: list[str]) -> str:
    """What the parser says against the words of a call that cannot be run here; empty where it takes them."""
    command: Any = typer.main.get_command(app)
    while getattr(command, "commands", None) and words and words[0] in command.commands:
        command, words = command.commands[words[0]], words[1:]
    options = {option for p in command.params for option in p.opts} | {"-h", "--help"}
    unknown = [word for word in words if word.startswith("-") and word.partition("=")[0] not in options]
    return f"no option {' '.join(unknown)}" if unknown else ""
