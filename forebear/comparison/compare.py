"""The verb `compare`: open, align, test, audit, judge; one document a pair, a matrix for several."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from math import log10
from pathlib import Path
from typing import Any, NamedTuple

from forebear.comparison.findings.plain import plain_of
from forebear.comparison.findings.verdict import RELATIONS
from forebear.comparison.reading.allowance import Allowance
from forebear.comparison.reading.pair import Pair
from forebear.comparison.walk import walk
from forebear.core.documents import finish
from forebear.core.errors import ExpectationError, Reason, RefusedError, UsageError
from forebear.core.limits import DEFAULT_BUDGET_BYTES
from forebear.core.messages import Message, message
from forebear.core.patience import patience
from forebear.core.sizes import parse_size
from forebear.core.threads import one_thread
from forebear.files.bytes.checking import check_again, noting_addresses
from forebear.files.sources import require_there
from forebear.models.checkpoint import Checkpoint, OnBase, Place, on_base, open_checkpoint, put_there

Document = Mapping[str, Any]


class Asked(NamedTuple):
    """What the caller wrote (see `forebear.compare`), not yet checked."""

    budget: int | str | None = None
    full: bool = False
    expect: str | None = None
    architecture: str | Path | None = None
    base: str | Path | None = None
    max_header: int | str | None = None

    def options(self, subject: str | Path, candidates: Sequence[str | Path]) -> Options:
        """Checked options and the command that repeats them. Raises UsageError."""
        if self.full and self.budget is not None:
            raise UsageError("--full and --budget exclude each other", todo="Give one of them.")
        words = ["forebear", "compare", str(subject), *(str(c) for c in candidates)]
        for name in ("budget", "architecture", "base", "max_header"):
            value = getattr(self, name)
            words += [f"--{name.replace('_', '-')}", str(value)] if value is not None else []
        words += ["--full"] if self.full else []
        bound = DEFAULT_BUDGET_BYTES if self.budget is None else parse_size(self.budget, "--budget")
        header = None if self.max_header is None else parse_size(self.max_header, "--max-header")
        architecture = None if self.architecture is None else Path(self.architecture)
        base = None if self.base is None else str(self.base)
        return Options(
            None if self.full else bound, self.budget is not None, self.full, architecture, header, shlex.join(words), base
        )


class Options(NamedTuple):
    """What a comparison does. budget: bytes a side, None for no bound; stated: whether the caller set it."""

    budget: int | None
    stated: bool
    full: bool
    architecture: Path | None
    max_header: int | None
    reproduce: str
    base: str | None = None
    again: tuple[str, ...] = ()  # candidates that were given more than once


def compare_many(subject: str | Path, candidates: Sequence[str | Path], asked: Asked) -> Document:
    """One comparison document, or a matrix when several candidates are given (see `forebear.compare`)."""
    expect = asked.expect
    if expect == "cannot-tell":
        raise UsageError(
            "nothing meets the expectation cannot-tell", where="--expect", todo="Expect a relation that can be shown."
        )
    if expect is not None and expect not in RELATIONS:
        raise UsageError(f"{expect!r} is not a relation", where="--expect", todo=f"Use one of: {', '.join(RELATIONS)}.")
    options = asked.options(subject, candidates)
    document = _document(subject, candidates, options)
    relations = [p["relation"] for p in document["pairs"]] if "pairs" in document else [document["verdict"]["relation"]]
    unread = [r for r in relations if r is None]
    unread += [None for m in document.get("members", ()) if m["error"] and "pairs" in document]
    if expect is not None and unread:
        error = RefusedError(
            f"{len(unread)} of {len(relations)} candidates could not be read, so the expectation was not checked",
            where="--expect",
            todo="See the rows with an error.",
        )
        error.document = document
        raise error
    if expect is not None and not all(meets(r, expect) for r in relations):
        raise ExpectationError(
            f"expected {expect}, found {', '.join(dict.fromkeys(str(r) for r in relations))}",
            document,
            where="--expect",
        )
    return document


def _document(subject: str | Path, candidates: Sequence[str | Path], options: Options) -> Document:
    """All pairs where the subject is a folder of models, one pair, or one subject against several candidates."""
    from forebear.comparison.many.matrix import all_pairs, members_in, split_members

    own = members_in(subject)
    others = [m for c in candidates for m in (_others(subject, members_in(c)) or [str(c)])]
    if own or len(others) > 1:  # one side that is missing is refused where it is opened
        for one in (subject, *candidates):
            require_there(one)
        others, again = _once(own, others)
        options = options._replace(again=tuple(again))
    if own:
        members, damaged = split_members([*own, *others], options.max_header)
        return _many(members, all_pairs(members), damaged, options, tree=True)
    if not others:
        what = "Name at least one checkpoint to compare with, or a folder that holds several."
        raise UsageError("no candidate given", where="CANDIDATE", todo=what)
    if len(others) == 1:
        return compare_pair(subject, others[0], options)
    open_checkpoint(subject, architecture=options.architecture, max_header=options.max_header).close()
    return _many([str(subject), *others], [(str(subject), c) for c in others], {}, options, tree=False)


def _once(own: Sequence[str], others: Sequence[str]) -> tuple[list[str], list[str]]:
    """Candidates that lie neither among the subject's own nor before them in the list, under whatever name; and the rest."""
    seen, kept, again = {os.path.realpath(one) for one in own}, list[str](), list[str]()
    for place in others:
        (again if os.path.realpath(place) in seen else kept).append(place)
        seen.add(os.path.realpath(place))
    return kept, list(dict.fromkeys(again))


