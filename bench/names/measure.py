"""Measures on invented testimonies what names are proposed, what else is, and whether anything hidden comes out.

    python -m bench.names.measure --stock seen --seeds 1 2 3 4 5 -o bench/results/names-seen.json

candidates:  of the forms that the texts use, the share that some candidate holds (the whole form, or the part of it that names).
traps:       of the places and of the words that only look like names, the share that a candidate holds or is held by which is
             no form of anybody; counted with those that are (Fukuda beside Fukuda District) it is traps_or_forms.
others:      of the candidates, the share that is in no form of anybody.
leaks:       forms of anybody in anything published after everybody was ruled private: files, page, text, JSON, CSV, TMX, seal.
absent:      of the people, the share whose surname stands nowhere in the shipped data; and what of their forms is proposed.
parts:       of forms in Han characters, the part that names (two characters or more) where it stands in an output.
blind:       forms that a report would show whole though nobody had been proposed: what its words alone hold back (decision 0089).
withheld:    share of the characters of each testimony that its report withholds besides names, in the mean.
refused:     testimonies of which nothing was published, because words may show a name that nobody ruled on.
labels:      pseudonyms after everybody was ruled private (best: one a person); joint: those that say "one or another of these".

No null hypothesis: these are counts on texts made up here, not estimates for testimonies at large.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
import time
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any

import forebear
from bench.names.invent import HERE, Form, Invented, invent, stock
from forebear.casefile.folder.folder import load_case
from forebear.casefile.folder.model import CaseFile, Name
from forebear.casefile.naming.candidates import Read, candidates
from forebear.casefile.naming.stock import latin, names
from forebear.casefile.privacy.search import EITHER, search_of
from forebear.casefile.privacy.withheld import Withheld
from forebear.casefile.text.scripts import fold
from forebear.core.errors import ExpectationError, RefusedError
from forebear.reports.catalogue import LANGUAGES
from forebear.reports.show import rendered

SHARE = "case_withheld.words"
ACCOUNT = "An account"
"""Title of the case: words of the bench, not of a testimony (decision 0089: An is a surname too)."""
TITLE = 6
"""Most characters by which a candidate may be longer than the form it holds (a title)."""


@dataclass
class Counts:
    """Figures of one testimony, or of several added up."""

    forms: int = 0
    proposed: int = 0
    traps: int = 0
    trapped: int = 0
    trapped_or_forms: int = 0
    candidates: int = 0
    others: int = 0
    people: int = 0
    absent: int = 0
    absent_forms: int = 0
    absent_proposed: int = 0
    leaks: int = 0
    parts: int = 0
    blind: int = 0
    withheld: float = 0.0
    outputs: int = 0
    refused: int = 0
    labels: int = 0
    joint: int = 0
    missed: list[str] = field(default_factory=list)
    trap_words: list[str] = field(default_factory=list)
    other_words: list[str] = field(default_factory=list)
    leaked: list[str] = field(default_factory=list)
    leaked_parts: list[str] = field(default_factory=list)
    shown_blind: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)

    def add(self, other: Counts) -> None:
        """Add the figures of another testimony."""
        for name, value in asdict(other).items():
            setattr(self, name, getattr(self, name) + value)


@cache
def _tight(text: str) -> str:
    return re.sub(r"[\s\u200b]", "", text).lower()


@cache
def _words(text: str) -> str:
    """Latin words between single spaces, marks undone."""
    plain = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    return f" {' '.join(re.findall('[A-Za-z]+', plain))} "


def holds(candidate: str, form: Form) -> bool:
    """Whether hiding a candidate hides a form: the form is in it, or the part of it that names is."""
    one, text, core = (_tight(w).strip(".") for w in (candidate, form.text, form.core))
    return (text in one and len(one) <= len(text) + TITLE) or (one in text and core in one)


def proposals(made: Invented) -> Counts:
    """What of one testimony is proposed."""
    found = candidates(Read(language, text) for language, text in made.texts.items())
    forms = [form for used in made.used.values() for _, form in sorted(used, key=str)]
    lost = {form for form in forms if not any(holds(c, form) for c in found)}
    missed = [form.text for form in forms if form in lost]
    unlisted = {p.key for p in made.people if _is_absent(p.key)}
    rare = [form for used in made.used.values() for key, form in used if key in unlisted]
    traps = [w for listed in made.traps.values() for w in sorted(listed)]
    either = [w for w in traps if any(_is_trap(c, w) for c in found)]
    right = {
        _tight(w).strip(".")
        for p in made.people
        for listed in p.forms.values()
        for f in listed
        for w in (f.text, f.core)
    }
    strange = [c for c in found if _tight(c).strip(".") not in right]
    trapped = [w for w in traps if any(_is_trap(c, w) for c in strange)]
    every = "\n".join({_tight(f.text) for p in made.people for listed in p.forms.values() for f in listed})
    others = [c for c in found if _tight(c) not in every and not any(f in _tight(c) for f in every.split("\n"))]
    return Counts(
        forms=len(forms), proposed=len(forms) - len(missed), traps=len(traps), trapped=len(trapped),
        trapped_or_forms=len(either), candidates=len(found),
        others=len(others), people=len(made.people), absent=len(unlisted), absent_forms=len(rare),
        absent_proposed=sum(form not in lost for form in rare), missed=missed, trap_words=trapped, other_words=others,
    )  # fmt: skip


def _is_trap(candidate: str, word: str) -> bool:
    if word.isascii():
        return _words(candidate) in _words(word) or _words(word) in _words(candidate)
    return _tight(candidate) in _tight(word) or _tight(word) in _tight(candidate)


def _is_absent(key: str) -> bool:
    """Whether no surname of the shipped data begins the whole name (ends it, of a Latin one)."""
    if key.isascii():
        return key.split()[-1].lower() not in latin().surname | latin().given
    known, plain = names(), fold(key.replace("ヶ", "之").replace("ノ", "之"))
    listed = {*known.surnames, *known.surnames_ja}
    return not any(plain[:size] in listed for size in range(1, len(plain)))


def published(made: Invented, folder: Path) -> dict[str, bytes]:
    """Everything that a case of one testimony publishes after everybody was ruled private."""
    case = folder / "case"
    for language, of in (("zh", ""), ("ja", "zh"), ("en", "zh")):
        (folder / f"{language}.md").write_text(made.texts[language], "utf-8")
        forebear.case_add(
            case, folder / f"{language}.md", language=language, id=language, of=of, title=ACCOUNT,
            role="translation" if of else "original", trust_language=True,
        )  # fmt: skip
    forebear.case_align(case)
    forebear.case_check(case)
    forebear.case_names(case, all_private=True)
    document = forebear.case_report(case)
    found = {p.name: p.read_bytes() for p in (case / "report").iterdir()}
    for form in ("text", "json", "html", "csv"):
        found |= {f"{form} {language}": rendered(document, form, language) for language in LANGUAGES}
    forebear.case_seal(case, folder / "bag", report_only=True)
    found["withheld"] = str(sum(m["values"]["share"] for m in document["limits"] if m["key"] == SHARE)).encode()
    found["names of files"] = " ".join(p.name for p in folder.rglob("*") if p.parent.name != "case").encode()
    return found | {f"bag/{p.name}": p.read_bytes() for p in (folder / "bag").rglob("*") if p.is_file()}


def blind(made: Invented, fixed: str) -> list[str]:
    """Forms that a report shows whole where it hides one name that nobody here bears, and nobody was proposed."""
    stranger = CaseFile("", "", name=(Name(text="裘乞丐", ruling="private", pseudonym="Person 1"),))
    found = {}
    for language, text in made.texts.items():
        shown = Withheld(search_of(stranger))
        lines = [shown.shown(line, language) for line in text.split("\n")]
        found[language] = "\n".join(lines).encode()
    one = {language: Invented(made.people, used={language: used}) for language, used in made.used.items()}
    return [form for language, data in found.items() for form in leaks(one[language], {language: data}, fixed)]


def parts(made: Invented, outputs: Mapping[str, bytes], fixed: str) -> list[str]:
    """The same as `leaks` of the parts of forms in Han characters that name, where they are two characters or more."""
    cores = {
        lang: {
            (key, Form(f.core, f.core)) for key, f in used if re.fullmatch("[\u3040-\u30ff\u3400-\u9fff]{2,}", f.core)
        }
        for lang, used in made.used.items()
    }
    return leaks(Invented(made.people, used=cores), outputs, fixed)


def leaks(made: Invented, outputs: Mapping[str, bytes], fixed: str) -> list[str]:
    """Forms that stand in an output, by the generator's own list; fixed: words of the story itself, which name nobody."""
    plain_fixed, fixed_words = _tight(fixed), _words(fixed)
    found = []
    for name, data in outputs.items():
        text = unescape(re.sub("<[^>]*>", "", unescape(data.decode("utf-8"))))
        text = json.dumps(json.loads(text), ensure_ascii=False) if text.lstrip().startswith("{") else text
        wide, words = _tight(unicodedata.normalize("NFKC", text)), _words(text)
        for used in made.used.values():
            for _, form in used:
                if _tight(form.text).isascii() or not re.search(r"[\u3040-\u9fff]", form.text):
                    there = any(_words(w) in words and _words(w) not in fixed_words for w in {form.text, form.core})
                else:
                    there = _tight(form.text) in wide and _tight(form.text) not in plain_fixed
                if there:
                    found.append(f"{name}: {form.text}")
    return found


