"""The verb on claims: do a card, a bill of material or a signature agree with the files?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forebear.api.arguments import listed
from forebear.api.document import document_of

if TYPE_CHECKING:
    from forebear.verification.verify import Wanted


@document_of
def verify(
    checkpoint: str | Path,
    *,
    card: str | Path | None = None,
    bom: str | Path | None = None,
    against: str | Path | Sequence[str | Path] = (),
    library: str | Path | None = None,
    expect: str | None = None,
    key: str | Path | None = None,
    budget: int | str | None = None,
    full: bool = False,
    base: str | Path | None = None,
    card_out: str | Path | None = None,
    timeout: float | str | None = None,
    deadline: float | str | None = None,
    language: str = "en",
) -> Mapping[str, Any]:
    """Does the card tell the truth? Claims of a checkpoint's papers, each held against its files.

    checkpoint: a checkpoint, or a tokenizer without weights. Its card, configurations, bills and signatures are read beside it.
    card:     the model card (README.md), a package's METADATA or a wheel, instead of the README.md in the folder.
    bom:      a bill of material instead of those in the folder: CycloneDX or SPDX 3.0.1, as JSON.
    against:  models that claims may name, each a path or "NAME=PATH"; once for each.
    library:  a library whose prints propose relatives, compared where their weights can be reached; reads the checkpoint whole.
    expect:   what has to hold (not-contradicted, not-flagged or borne-out); fail (exit code 1) unless it is met.
    key:      the public key (PEM) that checks a signature of the model; needs the extra [attest].
    budget:   bytes read per side of a comparison, and of what recipes recompute: a number or "64MiB" (2GiB for what is read once).
    full:     read everything: every comparison in full, digests of files of any size, every matrix for its value grid.
    base:     the model that an adapter (LoRA) changes; without it, the one of `against` that the adapter's configuration names.
    card_out: write the card to this file, put right as a whole: the files' figures for contradicted ones, evidence as comments.
    timeout:  seconds that one request to an address may take, attempts included (default 120).
    deadline: seconds from its beginning that a run may ask addresses (default 3600).
    language: of the comments in `card_out`.
    Returns:  a forebear/verification/1 document; each claim is borne-out, contradicted, not-shown or not-testable, with evidence.
    Raises:   RefusedError when the checkpoint, or a file named here, cannot be read, UsageError when arguments are wrong,
              ExpectationError (with the document as its `document`) when `expect` is not met.
    Source:   METHODS §11, §16; decision 0045.

    >>> import forebear
    >>> from importlib.resources import files
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> demo = files("forebear") / "demo_data"
    >>> with TemporaryDirectory() as folder:
    ...     card = Path(folder, "card.md")
    ...     _ = card.write_text("- **Base model:** base\\n- **Layers:** 12\\n", "utf-8")
    ...     document = forebear.verify(demo / "descendant", card=card, against=demo / "base")
    >>> [(claim["kind"], claim["outcome"]) for claim in document["claims"] if claim["source"]["file"] == "card.md"]
    [('shares', 'borne-out'), ('direction', 'not-shown'), ('layers', 'contradicted')]
    """
    from forebear.core.patience import patience_of, waiting
    from forebear.files.sources import require_there
    from forebear.verification.verify import Wanted

    if key is not None:  # a key that is missing checks no signature, and nobody would notice
        require_there(key)
    places = [None if place is None else Path(place) for place in (card, bom, key, library)]
    wanted = Wanted(places[0], places[1], listed(against), expect, places[2], budget, full, places[3], base)
    with waiting(patience_of(timeout, deadline)):
        return _verified(checkpoint, wanted, None if card_out is None else Path(card_out), language)


def _verified(checkpoint: str | Path, wanted: Wanted, card_out: Path | None, language: str) -> Mapping[str, Any]:
    """A verification, and its card put right where asked."""
    from forebear.core.errors import ExpectationError
    from forebear.core.output import check_output
    from forebear.verification.verify import verify_path

    if card_out is None:
        return verify_path(checkpoint, wanted)
    check_output(card_out)
    try:
        document = verify_path(checkpoint, wanted)
    except ExpectationError as error:
        if error.document is not None:
            _put_right(checkpoint, wanted.card, card_out, error.document, language)
        raise
    _put_right(checkpoint, wanted.card, card_out, document, language)
    return document


def _put_right(
    checkpoint: str | Path, card: Path | None, out: Path, document: Mapping[str, Any], language: str
) -> None:
    """Write the card of a verification put right."""
    from forebear.core.output import write_whole
    from forebear.reports.verification.whole_card import whole_card
    from forebear.verification.gather import card_of

    place, text = card_of(Path(checkpoint), card)
    write_whole(out, whole_card(text, document, place.name, language))
