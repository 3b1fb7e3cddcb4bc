"""Which noun of a sentence a figure is of: a small grammar of figures, nouns, and words between them (nouns.toml has the nouns)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from forebear.verification.readers.compounds import unfolded

NOUNS = Path(__file__).parent / "nouns.toml"
BLOCKS = ("heads", "kv_heads", "head_size", "mlp_width", "context", "rope_base")
"""Kinds of figures that say how the blocks of a model are made."""
MADE = ("experts", "experts_used", "labels", "rank", "alpha")
"""Kinds of figures that say what else it is made of."""
MOST_WORDS = 1_000
"""Words of one sentence that are looked at."""
MOST_KEPT = 64
"""Sentences whose words are kept, since a line is asked for its figures, its nouns and what is left."""
_AHEAD, _BACK, _GAP = 4, 7, 10
"""Words between a figure and the noun after it and before it; characters of one such word in scripts without spaces."""
_NUMERALS = (
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen",
    "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip
_IN_WORDS = {word: str(number) for number, word in enumerate(_NUMERALS, 1)} | {
    "twenty-four": "24", "twenty-eight": "28", "thirty": "30", "thirty-two": "32", "thirty-six": "36", "forty": "40",
}  # fmt: skip
_DIGITS = r"(?:\d{1,3}(?:[,_]\d{3})+|\d+)"
_UNIT = r"(?:thousand|million|billion|trillion|[kmbt](?![a-z])|千|百万|百萬|十亿|[万萬億亿]|백만|십억|[만억천])"
_FIGURE = (
    r"(?<![A-Za-z0-9_./\-#$第제])(?:"
    rf"(?P<amount>{_DIGITS}(?:\.\d+)?(?:e\d{{1,2}})?)[- ]?(?P<unit>{_UNIT})?"
    rf"(?!\d|[.,]\d|\s?%|\s?[x×*](?![A-Za-z])|e-|st\b|nd\b|rd\b|th\b)"
    rf"|(?P<said>(?:{'|'.join(sorted(_IN_WORDS, key=len, reverse=True))})(?![A-Za-z]))(?<!\bone))"
)
_BREAKS = (
    r"[;；()（）、。！？|•]|[,，](?!\d{3}(?!\d))|:(?=\s|\d)|：|=|—|–|\s[-/]\s|\.(?=\s|$)"
    r"|\b(?:and|plus|while|whereas)\b|以及|[和及]|且|そして|また|그리고|이며|이고"
)
_OF = {
    "dimension": {"heads": "head_size", "kv_heads": "head_size", "head_size": "head_size", "mlp_width": "mlp_width",
                  "layers": "width", "width": "width", "vocabulary": "width"},
    "token": {"vocabulary": "vocabulary", "context": "context"},
}  # fmt: skip
"""What a figure counted in these is of beside a noun."""
_CLOSED, _OPENED = (")", "）"), ("(", "（")
_LARGE = re.compile(r"[mb]\b|illion|[億亿억]", re.IGNORECASE)
_COUNTED_SO = re.compile(r"\s?(?:개[를의가로와이,. ]|[つ個个](?=[,，、。をのに]|$))")
"""A counter behind a figure, after which another matter follows."""
_MARK = re.compile(r"[:：=]")
_SIZED = re.compile(r"(?:size|dim\w*|width|units|channels|[维維数數小寸宽寬幅원기폭])$", re.IGNORECASE)
"""How a noun for the width of an MLP ends; its bare name before a figure is counted itself ("two feed-forward layers")."""
_EXPERTS = re.compile(r"experts?|专家|專家|エキスパート|전문가", re.IGNORECASE)
"""A noun for the make of a model that no check knows."""
PER = re.compile(
    r"\b(?:per[- ]|in each |each |every |in every )(?:\w+ )?(?:layers?|blocks?|heads?)\b"
    r"|每层|每層|層ごと|층마다|각 층", re.IGNORECASE
)
_OF_MADE = re.compile(
    r"\b(?:lora|adapters?|active|activates?|activated|classif\w+|trainable|per|(?:every|each) token)\b|激活|活性|활성",
    re.IGNORECASE,
)
"""Words that make a figure of blocks another matter, and belong to figures of experts, labels and adapters."""
_LIMITED = re.compile(
    r"\b(?:inputs?|sequences?|prompts?|texts?|model|handles?|accepts?|reads?|processes)\b[^.;]{0,40}"
    r"\b(?:limited|truncated|capped|up to|longer than|at most|max\w*|at a time)\b"
    r"|\b(?:reads?|handles?|accepts?|sees) \d+ tokens at (?:a time|once)\b"
    r"|^\W*(?:up to|at most|max\w*\.?) \d[\d,]*k? tokens?\b"
    r"|最[大多]\s*\d[\d,]*\s*[个個]?\s*(?:token|トークン|词元|詞元)|최대\s*\d[\d,]*\s*토큰",
    re.IGNORECASE,
)
"""A sentence on how much text a model takes, where tokens are counted."""
_TEXTS = re.compile(
    r"train|corpus|dataset|generat|new tokens|output"
    r"|训练|訓練|語料|语料|生成|学習|コーパス|학습|생성|말뭉치",
    re.IGNORECASE,
)
"""Words of a sentence whose tokens are of texts that are not taken in."""
_KINDS_OF_TOKENS = re.compile(r"\b(?:unique|distinct|different|bpe|sub-?words?|(?:word|sentence)-?pieces?)\b", re.I)
"""What makes tokens those of a vocabulary."""
_ON_TOKENS = re.compile(r"\W*(?:tokeni[sz](?:er|ation)|分词器?|分詞器?|トークナイザー?|토크나이저)\s*[:：]", re.IGNORECASE)
"""A label on the tokenizer, after which tokens are counted."""
_WHOLE = ("layers", "heads", "kv_heads", *MADE)
"""Kinds that are small whole numbers."""
_PLAIN = ("width", "mlp_width", "head_size")
"""Kinds that are whole numbers without a unit."""


@dataclass(frozen=True)
class Word:
    """A part of a sentence. role: figure, noun, counted, other, break, link, stop or word; kind: of a noun or what is counted."""

    role: str
    kind: str
    text: str
    start: int
    end: int


def _joined(patterns: Sequence[str]) -> str:
    """Any of them: whole words of Latin letters, parts of words of other scripts."""
    latin = [one for one in patterns if one.isascii()]
    other = [one for one in patterns if not one.isascii()]
    whole = [rf"(?<![A-Za-z_])(?:{'|'.join(latin)})(?![A-Za-z0-9_])"] if latin else []
    return "|".join([*whole, *other])


@cache
def words_of_nouns() -> Any:
    """nouns.toml as it is."""
    return tomllib.loads(NOUNS.read_text("utf-8"))


@cache
def _lexer() -> re.Pattern[str]:
    """One pattern for all words of a sentence; a noun's group is named after its kind."""
    table = words_of_nouns()
    groups = [f"(?P<n_{kind}>{_joined(patterns)})" for kind, patterns in table["nouns"].items()]
    groups += [f"(?P<c_{kind}>{_joined(patterns)})" for kind, patterns in table["counted"].items()]
    groups.append(f"(?P<figure>{_FIGURE})")
    groups.append(f"(?P<break>{_BREAKS})")
    groups += [f"(?P<{role}>{_joined(table['words'][role])})" for role in ("link", "stop")]
    groups.append(r"(?P<word>[A-Za-z0-9_][\w.\-/]*[A-Za-z0-9_]|[A-Za-z0-9_]|[^\x00-\x7f])")
    return re.compile("|".join(groups), re.IGNORECASE)


