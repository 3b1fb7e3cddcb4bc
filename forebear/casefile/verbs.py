"""The verbs of `forebear case`, as forebear.api calls them: each does its work in the folder and returns a document."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from forebear.casefile.bitext.bitext import Text, align_texts
from forebear.casefile.bitext.semantic import load_embedder
from forebear.casefile.checks.checker import check_case
from forebear.casefile.checks.names import undecided, with_candidates, with_pseudonyms
from forebear.casefile.checks.pair import Knowledge
from forebear.casefile.claims.claims import Claim, load_claims
from forebear.casefile.claims.propose import as_toml, propose
from forebear.casefile.claims.run import Compare, Models, Outcome, models_given, run_claim
from forebear.casefile.document import (
    again,
    case_document,
    findings_today,
    linked_as,
    load_alignments,
    pair_names,
    read_texts,
    stated,
)
from forebear.casefile.folder.add import Addition, add_source
from forebear.casefile.folder.export import Say, by_key, exports
from forebear.casefile.folder.folder import MAX_BYTES_SOURCE, load_case, save_case, unrecorded
from forebear.casefile.folder.model import CaseFile
from forebear.casefile.folder.place import files_of, inside, read_inside, write_inside
from forebear.casefile.folder.seal import Signature, seal_case, signer, verify_seal
from forebear.casefile.privacy.alike import settled
from forebear.casefile.privacy.guard import counterparts, leaks, proposed, standing
from forebear.casefile.privacy.lacking import shown_of
from forebear.casefile.privacy.owner import covered, guessed, of_names
from forebear.casefile.privacy.ruling import (
    NOTHING_READ,
    Files,
    Rulings,
    all_read,
    language_of,
    of_other_words,
    prepared,
    ruled,
    strangers,
    unruled,
    whole,
)
from forebear.casefile.privacy.search import Search, search_of
from forebear.casefile.privacy.withheld import Withheld
from forebear.casefile.records import (
    is_checked,
    load_findings,
    load_outcomes,
    save_alignment,
    save_findings,
    save_outcome,
)
from forebear.casefile.rulings import content_of, load_rulings, rule, ruled_on
from forebear.core.errors import ExpectationError, RefusedError, UsageError
from forebear.core.messages import Message, message, with_texts
from forebear.core.progress import within

Document = Mapping[str, Any]


def case_add(folder: str | Path, file: str | Path, said: Addition, title: str = "") -> Document:
    """Add a source to a case; the case is made when FOLDER holds none (see `forebear.case_add`).

    Returns: the case document. Raises: RefusedError, UsageError; nothing is stored then.
    """
    start = time.monotonic()
    case, source = add_source(Path(folder), Path(file), said, title)
    limits = [message("limit.side", side=source.id, what=one.said()) for one in source.seen]
    return _document(Path(folder), case, start, again("add", folder, file, **stated(said), title=title), limits)


def case_align(folder: str | Path, *, only: Sequence[str] = (), semantic: str | Path | None = None) -> Document:
    """Align every translation with its source, and texts of one language with each other.

    only:     ids of the right-hand sources to align again; all by default. Hand corrections of case.toml are kept.
    semantic: folder of a sentence model, whose likeness of meaning counts as one more sign of a link.
    Returns: the case document with its alignments, written to alignments/.
    """
    start, root = time.monotonic(), Path(folder)
    case = load_case(root)
    texts = read_texts(root, case)
    unknown = set(only) - set(texts)
    if unknown:
        raise UsageError(f"no readable source {sorted(unknown)[0]!r}", todo=f"Sources: {', '.join(texts)}.")
    embed = load_embedder(Path(semantic)) if semantic else None
    linked = []
    for left, right in pair_names(case, texts):
        if not only or right in only:
            links = align_texts(texts[left], texts[right], case.correction, embed)
            save_alignment(root, texts[left], texts[right], links)
            linked.append(linked_as(left, right, links))
    extra = {"linked": linked}
    return _document(root, case, start, again("align", folder, only=only, semantic=semantic), extra=extra)


def case_check(folder: str | Path, every: bool = False) -> Document:
    """Find where the sources disagree, and which names need a ruling. Names are proposed first: one run finds all there is.

    every: list what is only counted as to look at as well.
    Returns: the case document; findings are written to findings/, new name candidates to case.toml as undecided.
    """
    start, root = time.monotonic(), Path(folder)
    case = load_case(root)
    texts = read_texts(root, case)
    links = load_alignments(root, case, texts)
    named = with_candidates(case, texts.values())
    save_findings(root, check_case(texts, links, Knowledge(named.name, named.alias)))
    if named is not case:
        save_case(root, named)
    return _document(root, named, start, again("check", folder, all=every), every=every)


def case_rule(folder: str | Path, finding: str, ruling: str, why: str) -> Document:
    """Keep a ruling on a finding in rulings.toml (see `forebear.case_rule`).

    Returns: the case document with that finding alone. Raises: RefusedError, UsageError; nothing is written then.
    """
    start, root = time.monotonic(), Path(folder)
    case = load_case(root)
    texts = read_texts(root, case)
    key = rule(root, load_findings(root, case, texts), texts, finding, ruling, why)
    return _document(root, case, start, again("rule", folder, finding, ruling, why=why), only=key, extra={"ruled_on": key})


PROPOSED = "claims.proposed.toml"


def case_claims(folder: str | Path) -> Document:
    """Propose claims from the sentences of the originals (see `forebear.case_claims`).

    Returns: the case document with `proposed`; the proposals are written to claims.proposed.toml, claims.toml is left as it is.
    """
    start, root = time.monotonic(), Path(folder)
    case = load_case(root)
    found = propose(case, list(read_texts(root, case).values()), load_claims(root, case))
    write_inside(root, PROPOSED, as_toml(found))
    hidden = search_of(with_pseudonyms(case), ("private", "undecided"))
    rows = [{"id": p.claim.id, "kind": p.claim.kind, "test": p.test, "basis": p.claim.basis, "known": p.known,
             "command": hidden.replaced(p.command),
             "statement": hidden.replaced("".join(p.claim.statement.values()))} for p in found]  # fmt: skip
    waiting = [message("case_claims_later.waiting", count=n)] if (n := len(undecided(case))) else []
    return _document(root, case, start, again("claims", folder), waiting, extra={"proposed": rows}, bare=True)


def case_run(
    folder: str | Path, *, compare: Compare, claims: Sequence[str] = (), models: Sequence[str] = ()
) -> Document:
    """Run what the claims of claims.toml can be tested for on the files given, and nothing else.

    compare: (subject, candidates) -> document: the verb forebear.compare.
    claims:  ids to run; all by default.
    models:  "ID=PATH", where the files of a model lie; asked for where case.toml names a place outside the case folder.
    Returns: the case document; what each test returned is written to evidence/.
    """
    start, root = time.monotonic(), Path(folder)
    case = load_case(root)
    given = models_given(case, models)
    every = load_claims(root, case)
    unknown = set(claims) - {c.id for c in every}
    if unknown:
        raise UsageError(f"no claim {sorted(unknown)[0]!r}", todo=f"Claims: {', '.join(c.id for c in every)}.")
    asked = [claim for claim in every if not claims or claim.id in claims]
    for at, claim in enumerate(asked):
        with within(at, len(asked), f"claim {at + 1} of {len(asked)}"):
            save_outcome(root, run_claim(claim, Models(root, case, given), compare))
    return _document(root, case, start, again("run", folder, claims=claims, models=models), extra={"ran": [c.id for c in asked]})


def case_report(
    folder: str | Path, *, language: str = "en", say: Say = by_key, own: str = "", every: bool = False
) -> Document:
    """The case as one document with private names replaced; TMX, JSON and CSV are written to report/.

    language: of the reader: the column put first; say: words for the messages of tables (CSV); every: as in case_check.
    own:      words that forebear itself writes into its reports (see refuse_names).
    Raises:   ExpectationError (exit 1) until every name candidate is ruled public, private or not-a-name; RefusedError when
              a private name could leak in letters that cannot be worked out here.
    """
    start, root = time.monotonic(), Path(folder)
    case = load_case(root)
    texts = read_texts(root, case)
    links = load_alignments(root, case, texts, missing_ok=True)
    case = prepared(case, texts, links)
    search = search_of(case)
    case = proposed(case, of_other_words(case, _other_words(root, case)))
    if undecided(case):
        raise _open(root, case, start, unruled(case))
    if case != load_case(root):
        save_case(root, case)
    shown, command = shown_of(case, search, texts, links, own), again("report", "CASE", all=every)
    document = _document(root, case, start, command, full=True, language=language, search=search, every=every, shown=shown,
                         texts=texts)  # fmt: skip
    found = [*standing(search, document), *counterparts(search, texts, links)]
    said = whole(document)
    found += [p for those in strangers(case, texts.values(), said, own).values() for p in those]
    if len((wider := proposed(case, found)).name) > len(case.name):
        raise _open(root, wider, start, unruled(wider))
    all_read(root, search, texts, links)
    settled(case, root / "case.toml")
    files = {f"report/{name}": data for name, data in exports(document, say).items()}
    refuse_names(root, files, own, search, said)
    for name, data in files.items():
        write_inside(root, name, data)
    return document


def _other_words(root: Path, case: CaseFile) -> list[tuple[str, str]]:
    """Words of a case besides its sources that a report shows, with their languages."""
    claims = load_claims(root, case)
    words = [(language, text) for c in claims for language, text in c.statement.items()]
    words += [("en", text) for c in claims for text in (c.if_true, c.if_false)]
    words += [(language_of(r.why), r.why) for r in load_rulings(root)]
    return [("en", case.title), *words]


def case_names(folder: str | Path, asked: Rulings, own: str = "") -> Document:
    """Rule on many names at once, with every form of each (see `forebear.case_names`).

    Returns: the case document with what the owner sees of its names (privacy/owner.py); rulings are in case.toml.
    Raises:  RefusedError, UsageError; nothing is written then.
    """
    start, root = time.monotonic(), Path(folder)
    case = load_case(root)
    texts = read_texts(root, case)
    links = load_alignments(root, case, texts, missing_ok=True)
    case = before = proposed(prepared(case, texts, links), of_other_words(case, _other_words(root, case)))

    def published(now: CaseFile, search: Search) -> Document:
        return _document(root, now, start, "", full=True, search=search, every=True, texts=texts)

    if asked != Rulings():
        case = ruled(case, texts, links, asked, published, own, root / "case.toml")
    save_case(root, case)
    seen = of_names(case, texts, links, own)
    document = _document(root, case, start, again("names", folder, all_private=asked.everyone), extra=seen, bare=True)
    plain = {"guessed": guessed(before, case, asked.private), "covered": covered(case, texts), "across": seen["across"]}
    return {**document, **plain}  # names as they stand


def _open(root: Path, case: CaseFile, start: float, what: str) -> ExpectationError:
    """The refusal of a report while names wait for a ruling; they are put into case.toml."""
    save_case(root, case)
    extra = {"undecided": undecided(case)}
    refusal = _document(root, case, start, "forebear case report CASE", extra=extra, bare=True)
    todo = (
        "`forebear case names FOLDER` lists them by person; rule with --private, --public or --not-a-name WORD (a whole "
        "sentence that names nobody may be a WORD), or hide all with --all-private."
    )
    return ExpectationError(what, refusal, where=str(root / "case.toml"), todo=todo)


def refuse_names(folder: str | Path, files: Files, own: str, search: Search | None = None, read: Files = NOTHING_READ) -> None:
    """Refuse to publish files that a hidden name, or a name that nobody ruled on, stands in; the last look before they are written.

    files:  name -> bytes. The message says which file, which form and whose pseudonym, never the name; names that nobody
            ruled on are put into case.toml.
    own:    words that forebear itself writes; read: what was looked at before.
    Raises: ExpectationError (exit 1) when there is one, RefusedError when a file is no text.
    """
    start, root, case = time.monotonic(), Path(folder), with_pseudonyms(load_case(Path(folder)))
    if search is None:
        search = search_of(case, ("private", "undecided"))
    found = leaks(search, files)
    if found:
        refusal = _document(root, case, start, "forebear case report CASE", bare=True)
        raise ExpectationError(
            f"a hidden name would be published: {'; '.join(found[:5])}", refusal, where=str(root),
            todo="Give the form in `also` of that name, or rule the word public or not-a-name, and report again.",
        )  # fmt: skip
    unknown = strangers(case, read_texts(root, case).values(), files, own, read)
    if unknown:
        wider = proposed(case, [p for those in unknown.values() for p in those])
        told = "; ".join(f"{search.replaced(name)}: a name that nobody ruled on" for name in list(unknown)[:5])
        raise _open(root, wider, start, f"a name would be published: {told}")


def case_seal(
    folder: str | Path,
    target: str | Path,
    *,
    key: str | Path | None = None,
    report_only: bool = False,
    own: str = "",
) -> Document:
    """Copy the case into a BagIt bag at TARGET, signed (Ed25519) with a local key file when one is given.

    key:         32 bytes or more, kept by its owner; the document names the public key by which others can check.
    report_only: seal report/ alone, where private names are replaced; the whole case holds them.
    own:         words that forebear itself writes into its reports (see refuse_names).
    Raises:      RefusedError, UsageError; nothing is written then.
    """
    start, root = time.monotonic(), Path(folder)
    case = load_case(root)
    if report_only:
        report = inside(root, "report")
        names = files_of(report, hidden=False, leave=Path(target)) if report.is_dir() else []
        refuse_names(root, {f"report/{n}": read_inside(report, n, MAX_BYTES_SOURCE) for n in names}, own)
    seal = seal_case(root, Path(target), Path(key) if key else None, "report" if report_only else "")
    private = sum(n.ruling in ("private", "undecided") for n in case.name)
    said: list[Message | str] = []
    if not report_only:
        said.append(message("case.seal_private", count=private))
    if not any(name.endswith(".html") for name in seal.files):
        said.append(message("case_seal.no_page"))
    if seal.unfinished:
        said.append(message("case.seal_unfinished", count=len(seal.unfinished), first=str(seal.unfinished[0])))
    extra = {
        "sealed": list(seal.files),
        "signed": bool(seal.public),
        "public_key": seal.public,
        "private": not report_only,
    }
    done = again("seal", folder, target, key=key, report_only=report_only)
    return _document(root, case, start, done, said, extra=extra, bare=True)


def case_verify(folder: str | Path, *, key: str | Path | None = None, original: str | Path | None = None) -> Document:
    """What of a sealed case was altered, file by file and byte range by byte range, and whose key signed it.

    folder:  the bag; key: the owner's key file or a public key; original: an unaltered copy, which makes ranges exact.
    Raises:  ExpectationError (exit 1) with the document as its `document` when anything was altered; RefusedError when a
             signature fits neither these manifests nor this key.
    """
    start, bag = time.monotonic(), Path(folder)
    changes = verify_seal(bag, Path(original) if original else None)
    said: list[Message | str] = []
    try:
        signature = signer(bag, Path(key) if key else None)
    except RefusedError as error:
        if not changes:
            raise
        signature = Signature("wrong")
        said.append(error.message())
    listed = [
        {"file": c.file, "what": message(f"change.{c.what}", count=c.by), "ranges": [list(r) for r in c.ranges]}
        for c in changes
    ]
    extra = {
        "changes": listed, "intact": not changes, "signed": signature.state == "valid", "signature": signature.state,
        "public_key": signature.public,
    }  # fmt: skip
    if signature.state == "valid" and not key:
        said.append(message("case.signer_unknown"))
    if signature.state == "not checked":
        said.append(message("case.signature_unchecked"))
    if signature.state == "none":
        said.append(message("case.no_signature"))
    empty = CaseFile(schema="", title=bag.name)
    document = _document(bag, empty, start, again("verify", folder, key=key, original=original), said, extra=extra, bare=True)
    if changes:
        shown = "; ".join(c.told() for c in changes[:5])
        many = f"{len(changes)} files differ" if changes[1:] else "1 file differs"
        raise ExpectationError(f"{many} from the seal: {shown}", document, where=str(bag))
    return document


def _document(
    root: Path, case: CaseFile, start: float, command: str, limits: Sequence[Message | str] = (), *, full: bool = False,
    language: str = "en", extra: Mapping[str, Any] | None = None, bare: bool = False, search: Search | None = None,
    every: bool = False, only: str = "", shown: Withheld | None = None, texts: Mapping[str, Text] | None = None,
) -> Document:  # fmt: skip
    stray = [] if bare else unrecorded(root, case)
    notes: list[Message | str] = [*limits, *(message("case.not_recorded", name=name) for name in stray)]
    texts = {} if bare else texts or read_texts(root, case)
    claims: Sequence[Claim] = ()
    if full:
        # a report names no place of this machine
        notes = with_texts(notes, lambda text: text.replace(str(root.resolve()), "CASE").replace(str(root), "CASE"))
    try:
        claims = () if bare else load_claims(root, case)
    except RefusedError as error:
        if full or command.startswith("forebear case run"):
            raise
        # adding, aligning and checking texts does not hang on the claims
        notes.append(message("case.claims_unread", why=error.message()))
    outcomes: dict[str, Outcome] = {} if bare else load_outcomes(root)
    links = {} if bare else load_alignments(root, case, texts, missing_ok=True)
    found, waiting = ([], []) if bare else findings_today(root, case, texts)
    rulings, lost = ruled_on([] if bare else load_rulings(root), found, texts)
    notes += [*waiting, *([message("case_rulings.lost", count=lost)] if lost else [])]
    pairs = [one for one in zip(found, rulings, strict=True) if not only or content_of(one[0], texts).id() == only]
    return case_document(
        case, texts, links, pairs, claims, outcomes, limits=notes,
        seconds=time.monotonic() - start, reproduce=command, full=full, language=language, search=search, every=every, shown=shown,
        compared=is_checked(root) and (full or command.startswith("forebear case check")),
        extra={"checked": bare or is_checked(root), **(extra or {})},
    )  # fmt: skip


__all__ = ["Addition", "Rulings", "case_add", "case_align", "case_check", "case_claims", "case_names", "case_report", "case_rule",
           "case_run", "case_seal", "case_verify"]  # fmt: skip
