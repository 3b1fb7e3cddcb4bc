"""What lines of code between fences state: settings, arguments, commands, nested values, a printed model, loaded tokenizers.

Code is read as text and never run. What it states may be about anything, so that all of it is proposed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from forebear.verification.readers.about import is_aside, names_another
from forebear.verification.readers.activations import activation_in
from forebear.verification.readers.bindings import (
    attribute,
    commented,
    field_of,
    initialised,
    ordered,
    pairs_of_code,
    value_below,
)
from forebear.verification.readers.compounds import printed
from forebear.verification.readers.grammar import BLOCKS, MADE, figures_of, nouns_of
from forebear.verification.readers.keys import is_factor, kind_of_key, kinds_of_key, words_of_key, words_set
from forebear.verification.readers.labels import kind_in_code
from forebear.verification.readers.tokenizers import is_named
from forebear.verification.readers.wording import words_table

IN_CODE = ("parent", "parameters", "layers", "width", "vocabulary", "activation", "dtype", "tokenizer", *BLOCKS, *MADE)
"""Kinds of claims that are read in code between fences."""
_SETTING = re.compile(
    r"^(?P<indent>\s*)(?:(?:const|let|var|static|final|public|export|set|declare|readonly|#\s*define|PARAMETER|self\.)\s*)*"
    r"(?P<quote>[\"']?)(?P<key>[A-Za-z_][\w.\- ]{0,60}?)(?P=quote)"
    r"(?:\s*:\s*(?:[A-Za-z_][\w\[\]|., ]{0,30}?)?\s*=|\s*=>|\s*[:=]|\s{2,}|\s*\.{3,})\s*(?P<value>\S.{0,200})?$"
)
"""A key and its value on a line of their own, or a key that opens what is indented below it."""
_OPENED = re.compile(
    r"\s*[\"']?([A-Za-z_][\w.\-]{0,60})[\"']?"
    r"(?:\s*[:=]\s*[{(\[]?|(?:\s*[:=])?\s*[\w.]*[({\[])\s*(?:#.*)?$"
)
"""A line that opens what is indented below it."""
_SECTION = re.compile(r"^\s*\[([\w.\-]{2,60})\]\s*$")
_TEXT = re.compile(
    r"^[(\[{]?\s*(?P<quote>[\"'`]?)(?P<text>[^\"'`,;{}()\[\]\n]{2,80}?)(?P=quote)\s*[)\]}]?\s*[,;\\]*\s*(?:(?://|#).*)?$"
)
"""A value that is a word in quotes or without."""
_ARGUMENT = re.compile(
    r"(?<![\w.])(?:-{1,2})?(?P<key>[A-Za-z_][\w.\-]{1,60})[\"']?\s*(?:[=:]\s*|(?<=[\w])\s+)(?P<quote>[\"'])(?P<text>[^\"'\n]{2,80})(?P=quote)"
)
"""A key with a word in quotes, somewhere in a line."""
_FLAG = re.compile(
    r"(?<![\w-])(?:--|(?=[A-Z_]{3,}=))(?P<key>[A-Za-z][\w\-]{1,60})(?:=|\s+)(?P<text>[A-Za-z][\w.\-/]{1,80})(?![\w(])"
)
"""The same of a command or of its environment, without quotes."""
_NESTED = re.compile(
    r"[\"']?(?P<key>tokeni[sz]er\w*)[\"']?\s*[:=]\s*\{\s*[\"']?(?:name|type|id|path|model|from|pretrained|repo|base)\w*[\"']?\s*[:=]\s*"
    r"[\"']?(?P<text>[\w.\-/ ]{2,80}?)[\"']?\s*[,}]",
    re.IGNORECASE,
)
_BARE = re.compile(r"(?<![\w.\-])(?P<key>tokeni[sz]er\w*)\s*[=:]\s*(?P<text>[A-Za-z][\w.\-/]{1,80})(?![\w(.\[])", re.I)
_LOADED = re.compile(
    r"\b(?:get_encoding|encoding_for_model|(?:load|get|build|init)_?(?:from_)?tokeni[sz]er)\(\s*[\"']([\w.\-/ ]{2,80})[\"']"
    r"|\b\w*Tokeni[sz]er\w*(?:\.|::)(?:from_?pretrained|from_file|load)\(\s*(?:[\w]+\s*=\s*)?[\"']([\w.\-/ ]{2,80})[\"']",
    re.IGNORECASE,
)
"""A tokenizer that is loaded by name."""
_BASED = re.compile(
    r"(?<![\w.])([\"']?)((?:base|parent)_?model(?:_?(?:name|id|path|or))*)\1\s*[:=]\s*(?:\w*(?:Model|LM)\w*\.from_pretrained\(\s*)?"
    r"[\"']?([A-Za-z0-9][\w.\-]{0,60}/[\w.\-]{1,80})(?![\w/])",
    re.IGNORECASE,
)
"""The model that a configuration or a program begins with."""


def _any(table: str) -> str:
    """Programs or calls of words.toml as one pattern; a star stands for what is left of a word."""
    return "|".join(re.escape(one).replace(r"\*", r"\w*") for one in words_table().table("programs").texts(table))


_MODEL = re.compile(
    r"\b(?!\w*[Tt]okeni[sz]er)\w*(?:Model|LM|LLM|pipeline|SentenceTransformer)\w*(?:(?:\.|::)from_?pretrained)?\(\s*"
    r"(?:[\"'][\w\-]{1,40}[\"']\s*,\s*)?(?:\w+\s*=\s*)?[\"']([\w.\-]{1,60}/[\w.\-]{1,80})[\"']"
    rf"|\b(?:{_any('serve')}|--model|-hf|git clone \S*huggingface\.co/)\s*=?\s*[\"']?"
    r"([\w.\-]{1,60}/[\w.\-]{1,80})",
    re.IGNORECASE,
)  # fmt: skip
"""A model that is loaded by name: a tokenizer of that name is the model's own."""
_CALL = re.compile(
    rf"\b(?:{_any('calls')})\s*\(|(?:^|[\s/])(?:{_any('run')})\s",
)
"""A call or a command that uses a model: what it sets is of that use."""
_MADE_ADAPTER = re.compile(r"\b(?:Q?Lora|DoRA|Peft)\w*Config\s*\(|\bget_peft_model\s*\(", re.IGNORECASE)
_TRAINED = re.compile(
    r"^\W*(?:learning_?rate|lr|num_(?:train_)?epochs|max_steps|max_iters|optimizer|optim|micro_batch_size|(?:train_)?batch_size|"
    r"gradient_accumulation\w*|lr_scheduler\w*|weight_decay|warmup\w*)\W{0,2}\s*[:=]",
    re.IGNORECASE,
)
"""A setting of training."""
_OF_TOKENIZER = words_set(
    "name path id type model or base pretrained hf source class repo dir from file arg args data text "
    "kind variant backend llm lm the default train fast hub"
)
_TOKENIZER = words_set("tokenizer tokeniser tokenization")
_NAMES_IT = words_set("name type id path model from pretrained repo base source kind pre encoding")
_ENCODING = words_set("bpe encoding tok tiktoken")
_FILE = re.compile(r"^[./~]|\.(?:json|model|txt|bin|vocab|bpe|py|yaml|yml|spm)$", re.IGNORECASE)
_NO_NAME = re.compile(r"(?:true|false|none|null|auto|str|int|default|yes|no|\w*tokeni[sz]er(?:fast)?|fast|slow|\w*\.\w+\(.*)", re.I)
_ALONE = re.compile(r"[\w\s,.()~≈%-]{1,120}")
"""A line that is no code ("4 layers, 64 channels")."""
_COMMENT = re.compile(r"\s(?://|#)")
"""Where a comment in code begins."""
_DUMPED = re.compile(r"[\"']|:\s")
"""How a setting of a configuration is written, where an argument of a call is not."""
_ANCHOR = re.compile(r"^(\s*[\w.\-]{1,60}:\s+)&\w{1,60}\s+(?=\d)")
"""A name that YAML gives to a value."""
_DESCRIPTION = re.compile(r"[\"']([^\"'\n{}=]{0,40}\d[\w\-]{0,20} [A-Za-z][^\"'\n{}=]{8,200})[\"']")
"""Words with a figure between quotes."""
_UNIT = re.compile(r"\d\s(thousand|million|billion|trillion)\b", re.IGNORECASE)
"""A unit in words behind a count of parameters."""
_SUM = re.compile(
    r"[=:]\s?\d[\d_.]{0,12}(?:\s*(?:[*%^<>]|-\s|/(?!/)|if\b|\+\s)|\+\w)|=[^=\n]{0,40}\d\s*//\s*(?:\d+|[a-z])\s*$"
)
"""A key set to a product, a difference or a choice; a division in Python, which elsewhere would be a comment."""
_COUNTED_TOKENS = re.compile(r"\W*(?:num|n)_tokens", re.IGNORECASE)
MOST_TOKENS = 1_000_000
"""Above this a number of tokens is of a text and of no vocabulary."""
LEAST_WIDTH = 8
"""Below this a "dim" of code is the number of an axis."""
LONGEST_HOLDER = 60
"""Characters of a name that holds settings."""
DEEPEST = 32
"""Keys above a line that are kept."""


