"""Cases of the adversarial stratum: what is no relative and is made to look like one, and relatives beside it (METHODS §17)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from itertools import product
from pathlib import Path

import numpy as np
import torch

from bench.build import TRUTH
from bench.corpus import WORK
from bench.framed_align import ALIGNERS, framed
from bench.network import forward
from bench.shapes import SHAPES, STD, Floats, initial, parameters, shape_of
from bench.training import course, train
from bench.truth import FRESH, base
from forebear.core.seeds import generator
from forebear.recipes.steps.compose import reparameterise
from forebear.recipes.steps.model import Model

MADE = WORK / "framed"
BASES = 4
"""Models of the truth set that strata are made towards: pairs of strangers take the others."""
PULLS = (3e-5, 1e-4, 1e-3)
MIXTURES = (50, 30, 10, 3)
SPARSE = ("2:4", "50", "75", "90", "97")
STITCHED = ("mlp", "attention", "layer 1", "layers 2 and 3", "embedding")
STAGES = (1, 3, 10, 25, 50, 100)
PUPIL_SEEDS = 170_000
OUTPUTS_KEPT = 1e-3
"""Largest change of a logit that counts as none, of logits between -20 and 20 in float32."""
INDEPENDENT, RELATED, PARTLY, PULLED, START = "independent", "related", "parts", "information of A", "shared start"
FORMULA, COURSE, SEEDED = "one formula", "one course", "seeded part"


@dataclass(frozen=True)
class Case:
    """One subject beside its candidate. make gives the subject's model; truth is what may be said of it.

    source: id of the model the subject comes from; framed: whether outputs must equal the source's.
    """

    name: str
    stratum: str
    truth: str
    source: str
    candidate: str
    make: Callable[[], Model]
    framed: bool = False

    @property
    def folder(self) -> Path:
        return MADE / self.name


@cache
def model(name: str) -> Model:
    """A model of the truth set."""
    return Model.load(TRUTH / name)


def _arrays(made: Model) -> dict[str, Floats]:
    return {n: np.array(a, dtype=np.float32) for n, a in made.arrays.items()}


def _like(made: Model, arrays: dict[str, Floats]) -> Model:
    return Model(arrays, made.config, made.tokenizer)


def trained(start: Model, shape: str, share: float, pull: tuple[Model, float] | None = None) -> Model:
    """A model trained on with other text; pull: towards the values of another, which may lack some of its tensors."""
    aim = None if pull is None else (_arrays(pull[0]), pull[1])
    after, _ = train(
        shape_of(dict(start.config)), _arrays(start), course(shape, share, text="other", order=1), pull=aim
    )
    return _like(start, after)


def _shape(name: str) -> str:
    return name.split("/")[0]


def _aligned(own: str, other: str, how: str, seed: int) -> Model:
    return _moved(lambda one, two: framed(one, two, how, seed), model(own), model(other))


def rewritten(made: Model, seed: int, how: str) -> Model:
    """A model after every move, or every permutation, that leaves its outputs. Raises: ValueError where no move applies."""
    after = _moved(lambda one: reparameterise(one, seed, how), made)
    if all(n in after.arrays and np.array_equal(after.arrays[n], a) for n, a in made.arrays.items()):
        raise ValueError(f"no move of {how!r} is known for {made.config['model_type']}")
    return after


def _moved(move: Callable[..., Model], *models: Model) -> Model:
    """A move of models; steps do not know a Gemma toy, so it goes through with its gains as they multiply."""
    if models[0].config["model_type"] != "gemma":
        return move(*models)
    made = move(*(_plain_gains(one) for one in models))
    return Model(_offset(made, -1), {**made.config, "model_type": "gemma"}, made.tokenizer)


def _plain_gains(made: Model) -> Model:
    """A Gemma toy as steps can move it, who do not know the family: gains as they multiply, not less one."""
    return Model(_offset(made, 1), {**made.config, "model_type": "llama"}, made.tokenizer)


def _offset(made: Model, by: float) -> dict[str, Floats]:
    return {n: a + np.float32(by) if n.endswith("norm.weight") else a for n, a in _arrays(made).items()}


def _aligned_then_trained(own: str, other: str, share: float, seed: int) -> Model:
    return trained(_aligned(own, other, ALIGNERS[-1], seed), _shape(own), share)


def _pulled(own: str, other: str, weight: float, seed: int) -> Model:
    start, aim = _aligned(own, other, ALIGNERS[-1], seed), folded(model(other))
    same = {n: a for n, a in aim.arrays.items() if n in start.arrays}
    return trained(start, _shape(own), 1.0, (Model(same, aim.config), weight))


def folded(made: Model) -> Model:
    """Gains folded as the aligners leave them, so that values of one tensor mean the same; a Gemma toy's too."""
    return _moved(lambda one: reparameterise(one, 0, ["gain-folding"]), made)


