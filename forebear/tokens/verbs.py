"""The verbs of `forebear tokenizers`, one function each, with the command line's arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from forebear.tokens import cost as _cost
from forebear.tokens import lineage as _lineage
from forebear.tokens.readers.collecting import no_collection
from forebear.tokens.vocabulary import Loader, load_vocabulary

Document = Mapping[str, Any]


def cost(
    paths: Sequence[str | Path],
    *,
    text: str | Path | None = None,
    reference: str = "eng",
    width: int = 4096,
    price: float | None = None,
    cut: str | None = None,
    load: Loader = load_vocabulary,
) -> Document:
    """What vocabularies cost (`forebear tokenizers cost T...`): see forebear.tokens.cost.cost."""
    return _cost.cost(paths, text=text, reference=reference, width=width, price=price, cut=cut, load=load)


def lineage(subject: str | Path, candidates: Sequence[str | Path], *, load: Loader = load_vocabulary) -> Document:
    """Where a vocabulary comes from (`forebear tokenizers lineage SUBJECT CANDIDATE...`): see forebear.tokens.lineage."""
    with no_collection():
        return _lineage.lineage(subject, candidates, load=load)
