"""The page of a verification in a browser: nothing wider than the window, names inert, text readable, in every language."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from forebear.reports.catalogue import LANGUAGES
from forebear.reports.show import rendered
from tests.reports.browser import Browser, missing
from tests.reports.documents import GOLDEN, HOSTILE
from tests.reports.test_browser import CONTRAST, LOOKS, WIDE


def verification(hostile: bool) -> Any:
    """The golden verification, or the same with every name and text an attack."""
    document = json.loads((GOLDEN / "verification.json").read_bytes())
    if hostile:
        said = [{"key": "shown.family", "values": {"name": h}} for h in HOSTILE]
        document["claims"] = [
            {**claim, "claim": {"key": "verified.parent", "values": {"stated": h, "about": h}}, "stated": h, "about": h,
             "source": {"file": h, "where": h, "line": 3}, "evidence": said}
            for claim, h in zip(document["claims"] * 3, HOSTILE, strict=False)
        ]  # fmt: skip
        document["subject"] |= {"name": HOSTILE[0], "root": HOSTILE[2]}
        document["subject"]["files"] = [{"name": h, "sha256": h, "bytes": 1} for h in HOSTILE]
        document["noticed"] = [{"kind": h, "said": {"key": "noticed.copy", "values": {"name": h}}} for h in HOSTILE]
        for base, h in zip(document["relatives"], HOSTILE, strict=False):
            base |= {"name": h, "licences": [h]}
        document |= {"limits": said, "reproduce": HOSTILE[1]}
        document["conclusion"] = {"key": "verify_head.nothing", "values": {"name": HOSTILE[0]}}
    return document


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_hostile_document_is_inert_text_in_every_language(language):
    page = rendered(verification(True), "html", language)
    assert b"<script" not in page
    assert b"<img" not in page
    assert f'lang="{language}"'.encode() in page
    assert b"\x1b" not in rendered(verification(True), "text", language)


def looked_at(browser: Browser, path: Path, width: int, dark: bool) -> None:
    """Everything a page must keep, in one window."""
    browser.look(path, width=width, dark=dark)
    assert browser.console() == []
    assert browser.ask("return document.documentElement.scrollWidth<=innerWidth"), browser.ask(WIDE)
    assert browser.ask(WIDE) == []
    count, bad = browser.ask(CONTRAST)
    assert count > 40
    assert bad == []
    assert browser.ask("return window.hacked===undefined&&document.scripts.length===0")


@pytest.mark.skipif(bool(missing()), reason=f"no browser: {missing()}")
def test_the_page_is_whole_at_every_width_and_in_every_light(tmp_path):
    with Browser() as browser:
        for hostile in (False, True):
            for language in ("en", "ja"):
                path = tmp_path / f"{hostile}-{language}.html"
                path.write_bytes(rendered(verification(hostile), "html", language))
                for width, dark in LOOKS:
                    looked_at(browser, path, width, dark)
