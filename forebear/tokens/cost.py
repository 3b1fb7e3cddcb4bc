"""What a vocabulary costs, as a document (forebear/tokenizer-cost/2; METHODS §15). Losslessness first, then prices."""

from __future__ import annotations

import shlex
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields, replace
from itertools import combinations, islice
from pathlib import Path
from typing import Any

from forebear.core.documents import finish
from forebear.core.errors import RefusedError, UsageError
from forebear.core.messages import Message, message
from forebear.core.wording import in_english
from forebear.tokens import sample
from forebear.tokens.encoders import CannotEncodeError, encoder_of
from forebear.tokens.intervals import Ratio, ratio
from forebear.tokens.lineage import labels
from forebear.tokens.measures import RENYI_ORDER, efficiency
from forebear.tokens.profile import profile, splits
from forebear.tokens.readers import load_vocabulary
from forebear.tokens.reference import TOGETHER, package_version, reference
from forebear.tokens.scheme import NAME, OneEach, is_scheme
from forebear.tokens.splitting import names as splitting_names
from forebear.tokens.vocabulary import Loader, file_digest, find_vocabulary_file
from forebear.tokens.weighing import Candidate, Tally

OUTCOMES = ("a-fewer", "b-fewer", "no-clear-difference", "cannot-tell")
"""What comparing two tokenizers on one text can give."""


@dataclass(frozen=True)
class Asked:
    """What is weighed, and how it is shown (see `cost`)."""

    text: str | Path | None = None
    corpus: str | Path | None = None
    languages: str | None = None
    reference: str = "eng"
    width: int = 4096
    price: float | None = None
    cut: str | None = None


def cost(
    paths: Sequence[str | Path],
    *,
    text: str | Path | None = None,
    corpus: str | Path | None = None,
    languages: str | None = None,
    reference: str = "eng",
    width: int = 4096,
    price: float | None = None,
    cut: str | None = None,
    load: Loader = load_vocabulary,
) -> Mapping[str, Any]:
    """Weigh tokenizers on the default text, on a parallel text of one's own, or on a file.

    text: a UTF-8 file instead of the default text; corpus: a folder with a UTF-8 file a language; languages: which, with commas
    between; reference: the language that premiums compare with; width: residual width for the parameters of the table; price:
    money per million tokens; cut: how a rank file that does not say cuts its text (a name of `splitting.names()`); load: what
    reads a vocabulary.
    Raises: UsageError on words that mean nothing here; RefusedError when a file is no tokenizer we can read, or no UTF-8 text, and
    when no file given can be weighed.
    """
    if not paths:
        raise UsageError("no tokenizer given", todo=f"Name at least one file or folder, or {NAME}.")
    if text is not None and (corpus is not None or languages is not None):
        raise UsageError("one text has no languages: use either text, or corpus and languages")
    if width <= 0 or (price is not None and not 0 <= price < float("inf")):
        raise UsageError("width and price must be positive")
    if cut is not None and cut not in splitting_names():
        raise UsageError(f"no way of cutting {cut!r}", todo=f"Known: {', '.join(splitting_names())}")
    asked = Asked(text, corpus, languages, reference, width, price, cut)
    parallel = _parallel(asked)
    asked = replace(asked, reference=_reference(asked, parallel))
    began = time.perf_counter()
    names = [str(path) for path in paths]
    candidates, unable = _open(names, cut, load)
    if unable and all(candidate.path == NAME for candidate in candidates):
        raise _none_weighed(unable)
    limits = [message("cost.not_weighed", name=label, why=error.said or error.what) for label, error in unable]
    read_text = _weigh(candidates, asked, parallel)
    body = _body(candidates, asked, parallel)
    limits += _limits(candidates, asked)
    inputs = sum(entry["bytes"] for entry in body["tokenizers"])
    read = {"tokenizer_bytes": inputs, "text_bytes": read_text, "seconds": round(time.perf_counter() - began, 3)}
    return finish("forebear/tokenizer-cost/2", body, limits=limits, read=read, reproduce=_command(names, asked))


