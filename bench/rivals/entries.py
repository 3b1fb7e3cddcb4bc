"""The rows of the table: which figure of which method, what it was made for, and what its authors decide by."""

from __future__ import annotations

from dataclasses import dataclass

from bench.scores import Row

CLAIMS = ("identical", "related", "shares-components", "shared-start")
"""Verdicts of forebear that say something is shared."""
IDENTICAL = 1e6


@dataclass(frozen=True)
class Entry:
    """One row.

    figure:    the figure that ranks; "" for the method's score; "verdict" for minus log10 p where the verdict claims
               something, else 0.
    published: the score above which its authors, or the tool, say related; None where they publish no such value.
    words:     that rule in words.
    gated:     it reads gated MLPs only.
    """

    key: str
    title: str
    method: str
    made_for: str
    words: str = "none published"
    figure: str = ""
    published: float | None = None
    gated: bool = False

    def score(self, row: Row) -> float:
        """The value of a row that ranks pairs; larger means related."""
        if self.figure == "verdict":
            return IDENTICAL if row["relation"] == "identical" else -row["log10_p"] if self.claims(row) else 0.0
        return float(row["figures"][self.figure][0] if self.figure else row["score"])

    def claims(self, row: Row) -> bool:
        """The published rule says related. For forebear: its verdict."""
        if self.figure == "verdict":
            return row["relation"] in CLAIMS
        return self.published is not None and self.score(row) > self.published


ENTRIES = (
    Entry(
        "forebear", "forebear, verdict of `compare`", "forebear",
        "shared weights with a known false-positive rate, by an examiner who must not accuse wrongly",
        "its verdict claims something shared", figure="verdict", published=0.0,
    ),
    Entry(
        "forebear-p", "forebear, smallest p alone", "forebear",
        "the same without strength: what exact tests say of an independent that was aligned", "p at most 1e-9",
        published=9.0,
    ),
    Entry("huref-pcs", "HuRef, PCS", "huref-pcs", "naming the base of a released fine-tune, in the base's own coordinates"),
    Entry("huref-ics", "HuRef, ICS", "huref-ics", "the same after channels or neurons were reordered"),
    Entry("awm", "AWM", "awm", "large models after long further training, pruning or growth, channels reordered or negated"),
    Entry("ghostspec", "GhostSpec", "ghostspec", "quick screening by spectra alone, without data, over unlike depths"),
    Entry("self", "SELF, distance", "self", "fingerprints of attention that scaling and reordering leave as they are"),
    Entry(
        "mdir", "MDIR, p of the trace", "mdir", "large models, by their embeddings, with a p-value", "p below 2e-23",
        published=22.699,
    ),
    Entry("mdir-outer", "MDIR, outer map", "mdir-outer", "the same after a rotation of the residual stream"),
    Entry(
        "zhu-up", "Zhu et al., phi_U", "zhu-up", "independence of two training runs in the coordinates they ended in",
        "p below 1e-4", published=4.0,
    ),
    Entry(
        "zhu-match", "Zhu et al., phi_MATCH", "zhu-match", "the same against an owner who rewrites the weights",
        "p below 1e-4", published=4.0, gated=True,
    ),
    Entry("mother", "MoTHer, distance", "mother", "family trees among many models of one architecture"),
    Entry("std-curve", "std-curve", "std-curve", "a first look over layers, from public statistics of large models"),
    Entry("raw-gain-cosine", "raw gain cosine", "raw-gain-cosine", "one of several signals of a scanner, never alone"),
    Entry(
        "provenance-kit", "provenance-kit 1.0.0, its decision", "provenance-kit",
        "scanning hubs for the family of a model; equal configurations end its search", "pipeline score over 0.75",
        published=0.75,
    ),
    Entry(
        "provenance-kit-identity", "provenance-kit 1.0.0, weights only", "provenance-kit",
        "the part of its score that reads weights", "identity score over 0.75", figure="identity",
        published=0.75,
    ),
    Entry(
        "modeldna", "modelDNA 0.1.0", "modeldna", "the base of a released fine-tune or merge, from samples of the file",
        "probability 0.90 or more", published=0.90,
    ),
)  # fmt: skip
