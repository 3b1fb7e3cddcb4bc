"""Each defect of each checkpoint of a training system is refused with its own line, quickly, and nothing is done on the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from forebear.core.errors import RefusedError
from forebear.files.sources import open_container
from tests.hostile.defects_trainers import DEFECTS, SOUND, Files, Link
from tests.hostile.test_containers_hostile import read_everything, refused_at_once

PAIRS = [(reader, defect) for reader, defects in DEFECTS.items() for defect in defects]


def written(folder: Path, files: Files) -> list[str]:
    for name, data in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(data, Link):
            place.symlink_to(data.target)
        else:
            place.write_bytes(data)
    return sorted(str(place) for place in folder.rglob("*"))


@pytest.mark.parametrize(("reader", "defect"), PAIRS, ids=lambda value: value)
def test_each_defect_is_refused_with_its_own_line(tmp_path: Path, reader: str, defect: str) -> None:
    files, message = DEFECTS[reader][defect]
    before = written(tmp_path, files)
    refused_at_once(tmp_path, message)
    assert sorted(str(place) for place in tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", SOUND)
def test_the_same_folder_without_a_defect_is_read(tmp_path: Path, name: str) -> None:
    files, tensors = SOUND[name]
    written(tmp_path, files)
    assert len(open_container(tmp_path).tensors) == tensors
    read_everything(tmp_path)


@pytest.mark.parametrize("name", ["zero", "zero of stage 2"])
def test_parameters_times_ranks_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr("forebear.files.formats.zero.MAX_CUTS", 3)
    written(tmp_path, SOUND[name][0])
    with pytest.raises(RefusedError, match="2 ranks and the parameters make 4 places to look at; at most 3 are"):
        open_container(tmp_path)


@pytest.mark.parametrize("reader", DEFECTS)
def test_every_defect_has_a_message_of_its_own(reader: str) -> None:
    messages = [message for _, message in DEFECTS[reader].values()]
    assert len(set(messages)) == len(messages) >= 12
