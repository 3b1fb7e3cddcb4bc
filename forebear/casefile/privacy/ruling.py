"""Rulings on many names at once: on a person with every form of the name, or on everybody who waits for one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from forebear.casefile.bitext.bitext import Text
from forebear.casefile.checks.name_checks import can_sound
from forebear.casefile.checks.names import spelling, with_candidates, with_pseudonyms
from forebear.casefile.folder.model import NAME_KINDS, CaseFile, Name
from forebear.casefile.naming.candidates import Read, candidates
from forebear.casefile.privacy.alike import settled
from forebear.casefile.privacy.grouping import grouped, with_people
from forebear.casefile.privacy.guard import (
    STANDS,
    Links,
    Proposal,
    attached,
    counterparts,
    proposed,
    standing,
    tied,
    unsounded,
    whole_names,
)
from forebear.casefile.privacy.kinds import all_public
from forebear.casefile.privacy.people import CODES
from forebear.casefile.privacy.reading import BARRIER, BLOCK, pieces, plain, tight
from forebear.casefile.privacy.search import EITHER, Search, search_of
from forebear.casefile.privacy.spelling import sounds_alike
from forebear.casefile.text.scripts import script_counts
from forebear.core.documents import Json, canonical_json
from forebear.core.errors import UsageError, refusal, saying
from forebear.core.messages import message

MAX_ROUNDS = 16
"""Rounds of ruling on what rulings bring up: a form of a name that was ruled may show forms of its own."""
Files = Mapping[str, bytes]
"""Name -> bytes."""
NOTHING_READ: Files = MappingProxyType({})
Publish = Callable[[CaseFile, Search], Json]
"""What would be published of a case with these rulings."""


@dataclass(frozen=True)
class Rulings:
    """What was asked for: names or pseudonyms by ruling; everyone: every person who waits for a ruling is private.

    kinds: kind -> names that are of it, and public where nothing else is asked for; public_kinds: kinds of which every waiting
    name is public.
    """

    private: Sequence[str] = ()
    public: Sequence[str] = ()
    not_a_name: Sequence[str] = ()
    everyone: bool = False
    kinds: Mapping[str, Sequence[str]] = field(default_factory=dict)
    public_kinds: Sequence[str] = ()

    def by_kind(self) -> Mapping[str, str]:
        """Spelling -> kind.

        Raises: UsageError when one word gets two, or for a kind that is none.
        """
        found: dict[str, str] = {}
        for kind in self.public_kinds:
            if kind not in NAME_KINDS or kind == "person":  # people are ruled on one by one
                raise saying(
                    UsageError,
                    message("case_alike.no_kind", word=kind[:80]),
                    todo=message("case_advice.one_of", known=", ".join(k for k in NAME_KINDS if k != "person")),
                )
        for kind, words in self.kinds.items():
            for word in words:
                if found.setdefault(spelling(word), kind) != kind:
                    raise UsageError(f"{word[:80]!r} gets two kinds")
        return found

    def by_word(self) -> Mapping[str, str]:
        """Spelling or pseudonym -> ruling.

        Raises: UsageError when one word gets two.
        """
        found: dict[str, str] = {}
        for ruling, words in (("private", self.private), ("public", self.public), ("not-a-name", self.not_a_name)):
            for word in words:
                if found.setdefault(spelling(word), ruling) != ruling:
                    raise UsageError(f"{word[:80]!r} gets two rulings")
        return found


def prepared(case: CaseFile, texts: Mapping[str, Text], links: Links) -> CaseFile:
    """The case with every candidate of its texts, and each form of a hidden person said to be one."""
    case = with_candidates(case, texts.values())
    case = with_pseudonyms(tied(case, search_of(with_pseudonyms(whole_names(case)))))
    search = search_of(case)
    return attached(tied(case, search), counterparts(search, texts, links))


def whole(document: Json) -> dict[str, bytes]:
    """A document as the one file that `strangers` reads."""
    return {"document.json": canonical_json(document)}


def ruled(
    case: CaseFile,
    texts: Mapping[str, Text],
    links: Links,
    asked: Rulings,
    publish: Publish,
    own: str = "",
    where: Path = Path("case.toml"),
) -> CaseFile:
    """The case after rulings and all that follows from them.

    A private ruling takes in every form of that person's name, in every text and in the words of a linked text that stand in
    its place; a form that may be of several people takes in each of them. Words that are ruled public or no name stay so.
    own: words that forebear itself writes into its reports; where: the file of the case, for messages.
    Raises: UsageError for a word that is no name of the case, RefusedError when one ruling keeps what another hides.
    """
    case = _first(prepared(case, texts, links), asked, texts, links)
    people = (
        {n.pseudonym for n in with_pseudonyms(case).name if n.ruling == "private"}
        if asked.private or asked.everyone
        else set()
    )

    def follow(case: CaseFile) -> CaseFile:
        case = _follow(case, people, asked.everyone)
        if asked.everyone:
            case = with_people(case, grouped(case, texts, links))
        return with_pseudonyms(_joint(case))

    for _ in range(MAX_ROUNDS):
        case = follow(prepared(case, texts, links))
        search = search_of(case)
        document = publish(case, search)
        wider = _wider(case, [*standing(search, document), *counterparts(search, texts, links)], follow)
        if wider == case:  # reading the whole document as a stranger would takes longest
            unknown = strangers(case, texts.values(), whole(document), own)
            wider = _wider(case, [p for those in unknown.values() for p in those], follow)
        if wider == case:
            settled(case, where)
            return case
        case = wider
    raise refusal(message("case_refused.many_rounds", rounds=MAX_ROUNDS), todo=message("case_advice.rule_rest"))


def _wider(case: CaseFile, found: Sequence[Proposal], follow: Callable[[CaseFile], CaseFile]) -> CaseFile:
    """The case with what was found ruled on as well; the same one where nothing of it is new."""
    more = proposed(case, found)
    return case if more == case else follow(more)


def _first(case: CaseFile, asked: Rulings, texts: Mapping[str, Text], links: Links) -> CaseFile:
    """The rulings that were asked for in so many words; who is asked to be private is so in every form that waits."""
    wanted, kinds = asked.by_word(), asked.by_kind()
    things = [w for words in asked.kinds.values() for w in words]
    case = _quoted(case, texts, (*asked.not_a_name, *things, *asked.private))
    known = {spelling(w) for n in case.name for w in (n.text, n.pseudonym, *n.also) if w}
    unknown = [
        w
        for words in (asked.private, asked.public, asked.not_a_name, things)
        for w in words
        if spelling(w) not in known
    ]
    if unknown:
        raise UsageError(f"no name {unknown[0][:80]!r} in case.toml", todo="`forebear case names FOLDER` lists them.")
    names = []
    hidden = {spelling(w) for w in asked.private}
    open_words = {spelling(n.text) for n in case.name if n.ruling == "undecided" and not n.of} & hidden
    groups = grouped(case, texts, links) if open_words else None
    for name in case.name:
        asked_here = [
            wanted[spelling(w)] for w in (name.text, name.pseudonym, *name.also) if w and spelling(w) in wanted
        ]
        kind = next((kinds[spelling(w)] for w in (name.text, *name.also) if spelling(w) in kinds), "")
        if kind:
            name = replace(
                name, kind=kind, ruling="public" if name.ruling == "undecided" else name.ruling, of="", why=""
            )
        names.append(replace(name, ruling=asked_here[0]) if asked_here else name)
    before, case = (
        case,
        all_public(replace(case, name=tuple(names)), [t.extract.text for t in texts.values()], asked.public_kinds),
    )
    if groups is None:
        return case
    own = [k for k, p in enumerate(groups.people) if open_words & {spelling(before.name[i].text) for i in p.entries}]
    return with_people(case, groups, own)


def _quoted(case: CaseFile, texts: Mapping[str, Text], words: Iterable[str]) -> CaseFile:
    """The case with words of a text that nobody proposed: a name that was missed, or a sentence that names nobody."""
    known = {spelling(w) for n in case.name for w in (n.text, n.pseudonym, *n.also) if w}
    every = [spelling(t.extract.text) for t in texts.values()]
    new = [w for w in dict.fromkeys(words) if spelling(w) not in known and any(spelling(w) in text for text in every)]
    return replace(case, name=(*case.name, *(Name(text=w) for w in new)))


def _joint(case: CaseFile) -> CaseFile:
    """The case in which a private form of several people who all have pseudonyms stands under all of them."""
    taken = {n.pseudonym for n in case.name}
    return replace(
        case,
        name=tuple(
            replace(n, pseudonym=n.of)
            if n.ruling == "private" and not n.pseudonym and EITHER in n.of and taken.issuperset(n.of.split(EITHER))
            else n
            for n in case.name
        ),
    )


def _follow(case: CaseFile, people: Iterable[str], everyone: bool) -> CaseFile:
    """Names that wait for a ruling, private where their person is, or where everybody is."""
    hidden = set(people)
    public = search_of(case, ("public",))

    def is_hidden(name: Name) -> bool:
        of = set(name.of.split(EITHER)) if name.of else set()
        if name.ruling != "undecided" or name.kind != "person":
            return False
        return bool(name.of) if everyone else bool(of and of <= hidden)

    def is_public(name: Name) -> bool:
        return name.ruling == "undecided" and any(
            h.sure and h.end - h.start == len(name.text) for h in public.hits(name.text)
        )

    made = (replace(n, ruling="public") if is_public(n) else n for n in case.name)
    return replace(case, name=tuple(_hidden_as(n, case) if is_hidden(n) else n for n in made))


def _hidden_as(name: Name, case: CaseFile) -> Name:
    """A name, private: of the person in whose place it stands only where it is spelt like that person's; else of somebody else."""
    own = [w for n in case.name if n.pseudonym == name.of for w in (n.text, *n.also)]
    placed = name.why.startswith(STANDS)
    return replace(name, ruling="private", of=name.of if not placed or any(sounds_alike(name.text, w) for w in own) else "")


