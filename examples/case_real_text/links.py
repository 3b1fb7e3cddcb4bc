"""Links after paragraphs were joined and split freely, up to six to one, on text nobody here wrote; with and without an embedder.

    python examples/case_real_text/links.py --set gnome-apps=DIR --set gimp=DIR [--semantic FOLDER] [--seeds 8601 8602] [-o out.json]

Sets: handbook, reference, faq, maint, libreoffice, udhr (known before, see measure.py) and gnome-apps (help of brasero, eog, evince,
gedit, gnome-calculator, totem), gimp (gimp-help 2.10.34: every page that pairs); DIR holds the unpacked packages. The text is never committed.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from measure import (
    SCRIPTS,
    Texts,
    _clean,
    _paragraphs_of,
    _translated,
    debian,
    debian_faq,
    handbook,
    libreoffice,
    maint_guide,
    udhr,
)

from forebear.casefile.bitext.bitext import Text, align_texts, read_text
from forebear.casefile.folder.model import Source
from forebear.casefile.text.extract import extract
from forebear.core.seeds import generator

APPS = ("brasero", "eog", "evince", "gedit", "gnome-calculator", "totem")
MOST = 6
"""Most paragraphs joined to one, and most pieces one is split into."""
LONGEST = 400
"""Paragraphs of a set that are measured: a stretch from the middle, so that a large set takes no longer than a book."""
_STOP = re.compile(r"[。！？；]|[.!?;:](?= )")


def _alike(rows: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    once: set[str] = set()
    kept = []
    for row in rows:
        if row[0] not in once and _translated(row):
            once.add(row[0])
            kept.append(row)
    return kept


def gnome_apps(folder: Path) -> Texts:
    """Paragraphs of the help of several programs in English, Japanese and Simplified Chinese; each once."""
    home, rows = folder / "usr/share/help", []
    for app in APPS:
        for page in sorted((home / "C" / app).glob("*.page")):
            paths = [home / place / app / page.name for place in ("C", "ja", "zh_CN")]
            if not all(p.exists() for p in paths):
                continue
            found = [[_clean(m) for m in re.findall(r"<p>(.*?)</p>", p.read_text("utf-8"), re.S)] for p in paths]
            if len({len(f) for f in found}) == 1:
                rows += list(zip(*found, strict=True))
    kept = _alike(rows)
    return {name: [row[i] for row in kept] for i, name in enumerate(("en", "ja", "zh-cn"))}


def gimp(folder: Path) -> Texts:
    """Paragraphs of gimp-help in English, Japanese and Simplified Chinese; pages with equal counts, each paragraph once."""
    home, rows = folder / "usr/share/gimp/2.0/help", []
    for page in sorted((home / "en").glob("*.html")):
        found = [_paragraphs_of(home / place / page.name) for place in ("en", "ja", "zh_CN")]
        if len({len(f) for f in found}) == 1:
            rows += list(zip(*found, strict=True))
    kept = _alike(rows)
    return {name: [row[i] for row in kept] for i, name in enumerate(("en", "ja", "zh-cn"))}


SETS: Mapping[str, Callable[[Path], Texts]] = {
    "handbook": handbook, "reference": lambda p: debian(p, "development"), "faq": debian_faq, "maint": maint_guide,
    "libreoffice": libreoffice, "udhr": udhr, "gnome-apps": gnome_apps, "gimp": gimp,
}  # fmt: skip


def stretch(texts: Texts, longest: int = LONGEST) -> Texts:
    """At most `longest` neighbouring paragraphs, from the middle."""
    start = max(0, (len(texts["en"]) - longest) // 2)
    return {name: list(paragraphs[start : start + longest]) for name, paragraphs in texts.items()}


def perturbed(texts: Sequence[str], seed: int, name: str) -> tuple[list[str], list[set[int]]]:
    """Runs of two to six paragraphs joined (one begins at a tenth of the places), others split at stops into two to six (three in ten)."""
    rng = generator("cases/perturb-six", seed, name)
    out: list[str] = []
    ids: list[set[int]] = []
    i = 0
    while i < len(texts):
        u = rng.random()
        cuts = [m.end() for m in _STOP.finditer(texts[i]) if 5 < m.end() < len(texts[i]) - 5]
        if u < 0.1 and i + 1 < len(texts):
            last = min(len(texts), i + int(rng.integers(2, MOST + 1)))
            out.append((" " if name == "en" else "").join(texts[i:last]))
            ids.append(set(range(i, last)))
            i = last
            continue
        if u < 0.4 and cuts:
            pieces = min(len(cuts) + 1, int(rng.integers(2, MOST + 1)))
            chosen = sorted(int(c) for c in rng.choice(cuts, pieces - 1, replace=False))
            for a, b in zip([0, *chosen], [*chosen, len(texts[i])], strict=True):
                out.append(texts[i][a:b].strip())
                ids.append({i})
        else:
            out.append(texts[i])
            ids.append({i})
        i += 1
    return out, ids


def as_text(name: str, paragraphs: Sequence[str]) -> Text:
    """Paragraphs as one source."""
    language, script = SCRIPTS[name]
    role, of = ("original", "") if name == "en" else ("translation", "en")
    source = Source(id=name, file="", sha256="", bytes=0, media="text/plain", language=language, script=script, role=role, of=of)
    return read_text(source, extract("\n\n".join(p or "-" for p in paragraphs), "text/plain"))


def links_f1(texts: Texts, pair: tuple[str, str], seed: int, side: str, embed: Any = None) -> dict[str, Any]:
    """Links of paragraphs of which one side (left or right) was joined and split: two belong together when they share text."""
    same = [list(texts[n]) for n in pair], [[{i} for i in range(len(texts[n]))] for n in pair]
    paragraphs, ids = list(same[0]), list(same[1])
    at = 0 if side == "left" else 1
    paragraphs[at], ids[at] = perturbed(texts[pair[at]], seed, pair[at])
    read = [as_text(name, those) for name, those in zip(pair, paragraphs, strict=True)]
    blocks = [{s.index: s.paragraph for s in t.segments} for t in read]
    numbers = [sorted(set(b.values())) for b in blocks]
    assert all(len(n) == len(i) for n, i in zip(numbers, ids, strict=True)), "a paragraph was read as several"
    where = [{number: k for k, number in enumerate(n)} for n in numbers]
    start = time.process_time()
    links = align_texts(*read, embed=embed) if embed else align_texts(*read)
    seconds = time.process_time() - start
    got = {(where[0][blocks[0][i]], where[1][blocks[1][j]]) for k in links for i in k.left for j in k.right}
    want = {(i, j) for i, x in enumerate(ids[0]) for j, y in enumerate(ids[1]) if x & y}
    hit = len(got & want)
    return {
        "pair": "-".join(pair), "seed": seed, "perturbed": side, "paragraphs": [len(n) for n in numbers], "seconds": round(seconds, 2),
        "precision": round(hit / max(1, len(got)), 4), "recall": round(hit / len(want), 4), "f1": round(2 * hit / (len(got) + len(want)), 4),
    }  # fmt: skip


def main() -> None:
    """Parse, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", action="append", required=True, help="NAME=DIR")
    parser.add_argument("--seeds", type=int, nargs="+", default=[8601, 8602])
    parser.add_argument("--semantic", type=Path, help="folder of a sentence model, as `forebear case align --semantic` takes it")
    parser.add_argument("--most", type=int, default=LONGEST)
    parser.add_argument("-o", type=Path)
    given = parser.parse_args()
    embed = None
    if given.semantic:
        from forebear.casefile.bitext.semantic import load_embedder

        embed = load_embedder(given.semantic)
    rows = []
    for said in given.set:
        name, _, place = said.partition("=")
        texts = stretch(SETS[name](Path(place)), given.most)
        for other in [n for n in texts if n != "en"]:
            for side in ("right", "left"):
                for seed in given.seeds:
                    row = {"set": name, "semantic": bool(embed), **links_f1(texts, ("en", other), seed, side, embed)}
                    print(row, flush=True)
                    rows.append(row)
    mean = sum(r["f1"] for r in rows) / len(rows)
    worst = min(rows, key=lambda r: r["f1"])
    text = json.dumps({"mean_f1": round(mean, 4), "worst": worst, "rows": rows}, indent=1, sort_keys=True) + "\n"
    print(f"mean {mean:.4f}, worst {worst['f1']} ({worst['set']} {worst['pair']} {worst['perturbed']} {worst['seed']})")
    if given.o:
        given.o.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
