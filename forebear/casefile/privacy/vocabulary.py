"""Which words of a text are ordinary ones and nobody's name: what a report shows of a text in which somebody is hidden.

Nothing is looked for here that names somebody: whatever no table knows as an ordinary word is none (decision 0089).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache

from forebear.casefile.data import packaged_text
from forebear.casefile.naming.counted import is_counted
from forebear.casefile.naming.han import STOP, UNKNOWN, is_agent
from forebear.casefile.naming.stock import (
    addresses,
    folded,
    hiragana_names,
    is_english,
    latin,
    names,
    okurigana,
    syllables,
    titles,
    words,
)
from forebear.casefile.privacy.people import CALLED
from forebear.casefile.privacy.reading import is_han_run, plain
from forebear.casefile.text.scripts import HAN, fold

SINGLE, RARE = 9.0, 11.5
"""Cost from which a Han character that stands as a word of its own is no ordinary one: of any, and of one that no table of
surnames, or of given names that are one character, has."""
LESS = 10.0
"""Cost from which a word that is a surname as well, or begins as a form of address does, is withheld."""
TRADE, RARE_GIVEN = 11.0, 8.5
"""Cost below which a word before a title may say what the title is of; from which a character is rare in given names."""
LONGEST = 6
"""Han characters or katakana of the longest word that is looked up."""
PARTICLES, PRONOUNS = frozenset("はがをにのとでもへや"), frozenset("何誰私彼")
"""Japanese particles, and pronouns of one character (Martin, 1975, sections 2.4 and 26)."""
UNITS = frozenset(("th", "st", "nd", "rd", "fp", "bf", *"kmbtgshxv", *(f"{a}{b}" for a in "kmgt" for b in "bgm"), "cm"))
"""Letters that stand right beside figures (SI brochure 2019; ordinals; number types)."""


def is_ordinary(word: str, opens: bool, own: frozenset[str] = frozenset()) -> bool:
    """Whether a Latin word is an ordinary one as it is written; opens: it opens a sentence, so its capital says nothing.

    own: words, small, of a text that names nobody.

    A word with a capital that names are made of as well is none, but for words of closed classes (privacy/bearing.py).
    """
    small = plain(word)
    parts = [re.sub("['’ʼ](?:s|d|m|t|re|ve|ll)?$", "", p) for p in re.split("[-‐]", small)]
    if not all(parts):
        return False
    if small in own and not is_named(small):
        return True
    if any(len(p) == 1 and p not in ("a", "i") for p in parts):
        return False
    known = all(
        is_english(p) or is_english(_american(p)) or p in addresses().english or p in terms() or p in titles().en_before
        for p in parts
    )
    if not known or word[:1].islower():
        return known and (word.islower() or small in terms())
    if small in addresses().english or is_office(small):
        return True
    return (opens or word.isupper() or small in terms()) and not any(is_named(p) for p in parts)


@cache
def is_office(small: str) -> bool:
    """Whether an English word is part of a title or of what a place of work is called (Team Lead), and nobody's name."""
    return small in titles().office_latin and not is_named(small)


def _american(word: str) -> str:
    """A word in the spelling that the tables have (Quirk et al., 1985, appendix; colour, defence, quantise)."""
    return re.sub(
        "our(?=$|s$|e|i|a|f|l)", "or", re.sub("is(?=e$|ed$|es$|ing$|ation|er)", "iz", re.sub("ence$", "ense", word))
    )


@cache
def is_named(word: str) -> bool:
    """Whether people bear a Latin word as a name, or it is spelt as names are."""
    table = latin()
    return word in table.given or word in table.surname or word in table.japanese or bool(syllables(word))


@cache
def terms() -> frozenset[str]:
    """Terms of the field in Latin letters, small."""
    rows = [line.split("\t") for line in packaged_text("glossary.tsv").splitlines() if line and line[0] != "#"]
    found = re.findall("[a-z]+", " ".join(plain(row[1]) for row in rows))
    return frozenset(w for w in found if len(w) > 1)


@cache
def loanwords() -> frozenset[str]:
    """Words in katakana that are nobody's name."""
    rows = [line.split("\t") for line in packaged_text("glossary.tsv").splitlines() if line and line[0] != "#"]
    found = re.findall("[ァ-ヺー]+", " ".join(row[4] for row in rows))
    return latin().kana_word - latin().kana | frozenset(found)


