"""Each outcome where it belongs, and "contradicted" nowhere without proof."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from typer.testing import CliRunner

import forebear
from forebear.cli.application import app
from forebear.comparison.demo import demo_folder
from forebear.core.documents import problems_of
from forebear.core.errors import ExpectationError, RefusedError, UsageError
from forebear.files.sources import open_container
from forebear.recipes.steps.model import write_safetensors
from tests.files.hub_server import Hub, serve

DEMO = demo_folder()


@pytest.fixture
def model(tmp_path) -> Path:
    folder = tmp_path / "model"
    shutil.copytree(DEMO / "descendant", folder)
    return folder


def outcomes(document, file="README.md"):
    return {(c["kind"], c["stated"]): (c["outcome"], c["flagged"]) for c in document["claims"] if c["source"]["file"] == file}


def card(folder: Path, text: str) -> Path:
    (folder / "README.md").write_text(text, "utf-8")
    return folder


def test_sizes_that_the_tensors_have_are_borne_out_and_others_contradicted(model):
    inner = forebear.inspect(model)
    right = f"- **Parameters:** {inner['parameters']:,}\n- Layers: {inner['layers']}\n- d_model: {inner['width']}\n- Tensor type: {next(iter(inner['dtypes']))}\n"
    found = outcomes(forebear.verify(card(model, right)))
    assert {state for state, _ in found.values()} == {"borne-out"}
    assert len(found) == 4
    wrong = "- **Parameters:** 7B\n- Layers: 47\n- d_model: 4097\n- Vocab size: 99,999\n"
    found = outcomes(forebear.verify(card(model, wrong)))
    assert {state for state, _ in found.values()} == {"contradicted"}
    assert len(found) == 4


@pytest.mark.parametrize(("classes", "outcome"), [(["LlamaModel"], "not-shown"), (["LlamaForCausalLM"], "borne-out"), (None, "borne-out")])
def test_a_table_is_counted_twice_only_where_a_head_may_share_it(model, classes, outcome):
    config = json.loads((model / "config.json").read_text("utf-8"))
    shapes = {name: entry.shape for name, entry in open_container(model).tensors.items() if name != "lm_head.weight"}
    for old in model.glob("*.safetensors*"):
        old.unlink()
    rng = np.random.default_rng(5)
    write_safetensors(model / "model.safetensors", {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()})
    (model / "config.json").write_text(json.dumps({**config, "tie_word_embeddings": True, "architectures": classes}), "utf-8")
    twice = sum(map(math.prod, shapes.values())) + math.prod(shapes["model.embed_tokens.weight"])
    found = outcomes(forebear.verify(card(model, f"- **Parameters:** {twice:,}\n")))
    assert {state for state, _ in found.values()} == {outcome}


@pytest.mark.parametrize("text", [
    "- Layers: 47 for the teacher\n", "It has 47 layers and 7B parameters.\n", "- Parameters: 7B active\n", "- Model size: 90 MB\n",
    "Trained in fp16 with 8 GPUs.\n", "base_model: x/y\n", "- **License:** see the file\n", "- **Base model:** trained from scratch\n",
])  # fmt: skip
def test_what_is_no_plain_claim_is_never_contradicted(model, text):
    document = forebear.verify(card(model, text), against=DEMO / "independent")
    assert document["counts"]["contradicted"] == 0


def test_a_parent_is_borne_out_as_shared_weights_and_never_as_a_direction(model):
    document = forebear.verify(card(model, "---\nbase_model: north/base\n---\n"), against=f"north/base={DEMO / 'base'}")
    rows = {c["kind"]: c["outcome"] for c in document["claims"] if c["source"]["file"] == "README.md"}
    assert rows == {"shares": "borne-out", "direction": "not-shown"}
    assert [r["relation"] for r in document["relatives"]] == ["related"]
    assert document["noticed"] == [] or all(n["kind"] != "relative" for n in document["noticed"])


def test_a_wrong_parent_is_not_contradicted_but_deserves_a_look_beside_the_relative_that_no_claim_names(model):
    text = "---\nbase_model: independent\n---\n"
    document = forebear.verify(card(model, text), against=[DEMO / "independent", DEMO / "base"])
    assert outcomes(document)["shares", "independent"] == ("not-shown", True)
    assert [n["said"]["key"] for n in document["noticed"] if n["kind"] == "relative"] == ["noticed.unnamed"]
    alone = forebear.verify(card(model, text), against=DEMO / "independent")
    assert outcomes(alone)["shares", "independent"] == ("not-shown", False)


def test_a_parent_that_was_not_given_is_not_testable(model):
    assert outcomes(forebear.verify(card(model, "---\nbase_model: a/b\n---\n")))["parent", "a/b"] == ("not-testable", False)


def test_an_equal_copy_is_no_fine_tune_unless_other_weights_lie_beside_it(tmp_path):
    folder = tmp_path / "my-internal-model-v1"
    shutil.copytree(DEMO / "base", folder)
    text = "---\nbase_model: base\nbase_model_relation: finetune\n---\n"
    document = forebear.verify(card(folder, text), against=DEMO / "base")
    assert outcomes(document)["kind_finetune", "base"] == ("contradicted", False)
    silent = forebear.verify(card(folder, "# Mine\n"), against=DEMO / "base")
    assert [n["said"]["key"] for n in silent["noticed"] if n["kind"] == "relative"] == ["noticed.copy"]
    (folder / "head.bin").write_bytes(b"weights of a head")
    assert outcomes(forebear.verify(card(folder, text), against=DEMO / "base"))["kind_finetune", "base"][0] == "not-shown"


def test_kinds_that_nothing_decides_are_not_shown_or_not_testable_and_a_whole_model_is_no_adapter(model):
    for relation, wanted in (("finetune", "not-shown"), ("merge", "not-testable"), ("adapter", "contradicted"), ("other-way", "not-testable")):
        text = f"---\nbase_model: base\nbase_model_relation: {relation}\n---\n"
        found = outcomes(forebear.verify(card(model, text), against=DEMO / "base"))
        assert next(state for (kind, _), (state, _) in found.items() if kind.startswith("kind_")) == wanted, relation


def test_half_precision_may_be_called_quantised_and_full_precision_deserves_a_look(model, tmp_path):
    text = "---\nbase_model: base\nbase_model_relation: quantized\n---\n- Tensor type: {}\n"
    container = open_container(model)
    arrays = {name: container.read(name).copy() for name in container.tensors}
    container.close()
    rng = np.random.default_rng(7)
    save_file({n: v + 1e-5 * rng.standard_normal(v.shape).astype(np.float32) for n, v in arrays.items()}, model / "model.safetensors")
    found = outcomes(forebear.verify(card(model, text.format("F16")), against=DEMO / "base"))
    assert found["kind_quantized", "base"] == ("not-shown", True)
    assert found["dtype", "F16"] == ("contradicted", False)
    save_file({n: v.astype(np.float16) for n, v in arrays.items()}, model / "model.safetensors")
    found = outcomes(forebear.verify(card(model, text.format("float16")), against=DEMO / "base"))
    assert found["kind_quantized", "base"] == ("not-shown", False)
    assert found["dtype", "float16"][0] == "borne-out"
    assert outcomes(forebear.verify(card(model, text.format("F32"))))["dtype", "F32"][0] == "contradicted"
    save_file({n: v.astype(np.float16).astype(np.float32) for n, v in arrays.items()}, model / "model.safetensors")
    assert outcomes(forebear.verify(card(model, text.format("F16"))))["dtype", "F16"][0] == "borne-out"


def test_licences_are_facts_about_files_and_never_contradicted(model, tmp_path):
    base = tmp_path / "base"
    shutil.copytree(DEMO / "base", base)
    card(base, "---\nlicense: cc-by-nc-4.0\n---\n")
    text = "---\nlicense: {}\nbase_model: base\n---\n"
    assert outcomes(forebear.verify(card(model, text.format("mit")), against=base))["licence", "mit"] == ("not-shown", True)
    same = forebear.verify(card(model, text.format("cc-by-nc-4.0")), against=base)
    assert outcomes(same)["licence", "cc-by-nc-4.0"] == ("not-testable", False)
    (model / "LICENSE").write_text("Apache License\n Version 2.0, January 2004\n", "utf-8")
    assert outcomes(forebear.verify(card(model, "---\nlicense: apache-2.0\n---\n")))["licence", "apache-2.0"] == ("borne-out", False)
    assert outcomes(forebear.verify(card(model, "---\nlicense: mit\n---\n")))["licence", "mit"] == ("not-shown", True)


def test_a_digest_of_a_file_is_proof_and_one_of_a_whole_model_is_not(model):
    right = hashlib.sha256((model / "config.json").read_bytes()).hexdigest()
    for digest, state in ((right, "borne-out"), ("0" * 64, "contradicted")):
        bill = {"bomFormat": "CycloneDX", "components": [{"type": "file", "name": "config.json", "hashes": [{"alg": "SHA-256", "content": digest}]}],
                "metadata": {"component": {"type": "machine-learning-model", "name": "m", "hashes": [{"alg": "SHA-256", "content": "1" * 64}]}}}  # fmt: skip
        (model / "m.cdx.json").write_text(json.dumps(bill), "utf-8")
        found = outcomes(forebear.verify(model), "m.cdx.json")
        assert found["digest", digest] == (state, False)
        assert found["model_digest", "1" * 64] == ("not-shown", True)


def test_package_metadata_beside_a_model_is_read(tmp_path):
    package = tmp_path / "site" / "pkg"
    shutil.copytree(DEMO / "base", package / "weights")
    info = tmp_path / "site" / "pkg-1.dist-info"
    info.mkdir()
    other = tmp_path / "site" / "elsewhere-1.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nLicense: GPL-3.0\n\n", "utf-8")
    (other / "RECORD").write_text("elsewhere/x.py,,\n", "utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nLicense: MIT\nSummary: fine-tuned from north/base-1\n\n", "utf-8")
    (info / "RECORD").write_text("pkg/weights/config.json,sha256=" + "A" * 43 + ",3\n", "utf-8")
    document = forebear.verify(package / "weights")
    found = {(c["kind"], c["stated"][:5], c["outcome"]) for c in document["claims"] if c["source"]["file"] in ("METADATA", "RECORD")}
    said = {("licence", "MIT", "not-testable"), ("parent", "north", "not-testable"), ("kind_finetune", "north", "not-testable")}
    assert found == {*said, ("digest", "00000", "contradicted")}


def test_an_address_has_no_folder_to_hash_and_says_so(tmp_path, monkeypatch):
    from forebear.verification.digests import digests_of

    monkeypatch.chdir(tmp_path)
    limits = []
    assert digests_of(Path("hf:/north/base"), full=True, limits=limits) == {}
    assert [one.key for one in limits] == ["unverified.address"]


def test_a_model_at_an_address_is_held_against_its_configuration(monkeypatch):
    with serve(Hub({p.name: p.read_bytes() for p in (DEMO / "base").iterdir()})) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        document = forebear.verify("hf://org/name@main", against=DEMO / "descendant")
    assert {c["kind"]: c["outcome"] for c in document["claims"]}["layers"] == "borne-out"
    assert [one["said"]["key"] for one in document["noticed"]] == ["noticed.unnamed"]
    assert document["conclusion"]["key"] == "verify_head.flagged"
    assert [one["key"] for one in document["limits"]] == ["unverified.address"]


def test_expectations_fail_with_the_whole_document(model):
    card(model, "- Layers: 47\n")
    with pytest.raises(ExpectationError) as failed:
        forebear.verify(model, expect="not-contradicted")
    assert problems_of(failed.value.document) == []
    card(model, "- Layers: 6\n")
    assert forebear.verify(model, expect="not-contradicted")["counts"]["contradicted"] == 0
    with pytest.raises(UsageError):
        forebear.verify(model, expect="honest")
    with pytest.raises(UsageError):
        forebear.verify(model, against="name=")


@pytest.mark.parametrize(
    ("text", "expect", "unmet"),
    [
        ("---\nlicense: apache-2.0\nlibrary_name: transformers\n---\n- Layers: 6\n", "borne-out", []),
        ("---\nbase_model: north/other\n---\n- Layers: 6\n", "borne-out", ["parent"]),
        ("# model\n- Layers: 6\n\nIt is trained from scratch.\n", "borne-out", []),
        ("- Layers: 47\n", "not-flagged", ["layers"]),
    ],
)
def test_what_an_expectation_is_not_met_by_is_named(model, text, expect, unmet):
    card(model, text)
    if unmet:
        with pytest.raises(ExpectationError, match=rf"{unmet[0]} \(README\.md, line ") as failed:
            forebear.verify(model, expect=expect)
        asked = failed.value.document
    else:
        asked = forebear.verify(model, expect=expect)
    assert [asked["claims"][at]["kind"] for at in asked["expected"]["unmet"]] == unmet
    assert asked["expected"]["met"] is (not unmet)
    assert problems_of(asked) == []


def test_the_command_line_exits_1_for_an_expectation_and_prints_the_result(model):
    card(model, "- Layers: 47\n")
    command = [sys.executable, "-m", "forebear", "verify", str(model), "--expect", "not-contradicted", "--format", "junit"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert '<failure message="' in done.stdout
    assert done.stderr.startswith("forebear: --expect")


def test_no_place_of_the_machine_and_no_key_is_in_any_form(model, tmp_path):
    from forebear.reports.show import FOR_PROGRAMS, rendered

    config = json.loads((model / "config.json").read_bytes())
    (model / "config.json").write_text(json.dumps(config | {"_name_or_path": "runs /home/ann/secret/run7/x"}), "utf-8")
    card(model, "- **Base model:** /home/ann/models/base\n- **Tokenizer:** hf_ABCDEFGHIJKLMNOPQRSTUV\n")
    (model / "outside").symlink_to("/etc/hostname")
    document = forebear.verify(model, against=[f"/x/y={DEMO / 'base'}", DEMO / "independent"])
    for form in ("text", "json", "html", "csv", *FOR_PROGRAMS["forebear/verification/1"]):
        shown = rendered(document, form).decode()
        assert not [w for w in ("/home", "ann/", str(tmp_path), str(DEMO), "hf_ABC") if w in shown], form


@pytest.mark.parametrize("given", ["{}/gone", "north/base={}/gone"])
def test_a_model_to_compare_with_that_is_missing_is_refused_and_nothing_is_written(model, tmp_path, given):
    written = tmp_path / "out.json"
    words = ["verify", str(model), "--against", str(DEMO / "base"), "--against", given.format(tmp_path), "-o", str(written)]
    called = CliRunner().invoke(app, words)
    assert isinstance(called.exception, RefusedError)
    assert (called.exception.exit_code, called.exception.where, called.stdout) == (3, f"{tmp_path}/gone", "")
    assert not written.exists()


def test_layers_that_count_embedding_and_head_are_not_contradicted(model):
    layers = forebear.inspect(model)["layers"]
    found = [outcomes(forebear.verify(card(model, f"- Layers: {layers + more}\n")))["layers", str(layers + more)] for more in (1, 2, 3)]
    assert found == [("not-shown", True), ("not-shown", True), ("contradicted", False)]


def test_sizes_are_not_contradicted_where_other_weights_lie_beside(model):
    card(model, "- Layers: 47\n- Hidden size: 9999\n- Vocab size: 99,999\n- Parameters: 7B\n")
    (model / "vision.safetensors").write_bytes(b"")
    assert forebear.verify(model / "model.safetensors")["counts"]["contradicted"] == 0
