"""Vocabularies of known descent: each class makes a subject from candidates by one stated act, varied by seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from bench.tokenizers.corpora import Corpora
from bench.tokenizers.trainer import Trained, pieces_of, train
from forebear.tokens.scripts import script_of
from forebear.tokens.vocabulary import Vocabulary

BASE_SIZE = 3500


@dataclass(frozen=True)
class Case:
    """One question with its known answer.

    relation: what must be said; parents: names of the candidates that must be named (and no others).
    how:      the act, in words; candidates: name → vocabulary, the stranger among them included.
    """

    kind: str
    seed: int
    how: str
    subject: Vocabulary
    candidates: dict[str, Vocabulary]
    relation: str
    parents: frozenset[str]
    orphans: int | None = None


class Maker:
    """Trains on demand and keeps what it trained; every case is fixed by its class and seed."""

    def __init__(self, corpora: Corpora) -> None:
        self.corpora = corpora
        self.base = lru_cache(maxsize=400)(self._base)

    def _base(self, text: int, size: int = BASE_SIZE, split: str = "gpt2", ties: str = "lowest") -> Trained:
        return train(pieces_of(self.corpora.draw(text), split), size, ties=ties)

    def case(self, kind: str, seed: int) -> Case:
        """The case of one class and seed."""
        return CLASSES[kind](self, seed)


def vocabulary(tokens: Sequence[bytes], merges: Sequence[tuple[int, int]] = (), shift: int = 0) -> Vocabulary:
    """A vocabulary with ids in the given order, after `shift` control tokens."""
    import numpy as np

    control = tuple(b"<control_%d>" % k for k in range(shift))
    pairs = np.asarray(merges, dtype=np.int32).reshape(-1, 2) + shift
    return Vocabulary("bpe", control + tuple(tokens), frozenset(range(shift)), merges=pairs)


def of(trained: Trained) -> Vocabulary:
    """A trained vocabulary as it is."""
    return vocabulary(trained.tokens, trained.merges)


def _chance(kind: str, seed: int) -> random.Random:
    return random.Random(f"tokenizers/{kind}/{seed}")


def _texts(seed: int) -> tuple[int, int, int]:
    """Three different texts: the candidate's, the other one's, the stranger's."""
    first = seed % 40
    return first, 40 + (seed * 7 + 3) % 40, 80 + seed % 20


def _kept_specials(chance: random.Random) -> int:
    return chance.choice([0, 0, 1, 17, 256])


def extended(maker: Maker, seed: int) -> Case:
    """All of the candidate (perhaps less 1 %), then tokens learnt by going on with another text, or simply appended."""
    chance = _chance("extended", seed)
    a, b, stranger = _texts(seed)
    base = maker.base(a)
    size = int(len(base.tokens) * chance.uniform(1.1, 1.6))
    how = chance.choice(["learning went on", "appended from a fresh vocabulary"])
    if how == "learning went on":
        grown: Sequence[bytes] = train(pieces_of(maker.corpora.draw(b), "gpt2"), size, start=base).tokens
    else:
        known = set(base.tokens)
        grown = [*base.tokens, *[t for t in maker.base(b).tokens if t not in known]][:size]
    lost = chance.choice([0.0, 0.0, 0.01])
    tokens = [t for at, t in enumerate(grown) if at < 256 or at >= len(base.tokens) or chance.random() >= lost]
    subject = vocabulary(tokens, shift=_kept_specials(chance))
    candidates = {"parent": of(base), "stranger": of(maker.base(stranger))}
    return Case("extended", seed, f"{how}, {lost:.0%} dropped", subject, candidates, "extended", frozenset({"parent"}))


def trimmed(maker: Maker, seed: int) -> Case:
    """A part of the candidate: its head, a random part, or some scripts left out; ids closed up."""
    chance = _chance("trimmed", seed)
    a, _, stranger = _texts(seed)
    base = maker.base(a)
    how = chance.choice(["head", "random", "scripts"])
    if how == "head":
        tokens = list(base.tokens[: int(len(base.tokens) * chance.uniform(0.4, 0.95))])
    elif how == "random":
        share = chance.uniform(0.4, 0.95)
        tokens = [t for at, t in enumerate(base.tokens) if at < 256 or chance.random() < share]
    else:
        gone = some_scripts(base, chance, 0.05, 0.6)
        tokens = [t for at, t in enumerate(base.tokens) if at < 256 or script_of(t) not in gone]
    subject = vocabulary(tokens, shift=_kept_specials(chance))
    candidates = {"parent": of(base), "stranger": of(maker.base(stranger))}
    return Case("trimmed", seed, how, subject, candidates, "trimmed", frozenset({"parent"}))


