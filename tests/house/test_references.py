"""Every reference that code and documentation make leads to something in the repository."""

from __future__ import annotations

import pytest

from tests.house.references import ROOT, anchors, files, problems, texts_of


@pytest.mark.parametrize("path", files(), ids=lambda p: str(p.relative_to(ROOT)))
def test_every_reference_leads_somewhere(path):
    where = str(path.relative_to(ROOT))
    assert [said for line, text in texts_of(path) for said in problems(text, where, line)] == []


def test_the_methods_have_twenty_sections_and_the_style_thirteen_rules():
    assert {f"s{n}" for n in range(1, 21)} <= anchors(ROOT / "docs/methods.md")
    assert {f"style-{n}" for n in range(1, 14)} <= anchors(ROOT / "docs/contributing/style.md")


def test_references_are_found_at_all():
    seen = "\n".join(text for path in files() for _, text in texts_of(path))
    assert seen.count("METHODS §") > 900
    assert seen.count("STYLE ") > 5
    assert seen.count("decision 00") > 10


BROKEN = {
    "a section that is not there": "Source: METHODS §21.",
    "the second of two sections": "METHODS §2, §33: gated MLP",
    "the end of a range": "(METHODS §3, §5-80, §11)",
    "a step that is not there": "Source: METHODS §9 (7).",
    "a step in words": "(METHODS §9, steps 3 and 6)",
    "no section at all": "by METHODS, never by id",
    "a rule that is not there": "parsed strictly (STYLE 14)",
    "the last of several rules": "(STYLE 6, 7, 41)",
    "a document that is not ours": "the exit code DESIGN gives it",
    "another one": "PEERS §0 (vocabulary reorder)",
    "an issue": "what issue 3 asks for",
    "a decision that is not there": "frozen (decision 9999)",
    "half the name of a record": "frozen (docs/decisions/0002)",
    "a page that is not there": "See docs/nowhere.md for its keys.",
    "an anchor that is not there": "its exit code (docs/reference.md#exit-words)",
    "a module that has moved": "raises `forebear.core.mistakes.RefusedError`",
    "a name that its module lacks": "raises forebear.core.errors.RefusalError",
    "a file of code that has moved": "levels are in `forebear/stats/levels.py`",
    "a command": "`forebear ponder` for the step itself",
    "a link": "see [gauge](gouge.md)",
    "a link to an anchor": "see [gauge](gauge.md#weighed)",
    "a picture": "![deck](deck.png)",
}
SOUND = (
    "Source: METHODS §9 (4), §11; STYLE 6, 7.",
    "(METHODS §9, steps 3 and 4)",
    "METHODS §5-8, §11",
    "decision 0002 and docs/gauge.md#measured",
    "[codes](reference.md#exit-codes) and [this](reference.md)",
    "forebear.core.errors.RefusedError in `forebear/core/errors.py`",
    "an entry point of `forebear.families`",
    "results in `bench/results/gauge-SHAPE.json`",
    "`forebear tokenizers cost` and `forebear compare A B`",
    "![deck](deck.svg)",
    "https://example.org/docs/nowhere.md",
)


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_reference_is_told_with_its_place(kind):
    (said, *_) = problems(f"first line\n{BROKEN[kind]}\n", "docs/made-up.md")
    assert said.startswith("docs/made-up.md:2: ")


@pytest.mark.parametrize("text", SOUND)
def test_a_sound_reference_passes(text):
    assert problems(text, "docs/made-up.md") == []
