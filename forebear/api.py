"""The public verbs, one per command: each returns a frozen document (forebear.core.documents).

Signature and docstring lines `name: what it is` are the one declaration of a command, of which `forebear.cli` makes options
and help. A verb imports its room when it is called, so that no verb pays for another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Document = Mapping[str, Any]


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
) -> Document:
    """Do the subject and each candidate share weights?

    subject:      the model asked about: a checkpoint, or a folder of models, which is compared pair by pair.
    candidates:   possible relatives: checkpoint files or folders, one or more; a folder of models stands for those in it.
    budget:       tensor bytes read per side, as a number or "64MiB" (default 64MiB).
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
        return compare_many(subject, _listed(candidates), asked)


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
) -> Document:
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


def demo() -> Document:
    """Compare three tiny trained checkpoints that ship with forebear: a base, a descendant of it, an independent.

    Returns: a forebear/matrix/2 document: the base against the other two.

    >>> import forebear
    >>> [pair["relation"] for pair in forebear.demo()["pairs"]]
    ['related', 'no-evidence']
    """
    from forebear.comparison.demo import run_demo

    return run_demo()


def tokenizers_cost(
    paths: Sequence[str | Path],
    *,
    text: str | Path | None = None, corpus: str | Path | None = None, languages: str | None = None, reference: str = "eng",
    width: int = 4096, price: float | None = None, cut: str | None = None,
) -> Document:  # fmt: skip
    """What vocabularies cost per language, losslessness first: a forebear/tokenizer-cost/2 document.

    paths:     tokenizer files or folders, GGUF files with a tokenizer inside, `builtin:one-each`.
    text:      a UTF-8 file instead of the default text (the Universal Declaration of Human Rights).
    corpus:    a folder with a UTF-8 file for each language (jpn.txt), whose lines say the same, instead of the default text.
    languages: which languages to weigh, with commas between (eng,jpn,vie); all by default.
    reference: language that premiums compare with (1.0: as many tokens for the same text).
    width:     channels of the embedding table, for its number of parameters.
    price:     money per million tokens.
    cut:       how a rank file that does not say cuts its text (gpt2, cl100k, ...).
    Returns:   a row per tokenizer and language: tokens, per character and word, premium with interval, Rényi efficiency, unknown.
    Raises:    RefusedError when a tokenizer cannot be read, UsageError.
    Source:    METHODS §15.

    >>> import forebear
    >>> from importlib.resources import files
    >>> document = forebear.tokenizers_cost([files("forebear") / "demo_data" / "base", "builtin:one-each"])
    >>> [(r["tokenizer"], r["tokens"], r["lossless"]) for r in document["rows"] if r["language"] == "eng"]
    [('base', 4183, True), ('builtin:one-each', 2836, True)]
    """
    from forebear.models.published.gguf_tokens import load_tokenizer
    from forebear.tokens.cost import cost

    return cost(paths, text=text, corpus=corpus, languages=languages, reference=reference, width=width, price=price,
                cut=cut, load=load_tokenizer)  # fmt: skip


def tokenizers_lineage(subject: str | Path, candidates: str | Path | Sequence[str | Path]) -> Document:
    """Where a vocabulary comes from, by the order its tokens keep: a forebear/tokenizer-lineage/2 document.

    subject:    the vocabulary asked about: a tokenizer file or folder, or a GGUF file with a tokenizer inside.
    candidates: vocabularies it may come from, one or more.
    Returns: identical, renumbered, extended, trimmed, partly-relearnt, stitched or unrelated; parents, shares from 0 to 1.
    Raises:  RefusedError when a tokenizer cannot be read, UsageError.
    Source:  METHODS §15; thresholds: decision 0007.

    >>> import forebear
    >>> from importlib.resources import files
    >>> demo = files("forebear") / "demo_data"
    >>> document = forebear.tokenizers_lineage(demo / "descendant", demo / "base")
    >>> document["relation"], [(p["name"], p["share"]) for p in document["parents"]]
    ('identical', [('base', 1.0)])
    """
    from forebear.models.published.gguf_tokens import load_tokenizer
    from forebear.tokens.lineage import lineage

    return lineage(subject, _listed(candidates), load=load_tokenizer)


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


def case_align(folder: str | Path, *, only: Sequence[str] = ()) -> Document:
    """Align every translation of a case with its source, sentence by sentence, and texts of one language with each other.

    folder:  the case: a folder of plain files.
    only:    ids of the translations to align again; all by default. Corrections made by hand in case.toml are kept.
    Returns: a forebear/case/2 document; its `alignments` link numbers of segments, each with a score between 0 and 1.
    Raises:  RefusedError when the case cannot be read, UsageError for an id it does not have.

    In the folder made by the example of `case_add`:

    >>> import forebear
    >>> (alignment,) = forebear.case_align("case")["alignments"]
    >>> [(link["left"], link["right"]) for link in alignment["links"]]
    [((0,), (0,)), ((1,), (1,))]
    """
    from forebear.casefile import verbs

    return verbs.case_align(folder, only=only)


def case_check(folder: str | Path) -> Document:
    """Find where the sources of a case disagree, and which names need a ruling.

    folder:  the case: a folder of plain files.
    Returns: a forebear/case/2 document; its `findings` quote both sides and say which of them departs and why.
    Raises:  RefusedError when the case cannot be read or was not aligned.

    In the folder aligned by the example of `case_align`:

    >>> import forebear
    >>> [(finding["rule"], dict(finding["quotes"])) for finding in forebear.case_check("case")["findings"]]
    [('number/value', {'en': '38', 'ja': '48'})]
    """
    from forebear.casefile import verbs

    return verbs.case_check(folder)


def case_run(folder: str | Path, *, claims: Sequence[str] = (), models: Sequence[str] = ()) -> Document:
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


def case_report(folder: str | Path, *, language: str = "en") -> Document:
    """The case as one document with private names replaced; TMX, JSON and CSV are written to its folder report.

    folder:   the case: a folder of plain files.
    language: language of the reader, whose column comes first and whose words the tables (CSV) have.
    Returns:  a forebear/case/2 document.
    Raises:   ExpectationError until every name candidate has a ruling (public, private or not-a-name) in case.toml;
              RefusedError when a private name could leak in a spelling that cannot be worked out.

    In the folder checked by the example of `case_check`:

    >>> import forebear
    >>> forebear.case_report("case")["title"]
    'An invented case'
    """
    from forebear.casefile import verbs
    from forebear.reports.cases.first import words_of

    return verbs.case_report(folder, language=language, say=words_of(language).text)


def case_seal(
    folder: str | Path, target: str | Path, *, key: str | Path | None = None, report_only: bool = False
) -> Document:
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

    return verbs.case_seal(folder, target, key=key, report_only=report_only)


def case_verify(folder: str | Path, *, key: str | Path | None = None, original: str | Path | None = None) -> Document:
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

    return verbs.case_verify(folder, key=key, original=original)
