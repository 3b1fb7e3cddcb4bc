"""Claims proposed from the text: what a sentence states, its test and its command; nothing decided, no hidden name shown."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import forebear
from forebear.casefile import verbs
from forebear.casefile.claims.claims import load_claims
from forebear.casefile.claims.propose import propose
from forebear.casefile.folder.folder import load_case
from forebear.casefile.folder.model import CaseFile
from forebear.core.errors import RefusedError
from forebear.reports.cases.text import case_lines
from forebear.reports.catalogue import LANGUAGES
from tests.casefile.texts import text

MODELS = {"gannet-large": "large.json", "kestrel-4": "small.json"}
SMALL = {"num_hidden_layers": 62, "hidden_size": 9216, "intermediate_size": 24576, "num_attention_heads": 72, "num_key_value_heads": 8,
         "vocab_size": 152064}  # fmt: skip


def _rows(language: str, body: str) -> list[tuple[str, str, Any]]:
    """(test it would have, key, value) of each proposal."""
    found = propose(CaseFile("", "", models=MODELS), [text("o", language, body)], ())
    return [(p.test, p.claim.key, p.claim.value) for p in found]


@pytest.mark.parametrize(
    ("language", "body"),
    [
        ("zh", "Gannet Large 有82层，共1350亿参数。"),
        ("en", "Gannet-Large has 82 layers and 135 billion parameters."),
        ("ja", "Gannet-Largeは82層で、パラメータは1350億である。"),
    ],
)
def test_figures_of_a_configuration_become_claims_in_every_language(language: str, body: str) -> None:
    assert _rows(language, body) == [("config", "num_hidden_layers", 82), ("parameters", "", 135_000_000_000)]


@pytest.mark.parametrize("body", ["Gannet-Large的隐藏维度是4096。", "隐藏层大小为4096。", "隱藏維度是4096。"])
def test_a_hidden_size_is_read_however_chinese_names_it(body: str) -> None:
    assert _rows("zh", body) == [("config", "hidden_size", 4096)]


@pytest.mark.parametrize(
    ("language", "body", "test"),
    [
        ("zh", "Gannet-Large改自Kestrel-4。", "derived"),
        ("en", "It was trained from scratch.", "unrelated"),
        ("ja", "Kestrel-4をもとに作られた。", "derived"),
        ("zh", "词表和Kestrel-4的一样。", "same-vocabulary"),
        ("en", "The vocabulary was copied from another model.", "same-vocabulary"),
        ("zh", "每个数字是一个词元。", "token-cost"),
        ("ja", "漢字一文字ごとに1つのトークンになる。", "token-cost"),
        ("zh", "后来他们合并了两个模型。", "none"),
        ("en", "The class was still called KestrelForCausalLM.", "none"),
        ("en", "The log lay in runs/old/kestrel.", "none"),
        ("en", "It was never trained from scratch.", "related"),
        ("en", "That was no accident, and it was trained from scratch.", "unrelated"),
        ("zh", "他们并没有从头训练。", "related"),
        ("zh", "谁也不否认，它是从零训练的。", "unrelated"),
        ("ja", "ゼロから訓練されたのではありません。", "related"),
        ("zh", "词表没有换。", "same-vocabulary"),
    ],
)
def test_a_sentence_gets_the_test_that_its_words_ask_for(language: str, body: str, test: str) -> None:
    assert [row[0] for row in _rows(language, body)] == [test]


@pytest.mark.parametrize(
    ("language", "body"),
    [
        ("zh", "我们开了3次会，团队有15个人。"),
        ("en", "We met 3 times on 12 layers of carpet no one counted, in 2031, over 2 parameters of a form."),
        ("ja", "会議は3回あり、誰も疲れていた。"),
        ("en", "The largest of the boats had a wider sail."),
    ],
)
def test_other_sentences_and_small_counts_are_proposed_as_no_count_of_parameters(language: str, body: str) -> None:
    assert [row for row in _rows(language, body) if row[0] != "config"] == []


def test_what_is_quoted_already_is_not_proposed_again_and_a_translation_is_not_read() -> None:
    case = CaseFile("", "", models=MODELS)
    body = "Gannet-Large has 82 layers. Kestrel-4 has 62 layers."
    first = propose(case, [text("o", "en", body)], ())
    again = propose(case, [text("o", "en", body)], [first[0].claim])
    assert [p.claim.value for p in first] == [82, 62]
    assert [(p.claim.value, p.claim.id) for p in again] == [(62, "proposed-2")]
    assert propose(case, [text("t", "en", body, of="o")], ()) == []


@pytest.fixture
def case(tmp_path: Path) -> Path:
    """A case of one testimony with two models and a person to hide."""
    folder, file = tmp_path / "case", tmp_path / "o.txt"
    file.write_text("Gannet-Large has 82 layers and a wider MLP, 135 billion parameters in all. Barnaby Thornquist says that Gannet-Large "
                    "was adapted from Kestrel-4. Every digit is one token.", "utf-8")  # fmt: skip
    forebear.case_add(folder, file, language="en", title="Invented")
    (folder / "small.json").write_text(json.dumps(SMALL), "utf-8")
    (folder / "large.json").write_text(json.dumps({**SMALL, "num_hidden_layers": 82}), "utf-8")
    with (folder / "case.toml").open("a", encoding="utf-8") as toml:
        toml.write("\n[models]\n" + "".join(f'{name} = "{place}"\n' for name, place in MODELS.items()))
    forebear.case_check(folder)
    return folder


def test_proposals_are_claims_as_claims_toml_has_them_and_nothing_else_is_written(case: Path) -> None:
    before = {p.name for p in case.iterdir()}
    document = forebear.case_claims(case)
    assert {p.name for p in case.iterdir()} - before == {"claims.proposed.toml"}
    assert [(c["kind"], c["test"]) for c in document["proposed"]] == [
        ("recipe-step", "growth"), ("architecture", "config"), ("architecture", "parameters"), ("descent", "derived"),
        ("tokenizer", "token-cost"),
    ]  # fmt: skip
    proposed = (case / "claims.proposed.toml").read_text("utf-8")
    assert "# forebear compare large.json small.json" in proposed
    assert forebear.case_run(case)["claims"] == ()
    (case / "claims.toml").write_text(proposed, "utf-8")
    claims = load_claims(case, load_case(case))
    assert [(c.test, c.subject) for c in claims][1:4] == [("config", "gannet-large"), ("parameters", "gannet-large"), ("derived", "gannet-large")]
    assert forebear.case_claims(case)["proposed"] == ()
    assert tomllib.loads(proposed)["claim"][0]["sizes"] == {"layers": 82}


def test_a_name_that_is_hidden_or_waits_for_a_ruling_is_not_shown(case: Path) -> None:
    for private in (False, True):
        if private:
            forebear.case_names(case, all_private=True)
        document = forebear.case_claims(case)
        shown = "".join(line.text for language in LANGUAGES for line in case_lines(document, language))
        rows = json.dumps(document if private else document["proposed"], default=dict)
        assert "Thornquist" not in rows + shown
        assert "proposed-4" in shown


def _claim(**changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {"id": "c", "kind": "recipe-step", "basis": "hearsay", "statement": {"en": "x"}, "subject": "gannet-large",
                            "candidates": ["kestrel-4"], "test": "growth", "value": 135e9, "if_true": "a", "if_false": "b"}  # fmt: skip
    return {**base, **changes}


def _ran(case: Path, claim: Mapping[str, Any], compare: Any = forebear.compare) -> tuple[str, list[str]]:
    from forebear.casefile.folder.toml import written

    (case / "claims.toml").write_bytes(written({"claim": [dict(claim)]}))
    (row,) = verbs.case_run(case, compare=compare)["claims"]
    return row["status"], [w["key"] if isinstance(w, Mapping) else w.key for w in row["why"]]


def test_a_size_that_meets_any_count_bears_nothing_out(case: Path) -> None:
    status, keys = _ran(case, _claim(sizes={"layers": 82}, key="mlp"))
    assert (status, keys) == ("not-decided", ["tested.growth", "tested.growth_any"])
    assert _ran(case, _claim(key="layers", tolerance=0.002))[0] in ("borne-out", "contradicted")
    assert _ran(case, _claim(sizes={"layers": 82, "mlp": 24576}, key=""))[0] == "contradicted"
    exact = _ran(case, _claim(sizes={"layers": 62, "mlp": 24576}, value=float(_parameters()), key="", tolerance=0.001))
    assert exact[0] == "borne-out"
    assert _ran(case, _claim(key="mlp", value=1e9)) == ("contradicted", ["tested.growth_not"])
    with pytest.raises(RefusedError, match="growth knows"):
        _ran(case, _claim(key="width"))


def _parameters() -> int:
    from forebear.casefile.claims.arithmetic import sizes_of

    return sizes_of(SMALL).parameters()


@pytest.mark.parametrize(
    ("relation", "direction", "status"),
    [
        ("related", "subject-from-candidate", "borne-out"),
        ("related", "candidate-from-subject", "contradicted"),
        ("related", "not-shown", "not-decided"),
        ("identical", "not-shown", "not-decided"),
        ("related", "siblings", "not-decided"),
        ("no-evidence", "not-shown", "not-decided"),
    ],
)
def test_shared_weights_alone_never_bear_out_which_came_first(case: Path, relation: str, direction: str, status: str) -> None:
    def compare(subject: Path, candidates: Sequence[str | Path]) -> Mapping[str, Any]:
        return {"verdict": {"relation": relation, "direction": direction}}

    assert _ran(case, _claim(kind="descent", test="derived"), compare)[0] == status
    if relation == "related":
        assert "tested.no_direction" in _ran(case, _claim(kind="descent", test="related"), compare)[1]


@pytest.mark.parametrize(("key", "said", "status"), [("digit", 1, "borne-out"), ("digit", 2, "contradicted"), ("han", 1, "contradicted")])
def test_what_a_digit_or_a_han_character_costs_is_counted(case: Path, key: str, said: int, status: str) -> None:
    tokens = {chr(c): i for i, c in enumerate([*range(33, 127), *range(161, 173), *range(174, 256)])}
    tokens |= {chr(256 + i): len(tokens) + i for i in range(256 - len(tokens))}
    model = {"type": "BPE", "vocab": tokens, "merges": []}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    (case / "tok").mkdir(exist_ok=True)
    (case / "tok" / "tokenizer.json").write_text(json.dumps({"model": model, "pre_tokenizer": byte_level, "added_tokens": []}), "utf-8")
    toml = (case / "case.toml").read_text("utf-8")
    (case / "case.toml").write_text(toml.replace('gannet-large = "large.json"', 'gannet-large = "tok"'), "utf-8")
    claim = _claim(kind="tokenizer", test="token-cost", key=key, value=said, candidates=[])
    assert _ran(case, claim) == (status, [f"tested.cost_{key}"])


def test_a_token_cost_of_something_else_is_refused(case: Path) -> None:
    with pytest.raises(RefusedError, match="digit or han"):
        _ran(case, _claim(kind="tokenizer", test="token-cost", key="word", value=1))


def test_a_command_of_a_hostile_case_can_be_pasted_into_a_shell(case: Path) -> None:
    toml = case / "case.toml"
    toml.write_text(toml.read_text("utf-8").replace('"large.json"', '"large.json; touch pwned"'), "utf-8")
    shown = [row["command"] for row in forebear.case_claims(case)["proposed"]]
    assert "forebear compare 'large.json; touch pwned' small.json" in shown
    assert all("; touch" not in part for row in shown for part in row.split("'")[::2])


def test_what_lies_outside_the_case_is_named_by_its_id_alone(case: Path) -> None:
    toml = case / "case.toml"
    toml.write_text(toml.read_text("utf-8").replace('"large.json"', '"/home/somebody/large.json"'), "utf-8")
    assert "somebody" not in str(forebear.case_claims(case)["proposed"])
    proposed = (case / "claims.proposed.toml").read_text("utf-8")
    assert "# forebear compare gannet-large small.json" in proposed
    assert "somebody" not in proposed


@pytest.mark.parametrize(
    ("language", "body", "basis"),
    [
        ("en", "I compared the vocabulary, and it has 152064 tokens.", "first-hand"),
        ("en", "Our lead said that the model was trained from scratch.", "hearsay"),
        ("en", "Reportedly it was trained from scratch.", "hearsay"),
        ("en", "The technical report says that it was trained from scratch.", "document"),
        ("en", "According to the README it has 46 layers.", "document"),
        ("en", "According to a colleague it has 46 layers.", "hearsay"),
        ("en", "The first loss looks as if it was not trained from scratch.", "inference"),
        ("en", "I think that it was derived from another model.", "inference"),
        ("en", "Kestrel-4 has 46 layers.", ""),
        ("zh", "我亲眼看到配置里有46层。", "first-hand"),
        ("zh", "我比较了词表，共有152064个词元，和它的词表相同。", "first-hand"),
        ("zh", "组长说，这个模型是从零开始训练的。", "hearsay"),
        ("zh", "据说它有46层。", "hearsay"),
        ("zh", "报告里写它有46层。", "document"),
        ("zh", "这不像从零开始。", "inference"),
        ("zh", "我认为它改自别的模型。", "inference"),
        ("zh", "它有46层。", ""),
        ("ja", "私が語彙を比較し、それは同じ語彙だった。", "first-hand"),
        ("ja", "班長はゼロから訓練したと言いました。", "hearsay"),
        ("ja", "46層だそうだ。", "hearsay"),
        ("ja", "報告書には46層と書かれている。", "document"),
        ("ja", "ゼロからとは思えませんでした。", "inference"),
        ("ja", "それは46層である。", ""),
    ],
)
def test_how_a_writer_knows_is_told_by_what_the_sentence_says(language: str, body: str, basis: str) -> None:
    found = propose(CaseFile("", "", models=MODELS), [text("o", language, body)], ())
    assert found
    assert {p.known for p in found} <= {bool(basis), False}
    assert (found[0].claim.basis if found[0].known else "") == basis


@pytest.mark.parametrize(
    ("language", "body", "test"),
    [
        ("zh", "这不像从零开始。", "related"),
        ("en", "It was not trained from scratch.", "related"),
        ("ja", "ゼロからとは思えませんでした。", "related"),
        ("en", "It was not derived from Kestrel-4.", "unrelated"),
        ("zh", "我没有看到随机初始化的日志。", "none"),
        ("en", "I saw no log of a random initialisation.", "none"),
        ("ja", "ランダム初期化のログは見ませんでした。", "none"),
    ],
)
def test_what_is_denied_has_the_test_of_its_opposite_and_what_was_not_found_has_none(language: str, body: str, test: str) -> None:
    assert [row[0] for row in _rows(language, body)] == [test]


@pytest.mark.parametrize(
    ("language", "body", "found"),
    [
        ("zh", "词表完全相同，共有152064个词元。", True),
        ("en", "The vocabulary is the same, 152064 tokens in all.", True),
        ("ja", "語彙は同じで、全部で152064トークンでした。", True),
        ("zh", "总共用了1.2万亿个词元，词表没有换。", False),
        ("en", "1.2 trillion tokens were used.", False),
    ],
)
def test_tokens_are_of_the_vocabulary_where_the_sentence_speaks_of_one(language: str, body: str, found: bool) -> None:
    assert (("config", "vocab_size", 152064) in _rows(language, body)) == found
    assert len([row for row in _rows(language, body) if row[1] == "vocab_size"]) == int(found)
