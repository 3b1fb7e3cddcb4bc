"""The verb `verify`: claims of cards, bills of material and signatures, each held against what the files show."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from forebear.core.documents import finish
from forebear.core.messages import Message, message, with_texts
from forebear.core.pasting import Command
from forebear.files.bytes.checking import noting_addresses
from forebear.verification.bases import Base, bases_of, compare_with, named_by, same_owner
from forebear.verification.checks.blocks import check_activation, check_block
from forebear.verification.checks.descent import check_parent, check_scratch, check_unknown_parent
from forebear.verification.checks.kinds import check_kind
from forebear.verification.checks.makeup import check_made, check_pooling, check_targets
from forebear.verification.checks.papers import (
    check_digest,
    check_family,
    check_library,
    check_licence,
    check_model_digest,
    check_root,
    check_tokenizer,
    noticed,
)
from forebear.verification.checks.sizes import check_layers, check_parameters, check_vocabulary, check_width
from forebear.verification.checks.types import check_bits, check_dtype, check_load_dtype
from forebear.verification.checks.weights import check_merge_weight
from forebear.verification.claim import MOST_CLAIMS, Claim, Noticed, Outcome, Tested, private_removed, public
from forebear.verification.expected import check_expectation, expected, meet
from forebear.verification.gather import Gathered, gather
from forebear.verification.known import Known, known_of, unnamed
from forebear.verification.making import Making, most_of
from forebear.verification.readers.grammar import BLOCKS, MADE
from forebear.verification.signature import check_signature
from forebear.verification.subject import Subject, open_subject
from forebear.verification.whose import settled

Document = Mapping[str, Any]
_BY_SUBJECT = {
    "parameters": check_parameters, "layers": check_layers, "width": check_width, "vocabulary": check_vocabulary,
    "dtype": check_dtype, "load_dtype": check_load_dtype, "bits": check_bits, "tokenizer": check_tokenizer, "family": check_family,
    **dict.fromkeys(BLOCKS, check_block), **dict.fromkeys(MADE, check_made), "activation": check_activation,
    "targets": check_targets, "pooling": check_pooling,
    "library": check_library, "tag": check_library, "digest": check_digest, "model_digest": check_model_digest,
}  # fmt: skip


@dataclass(frozen=True)
class Wanted:
    """What the caller wrote (see `forebear.verify`)."""

    card: Path | None = None
    bom: Path | None = None
    against: Sequence[str | Path] = ()
    expect: str | None = None
    key: Path | None = None
    budget: int | str | None = None
    full: bool = False
    library: Path | None = None
    base: str | Path | None = None


@noting_addresses()
def verify_path(path: str | Path, wanted: Wanted) -> Document:
    """A forebear/verification/1 document (see `forebear.verify`)."""
    check_expectation(wanted.expect)
    started, bases = time.perf_counter(), bases_of(wanted.against)
    most, far = (most_of(wanted.budget, full=wanted.full, once=once) for once in (False, True))
    subject = open_subject(path, full=wanted.full, base=wanted.base)
    try:
        _on_stated_base(subject, bases)
        found = gather(subject, wanted.card, wanted.bom)
        known = _known(subject, wanted, found)
        bases += known.bases
        if bases and subject.checkpoint is not None:
            looks = len(bases) - len(known.bases) + known.searched
            compare_with(subject.place, bases, looks=max(looks, len(bases)), budget=wanted.budget, full=wanted.full)
        left_out = max(0, len(found.claims) - MOST_CLAIMS)
        if left_out:
            found.limits.append(message("unverified.many_claims", count=left_out))
        making = Making(subject, bases, found.claims, most, far)
        rows = settled([row for claim in found.claims[:MOST_CLAIMS] for row in check(claim, making, found, wanted.key)])
        body = _body(subject, bases, found, rows, known)
        limits = [*subject.limits, *found.limits]
        read = {"bytes": subject.checkpoint.container.bytes_read if subject.checkpoint is not None else 0,
                "seconds": round(time.perf_counter() - started, 3)}  # fmt: skip
    finally:
        subject.close()
    if wanted.expect is not None:
        body["expected"] = expected(wanted.expect, body["claims"], body["noticed"])
    clean = with_texts([*limits], private_removed)
    again = _again(path, wanted)
    body |= {"again_in": "folder-of-subject"} if again.elsewhere else {}
    document = finish("forebear/verification/1", body, limits=clean, read=read, reproduce=str(again))
    meet(document)
    return document


def check(claim: Claim, making: Making, found: Gathered, key: Path | None) -> list[Tested]:
    """The outcome of one claim; a named parent has two, one for shared weights and one for who was first."""
    subject, bases = making.subject, making.bases
    if claim.kind in _BY_SUBJECT:
        return [_by_subject(claim, subject)]
    if claim.kind == "parent":
        return check_parent(claim, bases)
    if claim.kind == "no_parent":
        return check_unknown_parent(claim, bases)
    if claim.kind == "scratch":
        return check_scratch(claim, bases)
    if claim.kind == "licence":
        return [check_licence(claim, subject, bases)]
    if claim.kind == "merge_weight":
        return [check_merge_weight(claim, making)]
    if claim.kind in ("root", "signature"):
        bundle, manifest = next(one for one in found.manifests if one[0].name == claim.source.file)
        if claim.kind == "root":
            return [check_root(claim, subject, list(manifest.files))]
        return [check_signature(claim, subject.path, bundle, key)]
    return check_kind(claim, subject, bases, making)


def _by_subject(claim: Claim, subject: Subject) -> Tested:
    """A claim held against the files in each sense that it may have: what one of them bears out is refused in none."""
    row: Tested = _BY_SUBJECT[claim.kind](claim, subject)
    if not _refused(row):
        return row
    others = [replace(claim, kind=kind, also=()) for kind in claim.also if kind in _BY_SUBJECT]
    tested: list[Tested] = [_BY_SUBJECT[one.kind](one, subject) for one in others]
    fine = next((one for one in tested if one.outcome is not Outcome.not_testable and not _refused(one)), None)
    also = tuple(message("read_together.also", other=one.said()) for one in others)
    return fine if fine is not None else replace(row, evidence=(*row.evidence, *also))


def _refused(row: Tested) -> bool:
    return row.flagged or row.outcome is Outcome.contradicted


def _on_stated_base(subject: Subject, bases: Sequence[Base]) -> None:
    """An adapter without a base given is compared on the one that its configuration states, where one model given has that name."""
    stated = str(subject.checkpoint.config.get("base_model", "")) if subject.adapter and subject.checkpoint is not None else ""
    found = [base for base in named_by(stated, bases) if same_owner(stated, base.name)] if stated else []
    if subject.base is None and len(found) == 1:
        subject.put_on(str(found[0].path))
        subject.limits.append(message("adapters.stated_base", name=public(found[0].name)))


def _known(subject: Subject, wanted: Wanted, found: Gathered) -> Known:
    """What the library given has on the subject; nothing without a library, or without weights."""
    if wanted.library is None or subject.checkpoint is None:
        return Known((), (), 0, ())
    known = known_of(subject, wanted.library, found.claims)
    found.limits += known.limits
    return known


def _body(
    subject: Subject, bases: Sequence[Base], found: Gathered, rows: Sequence[Tested], known: Known
) -> dict[str, Any]:
    """What the document says; folders of a machine and anything like a key are taken out of every text."""
    checkpoint = subject.checkpoint
    counts = Counter(row.outcome for row in rows)
    flagged = sum(row.flagged for row in rows)
    extra = noticed(subject, bases, found.claims)
    extra += [Noticed("proposed", message("noticed.proposed", name=public(one))) for one in unnamed(known.proposed, found.claims)]
    body = {
        "subject": {
            "name": public(subject.name),
            "container": checkpoint.container.kind if checkpoint is not None else "tokenizer",
            "family": checkpoint.family if checkpoint is not None else None,
            "layers": checkpoint.layers if checkpoint is not None else 0,
            "width": checkpoint.width if checkpoint is not None else 0,
            "parameters": subject.counts.get("total", 0),
            "root": subject.root,
            "files": [{"name": public(n), "sha256": d, "bytes": size} for n, (d, size) in subject.digests.items()],
        },
        "conclusion": _conclusion(counts, flagged, sum(one.kind == "relative" for one in extra), public(subject.name)),
        "counts": {**{str(outcome): counts[outcome] for outcome in Outcome}, "flagged": flagged},
        "claims": [_clean(row.document()) for row in rows],
        "noticed": [_clean(one.document()) for one in extra],
        "relatives": [_clean(base.row()) for base in bases],
    }
    return body


def _clean(row: dict[str, Any]) -> dict[str, Any]:
    cleaned: dict[str, Any] = with_texts({k: v for k, v in row.items() if k != "key"}, private_removed)
    return cleaned


def _conclusion(counts: Mapping[Outcome, int], flagged: int, extra: int, name: str) -> Message:
    """The first line a person reads."""
    total, wrong = sum(counts.values()), counts[Outcome.contradicted]
    if not total and not extra:
        return message("verify_head.nothing", name=name)
    if wrong:
        return message("verify_head.contradicted", name=name, count=wrong, total=total)
    if flagged or extra:
        return message("verify_head.flagged", name=name, count=flagged + extra, total=total)
    return message("verify_head.agreed", name=name, count=counts[Outcome.borne_out], total=total)


def _again(path: str | Path, wanted: Wanted) -> Command:
    """The command that repeats it."""
    made = Command("verify", about=path).path(path)
    for flag, value in (("--card", wanted.card), ("--bom", wanted.bom), ("--key", wanted.key), ("--library", wanted.library),
                        ("--base", wanted.base)):  # fmt: skip
        made.path(value, flag)
    for one in wanted.against:
        name, _, place = ("", "", str(one)) if Path(one).exists() else str(one).rpartition("=")
        made.path(place, "--against", name=name)
    if wanted.budget is not None:
        made.value(str(wanted.budget), "--budget")
    return made.value("--full") if wanted.full else made
