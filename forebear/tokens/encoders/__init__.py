"""Encoders built from vocabularies: which one a file asks for, and what had to be assumed."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from forebear.core.messages import Message, message
from forebear.tokens.charsmap import charsmap
from forebear.tokens.encoders.base import Encoder, Step
from forebear.tokens.encoders.byte_pairs import BytePairs
from forebear.tokens.encoders.pieces import CharacterPairs, Unigram
from forebear.tokens.encoders.words import Trie, WordPiece
from forebear.tokens.normalizing import MOST_STEPS, Normaliser, bert_normaliser, normaliser_of
from forebear.tokens.rules import CannotEncodeError, Rules
from forebear.tokens.splitting import BY_DIGEST, known_pattern, split
from forebear.tokens.vocabulary import Vocabulary

__all__ = ["CannotEncodeError", "Encoder", "encoder_of"]

_SPACE_RUNS = re.compile(" {2,}")


def encoder_of(vocabulary: Vocabulary, *, cut: str | None = None, digest: str | None = None) -> Encoder:
    """The encoder of a vocabulary read in full.

    cut:    name of a known way of cutting (splitting.names()), over what the file says.
    digest: SHA-256 of the file, by which published rank files are known.
    Raises: CannotEncodeError when the file asks for a step we do not know.
    """
    rules = vocabulary.rules or Rules()
    if vocabulary.kind == "trie":
        return Trie(vocabulary)
    if vocabulary.kind in ("wordpiece", "wordlevel"):
        return _wordpiece(vocabulary, rules)
    if vocabulary.kind in ("unigram", "pieces"):
        return _pieces(vocabulary, rules, Unigram)
    if rules.option("surface") == "pieces":
        return _pieces(vocabulary, rules, CharacterPairs)
    return _byte_pairs(vocabulary, rules, cut, digest)


def _byte_pairs(vocabulary: Vocabulary, rules: Rules, cut: str | None, digest: str | None) -> Encoder:
    assumed: list[Message] = []
    if cut is not None:
        steps = [_cutter(cut)]
    elif rules.pre_tokenizer is not None:
        steps = _steps(rules.pre_tokenizer)
    else:
        name = rules.option("cut") or known_pattern(rules.pattern) or BY_DIGEST.get(digest or "")
        if name is None and rules.pattern is not None:
            raise _own_cut()
        if name is None:
            name = "gpt2" if vocabulary.merges is not None else "cl100k"
            assumed.append(message("encoding.assumed_cut", name=name))
        steps = [_cutter(part) for part in ((name,) if isinstance(name, str) else name)]
    if rules.normalizer is not None:
        normalise = normaliser_of(rules.normalizer)
        steps.insert(0, lambda pieces: [normalise(piece) for piece in pieces])
    whole = vocabulary.merges is None or bool(rules.option("ignore_merges"))
    return BytePairs(vocabulary, steps, whole_first=whole, assumed=assumed)


def _own_cut() -> CannotEncodeError:
    return CannotEncodeError(
        "cuts text by an expression of its own, which is not run", said=message("encoding.own_cut")
    )


def _unknown_cut(kind: str) -> CannotEncodeError:
    return CannotEncodeError(
        f"cuts text by {kind!r}, which we do not know", said=message("encoding.unknown_cut", kind=kind)
    )


def _cutter(name: str) -> Step:
    return lambda pieces: [part for piece in pieces for part in split(piece, name)]


def _steps(node: Any) -> list[Step]:
    """The steps of tokenizer.json's `pre_tokenizer` for byte-level vocabularies."""
    steps: list[Step] = []
    queue = [node]
    while queue:
        item = queue.pop(0)
        kind = item.get("type") if isinstance(item, dict) else None
        if kind == "Sequence" and isinstance(item.get("pretokenizers"), list):
            queue = [*item["pretokenizers"], *queue]
            if len(queue) + len(steps) > MOST_STEPS:
                raise CannotEncodeError(
                    f"cuts text in more than {MOST_STEPS} steps", said=message("encoding.many_cuts", most=MOST_STEPS)
                )
        elif kind == "ByteLevel":
            if item.get("add_prefix_space"):
                steps.append(lambda pieces: [p if p[:1].isspace() else " " + p for p in pieces if p])
            if item.get("use_regex", True):
                steps.append(_cutter("gpt2"))
        elif kind == "Digits":
            steps.append(_cutter("each-digit" if item.get("individual_digits") else "digit-runs"))
        elif kind == "Split":
            steps.append(_known_split(item))
        else:
            raise _unknown_cut(str(kind)[:40])
    return steps


