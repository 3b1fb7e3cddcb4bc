"""The page of a comparison: order, safety, size, and figures that carry their caption when they leave it."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

import forebear
from forebear.comparison.demo import demo_folder
from forebear.reports.comparison_page import comparison_page
from forebear.reports.show import rendered
from tests.reports.documents import demo_comparison, hostile_comparison, inspection, matrix, tall_comparison

ORDER = ["decks", "layers", "effects", "weights", "rests", "tensors", "read", "again"]
SVG = "{http://www.w3.org/2000/svg}"


class Seen(HTMLParser):
    """Every tag and attribute of a page, its text, and the text of its style."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags, self.attributes, self.text, self.style = [], [], [], ""
        self._in = ""
        self.feed(page.decode())

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self._in = tag

    def handle_endtag(self, tag):
        self._in = ""

    def handle_data(self, data):
        if self._in == "style":
            self.style += data
        self.text.append(data)

    def values(self, tag, name):
        return [v for t, n, v in self.attributes if (t, n) == (tag, name)]


@pytest.fixture(scope="module")
def page() -> str:
    return comparison_page(demo_comparison(0), "en").decode()


@pytest.fixture(scope="module")
def kin(page) -> Seen:
    return Seen(page.encode())


@pytest.fixture(scope="module")
def hostile() -> Seen:
    return Seen(comparison_page(hostile_comparison(), "en"))


def test_the_verdict_comes_first_and_the_sections_follow_in_the_order_stated(kin, page):
    assert page.index("<h1>descendant and base share weights") < page.index("id=\"decks\"")
    assert page.index("does not show which of the two came first") < page.index("id=\"decks\"")
    assert kin.values("section", "id") == ORDER


def test_a_page_holds_no_script_and_fetches_nothing(kin):
    assert not {"script", "iframe", "object", "embed", "form", "base"} & set(kin.tags)
    assert not [n for _, n, _ in kin.attributes if n.startswith("on") or n == "style"]
    addresses = [v for _, n, v in kin.attributes if n in ("href", "src", "xlink:href", "action")]
    assert addresses
    assert all(a.startswith(("#", "data:")) for a in addresses)


