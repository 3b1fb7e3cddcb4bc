"""Words that a wrapper writes before or inside tensor names, derived from the names and the rules they should fit.

No list of wrappers: a word is one when leaving it out everywhere makes names fit the rules of a family and never makes two
names one. Words before a name (`base_model.model.`, `model.0.auto_model.`) are one run for the whole model; words inside
(`layers.0._fsdp_wrapped_module.mlp`) are words that no rule of the family knows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from forebear.models.architecture.definition import Definition
from forebear.models.architecture.matching import MAX_NAME, RuleTable, fill, match_names, rule_table, skeleton
from forebear.models.architecture.settings import Settings

MAX_WORDS = 40
"""Names of more words are left as they are."""


@dataclass(frozen=True, slots=True)
class Unwrapped:
    """names: name without wrappers -> stored name, for every tensor; words: the wrappers, as they stand in names."""

    names: Mapping[str, str]
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Reading:
    """One stored name read under the rules: words before it, words left out inside it, and the name that is left."""

    stored: str
    lead: tuple[str, ...]
    inner: frozenset[str]
    bare: str
    dropped: int


def unwrap(names: Iterable[str], definition: Definition, settings: Settings) -> Unwrapped | None:
    """The names without their wrappers; None when the rules claim as many names as they stand.

    Two models under one roof (`actor.`, `critic.`) are not mixed: words before a name are those under which most names fit.
    """
    stored = list(names)
    plain = len(match_names(stored, definition, settings))
    if plain == len(stored):
        return None
    best: list[_Reading] = []
    for prefix in definition.prefixes:
        read = _readings(stored, definition, rule_table(definition, settings, prefix))
        chosen = _one_model(_without_clashes(read))
        if (len(chosen), -_left_out(chosen)) > (len(best), -_left_out(best)):
            best = chosen
    if len(best) <= plain:
        return None
    taken = {one.bare: one.stored for one in best}
    known = set(taken.values())
    rest = [name for name in stored if name not in known]
    if any(name in taken for name in rest):
        return None
    words = Counter(word for one in best for word in {".".join(one.lead), *one.inner} if word)
    return Unwrapped({**taken, **{name: name for name in rest}}, tuple(word for word, _ in words.most_common()))


def _left_out(chosen: Sequence[_Reading]) -> int:
    return sum(one.dropped for one in chosen)


def _readings(names: Sequence[str], definition: Definition, table: RuleTable) -> list[_Reading]:
    known = {word for bones in table for word in bones.split(".")}
    known |= {word for prefix in definition.prefixes for word in prefix.split(".")}
    cuts: dict[str, list[tuple[int, tuple[int, ...]]]] = {}
    found = []
    for name in names:
        if len(name) > MAX_NAME:
            continue
        bones = skeleton(name)[0]
        if bones not in cuts:
            cuts[bones] = _cuts(bones.split("."), known, table)
        words = name.split(".")
        for begin, kept in cuts[bones]:
            bare = ".".join(words[at] for at in kept)
            bare_bones, numbers = skeleton(bare)
            if any(fill(slots, numbers) is not None for _, _, slots in table[bare_bones]):
                inside = frozenset(words[at] for at in range(begin, len(words)) if at not in kept)
                found.append(_Reading(name, tuple(words[:begin]), inside, bare, len(words) - len(kept)))
                break
    return found


def _cuts(words: list[str], known: set[str], table: RuleTable) -> list[tuple[int, tuple[int, ...]]]:
    """Where a name of these words may begin, and which words are kept from there; fewest left out first."""
    if len(words) > MAX_WORDS:
        return []
    found = []
    for begin, first in enumerate(words):
        if first not in known:
            continue
        for kept in (tuple(range(begin, len(words))), tuple(i for i in range(begin, len(words)) if words[i] in known)):
            if ".".join(words[i] for i in kept) in table:
                found.append((begin, kept))
                break
    return found


def _without_clashes(read: list[_Reading]) -> list[_Reading]:
    """Readings but those that leave out a word which tells two tensors of one model apart.

    `mlp.adapter.down_proj` beside `mlp.down_proj`: adapter is a part of the model, not a wrapper.
    """
    places: dict[tuple[tuple[str, ...], str], list[_Reading]] = {}
    for one in read:
        places.setdefault((one.lead, one.bare), []).append(one)
    telling: set[str] = set()
    for rivals in places.values():
        if len(rivals) > 1:
            least = min(one.dropped for one in rivals)
            again = sum(1 for one in rivals if one.dropped == least) > 1
            telling |= {word for one in rivals if again or one.dropped > least for word in one.inner}
    return [one for one in read if not one.inner & telling]


def _one_model(read: list[_Reading]) -> list[_Reading]:
    """Readings of one model: the words before names under which most names fit, and shorter runs of the same words.

    A wrapper that is also met inside names may stand before some names and not before others.
    """
    inner = {word for one in read for word in one.inner}
    groups: dict[tuple[str, ...], list[_Reading]] = {}
    for one in read:
        groups.setdefault(tuple(word for word in one.lead if word not in inner), []).append(one)
    chosen: dict[str, _Reading] = {}
    run: tuple[str, ...] | None = None
    for lead, group in sorted(groups.items(), key=lambda item: (-len(item[1]), len(item[0]))):
        if run is not None and not (_within(lead, run) or _within(run, lead)):
            continue
        own = {one.bare: one for one in group}
        if len(own) == len(group) and not own.keys() & chosen.keys():
            chosen |= own
            run = lead if run is None else run
    return list(chosen.values())


def _within(short: tuple[str, ...], long: tuple[str, ...]) -> bool:
    """Whether the words of one run stand in the other in the same order."""
    rest = iter(long)
    return all(word in rest for word in short)