def some_scripts(base: Trained, chance: random.Random, low: float, high: float) -> set[str]:
    """Scripts that together make up between low and high of a vocabulary."""
    names = [script_of(token) for token in base.tokens[256:]]
    order = sorted(set(names))
    chance.shuffle(order)
    gone: set[str] = set()
    for name in order:
        share = sum(n in gone or n == name for n in names) / len(names)
        if share <= high:
            gone.add(name)
        if sum(n in gone for n in names) / len(names) >= max(low, chance.uniform(low, high)):
            break
    return gone


def renumbered(maker: Maker, seed: int) -> Case:
    """The candidate's tokens under other ids: shifted, turned round by blocks, or shuffled."""
    chance = _chance("renumbered", seed)
    a, _, stranger = _texts(seed)
    base = maker.base(a)
    how = chance.choice(["shifted", "blocks moved", "shuffled", "sorted"])
    tokens = list(base.tokens)
    if how == "blocks moved":
        cut = chance.randrange(300, len(tokens) - 300)
        tokens = tokens[cut:] + tokens[:cut]
    elif how == "shuffled":
        chance.shuffle(tokens)
    elif how == "sorted":
        tokens.sort()
    subject = vocabulary(tokens, shift=chance.choice([3, 100]) if how == "shifted" else 0)
    candidates = {"parent": of(base), "stranger": of(maker.base(stranger))}
    return Case("renumbered", seed, how, subject, candidates, "renumbered", frozenset({"parent"}))


def relearnt_other(maker: Maker, seed: int) -> Case:
    """Trained anew on another text: nothing of the candidate in it."""
    chance = _chance("relearnt-other", seed)
    a, b, stranger = _texts(seed)
    size, split = int(BASE_SIZE * chance.uniform(0.7, 1.3)), chance.choice(["gpt2", "digits", "bare"])
    subject = of(maker.base(b, size, split, chance.choice(["lowest", "highest"])))
    candidates = {"other": of(maker.base(a)), "stranger": of(maker.base(stranger))}
    return Case("relearnt-other", seed, f"{split}, {size}", subject, candidates, "unrelated", frozenset())


def relearnt_same(maker: Maker, seed: int) -> Case:
    """Trained anew on the very same text by another program: other cut, other rule for ties, or a sample of the lines.

    The same program on the same text gives the same vocabulary and cannot be told from a copy; it is not asked.
    """
    chance = _chance("relearnt-same", seed)
    a, _, stranger = _texts(seed)
    size = int(BASE_SIZE * chance.uniform(0.7, 1.3))
    how = chance.choice(["other cut", "other ties", "other cut and ties", "nine tenths of the lines"])
    texts, split, ties = maker.corpora.draw(a), "gpt2", "lowest"
    if "cut" in how:
        split = chance.choice(["digits", "bare"])
    if "ties" in how:
        ties = "highest"
    if "lines" in how:
        texts = ["".join(line for line in text.splitlines(True) if chance.random() < 0.9) for text in texts]
    subject = of(train(pieces_of(texts, split), size, ties=ties))
    candidates = {"other": of(maker.base(a)), "stranger": of(maker.base(stranger))}
    return Case("relearnt-same", seed, f"{how}: {split}, {size}", subject, candidates, "unrelated", frozenset())