def _rewritten(own: str, how: str, seed: int) -> Model:
    return rewritten(model(own), seed, how)


def _trained_on(own: str, share: float) -> Model:
    return trained(model(own), _shape(own), share)


def _mixture(own: str, other: str, share: int) -> Model:
    a, b = _arrays(model(other)), _arrays(model(own))
    return _like(model(own), {n: (share * a[n] + (100 - share) * b[n]) / np.float32(100) for n in b})


def _stitched(own: str, other: str, what: str) -> Model:
    a, b = _arrays(model(other)), _arrays(model(own))
    return _like(model(own), {n: a[n] if _belongs(n, what) else b[n] for n in b})


def _masked(own: str, other: str, how: str) -> Model:
    return pruned(model(own), model(other), how)


def _frozen(shape: str, other: str, seed: int) -> Model:
    start = initial(SHAPES[shape], seed)
    table = next(name for name in start if "embed_tokens" in name or "wte" in name)
    start[table] = _arrays(model(other))[table]
    after, _ = train(SHAPES[shape], start, course(shape, 1.0, order=4), frozen=(table,))
    return _like(model(other), after)


def _seeded(shape: str, text: str, order: int, stage: int) -> Model:
    steps = max(1, round(course(shape).steps * stage / 100))
    after, _ = train(SHAPES[shape], initial(SHAPES[shape], 90_000), course(shape, text=text, order=order, stop=steps))
    return _like(model(base(shape, 0)), after)


def _strangers(shape: str, count: int) -> list[tuple[str, str]]:
    """(independent, candidate), each independent once; candidates are the bases in turn, of a base itself the next one."""
    there = sorted((TRUTH / shape).glob("independent-*"))
    numbers = [int(p.name[-3:]) for p in there if (p / "record.json").exists()]
    numbers = [n for n in numbers if n >= BASES] + [n for n in numbers if n < BASES]
    return [(base(shape, n), base(shape, (n + (n < BASES)) % BASES)) for n in numbers[:count]]


def independents(shape: str, count: int) -> Iterator[Case]:
    for own, other in _strangers(shape, count):
        yield Case(f"{own}-plain", "independent", INDEPENDENT, own, other, partial(model, own))


def aligned(shape: str, count: int, each: int = len(ALIGNERS)) -> Iterator[Case]:
    """Strangers by so many aligners each: the strongest always, the others in turn."""
    *others, strongest = ALIGNERS
    for seed, (own, other) in enumerate(_strangers(shape, count)):
        turn = [others[(seed * (each - 1) + k) % len(others)] for k in range(each - 1)]
        for how in (*turn, strongest):
            make = partial(_aligned, own, other, how, seed)
            yield Case(f"{own}-{how}", f"framed, {how}", INDEPENDENT, own, other, make, framed=True)


def trained_after(shape: str, count: int) -> Iterator[Case]:
    """Strangers by the strongest aligner, trained further."""
    for seed, (own, other) in enumerate(_strangers(shape, count)):
        for word, share in (("quarter", 0.25), ("one", 1.0)):
            make = partial(_aligned_then_trained, own, other, share, seed)
            yield Case(f"{own}-{ALIGNERS[-1]}-then-{word}", f"framed, then {share:g}x", INDEPENDENT, own, other, make)


def pulled(shape: str, count: int) -> Iterator[Case]:
    """Strangers by the strongest aligner, trained further with a penalty towards the candidate."""
    for seed, (own, other) in enumerate(_strangers(shape, count)):
        for weight in PULLS:
            make = partial(_pulled, own, other, weight, seed)
            yield Case(f"{own}-pulled-{weight:g}", f"pulled, {weight:g}", PULLED, own, other, make)