def test_the_policy_allows_exactly_the_style_of_the_page(kin):
    (policy,) = [c for c in kin.values("meta", "content") if "default-src" in c]
    digest = base64.b64encode(hashlib.sha256(kin.style.encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:;")
    assert "unsafe" not in policy


def test_hostile_names_stay_text(kin, hostile):
    seen = hostile
    assert set(seen.tags) <= set(kin.tags)
    assert {n for _, n, _ in seen.attributes} <= {n for _, n, _ in kin.attributes}
    ids = [v for _, n, v in seen.attributes if n in ("id", "class", "href", "download") and not v.startswith("data:")]
    assert all(re.fullmatch(r"#?[\w .-]*", v) for v in ids)
    text = "".join(seen.text)
    assert "window.hacked" in text
    assert "{{ 7*7 }}" in text
    assert not set("\x1b\x07\x00\u202e\ud800") & set(text)


def test_hostile_names_stay_text_in_saved_figures(hostile):
    for href in (h for h in hostile.values("a", "href") if h.startswith("data:image/svg+xml")):
        root = ElementTree.fromstring(base64.b64decode(href.partition(",")[2]))
        kinds = {e.tag.removeprefix(SVG) for e in root.iter()}
        assert kinds <= {"svg", "style", "rect", "path", "polyline", "polygon", "text", "g"}
        assert not [a for e in root.iter() for a in e.attrib if a.lower().startswith("on") or "href" in a]


def test_every_saved_figure_carries_its_caption_and_its_caveat(kin, page):
    captions = re.findall(r"<figcaption><p>(.*?)</p>(?:<p>(.*?)</p>)?", page)  # a caveat of several figures is said once
    caveats = {caveat for _, caveat in captions if caveat}
    assert len(caveats) == 6
    saved = [h for h in kin.values("a", "href") if h.startswith("data:image/svg+xml")]
    assert len(captions) == len(saved) == 7
    for (caption, caveat), href in zip(captions, saved, strict=True):
        root = ElementTree.fromstring(base64.b64decode(href.partition(",")[2]))
        words = " ".join(e.text or "" for e in root.iter(f"{SVG}text")).replace("'", "&#39;")
        assert caption.replace("&gt;", ">") in words
        assert (caveat in words) if caveat else any(other in words for other in caveats)


def test_file_names_of_saved_figures_are_ours(hostile):
    names = hostile.values("a", "download")
    assert names
    assert all(re.fullmatch(r"forebear-[a-z-]+\.svg", n) for n in names)


def test_every_filter_has_its_anchor_and_its_rule_and_counts_its_rows(kin, page):
    links = re.findall(r'<a href="#(only-\w+)">[^<]* \((\d+)\)', page)
    assert ("only-all", str(page.count("<tr class="))) in links
    marks = [m.split() for m in re.findall(r'<tr class="([\w ]*)">', page)]
    for anchor, count in links:
        assert f'id="{anchor}"' in page
        if anchor != "only-all":
            mark = anchor.removeprefix("only-")
            assert f"#{anchor}:target~.scroll tbody tr:not(.{mark})" in kin.style
            assert sum(mark in m for m in marks) == int(count)


def test_a_page_of_80_layers_stays_below_a_megabyte_and_a_half():
    page = comparison_page(tall_comparison(80), "en")
    assert page.count(b"<tr class=") == 960
    assert len(page) < 1_500_000


def test_no_page_shows_where_a_checkpoint_lies_on_this_machine():
    for document in (demo_comparison(0), matrix(False)):
        assert str(demo_folder().parent).encode() not in rendered(document, "html")
    assert str(demo_folder().parent) in demo_comparison(0)["reproduce"]


def test_equal_documents_give_equal_pages(page):
    assert comparison_page(demo_comparison(0), "en").decode() == page


def test_strangers_are_told_apart_from_kin_on_the_page():
    page = comparison_page(demo_comparison(1), "en").decode()
    assert "<h1>No sign was found that descendant and independent share weights.</h1>" in page
    assert "what would have been found" in page
    assert "Chance expects 1; the mean here is 0.75." in page
    assert 's-path" stroke-width="2"' not in page  # no alignment, no path


def test_what_has_nothing_to_draw_says_why_and_a_page_without_any_picture_has_no_empty_sections():
    some = comparison_page(demo_comparison(0) | {"evidence": []}, "en").decode()
    assert "Nothing to draw: no deck ran on this pair." in some
    document = demo_comparison(0) | {"effects": [], "tensors": [], "weights": {}, "evidence": [], "audit": []}
    document["alignment"] = {"words": []}
    page = comparison_page(document, "en").decode()
    assert "Nothing to draw" not in page
    assert 'id="decks"' not in page
    assert "No tensor could be placed" in page


@pytest.mark.parametrize(("make", "least"), [(matrix, 3), (inspection, 0)])
def test_hostile_names_stay_text_on_every_page(make, least):
    clean, seen = (Seen(rendered(make(hostile), "html")) for hostile in (False, True))
    assert set(seen.tags) <= set(clean.tags) | {
        "section",
        "h2",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "div",
        "p",
        "li",
        "ul",
    }
    assert not [n for _, n, _ in seen.attributes if n.startswith("on") or n == "style"]
    assert all(v.startswith(("#", "data:")) for _, n, v in seen.attributes if n in ("href", "src"))
    text = "".join(seen.text)
    assert text.count("window.hacked") > least
    assert not set("\x1b\x07\x00\u202e\ud800") & set(text)


def test_a_matrix_page_holds_map_tree_verdicts_and_the_damaged_member():
    page = rendered(matrix(False), "html").decode()
    assert "3 pairs: 1 related, 2 no evidence of a relation" in page
    for anchor in ('id="figure-pairs"', 'id="figure-tree"', 'id="verdicts"', 'id="members"', 'id="pair0-pair"'):
        assert anchor in page
    assert "damaged was not compared" in page
    assert len(re.findall(r' id="([^"]+)"', page)) == len(set(re.findall(r' id="([^"]+)"', page)))


def test_a_page_of_many_pairs_stays_small_and_says_what_it_leaves_out():
    document = matrix(False)
    one = document["pairs"][0] | {"comparison": None}
    document["pairs"] = [one | {"relation": "no-evidence"}] * 4000 + [one | {"evidence": []}] * 20
    document["tree"] = None
    page = rendered(document, "html")
    assert b"leaves out 1,020 pairs" in page
    assert page.count(b'class="pair spare"') == 20
    assert len(page) < 1_500_000


def test_the_page_of_a_configuration_shows_the_widths_that_reach_the_claim():
    page = rendered(inspection(False), "html").decode()
    assert "59,392" in page
    assert "134,563,852,288" in page
    assert "num_hidden_layers" in page


def test_a_table_of_many_columns_becomes_a_list_on_a_telephone():
    """All but the grids of the costs of tokenizers, whose columns are the tokenizers, and cut text in its own order."""
    tables = 0
    for path in sorted((Path(forebear.__file__).parent / "reports" / "templates").glob("*.html")):
        for table in re.findall(r"<table(?:(?!</table>).)*<thead>.*?</table>", path.read_text("utf-8"), re.DOTALL):
            if path.name != "tokenizer_cost.html":
                begun = table[: table.index(">")]
                head = table[: table.index("</thead>")]
                many = "{% for" in head or head.count("<th") > 5  # thead and four columns
                if many and "tensors" not in begun:  # of thousands of tensors: 1.5 MB
                    assert "stack" in begun, (path.name, table[:120])
                    assert "data-head=" in table, path.name
                tables += 1
    assert tables >= 8