@cache
def _never() -> re.Pattern[str]:
    return re.compile(words_of_nouns()["words"]["never"], re.IGNORECASE)


@lru_cache(maxsize=MOST_KEPT)
def words_of(text: str) -> tuple[Word, ...]:
    """The words of a sentence; characters of scripts without spaces that are in no noun are put together into one."""
    found: list[Word] = []
    for match in _lexer().finditer(text):
        name = match.lastgroup or ""
        if match["figure"] is not None:
            name = "figure"
        role = {"n_": "noun", "c_": "counted"}.get(name[:2], name)
        kind = name[2:] if name[:2] in ("n_", "c_") else ""
        word = Word("other" if kind == "other" else role, kind, match[0], match.start(), match.end())
        last = found[-1] if found else None
        if role == "word" and last is not None and last.role == "word" and not word.text.isascii() and last.end == word.start:
            found[-1] = Word("word", "", last.text + word.text, last.start, word.end)
        else:
            found.append(word)
        if len(found) >= MOST_WORDS:
            break
    return tuple(found)


def figures_of(text: str) -> Iterator[tuple[str, str]]:
    """Kind and value of each figure of a plain sentence whose noun is known.

    >>> list(figures_of("A 6-layer transformer with a hidden size of 512, 8 heads and a vocabulary of 32k tokens"))
    [('layers', '6'), ('width', '512'), ('heads', '8'), ('vocabulary', '32k')]
    >>> list(figures_of("trained for 3 epochs on 2B tokens in batches of 64"))
    []
    """
    text = unfolded(text)
    words = words_of(text)
    for at, word in enumerate(words):
        if word.role != "figure" or any(one.role == "figure" for one in (*words[at - 1 : at], *words[at + 1 : at + 2])):
            continue  # two figures in a row are one of several words, or of a list
        kind = _kind_of(words, at, text)
        if kind and _fits(kind, word.text) and not _denied(words, at, text, kind):
            yield kind, _IN_WORDS.get(word.text.lower(), word.text.strip(" -"))


