"""200 model cards made from the truth sets, half of them with one wrong claim, held against their files by `forebear verify`.

    python -m bench.verify --commit COMMIT -o bench/results/verify.json [--cards 200] [--words seen]

Each card takes its subject, its bases, its claims and its wordings from seeds named after its number. Wordings in
verify_seen.toml stood beside the code while it was written; those in verify_unseen.toml were written after decision 0045 was
committed, and every second card of each kind uses them alone. verify_fresh.toml was looked at before it was run;
verify_held.toml came after decision 0073 (--words held --first 1000 --cards 100), the whole cards of verify_last.toml after
decision 0081 (--words last --first 2000), those of verify_final.toml after what these showed had been mended (--words final
--first 3000). verify_public.toml came after decision 0088, re-worded from public cards that were fetched after it was committed
(--words public --first 4000 --models 2); verify_again.toml after what that one showed had been mended (--words again --first 5000
--models 2 --alone). verify_blocks.toml stood beside the
code of decision 0094 (--words blocks --first 6000 --models 2); verify_fetched.toml
follows public cards that were fetched after that was committed (--words fetched --first 7000 --models 2), verify_third.toml cards
that were fetched after decision 0104 (--words third --first 9000 --models 2 --alone), verify_fourth.toml after decision 0109
(--words fourth --first 12000 --models 2, once with --alone and once with --others), verify_fifth.toml after decision 0128
(--words fifth --first 15000 --models 2), verify_sixth.toml after decision 0135 (--words sixth --first 18000 --models 2).
verify_ninth.toml holds parents, kinds and licences alone (--words ninth --first 21000 --models 2 --others); verify_manners.toml and
the files after the sixth but for the ninth are for bench.cards. What counts as found is decision 0045's.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import forebear
from bench.build import TRUTH, machine
from bench.checkpoint import write_json
from forebear.core.seeds import generator
from forebear.files.sources import open_container

KINDS = ("parameters", "layers", "width", "vocabulary", "dtype", "digest", "parent", "kind", "licence", "tokenizer")
OF_BLOCKS = ("heads", "kv_heads", "mlp_width", "head_size", "context", "rope_base", "activation")
"""Further kinds, of the files of wordings that hold them."""
OF_MADE = ("experts", "experts_used")
"""Further kinds of mixtures of experts, of the last file."""
BLOCK_WORDS = ("blocks", "fetched", "next", "third", "fourth", "fifth", "sixth", "ninth")
WITH_OTHERS = ("parent", "kind", "licence")
"""Kinds that are held against other models."""
SHAPES = ("llama64", "gpt2-64", "qwen2-64", "moe-64")
LICENCES = ("apache-2.0", "mit", "cc-by-nc-4.0", "gpl-3.0")
HERE = Path(__file__).parent
verb: Any = import_module("forebear.verification.verify")
REAL = Path.home() / ".cache" / "forebear" / "real"
TOKENIZERS = {
    "js-tiktoken/gpt2.js": "GPT-2", "js-tiktoken/cl100k_base.js": "cl100k", "js-tiktoken/o200k_base.js": "o200k",
    "qwen/qwen.tiktoken": "Qwen", "rwkv/rwkv_vocab_v20230424.txt": "RWKV World",
}  # fmt: skip
"""Vocabularies of the cache by the name that they are known by."""
MADE_UP = ("AcmeTok v2", "Northwind tokenizer", "zephyr-bpe-100k")
TYPES: dict[str, Any] = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2")}


@dataclass
class Card:
    """One card: its files, what to compare with, and which claim is wrong (kind and value), if any."""

    number: int
    kind: str
    wrong: bool
    words: str
    subject: Path
    against: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    lie: tuple[str, str] = ("", "")


def wordings(name: str) -> Mapping[str, Any]:
    """The wordings of a file, by kind of claim."""
    return tomllib.loads((HERE / f"verify_{name}.toml").read_text("utf-8"))


def plan(cards: int, words: str, first: int = 0) -> Iterator[tuple[int, str, bool, str]]:
    """Number, kind, whether it has a wrong claim, and whose wordings: each kind as often wrong as right, seen as unseen."""
    kinds = (*KINDS, *OF_BLOCKS) if words in BLOCK_WORDS else KINDS
    kinds = (*kinds, *OF_MADE) if words in ("fifth", "sixth") else kinds
    for number in range(first, first + cards):
        which = words if words != "both" else ("seen", "unseen")[number // (2 * len(kinds)) % 2]
        yield number, kinds[number % len(kinds)], number // len(kinds) % 2 == 0, which


def made(number: int, kind: str, wrong: bool, words: str, folder: Path, models: int | None = None) -> Card:
    """The files of one card below a folder. models: most children of each shape to take, None for all."""
    if kind == "tokenizer":
        return _of_tokenizer(number, wrong, words, folder)
    rng = generator("bench/verify", number)
    shape = str(rng.choice(SHAPES if kind not in ("kv_heads", "rope_base") else [one for one in SHAPES if one != "gpt2-64"]))
    shape = "moe-64" if kind in OF_MADE else shape
    parents = sorted(p.name for p in (TRUTH / shape).iterdir() if p.name.startswith("further-"))[:models]
    child = str(rng.choice(parents))
    base = f"independent-{int(child.split('-')[1]):03d}"
    other = f"independent-{int(rng.integers(3, 4 if models else 6)):03d}"
    store = "F16" if rng.random() < 0.25 else "F32"
    relation = "quantized" if store == "F16" else "finetune"
    source = base if store == "F16" or (kind == "kind" and wrong and rng.random() < 0.5) else child
    subject = _copied(TRUTH / shape / source, folder / "subject", store)
    base_id, other_id = f"north/{shape}-base", f"south/{shape}-{other}"
    licence = str(rng.choice(LICENCES))
    for id_, path in ((base_id, TRUTH / shape / base), (other_id, TRUTH / shape / other)):
        place = _copied(path, folder / id_.replace("/", "--"), "F32")
        (place / "README.md").write_text(f"---\nlicense: {licence}\n---\n# {id_}\n", "utf-8")
    card = Card(number, kind, wrong, words, subject)
    card.against = [f"{id_}={folder / id_.replace('/', '--')}" for id_ in (base_id, other_id)]
    card.values = _facts(subject, store) | {"parent": base_id, "relation": relation, "licence": licence}
    if wrong:
        _lie(card, rng, other_id, same=source == base)
    _write(card, rng)
    return card


def _copied(source: Path, target: Path, store: str) -> Path:
    """A model of the truth sets, its weights stored as a number type."""
    target.mkdir(parents=True)
    for name in ("config.json", "tokenizer.json"):
        if (source / name).is_file():
            shutil.copy(source / name, target / name)
    if store == "F32":
        shutil.copy(source / "model.safetensors", target / "model.safetensors")
        return target
    from safetensors.numpy import save_file

    container = open_container(source)
    save_file({name: container.read(name).astype(TYPES[store]) for name in container.tensors}, target / "model.safetensors")
    container.close()
    config = json.loads((target / "config.json").read_bytes())
    (target / "config.json").write_text(json.dumps(config | {"torch_dtype": "float16"}), "utf-8")
    return target


def _facts(subject: Path, store: str) -> dict[str, Any]:
    found = forebear.inspect(subject)
    config = json.loads((subject / "config.json").read_bytes())
    digest = hashlib.sha256((subject / "model.safetensors").read_bytes()).hexdigest()
    return {"parameters": found["parameters"], "layers": found["layers"], "width": found["width"],
            "vocabulary": config["vocab_size"], "dtype": store, "digest": digest, **_of_blocks(config)}  # fmt: skip


def _of_blocks(config: Mapping[str, Any]) -> dict[str, Any]:
    """How the blocks of a model are made, by its configuration; a GPT-2 has as many KV heads as heads, and no rotation."""
    experts = {"experts": config["num_local_experts"], "experts_used": 2} if "num_local_experts" in config else {}
    heads, width = config.get("num_attention_heads", config.get("n_head")), config.get("hidden_size", config.get("n_embd"))
    return {
        "heads": heads, "kv_heads": config.get("num_key_value_heads", heads), "head_size": width // heads,
        "mlp_width": config.get("intermediate_size", config.get("n_inner")),
        "context": config.get("max_position_embeddings", config.get("n_positions")),
        "rope_base": int(config.get("rope_theta", 10_000)), "activation": "SiLU" if config.get("hidden_act") == "silu" else "GELU",
        **experts,
    }  # fmt: skip


def _lie(card: Card, rng: np.random.Generator, other: str, *, same: bool) -> None:
    """Change one claim of a card into a wrong one of its kind."""
    values = card.values
    if card.kind == "activation":
        values["activation"] = str(rng.choice([one for one in ("SiLU", "GELU", "ReLU") if one != values["activation"]]))
    elif card.kind in ("parameters", "layers", "width", "vocabulary", *OF_BLOCKS, *OF_MADE):
        factor = float(rng.choice([0.5, 1.5, 2.0, 3.0]))
        values[card.kind] = int(values[card.kind] * factor) + int(rng.integers(1, 3) * (card.kind == "width"))
    elif card.kind == "dtype":
        values["dtype"] = "F32" if values["dtype"] == "F16" else str(rng.choice(["F16", "BF16"]))
    elif card.kind == "digest":
        values["digest"] = hashlib.sha256(values["digest"].encode()).hexdigest()
    elif card.kind == "parent":
        values |= {"parent": other, "relation": ""}
    elif card.kind == "licence":
        values["licence"] = next(one for one in LICENCES if one != values["licence"])
    else:
        plain = values["dtype"] == "F32"  # a copy in half precision may be called quantised, and be nothing else
        values["relation"] = str(rng.choice(["adapter", *((["finetune"] if same else ["quantized"]) if plain else [])]))
    key = "relation" if card.kind == "kind" else card.kind
    card.lie = (f"kind_{values['relation']}" if card.kind == "kind" else card.kind, str(values[key]))


def _write(card: Card, rng: np.random.Generator) -> None:
    """README.md in the card's wordings, and a bill of material for digests and every third card."""
    words, values = wordings(card.words), card.values
    if "cards" in words:
        held = {"kind": "relation"}.get(card.kind, card.kind) if card.wrong and card.words in BLOCK_WORDS else ""
        (card.subject / "README.md").write_text(_whole_card(words, values, rng, held), "utf-8")
        return _write_bill(card)

    def line(kind: str, value: object) -> str:
        return str(rng.choice(words[kind]["lines"])).format(v=value)

    numbers, n = words["numbers"], values["parameters"]
    count = str(rng.choice(numbers["counts"])).format(n=n, k=round(n / 1000), m=f"{n / 1e6:.2f}")
    front = [line("licence", values["licence"]), line("parent", values["parent"])]
    front += ["library_name: transformers", "tags:", "- text-generation"]
    front += [f"base_model_relation: {values['relation']}"] if values["relation"] else []
    fields = [line("parameters", count)]
    fields += [line(kind, values[kind]) for kind in ("layers", "width", "vocabulary")]
    fields.append(line("dtype", rng.choice(numbers[f"types_{values['dtype']}"])))
    prose = [str(one) for one in rng.permutation(words["prose"]["lines"])]
    text = "\n".join(["---", *front, "---", "", "# A model", "", *prose[:2], "", *fields, "", *prose[2:], ""])
    (card.subject / "README.md").write_text(text, "utf-8")
    _write_bill(card)


