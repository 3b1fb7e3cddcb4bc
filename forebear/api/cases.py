"""Verbs on case files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from forebear.api.comparing import compare
from forebear.api.document import Document, document_of


@document_of
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
) -> Mapping[str, Any]:
    """Add a source to a case; the case is made when FOLDER has none.

    folder:     the case: a folder of plain files.
    file:       text, Markdown or HTML; anything else is kept as bytes, with a transcript.
    language:   language of the source: zh, ja, en, ...
    script:     script of the source: Hans, Hant, ...
    id:         name of the source inside the case.
    role:       original, translation, machine-conversion, statement or reply.
    of:         the source it was made from.
    version:    version of the source.
    date:       date of the source.
    encoding:   encoding, where it is not UTF-8.
    conversion: OpenCC configuration of a machine conversion (s2t, s2twp, ...).
    transcript: text of a PDF or picture.
    as_bytes:   keep the file as bytes without reading text from it.
    trust_language: take the language as stated, although the text looks like another one.
    by:         who obtained it.
    when:       when it was obtained.
    where:      where it was obtained.
    title:      title of a new case.
    Returns:  a forebear/case/2 document.
    Raises:   RefusedError, UsageError; nothing is stored then.

    >>> import forebear
    >>> from pathlib import Path
    >>> _ = Path("en.txt").write_text("The model has 38 layers. It was trained on 512 chips.", "utf-8")
    >>> _ = Path("ja.txt").write_text("このモデルは48層である。512個のチップで訓練した。", "utf-8")
    >>> _ = forebear.case_add("case", "en.txt", language="en", title="An invented case")
    >>> document = forebear.case_add("case", "ja.txt", language="ja", role="translation", of="en")
    >>> [(source["id"], source["segments"]) for source in document["sources"]]
    [('en', 2), ('ja', 2)]
    """
    from forebear.casefile import verbs

    said = verbs.Addition(language, script, id, role, of, version, date, encoding, conversion, transcript, as_bytes,
                          trust_language, by, when, where)  # fmt: skip
    return verbs.case_add(folder, file, said, title)


@document_of
def case_align(
    folder: str | Path, *, only: Sequence[str] = (), semantic: str | Path | None = None
) -> Mapping[str, Any]:
    """Align every translation of a case with its source, sentence by sentence, and texts of one language with each other.

    folder:   the case: a folder of plain files.
    only:     ids of the translations to align again; all by default. Corrections made by hand in case.toml are kept.
    semantic: folder of a sentence model exported to ONNX (extra `semantic`): which sentences it finds alike counts as one more sign
              of a link, never as a finding.
    Returns:  a forebear/case/2 document; its `alignments` link up to eight segments with up to eight by their numbers, each with a
              score between 0 and 1 and `by` (rule, model where a sentence model had a say, or hand).
    Raises:   RefusedError when the case or the model cannot be read, UsageError for an id it does not have.

    In the folder made by the example of `case_add`:

    >>> import forebear
    >>> (alignment,) = forebear.case_align("case")["alignments"]
    >>> [(link["left"], link["right"]) for link in alignment["links"]]
    [((0,), (0,)), ((1,), (1,))]
    """
    from forebear.casefile import verbs

    return verbs.case_align(folder, only=only, semantic=semantic)


@document_of
def case_check(folder: str | Path, *, all: bool = False) -> Mapping[str, Any]:
    """Find where the sources of a case disagree, and which names need a ruling.

    folder:  the case: a folder of plain files.
    all:     list findings of kinds that were true less often than nine times in ten, or were not measured; without it they are
             only counted (`counted`).
    Returns: a forebear/case/2 document; its `findings`, the gravest first, quote both sides and say which of them departs and why.
    Raises:  RefusedError when the case cannot be read or was not aligned.

    In the folder aligned by the example of `case_align`:

    >>> import forebear
    >>> document = forebear.case_check("case")
    >>> document["counted"]["told"], document["counted"]["to_look_at"]
    (1, 0)
    >>> document = forebear.case_check("case", all=True)
    >>> [(f["rule"], dict(f["quotes"])) for f in document["findings"]]
    [('number/value', {'en': '38', 'ja': '48'})]
    """
    from forebear.casefile import verbs

    return verbs.case_check(folder, all)


@document_of
def case_rule(folder: str | Path, finding: str, ruling: str, *, why: str) -> Mapping[str, Any]:
    """Rule on a finding of a case: accepted or dismissed, with a reason. It is kept, shown beside the finding, and deletes nothing.

    folder:  the case: a folder of plain files.
    finding: its id, or the first four digits or more of it, as `case_check` with `all=True` lists them.
    ruling:  accepted (the texts do depart there) or dismissed (they do not). A finding ruled on is always listed; one that is
             dismissed is folded and not counted among those told.
    why:     the reason, on one line. It is published with the finding, private names replaced as everywhere.
    Returns: a forebear/case/2 document with that finding alone; the ruling is in rulings.toml. It is tied to what the finding
             says, so it holds when the texts change a little, and for every finding of the same words.
    Raises:  RefusedError when the case cannot be read, UsageError when no finding or several have such an id, or for another
             ruling; nothing is written then.

    In the folder checked by the example of `case_check`:

    >>> import forebear
    >>> (finding,) = forebear.case_check("case", all=True)["findings"]
    >>> (ruled,) = forebear.case_rule("case", finding["id"], "accepted", why="the original says 38")["findings"]
    >>> dict(ruled["ruling"])
    {'ruling': 'accepted', 'why': 'the original says 38'}
    """
    from forebear.casefile import verbs

    return verbs.case_rule(folder, finding, ruling, why)


@document_of
def case_claims(folder: str | Path) -> Mapping[str, Any]:
    """Propose claims from the sentences of a case: figures, descent, vocabularies, steps, class names. Nothing is decided.

    folder:  the case: a folder of plain files.
    Returns: a forebear/case/2 document with the `proposed` claims, each with its kind, its `basis` (`known`: whether the sentence
             says how its writer knows), the test it would have and a command;
             hidden names and names that nobody ruled on are replaced. They are written to claims.proposed.toml in the form of
             claims.toml, for the owner to take from; claims.toml itself is never written, and sentences that it quotes are not
             proposed again.
    Raises:  RefusedError when the case or its claims cannot be read.

    In the folder made by the example of `case_add`:

    >>> import forebear
    >>> [(claim["kind"], claim["test"]) for claim in forebear.case_claims("case")["proposed"]]
    [('architecture', 'config')]
    """
    from forebear.casefile import verbs

    return verbs.case_claims(folder)


@document_of
def case_run(folder: str | Path, *, claims: Sequence[str] = (), models: Sequence[str] = ()) -> Mapping[str, Any]:
    """Run what the claims of a case can be tested for on the files that case.toml names, and nothing else.

    folder:  the case: a folder of plain files.
    claims:  ids of the claims to run; all by default.
    models:  "ID=PATH": where a model lies that case.toml places outside the case folder.
    Returns: a forebear/case/2 document; the status of each claim is borne-out, contradicted, not-decided, not-testable or
             not-tested (docs/claims.md).
    Raises:  RefusedError when the case or its claims cannot be read, UsageError for an id it does not have.

    In the folder made by the example of `case_add`:

    >>> import forebear
    >>> from importlib.resources import files
    >>> from pathlib import Path
    >>> _ = Path("case/config.json").write_bytes((files("forebear") / "demo_data" / "base" / "config.json").read_bytes())
    >>> with Path("case/case.toml").open("a", encoding="utf-8") as file:
    ...     _ = file.write('\\n[models]\\nmodel = "config.json"\\n')
    >>> _ = Path("case/claims.toml").write_text('''
    ... [[claim]]
    ... id = "layers"
    ... kind = "architecture"
    ... basis = "hearsay"
    ... subject = "model"
    ... test = "config"
    ... key = "num_hidden_layers"
    ... value = 38
    ... if_true = "the configuration says 38"
    ... if_false = "the configuration says another number"
    ... statement = { en = "The model has 38 layers." }
    ... span = [{ source = "en", exact = "The model has 38 layers." }]
    ... ''', "utf-8")
    >>> [(claim["id"], claim["status"]) for claim in forebear.case_run("case")["claims"]]
    [('layers', 'contradicted')]
    """
    from forebear.casefile import verbs

    return verbs.case_run(folder, claims=claims, models=models, compare=compare)


@document_of
def case_names(
    folder: str | Path,
    *,
    private: Sequence[str] = (),
    public: Sequence[str] = (),
    not_a_name: Sequence[str] = (),
    organisation: Sequence[str] = (),
    product: Sequence[str] = (),
    place: Sequence[str] = (),
    all_public: Sequence[str] = (),
    all_private: bool = False,
) -> Mapping[str, Any]:
    """Rule on names, with every form of each; without a ruling, list those that wait for one.

    folder:      the case: a folder of plain files.
    private:     names or pseudonyms of people to hide: any form of a person, who is hidden in every form and in every text; also a
                 name that stands in a text and that nobody proposed.
    public:      names that may be published; their other forms wait for rulings of their own.
    not_a_name:  words that name nobody; a whole sentence of a source may be said so.
    organisation: names of firms, offices and the like. Such a name, also of the two next kinds, is no person's: it is public, or
                 hidden as it stands alone where `private` has it too.
    product:     names of models, data sets, machines, works.
    place:       names of places.
    all_public:  kinds (organisation, product, place): every waiting name that the texts show to be of one is public.
    all_private: hide everybody who has no ruling yet. Names of firms and products keep theirs.
    Returns:     a forebear/case/2 document: how many names have which ruling (`ruled`), those that this call hid without being
                 asked for them by name (`guessed`: `name`, `person`), those `waiting` with the `kind` that each
                 looks like, those by person (`people`: pseudonym or "", `names`, and `shared` with others), names that stand in
                 each other's place and stay two people's (`across`), and once nothing waits
                 the words that a report `withheld` most often. It is for the owner of the case and holds names.
    Raises:      RefusedError (also where a ruling keeps what another hides in other letters), UsageError; nothing is written then.

    In the folder made by the example of `case_add`:

    >>> import forebear
    >>> forebear.case_names("case", all_private=True)["waiting"]
    ()
    """
    from forebear.casefile import verbs
    from forebear.reports.cases.first import every_word

    kinds = {"organisation": organisation, "product": product, "place": place}
    asked = verbs.Rulings(private, public, not_a_name, all_private, {k: w for k, w in kinds.items() if w}, all_public)
    return verbs.case_names(folder, asked, every_word())


@document_of
def case_report(folder: str | Path, *, language: str = "en", all: bool = False) -> Mapping[str, Any]:
    """The case as one document with private names replaced; TMX, JSON and CSV are written to its folder report.

    folder:   the case: a folder of plain files.
    language: language of the reader, whose column comes first and whose words the tables (CSV) have.
    all:      as in a check: list what is only counted as to look at as well.
    Returns:  a forebear/case/2 document.
    Raises:   ExpectationError until every name candidate has a ruling (public, private or not-a-name) in case.toml;
              RefusedError when a private name could leak in a spelling that cannot be worked out.

    In the folder checked by the example of `case_check`:

    >>> import forebear
    >>> forebear.case_report("case")["title"]
    'An invented case'
    """
    from forebear.casefile import verbs
    from forebear.reports.cases.first import every_word, words_of

    own = every_word()
    document = verbs.case_report(folder, language=language, say=words_of(language).text, own=own, every=all)
    return Document(document, lambda files: verbs.refuse_names(folder, files, own))


@document_of
def case_seal(
    folder: str | Path, target: str | Path, *, key: str | Path | None = None, report_only: bool = False
) -> Mapping[str, Any]:
    """Copy a case, or its report alone, into a BagIt bag at TARGET, signed with a local key file when one is given.

    folder:      the case: a folder of plain files.
    target:      where the sealed copy is made: a folder that does not exist yet.
    key:         a key file of at least 32 bytes that its owner keeps, for the Ed25519 signature.
    report_only: seal the report alone, where private names are replaced; the whole case has them.
    Returns:     a forebear/case/2 document with the files `sealed`, whether it is `signed`, and the `public_key`.
    Raises:      RefusedError, UsageError; nothing is written then.

    In the folder made by the example of `case_add`:

    >>> import forebear
    >>> document = forebear.case_seal("case", "bag")
    >>> "sources/en.txt" in document["sealed"], document["signed"]
    (True, False)
    """
    from forebear.casefile import verbs
    from forebear.reports.cases.first import every_word

    return verbs.case_seal(folder, target, key=key, report_only=report_only, own=every_word())


@document_of
def case_verify(
    folder: str | Path, *, key: str | Path | None = None, original: str | Path | None = None
) -> Mapping[str, Any]:
    """What of a sealed case was altered, file by file and byte range by byte range, and whose key signed it.

    folder:   the sealed case: a BagIt bag.
    key:      the owner's key file, or a public key.
    original: an unaltered copy: ranges are then exact to the byte.
    Returns:  a forebear/case/2 document with `intact`, `changes`, `signed` and `public_key`.
    Raises:   ExpectationError (with the document as its `document`) when anything was altered; RefusedError when a
              signature fits neither these files nor this key.

    With the bag made by the example of `case_seal`:

    >>> import forebear
    >>> from pathlib import Path
    >>> forebear.case_verify("bag")["intact"]
    True
    >>> _ = Path("bag/data/sources/en.txt").write_text("The model has 48 layers.", "utf-8")
    >>> forebear.case_verify("bag")
    Traceback (most recent call last):
    ...
    forebear.core.errors.ExpectationError: ...
    """
    from forebear.casefile import verbs
    from forebear.files.sources import require_there

    if original is not None:  # a copy that is missing would be taken for one that has nothing to tell
        require_there(original)
    return verbs.case_verify(folder, key=key, original=original)