def nouns_of(text: str) -> list[str]:
    """Kinds of the nouns of a label, "other" for a noun of another matter; what it is counted in last.

    >>> nouns_of("number of key-value heads"), nouns_of("batch size")
    (['kv_heads'], ['other'])
    """
    words = words_of(text)
    return list(dict.fromkeys(word.kind for word in words if word.role in ("noun", "other")))


def figures_left(text: str, read: Sequence[str]) -> bool:
    """Whether a sentence holds figures beside nouns for the make of a model that are not among the kinds that were read.

    >>> figures_left("more layers than the 24 of others", []), figures_left("4 layers", ["layers"]), figures_left("2 steps", [])
    (True, False, False)
    """
    words = words_of(text)
    if not any(word.role == "figure" for word in words):
        return False
    made = any(word.role == "noun" or _EXPERTS.fullmatch(word.text) for word in words)
    return (made and not any(kind in words_of_nouns()["nouns"] for kind in read)) or len(list(figures_of(text))) > len(set(read))


def _kind_of(words: Sequence[Word], at: int, text: str) -> str | None:
    """What a figure is of: the noun after it, what it is counted in beside the noun before or after that, or the noun before it."""
    ahead, place = _ahead(words, at, text)
    before = _before(words, at, text)
    if ahead is not None and ahead.role == "noun":
        follows = next((one for one in words[place + 1 :] if one.role != "link"), None)
        taken = follows is not None and follows.role == "figure" and before not in (None, "other")
        if taken or _within(before, ahead) or (ahead.kind == "mlp_width" and not _SIZED.search(ahead.text)):
            return before if taken or _within(before, ahead) else None
        return ahead.kind
    if ahead is not None and ahead.role == "other":
        return None
    if ahead is not None and ahead.kind == "model":
        return "parameters"
    if ahead is not None:
        further = _further(words, place, text)
        table = _OF[ahead.kind]
        if before in table:
            return table[before]
        if ahead.kind == "token" and before is None and (kind := _of_tokens(text, ahead, words[at])):
            return kind
        if further is not None:
            return table.get(further)
        if ahead.kind == "dimension" and [one.text.lower() for one in words[place + 1 : place + 2]] == ["each"]:
            last = next((one for one in words[at - 1 :: -1] if one.role == "noun"), None)  # "heads, of 16 dims each"
            return "width" if last is None else table.get(last.kind)
        return "width" if ahead.kind == "dimension" and before in (None, "other") else None
    return None if before == "other" else before


def _within(before: str | None, ahead: Word) -> bool:
    """Whether a width is that of the MLP before it: "an MLP with 176 hidden units"."""
    return before == "mlp_width" and ahead.kind == "width"


def _of_tokens(text: str, counted: Word, figure: Word) -> str | None:
    """What tokens without a noun are counted of: the text that a model takes, or a vocabulary."""
    if _TEXTS.search(text):
        return None
    if _LIMITED.search(text):
        return "context"
    if _KINDS_OF_TOKENS.search(text[figure.end : counted.end]) and not _LARGE.search(figure.text):
        return "vocabulary"
    return "vocabulary" if _ON_TOKENS.match(text) else None  # "Tokenization: character-level (512 tokens)"


def _ahead(words: Sequence[Word], at: int, text: str) -> tuple[Word | None, int]:
    """The noun after a figure, and its place: over a few words that are no prepositions."""
    if at and words[at - 1].role == "noun" and _COUNTED_SO.match(text, words[at].end):
        return None, at  # "블록 4개를 쌓았고 차원은": counted by what stands before it
    for place in range(at + 1, min(at + 2 + _AHEAD, len(words))):
        word = words[place]
        if word.kind == "model" and not _LARGE.search(words[at].text):
            continue  # "12 transformer layers" states no size of a model
        if word.role in ("noun", "other", "counted"):
            marked = _MARK.match(text[word.end :].lstrip()[:1])  # a label of what comes after it
            return (None, place) if marked and place > at + 1 else (word, place)
        if word.role != "word" or len(word.text) > 24 or (not word.text.isascii() and len(word.text) > _GAP):
            return None, place
    return None, at


