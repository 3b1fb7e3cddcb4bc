"""Which tensor of a file plays which parts of its family: every covering by shape, and the one that agrees best (decision 0118)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations, islice
from math import log10

import numpy as np

from forebear.comparison.reading.agreement import (
    MAX_READ,
    TOKENS,
    Fit,
    Sheet,
    fit_vector,
    known_rows,
    known_vector,
    layers_read,
    over_channels,
    said_by_words,
    together,
    turn_between,
)
from forebear.comparison.reading.cuts import Cut, admissible
from forebear.comparison.reading.slots import Slot, Source
from forebear.files.base import Container
from forebear.models.architecture.definition import READS
from forebear.models.checkpoint import Checkpoint
from forebear.stats.arrays import F32, finite_or_zero

FUSED = (("q", "k", "v"), ("gate", "up"), ("k", "v"), ("q", "k"))
"""Parts that read the same input and may lie in one tensor."""
MAX_COVERINGS = 4096
"""More are not told apart: the file stays unread."""
MAX_STEPS = 50_000
"""Steps of the search for coverings; those that were found by then are tried."""
APART = 1.0
"""Score by which what was chosen must fit better than anything else, else it is a guess."""
MAX_SOURCES = 64
"""Matrices of one layer that are tried."""


@dataclass(frozen=True)
class Option:
    """What one tensor of a file may be. slots: which of the family's; cut: how they are fused; looks: choices there were.

    gain: the source of the gain with which its rows agree best, and by how much more than with another or none. clear: whether
    no other cut fits about as well.
    """

    slots: tuple[int, ...]
    turned: bool = False
    stacked: bool = False
    cut: Cut | None = None
    lengths: tuple[int, ...] = ()
    score: float = 0.0
    looks: int = 1
    gain: tuple[int | None, float] = (None, 0.0)
    clear: bool = True


@dataclass
class Covering:
    """options: source → what it is taken for; looks_log10: of all coverings and cuts that were possible.

    settled: whether no other covering or cut fits about as well (APART).
    """

    options: dict[int, Option] = field(default_factory=dict)
    looks_log10: float = 0.0
    settled: bool = True

    def said(self, wanted: Sequence[Slot], source: int) -> str:
        """The parts that a source was taken for, in the order in which they lie in it."""
        option = self.options[source]
        order = option.cut.order if option.cut is not None else range(len(option.slots))
        return ", ".join(wanted[option.slots[at]].part for at in order)


def best_covering(
    container: Container, found: Sequence[Source], wanted: Sequence[Slot], other: Checkpoint | None, most: int
) -> Covering | None:
    """The covering of every matrix of the family's layers that agrees best; None where there is none or there are too many.

    most: bytes a side that the choice may read.
    """
    need = [at for at, slot in enumerate(wanted) if slot.layered and slot.pieces[0].kind == "matrix"]
    offers = {at: _offers(source, wanted, need) for at, source in enumerate(found) if len(source.shape) > 1}
    offers = _one_way_round(found, wanted, {at: options for at, options in offers.items() if options})
    if len(offers) > MAX_SOURCES:
        return None
    coverings = list(islice(_coverings(need, offers), MAX_COVERINGS + 1))
    if not coverings or len(coverings) > MAX_COVERINGS:
        return None
    sight = Sight(container, found, wanted, other, most)
    tables = Covering()
    more = _whole_model(sight, tables)
    sight.turn = _turn(sight, tables)
    scored = {(at, option): sight.scored(at, option) for at in offers for option in offers[at]}
    totals = [sum(scored[at, option].score for at, option in covering.items()) for covering in coverings]
    best = int(np.argmax(totals))
    result = Covering({at: scored[at, option] for at, option in coverings[best].items()})
    rivals = [total for k, total in enumerate(totals) if k != best]
    clear = all(option.clear for option in result.options.values())
    result.settled = clear and totals[best] - max(rivals, default=totals[best] - APART) >= APART
    result.looks_log10 = log10(len(coverings)) + sum(log10(option.looks) for option in result.options.values())
    result.options |= tables.options
    result.looks_log10 += more + _vectors(sight, result)
    return result


def _turn(sight: Sight, tables: Covering) -> F32 | None:
    """The rotation between the tokens of both sides, once the file's are known."""
    for at, option in tables.options.items():
        piece = sight.wanted[option.slots[0]].pieces[0]
        theirs = None if sight.other is None else sight.other.piece("embedding")
        if piece.part == "embedding" and theirs is not None and theirs.atoms == piece.atoms and sight.other is not None:
            name, other = next(iter(sight.found[at].names.values())), sight.other.container
            return turn_between(sight.container.rows(name, 0, min(TOKENS, sight.found[at].shape[0])),
                                other.rows(theirs.tensor, 0, min(TOKENS, theirs.shape[0])))  # fmt: skip
    return None


