"""The whole walk on the sample case: align, check, run, report, seal, verify; and what must never come out of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import forebear
from forebear.casefile import verbs
from forebear.casefile.checks.conversion import can_convert
from forebear.casefile.checks.name_checks import can_sound
from forebear.casefile.folder.folder import load_case
from forebear.core.documents import problems_of
from forebear.core.errors import ExpectationError, RefusedError, UsageError
from forebear.reports.cases.page import case_page
from forebear.reports.show import rendered
from tests.said import paragraph, text

SAMPLE = Path("examples/case_sample")
MODELS = tuple(
    f"{model}=forebear/demo_data/{place}"
    for model, place in (("gannet-6", "descendant"), ("kestrel-4", "base"), ("bittern-4", "independent"))
)
"""What the sample names outside its folder, as a person says it on the command line."""
PRIVATE = (
    "林若谷", "林若古", "ruogu", "沈砚秋", "沈硯秋", "沈燕秋", "yanqiu", "yanqui", "顾南星", "顧南星", "nanxing",
)  # fmt: skip
extras = pytest.mark.skipif(not (can_sound() and can_convert()), reason="the extra `cases` is not installed")


def _compare(relation: str) -> Any:
    def run(subject: Path, candidates: list[str | Path]) -> Mapping[str, Any]:
        assert all(Path(p).exists() for p in (subject, *candidates))
        return {"verdict": {"relation": relation, "words": f"found {relation}"}}

    return run


@pytest.fixture
def case(tmp_path: Path) -> Path:
    """A copy of the sample; its models lie outside it, see MODELS."""
    folder = tmp_path / "examples" / "case_sample"
    shutil.copytree(
        SAMPLE, folder, ignore=shutil.ignore_patterns("report", "alignments", "findings", "evidence", "__pycache__")
    )
    return folder


@pytest.fixture
def walked(case: Path) -> Path:
    """The same after align, check and run."""
    verbs.case_align(case)
    verbs.case_check(case)
    verbs.case_run(case, compare=_compare("related"), models=MODELS)
    return case


def _statuses(document: Mapping[str, Any]) -> dict[str, str]:
    return {c["id"]: c["status"] for c in document["claims"]}


@extras
def test_the_walk_gives_a_whole_document_at_every_step(case: Path) -> None:
    for step in (verbs.case_align, verbs.case_check, verbs.case_report):
        document = step(case)
        assert problems_of(document) == []
    counts = document["counted"]
    assert counts["told"] + counts["to_look_at"] > 50
    assert len(verbs.case_check(case, every=True)["findings"]) == counts["told"] + counts["to_look_at"]
    assert {(a["left"], a["right"]) for a in document["alignments"]} == {
        ("zh-hans", "zh-hant"), ("zh-hans", "ja"), ("zh-hans", "en"),
    }  # fmt: skip


def test_claims_get_the_verdict_of_their_test_and_absence_of_evidence_is_none(walked: Path) -> None:
    assert _statuses(verbs.case_run(walked, compare=_compare("related"), models=MODELS)) == {
        "descent": "borne-out", "scratch": "contradicted", "control": "contradicted", "layers": "borne-out",
        "middle": "contradicted", "layers-added": "borne-out", "vocabulary": "borne-out", "large-count": "borne-out",
        "large-growth": "not-decided", "tokens-seen": "not-testable", "deletion": "not-testable",
    }  # fmt: skip
    nothing = _statuses(verbs.case_run(walked, compare=_compare("no-evidence"), models=MODELS))
    assert [nothing[c] for c in ("descent", "scratch", "control")] == ["not-decided"] * 3


def test_the_real_comparison_tells_the_descendant_from_the_stranger(case: Path) -> None:
    document = forebear.case_run(case, claims=("descent", "control"), models=MODELS)
    statuses = _statuses(document)
    assert (statuses["descent"], statuses["control"], statuses["layers"]) == ("borne-out", "not-decided", "not-tested")


def test_a_claim_whose_files_are_missing_is_not_tested_and_says_so(case: Path) -> None:
    (case / "models" / "gannet-large.json").unlink()
    document = verbs.case_run(case, compare=_compare("related"), models=MODELS)
    (claim,) = (c for c in document["claims"] if c["id"] == "large-count")
    assert claim["status"] == "not-tested"
    assert "no files of model" in paragraph(claim["why"])


def test_conduct_is_never_borne_out_whatever_an_evidence_file_says(walked: Path) -> None:
    forged = {"claim": "deletion", "status": "borne-out", "why": "", "command": "", "evidence": [], "document": None}
    (walked / "evidence" / "deletion.json").write_text(json.dumps(forged), "utf-8")
    assert _statuses(verbs.case_check(walked))["deletion"] == "not-testable"
    text = (
        (walked / "claims.toml").read_text("utf-8").replace('id = "deletion"\n', 'id = "deletion"\ntest = "related"\n')
    )
    (walked / "claims.toml").write_text(text, "utf-8")
    with pytest.raises(RefusedError, match="conduct claim cannot be borne out"):
        verbs.case_run(walked, compare=_compare("related"), models=MODELS)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('kind = "tokenizer"', 'kind = "rumour"', "kind 'rumour' is none of"),
        ('basis = "hearsay"', 'basis = "gossip"', "basis 'gossip' is none of"),
        ('subject = "bittern-4"', 'subject = "nobody"', "model 'nobody' is not in"),
        ('contradicts = ["scratch"]', 'contradicts = ["ghost"]', "names claim 'ghost'"),
        ('says = "denies"', 'says = "shouts"', "says 'shouts'"),
        ('id = "layers"', 'id = "layers"\ncolour = "red"', "unknown key 'colour'"),
    ],
)
def test_claims_toml_is_read_strictly(case: Path, old: str, new: str, message: str) -> None:
    path = case / "claims.toml"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(RefusedError, match=message):
        verbs.case_run(case, compare=_compare("related"), models=MODELS)


def test_a_report_is_refused_until_every_name_is_ruled(walked: Path) -> None:
    text = (walked / "case.toml").read_text("utf-8")
    (walked / "case.toml").write_text(text.replace('ruling = "public"', 'ruling = "undecided"', 1), "utf-8")
    with pytest.raises(ExpectationError, match="1 name candidates have no ruling: 裴一舟") as caught:
        verbs.case_report(walked)
    assert caught.value.exit_code == 1


@extras
def test_no_private_name_stands_in_any_output_and_pseudonyms_are_stable(walked: Path) -> None:
    first = verbs.case_report(walked)
    pages = [case_page(verbs.case_report(walked, language=language)) for language in ("en", "zh", "ja")]
    outputs = {p.name: p.read_text("utf-8") for p in (walked / "report").iterdir()}
    outputs |= {str(i): page.decode() for i, page in enumerate(pages)}
    outputs["check"] = str(verbs.case_check(walked))
    assert len(outputs) >= 9
    for name, output in outputs.items():
        assert [p for p in PRIVATE if p in output.lower()] == [], name
    assert [n["name"] for n in first["names"] if n["ruling"] == "private"] == ["Person 1", "Person 2", "Person 3"]
    assert [n.pseudonym for n in load_case(walked).name if n.ruling == "private"] == [
        "Person 1",
        "Person 2",
        "Person 3",
    ]
    assert "裴一舟" in outputs["case.json"], "a public name stays"


def test_spans_that_may_identify_a_witness_are_flagged_and_the_way_to_them_is_scrubbed(tmp_path: Path) -> None:
    words = (
        "I joined the tokenizer group in May. Write to night.boat@example.org. The model has 6 layers and 64 channels."
    )
    (tmp_path / "w.txt").write_text(words, "utf-8")
    forebear.case_add(
        tmp_path / "c", tmp_path / "w.txt", language="en", by="Somebody Known", when="2031-01-01", where="a cafe"
    )
    owners = verbs.case_check(tmp_path / "c")
    assert [s["rule"] for s in owners["identifying"]] == ["address/electronic", "self/post"]
    document = verbs.case_report(tmp_path / "c")
    assert list(document["identifying"]) == [], "the list of such passages is for the owner, never published"
    assert "may tell who a witness is" not in case_page(document).decode()
    for output in ((tmp_path / "c" / "report" / "case.json").read_text("utf-8"), case_page(document).decode()):
        assert [w for w in ("Somebody Known", "a cafe", str(tmp_path)) if w in output] == []


@extras
def test_the_page_has_no_script_a_strict_policy_and_every_finding_and_claim(walked: Path) -> None:
    document = verbs.case_report(walked)
    page = case_page(document).decode()
    assert "<script" not in page
    assert "default-src 'none'" in page
    assert "prefers-color-scheme" in page
    assert "@media print" in page
    for number in range(len(document["findings"])):
        assert page.count(f'id="f{number}"') == 1, number
    for claim in document["claims"]:
        assert f'<span class="tag">{claim["id"]}</span>' in page
    assert "Gannet-6 does not contain any weights of Kestrel-4." in page


def test_hostile_words_stay_words_on_the_page(case: Path, tmp_path: Path) -> None:
    text = tmp_path / "h.txt"
    text.write_text('The model <script>alert("x")</script> has 3 layers & \u202eno\u202c more than that.', "utf-8")
    forebear.case_add(tmp_path / "c", text, language="en", title="<img src=x onerror=alert(1)>")
    before = case_page(verbs.case_report(tmp_path / "c")).decode()
    verbs.case_align(tmp_path / "c")
    verbs.case_check(tmp_path / "c")
    page = case_page(verbs.case_report(tmp_path / "c")).decode()
    for one in (before, page):
        assert "<script" not in one
        assert "<img" not in one
        assert "\u202e" not in one
        assert "&lt;img" in one
    assert "&lt;script&gt;" in page


def test_checking_before_aligning_and_unknown_ids_say_what_to_do(case: Path) -> None:
    with pytest.raises(RefusedError, match="Run `forebear case align` first"):
        verbs.case_check(case)
    with pytest.raises(UsageError, match="no readable source 'xx'"):
        verbs.case_align(case, only=("xx",))
    with pytest.raises(UsageError, match="no claim 'xx'"):
        verbs.case_run(case, claims=("xx",), compare=_compare("related"))


def test_a_source_edited_after_alignment_stops_the_check(walked: Path) -> None:
    path = walked / "sources" / "ja.md"
    path.write_text(path.read_text("utf-8") + "。", "utf-8")
    with pytest.raises(RefusedError, match="edited after it was added"):
        verbs.case_check(walked)


def test_an_untouched_seal_verifies_and_every_altered_byte_is_named(walked: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(bytes(range(64)))
    bag = tmp_path / "bag"
    verbs.case_seal(walked, bag, key=key)
    assert verbs.case_verify(bag, key=key)["intact"] is True
    path = bag / "data" / "sources" / "en.md"
    data = bytearray(path.read_bytes())
    data[700] ^= 1
    data[1900] ^= 1
    path.write_bytes(data)
    with pytest.raises(ExpectationError, match=r"sources/en.md altered bytes 700-700, bytes 1900-1900") as caught:
        verbs.case_verify(bag)
    assert caught.value.document["changes"] == (
        {
            "file": "sources/en.md",
            "what": {"key": "change.altered", "values": {"count": 0}},
            "ranges": ((700, 701), (1900, 1901)),
        },
    )
    data[701] ^= 1
    path.write_bytes(data)
    with pytest.raises(ExpectationError, match="bytes 512-767"):
        verbs.case_verify(bag)
    with pytest.raises(ExpectationError, match="bytes 700-701, bytes 1900-1900"):
        verbs.case_verify(bag, original=walked)


def test_a_seal_that_is_not_there_is_no_incomplete_one(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="no such file or folder"):
        verbs.case_verify(tmp_path / "nowhere.bag")
    (tmp_path / "empty.bag").mkdir()
    with pytest.raises(RefusedError, match="incomplete"):
        verbs.case_verify(tmp_path / "empty.bag")


def test_a_key_that_is_not_there_is_told_how_it_is_made(walked: Path, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="head -c 32 /dev/urandom"):
        verbs.case_seal(walked, tmp_path / "bag", key=tmp_path / "my.key")
    assert not (tmp_path / "bag").exists()


def test_a_seal_without_a_page_says_so(walked: Path, tmp_path: Path) -> None:
    case = tmp_path / "case"
    shutil.copytree(walked, case)
    words = "no page is among the sealed files"
    assert words in rendered(verbs.case_seal(case, tmp_path / "one"), "text").decode()
    (case / "report").mkdir(exist_ok=True)
    (case / "report" / "page.html").write_text("<p>a page", "utf-8")
    assert words not in rendered(verbs.case_seal(case, tmp_path / "two"), "text").decode()


def test_files_put_in_and_taken_out_of_a_seal_are_named(walked: Path, tmp_path: Path) -> None:
    bag = tmp_path / "bag"
    verbs.case_seal(walked, bag)
    (bag / "data" / "sources" / "ja.md").unlink()
    (bag / "data" / "extra.txt").write_text("x", "utf-8")
    with pytest.raises(ExpectationError, match=r"2 files differ.*ja.md missing; extra.txt added"):
        verbs.case_verify(bag)


def test_a_signature_fits_one_key_and_its_public_half_and_cannot_be_made_with_that(
    walked: Path, tmp_path: Path
) -> None:
    keys = [tmp_path / "a", tmp_path / "b"]
    for n, key in enumerate(keys):
        key.write_bytes(bytes([n]) * 32)
    bag = tmp_path / "bag"
    made = verbs.case_seal(walked, bag, key=keys[0])
    public = tmp_path / "a.pub"
    public.write_text(f"ed25519 {made['public_key']}\n", "ascii")
    for key in (keys[0], public):
        assert verbs.case_verify(bag, key=key)["public_key"] == made["public_key"]
    with pytest.raises(RefusedError, match="another key made it"):
        verbs.case_verify(bag, key=keys[1])
    with pytest.raises(UsageError, match="checks seals and cannot make one"):
        verbs.case_seal(walked, tmp_path / "bag2", key=public)
    (tmp_path / "short").write_bytes(b"x")
    with pytest.raises(UsageError, match="32 or more are wanted"):
        verbs.case_seal(walked, tmp_path / "bag2", key=tmp_path / "short")
    assert not (tmp_path / "bag2").exists()


def test_a_manifest_made_anew_over_altered_files_does_not_pass_a_signed_seal(walked: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(bytes(range(32)))
    bag, forged = tmp_path / "bag", tmp_path / "forged"
    verbs.case_seal(walked, bag, key=key)
    path = walked / "sources" / "reply.md"
    path.write_bytes(path.read_bytes().replace(b"does not contain", b"does contain"))
    verbs.case_seal(walked, forged)
    shutil.copy(bag / "signature-ed25519.txt", forged)
    with pytest.raises(RefusedError, match="does not fit these manifests"):
        verbs.case_verify(forged)
    (forged / "signature-ed25519.txt").unlink()
    assert "made the manifests anew" in text(verbs.case_verify(forged)["limits"][0])
    with pytest.raises(RefusedError, match="has no signature, though a key was given"):
        verbs.case_verify(forged, key=key)


@extras
def test_a_seal_of_the_report_alone_holds_no_private_name(walked: Path, tmp_path: Path) -> None:
    verbs.case_report(walked)
    whole = verbs.case_seal(walked, tmp_path / "whole")
    assert "3 names that are private" in text(whole["limits"][0])
    verbs.case_seal(walked, tmp_path / "bag", report_only=True)
    files = [p for p in (tmp_path / "bag").rglob("*") if p.is_file()]
    assert len(files) >= 10
    for path in files:
        assert [p for p in PRIVATE if p in path.read_text("utf-8").lower()] == [], path
    assert verbs.case_verify(tmp_path / "bag")["intact"] is True


@extras
def test_no_private_name_stands_in_evidence_of_a_real_run(walked: Path) -> None:
    forebear.case_run(walked, claims=("descent", "layers", "deletion"), models=MODELS)
    for path in (walked / "evidence").iterdir():
        assert [p for p in PRIVATE if p in path.read_text("utf-8").lower()] == [], path


def test_front_matter_and_comments_stay_out_of_a_report(tmp_path: Path) -> None:
    (tmp_path / "w.md").write_text(
        "---\nauthor: Somebody Known\n---\nThe model has 6 layers and 64 channels.\n", "utf-8"
    )
    (tmp_path / "w.html").write_text(
        "<!-- typed by Somebody Known --><p>The model has 6 layers, 64 channels.</p>", "utf-8"
    )
    forebear.case_add(tmp_path / "c", tmp_path / "w.md", language="en", id="one")
    forebear.case_add(tmp_path / "c", tmp_path / "w.html", language="en", id="two", role="statement")
    assert "Somebody Known" in str(verbs.case_check(tmp_path / "c")), "the keeper of the case sees it"
    document = verbs.case_report(tmp_path / "c")
    outputs = [p.read_text("utf-8") for p in (tmp_path / "c" / "report").iterdir()] + [case_page(document).decode()]
    for output in outputs:
        assert "Somebody Known" not in output
    assert "note/front-matter" in outputs[-1]


@extras
def test_the_sample_is_scored_above_its_bars() -> None:
    import sys

    sys.path.insert(0, str(SAMPLE))
    try:
        from score import score  # type: ignore[import-not-found]
    finally:
        sys.path.remove(str(SAMPLE))
    result = score()
    assert result["planted"] >= 60
    assert result["tempting"] >= 60
    assert result["alignment"]["f1"] >= 0.98
    assert result["recall_detectable"] >= 0.9
    assert result["precision"] >= 0.9
    assert result["names"]["recall"] >= 0.95
    assert result["recall_needs_meaning"] <= 0.5, "kinds that need meaning are not claimed to be found"
