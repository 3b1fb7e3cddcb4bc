"""Inspection: statistics equal to plain arithmetic, odd things told, residue found and not followed, names inferred, size no matter."""

from __future__ import annotations

import csv
import io
import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import forebear
from forebear.comparison.demo import demo_folder
from forebear.core.documents import problems_of
from forebear.core.errors import RefusedError, UsageError
from forebear.core.seeds import generator
from forebear.files.sources import open_container
from forebear.inspection.inference import infer_parts
from forebear.inspection.residue import find_residue
from forebear.reports.show import rendered
from tests.said import said as english

BASE = demo_folder() / "base"
ROOT = Path(__file__).resolve().parent.parent.parent


def test_statistics_are_those_of_the_values(tmp_path):
    rng = generator("inspection")
    arrays = {"a": rng.standard_normal((300, 70)).astype(np.float32), "b": np.array([1, 2, np.nan, np.inf, 0, -7], np.float32),
              "c": np.zeros((4, 4), np.float32), "d": np.zeros((0, 3), np.float32)}  # fmt: skip
    save_file(arrays, tmp_path / "model.safetensors")
    found = {t["name"]: t for t in forebear.inspect(tmp_path, full=True)["tensors"]}
    a = arrays["a"].astype(np.float64)
    for key, wanted in (("min", a.min()), ("max", a.max()), ("mean", a.mean()), ("std", a.std())):
        assert found["a"][key] == pytest.approx(wanted, rel=1e-9, abs=1e-12)
    assert (found["b"]["nan"], found["b"]["infinite"], found["b"]["zeros"], found["b"]["mean"]) == (1, 1, 1, -1.0)
    assert found["c"]["constant"]
    assert found["d"]["min"] is None


def test_a_tensor_read_in_blocks_gives_the_statistics_of_the_whole(tmp_path, monkeypatch):
    from forebear.inspection import inspection_values

    values = generator("blocks").standard_normal((97, 31)).astype(np.float32) + 3
    save_file({"w": values}, tmp_path / "model.safetensors")
    whole = forebear.inspect(tmp_path, full=True)["tensors"][0]
    monkeypatch.setattr(inspection_values, "READ_BLOCK_BYTES", 1000)
    pieces = forebear.inspect(tmp_path, full=True)["tensors"][0]
    assert pieces["std"] == pytest.approx(whole["std"], rel=1e-12) == pytest.approx(values.astype(np.float64).std())
    assert pieces["mean"] == pytest.approx(whole["mean"], rel=1e-12)


def test_odd_values_are_told_and_plain_ones_are_not(tmp_path):
    rng = generator("odd")
    w = rng.standard_normal((20, 20)).astype(np.float32)
    odd = {"same": w, "twin": w.copy(), "far": w * 1e6, "empty": np.zeros((5, 5), np.float32), "thin": np.where(w > 1, w, 0).astype(np.float32),
           "bad": np.where(w > 2, np.nan, w).astype(np.float32)}  # fmt: skip
    save_file(odd, tmp_path / "model.safetensors")
    said = " / ".join(english(forebear.inspect(tmp_path, full=True)["odd"]))
    for words in (
        "one value only: empty",
        "equal another in every value",
        "NaN: bad",
        "beyond 10000: far",
        "more than half zeros",
    ):
        assert words in said
    assert forebear.inspect(BASE, full=True)["odd"] == ()


def test_a_configuration_that_does_not_add_up_with_its_tensors_is_odd(tmp_path):
    from tests.comparison.variants import load, save

    arrays = load(BASE)
    good = save(tmp_path / "good", arrays, BASE)
    assert forebear.inspect(good)["odd"] == ()
    bad = save(tmp_path / "bad", arrays, BASE, {"vocab_size": 600})
    assert any("the configuration asks for" in s for s in english(forebear.inspect(bad)["odd"]))


def test_the_table_of_tensors_is_rows_for_a_spreadsheet():
    document = forebear.inspect(BASE, full=True)
    rows = list(csv.DictReader(io.StringIO(rendered(document, "csv").decode())))
    assert len(rows) == len(document["tensors"])
    assert {"name", "dtype", "shape", "min", "max", "mean", "std", "nan", "digest"} <= set(rows[0])
    assert float(rows[0]["std"]) == document["tensors"][0]["std"]