def _offers(source: Source, wanted: Sequence[Slot], need: Sequence[int]) -> list[Option]:
    """What a matrix may be by its shape."""
    if next(iter(source.names))[0] is None:
        return []
    named = [at for at in need if set(wanted[at].names.values()) & set(source.names.values())]
    found = []
    for at in named or need:
        found += [
            Option((at,), turned, stacked) for turned, stacked in _ways(source, wanted[at].shape, wanted[at].experts)
        ]
    if not named:
        for group in _groups(wanted, need):
            lengths = tuple(wanted[at].shape[0] for at in group)
            shape, experts = (sum(lengths), wanted[group[0]].shape[1]), wanted[group[0]].experts
            found += [Option(group, t, s, lengths=lengths) for t, s in _ways(source, shape, experts)]
    return found


def _ways(source: Source, shape: tuple[int, ...], experts: int) -> Iterator[tuple[bool, bool]]:
    """(turned, stacked) by which a tensor of the file has a shape."""
    stacked = experts > 0 and not source.experts
    if stacked and (len(source.shape) != len(shape) + 1 or source.shape[0] != experts):
        return
    if not stacked and experts != source.experts:
        return
    own = source.shape[1:] if stacked else source.shape
    if own == shape:
        yield False, stacked
    if len(shape) == 2 and own == shape[::-1]:
        yield True, stacked


