"""Alignment after gauge fixing, told in words (METHODS §10)."""

from __future__ import annotations

from collections.abc import Sequence

from forebear.comparison.gauge.cells import Tested
from forebear.comparison.gauge.folded import Side
from forebear.comparison.gauge.rotation import Rotation
from forebear.comparison.layers import LayerMap
from forebear.comparison.pair import Pair
from forebear.comparison.words import alignment_words


def gauge_words(
    pair: Pair, sides: Sequence[Side], rotation: Rotation, layers: LayerMap, tested: Tested, decided: bool
) -> list[str]:
    """Sentences on the rotation, the layers and the neurons; only the rotation when nothing was found."""
    fit = rotation.fit_words
    if not decided:
        return [f"after gauge fixing nothing corresponds ({fit})"]
    said = [f"the residual stream was rotated back by the {rotation.how} ({fit})"]
    if layers.found:
        said += layer_words(pair, layers)
    matched, of = sum(r.agreement.matched for r in tested.pairs), sum(r.agreement.of for r in tested.pairs)
    in_place = sum(r.in_place for r in tested.pairs)
    where = "in their places" if in_place * 2 > of else "in another order"
    said.append(
        f"after gauge fixing both views of {matched:,} of {of:,} neurons in {len(tested.pairs)} layer pairs name the same "
        f"partner; they stand {where}"
    )
    return said + expert_words(tested)


def layer_words(pair: Pair, layers: LayerMap) -> list[str]:
    """The layer map in sentences, those of the raw walk."""
    from forebear.comparison.channels import AxisOutcome

    return alignment_words(pair, None, layers, AxisOutcome(), AxisOutcome())


def expert_words(tested: Tested) -> list[str]:
    """Which experts answer to which, layer by layer, where there are any."""
    said = []
    for r in tested.pairs:
        if r.experts == (None, None):
            continue
        strong = sorted(k for k, v in r.by_expert.items() if v * 10 >= r.agreement.of)
        if strong:
            told = ", ".join(f"{_name(a)} to {_name(b)}" for a, b in strong)
            said.append(f"layer {r.cell[0]} of the subject to layer {r.cell[1]} of the candidate: {told}")
    return said


def _name(expert: int | None) -> str:
    return "its MLP" if expert is None else f"expert {expert}"