def test_a_configuration_is_counted_without_weights(tmp_path):
    (tmp_path / "config.json").write_text((BASE / "config.json").read_text())
    document = forebear.inspect(tmp_path / "config.json")
    assert problems_of(document) == []
    assert document["parameters"] == forebear.inspect(BASE)["parameters"] == 250_432
    assert document["container"]["kind"] == "configuration"


def test_against_says_what_changed_and_refuses_what_it_cannot_count(tmp_path):
    config = json.loads((BASE / "config.json").read_text())
    (tmp_path / "other.json").write_text(json.dumps(config | {"num_hidden_layers": 6}))
    (tmp_path / "strange.json").write_text('{"model_type": "nobody"}')
    (tmp_path / "claim.json").write_text('{"parameters": "many"}')
    found = forebear.inspect(BASE, against=tmp_path / "other.json")["arithmetic"]
    assert found["difference"] == forebear.inspect(demo_folder() / "descendant")["parameters"] - 250_432
    with pytest.raises(RefusedError, match="no definition"):
        forebear.inspect(BASE, against=tmp_path / "strange.json")
    with pytest.raises(UsageError, match="no number"):
        forebear.inspect(BASE, against=tmp_path / "claim.json")
    with pytest.raises(RefusedError):
        forebear.inspect(BASE, against=tmp_path / "nothing.json")


CODE = """# Copyright (c) 2024 Somebody Else and the HuggingFace team
from transformers.models.qwen2.modeling_qwen2 import Qwen2MLP
import numpy
class PanguAttention(Qwen2MLP): pass
class Plain: pass
path = "/home/somebody/checkpoints/Qwen1.5-110B/step_3"
raise SystemExit("this must never run")
"""


def residue(folder: Path):
    return {(t["file"], t["kind"], t["text"], tuple(t["names"])) for t in find_residue(folder)[0]}


def test_names_left_in_code_cards_and_configurations_are_found_and_nothing_runs(tmp_path):
    (tmp_path / "modeling.py").write_text(CODE)
    (tmp_path / "README.md").write_text(
        "---\nlicense: mit\nbase_model:\n  - org/Llama-3-8B\n---\nbase_model: not here\n"
    )
    (tmp_path / "mergekit_config.yml").write_text(
        "merge_method: ties\nmodels:\n  - model: a/one\n  - model: b/two # note\n"
    )
    (tmp_path / "adapter_config.json").write_text('{"base_model_name_or_path": "mistralai/Mistral-7B"}')
    (tmp_path / "config.json").write_text('{"_name_or_path": "/data/qwen", "architectures": ["Qwen2ForCausalLM"]}')
    (tmp_path / "LICENSE").write_text("Copyright 2023 Another Company\n")
    found = residue(tmp_path)
    wanted = {
        ("modeling.py", "class name", "PanguAttention", ("pangu",)),
        ("modeling.py", "import", "transformers.models.qwen2.modeling_qwen2", ("qwen",)),
        ("modeling.py", "path", "/home/somebody/checkpoints/Qwen1.5-110B/step_3", ("qwen",)),
        ("modeling.py", "licence", "Copyright (c) 2024 Somebody Else and the HuggingFace team", ()),
        ("README.md", "base_model", "org/Llama-3-8B", ("llama",)),
        ("mergekit_config.yml", "merge", "merge_method: ties", ()),
        ("mergekit_config.yml", "merge", "model: a/one", ()),
        ("mergekit_config.yml", "merge", "model: b/two", ()),
        ("adapter_config.json", "base_model", "base_model_name_or_path: mistralai/Mistral-7B", ("mistral",)),
        ("config.json", "path", "_name_or_path: /data/qwen", ("qwen",)),
        ("config.json", "class name", "architectures: Qwen2ForCausalLM", ("qwen",)),
        ("LICENSE", "licence", "Copyright 2023 Another Company", ()),
    }
    assert found >= wanted
    assert not any("Plain" in t[2] or "numpy" in t[2] or "not here" in t[2] for t in found)


def test_a_folder_without_such_files_leaves_nothing(tmp_path):
    (tmp_path / "plain.py").write_text("class Thing: pass\nimport os\n")
    assert find_residue(tmp_path) == ([], [])


