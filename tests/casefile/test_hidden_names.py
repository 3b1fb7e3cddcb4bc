"""A name that was ruled private comes out of nothing that is published: in no form, no script, no file name, no digest."""

from __future__ import annotations

import dataclasses
import html
import json
import re
import subprocess
import sys
import unicodedata
from collections.abc import Mapping
from pathlib import Path

import pytest

import forebear
from forebear.casefile import verbs
from forebear.casefile.checks.conversion import can_convert
from forebear.casefile.checks.name_checks import can_sound
from forebear.casefile.folder.folder import load_case, save_case
from forebear.casefile.folder.model import CaseFile, Name
from forebear.casefile.privacy.search import search_of
from forebear.core.errors import ExpectationError, RefusedError
from forebear.reports.catalogue import LANGUAGES
from forebear.reports.show import rendered
from tests.casefile.testimony import PLAIN, PLOTS, Testimony, invent
from tests.said import said

extras = pytest.mark.skipif(not (can_sound() and can_convert()), reason="the extra `cases` is not installed")
SAID = " ".join(" ".join(lines) for lines in (*PLOTS, *PLAIN))
"""Words of the stories themselves, which name nobody."""
BULK = 31


def _made(folder: Path, testimony: Testimony) -> Path:
    for name, role, of in (("zh", "original", ""), ("ja", "translation", "zh"), ("en", "translation", "zh")):
        (folder / f"{name}.md").write_text(getattr(testimony, name), "utf-8")
        forebear.case_add(
            folder / "case", folder / f"{name}.md", language=name, id=name, role=role, of=of, title="An account"
        )
    verbs.case_align(folder / "case")
    verbs.case_check(folder / "case")
    return folder / "case"


def _hide(case: Path, testimony: Testimony) -> None:
    """The whole names are private; what `check` proposed waits for its ruling."""
    found = load_case(case)
    people = [p.name for p in testimony.people]
    names = [Name(text=p, ruling="private") for p in people] + [n for n in found.name if n.text not in people]
    save_case(case, dataclasses.replace(found, name=tuple(names)))


def _rule(case: Path) -> int:
    """Rule as an owner would: words of the story are no names, whatever else is asked is private. Returns how many were open."""
    found = load_case(case)
    ruled = [
        dataclasses.replace(n, ruling="not-a-name" if n.text in SAID or n.text.startswith("Later ") else "private")
        if n.ruling == "undecided"
        else n
        for n in found.name
    ]
    save_case(case, dataclasses.replace(found, name=tuple(ruled)))
    return sum(n.ruling == "undecided" for n in found.name)


def _reported(case: Path) -> tuple[Mapping[str, object], int]:
    """The document of the report, ruling again whenever it is refused; how often it was refused."""
    for refused in range(8):
        try:
            return verbs.case_report(case, every=True), refused  # those that are only counted too: they quote as well
        except ExpectationError as error:
            if error.exit_code != 1 or not _rule(case):
                raise  # refused, and nothing to rule on
    raise AssertionError("no end of rulings")


def _read(data: bytes) -> str:
    """What a reader sees, by other code than that under test: no tags, entities, escapes, marks, capitals or invisible signs."""
    text = data.decode("utf-8")
    if text.lstrip().startswith("{"):
        text = json.dumps(json.loads(text), ensure_ascii=False)
    text = html.unescape(re.sub(r"<[^>]*>", "", html.unescape(text)))
    text = unicodedata.normalize("NFKC", text)
    text = "".join(
        c
        for c in unicodedata.normalize("NFD", text)
        if not unicodedata.combining(c) and unicodedata.category(c) != "Cf"
    )
    return unicodedata.normalize("NFC", text).lower()


def _leaks(testimony: Testimony, outputs: Mapping[str, bytes]) -> list[tuple[str, str]]:
    found = []
    for name, data in outputs.items():
        text = _read(data)
        wide, latin = re.sub(r"[\s*・]", "", text), f" {' '.join(re.findall('[a-z]+', text))} "
        for person in testimony.people:
            for form in person.forms:
                plain = _read(form.encode())
                there = plain in latin if form.startswith(" ") else re.sub(r"[\s・]", "", plain) in wide
                if there:
                    found.append((name, form))
    return found


