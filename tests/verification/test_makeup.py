"""Experts, labels, adapters and pooling: what tensors decide, what settings state, and what is never called contradicted."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import forebear
from bench.shapes import SHAPES, initial
from forebear.comparison.demo import demo_folder
from forebear.recipes.steps.model import write_safetensors

HEAD = "# Tern\n\n## Model details\n\n"


def written(folder: Path, weights: dict[str, np.ndarray], config: dict[str, object]) -> Path:
    folder.mkdir()
    write_safetensors(folder / "model.safetensors", weights)
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    return folder


@pytest.fixture(scope="module")
def moe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shape = SHAPES["moe-56"]
    return written(tmp_path_factory.mktemp("moe") / "m", initial(shape, 1), shape.config())


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("adapter") / "a"
    folder.mkdir()
    tensors = {}
    for layer in range(2):
        for part in ("q_proj", "v_proj"):
            for side, shape in (("A", (8, 64)), ("B", (64, 8))):
                tensors[f"base_model.model.model.layers.{layer}.self_attn.{part}.lora_{side}.weight"] = np.ones(shape, np.float32)
    write_safetensors(folder / "adapter_model.safetensors", tensors)
    settings = {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["q_proj", "v_proj"], "base_model_name_or_path": "north/base"}
    (folder / "adapter_config.json").write_text(json.dumps(settings), "utf-8")
    return folder


def judged(folder: Path, text: str, tmp_path: Path, kinds: tuple[str, ...]) -> list[tuple[str, str, bool]]:
    card = tmp_path / "card.md"
    card.write_text(text, "utf-8")
    rows = forebear.verify(folder, card=card)["claims"]
    return [(r["kind"], r["outcome"], r["flagged"]) for r in rows if r["source"]["file"] == "card.md" and r["kind"] in kinds]


EXPERTS = ("experts", "experts_used")


@pytest.mark.parametrize(("line", "expected"), [
    ("- **Number of experts:** 4", [("experts", "borne-out", False)]),
    ("- **Number of experts:** 8", [("experts", "contradicted", False)]),
    ("- **Number of experts:** 12", [("experts", "not-shown", True)]),  # 4 in each of 3 layers
    ("- **Experts per token:** 2", [("experts_used", "borne-out", False)]),
    ("- **Experts per token:** 1", [("experts_used", "not-shown", True)]),
    ("This model has 4 experts, of which 2 experts are active per token.", [("experts", "borne-out", False), ("experts_used", "borne-out", False)]),
    ("This model has 16 experts.", [("experts", "not-shown", True)]),
    ("每层共4个专家，每个token激活2个专家。", [("experts", "borne-out", False), ("experts_used", "borne-out", False)]),
    ("전문가 6개를 둔 모델입니다.", [("experts", "not-shown", True)]),
    ("| Experts (total) | 4 |\n|---|---|\n| x | y |", []),
    ("```\nnum_local_experts = 8\nnum_experts_per_tok = 2\n```", [("experts", "not-shown", True), ("experts_used", "borne-out", False)]),
    ("Answers were graded by 12 domain experts.", []),
    ("The MLP width per expert is 80.", []),
])  # fmt: skip
def test_experts(moe: Path, line: str, expected: list[tuple[str, str, bool]], tmp_path: Path) -> None:
    found = judged(moe, HEAD + line + "\n", tmp_path, EXPERTS)
    assert sorted(found) == sorted(expected) or (not expected and not any(flag or out == "contradicted" for _, out, flag in found))


def test_a_dense_model_has_one_expert_in_a_field_and_people_may_be_experts_in_a_sentence(tmp_path: Path) -> None:
    base = demo_folder() / "base"
    assert judged(base, HEAD + "- **Number of experts:** 8\n", tmp_path, EXPERTS) == [("experts", "contradicted", False)]
    assert judged(base, HEAD + "It has been checked by 8 experts.\n", tmp_path, EXPERTS) in ([], [("experts", "not-testable", False)])


ADAPTER = ("rank", "alpha", "targets")


@pytest.mark.parametrize(("line", "expected"), [
    ("- **LoRA rank:** 8", [("rank", "borne-out", False)]), ("- **LoRA rank:** 16", [("rank", "contradicted", False)]),
    ("- **LoRA alpha:** 16", [("alpha", "borne-out", False)]), ("- **LoRA alpha:** 32", [("alpha", "not-shown", True)]),
    ("- **Target modules:** q_proj, v_proj", [("targets", "borne-out", False)]), ("- **Target modules:** q, v", [("targets", "borne-out", False)]),
    ("- **Target modules:** q_proj, k_proj, v_proj, o_proj", [("targets", "not-shown", True)]),
    ("- **Target modules:** all-linear", [("targets", "not-testable", False)]),
    ("```python\nLoraConfig(r=8, lora_alpha=16)\n```", [("rank", "borne-out", False), ("alpha", "borne-out", False)]),
    ("```yaml\nlora_r: 64\nlora_alpha: 16\n```", [("rank", "not-shown", True), ("alpha", "borne-out", False)]),
    ("We train this LoRA adapter with rank 64.", [("rank", "not-shown", True)]),
])  # fmt: skip
def test_adapters(adapter: Path, line: str, expected: list[tuple[str, str, bool]], tmp_path: Path) -> None:
    assert sorted(judged(adapter, HEAD + line + "\n", tmp_path, ADAPTER)) == sorted(expected)


def test_an_adapters_own_settings_are_held_against_its_factors(adapter: Path, tmp_path: Path) -> None:
    rows = [r for r in forebear.verify(adapter)["claims"] if r["kind"] == "rank"]
    assert [r["outcome"] for r in rows] == ["borne-out"]
    folder = tmp_path / "other"
    shutil.copytree(adapter, folder)
    settings = json.loads((folder / "adapter_config.json").read_text("utf-8"))
    (folder / "adapter_config.json").write_text(json.dumps(settings | {"r": 32}), "utf-8")
    rows = [r for r in forebear.verify(folder)["claims"] if r["kind"] == "rank"]
    assert [(r["outcome"], r["flagged"]) for r in rows] == [("not-shown", True)]
    (folder / "adapter_config.json").write_text(json.dumps(settings | {"r": 32, "rank_pattern": {"q_proj": 8}}), "utf-8")
    assert not [r for r in forebear.verify(folder)["claims"] if r["kind"] == "rank"]


def test_of_a_model_that_is_no_adapter_a_rank_is_not_testable(tmp_path: Path) -> None:
    found = judged(demo_folder() / "base", HEAD + "- **LoRA rank:** 16\n", tmp_path, ADAPTER)
    assert found == [("rank", "not-testable", False)]


@pytest.mark.parametrize(("line", "outcome", "flagged"), [
    ("- **Pooling:** mean", "borne-out", False), ("- **Pooling:** CLS token", "not-shown", True), ("- **池化方式:** 平均", "borne-out", False),
    ("- **Pooling:** attention", "not-testable", False), ("- **Pooling:** weighted mean", "not-shown", True),
])  # fmt: skip
def test_pooling(line: str, outcome: str, flagged: bool, tmp_path: Path) -> None:
    folder = tmp_path / "m"
    shutil.copytree(demo_folder() / "base", folder)
    (folder / "1_Pooling").mkdir()
    settings = {"word_embedding_dimension": 64, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(settings), "utf-8")
    assert judged(folder, HEAD + line + "\n", tmp_path, ("pooling",)) == [("pooling", outcome, flagged)]


def test_labels(tmp_path: Path) -> None:
    base = demo_folder() / "base"
    config = json.loads((base / "config.json").read_text("utf-8"))
    from forebear.files.sources import open_container

    container = open_container(base)
    weights = {name: container.read(name) for name in container.tensors if "lm_head" not in name}
    container.close()
    width = config["hidden_size"]
    folder = written(tmp_path / "c", weights | {"score.weight": np.ones((3, width), np.float32)}, config | {"id2label": {"0": "a", "1": "b", "2": "c"}})
    assert judged(folder, HEAD + "- **Number of labels:** 3\n", tmp_path, ("labels",)) == [("labels", "borne-out", False)]
    assert judged(folder, HEAD + "- **Number of labels:** 5\n", tmp_path, ("labels",)) == [("labels", "contradicted", False)]
    assert judged(base, HEAD + "- **Number of labels:** 5\n", tmp_path, ("labels",)) == [("labels", "not-testable", False)]
