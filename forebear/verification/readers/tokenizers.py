"""Which tokenizer a sentence names: the name that is joined to the word for a tokenizer by words that say whose it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from forebear.verification.readers.grammar import words_of_nouns

_NOUN = re.compile(
    r"(?<![A-Za-z])tokeni[sz](?:ers?|ation|ed|es|ing)(?![A-Za-z0-9_])|(?<![A-Za-z])vocab(?:ulary)?(?![A-Za-z])"
    r"|\b(?:texts?|inputs?|tokens|corpus|data) (?:is|are|was|were) encoded\b"
    r"|\bencoding(?= of tiktoken)|\btiktoken(?:['’]s)?(?= [\w.-]+ (?:encoding|vocab))"
    r"|エンコード(?=[さし])|分词器?|分詞器?|词表|詞表|词汇表|詞彙表|トークナイザー?|トークン化|토크나이저|토큰화",
    re.IGNORECASE,
)
_HEAD = re.compile(
    r"^\W*(?:(?:the )?tokeni[sz](?:er|ation)|分词器?|分詞器?|トークナイザー?|トークン化|토크나이저|토큰화)\W*$",
    re.IGNORECASE,
)
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-/]*(?<![.\-/])")
_MORE = re.compile(r" (?=[A-Z0-9][A-Za-z0-9_.\-/]*|v\d)[A-Za-z0-9][A-Za-z0-9_.\-/]*(?<![.\-/])")
_EAST_AFTER = re.compile(r"[\s:：「『“\"`*(（]*[^\x00-\x7f\s]{0,10}[\s「『“\"`*(（]*")
_EAST_BEFORE = re.compile(r"[\s」』”\"`*)）]*[^\x00-\x7f\s]{0,8}?[\s]*(?:BPE|bpe)?\s*[^\x00-\x7f\s]{0,4}\s*")
_EAST_NEVER = re.compile(r"[。，、；]|训练|訓練|学習|학습|用于|用於|向け|위한|语料|コーパス|말뭉치|以外|不")
_KOREAN_AFTER = re.compile(r"[은는이가]?(?:\s?[가-힣]{1,8}){0,6}[\s「『“\"'`*(]*")
_KOREAN_VERB = re.compile(r"[」』”\"'`*)\s]*(?:을|를|으로|로)?\s*(?:그대로\s*)?(?:사용|통일|채택|이용|공유|적용|쓰|쓴|씁|썼)")
"""Korean puts what is done with a tokenizer behind its name: then more words may stand before it."""
_VOCABULARY = re.compile(r"vocab|词表|詞表|词汇|詞彙", re.IGNORECASE)
_TAKEN = re.compile(
    r"(?:复用|復用|沿用|采用|採用|使用|借用|共享)[了\s]*$"
    r"|\b(?:keeps?|reus\w+|shar\w+|us(?:e|es|ed|ing)|takes?|adopt\w*|inherit\w*|borrow\w*)(?: the)?\s*$",
    re.IGNORECASE,
)
"""Words before a name that say that its vocabulary is used."""
_FROM = re.compile(r"\b(?:of|from)\b|来自|來自|沿用|采用|採用|使用|复用|復用|借用|与|與|同")
"""Words between a vocabulary and a name that say that it is that one's."""
_BESIDE = re.compile(r"v\d+|b?bpe|tokeni[sz]er", re.IGNORECASE)
"""Words that may stand beside a bare name."""
MOST_OF_NAME = 3
"""Words of a tokenizer's name that stands alone."""
MOST_LETTERS = 60
"""Characters between a name and the word for a tokenizer."""


@cache
def _joining() -> dict[str, re.Pattern[str]]:
    """Ordinary words; what may stand after the word for a tokenizer and before it; what denies."""
    table = words_of_nouns()["tokenizers"]
    ordinary, after, before = ("|".join(table[name]) for name in ("ordinary", "after", "before"))
    return {
        name: re.compile(pattern, re.IGNORECASE)
        for name, pattern in (
            ("ordinary", rf"(?:{ordinary})"),
            ("joins", rf"(?:{after})"),
            ("after", rf"(?:[\s:=：*`'\"“”(（\[→]|\s[-–—]\s|\.{{3,}}|(?<![A-Za-z])(?:{after}|based on)(?![A-Za-z]))*"),
            ("before", rf"(?:[\s*`'\"“”)）\]]|['’]s\b|(?<![A-Za-z])(?:{before})(?![A-Za-z]))*"),
            ("denied", table["denied"]),
        )
    }


