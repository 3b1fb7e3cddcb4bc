"""Null audit of gauge rules on small models of the classes that publish a family (METHODS §9, §13).

    python -m bench.family_audit --case gemma2 --models 5 -o FILE

Independents of one class from other seeds on one text; every ordered pair, the subject rewritten by everything that its
definition says leaves the outputs; the same aligned to the candidate by the joint aligner; copies and further trained relatives,
rewritten. Everything follows from the definition of the family ([norms], axes), so a rule is audited with what it claims.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

import forebear
from bench.build import TRUTH
from bench.checkpoint import kept_rows, replace_json
from bench.corpus import TOKENIZER, VOCABULARY, WORK, stream, unigram_entropy
from bench.family_moves import Arrays, Made, framed, permuted, plain, rewritten
from bench.framed_verb import ACCUSES
from bench.provenance import code, provenance
from bench.shapes import SHAPES
from bench.training import MARGIN_NATS, Course, batches, rate, single_thread
from bench.truth import base
from tests.protocols.families import CASES, Case
from tests.protocols.proof import load

MADE = WORK / "families"
FIRST_SEED = 230_000
SIZES: dict[str, int] = {
    **dict.fromkeys(("hidden_size", "n_embd", "d_model", "dim"), 64),
    **dict.fromkeys(("intermediate_size", "n_inner", "ffn_dim", "hidden_dim"), 176),
    **dict.fromkeys(("num_hidden_layers", "n_layer", "n_layers", "num_layers"), 4),
    **dict.fromkeys(("num_attention_heads", "n_head", "n_heads", "num_heads"), 4),
    **dict.fromkeys(("max_position_embeddings", "n_positions", "max_seq_len"), 64),
    "vocab_size": VOCABULARY, "head_dim": 16,
}  # fmt: skip
"""Configuration key -> value, in place of that of the proof, where the proof states the key."""
SPREAD = 0.06
COURSE = Course(220, peak_rate=1e-2, warm_up=20)
SLOWER: dict[str, Course] = {
    name: Course(320, peak_rate=5e-3, warm_up=40) for name in ("olmo2", "stablelm", "nemotron", "olmo")
} | {"cohere": Course(640, peak_rate=1e-2, warm_up=40), "glm4": Course(480, peak_rate=5e-3, warm_up=40)}
"""Cases that have not learnt by then; chosen on their first model, before any pair was compared."""
INDEPENDENT, RELATED = "independent", "related"
MOVES: dict[str, Any] = {"": rewritten, ", permuted": permuted, ", plain": plain}
"""How a further trained model is stored: after every move, in another order alone, as it is."""
SEEDS = {"independents": f"{FIRST_SEED} and on, in the order of their numbers", "moves": "the number of the subject"}
KEPT = 1e-3
"""Largest change of a logit, as a share of their spread, that counts as none in float32."""


@cache
def case_of(name: str) -> Case:
    """The proof of that name; of a shape of the bench, the proof of its family. Raises: KeyError."""
    return {case.name: case for case in CASES}[SHAPES[name].family if name in SHAPES else name]


def fresh(case: Case, seed: int) -> Any:
    """A model of the class with initial values that follow from the seed."""
    import transformers

    transformers.utils.logging.disable_progress_bar()
    torch.manual_seed(seed)
    settings = {key: SIZES.get(key, value) for key, value in case.settings.items()}
    config = getattr(transformers, case.config)(**settings)
    if hasattr(config, "initializer_range"):
        config.initializer_range = SPREAD
    return getattr(transformers, case.model)(config)


def learn(model: Any, course: Course, context: int = 64) -> float:
    """Train in place; the loss on held-out text, nats a token."""
    single_thread()
    model.train()
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [{"params": [p for p in parameters if (p.dim() > 1) is wide], "weight_decay": 0.05 * wide} for wide in (True, False)]
    optimiser = torch.optim.AdamW(groups, lr=course.peak_rate, betas=(0.9, 0.95))
    for step, windows in enumerate(batches(course, context)):
        for group in optimiser.param_groups:
            group["lr"] = rate(course, step)
        optimiser.zero_grad(set_to_none=True)
        _loss(model, windows).backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
    model.eval()
    tokens = stream(course.text, "held-out")
    starts = np.linspace(0, len(tokens) - context - 2, 64).astype(np.int64)
    with torch.no_grad():
        return float(_loss(model, torch.from_numpy(tokens[starts[:, None] + np.arange(context + 1)])))


def _loss(model: Any, windows: Any) -> Any:
    logits = model(input_ids=windows[:, :-1], use_cache=False).logits
    return F.cross_entropy(logits.flatten(0, 1), windows[:, 1:].flatten())


def trained(name: str, number: int) -> Path:
    """The folder of one independent; made the first time, those of the bench's shapes by `python -m bench build`.

    Raises: ValueError where it has not learnt.
    """
    if name in SHAPES:
        return TRUTH / base(name, number)
    folder = MADE / name.replace(" ", "-") / f"independent-{number}"
    if not (folder / "tokenizer.json").exists():
        model = fresh(case_of(name), FIRST_SEED + number)
        loss = learn(model, SLOWER.get(name, COURSE))
        floor = unigram_entropy(stream("main", "held-out")) - MARGIN_NATS
        print(f"{name} {number}: loss {loss:.3f}, to be below {floor:.3f}", file=sys.stderr, flush=True)
        if loss > floor:
            raise ValueError(f"{name} {number} has not learnt: {loss:.3f}, {floor:.3f} is asked for")
        _keep(model, folder)
    return folder


def further(name: str, number: int) -> Path:
    """The same trained on with other text for as long again."""
    if name in SHAPES:
        return TRUTH / name / f"further-{number}-other-one"
    folder = MADE / name.replace(" ", "-") / f"further-{number}"
    if not (folder / "tokenizer.json").exists():
        model = load(case_of(name), trained(name, number)).float()
        learn(model, replace(SLOWER.get(name, COURSE), text="other", order=1))
        _keep(model, folder)
    return folder


def _keep(model: Any, folder: Path) -> None:
    model.save_pretrained(folder)
    (folder / "tokenizer.json").write_bytes(TOKENIZER.read_bytes())


def written(arrays: Arrays, config: dict[str, Any], folder: Path) -> Path:
    """A checkpoint folder."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    whole = {name: np.ascontiguousarray(array, dtype=np.float32) for name, array in arrays.items()}
    save_file(whole, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_bytes(TOKENIZER.read_bytes())
    return folder


def outputs_moved(case: Case, before: Path, after: Path) -> float:
    """Largest change of a logit, as a share of their spread."""
    tokens = torch.from_numpy(stream("main", "held-out")[:64][None].astype(np.int64))
    with torch.no_grad():
        one, other = (load(case, folder)(input_ids=tokens).logits.double().numpy() for folder in (before, after))
    return float(np.abs(one - other).max() / one.std())


def pairs(name: str, count: int) -> Iterator[tuple[str, str, str, Any, Path]]:
    """(row, stratum, truth, how the subject is made, candidate); relatives first."""
    own = [trained(name, n) for n in range(count)]
    for n in range(count):
        yield f"{name}, copy {n}", "copy, rewritten", RELATED, partial(rewritten, own[n], n), own[n]
    for n in range(min(2, count)):
        if name not in SHAPES or further(name, n).exists():
            for word, move in MOVES.items():
                stratum, made = f"further 1x{word or ', rewritten'}", partial(_further, name, n, move)
                yield f"{name}, further {n}{word}", stratum, RELATED, made, own[n]
    for a, b in permutations(range(count), 2):
        yield f"{name}, {a} on {b}", "independent, rewritten", INDEPENDENT, partial(rewritten, own[a], a), own[b]
    for a in range(count):
        b = (a + 1) % count
        near = partial(framed, own[a], own[b], a * count + b, cooled=True)
        yield f"{name}, {a} cooled towards {b}", "framed, cooled", INDEPENDENT, near, own[b]


def _further(name: str, number: int, move: Any) -> Made:
    made: Made = move(further(name, number), number)
    return made


def said(name: str, row: str, stratum: str, truth: str, make: Any, candidate: Path) -> dict[str, Any]:
    """One row: what the public verb says, and the figures of both views and of strength."""
    folder = MADE / "subjects" / row.replace(" ", "-").replace(",", "")
    arrays, config, source = make()
    written(arrays, config, folder)
    moved = outputs_moved(case_of(name), source, folder) if " 0" in row else None
    if moved is not None and moved > KEPT:
        raise ValueError(f"{row}: outputs moved by {moved:.2g}")
    began = time.process_time()
    document = forebear.compare(folder, candidate)
    views: dict[str, Any] = next((e for e in document["evidence"] if e["test"] == "two-views"), {})
    strong: dict[str, Any] = next((e for e in document["evidence"] if e["test"] == "strength"), {})
    return {
        "name": row, "case": name, "family": case_of(name).family, "stratum": stratum, "truth": truth,
        "relation": document["verdict"]["relation"], "log10_p": document["verdict"]["log10_p"],
        **{key: views.get(key) for key in ("matched", "of", "decides")}, "ratio": strong.get("ratio"),
        "outputs_moved": moved, "seconds": round(time.process_time() - began, 2),
    }  # fmt: skip


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """By case and stratum: relations, the most neurons that agree, the range of s / c; independents that were accused."""
    table: dict[str, Any] = {}
    for case, stratum in dict.fromkeys((r["case"], r["stratum"]) for r in rows):
        own = [r for r in rows if (r["case"], r["stratum"]) == (case, stratum)]
        ratios = [r["ratio"] for r in own if r["ratio"] is not None]
        relations = {word: sum(r["relation"] == word for r in own) for word in sorted({r["relation"] for r in own})}
        table.setdefault(case, {})[stratum] = {
            "relations": relations, "most_matched": max((r["matched"] or 0 for r in own), default=0),
            "of": max((r["of"] or 0 for r in own), default=0), "ratio": [min(ratios), max(ratios)] if ratios else None,
        }  # fmt: skip
    independent = [r for r in rows if r["truth"] == INDEPENDENT]
    return {
        "cases": table, "independents": len(independent),
        "accused": [r["name"] for r in independent if r["relation"] in ACCUSES],
        "missed": [r["name"] for r in rows if r["truth"] == RELATED and r["relation"] not in ("related", "identical")],
    }  # fmt: skip


def main() -> None:
    """Some cases, one document; rows are kept as they come, those that are there are not made again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", action="append", required=True, help="a proof of tests/protocols/families.py; repeatable")
    parser.add_argument("--models", type=int, default=5)
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    made_by = code()
    rows = kept_rows(options.output)
    for name in options.case:
        there = {row["name"] for row in rows}
        for row, *rest in pairs(name, options.models):
            if row not in there:
                rows.append(said(name, row, *rest) | {"code": made_by["forebear"]})
                told = (rows[-1][k] for k in ("name", "relation", "matched", "of", "ratio", "seconds"))
                print(*told, file=sys.stderr, flush=True)
                head = provenance("families", SEEDS, made_by)
                whole = {"schema": "forebear-bench/family-audit/1", **head, "summary": summary(rows), "rows": rows}
                replace_json(options.output, whole)


if __name__ == "__main__":
    main()
