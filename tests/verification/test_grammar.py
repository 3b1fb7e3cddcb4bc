"""Which noun a figure is of, in four languages, and which figures are of none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from forebear.attest.held import HeldContainer
from forebear.models.checkpoint import open_checkpoint_from
from forebear.verification import claim as claims
from forebear.verification.checks.blocks import check_activation, check_block
from forebear.verification.claim import Claim, Outcome, Source
from forebear.verification.readers.activations import activation_of
from forebear.verification.readers.card import claims_of_card
from forebear.verification.readers.grammar import figures_of
from forebear.verification.readers.phrases import loose_type
from forebear.verification.readers.tokenizers import tokenizers_of
from forebear.verification.subject import Subject

CONFIG = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 64, "intermediate_size": 176, "num_hidden_layers": 1,
    "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 32, "max_position_embeddings": 64, "rope_theta": 10000.0, "hidden_act": "silu",
}  # fmt: skip


def weights() -> dict[str, np.ndarray]:
    """Zeros in the shapes of CONFIG."""
    layer = {
        "self_attn.q_proj": (64, 64), "self_attn.k_proj": (32, 64), "self_attn.v_proj": (32, 64), "self_attn.o_proj": (64, 64),
        "mlp.gate_proj": (176, 64), "mlp.up_proj": (176, 64), "mlp.down_proj": (64, 176), "input_layernorm": (64,),
        "post_attention_layernorm": (64,),
    }  # fmt: skip
    shapes = {f"model.layers.0.{name}.weight": shape for name, shape in layer.items()}
    shapes |= {"model.embed_tokens.weight": (32, 64), "lm_head.weight": (32, 64), "model.norm.weight": (64,)}
    return {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}


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
    ("2 experts of 8", {"experts_used": "2", "experts": "8"}), ("8 experts, 2 active per token", {"experts": "8", "experts_used": "2"}),
    ("64 routed experts and 2 shared experts, of which 6 experts are activated per token", {"experts": "64", "experts_used": "6"}),
    ("a sparse mixture of experts with 8 experts and top-2 routing", {"experts": "8", "experts_used": "2"}),
    ("each token is routed to 2 of 8 experts", {"experts": "8", "experts_used": "2"}), ("The router activates 2 experts of the 8", {"experts_used": "2", "experts": "8"}),
    ("共8个专家，每个token激活2个专家", {"experts": "8", "experts_used": "2"}),
    ("エキスパート数は8、トークンあたりのエキスパート数は2", {"experts": "8", "experts_used": "2"}), ("전문가 8개, 토큰당 2개 활성화", {"experts": "8", "experts_used": "2"}),
    ("LoRA rank 16, alpha 32", {"rank": "16", "alpha": "32"}), ("LoRA (r=16, alpha=32)", {"rank": "16", "alpha": "32"}),
    ("헤드 12개 (KV 6개)", {"heads": "12", "kv_heads": "6"}), ("a number of labels of 3", {"labels": "3"}),
    ("은닉 차원은 64이고 레이어 수는 4개, KV 헤드는 2개", {"width": "64", "layers": "4", "kv_heads": "2"}),
])  # fmt: skip
def test_a_figure_is_bound_to_its_noun(text, found):
    assert dict(figures_of(text)) == found


@pytest.mark.parametrize("text", [
    "trained for 3 epochs on 2B tokens in batches of 64", "It took 10 hours on 8 GPUs with 80 GB", "the 4th layer", "第4层", "layer 3 is frozen",
    "GPT-2 and Llama-3-8B", "version 1.5 of the library", "hidden dimension multiple of 4", "learning rate 5e-4", "the last 2 layers were trained",
    "two feed-forward layers", "a batch of 512 sequences", "1,536 (4 x hidden_size)", "12% of layers", "学習率 0.1、バッチサイズ 64", "MLP width per expert: 1024", "intermediate size per expert", "annotated by 12 domain experts",
    "2 shared experts",
])  # fmt: skip
def test_a_figure_of_another_matter_is_bound_to_none(text):
    assert dict(figures_of(text)) == {}


@pytest.mark.parametrize(("text", "name"), [
    ("Encoding is done by the tokenizer of GPT-2.", "GPT-2"), ("We reuse Qwen's tokenizer.", "Qwen"), ("采用 cl100k 的分词器。", "cl100k"),
    ("tokenizer는 모든 크기에 대해 cl100k로 통일", "cl100k"), ("토크나이저는 별도 학습 없이 GPT-2를 사용", None),
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
    ("# A\n\n| d_head | 16 |\n|---|---|\n", [("head_size", "16")]),
    ("# A\n\n```js\n  nHead: 4, // heads\n  vocabSize: 512,\n```\n", [("heads", "4"), ("vocabulary", "512")]),
    ("# A\n\n* Vocabulary\n  * Size: 512\n", [("vocabulary", "512")]), ("# A\n\n## Results\n\n- Size: 512\n", []),
    ("# A\n\n• 4 layers\n• 64 channels\n", [("layers", "4"), ("width", "64")]), ("# A\n\ndim=64<br/>n_layers=4\n", [("width", "64"), ("layers", "4")]),
    ('# A\n\n| H | Value |\n|---|---|\n| <img src="https://x.org/?math=n_{ctx}"> | 64 |\n', [("context", "64")]),
    ('# A\n\n```json\n"num_attention_heads": 4,\n"hidden_act": "gelu",\n```\n', [("heads", "4"), ("activation", "gelu")]),
    ("# A\n\n## Tokenizer\n\nTrained anew. Training Parameters:\n\n1. Vocabulary Size: 512\n", [("vocabulary", "512")]),
])  # fmt: skip
def test_titles_neighbouring_items_and_lists_are_read(text, found):
    assert [(c.kind, c.stated) for c in claims_of_card(text, "README.md")[0]] == found


def test_figures_that_became_no_claim_are_named_by_their_lines():
    text = "# A\n\nUnlike others it has 12 layers.\n\n- Layers: 4\n- 8 shared experts of each layer\n\nTrained for 3 days.\n"
    said = {one.key: one.values for one in claims_of_card(text, "README.md")[1]}
    assert list(said["unverified.unread"]["lines"]) == ["3", "6"]
    assert "unverified.scope" in said


@pytest.mark.parametrize(("stated", "outcome", "flagged"), [
    ("176", Outcome.borne_out, False), ("GELU (64 → 176 → 64)", Outcome.borne_out, False), ("352", Outcome.not_shown, True),
])  # fmt: skip
def test_the_width_of_an_mlp_is_held_against_its_matrices(stated, outcome, flagged):
    found = checked("mlp_width", stated)
    assert (found.outcome, found.flagged) == (outcome, flagged)


@pytest.mark.parametrize(("kind", "right", "wrong"), [
    ("heads", "4", "2"), ("kv_heads", "2", "4"), ("head_size", "16", "32"), ("context", "64 tokens", "128"), ("rope_base", "1e4", "500,000"),
    ("activation", "SwiGLU", "GELU"),
])  # fmt: skip
def test_how_blocks_are_made_is_held_against_the_configuration_and_never_contradicted(kind, right, wrong):
    assert checked(kind, right).outcome is Outcome.borne_out
    found = checked(kind, wrong)
    assert (found.outcome, found.flagged) == (Outcome.not_shown, True)


def test_what_the_configuration_does_not_say_is_not_testable():
    assert checked("context", "64", without="max_position_embeddings").outcome is Outcome.not_testable


def checked(kind: str, stated: str, without: str = "") -> claims.Tested:
    """A claim about a small Llama of the demo's shape, whose configuration lacks one key."""
    config = {key: value for key, value in CONFIG.items() if key != without}
    check = check_activation if kind == "activation" else check_block
    with_weights = open_checkpoint_from(HeldContainer(weights()), config)
    subject = Subject(Path(), "x", with_weights)
    return check(Claim(kind, stated, Source("README.md", kind)), subject)