def _others(subject: str | Path, members: Sequence[str]) -> Sequence[str]:
    """Members of a folder of models without the subject itself, where the folder holds others."""
    return [m for m in members if os.path.realpath(m) != os.path.realpath(subject)] or members


def meets(relation: str | None, expect: str) -> bool:
    """Whether a relation satisfies an expectation: "related" accepts "identical", "cannot-tell" meets nothing."""
    if relation is None or relation == "cannot-tell":
        return False
    return relation == expect or (expect == "related" and relation == "identical")


@noting_addresses()
@one_thread()
def compare_pair(subject: Place, candidate: Place, options: Options, looks: int = 1) -> Document:
    """The comparison document of one pair; looks: pairs compared in the same run, which multiply every p-value."""
    started = time.perf_counter()
    sides = [on_base(place, options.base, max_header=options.max_header) for place in (subject, candidate)]
    if options.base is not None and looks == 1 and not any(isinstance(side, OnBase) for side in sides):
        raise UsageError("neither side is an adapter", where="--base", todo="Leave it out, or give an adapter.")
    left = open_checkpoint(sides[0], architecture=options.architecture, max_header=options.max_header)
    right: Checkpoint | None = None
    try:
        right = open_checkpoint(sides[1], architecture=options.architecture, max_header=options.max_header)
        built = put_there(*sides)
        return _compare_open(left, right, options, looks, started, (str(subject), str(candidate)), [built] if built else [])
    finally:
        left.container.close()
        if right is not None:
            right.container.close()


def _compare_open(
    left: Checkpoint, right: Checkpoint, options: Options, looks: int, started: float, ids: tuple[str, str],
    known: Sequence[Message],
) -> Document:  # fmt: skip
    allowance = Allowance(left.container, right.container, options.budget)
    originals = (left, right)
    named = _named(left, right, options.budget if options.stated else None)
    left, right, looks_log10, said, told, unsettled, attention_chosen = named
    if not options.stated:
        allowance.restart()
    folders = (originals[0].folder or _folder(ids[0]), originals[1].folder or _folder(ids[1]))
    pair = Pair(left, right, allowance, folders, looks_log10 + log10(looks))
    pair.unsettled += unsettled
    pair.attention_chosen = attention_chosen
    for side, checkpoint in zip(("subject", "candidate"), told, strict=True):
        for said_of_it in checkpoint.limits:
            pair.note(message("limit.side", side=message(f"term.{side}"), what=said_of_it))
    for said_of_both in known:
        pair.note(said_of_both)
    if options.again and looks == 1:  # of several pairs the matrix says it
        pair.note(message("given_again.once", names=list(options.again)))
    result = walk(pair, full=options.full, budget_stated=options.stated)
    pair.note_values()
    check_again()
    result.alignment.setdefault("words", [])
    result.alignment["words"] = said + list(result.alignment["words"])
    if allowance.refused:
        pair.note(message("limit.budget", what=list(allowance.refused)))
    read = {
        "subject_bytes": originals[0].container.bytes_read,
        "candidate_bytes": originals[1].container.bytes_read,
        "budget_bytes": options.budget,
        "seconds": round(time.perf_counter() - started, 3),
    }
    verdict, evidence = result.verdict.document(), [e.document() for e in result.evidence]
    return finish(
        "forebear/comparison/2",
        {
            "subject": _party(originals[0], ids[0], result.digests[0]),
            "candidate": _party(originals[1], ids[1], result.digests[1]),
            "plain": plain_of(verdict, result.effects, evidence, ids, result.whole),
            "verdict": verdict,
            "evidence": evidence,
            "effects": result.effects,
            "alignment": result.alignment,
            "audit": result.audit,
            "tensors": result.tensors,
            "weights": result.weights,
        },
        limits=pair.limits,
        read=read,
        reproduce=options.reproduce,
    )