def _outputs(case: Path, document: Mapping[str, object]) -> dict[str, bytes]:
    found = {p.name: p.read_bytes() for p in (case / "report").iterdir()}
    found["names of files"] = " ".join(found).encode()
    for form in ("text", "json", "html", "csv"):
        for language in LANGUAGES if form in ("text", "html") else ("en",):
            found[f"report as {form} in {language}"] = rendered(document, form, language)
    return found


@extras
@pytest.mark.parametrize("seed", [2024, 7, 31])
def test_no_form_of_forty_invented_people_stands_in_any_output(tmp_path: Path, seed: int) -> None:
    testimony = invent(seed)
    assert len(testimony.people) >= 40
    case = _made(tmp_path, testimony)
    sources = {name: (tmp_path / f"{name}.md").read_bytes() for name in ("zh", "en")}
    seen = {form for _, form in _leaks(testimony, sources)}
    assert all(seen & set(person.forms) for person in testimony.people), "each of them stands in the sources"
    _hide(case, testimony)
    if seed == BULK:
        _rule(case)  # all at once, before a report says whose form is whose
    document, _ = _reported(case)
    withheld = [one for one in document["limits"] if one["key"] == "case_withheld.words"]
    assert withheld, "every form was ruled on, so the test would not show what becomes of the others"
    outputs = _outputs(case, document)
    assert len(outputs) >= 8
    assert _leaks(testimony, outputs) == []
    verbs.case_seal(case, tmp_path / "bag", report_only=True)
    sealed = {str(p.relative_to(tmp_path)): p.read_bytes() for p in (tmp_path / "bag").rglob("*") if p.is_file()}
    assert _leaks(testimony, sealed) == []


@extras
def test_words_of_the_story_that_were_ruled_no_names_stay(tmp_path: Path) -> None:
    case = _made(tmp_path, invent(5, 12))
    _hide(case, invent(5, 12))
    document, _ = _reported(case)
    text = rendered(document, "json").decode()
    for word in ("モデル", "词表", "vocabulary", "这个模型", "pictures"):
        assert word in text
    assert "[Person 1]" in text


NAME = "郗伟明"
FORMS = [
    "郗伟明", "郗偉明", "郗 伟 明", "郗<b>伟</b>明", "郗\u200b伟明", "郗&#20255;明", "\\u90d7\\u4f1f\\u660e", "%E9%83%97%E4%BC%9F%E6%98%8E",
    "希伟明", "郗维明", "席威鸣", "郗老师", "老郗", "郗总", "明哥", "阿明", "伟明", "郗：没有", "Xi Weiming", "WEIMING XI", "xi wei-ming", "Xǐ Wěimíng",
    "Ｘｉ　Ｗｅｉｍｉｎｇ", "XiWeiming", "weiming_xi@example.org", "mr. xi", "Xi laoshi", "W. Xi", "xiwm", "Weimign Xi", "Hsi Wei-ming", "Weiming said",
    "Xi, Weiming", "weimingxi.example.org", "郗·伟明", "郗氏", "ＸＷＭ", "明儿", "明子", "伟仔", "姓郗",
]  # fmt: skip
OTHERS = [
    "明天",
    "伟大的工程",
    "希望明天更好",
    "the taxi came",
    "a maximum of six",
    "明白了没有",
    "exit",
    "Wei said",
    "Minghui",
    "训练",
]


@extras
@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_hidden_name_is_seen(form: str) -> None:
    from forebear.casefile.privacy.guard import leaks

    case = CaseFile("", "", name=(Name(NAME, "private", pseudonym="Person 1"),))
    search = search_of(case)
    for name, data in (
        ("a.txt", f"那天 {form} 来了"),
        ("b.html", f"<p>then <i>{form}</i>.</p>"),
        ("c.json", json.dumps([form])),
    ):
        found = leaks(search, {name: data.encode()})
        assert found, (name, form)
        assert not _leaks_of(found), "the message must not hold the name itself"


