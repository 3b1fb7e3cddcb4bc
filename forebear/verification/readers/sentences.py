"""Sentences and items of a card that state a size, a number type, a tokenizer, a licence or a digest: proposals all."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from forebear.verification.claim import Claim, Source, Standing
from forebear.verification.readers.activations import activation_of
from forebear.verification.readers.compounds import unfolded
from forebear.verification.readers.grammar import BLOCKS, MADE, figures_left, figures_of
from forebear.verification.readers.phrases import compares, is_of_this, loose_type, phrases
from forebear.verification.readers.tokenizers import is_bare_name, is_of_tokenizers, tokenizers_of

Place = tuple[Standing, str]
"""What a line is about, and the part of the card that it stands in."""
MOST_CHARACTERS = 4_000
"""Characters of one paragraph that are read."""
MOST_READ = 200_000
"""Characters of all paragraphs of one card."""
MOST_MATCHES = 20
"""Matches of one kind in one sentence that are looked at."""
MOST_FOUND = 200
"""Most claims of sentences of one card."""
_IN_CELLS = ("parameters", "layers", "width", "vocabulary", "tokenizer", "activation", "dtype", *BLOCKS, *MADE)
_ENDS = re.compile(r"(?<=[.!?])\s+(?![a-z0-9(])|(?<=[。！？])")
_LINK = re.compile(r"!?\[([^\]\n]{0,200})\]\([^)\n]{0,400}\)")
_NEW_LINE = re.compile(r"<br\s*/?>", re.IGNORECASE)
_MARKS = re.compile(r"\*\*|__|`|</?[a-zA-Z][^<>]{0,200}>|\\[()]|\$")
_SUBSCRIPT = re.compile(r"_\{(?:\\(?:text|mathrm|rm)\{)?(\w{1,20})\}{1,2}")
_NAME = re.compile(r"(?<![A-Za-z0-9_.\-])(?=[A-Za-z0-9_.\-/]{0,62}\d)[A-Za-z][A-Za-z0-9_.\-/]{2,60}")
_NO_NAME = re.compile(
    r"(?:bf|fp?|int|bfloat|float|uint)\d+|[a-z]{1,3}\d|v\d[\d.]*|apache.*|cc-.*|[al]?gpl.*|mit|top-?\d+|rms?norm\d*|utf-?\d+|"
    r"sha-?\d+|"
    r"b?bpe-\w+|(?:adamw?|h|a|v)\d+\w*|d_model|n_\w+|(?:cuda|python|torch|pytorch|transformers)[\w.\-]*|[a-z]+-\d+",
    re.IGNORECASE,
)
"""Words of letters and digits that are no models: number types, versions, licences, hardware."""
_WORTH = re.compile(
    r"\d|tokeni|licen|half|single|layer|heads?\b|vocab|glu|relu|silu|swish|gelu"
    r"|トークナイ|エンコード|토크나이|分词|分詞|词表|詞表",
    re.IGNORECASE,
)
_STORED = re.compile(
    r"\b(?:stored|saved|shipped|checkpoints?|weights?|total of|in total|there are|safetensors)\b"
    r"|存储|儲存|保存|权重|權重|重み|格納|저장|가중치",
    re.IGNORECASE,
)
_TRAINED = re.compile(r"\btrain\w*|\bstep|\bepoch|训练|訓練|学習|학습|훈련", re.IGNORECASE)
_INSTEAD = re.compile(r"(?<=\w)\s*,? (?:instead of|rather than|in place of) (?:[^.;,]|[.,](?=\d)){1,80}(?=[.;,]|$)", re.IGNORECASE)
"""What a model does not have, behind what it has."""
_AT_MOST = re.compile(r"\b(?:longer|more|fewer|greater|less) than(?= ~?\d)", re.IGNORECASE)
"""A bound, which compares no models."""
_HEX = re.compile(r"(?<![0-9A-Za-z])([0-9a-fA-F]{64})(?![0-9A-Za-z])")
_FILE = re.compile(r"([\w.\-]+\.(?:safetensors|bin|gguf|pth?|onnx|npz|json|model|msgpack))\b", re.IGNORECASE)
_BREAK = re.compile(
    r"[,，](?!\d{3}(?!\d))|[;:()（）、；：—]|\s-\s|\b(?:and|with|plus|while|whereas|using)\b|以及|[和及]|且|そして|また|그리고|이며|이고"
)


@dataclass
class Block:
    """A paragraph or an item as its lines come."""

    _lines: list[tuple[int, str]] = field(default_factory=list)
    _place: Place = (Standing.own, "")
    _title: str = ""
    _head: str = ""
    _known: list[str] = field(default_factory=list)
    unread: set[int] = field(default_factory=set)
    """Lines of sentences with figures beside words for the make of a model that became no claims."""
    _found: int = 0
    _read: int = 0

    def add(self, line: str, number: int, place: Place, names: tuple[str, str], known: Sequence[str]) -> None:
        """The next line. names: title of the card and the heading above; known: kinds that it claims as a field."""
        if not self._lines:
            self._place, (self._title, self._head), self._known = place, names, []
        self._lines.append((number, line.strip()))
        self._known += known

    def claims(self, name: str) -> list[Claim]:
        """The claims of a paragraph that has ended, each kind once a sentence."""
        lines, self._lines = self._lines, []
        text = " ".join(line for _, line in lines)
        self._read += len(text)
        enough = len(text) > MOST_CHARACTERS or self._found > MOST_FOUND or self._read > MOST_READ
        if not lines or enough or not _WORTH.search(text):
            self.unread |= {number for number, line in lines if enough and figures_left(line, ())}
            return []
        found, at = [], 0
        for said in _ENDS.split(text):
            line = _line_of(lines, at)
            at += len(said) + 1
            plain = plain_sentence(said)
            plain = _INSTEAD.sub("", plain)
            stated = [] if compares(_AT_MOST.sub(" ", unfolded(plain))) else list(sizes_of(plain, self._head))
            kinds = [one for one in stated if one[0] not in self._known]
            if figures_left(plain, [kind for kind, _ in stated]):
                self.unread.add(line)
            if kinds:
                place = _about(plain, self._place, self._title, [stated for kind, stated in kinds if kind == "tokenizer"])
                place = (_stored(plain, place[0]), place[1])
                part = f"{place[1]} said {lines[0][0]}"
                found += [_claim(kind, stated, Source(name, "sentence", line), (place[0], part)) for kind, stated in kinds]
        self._found += len(found)
        return found


def digests_of_line(line: str, number: int, name: str, place: Place) -> list[Claim]:
    """A SHA-256 beside the name of one file, as lists of digests write it."""
    digests = _HEX.findall(line)
    files = dict.fromkeys(_FILE.findall(line)) if len(digests) == 1 else {}
    if len(digests) != 1 or len(files) != 1:
        return []
    return [_claim("digest", digests[0].lower(), Source(name, "sha256", number), place, about=next(iter(files)))]


def sizes_of_cell(value: str, source: Source, place: Place, known: Sequence[str] = ()) -> list[Claim]:
    """Sizes in a cell of a table besides the kinds that its label claims ("Architecture | 24 layers, 1024 hidden units")."""
    plain = plain_sentence(value)
    if compares(plain):
        return []
    return [_claim(kind, stated, source, place) for kind, stated in sizes_of(plain, "") if kind in _IN_CELLS and kind not in known]


def plain_sentence(text: str) -> str:
    """A sentence without marks of Markdown, HTML and LaTeX.

    >>> plain_sentence("- A **1.1 billion** parameter `decoder` ([paper](https://example.org))")
    'A 1.1 billion parameter decoder (paper)'
    """
    text = _MARKS.sub("", _SUBSCRIPT.sub(r"_\1", _LINK.sub(r"\1", _NEW_LINE.sub("; ", text))))
    return " ".join(text.split()).lstrip("-*+>• ")


def sizes_of(text: str, head: str) -> Iterator[tuple[str, str]]:
    """Kind and value of what one plain sentence states; head: the heading above.

    >>> list(sizes_of("A 6-layer, 512-hidden-size transformer.", ""))
    [('layers', '6'), ('width', '512')]
    """
    found = dict(reversed(list(figures_of(text))))  # the first of each kind
    yield from reversed(found.items())
    if function := activation_of(text):
        yield "activation", function
    named = list(islice(tokenizers_of(text), 1))
    if not named and is_of_tokenizers(head):
        named = [text.rstrip(".")] if is_bare_name(text) else list(islice(tokenizers_of(f"tokenizer: {text}"), 1))
    yield from (("tokenizer", name) for name in named)
    typed = False
    for one in phrases(head):
        matches = sorted((found for pattern in one.patterns for found in pattern.finditer(text)), key=lambda found: found.start())
        values = (_stated(found, text, one.never) for found in matches[:MOST_MATCHES])
        stated = next((value for value in values if value), None)
        if stated is not None:
            typed = typed or one.kind == "dtype"
            yield one.kind, stated.strip(" ,.-")
    if not typed and (loose := loose_type(text)):
        yield "dtype", loose


def _stated(found: re.Match[str], text: str, never: re.Pattern[str]) -> str | None:
    """What a match states, unless its part of the sentence is about something else."""
    start = max((one.end() for one in _BREAK.finditer(text, 0, found.start())), default=0)
    after = _BREAK.search(text, found.end())
    if never.search(text[start : after.start() if after else len(text)]):
        return None
    return next((group.strip() for group in found.groups() if group), None)


def _about(text: str, place: Place, title: str, tokenizers: Sequence[str]) -> Place:
    """What a sentence is about. tokenizers: names in it that are of no model."""
    own = _letters(title)
    names = [_letters(one) for one in _NAME.findall(text) if not _NO_NAME.fullmatch(one.rstrip("./-"))]
    others = [one for one in names if not (own and (one in own or own in one)) and not any(one in _letters(t) for t in tokenizers)]
    if is_of_this(text) or (own in _letters(text) and len(own) > 3):
        return (max(place[0], Standing.unsure if others else Standing.own), place[1])
    return (max(place[0], Standing.another if others else Standing.unsure), place[1])


def _stored(text: str, standing: Standing) -> Standing:
    """The standing of a sentence in a part on another matter that is of the model itself, or of the files as they are stored."""
    stored = is_of_this(text) or (_STORED.search(text) and not _TRAINED.search(text))
    return Standing.unsure if standing is Standing.aside and stored else standing


def _letters(text: str) -> str:
    return re.sub(r"[\W_]", "", text.lower())


def _line_of(lines: Sequence[tuple[int, str]], at: int) -> int:
    """The line that a place in the joined text stands in."""
    for number, line in lines:
        at -= len(line) + 1
        if at < 0:
            return number
    return lines[-1][0]


def _claim(kind: str, stated: str, source: Source, place: Place, about: str = "") -> Claim:
    own = place[0] is Standing.own
    return Claim(kind, stated, source, decided=False, about=about, standing=place[0], part="" if own else place[1])


