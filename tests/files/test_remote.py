"""Checkpoints at an address: header first, pieces side by side, every rule of who may be asked what kept."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

import forebear
from forebear.core.errors import RefusedError
from forebear.core.seeds import generator
from forebear.files.bytes import remote_http, remote_wire
from forebear.files.sources import open_container
from forebear.models.checkpoint import open_checkpoint
from tests.files.hub_server import COMMIT, Hub, cut, serve, status

DEMO = Path(forebear.__file__).parent / "demo_data"
WEIGHTS = {f"layer.{i}.weight": generator("tests/files/remote", i).normal(size=(300, 400)).astype(np.float32)
           for i in range(4)}  # fmt: skip


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("HF_TOKEN", "HF_ENDPOINT", "HF_HUB_OFFLINE", "HF_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(remote_http, "pause", lambda seconds: None)


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serve(Hub({"model.safetensors": save(WEIGHTS), "config.json": b'{"model_type": "none"}'})) as running:
        yield running


def same(container, expected=WEIGHTS) -> None:
    assert set(container.tensors) == set(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(container.read(name), array)
        np.testing.assert_array_equal(container.take(name, [299, 0, 7]), array[[299, 0, 7]])


def test_opening_costs_the_header_alone_and_values_are_those_of_the_file(hub: Hub) -> None:
    container = open_container(hub.file("model.safetensors"))
    assert hub.ranges() == 2  # the address and where it leads
    assert container.bytes_read == 65_536
    assert hub.sent == 65_536
    same(container)
    assert container.header_digest


def test_an_address_that_lost_a_slash_as_a_path_is_understood(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    same(open_container(Path(hub.file("model.safetensors"))))
    monkeypatch.setenv("HF_ENDPOINT", hub.address)
    same(open_container(Path("hf://org/name@main")))


def test_the_address_is_resolved_once(hub: Hub) -> None:
    same(open_container(hub.file("model.safetensors")))
    assert sum("/resolve/" in seen.path for seen in hub.seen) == 1


def test_many_rows_are_fetched_side_by_side_within_the_limit(hub: Hub) -> None:
    big = {"w": np.arange(4_000_000, dtype=np.float32).reshape(4000, 1000)}
    hub.files = {"model.safetensors": save(big)}
    container = open_container(hub.file("model.safetensors"))
    hub.latency = 0.05
    rows = np.arange(0, 4000, 100)
    np.testing.assert_array_equal(container.take("w", rows), big["w"][rows])
    assert 4 <= hub.busiest <= 16
    assert len(hub.seen) <= 2 + len(rows)


@pytest.mark.parametrize(
    "fault", [status(429, Retry_After="1"), status(500), status(502), status(503), status(504), cut]
)
def test_failures_that_pass_are_tried_again(hub: Hub, fault) -> None:
    hub.faults = [fault, fault]
    container = open_container(hub.file("model.safetensors"))
    hub.faults = [fault, fault, fault]
    same(container)


def test_a_server_that_never_recovers_is_given_up(hub: Hub) -> None:
    hub.faults = [status(503)] * 20
    with pytest.raises(RefusedError, match="the server answers 503, 6 times"):
        open_container(hub.file("model.safetensors"))
    assert len(hub.faults) == 14


def test_a_signed_address_that_runs_out_is_resolved_again(hub: Hub) -> None:
    hub.signed_uses = 2
    same(open_container(hub.file("model.safetensors")))
    assert sum("/resolve/" in seen.path for seen in hub.seen) > 1


def test_the_token_goes_to_its_own_host_only(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "secret")
    monkeypatch.setenv("HF_ENDPOINT", hub.address)
    same(open_container("hf://org/name"))
    own, other = f"127.0.0.1:{hub.port}", f"localhost:{hub.port}"
    assert {seen.host for seen in hub.seen} == {own, other}
    assert {seen.token for seen in hub.seen if seen.host == own} == {"Bearer secret"}
    assert {seen.token for seen in hub.seen if seen.host == other} == {None}


def test_the_token_is_not_sent_to_an_address_that_is_not_the_hub(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "secret")
    same(open_container(hub.file("model.safetensors")))
    assert {seen.token for seen in hub.seen} == {None}


@pytest.mark.parametrize(("address", "message"), [
    ("http://example.invalid/model.safetensors", "is not https"),
    ("ftp://example.invalid/model.safetensors", "no kind of address"),
    ("https://user:word@example.invalid/m", "holds a name or password"),
    ("https:///m", "is no address"),
    ("https://example.invalid/a b", "is no address"),
    ("hf://org", "is no hub address"),
    ("hf://org/name@../..", "is no hub address"),
    ("hf://../name", "is no hub address"),
])  # fmt: skip
def test_an_address_that_may_not_be_asked_is_refused_before_anything_is_sent(
    address: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_wire, "connect", lambda *_: pytest.fail("connected"))
    with pytest.raises(RefusedError, match=message):
        open_container(address)


def whole(handler) -> bool:
    handler.reply(200, bytes(100))
    return True


def wrong_part(handler) -> bool:
    handler.reply(206, bytes(100), {"Content-Range": "bytes 5-104/100000"})
    return True


def no_part(handler) -> bool:
    handler.reply(206, bytes(100))
    return True


def squeezed(handler) -> bool:
    handler.reply(206, bytes(100), {"Content-Range": "bytes 0-99/100", "Content-Encoding": "gzip"})
    return True


def endless(handler) -> bool:
    handler.reply(206, bytes(70_000), {"Content-Range": "bytes 0-65535/99999"})
    return True


@pytest.mark.parametrize(("fault", "message"), [
    (whole, "sends the whole file where a part was asked for"),
    (wrong_part, "does not send the first bytes"),
    (no_part, "does not say which part"),
    (squeezed, "does not say which part"),
    (endless, "sends 70,000 bytes where at most 65,536"),
    (status(401), "needs a token"),
    (status(404), "is not there"),
    (status(418), "answers 418"),
])  # fmt: skip
def test_an_answer_that_is_none_is_refused(hub: Hub, fault, message: str) -> None:
    hub.faults = [fault]
    with pytest.raises(RefusedError, match=message):
        open_container(hub.file("model.safetensors"))


def test_a_file_that_changes_between_pieces_is_refused(hub: Hub) -> None:
    container = open_container(hub.file("model.safetensors"))
    hub.etag = "two"
    with pytest.raises(RefusedError, match="changed while it was being read"):
        container.read("layer.2.weight")


@pytest.mark.parametrize(("place", "message"), [
    ("http://example.invalid/x", "is not https"), ("file:///etc/passwd", "is no address"),
    ("https://user@example.invalid/", "holds a name"),
])  # fmt: skip
def test_a_redirect_to_what_may_not_be_asked_is_not_followed(hub: Hub, place: str, message: str) -> None:
    def fault(handler) -> bool:
        handler.reply(302, b"", {"Location": place})
        return True

    hub.redirect, hub.faults = "", [fault]
    with pytest.raises(RefusedError, match=message):
        open_container(hub.file("model.safetensors"))


def test_redirects_without_end_are_given_up(hub: Hub) -> None:
    def fault(handler) -> bool:
        handler.reply(302, b"", {"Location": hub.file("model.safetensors")})
        return True

    hub.redirect, hub.faults = "", [fault] * 20
    with pytest.raises(RefusedError, match="redirects more than 5 times"):
        open_container(hub.file("model.safetensors"))


def test_a_repository_is_opened_at_the_commit_it_lists(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", hub.address)
    hub.files = {f: (DEMO / "base" / f).read_bytes() for f in ("model.safetensors", "config.json", "tokenizer.json")
                 if (DEMO / "base" / f).exists()}  # fmt: skip
    checkpoint = open_checkpoint("hf://org/name@main")
    plain = open_checkpoint(DEMO / "base")
    assert (checkpoint.family, checkpoint.layers) == (plain.family, plain.layers)
    assert all(f"/resolve/{COMMIT}/" in seen.path for seen in hub.seen if "/resolve/" in seen.path)
    for name in plain.container.tensors:
        np.testing.assert_array_equal(checkpoint.container.read(name), plain.container.read(name))


def sharded(hub: Hub) -> None:
    halves = [dict(list(WEIGHTS.items())[:2]), dict(list(WEIGHTS.items())[2:])]
    names = [f"model-0000{i}-of-00002.safetensors" for i in (1, 2)]
    index = {"weight_map": {tensor: names[i] for i, half in enumerate(halves) for tensor in half}}
    hub.files = {names[0]: save(halves[0]), names[1]: save(halves[1]),
                 "model.safetensors.index.json": json.dumps(index).encode()}  # fmt: skip


def test_shards_are_opened_through_their_index(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    sharded(hub)
    same(open_container(hub.file("model.safetensors.index.json")))
    monkeypatch.setenv("HF_ENDPOINT", hub.address)
    same(open_container("hf://org/name"))


@pytest.mark.parametrize("name", ["../x.safetensors", "/etc/passwd", "https://example.invalid/x", "a\\b", ".hidden"])
def test_an_index_may_name_files_beside_it_only(hub: Hub, name: str) -> None:
    hub.files = {"model.safetensors.index.json": json.dumps({"weight_map": {"w": name}}).encode()}
    with pytest.raises(RefusedError, match="not a file name inside its folder"):
        open_container(hub.file("model.safetensors.index.json"))


def cached(home: Path, files: dict[str, bytes]) -> Path:
    repository = home / "hub" / "models--org--name"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(COMMIT)
    place = repository / "snapshots" / COMMIT
    place.mkdir(parents=True)
    (repository / "blobs").mkdir()
    for i, (name, data) in enumerate(files.items()):
        (repository / "blobs" / str(i)).write_bytes(data)
        (place / name).symlink_to(Path("..") / ".." / "blobs" / str(i))
    return repository


def test_offline_the_cache_is_read_and_nobody_asked(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", hub.address)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(RefusedError, match="is not in the cache"):
        open_container("hf://org/name")
    repository = cached(tmp_path / "home", {"model.safetensors": save(WEIGHTS)})
    same(open_container("hf://org/name@main"))
    same(open_container(f"hf://org/name@{COMMIT}"))
    same(open_container(repository))
    assert hub.seen == []


def test_a_commit_that_is_in_the_cache_is_read_there(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", hub.address)
    cached(tmp_path / "home", {"model.safetensors": save(WEIGHTS)})
    same(open_container("hf://org/name"))
    assert hub.ranges() == 0
    shutil.rmtree(tmp_path / "home")
    same(open_container("hf://org/name"))
    assert hub.ranges() > 0


def test_a_listing_that_is_none_and_a_repository_without_weights_are_refused(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"{hub.address}/nowhere")
    with pytest.raises(RefusedError, match="is not there"):
        open_container("hf://org/name")
    monkeypatch.setenv("HF_ENDPOINT", hub.address)
    hub.files = {"README.md": b""}
    with pytest.raises(RefusedError, match="without weights"):
        open_container("hf://org/name")
    hub.files = {"a.gguf": b"", "b.gguf": b""}
    with pytest.raises(RefusedError, match="2 weight files and no index"):
        open_container("hf://org/name")


def test_a_gguf_or_a_packed_file_is_read_at_its_address_too(hub: Hub, tmp_path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "m.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.safetensors", save(WEIGHTS))
    hub.files = {"m.zip": (tmp_path / "m.zip").read_bytes()}
    same(open_container(hub.file("m.zip")))


def test_a_remote_descendant_is_related_to_its_remote_base(monkeypatch: pytest.MonkeyPatch) -> None:
    hubs = [Hub({p.name: p.read_bytes() for p in (DEMO / which).iterdir()}) for which in ("base", "descendant")]
    with serve(hubs[0]) as base, serve(hubs[1]) as descendant:
        document = forebear.compare(descendant.file("model.safetensors"), [base.file("model.safetensors")])
    assert document["verdict"]["relation"] == "related"


@pytest.mark.parametrize("address", ["https://someone:secret@example.org/m", "https://secret@example.org/m?a=secret"])
def test_a_password_in_an_address_is_refused_and_never_shown(address: str) -> None:
    with pytest.raises(RefusedError, match="holds a name or password") as told:
        open_container(address)
    assert "secret" not in str(told.value)
    assert "example.org/m" in str(told.value)


def test_an_endpoint_that_is_no_address_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "hub.example.org")
    with pytest.raises(RefusedError, match="HF_ENDPOINT"):
        open_container("hf://org/name@main")
