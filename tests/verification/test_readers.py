"""What is read as a claim, and what is not."""

from __future__ import annotations

import json

import pytest

from forebear.core.errors import RefusedError
from forebear.core.yaml_values import read_yaml
from forebear.verification.checks.sizes import number_of
from forebear.verification.claim import Claim, Source, Standing, private_removed
from forebear.verification.readers.bills import claims_of_bill
from forebear.verification.readers.card import claims_of_card
from forebear.verification.readers.configs import claims_of_config, claims_of_gguf
from forebear.verification.readers.grammar import BLOCKS
from forebear.verification.readers.merges import claims_of_merge
from forebear.verification.readers.prose import claims_of_prose
from forebear.verification.readers.wheel import claims_of_metadata, claims_of_record

CARD = """---
license: mit
base_model:
- north/base-7b
base_model_relation: quantized
tags: [gguf, other]
---
# Title
| Parameters | Hidden Size | Layers |
|---|---|---|
| 1,644,417,024 | 2048 | 24 |

| Key | Value | Note |
|---|---|---|
| `d_model` | 4544 | wide |
- **License:** [Apache 2.0](LICENSE)
<!-- - **Base model:** [Unknown](https://example.org) -->
参数量：7B
```
Layers: 99
```
- **Finetuned from model [optional]:** [More Information Needed]
"""


def read(text):
    return [(c.kind, c.stated, c.source.line) for c in claims_of_card(text, "README.md")[0]]


def test_front_matter_fields_tables_and_comments_of_a_card_are_read_with_their_lines():
    assert read(CARD) == [
        ("parent", "north/base-7b", 3), ("kind_quantized", "north/base-7b", 5), ("licence", "mit", 2), ("tag", "gguf", 6),
        ("parameters", "1,644,417,024", 11), ("width", "2048", 11), ("layers", "24", 11), ("width", "4544", 15),
        ("licence", "Apache 2.0", 16), ("no_parent", "Unknown", 17), ("parameters", "7B", 18),
        ("layers", "99", 20),
    ]  # fmt: skip


@pytest.mark.parametrize(("label", "kind"), [
    ("Tokens in the vocabulary", "vocabulary"), ("Number of transformer blocks", "layers"), ("Total number of model parameters", "parameters"),
    ("Active parameters", None), ("Non-embedding parameters", None), ("Training parameters", None), ("Frozen layers", None),
    ("Layers per stage", None), ("Vocabulary source", None), ("Parameters of the teacher", None), ("LoRA layers", None),
])  # fmt: skip
def test_labels_of_several_words_are_known_by_all_their_words(label, kind):
    assert [found for found, _, _ in read(f"- **{label}:** 12\n")] == ([kind] if kind else [])


def decided(text):
    return [(c.kind, c.stated) for c in claims_of_card(text, "README.md")[0] if c.decided]


@pytest.mark.parametrize("text", [
    "## Teacher model\n- Parameters: 70B\n",
    "# Tiny\n- Vision encoder:\n  - Parameters: 300M\n",
    "| | Small | Tiny |\n|---|---|---|\n| Parameters | 110M | 0.25M |\n",
    "| Model | Parameters |\n|---|---|\n| GPT-2 | 124M |\n",
    "## Comparison\n| Parameters | Layers |\n|---|---|\n| 124M | 12 |\n",
    "<!-- Parameters: 7B -->\n",
])  # fmt: skip
def test_sizes_that_may_be_those_of_another_model_are_not_decided(text):
    assert decided(text) == []


def test_own_fields_after_a_section_on_another_model_are_decided():
    text = "## Teacher\nLayers: 80\n## Details\n- Model:\n  - Layers: 4\n\n| d | Value | at |\n|-|-|-|\n| d_model | 64 | 3 |\n"
    assert decided(text) == [("layers", "4"), ("width", "64")]


@pytest.mark.parametrize("value", ["<1M", "> 0.1M", ">= 1M"])
def test_a_bound_is_no_number(value):
    found = claims_of_card(f"Parameters: {value}\n", "README.md")[0]
    assert [number_of(claim) for claim in found] == [None]


