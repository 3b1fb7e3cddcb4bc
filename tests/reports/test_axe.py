"""Pages of every kind under the rules of axe-core (WCAG 2.2 A and AA, best practices), in a wide window and a narrow one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import forebear
from forebear.comparison.demo import demo_folder
from forebear.reports.show import rendered
from tests.real import real_path
from tests.reports.browser import Browser, missing
from tests.reports.documents import GOLDEN, demo_comparison, hostile_comparison, inspection, matrix

pytestmark = [pytest.mark.real, pytest.mark.skipif(bool(missing()), reason=f"no browser: {missing()}")]

RUN = """
const done = arguments[arguments.length - 1];
axe.run(document).then(r => done(r.violations.map(v => [v.id, v.nodes.map(n => n.html.slice(0, 90))])), e => done(String(e)));
"""


def made(folder: Path) -> dict[str, dict]:
    """A document of every kind that has a page and can be made without much work."""
    demo = demo_folder()
    golden = {name: json.loads((GOLDEN / f"{name}.json").read_bytes()) for name in (
        "case-second", "tokenizer-cost-second", "tokenizer-lineage-second", "verification")}  # fmt: skip
    forebear.library_add([demo / "base"], into=folder / "library")
    return golden | {
        "kin": demo_comparison(0), "independent": demo_comparison(1), "hostile": hostile_comparison(), "matrix": matrix(False),
        "inspection": inspection(False), "recipe": forebear.recipe(demo / "descendant", [demo / "base"]),
        "search": forebear.library_search(demo / "descendant", library=folder / "library"),
    }  # fmt: skip


def test_no_page_breaks_a_rule_of_accessibility(tmp_path):
    rules = (real_path("axe-core") / "axe.min.js").read_text("utf-8")
    wrong = {}
    with Browser() as browser:
        for name, document in made(tmp_path).items():
            page = tmp_path / f"{name}.html"
            page.write_bytes(rendered(document, "html", "ja" if name == "inspection" else "en"))
            for width, dark in ((1280, False), (400, True)):
                browser.look(page, width=width, dark=dark)
                found = browser.wait(rules + RUN)
                if found:
                    wrong[name, width] = found
                if browser.ask("return document.documentElement.scrollWidth > innerWidth"):
                    wrong[name, width, "wide"] = True
    assert not wrong, json.dumps([[*map(str, key), what] for key, what in wrong.items()], indent=1)