def _parallel(asked: Asked) -> tuple[sample.Passage, ...]:
    """The parallel passages that are weighed; none for one text."""
    if asked.text is not None:
        return ()
    passages = sample.languages() if asked.corpus is None else sample.corpus(asked.corpus)
    return sample.chosen(passages, asked.languages)


def _reference(asked: Asked, parallel: Sequence[sample.Passage]) -> str:
    """The language premiums compare with: the one stated, else the first that is weighed where English is not."""
    known = [passage.name for passage in parallel]
    if asked.text is not None or (code := sample.code_of(asked.reference, known)) in known:
        return asked.reference if asked.text is not None else code
    if asked.reference == Asked.reference and known:
        return known[0]
    raise UsageError(f"no reference text {asked.reference!r}", todo=f"Known: {', '.join(known)}")


def _open(
    names: Sequence[str], cut: str | None, load: Loader
) -> tuple[list[Candidate], list[tuple[str, CannotEncodeError]]]:
    """What can be weighed, and why not for what cannot."""
    found, unable = list[Candidate](), list[tuple[str, CannotEncodeError]]()
    for name, label in zip(names, labels(names), strict=True):
        if is_scheme(name):
            scheme = OneEach()
            found.append(Candidate(NAME, NAME, scheme, scheme.vocabulary))
            continue
        vocabulary = load(name, full=True)
        try:
            encoder = encoder_of(vocabulary, cut=cut, digest=_digest(name)[1], path=_file(name))
        except CannotEncodeError as error:
            unable.append((label, error))
            continue
        found.append(Candidate(label, name, encoder, vocabulary))
    return found, unable


def _none_weighed(unable: Sequence[tuple[str, CannotEncodeError]]) -> RefusedError:
    """The refusal where no file given can be weighed, with the reason of each."""
    why = [message("refused.said_at", where=label, what=error.said or error.what) for label, error in unable]
    english = in_english(message("cost_none.weighed", why="; ".join(f"{label}: {error.what}" for label, error in unable)))
    todo = message("cost_none.other")
    return RefusedError(english, todo=in_english(todo), said=message("cost_none.weighed", why=why), advice=todo)


def _file(name: str) -> Path:
    found = find_vocabulary_file(name) if Path(name).is_dir() else None
    return found or Path(name)


def _digest(name: str) -> tuple[int, str | None]:
    return (0, None) if name == NAME else file_digest(name)


def _weigh(candidates: Sequence[Candidate], asked: Asked, parallel: Sequence[sample.Passage]) -> int:
    """Every tokenizer on every block; returns the bytes of text read. A file is read once and never held whole."""
    if asked.text is not None:
        return _weigh_file(candidates, asked.text)
    passages = [*parallel, *(sample.domains() if asked.corpus is None else ())]
    for candidate in candidates:
        for passage in passages:
            for block, given in zip(passage.blocks, passage.given or passage.blocks, strict=True):
                candidate.weigh(passage.name, block, given)
    return sum(len(block.encode()) for passage in passages for block in passage.blocks)


def _weigh_file(candidates: Sequence[Candidate], text: str | Path) -> int:
    """Weigh a file; a long one by the reference program, where there is one (see `reference`)."""
    label, size = Path(text).name, 0
    length = Path(text).stat().st_size if Path(text).is_file() else 0
    with ExitStack() as open_:
        for candidate in candidates:
            candidate.reference = open_.enter_context(reference(candidate.encoder, _file(candidate.path), length))
        for candidate in candidates:
            candidate.ready()
        blocks = sample.stream(text)
        following = _asked(candidates, blocks)
        while together := following:
            for candidate in candidates:
                candidate.take()
            following = _asked(candidates, blocks)  # a reference works on them while these are weighed
            for block, other in together:
                size += len(block.encode())
                for candidate in candidates:
                    candidate.weigh(label, block, other)
    if not size:
        raise UsageError("the text is empty", where=str(text))
    return size


def _asked(candidates: Sequence[Candidate], blocks: Iterator[str]) -> list[tuple[str, str]]:
    """The next blocks and their other forms, asked for; empty after the last."""
    found = [(block, sample.composed(block)) for block in islice(blocks, TOGETHER)]
    for candidate in candidates if found else ():
        candidate.ask(list(dict.fromkeys(form for both in found for form in both)))
    return found


