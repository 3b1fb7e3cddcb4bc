"""Claims of a model card: its YAML front matter, and fields, rows of tables and sentences below it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from forebear.core.errors import RefusedError
from forebear.core.messages import Message, message
from forebear.core.yaml_values import read_yaml, texts_of
from forebear.verification.claim import MADE_OF, Claim, Source, Standing, public
from forebear.verification.readers.about import About, is_aside, names_another, other_standing
from forebear.verification.readers.bindings import described
from forebear.verification.readers.code import IN_CODE, Code, alone_in_code
from forebear.verification.readers.fields import TAGS, VALUE_MARKS, claims_of_field, copied_field, field_of
from forebear.verification.readers.grammar import figures_left, figures_of
from forebear.verification.readers.keys import kind_of_key
from forebear.verification.readers.labels import claimed, size_below
from forebear.verification.readers.marked import fields_of_marks
from forebear.verification.readers.merges import claims_of_merge
from forebear.verification.readers.sentences import Block, digests_of_line, sizes_of_cell
from forebear.verification.readers.tables import Row, Table, Tagged, label_of, plain_of
from forebear.verification.readers.together import Blocks
from forebear.verification.readers.tokenizers import is_named, is_of_tokenizers

RELATIONS = ("finetune", "merge", "quantized", "adapter")
"""What the hub's card format lets `base_model_relation` say."""
_PARENTS = ("base_model", "base_models", "merged_from", "merged_models")
_ITEMS = re.compile(r"<li\b[^<>]{0,200}>", re.IGNORECASE)
LONGEST_LINE = 600
LONGEST_PARAGRAPH = 4_000
"""Characters of a line that sentences are read of; fields and tables only of one of LONGEST_LINE."""
MOST_TEXT = 256 * 2**10
"""Characters below the front matter that are read: each takes time, up to 18 microseconds in forms made for it (decision 0110)."""
MOST_READ = 2_000
"""Claims of one card after which nothing more of it is read; far fewer are tested."""
DIGEST = 64
"""Characters of a SHA-256."""
MOST_SHOWN = 20
"""Numbers of lines that were not read which are listed."""
_BULLET = re.compile(r"^(\s*)[•·‣▪●◦]\s*|^([\s│┃|]{0,40})[├└╰┣┗╠╚][─━═]{1,8}\s*")
"""Items as they are written where Markdown is not meant, and the branches of a tree."""
_FIGURE = re.compile(r"\d{1,9}")
_NAMED = re.compile(r"tokeni[sz]er|_name|_path|_type|_id$")
"""A key of code whose value is a name."""
_TYPED = re.compile(r"^[A-Za-z_][\w\[\]|. ]{0,30}=\s*")
"""The type of a field of a class before its value (\"int = 4\")."""
_VALUED = re.compile(r"[~≈<>]?\s*\d|(?:sw|re|ge|si|mi|ta)", re.IGNORECASE)
"""How a value of code begins that is a figure, or an activation."""
_COMMENT = re.compile(r"\s(?://|#)")
"""Where a comment in code begins."""
_BEGAN_WITH = ("base", "original model", "original repo", "original", "source model", "upstream", "parent", "finetuned", "base llm")
"""Labels of the model that an author began with, where an address or a name with its owner is the value."""
_REPOSITORY = re.compile(r"(?:huggingface\.co/|hf\.co/|^)([A-Za-z0-9][\w.\-]{0,60}/[\w.\-]{1,80})")
_ADAPTED = re.compile(r"\blora\b|adapter|\bpeft\b|froze|freez|linear prob|冻结|凍結|동결|어댑터|アダプタ", re.IGNORECASE)
"""Words of a card whose model may be trained in part."""
_TRAINABLE = re.compile(r"\btrainable (?=param|weights)", re.IGNORECASE)


