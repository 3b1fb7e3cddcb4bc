"""Entry points of installed packages: used when nothing of ours fits, loud when they fail, never from the current folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import forebear
from forebear.comparison.demo import demo_folder
from forebear.core import plugins
from forebear.core.errors import RefusedError
from forebear.core.plugins import Plugin, PluginError, installed
from forebear.files.formats import format as formats
from forebear.files.sources import open_container
from forebear.models.architecture import registry
from forebear.recipes.steps import registry as steps
from tests.packages import Install, forget, write_distribution
from tests.said import said as english


def definition(family: str, *kinds: str) -> str:
    text = (registry.FOLDER / "llama.toml").read_text("utf-8")
    lines = [f'family = "{family}"', 'title = "Made up"', 'source = "a test"', f"model_types = {list(kinds)}"]
    return "\n".join([*lines, *text.splitlines()[4:]])


def test_a_family_of_a_package_reads_its_model_type(install: Install) -> None:
    install("owls", "[forebear.families]\nowls = owl_families\n", owl_families__owl_toml=definition("owl", "owl", "owl2"))
    found, said = registry.select({"model_type": "owl2"}, [])
    assert found is not None
    assert found.family == "owl"
    assert english(said) == ["the family owl is defined by the installed package owls 1.0, not by forebear"]
    assert registry.select({"model_type": "oul"}, [])[0] is None
    assert "owl_families" not in sys.modules  # data is found without running anything


@pytest.mark.parametrize(
    ("family", "kinds", "said"),
    [("llama", ["owl"], "'llama' is taken by forebear"), ("owl", ["qwen2"], "'qwen2' is taken by forebear")],
)
def test_a_package_cannot_replace_a_family_of_ours(install: Install, family: str, kinds: list[str], said: str) -> None:
    install("owls", "[forebear.families]\nowls = owl_families\n", **{f"owl_families__{family}_toml": definition(family, *kinds)})
    with pytest.raises(PluginError, match=said) as caught:
        registry.select({"model_type": "owl"}, [])
    assert "owls 1.0, entry point forebear.families: owls = owl_families" in str(caught.value)
    found, _ = registry.select({"model_type": "llama"}, [])  # what we know needs no package
    assert found is not None


def test_two_packages_cannot_claim_one_model_type(install: Install) -> None:
    install("owls", "[forebear.families]\nowls = owl_families\n", owl_families__owl_toml=definition("owl", "owl"))
    install("birds", "[forebear.families]\nbirds = birds\n", birds__eagle_toml=definition("eagle", "owl"))
    with pytest.raises(PluginError, match=r"'owl' is taken by birds 1\.0") as caught:
        registry.added()
    assert "owls 1.0" in caught.value.where


@pytest.mark.parametrize(
    ("value", "files", "said"),
    [
        ("owl_families", {}, "names no package"),
        ("owl_families", {"owl_families_py": ""}, "names no package"),
        ("owl_families", {"owl_families____init___py": ""}, "holds no definition"),
        ("owl_families", {"owl_families__bat_toml": definition("owl", "owl")}, "calls its family 'owl'"),
        ("owl_families", {"owl_families__owl_toml": 'family = "owl"'}, r"no definition: .*owl\.toml"),
    ],
)
def test_a_package_without_its_definition_is_named(install: Install, value: str, files: dict[str, str], said: str) -> None:
    install("owls", f"[forebear.families]\nowls = {value}\n", **files)
    with pytest.raises(PluginError, match=said) as caught:
        registry.added()
    assert caught.value.where.startswith("owls 1.0, entry point forebear.families: owls = ")


FORMAT = """
    import numpy as np
    from tests.memory import MemoryContainer
    from forebear.files.formats.format import Format

    def opened(file, max_header):
        values = np.frombuffer(bytes(file.read(4, file.size - 4)), np.float32)
        return MemoryContainer({"w": values})

    OWL = Format("an owl", lambda head, size: head.startswith(b"OWL1"), (".owl",), opened)