def _body(candidates: Sequence[Candidate], asked: Asked, parallel: Sequence[sample.Passage]) -> dict[str, Any]:
    languages = [passage.name for passage in parallel]
    reference = asked.reference if parallel else None
    comparisons = _comparisons(candidates, languages if parallel else None)
    rows = [row for c in candidates for row in _rows(c, reference, languages, asked)]
    return {
        "first": _first(candidates),
        "rows": rows,
        "cheapest": _cheapest(rows, comparisons, [c.name for c in candidates if c.path == NAME]),
        "tokenizers": [_about(c, asked.width) for c in candidates],
        "comparisons": comparisons,
        "pairs": _pairs(comparisons),
        "languages": languages,
        "domains": [p.name for p in sample.domains()] if parallel and asked.corpus is None else [],
        "reference": reference,
        "width": asked.width,
        "price_per_million_tokens": asked.price,
        "renyi_order": RENYI_ORDER,
        "splits": splits([(c.name, c.encoder) for c in candidates]),
    }


def _first(candidates: Sequence[Candidate]) -> list[Message]:
    """What a reader has to know before any figure: whose cutting of text was only guessed."""
    return [
        message("cost.guessed_cut", name=c.name, way=c.encoder.cut.name or "")
        for c in candidates
        if c.encoder.cut is not None and not c.encoder.cut.known
    ]


def _rows(candidate: Candidate, reference: str | None, parallel: Sequence[str], asked: Asked) -> list[dict[str, Any]]:
    rows, price = [], asked.price
    domains = {passage.name for passage in sample.domains()} - {*parallel} if parallel else set()
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
            "unknown": tally.unknown,
            "forms": _forms(candidate, tally, reference, asked),
            "words": tally.words,
            "tokens_per_word": round(tokens / tally.words, 4) if tally.words and name not in domains else None,
            "renyi_efficiency": efficiency(tally.used.values(), candidate.vocabulary.count),
            "renyi_of_used": efficiency(tally.used.values(), len(tally.used)),
            "ids_used": len(tally.used),
        })  # fmt: skip
    return rows


def _forms(candidate: Candidate, tally: Tally, reference: str | None, asked: Asked) -> dict[str, Any] | None:
    """Tokens of the text composed (NFC) and as it was given, where they differ, and the premium of the given form."""
    if not tally.forms_differ:
        return None
    tokens = sum(tally.tokens)
    composed, given = (tally.other, tokens) if asked.text is not None else (tokens, tally.other)
    base = sum(candidate.tallies[reference].tokens) if reference is not None else 0
    return {"composed": composed, "as_given": given, "premium_as_given": round(given / base, 4) if base else None}


def _figure(found: Ratio | None, name: str) -> float | None:
    value = getattr(found, name) if found is not None else None
    return None if value is None else round(value, 4)


def _about(candidate: Candidate, width: int) -> dict[str, Any]:
    size, digest = _digest(candidate.path)
    vocabulary, used = candidate.vocabulary, Counter[int]()
    for tally in candidate.tallies.values():
        used.update(tally.used)
    worded = len(used.keys() - vocabulary.special)
    of = vocabulary.count - len(vocabulary.special)
    cut = candidate.encoder.cut
    return {
        "name": candidate.name,
        "path": candidate.path,
        "sha256": digest,
        "bytes": size,
        "kind": vocabulary.kind,
        "ids": vocabulary.count or None,
        "highest_id": len(vocabulary) - 1 if vocabulary.count else None,
        "table_parameters": len(vocabulary) * width or None,
        "known_as": candidate.known_as,
        "cut": None if cut is None else {"how": cut.how, "name": cut.name},
        "lossless": candidate.lossless,
        "failed_blocks": candidate.failed,
        "unknown": sum(tally.unknown for tally in candidate.tallies.values()),
        "failures": candidate.failures,
        "vocabulary_used": {"ids": worded, "of": of, "share": round(worded / of, 5)} if of > 0 else None,
        "renyi_efficiency": efficiency(used.values(), vocabulary.count),
        "renyi_of_used": efficiency(used.values(), len(used)),
        "encoded_by": _encoded_by(candidate),
        "characters_per_second": round(candidate.characters / candidate.seconds) if candidate.seconds else None,
        "assumed": list(candidate.encoder.assumed),
        **profile(candidate.encoder),
    }


