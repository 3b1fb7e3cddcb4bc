"""Departures of known kinds, made from patterns, and what the discrepancy checker says of them and of the right translations.

    python -m bench.case_kinds seen|held|fresh [--each 20] [--show] [--output FILE]

Patterns: bench/kinds/seen.toml (read while rules were written), held.toml (run when they were frozen, decision 0075) and fresh.toml
(after the freeze of 0097).
Each pattern is filled with figures and words from seed 75 and is a case of its own; names are proposed as `case check` does.
"""

from __future__ import annotations

import argparse
import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forebear.casefile.bitext.bitext import Text, align_texts, read_text
from forebear.casefile.checks.checker import check_case
from forebear.casefile.checks.conversion import convert
from forebear.casefile.checks.findings import Finding
from forebear.casefile.checks.names import with_candidates
from forebear.casefile.checks.pair import Knowledge
from forebear.casefile.folder.model import CaseFile, Source
from forebear.casefile.text.extract import extract
from forebear.core.seeds import generator

SEED = 75
HERE = Path(__file__).parent / "kinds"
SCRIPTS = {"zh": "Hans", "hant": "Hant", "ja": "Jpan", "en": "Latn"}
LANGUAGES = ("zh", "ja", "en")
_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}


@dataclass(frozen=True)
class Variant:
    """One filled pattern; wrong is "" for a pattern that only tempts."""

    kind: str
    language: str
    into: str
    conversion: str
    text: str
    right: str
    wrong: str
    rule: tuple[str, ...]


def han(value: int) -> str:
    """A number below 100 in Han numerals."""
    digits = "零一二三四五六七八九"
    tens, ones = divmod(value, 10)
    return (("" if tens == 1 else digits[tens]) + "十" if tens else "") + (digits[ones] if ones or not tens else "")


def english(value: int) -> str:
    """A number below 100 in English words."""
    ones, tens = _ONES.split(), _TENS.split()
    if value < 20:
        return ones[value]
    return tens[value // 10 - 2] + (f"-{ones[value % 10]}" if value % 10 else "")


def ordinal(value: int) -> str:
    """The same as an ordinal."""
    head, dash, last = english(value).rpartition("-")
    said = _ORDINALS.get(last) or (last[:-1] + "ieth" if last.endswith("y") else last + "th")
    return head + dash + said


def variants(part: str, each: int) -> Iterator[Variant]:
    """`each` variants of every kind of a part, its patterns in turn."""
    table = tomllib.loads((HERE / f"{part}.toml").read_text("utf-8"))
    kinds: dict[str, list[Mapping[str, Any]]] = {}
    for pattern in table["pattern"]:
        kinds.setdefault(pattern["kind"], []).append(pattern)
    for kind, patterns in kinds.items():
        rng = generator(f"bench/case_kinds/{part}/{kind}", SEED)
        for i in range(each):
            yield _filled(patterns[i % len(patterns)], table["words"], rng)


def _filled(pattern: Mapping[str, Any], words: Mapping[str, Any], rng: Any) -> Variant:
    conversion = pattern.get("conversion", "")
    n, m = (int(x) for x in rng.choice(range(13, 98), 2, replace=False))
    s, t = (int(x) for x in rng.choice(range(3, 10), 2, replace=False))
    said: dict[str, Any] = {}
    for name, value in {"n": n, "m": m, "s": s, "t": t}.items():
        said |= {name: value, f"{name}_han": han(value), f"{name}_en": english(value), f"{name}_ord": ordinal(value)}
    for name, choices in words.items():
        chosen = choices[int(rng.integers(len(choices)))]
        said |= {f"{name}_{language}": word for language, word in zip(LANGUAGES, chosen, strict=False)}
        said |= {f"{name}_{i}": word for i, word in enumerate(chosen)}
        said[f"{name}_hant"] = convert(chosen[0], conversion or "s2tw")
    text, right, wrong = (pattern.get(side, "").format(**said) for side in ("text", "right", "wrong"))
    return Variant(
        pattern["kind"],
        pattern.get("from", "zh"),
        pattern["into"],
        conversion,
        text,
        right,
        wrong,
        tuple(pattern.get("rule", ())),
    )


def _text(name: str, language: str, body: str, of: str = "", conversion: str = "") -> Text:
    tag = "zh" if language == "hant" else language
    role = "machine-conversion" if conversion else "translation" if of else "original"
    source = Source(id=name, file="", sha256="", bytes=0, media="text/markdown", language=tag, script=SCRIPTS[language],
                    role=role, of=of, conversion=conversion)  # fmt: skip
    return read_text(source, extract(body, "text/markdown"))


def findings(variant: Variant, body: str) -> list[Finding]:
    """What the checker says of one translation."""
    texts = {
        "o": _text("o", variant.language, variant.text),
        "t": _text("t", variant.into, body, "o", variant.conversion),
    }
    links = {("o", "t"): align_texts(texts["o"], texts["t"])}
    named = with_candidates(CaseFile("", ""), texts.values())
    return check_case(texts, links, Knowledge(named.name, ()))


def told(finding: Finding) -> bool:
    """Whether a finding is told, not only noted or counted as to look at."""
    return finding.severity != "neutral" and finding.told


def measure(part: str, each: int, show: bool = False) -> dict[str, Any]:
    """By kind: planted, found, found at all (told or to look at), right ones, false findings told on them."""
    rows: dict[str, dict[str, int]] = {}
    for variant in variants(part, each):
        row = rows.setdefault(variant.kind, {"planted": 0, "found": 0, "seen": 0, "right": 0, "false": 0})
        row["right"] += 1
        false = [f for f in findings(variant, variant.right) if told(f)]
        row["false"] += bool(false)
        if show and false:
            shown = [(f.rule, f.left_quote, f.right_quote) for f in false]
            print(f"FALSE {variant.kind}: {variant.text} | {variant.right} | {shown}")
        if not variant.wrong:
            continue
        hits = [f for f in findings(variant, variant.wrong) if f.rule.startswith(variant.rule)]
        row["planted"] += 1
        row["found"] += any(told(f) or f.rule.startswith("note/") for f in hits)
        row["seen"] += bool(hits)
        if show and not hits:
            print(f"MISSED {variant.kind}: {variant.text} | {variant.wrong}")
    total = {key: sum(row[key] for row in rows.values()) for key in ("planted", "found", "seen", "right", "false")}
    return {"part": part, "seed": SEED, "each": each, "total": total, "kinds": rows}


def main() -> int:
    """Parse, measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("seen", "held", "fresh"))
    parser.add_argument("--each", type=int, default=20)
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    result = measure(given.part, given.each, given.show)
    text = json.dumps(result, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    if given.output:
        given.output.write_text(text, "utf-8")
    for kind, row in sorted(result["kinds"].items()):
        found = f"found {row['found']:3} (seen {row['seen']:3}) of {row['planted']:3}"
        print(f"{kind:18} {found}; false on {row['false']:3} of {row['right']:3}")
    print(result["total"])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
