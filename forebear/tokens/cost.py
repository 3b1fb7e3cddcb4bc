"""What a vocabulary costs, as a document (forebear/tokenizer-cost/2; METHODS §15). Losslessness first, then prices."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

from forebear.core.documents import finish
from forebear.core.errors import UsageError
from forebear.core.messages import Message, message
from forebear.tokens import sample
from forebear.tokens.encoders import CannotEncodeError, Encoder, encoder_of
from forebear.tokens.intervals import Ratio, ratio
from forebear.tokens.lineage import labels
from forebear.tokens.profile import profile, splits
from forebear.tokens.readers import load_vocabulary
from forebear.tokens.scheme import NAME, OneEach, is_scheme
from forebear.tokens.vocabulary import Loader, Vocabulary, file_digest

SHOWN_FAILURES = 5
"""Failures to give a text back that are shown per tokenizer; all are counted."""
OUTCOMES = ("a-fewer", "b-fewer", "no-clear-difference", "cannot-tell")
"""What comparing two tokenizers on one text can give."""
MOST_BLOCKS = 400
"""Blocks kept apart for intervals; a longer text joins neighbours."""


@dataclass
class Tally:
    """Counts of one tokenizer on one passage, block by block."""

    tokens: list[int] = field(default_factory=list)
    characters: list[int] = field(default_factory=list)
    size: int = 0
    lossless: bool = True

    def add(self, tokens: int, characters: int) -> None:
        """One block more; neighbours are joined when there are too many to keep."""
        self.tokens.append(tokens)
        self.characters.append(characters)
        if len(self.tokens) >= 2 * MOST_BLOCKS:
            self.tokens = [a + b for a, b in zip(self.tokens[::2], self.tokens[1::2], strict=True)]
            self.characters = [a + b for a, b in zip(self.characters[::2], self.characters[1::2], strict=True)]


@dataclass
class Candidate:
    """One tokenizer under test."""

    name: str
    path: str
    encoder: Encoder
    vocabulary: Vocabulary
    tallies: dict[str, Tally] = field(default_factory=dict)
    failures: list[dict[str, Any]] = field(default_factory=list)
    failed: int = 0
    seconds: float = 0.0
    characters: int = 0

    def weigh(self, name: str, block: str) -> None:
        """Encode a block, count it, and check that it comes back."""
        began = time.perf_counter()
        ids = self.encoder.encode(block)
        self.seconds += time.perf_counter() - began
        self.characters += len(block)
        tally = self.tallies.setdefault(name, Tally())
        tally.add(len(ids), len(block))
        tally.size += len(block.encode("utf-8", "surrogatepass"))
        back = self.encoder.restore(ids)
        if back != block:
            tally.lossless = False
            self.failed += 1
            if len(self.failures) < SHOWN_FAILURES:
                self.failures.append({"where": name, **_first_difference(block, back)})


def _first_difference(text: str, back: str) -> dict[str, str]:
    at = next((k for k, (a, b) in enumerate(zip(text, back, strict=False)) if a != b), min(len(text), len(back)))
    start = max(0, at - 8)
    return {"given": text[start : at + 12], "came_back": back[start : at + 12]}


def cost(
    paths: Sequence[str | Path],
    *,
    text: str | Path | None = None,
    reference: str = "eng",
    width: int = 4096,
    price: float | None = None,
    cut: str | None = None,
    load: Loader = load_vocabulary,
) -> Mapping[str, Any]:
    """Weigh tokenizers on the default text, or on a file.

    text: a UTF-8 file instead of the default text; reference: the language that premiums compare with;
    width: residual width for the parameters of the table; price: money per million tokens; cut: how a rank file that does
    not say cuts its text (a name of `splitting.names()`); load: what reads a vocabulary.
    Raises: UsageError on words that mean nothing here; RefusedError when a file is no tokenizer we can read.
    """
    if not paths:
        raise UsageError("no tokenizer given", todo=f"Name at least one file or folder, or {NAME}.")
    if text is None and reference not in {p.name for p in sample.languages()}:
        raise UsageError(
            f"no reference text {reference!r}", todo=f"Known: {', '.join(p.name for p in sample.languages())}"
        )
    if width <= 0 or (price is not None and not 0 <= price < float("inf")):
        raise UsageError("width and price must be positive")
    began = time.perf_counter()
    names = [str(path) for path in paths]
    limits: list[Message] = []
    candidates = _open(names, cut, limits, load)
    read_text = _weigh(candidates, text)
    body = _body(candidates, text, reference, width, price)
    limits += _limits(candidates, text, price)
    inputs = sum(entry["bytes"] for entry in body["tokenizers"])
    read = {"tokenizer_bytes": inputs, "text_bytes": read_text, "seconds": round(time.perf_counter() - began, 3)}
    return finish("forebear/tokenizer-cost/2", body, limits=limits, read=read,
                  reproduce=_command(names, text, reference, width, price, cut))  # fmt: skip


def _open(names: Sequence[str], cut: str | None, limits: list[Message], load: Loader) -> list[Candidate]:
    found = []
    for name, label in zip(names, labels(names), strict=True):
        if is_scheme(name):
            scheme = OneEach()
            found.append(Candidate(NAME, NAME, scheme, scheme.vocabulary))
            continue
        vocabulary = load(name, full=True)
        try:
            encoder = encoder_of(vocabulary, cut=cut, digest=_digest(name)[1])
        except CannotEncodeError as error:
            limits.append(message("cost.not_weighed", name=label, why=error.said or error.what))
            continue
        found.append(Candidate(label, name, encoder, vocabulary))
    return found


def _digest(name: str) -> tuple[int, str | None]:
    return (0, None) if name == NAME else file_digest(name)


def _weigh(candidates: Sequence[Candidate], text: str | Path | None) -> int:
    """Every tokenizer on every block; returns the bytes of text read. A file is read once and never held whole."""
    if text is not None:
        label, size = Path(text).name, 0
        for block in sample.stream(text):
            size += len(block.encode("utf-8", "surrogatepass"))
            for candidate in candidates:
                candidate.weigh(label, block)
        if not size:
            raise UsageError("the text is empty", where=str(text))
        return size
    passages = [*sample.languages(), *sample.domains()]
    for candidate in candidates:
        for passage in passages:
            for block in passage.blocks:
                candidate.weigh(passage.name, block)
    return sum(len(block.encode()) for passage in passages for block in passage.blocks)


def _body(
    candidates: Sequence[Candidate], text: str | Path | None, reference: str, width: int, price: float | None
) -> dict[str, Any]:
    default = text is None
    parallel = [p.name for p in sample.languages()] if default else []
    comparisons = _comparisons(candidates, parallel if default else None)
    return {
        "rows": [row for c in candidates for row in _rows(c, reference if default else None, parallel, price)],
        "tokenizers": [_about(c, width) for c in candidates],
        "comparisons": comparisons,
        "pairs": _pairs(comparisons),
        "languages": parallel,
        "domains": [p.name for p in sample.domains()] if default else [],
        "reference": reference if default else None,
        "width": width,
        "price_per_million_tokens": price,
        "splits": splits([(c.name, c.encoder) for c in candidates]),
    }


def _rows(
    candidate: Candidate, reference: str | None, parallel: Sequence[str], price: float | None
) -> list[dict[str, Any]]:
    rows = []
    for name, tally in candidate.tallies.items():
        tokens, characters = sum(tally.tokens), sum(tally.characters)
        premium: Ratio | None = None
        if reference is not None and name in parallel:
            premium = ratio(tally.tokens, candidate.tallies[reference].tokens)
        per_character = tokens / characters if characters else 0.0
        rows.append({
            "tokenizer": candidate.name,
            "language": name,
            "tokens": tokens,
            "characters": characters,
            "bytes": tally.size,
            "blocks": len(tally.tokens),
            "per_character": round(per_character, 5),
            "per_1000_characters": round(1000 * per_character, 2),
            "bytes_per_token": round(tally.size / tokens, 4) if tokens else None,
            "premium": _figure(premium, "value"),
            "low": None if name == reference else _figure(premium, "low"),
            "high": None if name == reference else _figure(premium, "high"),
            "money_per_1000_characters": None if price is None else round(1000 * per_character * price / 1e6, 9),
            "lossless": tally.lossless,
        })  # fmt: skip
    return rows


def _figure(found: Ratio | None, name: str) -> float | None:
    value = getattr(found, name) if found is not None else None
    return None if value is None else round(value, 4)


def _about(candidate: Candidate, width: int) -> dict[str, Any]:
    size, digest = _digest(candidate.path)
    ids = len(candidate.vocabulary.tokens)
    return {
        "name": candidate.name,
        "path": candidate.path,
        "sha256": digest,
        "bytes": size,
        "kind": candidate.vocabulary.kind,
        "ids": ids or None,
        "table_parameters": ids * width or None,
        "lossless": candidate.failed == 0,
        "failed_blocks": candidate.failed,
        "failures": candidate.failures,
        "characters_per_second": round(candidate.characters / candidate.seconds) if candidate.seconds else None,
        "assumed": list(candidate.encoder.assumed),
        **profile(candidate.encoder),
    }


def _comparisons(candidates: Sequence[Candidate], parallel: Sequence[str] | None) -> list[dict[str, Any]]:
    """Tokenizer against tokenizer on the same blocks; outcome: one of OUTCOMES. No clear difference is an answer."""
    names = list(parallel) if parallel is not None else [n for c in candidates[:1] for n in c.tallies]
    pairs = [(a, b, name) for a, b in combinations(candidates, 2) for name in names]
    rows = []
    for a, b, name in pairs:
        found = ratio(a.tallies[name].tokens, b.tallies[name].tokens)
        differs = found.differs(len(pairs)) if found is not None else None
        fewer = found is not None and found.value < 1
        outcome = "cannot-tell" if differs is None else "no-clear-difference" if not differs else None
        rows.append({
            "a": a.name,
            "b": b.name,
            "language": name,
            "ratio": _figure(found, "value"),
            "low": _figure(found, "low"),
            "high": _figure(found, "high"),
            "outcome": outcome or ("a-fewer" if fewer else "b-fewer"),
        })  # fmt: skip
    return rows


def _pairs(comparisons: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """For each two tokenizers, on how many texts each outcome was found."""
    counted: dict[tuple[str, str], dict[str, int]] = {}
    for row in comparisons:
        counted.setdefault((row["a"], row["b"]), dict.fromkeys(OUTCOMES, 0))[row["outcome"]] += 1
    return [{"a": a, "b": b, "texts": tally} for (a, b), tally in counted.items()]


def _limits(candidates: Sequence[Candidate], text: str | Path | None, price: float | None) -> list[Message]:
    limits = [message("cost.sample"), message("cost.speed")]
    if text is not None:
        limits.append(message("cost.one_text", characters=sample.BLOCK_CHARACTERS))
    if price is None:
        limits.append(message("cost.no_price"))
    for candidate in candidates:
        limits += [message("limit.side", side=candidate.name, what=note) for note in candidate.encoder.assumed]
        if candidate.failed:
            limits.append(message("cost.lossy", name=candidate.name, count=candidate.failed))
    if any(c.path == NAME for c in candidates):
        limits.append(message("cost.lower_bound", name=NAME))
    return limits


def _command(
    names: Sequence[str], text: str | Path | None, reference: str, width: int, price: float | None, cut: str | None
) -> str:
    words = ["forebear", "tokenizers", "cost", *names]
    words += ["--text", str(text)] if text is not None else []
    words += ["--reference", reference] if reference != "eng" else []
    words += ["--width", str(width)] if width != 4096 else []
    words += ["--price", str(price)] if price is not None else []
    words += ["--cut", cut] if cut is not None else []
    return " ".join(shlex.quote(word) for word in words)