def test_code_is_read_by_listed_labels_alone_and_decides_nothing_and_placeholders_are_no_claims():
    claims = claims_of_card('```\nLayers: 12\n"hidden_size": 64,\nState width: 3\n```\n- **License:** [More Information Needed]\n', "README.md")[0]
    assert [(c.kind, c.stated, c.decided, c.standing) for c in claims] == [
        ("layers", "12", False, Standing.unsure), ("width", "64", False, Standing.unsure),
    ]  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "wanted"), [
    ("parameters", "250K", 250_000), ("parameters", "250,432 (0.25M)", 250_432), ("parameters", "about 250 thousand", 250_000),
    ("parameters", "22.7M params", 22_700_000), ("layers", "12 transformer blocks", 12), ("vocabulary", "32k tokens", 32_000),
    *(("parameters", text, None) for text in ("8x7B", "30B-A3B", "22,7M", "90 MB", "250 Mio", "7", "7B trainable", "1.644.417.024", "large")),
    *(("layers", text, None) for text in ("2 x 12", "12 + 12", "6 frozen", "12 (6 encoder)", "24-32")),
    ("vocabulary", "32000 English words", None),
])  # fmt: skip
def test_a_number_is_read_only_where_it_can_be_nothing_else(kind, text, wanted):
    found = number_of(Claim(kind, text, Source("README.md", kind)))
    assert (found and found.parameters) == wanted


def test_sentences_of_descent_are_proposed_and_denials_are_not():
    text = ("A fine-tuned version of [north/base](https://example.org/x).\nIt is not based on gpt2.\n"
            "Unlike models built on bert-base-uncased, it is small.\nQuantized from `south/m-7b`. Trained from scratch.\n")  # fmt: skip
    found = claims_of_prose(text, "README.md")
    assert [(c.kind, c.stated, c.decided, c.source.line) for c in found] == [
        ("parent", "north/base", False, 1), ("kind_finetune", "north/base", False, 1), ("parent", "south/m-7b", False, 4),
        ("kind_quantized", "south/m-7b", False, 4), ("scratch", "Trained from scratch", False, 4),
    ]  # fmt: skip


def test_a_configuration_claims_sizes_and_only_proposes_where_it_was_loaded_from():
    found = claims_of_config({"num_hidden_layers": 4, "hidden_size": 64, "vocab_size": 512, "torch_dtype": "float32", "model_type": "llama",
                              "_name_or_path": "north/base", "quantization_config": {"quant_method": "gptq", "bits": 4}}, "config.json")  # fmt: skip
    assert {(c.kind, c.stated, c.decided) for c in found} == {
        ("layers", "4", True), ("width", "64", True), ("vocabulary", "512", True), ("load_dtype", "float32", True),
        ("family", "llama", True), ("parent", "north/base", False), ("bits", "gptq", True),
    }  # fmt: skip
    assert claims_of_config({"_name_or_path": "/home/someone/run"}, "config.json") == []


def test_gguf_keys_and_merge_files_name_their_models():
    keys = {"general.license": "mit", "general.size_label": "7B", "general.base_model.0.name": "Base 7B",
            "general.base_model.0.organization": "north"}  # fmt: skip
    assert [(c.kind, c.stated) for c in claims_of_gguf(keys, "m.gguf")] == [
        ("licence", "mit"), ("parameters", "7B"), ("parent", "north/Base-7B"),
    ]  # fmt: skip
    text = "models:\n- model: a/x\n- model: b/y+c/lora\nmerge_method: ties\nbase_model: a/base\nslices:\n- sources:\n  - model: d/z\n"
    assert [(c.kind, c.stated, c.about) for c in claims_of_merge(text, "mergekit_config.yml")[0]] == [
        ("kind_merge", name, "ties") for name in ("a/x", "b/y", "d/z", "a/base")
    ]


def test_package_metadata_states_licences_and_digests():
    text = "Metadata-Version: 2.1\nName: m\nLicense: Apache 2.0\nClassifier: License :: OSI Approved :: MIT License\nSummary: fine-tuned from a/b-7\n\n# Body\n"
    claims, prose = claims_of_metadata(text, "METADATA")
    assert [(c.kind, c.stated) for c in claims] == [("licence", "Apache 2.0"), ("licence", "MIT License")]
    assert "fine-tuned from a/b-7" in prose
    record = "pkg/model/w.bin,sha256=" + "A" * 43 + ",10\npkg/other.py,sha256=" + "A" * 43 + ",3\npkg/model/../x,sha256=" + "A" * 43 + ",3\n"
    assert [(c.about, c.stated) for c in claims_of_record(record, "RECORD", "pkg/model/")] == [("w.bin", "0" * 64)]