def katakana(run: str, behind: str) -> bool:
    """Whether a run of katakana is one loanword, or several one behind the other, and nobody is addressed by it."""
    if _ADDRESS.match(behind) or any(behind.startswith(t) for t in titles().ja_after):
        return False
    known, reached = loanwords(), [True] + [False] * len(run)
    for end in range(1, len(run) + 1):
        reached[end] = any(
            reached[start] and run[start:end] in known and (end - start > 1 or len(run) == 1) for start in range(end)
        )
    return reached[-1]


def hiragana(run: str) -> Iterator[tuple[int, int]]:
    """What of a run of hiragana may be a given name: three characters and more between particles, or before a form of address."""
    for match in re.finditer("([ぁ-ん]{1,4}?)(?:さん|ちゃん|くん|さま)(?![ぁ-ん](?<![はがをにのとでもへやよかまだねなって]))", run):
        yield match.span(1)
    for start in range(len(run)):
        if start and run[start - 1] not in PARTICLES:
            continue
        if start and run[start] in PARTICLES:
            continue  # ではない
        for end in range(len(run), start + 2, -1):
            if run[end : end + 1] in ("", *PARTICLES) and run[start:end] in hiragana_names():
                yield start, end
                break


def pieces(run: str, letters: frozenset[str], before: str = "", after: str = "") -> Iterator[tuple[int, int, bool]]:
    """The words that a run of folded Han characters is made of most cheaply: where, and whether each is shown.

    letters: characters of hidden names, which are shown inside a longer word alone, and not where the word is one of them
    with what makes a form of address of it. before, after: the characters beside the run.
    """
    cuts = _cuts(run)
    listed = [before, *(run[start:end] for start, end in cuts), after]
    for n, (start, end) in enumerate(cuts, 1):
        ahead, word, behind = listed[n - 1 : n + 2]
        addressed = behind in _behind() or bool(_ADDRESS.match(behind)) or behind.startswith(_in_kana()) or ahead == CALLED
        if len(word) > 1:
            mine = [c in letters for c in word]
            borne = word in names().surnames_ja and (any(mine) or _is_rare(word))
            said_of = addressed and word not in _roles() and not is_trade(word)
            called = said_of or (word[0] in _ahead() and len(word) == 2 and _is_rare(word))
            yield start, end, not (all(mine) or is_shaped(word, mine) or borne or called)
            continue
        if is_counted(ahead, word):
            yield start, end, True
            continue
        beside = {w for w in (ahead, behind) if len(w) == 1 and w not in STOP and is_han_run(w)}
        follows = word in names().surnames and len(behind) > 1 and not (_is_inflected(word, behind) or _leans(word, ahead))
        alone = (word in STOP and not (word in names().surnames and (addressed or ahead in _ahead()))) or not (
            addressed or ahead in _ahead() or follows or (beside and _is_borne(word))
        )
        yield start, end, word not in letters and alone and _is_single(word, ahead, behind)


@lru_cache(maxsize=8192)
def _cuts(run: str) -> tuple[tuple[int, int], ...]:
    table, size = words(), len(run)
    cost, back = [0.0] + [1e9] * size, [0] * (size + 1)
    for end in range(1, size + 1):
        for start in range(max(0, end - LONGEST), end):
            word = run[start:end]
            own = min(t.get(word, 99.0) for t in (table.zh, table.ja, table.places))
            own = min(own, UNKNOWN) if end - start == 1 else own
            if own < 99 and cost[start] + own < cost[end]:
                cost[end], back[end] = cost[start] + own, start
    found, end = [], size
    while end:
        found.append((back[end], end))
        end = back[end]
    return tuple(reversed(found))


def _is_single(word: str, ahead: str, behind: str) -> bool:
    """Whether a character that stands as a word of its own is an ordinary one between these words."""
    if word in STOP:
        return True
    cost = words().zh.get(word, UNKNOWN)
    goes_on = "ぁ" <= behind[:1] <= "ん" and (behind[0] not in PARTICLES or word in PRONOUNS)
    inflected = goes_on and (not _is_borne(word) or _is_inflected(word, behind))
    counted = bool(re.match("[0-9０-９一二三四五六七八九十]", ahead[-1:]))
    return cost < SINGLE or inflected or counted or (cost < RARE and not _is_borne(word))


