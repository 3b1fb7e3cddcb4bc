"""Make forebear/tokens/data/known.json from tokenizer files: digests and a sample of each, no token text.

python -m bench.tokenizers.known NAME=FILE... -o forebear/tokens/data/known.json
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

from forebear.tokens.kinship import prepare
from forebear.tokens.known import SAMPLED, order_digest, sampled, set_digest
from forebear.tokens.readers import load_vocabulary


def main(words: list[str]) -> int:
    """Read each file and write the table."""
    target = Path(words[words.index("-o") + 1])
    rows = []
    for word in words[: words.index("-o")]:
        name, _, file = word.partition("=")
        prepared = prepare(load_vocabulary(file), name)
        rows.append({
            "name": name,
            "file_sha256": hashlib.sha256(Path(file).read_bytes()).hexdigest(),
            "tokens": len(prepared.tokens),
            "set_sha256": set_digest(prepared),
            "order_sha256": order_digest(prepared),
            "sample": sampled(prepared),
        })  # fmt: skip
    target.write_text(json.dumps({"one_in": SAMPLED, "vocabularies": rows}, indent=0) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
