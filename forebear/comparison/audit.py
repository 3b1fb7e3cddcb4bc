"""The index audit of both files, before anything decides: an axis whose order carries content is withheld (METHODS §8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import numpy as np

from forebear.comparison.findings.axes import AxisPlan
from forebear.comparison.findings.evidence import Axis, Deck, Evidence
from forebear.comparison.reading.allowance import row_bytes
from forebear.comparison.reading.pair import Pair
from forebear.comparison.reading.shelf import MAX_KEYS, SHELF_LAYERS, Key, Shelf, Shelved
from forebear.comparison.reading.vocabulary import SharedRows
from forebear.comparison.thresholds import COPIED_ROWS
from forebear.core.messages import Message, message
from forebear.files.base import Float32
from forebear.models.checkpoint import Checkpoint
from forebear.stats.audit import (
    AuditFinding,
    cloned_units,
    gate_and_up,
    mismatched_decks,
    neighbours,
    norm_against_index,
    row_norms,
    self_decks,
    sign_convention,
)
from forebear.stats.audit_basis import CHANNELS, channel_basis
from forebear.stats.audit_positions import sinusoid_positions
from forebear.stats.deck import deck
from forebear.stats.many_decks import decks_among
from forebear.stats.tables import follows_a_formula

TESTED_AXES = ("channel", "neuron", "value", "kv_head", "qk", "expert", "group")
MAX_POSITIONS = 128
BASIS_TOKENS = 256
MAX_TABLE = 512
"""Rows and columns of a table that are looked at for a formula."""


@dataclass
class Audit:
    """Entries for the document, and what they withhold: "channels", or "values:sign" for one symmetry of an axis."""

    entries: list[dict[str, Any]] = field(default_factory=list)
    withheld: dict[str, list[Message]] = field(default_factory=dict)
    drop_first_channel: bool = False

    def judged(self, evidence: Evidence) -> Evidence:
        """Evidence on an axis that failed the audit is reported and does not decide (METHODS §8)."""
        for key, reasons in self.withheld.items():
            axis, _, symmetry = key.partition(":")
            if evidence.label.startswith(axis) and symmetry in ("", evidence.symmetry):
                return replace(evidence, decides=False, withheld=tuple(reasons))
        return evidence

    def add(self, side: str, axis: str, finding: AuditFinding, withholds: str) -> None:
        """Record one look; an alarm withholds."""
        self.entries.append(
            {
                "check": finding.name,
                "checkpoint": side,
                "axis": axis,
                "value": round(finding.value, 4),
                "expected": round(finding.expected, 4),
                "threshold": None if finding.threshold is None else round(finding.threshold, 4),
                "alarm": finding.alarm,
                "words": finding.words,
            }
        )
        if not finding.alarm:
            return
        if finding.consequence == "drop the first unit":
            self.drop_first_channel = True
            return
        key = f"{axis}:sign" if finding.consequence == "withhold the sign test" else withholds
        self.withhold(key, side, axis, finding.words)

    def withhold(self, key: str, side: str, axis: str, why: Message) -> None:
        """Withhold an axis, or one symmetry of it, for a reason."""
        units, checkpoint = message(f"term.{axis}"), message(f"term.{side}")
        self.withheld.setdefault(key, []).append(message("audit.reason", units=units, side=checkpoint, why=why))


def audit_channels(pair: Pair, columns: tuple[Float32, Float32] | None, rows: SharedRows | None, audit: Audit) -> None:
    """Channel basis of both embeddings, signs where they may decide, and position tables."""
    for index, (side, checkpoint) in enumerate((("subject", pair.subject), ("candidate", pair.candidate))):
        _architecture(side, checkpoint, audit)
        if columns is not None:
            for finding in channel_basis(columns[index][:, :BASIS_TOKENS]):
                audit.add(side, "channels", finding, "channels")
            rule = checkpoint.axis("channel")
            if rule is not None and rule.sign and rows is not None:
                raw = (rows.a, rows.b)[index][:BASIS_TOKENS].T  # uncentred: centred columns have no sum to look at
                audit.add(side, "channels", sign_convention(np.ascontiguousarray(raw), what=CHANNELS), "channels:sign")
        _positions(side, checkpoint, pair, audit)


def _architecture(side: str, checkpoint: Checkpoint, audit: Audit) -> None:
    """Axes that this configuration withholds although the family has them (ALiBi, sinusoids)."""
    known = checkpoint.definition.axes if checkpoint.definition is not None else {}
    for name in TESTED_AXES:
        rule, general = checkpoint.axis(name), known.get(name)
        if rule is None or rule.withheld is None or (general is not None and general.withheld == rule.withheld):
            continue
        axis = {"kv_head": "heads", "channel": "channels", "neuron": "neurons", "value": "values"}.get(name, name)
        words = message("audit.definition", why=rule.withheld)
        audit.entries.append(
            {"check": "architecture", "checkpoint": side, "axis": axis, "alarm": True, "words": words, "value": 1.0,
             "expected": 0.0, "threshold": None}
        )  # fmt: skip
        audit.withhold(axis, side, axis, words)


def audit_table(rows: SharedRows | None, evidence: Iterable[Evidence], audit: Audit) -> None:
    """Withhold channels of tables that agree to within a cast because both follow a formula (waves over ids, their bits).

    evidence: of channels; only where it finds columns so close are rows looked at.
    """
    decks = [e.figures for e in evidence if e.axis is Axis.CHANNELS and isinstance(e.figures, Deck)]
    if rows is None or not any((one.median_cosine or 0.0) >= COPIED_ROWS for one in decks):
        return
    for side, table in (("subject", rows.a), ("candidate", rows.b)):
        if follows_a_formula(table[:MAX_TABLE, :MAX_TABLE]):
            words = message("table_audit.formula")
            audit.entries.append(
                {"check": "formula", "checkpoint": side, "axis": "channels", "alarm": True, "words": words, "value": 1.0,
                 "expected": 0.0, "threshold": None}
            )  # fmt: skip
            audit.withhold("channels", side, "channels", words)


def _positions(side: str, checkpoint: Checkpoint, pair: Pair, audit: Audit) -> None:
    piece = checkpoint.piece("positions")
    if piece is None or not piece.has("channel") or not piece.whole or len(piece.shape) != 2:
        return
    rows = min(piece.shape[0], MAX_POSITIONS)
    cost = rows * row_bytes(checkpoint, piece.tensor)
    if not pair.allowance.allows(cost, cost, message("budget.positions")):
        return
    table = checkpoint.container.rows(piece.tensor, 0, rows)
    audit.add(side, "channels", sinusoid_positions(table), "channels")


def audit_private(plan: AxisPlan, shelf: Shelf, pairs: Iterable[tuple[int, int]], audit: Audit) -> None:
    """Order, clones and keys of one private axis on either side; layers that do not belong together across both.

    Units drawn with one key or copied withhold both symmetries: their coins are not independent, so neither is their order.
    """
    for side, kept in (("subject", shelf.subject), ("candidate", shelf.candidate)):
        layers = [kept[k] for k in sorted(kept)]
        looks = float(max(1, len(layers)))
        for finding in _worst([_order_looks(s, plan, looks) for s in layers]):
            audit.add(side, plan.label, finding, f"{plan.label}:order")
        for finding in _worst([_clone_looks(s, plan, looks) for s in layers]):
            audit.add(side, plan.label, finding, plan.label)
        for what, matched in _key_decks(shelf.keys[side]).items():
            if matched:
                units = message("found.of_component", axis=plan.said, part=message(f"term.{what}"))
                audit.add(side, plan.label, self_decks(matched, what=units), plan.label)
        found = [
            sign_convention(
                rows,
                looks=float(len(shelf.signs[side])),
                what=message("audit.in_part", units=plan.said, part=message(f"part.{part}")),
            )
            for part, rows in shelf.signs[side]
        ]
        for finding in _worst([found]):
            audit.add(side, plan.label, finding, f"{plan.label}:sign")
        if shelf.gate_up[side]:
            coupled = [gate_and_up(g, u) for g, u in shelf.gate_up[side]]
            audit.add(side, plan.label, max(coupled, key=lambda f: f.value), f"{plan.label}:order")
    _mismatched(plan, shelf, set(pairs), audit)


def _key_decks(keys: Mapping[Key, Float32]) -> dict[str, list[int]]:
    """Decks between layers, between experts of a layer, between blocks (heads) of an expert: about one match is expected."""
    matched: dict[str, list[int]] = {"layers": [], "experts": [], "heads": []}
    layers = [k for k in sorted(keys) if k[1] == 0 and k[2] == -1]
    matched["layers"] = _upper([keys[k] for k in layers[:MAX_KEYS]])
    for layer in layers[:SHELF_LAYERS]:
        experts = [k for k in sorted(keys) if k[0] == layer[0] and k[2] == -1]
        matched["experts"] += _upper([keys[k] for k in experts])
        heads = [k for k in sorted(keys) if k[:2] == layer[:2] and k[2] >= 0]
        matched["heads"] += _upper([keys[k] for k in heads])
    return matched


def _upper(groups: list[Float32]) -> list[int]:
    """Matches of every two groups, each pair once."""
    matched = decks_among(groups)
    return [int(matched[i, j]) for i, j in combinations(range(len(groups)), 2)]


def _deck_of(a: Float32, b: Float32) -> int:
    """Matches over the units and features that both have; a tight budget may have left one layer fewer."""
    size, features = min(len(a), len(b)), min(a.shape[1], b.shape[1])
    return deck(a[:size, :features], b[:size, :features]).matched


def _order_looks(kept: Shelved, plan: AxisPlan, looks: float) -> list[AuditFinding]:
    norms = row_norms(kept.units)
    found = [norm_against_index(norms, block=kept.block, looks=looks, what=plan.said)]
    if kept.adjacent:
        found.append(neighbours(norms, block=kept.block, looks=looks, what=plan.said))
    return found


def _clone_looks(kept: Shelved, plan: AxisPlan, looks: float) -> list[AuditFinding]:
    if kept.block is not None:
        return []
    return list(cloned_units(kept.units, positions=kept.positions, size=kept.size, looks=looks, what=plan.said))


def _worst(by_layer: list[list[AuditFinding]]) -> list[AuditFinding]:
    """Of every check the layer nearest to its alarm, or beyond it."""
    worst: dict[tuple[str, Message | None], AuditFinding] = {}
    for finding in (f for layer in by_layer for f in layer):
        key = (finding.name, finding.what)
        if key not in worst or _nearness(finding) > _nearness(worst[key]):
            worst[key] = finding
    return list(worst.values())


def _nearness(finding: AuditFinding) -> float:
    return abs(finding.value) / finding.threshold if finding.threshold else abs(finding.value)


def _mismatched(plan: AxisPlan, shelf: Shelf, pairs: set[tuple[int, int]], audit: Audit) -> None:
    """Decks of layers that were not paired: about one match each unless the index itself carries content."""
    others = [(a, b) for a in sorted(shelf.subject) for b in sorted(shelf.candidate) if (a, b) not in pairs][::3][:12]
    matched = [_deck_of(shelf.subject[left].units, shelf.candidate[right].units) for left, right in others]
    if matched:
        finding = mismatched_decks(
            matched, what=message("found.of_component", axis=plan.said, part=message("term.layers"))
        )
        audit.add("both", plan.label, finding, f"{plan.label}:order")
