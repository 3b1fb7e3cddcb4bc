"""Rulings on findings: kept by content, found again, shown and folded everywhere, masked, and refused when they fit nothing."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import forebear
from forebear.casefile.checks.findings import Finding, Ground, Rule
from forebear.casefile.document import read_texts
from forebear.casefile.folder.folder import digest as sha256
from forebear.casefile.folder.folder import load_case
from forebear.casefile.records import load_findings
from forebear.casefile.rulings import load_rulings
from forebear.core.documents import problems_of
from forebear.core.errors import ExpectationError, RefusedError, UsageError
from forebear.reports.cases.page import case_page
from forebear.reports.cases.text import case_lines, case_rows
from forebear.reports.catalogue import LANGUAGES

EN = "The model has 38 layers. It was not trained on 512 chips. Yue Jun kept the code."
JA = "このモデルは48層である。512個のチップで訓練した。コードは残っていた。"
QUOTED = EN.replace("38 layers", "“38 layers”").replace("not trained", "not really trained")
"""The same departures; a negation is not told, a figure is, in quotation marks too."""


def made(folder: Path, en: str = EN, ja: str = JA) -> Path:
    """A case of two texts, aligned and checked."""
    case = folder / "case"
    for name, text, of in (("en", en, ""), ("ja", ja, "en")):
        path = folder / f"{name}.txt"
        path.write_text(text, "utf-8")
        forebear.case_add(case, path, language=name, role="translation" if of else "original", of=of, title="Layers")
    forebear.case_align(case)
    forebear.case_check(case)
    return case


def finding(document: Any, rule: str) -> Any:
    (found,) = (f for f in document["findings"] if f["rule"] == rule)
    return found


def key_of(case: Path, rule: str) -> str:
    return str(finding(forebear.case_check(case, all=True), rule)["id"])


def hide(case: Path) -> None:
    """Hide Yue Jun, whose name Japanese writes as the case says."""
    forebear.case_names(case, private=("Yue Jun",), all_private=True)
    path = case / "case.toml"
    path.write_text(path.read_text("utf-8").replace('pseudonym = "Person 1"', 'pseudonym = "Person 1"\nalso = ["岳軍"]', 1), "utf-8")


def shown(document: Any, language: str = "en") -> str:
    return "\n".join(line.text for line in case_lines(document, language))


@pytest.fixture(autouse=True)
def every_condition_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which conditions are told by their figures is no matter here."""
    monkeypatch.setattr(Ground, "told", True)


@pytest.fixture
def case(tmp_path: Path) -> Path:
    return made(tmp_path)


def test_what_is_counted_is_counted_aloud_and_nothing_is_lost(tmp_path: Path) -> None:
    case = made(tmp_path, QUOTED, JA.replace("48層", "「48層」"))
    document, every = forebear.case_check(case), forebear.case_check(case, all=True)
    assert problems_of(document) == []
    assert [f["rule"] for f in every["findings"]][:2] == ["negation/polarity", "number/value"]
    counts = document["counted"]
    assert document["findings"] == () or all(f["told"] for f in document["findings"])
    assert counts["to_look_at"] == len(every["findings"]) - len(document["findings"]) >= 1
    assert counts["to_look_at"] == counts["critical"] + counts["major"] + counts["minor"]
    for language in LANGUAGES:
        said = shown(document, language).replace("\n", "").replace(" ", "")
        assert "forebearcasecheckCASE--all" in said, language
        assert "forebear case check CASE --all" in re.sub(r"<[^>]*>", "", case_page(document, language).decode()), language
        assert "forebearcasecheckCASE--all" not in shown(every, language).replace("\n", "").replace(" ", "")
    assert "does not mean that the texts agree" in " ".join(shown(document).split())


@pytest.mark.parametrize("ruling", ["accepted", "dismissed"])
def test_a_ruling_is_shown_in_every_form_and_deletes_nothing(
    monkeypatch: pytest.MonkeyPatch, case: Path, ruling: str
) -> None:
    monkeypatch.setattr(Rule, "told", True)
    key = key_of(case, "number/value")
    before = (case / "findings" / "findings.json").read_bytes()
    told = forebear.case_check(case)["counted"]["told"]
    alone = forebear.case_rule(case, key, ruling, why="=the print\n says  38")
    assert [f["id"] for f in alone["findings"]] == [key]
    assert (case / "findings" / "findings.json").read_bytes() == before
    document = forebear.case_check(case)
    assert finding(document, "number/value")["ruling"] == {"ruling": ruling, "why": "=the print says 38"}
    assert told == 2
    assert document["counted"]["told"] - told == -(ruling == "dismissed")
    assert document["counted"][ruling] == 1
    for language in LANGUAGES:
        assert "=theprintsays38" in "".join(shown(document, language).split())
    assert shown(document).startswith(f"2 sources, {'1 departure' if ruling == 'dismissed' else '2 departures'} listed")
    assert [row[-3:] for row in case_rows(document) if row[0] == "number/value"] == [[key, ruling, "=the print says 38"]]
    forebear.case_names(case, public=("Yue Jun",))
    page = case_page(forebear.case_report(case)).decode()
    assert "=the print says 38" in page
    assert ("<details><summary>1 finding dismissed" in page) == (ruling == "dismissed")
    rows = (case / "report" / "findings.csv").read_text("utf-8")
    assert f"{key},{ruling},'=the print says 38" in rows
    assert ",'," not in rows
    entry = finding(json.loads((case / "report" / "case.json").read_bytes()), "number/value")
    assert (entry["id"], entry["ruling"]["ruling"]) == (key, ruling)