def relatives(shape: str) -> Iterator[Case]:
    """Further trained, plain, permuted and rewritten; as they were, permuted and rewritten only."""
    for n in range(BASES):
        for how in ("permutations", "all"):
            own = base(shape, n)
            yield Case(f"{own}-{how}", f"further 0x, {how}", RELATED, own, own, partial(_rewritten, own, how, n))
        for word, share in (("quarter", 0.25), ("one", 1.0), ("four", 4.0)):
            own = f"{shape}/further-{n}-other-{word}"
            if (TRUTH / own / "record.json").exists():
                yield Case(
                    f"{own}-plain", f"further {share:g}x, plain", RELATED, own, base(shape, n), partial(model, own)
                )
                for how in ("permutations", "all"):
                    make = partial(_rewritten, own, how, n)
                    yield Case(f"{own}-{how}", f"further {share:g}x, {how}", RELATED, own, base(shape, n), make)


def worn(shape: str) -> Iterator[Case]:
    """Trained on for longer than any other relative."""
    for n, share in ((0, 8.0), (1, 8.0), (0, 16.0)):
        yield Case(
            f"{shape}/further-{n}-other-{share:g}x", f"further {share:g}x, plain", RELATED, base(shape, n), base(shape, n),
            partial(_trained_on, base(shape, n), share),
        )  # fmt: skip


def mixed(shape: str, count: int) -> Iterator[Case]:
    """A share of the candidate, the rest an independent."""
    for own, other in _strangers(shape, count):
        for share in MIXTURES:
            make = partial(_mixture, own, other, share)
            yield Case(f"{own}-mixture-{share}", f"mixture, {share} %", PARTLY, own, other, make)


def stitched(shape: str, count: int) -> Iterator[Case]:
    """Parts of the candidate in an independent."""
    for own, other in _strangers(shape, count):
        for what in STITCHED:
            make = partial(_stitched, own, other, what)
            yield Case(f"{own}-stitched-{what}", f"stitched, {what}", PARTLY, own, other, make)


def _belongs(name: str, what: str) -> bool:
    if what.startswith("layer"):
        return any(f".{n}." in name.split("experts")[0] for n in (what.split()[1::2]))
    words = {
        "mlp": (".mlp.", "block_sparse_moe", "post_attention_layernorm", ".ln_2."),
        "attention": ("self_attn", ".attn.", "input_layernorm", ".ln_1."),
        "embedding": ("embed_tokens", "wte"),
    }
    return any(word in name for word in words[what])


def masked(shape: str, count: int) -> Iterator[Case]:
    """Two strangers pruned by one mask, that of the candidate's sizes; the candidate is pruned too."""
    for own, other in _strangers(shape, count):
        for how in SPARSE:
            yield Case(
                f"{own}-mask-{how.replace(':', 'of')}", f"one mask, {how}", INDEPENDENT, own, f"{other}@{how}",
                partial(_masked, own, other, how),
            )  # fmt: skip


def pruned(made: Model, judge: Model, how: str) -> Model:
    """Matrices of the layers with the entries zero that are small in another model: 2 of each 4, or so many per cent."""
    out = _arrays(made)
    for name, array in out.items():
        if array.ndim == 2 and (".layers." in name or ".h." in name):
            size = np.abs(np.asarray(judge.arrays[name]))
            if how == "2:4":
                fours = size.reshape(-1, 4)
                kept = (np.argsort(np.argsort(fours, axis=1), axis=1) >= 2).reshape(size.shape)
            else:
                kept = size >= np.quantile(size, int(how) / 100)
            out[name] = array * kept
    return _like(made, out)


def ruled(shape: str, count: int) -> Iterator[Case]:
    """Two models from one deterministic start (waves, no random number), on other text and in another order."""
    for n in range(count):
        for side, text in (("a", "main"), ("b", "other")):
            made = f"{shape}/ruled-{n}-{side}"
            if side == "b":
                yield Case(
                    made, "one deterministic start", START, made, f"{MADE}/{shape}/ruled-{n}-a",
                    partial(_ruled, shape, text, 20 + n),
                )  # fmt: skip
            else:
                yield Case(made, "one deterministic start, the other model", INDEPENDENT, made, base(shape, 0),
                           partial(_ruled, shape, text, 10 + n))  # fmt: skip


def _ruled(shape: str, text: str, order: int) -> Model:
    start: dict[str, Floats] = {}
    for place, (name, (dims, kind)) in enumerate(parameters(SHAPES[shape]).items()):
        if kind in ("ones", "zeros"):
            start[name] = np.full(dims, float(kind == "ones"), dtype=np.float32)
        else:
            i, j = np.meshgrid(*(np.arange(1, n + 1) for n in dims), indexing="ij")
            start[name] = (STD * np.sqrt(2) * np.sin(i * j * 0.618034 + i * 1.9 + j * 0.7 + place)).astype(np.float32)
    after, _ = train(SHAPES[shape], start, course(shape, 1.0, text=text, order=order))
    return _like(model(base(shape, 0)), after)


