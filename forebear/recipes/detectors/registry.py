"""Every detector, in the order they are asked: what changes shapes first, what changes values last. One line each."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from forebear.recipes.detectors import (
    attention,
    channels,
    depth,
    experts,
    gains,
    kinds,
    neurons,
    values,
    vocabulary,
    width,
)
from forebear.recipes.detectors.sight import Proposal, Sight

Detector = Callable[[Sight], list[Proposal]]

DETECTORS: Mapping[str, Detector] = {
    "kinds": kinds.find,
    "width": width.find,
    "channels": channels.find,
    "vocabulary": vocabulary.find,
    "depth": depth.find,
    "gains": gains.find,
    "experts": experts.find,
    "neurons": neurons.find,
    "attention": attention.find,
    "values": values.find,
}
