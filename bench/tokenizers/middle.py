"""Published vocabularies changed so that no exact order is left: is the likeness seen, and of the right candidate?

    python -m bench.tokenizers.middle --half writing|held-out -o bench/results/tokenizers-middle-1.json

Each vocabulary of the half is changed in five ways and put against itself and against another vocabulary of its half that
is independent of it. Rules: decision 0028.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.tokenizers.real import KIN, files, table, truth
from forebear.models.published.gguf_tokens import load_tokenizer
from forebear.tokens.kinship import Prepared, prepare
from forebear.tokens.lineage_words import head_of
from forebear.tokens.parents import descent
from forebear.tokens.relation import IN_ORDER, IN_TOKENS
from forebear.tokens.vocabulary import Vocabulary

Tokens = Sequence[bytes]
LEAST = 4000
"""Smaller vocabularies are left out: the answer is not promised for them."""


def fresh(count: int) -> list[bytes]:
    """Tokens that no vocabulary has."""
    return [b"\xf4\x8f\xbf%d" % number for number in range(count)]


def _part(tokens: Tokens, share: float, chance: random.Random) -> list[bytes]:
    return [token for token in tokens if chance.random() < share]


def jittered(tokens: Tokens, chance: random.Random) -> list[bytes]:
    """Every id moved by some 64 places, a tenth of the tokens dropped, a twentieth added."""
    place = {token: at + chance.gauss(0, 64) for at, token in enumerate(tokens)}
    return sorted(_part(tokens, 0.9, chance), key=lambda token: place[token]) + fresh(len(tokens) // 20)


def lower_cased(tokens: Tokens, chance: random.Random) -> list[bytes]:
    """Capital letters made small, what then is there twice dropped."""
    return list(dict.fromkeys(token.decode("utf-8", "surrogateescape").lower().encode("utf-8", "surrogateescape")
                              for token in tokens))  # fmt: skip


def reversed_ids(tokens: Tokens, chance: random.Random) -> list[bytes]:
    """The last id first, a twentieth dropped and a twentieth added."""
    return _part(tokens, 0.95, chance)[::-1] + fresh(len(tokens) // 20)


def shuffled(tokens: Tokens, chance: random.Random) -> list[bytes]:
    """Shuffled ids, a twentieth dropped and a thirtieth added."""
    some = _part(tokens, 0.95, chance) + fresh(len(tokens) // 30)
    return chance.sample(some, len(some))


def contained(tokens: Tokens, chance: random.Random) -> list[bytes]:
    """Six tenths of the tokens under shuffled ids, and one in two hundred added."""
    some = _part(tokens, 0.6, chance) + fresh(len(tokens) // 200)
    return chance.sample(some, len(some))


CHANGES: dict[str, tuple[Callable[[Tokens, random.Random], list[bytes]], frozenset[str]]] = {
    "jittered": (jittered, frozenset({IN_ORDER})),
    "lower-cased": (lower_cased, KIN | {IN_ORDER}),
    "reversed": (reversed_ids, frozenset({IN_ORDER})),
    "shuffled": (shuffled, frozenset({IN_TOKENS})),
    "contained": (contained, frozenset({IN_TOKENS})),
}
"""What is done, and the answers that are right: changed case may leave enough in exact order to show descent."""


def judge(kind: str, source: Prepared, other: Prepared) -> dict[str, Any]:
    """One changed vocabulary put against its source and an independent."""
    change, right = CHANGES[kind]
    tokens = change(source.tokens, random.Random(f"tokenizers/middle/{kind}/{source.name}"))
    subject = prepare(Vocabulary("bpe", tuple(tokens), frozenset()), "subject")
    found = descent(subject, [other, source])
    named = head_of(found).candidate.name
    return {
        "change": kind,
        "source": source.name,
        "other": other.name,
        "said": found.relation,
        "named": named,
        "right": found.relation in right and named == source.name,
    }


def main(words: list[str]) -> int:
    """Judge every change of every vocabulary of a half, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", choices=("writing", "held-out"), required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    stated = parser.parse_args(words)
    known = table()
    paths = files(known)
    names = [entry["name"] for entry in known["vocabulary"] if entry["half"] == stated.half]
    ready = {name: prepare(load_tokenizer(paths[name]), name) for name in names}
    large = [name for name in names if len(ready[name].tokens) >= LEAST]
    rows = []
    for place, name in enumerate(large):
        after = large[place + 1 :] + large[:place]
        other = next(one for one in after if truth(known, name, one) == "independent")
        rows += [judge(kind, ready[name], ready[other]) for kind in CHANGES]
    document = {
        "what": f"published vocabularies of the half {stated.half!r}, changed so that no exact order is left",
        "right": {kind: sum(row["right"] for row in rows if row["change"] == kind) for kind in CHANGES},
        "of": len(large),
        "results": rows,
    }
    stated.output.write_text(json.dumps(document, indent=0) + "\n", encoding="utf-8")
    print(document["right"], "of", document["of"], file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