def frozen(shape: str, count: int) -> Iterator[Case]:
    """The candidate's embedding kept as it is, all else from a seed of its own."""
    for n, (_, other) in enumerate(_strangers(shape, count)):
        make = partial(_frozen, shape, other, 80_000 + n)
        yield Case(f"{shape}/frozen-embedding-{n}", "one frozen embedding", PARTLY, "", other, make)


def one_seed(shape: str) -> Iterator[Case]:
    """One seed on two texts, stopped at so many per cent of training: the candidate from the same start."""
    for stage in STAGES:
        a, b = f"{shape}/one-seed-a-{stage}", f"{shape}/one-seed-b-{stage}"
        other = partial(_seeded, shape, "main", 0, stage)
        yield Case(a, "one seed, the other model", INDEPENDENT, a, base(shape, 0), other)
        yield Case(b, f"one seed, {stage} %", START, b, f"{MADE}/{a}", partial(_seeded, shape, "other", 2, stage))


def pupils(shape: str, count: int) -> Iterator[Case]:
    """Students with a seed of their own: of a base's token probabilities, of its last hidden states besides the text."""
    for n, word in product(range(count), ("logits", "hidden", "hidden-states-above-all")):
        own, other = f"{shape}/pupil-{word}-{n}", base(shape, n % BASES)
        yield Case(
            own, f"student, {word}", INDEPENDENT, "", other, partial(_pupil, shape, other, word, PUPIL_SEEDS + n)
        )


def _pupil(shape: str, other: str, word: str, seed: int) -> Model:
    how, teacher = course(shape, teacher=word, order=3), (_arrays(model(other)), SHAPES[shape])
    after, _ = train(SHAPES[shape], initial(SHAPES[shape], seed), how, teacher)
    return _like(model(other), after)


def taught(shape: str) -> Iterator[Case]:
    """Students of the truth set: token probabilities, hidden states."""
    for folder in sorted((TRUTH / shape).glob("student-*")):
        own = f"{shape}/{folder.name}"
        what = folder.name.removeprefix("student-").rsplit("-", 1)[0]
        other, make = base(shape, int(folder.name[-1]) % 3), partial(model, own)
        yield Case(f"{own}-plain", f"student, {what}", INDEPENDENT, own, other, make)


def cases(shape: str, count: int, few: int, each: int = len(ALIGNERS)) -> Iterator[Case]:
    """Every stratum. count: strangers that are aligned, by so many aligners each; few: of strata that train or only shift a
    figure."""
    yield from relatives(shape)
    yield from independents(shape, few)
    yield from aligned(shape, count, each)
    yield from mixed(shape, few)
    yield from stitched(shape, few)
    yield from masked(shape, few)
    yield from one_seed(shape)
    yield from taught(shape)
    yield from pupils(shape, min(few, 2) if shape in FRESH else 0)
    yield from trained_after(shape, few)
    yield from pulled(shape, few)
    yield from frozen(shape, min(few, 3))
    yield from ruled(shape, 1)
    yield from worn(shape)


def candidate_of(case: Case) -> Model:
    """The candidate: of the truth set, one that another case made, or one pruned ("name@how")."""
    if "@" in case.candidate:
        name, how = case.candidate.split("@")
        return pruned(model(name), model(name), how)
    return Model.load(case.candidate) if case.candidate.startswith(str(MADE)) else model(case.candidate)


def subject_of(case: Case) -> Model:
    """The subject, made once. Raises: AssertionError where an aligner changed the outputs."""
    if (case.folder / "model.safetensors").exists():
        return Model.load(case.folder)
    made = case.make()
    if case.framed:
        changed = output_change(made, model(case.source))
        assert changed <= OUTPUTS_KEPT, f"{case.name} changed a logit by {changed}"
    if case.stratum != "independent" and not case.name.endswith("-plain"):
        made.save(case.folder)
    return made


def output_change(one: Model, other: Model) -> float:
    """Largest difference of a logit over random tokens."""
    tokens = torch.from_numpy(generator("bench/framed/tokens").integers(0, SHAPES["llama64"].vocabulary, (2, 32)))
    both = [
        forward({n: torch.from_numpy(a) for n, a in _arrays(m).items()}, shape_of(dict(m.config)), tokens)
        for m in (one, other)
    ]
    return float((both[0] - both[1]).abs().max())
