"""Runs what claims can be tested on the files given: recorded verbs of forebear only, never a command of a file."""

from __future__ import annotations

import dataclasses
import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forebear.casefile.claims.arithmetic import Sizes, grown, load_config, sizes_of, solved
from forebear.casefile.claims.claims import Claim
from forebear.casefile.folder.model import CaseFile
from forebear.core.documents import thaw
from forebear.core.errors import RefusedError, UsageError
from forebear.core.messages import Message, message, with_texts
from forebear.models.architecture.settings import Settings
from forebear.tokens.encoders import encoder_of
from forebear.tokens.readers import load_vocabulary

Compare = Callable[[Path, list[str | Path]], Mapping[str, Any]]
"""(subject, candidates) -> document: the verb `compare`, handed in, and the only one that a claim can reach."""
KIN = ("related", "identical")


@dataclass(frozen=True)
class Outcome:
    """Status of a claim, the command that shows it, and the figures it rests on.

    why: messages (English text in outcomes of earlier versions); document: what the verb returned.
    """

    claim: str
    status: str
    why: tuple[Message | str, ...]
    command: str = ""
    evidence: list[dict[str, Any]] = field(default_factory=list)
    document: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Models:
    """Where the files of models lie: in the case folder as case.toml says, or where the person at the command line says.

    given: model id -> path, as typed; what a case names outside its own folder is asked for, never followed.
    """

    folder: Path
    case: CaseFile
    given: Mapping[str, Path] = field(default_factory=dict)

    def path(self, name: str) -> Path:
        """The files of a model.

        Raises: RefusedError when nothing is there, or when the case names a place outside its own folder.
        """
        if name in self.given:
            path = self.given[name]
        elif outside(self.folder, self.case.models[name]):
            raise RefusedError(
                f"the files of model {name!r} lie outside the case",
                said=message("refusal.outside", name=name, option=shlex.quote(f"{name}=PATH")),
                where=self.case.models[name],
                todo=f"Say where they are: --models {shlex.quote(f'{name}=PATH')}.",
            )
        else:
            path = self.folder / self.case.models[name]
        if not path.exists():
            raise RefusedError(
                f"no files of model {name!r}", where=self.case.models[name], said=message("refusal.no_files", name=name)
            )
        return path

    def placeless(self, text: str) -> str:
        """A message without the places of this machine: model ids for the paths given, CASE for the folder."""
        shown = {str(path): name for name, path in self.given.items()} | {str(self.folder): "CASE"}
        for path in sorted(shown, key=len, reverse=True):
            text = text.replace(path, shown[path]) if len(path) > 1 else text
        return text


MAX_MODEL_ENTRIES = 20_000
"""Most files and folders of a model inside a case."""


def outside(folder: Path, place: str) -> bool:
    """Whether a place of [models] is outside the case folder, by its words or through a link, its own or one inside it."""
    if Path(place).is_absolute() or ".." in Path(place).parts:
        return True
    home, path, seen = os.path.realpath(folder), folder / place, 0
    if not _within(path, home):
        return True
    for base, folders, files in os.walk(path):
        seen += len(folders) + len(files)
        if seen > MAX_MODEL_ENTRIES:
            raise RefusedError(
                f"holds more than {MAX_MODEL_ENTRIES:,} files",
                where=place,
                said=message("refusal.many_files", most=MAX_MODEL_ENTRIES),
            )
        if not all(_within(Path(base) / name, home) for name in (*folders, *files)):
            return True
    return False


def _within(path: Path, home: str) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(home)


def run_claim(claim: Claim, models: Models, compare: Compare) -> Outcome:
    """The outcome of one claim. What cannot be run is said, and is never counted for or against."""
    if claim.test == "none":
        if claim.not_testable:
            return Outcome(claim.id, "not-testable", (message("tested.not_testable", why=claim.not_testable),))
        return Outcome(claim.id, "not-tested", (message("tested.no_test"),))
    try:
        if claim.test in ("related", "derived", "unrelated"):
            return _weights(models, claim, compare)
        return _configuration(models, claim)
    except RefusedError as error:
        why = with_texts(message("tested.not_allowed", why=error.message()), models.placeless)
        return Outcome(claim.id, "not-tested", (why,), command_of(models.case, claim))


def elsewhere(place: str) -> bool:
    """Whether a model lies outside the case folder, where its place tells of a machine."""
    return Path(place).is_absolute() or ".." in Path(place).parts


