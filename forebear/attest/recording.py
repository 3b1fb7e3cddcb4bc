"""The verbs `attest commit` and `attest record`: documents, and what they write (METHODS §19)."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from forebear.attest.chain import FILE, FORM, alone, append, read_chain
from forebear.attest.commitment import (
    SCHEMA,
    announcement,
    body_of,
    not_public,
    published_after,
    read_commitment,
    seed_of,
    signature_holds,
)
from forebear.attest.content import content_of
from forebear.attest.held import HeldContainer
from forebear.attest.initialiser import initial_weights
from forebear.attest.rates import UNTOLD, begin_of, read_log, span_of
from forebear.core.documents import finish
from forebear.core.errors import UsageError, refusal
from forebear.core.messages import Message, message
from forebear.core.output import check_output
from forebear.core.pasting import Command
from forebear.models.checkpoint import open_checkpoint
from forebear.recipes.steps.model import write_safetensors

Document = Mapping[str, Any]


def commit(
    config: Path,
    seed_from: str,
    *,
    initialiser: str | None,
    value: str | None,
    announced: Path | None,
    weights: Path | None,
    now: float | None = None,
) -> Document:
    """See `forebear.attest_commit`. now: seconds since 1970; the clock's when not given."""
    began = time.perf_counter()
    now = time.time() if now is None else now
    if weights is not None:
        check_output(weights)
    body = body_of(config, seed_from, initialiser, now=now)
    if announced is not None:
        body = _as_announced(body, read_commitment(announced), announced)
    source = body["seed_source"]
    if value is None and source["kind"] == "file":
        value = source["sha256"]
    if value is not None and published_after(source, now):
        raise not_public(source, "--value", "wait")
    seed = None if value is None else seed_of(body, value)
    if seed is not None and signature_holds(source, seed) is False:
        said, todo = message("attest_refused.not_signed", round=source["round"]), message("attest_form.as_published")
        raise refusal(said, where="--value", todo=todo)
    start = None
    if seed is not None:
        arrays = initial_weights(body["configuration"]["keys"], seed["seed"], body["initialiser"]["name"])
        start = content_of(HeldContainer(arrays)).document()
        if weights is not None:
            write_safetensors(weights, arrays)
    elif weights is not None:
        raise UsageError(
            "the seed is not known yet", where="--weights", todo="Give the value of the round with --value."
        )
    beacon = source["kind"] == "beacon"
    made = _command(config, seed_from, initialiser, value if beacon else None, announced, file=source["kind"] == "file")
    return finish(
        SCHEMA,
        {**body, "announcement": announcement(body), "seed": seed, "start": start},
        limits=_said(source, seed, announced),
        read={"seconds": round(time.perf_counter() - began, 3)},
        reproduce=str(made),
    )


def _command(
    config: Path, seed_from: str, initialiser: str | None, value: str | None, announced: Path | None, *, file: bool
) -> Command:
    """The command that commits again. file: whether the seed comes from a file."""
    made = Command("attest", "commit", about=config, published=True).path(config)
    made = made.path(seed_from, "--seed-from") if file else made.value(seed_from, "--seed-from")
    if initialiser:
        made.value(initialiser, "--initialiser")
    if value:
        made.value(value, "--value")
    return made.path(announced, "--commitment")


def _as_announced(body: Mapping[str, Any], before: Mapping[str, Any], where: Path) -> dict[str, Any]:
    """The body with the time of the announcement it fulfils; everything else has to be the same."""
    theirs, ours = dict(before["seed_source"]), dict(body["seed_source"])
    theirs.pop("in_the_future", None), ours.pop("in_the_future", None)
    same = before["configuration"] == body["configuration"] and theirs == ours
    if not same or before["initialiser"]["sha256"] != body["initialiser"]["sha256"]:
        raise refusal(
            message("attest_form.announced_other"), where=str(where), todo=message("attest_form.commit_again")
        )
    return {key: before[key] for key in ("configuration", "initialiser", "seed_source", "announced")}


def _said(source: Mapping[str, Any], seed: Mapping[str, Any] | None, announced: Path | None) -> list[Message]:
    found = [message("attest.limit_clock")]
    if source["kind"] == "file":
        found.append(message("attest.limit_file"))
    elif seed is not None:
        signed = signature_holds(source, seed)
        if signed is not True:
            found.append(message("attest.limit_beacon", address=source["address"]))
        if seed.get("signature") and signed is None:
            found.append(message("attest_signed.no_package"))
    if source["kind"] == "beacon" and announced is None and not source["in_the_future"]:
        found.append(message("attest.limit_past", published=source["published"]))
    return found


