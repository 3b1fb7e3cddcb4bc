"""Documents as pages: one self-contained HTML file each, no script, a strict Content-Security-Policy, names escaped."""

from __future__ import annotations

import base64
import hashlib
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forebear.core.errors import printable
from forebear.reports.catalogue import Catalogue
from forebear.reports.lines import local_command
from forebear.reports.scene import Figure, sheet
from forebear.reports.svg import colour_rules, inline_svg, standalone_svg

if TYPE_CHECKING:
    from jinja2 import Environment

MAX_TEXT = 4000
"""Longest text of a document printed in one place."""
TEMPLATES = Path(__file__).parent / "templates"
_EXPONENT = re.compile(r"\b10\^(-?\d+(?:\.\d+)?)")
_RAISED = str.maketrans("-.0123456789", "⁻·⁰¹²³⁴⁵⁶⁷⁸⁹")
Document = Mapping[str, Any]
Draw = Callable[[Catalogue], Figure | None]


@dataclass(frozen=True)
class Sentence:
    """A sentence with the language it is in."""

    text: str
    lang: str


def render(template: str, document: Document, words: Catalogue, values: Mapping[str, Any], style: str = "") -> bytes:
    """A whole page from a template of ours; every value is escaped by the template engine.

    style: rules added for this page (filters); never text from a document.
    """
    css = style_of("page.css") + colour_rules() + style
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    from markupsafe import Markup

    text = (
        _environment()
        .get_template(template)
        .render(
            w=words,
            language=words.language,
            document=document,
            again=local_command(document["reproduce"]),
            limits=sentences(document["limits"], words),
            policy=policy,
            style=Markup(css),
            **values,
        )
    )
    return text.encode("utf-8", "backslashreplace")


def style_of(name: str) -> str:
    """A sheet of style beside the templates."""
    return TEMPLATES.joinpath(name).read_text("utf-8")


@cache
def _environment() -> Environment:
    """Our templates; each is compiled when a page first needs it."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=one_line,
    )
    environment.filters |= FILTERS
    return environment


def one_line(value: object) -> object:
    """What a template prints: text without control or bidirectional characters, exponents raised; markup of ours as it is."""
    return raised(printable(value, MAX_TEXT)) if isinstance(value, str) and not hasattr(value, "__html__") else value


def raised(text: str) -> str:
    """A text with exponents of ten raised.

    >>> raised("p ≤ 10^-31.9")
    'p ≤ 10⁻³¹·⁹'
    """
    return _EXPONENT.sub(lambda found: "10" + found[1].translate(_RAISED), text)


def visible(text: str) -> str:
    """Untrusted text with spaces, line ends, control and direction characters made visible."""
    shown = []
    for character in text:
        if character == " ":
            shown.append("␣")
        elif character == "\n":
            shown.append("↵\n")
        elif unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") and character != "\u200d":
            shown.append(f"\\u{ord(character):04x}")
        else:
            shown.append(character)
    return "".join(shown)


def _lines(text: str) -> Any:
    """Visible text with its line ends kept, escaped here since a template prints one line."""
    from markupsafe import escape

    return escape(visible(text))


def _plain(value: object, limit: int = 200) -> str:
    text = visible(str(value)).replace("␣", " ").replace("↵\n", "\\n")
    return text if len(text) <= limit else f"{text[:limit]}…"


MAX_UNBROKEN = 80
"""Longest name or option that is kept on one line."""
_HYPHENED = re.compile(r"[!-~]*-[!-~]*")
_CODE = re.compile(r"`([^`]+)`")


def _unbroken(value: str) -> Any:
    """A text whose names and options with hyphens stay on one line: a browser breaks behind every hyphen."""
    from markupsafe import Markup, escape

    text, found, at = str(one_line(value)), Markup(), 0
    for word in _HYPHENED.finditer(text):
        if len(word[0]) <= MAX_UNBROKEN:
            found += escape(text[at : word.start()]) + Markup('<span class="nb">') + escape(word[0]) + Markup("</span>")
            at = word.end()
    return found + escape(text[at:])


def coded(value: str) -> Any:
    """A text whose words between backticks are set as code, and whose names and options stay on one line."""
    from markupsafe import Markup

    text, found, at = str(one_line(value)), Markup(), 0
    for word in _CODE.finditer(text):
        found += _unbroken(text[at : word.start()]) + Markup("<code>") + _unbroken(word[1]) + Markup("</code>")
        at = word.end()
    return found + _unbroken(text[at:])


FILTERS: dict[str, Callable[..., Any]] = {
    "unbroken": _unbroken,
    "coded": coded,
    "visible": _lines,
    "plain": _plain,
    "number": lambda value: "-" if value is None else f"{value:,.0f}",
    "share": lambda value: "-" if value is None else f"{value:.1%}",
    "three": lambda value: "-" if value is None else f"{value:.3f}",
    "money": lambda value: f"{value:.3g}",
    "two": lambda value: "-" if value is None else f"{value:.2f}",
}
"""What templates do with a figure, or with text from a file."""


def sentences(said: Sequence[Mapping[str, Any] | str], words: Catalogue) -> list[Sentence]:
    """Messages of a document in the page's language; text as it is."""
    return [Sentence(*words.say(s)) for s in said]


def drawn(draws: Sequence[Draw], words: Catalogue) -> list[Figure]:
    """The figures for which a document has something to draw."""
    return [figure for draw in draws if (figure := draw(words)) is not None]


def shown(figure: Figure, about: str) -> dict[str, Any]:
    """A figure as the templates want it: panels inline, and the whole sheet as SVG to save; about: see `saved`."""
    from markupsafe import Markup

    label = f"{figure.title}. {figure.caption}"
    return {
        "name": figure.name,
        "caption": figure.caption,
        "caveat": figure.caveat,
        "panels": [Markup(inline_svg(panel, label)) for panel in figure.panels],
        "svg": Markup(_data("image/svg+xml", saved(figure, about).encode("utf-8", "replace"))),
    }


def saved(figure: Figure, about: str) -> str:
    """A figure as an SVG file of its own; about: whose figure it is, put under its caption."""
    return standalone_svg(_signed(figure, about), figure.caption)


def _signed(figure: Figure, about: str) -> Any:
    return sheet(replace(figure, caveat=f"{figure.caveat} {about}"))


def _data(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
