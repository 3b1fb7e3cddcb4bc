"""Every ordered pair of published vocabularies put to tokenizer lineage.

    python -m bench.tokenizers.real NAME=FILE... -o bench/results/tokenizers-real-1.json

The truths are those the vocabularies' makers state; every pair not among them is independent.
"""

from __future__ import annotations

import hashlib
import json
import sys
from itertools import permutations
from pathlib import Path
from typing import Any

from forebear.tokens.kinship import kinship, prepare, relation_of
from forebear.tokens.readers import load_vocabulary

FAMILIES = (
    frozenset({"gpt2", "p50k"}),
    frozenset({"cl100k", "qwen", "qwen3", "llama3"}),
    frozenset({"mistral-v1", "mistral-v3"}),
    frozenset({"minilm", "minilm-fine-tuned"}),
)
"""Vocabularies of one descent; between families, and for names in none, nothing is shared by descent."""


def kin(a: str, b: str) -> bool:
    """Whether two names belong to one family."""
    return any(a in family and b in family for family in FAMILIES)


def main(words: list[str]) -> int:
    """Judge the pairs and write the table."""
    target = Path(words[words.index("-o") + 1])
    files = dict(word.split("=", 1) for word in words[: words.index("-o")])
    prepared = {name: prepare(load_vocabulary(file), name) for name, file in files.items()}
    rows: list[dict[str, Any]] = []
    for a, b in permutations(prepared, 2):
        found = kinship(prepared[a], prepared[b])
        rows.append({
            "subject": a,
            "candidate": b,
            "said": relation_of(found),
            "right": (relation_of(found) != "unrelated") == kin(a, b),
            "shared": found.shared,
            "kept": found.kept_count,
            "new": found.new,
            "dropped": found.dropped,
            "order_kept": round(found.order_kept or 0.0, 4),
        })  # fmt: skip
    strangers = [row for row in rows if not kin(row["subject"], row["candidate"])]
    document = {
        "what": "tokenizer lineage on published vocabularies, every ordered pair",
        "files": {name: hashlib.sha256(Path(file).read_bytes()).hexdigest() for name, file in files.items()},
        "pairs": len(rows),
        "right": sum(row["right"] for row in rows),
        "independent_pairs": len(strangers),
        "independents_called_kin": sum(row["said"] != "unrelated" for row in strangers),
        "independents_highest_order_kept": max(row["order_kept"] for row in strangers),
        "independents_most_kept": max(row["kept"] for row in strangers),
        "results": rows,
    }
    target.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print({key: value for key, value in document.items() if key not in ("results", "files")}, file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