def test_what_is_listed_is_numbered_without_a_gap_where_one_was_dismissed(monkeypatch: pytest.MonkeyPatch, case: Path) -> None:
    monkeypatch.setattr(Rule, "told", True)
    listed = forebear.case_check(case)["findings"]
    assert len(listed) > 1
    forebear.case_rule(case, listed[0]["id"], "dismissed", why="the print says so")
    page = case_page(forebear.case_check(case)).decode()
    assert re.findall(r'<li value="(\d+)"', page) == [str(n) for n in range(1, len(listed))]
    assert len(set(re.findall(r'id="f(\d+)"', page))) == len(listed)


def test_another_ruling_replaces_the_first_and_comments_stay(case: Path) -> None:
    key, other = key_of(case, "number/value"), key_of(case, "negation/polarity")
    forebear.case_rule(case, key[:4], "accepted", why="one")
    forebear.case_rule(case, other, "dismissed", why="two")
    path = case / "rulings.toml"
    path.write_text(path.read_text("utf-8").replace("[[ruling]]", "# seen with the author\n[[ruling]]", 1), "utf-8")
    forebear.case_rule(case, key.upper(), "dismissed", why="three")
    assert sorted((r.ruling, r.why) for r in load_rulings(case)) == [("dismissed", "three"), ("dismissed", "two")]
    assert "# Rulings on findings" in path.read_text("utf-8")


@pytest.mark.parametrize(
    ("asked", "ruling", "why", "message"),
    [
        ("0000000000", "accepted", "x", "no finding '0000000000'"),
        ("ab", "accepted", "x", "too short"),
        ("KEY", "maybe", "x", "'maybe' is no ruling"),
        ("KEY", "accepted", " \n", "needs a reason"),
        ("KEY", "accepted", "x" * 2001, "at most 2,000 characters"),
        ("KEY", "accepted", "a\u202eb", "without control characters"),
    ],
)
def test_what_fits_nothing_is_refused_and_nothing_is_written(case: Path, asked: str, ruling: str, why: str, message: str) -> None:
    key = key_of(case, "number/value")
    with pytest.raises(UsageError, match=message) as refused:
        forebear.case_rule(case, key if asked == "KEY" else asked, ruling, why=why)
    assert refused.value.todo
    assert not (case / "rulings.toml").exists()


