"""Claims of number types: the type stated against the type stored and the grid that the values lie on (METHODS §16)."""

from __future__ import annotations

import re
from dataclasses import replace

from forebear.core.messages import message
from forebear.files.views.quantised import QuantisedContainer
from forebear.verification.claim import Claim, Outcome, Tested, outcome_of
from forebear.verification.subject import Subject

_WORDS = {
    "F32": ("float32", "fp32", "f32", "float", "fp32full", "single", "singleprecision"),
    "F16": ("float16", "fp16", "f16", "half", "halfprecision"),
    "BF16": ("bfloat16", "bf16"),
    "F64": ("float64", "fp64", "f64", "double"),
    "F8_E4M3": ("float8e4m3fn", "fp8", "f8e4m3", "float8e4m3"),
    "I8": ("int8", "i8", "8bit", "w8a8"),
    "I4": ("int4", "4bit", "nf4", "q4", "w4a16"),
}
_TOKENS = re.compile(
    r"\b(?:bfloat[- ]?16|bf16|float[- ]?(?:16|32|64)|fp[- ]?(?:16|32|64|8)|f(?:16|32|64)|half|single)\b", re.IGNORECASE
)
_BITS = {"F64": 64, "F32": 32, "F16": 16, "BF16": 16, "F8_E4M3": 8, "I8": 8, "I4": 4}
_PLAIN = ("F32", "F16", "BF16", "F64")
_STORED_AS_CODES = ("gptq", "awq")
"""Methods whose checkpoints always hold codes; a configuration for bitsandbytes may be a wish for loading."""


def type_of(text: str) -> str:
    """The tag of a stated number type; "" for words that are none."""
    text = re.sub(r"\((?:safetensors|weights|tensors)\)|\b(?:safetensors|weights|tensors)\b", "", text.lower())
    plain = re.sub(r"[^a-z0-9]", "", text.strip().removeprefix("torch."))
    return next((tag for tag, words in _WORDS.items() if plain in words), "")


def loose_type(text: str) -> str:
    """The tag of the one number type that a longer text names ("safetensors, bf16 (native)"); "" for none or several."""
    found = {type_of(re.sub(r"[- ](?=\d)", "", word)) for word in _TOKENS.findall(text)} - {""}
    return found.pop() if len(found) == 1 else ""


def check_dtype(claim: Claim, subject: Subject) -> Tested:
    """A type that weights are said to be stored in. Contradicted: another type is stored, and the values do not fit it either."""
    tag, stored = type_of(claim.stated), subject.dtypes
    if not tag and (tag := loose_type(claim.stated)):
        claim = replace(claim, decided=False)
    if not tag:
        return outcome_of(claim, Outcome.not_testable, message("shown.no_type"))
    if subject.checkpoint is None or not stored:
        return outcome_of(claim, Outcome.not_testable, message("shown.no_shapes"))
    said = message("shown.stored", names=sorted(stored))
    if tag in stored:
        return outcome_of(claim, Outcome.borne_out, said)
    if tag not in _PLAIN or any(dtype not in _PLAIN for dtype in stored):
        return outcome_of(claim, Outcome.not_shown, said)
    if subject.other_weights:  # which the claim may be about
        return outcome_of(claim, Outcome.not_shown, said, message("shown.more_weights"), flagged=True)
    if all(_BITS[dtype] < _BITS[tag] for dtype in stored):
        return outcome_of(claim, Outcome.contradicted, said, message("shown.narrower"))
    outside = [grid for grid in subject.grids if tag not in grid]
    if outside:
        off = message("shown.off_grid", count=len(outside), of=len(subject.grids), name=tag)
        return outcome_of(claim, Outcome.contradicted, said, off)
    if subject.grids:
        return outcome_of(claim, Outcome.borne_out, said, message("shown.on_grid", name=tag))
    return outcome_of(claim, Outcome.not_shown, said)


def check_load_dtype(claim: Claim, subject: Subject) -> Tested:
    """The type of a configuration, in which weights are to be loaded: never contradicted by how they are stored."""
    tag, stored = type_of(claim.stated), subject.dtypes
    if not tag or not stored:
        return outcome_of(claim, Outcome.not_testable, message("shown.no_type"))
    said = message("shown.stored", names=sorted(stored))
    return outcome_of(claim, Outcome.borne_out if tag in stored else Outcome.not_shown, said)


def check_bits(claim: Claim, subject: Subject) -> Tested:
    """A quantisation that a configuration states: codes are there, or plain numbers stand in their place."""
    if subject.checkpoint is None:
        return outcome_of(claim, Outcome.not_testable, message("shown.no_shapes"))
    container = subject.checkpoint.container
    types = {entry.dtype for entry in container.tensors.values()}
    said = message("shown.stored", names=sorted(types))
    if isinstance(container, QuantisedContainer) or subject.checkpoint.undecoded or not types <= set(_PLAIN):
        return outcome_of(claim, Outcome.borne_out, said, message("shown.codes"))
    if claim.stated.lower() in _STORED_AS_CODES:
        return outcome_of(claim, Outcome.contradicted, said, message("shown.no_codes"))
    return outcome_of(claim, Outcome.not_shown, said, message("shown.no_codes"))
