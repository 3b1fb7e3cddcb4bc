"""Which key a number of a line of code is bound to, in whatever language: by the tokens between the two.

From each number the tokens before it are walked back: marks of assignment, types, wrappers ("Some(4)", "field(default=4)") and
the arguments of an option lead on; the first other name is the key. A list, arithmetic, a comparison or a call with more
arguments binds nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from forebear.verification.readers.keys import words_set

MOST_TOKENS = 400
"""Tokens of one line that are looked at."""
MOST_PAIRS = 40
"""Values of one line that are looked at."""
_FIGURE = (
    r"[~≈]?(?P<value>\d{1,3}(?:,\d{3})+(?![\d,])|\d[\d_]*(?:\.\d+)?(?:e\+?\d{1,2})?[kKmMbB]?)"
    r"_?(?:usize|isize|[uif]\d{1,3}|[uU]?[lL]{1,2}|[uUfF])?(?![\w.])"
)
_ONLY_FIGURE = re.compile(_FIGURE)
_TOKEN = re.compile(
    r"(?P<text>\"[^\"\n]{0,160}\"|'[^'\n]{0,160}'|`[^`\n]{0,160}`)"
    rf"|(?P<figure>(?<![\w.]){_FIGURE})"
    r"|(?P<name>(?:--?(?=[A-Za-z]))?[A-Za-z_][\w]*(?:(?:[.\-]|->)(?=[A-Za-z_])\w+)*)"
    r"|(?P<bind>:=|::|=>|->|→|<-|\?=|:-|=(?!=)|:)"
    r"|(?P<mark>[=!<>]=|\*\*|<<|>>|\.{2,}|\S)"
)
_GROUPED = re.compile(r"\{\s*(?:get|set|init)\b[^{}]{0,40}\}|/\*.{0,120}?\*/")
"""Accessors of a property, and comments within a line."""
_NUMBERED = re.compile(r"=\s*\d+\s*\[\s*default\b")
"""The number of a field of a message, before its default."""
_DECLARED = words_set(
    "const let var val static final public private protected internal export readonly constexpr mut "
    "mutable define set my local alias enum pub global final inline def param parameter arg env "
    "defconstant defparameter defvar setq assert def optional required unsigned signed declare type "
    "new attr data print object info debug warning constant"
)
"""Words that may stand before a key and say nothing of it."""
_SPACED = words_set(
    "define set env arg parameter param defconstant defparameter defvar setq def export"
)
"""Such words behind which a key and its value need no mark between them."""
_TYPE = re.compile(
    r"(?:(?:std|np|numpy|torch|jnp|ctypes|typing|t)(?:\.|::))?(?:u?int(?:eger)?\d{0,3}(?:_t)?|s?size_t|[ui]size|[uif]\d{1,3}|long|"
    r"short|auto|float\d{0,2}|double|number|num|optional|option|some|just|ref|ptr|tensor|natural|nat|positiveint|comptime_int|"
    r"constant|classvar|final|field|default|value|none|nonneg\w*|word|str|string|any|byte|real|decimal|literal)",
    re.IGNORECASE,
)
"""A type, or what a value is wrapped in."""
_READ = re.compile(
    r"(?:[\w.]*\.)?(?:get|getenv|get_env|env|setdefault|pop|getint|getattr|setattr|define|default|int|field)", re.IGNORECASE
)
"""Calls that are given a key and the value that it has."""
_BESIDES = words_set(
    "type help description required ge gt le lt min max metavar dest title alias doc comment unit "
    "units"
)
"""Arguments of an option that are not its value."""
_ARITHMETIC = frozenset(("*", "/", "+", "-", "^", "%", "**", "<<", ">>", "//", "×", "x", "..", "..."))
_CLOSES = {"(": ")", "{": "}", "[": "]", "<": ">"}
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
"""Where a word of a key begins that is written without marks."""
_MANY = re.compile(r"^\s*([A-Za-z_]\w*(?:\s*,\s*[A-Za-z_]\w*){1,11})\s*=\s*\(?(\d[\w.]*(?:\s*,\s*\d[\w.]*){1,11})\)?\s*;?\s*$")
"""Names and values in the same order."""
_SHOWN = re.compile(
    r"^\s*(?:>>>\s*)?(?:print\(\s*)?[A-Za-z_]\w*(?:\.\w+)*\.(\w+)\s*\)?;?\s*(?:#|//|--)\s*(?:=>|->|→|=)?\s*(\S+)\s*$"
)
"""An attribute, and what it shows as a comment."""
_BELOW_KEY = re.compile(r"^\s*[-+]?\s*[\"']?(?:value|default)[\"']?\s*[:=]\s*[\"']?([\d_.]+)[\"']?\s*,?\s*$")
"""The value of the key above it."""


_BY_DEFAULT = (
    r"(?:by default|defaults?(?: to| is| value)?|默认值?[为為是]?|預設值?[为為是]?|既定値?[はで]?|デフォルト[はで]?|기본값?[은이]?)"
)
_NUMBER = r"\d{1,3}(?:[,_]\d{3})+|\d{1,9}"
_DESCRIBED = re.compile(
    rf"[(（]\s*(?:{_BY_DEFAULT}\s*[:=：]?\s*)?(?P<bracket>{_NUMBER})\s*[)）]"
    rf"|(?<![\w.])(?P<before>{_NUMBER}) by default"
    rf"|{_BY_DEFAULT}\s*[:=：]?\s*(?P<after>{_NUMBER})(?![\w.])",
    re.IGNORECASE,
)
"""A figure that words about a setting give as its value."""
MOST_DESCRIBED = 300
"""Characters of such words that are looked at."""


_SETTER = re.compile(r"(?:^|\.)(?:set|with)(?:_|(?=[A-Z]))(\w+)$")
_APART = re.compile(rf"^\s*(?P<key>[A-Za-z_]\w*)(?P<gap>\s*[.~]{{1,80}}\s*|\s+){_FIGURE}\s*$")
"""A key and its value with nothing but a gap between."""
_ORDERED = re.compile(rf"^\s*{_FIGURE}\s*[,;]?\s*(?://|#|--|;;|/\*)\s*(?P<key>[^\d*]{{2,60}}?)\s*(?:\*/)?\s*$")
_ORDERED_AFTER = re.compile(rf"^\s*/\*\s*(?P<key>[^\d*]{{2,60}}?)\s*\*/\s*{_FIGURE}\s*,?\s*$")
"""A value without a key, and a comment that says what it is."""
_ONE_MEMBER = rf"[A-Za-z_]\w{{1,40}}[({{]\s?{_FIGURE.replace('?P<value>', '')}\s?[)}}]"
_INITIALISED = re.compile(rf"(?<![\w.]){_ONE_MEMBER}(?:\s*,\s*{_ONE_MEMBER}){{1,20}}")
_MEMBER = re.compile(r"([A-Za-z_]\w{1,40})[({]\s?(\d[\d_,.]*)")
"""Members with one figure each in brackets, at least two with commas between."""
_COMMENTED = re.compile(
    rf"^\s*(?:pub(?:\(\w+\))?\s+)?(?:[A-Za-z_][\w<>]*\s+)?(?P<key>[A-Za-z_]\w*)\s*(?::\s*[\w:<>]+)?\s*[,;]?\s*(?://|#|--)\s*{_FIGURE}\s*$"
)
"""A field, and its figure as a comment."""
_ATTRIBUTE = re.compile(rf"^\s*#\[\w+\(.{{0,60}}?\bdefault\s*=\s*\"?{_FIGURE}\"?.{{0,60}}\)\]\s*$")
"""An attribute that holds the value of the field below it."""
_FIELD = re.compile(r"^\s*(?:pub(?:\(\w+\))?\s+)?([A-Za-z_]\w*)\s*:\s*(?:Option<)?[\w:]+>?\s*,?\s*$")


@dataclass(frozen=True)
class Token:
    """A token of code. role: text, figure, name, bind or mark."""

    role: str
    text: str
    at: int


def tokens_of(line: str) -> list[Token]:
    """The tokens of a line; a text that is a number alone is a figure."""
    found: list[Token] = []
    for match in _TOKEN.finditer(line):
        role, text = match.lastgroup or "mark", match[0]
        role = "figure" if match["figure"] is not None else role
        if role == "figure":
            text = match["value"]
        elif role == "text":
            text = text[1:-1].strip()
            if figure := _ONLY_FIGURE.fullmatch(text):
                role, text = "figure", figure["value"]
        found.append(Token(role, text, match.start()))
        if len(found) >= MOST_TOKENS:
            break
    return found


def initialised(line: str) -> list[tuple[str, str]]:
    """Members of a list of initialisers, each with the one figure that it is given.

    >>> initialised("Config() : dim(64), n_layers(4), n_heads(8) {}"), initialised("max(4)")
    ([('dim', '64'), ('n_layers', '4'), ('n_heads', '8')], [])
    """
    found = _INITIALISED.search(line)
    pairs = _MEMBER.findall(found[0]) if found else []
    return [(_snake(key), value.replace("_", "")) for key, value in pairs][:MOST_PAIRS]


def commented(line: str) -> tuple[str, str] | None:
    """A field without a value whose comment is a figure and nothing else, as a page on a struct shows it.

    >>> commented("pub n_embd: usize,  // 64"), commented("int dim; // 64 of them")
    (('n_embd', '64'), None)
    """
    found = _COMMENTED.match(line)
    return (_snake(found["key"]), found["value"].replace("_", "")) if found else None


def pairs_of_code(line: str) -> Iterator[tuple[str, str]]:
    """Keys and numbers of one line of code or of a command.

    >>> list(pairs_of_code("n_layer: int = 4")), list(pairs_of_code("train.py --n_layer=4 --n_embd 64"))
    ([('n_layer', '4')], [('n_layer', '4'), ('n_embd', '64')])
    >>> list(pairs_of_code("PARAMETER vocab_size 512")), list(pairs_of_code("it has layers 4"))
    ([('vocab_size', '512')], [])
    >>> list(pairs_of_code('p.add_argument("--depth", type=int, default=4)'))
    [('depth', '4')]
    >>> list(pairs_of_code("let nHeads: UInt32 = Some(8u32)"))
    [('n_heads', '8')]
    >>> list(pairs_of_code("layers = [4, 8]")), list(pairs_of_code("if depth == 4:")), list(pairs_of_code("x.reshape(heads, 64)"))
    ([], [], [])
    """
    line = _NUMBERED.sub("= [default", _GROUPED.sub(" ", line.replace('\\"', '"').replace("*:", ":").replace("* =", " =")))
    if many := _MANY.match(line):
        names, values = ([one.strip() for one in many[at].split(",")] for at in (1, 2))
        yield from (zip(map(_snake, names), values, strict=True) if len(names) == len(values) else ())
        return
    if (shown := _SHOWN.match(line)) and (figure := _ONLY_FIGURE.fullmatch(shown[2])):
        yield _snake(shown[1]), figure["value"].replace("_", "")
        return
    if (apart := _APART.match(line)) and (len(apart["gap"]) > 1 or _snake(apart["key"]) != apart["key"] or "_" in apart["key"]):
        yield _snake(apart["key"]), apart["value"].replace("_", "")
        return
    tokens, left = tokens_of(line), MOST_PAIRS
    for at, token in enumerate(tokens):
        if token.role == "figure" and left > 0:
            left -= 1
            if key := _key_of(tokens, at):
                yield _snake(key), token.text.replace("_", "")


def value_below(line: str) -> str | None:
    """The number that a line gives to the key above it.

    >>> value_below("    value: 4"), value_below("    learning_rate: 4")
    ('4', None)
    """
    found = _BELOW_KEY.match(line)
    return found[1].replace("_", "") if found else None


def described(text: str) -> str | None:
    """The number that words about a setting give: in brackets, or beside a word for what it is by default.

    >>> described("Number of blocks (default: 4)"), described("8 by default"), described("層の数（12）"), described("8 or 16")
    ('4', '8', '12', None)
    """
    found = list(_DESCRIBED.finditer(text[:MOST_DESCRIBED]))
    values = {one["bracket"] or one["before"] or one["after"] for one in found}
    return values.pop().replace("_", "") if len(values) == 1 else None


def ordered(line: str) -> tuple[str, str] | None:
    """The comment that says what a value is, and the value, where a line has no key.

    >>> ordered("    4,  // number of layers"), ordered("/* depth */ 4,"), ordered("n = 4  # depth")
    (('number of layers', '4'), ('depth', '4'), None)
    """
    found = _ORDERED.match(line) or _ORDERED_AFTER.match(line)
    return (found["key"].strip(), found["value"].replace("_", "")) if found else None


def attribute(line: str) -> str | None:
    """The value that an attribute gives to the field below it.

    >>> attribute("#[config(default = 4)]"), field_of("pub depth: usize,")
    ('4', 'depth')
    """
    found = _ATTRIBUTE.match(line)
    return found["value"].replace("_", "") if found else None


def field_of(line: str) -> str | None:
    """The name of a field that has a type and no value."""
    found = _FIELD.match(line)
    return _snake(found[1]) if found else None


def _snake(key: str) -> str:
    key = re.sub(r"^-D(?=[A-Z_]{3})", "", key).lstrip("-@:$*")
    return _CAMEL.sub("_", key.replace("->", ".").replace("::", ".")).lower()


def _key_of(tokens: Sequence[Token], at: int) -> str | None:
    """The key of the figure at a place, None where the tokens between bind it to nothing."""
    after = tokens[at + 1] if at + 1 < len(tokens) else Token("mark", "", -1)
    if after.text in _ARITHMETIC and not _goes_on(tokens, at + 1):
        return None
    place, bound, option = at - 1, False, False
    while place >= 0:
        token = tokens[place]
        before = tokens[place - 1] if place else Token("mark", "", -1)
        neutral = _TYPE.fullmatch(token.text) is not None or token.text.lower() in _DECLARED
        if token.role == "bind":
            bound = True
        elif token.text in _CLOSES and token.role == "mark":
            if not _wraps(tokens, place, after):
                return None if bound else _called(tokens, place, after)
            place -= before.role == "name" and _TYPE.fullmatch(before.text) is not None
        elif token.text in ("]", ")") and before.role == "text":
            pass  # cfg["depth"] = 4
        elif token.text == "," and bound and option:
            place = _over(tokens, place)
            continue
        elif token.role in ("name", "text") and bound and neutral:
            option = option or token.text.lower() in ("default", "value")
        elif not (token.role == "mark" and token.text in "*?!$%" and bound):
            return _last(tokens, place, after, bound=bound)
        place -= 1
    return None


def _last(tokens: Sequence[Token], place: int, after: Token, *, bound: bool) -> str | None:
    """The key at the token that ends the walk: a name, an element, or the label of a pair or a row."""
    token = tokens[place]
    if token.text == "," and token.role == "mark":
        return None if bound else _listed(tokens, place, after)
    if token.text == ">" and place > 1 and tokens[place - 1].role == "name" and tokens[place - 2].text == "<" == after.text:
        return tokens[place - 1].text
    if token.role == "name" or (token.role == "text" and bound):
        return token.text if _may_be_key(tokens, place, bound=bound) else None
    return _celled(tokens, place, after)


def _goes_on(tokens: Sequence[Token], place: int) -> bool:
    """Whether a mark of arithmetic is none: an element's end, or a further argument of a command ("+model.depth=4")."""
    mark, after = tokens[place], tokens[place + 1 : place + 2]
    ended = mark.text == "/" and after and after[0].text == ">"
    return bool(ended or (mark.text == "+" and after and after[0].role == "name" and after[0].at == mark.at + 1))


