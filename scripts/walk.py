"""Walk every command, argument, option and format, over a good and a bad input, and every command that the documentation shows.

    python scripts/walk.py [--quick] [--only COMMAND]

What there is to walk follows from the declarations of the commands; scripts/walk.toml has a good and a bad value for each, and one
that is missing there fails. Of every run it is asked: no traceback and no fault of ours, the exit code that docs/reference.md
promises, an error of one line, pages without dangling anchors, scripts or foreign addresses, JSON that fits its schema, and nowhere
a path of this machine. --quick: each command once with a good input and once with each argument wrong, each help.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import itertools
import json
import os
import re
import shlex
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import typer.main

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from forebear.cli.application import app  # noqa: E402
from forebear.cli.main import guarded, run  # noqa: E402
from forebear.core import output  # noqa: E402
from forebear.core.documents import problems_of  # noqa: E402
from scripts.walk_inputs import bad_inputs, prepared  # noqa: E402

GIVEN = tomllib.loads((ROOT / "scripts" / "walk.toml").read_text("utf-8"))
SHOWN = re.compile(r"\{[a-z_]+\}")


class Walk:
    """What was run and what was wrong."""

    def __init__(self, template: Path) -> None:
        self.template, self.runs, self.wrong = template, 0, list[str]()

    def one(self, words: list[str], codes: set[int], form: str = "") -> tuple[int, str, str]:
        """Run a call in a fresh copy of the inputs. codes: exit codes that are right; form: of the result."""
        self.runs += 1
        with tempfile.TemporaryDirectory(prefix="walk-") as scratch:
            folder = Path(shutil.copytree(self.template, Path(scratch) / "here", symlinks=True))
            code, out, said = called(words, folder)
            written = [folder / word for flag, word in itertools.pairwise(words) if flag in ("-o", "--output")]
            shown = out if not written or not written[0].is_file() else written[0].read_text("utf-8", "replace")
            for problem in problems(code, codes, shown, said, form, [scratch, str(ROOT), str(Path.home())]):
                self.wrong.append(f"forebear {shlex.join(words)}: {problem}")
            return code, shown, said


def called(words: list[str], folder: Path) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a call in a folder."""
    output._read.clear()  # files of an earlier call may have had the same inode
    before, streams = Path.cwd(), [io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace", write_through=True) for _ in "oe"]
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(streams[0]), contextlib.redirect_stderr(streams[1]):
            code = guarded(lambda: run(words))
    finally:
        os.chdir(before)
    out, said = (stream.buffer.getvalue().decode("utf-8", "replace") for stream in streams)  # type: ignore[attr-defined]
    return code, out, said


def problems(code: int, codes: set[int], shown: str, said: str, form: str, places: list[str]) -> Iterator[str]:
    """What is wrong with a run."""
    if "Traceback" in shown + said or "a fault of ours" in said or code == 4:
        yield f"a fault of ours: {said.strip()[-300:]}"
    if code not in codes:
        yield f"exit code {code}, not {sorted(codes)}: {said.strip()[-300:]}"
    if code in (2, 3) and not (said.startswith("forebear: ") and len(said.strip().splitlines()) == 1):
        yield f"an error is one line that begins with forebear:, this is {said[-300:]!r}"
    yield from (f"names the place {place}" for place in places if place in shown + said)
    if code in (0, 1) and shown:
        yield from CHECKS.get(form, lambda _: iter(()))(shown)


class Page(HTMLParser):
    """Anchors, targets and what a page must not hold."""

    def __init__(self) -> None:
        super().__init__()
        self.ids, self.links, self.wrong, self.title = set[str](), list[str](), list[str](), ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids |= {given["id"]} if given.get("id") else set()
        self.wrong += [f"holds <{tag}>"] if tag in ("script", "iframe", "object", "embed", "form", "base") else []
        self.wrong += [f"has {name} on <{tag}>" for name in given if name.startswith("on")]
        for name in ("href", "src"):
            address = given.get(name) or ""
            self.links += [address[1:]] if address.startswith("#") else []
            self.wrong += [f"fetches {address[:60]}"] if address and not address.startswith(("#", "data:")) else []


def of_page(shown: str) -> Iterator[str]:
    """What is wrong with a page."""
    page = Page()
    page.feed(shown)
    yield from page.wrong
    yield from (f"#{link} leads nowhere" for link in page.links if link not in page.ids)
    yield from of_text(re.sub(r"<style>.*?</style>", "", shown, flags=re.S))


def of_text(shown: str) -> Iterator[str]:
    """Places of a sentence that nothing filled."""
    yield from (f"shows {found}" for found in dict.fromkeys(SHOWN.findall(shown)))


def of_json(shown: str) -> Iterator[str]:
    """What of a document does not fit its schema."""
    yield from (f"schema: {found}" for found in problems_of(json.loads(shown)))


def of_rows(shown: str) -> Iterator[str]:
    """Whether every row has as many cells as the first."""
    rows = list(csv.reader(io.StringIO(shown)))
    yield from ["rows of unlike length"] if len({len(row) for row in rows}) > 1 else []


def of_xml(shown: str) -> Iterator[str]:
    """Whether it parses."""
    ElementTree.fromstring(shown)
    yield from ()


def of_plain_json(shown: str) -> Iterator[str]:
    """Whether it parses."""
    json.loads(shown)
    yield from ()


CHECKS = {
    "text": of_text, "html": of_page, "json": of_json, "csv": of_rows, "junit": of_xml, "graphml": of_xml, "sarif": of_plain_json,
    "cyclonedx": of_plain_json, "spdx": of_plain_json, "in-toto": of_plain_json,
}  # fmt: skip


def leaves(command: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every command and group by its words, groups first."""
    yield name, command
    for key in sorted(getattr(command, "commands", None) or ()):
        yield from leaves(command.commands[key], f"{name} {key}".strip())


def walk_help(walk: Walk, name: str, command: Any) -> None:
    """Both spellings of help: a usage line, every option, no line past the width."""
    for flag in ("-h", "--help"):
        _, shown, _ = walk.one([*name.split(), flag], {0})
        named = [option for parameter in command.params for option in parameter.opts if option.startswith("-")]
        missing = [option for option in named if option not in shown]
        long = [line for line in shown.splitlines() if len(line) > 100]
        if not shown.startswith("Usage: forebear") or missing or long:
            walk.wrong.append(f"forebear {name} {flag}: missing {missing}, too long {long}, begins {shown[:40]!r}")


def walk_command(walk: Walk, name: str, command: Any, quick: bool) -> None:
    """A good call in every format, each argument wrong in every way, each option with a good and a bad value."""
    if name not in GIVEN["good"]:
        walk.wrong.append(f"{name}: no good call in scripts/walk.toml")
        return
    good = [walk.template.joinpath(".finding").read_text() if word == "FINDING" else word for word in GIVEN["good"][name]]
    head = [*name.split(), *good]
    positions = [p for p in command.params if p.param_type_name == "argument"]
    given = GIVEN["names"].get(name, next((i for i, word in enumerate(good) if word.startswith("-")), len(good)))
    for at in range(given):
        kind = positions[min(at, len(positions) - 1)].name
        for bad in bad_inputs() if not quick else bad_inputs()[:2]:
            right = {0, 1, 2, 3} if f"{name} {kind}" in GIVEN["takes"]["words"] else {1, 2, 3}
            walk.one([*name.split(), *good[:at], bad, *good[at + 1 :]], right)
    choices = next(list(p.type.choices) for p in command.params if "--format" in p.opts)
    forms = [str(getattr(form, "value", form)) for form in choices]
    for form in forms[:1] if quick else forms:
        walk.one([*head, "--format", form], {0}, form)
        if not quick and form == "html":
            for language in ("zh-Hans", "zh-Hant", "ja") if "--language" not in good else ():
                walk.one([*head, "--format", form, "--language", language], {0}, form)
    walk.one([*head, "--format", "pdf"], {2})
    if not quick:
        for parameter in command.params:
            if parameter.param_type_name == "option" and "--format" not in parameter.opts:
                walk_option(walk, name, head, parameter, forms)


def walk_option(walk: Walk, name: str, head: list[str], parameter: Any, forms: list[str]) -> None:
    """An option with a good value (and what it needs beside it) and with a bad one; a flag by itself."""
    flag = next((o for o in parameter.opts if o.startswith("--")), parameter.opts[0])
    if flag in ("--help", "--version") and parameter.is_eager:
        return
    if parameter.is_flag:
        walk.one([*head, flag], {0, 1, 2, 3} if flag in GIVEN["alone"] else {0}, "text")
        return
    if flag == "--output":
        for form in (form for form in forms if form in ("text", "json", "html", "csv")):
            walk.one([*head, "-o", f"page.{'txt' if form == 'text' else form}"], {0}, form)
        for bad in ("page.pdf", "nowhere/page.json", "demo", "link.json"):
            walk.one([*head, "-o", bad], {2, 3})
        return
    values = GIVEN["special"].get(f"{name} {flag}") or GIVEN["option"].get(flag)
    if values is None:
        walk.wrong.append(f"{name}: no values of {flag} in scripts/walk.toml")
        return
    right = {values[2]} if len(values) > 2 else {0, 1} if flag == "--expect" else {0}
    good = [values[0]] if isinstance(values[0], str) else values[0]
    walk.one([*head, flag, *good], right, "text")
    if values[1]:
        walk.one([*head, flag, values[1]], {1, 2, 3})


def main() -> int:
    """Walk, and list what was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="walk-inputs-") as folder:
        walk = Walk(prepared(Path(folder), called))
        for name, command in leaves(typer.main.get_command(app)):
            if asked.only and not name.startswith(asked.only):
                continue
            walk_help(walk, name, command)
            if not getattr(command, "commands", None):
                walk_command(walk, name, command, asked.quick)
            print(f"{name}: {walk.runs} runs, {len(walk.wrong)} things wrong so far", file=sys.stderr, flush=True)
        if asked.only in ("", "docs"):
            from scripts.walk_docs import walk_docs

            walk_docs(walk, asked.quick)
    print("\n".join(walk.wrong))
    print(f"{walk.runs} runs, {len(walk.wrong)} things wrong")
    return bool(walk.wrong)


if __name__ == "__main__":
    raise SystemExit(main())
