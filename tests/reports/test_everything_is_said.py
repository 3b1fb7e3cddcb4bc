"""A verdict says the same in every language: the same messages, and in each of them every value that English says.

Asked of every message in the golden documents and in documents of the bench's and the tests' generators (tests/data/said.json,
made by `python -m tests.reports.make_said`), and of one message made for every key that none of these holds.
"""

from __future__ import annotations

import json
import re
import string
from functools import cache
from pathlib import Path

import pytest

from forebear.reports.catalogue import LANGUAGES, catalogue, power_of_ten
from forebear.reports.page import raised
from forebear.reports.show import rendered
from tests.reports.documents import demo_comparison
from tests.reports.make_said import SAID, messages_in

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
OTHERS = [language for language in LANGUAGES if language != "en"]
LABELS = {
    "page", "column", "relation", "headline", "caveat", "direction", "found", "figure_of", "role", "kind", "test", "about",
    "h0", "term", "part", "figure", "text", "inspect", "trace", "count", "tokens", "kinship", "many", "read", "container",
}  # fmt: skip
"""Tables of words that reports ask for by themselves; the others hold what documents say."""
MADE_UP = {"d": 1_234_567, ",": 1_234_567, "f": 0.4375, "%": 0.4375, "g": 12_500.0, "": "chosen text"}
"""A value for a slot by the last letter of its format."""


def slots(text):
    """(name, format) of every slot of a template that shows its value: `{count:-|is|are}` is a word alone."""
    found = [(name, spec.partition("|")[0]) for _, name, spec, _ in string.Formatter().parse(text) if name]
    return [(name, form) for name, form in found if form != "-"]


@cache
def documents():
    """Messages of each golden document that holds any, of the documents in said.json and of the bench's kept verdicts."""
    kept = [*sorted(GOLDEN.glob("*.json")), *sorted((SAID.parent / "said").glob("*.json"))]
    golden = {path.stem: json.loads(path.read_bytes()) for path in kept}
    found = {name: list(messages_in(document)) for name, document in golden.items()}
    made = json.loads(SAID.read_bytes())
    return {name: said for name, said in {**found, **made["documents"]}.items() if said}


@cache
def keys_of_documents():
    return {said["key"] for messages in documents().values() for said in messages}


def made(key):
    """A message for a key, its values of the kind that the slots want."""
    values = {}
    for name, spec in slots(catalogue("en").words[key]):
        values[name] = -12.5 if name == "p" else MADE_UP[spec[-1:] if spec[-1:] in MADE_UP else ""]
    return {"key": key, "values": values}


def shown(said, language):
    """What a message shows of its values: text as it is, figures in the digits that the English words ask for."""
    words = catalogue("en").words
    if said["key"].startswith("term.") or said["key"] not in words:
        return
    for name, spec in slots(words[said["key"]]):
        yield from _shown(name, spec, said["values"][name], language)


def _shown(name, spec, value, language):
    if isinstance(value, dict):
        yield from shown(value, language)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _shown(name, spec, one, language)
    else:
        yield power_of_ten(value) if name == "p" else format(value, spec)


def assert_said_whole(said, language):
    text, spoken = catalogue(language).say(said)
    assert spoken == language, said["key"]
    for value in shown(said, language):
        assert value in text, (said["key"], language, value, text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_of_every_document_is_said_with_all_its_values(language):
    count = 0
    for messages in documents().values():
        for said in messages:
            assert_said_whole(said, language)
            count += 1
    assert count > 500


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_message_that_no_document_here_holds_is_said_with_all_its_values(language):
    lacking = [key for key in catalogue("en").words if key.partition(".")[0] not in LABELS and key not in keys_of_documents()]
    for key in lacking:
        assert_said_whole(made(key), language)


def test_the_documents_hold_most_of_what_a_verdict_can_say():
    keys = {key for key in catalogue("en").words if key.startswith("verdict.")}
    assert len(keys) > 35
    assert len(keys & keys_of_documents()) >= 30


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*-second-*.json")), ids=lambda path: path.stem)
def test_text_and_page_of_a_document_hold_every_value(path, language):
    """What the words show is in the report as well: no clause is left out on the way."""
    document = json.loads(path.read_bytes())
    said = document["verdict"]["words"] if "verdict" in document else [*document["odd"], *document["claims"]]
    text = re.sub(r"\s+", "", rendered(document, "text", language).decode())
    page = rendered(document, "html", language).decode()
    for one in [*said, *document["limits"]]:
        sentence = catalogue(language).text(one)
        assert re.sub(r"\s+", "", sentence) in text, one["key"]
        assert _escaped(raised(sentence)) in UNBROKEN.sub(r"\1", page), one["key"]


UNBROKEN = re.compile(r'<span class="nb">([^<]*)</span>')
"""A name or an option kept on one line: marks that change no word."""


def _escaped(text):
    from markupsafe import escape

    return str(escape(text))


ENGLISH = re.compile(r"[A-Za-z]?[a-z']+(?: [a-z']+){3,}")
"""Four English words in a row."""


def english_in(report):
    """Runs of English words in a report; of a page without its styles and what says itself that it is English."""
    plain = re.sub(r"<style>.*?</style>|<([a-z0-9]+)[^>]*lang=\"en\"[^>]*>.*?</\1>", "", report, flags=re.DOTALL)
    return ENGLISH.findall(re.sub(r"<[^>]*>", "\n", plain))


def made_today():
    """Golden inspections, and the demo's comparisons made anew: golden ones of the first days hold English limits inside."""
    yield from (json.loads(path.read_bytes()) for path in sorted(GOLDEN.glob("inspection-second-*.json")))
    yield from (demo_comparison(which) for which in (0, 1))


@pytest.mark.parametrize("language", OTHERS)
def test_no_report_of_another_language_holds_an_english_sentence(language):
    for document in made_today():
        for form in ("text", "html"):
            assert english_in(rendered(document, form, language).decode()) == [], (document["reproduce"], form)
        assert len(english_in(rendered(document, "text").decode())) > 3


def test_an_english_sentence_in_a_report_would_be_noticed():
    document = json.loads((GOLDEN / "inspection-second-odd.json").read_bytes())
    document["limits"].append("values of this file were not read")
    assert english_in(rendered(document, "text", "ja").decode()) == ["values of this file were not read"]