"""


def test_a_format_of_a_package_opens_a_file_and_a_folder(install: Install, tmp_path: Path) -> None:
    install("owls", "[forebear.formats]\nowl = owl_format:OWL\n", owl_format_py=FORMAT)
    (tmp_path / "model").mkdir()
    path = tmp_path / "model" / "weights.owl"
    path.write_bytes(b"OWL1" + bytes(8))
    for place in (path, path.parent):
        container = open_container(place)
        assert container.tensors["w"].shape == (2,)
        assert english(container.odd) == ["the format memory is read by the installed package owls 1.0"]


@pytest.mark.parametrize(
    ("body", "said"),
    [("return 1 / 0", "failed on .*ZeroDivisionError"), ("return {}", "gave a dict for .*, no container")],
)
def test_a_format_with_a_fault_is_named(install: Install, tmp_path: Path, body: str, said: str) -> None:
    text = FORMAT.replace("values = np.", f"{body}\n        values = np.")
    install("owls", "[forebear.formats]\nowl = owl_format:OWL\n", owl_format_py=text)
    (tmp_path / "weights.owl").write_bytes(b"OWL1" + bytes(8))
    with pytest.raises(PluginError, match=said) as caught:
        open_container(tmp_path / "weights.owl")
    assert caught.value.where == "owls 1.0, entry point forebear.formats: owl = owl_format:OWL"


def test_a_format_may_refuse_a_file_in_its_own_words(install: Install, tmp_path: Path) -> None:
    text = FORMAT.replace("values = np.", 'raise RefusedError("is asleep", where=str(file.path))\n        values = np.')
    text = text.replace("import numpy as np", "import numpy as np\n    from forebear.core.errors import RefusedError")
    install("owls", "[forebear.formats]\nowl = owl_format:OWL\n", owl_format_py=text)
    (tmp_path / "weights.owl").write_bytes(b"OWL1" + bytes(8))
    with pytest.raises(RefusedError, match="is asleep"):
        open_container(tmp_path / "weights.owl")


def test_our_formats_come_first(install: Install) -> None:
    always = FORMAT.replace('head.startswith(b"OWL1")', "True").replace(".owl", ".safetensors")
    install("owls", "[forebear.formats]\nowl = owl_format:OWL\n", owl_format_py=always)
    assert open_container(Path(plugins.__file__).parent.parent / "demo_data" / "base").kind == "safetensors"
    assert formats.added.cache_info().currsize == 0  # nobody looked


STEP = """
    from dataclasses import replace
    from forebear.recipes.steps.step import Step

    def halve(model, rng):
        return replace(model, arrays={name: array / 2 for name, array in model.arrays.items()})

    STEPS = [Step("halved", halve, "operation", ("llama",), "the owls' handbook", "Every value is halved.")]