def _whole_card(words: Mapping[str, Any], values: Mapping[str, Any], rng: np.random.Generator, held: str = "") -> str:
    """One of the cards that a file of wordings has whole, with the values in their places. held: a value that it must state."""
    numbers, n = words["numbers"], values["parameters"]
    stated = {key: str(value) for key, value in values.items()}
    stated["parameters"] = str(rng.choice(numbers["counts"])).format(n=n, m=f"{n / 1e6:.2f}")
    stated["dtype"] = str(rng.choice(numbers[f"types_{values['dtype']}"]))
    if "made" in words:  # how sentences call what was done, and licences
        stated["made"] = str(rng.choice(words["made"][values["relation"] or "none"]))
        stated["licensed"] = str(rng.choice(words["licensed"][values["licence"]]))
    fit = [one for one in words["cards"] if held in ("", "digest") or "{" + held + "}" in one["text"]]
    fit = [one for one in fit if "experts" in values or "{experts" not in one["text"]]
    text = str(fit[int(rng.integers(len(fit)))]["text"]).lstrip("\n")
    lines = [line for line in text.split("\n") if stated["relation"] or "{relation}" not in line]
    return "\n".join(lines).format(**stated)


def _write_bill(card: Card) -> None:
    """The bill of material, for digests and every third card."""
    values = card.values
    if card.kind == "digest" or card.number % 3 == 0:
        (card.subject / "bom.json").write_text(json.dumps(_bill(values)), "utf-8")