def _leaks_of(messages: list[str]) -> list[str]:
    return [m for m in messages if re.search("郗|伟|weiming", m.lower())]


@extras
@pytest.mark.parametrize("words", OTHERS)
def test_words_that_only_look_like_it_are_left_alone(words: str) -> None:
    search = search_of(CaseFile("", "", name=(Name("郗伟铭", "private", pseudonym="Person 1"),)))
    assert search.hits(words) == [] or words == "Wei said"


@extras
@pytest.mark.parametrize("name", ["郗伟明.txt", "xi-weiming--en.tmx"])
def test_a_file_name_tells_as_much_as_a_text(name: str) -> None:
    from forebear.casefile.privacy.guard import leaks

    search = search_of(CaseFile("", "", name=(Name(NAME, "private", pseudonym="Person 1"),)))
    assert leaks(search, {name: b"nothing"})


def _small(tmp_path: Path, zh: str, en: str, *names: Name, source: str = "zh") -> Path:
    for name, language, text, of in ((source, "zh", zh, ""), ("en", "en", en, source)):
        (tmp_path / f"{name}.md").write_text(text, "utf-8")
        forebear.case_add(tmp_path / "case", tmp_path / f"{name}.md", language=language, id=name, role="translation" if of else "original",
                       of=of, trust_language=True)  # fmt: skip
    verbs.case_align(tmp_path / "case")
    save_case(tmp_path / "case", dataclasses.replace(load_case(tmp_path / "case"), name=names))
    return tmp_path / "case"


ZH, EN = "郗伟明训练了模型。模型有12层。大家都很累。", "Jacko trained the model. It has 12 layers. Everybody was tired."


@extras
def test_a_nickname_in_the_translation_is_asked_about_and_hidden_once_ruled(tmp_path: Path) -> None:
    case = _small(tmp_path, ZH, EN, Name(NAME, "private"))
    with pytest.raises(
        ExpectationError, match=r"1 words may show a hidden name: stands where another text names Person 1"
    ) as caught:
        verbs.case_report(case)
    assert "Jacko" not in str(caught.value)
    assert not list((case / "report").iterdir())
    (asked,) = [n for n in load_case(case).name if n.ruling == "undecided"]
    assert (asked.text, asked.of) == ("Jacko", "Person 1")
    _rule(case)
    assert "Jacko" not in rendered(verbs.case_report(case), "json").decode()


@extras
def test_a_refusal_is_resolved_by_ruling_the_word_public(tmp_path: Path) -> None:
    case = _small(tmp_path, ZH, EN, Name(NAME, "private"), Name("Jacko", "public"))
    assert "Jacko" in rendered(verbs.case_report(case), "json").decode()


@extras
def test_a_digest_by_which_the_hidden_name_could_be_tried_is_withheld(tmp_path: Path) -> None:
    case = _small(tmp_path, ZH, EN.replace("Jacko", "He"), Name(NAME, "private"))
    document = verbs.case_report(case)
    by_id = {s["id"]: s for s in document["sources"]}
    assert by_id["zh"]["sha256"] == ""
    assert any("withheld" in n for n in said(by_id["zh"]["notes"]))
    assert len(by_id["en"]["sha256"]) == 64, "a text without the name keeps its digest"
    kept = next(s.sha256 for s in load_case(case).source if s.id == "zh")
    assert kept not in rendered(document, "html").decode()


@extras
@pytest.mark.parametrize("place", ["id", "title", "claim", "date"])
def test_the_name_does_not_come_out_by_way_of_an_id_a_title_or_a_claim(tmp_path: Path, place: str) -> None:
    case = _small(
        tmp_path, ZH, EN.replace("Jacko", "He"), Name(NAME, "private"), source="xi-weiming" if place == "id" else "zh"
    )
    found = load_case(case)
    if place == "title":
        save_case(case, dataclasses.replace(found, title="The notes of 郗 伟 明 (Weiming XI)"))
    if place == "date":
        save_case(
            case,
            dataclasses.replace(found, source=tuple(dataclasses.replace(s, version="v1 郗老师") for s in found.source)),
        )
    if place == "claim":
        (case / "claims.toml").write_text(
            '[[claim]]\nid = "c"\nkind = "conduct"\nbasis = "hearsay"\n[claim.statement]\nen = "Old Xi trained it."\n',
            "utf-8",
        )
    document, _ = _reported(case)
    for name, data in _outputs(case, document).items():
        assert not re.search("郗|weiming|oldxi", re.sub(r"[^a-z郗]", "", _read(data))), name


