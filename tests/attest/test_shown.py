"""How attestations are recorded, shown and expected by whoever uses the command line."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import forebear
from forebear.cli.application import app
from forebear.core.errors import ExpectationError, RefusedError, UsageError
from forebear.recipes.steps.model import write_safetensors
from forebear.reports.catalogue import catalogue
from forebear.reports.figures.attest import share_figure
from forebear.reports.scene import Dots, Words
from forebear.reports.show import briefly, rendered
from tests.attest.runs import PAST, VALUE, Kept, adam, announced, honest, plain
from tests.attest.test_verify import foreign

LANGUAGES = ("en", "ja", "zh-Hans", "zh-Hant")


def swapped(folder: Path) -> Kept:
    """A run in which another model was put."""
    other = foreign()
    return honest(folder, change=lambda number, weights: other if number == 1 else weights)


def text_of(page: bytes) -> str:
    return html.unescape(page.decode())


def keys(document: Mapping[str, Any]) -> list[str]:
    return [limit["key"] for limit in document["limits"]]


@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_of_a_commitment_and_of_a_record_show_their_digest_and_no_escape(tmp_path: Path, language: str) -> None:
    kept = Kept(tmp_path)
    kept.save(0, kept.start)
    made = forebear.attest_commit(tmp_path, seed_from=PAST, value=VALUE, commitment=kept.commitment)
    record = forebear.attest_record(kept.run, 1, kept.shown[0])
    for document, digest in ((made, made["announcement"]), (record, record["record"]["line_sha256"])):
        page = text_of(rendered(document, "html", language))
        assert "\\x0a" not in page
        assert digest in page
        assert f"<pre><code>{digest}</code></pre>" in page
        assert digest in rendered(document, "text", language).decode().splitlines()[1 if document is made else 2]
    assert made["reproduce"].endswith(f"--commitment {tmp_path.name}/commitment.json")


def test_each_page_has_a_title_of_its_own(tmp_path: Path) -> None:
    kept = honest(tmp_path)
    document = kept.verify()
    pages = [
        rendered(document, "html"),
        rendered(forebear.attest_verify(kept.run), "html"),
        rendered(forebear.attest_commit(tmp_path, seed_from=PAST), "html"),
        rendered(forebear.attest_record(kept.run, 99, kept.shown[0]), "html"),
    ]
    titles = [re.findall("<title>(.*)</title>", text_of(page))[0] for page in pages]
    assert titles[:2] == ["Attestation of run: checkpoint-3", "Attestation of run"]
    assert len(set(titles)) == 4


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_names_run_and_model_and_what_every_line_rests_on(tmp_path: Path, language: str) -> None:
    document, words = swapped(tmp_path).verify(), catalogue(language)
    page = text_of(rendered(document, "html", language))
    assert words("attest_page.of_run", run="run") in page
    assert words("attest_page.of_final", final="checkpoint-3") in page
    for line in (*document["proves"], *document["does_not_prove"]):
        assert words.name("attest_assumes", line["line"]) in page, line["line"]
    lines = [line["line"] for line in (*document["proves"], *document["does_not_prove"])]
    for name in lines:
        shown, colon = words.name("attest_line", name), words("look.colon")
        said, rests = f"<li><b>{shown}</b>{colon}", f"<li>{shown}{colon}"
        assert page.count(said) == page.count(rests) == lines.count(name)


def test_every_kind_of_line_has_its_assumption() -> None:
    words = catalogue("en").words
    names = {key.partition(".")[2] for key in words if key.startswith("attest_line.")}
    assert names == {key.partition(".")[2] for key in words if key.startswith("attest_assumes.")}


def test_figures_have_steps_across(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.save(0, kept.start)
    for step in (10, 1000):
        kept.save(step, adam(kept.start, [(1e-4, 0.0)] * 2, step))
    figure = share_figure(kept.verify(), catalogue("en"))
    assert figure is not None
    shapes = figure.panels[0].shapes
    labels = [s.text for s in shapes if isinstance(s, Words)]
    assert {"0", "1,000", "step"} <= set(labels), "the records have their marks"
    assert "10" not in labels, "one that would lie on another has none"
    across = next(s for s in shapes if isinstance(s, Dots)).points
    assert (across[1][0] - across[0][0]) / (across[2][0] - across[0][0]) == pytest.approx(0.01)


def test_a_brief_report_is_the_conclusion(tmp_path: Path) -> None:
    document = honest(tmp_path).verify()
    for language in LANGUAGES:
        brief = " ".join(briefly(document, language).decode().split())
        assert brief
        assert rendered(document, "text", language).decode().startswith(brief[:40])
        assert catalogue(language)("attest.proves") not in brief
    called = CliRunner().invoke(app, ["attest", "verify", str(tmp_path / "run"), "--brief"])
    assert (called.exit_code, called.stdout.count("\n")) == (0, 1)


@pytest.mark.parametrize("language", LANGUAGES)
def test_of_a_start_that_is_only_known_the_records_that_are_open_are_named(tmp_path: Path, language: str) -> None:
    kept = Kept(tmp_path)
    kept.save(0, kept.start)
    other = foreign()
    kept.save(24, {n: (0.5 * a + other[n]).astype(np.float32) for n, a in kept.start.items()})
    document = kept.verify()
    assert document["conclusion"]["outcome"] == "start-known"
    brief = " ".join(briefly(document, language).decode().split())
    head = catalogue(language)("attest.head_proven", p="").split("p ≤")[0]
    assert head not in brief
    assert "1" in brief.partition("p ≤")[2]
    for form in ("html", "text"):
        assert rendered(document, form, language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_start_whose_seed_anybody_may_have_chosen_says_so_in_its_first_line(tmp_path: Path, language: str) -> None:
    said = catalogue(language)("attest_known.source", first="")
    document = honest(tmp_path).verify()
    assert document["conclusion"]["outcome"] == "start-proven"
    assert [ln["state"] for ln in document["does_not_prove"] if ln["line"] == "source"]
    assert "".join(said.split()) in "".join(briefly(document, language).decode().split())
    signed = dict(document) | {"does_not_prove": [ln for ln in document["does_not_prove"] if ln["line"] != "source"]}
    assert "".join(said.split()) not in "".join(briefly(signed, language).decode().split())


def test_what_is_expected_of_a_chain_is_met_or_fails_with_the_document(tmp_path: Path) -> None:
    good, bad = honest(tmp_path / "good"), swapped(tmp_path / "bad")
    assert good.verify(expect="not-contradicted")["conclusion"]["outcome"] == "start-proven"
    good.verify(expect="start-proven")
    forebear.attest_verify(good.run, expect="not-contradicted")
    with pytest.raises(ExpectationError, match="start-not-proven"):
        forebear.attest_verify(good.run, expect="start-proven")
    with pytest.raises(ExpectationError) as error:
        bad.verify(expect="explained")
    assert error.value.document is not None
    assert error.value.document["conclusion"]["outcome"] == "unexplained"
    bad.verify(expect="not-contradicted")
    with pytest.raises(UsageError, match="no expectation"):
        good.verify(expect="related")


def test_the_command_shows_the_document_whose_expectation_failed(tmp_path: Path) -> None:
    kept = swapped(tmp_path)
    words = ["attest", "verify", str(kept.run), str(kept.shown[-1])]
    for place in kept.shown[:-1]:
        words += ["--checkpoints", str(place)]
    called = CliRunner().invoke(app, [*words, "--expect", "explained", "--format", "json"])
    assert isinstance(called.exception, ExpectationError)
    assert called.exception.exit_code == 1
    document = json.loads(called.stdout)
    assert document["conclusion"]["outcome"] == "unexplained"
    assert document["reproduce"].endswith("--expect explained")


def test_the_folder_of_a_run_is_made_and_no_more_than_it(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    place = kept.save(0, kept.start)
    assert forebear.attest_record(tmp_path / "new", 0, place)["records"] == 1
    with pytest.raises(RefusedError, match="folder that is missing") as error:
        forebear.attest_record(tmp_path / "a" / "b", 0, place)
    assert error.value.said is not None
    assert not (tmp_path / "a").exists()
    with pytest.raises(RefusedError, match="no folder"):
        forebear.attest_record(tmp_path / "config.json", 0, place)


def test_a_commitment_without_its_seed_is_warned_of_and_verify_says_the_cure(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    announced(tmp_path)
    place = tmp_path / "start"
    place.mkdir()
    write_safetensors(place / "model.safetensors", kept.start)
    assert "attest_record.no_seed" in keys(forebear.attest_record(kept.run, 0, place, commitment=kept.commitment))
    said = next(ln["said"] for ln in forebear.attest_verify(kept.run)["does_not_prove"] if ln["line"] == "seed")
    assert all("--commitment" in catalogue(language).text(said) for language in LANGUAGES)


def test_a_record_says_what_looks_like_a_mistake(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    first = kept.save(0, kept.start)
    second = kept.save(5, adam(kept.start, [(1e-4, 0.0)], 1))
    assert keys(forebear.attest_record(kept.run, 9, first)) == ["attest.limit_clock"]
    assert "attest_record.same_step" in keys(forebear.attest_record(kept.run, 9, second))
    assert "attest_record.same_weights" in keys(forebear.attest_record(kept.run, 12, second))
    assert "attest_record.rollback" in keys(forebear.attest_record(kept.run, 5, first))
    other = tmp_path / "other"
    other.mkdir()
    write_safetensors(other / "model.safetensors", {"a.weight": kept.start["lm_head.weight"]})
    document = forebear.attest_record(kept.run, 20, other)
    assert "attest_record.other_sizes" in keys(document)
    assert "another model" in rendered(document, "text").decode()
    assert plain(document)


def test_a_first_record_with_odd_sizes_breaks_no_note(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    first = kept.save(0, kept.start)
    path = kept.run / "chain.jsonl"
    record = json.loads(path.read_bytes())
    record["content"]["parameters"] = "many"
    path.write_bytes(json.dumps(record).encode() + b"\n")
    assert "attest_record.other_sizes" not in keys(forebear.attest_record(kept.run, 9, first))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_run_that_ends_in_its_start_is_no_test_with_a_p_of_one(tmp_path: Path, language: str) -> None:
    kept = honest(tmp_path)
    forebear.attest_record(kept.run, 18, kept.shown[0])
    document = forebear.attest_verify(kept.run, kept.shown[0])
    assert (document["conclusion"]["outcome"], document["conclusion"]["log10_p"]) == ("start-proven", None)
    assert "p ≤" not in briefly(document, language).decode()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_brief_record_says_what_can_be_put_right_now(tmp_path: Path, language: str) -> None:
    place = files("forebear") / "demo_data" / "base"
    forebear.attest_record(tmp_path / "run", 3, place)
    document = forebear.attest_record(tmp_path / "run", 3, place)
    brief = " ".join(briefly(document, language).decode().split())
    assert document["record"]["line_sha256"] in brief
    for key in ("attest_record.same_step", "attest_record.same_weights"):
        said = next(one for one in document["limits"] if one["key"] == key)
        assert " ".join(catalogue(language).text(said).split())[:30] in brief
    assert " ".join(catalogue(language)("attest.limit_clock").split())[:30] not in brief


def test_a_commitment_that_was_written_is_not_replaced(tmp_path):
    out = tmp_path / "commitment.json"
    base = files("forebear") / "demo_data" / "base"
    words = ["attest", "commit", str(base), "--seed-from", "drand:99999999", "--format", "json", "-o", str(out)]
    assert CliRunner().invoke(app, words).exit_code == 0
    before = out.read_bytes()
    again = CliRunner().invoke(app, words)
    assert isinstance(again.exception, RefusedError)
    assert "is not replaced" in str(again.exception)
    assert out.read_bytes() == before
