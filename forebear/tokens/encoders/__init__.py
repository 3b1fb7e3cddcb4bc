"""Encoders built from vocabularies: which one a file asks for, and what had to be assumed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from forebear.core.messages import Message, message
from forebear.tokens.charsmap import charsmap
from forebear.tokens.encoders.base import Cut, Encoder, Step
from forebear.tokens.encoders.byte_pairs import BytePairs
from forebear.tokens.encoders.pieces import CharacterPairs, Unigram
from forebear.tokens.encoders.steps import cutter, expression_step, in_order, steps_of, unknown_cut
from forebear.tokens.encoders.words import Trie, WordPiece
from forebear.tokens.normalizing import Normaliser, bert_normaliser, normaliser_of
from forebear.tokens.readers.beside import stated_expressions
from forebear.tokens.rules import CannotEncodeError, Rules
from forebear.tokens.splitting import BY_DIGEST, BY_NAME, known_pattern
from forebear.tokens.vocabulary import Vocabulary

__all__ = ["CannotEncodeError", "Encoder", "encoder_of"]

_SPACE_RUNS = re.compile(" {2,}")
_PROBE = "It's Aa\u0301 12345, 漢字かな \t\r\n  x=$3^2 «…» 🙂\n"
"""What a whole expression matches all of: a part of one, or one for something else, leaves some of it out."""


@dataclass(frozen=True)
class _Source:
    """What is known of a file besides its content."""

    cut: str | None
    digest: str | None
    path: str | Path | None


def encoder_of(
    vocabulary: Vocabulary, *, cut: str | None = None, digest: str | None = None, path: str | Path | None = None
) -> Encoder:
    """The encoder of a vocabulary read in full.

    cut:    name of a known way of cutting (splitting.names()), over what the file says.
    digest: SHA-256 of the file, by which published rank files are known.
    path:   where it lies: a rank file's name, and the program beside it, state how it cuts.
    Raises: CannotEncodeError when the file asks for a step we do not know.
    """
    rules = vocabulary.rules or Rules()
    encoder = _encoder(vocabulary, rules, _Source(cut, digest, path))
    if rules.option("dropout"):
        encoder.assumed = (*encoder.assumed, message("cut_at_random.dropout"))
    return encoder


def _encoder(vocabulary: Vocabulary, rules: Rules, source: _Source) -> Encoder:
    for mark, called in (("prefix", "continuing_subword_prefix"), ("suffix", "end_of_word_suffix")):
        # bytes are spelt with the mark too, and a byte alphabet marks no beginning
        if rules.option(mark) and (rules.option("byte_ids") is not None or (mark, rules.option("surface")) == ("prefix", "bytes")):
            raise unknown_cut(called)
    if vocabulary.kind == "trie":
        return Trie(vocabulary)
    if vocabulary.kind in ("wordpiece", "wordlevel"):
        return _wordpiece(vocabulary, rules)
    if vocabulary.kind in ("unigram", "pieces"):
        return _pieces(vocabulary, rules, Unigram)
    if rules.option("surface") == "pieces":
        return _pieces(vocabulary, rules, CharacterPairs)
    return _byte_pairs(vocabulary, rules, source)


def _byte_pairs(vocabulary: Vocabulary, rules: Rules, source: _Source) -> Encoder:
    late: list[Step] = []
    if source.cut is None and rules.pre_tokenizer is not None:
        steps, late = steps_of(rules.pre_tokenizer)
        how = Cut("file", None)
    else:
        steps, how = _stated(vocabulary, rules, source)
    normalise = None if rules.normalizer is None else normaliser_of(rules.normalizer, "▁")
    whole = vocabulary.merges is None or bool(rules.option("ignore_merges"))
    return BytePairs(vocabulary, steps, whole_first=whole, normalise=normalise, late=late, cut=how)


def _stated(vocabulary: Vocabulary, rules: Rules, source: _Source) -> tuple[list[Step], Cut]:
    """How a file without described steps cuts text, and who says so: the surest statement first."""
    if source.cut is not None:
        return [cutter(source.cut)], Cut("stated", source.cut)
    named = rules.option("cut")
    if named is not None:
        return [cutter(name) for name in ((named,) if isinstance(named, str) else named)], Cut("file", None)
    if rules.pattern is not None:
        return [expression_step(rules.pattern)], Cut("file", known_pattern(rules.pattern))
    by_digest = BY_DIGEST.get(source.digest or "")
    if by_digest is not None:
        return [cutter(by_digest)], Cut("digest", by_digest)
    if source.path is not None and vocabulary.kind == "tiktoken":
        by_name = BY_NAME.get(Path(source.path).stem)
        if by_name is not None:
            return [cutter(by_name)], Cut("name", by_name)
        beside = _beside(source.path)
        if beside is not None:
            return [expression_step(beside)], Cut("program", known_pattern(beside) or beside)
    name = "gpt2" if vocabulary.merges is not None else "cl100k"
    return [cutter(name)], Cut("assumed", name)


def _beside(path: str | Path) -> str | None:
    """The one expression that the program beside a rank file states; None for none, or for several that differ."""
    stated = stated_expressions(path)
    ways = {known_pattern(text) or text for text in stated}
    if len(ways) != 1:
        return None
    try:
        whole = "".join(expression_step(stated[0])([_PROBE])) == _PROBE
    except CannotEncodeError:
        return None
    return stated[0] if whole else None


def _wordpiece(vocabulary: Vocabulary, rules: Rules) -> Encoder:
    if vocabulary.kind == "wordlevel":
        raise CannotEncodeError(
            "is a list of whole words; how it cuts text is not known", said=message("encoding.word_list")
        )
    assumed: list[Message] = []
    if rules.normalizer is not None or rules.pre_tokenizer is not None:
        steps, _ = steps_of(rules.pre_tokenizer)
        kinds = [item["type"] for item in in_order(rules.pre_tokenizer)]
        if not kinds or not {"ByteLevel", "Metaspace"}.isdisjoint(kinds):  # they spell spaces as WordPiece's pieces do not
            raise unknown_cut(", ".join(kinds)[:40] or "None")
        return WordPiece(vocabulary, normaliser_of(rules.normalizer, "▁"), steps=steps)
    lower = not any(token is not None and token[1:2].isupper() for id_, token in enumerate(vocabulary.tokens)
                    if id_ not in vocabulary.special)  # fmt: skip
    assumed.append(message("encoding.assumed_uncased" if lower else "encoding.assumed_cased"))
    return WordPiece(vocabulary, bert_normaliser({"lowercase": lower}), assumed)


def _pieces(
    vocabulary: Vocabulary, rules: Rules, kind: Callable[..., CharacterPairs | Unigram]
) -> CharacterPairs | Unigram:
    assumed: list[Message] = []
    steps: list[Step] = []
    if rules.option("charsmap") is not None:
        normalise, prefix = _sentencepiece(rules), bool(rules.option("dummy_prefix"))
    elif rules.normalizer is not None or rules.pre_tokenizer is not None:
        normalise = normaliser_of(rules.normalizer, "▁")
        steps, late = steps_of(rules.pre_tokenizer)
        if late or any(item.get("type") == "ByteLevel" for item in in_order(rules.pre_tokenizer)):
            raise unknown_cut("ByteLevel")
        prefix = _prefixes(rules, normalise) or bool(rules.option("prefix"))
        steps.append(lambda pieces: [piece.replace("▁", " ") for piece in pieces])
    else:
        assumed.append(message("encoding.assumed_nfkc"))
        settings = {"type": "NFKC"}
        clean = normaliser_of(settings)
        normalise, prefix = (lambda text: " " + " ".join(clean(text).split())), True
    return kind(vocabulary, normalise, steps=steps, added_prefix=prefix, assumed=assumed)


def _prefixes(rules: Rules, normalise: Normaliser) -> bool:
    """Whether a space is put in front of a text."""
    marks = [item for item in in_order(rules.pre_tokenizer) if item.get("type") == "Metaspace"]
    schemes = [m.get("prepend_scheme", "always" if m.get("add_prefix_space", True) else "never") for m in marks]
    return normalise("x").startswith((" ", "▁")) or any(scheme != "never" for scheme in schemes)


def _sentencepiece(rules: Rules) -> Normaliser:
    """SentencePiece's normaliser: table of characters, spaces, the space in front."""
    table = charsmap(rules.option("charsmap"))
    single, front = rules.option("remove_extra_spaces"), rules.option("dummy_prefix")
    behind = rules.option("suffix_space")

    def run(text: str) -> str:
        text = table(text)
        if single:
            text = _SPACE_RUNS.sub(" ", text.lstrip(" "))
        if not text:
            return ""
        text = (" " + text if front and not behind else text).replace("▁", " ")
        if single:
            text = text.rstrip(" ")  # a written "▁" at the end goes too, as in SentencePiece's normaliser
        return text + " " if front and behind else text

    return run
