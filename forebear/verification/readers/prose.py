"""Sentences that seem to state descent. A reading of prose is proposed and never decided (decision 0045)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain, islice

from forebear.verification.claim import Claim, Source
from forebear.verification.readers.wording import words_table

MOST_SENTENCES = 40
_BARE = r"(?=[a-z0-9_.\-]{0,81}[\d/])[a-z0-9][a-z0-9_.\-]{1,80}(?:/[a-z0-9_.\-]{1,80})?"
_NAME = rf"(?:\[(?P<linked>[^\]\n]{{2,100}})\]\(|`(?P<code>[^`\n]{{2,100}})`|(?P<bare>{_BARE}))"
_BETWEEN = (
    "version|variant|the|a|an|model|checkpoint|of|from|on|upon|top|with|copy|embedding|weights|original|pretrained|pre-trained|base|for|"
    "to|instruct|chat|release|called|named|is|was|as"
)
_FILLERS = rf"(?:[ \n]{{1,8}}(?:{_BETWEEN})\b){{1,6}}[ \n]{{0,8}}"
_NOT = re.compile(r"\b(?:not|never|no|unlike|isn't|wasn't|without|neither|nor|compared|outperforms?|than)\b", re.IGNORECASE)
_QUANTITY = re.compile(r"[\d.,]+[kmbt]?|(?:b?fp?|bfloat|float|u?int|nf|q|w|i)\d+\w{0,6}|\d+-?bit", re.IGNORECASE)
_SCRATCH = re.compile(
    r"\b(?:pre-?)?trained(?: entirely| completely)? from "
    r"(?:scratch|random(?:ly initiali[sz]ed)? (?:weights|initiali[sz]ation))\b"
    r"|\bno (?:third[- ]party|pre-?trained|external|existing|other) (?:model )?"
    r"(?:weights|checkpoints?|models?) (?:was|were|is|are) used"
    r"|从零开始(?:预?训练|預?訓練)|從零開始(?:預?訓練)|从头(?:开始)?预?训练"
    r"|スクラッチ(?:から)?(?:の)?(?:事前)?学習|처음부터 (?:사전 ?)?학습",
    re.IGNORECASE,
)
_FENCE = re.compile(r"^(```|~~~).*?^\1[^\n]*$", re.MULTILINE | re.DOTALL)


_EAST = re.compile(
    "微调|微調|精调|继续预训练|繼續預訓練|训练得|训练而|訓練|量化|合并|合併|初始化|适配器|適配器|"
    "[为為]基[座础礎]|をベース|ベースに|ベースと|を基に|をもとに|ファインチューニング|追加学習|継続事前学習|量子化|マージ|初期化|アダプタ|"
    "기반|파인튜닝|미세 ?조정|추가 ?학습|양자화|병합|초기화|어댑터"
)
"""The same in Chinese, Japanese and Korean, where the word for what was done comes after the name."""
_DONE = re.compile(r"\b(?:fine-?tuned|quanti[sz]ed|pruned|instruction-tuned|converted)\b", re.IGNORECASE)
_UP_TO_DONE = re.compile(r"(?:[)`\]]|\([^()\s]{0,120}\))*,?\s+(?:model )?(?:(?:that|which) )?(?:was |is )?(?:further )?", re.I)
"""What was done to a name that stands before it: "acme/stone-7b quantized to int4"."""
_LISTED = re.compile(
    r"^(?:#{1,6}[^\n]{0,80}?\b(?:merge[ds]?|merging)\b[^\n]{0,80}|"
    r"[^\n]{0,200}?\b(?:merge[ds]?|merging)\b[^\n]{0,120}?:)\W*\n(?:[ \t]*\n){0,2}"
    r"(?P<items>(?:[ \t]{0,4}[-*+][ \t]+[^\n]{1,300}(?:\n|$)){1,32})",
    re.IGNORECASE | re.MULTILINE,
)
"""A heading or a sentence on a merge with a list below it."""
_ITEM = re.compile(rf"^[ \t]{{0,4}}[-*+][ \t]+(?:\*\*)?{_NAME}", re.IGNORECASE | re.MULTILINE)
BEFORE = 80
"""Characters before such a word in which a name is looked for."""
_NAMED = re.compile(_NAME, re.IGNORECASE)
_STOPS = re.compile(r"[。\n；;]|\.\s")
_KINDS = {
    "finetune": r"fine|조정|파인|微调|微調|精调|ファイン", "quantized": "quanti|量化|量子化|양자화",
    "merge": r"merge|合并|合併|マージ|병합",
    "adapter": "adapter|lora|适配|適配|アダプタ|어댑터",
}  # fmt: skip
"""What a word says of how a model was made; of any other word only that there is a parent."""
_IN_IT = re.compile(r"merg|train|tun(?:ed|ing)|合并|合併|マージ|学習|병합|학습|训练|訓練|微调|微調", re.IGNORECASE)
"""Words near an adapter that may say that it is in the weights by now."""
_NO_PARENT = re.compile(
    r"[)`\]]*(?:\([^)\s]*\))?[\s\-]*(?:architectur|code|tokeni|paper|framework|librar|style|dataset|data\b|架构|架構|アーキテクチャ|구조|데이터)",
    re.IGNORECASE,
)
"""What may follow a name that is no parent's."""