"""


def test_a_step_of_a_package_is_found_by_name(install: Install) -> None:
    install("owls", "[forebear.steps]\nowl = owl_steps:STEPS\n", owl_steps_py=STEP)
    assert steps.step("halved").source == "the owls' handbook"
    with pytest.raises(RefusedError, match="Known: halved, "):
        steps.step("thirded")


def test_a_step_of_ours_cannot_be_replaced(install: Install) -> None:
    install("owls", "[forebear.steps]\nowl = owl_steps:STEPS\n", owl_steps_py=STEP.replace('"halved"', '"merged"'))
    with pytest.raises(PluginError, match="'merged' is taken by forebear"):
        steps.added()


@pytest.mark.parametrize(
    ("value", "text", "said"),
    [
        ("owl_steps:STEPS", None, "ModuleNotFoundError: No module named 'owl_steps'"),
        ("owl_steps:STEPS", "STEPS = 3\n", "is no list of steps"),
        ("owl_steps:STEPS", "STEPS = []\n", "is no list of steps"),
        ("owl_steps:NOTHING", "STEPS = []\n", "AttributeError"),
        ("owl_steps:STEPS", "raise ZeroDivisionError('one by none')\n", "ZeroDivisionError: one by none"),
        ("owl_steps:STEPS", "import sys; sys.exit(7)\n", "SystemExit: 7"),
        ("owl_steps:STEPS", "def (\n", "SyntaxError"),
        ("owl steps?", "STEPS = []\n", "AttributeError"),
    ],
)
def test_a_package_that_fails_is_named_with_what_it_raised(
    install: Install, value: str, text: str | None, said: str
) -> None:
    install("owls", f"[forebear.steps]\nowl = {value}\n", **({} if text is None else {"owl_steps_py": text}))
    with pytest.raises(PluginError) as caught:
        steps.step("halved")
    assert said in caught.value.what
    assert caught.value.where == f"owls 1.0, entry point forebear.steps: owl = {value}"
    assert caught.value.todo


@pytest.mark.parametrize(("text", "what"), [
    ("TEST = 3\n", "is no test"),
    ("from forebear.comparison.tests.deck import TEST\n", "the test 'deck' is taken by forebear"),
    ("from dataclasses import replace\nfrom forebear.comparison.tests import deck\nTEST = replace(deck.TEST, name='strength')\n",
     "the test 'strength' is taken by forebear"),
    ("raise ZeroDivisionError('one by none')\n", "ZeroDivisionError: one by none"),
])  # fmt: skip
def test_a_test_that_cannot_be_used_is_a_limit_of_a_full_comparison(install: Install, text: str, what: str) -> None:
    install("owls", "[forebear.tests]\nowl = owl_test:TEST\n", owl_test_py=text)
    demo = demo_folder()
    quick, full = (forebear.compare(demo / "descendant", demo / "base", full=full) for full in (False, True))
    where = "owls 1.0, entry point forebear.tests: owl = owl_test:TEST"
    told = [one for one in english(full["limits"]) if "was left out, as it cannot be used" in one]
    assert len(told) == 1
    assert where in told[0]
    assert what in told[0]
    assert quick["verdict"]["log10_p"] == full["verdict"]["log10_p"]
    assert not any("cannot be used" in one for one in english(quick["limits"]))


def test_two_entry_points_of_one_name_are_refused(install: Install) -> None:
    for name in ("owls", "more-owls"):
        install(name, "[forebear.steps]\nowl = owl_steps:STEPS\n", owl_steps_py=STEP)
    with pytest.raises(PluginError, match="has an entry point of that name too") as caught:
        installed("forebear.steps")
    assert "owls 1.0" in str(caught.value)
    assert "more-owls 1.0" in str(caught.value)


def test_metadata_that_cannot_be_read_names_its_distribution(install: Install) -> None:
    install("owls", "[forebear.steps]\nthis line is no entry point\n")
    with pytest.raises(PluginError, match="owls"):
        installed("forebear.steps")


def test_what_nobody_installed_is_nothing() -> None:
    forget()
    assert [installed(group) for group in plugins.GROUPS] == [()] * 4


@pytest.mark.parametrize("how", [["-c"], ["-m"]])
@pytest.mark.parametrize("path", [None, "", ".", "HERE"])
def test_a_package_in_the_current_folder_is_never_used(tmp_path: Path, how: list[str], path: str | None) -> None:
    """Somebody starts forebear inside a folder of downloaded files, in any of the ways Python puts it on the search path."""
    write_distribution(tmp_path, "trap", "[forebear.steps]\ntrap = trap:STEPS\n", trap_py="open('sprung', 'w').close()\n")
    code = "from forebear.core.plugins import installed; print(*[p.load() for p in installed('forebear.steps')])"
    (tmp_path / "runs.py").write_text(code)
    env = {**os.environ, "FOREBEAR_ROOT": str(Path(plugins.__file__).parents[2])}
    root = str(Path(plugins.__file__).parents[2])
    env["PYTHONPATH"] = root if path is None else os.pathsep.join([{"HERE": str(tmp_path)}.get(path, path), root])
    command = [sys.executable, *how, code if how == ["-c"] else "runs"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == ""
    assert not (tmp_path / "sprung").exists()


def test_a_module_in_the_current_folder_does_not_pass_for_an_installed_one(tmp_path: Path) -> None:
    here, site = tmp_path / "downloads", tmp_path / "site"
    here.mkdir()
    write_distribution(site, "owls", "[forebear.steps]\nowl = owl_steps:STEPS\n", owl_steps_py="STEPS = 'installed'\n")
    (here / "owl_steps.py").write_text("STEPS = 'trap'\n")
    code = (
        f"import sys; sys.path += [{str(site)!r}]\n"
        "from forebear.core.plugins import installed; print(*[p.load() for p in installed('forebear.steps')])"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(plugins.__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", code], cwd=here, env=env, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "installed"


def test_a_project_installed_from_the_current_folder_keeps_working(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An editable installation puts its folder behind the standard library; its author runs forebear inside it."""
    monkeypatch.chdir(tmp_path)
    kept = plugins._without_current([str(tmp_path), *sys.path, str(tmp_path)])
    assert kept[-1] == str(tmp_path)
    assert str(tmp_path) not in kept[:-1]


def test_nothing_is_looked_for_while_our_own_registries_answer() -> None:
    code = (
        "import sys, forebear; forebear.demo();"
        "from forebear.core.plugins import installed; print(installed.cache_info().misses, 'importlib.metadata' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120,
                          cwd=Path(plugins.__file__).parents[2])  # fmt: skip
    assert done.stdout.strip() == "0 False"


def test_a_plugin_says_who_it_is() -> None:
    plugin = Plugin("forebear.steps", "owl", "owl:STEPS", "owls 1.0")
    assert str(plugin.error("is asleep")) == (
        "owls 1.0, entry point forebear.steps: owl = owl:STEPS: is asleep. Mend or uninstall that package."
    )
