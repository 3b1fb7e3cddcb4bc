"""Runs what claims can be tested on the files given: recorded verbs of forebear only, never a command of a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forebear.casefile.claims.arithmetic import explain_growth, load_config, sizes_of
from forebear.casefile.claims.claims import Claim
from forebear.casefile.folder.model import CaseFile
from forebear.core.errors import RefusedError
from forebear.core.limits import MAX_TOKENIZER_BYTES

Runner = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]
"""(verb, arguments) -> document. The only verb a claim can reach is "compare"."""
KIN = ("related", "identical")


@dataclass(frozen=True)
class Outcome:
    """Status of a claim, why, the command that shows it, and the figures it rests on; document: what the verb returned."""

    claim: str
    status: str
    why: str
    command: str = ""
    evidence: list[dict[str, Any]] = field(default_factory=list)
    document: Mapping[str, Any] | None = None


def default_runner(verb: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """The public verbs of forebear.

    Raises: RefusedError for a verb claims may not use.
    """
    import forebear

    if verb != "compare":
        raise RefusedError(f"a claim may not run {verb!r}")
    found: Mapping[str, Any] = forebear.compare(arguments["subject"], arguments["candidates"])
    return found


def run_claim(folder: Path, case: CaseFile, claim: Claim, runner: Runner) -> Outcome:
    """The outcome of one claim. What cannot be run is said, and is never counted for or against."""
    if claim.test == "none":
        why = claim.not_testable or "no test of files is named for it"
        return Outcome(claim.id, "not-testable" if claim.not_testable else "not-tested", why)
    try:
        if claim.test in ("related", "unrelated"):
            return _weights(folder, case, claim, runner)
        return _configuration(folder, case, claim)
    except RefusedError as error:
        return Outcome(claim.id, "not-tested", f"the files given do not allow it: {error}", command_of(case, claim))


def model_path(folder: Path, case: CaseFile, name: str) -> Path:
    """Where the files of a model lie; relative paths start at the case folder.

    Raises: RefusedError when nothing is there.
    """
    path = folder / case.models[name]
    if not path.exists():
        raise RefusedError(f"no files of model {name!r}", where=case.models[name])
    return path


def command_of(case: CaseFile, claim: Claim) -> str:
    """The command that repeats the test, as a person would type it in the case folder."""
    models = [case.models[m] for m in (claim.subject, *claim.candidates) if m]
    if claim.test in ("related", "unrelated"):
        return "forebear compare " + " ".join(models)
    return f"forebear case run . --claims {claim.id}" if claim.test != "none" else ""


def _weights(folder: Path, case: CaseFile, claim: Claim, runner: Runner) -> Outcome:
    paths = [model_path(folder, case, n) for n in (claim.subject, *claim.candidates)]
    document = runner("compare", {"subject": paths[0], "candidates": paths[1:]})
    verdicts = _verdicts(document)
    evidence = [dict(v) for v in verdicts]
    relations = [str(v.get("relation", "cannot-tell")) for v in verdicts]
    shown = "; ".join(str(v.get("words") or v.get("relation")) for v in verdicts)
    kin = any(r in KIN for r in relations)
    if kin:
        status = "borne-out" if claim.test == "related" else "contradicted"
    elif all(r == "no-evidence" for r in relations):
        # absence of evidence bears nothing out and contradicts nothing by itself
        status = "not-decided"
        shown = f"nothing shared was found; this does not show the contrary ({shown})"
    else:
        status = "not-decided"
    return Outcome(claim.id, status, shown, command_of(case, claim), evidence, document)


def _verdicts(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if "verdict" in document:
        return [document["verdict"]]
    return [p.get("verdict", p) for p in document.get("pairs", ())]


def _configuration(folder: Path, case: CaseFile, claim: Claim) -> Outcome:
    subject = load_config(model_path(folder, case, claim.subject))
    others = [load_config(model_path(folder, case, n)) for n in claim.candidates]
    if claim.test == "same-vocabulary":
        return _vocabulary(folder, case, claim)
    value = float(claim.value or 0)
    if claim.test == "config":
        found = subject.get(claim.key)
        if not isinstance(found, (int, float)) or isinstance(found, bool):
            raise RefusedError(f"the configuration has no figure {claim.key!r}")
        return _figure(case, claim, float(found), value, f"{claim.key} is {found}")
    sizes = sizes_of(subject, claim.subject)
    if claim.test == "parameters":
        count = sizes.parameters()
        return _figure(case, claim, float(count), value, f"the configuration makes {count:,} parameters")
    base = sizes_of(others[0], claim.candidates[0])
    if claim.test == "layers-added":
        return _figure(
            case, claim, float(sizes.layers - base.layers), value, f"{base.layers} layers there, {sizes.layers} here"
        )
    ways = explain_growth(base, value, claim.tolerance or 0.02)
    wanted = [w for w in ways if not claim.key or w.startswith(claim.key)]
    why = "; ".join(ways) or "no single change of layers, MLP width or vocabulary leads to that count"
    return Outcome(
        claim.id, "borne-out" if wanted else "contradicted", why, command_of(case, claim),
        [{"test": "growth", "from": base.parameters(), "to": value, "ways": ways, "kind": "described"}],
    )  # fmt: skip


def _figure(case: CaseFile, claim: Claim, found: float, said: float, why: str) -> Outcome:
    fits = abs(found - said) <= claim.tolerance * max(1.0, abs(said)) + 1e-9
    evidence = [{"test": claim.test, "key": claim.key, "said": said, "found": found, "kind": "described"}]
    return Outcome(
        claim.id,
        "borne-out" if fits else "contradicted",
        f"{why}; {said:g} was said",
        command_of(case, claim),
        evidence,
    )


def _vocabulary(folder: Path, case: CaseFile, claim: Claim) -> Outcome:
    own, other = (_tokens(model_path(folder, case, n)) for n in (claim.subject, claim.candidates[0]))
    same_ids = sum(other.get(t) == i for t, i in own.items())
    shared = len(own.keys() & other.keys())
    why = f"{shared} of {len(own)} tokens stand in both vocabularies, {same_ids} of them with the same number"
    evidence = [
        {"test": "same-vocabulary", "tokens": len(own), "shared": shared, "same_ids": same_ids, "kind": "described"}
    ]
    status = "borne-out" if own == other else "contradicted"
    return Outcome(claim.id, status, why, command_of(case, claim), evidence)


def _tokens(path: Path) -> dict[str, int]:
    file = path / "tokenizer.json" if path.is_dir() else path
    try:
        if file.stat().st_size > MAX_TOKENIZER_BYTES:
            raise RefusedError(f"larger than {MAX_TOKENIZER_BYTES} bytes", where=str(file))
        vocabulary = json.loads(file.read_bytes())["model"]["vocab"]
    except OSError as error:
        raise RefusedError(f"no tokenizer can be read ({error.strerror})", where=str(file)) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise RefusedError("is no tokenizer.json with a vocabulary", where=str(file)) from error
    if isinstance(vocabulary, dict):
        return {str(k): int(v) for k, v in vocabulary.items()}
    return {str(entry[0]): i for i, entry in enumerate(vocabulary)}
