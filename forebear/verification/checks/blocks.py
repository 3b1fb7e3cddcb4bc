"""Claims of how the blocks of a model are made: heads, width of the MLP, context, rotation, activation.

Tensors show the width of an MLP and, with a configuration, how rows are shared out among heads. All else is a statement of the
configuration beside the weights: what differs from it is flagged and never called contradicted (decision 0094).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any

from forebear.core.messages import message
from forebear.models.architecture.settings import Settings
from forebear.verification.checks.sizes import LONGEST_LOOSE
from forebear.verification.claim import Claim, Outcome, Tested, outcome_of
from forebear.verification.readers.activations import activation_in
from forebear.verification.readers.grammar import figures_of
from forebear.verification.subject import Subject

_KEYS = {
    "heads": ("num_attention_heads", "n_head", "n_heads", "num_heads", "encoder_attention_heads", "decoder_attention_heads"),
    "kv_heads": ("num_key_value_heads", "num_kv_heads", "n_kv_heads", "n_head_kv", "num_query_groups"),
    "head_size": ("head_dim", "attention_head_dim", "d_kv", "kv_channels", "v_head_dim", "qk_nope_head_dim"),
    "mlp_width": ("intermediate_size", "n_inner", "ffn_dim", "d_ff", "ffn_hidden_size", "moe_intermediate_size", "encoder_ffn_dim",
                  "decoder_ffn_dim"),
    "context": ("max_position_embeddings", "n_positions", "n_ctx", "max_sequence_length", "max_seq_len", "max_seq_length",
                "seq_length", "model_max_length", "sliding_window", "original_max_position_embeddings",
                "rope_scaling.original_max_position_embeddings"),
    "rope_base": ("rope_theta", "rotary_emb_base", "rope_parameters.rope_theta", "rope_local_base_freq", "rotary_base",
                  "rope_parameters.full_attention.rope_theta", "rope_parameters.sliding_attention.rope_theta"),
}  # fmt: skip
"""Keys of configurations by what they state, as the transformers library names them."""
_ACTIVATIONS = ("hidden_act", "activation_function", "hidden_activation", "feed_forward_proj", "activation")
_POSITIONAL_OFFSET = 2
"""Rows that some families keep at the head of a learned table of positions."""
_UNITS = {"k": 1e3, "千": 1e3, "천": 1e3, "m": 1e6, "万": 1e4, "萬": 1e4, "만": 1e4}
_FIGURE = re.compile(
    r"(?<![A-Za-z\d.])(\d{1,3}(?:[,_]\d{3})+|\d+(?:\.\d+)?(?:e\d{1,2})?)(?:[- ]?([km千천万萬만])(?![a-z]))?(?![\d.]*\d)",
    re.IGNORECASE,
)
_ARITHMETIC = re.compile(r"\d\s*(?:\*{1,2}|//|<<)\s*[\w(]|\d\s+if\s")
"""A sum of a program, whose figures are no size by themselves."""
_ARROW = re.compile(r"→|->")
"""Between widths, the one in the middle that of the MLP."""
_WORDS = re.compile(r"\w")


def facts_of(subject: Subject, kind: str) -> set[int]:
    """Every number that the tensors or the configuration give for a kind; empty where they say nothing."""
    checkpoint = subject.checkpoint
    if checkpoint is None:
        return set()
    roots = checkpoint.definition.roots if checkpoint.definition is not None else ("", "text_config", "llm_config")
    found: set[int] = set()
    for config in (checkpoint.config, *(subject.settings if kind == "context" else ())):
        numbers = (Settings(config, roots).number(key) for key in _KEYS[kind])
        found |= {int(value) for value in numbers if value is not None and value == int(value) and value > 0}
    return found | set(_SHOWN[kind](subject, found))


def _heads(subject: Subject, found: set[int]) -> Iterator[int]:
    """Groups of rows of the query, where the family's definition could share them out."""
    for atoms in list(_queries(subject))[:1]:
        if "kv_head" in atoms:
            yield atoms["kv_head"] * atoms.get("group", 1)


def _kv_heads(subject: Subject, found: set[int]) -> Iterator[int]:
    for atoms in _queries(subject):
        if "kv_head" in atoms:
            yield atoms["kv_head"]


def _head_size(subject: Subject, found: set[int]) -> Iterator[int]:
    for atoms in _queries(subject):
        yield from (size for name, size in atoms.items() if name in ("qk", "rope", "value", "head") and "kv_head" in atoms)


def _mlp_width(subject: Subject, found: set[int]) -> Iterator[int]:
    """Neurons of the matrices that go into the MLP, of one expert and of all together."""
    for piece in subject.checkpoint.pieces if subject.checkpoint is not None else ():
        if piece.part in ("up", "gate", "shared_up", "shared_gate") and piece.kind == "matrix" and piece.has("neuron"):
            yield piece.size("neuron")


