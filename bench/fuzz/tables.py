"""Every TOML a person can hand us: case.toml, claims.toml, definitions of architectures; read, and used for what they say."""

from __future__ import annotations

import json
import random
from typing import Any

from bench.fuzz import mutate
from bench.fuzz.target import Files, Folder, Plant, Target, syntax_is_sound
from bench.fuzz.under_test import case_claims, case_folder, case_model, case_run, case_toml, layout, registry, strict

_SOURCE = {
    "id": "s",
    "file": "sources/s.md",
    "sha256": "0" * 64,
    "bytes": 9,
    "media": "text/markdown",
    "language": "zh",
}
CASE: dict[str, Any] = {
    "schema": "forebear/case-folder/1", "title": "t",
    "source": [_SOURCE, {**_SOURCE, "id": "e", "file": "sources/e.md", "language": "en", "role": "translation", "of": "s",
                         "notes": ["n"]}],
    "name": [{"text": "A", "ruling": "private", "also": ["B"], "pseudonym": "Person 1"}],
    "alias": [{"names": ["x", "y"], "kind": "term"}],
    "correction": [{"left": "s", "right": "e", "left_quotes": ["q"], "right_quotes": ["r"]}],
    "models": {"m": "models/m.json", "n": "models/n.json"},
}  # fmt: skip
CLAIMS: dict[str, Any] = {
    "claim": [
        {"id": "a", "kind": "architecture", "basis": "hearsay", "statement": {"en": "six layers"}, "subject": "m", "test": "config",
         "key": "num_hidden_layers", "value": 6, "tolerance": 0.0, "if_true": "t", "if_false": "f",
         "span": [{"source": "s", "exact": "w", "prefix": "p"}], "corroborates": ["b"]},
        {"id": "b", "kind": "recipe-step", "basis": "inference", "statement": {"en": "grown"}, "subject": "m", "candidates": ["n"],
         "test": "growth", "value": 1e9, "tolerance": 0.02, "if_true": "t", "if_false": "f",
         "reply": [{"source": "e", "exact": "no", "says": "denies"}]},
    ]
}  # fmt: skip
DEFINITION: dict[str, Any] = {
    "family": "own", "title": "Own", "source": "s", "model_types": ["own"], "prefixes": ["model.", ""],
    "config_roots": ["", "text_config"], "stacks": {"main": "num_hidden_layers"},
    "sizes": {"channel": "hidden_size", "neuron": "intermediate_size ?? 4 * channel", "kv_head": [
        {"size": "heads", "when": {"key": "num_key_value_heads", "present": True}}, {"size": "2"}], "value": "channel / kv_head"},
    "axes": {
        "channel": {"scope": ["model"], "permutation": True, "source": "s"},
        "neuron": {"scope": ["layer"], "permutation": True, "sign": True, "sign_parts": ["up", "down"], "source": "s"},
        "kv_head": {"scope": ["layer"], "permutation": True, "source": "s"},
        "value": {"scope": ["layer", "kv_head"], "permutation": True, "source": "s"},
        "token": {"scope": ["model"], "never": "meaning", "source": "s"},
    },
    "tensor": [
        {"name": "{prefix}embed.weight", "part": "embedding", "dims": [["token"], ["channel"]], "required": True, "source": "s"},
        {"name": "{prefix}layers.{layer}.up.weight", "part": "up", "dims": [["neuron"], ["channel"]], "bias": 0, "source": "s"},
        {"name": "{prefix}layers.{layer}.qv.weight", "dims": [{"prefix": ["kv_head"], "pieces": [
            {"part": "q", "atoms": ["value"]}, {"part": "v", "atoms": ["value"]}]}, ["channel"]], "source": "s"},
        {"name": ["{prefix}norm.weight"], "part": "norm", "kind": "gain", "dims": [["channel"]], "source": "s",
         "when": {"key": "tied", "is": [True, 1], "default": False}},
    ],
    "withhold": [{"axes": ["neuron"], "when": {"key": "act", "is_not": ["relu"]}, "reason": "r", "signs_only": True,
                  "source": "s"}],
}  # fmt: skip
CONFIG = {
    "num_hidden_layers": 2,
    "hidden_size": 8,
    "intermediate_size": 16,
    "heads": 2,
    "num_key_value_heads": 2,
    "act": "silu",
}
SHAPES = {"model.embed.weight": (32, 8), "model.norm.weight": (8,),
          **{f"model.layers.{i}.{n}.weight": s for i in range(2) for n, s in (("up", (16, 8)), ("qv", (16, 8)))},
          "model.layers.0.up.bias": (16,)}  # fmt: skip

