"""Verbs of attestation: a commitment, a chain of checkpoints, and what the two prove."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from forebear.api.arguments import listed
from forebear.api.document import document_of


@document_of
def attest_commit(
    config: str | Path,
    *,
    seed_from: str,
    initialiser: str | None = None,
    value: str | None = None,
    commitment: str | Path | None = None,
    weights: str | Path | None = None,
) -> Mapping[str, Any]:
    """Commit to a configuration and to the source of a seed; with the seed, the initial weights that follow from it.

    config:      config.json of the model that is going to be trained, or its folder.
    seed_from:   "drand:ROUND", "drand-default:ROUND" or "nist:MINUTE" (minutes since 1970, UTC) for a round to come, or a file.
    initialiser: a program that forebear has, by name; by default the one of the configuration's model_type.
    value:       what the beacon published for that round, hexadecimal; the seed follows from it. Of `drand`, the round's signature
                 instead: it is checked where the extra [attest] is installed, and kept so that others can.
    commitment:  the commitment that was announced, when its value has come.
    weights:     write the initial weights to this safetensors file.
    Returns:     a forebear/commitment/1 document; `announcement` is the digest to publish before the round comes.
    Raises:      RefusedError for a family or initialiser that is not covered, and for a commitment to something else; UsageError.
    Source:      METHODS §19.

    >>> import forebear
    >>> from importlib.resources import files
    >>> demo = files("forebear") / "demo_data"
    >>> document = forebear.attest_commit(demo / "base", seed_from="drand:99999999")
    >>> document["initialiser"]["name"], document["seed_source"]["published"], document["seed"]
    ('transformers-llama', '2033-02-23T20:29:21Z', None)
    """
    from forebear.attest.recording import commit

    given = None if commitment is None else Path(commitment)
    return commit(
        Path(config), seed_from, initialiser=initialiser, value=value, announced=given,
        weights=None if weights is None else Path(weights),
    )  # fmt: skip


@document_of
def attest_record(
    run: str | Path,
    step: int,
    checkpoint: str | Path,
    *,
    log: str | Path | None = None,
    commitment: str | Path | None = None,
) -> Mapping[str, Any]:
    """Add a checkpoint to the chain of a run: its digest, a screen, a few rows, and what the log allowed since the last.

    run:        the folder of the run, made when it is missing; its chain is the file chain.jsonl there, to which one line is added.
    step:       the step after which the checkpoint was saved; a smaller one than the last is a rollback.
    checkpoint: a checkpoint file or folder.
    log:        the log of learning rates up to here: CSV with the columns step,lr,weight_decay, or one JSON object a line. Steps
                count from 0, so that a record at step 20 follows lines 0 to 19; or from 1, where the log begins with step 1.
    commitment: with the first record, the commitment, with its seed.
    Returns:    a forebear/chain/1 document with the record that was added.
    Raises:     RefusedError when something cannot be read or written, UsageError.
    Source:     METHODS §19.

    >>> import forebear, tempfile
    >>> from importlib.resources import files
    >>> demo = files("forebear") / "demo_data"
    >>> run = tempfile.mkdtemp()
    >>> forebear.attest_record(run, 0, demo / "base")["records"], forebear.attest_record(run, 10, demo / "descendant")["records"]
    (1, 2)
    """
    from forebear.attest.recording import record

    return record(
        Path(run), step, checkpoint, log=None if log is None else Path(log),
        commitment=None if commitment is None else Path(commitment),
    )  # fmt: skip


@document_of
def attest_verify(
    chain: str | Path,
    final: str | Path | None = None,
    *,
    checkpoints: Sequence[str | Path] = (),
    against: Sequence[str | Path] = (),
    commitment: str | Path | None = None,
    betas: str | None = None,
    expect: str | None = None,
    stamp_roots: str | Path | None = None,
    log: Sequence[str | Path] = (),
) -> Mapping[str, Any]:
    """What a chain proves of a run, and what it does not, line by line.

    chain:       the chain of a run: its file, or the folder of the run.
    final:       the model that the run ended in.
    checkpoints: checkpoints of the chain that are shown; each is known by its digest. More of them prove more.
    against:     models by name that the final one is compared with.
    commitment:  the commitment with its seed, where the chain does not hold it.
    betas:       the two rates of Adam's running means, which bound its steps (default "0.9,0.999").
    stamp_roots: root certificates (PEM) of time-stamping authorities that you trust; without them no time-stamp is called valid.
    expect:      what has to hold (not-contradicted, explained or start-proven); fail (exit code 1) unless it is met.
    log:         logs that `attest record` was given; held against the digests and sums that the records keep of them.
    Returns:     a forebear/attestation/3 document: `proves` and `does_not_prove`, the second also with what is unexplained or
                 contradicts the chain.
    Raises:      RefusedError when the chain or a checkpoint cannot be read; UsageError; ExpectationError (with the document as its
                 `document`) when `expect` is not met.
    Source:      METHODS §19.

    >>> import forebear, tempfile
    >>> from importlib.resources import files
    >>> demo = files("forebear") / "demo_data"
    >>> run = tempfile.mkdtemp()
    >>> for step, name in ((0, "base"), (10, "independent")):
    ...     _ = forebear.attest_record(run, step, demo / name)
    >>> document = forebear.attest_verify(run, demo / "independent", checkpoints=[demo / "base"])
    >>> document["conclusion"]["outcome"], [line["line"] for line in document["proves"]]
    ('start-not-proven', ['final', 'chain'])
    """
    from forebear.attest.verify import Asking, verify

    given = None if commitment is None else Path(commitment)
    roots = None if stamp_roots is None else Path(stamp_roots)
    logs = tuple(Path(one) for one in listed(log))
    return verify(Asking(Path(chain), final, tuple(listed(checkpoints)), tuple(listed(against)), given, betas, expect, roots, logs))