def test_a_link_out_of_the_folder_is_not_followed_and_said(tmp_path):
    outside = tmp_path / "outside.py"
    outside.write_text("class LlamaSecret: pass")
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "modeling.py").symlink_to(outside)
    (folder / "loop.py").symlink_to(folder / "loop.py")
    found, limits = find_residue(folder)
    assert found == []
    assert any("leads out of the folder" in s for s in english(limits))


def test_the_links_of_a_hub_cache_are_followed_to_its_blobs(tmp_path):
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / "abc").write_text('{"_name_or_path": "org/qwen"}')
    snapshot = tmp_path / "snapshots" / "rev"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").symlink_to("../../blobs/abc")
    assert residue(snapshot) == {("config.json", "path", "_name_or_path: org/qwen", ("qwen",))}


def test_hostile_small_files_cost_little_and_print_safely(tmp_path):
    (tmp_path / "long.py").write_text("class " + "Llama" * 100_000 + ":\n" + "/a/b" * 50_000)
    (tmp_path / "huge.py").write_bytes(b"#" * (2**20 + 1))
    (tmp_path / "bin.py").write_bytes(os.urandom(10_000))
    (tmp_path / "odd\x1b[31m.py").write_text("class Llama\u202eX: pass")
    (tmp_path / "config.json").write_text("[" * 100_000)
    (tmp_path / "README.md").write_text("---\nbase_model:\n" + "- x\n" * 100_000)
    for i in range(300):
        (tmp_path / f"m{i}.py").write_text("class LlamaX: pass")
    os.mkfifo(tmp_path / "pipe.py")
    found, limits = find_residue(tmp_path)
    assert len(found) <= 200
    assert any("only 200 small files" in s for s in english(limits))
    assert not [t for t in found if "\x1b" in t["file"] + t["text"] or "\u202e" in t["text"]]


def llama(layers: int, width: int, neurons: int, keys: int, vocabulary: int):
    layer = [(width, width), (keys, width), (keys, width), (width, width), (neurons, width), (neurons, width), (width, neurons),
             (width,), (width,)]  # fmt: skip
    shapes = [(vocabulary, width), (vocabulary, width), (width,), *layer * layers]
    return {f"t{at}": shape for at, shape in enumerate(shapes)}


def test_parts_without_names_are_inferred_from_shapes_that_repeat_and_said_to_be():
    parts, said = infer_parts(llama(4, 64, 176, 32, 512))
    assert parts["t0"] == "embedding or head"
    assert [parts[f"t{i}"] for i in range(3, 12)] == ["q or o", "k or v", "k or v", "q or o", "gate or up", "gate or up", "down",
                                                     "norm or bias", "norm or bias"]  # fmt: skip
    (sentence,) = english(said)
    assert "inferred" in sentence
    assert "no axis" in sentence


def test_gains_and_biases_without_names_are_told_apart_by_their_norms_where_that_is_plain(rng):
    shapes = llama(4, 64, 176, 32, 512)
    vectors = [name for name, shape in shapes.items() if len(shape) == 1]
    gains, biases = (
        1 + 0.2 * rng.standard_normal(64).astype(np.float32),
        0.1 * rng.standard_normal(64).astype(np.float32),
    )
    centred_gains, spoiled = 0.3 + 0.2 * rng.standard_normal(64).astype(np.float32), np.full(64, np.nan, np.float32)
    given = dict(zip(vectors, [gains, biases, centred_gains, spoiled, np.zeros(64, np.float32)], strict=False))
    parts, said = infer_parts(shapes, lambda name: given.get(name, gains))
    assert [parts[name] for name in vectors[:5]] == ["norm", "bias", "norm or bias", "norm or bias", "norm or bias"]
    assert "from norms" in english(said)[0]


@pytest.mark.parametrize(
    "shapes", [{}, {"a": (3, 4)}, {"a": (5, 5), "b": (5, 5)}, {f"x{i}": (i + 3, 2 * i + 7) for i in range(30)}]
)
def test_nothing_is_inferred_where_nothing_repeats(shapes):
    parts, said = infer_parts(shapes)
    assert parts == {}
    assert "no part" in english(said)[0]


