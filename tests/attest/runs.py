"""A small training run and its chain, for tests: two layers of llama, twenty-four steps of AdamW in numpy's place of text."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import forebear
from forebear.attest.initialiser import initial_weights
from forebear.attest.recording import commit
from forebear.recipes.steps.model import write_safetensors

CONFIG: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 48, "intermediate_size": 96,
    "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 128, "hidden_act": "silu",
    "rms_norm_eps": 1e-5, "max_position_embeddings": 32, "initializer_range": 0.02, "tie_word_embeddings": False,
    "_name_or_path": "/home/somebody/secret-project",
}  # fmt: skip
ROUND = "drand:99999999"
"""A round that is public in 2033."""
PAST = "drand:20000000"
BEFORE = 1_700_000_000.0
"""A moment before the round PAST, which is public since July 2025."""
VALUE = "ab" * 32
Weights = dict[str, np.ndarray]


def adam(start: Weights, steps: Sequence[tuple[float, float]], seed: int) -> Weights:
    """Steps of AdamW (0.9, 0.999) on the loss of a random linear teacher: each step's gradient is part drift, part noise.

    steps: (rate, decay). Nothing is learnt; what matters here is that values move as an optimiser moves them.
    """
    draws = np.random.Generator(np.random.PCG64(seed))
    drift = {n: draws.standard_normal(a.shape) for n, a in start.items()}
    values = {n: a.astype(np.float64) for n, a in start.items()}
    first, second = ({n: np.zeros(a.shape) for n, a in start.items()} for _ in range(2))
    for t, (rate, decay) in enumerate(steps, 1):
        for name, value in values.items():
            gradient = 0.3 * drift[name] + draws.standard_normal(value.shape)
            first[name] = 0.9 * first[name] + 0.1 * gradient
            second[name] = 0.999 * second[name] + 0.001 * gradient**2
            if value.ndim == 2:
                value *= 1 - rate * decay
            value -= rate * first[name] / (1 - 0.9**t) / (np.sqrt(second[name] / (1 - 0.999**t)) + 1e-8)
    return {n: v.astype(np.float32) for n, v in values.items()}


def announced(folder: Path, seed_from: str = PAST, name: str = "commitment.json") -> Path:
    """A commitment that was announced before its round was public."""
    path = folder / name
    path.write_bytes(plain(at(BEFORE, folder, seed_from)))
    return path


def at(now: float, folder: Path, seed_from: str, value: str | None = None) -> Any:
    """A commitment made at another time."""
    return commit(folder, seed_from, initialiser=None, value=value, announced=None, weights=None, now=now)


class Kept:
    """A run being recorded in a folder: its commitment, its chain, and the checkpoints by number."""

    def __init__(self, folder: Path, *, committed: bool = True, seed: int | None = None) -> None:
        self.folder, self.run, self.shown = folder, folder / "run", []
        self.run.mkdir(parents=True)
        (folder / "config.json").write_text(json.dumps(CONFIG), "utf-8")
        self.commitment: Path | None = None
        if committed:
            self.commitment = announced(folder)
            document = forebear.attest_commit(folder, seed_from=PAST, value=VALUE, commitment=self.commitment)
            self.commitment.write_bytes(plain(document))
            seed = document["seed"]["seed"]
        self.start = initial_weights(CONFIG, seed or 0)
        self.log: list[tuple[int, float, float]] = []

    def save(self, step: int, weights: Weights) -> Path:
        """Write a checkpoint and record it."""
        place = self.folder / f"checkpoint-{len(self.shown)}"
        place.mkdir()
        write_safetensors(place / "model.safetensors", weights)
        (place / "config.json").write_text(json.dumps(CONFIG), "utf-8")
        log = self.folder / "log.csv"
        log.write_text("step,lr,weight_decay\n" + "".join(f"{s},{r},{d}\n" for s, r, d in self.log), "utf-8")
        more = {} if self.shown or self.commitment is None else {"commitment": self.commitment}
        forebear.attest_record(self.run, step, place, log=log, **more)
        self.shown.append(place)
        return place

    def verify(self, **more: Any) -> Any:
        """The attestation with every checkpoint shown."""
        return forebear.attest_verify(self.run, self.shown[-1], checkpoints=self.shown[:-1], **more)


def plain(document: Any) -> bytes:
    """A document as JSON bytes."""
    from forebear.core.documents import canonical_json

    return canonical_json(document)


def honest(
    folder: Path,
    *,
    rate: float = 1e-4,
    decay: float = 0.1,
    change: Callable[[int, Weights], Weights] | None = None,
    **more: Any,
) -> Kept:
    """Four records, six steps apart; change: what is done to the weights of a record before it is saved."""
    kept = Kept(folder, **more)
    weights = kept.start
    kept.save(0, weights)
    for number in range(1, 4):
        steps = [(rate, decay)] * 6
        weights = adam(weights, steps, 100 + number)
        kept.log += [(6 * (number - 1) + k, rate, decay) for k in range(6)]
        weights = change(number, weights) if change else weights
        kept.save(6 * number, weights)
    return kept


def states(document: Any) -> dict[str, str]:
    """Line → state; of a line that stands twice the worse."""
    order = ("proven", "not-proven", "unexplained", "contradicted")
    found: dict[str, str] = {}
    for line in (*document["proves"], *document["does_not_prove"]):
        found[line["line"]] = max(found.get(line["line"], "proven"), line["state"], key=order.index)
    return found
