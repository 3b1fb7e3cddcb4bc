"""Shapes as SVG: what is drawn where it should be, escaped where it is text."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from forebear.core.seeds import generator
from forebear.reports.scene import (
    Area,
    Box,
    Cells,
    Dots,
    Figure,
    Lines,
    Scene,
    Words,
    level_of,
    palette,
    sheet,
    text_width,
    ticks,
    wrapped,
)
from forebear.reports.svg import inline_svg, standalone_svg


def test_shapes_stand_where_they_were_put():
    scene = Scene(40, 40, (Box(4, 6, 10, 8, "subject"), Dots(((30.0, 10.0),), 3, "candidate"),
                           Lines(((5.0, 30.0), (35.0, 30.0)), "path", 2), Area(((20, 20), (26, 20), (26, 26), (20, 26)), "ink")))  # fmt: skip
    root = ElementTree.fromstring(standalone_svg(scene, ""))
    found = {e.tag.rpartition("}")[2]: e.attrib for e in root.iter() if e.get("class", "").endswith(("subject", "ink"))}
    assert (found["rect"]["x"], found["rect"]["y"], found["rect"]["width"], found["rect"]["height"]) == ("4", "6", "10", "8")
    assert found["polygon"]["points"] == "20,20 26,20 26,26 20,26"
    (dots,) = [e.attrib for e in root.iter() if "s-candidate" in e.get("class", "")]
    assert (dots["d"], dots["stroke-width"]) == ("M30 10h0", "6")
    (line,) = [e.attrib for e in root.iter() if "s-path" in e.get("class", "")]
    assert line["points"] == "5,30 35,30"


def test_cells_are_drawn_as_runs_of_their_colour():
    levels = tuple(tuple(int(v) for v in row) for row in generator("cells").integers(-10, 11, (9, 13)))
    scene = Scene(130, 90, (Cells(0, 0, 130, 90, levels),))
    svg = inline_svg(scene, "")
    drawn = np.zeros((9, 13), dtype=int)
    for path, role in re.findall(r'<path d="([^"]*)" class="f-(\w+)"', svg):
        level = int(role[1:]) * (1 if role[0] == "c" else -1)
        for x, y, run in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\d+z", path):
            drawn[int(y), int(x) : int(x) + int(run)] = level
    assert drawn.tolist() == [list(row) for row in levels]


@pytest.mark.parametrize("text", ["<script>1</script>", '" onload="x', "a&b", "\x1b[1m", "\u202e", "]]>", "\ud800"])
def test_hostile_text_is_escaped_in_svg(text):
    svg = standalone_svg(Scene(50, 50, (Words(0, 10, text),)), text)
    root = ElementTree.fromstring(svg.encode())
    assert {e.tag.rpartition("}")[2] for e in root.iter()} == {"svg", "style", "rect", "text"}
    assert "\x1b" not in svg
    assert "\u202e" not in svg


def test_empty_and_odd_shapes_draw_nothing_and_do_not_fail():
    odd = Scene(10, 10, (Cells(0, 0, 5, 5, ()), Cells(0, 0, 5, 5, ((),)), Dots((), 1, "dot"), Lines((), "ink"), Lines(((1, 1),), "ink"),
                         Area(((1, 1), (2, 2)), "ink"), Words(5, 5, ""), Lines(((3, 3), (3, 3)), "ink", dashed=True)))  # fmt: skip
    root = ElementTree.fromstring(standalone_svg(odd, ""))
    assert not [e for e in root.iter() if e.get("d") == ""]


def test_a_sheet_holds_title_caption_and_caveat_below_the_panels():
    panel = Scene(300, 100, (Box(0, 0, 300, 100, "panel"),))
    figure = Figure("x", "The title", (panel, panel, panel), "caption " * 40, "caveat " * 40)
    whole = sheet(figure)
    words = [s for s in whole.shapes if isinstance(s, Words)]
    boxes = [s for s in whole.shapes if isinstance(s, Box)]
    assert words[0].text == "The title"
    assert " ".join(w.text for w in words[1:]).split() == ["caption"] * 40 + ["caveat"] * 40
    assert all(w.y > max(b.y + b.height for b in boxes) for w in words[1:])
    assert all(w.x + text_width(w.text, 12) <= whole.width for w in words)
    assert all(b.x + b.width <= whole.width for b in boxes)


def test_lines_break_between_words_and_between_wide_letters():
    assert wrapped("one two three", text_width("one two", 12) + 1, 12) == ["one two", "three"]
    assert all(text_width(line, 12) <= 60 for line in wrapped("层层层层层层层层层层", 60, 12))
    assert "".join(wrapped("x" * 500, 200, 12)) == "x" * 500


def test_the_colour_scale_is_even_and_symmetric():
    assert [level_of(v) for v in (0, 0.04, 0.06, 1, 2, -1, -0.06, None)] == [0, 0, 1, 10, 10, -10, -1, 0]
    assert len({palette("light")[f"c{i}"] for i in range(1, 11)}) == 10


def test_ticks_are_few_round_and_within():
    for count in (1, 2, 9, 10, 33, 80, 512, 4096):
        found = list(ticks(count))
        assert found[0] == 0
        assert len(found) <= 10
        assert max(found) < count


def luminance(code: str) -> float:
    parts = [int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_stands_out_from_every_ground_it_is_put_on(theme):
    colours = palette(theme)
    for role in ("ink", "muted"):
        for ground in ("paper", "panel"):
            low, high = sorted((luminance(colours[role]), luminance(colours[ground])))
            assert (high + 0.05) / (low + 0.05) >= 4.5
