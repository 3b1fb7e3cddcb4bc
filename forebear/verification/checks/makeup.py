"""Claims of what a model is made of besides its blocks: experts, labels of a classifier, an adapter's factors, pooling.

Tensors show how many experts and labels there are and the rank of an adapter; how many of the experts take part, an adapter's scale
and how vectors are pooled are settings, so that what differs from them is flagged and never called contradicted (decision 0128).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from forebear.core.errors import RefusedError
from forebear.core.messages import message
from forebear.models.architecture.settings import Settings, read_config
from forebear.verification.checks.blocks import numbers_of
from forebear.verification.claim import Claim, Outcome, Tested, outcome_of
from forebear.verification.subject import Subject

_KEYS = {
    "experts": ("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts", "num_moe_experts",
                "ffn_config.moe_num_experts"),
    "experts_used": ("num_experts_per_tok", "num_experts_per_token", "moe_topk", "moe_top_k", "moe_k", "num_selected_experts",
                     "num_experts_per_topk", "moe_router_topk", "ffn_config.moe_top_k"),
    "labels": ("num_labels", "num_classes"),
}  # fmt: skip
"""Keys of configurations by what they state, as the transformers library and models with code of their own name them."""
_SHARED = ("n_shared_experts", "num_shared_experts", "moe_num_shared_experts")
_ROOTS = ("", "text_config", "llm_config", "language_config")
_CLASSIFIERS = re.compile(r"(?:^|\.)(?:score|classification_head\.out_proj|classifier(?:\.out_proj|\.dense2)?)\.weight$")
"""Matrices whose rows are labels, as the transformers library names them."""
_FACTOR = re.compile(r"^(?:.*\.)?([\w\-]+)\.lora_(?:A|B|embedding_A|embedding_B)(?:\.[\w\-]+)?(?:\.weight)?$")
"""A factor of an adapter, with the module it changes."""
_DOWN = re.compile(r"\.lora_(?:A|embedding_A)(?:\.[\w\-]+)?(?:\.weight)?$")
_BARE = re.compile(r"[~≈]?\s*\d{1,6}\s*(?:experts?|labels?|classes|[个個]|개)?\.?", re.IGNORECASE)
"""A value that is a number and nothing that could make it another."""
_MODULE = re.compile(r"[A-Za-z][\w.]*")
_SHORT = {name: f"{name}_proj" for name in ("q", "k", "v", "o", "gate", "up", "down", "out")}
_ALL = re.compile(r"all[-_ ]?linear|\ball\b|全|모든|すべて|全て", re.IGNORECASE)
_POOLED = {
    "mean": "mean|average|avg|平均|평균", "cls": r"\[?cls\]?|first[- ]token", "max": r"\bmax\b|最大|최대",
    "lasttoken": r"last[-_ ]?token|\blast\b|\[?eos\]?|最后|最後|마지막", "weightedmean": "weighted", "mean_sqrt_len": "sqrt",
}  # fmt: skip
"""Ways to pool by the words for them; keys as sentence-transformers names its settings ("pooling_mode_mean_tokens")."""
_DECIDING = ("experts", "labels", "rank")
"""Kinds that tensors decide."""


def check_made(claim: Claim, subject: Subject) -> Tested:
    """A stated number of experts, labels, or of an adapter's rank or alpha, against tensors and settings."""
    read = numbers_of(claim)
    if not read:
        return outcome_of(claim, Outcome.not_testable, message("shown.no_number"))
    shown, stated = set(_shown(subject, claim)), set(_settings(subject, claim.kind))
    if not shown | stated:
        return outcome_of(claim, Outcome.not_testable, message("shown.no_setting"))
    said = message("shown.setting", counts=[f"{count:,}" for count in sorted(shown | stated)])
    meant = [count for count in shown | stated if any(low <= count <= high for low, high in read)]
    if meant and (not shown or shown & set(meant)):
        return outcome_of(claim, Outcome.borne_out, said)
    decides = claim.kind in _DECIDING and shown and not meant and not subject.other_weights and _BARE.fullmatch(claim.stated)
    every = {count * layers for count in shown for layers in subject.layers.values()}  # of all layers together
    if decides and not any(low <= count <= high for low, high in read for count in every):
        return outcome_of(claim, Outcome.contradicted, said)
    return outcome_of(claim, Outcome.not_shown, said, flagged=True)