def _is_inflected(word: str, behind: str) -> bool:
    """Whether a character goes on as a verb or an adjective does (言われ, 別の), and with no particle, address or given name."""
    goes_on = word in okurigana().get(behind[:1], ()) and not _NOMINAL.match(behind)
    goes_on = goes_on and not (behind.startswith("って") and (word in names().surnames_ja or word in names().given_ja))
    ends = ("", *PARTICLES, *"さちく。、")
    return goes_on and not any(behind[:n] in hiragana_names() and behind[n : n + 1] in ends for n in (2, 3, 4))


def _leans(word: str, ahead: str) -> bool:
    """Whether a Japanese noun of place or time leans on hiragana before it (その後)."""
    return "ぁ" <= ahead[-1:] <= "ん" and word in folded(titles().relational)


def _is_rare(word: str) -> bool:
    table = words()
    return min(table.zh.get(word, UNKNOWN), table.ja.get(word, UNKNOWN)) >= LESS


@cache
def is_trade(word: str) -> bool:
    """Whether a folded word before a title says what the title is of (训练工程师): one of two common characters of which no name is
    made, a surname first or a given name."""
    known = names()
    listed = word[:1] in known.surnames or word in known.surnames_ja or word in known.given_ja
    rare = any(known.given.get(c, 99.0) >= RARE_GIVEN for c in word)
    return words().zh.get(word, UNKNOWN) < TRADE and len(word) == 2 and not listed and rare


@cache
def _roles() -> frozenset[str]:
    return frozenset(map(fold, titles().roles))


def _is_borne(word: str) -> bool:
    known = names()
    return word in known.surnames or word in known.surnames_ja or word in known.given_ja


_ADDRESS = re.compile("さん|ちゃん|くん|さま|氏|様")
_NOMINAL = re.compile(
    "から|か(?![なずれせりるっえけん])|く(?:ん|らい)|こそ|さ(?:ん|ま|え)|し(?:か(?!ら)|も)|だ|です|でし|な(?:[らどのん]|$)|ね|よ(?![うり])|より|"
    "ら(?![れせなずぬ])|っぽ|まで|ほど|たち|ど|ぐらい|じゃ|ちゃん|とか|ばかり|みたい|らし|そう|がた|さえ|すら|のみ"
)
"""What stands behind a noun or a name as well: particles, the copula, plurals (Martin, 1975, sections 2.2 to 2.11)."""


def is_shaped(word: str, mine: list[bool]) -> bool:
    """Whether a word is a character of a hidden name with what stands before or behind names."""
    return (mine[0] and word[1:] in _behind()) or (mine[-1] and word[:-1] in _ahead())


def is_addressed(before: str, behind: str) -> bool:
    """Whether what stands between these is addressed: before a title, kin or an office, or behind what stands before names."""
    after = fold(behind)
    return (
        before in _ahead()
        or before == CALLED
        or any(after.startswith(t) for t in _behind())
        or any(is_agent(after[:n], n, False) or is_agent(after[:n], n, True) for n in (2, 3, 4))
    )


@cache
def _behind() -> frozenset[str]:
    listed = addresses(), titles()
    return frozenset(map(fold, (*listed[0].after, *listed[0].given_after, *listed[1].zh_after, *listed[1].ja_after)))


@cache
def _in_kana() -> tuple[str, ...]:
    """Titles that are written in kana."""
    return tuple(t for t in _behind() if "ぁ" <= t[0] <= "ー" and len(t) > 1)


@cache
def _ahead() -> frozenset[str]:
    return frozenset(map(fold, (*addresses().before, *titles().zh_before)))


RUN = re.compile(
    r"(?P<place>[\w.+%-]*@[\w.-]*|\b\w+://[^\s\"'<>）」]+|\bwww\.[\w./-]+|(?:[~/\\][\w.-]+){2,})"
    rf"|(?P<han>[{HAN}]+)|(?P<pointed>[ァ-ヺー]+(?:[・･＝·][ァ-ヺー]+)+)|(?P<katakana>[ァ-ヺー]+)|(?P<hiragana>[ぁ-ゟ]+)"
    r"|(?P<latin>[A-Za-z\u00c0-\u024f\u1e00-\u1eff]+(?:['’ʼ‐-][A-Za-z\u00c0-\u024f]+)*)|(?P<other>[^\W\d_]+)"
)
"""Runs of a text that are judged each in its own way."""