def command_of(case: CaseFile, claim: Claim) -> str:
    """The command that repeats the test; CASE, where the case lies, and PATH are theirs who type it to fill in."""
    if claim.test == "none":
        return ""
    names = [m for m in (claim.subject, *claim.candidates) if m]
    away = [m for m in names if elsewhere(case.models[m])]
    if claim.test in ("related", "derived", "unrelated") and not away:
        return "forebear compare " + " ".join(shlex.quote(case.models[m]) for m in names)
    asked = "".join(f" --models {shlex.quote(f'{m}=PATH')}" for m in dict.fromkeys(away))
    return f"forebear case run CASE --claims {claim.id}{asked}"


def _weights(models: Models, claim: Claim, compare: Compare) -> Outcome:
    paths = [models.path(n) for n in (claim.subject, *claim.candidates)]
    document = compare(paths[0], list(paths[1:]))
    verdicts = _verdicts(document)
    evidence = [dict(v) for v in verdicts]
    relations = [str(v.get("relation", "cannot-tell")) for v in verdicts]
    shown = tuple(sentence for v in verdicts for sentence in _sentences(v))
    kin = any(r in KIN for r in relations)
    if claim.test == "derived":
        return _direction(models, claim, document, verdicts)
    if claim.test == "related" and kin:
        shown = (*shown, message("tested.no_direction"))
    if kin:
        status = "borne-out" if claim.test == "related" else "contradicted"
    elif all(r == "no-evidence" for r in relations):
        # absence of evidence bears nothing out and contradicts nothing by itself
        status = "not-decided"
        shown = (message("tested.nothing_shared"), *shown)
    else:
        status = "not-decided"
    return Outcome(claim.id, status, shown, command_of(models.case, claim), evidence, document)


def _direction(models: Models, claim: Claim, document: Mapping[str, Any], verdicts: Sequence[Mapping[str, Any]]) -> Outcome:
    """Whether the subject was made from the candidate: only what says which came first decides, never that both share weights."""
    shown = tuple(sentence for v in verdicts for sentence in _sentences(v))
    related = [v for v in verdicts if v.get("relation") in KIN]
    directions = {str(v.get("direction", "not-shown")) for v in related}
    status = "not-decided"
    if directions == {"subject-from-candidate"} and len(related) == len(verdicts):
        status = "borne-out"
    elif directions == {"candidate-from-subject"}:
        status = "contradicted"
    elif related:
        shown = (*shown, message("tested.no_direction"))
    else:
        shown = (message("tested.nothing_shared"), *shown)
    return Outcome(claim.id, status, shown, command_of(models.case, claim), [dict(v) for v in verdicts], document)