def _context(subject: Subject, found: set[int]) -> Iterator[int]:
    """Rows of a learned table of positions, with and without those before the first position; a stretched context."""
    for piece in subject.checkpoint.pieces if subject.checkpoint is not None else ():
        if piece.part == "positions" and piece.has("position"):
            yield from (piece.size("position"), piece.size("position") - _POSITIONAL_OFFSET)
    scaling = subject.checkpoint.config.get("rope_scaling") if subject.checkpoint is not None else None
    factor = scaling.get("factor") if isinstance(scaling, Mapping) else None
    if isinstance(factor, int | float) and not isinstance(factor, bool) and 1 <= factor <= 2**20:
        yield from [int(one * factor) for one in found]


def _nothing(subject: Subject, found: set[int]) -> Iterator[int]:
    return iter(())


_SHOWN: Mapping[str, Callable[[Subject, set[int]], Iterator[int]]] = {
    "heads": _heads, "kv_heads": _kv_heads, "head_size": _head_size, "mlp_width": _mlp_width, "context": _context,
    "rope_base": _nothing,
}  # fmt: skip


def _queries(subject: Subject) -> Iterator[Mapping[str, int]]:
    """The atoms of the first query and value matrices with their sizes."""
    pieces = subject.checkpoint.pieces if subject.checkpoint is not None else ()
    for part in ("q", "v"):
        piece = next((one for one in pieces if one.part == part and one.kind == "matrix"), None)
        if piece is not None:
            yield dict(zip(chain(*piece.atoms), chain(*piece.sizes), strict=True))


def check_block(claim: Claim, subject: Subject) -> Tested:
    """A stated number of heads, width of an MLP, length of context or base of the rotation against tensors and configuration."""
    read = numbers_of(claim)
    if not read:
        return outcome_of(claim, Outcome.not_testable, message("shown.no_number"))
    shown = facts_of(subject, claim.kind) if subject.readable else set()
    if not shown:
        return outcome_of(claim, Outcome.not_testable, message("shown.no_setting"))
    said = message("shown.setting", counts=[f"{count:,}" for count in sorted(shown)])
    if any(low <= count <= high for low, high in read for count in shown):
        return outcome_of(claim, Outcome.borne_out, said)
    return outcome_of(claim, Outcome.not_shown, said, flagged=True)


def numbers_of(claim: Claim) -> list[tuple[int, int]]:
    """What a text may mean, from and to: the figures of its kind, else all where it holds nothing but figures, else the first."""
    text = claim.stated.strip()
    if len(text) > LONGEST_LOOSE or _ARITHMETIC.search(text):
        return []
    said = [value for kind, value in figures_of(text) if kind == claim.kind]
    found = list(_FIGURE.finditer(text))
    if len(found) > 2 and len(said) < 2:
        said = [one[0] for one in found]  # of a sentence any figure may be meant
    if not said and found:
        several = _ARROW.search(text) or not _WORDS.search(_FIGURE.sub(" ", text))
        said = [one[0] for one in (found if several else found[:1])]
    return [range_ for one in said if (range_ := _range(claim.kind, one)) is not None]


def _range(kind: str, stated: str) -> tuple[int, int] | None:
    """The numbers that a figure stands for: itself, or with a unit what rounds to it; a length "32K" may be counted in 1,024."""
    found = _FIGURE.fullmatch(stated.strip().lower())
    if found is None:
        return None
    value = float(found[1].replace(",", "").replace("_", "")) * _UNITS.get(found[2] or "", 1)
    if found[2] is None:
        return (int(value), int(value)) if value == int(value) else None
    half = 10.0 ** -len(found[1].partition(".")[2]) / 2 * _UNITS[found[2]]
    most = (value + half) * (1.024 if _UNITS[found[2]] == 1e3 else 1.048576) if kind == "context" else value + half
    return int(value - half), int(most)


def check_activation(claim: Claim, subject: Subject) -> Tested:
    """A stated activation function against the configuration's; tensors do not show which one it is."""
    stated = activation_in(claim.stated)
    config: Mapping[str, Any] = subject.checkpoint.config if subject.checkpoint is not None else {}
    roots = ("", "text_config")
    named = [value for key in _ACTIVATIONS if (value := Settings(config, roots).text(key))]
    held = {activation_in(value.replace("-", " ")) for value in named} - {""}
    if not stated:
        return outcome_of(claim, Outcome.not_testable, message("shown.no_activation"))
    if not held:
        return outcome_of(claim, Outcome.not_testable, message("shown.no_setting"))
    said = message("shown.setting", counts=sorted(named))
    if stated in held:
        return outcome_of(claim, Outcome.borne_out, said)
    return outcome_of(claim, Outcome.not_shown, said, flagged=True)
