"""A sentence model of the owner's, from a local folder: how alike two sentences are in meaning, as one more sign of a link.

The folder is one of sentence-transformers with an ONNX export in it (`onnx/model.onnx` or `model.onnx`, and `tokenizer.json`).
The graph is run by onnxruntime (extra `semantic`); nothing else in the folder is. What a sentence model says is never a finding by
itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from forebear.core.bounded import parse_json, read_bounded
from forebear.core.errors import refusal
from forebear.core.messages import message

Vectors = NDArray[np.float32]
BATCH_TOKENS = 4096
"""Tokens, padding counted, that go through the model at once."""
MOST_TOKENS = 512
"""Longer sentences are cut there, as these models were trained."""
MAX_SETTINGS_BYTES = 2**20
GRAPHS = ("onnx/model.onnx", "model.onnx")


class Embedder(Protocol):
    """Whatever turns sentences into vectors of one length: (n,) texts -> (n, d), each of length 1."""

    def __call__(self, texts: Sequence[str]) -> Vectors: ...


def load_embedder(folder: Path) -> Embedder:
    """The sentence model of a folder.

    Raises: RefusedError when a file of it is missing or cannot be read, or the extra `semantic` is absent.
    """
    graph = next((folder / name for name in GRAPHS if (folder / name).is_file()), None)
    if graph is None or not (folder / "tokenizer.json").is_file():
        raise refusal(
            message("case_refused.no_sentence_model", graphs=" or ".join(GRAPHS)),
            where=str(folder),
            todo=message("case_advice.onnx_folder"),
        )
    runtime, tokenizers = _library("onnxruntime"), _library("tokenizers")
    try:
        options = runtime.SessionOptions()
        options.intra_op_num_threads = 1
        session = runtime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
        tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:  # noqa: BLE001  both libraries raise bare exceptions of their own
        raise refusal(message("case_refused.model_unread", error=str(error)[:200]), where=str(folder)) from None
    if not {"input_ids", "attention_mask"} <= {i.name for i in session.get_inputs()}:
        raise refusal(message("case_refused.no_model_inputs"), where=str(graph))
    tokenizer.enable_truncation(MOST_TOKENS)
    return _Graph(session, tokenizer, _prefix(folder), _first_token(folder), str(graph))


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise refusal(
            message("case_refused.model_library", name=name),
            todo=message("case_advice.install_semantic"),
        ) from error


def _settings(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    found = parse_json(read_bounded(path, MAX_SETTINGS_BYTES), where=str(path))
    return found if isinstance(found, dict) else {}


def _prefix(folder: Path) -> str:
    """What the folder says to put before a text ("query: ")."""
    settings = _settings(folder / "config_sentence_transformers.json")
    prompts = settings.get("prompts")
    said = prompts.get(settings.get("default_prompt_name")) if isinstance(prompts, dict) else ""
    return said if isinstance(said, str) else ""


def _first_token(folder: Path) -> bool:
    """Whether a text's vector is that of its first token, not the mean of all."""
    return _settings(folder / "1_Pooling/config.json").get("pooling_mode_cls_token") is True


class _Graph:
    """An encoder run by onnxruntime: mean of the last layer over the tokens, or its first token, to length 1."""

    def __init__(self, session: Any, tokenizer: Any, prefix: str, first: bool, where: str) -> None:
        self.session, self.tokenizer, self.prefix, self.first, self.where = session, tokenizer, prefix, first, where
        self.names = {i.name for i in session.get_inputs()}

    def __call__(self, texts: Sequence[str]) -> Vectors:
        # equal texts are read once; texts of like length go together, so that little is padding
        once = sorted(dict.fromkeys(texts), key=len)
        found: dict[str, Vectors] = {}
        batch: list[str] = []
        ids: list[list[int]] = []
        for text in once:
            tokens = self.tokenizer.encode(self.prefix + text).ids
            if batch and (len(batch) + 1) * max(len(tokens), *map(len, ids)) > BATCH_TOKENS:
                found.update(zip(batch, self._run(ids), strict=True))
                batch, ids = [], []
            batch.append(text)
            ids.append(tokens)
        if batch:
            found.update(zip(batch, self._run(ids), strict=True))
        return np.stack([found[t] for t in texts]) if texts else np.zeros((0, 1), np.float32)

    def _run(self, ids: Sequence[Sequence[int]]) -> Vectors:
        width = max(map(len, ids))
        given = np.zeros((len(ids), width), np.int64)
        mask = np.zeros_like(given)
        for row, tokens in enumerate(ids):
            given[row, : len(tokens)], mask[row, : len(tokens)] = tokens, 1
        feed = {"input_ids": given, "attention_mask": mask, "token_type_ids": np.zeros_like(given)}
        try:
            hidden = np.asarray(self.session.run(None, {k: v for k, v in feed.items() if k in self.names})[0])
        except Exception as error:  # noqa: BLE001  of onnxruntime, whose errors have no other class in common
            raise refusal(message("case_refused.model_unrun", error=str(error)[:200]), where=self.where) from None
        if hidden.ndim != 3 or hidden.shape[:2] != given.shape or not np.isfinite(hidden).all():
            raise refusal(message("case_refused.no_vectors"), where=self.where)
        vectors = hidden[:, 0] if self.first else (hidden * mask[:, :, None]).sum(1) / mask.sum(1)[:, None]
        return np.asarray(vectors / np.maximum(1e-9, np.linalg.norm(vectors, axis=1, keepdims=True)), np.float32)


def meanings(embed: Embedder, left: Sequence[str], right: Sequence[str]) -> tuple[Vectors, Vectors]:
    """Vectors of both sides without what all their sentences share, each as long as its text has characters.

    A sum of them stands for the sentences together. Taking the mean of a side away makes the likeness of two sentences that say
    different things about 0: raw vectors of such models all point one way.
    """
    return _weighted(embed(left), left), _weighted(embed(right), right)


def _weighted(vectors: Vectors, texts: Sequence[str]) -> Vectors:
    bare = vectors - vectors.mean(axis=0, keepdims=True)
    bare /= np.maximum(1e-9, np.linalg.norm(bare, axis=1, keepdims=True))
    return np.asarray(bare * np.array([[max(1.0, float(len(t)))] for t in texts], np.float32), np.float32)