def _shown(subject: Subject, claim: Claim) -> Iterator[int]:
    """What the tensors show; a sentence on experts may mean people, so that a model without any contradicts a field alone."""
    if claim.kind == "rank" and subject.adapter:
        yield from _ranks(subject)
    elif claim.kind == "labels" and subject.readable:
        assert subject.checkpoint is not None
        tensors = subject.checkpoint.container.tensors.items()
        yield from (entry.shape[0] for name, entry in tensors if _CLASSIFIERS.search(name) and len(entry.shape) == 2)
    elif claim.kind == "experts" and subject.readable:
        yield from _experts(subject, alone=claim.source.where != "sentence")


def _experts(subject: Subject, *, alone: bool) -> Iterator[int]:
    """Experts of each layer, without and with those that every token goes through; 0 or 1 where no layer has any."""
    assert subject.checkpoint is not None
    held = subject.checkpoint
    routed: dict[int | None, set[int]] = {}
    for piece in held.pieces:
        if piece.part in ("up", "gate", "down") and piece.kind == "matrix" and piece.expert is not None:
            routed.setdefault(piece.layer, set()).add(piece.expert)
    counts = {len(found) for found in routed.values()}
    shared = {int(value) for key in _SHARED if (value := Settings(held.config, _ROOTS).number(key))}
    yield from counts | {count + more for count in counts for more in shared}
    if not counts and alone and any(piece.part == "up" for piece in held.pieces):
        yield from (0, 1)


def _ranks(subject: Subject) -> Iterator[int]:
    """Ranks of an adapter's factors."""
    assert subject.checkpoint is not None
    for name, entry in subject.checkpoint.container.tensors.items():
        if _DOWN.search(name) and len(entry.shape) == 2:
            yield min(entry.shape)


def _settings(subject: Subject, kind: str) -> Iterator[int]:
    if kind in ("rank", "alpha"):
        key = {"rank": "r", "alpha": "lora_alpha"}[kind]
        pattern = subject.adapter_settings.get(f"{kind}_pattern")
        values = [subject.adapter_settings.get(key), *(pattern.values() if isinstance(pattern, Mapping) else ())]
        yield from (int(one) for one in values if isinstance(one, int | float) and not isinstance(one, bool) and one == int(one))
        return
    config: Mapping[str, object] = subject.checkpoint.config if subject.checkpoint is not None else {}
    numbers = (Settings(config, _ROOTS).number(key) for key in _KEYS[kind])
    yield from (int(value) for value in numbers if value is not None and value > 0)
    labels = config.get("id2label")
    if kind == "labels" and isinstance(labels, Mapping) and labels:
        yield len(labels)


def check_targets(claim: Claim, subject: Subject) -> Tested:
    """The modules that an adapter is said to change, against those that its tensors name."""
    if not subject.adapter or subject.checkpoint is None:
        return outcome_of(claim, Outcome.not_testable, message("shown.no_setting"))
    found = (_FACTOR.match(name) for name in subject.checkpoint.container.tensors)
    shown = {one[1] for one in found if one}
    words = [word.rpartition(".")[2] for word in _MODULE.findall(claim.stated)]
    stated = {_SHORT.get(word, word) for word in words}
    stated = {word for word in stated if "_" in word or word in shown}
    if not shown or not stated or _ALL.search(claim.stated):
        return outcome_of(claim, Outcome.not_testable, message("shown.no_setting"))
    said = message("shown.setting", counts=sorted(shown))
    if stated == shown:
        return outcome_of(claim, Outcome.borne_out, said)
    return outcome_of(claim, Outcome.not_shown, said, flagged=True)


def check_pooling(claim: Claim, subject: Subject) -> Tested:
    """How vectors are said to be pooled, against the settings that a sentence encoder keeps beside its weights."""
    try:
        settings = read_config(subject.folder / "1_Pooling" / "config.json")
    except RefusedError:
        settings = {}  # no such settings: then nothing decides it
    shown = {way for way in _POOLED if settings.get(f"pooling_mode_{way}") or settings.get(f"pooling_mode_{way}_tokens")}
    shown |= {"cls"} if settings.get("pooling_mode_cls_token") else set()
    shown |= {"mean_sqrt_len"} if settings.get("pooling_mode_mean_sqrt_len_tokens") else set()
    stated = {way for way, words in _POOLED.items() if re.search(words, claim.stated, re.IGNORECASE)}
    stated -= {"mean"} if stated & {"weightedmean", "mean_sqrt_len"} else set()
    if not shown or not stated:
        return outcome_of(claim, Outcome.not_testable, message("shown.no_setting"))
    said = message("shown.setting", counts=sorted(shown))
    if stated & shown:
        return outcome_of(claim, Outcome.borne_out, said)
    return outcome_of(claim, Outcome.not_shown, said, flagged=True)