def parts_of(text: str) -> tuple[str, int, str]:
    """The front matter of a card without its lines of dashes, the line it begins on (from 1), and what follows it."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    if not text.startswith("---\n"):
        return "", 0, text
    head, mark, body = text[4:].partition("\n---")
    return (head, 2, body) if mark else ("", 0, text)


def beginning(text: str, name: str) -> tuple[str, list[Message]]:
    """A card up to the last whole line within MOST_TEXT below its front matter (a longer one is cut), and what is said of the rest.

    >>> beginning("# Pebble", "README.md")
    ('# Pebble', [])
    """
    body = parts_of(text)[2]
    if len(body) <= MOST_TEXT:
        return text, []
    text = text.replace("\r\n", "\n")
    most = len(text) - len(body) + MOST_TEXT
    stop = text.rfind("\n", most - LONGEST_PARAGRAPH, most) + 1 or most
    line = text.count("\n", 0, stop) + 1
    return text[:stop], [message("unverified_long.cut", name=public(name), line=line, most=MOST_TEXT)]


def claims_of_card(text: str, name: str, *, sentences: bool = True) -> tuple[list[Claim], list[Message]]:
    """What a card claims in fields and, where asked, of sizes in sentences; and what could not be read of it."""
    head, first, body = parts_of(text)
    claims: list[Claim] = []
    limits: list[Message] = []
    if head:
        try:
            values, lines = read_yaml(head, name)
            claims += _front(values, {key: line + first - 1 for key, line in lines.items()}, name)
        except RefusedError as error:
            limits.append(message("unverified.front_matter", why=error.message()))
    if not _ADAPTED.search(body):
        body = _TRAINABLE.sub("", body)  # of a model that is trained whole
    read, written = _Body(name, sentences), body.split("\n")
    limits.append(message("unverified.scope", name=public(name)))
    for number, (line, after) in enumerate(zip(written, [*written[1:], ""], strict=True), head.count("\n") + 3 if head else 1):
        read.read(line, number, after)
    claims += read.end()
    if left := read.left():
        shown = [str(line) for line in left[:MOST_SHOWN]] + ["…"] * (len(left) > MOST_SHOWN)
        limits.append(message("unverified.unread", name=public(name), count=len(left), lines=shown))
    return claims, limits


def _front(values: Any, lines: dict[str, int], name: str) -> list[Claim]:
    if not isinstance(values, dict):
        return []

    def place(key: str) -> Source:
        return Source(name, key, lines.get(key, 0))

    relation = values.get("base_model_relation")
    relation = relation.strip().lower() if isinstance(relation, str) else ""
    parents = [(key, one) for key in _PARENTS for one in texts_of(values.get(key))]
    claims = [Claim("parent", one, place(key)) for key, one in parents]
    if relation:
        known = relation if relation in RELATIONS else "other"
        claims += [Claim(f"kind_{known}", one, place("base_model_relation"), about=relation) for _, one in parents]
    for key in ("license", "licence"):
        stated = texts_of(values.get(key))
        if stated[:1] == ["other"]:
            stated = texts_of(values.get("license_name")) or stated
        claims += [Claim("licence", one, place(key)) for one in stated]
    claims += [Claim("library", one, place("library_name")) for one in texts_of(values.get("library_name"))[:1]]
    claims += [Claim("tag", one, place("tags")) for one in texts_of(values.get("tags")) if one.lower() in ("gguf", "peft", "lora")]
    return claims + _further(values, name, lines)


_PARENTS_TOO = ("parent_model", "source_model", "original_model", "finetuned_from", "fine_tuned_from", "base", "parent")
"""Keys of front matter by which authors name a model that they began with; the hub's format has none of them."""