def _bill(values: Mapping[str, Any]) -> dict[str, Any]:
    file = {"type": "file", "name": "model.safetensors", "hashes": [{"alg": "SHA-256", "content": values["digest"]}]}
    ancestor = {"type": "machine-learning-model", "name": values["parent"]}
    model = {"type": "machine-learning-model", "name": "subject", "pedigree": {"ancestors": [ancestor]}}
    return {"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"component": model}, "components": [file]}


def _of_tokenizer(number: int, wrong: bool, words: str, folder: Path) -> Card:
    """A known vocabulary without weights under its own name, a made-up one or that of another."""
    rng = generator("bench/verify", number)
    here = sorted(name for name in TOKENIZERS if (REAL / name).is_file())
    file = str(rng.choice(here))
    name = TOKENIZERS[file]
    others = [*MADE_UP, *(one for one in TOKENIZERS.values() if one != name)]
    stated = str(rng.choice(others)) if wrong else name
    folder.mkdir(parents=True, exist_ok=True)
    card = Card(number, "tokenizer", wrong, words, REAL / file, values={"tokenizer": stated})
    card.lie = ("tokenizer", stated) if wrong else ("", "")
    line = str(rng.choice(wordings(words)["tokenizer"]["lines"])).format(v=stated)
    (folder / "README.md").write_text(f"# A tokenizer\n\n{line}\n", "utf-8")
    return card


@contextmanager
def comparing_once() -> Iterator[None]:
    """Compare each pair of files once: what a comparison finds is a function of the two, and cards share their models."""
    kept: dict[tuple[str, str, int], Any] = {}
    compare = verb.compare_with

    def once(subject: Path, bases: Sequence[Any], *, looks: int, **options: Any) -> None:
        for base in bases:
            key = (_digest(subject), _digest(Path(base.path)), looks)
            if key not in kept:
                compare(subject, [base], looks=looks, **options)
                kept[key] = base.document, base.why
            base.document, base.why = kept[key]

    verb.compare_with = once
    try:
        yield
    finally:
        verb.compare_with = compare


def _digest(folder: Path) -> str:
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def judged(card: Card, folder: Path) -> dict[str, Any]:
    """What `verify` made of one card: the wrong claim's outcome, and the outcomes of all right ones."""
    named = folder / "README.md" if card.kind == "tokenizer" else None
    document = forebear.verify(card.subject, card=named, against=card.against)
    rows = [r for r in document["claims"] if r["kind"] != "direction"]
    wrong = [r for r in rows if _is_lie(r, card)]
    right = [r for r in rows if r not in wrong]
    traps = [r for r in right if r["stated"] in wordings(card.words).get("traps", {}).get("values", ())]
    silent = any(one["kind"] == "relative" for one in document["noticed"])
    states = {r["outcome"] for r in wrong}
    return {
        "number": card.number, "kind": card.kind, "wrong": card.wrong, "words": card.words, "stated": card.lie[1],
        "outcomes": sorted(states),
        "contradicted": "contradicted" in states,
        "found": bool(wrong) and ("contradicted" in states or any(r["flagged"] for r in wrong)
                                  or (card.kind == "parent" and silent and states == {"not-shown"})),
        "right": dict(Counter(r["outcome"] for r in right)),
        "right_flagged": sum(r["flagged"] for r in right),
        "traps": len(traps),
        "accused": [[r["kind"], r["stated"], r["source"]["file"]] for r in right if r["outcome"] == "contradicted"],
        "looked_at": [[r["kind"], r["stated"], r["source"]["file"]] for r in right if r["flagged"]],
        "unread": [one["key"] for one in document["limits"] if one["key"].startswith("unverified.")],
    }  # fmt: skip


def _is_lie(row: Mapping[str, Any], card: Card) -> bool:
    """Whether a row is of the wrong claim: by kind, and by place for those that configurations state rightly too."""
    kind, stated = card.lie
    if row["stated"] != stated and row["stated"] in wordings(card.words).get("traps", {}).get("values", ()):
        return False  # a number of another model, which is no claim about this one
    if kind == "parent":
        return bool(row["kind"] in ("shares", "parent") and row["stated"] == stated)
    if kind.startswith("kind_"):
        return bool(row["kind"] == kind)
    return bool(row["kind"] == kind and row["source"]["file"] in ("README.md", "bom.json"))


def summary(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One line a kind and wording, and one for all of each wording."""
    lines = []
    for words in dict.fromkeys(row["words"] for row in rows):
        for kind in (*KINDS, "all"):
            of = [r for r in rows if r["words"] == words and kind in (r["kind"], "all")]
            wrong = [r for r in of if r["wrong"]]
            if of:
                lines.append({
                    "words": words, "kind": kind, "cards": len(of), "wrong": len(wrong),
                    "found": sum(r["found"] for r in wrong), "contradicted": sum(r["contradicted"] for r in wrong),
                    "right_claims": sum(sum(r["right"].values()) for r in of),
                    "right_contradicted": sum(len(r["accused"]) for r in of), "right_flagged": sum(r["right_flagged"] for r in of),
                })  # fmt: skip
    return lines


def main() -> None:
    """All cards, one document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cards", type=int, default=200)
    names = ("seen", "unseen", "both", "fresh", "held", "last", "final", "public", "again", *BLOCK_WORDS)
    parser.add_argument("--words", choices=names, default="both")
    parser.add_argument("--first", type=int, default=0, help="number of the first card; its seeds are named after it")
    parser.add_argument("--models", type=int, help="most children of each shape; each pair of files is compared once")
    parser.add_argument("--alone", action="store_true", help="without models to compare with: kinds that need none")
    parser.add_argument("--others", action="store_true", help="the kinds that need other models alone")
    parser.add_argument("--commit", required=True, help="of the code that runs")
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    rows = []
    stack = ExitStack()
    if options.models:
        stack.enter_context(comparing_once())
    head = {"schema": "forebear-bench/verify/1", "commit": options.commit, "machine": machine()}
    cards = plan(options.cards, options.words, options.first)
    for number, kind, wrong, words in sorted(cards, key=lambda one: not one[2]):  # those with a wrong claim first
        if (options.alone and kind in WITH_OTHERS) or (options.others and kind not in WITH_OTHERS):
            continue
        with TemporaryDirectory() as scratch:
            card = made(number, kind, wrong, words, Path(scratch) / "card", options.models)
            card.against = [] if options.alone else card.against
            rows.append(judged(card, Path(scratch) / "card"))
        print(number, kind, wrong, words, rows[-1]["outcomes"], rows[-1]["found"], rows[-1]["accused"], file=sys.stderr, flush=True)
        table = summary(rows)
        write_json(options.output, {**head, "table": table, "rows": rows})
    stack.close()
    for line in table:
        print(line)


if __name__ == "__main__":
    main()