@dataclass
class Code:
    """Reads the lines between fences. loaded: names of models that a card loads; a tokenizer by such a name is the model's own."""

    loaded: set[str] = field(default_factory=set)
    training: bool = False
    """Whether the lines since the last fence hold settings of training."""
    _above: list[tuple[int, str]] = field(default_factory=list)
    open: list[tuple[str, str]] = field(default_factory=list)
    """Keys of the last line that alone mean nothing, with their figures."""
    sums: bool = False
    """Whether the last line sets a key to a sum, whose figures are no setting."""
    used: bool = False
    """Whether the last line is of a call or a command that uses a model."""
    _waiting: str | None = None
    """The value of an attribute, until the field below it."""
    _goes_on: bool = False
    """Whether such a command goes on below it."""

    def begin(self) -> None:
        """A fence opens."""
        self._above, self.training, self.used, self._goes_on = [], False, False, False

    def read(self, line: str) -> list[tuple[str, str, str]]:
        """Kind, value and label of what a line states.

        >>> Code().read('d_embed: int = 64,  # width'), Code().read('python train.py --tokenizer gpt2')
        ([('width', '64', 'd_embed')], [('tokenizer', 'gpt2', 'tokenizer')])
        """
        line = _ANCHOR.sub(r"\1", line)
        self.loaded |= {name for found in _MODEL.findall(line) for name in found if name}
        self.training = self.training or _TRAINED.match(line) is not None
        above = any(_calls(key) for at, key in self._above if at < len(line) - len(line.lstrip()))
        self.used = self._goes_on or above or _calls(line)
        self._goes_on = self.used and line.rstrip().endswith("\\")
        self.open, self.sums = [], _SUM.search(line) is not None
        depth = len(line) - len(line.lstrip())
        another = self.used or _of_another([key for at, key in self._above if at < depth])
        found = [*(() if another else self._settings(line)), *self._tokenizers(line)]
        found += [("parent", one[2], one[1]) for one in _BASED.findall(line)]
        if not found and not another:
            found = [(kind, value, "code") for kind, value in (*self._plain(line), *_quoted(line))]
        found = [one for one in found if one[0] != "width" or not one[1].isdecimal() or int(one[1]) >= LEAST_WIDTH]
        once = {one[:2]: one for one in reversed(found)}
        return [one for one in reversed(once.values()) if one[0] in IN_CODE and not _is_text(one)]

    def _settings(self, line: str) -> Iterator[tuple[str, str, str]]:
        """Numbers and words that a key is set to: alone on a line, or among arguments."""
        if self.sums:
            return
        code = line if line.lstrip().startswith(("#", "//")) else _COMMENT.split(line)[0]
        pairs = [*pairs_of_code(code), *self._over_or_above(line)]
        said = _COMMENT.split(line, maxsplit=1)[1:] if len(pairs) == 1 else []
        for label, value in pairs:
            kind = kind_alone(label) or _of_comment(said)
            if _of_another(label.split(".")[:-1]):
                continue
            if kind in IN_CODE:
                unit = _UNIT.search(line) if kind == "parameters" else None
                yield kind, f"{value} {unit[1]}" if unit else value, label
            else:
                self.open.append((label, value))
        alone = _SETTING.match(_COMMENT.split(line)[0] if not line.lstrip().startswith("#") else line.lstrip("# "))
        text = _TEXT.match(alone["value"]) if alone and alone["value"] else None
        words = [(alone["key"].strip(), text["text"].strip())] if alone and text else []
        dumped = alone is not None and _DUMPED.search(line) is not None
        words += [(one["key"], one["text"]) for one in _ARGUMENT.finditer(code)]
        for label, value in words:
            kind = kind_alone(label)
            if (kind == "activation" and activation_in(value)) or (kind == "dtype" and dumped):
                yield kind, value.removeprefix("torch."), label
            elif kind in IN_CODE and kind not in ("activation", "dtype", "tokenizer") and value[:1].isdigit():
                yield kind, value, label

    def _over_or_above(self, line: str) -> Iterator[tuple[str, str]]:
        """A value whose key stands above it, below it, or in its comment alone."""
        value, key = self._waiting, field_of(line)
        self._waiting = attribute(line)
        if value is not None and key is not None:
            yield key, value
        depth = len(line) - len(line.lstrip())
        above = [name for at, name in self._above if at < depth]
        if above and (below := value_below(line)) is not None:
            yield above[-1], below
        if (beside := commented(line)) is not None:
            yield beside
        yield from initialised(line)
        if said := ordered(line):
            yield "_".join(said[0].split()), said[1]

    def _tokenizers(self, line: str) -> Iterator[tuple[str, str, str]]:
        """Names that a key for a tokenizer is set to, here or under a key above, and tokenizers that are loaded by name."""
        holder = self._place(line)
        code = line.lstrip().lstrip("#/ ") if line.lstrip().startswith(("#", "//")) else line
        alone = _SETTING.match(code)
        if alone is not None and alone["value"] and (text := _TEXT.match(alone["value"])):
            of = holder and not set(words_of_key(alone["key"])) - _NAMES_IT
            if (of or _is_tokenizer(alone["key"])) and _is_text_name(text["text"]):
                yield "tokenizer", text["text"].strip(), alone["key"].strip()
        for pattern in (_ARGUMENT, _FLAG, _NESTED, _BARE):
            for found in pattern.finditer(code):
                if _is_tokenizer(found["key"]) and _is_text_name(found["text"]):
                    yield "tokenizer", found["text"].strip(), found["key"]
        for one, other in _LOADED.findall(line):
            if _is_text_name(one or other):
                yield "tokenizer", one or other, "loaded" if other else "encoding"

    def _place(self, line: str) -> bool:
        """Whether a line stands below a key for a tokenizer; keeps the keys above it by how far they are indented."""
        if section := _SECTION.match(line):
            self._above = [(-1, section[1])]
            return False
        depth = len(line) - len(line.lstrip())
        if line.strip():
            self._above = [one for one in self._above if one[0] < depth]
        held = any(_is_tokenizer(key) for _, key in self._above)
        opened, called = _OPENED.match(line), _calls(line) and line.rstrip().endswith(("(", "{", "["))
        if (opened or called) and len(self._above) < DEEPEST:
            self._above.append((depth, line.strip() if called or opened is None else opened[1]))
        return held

    @staticmethod
    def _plain(line: str) -> Iterator[tuple[str, str]]:
        """Figures of a model as torch prints it, and of lines that are no code."""
        yield from list(printed(line)) or (figures_of(line) if _ALONE.fullmatch(line) else ())


