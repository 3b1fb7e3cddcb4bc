"""What pipelines, registries and signers read: each form is opened by the package of its own kind."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

import forebear
from forebear.comparison.demo import demo_folder
from forebear.core.errors import ExpectationError, RefusedError, UsageError
from forebear.core.yaml_values import read_yaml
from forebear.reports.catalogue import LANGUAGES
from forebear.reports.show import FOR_PROGRAMS, briefly, rendered
from forebear.verification.digests import root_digest

DEMO = demo_folder()
CARD = "---\nlicense: mit\nbase_model: base\nbase_model_relation: finetune\n---\n# Model\n- **Layers:** 47\n- **Hidden size:** 64\n"


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("forms") / "model"
    shutil.copytree(DEMO / "descendant", folder)
    (folder / "README.md").write_text(CARD, "utf-8")
    return folder


@pytest.fixture(scope="module")
def document(model):
    return forebear.verify(model, against=[DEMO / "base", DEMO / "independent"])


def test_sarif_has_an_error_for_what_is_contradicted_and_nothing_else(document):
    log = json.loads(rendered(document, "sarif"))
    results = log["runs"][0]["results"]
    assert log["version"] == "2.1.0"
    assert [(r["ruleId"], r["locations"][0]["physicalLocation"]["region"]["startLine"]) for r in results if r["level"] == "error"] == [("claim/layers", 7)]
    assert {r["ruleId"] for r in results} == {rule["id"] for rule in log["runs"][0]["tool"]["driver"]["rules"]}


@pytest.mark.parametrize(
    ("given", "uri"), [("model", "model/README.md"), ("model/model.safetensors", "model/README.md"), (None, "model/README.md")]
)
def test_sarif_names_files_from_where_the_command_ran(model, monkeypatch, given, uri):
    monkeypatch.chdir(model.parent)
    log = json.loads(rendered(forebear.verify(given or model, card=None), "sarif"))
    places = {r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in log["runs"][0]["results"]}
    assert uri in places
    assert str(model.parent) not in json.dumps(log)


def test_sarif_of_a_document_whose_command_no_shell_reads_names_files_alone(document):
    written = json.loads(rendered({**document, "reproduce": "forebear verify 'open"}, "sarif"))
    places = {r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in written["runs"][0]["results"]}
    assert "README.md" in places


def test_a_card_patch_says_of_a_base_that_nobody_gave_that_it_was_not_tested(model):
    text = rendered(forebear.verify(model), "patch").decode()
    assert "# README.md:3 base_model: " in text


def test_junit_fails_what_is_contradicted_and_skips_what_is_not_testable(document):
    suite = ElementTree.fromstring(rendered(document, "junit"))[0]
    counts = {tag: len(suite.findall(f"testcase/{tag}")) for tag in ("failure", "skipped")}
    assert counts == {"failure": 1, "skipped": document["counts"]["not-testable"]}
    assert (suite.get("failures"), suite.get("tests")) == ("1", str(len(document["claims"])))


def test_sarif_names_the_line_of_a_configuration(document, model):
    lines = (model / "config.json").read_text().splitlines()
    for result in json.loads(rendered(document, "sarif"))["runs"][0]["results"]:
        place = result["locations"][0]
        if place["physicalLocation"]["artifactLocation"]["uri"].endswith("config.json"):
            key = place["logicalLocations"][0]["fullyQualifiedName"]
            assert f'"{key}"' in lines[place["physicalLocation"]["region"]["startLine"] - 1]


def test_junit_fails_what_does_not_meet_the_expectation_and_marks_what_deserves_a_look(tmp_path):
    copy = tmp_path / "model"
    shutil.copytree(DEMO / "descendant", copy)
    (copy / "README.md").write_text("# model\n\nThe model has 47 layers.\n\nIt has 6 layers.\n")
    flagged = forebear.verify(copy)
    assert flagged["counts"]["flagged"] == 1
    suite = ElementTree.fromstring(rendered(flagged, "junit"))[0]
    assert suite.get("failures") == "0"
    assert any("deserves a look" in (one.text or "") for one in suite.findall("testcase/system-out"))
    with pytest.raises(ExpectationError) as failed:
        forebear.verify(copy, expect="not-flagged")
    suite = ElementTree.fromstring(rendered(failed.value.document, "junit"))[0]
    assert [one.get("type") for one in suite.findall("testcase/failure")] == ["not-flagged"]
    assert (suite.get("failures"), suite.get("tests")) == ("1", str(len(suite.findall("testcase"))))
    unnamed = tmp_path / "unnamed"
    shutil.copytree(DEMO / "descendant", unnamed)
    with pytest.raises(ExpectationError, match="1 relative that no claim names") as failed:
        forebear.verify(unnamed, against=DEMO / "base", expect="not-flagged")
    suite = ElementTree.fromstring(rendered(failed.value.document, "junit"))[0]
    assert suite.get("failures") == "1" == str(len(suite.findall("testcase/failure")))


def test_a_brief_report_names_what_is_contradicted_or_deserves_a_look(document):
    first, *rest = briefly(document).decode().splitlines()
    assert first == rendered(document, "text").decode().splitlines()[0]
    noted = [c for c in document["claims"] if c["outcome"] == "contradicted" or c["flagged"]]
    assert len(rest) == len(noted[:5]) + bool(noted[5:])
    assert rest[0].startswith("contradicted: ")


def test_a_card_patch_is_yaml_with_the_evidence_as_comments(document):
    text = rendered(document, "patch").decode()
    head = text.split("---\n")[1]
    assert read_yaml(head, "patch")[0] == {"base_model": ["base"]}
    assert "10^-" in head
    assert "README.md:7" in text


def test_cyclonedx_is_valid_and_says_a_symmetric_relation_as_no_direction(document):
    from cyclonedx.model.bom import Bom
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    text = rendered(document, "cyclonedx").decode()
    assert JsonStrictValidator(SchemaVersion.V1_7).validate_str(text) is None
    bill = Bom.from_json(json.loads(text))
    assert [a.name for a in bill.metadata.component.pedigree.ancestors] == ["base"]
    assert {str(c.name) for c in bill.components} == {f["name"] for f in document["subject"]["files"]}
    silent = forebear.verify(DEMO / "descendant", against=DEMO / "base")
    pedigree = json.loads(rendered(silent, "cyclonedx"))["metadata"]["component"]["pedigree"]
    assert [v["name"] for v in pedigree["variants"]] == ["base"]
    assert "ancestors" not in pedigree


def test_our_own_bills_are_read_back_as_the_claims_they_make(document, model, tmp_path):
    for form in ("cyclonedx", "spdx"):
        place = tmp_path / f"{form}.json"
        place.write_bytes(rendered(document, form))
        again = forebear.verify(model, bom=place, against=DEMO / "base")
        rows = [c for c in again["claims"] if c["source"]["file"] == place.name]
        digests = [c["outcome"] for c in rows if c["kind"] in ("digest", "model_digest")]
        assert digests == ["borne-out"] * (len(document["subject"]["files"]) + 1), form
        assert [c["outcome"] for c in rows if c["kind"] == "shares"] == ["borne-out"], form


def test_spdx_is_linked_whole_and_holds_the_relationships(document):
    from spdx_python_model import v3_0_1

    objects = v3_0_1.SHACLObjectSet()
    v3_0_1.JSONLDDeserializer().read(io.BytesIO(rendered(document, "spdx")), objects)
    assert objects.link() == set()
    kinds = {str(one.relationshipType).rpartition("/")[2] for one in objects.foreach_type("Relationship")}
    assert kinds == {"contains", "descendantOf"}
    assert {one.name for one in objects.foreach_type("ai_AIPackage")} == {"model", "base"}


def test_the_statement_is_in_toto_and_its_subject_the_root_digest_that_model_signing_makes(document, model):
    import model_signing.hashing
    from google.protobuf import json_format
    from in_toto_attestation.v1 import statement_pb2
    from in_toto_attestation.v1.statement import Statement

    read = json_format.Parse(rendered(document, "in-toto"), statement_pb2.Statement())
    Statement.copy_from_pb(read).validate()
    root = dict(read.subject[0].digest)["sha256"]
    manifest = model_signing.hashing.Config().hash(model)
    theirs = {one.identifier: one.digest.digest_hex for one in manifest.resource_descriptors()}
    assert root == document["subject"]["root"] == root_digest(theirs)
    assert theirs == {f["name"]: f["sha256"] for f in document["subject"]["files"]}


def keys(folder: Path) -> tuple[Path, Path]:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    private, public = folder / "key.pem", folder / "key.pub"
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    public.write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    return private, public


def test_a_signed_model_is_checked_by_key_and_without_one_it_is_said_not_to_be(tmp_path):
    import model_signing.signing

    folder = tmp_path / "signed"
    shutil.copytree(DEMO / "base", folder)
    private, public = keys(tmp_path)
    model_signing.signing.Config().use_elliptic_key_signer(private_key=private).sign(folder, folder / "model.sig")

    def states(**more):
        rows = forebear.verify(folder, **more)["claims"]
        return {c["kind"]: (c["outcome"], c["evidence"][0]["key"]) for c in rows if c["source"]["file"] == "model.sig"}

    assert states()["root"][0] == states()["digest"][0] == "borne-out"
    assert states()["signature"] == ("not-testable", "shown.no_key")
    assert states(key=public)["signature"] == ("borne-out", "shown.signature")
    (tmp_path / "other").mkdir()
    other = keys(tmp_path / "other")[1]
    assert states(key=other)["signature"] == ("not-shown", "shown.signature_not")
    with pytest.raises(RefusedError, match="public key"):
        forebear.verify(folder, key=folder / "config.json")
    (folder / "config.json").write_bytes((folder / "config.json").read_bytes() + b"\n")
    changed = states(key=public)
    assert changed["root"][0] == "contradicted"
    assert changed["signature"][0] == "not-shown"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_form_speaks_every_language(document, language):
    for form in ("text", "html", *FOR_PROGRAMS["forebear/verification/1"]):
        assert rendered(document, form, language)
    assert rendered(document, "json", language) == rendered(document, "json")


def test_other_documents_have_none_of_these_forms():
    with pytest.raises(UsageError, match="sarif"):
        rendered(forebear.inspect(DEMO / "base"), "sarif")


def test_a_base_that_only_a_sentence_names_stays_a_comment(tmp_path):
    card = tmp_path / "README.md"
    card.write_text("# m\n\nThis model is a fine-tuned version of acme/tiny-base.\n", "utf-8")
    document = forebear.verify(DEMO / "descendant", card=card, against=f"acme/tiny-base={DEMO / 'base'}")
    assert any(claim["kind"] == "shares" and claim["proposed"] and claim["outcome"] == "borne-out" for claim in document["claims"])
    head = rendered(document, "patch").decode().split("---\n")[1]
    assert read_yaml(head, "patch")[0] in (None, {})
    assert '# - "acme/tiny-base"' in head
    pedigree = json.loads(rendered(document, "cyclonedx"))["metadata"]["component"]["pedigree"]
    assert "ancestors" not in pedigree
    assert pedigree["variants"][0]["name"] == "acme/tiny-base"
