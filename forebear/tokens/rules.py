"""How a tokenizer turns text into tokens, as data: named steps with plain arguments, nothing compiled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from forebear.core.errors import RefusedError


class CannotEncodeError(RefusedError):
    """The file describes a step of encoding that we do not know, so no figure that needs encoding is given."""


@dataclass(frozen=True)
class Rules:
    """What the file says about encoding.

    normalizer, pre_tokenizer: the file's own descriptions, checked JSON values, not yet understood.
    pattern:  the splitting expression as text, never compiled from the file.
    options:  the model's settings (byte_fallback, unk id, continuation prefix, longest word).
    """

    normalizer: Any = None
    pre_tokenizer: Any = None
    pattern: str | None = None
    options: tuple[tuple[str, Any], ...] = ()

    def option(self, name: str, default: Any = None) -> Any:
        """One setting of the model, or the default."""
        return dict(self.options).get(name, default)


_DIGITS = {"type": "Digits", "individual_digits": True}
_GPT2 = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}
_GGUF_CUTS = {
    "llama-bpe": "cl100k",
    "llama3": "cl100k",
    "qwen2": "qwen",
    "gpt-4o": "o200k",
    "tekken": "tekken",
    "gpt-2": "gpt2",
    "default": "gpt2",
}


def gguf_rules(model: str, pre: str, *, add_space_prefix: bool = True) -> Rules | None:
    """How a GGUF file's tokenizer cuts text, by its kind and the name it gives its pre-tokeniser; None for one we do not know.

    Source: the names llama.cpp's converter writes (tokenizer.ggml.pre) and what each stands for in its vocabulary code.
    """
    if model == "gpt2" and pre in ("smollm", "starcoder", "refact", "command-r"):
        return Rules(
            pre_tokenizer={"type": "Sequence", "pretokenizers": [_DIGITS, _GPT2]}, options=(("surface", "bytes"),)
        )
    if model == "gpt2" and pre in _GGUF_CUTS:
        options = (
            ("surface", "bytes"),
            ("cut", _GGUF_CUTS[pre]),
            ("ignore_merges", pre in ("llama-bpe", "llama3", "tekken")),
        )
        return Rules(options=options)
    if model == "llama":
        spaces = (("charsmap", b""), ("remove_extra_spaces", False), ("dummy_prefix", add_space_prefix))
        return Rules(options=(("surface", "pieces"), *spaces))
    return None