def partly_relearnt(maker: Maker, seed: int) -> Case:
    """The head kept and the tail learnt on another text, or some scripts replaced by freshly learnt ones."""
    chance = _chance("partly-relearnt", seed)
    a, b, stranger = _texts(seed)
    base, fresh = maker.base(a), maker.base(b)
    how = chance.choice(["tail", "scripts in their slots", "scripts at the end"])
    if how == "tail":
        cut = int(len(base.tokens) * chance.uniform(0.25, 0.7))
        head = Trained(base.tokens[:cut], base.merges[: cut - 256])
        tokens = list(train(pieces_of(maker.corpora.draw(b), "gpt2"), len(base.tokens), start=head).tokens)
    else:
        gone = some_scripts(base, chance, 0.25, 0.7)
        known = {t for at, t in enumerate(base.tokens) if at < 256 or script_of(t) not in gone}
        supply = [t for t in fresh.tokens if t not in known]
        slots = [t if t in known else None for t in base.tokens]
        if how == "scripts at the end":
            slots = [t for t in slots if t is not None] + [None] * (len(slots) - len(known))
        feed = iter(supply)
        filled = [t if t is not None else next(feed, None) for t in slots]
        tokens = [t for t in filled if t is not None]
    subject = vocabulary(tokens, shift=_kept_specials(chance))
    candidates = {"parent": of(base), "stranger": of(maker.base(stranger))}
    return Case("partly-relearnt", seed, how, subject, candidates, "partly-relearnt", frozenset({"parent"}))


def _stitch(maker: Maker, seed: int, *, orphans: bool) -> Case:
    kind = "stitched-orphans" if orphans else "stitched"
    chance = _chance(kind, seed)
    a, b, stranger = _texts(seed)
    left, right = maker.base(a), maker.base(b)
    first = _part(left, chance, set())
    second = _part(right, chance, set(first))
    sample = [t for t in second if chance.random() < 0.6]
    second = sample if orphans else _closed(right, second, set(first))
    tokens = [bytes([k]) for k in range(256)]
    if chance.random() < 0.3:
        tokens += _shuffled_together(first, second, chance)
    else:
        tokens += first + second
    subject = vocabulary(tokens, shift=_kept_specials(chance))
    candidates = {"left": of(left), "right": of(right), "stranger": of(maker.base(stranger))}
    how = f"{len(first)} of {len(left.tokens)} and {len(second)} of {len(right.tokens)}"
    return Case(kind, seed, how, subject, candidates, "stitched", frozenset({"left", "right"}))


def _part(base: Trained, chance: random.Random, known: set[bytes]) -> list[bytes]:
    """The head of a vocabulary, or all of it, less what is there already."""
    stop = int(len(base.tokens) * chance.choice([1.0, chance.uniform(0.4, 1.0)]))
    return [t for t in base.tokens[256:stop] if t not in known]


def _closed(base: Trained, chosen: Sequence[bytes], known: set[bytes]) -> list[bytes]:
    """The chosen tokens with every token their merges pass through, in order of rank."""
    rank = {t: at for at, t in enumerate(base.tokens)}
    want, stack = set(chosen), list(chosen)
    while stack:
        at = rank[stack.pop()]
        if at >= 256:
            for half in base.merges[at - 256]:
                token = base.tokens[half]
                if half >= 256 and token not in want and token not in known:
                    want.add(token)
                    stack.append(token)
    return [t for t in base.tokens if t in want]


def _shuffled_together(first: Sequence[bytes], second: Sequence[bytes], chance: random.Random) -> list[bytes]:
    """Two rows dealt into one, each keeping its order."""
    turns = [0] * len(first) + [1] * len(second)
    chance.shuffle(turns)
    rows = [iter(first), iter(second)]
    return [next(rows[turn]) for turn in turns]


def stitched(maker: Maker, seed: int) -> Case:
    """Parts of two vocabularies, every token's halves present."""
    return _stitch(maker, seed, orphans=False)


def stitched_orphans(maker: Maker, seed: int) -> Case:
    """Parts of two vocabularies, four tenths of the second part missing, so that merges lack their halves."""
    return _stitch(maker, seed, orphans=True)


CLASSES: dict[str, Callable[[Maker, int], Case]] = {
    "extended": extended,
    "trimmed": trimmed,
    "renumbered": renumbered,
    "stitched": stitched,
    "stitched-orphans": stitched_orphans,
    "relearnt-same": relearnt_same,
    "relearnt-other": relearnt_other,
    "partly-relearnt": partly_relearnt,
}
