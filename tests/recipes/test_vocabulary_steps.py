"""Token rows: what stays stays bit for bit, what is new is what its way of beginning says, and the tokenizer follows."""

from __future__ import annotations

import json

import numpy as np
import pytest

from forebear.core.errors import RefusedError
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.registry import apply
from tests.recipes.arrays import llama

E = "model.embed_tokens.weight"


def bpe(extra: tuple[str, ...] = ()) -> bytes:
    """A byte-level BPE tokenizer.json of a few tokens, one special token with a post-processor."""
    tokens = ["<s>", "a", "b", "c", "ab", "bc", "abc", "d", *extra]
    return json.dumps(
        {
            "version": "1.0", "truncation": None, "padding": None, "normalizer": None,
            "added_tokens": [{"id": 0, "content": "<s>", "single_word": False, "lstrip": False, "rstrip": False,
                              "normalized": False, "special": True}],
            "pre_tokenizer": None, "decoder": None,
            "post_processor": {
                "type": "TemplateProcessing",
                "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
                "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
                "special_tokens": {"<s>": {"id": "<s>", "ids": [0], "tokens": ["<s>"]}},
            },
            "model": {
                "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
                "vocab": {token: index for index, token in enumerate(tokens)},
                "merges": [["a", "b"], ["b", "c"], ["ab", "c"]],
            },
        }
    ).encode()  # fmt: skip


def worded(tokens: int = 8, **config: object) -> Model:
    """A tiny model with the tokenizer above."""
    model = llama(tokens=tokens, bos_token_id=0, eos_token_id=[7, 0], **config)
    return Model(model.arrays, model.config, bpe())


@pytest.mark.parametrize("tie", [True, False])
def test_extension_keeps_old_rows_and_makes_means_of_pieces(tie: bool) -> None:
    model = llama(tie_word_embeddings=tie)
    made = apply("vocabulary-extended", model, 1, count=2, pieces=[[3, 5], [7]])
    assert made.config["vocab_size"] == 63
    for name in (E, *([] if tie else ["lm_head.weight"])):
        assert np.array_equal(made.arrays[name][:61], model.arrays[name])
        assert np.allclose(made.arrays[name][61], model.arrays[name][[3, 5]].mean(axis=0), atol=1e-7)
        assert np.array_equal(made.arrays[name][62], model.arrays[name][7])


def test_each_way_to_begin_a_row_gives_the_rows_it_says(seed: int) -> None:
    model = llama(seed, tokens=400)
    old = model.arrays[E]
    rows = {
        how: apply("vocabulary-extended", model, seed, count=3000, rows=how).arrays[E][400:]
        for how in ("global-mean", "sampled", "copied", "drawn", "zeros")
    }
    assert np.allclose(rows["global-mean"], old.mean(axis=0), atol=1e-6)
    assert not rows["zeros"].any()
    assert {row.tobytes() for row in rows["copied"]} <= {row.tobytes() for row in old}
    assert rows["drawn"].std() == pytest.approx(0.02, rel=0.05)
    assert np.allclose(np.cov(rows["sampled"].T), np.cov(old.T), atol=0.25 * np.cov(old.T).max())
    assert not {row.tobytes() for row in rows["sampled"]} & {row.tobytes() for row in old}
    with pytest.raises(RefusedError, match="no way to begin"):
        apply("vocabulary-extended", model, seed, rows="magic")
    with pytest.raises(RefusedError, match="a piece is no token"):
        apply("vocabulary-extended", model, seed, count=1, pieces=[[400]])


def test_trimming_keeps_rows_in_the_order_asked_and_the_tokenizer_follows() -> None:
    model = worded()
    kept = [0, 7, 1, 2, 4, 3]  # loses bc and abc
    made = apply("vocabulary-trimmed", model, 1, keep=kept)
    assert np.array_equal(made.arrays[E], model.arrays[E][kept])
    assert (made.config["bos_token_id"], made.config["eos_token_id"]) == (0, [1, 0])
    document = json.loads(made.tokenizer or b"")
    assert document["model"]["vocab"] == {"<s>": 0, "d": 1, "a": 2, "b": 3, "ab": 4, "c": 5}
    assert document["model"]["merges"] == [["a", "b"]]
    for bad in ([0, 0, 1], [0, 8], list(range(8))):
        with pytest.raises(RefusedError):
            apply("vocabulary-trimmed", model, 1, keep=bad)
    with pytest.raises(RefusedError, match="post-processor"):
        apply("vocabulary-trimmed", model, 1, keep=[1, 2, 3])