def _over(tokens: Sequence[Token], place: int) -> int:
    """The place before the arguments of an option that are not its value: 'type=int, help="…", '."""
    last = place - 1
    if last >= 2 and tokens[last - 1].role == "bind" and tokens[last - 2].text.lower() in _BESIDES:
        return last - 3
    return last


def _wraps(tokens: Sequence[Token], place: int, after: Token) -> bool:
    """Whether an opening bracket is of what a value is wrapped in, or holds the value alone."""
    before = tokens[place - 1] if place else Token("mark", "", -1)
    if tokens[place].text == "<":
        return False
    wrapped = before.role == "name" and _TYPE.fullmatch(before.text)
    defined = place > 1 and tokens[place - 2].text.lower() == "define"
    alone = (before.role == "bind" or defined) and tokens[place].text == "(" and after.text == ")"
    inside = tokens[place + 1].text.lower() in (*_BESIDES, "value", "default")
    held = inside and before.role == "bind" and tokens[place].text in ("{", "[")
    return bool(wrapped or alone or held)


def _called(tokens: Sequence[Token], place: int, after: Token) -> str | None:
    """The key of a setter, a builder or an initialiser that is given one value: ".n_layers(4)", "setHeads(4)", "int depth{4}"."""
    before = tokens[place - 1] if place else Token("mark", "", -1)
    mark = tokens[place].text
    if before.role != "name" or mark not in ("(", "{") or after.text != _CLOSES[mark]:
        return None
    earlier = tokens[place - 2] if place > 1 else Token("mark", "", -1)
    if mark == "{":
        return before.text if earlier.role == "name" and _TYPE.fullmatch(earlier.text) else None
    if setter := _SETTER.search(before.text):
        return setter[1]
    return before.text.rpartition(".")[2] if earlier.text == "." else None