def main() -> None:
    """Measure and write the figures; exit 1 on a leak."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stock", choices=sorted(p.stem for p in HERE.glob("*.toml")), default="seen")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--proposals-only", action="store_true")
    parser.add_argument("-o", type=Path)
    given = parser.parse_args()
    table, total, start = stock(given.stock), Counts(), time.monotonic()
    done: list[int] = []
    fixed = "\n".join(map(str, (ACCOUNT, *table["pattern"], *table["trap"], *table["places"])))
    for seed in given.seeds:
        made = invent(table, seed)
        counts = proposals(made)
        counts.shown_blind = blind(made, fixed)
        counts.blind = len(counts.shown_blind)
        if not given.proposals_only:
            _publish(made, fixed, counts)
        total.add(counts)
        done.append(seed)
        text = (
            json.dumps(_document(given.stock, done, total, time.monotonic() - start), indent=1, ensure_ascii=False)
            + "\n"
        )
        if given.o:
            given.o.write_text(text, "utf-8")
    print(text)
    raise SystemExit(bool(total.leaks))


def _publish(made: Invented, fixed: str, counts: Counts) -> None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            outputs = published(made, Path(folder))
        except (RefusedError, ExpectationError) as error:
            counts.refused, counts.refusals = 1, [error.what]
            return
        finally:
            given = {n.pseudonym for n in load_case(Path(folder) / "case").name if n.pseudonym}
            counts.joint = sum(EITHER in label for label in given)
            counts.labels = len(given) - counts.joint
    counts.withheld = float(outputs.pop("withheld"))
    counts.leaked, counts.leaked_parts = leaks(made, outputs, fixed), parts(made, outputs, fixed)
    counts.leaks, counts.parts, counts.outputs = len(counts.leaked), len(counts.leaked_parts), len(outputs)


def _document(name: str, seeds: list[int], total: Counts, seconds: float) -> dict[str, Any]:
    shares = {
        "candidates_share": round(total.proposed / total.forms, 4),
        "traps_share": round(total.trapped / total.traps, 4),
        "traps_or_forms_share": round(total.trapped_or_forms / total.traps, 4),
        "blind_share": round(total.blind / total.forms, 4),
        "withheld_mean": round(total.withheld / len(seeds), 4),
        "others_share": round(total.others / total.candidates, 4),
        "absent_share": round(total.absent / total.people, 4),
        "labels_a_person": round(total.labels / total.people, 2),
        "absent_candidates_share": round(total.absent_proposed / total.absent_forms, 4),
    }
    return {"stock": name, "seeds": seeds, **shares, **asdict(total), "seconds": round(seconds)}


if __name__ == "__main__":
    main()