def _known_split(item: Any) -> Step:
    pattern = item.get("pattern")
    text = pattern.get("Regex") if isinstance(pattern, dict) else None
    name = known_pattern(text if isinstance(text, str) else None)
    # every known expression matches every character, so only "Isolated" (or "Removed" inverted) keeps the text whole
    whole = item.get("behavior") == "Isolated" or (item.get("behavior") == "Removed" and item.get("invert") is True)
    if name is None or not whole:
        raise _own_cut()
    return _cutter(name)


def _wordpiece(vocabulary: Vocabulary, rules: Rules) -> Encoder:
    if vocabulary.kind == "wordlevel":
        raise CannotEncodeError(
            "is a list of whole words; how it cuts text is not known", said=message("encoding.word_list")
        )
    assumed: list[Message] = []
    if rules.normalizer is not None or rules.pre_tokenizer is not None:
        kind = rules.pre_tokenizer.get("type") if isinstance(rules.pre_tokenizer, dict) else None
        if kind != "BertPreTokenizer":
            raise _unknown_cut(str(kind)[:40])
        return WordPiece(vocabulary, normaliser_of(rules.normalizer))
    lower = not any(token is not None and token[1:2].isupper() for id_, token in enumerate(vocabulary.tokens)
                    if id_ not in vocabulary.special)  # fmt: skip
    assumed.append(message("encoding.assumed_uncased" if lower else "encoding.assumed_cased"))
    return WordPiece(vocabulary, bert_normaliser({"lowercase": lower}), assumed)


def _pieces(
    vocabulary: Vocabulary, rules: Rules, kind: Callable[..., CharacterPairs | Unigram]
) -> CharacterPairs | Unigram:
    assumed: list[Message] = []
    if rules.option("charsmap") is not None:
        normalise, prefix = _sentencepiece(rules), bool(rules.option("dummy_prefix"))
    elif rules.normalizer is not None or rules.pre_tokenizer is not None:
        normalise, prefix = _metaspace(rules)
    else:
        assumed.append(message("encoding.assumed_nfkc"))
        settings = {"type": "NFKC"}
        clean = normaliser_of(settings)
        normalise, prefix = (lambda text: " " + " ".join(clean(text).split())), True
    return kind(vocabulary, normalise, added_prefix=prefix, assumed=assumed)


def _sentencepiece(rules: Rules) -> Normaliser:
    """SentencePiece's normaliser: table of characters, spaces, the space in front."""
    table = charsmap(rules.option("charsmap"))
    single, front = rules.option("remove_extra_spaces"), rules.option("dummy_prefix")
    behind = rules.option("suffix_space")

    def run(text: str) -> str:
        text = table(text)
        if single:
            text = _SPACE_RUNS.sub(" ", text.strip(" "))
        if front and text:
            text = text + " " if behind else " " + text
        return text.replace("▁", " ")

    return run


def _metaspace(rules: Rules) -> tuple[Normaliser, bool]:
    """tokenizer.json's way to the same: normaliser, then Metaspace, perhaps after cutting at white space."""
    clean = normaliser_of(rules.normalizer)
    node = rules.pre_tokenizer
    inner = node.get("pretokenizers") if isinstance(node, dict) and node.get("type") == "Sequence" else None
    parts: list[Any] = inner if isinstance(inner, list) else [node]
    kinds = [part.get("type") if isinstance(part, dict) else None for part in parts]
    if kinds == [None]:
        return (lambda text: clean(text).replace("▁", " ")), clean("x").startswith((" ", "▁"))
    if kinds == ["WhitespaceSplit", "Metaspace"]:
        return (lambda text: "".join(" " + word for word in clean(text).replace("▁", " ").split())), True
    if kinds != ["Metaspace"]:
        raise _unknown_cut(str(kinds)[:60])
    item = parts[0]
    scheme = item.get("prepend_scheme", "always" if item.get("add_prefix_space", True) else "never")

    def run(text: str) -> str:
        text = clean(text).replace("▁", " ")
        return text if scheme == "never" or not text or text.startswith(" ") else " " + text

    return run, scheme != "never"
