"""What a quick comparison reads of an 8 GB checkpoint, at an address 40 ms away: bytes, requests and time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from forebear.files.base import Container, spread_rows
from forebear.files.bytes import remote_http
from forebear.files.sources import open_container
from tests.files.hub_server import Hub, serve
from tests.files.virtual import Virtual

LATENCY = 0.04
BUDGET, REQUESTS = 64 * 2**20, 200


def plan(container: Container) -> list[tuple[str, np.ndarray]]:
    """Embedding rows, the first neurons and values of every layer, and every gain: a comparison's reads."""
    wanted = [("model.embed_tokens.weight", spread_rows(container, "model.embed_tokens.weight", 128_256, 1000))]
    for layer in range(36):
        base = f"model.layers.{layer}"
        wanted += [(f"{base}.mlp.{part}_proj.weight", np.arange(48)) for part in ("gate", "up")]
        wanted += [(f"{base}.self_attn.v_proj.weight", np.arange(32))]
        wanted += [
            (f"{base}.{gain}.weight", np.arange(3072)) for gain in ("input_layernorm", "post_attention_layernorm")
        ]
    return wanted


def run(hub: Hub, *, ahead: bool) -> tuple[float, Container]:
    begin = time.perf_counter()
    container = open_container(hub.file("model.safetensors"))
    wanted = plan(container)
    if ahead:
        container.prefetch(wanted)
    for name, rows in wanted:
        container.take(name, rows)
    return time.perf_counter() - begin, container


@pytest.fixture
def far() -> Iterator[Hub]:
    data = Virtual(1, tile=64)
    assert len(data) > 8 * 10**9
    data[len(data.head) : len(data.head) + 64 * 2**16]  # make the tile before the clock runs
    with serve(Hub({"model.safetensors": data}, latency=LATENCY)) as hub:
        yield hub


def test_an_8_gb_checkpoint_costs_few_requests_and_bytes_side_by_side(far: Hub) -> None:
    _, container = run(far, ahead=True)
    assert container.bytes_read <= BUDGET
    assert far.sent <= BUDGET
    assert len(far.seen) <= REQUESTS
    assert 8 <= far.busiest <= 16  # how long that lasts depends on the machine; see the slow test


@pytest.mark.slow
def test_an_8_gb_checkpoint_costs_an_eighth_of_the_serial_time(far: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    fast = min(run(far, ahead=True)[0] for _ in range(3))
    monkeypatch.setattr(remote_http, "IN_FLIGHT", 1)
    slow, _ = run(far, ahead=False)
    assert slow >= 8 * fast, (slow, fast)


def test_rows_at_an_address_come_in_runs_and_on_disk_one_by_one(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"w": np.zeros((5000, 64), np.float32)}, tmp_path / "m.safetensors")
    local = open_container(tmp_path / "m.safetensors")
    single = spread_rows(local, "w", 5000, 100)
    assert len(single) == 100
    assert np.diff(single).min() > 1
    with serve(Hub({"model.safetensors": (tmp_path / "m.safetensors").read_bytes()})) as hub:
        runs = spread_rows(open_container(hub.file("model.safetensors")), "w", 5000, 100)
    assert len(runs) == 100
    assert (np.diff(runs) == 1).sum() >= 98