def _quoted(line: str) -> Iterator[tuple[str, str]]:
    """Figures of a description between quotes: "12-layer model where case is kept"."""
    for text in _DESCRIPTION.findall(line)[:1]:
        yield from figures_of(text)


def _calls(line: str) -> bool:
    """Whether a line uses a model: making one an adapter states what that adapter is."""
    return _CALL.search(line) is not None and _MADE_ADAPTER.search(line) is None


def _of_another(holders: list[str]) -> bool:
    """Whether what holds a setting is another model, or a part of one that stands beside it ("vision_config").

    An encoder alone may be the model itself: where a decoder beside it states other figures, one of the two is set apart.
    """
    words = (words_of_key(holder) for holder in holders if len(holder) <= LONGEST_HOLDER)
    return any(names_another(" ".join(word for word in held if word != "encoder")) for held in words)


def kind_alone(label: str) -> str | None:
    """What a key claims without those beside it: by its words, else by the one noun in it; nothing where it may be several."""
    kind = kind_of_key(label)
    if kind is None and (is_factor(label) or kinds_of_key(label)):
        return None
    return kind or kind_in_code(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", label).lower())


def alone_in_code(label: str) -> str | None:
    """The same of a label of prose between fences, which is read by its noun: where its words are those of a key, by these."""
    kind = kind_in_code(label) if kind_alone(label) else None
    return kind_of_key(label) or kind if kind is not None else None


def _of_comment(said: list[str]) -> str | None:
    """What a key that is not known claims by the one noun of the comment behind it ("NHid = 176  # width of the MLP")."""
    nouns = nouns_of(said[0]) if said and not any(c.isdigit() for c in said[0]) else []
    known = len(nouns) == 1 and nouns[0] in ("layers", "width", "vocabulary", *BLOCKS)
    return nouns[0] if known and not is_aside(said[0]) and not names_another(said[0]) else None


def _is_tokenizer(key: str) -> bool:
    """Whether a key is for the name of a tokenizer."""
    words = set(words_of_key(key))
    if words & _TOKENIZER or words == {"vocab"}:
        return words == {"vocab"} or words <= _TOKENIZER | _OF_TOKENIZER
    return bool(words & _ENCODING and words & _NAMES_IT) and words <= _ENCODING | _NAMES_IT | _OF_TOKENIZER


def _is_text_name(text: str) -> bool:
    """Whether a value is the name of a tokenizer and no file or word of code."""
    return is_named(text) and not _FILE.search(text.strip()) and not _NO_NAME.fullmatch(text.strip())


def _is_text(one: tuple[str, str, str]) -> bool:
    """Whether a number of tokens is of a text."""
    digits = re.sub(r"\D", "", one[1])
    return one[0] == "vocabulary" and _COUNTED_TOKENS.match(one[2]) is not None and int(digits or 0) > MOST_TOKENS
