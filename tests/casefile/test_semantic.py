"""A sentence model in a local folder: what it says of meaning moves links, and what is no such folder is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from forebear.casefile.bitext.bitext import align_texts
from forebear.casefile.bitext.semantic import load_embedder
from forebear.core.errors import RefusedError
from tests.casefile.texts import text

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
tokenizers = pytest.importorskip("tokenizers")

PAIRS = ["狗 dog", "雨 rain", "书 book", "門 gate", "桥 bridge", "鱼 fish", "灯 lamp", "船 boat", "树 tree", "鸟 bird"]
MEANINGS = {word: i for i, pair in enumerate(PAIRS) for word in pair.split()}
"""Words of a model of ten meanings; every other word is the unknown one, weakly in an eleventh direction."""
WIDTH = len(PAIRS) + 1


def sentence_model(folder: Path, prompt: str = "", first: bool = False) -> Path:
    """A folder with a model whose vector of a word is its meaning."""
    words = {"[UNK]": 0, **{w: i + 1 for i, w in enumerate(MEANINGS)}}
    table = np.eye(WIDTH, dtype=np.float32)[[len(PAIRS), *MEANINGS.values()]]
    table[0] *= 0.05
    nodes = [onnx.helper.make_node("Gather", ["table", "input_ids"], ["words"]),
             onnx.helper.make_node("Cast", ["attention_mask"], ["mask"], to=onnx.TensorProto.FLOAT),
             onnx.helper.make_node("Unsqueeze", ["mask", "two"], ["open"]),
             onnx.helper.make_node("Mul", ["words", "open"], ["last_hidden_state"])]  # fmt: skip
    sides = [onnx.helper.make_tensor_value_info(n, onnx.TensorProto.INT64, ["b", "t"]) for n in ("input_ids", "attention_mask")]
    out = onnx.helper.make_tensor_value_info("last_hidden_state", onnx.TensorProto.FLOAT, ["b", "t", WIDTH])
    held = [onnx.numpy_helper.from_array(table, "table"), onnx.numpy_helper.from_array(np.array([2], np.int64), "two")]
    graph = onnx.helper.make_graph(nodes, "g", sides, [out], held)
    folder.mkdir(parents=True, exist_ok=True)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(folder / "model.onnx"))
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="[UNK]"))
    parts = [tokenizers.pre_tokenizers.Split(tokenizers.Regex("[\u4e00-\u9fff]"), "isolated"), tokenizers.pre_tokenizers.Whitespace()]
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Sequence(parts)
    tokenizer.save(str(folder / "tokenizer.json"))
    if prompt:
        said = {"prompts": {"query": prompt}, "default_prompt_name": "query"}
        (folder / "config_sentence_transformers.json").write_text(json.dumps(said), "utf-8")
    if first:
        (folder / "1_Pooling").mkdir()
        (folder / "1_Pooling/config.json").write_text('{"pooling_mode_cls_token": true}', "utf-8")
    return folder


def test_vectors_have_length_one_in_the_order_asked_whatever_is_read_together(tmp_path: Path) -> None:
    embed = load_embedder(sentence_model(tmp_path / "m"))
    texts = ["the dog", "雨", "a much longer line about one book and no gate at all", "the dog"]
    vectors = embed(texts)
    assert vectors.shape == (4, WIDTH)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert [int(v.argmax()) for v in vectors[:2]] == [0, 1]
    assert np.array_equal(vectors[0], vectors[3])
    assert np.allclose(np.stack([embed([t])[0] for t in texts]), vectors, atol=1e-6)
    assert embed([]).shape[0] == 0


def test_the_folder_says_what_stands_before_a_text_and_which_token_counts(tmp_path: Path) -> None:
    plain, asked = sentence_model(tmp_path / "a"), sentence_model(tmp_path / "b", prompt="dog ")
    assert int(load_embedder(plain)(["xx rain"])[0].argmax()) == 1
    assert np.allclose(load_embedder(asked)(["rain"])[0][[0, 1]], 2**-0.5, atol=1e-6)
    first = sentence_model(tmp_path / "c", first=True)
    assert np.allclose(load_embedder(first)(["rain dog dog"])[0], np.eye(WIDTH)[1])


def test_meaning_finds_the_sentence_that_was_left_out_where_words_do_not(tmp_path: Path) -> None:
    zh = "".join(f"那边好像有{pair[0]}的样子。" for pair in PAIRS)
    en = " ".join(f"Somebody saw some {pair[2:]} over there." for pair in PAIRS if pair != "桥 bridge")
    embed = load_embedder(sentence_model(tmp_path / "m"))
    texts = text("o", "zh", zh), text("t", "en", en, of="o")
    links = align_texts(*texts, embed=embed)
    left_out = PAIRS.index("桥 bridge")
    assert [k.left for k in links if not k.right] == [(left_out,)]
    assert all(len(k.left) == len(k.right) == 1 for k in links if k.right)
    assert {k.by for k in links} == {"model"}
    plain = align_texts(*texts)
    assert {k.by for k in plain} == {"rule"}
    assert [(k.left, k.right) for k in plain] != [(k.left, k.right) for k in links]


@pytest.mark.parametrize("broken", ["nothing", "graph", "tokenizer", "inputs", "settings"])
def test_what_is_no_sentence_model_is_refused_with_what_is_needed(tmp_path: Path, broken: str) -> None:
    folder = sentence_model(tmp_path / "m", prompt="x")
    if broken == "nothing":
        (folder / "tokenizer.json").unlink()
    if broken == "graph":
        (folder / "model.onnx").write_bytes(b"\x00no graph")
    if broken == "tokenizer":
        (folder / "tokenizer.json").write_text("{}", "utf-8")
    if broken == "inputs":
        model = onnx.load(str(folder / "model.onnx"))
        for value in (*model.graph.input, *model.graph.node):
            for field in ("name", "input"):
                if field == "name" and value.name == "attention_mask":
                    value.name = "other"
                elif field == "input" and hasattr(value, "input"):
                    value.input[:] = ["other" if n == "attention_mask" else n for n in value.input]
        onnx.save(model, str(folder / "model.onnx"))
    if broken == "settings":
        (folder / "config_sentence_transformers.json").write_text("{", "utf-8")
    with pytest.raises(RefusedError) as caught:
        load_embedder(folder)
    assert str(folder) in str(caught.value)