def _make(run: Path) -> None:
    """The folder of a run; only its last part is made."""
    try:
        run.mkdir(exist_ok=True)
    except FileNotFoundError as error:
        said, todo = message("attest_refused.no_parent"), message("attest_refused.make_parent")
        raise refusal(said, where=str(run), todo=todo) from error


def _noted(
    before: Sequence[Mapping[str, Any]], line: Mapping[str, Any], promised: Mapping[str, Any] | None
) -> list[Message]:
    """What whoever records should know now, while it can still be put right."""
    found = [message("attest.limit_clock")]
    if promised is not None and promised["seed"] is None:
        found.append(message("attest_record.no_seed"))
    if not before:
        return found
    if line["span"] is not None and line["span"]["missing"]:
        span = line["span"]
        found.append(message("attest_record.log_gaps", missing=span["missing"], first=span["first"], last=span["last"]))
    if line["span"] is not None and line["span"]["counted"] == UNTOLD and line["span"]["first"] == 0:
        found.append(message("attest_counted.now", ends=line["span"]["ends"]))
    last, first = before[-1], before[0]["content"]
    if last["step"] == line["step"]:
        found.append(message("attest_record.same_step", step=line["step"], number=last["number"]))
    elif last["step"] > line["step"]:
        found.append(message("attest_record.rollback", step=line["step"], last=last["step"]))
    sizes = [(c.get("tensors"), c.get("parameters")) for c in (first, line["content"])]
    if sizes[0] != sizes[1] and all(isinstance(size, int) for size in (*sizes[0], *sizes[1])):
        (tensors, numbers), (first_tensors, first_numbers) = sizes[1], sizes[0]
        found.append(
            message(
                "attest_record.other_sizes", tensors=tensors, numbers=numbers,
                first_tensors=first_tensors, first_numbers=first_numbers,
            )
        )  # fmt: skip
    if last["content"]["root"] == line["content"]["root"]:
        found.append(message("attest_record.same_weights", number=last["number"]))
    return found


def record(run: Path, step: int, checkpoint: str | Path, *, log: Path | None, commitment: Path | None) -> Document:
    """See `forebear.attest_record`."""
    began = time.perf_counter()
    if run.exists() and not run.is_dir():
        raise refusal(message("attest_refused.no_folder"), where=str(run), todo=message("attest_refused.name_folder"))
    if not 0 <= step < 2**40:
        raise UsageError("a step is a whole number from 0 on", where="STEP")
    promised = None if commitment is None else read_commitment(commitment)
    if promised is not None and promised["seed"] is not None and published_after(promised["seed_source"], time.time()):
        raise not_public(promised["seed_source"], "--commitment", "wait_or_without")
    if log is not None:
        read_log(log)  # refused before anything is made
    _make(run)
    with alone(run):
        path = run / FILE
        before = read_chain(path) if path.exists() else []
        if promised is not None and before:
            raise UsageError("only the first record names a commitment", where="--commitment", todo="Leave it out.")
        opened = open_checkpoint(checkpoint)
        try:
            content = content_of(opened.container, before[0]["content"]["root"] if before else None)
            size = opened.container.bytes_read
        finally:
            opened.close()
        lines = None if log is None else read_log(log, before[-1] if before else None)
        begin = begin_of(before, step, content.root, lines)
        line = {
            "form": FORM,
            "number": len(before),
            "previous": before[-1]["line_sha256"] if before else "",
            "step": step,
            "recorded": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "content": content.document(),
            "span": None if lines is None else span_of(lines.lines, begin, step).document(),
            "log_sha256": None if lines is None else lines.sha256,
            "log_bytes": None if lines is None else lines.size,
            "commitment": promised,
        }
        append(path, line)
    written = read_chain(path)[-1]
    made = Command("attest", "record", about=run, published=True).path(run).value(str(step)).path(checkpoint)
    made.path(log, "--log").path(commitment, "--commitment")
    return finish(
        "forebear/chain/1",
        {"record": {key: value for key, value in written.items() if key != "commitment"}, "records": len(before) + 1},
        limits=_noted(before, line, promised),
        read={"checkpoint_bytes": size, "seconds": round(time.perf_counter() - began, 3)},
        reproduce=str(made),
    )
