"""Verbs on checkpoints: what each is, and whether they share weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from forebear.api.arguments import listed
from forebear.api.document import document_of


@document_of
def compare(
    subject: str | Path,
    candidates: str | Path | Sequence[str | Path] = (),
    *,
    budget: int | str | None = None,
    full: bool = False,
    expect: str | None = None,
    architecture: str | Path | None = None,
    base: str | Path | None = None,
    max_header: int | str | None = None,
    timeout: float | str | None = None,
    deadline: float | str | None = None,
) -> Mapping[str, Any]:
    """Do the subject and each candidate share weights?

    subject:      the model asked about: a checkpoint, or a folder of models, which is compared pair by pair.
    candidates:   possible relatives: checkpoint files or folders, one or more; a folder of models stands for those in it.
    budget:       tensor bytes read per side, headers besides, as a number or "64MiB" (default 64MiB).
    full:         read everything within the caps of each test, and every value for equality; run tests of installed packages too.
    expect:       a relation; fail (exit code 1) unless every verdict meets it ("related" accepts "identical").
    architecture: an architecture definition of your own (TOML), for both sides (docs/architectures.md).
    base:         the model that an adapter (LoRA) changes: the adapter is then read as that model changed.
    max_header:   largest header read, as a number of bytes or "100MiB" (default 25MiB).
    timeout:      seconds that one request to an address may take, attempts included (default 120).
    deadline:     seconds from its beginning that a run may ask addresses (default 3600).
    Returns:      a forebear/comparison/2 document for one pair, forebear/matrix/2 for several, each corrected for all of them.
                  `log10_p` is the base-10 logarithm of a p-value; cosines and shares are between 0 and 1.
    Raises:       RefusedError when a checkpoint cannot be read, UsageError when arguments contradict each other,
                  ExpectationError (with the document as its `document`) when `expect` is not met.
    Source:       METHODS §1 to §11.

    >>> import forebear
    >>> from importlib.resources import files
    >>> demo = files("forebear") / "demo_data"
    >>> document = forebear.compare(demo / "descendant", demo / "base")
    >>> document["verdict"]["relation"], document["verdict"]["log10_p"] < -300
    ('related', True)
    >>> [e["matched"] for e in document["evidence"] if e["test"] == "deck" and e["axis"] == "channels"]
    [64]
    >>> matrix = forebear.compare(demo / "independent", [demo / "base", demo / "descendant"])
    >>> [pair["relation"] for pair in matrix["pairs"]]
    ['no-evidence', 'no-evidence']
    >>> forebear.compare(demo / "independent", demo / "base", expect="related")
    Traceback (most recent call last):
    ...
    forebear.core.errors.ExpectationError: ...
    """
    from forebear.comparison.compare import Asked, compare_many
    from forebear.core.patience import patience_of, waiting

    asked = Asked(budget, full, expect, architecture, base, max_header)
    with waiting(patience_of(timeout, deadline)):
        return compare_many(subject, listed(candidates), asked)


@document_of
def inspect(
    checkpoint: str | Path,
    *,
    full: bool = False,
    against: str | Path | None = None,
    architecture: str | Path | None = None,
    base: str | Path | None = None,
    max_header: int | str | None = None,
    tokenizer: bool = False,
    timeout: float | str | None = None,
    deadline: float | str | None = None,
) -> Mapping[str, Any]:
    """What is in a checkpoint, from its header: container, architecture, sizes, tensors, claims, residue, odd things.

    checkpoint: a file or folder; a configuration alone (.json), whose parameters are counted without weights; or a tokenizer,
             which is audited, with the rows of the embedding where weights lie with it.
    full:    also read every value (digests, statistics, value grid), and audit the tokenizer.
    against: another configuration, or the claimed part of one (docs/pages.md): how one count leads to the other.
    architecture: an architecture definition of your own (TOML); see docs/architectures.md.
    base:    the model that an adapter (LoRA) changes: the adapter is then read as that model changed.
    max_header: largest header read, as a number of bytes or "100MiB" (default 25MiB).
    tokenizer: audit the tokenizer, and look for rows of the embedding that training hardly touched.
    timeout: seconds that one request to an address may take, attempts included (default 120).
    deadline: seconds from its beginning that a run may ask addresses (default 3600).
    Returns: a forebear/inspection/2 document; sizes in values (`parameters`) and bytes.
    Raises:  RefusedError when it cannot be read, or not counted where `against` needs a count; UsageError.
    Source:  METHODS §2 (which axes a family leaves free), §16.

    >>> import forebear
    >>> from importlib.resources import files
    >>> demo = files("forebear") / "demo_data"
    >>> document = forebear.inspect(demo / "base")
    >>> document["architecture"]["family"], document["layers"], document["width"], document["parameters"]
    ('llama', 4, 64, 250432)
    >>> [axis["axis"] for axis in document["architecture"]["axes"] if axis["permutation"]]
    ['channel', 'neuron', 'kv_head', 'group', 'value']
    """
    from forebear.core.patience import patience_of, waiting
    from forebear.inspection.inspection import inspect_path

    with waiting(patience_of(timeout, deadline)):
        return inspect_path(
            checkpoint, full=full, against=against, architecture=architecture, base=base, max_header=max_header,
            tokenizer=tokenizer,
        )  # fmt: skip


@document_of
def demo(*, into: str | Path | None = None) -> Mapping[str, Any]:
    """Compare three tiny trained checkpoints that ship with forebear: a base, a descendant of it, an independent.

    into:    a folder to put the three in first (1.7 MB), to try the other commands on; nothing else in it is replaced.
    Returns: a forebear/matrix/2 document: the descendant against the other two.
    Raises:  RefusedError when the folder cannot be written, or holds other files of these names.

    >>> import forebear
    >>> [pair["relation"] for pair in forebear.demo()["pairs"]]
    ['related', 'no-evidence']
    """
    from forebear.comparison.demo import run_demo

    return run_demo(into)