def _verdicts(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if "verdict" in document:
        return [document["verdict"]]
    return [p.get("verdict", p) for p in document.get("pairs", ())]


def _sentences(verdict: Mapping[str, Any]) -> Sequence[Message | str]:
    """What a verdict says: messages; the English of a comparison of version 1; the relation where nothing is said."""
    words = verdict.get("words") or [message(f"relation.{verdict.get('relation')}")]
    return [words] if isinstance(words, str) else [w if isinstance(w, (str, Message)) else Message(**thaw(w)) for w in words]


def _configuration(models: Models, claim: Claim) -> Outcome:
    if claim.test == "same-vocabulary":
        return _vocabulary(models, claim)
    if claim.test == "token-cost":
        return _token_cost(models, claim)
    case = models.case
    subject = load_config(models.path(claim.subject))
    others = [load_config(models.path(n)) for n in claim.candidates]
    value = float(claim.value or 0)
    if claim.test == "config":
        found = Settings(subject).number(claim.key)
        if found is None:
            what = f"the configuration has no figure {claim.key!r}"
            raise RefusedError(what, said=message("refusal.no_figure", key=claim.key))
        why = message("tested.figure", key=claim.key, found=found, said=_whole(value))
        return _figure(case, claim, float(found), value, why)
    sizes = sizes_of(subject, claim.subject)
    if claim.test == "parameters":
        count = sizes.parameters()
        return _figure(case, claim, float(count), value, message("tested.parameters", count=count, said=_whole(value)))
    base = sizes_of(others[0], claim.candidates[0])
    if claim.test == "layers-added":
        why = message("tested.layers", base=base.layers, here=sizes.layers, said=_whole(value))
        return _figure(case, claim, float(sizes.layers - base.layers), value, why)
    return _growth(case, claim, base, value)


GROWTH_TOLERANCE = 0.02
"""Share by which a count may miss the claimed one when a growth claim gives no tolerance."""


def _growth(case: CaseFile, claim: Claim, base: Sizes, value: float) -> Outcome:
    """Whether the sizes a claim states make its count; with one left open, what it would have to be.

    When steps of the open size are so fine that any count could be met, meeting this one shows nothing: not decided.
    """
    made, share = grown(base, claim.sizes), claim.tolerance or GROWTH_TOLERANCE
    if not claim.key or claim.key in claim.sizes:
        count = made.parameters()
        why = message("tested.parameters", count=count, said=_whole(value))
        return _figure(case, dataclasses.replace(claim, tolerance=share), float(count), value, why)
    best, count, step = solved(made, claim.key, value)
    low = int(getattr(base, claim.key))
    evidence = [{"test": "growth", "from": base.parameters(), "to": value, "key": claim.key, "solved": best, "count": count,
                 "step": step, "kind": "described"}]  # fmt: skip
    way = message("tested.growth", name=claim.key, low=low, best=best, count=count)
    why_: tuple[Message, ...]
    if best <= low or abs(count - value) > share * value:
        status, why_ = "contradicted", (message("tested.growth_not", name=claim.key, best=best, count=count, said=_whole(value)),)
    elif step <= 2 * share * value:
        status, why_ = "not-decided", (way, message("tested.growth_any", name=claim.key, step=step))
    else:
        status, why_ = "borne-out", (way,)
    return Outcome(claim.id, status, why_, command_of(case, claim), evidence)


DIGITS = ("12345678", "20310917", "99999999", "10000000", "31415926")
HAN = ("的一是不了人在有我他这中大来上个国到说们为子和你地出道也时年",)
"""The most frequent Han characters (Jun Da, Modern Chinese Character Frequency List, 2004): a vocabulary that has a token for a
character has one for these."""


def _token_cost(models: Models, claim: Claim) -> Outcome:
    """Tokens that each further digit of a number, or Han character of a text, costs, the first left out."""
    path = models.path(claim.subject)
    encoder = encoder_of(load_vocabulary(path), path=path)
    texts = DIGITS if claim.key == "digit" else HAN
    costs = [(len(encoder.encode(t)) - len(encoder.encode(t[:1]))) / (len(t) - 1) for t in texts]
    said = float(claim.value or 0)
    fits = all(abs(c - said) <= claim.tolerance * max(1.0, said) + 1e-9 for c in costs)
    low, high = round(min(costs), 3), round(max(costs), 3)
    why = message(f"tested.cost_{claim.key}", low=low, high=high, said=_whole(said))
    evidence = [{"test": "token-cost", "key": claim.key, "low": low, "high": high, "said": said, "kind": "described"}]
    return Outcome(claim.id, "borne-out" if fits else "contradicted", (why,), command_of(models.case, claim), evidence)


def _figure(case: CaseFile, claim: Claim, found: float, said: float, why: Message) -> Outcome:
    fits = abs(found - said) <= claim.tolerance * max(1.0, abs(said)) + 1e-9
    evidence = [{"test": claim.test, "key": claim.key, "said": said, "found": found, "kind": "described"}]
    return Outcome(
        claim.id,
        "borne-out" if fits else "contradicted",
        (why,),
        command_of(case, claim),
        evidence,
    )


def _whole(value: float) -> float | int:
    """A figure as a person would write it."""
    return int(value) if value.is_integer() else value


def _vocabulary(models: Models, claim: Claim) -> Outcome:
    own, other = (_tokens(models.path(n)) for n in (claim.subject, claim.candidates[0]))
    same_ids = sum(other.get(t) == i for t, i in own.items())
    shared = len(own.keys() & other.keys())
    why = message("tested.vocabulary", shared=shared, all=len(own), same=same_ids)
    evidence = [
        {"test": "same-vocabulary", "tokens": len(own), "shared": shared, "same_ids": same_ids, "kind": "described"}
    ]
    status = "borne-out" if own == other else "contradicted"
    return Outcome(claim.id, status, (why,), command_of(models.case, claim), evidence)


def _tokens(path: Path) -> dict[bytes, int]:
    """Token -> number, by the reader of all tokenizers; of a token that has several numbers the last."""
    return {token: i for i, token in enumerate(load_vocabulary(path).tokens) if token is not None}


def models_given(case: CaseFile, models: Sequence[str]) -> dict[str, Path]:
    """What "ID=PATH" says, by id.

    Raises: UsageError for other words, or for a model the case does not have.
    """
    found = {}
    for words in models:
        name, equals, path = words.partition("=")
        if not equals or not path or name not in case.models:
            known = ", ".join(case.models) or "none"
            raise UsageError(f"{words[:80]!r} is not MODEL=PATH of this case", todo=f"Models: {known}.")
        found[name] = Path(path)
    return found
