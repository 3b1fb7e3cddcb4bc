"""Every key that code names has words, and every word in the catalogue is named by code, a template or a definition."""

from __future__ import annotations

import ast
import itertools
import json
import re
import tomllib
from functools import cache
from pathlib import Path

import forebear
from forebear.models.architecture.parse import load_definition
from forebear.models.architecture.registry import FOLDER
from forebear.models.architecture.rules import PARTS
from forebear.reports.catalogue import catalogue
from forebear.tokens import sample

ROOT = Path(forebear.__file__).parent
WORDS = catalogue("en").words
ASKING = {"message", "words", "w", "say"}
"""Names of functions whose first argument is a key."""


@cache
def trees():
    return {path: ast.parse(path.read_text("utf-8")) for path in ROOT.rglob("*.py")}


def patterns_of(node):
    """Patterns of the text an expression may be: constants as they are, conditions both ways, anything else a hole."""
    if isinstance(node, ast.Constant):
        return [re.escape(node.value)] if isinstance(node.value, str) else []
    if isinstance(node, ast.IfExp):
        return [*patterns_of(node.body), *patterns_of(node.orelse)]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return ["".join(both) for both in itertools.product(holes(node.left), holes(node.right))]
    if isinstance(node, ast.JoinedStr):
        parts = [holes(v.value) if isinstance(v, ast.FormattedValue) else patterns_of(v) for v in node.values]
        return ["".join(chosen) for chosen in itertools.product(*parts)]
    return []


def holes(node):
    return patterns_of(node) or ["(.+)"]


def template_texts():
    for path in [*ROOT.rglob("*.html"), *ROOT.rglob("*.j2")]:
        yield path.read_text("utf-8")


def named():
    """Texts that code, templates, schemas and definitions hold, and patterns of keys that they make of them."""
    texts, patterns, tables = set(PARTS), set(), set()
    for tree in trees().values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.add(node.value)
            elif isinstance(node, ast.JoinedStr | ast.BinOp):
                patterns.update(patterns_of(node))
            elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "name" and node.args:
                tables.update(patterns_of(node.args[0]))
    for text in template_texts():
        texts.update(a or b for a, b in re.findall(r'"([^"<>{}]+)"|\'([^\'<>{}]+)\'', text))
        patterns.update(re.escape(start) + "(.+)" for start in re.findall(r"[\"'](\w+\.\w*)[\"']\s*\+", text))
        tables.update(re.findall(r"\bw\.name\(\"(\w+)\"", text))
    for path in (ROOT / "core" / "schemas").glob("*.json"):
        texts.update(strings_in(json.loads(path.read_bytes())))
    patterns.update(f"{table}\\.(.+)" for table in tables)
    texts.update(data_texts())
    return texts.union(*(definition.stacks for definition in definitions())), patterns


@cache
def definitions():
    return [load_definition(path) for path in sorted(FOLDER.glob("*.toml"))]


def data_texts():
    """What rules and units of cases, and texts that tokenizers are weighed on, are called in their data files."""
    for path in (ROOT / "casefile" / "data").glob("*.toml"):
        table = tomllib.loads(path.read_text("utf-8"))
        yield from strings_in(table)
        yield from table.get("units", ())
    yield from (passage.name for passage in (*sample.languages(), *sample.domains()))


def strings_in(value):
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from strings_in(inner)


@cache
def says():
    """The texts that code may say, and patterns made of letters that join them: of whole keys, and of parts of keys."""
    texts, patterns = named()
    plain = [p for p in patterns if re.fullmatch(r"(?:[\w ]|\\[ .-]|\(\.\+\))+", p) and re.search(r"\w{3}", p.replace("(.+)", ""))]
    whole = [re.compile(p) for p in plain if re.match(r"\w+\\\.", p) or p == r"(.+)_not"]
    parts = [re.compile(p) for p in plain if "(.+)" in p and p.count(" ") <= 1 and not re.match(r"\w+\\\.", p)]
    return texts | {p.replace("\\", "") for p in plain if "(.+)" not in p}, whole, parts


def said(key):
    """Whether code may say a key: it stands there, or a pattern makes it of texts that stand there."""
    texts, whole, parts = says()

    def part(text):
        return text in texts or any(set(m.groups()) <= texts for p in parts if (m := p.fullmatch(text)))

    return key in texts or any(all(map(part, m.groups())) for p in whole if (m := p.fullmatch(key)))


def reasons():
    """Why shipped definitions withhold an axis."""
    for definition in definitions():
        yield from (axis.withheld for axis in definition.axes.values() if axis.withheld is not None)
        yield from (rule.reason for rule in definition.withholdings)


def test_every_reason_of_a_shipped_definition_has_words_and_no_reason_stays_that_none_gives():
    given = {reason.key: reason.values["words"] for reason in reasons()}
    assert len(given) > 20
    assert {key: WORDS.get(key) for key in given} == given
    assert {key for key in WORDS if key.startswith("withheld.")} - set(given) == {"withheld.size_unknown"}


EARLIER = {"verdict.layers_strong", "verdict.other_layers_open"}
"""Said by documents that were made before parts were named (decision 0016); they are read for ever."""

FOUND_BY_WORDS = "toml_why."
"""Keys that `core.toml` finds by their English, the words of Python's own parser; `tests/core/test_strict.py` has texts for them."""


def test_every_word_of_the_catalogue_is_said_somewhere():
    keys = [key for key in WORDS if not key.startswith(("withheld.", FOUND_BY_WORDS)) and key not in EARLIER]
    assert set(WORDS) >= EARLIER
    assert [key for key in keys if not said(key)] == []


def test_a_key_that_nothing_names_is_noticed():
    for key in ("verdict.nobody_says_this", "limit.unheard_of", "inspect.flavour", "layers.paired_two", "term.sound layers"):
        assert not said(key), key


def test_every_key_that_code_asks_for_has_words():
    asked = 0
    for path, tree in trees().items():
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and node.args):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name not in ASKING:
                continue
            for pattern in patterns_of(node.args[0]):
                if re.match(r"[a-z_]+\\\.", pattern):
                    asked += 1
                    fits = re.compile(pattern).fullmatch
                    assert any(map(fits, WORDS)) or pattern.startswith(r"withheld\."), (path.name, pattern)
    assert asked > 300


def test_every_key_that_a_template_asks_for_has_words():
    asked = [key for text in template_texts() for key in re.findall(r"\bw\([\"'](\w+\.\w+)[\"'] *[,)]", text)]
    assert len(asked) > 30
    assert [key for key in asked if key not in WORDS] == []