KINDS: tuple[tuple[str, Any], ...] = (("case.toml", CASE), ("claims.toml", CLAIMS), ("own.toml", DEFINITION))
_TEXTS = {name: json.dumps(value) for name, value in KINDS}
_WORDS = {name: mutate.words_of([value]) for name, value in KINDS}
_EXPRESSIONS = ("1 / 0", "channel / 0", "2 ** 9", "channel * channel * channel", "9" * 400, "a ?? b ?? c", "((((1))))", "-1",
                "x.0.y", "neuron", "4 * neuron", "1 - 2", "(" * 200 + "1" + ")" * 200, "hidden_size % 3", "token")  # fmt: skip
_PARTS = ("case.toml", "case.toml", "claims.toml", "claims.toml", "own.toml")


def _trimmed(rng: random.Random, name: str, value: dict[str, Any]) -> dict[str, Any]:
    """Not every table every time: a small document is read faster, and what is missing is an input too."""
    for key in [k for k, v in value.items() if isinstance(v, (list, dict)) and len(v) > 0]:
        if name != "own.toml" and rng.random() < 0.4:
            del value[key]
    return value


def make(rng: random.Random) -> Files:
    """One file of one kind: three in four a changed tree, the rest changed lines or bytes."""
    name = rng.choice(_PARTS)
    words = _WORDS[name] + (_EXPRESSIONS if name == "own.toml" else ())
    value = _trimmed(rng, name, json.loads(_TEXTS[name]))
    if rng.random() < mutate.LARGE:
        return {name: mutate.stretched(rng, mutate.toml_bytes(rng, value).decode(), words)}
    how = rng.random()
    if how < 0.75:
        return {name: mutate.toml_bytes(rng, mutate.tree(rng, value, words))}
    text = mutate.toml_bytes(rng, value)
    if how < 0.9:
        return {name: mutate.lines(rng, text.decode(), words, most=2)}
    return {name: mutate.raw(rng, [text])}


_FOLDER: list[Folder] = []
_SOUND: list[Any] = []


def _folder() -> Folder:
    if not _FOLDER:
        _FOLDER.append(Folder({"models/m.json": b"{}"}))
        _SOUND.append(strict.read_table(case_model.CaseFile, json.loads(_TEXTS["case.toml"]), "case.toml"))
    return _FOLDER[0]


def run(files: Files) -> None:
    """What `case` does with case.toml and claims.toml, what `--architecture` does with a definition."""
    folder = _folder()
    path = folder.put(files)
    if "case.toml" in files:
        case = case_folder.load_case(path)
        case_toml.written(case_toml.as_table(case), head="head")
    elif "claims.toml" in files:
        for claim in case_claims.load_claims(path, _SOUND[0]):
            case_run.command_of(_SOUND[0], claim)
            case_claims.cited(claim.span[0], ()) if claim.span else None
    else:
        definition = registry.own_definition(path / "own.toml")
        layout.place(SHAPES, CONFIG, definition)


TOML = Target(
    name="toml", make=make, run=run, outer=syntax_is_sound,
    plant=Plant(case_folder, "load_case", lambda case: any(n.ruling == "undecided" for n in case.name)),
    measured=("forebear.casefile.folder.toml", "forebear.casefile.folder.folder", "forebear.casefile.claims.claims",
        "forebear.models.architecture.parse",
              "forebear.models.architecture.definition", "forebear.models.architecture.expressions",
                  "forebear.models.architecture.layout"),
    reads="case.toml and claims.toml as every verb of `case` reads them, and a definition as `--architecture` reads it and lays "
          "tensors out by it",
)  # fmt: skip
