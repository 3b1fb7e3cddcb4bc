"""What the masked phrases of cues.toml are worth: each left out, and all, on the texts of a part of texts.toml.

    python -m bench.case_cues PART [PART...] --repositories DIR [--output FILE]

A phrase (refused) is taken out of a sentence before words of negation or certainty are looked for. For each: in how many sentences
it stands, and in how many the reading (strong words, and whether a set phrase has one) is another without it. --all: findings of
negation told and counted with all of a language left out, clean and with errors planted (seed 106, four of a kind a translation).
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import bench.case_texts as texts
from forebear.casefile.checks import cues
from forebear.casefile.data import packaged_table
from forebear.casefile.facts.fact import narrow

SEED, EACH = 106, 4


def sentences(case: texts.Case) -> Iterator[tuple[str, str]]:
    """(language, sentence) of all texts of a case."""
    for text in case.texts.values():
        for segment in text.segments:
            yield text.language, segment.text


def worth(cases: Sequence[texts.Case]) -> list[dict[str, Any]]:
    """Every masked phrase: family, language, phrase, sentences it stands in, and how many of them are read otherwise without it."""
    stored: dict[str, set[str]] = {}
    for case in cases:
        for language, sentence in sentences(case):
            stored.setdefault(language, set()).add(sentence)
    rows = []
    for cue in packaged_table(cues._Cues, "cues.toml").cue:
        for phrase in cue.refused:
            pattern = re.compile(narrow(phrase), re.I)
            held = [s for s in sorted(stored.get(cue.language, ())) if pattern.search(narrow(s))]
            before = [cues.seen(cue.family, cue.language, s) for s in held]
            with without(cue.family, cue.language, {phrase}):
                after = [cues.seen(cue.family, cue.language, s) for s in held]
            changed = sum(a != b for a, b in zip(before, after, strict=True))
            rows.append({"family": cue.family, "language": cue.language, "phrase": phrase, "stands": len(held), "changes": changed})
    return rows


class without:
    """The lists without some masked phrases of a language, or of all when none are named, while it lasts."""

    def __init__(self, family: str, language: str, phrases: set[str]) -> None:
        self.key, self.phrases = (family, language), phrases

    def __enter__(self) -> None:
        self.table: Any = vars(cues)["packaged_table"]
        old = self.table(cues._Cues, "cues.toml")
        kept = tuple(self._less(c) if (c.family, c.language) == self.key else c for c in old.cue)
        vars(cues)["packaged_table"] = lambda kind, name: cues._Cues(kept) if kind is cues._Cues else self.table(kind, name)
        self._forget()

    def __exit__(self, *_: object) -> None:
        vars(cues)["packaged_table"] = self.table
        self._forget()

    def _less(self, cue: cues._Cue) -> cues._Cue:
        return replace(cue, refused=tuple(r for r in cue.refused if r not in self.phrases))

    @staticmethod
    def _forget() -> None:
        cues._lists.cache_clear()
        cues.seen.cache_clear()


def counts(cases: Sequence[texts.Case]) -> dict[str, int]:
    """Findings of negation told and counted, and planted negations told and counted."""
    found = [f for case in cases for f in texts.findings(case) if f.rule.startswith("negation/")]
    met = Counter(how for case in cases for e, how in texts.recall(case, EACH, SEED)[0] if e.kind.startswith("negation"))
    told = sum(f.told for f in found)
    return {"told": told, "counted": len(found) - told, **{f"planted {k}": v for k, v in met.items()}}


def main() -> int:
    """Parse, measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="+")
    parser.add_argument("--repositories", type=Path, required=True)
    parser.add_argument("--all", action="store_true", help="also the findings with all masked phrases of negation left out")
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    every = [case for part in given.parts for case in texts.cases(part, given.repositories)]
    result: dict[str, Any] = {"parts": given.parts, "phrases": worth(every)}
    if given.all:
        result["as it is"] = counts(every)
        for cue in packaged_table(cues._Cues, "cues.toml").cue:
            if cue.family == "negation":
                with without("negation", cue.language, set(cue.refused)):
                    result[f"none masked: {cue.language}"] = counts(every)
    text = json.dumps(result, indent=1, ensure_ascii=False) + "\n"
    print(text)
    if given.output:
        given.output.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