def of_other_words(case: CaseFile, said: Iterable[tuple[str, str]]) -> list[Proposal]:
    """People that words besides the sources may name: a title, statements of claims.

    said: (language, words).
    """
    ruled_on = {spelling(w) for n in case.name for w in (n.text, n.pseudonym, *n.also, *n.misspelt) if w}
    ruled_on |= {spelling(w) for a in case.alias for w in a.names}
    found = candidates(Read(language, words) for language, words in said)
    things = [w for a in case.alias if a.kind != "person" for w in a.names]
    kept = [w for w in found if spelling(w) not in ruled_on and not any(spelling(w) in spelling(t) for t in things)]
    return [Proposal(w, "", "") for w in kept if not _is_hidden(case, w)]


def _is_hidden(case: CaseFile, word: str) -> bool:
    return bool(search_of(case).hits(word))


def strangers(
    case: CaseFile, texts: Iterable[Text], files: Files, own: str, read: Files = NOTHING_READ
) -> dict[str, list[Proposal]]:
    """Words of each file that may name somebody whom nobody ruled on; files without one are left out.

    What stands word for word in a source was read there, with all that stands beside it; anything else is read as it would
    be published. own: words that forebear itself writes; without them they cannot be told from names, and none is told. read:
    what was looked at before under the same rulings: pieces of it are not looked at again.
    """
    if not own:
        return {}
    ruled_on = [w for n in case.name if n.ruling != "undecided" for w in (n.text, n.pseudonym, *n.also)]
    texts = list(texts)
    sentences = [segment.text for t in texts for segment in t.segments]
    known = _Known([*(t.extract.text for t in texts), case.title], [own, *CODES, *SCRIPTS, *ruled_on], sentences)
    found, done = {}, {piece for name, data in read.items() for piece in pieces(name, data)}
    for name, data in files.items():
        fresh = sorted(piece for piece in pieces(name, data) - done if not known.stands(piece))
        said = [
            (language, "\n\n".join(p for p in fresh if language_of(p) == language)) for language in ("zh", "ja", "en")
        ]
        waiting = [p for p in of_other_words(case, said) if not known.has(p.text) and not known.cut(p.text, fresh)]
        found.update({name: waiting} if waiting else {})
    return found


