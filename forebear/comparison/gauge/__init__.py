"""A pair of checkpoints in folded coordinates: what rewritings that keep every output leave to be compared (METHODS §9)."""

from forebear.comparison.gauge.outcome import GaugeOutcome
from forebear.comparison.gauge.run import gauge_pair

__all__ = ["GaugeOutcome", "gauge_pair"]
