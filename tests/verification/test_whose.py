"""Figures that may be of another model: which stay flagged, and which are not shown."""

from __future__ import annotations

import pytest

from forebear.verification.claim import Claim, Outcome, Source, Standing
from forebear.verification.claim import Tested as Row
from forebear.verification.readers.card import claims_of_card
from forebear.verification.readers.prose import claims_of_prose
from forebear.verification.whose import settled


def row(kind, *, agrees, standing=Standing.unsure, part="1", file="README.md"):
    claim = Claim(kind, "1", Source(file, kind), decided=False, standing=standing, part="" if standing is Standing.own else part)
    return Row(claim, Outcome.borne_out if agrees else Outcome.not_shown, (), flagged=not agrees)


def flagged(*rows):
    return [one.flagged for one in settled(rows)]


def test_the_only_statement_of_a_kind_stays_flagged_where_its_part_may_be_about_anything():
    assert flagged(row("layers", agrees=False)) == [True]


@pytest.mark.parametrize(("standing", "agreeing", "stays"), [
    (Standing.named, 0, True), (Standing.unsure, 0, True), (Standing.one_of_several, 0, False), (Standing.one_of_several, 1, True),
    (Standing.another, 1, False), (Standing.another, 2, True),
])  # fmt: skip
def test_a_part_must_agree_in_as_many_kinds_as_the_record_says(standing, agreeing, stays):
    agreed = [row(kind, agrees=True, standing=standing) for kind in ("width", "vocabulary")[:agreeing]]
    assert flagged(*agreed, row("layers", agrees=False, standing=standing))[-1] is stays


def test_a_plainer_part_or_one_that_agrees_in_more_takes_the_flag_away():
    other = row("layers", agrees=False, part="2")
    assert flagged(row("layers", agrees=True, standing=Standing.own), other) == [False, False]
    assert flagged(row("layers", agrees=False, standing=Standing.own), other) == [True, False]
    assert flagged(row("layers", agrees=False), row("width", agrees=True), other) == [True, False, False]
    assert flagged(row("layers", agrees=False, file="config.json", standing=Standing.own), other) == [True, True]


def test_what_agrees_in_type_or_licence_alone_is_not_thereby_about_the_model():
    several = {"standing": Standing.one_of_several}
    assert flagged(row("dtype", agrees=True, **several), row("layers", agrees=False, **several)) == [False, False]


def test_a_flag_that_is_taken_away_says_why():
    rows = settled([row("layers", agrees=True, standing=Standing.own), row("layers", agrees=False)])
    assert [one.key for one in rows[1].evidence] == ["whose.other"]


def read(text):
    return [(c.kind, c.stated) for c in claims_of_card(f"# Title\n\n{text}\n", "README.md")[0]]


@pytest.mark.parametrize(("text", "found"), [
    ("A 6-layer, 512-hidden-size decoder.", [("layers", "6"), ("width", "512")]),
    ("It has twelve layers, a hidden\nsize of 64 and 4 heads.", [("layers", "12"), ("width", "64"), ("heads", "4")]),
    ("Trained with a model dimension of 2048, and a feedforward dimension of 8192; each head has 128 dimensions.", [("width", "2048"), ("mlp_width", "8192"), ("head_size", "128")]),
    ("A **1.1 billion** parameter model trained on 3T tokens.", [("parameters", "1.1 billion")]),
    ("模型共有6层、隐藏维度为64，参数量约0.8B。", [("parameters", "0.8B"), ("layers", "6"), ("width", "64")]),
    ("本モデルは24層、隠れ層の次元は1024、語彙は32,000です。", [("layers", "24"), ("width", "1024"), ("vocabulary", "32,000")]),
    ("본 모델은 24개의 레이어와 2048차원이며 약 13억 파라미터입니다.", [("parameters", "13억"), ("layers", "24"), ("width", "2048")]),
    ("The weights are released in bfloat16 under the Apache 2.0 license.", [("dtype", "bfloat16"), ("licence", "Apache 2.0")]),
    ("Texts were tokenized with the same tokenizer as GPT-2.", [("tokenizer", "GPT-2")]),
    ("토크나이저는 cl100k를 사용하였습니다.", [("tokenizer", "cl100k")]), ("Some models:\n\nThe vocabulary has 512 tokens.", [("vocabulary", "512")]),
    ("- **Vocabulary:** some 50 thousand (cl100k tokenizer)", [("vocabulary", "some 50 thousand (cl100k tokenizer)"), ("tokenizer", "cl100k")]),
    ("The teacher model has 80 layers.", []), ("It beats models with 80 layers, compared at equal cost.", []),
    ("The last 2 layers were frozen.", []), ("A custom BPE tokenizer was used.", []), ("Code is under MIT license.", []),
])  # fmt: skip
def test_sentences_state_sizes_types_tokenizers_and_licences(text, found):
    assert sorted(read(text)) == sorted(found)


def test_every_column_and_row_of_a_table_of_several_models_is_read_and_the_titles_own_is_named():
    columns = claims_of_card("# Tiny\n\n| | Tiny | Big |\n|---|---|---|\n| Layers | 4 | 32 |\n", "README.md")[0]
    rows = claims_of_card("# Tiny\n\n| Model | Layers | Width |\n|---|---|---|\n| Tiny | 4 | 64 |\n| Big | 32 | 4096 |\n", "README.md")[0]
    assert [(c.stated, c.standing) for c in columns] == [("4", Standing.named), ("32", Standing.one_of_several)]
    assert [(c.stated, c.standing) for c in rows] == [
        ("4", Standing.named), ("64", Standing.named), ("32", Standing.one_of_several), ("4096", Standing.one_of_several),
    ]  # fmt: skip
    assert not any(c.decided for c in (*columns, *rows))


def test_a_digest_beside_the_name_of_one_file_is_proposed():
    claims = claims_of_card(f"```\n{'ab' * 32}  model.safetensors\n```\n{'cd' * 32} is the commit\n", "README.md")[0]
    assert [(c.kind, c.about, c.decided) for c in claims] == [("digest", "model.safetensors", False)]


@pytest.mark.parametrize(("text", "found"), [
    ("本模型基于 north/base-7b 微调。", ["parent", "kind_finetune"]), ("`north/base-7b` をベースにファインチューニングしました。", ["parent"]),
    ("north/base-7b를 기반으로 파인튜닝한 모델입니다.", ["parent"]), ("A LoRA adapter for north/base-7b.", ["parent", "kind_adapter"]),
    ("LoRA adapters of north/base-7b were trained and merged.", ["parent"]), ("It is based on the north/base-7b architecture.", []),
])  # fmt: skip
def test_descent_is_proposed_in_four_languages_with_its_kind(text, found):
    claims = claims_of_prose(text, "README.md")
    assert [c.kind for c in claims if c.kind in found or not found] == found
    assert {c.stated for c in claims} <= {"north/base-7b"}


def test_sentences_of_a_hostile_card_end_in_time_and_are_bounded():
    text = "1 layers and\n\n" * 5_000 + "- 微调: 1\n" * 5_000
    assert len(claims_of_card(text, "README.md")[0]) <= 2_100