def _groups(wanted: Sequence[Slot], need: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Slots that may be fused: they read the same channels, which are their second dimension, and are alike in experts."""
    for parts in FUSED:
        for group in combinations(need, len(parts)):
            own = [wanted[at] for at in group]
            alike = len({(slot.shape[1:], slot.experts) for slot in own}) == 1 and all(len(s.shape) == 2 for s in own)
            plain = all(len(slot.pieces) == 1 and "channel" in slot.pieces[0].atoms[1] for slot in own)
            if alike and plain and sorted(slot.part for slot in own) == sorted(parts):
                yield tuple(sorted(group, key=lambda at: parts.index(wanted[at].part)))


def _one_way_round(
    found: Sequence[Source], wanted: Sequence[Slot], offers: Mapping[int, list[Option]]
) -> dict[int, list[Option]]:
    """Options without squares that lie another way than every matrix of as many dimensions whose shape tells."""
    told: dict[int, set[bool]] = {}
    for at, options in offers.items():
        ways = {option.turned for option in options}
        if len(ways) == 1:
            told.setdefault(len(found[at].shape), set()).update(ways)
    kept = {}
    for at, options in offers.items():
        ways = told.get(len(found[at].shape), set())
        one = next(iter(ways)) if len(ways) == 1 else None
        kept[at] = [option for option in options if one is None or option.turned is one]
    return kept


def _coverings(need: Sequence[int], offers: Mapping[int, list[Option]]) -> Iterator[dict[int, Option]]:
    """Every way to give each slot exactly one tensor; none beyond MAX_STEPS."""
    sources = list(offers)
    steps = 0

    def walk(open_slots: frozenset[int], taken: dict[int, Option]) -> Iterator[dict[int, Option]]:
        nonlocal steps
        steps += 1
        if not open_slots:
            yield dict(taken)
            return
        slot = min(open_slots, key=lambda at: sum(at in o.slots for s in sources if s not in taken for o in offers[s]))
        for source in sources:
            for option in offers[source] if source not in taken else ():
                if slot in option.slots and open_slots.issuperset(option.slots) and steps < MAX_STEPS:
                    yield from walk(open_slots - set(option.slots), {**taken, source: option})

    yield from walk(frozenset(need), {})


class Sight:
    """Both sides, a few layers of which are read to tell coverings and cuts apart."""

    def __init__(
        self, container: Container, found: Sequence[Source], wanted: Sequence[Slot], other: Checkpoint | None, most: int
    ) -> None:
        layered = [s for s in found if len(s.shape) > 1 and next(iter(s.names))[0] is not None]
        layers = max((len({layer for layer, _ in s.names}) for s in layered), default=1)
        self.most = most
        self.bytes_each = sum(container.tensors[n].stored_bytes for s in layered for n in s.names.values()) // layers
        self.container, self.found, self.wanted, self.other = container, found, wanted, other
        self._sheets: dict[tuple[str, int | None, bool, int | None], Sheet] = {}
        self.gains = [at for at, s in enumerate(found) if len(s.shape) == 1 and next(iter(s.names))[0] is not None]
        self.turn: F32 | None = None

    def sheet(self, at: int, option: Option, layer: int | None, expert: int | None, scaled: int | None) -> Sheet | None:
        """A matrix of the file the way round that an option says, over channels. scaled: the source of a gain, or None."""
        name = self.found[at].names.get((layer, None if option.stacked else expert))
        if name is None or np.prod(self.found[at].shape[-2:], dtype=np.int64) > MAX_READ:
            return None
        writes = len(option.slots) == 1 and "channel" in self.wanted[option.slots[0]].pieces[0].atoms[0]
        turned = option.turned is not writes
        key = (name, expert if option.stacked else None, turned, scaled)
        if key not in self._sheets:
            if any(other[0] != name for other in self._sheets):
                self._sheets.clear()
            whole = self.container.read(name) if key[1] is None else self.container.rows(name, key[1], key[1] + 1)[0]
            scale = None if scaled is None else self.vector(scaled, layer, None)
            self._sheets[key] = Sheet(over_channels(whole.T if turned else whole, (), scale), self.turn)
        return self._sheets[key]

    def scored(self, at: int, option: Option) -> Option:
        """An option with its score, and its best cut where it is fused."""
        slots = [self.wanted[slot] for slot in option.slots]
        pieces = [piece for slot in slots for piece in slot.pieces]
        words = said_by_words(self.found[at].bones, [piece.part for piece in pieces], pieces[0].role, "matrix")
        cuts = admissible(option.lengths) if option.lengths else [None]
        writes = "channel" in pieces[0].atoms[0]
        gains = [None, *self.gains] if self.other is not None and not writes else [None]
        scores = {(k, g): score for g in gains for k, score in enumerate(self._scores(at, option, slots, cuts, g))}
        best, own = max(scores, key=lambda key: scores[key])
        score = scores[best, own]
        more = score - max((scores[best, g] for g in gains if g != own), default=score)
        second = max((value for (k, _), value in scores.items() if k != best), default=score - APART)
        found = replace(option, cut=cuts[best], score=words + score, looks=len(scores))
        return replace(found, gain=(own, more), clear=score - second >= APART)

    def _scores(
        self, at: int, option: Option, slots: Sequence[Slot], cuts: Sequence[Cut | None], scaled: int | None
    ) -> list[float]:
        """How well each cut of a source agrees with the other side's parts, over a few places."""
        fits: list[list[Fit]] = [[] for _ in cuts]
        places = [place for place in slots[0].names if place[1] in (None, 0)]
        for layer, expert in layers_read(places, self.bytes_each, self.most):
            sheet = None if self.other is None else self.sheet(at, option, layer, expert, scaled)
            for part, slot in enumerate(slots):
                wanted = slot.pieces[0]._replace(layer=layer, expert=expert if slot.experts else slot.pieces[0].expert)
                known = None if self.other is None or len(slot.pieces) > 1 else known_rows(self.other, wanted)
                if sheet is None or known is None:
                    continue
                whole = np.arange(known.of, dtype=np.intp)
                rows = [whole if cut is None else cut.rows(option.lengths, part) for cut in cuts]
                for each, fit in zip(fits, sheet.fits(known, rows), strict=True):
                    each.append(fit)
        return [together(each).score * len(slots) if each else 0.0 for each in fits]

    def vector(self, at: int, layer: int | None, expert: int | None) -> F32 | None:
        """A vector of the file."""
        name = self.found[at].names.get((layer, expert))
        return None if name is None else finite_or_zero(self.container.rows(name).ravel())


def _whole_model(sight: Sight, result: Covering) -> float:
    """Embedding, head and further tables outside layers, added to a covering; log10 of the choices there were."""
    tables = [at for at, slot in enumerate(sight.wanted) if not slot.layered and len(slot.shape) == 2]
    looks = 0.0
    free = {at for at, s in enumerate(sight.found) if len(s.shape) == 2 and next(iter(s.names)) == (None, None)}
    offers = [
        (sight.scored(at, Option((slot,))), at)
        for slot in tables for at in free
        if sight.found[at].shape[1] == sight.wanted[slot].shape[1] and _token_or_same(sight, at, slot)
    ]  # fmt: skip
    named = [
        (o, at)
        for o, at in offers
        if set(sight.wanted[o.slots[0]].names.values()) & set(sight.found[at].names.values())
    ]
    taken: set[int] = set()
    for option, at in [*named, *sorted(offers, key=lambda two: -two[0].score)]:
        if at in free and option.slots[0] not in taken:
            looks += log10(sum(other.slots == option.slots and a in free for other, a in offers))
            free.discard(at)
            taken.add(option.slots[0])
            result.options[at] = option
    return looks


def _token_or_same(sight: Sight, at: int, slot: int) -> bool:
    """Whether a table has the rows of a slot, or counts tokens, of which every file has its own number."""
    rows, wanted = sight.found[at].shape[0], sight.wanted[slot]
    tokens = "token" in wanted.pieces[0].atoms[0]
    return rows == wanted.shape[0] or (tokens and rows > max(wanted.shape[1], wanted.shape[0] // 2))


def _vectors(sight: Sight, result: Covering) -> float:
    """Gains and biases, added to a covering: biases beside their matrix or gain, gains by score; log10 of the choices."""
    taken = {sight.wanted[slot].bones for option in result.options.values() for slot in option.slots}
    slots = [at for at, slot in enumerate(sight.wanted) if len(slot.shape) == 1 and slot.bones not in taken]
    gains = [at for at in slots if sight.wanted[at].pieces[0].kind == "gain"]
    looks = 0.0
    for layered in (True, False):
        own = [at for at in gains if sight.wanted[at].layered is layered]
        free = [at for at, s in enumerate(sight.found) if len(s.shape) == 1 and (next(iter(s.names))[0] is not None) is layered
                and not _bias(s.bones)]  # fmt: skip
        offers = [(_vector_score(sight, result, at, slot), at, slot) for at in free for slot in own
                  if sight.found[at].shape == sight.wanted[slot].shape]  # fmt: skip
        done: set[int] = set()
        for _, at, slot in sorted(offers, reverse=True):
            if slot not in done and at not in result.options:
                left = [a for _, a, s in offers if s == slot and a not in result.options]
                looks += log10(len(left))
                done.add(slot)
                result.options[at] = Option((slot,))
    _biases(sight, result, [at for at in slots if at not in gains])
    return looks


def _vector_score(sight: Sight, result: Covering, at: int, slot: int) -> float:
    wanted, source = sight.wanted[slot], sight.found[at]
    if set(wanted.names.values()) & set(source.names.values()):
        return 1e6
    score = said_by_words(source.bones, [wanted.part], wanted.pieces[0].role, "gain")
    reads = READS.get(wanted.pieces[0].role, ())
    for option in result.options.values():
        if option.gain[0] == at and any(sight.wanted[one].part in reads for one in option.slots):
            score += option.gain[1]
    if sight.other is not None:
        layer, expert = next(iter(wanted.names))
        mine, theirs = sight.vector(at, layer, expert), known_vector(sight.other, wanted.pieces[0])
        score += 0.0 if mine is None or theirs is None else fit_vector(mine, theirs)
    return score


def _bias(bones: str) -> bool:
    last = bones.rsplit(".", 1)[-1].lower()
    return "bias" in last or last in ("b", "beta")


def _stem(bones: str) -> str:
    return bones.rpartition(".")[0]


def _biases(sight: Sight, result: Covering, slots: Sequence[int]) -> None:
    """Biases that lie beside what is placed already, cut as it is."""
    for at, option in list(result.options.items()):
        stem = _stem(sight.found[at].bones)
        beside = [
            b
            for b, s in enumerate(sight.found)
            if _bias(s.bones) and _stem(s.bones) == stem and b not in result.options
        ]
        theirs = [
            [b for b in slots if _stem(sight.wanted[b].bones) == _stem(sight.wanted[slot].bones)]
            for slot in option.slots
        ]
        if len(beside) == 1 and all(len(some) == 1 for some in theirs):
            own = tuple(some[0] for some in theirs)
            lengths = tuple(sight.wanted[b].shape[0] for b in own)
            if sight.found[beside[0]].shape == (sum(lengths),):
                cut = option.cut if len(own) > 1 else None
                result.options[beside[0]] = Option(own, cut=cut, lengths=lengths if cut else ())