def is_of_tokenizers(head: str) -> bool:
    """Whether a heading or an item is on the tokenizer and nothing else."""
    return _HEAD.search(head) is not None


def is_bare_name(text: str) -> bool:
    """Whether a line is a tokenizer's name and nothing else.

    >>> is_bare_name("GPT-2 BPE"), is_bare_name("Vocabulary Size: 512")
    (True, False)
    """
    words = text.rstrip(".").split()
    names = [word for word in words if _is_name(word)]
    return 0 < len(words) <= MOST_OF_NAME and bool(names) and all(word in names or _BESIDE.fullmatch(word) for word in words)


def is_named(text: str) -> bool:
    """Whether a value that is set for a tokenizer is a name: any word that does not say what a tokenizer is.

    >>> is_named("llama"), is_named("Northwind tokenizer"), is_named("bpe"), is_named("trained on our own texts")
    (True, True, False, False)
    """
    words = text.strip().split()
    plain = [word for word in words if _joining()["ordinary"].fullmatch(word)]
    rest = all(_BESIDE.fullmatch(word) for word in plain)
    return len(plain) < len(words) <= MOST_OF_NAME and rest and any(c.isalpha() for c in text)


def names_a_tokenizer(stated: str) -> bool:
    """Whether words before or after "tokenizer" are a name.

    >>> names_a_tokenizer("GPT-2"), names_a_tokenizer("custom BPE")
    (True, False)
    """
    words = re.split(r"[\s,()]+", stated.strip())
    return any(_is_name(word) for word in words)


def tokenizers_of(text: str) -> Iterator[str]:
    """Names of tokenizers that a plain sentence says are used, the nearest to the word first.

    >>> list(tokenizers_of("Encoding is done by the tokenizer of GPT-2."))
    ['GPT-2']
    >>> list(tokenizers_of("The SentencePiece tokenizer was trained on Wikipedia."))
    []
    """
    nouns = list(_NOUN.finditer(text))
    if not nouns or _joining()["denied"].search(text):
        return
    found = []
    for name, start, end in _names(text):
        gaps = [gap for noun in nouns if (gap := _gap(text, noun, start, end)) is not None]
        if gaps:
            found.append((min(gaps), start, name))
    yield from (name for _, _, name in sorted(found))


def _names(text: str) -> Iterator[tuple[str, int, int]]:
    """Words of a sentence that look like names, those that go on over several words together."""
    at = 0
    while found := _WORD.search(text, at):
        start, at = found.start(), found.end()
        if not _is_name(found[0]):
            continue
        while (more := _MORE.match(text, at)) and not _NOUN.match(more[0].strip()) and not _ordinary(more[0].strip()):
            at = more.end()
        yield text[start:at], start, at


def _ordinary(word: str) -> bool:
    return bool(_joining()["ordinary"].fullmatch(word)) and not re.fullmatch(r"v\d+", word)


def _is_name(word: str) -> bool:
    """Whether a word may be a name: a capital letter, or letters with a figure, and none of the ordinary ones."""
    if _joining()["ordinary"].fullmatch(word) or _joining()["joins"].fullmatch(word) or not any(c.isalpha() for c in word):
        return False
    return any(c.isupper() for c in word) or any(c.isdigit() for c in word) or "/" in word


def _gap(text: str, noun: re.Match[str], start: int, end: int) -> int | None:
    """Characters between a name and the word for a tokenizer where the words between join them; None where they do not."""
    if start >= noun.end():
        between = text[noun.end() : start]
        east = not noun[0].isascii() or not between.isascii()
        after = _KOREAN_AFTER if _KOREAN_VERB.match(text, end) else _EAST_AFTER
        joined = (after if east else _joining()["after"]).fullmatch(between)
        weak = _VOCABULARY.match(noun[0]) and not _FROM.search(between)
    elif end <= noun.start():
        between = text[end : noun.start()]
        east = not noun[0].isascii() or not between.isascii()
        joined = (_EAST_BEFORE if east else _joining()["before"]).fullmatch(between)
        weak = _VOCABULARY.match(noun[0]) and "tokeni" not in text.lower() and not _TAKEN.search(text[:start])
    else:
        return None
    if joined is None or weak or len(between) > MOST_LETTERS or (east and _EAST_NEVER.search(between)):
        return None
    return len(between)