@dataclass(frozen=True)
class _Found:
    """A name with the word that makes it a parent. start: where its sentence is looked for; after: where the name ends."""

    stated: str
    bare: bool
    verb: str
    start: int
    after: int


@cache
def _pattern() -> re.Pattern[str]:
    table = words_table()
    for other in ("labels", "must", "may", "near", "values", "about", "programs"):
        table.lists(other)
    table.text("source")
    verbs = [verb for words in table.lists("verbs").values() for verb in words]
    table.finish()
    joined = "|".join(sorted(map(re.escape, verbs), key=len, reverse=True))
    english = rf"\b(?P<verb>{joined})\b(?P<between>[^.\n]{{0,60}}?){_FILLERS}{_NAME}"
    return re.compile(english, re.IGNORECASE)


def claims_of_prose(text: str, name: str) -> list[Claim]:
    """Parents that sentences of a card or of code name, how it was made of them, and "from scratch"; each a proposal."""
    text = _FENCE.sub(lambda found: "\n" * found[0].count("\n"), text)
    claims = []
    for found in chain(_in_english(text), _done_to(text), _in_the_east(text), _in_lists(text)):
        denied = _NOT.search(_sentence(text, found.start)) or _NO_PARENT.match(text, found.after)
        if denied or not _is_name(found.stated, found.bare):
            continue
        place = _place(text, name, found.start)
        claims.append(Claim("parent", found.stated, place, decided=False))
        kind = next((kind for kind, words in _KINDS.items() if re.search(words, found.verb, re.IGNORECASE)), None)
        merged = kind == "adapter" and _IN_IT.search(text[max(0, found.start - 80) : found.after + 120])
        if kind is not None and not merged:
            claims.append(Claim(f"kind_{kind}", found.stated, place, decided=False, about=found.verb.lower()))
    for scratch in islice(_SCRATCH.finditer(text), 1):
        if not _NOT.search(_sentence(text, scratch.start())):
            claims.append(Claim("scratch", scratch[0], _place(text, name, scratch.start()), decided=False))
    return list({(claim.kind, claim.stated.lower()): claim for claim in reversed(claims)}.values())[::-1][:MOST_SENTENCES]


def _in_english(text: str) -> Iterator[_Found]:
    """Names after a word for what was done."""
    for found in islice(_pattern().finditer(text), 10 * MOST_SENTENCES):
        yield _named(found, found["verb"], found.start(), 0)


def _done_to(text: str) -> Iterator[_Found]:
    """Names before a word for what was done to them."""
    for verb in islice(_DONE.finditer(text), 10 * MOST_SENTENCES):
        start = max(0, verb.start() - 2 * BEFORE)
        names = list(_NAMED.finditer(text[start : verb.start()]))
        one = _named(names[-1], verb[0], start + names[-1].start(), start) if names else None
        # a name without its owner may be that of the model itself
        if one is not None and "/" in one.stated and _UP_TO_DONE.fullmatch(text, one.after, verb.start()):
            yield one


def _in_lists(text: str) -> Iterator[_Found]:
    """The items of a list of what was merged."""
    for listed in islice(_LISTED.finditer(text), MOST_SENTENCES):
        for found in _ITEM.finditer(text, listed.start("items"), listed.end("items")):
            one = _named(found, "merged", found.start(), 0)
            if "/" in one.stated:
                yield one


def _in_the_east(text: str) -> Iterator[_Found]:
    """The last name before such a word, in the same sentence."""
    for verb in islice(_EAST.finditer(text), 10 * MOST_SENTENCES):
        start = max(0, verb.start() - BEFORE)
        names = list(_NAMED.finditer(text[start : verb.start()]))
        if names and not _STOPS.search(text, start + names[-1].end(), verb.start()):
            yield _named(names[-1], verb[0], start + names[-1].start(), start)


def _named(found: re.Match[str], verb: str, start: int, offset: int) -> _Found:
    bare = found["bare"]
    stated = found["linked"] or found["code"] or (bare or "").rstrip(".-")
    return _Found(stated, bool(bare), verb, start, offset + max(found.end(group) for group in ("linked", "code", "bare")))


def _is_name(stated: str, bare: bool) -> bool:
    """Whether a word looks like the name of a model: bare words need a digit beside letters, or a slash."""
    if " " in stated.strip() or _QUANTITY.fullmatch(stated):
        return False
    return not bare or "/" in stated or (any(c.isdigit() for c in stated) and any(c.isalpha() for c in stated))


def _sentence(text: str, at: int) -> str:
    """The beginning of the sentence up to a place in it."""
    start = max(text.rfind(". ", max(0, at - 200), at), text.rfind("\n", max(0, at - 200), at), at - 200, 0)
    return text[start:at]


def _place(text: str, name: str, at: int) -> Source:
    return Source(name, "sentence", text.count("\n", 0, at) + 1)
