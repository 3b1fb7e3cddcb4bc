"""Scores `case align`, `case check` and the name candidates on the sample against answer_key.toml.

    python examples/case_sample/score.py [-o results.json]

An error counts as found when a finding of its family quotes words of the marked sentence. A finding is false when it stands
on a sentence with no planted error of its family. Kinds that need meaning are reported apart and expected to be missed.
"""

from __future__ import annotations

import argparse
import json
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

from forebear.casefile.bitext.bitext import align_texts
from forebear.casefile.checks.checker import check_case
from forebear.casefile.checks.findings import Finding
from forebear.casefile.checks.names import name_candidates
from forebear.casefile.checks.pair import Knowledge
from forebear.casefile.document import pair_names, read_texts
from forebear.casefile.folder.folder import load_case
from forebear.core.messages import Message
from forebear.reports.catalogue import catalogue

HERE = Path(__file__).parent
FAMILY = {
    "magnitude": ("number/", "unit/"), "value": ("number/", "unit/"), "date": ("date/", "number/"), "unit": ("unit/", "number/"),
    "bound": ("number/bound",), "term": ("term/", "name/"), "name-homophone": ("name/",), "name-variant": ("name/", "term/"),
    "name-changed": ("name/", "term/"), "negation": ("negation/",), "hedge": ("certainty/",), "booster": ("certainty/",),
    "omission": ("omission/",), "addition": ("addition/",), "residue": ("untranslated/", "script/"), "foreign": ("script/", "conversion/", "untranslated/"),
    "conversion-differs": ("conversion/",), "conversion-cut": ("conversion/",), "emphasis": ("emphasis/",), "heading": ("heading/",),
    "quotes": ("quotes/",), "note": ("note/",), "meaning": ("negation/", "certainty/", "number/", "term/", "name/"),
}  # fmt: skip
NEEDS_MEANING = ("meaning",)


def score() -> dict[str, Any]:
    """All figures as one JSON value."""
    key = tomllib.loads((HERE / "answer_key.toml").read_text("utf-8"))
    case = load_case(HERE)
    texts = read_texts(HERE, case)
    links = {p: align_texts(texts[p[0]], texts[p[1]], case.correction) for p in pair_names(case, texts)}
    found = [f for f in check_case(texts, links, Knowledge(case.name, case.alias)) if f.rule != "note/front-matter"]
    hits: Counter[str] = Counter()
    total: Counter[str] = Counter()
    missed, used = [], set()
    for error in key["planted"]:
        family = "meaning" if error["tag"] in NEEDS_MEANING else "detectable"
        match = [i for i, f in enumerate(found) if f.rule.startswith(FAMILY[error["tag"]]) and _stands_on(f, error)]
        used.update(match)
        for name in (family, error["tag"]):
            total[name] += 1
            hits[name] += bool(match)
        if not match:
            missed.append({k: error[k] for k in ("tag", "source", "sentence")})
    # a sentence with a planted error may yield several findings of that error (a lost and an added figure)
    planted = [e for e in key["planted"] if e["tag"] not in NEEDS_MEANING]
    false = [
        f for i, f in enumerate(found) if i not in used and not any(_stands_on(f, e) and _kin(f, e) for e in planted)
    ]
    tempted = [t["exact"] for t in key["tempting"] if any(_quotes(f, t) for f in false)]
    true = len(found) - len(false)
    return {
        "planted": len(key["planted"]), "tempting": len(key["tempting"]), "findings": len(found),
        "recall_detectable": round(hits["detectable"] / total["detectable"], 4), "precision": round(true / max(1, len(found)), 4),
        "recall_needs_meaning": round(hits["meaning"] / max(1, total["meaning"]), 4),
        "by_kind": {k: f"{hits[k]}/{total[k]}" for k in sorted(total)}, "missed": missed,
        "false": [{"rule": f.rule, "left": f.left_quote[:80], "right": f.right_quote[:80], "why": catalogue().text(f.why.document() if isinstance(f.why, Message) else f.why)} for f in false],
        "tempted": tempted, "alignment": _links(texts, links, key["link"]), "names": _names(texts, key),
    }  # fmt: skip


def _stands_on(finding: Finding, error: dict[str, Any]) -> bool:
    if error["source"] not in (finding.right, finding.left):
        return False
    quotes = (finding.right_quote, finding.left_quote)
    if error["sentence"] and any(q and (q in error["sentence"] or error["sentence"] in q) for q in quotes):
        return (
            any(q and q in error["sentence"] and finding.right == error["source"] for q in quotes[:1])
            or not finding.right_quote
            or error["exact"] in finding.right_quote
            or finding.left_quote in error["original"]
        )
    return bool(error["original"]) and bool(finding.left_quote) and finding.left_quote in error["original"]


def _kin(finding: Finding, error: dict[str, Any]) -> bool:
    return finding.rule.startswith(FAMILY[error["tag"]])


def _quotes(finding: Finding, fine: dict[str, Any]) -> bool:
    return finding.right == fine["source"] and bool(finding.right_quote) and finding.right_quote in fine["sentence"]


def _links(texts: dict[str, Any], links: dict[Any, Any], wanted: list[dict[str, str]]) -> dict[str, Any]:
    """F1 of sentence links against the table's rows, by the words of each sentence."""
    got, want = set(), set()
    for (_, right), pair_links in links.items():
        if right in ("ja", "en"):
            for link in pair_links:
                got |= {(right, i, j) for i in link.left for j in link.right}
    at: dict[tuple[str, str], int] = {}
    for entry in wanted:
        name = entry["source"]
        a, b = (_where(texts[n], entry[side], at, (name, side)) for n, side in (("zh-hans", "left"), (name, "right")))
        want |= {(name, i, j) for i in a for j in b}
    hit = len(got & want)
    return {"links": len(want), "f1": round(2 * hit / (len(got) + len(want)), 4)}


def _where(text: Any, words: str, at: dict[tuple[str, str], int], key: tuple[str, str]) -> list[int]:
    """Segments of a cell of the table, looked for from where the last cell ended."""
    start = text.extract.text.index(words.strip(), at.get(key, text.segments[0].start))
    at[key] = start + len(words.strip())
    return [s.index for s in text.segments if s.start < at[key] and s.end > start]


def _names(texts: dict[str, Any], key: dict[str, Any]) -> dict[str, Any]:
    """Recall of name candidates: every spelling of a person that stands in a source."""
    wanted = [n for n in key["people"]["spellings"] if any(n in t.extract.text for t in texts.values())]
    candidates = name_candidates(texts.values())
    missing = [n for n in wanted if not any(n == c or n in c or c in n for c in candidates)]
    return {
        "spellings": len(wanted),
        "recall": round(1 - len(missing) / len(wanted), 4),
        "missing": missing,
        "candidates": len(candidates),
    }


def main() -> None:
    """Print the figures; write them with -o."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", type=Path)
    given = parser.parse_args()
    text = json.dumps(score(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    print(text)
    if given.o:
        given.o.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