def _further(values: dict[Any, Any], name: str, lines: dict[str, int]) -> list[Claim]:
    """Sizes and names that front matter states under keys of its author's, at the top or one level below."""
    flat = [(str(key), one) for key, one in values.items()]
    flat += [(str(key), one) for held in values.values() if isinstance(held, dict) for key, one in held.items()]
    found = [
        Claim("parent", one, Source(name, key, lines.get(key, 0)), decided=False)
        for key, one in flat
        if key.lower() in _PARENTS_TOO and isinstance(one, str) and "/" in one
    ]
    for key, one in flat[:MOST_SHOWN]:
        kind = "tokenizer" if key.lower() in ("tokenizer", "tokenizer_name") else kind_of_key(key)
        fits = isinstance(one, str | int) and not isinstance(one, bool)
        if kind in IN_CODE and kind is not None and fits and (kind != "tokenizer" or is_named(str(one))):
            claims = claims_of_field(kind, str(one), Source(name, key, lines.get(key, 0)))
            found += [replace(claim, decided=False, standing=Standing.unsure, part="front") for claim in claims]
    return found


@dataclass
class _Body:
    """Reads the lines below the front matter: fields, tables, and sentences, each with what it is about."""

    name: str
    sentences: bool = True
    claims: list[Claim] = field(default_factory=list)
    _table: Table = field(default_factory=Table)
    _tagged: Tagged = field(default_factory=Tagged)
    _about: About = field(default_factory=About)
    _block: Block = field(default_factory=Block)
    _place: tuple[Standing, str] = (Standing.own, "")
    """What the table that is being read is about, and its part."""
    _left: set[int] = field(default_factory=set)
    _fence: str = ""
    _code: Code = field(default_factory=Code)
    _lines: list[str] = field(default_factory=list)
    """Lines of code since the last fence."""
    _begun: int = 0
    """Claims before that fence."""
    _hidden: bool = False
    _blocks: Blocks = field(default_factory=Blocks)
    _fences: int = 0
    """Fences that have opened."""

    def read(self, line: str, number: int, after: str) -> None:
        """The next line, and the one after it."""
        if len(self.claims) > MOST_READ:
            return
        line = _BULLET.sub(lambda found: f"{found[1] or ''}- ", line)
        if DIGEST <= len(line) <= LONGEST_LINE:
            place = (max(self._about.standing, Standing.unsure), f"{self._about.part} digests")
            self.claims += digests_of_line(line, number, self.name, place)
        if self._fenced(line, number) or len(line) > LONGEST_PARAGRAPH:
            return
        if len(items := _ITEMS.split(line)) > 2:  # items of HTML in one line
            for item in items[:MOST_SHOWN]:
                self._item(item, number)
            return
        headed = self._about.read(line, after)
        for label, value in fields_of_marks(line, after, barred=not self._table.takes(line, after)):
            place = (max(self._about.standing, Standing.unsure), f"{self._about.part} marks")
            self._labelled(label_of(label), value, number, place)
        if headed and self.sentences and not self._hidden and "<!--" not in line:
            self._headed(line, number)
        unseen = self._hidden or "<!--" in line
        self._hidden = line.rfind("<!--") > line.rfind("-->") or (self._hidden and "-->" not in line)
        place = (max(self._about.standing, Standing.unsure if unseen else Standing.own), self._about.part)
        own = place[0] is Standing.own
        before = self._tagged.open
        if self._tagged.takes(line, number, own):
            self._place = self._place if before else place
            self._rows(self._tagged.rows(self._about.title))
        elif len(line) <= LONGEST_LINE and self._table.takes(line, after):
            self._table.add(line, number, own)
            self._place = place
        else:
            self._rows(self._table.rows(self._about.title))
            self._line(line, number, after, place, unseen=unseen)
            return
        self._said()

    def _item(self, item: str, number: int) -> None:
        """One of several items of HTML in a line, read as an item of Markdown."""
        if text := TAGS.sub(" ", item).replace("<ul>", " ").replace("</ul>", " ").strip():
            place = (max(self._about.standing, Standing.unsure), self._about.part)
            self._line(f"- {text}", number, "", place, unseen=self._hidden)

    def _headed(self, line: str, number: int) -> None:
        """What a heading states of the model: "Tern | 0.13M parameters"."""
        self._said()
        place = (self._about.above, self._about.part)
        self._block.add(line.strip("#= "), number, place, (self._about.title, self._about.head), [])
        self._said()

    def end(self) -> list[Claim]:
        """All claims, when the card has ended."""
        self._rows(self._table.rows(self._about.title))
        self._rows(self._tagged.rows(self._about.title, ended=True))
        self._said()
        return [claim for claim in self._blocks.read(self.claims) if not self._of_the_model(claim)]

    def _of_the_model(self, claim: Claim) -> bool:
        """Whether a tokenizer is loaded by the name of a model that is loaded as well: it is the model's own."""
        if claim.kind != "tokenizer" or claim.source.where != "loaded":
            return False
        names = {_letters(name.rpartition("/")[2]) for name in (*self._code.loaded, self._about.title)}
        return ("/" in claim.stated and not self._code.loaded) or _letters(claim.stated.rpartition("/")[2]) in names

    def left(self) -> list[int]:
        """Lines with figures beside words for the make of a model on which no claim stands."""
        read = {claim.source.line for claim in self.claims}
        return sorted((self._left | self._block.unread) - read)

    def _fenced(self, line: str, number: int) -> bool:
        """Whether a line is code or a fence. What code states may be about anything."""
        mark = line.lstrip()[:3]
        if mark in ("```", "~~~") and self._fence in ("", mark):
            if self._fence:
                self._merged(number)
                self._trained()
            self._begun = len(self.claims)
            self._fence, self._fences = "" if self._fence else mark, self._fences + (not self._fence)
            self._code.begin()
            self._said()
            return True
        if self._fence and len(line) <= LONGEST_LINE:
            self._in_code(line, number)
        return bool(self._fence)

    def _in_code(self, line: str, number: int) -> None:
        """What a line of code states, else what a label of prose does that stands there."""
        self._lines.append(line)
        place = (max(self._about.standing, Standing.unsure), f"{self._about.part} code")
        stated = self._code.read(line)
        found = None if stated or self._code.used or self._code.sums else field_of(re.sub("[\"']", "", line))
        kind = alone_in_code(found[0]) if found is not None else None
        if found is not None and kind is None and _FIGURE.fullmatch(found[1]):
            self._blocks.add(f"code {self._fences}", None, found[1], Source(self.name, found[0], number), place, None)
        if found is not None and kind in IN_CODE and kind not in ("dtype", "tokenizer") and not _NAMED.search(found[0]):
            value = _TYPED.sub("", plain_of(_COMMENT.split(found[1])[0]).rstrip(",; "))
            value = value if _VALUED.match(value) else described(found[1]) or ""
            stated = [(kind, value, found[0])] if kind is not None and value else []
        for kind, value, label in stated:
            standing = max(place[0], Standing.one_of_several) if kind == "dtype" else place[0]
            source = Source(self.name, label, number)
            self._blocks.add(f"code {self._fences}", kind, value, source, place, len(self.claims))
            self._claimed(kind, value, source, (standing, place[1]), plainly=False)
        for label, value in self._code.open:
            self._blocks.add(f"code {self._fences}", None, value, Source(self.name, label, number), place, None)

    def _trained(self) -> None:
        """Sizes beside settings of training are of a part on training: a length there is that of its texts."""
        if self._code.training:
            standings = [max(claim.standing, Standing.aside) for claim in self.claims[self._begun :]]
            pairs = zip(self.claims[self._begun :], standings, strict=True)
            self.claims[self._begun :] = [replace(claim, standing=standing) for claim, standing in pairs]

    def _merged(self, number: int) -> None:
        """The parents of a merge whose configuration stands between fences, as mergekit writes it into cards."""
        lines, self._lines = self._lines, []
        if any(line.startswith("merge_method:") for line in lines):
            found = claims_of_merge("\n".join(lines), self.name)[0]
            source = Source(self.name, "models", number - len(lines))
            self.claims += [replace(claim, source=source, decided=False) for claim in found]

    def _line(self, line: str, number: int, after: str, place: tuple[Standing, str], *, unseen: bool) -> None:
        """A line that is of no table: a field, and words of a sentence that may go on below."""
        found = field_of(line) if len(line) <= LONGEST_LINE else None
        if found is not None and any(figures_of(found[0])):
            found = None  # "4 layers: each with ..." is a sentence
        before = len(self.claims)
        if found is not None:
            standing = max(place[0], Standing.unsure if after.lstrip().startswith("(") else Standing.own)
            self._labelled(found[0], plain_of(found[1]), number, (standing, place[1]))
        elif len(line) <= LONGEST_LINE and not unseen and (copied := copied_field(line)):
            self._labelled(*copied, number, (max(place[0], Standing.unsure), f"{place[1]} copied"))
        known = [claim.kind for claim in self.claims[before:]]
        if not line.strip() or line.lstrip()[:1] in ("#", "-", "*", "+", "<", ">"):
            self._said()
        if self.sentences and line.strip() and not unseen and not line.startswith("#"):
            item = line.lstrip()[:1] in ("-", "*", "+") or found is not None
            place = place if item else (self._about.above, place[1])
            if found is not None:
                place = (max(place[0], other_standing(found[0]) or Standing.own), place[1])
            over = self._about.over if is_of_tokenizers(self._about.over) else self._about.head
            self._block.add(line, number, place, (self._about.title, over), known)

    def _said(self) -> None:
        """The claims of the sentences of a paragraph or an item that has ended."""
        self.claims += self._block.claims(self.name)

    def _rows(self, rows: Iterable[Row]) -> None:
        """The claims of rows of a table."""
        rows = list(rows)
        block = f"table {rows[0].line}" if rows else ""
        for row in rows:
            standing, part = self._place
            if row.which:
                standing, part = row.standing, f"{part} {row.which}"
            place = (max(standing, row.standing), part)
            label, before = label_of(row.label), len(self.claims)
            self._labelled(label, row.value.strip(VALUE_MARKS), row.line, place, f"{block} {row.which}")
            if self.sentences and not is_aside(label) and not names_another(label):
                known = [claim.kind for claim in self.claims[before:]]
                self.claims += sizes_of_cell(f"{label}: {row.value}", Source(self.name, label, row.line), place, known)
            if len(self.claims) == before and figures_left(f"{label}: {row.value}", ()):
                self._left.add(row.line)

    def _labelled(self, label: str, value: str, line: int, place: tuple[Standing, str], block: str = "") -> None:
        """The claims of a field by its label; proposed where it may be about another model or mean something else."""
        kind, plainly, value = claimed(label, value)
        if kind is None and label in _BEGAN_WITH and (name := _REPOSITORY.search(value)):
            kind, value = "parent", name[1]
        if kind in (None, "size") and (below := size_below(label, self._about.over)):
            kind, plainly = below, False
        if kind in ("layers", "width") and len(said := list(figures_of(value))) > 1:
            value = next((figure for one, figure in said if one == kind), value)  # "12 heads, 7 layers"
        source = Source(self.name, label, line)
        self._blocks.add(block or f"part {place[1]}", kind, value, source, place, len(self.claims) if kind is not None else None)
        if kind is not None:
            self._claimed(kind, value, source, place, plainly=plainly)

    def _claimed(self, kind: str, value: str, source: Source, place: tuple[Standing, str], *, plainly: bool) -> None:
        """The claims of a value whose kind is known."""
        if kind in MADE_OF:  # that a part is on an adapter or on training makes it no other model's
            place = (min(place[0], Standing.unsure), place[1])
        own = place[0] is Standing.own
        found = claims_of_field(kind, value, source)
        self.claims += [replace(claim, decided=own and plainly, standing=place[0], part="" if own else place[1]) for claim in found]


def _letters(text: str) -> str:
    return re.sub(r"[\W_]", "", text.lower())
