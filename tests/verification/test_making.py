"""How a model was made: borne out where recipes give its values, and contradicted by none of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import forebear
from forebear.comparison.demo import demo_folder
from forebear.models.checkpoint import open_checkpoint
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.registry import apply
from forebear.reports.catalogue import LANGUAGES
from forebear.reports.show import rendered
from forebear.verification.bases import bases_of
from forebear.verification.claim import Claim, Source
from forebear.verification.making import Making
from forebear.verification.readers.merges import claims_of_merge
from forebear.verification.subject import open_subject
from tests.recipes.arrays import llama
from tests.recipes.siblings import sibling, siblings, weighted

pytest.importorskip("yaml")
DEMO = demo_folder()


def rounded(model: Model, bits: int = 8) -> Model:
    """Every matrix on a symmetric grid of one scale a row."""
    return apply("quantised-int8", model, bits=bits)


def claimed(folder: Path, model: Model, relation: str, *bases: str) -> Path:
    place = model.save(folder)
    (folder / "README.md").write_text(
        f"---\nbase_model: [{', '.join(bases)}]\nbase_model_relation: {relation}\n---\n", "utf-8"
    )
    return place


def kinds(document) -> dict[str, tuple[str, bool, list[str]]]:  # type: ignore[no-untyped-def]
    rows = [c for c in document["claims"] if c["kind"].startswith("kind_")]
    return {c["stated"]: (c["outcome"], c["flagged"], [e["key"] for e in c["evidence"]]) for c in rows}


def test_a_conversion_that_gives_every_value_bears_out_quantised_and_no_direction(tmp_path: Path, seed: int) -> None:
    base, _ = siblings(seed, 0)
    base.save(tmp_path / "base")
    document = forebear.verify(claimed(tmp_path / "x", rounded(base), "quantized", "base"), against=tmp_path / "base")
    state, flagged, said = kinds(document)["base"]
    assert (state, flagged) == ("borne-out", False)
    assert "rederive.exact" in said
    assert "rederive.direction" in said
    assert {c["outcome"] for c in document["claims"] if c["kind"] == "direction"} == {"not-shown"}


def test_a_gguf_file_of_eight_bits_is_borne_out_and_that_of_another_model_is_not(tmp_path: Path, seed: int) -> None:
    gguf = pytest.importorskip("gguf")
    from tests.files.gguf_make import write_llama

    base = llama(seed, layers=3, width=64, neurons=96, tie_word_embeddings=False, max_position_embeddings=64)
    for place, model, wanted in (("x", base, "borne-out"), ("y", sibling(base, f"{seed}/tuned"), "not-shown")):
        (tmp_path / place).mkdir()
        write_llama(tmp_path / place / "m.gguf", model.arrays, model.config, gguf.GGMLQuantizationType.Q8_0)
        (tmp_path / place / "README.md").write_text("---\nbase_model: base\nbase_model_relation: quantized\n---\n", "utf-8")
        base.save(tmp_path / "base")
        document = forebear.verify(tmp_path / place / "m.gguf", against=tmp_path / "base")
        assert kinds(document)["base"][:2] == (wanted, False)


def test_a_fine_tune_called_quantised_is_flagged_and_a_quantised_fine_tune_is_not_borne_out(tmp_path: Path, seed: int) -> None:
    base, (tuned,) = siblings(seed, 1)
    base.save(tmp_path / "base")
    document = forebear.verify(claimed(tmp_path / "x", tuned, "quantized", "base"), against=tmp_path / "base")
    assert kinds(document)["base"][:2] == ("not-shown", True)
    document = forebear.verify(claimed(tmp_path / "y", rounded(tuned), "quantized", "base"), against=tmp_path / "base")
    assert kinds(document)["base"][:2] == ("not-shown", False)
    assert document["counts"]["contradicted"] == 0


def test_one_value_that_no_conversion_gives_keeps_it_from_being_borne_out(tmp_path: Path, seed: int) -> None:
    base, _ = siblings(seed, 0)
    base.save(tmp_path / "base")
    model = rounded(base)
    name = next(n for n in model.arrays if n.endswith("q_proj.weight"))
    model.arrays[name] = model.arrays[name].copy()
    model.arrays[name][3, 5] = np.nextafter(model.arrays[name][3, 5], np.float32(9))
    document = forebear.verify(claimed(tmp_path / "x", model, "quantized", "base"), against=tmp_path / "base")
    assert kinds(document)["base"][:2] == ("not-shown", False)


def test_a_conversion_called_a_fine_tune_is_flagged_and_never_contradicted(tmp_path: Path, seed: int) -> None:
    base, (tuned,) = siblings(seed, 1)
    base.save(tmp_path / "base")
    document = forebear.verify(claimed(tmp_path / "x", rounded(base), "finetune", "base"), against=tmp_path / "base")
    assert kinds(document)["base"][:2] == ("not-shown", True)
    assert "making.only_converted" in kinds(document)["base"][2]
    document = forebear.verify(claimed(tmp_path / "y", tuned, "finetune", "base"), against=tmp_path / "base")
    assert kinds(document)["base"] == ("not-shown", False, ["making.moved", "making.moved_by"])


def test_frozen_matrices_and_the_size_of_the_change_are_told_of_a_fine_tune(tmp_path: Path, seed: int) -> None:
    base, _ = siblings(seed, 0)
    tuned = Model(dict(base.arrays), base.config)
    names = [n for n, a in base.arrays.items() if a.ndim == 2]
    tuned.arrays[names[-1]] = (base.arrays[names[-1]] * np.float32(1.01)).astype(np.float32)
    base.save(tmp_path / "base")
    document = forebear.verify(claimed(tmp_path / "x", tuned, "finetune", "base"), against=tmp_path / "base")
    (row,) = [c for c in document["claims"] if c["kind"] == "kind_finetune"]
    assert row["figures"]["equal"] == row["figures"]["matrices"] - 1
    assert 0 < row["figures"]["change"] < 0.01
    assert row["outcome"] == "not-shown"


def test_a_merge_with_all_parents_given_is_borne_out_and_a_stranger_has_no_part(tmp_path: Path, seed: int) -> None:
    base, (one, two, three) = siblings(seed)
    for name, model in (("one", one), ("two", two), ("three", three), ("base", base)):
        model.save(tmp_path / name)
    merged = claimed(tmp_path / "x", weighted([one, two], [0.6, 0.4]), "merge", "one", "two")
    found = kinds(forebear.verify(merged, against=[tmp_path / "one", tmp_path / "two"]))
    assert {name: state for name, (state, _, _) in found.items()} == {"one": "borne-out", "two": "borne-out"}
    assert "shown.symmetric" in found["one"][2]
    merged = claimed(tmp_path / "y", weighted([one, two], [0.6, 0.4]), "merge", "one", "two", "three")
    found = kinds(forebear.verify(merged, against=[tmp_path / "one", tmp_path / "two", tmp_path / "three"]))
    assert found["three"][:2] == ("not-shown", False)
    document = forebear.verify(merged, against=[tmp_path / "one", tmp_path / "two", tmp_path / "three"])
    for language in LANGUAGES:
        shown = rendered(document, "text", language).decode()
        assert "making." not in shown
        assert "0.600" in shown
    assert "making.no_part" in found["three"][2]
    assert found["one"][0] == "borne-out"


@pytest.mark.parametrize(("stated", "given", "outcome", "flagged"), [
    ((0.6, 0.4), ("one", "two"), "borne-out", False), ((3, 2), ("one", "two"), "borne-out", False),
    ((0.4, 0.6), ("one", "two"), "not-shown", True), ((0.6, 0.4), ("one",), "not-testable", False),
])  # fmt: skip
def test_the_weights_of_a_linear_merge(tmp_path: Path, seed: int, stated, given, outcome, flagged) -> None:  # type: ignore[no-untyped-def]
    _, (one, two, *_) = siblings(seed)
    for name, model in (("one", one), ("two", two)):
        model.save(tmp_path / name)
    place = weighted([one, two], [0.6, 0.4]).save(tmp_path / "x")
    models = "".join(f"  - model: {n}\n    parameters:\n      weight: {w}\n" for n, w in zip(("one", "two"), stated, strict=True))
    (place / "mergekit_config.yml").write_text(f"merge_method: linear\nmodels:\n{models}dtype: float32\n", "utf-8")
    document = forebear.verify(place, against=[tmp_path / name for name in given])
    rows = [row for row in document["claims"] if row["kind"] == "merge_weight"]
    assert [(row["about"], row["outcome"], row["flagged"]) for row in rows] == [(n, outcome, flagged) for n in ("one", "two")]
    for language in LANGUAGES:
        assert "merge_weight." not in rendered(document, "text", language).decode()


@pytest.mark.parametrize("text", [
    "merge_method: ties\nmodels:\n- {model: a, parameters: {weight: 0.5}}\n", "merge_method: linear\nparameters: {normalize: false}\nmodels:\n"
    "- {model: a, parameters: {weight: 0.5}}\n", "merge_method: linear\nmodels:\n- {model: a, parameters: {weight: [0.5, 1]}}\n",
    "merge_method: linear\nmodels:\n- {model: a}\n", "merge_method: linear\nmodels:\n- {model: a, parameters: {weight: .inf}}\n",
])  # fmt: skip
def test_weights_that_mean_no_share_are_not_read(text: str) -> None:
    assert [one.kind for one in claims_of_merge(text, "mergekit_config.yml")[0]] == ["kind_merge"]


def test_a_merge_is_not_borne_out_with_one_parent_or_where_it_is_none(tmp_path: Path, seed: int) -> None:
    _, (one, two, three) = siblings(seed)
    for name, model in (("one", one), ("two", two)):
        model.save(tmp_path / name)
    merged = claimed(tmp_path / "x", weighted([one, two], [0.6, 0.4]), "merge", "one", "two")
    assert kinds(forebear.verify(merged, against=tmp_path / "one"))["one"][:2] == ("not-testable", False)
    other = claimed(tmp_path / "y", three, "merge", "one", "two")
    found = kinds(forebear.verify(other, against=[tmp_path / "one", tmp_path / "two"]))
    assert {state for state, _, _ in found.values()} == {"not-shown"}
    assert all("making.no_merge" in said for _, _, said in found.values())


def test_a_parent_computed_back_from_its_merge_is_not_borne_out_with_a_weight_below_zero(tmp_path: Path, seed: int) -> None:
    """A = (M - 0.4 B) / 0.6: of the three on one line only the middle one is a merge of the others."""
    _, (one, two) = siblings(seed, 2)
    weighted([one, two], [0.6, 0.4]).save(tmp_path / "middle")
    two.save(tmp_path / "two")
    end = claimed(tmp_path / "x", one, "merge", "middle", "two")
    found = kinds(forebear.verify(end, against=[tmp_path / "middle", tmp_path / "two"]))
    assert found["two"][0] == "not-shown"


def test_equal_values_in_another_form_are_no_proof_against_quantised(tmp_path: Path, seed: int) -> None:
    base = rounded(siblings(seed, 0)[0])
    half = Model({n: a.astype(np.float16).astype(np.float32) for n, a in base.arrays.items()}, base.config)
    half.save(tmp_path / "base")
    same = claimed(tmp_path / "x", half, "quantized", "base")
    assert kinds(forebear.verify(same, against=tmp_path / "base"))["base"][:2] == ("contradicted", False)
    from safetensors.numpy import save_file

    save_file({n: a.astype(np.float16) for n, a in half.arrays.items()}, tmp_path / "x" / "model.safetensors")
    assert kinds(forebear.verify(tmp_path / "x", against=tmp_path / "base"))["base"][:2] == ("not-shown", False)


def test_weights_above_the_budget_are_not_recomputed_and_each_question_is_asked_once(tmp_path: Path, seed: int, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    import forebear.verification.making as module

    base, _ = siblings(seed, 0)
    base.save(tmp_path / "base")
    place = claimed(tmp_path / "x", rounded(base), "quantized", "base")
    found = kinds(forebear.verify(place, against=tmp_path / "base", budget="64KiB"))
    assert found["base"][:2] == ("not-testable", False)
    assert "making.large" in found["base"][2]
    asked = []
    whole = module.rederived
    monkeypatch.setattr(module, "rederived", lambda *sides: asked.append(1) or whole(*sides))
    subject = open_subject(place, full=False)
    making = Making(subject, bases_of([tmp_path / "base"]), [], None)
    assert making.conversion(making.bases[0]) == making.conversion(making.bases[0])
    assert len(asked) == 1
    subject.close()


def test_a_merge_above_the_bound_says_its_size_and_full_reads_it(tmp_path: Path, seed: int, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("forebear.verification.making.DEFAULT_BUDGET_BYTES", 65_536)  # of recipes; comparisons keep theirs
    one, two = siblings(seed, 2)[1]
    one.save(tmp_path / "one")
    two.save(tmp_path / "two")
    place = claimed(tmp_path / "x", weighted([one, two], [0.6, 0.4]), "merge", "one", "two")
    bases = [tmp_path / "one", tmp_path / "two"]
    size = sum(entry.stored_bytes for entry in open_checkpoint(place).container.tensors.values())
    small = forebear.verify(place, against=bases)
    for state, flagged, said in (kinds(small)["one"], kinds(small)["two"]):
        assert (state, flagged) == ("not-testable", False)
        assert "making.large" in said
    told = " ".join(rendered(small, "text").decode().split())
    assert f"{size:,} bytes of weights; at most 65,536 are read" in told
    assert "--full" in told
    whole = kinds(forebear.verify(place, against=bases, full=True))
    assert {name: state for name, (state, _, _) in whole.items()} == {"one": "borne-out", "two": "borne-out"}


def test_no_kind_named_means_nothing_recomputed(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    import forebear.verification.making as module

    def never(*sides: object) -> None:
        raise AssertionError("recomputed without a claim")

    for name in ("rederived", "mixed", "grams"):
        monkeypatch.setattr(module, name, never)
    card = tmp_path / "card.md"
    card.write_text("---\nbase_model: base\n---\n", "utf-8")
    document = forebear.verify(DEMO / "descendant", card=card, against=DEMO / "base")
    assert {c["kind"] for c in document["claims"] if c["source"]["file"] == "card.md"} == {"shares", "direction"}


def test_models_of_one_name_are_told_apart(tmp_path: Path) -> None:
    bases = bases_of([f"a/base={DEMO / 'base'}", f"a/base={DEMO / 'independent'}"])
    subject = open_subject(DEMO / "descendant", full=False)
    making = Making(subject, bases, [Claim("kind_merge", "a/base", Source("README.md", "x"))], None)
    assert [making.label(one) for one in bases] == [str(DEMO / "base"), str(DEMO / "independent")]
    found, missing = making.merged_with(Claim("kind_merge", "a/base", Source("README.md", "x")))
    assert (len(found), missing) == (2, [])
    assert json.dumps([one.path for one in found])
    subject.close()
