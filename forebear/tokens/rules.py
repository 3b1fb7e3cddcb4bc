"""How a tokenizer turns text into tokens, as data: named steps with plain arguments, nothing compiled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from forebear.core.errors import RefusedError


class CannotEncodeError(RefusedError):
    """The file describes a step of encoding that we do not know, so no figure that needs encoding is given."""


class Added(NamedTuple):
    """One entry of tokenizer.json's `added_tokens`.

    normalized: looked for in normalised text, not in the raw one.
    strips:     whether white space before it, and after it, belongs to it; whether it must be a word by itself.
    """

    id: int
    text: str
    normalized: bool
    strips: tuple[bool, bool, bool]


class Rules(NamedTuple):
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


_GGUF_CUTS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("gpt2",): ("gpt-2", "phi-2", "mpt", "olmo", "jais", "jina-es", "jina-de", "jina-v1-en", "jina-v2-es", "jina-v2-de",
                "jina-v2-code", "roberta-bpe", "gigachat", "a.x-4.0", "mellum", "modern-bert", "trillion", "granite-docling"),
    ("each-digit", "gpt2"): ("smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "exaone4", "minerva-7b"),
    ("cl100k",): ("llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2", "dbrx",
                  "smaug-bpe", "glm4", "glm5", "chatglm-bpe"),
    ("qwen",): ("qwen2", "deepseek-r1-qwen", "stablelm2", "hunyuan", "megrez", "solar-open", "grok-2"),
    ("qwen-marks",): ("qwen35",),
    ("o200k",): ("gpt-4o", "llama4", "kanana2", "minimax-m2"),
    ("tekken",): ("tekken",),
    ("line-ends", "letters", "points", "deepseek-han", "each-digit"): ("deepseek-coder",),
    ("deepseek3-digits", "deepseek3-han", "deepseek3-words"): ("deepseek-v3",),
    ("line-ends", "deepseek-words", "deepseek-signs", "last-spaces", "deepseek-han", "digit-runs"): ("deepseek-llm",),
    ("signs-and-ticks", "gpt2", "three-digits"): ("falcon",),
    ("signs", "gpt2", "digit-runs", "three-digits"): ("default",),
}  # fmt: skip
_WHOLE_FIRST = frozenset({"llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2",
                          "glm4", "glm5", "tekken"})  # fmt: skip


def gguf_rules(model: str, pre: str, settings: Mapping[str, Any]) -> Rules | None:
    """How a GGUF file's tokenizer cuts text, by its kind and the name it gives its pre-tokeniser.

    settings: byte_ids, unk, dummy_prefix, remove_extra_spaces and charsmap, for kinds that are spelt in pieces.
    Returns:  None for "bert", whose cleaning the file does not state; rules that no encoder can follow for a name we do not know.
    Source:   the names llama.cpp's converter writes (tokenizer.ggml.pre) and what each stands for in its vocabulary code.
    """
    if model == "bert":
        return None
    if model != "gpt2":
        return Rules(options=(("surface", "pieces"), *settings.items()))
    cuts = next((cuts for cuts, names in _GGUF_CUTS.items() if pre in names), None)
    if cuts is None:
        return Rules(pre_tokenizer={"type": pre}, options=(("surface", "bytes"),))
    return Rules(options=(("surface", "bytes"), ("cut", cuts), ("ignore_merges", pre in _WHOLE_FIRST)))