def test_bills_state_parents_licences_and_digests_of_files():
    cyclonedx = {"bomFormat": "CycloneDX", "metadata": {"component": {
        "type": "machine-learning-model", "name": "m", "licenses": [{"license": {"id": "MIT"}}], "hashes": [{"alg": "SHA-256", "content": "AB"}],
        "pedigree": {"ancestors": [{"name": "base", "group": "north"}]}}},
        "components": [{"type": "file", "name": "w", "hashes": [{"alg": "SHA-256", "content": "cd"}, {"alg": "MD5", "content": "e"}]}]}  # fmt: skip
    assert [(c.kind, c.stated, c.about) for c in claims_of_bill(cyclonedx, "bom.json")[0]] == [
        ("parent", "north/base", ""), ("licence", "MIT", ""), ("model_digest", "ab", ""), ("digest", "cd", "w"),
    ]  # fmt: skip
    spdx = {"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": [
        {"type": "ai_AIPackage", "spdxId": "x:m", "name": "m"}, {"type": "ai_AIPackage", "spdxId": "x:b", "name": "base"},
        {"type": "Relationship", "from": "x:b", "to": ["x:m"], "relationshipType": "ancestorOf"},
        {"type": "simplelicensing_LicenseExpression", "spdxId": "x:l", "simplelicensing_licenseExpression": "MIT"},
        {"type": "Relationship", "from": "x:m", "to": ["x:l"], "relationshipType": "hasDeclaredLicense"}]}  # fmt: skip
    assert [(c.kind, c.stated) for c in claims_of_bill(spdx, "m.spdx.json")[0]] == [("parent", "base"), ("licence", "MIT")]
    assert claims_of_bill({"bomFormat": "other"}, "bom.json")[1] != []


@pytest.mark.parametrize("text", [
    "a: &a [1]\nb: *a\n", "a: 1\na: 2\n", "- " * 30 + "x\n", "[" * 40, "a: {b: ", "? [a]\n: b\n", "a: \x00\n", "\t- x: :\n\t\ty",
    "x: &x ['lol']\n" + "".join(f"y{i}: &y{i} [*x, *x]\n" for i in range(9)),
])  # fmt: skip
def test_yaml_that_is_more_than_it_seems_is_refused(text):
    with pytest.raises(RefusedError, match="YAML"):
        read_yaml(text, "README.md")


def test_tags_construct_nothing_and_scalars_stay_text():
    found, lines = read_yaml("a: !!python/object/apply:os.system ['true']\nb: !!timestamp 2001-01-01\nc: yes\nd: 0x10\ne: ~\nf: ''\n", "README.md")
    assert found == {"a": ["true"], "b": "2001-01-01", "c": "yes", "d": "0x10", "e": None, "f": ""}
    assert lines["c"] == 3


def test_places_on_a_machine_and_keys_are_taken_out_of_texts():
    text = "loaded from /home/ann/run7/ckpt and C:\\Users\\ann\\m and https://example.org/a/b, and/or ~/x/y hf_ABCDEFGHIJKLMNOPQRST"
    shown = private_removed(text)
    assert not [word for word in ("/home", "ann", "hf_ABC", "~/x") if word in shown]
    assert "https://example.org/a/b" in shown
    assert "and/or" in shown
    for name in ("hf-internal-testing/tiny-random-llama", "skip-connections-of-many-layers", "ghost-in-the-shell-of-names-7b"):
        assert private_removed(name) == name
    assert "[key]" in private_removed("-----BEGIN EC PRIVATE KEY-----\nabc\n-----END EC PRIVATE KEY-----")
    assert "abc" not in private_removed(json.dumps({"k": "-----BEGIN PRIVATE KEY-----abc"}))


@pytest.mark.parametrize("above", [
    "## 教师模型\n", "## 与其他模型的比较\n", "## 教師モデル\n", "## ベースモデルについて\n", "### 草稿模型\n", "**Teacher model**\n\n", "## LoRA configuration\n",
    "## Training hyperparameters\n", "## Classification head\n", "Teacher\n-------\n", "<h3>Teacher</h3>\n\n", "# A second title\n", "## Llama 2 7B\n",
    "The original model has the following shape:\n\n", "教師モデルの仕様は次のとおり。\n\n", "<details><summary>Llama 2 7B</summary>\n\n", "- 教师模型：\n  ", "> ",
])  # fmt: skip
def test_fields_that_may_be_about_something_else_are_proposed(above):
    claims, _ = claims_of_card(f"# A model\n\nSome words.\n\n{above}- Layers: 47\n", "README.md")
    assert [(c.kind, c.decided) for c in claims] == [("layers", False)]