def test_an_id_that_several_findings_begin_with_is_refused_with_both(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forebear.casefile.rulings.digest", lambda data: "abcd" + sha256(data))
    with pytest.raises(UsageError, match="findings begin with 'abcd'") as refused:
        forebear.case_rule(case, "abcd", "accepted", why="x")
    assert key_of(case, "number/value") in str(refused.value.todo)


def test_a_case_without_findings_says_what_to_do(tmp_path: Path) -> None:
    case = made(tmp_path)
    (case / "findings" / "findings.json").unlink()
    with pytest.raises(UsageError, match="no findings to rule on"):
        forebear.case_rule(case, "abcd1234", "accepted", why="x")


def _again(tmp_path: Path, case: Path, en: str, ja: str = JA) -> Path:
    """The same case with other texts, and the rulings of the first."""
    (tmp_path / "new").mkdir()
    new = made(tmp_path / "new", en, ja)
    shutil.copy(case / "rulings.toml", new / "rulings.toml")
    return new


@pytest.mark.parametrize(
    ("old", "new", "kept"),
    [
        ("The model", "A sentence before it. The model", True),
        ("The model has", "The  model — has", True),
        ("The model has 38", "The big model has 38", True),
        ("38 layers", "39 layers", False),
        ("The model has 38 layers", "38 engineers then left the laboratory in spring", False),
    ],
)
def test_a_ruling_holds_when_a_text_changes_a_little_and_no_further(tmp_path: Path, case: Path, old: str, new: str, kept: bool) -> None:
    forebear.case_rule(case, key_of(case, "number/value"), "dismissed", why="both are right")
    changed = _again(tmp_path, case, EN.replace(old, new))
    document = forebear.case_check(changed, all=True)
    ruled = [f["rule"] for f in document["findings"] if f["ruling"]]
    assert ruled == (["number/value"] if kept else [])
    lost = [one["values"]["count"] for one in document["limits"] if one["key"] == "case_rulings.lost"]
    assert lost == ([] if kept else [1])
    assert len(load_rulings(changed)) == 1


def test_of_two_findings_as_near_none_takes_the_ruling(tmp_path: Path, case: Path) -> None:
    forebear.case_rule(case, key_of(case, "negation/polarity"), "dismissed", why="both are right")
    twice = [f"It was not trained on 512 {word} chips." for word in ("old", "big")]
    new = _again(tmp_path, case, f"{EN} {' '.join(twice)}".replace("512 chips", "512 new chips"), JA + "512個のチップで訓練した。" * 2)
    document = forebear.case_check(new, all=True)
    assert [f["rule"] for f in document["findings"]].count("negation/polarity") == 3
    assert [f for f in document["findings"] if f["ruling"]] == []
    assert "case_rulings.lost" in [one["key"] for one in document["limits"]]


def test_a_private_name_in_a_reason_is_replaced_and_a_new_one_stops_the_report(case: Path) -> None:
    hide(case)
    key = key_of(case, "number/value")
    forebear.case_rule(case, key, "accepted", why="Yue Jun showed the print")
    document = forebear.case_check(case)
    assert "Yue Jun" not in json.dumps(forebear.case_rule(case, key, "accepted", why="Yue Jun showed the print"), default=dict)
    assert finding(document, "number/value")["ruling"]["why"].endswith("showed the print")
    report = forebear.case_report(case)
    files = b"".join(p.read_bytes() for p in (case / "report").iterdir()) + case_page(report)
    assert b"Yue Jun" not in files
    assert b"showed the print" in files
    forebear.case_rule(case, key, "accepted", why="Barnaby Thornquist showed the print")
    with pytest.raises(ExpectationError, match="Barnaby Thornquist"):
        forebear.case_report(case)
    assert b"Thornquist" not in b"".join(p.read_bytes() for p in (case / "report").iterdir())


def test_a_finding_beside_a_hidden_name_has_no_id_in_a_report(tmp_path: Path) -> None:
    case = made(tmp_path, "Yue Jun said the model has 38 layers. It was not trained on 512 chips.", JA.rpartition("コード")[0])
    assert key_of(case, "number/value")
    hide(case)
    report = forebear.case_report(case, all=True)
    assert finding(report, "number/value")["id"] == ""
    assert finding(report, "negation/polarity")["id"]


HOSTILE = {
    'ruling = "accepted"': ('ruling = "maybe"', "none of accepted, dismissed"),
    'why = "x"': ('why = "  "', "no reason"),
    'rule = "number/value"': ('rule = "number/value"\nextra = 1', "extra"),
    "[[ruling]]": ("[[ruling", "rulings.toml"),
}


@pytest.mark.parametrize("old", HOSTILE)
def test_a_hostile_file_of_rulings_is_refused_by_name(case: Path, old: str) -> None:
    forebear.case_rule(case, key_of(case, "number/value"), "accepted", why="x")
    path = case / "rulings.toml"
    new, message = HOSTILE[old]
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(RefusedError, match=message):
        forebear.case_check(case)


def test_a_link_in_place_of_the_file_is_refused(tmp_path: Path, case: Path) -> None:
    (tmp_path / "elsewhere.toml").write_text("", "utf-8")
    (case / "rulings.toml").symlink_to(tmp_path / "elsewhere.toml")
    with pytest.raises(RefusedError, match="is a link"):
        forebear.case_rule(case, key_of_raw(case), "accepted", why="x")
    assert (tmp_path / "elsewhere.toml").read_text("utf-8") == ""


def key_of_raw(case: Path) -> str:
    """The id of the first finding without reading rulings."""
    from forebear.casefile.rulings import content_of

    texts = read_texts(case, load_case(case))
    found: list[Finding] = load_findings(case, load_case(case), texts)
    return content_of(found[0], texts).id()


def test_quoted_control_characters_survive_the_file(tmp_path: Path) -> None:
    case = made(tmp_path, EN.replace("38 layers", "38\u202e \u200blayers"))
    key = key_of(case, "number/value")
    forebear.case_rule(case, key, "dismissed", why='a "quote" \\ and ] # 終')
    assert finding(forebear.case_check(case), "number/value")["ruling"]["why"] == 'a "quote" \\ and ] # 終'


def test_a_kill_leaves_the_rulings_before_or_after(case: Path) -> None:
    keys = [key_of(case, rule) for rule in ("number/value", "negation/polarity")]
    forebear.case_rule(case, keys[0], "accepted", why="first")
    call = f"import forebear\nwhile True: forebear.case_rule({str(case)!r}, {keys[1]!r}, 'dismissed', why='second')"
    for wait in (0.9, 1.1, 1.3):
        process = subprocess.Popen([sys.executable, "-c", call])
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert {r.why for r in load_rulings(case)} in ({"first"}, {"first", "second"})
