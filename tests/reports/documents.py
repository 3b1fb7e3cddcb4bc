"""Documents made for the tests of pages: hostile names, many layers; figures are invented, shapes are those of real documents."""

from __future__ import annotations

import copy
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import forebear
from forebear.core.documents import canonical_json
from forebear.core.seeds import generator

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
HOSTILE = (
    '"><script>window.hacked=1</script>',
    "<img src=x onerror=window.hacked=1>",
    "</style></title><svg onload=window.hacked=1>",
    "javascript:window.hacked=1",
    "{{ 7*7 }}{% raw %}",
    "$a$ \u202ereversed\u202c \x1b[31mred\x07 \ud800 \u0000",
    "]]><!--",
    "x" * 3000,
    "宽字符" * 40,
)


@cache
def _demo(which: int) -> str:
    return canonical_json(forebear.demo()["pairs"][which]["comparison"]).decode()


def demo_comparison(which: int) -> Any:
    """The demo's comparison with its base (0) or with the independent (1), thawed."""
    return json.loads(_demo(which))


def hostile_comparison() -> Any:
    """A comparison every name and sentence of which is an attack."""
    document = demo_comparison(0)
    for i, side in enumerate(("subject", "candidate")):
        document[side] |= {"id": HOSTILE[i], "family": HOSTILE[2], "container": HOSTILE[3], "digest": HOSTILE[4]}
    said = [{"key": "limit.member", "values": {"member": h, "why": h}} for h in HOSTILE]
    document["limits"] = [*HOSTILE, *said, *({"key": h, "values": {h: h}} for h in HOSTILE)]
    document["alignment"]["words"] = [*HOSTILE, *said]
    document["reproduce"] = " ".join(HOSTILE[:6])
    document["verdict"]["words"] = said[:1]
    document["audit"] += [
        {"check": h, "checkpoint": h, "axis": h, "alarm": True, "words": h, "value": 1, "expected": 0} for h in HOSTILE
    ]
    for e, name in zip(document["evidence"], HOSTILE, strict=False):
        e |= {"axis": name, "assumption": name}
    for t, name in zip(document["tensors"], HOSTILE * 9, strict=False):
        t["part"] = name if name != HOSTILE[7] else "q"
        t["kind"] = name[:40]
        for side in ("subject", "candidate"):
            if t[side] is not None:
                t[side] |= {"name": name, "dtype": name[:60]}
    for w, name in zip(document["weights"]["parts"], HOSTILE, strict=False):
        w["part"] = name
    for effect, name in zip(document["effects"], HOSTILE, strict=False):
        effect["part"] = name
    return document


def tall_comparison(layers: int) -> Any:
    """A comparison of two models of many layers with twelve tensors each and noise in every cell: the dearest page."""
    document = demo_comparison(0)
    rng = generator("tall", layers)
    noise = rng.uniform(-1, 1, (layers, layers))
    document["alignment"]["layers"] |= {
        "similarity": [[round(float(v), 4) for v in row] for row in noise],
        "pairs": [[i, i] for i in range(layers)],
    }
    row = next(t for t in document["tensors"] if t["part"] == "q")
    document["tensors"] = []
    for layer in range(layers):
        for part in ("q", "k", "v", "o", "gate", "up", "down", "norm", "norm", "q", "k", "v"):
            made = copy.deepcopy(row) | {"part": part, "cosine": 0.123456, "distance": 1.23456}
            for side in ("subject", "candidate"):
                made[side] |= {"name": f"{side}.model.layers.{layer}.self_attn.{part}_proj.weight", "layer": layer}
            document["tensors"].append(made)
    _stretch(document, layers, rng)
    for e in document["evidence"]:
        if "best" in e:
            e["best"] = [int(v) for v in rng.integers(0, 512, 512)]
    return document


def _stretch(document: Any, layers: int, rng: Any) -> None:
    """Effects and weight curves of as many layers."""
    for effect in document["effects"]:
        if effect["by_layer"][0]["layers"][0] is not None:
            effect["by_layer"] = [
                dict(effect["by_layer"][0], layers=[i, i], cosine=float(rng.uniform(-1, 1))) for i in range(layers)
            ]
    for part in document["weights"]["parts"]:
        for side in ("subject", "candidate"):
            if len(part[side]["layers"]) > 1:
                values = [float(v) for v in rng.uniform(0.01, 0.03, layers)]
                part[side] = {
                    "layers": list(range(layers)),
                    "mean": values,
                    "std": values,
                    "kurtosis": values,
                    "quantiles": [],
                }


def matrix(hostile: bool) -> Any:
    """The golden matrix of all pairs, or the same with hostile names and sentences, repeated until the pairs are many."""
    document = json.loads((GOLDEN / "matrix-all-pairs.json").read_bytes())
    if hostile:
        old = [m["id"] for m in document["members"]]
        new = dict(zip(old, HOSTILE, strict=False))
        for member in document["members"]:
            member |= {"id": new[member["id"]], "family": HOSTILE[4], "error": member["error"] and HOSTILE[0]}
        for pair, word in zip(document["pairs"], HOSTILE, strict=False):
            kept = pair["comparison"]
            pair |= {
                "subject": new[pair["subject"]],
                "candidate": new[pair["candidate"]],
                "words": word,
                "comparison": None,
            }
            pair["evidence"] = (
                [{"test": word, "axis": word, "kind": word, "log10_p": -20.0, "decides": True}] if kept else []
            )
        document["limits"], document["reproduce"] = list(HOSTILE), HOSTILE[1]
    return document


def inspection(hostile: bool) -> Any:
    """The golden inspection with statistics and arithmetic, or the same with hostile names and sentences."""
    document = json.loads((GOLDEN / "inspection-full.json").read_bytes())
    document["arithmetic"] = json.loads((GOLDEN / "inspection-configuration.json").read_bytes())["arithmetic"]
    for tensor in document["tensors"]:  # said since the golden document was made
        layer = re.search(r"\.(\d+)\.", tensor["name"])
        tensor["layer"] = int(layer[1]) if layer else None
    if hostile:
        for i, tensor in enumerate(document["tensors"]):
            word = HOSTILE[i % len(HOSTILE)]
            tensor |= {"name": word, "dtype": word, "part": word}
        document["residue"] = [{"file": h, "line": 3, "kind": h, "text": h, "names": [h]} for h in HOSTILE]
        document |= {"claims": list(HOSTILE), "odd": list(HOSTILE), "limits": list(HOSTILE), "reproduce": HOSTILE[2]}
        document["container"] |= {"kind": HOSTILE[0], "names": [HOSTILE[1]], "header_digest": HOSTILE[5]}
        document["architecture"]["family"] = HOSTILE[2]
        for axis in document["architecture"]["axes"]:
            axis |= {"axis": HOSTILE[0], "withheld": HOSTILE[6]}
        document["arithmetic"]["words"] = list(HOSTILE)
        for change in document["arithmetic"]["changes"]:
            change |= {"key": HOSTILE[0], "to": HOSTILE[1]}
        document["arithmetic"]["open"]["key"] = HOSTILE[2]
        document["tokenizer"] |= {"kind": HOSTILE[0], "file": HOSTILE[1]}
    return document
