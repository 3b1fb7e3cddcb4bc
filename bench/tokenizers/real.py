"""Every ordered pair of published vocabularies put to tokenizer lineage.

    python -m bench.tokenizers.real --half writing|held-out|all -o bench/results/tokenizers-real-2.json

The vocabularies, their halves and their truths with sources: bench/tokenizers/vocabularies.toml; files: scripts/fetch_real.py.
A pair belongs to the half "writing" when both sides do; the held-out run is of every other pair. Rules: decisions 0007, 0028.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tomllib
from collections.abc import Mapping, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

from forebear.models.published.gguf_tokens import load_tokenizer
from forebear.tokens.kinship import Kinship, Prepared, kinship, prepare
from forebear.tokens.relation import ALIKE, alikeness, relation_of
from scripts.fetch_real import find, manifest

TABLE = Path(__file__).with_name("vocabularies.toml")
KIN = frozenset({"identical", "renumbered", "extended", "trimmed", "partly-relearnt"})
RIGHT = {
    "kin": KIN,
    "independent": frozenset({"unrelated"}),
    "overlapping text": ALIKE | {"unrelated"},
    "same text": KIN | ALIKE | {"unrelated"},
    "unstated": KIN | ALIKE | {"unrelated"},
}
"""Which answers are no error for each truth; what is learnt from the same text, or unstated, is shown and not counted."""
FIGURES = ("subject", "candidate", "shared", "order_kept", "order_strength", "contained", "overlap")
COUNTED = ("kin", "independent", "overlapping text")


def table(path: Path = TABLE) -> dict[str, Any]:
    """The vocabularies and what is known of them."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


def truth(known: Mapping[str, Any], a: str, b: str) -> str:
    """What two vocabularies are to each other, by the table."""

    def both(kind: str) -> list[Mapping[str, Any]]:
        return [entry for entry in known[kind] if a in entry["members"] and b in entry["members"]]

    if both("family"):
        return "kin"
    if both("unstated"):
        return "unstated"
    texts = {entry["kind"] for entry in both("text")}
    return "same text" if "same" in texts else "overlapping text" if texts else "independent"


def files(known: Mapping[str, Any]) -> dict[str, Path]:
    """Name → file. Raises SystemExit for one that is not in the cache."""
    items = manifest()
    found = {}
    for entry in known["vocabulary"]:
        folder = find(items[entry["item"]])
        if folder is None:
            raise SystemExit(f"{entry['item']} is missing: python scripts/fetch_real.py {entry['item']}")
        found[entry["name"]] = folder / entry["file"]
    return found


def row(found: Kinship, fact: str) -> dict[str, Any]:
    """One ordered pair: what was said of it, and the figures behind."""
    said, like = relation_of(found), alikeness(found)
    return {
        "subject": found.subject.name,
        "candidate": found.candidate.name,
        "truth": fact,
        "said": said,
        "right": said in RIGHT[fact],
        "tokens": [len(found.subject.tokens), len(found.candidate.tokens)],
        "shared": found.shared,
        "kept": found.kept_count,
        "order_kept": round(found.order_kept or 0.0, 4),
        "order_strength": round(like.strength, 2),
        "contained": round(like.contained, 4),
        "overlap": round(like.overlap, 4),
    }


def summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Right answers by truth, and how high the null reaches."""
    facts = {fact: [one for one in rows if one["truth"] == fact] for fact in RIGHT}
    null = facts["independent"] + facts["overlapping text"]
    return {
        "pairs": len(rows),
        "counted": sum(one["truth"] in COUNTED for one in rows),
        "wrong": sum(not one["right"] for one in rows),
        "by_truth": {fact: _tally(found) for fact, found in facts.items() if found},
        "null": {
            key: max((one[key] for one in null), default=None)
            for key in ("order_kept", "order_strength", "contained", "overlap", "kept")
        },
    }


def _tally(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    said = sorted({one["said"] for one in rows})
    return {"pairs": len(rows), "said": {name: sum(one["said"] == name for one in rows) for name in said}}


def listed(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The rows, those of independents rightly found unrelated as bare figures: they are nearly all of them."""
    plain = [one for one in rows if one["truth"] == "independent" and one["said"] == "unrelated"]
    return {
        "results": [one for one in rows if one["truth"] != "independent" or one["said"] != "unrelated"],
        "independents": [list(FIGURES), *([one[key] for key in FIGURES] for one in plain)],
    }


def as_text(document: Mapping[str, Any]) -> str:
    """JSON with one row a line."""
    parts = []
    for key, value in document.items():
        rows = ",\n".join(json.dumps(one) for one in value) if isinstance(value, list) else None
        parts.append(f"{json.dumps(key)}: " + (json.dumps(value, indent=1) if rows is None else f"[\n{rows}\n]"))
    return "{\n" + ",\n".join(parts) + "\n}"


def main(words: list[str]) -> int:
    """Judge the pairs and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", choices=("writing", "held-out", "all"), required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    stated = parser.parse_args(words)
    known = table()
    writing = {entry["name"] for entry in known["vocabulary"] if entry["half"] == "writing"}
    paths = {name: path for name, path in files(known).items() if stated.half != "writing" or name in writing}
    ready: dict[str, Prepared] = {name: prepare(load_tokenizer(path), name) for name, path in paths.items()}
    rows = []
    for a, b in permutations(ready, 2):
        half = "writing" if a in writing and b in writing else "held-out"
        if stated.half in ("all", half):
            rows.append(row(kinship(ready[a], ready[b]), truth(known, a, b)) | {"half": half})
    document = {
        "what": f"tokenizer lineage on published vocabularies, every ordered pair of the half {stated.half!r}",
        "files": {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in paths.items()},
        **summary(rows),
        "halves": {
            half: summary([one for one in rows if one["half"] == half]) for half in sorted({r["half"] for r in rows})
        },
        **listed(rows),
    }
    stated.output.write_text(as_text(document) + "\n", encoding="utf-8")
    print(json.dumps(summary(rows)), file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
