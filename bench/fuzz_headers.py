"""Mutated headers thrown at every parser: nothing but a refusal may come back, within a second and 256 MB.

Run: python -m bench.fuzz_headers [inputs per parser] [--parser NAME]. Results: bench/results/fuzz-headers.json.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from forebear.core.errors import RefusedError
from forebear.files.base import Container

RESULTS = Path(__file__).parent / "results" / "fuzz-headers.json"
SEED = 20250901
HANG_SECONDS, GROWTH_MEGABYTES = 1.0, 256
_EDGES = (0, 1, 2, 3, 7, 8, 9, 31, 32, 63, 64, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**16, 2**31 - 1, 2**31, 2**32 - 1,
          2**32, 2**62, 2**63 - 1, 2**63, 2**64 - 1)  # fmt: skip


class Memory:
    """Bytes in memory as a byte source."""

    def __init__(self, data: bytes, name: str) -> None:
        self._data, self.path, self.size, self.bytes_read = data, Path(name), len(data), 0

    def read(self, offset: int, count: int) -> bytearray:
        """See ByteSource.read; what is not there is refused, as a file would."""
        if offset < 0 or count < 0 or offset + count > self.size:
            raise RefusedError("read past the end", where=str(self.path))
        return bytearray(self._data[offset : offset + count])

    def read_into(self, offset: int, target: memoryview) -> None:
        """See ByteSource.read_into."""
        target[:] = self.read(offset, len(target))

    def read_parts(self, parts: Iterable[tuple[int, memoryview]]) -> None:
        """See ByteSource.read_parts."""
        for offset, target in parts:
            self.read_into(offset, target)

    def release(self) -> None:
        """Nothing is held."""

    def close(self) -> None:
        """Nothing is held."""


def _walk(container: Container) -> None:
    """Read a little of what was opened: the first rows of a few tensors that are small enough."""
    for name, entry in list(container.tensors.items())[:3]:
        if entry.parameters <= 4096:
            container.rows(name, 0, 2)
            container.take(name, [0] if entry.shape and entry.shape[0] else [])


def _opened(module: str, function: str, name: str) -> Callable[[bytes], None]:
    def parse(data: bytes) -> None:
        opener = getattr(__import__(f"forebear.files.formats.{module}", fromlist=[function]), function)
        _walk(opener(Memory(data, name), None))

    return parse


def _safetensors(data: bytes) -> None:
    from forebear.files.formats.safetensors import SafetensorsContainer

    _walk(SafetensorsContainer(Path("m.safetensors"), file=Memory(data, "m.safetensors")))


def _pickle(data: bytes) -> None:
    from forebear.files.formats.pickles import read_pickle
    from forebear.files.formats.torch_tensors import find_tensors, place_tensors

    found = find_tensors(read_pickle(data, where="m.pt"), "m.pt")
    place_tensors(found.tensors, {"0": (0, 4096)}, "m.pt")


def _index(data: bytes) -> None:
    from forebear.files.formats.joined import read_index

    read_index(data, "m.index.json")


PARSERS: dict[str, Callable[[bytes], None]] = {
    "safetensors": _safetensors,
    "gguf": _opened("gguf", "open_gguf", "m.gguf"),
    "zip": _opened("archive_open", "open_archive", "m.zip"),
    "pickle": _pickle,
    "torch legacy": _opened("torch_container", "open_torch", "m.pt"),
    "npy": _opened("npz", "open_npy", "m.npy"),
    "onnx": _opened("onnx", "open_onnx", "m.onnx"),
    "index": _index,
}


def seeds(parser: str) -> list[bytes]:
    """Files to start from: sound ones and every known defect, small ones only."""
    from tests.hostile import defects_gguf, defects_npz, defects_onnx, defects_torch, defects_zip
    from tests.hostile.test_headers import DEFECTS, GOOD

    legacy = [data for data, _ in defects_torch.DEFECTS.values() if data.startswith(defects_torch.MAGIC)]
    found = {
        "safetensors": [GOOD, *(data for data, _ in DEFECTS.values())],
        "gguf": [defects_gguf.GOOD, *(data for data, _ in defects_gguf.DEFECTS.values())],
        "zip": [defects_torch.GOOD, defects_npz.GOOD, *(data for data, _ in defects_zip.DEFECTS.values())],
        "pickle": [defects_torch.W, *_pickles()],
        "torch legacy": [defects_torch.GOOD_LEGACY, *legacy],
        "npy": [defects_npz.npy(), *(data for data, _ in defects_npz.ARRAY_DEFECTS.values())],
        "onnx": [defects_onnx.GOOD, *(data for data, _ in defects_onnx.DEFECTS.values())],
        "index": [json.dumps({"metadata": {}, "weight_map": {f"l.{i}": "a-1.safetensors" for i in range(9)}}).encode()],
    }[parser]
    return [data for data in found if 0 < len(data) <= 4096]


def _pickles() -> list[bytes]:
    """The pickles inside the hostile PyTorch files."""
    from tests.hostile import defects_torch

    found = []
    for data, _ in defects_torch.DEFECTS.values():
        begin = data.find(b"data.pkl") + 8
        end = data.find(b"PK\3\4", begin)
        if data[:2] == b"PK" and begin < end:
            found.append(data[begin:end])
    return found


def mutated(rng: random.Random, pool: list[bytes]) -> bytes:
    """One input: a seed changed in one to six places, now and then joined with another seed."""
    data = bytearray(pool[0] if rng.random() < 0.4 else rng.choice(pool))  # the first is sound
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(data) + 1)
        how = rng.randrange(8)
        if how == 0 and data:
            data[at % len(data)] ^= 1 << rng.randrange(8)
        elif how == 1 and data:
            data[at % len(data)] = rng.randrange(256)
        elif how == 2:
            size = rng.choice((1, 2, 4, 8))
            data[at : at + size] = (rng.choice(_EDGES) & (2 ** (8 * size) - 1)).to_bytes(size, "little")
        elif how == 3:
            del data[at : at + rng.randint(1, 16)]
        elif how == 4:
            data[at:at] = data[at : at + rng.randint(1, 32)]
        elif how == 5:
            data[at:at] = rng.randbytes(rng.randint(1, 8))
        elif how == 6:
            other = rng.choice(pool)
            begin = rng.randrange(len(other))
            data[at:at] = other[begin : begin + rng.randint(1, 64)]
        else:
            del data[at:]
    return bytes(data[:8192])


@dataclass
class Outcome:
    """What a run over one parser found. accepted: inputs that were opened; slowest: seconds of one input."""

    parser: str
    inputs: int = 0
    accepted: int = 0
    slowest: float = 0.0
    growth_megabytes: float = 0.0
    seconds: float = 0.0
    crashes: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """No crash, no hang, no growth."""
        return not self.crashes and self.slowest <= HANG_SECONDS and self.growth_megabytes <= GROWTH_MEGABYTES


def fuzz(parser: str, inputs: int, seed: int = SEED) -> Outcome:
    """Throw `inputs` mutations at a parser; at most five crashes are kept, each with its input in hexadecimal."""
    rng, pool, parse = random.Random(f"{seed}/{parser}"), seeds(parser), PARSERS[parser]
    outcome = Outcome(parser)
    before, started = _peak_megabytes(), time.perf_counter()
    for data in _stream(rng, pool, inputs):
        begin = time.process_time()
        try:
            parse(data)
            outcome.accepted += 1
        except RefusedError:
            pass
        except Exception as error:  # noqa: BLE001 - any other error is what is looked for
            if len(outcome.crashes) < 5:
                outcome.crashes.append(f"{type(error).__name__}: {error} <- {data.hex()}")
        outcome.slowest = max(outcome.slowest, time.process_time() - begin)
        outcome.inputs += 1
    outcome.seconds = round(time.perf_counter() - started, 1)
    outcome.growth_megabytes = round(_peak_megabytes() - before, 1)
    outcome.slowest = round(outcome.slowest, 4)
    return outcome


def _stream(rng: random.Random, pool: list[bytes], inputs: int) -> Iterable[bytes]:
    yield from pool
    for _ in range(inputs):
        yield mutated(rng, pool)


def _peak_megabytes() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def main(arguments: list[str]) -> int:
    """Run every parser in a process of its own and record what was found; 1 when a parser is not sound."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("inputs", type=int, nargs="?", default=1_000_000)
    options.add_argument("--parser", choices=list(PARSERS))
    chosen = options.parse_args(arguments)
    if chosen.parser:
        outcome = fuzz(chosen.parser, chosen.inputs)
        print(json.dumps(asdict(outcome)))
        return 0 if outcome.sound else 1
    found = []
    for parser in PARSERS:
        command = [sys.executable, "-m", "bench.fuzz_headers", str(chosen.inputs), "--parser", parser]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        found.append(json.loads(done.stdout) if done.stdout else {"parser": parser, "crashes": [done.stderr[-500:]]})
        print(f"{parser}: {done.stdout.strip() or done.stderr[-500:]}", file=sys.stderr)
        bounds = {"seconds": HANG_SECONDS, "megabytes": GROWTH_MEGABYTES}
        RESULTS.write_text(json.dumps({"seed": SEED, "bounds": bounds, "parsers": found}, indent=1) + "\n")
    return 0 if all(not outcome["crashes"] for outcome in found) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