def _listed(tokens: Sequence[Token], place: int, after: Token) -> str | None:
    """The key of a pair in brackets: '("depth", 4)', "{depth, 4}", 'getenv("DEPTH", 4)'."""
    key, opened = tokens[place - 1 : place], tokens[place - 2 : place - 1]
    if not key or not opened or opened[0].text not in _CLOSES or after.text != _CLOSES[opened[0].text]:
        return None
    named = key[0].role == "text" or opened[0].text == "{"
    caller = tokens[place - 3] if place > 2 else Token("mark", "", -1)
    called = caller.role == "name" and not _READ.fullmatch(caller.text) and opened[0].text == "("
    return key[0].text if named and not called else None


def _celled(tokens: Sequence[Token], place: int, after: Token) -> str | None:
    """The label of a row of two cells that bars part: "| depth | 4 |"."""
    bars = ("|", "│", "┃", "║")
    if tokens[place].text not in bars or after.text not in bars or tokens[-1].text not in bars or len(tokens) != 5:
        return None
    return tokens[1].text if tokens[0].text in bars and tokens[1].role in ("name", "text") and place == 2 else None


def _may_be_key(tokens: Sequence[Token], place: int, *, bound: bool) -> bool:
    """Whether a name stands where a key may: at a beginning, behind a mark or a word of a declaration."""
    token = tokens[place]
    before = tokens[place - 1] if place else None
    flag = token.text.startswith("-")
    if flag or before is None:
        return bound or flag
    if before.text in (":", "@") and before.at + 1 == token.at and not bound:
        return True  # ":depth 4"
    if place > 1 and before.role == "name" and tokens[place - 2].text == "/":
        return False  # "number of key/value heads: 4"
    lead = tokens[place - 2] if before.text in ("*", "(") and place > 1 else before
    declared = lead.role == "name" and (lead.text.lower() in _DECLARED or _TYPE.fullmatch(lead.text) is not None)
    if not bound:
        return declared and lead.text.lower() in _SPACED
    return before.role != "name" or declared
