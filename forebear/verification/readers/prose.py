"""Sentences that seem to state descent or a size. A reading of prose is proposed and never decided (decision 0045)."""

from __future__ import annotations

import re
from functools import cache
from itertools import islice

from forebear.verification.claim import Claim, Source
from forebear.verification.readers.about import names_another
from forebear.verification.readers.wording import words_table

MOST_SENTENCES = 40
MOST_LINES = 20_000
LONGEST_LINE = 2_000
_BARE = r"(?=[\w.\-]*[\d/])[A-Za-z0-9][\w.\-]{1,80}(?:/[\w.\-]{1,80})?"
_NAME = rf"(?:\[(?P<linked>[^\]\n]{{2,100}})\]\(|`(?P<code>[^`\n]{{2,100}})`|(?P<bare>{_BARE}))"
_BETWEEN = (
    "version|variant|the|a|an|model|checkpoint|of|from|on|upon|top|with|copy|embedding|weights|original|pretrained|pre-trained|base"
)
_FILLERS = rf"(?:[ \n]+(?:{_BETWEEN})\b){{1,6}}[ \n]*"
_NOT = re.compile(r"\b(?:not|never|no|unlike|isn't|wasn't|without|neither|nor|compared|outperforms?|than)\b", re.IGNORECASE)
_QUANTITY = re.compile(r"[\d.,]+[kmbt]?", re.IGNORECASE)
_SCRATCH = re.compile(r"\b(?:pre-?)?trained(?: entirely| completely)? from scratch\b", re.IGNORECASE)
_WORTH = re.compile(r"\d|tokeni|half|single", re.IGNORECASE)
_ENDS = re.compile(r"(?<=[.!?])\s+")
_MODEL = "model|network|checkpoint|transformer|decoder|release"
_OF_THIS = re.compile(
    rf"\b(?:this|the|our) (?:\w+ ){{0,2}}(?:{_MODEL})\b|^\W*(?:it|its)\b|\b(?:and|which|that) it\b", re.IGNORECASE
)
_AMOUNT = r"\d[\d.,]*\s?(?:[KMBT]|thousand|million|billion)?"
_SIZES = {
    "parameters": re.compile(rf"(?<![\w.])({_AMOUNT})[- ](?:total |model )?(?:parameters?|params)\b", re.IGNORECASE),
    "layers": re.compile(r"(?<![\w.])(\d{1,4})[- ](?:\w+ )?(?:layers?|blocks)\b", re.IGNORECASE),
    "width": re.compile(r"\b(?:hidden|model|residual) (?:size|dimension|width|stream)(?: of| is|:)? (\d[\d,]*)", re.IGNORECASE),
    "vocabulary": re.compile(r"\bvocabulary(?: size)?(?: of| is| has| with)?(?: about| roughly)? (\d[\d,]*k?)\b", re.IGNORECASE),
}
"""What a sentence says of a size, as English cards write it."""
_TRAINING = re.compile(
    r"\b(?:(?:pre-?)?train|fine-?tun|optimi[sz]|quanti[sz]|prun|distil|froze|freez|updat|evaluat)\w*", re.IGNORECASE
)
_TOKENIZER = re.compile(r"\b(?:uses?|using|with|by|through) the ([A-Za-z][\w.\-/ ]{1,40}?) tokeni[sz]er\b", re.IGNORECASE)
_STORED = re.compile(
    r"\b(?:weights|tensors|parameters|checkpoint)\b[^.]{0,30}\b(?:stored|saved|released|published|kept|shipped)\b[^.\d]{0,12}"
    r"\b(?:in|as) (b?f(?:loat|p)?\d{2}|half|single)\b",
    re.IGNORECASE,
)
_FENCE = re.compile(r"^(```|~~~).*?^\1[^\n]*$", re.MULTILINE | re.DOTALL)


@cache
def _pattern() -> re.Pattern[str]:
    table = words_table()
    for other in ("labels", "must", "may", "near", "values", "about"):
        table.lists(other)
    table.text("source")
    verbs = [verb for words in table.lists("verbs").values() for verb in words]
    table.finish()
    joined = "|".join(sorted(map(re.escape, verbs), key=len, reverse=True))
    return re.compile(rf"\b(?P<verb>{joined})\b(?P<between>[^.\n]{{0,60}}?){_FILLERS}{_NAME}", re.IGNORECASE)


def claims_of_prose(text: str, name: str) -> list[Claim]:
    """Parents that sentences of a card or of code name, and the words "from scratch"; each a proposal."""
    text = _FENCE.sub(lambda found: "\n" * found[0].count("\n"), text)
    claims = []
    for found in islice(_pattern().finditer(text), 10 * MOST_SENTENCES):
        stated = found["linked"] or found["code"] or (found["bare"] or "").rstrip(".-")
        if _is_name(stated, bool(found["bare"])) and not _NOT.search(_sentence(text, found.start())):
            claims.append(Claim("parent", stated, _place(text, name, found.start()), decided=False))
    for scratch in islice(_SCRATCH.finditer(text), 1):
        if not _NOT.search(_sentence(text, scratch.start())):
            claims.append(Claim("scratch", scratch[0], _place(text, name, scratch.start()), decided=False))
    return list({(claim.kind, claim.stated.lower()): claim for claim in reversed(claims)}.values())[::-1][:MOST_SENTENCES]


def sizes_of_prose(text: str, name: str) -> list[Claim]:
    """Sizes that English sentences about the model state; none where a sentence seems to be about another model or about training.

    >>> [(c.kind, c.stated) for c in sizes_of_prose("The model has 4 decoder layers. Its teacher has 80 layers.", "README.md")]
    [('layers', '4')]
    """
    text = _FENCE.sub(lambda found: "\n" * found[0].count("\n"), text)
    claims: list[Claim] = []
    for number, line in enumerate(text.split("\n")[:MOST_LINES], 1):
        if len(line) > LONGEST_LINE or "|" in line or not _WORTH.search(line):
            continue
        for said in _ENDS.split(line):
            if _NOT.search(said) or names_another(said):
                continue
            kinds = _SIZES if _OF_THIS.search(said) and not _TRAINING.search(said) else {}
            kinds = {**kinds, "tokenizer": _TOKENIZER} | ({} if _TRAINING.search(said) else {"dtype": _STORED})
            found = ((kind, pattern.search(said)) for kind, pattern in kinds.items())
            claims += [Claim(k, one[1].strip(), Source(name, "sentence", number), decided=False) for k, one in found if one]
        if len(claims) >= MOST_SENTENCES:
            break
    return claims


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