def test_reordered_ids_encode_the_same_text_to_the_same_rows(seed: int) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    model = worded()
    made = apply("token-ids-reordered", model, seed)
    before = tokenizers.Tokenizer.from_buffer(model.tokenizer)
    after = tokenizers.Tokenizer.from_buffer(made.tokenizer)
    for text in ("abcd", "cab", "dbca"):
        left, right = before.encode(text), after.encode(text)
        assert left.tokens == right.tokens
        assert left.ids != right.ids
        assert np.array_equal(model.arrays[E][left.ids], made.arrays[E][right.ids])
    fixed = apply("token-ids-reordered", model, seed, fixed=3)
    assert np.array_equal(fixed.arrays[E][:3], model.arrays[E][:3])
    assert not np.array_equal(fixed.arrays[E], model.arrays[E])


def test_a_unigram_list_is_reordered_with_its_unknown_token() -> None:
    unigram = json.dumps({"model": {"type": "Unigram", "unk_id": 1, "vocab": [["a", -1], ["u", -2], ["b", -3]]}})
    model = Model(llama(tokens=3).arrays, llama(tokens=3).config, unigram.encode())
    made = json.loads(apply("token-ids-reordered", model, 1, order=[2, 0, 1]).tokenizer or b"")
    assert made["model"]["vocab"] == [["b", -3], ["a", -1], ["u", -2]]
    assert made["model"]["unk_id"] == 2


def test_replacement_is_careful_untrained_or_a_third_models() -> None:
    model, donor = llama(1), llama(2, tokens=40)
    careful = apply("vocabulary-replaced", model, 1, pieces=[[1, 2], [3], [4, 5, 6]], tokenizer=b"{}")
    assert careful.arrays[E].shape == (3, 32)
    assert np.allclose(careful.arrays[E][2], model.arrays[E][4:7].mean(axis=0), atol=1e-6)
    assert careful.tokenizer == b"{}"
    untrained = apply("vocabulary-replaced", model, 1, rows="drawn", size=500)
    best = np.abs(np.corrcoef(untrained.arrays[E], model.arrays[E])[:500, 500:]).max(axis=1)
    assert np.median(best) < 0.75  # widths of 32 correlate by chance; copies would give 1
    third = apply("vocabulary-replaced", model, 1, rows="donor", donor=donor)
    assert np.array_equal(third.arrays[E], donor.arrays[E])
    assert third.config["vocab_size"] == 40
    inner = [name for name in model.arrays if "layers" in name]
    assert all(np.array_equal(third.arrays[name], model.arrays[name]) for name in inner)
    with pytest.raises(RefusedError, match="do not fit"):
        apply("vocabulary-replaced", model, 1, rows="donor", donor=llama(2, width=64))
    with pytest.raises(RefusedError, match="donor"):
        apply("vocabulary-replaced", model, 1, rows="donor")


def test_an_untied_donor_brings_its_head_along() -> None:
    model, donor = llama(1), llama(2, tie_word_embeddings=False)
    made = apply("vocabulary-replaced", model, 1, rows="donor", donor=donor)
    assert made.config["tie_word_embeddings"] is False
    assert np.array_equal(made.arrays["lm_head.weight"], donor.arrays["lm_head.weight"])


def test_rows_from_a_donor_are_its_rows_and_no_others_change() -> None:
    model, donor = llama(1), llama(2)
    made = apply("rows-from-donor", model, 1, donor=donor, ids={5: 9, 6: 0})
    assert np.array_equal(made.arrays[E][[5, 6]], donor.arrays[E][[9, 0]])
    rest = [i for i in range(61) if i not in (5, 6)]
    assert np.array_equal(made.arrays[E][rest], model.arrays[E][rest])
    half = apply("rows-from-donor", model, 1, donor=donor, share=0.5).arrays[E]
    assert int(np.all(half == donor.arrays[E], axis=1).sum()) == 30
    with pytest.raises(RefusedError):
        apply("rows-from-donor", model, 1, donor=donor, ids={61: 0})


def test_a_stitched_vocabulary_is_old_rows_then_new_ones() -> None:
    model, donor = llama(1), llama(2)
    made = apply("vocabulary-stitched", model, 1, keep=20, count=30, donor=donor)
    assert np.array_equal(made.arrays[E][:20], model.arrays[E][:20])
    assert np.array_equal(made.arrays[E][20:50], donor.arrays[E][20:50])
    careful = apply("vocabulary-stitched", model, 1, keep=[4, 2], count=1, pieces=[[7, 8]])
    assert np.array_equal(careful.arrays[E][:2], model.arrays[E][[4, 2]])
    assert np.allclose(careful.arrays[E][2], model.arrays[E][[7, 8]].mean(axis=0), atol=1e-7)
    assert careful.tokenizer is None


def test_a_head_that_has_its_own_tensor_cannot_be_untied() -> None:
    tied = apply("embeddings-untied", llama(), 1)
    assert np.array_equal(tied.arrays["lm_head.weight"], tied.arrays[E])
    with pytest.raises(RefusedError):
        apply("embeddings-untied", tied, 1)