def test_a_nameless_copy_shows_inferred_parts_in_its_inspection(tmp_path):
    container = open_container(BASE)
    arrays = {f"x{i}": container.read(n).copy() for i, n in enumerate(container.tensors)}
    container.close()
    save_file(arrays, tmp_path / "model.safetensors")
    document = forebear.inspect(tmp_path)
    assert document["architecture"]["recognised"] is False
    assert {t["part"] for t in document["tensors"] if t["inferred"]} >= {"gate or up", "down", "norm"}
    assert any("inferred from shapes" in s for s in english(document["limits"]))
    assert "(inferred)" in rendered(document, "text").decode()


PEAK = """import atexit, sys
atexit.register(lambda: print(*(line for line in open("/proc/self/status") if line.startswith("VmHWM")), file=sys.stderr))
from forebear.cli import main
main()"""
"""The command line, telling its peak in kB at the end: the peak that wait4 tells counts the process it was forked from as well."""


def sparse_folder(folder: Path) -> int:
    """A Llama of 16 GB in four shards, whose data are holes in the file."""
    width, neurons, vocabulary = 4096, 14336, 128256
    shapes = {
        "model.embed_tokens.weight": [vocabulary, width],
        "lm_head.weight": [vocabulary, width],
        "model.norm.weight": [width],
    }
    layer = {"self_attn.q_proj": [width, width], "self_attn.k_proj": [1024, width], "self_attn.v_proj": [1024, width],
             "self_attn.o_proj": [width, width], "mlp.gate_proj": [neurons, width], "mlp.up_proj": [neurons, width],
             "mlp.down_proj": [width, neurons], "input_layernorm": [width], "post_attention_layernorm": [width]}  # fmt: skip
    shapes |= {f"model.layers.{i}.{name}.weight": shape for i in range(32) for name, shape in layer.items()}
    names, where, total = list(shapes), {}, 0
    for shard in range(4):
        header, at = {}, 0
        for name in names[shard::4]:
            size = 2 * int(np.prod(shapes[name]))
            header[name] = {"dtype": "BF16", "shape": shapes[name], "data_offsets": [at, at + size]}
            at += size
            where[name] = f"model-{shard}.safetensors"
        text = json.dumps(header).encode()
        with (folder / f"model-{shard}.safetensors").open("wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            file.truncate(8 + len(text) + at)
        total += at
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": where}))
    config = {"model_type": "llama", "hidden_size": width, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
              "intermediate_size": neurons, "vocab_size": vocabulary}  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    return total


def test_a_folder_of_16_gigabytes_is_inspected_in_a_second_of_work_and_200_megabytes(tmp_path):
    assert sparse_folder(tmp_path) > 16 * 10**9
    target = tmp_path / "found.json"
    command = [sys.executable, "-c", PEAK, "inspect", str(tmp_path), "--format", "json", "-o", str(target)]
    child = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    told = child.stderr.read()
    _, status, used = os.wait4(child.pid, 0)  # of this child alone, whatever ran before it
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0
    document = json.loads(target.read_bytes())
    assert document["parameters"] == 8_030_261_248 == document["arithmetic"]["subject"]["parameters"]
    assert document["odd"] == []
    assert document["read"]["bytes"] < 2**20
    assert used.ru_utime < 1.5  # a second on an idle machine; others may be at work on this one
    if sys.platform == "linux":
        assert int(told.split()[-2]) < 200 * 1024


@pytest.mark.parametrize(("name", "content", "kind"), [
    ("config.json", {"bos_token": "<s>", "eos_token": "</s>", "layer_norm_epsilon": None, "unk_token": "<unk>"}, "configuration"),
    ("config.json", {"alignment_heads": [[0, 0]], "lang_ids": [3], "suppress_ids": [1], "suppress_ids_begin": [2]}, "configuration"),
    ("shared_vocabulary.json", ["<s>", "a"], "vocabulary"),
])  # fmt: skip
def test_the_small_files_of_ctranslate2_are_named(tmp_path: Path, name: str, content: object, kind: str) -> None:
    """As ctranslate2 4.8 writes them: they were a family nobody knows and 'not a JSON object'."""
    (tmp_path / name).write_text(json.dumps(content, indent=2))
    with pytest.raises(RefusedError, match=f"CTranslate2.*{kind}|{kind}.*CTranslate2"):
        forebear.inspect(tmp_path / name)
