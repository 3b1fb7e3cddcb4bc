"""Draw docs/deck.svg, the README's picture, from the demo's own documents."""

from __future__ import annotations

from pathlib import Path

import forebear
from forebear.reports.deck_picture import deck_svg

TARGET = Path(__file__).resolve().parent.parent / "docs" / "deck.svg"


def picture() -> str:
    """The two pairs of the demo, neurons of the best layer."""
    panels = []
    for pair, name in zip(forebear.demo()["pairs"], ("against its base", "against a stranger"), strict=True):
        evidence = pair["comparison"]["evidence"]
        deck = next(e for e in evidence if e["test"] == "deck" and e["axis"] == "neurons")
        panels.append((name, deck["best"]))
    caveat = "Trained toy models of forebear's demo; chance expects 1 in place, whatever the number."
    return deck_svg(panels, unit="neuron", caveat=caveat)


if __name__ == "__main__":
    TARGET.write_text(picture())
