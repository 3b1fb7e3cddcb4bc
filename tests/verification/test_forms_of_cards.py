"""Forms in which cards state things, each over all kinds: keys of code by their words, tokenizers, badges, lists of a merge; and what
is of a use or of training and states nothing of the model (decision 0109)."""

from __future__ import annotations

import pytest

from forebear.verification.claim import Standing
from forebear.verification.readers.card import claims_of_card
from forebear.verification.readers.keys import kind_of_key
from forebear.verification.readers.prose import claims_of_prose

KEYS = {
    "layers": "n_layer numHiddenLayers decoder_layers layer_count llama.block_count NUM_LAYERS nb_layers",
    "width": "d_model n_embed embedDim emb_size encoder_embed_dim hidden_width llama.embedding_length",
    "heads": "nhead num_attn_heads head_num decoder_attention_heads llama.attention.head_count query_heads",
    "kv_heads": "numKVHeads kv_n_heads multi_query_group_num attention.head_count_kv num_query_groups",
    "head_size": "attn_head_dim size_per_head kv_channels d_k qk_head_dim dim_per_head",
    "mlp_width": "ffn_intermediate_size hidden_dim_ff dim_feedforward MLP_HIDDEN fc_hidden_dim n_inner",
    "vocabulary": "padded_vocab_size num_embeddings src_vocab_size ntoken vocab_len dict_size",
    "context": "max_seq_len ctx_len n_positions contextLength max_source_positions block_size",
    "rope_base": "rotary_emb_base freq_base ropeTheta llama.rope.freq_base rope_base_freq",
    "activation": "act_fn hidden_act mlp_activation non_linearity ffn_act",
    "parameters": "n_params paramCount total_parameters",
    None: "lora_dim lm_head type_vocab_size max_new_tokens vision_hidden_size head_dropout window_size num_labels batch_size mlp_ratio",
}  # fmt: skip


def read(text: str) -> list[tuple[str, str]]:
    return [(claim.kind, claim.stated) for claim in claims_of_card(f"# Pebble\n\n{text}\n", "README.md")[0]]


@pytest.mark.parametrize(("kind", "keys"), KEYS.items())
def test_a_key_is_known_by_its_words_and_any_strange_word_makes_it_another_matter(kind, keys):
    assert {key: kind_of_key(key) for key in keys.split()} == dict.fromkeys(keys.split(), kind)


@pytest.mark.parametrize("line", [
    'tokenizer_name_or_path = "gpt2"', "base_tokenizer: gpt2", 'export TOKENIZER="gpt2"', "python train.py --tokenizer gpt2 --lr 1e-4",
    'tokenizer = GPT2Tokenizer.from_pretrained("gpt2")', 'enc = tiktoken.encoding_for_model("gpt2")', '[tokenizer]\nname = "gpt2"',
    "tokenizer:\n  type: gpt2", '"tokenizer": {"name": "gpt2"}', "Tokenizer        gpt2", 'const tok = load_tokenizer("gpt2");',
    "tokenizer=gpt2, vocab=x",
])  # fmt: skip
def test_a_tokenizer_named_in_code_is_one_claim(line):
    assert read(f"```\n{line}\n```").count(("tokenizer", "gpt2")) == 1


@pytest.mark.parametrize("line", [
    "## Tokenizer\n\nTaken from Qwen2 without changes.", "* Tokenization\n  * Qwen2 (using `tiktoken`)", "We keep Qwen2's vocabulary.",
    "Tokenizer - Qwen2", "Vocabulary: Qwen2 (512)", "词表与 Qwen2 一致。", "我们直接复用了Qwen2的tokenizer", "Qwen2와 동일한 토크나이저를 사용",
    "![](https://img.shields.io/badge/tokenizer-Qwen2-blue)", "<dt>Tokenizer</dt>\n<dd>Qwen2</dd>", "Tokenizer\n: Qwen2",
    "| Tokenizer | Qwen2 |\n|---|---|\n| Layers | 4 |",
])  # fmt: skip
def test_a_tokenizer_named_by_other_marks_is_a_claim(line):
    assert ("tokenizer", "Qwen2") in read(line)


