"""What gauge fixing would have found: the smallest correlation of aligned rows (METHODS §11)."""

from __future__ import annotations

from math import log, log10, sqrt

from forebear.comparison.gauge.cells import Tested
from forebear.comparison.gauge.rotation import Rotation
from forebear.core.messages import Message, message
from forebear.stats.effect import effective_dimension
from forebear.stats.gauge_thresholds import LEAST_SHARE
from forebear.stats.normal import normal_z
from forebear.stats.power import rounded_up


def smallest_correlation(neurons: int, d_eff: float) -> float:
    """Correlation of aligned rows at which a tenth of the neurons is named alike by both views.

    neurons: of a layer. d_eff: effective dimension of the aligned rows, measured. A view names the true partner when its
    cosine beats the largest of the others, m / √d_eff; both do so for a tenth when each does for √0.1.
    Source: METHODS §11, the deck's formula with the share of §9.
    """
    largest = normal_z(log10(log(2) / (2 * max(2, neurons))))
    return (largest - normal_z(log10(sqrt(LEAST_SHARE)))) / sqrt(d_eff)


def power_words(tested: Tested, rotation: Rotation) -> list[Message]:
    """What a rewritten copy would have needed to keep to be found."""
    if tested.d_eff_views is None:
        return []
    d_eff = effective_dimension(*tested.d_eff_views)
    if not d_eff:
        return []
    r = smallest_correlation(tested.layer_size, d_eff)
    key = "power.gauge_embedding" if rotation.tokens else "power.gauge_neurons"
    values = {"layers": len(tested.pairs), "smallest": rounded_up(r), "d_eff": d_eff}
    return [message(key, how=rotation.how, fit=rotation.fit_words, **values)]
