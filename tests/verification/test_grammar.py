"""Which noun a figure is of, in four languages, and which figures are of none."""

from __future__ import annotations

import pytest

from forebear.verification.readers.activations import activation_of
from forebear.verification.readers.card import claims_of_card
from forebear.verification.readers.grammar import figures_of
from forebear.verification.readers.phrases import loose_type
from forebear.verification.readers.tokenizers import tokenizers_of


@pytest.mark.parametrize(("text", "found"), [
    ("4 blocks, 64 channels, 512 entries in the vocabulary", {"layers": "4", "width": "64", "vocabulary": "512"}),
    ("The network stacks four decoder blocks of 64 channels each", {"layers": "4", "width": "64"}),
    ("4 layers of size 64 and an MLP of 176 units", {"layers": "4", "width": "64", "mlp_width": "176"}),
    ("16 heads (4 key-value heads), of 16 dims each", {"heads": "16", "kv_heads": "4", "head_size": "16"}),
    ("14 for Q and 2 for KV", {"heads": "14", "kv_heads": "2"}), ("dimension of each head is 16", {"head_size": "16"}),
    ("a SwiGLU MLP with hidden dimension 2048", {"mlp_width": "2048"}), ("hidden size 64 layers 4 heads 8", {"width": "64", "layers": "4", "heads": "8"}),
    ("Intermediate Size (SwiGLU): 5632", {"mlp_width": "5632"}), ("RoPE (theta = 500,000)", {"rope_base": "500,000"}), ("up to 8192 tokens of context", {"context": "8192"}),
    ("maps sentences to a 384 dimensional space", {"width": "384"}), ("a 1.1 billion parameter decoder", {"parameters": "1.1 billion"}),
    ("隐藏层维度为64，共4层，词表大小512，参数量约13万", {"width": "64", "layers": "4", "vocabulary": "512", "parameters": "13万"}),
    ("每层4个注意力头，支持 32K 上下文", {"heads": "4", "context": "32K"}), ("模型包含 12 个 Transformer 层", {"layers": "12"}),
    ("隠れ層の次元は64で、4層のTransformer、ヘッド数は8です", {"width": "64", "layers": "4", "heads": "8"}),
    ("은닉 차원은 64이고 레이어 수는 4개, KV 헤드는 2개", {"width": "64", "layers": "4", "kv_heads": "2"}),
])  # fmt: skip
def test_a_figure_is_bound_to_its_noun(text, found):
    assert dict(figures_of(text)) == found


@pytest.mark.parametrize("text", [
    "trained for 3 epochs on 2B tokens in batches of 64", "It took 10 hours on 8 GPUs with 80 GB", "the 4th layer", "第4层", "layer 3 is frozen",
    "GPT-2 and Llama-3-8B", "version 1.5 of the library", "hidden dimension multiple of 4", "learning rate 5e-4", "the last 2 layers were trained",
    "two feed-forward layers", "a batch of 512 sequences", "1,536 (4 x hidden_size)", "12% of layers", "学習率 0.1、バッチサイズ 64", "2 experts of 8",
])  # fmt: skip
def test_a_figure_of_another_matter_is_bound_to_none(text):
    assert dict(figures_of(text)) == {}


@pytest.mark.parametrize(("text", "name"), [
    ("Encoding is done by the tokenizer of GPT-2.", "GPT-2"), ("We reuse Qwen's tokenizer.", "Qwen"), ("采用 cl100k 的分词器。", "cl100k"),
    ("The model relies on the RWKV World tokenizer without changes.", "RWKV World"), ("Same vocabulary as in GPT-2.", None),
    ("The SentencePiece tokenizer was trained on Wikipedia.", None), ("It does not use the GPT-2 tokenizer.", None), ("The tokenizer was trained on OSCAR.", None),
    ("A Japanese tokenizer.", None), ("이 모델은 Qwen 토크나이저를 씁니다.", "Qwen"), ("Qwen と同じトークナイザを使います。", "Qwen"),
])  # fmt: skip
def test_a_tokenizer_is_the_name_that_is_joined_to_the_word(text, name):
    assert next(iter(tokenizers_of(text)), None) == name


@pytest.mark.parametrize(("text", "name"), [
    ("transformers with RoPE, SwiGLU, RMSNorm", "SwiGLU"), ("GELU activations", "GELU"), ("激活函数为 SiLU", "SiLU"), ("We thank the ReLU paper", ""),
])  # fmt: skip
def test_an_activation_is_read_beside_other_parts_of_blocks(text, name):
    assert activation_of(text) == name


def test_a_type_is_read_in_a_sentence_on_weights_and_on_nothing_else():
    assert [loose_type(one) for one in ("Weights come as F32.", "Mixed precision in bf16.", "fp16 or fp32 files")] == ["F32", "", ""]


@pytest.mark.parametrize(("text", "found"), [
    ("# Tern | 4 million parameters\n", [("parameters", "4 million")]), ("# Tern-7B\n", []),
    ("# A\n\n- 128 embedding dimension\n- 768 hidden dimension\n", [("width", "128"), ("width", "768")]),
    ("# A\n\n* Vocabulary\n  * Size: 512\n", [("vocabulary", "512")]), ("# A\n\n## Results\n\n- Size: 512\n", []),
    ("# A\n\n• 4 layers\n• 64 channels\n", [("layers", "4"), ("width", "64")]), ("# A\n\ndim=64<br/>n_layers=4\n", [("width", "64"), ("layers", "4")]),
    ('# A\n\n| H | Value |\n|---|---|\n| <img src="https://x.org/?math=n_{ctx}"> | 64 |\n', [("context", "64")]),
    ('# A\n\n```json\n"num_attention_heads": 4,\n"hidden_act": "gelu",\n```\n', [("heads", "4"), ("activation", "gelu")]),
    ("# A\n\n## Tokenizer\n\nTrained anew. Training Parameters:\n\n1. Vocabulary Size: 512\n", [("vocabulary", "512")]),
])  # fmt: skip
def test_titles_neighbouring_items_and_lists_are_read(text, found):
    assert [(c.kind, c.stated) for c in claims_of_card(text, "README.md")[0]] == found


def test_figures_that_became_no_claim_are_named_by_their_lines():
    text = "# A\n\nUnlike others it has 12 layers.\n\n- Layers: 4\n- 8 experts of each layer\n\nTrained for 3 days.\n"
    said = {one.key: one.values for one in claims_of_card(text, "README.md")[1]}
    assert list(said["unverified.unread"]["lines"]) == ["3", "6"]
    assert "unverified.scope" in said
