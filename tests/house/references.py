"""What code and documentation refer to, and whether it is there: sections, rules, decisions, pages, files, dotted names.

One form each: "METHODS §3", "STYLE 5", "decision 0002", "docs/gauge.md#measured", "forebear.core.errors.RefusedError", and links of
Markdown. Names of documents that are not in the repository may not be cited at all.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import forebear
from forebear.core.plugins import GROUPS

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDERS = ("forebear", "bench", "tests", "scripts", "examples", "docs")
DATED = ("docs/decisions/", "CHANGELOG.md")
"""Records of what was true on a day: the files of code they name may have moved since."""
COMMANDS = {*forebear.__all__, *(verb.partition("_")[0] for verb in forebear.__all__)}
"""Every verb, and the groups that some of them belong to."""
SUFFIXES = {".py", ".toml", ".md", ".yml", ".css", ".j2", ".html"}

_SECTION = re.compile(r"§\s?(\d+)(?:\s?[-–]\s?§?(\d+))?")
_STEP = re.compile(r"METHODS §(\d+)(?: \((\d+)\)|, steps? (\d+)(?: and (\d+))?)")
_RULE = re.compile(r"STYLE (\d+)((?:, \d+)*)")
_BARE = re.compile(r"(?<!\{)\b(METHODS(?! §(?:\d|n\b|\"))|STYLE(?! (?:\d|n\b))|DESIGN|PEERS)\b|\b[Ii]ssue #?\d+")
_DECISION = re.compile(r"\bdecisions? (\d{4})\b")
_HALF = re.compile(r"docs/decisions/\d{4}(?![\d-])")
_PATH = re.compile(r"(?<![\w/.:-])((?:forebear|bench|tests|scripts|examples|docs)/[\w./-]*\w\.[a-z]\w+)(#[\w-]+)?")
_DOTTED = re.compile(r"(?<![\w.`/])`?(forebear(?:\.\w+)+)")
_COMMAND = re.compile(r"`(?:\w+=\S+ )*forebear ([a-z][\w-]*)(?: ([a-z][\w-]*))?")
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
_PLACEHOLDER = re.compile(r"(?:^|[/-])(?!README|CHANGELOG|LICENSE)[A-Z]{3,}")
_FENCE = re.compile(r"^```.*?^```", re.M | re.S)


def files() -> list[Path]:
    """Every text of ours that may refer to something; results, and data that a program wrote or somebody else, left out."""
    found = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", ROOT / "CODE_OF_CONDUCT.md", ROOT / "SECURITY.md", ROOT / "pyproject.toml", ROOT / "Makefile"]
    for folder in FOLDERS:
        found += (p for p in (ROOT / folder).rglob("*") if p.suffix in SUFFIXES and p.is_file())
    left_out = [ROOT / name for name in ("bench/results", "tests/data", "examples/case_sample/sources")]
    left_out += [ROOT / "bench/kinds/texts.toml"]  # paths inside repositories of others
    left_out += [ROOT / "tests/house/references.py", ROOT / "tests/house/test_references.py"]
    return sorted(p for p in found if not any(p.is_relative_to(folder) for folder in left_out))


def texts_of(path: Path) -> Iterator[tuple[int, str]]:
    """(line, text) of what a file says: comments and strings of Python, everything of the rest."""
    text = path.read_text("utf-8")
    if path.suffix != ".py":
        yield 1, text
        return
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
        elif token.type == tokenize.STRING or tokenize.tok_name[token.type] == "FSTRING_MIDDLE":
            identifier = token.string.strip("rRbBfFuU\"'").isidentifier()
            yield from [] if identifier else [(token.start[0], token.string)]


def problems(text: str, where: str, line: int = 1) -> list[str]:
    """What a text refers to and is not there, each with its place."""
    prose = _FENCE.sub(lambda m: "\n" * m.group().count("\n"), text) if where.endswith(".md") else text
    found = [(m.start(), what) for m, what in _wrong(prose, where)]
    return [f"{where}:{line + prose.count(chr(10), 0, at)}: {what}" for at, what in sorted(found)]


def _wrong(text: str, where: str) -> Iterator[tuple[re.Match[str], str]]:
    for m in _BARE.finditer(text):
        yield m, f"{m.group()!r} leads nowhere: name a section, a rule or a page"
    for m in _SECTION.finditer(text):
        missing = [n for n in m.groups() if n and f"s{n}" not in anchors(ROOT / "docs/methods.md")]
        if missing:
            yield m, f"docs/methods.md has no section {', '.join(missing)}"
    for m in _STEP.finditer(text):
        steps = [int(n) for n in m.groups()[1:] if n]
        if max(steps, default=0) > steps_of(m[1]):
            yield m, f"METHODS §{m[1]} has no step {max(steps)}"
    for m in _RULE.finditer(text):
        for n in re.findall(r"\d+", m.group()):
            if f"style-{n}" not in anchors(ROOT / "docs/contributing/style.md"):
                yield m, f"docs/contributing/style.md has no rule {n}"
    for m in _DECISION.finditer(text):
        if not list((ROOT / "docs/decisions").glob(f"{m[1]}-*.md")):
            yield m, f"there is no decision {m[1]}"
    for m in _HALF.finditer(text):
        yield m, f"{m.group()!r} is no file: write 'decision {m.group()[-4:]}'"
    yield from _wrong_paths(text, where)


def _wrong_paths(text: str, where: str) -> Iterator[tuple[re.Match[str], str]]:
    dated = where.startswith(DATED)
    for m in _PATH.finditer(text):
        if m[1].startswith("bench/work/") or _PLACEHOLDER.search(m[1]) or (dated and not m[1].startswith("docs/")):
            continue
        if where.startswith("tests/") and not m[1].startswith("docs/"):
            continue  # tests name files that they make
        if wrong := missing(ROOT / m[1], (m[2] or "").lstrip("#")):
            yield m, f"{m.group()}: {wrong}"
    for m in _DOTTED.finditer(text) if not dated else ():
        if not named(m[1]):
            yield m, f"{m[1]}: no such module, or nothing of that name in it"
    for m in _COMMAND.finditer(text) if not dated else ():
        if not {m[1], f"{m[1]}_{m[2]}"} & COMMANDS:
            yield m, f"there is no command {m.group()[1:]!r}"
    for m in _LINK.finditer(text) if where.endswith(".md") else ():
        target, _, anchor = (m[1] or m[2]).partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        place = (ROOT / where).parent / target if target else ROOT / where
        if wrong := missing(place, anchor):
            yield m, f"{m[1] or m[2]}: {wrong}"


def missing(path: Path, anchor: str) -> str:
    """Why a path with an anchor leads nowhere, "" when it does not."""
    if not path.exists():
        return "no such file"
    if anchor and path.suffix == ".md" and anchor not in anchors(path):
        return "no such anchor"
    return ""


@cache
def anchors(path: Path) -> frozenset[str]:
    """Anchors of a page: explicit ones, and those that headings make."""
    text = _FENCE.sub("", path.read_text("utf-8"))
    found = set(re.findall(r'<a id="([^"]+)"></a>', text))
    for heading in re.findall(r"^#+ (.+)$", text, re.M):
        plain = re.sub(r"[^\w\s-]", "", heading).strip().lower()
        found.add(re.sub(r"\s", "-", plain))
    return frozenset(found)


@cache
def steps_of(section: str) -> int:
    """Numbered steps of a section of the methods."""
    text = (ROOT / "docs/methods.md").read_text("utf-8")
    own = text.partition(f'<a id="s{section}"></a>')[2].partition('<a id="s')[0]
    return len(re.findall(r"^\d+\. ", own, re.M))


@cache
def named(dotted: str) -> bool:
    """Whether a dotted name of ours is a module, or a name that its module defines or lists."""
    if dotted in GROUPS:
        return True
    parts = dotted.split(".")
    for size in range(len(parts), 0, -1):
        place = ROOT.joinpath(*parts[:size])
        path = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
        if path.is_file():
            break
    else:
        return False
    if size == len(parts):
        return True
    tree = ast.parse(path.read_text("utf-8"))
    defined = {getattr(node, "name", "") or getattr(node, "id", "") for node in ast.walk(tree)}
    return parts[size] in defined or place.joinpath(parts[size]).is_dir()
