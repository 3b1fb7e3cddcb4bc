"""Libraries of thirty models with a known tree, drawn by a named seed: chains, stars, merges, independents, framed strangers.

python -m bench.library_tree_models --root FOLDER --shape llama64 --layout mixed --seed 1
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bench.build import TRUTH
from bench.checkpoint import write_json
from bench.framed_align import framed
from bench.library import folders
from bench.mixtures_cases import weighted
from bench.mixtures_models import GRAND, SIBLINGS, grandchild, sibling
from bench.shapes import shape_of
from bench.training import course, train
from bench.truth import base
from forebear.core.errors import RefusedError
from forebear.core.seeds import generator
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.registry import apply

LAYOUTS = ("chains", "stars", "merges", "mixed", "siblings")
"""The last is made of the siblings and grandchildren of `bench.mixtures_models`, trained as long as half their base or longer."""
NODES = 30
TEXTS = ("other", "dirty", "main")
SHARES, RATE = (0.1, 0.15, 0.25), 0.3
"""Length of a step of training as a share of the base's, and its peak rate as a share of the base's."""
STEPS: Mapping[str, Mapping[str, Any]] = {
    "layers-inserted": {"count": 1}, "mlp-widened": {"factor": 1.5}, "quantised-int4": {"group": 16},
}  # fmt: skip
ALIGNERS = ("procrustes and assignment", "joint", "signs")
FAMILIES = (13, 7)
MERGES = {"chains": 1, "stars": 1, "merges": 4, "mixed": 2}


@dataclass
class Node:
    """One model. kind: base, trained, a step's name, merged, framed, independent. parents: by name; claims: what its card says.

    day: when it was made, counted from the first; hidden: made, and not in the library.
    """

    name: str
    kind: str
    parents: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    day: int = 0
    hidden: bool = False
    told: dict[str, Any] = field(default_factory=dict)


def plan(shape: str, layout: str, seed: int) -> list[Node]:
    """What the library of a seed holds, parents first; hidden ones besides the thirty."""
    rng = generator("bench/library-tree", shape, layout, seed)
    if layout == "siblings":
        return _siblings(shape, rng)
    own = [path.name for path in folders(shape) if path.name.startswith("independent")]
    drawn = [own[i] for i in rng.permutation(len(own))]
    nodes: list[Node] = []
    for family, size in enumerate(FAMILIES):
        nodes += _family(f"{'ab'[family]}", size, MERGES[layout] if family == 0 else 0, layout, rng, drawn.pop())
    nodes += _strangers(nodes, drawn, shape, rng)
    for day, node in enumerate(nodes):
        node.day = day
    _claim(nodes, rng)
    return nodes


def _siblings(shape: str, rng: np.random.Generator) -> list[Node]:
    """A base, its siblings and grandchildren, two merges and a rounding; six siblings of a base that is not in the library."""
    nodes = [Node("a0", "base", told={"of": base(shape, 0).split("/")[1]})]
    nodes += [Node(f"s{n}", "sibling", ("a0",), told={"of": 0, "number": n}) for n in range(SIBLINGS)]
    chosen = [(n, word) for n in range(3) for word in GRAND]
    drawn = sorted(int(at) for at in rng.permutation(len(chosen))[:7])
    nodes += [Node(f"g{n}{word}", "grandchild", (f"s{n}",), told={"of": 0, "number": n, "word": word})
              for n, word in (chosen[at] for at in drawn)]  # fmt: skip
    for number in range(2):
        pair = sorted(int(one) for one in rng.choice(SIBLINGS, 2, replace=False))
        weight = round(float(rng.uniform(0.3, 0.7)), 3)
        parents = tuple(f"s{one}" for one in pair)
        nodes.append(Node(f"m{number}", "merged", parents, told={"weights": [weight, round(1 - weight, 3)]}))
    rounded = nodes[1 + int(rng.integers(SIBLINGS))].name
    nodes.append(
        Node(
            "q0", "quantised-int4", (rounded,), told={"order": int(rng.integers(10_000)), "text": "main", "share": 0.15}
        )
    )
    nodes.append(Node("b0", "base", told={"of": base(shape, 1).split("/")[1]}, hidden=True))
    nodes += [Node(f"t{n}", "sibling", ("b0",), told={"of": 1, "number": n}) for n in range(SIBLINGS)]
    own = [path.name for path in folders(shape) if path.name.startswith("independent")][2:]
    for number, how in enumerate(ALIGNERS[:2]):
        told = {"of": own[number], "aligner": how, "towards": ("a0", "s1")[number]}
        nodes.append(Node(f"f{number}", "framed", told=told))
    visible = sum(not node.hidden for node in nodes)
    pool = [f"{shape}/{name}" for name in own[2:]] + [f"llama64/independent-{n:03d}" for n in range(5, 15)]
    nodes += [Node(f"i{n}", "independent", told={"of": pool[n]}) for n in range(NODES - visible)]
    for day, node in enumerate(nodes):
        node.day = day
    _claim(nodes, rng)
    return nodes


def _family(letter: str, size: int, merges: int, layout: str, rng: np.random.Generator, base: str) -> list[Node]:
    """One base and what was made of it."""
    nodes = [Node(f"{letter}0", "base", told={"of": base})]
    if letter == "b" and layout in ("stars", "mixed"):
        nodes[0].hidden = True
        size += 1
    last = nodes[0]
    while len(nodes) < size - merges:
        parent = last if rng.random() < {"chains": 0.75, "stars": 0.1}.get(layout, 0.4) else None
        if parent is None:
            parent = nodes[0] if layout == "stars" or len(nodes) < 4 else nodes[int(rng.integers(len(nodes)))]
        kind = "trained" if rng.random() < 0.7 else list(STEPS)[int(rng.integers(len(STEPS)))]
        rounded = any(node.parents == (parent.name,) and node.kind == "quantised-int4" for node in nodes)
        kind = "trained" if kind == "quantised-int4" and rounded else kind  # rounded twice it is one model
        last = _child(f"{letter}{len(nodes)}", kind, parent, rng)
        nodes.append(last)
    plain = [node for node in nodes if _same_shape(node, nodes) and node.kind in ("trained", "merged")]
    for _ in range(merges):
        count = 3 if len(plain) > 4 and rng.random() < 0.3 else 2
        chosen = [plain[i] for i in sorted(rng.choice(len(plain), count, replace=False))] if len(plain) >= count else []
        if not chosen or _kin(chosen, nodes):
            nodes.append(_child(f"{letter}{len(nodes)}", "trained", nodes[0], rng))
            plain.append(nodes[-1])
            continue
        weights = 0.2 + (1 - 0.2 * count) * rng.dirichlet(np.ones(count))
        parents = tuple(node.name for node in chosen)
        nodes.append(
            Node(f"{letter}{len(nodes)}", "merged", parents, told={"weights": [round(float(w), 3) for w in weights]})
        )
    return nodes


def _child(name: str, kind: str, parent: Node, rng: np.random.Generator) -> Node:
    """A model made by a step, and trained on after a step that adds weights."""
    told = {
        "text": TEXTS[int(rng.integers(3))],
        "share": SHARES[int(rng.integers(3))],
        "order": int(rng.integers(10_000, 99_999)),
    }
    return Node(name, kind, (parent.name,), told=told)


def _same_shape(node: Node, nodes: list[Node]) -> bool:
    """Whether nothing was inserted or widened on the way from the base."""
    by_name = {one.name: one for one in nodes}
    while node.parents:
        if node.kind in ("layers-inserted", "mlp-widened"):
            return False
        node = by_name[node.parents[0]]
    return True


def _kin(chosen: list[Node], nodes: list[Node]) -> bool:
    """Whether one of the chosen was made from another: their merge lies on the way between them, and is a step of it."""
    by_name = {one.name: one for one in nodes}

    def above(node: Node) -> set[str]:
        return {node.name}.union(*(above(by_name[parent]) for parent in node.parents))

    return any(a is not b and a.name in above(b) for a in chosen for b in chosen)


def _strangers(nodes: list[Node], drawn: list[str], shape: str, rng: np.random.Generator) -> list[Node]:
    """Two framed strangers, one of them trained on, one with a child; independents for what is left."""
    aims = [node for node in nodes if node.name.startswith("a") and _same_shape(node, nodes)]
    made = []
    for number, how in enumerate(rng.permutation(len(ALIGNERS))[:2]):
        told = {"of": drawn.pop(), "aligner": ALIGNERS[int(how)], "towards": aims[int(rng.integers(len(aims)))].name}
        made.append(Node(f"f{number}", "framed", told=told))
    made.append(_child("f2", "trained", made[0], rng))
    visible = sum(not node.hidden for node in [*nodes, *made])
    others = [f"{other}/{path.name}" for other in ("llama64", "gpt2-64") if other != shape for path in folders(other)
              if path.name.startswith("independent")]  # fmt: skip
    pool = [f"{shape}/{name}" for name in drawn[:4]] + others
    return [*made, *(Node(f"i{n}", "independent", told={"of": pool[n]}) for n in range(NODES - visible))]


def _claim(nodes: list[Node], rng: np.random.Generator) -> None:
    """Cards: most models name their parents, a few name another, framed ones name what they were framed towards."""
    for node in nodes:
        node.claims = node.parents
        if node.kind == "framed":
            node.claims = (node.told["towards"],)
        elif node.kind == "independent" and rng.random() < 0.5:
            node.claims = ("a0",)
        elif len(node.parents) == 1 and rng.random() < 0.2:
            node.claims = (("b0" if node.name.startswith("a") else "a0"),)


def made(root: Path, shape: str, layout: str, seed: int, kept: Path | None = None) -> tuple[Path, list[Node]]:
    """The library's models as folders under root/<shape>-<layout>-<seed>; what is there is not made again.

    kept: folder of the siblings of `bench.mixtures_models`, trained there where they are missing.

    Training is the bench's; a step that a family refuses is further training instead.
    """
    home = root / f"{shape}-{layout}-{seed}"
    nodes = plan(shape, layout, seed)
    for node in nodes:
        folder = home / ("hidden" if node.hidden else "models") / node.name
        if (folder / "node.json").is_file():
            node.kind = json.loads((folder / "node.json").read_text("utf-8"))["kind"]
            continue
        parents = [_found(home, name) for name in node.parents]
        model = _made(node, shape, home, parents, kept or root / "siblings")
        model.save(folder)
        (folder / "README.md").write_text(_card(node), "utf-8")
        write_json(folder / "node.json", {"kind": node.kind, "parents": list(node.parents), "told": node.told})
    return home, nodes


def _found(home: Path, name: str) -> Path:
    return next(home / word / name for word in ("models", "hidden") if (home / word / name / "config.json").is_file())


def _card(node: Node) -> str:
    if not node.claims:
        return "A model.\n"
    lines = "".join(f"- {name}\n" for name in node.claims)
    return f"---\nbase_model:\n{lines}---\nA model.\n"


def _made(node: Node, shape: str, home: Path, parents: list[Path], kept: Path) -> Model:
    told = node.told
    if node.kind == "sibling":
        return Model.load(sibling(kept, shape, told["of"], told["number"]))
    if node.kind == "grandchild":
        return Model.load(grandchild(kept, shape, told["of"], told["number"], told["word"]))
    if node.kind in ("base", "independent"):
        return Model.load(TRUTH / (told["of"] if "/" in told["of"] else f"{shape}/{told['of']}"))
    if node.kind == "framed":
        return framed(
            Model.load(TRUTH / shape / told["of"]), Model.load(_found(home, told["towards"])), told["aligner"], 7
        )
    models = [Model.load(path) for path in parents]
    if node.kind == "merged":
        arrays = [{name: np.asarray(values, np.float32) for name, values in model.arrays.items()} for model in models]
        return Model(weighted(arrays, np.array(told["weights"])), models[0].config, models[0].tokenizer)
    if node.kind in STEPS:
        try:
            model = apply(node.kind, models[0], told["order"], **STEPS[node.kind])
            return model if node.kind == "quantised-int4" else _trained(model, shape, told)
        except (RefusedError, KeyError, ValueError) as error:
            print(f"{node.name}: {node.kind} not done ({error})", flush=True)
            node.kind = "trained"
    return _trained(models[0], shape, told)


def _trained(model: Model, shape: str, told: Mapping[str, Any]) -> Model:
    plain = course(shape)
    further = course(shape, told["share"], text=told["text"], order=told["order"], peak_rate=plain.peak_rate * RATE)
    arrays = {name: np.asarray(values, np.float32) for name, values in model.arrays.items()}
    after, _ = train(shape_of(dict(model.config)), arrays, further)
    return Model(after, model.config, model.tokenizer)


def main() -> None:
    """Make the models of one library."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--shape", default="llama64")
    parser.add_argument("--layout", choices=LAYOUTS, default="mixed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--siblings", type=Path, help="folder of bench.mixtures_models")
    chosen = parser.parse_args()
    home, nodes = made(chosen.root, chosen.shape, chosen.layout, chosen.seed, chosen.siblings)
    for node in nodes:
        print(node.name, node.kind, *node.parents, "hidden" if node.hidden else "", node.told)
    print(home)


if __name__ == "__main__":
    main()
