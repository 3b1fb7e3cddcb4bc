"""Several figures written as one: chains, letters of papers, pairs and lines of code, each as plain words for the grammar."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_CHAIN = re.compile(r"(?<![\w.\-/])(\d+[-_ ]?[A-Za-z]+(?:\s?[-_/×,]\s?\d+[-_ ]?[A-Za-z]+)+)(?![\w])")
_LISTED = re.compile(r"(?<=[\w.])\s+(?=[A-Za-z_]\w*\s?=\s?[\w.])")
"""Between settings in a row that nothing parts: "layers=4 heads=8"."""
_LINK = re.compile(r"(?:(?<=[A-Za-z])\s?[-_/×,]\s?)(?=\d)")
_LETTERS = {"l": "layers", "h": "hidden size", "d": "width", "a": "heads"}
"""What single letters of a chain mean beside an "L", as papers on BERT write them."""
_PAPER = re.compile(r"(?:_|(?<![A-Za-z0-9_]))([LHAdDh])\s?[-=]\s?(\d{1,6})(?!\d)")
_BETWEEN_LETTERS = re.compile(r"(?<=\d)\s?/\s?(?=[LHAdDh]\s?[-=]\s?\d)")
_WIDE = re.compile(r"(?<![A-Za-z0-9_])[dD]\s?=\s?(?=\d{2,6}(?!\d))")
"""The width, beside layers that a chain counts ("4L/8H, d=64")."""
MOST_HEADS = 64
"""A letter H beside a larger figure means a width, as papers on BERT write it."""
_QUERIES = re.compile(
    r"(?:(?:number of |# ?(?:of )?)?(?:attention )?heads?)\W{0,3}\(?\s*(?:Q|quer(?:y|ies))\s*(?:/|,|and|&)\s*"
    r"(?:KV|key[-/ ]values?)\s*\)?\W{0,4}?"
    r"(\d{1,4})\s*(?:/|:|,|and)\s*(\d{1,4})(?!\d)",
    re.IGNORECASE,
)
_PAIRS = re.compile(
    r"(?<![\w/])([^\W\d][\w. ]{0,40}?(?:\s?/\s?[^\W\d][\w. ]{0,40}?){1,5})\s*(?:[:=：]|\bof\b|\bis\b|为|為|は|는|은)\s*"
    r"(\d[\d,]*[kKmM]?(?:\s?/\s?\d[\d,]*[kKmM]?){1,5})(?![\w/])"
)
_PRODUCT = re.compile(
    r"(?<![\w.])([A-Za-z]\w{1,30}(?:\s?[×*]\s?[A-Za-z]\w{1,30}){1,3})\s?[=:]\s?"
    r"(\d[\d,]{0,11}(?:\s?[×*x]\s?\d[\d,]{0,11}){1,3})(?![\d×*])(?:\s?=\s?\d[\d,]*)?"
)
"""Names multiplied, and their figures in the same order."""
_ROTATION = re.compile(r"\bRoPE\b|\brotary\b|旋[转轉]位置|回転位置|회전 위치", re.IGNORECASE)
_BASE = re.compile(
    r"(?<![A-Za-z])base(?=\s*(?:[:=(（]|of\b|is\b|为|為|は|는|은|\d))"
    r"|基[数數底频頻]|底[数數]|ベース(?=\s?[(（は:：]?\s?\d)|기저|베이스",
    re.IGNORECASE,
)
_PLAINER = (
    (
        re.compile(
            r"(?:\btop-?)?(?<![\w.])(\d{1,3})\s*(?:active |activated |selected )?(?:experts? )?(?:out of|of|/|from)\s*"
            r"(?:the |its |a total of )?(\d{1,4})(?=[ -](?:routed |local )?experts?\b)",
            re.IGNORECASE,
        ),
        r"\1 active experts, \2",
    ),
    (
        re.compile(r"(?<![\w.])(\d{1,3}) (?:active )?experts? (?:out )?of (?:the |its )?(\d{1,4})\b(?! ?%)", re.IGNORECASE),
        r"\1 active experts, \2 experts",
    ),
    (
        re.compile(
            r"\b(?:activat(?:es|ing)|select(?:s|ing)|routes? (?:each|every) token to|routed to|picks?)(?: the)?(?: top[- ])? ?"
            r"(\d{1,3}) experts?\b",
            re.IGNORECASE,
        ),
        r"\1 active experts",
    ),
    (re.compile(r"(?:激活|选择|選擇|选用|路由到|使用)\s*(\d{1,3})\s*[个個]\s*(?:专家|專家)"), r"激活专家 \1"),
    (re.compile(r"(\d{1,3})\s*[個つ]?の?(?:エキスパート|専門家)[がをの](?=活性|アクティブ|使|選)"), r"アクティブエキスパート \1 "),
    (re.compile(r"(\d{1,3})\s*개의?\s*(?:전문가|엑스퍼트)[가를만]?\s*(?=활성|사용|선택)"), r"활성 전문가 \1 "),
    (re.compile(r"\btop-?(\d{1,2}) (?=(?:expert |token )?(?:routing|gating|router))", re.IGNORECASE), r"\1 active experts, "),
    (re.compile(r"(?:[键鍵]和?值|KV)[^，。；,;\d]{0,6}?(\d{1,3})\s*[个個]?[头頭]"), r"KV头 \1 "),
    (re.compile(r"查[询詢][^，。；,;\d]{1,4}?(\d{1,3})\s*[个個]?[头頭]"), r"查询头 \1 "),
    (re.compile(r"\beach of (?:the|its) (?=\d)", re.IGNORECASE), ""),
    (re.compile(r"(?<!\d)(\d{1,6})\s*(?:→|->|=>)\s*(\d{1,6})\s*(?:→|->|=>)\s*\1(?!\d)"), r"\2"),
    (re.compile(r"(?<![\w.])(\d{1,3})\s?[x×]\s+(?=(?:[\w\-]+ ){0,2}(?:layers?|blocks?)\b)", re.IGNORECASE), r"\1 "),
    (re.compile(r"\bheads?\s*[x×*]\s*(\d{1,4})(?!\d)\s*(?:d(?:im\w*)?\b)?", re.IGNORECASE), r"heads of \1 dims"),
    (
        re.compile(r"\bheads,? each (?:of which )?(?:has|having|with|of) an? (?:dimension|size|width) of (\d{1,4})", re.IGNORECASE),
        r"heads of \1 dims",
    ),
    (re.compile(r"(?<![\w-])L(\d{1,3})[-_ ]?[HD](\d{2,5})(?![\d.])"), r"layers \1, hidden size \2, "),
    (
        re.compile(
            r"\b(?:GQA|grouped[- ]query attention)\W{0,3}(?:with |of |using |has )?(\d{1,3}) "
            r"(?:kv |key[- /]?value )?groups?\b",
            re.IGNORECASE,
        ),
        r"\1 kv heads",
    ),
    (
        re.compile(
            r"\b(?:GQA|grouped[- ]query attention)\W{1,3}(\d{1,3})\s*(?:/|:|→|->)\s*(?!1\b)(\d{1,3})(?![\d.])", re.IGNORECASE
        ),
        r"query heads: \1; kv heads: \2",
    ),
    (
        re.compile(
            r"(?<!position )(?<!positional )(?<!position-)\b(?:token |word |input )?embeddings?"
            r"(?: (?:matrix|table|layer|weights?))?\W{1,4}(?:of |shape )?[\[(]?(\d{2,9})\s*[x×*,]\s*(\d{1,6})(?![\d.])",
            re.IGNORECASE,
        ),
        r"vocabulary of \1, hidden size \2",
    ),
    (
        re.compile(r"(?<![\w.])(\d{1,3})\s*(?:Q|query)\s*(?:/|,|and|&|\+)\s*(?=\d{1,3}\s*(?:KV|key[-/ ]values?)\b)", re.IGNORECASE),
        r"\1 query heads, ",
    ),
    (re.compile(r"(?<![\w.])(\d{1,3})\s*KV\b(?!-?\s?(?:cache|heads?|groups?|[头頭]|ヘッド|헤드))"), r"\1 kv heads"),
)  # fmt: skip
"""Short forms, and the words that they stand for."""
_PRINTED = (
    (
        re.compile(r"\((?:\w*embed_tokens|wte|\w*word_embeddings|tok_embeddings)\): \w*Embedding\((\d{2,9}), (\d{1,6})"),
        ("vocabulary", "width"),
    ),
    (re.compile(r"(?<!\w)(\d{1,3}) x \w*(?:Layer|Block)\("), ("layers",)),
    (
        re.compile(r"\((?:up_proj|gate_proj|fc1|fc_in|dense_h_to_4h)\): Linear\(in_features=\d+, out_features=(\d{1,6})"),
        ("mlp_width",),
    ),
)  # fmt: skip
"""Lines of a model as torch prints it, with the kinds of what they hold."""


def unfolded(text: str) -> str:
    """A plain sentence with figures that are written together apart, so that each stands beside its noun.

    >>> unfolded("4layer-64ch-8header"), unfolded("L=4, H=64, A=8"), unfolded("Layers / heads: 4 / 8")
    ('4layer, 64ch, 8header', 'layers = 4, hidden size = 64, heads = 8', 'Layers: 4; heads: 8')
    >>> unfolded("Number of attention heads (Q / KV): 14 / 2")
    'query heads: 14; kv heads: 2'
    """
    if text.count("=") > 1:
        text = _LISTED.sub(", ", text)
    for pattern, plainer in _PLAINER:
        text = pattern.sub(plainer, text)
    if _ROTATION.search(text):
        text = _BASE.sub(" rope_base ", text)
    text = _PRODUCT.sub(_multiplied, text)
    text = _QUERIES.sub(r"query heads: \1; kv heads: \2", text)
    text = _PAIRS.sub(_apart, text)
    chained = _CHAIN.sub(_unchained, text)
    text = _WIDE.sub("width = ", chained) if chained != text and "layers:" in chained else text if chained == text else chained
    text = _BETWEEN_LETTERS.sub(", ", text)
    letters = {found[1] for found in _PAPER.finditer(text)}
    return _PAPER.sub(lambda found: _lettered(found, letters), text) if "L" in letters and len(letters) > 1 else text


def _apart(found: re.Match[str]) -> str:
    """Nouns and values that stand in the same order."""
    nouns, values = ([one.strip() for one in found[at].split("/")] for at in (1, 2))
    if len(nouns) != len(values):
        return found[0]
    return "; ".join(f"{noun}: {value}" for noun, value in zip(nouns, values, strict=True))


def _multiplied(found: re.Match[str]) -> str:
    """Names and figures of a product, each beside its own."""
    nouns, values = re.split(r"\s?[×*]\s?", found[1]), re.split(r"\s?[×*x]\s?", found[2])
    if len(nouns) != len(values):
        return found[0]
    return "; ".join(f"{noun}: {value}" for noun, value in zip(nouns, values, strict=True))


def _unchained(found: re.Match[str]) -> str:
    """The links of a chain with commas between; single letters beside an "L" as words."""
    links = [one.strip() for one in _LINK.split(found[1])]
    units = [link.lstrip("0123456789-_ ").lower() for link in links]
    if "l" in units:
        figures = [link[: len(link) - len(unit)].rstrip("-_ ") for link, unit in zip(links, units, strict=True)]
        links = [
            f"{_letter(unit, figure, units)}: {figure}" if unit in _LETTERS else link
            for link, unit, figure in zip(links, units, figures, strict=True)
        ]
    return ", ".join(links)


def _letter(unit: str, figure: str, units: Sequence[str]) -> str:
    """What a letter behind a figure means: H counts heads where the figure is no width, and no A beside it counts them."""
    return "heads" if unit == "h" and "a" not in units and int(figure) <= MOST_HEADS else _LETTERS[unit]


def _lettered(found: re.Match[str], letters: set[str]) -> str:
    """A letter of a paper as words: H is a width where A counts heads or nothing states a width, h counts heads beside d."""
    letter, number = found[1], found[2]
    if letter == "h":
        word = "heads" if letters & {"d", "D"} else ""
    elif letter == "H":
        word = "heads" if letters & {"d", "D"} else "hidden size"
    else:
        word = {"L": "layers", "A": "heads"}.get(letter, "width")
    return f"{', ' if found[0][0] == '_' else ''}{word} = {number}" if word else found[0]


def printed(line: str) -> Iterator[tuple[str, str]]:
    """Kinds and figures of a line of a model as torch prints it.

    >>> list(printed("(embed_tokens): Embedding(512, 64)")), list(printed("(0-3): 4 x LlamaDecoderLayer("))
    ([('vocabulary', '512'), ('width', '64')], [('layers', '4')])
    """
    for pattern, kinds in _PRINTED:
        if found := pattern.search(line):
            yield from zip(kinds, found.groups(), strict=True)