@pytest.mark.parametrize(("text", "found"), [
    ("GQA (2 groups)", [("kv_heads", "2")]), ("8 heads × 16", [("heads", "8"), ("head_size", "16")]), ("$d_{model}=64$", [("width", "64")]),
    ("An MLP with 176 hidden units", [("mlp_width", "176")]), ("Embedding: 512 x 64", [("vocabulary", "512"), ("width", "64")]),
    ("Maximum input: 128 tokens", [("context", "128 tokens")]), ("512 BPE tokens", [("vocabulary", "512")]), ("Uses SiLU", [("activation", "SiLU")]),
    ("8 heads, each of which has a dimension of 16", [("heads", "8"), ("head_size", "16")]),
    ("It has 127K trainable parameters.", [("parameters", "127K")]),
    ("It has 127K trainable parameters in a LoRA.", []), ("It saw 512 unique tokens in training.", []),
])  # fmt: skip
def test_short_forms_are_read(text, found):
    assert read(text) == found


@pytest.mark.parametrize("code", [
    "outputs = model.generate(\n    **inputs,\n    max_length=100,\n)", "tok = tokenizer(text, max_length=512, truncation=True)",
    "llama-cli -m x.gguf --ctx-size 2048", "vllm serve a/b \\\n  --max-model-len 4096 \\\n  --dtype bfloat16",
    'model, tokenizer = FastLanguageModel.from_pretrained(\n    model_name = "a/b",\n    max_seq_length = 2048,\n)', "x = F.normalize(x, p=2, dim=1)",
    'model = AutoModel.from_pretrained("a/b", torch_dtype=torch.bfloat16)\ntok = AutoTokenizer.from_pretrained("a/b")',
    'encoding = "utf-8"', "token_embeddings = model_output[0]", "n_tokens = 3000000000",
])  # fmt: skip
def test_what_code_of_a_use_sets_is_no_claim(code):
    assert read(f"```\n{code}\n```") == []


def test_sizes_beside_settings_of_training_are_of_a_part_on_training():
    claims = claims_of_card("# A\n```yaml\nsequence_len: 2048\nlearning_rate: 1e-4\n```\n```\nn_layer: 4\n```\n", "README.md")[0]
    assert [(claim.kind, claim.standing) for claim in claims] == [("context", Standing.aside), ("layers", Standing.unsure)]


def test_parents_are_read_of_keys_lists_of_a_merge_and_names_before_what_was_done():
    merged = "```yaml\nmerge_method: slerp\nmodels:\n  - model: acme/stone\n  - model: b/sand\n```"
    assert read(merged) == [("kind_merge", "acme/stone"), ("kind_merge", "b/sand")]
    assert ("parent", "acme/stone") in read('```json\n{"base_model_name_or_path": "acme/stone", "r": 8}\n```')
    for text in ("The following models were merged:\n\n* [acme/stone](x): 0.5\n* b/sand\n", "This is acme/stone quantized to int4."):
        assert "acme/stone" in [claim.stated for claim in claims_of_prose(text, "README.md")]
    front = "---\nsource_model: acme/stone\nmodel_details:\n  n_layers: 4\n---\n# A\n"
    claims = claims_of_card(front, "README.md")[0]
    assert [(c.kind, c.stated, c.decided) for c in claims] == [("parent", "acme/stone", False), ("layers", "4", False)]


@pytest.mark.parametrize("text", [
    "No third-party weights were used.", "It was trained from randomly initialized weights.", "模型从零开始训练。", "フルスクラッチ学習モデルです。",
    "처음부터 학습한 모델입니다.",
])  # fmt: skip
def test_words_for_from_scratch_are_a_claim(text):
    assert [claim.kind for claim in claims_of_prose(text, "README.md")] == ["scratch"]


def test_not_from_scratch_is_none():
    assert claims_of_prose("It was not trained from scratch.", "README.md") == []
