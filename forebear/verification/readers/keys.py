"""What a key of code or of a configuration means, by the words it is made of: "ffn_hidden_dim", "kvNumHeads", "llama.block_count".

No list of keys is complete, and keys are made of few words: what is measured (heads, layers, an MLP), how (a number, a size),
and whose (the model, the decoder). A key is read where every one of its words is known; any other word may make it another matter.
"""

from __future__ import annotations

import re
from functools import cache

from forebear.models.architecture.registry import index


def words_set(words: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(words.split())


_PARTS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
LONGEST_WORD = 24
"""Letters of a word that is looked at for two."""
_COUNT = words_set("n num nb nr no nums number numbers count counts total of cnt c")
_SIZE = words_set("dim dims dimension dimensions size sizes width units channels d features len length")
_WHOSE = words_set(
    "model cfg config self args hparams params transformer decoder encoder text lm llm gpt net network default the "
    "a in language backbone main target src tgt arch architecture hf stack max "
    "maximum"
)
"""Words that say whose a figure is, or how far it goes, and not of what it is."""
_ATTENTION = words_set("attention attn att self mha multi multihead")
_HEADS = words_set("head heads nhead nheads headers")
_KV = words_set("kv key value keys values gqa k v")
_GROUPS = words_set("group groups")
_QUERY = words_set("q query queries")
_MLP = words_set("ff ffn mlp feedforward feed forward intermediate inner dff dffn fc filter swiglu expansion nff")
_ALONE = words_set("dff dffn nff")
_LAYERS = words_set("layer layers block blocks depth nlayer nlayers nblocks stacks decoders encoders")
_HIDDEN = words_set("hidden hid embd embed embedding emb residual latent dmodel nembd channel state states")
_TOKENS = words_set("token tokens tok")
_VOCABULARY = words_set("vocab vocabulary voc nvocab dict dictionary ntoken ntokens vocabs")
_CONTEXT = words_set("context ctx seq seqlen sequence position positions pos maxlen nctx window source input")
_ROTATION = words_set("rope rotary rot")
_BASE = words_set("theta base freq frequency freqs period")
_FUNCTION = words_set("act activation activations nonlinearity actfn")
_FUNCTIONS_OF = words_set("fn func function type name hidden non linearity layer")
_EXPERTS = words_set("expert experts moe")
_TAKEN = words_set("topk active activate activated activates used select selected chosen")
"""Words for the experts that a token goes through."""
_PARAMETERS = words_set("param params parameter parameters nparams")
_TYPES = words_set("dtype precision")
_TYPES_OF = words_set("torch param params weight weights storage stored checkpoint tensor")
_SAID = {
    "head_size": "kv channels|d k|d v|d h|d kv|qk head dim|"
    "size per head|hidden size per head|n embd head|attention key size|attention key length",
    "context": "block size|max len|max length|model max length|max seq|max pos emb|max window length|bptt",
    "rope_base": "theta|base freq|freq base|base frequency|rope max wavelength|rope wavelength|"
    "rope max timescale|rope timescale|max timescale",
    "vocabulary": "num embeddings|num tokens|n tokens|n token",
    "experts_used": "router topk|router top k|moe k|k experts",
    "activation": "non linearity",
    "kv_heads": "multi query group num",
    "mlp_width": "n inner|d inner",
    "width": "emsize|em size|width|units|d model|dim model|model dim|model width|n dim|dim|hidden",
    "parameters": "model size",
    "layers": "layer num",
    "": "block|window|source|input|position|embedding|head|state size",
}
"""Keys whose words say less, or something else, than the key; "" for those that may be anything."""
_SAID_BY = {key: kind for kind, keys in _SAID.items() for key in keys.split("|")}


def words_of_key(key: str) -> list[str]:
    """The words of a key, without the names of what holds it.

    >>> words_of_key("numKVHeads"), words_of_key("llama.attention.head_count_kv"), words_of_key("--ffn-hidden-size")
    (['num', 'kv', 'heads'], ['attention', 'head', 'count', 'kv'], ['ffn', 'hidden', 'size'])
    """
    holders = key.strip("-").split(".")
    words = [[part for word in _PARTS.findall(one.replace("-", "_")) for part in _unglued(word.lower())] for one in holders]
    return [*(word for one in words[1:-1] for word in one), *words[-1]] if len(words) > 1 else words[0]


@cache
def _known() -> frozenset[str]:
    """Words of three letters and more that keys are made of."""
    known = (_COUNT, _SIZE, _WHOSE, _ATTENTION, _HEADS, _KV, _GROUPS, _QUERY, _MLP, _LAYERS, _HIDDEN, _TOKENS, _VOCABULARY,
             _CONTEXT, _ROTATION, _BASE, _FUNCTION, _EXPERTS, _TAKEN, _PARAMETERS, _TYPES)  # fmt: skip
    return frozenset(word for words in known for word in words if len(word) > 2)


@cache
def _unglued(word: str) -> tuple[str, ...]:
    """The two words that one is made of, where it is none itself and both are known; of a letter before it only n and d are kept.

    >>> _unglued("headdim"), _unglued("nhidden"), _unglued("elayers"), _unglued("dropout")
    (('head', 'dim'), ('n', 'hidden'), ('layers',), ('dropout',))
    """
    if word in _known() or not 4 <= len(word) <= LONGEST_WORD:
        return (word,)
    for at in range(1, len(word) - 2):
        first, last = word[:at], word[at:]
        if last in _known() and (first in _known() or first in ("n", "d", "a", "e")):
            return (last,) if first in ("a", "e") else (first, last)
    return (word,)


@cache
def kind_of_key(key: str) -> str | None:
    """What a key means where all of its words are known; None for any other.

    >>> [kind_of_key(one) for one in ("ffn_hidden_dim", "numKVHeads", "attn_head_dim", "n_layer", "encoder_embed_dim", "lora_dim")]
    ['mlp_width', 'kv_heads', 'head_size', 'layers', 'width', None]
    """
    words = words_of_key(key)
    plain = " ".join(words)
    if plain in _SAID_BY:
        return _SAID_BY[plain] or None
    held = frozenset(words) - _WHOSE - _families()
    least = frozenset(words)
    return next((kind for kind, fits in _RULES if fits(held, least)), None)


_FACTORS = words_set(
    "scaling scale ratio factor multiple mult multiplier rate prob init std eps epsilon bias norm type interval every start end id "
    "ids index coef coeff loss weight decay"
)
"""Words that make a key another matter than what its nouns count."""
_SIDEWAYS: tuple[tuple[frozenset[str], frozenset[str], tuple[str, ...]], ...] = (
    (words_set("hidden hid"), _SIZE | _COUNT | words_set("state states"), ("width", "mlp_width")),
    (words_set("size"), words_set("layer layers"), ("layers", "width", "mlp_width")),
    (words_set("block"), frozenset(), ("layers", "context")),
    (words_set("dim dims width"), words_set("block"), ("width",)),
    (words_set("blocks"), frozenset(), ("layers",)),
    (words_set("size"), words_set("head heads"), ("head_size", "heads")),
    (words_set("head"), frozenset(), ("heads", "head_size")),
    (words_set("local"), _COUNT | words_set("head heads"), ("heads", "kv_heads")),
    (words_set("top topk"), words_set("k router moe") | _COUNT, ("experts_used",)),
    (_MLP | words_set("filters"), _SIZE | _COUNT | words_set("hidden dim"), ("mlp_width",)),
    (words_set("input in"), _SIZE, ("width", "context")),
    (words_set("output out"), words_set("dim dims dimension size"), ("width",)),
    (words_set("linear"), words_set("units dim dims size"), ("mlp_width",)),
    (_HIDDEN - words_set("hidden hid state states layer"), _SIZE | _COUNT, ("width",)),
    (words_set("token tokens"), _SIZE | _COUNT, ("vocabulary", "context")),
    (words_set("window source position positions pos sequence seq context ctx input text sentence"), _SIZE | _COUNT, ("context",)),
    (words_set("kv group groups"), _COUNT | words_set("head heads"), ("kv_heads",)),
    (_QUERY, _COUNT | words_set("head heads"), ("heads",)),
    (words_set("words word symbols"), _COUNT | words_set("size"), ("vocabulary",)),
    (words_set("units"), frozenset(), ("width", "mlp_width")),
    (frozenset(), words_set("dim dims dimension d width channels"), ("width",)),
    (frozenset(), words_set("len length"), ("context",)),
)
"""Words that a key may be made of, words that it may hold besides, and the kinds that it may then be of beside other keys."""


def is_factor(key: str) -> bool:
    """Whether a key is for a share, a rate or the like of what it names: "feed_forward_scaling"."""
    return bool(_FACTORS & set(words_of_key(key)))


@cache
def kinds_of_key(key: str, unsaid: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """All kinds that a key may be of beside other keys, the likeliest first. unsaid: first words that say nothing in its block.

    >>> [kinds_of_key(one) for one in ("hidden_dim", "block", "n_layer", "top_k")]
    [('width', 'mlp_width'), ('layers', 'context'), ('layers',), ('experts_used',)]
    >>> kinds_of_key("GPT_FF", frozenset({"gpt"})), kinds_of_key("learning_rate")
    (('mlp_width',), ())
    """
    words = words_of_key(key)
    if words and words[0] in unsaid:
        words = words[1:]
    if not words:
        return ()
    sure = kind_of_key("_".join(words))
    held = frozenset(words) - (_WHOSE - words_set("max maximum"))
    longest = bool(held & {"max", "maximum"})
    held -= {"max", "maximum"}
    if held == {"size"}:
        return ("context",) if longest else ()
    for must, may, kinds in _SIDEWAYS:
        if held <= must | may and (held & must or (not must and held)) and (must or longest or "context" not in kinds):
            return kinds if sure is None or sure in kinds else (sure,)
    return (sure,) if sure is not None else ()


@cache
def _families() -> frozenset[str]:
    """Words that people call families by: of what a model's figure is, and not what it counts."""
    called = (word for entry in index() for name in entry.called for word in words_of_key(name))
    return frozenset(word for word in called if word.isalpha())


def _only(held: frozenset[str], *known: frozenset[str]) -> bool:
    """Whether all words are among those that are known."""
    return held <= frozenset().union(*known)


def _is_kv_heads(held: frozenset[str], words: frozenset[str]) -> bool:
    grouped = bool(held & _GROUPS) and bool(held & (_KV | _QUERY))
    return bool((held & _HEADS and held & _KV) or grouped) and _only(held, _HEADS, _KV, _GROUPS, _QUERY, _COUNT, _ATTENTION)


def _is_head_size(held: frozenset[str], words: frozenset[str]) -> bool:
    sized = held & (_SIZE - {"len", "length"}) or {"k", "v"} & held
    return bool(held & {"head", "heads"} and sized) and _only(held, _HEADS, _SIZE, _ATTENTION, _QUERY, _KV, words_set("per n embd"))


def _is_heads(held: frozenset[str], words: frozenset[str]) -> bool:
    several = held & (_HEADS - {"head"}) or ("head" in held and held & _COUNT)
    return bool(several) and _only(held, _HEADS, _COUNT, _ATTENTION, _QUERY)


def _is_mlp(held: frozenset[str], words: frozenset[str]) -> bool:
    how = held & (_SIZE | _HIDDEN | _ALONE | _COUNT | {"units"}) or words & {"model"}
    return bool(held & _MLP and how) and _only(held, _MLP, _SIZE, _HIDDEN, _COUNT - {"total"}, words_set("hid proj up"))


def _is_layers(held: frozenset[str], words: frozenset[str]) -> bool:
    sized = held & {"size", "dim", "width", "length", "len"}
    return bool(held & _LAYERS) and not sized and _only(held, _LAYERS, _COUNT, words_set("hidden attention attn blocks"))


def _is_vocabulary(held: frozenset[str], words: frozenset[str]) -> bool:
    known = words_set("tokenizer padded output embedding orig token tokens bpe base")
    return bool(held & _VOCABULARY) and _only(held, _VOCABULARY, _COUNT, _SIZE, known)


def _is_context(held: frozenset[str], words: frozenset[str]) -> bool:
    long = held & words_set("len length size seqlen maxlen window tokens") or words & words_set("max n num context ctx nctx")
    plural = words & {"positions", "position", "pos"} and words & {"n", "num", "max"}
    plain = held & (_CONTEXT - {"source", "input", "window"}) or plural
    return bool(plain and (long or plural or held <= {"positions", "context", "ctx"})) and _only(
        held, _CONTEXT, _COUNT, words_set("len length size embedding embeddings tokens token limit")
    )  # fmt: skip


def _is_rope_base(held: frozenset[str], words: frozenset[str]) -> bool:
    based = held & {"theta", "base"} or held >= {"rope", "freq"}
    return bool(held & _ROTATION and based) and _only(held, _ROTATION, _BASE, words_set("emb embedding value"))


def _is_activation(held: frozenset[str], words: frozenset[str]) -> bool:
    return bool(held & _FUNCTION) and _only(held, _FUNCTION, _FUNCTIONS_OF, _MLP)


def _is_dtype(held: frozenset[str], words: frozenset[str]) -> bool:
    return bool(held & _TYPES) and _only(held, _TYPES, _TYPES_OF)


def _is_parameters(held: frozenset[str], words: frozenset[str]) -> bool:
    counted = words & (_COUNT | {"model"})
    return bool(words & _PARAMETERS and counted) and _only(held, _PARAMETERS, _COUNT, words_set("size all"))


def _is_width(held: frozenset[str], words: frozenset[str]) -> bool:
    sized = held & (_SIZE - {"len"}) or held & {"embd", "dmodel", "nembd"} or (words & {"n", "num"} and held & _HIDDEN)
    besides = words_set("n num stream word layer")
    return bool(held & _HIDDEN and sized) and _only(held, _HIDDEN, _SIZE, _TOKENS, besides)


def _is_experts_used(held: frozenset[str], words: frozenset[str]) -> bool:
    per = words & words_set("per each") and words & _TOKENS
    taken = per or words & _TAKEN or {"top", "k"} <= words
    known = _only(words - _WHOSE, _EXPERTS, _COUNT, _TOKENS, _TAKEN, words_set("router routed top k per each"))
    return bool(words & _EXPERTS and taken) and known


def _is_experts(held: frozenset[str], words: frozenset[str]) -> bool:
    counted = held & (_COUNT | {"experts"})
    return bool(words & {"expert", "experts"} and counted) and _only(held, _EXPERTS, _COUNT, words_set("local routed total router"))


_RULES = (
    ("experts_used", _is_experts_used), ("experts", _is_experts),
    ("kv_heads", _is_kv_heads), ("head_size", _is_head_size), ("heads", _is_heads), ("rope_base", _is_rope_base),
    ("activation", _is_activation), ("dtype", _is_dtype), ("vocabulary", _is_vocabulary), ("context", _is_context),
    ("mlp_width", _is_mlp), ("parameters", _is_parameters), ("width", _is_width), ("layers", _is_layers),
)  # fmt: skip
"""Kinds with what a key of each holds, the more special ones first."""