@pytest.mark.parametrize("above", [
    "", "## Model details\n", "## 模型规格\n", "### モデルの構成\n", "## Architecture\n\nIt is small, compared with other models.\n\n",
    "<details><summary>Teacher</summary>\n\n- Layers: 3\n</details>\n\n", "## Teacher\n\nWords.\n\n## Model details\n",
])  # fmt: skip
def test_fields_under_headings_of_the_model_are_claims(above):
    claims, _ = claims_of_card(f"# A model\n\n{above}- Layers: 47\n", "README.md")
    assert [c.decided for c in claims if c.stated == "47"] == [True]


@pytest.mark.parametrize(("line", "found"), [
    ("- dtype: fp16", [("dtype", False)]), ("- Tensor type: fp16", [("dtype", True)]), ("- Model size: 90 MB", []),
    ("- Model size: 7B", [("parameters", False)]), ("- Layers: 24\n(of the teacher)", [("layers", False)]), ("- Total layers: 26", [("layers", True)]),
])  # fmt: skip
def test_labels_of_two_meanings_are_proposed(line, found):
    claims, _ = claims_of_card(f"# A model\n\n{line}\n", "README.md")
    assert [(c.kind, c.decided) for c in claims] == found


@pytest.mark.parametrize(("line", "found"), [
    ("- Hidden size (d): 64", ("width", False)), ("- Parameters (active): 7B", ("parameters", False)), ("- Precision: fp16", ("dtype", False)),
    ("| Precision | fp16 |", ("dtype", False)), ("| Size | 7B |", ("parameters", False)), ("| Layers (encoder) | 3 |", ("layers", False)),
    ("- Hidden size: 64", ("width", True)), ("| Hidden size | 64 |", ("width", True)),
])  # fmt: skip
def test_labels_with_a_word_in_brackets_are_proposed(line, found):
    claims, _ = claims_of_card(f"# A model\n\n{line}\n", "README.md")
    assert [(c.kind, c.decided) for c in claims] == [found]


OWN_TABLE = "<table>\n<tr><th>Property</th><th>Value</th></tr>\n<tr><td>Number of blocks</td><td>4</td></tr>\n</table>\n"


@pytest.mark.parametrize(("text", "found"), [
    ("- 레이어 수: 4개\n- 은닉 차원: 64차원\n", [("layers", 4, True), ("width", 64, True)]),
    ("- 파라미터 수: 약 130만\n", [("parameters", 1_300_000, True)]),
    ("- パラメータ数：約13万\n- レイヤー数：4層\n", [("parameters", 130_000, True), ("layers", 4, True)]),
    ("- 總參數量：1.3億\n", [("parameters", 130_000_000, True)]),
    (OWN_TABLE, [("layers", 4, True)]),
    ("<table><tr><th>Layers</th><td>4</td></tr><tr><th>Width</th><td>64</td></tr></table>", [("layers", 4, True), ("width", 64, True)]),
    ("Params (M) | 0.13\n--- | ---\nDepth | 4\nHidden state size | 64\n", [("parameters", 130_000, False), ("layers", 4, False), ("width", 64, False)]),
    ("**Layers** 4\n", [("layers", 4, True)]), ("* Layers — 4\n", [("layers", 4, True)]), ("<li><b>Layers:</b> 4</li>\n", [("layers", 4, True)]),
    ("| | Small | A model |\n|---|---|---|\n| Layers | 2 | 4 |\n| Embedding size | 32 | 64 |\n", [("layers", 4, False), ("width", 64, False)]),
    ("- 隱藏層寬度：64\n- Embedding length: 64\n- 隠れ層の数: 4\n- Hidden: 64\n",
     [("width", 64, False), ("width", 64, False), ("layers", 4, True), ("width", 64, False)]),
    ("- Attention layers: 4\n- Attention heads: 2\n", [("layers", 4, False)]),
    ("- Model size: 0.13M\n", [("parameters", 130_000, False)]), ("- Model size: 90 MB\n", []),
    ("- Layers trained: 2\n- Attention heads: 9\n- Parameters updated: 3M\n- Training precision: bf16\n- Batch dimension: 9\n- Block size: 64\n- Hidden dimension multiple: 32\n", []),
])  # fmt: skip
def test_fields_of_many_forms_are_read(text, found):
    claims = claims_of_card(f"# A model\n\n{text}", "README.md")[0]
    mine = [c for c in claims if c.standing is not Standing.one_of_several and c.kind not in BLOCKS]
    assert [(c.kind, number_of(c).parameters, c.decided) for c in mine] == found


