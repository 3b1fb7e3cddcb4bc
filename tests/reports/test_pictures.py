"""Figures as files: SVG always, PNG with the extra, drawn in a font that has every character or not at all."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

import pytest

import forebear
from forebear.core.errors import RefusedError, UsageError
from forebear.reports import pictures
from forebear.reports.pictures import FONTS, as_png, fonts_for, write_figures
from forebear.reports.scene import Scene, Words
from forebear.reports.svg import standalone_svg

DEMO = Path(forebear.__file__).parent / "demo_data"
EXTRA = find_spec("resvg_py") is not None and find_spec("fontTools") is not None
with_extra = pytest.mark.skipif(not EXTRA, reason="the extra [png] is not installed")


@pytest.fixture(scope="module")
def pair() -> forebear.Document:
    return forebear.compare(DEMO / "descendant", DEMO / "base")


@pytest.fixture
def boxes(tmp_path: Path) -> Path:
    """A font whose every glyph is a square, for Latin letters, 样 and 本."""
    from fontTools.fontBuilder import FontBuilder
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    characters = [*map(chr, range(0x21, 0x7F)), "样", "本"]
    names = [".notdef", *(f"u{ord(c):04x}" for c in characters)]
    pen = TTGlyphPen(None)
    for move, point in ((pen.moveTo, (0, 0)), (pen.lineTo, (0, 500)), (pen.lineTo, (500, 500)), (pen.lineTo, (500, 0))):
        move(point)
    pen.closePath()
    glyph = pen.glyph()
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(c): f"u{ord(c):04x}" for c in characters})
    builder.setupGlyf(dict.fromkeys(names, glyph))
    builder.setupHorizontalMetrics(dict.fromkeys(names, (600, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Boxes", "styleName": "Regular", "psName": "Boxes-Regular"})
    builder.setupOS2()
    builder.setupPost()
    path = tmp_path / "fonts" / "Boxes-Regular.ttf"
    path.parent.mkdir()
    builder.save(path)
    return path


def without_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "find_spec", lambda name: None)


def test_every_figure_of_a_page_is_an_svg_file(
    pair: forebear.Document, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_extra(monkeypatch)
    written = write_figures(pair, tmp_path / "new" / "folder")
    assert sorted(path.name for path in written) == [
        "curves.svg", "decks.svg", "effects.svg", "kurtosis.svg", "layer-map.svg", "std.svg", "strength.svg",
    ]  # fmt: skip
    for path in written:
        root = ElementTree.fromstring(path.read_text("utf-8"))
        words = "".join(root.itertext())
        assert "descendant" in words, "whose figure it is stands on it"
    assert "176 of 176 in place" in "".join(ElementTree.parse(tmp_path / "new/folder/decks.svg").getroot().itertext())


def test_figures_of_a_matrix_carry_the_number_of_their_pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_extra(monkeypatch)
    matrix = forebear.compare(DEMO / "base", [DEMO / "descendant", DEMO / "independent"])
    names = {path.name for path in write_figures(matrix, tmp_path)}
    assert {"pair-1-decks.svg", "pair-2-decks.svg"} <= names


def test_figures_speak_the_language_of_the_report(
    pair: forebear.Document, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_extra(monkeypatch)
    english, chinese = (write_figures(pair, tmp_path / name, name) for name in ("en", "zh-Hans"))
    assert [p.name for p in english] == [p.name for p in chinese]
    assert all(a.read_bytes() != b.read_bytes() for a, b in zip(english, chinese, strict=True))


def test_a_document_without_figures_and_a_folder_that_is_a_file_are_refused(
    pair: forebear.Document, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="has no figures"):
        write_figures({"schema": "forebear/tokenizer-cost/2"}, tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(RefusedError, match="cannot be made"):
        write_figures(pair, tmp_path / "file")


def words_as_svg(text: str) -> str:
    return standalone_svg(Scene(120, 40, (Words(5, 25, text),)), "a label with 字 that is not drawn")


@with_extra
def test_a_png_is_drawn_with_the_fonts_that_were_named(boxes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FONTS, str(boxes.parent))
    made = as_png(words_as_svg("样本"))
    assert made.startswith(b"\x89PNG\r\n\x1a\n")
    assert int.from_bytes(made[16:20], "big") == 240, "twice as many pixels as it measures"
    assert made != as_png(words_as_svg("")), "nothing was drawn"


@with_extra
def test_a_character_that_no_font_has_is_an_error_that_says_what_to_install(
    boxes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FONTS, str(boxes))
    with pytest.raises(RefusedError, match=r"no font here has 1 of the characters \(日\).*fonts-noto-cjk.*FOREBEAR_FONTS"):
        as_png(words_as_svg("日本"))


@with_extra
def test_files_that_are_no_fonts_are_passed_over_and_none_is_an_error(
    boxes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (boxes.parent / "A-Regular.ttf").write_bytes(b"\x00\x01\x00\x00 not a font")
    monkeypatch.setenv(FONTS, str(boxes.parent))
    assert [(path.name, family) for path, family in fonts_for({"样"})] == [("Boxes-Regular.ttf", "Boxes")]
    monkeypatch.setenv(FONTS, str(tmp_path / "nowhere"))
    with pytest.raises(RefusedError, match="no font was found"):
        fonts_for({"a"})


@with_extra
def test_svg_files_are_whole_when_no_png_can_be_drawn(
    pair: forebear.Document, boxes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FONTS, str(boxes))
    with pytest.raises(RefusedError, match="The SVG files are written"):
        write_figures(pair, tmp_path / "out", "ja")
    assert {path.suffix for path in (tmp_path / "out").iterdir()} == {".svg"}
