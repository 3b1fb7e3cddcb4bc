"""Draw docs/deck.svg, the README's picture, from the demo's own documents."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

import forebear

TARGET = Path(__file__).resolve().parent.parent / "docs" / "deck.svg"

SIDE = 260
MARGIN = 34


def deck_svg(panels: Sequence[tuple[str, Sequence[int]]], *, unit: str, caveat: str) -> str:
    """Panels of dots side by side as one SVG that carries its caption and caveat.

    panels: (title, best position by place; -1 where there is no match); unit: what a dot is ("neuron");
    caveat: the sentence printed below. Titles may be hostile: they are escaped. Colours follow light and dark.
    """
    width, height = len(panels) * (SIDE + MARGIN) + MARGIN, SIDE + 3 * MARGIN
    body = [panel(title, best, MARGIN + i * (SIDE + MARGIN), MARGIN, unit) for i, (title, best) in enumerate(panels)]
    style = (
        "text{font:12px sans-serif;fill:#222}.frame{fill:none;stroke:#888}.dot{fill:#1763a6}"
        "@media(prefers-color-scheme:dark){text{fill:#ddd}.dot{fill:#7db8ee}}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="{escape(caveat, quote=True)}"><style>{style}</style>{"".join(body)}'
        f'<text x="{MARGIN}" y="{height - 10}">{escape(caveat)}</text></svg>\n'
    )


def panel(title: str, best: Sequence[int], left: float, top: float, unit: str) -> str:
    """One square of dots, place across and best match up."""
    count = max(1, len(best), max(best, default=0) + 1)
    scale = SIDE / count
    dots = "".join(
        f'<circle class="dot" cx="{left + (i + 0.5) * scale:.1f}" cy="{top + SIDE - (j + 0.5) * scale:.1f}" r="1.6"/>'
        for i, j in enumerate(best)
        if j >= 0
    )
    in_place = sum(1 for i, j in enumerate(best) if i == j)
    return (
        f'<text x="{left}" y="{top - 8}">{escape(title)}: {in_place} of {len(best)} in place</text>'
        f'<rect class="frame" x="{left}" y="{top}" width="{SIDE}" height="{SIDE}"/>{dots}'
        f'<text x="{left}" y="{top + SIDE + 18}">{escape(unit)}: place across, best match up</text>'
    )


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
