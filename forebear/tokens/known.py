"""Vocabularies we know by sight: digests of their tokens, and a sample of tokens in order, enough to see kin without the file.

Every entry was made from a file that was held (its package and digest are in data/known.json, as is the list of those wanted).
Reserved places ("[unused7]", "<unused7>", "<reserved_7>") count nowhere: containers differ in whether they are special.
The sample is every token whose hash is divisible by SAMPLED, so that samples of kin hold the same tokens.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from forebear.tokens.kinship import Prepared, prepare
from forebear.tokens.order import longest_chain
from forebear.tokens.vocabulary import Vocabulary

SAMPLED = 256
LEAST_SAMPLE = 20
"""Fewest shared sampled tokens that say anything."""
ORDER = 0.9
"""Order kept over the sample from which a known vocabulary is named as kin (described; `lineage` with the file decides)."""


_RESERVED = re.compile(rb" ?(?:\[unused\d+\]|<unused\d+>|<reserved_\d+>|<\|reserved_\w*\d+\|>|<extra_id_\d+>)")


def text_tokens(prepared: Prepared) -> list[bytes]:
    """The tokens that stand for text, in order of id, less reserved places."""
    return [t for t in prepared.tokens if not (t[:1] in b" [<" and _RESERVED.fullmatch(t))]


@dataclass(frozen=True)
class Match:
    """A known vocabulary that this one resembles. how: "same tokens and order", "same tokens", "order kept in a sample"."""

    name: str
    how: str
    shared: int
    in_order: int
    of_theirs: int


def set_digest(prepared: Prepared) -> str:
    """SHA-256 over the text tokens, whatever their order."""
    return _digest(sorted(text_tokens(prepared)))


def order_digest(prepared: Prepared) -> str:
    """SHA-256 over the text tokens in order of id."""
    return _digest(text_tokens(prepared))


def _digest(tokens: list[bytes]) -> str:
    return hashlib.sha256(b"".join([part for token in tokens for part in (len(token).to_bytes(4, "little"), token)])).hexdigest()


def sampled(prepared: Prepared) -> list[str]:
    """Hashes of the sampled tokens in order of id (48 bits each, in hexadecimal)."""
    found = []
    for token in text_tokens(prepared):
        code = hashlib.blake2b(token, digest_size=8).digest()
        if code[0] % SAMPLED == 0 and len(token) > 1:
            found.append(code[1:7].hex())
    return found


@cache
def _known() -> tuple[dict[str, Any], ...]:
    text = resources.files("forebear.tokens").joinpath("data", "known.json").read_bytes()
    return tuple(json.loads(text)["vocabularies"])


def known_names() -> tuple[str, ...]:
    """Names of the vocabularies that are known by sight."""
    return tuple(entry["name"] for entry in _known())


def matches(prepared: Prepared) -> list[Match]:
    """Known vocabularies that are the same, or whose sampled order is kept; the closest first."""
    whole, order, ours = set_digest(prepared), order_digest(prepared), sampled(prepared)
    place = {code: at for at, code in enumerate(ours)}
    found = []
    for entry in _known():
        theirs = entry["sample"]
        rows = [place[code] for code in theirs if code in place]
        if entry["order_sha256"] == order:
            found.append(Match(entry["name"], "same tokens and order", len(rows), len(rows), len(theirs)))
        elif entry["set_sha256"] == whole:
            kept = int(longest_chain(rows).sum())
            found.append(Match(entry["name"], "same tokens", len(rows), kept, len(theirs)))
        elif len(rows) >= LEAST_SAMPLE:
            kept = int(longest_chain(rows).sum())
            if kept >= ORDER * len(rows):
                found.append(Match(entry["name"], "order kept in a sample", len(rows), kept, len(theirs)))
    ranks = ("same tokens and order", "same tokens", "order kept in a sample")
    return sorted(found, key=lambda match: (ranks.index(match.how), -match.in_order / max(1, match.of_theirs)))


def known_as(vocabulary: Vocabulary) -> list[str]:
    """Names of the known vocabularies whose text tokens these are, whatever the file is called."""
    tokens = text_tokens(prepare(vocabulary)) if len(vocabulary) else []
    alike = [entry for entry in _known() if entry["tokens"] == len(tokens)]
    if not alike:
        return []
    order = _digest(tokens)
    if same := [entry["name"] for entry in alike if entry["order_sha256"] == order]:
        return same  # no two entries hold the same tokens
    whole = _digest(sorted(tokens))
    return [entry["name"] for entry in alike if entry["set_sha256"] == whole]
