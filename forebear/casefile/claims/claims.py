"""Claims of a case: what is said, by whom it can be tested, and what would show if it were true or false."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from forebear.casefile.bitext.bitext import Text
from forebear.casefile.folder.model import CaseFile
from forebear.casefile.folder.place import check_plain, exists_inside
from forebear.casefile.folder.toml import load_toml
from forebear.casefile.text.selectors import Citation, cite, locate
from forebear.core.errors import refusal
from forebear.core.messages import message
from forebear.core.strict import read_table

KINDS = ("descent", "recipe-step", "architecture", "tokenizer", "training", "conduct")
BASES = ("first-hand", "hearsay", "inference", "document")
STATUSES = ("borne-out", "contradicted", "not-decided", "not-testable", "not-tested")
TESTS = (
    "related", "derived", "unrelated", "config", "parameters", "layers-added", "same-vocabulary", "growth", "token-cost", "none",
)  # fmt: skip
COSTED = ("digit", "han")
"""What a token-cost claim counts tokens of: its `key`."""
GROWN = ("layers", "mlp", "tokens")
"""What a growth claim may leave open (`key`) or state (`sizes`)."""
SAYS = ("denies", "confirms", "explains", "comments")


@dataclass(frozen=True)
class Span:
    """Words of a source that state or answer a claim."""

    source: str
    exact: str
    prefix: str = ""
    suffix: str = ""


@dataclass(frozen=True)
class Reply:
    """An answer to a claim: a statement of its own, never folded into the claim."""

    source: str
    exact: str
    says: str = "denies"
    by: str = ""


@dataclass(frozen=True)
class Claim:
    """One entry of claims.toml. test: one of TESTS; key, value: the configuration field and figure it states.

    sizes: for growth, what it says of the sizes the candidate grew to; key is then the one that was left open.
    """

    id: str
    kind: str
    basis: str
    statement: dict[str, str]
    span: tuple[Span, ...] = ()
    subject: str = ""
    candidates: tuple[str, ...] = ()
    test: str = "none"
    key: str = ""
    value: float | int | None = None
    tolerance: float = 0.0
    sizes: dict[str, int] = field(default_factory=dict)
    if_true: str = ""
    if_false: str = ""
    not_testable: str = ""
    corroborates: tuple[str, ...] = ()
    contradicts: tuple[str, ...] = ()
    reply: tuple[Reply, ...] = ()


@dataclass(frozen=True)
class _File:
    claim: tuple[Claim, ...] = field(default_factory=tuple)


def load_claims(folder: Path, case: CaseFile) -> tuple[Claim, ...]:
    """claims.toml, read strictly; no claims when there is no file.

    Raises: RefusedError on an unknown key, kind, basis or test, a model or claim that is not there, a conduct claim with a
            test (weights show no conduct), or a testable claim without what it would show.
    """
    path = folder / "claims.toml"
    if not exists_inside(folder, "claims.toml"):
        return ()
    claims = read_table(_File, load_toml(folder, "claims.toml"), str(path)).claim
    ids = Counter(c.id.lower() for c in claims)
    names, sources = {c.id for c in claims}, {s.id for s in case.source}
    for claim in claims:
        check_plain("claim id", claim.id, str(path))
        where = f"{path}: {claim.id}"
        if ids[claim.id.lower()] > 1:
            raise refusal(message("case_refused.same_claim_id"), where=where)
        _check_words(claim, where)
        _check_links(claim, case, names, sources, where)
    return claims


def _check_words(claim: Claim, where: str) -> None:
    for name, value, known in (("kind", claim.kind, KINDS), ("basis", claim.basis, BASES), ("test", claim.test, TESTS)):
        if value not in known:
            raise refusal(
                message("case_refused.none_of", what=name, value=repr(value), known=", ".join(known)),
                where=where,
            )
    if claim.kind == "conduct" and claim.test != "none":
        raise refusal(message("case_refused.conduct_test"), where=where)
    if claim.test != "none" and not (claim.if_true and claim.if_false and claim.subject):
        raise refusal(message("case_refused.testable_names"), where=where)
    if claim.test in ("config", "parameters", "layers-added", "growth", "token-cost") and claim.value is None:
        raise refusal(message("case_refused.needs_value", test=claim.test), where=where)
    if claim.test in ("related", "derived", "unrelated", "layers-added", "same-vocabulary", "growth") and not claim.candidates:
        raise refusal(message("case_refused.needs_candidate", test=claim.test), where=where)
    _check_sizes(claim, where)
    if claim.tolerance < 0:
        raise refusal(message("case_refused.tolerance"), where=where)
    for reply in claim.reply:
        if reply.says not in SAYS:
            raise refusal(
                message("case_refused.reply_says", value=repr(reply.says), known=", ".join(SAYS)),
                where=where,
            )


def _check_sizes(claim: Claim, where: str) -> None:
    if claim.test == "token-cost" and claim.key not in COSTED:
        raise refusal(
            message("case_refused.token_cost_of", known=" or ".join(COSTED), key=repr(claim.key)),
            where=where,
        )
    open_ = [claim.key] if claim.key or not claim.sizes else []
    if claim.test == "growth" and not set(GROWN) >= {*open_, *claim.sizes}:
        raise refusal(
            message("case_refused.growth_of", known=", ".join(GROWN)),
            where=where,
            todo=message("case_advice.key_and_sizes"),
        )
    if any(not 0 < size < 2**40 for size in claim.sizes.values()):
        raise refusal(message("case_refused.size_count"), where=where)


def _check_links(claim: Claim, case: CaseFile, ids: set[str], sources: set[str], where: str) -> None:
    for model in (claim.subject, *claim.candidates):
        if model and model not in case.models:
            raise refusal(message("case_refused.model_unlisted", model=repr(model)), where=where)
    for other in (*claim.corroborates, *claim.contradicts):
        if other not in ids:
            raise refusal(message("case_refused.claim_missing", claim=repr(other)), where=where)
    for quoted in [s.source for s in claim.span] + [r.source for r in claim.reply]:
        if quoted not in sources:
            raise refusal(message("case_refused.source_missing", source=repr(quoted)), where=where)


def cited(span: Span | Reply, texts: Sequence[Text]) -> dict[str, object]:
    """The W3C selectors of a quotation, and how it was found: said plainly when the words are gone."""
    text = next((t.extract.text for t in texts if t.source.id == span.source), "")
    prefix, suffix = getattr(span, "prefix", ""), getattr(span, "suffix", "")
    found = locate(Citation(span.source, span.exact, prefix, suffix, -1, -1), text)
    if not found.ok:
        return {
            "source": span.source,
            "selector": [{"type": "TextQuoteSelector", "exact": span.exact}],
            "found": found.how,
        }
    return {**cite(span.source, text, found.start, found.end).as_json(), "found": found.how}