@extras
def test_a_report_written_before_the_ruling_is_not_sealed(tmp_path: Path) -> None:
    case = _small(tmp_path, ZH, EN.replace("Jacko", "He"), Name(NAME, "public"))
    verbs.case_report(case)
    save_case(case, dataclasses.replace(load_case(case), name=(Name(NAME, "private"),)))
    with pytest.raises(
        ExpectationError, match=r"a hidden name would be published: report/case\.json: the whole name of Person 1"
    ):
        verbs.case_seal(case, tmp_path / "bag", report_only=True)
    assert not (tmp_path / "bag").exists()


@extras
def test_a_file_nobody_can_read_is_not_sealed_with_a_report(tmp_path: Path) -> None:
    case = _small(tmp_path, ZH, EN.replace("Jacko", "He"), Name(NAME, "private"))
    verbs.case_report(case)
    (case / "report" / "page.pdf").write_bytes(b"%PDF-1.7\xff\xfe\x00\x80")
    with pytest.raises(RefusedError, match="is no text"):
        verbs.case_seal(case, tmp_path / "bag", report_only=True)


@extras
def test_a_whole_seal_says_that_it_is_private_in_the_bag_and_on_stderr(tmp_path: Path) -> None:
    case = _small(tmp_path, ZH, EN, Name(NAME, "private"))
    done = subprocess.run(
        [sys.executable, "-m", "forebear.cli", "case", "seal", str(case), str(tmp_path / "bag")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "PRIVATE" in done.stderr
    assert "PRIVATE" in (tmp_path / "bag" / "bag-info.txt").read_text("utf-8")


@extras
def test_the_command_line_refuses_without_the_name_on_stdout(tmp_path: Path) -> None:
    case = _small(tmp_path, ZH, EN, Name(NAME, "private"))
    done = subprocess.run(
        [sys.executable, "-m", "forebear.cli", "case", "report", str(case), "-o", str(tmp_path / "page.html"), "--format", "html"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert not re.search("郗|Jacko|weiming", done.stderr.lower())
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize(
    ("name", "hidden", "left"), [("T. He", "then T. He came", "The file"), ("Tao He", "He T. said", "the file")]
)
def test_initials_that_make_a_word_with_the_surname_hide_no_word(name: str, hidden: str, left: str) -> None:
    search = search_of(CaseFile("", "", name=(Name(name, "private", pseudonym="Person 1"),)))
    assert search.hits(hidden)
    assert search.hits(left) == []


def test_a_quotation_cut_inside_another_word_makes_no_form_of_a_hidden_name() -> None:
    from forebear.casefile.document import _uncut

    search = search_of(CaseFile("", "", name=(Name("Zhang Wei", "private", pseudonym="Person 1"),)))
    body = "The report of Weihong Tower, which Zhang Wei wrote, is long."
    names = [(h.start, h.end) for h in search.hits(body)]
    assert [body[a:b] for a, b in names] == ["Zhang Wei"]
    assert search.hits(body[4:17]), "Wei, as the cut leaves it, is a form"
    assert _uncut(body[4:17], 4, names, search) == "report of "
    inside = body.index("Wei wrote")
    assert _uncut(body[19:inside], 19, names, search) == body[19 : body.index("Zhang")]


HOSTILE = [
    ("break", "郗伟\n明", "Xi Wei-\nming", "郗伟|伟明|weiming"),
    ("selectors", "郗伟\U000e0100明", "Xi Wei\ufe00\u00adming", "郗伟|伟明|weiming"),
    ("letters that look alike", "郗伟明", "\u0425\u0456 W\u0435im\u0456ng and \u0425\u0456", "[x\u0445][i\u0456]"),
    ("letters of mathematics", "郗伟明", "\U0001d417\U0001d422 \U0001d416\U0001d41e\U0001d422\U0001d426\U0001d422\U0001d427\U0001d420", "weiming"),
    ("radicals", "郗伟⽇⽉", "Xi Weiming", "郗伟|weiming"),
    ("ruby", "<ruby>郗<rt>Xī</rt>伟<rt>wěi</rt>明<rt>míng</rt></ruby>", "Xi Weiming", "郗|weiming"),
    ("link", "[他](https://example.org/郗伟明)", '[He](https://example.org/xi-weiming "Xi Weiming")', "郗伟|weiming"),
    ("picture", "![郗伟明](x.png)他", "![Xi Weiming](weiming.png) He", "郗伟|weiming"),
    ("note", "他[^1]", "He[^1]\n\n[^1]: Xi Weiming.", "weiming"),
    ("heading", "# 郗伟明\n\n他", "# Xi Weiming\n\nHe", "郗伟|weiming"),
    ("possessive", "郗伟明的同事", "Weiming’s colleague and Xi's friend", "weiming|xis"),
    ("title", "郗伟明", "Inspector Xi and Comrade Xi", "orxi|dexi"),
    ("handle", "郗伟明", "@xi_weiming_1988 and weiming.xi@corp.example", "weiming"),
    ("quotation", "他说：“郗伟明说：‘是’”。他", "He said: “Weiming said ‘yes’”. He", "伟明|weiming"),
    ("blanks", "郗某和郗××还有姓郗的", "Mr. X", "郗"),
    ("Zhuyin", "郗伟明", "ㄒㄧ ㄨㄟˇㄇㄧㄥˊ", "ㄨㄟ"),
    ("Hangul", "郗伟明", "시웨이밍", "시웨이밍"),
    ("nicknames", "老郗和小明还有阿明、明明、明儿", "Old Xi and Xiao Ming and Ah Ming and A-Ming", "郗|[小阿]明|ming"),
]  # fmt: skip


@extras
@pytest.mark.parametrize(("kind", "zh", "en", "never"), HOSTILE, ids=[row[0] for row in HOSTILE])
def test_a_name_comes_out_in_no_hostile_form_after_everybody_was_ruled_private(
    tmp_path: Path, kind: str, zh: str, en: str, never: str
) -> None:
    """What comes out of the report, or of its refusal; the sources hold what is looked for."""
    texts = (f"{zh}训练了模型。模型有12层。大家都很累。", f"{en} trained the model. It has 12 layers. Everybody was tired.")
    case = _small(tmp_path, *texts, Name(NAME, "private"))
    assert re.search(never, re.sub(r"[\W_]", "", _read("\n".join(texts).encode())))
    verbs.case_check(case)
    forebear.case_names(case, all_private=True)
    outputs = _outputs(case, forebear.case_report(case, all=True))
    said = json.dumps(json.loads(outputs["case.json"])["segments"], ensure_ascii=False).encode()
    assert not re.search(never, re.sub(r"[\W_]", "", _read(said)))
    for name, data in outputs.items():  # of these, what no word of a page holds: Xi is in none of them a word of its own
        assert not re.search("郗|伟明|weiming|ㄨㄟ|시웨이밍", re.sub(r"[\W_]", "", _read(data))), name


@pytest.mark.parametrize(("hidden", "shown"), [("高橋健一", "髙橋健一"), ("髙橋健一", "高桥健一"), ("山﨑茂", "山崎茂"), ("𠮷田茂", "吉田茂")])
def test_a_variant_of_a_character_is_the_same_name(hidden: str, shown: str) -> None:
    search = search_of(CaseFile("", "", name=(Name(hidden, "private", pseudonym="Person 1"),)))
    assert [h.kind for h in search.hits(f"資料は{shown}が直した。")] == ["the whole name"]