@pytest.mark.parametrize(("text", "found"), [
    ("（4layer-64ch-8header-128contexts）", {"layers": "4", "width": "64", "heads": "8", "context": "128"}), ("Layers/Heads/Dim: 4/8/64", {"layers": "4", "heads": "8", "width": "64"}),
    ("A 4L-64H-8A model", {"layers": "4", "width": "64", "heads": "8"}), ("L=4, d=64, h=8", {"layers": "4", "width": "64", "heads": "8"}), ("the letter L = 4", {}),
    ("Heads (Q / KV): 14 / 2", {"heads": "14", "kv_heads": "2"}), ("RoPE 的 base 为 10000", {"rope_base": "10000"}), ("the base 10000 of a number", {}),
    ("an MLP 64 → 176 → 64", {"mlp_width": "176"}), ("Inputs longer than 128 tokens are truncated", {"context": "128"}), ("We saw 128 tokens", {}),
    ("最多 128 个字", {"context": "128"}), ("入力トークン数は128です", {"context": "128"}), ("최대 길이 128", {"context": "128"}), ("最多 8 张卡", {}),
])  # fmt: skip
def test_figures_written_together_are_taken_apart(text, found):
    assert dict(figures_of(text)) == found


@pytest.mark.parametrize(("text", "found"), [
    ("```\nPARAMETER vocab_size 512\n```\n", [("vocabulary", "512")]), ("```python\n'units': 64,\n```\n", [("width", "64")]), ("```\nunits sold: 64\n```\n", []),
    ("```python\nn_layer: int = 4\nGPT(n_head=8, n_embd=64)\n```\n", [("layers", "4"), ("heads", "8"), ("width", "64")]),
    ("```\nllama.block_count u32 = 4\nprint_info: n_head = 8\n```\n", [("layers", "4"), ("heads", "8")]),
    ("```\n(wte): Embedding(512, 64)\n(0-3): 4 x Block(\n```\n", [("vocabulary", "512"), ("width", "64"), ("layers", "4")]),
    ("* Tokenizer\n  * 기반: GPT-2\n", [("tokenizer", "GPT-2")]), ("### Tokenizer\n\nGPT-2\n", [("tokenizer", "GPT-2")]), ("### Results\n\nGPT-2\n", []),
])  # fmt: skip
def test_code_and_parts_on_tokenizers_are_read(text, found):
    assert [(one.kind, one.stated) for one in claims_of_card(f"# A\n\n{text}", "README.md")[0]] == found


@pytest.mark.parametrize(("text", "found"), [
    ("```sh\n--num-layers 4 \\\n--tokenizer-model-type GPT-2 \\\n```\n", [("layers", "4"), ("tokenizer", "GPT-2")]),
    ("```python\ntokenizer_name = 'GPT-2'\n```\n", [("tokenizer", "GPT-2")]), ("```python\ntokenizer = load('GPT-2')\n```\n", []),
    ("```js\n// { vocabSize: 512, embedDim: 64 }\n```\n", [("vocabulary", "512"), ("width", "64")]), ("```\n\"dim_ff\": 176,\n\"dim_head\": 16,\n```\n", [("mlp_width", "176"), ("head_size", "16")]),
    ("键和值共用 2 个头，查询有 8 个头\n", [("kv_heads", "2"), ("heads", "8")]), ("一度に128トークンを読みます。\n", [("context", "128")]),
])  # fmt: skip
def test_names_and_keys_of_a_third_file_are_read(text, found):
    assert [(one.kind, one.stated) for one in claims_of_card(f"# A\n\n{text}", "README.md")[0]] == found
