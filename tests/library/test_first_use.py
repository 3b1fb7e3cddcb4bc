"""What somebody sees who uses a library for the first time: copies named as such, notes that say of whom, forms that exist."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import forebear
from forebear.api import library_add
from forebear.cli.application import forms_for, verbs
from forebear.cli.main import guarded, run
from forebear.core.errors import RefusedError
from forebear.core.progress import listening
from forebear.reports.catalogue import LANGUAGES
from forebear.reports.show import rendered
from tests.library.models import arrays, write


@pytest.fixture
def known(tmp_path: Path) -> Path:
    """A library of two models that share nothing, x and y."""
    for name in ("x", "y"):
        write(tmp_path / name, arrays(name))
    forebear.library_add([tmp_path / "x", tmp_path / "y"], into=tmp_path / "lib")
    return tmp_path / "lib"


def kin_of(name: str, folder: Path) -> Path:
    """The model x or y with one norm moved, so that it is kin and no copy."""
    moved = arrays(name)
    moved["model.norm.weight"] = moved["model.norm.weight"] + np.float32(0.01)
    return write(folder, moved)


def first_line(document: Any, language: str = "en") -> str:
    return rendered(document, "text", language).decode().splitlines()[0]


@pytest.mark.parametrize("prove", [False, True])
def test_a_copy_under_another_name_is_the_first_row_and_the_headline(known: Path, tmp_path: Path, prove: bool) -> None:
    copy = Path(shutil.copytree(tmp_path / "x", tmp_path / "elsewhere" / "copy"))
    found = forebear.library_search(copy, library=known, prove=prove)
    assert (found["hits"][0]["name"], found["hits"][0]["proved"]) == ("x", prove)
    assert found["hits"][0]["relation"] == ("identical" if prove else "same-values")
    assert first_line(found) == "copy holds the same values as x, which is in the library."
    assert b"<h1>copy holds the same values as x, which is in the library.</h1>" in rendered(found, "html")
    assert len({first_line(found, language) for language in LANGUAGES}) == 4
    assert "library.itself" not in [limit["key"] for limit in found["limits"]]


def test_a_copy_comes_before_kin_that_only_shares_tensors(known: Path, tmp_path: Path) -> None:
    forebear.library_add([kin_of("x", tmp_path / "kin")], into=known)
    copy = Path(shutil.copytree(tmp_path / "x", tmp_path / "copy"))
    hits = forebear.library_search(copy, library=known)["hits"]
    assert [(hit["name"], hit["relation"]) for hit in hits] == [("x", "same-values"), ("kin", "equal-tensors")]


@pytest.mark.parametrize("named", ["path", "name", "id"])
def test_a_model_named_by_its_own_path_name_or_id_is_left_out_and_its_names_are_said(
    known: Path, tmp_path: Path, named: str
) -> None:
    shutil.copytree(tmp_path / "x", tmp_path / "copy")
    ident = forebear.library_add([tmp_path / "copy"], into=known)["items"][0]["id"]
    subject = {"path": str(tmp_path / "x"), "name": "x", "id": ident[:12]}[named]
    found = forebear.library_search(subject, library=known)
    assert found["hits"] == ()
    assert "the model asked about is in the library as x, copy" in rendered(found, "text").decode().replace("\n", " ")


def test_the_content_that_a_path_held_before_is_not_left_out(known: Path, tmp_path: Path) -> None:
    kin_of("x", tmp_path / "x")
    hits = forebear.library_search(tmp_path / "x", library=known)["hits"]
    assert [(hit["name"], hit["relation"]) for hit in hits] == [("x", "equal-tensors")]


def test_paths_that_do_not_exist_are_refused_and_nothing_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for about in (False, True):
        with pytest.raises(RefusedError, match="no such file or folder"):
            forebear.library_add([tmp_path / "no", tmp_path / "such"], into=tmp_path / "lib", about=about)
    assert guarded(lambda: run(["library", "add", str(tmp_path / "no"), "--into", str(tmp_path / "lib")])) == 3
    assert str(tmp_path / "no") in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    write(tmp_path / "x", arrays("x"))
    added = forebear.library_add([tmp_path / "no", tmp_path / "x"], into=tmp_path / "lib")
    assert [row["outcome"] for row in added["items"]] == ["refused", "added"]


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("about", [False, True])
def test_paths_that_hold_no_model_are_refused_and_nothing_is_made(tmp_path: Path, count: int, about: bool) -> None:
    empty = [tmp_path / f"folder {n}" for n in range(count)]
    for folder in empty:
        folder.mkdir()
        (folder / "note.md").write_text("no model")
    with pytest.raises(RefusedError) as refused:
        forebear.library_add(empty, into=tmp_path / "lib", about=about)
    assert "folder 0" in str(refused.value)
    assert not (tmp_path / "lib").exists()
    write(tmp_path / "x", arrays("x"))
    added = forebear.library_add([*empty, tmp_path / "x"], into=tmp_path / "lib", about=about)
    assert [row["outcome"] for row in added["items"]] == ["refused"] * count + ["added"]
    again = forebear.library_add(empty, into=tmp_path / "lib", about=about)
    assert [row["outcome"] for row in again["items"]] == ["refused"] * count, (
        "a library that is there says why, row by row"
    )
    assert again["models"] == 1


def test_a_search_in_an_empty_library_says_that_it_is_empty(known: Path, tmp_path: Path) -> None:
    forebear.library_remove(["x", "y"], library=known)
    found = forebear.library_search(tmp_path / "x", library=known)
    assert first_line(found) == "The library is empty: there is nothing to search for kin of x."
    assert "Nothing among" not in rendered(found, "text").decode()
    assert rendered(found, "html")


def test_a_note_says_of_which_models_it_is(tmp_path: Path) -> None:
    for name in ("x", "y", "z"):
        write(tmp_path / name, arrays(name))
    for name in ("x", "z"):
        (tmp_path / name / "config.json").unlink()
    added = forebear.library_add([tmp_path / "x", tmp_path / "y", tmp_path / "z"], into=tmp_path / "lib")
    text = " ".join(rendered(added, "text").decode().split())
    assert "- x, z: there is no config.json" in text
    assert "- x, y, z: no tokenizer lies with it" in text
    assert "subject:" not in text
    found = forebear.library_search(tmp_path / "x", library=tmp_path / "lib")
    assert "subject: there is no config.json" in " ".join(rendered(found, "text").decode().split())


def test_the_p_of_a_comparison_is_not_explained_as_that_of_screens(known: Path, tmp_path: Path) -> None:
    forebear.library_add([kin_of("y", tmp_path / "near y")], into=known)
    subject = kin_of("x", tmp_path / "kin")
    proved = " ".join(rendered(forebear.library_search(subject, library=known, prove=True), "text").decode().split())
    assert "of the comparison of weights, times the 3 models searched. Null hypothesis: " in proved
    assert "Assumes: initialisation" in proved
    assert "screens searched" not in proved
    plain = " ".join(rendered(forebear.library_search(subject, library=known), "text").decode().split())
    assert "times the 3 screens searched" in plain
    assert "of the comparison of weights, times" not in plain


def test_progress_of_a_proof_counts_candidates_and_a_ranking_proposes_none(
    known: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forebear.library_add([kin_of("x", tmp_path / "other")], into=known)
    told: list[tuple[float, str]] = []
    subject = str(Path(shutil.copytree(tmp_path / "x", tmp_path / "copy")))
    with listening(lambda *step: told.append(step)):
        found = forebear.library_search(subject, library=known, prove=True)
    begun = [(share, what) for share, what in told if what.startswith("candidate") and ":" not in what]
    assert begun == [(0.0, "candidate 1 of 2, x"), (0.5, "candidate 2 of 2, other")]
    assert found["searched"]["proposed"] == 2
    assert guarded(lambda: run(["library", "search", subject, "--library", str(known), "--prove"])) == 0
    assert capsys.readouterr().err == ""  # a short run


def test_every_command_offers_the_forms_that_its_result_has(
    known: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    offered = {name: [form.value for form in forms_for(verb)] for name, verb in verbs().items()}
    assert all("text" in forms and "json" in forms for forms in offered.values())
    assert offered["library_add"] == ["text", "json", "csv"]
    assert offered["library_search"] == offered["compare"] == ["text", "json", "html", "csv"]
    assert offered["verify"][4:] == ["sarif", "junit", "patch", "cyclonedx", "spdx", "in-toto"]
    done = library_add([tmp_path / "x"], into=known)
    for form in offered["library_add"]:
        assert rendered(done, form)
    for words in (["--format", "html"], ["-o", str(tmp_path / "page.html")]):
        assert guarded(lambda words=words: run(["library", "remove", "x", "--library", str(known), *words])) == 2
    assert not (tmp_path / "page.html").exists()
    assert forebear.library_search("x", library=known)["searched"]["models"] == 2, "refused before anything was removed"
    assert "html" in capsys.readouterr().err


def test_the_page_of_a_search_begins_as_other_pages_do(known: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(tmp_path / "x", tmp_path / "copy"))
    for subject, relation in ((copy, "identical"), (kin_of("y", tmp_path / "kin"), "equal-tensors"), ("x", "none")):
        page = rendered(forebear.library_search(subject, library=known), "html").decode()
        assert '<p class="kicker">forebear · Search in a library</p>' in page
        assert f'<div class="verdict {relation}">' in page


def test_a_list_says_what_a_library_holds(known: Path, tmp_path: Path) -> None:
    shutil.copytree(tmp_path / "x", tmp_path / "copy")
    forebear.library_add([tmp_path / "copy"], into=known)
    forebear.library_add(
        [write(tmp_path / "z", arrays("z", layers=4), {"num_hidden_layers": 4})], into=known, quick=True
    )
    held = forebear.library_list(library=known)
    rows = {row["name"]: row for row in held["items"]}
    assert {name: (row["kind"], row["layers"], row["family"]) for name, row in rows.items()} == {
        "x": ("whole", 3, "llama"), "y": ("whole", 3, "llama"), "z": ("quick", 4, "llama"),
    }  # fmt: skip
    assert rows["x"]["names"] == ("x", "copy")
    assert rows["z"]["parameters"] == sum(value.size for value in arrays("z", layers=4).values())
    for language in LANGUAGES:
        assert f"{rows['z']['parameters']:,}" in rendered(held, "text", language).decode()
    next((known / "prints").rglob(f"{rows['y']['id']}.fbp")).write_bytes(b"torn")
    torn = forebear.library_list(library=known)
    assert dict(torn["outcomes"]) == {"held": 2, "refused": 1}
    assert "is no print, or is cut short" in " ".join(rendered(torn, "text").decode().split())
    assert rendered(torn, "csv").count(b"\r\n") == 4


def test_the_group_names_its_tree(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(lambda: run(["library", "-h"])) == 0
    assert "tree" in capsys.readouterr().out


def test_the_tokenizer_inside_a_gguf_file_is_an_entry_without_weights(tmp_path: Path) -> None:
    gguf = pytest.importorskip("gguf")
    writer = gguf.GGUFWriter(tmp_path / "words.gguf", "llama")
    tokens = ["<unk>", *(f"w{i}" for i in range(300))]
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_types([2] + [1] * 300)
    writer.add_token_scores([0.0] * 301)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    added = forebear.library_add([tmp_path / "words.gguf"], into=tmp_path / "lib", about=True)
    assert [one["outcome"] for one in added["items"]] == ["added"]
    (found,) = forebear.library_list(library=tmp_path / "lib")["items"]
    assert found["kind"] == "about"
