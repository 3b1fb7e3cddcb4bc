"""Words that wrappers put into names change nothing: over all families, words and places drawn from a seed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import forebear
from forebear.core.documents import canonical_json
from forebear.models.architecture.registry import index, select, shipped
from forebear.models.architecture.settings import Settings
from forebear.models.architecture.wrapping import unwrap
from tests.comparison.variants import load, save
from tests.models.builders import LLAMA, llama_arrays
from tests.protocols.families import CASES
from tests.said import paragraph
from tests.said import said as english

SEED = 20261129
TRIED = Path(__file__).resolve().parent.parent / "data" / "tried"
ONE_A_FAMILY = list({case.family: case for case in reversed(CASES) if not case.stacked}.values())
LEADS = ["_orig_mod", "module", "base_model.model", "actor.model", "model.0.auto_model", "_forward_module"]
INNER = ["_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_orig_mod", "module_"]


def word(rng):
    """A word that no list could hold."""
    return "w_" + "".join(rng.choice(list("abcdefghij"), size=6))


def wrapped(names, rng):
    """New name -> name: up to two words before every name and up to two wrapped modules, as wrappers name them."""
    before = {name: [[part] for part in name.split(".")] for name in names}  # each part with the words put before it
    modules = sorted({_bones(name.split(".")[:at]) for name in names for at in range(1, name.count(".") + 1)})
    for _ in range(rng.integers(0, 3)):
        module = modules[rng.integers(len(modules))]
        extra = INNER[rng.integers(len(INNER))] if rng.random() < 0.5 else word(rng)
        for name, parts in before.items():
            if len(parts) > len(module) and _bones(name.split(".")[: len(module)]) == module:
                parts[len(module)].insert(0, extra)
    lead = [LEADS[rng.integers(len(LEADS))] if rng.random() < 0.5 else word(rng) for _ in range(rng.integers(0, 3))]
    return {".".join([*lead, *(w for part in parts for w in part)]): name for name, parts in before.items()}


def _bones(parts):
    return tuple("#" if part.isdigit() else part for part in parts)


def same_but_for_names(document):
    """What a document says of the pair, without what tells one file from another."""
    plain = json.loads(canonical_json(document))
    kept = {key: plain[key] for key in ("verdict", "evidence", "effects", "alignment", "audit", "tensors", "weights")}
    return kept | {"sides": [{k: v for k, v in plain[side].items() if k != "id"} for side in ("subject", "candidate")]}


def pair(case, rng, folder):
    """The arrays of a relative, a way to store it under other names, and the document of the plain pair."""
    from safetensors.numpy import save_file

    from tests.protocols.proof import write_subject

    made = write_subject(case, folder / "made")
    config = json.dumps(made.config)

    def stored(place, arrays):
        (folder / place).mkdir()
        save_file({n: np.ascontiguousarray(a) for n, a in arrays.items()}, folder / place / "model.safetensors")
        (folder / place / "config.json").write_text(config)
        return folder / place

    base = {name: array.astype(np.float32) for name, array in made.arrays.items()}
    child = {n: (a + 0.2 * a.std() * rng.standard_normal(a.shape)).astype(np.float32) for n, a in base.items()}
    candidate = stored("base", base)
    plain = same_but_for_names(forebear.compare(stored("plain", child), [candidate]))

    def check(place, names):
        subject = stored(place, {new: child[name] for new, name in names.items()})
        assert same_but_for_names(forebear.compare(subject, [candidate])) == plain, list(names)[:5]

    return child, check


@pytest.mark.parametrize("case", ONE_A_FAMILY, ids=lambda case: case.family)
def test_a_wrapped_copy_gives_the_document_of_the_plain_one(case, tmp_path):
    rng = np.random.default_rng([SEED, *case.family.encode()])
    child, check = pair(case, rng, tmp_path)
    for number in range(3):
        check(f"wrapped{number}", wrapped(child, rng))


@pytest.mark.slow
@pytest.mark.parametrize("case", ONE_A_FAMILY, ids=lambda case: case.family)
def test_every_known_wrapper_and_pair_of_them_gives_the_document_of_the_plain_one(case, tmp_path):
    child, check = pair(case, np.random.default_rng([SEED, *case.family.encode()]), tmp_path)
    for first in LEADS:
        for second in dict.fromkeys((None, *LEADS, *INNER)):
            lead = first if second is None else f"{first}.{second}"
            check(lead, {f"{lead}.{name}": name for name in child})


@pytest.fixture(scope="module")
def tried(tmp_path_factory):
    """A folder of the inputs that were misread; those that only put a word before every name are made of their plain ones."""
    made = tmp_path_factory.mktemp("tried")
    plain = load(TRIED / "prefix_fsdp")
    bare = {name.replace("_fsdp_wrapped_module.", ""): value for name, value in plain.items()}
    save(made / "prefix_module", {f"module.{n}": v for n, v in bare.items()}, TRIED / "base")
    save(made / "prefix_base_model", {f"base_model.model.{n}": v for n, v in bare.items()}, TRIED / "base")
    rotated = {f"_orig_mod.{n}": v for n, v in load(TRIED / "rotated_plain").items()}
    save(made / "rotated_orig_mod", rotated, TRIED / "base")
    return made


@pytest.mark.parametrize("name", ["prefix_module", "prefix_fsdp", "prefix_base_model", "unmerged_peft"])
def test_a_relative_under_a_wrapper_is_related_with_its_change(name, tried):
    subject = TRIED / name if (TRIED / name).is_dir() else tried / name
    document = forebear.compare(subject, [TRIED / "base"])
    assert document["verdict"]["relation"] == "related"
    assert document["subject"]["family"] == "llama"
    changes = [effect["distance"] for effect in document["effects"] if effect["part"] in ("q", "up", "down")]
    assert changes
    assert all(0.19 < change < 0.21 for change in changes)


def test_a_rotated_relative_under_a_wrapper_gives_the_document_of_the_plain_one(tried):
    plain = forebear.compare(TRIED / "rotated_plain", [TRIED / "base"])
    document = forebear.compare(tried / "rotated_orig_mod", [TRIED / "base"])
    assert plain["verdict"]["relation"] == "related"
    assert same_but_for_names(document) == same_but_for_names(plain)


@pytest.mark.parametrize("candidate", ["known", "unknown"])
@pytest.mark.parametrize("subject", ["rotated_orig_mod", "prefix_module"])
def test_a_model_type_nobody_defined_changes_no_relation(subject, candidate, tried, tmp_path):
    other = {"model_type": "acme"}
    renamed = save(tmp_path / "subject", load(tried / subject), TRIED / "base", other)
    base = save(tmp_path / "base", load(TRIED / "base"), TRIED / "base", other if candidate == "unknown" else None)
    document, plain = forebear.compare(renamed, [base]), forebear.compare(tried / subject, [TRIED / "base"])
    assert document["verdict"]["relation"] == "related"
    assert document["verdict"]["log10_p"] == plain["verdict"]["log10_p"]
    assert ("No definition knows" in paragraph(document["alignment"]["words"])) is (candidate == "unknown")


def test_layers_with_tensors_of_another_architecture_are_not_read_by_their_names(tmp_path):
    arrays = load(TRIED / "rotated_plain")
    arrays |= {f"model.layers.{i}.mlp.gain_of_mine": np.ones(7, np.float32) * i for i in range(4)}
    subject = save(tmp_path / "m", arrays, TRIED / "base", {"model_type": "acme"})
    base = save(tmp_path / "b", load(TRIED / "base"), TRIED / "base", {"model_type": "acme"})
    assert forebear.compare(subject, [base])["verdict"]["relation"] == "cannot-tell"


def read(names):
    return unwrap(names, shipped("llama"), Settings(LLAMA, ("",)))


def test_of_two_models_in_one_file_the_larger_is_read_and_they_are_not_mixed(rng):
    names = list(llama_arrays(rng))
    critic = [name for name in names if "lm_head" not in name]
    found = read([*(f"actor.{n}" for n in names), *(f"critic.{n}" for n in critic)])
    assert found is not None
    assert {found.names[name] for name in names} == {f"actor.{name}" for name in names}
    assert all(found.names[f"critic.{name}"] == f"critic.{name}" for name in critic)


def test_a_part_inside_a_layer_is_no_wrapper(rng):
    names = list(llama_arrays(rng))
    adapters = [name.replace("down_proj", "adapter.down_proj") for name in names if "mlp.down_proj" in name]
    adapters += [name.replace(".weight", ".bias") for name in adapters]
    assert read([*names, *adapters]) is None
    found = read([f"module.{name}" for name in [*names, *adapters]])
    assert found is not None
    assert found.words == ("module",)
    assert all(f"module.{name}" in found.names for name in adapters)


def test_names_that_no_wrapper_explains_stay_as_they_are():
    assert read([]) is None
    assert read(["a", "b.0.c", "model.layers", "." * 900, "model." * 500 + "embed_tokens.weight"]) is None


def test_names_under_wrappers_mark_their_family_without_a_configuration(rng):
    names = [f"m.{name.replace('layers.0.', 'layers.0.inside.').replace('layers.1.', 'layers.1.inside.')}" for name in llama_arrays(rng)]
    definition, said = select({}, names)
    assert definition is not None
    assert definition.family == "llama"
    assert "inferred" in english(said)[0]


def test_the_cases_of_this_page_cover_every_family():
    assert {case.family for case in ONE_A_FAMILY} == {entry.family for entry in index()}