def test_a_value_that_can_only_be_a_number_type_is_proposed_whatever_its_label():
    text = "* **Numbers** — fp32\n- Weights stored in: float16\n- Training: bf16\n- Inference: bf16\n- Teacher: bf16\n- Numbers: 4\n"
    claims = claims_of_card(f"# A model\n\n{text}", "README.md")[0]
    assert [(c.kind, c.stated, c.decided) for c in claims] == [("dtype", "fp32", False), ("dtype", "float16", False)]


@pytest.mark.parametrize("text", [
    "| Hyperparameter | Value |\n|---|---|\n| Layers | 80 |\n",
    "| | Teacher |\n|---|---|\n| Layers | 80 |\n",
    "| Parameter | Llama-2-7B |\n|---|---|\n| Layers | 80 |\n",
    "| | Llama | Notes |\n|---|---|---|\n| Layers | 80 | deep |\n",
    "| Parameter | Value |\n|---|---|\n| **Teacher** | |\n| Layers | 80 |\n",
    "| Parameter | Value |\n|---|---|\n| **Llama-2-7B** | |\n| Layers | 80 |\n",
    "The teacher has:\n<table><tr><th>Layers</th><td>80</td></tr></table>\n",
    "Llama-2-7B has the following shape:\n\n- Layers: 80\n",
    "The following values were used for training:\n\n- Layers: 80\n",
    "- Mistral:\n  - Layers: 80\n",
    "<!--\n- Layers: 80\n-->\n",
    "## The small model\n- Layers: 80\n", "## Model A\n- Layers: 80\n", "## 교사 모델\n- 레이어 수: 80\n", "## 학습 설정\n- 레이어 수: 80\n",
])  # fmt: skip
def test_fields_that_an_honest_card_may_hold_of_another_model_are_proposed(text):
    claims = claims_of_card(f"# A model\n\n{text}", "README.md")[0]
    assert [(c.stated, c.decided) for c in claims if c.kind == "layers" and c.stated == "80"] == [("80", False)]


@pytest.mark.parametrize("text", ["## 모델 정보\n- 레이어 수: 4\n", "| 항목 | 값 |\n|---|---|\n| 레이어 수 | 4 |\n", "## Key facts\n- Layers: 4\n"])
def test_fields_about_the_model_itself_are_decided(text):
    claims = claims_of_card(f"# A model\n\n{text}", "README.md")[0]
    assert [(c.kind, c.stated, c.decided) for c in claims] == [("layers", "4", True)]


def test_sentences_about_the_model_propose_its_sizes_and_those_about_others_do_not():
    text = ("This model has 1.2M parameters, 4 layers and a hidden size of 64.\nA 12-layer model with 7B parameters was compared.\n"
            "The model uses a vocabulary of 512 tokens.\nThis model was trained with 6 layers frozen.\nUnlike larger ones it has 9 layers.\nWe use the GPT-2 tokenizer.\n")  # fmt: skip
    found = claims_of_card(text, "README.md")[0]
    assert [(c.kind, c.stated, c.source.line) for c in found if c.standing is Standing.own] == [
        ("parameters", "1.2M", 1), ("layers", "4", 1), ("width", "64", 1), ("vocabulary", "512", 3), ("tokenizer", "GPT-2", 6),
    ]  # fmt: skip
    assert not any(c.decided for c in found)


def test_a_bill_of_several_models_decides_nothing_of_one():
    def model(name, digest):
        file = {"type": "file", "name": "model.safetensors", "hashes": [{"alg": "SHA-256", "content": digest}]}
        return [{"type": "machine-learning-model", "name": name, "properties": [{"name": "layers", "value": "80"}]}, file]

    both = [*model("base", "a" * 64), *model("subject", "b" * 64)]
    bill = {"bomFormat": "CycloneDX", "metadata": {"component": {"type": "application", "name": "x"}}, "components": both}
    assert [c.decided for c in claims_of_bill(bill, "bom.json")[0]] == [False, False, False]
    bill["components"] = both[2:]
    assert [c.decided for c in claims_of_bill(bill, "bom.json")[0]] == [True, True]


def test_sizes_of_data_and_bounds_of_a_trainer_are_no_parameters() -> None:
    def read(line: str) -> list[str]:
        return [claim.stated for claim in claims_of_card(f"# Tern\n\n## Model\n\n{line}\n", "README.md")[0] if claim.kind == "parameters"]

    assert read("* Size: 1,808 training samples") == []
    assert read("* Size: 10K evaluation samples") == []
    assert read("- `fsdp_min_num_params`: 0") == []
    assert read("* Size: 22,713,216") == ["22,713,216"]
    assert read("- `num_params`: 22713216") == ["22713216"]