def _further(words: Sequence[Word], place: int, text: str) -> str | None:
    """The noun that follows what a figure is counted in: "dimensional heads", "tokens in the vocabulary"."""
    for word in words[place + 1 : place + 6]:
        if word.role in ("noun", "other"):
            return word.kind
        if word.role not in ("link", "stop", "word") or word.text in ("and", "with", "has", "have", "or"):
            return None
    return None


def _before(words: Sequence[Word], at: int, text: str) -> str | None:
    """The noun before a figure, over words such as "of" and "is"; "other" for one of another matter."""
    counted = sized = False
    inside = 0
    for place in range(at - 1, max(-1, at - 2 - _BACK), -1):
        word = words[place]
        inside += (word.text in _CLOSED) - (word.text in _OPENED and inside > 0)
        if inside > 0 or (word.text in _OPENED and place != at - 1):
            continue  # "intermediate size (SwiGLU): 5632"
        if word.role in ("noun", "other"):
            return _noun_before(words, place, sized=sized, counted=counted)
        if _stops(word, first=place == at - 1) or (word.role == "counted" and (word.kind != "dimension" or counted)):
            break
        counted = counted or word.role == "counted"
        sized = sized or word.text.lower() == "size"
    return "width" if counted else None


def _stops(word: Word, *, first: bool) -> bool:
    """Whether a word ends the search for a noun before a figure."""
    if word.role == "break":
        return not (_MARK.match(word.text) or (first and word.text in _OPENED))
    return word.role == "figure" or (word.role == "word" and (word.text.isascii() or len(word.text) > _GAP))


def _noun_before(words: Sequence[Word], place: int, *, sized: bool, counted: bool) -> str | None:
    """What a figure is of after this noun: "layers of size 64", "the dimension of the heads is 16" are of no number of either."""
    word = words[place]
    if word.kind == "width" and _inside_mlp(words, place):
        return "mlp_width"
    if sized and word.kind in _WHOLE:
        return _OF["dimension"][word.kind]
    ahead = place - 1
    while ahead >= 0 and words[ahead].role in ("link", "stop"):
        ahead -= 1
    counted = counted or (0 <= ahead < place - 1 and words[ahead].kind == "dimension")
    return _OF["dimension"].get(word.kind) if counted and word.role == "noun" else word.kind


def _inside_mlp(words: Sequence[Word], place: int) -> bool:
    """Whether a width is that of an MLP: "a SwiGLU MLP with hidden dimension 2048"."""
    for word in words[max(0, place - 5) : place][::-1]:
        if word.role in ("noun", "figure", "other") or (word.role == "break" and not _MARK.match(word.text)):
            return word.kind == "mlp_width"
    return False


def _fits(kind: str, figure: str) -> bool:
    """Whether a figure is one that a kind can have."""
    text = figure.lower().strip(" -")
    if text in _IN_WORDS:
        return kind in _WHOLE
    digits = re.sub(r"[,_]", "", text)
    if kind in _WHOLE:
        return digits.isdecimal() and len(digits) <= 4
    if kind in _PLAIN:
        return digits.isdecimal() and digits.isascii()
    if kind == "parameters":
        return not digits.isdecimal() or int(digits) >= 1000
    if kind in ("vocabulary", "context"):
        return digits.isdecimal() or bool(re.fullmatch(r"\d+(?:\.\d+)?[- ]?[k千万萬만천m]", digits))
    return kind == "rope_base"


def _denied(words: Sequence[Word], at: int, text: str, kind: str) -> bool:
    """Whether the clause of a figure speaks of another matter."""
    breaks = (words[place] for place in range(at - 1, -1, -1) if words[place].role == "break")
    start = next((word.end for word in breaks if word.text not in (":", "：", "=")), 0)
    end = next((words[place].start for place in range(at + 1, len(words)) if words[place].role == "break"), len(text))
    clause = text[start:end]
    if kind in ("heads", "kv_heads", "head_size", "mlp_width", *MADE):
        clause = PER.sub(" ", clause)
    if kind in MADE:
        clause = _OF_MADE.sub(" ", clause)
    return bool(_never().search(clause))