def all_read(root: Path, search: Search, texts: Mapping[str, Text], links: Links) -> None:
    """Refuse while a text may write a hidden name in letters, and nobody here knows how it is read.

    Raises: RefusedError.
    """
    missing = [] if can_sound() else unsounded(search, texts, links)
    if missing:
        told = "; ".join(f"{label} in {source}" for label, source in missing[:6])
        raise refusal(
            message("case_refused.unread_names", count=len(missing), told=told),
            where=str(root / "case.toml"),
            todo=message("case_advice.install_or_spell"),
        )


_LATIN = re.compile("[a-z]+")
SCRIPTS = ("Hans", "Hant")
"""Codes of scripts that a document holds and that people are called by too."""


class _Known:
    """Words that the last pass lets stand: those of the sources as they stand there, and single words of ours."""

    def __init__(self, sources: Sequence[str], own: Sequence[str], sentences: Iterable[str]) -> None:
        """sentences: of the sources, so that one is found at once."""
        self.sentences = frozenset(sentences)
        self.wide = BARRIER.join(map(tight, (*sources, *own)))
        self.lines = BARRIER.join(map(_spaced, sources))
        self.words = set(_LATIN.findall(plain("\n".join(own))))

    def stands(self, text: str) -> bool:
        """Whether a text stands word for word in a source, or in words of ours."""
        if BLOCK in text or text in self.sentences:
            return BLOCK not in text
        bare = tight(text)
        return _spaced(text) in self.lines if bare.isascii() else bare in self.wide

    def has(self, word: str) -> bool:
        """Whether a word stands so, or is made of words of ours."""
        return self.stands(word) or (tight(word).isascii() and set(_LATIN.findall(plain(word))) <= self.words)

    def cut(self, word: str, texts: Sequence[str]) -> bool:
        """Whether Latin words are what a quotation cut off at its end, or at its beginning, of words of a source."""
        letters = " ".join(_LATIN.findall(plain(word)))
        return (f" {letters}" in self.lines and any(t.rstrip(" .…").endswith(word) for t in texts)) or (
            f"{letters} " in self.lines and any(t.lstrip(" .…").startswith(word) for t in texts)
        )


def _spaced(text: str) -> str:
    return f" {' '.join(_LATIN.findall(plain(text)))} "


def language_of(piece: str) -> str:
    """The language that words are read in, by their script."""
    counts = script_counts(piece)
    return "ja" if counts["kana"] else "zh" if counts["han"] else "en"


def unruled(case: CaseFile) -> str:
    """What waits for a ruling. Forms of a person ruled private are counted by kind, not printed: they would tell the name."""
    waiting = [n for n in case.name if n.ruling == "undecided"]
    shown = [n.text for n in waiting if not n.why]
    if shown:
        return f"{len(waiting)} name candidates have no ruling: {', '.join(shown[:8])}"
    kinds = Counter(n.why for n in waiting)
    told = "; ".join(f"{why} ({count})" for why, count in kinds.most_common(6))
    return f"{len(waiting)} words may show a hidden name: {told}"
