"""Whose figures a card states: parts of it that may be about another model are told by what they agree with (decision 0088)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from forebear.core.messages import message
from forebear.verification.claim import Claim, Outcome, Standing, Tested

SIZES = ("parameters", "layers", "width", "vocabulary")
"""Kinds whose agreement says that a part is about the checkpoint; a number type or a licence is shared by too many models."""
LEAST = {Standing.named: 0, Standing.unsure: 0, Standing.aside: 2, Standing.one_of_several: 1, Standing.another: 2}
"""Kinds of sizes that a part must state as the files have them before what it states otherwise is flagged."""
LASTING = {"parameters": 1, "layers": 0, "width": 0, "vocabulary": 0, "heads": 0, "kv_heads": 0, "head_size": 0, "mlp_width": 0}
"""The same in a part about training, use or results, of what such a part cannot
change: a model that was trained has as many layers as before."""
_BEYOND = len(SIZES) + 1


def settled(rows: Sequence[Tested]) -> list[Tested]:
    """The same rows; those that probably are of another model are not shown in place of flagged.

    A row of a part that is not plainly the model's own stays flagged where its part agrees with the files in enough kinds (`LEAST`)
    and no part of the same file that states the same kind does so in more, or is plainer.
    """
    agreed = _agreed(rows)
    stating: dict[tuple[str, str], set[tuple[str, Standing]]] = defaultdict(set)
    for row in rows:
        if row.outcome is not Outcome.not_testable:
            stating[row.claim.source.file, row.claim.kind].add((row.claim.part, row.claim.standing))

    def rank(file: str, part: str, standing: Standing) -> int:
        plainer = {Standing.own: 2 * _BEYOND, Standing.named: _BEYOND}.get(standing, 0)
        return plainer + agreed.get((file, part), 0)

    def stays(claim: Claim) -> bool:
        file = claim.source.file
        mine = rank(file, claim.part, claim.standing)
        beside = (rank(file, *one) for one in stating[file, claim.kind])
        least = LASTING.get(claim.kind, LEAST[claim.standing]) if claim.standing is Standing.aside else LEAST[claim.standing]
        return agreed.get((file, claim.part), 0) >= least and mine >= max(beside)

    doubtful = [row.flagged and row.claim.standing is not Standing.own and not stays(row.claim) for row in rows]
    other = message("whose.other")
    return [
        replace(row, flagged=False, evidence=(*row.evidence, other)) if doubt else row
        for row, doubt in zip(rows, doubtful, strict=True)
    ]


def _agreed(rows: Sequence[Tested]) -> Mapping[tuple[str, str], int]:
    """Kinds of sizes that each part of each file states as the files have them."""
    kinds: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in rows:
        if row.outcome is Outcome.borne_out and row.claim.kind in SIZES and row.claim.part:
            kinds[row.claim.source.file, row.claim.part].add(row.claim.kind)
    return {part: len(found) for part, found in kinds.items()}
