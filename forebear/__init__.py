"""Finds what a language model descends from, with figures whose false-positive rate is known.

One public verb per command, with the same arguments; each returns a frozen document (forebear.core.documents). Verbs
import their rooms when called, so that importing forebear costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forebear.version import __version__

if TYPE_CHECKING:
    Document = Mapping[str, Any]

__all__ = [
    "__version__",
    "case_add",
    "case_align",
    "case_check",
    "case_report",
    "case_run",
    "case_seal",
    "case_verify",
    "compare",
    "demo",
    "inspect",
    "tokenizers_cost",
    "tokenizers_lineage",
]


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
) -> Document:
    """Do the subject and each candidate share weights?

    subject, candidates: checkpoint files or folders; a subject that is a folder of models is compared pair by pair, with or
                  without candidates, and a candidate that is one stands for the models in it. One candidate may stand alone.
    budget:       tensor bytes read per side, as a number or "64MiB"; 64 MiB by default.
    full:         read everything within the caps of each test, and every value for equality.
    expect:       a relation; the call fails when a verdict does not meet it ("related" accepts "identical").
    architecture: a definition of your own (TOML) for both sides.
    base:         the model that adapters (LoRA) among them change; each is then read as that model changed.
    max_header:   largest header read, as a number or "25MiB".
    Returns:      a forebear/comparison/1 document for one pair, forebear/matrix/1 for several, each corrected for all of them.
    Raises:       RefusedError, UsageError; ExpectationError (with the document as its `document`).
    """
    from forebear.comparison.compare import compare_many

    return compare_many(
        subject,
        _listed(candidates),
        budget=budget,
        full=full,
        expect=expect,
        architecture=architecture,
        base=base,
        max_header=max_header,
    )


def inspect(
    checkpoint: str | Path,
    *,
    full: bool = False,
    against: str | Path | None = None,
    architecture: str | Path | None = None,
    base: str | Path | None = None,
    max_header: int | str | None = None,
    tokenizer: bool = False,
) -> Document:
    """What is in a checkpoint, from its header: container, architecture, sizes, tensors, claims, residue, odd things.

    checkpoint: a file or folder; a configuration alone (CONFIG.json), whose parameters are counted without weights; or a
             tokenizer, file or folder, which is audited, with the rows of the embedding where weights lie beside it.
    full:    also read every value: digests, statistics, value grid; and audit the tokenizer.
    tokenizer: audit the checkpoint's tokenizer, and look for rows of the embedding that training hardly touched.
    against: another configuration, or the claimed part of one (docs/pages.md), and the way from one count to the other.
    base:    the model that an adapter (LoRA) changes; the adapter is then read as that model changed.
    Returns: a forebear/inspection/1 document.
    Raises:  RefusedError when it cannot be read, or not counted where that was asked for.
    """
    from forebear.inspection.inspection import inspect_path

    return inspect_path(
        checkpoint,
        full=full,
        against=against,
        architecture=architecture,
        base=base,
        max_header=max_header,
        tokenizer=tokenizer,
    )


def demo() -> Document:
    """Compare three tiny trained checkpoints that ship with forebear: a base, a descendant of it, a stranger.

    Returns: a forebear/matrix/1 document.
    """
    from forebear.comparison.demo import run_demo

    return run_demo()


def tokenizers_cost(
    paths: Sequence[str | Path],
    *,
    text: str | Path | None = None,
    reference: str = "eng",
    width: int = 4096,
    price: float | None = None,
    cut: str | None = None,
) -> Document:
    """What vocabularies cost per language, losslessness first: a forebear/tokenizer-cost/1 document.

    paths: tokenizer files or folders, GGUF files with a tokenizer inside, `builtin:one-each`.
    text: a UTF-8 file instead of the default text; reference: language of the premiums; width: for the table's parameters;
    price: money per million tokens; cut: how a rank file that does not say cuts its text.
    Raises: UsageError, RefusedError.
    """
    from forebear.models.published.gguf_tokens import load_tokenizer
    from forebear.tokens import verbs

    return verbs.cost(paths, text=text, reference=reference, width=width, price=price, cut=cut, load=load_tokenizer)


def tokenizers_lineage(subject: str | Path, candidates: str | Path | Sequence[str | Path]) -> Document:
    """Where a vocabulary comes from, by the order its tokens keep: a forebear/tokenizer-lineage/1 document.

    Raises: UsageError, RefusedError.
    """
    from forebear.models.published.gguf_tokens import load_tokenizer
    from forebear.tokens import verbs

    return verbs.lineage(subject, _listed(candidates), load=load_tokenizer)


def _listed(paths: str | Path | Sequence[str | Path]) -> list[str | Path]:
    """One path or several as a list; a path is no list of letters."""
    return [paths] if isinstance(paths, (str, Path)) else list(paths)


def case_add(
    folder: str | Path,
    file: str | Path,
    *,
    language: str,
    script: str = "",
    id: str = "",
    role: str = "original",
    of: str = "",
    version: str = "",
    date: str = "",
    encoding: str = "",
    conversion: str = "",
    transcript: str | Path | None = None,
    as_bytes: bool = False,
    trust_language: bool = False,
    by: str = "",
    when: str = "",
    where: str = "",
    title: str = "",
) -> Document:
    """Add a source to a case, made when FOLDER holds none: see `forebear.casefile.verbs.case_add`."""
    from forebear.casefile import verbs

    return verbs.case_add(
        folder, file, language=language, script=script, id=id, role=role, of=of, version=version, date=date,
        encoding=encoding, conversion=conversion, transcript=transcript, as_bytes=as_bytes, trust_language=trust_language,
        by=by, when=when, where=where, title=title,
    )  # fmt: skip


def case_align(folder: str | Path, *, only: Sequence[str] = ()) -> Document:
    """Align every translation of a case with its source; `only`: these again. Returns a forebear/case/1 document."""
    from forebear.casefile import verbs

    return verbs.case_align(folder, only=only)


def case_check(folder: str | Path) -> Document:
    """Find where the sources of a case disagree, and which names need a ruling. Returns a forebear/case/1 document."""
    from forebear.casefile import verbs

    return verbs.case_check(folder)


def case_run(folder: str | Path, *, claims: Sequence[str] = (), models: Sequence[str] = ()) -> Document:
    """Run what the claims of a case can be tested for on the files given; `models`: "ID=PATH" of those outside the case."""
    from forebear.casefile import verbs

    return verbs.case_run(folder, claims=claims, models=models)


def case_report(folder: str | Path, *, language: str = "en") -> Document:
    """The case with private names replaced. Raises ExpectationError until every name candidate is ruled."""
    from forebear.casefile import verbs

    return verbs.case_report(folder, language=language)


def case_seal(
    folder: str | Path, target: str | Path, *, key: str | Path | None = None, report_only: bool = False
) -> Document:
    """Copy a case, or its report alone, into a BagIt bag at TARGET, signed with a local key file when one is given."""
    from forebear.casefile import verbs

    return verbs.case_seal(folder, target, key=key, report_only=report_only)


def case_verify(folder: str | Path, *, key: str | Path | None = None, original: str | Path | None = None) -> Document:
    """What of a sealed case was altered. Raises ExpectationError (with its document) when anything was."""
    from forebear.casefile import verbs

    return verbs.case_verify(folder, key=key, original=original)
