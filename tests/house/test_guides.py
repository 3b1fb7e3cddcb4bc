"""The guides of docs/contributing work as written: each template is filled in, installed as a package and used."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import forebear
from forebear.comparison.tests.laws import broken
from forebear.core.errors import RefusedError, UsageError
from forebear.files.sources import open_container
from forebear.models.checkpoint import open_checkpoint
from forebear.recipes.steps.registry import apply
from forebear.reports import catalogue
from forebear.reports.show import rendered
from tests.packages import Install, forget
from tests.recipes.arrays import llama
from tests.reports.documents import demo_comparison
from tests.said import said

ROOT = Path(__file__).resolve().parent.parent.parent
GUIDES = ROOT / "docs" / "contributing"
DEMO = ROOT / "forebear" / "demo_data"


def filled(template: str, **words: str) -> str:
    """A template with its words in capitals replaced; every one must be there, and none may be left."""
    text = (GUIDES / "templates" / template).read_text("utf-8")
    for word, value in words.items():
        word = word.replace("_", " ") if word.replace("_", " ") in text else word.replace("_", "-") if word not in text else word
        assert word in text, word
        text = text.replace(word, value)
    return text


OWL_NAMES = {
    "embed_tokens": "tokens", "self_attn.q_proj": "attention.query", "self_attn.k_proj": "attention.key",
    "self_attn.v_proj": "attention.value", "self_attn.o_proj": "attention.output", "mlp.gate_proj": "mlp.gate",
    "mlp.up_proj": "mlp.up", "mlp.down_proj": "mlp.down", "input_layernorm": "attention_norm",
    "post_attention_layernorm": "mlp_norm", "model.": "decoder.", "layers.": "blocks.",
}  # fmt: skip


def owl(folder: Path, seed: int, trained_from: int | None = None) -> Path:
    """A checkpoint of a family that forebear has never heard of."""
    model = llama(seed if trained_from is None else trained_from, width=64, neurons=96, tokens=300)
    rng = np.random.default_rng(seed)
    arrays = {}
    for name, array in model.arrays.items():
        for before, after in OWL_NAMES.items():
            name = name.replace(before, after)
        arrays[name] = array + (0.0 if trained_from is None else 0.3 * array.std() * rng.standard_normal(array.shape))
    made = type(model)({n: a.astype(np.float32) for n, a in arrays.items()}, {**model.config, "model_type": "owl_lm"})
    return made.save(folder)


def test_the_family_template_makes_a_family_that_compares(install: Install, tmp_path: Path) -> None:
    toml = filled("family.toml", FAMILY="owl", TITLE="Owls", MODEL_TYPE="owl_lm", SOURCE="a test")
    folders = [owl(tmp_path / "base", 1), owl(tmp_path / "child", 2, trained_from=1), owl(tmp_path / "other", 3)]
    assert open_checkpoint(folders[0]).family == "unknown"
    forebear_says = forebear.compare(folders[1], folders[0])["verdict"]["relation"]
    assert forebear_says == "cannot-tell"  # no axis of an unknown family may be tested

    forget()
    install("owls", "[forebear.families]\nowls = owl_families\n", owl_families__owl_toml=toml)
    checkpoint = open_checkpoint(folders[0])
    assert (checkpoint.family, list(checkpoint.unclaimed)) == ("owl", [])
    assert said(checkpoint.limits) == ["the family owl is defined by the installed package owls 1.0, not by forebear"]
    assert sorted(name for name, axis in checkpoint.axes.items() if axis.permutation) == [
        "channel", "group", "kv_head", "neuron", "value",
    ]  # fmt: skip
    document = forebear.compare(folders[1], folders[0])
    assert document["verdict"]["relation"] == "related"
    assert any("installed package owls 1.0" in limit for limit in said(document["limits"]))  # what the verdict rests on is said
    assert forebear.compare(folders[2], folders[0])["verdict"]["relation"] == "no-evidence"


def test_the_family_template_serves_one_call_as_well(tmp_path: Path) -> None:
    path = tmp_path / "owl.toml"
    path.write_text(filled("family.toml", FAMILY="owl", TITLE="Owls", MODEL_TYPE="owl_lm", SOURCE="a test"))
    folder = owl(tmp_path / "base", 1)
    assert open_checkpoint(folder, architecture=path).family == "owl"


def write_owl_file(path: Path, arrays: dict[str, np.ndarray]) -> bytes:
    begin, entries = 0, {}
    for name, array in arrays.items():
        entries[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [begin, begin + array.nbytes]}
        begin += array.nbytes
    header = json.dumps(entries).encode()
    data = b"OWL1" + len(header).to_bytes(8, "little") + header + b"".join(a.tobytes() for a in arrays.values())
    path.write_bytes(data)
    return data


def test_the_container_template_reads_its_format_and_refuses_damage(install: Install, tmp_path: Path) -> None:
    text = filled("container.py", KIND="an owl", SUFFIX=".owl", SOURCE="a test").replace('b"MAGIC"', 'b"OWL1"')
    install("owls", "[forebear.formats]\nowl = owl_format:FORMAT\n", owl_format_py=text)
    base = open_container(DEMO / "base")
    arrays = {name: base.read(name) for name in base.tensors}
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text((DEMO / "base" / "config.json").read_text())
    path = folder / "weights.owl"
    data = write_owl_file(path, arrays)

    found = open_container(folder)
    assert found.kind == "an owl"
    for name, array in arrays.items():
        np.testing.assert_array_equal(found.read(name), array)
        if array.ndim == 2:
            np.testing.assert_array_equal(found.take(name, [3, 0, 3]), array[[3, 0, 3]])
        assert b"".join(bytes(piece) for piece in found.stored(name)) == array.tobytes()
    assert forebear.compare(folder, DEMO / "base")["verdict"]["relation"] == "identical"

    length = int.from_bytes(data[4:12], "little")
    damaged = {
        "a header past the end": data[:4] + (2**40).to_bytes(8, "little") + data[12:],
        "nothing but a magic": data[:4],
        "values cut off": data[:-4],
        "a header cut off": data[: 12 + length - 1],
        "no header at all": data[:12] + b"x" * length + data[12 + length :],
    }
    for bad in damaged.values():
        path.write_bytes(bad)
        with pytest.raises(RefusedError, match=re.escape(str(path))):
            open_container(path)
    path.write_bytes(data)
    with pytest.raises(RefusedError, match="--max-header"):
        open_container(path, max_header=10)


def test_the_step_template_makes_a_step_that_applies(install: Install) -> None:
    text = filled("step.py", STEP_NAME="owl-noise", SOURCE="a test", ONE_PLAIN_SENTENCE="Up rows get noise",
                  WHAT_IS_DONE="Adds noise", WHAT_IT_MEANS="share of the spread")  # fmt: skip
    install("owls", "[forebear.steps]\nowl = owl_steps:STEPS\n", owl_steps_py=text)
    model = llama()
    made = apply("owl-noise", model, 7, strength=0.5)
    changed = {name for name, array in made.arrays.items() if not np.array_equal(array, model.arrays[name])}
    assert changed == {f"model.layers.{i}.mlp.up_proj.weight" for i in range(3)}
    up = "model.layers.0.mlp.up_proj.weight"
    assert (made.arrays[up] - model.arrays[up]).std() == pytest.approx(0.5 * model.arrays[up].std(), rel=0.1)
    assert made.history[-1] == {"step": "owl-noise", "parameters": {"strength": 0.5}, "seed": 7}
    for parameters in ({"strength": -1.0}, {"strength": float("nan")}, {"force": 1}):
        with pytest.raises(RefusedError):
            apply("owl-noise", model, 7, **parameters)


def owl_test() -> str:
    return filled("axis_test.py", WHAT_IS_COMPARED="Signs", WHAT_IS_COUNTED="agree in sign", SOURCE="a test", NAME_OF_TEST="owl-coins")


def test_the_test_template_keeps_its_laws_and_finds_a_copy() -> None:
    made: dict[str, Any] = {}
    exec(owl_test(), made)
    assert broken(made["TEST"]) == []
    rng = np.random.default_rng(17)
    pairs = [(rng.standard_normal((40, 9)), rng.standard_normal((40, 9))) for _ in range(2000)]
    strict = np.array([made["log10_p"](*made["statistic"](a, b)) for a, b in pairs])
    for level in (0.5, 0.1, 0.01):
        assert (strict <= np.log10(level)).mean() <= level + 3 * (level / len(pairs)) ** 0.5
    found = [made["log10_p"](*made["statistic"](a, a + b)) for a, b in pairs[:50]]
    assert max(found) < -4
    a = pairs[0][0].copy()
    a[:3], a[3:5], a[5] = np.nan, np.inf, 0.0
    assert made["statistic"](a, a) == (34, 34)
    with pytest.raises(RefusedError):
        made["statistic"](a, a[1:])


def test_a_test_of_a_package_runs_in_a_full_comparison_and_decides_nothing(install: Install) -> None:
    install("owls", "[forebear.tests]\nowl = owl_test:TEST\n", owl_test_py=owl_test())
    quick, full = (forebear.compare(DEMO / "descendant", DEMO / "base", full=full) for full in (False, True))
    assert not any(e["test"] == "owl-coins" for e in quick["evidence"])
    found = {e["axis"]: e for e in full["evidence"] if e["test"] == "owl-coins"}
    granted = {e["axis"] for e in full["evidence"] if e["test"] == "sign"}
    assert set(found) == granted >= {"channels", "neurons", "values"}
    assert all(e["log10_p"] < -5 and not e["decides"] for e in found.values())
    assert found["neurons"]["assumption"]["key"] == "assumption.sign"
    assert "the test owl-coins is of the installed package owls 1.0, not of forebear, and decides nothing" in said(full["limits"])
    count = len(found)
    assert all(e["package"] == "owls 1.0" for e in found.values())
    assert not any("package" in e for e in full["evidence"] if e["test"] != "owl-coins")
    for e in found.values():
        assert e["corrected_log10_p"] == pytest.approx(min(0.0, e["log10_p"] + np.log10(count)), abs=2e-3)
        assert e["expected"] == e["of"] / 2
    row = next(line for line in full.text().splitlines() if "owl-coins" in line and "neurons" in line)
    assert "in place" not in row
    assert f"of {found['neurons']['of']} counted; chance {found['neurons']['expected']:g}" in row
    assert "exact, says its author" in row
    assert quick["verdict"]["log10_p"] == full["verdict"]["log10_p"]  # another test by its side makes no p larger


def test_a_test_of_a_package_that_fails_while_it_runs_is_left_out_and_named(install: Install) -> None:
    text = owl_test().replace("    count = of = 0\n", "    raise ZeroDivisionError('one by none')\n")
    install("owls", "[forebear.tests]\nowl = owl_test:TEST\n", owl_test_py=text)
    full = forebear.compare(DEMO / "descendant", DEMO / "base", full=True)
    assert full["verdict"]["relation"] == "related"
    told = [one for one in said(full["limits"]) if "owl-coins" in one and "failed on" in one]
    assert {"neurons" in one for one in told} == {True, False}
    assert all("owls 1.0" in one and "ZeroDivisionError: one by none" in one for one in told)


def test_a_language_made_from_the_english_file_is_spoken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    english = (catalogue.FOLDER / "en.toml").read_text("utf-8")
    (tmp_path / "en.toml").write_text(english)
    ours = re.sub(r'^([\w-]+ = ")(.+)"$', r'\1«\2»"', english, flags=re.M)  # a language of quotation marks
    (tmp_path / "xx.toml").write_text(ours)
    monkeypatch.setattr(catalogue, "FOLDER", tmp_path)
    monkeypatch.setattr(catalogue, "LANGUAGES", (*catalogue.LANGUAGES, "xx"))
    document = demo_comparison(0)
    catalogue.catalogue.cache_clear()
    try:
        for form in ("text", "html"):
            said, plain = (rendered(document, form, language).decode() for language in ("xx", "en"))
            assert said.count("«") > 30
            assert "«" not in plain
        assert rendered(document, "json", "xx") == rendered(document, "json", "en")
        words = tomllib.loads(english)
        assert f"«{words['page']['limits_none']}»" in rendered(document, "html", "xx").decode()
        with pytest.raises(UsageError, match="no reports in 'yy'"):
            rendered(document, "text", "yy")
    finally:
        catalogue.catalogue.cache_clear()


def test_every_guide_links_its_template_and_every_template_has_a_guide() -> None:
    linked = {name for page in GUIDES.glob("*.md") for name in re.findall(r"\(templates/([\w.]+)\)", page.read_text("utf-8"))}
    assert linked == {path.name for path in (GUIDES / "templates").iterdir() if path.is_file()}