def _encoded_by(candidate: Candidate) -> str:
    """The program whose ids were counted, with its version."""
    used = candidate.reference if candidate.by_reference else None
    return f"{used.package} {package_version(used.package)}" if used is not None else "forebear"


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
        lossy = [side for side, one in (("a", a), ("b", b)) if not one.tallies[name].lossless]
        if outcome is None and ("a" if fewer else "b") in lossy:
            outcome = "cannot-tell"  # fewer tokens for a text of which something is missing win nothing
        rows.append({
            "a": a.name,
            "b": b.name,
            "language": name,
            "ratio": _figure(found, "value"),
            "low": _figure(found, "low"),
            "high": _figure(found, "high"),
            "lossy": lossy,
            "outcome": outcome or ("a-fewer" if fewer else "b-fewer"),
        })  # fmt: skip
    return rows


def _cheapest(
    rows: Sequence[Mapping[str, Any]], comparisons: Sequence[Mapping[str, Any]], apart: Sequence[str]
) -> list[dict[str, Any]]:
    """For each text that tokenizers were compared on: which of those that give it back needs the fewest tokens, and which are not
    clearly above it. apart: names that are no tokenizers to be had (a lower bound)."""
    found = []
    for language in dict.fromkeys(row["language"] for row in comparisons):
        whole = {row["tokenizer"]: row for row in rows if row["language"] == language and row["lossless"]
                 and row["tokenizer"] not in apart}  # fmt: skip
        if not whole:
            continue
        best = min(whole.values(), key=lambda row: row["tokens"])["tokenizer"]
        level = [
            (set(names) - {best}).pop()
            for row in comparisons
            if row["language"] == language and row["outcome"] in ("no-clear-difference", "cannot-tell")
            and best in (names := (row["a"], row["b"])) and whole.keys() >= set(names)
        ]  # fmt: skip
        found.append({"language": language, "tokenizer": best, "level": level,
                      "per_1000_characters": whole[best]["per_1000_characters"]})  # fmt: skip
    return found


def _pairs(comparisons: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """For each two tokenizers, on how many texts each outcome was found."""
    counted: dict[tuple[str, str], dict[str, int]] = {}
    for row in comparisons:
        counted.setdefault((row["a"], row["b"]), dict.fromkeys(OUTCOMES, 0))[row["outcome"]] += 1
    return [{"a": a, "b": b, "texts": tally} for (a, b), tally in counted.items()]


def _limits(candidates: Sequence[Candidate], asked: Asked) -> list[Message]:
    limits = [message("cost.sample") if asked.corpus is None else message("cost.corpus"), message("cost.speed")]
    if asked.text is not None:
        limits.append(message("cost.one_text", characters=sample.BLOCK_CHARACTERS))
    if any(tally.forms_differ for c in candidates for tally in c.tallies.values()):
        limits.append(message("cost.not_composed" if asked.text is not None else "cost.composed"))
    if asked.price is None:
        limits.append(message("cost.no_price"))
    for candidate in candidates:
        limits += [message("limit.side", side=candidate.name, what=note) for note in candidate.encoder.assumed]
        if candidate.failed:
            limits.append(message("cost.lossy", name=candidate.name, count=candidate.failed))
        unknown = sum(tally.unknown for tally in candidate.tallies.values())
        if unknown:
            limits.append(message("cost.unknown", name=candidate.name, count=unknown))
    if any(c.path == NAME for c in candidates):
        limits.append(message("cost.lower_bound", name=NAME))
    return limits


def _command(names: Sequence[str], asked: Asked) -> str:
    words = ["forebear", "tokenizers", "cost", *names]
    for name, default in ((f.name, f.default) for f in fields(Asked)):
        value = getattr(asked, name)
        if value != default:
            words += [f"--{name}", str(value)]
    return " ".join(shlex.quote(word) for word in words)
