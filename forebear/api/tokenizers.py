"""Verbs on vocabularies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from forebear.api.arguments import listed
from forebear.api.document import document_of


@document_of
def tokenizers_cost(
    paths: Sequence[str | Path],
    *,
    text: str | Path | None = None, corpus: str | Path | None = None, languages: str | None = None, reference: str = "eng",
    width: int = 4096, price: float | None = None, cut: str | None = None,
) -> Mapping[str, Any]:  # fmt: skip
    """What vocabularies cost per language, losslessness first.

    paths:     tokenizer files or folders, GGUF files with a tokenizer inside, `builtin:one-each`.
    text:      a UTF-8 file instead of the default text (the Universal Declaration of Human Rights).
    corpus:    a folder with a UTF-8 file for each language (jpn.txt), whose lines say the same, instead of the default text.
    languages: which languages to weigh, with commas between (eng,jpn,vie, or en,ja,vi and other codes); all by default.
    reference: language that premiums compare with (1.0: as many tokens for the same text).
    width:     channels of the embedding table, for its number of parameters.
    price:     money per million tokens.
    cut:       how a rank file that does not say cuts its text (gpt2, cl100k, ...).
    Returns:   a forebear/tokenizer-cost/2 document: a row per tokenizer and language: tokens, per character and word, premium
               with interval, Rényi efficiency, unknown.
    Raises:    RefusedError when a tokenizer cannot be read, UsageError.
    Source:    METHODS §15.

    >>> import forebear
    >>> from importlib.resources import files
    >>> document = forebear.tokenizers_cost([files("forebear") / "demo_data" / "base", "builtin:one-each"])
    >>> [(r["tokenizer"], r["tokens"], r["lossless"]) for r in document["rows"] if r["language"] == "eng"]
    [('base', 4183, True), ('builtin:one-each', 2836, True)]
    """
    from forebear.models.published.gguf_tokens import load_tokenizer
    from forebear.tokens.cost import cost

    return cost(paths, text=text, corpus=corpus, languages=languages, reference=reference, width=width, price=price,
                cut=cut, load=load_tokenizer)  # fmt: skip


@document_of
def tokenizers_lineage(subject: str | Path, candidates: str | Path | Sequence[str | Path]) -> Mapping[str, Any]:
    """Where a vocabulary comes from, by the order its tokens keep.

    subject:    the vocabulary asked about: a tokenizer file or folder, or a GGUF file with a tokenizer inside.
    candidates: vocabularies it may come from, one or more.
    Returns: a forebear/tokenizer-lineage/2 document: identical, renumbered, extended, trimmed, partly-relearnt, stitched or
             unrelated; parents, shares from 0 to 1.
    Raises:  RefusedError when a tokenizer cannot be read, UsageError.
    Source:  METHODS §15; thresholds: decision 0007.

    >>> import forebear
    >>> from importlib.resources import files
    >>> demo = files("forebear") / "demo_data"
    >>> document = forebear.tokenizers_lineage(demo / "descendant", demo / "base")
    >>> document["relation"], [(p["name"], p["share"]) for p in document["parents"]]
    ('identical', [('base', 1.0)])
    """
    from forebear.models.published.gguf_tokens import load_tokenizer
    from forebear.tokens.lineage import lineage

    return lineage(subject, listed(candidates), load=load_tokenizer)
