"""A refusal accuses only where decision 0025 says that the file proves it; everything else is a contradiction, said as one."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bench.fuzz.weights import Memory
from forebear.core.errors import RefusedError
from forebear.core.messages import Message
from forebear.core.wording import english_words
from forebear.files.bytes.archive import ZipArchive
from forebear.files.bytes.remote import fetch_small
from forebear.files.bytes.remote_http import Client
from forebear.files.formats.safetensors import SafetensorsContainer
from forebear.reports.catalogue import LANGUAGES, catalogue
from tests.files.hub_server import Hub, serve
from tests.files.make import encode_arrays, write
from tests.files.test_quantised import DEFECTS as QUANTISED
from tests.files.test_quantised import dequantised
from tests.hostile.test_containers_hostile import DEFECTS, SUFFIX, read_everything
from tests.hostile.test_headers import DEFECTS as SAFETENSORS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "decisions" / "0025-what-a-contradiction-proves.md"
ROW = re.compile(r"^\| `([\w.]+)` \|.*\| `(advice\.\w+)` \|$", re.MULTILINE)
PROVED = dict(ROW.findall(PAGE.read_text("utf-8")))
"""Key of a finding -> the advice that may follow it."""
ACCUSING = {"advice.damaged", "advice.by_hand"}
WORDS = {
    "en": r"damage|mislead|tamper|forged|malicious|suspicious|hostile|do not trust|do not use it|by hand",
    "zh-Hans": "损坏|篡改|恶意|伪造|误导|可疑|不要使用",
    "zh-Hant": "損壞|篡改|竄改|惡意|偽造|誤導|可疑|不要使用",
    "ja": "壊れ|改竄|悪意|偽造|欺|疑わし|使わず、",
}


def keys_in(said: Message) -> Iterator[str]:
    """The key of a message and of every message in it."""
    yield said.key
    for value in said.values.values():
        if isinstance(value, Message):
            yield from keys_in(value)


def read_quantised(path: Path) -> None:
    """Every tensor of a file, quantised ones decoded."""
    opened, _ = dequantised(SafetensorsContainer(path), {})
    for tensor in opened.tensors:
        opened.read(tensor)


def refusals(tmp_path: Path) -> Iterator[tuple[str, RefusedError]]:
    """The refusal of every hostile file there is."""
    files = [(f"{kind}: {name}", data, SUFFIX[kind]) for kind, found in DEFECTS.items() for name, (data, _) in found.items()]
    files += [(f"safetensors: {name}", data, ".safetensors") for name, (data, _) in SAFETENSORS.items()]
    for at, (name, data, suffix) in enumerate(files):
        path = tmp_path / f"m{at}{suffix}"
        path.write_bytes(data)
        with pytest.raises(RefusedError) as caught:
            read_everything(path)
        yield name, caught.value
    for at, (name, found) in enumerate(QUANTISED.items()):
        path = write(tmp_path / f"q{at}", encode_arrays(found[0]))
        with pytest.raises(RefusedError) as caught:
            read_quantised(path)
        yield f"quantised: {name}", caught.value
    with serve(Hub({"config.json": b"{}"}, linked="0" * 64)) as hub, pytest.raises(RefusedError) as caught:
        fetch_small(Client(hub.address), hub.file("config.json"))
    yield "remote: another digest", caught.value


def test_every_hostile_file_is_accused_of_what_it_proves_and_of_nothing_else(tmp_path: Path) -> None:
    met: set[str] = set()
    count = 0
    for name, error in refusals(tmp_path):
        count += 1
        assert error.said is not None, (name, str(error))
        assert error.advice is not None or not error.todo, (name, str(error))
        proved = {PROVED[key] for key in keys_in(error.said) if key in PROVED}
        advice = error.advice.key if error.advice is not None else ""
        assert advice not in ACCUSING or advice in proved, (name, str(error))
        if advice in ACCUSING:
            met |= set(keys_in(error.said)) & set(PROVED)
        else:
            assert re.search(WORDS["en"], str(error).replace(error.where, "")) is None, (name, str(error))
    assert met == set(PROVED)
    assert count > 300


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_other_words_of_a_refusal_accuse(language: str) -> None:
    words = catalogue(language).words
    accusing = {key for key in english_words() if re.search(WORDS[language], words[key], re.IGNORECASE)}
    assert accusing == ACCUSING


def ordinary() -> list[bytes]:
    """Archives as programs write them: stored, deflated, streamed (sizes after the data), numpy's."""
    made = []
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", method) as archive:
            archive.writestr("m/data.pkl", b"\x80\x02}." * 9)
            archive.writestr("m/data/0", bytes(40))
        made.append(out.getvalue())
    out = io.BytesIO()
    np.savez(out, a=np.zeros(3), b=np.ones(2))
    made.append(out.getvalue())
    stream = io.BytesIO()
    stream.seekable = lambda: False  # type: ignore[method-assign]
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a.txt", b"hello " * 5)
        archive.writestr("b.txt", b"more")
    return [*made, stream.getvalue()]


def advice_for(data: bytes) -> str:
    """Key of the advice on an archive whose members are all read; "" when nothing is refused."""
    try:
        archive = ZipArchive(Memory(data, "m.zip"))
        for member in archive.members.values():
            archive.read(member)
    except RefusedError as error:
        return error.advice.key if error.advice is not None else "none"
    return ""


def test_no_single_damaged_byte_of_an_ordinary_archive_is_called_made_by_hand() -> None:
    found = []
    for data in ordinary():
        assert advice_for(data) == ""
        for at in range(len(data)):
            for value in {data[at] ^ 1, data[at] ^ 0x80, 0, 0xFF} - {data[at]}:
                found.append(advice_for(data[:at] + bytes([value]) + data[at + 1 :]))
    assert "advice.by_hand" not in found
    assert found.count("advice.again") > 1000
    assert found.count("advice.damaged") > 100
