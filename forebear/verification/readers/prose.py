"""Sentences that seem to state descent. A reading of prose is proposed and never decided (decision 0045)."""

from __future__ import annotations

import re
from functools import cache
from itertools import islice

from forebear.verification.claim import Claim, Source
from forebear.verification.readers.wording import words_table

MOST_SENTENCES = 40
_BARE = r"(?=[\w.\-]*[\d/])[A-Za-z0-9][\w.\-]{1,80}(?:/[\w.\-]{1,80})?"
_NAME = rf"(?:\[(?P<linked>[^\]\n]{{2,100}})\]\(|`(?P<code>[^`\n]{{2,100}})`|(?P<bare>{_BARE}))"
_BETWEEN = (
    "version|variant|the|a|an|model|checkpoint|of|from|on|upon|top|with|copy|embedding|weights|original|pretrained|pre-trained|base"
)
_FILLERS = rf"(?:[ \n]+(?:{_BETWEEN})\b){{1,6}}[ \n]*"
_NOT = re.compile(r"\b(?:not|never|no|unlike|isn't|wasn't|without|neither|nor|compared|outperforms?|than)\b", re.IGNORECASE)
_QUANTITY = re.compile(r"[\d.,]+[kmbt]?", re.IGNORECASE)
_SCRATCH = re.compile(r"\b(?:pre-?)?trained(?: entirely| completely)? from scratch\b", re.IGNORECASE)
_FENCE = re.compile(r"^(```|~~~).*?^\1[^\n]*$", re.MULTILINE | re.DOTALL)


@cache
def _pattern() -> re.Pattern[str]:
    table = words_table()
    for other in ("labels", "must", "may", "about"):
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