def _folder(path: str) -> Path:
    return Path(path) if Path(path).is_dir() else Path(path).parent


class _Named(NamedTuple):
    """Both sides with names and layouts that mean something, log10 of what was looked at for that, what to say of it, and the
    checkpoints whose limits hold then."""

    left: Checkpoint
    right: Checkpoint
    looks_log10: float
    said: list[Message]
    told: tuple[Checkpoint, Checkpoint]
    unsettled: list[Message]
    attention_chosen: bool = False


def _named(left: Checkpoint, right: Checkpoint, budget: int | None) -> _Named:
    """Sides whose names or layout say nothing, read as the other side, the configuration and the pair say."""
    said, told, looks, unsettled, chosen = list[Message](), (left, right), 0.0, list[Message](), False
    if left.definition is None or right.definition is None:
        from forebear.comparison.reading.byname import read_by_names

        left, right, said = read_by_names(left, right)
    if any(side.definition is None or side.unclaimed or side.fused for side in (left, right)):
        from forebear.comparison.reading.laid_out import laid_out

        found = laid_out(left, right, budget)
        told = (found[0] if found[0] is not left else told[0], found[1] if found[1] is not right else told[1])
        left, right, looks, more_said, unsettled, chosen = found
        said = [*said, *more_said]
    if (left.definition is None) is (right.definition is None):
        return _Named(left, right, looks, said, told, unsettled, chosen)
    from forebear.comparison.reading.borrow import borrow_names

    nameless, named = (left, right) if left.definition is None else (right, left)
    borrowed = borrow_names(nameless, named)
    if borrowed is None:
        return _Named(left, right, looks, said, told, unsettled, chosen)
    checkpoint, more, words = borrowed
    both = (checkpoint, right) if nameless is left else (left, checkpoint)
    return _Named(*both, looks + more, [*said, *words], told, unsettled, chosen)


def _party(checkpoint: Checkpoint, name: str, digest: str | None) -> dict[str, Any]:
    return {
        "id": name,
        "container": checkpoint.container.kind,
        "family": checkpoint.family,
        "layers": checkpoint.layers,
        "width": checkpoint.width,
        "parameters": sum(t.parameters for t in checkpoint.container.tensors.values()),
        "digest": digest,
    }


def _many(
    members: Sequence[str], pairs: Sequence[tuple[str, str]], damaged: Mapping[str, Reason], options: Options, tree: bool
) -> Document:
    """The matrix of these pairs, each multiplied by their number; by several processes where there are many."""
    from forebear.comparison.many.matrix import matrix_body
    from forebear.comparison.many.workers import run_in_workers, worker_count

    started, workers = time.perf_counter(), worker_count(len(pairs))

    found = (
        run_in_workers(pairs, _written(options, len(pairs)), workers)
        if workers
        else (_tried(pair, options, len(pairs)) for pair in pairs)
    )
    with closing(found):  # at once where an interrupt comes: a traceback that somebody keeps would keep the workers
        body, limits = matrix_body(members, damaged, pairs, lambda _: found, tree=tree)
    limits += [message("given_again.once", names=list(options.again))] if options.again else []
    read = {"seconds": round(time.perf_counter() - started, 3), "processes": max(1, workers)}
    return finish("forebear/matrix/2", body, limits=limits, read=read, reproduce=options.reproduce)


def _tried(pair: tuple[str, str], options: Options, looks: int) -> tuple[Document | None, Reason | None]:
    try:
        return compare_pair(*pair, options, looks=looks), None
    except RefusedError as error:
        return None, error.reason()


def _written(options: Options, looks: int) -> dict[str, Any]:
    """Options as they cross a pipe (worker.py reads them)."""
    architecture = None if options.architecture is None else str(options.architecture)
    return {**options._asdict(), "architecture": architecture, "looks": looks, "patience": patience()._asdict()}
