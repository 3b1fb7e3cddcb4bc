"""A blind sheet of findings for readers who see neither code nor rules, and what their answers say.

    python -m bench.case_sheet sheet --words FILE --sheet FOLDER --key FILE [--items 150] [--decoys 35] [--seed 93]
    python -m bench.case_sheet score --key FILE --readers FOLDER FOLDER [--output FILE]

sheet writes FOLDER/part-01.md and so on, PART items each; a reader's FOLDER holds one or more JSON files of answers by item.

An item is a sentence of an original and one of its translation, with a neighbour on each side, and one plain statement. Decoys are
linked sentences about which nothing is told, with a statement of one of the kinds that the sheet has. Order and choice are seeded.
"""

from __future__ import annotations

import argparse
import json
import re
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from forebear.core.seeds import generator

SEED = 93
PART = 20
"""Items of one part, which a reader answers in about five minutes."""
LONGEST = 700
"""Characters of a side that are shown at most, the rest being said to be left out."""
STATEMENTS = tomllib.loads((Path(__file__).parent / "kinds" / "statements.toml").read_text("utf-8"))


def statement(item: Mapping[str, Any]) -> str:
    """What a finding says, in one plain sentence; "" for a kind that is not put to readers."""
    rule = item["rule"]
    left, right = (_short(item[side]) for side in ("left_quote", "right_quote"))
    if item["ground"] == "term/spelling":
        rule = "term/spelling"
    if rule == "negation/polarity" or rule.startswith("certainty/"):
        whole = " ".join(item["translation"][1].split())
        lost = " ".join(item["right_quote"].split()) == whole
        rule = f"{rule if rule == 'negation/polarity' else 'certainty'} {'lost' if lost else 'added'}"
    count = len(item["left_segments"]) or len(item["right_segments"])
    return STATEMENTS[rule].format(left=left, right=right, count=count) if rule in STATEMENTS else ""


def _short(text: str) -> str:
    text = " ".join(text.split())
    text = "".join(f"<U+{ord(c):04X}>" if re.match(r"[\u200b-\u200f\u202a-\u202e\ufeff]", c) else c for c in text)
    return text if len(text) <= 80 else f"{text[:50]} … {text[-25:]}"


def items(
    found: Sequence[Mapping[str, Any]], plain: Sequence[Mapping[str, Any]], wanted: int, decoys: int, seed: int
) -> list[dict[str, Any]]:
    """The items of a sheet in order: every told finding (a seeded sample where there are too many), counted ones, decoys."""
    rng = generator("bench/case_sheet", seed)
    usable = [f for f in found if statement(f)]
    told, counted = [f for f in usable if f["told"]], [f for f in usable if not f["told"]]
    told = [told[int(i)] for i in rng.permutation(len(told))[:wanted]]
    picked = _spread(counted, max(0, wanted - len(told)), rng)
    made = [{"kind": "told", "item": f, "statement": statement(f)} for f in told]
    made += [{"kind": "counted", "item": f, "statement": statement(f)} for f in picked]
    shapes = [f for f in told + picked if f["left_quote"] or f["right_quote"]]
    for i in (int(i) for i in rng.permutation(len(plain))):
        if sum(m["kind"] == "decoy" for m in made) >= decoys:
            break
        invented = _decoy(plain[i], shapes[int(rng.integers(len(shapes)))], rng)
        if invented is not None:
            made.append({"kind": "decoy", "item": invented, "statement": statement(invented)})
    return [made[int(i)] for i in rng.permutation(len(made))]


def _spread(counted: Sequence[Mapping[str, Any]], most: int, rng: Any) -> list[Mapping[str, Any]]:
    """Up to `most` of the counted ones, kinds in turn."""
    by_rule: dict[str, list[Mapping[str, Any]]] = {}
    for i in rng.permutation(len(counted)):
        by_rule.setdefault(counted[int(i)]["rule"], []).append(counted[int(i)])
    picked: list[Mapping[str, Any]] = []
    while len(picked) < most and any(by_rule.values()):
        for rule in sorted(by_rule):
            if by_rule[rule] and len(picked) < most:
                picked.append(by_rule[rule].pop())
    return picked


