"""What a verb returns reads like a mapping, is kept in a format by its ending, and opens again."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

import forebear
from forebear.cli import application, forms
from forebear.cli.main import guarded, run
from forebear.comparison.demo import demo_folder
from forebear.core.errors import ExpectationError, ForebearError, RefusedError, UsageError

DEMO = demo_folder()


@pytest.fixture(scope="module")
def document() -> forebear.Document:
    return forebear.compare(DEMO / "descendant", DEMO / "base")


def test_it_reads_like_a_mapping_and_cannot_be_changed(document: forebear.Document) -> None:
    assert document["schema"] == "forebear/comparison/2"
    assert len(document) == len(list(document))
    with pytest.raises(TypeError):
        document["schema"] = "another"  # type: ignore[index]
    with pytest.raises(TypeError):
        document["verdict"]["relation"] = "identical"
    plain = document.to_dict()
    plain["verdict"]["relation"] = "identical"
    assert document["verdict"]["relation"] == "related"


def test_it_is_kept_by_its_ending_and_opens_again(document: forebear.Document, tmp_path: Path) -> None:
    kept = document.save(tmp_path / "result.json")
    assert forebear.open(kept) == document
    assert hash(forebear.open(kept)) == hash(document)
    assert document.save(tmp_path / "page.html").read_bytes().startswith(b"<!doctype html>")
    assert document.save(tmp_path / "verdict.txt").read_text() == document.text()
    assert document.save(tmp_path / "rows.csv").read_text().count("\n") > 3
    japanese = document.save(tmp_path / "ja.txt", language="ja").read_text()
    assert japanese == document.text("ja") != document.text()


def test_an_ending_that_is_no_format_and_a_file_that_is_no_document_are_refused(
    document: forebear.Document, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=r"no format ends in '\.docx'"):
        document.save(tmp_path / "page.docx")
    with pytest.raises(UsageError, match=r"the result has no sarif report"):
        document.save(tmp_path / "page.sarif")
    assert not list(tmp_path.iterdir())
    (tmp_path / "other.json").write_text(json.dumps({"schema": "forebear/comparison/2"}))
    with pytest.raises(RefusedError, match="does not fit its schema"):
        forebear.open(tmp_path / "other.json")


def test_what_other_programs_read_is_kept_by_its_ending_too(tmp_path: Path) -> None:
    checked = forebear.verify(DEMO / "descendant", against=[DEMO / "base"])
    kept = [checked.save(tmp_path / f"out{ending}") for ending in (".sarif", ".xml", ".cdx.json", ".json")]
    forms = ("sarif", "junit", "cyclonedx", "json")
    for path, form in zip(kept, forms, strict=True):
        assert path.read_bytes() == checked.rendered(form)


def test_it_travels_between_processes(document: forebear.Document) -> None:
    assert pickle.loads(pickle.dumps(document)) == document  # noqa: S301


def test_its_repr_is_short_and_says_the_relation(document: forebear.Document) -> None:
    assert repr(document) == "<forebear/comparison/2: related>"
    assert len(repr(forebear.inspect(DEMO / "base"))) < 200


def test_a_notebook_shows_the_page_in_a_frame_without_script(document: forebear.Document) -> None:
    shown = document._repr_html_()
    frame, _, rest = shown.partition('srcdoc="')
    page, _, end = rest.partition('"')
    assert frame == "<iframe sandbox "
    assert end.startswith(" style=")
    assert end.count("<") == 1
    assert "<script" not in page.lower()
    assert "&quot;" in page


def test_a_result_without_a_page_shows_as_its_repr(tmp_path: Path) -> None:
    added = forebear.library_add([DEMO / "base"], into=tmp_path / "known")
    assert added._repr_html_() is None


def test_rows_are_a_table_where_pandas_is_and_a_reason_where_it_is_not(
    document: forebear.Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="no rows called 'proofs'"):
        document.rows("proofs")
    table = document.rows("evidence")
    assert len(table) == len(document["evidence"])
    assert list(table["test"]) == [row["test"] for row in document["evidence"]]
    monkeypatch.setattr("forebear.api.document.find_spec", lambda name: None)
    with pytest.raises(ForebearError, match="needs pandas"):
        document.rows("evidence")


def test_a_table_has_words_for_messages_and_neither_lists_nor_whole_documents(document: forebear.Document) -> None:
    pytest.importorskip("pandas")
    table = document.rows("evidence")
    assert list(table.columns[:2]) == ["test", "axis"]
    assert "best" not in table
    assert table["assumption"].dropna().str.contains(" ").all()
    many = forebear.compare(DEMO / "base", [DEMO / "descendant", DEMO / "independent"])
    pairs = many.rows("pairs")
    assert list(pairs.columns[:3]) == ["subject", "candidate", "relation"]
    assert "comparison" not in pairs
    assert "words" in pairs
    assert pairs["plain"][0].startswith("base and descendant share weights")
    assert many.rows("pairs.0.comparison.evidence").shape[0] == len(many["pairs"][0]["comparison"]["evidence"])
    for path in ("pairs.²", "pairs." + "9" * 5000, "pairs.7"):
        with pytest.raises(UsageError, match="has no rows called"):
            many.rows(path)
    for path in ("pairs.7.comparison.evidence", "pairs.x", "pairs.0"):
        with pytest.raises(UsageError, match="no rows called"):
            many.rows(path)
    with pytest.raises(KeyError, match=r"'verdict': a forebear/matrix/2 document has .*pairs"):
        many["verdict"]
    assert many.get("verdict") is None


def test_a_file_that_was_written_is_told_with_the_conclusion(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["compare", str(DEMO / "independent"), str(DEMO / "base"), "-o"]
    application.app([*words, str(tmp_path / "a.html")], standalone_mode=False)
    told = capsys.readouterr()
    assert told.out == ""
    assert "No sign was found that independent and base share weights.\nWritten: " in told.err
    application.app([*words, str(tmp_path / "a.html"), "--quiet"], standalone_mode=False)
    application.app([*words, "/dev/null"], standalone_mode=False)
    assert "Written" not in capsys.readouterr().err


@pytest.mark.parametrize("language", ["en", "ja", "zh-Hans", "zh-Hant"])
def test_what_is_told_beside_a_file_ends_with_a_sentence(language: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["recipe", str(DEMO / "descendant"), str(DEMO / "base"), "--language", language]
    application.app([*words, "--brief"], standalone_mode=False)
    conclusion = capsys.readouterr().out
    application.app([*words, "-o", str(tmp_path / "a.html")], standalone_mode=False)
    told = capsys.readouterr().err
    assert len(conclusion.splitlines()) > 1  # more than one sentence
    assert conclusion in told


def test_of_a_long_conclusion_whole_sentences_are_told_and_the_rest_is_counted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [f"Sentence {at}\nends here." for at in range(10)]
    monkeypatch.setattr("forebear.reports.show.briefly", lambda *_: "\n".join(lines).encode())
    forms.tell({}, Path("a.html"))
    told = capsys.readouterr().err.splitlines()
    assert told == [*"\n".join(lines[:6]).splitlines(), "… and 8 more lines, in the file", "Written: a.html"]
    monkeypatch.setattr("forebear.reports.show.briefly", lambda *_: "\n".join(["One", *lines]).encode())
    forms.tell({}, Path("a.html"))
    assert capsys.readouterr().err.splitlines()[-3:] == ["ends here.", "… and 10 more lines, in the file", "Written: a.html"]


@pytest.mark.parametrize(("words", "told"), [(["library", "verify", "known"], True), (["library", "list", "known"], True), (["library", "import", "a", "b"], False)])
def test_a_library_given_as_a_plain_argument_is_told_its_option(words: list[str], told: bool, capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(lambda: run(words)) == 2
    said = capsys.readouterr().err
    assert "extra argument" in said
    assert ("A library is given by --library FOLDER." in said) is told


def test_what_failed_an_expectation_has_its_document() -> None:
    with pytest.raises(ExpectationError) as raised:
        forebear.compare(DEMO / "independent", DEMO / "base", expect="related")
    assert isinstance(raised.value.document, forebear.Document)
    assert raised.value.document["verdict"]["relation"] == "no-evidence"


@pytest.mark.parametrize(("name", "begins"), [("a.html", b"<!doctype html>"), ("a.json", b"{\n"), ("a.csv", b""), ("a", b"descendant and base share")])
def test_the_command_writes_what_the_ending_says(name: str, begins: bytes, tmp_path: Path) -> None:
    words = ["compare", str(DEMO / "descendant"), str(DEMO / "base"), "-o", str(tmp_path / name), "--quiet"]
    application.app(words, standalone_mode=False)
    written = (tmp_path / name).read_bytes()
    assert written.lower().startswith(begins.lower())
    assert written


def test_brief_is_the_conclusion_alone(capsys: pytest.CaptureFixture[str]) -> None:
    application.app(["compare", str(DEMO / "independent"), str(DEMO / "base"), "--brief"], standalone_mode=False)
    assert capsys.readouterr().out == "No sign was found that independent and base share weights.\n"
    with pytest.raises(UsageError, match="a brief report is text"):
        application.app(["demo", "--brief", "--format", "html"], standalone_mode=False)


def test_every_command_with_a_text_report_has_a_brief_one(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    application.app(["recipe", str(DEMO / "descendant"), str(DEMO / "base"), "--brief", "--quiet"], standalone_mode=False)
    brief = capsys.readouterr().out
    assert brief.startswith("From base to descendant: 2 layers inserted")
    assert "\n\n" not in brief
    words = ["library", "add", str(DEMO / "base"), "--into", str(tmp_path / "known"), "--brief", "--quiet"]
    application.app(words, standalone_mode=False)
    assert capsys.readouterr().out == "The library has 1 model, 1 of them with a screen.\n  1 added\n"


def test_a_folder_that_holds_the_subject_is_compared_without_it(capsys: pytest.CaptureFixture[str]) -> None:
    application.app(["compare", str(DEMO / "base"), str(DEMO), "--brief", "--quiet"], standalone_mode=False)
    shown = capsys.readouterr().out
    assert "base and descendant share weights" in shown
    assert "base and base" not in shown


@pytest.mark.parametrize(("words", "what"), [
    (("compare", "--format-by", "x.svg"), "no format ends in '.svg'"),
    (("compare", "--format-by", "page.HTML.old"), "no format ends in '.old'"),
    (("compare", "--format-by", "b.html", "--brief"), "a brief report is text"),
])  # fmt: skip
def test_an_ending_that_says_another_format_is_refused_before_any_work(
    words: tuple[str, ...], what: str, tmp_path: Path
) -> None:
    verb, _, name, *more = words
    call = [verb, str(DEMO / "descendant"), str(DEMO / "base"), "-o", str(tmp_path / name), *more]
    with pytest.raises(UsageError, match=what):
        application.app(call, standalone_mode=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "begins"), [
    ("out.sarif", b"{"), ("out.xml", b"<?xml"), ("out.patch", b"# base: none of 5"), ("bom.cdx.json", b"{"), ("out.json", b"{"),
])  # fmt: skip
def test_verify_knows_the_endings_of_its_own_formats(name: str, begins: bytes, tmp_path: Path) -> None:
    call = ["verify", str(DEMO / "base"), "--against", str(DEMO / "base"), "-o", str(tmp_path / name), "--quiet"]
    application.app(call, standalone_mode=False)
    written = (tmp_path / name).read_bytes()
    assert written.lstrip().startswith(begins)
    assert (b'"bomFormat"' in written) == (name == "bom.cdx.json")
    assert (b"sarif" in written) == (name == "out.sarif")


def test_an_error_names_arguments_in_python_and_options_of_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError, match=r"^`expect`: 'x' is not a relation"):
        forebear.compare(DEMO / "descendant", DEMO / "base", expect="x")
    with pytest.raises(ExpectationError, match=r"^`expect`: expected no-evidence"):
        forebear.compare(DEMO / "descendant", DEMO / "base", expect="no-evidence")
    words = ["compare", str(DEMO / "descendant"), str(DEMO / "base"), "--expect", "x"]
    assert guarded(lambda: run(words)) == 2
    assert capsys.readouterr().err.startswith("forebear: --expect: 'x' is not a relation")
    with pytest.raises(UsageError, match="`expect`"):  # and again, after a command ran in this process
        forebear.compare(DEMO / "descendant", DEMO / "base", expect="x")


def test_rows_of_one_test_and_axis_are_told_apart_by_their_first_columns() -> None:
    pytest.importorskip("pandas")
    rows = forebear.compare(DEMO / "independent", DEMO / "base", full=True).rows("evidence")
    assert [name for name in rows.columns if name in ("component", "gauge", "everywhere")] == list(rows.columns[2:5])
    keys = rows[["test", "axis", "component", "gauge", "everywhere"]].astype(str)
    assert not keys.duplicated().any()


def test_one_figure_is_saved_by_its_name_and_an_unknown_one_names_what_there_is(document: forebear.Document, tmp_path: Path) -> None:
    every = document.save_figures(tmp_path / "every")
    one = document.save_figures(tmp_path / "one", only=["decks"])
    assert {path.stem for path in one} == {"decks"}
    assert (tmp_path / "one" / "decks.svg").read_bytes() == (tmp_path / "every" / "decks.svg").read_bytes()
    assert len(every) > len(one)
    with pytest.raises(UsageError, match=r"no figure desks.*There are: .*decks"):
        document.save_figures(tmp_path / "none", only=["decks", "desks"])
    assert not (tmp_path / "none").exists()


def test_the_pairs_of_a_matrix_make_a_square(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    pairs = forebear.compare(DEMO).rows("pairs")
    square = pairs.pivot(index="subject", columns="candidate", values="effect")
    square = square.combine_first(square.T).sort_index(axis=1)
    assert list(square.index) == list(square.columns)
    assert len(square) == 3
    off = square.to_numpy()
    assert ((off == off.T) | (off != off)).all()
