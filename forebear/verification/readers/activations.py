"""Activation functions that a card names."""

from __future__ import annotations

import re

_FUNCTIONS = {
    "gelu": "gelu", "gelunew": "gelu", "gelufast": "gelu", "gelupytorchtanh": "gelu", "gelutanh": "gelu", "quickgelu": "gelu",
    "geglu": "gelu", "silu": "silu", "swish": "silu", "swiglu": "silu",
    "relu": "relu", "reglu": "relu",
    "relu2": "relu2", "squaredrelu": "relu2", "tanh": "tanh", "mish": "mish",
}  # fmt: skip
"""Functions by their names in small letters and digits, as the transformers library and papers write them; a gated form under the
function that it gates with."""
_NAMES = (
    r"(?:swi-?glu|ge-?glu|re-?glu|squared[- ]relu|relu\^?2|relu²|quick[-_]?gelu"
    r"|gelu(?:[-_](?:new|fast|pytorch_tanh|tanh))?|silu|swish|relu|mish)"
)
_NOUN = r"(?:activations?(?: functions?)?|non-?linearit(?:y|ies)|激活函[数數]|激活|活性化(?:関数)?|활성화?(?: ?함수)?)"
_GATED = r"(?:swi-?glu|ge-?glu|re-?glu)"
_LINKS = r"(?:(?:of|is|are|was|used|uses|with|using|as|the|has|采用|使用|为|為|は|に|には|는|은|로)\s*)*"
_SAID = re.compile(
    rf"(?<![A-Za-z])({_NAMES})(?:[- ](?:based|gated|style))?[\s'\"”)）の]*(?:的|を|의|as (?:the |its |an )?|作[为為])?\s*{_NOUN}"
    rf"|{_NOUN}[\s:：=(（]*{_LINKS}({_NAMES})(?![A-Za-z])"
    rf"|(?:mlp|ffn|feed-?forward|intermediate|inner)[\w\- ]{{0,24}}[(（\[]\s*({_NAMES})(?![A-Za-z])"
    rf"|(?:前[馈饋]|フィードフォワード|피드포워드)[^,，。;；、\d]{{0,12}}?({_NAMES})(?![A-Za-z])"
    rf"|(?<![A-Za-z])({_GATED})(?![A-Za-z])",
    re.IGNORECASE,
)
_BARE = re.compile(rf"(?<![A-Za-z]){_NAMES}(?![A-Za-z])", re.IGNORECASE)
_BESIDE = re.compile(
    r"RoPE|rotary|RMS-?Norm|LayerNorm|layer normali[sz]ation|\b(?:GQA|MHA|MLP|FFN)\b|grouped[- ]query|feed-?forward", re.IGNORECASE
)
"""Other parts of blocks; a function named in their company is that of the blocks."""


MOST_WORDS = 2
"""Words of a line that holds a function and next to nothing else ("Uses GELU")."""


def activation_in(text: str) -> str:
    """The one activation function that a text names; "" for none or several.

    >>> activation_in("SwiGLU (gated)"), activation_in("ReLU or GELU"), activation_in("gelu_pytorch_tanh")
    ('silu', '', 'gelu')
    """
    plain = text.lower().replace("²", "2").replace("^2", "2")
    named = [re.sub(r"[^a-z0-9]", "", word) for word in re.findall(rf"(?<![a-z]){_NAMES}(?![a-z])|(?<![a-z])tanh(?![a-z])", plain)]
    found = {_FUNCTIONS[word] for word in named if word in _FUNCTIONS}
    return found.pop() if len(found) == 1 else ""


def activation_of(text: str) -> str:
    """The activation function that a sentence says is used, as it writes it; "" for none.

    >>> activation_of("Blocks with RMSNorm and SwiGLU"), activation_of("It uses GELU activations"), activation_of("The ReLU paper")
    ('SwiGLU', 'GELU', '')
    """
    found = _SAID.search(text)
    if found is None and (_BESIDE.search(text) or len(text.split()) <= MOST_WORDS):
        bare = {one[0].lower(): one[0] for one in _BARE.finditer(text)}
        return next(iter(bare.values())) if len(bare) == 1 else ""
    return next((group for group in found.groups() if group), "") if found else ""