_WORDS = {"en": r"\b[a-z]{4,}\b", "zh": r"[\u4e00-\u9fff]{2,4}", "ja": r"[\u4e00-\u9fff\u30a1-\u30fa]{2,5}"}


def _decoy(plain: Mapping[str, Any], like: Mapping[str, Any], rng: Any) -> dict[str, Any] | None:
    """A pair of linked sentences with a statement of the kind of a real finding, about words or figures that both sides have."""
    rule = like["rule"]
    a, b = plain["original"][1], plain["translation"][1]
    words = [re.findall(_WORDS[plain[side]], text) for side, text in (("left", a), ("right", b))]
    figures = [re.findall(r"\d[\d.,]*\d|\d", text) for text in (a, b)]
    names = [n for n in re.findall(r"[A-Z][A-Za-z]{2,}", a) if n in b]
    made = dict(plain) | {"rule": rule, "ground": like["ground"], "told": False, "left_quote": a, "right_quote": b}
    if rule.startswith(("number/", "date/", "unit/")):
        if not figures[0] or not figures[1]:
            return None
        return made | {"left_quote": figures[0][0], "right_quote": figures[1][-1]}
    if rule.startswith(("term/", "name/", "glossary/")):
        return made | {"left_quote": names[0], "right_quote": names[-1]} if len(set(names)) > 1 else None
    if rule == "untranslated/residue":
        gone = [w for w in words[0] if w.lower() not in b.lower()]
        return made | {"right_quote": str(rng.choice(gone))} if gone else None
    if rule == "script/foreign":
        return made | {"right_quote": words[1][0][0]} if words[1] and plain["right"] != "en" else None
    if rule.startswith(("omission/", "addition/")):
        side = "translation" if rule.startswith("omission/") else "original"
        made[side] = [
            " ⏎ ".join(p for p in plain[side] if p),
            "",
            "",
        ]  # shown as a real one: the place, nothing set against it
        made["rule"] = rule.replace("passage", "sentence")
        return made
    if rule == "control/characters" or not words[0] or not words[1]:
        return None
    lost = bool(rng.integers(2))
    quote = (
        {"left_quote": str(rng.choice(words[0])), "right_quote": b}
        if lost
        else {"left_quote": a, "right_quote": str(rng.choice(words[1]))}
    )
    if rule in ("negation/modal", "contradiction/opposite"):
        quote = {"left_quote": str(rng.choice(words[0])), "right_quote": str(rng.choice(words[1]))}
    return made | quote


def sheet(made: Sequence[Mapping[str, Any]], first: int) -> str:
    """A part of the sheet as Markdown, its items numbered from `first`."""
    lines = [
        "# Sentences of originals and of their translations", "",
        "Each item shows a place of an original and of its translation (between ⟦ and ⟧; neighbouring sentences stand before and",
        "behind), and one statement about it. Is the statement true of this pair? What is wrong but is not what the statement says",
        "does not count.",
        "An empty ⟦⟧ means that nothing of that side is set against the other; the sentences around the place are shown.",
        "Languages: en English, zh Chinese, ja Japanese. `…` stands where a long text is cut.", "",
    ]  # fmt: skip
    for number, entry in enumerate(made, first):
        item = entry["item"]
        lines += [
            f"## {number}", "", f"- Original ({item['left']}): {_side(item['original'])}",
            f"- Translation ({item['right']}): {_side(item['translation'])}", f"- **Statement:** {entry['statement']}", "",
        ]  # fmt: skip
    return "\n".join(lines)


def _side(parts: Sequence[str]) -> str:
    before, own, behind = (" ".join(p.split()) for p in parts)
    if not own and not behind:
        return f"{before[:LONGEST]} ⟦⟧"
    if len(own) > LONGEST:
        own = f"{own[: LONGEST * 2 // 3]} … {own[-LONGEST // 3 :]}"
    return f"{before[-200:]} ⟦{own}⟧ {behind[:200]}".strip()


