"""Figures of a document as files: SVG always, PNG too where the extra [png] is installed (resvg, with fonts found or given)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from html import unescape
from importlib.util import find_spec
from pathlib import Path
from re import findall
from typing import Any

from forebear.core.errors import RefusedError, UsageError
from forebear.core.output import write_whole
from forebear.reports.catalogue import catalogue
from forebear.reports.scene import Scene, Words
from forebear.reports.show import FIGURES, named
from forebear.reports.svg import standalone_svg

FONTS = "FOREBEAR_FONTS"
"""Environment variable: font files or folders, which are then the only ones looked at."""
FOLDERS = (
    "/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts", "/System/Library/Fonts", "/Library/Fonts",
    "~/Library/Fonts", "C:/Windows/Fonts",
)  # fmt: skip
PLAIN = ("NotoSans-Regular", "DejaVuSans.", "LiberationSans-Regular", "Arial.", "Helvetica.")
"""Starts of names of files with plain type, the best first; then regular faces, then all others."""
MAX_FONTS = 4000
"""Font files looked at, at most."""
ZOOM = 2


def write_figures(document: Mapping[str, Any], folder: Path, language: str = "en", only: Sequence[str] = ()) -> list[Path]:
    """Every figure of a document's page, or those named, as files of a folder, which is made when it is not there; the files.

    Raises: UsageError for a document without figures, or without one that is named; RefusedError when a file cannot be
            written, or when the extra [png] is installed and no font here has the characters of a figure (its SVG is
            written, and no PNG).
    """
    place = FIGURES.get(document["schema"])
    if place is None:
        raise UsageError(f"a {document['schema']} document has no figures", where="--figures")
    pictures = list(named(place)(document, catalogue(language)))
    if only:
        there = [name for name, _ in pictures]
        if unknown := [name for name in only if name not in there]:
            raise UsageError(f"no figure {', '.join(unknown)}", where="only", todo=f"There are: {', '.join(there)}.")
        pictures = [(name, svg) for name, svg in pictures if name in only]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RefusedError(f"cannot be made ({error.strerror})", where=str(folder), todo="Name another folder.") from None
    written = [_write(folder / f"{name}.svg", svg.encode("utf-8", "replace")) for name, svg in pictures]
    if find_spec("resvg_py") is not None and find_spec("fontTools") is not None:
        written += [_write(folder / f"{name}.png", png) for name, png in [(name, as_png(svg)) for name, svg in pictures]]
    return written


def _write(path: Path, data: bytes) -> Path:
    write_whole(path, data)
    return path


def as_png(svg: str) -> bytes:
    """A figure as PNG, twice as many pixels as it measures, drawn with fonts that have every character of it.

    Raises: RefusedError when no font has one of them.
    """
    drawn = {c for text in findall(r"<text[^>]*>([^<]+)<", svg) for c in unescape(text) if not c.isspace()}
    fonts = fonts_for(drawn) if drawn else []
    return _rendered(svg, [path for path, _ in fonts], fonts[0][1] if fonts else "")


def _rendered(svg: str, fonts: list[Path], family: str) -> bytes:
    import resvg_py

    return bytes(
        resvg_py.svg_to_bytes(
            svg_string=svg, skip_system_fonts=True, font_files=[str(path) for path in fonts], sans_serif_family=family,
            zoom=ZOOM,
        )
    )  # fmt: skip


def fonts_for(characters: set[str]) -> list[tuple[Path, str]]:
    """Font files that have all of these characters between them, and their families.

    Raises: RefusedError naming characters that no font here has, and what to install.
    """
    from fontTools.ttLib import TTFont, TTLibError

    missing, found = set(characters), []
    for path in _files():
        try:
            font = TTFont(path, fontNumber=0, lazy=True)
            new = missing & {chr(point) for point in font.getBestCmap() or ()}
            family = font["name"].getBestFamilyName() or path.stem
        except (TTLibError, OSError, KeyError, AttributeError):  # no font, or one without a table of characters
            continue
        if new and _drawn(path, family, sorted(new)[0]):
            found.append((path, family))
            missing = missing.difference(new)
        if not missing:
            return found
    if not found:
        raise RefusedError("no font was found", where="PNG", todo=_install())
    some = " ".join(sorted(missing)[:12])
    raise RefusedError(f"no font here has {len(missing)} of the characters ({some})", where="PNG", todo=_install())


def _drawn(path: Path, family: str, character: str) -> bool:
    """Whether resvg draws a character with this font: what it cannot load it leaves out in silence."""
    pictures = [_rendered(standalone_svg(Scene(40, 40, (Words(5, 25, t),)), ""), [path], family) for t in (character, "")]
    return pictures[0] != pictures[1]


def _install() -> str:
    return (
        f"Install one, for Chinese and Japanese fonts-noto-cjk (Debian, Ubuntu) or google-noto-sans-cjk-fonts (Fedora), or name "
        f"font files in {FONTS}. The SVG files are written."
    )


def _files() -> Iterator[Path]:
    """Font files, plain type first."""
    stated = os.environ.get(FONTS)
    places = stated.split(os.pathsep) if stated else FOLDERS
    files: list[Path] = []
    for place in (Path(name).expanduser() for name in places if name):
        inner = sorted(place.rglob("*")) if place.is_dir() else [place]
        files += [path for path in inner if path.suffix.lower() in (".ttf", ".otf", ".ttc") and path.is_file()]
    return iter(sorted(files, key=_rank)[:MAX_FONTS])


def _rank(path: Path) -> tuple[int, int, str]:
    named = next((at for at, start in enumerate(PLAIN) if path.name.startswith(start)), len(PLAIN))
    return named, "regular" not in path.name.lower(), path.name
