"""A checkpoint packed in a zip or wheel reads as if it were unpacked, in memory and one level deep."""

from __future__ import annotations

import io
import json
import random
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save, save_file

import forebear
from forebear.core.errors import RefusedError
from forebear.core.seeds import generator
from forebear.files.bytes.access import PositionedFile
from forebear.files.bytes.archive_inflate import InflatedFile
from forebear.files.sources import open_container
from forebear.models.checkpoint import open_checkpoint
from tests.said import said as english

DEMO = Path(forebear.__file__).parent / "demo_data"
METHODS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]


def pack(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def weights() -> dict[str, np.ndarray]:
    rng = generator("tests/files/archive", 0)
    return {f"layer.{i}": rng.normal(size=(40, 30)).astype(np.float32) for i in range(4)}


@pytest.mark.parametrize("method", METHODS)
def test_a_packed_safetensors_file_is_read_in_place(tmp_path: Path, method: int) -> None:
    expected = weights()
    path = pack(tmp_path / "m.whl", {"pkg/__init__.py": b"boom()", "pkg/model.safetensors": save(expected)}, method)
    container = open_container(path)
    assert container.kind == "safetensors"
    for name, array in expected.items():
        np.testing.assert_array_equal(container.read(name), array)
    np.testing.assert_array_equal(container.take("layer.2", [39, 0]), expected["layer.2"][[39, 0]])
    assert any("'pkg/model.safetensors'" in sentence for sentence in english(container.odd))


def test_configuration_and_tokenizer_come_from_the_same_archive(tmp_path: Path) -> None:
    members = {f"pkg/data/{p.name}": p.read_bytes() for p in sorted((DEMO / "base").iterdir())}
    checkpoint = open_checkpoint(pack(tmp_path / "m.whl", members))
    plain = open_checkpoint(DEMO / "base")
    assert (checkpoint.family, checkpoint.layers) == (plain.family, plain.layers)
    assert dict(checkpoint.config) == dict(plain.config)


def test_a_packed_copy_is_identical(tmp_path: Path) -> None:
    members = {p.name: p.read_bytes() for p in sorted((DEMO / "base").iterdir())}
    document = forebear.compare(pack(tmp_path / "m.zip", members), [DEMO / "base"])
    assert document["verdict"]["relation"] == "identical"


def test_several_none_or_nested_are_refused(tmp_path: Path) -> None:
    one = save(weights())
    with pytest.raises(RefusedError, match="an archive with 2 checkpoints inside"):
        open_container(pack(tmp_path / "a.zip", {"a.safetensors": one, "b.safetensors": one}))
    with pytest.raises(RefusedError, match="an archive without a checkpoint inside"):
        open_container(pack(tmp_path / "b.zip", {"readme.txt": b"hello"}))
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("model.safetensors", one)
    with pytest.raises(RefusedError, match="an archive within the archive"):
        open_container(pack(tmp_path / "c.zip", {"model.bin": inner.getvalue()}))


def test_training_leftovers_do_not_make_an_archive_ambiguous(tmp_path: Path) -> None:
    path = pack(tmp_path / "m.zip", {"model.safetensors": save(weights()), "training_args.bin": b"\x80\x02."})
    assert len(open_container(path).tensors) == 4


@pytest.fixture(scope="module")
def long_stream(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Path]:
    """Twenty megabytes that compress a little, and their raw deflate stream in a file."""
    data = generator("tests/files/archive/long", 0).integers(0, 200, 20_000_000, dtype=np.uint8).tobytes()
    squeeze = zlib.compressobj(1, zlib.DEFLATED, -15)
    path = tmp_path_factory.mktemp("stream") / "stream"
    path.write_bytes(squeeze.compress(data) + squeeze.flush())
    return data, path


def test_a_deflated_member_reads_anywhere_in_any_order(long_stream: tuple[bytes, Path]) -> None:
    data, path = long_stream
    source = InflatedFile(PositionedFile(path), len(data), zlib.crc32(data))
    rng = random.Random(5)
    places = [(0, 10), (len(data) - 5, 5), (3, 0), *((rng.randrange(len(data) - 9999), 9999) for _ in range(40))]
    for offset, count in places:
        assert bytes(source.read(offset, count)) == data[offset : offset + count]
    assert bytes(source.read(0, len(data))) == data
    with pytest.raises(RefusedError, match="ends at byte 20,000,000"):
        source.read(len(data) - 1, 2)


def test_a_deflated_member_that_lies_about_itself_is_refused(long_stream: tuple[bytes, Path]) -> None:
    data, path = long_stream
    crc = zlib.crc32(data)
    with pytest.raises(RefusedError, match=r"unpacks to 20,000,000 bytes, 20,000,010 were declared"):
        InflatedFile(PositionedFile(path), len(data) + 10, crc).read(0, len(data) + 10)
    with pytest.raises(RefusedError, match="checksum"):
        InflatedFile(PositionedFile(path), len(data), crc ^ 1).read(0, len(data))
    short = InflatedFile(PositionedFile(path), len(data) - 300_000, crc)
    with pytest.raises(RefusedError, match="more than the"):
        short.read(0, len(data) - 300_000)


def test_a_folder_of_weights_beside_an_archive_still_prefers_safetensors(tmp_path: Path) -> None:
    save_file(weights(), tmp_path / "model.safetensors")
    pack(tmp_path / "other.zip", {"x.txt": b""})
    (tmp_path / "config.json").write_text(json.dumps({}))
    assert open_container(tmp_path).paths == (tmp_path / "model.safetensors",)