def score(key: Mapping[str, Any], readers: Sequence[Mapping[str, bool]]) -> dict[str, Any]:
    """Truth of what is told, counted and invented by reader; kappa of the two; by kind; false ones a hundred segments."""
    entries: Mapping[str, Any] = key["items"]
    shared = [n for n in entries if all(n in r for r in readers)]
    result: dict[str, Any] = {"answered": len(shared), "items": len(entries), "readers": []}
    for answers in readers:
        row: dict[str, Any] = {}
        for kind in ("told", "counted", "decoy"):
            own = [bool(answers[n]) for n in shared if entries[n]["kind"] == kind]
            row[kind] = {"true": sum(own), "read": len(own)}
        rules: dict[str, list[int]] = {}
        pairs: Counter[str] = Counter()
        for n in shared:
            e = entries[n]
            if e["kind"] != "decoy":
                cell = rules.setdefault(f"{e['kind']} {e['by']}", [0, 0])
                cell[0] += bool(answers[n])
                cell[1] += 1
            if e["kind"] == "told" and not answers[n]:
                pairs[e["pair"]] += 1
        row["by_kind"] = dict(sorted(rules.items()))
        share = {
            p: key["told_by_pair"].get(p, 0)
            / max(1, sum(e["pair"] == p and e["kind"] == "told" for e in entries.values()))
            for p in key["segments"]
        }
        row["false_per_100"] = {p: round(100 * pairs[p] * share[p] / s, 3) for p, s in key["segments"].items()}
        result["readers"].append(row)
    if len(readers) == 2:
        result["kappa"] = kappa([bool(readers[0][n]) for n in shared], [bool(readers[1][n]) for n in shared])
        result["both_true_told"] = sum(all(r[n] for r in readers) for n in shared if entries[n]["kind"] == "told")
    return result


def kappa(one: Sequence[bool], other: Sequence[bool]) -> float:
    """Cohen's kappa of two readers (Cohen 1960): agreement beyond what their own shares of true would give by chance."""
    n = len(one)
    agree = sum(a == b for a, b in zip(one, other, strict=True)) / n
    p, q = sum(one) / n, sum(other) / n
    chance = p * q + (1 - p) * (1 - q)
    return round((agree - chance) / (1 - chance), 4) if chance < 1 else 1.0


def _answers(folder: Path) -> dict[str, bool]:
    """All answers of one reader, by item."""
    found: dict[str, bool] = {}
    for path in sorted(folder.glob("*.json")):
        found |= json.loads(path.read_text("utf-8"))
    return found


def main() -> int:
    """Parse, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("sheet", "score"))
    parser.add_argument("--words", type=Path, help="findings with their words, from bench.case_texts findings --words")
    parser.add_argument(
        "--plain", type=Path, help="linked sentences with nothing told, from the same run: FILE.plain.json"
    )
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--key", type=Path, required=True)
    parser.add_argument("--readers", type=Path, nargs="*", default=[])
    parser.add_argument("--items", type=int, default=150)
    parser.add_argument("--decoys", type=int, default=35)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    if given.what == "score":
        read = [_answers(folder) for folder in given.readers]
        text = json.dumps(score(json.loads(given.key.read_text("utf-8")), read), indent=1, ensure_ascii=False) + "\n"
        print(text)
        if given.output:
            given.output.write_text(text, "utf-8")
        return 0
    run = json.loads(given.words.read_text("utf-8"))
    made = items(run["findings"], run["plain"], given.items, given.decoys, given.seed)
    given.sheet.mkdir(parents=True, exist_ok=True)
    for first in range(0, len(made), PART):
        name = f"part-{first // PART + 1:02d}.md"
        (given.sheet / name).write_text(sheet(made[first : first + PART], first + 1), "utf-8")
    rows = {str(n): {"kind": m["kind"], "rule": m["item"]["rule"], "ground": m["item"]["ground"],
                     "by": m["item"]["ground"] or m["item"]["rule"], "pair": f"{m['item']['left']}-{m['item']['right']}",
                     "case": m["item"]["case"]} for n, m in enumerate(made, 1)}  # fmt: skip
    key = {
        "seed": given.seed,
        "items": rows,
        "segments": run["report"]["segments"],
        "told_by_pair": run["report"]["told_by_pair"],
    }
    given.key.write_text(json.dumps(key, indent=1), "utf-8")
    print(Counter(m["kind"] for m in made))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
