"""What the keys of one block mean beside each other: a table, a list or lines of code are read as one configuration.

A key alone may be several things: "hidden_dim" the width or that of the MLP, "block" a number of layers or a length of context,
"head_size" how large or how many heads are. Each key has the kinds that its words allow, the likeliest first; of all ways to give
each key one of them those are kept that cost least: two keys that state different figures of one kind, a width that is not heads
times their size, heads that key/value heads do not divide and so on cost more than a less likely kind. A claim takes the kind that
the cheapest way gives it, and keeps every kind that a way about as cheap does: it is held against all of them (decision 0139).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice, product

from forebear.verification.claim import Claim, Source, Standing
from forebear.verification.readers.code import LEAST_WIDTH
from forebear.verification.readers.keys import kinds_of_key, words_of_key

MOST_SETTINGS = 60
"""Settings of one block that are read together."""
MOST_WAYS = 4_096
"""Ways to give keys kinds that are weighed; keys after those that make more keep their likeliest kind."""
SAME_KIND = 3.0
"""What two figures of one kind cost."""
UNFIT = 1.0
"""What a rule of arithmetic that a way breaks costs."""
LESS_LIKELY = 0.6
"""What each step down the kinds of a key costs: less than a broken rule, so that one rule may decide."""
ALSO = LESS_LIKELY + UNFIT
"""How much dearer a way may be that still says what else a claim may mean: by one step, and one rule that a wrong figure breaks."""
ABSENT = 0.5
"""What it costs that a block states no width, or no number of layers: a figure that is wrong makes its key nothing else."""
LEAST_SURE = 2
"""Kinds that other keys of a block state by themselves before a key that alone would mean nothing is read."""
LONGEST_KEY = 60
"""Characters of a key; a longer one is a sentence."""
_HIDDEN = re.compile("隐[藏含]?[层層]?|隱[藏含]?[层層]?|隠れ層?|은닉|히든")
"""A label of a hidden width in scripts that keys are not written in."""
_NUMBERED = re.compile(r"^\W*\d{1,2}[.)]\s+")
"""The number of an item before its key."""
_FIGURE = re.compile(r"\s*[~≈]?\s*(\d{1,3}(?:[,_]\d{3})+|\d{1,9})(?:\.0+)?\s*([kK千])?(?![\w.])")
_FACTS = ("layers", "width", "heads", "kv_heads", "head_size", "mlp_width", "vocabulary", "context", "experts", "experts_used")


@dataclass(frozen=True)
class Setting:
    """A key and its value. kind: what it was read as alone."""

    key: str
    value: str
    kind: str | None = None


@dataclass(frozen=True)
class _Held:
    """A setting where it stands. at: the place of the claim that it made by itself; segment: settings before it that it repeats."""

    setting: Setting
    source: Source
    place: tuple[Standing, str]
    at: int | None
    segment: int


@dataclass(frozen=True)
class Bound:
    """What a setting means in its block, and what else it may."""

    kind: str
    also: tuple[str, ...] = ()


def bound(settings: Sequence[Setting]) -> list[Bound | None]:
    """What each setting of a block means; None for one that means nothing.

    >>> block = [Setting("dim", "64"), Setting("hidden_dim", "176"), Setting("n_heads", "4"), Setting("block", "128")]
    >>> [one and one.kind for one in bound(block)]
    ['width', 'mlp_width', 'heads', 'context']
    """
    settings = settings[:MOST_SETTINGS]
    figures = [_figure(one.value) for one in settings]
    shared = _shared([one.key for one in settings])
    allowed = [_allowed(one, figure, shared) for one, figure in zip(settings, figures, strict=True)]
    sure = {one.kind for one in settings if one.kind is not None and one.kind in _FACTS}
    if shared:
        sure |= {kinds[0] for one, kinds in zip(settings, allowed, strict=True) if len(kinds) == 1 and one.kind is None}
    choices = [
        kinds if one.kind is not None else _weak(kinds, sure) for one, kinds in zip(settings, allowed, strict=True)
    ]
    ways = sorted(_weighed(choices, figures), key=lambda one: one[0])
    if not ways:
        return [None] * len(settings)
    best = ways[0]
    near = [way for cost, way in ways if cost <= best[0] + ALSO]
    return [_meant(at, best[1], near) for at in range(len(settings))]


@dataclass
class Blocks:
    """Collects the settings of a card by the block they stand in, and puts right what was read of each alone."""

    _held: dict[str, list[_Held]] = field(default_factory=dict)
    _segments: dict[str, tuple[int, dict[str, str]]] = field(default_factory=dict)

    def add(self, block: str, kind: str | None, value: str, source: Source, place: tuple[Standing, str], at: int | None) -> None:
        """A setting. at: the place among the claims of the one that it made by itself; None where it made none.

        A key that comes again with another figure begins the settings of another model, or of another size of it.
        """
        segment, seen = self._segments.get(block, (0, {}))
        key = source.where
        if kind != "dtype" and seen.get(key, value) != value:
            segment, seen = segment + 1, {}
        seen[key] = value
        self._segments[block] = (segment, seen)
        held = self._held.setdefault(f"{block} {segment}", [])
        if len(held) < MOST_SETTINGS:
            held.append(_Held(Setting(key, value, kind), source, place, at, segment))

    def read(self, claims: Sequence[Claim]) -> list[Claim]:
        """The claims, each of the kind that it has beside the others of its block, and those that alone were none."""
        found, further = list(claims), []
        for held in self._held.values():
            for one, meant in zip(held, bound([one.setting for one in held]), strict=True):
                if one.at is not None and one.at < len(found):
                    found[one.at] = _put_right(found[one.at], one, meant)
                elif meant is not None and one.at is None:
                    part = one.place[1] + (f" {one.segment}" if one.segment else "")
                    claim = Claim(meant.kind, one.setting.value, one.source, False, "", max(one.place[0], Standing.unsure), part)
                    further.append(replace(claim, also=meant.also))
        return found + further


def _put_right(claim: Claim, one: _Held, meant: Bound | None) -> Claim:
    """A claim that a setting made by itself, as it is beside the others."""
    if one.segment and claim.part:
        claim = replace(claim, part=f"{claim.part} {one.segment}")
    if meant is None or claim.kind != one.setting.kind or claim.source != one.source:
        return claim
    return replace(claim, kind=meant.kind, also=meant.also, decided=claim.decided and meant.kind == claim.kind)


def _meant(at: int, best: Sequence[str | None], near: Sequence[Sequence[str | None]]) -> Bound | None:
    kind = best[at]
    if kind is None:
        return None
    others = dict.fromkeys(way[at] for way in near)
    return Bound(kind, tuple(one for one in others if one is not None and one != kind))


def _allowed(one: Setting, figure: int | None, shared: frozenset[str]) -> tuple[str, ...]:
    """The kinds that a key may be of, the likeliest first."""
    if len(one.key) > LONGEST_KEY or figure is None or "/" in one.key:
        return (one.kind,) if one.kind is not None else ()
    key = "_".join(_NUMBERED.sub("", one.key).split())
    kinds = kinds_of_key(key) or kinds_of_key(key, shared)
    if one.kind == "width" and _HIDDEN.search(one.key):
        kinds = ("width", "mlp_width")
    if one.kind is None and figure < LEAST_WIDTH:
        kinds = tuple(kind for kind in kinds if kind not in ("width", "mlp_width"))
    if one.kind is None or not kinds:
        return kinds if one.kind is None else (one.kind,)
    return (one.kind, *(kind for kind in kinds if kind != one.kind)) if len(kinds) > 1 or one.kind in kinds else (one.kind,)


def _weak(kinds: tuple[str, ...], sure: set[str]) -> tuple[str | None, ...]:
    """The kinds of a key that alone would mean nothing: none where too little beside it is plain."""
    beside = len(sure) >= LEAST_SURE
    held = tuple(kind for kind in kinds if beside and (kind != "experts_used" or "experts" in sure))
    return held or (None,)


def _shared(keys: Sequence[str]) -> frozenset[str]:
    """First words of keys that at least three and half of the keys begin with ("GPT_"): they say nothing."""
    firsts = Counter(words[0] for key in keys if len(words := words_of_key("_".join(key[:LONGEST_KEY].split())) or [""]) > 1)
    return frozenset(word for word, count in firsts.items() if count >= 3 and 2 * count >= sum(firsts.values()))


def _figure(value: str) -> int | None:
    """The number that a value is."""
    found = _FIGURE.match(value)
    if found is None:
        return None
    return int(re.sub("[,_]", "", found[1])) * (1024 if found[2] else 1)


def _weighed(
    choices: Sequence[tuple[str | None, ...]], figures: Sequence[int | None]
) -> Iterator[tuple[float, tuple[str | None, ...]]]:
    """Each way to give the settings kinds, and what it costs."""
    count, kept = 1, []
    for kinds in choices:
        count *= max(1, len(kinds))
        kept.append(kinds if count <= MOST_WAYS else kinds[:1])
        count = count if count <= MOST_WAYS else count // max(1, len(kinds))
    for way in islice(product(*kept), MOST_WAYS):
        likely = sum(LESS_LIKELY * kinds.index(kind) for kinds, kind in zip(choices, way, strict=True))
        yield likely + _cost(way, figures), way


def _cost(way: Sequence[str | None], figures: Sequence[int | None]) -> float:
    """What conflicts and broken rules of one way cost."""
    stated: dict[str, set[int]] = {}
    for kind, figure in zip(way, figures, strict=True):
        if kind is not None and figure is not None:
            stated.setdefault(kind, set()).add(figure)
    twice = sum(len(held) - 1 for kind, held in stated.items() if kind in _FACTS)
    facts = {kind: min(held) for kind, held in stated.items() if len(held) == 1}
    absent = sum(kind not in stated for kind in ("layers", "width"))
    return SAME_KIND * twice + ABSENT * absent + UNFIT * sum(not holds for holds in _rules(facts))


def _rules(facts: Mapping[str, int]) -> Iterator[bool]:
    """Whether each rule holds that a model's figures must obey, or nearly always do; of those whose figures are there."""
    for kinds, holds in _RULES:
        if all(kind in facts for kind in kinds):
            yield holds(*(facts[kind] for kind in kinds))


_RULES: tuple[tuple[tuple[str, ...], Callable[..., bool]], ...] = (
    (("width", "heads"), lambda width, heads: bool(heads) and width % heads == 0),
    (("width", "heads"), lambda width, heads: heads <= 4 or 8 * heads <= width),
    (("heads", "kv_heads"), lambda heads, keys: 0 < keys <= heads and heads % keys == 0),
    (("width", "heads", "head_size"), lambda width, heads, size: width == heads * size),
    (("width", "head_size"), lambda width, size: size <= width),
    (("width", "mlp_width"), lambda width, inner: width < inner <= 16 * width),
    (("width", "vocabulary"), lambda width, rows: rows > width),
    (("experts", "experts_used"), lambda experts, used: used <= experts),
    (("layers",), lambda layers: layers <= 200),
    (("layers", "width"), lambda layers, width: layers < width),
    (("context",), lambda context: context >= 16),
    (("head_size",), lambda size: 4 <= size <= 512),
)
"""Kinds, and what their figures must obey together, or nearly always do."""
